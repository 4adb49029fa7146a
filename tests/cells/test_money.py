from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.cells.currency import CURRENCIES, minor_digits
from feedbridge.cells.money import MoneyReader
from feedbridge.product import Money, to_model


def refused(reader, raw):
    with pytest.raises(CellError) as caught:
        reader.read(raw)
    assert caught.value.mend
    return caught.value


@pytest.mark.parametrize(
    ("parameters", "raw", "amount", "currency"),
    [
        pytest.param({"currency": "EUR"}, "12.50", "12.50", "EUR", id="plain"),
        pytest.param({"currency": "EUR"}, "0", "0", "EUR", id="free is a price"),
        pytest.param({"currency": "EUR", "decimal": ","}, "12,50", "12.50", "EUR", id="comma"),
        pytest.param({"currency": "EUR", "decimal": ","}, "1.299,00 €", "1299.00", "EUR", id="thousands and sign"),
        pytest.param({"currency": "EUR", "decimal": ","}, "1.299", "1299", "EUR", id="thousands of a comma column"),
        pytest.param({"currency": "EUR", "decimal": "."}, "1.299", "1.299", "EUR", id="thousandths of a point column"),
        pytest.param({}, "EUR 12,50", "12.50", "EUR", id="code in front"),
        pytest.param({}, "15.00 USD", "15.00", "USD", id="code behind"),
        pytest.param({}, "15.00usd", "15.00", "USD", id="small code without blank"),
        pytest.param({}, "12,50 €", "12.50", "EUR", id="euro sign"),
        pytest.param({}, "€12.50 EUR", "12.50", "EUR", id="sign and code agree"),
        pytest.param({}, "$12.50 CAD", "12.50", "CAD", id="code says which dollar"),
        pytest.param({}, "£3", "3", "GBP", id="pound sign"),
        pytest.param({"currency": "GIP"}, "£3", "3", "GIP", id="pounds of Gibraltar"),
        pytest.param({}, "1'234.50 CHF", "1234.50", "CHF", id="apostrophe"),
        pytest.param({"currency": "USD"}, "$1,200.50", "1200.50", "USD", id="dollars"),
        pytest.param({"currency": "MXN"}, "$1,200.50", "1200.50", "MXN", id="pesos go by $ too"),
        pytest.param({"currency": "SEK", "decimal": ","}, "1 234,50 kr", "1234.50", "SEK", id="kronor"),
        pytest.param({"currency": "INR"}, "Rs.500", "500", "INR", id="full stop of a word"),
        pytest.param({"currency": "INR"}, "Rs. 500.5", "500.5", "INR", id="full stop and blank"),
        pytest.param({}, "1 234,50 Kč", "1234.50", "CZK", id="koruna"),
        pytest.param({}, "12,50 zł", "12.50", "PLN", id="złoty"),
        pytest.param({"currency": "JPY"}, "¥500", "500", "JPY", id="yen"),
        pytest.param({"currency": "EUR"}, "+12.50", "12.50", "EUR", id="plus"),
        pytest.param({"currency": "EUR"}, ".5", "0.5", "EUR", id="no zero in front"),
        pytest.param({"currency": "EUR"}, "-0.00", "0.00", "EUR", id="zero has no sign"),
        pytest.param({"currency": "EUR"}, "12.5000", "12.5000", "EUR", id="four decimals kept"),
        pytest.param({"currency": "EUR", "minor_units": True}, "1250", "12.50", "EUR", id="cents"),
        pytest.param({"currency": "JPY", "minor_units": True}, "1250", "1250", "JPY", id="yen have no smaller unit"),
        pytest.param({"currency": "KWD", "minor_units": True}, 1250, "1.250", "KWD", id="three decimals in a dinar"),
        pytest.param({"currency": "EUR", "minor_units": True}, "5", "0.05", "EUR", id="five cents"),
        pytest.param({"currency": "EUR"}, 12, "12", "EUR", id="JSON int"),
        pytest.param({"currency": "EUR", "decimal": ","}, Decimal("1.234"), "1.234", "EUR", id="JSON number is exact"),
        pytest.param({}, {"amount": "12.50", "currency": "EUR"}, "12.50", "EUR", id="JSON object"),
        pytest.param(
            {}, {"amount": Decimal("12.5"), "currencyCode": "CAD"}, "12.5", "CAD", id="JSON object, other key"
        ),
        pytest.param({"currency": "EUR"}, {"amount": 3}, "3", "EUR", id="JSON object without currency"),
    ],
)
def test_money_reads(parameters, raw, amount, currency):
    money = MoneyReader(**parameters).read(raw)
    assert (str(money.amount), money.currency) == (amount, currency)
    assert to_model(Money, money) == Money(amount=Decimal(amount), currency=currency)


@pytest.mark.parametrize(
    ("parameters", "raw", "code"),
    [
        pytest.param({"currency": "EUR"}, "1.234", "cell.number-ambiguous", id="ambiguous"),
        pytest.param({}, "1,234 EUR", "cell.number-ambiguous", id="ambiguous with code"),
        pytest.param({"currency": "EUR", "decimal": "."}, "12,50", "cell.price-format", id="comma in a point column"),
        pytest.param(
            {"currency": "EUR", "decimal": "."}, "1.234,56", "cell.price-format", id="groups in a point column"
        ),
        pytest.param({"currency": "EUR", "decimal": ","}, "12.50", "cell.price-format", id="point in a comma column"),
        pytest.param({"currency": "EUR"}, "12 USD", "cell.price-currency", id="another code"),
        pytest.param({"currency": "EUR"}, "$12", "cell.price-currency", id="another sign"),
        pytest.param({}, "€12 USD", "cell.price-currency", id="sign and code differ"),
        pytest.param({}, "12.50", "cell.price-no-currency", id="no currency"),
        pytest.param({}, "$12.50", "cell.price-no-currency", id="many dollars"),
        pytest.param({}, "¥500", "cell.price-no-currency", id="yen or yuan"),
        pytest.param({}, "kr 500", "cell.price-no-currency", id="four crowns"),
        pytest.param({"currency": "EUR"}, "-1", "cell.price-negative", id="negative"),
        pytest.param({"currency": "USD"}, "-$1.50", "cell.price-negative", id="minus before the sign"),
        pytest.param({"currency": "EUR"}, Decimal("-1"), "cell.price-negative", id="negative JSON"),
        pytest.param({"currency": "EUR"}, "abc", "cell.price-format", id="no digits"),
        pytest.param({"currency": "EUR"}, "-", "cell.price-format", id="dash"),
        pytest.param({"currency": "EUR"}, "12,-", "cell.price-format", id="dash for cents"),
        pytest.param({"currency": "EUR"}, "10 - 20", "cell.price-format", id="range"),
        pytest.param({"currency": "EUR"}, "from 12", "cell.price-format", id="word"),
        pytest.param({"currency": "EUR"}, "1e3", "cell.price-format", id="exponent"),
        pytest.param({"currency": "EUR"}, "12%", "cell.price-format", id="percent"),
        pytest.param({"currency": "EUR"}, "(5.00)", "cell.price-format", id="accountants' minus"),
        pytest.param({"currency": "EUR"}, "−5", "cell.price-format", id="typographic minus"),
        pytest.param({"currency": "EUR", "minor_units": True}, "12.50", "cell.price-format", id="decimals of cents"),
        pytest.param(
            {"currency": "EUR", "minor_units": True}, "1250.00", "cell.price-format", id="zero decimals of cents"
        ),
        pytest.param({"currency": "EUR"}, True, "cell.price-shape", id="boolean"),
        pytest.param({"currency": "EUR"}, ["1"], "cell.price-shape", id="list"),
        pytest.param({"currency": "EUR"}, {"value": 1}, "cell.price-shape", id="object without amount"),
        pytest.param({"currency": "EUR"}, {"amount": 1, "per": "kg"}, "cell.price-shape", id="object that says more"),
        pytest.param({"currency": "EUR"}, {"amount": None}, "cell.price-format", id="amount null"),
        pytest.param(
            {"currency": "EUR"}, {"amount": 1, "currency": "USD"}, "cell.price-currency", id="object in dollars"
        ),
        pytest.param({}, {"amount": 1, "currency": "XXX"}, "cell.price-format", id="object in no currency"),
    ],
)
def test_money_refuses(parameters, raw, code):
    assert refused(MoneyReader(**parameters), raw).code == code


def test_contradicting_currencies_are_both_named():
    error = refused(MoneyReader(currency="EUR"), "12 USD")
    assert error.message == '"12 USD" is in USD, but EUR is expected'


def test_unknown_currency_is_a_mistake_of_the_mapping():
    with pytest.raises(ValidationError, match="not an active ISO 4217 code"):
        MoneyReader(currency="EURO")
    assert MoneyReader(currency="eur").currency == "EUR"


def test_equal_texts_are_read_once():
    reader = MoneyReader(currency="EUR")
    assert reader.read("12.50") is reader.read("12.50")


def test_what_is_remembered_is_bounded():
    reader = MoneyReader(currency="EUR")
    for cents in range(70_000):
        reader.read(f"{cents}.5")
    assert len(reader.known) <= 1 << 16


def test_json_numbers_do_not_share_memory_with_texts_or_each_other():
    reader = MoneyReader(currency="EUR")
    assert str(reader.read("1").amount) == "1"
    assert str(reader.read(Decimal("1.00")).amount) == "1.00"
    assert str(reader.read(Decimal("1.0")).amount) == "1.0"
    assert refused(reader, True).code == "cell.price-shape"


SIGNS = {
    "EUR": ("€", "EUR", "eur"),
    "USD": ("$", "US$", "USD"),
    "SEK": ("kr", "SEK"),
    "PLN": ("zł", "PLN"),
    "INR": ("₹", "Rs.", "INR"),
}


@st.composite
def prices(draw):
    """A price as some shop writes it, its decimal mark, its amount and its currency."""
    mark = draw(st.sampled_from(".,"))
    group = draw(st.sampled_from(["", " ", "'", "\u2019", "\u00a0", "\u202f", "," if mark == "." else "."]))
    whole = str(draw(st.integers(0, 10 ** draw(st.integers(1, 10)))))
    decimals = draw(st.text("0123456789", max_size=4))
    text = whole
    if group:
        head = len(whole) % 3 or 3
        text = group.join([whole[:head], *(whole[i : i + 3] for i in range(head, len(whole), 3))])
    if decimals:
        text = ("" if whole == "0" and draw(st.booleans()) else text) + mark + decimals
    currency = draw(st.sampled_from(sorted(SIGNS)))
    sign = draw(st.sampled_from(SIGNS[currency]))
    blank = draw(st.sampled_from([" ", "\u00a0"] if text[0] in ".," and sign[-1].isalnum() else ["", " ", "\u00a0"]))
    text = draw(st.sampled_from([text, f"{sign}{blank}{text}", f"{text}{blank}{sign}"]))
    return text, mark, Decimal(f"{whole}.{decimals}" if decimals else whole), currency


@given(prices())
def test_price_reads_back_exactly_with_the_right_mark(price):
    text, mark, amount, currency = price
    if text.startswith("Rs.") and text[3:4] in (".", ","):
        return
    money = MoneyReader(decimal=mark, currency=currency).read(text)
    assert (str(money.amount), money.currency) == (str(amount), currency)


@given(prices(), st.sampled_from([("auto", False), ("auto", True), (".", True), (",", True)]), st.booleans())
def test_price_is_never_another_amount_without_knowing_the_mark(price, knowing, currency_known):
    text, _, amount, currency = price
    decimal, refuse = knowing
    reader = MoneyReader(decimal=decimal, refuse_ambiguous=refuse, currency=currency if currency_known else None)
    try:
        money = reader.read(text)
    except CellError as exc:
        allowed = {"cell.number-ambiguous", "cell.price-no-currency"} | (
            {"cell.price-format"} if decimal != "auto" else set()
        )
        assert exc.code in allowed or text.startswith("Rs."), exc.message
    else:
        assert (str(money.amount), money.currency) == (str(amount), currency)


@given(st.integers(0, 10**15), st.sampled_from(sorted(CURRENCIES)))
def test_minor_units_keep_every_unit(units, currency):
    money = MoneyReader(minor_units=True, currency=currency).read(str(units))
    assert int(money.amount.scaleb(minor_digits(currency))) == units
    assert money == MoneyReader(minor_units=True, currency=currency).read(units)
