import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.cells.list import ListReader


@pytest.mark.parametrize(
    ("parameters", "raw", "expected"),
    [
        pytest.param({}, "red, green,blue", ("red", "green", "blue"), id="comma"),
        pytest.param({}, "red", ("red",), id="one"),
        pytest.param({}, "a,,b,", ("a", "b"), id="empty items are nothing"),
        pytest.param({}, ", ,", (), id="separators only"),
        pytest.param({}, "a,b,a", ("a", "b"), id="equal items once"),
        pytest.param({"unique": False}, "a,b,a", ("a", "b", "a"), id="equal items kept"),
        pytest.param({"trim": False}, "a, b", ("a", " b"), id="blanks kept"),
        pytest.param({"separator": "||"}, "a|b||c", ("a|b", "c"), id="separator of two characters"),
        pytest.param({"separator": "\n"}, "a\nb", ("a", "b"), id="lines"),
        pytest.param({"escape": "\\"}, r"Home\, Garden, Sale", ("Home, Garden", "Sale"), id="escape"),
        pytest.param({"escape": "\\"}, r"C:\a, b", (r"C:\a", "b"), id="escape elsewhere is itself"),
        pytest.param({"escape": "\\"}, r"a\\,b", (r"a\,b",), id="escape is not doubled"),
        pytest.param({"escape": "\\", "escape_doubled": True}, r"a\\,b", ("a\\", "b"), id="escape is doubled"),
        pytest.param({"quote": '"'}, '"a,b", c', ("a,b", "c"), id="quotes"),
        pytest.param({"quote": '"'}, 'a, "b ""x"" c"', ("a", 'b "x" c'), id="quotes doubled"),
        pytest.param({"quote": '"'}, '5" nail, 6" nail', ('5" nail', '6" nail'), id="a quote inside an item is itself"),
        pytest.param({}, r"a\,b", ("a\\", "b"), id="no escape unless asked"),
        pytest.param({}, ["a", 1, True], ("a", "1", "true"), id="JSON list"),
        pytest.param({}, ["a,b"], ("a,b",), id="items of a JSON list are not cut"),
        pytest.param({}, 7, ("7",), id="JSON int"),
        pytest.param({}, [], (), id="empty JSON list"),
    ],
)
def test_list_reads(parameters, raw, expected):
    assert ListReader(**parameters).read(raw) == expected


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param('"a,b', "cell.list-quote", id="quote not closed"),
        pytest.param('"a"b,c', "cell.list-quote", id="text behind a quote"),
        pytest.param([["a"]], "cell.list-item", id="list in a list"),
        pytest.param([{"a": 1}], "cell.list-item", id="object in a list"),
        pytest.param([None], "cell.list-item", id="null in a list"),
        pytest.param({"a": 1}, "cell.list-shape", id="object"),
    ],
)
def test_list_refuses(raw, code):
    with pytest.raises(CellError) as caught:
        ListReader(quote='"').read(raw)
    assert caught.value.code == code
    assert caught.value.mend


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"separator": ""}, id="empty separator"),
        pytest.param({"escape": "ab"}, id="escape of two characters"),
        pytest.param({"quote": '"', "escape": '"'}, id="quote is escape"),
        pytest.param({"quote": ","}, id="quote is separator"),
        pytest.param({"escape": ","}, id="escape is separator"),
        pytest.param({"escape_doubled": True}, id="nothing to double"),
    ],
)
def test_parameters_must_differ(parameters):
    with pytest.raises(ValidationError):
        ListReader(**parameters)


ITEMS = st.lists(st.text("ab\\,|\" '", min_size=1), min_size=1, max_size=6)


@given(ITEMS, st.sampled_from([",", "|", "||", ", "]))
def test_join_and_split_with_escape(items, separator):
    joined = separator.join(item.replace("\\", "\\\\").replace(separator, "\\" + separator) for item in items)
    reader = ListReader(separator=separator, escape="\\", escape_doubled=True, trim=False, unique=False)
    if len(separator) == 1 or not any(set(item) & set(separator) for item in items):
        assert reader.read(joined) == tuple(items)


@given(ITEMS)
def test_join_and_split_with_quotes(items):
    joined = ",".join('"' + item.replace('"', '""') + '"' for item in items)
    assert ListReader(quote='"', trim=False, unique=False).read(joined) == tuple(items)


@given(
    st.lists(
        st.text("ab\\, ").map(str.strip).filter(lambda item: item and not item.endswith("\\") and "\\," not in item),
        max_size=6,
    )
)
def test_shop_lists_with_single_escapes(items):
    joined = ", ".join(item.replace(",", "\\,") for item in items)
    assert ListReader(escape="\\", unique=False).read(joined) == tuple(items)
