"""Outcome: what a platform's part of the sandbox says to a call; and JSON, read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["BadJson", "Outcome", "is_text", "number_fits", "read_json"]

Verdict = Literal["taken", "partly taken", "refused", "answered", "not processed"]


@dataclass(frozen=True)
class Outcome:
    """An answer, and what is written down of the call.

    ``verdict``  ``taken``, ``partly taken``, ``refused`` (nothing was taken), ``answered`` (a read)
    ``code``     the code inside the body, where the platform has one
    ``items``    products the call was about; ``failed`` of them were not taken
    """

    http_status: int
    body: Any
    action: str
    verdict: Verdict
    code: str = ""
    items: int = 0
    failed: int = 0
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class BadJson(ValueError):
    """What is wrong with a JSON text."""


def read_json(text: str | bytes) -> Any:
    """Read JSON as strictly as its standard: UTF-8, no NaN or Infinity, no member twice. Raises BadJson."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except BadJson:
        raise
    except UnicodeDecodeError as exc:
        raise BadJson("it is not UTF-8") from exc
    except RecursionError as exc:
        raise BadJson("it is nested too deeply") from exc
    except ValueError as exc:
        raise BadJson(str(exc)) from exc


def _no_constant(name: str) -> Any:
    raise BadJson(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add() returns None: noted, and on
        raise BadJson(f'the member "{name}" comes twice in one object')
    return whole


def number_fits(value: object) -> bool:
    """Whether a value is a finite JSON number (true and false are none)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value == value and abs(value) != float("inf")


def is_text(value: object) -> bool:
    """Whether a value is JSON text that is whole Unicode."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
