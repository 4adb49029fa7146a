"""An output folder is replaced whole, but never what somebody else has put or mended there."""

from __future__ import annotations

from pathlib import Path

import pytest

import feedbridge
from feedbridge.errors import CommandError


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "shop.csv").write_text("sku,title,price\nA,Tee,1.00\nB,Cap,x\n", encoding="utf-8")
    again(tmp_path / "out")
    return tmp_path / "out"


def again(out: Path) -> None:
    feedbridge.convert(
        out.parent / "shop.csv", to=["flipsnack"], mapping="generic", set={"currency": "EUR", "decimal": "."}, out=out
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("mended.csv", "mended.csv", id="a file of somebody else"),
        pytest.param("quarantine/mine.csv", "quarantine/mine.csv", id="one in the quarantine"),
        pytest.param("quarantine/shop.csv", "was changed", id="rows mended in their place"),
    ],
)
def test_is_not_deleted(out: Path, name: str, said: str) -> None:
    (out / name).write_text("my work\n", encoding="utf-8")
    with pytest.raises(CommandError, match=said):
        again(out)
    assert (out / name).read_text(encoding="utf-8") == "my work\n"


def test_an_untouched_output_is_replaced(out: Path) -> None:
    again(out)
    assert (out / "manifest.json").is_file()
