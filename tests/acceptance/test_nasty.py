"""Nasty CSV files of other people through the whole program: never a traceback, never a word of them lost unsaid.

The mapping is the most trivial one (SKU is the first column, title the last) and puts every cell of a row into the
description, so each word of a file must be found again: in a written product or in the quarantine.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from feedbridge.cli import run
from feedbridge.errors import SourceError
from feedbridge.sources.opening import open_source

ROOT = Path(__file__).resolve().parents[2]
NASTY = Path(os.environ.get("FEEDBRIDGE_SAMPLES", ROOT.parent / "shared" / "samples")) / "nasty-csv"
FILES = sorted(path for path in NASTY.rglob("*") if path.suffix in {".csv", ".tsv"}) if NASTY.is_dir() else []

pytestmark = pytest.mark.skipif(not FILES, reason="the nasty-csv samples are not here")

REFUSED = {
    ("csvkit/empty.csv", True): "source.empty",
    ("csvkit/empty.csv", False): "source.empty",
    ("duckdb/headers/integer.csv", True): "source.no-products",
    ("duckdb/headers/single_line.csv", True): "source.no-products",
    ("frictionless/without-rows.csv", True): "source.no-products",
    ("duckdb/test/unterminated.csv", True): "csv.header-quote",
    ("duckdb/unescaped_quotes/end_quote.csv", True): "csv.header-quote",
    ("duckdb/unescaped_quotes/unescaped_quote.csv", True): "csv.header-quote",
}
"""Files that cannot be read at all (with a header, or without), and the code of the one error."""


def name(path: Path) -> str:
    return path.relative_to(NASTY).as_posix()


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))


def mapping_for(columns: list[str], header: bool) -> str:
    document: dict[str, Any] = {
        "feedbridge": 1,
        "name": "nasty",
        "source": {"format": "csv", "header": header},
        "product": {
            "sku": {"from": columns[0], "required": True},
            "title": {"from": columns[-1], "required": True},
            "description": {"all": columns, "join": " "},
            "price": {"value": "1 EUR"},
        },
    }
    return json.dumps(document, ensure_ascii=True)  # JSON is YAML


def text_of(path: Path, read_as: dict[str, Any]) -> str:
    data = path.read_bytes()
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        data = data.removeprefix(mark)
    return data.decode(read_as["encoding"], "replace")


def output_words(out: Path) -> Counter[str]:
    """Words of the written products' descriptions, and of the records in the quarantine."""
    found: Counter[str] = Counter()
    for path in (out / "flipsnack").iterdir():
        for product in json.loads(path.read_text("utf-8")):
            found += words(product.get("description", ""))
    if (out / "quarantine").is_dir():
        for path in (out / "quarantine").iterdir():
            text = path.read_text("utf-8-sig")
            delimiter = re.match(r"line(.)code", text)
            assert delimiter, text[:50]
            csv.field_size_limit(1 << 27)
            for row in list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter[1]))[1:]:
                found += words(" ".join(row[4:]))
    return found


def converted(
    path: Path, header: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[Path | None, list[str]]:
    """The output folder and the columns; None when the file was refused, as it should be."""
    refused = REFUSED.get((name(path), header))
    try:
        columns = list(open_source(path, format="csv", header=header).header)
    except SourceError as exc:
        assert exc.code == refused, str(exc)
        columns = ["none"]
    if header and (not all(columns) or len(set(map(str.casefold, columns))) < len(columns)):
        return None, []  # its columns cannot be told apart by name: tried without a header only
    mapping = tmp_path / "nasty.yaml"
    mapping.write_text(mapping_for(columns, header), encoding="utf-8")
    out = tmp_path / "out"
    status = run(
        ["convert", str(path), "--mapping", str(mapping), "--to", "flipsnack", "--to", "magento", "--out", str(out)]
    )
    said = capsys.readouterr().err
    assert "has a fault" not in said and "Traceback" not in said, said
    if refused is not None:
        assert status == 3 and refused in said and "mend:" in said, said
        assert not out.exists()
        return None, []
    assert status in (0, 1), said
    return out, columns


@pytest.mark.parametrize("header", [True, False], ids=["header", "no-header"])
@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_word_is_written_or_in_the_quarantine(
    path: Path, header: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, columns = converted(path, header, tmp_path, capsys)
    if out is None:
        return
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    wanted = words(text_of(path, manifest["inputs"][0]["read_as"]))
    if header:
        wanted -= words(" ".join(columns))
    lost = wanted - output_words(out)
    assert not lost, f"lost: {dict(lost.most_common(20))}"
    findings = [json.loads(line) for line in (out / "findings.jsonl").read_text("utf-8").splitlines()]
    lines = text_of(path, manifest["inputs"][0]["read_as"]).replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    assert all(0 <= finding.get("line", 0) <= lines for finding in findings)
    counts = manifest["platforms"]["flipsnack"]["counts"]
    assert counts["read"] == counts["written"] + counts["held_back"]
    held = {
        finding["line"]
        for finding in findings
        if finding["severity"] == "error" and finding.get("platform") != "magento"
    }
    assert len(held) == counts["held_back"], "each held-back row is named by its line"


def test_the_files_are_found() -> None:
    assert len(FILES) >= 80
