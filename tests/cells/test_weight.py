from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.cells.weight import Weight


@pytest.mark.parametrize(
    ("parameters", "raw", "grams"),
    [
        pytest.param({"unit": "kg"}, "1.5", "1500", id="kilograms"),
        pytest.param({"unit": "kg", "decimal": ","}, "1,5", "1500", id="comma"),
        pytest.param({"unit": "kg"}, ".5", "500", id="no zero in front"),
        pytest.param({"unit": "g"}, "250.00", "250", id="zeros at the end"),
        pytest.param({"unit": "g"}, "0", "0", id="nothing"),
        pytest.param({"unit": "lb"}, "1", "453.59237", id="pound"),
        pytest.param({"unit": "lbs"}, "2", "907.18474", id="pounds"),
        pytest.param({"unit": "oz"}, "16", "453.59237", id="ounces"),
        pytest.param({"unit": "mg"}, "1", "0.001", id="milligrams"),
        pytest.param({"unit": "t"}, "1", "1000000", id="tonnes"),
        pytest.param({}, "1.5 kg", "1500", id="own unit"),
        pytest.param({"unit": "kg"}, "500g", "500", id="own unit goes first"),
        pytest.param({}, "3 Pounds", "1360.77711", id="word"),
        pytest.param({}, "12 oz.", "340.1942775", id="abbreviated with full stop"),
        pytest.param({"unit": "kg"}, 2, "2000", id="JSON int"),
        pytest.param({"unit": "kg", "decimal": ","}, Decimal("1.234"), "1234", id="JSON number is exact"),
        pytest.param({}, {"amount": "10.5000", "unit": "KILOGRAM"}, "10500", id="JSON object"),
        pytest.param({}, {"value": Decimal("0.5"), "unit": "POUNDS"}, "226.796185", id="JSON object with value"),
        pytest.param({"unit": "g"}, {"value": 5, "unit": None}, "5", id="JSON object without unit"),
    ],
)
def test_weight_reads(parameters, raw, grams):
    assert str(Weight(**parameters).read(raw)) == grams


@pytest.mark.parametrize(
    ("parameters", "raw", "code"),
    [
        pytest.param({}, "1.5", "cell.weight-no-unit", id="no unit"),
        pytest.param({"unit": "kg"}, "1.5 stone", "cell.weight-unit", id="unknown unit"),
        pytest.param({"unit": "kg"}, "5 cm", "cell.weight-unit", id="unit of length"),
        pytest.param({"unit": "kg"}, "1.234", "cell.number-ambiguous", id="ambiguous"),
        pytest.param({"unit": "kg", "decimal": "."}, "1,5", "cell.weight-format", id="comma in a point column"),
        pytest.param({"unit": "kg"}, "-1", "cell.weight-negative", id="negative"),
        pytest.param({"unit": "kg"}, "ca. 5", "cell.weight-format", id="word in front"),
        pytest.param({"unit": "kg"}, "1-2 kg", "cell.weight-format", id="range"),
        pytest.param({"unit": "kg"}, "light", "cell.weight-format", id="word"),
        pytest.param({"unit": "kg"}, {"kg": 1}, "cell.weight-shape", id="object"),
        pytest.param({"unit": "kg"}, {"value": "5 g", "unit": "kg"}, "cell.weight-unit", id="two units"),
        pytest.param({"unit": "kg"}, True, "cell.weight-shape", id="boolean"),
    ],
)
def test_weight_refuses(parameters, raw, code):
    with pytest.raises(CellError) as caught:
        Weight(**parameters).read(raw)
    assert caught.value.code == code


@given(st.decimals(min_value=0, max_value=10**20, places=6), st.sampled_from(sorted(Weight.factors)))
def test_conversion_is_exact(number, unit):
    grams = Weight(unit=unit).read(number)
    numerator, denominator = number.as_integer_ratio()
    up, down = Weight.factors[unit].as_integer_ratio()
    got, of = grams.as_integer_ratio()
    assert got * denominator * down == of * numerator * up
    assert "E" not in str(grams) or grams < Decimal("0.000001")
