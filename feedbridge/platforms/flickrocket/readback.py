"""Products read back from the shop, and whether they are what a folder says.

Source: docs/platforms/flickrocket.md, section 4.2; K12.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.flickrocket.client import Client
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.listing import PAGE_SIZE
from feedbridge.platforms.flickrocket.resources import License, Price, Product, comparable, loose

__all__ = ["Shelf", "in_words", "same_type", "same_version", "unbound"]

FIELDS = (
    "product_id", "title", "version", "product_type", "drm_protected", "valid", "published_at", "locales",
    "price_license_binding", "content_files", "categories",
)
"""Members that are read of a product."""


class Shelf:
    """Products read back: by short id and by title. ``load`` reads each of them at most once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: dict[int, Product | None] = {}
        self._titles: dict[str, dict[int, Product]] = {}
        self.unasked: dict[str, str] = {}
        """Title -> why it cannot be asked for."""

    def product(self, id: int) -> Product | None:
        """The product of an id that was loaded."""
        return self._ids.get(id)

    def titled(self, title: str) -> list[Product]:
        """The products of a title that was loaded, by id."""
        found = self._titles.get(loose(title), {})
        return [found[id] for id in sorted(found)]

    def load(self, ids: Iterable[int], titles: Iterable[str]) -> None:
        """Read products one by one, or the whole list when that takes fewer calls."""
        wanted = dict.fromkeys(id for id in ids if id not in self._ids)
        asked = {loose(title): title for title in titles if loose(title) not in self._titles}
        lookups = len(wanted) + len(asked)
        if lookups > 3 and ceil(self._client.products().count() / PAGE_SIZE) + 1 < lookups and self._whole(wanted, asked):
            return
        for id in wanted:
            try:
                self._ids[id] = self._client.product(id, FIELDS)
            except FlickRocketError as exc:
                if exc.code != "flickrocket.gone":
                    raise
                self._ids[id] = None
        for key, title in asked.items():
            found = self._titles.setdefault(key, {})
            try:
                for product in self._client.products(FIELDS, {"title": " ".join(title.split())}):
                    if loose(product.title or "") == key:
                        found[product.id] = product
            except CommandError as exc:  # signs that no address can hold
                self.unasked[key] = exc.message

    def _whole(self, wanted: Mapping[int, None], asked: Mapping[str, str]) -> bool:
        """Read the list; False when it changed under our eyes, and nothing can be said of what is missing."""
        ids: dict[int, Product | None] = dict.fromkeys(wanted)
        titles: dict[str, dict[int, Product]] = {key: {} for key in asked}
        try:
            for product in self._client.products(FIELDS):
                if product.id in ids:
                    ids[product.id] = product
                if (key := loose(product.title or "")) in titles:
                    titles[key][product.id] = product
        except FlickRocketError as exc:
            if exc.code != "flickrocket.pages":
                raise
            return False
        self._ids |= ids
        self._titles |= titles
        return True


def unbound(product: Product, prices: Mapping[int, Price], licences: Mapping[int, License]) -> tuple[str, ...]:
    """Why none of a product's bindings counts; empty when one does."""
    reasons: list[str] = []
    if not any(binding.complete for binding in product.price_license_binding):
        return ("no licence that has a price",)
    for binding in product.price_license_binding:
        if not binding.complete:
            continue
        wrong = []
        for what, id, thing in (
            ("licence", binding.license_id, licences.get(binding.license_id or 0)),
            ("price", binding.price_id, prices.get(binding.price_id or 0)),
        ):
            if thing is None:
                wrong.append(f"there is no {what} {id}")
            elif thing.valid is False:
                wrong.append(f"{what} {id} is not valid")
        if not wrong:
            return ()
        reasons += wrong
    return tuple(dict.fromkeys(reasons))


def same_type(product: Product, part: Mapping[str, Any]) -> bool:
    kind = part.get("product_type")
    return kind is None or product.product_type is None or product.product_type == kind


def same_version(product: Product, part: Mapping[str, Any]) -> bool:
    version = part.get("version")
    return version is None or "version" not in product.model_fields_set or comparable(product.version) == comparable(version)


def in_words(products: Sequence[Product]) -> str:
    shown = [
        f"{one.id} (type {one.product_type}, version {cut(one.version or 'none')})" for one in products[:5]]
    return ", ".join(shown) + (f" and {len(products) - 5} others" if len(products) > 5 else "")
