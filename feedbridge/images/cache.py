"""What is known of pictures from before: one small file an address. Holds no address and no picture, only what was found."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec

from feedbridge.errors import CommandError
from feedbridge.images.picture import Facts

__all__ = ["Cache", "Known", "fingerprint"]

VERSION = 1
_MOST_BYTES = 1 << 14


Validator = Annotated[str, msgspec.Meta(pattern=r"\A[ -~]{0,512}\Z")]
"""What is sent back to the server as a header: printable ASCII."""


class Known(msgspec.Struct, frozen=True):
    """``final``: fingerprint of the address that gave the picture, after redirects; ``etag`` and ``modified`` as its
    server gave them, ``""`` when it did not."""

    version: int
    final: str
    etag: Validator
    modified: Validator
    facts: Facts


def fingerprint(url: str) -> str:
    """By this an address is known; it may hold a secret, so it is not kept itself."""
    return hashlib.sha256(url.encode()).hexdigest()


class Cache:
    """A folder of ``Known``; without a name the user's cache folder, or none at all when that cannot be written.

    ``missing``  why there is none, "" when there is one
    Raises: CommandError when a folder that was named cannot be written.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder: Path | None = folder
        self.missing = ""
        try:
            self.folder = folder or _users_folder()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as exc:
            if folder is None:
                self.folder, self.missing = None, exc.strerror or "it has no place"
                return
            raise CommandError(
                f"the cache of pictures cannot be written: {exc.strerror}",
                where=str(folder),
                code="command.images",
                mend="name a folder that can: --image-cache DIR",
            ) from exc

    def _path(self, url: str, folder: Path) -> Path:
        name = fingerprint(url)
        return folder / name[:2] / f"{name}.json"

    def get(self, url: str) -> Known | None:
        """What is known of an address; None when nothing is, or what is there cannot be trusted."""
        if self.folder is None:
            return None
        try:
            with self._path(url, self.folder).open("rb") as file:
                known = msgspec.json.decode(file.read(_MOST_BYTES), type=Known)
        except (OSError, ValueError, RecursionError):  # msgspec.DecodeError is a ValueError
            return None
        return known if known.version == VERSION and (known.etag or known.modified) else None

    def put(self, url: str, known: Known) -> None:
        """Keep what was found, whole or not at all. A full disk costs the next run time, not this one its result."""
        if self.folder is None:
            return
        path = self._path(url, self.folder)
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


def _users_folder() -> Path:
    """Raises OSError when the user has none."""
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("feedbridge") / "images"
    except RuntimeError as exc:
        raise OSError from exc
    if not folder.is_absolute():  # "~" of a user without a home
        raise OSError
    return folder
