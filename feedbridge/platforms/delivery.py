"""Delivery: what the sync knows of a platform's way to take products. The rest is the platform's own affair.

A delivery turns a converted product into **items** (what the platform calls one product: a Flipsnack product with its
variants, one Magento entry, one FlickRocket folder), says whether and how an item that changed can be changed there,
puts items into calls, makes a call, and says what came of it. It keeps no state, never waits, never tries again: the
sync does (feedbridge/sync/), because only it knows what was written down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from feedbridge.errors import CommandError
from feedbridge.platforms.base import FileUse, Outcome

__all__ = [
    "SANDBOX", "sandbox_base",
    "Action", "Answer", "Delivery", "DeliverySettings", "Item", "Parcel", "Rate", "Reach", "Verdict", "Way",
]

Action = Literal["create", "update", "delete"]
"""The three things a call can do. On a platform that ``upserts``, create and update are the same call."""


class Item(msgspec.Struct, frozen=True):
    """What the platform calls one product.

    ``key``    its name there: Flipsnack ``code``, Magento id, FlickRocket folder's SKU; exact, with its case
    ``body``   the payload as it is sent or written, the same bytes for the same product
    ``files``  what goes beside it
    """

    key: str
    body: bytes
    files: tuple[FileUse, ...] = ()


class Parcel(msgspec.Struct, frozen=True):
    """One item on its way.

    ``body``         what the platform is to have; of a delete, what it has (as far as is known)
    ``before``       the body it took last; empty when it never took one
    ``platform_id``  the platform's own id, where it has told one
    ``changed``      targets of the files that differ from those it took last (all of them for a create)
    ``unchecked``    ``ready`` could not ask the platform when the plan was made: it is asked before this is sent
    """

    key: str
    body: bytes = b""
    before: bytes = b""
    platform_id: str = ""
    files: tuple[FileUse, ...] = ()
    changed: frozenset[str] = frozenset()
    unchecked: bool = False


class Way(msgspec.Struct, frozen=True):
    """How a changed item is brought to the platform.

    ``same``     nothing to send: the difference does not reach the platform
    ``update``   one update call
    ``replace``  a delete and a create: an update cannot take away what is no longer there
    ``refused``  it cannot be done; ``message`` and ``mend`` say why (an error of the product)
    ``message``  with ``update``: what an update leaves as it was, to be told as a warning
    """

    how: Literal["same", "update", "replace", "refused"]
    message: str = ""
    mend: str = ""
    code: str = ""
    """Finding code of a refusal or warning, as ``flickrocket.K8``."""
    note: str = ""
    """What of the change goes another way, and by which target: nothing to worry about."""
    waits: bool = False
    """A part of the change is not sent, and stays known as not sent: it is told again every run."""
    unchecked: bool = False
    """Of ``ready``: the platform could not be asked."""


class Reach(StrEnum):
    """How far a call came.

    ``answered``  the platform answered item by item (``Answer.items``)
    ``refused``   it refused the whole call for what is in it, and took nothing; ``Answer.items`` has those that are to blame,
                  when it names them, else one of them may be
    ``wait``      it took nothing and asks to come again later (too many calls, maintenance)
    ``stop``      it took nothing, and no call will be taken (wrong key, wrong signature, wrong address)
    ``unknown``   it may or may not have acted: the connection died, the answer cannot be read
    ``unsent``    nothing left this machine, or no connection was made (no network, TLS error)
    """

    ANSWERED = "answered"
    REFUSED = "refused"
    WAIT = "wait"
    STOP = "stop"
    UNKNOWN = "unknown"
    UNSENT = "unsent"


class Verdict(msgspec.Struct, frozen=True):
    """What the platform says of one item: ``taken``, ``failed`` (it did not take it), or ``unknown``."""

    state: Literal["taken", "failed", "unknown"]
    message: str = ""
    platform_id: str = ""
    partly: bool = False
    """Of ``taken``: the platform has nothing of what this target does not send."""


class Answer(msgspec.Struct, frozen=True):
    """What came of a call. ``answered``: ``items`` has every key that was sent.

    ``message``       the platform's own words, or what happened to the connection; never a secret
    ``mend``          what a person can do
    ``wait_seconds``  with ``wait``: how long it asks to wait; None when it does not say
    ``notes``         what else it said (answers to things that were not sent …), for the log
    """

    reach: Reach
    items: dict[str, Verdict] = msgspec.field(default_factory=dict)
    message: str = ""
    mend: str = ""
    wait_seconds: float | None = None
    notes: tuple[str, ...] = ()
    http_status: int | None = None
    called: bool = True
    """Whether anything was asked of the platform: what cannot be sent at all is answered without."""


class Rate(BaseModel):
    """Most calls in any second and in any minute; 0 is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_second: float = Field(default=0, ge=0)
    per_minute: float = Field(default=0, ge=0)


class DeliverySettings(BaseModel):
    """What a job's target says about delivery, whatever the platform; platforms add their own.

    ``endpoint`` is https; plain http only to this machine itself (loopback).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: ClassVar[tuple[str, ...]] = ()
    """Variables of the environment that the platform's keys come from."""
    id_pattern: ClassVar[str] = r".+"
    """What the platform's own ids look like."""
    own_address: ClassVar[bool] = False
    """Everybody has this platform at an address of their own: ``endpoint`` must be said."""

    endpoint: str | None = None
    """Where calls go; None: the platform's documented address."""
    sandbox: bool = False
    """Deliver to ``feedbridge sandbox`` on this machine instead, with the sandbox's own keys."""
    rate: Rate | Literal["off"] | None = None
    """None: the platform's own careful default. ``off`` is for loopback only."""
    connect_seconds: float = Field(default=10, gt=0, le=300)
    """Longest wait for a connection."""
    answer_seconds: float = Field(default=120, gt=0, le=3600)
    """Longest silence of the platform while it answers."""
    patience_seconds: float = Field(default=5400, ge=0, le=86400)
    """Longest time a run waits in a row for a platform that asks to come again later (maintenance, too many calls)."""

    def needed_keys(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """The variables that this target needs. ``settings``: the platform's, as they are given. None in the sandbox."""
        return () if self.sandbox else self.keys

    @field_validator("endpoint")
    @classmethod
    def _checked(cls, endpoint: str | None) -> str | None:
        return endpoint if endpoint is None else usable_endpoint(endpoint)


def usable_endpoint(endpoint: str) -> str:
    """The endpoint, when it is https, or http to loopback. Raises ValueError."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError as exc:
        raise ValueError(f'"{endpoint}" is no address') from exc
    if parts.username or parts.password:
        raise ValueError("an address must not hold a login: keys come from the environment")
    if parts.scheme == "https" and host:
        return endpoint
    if parts.scheme == "http" and is_loopback(host):
        return endpoint
    raise ValueError("the address must begin with https:// (http:// only for this machine itself)")


SANDBOX = "http://127.0.0.1:8765"
"""Where ``feedbridge sandbox`` is unless FEEDBRIDGE_SANDBOX_URL says otherwise."""


def sandbox_base(environment: Mapping[str, str], where: str, code: str) -> str:
    """The sandbox's address without a slash at its end. Raises CommandError when it is not on this machine."""
    from urllib.parse import urlsplit

    base = environment.get("FEEDBRIDGE_SANDBOX_URL") or SANDBOX
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and is_loopback(parts.hostname or "") and parts.port != 0
        usable = usable and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        raise CommandError(
            "FEEDBRIDGE_SANDBOX_URL is no address on this machine", where=where, code=code,
            mend=f"set it to what feedbridge sandbox prints, as {SANDBOX}",
        )
    return base.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself: localhost, 127.0.0.0/8, ::1.

    >>> is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("127.0.0.1.example.com")
    (True, True, False)
    """
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Delivery(Protocol):
    """One target's way to its platform; made once a run. Raises CommandError when made with wrong settings or without
    keys.

    A delivery that has these, too, is asked:

    ``beside(others, ids)``   told of the job's other targets of its platform, by name, and of the ids they know
    ``fresh(parcel)``         what becomes of an item that the ledger does not have: create, update, or left; and its Way
    ``part(parcel)``          the parcel with only what this target sends of it: the plan shows differences of that
    ``ready(parcel)``         of what is to be sent, without ``before`` for all of it: an update, or refused by what the
                              platform has; never raises for the platform
    ``has(parcel, verdict)``  what the platform has of an item it took, when that is not all: the body to be written down,
                              beside the files it had before; None: all of it
    ``standing(ids)``         what is left to a person, where items are written into a folder. ``ids``: of every item that was
                              sent, as far as they are known. Raises OSError
    """

    place: str
    """Where its products are, in words that never change for the same place and hold no secret:
    ``https://api.flipsnack.com/v1/ sourceHash 2d67…``. Another place is another set of products."""
    account: str
    """What the platform counts calls by, as a digest: the endpoint and the key."""
    rate: Rate
    upserts: bool
    """Create and update are one call that may be repeated."""
    deletes: Literal["delete", "disable", "by hand"]
    """What becomes of products that are gone: deleted, switched off, or a person has to do it."""
    lists: dict[str, str]
    """Members of a body that are lists of objects, and the member that tells the objects apart
    (``{"variants": "code"}``): differences are shown by it."""

    def items(self, outcome: Outcome, sku: str) -> list[Item]:
        """A converted product's items. ``sku``: the product's."""

    def codes(self, body: bytes) -> frozenset[str]:
        """Every name that a body takes in the place and no other body may take (a product's and its variants')."""

    def change(self, parcel: Parcel) -> Way:
        """How an item the platform has (``parcel.before``) becomes ``parcel.body``."""

    def batches(self, action: Action, parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
        """Calls of at most the size the platform takes, in order."""

    def send(self, action: Action, parcels: Sequence[Parcel]) -> Answer:
        """Make one call. Never raises for what the platform or the network does; KeyboardInterrupt passes."""

    def close(self) -> None:
        """Let go of connections."""
