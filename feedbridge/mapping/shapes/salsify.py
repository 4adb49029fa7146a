"""Salsify's flat products: an account's own properties become ``values``, for one locale.

What the parts of a file export say is put in: names of attributes, texts and paths of enumerated values, the attributes
that are a product's id and name, addresses of digital assets. ``images`` are a product's pictures, its profile asset first.

Source: Salsify developer documentation, "Products" and "JSON import format".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.shapes._common import address_of, blank, spoken
from feedbridge.sources.base import Source

__all__ = ["flatten", "flattener", "places"]

SYSTEM = "salsify:"
LOCALISED = re.compile(r"(.*\S)\s+-\s+([a-z]{2,3}(?:[-_][A-Za-z]{2,4})?)")
PICTURES = frozenset({"jpg", "jpeg", "png", "gif", "webp", "tif", "tiff", "bmp", "svg", "avif", "heic"})


class Parts(NamedTuple):
    """What the parts of an export say: names of attributes, roles of attributes, enumerated values, assets."""

    names: dict[str, str]
    roles: dict[str, str]
    enumerated: dict[tuple[str, str], str]
    assets: dict[str, dict[str, Any]]


NOTHING = Parts({}, {}, {}, {})


def flattener(source: Source) -> Callable[[dict[str, Any], str | None, str | None, bool], dict[str, Any]]:
    """``flatten`` with what the parts of an export say."""
    parts = NOTHING
    for one in getattr(source, "sources", [source]):
        found = getattr(one, "parts", None)
        if found:
            more = parts_of(found)
            parts = Parts(
                parts.names | more.names, parts.roles | more.roles, parts.enumerated | more.enumerated,
                parts.assets | more.assets,
            )  # fmt: skip
    return partial(flatten, parts=parts)


def parts_of(parts: dict[str, list[Any]]) -> Parts:
    """The parts in front of an export's products, by what they are asked for."""
    names: dict[str, str] = {}
    roles: dict[str, str] = {}
    for attribute in objects(parts.get("attributes")):
        key = str(attribute["salsify:id"])
        names[key] = str(attribute.get("salsify:name") or key)
        for role in roles_of(attribute):
            roles.setdefault(role, key)
    by_id: dict[tuple[str, str], dict[str, Any]] = {}
    for value in objects(parts.get("attribute_values")):
        by_id[str(value.get("salsify:attribute_id")), str(value["salsify:id"])] = value
    enumerated = {key: " > ".join(reversed(list(upwards(key, by_id)))) for key in by_id}
    return Parts(names, roles, enumerated, {str(a["salsify:id"]): a for a in objects(parts.get("digital_assets"))})


def upwards(key: tuple[str, str], by_id: dict[tuple[str, str], dict[str, Any]]) -> Iterator[str]:
    """The names of an enumerated value and those above it."""
    seen: set[tuple[str, str]] = set()
    while key in by_id and key not in seen:
        seen.add(key)
        value = by_id[key]
        yield str(value.get("salsify:name") or key[1])
        key = (key[0], str(value.get("salsify:parent_id")))


def objects(part: Any) -> Iterator[dict[str, Any]]:
    for one in part if isinstance(part, list) else ():
        if isinstance(one, dict) and not blank(one.get("salsify:id")):
            yield one


def roles_of(attribute: dict[str, Any]) -> Iterator[str]:
    """``id`` and ``name``: the attributes that are a product's id and name."""
    roles = attribute.get("salsify:roles")
    own = roles.get("products") if isinstance(roles, dict) else roles
    for role in [*(own if isinstance(own, list) else [own]), attribute.get("salsify:role")]:
        if isinstance(role, str):
            yield role.removeprefix("product").strip("_ ").casefold()


def flatten(
    document: dict[str, Any], locale: str | None, scope: str | None, translations: bool, parts: Parts = NOTHING
) -> dict[str, Any]:
    """``{"salsify:id": "1", "Name - en-US": "Mug"}`` becomes ``{"salsify:id": "1", "values": {"Name": "Mug"}}``."""
    own_assets = {str(asset["salsify:id"]): asset for asset in objects(document.get("salsify:digital_assets"))}
    shaped = {key: value for key, value in document.items() if key.startswith(SYSTEM)}
    values: dict[str, Any] = {}
    spellings: dict[str, dict[str, Any]] = {}
    pictures: dict[str, None] = {}

    def resolved(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [resolved(key, item) for item in value]
        text = str(value) if isinstance(value, str | int) else None
        asset = (own_assets.get(text) or parts.assets.get(text) or {}) if text is not None else {}
        if address := address_of(asset, "salsify:url"):
            if is_picture(asset):
                pictures[address] = None
            return address
        return parts.enumerated.get((key, text), value) if text is not None else value

    resolved("", document.get("salsify:profile_asset_id"))
    for key, value in document.items():
        if key.startswith(SYSTEM) or value is None:
            continue
        name, value = parts.names.get(key, key), resolved(key, value)
        match = LOCALISED.fullmatch(name) if " - " in name else None
        if match is not None:
            spellings.setdefault(match[1], {})[match[2]] = value
            name = f"{match[1]} - {match[2]}"
        values[name] = value
    for name, by_locale in spellings.items():
        wanted = spoken([one for one, value in by_locale.items() if not blank(value)], locale)
        if wanted is not None:
            values[name] = by_locale[wanted]
        for one in by_locale if translations else [wanted]:
            values.pop(f"{name} - {one}", None)
    for key in own_assets:
        resolved("", key)
    for role, member in (("id", "salsify:id"), ("name", "salsify:name")):
        if blank(shaped.get(member)) and not blank(document.get(parts.roles.get(role, ""))):
            shaped[member] = values.get(parts.names[parts.roles[role]])
    others = [asset for asset in own_assets.values() if address_of(asset, "salsify:url") not in pictures]
    if others or own_assets:
        shaped["salsify:digital_assets"] = others
    if not others or blank(shaped.get("salsify:profile_asset_id")) or pictures:
        shaped.pop("salsify:profile_asset_id", None)
    shaped |= {"values": values, "images": list(pictures), RAW: document}
    if translations:
        by: dict[str, dict[str, Any]] = {}
        for name, by_locale in spellings.items():
            for one, value in by_locale.items():
                if not blank(value):
                    by.setdefault(one, {})[name] = value
        shaped["values_by_locale"] = by
    return shaped


def is_picture(asset: dict[str, Any]) -> bool:
    """Whether an asset is a picture; one that does not say what it is may be one."""
    kind = asset.get("salsify:asset_resource_type") or asset.get("salsify:format")
    text = str(kind or asset.get("salsify:filename") or "").casefold()
    return not text or text == "image" or text.rpartition(".")[2] in PICTURES


def places(documents: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The locales that some property has no bare name beside."""
    found: set[str] = set()
    for document in documents:
        for name, value in document.items():
            match = LOCALISED.fullmatch(name)
            if match is not None and match[1] not in document and not blank(value):
                found.add(match[2])
    return sorted(found), []
