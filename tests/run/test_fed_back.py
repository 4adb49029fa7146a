"""A record held back because its SKU is another product's does not slip through when it is fed back alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import feedbridge

CSV = "sku,name,price\nA,Mug,1\nB,Jug,2\nA,Bowl,3\n"
LINES = "".join(
    json.dumps(dict(zip(("sku", "name", "price"), row, strict=True))) + "\n"
    for row in [("A", "Mug", "1"), ("B", "Jug", "2"), ("A", "Bowl", "3")]
)


@pytest.mark.parametrize(
    ("name", "text"), [pytest.param("shop.csv", CSV, id="table"), pytest.param("shop.jsonl", LINES, id="documents")]
)
def test_unmended_and_mended(tmp_path: Path, name: str, text: str):
    def convert(source: Path, out: str) -> feedbridge.Result:
        return feedbridge.convert(
            source,
            to=["flipsnack", "magento"],
            mapping="generic",
            set={"currency": "EUR", "decimal": "."},
            out=tmp_path / out,
        )

    source = tmp_path / name
    source.write_text(text, encoding="utf-8")
    first = convert(source, "first")
    assert [product["title"] for product in first.payload("flipsnack")] == ["Mug", "Jug"]

    held = tmp_path / "first" / "quarantine" / name
    again = convert(held, "again")
    assert again.payload("flipsnack") == [] and again.exit_status == 1
    (finding,) = [finding for finding in again.findings if finding.severity == "error"]
    assert finding.code == "source.unmended" and 'another product has the SKU "A"' in finding.mend
    third = convert(tmp_path / "again" / "quarantine" / name, "third")
    assert third.payload("flipsnack") == []

    mended = tmp_path / f"mended-{name}"
    content = held.read_text(encoding="utf-8-sig")
    mended.write_text(
        content.replace(",A,Bowl", ",C,Bowl").replace('"sku": "A"', '"sku": "C"').replace('"sku":"A"', '"sku":"C"'),
        encoding="utf-8",
    )
    done = convert(mended, "mended")
    assert [product["code"] for product in done.payload("flipsnack")] == ["C"] and done.exit_status == 0
