"""What the CSV reader reads, what it accepts with a word, what it holds back and where it goes on, what it refuses."""

from __future__ import annotations

import bz2
import csv as standard_csv
import gzip
import hashlib

import pytest

from feedbridge.errors import CommandError, SourceError
from feedbridge.sources.base import UNMENDED, BadCells
from feedbridge.sources.csv import CsvSource, Limits
from feedbridge.sources.csv_records import LOOK_AHEAD_LINES

MOST_CELL_CHARS, MOST_RECORD_LINES = Limits().cell_chars, Limits().record_lines

HEADER = "sku,name,price,stock\n"


def opened(folder, text, written_in="utf-8", **options):
    path = folder / "feed.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(written_in))
    return CsvSource(path, name="feed.csv", **options)


def read(source):
    """Good records, bad ones as (line, last line, code, finding's line), and the findings of rows used all the same."""
    batches = list(source.batches())
    records = [record for batch in batches for record in batch.records]
    good = [record for record in records if not isinstance(record[1], BadCells)]
    bad = [
        (line, cells.last_line, cells.finding.code, cells.finding.line)
        for line, cells in records
        if isinstance(cells, BadCells)
    ]
    assert [line for line, _ in records] == sorted(line for line, _ in records)
    assert all(len(cells) == len(source.header) for _, cells in records)
    return good, bad, [(f.code, f.line) for batch in batches for f in batch.findings]


def bad_cells(source):
    return next(cells for batch in source.batches() for _, cells in batch.records if isinstance(cells, BadCells))


A, B, C = ["A", "a", "1", "2"], ["B", "b", "3", "4"], ["C", "c", "5", "6"]


# --- reads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEADER + "A,a,1,2\nB,b,3,4\n", [(2, A), (3, B)], id="plain"),
        pytest.param(HEADER + '\n\nA,a,1,2\n\n  \nB,"b",3,4', [(4, A), (7, B)], id="blank lines count"),
        pytest.param("\n\n" + HEADER + "A,a,1,2\n", [(4, A)], id="blank lines before the header"),
        pytest.param(HEADER + 'A,"x\n\ny",1,2\nB,b,3,4\n', [(2, ["A", "x\n\ny", "1", "2"]), (5, B)], id="line breaks"),
        pytest.param(HEADER + 'A,5" pipe,1,2\n', [(2, ["A", '5" pipe', "1", "2"])], id="inch sign inside a cell"),
        pytest.param(HEADER + "A,a\x0bb\u2028c,1,2\n", [(2, ["A", "a\x0bb\u2028c", "1", "2"])], id="no line ends"),
        pytest.param(HEADER + ",a,1,2\n", [(2, ["", "a", "1", "2"])], id="first cell empty"),
        pytest.param(
            HEADER + 'A,"text, with commas,\nand, more, of, them",1,2\n',
            [(2, ["A", "text, with commas,\nand, more, of, them", "1", "2"])],
            id="prose",
        ),
        pytest.param("sep=;\nsku;name;price;stock\nA;a;1;2\n", [(3, A)], id="sep line"),
        pytest.param('sku, "name", price, stock\nA, "a", 1, 2\n', [(2, A)], id="spaces before quotes"),
    ],
)
def test_reads(tmp_path, text, expected):
    source = opened(tmp_path, text)
    assert source.header == ["sku", "name", "price", "stock"]
    assert read(source) == (expected, [], [])
    assert read(source)[0] == expected  # as often as asked


def test_about_says_how_it_was_read(tmp_path):
    source = opened(tmp_path, gzip.compress(("\ufeff" + "sku;name\n1;ä\n;\n").encode()))
    assert read(source) == ([(2, ["1", "ä"])], [], [])
    assert source.about == {
        "format": "csv",
        "encoding": "utf-8",
        "encoding_from": "bom",
        "bom": True,
        "delimiter": ";",
        "quote": '"',
        "compression": "gzip",
        "blank_rows": 1,
    }
    assert (source.kind, source.folder, source.pointer_prefix) == ("table", tmp_path, "")
    assert source.sha256() == hashlib.sha256((tmp_path / "feed.csv").read_bytes()).hexdigest()
    assert source.split(2, least_bytes=0) == []


def test_settings_win_over_detection(tmp_path):
    source = opened(tmp_path, 'rubbish\n1|"x|3\n2|y|4\n', delimiter="|", quoting=False, has_header=False, skip_lines=1)
    assert source.header == ["column 1", "column 2", "column 3"]
    assert read(source) == ([(2, ["1", '"x', "3"]), (3, ["2", "y", "4"])], [], [])
    assert source.about["quote"] == ""


def test_skipped_lines_count(tmp_path):
    source = opened(tmp_path, 'Report, "of\nall,\n' + HEADER + "A,a,1,2\n", skip_lines=2)
    assert read(source) == ([(4, A)], [], [])


def test_without_a_header_a_broken_first_record_is_held_back(tmp_path):
    source = opened(tmp_path, '1;"say "hi""\n2;b\n', has_header=False)
    assert read(source) == ([(2, ["2", "b"])], [(1, 1, "csv.stray-quote", 1)], [])


def test_streams_have_no_folder(tmp_path):
    path = tmp_path / "spooled"
    path.write_text("a,b\n1,2\n")
    assert CsvSource(path, name="<stdin>").folder is None
    assert CsvSource(path, name="<stdin>", folder=tmp_path).folder == tmp_path


# --- accepts with a word -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "good", "findings"),
    [
        pytest.param(HEADER + "A,a\nB,b,3,4\n", [(2, ["A", "a", "", ""]), (3, B)], [("csv.short-row", 2)], id="short"),
        pytest.param(
            HEADER + 'A,"x\ny"\nB,b,3,4\n', [(2, ["A", "x\ny", "", ""]), (4, B)], [("csv.short-row", 2)],
            id="short, of two lines",
        ),
        pytest.param(HEADER + "A,a,1,2,,\nB,b,3,4,\n", [(2, A), (3, B)], [], id="trailing, said once about the file"),
        pytest.param(
            "sku,text\nA,\"x,y\nB,z\"\n", [(2, ["A", "x,y\nB,z"])], [("csv.suspicious-quote", 2)], id="narrow swallow?"
        ),
        pytest.param(
            HEADER + 'A,"in red, in blue, in green\nin wool, in silk",1,2\n',
            [(2, ["A", "in red, in blue, in green\nin wool, in silk", "1", "2"])],
            [("csv.suspicious-quote", 2)],
            id="prose as wide as a row",
        ),
    ],
)  # fmt: skip
def test_accepts_with_a_finding(tmp_path, text, good, findings):
    source = opened(tmp_path, text)
    found = read(source)
    assert found[:2] == (good, [])
    assert found[2] == findings


def test_a_single_trailing_delimiter_may_be_a_comma_without_quotes(tmp_path):
    """Where rows do not end in a delimiter too many as a rule, one that does may have its cells shifted."""
    text = HEADER + "A,a,1,2\n" * 50 + "B,red, dark,4,\n"
    source = opened(tmp_path, text, block=40)
    assert source.findings == []
    good, bad, findings = read(source)
    assert (len(good), findings) == (50, [])
    assert bad == [(52, 52, "csv.long-row", 52)]
    parts = source.split(2, least_bytes=1)
    assert [record[0] for part in parts for batch in source.batches(part) for record in batch.records][-1] == 52


def test_a_trailing_delimiter_in_every_row_is_said_once(tmp_path):
    source = opened(tmp_path, HEADER + "A,a,1,2,\n" * 50)
    assert [finding.code for finding in source.findings] == ["csv.trailing-delimiter"]
    assert len(read(source)[0]) == 50


def test_the_short_row_finding_says_all(tmp_path):
    finding = next(opened(tmp_path, HEADER + "A,a\n").batches()).findings[0]
    assert str(finding).startswith("feed.csv:2: 2 of 4 cells; the missing ones are read as empty [csv.short-row]")
    assert finding.severity == "warning"


def test_rows_without_text_are_skipped_and_counted(tmp_path):
    source = opened(tmp_path, HEADER + ",,,\nA,a,1,2\n,,\n\n,,,,,,\n   \n")
    assert read(source) == ([(3, A)], [], [])
    assert source.about["blank_rows"] == 4


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        pytest.param("id,a,id\n1,2,3\n", [("csv.duplicate-header", "id", 1)], id="duplicate"),
        pytest.param("id,,x\n1,2,3\n", [("csv.empty-header", "", 1)], id="empty"),
        pytest.param("id,,x\n1,,3\n", [], id="empty over empty"),
        pytest.param("id,x\n", [("source.header-only", "", 0)], id="header only"),
        pytest.param("id,x\n,\n", [("source.header-only", "", 0)], id="header and blank rows"),
        pytest.param("id,x\n1,2,\n", [("csv.trailing-delimiter", "", 2)], id="trailing delimiter"),
    ],
)
def test_notices_about_the_file(tmp_path, text, codes):
    assert [(f.code, f.column, f.line) for f in opened(tmp_path, text).findings] == codes


def test_a_guessed_or_doubtful_encoding_is_said(tmp_path):
    guessed = opened(tmp_path, "id,name\n1,Größe\n", "cp1252")
    assert [f.code for f in guessed.findings] == ["source.encoding-guessed"]
    assert '"Größe"' in guessed.findings[0].message
    assert read(guessed)[0] == [(2, ["1", "Größe"])]
    assert opened(tmp_path, "id,name\n1,Größe\n").findings == []
    doubtful = opened(tmp_path, "id,name\n1,Größe\n", encoding="cp1252")
    assert [f.code for f in doubtful.findings] == ["source.encoding-doubt"]


# --- holds back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        pytest.param(HEADER + "A,a,1,2,x\nB,b,3,4\n", [(3, B)], [(2, 2, "csv.long-row", 2)], id="long"),
        pytest.param(HEADER + "A,a,1\0,2\nB,b,3,4\n", [(3, B)], [(2, 2, "csv.nul", 2)], id="NUL"),
        pytest.param(HEADER + 'A,"a" b,1,2\nB,b,3,4\n', [(3, B)], [(2, 2, "csv.stray-quote", 2)], id="stray quote"),
        pytest.param(
            HEADER + 'A,"x\ny","p "q" r",2\nB,b,3,4\n', [(4, B)], [(2, 3, "csv.stray-quote", 3)],
            id="stray quote in the second line",
        ),
        pytest.param(
            HEADER + 'A,"a,1,2\nB,b,3,4\nC,"c",5,6\n', [(3, B), (4, C)], [(2, 2, "csv.open-quote", 2)], id="open quote"
        ),
        pytest.param(
            HEADER + 'A,a,1,2\nB,"b,3,4\nC,c,5,6\n', [(2, A), (4, C)], [(3, 3, "csv.open-quote", 3)],
            id="open to the end",
        ),
        pytest.param(HEADER + 'A,a,1,2\nB,"b', [(2, A)], [(3, 3, "csv.open-quote", 3)], id="open in the last line"),
        pytest.param(
            HEADER + 'A,"a,1,2\nB,b,3,4\nC,c",5,6\n', [(3, B), (4, ["C", 'c"', "5", "6"])],
            [(2, 2, "csv.open-quote", 2)], id="swallowed rows, right width",
        ),
        pytest.param(
            HEADER + 'A,"a,1,2\nB,b,3",4\nC,c,5,6\n', [(3, ["B", "b", '3"', "4"]), (4, C)],
            [(2, 2, "csv.open-quote", 2)], id="swallowed rows, wrong width",
        ),
        pytest.param(
            HEADER + 'A,"text\nmore "text"\nend",1,2\nB,b,3,4\n', [(5, B)], [(2, 4, "csv.open-quote", 2)],
            id="lines of a broken cell are not rows",
        ),
        pytest.param(
            HEADER + 'A,"x" y,1,2\n\nB,b,3,4\nC,"c" c,5,6\nA,a,1,2\n', [(4, B), (6, A)],
            [(2, 3, "csv.stray-quote", 2), (5, 5, "csv.stray-quote", 5)], id="two",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [1, 7, 1 << 18])
def test_holds_back_and_goes_on(tmp_path, text, good, bad, block):
    assert read(opened(tmp_path, text, block=block)) == (good, bad, [])


def test_held_back_cells_say_what_can_be_trusted(tmp_path):
    cells = bad_cells(opened(tmp_path, HEADER + 'A,a,"1" x,2\nB,b,3,4\n'))
    assert list(cells) == ["A", "a", '"1" x', "2"]
    assert (cells.reliable, cells.raw, cells.last_line) == (2, 'A,a,"1" x,2\n', 2)
    finding = cells.finding
    assert (finding.column, finding.line, finding.file, finding.severity) == ("price", 2, "feed.csv", "error")
    assert finding.mend.endswith("reading goes on at line 3")


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        pytest.param("utf-8", HEADER.encode() + b"A,a,1,2\n" * 5 + b"B,x\xe4\xf6,3,4\nC,c,5,6\n", "E4 F6", id="utf-8"),
        pytest.param("cp1252", HEADER.encode() + b"A,a,1,2\n" * 5 + b"B,x\x81,3,4\nC,c,5,6\n", "81", id="cp1252"),
        pytest.param("shift_jis", HEADER.encode() + b"A,a,1,2\n" * 5 + b"B,\x82,3,4\nC,c,5,6\n", "82", id="shift_jis"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [3, 1 << 18])
def test_undecodable_bytes_hold_back_their_record_only(tmp_path, encoding, text, shown, block):
    source = opened(tmp_path, text, encoding=encoding, block=block)
    good, bad, findings = read(source)
    assert [line for line, _ in good] == [2, 3, 4, 5, 6, 8]
    assert (bad, findings) == ([(7, 7, "csv.undecodable", 7)], [])
    cells = bad_cells(source)
    assert f"byte {shown} is not" in cells.finding.message
    assert (cells.finding.column, cells.reliable, cells[0], cells[2:]) == ("name", 1, "B", ["3", "4"])
    assert "\ufffd" in cells.raw
    cells.raw.encode()


def test_looks_ahead_only_so_far(tmp_path):
    lines = "".join(f"line {n}\n" for n in range(LOOK_AHEAD_LINES + 50))
    good, bad, findings = read(opened(tmp_path, HEADER + 'A,"x" y,1,2\n' + lines + "B,b,3,4\n"))
    assert bad == [(2, 2, "csv.stray-quote", 2)]
    assert good[-1] == (LOOK_AHEAD_LINES + 53, B)
    assert findings == [("csv.short-row", 3)]  # of all of them: most rows of this file are short
    assert len(good) == LOOK_AHEAD_LINES + 51
    near = "".join(f"line {n}\n" for n in range(LOOK_AHEAD_LINES - 1))
    good, bad, findings = read(opened(tmp_path, HEADER + 'A,"x" y,1,2\n' + near + "B,b,3,4\n"))
    assert (good, findings) == ([(LOOK_AHEAD_LINES + 2, B)], [])


def test_a_quote_open_over_too_many_lines_is_given_up(tmp_path):
    text = HEADER + 'A,"a,1,2\n' + "B,b b,3,4\n" * (MOST_RECORD_LINES + 10) + 'C,c",5,6\n'
    good, bad, _ = read(opened(tmp_path, text))
    assert bad == [(2, 2, "csv.open-quote", 2)]
    assert len(good) == MOST_RECORD_LINES + 11


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        pytest.param("x" * (MOST_CELL_CHARS + 1), "csv.huge-cell", id="plain"),
        pytest.param('"' + "x" * (MOST_CELL_CHARS + 1) + '"', "csv.huge-cell", id="quoted"),
        pytest.param('"' + ("x" * 999 + "\n") * (MOST_CELL_CHARS // 1000 + 1) + '"', "csv.open-quote", id="lines"),
    ],
)
def test_huge_cells_are_held_back(tmp_path, cell, code):
    good, bad, _ = read(opened(tmp_path, f"{HEADER}A,{cell},1,2\nB,b,3,4\n"))
    assert bad[0][:1] + bad[0][2:] == (2, code, 2)
    assert good[-1][1] == B


def test_long_cells_are_read(tmp_path):
    assert standard_csv.field_size_limit() > MOST_CELL_CHARS
    cell = "x" * 1_000_000
    assert read(opened(tmp_path, HEADER + f'A,"{cell}\n{cell}",1,2\n'))[0] == [(2, ["A", f"{cell}\n{cell}", "1", "2"])]


# --- quarantine ----------------------------------------------------------------------------------------------------


def test_quarantine_files_lose_their_front_columns(tmp_path):
    text = 'line;code;problem;mend;sku;name\n14;c;"p\nq";m;A;a\n15;c;p;m;B\n16;c;p;m;"C" x;c\n17;c;p;m;D;d\n'
    source = opened(tmp_path, text)
    assert source.is_quarantine
    assert source.header == ["sku", "name"]
    good, bad, findings = read(source)
    assert good == [(2, ["A", "a"]), (6, ["D", "d"])]
    assert bad == [(4, 4, "csv.short-row", 4), (5, 5, "csv.stray-quote", 5)]
    assert findings == []
    cells = bad_cells(source)
    assert (list(cells), cells.reliable, cells.finding.severity) == (["B", ""], 1, "error")


@pytest.mark.parametrize("header", ["line,code,problem,sku", "Line,code,problem,mend,sku", "a,line,code,problem,mend"])
def test_other_headers_are_no_quarantine(tmp_path, header):
    source = opened(tmp_path, header + "\n" + ",".join("abcde"[: header.count(",") + 1]) + "\n")
    assert not source.is_quarantine
    assert source.header == header.split(",")


GUARDS = [
    pytest.param('line,code,problem,mend,sku,name\n3,c,p,m,A,rest,"{0}"\n4,c,p,m,B,b\n', id="one cell too many"),
    pytest.param('line,code,problem,mend,sku,name,\n3,c,p,m,A,x,"{0}"\n4,c,p,m,B,b,\n', id="padded to one width"),
    pytest.param('line,code,problem,mend,sku,name\n3,c,p,m,A,"{0}"\n4,c,p,m,B,b\n', id="moved into a column"),
    pytest.param('line,code,problem,mend,sku,name\n3,c,p,m,A,"x {0}"\n4,c,p,m,B,b\n', id="inside a cell"),
    pytest.param("line,code,problem,mend,sku,name,\n3,c,p,m,A,{0}\n4,c,p,m,B,b,\n", id="cut in two by its comma"),
    pytest.param('line;code;problem;mend;sku;name\r\n3;c;p;m;A;"a\nb";{0};;\r\n4;c;p;m;B;b;;;\r\n', id="spreadsheet"),
]


@pytest.mark.parametrize("text", GUARDS)
def test_a_row_that_nobody_mended_is_held_back_again(tmp_path, text):
    source = opened(tmp_path, text.format(UNMENDED))
    good, bad, _ = read(source)
    assert [cells[:2] for _, cells in good] == [["B", "b"]]
    assert [code for _, _, code, _ in bad] == ["source.unmended"]
    finding = bad_cells(source).finding
    assert (finding.line, finding.severity, finding.value) == (2, "error", "A")
    assert finding.message.endswith("is not mended yet: p")
    assert UNMENDED in finding.mend


def test_a_row_without_front_columns_in_the_quarantine_folder_is_held_back_too(tmp_path):
    folder = tmp_path / "quarantine"
    folder.mkdir()
    _, bad, _ = read(opened(folder, f'sku,name\nA,a,"{UNMENDED}"\n'))
    assert [code for _, _, code, _ in bad] == ["source.unmended"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param("line,code,problem,mend,sku,name\n2,c,p,m,A,a\n", {"skip_lines": 2}, id="skip_lines"),
        pytest.param("line,code,problem,mend,sku,name\n2,c,p,m,A,a\n", {"has_header": False}, id="has_header"),
        pytest.param("line;code;problem;mend;sku;name\n2;c;p;m;A;a\n", {"delimiter": ","}, id="another delimiter"),
        pytest.param('"line","code","problem","mend","sku","name"\n2,c,p,m,A,a\n', {"quote": "'"}, id="another quote"),
        pytest.param('"line","code","problem","mend","sku","name"\n2,c,p,m,"A",a\n', {"quoting": False}, id="quoting"),
    ],
)
def test_line_1_of_a_quarantine_file_is_its_header_whatever_is_set(tmp_path, text, options):
    source = opened(tmp_path, text, **options)
    assert source.header == ["sku", "name"]
    assert read(source) == ([(2, ["A", "a"])], [], [])


@pytest.mark.parametrize("written_in", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_spreadsheet_may_write_a_quarantine_file_anew(tmp_path, written_in):
    source = opened(tmp_path, "line\tcode\tproblem\tmend\tsku\n2\tc\tp\tm\tGröße\n", written_in, encoding="shift_jis")
    assert source.is_quarantine
    assert read(source)[0] == [(2, ["Größe"])]
    assert "source.encoding-doubt" not in [finding.code for finding in source.findings]


# --- wrong encodings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written_in", "given", "codes"),
    [
        pytest.param("utf-8", "cp1252", ["source.encoding-doubt"], id="UTF-8, said to be cp1252"),
        pytest.param("utf-8", "utf-16", ["source.encoding-doubt"], id="UTF-8, said to be UTF-16"),
        pytest.param("utf-8-sig", "cp1252", ["source.encoding-doubt"], id="its mark says UTF-8"),
        pytest.param("utf-16-le", "utf-16", [], id="UTF-16 without a mark"),
        pytest.param("cp1252", "cp1252", [], id="right"),
    ],
)
def test_a_wrong_encoding_is_told(tmp_path, written_in, given, codes):
    found = opened(tmp_path, "sku,name\nA,Größe;\n", written_in, encoding=given).findings
    assert [finding.code for finding in found if finding.code != "source.header-only"] == codes


def test_a_header_of_a_wrong_encoding_says_which_it_may_be(tmp_path):
    with pytest.raises(SourceError, match=r"not utf-16-le text: the mapping or command says UTF-16, .* reads as UTF-8"):
        opened(tmp_path, "sku,name\nA,b\n", encoding="UTF-16")


def test_utf_16_said_to_be_utf_8_is_refused(tmp_path):
    with pytest.raises(SourceError) as caught:
        opened(tmp_path, "sku,name\nA,a\n", "utf-16-le", encoding="utf-8")
    assert caught.value.code == "csv.header-bytes"


@pytest.mark.parametrize("block", [3, 1 << 18])
def test_utf_16_cut_in_the_middle_of_a_character_holds_back_the_last_row(tmp_path, block):
    data = (HEADER + "A,a,1,2\nB,b,3,42").encode("utf-16")[:-1]
    source = opened(tmp_path, data, block=block)
    assert read(source) == ([(2, A)], [(3, 3, "csv.undecodable", 3)], [])
    assert (bad_cells(source).finding.column, bad_cells(source).reliable) == ("stock", 3)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_row_of_another_encoding_is_placed_as_an_editor_shows_it(tmp_path, end, mark):
    lines = [HEADER.strip(), 'Ä,"two', 'lines",1,2', "Ö,x\x0by\u2028z\x85,1,2", "C,c,1,2", "D,d,1,2"]
    data = mark + end.join(lines).encode().replace(b"C,c", b"C,K\xe4se")
    source = opened(tmp_path, data)
    assert [line for line, _ in read(source)[0]] == [2, 4, 6]
    finding = bad_cells(source).finding
    assert (finding.line, finding.column, finding.value) == (5, "name", "K\ufffdse")
    assert "byte E4 is not utf-8 text" in finding.message


# --- doubts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        pytest.param("sku;title,price\nE-1;One,5.00\nE-2;Two,6.00\n", {}, ['delimiter=";"'], id="tie"),
        pytest.param("sku;Preis, netto\nA;12,50\nB;8,00\n", {}, ['delimiter=";"'], id="decimal commas"),
        pytest.param("sku;title,price\nE-1;One,5.00\n", {"delimiter": ";"}, [], id="given"),
        pytest.param("sep=;\nsku;title,price\nE-1;One,5.00\n", {}, [], id="sep line"),
        pytest.param("sku;title;price;tags\nA;a;1;x,y\nB;b;2;y\n", {}, [], id="commas in cells"),
        pytest.param("a;b;c;d;e,f\n1;2;3;4;5,6\n", {}, [], id="far apart"),
    ],
)
def test_delimiters_that_are_equally_good_are_named(tmp_path, text, options, said):
    found = [finding for finding in opened(tmp_path, text, **options).findings if finding.code == "csv.delimiter-doubt"]
    assert len(found) == len(said)
    for finding, setting in zip(found, said, strict=True):
        assert "commas and semicolons" in finding.message
        assert f"--set source.{setting}" in finding.mend
        assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("header", "columns", "said"),
    [
        pytest.param("SKU,name,sku ", "SKU", '"SKU", "sku " are one name', id="case and blanks"),
        pytest.param("Gr\u00f6\u00dfe,x,GRO\u0308SSE", "Gr\u00f6\u00dfe", "columns 1, 3", id="Unicode forms"),
        pytest.param("a  b,x,a b,A B", "a  b", "3 columns have this name: columns 1, 3, 4", id="three"),
    ],
)
def test_headers_that_a_mapping_cannot_tell_apart(tmp_path, header, columns, said):
    row = ",".join("1" for _ in header.split(","))
    [finding] = opened(tmp_path, f"{header}\n{row}\n").findings
    assert (finding.code, finding.column, finding.line) == ("csv.duplicate-header", columns, 1)
    assert said in finding.message


# --- bombs ----------------------------------------------------------------------------------------------------------

SMALL = Limits(columns=50, header_chars=1000, cell_chars=5000, record_lines=20, line_chars=12_000)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("A," + "x" * 5001 + ",1,2", "csv.huge-cell", id="cell"),
        pytest.param("A," + "x" * 40_000 + ",1,2", "csv.huge-cell", id="line without end"),
        pytest.param(f"A,{'x' * 4990},{'y' * 4990},{'z' * 4990}", "csv.huge-cell", id="right width, but cut off"),
        pytest.param("A," * 6000, "csv.long-row", id="thousands of cells"),
        pytest.param('A,"' + "x\n" * 21 + '",1,2', "csv.open-quote", id="cell of many lines"),
    ],
)
@pytest.mark.parametrize("block", [100, 1 << 18])
def test_bombs_are_held_back_alone(tmp_path, line, code, block):
    good, bad, _ = read(opened(tmp_path, f"{HEADER}{line}\nB,b,3,4\n", block=block, limits=SMALL))
    assert bad[0][2] == code
    assert good[-1][1] == B
    assert [code for _, _, code, _ in bad[1:]] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("a" * 1001 + ",b\n1,2\n", "source.not-csv", id="long first line"),
        pytest.param("x" * 100_000, "source.not-csv", id="a file of one line"),
        pytest.param("\n\n" + "x," * 1000, "source.not-csv", id="behind blank lines"),
        pytest.param(",".join("a" * 51) + "\n", "csv.columns", id="columns"),
    ],
)
@pytest.mark.parametrize("block", [100, 1 << 18])
def test_bombs_in_the_header_are_refused(tmp_path, text, code, block):
    with pytest.raises(SourceError) as caught:
        opened(tmp_path, text, block=block, limits=SMALL)
    assert caught.value.code == code


# --- refuses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "source.empty", id="no bytes"),
        pytest.param(b"\n\r\n\n", "source.empty", id="blank lines"),
        pytest.param(b"\xef\xbb\xbf", "source.empty", id="only a byte-order mark"),
        pytest.param(bz2.compress(b""), "source.empty", id="compressed nothing"),
        pytest.param(b'"sku,name\n1,2\n', "csv.header-quote", id="header quote"),
        pytest.param(b"sku,n\0me\n1,2\n", "csv.header-bytes", id="header NUL"),
        pytest.param("sku,größe\nä,ö\n".encode() + b"", "", id="fine"),
        pytest.param(",".join(map(str, range(50_001))).encode(), "csv.columns", id="too many columns"),
        pytest.param(b"<!doctype html><html>", "source.not-csv", id="a web page"),
        pytest.param(b"%PDF-1.7\n", "source.not-csv", id="a PDF"),
        pytest.param(gzip.compress(b"a,b\n1,2\n" * 900)[:-30], "source.archive-damaged", id="cut gzip"),
    ],
)
def test_refuses(tmp_path, data, code):
    if not code:
        assert opened(tmp_path, data).header == ["sku", "größe"]
        return
    with pytest.raises(SourceError) as caught:
        opened(tmp_path, data)
    assert caught.value.code == code
    assert caught.value.mend


def test_refuses_what_is_not_there(tmp_path):
    with pytest.raises(SourceError) as caught:
        CsvSource(tmp_path / "none.csv")
    assert caught.value.code == "source.missing"


@pytest.mark.parametrize("options", [{"encoding": "utf-9"}, {"delimiter": "::"}])
def test_refuses_impossible_settings(tmp_path, options):
    with pytest.raises(CommandError):
        opened(tmp_path, "a,b\n1,2\n", **options)


@pytest.mark.parametrize(("end", "codes"), [
    pytest.param("C,9", ["csv.cut-off"], id="cut in the last row"),
    pytest.param("C,9\n", ["csv.short-row"], id="short, but ended"),
    pytest.param("C,9,tee", [], id="whole without a line end"),
])
def test_a_file_cut_off_in_its_last_row_is_held_back_there(tmp_path, end, codes):
    path = tmp_path / "cut.csv"
    path.write_text(f"sku,price,title\nA,1,cap\nB,2,mug\n{end}", encoding="utf-8")
    source = CsvSource(path)
    batches = list(source.batches())
    records = [record for batch in batches for record in batch.records]
    bad = [cells.finding for _, cells in records if isinstance(cells, BadCells)]
    notices = [finding for batch in batches for finding in batch.findings]
    assert [finding.code for finding in bad + notices] == codes
    assert [finding.line for finding in bad + notices] == [4] * len(codes)
    assert len(records) == 3
