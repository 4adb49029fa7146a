"""Pimcore's objects, from a Data Hub answer or flat: what their class has becomes ``values``, children ``children``.

Pictures become their path, quantities text with a unit or, where the unit is a currency, a price; groups of a
classification store objects of their features. ``variant_of`` names the parent of an object that is a variant; other parents are folders.

Source: Pimcore documentation, Data Hub GraphQL and Data Importer.
"""

from __future__ import annotations

import re
from typing import Any

from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.shapes._common import blank, items_of, nodes, suffixed

__all__ = ["flatten"]

SYSTEM = frozenset(
    {
        "id",
        "fullpath",
        "key",
        "classname",
        "published",
        "parent",
        "parentId",
        "type",
        "creationDate",
        "modificationDate",
        "objectType",
        "path",
        "index",
        "cursor",
    }
)
CURRENCY = re.compile(r"[A-Z]{3}")
SIGNS = {"€": "EUR", "£": "GBP", "$": "USD"}
FILE = re.compile(r"\.\w{2,5}$")


def flatten(document: dict[str, Any], locale: str | None, scope: str | None, translations: bool) -> dict[str, Any]:
    """``{"node": {"id": 1, "name": "Mug"}}`` becomes ``{"id": 1, "values": {"name": "Mug"}}``."""
    node = document.get("node")
    if node is None and "node" in document:
        return {RAW: document}
    return {**thing(node if isinstance(node, dict) else document, locale), RAW: document}


def thing(document: dict[str, Any], locale: str | None) -> dict[str, Any]:
    """An object with its children."""
    shaped = {key: value for key, value in document.items() if key in SYSTEM}
    own = {
        key: one
        for key, value in document.items()
        if key not in SYSTEM and key not in ("children", "variants") and not blank(one := simple(value))
    }
    children = [one for name in ("children", "variants") for one in nodes(document.get(name)) if isinstance(one, dict)]
    shaped["values"] = suffixed(own, locale)
    if children:
        shaped["children"] = [thing(one, locale) for one in children]
    kind = document.get("type") or document.get("objectType") or document.get("o_type")
    if isinstance(kind, str):
        for name in ("type", "objectType", "parent", "parentId"):  # they are said by variant_of
            shaped.pop(name, None)
    if isinstance(kind, str) and kind.casefold() == "variant":
        parent = document.get("parent")
        above = (parent.get("id") or parent.get("fullpath")) if isinstance(parent, dict) else parent
        shaped["variant_of"] = above or document.get("parentId") or document.get("o_parentId")
    return shaped


def simple(value: Any) -> Any:
    """A picture, quantity, relation or group as a text or a plain object; anything else as it is."""
    if isinstance(value, list):
        if value and all(isinstance(one, dict) and "features" in one for one in value):
            features = [one for group in value for one in items_of(group["features"]) if isinstance(one, dict)]
            return {str(feature.get("name")): simple(feature) for feature in features}
        return [one for item in value if not blank(one := simple(item))]
    if not isinstance(value, dict):
        return value
    if "edges" in value:
        return simple(nodes(value))
    for inner in ("image", "element", "asset"):
        if isinstance(value.get(inner), dict):
            return simple(value[inner])
    if "value" in value:
        return quantity(value["value"], value.get("unit"))
    path = value.get("fullpath") or value.get("fullPath") or value.get("path")
    if isinstance(path, str) and path:
        name = next(
            (value[key] for key in ("name", "title", "label") if isinstance(value.get(key), str) and value[key]), None
        )
        if FILE.search(path):
            return path
        return name or " > ".join(step for step in path.split("/") if step)
    return {key: one for key, inner in value.items() if not blank(one := simple(inner))}


def quantity(value: Any, unit: Any) -> Any:
    """A quantity value; one of money is a price."""
    if isinstance(unit, dict):
        unit = unit.get("abbreviation") or unit.get("id") or unit.get("longname")
    if not isinstance(unit, str) or not unit or blank(value):
        return value
    unit = SIGNS.get(unit, unit)
    return {"amount": value, "currency": unit} if CURRENCY.fullmatch(unit) else f"{value} {unit}"
