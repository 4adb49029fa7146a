"""The JSON of a plain product, put together in one pass, without asking the rules one by one.

Most products are plain: no rule but S6 has anything to say of them, and they use no presentation, personalisation
or quantity bounds. Asking rule by rule and encoding a payload costs four times as much.
"""

from __future__ import annotations

from codecs import utf_16_le_encode
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

from feedbridge.platforms.flipsnack.rules import MAX_DIGITS, MAX_OPTIONS, PICTURE_URL, is_number, main_image
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.product import Product, Status

__all__ = ["SLOTS", "Digits", "NotANumber", "PlainJson"]

SLOTS = (("name1", "options1"), ("name2", "options2"), ("name3", "options3"))
ACTIVE = Status.ACTIVE
CACHED_NUMBERS = 50_000
CACHED_TEXTS = 10_000


class NotANumber(ValueError):
    """A number of the product cannot be written as a JSON number."""


class Digits(dict[Any, str]):
    """The JSON number of an amount, as its decimal digits: 12.50 is 12.5, 1E+2 is 100. Equal amounts are one key."""

    def __missing__(self, number: Decimal | int) -> str:
        text = str(number)
        if len(text) > MAX_DIGITS or not text.replace(".", "", 1).isdigit():  # no usual amount
            if not is_number(number):
                raise NotANumber
            text = f"{number:f}" if isinstance(number, Decimal) else str(int(number))
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        if len(self) >= CACHED_NUMBERS:
            self.clear()
        digits = self[number] = text.lstrip("-")  # a zero may be signed
        return digits


class _Grid(NamedTuple):
    """Options as JSON members, and each variant's choice of them."""

    options: str
    choices: list[str]


UNKNOWN = _Grid("", [])


class PlainJson:
    """Writes plain products. Keeps what it made of texts that come back: options, choices, amounts."""

    def __init__(self, settings: FlipsnackSettings) -> None:
        self.digits = Digits()
        self._grids: dict[tuple[Any, ...], _Grid | None] = {}
        self._delimiter = settings.option_delimiter
        self._type = encode_basestring_ascii(settings.item_type)

    def write(self, product: Product) -> tuple[str, tuple[str, ...]] | None:
        """The product as JSON and its SKUs, its own first; None when it is not plain, or in doubt.

        The same bytes as encoding the payload of a product of which examine says nothing but S6: a property test
        compares them. Raises: NotANumber; ArithmeticError when an amount is NaN.
        """
        if (product.presentation is not None or product.personalisation is not None
                or product.quantity_min is not None or product.quantity_max is not None
                or (product.status is not ACTIVE and product.status != ACTIVE)):
            return None
        price, sale, options = product.price, product.sale_price, product.options
        if sale is not None and (
            price is None or sale.currency != price.currency or sale.amount > price.amount or not sale.amount
        ):
            return None
        quoted = encode_basestring_ascii
        code = quoted(product.sku)
        keys: tuple[str, ...] = (product.sku,)
        after = ""
        if options or product.variants:
            grid = self._grid(product)
            if grid is None:
                return None
            after = grid.options
            if product.variants:
                versions = self._versions(product, code, grid.choices)
                if versions is None:
                    return None
                members, keys, price, sale = versions
                after += members
        if price is None:
            return None
        title, description, images = product.title, product.description, product.images
        before = f'{{"type":{self._type},"code":{code}'
        if title:
            before += f',"title":{quoted(title)}'
        body = ""
        if description:
            if not description.isascii():
                try:
                    utf_16_le_encode(description)
                except UnicodeEncodeError:  # half of a surrogate pair
                    return None
            body = f',"description":{quoted(description)}'
        reduced = ""
        if images:
            image = images[0] if len(images) == 1 else main_image(product)[1]
            if image is not None:
                if not PICTURE_URL.fullmatch(image.src):
                    return None
                reduced = f',"image_link":{quoted(image.src)}'
        reduced += f',"sell_price":{self.digits[price.amount]},"currency":"{price.currency}"'
        if sale is not None and sale.amount < price.amount:
            reduced += f',"discount_price":{self.digits[sale.amount]}'
        if "\\ud" in before or "\\ud" in after or "\\ud" in reduced:  # beyond U+FFFF, or half of such a character
            return None
        return f"{before}{body}{reduced}{after}}}", keys

    def _grid(self, product: Product) -> _Grid | None:
        """Options and choices; the same ones come back in product after product."""
        key = (
            tuple([(option.name, option.values) for option in product.options]),
            tuple([variant.option_values for variant in product.variants]),
        )
        grid = self._grids.get(key, UNKNOWN)
        if grid is UNKNOWN:
            if len(self._grids) >= CACHED_TEXTS:
                self._grids.clear()
            grid = self._grids[key] = _grid(*key, self._delimiter)
        return grid

    def _versions(
        self, product: Product, code: str, choices: list[str]
    ) -> tuple[str, tuple[str, ...], Any, Any] | None:
        """The variants, all SKUs, and the price to show: the product's, else its lowest variant's."""
        price, sale, digits = product.price, product.sale_price, self.digits
        currency = price.currency if price is not None else None
        lowest, lowest_sale = price, sale
        made: list[str] = []
        keys = [product.sku]
        for variant, choice in zip(product.variants, choices, strict=True):
            own, reduced = variant.price, variant.sale_price
            if own is not None:
                if currency is None:
                    currency = own.currency
                elif own.currency != currency:
                    return None
                if reduced is not None and (
                    reduced.currency != currency or reduced.amount > own.amount or not reduced.amount
                ):
                    return None
                if price is None and (lowest is None or own.amount < lowest.amount):
                    lowest, lowest_sale = own, reduced
            elif price is None:
                return None
            elif reduced is None:
                own, reduced = price, sale
            else:
                own = price
                if reduced.currency != currency or reduced.amount > own.amount or not reduced.amount:
                    return None
            text = f'{{"code":{encode_basestring_ascii(variant.sku)},"parent_code":{code}'
            image = variant.image
            if image is not None:
                if not PICTURE_URL.fullmatch(image.src):
                    return None
                text += f',"image_link":{encode_basestring_ascii(image.src)}'
            visible = "true" if variant.status == ACTIVE else "false"
            text += f',"visible":{visible},{choice},"price":{digits[own.amount]}'
            if reduced is not None and reduced.amount < own.amount:
                text += f',"discount_price":{digits[reduced.amount]}'
            made.append(text + "}")
            keys.append(variant.sku)
        if len(set(keys)) < len(keys):
            return None
        return f',"variants":[{",".join(made)}]', tuple(keys), lowest, lowest_sale


def _grid(
    options: tuple[tuple[str, tuple[str, ...]], ...], rows: tuple[tuple[str, ...], ...], delimiter: str
) -> _Grid | None:
    """None when there are too many options, two of one name or none; when a value is missing, unknown to its option, or
    has the delimiter in it; when two variants are alike."""
    count = len(options)
    listed = [values for _, values in options]
    if not 1 <= count <= MAX_OPTIONS or len({name for name, _ in options}) < count or len(set(rows)) < len(rows):
        return None
    if any(delimiter in value for values in (*listed, *rows) for value in values):
        return None
    known = [frozenset(values) for values in listed]
    for row in rows:
        if len(row) != count or not all(row):
            return None
        if any(value not in own for value, own in zip(row, known, strict=True)):
            return None
    quoted = encode_basestring_ascii
    members = []
    for (name, values), (names, lists) in zip(options, SLOTS, strict=False):
        members.append(f'"{names}":{quoted(name)}')
        if values:
            members.append(f'"{lists}":{quoted(delimiter.join(dict.fromkeys(values)))}')
    choices = [
        ",".join([f'"{key}":{quoted(value)}' for (_, key), value in zip(SLOTS, row, strict=False)]) for row in rows
    ]
    return _Grid(f',"attribute":{{{",".join(members)}}}', [f'"attribute":{{{choice}}}' for choice in choices])
