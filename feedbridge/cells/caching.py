"""Readers that remember what they read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from feedbridge.cells.base import Reader

__all__ = ["MOST_REMEMBERED", "CachingReader"]

MOST_REMEMBERED = 1 << 16
"""Texts a reader remembers before it starts afresh: memory stays flat however long the file."""


class CachingReader(Reader):
    """A reader that derives things from its parameters, or remembers texts, in cached properties."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other parameters, checked, and with nothing remembered: what ``1.234`` was under the
        old parameters is no answer under the new ones."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate({**given, **(update or {})})
