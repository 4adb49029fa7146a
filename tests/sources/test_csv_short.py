"""Short rows: said one by one where they are the exception, once a width where an exporter writes them so; and a file
that ends in one, without a line end, is cut off only where the rows before it are not as short."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from feedbridge.sources.base import FRONT_COLUMNS, BadCells
from feedbridge.sources.csv import CsvSource

HEADER = "sku,title,price,stock,colour\n"


class Outcome(NamedTuple):
    good: list[str]
    bad: list[tuple[int, str]]
    told: list[tuple[int, str]]


def outcome(source: CsvSource) -> Outcome:
    batches = list(source.batches())
    records = [record for batch in batches for record in batch.records]
    assert all(len(cells) == len(source.header) for _, cells in records)
    bad = [(line, cells.finding.code) for line, cells in records if isinstance(cells, BadCells)]
    good = [cells[0] for _, cells in records if not isinstance(cells, BadCells)]
    return Outcome(good, bad, [(one.line, one.message) for batch in batches for one in batch.findings])


def opened(folder: Path, text: str, block: int = 1 << 18) -> CsvSource:
    path = folder / "feed.csv"
    path.write_text(text, encoding="utf-8")
    return CsvSource(path, name="feed.csv", block=block)


def rows(*widths: int, end: str = "\n") -> str:
    """Rows of so many cells each; ``end`` stands behind the last."""
    return "\n".join(",".join([f"S{n}", *"abcdefg"][:width]) for n, width in enumerate(widths, 1)) + end


CUT, WHOLE = "csv.cut-off", ""


@pytest.mark.parametrize(
    ("widths", "last"),
    [
        pytest.param((5, 5, 5, 3), CUT, id="no other row is short"),
        pytest.param((3,), CUT, id="the only row"),
        pytest.param((3, 3), CUT, id="one row before it says too little"),
        pytest.param((5, 3, 5, 5, 3), CUT, id="one accident as short"),
        pytest.param((3, 3, 3), WHOLE, id="all are as short"),
        pytest.param((3, 3, 5, 3, 3), WHOLE, id="most are as short"),
        pytest.param((4, 3, 4, 4, 3), WHOLE, id="most are short, some as much"),
        pytest.param((4, 2, 3, 4, 3), WHOLE, id="empty cells at the end are left off, each row its own way"),
        pytest.param((4, 4, 4, 4, 2), CUT, id="shorter than any other"),
        pytest.param((5, 5, 5, 5, 4, 5, 5, 4, 5, 4), WHOLE, id="some are as short"),
        pytest.param((*[5] * 30, 4, 4, 4), CUT, id="too few for a habit"),
        pytest.param((3, 3, 3, 5), WHOLE, id="the last one is whole"),
    ],
)
@pytest.mark.parametrize("block", [7, 1 << 18])
def test_whether_the_last_row_is_whole(tmp_path, widths, last, block):
    found = outcome(opened(tmp_path, HEADER + rows(*widths, end=""), block))
    assert found.bad == ([(len(widths) + 1, CUT)] if last else [])
    assert len(found.good) == len(widths) - len(found.bad)


def test_with_a_line_end_it_is_never_cut_off(tmp_path):
    found = outcome(opened(tmp_path, HEADER + rows(5, 5, 5, 2)))
    assert (found.bad, [line for line, _ in found.told]) == ([], [5])


@pytest.mark.parametrize("block", [7, 1 << 18])
def test_a_habit_is_said_once_a_width_with_all_counted(tmp_path, block):
    text = HEADER + rows(3, 3, 5, 4, 3, 2, 4, 3, end="")
    assert outcome(opened(tmp_path, text, block)).told == [
        (2, "3 of 5 cells in 4 rows, as most rows of the file are short (lines 2, 3, 6, 9); the missing ones are read as empty"),
        (5, "4 of 5 cells in 2 rows, as most rows of the file are short (lines 5, 8); the missing ones are read as empty"),
        (7, "2 of 5 cells; the missing ones are read as empty"),
    ]  # fmt: skip


def test_the_count_is_complete_beyond_the_rows_that_were_looked_at_first(tmp_path):
    found = outcome(opened(tmp_path, HEADER + rows(*[4, 4, 4, 5] * 500), block=512))
    assert found.told == [
        (
            2,
            "4 of 5 cells in 1,500 rows, as most rows of the file are short (lines 2, 3, 4, 6, 7, 8, 10, 11, 12, 14 …); "
            "the missing ones are read as empty",
        )
    ]
    assert len(found.good) == 2000


def test_the_exception_is_said_row_by_row(tmp_path):
    told = outcome(opened(tmp_path, HEADER + rows(5, 4, 5, 3, 5, 5))).told
    assert told == [
        (3, "4 of 5 cells; the missing ones are read as empty"),
        (5, "3 of 5 cells; the missing ones are read as empty"),
    ]


def test_ranges_say_the_same_as_one_reading(tmp_path):
    widths = [4, 5, 3, 4, 4, 5] * 400
    source = opened(tmp_path, HEADER + rows(*widths, end=""))
    parts = source.split(4, least_bytes=1)
    assert len(parts) == 4
    batches = [batch for part in parts for batch in source.batches(part)]
    whole = list(source.batches())
    assert [r for batch in batches for r in batch.records] == [r for batch in whole for r in batch.records]
    told = [finding for batch in batches for finding in batch.findings]
    assert told == [finding for batch in whole for finding in batch.findings]
    assert [finding.line for finding in told] == [2, 4]


def test_a_file_fed_back_has_no_habits(tmp_path):
    """A short row of a quarantine may be one that nobody has mended."""
    front = ",".join(FRONT_COLUMNS)
    text = f"{front},{HEADER}" + "".join(f"{n},csv.cut-off,why,how,S{n},a\n" for n in range(2, 8))
    source = opened(tmp_path, text)
    assert source.is_quarantine
    assert [code for _, code in outcome(source).bad] == ["csv.short-row"] * 6


def test_a_wide_export_without_its_empty_cells_at_the_end(tmp_path):
    """Fourteen of seventeen rows end before five empty cells, and so does the last one, without a line end."""
    header = ",".join(f"column {n}" for n in range(1, 46)) + "\n"
    short, full = ",".join(["x"] * 40), ",".join(["y"] * 45)
    lines = [full, short, short, full, *[short] * 7, full, *[short] * 5]
    found = outcome(opened(tmp_path, header + "\n".join(lines)))
    assert found.bad == []
    assert [(line, text.partition(",")[0]) for line, text in found.told] == [(3, "40 of 45 cells in 14 rows")]
