"""Sales Layer's rows: fields of a language also under their bare name, pictures as addresses; the same for variants.

``images`` are the pictures of a row, each in its largest size.

Source: Sales Layer PHP SDK, connector answer.
"""

from __future__ import annotations

from typing import Any

from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.shapes._common import suffixed

__all__ = ["flatten"]

VARIANTS = "product_formats"
SYSTEM = ("STATUS", "ID", "ID_catalogue", "ID_products", VARIANTS)
SIZES = ("ORG", "ORIGINAL", "BIG", "XL", "LRG", "MED", "THM")


def flatten(document: dict[str, Any], locale: str | None, scope: str | None, translations: bool) -> dict[str, Any]:
    """``{"ID": 1, "product_name_en": "Mug"}`` becomes ``{"ID": 1, "values": {"product_name": "Mug", …}}``."""
    shaped = row(document, locale)
    variants = document.get(VARIANTS)
    if isinstance(variants, list):
        shaped[VARIANTS] = [row(one, locale) if isinstance(one, dict) else one for one in variants]
    return {**shaped, RAW: document}


def row(document: dict[str, Any], locale: str | None) -> dict[str, Any]:
    """A product or variant by itself."""
    values: dict[str, Any] = {}
    pictures: dict[str, None] = {}
    for name, value in document.items():
        if name in SYSTEM:
            continue
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            found = [address for one in value if (address := largest(one))]
            if (
                "image" in name.casefold()
                or "img" in name.casefold()
                or any(size in one for one in value for size in SIZES)
            ):
                pictures.update(dict.fromkeys(found))
                continue
            value = found
        values[name] = value
    own = {name: document[name] for name in SYSTEM if name in document}
    return {**own, "values": suffixed(values, locale), "images": list(pictures)}


def largest(entry: dict[str, Any]) -> str:
    """The address of the largest size of a picture, or of a file."""
    if str(entry.get("STATUS") or "").upper() == "D":
        return ""
    named = [entry[size] for size in SIZES if isinstance(entry.get(size), str) and entry[size]]
    others = [value for value in entry.values() if isinstance(value, str) and value.startswith(("http://", "https://"))]
    return next(iter([*named, *others]), "")
