"""Batch-upload folders on disk: one folder a product, its files first, its product.json last.

Nothing else is written: the folders are dropped on FlickRocket's uploader as they are.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from feedbridge.errors import CommandError, OutputError
from feedbridge.platforms.base import FileUse, Outcome
from feedbridge.platforms.flickrocket.download import default_folder
from feedbridge.platforms.flickrocket.payload import PLACEHOLDER_USER, LightUser
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.platforms.output import HashedFile

__all__ = ["Credentials", "FlickRocketWriter"]

EMAIL, PASSWORD = "FEEDBRIDGE_FLICKROCKET_EMAIL", "FEEDBRIDGE_FLICKROCKET_PASSWORD"
WARNING = (
    "every product.json holds the FlickRocket login in clear text (mode 0600): "
    "keep the folder to yourself and delete it after the upload"
)
COPY_BYTES = 1 << 20
_NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
)
_PLACEHOLDER = b'{"user":' + msgspec.json.encode(PLACEHOLDER_USER) + b","


class Credentials:
    """The FlickRocket login; shows itself nowhere and cannot be pickled."""

    __slots__ = ("_user",)

    def __init__(self, environment: Mapping[str, str]) -> None:
        missing = [name for name in (EMAIL, PASSWORD) if not environment.get(name)]
        if missing:
            raise CommandError(
                f"credentials are to be written, but {' and '.join(missing)} is not set",
                code="flickrocket.credentials",
                mend="set the environment variable, or leave --with-credentials out",
            )
        try:
            user = msgspec.json.encode(LightUser(email=environment[EMAIL], password=environment[PASSWORD]))
        except UnicodeEncodeError:
            # not chained: the exception carries the secret
            raise CommandError(
                f"{EMAIL} or {PASSWORD} is no UTF-8 text",
                code="flickrocket.credentials",
                mend="set it again",
            ) from None
        self._user = user

    def __repr__(self) -> str:
        return "Credentials(…)"

    def __reduce__(self) -> Any:
        raise TypeError("credentials stay in their process")

    def put_into(self, body: bytes) -> bytes:
        """The body with the login in the placeholder's place."""
        return b'{"user":' + self._user + b"," + body[len(_PLACEHOLDER) :]


class FlickRocketWriter:
    """Writes the accepted products of a run. Raises OutputError, and CommandError when credentials are missing."""

    def __init__(self, settings: FlickRocketSettings, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._link = settings.files == "link"
        self._credentials = Credentials(environment) if settings.with_credentials else None
        fetched = (settings.download_folder or default_folder()) if settings.download else None
        self._fetched_folder = os.path.join(fetched, "") if fetched is not None else None
        self._fetched: set[str] = set()
        self._files: list[dict[str, Any]] = []
        self._folders = 0

    def add(self, outcome: Outcome) -> None:
        """One folder: its files, then its product.json."""
        folder = self._folder / outcome.folder
        try:
            folder.mkdir()
        except OSError as exc:
            raise _output_error(exc, folder) from exc
        for use in outcome.files:
            self._files.append(self._put(use, folder))
            if self._fetched_folder is not None and use.source.startswith(self._fetched_folder):
                self._fetched.add(use.source)
        self._files.append(self._put_product(outcome.body, folder))
        self._folders += 1

    def finish(self) -> dict[str, Any]:
        """Files with bytes and digest, the number of folders, and what to be warned of.

        With credentials a product.json has no digest: it would let the password be guessed from the manifest.
        """
        for path in self._fetched:  # several products may share a fetched file, so not before the end
            with contextlib.suppress(OSError):
                os.unlink(path)
        told: dict[str, Any] = {"files": self._files, "folders": self._folders}
        if self._credentials is not None:
            told["warnings"] = [WARNING]
        return told

    def _put_product(self, body: bytes, folder: Path) -> dict[str, Any]:
        path = folder / "product.json"
        if not body.startswith(_PLACEHOLDER):
            raise OutputError(
                "the payload does not begin with its placeholder login", where=str(path), code="output.write"
            )
        file = HashedFile(path, 0o600 if self._credentials is not None else 0o644)
        whole = body if self._credentials is None else self._credentials.put_into(body)
        file.write(msgspec.json.format(whole, indent=2) + b"\n")
        told = file.close(self._folder)
        if self._credentials is not None:
            told["sha256"] = ""
        return told

    def _put(self, use: FileUse, folder: Path) -> dict[str, Any]:
        target = folder / use.target
        if not (self._link and self._linked(use.source, target)):
            return self._copied(use.source, target)
        try:
            digest, size = hashlib.sha256(), 0
            with open(target, "rb") as file:
                while chunk := file.read(COPY_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
        except OSError as exc:
            raise _output_error(exc, target) from exc
        return {"path": target.relative_to(self._folder).as_posix(), "bytes": size, "sha256": digest.hexdigest()}

    @staticmethod
    def _linked(source: str, target: Path) -> bool:
        """Whether a hard link could be made; where the disk allows none, the file is to be copied."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, target)
        except OSError as exc:
            if exc.errno in _NO_LINK:
                return False
            raise _output_error(exc, target) from exc
        return True

    def _copied(self, source: str, target: Path) -> dict[str, Any]:
        try:
            with open(source, "rb") as given:
                file = HashedFile(target)
                while chunk := given.read(COPY_BYTES):
                    file.write(chunk)
        except OSError as exc:
            raise _output_error(exc, target) from exc
        return file.close(self._folder)


def _output_error(exc: OSError, path: Path) -> OutputError:
    if isinstance(exc, FileNotFoundError):
        return OutputError(
            "a content file vanished while the run was reading it",
            where=str(path),
            code="output.write",
            mend="leave the source's folder alone during a run, then run the same command again",
        )
    return OutputError(
        f"cannot write: {exc.strerror or exc}",
        where=str(path),
        code="output.write",
        mend="make room or give permission, then run the same command again",
    )
