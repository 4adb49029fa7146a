"""The keys of a run: which there were before, where, and how they were spelt."""

from __future__ import annotations

from typing import Any

__all__ = ["Before", "SeenKeys"]

Before = tuple[str, Any]
"""What was known of a key before it was noted: what ``forget`` goes back to."""


class SeenKeys:
    """Keys that must be unique, compared without case. A run has hundreds of thousands: one entry for each is all."""

    def __init__(self) -> None:
        self._first: dict[str, Any] = {}
        """Key without case -> where it was first; a tuple of that and its spellings unless it was spelt just so."""

    def note_all(self, keys: list[str], places: list[int]) -> bool:
        """Note keys that are all new; note none of them and answer False when one is not."""
        folded = [key.casefold() for key in keys]
        first = self._first
        if len(set(folded)) != len(folded) or not first.keys().isdisjoint(folded):
            return False
        for fold, key, place in zip(folded, keys, places, strict=True):
            if fold == key:
                first[key] = place
            else:
                first[fold] = (place, key)
        return True

    def note(self, key: str, place: int) -> Before:
        """Note a key that is new."""
        fold = key.casefold()
        self._first[fold] = place if fold == key else (place, key)
        return fold, None

    def place(self, key: str) -> int | None:
        """Where the key was first, however it was spelt."""
        first = self._first.get(key.casefold())
        return first[0] if isinstance(first, tuple) else first

    def spellings(self, key: str) -> tuple[str, ...]:
        """How a key that was there before was spelt, in order."""
        fold = key.casefold()
        first = self._first[fold]
        return first[1:] if isinstance(first, tuple) else (fold,)

    def also_spelt(self, key: str) -> Before:
        """Note one more spelling of a key that was there before."""
        fold = key.casefold()
        before = self._first[fold]
        self._first[fold] = (self.place(key), *self.spellings(key), key)
        return fold, before

    def forget(self, noted: list[Before]) -> None:
        """Take back what a product brought in that is turned away: it does not count against later ones."""
        for fold, before in reversed(noted):
            if before is None:
                del self._first[fold]
            else:
                self._first[fold] = before
