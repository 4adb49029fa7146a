"""dlt with a pydantic contract and a destination that writes arrays of 500. Run: ``dlt_load.py IN OUT``.

Products that break the contract are dropped (``discard_row``), as dlt offers it.
"""

import csv
import json
import os
import sys
import tempfile
from itertools import groupby
from operator import itemgetter
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
scratch = tempfile.TemporaryDirectory()  # dlt keeps its state and its load packages there
os.environ["DLT_DATA_DIR"] = scratch.name

import dlt  # noqa: E402  # reads the environment above as it is imported
from pydantic import BaseModel  # noqa: E402


class Attribute(BaseModel):
    name1: str
    options1: str
    name2: str
    options2: str


class Variant(BaseModel):
    code: str
    parent_code: str
    visible: bool
    attribute: dict[str, str]
    price: float
    discount_price: float | None = None


class Product(BaseModel):
    type: str
    code: str
    title: str
    description: str
    image_link: str
    currency: str
    sell_price: float
    discount_price: float | None = None
    attribute: Attribute | None = None
    variants: list[Variant] = []


def prices(row, price):
    if row["Variant Compare At Price"]:
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


@dlt.resource(name="products", columns=Product, schema_contract={"data_type": "discard_row"}, max_table_nesting=0)
def read():
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        for handle, rows in groupby(csv.DictReader(file), itemgetter("Handle")):
            yield product(handle, list(rows))


out = Path(sys.argv[2])
out.mkdir(parents=True)
batches = 0


@dlt.destination(
    batch_size=500, naming_convention="direct", skip_dlt_columns_and_tables=True, max_table_nesting=0,
    max_parallel_load_jobs=1,
)
def arrays(items, table):
    global batches
    batches += 1
    text = json.dumps(items, default=str)
    (out / f"batch-{batches:04d}.json").write_text(text, encoding="utf-8")


dlt.pipeline("benchmark", destination=arrays, dataset_name="shop").run(read())
