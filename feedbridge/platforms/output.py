"""Output files that know their own size and digest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from feedbridge.errors import OutputError

__all__ = ["HashedFile"]


class HashedFile:
    """A new file, written once; counts bytes and hashes them as they pass. Raises OutputError."""

    def __init__(self, path: Path, mode: int = 0o644) -> None:
        self.path = path
        self.bytes = 0
        self._digest = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb", buffering=1 << 18)
        except OSError as exc:
            raise _output_error(exc, path) from exc

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as exc:
            raise _output_error(exc, self.path) from exc
        self._digest.update(data)
        self.bytes += len(data)

    def close(self, relative_to: Path) -> dict[str, Any]:
        """Close; the file's line in the manifest. The run brings the whole folder to the disk before it shows it."""
        try:
            self._file.close()
        except OSError as exc:
            raise _output_error(exc, self.path) from exc
        return {
            "path": self.path.relative_to(relative_to).as_posix(),
            "bytes": self.bytes,
            "sha256": self._digest.hexdigest(),
        }


def _output_error(exc: OSError, path: Path) -> OutputError:
    return OutputError(
        f"cannot write: {exc.strerror or exc}", where=str(path), code="output.write",
        mend="make room or give permission, then run the same command again; nothing half-written was left",
    )
