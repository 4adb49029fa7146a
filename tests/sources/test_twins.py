"""The same table in other clothes: whatever the file's format, the same products, the same bytes, the same held back,
and a quarantine that feeds back in."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

import feedbridge
from feedbridge.sources.base import FRONT_COLUMNS, MEMBER

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
PLATFORMS = ("flipsnack", "magento")


class Table(NamedTuple):
    header: list[str]
    rows: list[list[str]]


class Shop(NamedTuple):
    """``prices``: columns of money. ``sku``, ``spoilt``: the SKU of a row, and the column in which it is spoilt."""

    fixture: str
    mapping: str
    set: dict[str, str]
    sku_column: str
    sku: str
    spoilt: str
    prices: tuple[str, ...] = ()


SHOPS = {
    "shopify": Shop("shopify/classic.csv", "auto", {"currency": "EUR"}, "Variant SKU", "TK-001", "Variant Price"),
    "generic": Shop(
        "generic/comma.csv", "auto", {"currency": "EUR", "decimal": "."}, "SKU", "A-001", "Price",
        ("Price", "Sale price", "Weight"),
    ),
    "woocommerce": Shop(
        "woocommerce/english.csv", "auto", {"currency": "EUR", "decimal": "."}, "SKU", "HOOD-BLUE-S", "Regular price",
        ("Regular price", "Sale price"),
    ),
    "google": Shop("google/text.tsv", "auto", {}, "id", "MUG-1", "price"),
}  # fmt: skip


def table_of(shop: Shop) -> Table:
    path = FIXTURES / shop.fixture
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = csv.reader(stream, delimiter="\t" if path.suffix == ".tsv" else ",")
    assert all(len(row) == len(header) for row in rows)
    return Table(header, rows)


def changed(table: Table, place: tuple[int, str], value: str) -> Table:
    number, column = place
    rows = [list(row) for row in table.rows]
    rows[number][table.header.index(column)] = value
    return Table(table.header, rows)


def place_of(shop: Shop, table: Table) -> tuple[int, str]:
    at = table.header.index(shop.sku_column)
    return next(number for number, row in enumerate(table.rows) if row[at] == shop.sku), shop.spoilt


# --- the clothes ---------------------------------------------------------------------------------------------------


def separated(table: Table, delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows([table.header, *table.rows])
    return out.getvalue()


def documents(table: Table, *, blank: bool) -> list[dict[str, str]]:
    """``blank``: empty cells are members with an empty text, else no members."""
    return [{name: cell for name, cell in zip(table.header, row, strict=True) if blank or cell} for row in table.rows]


def json_array(table: Table, path: Path) -> None:
    path.write_text(json.dumps(documents(table, blank=True), ensure_ascii=False, indent=1), encoding="utf-8")


def json_nulls(table: Table, path: Path) -> None:
    found = [{name: value or None for name, value in one.items()} for one in documents(table, blank=True)]
    path.write_text(json.dumps({"products": found}), encoding="utf-8")


def json_lines(table: Table, path: Path) -> None:
    lines = [json.dumps(one, ensure_ascii=False) for one in documents(table, blank=False)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def workbook(table: Table, path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Products")
    for row in [table.header, *table.rows]:
        sheet.append(row)
    book.save(path)


def parquet(table: Table, path: Path) -> None:
    columns = [
        pyarrow.array([cell or None for cell in cells], pyarrow.string()) for cells in zip(*table.rows, strict=True)
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(columns, names=table.header), path)


def text(delimiter: str, encoding: str = "utf-8") -> Callable[[Table, Path], None]:
    return lambda table, path: path.write_bytes(separated(table, delimiter).encode(encoding)) and None


def packed(table: Table, path: Path) -> None:
    path.write_bytes(gzip.compress(separated(table, ";").encode(), mtime=0))


def packed_lines(table: Table, path: Path) -> None:
    json_lines(table, path)
    path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def short(table: Table, path: Path) -> None:
    """Empty cells at the end of a row are left off, as some exporters do."""
    rows = [list(row) for row in table.rows]
    for row in rows:
        while not row[-1]:
            row.pop()
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([table.header, *rows])
    path.write_text(out.getvalue(), encoding="utf-8")


def cr(table: Table, path: Path) -> None:
    path.write_bytes(separated(table, ",").replace("\r\n", "\r").encode("utf-8"))


CLOTHES: dict[str, tuple[str, Callable[[Table, Path], None]]] = {
    "comma": ("feed.csv", text(",")),
    "semicolon": ("feed.csv", text(";")),
    "tab": ("feed.tsv", text("\t")),
    "bar": ("feed.txt", text("|")),
    "byte order mark": ("feed.csv", text(",", "utf-8-sig")),
    "utf-16": ("feed.csv", text("\t", "utf-16")),
    "empty cells left off": ("feed.csv", short),
    "old line ends": ("feed.csv", cr),
    "gz": ("feed.csv.gz", packed),
    "json": ("feed.json", json_array),
    "json with nulls": ("feed.json", json_nulls),
    "json without a suffix": ("feed.txt", json_array),
    "ndjson": ("feed.ndjson", json_lines),
    "ndjson gz": ("feed.jsonl.gz", packed_lines),
    "xlsx": ("feed.xlsx", workbook),
    "parquet": ("feed.parquet", parquet),
}


# --- what a run gives ----------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    payloads: dict[str, bytes]
    counts: dict[str, dict[str, Any]]
    errors: list[tuple[str, str, str]]
    held: list[str]


def converted(sources: list[Path], shop: Shop, out: Path, **more: str) -> Outcome:
    result = feedbridge.convert(
        [str(path) for path in sources], to=PLATFORMS, mapping=shop.mapping, set={**shop.set, **more}, out=out
    )
    payloads = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for platform in PLATFORMS
        for path in sorted((out / platform).iterdir())
    }
    errors = sorted({(one.code, one.sku, one.value) for one in result.findings if one.severity == "error"})
    return Outcome(payloads, result.counts, errors, held_skus(out, shop))


def held_skus(out: Path, shop: Shop) -> list[str]:
    """The SKUs of held-back rows, read with nothing but the csv and json modules."""
    found = []
    for path in sorted((out / "quarantine").iterdir()) if (out / "quarantine").is_dir() else ():
        if path.suffix == ".jsonl":
            lines = path.read_text("utf-8").splitlines()
            found += [json.loads(line).get(shop.sku_column) or "" for line in lines]
        else:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                delimiter = stream.readline()[len("line")]
                stream.seek(0)
                found += [row[shop.sku_column] for row in csv.DictReader(stream, delimiter=delimiter)]
    return found


def written(table: Table, clothes: str, folder: Path) -> Path:
    name, write = CLOTHES[clothes]
    folder.mkdir(exist_ok=True)
    path = folder / name
    write(table, path)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Outcome, Outcome]]:
    """Of each shop what its table gives as a plain comma-separated file: as it is, and with one spoilt cell."""
    found = {}
    for name, shop in SHOPS.items():
        folder = tmp_path_factory.mktemp(name)
        table = table_of(shop)
        whole = converted([written(table, "comma", folder)], shop, folder / "whole")
        spoilt = changed(table, place_of(shop, table), "twelve")
        found[name] = whole, converted([written(spoilt, "comma", folder)], shop, folder / "spoilt")
    return found


@pytest.mark.parametrize("name", SHOPS)
def test_the_plain_file_is_worth_comparing_with(name, plain):
    whole, spoilt = plain[name]
    assert all(counts["written"] >= 2 for counts in whole.counts.values())
    assert all(counts["held_back"] > whole.counts[to]["held_back"] for to, counts in spoilt.counts.items())
    assert SHOPS[name].sku in spoilt.held
    assert ("cell.price-format", SHOPS[name].sku, "twelve") in [(c, SHOPS[name].sku, v) for c, _, v in spoilt.errors]


@pytest.mark.parametrize("clothes", [one for one in CLOTHES if one != "comma"])
@pytest.mark.parametrize("name", SHOPS)
def test_twins_give_the_same_bytes(name, clothes, plain, tmp_path):
    shop = SHOPS[name]
    found = converted([written(table_of(shop), clothes, tmp_path / "in")], shop, tmp_path / "out")
    assert found == plain[name][0]


@pytest.mark.parametrize("clothes", ["semicolon", "utf-16", "json", "ndjson gz", "xlsx"])
@pytest.mark.parametrize("name", SHOPS)
def test_a_spoilt_cell_holds_back_the_same_and_feeds_back_in(name, clothes, plain, tmp_path):
    """The quarantine, mended and given alone, gives exactly the products that were missing."""
    shop = SHOPS[name]
    table = table_of(shop)
    place = place_of(shop, table)
    good = table.rows[place[0]][table.header.index(place[1])]
    source = written(changed(table, place, "twelve"), clothes, tmp_path / "in")
    found = converted([source], shop, tmp_path / "out")
    assert found == plain[name][1]
    (held,) = (tmp_path / "out" / "quarantine").iterdir()
    mend(held, "twelve", good)
    again = converted([held], shop, tmp_path / "again")
    whole = plain[name][0]
    missing = [sku for sku in skus(whole) if sku not in skus(found)]
    assert missing
    assert sorted(missing) == sorted(skus(again))
    assert products(whole, missing) == products(again, missing)


def mend(path: Path, wrong: str, right: str) -> None:
    """Put the cell right, as a person would, and nothing else."""
    text_of = path.read_bytes().decode("utf-8")
    assert wrong in text_of
    if path.suffix == ".jsonl":
        entries = [json.loads(line) for line in text_of.splitlines()]
        for entry in entries:
            for name, value in entry.items():
                if name != MEMBER and value == wrong:
                    entry[name] = right
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        return
    with path.open(encoding="utf-8-sig", newline="") as stream:
        delimiter = stream.readline()[len("line")]
        stream.seek(0)
        rows = list(csv.reader(stream, delimiter=delimiter))
    assert tuple(rows[0][:4]) == FRONT_COLUMNS
    mended = [[right if cell == wrong else cell for cell in row] for row in rows]
    assert mended != rows
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(mended)


def products(outcome: Outcome, skus_wanted: list[str]) -> list[dict[str, Any]]:
    payload = [
        one for name, data in outcome.payloads.items() if name.startswith("flipsnack") for one in json.loads(data)
    ]
    return [one for one in payload if one["code"] in skus_wanted]


def skus(outcome: Outcome) -> list[str]:
    return [
        one["code"]
        for name, data in outcome.payloads.items()
        if name.startswith("flipsnack")
        for one in json.loads(data)
    ]


# --- decimal marks -------------------------------------------------------------------------------------------------


def with_commas(table: Table, columns: tuple[str, ...]) -> Table:
    places = [table.header.index(name) for name in columns if name in table.header]
    assert places
    rows = [[cell.replace(".", ",") if at in places else cell for at, cell in enumerate(row)] for row in table.rows]
    assert rows != table.rows
    return Table(table.header, rows)


@pytest.mark.parametrize("clothes", ["semicolon", "ndjson", "xlsx"])
@pytest.mark.parametrize("decimal", [",", "auto"])
@pytest.mark.parametrize("name", [name for name, shop in SHOPS.items() if shop.prices])
def test_decimal_commas_give_the_same_bytes(name, decimal, clothes, plain, tmp_path):
    shop = SHOPS[name]
    table = with_commas(table_of(shop), shop.prices)
    found = converted([written(table, clothes, tmp_path / "in")], shop, tmp_path / "out", decimal=decimal)
    assert found == plain[name][0]


# --- damage only one format can have -------------------------------------------------------------------------------


def test_a_broken_line_is_held_back_as_a_damaged_row_is(tmp_path):
    """The quote of a CSV row and the brace of a JSON line: what is lost is one product in both."""
    shop = SHOPS["generic"]
    table = table_of(shop)
    lines = [json.dumps(one) for one in documents(table, blank=True)]
    lines[0] = lines[0][:-1]
    (tmp_path / "feed.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = converted([tmp_path / "feed.jsonl"], shop, tmp_path / "lines")
    rows = separated(table, ",").split("\r\n")
    rows[1] = rows[1].replace("1299.00", '"1299.00" x', 1)
    (tmp_path / "feed.csv").write_text("\r\n".join(rows), encoding="utf-8")
    damaged = converted([tmp_path / "feed.csv"], shop, tmp_path / "rows")
    assert found.payloads == damaged.payloads
    assert {to: one["held_back"] for to, one in found.counts.items()} == dict.fromkeys(PLATFORMS, 1)
    assert found.counts == damaged.counts
