"""A held-back product and a written one with the same SKU: said, so that feeding the first back does not surprise."""

from __future__ import annotations

from pathlib import Path

import pytest

import feedbridge


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        pytest.param(["X,A,1x", "X,B,2"], [3], id="held first"),
        pytest.param(["X,A,1", "X,B,zz"], [3], id="written first"),
        pytest.param(["X,A,1x", "X,B,zz"], [], id="both held"),
        pytest.param(["X,A,1", "X,B,2"], [], id="both sound: the rule for doubles says so"),
        pytest.param(["X,A,1x", "Y,B,2"], [], id="another SKU"),
        pytest.param(["X,A,1x", *[f"P{n},P,1" for n in range(250)], "X,B,2"], [253], id="far apart"),
        pytest.param(["X,A,1", *[f"P{n},P,1" for n in range(250)], "X,B,zz"], [253], id="far apart, written first"),
    ],
)
def test_is_said_once(tmp_path: Path, rows: list[str], lines: list[int]) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("sku,title,price\n" + "\n".join(rows) + "\n", encoding="utf-8")
    result = feedbridge.check(path, to=["flipsnack"], mapping="generic", set={"currency": "EUR", "decimal": "."})
    assert [finding.line for finding in result.findings if finding.code == "run.held-sku"] == lines
