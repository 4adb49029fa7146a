"""Further files beside the main one: whose rows they are, and what is said of those that are nobody's."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import feedbridge
from feedbridge.errors import CommandError, SourceError
from tests.run.runs import tree

MAPPING = """\
feedbridge: 1
name: shop
parameters: {currency: {default: EUR}}
recognise: {required: [sku, title], strong: [stock, price]}
source: {format: csv}
columns: optional
files:
  tiers: {about: prices from a quantity on, has: [sku, qty, "tier price | tier"], key: sku, of: sku}
  texts: {about: translations, has: [article, language], key: article, of: sku}
records: {one: variant}
product:
  sku: sku
  title: title
  translations:
    - {each: "@texts", locale: language, title: text}
variant:
  sku: sku
  price: {from: price, as: money, currency: "${currency}", decimal: "."}
  tier_prices:
    - {each: "@tiers", quantity: qty, price: {from: ["tier price", tier], as: money, currency: "${currency}"}}
"""
SHOP = "sku,title,price,stock\nA,Pot,5.00,1\nB,Cup,3.00,1\n"
TIERS = 'sku,qty,tier price,note\nB,10,2.50,x\nA,10,"4,50",\nB,20,"2,00",\n'


@pytest.fixture
def run(tmp_path):
    """Convert texts by name; the files are in the order they are given."""
    (tmp_path / "shop.yaml").write_text(MAPPING, encoding="utf-8")

    def converted(to=("magento",), mapping=str(tmp_path / "shop.yaml"), more=None, **files):
        paths = []
        for name, text in files.items():
            path = tmp_path / f"{name}.csv"
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return feedbridge.convert(
            paths, to=list(to), mapping=mapping, names=[path.name for path in paths], report=False, set=more or {}
        )

    return converted


def tiers(result) -> dict[str, list[tuple[str, str]]]:
    payload = json.loads((result.out / "magento" / "batch-0001.json").read_text("utf-8"))
    return {
        sku: [(tier["qty"], tier["price"]) for tier in one.get("tier_price", [])]
        for sku, one in payload["product"].items()
    }


def told(result, *codes) -> list[tuple[str, str, int | None]]:
    return [(one.code, one.file, one.line) for one in result.findings if one.code in codes]


POINTS = TIERS.replace('"4,50"', "4.50").replace('"2,00"', "2.00")


@pytest.mark.parametrize("first", ["shop", "prices"])
def test_rows_go_to_the_record_they_name(run, first):
    files = {"shop": SHOP, "prices": POINTS}
    result = run(**{name: files[name] for name in sorted(files, key=lambda name: name != first)})
    assert tiers(result) == {"A": [("10", "4.5")], "B": [("10", "2.5"), ("20", "2")]}
    assert result.counts["magento"]["read"] == 2
    assert told(result, "mapping.unmatched-row") == []
    (unused,) = [one for one in result.findings if one.code == "mapping.unused-columns" and one.file == "prices.csv"]
    assert "note" in unused.message


def test_the_main_file_alone_is_enough(run):
    assert tiers(run(shop=SHOP)) == {"A": [], "B": []}


def test_the_decimal_mark_of_a_further_file_is_its_own(run):
    result = run(shop=SHOP, prices=TIERS.replace("2.50", '"2,50"'))
    assert tiers(result) == {"A": [("10", "4.5")], "B": [("10", "2.5"), ("20", "2")]}


def test_two_marks_in_one_column_are_refused(run):
    with pytest.raises(SourceError, match=r'prices\.csv: column "tier price": decimal marks are mixed'):
        run(shop=SHOP, prices=TIERS)


def test_rows_of_nobody_are_told(run):
    result = run(shop=SHOP, prices=POINTS + "X,5,1.00,\nX,6,1.00,\n,7,1.00,\nY,5,1.00,\n")
    found = [one for one in result.findings if one.code == "mapping.unmatched-row"]
    assert sorted((one.line, one.message) for one in found) == [
        (5, '3 rows name 2 records that the main file does not have: "X" (line 5), "Y" (line 8)'),
        (7, "names no record, so it is not used"),
    ]
    assert result.exit_status == 0


def test_a_mistake_in_a_further_file_has_its_file_and_line(run):
    result = run(shop=SHOP, prices=POINTS.replace("4.50", "cheap"))
    (wrong,) = [one for one in result.findings if one.severity == "error"]
    assert (wrong.file, wrong.line, wrong.column, wrong.sku) == ("prices.csv", 3, "tier price", "A")
    assert result.counts["magento"]["held_back"] == 1 and tiers(result).keys() == {"B"}
    (held,) = (result.out / "quarantine").iterdir()
    assert held.name == "shop.csv" and "A,Pot" in held.read_text("utf-8-sig")


def test_a_damaged_row_of_a_further_file_is_told(run):
    result = run(shop=SHOP, prices=POINTS + "B,30,1.00,,too,many\n")
    assert told(result, "csv.long-row") == [("csv.long-row", "prices.csv", 5)]
    assert set(tiers(result)) == {"A"} and result.counts["magento"]["held_back"] == 1


def test_several_further_files(run, tmp_path):
    result = run(shop=SHOP, prices=POINTS, words="article,language,text\nA,de,Kanne\nA,fr,Pichet\nC,de,Nichts\n")
    assert tiers(result)["A"] == [("10", "4.5")]
    assert told(result, "mapping.unmatched-row") == [("mapping.unmatched-row", "words.csv", 4)]
    assert [one["name"] for one in result.manifest["inputs"]]


def test_two_of_a_kind_are_refused(run):
    with pytest.raises(CommandError, match="two files of prices from a quantity on") as caught:
        run(shop=SHOP, prices=POINTS, more_prices=POINTS)
    assert caught.value.code == "command.source" and "prices.csv" in str(caught.value)


def test_a_further_file_alone_is_refused(run):
    with pytest.raises(CommandError, match="belong to products of another file"):
        run(prices=POINTS)


def test_an_empty_further_file_adds_nothing(run):
    assert tiers(run(shop=SHOP, prices="sku,qty,tier price\n")) == {"A": [], "B": []}


def test_the_number_of_workers_changes_nothing(run, tmp_path):
    shop = "sku,title,price,stock\n" + "".join(f"S{number},Pot {number},5.00,1\n" for number in range(300))
    prices = "sku,qty,tier price\n" + "".join(f"S{number},10,4.00\n" for number in range(0, 300, 3))
    paths = []
    for name, text in (("shop.csv", shop), ("prices.csv", prices)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        paths.append(tmp_path / name)
    (tmp_path / "shop.yaml").write_text(MAPPING, encoding="utf-8")
    one, two = (
        feedbridge.convert(paths, to="magento", mapping=str(tmp_path / "shop.yaml"), workers=workers, report=False)
        for workers in (1, 2)
    )
    assert tree(one.out) == tree(two.out)
    assert sum(bool(found) for found in tiers(one).values()) == 100


def test_recognised_beside_the_main_file(tmp_path):
    """The file of tier prices fits no preset, but it is a further file of the one that the other fits."""
    folder = Path(__file__).resolve().parents[2] / "fixtures" / "magento2"
    names = ["catalog_product.csv", "advanced_pricing.csv"]
    result = feedbridge.convert([folder / name for name in names], to="magento", set={"currency": "EUR"}, report=False)
    assert tiers(result)["MUG-1"] == [("6", "13"), ("12", "11.6")]
    assert tiers(result)["TEE-M-B"] == [("10", "17")]
    with pytest.raises(CommandError, match="fits no preset"):
        feedbridge.convert(folder / names[1], to="magento", set={"currency": "EUR"}, report=False)


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_further_files_of_twins_in_other_formats(tmp_path, ending):
    folder = Path(__file__).resolve().parents[2] / "fixtures" / "magento2"
    paths = []
    for name in ("catalog_product", "advanced_pricing"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        path = tmp_path / f"{name}.{ending}"
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(lines if ending == "jsonl" else json.dumps(rows), encoding="utf-8")
        paths.append(path)
    twin, table = (
        feedbridge.convert(some, to="magento", set={"currency": "EUR"}, report=False)
        for some in (paths, [folder / "catalog_product.csv", folder / "advanced_pricing.csv"])
    )
    assert (twin.out / "magento" / "batch-0001.json").read_bytes() == (
        table.out / "magento" / "batch-0001.json"
    ).read_bytes()


@pytest.mark.parametrize(
    ("row", "written", "codes"),
    [
        pytest.param("B,10,2.50,x,more,cells", 1, {"csv.long-row", "mapping.attached-damaged"}, id="its record is held back"),
        pytest.param('B,"10,2.50', 1, {"csv.open-quote", "mapping.attached-damaged"}, id="a quote that is open"),
        pytest.param('"B,10,2.50', 2, {"csv.open-quote"}, id="whose it is cannot be read"),
        pytest.param("Z,10,2.50,x,more,cells", 2, {"csv.long-row"}, id="of a record that is not there"),
    ],
)  # fmt: skip
def test_a_damaged_row_of_a_further_file_is_an_error(run, row, written, codes):
    result = run(shop=SHOP, tiers=f"sku,qty,tier price,note\nA,10,4.50,\n{row}\n")
    assert {code for code, n in result.finding_counts.items() if code in codes or code.startswith("mapping.att")} == codes
    assert result.counts["magento"]["written"] == written and result.exit_status == 1
