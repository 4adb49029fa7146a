import pytest

from feedbridge.cells import CellError
from feedbridge.cells.length import Length


@pytest.mark.parametrize(
    ("parameters", "raw", "mm"),
    [
        pytest.param({"unit": "mm"}, "12.50", "12.5", id="millimetres"),
        pytest.param({"unit": "cm"}, "30", "300", id="centimetres"),
        pytest.param({"unit": "m", "decimal": ","}, "1,234", "1234", id="metres with comma"),
        pytest.param({"unit": "in"}, "2", "50.8", id="inches"),
        pytest.param({"unit": "ft"}, "1", "304.8", id="feet"),
        pytest.param({"unit": "yd"}, "1", "914.4", id="yards"),
        pytest.param({"unit": "cm"}, '5"', "127", id="inch sign"),
        pytest.param({}, "2 Inches", "50.8", id="word"),
        pytest.param({}, {"amount": "20.0000", "unit": "CENTIMETER"}, "200", id="JSON object"),
    ],
)
def test_length_reads(parameters, raw, mm):
    assert str(Length(**parameters).read(raw)) == mm


@pytest.mark.parametrize(
    ("parameters", "raw", "code"),
    [
        pytest.param({}, "5", "cell.length-no-unit", id="no unit"),
        pytest.param({"unit": "cm"}, "10 x 20 x 30 cm", "cell.length-format", id="three at once"),
        pytest.param({"unit": "cm"}, "10 x 20 x", "cell.length-unit", id="cut off"),
        pytest.param({}, "5'6\"", "cell.length-format", id="feet and inches"),
        pytest.param({"unit": "cm"}, "5 kg", "cell.length-unit", id="unit of weight"),
        pytest.param({"unit": "cm"}, "-5", "cell.length-negative", id="negative"),
        pytest.param({"unit": "cm"}, "1.234", "cell.number-ambiguous", id="ambiguous"),
        pytest.param({"unit": "cm"}, ["5"], "cell.length-shape", id="list"),
    ],
)
def test_length_refuses(parameters, raw, code):
    with pytest.raises(CellError) as caught:
        Length(**parameters).read(raw)
    assert caught.value.code == code
