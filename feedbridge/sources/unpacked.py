"""Files that must be sought in (workbooks, Parquet), as they lie on disk or unpacked into a temporary file."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from feedbridge.errors import SourceError
from feedbridge.sources.files import is_compressed, open_binary

__all__ = ["is_workbook", "members", "open_seekable"]

_BLOCK_BYTES = 1 << 20
_OFFICE = ("[content_types].xml", "xl/", "word/", "ppt/", "meta-inf/manifest.xml", "_rels/.rels")


@contextmanager
def open_seekable(path: Path) -> Iterator[BinaryIO]:
    """A file to seek in: itself, or unpacked when it is compressed. A workbook is a zip file that stays as it is.

    Raises: SourceError.
    """
    kind = is_compressed(path)
    if not kind or (kind == "zip" and is_workbook(path)):
        try:
            stream = path.open("rb")
        except OSError as exc:
            raise SourceError(
                f"this file cannot be read: {exc.strerror or exc}", where=str(path), code="source.unreadable",
                mend="copy it to another disk or fetch it again",
            ) from exc  # fmt: skip
        with stream:
            yield stream
        return
    with tempfile.TemporaryFile(prefix="feedbridge-") as target:
        try:
            with open_binary(path) as packed:
                shutil.copyfileobj(packed, target, _BLOCK_BYTES)
            target.seek(0)
        except OSError as exc:
            raise SourceError(
                f"it could not be unpacked into a temporary file: {exc.strerror or exc}", where=str(path),
                code="source.unreadable", mend="make room in the folder for temporary files (TMPDIR)",
            ) from exc  # fmt: skip
        yield cast(BinaryIO, target)


def members(path: Path) -> list[str]:
    """Names of the files in a zip file; none when it cannot be read as one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.replace("\\", "/") for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def is_workbook(path: Path) -> bool:
    """Whether a zip file is itself a document of an office program, not a folder that was packed."""
    return any(name.lower().startswith(_OFFICE) for name in members(path))
