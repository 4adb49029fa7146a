"""What of an outbox is left to a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedbridge.platforms.flickrocket.outbox import Standing, standing

NEW, CHANGED, ODD = '{"product": {"title": "x"}}', '{"product": {"id": 7}}', "[]"


@pytest.mark.parametrize(
    ("folders", "ids", "expected"),
    [
        pytest.param({}, {}, Standing(), id="nothing"),
        pytest.param({"A": NEW, "B": NEW}, {"A": "", "B": ""}, Standing(2, True), id="new ones"),
        pytest.param({"A": NEW}, {"A": "", "B": "", "C": ""}, Standing(1, True, [], ["B", "C"]), id="two are gone"),
        pytest.param({}, {"A": "7"}, Standing(), id="gone, and its id is known"),
        pytest.param({"A": NEW}, {"A": "7"}, Standing(0, False, ["A"]), id="its id is known, so it was uploaded"),
        pytest.param({"A": CHANGED}, {"A": "7"}, Standing(1), id="an update of what the feed names"),
        pytest.param({"A": NEW, "A--2": CHANGED}, {"A": "7"}, Standing(1, False, ["A"]), id="an update beside it"),
        pytest.param({"A--2": NEW}, {"A": ""}, Standing(1, True), id="the second folder of a new one is left"),
        pytest.param({"A--2": NEW}, {"A": "", "A--2": ""}, Standing(1, True, [], ["A"]), id="a SKU that looks like a second folder"),
        pytest.param({"a": NEW}, {"A": ""}, Standing(1, True), id="a disk that knows no case"),
        pytest.param({"X": NEW, "Y": CHANGED}, {}, Standing(2, True), id="another job's"),
        pytest.param({"done": None, ".A.feedbridge-partial": NEW, "notes": ODD}, {}, Standing(), id="none of a product"),
    ],
)
def test_how_an_outbox_stands(tmp_path: Path, folders: dict[str, str | None], ids: dict[str, str], expected: Standing):
    for name, document in folders.items():
        (tmp_path / name).mkdir()
        if document is not None:
            (tmp_path / name / "product.json").write_text(document)
    assert standing(tmp_path, ids) == expected


def test_an_outbox_that_is_not_there_holds_nothing(tmp_path: Path):
    assert standing(tmp_path / "none", {"A": ""}) == Standing(gone=["A"])
