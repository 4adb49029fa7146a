"""What of an outbox is left to a person: folders to upload, folders that were uploaded, and folders that are gone.

One listing of the outbox; a folder is opened only where its name does not tell: of a product whose id is known, or of none
that this target has sent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from feedbridge.platforms.flickrocket.folders import folder_name, name_key

__all__ = ["Standing", "base_name", "standing"]

PRODUCT_FILE = "product.json"
_NUMBERED = re.compile(r"(.+)--[1-9][0-9]{0,5}", re.ASCII | re.DOTALL)


class Standing(msgspec.Struct):
    """``waiting``   folders to be uploaded
    ``new``       whether one of them makes a product, whose id is to be learned
    ``uploaded``  folders of new products whose ids are known: once more on the uploader, they would be made twice
    ``gone``      items that were written as new, have no id yet, and have no folder in the outbox any more
    """

    waiting: int = 0
    new: bool = False
    uploaded: list[str] = []
    gone: list[str] = []


class _Identified(msgspec.Struct):
    id: int | str | None = None


class _Document(msgspec.Struct):
    product: _Identified


def standing(outbox: Path, ids: Mapping[str, str]) -> Standing:
    """How an outbox stands. ``ids``: of every item that was sent: its id, empty where it is not known. Raises OSError."""
    keys = {name_key(folder_name(key)): key for key in ids}
    found = Standing()
    there: set[str] = set()
    try:
        with os.scandir(outbox) as listed:
            names = sorted(one.name for one in listed if not one.name.startswith(".") and one.is_dir())
    except FileNotFoundError:  # nothing was written yet, or somebody took it away as a whole
        names = []
    for name in names:
        key = keys.get(name_key(name), keys.get(base_name(name)))
        if key is not None and not ids[key]:
            there.add(key)
            found.waiting += 1
            found.new = True
            continue
        named = _names_id(outbox / name)
        if key is not None and named is False:
            found.uploaded.append(name)
        elif named is not None:
            found.waiting += 1
            found.new |= not named
    found.gone = sorted(key for key, number in ids.items() if not number and key not in there)
    return found


def base_name(name: str) -> str:
    """What a product's first and second folder share, as ``name_key`` gives it.

    >>> base_name("BOOK-2--3"), base_name("BOOK-2")
    ('book-2', 'book-2')
    """
    numbered = _NUMBERED.fullmatch(name)
    return name_key(numbered[1] if numbered else name)


def _names_id(folder: Path) -> bool | None:
    """Whether a folder is for a product that FlickRocket has; None of a folder that is none of a product."""
    try:
        return msgspec.json.decode((folder / PRODUCT_FILE).read_bytes(), type=_Document).product.id is not None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
