import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.cells.option_list import OptionList


@pytest.mark.parametrize(
    ("parameters", "raw", "expected"),
    [
        pytest.param({}, "color=Red,size=M", (("color", "Red"), ("size", "M")), id="pairs"),
        pytest.param({}, " color = Red , size = M ", (("color", "Red"), ("size", "M")), id="blanks"),
        pytest.param({}, "color=,size=M", (("size", "M"),), id="no value"),
        pytest.param({}, "a=1=2", (("a", "1=2"),), id="sign in the value"),
        pytest.param({}, "a=1,a=1", (("a", "1"),), id="said twice, the same"),
        pytest.param(
            {"separator": "|", "assign": ":"},
            "Color: Red | Size: M",
            (("Color", "Red"), ("Size", "M")),
            id="other signs",
        ),
        pytest.param({"escape": "\\"}, r"a=x\,y,b=z", (("a", "x,y"), ("b", "z")), id="escape"),
        pytest.param({"quote": '"'}, 'a="x,y",b="5"" z"', (("a", "x,y"), ("b", '5" z')), id="quotes"),
        pytest.param({"quote": '"'}, 'a="x, b=y",c=1', (("a", "x, b=y"), ("c", "1")), id="pair inside quotes"),
        pytest.param(
            {"continued": True}, "m=Cotton, wool,s=M", (("m", "Cotton, wool"), ("s", "M")), id="value goes on"
        ),
        pytest.param({}, {"Color": "Red", "Size": 5, "Fit": None}, (("Color", "Red"), ("Size", "5")), id="JSON object"),
    ],
)
def test_option_list_reads(parameters, raw, expected):
    assert OptionList(**parameters).read(raw) == expected


@pytest.mark.parametrize(
    ("parameters", "raw", "code"),
    [
        pytest.param({}, "Red", "cell.option-list-format", id="no name"),
        pytest.param({}, "=Red", "cell.option-list-format", id="empty name"),
        pytest.param({}, "m=Cotton, wool,s=M", "cell.option-list-format", id="value goes on unasked"),
        pytest.param({"continued": True}, "wool,s=M", "cell.option-list-format", id="nothing to go on from"),
        pytest.param({}, "a=1,a=2", "cell.option-list-twice", id="two values"),
        pytest.param({"quote": '"'}, 'a="x,b=y', "cell.list-quote", id="quote not closed"),
        pytest.param({}, ["a=1"], "cell.option-list-shape", id="list"),
        pytest.param({}, {"a": {"b": 1}}, "cell.option-list-shape", id="object in an object"),
    ],
)
def test_option_list_refuses(parameters, raw, code):
    with pytest.raises(CellError) as caught:
        OptionList(**parameters).read(raw)
    assert caught.value.code == code
    assert caught.value.mend


@given(st.dictionaries(st.text("abc", min_size=1), st.text('xy,="', min_size=1), max_size=5))
def test_join_and_split_with_quotes(pairs):
    joined = ",".join(f'{name}="{value.replace(chr(34), chr(34) * 2)}"' for name, value in pairs.items())
    assert dict(OptionList(quote='"').read(joined)) == pairs
