"""Products read back from the shop, and whether they are what a folder says.

Source: docs/platforms/flickrocket.md, section 4.2; K12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import Any, Literal

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.flickrocket.client import Client
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.listing import PAGE_SIZE
from feedbridge.platforms.flickrocket.product_folders import Fault
from feedbridge.platforms.flickrocket.resources import License, Price, Product, comparable, loose

__all__ = ["Shelf", "in_words", "same_type", "same_version", "unbound"]

FIELDS = (
    "product_id", "title", "version", "product_type", "drm_protected", "valid", "published_at", "locales",
    "price_license_binding", "content_files", "categories",
)
"""Members that are read of a product."""
AGAIN = "run it again; when it stays so, tell the maintainers of feedbridge"


class Shelf:
    """Products read back: by short id and by title.

    Few titles are asked for with ``query``. How FlickRocket compares it with titles is documented nowhere, so what comes
    back counts, and that nothing comes back means nothing: the list is read whole before a title is said to be missing.
    """

    def __init__(self, client: Client, before: Shelf | None = None) -> None:
        """``before``: the shelf of a look a moment ago. A title that its list lacks is lacking while the shop has as many
        products as then."""
        self._client = client
        self._before = (before._count, frozenset(before._lacking)) if before is not None else (None, frozenset())
        self._ids: dict[int, Product | None] = {}
        self._titles: dict[str, dict[int, Product]] = {}
        self._list: Literal["unread", "read", "broken"] = "unread"
        self._broken = Fault("")
        self._count: int | None = None
        """How many products the shop had before its list was read."""
        self._lacking: set[str] = set()
        """Titles that nothing in the list has."""
        self.doubts: dict[int | str, Fault] = {}
        """Short id, or title as ``loose`` has it -> why it cannot be told whether it is there."""

    def product(self, id: int) -> Product | None:
        """The product of an id that was loaded; None: there is none, or it is in doubt."""
        return self._ids.get(id)

    def titled(self, title: str, fits: Callable[[Product], bool] = lambda product: True) -> list[Product]:
        """The products of a title that was loaded, by id. The list is read whole before none of them fits."""
        key = loose(title)
        if key in self._titles and not any(map(fits, self._titles[key].values())) and not self._still_lacking(key):
            if self._list == "unread":
                self._read_list()
            if self._list == "broken":
                self.doubts[key] = self._broken
        found = self._titles.get(key, {})
        return [found[id] for id in sorted(found)]

    def alike(self, part: Mapping[str, Any], id: int) -> list[int]:
        """Ids of further products of a folder's title, type and version, among those that were read anyway."""
        found = self._titles.get(loose(str(part.get("title") or "")), {})
        return [other for other in sorted(found) if other != id and same_type(found[other], part) and same_version(found[other], part)]

    def load(self, ids: Iterable[int], titles: Iterable[str], known: Mapping[int, str] | None = None) -> None:
        """Read products one by one, or the whole list when that takes fewer calls. To be called once.

        ``known``  those of the ids that are asked for by their title first, which shows others of that title, too
        """
        wanted = dict.fromkeys(ids)
        asked = {key: title for title in titles if (key := loose(title))}
        beside = {id: title for id, title in (known or {}).items() if loose(title)}
        self._titles = {key: {} for key in (*asked, *map(loose, beside.values()))}
        lookups = len(wanted) + len(asked)
        if lookups > 3 and ceil(self._counted() / PAGE_SIZE) + 1 < lookups:
            self._read_list(wanted)
        for id, title in beside.items() if self._list != "read" else ():
            try:
                if id not in self._titles[loose(title)]:
                    self._keep(self._client.products(FIELDS, {"title": " ".join(title.split())}), only=loose(title))
            except (CommandError, FlickRocketError) as exc:  # its id is asked for then
                if exc.code not in ("flickrocket.answer", "flickrocket.pages") and isinstance(exc, FlickRocketError):
                    raise
            if (product := self._titles[loose(title)].get(id)) is not None:
                self._ids[id] = product
        for id in wanted:
            if id not in self._ids:
                self._ids[id] = self._one(id)
        for key, title in asked.items() if self._list != "read" else ():
            with suppress(CommandError):  # signs that no address can hold: it is looked for in the list
                self._keep(self._client.products(FIELDS, {"title": " ".join(title.split())}), only=key)

    def _one(self, id: int) -> Product | None:
        try:
            product = self._client.product(id, FIELDS)
        except FlickRocketError as exc:
            if exc.code == "flickrocket.answer":
                self.doubts[id] = Fault(f"product {id} cannot be read: {exc.message}", exc.mend)
            elif exc.code != "flickrocket.gone":
                raise
            return None
        if product.id != id:
            self.doubts[id] = Fault(f"asked for product {id}, FlickRocket answered about product {product.id}", AGAIN)
            return None
        return product

    def _keep(self, products: Iterable[Product], only: str | None = None) -> None:
        for product in products:
            key = loose(product.title or "")
            if key in self._titles and only in (None, key):
                self._titles[key][product.id] = product

    def _counted(self) -> int:
        if self._count is None:
            self._count = self._client.products().count()
        return self._count

    def _still_lacking(self, key: str) -> bool:
        count, lacking = self._before
        if self._titles[key] or key not in lacking or count != self._counted():
            return False
        self._lacking.add(key)
        return True

    def _read_list(self, wanted: Iterable[int] = ()) -> None:
        """Read the whole list; once more when it changes under our eyes."""
        found: list[Product] = []
        for last in (False, True):
            self._counted()
            try:
                found = [
                    product for product in self._client.products(FIELDS)
                    if product.id in wanted or loose(product.title or "") in self._titles
                ]
                break
            except FlickRocketError as exc:
                if exc.code not in ("flickrocket.pages", "flickrocket.answer"):
                    raise
                if last or exc.code == "flickrocket.answer":
                    self._list = "broken"
                    self._broken = Fault(f"the list of products cannot be read whole: {exc.message}", exc.mend or AGAIN)
                    return
                self._count = None
        self._list = "read"
        self._keep(found)
        self._ids |= {product.id: product for product in found if product.id in wanted}
        self._lacking |= {key for key, there in self._titles.items() if not there}


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
