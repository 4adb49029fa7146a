"""Tier prices: from the canonical product to the request, and the rules M18 to M25 about them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from feedbridge.findings import Severity
from feedbridge.platforms.magento.amounts import PlainAmounts, decimals, is_storable, plain
from feedbridge.platforms.magento.draft import Draft, Item
from feedbridge.platforms.magento.payload import LightTierPriceEntry, TierPriceEntry
from feedbridge.platforms.magento.sources import CORE_LIMITS, CORE_PRICES, OURS, PAGE
from feedbridge.product import TierPrice
from feedbridge.rules import Problem, rule

__all__ = ["TIER_RULES", "general_tiers", "tier_amount", "tier_entries"]

QUANTITY_DECIMALS = 4
QUANTITY_END = Decimal(10) ** 8
PERCENT = Decimal(100)
COMPUTED = Decimal("0.0001")
"""A price computed from a percentage is rounded to this step, half up."""


def tier_amount(tier: TierPrice, price: Decimal | None) -> Decimal | None:
    """The price of a tier: its own, or the percentage taken off the regular price; None when neither can be had."""
    if tier.price is not None:
        return tier.price.amount
    if tier.percent_off is None or price is None:
        return None
    amount = price * (PERCENT - tier.percent_off) / PERCENT
    return amount.quantize(COMPUTED, ROUND_HALF_UP) if is_storable(amount) else amount


def general_tiers(item: Item) -> Iterator[tuple[str, TierPrice, Decimal | None]]:
    """(path, tier, price) of the tiers of an item that hold for every customer group and website."""
    price = item.price.amount if item.price is not None else None
    path = item.at("tier_prices")
    for index, tier in enumerate(item.tier_prices):
        if tier.customer_group is None and tier.website is None:
            yield f"{path}.{index}", tier, tier_amount(tier, price)


def tier_entries(item: Item, amounts: PlainAmounts) -> tuple[tuple[TierPriceEntry, ...] | None, bool]:
    """The tiers of an item as the request has them, and whether a rule may have something to say of them."""
    entries = []
    odd = False
    price = item.price.amount if item.price is not None else None
    cheapest = price
    largest = Decimal(0)
    for tier in item.tier_prices:
        if tier.customer_group is not None or tier.website is not None:
            odd = True
            continue
        amount = tier_amount(tier, price)
        if amount is None:
            odd = True
            continue
        quantity = tier.quantity
        text = amounts[quantity]
        if (
            tier.price is None or not 1 <= quantity < QUANTITY_END or len(text.partition(".")[2]) > QUANTITY_DECIMALS
            or quantity <= largest or not amount or (cheapest is not None and amount >= cheapest)
        ):
            odd = True
        largest, cheapest = quantity, amount
        entries.append(LightTierPriceEntry(price=amounts[amount], qty=text))
    return tuple(entries) or None, odd


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def with_tiers(*tiers: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Product fields with tiers of (quantity, price), for the examples of rules."""
    return {"price": eur("18.95"), "tier_prices": [{"quantity": q, "price": eur(p)} for q, p in tiers], **more}


@rule(
    "M18", Severity.ERROR, source=PAGE, mend="give the tier a price or a percentage",
    good=with_tiers(("25", "16")), bad={"tier_prices": [{"quantity": "25"}]},
)
def tier_has_price(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier price has a quantity and a price; both are written as text."""
    return [
        Problem(path, "the tier has neither a price nor a percentage off")
        for item in payload.items for path, tier, _ in general_tiers(item)
        if tier.price is None and tier.percent_off is None
    ]


@rule(
    "M19", Severity.ERROR, source=f"{CORE_PRICES}; {CORE_LIMITS}", mend="give a quantity such as 25",
    good=with_tiers(("1.5", "16")), bad=with_tiers(("0.5", "16")),
)
def tier_quantity(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier's quantity is at least 1, with at most 8 digits before and 4 after the point."""
    return [
        Problem(f"{path}.quantity", f"the store takes no tier from {plain(tier.quantity)} on", str(tier.quantity))
        for item in payload.items for path, tier, _ in general_tiers(item)
        if not 1 <= tier.quantity < QUANTITY_END or decimals(tier.quantity) > QUANTITY_DECIMALS
    ]


@rule(
    "M20", Severity.ERROR, source=CORE_LIMITS, mend="check the decimal convention of the mapping",
    good=with_tiers(("25", "16")), bad=with_tiers(("25", "100000000000000"), price=eur("18.95")),
)
def tier_price_format(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier's price is 0 or more, with at most 14 digits before the point."""
    return [
        Problem(f"{path}.price", f"{amount} does not fit the store's price column", str(amount))
        for item in payload.items for path, tier, amount in general_tiers(item)
        if amount is not None and tier.price is not None and (not is_storable(amount) or amount < 0)
    ]


@rule(
    "M21", Severity.WARNING, source=CORE_PRICES, mend="leave the tier out if it is not meant to be free",
    good=with_tiers(("25", "16")), bad=with_tiers(("25", "0")),
)
def tier_is_free(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier's price is above 0: a tier of 0 gives the product away, and one endpoint of the store refuses it."""
    return [
        Problem(f"{path}.price", f"from {plain(tier.quantity)} pieces on the product is free", "0")
        for item in payload.items for path, tier, amount in general_tiers(item) if amount is not None and not amount
    ]


@rule(
    "M22", Severity.ERROR, source=CORE_PRICES, mend="keep one price a quantity",
    good=with_tiers(("15", "16"), ("25", "14")), bad=with_tiers(("15", "16"), ("15.0", "14")),
)
def tier_quantities_differ(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """No two tiers of a product start at the same quantity ("15" and "15.0" are the same)."""
    problems = []
    for item in payload.items:
        seen: set[Decimal] = set()
        for path, tier, _ in general_tiers(item):
            if tier.quantity in seen:
                problems.append(Problem(
                    f"{path}.quantity", f"there is a tier from quantity {plain(tier.quantity)} on already",
                    str(tier.quantity),
                ))
            seen.add(tier.quantity)
    return problems


@rule(
    "M23", Severity.WARNING, source=CORE_PRICES, mend="give a price below that of smaller quantities",
    good=with_tiers(("15", "16"), ("25", "14")), bad=with_tiers(("15", "16"), ("25", "16.5")),
)
def tier_gets_cheaper(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier is cheaper than the product and than every smaller quantity; the checkout ignores one that is not."""
    problems = []
    for item in payload.items:
        cheapest = item.price.amount if item.price is not None else None
        tiers = [(tier.quantity, path, amount) for path, tier, amount in general_tiers(item) if amount is not None]
        for quantity, path, amount in sorted(tiers, key=lambda tier: tier[0]):
            if cheapest is not None and amount >= cheapest:
                problems.append(Problem(
                    f"{path}.price", f"{plain(amount)} from {plain(quantity)} pieces on is not cheaper than "
                    f"{plain(cheapest)} for fewer", str(amount),
                ))
            else:
                cheapest = amount
    return problems


@rule(
    "M25", Severity.ADVICE, source=CORE_PRICES, mend="give the tier a price to choose the rounding yourself",
    good=with_tiers(("25", "16")),
    bad={"price": eur("18.95"), "tier_prices": [{"quantity": "25", "percent_off": "10"}]},
)
def tier_percentage(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier given as a percentage is turned into money: price x (1 - p/100), rounded half up to 4 decimals."""
    return [
        Problem(
            f"{path}.percent_off",
            f"{plain(tier.percent_off or Decimal(0))}% off is written as the price {plain(amount)}",
            str(tier.percent_off),
        )
        for item in payload.items for path, tier, amount in general_tiers(item)
        if tier.price is None and amount is not None
    ]


@rule(
    "M25b", Severity.ERROR, source=CORE_PRICES, mend="give the product a price, or the tier one of its own",
    good={"price": eur("18.95"), "tier_prices": [{"quantity": "25", "percent_off": "10"}]},
    bad={"price": None, "tier_prices": [{"quantity": "25", "percent_off": "10"}]},
)
def tier_percentage_of_nothing(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier given as a percentage has a regular price to be taken off."""
    return [
        Problem(f"{path}.percent_off", "there is no regular price to take the percentage off", str(tier.percent_off))
        for item in payload.items for path, tier, amount in general_tiers(item)
        if tier.percent_off is not None and amount is None
    ]


@rule(
    "A20", Severity.WARNING, source=OURS, mend="give a price for every customer group and website",
    good=with_tiers(("25", "16")),
    bad={"tier_prices": [{"quantity": "25", "price": eur("16"), "customer_group": "Wholesale"}]},
)
def tier_is_general(product: Any, payload: Draft, settings: Any) -> list[Problem]:
    """A tier holds for every customer group and website: the request cannot say otherwise, such a tier is left out."""
    return [
        Problem(
            f"{item.at('tier_prices')}.{index}",
            f"the tier from quantity {plain(tier.quantity)} on is only for "
            f"{' and '.join(filter(None, (tier.customer_group, tier.website))) or 'a nameless group'}: left out",
            tier.customer_group or tier.website or "",
        )
        for item in payload.items for index, tier in enumerate(item.tier_prices)
        if tier.customer_group is not None or tier.website is not None
    ]


TIER_RULES = (
    tier_has_price, tier_quantity, tier_price_format, tier_is_free, tier_quantities_differ, tier_gets_cheaper,
    tier_percentage, tier_percentage_of_nothing, tier_is_general,
)
