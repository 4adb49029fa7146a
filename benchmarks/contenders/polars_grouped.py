"""polars: read as text, group by handle, write arrays of 500; nothing checked. Run: ``polars_grouped.py IN OUT``."""

import sys
from pathlib import Path

import polars as pl

price = pl.col("Variant Price").cast(pl.Float64, strict=False)
compare = pl.col("Variant Compare At Price").cast(pl.Float64, strict=False)
size, colour = pl.col("Option1 Value"), pl.col("Option2 Value")
variant = pl.struct(
    code=pl.col("Variant SKU"), parent_code=pl.col("Handle"), visible=pl.lit(True),
    attribute=pl.struct(options1=size, options2=colour), price=pl.coalesce(compare, price),
    discount_price=pl.when(compare.is_not_null()).then(price),
)

rows = pl.read_csv(sys.argv[1], infer_schema=False, truncate_ragged_lines=True)
single = size.first() == "Default Title"
products = rows.group_by("Handle", maintain_order=True).agg(
    type=pl.lit("product"),
    code=pl.when(single).then(pl.col("Variant SKU").first()).otherwise(pl.col("Handle").first()),
    title=pl.col("Title").first(),
    description=pl.col("Body (HTML)").first(),
    image_link=pl.col("Image Src").first(),
    currency=pl.lit("EUR"),
    sell_price=pl.coalesce(compare, price).first(),
    discount_price=pl.when(compare.is_not_null()).then(price).first(),
    attribute=pl.struct(
        name1=pl.col("Option1 Name").first(), options1=size.unique(maintain_order=True).str.join(","),
        name2=pl.col("Option2 Name").first(), options2=colour.unique(maintain_order=True).str.join(","),
    ),
    variants=variant.filter(size != "Default Title"),
).drop("Handle")

out = Path(sys.argv[2])
out.mkdir(parents=True)
for number, batch in enumerate(products.iter_slices(500), start=1):
    batch.write_json(out / f"batch-{number:04d}.json")
