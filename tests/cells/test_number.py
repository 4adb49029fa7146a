from decimal import Decimal

import pytest

from feedbridge.cells import CellError
from feedbridge.cells.number import DecimalNumber, Integer


def code_of(reader, raw):
    with pytest.raises(CellError) as caught:
        reader.read(raw)
    assert caught.value.mend
    return caught.value.code


@pytest.mark.parametrize(
    ("mark", "raw", "expected"),
    [
        pytest.param("auto", "12,50", "12.50", id="auto comma"),
        pytest.param("auto", "12.5", "12.5", id="auto point"),
        pytest.param("auto", "1.234,56", "1234.56", id="auto point groups"),
        pytest.param("auto", "1,234.56", "1234.56", id="auto comma groups"),
        pytest.param("auto", "0.125", "0.125", id="auto thousandths"),
        pytest.param("auto", "1234.567", "1234.567", id="auto four digits in front"),
        pytest.param("auto", ".5", "0.5", id="auto no zero in front"),
        pytest.param(",", "1.234", "1234", id="comma column, point group"),
        pytest.param(",", "1,234", "1.234", id="comma column, three decimals"),
        pytest.param(".", "1,234", "1234", id="point column, comma group"),
        pytest.param(".", "1.234", "1.234", id="point column, three decimals"),
        pytest.param(".", "-3.50", "-3.50", id="minus"),
        pytest.param(".", "+3", "3", id="plus"),
        pytest.param(".", "-0.00", "0.00", id="zero has no sign"),
        pytest.param(".", "1'234'567.8", "1234567.8", id="apostrophes"),
        pytest.param(",", "1\u202f234,5", "1234.5", id="narrow no-break space"),
    ],
)
def test_decimal_reads(mark, raw, expected):
    assert str(DecimalNumber(decimal=mark).read(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(12, "12", id="int"),
        pytest.param(Decimal("12.500"), "12.500", id="decimals kept"),
        pytest.param(Decimal("1E+3"), "1000", id="powers of ten written out"),
        pytest.param(Decimal("-0.0"), "0.0", id="zero has no sign"),
    ],
)
@pytest.mark.parametrize("mark", ["auto", ".", ","])
def test_json_numbers_are_exact_whatever_the_mark(mark, raw, expected):
    assert str(DecimalNumber(decimal=mark).read(raw)) == expected


@pytest.mark.parametrize(
    ("mark", "raw", "code"),
    [
        pytest.param("auto", "1.234", "cell.number-ambiguous", id="point and three digits"),
        pytest.param("auto", "1,234", "cell.number-ambiguous", id="comma and three digits"),
        pytest.param(".", "1.234,56", "cell.number-format", id="comma decimals in a point column"),
        pytest.param(".", "12,50", "cell.number-format", id="comma in a point column"),
        pytest.param(".", "1.234.567", "cell.number-format", id="point groups in a point column"),
        pytest.param(",", "12.5", "cell.number-format", id="point in a comma column"),
        pytest.param(",", "0.125", "cell.number-format", id="thousandths in a comma column"),
        pytest.param(",", "1,234,567", "cell.number-format", id="comma groups in a comma column"),
        pytest.param("auto", "1e5", "cell.number-format", id="exponent"),
        pytest.param("auto", "inf", "cell.number-format", id="infinity"),
        pytest.param("auto", "nan", "cell.number-format", id="not a number"),
        pytest.param("auto", "１２", "cell.number-format", id="full-width digits"),
        pytest.param("auto", "1_000", "cell.number-format", id="underscore"),
        pytest.param("auto", "5-", "cell.number-format", id="sign behind"),
        pytest.param("auto", "12 kg", "cell.number-format", id="unit"),
        pytest.param("auto", "9" * 41, "cell.number-length", id="too many digits"),
        pytest.param("auto", 10**5000, "cell.number-length", id="JSON number beyond reason"),
        pytest.param("auto", Decimal("1E+999999"), "cell.number-length", id="exponent beyond reason"),
        pytest.param("auto", Decimal("1E-999999"), "cell.number-length", id="fraction beyond reason"),
        pytest.param("auto", Decimal("NaN"), "cell.number-length", id="JSON NaN"),
        pytest.param("auto", True, "cell.number-shape", id="boolean"),
        pytest.param("auto", ["1"], "cell.number-shape", id="list"),
        pytest.param("auto", {"a": 1}, "cell.number-shape", id="object"),
    ],
)
def test_decimal_refuses(mark, raw, code):
    assert code_of(DecimalNumber(decimal=mark), raw) == code


def test_contradiction_says_what_to_write():
    with pytest.raises(CellError) as caught:
        DecimalNumber(decimal=",").read("1,234.50")
    assert caught.value.message == '"1,234.50" has decimal points, but this column has decimal commas'
    assert caught.value.mend.startswith("write 1234,50, or set decimal")


def test_refuse_ambiguous_leaves_the_rest_alone():
    reader = DecimalNumber(decimal=".", refuse_ambiguous=True)
    assert code_of(reader, "1.234") == code_of(reader, "1,234") == "cell.number-ambiguous"
    assert reader.read("1,234.5") == Decimal("1234.5")


def test_a_copy_with_another_mark_remembers_nothing():
    point = DecimalNumber(decimal=".")
    assert point.read("1.234") == Decimal("1.234")
    comma = point.model_copy(update={"decimal": ","})
    assert comma.read("1.234") == Decimal("1234")
    assert point.read("1.234") == Decimal("1.234")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("12", 12, id="digits"),
        pytest.param("-3", -3, id="minus"),
        pytest.param("12.00", 12, id="zero decimals"),
        pytest.param("1 200", 1200, id="blank group"),
        pytest.param("1.234.567", 1234567, id="point groups"),
        pytest.param(7, 7, id="JSON int"),
        pytest.param(Decimal("7.0"), 7, id="JSON with zero decimals"),
    ],
)
def test_integer_reads(raw, expected):
    value = Integer().read(raw)
    assert value == expected
    assert type(value) is int


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("12.5", "cell.integer-fraction", id="fraction"),
        pytest.param(Decimal("0.5"), "cell.integer-fraction", id="JSON fraction"),
        pytest.param("1.200", "cell.number-ambiguous", id="ambiguous"),
        pytest.param("twelve", "cell.integer-format", id="word"),
        pytest.param("²", "cell.integer-format", id="superscript"),
        pytest.param("1" * 19, "cell.number-length", id="more than 64 bits hold"),
        pytest.param(True, "cell.integer-shape", id="boolean"),
    ],
)
def test_integer_refuses(raw, code):
    assert code_of(Integer(), raw) == code
