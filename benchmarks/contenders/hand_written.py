"""(a) The script a user would write instead: ``csv.DictReader``, ``json.dumps``, nothing checked.

Run: ``hand_written.py IN OUT``.
"""

import csv
import json
import sys
from itertools import groupby
from operator import itemgetter
from pathlib import Path


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def prices(row, price):
    """Flipsnack's regular and reduced price of Shopify's price and compare-at price."""
    if row["Variant Compare At Price"]:
        return {price: number(row["Variant Compare At Price"]), "discount_price": number(row["Variant Price"])}
    return {price: number(row["Variant Price"])}


def product(handle, rows):
    first = rows[0]
    whole = {
        "type": "product",
        "code": handle,
        "title": first["Title"],
        "description": first["Body (HTML)"],
        "image_link": first["Image Src"],
        "currency": "EUR",
        **prices(first, "sell_price"),
    }
    if first["Option1 Value"] == "Default Title":
        return {**whole, "code": first["Variant SKU"]}
    sizes = dict.fromkeys(row["Option1 Value"] for row in rows)
    colours = dict.fromkeys(row["Option2 Value"] for row in rows)
    whole["attribute"] = {
        "name1": first["Option1 Name"], "options1": ",".join(sizes),
        "name2": first["Option2 Name"], "options2": ",".join(colours),
    }
    whole["variants"] = [
        {
            "code": row["Variant SKU"],
            "parent_code": handle,
            "visible": True,
            "attribute": {"options1": row["Option1 Value"], "options2": row["Option2 Value"]},
            **prices(row, "price"),
        }
        for row in rows
    ]
    return whole


def save(batch, number):
    text = json.dumps(batch)
    (out / f"batch-{number:04d}.json").write_text(text, encoding="utf-8")


out = Path(sys.argv[2])
out.mkdir(parents=True)
batch, batches = [], 0
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    for handle, rows in groupby(csv.DictReader(file), itemgetter("Handle")):
        batch.append(product(handle, list(rows)))
        if len(batch) == 500:
            batches += 1
            save(batch, batches)
            batch = []
if batch:
    save(batch, batches + 1)
