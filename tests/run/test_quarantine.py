from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.findings import Finding, Severity
from feedbridge.run.quarantine import UNMENDED, QuarantineWriter, reasons
from feedbridge.sources.base import BadCells, BadDocument

FRONT = ["line", "code", "problem", "mend"]
HEADER = ["Handle", "Title", "Price"]
WHY = ("cell.price", "no price", "write one")


def problem(**more) -> Finding:
    return Finding(**{"code": "cell.x", "severity": Severity.ERROR, "message": "is wrong", **more})


def rows_of(path: Path, delimiter: str = ",") -> list[list[str]]:
    text = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode()
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def bad(cells: list[str], raw: str, reliable: int) -> BadCells:
    broken = BadCells(cells)
    broken.raw, broken.reliable, broken.last_line, broken.finding = raw, reliable, 9, problem()
    return broken


def one_row(folder: Path, cells: list[str], why: tuple[str, str, str] = WHY) -> list[str]:
    writer = QuarantineWriter(folder)
    writer.table("feed.csv", HEADER, ",").add(7, *why, cells)
    writer.finish()
    return rows_of(folder / "feed.csv")[1]


# what the files look like


def test_a_table_is_written_in_its_own_shape(tmp_path):
    writer = QuarantineWriter(tmp_path / "quarantine")
    sheet = writer.table("shop/feed.csv", HEADER, ";")
    sheet.add(14, "cell.price", '"12,5O" is no number', "write 12,50", ["tasse", 'Tasse "rot"', "12,5O"])
    sheet.add(15, "", "", "", ["tasse", "", ""])
    files = writer.finish()
    data = (tmp_path / "quarantine" / "feed.csv").read_bytes()
    assert data == codecs.BOM_UTF8 + (
        b"line;code;problem;mend;Handle;Title;Price\r\n"
        b'14;cell.price;"""12,5O"" is no number";write 12,50;tasse;"Tasse ""rot""";12,5O\r\n'
        b"15;;;;tasse;;\r\n"
    )
    assert files == [
        {"path": "quarantine/feed.csv", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "records": 2}
    ]


def test_documents_are_written_with_their_reason_first_and_their_numbers_exact(tmp_path):
    writer = QuarantineWriter(tmp_path)
    sheet = writer.documents("feed.json")
    sheet.add(3, *WHY, {"sku": "A", "price": Decimal("12.50"), "n": 10**30, "tags": ["ä", None, True]}, "/products/0")
    broken = BadDocument()
    broken.raw, broken.finding = '{"sku": "B"', problem()
    sheet.add(4, *WHY, broken)
    [entry] = writer.finish()
    assert (entry["path"], entry["records"]) == (f"{tmp_path.name}/feed.jsonl", 2)
    first, second = (tmp_path / "feed.jsonl").read_text(encoding="utf-8").splitlines()
    assert first == (
        '{"_feedbridge": {"line": 3, "code": "cell.price", "problem": "no price", "mend": "write one", '
        '"pointer": "/products/0"}, "sku": "A", "price": 12.50, "n": 1000000000000000000000000000000, '
        '"tags": ["ä", null, true]}'
    )
    assert json.loads(second)["_feedbridge"]["raw"] == '{"sku": "B"'


def test_nothing_held_back_leaves_nothing(tmp_path):
    writer = QuarantineWriter(tmp_path / "quarantine")
    writer.table("a.csv", HEADER, ",")
    writer.documents("b.json")
    assert writer.finish() == []
    assert not (tmp_path / "quarantine").exists()


def test_only_sources_with_held_back_records_have_a_file(tmp_path):
    writer = QuarantineWriter(tmp_path)
    writer.table("a.csv", HEADER, ",")
    writer.table("b.csv", HEADER, ",").add(2, *WHY, ["x", "y", "z"])
    assert [entry["records"] for entry in writer.finish()] == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]


def test_duplicate_and_empty_headers_stay(tmp_path):
    header = ["Title", "Title", "", "line", "a;b"]
    writer = QuarantineWriter(tmp_path)
    writer.table("feed.csv", header, ";").add(2, *WHY, list("12345"))
    writer.finish()
    assert rows_of(tmp_path / "feed.csv", ";") == [FRONT + header, ["2", *WHY, *"12345"]]


# names


@pytest.mark.parametrize(
    ("source", "table", "documents"),
    [
        pytest.param("shop.csv", "shop.csv", "shop.jsonl", id="csv"),
        pytest.param("in/2025/Shop.CSV", "Shop.CSV", None, id="folders, capitals"),
        pytest.param("C:\\feeds\\shop.csv", "shop.csv", None, id="Windows path"),
        pytest.param("shop.tsv", "shop.tsv", None, id="tsv"),
        pytest.param("shop.csv.gz", "shop.csv", None, id="compressed"),
        pytest.param("feed.jsonl.zst", None, "feed.jsonl", id="compressed lines"),
        pytest.param("feed.ndjson", None, "feed.ndjson", id="ndjson"),
        pytest.param("feed.json", None, "feed.jsonl", id="json becomes lines"),
        pytest.param("shop.xlsx", "shop.csv", None, id="workbook becomes csv"),
        pytest.param("export.2025", "export.2025.csv", "export.2025.jsonl", id="dot that is no format"),
        pytest.param("<stdin>", "stdin.csv", "stdin.jsonl", id="standard input"),
        pytest.param("<DataFrame>", "DataFrame.csv", None, id="DataFrame"),
        pytest.param("https://host/a/feed.csv?token=s3cret#x", "feed.csv", None, id="URL, its secrets left out"),
        pytest.param("https://host/a/?token=s3cret", "a.csv", None, id="URL of a folder"),
        pytest.param("../../etc/passwd", "passwd.csv", None, id="path upwards"),
        pytest.param("..", "source.csv", None, id="only dots"),
        pytest.param("", "source.csv", "source.jsonl", id="no name"),
        pytest.param("a:b*?.csv", "a_b__.csv", None, id="characters Windows refuses"),
        pytest.param("con.csv", "_con.csv", None, id="device name"),
        pytest.param("\x1b[31m\u202e.csv", "_[31m_.csv", None, id="control characters"),
        pytest.param("ü" * 300 + ".csv", "ü" * 90 + ".csv", None, id="very long"),
        pytest.param("Käse ☕.csv", "Käse ☕.csv", None, id="letters of the world"),
    ],
)
def test_the_file_is_named_after_the_source(tmp_path, source, table, documents):
    writer = QuarantineWriter(tmp_path)
    if table:
        assert writer.table(source, HEADER, ",").path == tmp_path / table
    if documents:
        assert QuarantineWriter(tmp_path).documents(source).path == tmp_path / documents


def test_sources_of_one_name_have_a_file_each(tmp_path):
    writer = QuarantineWriter(tmp_path)
    names = ["a/shop.csv", "b/shop.csv", "c/SHOP.csv", "shop-2.csv", "shop.csv.gz"]
    paths = [writer.table(name, HEADER, ",").path.name for name in names]
    assert paths == ["shop.csv", "shop-2.csv", "SHOP-3.csv", "shop-2-2.csv", "shop-4.csv"]
    assert [writer.documents("x.json").path.name for _ in range(2)] == ["x.jsonl", "x-2.jsonl"]


# records that could not be read


@pytest.mark.parametrize(
    ("raw", "reliable", "expected"),
    [
        pytest.param('a,"open,1\nb,c,2\n', 1, ["a", '"open,1\nb,c,2', ""], id="open quote"),
        pytest.param('"a ""1"", b",T,1,2,3\r\n', 3, ['a "1", b', "T", "1", "2,3"], id="too long"),
        pytest.param('5" pipe,"two\nlines",x\ny\n', 2, ['5" pipe', "two\nlines", "x\ny"], id="lone quote, line break"),
        pytest.param("nothing sure\n", 0, ["nothing sure", "", ""], id="nothing reliable"),
        pytest.param('"a" b,c,d\n', 1, ['a b', "c,d", ""], id="text after a quote"),
        pytest.param("a,b\n", 2, ["a", "b", ""], id="nothing left"),
    ],
)
def test_a_broken_row_keeps_its_reliable_cells_and_its_raw_text(tmp_path, raw, reliable, expected):
    sure = expected[:reliable]
    row = one_row(tmp_path, bad([*sure, "guess", "guess", "guess"][: len(HEADER)] + sure[3:], raw, reliable))
    assert row == ["7", *WHY, *expected, UNMENDED]


def test_a_broken_row_is_longer_than_its_header(tmp_path):
    # so that no reader takes it for a whole one before it is mended
    row = one_row(tmp_path, bad(["a", "", ""], 'a,"b', 1))
    assert len(row) > len(FRONT) + len(HEADER)


@pytest.mark.parametrize(
    ("quote", "note", "cells"),
    [
        pytest.param("'", "the ”price”, it's wrong", ["it's", "a;b", '"'], id="single quotes"),
        pytest.param("", "the ”price”, it's wrong", ['5" pipe', '"', "it's"], id="no quotes at all"),
    ],
)
def test_a_source_with_other_quotes_gets_them_back(tmp_path, quote, note, cells):
    writer = QuarantineWriter(tmp_path)
    writer.table("feed.csv", HEADER, ";", quote).add(7, "c", 'the "price", it\'s wrong', "a;b", cells)
    writer.finish()
    text = (tmp_path / "feed.csv").read_bytes().removeprefix(codecs.BOM_UTF8).decode()
    how = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    row = list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True, **how))[1]
    assert row == ["7", "c", note, "a;b" if quote else "a b", *cells]


def test_a_broken_row_that_nobody_mended_comes_out_as_it_went_in(tmp_path):
    first = one_row(tmp_path / "one", bad(["a", "", ""], 'a,"b,\nc', 1))
    fed_back = (tmp_path / "one" / "feed.csv").read_bytes().split(b"\r\n", 1)[1].decode()
    writer = QuarantineWriter(tmp_path / "two")
    writer.table("feed.csv", HEADER, ",", fed_back=True).add(2, *WHY, bad(["", "", ""], fed_back, 0))
    writer.finish()
    assert rows_of(tmp_path / "two" / "feed.csv")[1] == ["2", *first[1:]]


def test_a_mended_row_that_is_broken_again_loses_its_old_reason(tmp_path):
    writer = QuarantineWriter(tmp_path)
    sheet = writer.table("feed.csv", HEADER, ",", fed_back=True)
    sheet.add(2, *WHY, bad(["a", "", ""], '14,old.code,"old, problem",,a,b"c,"d', 1))
    writer.finish()
    assert rows_of(tmp_path / "feed.csv")[1] == ["2", *WHY, "a", 'b"c,"d', "", UNMENDED]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("K\udce4se", "K\\xe4se", id="undecodable byte"),
        pytest.param("half \ud83d", "half \\ud83d", id="half of a pair"),
    ],
)
def test_text_that_is_no_unicode_is_spelt_out(tmp_path, text, written):
    assert one_row(tmp_path, [text, "", ""])[4] == written


# reasons


def test_several_problems_of_a_record_are_joined_each_said_once():
    findings = [
        problem(code="cell.price", column="Preis", message='"x" is no price', mend="write 12,50"),
        problem(code="cell.gtin", column="EAN", message="wrong check digit"),
        problem(code="cell.price", column="Preis", message='"x" is no price', mend="write 12,50"),
        problem(code="cell.price", message="two\n lines", mend="write 12,50"),
        problem(code="cell.gtin", message="wrong check digit"),  # of the whole record: the same as of its column
    ]
    assert reasons(findings) == (
        "cell.price; cell.gtin",
        'column "Preis": "x" is no price; column "EAN": wrong check digit; two lines',
        "write 12,50",
    )


def test_each_problem_is_at_most_500_characters():
    code, said, mend = reasons([problem(message="p" * 900, mend="m" * 501), problem(message="short")])
    assert said == "p" * 499 + "…; short"
    assert mend == "m" * 499 + "…"
    assert code == "cell.x"


def test_no_finding_no_reason():
    assert reasons([]) == ("", "", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_our_notes_are_no_formulas(tmp_path, text):
    row = one_row(tmp_path, ["=kept", "", ""], why=("c", text, text))
    assert row == ["7", "c", f"'{text}", f"'{text}", "=kept", "", ""]


def test_notes_are_one_line(tmp_path):
    row = one_row(tmp_path, ["a", "b", "c"], why=("c", "one\r\ntwo\n three", "four\nfive"))
    assert row[1:4] == ["c", "one two three", "four five"]


# what comes back


CELL = st.text(alphabet=st.one_of(st.sampled_from('",;\t|\r\n \'\\='), st.characters(exclude_categories=["Cs"])))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=4), st.sampled_from(",;\t|"))
def test_csv_gives_back_exactly_the_same_cells(rows, delimiter):
    with TemporaryDirectory() as folder:
        writer = QuarantineWriter(Path(folder))
        sheet = writer.table("feed.csv", HEADER, delimiter)
        for line, cells in enumerate(rows, 2):
            sheet.add(line, *WHY, cells)
        writer.finish()
        assert rows_of(Path(folder) / "feed.csv", delimiter) == [
            FRONT + HEADER, *([str(line), *WHY, *cells] for line, cells in enumerate(rows, 2))
        ]


VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False),
              st.text(alphabet=st.characters())),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)), max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(), VALUE, max_size=4))
def test_json_gives_back_exactly_the_same_members(document):
    document.pop("_feedbridge", None)
    with TemporaryDirectory() as folder:
        writer = QuarantineWriter(Path(folder))
        writer.documents("feed.jsonl").add(2, *WHY, document)
        writer.finish()
        raw = (Path(folder) / "feed.jsonl").read_bytes()
    assert raw.count(b"\n") == 1
    back = json.loads(raw, parse_float=Decimal)
    assert back.pop("_feedbridge")["line"] == 2
    assert exact(back) == exact(document)


def exact(value):
    """A value that is equal only to itself: whole Decimals may come back as integers, nothing else may change."""
    if isinstance(value, dict):
        return {name: exact(member) for name, member in value.items()}
    if isinstance(value, list):
        return [exact(member) for member in value]
    if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        return str(value).replace("-0", "0") if value == 0 else str(value)  # JSON's -0 comes back as the integer 0
    return (type(value).__name__, value)


def test_the_same_records_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        writer = QuarantineWriter(tmp_path / name / "quarantine")
        writer.table("feed.csv", HEADER, ",").add(2, *WHY, ["ä", "b\r", '"'])
        writer.documents("feed.json").add(2, *WHY, {"b": Decimal("1.10"), "a": "ä"})
        writer.finish()
    for name in ("feed.csv", "feed.jsonl"):
        assert (tmp_path / "one/quarantine" / name).read_bytes() == (tmp_path / "two/quarantine" / name).read_bytes()


# what the sources make of it


NASTY = [
    ["a", "", ""], ["", "", "x"], ['lone " quote', '"', '""'], ["line\nbreak", "line\r\nbreak", "lone\rreturn"],
    [" blanks ", "\t", "\u00a0"], ["=1+1", "'text", "-5"], ["ä☕𝄞", "NA", "0012"], [",;\t|", ",,,,,,", ";;;;;;"],
]


@pytest.mark.skipif(find_spec("feedbridge.sources.csv") is None, reason="no CSV source")
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [HEADER, ["Title", "Title", ""], ["line", "code", "problem"]], ids=str)
def test_the_csv_source_reads_the_same_cells(tmp_path, delimiter, header):
    from feedbridge.sources.csv import CsvSource

    writer = QuarantineWriter(tmp_path)
    sheet = writer.table("feed.csv", header, delimiter)
    for line, cells in enumerate(NASTY, 2):
        sheet.add(line, "cell.price; cell.gtin", '"12,5O" is no number; two\nlines', "write 12,50; or \"12.50\"", cells)
    writer.finish()
    source = CsvSource(tmp_path / "feed.csv")
    assert source.is_quarantine
    assert source.header == header
    records = [record for batch in source.batches() for record in batch.records]
    assert [list(cells) for _, cells in records] == NASTY
    assert not [cells for _, cells in records if isinstance(cells, BadCells)]


@pytest.mark.skipif(find_spec("feedbridge.sources.csv") is None, reason="no CSV source")
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b'thing-2,"open,1', id="open quote"),
        pytest.param(b"thing-2,x,1,2,3", id="too long"),
        pytest.param(b"thing-2,x,K\xe4se", id="undecodable byte in the last cell"),
        pytest.param(b"K\xe4se,x,y", id="undecodable byte in the first cell"),
        pytest.param(b'thing-2,"a" b,1', id="stray quote"),
        pytest.param(b"thing-2,x,a\x00b", id="NUL"),
    ],
)
def test_a_broken_row_fed_back_unmended_is_held_back_again_and_does_not_change(tmp_path, broken):
    from feedbridge.sources.csv import CsvSource

    path = tmp_path / "feed.csv"
    path.write_bytes("Handle,Title,Price\nthing-1,Käse,1\n".encode() + broken + b"\nthing-3,y,3\nthing-4,z,4\n")
    written = []
    for round in range(3):
        source = CsvSource(path)
        writer = QuarantineWriter(tmp_path / str(round))
        sheet = writer.table("feed.csv", source.header, source.about["delimiter"], source.about["quote"],
                             fed_back=source.is_quarantine)
        held = [r for batch in source.batches() for r in batch.records if isinstance(r[1], BadCells)]
        assert len(held) == 1
        sheet.add(held[0][0], *WHY, held[0][1])
        writer.finish()
        path = tmp_path / str(round) / "feed.csv"
        written.append(rows_of(path)[1][1:])
    assert written[0] == written[1] == written[2]
    assert written[0][-1] == UNMENDED


@pytest.mark.skipif(find_spec("feedbridge.sources.csv") is None, reason="no CSV source")
def test_a_broken_row_mended_is_read(tmp_path):
    from feedbridge.sources.csv import CsvSource

    writer = QuarantineWriter(tmp_path)
    writer.table("feed.csv", HEADER, ",").add(3, *WHY, bad(["thing-2", "", ""], 'thing-2,"open,1\n', 1))
    writer.finish()
    path = tmp_path / "feed.csv"
    rows = rows_of(path)
    assert rows[1][4:] == ["thing-2", '"open,1', "", UNMENDED]
    rows[1][5:] = ["open", "1"]
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    [batch] = CsvSource(path).batches()
    assert batch.records == [(2, ["thing-2", "open", "1"])]


@pytest.mark.skipif(find_spec("feedbridge.sources.json") is None, reason="no JSON source")
@pytest.mark.parametrize("count", [1, 2])
def test_the_json_source_reads_the_same_members(tmp_path, count):
    from feedbridge.sources.json import JsonSource

    documents = [
        {"sku": f"A-{n}", "price": Decimal("12.50"), "big": 10**30, "text": 'ä "q" \\ \u2028 : {', "in": [{"x": None}]}
        for n in range(count)
    ]
    writer = QuarantineWriter(tmp_path)
    sheet = writer.documents("feed.json")
    for line, document in enumerate(documents, 2):
        sheet.add(line, *WHY, document, f"/products/{line}")
    writer.finish()
    source = JsonSource(tmp_path / "feed.jsonl")
    assert source.is_quarantine
    records = [record for batch in source.batches() for record in batch.records]
    assert [exact(record[1]) for record in records] == [exact(document) for document in documents]


def held_again(path: Path, folder: Path) -> tuple[list[list[str]], Path]:
    """Good rows of a file, and the quarantine file of the others."""
    from feedbridge.sources.csv import CsvSource

    source = CsvSource(path, quoting=not path.name.startswith("plain"))
    writer = QuarantineWriter(folder)
    sheet = writer.table(path.name, source.header, source.about["delimiter"], source.about["quote"],
                         fed_back=source.is_quarantine)
    good = []
    for line, cells in (record for batch in source.batches() for record in batch.records):
        if isinstance(cells, BadCells):
            sheet.add(line, *WHY, cells)
        else:
            good.append(cells)
    writer.finish()
    return good, folder / path.name


def padded(path: Path) -> None:
    """Save a table as a spreadsheet does: every row and the header as wide as the widest."""
    rows = rows_of(path)
    width = max(map(len, rows))
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([*row, *[""] * (width - len(row))] for row in rows)


def test_a_broken_row_is_held_back_again_when_a_spreadsheet_padded_the_file(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text('Handle,Title,Price\nthing-1,"open,1\nthing-2,x,2\nthing-3,"a" b,3\nthing-4,y,4\n')
    good, path = held_again(path, tmp_path / "0")
    assert [cells[0] for cells in good] == ["thing-2", "thing-4"]
    texts = []
    for round in range(1, 4):
        padded(path)
        good, path = held_again(path, tmp_path / str(round))
        assert good == []
        texts.append([row[4:8] for row in rows_of(path)[1:]])
    assert texts[0] == texts[1] == texts[2]
    assert [row[0] for row in texts[0]] == ["thing-1", "thing-3"]


def test_a_padded_row_that_was_mended_is_read(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text('Handle,Title,Price\nthing-1,"open,1\nthing-2,x,2\n')
    _, path = held_again(path, tmp_path / "0")
    padded(path)
    rows = rows_of(path)
    rows[1][5:] = ["open", "1", ""]
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    good, _ = held_again(path, tmp_path / "1")
    assert good == [["thing-1", "open", "1", ""]]


def test_a_broken_row_of_a_table_without_quotes_is_held_back_again(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_bytes(b'Handle,Title,Price\nthing-1,"a\0,1\nthing-2,5" pipe,2\n')
    good, path = held_again(path, tmp_path / "0")
    assert good == [["thing-2", '5" pipe', "2"]]
    for round in (1, 2):
        text = path.read_text(encoding="utf-8-sig")
        header, row = text.splitlines()
        path.write_text(f"{header},,,,\n{row}\n", encoding="utf-8-sig")  # as wide as the row
        good, path = held_again(path, tmp_path / str(round))
        assert good == []


def test_a_broken_row_whose_front_columns_were_taken_off_is_held_back_again(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text('Handle,Title,Price\nthing-1,"open,1\nthing-2,x,2\n')
    _, path = held_again(path, tmp_path / "quarantine")
    rows = [row[4:] for row in rows_of(path)]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    good, again = held_again(path, tmp_path / "again")
    assert good == []
    assert [row[4:] for row in rows_of(again)][1] == rows[1]


def test_a_broken_document_fed_back_unmended_is_held_back_with_the_same_text(tmp_path):
    from feedbridge.sources.json import JsonSource

    path = tmp_path / "feed.jsonl"
    path.write_text('{"sku":"A"}\n{"sku":"B","t":"\\u00e4 \\"x\n{"sku":"C"}\n')
    raw = '{"sku":"B","t":"\\u00e4 \\"x'
    for round in range(3):
        source = JsonSource(path)
        writer = QuarantineWriter(tmp_path / str(round))
        sheet = writer.documents("feed.jsonl")
        held = [record for batch in source.batches() for record in batch.records if isinstance(record[1], BadDocument)]
        assert [record[1].raw for record in held] == [raw]
        assert held[0][1].finding.code == ("source.unmended" if round else "json.broken-line")
        sheet.add(held[0][0], *WHY, held[0][1])
        writer.finish()
        path = tmp_path / str(round) / "feed.jsonl"


def test_a_broken_document_mended_is_read(tmp_path):
    from feedbridge.sources.json import JsonSource

    broken = BadDocument()
    broken.raw, broken.finding = '{"sku": "B"', problem()
    writer = QuarantineWriter(tmp_path)
    writer.documents("feed.jsonl").add(4, *WHY, broken)
    writer.finish()
    path = tmp_path / "feed.jsonl"
    entry = json.loads(path.read_text())
    for mended in ({**entry, "sku": "B"}, {"sku": "B"}):
        path.write_text(json.dumps(mended) + "\n")
        assert [record for batch in JsonSource(path).batches() for record in batch.records] == [(1, {"sku": "B"}, 0)]
