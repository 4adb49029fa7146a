"""What the bytes of a picture say: its type, its size, and whether it is whole. What a server says counts for nothing."""

from __future__ import annotations

import threading
import warnings
from functools import cache
from typing import IO

from PIL import Image, UnidentifiedImageError

from feedbridge.images.picture import Trouble

__all__ = ["MOST_DECODED_PIXELS", "inspected", "media_type"]

_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "ICO")
"""Pixel formats only: others (EPS …) run programs of their own."""
MOST_DECODED_PIXELS = 40_000_000
"""Of a larger picture only the head is read: to decode it takes more memory than a check should."""
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
    with Image.open(file, formats=_formats()) as picture:
        kind = "jpeg" if picture.format == "MPO" else (picture.format or "").lower()
        width, height = picture.size
        if kind == "png":
            picture.verify()  # all checksums and the end, without decoding
        elif width * height <= MOST_DECODED_PIXELS:
            picture.draft(None, (max(1, width // 8), max(1, height // 8)))  # JPEG: an eighth of the work
            picture.load()
        return kind, width, height


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
