"""However many workers read a file, what comes out is the same to the byte."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from feedbridge.run.ranges import plan_ranges
from feedbridge.sources.opening import open_source
from tests.run.runs import HEADER, MAPPING, Made, job_of, made
from tests.run.test_conservation import DAMAGE, KINDS, line_of, row

RANGE = 1000
LOOKUP = MAPPING.replace(
    "description: {from: Body, as: html}",
    "description: {from: Vendor, lookup: {table: {acme: Acme}, missing: warning}}",
)


def shop(
    seed: int, *, rows: int = 160, scattered: bool = False, damage: tuple[str, ...] = (), kinds: tuple[str, ...] = KINDS
) -> bytes:
    """A file of products of one to six rows."""
    rng = random.Random(seed)
    data, number = [(",".join(HEADER) + "\n").encode()], 0
    handles: list[str] = []
    while number < rows:
        handle = rng.choice(handles) if scattered and handles and rng.random() < 0.1 else f"h{number}"
        handles.append(handle)
        for place in range(rng.choice([1, 1, 2, 3, 6])):
            cells = row(number, handle, place == 0, rng.choice(kinds))
            if rng.random() < 0.1 and cells[8]:
                cells[8] = f"maker {rng.randint(1, 3)}"
            data.append(line_of(cells, rng.choice(damage) if damage and rng.random() < 0.06 else ""))
            number += 1
    return b"".join(data)


def both(path: Path, tmp_path: Path, **more) -> tuple[Made, Made]:
    """With one worker and with two; where quotes are whole the file must be more than a few ranges."""
    assert len(plan_ranges(open_source(path), 2, RANGE)) >= (3 if path.read_bytes().count(b'"') % 2 == 0 else 0)
    one = made(job_of(path, workers=1, **more), tmp_path / "one")
    two = made(job_of(path, workers=2, range_bytes=RANGE, **more), tmp_path / "two")
    return one, two


def written(tmp_path: Path, data: bytes, name: str = "shop.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def same(one: Made, two: Made) -> None:
    assert one.tree.keys() == two.tree.keys()
    for name in one.tree:
        assert one.tree[name] == two.tree[name], name
    one.keeps_the_law()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("scattered", "damage"),
    [
        pytest.param(False, (), id="rows together"),
        pytest.param(True, (), id="rows of a product apart"),
        pytest.param(
            False, ("cell too many", "cells missing", "NUL", "latin-1", "blank line above"), id="rows damaged"
        ),
        pytest.param(False, DAMAGE, id="rows damaged, quotes too"),
    ],
)
def test_workers_change_nothing(tmp_path, seed, scattered, damage):
    path = written(tmp_path, shop(seed, scattered=scattered, damage=damage))
    one, two = both(path, tmp_path, mapping=LOOKUP, to=["flipsnack", "magento"])
    same(one, two)
    assert one.counts("flipsnack")["written"] > 10 and one.counts("flipsnack")["held_back"] > 3


def test_one_row_a_product(tmp_path):
    lines = [
        f"S{n:04}z,Product {n},{'x' if n % 17 == 0 else '5.00'},{'a, long, text ' * (n % 5)!r}" for n in range(500)
    ]
    path = written(tmp_path, ("Id,Name,Price,Body\n" + "\n".join(line.replace("'", '"') for line in lines)).encode())
    mapping = "feedbridge: 1\nproduct: {sku: Id, title: Name, description: Body, price: {from: Price, "
    mapping += "currency: EUR, decimal: '.'}}\n"
    one, two = both(path, tmp_path, mapping=mapping)
    same(one, two)
    assert one.counts("flipsnack")["read"] == 500 and one.counts("flipsnack")["held_back"] == 30


def test_cells_of_many_lines_are_never_cut(tmp_path):
    text = "\n".join(f'line {n}, with ""quotes"" and commas' for n in range(40))
    rows = [f'h{n},Pot,S{n:04}z,5.00,M,,,"{text}",,\n' for n in range(60)]
    path = written(tmp_path, (",".join(HEADER) + "\n" + "".join(rows)).encode())
    one, two = both(path, tmp_path, to=["flipsnack"])
    same(one, two)
    assert one.counts("flipsnack")["written"] == 60


def test_a_group_longer_than_a_range(tmp_path):
    rows = [
        row(number, "pot" if 20 <= number < 140 else f"h{number}", number <= 20 or number >= 140, "plain")
        for number in range(160)
    ]
    path = written(tmp_path, (",".join(HEADER) + "\n").encode() + b"".join(line_of(cells, "") for cells in rows))
    one, two = both(path, tmp_path, to=["flipsnack"])
    same(one, two)
    assert one.counts("flipsnack")["read"] == 41 and one.counts("flipsnack")["variants"]["read"] >= 120


def test_rows_filled_down_across_a_cut(tmp_path):
    rows = [
        row(number, "pot" if number == 0 else "" if number % 40 else f"h{number}", number % 40 == 0, "plain")
        for number in range(200)
    ]
    path = written(tmp_path, (",".join(HEADER) + "\n").encode() + b"".join(line_of(cells, "") for cells in rows))
    one, two = both(
        path,
        tmp_path,
        to=["flipsnack"],
        mapping=MAPPING.replace("group_by: Handle,", "group_by: Handle, fill_down: true,"),
    )
    same(one, two)
    assert one.counts("flipsnack")["read"] == 5
    assert one.codes().count("mapping.filled-down") == 5


def test_a_quote_that_opens_and_closes_far_below(tmp_path):
    data = shop(5, kinds=("plain",)).splitlines(keepends=True)
    data[20] = data[20].replace(b",acme,", b',"acme,')
    data[120] = data[120].replace(b",acme,", b',acme",')
    path = written(tmp_path, b"".join(data))
    one, two = both(path, tmp_path, to=["flipsnack"])
    same(one, two)
    assert any(code.startswith("csv.") for code in one.told())


@pytest.mark.parametrize("at", [1, 60, 160])
def test_one_wrong_quote_anywhere(tmp_path, at):
    data = shop(6, kinds=("plain",)).splitlines(keepends=True)
    data[at] = data[at].replace(b",acme,", b',"acme,')
    one, two = both(written(tmp_path, b"".join(data)), tmp_path, to=["flipsnack"])
    same(one, two)
    assert one.counts("flipsnack")["held_back"] >= 1


def test_the_same_sku_on_both_sides_of_a_cut(tmp_path):
    rows = [row(number, f"h{number}", True, "same sku" if number in (3, 150) else "plain") for number in range(160)]
    path = written(tmp_path, (",".join(HEADER) + "\n").encode() + b"".join(line_of(cells, "") for cells in rows))
    one, two = both(path, tmp_path)
    same(one, two)
    errors = [
        finding for finding in two.findings if finding["severity"] == "error" and finding.get("platform") == "flipsnack"
    ]
    assert [(error["line"], error["column"], error["sku"]) for error in errors] == [(152, "SKU", "SAME")]


def test_lookup_coverage_is_the_same(tmp_path):
    one, two = both(written(tmp_path, shop(7, scattered=True)), tmp_path, to=["flipsnack"], mapping=LOOKUP)
    one_table, two_table = (next(t for t in made.manifest["inputs"][0]["lookups"] if t["found"]) for made in (one, two))
    assert one_table == two_table
    assert one_table["found"] > 50 and set(one_table["missing"]) == {"maker 1", "maker 2", "maker 3"}


def test_json_lines(tmp_path):
    rng = random.Random(1)
    documents = []
    for number in range(300):
        items = [
            {
                "sku": f"S{number}-{n}",
                "price": rng.choice([5, "x", 5.5]) if rng.random() < 0.1 else 5,
                "options": {"Size": str(n)},
            }
            for n in range(rng.choice([0, 1, 3]))
        ]
        documents.append(
            json.dumps(
                {"sku": f"P{rng.randint(1, 280)}", "title": "Größe \n x", "price": 7, "variants": items},
                ensure_ascii=False,
            )
        )
    documents[100] = '{"sku": '
    documents[200] = ""
    path = written(tmp_path, "\n".join(documents).encode(), "pim.jsonl")
    one, two = both(path, tmp_path, mapping="pim-json", set={"currency": "EUR"}, to=["flipsnack", "magento"])
    same(one, two)
    assert one.counts("flipsnack")["read"] == 299 and one.counts("flipsnack")["held_back"] > 10


def test_several_sources(tmp_path):
    paths = [written(tmp_path, shop(seed, rows=60), f"shop{seed}.csv") for seed in (1, 2)]
    one = made(job_of(paths, workers=1), tmp_path / "one")
    two = made(job_of(paths, workers=2, range_bytes=RANGE), tmp_path / "two")
    same(one, two)
    assert len(one.manifest["inputs"]) == 2
    assert len([name for name in one.tree if name.startswith("quarantine/")]) == 2


def test_progress_counts_every_record(tmp_path):
    from feedbridge.run.engine import run

    path = written(tmp_path, shop(1))
    for workers in (1, 2):
        seen: list[int] = []
        done = run(job_of(path, workers=workers, range_bytes=RANGE), None, seen.append)
        assert seen == sorted(seen) and seen[-1] == done.applied[0].count > 150
