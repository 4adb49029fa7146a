from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, isbn

from feedbridge.cells import CellError
from feedbridge.cells.gtin import Gtin, check_digit
from feedbridge.findings import Severity


def refused(raw):
    with pytest.raises(CellError) as caught:
        Gtin().read(raw)
    assert caught.value.severity is Severity.WARNING
    return caught.value


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("4-006381-333931", "4006381333931", id="hyphens"),
        pytest.param("4 006381 333931", "4006381333931", id="blanks"),
        pytest.param("4\u00a0006381\u00a0333931", "4006381333931", id="no-break spaces"),
        pytest.param(4006381333931, "4006381333931", id="JSON int"),
    ],
)
def test_gtin_reads(raw, expected):
    assert Gtin().read(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("96385074", id="8 digits"),
        pytest.param("036000291452", id="12 digits, zero in front"),
        pytest.param("4006381333931", id="13 digits"),
        pytest.param("00012345600012", id="14 digits, zeros in front"),
    ],
)
def test_gtin_leaves_alone(text):
    assert Gtin().read(text) == text


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("4006381333932", "cell.gtin-check-digit", id="wrong last digit"),
        pytest.param("4006381339331", "cell.gtin-check-digit", id="digits swapped"),
        pytest.param("12345", "cell.gtin-shape", id="too short"),
        pytest.param("123456789012345", "cell.gtin-shape", id="too long"),
        pytest.param("0000000000000", "cell.gtin-shape", id="zeros only"),
        pytest.param("n/a", "cell.gtin-shape", id="word"),
        pytest.param("٤٠٠٦٣٨١٣٣٣٩٣١", "cell.gtin-shape", id="other digits"),
        pytest.param("7.61E+12", "cell.identifier-damaged", id="spreadsheet"),
        pytest.param("4006381333931.0", "cell.identifier-damaged", id="read as a float"),
        pytest.param(Decimal("4006381333931.0"), "cell.identifier-damaged", id="JSON with decimals"),
        pytest.param("0439023483", "cell.gtin-isbn10", id="ISBN of ten digits"),
        pytest.param("080442957X", "cell.gtin-isbn10", id="ISBN with X"),
        pytest.param("0439023484", "cell.gtin-shape", id="ten digits that are no ISBN"),
        pytest.param(True, "cell.gtin-shape", id="boolean"),
        pytest.param({"a": 1}, "cell.gtin-shape", id="object"),
        pytest.param(-4006381333931, "cell.gtin-shape", id="negative"),
        pytest.param(10**5000, "cell.number-length", id="number beyond reason"),
    ],
)
def test_gtin_leaves_out_with_a_warning(raw, code):
    assert refused(raw).code == code


def test_mends_name_the_number():
    assert "9780439023481" in refused("0439023483").mend
    assert ean.is_valid("9780439023481")
    assert "036000291452" in refused("36000291452").mend
    assert "should be 1" in refused("4006381333932").message


@st.composite
def gtins(draw):
    body = draw(
        st.sampled_from([7, 11, 12, 13]).flatmap(lambda size: st.text("0123456789", min_size=size, max_size=size))
    )
    return body + check_digit(body)


@given(gtins())
def test_every_right_number_is_read(gtin):
    if gtin.strip("0"):
        assert Gtin().read(gtin) == gtin
        assert Gtin().read("-".join(gtin)) == gtin


@given(gtins(), st.integers(0, 13), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(gtin, place, step):
    place %= len(gtin)
    wrong = f"{gtin[:place]}{(int(gtin[place]) + step) % 10}{gtin[place + 1 :]}"
    assert refused(wrong).code == "cell.gtin-check-digit"


@given(st.text("0123456789", min_size=13, max_size=13))
def test_agrees_with_an_independent_check(text):
    try:
        ours = bool(Gtin().read(text))
    except CellError:
        ours = False
    assert ours == (ean.is_valid(text) and text.strip("0") != "")


@given(st.text("0123456789", min_size=9, max_size=9), st.sampled_from("0123456789X"))
def test_isbn10_agrees_with_an_independent_check(body, last):
    assert (refused(body + last).code == "cell.gtin-isbn10") == isbn.is_valid(body + last)
