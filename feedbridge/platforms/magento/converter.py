"""One canonical product to its entries of the request's map.

The usual product is built and screened in one pass; only when the screen finds anything unusual do
the rules look, and say precisely what and where.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from feedbridge.findings import Severity, cut
from feedbridge.platforms.base import BY_PATH, Outcome
from feedbridge.platforms.magento import custom_options, images
from feedbridge.platforms.magento.amounts import PlainAmounts
from feedbridge.platforms.magento.draft import Draft, Item, draft, is_whole_number
from feedbridge.platforms.magento.payload import ImageSource, LightConfigurable, LightImageSource, LightSimple
from feedbridge.platforms.magento.rules import (
    MAX_ID_CHARS,
    MAX_NAME_CHARS,
    categories_have_ids,
    check,
    document_is_a_map,
    id_is_the_stores,
    is_category_number,
    parent_is_left_out,
    price_is_there,
)
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.platforms.magento.tier_prices import tier_entries
from feedbridge.product import Product, Status
from feedbridge.rules import Found, Problem

__all__ = ["MagentoConverter"]

CACHED = 20_000
ACTIVE = Status.ACTIVE
FLAGS = {"0": 0, "1": 1}


class MagentoConverter:
    """Canonical products to ``"<id>":{…},"<id>":{…}``, UTF-8, compact. Knows nothing from one product to the next
    but texts it has made before."""

    def __init__(self, settings: MagentoSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._amounts = PlainAmounts()
        self._categories: dict[tuple[str, ...], str] = {}
        self._claims: dict[str | None, tuple[tuple[str, str], ...]] = {None: ()}
        self._encode = msgspec.json.Encoder(decimal_format="number").encode
        self._odd = False
        self._by_path = False
        self._to_category_id = settings.category_field != "category_ids"
        self._to_category_ids = settings.category_field != "category_id"

    def convert(self, product: Product, folder: Path | None) -> Outcome:
        """The product's entries, or what holds them back. Never raises for anything in a product."""
        try:
            return self._convert(product)
        except UnicodeEncodeError as exc:
            readable = str(exc.object).encode("utf-8", "backslashreplace").decode()
            field = "title" if str(exc.object).startswith(product.title) else ""
            message = "half of a character pair (a lone surrogate) is no text a request can carry"
            return Outcome(problems=[Found(document_is_a_map, Problem(field, message, cut(readable)))])

    def _convert(self, product: Product) -> Outcome:
        made = draft(product, self._settings)
        amounts = self._amounts
        self._odd = self._by_path = amounts.odd = False
        currency = self._screen_currency(made)
        entries = self._entries(product, made)
        keys = tuple([item.id for item in made.written])
        if len(keys) > 1 and len({key.casefold() for key in keys}) != len(keys):
            self._odd = True

        problems: list[Found] = []
        if self._odd or amounts.odd or made.parent is not None:
            problems = check(product, made, self._settings)
            for found in problems:
                if found.rule.severity is Severity.ERROR:
                    return Outcome(keys=keys, entries=len(keys), problems=problems)

        encode = self._encode
        parts = [
            b'"%b":%b' % (key.encode(), encode(entry)) if type(entry.id) is int else encode(key) + b":" + encode(entry)
            for key, entry in zip(keys, entries, strict=True)
        ]
        claims = self._claims.get(currency) if self._settings.currency is None else ()
        if claims is None:
            claims = self._claims[currency] = (("currency", currency or ""),)
        return Outcome(
            body=parts[0] if len(parts) == 1 else b",".join(parts), keys=keys, claims=claims, entries=len(parts),
            problems=problems, notes=self._notes(product, made),
        )

    def _entries(self, product: Product, made: Draft) -> list[Any]:
        """The payload objects; notes in ``_odd`` whether a rule may have something to say of them."""
        settings = self._settings
        categories = self._category_text(product)
        category_id = categories if self._to_category_id else None
        category_ids = categories if self._to_category_ids else None
        pictures = self._pictures(product.images) if product.images else []
        options = None
        if product.custom_options is not None:
            options = custom_options.option_entries(product.custom_options)
            if not custom_options.is_plain(product.custom_options, self._amounts):
                self._odd = True
        active = product.status == ACTIVE
        designer = settings.enable_product_designer
        if product.attributes:
            designer = self._designer(product, designer)

        entries = []
        amounts = self._amounts
        for item in made.items:
            price, sale = item.price, item.sale_price
            special = ""
            if sale is not None:
                special = amounts[sale.amount]
                if not sale.amount or (price is not None and sale.amount >= price.amount):
                    self._odd = True
            tiers = None
            if item.tier_prices:
                tiers, odd = tier_entries(item, amounts)
                self._odd |= odd
            own_pictures, own_designer, own_active = pictures, designer, active
            if item.index >= 0:
                variant = item.source
                own_active = active and variant.status == ACTIVE
                if variant.image is not None:
                    own_pictures = self._pictures((variant.image, *product.images))
                if variant.attributes:
                    own_designer = self._designer(variant, designer)
            entries.append(LightSimple(
                id=self._id(item), name=item.name, price=None if price is None else amounts[price.amount],
                special_price=special, category_id=category_id, category_ids=category_ids,
                status=1 if own_active else 0, enable_product_designer=own_designer, tier_price=tiers,
                images=own_pictures or None, type="simple", custom_options=options,
            ))
        if made.parent is not None:
            parent = made.parent
            entries.insert(0, LightConfigurable(  # type: ignore[arg-type]  # the list holds both kinds
                id=self._id(parent), name=parent.name, category_id=category_id, category_ids=category_ids,
                status=1 if active else 0, enable_product_designer=designer, images=pictures or None,
                type="configurable",
            ))
        return entries

    def _id(self, item: Item) -> int | str:
        text, name = item.id, item.name
        if len(name) > MAX_NAME_CHARS or not name.strip():
            self._odd = True
        if is_whole_number(text):
            return int(text)
        if len(text) > MAX_ID_CHARS or not text or text.strip() != text:
            self._odd = True
        return text

    def _category_text(self, product: Product) -> str | None:
        ids = product.category_ids.get("magento") if product.category_ids else None
        if not ids:
            return None
        text = self._categories.get(ids)
        if text is None:
            text = ",".join(ids)
            if len(set(ids)) == len(ids) and all([is_category_number(part) for part in ids]):
                if len(self._categories) >= CACHED:
                    self._categories.clear()
                self._categories[ids] = text
            else:
                self._odd = True
        return text

    def _pictures(self, sources: Any) -> list[ImageSource]:
        pictures: dict[str, ImageSource] = {}
        for image in sources:
            src = image.src
            if not images.is_plain(src):
                self._odd = True
                if not images.is_usable(src):
                    continue
            if src[:4].lower() != "http":
                self._by_path = True
            if src not in pictures:
                pictures[src] = LightImageSource(src=src)
        return list(pictures.values())

    def _designer(self, source: Any, otherwise: int) -> int:
        text = source.attributes.get("enable_product_designer")
        if text is None:
            return otherwise
        flag = FLAGS.get(text)
        if flag is None:
            self._odd = True
            return otherwise
        return flag

    def _screen_currency(self, made: Draft) -> str | None:
        """The currency of a product's prices; None when it has none."""
        currency = self._settings.currency
        for item in made.items:
            price, sale = item.price, item.sale_price
            if price is not None:
                if currency is None:
                    currency = price.currency
                elif price.currency != currency:
                    self._odd = True
            if sale is not None:
                if currency is None:
                    currency = sale.currency
                elif sale.currency != currency:
                    self._odd = True
            for tier in item.tier_prices:
                if tier.price is not None and tier.customer_group is None and tier.website is None:
                    if currency is None:
                        currency = tier.price.currency
                    elif tier.price.currency != currency:
                        self._odd = True
        return currency

    def _notes(self, product: Product, made: Draft) -> tuple[str, ...]:
        """What is usual in many feeds, and so is said once a run instead of once a product."""
        notes: tuple[str, ...] = ()
        if product.categories and not product.category_ids.get("magento"):
            notes = (categories_have_ids.number,)
        if not self._settings.sku_as_id:
            for item in made.written:
                if not item.own_id:
                    notes += (id_is_the_stores.number,)
                    break
        if product.status == ACTIVE and any([item.price is None for item in made.items]):
            notes += (price_is_there.number,)
        if product.variants and made.parent is None:
            notes += (parent_is_left_out.number,)
        if self._by_path:
            notes += (BY_PATH,)
        return notes

