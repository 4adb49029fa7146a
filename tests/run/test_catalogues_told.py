"""What a run says of the catalogues it looked titles up in: once, and in the manifest, however many processes worked."""

from __future__ import annotations

import pytest

from feedbridge.run.engine import run
from feedbridge.run.manifest import manifest_of
from feedbridge.run.preparing import prepare

MAPPING = """\
feedbridge: 1
records: {one: product}
product:
  sku: {from: SKU, required: true}
  title: {from: Title, required: true}
  kind: {value: digital}
  digital: {licences: [{price_id: {from: Price model, lookup: {catalogue: flickrocket.prices}}}]}
"""


@pytest.mark.parametrize("workers", [pytest.param(1, id="one process"), pytest.param(3, id="workers")])
def test_titles_written_otherwise_are_told_once(tmp_path, workers):
    (tmp_path / "prices.csv").write_text("title,id\nBooks tier A,46\nBooks tier B,47\n")
    (tmp_path / "books.yaml").write_text(MAPPING)
    titles = ["Books tier A", *["Books tier B"] * 500, "BOOKS tier a", *["Books tier B"] * 500, "books  tier b"]
    lines = [f"SKU-{number},Book,{title}" for number, title in enumerate(titles)]
    (tmp_path / "books.csv").write_text("\n".join(["SKU,Title,Price model", *lines, ""]))
    given = {"flickrocket.prices": str(tmp_path / "prices.csv")}
    job = prepare(
        str(tmp_path / "books.csv"), "flickrocket", str(tmp_path / "books.yaml"), given, workers, False, None, ["books.csv"])
    job.range_bytes = 4_000
    done = run(job, None)
    ((told),) = done.findings.first["mapping.catalogue-spelling"]
    assert '"BOOKS tier a" for "Books tier A", "books  tier b" for "Books tier B"' in told.message
    assert (told.severity, told.column) == ("advice", "Price model")
    manifest = manifest_of(job, done)
    assert manifest["mappings"][0]["catalogues"] == [
        {"name": "flickrocket.prices", "from": str(tmp_path / "prices.csv"), "entries": 2}]
    ((lookup),) = manifest["inputs"][0]["lookups"]
    assert (lookup["found"], lookup["missing"]) == (len(titles), {})
