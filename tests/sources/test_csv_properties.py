"""Any table written in any dialect reads back; damage stays where it is; ranges give what the whole file gives."""

from __future__ import annotations

import codecs
import re
import tempfile
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedbridge.sources.base import BadCells
from feedbridge.sources.csv import CsvSource, RangeNotClean

FAST = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SPECIAL = [*"aB1 .é€,;\t|\"'\n\r", "\r\n", '""', ', "', "\x0b", "\x1c", "\x85", "\u2028", "ß", "\\", "x\ny"]
IN_CP1252 = [piece for piece in SPECIAL if piece not in ("\x85", "\u2028")]
ENCODINGS = [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE), ("cp1252", b"")]


class Written(msgspec.Struct):
    """A table, its text, and the first physical line and cells of every row that is not empty."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    text: str
    delimiter: str
    quote: str


def lines_in(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def write(header: list[str], table: list[list[str]], delimiter: str, quote: str, end: str, always: bool) -> Written:
    """Written by hand: the csv module is what is under test."""
    text, rows = "", []
    for cells in [header, *table]:
        line = lines_in(text) + 1
        written = []
        for cell in cells:
            if always or any(sign in cell for sign in (delimiter, quote, "\r", "\n")) or (len(cells) == 1 and not cell):
                cell = quote + cell.replace(quote, quote + quote) + quote
            written.append(cell)
        text += delimiter.join(written) + end
        if any(cells) and not (len(cells) == 1 and not cells[0]):
            rows.append((line, list(cells)))
    return Written(header, rows[1:], text, delimiter, quote)


def cell_texts(delimiter: str, pieces: list[str]) -> st.SearchStrategy[str]:
    text = st.lists(st.sampled_from(pieces), max_size=4).map("".join)
    # A cell of several lines with as many delimiters as a row has is held back on purpose: see test_csv.py.
    return text.map(lambda cell: cell.replace(delimiter, "_") if re.search("[\r\n]", cell) else cell)


@st.composite
def tables(
    draw: st.DrawFn, pieces: list[str] = SPECIAL, least_width: int = 1, most_rows: int = 8, begin: str = ""
) -> Written:
    width = draw(st.integers(least_width, 6))
    delimiter = draw(st.sampled_from(",;\t|"))
    header = [f"column {number}" for number in range(width)]
    cell = cell_texts(delimiter, pieces).map(lambda text: begin + text if text[:1] in "\r\n,;\t|\"'" else text)
    row = st.lists(cell, min_size=width, max_size=width)
    table = draw(st.lists(row, max_size=most_rows))
    return write(
        header,
        table,
        delimiter,
        draw(st.sampled_from("\"'")),
        draw(st.sampled_from(["\n", "\r\n", "\r"])),
        draw(st.booleans()),
    )


def source(data: bytes, table: Written, folder: str, block: int = 1 << 18, **options: object) -> CsvSource:
    path = Path(folder) / "feed.csv"
    path.write_bytes(data)
    return CsvSource(path, delimiter=table.delimiter, quote=table.quote, block=block, **options)  # type: ignore[arg-type]  # a test's shorthand


@FAST
@given(data=st.data(), encoding=st.sampled_from(ENCODINGS), block=st.integers(1, 60))
def test_every_table_reads_back_with_its_lines(data, encoding, block):
    codec, bom = encoding
    table = data.draw(tables(IN_CP1252 if codec == "cp1252" else SPECIAL))
    with tempfile.TemporaryDirectory() as folder:
        read = source(bom + table.text.encode(codec), table, folder, block, encoding=codec)
        records = [record for batch in read.batches() for record in batch.records]
    assert read.header == table.header
    assert records == table.rows
    assert not any(isinstance(cells, BadCells) for _, cells in records)


@FAST
@given(table=tables(least_width=2), block=st.integers(1, 40))
def test_without_a_last_line_end_nothing_changes(table, block):
    text = table.text.rstrip("\r\n")
    with tempfile.TemporaryDirectory() as folder:
        read = source(text.encode(), table, folder, block, encoding="utf-8")
        assert [record for batch in read.batches() for record in batch.records] == table.rows


def physical_lines(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Written, str, int]:
    """A table, its text with one quote too many somewhere behind the header, and the place of that quote."""
    # Behind one quote too many, an opening quote closes. When a line end, delimiter or quote follows it, both ways to
    # read the text are equally good, and no reader can tell; so here cells begin with something else.
    table = draw(tables(least_width=2, begin="x").filter(lambda t: bool(t.rows)))
    begin = len(physical_lines(table.text)[0])
    place = draw(st.integers(begin, len(table.text)))
    if table.text[place - 1 : place + 1] == "\r\n":
        place -= 1
    return table, table.text[:place] + table.quote + table.text[place:], place


@settings(FAST, max_examples=200)
@given(damage=damaged(), block=st.integers(1, 60))
def test_one_quote_too_many_loses_no_line_and_no_other_row(damage, block):
    table, text, place = damage
    with tempfile.TemporaryDirectory() as folder:
        read = source(text.encode(), table, folder, block, encoding="utf-8")
        batches = list(read.batches())
    records = [record for batch in batches for record in batch.records]
    warned = {finding.line for batch in batches for finding in batch.findings}
    spans = []
    for line, cells in records:
        last = cells.last_line if isinstance(cells, BadCells) else line + sum(map(lines_in, cells))
        spans.append((line, last, isinstance(cells, BadCells) or line in warned))
        assert len(cells) == len(table.header)

    for number, content in enumerate(physical_lines(text), 1):
        if number > 1 and content.strip(table.delimiter + table.quote + " \t\r\n\x0b\x1c\x85\u2028"):
            assert any(first <= number <= last for first, last, _ in spans), (number, content)
    hurt = lines_in(table.text[:place]) + 1
    others = [row for index, row in enumerate(table.rows) if not is_hurt(table, index, hurt)]
    for row in others:
        if row not in records:
            last_line = row[0] + sum(map(lines_in, row[1]))
            assert any(first <= last_line and row[0] <= last and told for first, last, told in spans), row


def is_hurt(table: Written, index: int, line: int) -> bool:
    following = [first for first, _ in table.rows[index + 1 :]]
    return table.rows[index][0] <= line and (not following or line < following[0])


@FAST
@given(damage=damaged(), one=st.integers(1, 30), other=st.integers(31, 1000))
def test_the_block_size_never_shows(damage, one, other):
    table, text, _ = damage
    results = []
    for block in (one, other):
        with tempfile.TemporaryDirectory() as folder:
            read = source(text.encode(), table, folder, block, name="feed.csv", encoding="utf-8")
            batches = list(read.batches())
        records = [record for batch in batches for record in batch.records]
        findings = [*read.findings, *(finding for batch in batches for finding in batch.findings)]
        findings += [cells.finding for _, cells in records if isinstance(cells, BadCells)]
        results.append((records, findings))
    assert results[0] == results[1]


@FAST
@given(
    text=st.one_of(tables(least_width=2, most_rows=12).map(lambda t: (t, t.text)), damaged().map(lambda d: d[:2])),
    parts=st.integers(2, 5),
    bom=st.sampled_from([b"", codecs.BOM_UTF8]),
)
def test_clean_ranges_give_the_sequential_reading(text, parts, bom):
    table, content = text
    with tempfile.TemporaryDirectory() as folder:
        read = source(bom + content.encode(), table, folder, encoding="utf-8")
        whole = list(read.batches())
        ranges = read.split(parts, least_bytes=1)
        try:
            pieces = [batch for part in ranges for batch in read.batches(part)]
        except RangeNotClean:
            return
    if ranges:
        assert [r for b in pieces for r in b.records] == [r for b in whole for r in b.records]
        assert [f for b in pieces for f in b.findings] == [f for b in whole for f in b.findings]
        assert all(one.end == two.start for one, two in pairwise(ranges))


def test_a_well_formed_file_is_split_and_read_in_ranges(tmp_path):
    rows = [[f"sku-{n}", 'two\nlines, "quoted"' if n % 3 else "", str(n)] for n in range(500)]
    table = write(["sku", "text", "n"], rows, ",", '"', "\r\n", False)
    path = tmp_path / "feed.csv"
    path.write_bytes(table.text.encode())
    read = CsvSource(path)
    ranges = read.split(4, least_bytes=1)
    assert len(ranges) == 4
    assert [r for part in ranges for b in read.batches(part) for r in b.records] == table.rows


@pytest.mark.parametrize("encoding", ["utf-16-le", "shift_jis"])
def test_encodings_with_hidden_line_ends_are_not_split(tmp_path, encoding):
    path = tmp_path / "feed.csv"
    path.write_bytes("a,b\n1,2\n3,4\n".encode(encoding))
    assert CsvSource(path, encoding=encoding).split(2, least_bytes=1) == []
