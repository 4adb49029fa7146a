"""Plan files: JSON Lines that are whole or not there, and that tell when they were cut or edited.

::

    {"feedbridge_plan": 1, "job": "shop", …}              PlanHeader
    {"target": "flipsnack", "op": "update", …}            Change, one a line, in the order of OPERATIONS
    {"end": 2, "sha256": "9f86…"}                         changes, and the digest of every byte before this line
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from feedbridge.errors import FeedbridgeError, OutputError
from feedbridge.sync.model import Change, PlanHeader

__all__ = ["PlanError", "PlanReader", "PlanWriter", "VERSION", "read_plan"]

VERSION = 1
BUFFER_BYTES = 1 << 20
HEADER_BYTES = 1 << 28
END_BYTES = 200
"""The last line is always shorter."""
LEFT_SECONDS = 3600.0
AGAIN = "make the plan again: feedbridge plan JOB"


class PlanError(FeedbridgeError):
    """A plan cannot be used; nothing was done. Codes: ``plan.missing``, ``plan.damaged``, ``plan.newer``."""

    exit_status = 2


class PlanWriter:
    """Writes a plan file.

    ``path``  where the plan appears, whole and readable by its owner only (mode 0600), when it is complete; a plan that
              was there before is replaced then, and stays as it was when writing fails. It is written in a hidden file
              beside it, which a kill leaves behind and the next writing of the same plan takes away
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def write(self, header: PlanHeader, changes: Iterable[Change]) -> str:
        """Write header and changes, one at a time; the digest that the file ends with.

        Raises:  OutputError, code ``plan.write``; what ``changes`` raises passes. Either leaves no new file.
        """
        real = Path(os.path.realpath(self.path))
        try:
            if real.exists() and not real.is_file():
                kind = "a folder" if real.is_dir() else "no ordinary file"
                raise OutputError(
                    f"a plan cannot be written here: it is {kind}", where=str(self.path), code="plan.write",
                    mend="name a file",
                )
            _sweep(real)
            handle, part = tempfile.mkstemp(
                prefix=f".{real.name[:100]}.{os.getpid()}-{_machine()}.", suffix=".part", dir=real.parent
            )
        except OSError as exc:
            raise self._unwritable(exc) from exc
        # mkstemp makes files that only their owner can read. Closing may fail too (a full disk), so it is a step.
        file = open(handle, "wb", buffering=BUFFER_BYTES)  # noqa: SIM115
        try:
            digest = self._fill(file, header, changes)
            self._step(file.flush)
            self._step(lambda: os.fsync(file.fileno()))
            self._step(file.close)
            self._step(lambda: os.replace(part, real))
        except BaseException:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        _sync_folder(real.parent)
        return digest

    def _fill(self, file: BinaryIO, header: PlanHeader, changes: Iterable[Change]) -> str:
        encoder = msgspec.json.Encoder()
        digest = hashlib.sha256()
        line = bytearray()

        def write() -> None:
            line.extend(b"\n")
            digest.update(line)
            self._step(lambda: file.write(line))

        # The version is written although it is the default: it is how a plan is known for one.
        encoder.encode_into({"feedbridge_plan": header.feedbridge_plan} | msgspec.to_builtins(header), line)
        write()
        count = 0
        for change in changes:
            encoder.encode_into(change, line)
            write()
            count += 1
        end = encoder.encode({"end": count, "sha256": digest.hexdigest()}) + b"\n"
        self._step(lambda: file.write(end))
        return digest.hexdigest()

    def _step(self, step: Any) -> None:
        """Do one thing to the file. An OSError of ``changes`` itself is not one of the file."""
        try:
            step()
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _unwritable(self, exc: OSError) -> OutputError:
        return OutputError(
            f"the plan cannot be written: {exc.strerror or exc}", where=str(self.path), code="plan.write",
            mend="make room on the disk, or name a place that can be written to",
        )


def _machine() -> str:
    """This start of this machine, or container: the process ids of another say nothing here."""
    from feedbridge.sync.lease import myself

    me = myself()
    return hashlib.sha256(f"{me.host} {me.boot}".encode()).hexdigest()[:8]


def _sweep(real: Path) -> None:
    """Take away what a writing of this plan left that was killed: its process is gone, or it is an hour old."""
    name = re.compile(rf"\.{re.escape(real.name[:100])}\.(\d+)-([0-9a-f]{{8}})\.[a-z0-9_]+\.part")
    with contextlib.suppress(OSError), os.scandir(real.parent) as entries:
        for entry in entries:
            found = name.fullmatch(entry.name)
            if found is None:
                continue
            with contextlib.suppress(OSError):
                old = time.time() - entry.stat(follow_symlinks=False).st_mtime > LEFT_SECONDS
                if old or (found[2] == _machine() and _is_gone(int(found[1]))):
                    os.unlink(entry.path)


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _sync_folder(folder: Path) -> None:
    """Bring the new name to disk, where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _Print(NamedTuple):
    """By which a file is known to be the one that was checked."""

    device: int
    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, file: BinaryIO) -> _Print:
        state = os.fstat(file.fileno())
        return cls(state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


class PlanReader:
    """A plan file that was found whole.

    ``header``  its first line         ``count``   changes in it
    ``sha256``  the digest it ends with
    """

    def __init__(self, path: Path, header: PlanHeader, count: int, sha256: str, checked: _Print) -> None:
        self.path = path
        self.header = header
        self.count = count
        self.sha256 = sha256
        self._checked = checked

    def changes(self, ops: Collection[str] | None = None, target: str | None = None) -> Iterator[Change]:
        """The changes in the order of the file, one at a time: of these operations and this target, where given.

        Raises:  PlanError when the file is no longer the one that was checked.
        """
        decoder = msgspec.json.Decoder(Change)
        for number, line in self._lines():
            try:
                change = decoder.decode(line)
            except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
                raise _damaged(self.path, f"line {number} is no change: {exc}") from exc
            if (ops is None or change.op in ops) and (target is None or change.target == target):
                yield change

    def plain(self, ops: Collection[str] | None = None, target: str | None = None) -> Iterator[dict[str, Any]]:
        """As ``changes``, as the plain objects that stand in the file: what feedbridge.report shows."""
        decoder = msgspec.json.Decoder(dict[str, Any])
        for number, line in self._lines():
            try:
                change = decoder.decode(line)
            except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
                raise _damaged(self.path, f"line {number} is no change: {exc}") from exc
            if (ops is None or change.get("op") in ops) and (target is None or change.get("target") == target):
                yield change

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """(number in the file, text) of every change."""
        with _opened(self.path) as file:
            if _Print.of(file) != self._checked:
                raise _damaged(self.path, "it was changed after it was checked")
            file.readline(HEADER_BYTES)
            for number in range(2, self.count + 2):
                yield number, file.readline()


def read_plan(path: str | os.PathLike[str]) -> PlanReader:
    """Open a plan file, and check that it is whole by reading it once, before anything in it is used.

    Raises:  PlanError, codes ``plan.missing``, ``plan.damaged``, ``plan.newer``.
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            checked = _Print.of(file)
            first = file.readline(HEADER_BYTES)
            _check_version(path, first)
            count, sha256 = _check_whole(path, file, checked.size)
    except OSError as exc:
        raise _missing(path, f"the plan cannot be read: {exc.strerror or exc}") from exc
    try:
        header = msgspec.json.decode(first, type=PlanHeader)
    except (msgspec.MsgspecError, ValueError) as exc:
        raise _damaged(path, f"line 1 is no head of a plan: {exc}") from exc
    return PlanReader(path, header, count, sha256, checked)


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _missing(path, "this is a folder, no plan" if path.is_dir() else "this is no ordinary file")
        return open(path, "rb", buffering=BUFFER_BYTES)
    except FileNotFoundError as exc:
        raise _missing(path, "there is no such plan") from exc
    except OSError as exc:
        raise _missing(path, f"the plan cannot be read: {exc.strerror or exc}") from exc
    except ValueError as exc:  # a NUL in the path
        raise _missing(path, "there is no such plan") from exc


def _check_version(path: Path, first: bytes) -> None:
    try:
        head = msgspec.json.decode(first)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise _damaged(path, "this is no plan, or its first line was cut") from exc
    version = head.get("feedbridge_plan") if isinstance(head, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _damaged(path, "this is no plan")
    if version > VERSION:
        raise PlanError(
            f"the plan is of version {version}, and this feedbridge reads version {VERSION}", where=str(path),
            mend="use the feedbridge that made it, or make the plan again with this one", code="plan.newer",
        )


def _check_whole(path: Path, file: BinaryIO, size: int) -> tuple[int, str]:
    """(changes, digest) of a file that is as it was written."""
    file.seek(max(0, size - END_BYTES))
    tail = file.read(END_BYTES)
    start = tail.rfind(b"\n", 0, -1) + 1
    try:
        end = msgspec.json.decode(tail[start:], type=_End)
    except (msgspec.MsgspecError, ValueError) as exc:
        raise _damaged(path, "the plan was cut: its last line is missing") from exc
    left = size - (len(tail) - start)
    file.seek(0)
    digest = hashlib.sha256()
    lines = 0
    while left > 0 and (chunk := file.read(min(BUFFER_BYTES, left))):
        digest.update(chunk)
        lines += chunk.count(b"\n")
        left -= len(chunk)
    if not tail.endswith(b"\n") or left or digest.hexdigest() != end.sha256 or lines != end.end + 1:
        raise _damaged(path, "the plan was cut or edited: its digest does not fit")
    return end.end, end.sha256


class _End(msgspec.Struct):
    end: int
    sha256: str


def _damaged(path: Path, message: str) -> PlanError:
    return PlanError(message, where=str(path), mend=f"a plan cannot be edited by hand; {AGAIN}", code="plan.damaged")


def _missing(path: Path, message: str) -> PlanError:
    return PlanError(message, where=str(path), mend=AGAIN, code="plan.missing")
