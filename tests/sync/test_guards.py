from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.sync.guards import Seen, above, holds_of_source, holds_of_target, shown
from feedbridge.sync.jobspec import Guards

USUAL = Guards()


def seen(**numbers: int) -> Seen:
    return Seen(**({"present": 100, "creates": 0, "changes": 0, "deletes": 0, "read": 100, "held_back": 0} | numbers))


def of_target(guards: Guards = USUAL, **numbers: int) -> list[str]:
    return [guard for guard, *_ in holds_of_target(guards, seen(**numbers))]


def of_source(guards: Guards = USUAL, **given: object) -> list[str]:
    values = {"read": 100, "read_before": 100, "lost": [], "present": 100} | given
    return [guard for guard, *_ in holds_of_source(guards, **values)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, [], id="as before"),
        pytest.param({"read": 70}, [], id="as many fewer as the guard lets through"),
        pytest.param({"read": 69}, ["shrunken-source"], id="one fewer than that"),
        pytest.param({"read": 1000}, [], id="more"),
        pytest.param({"read": 0}, ["empty-source"], id="nothing"),
        pytest.param({"read": 0, "read_before": 0, "present": 0}, [], id="nothing, as before"),
        pytest.param({"read": 0, "read_before": None, "present": 0}, [], id="nothing, and no run before"),
        pytest.param({"read": 0, "read_before": None}, ["empty-source"], id="nothing, no run before, but items are there"),
        pytest.param({"read": 0, "read_before": 0}, ["empty-source"], id="nothing, nor the run before, but items are there"),
        pytest.param({"read": 1, "read_before": None}, [], id="no run before"),
        pytest.param({"read": 2, "read_before": 3}, ["shrunken-source"], id="a third of three"),
        pytest.param({"lost": ["Price"]}, ["lost-column"], id="a lost column"),
        pytest.param({"lost": ["Price"], "read": 0}, ["lost-column", "empty-source"], id="a lost column and nothing"),
    ],
)
def test_the_source(given, expected):
    assert of_source(**given) == expected


@pytest.mark.parametrize(
    ("guards", "given", "expected"),
    [
        pytest.param({"empty_source": False}, {"read": 0}, ["shrunken-source"], id="nothing, where that is no guard"),
        pytest.param({"max_shrink": 0.7}, {"read": 21, "read_before": 70}, [], id="to the digit"),
        pytest.param({"max_shrink": 0.7}, {"read": 20, "read_before": 70}, ["shrunken-source"], id="past the digit"),
        pytest.param({"max_shrink": 0}, {"read": 99}, ["shrunken-source"], id="no shrinking at all"),
        pytest.param({"max_shrink": 1, "empty_source": False}, {"read": 0}, [], id="any shrinking"),
        pytest.param({"lost_columns": False}, {"lost": ["Price"]}, [], id="lost columns, where that is no guard"),
    ],
)
def test_the_source_as_the_job_says(guards, given, expected):
    assert of_source(Guards(**guards), **given) == expected


@pytest.mark.parametrize(
    ("guards", "numbers", "expected"),
    [
        pytest.param({}, {"deletes": 10}, [], id="a tenth deleted"),
        pytest.param({}, {"deletes": 11}, ["mass-delete"], id="more than a tenth"),
        pytest.param({}, {"deletes": 3, "present": 3}, [], id="few, though they are all"),
        pytest.param({}, {"deletes": 4, "present": 4}, ["mass-delete"], id="one more than few"),
        pytest.param({"few_deletes": 0}, {"deletes": 1, "present": 9}, ["mass-delete"], id="none are few"),
        pytest.param({}, {"deletes": 1000, "present": 100_000}, [], id="a thousand of many"),
        pytest.param({}, {"deletes": 1001, "present": 100_000}, ["mass-delete"], id="a thousand and one"),
        pytest.param({"max_deletes": 2}, {"deletes": 3}, ["mass-delete"], id="the count holds for few ones, too"),
        pytest.param({"max_delete_share": 1}, {"deletes": 100}, [], id="all may be deleted"),
        pytest.param({"max_delete_share": 0.07}, {"deletes": 7}, [], id="to the digit"),
        pytest.param({}, {"deletes": 20, "creates": 20, "present": 1000}, [], id="some are renamed"),
        pytest.param({}, {"deletes": 21, "creates": 21}, ["mass-delete", "renamed-ids"], id="many are renamed"),
        pytest.param({}, {"deletes": 21, "creates": 20}, ["mass-delete"], id="as many renamed as the guard lets through"),
        pytest.param({}, {"gone": 21, "creates": 30}, ["renamed-ids"], id="renamed, and the old ones kept for now"),
        pytest.param({"max_delete_share": 1}, {"gone": 0, "deletes": 50, "creates": 50}, [], id="gone for some time, and new ones"),
        pytest.param({}, {"gone": 3, "creates": 3, "present": 4}, [], id="few renamed"),
        pytest.param({}, {"creates": 100, "present": 0}, [], id="the first run"),
        pytest.param({}, {"changes": 100}, [], id="all change, as usual"),
        pytest.param({"max_changed_share": 0.5}, {"changes": 50}, [], id="half change"),
        pytest.param({"max_changed_share": 0.5}, {"changes": 51}, ["mass-change"], id="more than half change"),
        pytest.param({"max_changed_share": 0}, {"changes": 3}, [], id="few change"),
        pytest.param({"max_changed_share": 1}, {"changes": 6, "present": 3}, [], id="no share is more than all"),
        pytest.param({"max_delete_share": 1}, {"deletes": 6, "present": 3}, [], id="all may be deleted, and what may be there"),
        pytest.param({}, {"held_back": 50}, [], id="half are held back"),
        pytest.param({}, {"held_back": 51, "changes": 1}, ["many-failing"], id="more than half are held back"),
        pytest.param({}, {"held_back": 51, "creates": 1}, ["many-failing"], id="more than half are held back, one is new"),
        pytest.param({}, {"held_back": 51, "deletes": 1}, ["many-failing"], id="more than half are held back, one is gone"),
        pytest.param({}, {"held_back": 51, "settles": 1}, ["many-failing"], id="more than half are held back, one is in doubt"),
        pytest.param({}, {"lost": {"price": 100}, "changes": 1}, ["lost-field"], id="a field would be lost"),
        pytest.param({}, {"lost": {"price": 100}, "shrunk": 50}, [], id="a field would be lost, and nothing is sent"),
        pytest.param({}, {"held_back": 51}, [], id="more than half are held back, and nothing is sent"),
        pytest.param({}, {"held_back": 100}, ["all-failing"], id="all are held back"),
        pytest.param({"max_held_share": 1}, {"held_back": 100}, ["all-failing"], id="all are held back, whatever the share"),
        pytest.param({}, {"held_back": 3, "read": 4}, [], id="three of four"),
        pytest.param({}, {"held_back": 1, "read": 1}, ["all-failing"], id="one of one"),
        pytest.param({}, {"held_back": 100, "present": 0}, [], id="all are held back, and nothing is there"),
        pytest.param({}, {"read": 0, "held_back": 0, "present": 0}, [], id="nothing at all"),
        pytest.param({}, {"deletes": 5, "present": 0}, [], id="deletions of what is not known to be there"),
    ],
)
def test_a_target(guards, numbers, expected):
    assert of_target(Guards(**guards), **numbers) == expected


def test_no_hold_speaks_of_more_than_there_is():
    guards = Guards(max_changed_share=0.1)
    holds = holds_of_target(guards, seen(present=3, deletes=6, gone=6, creates=6, changes=5))
    assert [what.partition(" items")[0] for _, what, _ in holds] == ["6 of 6", "6 of 6", "5 of 6"]


def test_another_place():
    guard, what, how = holds_of_target(USUAL, seen()._replace(elsewhere=[("https://a.example/", 1200)]))[0]
    assert guard == "other-place"
    assert "1,200 items" in what and "https://a.example/" in what
    assert "apply JOB --release" in how


@given(st.integers(0, 3000), st.integers(1, 3000), st.decimals(0, 1, places=2))
def test_a_share_is_compared_to_the_digit(part, whole, most):
    assert above(part, whole, float(most)) == (Decimal(part) > Decimal(whole) * most)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 100))
def test_a_share_that_is_too_large_never_looks_like_the_guards(part, whole, hundredths):
    most = hundredths / 100
    if above(part, whole, most) and part <= whole:
        share, of_guard = shown(part, whole, most)
        assert share != of_guard


def test_every_hold_says_what_it_found_and_how_to_go_on():
    guards = Guards(max_changed_share=0.1)
    holds = [
        *holds_of_source(guards, read=1, read_before=100, lost=["Price"], present=100),
        *holds_of_target(guards, seen(deletes=90, creates=90, changes=90, held_back=60)),
    ]
    assert [guard for guard, *_ in holds] == [
        "lost-column", "shrunken-source", "mass-delete", "renamed-ids", "many-failing", "mass-change"]
    for guard, what, how in holds:
        assert any(digit in what for digit in "0123456789") or guard == "lost-column"
        assert "apply JOB --release" in how
