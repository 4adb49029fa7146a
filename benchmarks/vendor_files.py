"""The same made-up products as vendors' systems export them, to measure presets with.

Run: ``python benchmarks/vendor_files.py woocommerce|magento2|google|akeneo-csv ROWS FILE``. The same arguments give the
same bytes. Nothing in them is wrong: what a preset's grammar costs is measured on the ordinary case.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from generate import Product, Variant, products

Row = dict[str, Any]


def price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def prices(variant: Variant) -> tuple[str, str]:
    """Regular and sale price: a compare-at price is the regular one."""
    if variant.compare_cents is None or variant.compare_cents <= variant.cents:
        return price(variant.cents), ""
    return price(variant.compare_cents), price(variant.cents)


def woocommerce(product: Product) -> Iterator[Row]:
    """Parent and variations; a product with one version is a simple one."""
    simple = len(product.variants) == 1
    shared = {
        "SKU": product.handle, "Name": product.title, "Published": "1", "Description": product.body.replace("\n", "\\n"),
        "Categories": product.category, "Tags": ", ".join(product.tags), "Images": product.image,
    }
    if not simple:
        yield {"Type": "variable", **shared, **attributes(product, "size"), **attributes(product, "colour")}
    for variant in product.variants:
        regular, sale = prices(variant)
        row = {
            "SKU": variant.sku, "Regular price": regular, "Sale price": sale, "Weight (kg)": f"{variant.grams / 1000:g}",
            "Stock": str(variant.stock), "Published": "1", "GTIN, UPC, EAN, or ISBN": variant.barcode,
        }
        if simple:
            yield {"Type": "simple", **shared, **row}
        else:
            axes = {
                "Attribute 1 name": "Size", "Attribute 1 value(s)": variant.size,
                "Attribute 2 name": "Colour", "Attribute 2 value(s)": variant.colour,
            }
            yield {"Type": "variation", "Parent": product.handle, "Name": f"{product.title} - {variant.size}", **row, **axes}


def attributes(product: Product, which: str) -> Row:
    number, values = (1, [v.size for v in product.variants]) if which == "size" else (2, [v.colour for v in product.variants])
    return {
        f"Attribute {number} name": which.capitalize(),
        f"Attribute {number} value(s)": ", ".join(dict.fromkeys(values)),
    }


def magento2(product: Product) -> Iterator[Row]:
    """Children, then the configurable that names them."""
    base = {"attribute_set_code": "Default", "product_online": "1"}
    for variant in product.variants:
        regular, sale = prices(variant)
        simple = len(product.variants) == 1
        yield {
            **base, "sku": variant.sku, "product_type": "simple", "name": product.title, "price": f"{regular}00",
            "special_price": sale, "weight": f"{variant.grams / 1000:g}", "qty": f"{variant.stock}.0000",
            "visibility": "Catalog, Search" if simple else "Not Visible Individually",
            "additional_attributes": f"colour={variant.colour},size={variant.size},has_options=0",
            **({"description": product.body, "base_image": f"/{product.handle}.jpg"} if simple else {}),
        }  # fmt: skip
    if len(product.variants) > 1:
        pairs = (f"sku={v.sku},size={v.size},colour={v.colour}" for v in product.variants)
        yield {
            **base, "sku": product.handle, "product_type": "configurable", "name": product.title,
            "description": product.body, "categories": f"Default Category/{product.category.replace(' > ', '/')}",
            "visibility": "Catalog, Search", "base_image": f"/{product.handle}.jpg",
            "additional_attributes": "has_options=1", "configurable_variations": "|".join(pairs),
            "configurable_variation_labels": "size=Size,colour=Colour",
        }


def google(product: Product) -> Iterator[Row]:
    """One item a variant."""
    for variant in product.variants:
        regular, sale = prices(variant)
        yield {
            "id": variant.sku, "title": product.title, "description": product.body.replace("\n", " "),
            "link": f"https://shop.example/{product.handle}", "image_link": product.image, "availability": "in_stock",
            "price": f"{regular} EUR", "sale_price": f"{sale} EUR" if sale else "", "brand": product.vendor,
            "gtin": variant.barcode, "condition": "new", "google_product_category": product.category,
            "item_group_id": product.handle if len(product.variants) > 1 else "", "size": variant.size,
            "color": variant.colour, "shipping_weight": f"{variant.grams} g",
        }


FORMATS: dict[str, tuple[Callable[[Product], Iterator[Row]], list[str], str]] = {
    "woocommerce": (
        woocommerce,
        [
            "ID", "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Is featured?", "Visibility in catalog",
            "Short description", "Description", "Tax status", "In stock?", "Stock", "Backorders allowed?",
            "Weight (kg)", "Length (cm)", "Width (cm)", "Height (cm)", "Sale price", "Regular price", "Categories", "Tags",
            "Images", "Parent", "Position", "Attribute 1 name", "Attribute 1 value(s)", "Attribute 2 name",
            "Attribute 2 value(s)",
        ],
        ",",
    ),
    "magento2": (
        magento2,
        [
            "sku", "store_view_code", "attribute_set_code", "product_type", "categories", "product_websites", "name",
            "description", "short_description", "weight", "product_online", "tax_class_name", "visibility", "price",
            "special_price", "url_key", "base_image", "small_image", "additional_attributes", "qty", "is_in_stock",
            "additional_images", "configurable_variations", "configurable_variation_labels",
        ],
        ",",
    ),
    "google": (
        google,
        [
            "id", "title", "description", "link", "image_link", "availability", "price", "sale_price", "brand", "gtin",
            "condition", "google_product_category", "item_group_id", "size", "color", "shipping_weight",
        ],
        "\t",
    ),
}  # fmt: skip


def main(kind: str, rows: str, target: str) -> None:
    make, header, delimiter = FORMATS[kind]
    path = Path(target)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, header, delimiter=delimiter, lineterminator="\n", restval="")
        writer.writeheader()
        for product in products(int(rows), 0):
            writer.writerows(make(product))
    part.rename(path)
    path.with_name(f"{path.name}.bad").touch()


if __name__ == "__main__":
    main(*sys.argv[1:])
