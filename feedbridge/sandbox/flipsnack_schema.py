"""The product object of Flipsnack, checked strictly: documented members only, of their JSON types, no null.

Source: developers.flipsnack.com, /products/create, the table of the product schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from feedbridge.sandbox.outcome import is_text, number_fits

__all__ = ["faults_of_product"]

Type = Literal["string", "number", "boolean"]
Shape = Mapping[str, "Type | Shape"]

OPTIONS: Shape = {f"options{place}": "string" for place in (1, 2, 3)}
PRODUCT: Shape = {
    "type": "string", "code": "string", "title": "string", "description": "string", "image_link": "string",
    "sell_price": "number", "currency": "string", "discount_price": "number", "quantity": "boolean",
    "purchasable_qty": {"min": "number", "max": "number"},
    "attribute": {**{f"name{place}": "string" for place in (1, 2, 3)}, **OPTIONS},
    "image_attribute": "string", "shop_element": "string",
    "area_element": {"tooltip": "string", "color": "string", "opacity": "number"},
    "shop_button": {"color": "string", "label": "string", "label_color": "string"},
    "website": {"button": "boolean", "button_label": "string", "link": "string"},
    "customizable_product": {
        "product": "boolean", "instructions": "string", "flat_fee": "number", "per_character": "number",
        "character_length": "number", "mandatory": "boolean",
    },
}
VARIANT: Shape = {
    "code": "string", "parent_code": "string", "image_link": "string", "visible": "boolean", "attribute": OPTIONS,
    "price": "number", "discount_price": "number",
}


def faults_of_product(product: Any) -> list[str]:
    """What is wrong with one element of ``products``, in words; empty when nothing is.

    >>> faults_of_product({"type": "product", "code": "MUG-1", "sell_price": "12.50"})
    ['sell_price must be a number']
    """
    if not isinstance(product, dict):
        return ["is not an object"]
    faults = [f"{name} is missing" for name in ("code", "type") if not product.get(name)]
    faults += shape_faults({name: value for name, value in product.items() if name != "variants"}, PRODUCT, "")
    variants = product.get("variants", [])
    if not isinstance(variants, list):
        return [*faults, "variants must be an array"]
    codes = [product.get("code")]
    for place, variant in enumerate(variants):
        where = f"variants[{place}]"
        if not isinstance(variant, dict):
            faults.append(f"{where} must be an object")
            continue
        if not variant.get("code"):
            faults.append(f"{where}.code is missing")
        faults += shape_faults(variant, VARIANT, f"{where}.")
        if "parent_code" in variant and variant["parent_code"] != product.get("code"):
            faults.append(f"{where}.parent_code is not the code of its product")
        if variant.get("code") in codes:
            faults.append(f"{where}.code comes twice")
        codes.append(variant.get("code"))
    return faults


def shape_faults(given: Mapping[str, Any], shape: Shape, where: str) -> list[str]:
    faults = []
    for name, value in given.items():
        wanted = shape.get(name)
        if wanted is None:
            faults.append(f"{where}{name[:80]} is not a known field")
        elif value is None:
            faults.append(f"{where}{name} must not be null")
        elif isinstance(wanted, str):
            if not fits(value, wanted):
                faults.append(f"{where}{name} must be a {wanted}")
        elif not isinstance(value, dict):
            faults.append(f"{where}{name} must be an object")
        else:
            faults += shape_faults(value, wanted, f"{where}{name}.")
    return faults


def fits(value: Any, wanted: str) -> bool:
    if wanted == "string":
        return is_text(value)
    return isinstance(value, bool) if wanted == "boolean" else number_fits(value)
