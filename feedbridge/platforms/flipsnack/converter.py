"""One canonical product to one Flipsnack product object, encoded once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

import msgspec

from feedbridge.findings import Severity
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.flipsnack.held import A4, F9
from feedbridge.platforms.flipsnack.payload import (
    LightAreaElement,
    LightAttribute,
    LightCustomizable,
    LightProduct,
    LightPurchasable,
    LightShopButton,
    LightVariant,
    LightVariantAttribute,
    LightWebsite,
)
from feedbridge.platforms.flipsnack.plain import SLOTS, PlainJson
from feedbridge.platforms.flipsnack.rules import F14, S1, S6, examine, main_image, numbers_at_fault
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.flipsnack.signing import request_overhead, source_hash
from feedbridge.product import Money, Product, Status
from feedbridge.rules import Found, Problem

__all__ = ["FlipsnackConverter"]

ACTIVE = Status.ACTIVE
_NOT_ASCII = re.compile(r"[^\x00-\x7e]+")
"""DEL is ASCII, but escaped all the same, as the standard library's JSON encoder does."""
_FURTHER_PICTURES = (S6.number,)
"""Said once a run, not once a product: nearly every product has several pictures."""
_CACHED_TEXTS = 10_000
_CACHED_TEXT_CHARS = 16


class _Escapes(dict[str, str]):
    """A run of characters beyond ASCII as JSON escapes, astral ones as surrogate pairs; short runs are remembered."""

    def __missing__(self, run: str) -> str:
        escaped = encode_basestring_ascii(run)[1:-1]
        if len(run) <= _CACHED_TEXT_CHARS:
            if len(self) >= _CACHED_TEXTS:
                self.clear()
            self[run] = escaped
        return escaped


class FlipsnackConverter:
    """Light products to outcomes. Raises CommandError when made with an unusable sourceHash."""

    def __init__(self, settings: FlipsnackSettings, environment: Mapping[str, str]) -> None:
        source_hash(settings)  # a wrong one must stop ``check`` as it stops ``convert``
        self._settings = settings
        self._encode = msgspec.json.Encoder().encode
        self._plain = PlainJson(settings)
        self._digits = self._plain.digits
        self._escapes = _Escapes()
        self._pictures_told = settings.further_images != "ignore"
        self._most_bytes = settings.batch_bytes - request_overhead(settings) - len("[]")

    def convert(self, product: Product, folder: Path | None) -> Outcome:
        """The product's JSON object and what the rules say of it; never raises for anything in a product."""
        settings = self._settings
        if product.status is not ACTIVE and product.status != ACTIVE and settings.drafts == "exclude":
            problem = S1.check(product, None, settings)  # type: ignore[misc]  # S1 has a check
            return Outcome(excluded=problem.value, problems=[Found(S1, problem)])
        problems: list[Found] = []
        notes: tuple[str, ...] = ()
        try:
            plain = self._plain.write(product)
            if plain is not None:
                text, keys = plain
                body = text.encode("ascii")
                if self._pictures_told and len(product.images) > 1:
                    notes = _FURTHER_PICTURES
            else:
                problems = examine(product, settings)
                if problems and problems[-1].rule is S6:
                    problems, notes = [found for found in problems if found.rule is not S6], _FURTHER_PICTURES
                for found in problems:
                    if found.rule.severity is Severity.ERROR:
                        return Outcome(problems=problems)
                body = self.payload_json(product)
                keys = (product.sku, *[variant.sku for variant in product.variants])
        except (ArithmeticError, ValueError) as exc:
            return Outcome(problems=problems + self._unwritable(product, exc))
        if len(body) > self._most_bytes:
            cause = Problem(
                "", f"the product alone needs {len(body):,} bytes; a call has room for {self._most_bytes:,}",
                mend="shorten the product's texts or split its variants over several products",
            )
            return Outcome(problems=[*problems, Found(F9, cause)])
        return Outcome(body=body, keys=keys, problems=problems, notes=notes)

    def payload_json(self, product: Product) -> bytes:
        """The JSON object of any product that broke no rule, by way of its payload. Raises ValueError for what
        cannot be encoded."""
        body = self._encode(self._payload(product))
        if body.isascii() and b"\x7f" not in body:
            return body
        return _NOT_ASCII.sub(self._escape, body.decode()).encode("ascii")

    def _unwritable(self, product: Product, cause: Exception) -> list[Found]:
        """What is wrong with a product that could not be examined or encoded.

        NaN cannot be compared (ArithmeticError), half a surrogate pair cannot be encoded (UnicodeEncodeError,
        a ValueError). The compiled mapping lets neither through; a product made by hand may hold them.
        """
        if isinstance(cause, UnicodeEncodeError):
            place, text = _field_of(product, cause.object), ascii(cause.object)
            return [Found(A4, Problem(place, "half of a surrogate pair is no character", text))]
        return numbers_at_fault(product, self._settings) or [Found(F14, Problem("", f"cannot be written: {cause}"))]

    def _escape(self, run: re.Match[str]) -> str:
        return self._escapes[run.group()]

    def _payload(self, product: Product) -> Any:
        """The light payload of a product that broke no rule."""
        price, sale, images = product.price, product.sale_price, product.images
        image = None
        if images:
            image = images[0] if len(images) == 1 else main_image(product)[1]
        if price is None:
            price, sale = _lowest(product)
        payload = LightProduct(
            type=self._settings.item_type,
            code=product.sku,
            title=product.title or None,
            description=product.description or None,
            image_link=image.src if image is not None else None,
        )
        light: Any = payload
        if price is not None:
            light.sell_price = self._number(price.amount)
            light.currency = price.currency
            if sale is not None and sale.amount < price.amount:
                light.discount_price = self._number(sale.amount)
        if product.options:
            light.attribute = self._attribute(product)
        if product.variants:
            light.variants = self._variants(product)
        if product.quantity_min is not None or product.quantity_max is not None:
            light.purchasable_qty = LightPurchasable(
                min=self._number(product.quantity_min), max=self._number(product.quantity_max),
            )
        if product.presentation is not None:
            self._present(product.presentation, light)
        if product.personalisation is not None:
            light.customizable_product = self._customize(product.personalisation)
        return payload

    def _number(self, number: Any) -> Any:
        return None if number is None else msgspec.Raw(self._digits[number].encode())

    def _attribute(self, product: Product) -> Any:
        """Names and joined values of the options; values only variants have follow the listed ones."""
        members: dict[str, str | None] = {}
        for slot, (option, (name, options)) in enumerate(zip(product.options, SLOTS, strict=False)):
            values = dict.fromkeys(option.values)
            for variant in product.variants:
                values[variant.option_values[slot]] = None
            members[name] = option.name
            members[options] = self._settings.option_delimiter.join(values) or None
        return LightAttribute(**members)

    def _variants(self, product: Product) -> list[Any]:
        digits, code = self._number, product.sku
        shared_price, shared_sale = product.price, product.sale_price
        variants = []
        for variant in product.variants:
            values = variant.option_values
            chosen: Any = LightVariantAttribute(options1=values[0])
            if len(values) > 1:
                chosen.options2 = values[1]
                if len(values) > 2:
                    chosen.options3 = values[2]
            price, sale = variant.price, variant.sale_price
            if price is None:
                price = shared_price
                if sale is None:
                    sale = shared_sale
            variants.append(LightVariant(
                code=variant.sku,
                parent_code=code,
                image_link=variant.image.src if variant.image is not None else None,
                visible=variant.status == "active",
                attribute=chosen,
                price=digits(price.amount) if price is not None else None,
                discount_price=digits(sale.amount)
                if sale is not None and price is not None and sale.amount < price.amount
                else None,
            ))
        return variants

    def _present(self, shown: Any, light: Any) -> None:
        """The members that say how the catalogue shows the product; what is empty is left out."""
        if shown.item_type is not None:
            light.type = shown.item_type
        light.quantity = shown.quantity_selector
        light.image_attribute = shown.image_option or None
        light.shop_element = shown.element or None
        area, button, link = shown.area, shown.button, shown.link
        if area is not None and (area.tooltip or area.color or area.opacity is not None):
            light.area_element = LightAreaElement(
                tooltip=area.tooltip or None, color=area.color or None, opacity=self._number(area.opacity),
            )
        if button is not None and (button.color or button.label or button.label_color):
            light.shop_button = LightShopButton(
                color=button.color or None, label=button.label or None, label_color=button.label_color or None,
            )
        if link is not None:
            light.website = LightWebsite(
                button=link.shown, button_label=link.label or None, link=link.url or None,
            )

    def _customize(self, made: Any) -> Any:
        return LightCustomizable(
            product=True,
            instructions=made.instructions or None,
            flat_fee=self._number(made.flat_fee),
            per_character=self._number(made.per_character),
            character_length=self._number(made.character_length),
            mandatory=made.mandatory,
        )


def _lowest(product: Product) -> tuple[Money | None, Money | None]:
    """The lowest regular price among the variants, with the reduced price of the variant that has it."""
    priced = [variant for variant in product.variants if variant.price is not None]
    if not priced:
        return None, None
    cheapest = min(priced, key=lambda variant: variant.price.amount)  # type: ignore[union-attr]  # priced ones only
    return cheapest.price, cheapest.sale_price


def _field_of(product: Product, text: str) -> str:
    """The field that holds a text; empty when it is none of the product's own."""
    return next((name for name in ("sku", "title", "description") if getattr(product, name) == text), "")
