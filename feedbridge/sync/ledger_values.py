"""Values as the ledger's columns hold them: texts, names, JSON, times, contents."""

from __future__ import annotations

import hashlib
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import msgspec

__all__ = ["clean", "from_json", "iso", "packed", "short", "time_of", "to_json", "whole"]

MESSAGE_CHARS = 2000
NAME_CHARS = 500


def clean(text: str) -> str:
    """A text as every database takes it, and not longer than 2000 characters."""
    kept = whole(text)
    return kept if len(kept) <= MESSAGE_CHARS else kept[: MESSAGE_CHARS - 1] + "…"


def whole(text: str) -> str:
    """A text without NUL and halves of characters.

    >>> whole("a\\0b")
    'a�b'
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def short(name: str) -> str:
    """A name as an index takes it: one that is too long goes by its digest."""
    return name if len(name) <= NAME_CHARS else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)


def from_json(text: str, empty: Any) -> Any:
    return json.loads(text) if text else empty


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def packed(content: bytes | dict[str, str]) -> bytes:
    return zlib.compress(content if isinstance(content, bytes) else msgspec.json.encode(content), 3)
