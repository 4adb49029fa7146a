from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.cells.text import Text


@pytest.mark.parametrize(
    ("parameters", "raw", "expected"),
    [
        pytest.param({}, 7, "7", id="JSON int"),
        pytest.param({}, Decimal("1.50"), "1.50", id="JSON number keeps its decimals"),
        pytest.param({}, Decimal("1E+3"), "1000", id="no exponents"),
        pytest.param({}, True, "true", id="JSON boolean"),
        pytest.param({"collapse_whitespace": True}, "a \t\n b\u00a0c", "a b c", id="blanks collapsed"),
        pytest.param({"join": ", "}, ["a", 1, False], "a, 1, false", id="list joined"),
        pytest.param({"control": "remove"}, "a\x00b\x1fc", "abc", id="control characters removed"),
    ],
)
def test_text_reads(parameters, raw, expected):
    assert Text(**parameters).read(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("two\nlines\r\n\tand a tab", id="line breaks and tabs"),
        pytest.param("a  b", id="two blanks"),
        pytest.param("NA", id="what pandas would lose"),
        pytest.param("007", id="zeros in front"),
        pytest.param("\u00a0Größe 5\u2033 👕", id="beyond ASCII"),
        pytest.param("<b>&amp;</b>", id="markup"),
        pytest.param("\\n", id="newline literal"),
    ],
)
def test_text_leaves_alone(text):
    assert Text().read(text) == text


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("a\x00b", "cell.text-control", id="NUL"),
        pytest.param("a\x0bb", "cell.text-control", id="vertical tab"),
        pytest.param("a\ud800", "cell.half-character", id="half a character"),
        pytest.param(["a"], "cell.text-shape", id="list without join"),
        pytest.param({"de": "a"}, "cell.text-shape", id="object"),
        pytest.param(10**5000, "cell.number-length", id="number beyond reason"),
    ],
)
def test_text_refuses(raw, code):
    with pytest.raises(CellError) as caught:
        Text().read(raw)
    assert caught.value.code == code
    assert caught.value.mend


def test_a_list_in_a_joined_list_is_refused():
    with pytest.raises(CellError, match="list"):
        Text(join=",").read(["a", ["b"]])


def test_messages_can_be_shown():
    with pytest.raises(CellError) as caught:
        Text().read("a\x00\ud800")
    assert caught.value.message.isprintable()
    caught.value.message.encode()


@given(st.text())
def test_no_text_is_changed(text):
    try:
        assert Text().read(text) == text
    except CellError as exc:
        assert exc.code in ("cell.text-control", "cell.half-character")
        assert any(c < " " or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in text)
