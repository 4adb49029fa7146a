"""Pictures that are files beside the feed."""

from __future__ import annotations

import hashlib
import os
import stat

from feedbridge.images.content import inspected
from feedbridge.images.picture import Facts, Picture, Trouble
from feedbridge.images.settings import ImageSettings

__all__ = ["look_at"]


def look_at(picture: Picture, settings: ImageSettings) -> Facts:
    """What a file is. Raises Trouble.

    Shape: the file must lie in the source's folder, also when a link or ``..`` leads to it.
    """
    if "://" in picture.src:
        raise Trouble(
            "images.address", "only http(s) addresses and paths are checked", "write an address with https://"
        )
    if picture.folder is None:
        raise Trouble(
            "images.no-folder",
            "the feed has no folder (standard input, DataFrame), so paths lead nowhere",
            "read the feed from its file, or give whole addresses",
            certain=True,
        )
    missing = Trouble(
        "images.missing",
        "there is no such file in the folder of the feed",
        "put it there, or give its address; a mapping can put base: in front of all paths",
        host_wide=True,
    )
    try:
        folder = picture.folder.resolve()
        path = (folder / picture.src).resolve()
        if not path.is_relative_to(folder):
            raise Trouble(
                "images.outside", "the path leads out of the folder of the feed", "put the picture into that folder"
            )
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError) as exc:
        raise missing from exc
    except (OSError, RuntimeError) as exc:
        reason = getattr(exc, "strerror", None) or "its links lead in a circle"
        raise Trouble("images.unreadable", f"the file cannot be read: {reason}", "give permission to read it") from exc
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        what = "a folder" if stat.S_ISDIR(state.st_mode) else "no ordinary file"
        raise Trouble("images.unreadable", f"the path is that of {what}", "name the picture's file")
    with os.fdopen(descriptor, "rb") as file:
        if state.st_size > settings.most_bytes:
            raise too_large(settings)
        try:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            kind, width, height = inspected(file)
        except OSError as exc:
            raise Trouble("images.unreadable", f"the file cannot be read: {exc.strerror}", "check the disk") from exc
    return Facts(kind, width, height, state.st_size, digest)


def too_large(settings: ImageSettings) -> Trouble:
    """The picture is larger than is read."""
    return Trouble(
        "images.too-large",
        f"the picture is larger than {settings.most_bytes / (1 << 20):g} MiB",
        "give a smaller picture",
    )
