"""Money: an amount and its currency."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field

from feedbridge.cells.base import CellError
from feedbridge.cells.caching import MOST_REMEMBERED
from feedbridge.cells.currency import CURRENCIES, CurrencyCode, minor_digits, signed_currencies
from feedbridge.cells.decimals import number_in
from feedbridge.cells.number import MarkedReader
from feedbridge.cells.plain import plain_text, quoted
from feedbridge.findings import Severity
from feedbridge.product import Money, light

__all__ = ["MoneyReader"]

LightMoney = light(Money)

_ORDINARY = {".": r"[0-9]{1,15}(?:\.[0-9]{1,6})?", ",": r"[0-9]{1,15}(?:,[0-9]{1,6})?"}
_CLEAR = {
    ".": r"[0-9]{1,15}(?:\.(?:[0-9]{1,2}|[0-9]{4,6}))?",
    ",": r"[0-9]{1,15}(?:,(?:[0-9]{1,2}|[0-9]{4,6}))?",
    "auto": r"[0-9]{1,15}(?:[.,](?:[0-9]{1,2}|[0-9]{4,6}))?",
}
"""Amounts without sign, groups, currency or doubt; all others are read with care."""
_WHOLE = r"[0-9]{1,15}"
_CURRENCY_KEYS = ("currency", "currencyCode", "currency_code")


class MoneyReader(MarkedReader):
    """A price: ``12.50``, ``EUR 12,50``, ``1'234.50 CHF``, ``$1,200.50``, or a JSON number or object.

    >>> price = MoneyReader(decimal=",", currency="EUR").read("1.299,00 €")
    >>> price.amount, price.currency
    (Decimal('1299.00'), 'EUR')

    Shape:   a currency code or sign in front, behind, or none when the mapping gives the currency; a JSON
             object has ``amount`` and ``currency``. 0 is a price.
    Returns: the light twin of Money, amount exactly as written. Equal texts give the same object: do not change it.
    Raises:  CellError, code price-format, price-currency (text and mapping, or two words of the text, name
             different ones), price-no-currency, price-negative, number-ambiguous, number-length, price-shape.
    """

    kind: ClassVar[str] = "money"
    noun: ClassVar[str] = "price"

    currency: CurrencyCode | None = None
    """ISO 4217 code of every price; a price that names another is refused."""
    among: Annotated[str, Field(min_length=1)] | None = None
    """A cell holds prices in several currencies with this between them (``9.50 EUR,10 USD``): the one in ``currency``
    is read. A cell without one is left out with a remark."""
    minor_units: bool = False
    """Amounts are whole numbers of the currency's smallest unit: 1250 is 12.50 EUR, and 1250 JPY."""

    def read(self, raw: Any) -> Money:
        if raw.__class__ is not str:
            return self.from_json(raw)
        known = self.known.get(raw)
        if known is None:
            if len(self.known) >= MOST_REMEMBERED:
                self.known.clear()
            known = self.known[raw] = self.from_text(raw)
        return known

    @cached_property
    def known(self) -> dict[str, Money]:
        return {}

    @cached_property
    def ordinary(self) -> re.Pattern[str]:
        """Texts that are read without further questions."""
        if self.minor_units:
            return re.compile(_WHOLE)
        doubtful = self.refuse_ambiguous or self.decimal == "auto"
        return re.compile((_CLEAR if doubtful else _ORDINARY)[self.decimal])

    def from_text(self, raw: str, currency: str | None = None) -> Money:
        currency = currency or self.currency
        if self.among is not None and currency is not None:
            raw = self.chosen(raw, currency)
        if currency and self.ordinary.fullmatch(raw):
            amount = Decimal(raw.replace(",", "."))
            return LightMoney(
                amount=self.in_units(amount, raw, currency) if self.minor_units else amount, currency=currency
            )
        before, text, after = number_in(raw.strip())
        if not text:
            raise self.no_number(raw, raw)
        for word in sorted((before, after), key=_is_sign):  # in "$12.50 CAD" the code says what the sign means
            if word:
                currency = self.agreed(word, currency, raw)
        amount = self.number(text, raw)
        return self.finished(amount, currency, raw)

    @cached_property
    def between(self) -> re.Pattern[str]:
        """What stands between two prices: after a currency code or sign, so that a decimal comma is none."""
        return re.compile(rf"(?<=[A-Z]{{3}})\s*{re.escape(self.among or '')}\s*(?=\S)")

    def parts(self, raw: str) -> list[str]:
        """The prices of a cell."""
        return self.between.split(raw) if self.among is not None else [raw]

    def chosen(self, raw: str, currency: str) -> str:
        """Of several prices the one in a currency; a single one that names no currency is it. Raises CellError."""
        parts = self.parts(raw)
        named = [(part, code) for part in parts if (code := part[-3:]) in CURRENCIES]
        if len(named) < len(parts):
            return raw
        found = [part for part, code in named if code == currency]
        if len(found) > 1 and len(set(found)) > 1:
            raise CellError(
                "cell.price-format", f"{quoted(raw)} has {len(found)} prices in {currency}", "keep one of them"
            )
        if not found:
            codes = [code for _, code in named]
            raise CellError(
                "cell.price-other-currency",
                f"{quoted(raw)} has no price in {currency}",
                f"give one, or take another currency: --set currency={codes[0]}",
                Severity.ADVICE,
            )
        return found[0]

    def from_json(self, raw: Any) -> Money:
        if not isinstance(raw, dict):
            return self.finished(self.json_number(raw), self.currency, raw)
        keys = [key for key in _CURRENCY_KEYS if raw.get(key) is not None]
        extra = [key for key in raw if key != "amount" and key not in _CURRENCY_KEYS]
        if "amount" not in raw or len(keys) > 1 or extra:
            raise CellError(
                "cell.price-shape",
                f"{quoted(raw)} is not an object of amount and currency",
                "point the mapping at the amount inside it",
            )
        currency = self.currency
        if keys:
            currency = self.agreed(plain_text(raw[keys[0]], "currency").strip(), currency, raw)
        amount = raw["amount"]
        if amount is None or amount == "":
            raise CellError(
                "cell.price-format", f"{quoted(raw)} has no amount", "give an amount, or leave the price out"
            )
        if isinstance(amount, str):
            return self.from_text(amount, currency)
        return self.finished(self.json_number(amount), currency, raw)

    def finished(self, amount: Decimal, currency: str | None, raw: Any) -> Money:
        if amount < 0:
            raise CellError("cell.price-negative", f"{quoted(raw)} is negative", "write a price of 0 or more")
        if currency is None:
            raise CellError(
                "cell.price-no-currency",
                f"{quoted(raw)} does not say its currency",
                "add --set currency=EUR, or give currency in the mapping",
            )
        if self.minor_units:
            amount = self.in_units(amount, raw, currency)
        return LightMoney(amount=amount, currency=currency)

    def in_units(self, amount: Decimal, raw: Any, currency: str) -> Decimal:
        """An amount of smallest units in whole ones."""
        if amount.as_tuple().exponent:
            raise CellError(
                "cell.price-format",
                f"{quoted(raw)} is not a whole number of minor units",
                f"write whole units such as 1250, or set minor_units: false if this is {currency} with decimals",
            )
        return Decimal((0, amount.as_tuple().digits, -minor_digits(currency)))

    def agreed(self, word: str, currency: str | None, raw: Any) -> str:
        """The currency that a word beside the amount and what is known already agree on. Raises CellError."""
        meant = signed_currencies(word, currency)
        if not meant:
            raise CellError(
                "cell.price-format",
                f"{quoted(raw)}: {quoted(word)} is no currency",
                f"write it like {self.sample()} or {self.sample()} EUR",
            )
        if currency is not None:
            if currency in meant:
                return currency
            raise CellError(
                "cell.price-currency",
                f"{quoted(raw)} is in {' or '.join(meant[:3])}, but {currency} is expected",
                f"write the price in {currency}, or set currency={meant[0]} if the whole column is so",
            )
        if len(meant) > 1:
            raise CellError(
                "cell.price-no-currency",
                f"{quoted(raw)}: {quoted(word)} can be {', '.join(meant[:3])} …",
                f"add --set currency={meant[0]}, or write the code beside the amount",
            )
        return meant[0]


def _is_sign(word: str) -> bool:
    return word.upper() not in CURRENCIES
