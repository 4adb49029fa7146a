"""What one platform gets does not depend on which others are written in the same run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import feedbridge

ROOT = Path(__file__).resolve().parents[2]
PLATFORMS = ("flipsnack", "magento", "flickrocket")

NASTY = """sku,name,price,weight,gtin,stock,image,category,size,group
A1,Good,12.50,100,4006381333931,5,https://cdn.example/a.jpg,Mugs,,
A2,Bad weight,12.50,heavy,4006381333931,5,https://cdn.example/a.jpg,Mugs,,
A3,Bad stock,12.50,100,4006381333931,many,https://cdn.example/a.jpg,Mugs,,
A4,Bad GTIN,12.50,100,123,5,https://cdn.example/a.jpg,Mugs,,
A5,Bad price,twelve,100,,5,https://cdn.example/a.jpg,Mugs,,
A6,Bad image,12.50,100,,5,ftp://cdn.example/a.jpg,Mugs,,
B1,Group,10.00,100,,5,,Mugs,S,B
B2,Group,11.00,100,,5,,Mugs,M,B
B3,Group,11.00,oops,,5,,Mugs,L,B
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, tuple[Path, str, dict[str, str]]]:
    nasty = tmp_path / "nasty.csv"
    nasty.write_text(NASTY, encoding="utf-8")
    return {
        "nasty": (nasty, "generic", {"currency": "EUR", "decimal": "."}),
        "shop": (ROOT / "fixtures/demo/shop.csv", "shopify", {"currency": "EUR"}),
        "digital": (ROOT / "fixtures/demo/digital.csv", "digital", {}),
    }


@pytest.mark.parametrize("case", ["nasty", "shop", "digital"])
def test_alone_and_together(case: str, sources: dict[str, tuple[Path, str, dict[str, str]]], tmp_path: Path):
    source, mapping, given = sources[case]
    together = feedbridge.convert(source, to=PLATFORMS, mapping=mapping, set=given, out=tmp_path / "together")
    assert sum(counts["written"] for counts in together.counts.values())
    for name in PLATFORMS:
        alone = feedbridge.convert(source, to=name, mapping=mapping, set=given, out=tmp_path / name)
        assert alone.counts[name] == together.counts[name]
        assert tree(tmp_path / name / name) == tree(tmp_path / "together" / name)
        own = [finding for finding in together.findings if finding.platform in ("", name)]
        codes = sorted((finding.code, finding.line, finding.column, finding.sku) for finding in own)
        assert codes == sorted((finding.code, finding.line, finding.column, finding.sku) for finding in alone.findings)


def test_what_a_platform_has_no_place_for_holds_nothing_back(
    sources: dict[str, tuple[Path, str, dict[str, str]]], tmp_path: Path
):
    source, mapping, given = sources["nasty"]
    result = feedbridge.convert(source, to="flipsnack", mapping=mapping, set=given, out=tmp_path / "out")
    assert [product["code"] for product in result.payload("flipsnack")] == ["A1", "A2", "A3", "A4", "B"]
    held = {
        finding.sku: (finding.code, finding.line, finding.column)
        for finding in result.findings
        if finding.severity == "error"
    }
    assert held == {"A5": ("cell.price-format", 6, "price"), "A6": ("flipsnack.A24", 7, "image")}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["platforms"]["flipsnack"]["counts"]["variants"]["written"] == 3


def test_products_lists_what_was_written(sources: dict[str, tuple[Path, str, dict[str, str]]], tmp_path: Path):
    source, mapping, given = sources["nasty"]
    result = feedbridge.convert(source, to="flipsnack", mapping=mapping, set=given, out=tmp_path / "out")
    written = [product["code"] for product in result.payload("flipsnack")]
    listed = {product.sku: product for product in result.products}
    assert [sku for sku in listed if sku != "A6"] == written, "A6 is held back by Flipsnack's own rule"
    assert listed["A1"].weight_grams == 100 and listed["A2"].weight_grams is None
    assert set(result.to_frame()["sku"]) == set(listed)
