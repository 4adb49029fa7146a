"""Nothing is lost: every product is written, left out or held back, and every row of a file is accounted for."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import SourceError
from tests.run.runs import ALL, HEADER, MAPPING, Made, job_of, made, tree

DAMAGE = (
    "cell too many",
    "cells missing",
    "open quote",
    "stray quote",
    "NUL",
    "latin-1",
    "blank line above",
    "cut in half",
)


def row(number: int, handle: str, first: bool, kind: str) -> list[str]:
    """A row that says its number, in its SKU or its picture: ``token``."""
    title = "A pot" if first else ""
    if kind == "picture" and not first:
        return [handle, "", "", "", "", f"https://x.example/{number:04}z.jpg", "", "", "", ""]
    price = {"bad price": "12,x", "no price": ""}.get(kind, "5.00")
    sku = {"no sku": "", "same sku": "SAME", "odd sku": f"S {number:04}z"}.get(kind, f"S{number:04}z")
    body = "one\ntwo, three\n" if kind == "long text" else ""
    status = {"draft": "draft", "bad status": "perhaps"}.get(kind, "active") if first else ""
    return [
        handle,
        title,
        sku,
        price,
        f"size {number}",
        f"https://x.example/{number:04}z.jpg",
        f"{number:04}z",
        body,
        "acme",
        status,
    ]


KINDS = (
    "plain",
    "plain",
    "plain",
    "picture",
    "bad price",
    "no price",
    "no sku",
    "same sku",
    "odd sku",
    "long text",
    "draft",
    "bad status",
)


def line_of(cells: list[str], damage: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    text = out.getvalue()
    if damage == "cell too many":
        text = text[:-1] + ",more,more\n"
    elif damage == "cells missing":
        text = ",".join(cells[:6]) + "\n"
    elif damage == "open quote":
        text = text.replace(",", ',"', 1)
    elif damage == "stray quote":
        text = text.replace(",acme,", ',"ac"me,')
    elif damage == "NUL":
        text = text.replace(",acme,", ",ac\0me,")
    elif damage == "blank line above":
        text = "\n" + text
    elif damage == "cut in half":
        text = text[: len(text) // 2] + "\n"
    data = text.encode()
    return data.replace(b",acme,", b",\xe9,") if damage == "latin-1" else data


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A shop's file, and a token of each of its rows."""
    handles = draw(st.lists(st.sampled_from(["pot", "cup", "jug", "", "POT"]), min_size=1, max_size=9))
    if draw(st.booleans()):
        handles.sort()
    data, tokens = [(",".join(HEADER) + "\n").encode()], []
    seen: set[str] = set()
    for number, handle in enumerate(handles):
        kind = draw(st.sampled_from(KINDS))
        damage = draw(st.sampled_from(DAMAGE)) if draw(st.integers(0, 5)) == 0 else ""
        data.append(line_of(row(number, handle, handle not in seen or not handle, kind), damage))
        seen.add(handle)
        tokens.append(b"" if damage == "cut in half" else f"{number:04}z".encode())
    return b"".join(data), tokens


def converted(data: bytes, folder: Path, name: str = "out", **more) -> Made:
    path = folder / "shop.csv"
    path.write_bytes(data)
    return made(job_of(path, allow_empty=True, **more), folder / name)


def run_of(data: bytes, **more) -> Made:
    with tempfile.TemporaryDirectory() as folder:
        return converted(data, Path(folder), **more)


@settings(max_examples=120, deadline=None)
@given(files())
def test_every_product_and_every_row_is_accounted_for(file):
    data, tokens = file
    result = run_of(data)
    result.keeps_the_law()
    everything = (
        result.payload("flipsnack")
        + result.payload("magento")
        + result.quarantine()
        + json.dumps(result.findings).encode()
    )
    # drafts are left out with their first row's finding
    drafts = [
        handle for handle in ("pot", "cup", "jug", "POT") if f"{handle},A pot".encode() in data and b",draft\n" in data
    ]
    missing = [token for token in tokens if token and token not in everything]
    assert not missing or drafts, missing


@settings(max_examples=60, deadline=None)
@given(files())
def test_one_platform_or_three_is_the_same(file):
    data, _ = file
    together = run_of(data)
    alone = {name: run_of(data, to=[name]) for name in ALL}
    for name in ALL:
        one, all_three = alone[name].counts(name), together.counts(name)
        # the number of variants of a product that is held back is a guess, and one platform may know better
        assert {key: one[key] for key in ("read", "written", "excluded", "held_back")} == {
            key: all_three[key] for key in ("read", "written", "excluded", "held_back")
        }
        assert one["variants"]["written"] == all_three["variants"]["written"]
        assert alone[name].payload(name) == together.payload(name)


@settings(max_examples=40, deadline=None)
@given(files())
def test_the_same_file_gives_the_same_bytes(file):
    data, _ = file
    with tempfile.TemporaryDirectory() as folder:
        first = converted(data, Path(folder), "one")
        second = converted(data, Path(folder), "two")
        strict = converted(data, Path(folder), "three", strict=True)
    assert first.tree == second.tree == strict.tree


@settings(max_examples=40, deadline=None)
@given(files())
def test_what_was_held_back_and_not_mended_is_held_back_again(file):
    data, _ = file
    with tempfile.TemporaryDirectory() as folder:
        first = converted(data, Path(folder), "one", to=["flipsnack"])
        if not first.quarantine():
            return
        again = Path(folder) / "one" / "quarantine" / "shop.csv"
        (Path(folder) / "again").mkdir()
        fed = Path(folder) / "again" / "shop.csv"
        fed.write_bytes(again.read_bytes())
        second = made(job_of(fed, to=["flipsnack"], allow_empty=True), Path(folder) / "two")
        second.keeps_the_law()
        rows = first.quarantine().count(b"\r\n")
    assert second.counts("flipsnack")["written"] == 0
    assert second.manifest["inputs"][0]["records"] <= rows


# one case of each


def test_a_product_is_never_written_with_a_variant_missing(tmp_path):
    rows = [row(number, "pot", number == 0, "plain") for number in range(3)]
    for at in range(3):
        data = (",".join(HEADER) + "\n").encode() + b"".join(
            line_of(cells, "cell too many" if n == at else "") for n, cells in enumerate(rows)
        )
        result = converted(data, tmp_path, f"out{at}")
        assert result.counts("flipsnack")["held_back"] == 1 and result.counts("flipsnack")["variants"]["held_back"] == 3
        assert b"0000z" not in result.payload() and result.quarantine().count(b"\r\n") == 4


def test_a_product_stays_whole_when_it_is_fed_back_unmended(tmp_path):
    rows = [row(number, "pot", number == 0, "plain") for number in range(3)]
    lines = [line_of(cells, "cell too many" if number == 1 else "") for number, cells in enumerate(rows)]
    first = converted((",".join(HEADER) + "\n").encode() + b"".join(lines), tmp_path, "one", to=["flipsnack"])
    (tmp_path / "quarantine").mkdir()
    fed = tmp_path / "quarantine" / "shop.csv"
    fed.write_bytes((first.out / "quarantine" / "shop.csv").read_bytes())
    second = made(job_of(fed, to=["flipsnack"]), tmp_path / "two")
    assert second.counts("flipsnack")["held_back"] == 1
    assert second.quarantine().count(b"\r\n") == first.quarantine().count(b"\r\n") == 4


def duplicates(tmp_path: Path, **more) -> Made:
    rows = [
        row(0, "pot", True, "same sku"),
        row(1, "pot", False, "plain"),
        row(2, "cup", True, "plain"),
        row(3, "jug", True, "plain"),
        row(4, "jug", False, "same sku"),
    ]
    return converted(
        (",".join(HEADER) + "\n").encode() + b"".join(line_of(cells, "") for cells in rows), tmp_path, **more
    )


def test_a_sku_that_was_there_before_is_held_back_with_its_place(tmp_path):
    result = duplicates(tmp_path, to=["flipsnack"])
    result.keeps_the_law()
    assert result.counts("flipsnack")["written"] == 2 and result.counts("flipsnack")["held_back"] == 1
    (error,) = [finding for finding in result.findings if finding["severity"] == "error"]
    assert (error["line"], error["column"], error["sku"], error["value"]) == (6, "SKU", "SAME", "SAME")
    assert "shop.csv:2" in error["message"]
    assert [cells[0] for cells in csv.reader(io.StringIO(result.quarantine().decode("utf-8-sig")))] == [
        "line",
        "5",
        "6",
    ]


def test_a_duplicate_is_held_back_for_each_platform_and_stands_in_the_quarantine_once(tmp_path):
    result = duplicates(tmp_path)
    result.keeps_the_law()
    assert result.quarantine().count(b"\r\n") == 3
    assert result.counts("magento")["held_back"] == 1


def test_what_one_platform_refuses_and_another_finds_twice_stands_in_the_quarantine_once(tmp_path):
    # the second product has an address Flipsnack refuses, and a SKU that Magento has already
    text = "Id,Name,Price,Image\nA,One,5.00,\nA,Two,5.00,pictures/two.jpg\n"
    mapping = "feedbridge: 1\nproduct: {sku: Id, title: Name, images: [Image]}\n"
    result = converted(text.encode(), tmp_path, mapping=mapping)
    result.keeps_the_law()
    assert result.counts("flipsnack")["held_back"] == result.counts("magento")["held_back"] == 1
    assert result.quarantine().count(b"\r\n") == 2


def test_mended_rows_are_converted(tmp_path):
    good, bad = row(0, "pot", True, "plain"), row(1, "cup", True, "bad price")
    data = (",".join(HEADER) + "\n").encode() + line_of(good, "") + line_of(bad, "")
    first = converted(data, tmp_path, to=["flipsnack"])
    assert first.counts("flipsnack")["held_back"] == 1
    fed = tmp_path / "quarantine" / "shop.csv"
    fed.parent.mkdir()
    fed.write_bytes(
        (first.out / "quarantine" / "shop.csv")
        .read_bytes()
        .replace(b'cup,A pot,S0001z,"12,x"', b"cup,A pot,S0001z,12.00")
    )
    second = made(job_of(fed, to=["flipsnack"]), tmp_path / "two")
    assert second.counts("flipsnack")["written"] == 1 and second.told() == []
    (product,) = json.loads(second.tree["flipsnack/batch-0001.json"])
    assert product["variants"][0]["code"] == "S0001z" and product["variants"][0]["price"] == 12


def test_documents_mended_and_not(tmp_path):
    path = tmp_path / "pim.jsonl"
    path.write_text(
        '{"sku": "A", "title": "One", "price": "x", "n": 1.50}\n{"sku": "B", "title": "Two", "price": 5}\n{broken\n'
    )
    first = made(job_of(path, "pim-json", ["flipsnack"], set={"currency": "EUR"}), tmp_path / "one")
    first.keeps_the_law()
    assert first.counts("flipsnack")["read"] == 3 and first.counts("flipsnack")["written"] == 1
    fed = tmp_path / "one" / "quarantine" / "pim.jsonl"
    lines = fed.read_text().splitlines()
    assert len(lines) == 2 and '"n": 1.50' in lines[0]
    again = made(job_of(fed, "pim-json", ["flipsnack"], set={"currency": "EUR"}), tmp_path / "two")
    assert again.counts("flipsnack")["held_back"] == 2
    mended = tmp_path / "mended.jsonl"
    mended.write_text(lines[0].replace('"price": "x"', '"price": 7') + "\n")
    last = made(job_of(mended, "pim-json", ["flipsnack"], set={"currency": "EUR"}), tmp_path / "three")
    assert last.counts("flipsnack")["written"] == 1 and last.told() == []


def test_a_file_without_products_is_a_run_without_products(tmp_path):
    result = converted((",".join(HEADER) + "\n").encode(), tmp_path)
    assert all(result.counts(name)["read"] == 0 for name in ALL)
    assert "source.header-only" in result.codes() and not result.quarantine()
    with pytest.raises(SourceError, match="no records"):
        made(job_of(tmp_path / "shop.csv"), tmp_path / "again")
    assert tree(tmp_path / "out").keys() >= {"manifest.json", "findings.jsonl"}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_stops_after_so_many_products(tmp_path, limit):
    rows = [row(number, f"h{number}", True, "plain") for number in range(3)]
    data = (",".join(HEADER) + "\n").encode() + b"".join(line_of(cells, "") for cells in rows)
    result = converted(data, tmp_path, mapping=MAPPING, limit=limit)
    assert result.counts("flipsnack")["read"] == result.counts("flipsnack")["written"] == limit
