"""Rows that a quote too many swallowed: read again, held back, or told; and text that only looks like rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feedbridge.sources.base import BadCells
from feedbridge.sources.csv import CsvSource, RangeNotClean
from feedbridge.sources.csv_habits import Habits, swallowed
from feedbridge.sources.dialect import Dialect

HOSTILE = Path(__file__).resolve().parents[2] / "fixtures" / "hostile"
HEADER = "sku,name,price,stock\n"
GOOD = "".join(f"S{n},name {n},{n}.50,{n}\n" for n in range(1, 4))


def outcome(path: Path, block: int = 1 << 18) -> tuple[list[Any], list[Any], list[Any]]:
    """Good records as (line, first cell), bad ones as (line, code, raw text), warnings as (line, code)."""
    batches = list(CsvSource(path, name="feed.csv", block=block).batches())
    records = [record for batch in batches for record in batch.records]
    bad = [(line, cells.finding.code, cells.raw) for line, cells in records if isinstance(cells, BadCells)]
    good = [(line, cells[0]) for line, cells in records if not isinstance(cells, BadCells)]
    return good, bad, [(finding.line, finding.code) for batch in batches for finding in batch.findings]


def written(folder: Path, text: str) -> Path:
    path = folder / "feed.csv"
    path.write_text(text)
    return path


def test_the_swallowed_rows_of_the_fixture_are_read_or_held_back():
    good, bad, warned = outcome(HOSTILE / "open-quote-right-length.csv")
    assert good == [(2, "thing-1"), (4, "thing-3"), (6, "thing-5")]
    assert [(line, code) for line, code, _ in bad] == [(3, "csv.open-quote"), (5, "csv.long-row")]
    assert warned == []


CERTAIN = 'A,"a,1,2\nB,b,3,4\nC,c",5,6\n'
TWO_LINES = 'A,a,1,"2\nC,c,5,6"\n'
LONG_INSIDE = 'A,"a,1,2\nB,b,with,more,3,4\nC,c",5,6\n'


@pytest.mark.parametrize("block", [1, 7, 1 << 18])
@pytest.mark.parametrize(
    ("text", "good", "bad", "warned"),
    [
        pytest.param(
            CERTAIN, [(6, "B"), (7, "C")], [(5, "csv.open-quote", 'A,"a,1,2\n')], [], id="rows by their numbers"
        ),
        pytest.param(
            TWO_LINES, [], [(5, "csv.suspicious-quote", TWO_LINES)], [], id="perhaps a row: the whole record is held"
        ),
        pytest.param(
            'A,"Sizes: S,M,L\nColours: red,blue",1,2\n', [(5, "A")], [], [(5, "csv.suspicious-quote")],
            id="lists as wide as a row, but no prices",
        ),
        pytest.param(
            'A,"see\nS,M,L,XL\nend",1,2\n', [(5, "A")], [], [(5, "csv.suspicious-quote")], id="a line of sizes inside"
        ),
        pytest.param(
            'A,"in red, in blue, in green\nin wool, in silk",1,2\n', [(5, "A")], [], [(5, "csv.suspicious-quote")],
            id="prose",
        ),
        pytest.param('A,"one\ntwo, three\nfour",1,2\n', [(5, "A")], [], [], id="plain text"),
        pytest.param('"x\ny",,,"\n"\n', [(5, "x\ny")], [], [], id="two cells of several lines"),
    ],
)  # fmt: skip
def test_with_rows_to_compare(tmp_path, text, good, bad, warned, block):
    found = outcome(written(tmp_path, HEADER + GOOD + text + "D,d,7,8\n"), block=block)
    start = [(line, f"S{line - 1}") for line in (2, 3, 4)]
    last = len((HEADER + GOOD + text).splitlines()) + 1
    assert found == ([*start, *good, (last, "D")], bad, warned)


WIDE = [f"c{n}" for n in range(12)]


@pytest.mark.parametrize(
    ("body", "width", "verdict"),
    [
        pytest.param(["a,b", "x,y"], 12, "", id="short lines"),
        pytest.param([",".join("abcdefghijklm"), "x"], 12, "", id="only the first line is long"),
        pytest.param(["x", ",".join("abcdefghijkl"), "y"], 12, "doubtful", id="one line is a row"),
        pytest.param(["x", ",".join("abcdefghijklmnop"), "y"], 12, "doubtful", id="one line is a row too long"),
        pytest.param(["x", ", ".join("abcdefghijkl"), "y, z"], 12, "suspected", id="a sentence as wide"),
    ],
)
def test_without_rows_to_compare(body, width, verdict):
    lines = [f'A,"{body[0]}\n', *(f"{line}\n" for line in body[1:-1]), f'{body[-1]}"' + ",z" * (width - 2) + "\n"]
    cells = ["A", "\n".join(body), *["z"] * (width - 2)]
    assert swallowed(lines, cells, Dialect(), width, Habits()) == verdict


def test_a_short_record_over_a_line_like_a_row_is_held_back(tmp_path):
    header = ",".join(f"c{n}" for n in range(10))
    row = ",".join("0123456789") + ",,more"
    good, bad, _ = outcome(written(tmp_path, f'{header}\nA,"x\n{row}\ny",1,2\nB,{",".join("123456789")}\n'))
    assert good == [(5, "B")]
    assert [(line, code) for line, code, _ in bad] == [(2, "csv.suspicious-quote")]


def test_a_range_with_a_doubtful_record_is_read_in_one_piece(tmp_path):
    source = CsvSource(written(tmp_path, HEADER + GOOD * 50 + TWO_LINES + GOOD * 50))
    ranges = source.split(2, least_bytes=1)
    assert len(ranges) == 2
    with pytest.raises(RangeNotClean):
        for part in ranges:
            list(source.batches(part))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param(["X", "text", "12.50", "https://x.example/2.jpg", "active"], "row", id="all as ever"),
        pytest.param(["X", "text", "1.299,00", "", "draft"], "row", id="empty tells nothing"),
        pytest.param(["X", "text", " 12", "see below", "none"], "text", id="nothing as ever"),
        pytest.param(["X", "text", "12", "see below", ""], "text", id="one of two"),
        pytest.param(["X", "text", "", "", ""], "unknown", id="nothing to compare"),
    ],
)
def test_habits(cells, expected):
    rows = [
        [f"S{n}", f"name {n}", f"{n}.00", f"https://x.example/{n}.jpg", "draft" if n == 3 else "active"]
        for n in range(12)
    ]
    assert Habits(rows, 5).judge(cells, 0, 5) == expected
    assert Habits(rows, 5).judge(cells, 0, 2) == "unknown"
    assert Habits([], 5).judge(cells, 0, 5) == "unknown"
