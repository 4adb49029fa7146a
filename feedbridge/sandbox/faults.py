"""Faults: what goes wrong on purpose, and in which calls.

A fault is written ``[PLATFORM/]NAME[:ARGUMENT]``; without a platform it holds for all three. The argument of most is
the calls it strikes: ``3`` the third, ``3-5``, ``first-3``, ``every-4``, ``all``; ``N@SECONDS`` where a time belongs to
it. Calls are counted per platform, from when the faults were set.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from feedbridge.errors import CommandError

__all__ = ["FAULTS", "Fault", "Faults", "Kind", "PLATFORMS", "chosen", "fault_help", "parse_fault"]

PLATFORMS = ("flipsnack", "magento", "flickrocket")
FLICKROCKET = ("flickrocket",)
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True)
class Kind:
    """One sort of fault.

    ``takes``      what stands behind the colon: ``calls``, ``calls@``: calls, and seconds may follow, ``slow``,
                   ``sku``, ``events``, ``events@``: FlickRocket's webhook events, counted like calls, or ``choice``:
                   one of ``choices`` (the first is how it is without the fault)
    ``processed``  whether the sandbox does what the call asks for before it goes wrong
    ``platforms``  where it means something; elsewhere it does nothing
    """

    takes: Literal["calls", "calls@", "slow", "sku", "events", "events@", "choice"]
    about: str
    processed: bool = False
    choices: tuple[str, ...] = ()
    platforms: tuple[str, ...] = PLATFORMS


FAULTS: dict[str, Kind] = {
    "drop-before": Kind("calls", "closes the connection without an answer; the call is not processed"),
    "drop-after": Kind("calls", "processes the call, then closes the connection without an answer", True),
    "drop-mid": Kind("calls", "processes the call, sends half of the answer, then closes the connection", True),
    "hang": Kind("calls", "never answers; the call is not processed"),
    "hang-after": Kind("calls", "processes the call, then never answers", True),
    "slow": Kind("slow", "processes the call at once, answers SECONDS later (slow:2, slow:3-5@2)", True),
    "garbage": Kind("calls", "processes the call, answers bytes that are no text", True),
    "truncated": Kind("calls", "processes the call, answers the first half of the JSON text", True),
    "empty": Kind("calls", "processes the call, answers nothing, with status 200", True),
    "html": Kind("calls", "answers the page of a proxy in between, with status 200; not processed"),
    "html-after": Kind("calls", "processes the call, answers the page of a proxy in between", True),
    "redirect": Kind("calls", "answers 307 to another address; not processed"),
    "400": Kind("calls", "answers 400; not processed"),
    "401": Kind("calls", "answers 401; not processed"),
    "403": Kind("calls", "answers 403; not processed"),
    "404": Kind("calls", "answers 404; not processed"),
    "429": Kind("calls@", "answers 429, with Retry-After when SECONDS are given (429:3@2); not processed"),
    "500": Kind("calls", "answers 500; not processed"),
    "500-after": Kind("calls", "processes the call, answers 500", True),
    "502": Kind("calls", "answers 502; not processed"),
    "503": Kind("calls@", "answers 503, with Retry-After when SECONDS are given (503:first-2@1); not processed"),
    "504": Kind("calls", "answers 504; not processed"),
    "504-after": Kind("calls", "processes the call, answers 504", True),
    "maintenance": Kind("calls", "maintenance: code 22 at Flipsnack, 503 elsewhere; not processed"),
    "31": Kind("calls", "Flipsnack: too many calls in a second; not processed", platforms=("flipsnack",)),
    "32": Kind("calls", "Flipsnack: too many calls in a minute; not processed", platforms=("flipsnack",)),
    "wrong-key": Kind("calls", "answers as if the key were wrong (all calls unless told which); not processed"),
    "partial": Kind("sku", "this product always fails, the others of its call are taken", True),
    "reject": Kind("sku", "every call that holds this product is refused whole (400), without naming it"),
    "errors": Kind(
        "choice", "how Flipsnack's data.Errors looks: a sentence naming the SKU; {code, message}; a count that names "
        "none; or the whole call refused with code 400", True, ("strings", "objects", "unnamed", "whole"),
        ("flipsnack",),
    ),
    "success": Kind("choice", "the code of Flipsnack's success", True, ("200", "20"), ("flipsnack",)),
    "spelling": Kind(
        "choice", "how Flipsnack spells its answers: as documented; or Data and errors, with the code as text", True,
        ("documented", "other"), ("flipsnack",),
    ),
    "http-status": Kind(
        "choice", "the HTTP status of an answer that says no: always 200; or one that fits its code", True,
        ("always-200", "fitting"), ("flipsnack", "magento"),
    ),
    "bearer": Kind("choice", "whether Magento takes a Bearer token", True, ("on", "off"), ("magento",)),
    "token-times": Kind(
        "choice", "how FlickRocket's token tells its end: .expires; expires; or not at all", True,
        ("dotted", "plain", "none"), FLICKROCKET,
    ),
    "one-hit": Kind(
        "choice", "the name FlickRocket puts a list with a single hit under", True, ("singular", "plural"), FLICKROCKET),
    "pages": Kind(
        "choice", "what FlickRocket answers to Page=2: the next things; or the first ones again", True,
        ("turn", "repeat"), FLICKROCKET,
    ),
    "created": Kind("choice", "the HTTP status of FlickRocket's answer to a POST", True, ("200", "201"), FLICKROCKET),
    "webhook-twice": Kind("events", "FlickRocket's event is sent twice", True, platforms=FLICKROCKET),
    "webhook-late": Kind("events@", "FlickRocket's event is sent SECONDS later (webhook-late:2@5), 1 unless told", True,
                         platforms=FLICKROCKET),
    "webhook-swap": Kind("events", "FlickRocket's event is sent after the next one of its webhook", True, platforms=FLICKROCKET),
    "webhook-wrong-hash": Kind("events", "FlickRocket's event has a hash by another secret", True, platforms=FLICKROCKET),
    "webhook-empty-hash": Kind("events", "FlickRocket's event has the hash of nothing, as documented", True,
                               platforms=FLICKROCKET),
    "webhook-no-hash": Kind("events", "FlickRocket's event has no hash", True, platforms=FLICKROCKET),
}

EVENTS = ("events", "events@")
NUMBER = r"[1-9][0-9]{0,8}"
SELECTION = re.compile(rf"(?P<all>all)|(?P<one>{NUMBER})|(?P<from>{NUMBER})-(?P<to>{NUMBER})"
                       rf"|first-(?P<first>{NUMBER})|every-(?P<every>{NUMBER})")
SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")


@dataclass(frozen=True)
class Fault:
    """One fault as it was set: ``spec`` as written, ``argument`` a SKU or choice, ``strikes`` the calls (from 1)."""

    spec: str
    name: str
    platforms: tuple[str, ...]
    strikes: Callable[[int], bool]
    argument: str = ""
    seconds: float | None = None

    @property
    def kind(self) -> Kind:
        return FAULTS[self.name]


class Faults:
    """The faults that are set, and the calls counted since. Safe to use from several threads."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: tuple[Fault, ...] = ()
        self._counts: dict[str, int] = {}
        self._events = 0
        self.set(specs)

    def set(self, specs: Iterable[str]) -> None:
        """Replace all faults and count calls anew. Raises CommandError, and then nothing has changed."""
        faults = tuple(parse_fault(spec) for spec in specs)
        with self._lock:
            self._faults = faults
            self._counts = dict.fromkeys(PLATFORMS, 0)
            self._events = 0

    @property
    def specs(self) -> list[str]:
        """The faults as they were written."""
        return [fault.spec for fault in self._faults]

    @property
    def counts(self) -> dict[str, int]:
        """Calls per platform since the faults were set."""
        with self._lock:
            return dict(self._counts)

    def strike(self, platform: str) -> list[Fault]:
        """Count a call; the faults that strike it, in the order they were set."""
        with self._lock:
            self._counts[platform] += 1
            number = self._counts[platform]
            faults = self._faults
        return [fault for fault in faults
                if platform in fault.platforms and fault.kind.takes not in EVENTS and fault.strikes(number)]

    def standing(self, platform: str) -> list[Fault]:
        """The faults that name a product; no call is counted."""
        with self._lock:
            return [fault for fault in self._faults if platform in fault.platforms and fault.kind.takes == "sku"]

    def strike_event(self) -> list[Fault]:
        """Count one webhook event of FlickRocket; the faults that strike it."""
        with self._lock:
            self._events += 1
            number, faults = self._events, self._faults
        return [fault for fault in faults if fault.kind.takes in EVENTS and fault.strikes(number)]


def chosen(faults: Sequence[Fault], name: str) -> str:
    """What was chosen for a fault with choices; the first choice when it was not set, the last one set otherwise."""
    return next((fault.argument for fault in reversed(faults) if fault.name == name), FAULTS[name].choices[0])


def parse_fault(spec: str) -> Fault:
    """Read one fault.

    >>> parse_fault("magento/503:2-3@1.5").seconds
    1.5

    Raises: CommandError, code sandbox.fault, with the nearest right name.
    """
    platform, slash, rest = spec.partition("/")
    if not slash or ":" in platform:  # a SKU may hold a slash
        platform, rest = "", spec
    elif platform not in PLATFORMS:
        raise wrong(spec, f'there is no platform "{platform}"', platform, PLATFORMS)
    name, colon, argument = rest.partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        raise wrong(spec, f'there is no fault "{name}"', name, FAULTS)
    platforms = tuple(one for one in kind.platforms if platform in ("", one))
    if not platforms:
        raise wrong(spec, f'"{name}" is a fault of {", ".join(kind.platforms)} only')
    if name == "wrong-key" and not colon:
        argument = "all"
    if kind.takes == "sku":
        if not argument:
            raise wrong(spec, "a SKU is missing", mend=f"write {name}:SKU")
        return Fault(spec, name, platforms, lambda number: True, argument)
    if kind.takes == "choice":
        if argument not in kind.choices:
            raise wrong(spec, f'"{name}" is one of {", ".join(kind.choices)}', argument, kind.choices)
        return Fault(spec, name, platforms, lambda number: True, argument)
    calls, at, seconds_text = argument.partition("@")
    if kind.takes == "slow" and not at:
        calls, seconds_text = "all", argument
    seconds = None
    if at or kind.takes == "slow":
        if kind.takes in ("calls", "events"):
            raise wrong(spec, f'"{name}" takes no seconds')
        if not SECONDS.fullmatch(seconds_text) or (seconds := float(seconds_text)) > LONGEST_SECONDS:
            raise wrong(spec, f'"{seconds_text}" is no number of seconds up to {LONGEST_SECONDS:.0f}')
    return Fault(spec, name, platforms, parse_calls(spec, calls), seconds=seconds)


def parse_calls(spec: str, text: str) -> Callable[[int], bool]:
    """Which calls, counted from 1: ``3``, ``3-5``, ``first-3``, ``every-4``, ``all``."""
    match = SELECTION.fullmatch(text)
    if match is None:
        raise wrong(spec, f'"{text}" names no calls', mend="write 3, 3-5, first-3, every-4 or all")
    got = {name: int(value) for name, value in match.groupdict().items() if value and name != "all"}
    if "one" in got:
        return lambda number: number == got["one"]
    if "from" in got:
        if got["to"] < got["from"]:
            raise wrong(spec, f'"{text}" ends before it begins', mend=f"write {got['to']}-{got['from']}")
        return lambda number: got["from"] <= number <= got["to"]
    if "first" in got:
        return lambda number: number <= got["first"]
    if "every" in got:
        return lambda number: number % got["every"] == 0
    return lambda number: True


def wrong(spec: str, message: str, given: str = "", candidates: Iterable[str] = (), *, mend: str = "") -> CommandError:
    """The error of a fault that cannot be read."""
    names = list(candidates)
    near = difflib.get_close_matches(given, names, 1, 0.5)
    if near:
        mend = f'did you mean "{near[0]}"?'
    elif names:
        mend = f"there are {', '.join(names)}"
    return CommandError(message, where=f"--fault {spec[:80]}", code="sandbox.fault", mend=mend)


def fault_help() -> str:
    """Every fault with what it does, a line each."""
    takes = {"calls": ":CALLS", "calls@": ":CALLS[@SECONDS]", "events": ":CALLS", "events@": ":CALLS[@SECONDS]",
             "slow": ":[CALLS@]SECONDS", "sku": ":SKU"}
    names = {name: name + (takes.get(kind.takes) or f":{'|'.join(kind.choices)}") for name, kind in FAULTS.items()}
    return "\n".join([
        "CALLS: 3, 3-5, first-3, every-4 or all, counted per platform. PLATFORM/ in front: there only.",
        *(f"  {names[name]:<40}  {kind.about}" for name, kind in FAULTS.items()),
    ])
