"""The rules of the Magento-style platform: M1 to M59 and the choices a product can run into.

A letter after the number (M8b) is a second rule under the same heading with another severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from feedbridge.findings import Severity
from feedbridge.platforms.magento.amounts import STORED_DECIMALS, decimals, is_storable, plain
from feedbridge.platforms.magento.draft import Draft
from feedbridge.platforms.magento.images import EXTENSIONS, UNSAFE, base_name, is_usable, pictures
from feedbridge.platforms.magento.kept_rules import (
    KEPT_RULES,
    categories_have_ids,
    document_is_a_map,
    field_has_a_place,
    id_is_the_stores,
    parent_is_left_out,
    price_is_there,
)
from feedbridge.platforms.magento.option_rules import OPTION_RULES, priced
from feedbridge.platforms.magento.sources import CORE_LIMITS, CORE_PRICES, CORE_VARIANTS, OURS, PAGE
from feedbridge.platforms.magento.tier_prices import TIER_RULES, eur, general_tiers
from feedbridge.rules import Found, Problem, Rule, rule

__all__ = [
    "CHECKED", "MAX_ID_CHARS", "MAX_NAME_CHARS", "RULES", "categories_have_ids", "check", "document_is_a_map",
    "field_has_a_place", "id_is_the_stores", "ids_differ", "ids_fit", "is_category_number", "one_currency",
    "parent_is_left_out", "price_is_there",
]

MAX_NAME_CHARS = 255
MAX_ID_CHARS = 64
MAX_PRICE_DECIMALS = STORED_DECIMALS


def money_of(payload: Draft) -> Iterator[tuple[str, Any]]:
    """(path, Money) of every amount of a product that is written as it is."""
    for item in payload.items:
        if item.price is not None:
            yield item.at("price"), item.price
        if item.sale_price is not None:
            yield item.at("sale_price"), item.sale_price
        for path, tier, _ in general_tiers(item):
            if tier.price is not None:
                yield f"{path}.price", tier.price


@rule(
    "M2", Severity.ERROR, source=PAGE, mend="give every variant its own id or SKU",
    good={"variants": [{"sku": "A"}, {"sku": "B"}]},
    bad={"variants": [{"sku": "A", "ids": {"magento": "5"}}, {"sku": "B", "ids": {"magento": "5"}}]},
)
def ids_differ(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """Each product of a request has an id of its own, which is also its key."""
    problems = []
    seen: set[str] = set()
    for item in payload.written:
        if item.id in seen:
            problems.append(Problem(
                item.here("ids.magento" if item.own_id else "sku"), f'the id "{item.id}" is there already', item.id,
            ))
        seen.add(item.id)
    return problems


@rule(
    "M4", Severity.ERROR, source=PAGE, mend="give the product a title and an id",
    good={"title": "Canvas Tote Natural"}, bad={"title": "   "},
)
def id_and_name_given(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A product has an id, a name and a type, and none is blank."""
    problems = []
    for item in payload.written:
        if not item.id.strip():
            problems.append(Problem(item.here("ids.magento" if item.own_id else "sku"), "the id is blank", item.id))
        if not item.name.strip():
            problems.append(Problem(item.at("title"), "the name is blank", item.name))
    return problems


@rule(
    "M7", Severity.ERROR, source=PAGE, mend="give attributes.enable_product_designer a column of 0 and 1",
    good={"attributes": {"enable_product_designer": "0"}}, bad={"attributes": {"enable_product_designer": "yes"}},
)
def designer_is_a_flag(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """`enable_product_designer` is 0 or 1."""
    field = "attributes.enable_product_designer"
    given = [(field, product.attributes.get("enable_product_designer"))]
    for item in payload.items:
        if item.index >= 0:
            given.append((item.here(field), item.source.attributes.get("enable_product_designer")))
    return [
        Problem(path, f'"{text}" is neither 0 nor 1', text)
        for path, text in given if text is not None and text not in ("0", "1")
    ]


@rule(
    "M8", Severity.ERROR, source=f"{PAGE}; {CORE_LIMITS}", mend="check the decimal convention of the mapping",
    good={"price": eur("99999999999999")}, bad={"price": eur("100000000000000")},
)
def price_format(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """`price` is plain digits, at most 14 before the point: no sign, currency, grouping or exponent."""
    return [
        Problem(item.at("price"), f"{item.price.amount} does not fit the store's price column", str(item.price.amount))
        for item in payload.items if item.price is not None and not _is_price(item.price.amount)
    ]


@rule(
    "M8b", Severity.ERROR, source=OURS,
    mend="convert one currency at a time: choose it in the mapping, or say the store's with magento.currency",
    good={"price": eur("10"), "sale_price": eur("8")},
    bad={"price": eur("10"), "sale_price": {"amount": "8", "currency": "USD"}},
)
def one_currency(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """All prices of a run are in one currency: the request has no member that names it."""
    money = list(money_of(payload))
    if not money:
        return []
    currency = settings.currency or money[0][1].currency
    return [
        Problem(path, f"the price is in {each.currency}, others are in {currency}", f"{each.amount} {each.currency}")
        for path, each in money if each.currency != currency
    ]


@rule(
    "M9", Severity.ERROR, source=PAGE, mend="check the decimal convention of the mapping",
    good={"price": eur("18.95"), "sale_price": eur("15")},
    bad={"price": eur("18.95"), "sale_price": eur("100000000000000")},
)
def special_price_format(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """`special_price` is empty, or plain digits, at most 14 before the point; all else is refused with code 404."""
    return [
        Problem(
            item.at("sale_price"), f"{item.sale_price.amount} does not fit the store's price column",
            str(item.sale_price.amount),
        )
        for item in payload.items if item.sale_price is not None and not _is_price(item.sale_price.amount)
    ]


@rule(
    "M10", Severity.WARNING, source=CORE_LIMITS, mend="round the price in the source",
    good={"price": eur("1.234567")}, bad={"price": eur("1.2345678")},
)
def price_decimals(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A price has at most 6 decimals; the store rounds more."""
    amounts: list[tuple[str, Decimal]] = [(path, money.amount) for path, money in money_of(payload)]
    amounts += [(f"{path}.price", thing.price) for path, thing in priced(product) if thing.price is not None]
    return [
        Problem(path, f"the store rounds {plain(amount)} to {MAX_PRICE_DECIMALS} decimals", str(amount))
        for path, amount in amounts if decimals(amount) > MAX_PRICE_DECIMALS
    ]


@rule(
    "M11", Severity.WARNING, source=CORE_PRICES, mend="give a reduced price below the price, or none",
    good={"price": eur("18.95"), "sale_price": eur("15")}, bad={"price": eur("18.95"), "sale_price": eur("18.95")},
)
def special_price_works(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """`special_price` is above 0 and below `price`: else it has no effect, or gives the product away."""
    problems = []
    for item in payload.items:
        if item.sale_price is None:
            continue
        special, path = item.sale_price.amount, item.at("sale_price")
        if not special:
            problems.append(Problem(path, "a reduced price of 0 is ignored, or makes the product free", str(special)))
        elif item.price is not None and special >= item.price.amount:
            problems.append(Problem(
                path, f"the reduced price {plain(special)} is not below the price {plain(item.price.amount)}",
                str(special),
            ))
    return problems


@rule(
    "M12", Severity.ERROR, source=PAGE, mend="give each category id once, without blanks or commas",
    good={"category_ids": {"magento": ["310", "344"]}}, bad={"category_ids": {"magento": ["310", "310"]}},
)
def category_ids_format(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """Category ids are joined by commas: none is empty, has a blank or a comma in it, or repeats."""
    problems = []
    seen: set[str] = set()
    for index, text in enumerate(product.category_ids.get("magento", ())):
        path = f"category_ids.magento.{index}"
        if not text or "," in text or text.split() != [text]:
            problems.append(Problem(path, f'"{text}" is no category id', text))
        elif text in seen:
            problems.append(Problem(path, f"category {text} is named twice", text))
        seen.add(text)
    return problems


@rule(
    "M12b", Severity.WARNING, source=PAGE, mend="look the category's number up in the store",
    good={"category_ids": {"magento": ["310", "344"]}}, bad={"category_ids": {"magento": ["tote-bags"]}},
)
def category_ids_are_numbers(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A category id is a whole number above 0."""
    return [
        Problem(f"category_ids.magento.{index}", f'"{text}" is no number the store gives a category', text)
        for index, text in enumerate(product.category_ids.get("magento", ()))
        if text and not is_category_number(text)
    ]


@rule(
    "M13", Severity.ERROR, source=PAGE, mend="give the picture's address, or leave it out",
    good={"images": [{"src": "https://cdn.example.test/tote/front.jpg"}]}, bad={"images": [{"src": "  "}]},
)
def image_has_src(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """Every picture has an address or path."""
    return [
        Problem(f"{path}.src", "the picture's address is blank")
        for path, image in pictures(product) if not image.src.strip()
    ]


@rule(
    "M13b", Severity.WARNING, source=PAGE, mend="give an http or https address, or a path",
    good={"images": [{"src": "/t/o/tote.jpg"}]}, bad={"images": [{"src": "image_url"}]},
)
def image_src_is_a_place(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A picture is named by an http or https address or a path; any other is left out."""
    return [
        Problem(f"{path}.src", f'"{image.src}" is neither an http or https address nor a path: left out', image.src)
        for path, image in pictures(product) if image.src.strip() and not is_usable(image.src)
    ]


@rule(
    "M14", Severity.WARNING,
    source="magento/magento2, Framework/Api/ImageContentValidator.php; CatalogImportExport: Model/Import/Uploader.php",
    mend="offer the picture as jpg, png or gif under a plain name",
    good={"images": [{"src": "https://cdn.example.test/tote/front.jpg?v=2"}]},
    bad={"images": [{"src": "https://cdn.example.test/tote/front.webp"}]},
)
def image_type(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    r"""A picture's name ends in jpg, jpeg, gif or png, if in anything, and has no ``\ / ? * : " ; < > ( ) | { }``."""
    problems = []
    for path, image in pictures(product):
        if not is_usable(image.src):
            continue
        name = base_name(image.src)
        stem, point, extension = name.rpartition(".")
        unsafe = UNSAFE.search(name)
        if point and stem and extension.lower() not in EXTENSIONS:
            problems.append(Problem(f"{path}.src", f"the store takes no .{extension} pictures", image.src))
        elif unsafe is not None:
            problems.append(Problem(f"{path}.src", f"the store takes no file name with {unsafe[0]} in it", image.src))
    return problems


@rule(
    "M15", Severity.ERROR, source=CORE_LIMITS, mend="shorten the title",
    good={"title": "T" * 255}, bad={"title": "T" * 256},
)
def name_length(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """`name` has at most 255 characters."""
    return [
        Problem(item.at("title"), f"the name has {len(item.name)} characters, {MAX_NAME_CHARS} at most fit", item.name)
        for item in payload.written if len(item.name) > MAX_NAME_CHARS
    ]


@rule(
    "M16", Severity.WARNING, source=CORE_LIMITS, mend="give a shorter id, unique without regard to case",
    good={"ids": {"magento": "TOTE-1"}}, bad={"ids": {"magento": "T" * 65}},
)
def ids_fit(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """An id would do as the store's SKU: at most 64 characters, no blanks at its ends, unique whatever its case."""
    problems = []
    seen: dict[str, str] = {}
    for item in payload.written:
        path = item.here("ids.magento" if item.own_id else "sku")
        if len(item.id) > MAX_ID_CHARS:
            problems.append(Problem(path, f"the id has {len(item.id)} characters, {MAX_ID_CHARS} fit a SKU", item.id))
        if item.id.strip() != item.id:
            problems.append(Problem(path, "the id has blanks at its ends", item.id))
        other = seen.setdefault(item.id.casefold(), item.id)
        if other != item.id:
            problems.append(Problem(path, f'the id differs from "{other}" only in case', item.id))
    return problems


@rule(
    "M47", Severity.ERROR, source=CORE_VARIANTS,
    mend="fill in the option's value", settings={"parent": True},
    good={"options": [{"name": "Size"}], "variants": [{"sku": "CREW-S", "option_values": ["S"]}]},
    bad={"options": [{"name": "Size"}], "variants": [{"sku": "CREW-S", "option_values": [""]}]},
)
def child_has_values(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """Every variant of a configurable product has a value for each of its options."""
    if payload.parent is None:
        return []
    if not product.options:
        return [Problem("options", "a configurable product needs an option its variants differ in")]
    problems = []
    for item in payload.items:
        values = item.source.option_values
        for place, option in enumerate(product.options):
            if place >= len(values) or not values[place].strip():
                problems.append(Problem(
                    f"variants.{item.index}.option_values.{place}", f'the variant has no value for "{option.name}"',
                ))
    return problems


@rule(
    "M48", Severity.ERROR, source=CORE_VARIANTS,
    mend="give each variant its own combination", settings={"parent": True},
    good={
        "options": [{"name": "Size"}],
        "variants": [{"sku": "CREW-S", "option_values": ["S"]}, {"sku": "CREW-M", "option_values": ["M"]}],
    },
    bad={
        "options": [{"name": "Size"}],
        "variants": [{"sku": "CREW-S", "option_values": ["S"]}, {"sku": "CREW-T", "option_values": ["S"]}],
    },
)
def children_differ(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """No two variants of a configurable product have the same combination of values."""
    if payload.parent is None:
        return []
    problems = []
    seen: set[tuple[str, ...]] = set()
    for item in payload.items:
        values = tuple(item.source.option_values)
        if values in seen:
            problems.append(Problem(
                f"variants.{item.index}.option_values", "another variant has the same values", " / ".join(values),
            ))
        seen.add(values)
    return problems


@rule(
    "M50", Severity.ERROR,
    source="magento/magento2 2.4.6-p1, ConfigurableImportExport: Model/Import/Product/Type/Configurable.php",
    mend="give each variant its own SKU", settings={"parent": True},
    good={
        "options": [{"name": "Size"}],
        "variants": [{"sku": "CREW-S", "option_values": ["S"]}, {"sku": "CREW-M", "option_values": ["M"]}],
    },
    bad={
        "options": [{"name": "Size"}],
        "variants": [{"sku": "CREW-S", "option_values": ["S"]}, {"sku": "CREW-S", "option_values": ["M"]}],
    },
)
def child_skus_differ(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A variant's SKU is there once in its configurable product."""
    if payload.parent is None:
        return []
    problems = []
    seen: set[str] = set()
    for item in payload.items:
        if item.source.sku in seen:
            problems.append(Problem(f"variants.{item.index}.sku", "another variant has this SKU", item.source.sku))
        seen.add(item.source.sku)
    return problems


CHECKED: tuple[Rule, ...] = (
    ids_differ, id_and_name_given, designer_is_a_flag, price_format, one_currency, special_price_format, price_decimals,
    special_price_works, category_ids_format, category_ids_are_numbers, image_has_src,
    image_src_is_a_place, image_type, name_length, ids_fit, *TIER_RULES, *OPTION_RULES,
    child_has_values, children_differ, child_skus_differ,
)
RULES: tuple[Rule, ...] = tuple(sorted(
    (*CHECKED, *KEPT_RULES),
    key=lambda each: (each.number[0] != "M", int(each.number[1:].rstrip("bc")), each.number),
))


def check(product: Any, payload: Draft, settings: Any) -> list[Found]:
    """Everything the rules find, each problem once though several variants inherit it."""
    found = []
    for each in CHECKED:
        said = each.check(product, payload, settings) if each.check is not None else None
        if said:
            problems = [said] if isinstance(said, Problem) else dict.fromkeys(said)
            found += [Found(each, problem) for problem in problems]
    return found


def is_category_number(text: str) -> bool:
    """Whether a category id is a whole number above 0."""
    return text.isascii() and text.isdecimal() and bool(text.strip("0"))


def _is_price(amount: Decimal) -> bool:
    return is_storable(amount) and amount >= 0
