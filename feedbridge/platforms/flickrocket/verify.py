"""Whether products can go live, before their folders are dropped, and whether they did, afterwards.

>>> folders = read_folders(Path("out/flickrocket"))           # doctest: +SKIP
>>> [one.why for one in check(client, folders)]               # doctest: +SKIP
>>> [one.state for one in verify(client, expected(folders))]  # doctest: +SKIP

Nothing is written at FlickRocket, and nothing in the folders. A product that was dropped as new is found by its title,
type and version; where several would do, they are named, and none is chosen.

Source: docs/platforms/flickrocket.md, sections 2.2, 2.7 and 4.2; K2, K7, K8, K12, K15; choice A6.
"""

from __future__ import annotations

import html
import os
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.flickrocket.client import Client
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.folders import PathError, SourceFolder, folder_name, name_key
from feedbridge.platforms.flickrocket.listing import PAGE_SIZE
from feedbridge.platforms.flickrocket.payload import ProductFile
from feedbridge.platforms.flickrocket.resources import License, Price, Product

__all__ = [
    "Difference", "Expected", "Fault", "Folder", "Readiness", "Standing", "check", "expected", "product_folders",
    "read_folders", "verify",
]

PRODUCT_FILE = "product.json"
MOST_JSON_BYTES = 16 * 2**20
ALL_THEMES = -1
WORLD_CURRENCIES = frozenset({"EUR", "USD"})
FIELDS = (
    "product_id", "title", "version", "product_type", "drm_protected", "valid", "published_at", "locales",
    "price_license_binding", "content_files", "categories",
)
"""Members that are read of a product."""
CLOCK_SECONDS = 300.0
"""As far FlickRocket's clock and this machine's may be apart."""
POLL_SECONDS = 5.0
MOST_POLL_SECONDS = 60.0
_SECOND = re.compile(r"(.+)--([1-9][0-9]{0,5})", re.ASCII)
SCOPE = "log in with the scope for it: feedbridge flickrocket login --scopes …"
State = Literal["live", "not live", "not there", "ambiguous", "unreadable"]


@dataclass(frozen=True)
class Fault:
    """What keeps a product from going live, and how to mend it."""

    message: str
    mend: str = ""
    code: str = ""


@dataclass(frozen=True)
class Folder:
    """A product folder, as far as it can be read.

    ``file``     what its product.json says; None when it cannot be read, and ``fault`` says why
    ``written``  when product.json was written, in seconds since 1970
    """

    path: Path
    file: ProductFile | None = field(default=None, repr=False)
    fault: Fault | None = None
    written: float = 0.0

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def part(self) -> dict[str, Any]:
        """The members of ``product`` that the file names."""
        return {} if self.file is None else self.file.product.model_dump(exclude_unset=True)


def product_folders(folder: Path) -> list[Path]:
    """The product folders of a folder: itself, those in it, or those in its ``flickrocket`` (the output of ``convert``);
    ``X--2`` comes after ``X``. Raises CommandError when there are none."""
    try:
        if (folder / PRODUCT_FILE).exists():
            return [Path(os.path.abspath(folder))]
        inside = sorted((one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")), key=_place)
        if any((one / PRODUCT_FILE).exists() for one in inside):
            return inside
        if (folder / "flickrocket").is_dir():
            return product_folders(folder / "flickrocket")
    except OSError as exc:
        raise CommandError(
            f"cannot be read: {exc.strerror or exc}", where=str(folder), code="flickrocket.outbox",
            mend="check the path and its permissions",
        ) from exc
    raise CommandError(
        "holds no product folder", where=str(folder), code="flickrocket.outbox",
        mend="name an outbox, an output of convert --to flickrocket, or one product folder (it holds a product.json)",
    )


def read_folders(folder: Path) -> list[Folder]:
    """The product folders of a folder, read. Raises CommandError when there are none."""
    return [_read(path) for path in product_folders(folder)]


def _place(path: Path) -> tuple[str, int]:
    match = _SECOND.fullmatch(path.name)
    return (match[1], int(match[2])) if match else (path.name, 0)


def _read(path: Path) -> Folder:
    file = path / PRODUCT_FILE
    again = "have it written anew by feedbridge convert or sync"
    try:
        with file.open("rb") as opened:
            written = os.fstat(opened.fileno()).st_mtime
            data = opened.read(MOST_JSON_BYTES + 1)
    except FileNotFoundError:
        return Folder(path, fault=Fault("it holds no product.json", "drop the whole folder, or take this one out", "flickrocket.K1"))
    except OSError as exc:
        return Folder(path, fault=Fault(f"product.json cannot be read: {exc.strerror or exc}", "check the file", "flickrocket.K1"))
    if data.startswith(b"\xef\xbb\xbf") or len(data) > MOST_JSON_BYTES:
        what = "is far too large" if len(data) > MOST_JSON_BYTES else "begins with a byte order mark"
        return Folder(path, fault=Fault(f"product.json {what}", again, "flickrocket.K1"), written=written)
    try:
        return Folder(path, ProductFile.model_validate_json(data), written=written)
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_context=False, include_input=False)
        shown = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'JSON'}: {one['msg']}" for one in faults[:3])
        return Folder(path, fault=Fault(f"product.json is not as documented: {cut(shown)}", again, "flickrocket.K1"), written=written)


class _Shelf:
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
        found = self._titles.get(_loose(title), {})
        return [found[id] for id in sorted(found)]

    def load(self, ids: Iterable[int], titles: Iterable[str]) -> None:
        """Read products one by one, or the whole list when that takes fewer calls."""
        wanted = dict.fromkeys(id for id in ids if id not in self._ids)
        asked = {_loose(title): title for title in titles if _loose(title) not in self._titles}
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
                    if _loose(product.title or "") == key:
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
                if (key := _loose(product.title or "")) in titles:
                    titles[key][product.id] = product
        except FlickRocketError as exc:
            if exc.code != "flickrocket.pages":
                raise
            return False
        self._ids |= ids
        self._titles |= titles
        return True


# Before.


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
        self._shelf = _Shelf(self._client)
        self._shelf.load(
            [part["id"] for part in parts if part.get("id")],
            [part["title"] for part in parts if part.get("title") and not part.get("id")])
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
            self._create(part)
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

    def _create(self, part: Mapping[str, Any]) -> None:
        missing = [name for name in ("title", "product_type", "locales") if not part.get(name)]
        if missing:
            self._fault(f"a new product needs {' and '.join(missing)}", "map it, and convert again", "flickrocket.K6")
        there = [
            one for one in self._shelf.titled(part.get("title") or "")
            if _same_type(one, part) and _same_version(one, part)
        ]
        if there:
            self._said.append(
                f"the shop has {_named(there)} with this title, type and version already: if it is the same product, "
                "dropping the folder makes it twice; give its id (ids.flickrocket in the mapping, or feedbridge ids import)")

    def _update(self, identity: int, product: Product | None, part: Mapping[str, Any]) -> None:
        if product is None:
            self._fault(
                f"there is no product {identity}, which the folder is to update",
                "check the id in the feed; if the product was deleted, have it made anew: feedbridge ids forget",
                "flickrocket.K7")
        elif not _same_type(product, part):
            self._fault(
                f"product {identity} is of type {product.product_type}, and the folder says {part.get('product_type')}: "
                "the type of a product never changes", "give the new content a SKU of its own, or check the id", "flickrocket.K8")

    def _bindings(self, file: ProductFile, part: Mapping[str, Any], product: Product | None) -> None:
        bindings = part.get("price_license_binding")
        lists = "feedbridge flickrocket {0} lists what there is"
        if not bindings:
            why = _unbound(product, self._prices, self._licences) if product is not None and bindings is None else ()
            if (product is None and part.get("id") is None) or bindings is not None:
                why = ("no licence that has a price",)
            for one in why:
                self._fault(one, "map digital.licences: a license_id with a price_id; " + lists.format("prices"), "flickrocket.K12")
            return
        beside = part.get("price") or (file.price.model_dump() if file.price is not None else None)
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


# Afterwards.


@dataclass(frozen=True)
class Expected:
    """A product that was dropped: what its folders say together, the later ones over the earlier ones.

    ``sku``      as far as it is known: the ledger's, else the folder's name
    ``id``       the short id its folders name; None: it was dropped as new
    ``known``    the short id that is known of it otherwise
    ``written``  when the first of its folders was written
    ``latest``   when the last of them was
    ``in_ledger``  whether the SKU is the ledger's
    """

    folders: tuple[str, ...]
    sku: str
    part: Mapping[str, Any] = field(repr=False)
    id: int | None = None
    known: int | None = None
    written: float = 0.0
    fault: Fault | None = None
    in_ledger: bool = False

    @property
    def action(self) -> Literal["create", "update"]:
        return "create" if self.id is None else "update"


@dataclass(frozen=True)
class Difference:
    """A field that is not as the folder says; None stands for what is not there."""

    field: str
    folder: str | None
    shop: str | None


@dataclass(frozen=True)
class Standing:
    """How a product stands in the shop.

    ``why``       why it is not live, not there or ambiguous
    ``older``     it was released before its folder was written, so it may be an older product of the same title
    """

    folders: tuple[str, ...]
    sku: str
    action: Literal["create", "update"]
    title: str
    state: State
    why: tuple[str, ...] = ()
    mend: str = ""
    id: int | None = None
    long_id: str | None = None
    differs: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    older: bool = False
    in_ledger: bool = False

    @property
    def live(self) -> bool:
        return self.state == "live"

    @property
    def right(self) -> bool:
        """Whether it is live, and as its folder says."""
        return self.live and not self.differs

    @property
    def pending(self) -> bool:
        """Whether time may mend it: it is not live yet, or an update does not show yet."""
        if self.state in ("ambiguous", "unreadable"):
            return False
        return not self.live or (self.action == "update" and bool(self.differs))

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "sku": self.sku, "folders": list(self.folders), "action": self.action, "title": self.title, "state": self.state,
            "live": self.live, "id": self.id, "product_id": self.long_id, "why": list(self.why), "mend": self.mend,
            "differs": [{"field": one.field, "folder": one.folder, "shop": one.shop} for one in self.differs],
            "notes": list(self.notes), "older": self.older,
        }


def expected(folders: Sequence[Folder], ledger: Iterable[tuple[str, str]] = ()) -> list[Expected]:
    """What to look for: one product for each folder, ``X--2`` together with ``X``.

    ``ledger``  (SKU, short id or empty) of all that was delivered; a folder's SKU is the one whose folder has its name

    A name that could be the first folder of one SKU and the second of another is a fault of that product.
    """
    names: dict[str, str] = {}
    for folder in folders:
        names[name_key(folder.name)] = ""
        if match := _SECOND.fullmatch(folder.name):
            names[name_key(match[1])] = ""
    skus: dict[str, tuple[str, str]] = {}
    for sku, id in ledger:
        if (key := name_key(folder_name(sku))) in names:
            skus[key] = (sku, id)
    groups: dict[str, list[Folder]] = {}
    doubt: dict[str, str] = {}
    for folder in folders:
        own = name_key(folder.name)
        match = _SECOND.fullmatch(folder.name)
        base = name_key(match[1]) if match else ""
        if match and own in skus and base in skus:
            doubt[own] = f'it may be the folder of SKU {skus[own][0]}, or a second one of SKU {skus[base][0]}'
        elif match and own not in skus and (base in skus or (base in groups and _continues(groups[base], folder))):
            groups.setdefault(base, []).append(folder)
            continue
        groups.setdefault(own, []).append(folder)
    return [_expected(key, group, skus.get(key), doubt.get(key, "")) for key, group in groups.items()]


def _continues(group: Sequence[Folder], folder: Folder) -> bool:
    """Whether ``X--2`` looks like a second folder of what ``X`` is, and not like a SKU of its own."""
    first, part = group[0].part, folder.part
    ids = {one.part.get("id") for one in group} - {None}
    if part.get("id") is not None:
        return not ids or part["id"] in ids
    return not ids and (part.get("title"), part.get("product_type")) == (first.get("title"), first.get("product_type"))


def _expected(key: str, group: Sequence[Folder], row: tuple[str, str] | None, doubt: str) -> Expected:
    part: dict[str, Any] = {}
    for folder in group:
        part |= folder.part
    ids = {folder.part["id"] for folder in group if folder.part.get("id")}
    fault = next((folder.fault for folder in group if folder.fault is not None), None)
    if len(ids) > 1:
        fault = Fault(f"its folders name several products: {', '.join(map(str, sorted(ids)))}", "keep one of the folders")
    if doubt:
        fault, row = Fault(doubt, "look at the folder, and verify it by itself, without --job"), None
    known = int(row[1]) if row and row[1].isascii() and row[1].isdigit() and len(row[1]) < 16 else None
    return Expected(
        tuple(folder.name for folder in group), row[0] if row else group[0].name, part,
        part.get("id"), known, min(folder.written for folder in group), fault, row is not None,
    )


def verify(
    client: Client, products: Sequence[Expected], *, others: Mapping[int, str] | None = None,
    announced: Mapping[int, float] | None = None, wait_seconds: float = 0.0,
    told: Callable[[list[Standing]], object] = lambda standings: None, sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[Standing]:
    """Read products back, and say how each stands, in their order.

    ``others``        short ids that are known to be of a SKU: none of them is taken for another SKU's product
    ``announced``     short id -> when a webhook told that it was made, in seconds since 1970
    ``wait_seconds``  ask again until all are live, and updates as their folders say, or until this time is over
    ``told``          called after each round with what is known so far

    Errors: FlickRocketError. While waiting, FlickRocket being down is waited out.
    """
    deadline = clock() + wait_seconds
    pause = POLL_SECONDS
    standings = _round(client, products, others or {}, announced or {})
    told(standings)
    while any(one.pending for one in standings) and clock() < deadline:
        sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, MOST_POLL_SECONDS)
        try:
            standings = _round(client, products, others or {}, announced or {})
        except FlickRocketError as exc:
            if exc.code != "flickrocket.down":
                raise
            continue
        told(standings)
    return standings


def _round(
    client: Client, products: Sequence[Expected], others: Mapping[int, str], announced: Mapping[int, float]
) -> list[Standing]:
    shelf = _Shelf(client)
    sound = [one for one in products if one.fault is None]
    shelf.load(
        [id for one in sound if (id := one.id or one.known) is not None],
        [str(one.part["title"]) for one in sound if (one.id or one.known) is None and one.part.get("title")])
    prices, licences = {one.id: one for one in client.prices()}, {one.id: one for one in client.licenses()}
    taken: dict[int, str] = dict(others)
    for one in sound:
        if (id := one.id or one.known) is not None:
            taken.setdefault(id, one.sku)
    found: dict[int, list[Product]] = {
        at: _candidates(one, shelf, taken, announced) for at, one in enumerate(products)
        if one.fault is None and one.id is None and one.known is None
    }
    claims = Counter(choice[0].id for choice in found.values() if len(choice) == 1)
    standings = []
    for at, one in enumerate(products):
        if one.fault is not None:
            standings.append(_standing(one, "unreadable", why=(one.fault.message,), mend=one.fault.mend))
        elif at not in found:
            standings.append(_by_id(one, shelf, prices, licences))
        else:
            standings.append(_by_title(one, found[at], claims, shelf, announced, prices, licences))
    return standings


def _candidates(
    one: Expected, shelf: _Shelf, taken: Mapping[int, str], announced: Mapping[int, float]
) -> list[Product]:
    """Products that may be what a folder made: of its title, type and version, and of no other SKU."""
    there = [
        product for product in shelf.titled(str(one.part.get("title") or ""))
        if _same_type(product, one.part) and _same_version(product, one.part)
        and taken.get(product.id, one.sku) == one.sku
    ]
    if len(there) > 1:
        new = [product for product in there if announced.get(product.id, 0.0) >= one.written - CLOCK_SECONDS]
        if len(new) == 1:  # a webhook told that it was made after the folder was written
            return new
    return there


def _by_id(
    one: Expected, shelf: _Shelf, prices: Mapping[int, Price], licences: Mapping[int, License]
) -> Standing:
    id = one.id or one.known or 0
    product = shelf.product(id)
    if product is None:
        return _standing(
            one, "not there", id=None, why=(f"there is no product {id}",),
            mend="check the id; if the product was deleted, have it made anew: feedbridge ids forget")
    return _read_back(one, product, prices, licences)


def _by_title(
    one: Expected, there: Sequence[Product], claims: Mapping[int, int], shelf: _Shelf, announced: Mapping[int, float],
    prices: Mapping[int, Price], licences: Mapping[int, License],
) -> Standing:
    give = "look which it is, and give its id: feedbridge ids import"
    if len(there) > 1:
        return _standing(
            one, "ambiguous", why=(f"{len(there)} products have its title, type and version: {_named(there)}",), mend=give)
    if not there:
        title = str(one.part.get("title") or "")
        near = shelf.titled(title)
        why = ["no product has its title, type and version"] if title else ["its folder names no title"]
        if (unasked := shelf.unasked.get(_loose(title))) is not None:
            why = [f"it cannot be looked for: {unasked}"]
        if near:
            why.append(f"there {'is' if len(near) == 1 else 'are'} {_named(near)}")
        return _standing(
            one, "not there", why=tuple(why),
            mend="drop its folder on the uploader (feedbridge flickrocket check tells what keeps it from being taken), or wait "
            "until FlickRocket has worked it"
            + (f"; if it is one of those, give its id: feedbridge ids import ({one.sku})" if near else ""))
    product = there[0]
    if claims[product.id] > 1:
        return _standing(
            one, "ambiguous", why=(f"{claims[product.id]} folders have the title, type and version of product {product.id}",),
            mend=give)
    released = product.published_at
    older = (
        announced.get(product.id, 0.0) < one.written - CLOCK_SECONDS
        and released is not None and datetime(2001, 1, 1, tzinfo=UTC) < released
        and released.timestamp() < one.written - CLOCK_SECONDS
    )
    standing = _read_back(one, product, prices, licences)
    if not older:
        return standing
    return replace(standing, older=True, notes=(
        *standing.notes, "it was released before its folder was written: it may be an older product of the same title"))


def _read_back(
    one: Expected, product: Product, prices: Mapping[int, Price], licences: Mapping[int, License]
) -> Standing:
    why = [*product.not_live()]
    if not any("licence" in reason or "price" in reason for reason in why):
        why += _unbound(product, prices, licences)
    return _standing(
        one, "not live" if why else "live", why=tuple(why), id=product.id, long_id=product.product_id,
        mend=_mend(why), title=product.title or "", differs=tuple(_differences(one.part, product)))


def _standing(one: Expected, state: State, *, title: str = "", **parts: Any) -> Standing:
    return Standing(
        one.folders, one.sku, one.action, str(one.part.get("title") or title), state, in_ledger=one.in_ledger, **parts)


def _unbound(product: Product, prices: Mapping[int, Price], licences: Mapping[int, License]) -> tuple[str, ...]:
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


def _mend(why: Sequence[str]) -> str:
    """What to do about the first reasons."""
    if not why:
        return ""
    if any("licence" in one or "price" in one for one in why):
        return "give it a valid licence with a valid price: in the mapping (digital.licences), or in the admin interface"
    if "no valid content" in why:
        return "FlickRocket may still be working its file; if it stays so, look at the file, and upload it again"
    return "look at the product in FlickRocket's admin interface"


def _differences(part: Mapping[str, Any], product: Product) -> list[Difference]:
    """What the folder says and the shop has otherwise. What the folder does not name is left alone (A6)."""
    found: list[Difference] = []

    def differs(name: str, folder: Any, shop: Any) -> None:
        found.append(Difference(name, None if folder is None else cut(folder), None if shop is None else cut(shop)))

    read = product.model_fields_set
    if part.get("title") is not None and "title" in read and _text(part["title"]) != _text(product.title):
        differs("title", part["title"], product.title)
    if part.get("version") is not None and "version" in read and not _same_version(product, part):
        differs("version", part["version"], product.version)
    if not _same_type(product, part):
        differs("product_type", part["product_type"], product.product_type)
    drm = part.get("drm_protected")
    if drm is not None and product.drm_protected is not None and drm is not product.drm_protected:
        differs("drm_protected", "yes" if drm else "no", "yes" if product.drm_protected else "no")
    if part.get("locales") is not None and "locales" in read:
        there = {(one.language_id or "").lower(): one for one in product.locales}
        for texts in part["locales"]:
            language = texts["language_id"]
            shop = there.pop(language, None)
            if shop is None:
                differs(f"locales.{language}", texts["title"], None)
                continue
            for name in ("title", "description"):
                if texts.get(name) is not None and _text(texts[name]) != _text(getattr(shop, name)):
                    differs(f"locales.{language}.{name}", texts[name], getattr(shop, name))
        for language, shop in there.items():
            differs(f"locales.{language}", None, shop.title or "")
    if part.get("price_license_binding") is not None and "price_license_binding" in read:
        _binding_differences(part["price_license_binding"], product, differs)
    if part.get("categories") is not None and "categories" in read:
        wanted = {one["category_id"] for one in part["categories"]}
        has = {one.category_id for one in product.categories if one.category_id is not None}
        if wanted != has:
            differs("categories", _listed(wanted), _listed(has))
    return found


def _binding_differences(bindings: Sequence[Mapping[str, Any]], product: Product, differs: Callable[..., None]) -> None:
    video = product.product_type == 9

    def key(license_id: Any, price_id: Any, before: Any, hd: Any, audio_type: Any, users: Any) -> tuple[Any, ...]:
        audio = audio_type if product.product_type in (23, 24) else None
        return license_id, price_id, before, bool(hd) if video else None, audio, users or 1

    wanted = [
        key(one["license_id"], one.get("price_id"), one.get("compare_price_id"), one.get("hd"), one.get("audio_type"),
            one.get("num_users"))
        for one in bindings
    ]
    has = [
        key(one.license_id, one.price_id, one.compare_price_id, one.hd, one.audio_type, one.num_users)
        for one in product.price_license_binding
    ]
    for binding in list(wanted):
        # A price model that came with the folder has an id only in the shop; an audio type nobody named is FlickRocket's.
        same = next((
            one for one in has if all(
                a == b or (at in (1, 4) and a is None) for at, (a, b) in enumerate(zip(binding, one, strict=True)))
        ), None)
        if same is not None:
            wanted.remove(binding)
            has.remove(same)
    if wanted or has:
        differs(
            "price_license_binding", "; ".join(map(_bound, wanted)) or None, "; ".join(map(_bound, has)) or None)


def _bound(key: tuple[Any, ...]) -> str:
    license_id, price_id, before, hd, audio_type, users = key
    return (
        f"licence {license_id}, " + ("no price" if price_id is None else f"price {price_id}")
        + (f", compared with {before}" if before is not None else "") + (", HD" if hd else "")
        + (f", audio type {audio_type}" if audio_type is not None else "") + (f", {users} users" if users != 1 else "")
    )


def _same_type(product: Product, part: Mapping[str, Any]) -> bool:
    kind = part.get("product_type")
    return kind is None or product.product_type is None or product.product_type == kind


def _same_version(product: Product, part: Mapping[str, Any]) -> bool:
    version = part.get("version")
    return version is None or "version" not in product.model_fields_set or _text(product.version) == _text(version)


def _text(text: str | None) -> str:
    """A text for comparing: blanks, HTML's spelling of signs, and how letters are composed do not count."""
    return " ".join(unicodedata.normalize("NFC", html.unescape(text or "")).split())


def _loose(text: str) -> str:
    return _text(text).casefold()


def _currencies_of(price: Price) -> set[str]:
    return {one.currency.strip().upper() for one in price.currencies}


def _named(products: Sequence[Product]) -> str:
    shown = [
        f"{one.id} (type {one.product_type}, version {cut(one.version or 'none')})" for one in products[:5]]
    return ", ".join(shown) + (f" and {len(products) - 5} others" if len(products) > 5 else "")


def _quoted(name: str | None) -> str:
    return f' "{cut(name)}"' if name else ""


def _listed(ids: Iterable[int]) -> str | None:
    return ", ".join(map(str, sorted(ids))) or None
