"""Seeded product data to measure with: a Shopify-like CSV of variants, and the same products as PIM JSON Lines.

Run: ``python benchmarks/generate.py csv|jsonl ROWS BAD_SHARE FILE``. The same arguments give the same bytes.
Beside FILE comes ``FILE.bad``: the codes (handle, SKUs) of the products with something wrong, one a line.
"""

from __future__ import annotations

import csv
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Option1 Name",
    "Option1 Value", "Option2 Name", "Option2 Value", "Variant SKU", "Variant Grams", "Variant Inventory Qty",
    "Variant Price", "Variant Compare At Price", "Variant Barcode", "Image Src", "Image Position", "Variant Image",
    "Status",
]
NOUNS = "lamp mug table scarf notebook chair kettle blanket basket mirror shelf vase clock cushion tray bottle".split()
WORDS = "oak linen brass plain folding winter garden quiet early northern round small striped heavy soft blue".split()
SIZES, COLOURS = ["S", "M", "L", "XL"], ["Ash", "Blue", "Café", "Grün"]
SENTENCES = [
    "Made by hand in a small workshop by the sea, so no two pieces are quite alike.",
    'Customers call it "the one thing we would buy again", and mean it.',
    "Wash at 30 °C; dry flat, out of the sun – wool remembers.",
    "Height 12 cm, width 8 cm, depth 8 cm, give or take a few millimetres.",
    "Ships flat, goes together without tools in about ten minutes, and comes apart again as easily.",
    "Für drinnen und draußen; à utiliser à l'intérieur comme à l'extérieur.",
    "The finish is oil & wax, nothing else, and smells of it for a week.",
]


@dataclass
class Variant:
    sku: str
    size: str
    colour: str
    grams: int
    stock: int
    cents: int
    compare_cents: int | None
    barcode: str


@dataclass
class Product:
    handle: str
    title: str
    body: str
    vendor: str
    category: str
    tags: list[str]
    image: str
    variants: list[Variant]
    wrong: str = ""
    """What is wrong with it; empty for nearly all."""
    wrong_at: int = 0
    """Which of its variants carries the mistake."""


WRONG = ["price is no number", "no SKU", "no title", "price is missing", "cell too many"]


def products(rows: int, bad_share: float, seed: int = 20240229) -> Iterator[Product]:
    """As many products as make ``rows`` variants; of about ``bad_share`` of the rows something is wrong."""
    chance = random.Random(seed)
    left, number = rows, 0
    while left:
        count = min(left, chance.choices([1, 2, 3, 4], [35, 35, 20, 10])[0])
        left -= count
        number += 1
        product = make(chance, number, count)
        if chance.random() < bad_share * count:
            product.wrong, product.wrong_at = chance.choice(WRONG), chance.randrange(count)
        yield product


def make(chance: random.Random, number: int, count: int) -> Product:
    adjective, noun = chance.choice(WORDS), chance.choice(NOUNS)
    handle = f"{adjective}-{noun}-{number}"
    paragraphs = [f"<p>{' '.join(chance.sample(SENTENCES, 4))}</p>" for _ in range(3)]
    variants = []
    for at in range(count):
        cents = chance.randrange(199, 30_000)
        variants.append(Variant(
            sku=f"{adjective[:3].upper()}{noun[:3].upper()}-{number:06d}-{at}",
            size=SIZES[at], colour=chance.choice(COLOURS),
            grams=chance.randrange(20, 9000), stock=chance.randrange(0, 500), cents=cents,
            compare_cents=cents + chance.randrange(100, 5000) if chance.random() < 0.2 else None,
            barcode=with_check_digit(f"40063{chance.randrange(10**7):07d}"),
        ))
    return Product(
        handle=handle, title=f"{adjective.title()} {noun}", body="\n".join(paragraphs),
        vendor=chance.choice(["Acme", "Näh & Co", "O'Hara"]), category=f"Home & Garden > {noun.title()}s",
        tags=[adjective, noun, "new"], image=f"https://cdn.example.com/{number % 997}/{handle}.jpg", variants=variants,
    )


def with_check_digit(digits: str) -> str:
    """GTIN-13 of twelve digits."""
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def money(cents: int | None) -> str:
    return "" if cents is None else f"{cents // 100}.{cents % 100:02d}"


def csv_rows(product: Product) -> Iterator[list[str]]:
    """The rows of a product: all about it in the first, each variant in a row of its own."""
    single = len(product.variants) == 1
    for at, variant in enumerate(product.variants):
        about = ["", "", "", "", "", "", ""]
        if at == 0:
            about = [
                product.title, product.body, product.vendor, product.category, product.category.split(" > ")[-1],
                ", ".join(product.tags), "true",
            ]
        names = (["Title", "Default Title", "", ""] if single else
                 ["Size" if at == 0 else "", variant.size, "Colour" if at == 0 else "", variant.colour])
        row = [
            product.handle, *about, *names, variant.sku, str(variant.grams), str(variant.stock),
            money(variant.cents), money(variant.compare_cents), variant.barcode, product.image if at == 0 else "",
            "1" if at == 0 else "", "", "active" if at == 0 else "",
        ]
        if product.wrong and at == product.wrong_at:
            spoil(row, product.wrong)
        elif product.wrong == "no title" and at == 0:
            row[1] = ""
        yield row


def spoil(row: list[str], wrong: str) -> None:
    if wrong == "price is no number":
        row[15] = "ask"
    elif wrong == "no SKU":
        row[12] = ""
    elif wrong == "no title":
        row[1] = ""
    elif wrong == "price is missing":
        row[15] = row[16] = ""
    else:
        row.append("one too many")


def document(product: Product) -> dict[str, object]:
    """A product as a PIM exports it: nested, numbers as numbers."""
    single = len(product.variants) == 1
    variants: list[dict[str, object]] = []
    for variant in product.variants:
        each: dict[str, object] = {
            "sku": variant.sku, "gtin": variant.barcode, "weight_grams": variant.grams, "stock": variant.stock,
            "price": (variant.compare_cents or variant.cents) / 100,
            "sale_price": variant.cents / 100 if variant.compare_cents else None,
        }
        if not single:
            each |= {"size": variant.size, "colour": variant.colour}
        variants.append(each)
    whole: dict[str, object] = {
        "id": product.handle, "title": product.title, "description": product.body, "brand": product.vendor,
        "categories": product.category.split(" > "), "tags": product.tags,
        "images": [{"url": product.image, "alt": product.title}],
    }
    if product.wrong:
        victim = variants[product.wrong_at]
        victim |= {"price": "ask"} if product.wrong.startswith("price") else {}
        victim |= {"sku": ""} if product.wrong in {"no SKU", "cell too many"} else {}
        whole |= {"title": ""} if product.wrong == "no title" else {}
    return {**whole, **variants[0]} if single else {**whole, "variants": variants}


def write(kind: str, rows: int, bad_share: float, path: Path) -> None:
    """Write the data and the list of bad codes; the data appears whole, and last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data, bad = Path(f"{path}.part"), Path(f"{path}.bad")
    with data.open("w", encoding="utf-8", newline="") as file, bad.open("w") as codes:
        table = csv.writer(file, lineterminator="\n")
        if kind == "csv":
            table.writerow(HEADER)
        for product in products(rows, bad_share):
            if kind == "csv":
                table.writerows(csv_rows(product))
            else:
                file.write(json.dumps(document(product), ensure_ascii=False) + "\n")
            if product.wrong:
                skus = [variant.sku for variant in product.variants]
                codes.write("\n".join([product.handle, *skus, ""]))
    data.rename(path)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
