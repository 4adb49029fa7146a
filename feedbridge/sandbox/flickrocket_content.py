"""Whether a content file is what its product type needs, by its first bytes and, for archives, their entries."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["ENDINGS", "content_fault", "picture_ending"]

ENDINGS = {7: (".pdf",), 16: (".epub",), 9: (".mp4",), 23: (".mp3", ".flac"), 24: (".mp3", ".flac")}
"""What the main file may be called; the types left out take any name."""
FIRST_BYTES = 1024
MOST_ENTRIES = 100_000


def content_fault(path: Path, product_type: int) -> str:
    """Why a file cannot be shown to a customer; empty when it can. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(FIRST_BYTES)
    if not head:
        return "is empty"
    ending = path.suffix.lower()
    if product_type == 7:
        return "" if b"%PDF-" in head else "is no PDF"
    if product_type == 9 or (product_type == 1 and ending == ".mp4"):
        return "" if head[4:8] == b"ftyp" else "is no MP4 video"
    if product_type == 1 and ending == ".ifo":
        return "" if head.startswith(b"DVDVIDEO-") else "is no Video-DVD file"
    if product_type in (23, 24) or (product_type == 5 and ending in (".mp3", ".flac")):
        if ending == ".flac":
            return "" if head.startswith(b"fLaC") else "is no FLAC audio"
        return "" if head.startswith(b"ID3") or (head[0] == 0xFF and head[1:2] >= b"\xe0") else "is no MP3 audio"
    if product_type == 16:
        names = entries(path)
        return "" if names is not None and "META-INF/container.xml" in names and names[0] == "mimetype" else "is no EPUB"
    if product_type == 30:
        names = entries(path)
        return "" if names is not None and "imsmanifest.xml" in names else "is no SCORM package"
    return ""


def entries(path: Path) -> list[str] | None:
    """Names in a zip archive, in the order they lie in it; None when it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
            if len(found) > MOST_ENTRIES:
                return None
            return [one.filename for one in sorted(found, key=lambda one: one.header_offset)]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None


def picture_ending(head: bytes) -> str:
    """``.jpg``, ``.png``, or nothing when the first bytes are of no such picture."""
    if head.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    return ".png" if head.startswith(b"\x89PNG\r\n\x1a\n") else ""
