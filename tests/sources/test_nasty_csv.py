"""Every file of the nasty-csv samples: what is read of it, what is held back or noticed, what is refused."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from feedbridge.errors import SourceError
from feedbridge.sources.base import BadCells
from feedbridge.sources.csv import CsvSource

SAMPLES = Path(os.environ.get("FEEDBRIDGE_SAMPLES", Path(__file__).resolve().parents[3] / "shared" / "samples"))
NASTY = SAMPLES / "nasty-csv"

pytestmark = pytest.mark.skipif(not NASTY.is_dir(), reason="the nasty-csv samples are not here")

# file: columns, good records, and how many findings of each code (those of held-back records too)
EXPECTED = {
    "clevercsv/airedale.csv": (8, 54, {}),
    "csvkit/bad.csv": (3, 2, {"csv.long-row": 1, "csv.short-row": 1}),
    "csvkit/blanks.csv": (6, 1, {}),
    "csvkit/mac_newlines.csv": (3, 2, {}),
    "csvkit/null_byte.csv": (3, 0, {"csv.nul": 1}),
    "csvkit/sniff_limit.csv": (3, 1, {}),
    "csvkit/test_empty_columns.csv": (5, 2, {"csv.short-row": 1}),
    "csvkit/test_extra_header.csv": (4, 1, {"csv.short-row": 1}),
    "csvkit/test_header_newline.csv": (3, 1, {}),
    "csvkit/test_latin1.csv": (3, 2, {"source.encoding-guessed": 1}),
    "csvkit/test_locale.csv": (3, 1, {}),
    "csvkit/test_utf16_little.csv": (3, 2, {}),
    "csvkit/test_utf8.csv": (3, 2, {}),
    "csvkit/test_utf8_bom.csv": (3, 2, {}),
    "duckdb/all_quotes.csv": (4, 4, {"csv.long-row": 1}),
    "duckdb/auto/backslash_escape.csv": (3, 1, {"csv.stray-quote": 1}),
    "duckdb/auto/duplicate_header_columns.csv": (13, 2, {"csv.duplicate-header": 1, "csv.empty-header": 1}),
    "duckdb/auto/pipe_delim_quote.csv": (3, 2, {}),
    "duckdb/auto/semicolon_quote.csv": (3, 2, {}),
    "duckdb/auto/varchar_multi_line.csv": (3, 1, {}),
    "duckdb/comma_decimal_null.csv": (28, 8, {}),
    "duckdb/decimal_separators/decimal_separators.csv": (2, 5, {}),
    "duckdb/decimal_separators/decimal_separators_csv.csv": (2, 1, {}),
    "duckdb/encodings/latin1.csv": (2, 12, {"source.encoding-guessed": 1}),
    "duckdb/encodings/shift_jis.csv": (2, 20, {"source.encoding-guessed": 1}),
    "duckdb/encodings/utf16.csv": (2, 20, {}),
    "duckdb/headers/all_varchar.csv": (1, 1, {}),
    "duckdb/headers/borked_type.csv": (1, 2, {}),
    "duckdb/headers/empty_1.csv": (5, 2, {"csv.empty-header": 1}),
    "duckdb/headers/empty_2.csv": (5, 2, {"csv.empty-header": 1}),
    "duckdb/headers/empty_3.csv": (5, 2, {"csv.empty-header": 1}),
    "duckdb/headers/empty_4.csv": (5, 2, {"csv.empty-header": 1}),
    "duckdb/headers/escaped_quote.csv": (2, 2, {}),
    "duckdb/headers/integer.csv": (1, 0, {"source.header-only": 1}),
    "duckdb/headers/single_line.csv": (2, 0, {"source.header-only": 1}),
    "duckdb/headers/undetected_type.csv": (1, 0, {"csv.long-row": 1}),
    "duckdb/headers/unescaped_quote.csv": (2, 2, {}),
    "duckdb/inconsistencies/inconsistent_columns_3.csv": (3, 0, {"csv.long-row": 5}),
    "duckdb/inconsistencies/inconsistent_columns_6.csv": (4, 4, {"csv.long-row": 1}),
    "duckdb/inconsistencies/line_with_spaces.csv": (1, 0, {"csv.long-row": 5}),
    "duckdb/invalid_utf8.csv": (1, 2, {}),
    "duckdb/mixed_new_line.csv": (3, 2, {}),
    "duckdb/multidelimiter/aa_delim.csv": (1, 18, {}),
    "duckdb/nullbyte.csv": (3, 0, {"csv.nul": 1}),
    "duckdb/real/imdb_movie_info_escaped.csv": (5, 151, {"csv.empty-header": 1, "csv.stray-quote": 33}),
    "duckdb/rejects/incorrect_columns/few_columns.csv": (4, 2772, {"csv.short-row": 4}),
    "duckdb/rejects/unquoted/basic.csv": (2, 6, {"csv.stray-quote": 1}),
    "duckdb/rejects/unquoted/unquoted_last_value.csv": (1, 3, {"csv.open-quote": 1}),
    "duckdb/rejects/unquoted/unquoted_new_line.csv": (2, 6, {"csv.open-quote": 1}),
    "duckdb/test/mixed_line_endings.csv": (3, 2, {}),
    "duckdb/thousands_separator/simple.csv": (2, 2, {"csv.cut-off": 1, "csv.long-row": 1, "csv.short-row": 1}),
    "duckdb/thousands_separator/simple_quoted.csv": (1, 4, {}),
    "frictionless/blank-cells.csv": (2, 5, {}),
    "frictionless/blank-headers.csv": (3, 2, {"csv.empty-header": 1}),
    "frictionless/blank-rows.csv": (3, 2, {}),
    "frictionless/bom.csv": (2, 2, {}),
    "frictionless/doublequote.csv": (17, 5, {}),
    "frictionless/duplicate-headers.csv": (5, 2, {"csv.duplicate-header": 1}),
    "frictionless/escaping.csv": (2, 2, {"csv.stray-quote": 1}),
    "frictionless/issue-1009-semicolon.csv": (2, 1, {}),
    "frictionless/latin1.csv": (2, 2, {"source.encoding-guessed": 1}),
    "frictionless/leading-zeros.csv": (1, 3, {}),
    "frictionless/long.csv": (2, 6, {}),
    "frictionless/nested.csv": (3, 4, {}),
    "frictionless/skip-rows.csv": (1, 1, {"csv.long-row": 3}),
    "frictionless/structure-errors.csv": (3, 2, {"csv.long-row": 1}),
    "frictionless/table-infer-iso-8859-7.csv": (3, 4, {"source.encoding-guessed": 1}),
    "frictionless/table-unicode-headers.csv": (2, 2, {}),
    "frictionless/wide.csv": (9074, 3, {}),
    "frictionless/without-headers.csv": (2, 2, {}),
    "frictionless/without-rows.csv": (2, 0, {"source.header-only": 1}),
    "papaparse/long-sample.csv": (7, 7, {}),
    "papaparse/malformed.tsv": (8, 7, {"csv.long-row": 1, "csv.open-quote": 1, "csv.short-row": 1}),
    "papaparse/utf-8-bom-sample.csv": (3, 1, {}),
    "papaparse/verylong-sample.csv": (3, 2000, {"csv.short-row": 4}),
}
REFUSED = {
    "csvkit/empty.csv": "source.empty",
    "duckdb/test/unterminated.csv": "csv.header-quote",
    "duckdb/unescaped_quotes/end_quote.csv": "csv.header-quote",
    "duckdb/unescaped_quotes/unescaped_quote.csv": "csv.header-quote",
}
ROWS = {
    "csvkit/mac_newlines.csv": [(2, ["1", "2", "3"]), (3, ["Once upon\ra time", "5", "6"])],
    "csvkit/test_utf16_little.csv": [(2, ["1", "2", "3"]), (3, ["4", "5", "ʤ"])],
    "csvkit/test_header_newline.csv": [(8, ["d", "e", "f"])],
    "duckdb/test/mixed_line_endings.csv": [(2, ["20", "world", "30"]), (3, ["30", "test", "30"])],
    "duckdb/auto/pipe_delim_quote.csv": [(2, ["345", "TEST5", "text2|"]), (3, ["567", "TEST5", "text3"])],
    "frictionless/leading-zeros.csv": [(2, ["01"]), (3, ["002"]), (4, ["00003"])],
    "frictionless/escaping.csv": [(2, ["1", "Test line 1"]), (3, ["2", 'Test " line 2'])],
    "frictionless/table-infer-iso-8859-7.csv": [
        (2, ["1", "39", "Λεωνιδας"]),
        (3, ["2", "23", "Αλεξανδρος"]),
        (4, ["3", "36", "Μυρων"]),
        (5, ["4", "28", "Ευστοργιος"]),
    ],
}


def everything(source):
    batches = list(source.batches())
    records = [record for batch in batches for record in batch.records]
    bad = [cells for _, cells in records if isinstance(cells, BadCells)]
    good = [(line, cells) for line, cells in records if not isinstance(cells, BadCells)]
    findings = [*source.findings, *(f for batch in batches for f in batch.findings), *(cells.finding for cells in bad)]
    return good, bad, findings


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_is_read_as_expected(name):
    columns, count, codes = EXPECTED[name]
    source = CsvSource(NASTY / name, name=name)
    good, bad, findings = everything(source)
    assert (len(source.header), len(good), dict(Counter(f.code for f in findings))) == (columns, count, codes)
    assert all(len(cells) == columns for cells in [*bad, *(cells for _, cells in good)])
    assert all(finding.file == name and finding.mend for finding in findings)
    assert good == ROWS.get(name, good)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_is_refused(name):
    with pytest.raises(SourceError) as caught:
        CsvSource(NASTY / name, name=name)
    assert caught.value.code == REFUSED[name]


def test_no_file_is_forgotten():
    found = {str(path.relative_to(NASTY)) for path in NASTY.rglob("*") if path.suffix in (".csv", ".tsv")}
    found = {name for name in found if not name.startswith("csv-spectrum/")}
    assert found == set(EXPECTED) | set(REFUSED)


def spectrum():
    return sorted(path.stem for path in (NASTY / "csv-spectrum" / "csvs").glob("*.csv")) or ["none"]


@pytest.mark.parametrize("name", spectrum())
def test_csv_spectrum_gives_its_json(name):
    source = CsvSource(NASTY / "csv-spectrum" / "csvs" / f"{name}.csv")
    good, bad, findings = everything(source)
    expected = json.loads((NASTY / "csv-spectrum" / "json" / f"{name}.json").read_text("utf-8"))
    expected = expected if isinstance(expected, list) else [expected]
    records = [dict(zip(source.header, cells, strict=True)) for _, cells in good]
    if name == "location_coordinates":  # the telephone number of this pair was made unlike
        for record in (records[0], expected[0]):
            del record["Contact Phone Number"]
    assert records == expected
    assert (bad, findings) == ([], [])
