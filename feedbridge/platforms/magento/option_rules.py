"""The rules about custom options that a product can break: M28 to M45."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from feedbridge.findings import Severity
from feedbridge.platforms.magento.amounts import is_storable
from feedbridge.platforms.magento.custom_options import (
    FILE,
    IMAGE_EXTENSIONS,
    MAX_SKU_CHARS,
    MAX_TITLE_CHARS,
    SELECT,
    TEXT,
    split_extensions,
)
from feedbridge.platforms.magento.draft import Draft
from feedbridge.platforms.magento.payload import UNSIGNED_16, UNSIGNED_32
from feedbridge.platforms.magento.sources import CORE_LIMITS, CORE_OPTIONS, PAGE
from feedbridge.product import CustomOption, CustomOptionValue
from feedbridge.rules import Problem, rule

__all__ = ["OPTION_RULES"]

MAX_EXTENSION_CHARS = 50
FORBIDDEN_EXTENSIONS = frozenset({"php", "exe"})
_EXTENSION = re.compile(r"[a-z0-9]+").fullmatch
PERCENT = 100
NOTE = {"title": "Gift note", "kind": "field"}
GOLD = {"title": "Gold", "price": "3"}
ART = {"title": "Your artwork", "kind": "file"}
ONE_SIZE = {"options": [{"name": "Size"}], "variants": [{"sku": "CREW-S", "option_values": ["S"]}]}


def options_of(product: Any) -> Iterator[tuple[str, CustomOption]]:
    """(path, option) of every custom option of a product."""
    for index, option in enumerate(product.custom_options or ()):
        yield f"custom_options.{index}", option


def values_of(product: Any) -> Iterator[tuple[str, CustomOptionValue]]:
    """(path, value) of every choice of the select options of a product."""
    for path, option in options_of(product):
        if option.kind in SELECT:
            for index, value in enumerate(option.values):
                yield f"{path}.values.{index}", value


def priced(product: Any) -> Iterator[tuple[str, Any]]:
    """(path, option or value) of everything whose price is written, deleted values left out."""
    for path, option in options_of(product):
        if option.kind not in SELECT:
            yield path, option
    for path, value in values_of(product):
        if not value.is_delete:
            yield path, value


def custom(*options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"custom_options": list(options), **more}


def note(**more: Any) -> dict[str, Any]:
    return custom({**NOTE, **more})


def colour(*values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return custom({"title": "Colour", "kind": "drop_down", "values": list(values), **more})


def art(**more: Any) -> dict[str, Any]:
    return custom({**ART, **more})


def title_problem(path: str, title: str) -> Problem | None:
    if not title.strip():
        return Problem(f"{path}.title", "the title is blank")
    if len(title) > MAX_TITLE_CHARS:
        return Problem(f"{path}.title", f"the title has {len(title)} characters, {MAX_TITLE_CHARS} at most fit", title)
    return None


def is_outside(whole: int | None, most: int) -> bool:
    return whole is not None and not 0 <= whole <= most


@rule(
    "M28", Severity.ERROR, source=f"{PAGE}; {CORE_LIMITS}", mend="give a title of at most 255 characters",
    good=note(title="0"), bad=note(title="n" * 256),
)
def option_title(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A custom option has a title of at most 255 characters."""
    found = [title_problem(path, option.title) for path, option in options_of(product)]
    return [problem for problem in found if problem is not None]


@rule(
    "M30", Severity.ERROR, source=f"{PAGE}; {CORE_LIMITS}", mend="give a whole number, 0 or more",
    good=note(sort_order=3), bad=note(sort_order=-1),
)
def option_sort_order(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """The sort order of a custom option is a whole number from 0 to 4294967295."""
    return [
        Problem(f"{path}.sort_order", f"the store keeps no sort order {option.sort_order}", str(option.sort_order))
        for path, option in options_of(product) if is_outside(option.sort_order, UNSIGNED_32)
    ]


@rule(
    "M31", Severity.ERROR, source=f"{CORE_OPTIONS}; {CORE_LIMITS}", mend="check the price in the source",
    good=note(price="2.5"), bad=note(price="100000000000000"),
)
def option_price(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A custom option outside the select group has a price that fits the store's column; 0 when the source has none."""
    return [
        Problem(f"{path}.price", f"{option.price} does not fit the store's price column", str(option.price))
        for path, option in options_of(product)
        if option.kind not in SELECT and option.price is not None and not is_storable(option.price)
    ]


@rule(
    "M33", Severity.WARNING, source=CORE_OPTIONS, mend="check the price in the source",
    good=note(price="10", price_type="percent"), bad=note(price="-1"),
)
def option_price_is_usual(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """The price of an option or value is not negative (older versions refuse that), and no percentage above 100."""
    problems = []
    for path, thing in priced(product):
        price = thing.price
        if price is not None and price.is_finite() and price < 0:
            problems.append(Problem(f"{path}.price", f"the price {price} lowers the product's price", str(price)))
        elif price is not None and thing.price_type == "percent" and price > PERCENT:
            problems.append(Problem(f"{path}.price", f"{price}% is more than the product's whole price", str(price)))
    return problems


@rule(
    "M34", Severity.ERROR, source=CORE_LIMITS, mend="shorten the SKU",
    good=note(sku="N" * 64), bad=note(sku="N" * 65),
)
def option_sku(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """The SKU of an option or value has at most 64 characters."""
    things: list[tuple[str, Any]] = [(path, each) for path, each in options_of(product) if each.kind not in SELECT]
    return [
        Problem(f"{path}.sku", f"the SKU has {len(each.sku)} characters, {MAX_SKU_CHARS} at most fit", each.sku)
        for path, each in [*things, *values_of(product)] if each.sku is not None and len(each.sku) > MAX_SKU_CHARS
    ]


@rule(
    "M35", Severity.ERROR, source=f"{CORE_OPTIONS}; {CORE_LIMITS}", mend="give a whole number; 0 is no limit",
    good=note(max_characters=0), bad=note(max_characters=-1),
)
def max_characters(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """The character limit of a text option is a whole number from 0 to 4294967295."""
    return [
        Problem(f"{path}.max_characters", f"{option.max_characters} is no character limit", str(option.max_characters))
        for path, option in options_of(product)
        if option.kind in TEXT and is_outside(option.max_characters, UNSIGNED_32)
    ]


@rule(
    "M35b", Severity.ADVICE, source=CORE_OPTIONS, mend="take it out of the source, or make the option a field or area",
    good=note(max_characters=60), bad=art(max_characters=60),
)
def max_characters_placed(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A character limit belongs to options of type field and area; on others it is not written."""
    return [
        Problem(
            f"{path}.max_characters", f"a {option.kind} option has no character limit: left out",
            str(option.max_characters),
        )
        for path, option in options_of(product) if option.kind not in TEXT and option.max_characters is not None
    ]


@rule(
    "M36", Severity.ERROR, source=f"{CORE_OPTIONS}; {CORE_LIMITS}", mend="give a whole number of pixels; 0 is no limit",
    good=art(image_size_x=3000), bad=art(image_size_x=65536),
)
def image_size(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """The largest picture size of a file option is 0 to 65535 pixels a side."""
    return [
        Problem(f"{path}.{side}", f"{size} is no picture size the store can keep", str(size))
        for path, option in options_of(product) if option.kind == FILE
        for side, size in (("image_size_x", option.image_size_x), ("image_size_y", option.image_size_y))
        if is_outside(size, UNSIGNED_16)
    ]


@rule(
    "M36b", Severity.ADVICE, source=CORE_OPTIONS, mend="take it out of the source, or make the option a file",
    good=art(image_size_x=3000, file_extension="png"), bad=note(image_size_x=3000),
)
def file_limits_placed(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """Picture sizes and file extensions belong to options of type file; on others they are not written."""
    return [
        Problem(f"{path}.{name}", f"a {option.kind} option has no {name}: left out", str(getattr(option, name)))
        for path, option in options_of(product) if option.kind != FILE
        for name in ("file_extension", "image_size_x", "image_size_y") if getattr(option, name) is not None
    ]


@rule(
    "M37", Severity.ERROR, source=f"{CORE_OPTIONS}; {CORE_LIMITS}", mend="write extensions as png,jpg",
    good=art(file_extension=".PNG, jpg"), bad=art(file_extension="image/*+xml"),
)
def file_extensions(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """The extensions of a file option are runs of a to z and 0 to 9, together at most 50 characters long."""
    problems = []
    for path, option in options_of(product):
        if option.kind != FILE or not option.file_extension:
            continue
        extensions = split_extensions(option.file_extension)
        unknown = [extension for extension in extensions if not _EXTENSION(extension)]
        kept = ", ".join(extensions)
        if unknown or not extensions:
            said = f'"{unknown[0]}" is no file extension' if unknown else "there is no file extension in it"
            problems.append(Problem(f"{path}.file_extension", said, option.file_extension))
        elif len(kept) > MAX_EXTENSION_CHARS:
            problems.append(Problem(
                f"{path}.file_extension",
                f"the store would keep {len(kept)} characters, {MAX_EXTENSION_CHARS} at most fit",
                option.file_extension,
            ))
    return problems


@rule(
    "M38", Severity.WARNING, source=CORE_OPTIONS, mend="name extensions the store takes",
    good=art(file_extension="pdf"), bad=art(file_extension="png,exe"),
)
def file_extensions_work(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A file option does not name php or exe, and none but picture extensions together with a picture size."""
    problems = []
    for path, option in options_of(product):
        if option.kind != FILE or not option.file_extension:
            continue
        extensions = split_extensions(option.file_extension)
        at = f"{path}.file_extension"
        forbidden = [extension for extension in extensions if extension in FORBIDDEN_EXTENSIONS]
        others = [extension for extension in extensions if extension not in IMAGE_EXTENSIONS]
        if forbidden:
            problems.append(Problem(at, f"the store refuses {forbidden[0]} files", option.file_extension))
        elif others and ((option.image_size_x or 0) > 0 or (option.image_size_y or 0) > 0):
            problems.append(Problem(
                at, f"with a picture size, every upload of a {others[0]} file fails", option.file_extension,
            ))
    return problems


@rule(
    "M39", Severity.ERROR, source=CORE_OPTIONS, mend="give the option at least one value",
    good=colour(GOLD), bad=colour({**GOLD, "is_delete": True}),
)
def select_has_values(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A select option has at least one value that is not deleted."""
    return [
        Problem(f"{path}.values", "the option has no value to choose" + (": all are deleted" if option.values else ""))
        for path, option in options_of(product)
        if option.kind in SELECT and all(value.is_delete for value in option.values)
    ]


@rule(
    "M40", Severity.ERROR, source=f"{CORE_OPTIONS}; {CORE_LIMITS}", mend="check the value in the source",
    good=colour(GOLD), bad=colour({**GOLD, "sort_order": -1}),
)
def select_values(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A value has a title of at most 255 characters, a price that fits and a sort order from 0 to 4294967295."""
    problems: list[Problem | None] = []
    for path, value in values_of(product):
        if not value.is_delete:
            problems.append(title_problem(path, value.title))
        # The store does not look at the rest of a deleted value, but the request still needs numbers.
        if value.price is not None and not is_storable(value.price):
            problems.append(Problem(
                f"{path}.price", f"{value.price} does not fit the store's price column", str(value.price),
            ))
        if is_outside(value.sort_order, UNSIGNED_32):
            problems.append(Problem(
                f"{path}.sort_order", f"{value.sort_order} is no sort order the store can keep", str(value.sort_order),
            ))
    return [problem for problem in problems if problem is not None]


@rule(
    "M42", Severity.ADVICE, source=CORE_OPTIONS, mend="give prices and SKUs to the values",
    good=colour(GOLD), bad=colour(GOLD, price="2"),
)
def select_has_no_price(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """Price, price type and SKU of a select option belong to its values; its own are not written."""
    return [
        Problem(f"{path}.{name}", f"a {option.kind} option has no own {name}: left out", str(getattr(option, name)))
        for path, option in options_of(product) if option.kind in SELECT
        for name in ("price", "price_type", "sku") if getattr(option, name) is not None
    ]


@rule(
    "M43", Severity.ERROR, source=CORE_OPTIONS, mend="take the values out, or make the option a drop_down",
    good=colour(GOLD), bad=note(values=[GOLD]),
)
def only_select_has_values(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """Only options of the select group have values."""
    return [
        Problem(f"{path}.values", f"a {option.kind} option cannot have values", option.values[0].title)
        for path, option in options_of(product) if option.kind not in SELECT and option.values
    ]


@rule(
    "M44", Severity.WARNING, source="magento/magento2 2.4.6-p1, CatalogImportExport: Model/Import/Product/Option.php",
    mend="give each option a title of its own", good=custom(NOTE, ART), bad=custom(NOTE, NOTE),
)
def option_titles_differ(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """The custom options of a product have different titles."""
    problems = []
    seen: set[str] = set()
    for path, option in options_of(product):
        if option.title in seen:
            problems.append(Problem(f"{path}.title", "another option of the product has this title", option.title))
        seen.add(option.title)
    return problems


@rule(
    "M45", Severity.ERROR, source=CORE_OPTIONS,
    mend="make the option voluntary, or write simple products only (magento.parent=false)",
    settings={"parent": True},
    good={**note(required=False), **ONE_SIZE},
    bad={**note(required=True), **ONE_SIZE},
)
def child_needs_no_option(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A product that is the child of a configurable one has no required custom option."""
    if payload.parent is None:
        return []
    return [
        Problem(f"{path}.required", "variants of a configurable product cannot require a custom option", option.title)
        for path, option in options_of(product) if option.required
    ]


OPTION_RULES = (
    option_title, option_sort_order, option_price, option_price_is_usual, option_sku, max_characters,
    max_characters_placed, image_size, file_limits_placed, file_extensions, file_extensions_work, select_has_values,
    select_values, select_has_no_price, only_select_has_values, option_titles_differ, child_needs_no_option,
)
