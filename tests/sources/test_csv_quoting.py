"""Tab-separated files whose quotes are ordinary characters, and those whose quotes wrap cells all the same."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

import feedbridge
from feedbridge.sources.base import BadCells
from feedbridge.sources.csv import CsvSource

HEAD = "id\ttitle\tprice\n"
MANY = "".join(f"{n}\tplain {n}\t{n}\n" for n in range(20_000))


def read(folder: Path, text: str, **settings: Any) -> tuple[Any, list[Any]]:
    path = folder / "feed.tsv"
    path.write_bytes(text.encode())
    source = CsvSource(path, name="feed.tsv", **settings)
    return source, [record for batch in source.batches() for record in batch.records]


@pytest.mark.parametrize(
    ("rows", "titles", "line"),
    [
        pytest.param('1\t"Pro" pan\t5\n2\t12" pan\t6\n', ['"Pro" pan', '12" pan'], 2, id="text behind the quote"),
        pytest.param('1\t"Big\t5\n2\tSmall"\t6\n', ['"Big', 'Small"'], 2, id="two rows taken for one"),
        pytest.param('1\tpot\t5\n2\t"un\t6\n', ["pot", '"un'], 3, id="unclosed"),
        pytest.param('1\t"a"\t5\n2\t"Pro" pan\t6\n3\t"x" y\t7\n', ['"a"', '"Pro" pan', '"x" y'], 3, id="some wrapped"),
        pytest.param('1\t"Pro" pan\t5\n\n2\tb\t6\n', ['"Pro" pan', "b"], 2, id="a blank line"),
    ],
)
def test_quoting_is_off_where_only_so_all_rows_fit(tmp_path, rows, titles, line):
    source, records = read(tmp_path, HEAD + rows)
    assert [cells[1] for _, cells in records] == titles
    assert source.about["quote"] == ""
    [finding] = source.findings
    assert (finding.code, finding.line) == ("csv.quoting-off", line)


def test_a_quote_far_down_is_found_too(tmp_path):
    source, records = read(tmp_path, HEAD + MANY + 'X\t"Pro" pan\t5\n')
    assert (len(records), records[-1][1][1]) == (20_001, '"Pro" pan')
    assert [finding.code for finding in source.findings] == ["csv.quoting-off"]
    packed = tmp_path / "feed.tsv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "feed.tsv").read_bytes()))
    assert CsvSource(packed).dialect.quote == ""


@pytest.mark.parametrize(
    ("text", "settings", "bad"),
    [
        pytest.param(HEAD + '1\t"a"\t5\n2\t"two\nlines"\t6\n', {}, 0, id="well quoted"),
        pytest.param(HEAD + '1\t"12"" pan"\t5\n', {}, 0, id="doubled quotes"),
        pytest.param(HEAD + '1\t"a"\t5\n2\t"b"\t5\n3\t"c" d\t5\n', {}, 1, id="mostly wrapped"),
        pytest.param('"id"\t"title"\n1\t"c" d\n2\te\n', {}, 1, id="wrapped header"),
        pytest.param(HEAD + '1\t"c" d\t5\n2\te\n', {}, 1, id="a row too short either way"),
        pytest.param(HEAD + '1\t"a\tb" c\t5\n2\te\t6\n', {}, 1, id="a tab in quotes"),
        pytest.param(HEAD + '1\t"c" d\t5\n2\te\t6\n', {"quote": '"'}, 1, id="the quote is given"),
        pytest.param(HEAD.replace("\t", ",") + '1,"c" d,5\n2,e,6\n', {}, 1, id="commas"),
        pytest.param(HEAD + '1\t12" pan\t5\n', {}, 0, id="quotes only inside"),
    ],
)
def test_quoting_stays_on_elsewhere(tmp_path, text, settings, bad):
    source, records = read(tmp_path, text, **settings)
    assert source.dialect.quote == '"'
    assert sum(isinstance(cells, BadCells) for _, cells in records) == bad
    assert "csv.quoting-off" not in [finding.code for finding in source.findings]


def test_settings_and_other_encodings(tmp_path):
    path = tmp_path / "feed.tsv"
    path.write_bytes(("rubbish\n" + HEAD + '1\t"Größe" L\t5\n').encode("utf-16"))
    source = CsvSource(path, skip_lines=1)
    assert (source.header, source.findings[0].line) == (["id", "title", "price"], 3)
    assert [cells[1] for batch in source.batches() for _, cells in batch.records] == ['"Größe" L']


MAPPING = """feedbridge: 1
name: feed
records: {one: product}
product:
  sku: id
  title: title
  price: {from: price, as: money, currency: EUR, decimal: "."}
"""


def test_held_back_rows_of_such_a_file_are_fed_back(tmp_path):
    (tmp_path / "m.yaml").write_text(MAPPING)
    (tmp_path / "feed.tsv").write_text(HEAD + '1\t"Pro" pan\tcheap\n2\t"Mini" pan\t5\n')
    first = feedbridge.convert(
        tmp_path / "feed.tsv", mapping=str(tmp_path / "m.yaml"), to="flipsnack", out=tmp_path / "out"
    )
    assert (first.counts["flipsnack"]["written"], first.counts["flipsnack"]["held_back"]) == (1, 1)
    [held] = (tmp_path / "out" / "quarantine").iterdir()
    held.write_bytes(held.read_bytes().replace(b"\tcheap", b"\t9"))
    again = feedbridge.convert(held, mapping=str(tmp_path / "m.yaml"), to="flipsnack", out=tmp_path / "again")
    assert again.counts["flipsnack"]["written"] == 1
    assert '\\"Pro\\" pan' in (tmp_path / "again" / "flipsnack" / "batch-0001.json").read_text()
