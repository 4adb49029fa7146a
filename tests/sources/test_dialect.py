from __future__ import annotations

import io

import pytest

from feedbridge.errors import CommandError
from feedbridge.sources.dialect import CutRecord, Dialect, cut_record, detect_dialect, own_width, parse


def lines(text):
    return io.StringIO(text, newline="").readlines()


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        pytest.param("a,b,c\n1,2,3\n", ",", id="comma"),
        pytest.param("a;b;c\n1;2;3\n", ";", id="semicolon"),
        pytest.param("a\tb\n1\t2\n", "\t", id="tab"),
        pytest.param("a|b\n1|2\n", "|", id="pipe"),
        pytest.param("sku;price;text\n1;1,50;x, y\n2;2,50;z\n", ";", id="decimal commas"),
        pytest.param("1,5;2,5;3,5\n1,5;2,5;3,5\n", ";", id="decimal commas without a header"),
        pytest.param('sku,text\n1,"a;b\nc;d\n;;;"\n2,"e;f"\n', ",", id="other delimiters in cells of several lines"),
        pytest.param("sku,tags|list\n1,a|b|c\n2,d\n", ",", id="lists in cells"),
        pytest.param('1;"say "hi" now"\n2;"say "ho" now"\n', ";", id="broken quotes everywhere"),
        pytest.param("name\nPedro\n", ",", id="one column"),
        pytest.param("a;b\n", ";", id="header only"),
        pytest.param("", ",", id="nothing"),
        pytest.param('a;b\n1;"cut off in the mid', ";", id="cut sample"),
        pytest.param("a,b,c\n1,2,3,4\n1,2,3,4\n", ",", id="rows wider than the header"),
    ],
)
def test_detects_the_delimiter(text, delimiter):
    assert detect_dialect(lines(text)).delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        pytest.param("a,b\n'1','x, y'\n'2','z'\n'3','w'\n", "'", id="wrapped"),
        pytest.param("a,b\n1,rock 'n' roll\n2,it's\n3,'tis\n", '"', id="apostrophes"),
        pytest.param("a,b\n'1','x'\n'2','z'\n'3',\"w\"\n", '"', id="both"),
    ],
)
def test_detects_the_quote(text, quote):
    assert detect_dialect(lines(text)).quote == quote


def test_detects_spaces_before_quotes_and_a_sep_line():
    assert detect_dialect(lines('a, b\n1, "x ""y"" z"\n2, "w"\n')).skip_space
    assert not detect_dialect(lines('a,b\n1,"x, ""y"" z"\n"2, ","w"\n')).skip_space
    sep = detect_dialect(lines("sep=|\na|b;c;d\n1|2\n"))
    assert (sep.delimiter, sep.sep_line) == ("|", True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"delimiter": "tab"}, Dialect("\t")),
        ({"delimiter": "§", "quote": "'"}, Dialect("§", "'")),
        ({"quoting": False}, Dialect(",", "")),
        ({"quote": ""}, Dialect(",", "")),
    ],
)
def test_what_is_given_stays(options, expected):
    assert detect_dialect(lines("a,b\n1,2\n"), **options) == expected


@pytest.mark.parametrize("options", [{"delimiter": "||"}, {"quote": "''"}, {"delimiter": "'", "quote": "'"}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(CommandError) as caught:
        detect_dialect(lines("a,b\n"), **options)
    assert caught.value.code == "source.dialect"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('1,"two",3\n', None),
        ('"a ""b"" c"', None),
        ('5" inch,x', None),
        ('1,"two', CutRecord(["1"], 2, -1)),
        ('"x\ny",2,"a"b\n', CutRecord(["x\ny", "2"], 8, 11)),
        ('1,"two" ,3', CutRecord(["1"], 2, 7)),
    ],
)
def test_cut_record(text, expected):
    assert cut_record(text, Dialect()) == expected


def test_own_width_and_parse():
    assert own_width('a,"b,c",d\n', Dialect()) == 3
    assert own_width('a,"b,c,d\n', Dialect()) == 4
    assert parse(['a,"b\n', 'c",d\n', "next\n"], Dialect()) == ["a", "b\nc", "d"]
    assert parse(['a,"b'], Dialect()) is None


@pytest.mark.parametrize(
    ("text", "delimiter", "rival"),
    [
        pytest.param("a;b,c\n1;2,3\n", ",", ";", id="tie"),
        pytest.param("a;b;c,d\n1;2;3,4\n", ";", ",", id="three against two"),
        pytest.param("a;b;c;d,e\n1;2;3;4,5\n", ";", "", id="four against two"),
        pytest.param("a;b,c\n1;2\n3;4\n", ";", "", id="only the header has both"),
        pytest.param("a\tb|c\n1\t2|3\n", "\t", "|", id="tab and pipe"),
        pytest.param("a\nb\n", ",", "", id="one column"),
    ],
)
def test_a_delimiter_that_is_nearly_as_good_is_named(text, delimiter, rival):
    found = detect_dialect(text.splitlines(keepends=True))
    assert (found.delimiter, found.rival) == (delimiter, rival)
    assert detect_dialect(text.splitlines(keepends=True), delimiter=delimiter).rival == ""
