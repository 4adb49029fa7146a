from __future__ import annotations

import io
import tracemalloc
from typing import Any

import pytest

from feedbridge.report.catalogue import CATALOGUE
from feedbridge.report.plan_text import (
    difference_text,
    filter_words,
    held_by,
    matches,
    render_plan,
    render_result,
    value_text,
)

PRICE = {"path": "sell_price", "before": 20, "after": 21}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Ascii(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")

    def getvalue(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("ascii")


def target(name: str = "flipsnack", *, counts: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"name": name, "platform": name, "place": f"https://{name}.example.com/", "counts": counts, **more}


def change(op: str = "update", sku: str = "TEE-042", **more: Any) -> dict[str, Any]:
    return {"target": "flipsnack", "op": op, "key": sku, "sku": sku, "reason": more.pop("reason", "new"), **more}


def shown(targets, changes=(), *, stream=None, environment=None, header=None, **more: Any) -> list[str]:
    stream = stream or io.StringIO()
    render_plan({"targets": targets, **(header or {})}, changes, stream, environment=environment or {}, **more)
    return stream.getvalue().splitlines()


def test_an_update_says_the_field_its_values_and_the_place():
    lines = shown(
        [target(counts={"update": 1, "unchanged": 11, "held": 2})],
        [change(title="Crew Tee", reason="field sell_price changed", differences=[PRICE], file="shop.csv", line=14)],
    )
    assert lines == [
        "flipsnack https://flipsnack.example.com/: 1 update, 11 unchanged, 2 held back",
        "",
        '  update TEE-042 "Crew Tee": sell_price 20 → 21 (shop.csv:14)',
    ]


@pytest.mark.parametrize(
    ("counts", "more", "expected"),
    [
        pytest.param({"unchanged": 12}, {}, "flipsnack: nothing to do, 12 products are as the feed says", id="many"),
        pytest.param({"unchanged": 1}, {}, "flipsnack: nothing to do, 1 product is as the feed says", id="one"),
        pytest.param({}, {"products": {"read": 0}}, "flipsnack: nothing to do, the feed has no products", id="none"),
        pytest.param(
            {"unchanged": 9, "held": 2, "keep": 1, "left": 4}, {},
            "flipsnack: nothing to do, 9 products are as the feed says, 1 kept, 4 left alone, 2 held back", id="some stay",
        ),
        pytest.param(
            {"unchanged": 9}, {"products": {"read": 13, "excluded": 1, "held_back": 3}},
            "flipsnack: nothing to do, 9 products are as the feed says (of 13 in the feed: 1 left out, 3 held back)",
            id="some do not come so far",
        ),
    ],
)
def test_nothing_to_do_is_one_line(counts, more, expected):
    assert shown([target(counts=counts, **more)]) == [expected]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(change("create", title="Tee", file="a.csv", line=3), '  create TEE-042 "Tee": new (a.csv:3)', id="create"),
        pytest.param(change("delete", reason="gone from the feed"), "  delete TEE-042: gone from the feed", id="delete"),
        pytest.param(
            change("replace", reason="2 fields changed", message="an update cannot take pictures away",
                   differences=[{"path": "images[1]", "before": "b"}]),
            '  replace TEE-042: images[1] gone, was "b"; an update cannot take pictures away', id="replace says why",
        ),
        pytest.param(change("settle", reason="its outcome is not known"), "  settle TEE-042: its outcome is not known",
                     id="settle"),
        pytest.param(
            change(reason="mapping changed", differences=[PRICE]), "  update TEE-042: mapping changed; sell_price 20 → 21",
            id="reason beside fields",
        ),
        pytest.param(change(reason="resend"), "  update TEE-042: resend", id="reason alone"),
        pytest.param(change(key="1042", reason="x"), "  update TEE-042 as 1042: x", id="key that is not the SKU"),
        pytest.param(change(sku="", key="1042", reason="x"), "  update 1042: x", id="no SKU"),
        pytest.param(
            change(reason="", differences=[{"path": f"f{n}", "before": 1, "after": 2} for n in range(9)]),
            "  update TEE-042: " + ", ".join(f"f{n} 1 → 2" for n in range(6)) + ", … and 3 more", id="many fields",
        ),
        pytest.param(change(title="a\x1b[31m\nb"), '  update TEE-042 "a\\x1b[31m\\nb": new', id="control characters"),
        pytest.param(change(title="\u202egnp"), '  update TEE-042 "\\u202egnp": new', id="reading direction"),
    ],
)
def test_a_change_is_a_line(given, expected):
    assert shown([target(counts={given["op"]: 1})], [given])[-1] == expected


def test_what_cannot_be_done_has_its_code_and_remedy():
    given = change("refused", reason="variant gone", message="it cannot be taken away", mend="delete it", code="x.K8")
    assert shown([target(counts={"refused": 1})], [given])[-2:] == [
        "  refused TEE-042: variant gone; it cannot be taken away [x.K8]", "    mend: delete it",
    ]


@pytest.mark.parametrize(("deletes", "word"), [("delete", "delete"), ("disable", "switch off"), ("by hand", "delete by hand")])
def test_a_delete_is_called_what_the_platform_does(deletes, word):
    lines = shown([target(counts={"delete": 1}, deletes=deletes)], [change("delete", reason="gone")])
    assert lines[-1] == f"  {word} TEE-042: gone"


def test_what_a_guard_holds_comes_first_with_how_to_go_on():
    hold = ["max_deletes", "480 of 500 items would be deleted", "feedbridge apply shop --release"]
    lines = shown([target(counts={"delete": 480}, holds=[hold])])
    assert lines[:3] == [
        "HELD flipsnack: 480 of 500 items would be deleted [max_deletes]",
        "  to go on: feedbridge apply shop --release",
        "nothing is sent while a guard holds",
    ]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"holds": [["g", "a", "b"]]}, [("", ("g", "a", "b"))], id="of the run"),
        pytest.param({"targets": [{"name": "f", "holds": [["g", "a", "b"]]}, {"name": "m", "holds": [["g", "a", "b"]]}]},
                     [("f, m", ("g", "a", "b"))], id="the same of two targets"),
        pytest.param({"holds": [["g", "a", "b"]], "targets": [{"name": "f", "holds": [("g", "a", "b"), ("h", "c", "")]}]},
                     [("", ("g", "a", "b")), ("f", ("h", "c", ""))], id="of the run and again of a target"),
    ],
)
def test_every_hold_is_told_once(header, expected):
    assert held_by(header) == expected


@pytest.mark.parametrize(
    ("number", "limit", "lines", "more"),
    [
        pytest.param(500, 20, 20, "  … and 480 more; --json has all", id="cut"),
        pytest.param(20, 20, 20, None, id="just fits"),
        pytest.param(500, 0, 0, "  500 updates; --json has all", id="none wanted"),
        pytest.param(500, None, 500, None, id="all"),
    ],
)
def test_counts_are_complete_where_lists_are_cut(number, limit, lines, more):
    changes = (change(sku=f"T-{n}") for n in range(number))
    text = shown([target(counts={"update": number})], changes, limit=limit)
    assert sum(line.startswith("  update") for line in text) == lines
    assert [line for line in text if line.endswith("--json has all")] == ([more] if more else [])


@pytest.mark.parametrize("limit", [20, None])
def test_changes_stand_by_target_and_operation(limit):
    targets = [target("magento", counts={"update": 1}), target(counts={"update": 1, "delete": 1})]
    changes = [change("update", target="magento"), change("delete"), change("update")]
    text = shown(targets, changes, limit=limit)
    assert text[3:] == [
        "magento", "  update TEE-042: new", "", "flipsnack", "  delete TEE-042: new", "  update TEE-042: new",
    ]


def test_order_of_operations_does_not_depend_on_the_order_given():
    given = ["refused", "create", "delete", "update", "someday", "replace"]
    text = shown([target(counts={"update": 1})], [change(op) for op in given])
    assert [line.split()[0] for line in text[1:] if line] == ["delete", "replace", "update", "create", "refused", "someday"]


def test_a_filter_says_how_many_fit_and_leaves_the_summary_whole():
    text = shown(
        [target(counts={"update": 3})], [change(sku="TEE-1"), change(sku="CAP-1"), change("delete", sku="TEE-2")],
        only={"update"}, sku="TEE-*",
    )
    assert text[0].endswith(": 3 updates")
    assert text[2:] == ["  update TEE-1: new", "", '1 change fits only update, SKU "TEE-*"']


CHANGE = change(key="7", differences=[{"path": "variants[TEE-S].price", "before": 1, "after": 2}])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({}, True, id="none"),
        pytest.param({"only": {"update", "create"}}, True, id="operation"),
        pytest.param({"only": {"create"}}, False, id="another operation"),
        pytest.param({"only": set()}, False, id="no operation"),
        pytest.param({"target": "flipsnack"}, True, id="target"),
        pytest.param({"target": "flip"}, False, id="target is no prefix"),
        pytest.param({"sku": "TEE-*"}, True, id="pattern"),
        pytest.param({"sku": "tee-*"}, False, id="case counts"),
        pytest.param({"sku": "7"}, True, id="key"),
        pytest.param({"sku": "TEE"}, False, id="SKU is no prefix"),
        pytest.param({"field": "variants.price"}, True, id="field of variants"),
        pytest.param({"field": "variants[TEE-S]"}, True, id="field of one variant"),
        pytest.param({"field": "price"}, False, id="not the end of a path"),
        pytest.param({"field": "variants", "sku": "CAP*"}, False, id="all must fit"),
    ],
)
def test_matches(filters, expected):
    assert matches(CHANGE, **filters) is expected


def test_a_sku_with_brackets_is_found_by_itself():
    assert matches(change(sku="A[1]"), sku="A[1]")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(20, "20", id="number"), pytest.param("20", '"20"', id="text"), pytest.param(True, "true", id="true"),
        pytest.param({"null": True}, "null", id="null"), pytest.param(["a", 1], '["a", 1]', id="list"),
        pytest.param("x" * 100, '"' + "x" * 69 + '…"', id="long text"), pytest.param("é", '"é"', id="accent"),
    ],
)
def test_value_text(value, expected):
    assert value_text(value) == expected


def test_the_rest_of_many_differences_is_a_word_of_its_own():
    assert difference_text({"path": "… and 12 more"}) == "… and 12 more"


def test_filter_words():
    assert filter_words({"create", "delete"}, "A*", "price", "m") == 'only delete, create, SKU "A*", field "price", target "m"'
    assert filter_words(None, None, None, None) == ""


def test_ascii_streams_get_ascii():
    stream = Ascii()
    lines = shown([target(counts={"update": 30})], [change(title="Größe", reason="", differences=[PRICE])] * 30, stream=stream)
    assert lines[2] == '  update TEE-042 "Gr\\xf6\\xdfe": sell_price 20 -> 21'
    assert lines[-1] == "  ... and 10 more; --json has all"


def test_colours_only_on_a_terminal():
    args = ([target(counts={"update": 1})], [change(reason="", differences=[PRICE])])
    plain, coloured = shown(*args), shown(*args, stream=Terminal(), environment={"TERM": "xterm"})
    assert "\x1b[" not in "".join(plain) and "\x1b[" in "".join(coloured)
    assert shown(*args, stream=Terminal(), environment={"NO_COLOR": "1"}) == plain


def test_long_lines_are_wrapped_at_the_width():
    found = [{"path": f"field{n}", "before": 1, "after": 2} for n in range(6)]
    lines = shown([target(counts={"update": 1})], [change(reason="", differences=found)], width=60)
    assert all(len(line) <= 60 for line in lines)
    assert "field5 1 → 2" in " ".join(lines)


def test_findings_and_replays_are_told():
    lines = shown(
        [target(counts={"create": 1})], header={"replay": True, "findings": {f"c{n}": n for n in range(1, 9)}}
    )
    assert lines[1:] == [
        "made from mended quarantine files: what they lack is not gone",
        "findings of the feed:", *(f"  {n} c{n}" for n in (8, 7, 6, 5, 4, 3)), "  and 2 more codes",
    ]


def test_findings_say_what_they_mean():
    lines = shown(
        [target(counts={"create": 1})], header={"findings": {"cell.gtin-shape": 2, "flipsnack.F5": 1, "x.other": 1}},
        about={"cell.gtin-shape": "A GTIN has 8, 12, 13 or 14 digits.", "flipsnack.F5": "at most 150 characters"},
    )
    assert lines[1:] == [
        "findings of the feed:", "  2 cell.gtin-shape: A GTIN has 8, 12, 13 or 14 digits.",
        "  1 flipsnack.F5: at most 150 characters", "  1 x.other",
    ]
    assert shown([target(counts={})], header={"findings": {"cell.gtin-shape": 1}})[2] == (
        f"  1 cell.gtin-shape: {CATALOGUE['cell.gtin-shape']}"
    )


@pytest.mark.parametrize(
    ("reason", "differences", "expected"),
    [
        pytest.param("field sell_price changed; the mapping changed, too", [PRICE],
                     "the mapping changed, too; sell_price 20 → 21", id="field and mapping"),
        pytest.param("variant TEE-S changed: price", [{"path": "variants[TEE-S].price", "before": 1, "after": 2}],
                     "variants[TEE-S].price 1 → 2", id="variant"),
        pytest.param("the product changed, and its 3 variants with it: field brand changed",
                     [{"path": "brand", "before": "A", "after": "B"}],
                     'the product changed, and its 3 variants with it; brand "A" → "B"', id="parent"),
        pytest.param("field sell_price changed; the mapping changed, too", [],
                     "field sell_price changed; the mapping changed, too", id="no differences to show"),
    ],
)
def test_a_reason_does_not_say_what_the_differences_say(reason, differences, expected):
    assert shown([target(counts={"update": 1})], [change(reason=reason, differences=differences)])[-1] == (
        f"  update TEE-042: {expected}"
    )


def test_a_field_that_nothing_differs_in_is_answered_with_those_that_do():
    changes = [change(differences=[PRICE]), change(differences=[PRICE, {"path": "variants[S].price", "before": 1, "after": 2}])]
    lines = shown([target(counts={"update": 2})], changes, field="prize")
    assert lines[-2:] == ['0 changes fit field "prize"', "fields that differ: sell_price (2), variants.price (1)"]
    assert shown([target(counts={"update": 2})], changes, field="sell_price")[-1] == '2 changes fit field "sell_price"'
    assert shown([target(counts={"update": 2})], changes, field="prize", sku="CAP")[-1].startswith("0 changes fit")


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        pytest.param({"before": {"code": "S", "price": 1}}, "variants[S] gone", id="object gone"),
        pytest.param({"after": {"code": "S"}}, "variants[S] new", id="object new"),
        pytest.param({"before": [{"code": "S"}]}, "variants[S] gone", id="list of objects gone"),
        pytest.param({"before": ["a"], "after": {"b": 1}}, "variants[S] changed", id="object for a list"),
        pytest.param({"before": ["a"]}, 'variants[S] gone, was ["a"]', id="list of texts"),
        pytest.param({"before": {"null": True}, "after": 1}, "variants[S] null → 1", id="null is no object"),
    ],
)
def test_objects_are_not_printed(difference, expected):
    assert difference_text({"path": "variants[S]", **difference}) == expected


def test_memory_does_not_grow_with_the_changes():
    def peak(number: int) -> int:
        tracemalloc.start()
        shown([target(counts={"update": number})], (change(sku=f"T-{n}", body="x" * 1000) for n in range(number)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(20_000) < peak(200) + 200_000


# --- what came of it


def told(result: dict[str, Any], **more: Any) -> list[str]:
    stream = io.StringIO()
    render_result(result, stream, environment={}, **more)
    return stream.getvalue().splitlines()


def test_a_result_names_what_was_done_and_what_failed():
    lines = told({
        "seconds": 12.34, "calls": 4,
        "targets": [{
            "name": "flipsnack", "place": "https://f.example.com/", "calls": 4, "seconds": 3.2,
            "done": {"created": 3, "updated": 1, "unchanged": 5, "failed": 2, "unknown": 1, "held": 2},
            "failures": [
                {"op": "create", "sku": "A", "key": "A", "state": "failed", "message": "no\x1b picture", "mend": "give one",
                 "file": "a.csv", "line": 2, "code": "x.F1"},
                {"op": "update", "sku": "B", "key": "9", "state": "unknown", "message": ""},
            ],
        }],
    })
    assert lines == [
        "flipsnack https://f.example.com/: 3 created, 1 updated, 5 unchanged, 2 held back, 2 failed, "
        "1 with an unknown outcome (4 calls, 3.2 s)",
        "",
        "flipsnack: failed create A: no\\x1b picture (a.csv:2) [x.F1]",
        "  mend: give one",
        "flipsnack: unknown update B as 9: the outcome is not known",
        "  … and 1 more; --json has all",
        "4 calls, took 12.3 s",
    ]


def test_a_target_that_stopped_says_why_and_what_is_left():
    lines = told({"targets": [{
        "name": "m", "done": {}, "left": 1200, "calls": 1, "stopped": {"message": "401: wrong key", "mend": "set the key"},
    }]})
    assert lines == ["m: 1,200 not tried (1 call)", "  stopped: 401: wrong key", "  mend: set the key"]


def test_a_target_that_took_nothing_has_not_stopped():
    lines = told({"targets": [{"name": "m", "done": {"failed": 9}, "stopped": {"message": "it took none", "mend": ""}}]})
    assert lines[:2] == ["m: 9 failed", "  failed: it took none"]


@pytest.mark.parametrize(("failure", "line"), [
    ({"op": "refused", "state": "refused"}, "m: refused CAP-1: other words"),
    ({"op": "keep", "state": "kept"}, "m: kept CAP-1: other words"),
    ({"op": "update", "state": "warning"}, "m: warning update CAP-1: other words"),
], ids=["refused", "kept", "a warning"])
def test_no_word_is_said_twice(failure, line):
    shown = told({"targets": [{"name": "m", "done": {}, "failures": [{**failure, "sku": "CAP-1", "message": "other words"}]}]})
    assert line in shown


@pytest.mark.parametrize(("deletes", "line"), [
    ("disable", "m: 1 switched off"), ("delete", "m: 1 deleted"), ("by hand", "m: 1 deleted"),
])
def test_what_is_switched_off_is_said_so(deletes, line):
    assert told({"targets": [{"name": "m", "deletes": deletes, "done": {"deleted": 1}}]}) == [line]


def test_a_result_that_has_not_all_failures_says_so():
    failures = [{"sku": f"S{n}", "op": "create", "state": "failed", "message": "no"} for n in range(30)]
    lines = told({"targets": [{"name": "m", "done": {"failed": 50}, "failures": failures, "failures_left_out": 20}]})
    assert lines[-1] == "  … and 30 more; --json has 30 of them"


def test_a_held_run_says_how_to_go_on():
    assert told({"holds": [["g", "too many", "release it"]], "targets": []})[:2] == [
        "HELD too many [g]", "  to go on: release it",
    ]


@pytest.mark.parametrize(("given", "counted", "more"), [(30, 30, 25), (30, 5000, 4995), (3, 3, 0)])
def test_failures_are_counted_completely(given, counted, more):
    failures = [{"sku": f"S{n}", "op": "update", "message": "no"} for n in range(given)]
    lines = told({"targets": [{"name": "f", "done": {"failed": counted}, "failures": failures}]}, limit=5)
    assert sum("update S" in line for line in lines) == min(given, 5)
    assert [line for line in lines if "more" in line] == ([f"  … and {more:,} more; --json has all"] if more else [])


def test_a_target_with_nothing_done():
    assert told({"targets": [{"name": "f", "done": {}}]}) == ["f: nothing done"]
