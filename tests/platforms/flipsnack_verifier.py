"""Reads a written Flipsnack folder again, as a stranger would: the text on disk, the standard library, the rules.

Shares no code with feedbridge. ``verify(folder)`` returns what is wrong, one line each; empty when all is well.
Source: docs/platforms/flipsnack.md; the number of the broken rule begins each line.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

STRING, NUMBER, BOOLEAN = "string", "number", "boolean"

# Section 5, in its order.
VARIANT: dict[str, Any] = {
    "code": STRING, "parent_code": STRING, "image_link": STRING, "visible": BOOLEAN,
    "attribute": {"options1": STRING, "options2": STRING, "options3": STRING},
    "price": NUMBER, "discount_price": NUMBER,
}
PRODUCT: dict[str, Any] = {
    "type": STRING, "code": STRING, "title": STRING, "description": STRING, "image_link": STRING,
    "sell_price": NUMBER, "currency": STRING, "discount_price": NUMBER, "quantity": BOOLEAN,
    "purchasable_qty": {"min": NUMBER, "max": NUMBER},
    "attribute": {f"{part}{n}": STRING for n in (1, 2, 3) for part in ("name", "options")},
    "image_attribute": STRING, "shop_element": STRING,
    "area_element": {"tooltip": STRING, "color": STRING, "opacity": NUMBER},
    "shop_button": {"color": STRING, "label": STRING, "label_color": STRING},
    "website": {"button": BOOLEAN, "button_label": STRING, "link": STRING},
    "customizable_product": {"product": BOOLEAN, "instructions": STRING, "flat_fee": NUMBER, "per_character": NUMBER,
                             "character_length": NUMBER, "mandatory": BOOLEAN},
    "variants": [VARIANT],
}
NUMBER_TEXT = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
STRING_TEXT = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
LINK = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)


class Digits(str):
    """A number as it is written."""


class Members(list[tuple[str, Any]]):
    """An object's members as they are written: in order, repeated ones too."""

    def get(self, name: str, default: Any = None) -> Any:
        return next((value for key, value in self if key == name), default)


def verify(
    folder: Path, *, delimiter: str = ",", most_products: int = 500, most_bytes: int = 200_000_000,
) -> list[str]:
    """What is wrong with the batch files of a folder. Raises nothing but OSError."""
    wrong: list[str] = []
    names = sorted(path.name for path in folder.iterdir())
    if names != [f"batch-{n:04d}.json" for n in range(1, len(names) + 1)]:
        wrong.append(f"F7 files are {names}")
    seen: dict[str, str] = {}
    for name in names:
        data = (folder / name).read_bytes()
        for line in _batch(data, seen, name, delimiter, most_products, most_bytes):
            wrong.append(f"{line} ({name})")
    return wrong


def read_products(folder: Path) -> list[dict[str, Any]]:
    """Every product of the folder in order, numbers as text."""
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("batch-*.json")):
        found += json.loads(path.read_text("ascii"), parse_float=str, parse_int=str)
    return found


def _batch(data: bytes, seen: dict[str, str], name: str, delimiter: str, most: int, most_bytes: int) -> list[str]:
    wrong: list[str] = []
    if len(data) > most_bytes:
        wrong.append(f"F9 {len(data)} bytes")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as exc:
        return [*wrong, f"A4 not ASCII at byte {exc.start}"]
    if re.search(r"\s", STRING_TEXT.sub("", text)):
        wrong.append("A4 blanks between tokens")
    if any(re.search(r"(?<!\\)(?:\\\\)*\\/", token) for token in STRING_TEXT.findall(text)):
        wrong.append("A4 an escaped slash")
    try:
        batch = json.loads(text, parse_float=Digits, parse_int=Digits, parse_constant=_no_constant,
                           object_pairs_hook=Members)
    except ValueError as exc:
        return [*wrong, f"F7 no JSON: {exc}"]
    if isinstance(batch, Members) or not isinstance(batch, list) or not batch:
        return [*wrong, "F7 not a JSON array with products"]
    if len(batch) > most:
        wrong.append(f"F8 {len(batch)} products")
    for number, product in enumerate(batch):
        if not isinstance(product, Members):
            wrong.append(f"F7 element {number} is no object")
            continue
        problems = _shape(product, PRODUCT, "product")
        if not problems:
            problems = _product(product, seen, f"{name} {number}", delimiter)
        wrong += [f"{problem}, element {number}" for problem in problems]
    return wrong


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _shape(members: Any, schema: dict[str, Any], where: str) -> list[str]:
    """F14, F15, A4 (order) and A19 of one object and what is in it."""
    if not isinstance(members, Members):
        return [f"F14 {where} is no object"]
    wrong = []
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        wrong.append(f"F15 {where} has a member twice")
    if not names:
        wrong.append(f"A19 {where} is empty")
    if [name for name in schema if name in names] != [name for name in names if name in schema]:
        wrong.append(f"A4 members of {where} are out of order: {names}")
    for name, value in members:
        kind = schema.get(name)
        place = f"{where}.{name}"
        if kind is None:
            wrong.append(f"F15 {place} is not in the schema")
        elif value is None:
            wrong.append(f"A19 {place} is null")
        elif isinstance(kind, dict):
            wrong += _shape(value, kind, place)
        elif isinstance(kind, list):
            if isinstance(value, Members) or not isinstance(value, list) or not value:
                wrong.append(f"F14 {place} is no array with objects")
            else:
                for number, item in enumerate(value):
                    wrong += _shape(item, kind[0], f"{place}.{number}")
        else:
            wrong += _scalar(value, kind, place)
    return wrong


def _scalar(value: Any, kind: str, place: str) -> list[str]:
    if kind == BOOLEAN:
        return [] if isinstance(value, bool) else [f"F14 {place} is no boolean"]
    if kind == NUMBER:
        if not isinstance(value, Digits):
            return [f"F14 {place} is no number"]
        return [] if NUMBER_TEXT.fullmatch(value) else [f"A8 {place} is written {value}"]
    if isinstance(value, Digits) or not isinstance(value, str):
        return [f"F14 {place} is no string"]
    return [] if value else [f"A19 {place} is empty"]


def _product(product: Members, seen: dict[str, str], where: str, delimiter: str) -> list[str]:
    """The rules that look at more than one member."""
    wrong = []
    for name in ("type", "code"):
        if not (product.get(name) or "").strip():
            wrong.append(f"F10 no {name}")
    code = product.get("code")
    variants = product.get("variants", [])
    for sku in [code, *(variant.get("code") for variant in variants)]:
        if sku is None or sku != sku.strip():
            wrong.append(f"A17 SKU {sku!r}")
        elif sku in seen:
            wrong.append(f"F13 SKU {sku} is in {seen[sku]} too")
        seen[sku] = where
    if (product.get("sell_price") is None) != (product.get("currency") is None):
        wrong.append("A8 a price without currency, or the other way round")
    if product.get("currency") is not None and not re.fullmatch("[A-Z]{3}", product.get("currency")):
        wrong.append(f"A8 currency {product.get('currency')}")
    wrong += _reduced(product, "sell_price")
    wrong += _variants(product, code, variants, delimiter)
    wrong += _presented(product)
    return wrong


def _reduced(members: Members, regular: str) -> list[str]:
    """A9: a reduced price is below the regular one that stands beside it (compared as text digits, without floats)."""
    price, reduced = members.get(regular), members.get("discount_price")
    if reduced is None:
        return []
    if price is None:
        return ["A9 discount_price alone"]
    return [] if Decimal(reduced) < Decimal(price) else [f"A9 discount_price {reduced} of {price}"]


def _variants(product: Members, code: str, variants: list[Members], delimiter: str) -> list[str]:
    wrong = []
    attribute = product.get("attribute", Members())
    named = [n for n in (1, 2, 3) if attribute.get(f"name{n}") is not None]
    if named != list(range(1, len(named) + 1)):
        wrong.append(f"F16 names of options {named}")
    values: dict[int, list[str]] = {}
    for n in (1, 2, 3):
        joined = attribute.get(f"options{n}")
        if joined is None:
            continue
        if n not in named:
            wrong.append(f"F16 options{n} without name{n}")
        values[n] = joined.split(delimiter)
        if len(set(values[n])) < len(values[n]) or "" in values[n]:
            wrong.append(f"A6 options{n} has empty or repeated values")
    chosen = set()
    for variant in variants:
        if variant.get("parent_code") != code:
            wrong.append(f"A18 parent_code {variant.get('parent_code')}")
        own = variant.get("attribute", Members())
        slots = [n for n in (1, 2, 3) if own.get(f"options{n}") is not None]
        if not slots:
            wrong.append(f"A18 variant {variant.get('code')} has no option")
        if slots != named:
            wrong.append(f"A6 variant {variant.get('code')} fills {slots} of {named}")
        for n in slots:
            if own.get(f"options{n}") not in values.get(n, []):
                wrong.append(f"A6 variant {variant.get('code')}: options{n} is none of the product's")
        combination = tuple(own.get(f"options{n}") for n in (1, 2, 3))
        if combination in chosen:
            wrong.append(f"A6 two variants are {combination}")
        chosen.add(combination)
        if variant.get("price") is not None and product.get("sell_price") is None:
            wrong.append("A8 a variant's price, but none of the product")
        wrong += _reduced(variant, "price")
        wrong += _link(variant, "image_link")
    return wrong


def _presented(product: Members) -> list[str]:
    """A11 and A24."""
    wrong = _link(product, "image_link")
    website = product.get("website", Members())
    wrong += _link(website, "link")
    if website.get("button") and not website.get("link"):
        wrong.append("A24 a button without link")
    area, button = product.get("area_element", Members()), product.get("shop_button", Members())
    for color in (area.get("color"), button.get("color"), button.get("label_color")):
        if color is not None and not re.fullmatch("#[0-9a-fA-F]{6}", color):
            wrong.append(f"A11 colour {color}")
    if Decimal(area.get("opacity", "0")) > 100:
        wrong.append(f"A11 opacity {area.get('opacity')}")
    bounds = product.get("purchasable_qty", Members())
    length = product.get("customizable_product", Members()).get("character_length")
    for count in (bounds.get("min"), bounds.get("max"), length):
        if count is not None and not re.fullmatch("[1-9][0-9]*", count):
            wrong.append(f"A24 quantity {count}")
    if bounds.get("min") and bounds.get("max") and Decimal(bounds.get("min")) > Decimal(bounds.get("max")):
        wrong.append("A24 min above max")
    return wrong


def _link(members: Members, name: str) -> list[str]:
    link = members.get(name)
    return [] if link is None or LINK.match(link) else [f"A24 {name} {link}"]
