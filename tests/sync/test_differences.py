from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.sync.differences import MOST, NULL, differences, fields_of
from feedbridge.sync.model import Difference

LISTS = {"variants": "code"}


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def of(before: Any, after: Any, lists: dict[str, str] | None = None) -> list[tuple[str, Any, Any]]:
    found = differences(text(before), text(after), LISTS if lists is None else lists)
    return [(one.path, one.before, one.after) for one in found]


def sized(code: str, price: int = 20, **more: Any) -> dict[str, Any]:
    return {"code": code, "price": price, **more}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"price": 20}, {"price": 21}, [("price", 20, 21)], id="number"),
        pytest.param({"t": "Tee"}, {"t": "Crew Tee"}, [("t", "Tee", "Crew Tee")], id="text"),
        pytest.param({"price": 20}, {"price": "20"}, [("price", 20, "20")], id="number became text"),
        pytest.param({"on": True}, {"on": 1}, [("on", True, 1)], id="true is not 1"),
        pytest.param({"on": False}, {"on": 0}, [("on", False, 0)], id="false is not 0"),
        pytest.param({}, {"brand": "Acme"}, [("brand", None, "Acme")], id="new member"),
        pytest.param({"brand": "Acme"}, {}, [("brand", "Acme", None)], id="gone member"),
        pytest.param({"brand": None}, {}, [("brand", NULL, None)], id="null is not gone"),
        pytest.param({"brand": None}, {"brand": "null"}, [("brand", NULL, "null")], id="null is not its name"),
        pytest.param({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [("a.b.c", 1, 2)], id="inside objects"),
        pytest.param({"a": {}}, {"a": []}, [("a", {}, [])], id="object became list"),
        pytest.param({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, [("tags", ["a", "b"], ["b", "a"])], id="scalars whole"),
        pytest.param({"tags": []}, {"tags": [True]}, [("tags", [], [True])], id="scalars from none"),
        pytest.param({"tags": [1]}, {"tags": [True]}, [("tags", [1], [True])], id="scalars of another kind"),
        pytest.param(
            {"images": [{"src": "a"}, {"src": "b"}]}, {"images": [{"src": "c"}]},
            [("images[0].src", "a", "c"), ("images[1]", {"src": "b"}, None)], id="other objects by position",
        ),
        pytest.param({"images": []}, {"images": [{"src": "a"}]}, [("images[0]", None, {"src": "a"})], id="from none"),
        pytest.param({"m": [[1], [2]]}, {"m": [[1], [3]]}, [("m[1]", [2], [3])], id="lists of lists by position"),
        pytest.param(
            {"variants": [sized("S"), sized("M")]}, {"variants": [sized("S", 21), sized("L")]},
            [("variants[S].price", 20, 21), ("variants[L]", None, sized("L")), ("variants[M]", sized("M"), None)],
            id="variants by their code",
        ),
        pytest.param(
            {"variants": [sized("S"), sized("M")]}, {"variants": [sized("M"), sized("S", 21)]},
            [("variants.order", ["S", "M"], ["M", "S"]), ("variants[S].price", 20, 21)], id="another order",
        ),
        pytest.param(
            {"variants": [sized("S"), sized("M")]}, {"variants": [sized("L"), sized("S"), sized("M")]},
            [("variants[L]", None, sized("L"))], id="one in front is no other order",
        ),
        pytest.param(
            {"variants": [sized("S"), sized("S", 1)]}, {"variants": [sized("S"), sized("S", 2)]},
            [("variants[1].price", 1, 2)], id="code twice: by position",
        ),
        pytest.param(
            {"variants": [{"price": 1}]}, {"variants": [sized("S", 1)]}, [("variants[0].code", None, "S")],
            id="code missing: by position",
        ),
        pytest.param({"variants": [sized("S")]}, {"variants": "none"}, [("variants", [sized("S")], "none")], id="no list"),
        pytest.param(
            {"group": {"variants": [sized("S")]}}, {"group": {"variants": [sized("S", 2)]}},
            [("group.variants[S].price", 20, 2)], id="lists at any depth",
        ),
        pytest.param(
            {"variants": [{"code": 1}, {"code": "1"}]}, {"variants": [{"code": 1}, {"code": "1", "x": 2}]},
            [("variants[1].x", None, 2)], id="1 and text 1 are two codes",
        ),
        pytest.param({"a.b": 1, "": 1, "x[0]": 1}, {}, [('["a.b"]', 1, None), ('[""]', 1, None), ('["x[0]"]', 1, None)],
                     id="names that look like paths"),
        pytest.param({"… and 3 more": 1}, {}, [('["… and 3 more"]', 1, None)], id="a name that looks like the rest"),
    ],
)
def test_it_tells(before, after, expected):
    assert of(before, after) == expected
    assert sorted(of(after, before), key=repr) == sorted(((path, new, old) for path, old, new in expected), key=repr)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b'{"a":1,"b":2}', b'{ "b": 2,\n "a": 1 }', id="order of members and blanks"),
        pytest.param(b'{"p":12.5}', b'{"p":12.50}', id="zeros at the end"),
        pytest.param(b'{"p":1e2}', b'{"p":100}', id="exponent"),
        pytest.param(b'{"p":-0.0}', b'{"p":0}', id="zero has no sign"),
        pytest.param(rb'{"t":"\u00e9"}', '{"t":"é"}'.encode(), id="escapes"),
        pytest.param(b"", b"{}", id="nothing is an empty object"),
    ],
)
def test_it_leaves_alone(before, after):
    assert differences(before, after, LISTS) == []


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        pytest.param(b"0.1", b"0.10000000000000001", (0.1, "0.10000000000000001"), id="a digit floats do not have"),
        pytest.param(b"9007199254740993", b"9007199254740992", (9007199254740993, 9007199254740992), id="over 2^53"),
        pytest.param(b"1e400", b"1e401", ("1E+400", "1E+401"), id="no float is so large"),
        pytest.param(b"1e999999", b"1", ("1E+999999", 1), id="never written out"),
        pytest.param(b"1" * 5000, b"1", ("1" * 399 + "…", 1), id="more digits than int takes"),
    ],
)
def test_numbers_are_compared_and_kept_exactly(before, after, shown):
    [one] = differences(b'{"p":%s}' % before, b'{"p":%s}' % after, {})
    assert (str(one.before), str(one.after)) == tuple(map(str, shown))
    assert msgspec.json.decode(msgspec.json.encode(one), type=Difference) == one


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, b"{}", id="deep objects"),
        pytest.param(b'{"a":' + b"[" * 400 + b"1" + b"]" * 400 + b"}", b'{"a":' + b"[" * 400 + b"2" + b"]" * 400 + b"}",
                     id="lists deeper than are told"),
        pytest.param(b"{", b"{}", id="no JSON"),
        pytest.param(b'{"a":NaN}', b'{"a":1}', id="NaN"),
        pytest.param(b'{"a":1e99999999999999999999}', b"{}", id="exponent that nothing takes"),
        pytest.param(b"\xff\xfe", b"{}", id="no UTF-8"),
    ],
)
def test_what_cannot_be_read_is_one_difference(before, after):
    found = differences(before, after, LISTS)
    assert len(found) == 1 and found[0].before != found[0].after
    assert len(msgspec.json.encode(found)) < 2000
    assert differences(before, before, LISTS) == []


def test_half_surrogates_are_spelt_out():
    [one] = differences(rb'{"t\ud800":"\ud800"}', b"{}", {})
    assert (one.path, one.before) == ("t\\ud800", "\\ud800")


def test_after_the_most_it_says_how_many_more():
    found = of({"v": list(range(3))}, {f"a{n}": n for n in range(200)})
    assert len(found) == MOST + 1
    assert found[-1] == ("… and 151 more", None, None)


def test_a_long_text_is_cut_around_the_place_where_it_differs():
    before, after = "x" * 10_000 + "red" + "y" * 10_000, "x" * 10_000 + "blue" + "y" * 10_000
    [(_, old, new)] = of({"description": before}, {"description": after})
    assert old.startswith("…xxx") and "xred" in old and "xblue" in new
    assert len(old) <= 401 and len(new) <= 401


def test_a_large_value_is_cut():
    [(path, old, new)] = of({}, {"licences": [{"url": "u" * 30}] * 1000})
    assert (path, old) == ("licences", None)
    assert new.startswith('[{"url":"uuu') and len(new) == 400


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param(["price"], "field price changed", id="one"),
        pytest.param(["price", "title"], "fields price, title changed", id="two"),
        pytest.param(["a", "b", "c", "d"], "4 fields changed", id="more than are named"),
        pytest.param(["variants[S].price", "variants[M].price"], "field variants.price changed", id="of variants"),
        pytest.param(["variants[A[1]].price"], "field variants.price changed", id="brackets in a code"),
        pytest.param(["images[0]", "images[1].src"], "fields images, images.src changed", id="of lists"),
        pytest.param(['attributes["a.b"]'], 'field attributes["a.b"] changed', id="a name with a dot"),
        pytest.param(["variants.order"], "field variants.order changed", id="order"),
        pytest.param([""], "field payload changed", id="the whole"),
        pytest.param(["variants[S].price", "… and 9 more"], "fields variants.price, … changed", id="and more"),
        pytest.param(["a", "b", "c", "d", "… and 9 more"], "4 fields or more changed", id="many and more"),
        pytest.param([], "nothing changed", id="none"),
    ],
)
def test_fields_of(paths, expected):
    assert fields_of(Difference(path, 1, 2) for path in paths) == expected


NUMBERS = st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False).map(str).map(Decimal))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5), st.sampled_from(["S", "M"]))
NAMES = st.one_of(st.sampled_from(["variants", "code", "price", "a.b", "x[0]"]), st.text(max_size=3))
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)), max_leaves=12
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)


def written(value: Any) -> bytes:
    """JSON with every digit of a Decimal."""
    if isinstance(value, dict):
        return b"{" + b",".join(json.dumps(k).encode() + b":" + written(v) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(written, value)) + b"]"
    return str(value).encode() if isinstance(value, Decimal) else json.dumps(value).encode()


def canonical(value: Any) -> Any:
    """A form that is equal exactly for equal JSON values."""
    if isinstance(value, dict):
        return {"object": {k: canonical(v) for k, v in value.items()}}
    if isinstance(value, list):
        return ["list", *map(canonical, value)]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return ("number", Decimal(value))
    return (type(value).__name__, value)


@given(OBJECTS, OBJECTS)
@settings(max_examples=150, deadline=None)
def test_no_difference_exactly_when_they_say_the_same(before, after):
    found = differences(written(before), written(after), LISTS)
    assert (found == []) == (canonical(before) == canonical(after))
    for one in found:
        assert one.before != one.after or one.path.startswith("… and ") or str(one.before) != str(one.after)


@given(OBJECTS, OBJECTS)
@settings(max_examples=150, deadline=None)
def test_it_is_symmetric(before, after):
    there = differences(written(before), written(after), LISTS)
    back = [Difference(one.path, one.after, one.before) for one in differences(written(after), written(before), LISTS)]
    assert sorted(there, key=repr) == sorted(back, key=repr)


@given(OBJECTS)
@settings(max_examples=100, deadline=None)
def test_another_writing_of_the_same_is_no_difference(value):
    def reversed_members(one: Any) -> Any:
        if isinstance(one, dict):
            return {k: reversed_members(one[k]) for k in reversed(one)}
        return [reversed_members(item) for item in one] if isinstance(one, list) else one

    assert differences(written(value), written(reversed_members(value)), LISTS) == []


@given(OBJECTS, OBJECTS)
@settings(max_examples=100, deadline=None)
def test_a_plan_can_hold_it(before, after):
    found = differences(written(before), written(after), LISTS)
    again = msgspec.json.decode(msgspec.json.encode(found), type=list[Difference])
    assert [one.path for one in again] == [one.path for one in found]
    assert repr(again) == repr(found)
