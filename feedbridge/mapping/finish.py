"""The last step of making a product, shared by the precise and the compiled path: join variants to their product.

Nothing here looks at cells; it works on light objects only, so both paths cannot differ in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from feedbridge.product import Option, Product, Status, Variant, light

__all__ = ["OptionNamesValues", "OptionPair", "attach_variants", "order_images"]

OptionPair = tuple[str, str]
"""Option name and a variant's value."""
OptionNamesValues = tuple[tuple[str, ...], tuple[str, ...]]
"""A variant's option names and its values, in the same order."""

SLUG = re.compile(r"[^\w]+")
LightOption = light(Option)

NO_IDENTITY = "mapping.no-variant-sku"
"""Nothing tells this variant from its sisters: an error, where the others are warnings."""
COLLAPSED = (
    "sku",
    "gtin",
    "mpn",
    "price",
    "sale_price",
    "cost",
    "prices",
    "tier_prices",
    "stock",
    "weight_grams",
)
"""What a product takes over from its only version."""


def attach_variants(
    product: Product,
    variants: list[Variant],
    pairs: Sequence[OptionNamesValues],
    no_option: dict[str, str],
    differing: bool = False,
    version: str | None = None,
) -> list[tuple[int, str, str]]:
    """Give a product its variants and the options they differ in; a single version without options, or with the
    product's own SKU, becomes the product itself.

    ``pairs``      for each variant the names of its options, and their values
    ``differing``  an option in which no variants differ is none
    ``version``    with it: name of the option that the variants' titles are, where nothing else tells them apart
    Returns:   warnings as (number of the variant, code, message).
    """
    names, values = pairs[0]
    lone = not names or differing or (len(names) == 1 and no_option.get(names[0]) == values[0])
    if len(variants) == 1 and lone:
        collapse(product, variants[0])
        return other_title(product, variants[0], no_option)
    if len(variants) == 1 and variants[0].sku == product.sku:
        # it has no sisters and no name of its own: a product that comes in one size and colour, not a variant of itself
        collapse(product, variants[0])
        once = dict(zip(reversed(names), reversed(values), strict=True))
        _set(product, "options", tuple([LightOption(name=name, values=(once[name],)) for name in dict.fromkeys(names)]))
        return other_title(product, variants[0], no_option)
    warnings: list[tuple[int, str, str]] = []
    alike = len(names) < 2 or len(set(names)) == len(names)
    rows = []
    for own, values in pairs:
        if own is not names and own != names:
            alike = False
            break
        rows.append(values)
    if not alike:
        names, rows = align(pairs, warnings)
    if differing:
        names, rows = only_differing(names, rows)
        titles = [variant.title for variant in variants]
        if version and len(set(rows)) < len(rows) and None not in titles and len(set(titles)) == len(titles):
            names, rows = (*names, version), [(*row, str(title)) for row, title in zip(rows, titles, strict=True)]
    for number, variant in enumerate(variants):
        row = rows[number]
        _set(variant, "option_values", row)
        if variant.sku is None and not any(row):
            warnings.append((number, NO_IDENTITY, "is a variant with neither a SKU nor an option value"))
            _set(variant, "sku", product.sku)
        elif variant.sku is None:
            made = "-".join([product.sku, *(SLUG.sub("-", value.casefold()).strip("-") for value in row if value)])
            _set(variant, "sku", made)
            message = f'has no SKU; "{made}" was made of the product\'s key and the option values'
            warnings.append((number, "mapping.sku-made", message))
    options = []
    for name, slot in zip(names, zip(*rows, strict=True), strict=True):
        values = tuple(dict.fromkeys(slot))
        options.append(LightOption(name=name, values=values if "" not in values else tuple(filter(None, values))))
    _set(product, "options", tuple(options))
    _set(product, "variants", tuple(variants))
    return warnings


def align(
    pairs: Sequence[OptionNamesValues], warnings: list[tuple[int, str, str]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Option names in first-seen order, and each variant's values in that order ("" where it has none)."""
    names = tuple(dict.fromkeys(name for own, _ in pairs for name in own))
    rows = []
    for number, (own, values) in enumerate(pairs):
        by_name: dict[str, str] = {}
        for name, value in zip(own, values, strict=True):
            if by_name.setdefault(name, value) != value:
                warnings.append(
                    (
                        number,
                        "mapping.option-twice",
                        f'says the option "{name}" twice, as "{by_name[name]}" and as "{value}"; the first is used',
                    )
                )
        rows.append(tuple([by_name.get(name, "") for name in names]))
    return names, rows


def only_differing(
    names: tuple[str, ...], rows: list[tuple[str, ...]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Without the options that have the same value everywhere; all of them when no variant differs in any."""
    slots = [slot for slot, values in enumerate(zip(*rows, strict=True)) if len(set(values)) > 1]
    if not slots or len(slots) == len(names):
        return names, rows
    return tuple([names[slot] for slot in slots]), [tuple([row[slot] for slot in slots]) for row in rows]


def other_title(product: Product, variant: Variant, no_option: dict[str, str]) -> list[tuple[int, str, str]]:
    """A warning when the only version has a title of its own, which has no place any more."""
    title = variant.title
    if title is None or title == product.title or title in no_option.values():
        return []
    return [(0, "mapping.version-title", f'its only version is called "{title}"; the product\'s title is used')]


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


_set = setattr  # light twins are mutable structs, though typed as the frozen models
