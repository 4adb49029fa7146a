"""FlickRocket's products: what may stand in one, whether it is live, and how one is stored.

Source: developer.flickrocket.com, /en/batch-upload/ and /en/rest-api/api-reference/product/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from feedbridge.sandbox.outcome import is_text
from feedbridge.sandbox.store import Transaction

__all__ = [
    "FIRST_ID", "LANGUAGES", "LONG_ID", "NO_DRM", "TYPES", "UPLOADED", "find_product", "gmt", "long_id", "new_product",
    "part_faults", "put_part", "store_product", "why_not_live",
]

LANGUAGES = ("en", "de", "es", "it", "fr", "pt")
UPLOADED = {1: "Video SD", 4: "Software", 5: "Audio with DRM", 7: "PDF", 9: "Video HD", 16: "Ebook", 23: "Audio track",
            24: "Audio album", 27: "Generic file", 29: "HTML", 30: "SCORM"}
"""The types that have content, and may be uploaded in a batch."""
TYPES = frozenset({*UPLOADED, 3, 6, 8, 17, 18, 19, 20, 21, 22, 26, 28})
NO_DRM = frozenset({23, 24, 27})
PREVIEWS = frozenset({2, 7, 10})
"""Content types that are trailers and previews."""
FIRST_ID = 142995
FIRST_LONG_ID = 0x000126EDEA4FAA32
LONG_ID = re.compile("[0-9A-F]{4}(-[0-9A-F]{4}){3}")
NEVER = "0001-01-01T00:00:00"
FIRST_RELEASE = "2001-01-01T00:00:00"
BINDING = frozenset({"license_id", "price_id", "price", "hd", "compare_price_id", "audio_type", "num_users"})


def gmt(seconds: float) -> str:
    """A moment as FlickRocket writes it.

    >>> gmt(0)
    '1970-01-01T00:00:00'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def long_id(number: int) -> str:
    """The long id of a short one.

    >>> long_id(142995)
    '0001-26ED-EA4F-AA32'
    """
    digits = f"{FIRST_LONG_ID + number - FIRST_ID:016X}"
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


def find_product(tx: Transaction, name: str) -> dict[str, Any] | None:
    """The product with a short or a long id."""
    if name.isascii() and name.isdigit() and len(name) < 16:
        return tx.flickrocket_thing("products", int(name))
    if LONG_ID.fullmatch(name.upper()):
        return next((one for one in tx.flickrocket_things("products") if one.get("product_id") == name.upper()), None)
    return None


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def part_faults(tx: Transaction, part: Mapping[str, Any], product_type: int | None, *, batch: bool = False) -> list[str]:
    """What is wrong with the members that the batch file and REST share. ``batch``: bindings may hold a price model."""
    faults = []
    title = part.get("title", "x")
    if not is_text(title) or not title.strip():
        faults.append("title is no text")
    if "version" in part and not is_text(part["version"]):
        faults.append("version is no text")
    if "drm_protected" in part and not isinstance(part["drm_protected"], bool):
        faults.append("drm_protected is no boolean")
    if part.get("drm_protected") is True and product_type in NO_DRM:
        faults.append(f"K18: product_type {product_type} has no DRM")
    faults += locale_faults(part.get("locales"))
    if "price_license_binding" in part:
        faults += binding_faults(tx, part["price_license_binding"], product_type, batch)
    known = {one["id"] for one in tx.flickrocket_things("categories")}
    faults += id_faults(part.get("categories"), "categories", "category_id", known)
    known = {-1, *(one["id"] for one in tx.flickrocket_things("theme_settings"))}
    faults += id_faults(part.get("themes"), "themes", "theme_id", known)
    for index, group in enumerate(entries(part.get("groups"), "groups", faults)):
        if not is_text(group.get("group_id")) or not group["group_id"]:
            faults.append(f"groups.{index}.group_id is no text")
    return faults


def entries(value: Any, name: str, faults: list[str]) -> list[Mapping[str, Any]]:
    """The objects of a list; what is none is told."""
    if value is None:
        return []
    if not isinstance(value, list):
        faults.append(f"{name} is no list")
        return []
    objects: list[Mapping[str, Any]] = [one for one in value if isinstance(one, dict)]
    if len(objects) < len(value):
        faults.append(f"{name} is no list of objects")
    return objects


def locale_faults(value: Any) -> list[str]:
    faults: list[str] = []
    seen = set()
    for index, one in enumerate(entries(value, "locales", faults)):
        language = one.get("language_id")
        if language not in LANGUAGES:
            faults.append(f"K9: locales.{index}.language_id {language!r} is not one of {', '.join(LANGUAGES)}")
        elif language in seen:
            faults.append(f"K9: there are two locales in {language}")
        seen.add(str(language))
        if not is_text(one.get("title")) or not one["title"].strip():
            faults.append(f"K6: locales.{index} has no title")
        if "description" in one and not is_text(one["description"]):
            faults.append(f"locales.{index}.description is no text")
    return faults


def id_faults(value: Any, name: str, member: str, known: Iterable[int]) -> list[str]:
    faults: list[str] = []
    there = frozenset(known)
    for index, one in enumerate(entries(value, name, faults)):
        number = one.get(member)
        if not is_whole(number):
            faults.append(f"{name}.{index}.{member} is no whole number")
        elif number not in there:
            faults.append(f"{name}.{index}.{member}: there is no {number}")
    return faults


def binding_faults(tx: Transaction, value: Any, product_type: int | None, batch: bool) -> list[str]:
    faults: list[str] = []
    licences = {one["id"] for one in tx.flickrocket_things("licenses")}
    prices = {one["id"] for one in tx.flickrocket_things("prices")}
    for index, one in enumerate(entries(value, "price_license_binding", faults)):
        at = f"price_license_binding.{index}"
        if strange := sorted(set(one) - (BINDING if batch else BINDING - {"price"})):
            faults.append(f"{at}: there is no member {', '.join(strange)}")
        for member, known in (("license_id", licences), ("price_id", prices), ("compare_price_id", prices)):
            number = one.get(member)
            if number is None:
                if member == "license_id":
                    faults.append(f"{at}.license_id is missing")
            elif not is_whole(number):
                faults.append(f"{at}.{member} is no whole number")
            elif number not in known:
                faults.append(f"{at}.{member}: there is no {'licence' if member == 'license_id' else 'price'} {number}")
        if "compare_price_id" not in one:
            faults.append(f"K19: {at}.compare_price_id is missing (null when there is none)")
        if not isinstance(one.get("hd"), bool):
            faults.append(f"K19: {at}.hd is no boolean")
        elif one["hd"] and product_type not in (9, None):
            faults.append(f"K19: {at}.hd is for Video HD only")
        if one.get("audio_type") not in (None, 0, 1) or isinstance(one.get("audio_type"), bool):
            faults.append(f"{at}.audio_type is 0 or 1")
        users = one.get("num_users", 1)
        if not is_whole(users) or users < 1:
            faults.append(f"{at}.num_users is no whole number from 1")
        if "price" in one and one.get("price_id") is not None:
            faults.append(f"{at} has both price and price_id")
    return faults


def why_not_live(product: Mapping[str, Any], prices: Mapping[int, Mapping[str, Any]],
                 licences: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Why a product is not live; empty when it is.

    Source: developer.flickrocket.com/en/batch-upload/ (a licence and a price); the vendor's plugin 4.74 (the others).
    """
    why = []
    bindings = [one for one in product.get("price_license_binding") or [] if isinstance(one, dict)]
    licensed = [one for one in bindings if licences.get(one.get("license_id") or 0, {}).get("valid")]
    if not licensed:
        why.append("no licence" if not bindings else "no valid licence")
    if not any(prices.get(one.get("price_id") or 0, {}).get("valid") for one in licensed or bindings):
        why.append("no price" if not any(one.get("price_id") for one in bindings) else "no valid price")
    contents = [one for one in product.get("content_files") or []
                if isinstance(one, dict) and one.get("content_type") not in PREVIEWS]
    if product.get("product_type", 7) in UPLOADED:
        if not contents:
            why.append("no content")
        elif not any(one.get("valid") for one in contents):
            why.append("no valid content")
    if not product.get("valid"):
        why.append("not valid")
    if str(product.get("published_at") or NEVER) <= FIRST_RELEASE:
        why.append("not released")
    return why


def new_product(number: int, product_type: int) -> dict[str, Any]:
    """A product with nothing in it."""
    return {
        "id": number, "product_id": long_id(number), "title": "", "comment": "", "version": "", "product_type": product_type,
        "drm_protected": False, "valid": False, "published_at": NEVER, "mirrored": False, "locales": [],
        "price_license_binding": [], "content_files": [], "images": [], "categories": [], "themes": [], "groups": [],
        "chapters": [], "allow_download_trial": 0, "attribute_set_id": None,
    }


def put_part(product: dict[str, Any], part: Mapping[str, Any], names: Sequence[str], now: float) -> None:
    """Put members into a product: what is not named stays, lists are replaced whole."""
    for name in names:
        if name not in part:
            continue
        value = part[name]
        if name == "locales":
            covers = {one["language_id"]: one.get("src", "") for one in product["locales"] if "language_id" in one}
            value = [{"description": "", "version": str(part.get("version", product.get("version", ""))),
                      "src": covers.get(one["language_id"], ""), **one} for one in value]
        elif name == "categories":
            value = [{"category_id": one["category_id"], "id": product["id"] * 100 + index, "created_at": gmt(now)}
                     for index, one in enumerate(value, 1)]
        elif name == "price_license_binding":
            value = [{"price_id": None, **one} for one in value]
        product[name] = value


def store_product(tx: Transaction, product: dict[str, Any], now: float) -> None:
    """Work out what follows from its content, and store it. A product is released when it first can be shown."""
    was = product["valid"]
    contents = [one for one in product["content_files"] if one.get("content_type") not in PREVIEWS]
    if product["product_type"] in UPLOADED:
        product["valid"] = any(one.get("valid") for one in contents)
    else:
        product["valid"] = True
    if product["valid"] and not was and product["published_at"] <= FIRST_RELEASE:
        product["published_at"] = gmt(now)
    tx.keep_flickrocket("products", product, now)
