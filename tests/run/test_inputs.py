"""From what a user names to sources with their mappings: names, recognition, files that belong together."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pandas
import pytest

from feedbridge.errors import CommandError, SourceError
from feedbridge.mapping.recognise import NotRecognised
from feedbridge.run.inputs import open_inputs, source_paths
from feedbridge.sources.combined import CombinedTable

SET = {"currency": "EUR"}
PRODUCTS = (
    "slug,sku,name,price,compare_at_price,option1_name,option1_value,image1_src,inventory_count,category1\n"
    "lamp,LAMP,Lamp,10.00,,,,https://shop.example/lamp.jpg,3,Home\n"
)
TRANSLATIONS = "slug,locale,name,description\nlamp,de,Lampe,Hell\n"
PLAIN = "sku,title,price\nA,Tee,9.00\n"


def write(folder: Path, **files: str) -> dict[str, Path]:
    found = {}
    for name, text in files.items():
        found[name] = folder / f"{name}.csv"
        found[name].write_text(text, encoding="utf-8")
    return found


def opened(things: object, mapping: str = "auto", names: list[str] | None = None, **given: str):
    return open_inputs(things, mapping, given if mapping.endswith(".yaml") else {**SET, **given}, names)


def attached(found) -> dict[str, str]:
    ((source, _),) = found
    return {name: Path(one.source.name).name for name, one in source.attached.items()}


# --- names ---------------------------------------------------------------------------------------------------------


def test_a_glob_stands_for_its_files_in_order(tmp_path):
    write(tmp_path, b=PLAIN, a=PLAIN)
    found = opened(str(tmp_path / "*.csv"))
    assert [Path(source.name).name for source, _ in found] == ["a.csv", "b.csv"]


def test_a_name_is_of_the_thing_at_its_place_also_beside_a_glob(tmp_path):
    paths = write(tmp_path, a=PLAIN, b=PLAIN, z=PLAIN)
    found = opened([str(tmp_path / "[ab].csv"), paths["z"]], names=["both", "<stdin>"])
    assert [source.name for source, _ in found] == [str(paths["a"]), str(paths["b"]), "<stdin>"]


def test_fewer_names_than_things(tmp_path):
    paths = write(tmp_path, a=PLAIN, b=PLAIN)
    found = opened([paths["a"], paths["b"]], names=["first"])
    assert [source.name for source, _ in found] == ["first", str(paths["b"])]


def test_a_file_that_is_named_twice_is_read_once(tmp_path):
    paths = write(tmp_path, a=PLAIN, b=PLAIN)
    found = opened([paths["b"], str(tmp_path / "*.csv"), str(tmp_path / "." / "b.csv")])
    assert [Path(source.name).name for source, _ in found] == ["b.csv", "a.csv"]


@pytest.mark.parametrize(
    ("things", "error", "code"),
    [
        pytest.param([], CommandError, "command.source", id="nothing"),
        pytest.param("https://shop.example/feed.csv", SourceError, "source.address", id="an address"),
        pytest.param("no-such-*.csv", SourceError, "source.no-match", id="a glob of nothing"),
        pytest.param("no-such.csv", SourceError, "source.missing", id="a file that is not there"),
    ],
)
def test_refuses(things, error, code):
    with pytest.raises(error) as caught:
        opened(things)
    assert caught.value.code == code


# --- one file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapping", ["auto", "shopify"])
@pytest.mark.parametrize("name", ["feed.json", "feed.ndjson", "feed.txt", "feed"])
def test_the_json_twin_of_a_table_is_a_table_whatever_it_is_called(tmp_path, mapping, name):
    document = {
        "Handle": "a",
        "Title": "A",
        "Body (HTML)": "",
        "Variant SKU": "A-1",
        "Variant Price": 9.5,
        "Option1 Name": "Title",
    }
    document |= {
        "Option1 Value": "Default Title",
        "Image Src": None,
        "Variant Inventory Policy": "deny",
        "Published": True,
    }
    (tmp_path / name).write_text(json.dumps(document) + "\n" + json.dumps(document) + "\n")
    ((source, loaded),) = opened(tmp_path / name, mapping)
    assert (loaded.name, source.kind, source.header) == ("shopify", "table", list(document))
    assert [record[1][4] for batch in source.batches() for record in batch.records] == ["9.5", "9.5"]


def test_a_table_whose_name_says_json_is_read_as_a_table(tmp_path):
    (tmp_path / "feed.json").write_text(PLAIN)
    ((source, loaded),) = opened(tmp_path / "feed.json", "generic")
    assert (source.kind, source.header, loaded.name) == ("table", ["sku", "title", "price"], "generic")


def test_a_json_file_under_a_csv_name_is_read_as_json(tmp_path):
    (tmp_path / "feed.csv").write_text('[{"Handle":"a","Title":"A","Body (HTML)":"b","Variant SKU":"1","Variant Price":"2",'
        '"Option1 Name":"Title","Option1 Value":"Default Title","Image Src":"","Published":true}]')  # fmt: skip
    ((source, loaded),) = opened(tmp_path / "feed.csv")
    assert (loaded.name, source.kind, source.header[0]) == ("shopify", "table", "Handle")
    assert [finding.code for finding in source.findings] == ["source.format-doubt"]


def test_a_data_frame_is_a_source(tmp_path):
    frame = pandas.DataFrame({"sku": ["A"], "title": ["Tee"], "price": ["9.00"]})
    ((source, loaded),) = opened(frame, names=["mine"])
    assert (source.name, source.kind, loaded.name) == ("mine", "table", "generic")


# --- files that belong together ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [["products", "texts"], ["texts", "products"]], ids=["after", "before"])
@pytest.mark.parametrize("mapping", ["auto", "spree"])
def test_a_further_file_goes_with_its_main_file(tmp_path, order, mapping):
    paths = write(tmp_path, products=PRODUCTS, texts=TRANSLATIONS)
    found = opened([paths[name] for name in order], mapping)
    assert attached(found) == {"translations": "texts.csv"}
    ((source, loaded),) = found
    assert isinstance(source, CombinedTable)
    assert (loaded.name, source.name) == ("spree", str(paths["products"]))
    assert source_paths(source) == [paths["products"], paths["texts"]]


def test_a_further_file_may_have_another_format(tmp_path):
    paths = write(tmp_path, products=PRODUCTS)
    header, row = (line.split(",") for line in TRANSLATIONS.splitlines())
    (tmp_path / "texts.json").write_text(json.dumps([dict(zip(header, row, strict=True))]))
    assert attached(opened([paths["products"], tmp_path / "texts.json"])) == {"translations": "texts.json"}
    book = openpyxl.Workbook()
    for cells in (header, row):
        book.active.append(cells)
    book.save(tmp_path / "texts.xlsx")
    assert attached(opened([paths["products"], tmp_path / "texts.xlsx"])) == {"translations": "texts.xlsx"}


def test_a_further_file_that_a_general_mapping_would_fit_goes_with_its_main_file(tmp_path):
    text = "slug,locale,name,description,sku,title,price\nlamp,de,Lampe,Hell,LAMP,Lamp,10\n"
    paths = write(tmp_path, products=PRODUCTS, texts=text)
    assert opened(paths["texts"])[0][1].name == "generic"
    assert attached(opened(list(paths.values()))) == {"translations": "texts.csv"}


def test_a_file_of_another_kind_is_a_source_of_its_own(tmp_path):
    paths = write(tmp_path, products=PRODUCTS, plain=PLAIN)
    found = opened(list(paths.values()))
    assert [(Path(source.name).name, loaded.name) for source, loaded in found] == [
        ("products.csv", "spree"),
        ("plain.csv", "generic"),
    ]


def test_two_further_files_of_one_kind_are_refused(tmp_path):
    paths = write(tmp_path, products=PRODUCTS, german=TRANSLATIONS, french=TRANSLATIONS)
    with pytest.raises(CommandError) as caught:
        opened(list(paths.values()))
    assert caught.value.code == "command.source"
    assert caught.value.where == str(paths["french"])
    assert "product translations" in caught.value.message and str(paths["german"]) in caught.value.mend


def test_only_a_further_file_says_what_is_missing(tmp_path):
    paths = write(tmp_path, texts=TRANSLATIONS)
    with pytest.raises(CommandError) as caught:
        opened(paths["texts"], "spree")
    assert caught.value.code == "command.source"
    assert "product translations only" in caught.value.message
    with pytest.raises(NotRecognised) as missing:
        opened(paths["texts"])
    assert "it may be the product translations of spree" in missing.value.lines[0]


def test_a_file_of_nothing_known_beside_a_known_one_is_named(tmp_path):
    paths = write(tmp_path, products=PRODUCTS, odd="x,y\n1,2\n")
    with pytest.raises(NotRecognised) as caught:
        opened(list(paths.values()))
    assert caught.value.where == str(paths["odd"])


FAMILY = """\
feedbridge: 1
name: family
columns: optional
records: {one: variant, parent: {key: Parent, of: SKU}}
files: {texts: {about: texts, has: [Code, Text], key: Code, of: SKU}}
product:
  sku: SKU
  title: Title
  translations: [{each: "@texts", locale: {value: de}, title: Text}]
variant: {sku: SKU}
"""


def test_files_of_a_linked_mapping_are_one_source(tmp_path):
    (tmp_path / "family.yaml").write_text(FAMILY)
    paths = write(tmp_path, parents="SKU,Title\nP,Tee\n", variants="SKU,Parent\nV,P\n")
    ((source, _),) = opened(list(paths.values()), str(tmp_path / "family.yaml"))
    assert isinstance(source, CombinedTable)
    assert source.header == ["SKU", "Title", "Parent"]


def test_a_further_file_needs_a_table_beside_it(tmp_path):
    (tmp_path / "family.yaml").write_text(FAMILY)
    paths = write(tmp_path, texts="Code,Text\nP,Hemd\n")
    (tmp_path / "nested.json").write_text('[{"SKU":"P","Title":"Tee","Tags":["x"]}]')
    with pytest.raises(CommandError) as caught:
        opened([tmp_path / "nested.json", paths["texts"]], str(tmp_path / "family.yaml"))
    assert caught.value.code == "command.source"
    assert "nested.json" in caught.value.message
