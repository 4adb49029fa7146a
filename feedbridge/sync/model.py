"""What the sync room speaks of: rows of the ledger, changes of a plan, counts of a run."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = ["Change", "Difference", "Operation", "OPERATIONS", "PlanHeader", "Row", "State", "TargetPlan"]

State = Literal["sent", "failed", "unknown", "deleted"]
"""Of an item in a place. ``sent``: the platform took what ``hash`` says. ``failed``: it refused the last try (``hash`` is
what it took before, empty when it never took any). ``unknown``: a call was made and its outcome is not known.
``deleted``: it took the deletion."""

Operation = Literal["delete", "replace", "settle", "update", "create", "keep", "held", "refused"]
"""In the order they are carried out; the last three send nothing.

``settle``   the outcome of an earlier call is not known: find out, and bring it to what the feed says
``keep``     gone from the feed, and left where it is (``reconcile: partial``, grace runs, damaged rows, by hand)
``held``     in the feed, but held back: what the platform has stays as it is
``refused``  changed in a way the platform cannot follow
"""
OPERATIONS: tuple[Operation, ...] = ("delete", "replace", "settle", "update", "create", "keep", "held", "refused")
SENDING = frozenset({"delete", "replace", "settle", "update", "create"})


class Row(msgspec.Struct, frozen=True):
    """One item in the ledger.

    ``key``          the platform's name of it             ``sku``      of the product it was made from
    ``hash``         of what the platform took last; empty: nothing (SHA-256 of body and files)
    ``action``       what was tried last: create, update, delete
    ``tried``        hash of what was tried last
    ``platform_id``  the platform's own id, where known
    ``missing``      runs in a row in which the feed lacked it
    ``mapping``      digest of the mapping its last accepted body was made with
    ``message``      the platform's words, when it failed
    """

    key: str
    sku: str
    hash: bytes
    state: State
    action: str = ""
    tried: bytes = b""
    platform_id: str = ""
    missing: int = 0
    mapping: str = ""
    message: str = ""

    @property
    def present(self) -> bool:
        """Whether the platform is known to have it."""
        return bool(self.hash) and self.state != "deleted"


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that differs: ``path`` as ``variants[TEE-S].price``; None stands for a field that is not there."""

    path: str
    before: Any = None
    after: Any = None


class Change(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One line of a plan: an item that is not as the feed says, or that cannot be made so.

    ``reason``  ``new`` · ``field price changed`` · ``gone from the feed`` · ``now a draft`` · ``parent changed`` …
    ``body``    the payload's text, for what is sent (of a delete: what the platform has)
    ``files``   (source, target, sha256) of what goes beside it
    """

    target: str
    op: Operation
    key: str
    sku: str
    reason: str
    differences: list[Difference] = []
    file: str = ""
    line: int = 0
    title: str = ""
    message: str = ""
    mend: str = ""
    code: str = ""
    hash: str = ""
    platform_id: str = ""
    unsure: str = ""
    """What was tried last (create, update, delete), when its outcome is not known."""
    missing: int = 0
    """With ``keep``: runs in a row in which the feed lacked it."""
    note: str = ""
    """What of the change another target brings there."""
    unchecked: bool = False
    """The platform could not be asked whether it has what this names: it is asked before this is sent."""
    body: str = ""
    files: list[tuple[str, str, str]] = []


class TargetPlan(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a plan says of one target.

    ``generation``  of the target's ledger when the plan was made: it grows with every change
    ``counts``      operation -> items; ``unchanged`` too
    ``products``    read, excluded, held_back: products of the feed, as ``convert`` counts them
    ``holds``       why a guard holds the run: (guard, what it found, how to go on)
    ``present``     items the platform had before
    ``back``        items that the feed lacked for a while and has again; ``gone`` those that never were on the platform
                    and are no longer in the feed
    ``pending``     items that are tried again at the next run though the feed does not change
    ``waiting``     items that are sent but for a part, which waits
    ``no_id``       items that wait until the platform's id of them is known; ``no_id_first``: the first of them
    """

    name: str
    platform: str
    place: str
    generation: int
    counts: dict[str, int]
    products: dict[str, int]
    present: int = 0
    holds: list[tuple[str, str, str]] = []
    deletes: str = "delete"
    back: list[str] = []
    gone: list[str] = []
    pending: int = 0
    waiting: int = 0
    no_id: int = 0
    no_id_first: list[str] = []


class PlanHeader(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The first line of a plan file (JSON Lines); each further line is one Change, in the order of OPERATIONS."""

    feedbridge_plan: int = 1
    tool: str
    job: str
    job_file: str
    job_digest: str
    run: str
    made: str
    """UTC, ISO 8601."""
    sources: list[tuple[str, str]]
    """(path, sha256) of every file that was read."""
    mappings: list[str]
    """Digests."""
    targets: list[TargetPlan]
    holds: list[tuple[str, str, str]] = []
    """Why a guard holds the whole run."""
    replay: bool = False
    """Made from mended quarantine files: what the feed lacks is not gone."""
    findings: dict[str, int] = {}
    """Finding code -> how many."""
    errors: int = 0
    """Findings that hold something back."""
    inputs: str = ""
    """Of all that decides what is sent, content files aside: a plan is carried out only while it is the same."""
    files: int = 0
    """Files that were read."""
    fingerprint: str = ""
    """Of all that decides what is sent: sources, mapping, settings, version."""
    columns: list[str] = []
    """Columns of the sources that the mapping uses."""
    quarantine: str = ""
    """Folder with the held-back records, in the sources' own shape."""
    whole: bool = False
    """Whether the feed is the whole catalogue: what it lacks is gone."""
