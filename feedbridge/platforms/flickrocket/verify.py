"""Whether products went live, after their folders were dropped.

>>> folders = read_folders(Path("out/flickrocket"))           # doctest: +SKIP
>>> [one.state for one in verify(client, expected(folders))]  # doctest: +SKIP

Nothing is written at FlickRocket, and nothing in the folders. A product that was dropped as new is found by its title,
type and version; where several would do, they are named, and none is chosen.

Source: docs/platforms/flickrocket.md, sections 2.2, 2.7 and 4.2; K12; choice A6.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from feedbridge.findings import cut
from feedbridge.platforms.flickrocket.client import Client
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.folders import folder_name, name_key
from feedbridge.platforms.flickrocket.product_folders import SECOND, Fault, Folder
from feedbridge.platforms.flickrocket.readback import Shelf, in_words, same_type, same_version, unbound
from feedbridge.platforms.flickrocket.resources import License, Price, Product, comparable, loose

__all__ = ["Difference", "Expected", "Standing", "expected", "verify"]

CLOCK_SECONDS = 300.0
"""As far FlickRocket's clock and this machine's may be apart."""
POLL_SECONDS = 5.0
MOST_POLL_SECONDS = 60.0
State = Literal["live", "not live", "not there", "ambiguous", "unreadable"]


@dataclass(frozen=True)
class Expected:
    """A product that was dropped: what its folders say together, the later ones over the earlier ones.

    ``sku``      as far as it is known: the ledger's, else the folder's name
    ``id``       the short id its folders name; None: it was dropped as new
    ``known``    the short id that is known of it otherwise
    ``written``  when the first of its folders was written
    ``in_ledger``  whether the SKU is the ledger's
    ``content``  those of its folders that bring files to a product that is there
    """

    folders: tuple[str, ...]
    sku: str
    part: Mapping[str, Any] = field(repr=False)
    id: int | None = None
    known: int | None = None
    written: float = 0.0
    fault: Fault | None = None
    in_ledger: bool = False
    content: tuple[str, ...] = ()

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
    ``content``   folders that bring files to a product that was there: whether they were uploaded cannot be told, for files
                  cannot be compared
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
    content: tuple[str, ...] = ()

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
            "notes": list(self.notes), "older": self.older, "content_unknown": list(self.content),
        }


def expected(folders: Sequence[Folder], ledger: Iterable[tuple[str, str]] = ()) -> list[Expected]:
    """What to look for: one product for each folder, ``X--2`` together with ``X``.

    ``ledger``  (SKU, short id or empty) of all that was delivered; a folder's SKU is the one whose folder has its name

    A name that could be the first folder of one SKU and the second of another is a fault of that product.
    """
    names: dict[str, str] = {}
    for folder in folders:
        names[name_key(folder.name)] = ""
        if match := SECOND.fullmatch(folder.name):
            names[name_key(match[1])] = ""
    skus: dict[str, tuple[str, str]] = {}
    for sku, id in ledger:
        if (key := name_key(folder_name(sku))) in names:
            skus[key] = (sku, id)
    groups: dict[str, list[Folder]] = {}
    doubt: dict[str, str] = {}
    for folder in folders:
        own = name_key(folder.name)
        match = SECOND.fullmatch(folder.name)
        base = name_key(match[1]) if match else ""
        if match and own in skus and base in skus:
            doubt[own] = f'it may be the folder of SKU {skus[own][0]}, or a second one of SKU {skus[base][0]}'
        elif match and own not in skus and (base in skus or (base in groups and _continues(groups[base], folder))):
            groups.setdefault(base, []).append(folder)
            continue
        groups.setdefault(own, []).append(folder)
    return [_expected(group, skus.get(key), doubt.get(key, "")) for key, group in groups.items()]


def _continues(group: Sequence[Folder], folder: Folder) -> bool:
    """Whether ``X--2`` looks like a second folder of what ``X`` is, and not like a SKU of its own."""
    first, part = group[0].part, folder.part
    ids = {one.part.get("id") for one in group} - {None}
    if part.get("id") is not None:
        return not ids or part["id"] in ids
    return not ids and (part.get("title"), part.get("product_type")) == (first.get("title"), first.get("product_type"))


def _expected(group: Sequence[Folder], row: tuple[str, str] | None, doubt: str) -> Expected:
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
        tuple(folder.name for folder in group if folder.brings_files and folder.part.get("id")),
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
    shelf = Shelf(client)
    standings = _round(client, products, others or {}, announced or {}, shelf)
    told(standings)
    while any(one.pending for one in standings) and clock() < deadline:
        sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, MOST_POLL_SECONDS)
        shelf = Shelf(client, before=shelf)
        try:
            standings = _round(client, products, others or {}, announced or {}, shelf)
        except FlickRocketError as exc:
            if exc.code != "flickrocket.down":
                raise
            continue
        told(standings)
    return standings


def _round(
    client: Client, products: Sequence[Expected], others: Mapping[int, str], announced: Mapping[int, float], shelf: Shelf
) -> list[Standing]:
    sound = [one for one in products if one.fault is None]
    shelf.load(
        [id for one in sound if (id := one.id or one.known) is not None],
        [str(one.part["title"]) for one in sound if (one.id or one.known) is None and one.part.get("title")],
        {one.known: str(one.part.get("title") or "") for one in sound if one.id is None and one.known is not None})
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
        standings[-1] = _with_doubles(standings[-1], one, shelf, taken)
    return standings


def _with_doubles(standing: Standing, one: Expected, shelf: Shelf, taken: Mapping[int, str]) -> Standing:
    """With a note of products that a folder dropped twice has made besides."""
    if standing.id is None or one.id is not None:
        return standing
    also = [id for id in shelf.alike(one.part, standing.id) if taken.get(id, one.sku) == one.sku]
    if not also:
        return standing
    shown = ", ".join(map(str, also[:5])) + (f" and {len(also) - 5} others" if len(also) > 5 else "")
    return replace(standing, notes=(
        *standing.notes, f"the shop also has {shown} with this title, type and version: if the folder was dropped twice, delete "
        "what is too much in FlickRocket's admin interface"))


def _candidates(
    one: Expected, shelf: Shelf, taken: Mapping[int, str], announced: Mapping[int, float]
) -> list[Product]:
    """Products that may be what a folder made: of its title, type and version, and of no other SKU."""
    def fits(product: Product) -> bool:
        return (
            same_type(product, one.part) and same_version(product, one.part)
            and taken.get(product.id, one.sku) == one.sku
        )

    there = list(filter(fits, shelf.titled(str(one.part.get("title") or ""), fits)))
    if len(there) > 1:
        new = [product for product in there if announced.get(product.id, 0.0) >= one.written - CLOCK_SECONDS]
        if len(new) == 1:  # a webhook told that it was made after the folder was written
            return new
    return there


def _by_id(
    one: Expected, shelf: Shelf, prices: Mapping[int, Price], licences: Mapping[int, License]
) -> Standing:
    id = one.id or one.known or 0
    product = shelf.product(id)
    if (doubt := shelf.doubts.get(id)) is not None:
        return _standing(one, "unreadable", why=(doubt.message,), mend=doubt.mend)
    if product is None:
        return _standing(
            one, "not there", id=None, why=(f"there is no product {id}",),
            mend="check the id; if the product was deleted, have it made anew: feedbridge ids forget")
    return _read_back(one, product, prices, licences)


def _by_title(
    one: Expected, there: Sequence[Product], claims: Mapping[int, int], shelf: Shelf, announced: Mapping[int, float],
    prices: Mapping[int, Price], licences: Mapping[int, License],
) -> Standing:
    give = "look which it is, and give its id: feedbridge ids import"
    if len(there) > 1:
        return _standing(
            one, "ambiguous", why=(f"{len(there)} products have its title, type and version: {in_words(there)}",), mend=give)
    if not there:
        title = str(one.part.get("title") or "")
        near = shelf.titled(title)
        if (doubt := shelf.doubts.get(loose(title))) is not None:
            return _standing(
                one, "unreadable", why=(f"it cannot be told whether it is there: {doubt.message}",), mend=doubt.mend)
        why = ["no product has its title, type and version"] if title else ["its folder names no title"]
        if near:
            why.append(f"there {'is' if len(near) == 1 else 'are'} {in_words(near)}")
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
        why += unbound(product, prices, licences)
    notes: tuple[str, ...] = ()
    if one.content:
        notes = (
            f"files cannot be compared with the shop's, so it cannot be told whether {' and '.join(one.content)} was uploaded: "
            "drop it if you have not, then delete it or move it away",)
    return _standing(
        one, "not live" if why else "live", why=tuple(why), id=product.id, long_id=product.product_id, notes=notes,
        mend=_mend(why), title=product.title or "", differs=tuple(_differences(one.part, product)), content=one.content)


def _standing(one: Expected, state: State, *, title: str = "", **parts: Any) -> Standing:
    return Standing(
        one.folders, one.sku, one.action, str(one.part.get("title") or title), state, in_ledger=one.in_ledger, **parts)


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
    if part.get("title") is not None and "title" in read and comparable(part["title"]) != comparable(product.title):
        differs("title", part["title"], product.title)
    if part.get("version") is not None and "version" in read and not same_version(product, part):
        differs("version", part["version"], product.version)
    if not same_type(product, part):
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
                if texts.get(name) is not None and comparable(texts[name]) != comparable(getattr(shop, name)):
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


def _listed(ids: Iterable[int]) -> str | None:
    return ", ".join(map(str, sorted(ids))) or None
