"""Whether products can go live, before their folders are dropped.

>>> folders = read_folders(Path("out/flickrocket"))           # doctest: +SKIP
>>> [one.why for one in check(client, folders)]               # doctest: +SKIP

Nothing is written at FlickRocket, and nothing in the folders.

Source: docs/platforms/flickrocket.md, sections 2.2, 2.7 and 4.2; K2, K7, K8, K12, K15.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.flickrocket.client import Client
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.folders import PathError, SourceFolder, name_key
from feedbridge.platforms.flickrocket.payload import ProductFile
from feedbridge.platforms.flickrocket.product_folders import Fault, Folder
from feedbridge.platforms.flickrocket.readback import Shelf, in_words, same_type, same_version, unbound
from feedbridge.platforms.flickrocket.resources import Price, Product, comparable, loose

__all__ = ["BindingCheck", "Readiness", "check"]

ALL_THEMES = -1
MOST_ALIKE = 1000
"""So many folders of one title are compared with each other."""
WORLD_CURRENCIES = frozenset({"EUR", "USD"})
SCOPE = "log in with the scope for it: feedbridge flickrocket login --scopes …"


@dataclass(frozen=True)
class Readiness:
    """Whether a folder can be dropped, and its product will go live. ``notes``: what else is worth a look."""

    folder: str
    action: Literal["create", "update", ""]
    title: str
    why: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.why

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "folder": self.folder, "action": self.action, "title": self.title, "ready": self.ready,
            "why": [{"code": one.code, "message": one.message, "mend": one.mend} for one in self.why],
            "notes": list(self.notes),
        }


def check(client: Client, folders: Sequence[Folder], currencies: Sequence[str] = ()) -> list[Readiness]:
    """Compare folders with the shop as it is now.

    ``currencies``  every price has to have these; none: those that most of the shop's other valid prices have, and EUR or
                    USD at least (K15)

    Errors: CommandError for a currency that is none; FlickRocketError.
    """
    needed = tuple(dict.fromkeys(_currency(one) for one in currencies))
    return _Checking(client, folders, needed).checked()


def _currency(text: str) -> str:
    code = text.strip().upper()
    if not re.fullmatch("[A-Z]{3}", code):
        raise CommandError(
            f'"{cut(text)}" is no currency', where="--currency", code="flickrocket.K14", mend="write it as EUR")
    return code


class _Checking:
    """One check of folders."""

    def __init__(self, client: Client, folders: Sequence[Folder], needed: tuple[str, ...]) -> None:
        self._client = client
        self._folders = folders
        self._needed = needed
        self._currencies: dict[int, tuple[str, ...]] = {}

    def checked(self) -> list[Readiness]:
        parts = [one.part for one in self._folders]
        self._notes: list[str] = []
        self._prices = {one.id: one for one in self._client.prices()}
        self._titled = {one.title: one for one in self._prices.values() if one.title}
        self._licences = {one.id: one for one in self._client.licenses()}
        self._categories = self._known(
            "categories", any(part.get("categories") for part in parts), lambda: {
                one.id: one.enabled is not False for one in self._client.categories()})
        self._themes = self._known(
            "themes", any(theme["theme_id"] != ALL_THEMES for part in parts for theme in part.get("themes") or ()),
            lambda: {one.id: True for one in self._client.theme_settings(["title"])})
        self._counts: Counter[str] = Counter()
        for price in self._prices.values():
            if price.valid is not False:
                self._counts.update(_currencies_of(price))
        self._valid = sum(price.valid is not False for price in self._prices.values())
        self._shelf = Shelf(self._client)
        self._shelf.load(
            [part["id"] for part in parts if part.get("id")],
            [part["title"] for part in parts if part.get("title") and not part.get("id")])
        self._new: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        for folder, part in zip(self._folders, parts, strict=True):
            if part.get("title") and not part.get("id"):
                self._new.setdefault(loose(part["title"]), []).append((folder.name, part))
        twice = Counter(name_key(one.name) for one in self._folders)
        return [self._one(folder, part, twice) for folder, part in zip(self._folders, parts, strict=True)]

    def _known(self, what: str, asked: bool, read: Callable[[], dict[int, bool]]) -> dict[int, bool] | None:
        """Ids of things with whether they show; None when nobody asks, or the permission is not enough to see them."""
        if not asked:
            return None
        try:
            return read()
        except FlickRocketError as exc:
            if exc.status != 403:
                raise
            self._notes.append(f"the {what} were not checked: the permission does not let them be read; {SCOPE}")
            return None

    def _one(self, folder: Folder, part: Mapping[str, Any], twice: Mapping[str, int]) -> Readiness:
        if folder.file is None:
            return Readiness(folder.name, "", "", (folder.fault,) if folder.fault else ())
        self._faults: list[Fault] = []
        self._said = list(self._notes)
        identity = part.get("id")
        product = None if identity is None else self._shelf.product(identity)
        title = part.get("title") or (product.title if product else "") or ""
        if twice[name_key(folder.name)] > 1:
            self._fault("another folder has the same name, letter case aside", "rename one of the SKUs", "flickrocket.K3")
        if identity is None:
            self._create(folder.name, part)
        else:
            self._update(identity, product, part)
        self._bindings(folder.file, part, product)
        self._ids(part)
        self._files(folder)
        return Readiness(
            folder.name, "create" if identity is None else "update", title,
            tuple(dict.fromkeys(self._faults)), tuple(dict.fromkeys(self._said)))

    def _fault(self, message: str, mend: str, code: str) -> None:
        self._faults.append(Fault(message, mend, code))

    def _create(self, name: str, part: Mapping[str, Any]) -> None:
        missing = [name for name in ("title", "product_type", "locales") if not part.get(name)]
        if missing:
            self._fault(f"a new product needs {' and '.join(missing)}", "map it, and convert again", "flickrocket.K6")
        def fits(one: Product) -> bool:
            return same_type(one, part) and same_version(one, part)

        title = part.get("title") or ""
        there = list(filter(fits, self._shelf.titled(title, fits)))
        if not there and (doubt := self._shelf.doubts.get(loose(title))) is not None:
            self._said.append(f"it was not checked whether the shop has it already: {doubt.message}")
        if there:
            self._said.append(
                f"the shop has {in_words(there)} with this title, type and version already: if it is the same product, "
                "dropping the folder makes it twice; give its id (ids.flickrocket in the mapping, or feedbridge ids import)")
        alike = [other for other, its in islice(self._new.get(loose(title), ()), MOST_ALIKE) if other != name and _same(its, part)]
        if alike:
            self._said.append(
                f"{_named(alike)} would make a product of this title, type and version, too, and verify cannot tell which is which: "
                "give them other versions, or drop one and verify it by its own folder before you drop the next; if they are one "
                "product, drop one of them only")

    def _update(self, identity: int, product: Product | None, part: Mapping[str, Any]) -> None:
        if (doubt := self._shelf.doubts.get(identity)) is not None:
            self._fault(doubt.message, doubt.mend, "flickrocket.answer")
        elif product is None:
            self._fault(
                f"there is no product {identity}, which the folder is to update",
                "check the id in the feed; if the product was deleted, have it made anew: feedbridge ids forget",
                "flickrocket.K7")
        elif not same_type(product, part):
            self._fault(
                f"product {identity} is of type {product.product_type}, and the folder says {part.get('product_type')}: "
                "the type of a product never changes", "give the new content a SKU of its own, or check the id", "flickrocket.K8")

    def _bindings(self, file: ProductFile | None, part: Mapping[str, Any], product: Product | None) -> None:
        bindings = part.get("price_license_binding")
        lists = "feedbridge flickrocket {0} lists what there is"
        if not bindings:
            why = unbound(product, self._prices, self._licences) if product is not None and bindings is None else ()
            if (product is None and part.get("id") is None) or bindings is not None:
                why = ("no licence that has a price",)
            for one in why:
                self._fault(one, "map digital.licences: a license_id with a price_id; " + lists.format("prices"), "flickrocket.K12")
            return
        beside = part.get("price") or (file.price.model_dump() if file is not None and file.price is not None else None)
        for binding in bindings:
            licence = self._licences.get(binding["license_id"])
            if licence is None:
                self._fault(f"there is no licence {binding['license_id']}", lists.format("licenses"), "flickrocket.K12")
            elif licence.valid is False:
                self._fault(
                    f"licence {licence.id}{_quoted(licence.name)} is not valid",
                    "make it valid in the admin interface, or name another one; " + lists.format("licenses"), "flickrocket.K12")
            price_id = binding.get("price_id")
            model = None if price_id is not None else binding.get("price") or beside
            if price_id is not None:
                self._price(price_id, lists.format("prices"))
            elif model is not None:
                self._model(model)
            else:
                self._fault(
                    f"licence {binding['license_id']} has no price", "map a price_id; " + lists.format("prices"), "flickrocket.K12")
            before = binding.get("compare_price_id")
            if before is not None and before not in self._prices:
                self._fault(f"there is no price {before} to compare with", lists.format("prices"), "flickrocket.K12")
            elif before is not None and self._prices[before].valid is False:
                self._said.append(f"price {before}, to compare with, is not valid")

    def _price(self, id: int, mend: str) -> None:
        price = self._prices.get(id)
        if price is None:
            self._fault(f"there is no price {id}", mend, "flickrocket.K12")
        elif price.valid is False:
            self._fault(
                f"price {id}{_quoted(price.title)} is not valid",
                f"make it valid in the admin interface, or name another one; {mend}", "flickrocket.K12")
        else:
            self._amounts(f"price {id}{_quoted(price.title)}", _currencies_of(price), price)

    def _model(self, model: Mapping[str, Any]) -> None:
        """A price model that the folder brings: one of this title that is there keeps its amounts."""
        there = self._titled.get(model["title"])
        if there is not None:
            self._price(there.id, "give the new amounts a title of their own")
        else:
            held = {str(one["currency"]).upper() for one in model["currencies"]}
            self._amounts(f"the new price model{_quoted(model['title'])}", held, None)

    def _amounts(self, name: str, held: set[str], price: Price | None) -> None:
        own = frozenset() if price is None or price.valid is False else held
        others = self._valid - (0 if price is None else 1)
        usual = {code for code, count in self._counts.items() if 2 * (count - (code in own)) > others}
        missing = sorted(set(self._needed or usual) - held)
        mend = "add the amount in the admin interface (Products, Prices)"
        if missing:
            why = "" if self._needed else ", which most other prices of the shop have"
            self._fault(
                f"{name} has no amount in {', '.join(missing)}{why}",
                mend + ("" if self._needed else "; or say what is needed with --currency"), "flickrocket.K15")
        elif not held & WORLD_CURRENCIES:
            if self._needed:
                self._said.append(f"{name} has neither EUR nor USD, which FlickRocket recommends")
            else:
                self._fault(f"{name} has neither EUR nor USD", mend + "; or say what is needed with --currency", "flickrocket.K15")

    def _ids(self, part: Mapping[str, Any]) -> None:
        for what, one, member, known in (
            ("categories", "category", "category_id", self._categories), ("themes", "theme", "theme_id", self._themes),
        ):
            for entry in part.get(what) or ():
                id = entry[member]
                if known is None or (what == "themes" and id == ALL_THEMES):
                    continue
                if id not in known:
                    self._fault(f"there is no {one} {id}", f"feedbridge flickrocket {what} lists what there is", "")
                elif not known[id]:
                    self._said.append(f"the {one} {id} is not shown in the shop")

    def _files(self, folder: Folder) -> None:
        if folder.file is None:
            return
        files, product = folder.file.files, folder.file.product
        if product.id is None and not files.main:
            self._fault("it has no content file", "map content, and convert again", "flickrocket.K6")
        named = [files.main, files.flux_dvd, files.preview, *(files.pictures or ())]
        named += [one.picture for one in files.product_picture or ()]
        place = SourceFolder(folder.path)
        for path in dict.fromkeys(one for one in named if one):
            try:
                place.find(path)
            except PathError as exc:
                self._fault(
                    f"the folder lacks {path}: {exc.message}", "have the folder written anew by feedbridge convert or sync",
                    "flickrocket.K2")


def _same(part: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the products of two folders have the same type and version; what one does not name may be anything."""
    types, versions = ({part.get(name), other.get(name)} - {None} for name in ("product_type", "version"))
    return len(types) < 2 and len({comparable(one) for one in versions}) < 2


def _named(folders: Sequence[str]) -> str:
    shown = ", ".join(folders[:5])
    return f"the folder {shown}" if len(folders) == 1 else f"the folders {shown}" + (" …" if len(folders) > 5 else "")


def _currencies_of(price: Price) -> set[str]:
    return {one.currency.strip().upper() for one in price.currencies}


def _quoted(name: str | None) -> str:
    return f' "{cut(name)}"' if name else ""


class BindingCheck:
    """The part of the check that looks at bindings, for those that write them: the shop's price models and licences are
    read once, when it is made. Errors: FlickRocketError."""

    def __init__(self, client: Client) -> None:
        self._checking = _Checking(client, (), ())
        self._checking.checked()

    def faults(self, part: Mapping[str, Any], currencies: Sequence[str] = ()) -> tuple[Fault, ...]:
        """Why bindings would not do. ``part``: a product's ``price_license_binding``, and the ``price`` beside them."""
        checking = self._checking
        checking._needed = tuple(dict.fromkeys(_currency(one) for one in currencies))
        checking._faults, checking._said = [], []
        checking._bindings(None, part, None)
        return tuple(dict.fromkeys(checking._faults))
