"""Log lines on stderr for runs nobody watches: cron, containers, CI."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Literal, TextIO

from feedbridge.report.plain import fit, showable

__all__ = ["MASK", "Log", "masked", "run_at_hand"]

Level = Literal["debug", "info", "warning", "error"]
MASK = "***"
run_at_hand: ContextVar[str | None] = ContextVar("run_at_hand", default=None)
"""Id of the run that every event belongs to which names none itself; None: events of no run."""

_SECRET_WORDS = frozenset((
    "secret", "secrets", "password", "passwords", "passwd", "pwd", "passphrase", "token", "tokens", "key", "keys",
    "apikey", "credential", "credentials", "authorization", "signature", "cookie",
))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_URL_PARAMETER = re.compile(r"([?&;])([^=&;#\s]+)=([^&;#\s]*)")


def _now() -> datetime:
    return datetime.now(UTC)


class Log:
    """One event a line.

    ``json``  ``{"time": "2025-11-20T08:15:00.123Z", "level": "info", "event": "run.started", …fields}``;
              a field with the name of one of the first three gets ``field_`` in front
    ``text``  ``2025-11-20T08:15:00.123Z info run.started source=shop.csv rows=12``

    While ``run_at_hand`` is set, each event has ``run``, too. Values whose name looks like a secret are ``***``, also
    inside objects and in the query of a URL.

    ``stream``  None (stderr is closed): nothing is written
    ``plain``   names that look like a secret's and are none: in the log of a run, ``key`` is an item's name
    """

    def __init__(
        self, stream: TextIO | None, format: Literal["text", "json"] = "text", clock: Callable[[], datetime] = _now,
        *, plain: Collection[str] = (),
    ) -> None:
        self._stream = stream
        self._json = format == "json"
        self._clock = clock
        self._plain = frozenset(plain)

    def event(self, name: str, *, level: Level = "info", **fields: Any) -> None:
        """Write one line and flush it. A stream that takes nothing (a full disk, a reader that went away, a closed one)
        stops nothing: the line is lost, and the work that it tells of goes on."""
        if self._stream is None:
            return
        run = run_at_hand.get()
        if run is not None:
            fields.setdefault("run", run)
        time = self._clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        shown = {key: masked(value, key, self._plain) for key, value in fields.items()}
        line = self._as_json(time, level, name, shown) if self._json else self._as_text(time, level, name, shown)
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    @staticmethod
    def _as_json(time: str, level: str, name: str, fields: dict[str, Any]) -> str:
        entry: dict[str, Any] = {"time": time, "level": level, "event": name}
        for key, value in fields.items():
            entry[f"field_{key}" if key in ("time", "level", "event") else key] = value
        # ASCII only: safe on every terminal and in every log collector, whatever is in the feed.
        return json.dumps(entry, ensure_ascii=True, allow_nan=False, separators=(", ", ": "))

    def _as_text(self, time: str, level: str, name: str, fields: dict[str, Any]) -> str:
        parts = [time, level, name, *(f"{key}={_word(value)}" for key, value in fields.items())]
        return fit(showable(" ".join(parts)), self._stream)


def _word(value: Any) -> str:
    """A value of a text line: bare where it is one word, else as JSON."""
    if isinstance(value, str) and value and not re.search(r'[\s"=\\]', value):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def masked(value: Any, name: str = "", plain: Collection[str] = ()) -> Any:
    """The value as JSON can say it, with everything that looks like a secret masked.

    ``plain``  names that are none of a secret; numbers are none either, where such names are given: a count is called
               like what it counts (``{"json.duplicate-key": 2}``)

    >>> masked({"feed": "shop", "apiKey": "45FD", "url": "https://me:pw@host/x?token=1"})
    {'feed': 'shop', 'apiKey': '***', 'url': 'https://***@host/x?token=***'}
    """
    is_number = bool(plain) and isinstance(value, int)
    if value is not None and value != "" and not is_number and name not in plain and _is_secret(name):
        return MASK
    if isinstance(value, str):
        return _without_secrets(str(value))
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no infinity and no NaN
    if isinstance(value, Mapping):
        return {str(key): masked(member, str(key), plain) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        members = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [masked(member, "", plain) for member in members]
    if isinstance(value, PurePath):
        return str(value)
    return _without_secrets(str(value))


def _is_secret(name: str) -> bool:
    return not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def _without_secrets(text: str) -> str:
    if "://" not in text:
        return text
    text = _URL_LOGIN.sub(f"{MASK}@", text)
    return _URL_PARAMETER.sub(
        lambda m: f"{m[1]}{m[2]}={MASK}" if _is_secret(m[2]) or m[2].lower() in ("code", "sig") else m[0], text
    )
