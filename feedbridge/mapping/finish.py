"""The last step of making a product, shared by the precise and the compiled path: join variants to their product.

Nothing here looks at cells; it works on light objects only, so both paths cannot differ in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from feedbridge.product import Option, Product, Status, Variant, light

__all__ = ["OptionPair", "attach_variants", "order_images"]

OptionPair = tuple[str, str]
"""Option name and a variant's value."""

SLUG = re.compile(r"[^\w]+")
LightOption = light(Option)

COLLAPSED = (
    "sku", "gtin", "mpn", "price", "sale_price", "cost", "prices", "tier_prices", "stock", "weight_grams",
)
"""What a product takes over from its only version."""


def attach_variants(
    product: Product, variants: list[Variant], pairs: Sequence[Sequence[OptionPair]], no_option: dict[str, str]
) -> list[tuple[int, str, str]]:
    """Give a product its variants and the options they differ in; a single version without options becomes
    the product itself.

    Returns: warnings as (number of the variant, code, message).
    """
    if len(variants) == 1:
        own = pairs[0]
        if not own or (len(own) == 1 and no_option and no_option.get(own[0][0]) == own[0][1]):
            collapse(product, variants[0])
            return []
    names: list[str] = [name for name, _ in pairs[0]]
    for own in pairs:
        for name, _ in own:
            if name not in names:
                names.append(name)
    seen: list[dict[str, None]] = [{} for _ in names]
    warnings: list[tuple[int, str, str]] = []
    for number, (variant, own) in enumerate(zip(variants, pairs, strict=True)):
        if len(own) == len(names) and all(map(_same_name, own, names)):
            values = tuple([value for _, value in own])
        else:
            by_name = dict(own)
            values = tuple([by_name.get(name, "") for name in names])
        for slot, value in zip(seen, values, strict=True):
            if value:
                slot[value] = None
        _set(variant, "option_values", values)
        if variant.sku is None:
            made = "-".join([product.sku, *(SLUG.sub("-", value.casefold()).strip("-") for value in values if value)])
            _set(variant, "sku", made)
            warnings.append((number, "mapping.sku-made", f'has no SKU; "{made}" was made of the product\'s key and the option values'))
    _set(product, "options", tuple([LightOption(name=name, values=tuple(slot)) for name, slot in zip(names, seen, strict=True)]))
    _set(product, "variants", tuple(variants))
    return warnings


def collapse(product: Product, variant: Variant) -> None:
    """Make a product of its only version."""
    for name in COLLAPSED:
        value = getattr(variant, name)
        if value is not None and value != ():
            _set(product, name, value)
    if variant.status != Status.ACTIVE and product.status == Status.ACTIVE:
        _set(product, "status", variant.status)
    if variant.ids:
        _set(product, "ids", {**product.ids, **variant.ids})
    if variant.attributes:
        _set(product, "attributes", {**product.attributes, **variant.attributes})
    image = variant.image
    if image is not None and all(image.src != other.src for other in product.images):
        _set(product, "images", (*product.images, image))


def order_images(images: list[Any]) -> tuple[Any, ...]:
    """Images by position (those without one last, in their order), the same source once."""
    if len(images) == 1:
        return (images[0],)
    once: dict[tuple[str, str | None], Any] = {}
    for image in images:
        once.setdefault((image.src, image.locale), image)
    found = list(once.values())
    if any(image.position is not None for image in found):
        found.sort(key=_position)
    return tuple(found)


def _position(image: Any) -> int:
    return image.position if image.position is not None else 1 << 30


def _same_name(pair: OptionPair, name: str) -> bool:
    return pair[0] == name


_set = setattr  # light twins are mutable structs, though typed as the frozen models
