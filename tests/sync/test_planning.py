"""Planning without HTTP: a feed beside what a ledger knows, item by item."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import OutputError
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.flipsnack.delivery import FlipsnackDelivery, FlipsnackDeliverySettings
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.magento.delivery import MagentoDelivery, MagentoDeliverySettings
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.run.process import Entry
from feedbridge.sync.feed import Feed, FeedItem, item_hash
from feedbridge.sync.model import OPERATIONS, Change, Row
from feedbridge.sync.planning import Planner, TargetState, reason_of, side_by_side, title_of


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def body(sku: str, price: int = 10, variants: Iterable[str] = (), **more: Any) -> bytes:
    return text({"code": sku, "title": f"Title of {sku}", "sell_price": price, **more,
                 **({"variants": [{"code": one, "price": price} for one in variants]} if variants else {})})


def delivery(name: str = "flipsnack") -> Any:
    if name == "magento":
        return MagentoDelivery(MagentoDeliverySettings(sandbox=True), MagentoSettings(), {})
    return FlipsnackDelivery(FlipsnackDeliverySettings(sandbox=True), FlipsnackSettings(), {})


class Known:
    """What a ledger knows of one target: rows by key, and bodies."""

    def __init__(self, rows: Iterable[tuple[Row, bytes]] = ()) -> None:
        self.kept = {row.key: (row, known) for row, known in rows}

    def rows(self, target_id: int) -> Iterator[Row]:
        for key in sorted(self.kept):
            yield self.kept[key][0]

    def row(self, target_id: int, key: str) -> Row | None:
        return self.kept[key][0] if key in self.kept else None

    def bodies(self, target_id: int, keys: Iterable[str]) -> dict[str, bytes]:
        return {key: self.kept[key][1] for key in keys if key in self.kept and self.kept[key][1]}

    def files(self, target_id: int, keys: Iterable[str]) -> dict[str, dict[str, str]]:
        return {}

    def sharing(self, target_id: int, *, at: tuple[int, str] | None = None) -> dict[str, str]:
        return {}


def sent(sku: str, known: bytes | None = None, **more: Any) -> tuple[Row, bytes]:
    """An item the platform took."""
    known = body(sku) if known is None else known
    return Row(**({"key": sku, "sku": sku, "hash": item_hash(known), "state": "sent", "action": "create"} | more)), known


def entry(sku: str, state: str, written: bytes = b"", keys: Iterable[str] = (), excluded: str = "") -> Entry:
    return Entry(1, 0, sku, sku, 0, 1, state, [Outcome(body=written, keys=tuple(keys) or (sku,), excluded=excluded)])


@contextmanager
def feed(platform: Any, entries: Iterable[tuple[Entry, str, dict[str, str], bool]]) -> Iterator[Feed]:
    with Feed([platform], lambda path: "0" * 64) as made:
        made.begin([0])
        for taken in entries:
            take(made, taken)
        made.finish()
        yield made


def take(made: Feed, taken: tuple[Entry, str, dict[str, str], bool]) -> None:
    one, states, why_late, damaged = taken
    made.take(0, one, states, [], why_late, damaged)


def written(sku: str, known: bytes | None = None, keys: Iterable[str] = ()) -> tuple[Entry, str, dict[str, str], bool]:
    return entry(sku, "w", body(sku) if known is None else known, keys), "w", {}, False


def held(sku: str, *, damaged: bool = False) -> tuple[Entry, str, dict[str, str], bool]:
    return entry(sku, "h"), "h", {}, damaged


def late(sku: str, known: bytes, keys: Iterable[str]) -> tuple[Entry, str, dict[str, str], bool]:
    """A product that was turned away since a SKU of it was there before."""
    return entry(sku, "w", known, keys), "h", {"flipsnack": "comes twice [flipsnack.F12]"}, False


def draft(sku: str) -> tuple[Entry, str, dict[str, str], bool]:
    return entry(sku, "e", excluded="draft"), "e", {}, False


def planned(
    entries: Iterable[Any], rows: Iterable[tuple[Row, bytes]] = (), platform: Any = None, **options: Any
) -> tuple[list[Change], TargetState, Planner]:
    platform = platform or delivery()
    with feed(platform, entries) as made:
        planner = Planner(made, Known(rows), **options)
        state = TargetState(0, "shop", 1, platform, "mapping")
        planner.plan(state)
        return list(planner.changes([state])), state, planner


def ops(entries: Iterable[Any], rows: Iterable[tuple[Row, bytes]] = (), **options: Any) -> list[tuple[str, str]]:
    return [(change.op, change.key) for change in planned(entries, rows, **options)[0]]


CHANGED = body("A", 99)
PLANS = [
    pytest.param([written("A")], [], [("create", "A")], {}, id="new"),
    pytest.param([written("A")], [sent("A")], [], {}, id="as it was"),
    pytest.param([written("A", CHANGED)], [sent("A")], [("update", "A")], {}, id="changed"),
    pytest.param([written("A", body("A", note=1))], [sent("A", body("A", note=1, more=2))], [("replace", "A")], {}, id="less than it was"),
    pytest.param([], [sent("A")], [("delete", "A")], {}, id="gone"),
    pytest.param([draft("A")], [sent("A")], [("delete", "A")], {}, id="a draft now"),
    pytest.param([held("A")], [sent("A")], [("held", "A")], {}, id="held back"),
    pytest.param([held("A")], [], [("held", "A")], {}, id="held back, never sent"),
    pytest.param([written("A"), held("A")], [sent("A")], [("held", "A"), ("held", "A")], {},
                 id="twice, one of them held back"),
    pytest.param([written("A"), written("B")], [sent("A"), sent("B")], [], {"reconcile": False}, id="part, all there"),
    pytest.param([written("B")], [sent("A"), sent("B")], [], {"reconcile": False}, id="part, others left alone"),
    pytest.param([written("A")], [sent("A", state="deleted", hash=b"")], [("create", "A")], {}, id="back after it was deleted"),
    pytest.param([], [sent("A", state="deleted", hash=b"")], [], {}, id="deleted and still gone"),
    pytest.param([written("A")], [sent("A", state="unknown", action="update")], [("settle", "A")], {}, id="unknown update"),
    pytest.param([written("A")], [sent("A", b"", state="unknown", hash=b"")], [("settle", "A")], {}, id="unknown create"),
    pytest.param([], [sent("A", state="unknown", action="update")], [("delete", "A")], {}, id="unknown and gone"),
    pytest.param([], [sent("A", state="unknown", action="delete")], [("delete", "A")], {}, id="unknown deletion"),
    pytest.param([written("A")], [sent("A", state="unknown", action="delete")], [("settle", "A")], {}, id="unknown deletion, back"),
    pytest.param([held("A")], [sent("A", state="unknown")], [("held", "A")], {}, id="unknown and held back"),
    pytest.param([written("A")], [sent("A", b"", state="failed", hash=b"")], [("create", "A")], {}, id="refused, tried again"),
    pytest.param([written("A")], [sent("A", state="failed")], [("update", "A")], {}, id="refused, and back to what it was"),
    pytest.param([written("A", CHANGED)], [sent("A", state="failed")], [("update", "A")], {}, id="refused update, again"),
    pytest.param([], [sent("A", b"", state="failed", hash=b"")], [], {}, id="refused and gone"),
    pytest.param([], [sent("A", state="failed")], [("delete", "A")], {}, id="refused update and gone"),
    pytest.param([held("", damaged=True)], [sent("A")], [("keep", "A")], {}, id="gone, or damaged"),
    pytest.param([held("B", damaged=True)], [sent("A")], [("keep", "A")], {}, id="gone, or damaged under another SKU"),
    pytest.param([held("")], [sent("A")], [("keep", "A")], {}, id="gone, or without a SKU"),
    pytest.param([held("B")], [sent("A")], [("delete", "A"), ("held", "B")], {}, id="gone, and another held back"),
    pytest.param([held("", damaged=True)], [sent("A")], [("delete", "A")], {"release": True}, id="gone, doubts released"),
    pytest.param([], [sent("A")], [("keep", "A")], {"grace": 1}, id="first run of grace"),
    pytest.param([], [sent("A", missing=1)], [("delete", "A")], {"grace": 1}, id="grace is over"),
    pytest.param([], [sent("A", missing=1)], [("keep", "A")], {"grace": 2}, id="second run of grace"),
    pytest.param([], [sent("A")], [("delete", "A")], {"grace": 2, "release": True}, id="grace released"),
    pytest.param([written("A")], [sent("A")], [("update", "A")], {"resend": frozenset()}, id="all sent again"),
    pytest.param([written("A"), written("B")], [sent("A"), sent("B")], [("update", "B")], {"resend": frozenset("B")}, id="one sent again"),
    pytest.param([written("A"), written("B")], [sent("A")], [("settle", "B")], {"adopt": True}, id="adopted"),
    pytest.param(
        [written("NEW", body("NEW", variants="ST"))], [sent("OLD", body("OLD", variants="ST"))],
        [("delete", "OLD"), ("create", "NEW")], {"grace": 3}, id="renamed: its variants are not waited for",
    ),
    pytest.param(
        [written("B", body("B", variants=["A"]))], [sent("A"), sent("B")], [("delete", "A"), ("update", "B")],
        {"grace": 3}, id="a product that is a variant now",
    ),
    pytest.param(
        [written("A", body("A", 9, "X"), "AX"), late("B", body("B", 9, "X"), "BX")],
        [sent("A", body("A", 8, "X")), sent("B")], [("held", "A"), ("held", "B")], {}, id="a variant in two products",
    ),
    pytest.param(
        [written("A", CHANGED), late("a", body("a"), "a")], [sent("A")], [("held", "A"), ("held", "a")], {}, id="twice, in another case",
    ),
]


@pytest.mark.parametrize(("entries", "rows", "expected", "options"), PLANS)
def test_plans(entries, rows, expected, options):
    assert ops(entries, rows, **options) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([sent("A")], [("delete", "A", "")], id="switched off"),
        pytest.param([sent("A", state="unknown", action="delete")], [("delete", "A", "")], id="no is no proof that it is off"),
        pytest.param([sent("A", b"", state="failed", hash=b"", action="delete")], [
            ("keep", "A", "whether the platform has it is not known: look there, then say feedbridge ids forget")],
            id="cannot be switched off"),
    ],
)
def test_a_platform_that_switches_off(rows, expected):
    changes, _, planner = planned([], rows, delivery("magento"))
    assert [(change.op, change.key, change.unsure or change.message) for change in changes] == expected
    assert planner.gone == {0: []}


def store(sku: str, price: int = 10) -> bytes:
    return text({sku: {"id": sku, "price": str(price)}})[1:-1]


def stored(sku: str, price: int = 10, **more: Any) -> tuple[Row, bytes]:
    return sent(sku, text({"id": sku, "price": str(price)}), **more)


TAKEN = "kept: the feed has it as sku-7 now, and for the platform both are one"
ANEW = "it was sent under its SKU in another case, too"
SOLD = written("sku-7", store("sku-7"))


@pytest.mark.parametrize("options", [{}, {"grace": 2}, {"grace": 2, "release": True}], ids=["no grace", "grace", "released"])
@pytest.mark.parametrize(
    ("entries", "rows", "expected", "forgotten"),
    [
        pytest.param([SOLD], [stored("SKU-7")], [("create", "sku-7", "new"), ("keep", "SKU-7", TAKEN)], [], id="first night"),
        pytest.param([SOLD], [stored("SKU-7", missing=5), stored("sku-7")], [("update", "sku-7", ANEW)], ["SKU-7"],
                     id="taken: the other row goes, and what the platform has is made sure of"),
        pytest.param([SOLD], [stored("SKU-7"), stored("sku-7", 9)], [("update", "sku-7", "field price changed")], ["SKU-7"],
                     id="taken, and changed since"),
        pytest.param([SOLD], [stored("SKU-7"), stored("sku-7", hash=b"", state="failed")],
                     [("create", "sku-7", "new; it was not taken before"), ("keep", "SKU-7", TAKEN)], [], id="refused"),
        pytest.param([SOLD, draft("SKU-7")], [stored("SKU-7")], [("create", "sku-7", "new"), ("keep", "SKU-7", TAKEN)], [],
                     id="the other one is a draft"),
    ],
)
def test_a_sku_in_another_case_is_not_switched_off(entries, rows, expected, forgotten, options):
    """The store takes both for one product, and would switch off the one that was just sent."""
    changes, state, planner = planned(entries, rows, delivery("magento"), **options)
    assert [(one.op, one.key, one.message or one.reason) for one in changes] == expected
    assert (planner.gone[0], state.counts["unchanged"], state.gone_now) == (forgotten, 0, 0)


def test_another_case_is_another_product_where_the_platform_says_so():
    assert ops([written("a")], [sent("A")]) == [("delete", "A"), ("create", "a")]


def test_what_deletions_say():
    changes, _, _ = planned([draft("B")], [sent("A"), sent("B"), sent("C", state="unknown", action="update")])
    assert [(change.key, change.reason, change.unsure) for change in changes] == [
        ("A", "gone from the feed", ""), ("B", "now draft, which is not for this platform", ""),
        ("C", "gone from the feed", "update"),
    ]
    assert json.loads(changes[0].body)["code"] == "A"  # what the platform has


def test_what_is_forgotten_and_what_is_back():
    _, state, planner = planned(
        [written("A"), written("B", body("B", 77)), held("C")],
        [sent("A", missing=2), sent("B", missing=1), sent("C", missing=1), sent("D", b"", state="failed", hash=b"")],
    )
    assert planner.back == {0: ["A", "B", "C"]}
    assert planner.gone == {0: ["D"]}
    assert state.pending == 0


@pytest.mark.parametrize(
    ("entries", "rows", "options", "pending", "gone_now"),
    [
        pytest.param([], [sent("A"), sent("B", missing=1)], {"grace": 3}, 2, 1, id="grace: the feed need not change"),
        pytest.param([held("", damaged=True)], [sent("A")], {}, 1, 1, id="doubt"),
        pytest.param([], [sent("A")], {}, 0, 1, id="deleted at once"),
        pytest.param([draft("A")], [sent("A")], {}, 0, 0, id="a draft is still named"),
        pytest.param([], [sent("A", missing=3)], {"grace": 3}, 0, 0, id="grace is over"),
    ],
)
def test_what_the_next_run_does_though_the_feed_is_the_same(entries, rows, options, pending, gone_now):
    _, state, _ = planned(entries, rows, **options)
    assert (state.pending, state.gone_now) == (pending, gone_now)


def test_the_order_of_a_plan():
    entries = [written("NEW"), written("UPD", body("UPD", 5)), written("REP", body("REP")), written("SET"), held("HLD"),
               held("", damaged=True)]
    rows = [sent("UPD"), sent("REP", body("REP", more=1)), sent("SET", state="unknown"), sent("HLD"), sent("GONE")]
    changes, state, _ = planned(entries, rows)
    assert [change.op for change in changes] == ["replace", "settle", "update", "create", "keep", "held"]
    assert {op: number for op, number in state.counts.items() if number} == Counter(change.op for change in changes)


# Side by side -----------------------------------------------------------------------------------------------------


def as_item(key: str) -> FeedItem:
    return FeedItem(key, key, b"", 0, 0, 0, 1, ())


def as_row(key: str) -> Row:
    return Row(key=key, sku=key, hash=b"x", state="sent")


@pytest.mark.parametrize(
    ("items", "rows", "expected"),
    [
        pytest.param("", "", "", id="nothing"),
        pytest.param("ab", "", "a- b-", id="no rows"),
        pytest.param("", "ab", "-a -b", id="no items"),
        pytest.param("ac", "bc", "a- -b cc", id="both"),
        pytest.param("aab", "ab", "aa bb", id="an item twice"),
        pytest.param("aa", "", "a-", id="a new item twice"),
        pytest.param("Zaé", "aé", "Z- aa éé", id="code points, not letters"),
    ],
)
def test_side_by_side(items, rows, expected):
    pairs = side_by_side(iter(map(as_item, items)), iter(map(as_row, rows)))
    assert [f"{item.key if item else '-'}{row.key if row else '-'}" for item, row in pairs] == expected.split()


@given(st.sets(st.text(max_size=3)), st.sets(st.text(max_size=3)))
def test_side_by_side_is_a_full_join(items, rows):
    pairs = list(side_by_side(iter(map(as_item, sorted(items))), iter(map(as_row, sorted(rows)))))
    keys = [item.key if item else row.key for item, row in pairs if item or row]
    assert keys == sorted(items | rows)
    assert {item.key for item, row in pairs if item} == items
    assert {row.key for item, row in pairs if row} == rows


# The law ----------------------------------------------------------------------------------------------------------

SKUS = [f"P{number}" for number in range(12)]
STATES = st.sampled_from([
    {}, {"state": "failed"}, {"state": "failed", "hash": b""}, {"state": "unknown", "action": "create", "hash": b""},
    {"state": "unknown", "action": "update"}, {"state": "unknown", "action": "delete"}, {"state": "deleted", "hash": b""},
    {"missing": 2},
])
ENTRIES = st.dictionaries(st.sampled_from(SKUS), st.sampled_from(["w", "changed", "less", "h", "e", "d"]))
ROWS = st.dictionaries(st.sampled_from(SKUS), STATES)
OPTIONS = st.fixed_dictionaries({}, optional={
    "reconcile": st.booleans(), "grace": st.integers(0, 3), "release": st.booleans(), "adopt": st.booleans(),
    "resend": st.sampled_from([None, frozenset(), frozenset({"P1", "P2"})]),
})


@settings(deadline=None)
@given(ENTRIES, ROWS, OPTIONS)
def test_each_product_and_each_row_is_counted_once(products, known, options):
    kinds = {
        "w": lambda sku: written(sku), "changed": lambda sku: written(sku, body(sku, 11)),
        "less": lambda sku: written(sku, text({"code": sku})), "h": held, "e": draft,
        "d": lambda sku: held(sku, damaged=True),
    }
    with feed(delivery(), [kinds[kind](sku) for sku, kind in products.items()]) as made:
        planner = Planner(made, Known(sent(sku, **more) for sku, more in known.items()), **options)
        state = TargetState(0, "shop", 1, made._deliveries[0], "mapping")
        planner.plan(state)
        changes = list(planner.changes([state]))
        counted = made.products[0]
    assert counted["read"] == len(products) == counted["written"] + counted["excluded"] + counted["held_back"]
    of_items = [change for change in changes if change.op not in ("delete", "keep", "held")]
    assert counted["written"] == len(of_items) + state.counts["unchanged"]
    assert len({change.key for change in changes}) == len(changes)
    for change in changes:
        kind = products.get(change.key)
        assert (change.op in ("delete", "keep")) == (kind in (None, "e"))
        assert (change.op == "held") == (kind in ("h", "d"))
    left = {sku for sku, more in known.items() if products.get(sku) in (None, "e") and more.get("state") != "deleted"}
    told = {change.key for change in changes if change.op in ("delete", "keep")} | set(planner.gone[0])
    assert told == left if options.get("reconcile", True) else told <= left
    if "d" in products.values() and not options.get("release"):
        assert not state.counts["delete"]
    assert [change.op for change in changes] == sorted((change.op for change in changes), key=OPERATIONS.index)


# Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        pytest.param(body("A"), body("A", 11), "field sell_price changed", id="a field"),
        pytest.param(body("A", variants="ST"), body("A", variants="ST").replace(b'"S", "price": 10', b'"S", "price": 12'),
                     "variant S changed: price", id="a field of one variant"),
        pytest.param(body("A", variants="S"), body("A", variants="ST"), "variant T changed: as a whole", id="a new variant"),
    ],
)
def test_reasons(before, after, reason):
    change, = planned([written("A", after)], [sent("A", before)])[0]
    assert reason_of(change.differences) == change.reason == reason


@pytest.mark.parametrize(
    ("document", "title"),
    [
        pytest.param(b"", "", id="nothing"), pytest.param(b"{", "", id="broken"), pytest.param(b"[1]", "", id="a list"),
        pytest.param(b'{"title": "Tee"}', "Tee", id="title"), pytest.param(b'{"name": "Tee"}', "Tee", id="name"),
        pytest.param(b'{"product": {"title": "Tee"}}', "Tee", id="inside"),
        pytest.param(b'{"title": 5}', "", id="no text"), pytest.param(b'{"title": null, "name": "Tee"}', "Tee", id="null"),
    ],
)
def test_titles(document, title):
    assert title_of(document) == title


# Temporary files --------------------------------------------------------------------------------------------------


def test_a_run_that_starts_over_forgets_what_it_took():
    platform = delivery()
    with Feed([platform], lambda path: "0" * 64) as made:
        made.begin([0])
        take(made, written("A"))
        take(made, late("B", body("B"), "BX"))
        take(made, held("", damaged=True))
        made.restart()
        assert made.damaged == 0
        take(made, written("B"))
        made.finish()
        assert [item.key for item in made.items(0)] == ["B"]
        assert made.held_skus(0) == {}
        assert made.products == [{"read": 1, "written": 1, "excluded": 0, "held_back": 0}]


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(OutputError) as told:
        Feed([delivery()], lambda path: "", tmp_path / "none")
    assert told.value.code == "sync.temporary"
    assert "nothing was sent" in told.value.message


def test_nothing_is_left_behind(tmp_path: Path):
    with Feed([delivery()], lambda path: "0" * 64, tmp_path) as made:
        made.begin([0])
        take(made, written("A"))
        made.finish()
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
