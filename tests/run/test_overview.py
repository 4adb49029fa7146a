"""Members of documents that the mapping uses nothing of are named, however deep they lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import feedbridge

VARIANTS = [{"sku": "v", "price": 1, "options": {"Size": "M"}}, {"sku": "w", "price": 1, "options": {"Size": "L"}}]


@pytest.mark.parametrize(("more", "named"), [
    pytest.param({}, "", id="nothing"),
    pytest.param({"variants": VARIANTS}, "", id="variants are used"),
    pytest.param({"items": [{"sku": "a1", "price": 6}]}, "items", id="variants under another name"),
    pytest.param({"gallery": ["https://x.example/a.jpg"]}, "gallery", id="list of texts"),
    pytest.param({"deep": {"er": {"still": 1}}}, "deep", id="the topmost of a branch"),
    pytest.param({"price": {"amount": 5, "currency": "EUR", "note": "x"}}, "", id="an object that is read as a whole"),
    pytest.param({"texts": {"description": "d", "care": "cold"}}, "texts.care", id="beside a used one"),
    pytest.param({"variants": [VARIANTS[0] | {"hue": "red"}, VARIANTS[1]]}, "variants.hue", id="of a variant"),
    pytest.param({"images": [{"src": "https://x.example/a.jpg"}]}, "", id="a list that is gone through"),
    pytest.param({"images": ["https://x.example/a.jpg"]}, "", id="a list of addresses"),
])
def test_unused_members(tmp_path: Path, more: dict[str, Any], named: str):
    source = tmp_path / "r.json"
    source.write_text(json.dumps([{"sku": "a", "title": "A", "price": 5} | more]), encoding="utf-8")
    result = feedbridge.check(source, to="flipsnack", mapping="pim-json", set={"currency": "EUR"})
    said = [finding.message for finding in result.findings if finding.code == "mapping.unused-columns"]
    assert said == ([f"the mapping pim-json uses nothing of: {named}"] if named else [])
