"""Custom options (personalisation): from the canonical product to the request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from feedbridge.platforms.magento.amounts import PlainAmounts, number
from feedbridge.platforms.magento.draft import id_value
from feedbridge.platforms.magento.payload import (
    UNSIGNED_16,
    UNSIGNED_32,
    CustomOptionEntry,
    LightDateOption,
    LightFileOption,
    LightOptionValue,
    LightSelectOption,
    LightTextOption,
    OptionValue,
)
from feedbridge.product import CustomOption, CustomOptionValue

__all__ = [
    "FILE", "IMAGE_EXTENSIONS", "MAX_SKU_CHARS", "MAX_TITLE_CHARS", "SELECT", "TEXT",
    "is_plain", "option_entries", "split_extensions",
]

TEXT = ("field", "area")
FILE = "file"
SELECT = ("drop_down", "radio", "checkbox", "multiple")

MAX_TITLE_CHARS = 255
MAX_SKU_CHARS = 64
IMAGE_EXTENSIONS = frozenset({"jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff"})
_HARMLESS = re.compile(r"(?:jpe?g|png|gif)(?:,(?:jpe?g|png|gif)){0,4}").fullmatch
_BETWEEN_EXTENSIONS = re.compile(r"[\s,;|./*]+")
PERCENT = 100


def option_entries(options: Sequence[CustomOption]) -> tuple[CustomOptionEntry, ...]:
    """The complete list of a product's custom options; an option without a place of its own keeps the list's order."""
    return tuple([_option_entry(option, place) for place, option in enumerate(options, start=1)])


def _option_entry(option: CustomOption, place: int) -> Any:
    sort_order = place if option.sort_order is None else option.sort_order
    is_require = 1 if option.required else 0
    kind = option.kind
    if kind in SELECT:
        return LightSelectOption(
            title=option.title, type=kind, sort_order=sort_order, is_require=is_require,
            values=tuple([_value_entry(value, at) for at, value in enumerate(option.values, start=1)]),
        )
    common: dict[str, Any] = {
        "title": option.title, "type": kind, "sort_order": sort_order, "is_require": is_require,
        "price": 0 if option.price is None else number(option.price), "price_type": option.price_type or "fixed",
        "sku": option.sku or "",
    }
    if kind in TEXT:
        return LightTextOption(**common, max_characters=option.max_characters)
    if kind == FILE:
        width, height = option.image_size_x, option.image_size_y
        return LightFileOption(
            **common,
            file_extension=",".join(split_extensions(option.file_extension)) or None if option.file_extension else None,
            image_size_x=None if width is None else str(width), image_size_y=None if height is None else str(height),
        )
    return LightDateOption(**common)


def _value_entry(value: CustomOptionValue, place: int) -> OptionValue:
    return LightOptionValue(
        value_id=None if value.value_id is None else id_value(value.value_id),
        title=value.title, value=value.title.lower() if value.value is None else value.value,
        sort_order=place if value.sort_order is None else value.sort_order,
        price=0 if value.price is None else number(value.price), price_type=value.price_type or "fixed",
        sku=value.sku or "", is_delete=1 if value.is_delete else 0,
    )


def split_extensions(text: str) -> list[str]:
    """File extensions the way the store keeps them: lower case, without dots, each once.

    >>> split_extensions(".PNG, jpg;png")
    ['png', 'jpg']
    """
    return list(dict.fromkeys(filter(None, _BETWEEN_EXTENSIONS.split(text.lower()))))


def is_plain(options: Sequence[CustomOption], amounts: PlainAmounts) -> bool:
    """Whether no rule can have anything to say of these options (also where they are all left alone by the rules,
    it may say no: then the rules look)."""
    titles = {option.title for option in options}
    return len(titles) == len(options) and all([_is_plain_option(option, amounts) for option in options])


def _is_plain_option(option: CustomOption, amounts: PlainAmounts) -> bool:
    kind = option.kind
    if not _is_plain_text(option.title) or not _is_within(option.sort_order, UNSIGNED_32):
        return False
    if kind in SELECT:
        values = option.values
        return (
            option.price is None and option.price_type is None and option.sku is None
            and _has_no_extras(option) and option.max_characters is None
            and any([not value.is_delete for value in values])
            and all([_is_plain_value(value, amounts) for value in values])
        )
    if option.values or not _is_plain_price(option.price, option.price_type, amounts):
        return False
    if option.sku is not None and len(option.sku) > MAX_SKU_CHARS:
        return False
    if kind == FILE:
        return (
            option.max_characters is None and (option.file_extension is None or bool(_HARMLESS(option.file_extension)))
            and _is_within(option.image_size_x, UNSIGNED_16) and _is_within(option.image_size_y, UNSIGNED_16)
        )
    if kind in TEXT:
        return _has_no_extras(option) and _is_within(option.max_characters, UNSIGNED_32)
    return _has_no_extras(option) and option.max_characters is None


def _has_no_extras(option: CustomOption) -> bool:
    return option.file_extension is None and option.image_size_x is None and option.image_size_y is None


def _is_plain_value(value: CustomOptionValue, amounts: PlainAmounts) -> bool:
    return (
        _is_plain_text(value.title) and _is_within(value.sort_order, UNSIGNED_32)
        and (value.sku is None or len(value.sku) <= MAX_SKU_CHARS)
        and _is_plain_price(value.price, value.price_type, amounts)
    )


def _is_plain_text(title: str) -> bool:
    return len(title) <= MAX_TITLE_CHARS and bool(title.strip())


def _is_within(whole: int | None, most: int) -> bool:
    return whole is None or 0 <= whole <= most


def _is_plain_price(price: Decimal | None, price_type: str | None, amounts: PlainAmounts) -> bool:
    """Odd amounts (negative, too large, not finite) show on ``amounts``."""
    if price is None:
        return True
    amounts[price]
    return price_type != "percent" or price <= PERCENT
