"""What must hold of a product on every platform. Plain functions: a platform wraps them in rules of its own.

Each takes a product (light twin or pydantic, they read alike) and returns None when all is well, else a
Problem or a list of them in the order of the product. None of them changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from feedbridge.product import Money, Product, Variant
from feedbridge.rules import Problem

__all__ = [
    "combinations_unique", "has_price", "one_currency", "option_names_unique", "prices_of", "sale_below_regular",
    "sale_needs_regular", "skus_unique", "slots_filled", "values_known",
]


def prices_of(product: Product, variant: Variant) -> tuple[Money | None, Money | None]:
    """A variant's regular and reduced price, with what it takes from its product.

    Without a regular price of its own it takes the product's, and the product's reduced price unless it has
    one itself. With a regular price of its own it takes neither: the product's reduced price belongs to the
    product's regular price.
    """
    if variant.price is not None:
        return variant.price, variant.sale_price
    return product.price, variant.sale_price if variant.sale_price is not None else product.sale_price


def slots_filled(product: Product) -> list[Problem] | None:
    """Every variant has one value for each option of its product."""
    options = product.options
    count = len(options)
    problems: list[Problem] = []
    for index, variant in enumerate(product.variants):
        values = variant.option_values
        if len(values) == count and "" not in values:
            continue
        for slot, option in enumerate(options):
            if slot >= len(values) or not values[slot]:
                problems.append(Problem(
                    f"variants.{index}.option_values.{slot}",
                    f'variant {variant.sku} has no value for option "{option.name}"',
                    mend=f'give every variant a value for "{option.name}"',
                ))
        if len(values) > count:
            problems.append(Problem(
                f"variants.{index}.option_values.{count}",
                f"variant {variant.sku} has {len(values)} option values, but its product has {count} options",
                values[count],
                "name the option this value belongs to",
            ))
    return problems or None


def combinations_unique(product: Product) -> list[Problem] | None:
    """No two variants of a product have the same option values (variants that lack a value aside)."""
    variants = product.variants
    if len(variants) < 2 or len({variant.option_values for variant in variants}) == len(variants):
        return None
    first: dict[tuple[str, ...], str] = {}
    problems = []
    for index, variant in enumerate(variants):
        values = variant.option_values
        if not values or "" in values:
            continue
        if values in first:
            problems.append(Problem(
                f"variants.{index}.option_values.0",
                f"variants {first[values]} and {variant.sku} have the same option values",
                " / ".join(values),
                "give them different values, or remove one",
            ))
        else:
            first[values] = variant.sku
    return problems or None


def values_known(product: Product) -> list[Problem] | None:
    """A variant's value is one its product's option lists (options that list none take any)."""
    problems: list[Problem] = []
    for slot, option in enumerate(product.options):
        known = frozenset(option.values)
        if not known:
            continue
        for index, variant in enumerate(product.variants):
            values = variant.option_values
            if slot < len(values) and values[slot] and values[slot] not in known:
                problems.append(Problem(
                    f"variants.{index}.option_values.{slot}",
                    f'option "{option.name}" does not list the value "{values[slot]}" of variant {variant.sku}',
                    values[slot],
                    f'add it to the values of "{option.name}", or correct the variant',
                ))
    return problems or None


def option_names_unique(product: Product) -> list[Problem] | None:
    """No two options of a product have the same name."""
    options = product.options
    if len(options) < 2:
        return None
    seen: set[str] = set()
    problems = []
    for index, option in enumerate(options):
        if option.name in seen:
            problems.append(Problem(
                f"options.{index}.name", f'two options are named "{option.name}"', option.name, "rename one of them",
            ))
        seen.add(option.name)
    return problems or None


def skus_unique(product: Product) -> list[Problem] | None:
    """No SKU stands twice within a product: neither two variants' nor a variant's and the product's."""
    variants = product.variants
    if not variants:
        return None
    seen = {variant.sku for variant in variants}
    if len(seen) == len(variants) and product.sku not in seen:
        return None
    taken = {product.sku}
    problems = []
    for index, variant in enumerate(variants):
        if variant.sku in taken:
            whose = "the product's own" if variant.sku == product.sku else "also another variant's"
            problems.append(Problem(
                f"variants.{index}.sku", f"variant SKU {variant.sku} is {whose}", variant.sku,
                "give the product and each variant a SKU of their own",
            ))
        taken.add(variant.sku)
    return problems or None


def sale_below_regular(product: Product) -> list[Problem] | None:
    """A reduced price is not above the regular price it reduces (equal is no reduction, and no problem)."""
    problems: list[Problem] = []
    regular, sale = product.price, product.sale_price
    if sale is not None and regular is not None and sale.amount > regular.amount:
        problems.append(_above("sale_price", sale, regular))
    for index, variant in enumerate(product.variants):
        sale = variant.sale_price
        if sale is None:
            continue
        regular = variant.price or product.price
        if regular is not None and sale.amount > regular.amount:
            problems.append(_above(f"variants.{index}.sale_price", sale, regular))
    return problems or None


def _above(field: str, sale: Money, regular: Money) -> Problem:
    return Problem(
        field, f"the reduced price {sale.amount} is above the regular price {regular.amount}",
        str(sale.amount), "correct or swap the two prices",
    )


def sale_needs_regular(product: Product) -> list[Problem] | None:
    """A reduced price stands beside the regular price it reduces."""
    problems = []
    if product.price is None and product.sale_price is not None:
        problems.append(_alone("sale_price", product.sale_price))
    for index, variant in enumerate(product.variants):
        if variant.sale_price is not None and variant.price is None and product.price is None:
            problems.append(_alone(f"variants.{index}.sale_price", variant.sale_price))
    return problems or None


def _alone(field: str, sale: Money) -> Problem:
    return Problem(
        field, f"a reduced price of {sale.amount}, but no regular price", str(sale.amount),
        "give the regular price too",
    )


def has_price(product: Product) -> list[Problem] | Problem | None:
    """A product has a price: its own, or one for each variant."""
    if product.price is not None:
        return None
    mend = "map the price column, or fill in the price"
    if not any(variant.price is not None for variant in product.variants):
        return Problem("price", "the product has no price", mend=mend)
    problems = [
        Problem(f"variants.{index}.price", f"neither variant {variant.sku} nor its product has a price", mend=mend)
        for index, variant in enumerate(product.variants)
        if variant.price is None
    ]
    return problems or None


def one_currency(product: Product) -> list[Problem] | None:
    """All prices of a product and its variants (regular and reduced) are in one currency."""
    problems: list[Problem] = []
    currency = ""
    for field, money in _prices(product):
        if not currency:
            currency = money.currency
        elif money.currency != currency:
            problems.append(Problem(
                field, f"a price in {money.currency}, but the product's prices are in {currency}", money.currency,
                "give all prices of a product in one currency",
            ))
    return problems or None


def _prices(product: Any) -> Iterator[tuple[str, Money]]:
    if product.price is not None:
        yield "price", product.price
    if product.sale_price is not None:
        yield "sale_price", product.sale_price
    for index, variant in enumerate(product.variants):
        if variant.price is not None:
            yield f"variants.{index}.price", variant.price
        if variant.sale_price is not None:
            yield f"variants.{index}.sale_price", variant.sale_price
