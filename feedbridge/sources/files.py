"""Files as they lie on disk: found, opened, decompressed. No traceback for what a user's folder may hold."""

from __future__ import annotations

import atexit
import bz2
import glob
import gzip
import hashlib
import io
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from feedbridge.errors import SourceError

__all__ = [
    "BOMB_BYTES",
    "BOMB_RATIO",
    "compression",
    "expand",
    "is_compressed",
    "open_binary",
    "sha256",
    "size",
    "spool_stdin",
    "strip_compression_suffix",
]

BOMB_RATIO = 200
BOMB_BYTES = 1 << 30

_BLOCK_BYTES = 1 << 18
_MAGIC_BYTES = 10
# "BZh" alone may begin a text, so the number pi that bzip2 puts behind its level is asked for as well.
_BZIP2_STARTS = (bytes.fromhex("314159265359"), bytes.fromhex("177245385090"))
_SUFFIXES = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".zip")


def is_compressed(path: Path) -> str:
    """How a file is compressed, by its first bytes: ``""``, ``gzip``, ``bzip2``, ``xz``, ``zstd`` or ``zip``.

    Raises: SourceError when the file is missing, a folder or may not be read.
    """
    with _open(path) as stream:
        return compression(_start(path, stream))


def open_binary(path: Path, *, bomb_ratio: int = BOMB_RATIO, bomb_bytes: int = BOMB_BYTES) -> BinaryIO:
    """Open a file for reading its bytes, decompressed when its first bytes say gzip, bzip2, xz, zstd or zip.

    A zip file must hold exactly one file. Output beyond ``bomb_ratio`` times the compressed size and beyond
    ``bomb_bytes`` is refused. Uncompressed files can be sought in, decompressed streams cannot.

    Raises: SourceError, here and from reading what is returned.
    """
    stream = _open(path)
    try:
        kind = compression(_start(path, stream))
        if not kind:
            return stream
        size = os.fstat(stream.fileno()).st_size
        limit = max(bomb_ratio * size, bomb_bytes)
        return cast(BinaryIO, io.BufferedReader(_Decompressed(path, kind, stream, limit), _BLOCK_BYTES))
    except BaseException:
        stream.close()
        raise


def spool_stdin(stream: BinaryIO) -> Path:
    """Copy a stream that can be read once into a temporary file, removed when the program ends."""
    try:
        handle, name = tempfile.mkstemp(prefix="feedbridge-stdin-")
        path = Path(name)
        atexit.register(path.unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(stream, target, _BLOCK_BYTES)
    except OSError as exc:
        raise SourceError(
            f"standard input could not be copied to a temporary file: {exc.strerror or exc}",
            where="<stdin>",
            mend="make room in the folder for temporary files (TMPDIR), or save the input as a file and name it",
            code="source.unreadable",
        ) from exc
    return path


def sha256(path: Path) -> str:
    """Digest of the bytes as they lie on disk, as 64 hexadecimal digits. Raises SourceError."""
    with _open(path) as stream:
        try:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as exc:
            raise _unreadable(path, exc) from exc


def size(path: Path) -> int:
    """Bytes on disk. Raises SourceError."""
    with _open(path) as stream:
        return os.fstat(stream.fileno()).st_size


def strip_compression_suffix(name: str) -> str:
    """
    >>> strip_compression_suffix("feed.csv.gz")
    'feed.csv'
    """
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def expand(patterns: Sequence[str]) -> list[Path]:
    """The files that names and glob patterns stand for, in the order given, each pattern's files sorted by name.

    ``-`` stays as it is. A file that several patterns find is listed once: read twice it would double its products.
    A name that exists is taken as it is, even with ``[`` in it.

    Raises: SourceError for a folder and for a pattern without a match.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        for path in _matches(pattern):
            found.setdefault(path if path == Path("-") else _resolved(path), path)
    return list(found.values())


def _resolved(path: Path) -> Path:
    try:
        str(path).encode()
        return path.resolve()
    except UnicodeEncodeError as exc:
        raise SourceError(
            "its name has a byte that is not UTF-8, so no report could name it",
            where=os.fsencode(path).decode("utf-8", "backslashreplace"),
            mend="rename it, or pipe it into the command and give -",
            code="source.unreadable",
        ) from exc
    except (OSError, RuntimeError) as exc:
        raise SourceError(
            "this link leads back to itself",
            where=str(path),
            mend="name the file itself",
            code="source.unreadable",
        ) from exc


def _matches(pattern: str) -> list[Path]:
    path = Path(pattern)
    if pattern == "-":
        return [path]
    if os.path.lexists(path):
        if path.is_dir():
            raise _folder(path)
        return [path]
    if not glob.has_magic(pattern):
        raise _missing(path)
    files = [Path(name) for name in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(name)]
    if not files:
        raise SourceError(
            "no file matches this pattern",
            where=pattern,
            mend="check the folder and the spelling; in a shell, put the pattern in quotes",
            code="source.no-match",
        )
    return files


def _open(path: Path) -> io.BufferedReader:
    try:
        # Asked first: opening a pipe would wait for somebody to write to it.
        if path.exists() and not path.is_file():
            raise _folder(path) if path.is_dir() else _not_a_file(path)
        return path.open("rb")
    except FileNotFoundError as exc:
        raise _missing(path) from exc
    except PermissionError as exc:
        raise SourceError(
            "you have no permission to read this file",
            where=str(path),
            mend="ask its owner, or copy it to a folder of your own",
            code="source.permission",
        ) from exc
    except (OSError, ValueError) as exc:  # ValueError: a NUL character in the name
        raise _unreadable(path, exc) from exc


def _start(path: Path, stream: BinaryIO) -> bytes:
    try:
        start = stream.read(_MAGIC_BYTES)
        stream.seek(0)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    return start


def compression(start: bytes) -> str:
    """How bytes that begin so are compressed, as ``is_compressed`` names it."""
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"BZh") and start[4:10] in _BZIP2_STARTS:
        return "bzip2"
    if start.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return ""


class _Decompressed(io.RawIOBase):
    """Reads a compressed file, counts what comes out, and turns every decoder's complaint into a SourceError."""

    def __init__(self, path: Path, kind: str, stream: BinaryIO, limit: int) -> None:
        self._path = path
        self._kind = kind
        self._stream = stream
        self._limit = limit
        self._total = 0
        self._inner: Any = None
        self._inner = self._guarded(lambda: _decoder(path, kind, stream))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data: bytes = self._guarded(lambda: self._inner.read(len(buffer)))
        self._total += len(data)
        if self._total > self._limit:
            raise SourceError(
                f"unpacks to more than {self._limit // (1 << 20):,} MiB, which no honest feed of this size does",
                where=str(self._path),
                mend="if the file is what it should be, unpack it yourself and give the unpacked file",
                code="source.archive-bomb",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            if self._inner is not None:
                self._inner.close()
            self._stream.close()
        super().close()

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except SourceError:
            raise
        except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as exc:
            raise self._damaged(exc) from exc
        except (RuntimeError, NotImplementedError) as exc:  # zipfile: a password is needed, an unknown method
            raise SourceError(
                f"this zip file cannot be unpacked: {exc}",
                where=str(self._path),
                mend="unpack it yourself and give the unpacked file",
                code="source.archive",
            ) from exc

    def _damaged(self, exc: Exception) -> SourceError:
        return SourceError(
            f"this {self._kind} file is damaged or cut short: {exc}",
            where=str(self._path),
            mend="fetch it again (a download or export that broke off leaves such a file)",
            code="source.archive-damaged",
        )


def _decoder(path: Path, kind: str, stream: BinaryIO) -> Any:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=stream, mode="rb")
    if kind == "bzip2":
        return _Streams(stream, bz2.BZ2Decompressor, OSError, is_bounded=True)
    if kind == "xz":
        return _Streams(stream, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), lzma.LZMAError, is_bounded=True)
    if kind == "zstd":
        return _zstd(stream)
    return _only_member(path, stream)


def _only_member(path: Path, stream: BinaryIO) -> IO[bytes]:
    archive = zipfile.ZipFile(stream)
    # The Finder of macOS adds a folder of its own to every zip file.
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if len(members) == 1:
        return archive.open(members[0])
    names = [member.filename for member in members]
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")
    raise SourceError(
        f"this zip file holds {len(names):,} files, and it is not clear which to read: {shown}"
        if names
        else "this zip file holds no file",
        where=str(path),
        mend="unpack it and give the file you mean (an Excel workbook is such a file too: save it as CSV)",
        code="source.archive-members",
    )


class _Streams:
    """bzip2, xz or zstd streams one after the other, to the end of the file. The libraries' own readers leave out what
    follows a stream and is damaged or none, or take a file that is cut off for a whole one."""

    def __init__(self, stream: BinaryIO, new: Callable[[], Any], error: type[Exception], *, is_bounded: bool) -> None:
        self._new, self._error = new, error
        self._is_bounded = is_bounded
        self._stream = stream
        self._decoder: Any = None
        self._count = 0
        self._held = b""
        self._ready = b""

    def read(self, size: int) -> bytes:
        while not self._ready:
            decoder = self._decoder
            if decoder is not None and self._is_bounded and not decoder.needs_input:
                data = b""
            else:
                # Small bites: one bite may unpack to thousands of times its size.
                data = self._held or self._stream.read(1 << 14)
                self._held = b""
                if self._count and decoder is None:
                    data = data.lstrip(b"\0") if data[:1] == b"\0" else data  # padding, as gzip takes it
                    if not data and self._stream.peek(1):  # type: ignore[attr-defined]  # opened with a buffer
                        continue
                if not data:
                    if decoder is not None:
                        raise EOFError("its last part has no end")
                    return b""
            if decoder is None:
                decoder = self._decoder = self._new()
                self._count += 1
            try:
                self._ready = decoder.decompress(data, _BLOCK_BYTES) if self._is_bounded else decoder.decompress(data)
            except self._error as exc:
                which = f"in its part {self._count}, or what follows part {self._count - 1} does not belong to it: "
                raise EOFError(f"{which if self._count > 1 else ''}{exc}") from exc
            if decoder.eof:
                self._held = decoder.unused_data
                self._decoder = None
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def close(self) -> None:
        self._decoder = None


def _zstd(stream: BinaryIO) -> _Streams:
    import zstandard  # only zstd files need it

    return _Streams(
        stream, lambda: zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(), zstandard.ZstdError,
        is_bounded=False,
    )  # fmt: skip


def _missing(path: Path) -> SourceError:
    return SourceError(
        "there is no such file",
        where=str(path),
        mend="check the folder and the spelling",
        code="source.missing",
    )


def _folder(path: Path) -> SourceError:
    return SourceError(
        "this is a folder, not a file",
        where=str(path),
        mend=f'name the files in it, for example "{path}/*.csv"',
        code="source.folder",
    )


def _not_a_file(path: Path) -> SourceError:
    return SourceError(
        "this is a pipe or a device, which can be read only once",
        where=str(path),
        mend="give - and pipe the feed into the command",
        code="source.not-a-file",
    )


def _unreadable(path: Path, exc: Exception) -> SourceError:
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
    return SourceError(
        f"this file cannot be read: {reason}",
        where=str(path),
        mend="copy it to another disk or fetch it again",
        code="source.unreadable",
    )
