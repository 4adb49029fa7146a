"""The output folder, which appears whole or not at all.

A run writes into a working folder beside the final one and puts it in place in one step, so that a
reader sees the old output or the new one, never half of either, whatever instant the run ends at::

    .shop.feedbridge-lock               held while a run writes; a second run is turned away
    .shop.feedbridge-4711-9f3a01c2      the working folder of process 4711
    .shop.feedbridge-4711-9f3a01c2-old  the replaced output, where the system cannot exchange two folders

Where it can (Linux, most file systems) an existing output is exchanged in one system call. Elsewhere
it steps aside first; a run killed at that very instant is mended by the next one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

from feedbridge.errors import CommandError, OutputError

__all__ = ["Exchange", "OutputFolder", "exchange_folders"]

Exchange = Callable[[Path, Path], bool]
"""Make two paths change places in one step; False, and nothing done, where the system cannot."""

MANIFEST = "manifest.json"
FILES_SYNCED_SINGLY = 1000
"""From here on one flush of the whole file system is much quicker than one a file."""


class OutputFolder:
    """A folder that is written beside its place and put there whole.

    ::

        with OutputFolder(Path("out/shop")) as output:
            (output.working / "manifest.json").write_bytes(…)
            output.commit()

    ``working`` is where to write until ``commit()``; leaving the ``with`` block before that, by an
    exception, Ctrl-C or SIGTERM (which arrives as KeyboardInterrupt), leaves no trace. An existing
    folder is replaced only if it is empty or a feedbridge output: its ``manifest.json`` says so.

    Shape:  ``inputs`` are the files the run reads; none may lie in the folder to be replaced.
    Raises: CommandError, before anything is done: the folder is not ours to replace, holds an input,
            is in use, or another run is writing it. OutputError: no room, no permission.
    """

    def __init__(self, final: Path, *, inputs: Iterable[Path] = (), exchange: Exchange | None = None) -> None:
        self.shown = str(final)
        self.final = Path(os.path.realpath(final))  # a link to a folder stays, its target is replaced
        self.inputs = tuple(inputs)
        self.working = self.final.parent / f".{self.final.name}.feedbridge-{os.getpid()}-{os.urandom(4).hex()}"
        self._aside = self.working.with_name(self.working.name + "-old")
        self._exchange = exchange or exchange_folders
        self._owner = os.getpid()
        self._made_parent = False
        self._lock: _Lock | None = None
        self._signals: dict[signal.Signals, object] = {}

    def __enter__(self) -> OutputFolder:
        self._refuse()
        try:
            self._make_parent()
            self._lock = _Lock(self.final.with_name(f".{self.final.name}.feedbridge-lock"), self.shown)
            self._sweep()
            self._refuse()
            self._catch_signals()
            self.working.mkdir()
        except OSError as exc:
            self._leave()
            raise _output_error(exc, self.shown) from exc
        except BaseException:
            self._leave()
            raise
        return self

    def commit(self) -> None:
        """Put the working folder in place. Raises OutputError, and CommandError when someone else put
        other things into the place since the run began; the place is then as it was."""
        try:
            _sync_tree(self.working)
            self._refuse()
            self._replace()
            _sync(self.final.parent)
        except OSError as exc:
            raise _output_error(exc, self.shown) from exc

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if os.getpid() == self._owner:  # a forked worker that unwinds owns nothing here
            self._leave()

    def _replace(self) -> None:
        if not self.final.exists() or not any(self.final.iterdir()):
            self.working.rename(self.final)  # over an empty folder, too, this is one step
            return
        shutil.copymode(self.final, self.working)
        if self._exchange(self.working, self.final):
            return  # the old output is now at `working`, and goes when the block is left
        self.final.rename(self._aside)
        self.working.rename(self.final)

    def _leave(self) -> None:
        """Remove all but the final folder; whatever cannot be removed, the next run sweeps."""
        with contextlib.suppress(OSError):
            if self._aside.exists() and not self.final.exists():
                self._aside.rename(self.final)
        for leftover in (self.working, self._aside):
            shutil.rmtree(leftover, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
        if self._made_parent:
            with contextlib.suppress(OSError):  # not empty: the output is in it
                self.final.parent.rmdir()
        for number, handler in self._signals.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal.signal() gave it
        self._signals.clear()

    def _refuse(self) -> None:
        """Raise CommandError when the final folder must not be replaced."""

        def no(message: str, code: str, mend: str) -> CommandError:
            return CommandError(message, where=self.shown, code=f"output.{code}", mend=mend)

        try:
            if not self.final.exists():
                return
            if not self.final.is_dir():
                raise no("is a file, not a folder", "is-file", "name a folder that does not exist yet")
            if os.path.ismount(self.final):
                raise no(
                    "is a mount point, so it cannot be replaced whole", "mount-point",
                    f"name a folder inside it, such as {Path(self.shown) / 'feed'}",
                )
            if _is_current(self.final):
                raise no(
                    "is the folder you are in, so it cannot be replaced", "current-folder",
                    "name a folder inside it, or run the command from elsewhere",
                )
            inside = [path for path in self.inputs if Path(os.path.realpath(path)).is_relative_to(self.final)]
            if inside:
                raise no(
                    f"holds {inside[0]}, which this run reads; replacing the folder would delete it", "holds-input",
                    "name another output folder, or move the file out of this one first",
                )
            if any(self.final.iterdir()) and not _is_ours(self.final):
                raise no(
                    f"is not empty and not a feedbridge output (no {MANIFEST} of feedbridge in it)", "not-ours",
                    "name a new folder, or empty this one yourself",
                )
            other = _somebodys(self.final)
            if other is not None:
                path, why = other
                raise no(
                    f"holds {path}, which {why}; replacing the folder would delete it", "holds-others",
                    "move it out of this folder first, or name another output folder",
                )
        except OSError as exc:
            raise _output_error(exc, self.shown) from exc

    def _make_parent(self) -> None:
        parent = self.final.parent
        if parent.is_dir():
            return
        if not parent.parent.is_dir():
            raise CommandError(
                f"there is no folder {parent.parent} to make it in", where=self.shown, code="output.no-parent",
                mend="check the path, or make the folder first",
            )
        parent.mkdir()
        self._made_parent = True

    def _sweep(self) -> None:
        """Clear away what runs that were killed left here. Called with the lock held.

        Only names of processes that no longer live on this computer: a live one may have lost its
        lock file to someone tidying up.
        """
        named = re.compile(rf"\.{re.escape(self.final.name)}\.feedbridge-(\d+)-[0-9a-f]{{8}}(-old)?")
        for path in sorted(self.final.parent.iterdir()):
            match = named.fullmatch(path.name)
            if match is None or _is_alive(int(match[1])):
                continue
            if match[2] and not self.final.exists() and _is_ours(path):
                path.rename(self.final)  # killed between stepping aside and taking its place
            else:
                shutil.rmtree(path, ignore_errors=True)

    def _catch_signals(self) -> None:
        """Let SIGTERM and SIGHUP unwind as Ctrl-C does, unless someone else handles or ignores them."""
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread may; the program around a notebook's thread has its own ways
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                self._signals[number] = signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:  # a forked worker: die as it would have without us
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        raise KeyboardInterrupt(signal.Signals(number).name)


class _Lock:
    """Held by one run at a time; the system lets go of it when the process dies, however it dies."""

    def __init__(self, path: Path, shown: str) -> None:
        self.path = path
        while True:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(self._fd, 200).decode(errors="replace").strip() or "just started"
                os.close(self._fd)
                raise CommandError(
                    f"another run is writing this folder ({holder})", where=shown, code="output.busy",
                    mend="wait until it has ended, or name another folder",
                ) from None
            except OSError as exc:
                # Some network file systems have no locks. The last run to end wins there, still whole.
                if exc.errno not in {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}:
                    os.close(self._fd)
                    raise
            if self._is_in_place():
                break
            os.close(self._fd)  # the run before removed the file between our opening and locking it
        _held.add(self._fd)
        os.truncate(self._fd, 0)
        os.write(self._fd, f"process {os.getpid()} on {os.uname().nodename}\n".encode())

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self.path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        _held.discard(self._fd)
        os.close(self._fd)


_held: set[int] = set()


def _let_go_in_child() -> None:
    """A forked worker that outlives a killed run must not keep its lock."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)


class _Tool(msgspec.Struct):
    name: str


class _Manifest(msgspec.Struct):
    tool: _Tool


def _somebodys(folder: Path) -> tuple[str, str] | None:
    """A file in an output folder that feedbridge did not write, or a quarantine file that was changed since (somebody's
    mended rows), and which of the two; None when there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        ours = {MANIFEST, "findings.jsonl", "report.html", "quarantine", *manifest["platforms"]}
        held = {entry["path"]: entry["sha256"] for entry in manifest["quarantine"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for path in sorted(folder.iterdir()):
        if path.name not in ours:
            return path.name, "feedbridge did not write"
    quarantine = folder / "quarantine"
    for path in sorted(quarantine.iterdir()) if quarantine.is_dir() else ():
        name = f"quarantine/{path.name}"
        if name not in held:
            return name, "feedbridge did not write"
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != held[name]:
            return name, "was changed since it was written (mended, perhaps)"
    return None


def _is_ours(folder: Path) -> bool:
    try:
        text = (folder / MANIFEST).read_bytes()
        return msgspec.json.decode(text, type=_Manifest).tool.name == "feedbridge"
    except (FileNotFoundError, IsADirectoryError, msgspec.DecodeError):
        return False


def _is_current(folder: Path) -> bool:
    """Whether this process stands in the folder or below it."""
    try:
        return Path.cwd().is_relative_to(folder)
    except FileNotFoundError:  # it stands in a folder that was removed
        return False


def _is_alive(process: int) -> bool:
    """Whether another process of that number lives here. Our own number is a dead process's: this one
    holds the lock and has only just begun."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def exchange_folders(one: Path, other: Path) -> bool:
    """Make two folders of one file system change places in one step.

    Returns: False, and nothing done, where the system or the file system cannot.
    Source:  renameat2(2), RENAME_EXCHANGE.
    """
    import ctypes  # here and below: only a run that is about to end needs it

    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), ctypes.c_uint(exchange)) == 0)


def _sync_tree(folder: Path) -> None:
    """Bring a folder with all in it to the disk, so that a power cut after the rename leaves no empty files."""
    paths = [folder]
    for path, folders, files in os.walk(folder):
        paths += [Path(path, name) for name in (*folders, *files)]
    if len(paths) > FILES_SYNCED_SINGLY and _sync_filesystem(folder):
        return
    for one in reversed(paths):
        _sync(one)


def _sync_filesystem(folder: Path) -> bool:
    import ctypes

    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)
    if syncfs is None:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return bool(syncfs(descriptor) == 0)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_MENDS = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room: your quota on this disk is used up",
    errno.EROFS: "name a folder on a disk that can be written",
    errno.EACCES: "give yourself permission to write in the folder around it, or name another folder",
    errno.EPERM: "give yourself permission to write in the folder around it, or name another folder",
    errno.ENAMETOOLONG: "choose a shorter folder name",
}


def _output_error(exc: OSError, shown: str) -> OutputError:
    mend = _MENDS.get(exc.errno or 0, "look at the disk and the path")
    return OutputError(
        f"cannot write: {exc.strerror or exc}", where=shown, code="output.write",
        mend=f"{mend}, then run the same command again; nothing half-written was left",
    )
