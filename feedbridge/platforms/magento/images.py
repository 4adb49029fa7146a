"""Pictures: which ones the request can name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from feedbridge.product import Image

__all__ = ["EXTENSIONS", "UNSAFE", "base_name", "is_plain", "is_usable", "pictures"]

EXTENSIONS = frozenset({"jpg", "jpeg", "gif", "png"})
UNSAFE = re.compile(r'[\\/?*:";<>()|{}]')
"""Characters the store takes in no file name."""

is_plain = re.compile(
    r"(?:https?://[a-z0-9.:-]+/(?:[\w.~%@+,=-]+/)*[\w.~%@+,=-]+\.(?:jpe?g|png|gif)(?:\?[\w=&.-]*)?"
    r"|/?(?:[\w.~%@+,=-]+/)*[\w.~%@+,=-]+\.(?:jpe?g|png|gif))", re.ASCII | re.IGNORECASE,
).fullmatch
"""Matches most addresses and paths, and only such that no rule objects to."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:").match
_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE).match


def is_usable(src: str) -> bool:
    """Whether a picture's place is an http or https address, or a path.

    >>> [is_usable(src) for src in ("https://cdn.example.test/a.jpg", "/t/o/tote.jpg", "ftp://host/a.jpg", "image_url")]
    [True, True, False, False]
    """
    if _SCHEME(src) is not None:
        return _ADDRESS(src) is not None
    return not src.startswith("//") and ("/" in src or "\\" in src or "." in src)


def base_name(src: str) -> str:
    """The file name at the end of an address or path, without query and fragment.

    >>> base_name("https://cdn.example.test/tote/front.jpg?v=2")
    'front.jpg'
    """
    if _SCHEME(src) is not None:
        src = src.partition("#")[0].partition("?")[0].partition("://")[2]
        return src.rpartition("/")[2] if "/" in src else ""
    return src.replace("\\", "/").rpartition("/")[2]


def pictures(product: Any) -> Iterator[tuple[str, Image]]:
    """(path, picture) of everything that is written: the product's, and each variant's own."""
    for index, image in enumerate(product.images):
        yield f"images.{index}", image
    for index, variant in enumerate(product.variants):
        if variant.image is not None:
            yield f"variants.{index}.image", variant.image
