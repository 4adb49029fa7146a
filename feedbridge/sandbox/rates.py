"""Most calls per key in any second and in any minute, over sliding windows.

Source: developers.flipsnack.com, /api-limitations: 5 a second, 60 a minute; codes 31 and 32.
"""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["Rates"]


class Rates:
    """The calls of each key in the last minute. A call that is refused for its rate does not count."""

    def __init__(self, per_second: int = 5, per_minute: int = 60, *, on: bool = True) -> None:
        self.per_second = per_second
        self.per_minute = per_minute
        self.on = on
        self._calls: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def exceeded(self, key: str, now: float) -> int | None:
        """Count a call at ``now`` (seconds); the code 31 or 32 when it is one too many."""
        if not self.on:
            return None
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            while calls and calls[0] <= now - 60:
                calls.popleft()
            if len(calls) >= self.per_second and calls[-self.per_second] > now - 1:
                return 31
            if len(calls) >= self.per_minute:
                return 32
            calls.append(now)
            return None

    def forget(self) -> None:
        with self._lock:
            self._calls.clear()
