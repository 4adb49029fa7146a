"""Calls to FlickRocket's REST API: how often they are made, how many tries they get, and what an answer means.

Source: docs/platforms/flickrocket.md, rules K27, K28; choice A13.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import quote

from pydantic import Field

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.delivery import Rate, Reach, usable_endpoint
from feedbridge.platforms.flickrocket.arguments import Data, wrong
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.turns import Turns
from feedbridge.platforms.http import Http, Lost, Reply, Unsent, retry_after_seconds
from feedbridge.platforms.limiter import MARGIN_SECONDS, MOST_HORIZON_SECONDS, SLICE_SECONDS, Limiter

__all__ = [
    "GUESSED_RATE", "MENDS", "PATIENCE_SECONDS", "PAUSE_SECONDS", "TRIES", "BurstLimiter", "BurstRate", "CallError",
    "Calls", "HasToken", "gone", "rate_of",
]

RATE = "FEEDBRIDGE_FLICKROCKET_RATE"
TRIES = 10
PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 900.0
SHORTEST_TOKEN = 8
FEW_TRIES = 3
"""Tries where no connection was made, or an answer cannot be read: neither is what FlickRocket does when it is busy."""
BUSY = frozenset({502, 503, 504})
_RATE = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?)(?:/([0-9]{1,4}))?", re.ASCII)


class BurstRate(Rate):
    """``burst`` calls at once, and ``per_second`` in the long run; 0 is no limit.

    Source: A13. FlickRocket documents a leaky bucket, but none of its figures: these are our guess.
    """

    per_second: float = Field(default=2, ge=0)
    burst: int = Field(default=10, ge=1)


GUESSED_RATE = BurstRate()


def rate_of(environment: Mapping[str, str] | None = None) -> BurstRate:
    """The rate that ``FEEDBRIDGE_FLICKROCKET_RATE`` sets: calls a second, and how many at once after a slash; or ``off``.

    >>> rate_of({"FEEDBRIDGE_FLICKROCKET_RATE": "0.5/4"}).burst
    4

    Errors: CommandError for what is no rate.
    """
    said = (os.environ if environment is None else environment).get(RATE, "").strip()
    if not said:
        return GUESSED_RATE
    if said == "off":
        return BurstRate(per_second=0)
    match = _RATE.fullmatch(said)
    if match is None or float(match[1]) == 0 or int(match[2] or GUESSED_RATE.burst) == 0:
        raise CommandError(
            f'"{cut(said)}" is no rate', where=RATE, code="flickrocket.setting",
            mend="write calls a second and how many at once, as 2/10, or off",
        )
    return BurstRate(per_second=float(match[1]), burst=int(match[2] or GUESSED_RATE.burst))


class BurstLimiter(Limiter):
    """A Limiter for a bucket: at most ``burst`` calls in any stretch of ``burst / per_second`` seconds.

    A bucket of that size never runs over then, wherever the stretch begins. Limiters of other rates on the same account
    count the same calls.
    """

    def __init__(self, account: str, rate: BurstRate, folder: Path, **parts: Any) -> None:
        super().__init__(account, Rate(per_minute=rate.per_minute), folder, **parts)
        if rate.per_second > 0:
            seconds = min(rate.burst / rate.per_second, MOST_HORIZON_SECONDS) + MARGIN_SECONDS
            self._windows.append((rate.burst, seconds))
            self._horizon = max(self._horizon, seconds)


class CallError(FlickRocketError):
    """A call that did not succeed.

    ``reach``         how far it came, in the words of a delivery
    ``wait_seconds``  how long FlickRocket asks to wait, where it said
    """

    def __init__(self, message: str, *, reach: Reach, wait_seconds: float | None = None, **parts: Any) -> None:
        self.reach = reach
        self.wait_seconds = wait_seconds
        super().__init__(message, **parts)


class HasToken(Protocol):
    """What a call needs of ``access.Access``."""

    def token(self, fresh: bool = False) -> str:
        """An access token that can be used; ``fresh``: the last one was refused."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class _Came:
    """What came of one try. ``acted``: FlickRocket may have carried it out."""

    kind: Literal["done", "expired", "throttled", "busy", "lost", "unsent", "garbled", "failed", "refused", "redirect"]
    message: str = ""
    mend: str = ""
    answer: Any = None
    status: int | None = None
    wait: float | None = None
    acted: bool = False


class Calls:
    """Calls to the API, one at a time, each as often as K28 says. May be shared between threads.

    ``access``            gives tokens; they go in the header only
    ``base``              what paths are put behind: https (http only to this machine itself)
    ``tries``             most tries of one call
    ``pause_seconds``     between tries while FlickRocket is busy or silent
    ``patience_seconds``  longest time a call may take with its waits
    ``say``               told of every wait, in one sentence
    ``turns``             of all processes that call for the account; None: this object's calls alone are one at a time
    """

    def __init__(
        self, access: HasToken, base: str, limiter: Limiter, *, connect_seconds: float = 10, answer_seconds: float = 60,
        tries: int = TRIES, pause_seconds: float = PAUSE_SECONDS, patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], object] = time.sleep, clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], object] = lambda sentence: None, turns: Turns | None = None,
    ) -> None:
        try:
            self._base = usable_endpoint(base).rstrip("/")
        except ValueError as exc:
            raise CommandError(
                f"FlickRocket's API cannot be called there: {exc}", where=base, code="flickrocket.setting",
                mend="choose the hosts with FEEDBRIDGE_FLICKROCKET_HOSTS",
            ) from None
        if tries < 1:
            raise wrong("tries", "at least one try is needed", "flickrocket.setting")
        self.access = access
        self.tries = tries
        self._limiter = limiter
        self._http = Http(connect_seconds, answer_seconds)
        self._pause_seconds = pause_seconds
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._clock = clock
        self._say = say
        self._one_at_a_time = threading.Lock()
        self._turns = turns

    def __repr__(self) -> str:
        return f"Calls({self._base!r})"

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()
        self.access.close()

    def ask(
        self, method: Literal["GET", "POST", "PUT", "DELETE"], path: str, params: Mapping[str, str] | None = None,
        body: Data | None = None, *, look_up: Callable[[], Any] | None = None,
    ) -> Any:
        """Make a call. Returns its answer's JSON, numbers with a point as Decimal; None when it is empty.

        ``path``     behind the base, with its slash: ``/api/products.json``
        ``look_up``  of a POST: what it made, if it did; None: nothing. Asked before it is sent again

        Errors: FlickRocketError: flickrocket.refused, .gone, .down, .answer, .unknown (a POST that may have been carried
        out), and those of the token.
        """
        where = f"{method} {path}"
        url = self._base + path
        if params:
            url += "?" + "&".join(f"{name}={quote(value, safe=':,')}" for name, value in params.items())
        text = "" if body is None else json.dumps(body, allow_nan=False)
        deadline = self._clock() + self._patience_seconds
        tried = 0
        growing = self._pause_seconds
        renew = renewed = doubt = False
        while True:
            came = self._try(method, url, text, deadline, renew)
            renew = False
            if came.kind == "done":
                return came.answer
            if came.kind == "expired" and not renewed:
                renew = renewed = True
                continue
            if came.status == 404 and method == "DELETE" and doubt:
                return None  # an earlier try deleted it
            tried += 1
            doubt = doubt or came.acted
            if method == "POST" and came.acted:
                looked = self._looked_up(look_up, came, where, deadline)
                if looked is not None:
                    return looked
            elif came.kind in ("expired", "refused", "failed", "redirect"):
                raise self._error(came, where, method)
            most = min(self.tries, FEW_TRIES) if came.kind in ("unsent", "garbled") else self.tries
            if came.kind == "failed" or tried >= most:
                raise self._error(came, where, method, tried)
            if came.kind == "throttled":
                wait, growing = (growing, growing * 2) if came.wait is None else (came.wait, growing)
            else:
                wait = max(self._pause_seconds, came.wait or 0)
            if self._clock() + wait > deadline:
                raise self._error(came, where, method, tried)
            self._say(f"{where}: {came.message}; try {tried + 1} of at most {most} in {wait:g} seconds")
            if came.kind == "throttled":
                self._limiter.pause(wait)  # of all processes, this one included
            else:
                self._sleep(wait)

    def _try(self, method: str, url: str, text: str, deadline: float, renew: bool) -> _Came:
        """One try: what came of it, never raised for."""
        token = self.access.token(fresh=True) if renew else self.access.token()
        with self._one_at_a_time, self._turn(lambda: self._clock() >= deadline) as mine:
            if not mine:
                return _Came("busy", "other calls of this machine, or a pause FlickRocket asked for, took all the time")
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            try:
                if method == "GET":
                    reply = self._http.get(url, headers=headers)
                elif method == "POST":
                    reply = self._http.post(url, headers=headers, json_text=text)
                elif method == "PUT":
                    reply = self._http.put(url, headers=headers, json_text=text)
                else:
                    reply = self._http.delete(url, headers=headers)
            except Unsent as exc:
                return _Came("unsent", exc.reason, exc.mend)
            except Lost as exc:
                return _Came("lost", exc.reason, exc.mend, acted=True)
        return _came(method, reply, token)

    @contextmanager
    def _turn(self, stop: Callable[[], bool]) -> Iterator[bool]:
        """Holds the turn to make one call now, which is counted; False: asked to stop before. Nobody else is kept waiting
        while the rate is waited for."""
        while not stop():
            with self._turns.taken(stop) if self._turns is not None else nullcontext(True) as mine:
                free = self._limiter.take(stop) if mine else 0.0
                if not free:
                    yield not stop()
                    return
            while (left := free - self._clock()) > 0 and not stop():
                self._sleep(min(left, SLICE_SECONDS))
        yield False

    def _looked_up(
        self, look_up: Callable[[], Any] | None, came: _Came, where: str, deadline: float
    ) -> Any:
        """What a POST whose fate is not known has made; None when it is not there.

        Errors: CallError, code flickrocket.unknown, when that cannot be told.
        """
        if look_up is None or self.tries == 1:
            raise self._unknown(came, where)
        for _ in range(2 if came.kind == "lost" else 1):  # FlickRocket may still be at it
            if self._clock() + self._pause_seconds > deadline:
                raise self._unknown(came, where)
            self._say(f"{where}: {came.message}; it is looked up in {self._pause_seconds:g} seconds whether it was done")
            self._sleep(self._pause_seconds)
            try:
                found = look_up()
            except FlickRocketError as exc:
                raise self._unknown(came, where, f", and it cannot be looked up: {exc.message}") from exc
            if found is not None:
                return found
        return None

    def _unknown(self, came: _Came, where: str, more: str = "") -> CallError:
        return CallError(
            f"FlickRocket may or may not have carried it out: {came.message}{more}", where=where, status=came.status,
            code="flickrocket.unknown", reach=Reach.UNKNOWN, wait_seconds=came.wait,
            mend="look in FlickRocket's admin interface whether it is there before it is sent again",
        )

    def _error(self, came: _Came, where: str, method: str, tried: int = 1) -> CallError:
        """The error of a call that is given up."""
        message = came.message + (f", in each of {tried} tries" if tried > 1 else "")
        code, reach, mend = "flickrocket.down", Reach.WAIT, came.mend or "run it again later"
        if came.kind == "refused":
            code = "flickrocket.gone" if came.status == 404 else "flickrocket.refused"
            reach = Reach.STOP if came.status == 401 else Reach.REFUSED
            mend = came.mend or MENDS.get(came.status or 0, MENDS[400])
        elif came.kind == "expired":
            code, reach = "flickrocket.refused", Reach.STOP
            mend = "feedbridge flickrocket tokeninfo tells what the token is good for; log in again if it is not enough"
        elif came.kind == "redirect":
            code, reach, mend = "flickrocket.answer", Reach.STOP, "look at FEEDBRIDGE_FLICKROCKET_HOSTS"
        elif came.kind == "garbled":
            code, reach = "flickrocket.answer", Reach.WAIT if method == "GET" else Reach.UNKNOWN
            mend = "look whether a proxy or a login page stands between this machine and FlickRocket"
        elif came.kind == "unsent":
            reach = Reach.UNSENT
        elif came.kind in ("lost", "failed") and method != "GET":
            reach = Reach.UNKNOWN
        return CallError(
            message, where=where, status=came.status, code=code, mend=mend, reach=reach, wait_seconds=came.wait)


MENDS = {
    400: "look at what was sent",
    403: "the permission lacks the scope for this, or the shop's plan does; log in again with the scope: "
    "feedbridge flickrocket login --scopes …",
    404: "look at the id: it was deleted, or belongs to another shop; or FEEDBRIDGE_FLICKROCKET_HOSTS names another place",
}


def gone(where: str) -> FlickRocketError:
    return FlickRocketError("FlickRocket has nothing there", where=where, code="flickrocket.gone", mend=MENDS[404])


_EXPIRED = frozenset({": expired", ": invalid access_token"})
"""FlickRocket's words for a token it does not take (any more)."""


def _came(method: str, reply: Reply, token: str) -> _Came:
    """What an answer means."""
    status = reply.status
    body = reply.body
    if len(token) >= SHORTEST_TOKEN:  # nothing shows it then, whatever it stands in
        body = body.replace(token.encode(), b"...")
    answer, readable = _decoded(body)
    said = _said(answer)
    told = f"FlickRocket answered {status}{said}"
    if 200 <= status < 300:
        if not readable or (method == "GET" and not reply.body.strip()):
            what = "no JSON" if reply.body.strip() else "empty"
            return _Came("garbled", f"FlickRocket's answer ({status}) is {what}", status=status, acted=True)
        if said:
            return _Came("refused", told, status=status)
        return _Came("done", answer=answer, status=status)
    if status < 400:
        return _Came("redirect", f"{told}, which leads to another address and is not followed", status=status)
    if status == 401 or (status in (400, 403) and said in _EXPIRED):
        dropped = "required" in said
        return _Came(
            "refused" if dropped else "expired", told, status=status,
            mend="something between this machine and FlickRocket drops the Authorization header" if dropped else "",
        )
    if status == 429:
        return _Came("throttled", told, status=status, wait=retry_after_seconds(reply.headers),
                     mend="run it again later, or lower the rate")
    if status in BUSY:
        return _Came("busy", told, status=status, wait=retry_after_seconds(reply.headers), acted=True)
    if status >= 500:
        return _Came("failed", told, status=status, acted=True)
    return _Came("refused", told, status=status)


def _decoded(body: bytes) -> tuple[Any, bool]:
    """(JSON, True), or (None, False) when it is none. Numbers with a point are Decimal; nothing is a float."""
    try:
        text = body.decode("utf-8-sig")
        if not text.strip():
            return None, True
        return json.loads(text, parse_float=_decimal, parse_constant=_no_number), True
    except (ValueError, RecursionError, ArithmeticError):
        return None, False


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > 30:
        raise ValueError
    return number


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _said(answer: Any) -> str:
    """FlickRocket's words in an answer that says no, as ``: not found``; empty when it does not."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not error:
        return ""
    words = error if isinstance(error, str) else json.dumps(error, default=str)
    words = "".join(sign if sign.isprintable() else " " for sign in words)
    number = answer.get("error_code")
    return f": {cut(words)}" + (f" (error_code {number})" if type(number) is int and number != -1 else "")
