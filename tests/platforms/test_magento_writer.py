"""Files of a run: whole request bodies, split between products only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from feedbridge.errors import OutputError
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.platforms.magento.writer import MagentoWriter


def product(*keys: str, notes: tuple[str, ...] = ()) -> Outcome:
    body = b",".join(b'"%b":{"id":%b}' % (key.encode(), key.encode()) for key in keys)
    return Outcome(body=body, keys=keys, entries=len(keys), notes=notes)


def write(folder: Path, outcomes: list[Outcome], **settings: Any) -> dict[str, Any]:
    writer = MagentoWriter(MagentoSettings(**settings), folder, {})
    for outcome in outcomes:
        writer.add(outcome)
    return writer.finish()


def written(folder: Path) -> list[list[str]]:
    return [list(json.loads(path.read_bytes())["product"]) for path in sorted(folder.iterdir())]


def test_one_document_by_default(tmp_path):
    said = write(tmp_path, [product("1"), product("2", "3", notes=("A3", "A9"))])
    body = b'{"product":{"1":{"id":1},"2":{"id":2},"3":{"id":3}}}'
    assert (tmp_path / "batch-0001.json").read_bytes() == body
    assert said == {
        "files": [{"path": "batch-0001.json", "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}],
        "entries": 3, "parents_left_out": 1,
    }


def test_no_file_for_nothing(tmp_path):
    assert write(tmp_path, []) == {"files": [], "entries": 0, "parents_left_out": 0}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("settings", "files"), [
    pytest.param({"batch_products": 2}, [["1"], ["2", "3"], ["4", "5", "6"], ["7"]], id="two products"),
    pytest.param({"batch_products": 3}, [["1", "2", "3"], ["4", "5", "6"], ["7"]], id="three products"),
    pytest.param({"batch_products": 4}, [["1", "2", "3"], ["4", "5", "6", "7"]], id="four products"),
    pytest.param({"batch_bytes": 1}, [["1"], ["2", "3"], ["4", "5", "6"], ["7"]], id="no two fit"),
    pytest.param({"batch_bytes": 52}, [["1", "2", "3"], ["4", "5", "6"], ["7"]], id="three fit to the byte"),
    pytest.param({"batch_bytes": 51}, [["1"], ["2", "3"], ["4", "5", "6"], ["7"]], id="a byte less"),
    pytest.param({"batch_bytes": 1000, "batch_products": 5}, [["1", "2", "3"], ["4", "5", "6", "7"]], id="both limits"),
])
def test_split(tmp_path, settings, files):
    said = write(tmp_path, [product("1"), product("2", "3"), product("4", "5", "6"), product("7")], **settings)
    assert written(tmp_path) == files
    assert [line["path"] for line in said["files"]] == [f"batch-{n + 1:04d}.json" for n in range(len(files))]
    assert [line["bytes"] for line in said["files"]] == [path.stat().st_size for path in sorted(tmp_path.iterdir())]


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    (tmp_path / "batch-0001.json").write_text("mine")
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path, [product("1")])
    assert (tmp_path / "batch-0001.json").read_text() == "mine"


@pytest.mark.parametrize("fields", [
    pytest.param({"batch_products": -1}, id="negative batch"),
    pytest.param({"category_field": "categories"}, id="unknown member"),
    pytest.param({"enable_product_designer": 2}, id="designer is no flag"),
    pytest.param({"currency": "euro"}, id="currency is no code"),
    pytest.param({"parents": True}, id="unknown setting"),
])
def test_settings_refuse(fields):
    with pytest.raises(ValidationError):
        MagentoSettings(**fields)
