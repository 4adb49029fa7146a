"""Magento's product/create over HTTP: who is let in, upserts, one answer an item."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from feedbridge.sandbox import keys
from feedbridge.sandbox.magento import faults_of_product
from feedbridge.sandbox.magento_oauth import base_string, signature_of
from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import magento, oauth, simple

BEARER = {"Authorization": f"Bearer {keys.MAGENTO_BEARER_TOKEN}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0) as box:
        yield box


@pytest.fixture
def box(server: SandboxServer) -> SandboxServer:
    server.set_faults([])
    server.store.reset()
    return server


def test_create_then_update(box):
    first = magento(box.url, simple(1, price="9"), simple("TEE-S"))
    assert first.status_code == 200
    assert first.json() == [{"response": [
        {"id": 1, "code": "200", "status": "success", "message": "Product Created Successfully!"},
        {"id": "TEE-S", "code": "200", "status": "success", "message": "Product Created Successfully!"}]}]
    second = magento(box.url, {"id": "1", "name": "New", "type": "Simple"}).json()
    assert second[0]["response"] == [
        {"id": "1", "code": "200", "status": "success", "message": "Product Updated Successfully!"}]
    kept = requests.get(f"{box.url}/_/magento", timeout=5).json()
    assert kept["1"] == simple(1, price="9") | {"id": "1", "name": "New", "type": "Simple"}
    assert set(kept) == {"1", "TEE-S"}


def test_lists_are_replaced_whole(box):
    magento(box.url, simple(1, tier_price=[{"price": "8", "qty": "5"}, {"price": "7", "qty": "9"}]))
    magento(box.url, simple(1, tier_price=[{"price": "6", "qty": "5"}]))
    assert box.store.magento()["1"]["tier_price"] == [{"price": "6", "qty": "5"}]


def test_a_wrong_item_fails_alone(box):
    answer = magento(box.url, simple(1), simple(2, special_price="Test 11111"), simple(3))
    assert answer.status_code == 200
    assert [(one["id"], one["code"], one["status"]) for one in answer.json()[0]["response"]] == [
        (1, "200", "success"), (2, 404, "error"), (3, "200", "success")]
    assert answer.json()[0]["response"][1]["message"] == "Please pass vaild special_price."
    assert set(box.store.magento()) == {"1", "3"}
    assert {"verdict": "partly taken", "items": 3, "failed": 1}.items() <= box.calls()[0].items()


def test_the_inner_id_wins(box):
    answer = magento(box.url, json={"product": {"other": simple(7)}}).json()
    assert answer[0]["response"][0]["id"] == 7
    assert set(box.store.magento()) == {"7"}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="plain"),
        pytest.param({"type": "Configurable"}, id="type in any case"),
        pytest.param({"special_price": "9.50"}, id="special price"),
        pytest.param({"price": 9.5}, id="price as number"),
        pytest.param({"category_ids": "1,2"}, id="the other spelling"),
        pytest.param({"images": [{"src": "https://a.example/1.jpg"}, {"image_src": "/m/1.jpg"}]}, id="images"),
        pytest.param({"custom_options": [
            {"title": "Note", "type": "field", "sort_order": 1, "is_require": 0, "price": 2.5, "price_type": "fixed",
             "sku": "N", "max_characters": 60},
            {"title": "Art", "type": "file", "sort_order": 2, "is_require": 1, "price": 0, "price_type": "fixed",
             "sku": "", "file_extension": "png", "image_size_x": "3000", "image_size_y": "2000"},
            {"title": "Colour", "type": "drop_down", "sort_order": 3, "is_require": 1, "values": [
                {"title": "Gold", "value": "gold", "sort_order": 1, "price": 3, "price_type": "percent", "sku": "", "is_delete": 0},
                {"title": "", "value": "", "sort_order": 2, "price": 0, "price_type": "fixed", "sku": "", "is_delete": 1}]},
            {"title": "Day", "type": "date", "sort_order": 4, "is_require": 0, "price": 0, "price_type": "fixed", "sku": ""},
        ]}, id="custom options"),
    ],
)
def test_products_that_are_right(changed):
    assert faults_of_product(simple(1) | changed) == []


OPTION = {"title": "T", "type": "field", "sort_order": 1, "is_require": 0, "price": 0, "price_type": "fixed", "sku": ""}
CHOICE = {"title": "T", "type": "radio", "sort_order": 1, "is_require": 0}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"name": ""}, "name is a required field.", id="no name"),
        pytest.param({"id": None}, "id is a required field.", id="no id"),
        pytest.param({"id": True}, "Please pass valid id.", id="id true"),
        pytest.param({"type": "virtual"}, "Please pass valid type.", id="type"),
        pytest.param({"status": 2}, "Please pass valid status.", id="core's 2"),
        pytest.param({"status": "1"}, "Please pass valid status.", id="status as text"),
        pytest.param({"status": True}, "Please pass valid status.", id="status true"),
        pytest.param({"enable_product_designer": 7}, "Please pass valid enable_product_designer.", id="designer"),
        pytest.param({"price": "1,50"}, "Please pass valid price.", id="comma"),
        pytest.param({"price": "-1"}, "Please pass valid price.", id="sign"),
        pytest.param({"price": ""}, "Please pass valid price.", id="empty price"),
        pytest.param({"price": "1e3"}, "Please pass valid price.", id="exponent"),
        pytest.param({"special_price": None}, "Please pass vaild special_price.", id="special null"),
        pytest.param({"category_id": "1, 2"}, "Please pass valid category_id.", id="blank"),
        pytest.param({"category_id": "1,1"}, "Please pass valid category_id.", id="repeated"),
        pytest.param({"category_id": 5}, "Please pass valid category_id.", id="number"),
        pytest.param({"images": [{"src": ""}]}, "Please pass valid images.", id="image empty"),
        pytest.param({"images": ["a.jpg"]}, "Please pass valid images.", id="image text"),
        pytest.param({"tier_price": [{"price": 1, "qty": "2"}]}, "Please pass valid tier_price.", id="tier number"),
        pytest.param({"tier_price": [{"price": "1", "qty": "0"}]}, "Please pass valid tier_price.", id="tier qty 0"),
        pytest.param({"tier_price": [{"price": "1"}]}, "Please pass valid tier_price.", id="tier without qty"),
        pytest.param({"sku": "x"}, "sku is not a known field.", id="unknown field"),
        pytest.param({"custom_options": {}}, "Please pass valid custom_options.", id="options no list"),
        pytest.param({"custom_options": [OPTION | {"type": "text"}]}, "Invalid option type", id="a group's name"),
        pytest.param({"custom_options": [OPTION | {"title": ""}]}, "Invalid option value: title", id="option title"),
        pytest.param({"custom_options": [OPTION | {"is_require": 2}]}, "Invalid option value: is_require", id="is_require"),
        pytest.param({"custom_options": [OPTION | {"values": []}]}, "Invalid option value", id="values on a field"),
        pytest.param({"custom_options": [CHOICE]}, "Missed values for option required fields", id="no values"),
        pytest.param({"custom_options": [CHOICE | {"values": [{"title": "a", "is_delete": 1}]}]},
                     "Missed values for option required fields", id="all deleted"),
        pytest.param({"custom_options": [CHOICE | {"values": [{"title": "a", "price": "x"}]}]},
                     "Invalid option value: price", id="price of a value"),
    ],
)
def test_products_that_are_wrong(changed, message):
    assert faults_of_product(simple(1) | changed)[0] == message


@pytest.mark.parametrize(
    ("status", "options"),
    [
        pytest.param(401, {"auth": None}, id="nobody"),
        pytest.param(401, {"headers": {"Authorization": "Bearer nope"}}, id="wrong bearer"),
        pytest.param(200, {"headers": BEARER}, id="bearer"),
        pytest.param(401, {"auth": oauth(client_secret="x")}, id="wrong consumer secret"),
        pytest.param(401, {"auth": oauth(resource_owner_secret="x")}, id="wrong token secret"),
        pytest.param(401, {"auth": oauth(client_key="x")}, id="wrong consumer key"),
        pytest.param(401, {"auth": oauth(resource_owner_key="x")}, id="wrong token"),
        pytest.param(401, {"auth": oauth(signature_method="HMAC-SHA1")}, id="SHA-1"),
        pytest.param(401, {"auth": oauth(timestamp="1000000000")}, id="stale"),
        pytest.param(401, lambda: {"auth": oauth(timestamp=str(int(time.time()) + 900))}, id="from the future"),
        pytest.param(200, lambda: {"auth": oauth(timestamp=str(int(time.time()) - 300))}, id="five minutes old"),
        pytest.param(401, {"auth": oauth(signature_type="QUERY")}, id="parameters in the address"),
        pytest.param(401, {"headers": {"Authorization": 'OAuth oauth_nonce="1", oauth_nonce="2"'}}, id="twice"),
        pytest.param(401, {"headers": {"Authorization": "OAuth rubbish"}}, id="cannot be read"),
        pytest.param(404, {"path": "/magento/rest/V1/products"}, id="another route"),
        pytest.param(400, {"json": {"products": {}}}, id="another member"),
        pytest.param(400, {"json": {"product": [simple(1)]}}, id="a list"),
        pytest.param(400, {"json": {"product": {}}}, id="nothing in it"),
        pytest.param(400, {"json": {"product": {"a": simple(1), "b": simple("1")}}}, id="an id twice"),
        pytest.param(400, {"json": None, "data": "{", "headers": BEARER | {"Content-Type": "application/json"}}, id="no JSON"),
        pytest.param(400, {"json": None, "data": '{"product": {"1": {}, "1": {}}}',
                           "headers": BEARER | {"Content-Type": "application/json"}}, id="a key twice"),
        pytest.param(400, {"json": None, "data": '{"product": {"1": {"id": 1}}}', "headers": BEARER}, id="no content type"),
    ],
)
def test_calls(box, status, options):
    answer = magento(box.url, simple(1), **(options() if callable(options) else options))
    assert answer.status_code == status
    assert isinstance(answer.json(), list if status == 200 else dict)
    assert (list(box.store.magento()) == ["1"]) is (status == 200)
    if status != 200:
        assert isinstance(answer.json()["message"], str)
        assert (box.calls()[0]["verdict"], box.calls()[0]["code"]) == ("refused", str(status))


def test_other_methods(box):
    answer = requests.get(f"{box.url}/magento/rest/V1/product/create/", headers=BEARER, timeout=5)
    assert (answer.status_code, answer.json()["parameters"]) == (405, ["GET"])


def test_a_nonce_is_good_once(box):
    signed = oauth(nonce="once", timestamp=str(int(time.time())))
    assert [magento(box.url, simple(1), auth=signed).status_code for _ in range(2)] == [200, 401]
    assert magento(box.url, simple(1), auth=oauth(nonce="twice")).status_code == 200


def test_the_signature_covers_the_query(box):
    signed = requests.Request("POST", f"{box.url}/magento/rest/V1/product/create/?a=1&b=%C3%BC%20x&a=0",
                              json={"product": {"1": simple(1)}}, auth=oauth()).prepare()
    with requests.Session() as session:
        assert session.send(signed, timeout=5).status_code == 200
        signed = requests.Request("POST", f"{box.url}/magento/rest/V1/product/create/?a=1", data=b"{}", auth=oauth()).prepare()
        signed.url = signed.url.replace("a=1", "a=2")
        assert session.send(signed, timeout=5).status_code == 401


def test_rfc_5849_base_string():
    """The example of RFC 5849, section 3.4.1.1, without its form body."""
    text = base_string(
        "post", "http://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
        [("oauth_consumer_key", "9djdj82h48djs9d2"), ("oauth_token", "kkk9d7dh3k39sjv7"),
         ("oauth_signature_method", "HMAC-SHA1"), ("oauth_timestamp", "137131201"), ("oauth_nonce", "7d8f3e4a"),
         ("c2", ""), ("a3", "2 q")],
    )
    assert text == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2"
        "%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_"
        "timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7")
    assert signature_of("a", "b", "c") != signature_of("a", "b&c", "")


@pytest.mark.parametrize(
    ("fault", "options", "status"),
    [
        pytest.param("bearer:off", {"headers": BEARER}, 401, id="bearer off"),
        pytest.param("bearer:off", {}, 200, id="OAuth still on"),
        pytest.param("http-status:fitting", {}, 200, id="fitting, all taken"),
    ],
)
def test_shapes(box, fault, options, status):
    box.set_faults([fault])
    assert magento(box.url, simple(1), **options).status_code == status


def test_http_status_that_fits_still_answers_by_item(box):
    box.set_faults(["http-status:fitting"])
    answer = magento(box.url, simple(1), simple(2, status=9))
    assert (answer.status_code, [one["code"] for one in answer.json()[0]["response"]]) == (404, ["200", 404])
    assert set(box.store.magento()) == {"1"}


def test_nothing_of_the_keys_is_kept(box):
    magento(box.url, simple(1))
    magento(box.url, simple(1), headers=BEARER)
    values: list[Any] = [keys.MAGENTO_CONSUMER_SECRET, keys.MAGENTO_ACCESS_TOKEN_SECRET, keys.MAGENTO_BEARER_TOKEN]
    for path in box.store.folder.iterdir():
        assert not [one for one in values if one.encode() in path.read_bytes()]
    assert "sandbox-" not in json.dumps(box.calls())
