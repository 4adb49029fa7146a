"""(j) The script for PIM JSON Lines: ``json.loads``, ``json.dumps``, nothing checked.

Run: ``json_hand_written.py IN OUT``.
"""

import json
import sys
from pathlib import Path


def prices(document, price):
    if document["sale_price"] is not None:
        return {price: document["price"], "discount_price": document["sale_price"]}
    return {price: document["price"]}


def product(document):
    variants = document.get("variants")
    first = variants[0] if variants else document
    whole = {
        "type": "product",
        "code": document["id"] if variants else document["sku"],
        "title": document["title"],
        "description": document["description"],
        "image_link": document["images"][0]["url"],
        "currency": "EUR",
        **prices(first, "sell_price"),
    }
    if variants:
        whole["attribute"] = {
            "name1": "Size", "options1": ",".join(dict.fromkeys(variant["size"] for variant in variants)),
            "name2": "Colour", "options2": ",".join(dict.fromkeys(variant["colour"] for variant in variants)),
        }
        whole["variants"] = [
            {
                "code": variant["sku"],
                "parent_code": document["id"],
                "visible": True,
                "attribute": {"options1": variant["size"], "options2": variant["colour"]},
                **prices(variant, "price"),
            }
            for variant in variants
        ]
    return whole


def save(batch, number):
    text = json.dumps(batch)
    (out / f"batch-{number:04d}.json").write_text(text, encoding="utf-8")


out = Path(sys.argv[2])
out.mkdir(parents=True)
batch, batches = [], 0
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        batch.append(product(json.loads(line)))
        if len(batch) == 500:
            batches += 1
            save(batch, batches)
            batch = []
if batch:
    save(batch, batches + 1)
