"""Licences, prices and languages of a product as FlickRocket sees them: read by the rules and by the converter."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

__all__ = [
    "LANGUAGES",
    "MOST_NUMBER",
    "cents",
    "flickrocket_id",
    "is_complete",
    "is_id",
    "language_of",
    "licences_of",
    "model_content",
    "models_written",
    "texts_written",
]

LANGUAGES = ("en", "de", "es", "it", "fr", "pt")
MOST_NUMBER = 2**53 - 1
"""Largest whole number that every JSON reader keeps exactly."""


def flickrocket_id(product: Any) -> str:
    """The product's id at FlickRocket as the feed gives it; empty: a new product."""
    return product.ids.get("flickrocket", "").strip()


def is_id(number: int | None) -> bool:
    """Whether a number can be an id."""
    return number is not None and 0 < number <= MOST_NUMBER


def language_of(locale: str) -> str:
    """Two-letter language of a locale, supported or not.

    >>> language_of("de_DE"), language_of("pt-BR")
    ('de', 'pt')
    """
    return locale.replace("-", "_").partition("_")[0].lower()


def texts_written(product: Any, settings: Any) -> dict[str, int]:
    """Languages that get texts, default first, each with its place in ``translations`` (-1: the product's own)."""
    written: dict[str, int] = {}
    own = language_of(product.locale or settings.locale)
    if own in LANGUAGES:
        written[own] = -1
    for index, texts in enumerate(product.translations):
        language = language_of(texts.locale)
        if language in LANGUAGES and language not in written and (texts.title or texts.description):
            written[language] = index
    return written


def licences_of(product: Any) -> tuple[Any, ...]:
    """The licence bindings the feed gives."""
    return product.digital.licences if product.digital is not None else ()


def models_written(product: Any, settings: Any) -> Iterator[tuple[int, Any]]:
    """Price models that go into the file, each with the place of its binding: those that stand for a missing
    ``price_id``, when writing them is switched on."""
    if settings.write_price_models == "off":
        return
    for index, licence in enumerate(licences_of(product)):
        model = licence.price_model
        if model is not None and model.amounts and licence.price_id is None and licence.license_id is not None:
            yield index, model


def is_complete(licence: Any, settings: Any) -> bool:
    """Whether a binding has both a licence and a price, as it will be written."""
    if licence.license_id is None:
        return False
    if licence.price_id is not None:
        return True
    return (
        settings.write_price_models != "off" and licence.price_model is not None and bool(licence.price_model.amounts)
    )


def cents(amount: Decimal) -> int | None:
    """An amount in cents, or None when it is not a whole number of them or too large to be written.

    >>> cents(Decimal("3.95")), cents(Decimal("0.1")), cents(Decimal("0.001"))
    (395, 10, None)
    """
    exponent = amount.as_tuple().exponent
    if amount.adjusted() > 15 or not isinstance(exponent, int) or exponent < -64:
        return None
    numerator, denominator = amount.as_integer_ratio()
    whole, rest = divmod(numerator * 100, denominator)
    return whole if not rest and whole <= MOST_NUMBER else None


def model_content(model: Any) -> str:
    """A price model's amounts in one fixed spelling: ``eur 1500, usd 3200``."""
    return ", ".join(sorted(f"{money.currency.lower()} {cents(money.amount)}" for money in model.amounts))
