"""Whether a product is offered."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from feedbridge.cells.base import CellError
from feedbridge.cells.caching import CachingReader
from feedbridge.cells.plain import plain_text, quoted
from feedbridge.product import Status

__all__ = ["StatusReader"]

_ACTIVE = """
active enabled enable published publish live online visible available on yes true 1 aktiv actif activo attivo
"""
_DRAFT = """
draft disabled disable inactive unpublished hidden private pending offline off no false 0 -1
entwurf inaktiv brouillon inactif borrador inactivo bozza inattivo
"""
_ARCHIVED = """
archived archive discontinued trash archiviert archivé archivado archiviato
"""
USUAL = {
    **dict.fromkeys(_ACTIVE.split(), Status.ACTIVE),
    **dict.fromkeys(_DRAFT.split(), Status.DRAFT),
    **dict.fromkeys(_ARCHIVED.split(), Status.ARCHIVED),
}


class StatusReader(CachingReader):
    """Active, draft (not offered now) or archived.

    >>> StatusReader().read("Published").value, StatusReader(values={"2": "draft", "1": "active"}).read("2").value
    ('active', 'draft')

    Raises: CellError, code status-word, status-shape.
    """

    kind: ClassVar[str] = "status"

    values: dict[str, Status] | None = None
    """Meaning of each word of the source, instead of the usual words: ``{"1": active, "2": draft}``."""

    @cached_property
    def words(self) -> dict[str, Status]:
        """The meaning of every word, case folded."""
        return USUAL if self.values is None else _folded(self.values)

    def read(self, raw: Any) -> Status:
        known = self.words.get(raw) if raw.__class__ is str else None
        if known is None:
            known = self.words.get(plain_text(raw, "status").strip().casefold())
        if known is None:
            some = ", ".join(self.words) if self.values else "active, draft, archived"
            raise CellError(
                "cell.status-word",
                f"{quoted(raw)} is no status known here",
                f"write one of {some}, or name the word under values in the mapping",
            )
        return known


def _folded(values: dict[str, Status]) -> dict[str, Status]:
    return {word.strip().casefold(): status for word, status in values.items()}
