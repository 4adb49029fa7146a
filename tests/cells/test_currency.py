import pytest

from feedbridge.cells import CellError
from feedbridge.cells.currency import CURRENCIES, Currency, minor_digits, signed_currencies


@pytest.mark.parametrize("code", ["EUR", "XAF", "ZWG", "XCG"])
def test_currency_leaves_alone(code):
    assert Currency().read(code) == code


@pytest.mark.parametrize("text", [pytest.param("eur", id="small"), pytest.param(" Eur ", id="blanks")])
def test_currency_reads(text):
    assert Currency().read(text) == "EUR"


@pytest.mark.parametrize(
    ("raw", "code", "mend"),
    [
        pytest.param("DEM", "cell.currency-unknown", "write a code such as EUR", id="withdrawn"),
        pytest.param("€", "cell.currency-unknown", "write EUR", id="sign"),
        pytest.param("$", "cell.currency-unknown", "write USD or CAD or AUD", id="sign of many"),
        pytest.param("XXX", "cell.currency-unknown", "write a code such as EUR", id="no currency"),
        pytest.param(978, "cell.currency-unknown", "write a code such as EUR", id="number"),
        pytest.param(["EUR"], "cell.currency-shape", "point the mapping at one value inside it", id="list"),
    ],
)
def test_currency_refuses(raw, code, mend):
    with pytest.raises(CellError) as caught:
        Currency().read(raw)
    assert (caught.value.code, caught.value.mend) == (code, mend)


def test_table_is_sound():
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert {"USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "BRL", "XPF"} <= CURRENCIES
    assert not {"HRK", "DEM", "XAU", "XTS", "XXX", "ZWL", "ANG", "SLL"} & CURRENCIES
    assert [minor_digits(code) for code in ("EUR", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]


@pytest.mark.parametrize(
    "sign", ["€", "£", "₹", "zł", "$", "¥", "kr", "Rs.", "Kč", "CHF", "r$", "S/", "us$", "元", "руб"]
)
def test_signs_stand_for_active_currencies(sign):
    meant = signed_currencies(sign)
    assert meant
    assert set(meant) <= CURRENCIES


def test_rare_currencies_of_a_sign_only_when_expected():
    assert signed_currencies("£") == ("GBP",)
    assert signed_currencies("£", "EGP") == ("EGP",)
    assert signed_currencies("£", "EUR") == ("GBP",)
