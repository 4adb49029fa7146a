"""Parts of a call that was refused, or of which nobody said what became of each item."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from feedbridge.platforms.delivery import Parcel

__all__ = ["Pieces"]


class Pieces:
    """Parts of a call that are sent by themselves, the last and the first of them in turn: many bad ones beside each other
    are passed by soon."""

    def __init__(self, pieces: Iterable[list[Parcel]] = ()) -> None:
        self._pieces = deque(pieces)
        self._last = False

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def take(self) -> list[Parcel]:
        self._last = not self._last
        return self._pieces.pop() if self._last else self._pieces.popleft()

    def put(self, piece: list[Parcel]) -> None:
        """Back where the last one was taken from."""
        (self._pieces.append if self._last else self._pieces.appendleft)(piece)

    def halve(self, piece: list[Parcel]) -> None:
        """Put it back in halves. Of one parcel there are none."""
        middle = len(piece) // 2
        halves = [half for half in (piece[:middle], piece[middle:]) if half and len(half) < len(piece)]
        for half in halves if self._last else reversed(halves):
            self.put(half)
