"""What is known of a product that is delivered: its documents, its id at FlickRocket, what changed of it and which way that goes.

Source: docs/platforms/flickrocket.md, 2.2, 2.5 and 4.2, K7, K8, K32, choice A4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from feedbridge.findings import cut
from feedbridge.platforms.delivery import Parcel, Way
from feedbridge.platforms.flickrocket.licences import is_id
from feedbridge.platforms.flickrocket.media import TYPES, extension
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings

__all__ = [
    "LISTS", "MEMBERS", "NEW_ONLY", "PRICE_MEMBERS", "REST_MEMBERS", "WORDS",
    "Known", "changed_members", "document_of", "known_of", "makes_prices", "no_id", "other_type", "rest_members",
]

MEMBERS = (
    "title", "version", "drm_protected", "locales", "price_license_binding", "categories", "themes", "groups", "price",
)
REST_MEMBERS = ("title", "version", "drm_protected", "locales", "price_license_binding", "categories")
"""Those that the REST API documents, too (section 4.2)."""
PRICE_MEMBERS = ("price_license_binding", "price")
NEW_ONLY = ("drm_protected", "themes", "groups")
"""Members that new products get from the settings when the feed does not say."""
WORDS = {
    "version": "version", "drm_protected": "DRM setting", "locales": "texts",
    "price_license_binding": "licences and prices", "categories": "categories", "themes": "themes",
    "groups": "groups", "main": "content file", "flux_dvd": "fluxDVD file", "preview": "preview",
    "pictures": "additional pictures", "product_picture": "covers",
}
LISTS = {
    "locales": "language_id", "product_picture": "language_id", "price_license_binding": "license_id",
    "categories": "category_id", "themes": "theme_id", "groups": "group_id", "currencies": "currency",
}


class Known(msgspec.Struct):
    """A product's id at FlickRocket, and the documents it is told from. ``moved``: the feed names another product
    than before; ``fault``: the id is none."""

    after: dict[str, Any]
    before: dict[str, Any] | None
    id: int | None
    moved: bool = False
    fault: str = ""


def document_of(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(body)
    return document


def changed_members(
    settings: FlickRocketSettings, product: dict[str, Any], was: dict[str, Any] | None
) -> dict[str, Any]:
    """Members to write. What only the settings say of new products (A4) is not written over what is there."""
    defaults = {
        "drm_protected": settings.drm,
        "themes": [{"theme_id": theme} for theme in settings.themes],
        "groups": [{"group_id": group} for group in settings.groups],
    }
    told_once = "id" in product or (was is not None and "id" not in was)
    part = {
        name: product[name] for name in MEMBERS
        if name in product and (was is None or name not in was or product[name] != was[name])
        and (told_once or name not in defaults or product[name] != defaults[name] or (was or {}).get(name))
    }
    if any(name in part for name in PRICE_MEMBERS):  # a binding without a price id goes by the price beside it
        part |= {name: product[name] for name in PRICE_MEMBERS if name in product}
    return part


def makes_prices(document: Mapping[str, Any]) -> bool:
    """Whether a document makes price models, which only the batch file can (2.5, K32)."""
    bindings = document["product"].get("price_license_binding") or ()
    return "price" in document or "price" in document["product"] or any("price" in one for one in bindings)


def rest_members(document: Mapping[str, Any]) -> frozenset[str]:
    """Members of a product that go over REST."""
    return frozenset(REST_MEMBERS) - ({"price_license_binding"} if makes_prices(document) else set())


def known_of(parcel: Parcel, ids: Mapping[str, str] | None = None) -> Known:
    """The feed's own id, else the one FlickRocket has told, else the one the feed gave before.

    ``ids``  what other targets know, by key
    """
    after = document_of(parcel.body)
    before = document_of(parcel.before) if parcel.before else None
    own = after["product"].get("id")
    text = parcel.platform_id.strip() or (ids or {}).get(parcel.key, "")
    told = int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else None
    earlier = told if text else before["product"].get("id") if before is not None else None
    if own is None and text and not is_id(told):
        return Known(after, before, None, fault=text)
    moved = own is not None and earlier is not None and own != earlier
    return Known(after, before, earlier if own is None else own, moved)


def no_id(known: Known) -> Way:
    if known.fault:
        return Way(
            "refused", f'"{cut(known.fault)}" is no short FlickRocket id, which is a whole number',
            "give the number on the product's details page: feedbridge ids import", "flickrocket.K7",
        )
    return Way(
        "refused", "it was delivered as a new product, and FlickRocket has not told its id yet, so it cannot be updated",
        "give its id (it stands on the product's details page): feedbridge ids import; or, if its folder was never "
        "uploaded, delete the folder and have it written anew: feedbridge ids forget",
        "flickrocket.no-id",
    )


def other_type(known: Known) -> Way | None:
    """The refusal of another product type (K8), told by the type or by what its content file may be."""
    after, before = known.after, known.before
    if before is None:
        return None
    new, old = after["product"].get("product_type"), before["product"].get("product_type")
    new_ending, old_ending = extension(after["files"].get("main", "")), extension(before["files"].get("main", ""))
    if new is not None and old is not None:
        other = new != old
        message = f"its product type is now {new}, and it was made as {old}"
    else:
        other = not (_takes(old, new_ending) and _takes(new, old_ending))
        message = f"its content file is now a {new_ending} file, and it was made with a {old_ending} file"
    if not other:
        return None
    return Way(
        "refused", f"{message}: FlickRocket never changes the type of a product",
        "give the new content a SKU of its own; or delete the product in FlickRocket and have it made anew: "
        "feedbridge ids forget", "flickrocket.K8",
    )


def _takes(number: int | None, ending: str) -> bool:
    """Whether a product of this type may have a content file with this ending; when not known, yes."""
    for kind in TYPES.values():
        if kind.number == number and kind.extensions and ending:
            return ending in kind.extensions
    return True
