"""Names of folders and files that are safe on every system, and finding files in the source's folder.

Names are made for the strictest of Linux, macOS and Windows: a batch folder is made on a server and
dropped on the uploader from somebody's desktop.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import NamedTuple

__all__ = ["FoundPath", "Names", "PathError", "SourceFolder", "folder_name", "name_key", "path_fault", "safe_name"]

MOST_NAME_BYTES = 120
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "product.json"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_DRIVE = re.compile(r"[A-Za-z]:")


class PathError(Exception):
    """A path of the feed that cannot be used. ``message`` and ``mend`` are meant for a finding."""

    def __init__(self, message: str, mend: str = "") -> None:
        self.message = message
        self.mend = mend
        super().__init__(message)


def safe_name(name: str, most_bytes: int = MOST_NAME_BYTES) -> str:
    """A name that every system takes for one file or folder; unchanged when it is one already.

    >>> safe_name("CON.txt"), safe_name("a/b?.pdf"), safe_name("cover. ")
    ('_CON.txt', 'a_b_.pdf', 'cover')

    Shape: NFC, no control or format characters, none of ``<>:"/\\|?*``, no dot in front, no dot or blank at
    the end, not a reserved name (CON, NUL, COM1 …; product.json, which a folder holds once), at most
    ``most_bytes`` bytes of UTF-8 with the extension kept.
    """
    name = unicodedata.normalize("NFC", name)
    name = "".join("_" if char in _FORBIDDEN or unicodedata.category(char) in _INVISIBLE else char for char in name)
    name = _trim(name)
    if name.startswith("."):
        name = "_" + name[1:]
    name = _shorten(name, most_bytes)
    if not name:
        return "_"
    whole = name.casefold()
    if whole in _RESERVED or whole.partition(".")[0].rstrip() in _RESERVED:
        name = _shorten("_" + name, most_bytes)
    return name


_INVISIBLE = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])


def _trim(name: str) -> str:
    """Without blanks in front, and without blanks and dots at the end."""
    name = name.lstrip()
    while name and (name[-1] == "." or name[-1].isspace()):
        name = name[:-1]
    return name


def _shorten(name: str, most_bytes: int) -> str:
    """Cut a name between two characters, in its stem when it has an extension."""
    if len(name.encode()) <= most_bytes:
        return name
    stem, dot, last = name.rpartition(".")
    tail = dot + last if stem and len(last.encode()) <= 16 else ""
    stem = stem if tail else name
    room = most_bytes - len(tail.encode())
    cut = stem.encode()[:room].decode(errors="ignore")
    return unicodedata.normalize("NFC", _trim(cut) or "_") + tail


def folder_name(sku: str) -> str:
    """The product's folder: the SKU itself where that is a safe name, else its safe form and a short
    digest, so that ``A/B`` and ``A:B`` stay two folders.

    >>> folder_name("TEE-042"), folder_name("TEE/042")
    ('TEE-042', 'TEE_042-dbb2d925')
    """
    if _PLAIN.fullmatch(sku) and sku.casefold() not in _RESERVED:
        return sku
    safe = safe_name(sku, 100)
    if safe == sku:
        return sku
    digest = hashlib.sha256(sku.encode(errors="surrogatepass")).hexdigest()[:8]
    return safe_name(f"{safe_name(sku, 90)}-{digest}")


def name_key(name: str) -> str:
    """What two names share when some system takes them for one (Unicode canonical caseless matching)."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


class Names:
    """Paths given out inside one product's folder; no two that any system takes for one."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, folder: str, name: str) -> str:
        """``folder/name`` with a safe name; a number is added while another file has it."""
        name = safe_name(name)
        stem, dot, last = name.rpartition(".")
        if not stem:
            stem, dot, last = name, "", ""
        number = 1
        while name_key(f"{folder}/{name}") in self._taken:
            number += 1
            name = safe_name(f"{_shorten(stem, MOST_NAME_BYTES - 24)}-{number}{dot}{last}")
        self._taken.add(name_key(f"{folder}/{name}"))
        return f"{folder}/{name}"


class FoundPath(NamedTuple):
    """A file or folder of the source: ``path`` without links, ``name`` as its last part is called."""

    path: str
    name: str
    is_folder: bool


def path_fault(src: str) -> PathError | None:
    """What is wrong with the shape of a relative path, without a look at the disk."""
    if not src.isprintable() and any(unicodedata.category(char) in ("Cc", "Cs") for char in src):
        return PathError("the path has control characters in it", "give the path as plain text")
    if src.startswith("/"):
        return PathError("the path is absolute", "give the path relative to the source's folder")
    if _DRIVE.match(src) or src.startswith("\\"):
        return PathError("the path names a drive or a share", "give the path relative to the source's folder")
    if "\\" in src:
        return PathError("the path has backslashes", f"write {src.replace(chr(92), '/')}")
    parts = src.split("/")
    if ".." in parts:
        return PathError('the path leads upwards with ".."', "put the file under the source's folder")
    if not any(part not in ("", ".") for part in parts):
        return PathError("the path names no file", "give the path relative to the source's folder")
    return None


class SourceFolder:
    """Finds files under the source's folder, and only there: by exact letter case, and by no link that leads out.

    Folders are listed once, so that a thousand products in one folder cost one listing.
    """

    def __init__(self, folder: Path) -> None:
        self.root = os.path.realpath(folder)
        self.shown = str(folder)
        self._listings: dict[str, frozenset[str]] = {}

    def find(self, src: str) -> FoundPath:
        """The file or folder a path names. Raises PathError."""
        fault = path_fault(src)
        if fault is not None:
            raise fault
        current, name = self.root, ""
        for part in src.split("/"):
            if part in ("", "."):
                continue
            name = self._match(current, part, src)
            current = os.path.join(current, name)
            if os.path.islink(current):
                current = os.path.realpath(current)
                if current != self.root and not current.startswith(os.path.join(self.root, "")):
                    raise PathError("a link on the path leads out of the source's folder", "put the file itself there")
        return self._looked_at(current, name, src)

    def _looked_at(self, current: str, name: str, src: str) -> FoundPath:
        try:
            status = os.stat(current)
        except OSError as exc:
            raise PathError(f"the file cannot be read: {exc.strerror}", "check the file and its permissions") from exc
        if stat.S_ISDIR(status.st_mode):
            return FoundPath(current, name, True)
        if src.endswith("/"):
            raise PathError("the path ends in / but names a file", "take the / off its end")
        if not stat.S_ISREG(status.st_mode):
            raise PathError("the path names neither a file nor a folder", "give the path of a plain file")
        if status.st_size == 0:
            raise PathError("the file is empty", "put the complete file there")
        if not os.access(current, os.R_OK):
            raise PathError("the file cannot be read: no permission", "check the file's permissions")
        return FoundPath(current, name, False)

    def files(self, folder: str) -> list[str]:
        """Names in a folder found before, sorted. Raises PathError."""
        return sorted(self._listing(folder))

    def _match(self, folder: str, part: str, src: str) -> str:
        names = self._listing(folder)
        if part in names:
            return part
        composed = unicodedata.normalize("NFC", part)
        same = [name for name in names if unicodedata.normalize("NFC", name) == composed]
        if len(same) == 1:  # the same letters, composed in another way: macOS writes names so
            return same[0]
        near = sorted(name for name in names if name_key(name) == name_key(part))
        if near:
            raise PathError("no file of exactly this letter case", f'there is "{near[0]}" in place of "{part}"')
        raise PathError(
            f"no such file below {self.shown}",
            f'put "{src}" below that folder, mend the path, or say where paths start: source.folder=DIR after --set of convert and check, '
            'or under set: of a job',
        )

    def _listing(self, folder: str) -> frozenset[str]:
        names = self._listings.get(folder)
        if names is None:
            try:
                names = frozenset(os.listdir(folder))
            except NotADirectoryError as exc:
                raise PathError("no such file", "a part of the path is a file, not a folder") from exc
            except OSError as exc:
                raise PathError(f"a folder cannot be read: {exc.strerror}", "check its permissions") from exc
            self._listings[folder] = names
        return names
