"""What a product becomes: whole documents, member by member."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from feedbridge.platforms.base import BY_PATH, Outcome
from feedbridge.platforms.magento.converter import MagentoConverter
from feedbridge.platforms.magento.payload import Request
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.product import Product, to_light

TOTE = {"sku": "20417", "title": "Canvas Tote Natural", "price": {"amount": "18.95", "currency": "EUR"}}
TEE: dict[str, Any] = {
    "sku": "30000", "title": "Crew Tee", "price": {"amount": "21.00", "currency": "EUR"},
    "category_ids": {"magento": ["12"]}, "options": [{"name": "Colour"}, {"name": "Size"}],
    "variants": [{"sku": "30001", "option_values": ["Navy", "S"]}, {"sku": "30002", "option_values": ["Navy", "M"]}],
}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def convert(fields: dict[str, Any], **settings: Any) -> Outcome:
    return MagentoConverter(MagentoSettings(**settings), {}).convert(to_light(Product.model_validate(fields)), None)


def entry(fields: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """The only entry of a product's body; numbers with a point stay Decimal."""
    body = convert(TOTE | fields, **settings).body
    (found,) = json.loads(b"{" + body + b"}", parse_float=Decimal).values()
    return found


def test_simple_product_byte_by_byte():
    outcome = convert(TOTE | {
        "category_ids": {"magento": ["310", "344"]},
        "tier_prices": [{"quantity": "25", "price": eur("16.00")}, {"quantity": "100", "price": eur("13.75")}],
        "images": [{"src": "https://cdn.example.test/tote/natural-front.jpg"}],
    })
    assert outcome.body.decode() == (
        '"20417":{"id":20417,"name":"Canvas Tote Natural","price":"18.95","special_price":"","category_id":"310,344",'
        '"status":1,"enable_product_designer":1,"tier_price":[{"price":"16","qty":"25"},{"price":"13.75","qty":"100"}],'
        '"images":[{"src":"https://cdn.example.test/tote/natural-front.jpg"}],"type":"simple"}'
    )
    assert (outcome.keys, outcome.entries, outcome.problems, outcome.notes) == (("20417",), 1, [], ("A3",))


def test_variants_become_simple_products_byte_by_byte():
    outcome = convert(TEE)
    assert outcome.body.decode() == (
        '"30001":{"id":30001,"name":"Crew Tee - Navy / S","price":"21","special_price":"","category_id":"12",'
        '"status":1,"enable_product_designer":1,"type":"simple"},'
        '"30002":{"id":30002,"name":"Crew Tee - Navy / M","price":"21","special_price":"","category_id":"12",'
        '"status":1,"enable_product_designer":1,"type":"simple"}'
    )
    assert (outcome.keys, outcome.entries, outcome.notes) == (("30001", "30002"), 2, ("A3", "A9"))


def test_parent_goes_first_with_documented_members_only():
    fields = TEE | {
        "sale_price": eur("15"), "tier_prices": [{"quantity": "5", "price": eur("14")}],
        "images": [{"src": "/c/crew.jpg"}],
    }
    outcome = convert(fields, parent=True)
    document = json.loads(b"{" + outcome.body + b"}")
    assert list(document) == ["30000", "30001", "30002"] == list(outcome.keys)
    assert document["30000"] == {
        "id": 30000, "name": "Crew Tee", "category_id": "12", "status": 1, "enable_product_designer": 1,
        "images": [{"src": "/c/crew.jpg"}], "type": "configurable",
    }
    assert document["30002"]["special_price"] == "15"
    assert (outcome.entries, outcome.notes, outcome.problems) == (3, ("A3", BY_PATH), [])


@pytest.mark.parametrize(("option", "written"), [
    pytest.param(
        {"title": "Gift note", "kind": "field", "price": "2.50", "price_type": "fixed", "sku": "NOTE",
         "max_characters": 60},
        '{"title":"Gift note","type":"field","sort_order":1,"is_require":0,"price":2.5,"price_type":"fixed",'
        '"sku":"NOTE","max_characters":60}', id="field"),
    pytest.param(
        {"title": "Long dedication", "kind": "area", "sort_order": 2, "sku": "DEDIC", "max_characters": 500},
        '{"title":"Long dedication","type":"area","sort_order":2,"is_require":0,"price":0,"price_type":"fixed",'
        '"sku":"DEDIC","max_characters":500}', id="area"),
    pytest.param(
        {"title": "Your artwork", "kind": "file", "sort_order": 3, "required": True, "price": "4", "sku": "ART",
         "file_extension": ".PNG; jpg", "image_size_x": 3000, "image_size_y": 2000},
        '{"title":"Your artwork","type":"file","sort_order":3,"is_require":1,"price":4,"price_type":"fixed",'
        '"sku":"ART","file_extension":"png,jpg","image_size_x":"3000","image_size_y":"2000"}', id="file"),
    pytest.param(
        {"title": "Thread colour", "kind": "drop_down", "sort_order": 4, "required": True, "values": [
            {"title": "Gold", "price": "3", "sku": "TH-G"}, {"title": "Silver", "value": "AG", "sort_order": 7}]},
        '{"title":"Thread colour","type":"drop_down","sort_order":4,"is_require":1,"values":['
        '{"title":"Gold","value":"gold","sort_order":1,"price":3,"price_type":"fixed","sku":"TH-G","is_delete":0},'
        '{"title":"Silver","value":"AG","sort_order":7,"price":0,"price_type":"fixed","sku":"","is_delete":0}]}',
        id="drop_down"),
    pytest.param(
        {"title": "Finish", "kind": "radio", "sort_order": 5, "values": [
            {"title": "Gloss", "price": "12.345", "price_type": "percent"}]},
        '{"title":"Finish","type":"radio","sort_order":5,"is_require":0,"values":['
        '{"title":"Gloss","value":"gloss","sort_order":1,"price":12.345,"price_type":"percent","sku":"","is_delete":0}]}',
        id="radio"),
    pytest.param(
        {"title": "Ribbon", "kind": "radio", "sort_order": 5, "values": [
            {"title": "Red", "price": "-0.0000001"}]},
        '{"title":"Ribbon","type":"radio","sort_order":5,"is_require":0,"values":['
        '{"title":"Red","value":"red","sort_order":1,"price":-0.0000001,"price_type":"fixed","sku":"","is_delete":0}]}',
        id="price without an exponent"),
    pytest.param(
        {"title": "Extras", "kind": "checkbox", "sort_order": 6, "values": [
            {"title": "Gift box", "price": "1.90", "sku": "BOX", "value_id": "812"}]},
        '{"title":"Extras","type":"checkbox","sort_order":6,"is_require":0,"values":['
        '{"value_id":812,"title":"Gift box","value":"gift box","sort_order":1,"price":1.9,"price_type":"fixed",'
        '"sku":"BOX","is_delete":0}]}', id="checkbox"),
    pytest.param(
        {"title": "Print sides", "kind": "multiple", "sort_order": 7, "values": [
            {"title": "Front", "price": "5"}, {"title": "Ärmel", "price": "5", "is_delete": True}]},
        '{"title":"Print sides","type":"multiple","sort_order":7,"is_require":0,"values":['
        '{"title":"Front","value":"front","sort_order":1,"price":5,"price_type":"fixed","sku":"","is_delete":0},'
        '{"title":"Ärmel","value":"ärmel","sort_order":2,"price":5,"price_type":"fixed","sku":"","is_delete":1}]}',
        id="multiple"),
    pytest.param(
        {"title": "Deliver on", "kind": "date", "sort_order": 8, "sku": "DATE"},
        '{"title":"Deliver on","type":"date","sort_order":8,"is_require":0,"price":0,'
        '"price_type":"fixed","sku":"DATE"}',
        id="date"),
    pytest.param(
        {"title": "Event start", "kind": "date_time", "sort_order": 9, "price": "1E+1", "price_type": "percent"},
        '{"title":"Event start","type":"date_time","sort_order":9,"is_require":0,"price":10,'
        '"price_type":"percent","sku":""}',
        id="date_time"),
    pytest.param(
        {"title": "Pick-up time", "kind": "time", "sort_order": 0, "price": "-0.0"},
        '{"title":"Pick-up time","type":"time","sort_order":0,"is_require":0,"price":0,"price_type":"fixed","sku":""}',
        id="time"),
])
def test_custom_option_byte_by_byte(option, written):
    body = convert(TOTE | {"custom_options": [option]}).body.decode()
    assert body.endswith(f'"type":"simple","custom_options":[{written}]}}')
    Request.model_validate_json('{"product":{' + body + "}}")


@pytest.mark.parametrize(("sku", "ids", "written"), [
    pytest.param("TOTE-1", {"magento": "20417"}, 20417, id="the store's id"),
    pytest.param("20417", {}, 20417, id="numeric SKU"),
    pytest.param("20417", {"flickrocket": "5"}, 20417, id="another platform's id"),
    pytest.param("020417", {}, "020417", id="zero in front"),
    pytest.param("0", {}, 0, id="zero"),
    pytest.param("9007199254740991", {}, 9007199254740991, id="largest exact integer"),
    pytest.param("9007199254740992", {}, "9007199254740992", id="2^53"),
    pytest.param("12345678901234567890", {}, "12345678901234567890", id="20 digits"),
    pytest.param("٣", {}, "٣", id="digit of another script"),
    pytest.param('TOTE "1"', {}, 'TOTE "1"', id="quotes"),
])
def test_id(sku, ids, written):
    outcome = convert(TOTE | {"sku": sku, "ids": ids})
    ((key, product),) = json.loads(b"{" + outcome.body + b"}").items()
    assert (key, product["id"], type(product["id"])) == (str(written), written, type(written))
    assert outcome.keys == (str(written),)


@pytest.mark.parametrize(("fields", "price", "special"), [
    pytest.param({"price": eur("70.1200")}, "70.12", "", id="zeros behind"),
    pytest.param({"price": eur("50.00"), "sale_price": eur("49.90")}, "50", "49.9", id="sale price"),
    pytest.param({"price": eur("1E+3")}, "1000", "", id="exponent"),
    pytest.param({"price": eur("0.00")}, "0", "", id="free"),
    pytest.param({"price": eur("0.1000000000000000055511151231257827")}, "0.1000000000000000055511151231257827", "",
                 id="digit by digit, through no float"),
    pytest.param({"price": None}, None, "", id="none"),
])
def test_prices(fields, price, special):
    product = entry(fields)
    assert (product.get("price"), product["special_price"]) == (price, special)


@pytest.mark.parametrize(("tiers", "written"), [
    pytest.param([{"quantity": "25.00", "price": eur("16.50")}], [{"price": "16.5", "qty": "25"}], id="whole quantity"),
    pytest.param([{"quantity": "2.5000", "price": eur("16")}], [{"price": "16", "qty": "2.5"}], id="part of a piece"),
    pytest.param([{"quantity": "1E+2", "price": eur("16")}], [{"price": "16", "qty": "100"}], id="exponent"),
    pytest.param([{"quantity": "9", "percent_off": "10"}], [{"price": "17.055", "qty": "9"}], id="10% of 18.95"),
    pytest.param([{"quantity": "9", "percent_off": "33.33"}], [{"price": "12.634", "qty": "9"}],
                 id="12.633965 is rounded to 4 decimals"),
    pytest.param([{"quantity": "9", "percent_off": "0.03"}], [{"price": "18.9443", "qty": "9"}],
                 id="18.944315 is rounded"),
    pytest.param([{"quantity": "9", "percent_off": "100"}], [{"price": "0", "qty": "9"}], id="100%"),
    pytest.param([{"quantity": "9", "price": eur("16"), "customer_group": "Wholesale"}], None,
                 id="group tier left out"),
])
def test_tier_prices(tiers, written):
    assert entry({"tier_prices": tiers}).get("tier_price") == written


def test_a_percentage_is_rounded_half_up():
    product = entry({"price": eur("0.0001"), "tier_prices": [{"quantity": "2", "percent_off": "50"}]})
    assert product["tier_price"] == [{"price": "0.0001", "qty": "2"}]


@pytest.mark.parametrize(("fields", "expected"), [
    pytest.param({}, {}, id="none"),
    pytest.param({"category_field": "category_id"}, {"category_id": "310,344"}, id="as the samples"),
    pytest.param({"category_field": "category_ids"}, {"category_ids": "310,344"}, id="as the table"),
    pytest.param({"category_field": "both"}, {"category_id": "310,344", "category_ids": "310,344"}, id="both"),
])
def test_category_member(fields, expected):
    ids = {"category_ids": {"magento": ["310", "344"]}} if fields else {}
    product = entry(ids, **fields)
    assert {name: product[name] for name in product if name.startswith("category")} == expected


@pytest.mark.parametrize(("product", "variant", "status"), [
    pytest.param("active", "active", 1, id="both active"),
    pytest.param("active", "draft", 0, id="variant is a draft"),
    pytest.param("archived", "active", 0, id="product is archived"),
])
def test_status(product, variant, status):
    assert entry({"status": product, "variants": [{"sku": "7", "status": variant}]})["status"] == status


@pytest.mark.parametrize(("fields", "setting", "flag"), [
    pytest.param({}, 1, 1, id="default"),
    pytest.param({}, 0, 0, id="setting"),
    pytest.param({"attributes": {"enable_product_designer": "1"}}, 0, 1, id="product over setting"),
    pytest.param({"attributes": {"enable_product_designer": "1"},
                  "variants": [{"sku": "7", "attributes": {"enable_product_designer": "0"}}]}, 1, 0,
                  id="variant over product"),
    pytest.param({"attributes": {"enable_product_designer": "0", "colour": "red"}, "variants": [{"sku": "7"}]}, 1, 0,
                 id="variant inherits"),
])
def test_enable_product_designer(fields, setting, flag):
    assert entry(fields, enable_product_designer=setting)["enable_product_designer"] == flag


@pytest.mark.parametrize(("images", "own", "written"), [
    pytest.param(["a.jpg", "b.jpg"], None, ["a.jpg", "b.jpg"], id="inherited"),
    pytest.param(["a.jpg", "b.jpg"], "b.jpg", ["b.jpg", "a.jpg"], id="own one first, once"),
    pytest.param([], "c.jpg", ["c.jpg"], id="own one only"),
    pytest.param(["image_url", "a.jpg", "a.jpg"], "data:,x", ["a.jpg"], id="unusable ones left out, the same one once"),
    pytest.param(["image_url"], None, None, id="none usable"),
])
def test_images(images, own, written):
    variant = {"sku": "7", "image": None if own is None else {"src": own}}
    product = entry({"images": [{"src": src} for src in images], "variants": [variant]})
    assert product.get("images") == (None if written is None else [{"src": src} for src in written])


@pytest.mark.parametrize(("variant", "name"), [
    pytest.param({"option_values": ["Navy", "S"]}, "Canvas Tote Natural - Navy / S", id="values"),
    pytest.param({"option_values": ["", "S"]}, "Canvas Tote Natural - S", id="a value not given"),
    pytest.param({"option_values": []}, "Canvas Tote Natural", id="no values"),
    pytest.param({"option_values": ["S"], "title": "Small Tote"}, "Small Tote", id="a title of its own"),
    pytest.param({"option_values": ["S", "Navy"], "title": "navy / S"}, "Canvas Tote Natural - S / Navy", id="only its values"),
    pytest.param({"option_values": ["S"], "title": "Canvas Tote Natural"}, "Canvas Tote Natural - S",
                 id="its parent's title"),
])
def test_variant_name(variant, name):
    assert entry({"variants": [{"sku": "7", **variant}]})["name"] == name


def test_name_separators_are_settings():
    variants = [{"sku": "7", "option_values": ["Navy", "S"]}]
    product = entry({"variants": variants}, name_separator=", ", value_separator="-")
    assert product["name"] == "Canvas Tote Natural, Navy-S"


def test_variant_inherits_what_it_does_not_have():
    fields = {
        "sale_price": eur("15"), "tier_prices": [{"quantity": "5", "price": eur("14")}],
        "custom_options": [{"title": "Gift note", "kind": "field"}],
        "variants": [{"sku": "7"}, {"sku": "8", "price": eur("30"), "sale_price": eur("25"),
                                    "tier_prices": [{"quantity": "9", "price": eur("20")}]}],
    }
    body = convert(TOTE | fields).body
    first, second = json.loads(b"{" + body + b"}").values()
    assert [first[name] for name in ("price", "special_price")] == ["18.95", "15"]
    assert [second[name] for name in ("price", "special_price")] == ["30", "25"]
    assert first["tier_price"] == [{"price": "14", "qty": "5"}]
    assert second["tier_price"] == [{"price": "20", "qty": "9"}]
    assert first["custom_options"] == second["custom_options"] != []


@pytest.mark.parametrize(("options", "written"), [
    pytest.param(None, "absent", id="the source does not say"),
    pytest.param([], [], id="the source says there are none"),
])
def test_custom_options_said_or_not(options, written):
    assert entry({"custom_options": options}).get("custom_options", "absent") == written


def test_text_is_utf8_as_it_is():
    body = convert(TOTE | {"title": "Größe „M“ 👕 <b>\u2028"}).body
    assert '"name":"Größe „M“ 👕 <b>\u2028"'.encode() in body
