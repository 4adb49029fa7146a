"""Ergonode's products: attributes in one language become ``values``, options their names, pictures their addresses.

``children`` are the SKUs of a product's variants, ``axes`` the attributes they differ in; ``categories`` are codes.

Source: Ergonode documentation, GraphQL API, "Product stream".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.shapes._common import blank, items_of, nodes, spoken

__all__ = ["flatten", "places"]

MOVED = ("attributeList", "variantList", "bindings", "categoryList", "childList")


def flatten(document: dict[str, Any], locale: str | None, scope: str | None, translations: bool) -> dict[str, Any]:
    """``attributeList.edges[].node`` becomes ``values.<code>``, with ``translations`` also
    ``values_by_locale.<language>.<code>``. A price has its attribute's currency, a number its unit."""
    node = document.get("node")
    product = node if isinstance(node, dict) else document
    values: dict[str, Any] = {}
    by_locale: dict[str, dict[str, Any]] = {}
    for code, attribute, entries in attributes(product):
        found = {language: told(value, attribute, locale) for language, value in entries.items()}
        filled = {language: value for language, value in found.items() if not blank(value)}
        wanted = spoken(filled, locale)
        if wanted is None and filled and (locale is None or is_global(attribute)):
            wanted = next(iter(filled))
        if wanted is not None:
            values[code] = filled[wanted]
        for language, value in filled.items():
            if translations and not is_global(attribute):
                by_locale.setdefault(language, {})[code] = value
    shaped = {key: value for key, value in product.items() if key not in MOVED}
    shaped |= {
        "values": values,
        "children": [text for one in nodes(product.get("variantList")) if (text := named(one, "sku"))],
        "axes": [text for one in nodes(product.get("bindings")) if (text := named(one, "code"))],
        "categories": [text for one in nodes(product.get("categoryList")) if (text := category(one, locale))],
        RAW: document,
    }
    if translations:
        shaped["values_by_locale"] = by_locale
    return shaped


def attributes(product: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Code, attribute and values by language of each attribute of a product."""
    for one in nodes(product.get("attributeList")):
        attribute = one.get("attribute") if isinstance(one, dict) else None
        if not isinstance(attribute, dict) or blank(attribute.get("code")):
            continue
        entries: dict[str, Any] = {}
        for entry in items_of(one.get("translations")):
            if isinstance(entry, dict):
                given = next(
                    (
                        entry[key]
                        for key in entry
                        if key not in ("language", "inherited", "__typename") and not blank(entry[key])
                    ),
                    None,
                )
                entries[str(entry.get("language") or "")] = given
        yield str(attribute["code"]), attribute, entries


def is_global(attribute: dict[str, Any]) -> bool:
    return str(attribute.get("scope") or "").casefold() == "global"


def named(one: Any, member: str) -> str:
    """A text, or the member of an object that is one."""
    if isinstance(one, dict):
        inner = one.get("attribute") if member == "code" and member not in one else one
        one = inner.get(member) if isinstance(inner, dict) else None
    return str(one) if isinstance(one, str | int) else ""


def category(one: Any, locale: str | None) -> str:
    """A category's name in the language, else its code."""
    name = label(one.get("name"), locale) if isinstance(one, dict) else None
    return str(name) if isinstance(name, str) and name else named(one, "code")


def label(name: Any, locale: str | None) -> Any:
    """A name by language: a map, a list of ``language`` and ``value``, or the text itself."""
    if isinstance(name, list):
        name = {str(e.get("language")): e.get("value") for e in name if isinstance(e, dict)}
    if isinstance(name, dict):
        filled = {key: value for key, value in name.items() if not blank(value)}
        wanted = spoken(filled, locale)
        return filled[wanted] if wanted is not None else next(iter(filled.values()), None) if locale is None else None
    return name


def told(value: Any, attribute: dict[str, Any], locale: str | None) -> Any:
    """An option as its name, a file as its address, a price with its currency, a number with its unit."""
    if isinstance(value, list):
        return [one for item in value if not blank(one := told(item, {}, locale))]
    if isinstance(value, dict):
        for member in ("url", "sku"):
            if isinstance(value.get(member), str):
                return value[member]
        own = label(value.get("name"), locale)
        return own if not blank(own) else value.get("code", value.get("value"))
    currency, unit = attribute.get("currency"), attribute.get("unit")
    if not blank(currency) and not blank(value):
        return {"amount": value, "currency": currency.get("code") if isinstance(currency, dict) else currency}
    if not blank(unit) and not blank(value):
        symbol = (unit.get("symbol") or unit.get("code") or unit.get("name")) if isinstance(unit, dict) else unit
        return f"{value} {symbol}"
    return value


def places(documents: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The languages of attributes that have a value in more than one, or of local scope."""
    found: set[str] = set()
    for document in documents:
        node = document.get("node")
        for _, attribute, entries in attributes(node if isinstance(node, dict) else document):
            if not is_global(attribute):
                found |= {language for language, value in entries.items() if language and not blank(value)}
    return sorted(found) if len(found) > 1 else [], []
