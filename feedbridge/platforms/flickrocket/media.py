"""Product types of the batch upload, and which one a product is.

Source: developer.flickrocket.com/en/batch-upload/ (table of product types).
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "AUDIO",
    "IMAGES",
    "MEDIA",
    "NO_DRM",
    "TYPES",
    "MediumType",
    "extension",
    "is_url",
    "main_files",
    "medium_of",
    "type_of",
]


class MediumType(NamedTuple):
    """One product type.

    ``extensions`` what the main file may be called; empty: any
    ``named``      whether the documentation names what is accepted; if not, a file is passed with a notice
    """

    number: int
    title: str
    extensions: tuple[str, ...]
    named: bool = True


TYPES: dict[str, MediumType] = {
    "video-sd": MediumType(1, "Video SD", ()),  # .mp4, .ifo or a fluxDVD file, whose extension is not documented
    "software": MediumType(4, "Software", ()),
    "audio-package": MediumType(5, "Audio with DRM", (), named=False),
    "pdf": MediumType(7, "PDF", (".pdf",)),
    "video-hd": MediumType(9, "Video HD", (".mp4",)),
    "ebook": MediumType(16, "Ebook", (".epub",)),
    "audio-track": MediumType(23, "Audio track", (".mp3", ".flac")),
    "audio-album": MediumType(24, "Audio album", (".mp3", ".flac")),
    "file": MediumType(27, "Generic file", ()),
    "html": MediumType(29, "HTML", (), named=False),
    "scorm": MediumType(30, "SCORM", (), named=False),
}
NO_DRM = frozenset({23, 24, 27})
AUDIO = (".mp3", ".flac")
IMAGES = (".jpg", ".jpeg", ".png")

MEDIA = {
    ".pdf": "pdf",
    ".epub": "ebook",
    ".mp4": "video-hd",
    ".mp3": "audio-track",
    ".flac": "audio-track",
    ".zip": "file",
    ".ifo": "video-sd",
}
"""What a main file's extension says when the feed does not."""


def is_url(src: str) -> bool:
    """Whether a source is an address rather than a path: ``https://…``, ``ftp://…``."""
    scheme, mark, _ = src.partition("://")
    return bool(mark) and scheme.isascii() and scheme.replace("+", "").isalnum() and len(scheme) > 1


def extension(src: str) -> str:
    """Lower-case extension with its dot of a path or address; empty when there is none.

    >>> extension("books/Moby.PDF"), extension("https://x.example/a.epub?v=2"), extension("tracks/")
    ('.pdf', '.epub', '')
    """
    if is_url(src):
        src = src.split("://", 1)[1].partition("#")[0].partition("?")[0]
        if "/" not in src:
            return ""
    name = src.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, last = name.rpartition(".")
    return f".{last.lower()}" if dot and stem and last else ""


def main_files(product: Any) -> list[tuple[int, Any]]:
    """The files that are sold, with their place in ``content``."""
    return [(i, file) for i, file in enumerate(product.content) if file.role == "main"]


def medium_of(product: Any) -> str | None:
    """What a product is: as the feed says, else as its main files' extensions do; None when neither does.

    A main file without an extension may be a folder; only a look at the disk tells.
    """
    if product.digital is not None and product.digital.medium is not None:
        return product.digital.medium
    mains = main_files(product)
    if not mains:
        return None
    if len(mains) > 1:
        return "audio-album" if all(extension(file.src) in AUDIO for _, file in mains) else None
    return MEDIA.get(extension(mains[0][1].src))


def type_of(product: Any) -> int | None:
    """Number of a product's type, as far as it can be told without looking at the disk."""
    medium = medium_of(product)
    return TYPES[medium].number if medium else None
