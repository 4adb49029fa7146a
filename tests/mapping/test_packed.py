"""Cells that hold several values: what is packed comes back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.mapping.packed import Unpacker
from feedbridge.mapping.schema import Packed

PAIRS = {"pairs": ","}
GROUPS = {"pairs": ",", "groups": "|"}
OPTIONS = {"pairs": ",", "groups": "|", "gather": "name", "value": "title"}


def unpack(text: object, **how: object) -> object:
    return Unpacker("cell", Packed(**how))(text)


@pytest.mark.parametrize(
    ("text", "how", "expected"),
    [
        pytest.param("", PAIRS, None, id="empty"),
        pytest.param(" \n ", GROUPS, None, id="blank"),
        pytest.param("color=Red", PAIRS, {"color": "Red"}, id="one pair"),
        pytest.param("color=Red,size=M", PAIRS, {"color": "Red", "size": "M"}, id="two pairs"),
        pytest.param("a=1, b=2 ,c=3", PAIRS, {"a": "1", "b": "2", "c": "3"}, id="blanks around separators"),
        pytest.param("care=Wash, then dry,size=M", PAIRS, {"care": "Wash, then dry", "size": "M"}, id="comma in a value"),
        pytest.param("care=30 °C, 2 x 40=80,size=M", PAIRS, {"care": "30 °C, 2 x 40=80", "size": "M"}, id="equals sign in a value"),
        pytest.param("url=https://x.example/?a=1&b=2,n=1", PAIRS, {"url": "https://x.example/?a=1&b=2", "n": "1"}, id="address"),
        pytest.param("a=,b=2", PAIRS, {"a": "", "b": "2"}, id="empty value"),
        pytest.param("a=1,", PAIRS, {"a": "1"}, id="separator at the end"),
        pytest.param("a=1,a=1", PAIRS, {"a": "1"}, id="the same twice"),
        pytest.param("a=line\nbreak,b=2", PAIRS, {"a": "line\nbreak", "b": "2"}, id="line break"),
        pytest.param("größe=M,äußeres-1=x", PAIRS, {"größe": "M", "äußeres-1": "x"}, id="names in any script"),
        pytest.param('a="x, b=2",c="3"', PAIRS, {"a": "x, b=2", "c": "3"}, id="enclosed pair"),
        pytest.param('a="5"" pipe",b=2', PAIRS, {"a": '5" pipe', "b": "2"}, id="doubled quote"),
        pytest.param('a="x"|"y, z",b=2', PAIRS, {"a": ["x", "y, z"], "b": "2"}, id="enclosed list"),
        pytest.param('a="",b=2', PAIRS, {"a": "", "b": "2"}, id="enclosed nothing"),
        pytest.param('a=5" pipe,b=2', PAIRS, {"a": '5" pipe', "b": "2"}, id="quote that encloses nothing"),
        pytest.param('a="half,b=2', PAIRS, {"a": '"half', "b": "2"}, id="quote that is not closed"),
        pytest.param("a:1;b:2", {"pairs": ";", "assign": ":"}, {"a": "1", "b": "2"}, id="other separators"),
        pytest.param("sku=A,s=M|sku=B,s=L", GROUPS, [{"sku": "A", "s": "M"}, {"sku": "B", "s": "L"}], id="groups"),
        pytest.param("sku=A|sku=B|", GROUPS, [{"sku": "A"}, {"sku": "B"}], id="bar at the end"),
        pytest.param("sku=A,n=1,|sku=B,n=2,", GROUPS, [{"sku": "A", "n": "1"}, {"sku": "B", "n": "2"}], id="separator before a bar"),
        pytest.param("|", GROUPS, [], id="a bar only"),
        pytest.param("t=A|B side,n=1|t=C", GROUPS, [{"t": "A|B side", "n": "1"}, {"t": "C"}], id="bar in a value"),
        pytest.param('t="x|t=y",n=1|t=z', GROUPS, [{"t": "x|t=y", "n": "1"}, {"t": "z"}], id="enclosed group"),
        pytest.param("n=1\n|\nn=2", GROUPS, [{"n": "1"}, {"n": "2"}], id="one group a line"),
        pytest.param(
            "name=Wrap,title=A,p=1|name=Text,p=3|name=Wrap,title=B,p=2", OPTIONS,
            [
                {"name": "Wrap", "title": "A", "p": "1", "values": [
                    {"name": "Wrap", "title": "A", "p": "1"}, {"name": "Wrap", "title": "B", "p": "2"}]},
                {"name": "Text", "p": "3", "values": []},
            ],
            id="gathered",
        ),
        pytest.param('{"a": [1, 2.50], "b": null}', {"json": True}, {"a": [1, Decimal("2.50")], "b": None}, id="JSON"),
    ],
)  # fmt: skip
def test_what_is_read(text, how, expected):
    assert unpack(text, **how) == expected


@pytest.mark.parametrize(
    ("text", "how", "says"),
    [
        pytest.param("Red", PAIRS, "is not a pair of name and value", id="no pair"),
        pytest.param("=Red", PAIRS, "is not a pair of name and value", id="no name"),
        pytest.param("1st=Red", PAIRS, "is not a pair of name and value", id="name that begins with a digit"),
        pytest.param("a=1,a=2", PAIRS, 'says "a" twice', id="two values"),
        pytest.param('a="1"|x', PAIRS, "is not a pair of name and value", id="rest behind an enclosed value"),
        pytest.param("Red|sku=A", GROUPS, "is not a pair of name and value", id="no pair in a group"),
        pytest.param("{'a': 1}", {"json": True}, "is not JSON", id="Python, not JSON"),
        pytest.param("[" * 100_000, {"json": True}, "is not JSON", id="deep JSON"),
    ],
)
def test_what_is_refused(text, how, says):
    with pytest.raises(CellError) as caught:
        unpack(text, **how)
    assert caught.value.code == "cell.packed" and says in caught.value.message and caught.value.mend
    assert len(caught.value.message) < 700


def test_a_mistake_is_told_each_time_it_is_asked_for():
    unpacker = Unpacker("cell", Packed(pairs=","))
    cell = "no pair"
    for _ in range(2):
        with pytest.raises(CellError):
            unpacker(cell)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a=1," * 200_000, id="pairs"),
        pytest.param("a=1|" * 200_000, id="groups"),
        pytest.param("a=" + " " * 1_000_000 + ",x", id="blanks"),
        pytest.param("a=" + '"' * 1_000_001, id="quotes"),
        pytest.param('a="x,' * 200_000, id="quotes that are not closed"),
        pytest.param("," * 1_000_000, id="separators"),
        pytest.param("a=" + "b" * 1_000_000, id="a name that is none"),
    ],
)
def test_long_cells_are_read_in_one_go(text):
    """Read over and over, one of these would take hours."""
    for how in (PAIRS, GROUPS):
        try:
            unpack(text, **how)
        except CellError as exc:
            assert exc.code == "cell.packed"


def test_what_is_no_text_is_as_it_is():
    assert unpack({"a": 1}, **PAIRS) == {"a": 1}


names = st.from_regex(r"[a-zA-Z_ä][\w.:-]{0,6}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(str.strip)
"""Anything, separators, quotes and line breaks with it. Blanks at a value's ends do not count."""
plain = (
    st.text('abc ,|"é1;.', max_size=8)
    .map(str.strip)
    .filter(lambda text: text[:1] != '"' and text[-1:] not in {",", "|"})
)
"""What cannot be taken for a pair, as an export without enclosure may hold it."""


def enclose(value: str | list[str]) -> str:
    return "|".join('"' + item.replace('"', '""') + '"' for item in ([value] if isinstance(value, str) else value))


@given(st.dictionaries(names, texts | st.lists(texts, min_size=2, max_size=3), min_size=1, max_size=4))
def test_enclosed_values_come_back_whatever_they_hold(values):
    text = ",".join(f"{name}={enclose(value)}" for name, value in values.items())
    assert unpack(text, **PAIRS) == values


@given(st.lists(st.dictionaries(names, texts, min_size=1, max_size=3), min_size=1, max_size=4))
def test_enclosed_groups_come_back_whatever_they_hold(groups):
    text = "|".join(",".join(f"{name}={enclose(value)}" for name, value in one.items()) for one in groups)
    assert unpack(text, **GROUPS) == groups


@given(st.dictionaries(names, plain, min_size=1, max_size=4))
def test_values_without_enclosure_come_back_unless_they_look_like_pairs(values):
    assert unpack(",".join(f"{name}={value}" for name, value in values.items()), **PAIRS) == values


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=8))
def test_gathering_loses_no_group(groups):
    text = "|".join(f"name={name},title={title}" for name, title in groups)
    gathered = unpack(text, **OPTIONS)
    assert [one["name"] for one in gathered] == list(dict.fromkeys(name for name, _ in groups))
    for one in gathered:
        assert [value["title"] for value in one["values"]] == [title for name, title in groups if name == one["name"]]


@given(st.text('a=,|" \n1', max_size=40))
def test_any_text_is_read_or_refused(text):
    for how in (PAIRS, GROUPS, OPTIONS):
        try:
            unpack(text, **how)
        except CellError as exc:
            assert exc.code == "cell.packed"
