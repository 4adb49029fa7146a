"""The nearest right name, for error messages."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, candidates: Iterable[str], least: float = 60.0) -> str:
    """The candidate most like ``name`` (compared without case), or "" when none is near."""
    from rapidfuzz import fuzz, process

    found = process.extractOne(
        name, [str(c) for c in candidates], scorer=fuzz.WRatio, processor=str.casefold, score_cutoff=least
    )
    return str(found[0]) if found else ""
