"""What a run says once of what a mapping cannot do justice to: cautions, a currency that is not used, pictures by path."""

from __future__ import annotations

from pathlib import Path

import pytest

import feedbridge
from feedbridge.errors import MappingError
from feedbridge.findings import Finding
from feedbridge.mapping.apply import Applied
from tests.mapping.trial import Rows, mapping_of

MAPPING = """\
feedbridge: 1
columns: optional
records: {one: variant, group_by: id}
product: {sku: id, title: name}
variant: {sku: sku}
cautions:
  - when: {column: sale, empty: false}
    any: [{column: from, empty: false}, {column: to, empty: false}]
    say: a sale has dates
    mend: look at it
  - when: {column: type, is: [bundle, set]}
    say: parts are not read
"""


def rows_of(*rows: str) -> Rows:
    """``id sku sale from to type``, a dot where nothing is."""
    header = ["id", "name", "sku", "sale", "from", "to", "type"]
    cells = [["" if cell == "." else cell for cell in row.split()] for row in rows]
    return Rows(header, [[row[0], row[0], *row[1:]] for row in cells])


@pytest.mark.parametrize(("rows", "said"), [
    pytest.param(["a a1 . 1 2 ."], [], id="dates without a price"),
    pytest.param(["a a1 5 . . ."], [], id="a price without dates"),
    pytest.param(["b b1 . . . .", "a a1 5 . 2 ."], [(3, "sale", "5", "1 record: a sale has dates")], id="one date"),
    pytest.param(["a a1 5 1 2 .", "b b1 6 1 . ."], [(2, "sale", "5", "2 records: a sale has dates")], id="two records"),
    pytest.param(["a a1 . . . set", "b b1 . . . bundle", "c c1 . . . Set", "d d1 . . . x"],
                 [(2, "type", "set", "3 records (Set 1, bundle 1, set 1): parts are not read")], id="kinds by number"),
])
def test_cautions_are_counted(rows: list[str], said: list[tuple[int, str, str, str]]):
    applied = Applied(mapping_of(MAPPING), rows_of(*rows))
    list(applied.groups())
    assert [(one.line, one.column, one.value, one.message) for one in applied.cautions.findings()] == said
    for _ in range(2):  # gathering reads everything again, and counts nothing twice
        list(applied.anywhere())
        next(iter(applied.records()))
    assert [one.message for one in applied.cautions.findings()] == [one[3] for one in said]


@pytest.mark.parametrize(("header", "bound"), [
    pytest.param(["id", "name", "sku"], 0, id="no column"),
    pytest.param(["id", "name", "sku", "sale"], 0, id="no date"),
    pytest.param(["id", "name", "sku", "from", "to"], 0, id="no price"),
    pytest.param(["id", "name", "sku", "sale", "to"], 1, id="one of the dates"),
    pytest.param(["id", "name", "sku", "sale", "from", "to", "type"], 2, id="all"),
])
def test_a_caution_without_its_column_is_nothing(header: list[str], bound: int):
    applied = Applied(mapping_of(MAPPING), Rows(header, [["1"] * len(header)]))
    assert len(applied.cautions.bound) == bound
    assert applied.splits() == (bound == 0)


def test_a_caution_needs_a_condition():
    with pytest.raises(MappingError, match="give when, or any"):
        mapping_of(MAPPING + "  - {say: nothing}\n")


def findings_of(tmp_path: Path, table: str, mapping: str, to: str = "flipsnack", **given: str) -> list[Finding]:
    source = tmp_path / "shop.csv"
    source.write_text(table, "utf-8")
    return feedbridge.check(source, to=to, mapping=mapping, set=given).findings


WOO = "ID,Type,SKU,Name,Published,Regular price,Sale price,Date sale price ends\n"
M2 = "sku,product_type,attribute_set_code,name,price,special_price,special_price_from_date,special_price_to_date\n"
M1 = "sku,_store,_attribute_set,_type,name,price,special_price,special_from_date,special_to_date,status\n"
BAGISTO = "sku,locale,attribute_family_code,type,visible_individually,name,price,special_price,special_price_to\n"
PRESTA = "Product ID;Active (0/1);Name *;Price tax excluded;Reference #;Discount amount;Discount percent\n"
DATES = "a reduced price has dates; it is taken as it is, whatever the day"


@pytest.mark.parametrize(("preset", "table", "column", "said"), [
    pytest.param("woocommerce", WOO + "1,simple,A,A,1,9.50,8.50,2020-01-31\n2,simple,B,B,1,9.50,,2020-01-31\n",
                 "Sale price", f"1 record: {DATES}", id="woocommerce"),
    pytest.param("woocommerce", "ID,Typ,Artikelnummer,Name,Veröffentlicht,Regulärer Preis,Angebotspreis,Angebotspreis gültig bis\n"
                 '1,simple,A,A,1,"9,50","8,50",2020-01-31\n', "Angebotspreis", f"1 record: {DATES}", id="woocommerce, German"),
    pytest.param("magento2", M2 + "A,simple,Default,A,9.50,8.50,1/1/20,1/31/20\nB,simple,Default,B,9.50,,1/1/20,\n",
                 "special_price", f"1 record: {DATES}", id="magento2"),
    pytest.param("magento2", M2 + "A,bundle,Default,A,9.50,85,,\nB,grouped,Default,B,0,,,\nC,bundle,Default,C,9.50,,,\n",
                 "product_type", "3 records (bundle 2, grouped 1): such products become ordinary ones", id="magento2 kinds"),
    pytest.param("magento1", M1 + "A,,Default,simple,A,9.50,8.50,2020-01-01,2020-01-31,1\n", "special_price", f"1 record: {DATES}",
                 id="magento1"),
    pytest.param("magento1", M1 + "A,,Default,virtual,A,9.50,,,,1\n", "_type", "1 record (virtual): such", id="magento1 kinds"),
    pytest.param("bagisto", BAGISTO + "A,en,default,simple,1,A,9.5,8.5,2020-01-31\n", "special_price", f"1 record: {DATES}",
                 id="bagisto"),
    pytest.param("bagisto", BAGISTO + "A,en,default,booking,1,A,9.5,,\n", "type", "1 record (booking): such", id="bagisto kinds"),
    pytest.param("prestashop", PRESTA + "1;1;A;9.50;A;0.00;0.00\n2;1;B;9.50;B;0.00;20.00\n", "Discount percent",
                 "1 record: a discount", id="prestashop"),
])
def test_presets_say_what_they_cannot_do(tmp_path: Path, preset: str, table: str, column: str, said: str):
    found = [one for one in findings_of(tmp_path, table, preset, currency="EUR") if one.code == "mapping.caution"]
    assert [one.column for one in found] == [column]
    assert found[0].message.startswith(said)
    assert found[0].line > 1
    assert found[0].mend


def test_a_bundles_special_price_is_a_share(tmp_path: Path):
    source = tmp_path / "shop.csv"
    source.write_text(M2 + "A,bundle,Default,A,9.50,85,,\nB,simple,Default,B,9.50,8.50,,\n", "utf-8")
    products = feedbridge.read(source, mapping="magento2", set={"currency": "EUR"})
    prices = [(one.sku, one.sale_price and str(one.sale_price.amount)) for one in products]
    assert prices == [("A", None), ("B", "8.50")]


SPREE = "slug,sku,name,price,currency,inventory_count\n"


@pytest.mark.parametrize(("rows", "given", "said"), [
    pytest.param(["a,A,A,5,USD,1"], {"currency": "EUR"},
                 ["--set currency=EUR is given, but all prices are in USD: each row names its own"], id="another"),
    pytest.param(["a,A,A,5,USD,1", "b,B,B,5,,1"], {"currency": "EUR"}, [], id="used for a row without"),
    pytest.param(["a,A,A,5,EUR,1"], {"currency": "eur"}, [], id="the same"),
    pytest.param(["a,A,A,5,USD,1"], {"main_currency": "USD"}, [], id="not given"),
])
def test_a_currency_that_is_not_used(tmp_path: Path, rows: list[str], given: dict[str, str], said: list[str]):
    found = findings_of(tmp_path, SPREE + "\n".join(rows) + "\n", "spree", **given)
    told = [one for one in found if one.code == "mapping.currency-not-used"]
    assert [one.message for one in told] == said
    assert all("--set main_currency=EUR" in one.mend for one in told)


@pytest.mark.parametrize(("image", "given", "said"), [
    pytest.param("images/a.jpg", {}, ["--set media=https://…"], id="a path"),
    pytest.param("images/a.jpg", {"media": "https://shop.example/media"}, [], id="made an address"),
    pytest.param("https://shop.example/a.jpg", {}, [], id="an address"),
])
def test_pictures_by_path(tmp_path: Path, image: str, given: dict[str, str], said: list[str]):
    table = f"sku,product_type,attribute_set_code,name,price,base_image\nA,simple,Default,A,9.50,{image}\n"
    found = findings_of(tmp_path, table, "magento2", to="magento", currency="EUR", **given)
    told = [one.mend for one in found if one.code == "magento.M14b"]
    assert len(told) == len(said)
    assert all(part in mend for part, mend in zip(said, told, strict=True))
