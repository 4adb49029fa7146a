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
from feedbridge.mapping.lookup import guarded, unguarded
from feedbridge.run.categories import (
    Assigned,
    Coverage,
    Seen,
    Target,
    cover,
    read_lookup,
    read_targets,
    words,
    write_starter,
)

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
    pytest.param("t.json", '{"3": "Home", "212": "Media > News"}', [
        ("3", ("Home",)), ("212", ("Media", "News"))], id="a block of id: path"),
    pytest.param("t.json", '{"3": "Home", "212": "Media"}', [
        ("3", ("Home",)), ("212", ("Media",))], id="a block of id: path, one step each"),
    pytest.param("t.json", '{"Home": "c-1", "Media": "c-2"}', [
        ("c-1", ("Home",)), ("c-2", ("Media",))], id="a block of path: id, one step each"),
    pytest.param("t.json", '{"gid://s/aa-1": "Home > News 24"}', [
        ("gid://s/aa-1", ("Home", "News 24"))], id="a block of addresses"),
    pytest.param("t.json", """[
        {"code": "master", "parent": null, "labels": {"en_US": "Master", "de_DE": "Alle"}},
        {"code": "shirts", "parent": "master", "labels": {"en_US": "Shirts"}},
        {"code": "bare", "parent": "shirts", "labels": []}]""", [
        ("master", ("Master",)), ("shirts", ("Master", "Shirts")), ("bare", ("Master", "Shirts", "bare"))], id="akeneo"),
    pytest.param("t.json", """{"_links": {"self": {"href": "x"}}, "current_page": 1, "_embedded": {"items": [
        {"code": "m", "parent": null, "labels": {"en_US": "Master"}, "_links": {}}]}}""", [
        ("m", ("Master",))], id="a page of akeneo's interface"),
    pytest.param("t.json", '[{"id": 1, "parent_id": 0, "name": "A"}, {"id": 2, "parent_id": 1, "name": "B"}]', [
        ("1", ("A",)), ("2", ("A", "B"))], id="json with parents"),
    pytest.param("t.json", """{"version": "1", "verticals": [{"name": "Animals", "categories": [
        {"id": "aa", "name": "Animals", "full_name": "Animals", "children": [{"id": "ab", "name": "Live"}]},
        {"id": "ab", "name": "Live", "full_name": "Animals > Live", "parent_id": "aa", "children": []}]}]}""", [
        ("aa", ("Animals",)), ("ab", ("Animals", "Live"))], id="verticals with full names"),
    pytest.param("t.csv", "id,path\n,A\n2,A > B\n", [("", ("A",)), ("2", ("A", "B"))], id="csv, an empty id"),
    pytest.param("t.csv", "id,parent,name\n,,A\n2,,B\n", [("", ("A",)), ("2", ("B",))], id="no id is no parent"),
    pytest.param("t.csv", 'id,path\n1,"A"\n\n1,A\n', [("1", ("A",))], id="a row twice"),
    pytest.param("t.json", '[{"id": 1, "name": "A", "children": ["B"]}]', [
        ("1", ("A",)), ("", ("A", "B"))], id="json, one without an id"),
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
    pytest.param("t.txt", "1 - >\n2 - A\n", r"t.txt:1: the category .1. has no name", id="one path without steps"),
    pytest.param("t.txt", "1 - A\n\n1 - B\n", r"t.txt:3: the id 1 stands twice.*t.txt:1", id="an id twice"),
    pytest.param("t.txt", "10 - A\n11 - B\nNotes\n", r't.txt:3: most lines have an id, but not line 3 "Notes"', id="an odd line"),
    pytest.param("t.csv", "id,path\n1,A\n2,B\n1,C\n", r"t.csv:4: the id 1 stands twice.*t.csv:2", id="csv, an id twice"),
    pytest.param("t.csv", "id,parent,name\n1,,A\n1,,B\n", r"t.csv:3: the id 1 stands twice", id="csv with parents, an id twice"),
    pytest.param("t.csv", "id,path\n1,A\n2\n", r't.csv:3: the row "2" has no path', id="a short row"),
    pytest.param("t.csv", "id,path\n1,A\n2, \n", r"t.csv:3: .*has no path", id="an empty path"),
    pytest.param("t.csv", 'id,path\n1,A\n2,"B\n3,C\n', r"t.csv:3: a quote is wrong", id="an open quote"),
    pytest.param("t.csv", 'id,path\n1,"A"x\n', r"t.csv:2: a quote is wrong", id="text after a quote"),
    pytest.param("t.json", '{"3": "A", "3": "B"}', 'the key "3" stands twice', id="a key twice"),
    pytest.param("t.json", '[{"id": 1, "path": "A"}, {"id": 1, "path": "B"}]', r"t.json#/1: the id 1 stands twice", id="json, an id twice"),
    pytest.param("t.json", '{"Home": "Garden"}', "cannot be told apart", id="two words"),
    pytest.param("t.json", '{"3": "4"}', "cannot be told apart", id="two numbers"),
    pytest.param("t.json", '{"A > B": "C > D"}', "cannot be told apart", id="two paths"),
    pytest.param("t.json", '{"Name": "n1", "Home": "h1"}', "cannot be told apart", id="a path called name"),
    pytest.param("t.json", '{"Home": ["Garden", "Kitchen"]}', r"t.json#: what Home stands for", id="a tree of names"),
    pytest.param("t.json", '{"items": [{"id": 3}]}', r"t.json#/items/0: has no path and no name", id="an object without a name"),
    pytest.param("t.json", '[3, "A"]', r"t.json#/0: 3 is no category", id="a number"),
    pytest.param("t.yaml", "- {id: 1, path: A}\n- {id: 1, path: B}\n", r"t.yaml:2: the id 1 stands twice", id="yaml, an id twice"),
])  # fmt: skip
def test_targets_that_are_wrong(tmp_path, name, text, words):
    with pytest.raises(FeedbridgeError, match=words):
        read_targets(written(tmp_path / name, text))


@pytest.mark.parametrize(("path", "id_", "by"), [
    pytest.param(("Home & Garden", "Kitchen & Dining"), "638", "match", id="the same"),
    pytest.param(("home and garden", "Kitchen & dining"), "638", "", id="another word for &"),
    pytest.param(("HOME & garden", "Kitchen &  dining"), "638", "match", id="another case"),
    pytest.param(("Apparel & Accessories", "Shoe"), "187", "", id="singular"),
    pytest.param(("Aparel & Accessories", "Clothing", "Shirts & Tops"), "212", "", id="a slip above the last step"),
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


SIGNS = """\
1 - ホーム > ガラス
2 - Media > News
3 - Home > Glasses
4 - Code > C++
5 - Toys > -18
6 - Dogs and Cats
7 - Haus > Schränke
8 - Twice
9 - twice
10 - हिन्दी > किताब
11 - 12
"""


@pytest.mark.parametrize(("path", "id_"), [
    pytest.param("ホーム > カラス", "", id="a mark that makes another kana"),
    pytest.param("ホーム > ガラス", "1", id="the mark written apart"),
    pytest.param("हिन्दी > कताब", "", id="a vowel sign"),
    pytest.param("Media > New", "", id="a plural that is none"),
    pytest.param("Home > Glass", "", id="another plural that is none"),
    pytest.param("Code > C", "", id="plus signs"),
    pytest.param("Code > C#", "", id="another sign"),
    pytest.param("code > c++", "4", id="case"),
    pytest.param("Toys > +18", "", id="plus for minus"),
    pytest.param("Toys > 18", "", id="no minus"),
    pytest.param("Dogs, Cats", "", id="a filling word"),
    pytest.param("Haus > Schranke", "", id="an accent"),
    pytest.param("HAUS > Schra\u0308nke", "7", id="the accent written apart"),
    pytest.param("Twice", "", id="two are the same"),
    pytest.param("11", "11", id="an id"),
    pytest.param("12", "11", id="a path that is a number"),
])  # fmt: skip
def test_only_the_same_path_is_filled_in(tmp_path, path, id_):
    known = read_targets(written(tmp_path / "t.txt", SIGNS))
    (row,) = cover(Seen({tuple(path.split(" > ")): 1}, 1, 0), known).rows
    assert (row.id, row.by) == (id_, "match" if id_ else "")


def test_signs_and_marks_keep_words_apart():
    texts = ["C", "C++", "C#", "18", "-18", "+18", "カラス", "ガラス", "किताब", "कताब"]
    assert len({words(text) for text in texts}) == len(texts)
    assert words("Čaj Ελιά Й-Ё") == ("caj", "ελια", "и", "е") and words("2-3") == ("2", "3")


def test_another_language_is_said(targets):
    paths = [("Kleidung", "Hemden"), ("Küche", "Tassen"), ("Tiere",), ("Bücher",), ("Werkzeug", "Hammer")]
    assert cover(Seen(dict.fromkeys(paths, 1), 5, 0), targets).strange
    assert not cover(Seen(dict.fromkeys([t.path for t in targets], 1), 5, 0), targets).strange


@pytest.mark.parametrize(("assigned", "strange"), [
    pytest.param(0, True, id="none"),
    pytest.param(2, True, id="a few"),
    pytest.param(4, False, id="many"),
])  # fmt: skip
@pytest.mark.parametrize("by", ["lookup", "match"])
def test_what_is_assigned_is_near(assigned, strange, by):
    far = [Assigned((f"Dings {n}",), 1, "", "", None, 0.0) for n in range(6)]
    near = [Assigned((f"Thing {n}",), 1, by, "1", None, 90.0) for n in range(assigned)]
    assert Coverage([*near, *far], Seen({}, 0, 0)).strange is strange


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
2,B,HOME & garden > Kitchen & dining,5.00
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
        "HOME & garden > Kitchen & dining",
        "Home & Garden",
        "Kleidung > Hemden",
    ]
    assert [row["id"] for row in rows.values()] == ["", "638", "536", ""]
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


# the file that is written

OLD = (
    "\ufeffpath;id;notes;products;reviewed\r\n"
    "Clothing > Shirts;;\"mine; yours\";1;no\r\n"
    "Home & Garden;536;asked Ann;1;yes\r\n"
    "Gone > Path;9;keep me;4;yes\r\n"
    "Gone > Open;;not yet;4;no"
)


def test_what_a_hand_wrote_is_kept_as_it_stands(feed, tmp_path):
    start = tmp_path / "starter.csv"
    start.write_bytes(OLD.encode())
    assert run(["mapping", "categories", *feed, "--lookup", str(start), "--out", str(start)]) == 1
    now = start.read_bytes().decode()
    assert now == OLD + "\r\nHOME & garden > Kitchen & dining;638;;1;\r\nKleidung > Hemden;;;1;\r\n"
    assert run(["mapping", "categories", *feed, "--lookup", str(start), "--out", str(start)]) == 1
    assert start.read_bytes().decode() == now


def test_an_empty_id_of_a_row_that_is_there_stays_open(feed, tmp_path, capsys):
    start = written(tmp_path / "s.csv", "path,id,note\nHome & Garden,,ask\n")
    assert run(["mapping", "categories", *feed, "--lookup", str(start), "--json"]) == 1
    rows = {row["path"]: row for row in json.loads(capsys.readouterr().out)["categories"]}
    assert (rows["Home & Garden"]["by"], rows["Home & Garden"]["nearest"]["id"]) == ("", "536")


@pytest.mark.parametrize("name", ["l.yaml", "l.yml", "l.txt", "l.json", "l"])
def test_only_csv_is_written(feed, tmp_path, capsys, name):
    own = written(tmp_path / name, "Home & Garden: 536\n")
    lookup = ["--lookup", str(own)] if name.startswith("l.y") else []
    assert run(["mapping", "categories", *feed, *lookup, "--out", str(own)]) == 2
    assert "command.out" in capsys.readouterr().err and own.read_text(encoding="utf-8") == "Home & Garden: 536\n"


def test_the_answers_of_a_yaml_lookup_are_kept(feed, tmp_path):
    own = written(tmp_path / "l.yaml", "Home & Garden: 7\nGone: 8\n")
    assert run(["mapping", "categories", *feed, "--lookup", str(own), "--out", str(tmp_path / "s.CSV")]) == 1
    assert {"home & garden": "7", "gone": "8"}.items() <= read_lookup(tmp_path / "s.CSV").folded.items()


def test_a_target_without_an_id_is_told_and_never_filled_in(tmp_path, capsys):
    known = written(tmp_path / "t.csv", "id,path\n,Home & Garden\n638,Home & Garden > Kitchen & Dining\n")
    source = str(written(tmp_path / "feed.csv", FEED))
    assert run(["mapping", "categories", source, "--targets", str(known), "--out", str(tmp_path / "s.csv")]) == 1
    out = capsys.readouterr().out
    assert "1 target has no id and can be proposed only: Home & Garden" in out and "not assigned: 3 paths" in out
    assert "Home & Garden -> Home & Garden (no id)" in out
    assert run(["mapping", "categories", source, "--targets", str(known), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["targets_without_id"] == ["Home & Garden"] and told["matched"] == 1


CELL = st.text(alphabet="=+-@'\t\rab,;\"\n", min_size=1, max_size=6)


@given(CELL)
def test_a_guarded_cell_comes_back_and_begins_no_formula(cell):
    assert unguarded(guarded(cell)) == cell and guarded(cell)[0] not in "=+-@\t\r"


@pytest.mark.parametrize("step", ["=1+1", "+18", "-18", "@home", "'=x", "'t Hooft"])
def test_no_cell_of_the_starter_is_a_formula_and_it_is_a_lookup_all_the_same(tmp_path, step):
    known = written(tmp_path / "t.csv", f"id,path\n-5,{step}\n=9,Other\n")
    source = str(written(tmp_path / "feed.csv", f"sku,title,category,price\n1,A,{step},5.00\n2,B,Others,5.00\n"))
    start = tmp_path / "starter.csv"
    command = ["mapping", "categories", source, "--targets", str(known)]
    assert run([*command, "--out", str(start)]) == 1
    cells = [cell for row in csv.reader(start.open(encoding="utf-8", newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in set("=+-@")] and "'=9" in cells
    once = start.read_bytes()
    assert read_lookup(start).entries == {step: "-5"}
    assert run([*command, "--lookup", str(start), "--out", str(start)]) == 1
    assert start.read_bytes() == once
    mapping = written(tmp_path / "own.yaml", (
        "feedbridge: 1\nproduct:\n  sku: sku\n  title: title\n"
        "  category_ids: {magento: {from: category, as: category_paths, "
        "lookup: {file: starter.csv, key: path, value: id, missing: warning}}}\n"
    ))  # fmt: skip
    products = {p.sku: p for p in feedbridge.read(source, mapping=str(mapping))}
    assert products["1"].category_ids["magento"] == ("-5",)


def test_a_link_stays_a_link_and_the_file_keeps_its_mode(feed, tmp_path):
    real = written(tmp_path / "real.csv", "path,id\nHome & Garden,536\n")
    real.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(real.name)
    assert run(["mapping", "categories", *feed, "--lookup", str(link), "--out", str(link)]) == 1
    assert link.is_symlink() and not real.is_symlink() and real.stat().st_mode & 0o777 == 0o640
    assert read_lookup(real).folded["home & garden > kitchen & dining"] == "638"
    ahead = tmp_path / "ahead.csv"
    ahead.symlink_to("new.csv")
    assert run(["mapping", "categories", *feed, "--out", str(ahead)]) == 1
    assert ahead.is_symlink() and (tmp_path / "new.csv").is_file()
    round_ = tmp_path / "round.csv"
    round_.symlink_to("round.csv")
    assert run(["mapping", "categories", *feed, "--out", str(round_)]) == 3
    assert round_.is_symlink() and not list(tmp_path.glob("round.csv?*"))


@pytest.mark.parametrize(("name", "text"), [
    pytest.param("t.csv", "path,id\nA,1\nB\n", id="a row that ends early"),
    pytest.param("t.csv", "path,id\nA,1\nB,\n", id="an empty cell"),
    pytest.param("t.yaml", "A: 1\nB:\n", id="yaml, nothing"),
    pytest.param("t.yaml", "A: 1\nB: ''\n", id="yaml, an empty text"),
])  # fmt: skip
def test_an_answer_that_is_still_empty_is_none(tmp_path, name, text):
    table = read_lookup(written(tmp_path / name, text))
    assert (table.folded, table.unanswered) == ({"a": "1"}, {"b"})
