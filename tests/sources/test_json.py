"""JSON sources: shapes, places, encodings, and what is said about broken ones."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from feedbridge.errors import CommandError, SourceError
from feedbridge.findings import Severity
from feedbridge.sources.base import BadDocument, Range
from feedbridge.sources.json import SPLIT_BYTES, JsonSource, PlaceInPage

SAMPLES = Path(os.environ.get("FEEDBRIDGE_SAMPLES", Path(__file__).resolve().parents[3] / "shared" / "samples"))
A, B = {"sku": "A"}, {"sku": "B"}


def write(folder: Path, data: str | bytes, name: str = "feed.json") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def records(source: JsonSource, part: Range | None = None) -> list[Any]:
    return [record for batch in source.batches(part) for record in batch.records]


def notes(source: JsonSource) -> list[str]:
    return [finding.code for batch in source.batches() for finding in batch.findings]


def read(folder: Path, data: str | bytes, name: str = "feed.json", **options: Any) -> list[tuple[int, Any, str]]:
    """Line, document (or the code of what is wrong with it) and pointer of each record."""
    source = JsonSource(write(folder, data, name), **options)
    return [
        (record[0], record[1].finding.code if isinstance(record[1], BadDocument) else record[1], source.pointer(record))
        for record in records(source)
    ]


# --- shapes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('[{"sku":"A"},{"sku":"B"}]', [(1, A, "/0"), (1, B, "/1")], id="array"),
        pytest.param('[\n  {"sku": "A"},\n  {\n"sku": "B"}\n]\n', [(2, A, "/0"), (3, B, "/1")], id="array over lines"),
        pytest.param('[{"sku":"A"}\n,\n{"sku":"B"}]', [(1, A, "/0"), (3, B, "/1")], id="comma on its own line"),
        pytest.param(
            '{"products":[{"sku":"A"},\n{"sku":"B"}]}', [(1, A, "/products/0"), (2, B, "/products/1")], id="envelope"
        ),
        pytest.param('{"total":1,"data":{"items":[{"sku":"A"}]}}', [(1, A, "/data/items/0")], id="nested envelope"),
        pytest.param('{"data":[],"items":[{"sku":"A"}]}', [(1, A, "/items/0")], id="an empty known list first"),
        pytest.param('{"data":[1,2],"items":[{"sku":"A"}]}', [(1, A, "/items/0")], id="a known list of numbers first"),
        pytest.param('{"hits":{"total":1,"hits":[{"sku":"A"}]}}', [(1, A, "/hits/hits/0")], id="search answer"),
        pytest.param('{"_embedded":{"items":[{"sku":"A"}]}}', [(1, A, "/_embedded/items/0")], id="HAL page"),
        pytest.param(
            '[{"_embedded":{"items":[{"sku":"A"}]}},\n{"_links":{},"_embedded":{"items":[{"sku":"B"},\n{"sku":"A"}]}}]',
            [(1, A, "/0/_embedded/items/0"), (2, B, "/1/_embedded/items/0"), (3, A, "/1/_embedded/items/1")],
            id="array of HAL pages",
        ),
        pytest.param(
            '{"_embedded":{"items":[{"sku":"A"}]}}\n{"_embedded":{"items":[{"sku":"B"},{"sku":"A"}]}}\n',
            [(1, A, "/_embedded/items/0"), (2, B, "/_embedded/items/0"), (2, A, "/_embedded/items/1")],
            id="HAL pages as lines",
        ),
        pytest.param(
            '{\n"_embedded":{"items":[{"sku":"A"}]}}\n{"_embedded":{\n"items":[{"sku":"B"}]}}\n',
            [(2, A, "/_embedded/items/0"), (4, B, "/_embedded/items/0")],
            id="HAL pages one after another",
        ),
        pytest.param(
            '{"products":[{"sku":"A"}]}\n{"products":[]}\n{"products":[{"sku":"B"}]}',
            [(1, A, "/products/0"), (3, B, "/products/0")],
            id="envelopes as lines",
        ),
        pytest.param('{"sku":"A"}\n{"sku":"B"}\n', [(1, A, ""), (2, B, "")], id="JSON Lines"),
        pytest.param(
            '{"sku":"A"}\r\n\r\n  \r\n{"sku":"B"}', [(1, A, ""), (4, B, "")], id="JSON Lines, CRLF and blanks"
        ),
        pytest.param('\n{"sku":"A"}\r{"sku":"B"}\r', [(2, A, ""), (3, B, "")], id="JSON Lines, CR"),
        pytest.param('{\n"sku":"A"}\n{\n"sku":"B"}', [(1, A, ""), (3, B, "")], id="objects one after another"),
        pytest.param('{"sku":"A"}{"sku":"B"}', [(1, A, ""), (1, B, "")], id="objects on one line"),
        pytest.param('{"product":\n{"sku":"A"}}', [(2, A, "/product")], id="wrapped product"),
        pytest.param('{"sku":"A","size":{"cm":1}}', [(1, {"sku": "A", "size": {"cm": 1}}, "")], id="one product"),
        pytest.param(
            '{"product":{"sku":"A","variants":[{"sku":"B"}]}}',
            [(1, {"sku": "A", "variants": [B]}, "/product")],
            id="a product's variants are not products",
        ),
        pytest.param(
            '{"sku":"A","tags":["x"]}', [(1, {"sku": "A", "tags": ["x"]}, "")], id="lists of texts do not count"
        ),
        pytest.param(
            '{"sku":"A","items":[{"n":1}],"offers":[{}]}',
            [(1, {"sku": "A", "items": [{"n": 1}], "offers": [{}]}, "")],
            id="a product with lists of its own",
        ),
        pytest.param("{}", [(1, {}, "")], id="an object of nothing"),
        pytest.param('[{},{"sku":"A"}]', [(1, {}, "/0"), (1, A, "/1")], id="array with an empty object"),
    ],
)
def test_shapes(tmp_path, text, expected):
    assert read(tmp_path, text) == expected
    assert read(tmp_path, text, block=7) == expected


@pytest.mark.parametrize(
    ("text", "items", "expected"),
    [
        pytest.param('{"a":{"b":[{"sku":"A"}]},"items":[{}]}', "a.b", [(1, A, "/a/b/0")], id="path"),
        pytest.param(
            '[{"shop":[{"sku":"A"}]},{"shop":[{"sku":"B"}]}]',
            "shop",
            [(1, A, "/0/shop/0"), (1, B, "/1/shop/0")],
            id="pages",
        ),
        pytest.param(
            '{"shop":[{"sku":"A"}]}\n{"shop":[{"sku":"B"}]}', "shop", [(1, A, "/shop/0"), (2, B, "/shop/0")], id="lines"
        ),
        pytest.param('{"items":[{"n":1}]}', ".", [(1, {"items": [{"n": 1}]}, "")], id="the document itself"),
        pytest.param('[{"items":[{"n":1}]}]', ".", [(1, {"items": [{"n": 1}]}, "/0")], id="the array itself"),
        pytest.param(
            '{"a":null}\n{"a":[{"sku":"A"}]}', "a", [(1, "json.page-without-items", ""), (2, A, "/a/0")], id="null"
        ),
        pytest.param('{"a/b":{"c~d":[{"sku":"A"}]}}', "a/b.c~d", [(1, A, "/a~1b/c~0d/0")], id="pointer escapes"),
    ],
)
def test_items_named(tmp_path, text, items, expected):
    assert read(tmp_path, text, items=items) == expected


def test_about_header_and_folder(tmp_path):
    source = JsonSource(write(tmp_path, '{"data":{"items":[{"sku":"A"}]}}'), name="given")
    assert source.about == {"format": "json", "items": "data.items", "encoding": "utf-8"}
    assert (source.kind, source.header, source.name, source.folder) == ("documents", [], "given", tmp_path)
    assert source.pointer_prefix == "/data/items/"
    assert not source.is_quarantine
    lines = JsonSource(write(tmp_path, '{"sku":"A"}\n', "feed.jsonl"), folder=tmp_path / "x")
    assert lines.about == {"format": "jsonl", "items": "", "encoding": "utf-8"}
    assert (lines.pointer_prefix, lines.folder) == ("", tmp_path / "x")


def test_records_are_read_again_from_the_start_at_each_call(tmp_path):
    source = JsonSource(write(tmp_path, '{"sku":"A"}\n{"sku":"B"}\n'))
    assert records(source) == records(source) == [(1, A, 0), (2, B, 1)]


def test_one_line_is_json_lines_when_the_file_says_so(tmp_path):
    assert JsonSource(write(tmp_path, '{"sku":"A"}', "feed.ndjson")).about["format"] == "jsonl"
    assert JsonSource(write(tmp_path, '{"sku":"A"}', "feed.json")).about["format"] == "json"


def test_compressed(tmp_path):
    assert read(tmp_path, gzip.compress(b'{"sku":"A"}\n{"sku":"B"}\n'), "feed.jsonl.gz") == [(1, A, ""), (2, B, "")]


def test_place_in_page_survives_a_process_boundary():
    place = pickle.loads(pickle.dumps(PlaceInPage(5, 2, "_embedded/items/")))
    assert (place, str(place), f"{place}", place.page) == (5, "2/_embedded/items/5", "2/_embedded/items/5", 2)


# --- values ---------------------------------------------------------------------------------------------------------

VALUES = [
    pytest.param("1.10", Decimal("1.10"), id="decimal places stay"),
    pytest.param("0.1", Decimal("0.1"), id="never a binary float"),
    pytest.param("1e2", Decimal("1E+2"), id="exponent"),
    pytest.param("12345678901234567890123", 12345678901234567890123, id="long integer"),
    pytest.param("-0", 0, id="minus zero"),
    pytest.param('"\\u00e9\\ud83d\\ude00"', "é😀", id="escapes"),
    pytest.param('"a\\u003ab"', "a:b", id="escaped colon"),
    pytest.param('"\\u0000"', "\0", id="escaped NUL"),
    pytest.param('"http://x:1/?a=:"', "http://x:1/?a=:", id="colons in a text"),
    pytest.param("[null,true,{}]", [None, True, {}], id="others"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
@pytest.mark.parametrize("shape", ["[%s,{}]", "%s\n{}\n", '{"items":[%s,{}]}'])
def test_values(tmp_path, shape, text, value):
    found = read(tmp_path, shape % f'{{"v":{text}}}')
    assert [document for _, document, _ in found] == [{"v": value}, {}]
    assert type(found[0][1]["v"]) is type(value)


@pytest.mark.parametrize(
    ("data", "options", "encoding"),
    [
        pytest.param("{}".encode("utf-8-sig"), {}, "utf-8", id="UTF-8 with BOM"),
        pytest.param("{}".encode("utf-16"), {}, "utf-16", id="UTF-16 with BOM"),
        pytest.param("{}".encode("utf-32"), {}, "utf-32", id="UTF-32 with BOM"),
        pytest.param("{}".encode("utf-16-be"), {}, "utf-16-be", id="UTF-16 BE"),
        pytest.param("{}".encode("utf-16-le"), {}, "utf-16-le", id="UTF-16 LE"),
        pytest.param("{}".encode("utf-32-be"), {}, "utf-32-be", id="UTF-32 BE"),
        pytest.param("{}".encode("utf-32-le"), {}, "utf-32-le", id="UTF-32 LE"),
        pytest.param("{}".encode("cp1252"), {"encoding": "Windows-1252"}, "cp1252", id="given"),
        pytest.param("{}".encode("utf-8-sig"), {"encoding": "cp1252"}, "utf-8", id="the mark wins"),
    ],
)
@pytest.mark.parametrize("shape", ['[{"v":"é€"},\r\n{"v":"A"}]', '{"v":"é€"}\r\n{"v":"A"}\r\n'])
def test_encodings(tmp_path, shape, data, options, encoding):
    codec = "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else encoding
    for block in (3, 1 << 20):
        path = write(tmp_path, shape.encode(codec))
        source = JsonSource(path, block=block, **options)
        assert [record[:2] for record in records(source)] == [(1, {"v": "é€"}), (2, {"v": "A"})]
        assert source.about["encoding"] == encoding
        doubtful = options.get("encoding") == "cp1252"
        assert [finding.code for finding in source.findings] == ["source.encoding-doubt"] * doubtful


def test_unknown_encoding(tmp_path):
    with pytest.raises(CommandError) as caught:
        JsonSource(write(tmp_path, "[]"), encoding="utf-99")
    assert caught.value.code == "source.encoding-name"


# --- records that cannot be trusted ---------------------------------------------------------------------------------

BAD_VALUES = [
    pytest.param('{"v":NaN}', "json.not-a-number", "NaN is not a JSON value", id="NaN"),
    pytest.param('{"t":"NaN","v":-Infinity}', "json.not-a-number", "-Infinity is not a JSON value", id="-Infinity"),
    pytest.param('{"v":1%s}' % ("0" * 5000), "json.number-too-long", "too long", id="integer of 5001 digits"),
    pytest.param('{"v":1e99999999999999999999}', "json.number-too-long", "too long", id="exponent beyond reason"),
    pytest.param('{"v":"\\ud800"}', "json.lone-surrogate", "half a character", id="half a character"),
    pytest.param(
        '{"v":{"p":1,"p":2}}', "json.duplicate-key", '"p" stands twice in one object: 1, then 2', id="key twice"
    ),
    pytest.param(
        '{"v":"a\\u003ab","p" : 1, "p":2}', "json.duplicate-key", '"p" stands twice', id="key twice, escaped colon"
    ),
    pytest.param("null", "json.not-an-object", "this is null", id="null"),
    pytest.param("12.5", "json.not-an-object", "this is a number", id="number"),
    pytest.param("true", "json.not-an-object", "true or false", id="boolean"),
    pytest.param('"x"', "json.not-an-object", "this is a text", id="text"),
    pytest.param('[{"a":1}]', "json.not-an-object", "this is a list", id="list"),
]


@pytest.mark.parametrize(("text", "code", "message"), BAD_VALUES)
@pytest.mark.parametrize(
    ("shape", "pointers"),
    [
        pytest.param('[{"sku":"A"},\n%s,\n{"sku":"B"}]', ["/0", "/1", "/2"], id="array"),
        pytest.param(
            '{"n":1,"products":[{"sku":"A"},\n%s\n,\n{"sku":"B"}]}',
            ["/products/0", "/products/1", "/products/2"],
            id="envelope",
        ),
        pytest.param('{"sku":"A"}\n%s\n{"sku":"B"}\n', ["", "", ""], id="lines"),
        pytest.param('{\n"sku":"A"} %s\n{"sku":"B"}\n', ["", "", ""], id="objects one after another"),
    ],
)
@pytest.mark.parametrize("block", [9, 1 << 20])
def test_a_bad_record_costs_itself_alone(tmp_path, shape, pointers, text, code, message, block):
    source = JsonSource(write(tmp_path, shape % text), block=block)
    first, bad, last = records(source)
    assert (first[1], last[1]) == (A, B)
    assert isinstance(bad[1], BadDocument)
    finding = bad[1].finding
    assert (finding.code, finding.line, finding.severity, finding.file) == (code, 2, Severity.ERROR, source.name)
    assert message in finding.message
    assert finding.mend
    assert bad[0] == 2
    assert bad[1].raw == text
    assert [source.pointer(record) for record in (first, bad, last)] == pointers


def test_the_same_value_twice_loses_nothing(tmp_path):
    assert read(tmp_path, '[{"sku":"A","sku":"A"}]') == [(1, A, "/0")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(b'{"a":1,}', "column 8: expected property name", id="comma too many"),
        pytest.param(b'{"a":1', "column 7: it ends too early", id="cut off"),
        pytest.param(b'{"a":"x}', "column 6: Unterminated string", id="text not closed"),
        pytest.param(b'{"a":1} {"b":2}', "column 9: something follows", id="two on a line"),
        pytest.param(b'{"a":01}', "column 7: expected ',' delimiter", id="leading zero"),
        pytest.param(b'{"a":"\xff"}', "column 7: a NUL byte, or bytes", id="not UTF-8"),
        pytest.param(b'{"\xc3\xa9":"\xff"}', "column 7: a NUL byte, or bytes", id="columns are characters"),
        pytest.param(b'{"a":\0}', "column 6: a NUL byte", id="NUL"),
        pytest.param(b"{'a':1}", "column 2: expected property name", id="single quotes"),
        pytest.param(b"# comment", "column 1: expected value", id="comment"),
    ],
)
@pytest.mark.parametrize("block", [5, 1 << 20])
def test_broken_lines(tmp_path, line, message, block):
    source = JsonSource(write(tmp_path, b'{"sku":"A"}\n' + line + b'\n{"sku":"B"}\n'), block=block)
    first, bad, last = records(source)
    assert (first[:2], last[:2]) == ((1, A), (3, B))
    assert (bad[0], bad[1].finding.code, bad[1].finding.line) == (2, "json.broken-line", 2)
    assert message in bad[1].finding.message


@pytest.mark.parametrize("name", ["feed.json", "feed.jsonl"])
@pytest.mark.parametrize("line", ['{"a":1,}', '{"a":"x', "null", "nonsense"])
def test_a_broken_first_line_is_one_record(tmp_path, line, name):
    found = read(tmp_path, f'{line}\n{{"sku":"A"}}\n{{"sku":"B"}}\n', name)
    assert [place for place, _, _ in found] == [1, 2, 3]
    assert [document for _, document, _ in found][1:] == [A, B]


def test_a_deeply_nested_line_costs_itself_alone(tmp_path):
    text = '{"sku":"A"}\n{"a":' + "[" * 100_000 + "]" * 100_000 + "}\n"
    assert read(tmp_path, text) == [(1, A, ""), (2, "json.too-deep", "")]


def test_a_page_without_its_list(tmp_path):
    page = '{"_embedded":{"items":[{"sku":"A"},7]}}'
    lines = read(tmp_path, f'{page}\n{{"code":401}}\n')
    assert [document for _, document, _ in lines] == [A, "json.not-an-object", "json.page-without-items"]
    array = read(tmp_path, f'[{page},\n{{"code":401}},\n"x"]')
    assert array == [
        (1, A, "/0/_embedded/items/0"),
        (1, "json.not-an-object", "/0/_embedded/items/1"),
        (2, "json.page-without-items", "/1"),
        (3, "json.not-an-object", "/2"),
    ]


# --- sources that cannot be trusted ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            '[{"sku":"A"},\n{"sku":"B"', "line 2, column 11: it ends too early; 1 record was read", id="cut off"
        ),
        pytest.param(
            '[{"sku":"A"},{"sku":"B"}', "line 1, column 25: it ends too early; 2 records were", id="no bracket"
        ),
        pytest.param('[{"sku":"A"},', "it ends too early; 1 record was", id="after a comma"),
        pytest.param('[{"sku":"A"}\n {"sku":"B"}]', "line 2, column 2: expected ',' or ']'; 1 record", id="no comma"),
        pytest.param('[{"sku":"A"},]', "column 14: expected value; 1 record", id="comma too many"),
        pytest.param('[{"sku":"A"},,{"sku":"B"}]', "column 14: expected value", id="comma twice"),
        pytest.param('[{"sku" "A"}]', "column 9: expected ':' delimiter; 0 records", id="no colon"),
        pytest.param(
            '[{"sku":"A"}]\n]', "line 2, column 1: something follows the end of the document; 1 record", id="garbage"
        ),
        pytest.param('[{"sku":"A"}][{"sku":"B"}]', "something follows the end", id="two arrays"),
        pytest.param(
            '{"products":[{"sku":"A"}]} x', "column 28: expected value; 1 record", id="garbage after an envelope"
        ),
        pytest.param(
            '{"products":[{"sku":"A"}],"n":}', "column 31: expected value; 1 record", id="broken behind the list"
        ),
        pytest.param('{"products":[{"sku":"A"}]', "it ends too early; 1 record", id="envelope not closed"),
        pytest.param('{"n":1,"products":[{"sku":"A"}', "it ends too early; 1 record", id="envelope's list not closed"),
        pytest.param('{"sku":"A"},\n{"sku":"B"}', "column 12: expected value", id="lines with commas"),
        pytest.param("<html><body>404</body></html>", "line 1, column 1: expected value; 0 records", id="not JSON"),
        pytest.param("sku,price\nA,1\n", "line 1, column 1: expected value", id="CSV"),
        pytest.param("[" * 100_000, "nested too deeply", id="too deep"),
    ],
)
@pytest.mark.parametrize("block", [5, 1 << 20])
def test_a_broken_document_stops_the_run(tmp_path, text, message, block):
    with pytest.raises(SourceError) as caught:
        records(JsonSource(write(tmp_path, text), block=block))
    assert message in caught.value.message
    assert caught.value.code in ("json.broken", "json.too-deep")
    assert caught.value.where.startswith(str(tmp_path / "feed.json") + ":")


def test_undecodable_bytes_in_an_array_are_placed(tmp_path):
    with pytest.raises(SourceError, match=r"line 2, column 3: a NUL byte, or bytes that do not belong"):
        records(JsonSource(write(tmp_path, b'[{"sku":"A"},\n{"\xe9":1}]')))


@pytest.mark.parametrize("data", [b"", b" \n\r\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_empty_file(tmp_path, data):
    with pytest.raises(SourceError) as caught:
        JsonSource(write(tmp_path, data))
    assert caught.value.code == "source.empty"


def test_missing_file(tmp_path):
    with pytest.raises(SourceError) as caught:
        JsonSource(tmp_path / "none.json")
    assert caught.value.code == "source.missing"


def test_damaged_gzip(tmp_path):
    whole = gzip.compress(json.dumps([{"sku": str(number)} for number in range(1000)]).encode())
    with pytest.raises(SourceError) as caught:
        records(JsonSource(write(tmp_path, whole[:-200], "feed.json.gz")))
    assert caught.value.code == "source.archive-damaged"


@pytest.mark.parametrize(
    ("text", "items", "code", "message"),
    [
        pytest.param(
            '{"x":[{}],"y":[{},{}]}', None, "json.several-lists", "x (1 objects), y (2 objects)", id="two unknown"
        ),
        pytest.param(
            '{"products":[{}],"items":[{}]}', None, "json.several-lists", "products, items (1 objects)", id="two known"
        ),
        pytest.param(
            '{"items":[{}],"sku":"A"}', None, "json.several-lists", 'one product (it has "sku")', id="product or list"
        ),
        pytest.param('{"items":[{}]}', "products", "json.items-missing", "it has items (1 objects)", id="not there"),
        pytest.param('{"a":1}', "products", "json.items-missing", "no list of objects", id="no list"),
        pytest.param(
            '{"products":{"A":{}}}', "products", "json.items-missing", '"products" is not a list', id="an object"
        ),
        pytest.param('{"items":[{}],"items":[{}]}', None, "json.duplicate-key", '"items" stands twice', id="twice"),
    ],
)
def test_no_clear_list(tmp_path, text, items, code, message):
    with pytest.raises(SourceError) as caught:
        records(JsonSource(write(tmp_path, text), items=items))
    assert caught.value.code == code
    assert message in caught.value.message


# --- what is noticed ------------------------------------------------------------------------------------------------


def test_a_guessed_list_is_told(tmp_path):
    source = JsonSource(write(tmp_path, '{"shop":{"artikel":[{"sku":"A"}],"images":[{"u":1}]}}'))
    assert records(source) == [(1, A, 0)]
    assert [(f.code, f.severity) for f in source.findings] == [("json.list-guessed", Severity.WARNING)]
    assert "shop.artikel" in source.findings[0].message
    assert not JsonSource(source.path, items="shop.artikel").findings


def test_a_list_that_is_not_read_is_told(tmp_path):
    source = JsonSource(write(tmp_path, '{"shops":[{},{}],"products":[{"sku":"A"}],"brands":[{}],"links":[{}]}'))
    found = [finding for batch in source.batches() for finding in batch.findings]
    assert [(f.code, f.severity, f.message[:20]) for f in found] == [
        ("json.list-unused", Severity.ADVICE, 'the list "shops" of '),
        ("json.list-unused", Severity.ADVICE, 'the list "brands" of'),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        " [\n] ",
        '{"products":[]}',
        '{"data":{"items":[]}}',
        '[{"_embedded":{"items":[]}}]',
        '{"items":[]}\n{"items":[]}\n',
    ],
)
def test_no_records_is_told_once(tmp_path, text):
    source = JsonSource(write(tmp_path, text))
    assert records(source) == []
    assert [finding.code for finding in source.findings] + notes(source) == ["source.no-records"]


def test_no_records_is_told_beside_other_findings(tmp_path):
    source = JsonSource(write(tmp_path, codecs.BOM_UTF8 + b'[{"items":[]}]'), encoding="cp1252")
    assert notes(source) == ["source.no-records"]


def test_quarantine(tmp_path):
    held = '{"_feedbridge":{"line":3,"code":"x","problem":"p"},"sku":"A"}'
    for text in (held, f'{held}\n{{"sku":"B"}}\n{held}\n'):
        source = JsonSource(write(tmp_path, text))
        assert source.is_quarantine
        assert [document for _, document, _ in records(source)] == ([A] if text == held else [A, B, A])
    other = JsonSource(write(tmp_path, '{"sku":"A","_feedbridge":{}}\n{"sku":"B"}\n'))
    assert not other.is_quarantine
    assert records(other)[0][1] == {"sku": "A", "_feedbridge": {}}


RAW = '{"sku": "B", "price": '


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param("%s\n%s\n%s\n", id="lines"),
        pytest.param("[%s,\n%s,\n%s]", id="made an array by a tool"),
    ],
)
@pytest.mark.parametrize("items", [None, "data.items"])
def test_a_document_that_nobody_mended_is_held_back_again(tmp_path, shape, items):
    why = {"line": 7, "code": "json.broken-line", "problem": "it ends too early", "mend": "", "raw": RAW}
    texts = [{"_feedbridge": {**why, "raw": ""}, "sku": "A"}, {"_feedbridge": why}, {"sku": "C", "_feedbridge": why}]
    source = JsonSource(write(tmp_path, shape % tuple(map(json.dumps, texts))), items=items)
    first, held, mended = records(source)
    assert (first[1], mended[1]) == (A, {"sku": "C"})
    assert isinstance(held[1], BadDocument)
    assert held[1].raw == RAW
    finding = held[1].finding
    assert (finding.code, finding.line, finding.severity, finding.value) == ("source.unmended", 2, Severity.ERROR, RAW)
    assert finding.message.endswith("not mended yet: it ends too early")
    assert "_feedbridge.raw" in finding.mend


def test_a_quarantine_file_is_utf_8_whatever_is_set(tmp_path):
    held = '{"_feedbridge":{"line":3,"code":"x"},"sku":"Größe"}\n'
    source = JsonSource(write(tmp_path, held), encoding="cp1252")
    assert (records(source)[0][1], source.findings) == ({"sku": "Größe"}, [])


@pytest.mark.parametrize("member", ['"x"', "{}", '{"line":1}', "[]"])
def test_a_member_of_the_same_name_is_no_note_of_ours(tmp_path, member):
    held = '{"_feedbridge":{"line":3,"code":"x"},"sku":"A"}'
    source = JsonSource(write(tmp_path, f'{held}\n{{"sku":"B","_feedbridge":{member}}}\n'))
    assert [sorted(record[1]) for record in records(source)] == [["sku"], ["_feedbridge", "sku"]]


# --- long lines, bombs ----------------------------------------------------------------------------------------------

LONG = '{"sku":"A","text":"%s"}' % ("x" * (1 << 20))
PAGE = '{"_embedded":{"items":[{"sku":"A","text":"%s"}]}}' % ("x" * (1 << 20))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f'{LONG}\n{{"sku":"B"\n{{"sku":"C"}}\n', ["A", "json.broken-line", "C"], id="broken second line"),
        pytest.param(f'{LONG}\n\n \n{{"sku":"B"}}', ["A", "B"], id="blank lines between"),
        pytest.param(f'{LONG[:-1]}\n{{"sku":"B"}}\n', ["json.broken-line", "B"], id="broken first line"),
        pytest.param(f'nonsense {LONG}\n{{"sku":"B"}}\n', ["json.broken-line", "B"], id="nonsense in front"),
        pytest.param(f'{PAGE}\n{PAGE}\n', ["A", "A"], id="pages"),
        pytest.param(f"{LONG}\n", ["A"], id="one line"),
        pytest.param(f'{LONG[:-1]},\n"n":{{}}}}', ["A"], id="an object over two lines"),
        pytest.param(f'{{"products":[{LONG},\n{{"sku":"B"}}]}}', ["A", "B"], id="an envelope over two lines"),
    ],
)
def test_a_first_line_longer_than_what_is_looked_at(tmp_path, text, expected):
    found = read(tmp_path, text)
    assert [each if isinstance(each, str) else each["sku"] for _, each, _ in found] == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[{"sku":"%s"}]' % ("x" * 9000), id="text"),
        pytest.param('{"sku":"A"}\n{"sku":"%s"}\n' % ("x" * 9000), id="line"),
        pytest.param('{"products":[{"n":%s' % ("1," * 9000), id="list that does not end"),
        pytest.param('{"sku":"A","n":1%s}' % ("0" * 9000), id="number"),
    ],
)
@pytest.mark.parametrize("block", [64, 1000])
def test_items_without_end_are_refused(tmp_path, text, block):
    with pytest.raises(SourceError) as caught:
        records(JsonSource(write(tmp_path, text), block=block, most_item_chars=4000))
    assert caught.value.code in ("json.item-too-large", "json.broken")
    assert caught.value.mend


def test_a_limit_of_an_item_is_none_of_the_file(tmp_path):
    path = write(tmp_path, "[" + ",".join(f'{{"sku":"{number}"}}' for number in range(3000)) + "]")
    assert len(records(JsonSource(path, block=100, most_item_chars=1000))) == 3000


# --- wrong encodings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written_in", "given", "said"),
    [
        pytest.param("utf-8", "cp1252", "reads as UTF-8", id="UTF-8, said to be cp1252"),
        pytest.param("utf-8", "utf-8", "", id="right"),
        pytest.param("cp1252", "cp1252", "", id="right cp1252"),
    ],
)
def test_a_wrong_encoding_is_told(tmp_path, written_in, given, said):
    source = JsonSource(write(tmp_path, '[{"sku":"Größe"}]'.encode(written_in)), encoding=given)
    assert [finding.code for finding in source.findings] == ["source.encoding-doubt"] * bool(said)
    assert all(said in finding.message for finding in source.findings)


def test_utf_16_cut_in_the_middle_of_a_character_stops_the_run(tmp_path):
    data = codecs.BOM_UTF16_LE + '[{"sku":"A"},\n{"sku":"B"}]'.encode("utf-16-le")[:-1]
    with pytest.raises(SourceError, match="line 2, column 12: a NUL byte, or bytes that do not belong") as caught:
        records(JsonSource(write(tmp_path, data)))
    assert caught.value.code == "json.broken"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_line_of_another_encoding_is_placed_as_an_editor_shows_it(tmp_path, end, mark):
    lines = ['{"sku":"A","t":"x\u2028y\x0cz"}'.encode(), '{"sku":"ä","t":"\u2028'.encode() + b'\xe4"}', b'{"sku":"C"}']
    found = records(JsonSource(write(tmp_path, mark + end.encode().join(lines), "feed.jsonl")))
    assert [line for line, _, _ in found] == [1, 2, 3]
    finding = found[1][1].finding
    assert (finding.line, finding.code) == (2, "json.broken-line")
    assert "column 18: a NUL byte, or bytes" in finding.message


# --- ranges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_split_reads_the_same(tmp_path, ending, mark):
    filler = "x" * 2000
    lines = [json.dumps({"n": number, "f": filler[: number % 2000]}) for number in range(SPLIT_BYTES // 900)]
    lines[700] = ""
    lines[900] = '{"n":'
    data = mark + ending.join(lines).encode()
    source = JsonSource(write(tmp_path, data, "feed.jsonl"), block=100_001)
    whole = [(line, dict(document), index) for line, document, index in records(source)]
    parts = source.split(3)
    assert len(parts) == 3
    assert (parts[0].start, parts[0].line, parts[-1].end) == (0, 1, len(data))
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]
    assert all(data[part.end - 1 : part.end] == b"\n" for part in parts[:-1])
    together = [record for part in parts for record in records(source, part)]
    assert [(line, dict(document), index) for line, document, index in together] == whole
    assert len(whole) == len(lines) - 1


def test_small_compressed_and_other_files_are_not_split(tmp_path):
    lines = b'{"sku":"A"}\n' * (SPLIT_BYTES // 12 + 1)
    assert len(JsonSource(write(tmp_path, lines)).split(2)) == 2
    assert JsonSource(write(tmp_path, lines)).split(1) == []
    assert JsonSource(write(tmp_path, lines[:120])).split(2) == []
    assert JsonSource(write(tmp_path, gzip.compress(lines, 0), "feed.jsonl.gz")).split(2) == []
    assert JsonSource(write(tmp_path, lines.decode().encode("utf-16"))).split(2) == []
    assert JsonSource(write(tmp_path, b"[" + b'{"sku":"A"},' * (SPLIT_BYTES // 12 + 1) + b"{}]")).split(2) == []


def test_sha256(tmp_path):
    assert JsonSource(write(tmp_path, "[]")).sha256() == (
        "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    )


# --- real files -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no sample files")
@pytest.mark.parametrize(
    ("name", "count", "items", "first_line", "last_pointer"),
    [
        ("akeneo/synolia-fixtures/attribute_options_color.json", 10, "_embedded.items", 13, "/_embedded/items/9"),
        ("akeneo/synolia-fixtures/categories.json", 5, "_embedded.items", 19, "/_embedded/items/4"),
        ("akeneo/synolia-fixtures/families.json", 1, "_embedded.items", 13, "/_embedded/items/0"),
        ("akeneo/synolia-fixtures/family_clothing_variants.json", 5, "_embedded.items", 13, "/_embedded/items/4"),
        ("akeneo/synolia-fixtures/product_models_apollon.json", 4, "_embedded.items", 13, "/_embedded/items/3"),
        ("akeneo/synolia-fixtures/product_models_caelus.json", 1, "_embedded.items", 13, "/_embedded/items/0"),
        ("akeneo/synolia-fixtures/products.json", 3, "_embedded.items", 19, "/_embedded/items/2"),
        ("pim-json/google-retail/products.json", 316, "", 1, ""),
        ("pim-json/pc-parts/json/cpu.json", 1413, "", 1, "/1412"),
        ("pim-json/pc-parts/json/headphones.json", 2946, "", 1, "/2945"),
        ("pim-json/pc-parts/jsonl/cpu.jsonl", 1413, "", 1, ""),
        ("pim-json/pc-parts/jsonl/headphones.jsonl", 2946, "", 1, ""),
        ("pim-json/tate/artworks_a.jsonl.gz", 1738, "", 1, ""),
        ("shopify/api-json/product.json", 1, "product", 2, "/product"),
        ("shopify/api-json/products.json", 4, "", 2, "/3"),
    ],
)
@pytest.mark.parametrize("block", [1000, 1 << 20])
def test_samples(name, count, items, first_line, last_pointer, block):
    source = JsonSource(SAMPLES / name, block=block)
    found = records(source)
    assert len(found) == count
    assert source.about["items"] == items
    assert found[0][0] == first_line
    assert source.pointer(found[-1]) == last_pointer
    assert not any(isinstance(document, BadDocument) for _, document, _ in found)
    assert source.findings == []
    assert notes(source) == []
