"""FlickRocket's batch uploader: reads product folders as its documentation says, refuses what cannot be taken, and makes
or updates products. It is code of its own: nothing here is shared with what writes the folders.

Source: developer.flickrocket.com/en/batch-upload/ and its page on advanced settings (K1 to K20). What these leave open,
and how it is read here: docs/sandbox.md.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feedbridge.sandbox.flickrocket import Shop, seeded
from feedbridge.sandbox.flickrocket_content import ENDINGS, content_fault, picture_ending
from feedbridge.sandbox.flickrocket_product import (
    FIRST_ID,
    LANGUAGES,
    NO_DRM,
    PREVIEWS,
    UPLOADED,
    gmt,
    new_product,
    part_faults,
    put_part,
    store_product,
    why_not_live,
)
from feedbridge.sandbox.outcome import BadJson, is_text, read_json
from feedbridge.sandbox.store import Transaction

__all__ = ["Taken", "folders_in", "upload_folder"]

PRODUCT_FILE = "product.json"
MOST_JSON_BYTES = 16 * 2**20
MOST_PICTURE_BYTES = 20 * 2**20
SLOTS = ("main", "flux_dvd", "preview")
FLAGS = ("add_content_to_uploader", "add_content_to_shop_owner", "send_mail_to_shop_owner")
MEMBERS = {
    "": ("user", "files", "options", "product", "price"),
    "user": ("email", "password"),
    "files": (*SLOTS, "pictures", "product_picture"),
    "options": ("files", *FLAGS, "flux_package_audio_type"),
    "product": ("id", "title", "version", "product_type", "drm_protected", "locales", "price_license_binding", "categories",
                "themes", "groups", "price"),
}
PART = ("title", "version", "drm_protected", "locales", "price_license_binding", "categories", "themes", "groups")
ANY_FILE = 27
MAIN, PREVIEW, FLUX_DVD = 1, 2, 3
"""Content types the sandbox gives; that 2 is a preview is known, the others are its own."""
AUDIO = (".mp3", ".flac")
LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
DRIVE = re.compile("[A-Za-z]:")
CURRENCY = re.compile("[a-z]{3}")


@dataclass
class Taken:
    """What came of one folder. ``verdict``: ``created``, ``updated`` or ``refused`` (then ``reasons`` say why).

    ``why``  why the product is not live; empty: it is
    """

    folder: str
    verdict: str
    reasons: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    id: int | None = None
    product_id: str = ""
    title: str = ""
    why: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """As JSON: ``live`` is null for a folder that was refused."""
        live = None if self.verdict == "refused" else not self.why
        return {"folder": self.folder, "verdict": self.verdict, "id": self.id, "product_id": self.product_id,
                "title": self.title, "live": live, "why": self.why, "reasons": self.reasons, "notices": self.notices}


def folders_in(dropped: Path) -> list[Path]:
    """The product folders of what was dropped: itself, or those in it; ``X--2`` comes after ``X``."""
    if (dropped / PRODUCT_FILE).is_file():
        return [dropped]

    def place(path: Path) -> tuple[str, int]:
        stem, _, number = path.name.rpartition("--")
        return (stem, int(number)) if stem and number.isascii() and number.isdigit() else (path.name, 0)

    return sorted((one for one in dropped.iterdir() if one.is_dir() and not one.name.startswith(".")), key=place)


class Broken(Exception):
    """A folder that cannot be read further."""


@dataclass(frozen=True)
class Picture:
    """A cover as it is kept: its name and its bytes."""

    name: str
    data: bytes = field(repr=False)


def upload_folder(
    tx: Transaction, folder: Path, shop: Shop, *, folded: dict[str, str], models: dict[str, Any],
    keep: Callable[[str, bytes], str],
) -> Taken:
    """Take one folder, or refuse it; then nothing has changed.

    Shape: ``folded`` and ``models``: the folder names and price models of this upload so far (K3, K16); ``keep`` stores a
           picture and tells its address.
    """
    seeded(tx, shop.now)
    reading = Folder(tx, folder, shop)
    name = folder.name
    key = unicodedata.normalize("NFC", name).casefold()
    if key in folded:
        reading.faults.append(f'K3: the same folder name as "{folded[key]}", letter case aside')
    folded.setdefault(key, name)
    if shop.struck(name):
        reading.faults.append("refused by a fault that was set")
    try:
        reading.check(models)
    except Broken as exc:
        reading.faults.append(str(exc))
    except OSError as exc:
        reading.faults.append(f"K2: a file cannot be read: {exc.strerror or exc}")
    if reading.faults:
        return Taken(name, "refused", reading.faults, reading.notices, title=reading.title)
    return reading.taken(models, keep)


class Folder:
    """One product folder while it is read."""

    def __init__(self, tx: Transaction, path: Path, shop: Shop) -> None:
        self.tx = tx
        self.path = path
        self.shop = shop
        self.faults: list[str] = []
        self.notices: list[str] = []
        self.title = ""
        self.old: dict[str, Any] | None = None
        self.kind: int | None = None
        self.contents: list[dict[str, Any]] = []
        self.pictures: dict[str, Picture] = {}
        self.used: set[str] = set()

    def say(self, wrong: object, fault: str) -> None:
        if wrong:
            self.faults.append(fault)

    # Checks.

    def check(self, models: Mapping[str, Any]) -> None:
        """Note all that is wrong. Raises Broken when there is nothing more to look at."""
        document = self._document()
        user = self._part(document, "user")
        self.say(not all(is_text(user.get(name)) and user[name] for name in MEMBERS["user"]),
                 "user has no email and password")
        self.files, options = self._part(document, "files"), self._part(document, "options", optional=True)
        self.product = self._part(document, "product")
        self.top_price = document.get("price")
        if is_text(self.product.get("title")):
            self.title = str(self.product["title"])
        self._identity()
        self._files()
        self._options(options)
        self.faults += part_faults(self.tx, self.product, self.kind, batch=True)
        for price in self._models():
            self._price(price, models)
        left = sorted(there for there in self._everything() if there not in self.used)
        if left:
            self.notices.append(f"nobody names {', '.join(left[:5])}{' and others' if len(left) > 5 else ''}")

    def _document(self) -> dict[str, Any]:
        named = [there for there in self._everything(folders=True) if there.rpartition("/")[2].casefold() == PRODUCT_FILE]
        if PRODUCT_FILE not in named:
            inside = f", but {sorted(named)[0]}" if named else ""
            raise Broken(f"K1: there is no product.json at the top of the folder{inside}")
        if len(named) > 1:
            raise Broken(f"K1: there is more than one product.json: {', '.join(sorted(named))}")
        if not (self.path / PRODUCT_FILE).is_file():
            raise Broken("K1: product.json is no file")
        if (self.path / PRODUCT_FILE).stat().st_size > MOST_JSON_BYTES:
            raise Broken(f"K1: product.json is larger than {MOST_JSON_BYTES} bytes")
        data = (self.path / PRODUCT_FILE).read_bytes()
        if data.startswith(b"\xef\xbb\xbf"):
            raise Broken("K1: product.json begins with a byte order mark")
        try:
            document = read_json(data)
        except BadJson as exc:
            raise Broken(f"K1: product.json is no strict JSON: {exc}") from exc
        if not isinstance(document, dict):
            raise Broken("K1: product.json holds no object")
        self._strange(document, "")
        self.used.add(PRODUCT_FILE)
        return document

    def _part(self, document: Mapping[str, Any], name: str, *, optional: bool = False) -> dict[str, Any]:
        part = document.get(name, {} if optional else None)
        if not isinstance(part, dict):
            raise Broken(f"K1: product.json has no object {name}")
        self._strange(part, name)
        return part

    def _strange(self, part: Mapping[str, Any], name: str) -> None:
        strange = sorted(set(part) - set(MEMBERS[name]))
        self.say(strange, f"there is no member {', '.join(f'{name}.{one}' if name else one for one in strange)}")

    def _identity(self) -> None:
        """A create, or an update of which product; of which type it is."""
        kind = self.product.get("product_type")
        if "id" in self.product:
            number = self.product["id"]
            if isinstance(number, bool) or not isinstance(number, int):
                raise Broken("K7: product.id is no whole number; an update names the short id")
            self.old = self.tx.flickrocket_thing("products", number)
            if self.old is None:
                raise Broken(f"K7: there is no product {number}")
            self.kind = self.old.get("product_type", ANY_FILE)
            self.say(kind is not None and kind != self.kind,
                     f"K8: product_type is {kind!r}, and product {number} was made as {self.kind}, which never changes")
            self.say(self.kind not in UPLOADED, f"K4: product {number} has no content (type {self.kind})")
            self.title = self.title or str(self.old.get("title", ""))
            return
        if isinstance(kind, bool) or kind not in UPLOADED:
            self.say(True, "K6: product_type is missing" if kind is None else f"K4: product_type {kind!r} cannot be uploaded")
        else:
            self.kind = int(kind)
        self.say(not self.product.get("title"), "K6: title is missing")
        self.say(not self.files.get("main"), "K6: files.main is missing")
        self.say(not self.product.get("locales"), "K6: there is no locale")

    def _files(self) -> None:
        for slot, kind in zip(SLOTS, (MAIN, FLUX_DVD, PREVIEW), strict=True):
            value = self.files.get(slot, "")
            if value == "":
                continue
            found = self._found(f"files.{slot}", value, folder=slot == "main" and self.kind in (5, 24, 29))
            if found is None:
                continue
            faults = self._main(found, str(value)) if slot == "main" else self._content(found, preview=slot == "preview")
            self.contents.append({
                "valid": not faults, "content_type": kind, "download_url": "", "file_name": found.name,
                "bytes": sum(one.stat().st_size for one in self._inside(found)), "fault": "; ".join(faults),
            })
        pictures = self.files.get("pictures", [])
        self.say(not isinstance(pictures, list), "K2: files.pictures is no list")
        for index, value in enumerate(pictures if isinstance(pictures, list) else []):
            self._picture(f"files.pictures.{index}", value)
        covers = self.files.get("product_picture", [])
        self.say(not isinstance(covers, list), "K9: files.product_picture is no list")
        seen = set()
        for index, cover in enumerate(covers if isinstance(covers, list) else []):
            at = f"files.product_picture.{index}"
            if not isinstance(cover, dict) or set(cover) != {"language_id", "picture"}:
                self.say(True, f"K9: {at} has not just language_id and picture")
                continue
            language = cover["language_id"]
            self.say(language not in LANGUAGES, f"K9: {at}.language_id {language!r} is not one of {', '.join(LANGUAGES)}")
            self.say(language in seen, f"K9: there are two covers in {language}")
            seen.add(str(language))
            picture = self._picture(f"{at}.picture", cover["picture"])
            if picture is not None:
                self.pictures[str(language)] = picture

    def _found(self, at: str, value: object, *, folder: bool = False) -> Path | None:
        """The file that a path names, in exactly its letter case and inside the folder."""
        if not is_text(value) or not isinstance(value, str) or not value:
            self.say(True, f"K2: {at} is no path")
            return None
        parts = value.split("/")
        if "\\" in value or "\x00" in value or DRIVE.match(value) or any(part in ("", ".", "..") for part in parts):
            self.say(True, f'K2: {at} "{value}" is no path relative to the folder')
            return None
        path = self.path
        for part in parts:
            if not path.is_dir() or part not in os.listdir(path):
                self.say(True, f'K2: {at} names no file of this letter case: "{value}"')
                return None
            path = path / part
            if path.is_symlink():
                self.say(True, f'K2: {at} goes over a link: "{value}"')
                return None
        if path.is_dir() and not folder:
            self.say(True, f'K2: {at} names a folder: "{value}"')
            return None
        if not path.is_dir() and not path.is_file():
            self.say(True, f'K2: {at} names no plain file: "{value}"')
            return None
        self.used.update(one.relative_to(self.path).as_posix() for one in self._inside(path))
        return path

    def _inside(self, path: Path) -> Iterator[Path]:
        if path.is_dir():
            yield from (one for one in sorted(path.rglob("*")) if one.is_file() and not one.is_symlink())
        else:
            yield path

    def _main(self, path: Path, value: str) -> list[str]:
        """What is wrong inside the main content; a wrong kind of file is a fault of the folder (K5)."""
        kind = self.kind or 0
        if path.is_dir():
            names = [one.name for one in self._inside(path) if one.name.casefold() not in LITTER]
            tracks = [name for name in names if Path(name).suffix.lower() in AUDIO]
            if kind in (5, 24):
                self.say(not tracks, f'K5: the folder "{value}" holds no tracks')
                self.say(len(tracks) < len(names), f'K5: the folder "{value}" holds other files than tracks')
                human = sorted(tracks, key=lambda name: [
                    (0, int(part), "") if part.isdigit() else (1, 0, part.casefold())
                    for part in re.findall(r"[0-9]+|[^0-9]+", name)])
                if human != sorted(tracks):
                    self.notices.append(f"K20: the tracks play in this order: {', '.join(sorted(tracks)[:5])} …")
            return [f"{one.name} {fault}" for one in self._inside(path)
                    if one.name.casefold() not in LITTER and (fault := content_fault(one, kind))]
        ending = path.suffix.lower()
        if kind in ENDINGS and ending not in ENDINGS[kind]:
            # A file of another kind does not convert a product that is there (K8).
            self.say(True, f'{"K8" if self.old else "K5"}: type {kind} ({UPLOADED[kind]}) takes '
                     f'{" or ".join(ENDINGS[kind])}, not "{path.name}"')
            return []
        if kind == 1 and ending == ".ifo":
            self.used.update(one.relative_to(self.path).as_posix() for one in self._inside(path.parent))
        fault = content_fault(path, kind)
        return [f"{path.name} {fault}"] if fault else []

    def _content(self, path: Path, *, preview: bool) -> list[str]:
        return [] if path.stat().st_size else [f"{path.name} is empty"]

    def _picture(self, at: str, value: object) -> Picture | None:
        path = self._found(at, value)
        if path is None:
            return None
        with path.open("rb") as file:
            data = file.read(MOST_PICTURE_BYTES + 1)
        ending = picture_ending(data)
        if not ending or len(data) > MOST_PICTURE_BYTES:
            self.notices.append(f"{at}: {path.name} is no picture that can be shown")
            return None
        return Picture(hashlib.sha256(data).hexdigest() + ending, data)

    def _options(self, options: Mapping[str, Any]) -> None:
        for flag in FLAGS:
            self.say(flag in options and not isinstance(options[flag], bool), f"K11: options.{flag} is no boolean")
        audio_type = options.get("flux_package_audio_type", "music")
        self.say(not is_text(audio_type) or not audio_type, "options.flux_package_audio_type is no text")
        slots = options.get("files", {})
        if not isinstance(slots, dict) or set(slots) - set(SLOTS):
            self.say(True, f"K10: options.files holds not just {', '.join(SLOTS)}")
            return
        for slot in SLOTS:
            value = slots.get(slot, "none")
            given = bool(self.files.get(slot))
            if value not in ("replace", "none"):
                self.say(True, f"K10: options.files.{slot} is {value!r}, not replace or none")
            elif (value == "replace") is not given:
                self.say(True, f"K10: options.files.{slot} is {value}, and files.{slot} "
                         + ("names a file" if given else "names none"))

    def _models(self) -> list[Any]:
        """The price models of the file, wherever they stand."""
        bindings = self.product.get("price_license_binding")
        within = [one["price"] for one in bindings if isinstance(one, dict) and "price" in one] if isinstance(
            bindings, list) else []
        return [one for one in (self.top_price, self.product.get("price")) if one is not None] + within

    def _price(self, price: Any, models: Mapping[str, Any]) -> None:
        if not isinstance(price, dict) or set(price) != {"title", "currencies"} or not is_text(price["title"]) or not (
            price["title"].strip()
        ):
            self.say(True, "a price model has not just a title and currencies")
            return
        title, currencies = price["title"], price["currencies"]
        if not isinstance(currencies, list) or not currencies or not all(
            isinstance(one, dict) and set(one) == {"currency", "price"} for one in currencies
        ):
            self.say(True, f'price model "{title}": currencies is no list of currency and price')
            return
        for one in currencies:
            cents, currency = one["price"], one["currency"]
            self.say(isinstance(cents, bool) or not isinstance(cents, int) or cents < 0,
                     f'K13: price model "{title}": {cents!r} are no whole cents')
            self.say(not is_text(currency) or not CURRENCY.fullmatch(currency),
                     f'K14: price model "{title}": {currency!r} is no currency in lower case')
        names = [one["currency"] for one in currencies]
        self.say(len(set(map(str, names))) < len(names), f'K16: price model "{title}" has a currency twice')
        if not {"eur", "usd"} & set(map(str, names)):
            self.notices.append(f'K15: price model "{title}" has neither EUR nor USD')
        self.say(title in models and models[title] != amounts(price),
                 f'K16: price model "{title}" had other amounts in this upload')
        there = self._model(title)
        if there is not None and amounts(there) != amounts(price) and title not in models:
            self.notices.append(f'price model "{title}" was there, and its amounts stay')

    def _model(self, title: str) -> dict[str, Any] | None:
        return next((one for one in self.tx.flickrocket_things("prices") if one.get("title") == title), None)

    def _everything(self, *, folders: bool = False) -> list[str]:
        """Every file of the folder, litter of desktops left out."""
        return [one.relative_to(self.path).as_posix() for one in self.path.rglob("*")
                if (folders or not one.is_dir()) and one.name.casefold() not in LITTER and not one.name.startswith("._")]

    # Taking.

    def taken(self, models: dict[str, Any], keep: Callable[[str, bytes], str]) -> Taken:
        """Make or update the product."""
        now = self.shop.now
        number = self.old["id"] if self.old else self.tx.next_number("products", max(
            FIRST_ID - 1, *(int(one["id"]) for one in self.tx.flickrocket_things("products")), 0))
        product = new_product(number, int(self.kind or 0)) | (self.old or {})
        part = dict(self.product)
        for price in self._models():
            models[price["title"]] = amounts(price)
            self._made(price)
        beside = self.product.get("price") or self.top_price
        if "price_license_binding" in part:
            part["price_license_binding"] = [self._bound(one, beside) for one in part["price_license_binding"]]
        elif beside and product["price_license_binding"]:
            part["price_license_binding"] = [self._bound({**one, "price_id": None}, beside)
                                             for one in product["price_license_binding"]]
        put_part(product, part, PART, now)
        if product["product_type"] in NO_DRM:
            product["drm_protected"] = False
        for language, picture in self.pictures.items():
            address = keep(picture.name, picture.data)
            texts = next((one for one in product["locales"] if one.get("language_id") == language), None)
            if texts is None:
                texts = {"language_id": language, "title": product["title"], "description": "", "version": product["version"]}
                product["locales"] = [*product["locales"], texts]
            texts["src"] = address
        for content in self.contents:
            kinds = PREVIEWS if content["content_type"] == PREVIEW else {content["content_type"]}
            product["content_files"] = [
                one for one in product["content_files"] if one.get("content_type") not in kinds] + [content]
        store_product(self.tx, product, now)
        self.shop.product_event(self.tx, "update" if self.old else "create", product)
        prices, licences = ({one["id"]: one for one in self.tx.flickrocket_things(name)} for name in ("prices", "licenses"))
        self.notices += [f"content: {one['fault']}" for one in self.contents if one["fault"]]
        return Taken(self.path.name, "updated" if self.old else "created", [], self.notices, number,
                     product["product_id"], product["title"], why_not_live(product, prices, licences))

    def _made(self, price: Mapping[str, Any]) -> None:
        """Make a price model, unless there is one with its title."""
        if self._model(price["title"]) is None:
            above = max((int(one["id"]) for one in self.tx.flickrocket_things("prices")), default=0)
            at = gmt(self.shop.now)
            self.tx.keep_flickrocket("prices", {
                "id": self.tx.next_number("prices", above), "title": price["title"], "valid": 1, "created_at": at,
                "modified_at": at, "currencies": price["currencies"], "countries": [],
            }, self.shop.now)

    def _bound(self, binding: Mapping[str, Any], beside: Mapping[str, Any] | None) -> dict[str, Any]:
        """A binding with the id of its price model in the model's place."""
        bound = {name: value for name, value in binding.items() if name != "price"}
        model = binding.get("price") or (beside if bound.get("price_id") is None else None)
        found = self._model(model["title"]) if model else None
        return bound | ({"price_id": found["id"]} if found else {})


def amounts(price: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A price model's amounts, in a fixed order."""
    currencies: Sequence[Mapping[str, Any]] = price["currencies"]
    return sorted(((str(one["currency"]), one["price"]) for one in currencies), key=str)
