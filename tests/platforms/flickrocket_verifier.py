"""Reads written batch-upload folders again and names every documented rule they break.

Shares no code with the writer: the standard library, the documentation's rules (K numbers), nothing else.
``verify(folder)`` gives sentences such as ``"BOOK-1: K2 files.main names no file"``; an empty list is a pass.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any

LANGUAGES = {"en", "de", "es", "it", "fr", "pt"}
TYPES = {1, 4, 5, 7, 9, 16, 23, 24, 27, 29, 30}
ENDINGS = {7: {".pdf"}, 16: {".epub"}, 9: {".mp4"}, 23: {".mp3", ".flac"}}
MEMBERS = {
    "": {"user", "files", "options", "product", "price"},
    "user": {"email", "password"},
    "files": {"main", "flux_dvd", "preview", "pictures", "product_picture"},
    "options": {
        "files",
        "add_content_to_uploader",
        "add_content_to_shop_owner",
        "send_mail_to_shop_owner",
        "flux_package_audio_type",
    },
    "product": {
        "id",
        "title",
        "version",
        "product_type",
        "drm_protected",
        "locales",
        "price_license_binding",
        "categories",
        "themes",
        "groups",
        "price",
    },
}
BINDING = {"license_id", "price_id", "price", "hd", "compare_price_id", "audio_type", "num_users"}


def verify(folder: Path) -> list[str]:
    """Everything wrong with a tree of product folders."""
    faults: list[str] = []
    folded: dict[str, str] = {}
    models: dict[str, Any] = {}
    for entry in sorted(os.listdir(folder)):
        if not (folder / entry).is_dir():
            faults.append(f"{entry}: K1 lies beside the product folders")
            continue
        key = unicodedata.normalize("NFC", entry).casefold()
        if key in folded:
            faults.append(f"{entry}: K3 the same folder as {folded[key]} but for letter case")
        folded[key] = entry
        faults += [f"{entry}: {fault}" for fault in _Folder(folder / entry, models).faults()]
    return faults


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a member stands twice")
    return dict(pairs)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


class _Folder:
    def __init__(self, path: Path, models: dict[str, Any]) -> None:
        self.path = path
        self.models = models
        self.found: list[str] = []
        self.used: set[str] = set()
        self.unused_roots: list[str] = []

    def faults(self) -> list[str]:
        listings = [
            str(path.relative_to(self.path)) for path in self.path.rglob("*") if path.name.lower() == "product.json"
        ]
        if listings != ["product.json"]:
            return [f"K1 product.json files: {listings}"]
        data = (self.path / "product.json").read_bytes()
        if data.startswith(b"\xef\xbb\xbf"):
            self.found.append("K1 starts with a byte order mark")
        try:
            text = data.decode("utf-8")
            file = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=Decimal)
        except ValueError as exc:
            return [*self.found, f"K1 no strict JSON: {exc}"]
        self._members(file)
        self._files(file)
        self._options(file)
        self._product(file)
        self._prices(file)
        self._leftovers()
        return self.found

    def _say(self, wrong: Any, text: str) -> None:
        if wrong:
            self.found.append(text)

    def _members(self, file: dict[str, Any]) -> None:
        for place, names in MEMBERS.items():
            part = file.get(place, {}) if place else file
            self._say(set(part) - names, f"K1 unknown members {sorted(set(part) - names)} in {place or 'the file'}")
        self._say(set(file.get("user", {})) != {"email", "password"}, "K1 user has not email and password")

    def _path(self, where: str, path: Any, *, folder_allowed: bool = False) -> None:
        if not isinstance(path, str) or not path:
            self.found.append(f"K2 {where} is no path")
            return
        parts = path.split("/")
        if path.startswith("/") or "\\" in path or ".." in parts or "" in parts or re.match("[A-Za-z]:", path):
            self.found.append(f"K2 {where} is not relative with /")
            return
        at = self.path
        for part in parts:
            if not at.is_dir() or part not in os.listdir(at):
                self.found.append(f"K2 {where} names no file of this letter case: {path}")
                return
            at = at / part
            self._say(at.is_symlink(), f"K2 {where} goes over a link")
        if at.is_dir():
            self._say(not folder_allowed, f"K2 {where} names a folder")
            self.used.update(str(inner.relative_to(self.path)) for inner in at.rglob("*"))
        else:
            self._say(at.stat().st_size == 0, f"K2 {where} is empty")
            self.used.add(path)
            if at.name.upper().endswith(".IFO"):
                self.used.update(str(inner.relative_to(self.path)) for inner in at.parent.iterdir())

    def _files(self, file: dict[str, Any]) -> None:
        files, product = file["files"], file["product"]
        number = product.get("product_type")
        updating = "id" in product
        if files.get("main"):
            self._path("files.main", files["main"], folder_allowed=number in (5, 24) or updating)
            self._main(files["main"], number)
        for slot in ("flux_dvd", "preview"):
            if files.get(slot):
                self._path(f"files.{slot}", files[slot])
        for index, path in enumerate(files.get("pictures", [])):
            self._path(f"files.pictures.{index}", path)
        languages = [cover["language_id"] for cover in files.get("product_picture", [])]
        self._say(len(set(languages)) < len(languages), "K9 two covers in one language")
        self._say(set(languages) - LANGUAGES, f"K9 cover languages {languages}")
        for cover in files.get("product_picture", []):
            self._say(set(cover) != {"language_id", "picture"}, "K9 a cover has other members")
            self._path("files.product_picture", cover["picture"])

    def _main(self, main: str, number: int | None) -> None:
        at = self.path / main
        if at.is_dir():
            names = os.listdir(at)
            self._say(not names, "K5 the folder of tracks is empty")
            self._say(
                [n for n in names if os.path.splitext(n)[1].lower() not in (".mp3", ".flac")],
                "K5 no track in the folder",
            )
            human = sorted(
                names,
                key=lambda name: [
                    (0, int(part), "") if part.isdigit() else (1, 0, part.casefold())
                    for part in re.findall(r"\d+|\D+", name)
                ],
            )
            self._say(human != sorted(names), "K20 the tracks do not sort into playing order")
        elif number in ENDINGS:
            self._say(os.path.splitext(main)[1].lower() not in ENDINGS[number], f"K5 {main} for type {number}")

    def _options(self, file: dict[str, Any]) -> None:
        options, files = file["options"], file["files"]
        self._say(set(options["files"]) != {"main", "flux_dvd", "preview"}, "K10 slots")
        for slot, value in options["files"].items():
            self._say(value not in ("replace", "none"), f"K10 options.files.{slot} is {value}")
            self._say((value == "replace") != bool(files.get(slot)), f"K10 options.files.{slot} does not fit its file")
        for flag in ("add_content_to_uploader", "add_content_to_shop_owner", "send_mail_to_shop_owner"):
            self._say(not isinstance(options.get(flag), bool), f"K11 {flag} is no boolean")

    def _product(self, file: dict[str, Any]) -> None:
        product = file["product"]
        locales = product.get("locales", [])
        if "id" in product:
            number = product["id"]
            self._say(
                isinstance(number, bool) or not isinstance(number, int) or number <= 0, "K7 id is no whole number"
            )
            self._say("product_type" in product, "K8 an update names a type")
        else:
            self._say(not product.get("title"), "K6 no title")
            self._say(not file["files"].get("main"), "K6 no main file")
            self._say(not locales, "K6 no locale")
            self._say(product.get("product_type") not in TYPES, f"K4 type {product.get('product_type')}")
            self._say(not isinstance(product.get("drm_protected"), bool), "K18 no drm_protected")
        if product.get("product_type") in (23, 24, 27):
            self._say(product.get("drm_protected") is not False, "K18 DRM on a type without")
        languages = [texts["language_id"] for texts in locales]
        self._say(set(languages) - LANGUAGES or len(set(languages)) < len(languages), f"K9 languages {languages}")
        for texts in locales:
            self._say(not texts.get("title"), "K6 a locale without title")
            self._say(set(texts) - {"language_id", "title", "description"}, "K9 a locale has other members")
        for name in ("locales", "price_license_binding", "categories", "themes", "groups"):
            self._say(name in product and not product[name], f"A6 {name} is empty")

    def _prices(self, file: dict[str, Any]) -> None:
        product = file["product"]
        for binding in product.get("price_license_binding", []):
            self._say(set(binding) - BINDING, "K12 unknown member in a binding")
            compare = binding.get("compare_price_id", "missing")
            self._say(compare is not None and not isinstance(compare, int), "K19 compare_price_id")
            self._say(not isinstance(binding.get("hd"), bool), "K19 hd")
            hd_allowed = product.get("product_type") == 9 or ("id" in product and "product_type" not in product)
            self._say(binding.get("hd") and not hd_allowed, "K19 hd on a product that is not Video HD")
            self._say(not isinstance(binding.get("license_id"), int), "K12 license_id")
            self._model(binding.get("price"))
        self._model(product.get("price"))
        self._model(file.get("price"))

    def _model(self, model: Any) -> None:
        if model is None:
            return
        self._say(not model.get("title"), "K16 a price model without title")
        for amount in model["currencies"]:
            self._say(type(amount["price"]) is not int or amount["price"] < 0, f"K13 {amount['price']} are no cents")
            self._say(not re.fullmatch("[a-z]{3}", amount["currency"]), f"K14 {amount['currency']}")
        amounts = {amount["currency"]: amount["price"] for amount in model["currencies"]}
        self._say(self.models.setdefault(model["title"], amounts) != amounts, f"K16 {model['title']} has two meanings")

    def _leftovers(self) -> None:
        there = {str(path.relative_to(self.path)) for path in self.path.rglob("*") if not path.is_dir()}
        self._say(
            there - self.used - {"product.json"},
            f"K2 files nobody names: {sorted(there - self.used - {'product.json'})}",
        )
