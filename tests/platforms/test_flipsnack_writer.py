"""Flipsnack's batch files: how many, which bytes, and that a stranger finds nothing wrong with them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import CommandError, OutputError
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.flipsnack import PLATFORM
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.flipsnack.signing import request_bytes
from feedbridge.product import Product, to_light
from tests.platforms.flipsnack_verifier import read_products, verify
from tests.strategies import products


def write(folder: Path, outcomes: list[Outcome], **given: Any) -> dict[str, Any]:
    writer = PLATFORM.writer(FlipsnackSettings(**given), folder, {})
    for outcome in outcomes:
        writer.add(outcome)
    return writer.finish()


def plain(count: int) -> list[Outcome]:
    convert = PLATFORM.converter(FlipsnackSettings(), {}).convert
    return [convert(to_light(Product(sku=f"SKU-{n}", title=f"Größe {n}")), None) for n in range(count)]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("count", "sizes"), [
    pytest.param(0, [], id="none"),
    pytest.param(1, [1], id="one"),
    pytest.param(500, [500], id="500 in one"),
    pytest.param(501, [500, 1], id="501 in two"),
    pytest.param(1000, [500, 500], id="1000 in two"),
])
def test_products_in_a_batch(tmp_path: Path, count: int, sizes: list[int]):
    said = write(tmp_path, plain(count))
    written = [json.loads(data) for _, data in sorted(files(tmp_path).items())]
    assert [len(batch) for batch in written] == sizes
    assert [product["code"] for batch in written for product in batch] == [f"SKU-{n}" for n in range(count)]
    assert said["products"] == count and len(said["files"]) == len(sizes)
    assert verify(tmp_path) == []


def test_a_file_is_exactly_the_products_parameter(tmp_path: Path):
    said = write(tmp_path, plain(2), feed="demo-feed")
    text = (b'[{"type":"product","code":"SKU-0","title":"Gr\\u00f6\\u00dfe 0"},'
            b'{"type":"product","code":"SKU-1","title":"Gr\\u00f6\\u00dfe 1"}]')
    assert files(tmp_path) == {"batch-0001.json": text}
    assert said == {
        "files": [{"path": "batch-0001.json", "bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}],
        "sourceHash": "2d67d6d3542967f637ca1b1ee9cf76ed50adb1dfd0ee2617e1b8f3bb50dd274b",
        "feed": "demo-feed", "products": 2,
    }


def test_a_short_source_hash_is_used_and_warned_of(tmp_path: Path):
    said = write(tmp_path, plain(1), source_hash="abc")
    assert said["sourceHash"] == "abc" and "3 characters" in said["warnings"][0]


def test_a_wrong_source_hash_is_refused_before_anything_is_written(tmp_path: Path):
    with pytest.raises(CommandError):
        write(tmp_path, plain(1), source_hash="x" * 65)
    assert files(tmp_path) == {}


def test_batches_stay_within_the_bytes_of_a_call(tmp_path: Path):
    chosen = FlipsnackSettings(batch_bytes=5_000)
    outcomes = plain(300)
    said = write(tmp_path, outcomes, batch_bytes=5_000)
    texts = [path.read_text("ascii") for path in sorted(tmp_path.iterdir())]
    assert all(request_bytes(text, chosen) <= 5_000 for text in texts)
    assert said["products"] == 300 and len(read_products(tmp_path)) == 300
    for text, after in pairwise(texts):
        first_of_next = json.dumps(json.loads(after)[0], separators=(",", ":"))
        assert request_bytes(text, chosen) + len(first_of_next) + 1 > 5_000, "the next product would have fitted"
    assert verify(tmp_path, most_bytes=5_000) == []


def test_the_biggest_product_the_converter_takes_fits_a_call(tmp_path: Path):
    chosen = FlipsnackSettings(batch_bytes=4_000)
    convert = PLATFORM.converter(chosen, {}).convert
    taken = [outcome for size in range(2_000, 3_000)
             if (outcome := convert(to_light(Product(sku="TEE", title="x" * size)), None)).body]
    write(tmp_path, [taken[-1]], batch_bytes=4_000)
    text = (tmp_path / "batch-0001.json").read_text("ascii")
    assert len(taken) < 1_000 and request_bytes(text, chosen) == 4_000


def test_fewer_products_a_batch_on_demand(tmp_path: Path):
    assert len(write(tmp_path, plain(7), batch_products=3)["files"]) == 3


def test_an_existing_file_is_never_overwritten(tmp_path: Path):
    (tmp_path / "batch-0001.json").write_text("[]")
    with pytest.raises(OutputError):
        write(tmp_path, plain(1))
    assert files(tmp_path) == {"batch-0001.json": b"[]"}


@settings(max_examples=100, deadline=None)
@given(st.lists(products(), max_size=6), st.integers(1, 3))
def test_a_stranger_finds_nothing_wrong_with_what_is_written(some: list[Product], most: int):
    convert = PLATFORM.converter(FlipsnackSettings(drafts="write"), {}).convert
    seen: set[str] = set()
    accepted = []
    for product in some:
        outcome = convert(to_light(product), None)
        if outcome.body and seen.isdisjoint(outcome.keys):
            seen |= set(outcome.keys)
            accepted.append((product, outcome))
    outcomes = [outcome for _, outcome in accepted]
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        write(Path(first), outcomes, batch_products=most)
        write(Path(second), [convert(to_light(product), None) for product, _ in accepted], batch_products=most)
        assert verify(Path(first), most_products=most) == []
        assert [entry["code"] for entry in read_products(Path(first))] == [product.sku for product, _ in accepted]
        assert files(Path(first)) == files(Path(second))


GOOD = ('{"type":"product","code":"TEE","sell_price":20,"currency":"EUR","attribute":{"name1":"Size","options1":"S,M"},'
        '"variants":[{"code":"A","parent_code":"TEE","attribute":{"options1":"S"},"price":20},'
        '{"code":"B","parent_code":"TEE","attribute":{"options1":"M"},"price":21,"discount_price":20}]}')


@pytest.mark.parametrize(("old", "new", "rule"), [
    pytest.param("", "", None, id="good"),
    pytest.param('"sell_price":20', '"sell_price":"20"', "F14", id="price as text"),
    pytest.param('"sell_price":20', '"sell_price":20.0', "A8", id="zero at the end"),
    pytest.param('"sell_price":20', '"sell_price":2e1', "A8", id="exponent"),
    pytest.param('"sell_price":20', '"sell_price":NaN', "F7", id="NaN"),
    pytest.param('"sell_price":20', '"sell_price":null', "A19", id="null"),
    pytest.param('"sell_price"', '"price"', "F15", id="variant's member in the product"),
    pytest.param('"type":"product",', "", "F10", id="no type"),
    pytest.param('"code":"B"', '"code":"A"', "F13", id="SKU twice"),
    pytest.param('"parent_code":"TEE"', '"parent_code":"TE"', "A18", id="another parent"),
    pytest.param('{"options1":"M"}', '{"options1":"L"}', "A6", id="value the parent lacks"),
    pytest.param('{"options1":"M"}', '{"options1":"S"}', "A6", id="same combination"),
    pytest.param('{"options1":"M"}', '{"options2":"M"}', "A6", id="another slot"),
    pytest.param('"discount_price":20', '"discount_price":21', "A9", id="no reduction"),
    pytest.param('"type":"product","code":"TEE"', '"code":"TEE","type":"product"', "A4", id="order"),
    pytest.param('"code":"TEE"', '"code": "TEE"', "A4", id="blank"),
    pytest.param('"code":"TEE"', '"code":"TEE","title":"é"', "A4", id="not ASCII"),
    pytest.param('"code":"TEE"', '"code":"TEE","title":"a\\/b"', "A4", id="escaped slash"),
    pytest.param('"currency":"EUR"', '"currency":"EUR","quantity":5', "F14", id="stock as quantity"),
    pytest.param('"code":"TEE"', '"code":"TEE","image_link":"a.jpg"', "A24", id="relative picture"),
])
def test_the_stranger_notices(tmp_path: Path, old: str, new: str, rule: str | None):
    assert old in GOOD
    (tmp_path / "batch-0001.json").write_text(f"[{GOOD.replace(old, new) if old else GOOD}]", "utf-8")
    wrong = verify(tmp_path)
    assert [line.split()[0] for line in wrong[:1]] == ([rule] if rule else []), wrong
