"""Reads a written Magento folder again, as a stranger would: the text on disk, the standard library, the rules.

Shares no code with feedbridge. ``verify(folder)`` returns what breaks a rule of level error, ``suspicions(folder)``
what breaks one of level warning: one line each, beginning with the rule's number; empty when all is well.
Source: docs/platforms/magento.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

SIMPLE = [
    "id", "name", "price", "special_price", "category_id", "category_ids", "status", "enable_product_designer",
    "tier_price", "images", "type", "custom_options",
]
CONFIGURABLE = ["id", "name", "category_id", "category_ids", "status", "enable_product_designer", "images", "type"]
COMMON = ["title", "type", "sort_order", "is_require"]
PRICED = [*COMMON, "price", "price_type", "sku"]
OPTION = {
    **{kind: [*PRICED, "max_characters"] for kind in ("field", "area")},
    "file": [*PRICED, "file_extension", "image_size_x", "image_size_y"],
    **{kind: [*COMMON, "values"] for kind in ("drop_down", "radio", "checkbox", "multiple")},
    **{kind: PRICED for kind in ("date", "date_time", "time")},
}
MAY_BE_MISSING = {
    "price", "category_id", "category_ids", "tier_price", "images", "custom_options",
    "max_characters", "file_extension", "image_size_x", "image_size_y", "value_id",
}
VALUE = ["value_id", "title", "value", "sort_order", "price", "price_type", "sku", "is_delete"]
PRICE = re.compile(r"(0|[1-9][0-9]{0,13})(\.[0-9]*[1-9])?")
JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
QUANTITY = re.compile(r"[1-9][0-9]{0,7}(\.[0-9]{0,3}[1-9])?")
CATEGORIES = re.compile(r"[^,\s]+(,[^,\s]+)*")
UNSIGNED_32 = 4_294_967_295


class Number(str):
    """A number as it is written."""


class Members(dict[str, Any]):
    """An object; ``repeated`` are the keys that came more than once."""

    repeated: list[str]


def members(pairs: list[tuple[str, Any]]) -> Members:
    found = Members(pairs)
    names = [name for name, _ in pairs]
    found.repeated = sorted({name for name in names if names.count(name) > 1}) if len(found) < len(names) else []
    return found


def read(path: Path) -> Any:
    text = path.read_bytes().decode("utf-8")
    return json.loads(text, object_pairs_hook=members, parse_float=Number, parse_int=Number, parse_constant=Number)


def entries(folder: Path) -> Iterator[tuple[str, str, Members]]:
    """(place, key, product) of every entry of every file, in order."""
    for path in sorted(folder.iterdir()):
        for key, product in read(path)["product"].items():
            yield f"{path.name} {key}", key, product


def verify(folder: Path, *, most_products: int = 0, most_bytes: int = 0, field: str = "category_id") -> list[str]:
    """What is wrong with the batch files of a folder. ``most_…``: limits a file keeps to, 0 is none; ``field``: the
    setting category_field. Raises nothing but OSError."""
    wrong: list[str] = []
    names = sorted(path.name for path in folder.iterdir())
    if names != [f"batch-{n:04d}.json" for n in range(1, len(names) + 1)]:
        wrong.append(f"A15 files are {names}")
    seen: set[str] = set()
    for name in names:
        raw = (folder / name).read_bytes()
        try:
            document = read(folder / name)
        except ValueError as exc:
            wrong.append(f"M1 {name}: {exc}")
            continue
        if not isinstance(document, Members) or list(document) != ["product"] or document.repeated:
            wrong.append(f"M1 {name}: not one object with the single member product")
            continue
        products = document["product"]
        if not isinstance(products, Members) or not products:
            wrong.append(f"M1 {name}: product is no object with entries")
            continue
        wrong += [f"M2 {name}: key {key} repeats" for key in products.repeated]
        if most_products and len(products) > most_products:
            wrong.append(f"A15 {name}: {len(products)} products")
        if most_bytes and len(raw) > most_bytes:
            wrong.append(f"A15 {name}: {len(raw)} bytes")
        if raw != compact(document).encode():
            wrong.append(f"A18 {name}: not compact UTF-8")
        for key, product in products.items():
            if key in seen:
                wrong.append(f"M2 {name}: id {key} is there already")
            seen.add(key)
            wrong += [f"{line} ({name} {key})" for line in product_faults(key, product, field)]
    return wrong


def compact(value: Any) -> str:
    """A document written again without a blank, numbers digit by digit."""
    if isinstance(value, Members):
        return "{" + ",".join(f"{compact(name)}:{compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def product_faults(key: str, product: Any, field: str) -> Iterator[str]:
    if not isinstance(product, Members):
        yield "M1 the entry is no object"
        return
    kind = product.get("type")
    if kind not in ("simple", "configurable"):
        yield f"M5 type is {kind}"
        return
    yield from order_faults(product, SIMPLE if kind == "simple" else CONFIGURABLE, "product")
    yield from id_faults(key, product["id"])
    name = product.get("name")
    if type(name) is not str or not name.strip():
        yield "M4 name is blank"
    elif len(name) > 255:
        yield "M15 name is too long"
    for flag, rule in (("status", "M6"), ("enable_product_designer", "M7")):
        if not is_flag(product.get(flag)):
            yield f"{rule} {flag} is {product.get(flag)!r}"
    if "price" in product and not is_price(product["price"]):
        yield f"M8 price is {product['price']!r}"
    if kind == "simple" and product.get("special_price") != "" and not is_price(product.get("special_price")):
        yield f"M9 special_price is {product.get('special_price')!r}"
    yield from category_faults(product, field)
    images = product.get("images", None)
    if "images" in product and not (isinstance(images, list) and images):
        yield "M13 images is no list"
    for image in images or []:
        if not isinstance(image, Members) or list(image) != ["src"] or not is_text(image["src"]):
            yield f"M13 an image is {image!r}"
    yield from tier_faults(product)
    options = product.get("custom_options")
    if "custom_options" in product and not isinstance(options, list):
        yield "M26 custom_options is no list"
    for option in options or []:
        yield from option_faults(option)


def order_faults(found: Members, names: list[str], what: str) -> Iterator[str]:
    if found.repeated:
        yield f"M2 {what}: {found.repeated} repeat"
    if list(found) != [name for name in names if name in found]:
        yield f"A18 {what}: members are {list(found)}"
    missing = [name for name in names if name not in found and name not in MAY_BE_MISSING]
    if missing:
        yield f"M4 {what}: {missing} missing"


def id_faults(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield "M4 id is blank"
        return
    if value != key:
        yield f"M2 key {key} is not the id {value}"
    whole = re.fullmatch(r"0|[1-9][0-9]*", value, re.ASCII) is not None and int(value) < 2**53
    if whole != isinstance(value, Number):
        yield f"A2 id {value} is written as {type(value).__name__}"


def category_faults(product: Members, field: str) -> Iterator[str]:
    for name in ("category_id", "category_ids"):
        if name not in product:
            continue
        text = product[name]
        if field not in (name, "both"):
            yield f"A1 {name} is there"
        if type(text) is not str or not CATEGORIES.fullmatch(text) or len(set(text.split(","))) != len(text.split(",")):
            yield f"M12 {name} is {text!r}"
    if field == "both" and product.get("category_id") != product.get("category_ids"):
        yield "A1 category_id and category_ids differ"


def tier_faults(product: Members) -> Iterator[str]:
    tiers = product.get("tier_price")
    if "tier_price" not in product:
        return
    if product["type"] == "configurable":
        yield "M24 tier_price on a configurable product"
    if not isinstance(tiers, list) or not tiers:
        yield "M18 tier_price is no list"
        return
    quantities = []
    for tier in tiers:
        if not isinstance(tier, Members) or list(tier) != ["price", "qty"] or tier.repeated:
            yield f"M18 a tier is {tier!r}"
            continue
        if type(tier["qty"]) is not str or not QUANTITY.fullmatch(tier["qty"]):
            yield f"M19 qty is {tier['qty']!r}"
        else:
            quantities.append(Decimal(tier["qty"]))
        if not is_price(tier["price"]):
            yield f"M20 tier price is {tier['price']!r}"
    if len(set(quantities)) != len(quantities):
        yield "M22 two tiers start at one quantity"


def option_faults(option: Any) -> Iterator[str]:
    if not isinstance(option, Members) or option.get("type") not in OPTION:
        yield f"M26 an option is {option!r}"
        return
    kind = option["type"]
    yield from order_faults(option, OPTION[kind], f"{kind} option")
    if not is_text(option["title"]) or len(option["title"]) > 255:
        yield "M28 option title"
    if not is_flag(option.get("is_require")):
        yield "M29 is_require"
    if not is_whole(option.get("sort_order"), UNSIGNED_32):
        yield "M30 sort_order"
    if "values" in OPTION[kind]:
        values = option.get("values")
        if not isinstance(values, list) or not any(value.get("is_delete") == "0" for value in values):
            yield "M39 no value to choose"
        for value in values or []:
            yield from value_faults(value)
        return
    if "values" in option:
        yield f"M43 values on {kind}"
    yield from modifier_faults(option, "M31")
    if "max_characters" in option and not is_whole(option["max_characters"], UNSIGNED_32):
        yield "M35 max_characters"
    for side in ("image_size_x", "image_size_y"):
        if side in option and (type(option[side]) is not str or not is_whole(Number(option[side]), 65_535)):
            yield f"M36 {side} is {option[side]!r}"
    if "file_extension" in option:
        parts = option["file_extension"].split(",")
        if not all(re.fullmatch("[a-z0-9]+", part) for part in parts) or len(", ".join(parts)) > 50:
            yield f"M37 file_extension is {option['file_extension']!r}"


def value_faults(value: Members) -> Iterator[str]:
    yield from order_faults(value, VALUE, "value")
    if not is_flag(value.get("is_delete")):
        yield "M41 is_delete"
    if value["is_delete"] == "0" and (not is_text(value["title"]) or len(value["title"]) > 255):
        yield "M40 value title"
    if type(value["value"]) is not str:
        yield "A10 value"
    if not is_whole(value.get("sort_order"), UNSIGNED_32):
        yield "M40 value sort_order"
    yield from modifier_faults(value, "M40")


def modifier_faults(thing: Members, rule: str) -> Iterator[str]:
    price = thing.get("price")
    if not isinstance(price, Number) or not JSON_NUMBER.fullmatch(price) or abs(Decimal(price)) >= 10**14:
        yield f"{rule} price is {price!r}"
    if thing.get("price_type") not in ("fixed", "percent"):
        yield f"M32 price_type is {thing.get('price_type')!r}"
    if type(thing.get("sku")) is not str or len(thing["sku"]) > 64:
        yield f"M34 sku is {thing.get('sku')!r}"


def suspicions(folder: Path) -> list[str]:
    """What a rule of level warning says of the written documents."""
    found = []
    cases: dict[str, str] = {}
    for place, key, product in entries(folder):
        if len(key) > 64 or key.strip() != key or cases.setdefault(key.casefold(), key) != key:
            found.append(f"M16 ({place})")
        found += [f"{line} ({place})" for line in product_suspicions(product)]
    return found


def product_suspicions(product: Members) -> Iterator[str]:
    price, special = product.get("price"), product.get("special_price")
    money = [text for text in (price, special) if text]
    if special and (Decimal(special) == 0 or (price is not None and Decimal(special) >= Decimal(price))):
        yield "M11"
    if any(not re.fullmatch("0*[1-9][0-9]*", part) for part in product.get("category_id", "1").split(",")):
        yield "M12b"
    for image in product.get("images", []):
        src = image["src"]
        address = re.match(r"https?://[^/\s]+", src, re.IGNORECASE)
        if address is None and (re.match("[A-Za-z][A-Za-z0-9+.-]+:", src) or not re.search(r"[/.\\]", src)):
            yield "M13b"
        path = re.split("[?#]", src[address.end():])[0] if address else src
        name = re.split(r"/", path)[-1] if address else re.split(r"[/\\]", path)[-1]
        extension = re.search(r"[^.]\.([^.]*)$", name)
        is_picture = extension is None or extension[1].lower() in ("jpg", "jpeg", "gif", "png")
        if not is_picture or set(name) & set('\\/?*:";<>()|{}'):
            yield "M14"
    cheapest = Decimal(price) if price is not None else None
    for tier in sorted(product.get("tier_price", []), key=lambda each: Decimal(each["qty"])):
        money.append(tier["price"])
        amount = Decimal(tier["price"])
        if amount == 0:
            yield "M21"
        if cheapest is not None and amount >= cheapest:
            yield "M23"
        else:
            cheapest = amount
    titles = [option["title"] for option in product.get("custom_options", [])]
    if len(set(titles)) != len(titles):
        yield "M44"
    for option in product.get("custom_options", []):
        things = [value for value in option.get("values", []) if value["is_delete"] == "0"] or [option]
        for thing in things:
            if "price" in thing:
                money.append(thing["price"])
                if Decimal(thing["price"]) < 0 or (thing["price_type"] == "percent" and Decimal(thing["price"]) > 100):
                    yield "M33"
    if any(len(text.partition(".")[2]) > 6 for text in money):
        yield "M10"


def is_text(value: Any) -> bool:
    return type(value) is str and bool(value.strip())


def is_flag(value: Any) -> bool:
    return isinstance(value, Number) and value in ("0", "1")


def is_price(value: Any) -> bool:
    return type(value) is str and PRICE.fullmatch(value) is not None


def is_whole(value: Any, most: int) -> bool:
    return isinstance(value, Number) and re.fullmatch("0|[1-9][0-9]*", value) is not None and int(value) <= most
