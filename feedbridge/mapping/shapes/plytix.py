"""Plytix' products: attributes by label become ``values``, for one locale where their names say it.

``images`` are the pictures among the assets; what is known by id only stays as it is. ``is_parent`` says of a product that
it has variants. An attribute that a variant overwrites with nothing stays empty.

Source: public clients of the Plytix API, "Products" and "Assets".
"""

from __future__ import annotations

from typing import Any

from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.shapes._common import address_of, items_of, suffixed

__all__ = ["flatten"]


def flatten(document: dict[str, Any], locale: str | None, scope: str | None, translations: bool) -> dict[str, Any]:
    """``{"sku": "1", "attributes": {"Color": "Red"}}`` becomes ``{"sku": "1", "values": {"Color": "Red"}}``."""
    shaped = {key: value for key, value in document.items() if key not in ("attributes", "assets")}
    attributes = document.get("attributes")
    if isinstance(attributes, list):  # name and value side by side
        attributes = {
            str(one.get("label") or one.get("name")): one.get("value") for one in attributes if isinstance(one, dict)
        }
    values: dict[str, Any] = dict(attributes) if isinstance(attributes, dict) else {}
    for name in items_of(document.get("overwritten_attributes")):
        if isinstance(name, str) and values.get(name) is None:
            values[name] = ""
    pictures: dict[str, None] = {}
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        if items and all(address_of(item) for item in items):
            addresses = [address_of(item) for item in items]
            pictures.update((address_of(item), None) for item in items if is_picture(item))
            values[name] = addresses if isinstance(value, list) else addresses[0]
    others: list[Any] = []
    for asset in items_of(document.get("assets")):
        if address_of(asset) and is_picture(asset):
            pictures[address_of(asset)] = None
        else:
            others.append(asset)
    if others:
        shaped["assets"] = others
    variants = document.get("num_variations")
    kind = str(document.get("product_type") or document.get("product_level") or "").casefold()
    shaped["is_parent"] = kind == "parent" or (kind != "variant" and isinstance(variants, int) and variants > 0)
    return {**shaped, "values": suffixed(values, locale), "images": list(pictures), RAW: document}


def is_picture(asset: dict[str, Any]) -> bool:
    """Whether an asset is a picture; one that does not say what it is may be one."""
    kind = str(asset.get("content_type") or asset.get("file_type") or "image").casefold()
    return kind.startswith(("image", "picture", "photo"))
