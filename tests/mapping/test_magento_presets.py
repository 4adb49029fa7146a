"""Magento 1, Magento 2 and Bagisto: which preset a file is for, that ordinary products take the quick path, and that the
same table in another format, order or dialect gives the same products."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import feedbridge
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.recognise import NotRecognised, recognise
from feedbridge.run.inputs import open_inputs
from tests.mapping.trial import Rows, tried_group

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
GIVEN = {
    "magento1": {"currency": "EUR", "locale": "en_US", "stores": "german=de_DE,dutch=nl_NL"},
    "magento2": {"currency": "EUR", "locale": "en_US", "stores": "german=de_DE,dutch=nl_NL"},
    "bagisto": {"currency": "EUR"},
}
ORDINARY = {
    "magento1": FIXTURES / "magento1" / "catalog_product.csv",
    "magento2": FIXTURES / "magento2" / "catalog_product.csv",
    "bagisto": FIXTURES / "bagisto" / "products.csv",
}


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_products_take_the_quick_path(name):
    ((source, mapping),) = open_inputs([ORDINARY[name]], "auto", GIVEN[name], None)
    bound = Applied(mapping, source)
    trials = [tried_group(bound.ways[None], group) for group in bound.anywhere()]
    assert len(trials) > 4
    assert [(trial.group.head[0], trial.findings) for trial in trials if not trial.quick] == []


HEADERS = {
    "magento2": [
        "sku,store_view_code,attribute_set_code,product_type,categories,name,price,product_online,visibility,base_image,additional_attributes",
        "sku,product_type,attribute_set_code,name,price",
        "sku,name,product_type,attribute_set_code,price,url_key,qty",
        "SKU,Store_View_Code,Attribute_Set_Code,Product_Type,Name,Product_Online,Base_Image,Visibility,Additional_Attributes",
    ],
    "magento1": [
        "sku,_store,_attribute_set,_type,_category,_product_websites,name,price,_media_image,_super_products_sku",
        "sku,_store,_attribute_set,_type,_category,name,price,image,qty,_product_websites",
        "sku,_type,_attribute_set,_store,name,_category,description,_media_image,_tier_price_qty,price",
    ],
    "bagisto": [
        "sku,parent_sku,locale,attribute_family_code,type,name,visible_individually,guest_checkout,url_key,inventories,configurable_variants,customer_group_prices",
        "channel,locale,attribute_family,type,parent_sku,sku,name,url_key,visible_individually,guest_checkout,customer_group_prices,quantity,configurable_variants",
    ],
}
STRANGERS = {
    "generic": "sku,title,price,image,description",
    "unopim": "sku,channel,locale,attribute_family,parent,type,status,configurable_attributes,name,price (USD)",
    "ergonode": "_sku,_type,_language,_template,name,_bindings,_children",
    "tier prices": "sku,tier_price_website,tier_price_customer_group,tier_price_qty,tier_price,tier_price_value_type",
    "woocommerce": "ID,Type,SKU,Name,Published,Short description,Regular price,Sale price,Categories,Images,Parent,"
    "Attribute 1 name,In stock?,Tax status,Backorders allowed?",
    "half of both": "sku,_store,_type,product_type,store_view_code,name,price",
}


@pytest.mark.parametrize(("name", "header"), [(name, header) for name, some in HEADERS.items() for header in some])
def test_a_file_is_known(name, header):
    assert recognise(Rows(header.split(","), [[""] * len(header.split(","))]))[0] == name


@pytest.mark.parametrize("header", STRANGERS.values(), ids=STRANGERS)
def test_other_files_are_not_taken_for_these(header):
    try:
        chosen = recognise(Rows(header.split(","), [[""] * len(header.split(","))]))[0]
    except NotRecognised:
        chosen = ""
    assert chosen not in HEADERS


def payloads(result: feedbridge.Result) -> dict[str, bytes]:
    return {name: (result.out / name / "batch-0001.json").read_bytes() for name in ("flipsnack", "magento")}


def convert(path: Path, name: str, **more: str) -> feedbridge.Result:
    return feedbridge.convert(path, to=["flipsnack", "magento"], set={**GIVEN[name], **more}, report=False)


def write(path: Path, rows: list[dict[str, str]], **how: str) -> Path:
    with path.open("w", encoding=how.pop("encoding", "utf-8"), newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **how)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("name", ORDINARY)
@pytest.mark.parametrize("twin", ["semicolon", "tab", "utf-16", "json", "jsonl", "xlsx"])
def test_twins_give_the_same(name, twin, tmp_path):
    rows = table_of(ORDINARY[name])
    if twin == "semicolon":
        path = write(tmp_path / "twin.csv", rows, delimiter=";", lineterminator="\r\n", encoding="utf-8-sig")
    elif twin == "tab":
        path = write(tmp_path / "twin.csv", rows, delimiter="\t")
    elif twin == "utf-16":
        path = write(tmp_path / "twin.csv", rows, encoding="utf-16")
    elif twin == "json":
        path = tmp_path / "twin.json"
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif twin == "jsonl":
        path = tmp_path / "twin.jsonl"
        path.write_text(
            "".join(json.dumps({k: v for k, v in row.items() if v}) + "\n" for row in rows), encoding="utf-8"
        )
    else:
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in [list(rows[0]), *(list(one.values()) for one in rows)]:
            book.active.append(row)
        path = tmp_path / "twin.xlsx"
        book.save(path)
    assert payloads(convert(path, name)) == payloads(convert(ORDINARY[name], name))


@pytest.mark.parametrize("name", ["magento2", "bagisto"])
def test_the_order_of_rows_does_not_matter(name, tmp_path):
    """Store views away from their product, variants behind or before their parent. (In Magento 1 files the order is what
    says which rows belong together.)"""
    rows = table_of(ORDINARY[name])
    column = "store_view_code" if name == "magento2" else "locale"
    own = [row for row in rows if row[column] in {"", "en"}]
    apart = write(tmp_path / "apart.csv", [*own, *(row for row in rows if row not in own)])
    result, ordinary = convert(apart, name), convert(ORDINARY[name], name)
    assert payloads(result) == payloads(ordinary)
    backwards = convert(
        write(tmp_path / "backwards.csv", rows[::-1]), name, **({"locale": "en"} if name == "bagisto" else {})
    )
    assert backwards.counts == ordinary.counts


def test_magento_1_and_2_texts_of_a_store_view_reach_a_platform_that_has_languages(tmp_path):
    text = "sku,_store,_type,_attribute_set,_category,name,price,image,_product_websites\n"
    text += "D-1,,downloadable,Default,Maps,Map,9,,base\n,german,,,,Karte,,,\n"
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    ((source, mapping),) = open_inputs([path], "auto", GIVEN["magento1"], None)
    bound = Applied(mapping, source)
    (group,) = bound.anywhere()
    product = tried_group(bound.ways[None], group).product
    assert product.kind == "digital" and [(text.locale, text.title) for text in product.translations] == [
        ("de_DE", "Karte")
    ]


def test_store_views_without_a_language_are_told_once(tmp_path):
    folder = FIXTURES / "magento2"
    told = [
        one
        for one in feedbridge.convert(
            folder / "digital.csv", to="flickrocket", set={"currency": "EUR"}, report=False
        ).findings
        if one.code == "mapping.lookup-missing"
    ]
    assert len(told) == 1 and '--set "stores=dutch=…,german=…"' in told[0].mend and told[0].column == "store_view_code"
    told = feedbridge.convert(
        folder / "digital.csv", to="flickrocket", set={"currency": "EUR", "stores": "german=de,dutch=nl"}, report=False
    ).findings
    assert [one for one in told if one.code == "mapping.lookup-missing"] == []


ODD = [
    "", " ", "x", "0", "-1", "12,50", "no_selection", "a=1,b", 'name="x', "sku=A|sku=B", "name=T,type=field|name=T,type=area",
    "sku=TEE-S-R,size=S", "TEE", "MUG-1", "german", "dutch", "de", "configurable", "\n", "a\x07b", "10%", "1,2", "|", "true",
]  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_both_paths_agree_whatever_cells_hold(name, data):
    """And no row is lost, told by ``Applied.count``, whatever stands in it."""
    rows = [list(row.values()) for row in table_of(ORDINARY[name])]
    header = list(table_of(ORDINARY[name])[0])
    for _ in range(data.draw(st.integers(1, 6))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.sampled_from(ODD))
    bound = Applied(load_mapping(name, GIVEN[name]), Rows(header, rows))
    groups = list(bound.anywhere())
    lines = sorted(record[0] for group in groups for record in group.records())
    assert lines == list(range(2, len(rows) + 2)) and bound.count == len(rows)
    for group in groups:
        tried_group(bound.ways[None], group)
