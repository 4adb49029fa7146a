"""FlickRocket over HTTP: what may be written, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import access_token, flickrocket

NEW = {"title": "City walks", "product_type": 7, "locales": [{"language_id": "en", "title": "City walks"}]}
BOUND = {"license_id": 16, "price_id": 46, "hd": False, "compare_price_id": None}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0) as box:
        yield box


class Shop:
    """The sandbox's FlickRocket with a token."""

    def __init__(self, box: SandboxServer) -> None:
        self.box = box
        self.access = access_token(box.url)

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        return flickrocket(self.box.url, self.access, method, path, body, **query)

    def look(self, resource: str) -> Any:
        return requests.get(f"{self.box.url}/_/flickrocket/{resource}", timeout=5).json()


@pytest.fixture
def shop(server: SandboxServer) -> Shop:
    server.set_faults([])
    server.store.reset()
    return Shop(server)


@pytest.mark.parametrize("base", [pytest.param("api", id="documented"), pytest.param("api2", id="plugin")])
def test_a_product_from_beginning_to_end(shop, base):
    made = shop("POST", f"{base}/products.json", {"product": NEW}).json()["product"]
    assert (made["id"], made["product_id"], made["valid"]) == (142998, "0001-26ED-EA4F-AA35", False)
    changed = shop("PUT", f"{base}/products/142998.json", {"product": {
        "title": "Walks", "price_license_binding": [BOUND], "categories": [{"category_id": 5}]}})
    assert changed.status_code == 200
    there = shop("GET", "api/products/0001-26ED-EA4F-AA35.json").json()["product"]
    assert there == changed.json()["product"]
    assert (there["title"], there["locales"][0]["title"]) == ("Walks", "City walks")
    assert (there["price_license_binding"], there["categories"][0]["category_id"]) == ([BOUND], 5)
    assert shop("DELETE", f"{base}/products/142998.json").json() == {}
    assert shop("GET", "api/products/142998.json").status_code == shop("DELETE", "api/products/142998.json").status_code == 404
    assert shop("POST", "api/products.json", {"product": NEW}).json()["product"]["id"] == 142999  # no id comes twice


def test_what_was_read_can_be_sent_back(shop):
    there = shop("GET", "api/products/142995.json").json()["product"]
    answer = shop("PUT", "api/products/142995.json", {"product": there})
    assert answer.status_code == 200
    assert {**answer.json()["product"], "categories": 0} == {**there, "categories": 0, "themes": [], "groups": [], "images": []}


@pytest.mark.parametrize(("part", "error"), [
    pytest.param({"titel": "x"}, "there is no member titel", id="member"),
    pytest.param({"product_type": 16}, "product_type is fixed when a product is made", id="another type"),
    pytest.param({"title": " "}, "title is no text", id="title"),
    pytest.param({"drm_protected": "true"}, "drm_protected is no boolean", id="drm"),
    pytest.param({"locales": [{"language_id": "nl", "title": "x"}]}, "K9: locales.0.language_id 'nl' is not one of", id="language"),
    pytest.param({"locales": [NEW["locales"][0]] * 2}, "K9: there are two locales in en", id="language twice"),
    pytest.param({"price_license_binding": [BOUND | {"price_id": 99}]}, "price_license_binding.0.price_id: there is no price 99",
                 id="price"),
    pytest.param({"price_license_binding": [BOUND | {"license_id": 99}]}, "there is no licence 99", id="licence"),
    pytest.param({"price_license_binding": [BOUND | {"license_id": "16"}]}, "license_id is no whole number", id="licence as text"),
    pytest.param({"price_license_binding": [BOUND | {"hd": True}]}, "K19: price_license_binding.0.hd is for Video HD only", id="hd"),
    pytest.param({"price_license_binding": [{"license_id": 16, "price_id": 46, "hd": False}]}, "compare_price_id is missing",
                 id="no compare price"),
    pytest.param({"price_license_binding": [BOUND | {"price": {}}]}, "there is no member price", id="price model"),
    pytest.param({"categories": [{"category_id": 99}]}, "categories.0.category_id: there is no 99", id="category"),
    pytest.param({"published_at": "soon"}, "published_at is no date", id="release"),
    pytest.param({"locales": "en"}, "locales is no list", id="no list"),
])
def test_products_that_are_refused(shop, part, error):
    before = shop.look("products")
    answer = shop("PUT", "api/products/142996.json", {"product": part})
    assert answer.status_code == 400 and error in answer.json()["error"]
    assert shop.look("products") == before


@pytest.mark.parametrize(("body", "error"), [
    pytest.param({"product": {"title": "x"}}, "product_type is missing", id="no type"),
    pytest.param({"product": {"product_type": 7}}, "title is missing", id="no title"),
    pytest.param({"product": {**NEW, "product_type": 2}}, "there is no product_type 2", id="no such type"),
    pytest.param({"product": {**NEW, "product_type": 27, "drm_protected": True}}, "K18: product_type 27 has no DRM", id="drm"),
    pytest.param(NEW, 'send {"product": {…}}', id="not wrapped"),
    pytest.param({"product": NEW, "x": 1}, 'send {"product": {…}}', id="something beside"),
    pytest.param([], 'send {"product": {…}}', id="a list"),
])
def test_creates_that_are_refused(shop, body, error):
    answer = shop("POST", "api/products.json", body)
    assert answer.status_code == 400 and error in answer.json()["error"]
    assert len(shop.look("products")) == 3


@pytest.mark.parametrize(("data", "kind", "status"), [
    pytest.param(b'{"product": {"title": "x", "title": "y"}}', "application/json", 400, id="member twice"),
    pytest.param(b'{"product": ', "application/json", 400, id="cut off"),
    pytest.param(b'{"product": {"title": "x", "product_type": 7}}', "text/plain", 415, id="no JSON by its type"),
    pytest.param(b'{"product": {"title": "x", "product_type": 7}}', "application/json; charset=utf-8", 200, id="with a charset"),
])
def test_bodies(shop, data, kind, status):
    answer = requests.post(f"{shop.box.url}/flickrocket/api/products.json", data=data, timeout=5,
                           headers={"Authorization": f"Bearer {shop.access}", "Content-Type": kind})
    assert answer.status_code == status


@pytest.mark.parametrize(("method", "path"), [
    pytest.param("POST", "api/prices.json", id="prices are read only"),
    pytest.param("PUT", "api/prices/46.json", id="a price too"),
    pytest.param("PUT", "api/licenses/16.json", id="and licences"),
    pytest.param("POST", "api/fulfillments.json", id="no new fulfilments"),
    pytest.param("PUT", "api/products.json", id="PUT without an id"),
    pytest.param("POST", "api/products/142995.json", id="POST with an id"),
    pytest.param("PATCH", "api/products/142995.json", id="PATCH"),
])
def test_methods_that_are_not_taken(shop, method, path):
    assert shop(method, path, {"product": {"title": "x"}}).status_code == 405


def test_categories(shop):
    made = shop("POST", "api/categories.json", {"category": {"title": "Poetry", "enabled": False}}).json()["category"]
    assert (made["id"], made["title"], made["enabled"]) == (8, "Poetry", False)
    assert shop("PUT", "api/categories/8.json", {"category": {"comment": "new"}}).json()["category"] == made | {"comment": "new"}
    assert shop("POST", "api/categories.json", {"category": {"comment": "no title"}}).status_code == 400
    assert shop("DELETE", "api/categories/4.json").status_code == 200
    assert shop("GET", "api/categories/count.json").json() == {"count": 4}
    assert shop("GET", "api/products/142995.json").json()["product"]["categories"] == []


@pytest.mark.parametrize(("path", "name"), [
    pytest.param("api/themesettings", "theme_setting", id="api"), pytest.param("api2/theme_settings", "entry", id="api2")])
def test_theme_settings(shop, path, name):
    made = shop("POST", f"{path}.json", {name: {"title": "Dunes", "accent": "#fff"}}).json()[name]
    assert (made["id"], made["accent"]) == (14, "#fff")
    assert shop("PUT", f"{path}/14.json", {name: {"title": "Dune"}}).json()[name]["title"] == "Dune"
    assert shop("DELETE", f"{path}/14.json").status_code == 200
    assert shop("GET", f"{path}/count.json").json() == {"count": 2}
    assert shop("POST", f"{path}.json", {name: {}}).status_code == 400


def test_fulfilments(shop):
    sent = shop("PUT", "api/fulfillments/267227.json", {"fulfillment": {"status": 100, "tracking_number": "A" * 64}})
    assert (sent.status_code, sent.json()["fulfillment"]["status"]) == (200, 100)
    assert shop("GET", "api/fulfillments/open.json").json() == {"fulfillments": []}
    there = shop("GET", "api/fulfillments/267227.json").json()["fulfillment"]
    assert (there["tracking_number"], there["line_items"][0]["Quantity"]) == ("A" * 64, 1)


@pytest.mark.parametrize(("part", "error"), [
    pytest.param({"tracking_number": "A" * 65}, "longer than 64 characters", id="too long"),
    pytest.param({"status": 50}, "status is 0 (not shipped) or 100 (shipped)", id="state"),
    pytest.param({"status": "100"}, "status is 0", id="state as text"),
    pytest.param({"tracking": "A"}, "there is no member tracking", id="member"),
])
def test_fulfilments_that_are_refused(shop, part, error):
    answer = shop("PUT", "api/fulfillments/267227.json", {"fulfillment": part})
    assert answer.status_code == 400 and error in answer.json()["error"]
    assert shop("GET", "api/fulfillments/open.json", fields="id").json() == {"fulfillment": {"id": "267227"}}


@pytest.mark.parametrize(("changed", "why"), [
    pytest.param({}, [], id="live"),
    pytest.param({"price_license_binding": []}, ["no licence", "no price"], id="nothing bound"),
    pytest.param({"price_license_binding": [BOUND | {"price_id": None}]}, ["no price"], id="no price"),
    pytest.param({"price_license_binding": [BOUND | {"license_id": 99}]}, ["no valid licence"], id="licence gone"),
    pytest.param({"content_files": []}, ["no content"], id="no content"),
    pytest.param({"content_files": [{"valid": True, "content_type": 2}]}, ["no content"], id="a preview only"),
    pytest.param({"content_files": [{"valid": False, "content_type": 1}]}, ["no valid content"], id="content not valid"),
    pytest.param({"product_type": 6, "content_files": []}, [], id="goods need no content"),
    pytest.param({"valid": False}, ["not valid"], id="not valid"),
    pytest.param({"published_at": "2001-01-01T00:00:00"}, ["not released"], id="not released"),
    pytest.param({"published_at": None}, ["not released"], id="never released"),
])
def test_live_or_why_not(shop, changed, why):
    product = shop.look("products")[0] | changed
    requests.put(f"{shop.box.url}/_/flickrocket/products", json=[product], timeout=5)
    assert shop.look("live") == [{"id": 142995, "product_id": "0001-26ED-EA4F-AA32", "title": "Moby-Dick", "live": not why,
                                  "why": why}]
    page = requests.get(f"{shop.box.url}/?platform=flickrocket", timeout=5).text
    assert f"not live: {', '.join(why)}" in page if why else '<p class="good">live</p>' in page


def test_faults_that_name_a_product(shop):
    shop.box.set_faults(["flickrocket/reject:City walks", "created:201"])
    assert shop("POST", "api/products.json", {"product": NEW}).status_code == 400
    assert shop("DELETE", "api/products/142996.json").status_code == 400
    assert shop("POST", "api/products.json", {"product": NEW | {"title": "Other"}}).status_code == 201


def test_a_body_that_is_too_large(shop):
    answer = requests.post(f"{shop.box.url}/flickrocket/api/products.json", data=b" " * (17 * 2**20), timeout=10,
                           headers={"Authorization": f"Bearer {shop.access}", "Content-Type": "application/json"})
    assert answer.status_code == 413
