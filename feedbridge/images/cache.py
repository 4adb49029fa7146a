"""What is known of pictures from before: one small file an address. Holds no address and no picture, only what was found."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from feedbridge.errors import CommandError
from feedbridge.images.picture import Facts

__all__ = ["Cache", "Known", "fingerprint"]

VERSION = 1
_MOST_BYTES = 1 << 14


class Known(msgspec.Struct, frozen=True):
    """``final``: fingerprint of the address that gave the picture, after redirects; ``etag`` and ``modified`` as its
    server gave them, ``""`` when it did not."""

    version: int
    final: str
    etag: str
    modified: str
    facts: Facts


def fingerprint(url: str) -> str:
    """By this an address is known; it may hold a secret, so it is not kept itself."""
    return hashlib.sha256(url.encode()).hexdigest()


class Cache:
    """A folder of ``Known``. Raises CommandError when it cannot be made."""

    def __init__(self, folder: Path | None) -> None:
        if folder is None:
            from platformdirs import user_cache_path

            folder = user_cache_path("feedbridge") / "images"
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as exc:
            raise CommandError(
                f"the cache of pictures cannot be written: {exc.strerror}",
                where=str(folder),
                code="command.images",
                mend="name a folder that can: --image-cache DIR",
            ) from exc

    def _path(self, url: str) -> Path:
        name = fingerprint(url)
        return self.folder / name[:2] / f"{name}.json"

    def get(self, url: str) -> Known | None:
        """What is known of an address; None when nothing is, or what is there cannot be trusted."""
        try:
            with self._path(url).open("rb") as file:
                known = msgspec.json.decode(file.read(_MOST_BYTES), type=Known)
        except (OSError, ValueError):  # msgspec.DecodeError is a ValueError
            return None
        return known if known.version == VERSION and (known.etag or known.modified) else None

    def put(self, url: str, known: Known) -> None:
        """Keep what was found, whole or not at all. A full disk costs the next run time, not this one its result."""
        path = self._path(url)
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle, part = tempfile.mkstemp(prefix="part-", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.encode(known))
                os.replace(part, path)
            except BaseException:
                os.unlink(part)
                raise
