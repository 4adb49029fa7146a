"""What an answer to an exchange of tokens holds: tokens wherever they stand in it, how long they are good, a refusal.

A refresh token that is in an answer and is not found there is lost, so it is looked for in everything that is JSON.

Source: developer.flickrocket.com/en/rest-api/oauth/; what it leaves open is in docs/flickrocket-api.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from feedbridge.platforms.http import Reply

__all__ = ["MOST_SECONDS", "Found", "found_in", "is_token", "life_seconds", "may_hold_token", "object_of", "said_in"]

USUAL_SECONDS = 30 * 60 - 60
"""Life of an access token when FlickRocket does not say."""
MOST_SECONDS = 24 * 3600
"""No access token is relied on for longer, so that a clock set back cannot make an old one look good for years."""
DEEPEST = 4
"""Levels of objects and lists in which tokens are looked for."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_IS_NAMED = re.compile(r"(?!(access_?token|token_?type)$).*token", re.IGNORECASE | re.DOTALL)
_IS_TOLD = re.compile(r"refresh[^a-z0-9]?token", re.IGNORECASE)
"""In what is no JSON: web pages speak of tokens of their own."""


@dataclass(frozen=True, slots=True)
class Found:
    """Tokens of an answer, each empty when there is none that can be used.

    ``keeps``    it names no refresh token at all: the one that was sent stays good (RFC 6749, section 6)
    ``members``  what stands beside the access token
    ``error``    whether it says no; ``null`` and an empty text say nothing
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    keeps: bool
    members: Mapping[str, Any] = field(repr=False)
    error: bool


def found_in(body: bytes) -> Found:
    """The tokens of an answer, at its first level or in what it is wrapped in; the outermost ones count."""
    answer = _json(body)
    objects = list(_objects(answer))
    access = next((one for one in objects if is_token(one.get("access_token"))), None)
    refresh = next((one for one in objects if is_token(one.get("refresh_token"))), None)
    return Found(
        access["access_token"] if access is not None else "",
        refresh["refresh_token"] if refresh is not None else "",
        all(one.get("refresh_token") is None for one in objects),
        access or refresh or {},
        bool(object_of(body).get("error")),
    )


def may_hold_token(body: bytes) -> bool:
    """Whether a refresh token may stand in an answer in which none was found, as far as its words tell."""
    answer = _json(body)
    if answer is not None:
        return any(_IS_NAMED.match(name) and value for one in _objects(answer) for name, value in one.items())
    return _IS_TOLD.search(body.replace(b"\0", b"").decode("latin-1")) is not None


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; empty when it is none."""
    answer = _json(body)
    return answer if isinstance(answer, dict) else {}


def is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def said_in(reply: Reply, *secrets: str) -> str:
    """FlickRocket's own word for an error, when it is a word and no secret: ``: invalid_client``."""
    word = object_of(reply.body).get("error")
    if not isinstance(word, str) or not re.fullmatch(r"[A-Za-z][A-Za-z _.,'-]{0,79}", word) or re.search(r"\S{33}", word):
        return ""
    if any(secret in word for secret in secrets):
        return ""
    return f": {word}"


def life_seconds(found: Mapping[str, Any], reply: Reply, now: datetime) -> float:
    """How long the access token of an answer is good, from its arrival.

    ``.expires`` (or ``expires``) is a moment of FlickRocket's clock, so it is measured from another such: ``.issued`` (or
    ``issued``), else the answer's Date, else ours. Then ``expires_in``, else 29 minutes. Never over a day.
    """
    ends = _http_date(found.get(".expires")) or _http_date(found.get("expires"))
    if ends is not None:
        said = (_http_date(begins) for begins in (found.get(".issued"), found.get("issued"), reply.headers.get("Date")))
        life = (ends - next((moment for moment in said if moment is not None), now)).total_seconds()
        if life > 0:
            return min(life, MOST_SECONDS)
    given = found.get("expires_in")
    with suppress(ValueError, OverflowError):
        if isinstance(given, str | int | float) and not isinstance(given, bool) and (life := float(given)) > 0:
            return min(life, MOST_SECONDS)
    return USUAL_SECONDS


def _json(body: bytes) -> Any:
    """An answer's JSON in UTF-8, UTF-16 or UTF-32, which its first bytes tell; None when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _objects(answer: Any) -> Iterator[dict[str, Any]]:
    """The objects of an answer, level by level."""
    level = [answer]
    for _ in range(DEEPEST):
        yield from (one for one in level if isinstance(one, dict))
        level = [
            inner for one in level if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]


def _http_date(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
