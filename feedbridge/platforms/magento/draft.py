"""What one product becomes in the request, before it is written: one item a simple product, with all
that a variant inherits looked up. Rules read the same items the converter writes."""

from __future__ import annotations

from typing import Any

import msgspec

from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.product import Money, Product, TierPrice
from feedbridge.rules.shared import prices_of

__all__ = ["Draft", "Item", "draft", "id_value", "is_whole_number"]

EXACT = 2**53
"""JSON readers that use binary floats keep integers below this exact."""
EXACT_DIGITS = 16


class Item(msgspec.Struct, gc=False):
    """One entry of the request's map.

    ``index``    place among the product's variants, -1 for the product itself
    ``source``   the variant or product it is made of
    ``own_id``   the id is the store's own, not the SKU
    ``price``, ``sale_price``, ``tier_prices``  the source's own or, for a variant without, the product's
    """

    index: int
    source: Any
    id: str
    own_id: bool
    name: str
    price: Money | None
    sale_price: Money | None
    tier_prices: tuple[TierPrice, ...]

    def at(self, field: str) -> str:
        """The canonical field a value came from: the variant's own one, or the product's when inherited."""
        if self.index >= 0 and getattr(self.source, field, None):
            return f"variants.{self.index}.{field}"
        return field

    def here(self, field: str) -> str:
        """A field of this very variant or product."""
        return f"variants.{self.index}.{field}" if self.index >= 0 else field


class Draft(msgspec.Struct, gc=False):
    """``items``: the simple products, in order; ``parent``: the configurable one, when it is written too."""

    items: list[Item]
    parent: Item | None = None

    @property
    def written(self) -> list[Item]:
        """Everything that becomes an entry, in order."""
        return [self.parent, *self.items] if self.parent is not None else self.items


def draft(product: Product, settings: MagentoSettings) -> Draft:
    """The items of a product: the product itself, or one a variant."""
    own_id = product.ids.get("magento") if product.ids else None
    if not product.variants:
        return Draft([Item(
            -1, product, product.sku if own_id is None else own_id, own_id is not None, product.title,
            product.price, product.sale_price, product.tier_prices,
        )])
    items = []
    for index, variant in enumerate(product.variants):
        variant_id = variant.ids.get("magento") if variant.ids else None
        price, sale_price = prices_of(product, variant)
        items.append(Item(
            index, variant, variant.sku if variant_id is None else variant_id, variant_id is not None,
            variant_name(product, variant, settings), price, sale_price,
            variant.tier_prices or product.tier_prices,
        ))
    if not settings.parent:
        return Draft(items)
    parent = Item(
        -1, product, product.sku if own_id is None else own_id, own_id is not None, product.title, None, None, (),
    )
    return Draft(items, parent)


def variant_name(product: Product, variant: Any, settings: MagentoSettings) -> str:
    """``Crew Tee - Navy / S``; a variant with a title of its own goes by that, unless it says its option values only."""
    title = variant.title
    values = [value for value in variant.option_values if value]
    if title is not None and title != product.title and not says_only(title, values):
        return title
    if not values:
        return product.title
    return product.title + settings.name_separator + settings.value_separator.join(values)


def says_only(title: str, values: list[str]) -> bool:
    """Whether a title is made of option values and what stands between them: ``S / Black``."""
    rest = title.casefold()
    for value in sorted(values, key=len, reverse=True):
        rest = rest.replace(value.casefold(), " ", 1)
    return bool(values) and bool(title.strip()) and not any(letter.isalnum() for letter in rest)


def is_whole_number(text: str) -> bool:
    """Whether an id is plain digits without zeros in front and below 2^53, so that it can be a JSON integer."""
    return (
        text.isdecimal() and text.isascii() and (text[0] != "0" or text == "0")
        and len(text) <= EXACT_DIGITS and (len(text) < EXACT_DIGITS or int(text) < EXACT)
    )


def id_value(text: str) -> int | str:
    """An id as the request has it.

    >>> id_value("20417"), id_value("020417"), id_value("TOTE-1")
    (20417, '020417', 'TOTE-1')
    """
    return int(text) if is_whole_number(text) else text
