"""Excel workbooks: what a cell becomes, which sheet is read, and what is told, held back or refused."""

from __future__ import annotations

import datetime
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import feedbridge
from feedbridge.errors import SourceError
from feedbridge.sources.base import BadCells
from feedbridge.sources.excel import ExcelSource
from feedbridge.sources.opening import open_source


def book(path: Path, *sheets: tuple[str, list[list[Any]]], formats: dict[str, str] | None = None) -> Path:
    """A workbook with these sheets; ``formats`` of cells of the first, by their place."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets:
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    for place, code in (formats or {}).items():
        workbook.worksheets[0][place].number_format = code
    workbook.save(path)
    return path


def raw_book(path: Path, sheet: str, strings: str = "", styles: str = "", **parts: str) -> Path:
    """A workbook whose sheet is written by hand: ``sheet`` is what stands in its sheetData."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    files = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{package}">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        f'<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{office}/sharedStrings" Target="/xl/sharedStrings.xml"/>'
        f'<Relationship Id="r3" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><dimension ref="A1:XFD1048576"/><sheetData>{sheet}</sheetData></worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}">{styles}</styleSheet>',
    } | parts
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def records(source: Any) -> list[Any]:
    return [record for batch in source.batches() for record in batch.records]


def noticed(source: Any) -> list[tuple[str, int, str]]:
    """Findings about rows, as (code, line, column)."""
    return [(f.code, f.line, f.column) for batch in source.batches() for f in batch.findings]


def columns(*cells: str) -> str:
    """A sheet with the header ``a`` and one cell below."""
    return '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>' + "".join(
        f'<row r="{number}">{cell}</row>' for number, cell in enumerate(cells, 2)
    )


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        pytest.param(12, None, "12", id="whole number"),
        pytest.param(12.0, None, "12", id="whole number as float"),
        pytest.param(4006381333931, None, "4006381333931", id="GTIN"),
        pytest.param(123456789012345.0, None, "123456789012345", id="15 digits as float"),
        pytest.param(12.5, None, "12.5", id="decimal"),
        pytest.param(0.1 + 0.2, None, "0.3", id="as Excel shows it"),
        pytest.param(1e-7, None, "0.0000001", id="small"),
        pytest.param(42, "00000", "00042", id="zeros of the format"),
        pytest.param(42, "0.00", "42", id="decimals of the format"),
        pytest.param("00042", None, "00042", id="text of digits"),
        pytest.param("  as\nit is ", None, "  as\nit is ", id="text"),
        pytest.param("a\u00adb_x0041_", None, "a\u00adbA", id="an escape, as Excel shows it"),
        pytest.param("_x005F_x0041_", None, "_x0041_", id="text that looks like an escape"),
        pytest.param("_xD83D__xDE00__xD83D_", None, "_xD83D__xDE00__xD83D_", id="half a character stays"),
        pytest.param("_xD83D__xDE00_!", None, "\U0001f600!", id="a character in two halves"),
        pytest.param(True, None, "TRUE", id="true"),
        pytest.param(False, None, "FALSE", id="false"),
        pytest.param(datetime.date(2025, 11, 20), None, "2025-11-20", id="date"),
        pytest.param(datetime.datetime(2025, 11, 20, 10, 30), None, "2025-11-20T10:30:00", id="date and time"),
        pytest.param(datetime.time(10, 30), None, "10:30:00", id="time"),
        pytest.param(datetime.timedelta(hours=25, minutes=30), None, "25:30:00", id="span"),
    ],
)
def test_a_cell_is_what_a_person_sees(tmp_path, value, code, text):
    path = book(tmp_path / "b.xlsx", ("S", [["a", "b"], [value, "x"]]), formats={"A2": code} if code else None)
    source = ExcelSource(path)
    assert records(source) == [(2, [text, "x"])]
    assert (source.findings, noticed(source)) == ([], [])


@pytest.mark.parametrize(
    ("cell", "text", "code"),
    [
        pytest.param("<c r='A2' t='e'><v>#N/A</v></c>", "", "source.excel-error", id="error"),
        pytest.param("<c r='A2' t='e'><f>B1</f><v>#REF!</v></c>", "", "source.excel-error", id="error of a formula"),
        pytest.param("<c r='A2'><f>1+1</f></c>", "", "source.excel-formula", id="formula never calculated"),
        pytest.param("<c r='A2'><f>1+1</f><v></v></c>", "", "source.excel-formula", id="formula with an empty value"),
        pytest.param("<c r='A2'><f>1+1</f><v>2</v></c>", "2", "", id="formula"),
        pytest.param("<c r='A2' t='str'><f>B1&amp;C1</f><v>xy</v></c>", "xy", "", id="formula of text"),
        pytest.param("<c r='A2'><v>1.2345678901234501E+19</v></c>", "1.23456789012345E+19", "source.excel-digits", id="20 digits"),
        pytest.param("<c r='A2'><v>12345678901234567</v></c>", "12345678901234567", "", id="17 digits, all there"),
        pytest.param("<c r='A2'><v>12345678901234500</v></c>", "1.23456789012345E+16", "source.excel-digits", id="17 digits, 15 there"),
        pytest.param("<c r='A2'><v>4.006381333931E+12</v></c>", "4006381333931", "", id="exponent of a GTIN"),
        pytest.param("<c r='A2'><v>abc</v></c>", "", "source.excel-error", id="no number"),
        pytest.param("<c r='A2' s='1'><v>99999999999</v></c>", "", "source.excel-error", id="no date"),
        pytest.param("<c r='A2' s='1'><v>45000</v></c>", "2023-03-15", "", id="date by its format"),
        pytest.param("<c r='A2' t='s'><v>1</v></c>", "two\nlines", "", id="shared text in pieces"),
        pytest.param("<c t='inlineStr'><is><t>at </t><r><t>once</t></r></is></c>", "at once", "", id="without a place"),
    ],
)  # fmt: skip
def test_a_cell_as_it_lies_in_the_file(tmp_path, cell, text, code):
    strings = "<si><t>one</t></si><si><r><t>two</t></r><r><t>_x000D_\nlines</t></r><rPh><t>no</t></rPh></si>".replace(
        "_x000D_", ""
    )
    styles = '<cellStyleXfs><xf numFmtId="22"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    source = ExcelSource(raw_book(tmp_path / "b.xlsx", columns(cell), strings, styles))
    assert records(source) == [(2, [text])]
    assert noticed(source) == ([(code, 2, "a")] if code else [])


def test_lost_digits_are_said_once_a_column(tmp_path):
    source = ExcelSource(raw_book(tmp_path / "b.xlsx", columns(*["<c><v>1E+18</v></c>"] * 3)))
    assert records(source) == [(line, ["1E+18"]) for line in (2, 3, 4)]
    assert noticed(source) == [("source.excel-digits", 2, "a")]


def test_lines_are_rows_of_the_sheet_and_blank_ones_are_counted(tmp_path):
    path = book(tmp_path / "b.xlsx", ("S", [[], ["sku", "title"], ["A"], [], [None, ""], ["B", "b", None]]))
    source = ExcelSource(path)
    assert source.header == ["sku", "title"]
    assert records(source) == [(3, ["A", ""]), (6, ["B", "b"])]
    assert source.about["blank_rows"] == 2


def test_the_first_sheet_with_rows_is_read_and_others_are_named(tmp_path):
    path = book(tmp_path / "b.xlsx", ("Empty", []), ("Shirts", [["sku"], ["A"]]), ("Mugs", [["sku"], ["B"]]))
    source = ExcelSource(path)
    assert records(source) == [(2, ["A"])]
    [finding] = source.findings
    assert finding.code == "source.excel-sheets"
    assert '"Shirts" is read; not read: "Mugs"' in finding.message
    other = ExcelSource(path, sheet="mugs")
    assert (records(other), other.findings, other.about["sheet"]) == ([(2, ["B"])], [], "Mugs")


def test_hidden_sheets_come_last(tmp_path):
    path = book(tmp_path / "b.xlsx", ("Lists", [["x"], ["1"]]), ("Products", [["sku"], ["A"]]))
    workbook = openpyxl.load_workbook(path)
    workbook["Lists"].sheet_state = "hidden"
    workbook.save(path)
    source = ExcelSource(path)
    assert source.header == ["sku"]
    assert '"Lists" (hidden)' in source.findings[0].message


@pytest.mark.parametrize(
    ("rows", "settings", "header", "found", "codes"),
    [
        pytest.param([["sku", "a"], ["A", "1", "extra"], ["B", "2"]], {}, ["sku", "a"], [2, 3], [], id="long row"),
        pytest.param([["sku", "sku "], ["A", "1"]], {}, ["sku", "sku "], [2], ["csv.duplicate-header"], id="a name twice"),
        pytest.param([["sku", None, "b"], ["A", "1", "2"]], {}, ["sku", "", "b"], [2], ["csv.empty-header"], id="no name"),
        pytest.param([["sku"]], {}, ["sku"], [], ["source.header-only"], id="header only"),
        pytest.param([["A", 1], ["B", 2]], {"has_header": False}, ["column 1", "column 2"], [1, 2], [], id="no header"),
        pytest.param([["Our list"], ["sku", "a"], ["A", 1]], {"skip_lines": 1}, ["sku", "a"], [3], [], id="rows skipped"),
        pytest.param([["Our list"], ["sku", "a"], ["A", 1]], {}, ["Our list"], [2, 3], ["source.excel-title"], id="title"),
        pytest.param([[12, datetime.date(2025, 1, 1)], ["A", 1]], {}, ["12", "2025-01-01"], [2], [], id="numbers as names"),
    ],
)  # fmt: skip
def test_the_table_of_a_sheet(tmp_path, rows, settings, header, found, codes):
    source = ExcelSource(book(tmp_path / "b.xlsx", ("S", rows)), **settings)
    assert source.header == header
    assert [line for line, _ in records(source)] == found
    assert [finding.code for finding in source.findings] == codes
    assert all(len(cells) == len(header) for _, cells in records(source))


def test_a_long_row_is_held_back_with_its_text(tmp_path):
    source = ExcelSource(book(tmp_path / "b.xlsx", ("S", [["sku"], ["A", 'say "x"']])))
    [(line, cells)] = records(source)
    assert isinstance(cells, BadCells)
    assert (line, cells.finding.code, cells.raw) == (2, "csv.long-row", 'A,"say ""x"""')


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(lambda p: p.write_bytes(b"PK\x03\x04 rubbish"), "source.archive-damaged", id="no zip"),
        pytest.param(lambda p: book(p, ("S", [])), "source.empty", id="no rows"),
        pytest.param(lambda p: raw_book(p, "<row r='1'><c r='A1'><v>1</c></row>"), "source.xml", id="broken sheet"),
        pytest.param(lambda p: raw_book(p, "<row r='1'><c t='s'><v>7</v></c></row>"), "source.excel", id="text not there"),
        pytest.param(lambda p: raw_book(p, "<row r='2'><c><v>1</v></c></row><row r='1'/>"), "source.excel", id="rows in disorder"),
        pytest.param(lambda p: raw_book(p, "<row r='1'><c r='B2'><v>1</v></c></row>"), "source.excel", id="cell of another row"),
        pytest.param(lambda p: raw_book(p, "<row r='99999999'><c><v>1</v></c></row>"), "source.excel", id="row too far"),
        pytest.param(lambda p: raw_book(p, "", **{"xl/workbook.xml": "<workbook/>"}), "source.excel", id="no sheets"),
        pytest.param(lambda p: raw_book(p, "", **{"xl/workbook.xml": "<!DOCTYPE a><workbook/>"}), "source.xml-dtd", id="DTD"),
    ],
)  # fmt: skip
def test_a_damaged_workbook_is_refused(tmp_path, make, code):
    path = tmp_path / "b.xlsx"
    make(path)
    with pytest.raises(SourceError) as caught:
        records(ExcelSource(path))
    assert (caught.value.code, caught.value.exit_status) == (code, 3)
    assert caught.value.mend


def test_a_sheet_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError) as caught:
        ExcelSource(book(tmp_path / "b.xlsx", ("Shirts", [["sku"]])), sheet="Shorts")
    assert caught.value.code == "source.excel-sheet"
    assert '"Shirts"' in caught.value.message


def test_a_compressed_workbook_is_read(tmp_path):
    plain = book(tmp_path / "b.xlsx", ("S", [["sku"], ["A"]]))
    packed = tmp_path / "b.xlsx.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    source = open_source(packed)
    assert (records(source), source.about["compression"]) == ([(2, ["A"])], "gzip")
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as archive:
        archive.write(plain, "b.xlsx")
    (tmp_path / "b.zip").write_bytes(inside.getvalue())
    assert records(open_source(tmp_path / "b.zip")) == [(2, ["A"])]


MAPPING = """feedbridge: 1
name: shop
source: {format: csv}
records: {one: product}
product:
  sku: sku
  title: title
  price: {from: price, as: money, currency: EUR, decimal: "."}
"""


def test_a_workbook_gives_the_products_of_its_csv(tmp_path):
    rows = [["sku", "title", "price"], ["00123", "Mug", 9.9], ["A2", "Pot, 3 l", 12], ["A3", "", "x"]]
    book(tmp_path / "shop.xlsx", ("S", rows))
    (tmp_path / "shop.csv").write_text("\n".join(",".join(f'"{cell}"' for cell in row) for row in rows) + "\n")
    (tmp_path / "m.yaml").write_text(MAPPING)
    outputs = []
    for name in ("shop.xlsx", "shop.csv"):
        out = tmp_path / f"out-{name}"
        result = feedbridge.convert(tmp_path / name, mapping=str(tmp_path / "m.yaml"), to="flipsnack", out=out)
        quarantine = [path.read_bytes() for path in (out / "quarantine").iterdir()]
        outputs.append(
            (result.counts, result.exit_status, (out / "flipsnack" / "batch-0001.json").read_bytes(), quarantine)
        )
    assert outputs[0] == outputs[1]
    assert outputs[0][1] == 1


def test_a_quarantine_file_saved_as_a_workbook_is_fed_back(tmp_path):
    front = ["line", "code", "problem", "mend"]
    rows = [
        [*front, "sku", "title"],
        [2, "c", "p", "m", "A", "a"],
        [3, "c", "p", "m", "B", "feedbridge: mend this row"],
    ]
    source = ExcelSource(book(tmp_path / "q.xlsx", ("S", rows)))
    assert (source.is_quarantine, source.header) == (True, ["sku", "title"])
    good, bad = records(source)
    assert good == (2, ["A", "a"])
    assert bad[1].finding.code == "source.unmended"


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        pytest.param(42, "00000;-00000", "00042", id="a section for negative ones"),
        pytest.param(-42, "00000;-00000", "-00042", id="a negative one"),
        pytest.param(42, "00000_-", "00042", id="a blank as wide as a stroke"),
        pytest.param(42, "[Red]00000", "00042", id="a colour"),
        pytest.param(42, '"A-"0000', "A-0042", id="a word in front"),
        pytest.param(42, r"\A0000", "A0042", id="a letter in front"),
        pytest.param(12345, "00000-000", "00012-345", id="a stroke inside"),
        pytest.param(42, '"SKU "#', "SKU 42", id="a word and no zeros"),
        pytest.param(4.5, "00000", "4.5", id="no whole number"),
        pytest.param(9.5, "#,##0.00 [$USD]", "9.5 USD", id="currency code"),
        pytest.param(9.5, "[$$-409]#,##0.00", "9.5 $", id="currency sign of a country"),
        pytest.param(9.5, "[$£-809]#,##0.00", "9.5 £", id="pounds"),
        pytest.param(9.5, "#,##0.00 €", "9.5 €", id="bare sign"),
        pytest.param(9.5, '#,##0.00\\ "€"', "9.5 €", id="sign in quotes"),
        pytest.param(9.5, '0.00" EUR"', "9.5 EUR", id="code in quotes"),
        pytest.param(9.5, "[$-409]#,##0.00", "9.5", id="a country and no currency"),
        pytest.param(9.5, '"$"#,##0_);("$"#,##0)', "9.5", id="built into Excel: the reader's own currency"),
        pytest.param(1.234, None, "1.2340", id="three decimals"),
        pytest.param(1.234, "0.000 [$EUR]", "1.2340 EUR", id="three decimals and a currency"),
        pytest.param(1.234, "0.000", "1.2340", id="three decimals shown"),
    ],
)  # fmt: skip
def test_a_number_as_its_format_shows_it(tmp_path, value, code, text):
    path = book(tmp_path / "b.xlsx", ("S", [["a", "b"], [value, "x"]]), formats={"A2": code} if code else None)
    source = ExcelSource(path)
    assert (records(source), noticed(source)) == ([(2, [text, "x"])], [])


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        pytest.param(0.19, "0%", "0.19", id="per cent"),
        pytest.param(12.5, '0.00" kg"', "12.5", id="a unit"),
        pytest.param(4.5, "000.00", "4.5", id="zeros before a point"),
        pytest.param(42, "[<1000]00000;0", "42", id="a condition"),
    ],
)
def test_a_format_that_is_not_read_is_said_once_a_column(tmp_path, value, code, text):
    rows = [["a", "b"], [value, "x"], [value, "y"]]
    source = ExcelSource(book(tmp_path / "b.xlsx", ("S", rows), formats={"A2": code, "A3": code}))
    assert [cells for _, cells in records(source)] == [[text, "x"], [text, "y"]]
    assert noticed(source) == [("source.excel-format", 2, "a")]


def test_hidden_rows_are_read_and_counted(tmp_path):
    path = book(tmp_path / "b.xlsx", ("S", [["a"], ["1"], ["2"], ["3"]]))
    workbook = openpyxl.load_workbook(path)
    for line in (3, 4):
        workbook.active.row_dimensions[line].hidden = True
    workbook.save(path)
    source = ExcelSource(path)
    assert records(source) == [(2, ["1"]), (3, ["2"]), (4, ["3"])]
    assert noticed(source) == [("source.excel-hidden-rows", 3, "")]
    assert "2, the first is row 3" in next(f for batch in source.batches() for f in batch.findings).message


def test_cells_merged_downwards_have_one_value(tmp_path):
    rows = [["sku", "brand", "x"], ["A", "Acme", 1], ["B", None, 2], ["C", None, 3], ["D", None, 4]]
    path = book(tmp_path / "b.xlsx", ("S", rows))
    workbook = openpyxl.load_workbook(path)
    workbook.active.merge_cells("B2:B4")
    workbook.save(path)
    source = ExcelSource(path)
    brands = [cells[1] for _, cells in records(source)]
    assert brands == ["Acme", "Acme", "Acme", ""]
    assert [(f.code, f.line, f.column) for f in source.findings] == [("source.excel-merged", 2, "brand")]
    assert "B2:B4" in source.findings[0].message


def test_a_cell_that_is_there_twice_is_refused(tmp_path):
    sheet = columns("<c r='A2'><v>1</v></c><c r='A2'><v>2</v></c>")
    with pytest.raises(SourceError, match="row 2 has the cell A2 twice"):
        records(ExcelSource(raw_book(tmp_path / "b.xlsx", sheet)))


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        pytest.param("<c r='A2' t='e'><v>#N/A</v></c>", "source.excel-error", id="error"),
        pytest.param("<c r='A2'><f>1+1</f></c>", "source.excel-formula", id="formula never calculated"),
    ],
)
def test_a_needed_cell_without_a_value_holds_its_row_back(tmp_path, cell, code):
    source = ExcelSource(raw_book(tmp_path / "b.xlsx", columns(cell, "<c r='A3'><v>5</v></c>")))
    source.needed = {"a"}
    (_, bad), good = records(source)
    assert isinstance(bad, BadCells)
    assert (bad.finding.code, bad.finding.column, bad.finding.severity.name) == (code, "a", "ERROR")
    assert (good, noticed(source)) == ((3, ["5"]), [])


HEAD = ["sku", "title", "price"]


@pytest.mark.parametrize(
    ("price", "code", "given", "finding"),
    [
        pytest.param(1.234, None, {"currency": "EUR"}, "", id="a typed number"),
        pytest.param(1.234, None, {"currency": "EUR", "decimal": "."}, "", id="with decimal points"),
        pytest.param(1.234, None, {"currency": "EUR", "decimal": ","}, "cell.price-format", id="never a thousand"),
        pytest.param(9.5, "0.00 [$USD]", {"currency": "EUR"}, "cell.price-currency", id="another currency"),
        pytest.param(9.5, "0.00 [$USD]", {"currency": "USD"}, "", id="the same currency"),
        pytest.param("=1+1", None, {"currency": "USD"}, "source.excel-formula", id="no value"),
    ],
)
def test_a_price_of_a_workbook_is_right_or_refused(tmp_path, price, code, given, finding):
    path = book(tmp_path / "b.xlsx", ("S", [HEAD, ["A", "Lamp", price]]), formats={"C2": code} if code else None)
    result = feedbridge.convert(path, to="magento", out=tmp_path / "out", set=given)
    errors = [f.code for f in result.findings if f.severity.name == "ERROR"]
    assert errors == ([finding] if finding else [])


def test_the_other_sheets_are_named_when_the_first_is_no_table(tmp_path):
    path = book(tmp_path / "b.xlsx", ("Cover", [["Price list"]]), ("Products", [HEAD, ["A", "Lamp", 5]]))
    for mapping in ("auto", "google"):
        with pytest.raises(feedbridge.FeedbridgeError, match='not read: "Products"'):
            feedbridge.convert(path, to="magento", out=tmp_path / "out", set={"currency": "EUR"}, mapping=mapping)
