"""What the bytes of a picture say: its type, its size, and whether it is whole. What a server says counts for nothing."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from functools import cache
from typing import IO, cast

from PIL import Image, UnidentifiedImageError

from feedbridge.images.picture import Trouble

__all__ = ["MOST_DECODED_PIXELS", "inspected", "media_type"]

_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "ICO")
"""Pixel formats only: others (EPS …) run programs of their own."""
MOST_DECODED_PIXELS = 40_000_000
"""Of a larger picture only the head is read: to decode it takes more memory than a check should."""
MOST_SCANS = 100
"""A progressive JPEG has about ten."""
MOST_WORK = 400_000_000
"""Pixels times scans: each scan of a JPEG goes over all of the picture once more, however few bytes it has."""
MOST_SECONDS = 20
"""To take one picture apart."""
_SCAN = b"\xff\xda"
_ONE_AT_A_TIME = threading.Lock()


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def media_type(kind: str) -> str:
    """``image/jpeg`` of ``jpeg``."""
    return "image/svg+xml" if kind == "svg" else f"image/{kind}"


def inspected(file: IO[bytes]) -> tuple[str, int, int]:
    """Type, width and height in pixels of a picture that is whole. Raises Trouble.

    Only one picture is decoded at a time, so memory stays flat however many connections there are.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _inspected(file)
        except _TooLong as exc:
            raise Trouble(
                "images.broken",
                f"the picture cannot be read within {MOST_SECONDS} seconds",
                "save it anew with an image editor",
            ) from exc
        except UnidentifiedImageError as exc:
            file.seek(0)
            return _no_pixels(file.read(1024), exc)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
            million = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
            raise Trouble(
                "images.too-many-pixels",
                f"the picture has more than {million} million pixels",
                "give a smaller picture",
            ) from exc
        except Exception as exc:  # Pillow's decoders raise nearly anything for damaged data
            raise Trouble(
                "images.broken",
                "the picture is damaged or cut off",
                "open it in a browser; most likely it must be uploaded again",
            ) from exc


def _inspected(file: IO[bytes]) -> tuple[str, int, int]:
    timed = _Timed(file)
    with Image.open(cast("IO[bytes]", timed), formats=_formats()) as picture:
        kind = "jpeg" if picture.format == "MPO" else (picture.format or "").lower()
        width, height = picture.size
        if kind == "png":
            picture.verify()  # all checksums and the end, without decoding
        elif width * height <= MOST_DECODED_PIXELS and not (kind == "jpeg" and _laborious(file, width * height)):
            picture.draft(None, (max(1, width // 8), max(1, height // 8)))  # JPEG: an eighth of the work
            with contextlib.suppress(_TooLong):  # its head is known
                picture.load()
        return kind, width, height


def _laborious(file: IO[bytes], pixels: int) -> bool:
    """Whether a JPEG has so many scans that only its head is read. The file stays where it is."""
    here = file.tell()
    file.seek(0)
    scans, last = 0, b""
    while chunk := file.read(1 << 16):
        scans += (last + chunk).count(_SCAN)
        last = chunk[-1:]
    file.seek(here)
    return scans > MOST_SCANS or scans * pixels > MOST_WORK


class _TooLong(Exception):
    """The time for one picture is over."""


class _Timed:
    """A file that can be read for some seconds only. Decoders ask for more again and again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = time.monotonic() + MOST_SECONDS
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if time.monotonic() > self._end:
            raise _TooLong
        return self._file.read(size)


def _no_pixels(head: bytes, cause: Exception) -> tuple[str, int, int]:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")) and b"<svg" in text:
        return "svg", 0, 0
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        raise Trouble(
            "images.not-an-image",
            "there is a web page and not a picture",
            "give the address of the picture itself, one that needs no login",
        ) from cause
    what = "is empty" if not head else "is no picture of a known type"
    raise Trouble(
        "images.not-an-image", f"the file {what}", "open the address in a browser, and upload the picture again"
    ) from cause
