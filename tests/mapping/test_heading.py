"""A first line that is no header is said, and where the header stands."""

from __future__ import annotations

import openpyxl
import pytest

from feedbridge.cli import run
from feedbridge.mapping.heading import heading_hint
from feedbridge.sources.opening import open_source

TABLE = ["sku;title;price;stock", "a;Red hat;1.50;3", "b;Blue hat;2.50;4"]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        pytest.param(["Price list 2024", *TABLE], 2, id="a title"),
        pytest.param(["Price list 2024;;;", "", *TABLE], 3, id="a title with empty cells, and a blank line"),
        pytest.param(["Price list, 2024", "valid from May, until then", *TABLE], 3, id="two titles, with commas"),
        pytest.param(TABLE, 0, id="a header"),
        pytest.param(["foo;bar;baz", "a;Red hat;1.50", "b;Blue hat;2.50"], 0, id="names that say nothing"),
        pytest.param(["sku", "a", "b"], 0, id="one column"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_line_of_the_header(lines, line, kind, tmp_path):
    path = tmp_path / f"feed.{kind}"
    if kind == "csv":
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        book = openpyxl.Workbook()
        for text in lines:
            book.active.append(text.split(";") if text else [])
        book.save(path)
    hint = heading_hint(open_source(path))
    assert (f"line {line} does" in hint, f"source.skip_lines={line - 1} " in hint) == (
        (True, True) if line else (False, False)
    )
    assert bool(hint) == bool(line)


def test_a_title_over_names_nobody_knows(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text("Price list 2024;;\nfoo;bar;baz\na;Red hat;1.50\n", encoding="utf-8")
    assert "source.skip_lines=N" in heading_hint(open_source(path))


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        pytest.param("auto", "mapping.not-recognised", id="auto"),
        pytest.param("generic", "mapping.unknown-column", id="named"),
    ],
)
def test_it_is_told_and_helps(mapping, code, tmp_path, capsys):
    path = tmp_path / "feed.csv"
    path.write_text("\n".join(["Price list 2024", "", *TABLE]) + "\n", encoding="utf-8")
    words = ["check", str(path), "--mapping", mapping, "--set", "currency=EUR", "--to", "flipsnack"]
    assert run(words) == 2
    told = capsys.readouterr().err
    assert code in told
    assert told.count('the first line ("Price list 2024") does not look like a header, but line 3 does') == 1
    assert "--set source.skip_lines=2" in told and f"feedbridge mapping suggest {path}" in told
    assert run([*words, "--set", "source.skip_lines=2"]) == 0
