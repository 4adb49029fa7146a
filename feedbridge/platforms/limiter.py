"""Calls of one account kept within its rate, over all processes of this machine.

A platform counts the calls of a key, not those of a job: two jobs at once with half a right each are over it together.
So the moments of the calls lie in a small file an account, and whoever wants to call takes its moment there, under a
lock. The clock is the one that only runs forward, and the file is good for one boot of the machine.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from feedbridge.platforms.delivery import Rate

__all__ = ["Limiter", "rates_folder"]

SLICE_SECONDS = 0.2
"""Longest sleep between two looks at whether to stop."""
MARGIN_SECONDS = 0.02
"""Added to every distance between two calls."""
SPREAD_SECONDS = 0.25
"""Added to every window of several calls: the first of one process may be on its way for longer than the last of another,
and what counts is when they arrive."""
MOST_PAUSE_SECONDS = 3600.0
MOST_HORIZON_SECONDS = 86_400.0
LOCK_TRIES = 50
"""Slices to wait for the file's lock, which is held for an instant: longer means that its holder hangs."""
FORMAT = 1


def rates_folder(environment: Mapping[str, str]) -> Path:
    """The folder for a Limiter: one for all jobs of this user, whatever their ledgers; made for the user alone (0700).

    FEEDBRIDGE_RATES, else ``rates`` in the user's state folder (not in the runtime folder, which a night's job often has
    none of), else one in the system's folder for temporary files, with the user's number in its name. Never raises:
    where no folder can be had, the one that is returned cannot be used, and a Limiter keeps the rate for its process.
    """
    import platformdirs

    named = environment.get("FEEDBRIDGE_RATES", "").strip()
    if named:
        folder = Path(os.path.abspath(Path(named).expanduser()))
        _usable(folder)
        return folder
    folder = Path(platformdirs.user_state_dir("feedbridge"), "rates")
    if _usable(folder):
        return folder
    folder = Path(tempfile.gettempdir(), f"feedbridge-rates-{os.geteuid()}")
    return folder if _usable(folder) and _own(folder) else NOWHERE


NOWHERE = Path(os.devnull, "rates")


def _usable(folder: Path) -> bool:
    try:
        _make(folder)
    except (OSError, RuntimeError):
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileNotFoundError:
        if folder.parent == folder:
            raise
        _make(folder.parent)
        _make(folder)
        return
    except OSError:
        if not folder.is_dir():
            raise
        return
    with suppress(OSError):
        if folder.stat().st_mode & 0o777 != 0o700:  # the umask takes from the mode of mkdir
            folder.chmod(0o700)


def _own(folder: Path) -> bool:
    """Whether a folder in a place where everybody may write is this user's, and nobody else may write in it."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


class _Account(NamedTuple):
    """What the file says. ``stamps``: moments of calls, in order; ``paused``: no call before; ``horizon``: how long a
    stamp is kept, in seconds."""

    stamps: list[float]
    paused: float
    horizon: float


class Limiter:
    """At most ``rate.per_second`` calls in any second and ``rate.per_minute`` in any minute; 0 is no limit.

    Below one, ``per_second`` is a distance: 0.5 is one call every two seconds (so with ``per_minute``). A fraction above
    one is rounded down. ``account`` says whose calls are counted together, ``folder`` where the files lie.

    A damaged file, or one of another boot, is started anew. Where the folder cannot be used (``shared`` is False then)
    the rate holds for this process alone: a delivery must not stand still for that.
    """

    def __init__(
        self, account: str, rate: Rate, folder: Path, *, sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._windows = list(_windows(rate))
        horizon = max((seconds for _, seconds in self._windows), default=0.0)
        self._horizon = min(max(horizon, 60.0), MOST_HORIZON_SECONDS) + SPREAD_SECONDS
        name = hashlib.sha256(account.encode()).hexdigest()[:32]
        self._path = folder / f"calls-{name}.json"
        self._lock = FileLock(folder / f"calls-{name}.lock", mode=0o600)
        self._boot = _boot()
        self._own = _Account([], 0.0, self._horizon)
        self.shared = True

    def wait(self, stop: Callable[[], bool], *, take: bool = True) -> float:
        """Wait for the next call that is in order, and count it as made: so ask at the last moment before it. Without
        ``take`` nothing is counted. Returns the seconds waited.

        Ends at once when ``stop()`` is true; no call is counted then, and the caller asks ``stop()`` again.
        """
        began = self._clock()
        while not stop():
            free = self.take(stop, count=take)
            while (left := free - self._clock()) > 0 and not stop():
                self._sleep(min(left, SLICE_SECONDS))
            if not free:
                break
        return max(0.0, self._clock() - began)

    def pause(self, seconds: float) -> None:
        """Let no process of the account call for so long, an hour at most."""
        if not seconds > 0:
            return
        with self._locked(lambda: False):
            known = self._read()
            until = self._clock() + min(seconds, MOST_PAUSE_SECONDS)
            self._write(known._replace(paused=max(known.paused, until)))

    def take(self, stop: Callable[[], bool], *, count: bool = True) -> float:
        """Count a call as made now; 0. Or, when none is in order yet, the moment one may be. Asked to stop, 0, and none
        is counted; without ``count`` neither."""
        if not self._windows:  # nothing to count; only a pause holds it up
            known, now = self._read(), self._clock()
            return known.paused if known.paused > now else 0.0
        with self._locked(stop) as held:
            if not held:
                return 0.0
            known, now = self._read(), self._clock()
            free = known.paused
            for calls, seconds in self._windows:
                if len(known.stamps) >= calls:
                    free = max(free, known.stamps[-calls] + seconds)
            if free > now:
                return free
            if count:
                self._write(known._replace(stamps=[*known.stamps, now]))
            return 0.0

    @contextmanager
    def _locked(self, stop: Callable[[], bool]) -> Iterator[bool]:
        """Holds the file's lock, if there is one to be had; False: asked to stop before."""
        held = False
        if self.shared:
            for _ in range(LOCK_TRIES):
                if stop():
                    yield False
                    return
                try:
                    _make(self._path.parent)
                    self._lock.acquire(timeout=SLICE_SECONDS, poll_interval=0.01)
                except Timeout:
                    continue
                except (OSError, NotImplementedError):
                    break
                held = True
                break
            self.shared = held
        try:
            yield True
        finally:
            if held:
                self._lock.release()

    def _read(self) -> _Account:
        """What the file says, with what this process knows itself."""
        now = self._clock()
        found = _Account([], 0.0, self._horizon)
        if self.shared:
            # Not there yet, damaged, or of another boot: started anew.
            with suppress(OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
                found = _valid(json.loads(self._path.read_bytes()), self._boot, now)
        horizon = max(found.horizon, self._horizon)
        stamps = sorted((Counter(found.stamps) | Counter(self._own.stamps)).elements())
        return _Account(
            [stamp for stamp in stamps if stamp > now - horizon], max(found.paused, self._own.paused), horizon,
        )

    def _write(self, known: _Account) -> None:
        self._own = known
        if not self.shared:
            return
        text = json.dumps({
            "feedbridge_calls": FORMAT, "boot": self._boot, "stamps": known.stamps, "paused": known.paused,
            "horizon": known.horizon,
        })
        beside = self._path.with_suffix(".new")
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "w", encoding="ascii") as file:
                os.fchmod(handle, 0o600)  # one that was left there may be open to all
                file.write(text)
            os.replace(beside, self._path)
        except OSError:
            self.shared = False


def _windows(rate: Rate) -> Iterator[tuple[int, float]]:
    """(calls, seconds): so many calls at most in any stretch of so many seconds.

    >>> list(_windows(Rate(per_second=0.5, per_minute=30)))
    [(1, 2.02), (30, 60.25)]
    """
    for most, span in ((rate.per_second, 1.0), (rate.per_minute, 60.0)):
        if most >= 1:
            yield math.floor(most) if math.isfinite(most) else 1_000_000, span + SPREAD_SECONDS
        elif most > 0:
            yield 1, min(span / most, MOST_HORIZON_SECONDS) + MARGIN_SECONDS


def _valid(read: object, boot: str, now: float) -> _Account:
    """Raises ValueError, KeyError, TypeError or OverflowError for what is no file of this boot."""
    if not isinstance(read, dict) or read["feedbridge_calls"] != FORMAT or read["boot"] != boot:
        raise ValueError
    stamps = [float(stamp) for stamp in read["stamps"]]
    paused, horizon = float(read["paused"]), float(read["horizon"])
    most = MOST_HORIZON_SECONDS + SPREAD_SECONDS
    # Moments that are yet to come are of another boot, where the system does not tell one from the next.
    if not all(stamp <= now + 1 for stamp in stamps) or not paused <= now + MOST_PAUSE_SECONDS + 1 or not horizon <= most:
        raise ValueError
    return _Account(stamps, paused, horizon)


def _boot() -> str:
    """What tells this boot of the machine from others: its clock begins anew with each. Empty where it is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
