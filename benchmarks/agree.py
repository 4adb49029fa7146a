"""Whether two contenders made the same products of the rows with nothing wrong: codes, variants, prices, texts.

Run: ``python agree.py REFERENCE_FOLDER FOLDER BAD_FILE``; prints how many products agree, or the first that do not
(exit status 1). A price counts by its value: 12.5 is 12.50. Which of its variants' prices a parent shows is each
contender's own choice, so of products with variants only the variants' prices are compared.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

Known = dict[str, tuple[Any, ...]]


def prices(thing: dict[str, Any], name: str) -> tuple[Any, Any]:
    return thing.get(name), thing.get("discount_price")


def read(folder: Path, bad: set[str | None]) -> Known:
    """Every product with nothing wrong, by code."""
    products: Known = {}
    batches = sorted(folder.glob("batch-*.json"))
    if not batches:
        raise SystemExit(f"{folder}: no batches")
    for path in batches:
        batch = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
        if not 1 <= len(batch) <= 500:
            raise SystemExit(f"{path}: {len(batch)} products")
        for product in batch:
            code, variants = product["code"], product.get("variants") or []
            if code in bad or any(variant["code"] in bad for variant in variants):
                continue
            if code in products:
                raise SystemExit(f"{path}: {code} comes twice")
            own = prices(product, "sell_price") if not variants else None
            products[code] = (
                product["title"], product["description"], product["image_link"], product["currency"], own,
                tuple((variant["code"], options(variant), *prices(variant, "price")) for variant in variants),
            )
    return products


def options(variant: dict[str, Any]) -> tuple[Any, Any]:
    given = variant.get("attribute") or {}
    return given.get("options1"), given.get("options2")


def compare(reference: Known, other: Known) -> list[str]:
    """Up to five differences, in words."""
    differences = [f"{code} is missing" for code in reference if code not in other]
    differences += [f"{code} is too many" for code in other if code not in reference]
    differences += [
        f"{code}: {expected} became {other[code]}"
        for code, expected in reference.items() if code in other and other[code] != expected
    ]
    shown = differences[:5]
    return [*shown, f"… {len(differences)} in all"] if len(differences) > len(shown) else shown


if __name__ == "__main__":
    wrong: set[str | None] = {None, "", *Path(sys.argv[3]).read_text().split()}
    expected = read(Path(sys.argv[1]), wrong)
    differences = compare(expected, read(Path(sys.argv[2]), wrong))
    print("\n".join(differences) or f"{len(expected)} products agree")
    raise SystemExit(bool(differences))
