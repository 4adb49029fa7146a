"""petl: read, convert the prices, group by handle, write arrays of 500; nothing checked.

Run: ``petl_rows.py IN OUT``.
"""

import json
import sys
from itertools import islice
from pathlib import Path

import petl


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def prices(row, price):
    if row["Variant Compare At Price"] is not None:
        return {price: row["Variant Compare At Price"], "discount_price": row["Variant Price"]}
    return {price: row["Variant Price"]}


def product(handle, rows):
    first = rows[0]
    whole = {
        "type": "product", "code": handle, "title": first["Title"], "description": first["Body (HTML)"],
        "image_link": first["Image Src"], "currency": "EUR", **prices(first, "sell_price"),
    }
    if first["Option1 Value"] == "Default Title":
        return {**whole, "code": first["Variant SKU"]}
    whole["attribute"] = {
        "name1": first["Option1 Name"], "options1": ",".join(dict.fromkeys(row["Option1 Value"] for row in rows)),
        "name2": first["Option2 Name"], "options2": ",".join(dict.fromkeys(row["Option2 Value"] for row in rows)),
    }
    whole["variants"] = [
        {
            "code": row["Variant SKU"], "parent_code": handle, "visible": True,
            "attribute": {"options1": row["Option1 Value"], "options2": row["Option2 Value"]}, **prices(row, "price"),
        }
        for row in rows
    ]
    return whole


table = petl.fromcsv(sys.argv[1], encoding="utf-8")
table = petl.convert(table, ("Variant Price", "Variant Compare At Price"), number)
products = petl.rowgroupmap(
    table, "Handle", lambda handle, rows: [[product(handle, list(rows))]], header=["product"], presorted=True
)
out = Path(sys.argv[2])
out.mkdir(parents=True)
found = iter(petl.values(products, "product"))
count = 0
while batch := list(islice(found, 500)):
    count += 1
    text = json.dumps(batch)
    (out / f"batch-{count:04d}.json").write_text(text, encoding="utf-8")
