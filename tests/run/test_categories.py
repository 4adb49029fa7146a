"""Category paths beside a target taxonomy: coverage, nearest targets, a lookup file to start from."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import feedbridge
from feedbridge.cli import run
from feedbridge.errors import CommandError, FeedbridgeError
from feedbridge.run.categories import Seen, Target, cover, read_lookup, read_targets, write_starter

TAXONOMY = """\
# Taxonomy_Version: 2021-09-21
1 - Animals & Pet Supplies
166 - Apparel & Accessories
1604 - Apparel & Accessories > Clothing
212 - Apparel & Accessories > Clothing > Shirts & Tops
187 - Apparel & Accessories > Shoes
536 - Home & Garden
638 - Home & Garden > Kitchen & Dining
2169 - Home & Garden > Kitchen & Dining > Tableware > Drinkware > Mugs
3187 - Home & Garden > Kitchen & Dining > Cookware > Casserole Dishes
985 - Home & Garden > Plants
2899 - Arts > Plants
"""
MUGS = ("Home & Garden", "Kitchen & Dining", "Tableware", "Drinkware", "Mugs")


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> list[Target]:
    return read_targets(written(tmp_path_factory.mktemp("targets") / "taxonomy.txt", TAXONOMY))


@pytest.mark.parametrize(("name", "text", "wanted"), [
    pytest.param("t.txt", "# v\n1 - A\n\n2 - A > B - C\n", [("1", ("A",)), ("2", ("A", "B - C"))], id="lines"),
    pytest.param("t.txt", "gid://x/Category/aa : A > B\n", [("gid://x/Category/aa", ("A", "B"))], id="ids as addresses"),
    pytest.param("t.txt", "A\nA > B\n", [("A", ("A",)), ("A > B", ("A", "B"))], id="lines without ids"),
    pytest.param("t.txt", "Baby - Care\nBaby - Toys > X\n", [
        ("Baby - Care", ("Baby - Care",)), ("Baby - Toys > X", ("Baby - Toys", "X"))], id="a hyphen that is no id"),
    pytest.param("t.csv", "id,path\n1,A\n2,A > B\n", [("1", ("A",)), ("2", ("A", "B"))], id="csv"),
    pytest.param("t.csv", "Full path;Code\nA > B;007\n", [("007", ("A", "B"))], id="csv, other names and order"),
    pytest.param("t.csv", "code;parent;label-en_US\nm;;Master\nb;m;Bags\n", [
        ("m", ("Master",)), ("b", ("Master", "Bags"))], id="csv with parents"),
    pytest.param("t.csv", "id,parent,name\na,b,A\nb,a,B\n", [("a", None), ("b", None)], id="parents in a circle"),
    pytest.param("t.json", '[{"id": 3, "path": "A > B"}, {"id": 4, "path": ["A", "C"]}]', [
        ("3", ("A", "B")), ("4", ("A", "C"))], id="json"),
    pytest.param("t.json", '{"categories": [{"id": 1, "name": "A", "children": [{"id": 2, "name": "B"}]}]}', [
        ("1", ("A",)), ("2", ("A", "B"))], id="json, nested"),
    pytest.param("t.yaml", "- A > B\n- A > C\n", [("A > B", ("A", "B")), ("A > C", ("A", "C"))], id="yaml texts"),
    pytest.param("t.yaml", "A > B: 7\n", [("7", ("A", "B"))], id="yaml block"),
])  # fmt: skip
def test_targets(tmp_path, name, text, wanted):
    got = read_targets(written(tmp_path / name, text))
    assert [target.id for target in got] == [key for key, _ in wanted]
    for target, (_, path) in zip(got, wanted, strict=True):
        assert path is None or target.path == path


@pytest.mark.parametrize(("name", "text", "words"), [
    pytest.param("t.txt", "# nothing\n", "holds no categories", id="nothing in it"),
    pytest.param("t.csv", "id\n1\n", "no columns of ids and of paths", id="one column"),
    pytest.param("t.json", "{", "cannot be read as JSON", id="broken"),
    pytest.param("t.json", "[" * 100_000, "cannot be read as JSON", id="too deep"),
    pytest.param("t.yaml", "- [a", "not valid YAML", id="broken yaml"),
    pytest.param("t.txt", "1 - >\n", "holds no categories", id="a path without steps"),
])  # fmt: skip
def test_targets_that_are_wrong(tmp_path, name, text, words):
    with pytest.raises(FeedbridgeError, match=words):
        read_targets(written(tmp_path / name, text))


@pytest.mark.parametrize(("path", "id_", "by"), [
    pytest.param(("Home & Garden", "Kitchen & Dining"), "638", "match", id="the same"),
    pytest.param(("home and garden", "Kitchen & dining"), "638", "match", id="written otherwise"),
    pytest.param(("Apparel & Accessories", "Shoe"), "187", "match", id="singular"),
    pytest.param(("Aparel & Accessories", "Clothing", "Shirts & Tops"), "212", "match", id="a slip above the last step"),
    pytest.param(("Apparel & Accessories", "Clothing", "Shirt & Topps"), "212", "", id="a slip in the last step"),
    pytest.param(("212",), "212", "match", id="an id of the target"),
    pytest.param(("Kitchen", "Mugs"), "2169", "", id="the last step weighs most"),
    pytest.param(("Mugs",), "2169", "", id="only the last step"),
    pytest.param(("Clothing", "Shirts"), "212", "", id="part of a step"),
    pytest.param(("Plants",), "985", "", id="two come near alike"),
    pytest.param(("Kleidung", "Hemden"), None, "", id="another language"),
    pytest.param(("Großgeräte",), None, "", id="nothing alike"),
])  # fmt: skip
def test_nearest(targets, path, id_, by):
    (row,) = cover(Seen({path: 3}, 3, 0), targets).rows
    assert (row.target.id if row.target else None, row.by) == (id_, by)
    assert row.id == (id_ if by else "")
    assert row.by or row.score < 100


def test_another_language_is_said(targets):
    paths = [("Kleidung", "Hemden"), ("Küche", "Tassen"), ("Tiere",), ("Bücher",), ("Werkzeug", "Hammer")]
    assert cover(Seen(dict.fromkeys(paths, 1), 5, 0), targets).strange
    assert not cover(Seen(dict.fromkeys([t.path for t in targets], 1), 5, 0), targets).strange


STEP = st.text(alphabet="abcdef &-äß", min_size=1, max_size=8).filter(lambda text: text.strip())
PATHS = st.lists(STEP.map(str.strip), min_size=1, max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(st.lists(PATHS, min_size=1, max_size=12, unique=True), st.lists(PATHS, min_size=1, max_size=8, unique=True))
def test_scores_are_shares_and_sure_ones_are_alone(known, seen):
    targets = [Target(str(number), path) for number, path in enumerate(known)]
    coverage = cover(Seen(dict.fromkeys(seen, 1), len(seen), 0), targets)
    assert [row.path for row in coverage.rows] == list(seen)
    for row in coverage.rows:
        assert 0 <= row.score <= 100
        assert bool(row.id) == bool(row.by)
        if row.path in known and row.by:
            assert row.target == Target(row.id, row.target.path)
    assert cover(Seen(dict.fromkeys(seen, 1), len(seen), 0), targets).rows == coverage.rows


FEED = """\
sku,title,category,price
1,A,Home & Garden,5.00
2,B,Home and garden > Kitchen & dining,5.00
3,C,Clothing > Shirts,no price
4,D,Clothing > Shirts,5.00
5,E,Kleidung > Hemden,5.00
6,F,,5.00
7,,Lost,5.00
"""


@pytest.fixture
def feed(tmp_path) -> list[str]:
    written(tmp_path / "taxonomy.txt", TAXONOMY)
    return [str(written(tmp_path / "feed.csv", FEED)), "--targets", str(tmp_path / "taxonomy.txt")]


def test_coverage_is_shown(feed, capsys):
    assert run(["mapping", "categories", *feed]) == 1
    out = capsys.readouterr().out
    assert "6 products, 4 category paths (1 product without any; 1 product could not be read: " in out
    assert "would be filled in with --out: 2 paths, 2 products" in out
    assert "not assigned: 2 paths, 3 products" in out
    assert "       2     68  Clothing > Shirts -> Apparel & Accessories > Clothing > Shirts & Tops (212)" in out
    assert "       1      0  Kleidung > Hemden -> none is near" in out


def test_a_bad_price_hides_no_category_and_no_currency_is_asked_for(feed, capsys):
    assert run(["mapping", "categories", *feed, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["categories"][0] == {
        "path": "Clothing > Shirts", "products": 2, "by": "", "id": "", "score": 67.6,
        "nearest": {"id": "212", "path": "Apparel & Accessories > Clothing > Shirts & Tops"},
    }  # fmt: skip
    assert (told["products"], told["products_not_read"], told["unassigned"]) == (6, 1, 2)


def test_the_starter_is_a_lookup_that_grows_until_all_is_assigned(feed, tmp_path, capsys):
    start = tmp_path / "starter.csv"
    assert run(["mapping", "categories", *feed, "--out", str(start)]) == 1
    rows = {row["path"]: row for row in csv.DictReader(start.open(encoding="utf-8", newline=""))}
    assert list(rows) == [
        "Clothing > Shirts",
        "Home & Garden",
        "Home and garden > Kitchen & dining",
        "Kleidung > Hemden",
    ]
    assert [row["id"] for row in rows.values()] == ["", "536", "638", ""]
    assert rows["Clothing > Shirts"]["proposed_id"] == "212" and rows["Clothing > Shirts"]["products"] == "2"

    with pytest.raises(CommandError, match="is there already"):
        write_starter(cover(Seen({}, 0, 0), [Target("1", ("A",))]), start)
    assert run(["mapping", "categories", *feed, "--out", str(start)]) == 2
    assert "--lookup" in capsys.readouterr().err

    text = start.read_text(encoding="utf-8").replace("Clothing > Shirts,,", "Clothing > Shirts,212,")
    start.write_text(
        text.replace("Kleidung > Hemden,,", "Kleidung > Hemden,4711,") + "Old > Path,9,,,0,,\n", encoding="utf-8"
    )
    assert run(["mapping", "categories", *feed, "--lookup", str(start), "--out", str(start)]) == 0
    out = capsys.readouterr().out
    assert f"assigned by {start}: 4 paths, 5 products" in out and "not assigned: 0 paths, 0 products" in out
    assert '"Kleidung > Hemden" is assigned to 4711, which no target has' in out
    table = read_lookup(start)
    assert table.folded["clothing > shirts"] == "212" and table.folded["old > path"] == "9"
    once = start.read_bytes()
    assert run(["mapping", "categories", *feed, "--lookup", str(start), "--out", str(start)]) == 0
    assert start.read_bytes() == once


def test_the_starter_works_in_a_mapping_and_what_is_open_is_told(feed, tmp_path):
    assert run(["mapping", "categories", *feed, "--out", str(tmp_path / "starter.csv")]) == 1
    mapping = written(tmp_path / "own.yaml", (
        "feedbridge: 1\nproduct:\n  sku: sku\n  title: title\n"
        "  category_ids: {magento: {from: category, as: category_paths, "
        "lookup: {file: starter.csv, key: path, value: id, missing: warning}}}\n"
    ))  # fmt: skip
    products = {p.sku: p for p in feedbridge.read(feed[0], mapping=str(mapping))}
    assert [products[sku].category_ids.get("magento", ()) for sku in "1236"] == [("536",), ("638",), (), ()]
    result = feedbridge.check(feed[0], to="magento", mapping=str(mapping))
    told = {f.sku: f for f in result.findings if f.code == "cell.lookup-missing"}
    assert sorted(told) == ["3", "4", "5", "7"]
    assert '"Clothing > Shirts" has no value yet in the table starter.csv' in told["3"].message
    (lookup,) = result.manifest["inputs"][0]["lookups"]
    assert lookup["missing"]["Clothing > Shirts"] == 2


def test_a_lookup_in_the_mapping_does_not_hide_what_the_source_says(feed, tmp_path, capsys):
    written(tmp_path / "known.csv", "a,b\nHome & Garden,Garden stuff\n")
    mapping = written(tmp_path / "own.yaml", (
        "feedbridge: 1\nproduct:\n  sku: sku\n  title: {from: title, required: true}\n"
        "  categories: {from: category, as: category_path, lookup: {file: known.csv}}\n"
    ))  # fmt: skip
    assert run(["mapping", "categories", *feed, "--mapping", str(mapping), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["categories"]) == 4


@pytest.mark.parametrize(("mapping", "status", "words"), [
    pytest.param("product: {sku: sku, title: title}", 2, "maps no categories", id="mapping without categories"),
    pytest.param("product: {sku: sku, title: sku, categories: price}", 1, "not assigned: 2 paths", id="another column"),
    pytest.param(
        "product: {sku: sku, title: sku, categories: {from: none, optional: true}}", 3, "none of its 7 products has a category",
        id="no product has any",
    ),
])  # fmt: skip
def test_other_mappings(feed, tmp_path, capsys, mapping, status, words):
    own = written(tmp_path / "own.yaml", f"feedbridge: 1\n{mapping}\n")
    assert run(["mapping", "categories", *feed, "--mapping", str(own)]) == status
    said = capsys.readouterr()
    assert words in said.out + said.err


@pytest.mark.parametrize(("text", "words"), [
    pytest.param("Shirt", 'did you mean "Shirts"?', id="near"),
    pytest.param("Quux", "add it to the table", id="none near"),
    pytest.param("mugs", "fill in its value in the table", id="a row without a value"),
])  # fmt: skip
def test_what_a_table_does_not_answer(tmp_path, text, words):
    written(tmp_path / "t.csv", "path,id\nShirts,310\nMugs,\n")
    mapping = written(tmp_path / "m.yaml", (
        "feedbridge: 1\nproduct:\n  sku: sku\n  title: {from: brand, lookup: {file: t.csv}}\n"
    ))  # fmt: skip
    source = written(tmp_path / "feed.csv", f"sku,brand\n1,{text}\n2,Shirts\n")
    result = feedbridge.check(source, to="flipsnack", mapping=str(mapping))
    (finding,) = (one for one in result.findings if one.code == "cell.lookup-missing")
    assert words in finding.mend and finding.sku == "1"
