"""Akeneo's nested values, laid flat for one locale and channel.

Source: Akeneo API documentation, "Product values"; choice order for a wanted (scope, locale): exact,
locale only, scope only, global.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["RAW", "flatten", "places"]

RAW = "__raw__"
"""Member of a flattened document that holds the document as it was."""

UNITS = {
    "MILLIGRAM": "mg",
    "GRAM": "g",
    "KILOGRAM": "kg",
    "TON": "t",
    "POUND": "lb",
    "OUNCE": "oz",
    "MILLIMETER": "mm",
    "CENTIMETER": "cm",
    "METER": "m",
    "INCH": "in",
    "FEET": "ft",
    "YARD": "yd",
}


def flatten(document: dict[str, Any], locale: str | None, scope: str | None, translations: bool) -> dict[str, Any]:
    """``values.name[{locale, scope, data}]`` becomes ``values.name``; with ``translations`` also
    ``values_by_locale.<locale>.name``. Prices become a map by currency, metrics text with a unit."""
    values = document.get("values")
    if not isinstance(values, dict):
        return {**document, RAW: document}
    flat: dict[str, Any] = {}
    by_locale: dict[str, dict[str, Any]] = {}
    for code, entries in values.items():
        if not isinstance(entries, list):
            flat[code] = entries
            continue
        best, rank = None, 5
        for entry in entries:
            if not isinstance(entry, dict) or entry.get("data") is None:
                continue
            where, channel = entry.get("locale"), entry.get("scope")
            place = choice(where, channel, locale, scope)
            if place < rank:
                best, rank = entry["data"], place
            if translations and where and (not channel or not scope or channel == scope):
                by_locale.setdefault(where, {})[code] = simple(entry["data"])
        if best is not None:
            flat[code] = simple(best)
    shaped = {**document, "values": flat, RAW: document}
    if translations:
        shaped["values_by_locale"] = by_locale
    return shaped


def places(documents: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The locales and the channels some documents have values for."""
    found: tuple[set[str], set[str]] = (set(), set())
    for document in documents:
        values = document.get("values")
        for entries in values.values() if isinstance(values, dict) else ():
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict):
                    for key, seen in zip(("locale", "scope"), found, strict=True):
                        if isinstance(entry.get(key), str):
                            seen.add(entry[key])
    return sorted(found[0]), sorted(found[1])


def choice(where: Any, channel: Any, locale: str | None, scope: str | None) -> int:
    """How near a value is to the wanted locale and channel: 0 exact, 1 locale only, 2 scope only, 3 global; 5 not at all.
    A locale or channel that is not asked for is satisfied by the first one met, after the global one."""
    locale_fits = where is None or where == locale or locale is None
    scope_fits = channel is None or channel == scope or scope is None
    if not (locale_fits and scope_fits):
        return 5
    if where is not None and channel is not None:
        return 0
    if where is not None:
        return 1
    if channel is not None:
        return 2
    return 3


def simple(data: Any) -> Any:
    """A price list as a map by currency, a metric as text with its unit; anything else as it is."""
    if isinstance(data, dict) and "amount" in data and "unit" in data:
        if data["amount"] in (None, ""):
            return None
        unit = str(data["unit"] or "")
        return f"{data['amount']} {UNITS.get(unit, unit.lower())}".strip()
    if isinstance(data, list) and data and all(isinstance(item, dict) and "currency" in item for item in data):
        return {item["currency"]: item for item in data if item.get("amount") not in (None, "")}
    return data
