"""What goes into the ledger and comes out of it: jobs, targets, runs, calls, held products, alerts as plain rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from feedbridge.sync.ledger_values import short, whole
from feedbridge.sync.model import State

__all__ = ["AlertRow", "BatchRow", "HeldRow", "Intent", "JobRow", "Outcome", "RunRow", "TargetRow"]


class JobRow(msgspec.Struct, frozen=True):
    """A job. ``columns`` and ``digest``: what its last complete run knew."""

    id: int
    name: str
    file: str
    columns: list[str] = []
    digest: str = ""


class TargetRow(msgspec.Struct, frozen=True):
    """A target in one place.

    ``generation``  grows with every change of its items
    ``settled``     fingerprint of what it was last brought to; empty when its items have changed since
    ``elsewhere``   (place, items) of the same target that other places still have
    """

    id: int
    job_id: int
    name: str
    platform: str
    place: str
    generation: int
    settled: str
    elsewhere: list[tuple[str, int]] = []


class RunRow(msgspec.Struct, frozen=True):
    """A run. ``status`` is None while it is under way (``running``), and for good when it died."""

    id: str
    job: str
    kind: str
    started: datetime
    finished: datetime | None
    status: int | None
    counts: dict[str, Any]
    who: str
    host: str
    pid: int
    version: str
    mappings: list[str]
    message: str
    notes: dict[str, Any] = {}
    running: bool = False


class Intent(msgspec.Struct, frozen=True):
    """One item of a call about to be made. ``tried``: hash of what it will have; ``mapping``: what it was made with.

    ``body``  what the platform may have from now on; empty leaves what is known
    """

    key: str
    sku: str
    tried: bytes = b""
    mapping: str = ""
    body: bytes = b""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one item of a call.

    ``untried``  nothing was sent: the item is again what it was before
    ``body``, ``files``  what the platform has now; None leaves what is known, for ``deleted`` nothing. A ``body`` with
                         ``deleted`` is that of an item that was switched off
    """

    key: str
    state: State | Literal["untried"]
    hash: bytes = b""
    body: bytes | None = None
    files: dict[str, str] | None = None
    platform_id: str = ""
    message: str = ""


class BatchRow(msgspec.Struct, frozen=True):
    """A call of which no outcome was written."""

    id: str
    target_id: int
    run: str
    action: str
    started: datetime
    keys: list[str]


class HeldRow(msgspec.Struct, frozen=True):
    """A product that was held back. The ledger fills what comes after ``line``.

    ``how``   ``fixed by the source`` · ``replayed`` · ``gone from the feed``; empty while it is held
    ``name``  by this it is known from run to run
    """

    sku: str
    codes: str
    problem: str
    mend: str = ""
    file: str = ""
    line: int = 0
    since: datetime | None = None
    since_run: str = ""
    last_run: str = ""
    closed: datetime | None = None
    closed_run: str = ""
    how: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "name", short(whole(self.name or self.sku or f"{self.file}:{self.line}")))


class AlertRow(msgspec.Struct, frozen=True):
    """A problem that goes on. ``told``: when a person was told; None when that did not succeed yet."""

    problem: str
    since: datetime
    told: datetime | None
    run: str = ""
    message: str = ""
