from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.cells.identifier import Identifier


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("00123", id="zeros in front"),
        pytest.param("1E5", id="looks like a number"),
        pytest.param("1e-5", id="minus exponent of a whole number"),
        pytest.param("12-05", id="looks like a date"),
        pytest.param("1.5", id="version"),
        pytest.param("12.0", id="short with zero decimal"),
        pytest.param("A B/C+D", id="blank, slash, plus"),
        pytest.param("Größe-5", id="beyond ASCII"),
        pytest.param("a\u00a0b", id="no-break space inside"),
        pytest.param("TRUE", id="word"),
    ],
)
def test_identifier_leaves_alone(text):
    assert Identifier().read(text) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(123, "123", id="JSON int"),
        pytest.param(" A-1 ", "A-1", id="blanks at the ends"),
    ],
)
def test_identifier_reads(raw, expected):
    assert Identifier().read(raw) == expected


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("7.61E+12", "cell.identifier-damaged", id="spreadsheet"),
        pytest.param("7,61E+12", "cell.identifier-damaged", id="spreadsheet with comma"),
        pytest.param("8E+12", "cell.identifier-damaged", id="spreadsheet without decimals"),
        pytest.param("9.78043902348e+12", "cell.identifier-damaged", id="program"),
        pytest.param("9.78e12", "cell.identifier-damaged", id="no plus"),
        pytest.param("9780439023480.0", "cell.identifier-damaged", id="read as a float"),
        pytest.param(Decimal("9780439023480.0"), "cell.identifier-damaged", id="JSON with decimals"),
        pytest.param(Decimal("1E+3"), "cell.identifier-damaged", id="JSON with exponent"),
        pytest.param("a\nb", "cell.identifier-unseen", id="line break"),
        pytest.param("a\x00b", "cell.identifier-unseen", id="NUL"),
        pytest.param("SKU-1\u200b", "cell.identifier-unseen", id="zero-width space"),
        pytest.param("\ufeffSKU-1", "cell.identifier-unseen", id="byte-order mark"),
        pytest.param(True, "cell.identifier-shape", id="boolean"),
        pytest.param(["a"], "cell.identifier-shape", id="list"),
        pytest.param({"a": 1}, "cell.identifier-shape", id="object"),
    ],
)
def test_identifier_refuses(raw, code):
    with pytest.raises(CellError) as caught:
        Identifier().read(raw)
    assert caught.value.code == code
    assert caught.value.mend


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("1E5", "cell.identifier-damaged", id="exponent"),
        pytest.param("12.0", "cell.identifier-damaged", id="zero decimal"),
        pytest.param("A1", "cell.identifier-format", id="letter"),
        pytest.param("¹²", "cell.identifier-format", id="superscripts"),
    ],
)
def test_numeric_identifier_refuses(raw, code):
    reader = Identifier(numeric=True)
    assert reader.read("0012") == "0012"
    with pytest.raises(CellError) as caught:
        reader.read(raw)
    assert caught.value.code == code


@given(st.text(min_size=1).map(str.strip).filter(bool))
def test_an_identifier_is_kept_exactly_or_refused(text):
    try:
        assert Identifier().read(text) == text
    except CellError as exc:
        assert exc.code.startswith("cell.")


@given(st.floats(min_value=1e6, max_value=1e20))
def test_what_a_float_prints_with_exponent_or_zero_is_refused(number):
    for text in (f"{number:.2E}", f"{number:.5e}", f"{number:.0f}.0" if number >= 1e8 else "12345678.0"):
        with pytest.raises(CellError):
            Identifier().read(text)
