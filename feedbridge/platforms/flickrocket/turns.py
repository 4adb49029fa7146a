"""One call at a time (A13), over all processes of this machine that call for one account.

Two locks lie beside the file of the rate. Whoever has ``.turn`` may call. Whoever has ``.next`` is the next to get it,
and the others wait for that one: so a process that makes one call after another cannot keep the rest out. The system
lets go of the locks of a process that ends, however it ends.

Source: docs/platforms/flickrocket.md, choice A13.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

__all__ = ["Turns"]

LOOK_SECONDS = 0.01
"""Between two looks whether the turn is free."""


class Turns:
    """Turns of one account. ``folder`` is where its rate is kept (``limiter.Limiter``).

    Where there can be no such files, or the file system has no locks, everybody has the turn: a call must not stand
    still for that.
    """

    def __init__(
        self, account: str, folder: Path, *, sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._folder = folder
        self._name = f"calls-{hashlib.sha256(account.encode()).hexdigest()[:32]}"
        self._sleep = sleep

    @contextmanager
    def taken(self, stop: Callable[[], bool]) -> Iterator[bool]:
        """Holds the turn; False: asked to stop before."""
        with ExitStack() as turn:
            with self._held("next", stop) as next:
                mine = next and turn.enter_context(self._held("turn", stop))
            yield mine

    @contextmanager
    def _held(self, what: str, stop: Callable[[], bool]) -> Iterator[bool]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._folder / f"{self._name}.{what}", flags, 0o600)
        except OSError:
            yield True
            return
        try:
            yield self._locked(descriptor, stop)
        finally:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # also for a child that was forked meanwhile
            os.close(descriptor)

    def _locked(self, descriptor: int, stop: Callable[[], bool]) -> bool:
        while not stop():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._sleep(LOOK_SECONDS)
            except OSError:
                return True
            else:
                return True
        return False
