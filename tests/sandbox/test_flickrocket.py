"""FlickRocket over HTTP: tokens that rotate, lists, counts, single things."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from feedbridge.sandbox import keys
from feedbridge.sandbox.server import SandboxServer

NOW = [1_700_000_000.0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0, clock=lambda: NOW[0]) as box:
        yield box


@pytest.fixture
def box(server: SandboxServer) -> SandboxServer:
    server.set_faults([])
    server.store.reset()
    return server


def exchange(box: SandboxServer, token: str = keys.FLICKROCKET_REFRESH_TOKEN, **changed: str) -> requests.Response:
    given = {"grant_type": "refresh_token", "refresh_token": token, "client_id": keys.FLICKROCKET_CLIENT_ID} | changed
    return requests.post(f"{box.url}/flickrocket/token", data=given, timeout=5)


def get(box: SandboxServer, path: str, access: str | None = None, **query: str) -> requests.Response:
    access = access or exchange(box).json()["access_token"]
    return requests.get(f"{box.url}/flickrocket/api/{path}", params=query, timeout=5,
                        headers={"Authorization": f"Bearer {access}"})


def test_each_exchange_kills_the_refresh_token_it_used(box):
    first = exchange(box).json()
    second = exchange(box, first["refresh_token"]).json()
    assert len({keys.FLICKROCKET_REFRESH_TOKEN, first["refresh_token"], second["refresh_token"]}) == 3
    for dead in (keys.FLICKROCKET_REFRESH_TOKEN, first["refresh_token"]):
        answer = exchange(box, dead)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert exchange(box, second["refresh_token"]).status_code == 200
    assert parsedate_to_datetime(first[".expires"]).timestamp() == NOW[0] + 1800


def test_the_new_refresh_token_is_good_after_a_restart(tmp_path):
    with SandboxServer(data=tmp_path, port=0) as box:
        token = exchange(box).json()["refresh_token"]
    with SandboxServer(data=tmp_path, port=0) as box:
        assert exchange(box).status_code == 400
        assert exchange(box, token).status_code == 200
        assert all(token.encode() not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"grant_type": "authorization_code"}, "unsupported_grant_type", id="grant type"),
        pytest.param({"client_id": "x"}, "invalid_client", id="client"),
        pytest.param({"client_secret": keys.FLICKROCKET_APP_SECRET}, "the shared secret is not part of the exchange", id="secret"),
    ],
)
def test_exchanges_that_are_refused(box, changed, error):
    assert exchange(box, **changed).json()["error"] == error
    assert exchange(box).status_code == 200


def test_authorizing_gives_the_first_refresh_token(box):
    answer = requests.get(f"{box.url}/flickrocket/oauth2/auth", timeout=5, allow_redirects=False, params={
        "client_id": keys.FLICKROCKET_CLIENT_ID, "scope": "products,orders", "access_type": "offline",
        "redirect_uri": "http://127.0.0.1:9/back?x=1"})
    to = urlsplit(answer.headers["Location"])
    given = parse_qs(to.query)
    assert (to.netloc, given["companyid"], given["x"]) == ("127.0.0.1:9", ["1202"], ["1"])
    assert exchange(box).status_code == 400
    assert exchange(box, given["code"][0]).status_code == 200


@pytest.mark.parametrize("changed", [
    pytest.param({"redirect_uri": "https://evil.example/"}, id="elsewhere"),
    pytest.param({"redirect_uri": "javascript:alert(1)"}, id="no address"),
    pytest.param({"client_id": "x"}, id="client"),
    pytest.param({"scope": "products, orders"}, id="blank in the scope"),
    pytest.param({"access_type": "online"}, id="access type"),
])
def test_authorizing_is_refused(box, changed):
    given = {"client_id": keys.FLICKROCKET_CLIENT_ID, "scope": "products", "access_type": "offline",
             "redirect_uri": "http://127.0.0.1:9/"} | changed
    answer = requests.get(f"{box.url}/flickrocket/oauth2/auth", timeout=5, allow_redirects=False, params=given)
    assert answer.status_code == 400 and "Location" not in answer.headers


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        pytest.param("products/count.json", {}, {"count": 3}, id="count"),
        pytest.param("prices/count.json", {}, {"count": 3}, id="prices counted"),
        pytest.param("products.json", {"fields": "id,title"}, {"products": [
            {"id": 142995, "title": "Moby-Dick"}, {"id": 142996, "title": "City walks"},
            {"id": 142997, "title": "Field recordings"}]}, id="fields"),
        pytest.param("products.json", {"fields": "id", "query": "title:city walks"}, {"product": {"id": 142996}},
                     id="a single hit is singular"),
        pytest.param("products.json", {"query": "product_type:99"}, {"products": []}, id="no hit"),
        pytest.param("products.json", {"Page": "2"}, {"products": []}, id="page past the end"),
        pytest.param("products/142997.json", {"fields": "product_id"}, {"product": {"product_id": "0001-26ED-EA4F-AA34"}},
                     id="single"),
        pytest.param("licenses.json", {"fields": "name"}, {"licenses": [{"name": "Standard"}, {"name": "Without DRM"}]},
                     id="licences"),
        pytest.param("licenses/17.json", {"fields": "drm"}, {"license": {"drm": False}}, id="licence"),
        pytest.param("categories.json", {"fields": "title"}, {"categories": [
            {"title": "Fiction"}, {"title": "Travel"}, {"title": "Music"}, {"title": "Maps"}]}, id="categories"),
        pytest.param("categories/5.json", {"fields": "title"}, {"category": {"title": "Travel"}}, id="category"),
        pytest.param("products/0001-26ed-ea4f-aa33.json", {"fields": "id"}, {"product": {"id": 142996}}, id="long id"),
        pytest.param("themesettings.json", {"fields": "id"}, {"theme_settings": [{"id": 12}, {"id": 13}]}, id="themes"),
        pytest.param("themesettings/12.json", {"fields": "title"}, {"theme_setting": {"title": "Harbour"}}, id="theme"),
        pytest.param("themesettings/count.json", {}, {"count": 2}, id="themes counted"),
        pytest.param("fulfillments.json", {"fields": "id"}, {"fulfillments": [{"id": "267227"}, {"id": "267228"}]},
                     id="fulfilments"),
        pytest.param("fulfillments/count.json", {}, {"count": 2}, id="fulfilments counted"),
        pytest.param("fulfillments/open.json", {"fields": "id,status"}, {"fulfillment": {"id": "267227", "status": 0}},
                     id="open"),
        pytest.param("fulfillments/complete.json", {"fields": "id"}, {"fulfillment": {"id": "267228"}}, id="complete"),
        pytest.param("fulfillments/267228.json", {"fields": "status"}, {"fulfillment": {"status": 100}}, id="fulfilment"),
        pytest.param("fulfillments.json", {"fields": "id", "created_at_min": "2024-03-05"}, {"fulfillment": {"id": "267228"}},
                     id="made since"),
        pytest.param("fulfillments.json", {"fields": "id", "created_at_max": "2024-03-04T10:15:00"},
                     {"fulfillment": {"id": "267227"}}, id="made until"),
        pytest.param("companies.json", {"self": "1", "fields": "id"}, {"company": {"id": 1202}}, id="company"),
        pytest.param("companies/search.json", {"query": "email:nobody@example.com"}, {"companies": []}, id="company searched"),
        pytest.param("companies.json", {"updated_at_min": "2025-01-01"}, {"companies": []}, id="company changed since"),
        pytest.param("currency_rates.json", {"fields": "currency"}, {"currency_rates": [
            {"currency": "eur"}, {"currency": "usd"}, {"currency": "gbp"}]}, id="currency rates"),
    ],
)
def test_reading(box, path, query, expected):
    answer = get(box, path, **query)
    assert (answer.status_code, answer.json()) == (200, expected)


@pytest.mark.parametrize(
    ("status", "path", "query"),
    [
        pytest.param(404, "products/1.json", {}, id="unknown id"),
        pytest.param(404, "licenses/count.json", {}, id="no count of licences"),
        pytest.param(404, "orders.json", {}, id="not there"),
        pytest.param(400, "products.json", {"query": "price:1"}, id="field nobody can search"),
        pytest.param(400, "products.json", {"Page": "0"}, id="page 0"),
        pytest.param(404, "products/0001-26ED-EA4F-FFFF.json", {}, id="unknown long id"),
        pytest.param(404, "theme_settings.json", {}, id="a name of api2"),
        pytest.param(404, "products/142995/x.json", {}, id="too deep"),
        pytest.param(400, "fulfillments.json", {"created_at_min": "yesterday"}, id="no date"),
        pytest.param(404, "statistics/sales/1202.json", {"StartDate": "2024-01-01", "EndDate": "2024-01-02"}, id="no statistic"),
        pytest.param(404, "statistics/order/7.json", {"StartDate": "2024-01-01", "EndDate": "2024-01-02"}, id="other company"),
        pytest.param(400, "statistics/order/1202.json", {"StartDate": "2024-02-01", "EndDate": "2024-01-02"}, id="backwards"),
        pytest.param(400, "statistics/order/1202.json", {"StartDate": "2024-02-31", "EndDate": "2024-03-02"}, id="no such day"),
    ],
)
def test_reading_refused(box, status, path, query):
    answer = get(box, path, **query)
    assert (answer.status_code, answer.json()["error_code"]) == (status, -1)


def test_pages_of_fifty(box):
    things = [{"id": number, "title": f"Book {number}"} for number in range(1, 121)]
    assert requests.put(f"{box.url}/_/flickrocket/products", json=things, timeout=5).json() == things
    access = exchange(box).json()["access_token"]
    pages = [get(box, "products.json", access, Page=page).json()["products"] for page in ("1", "2", "3")]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [one for page in pages for one in page] == things


@pytest.mark.parametrize(
    ("method", "status"), [pytest.param("POST", 405, id="POST"), pytest.param("DELETE", 405, id="DELETE")])
def test_read_only(box, method, status):
    access = exchange(box).json()["access_token"]
    answer = requests.request(method, f"{box.url}/flickrocket/api/prices.json", timeout=5,
                              headers={"Authorization": f"Bearer {access}"})
    assert answer.status_code == status


def api2(box: SandboxServer, access: str, path: str) -> dict:
    return requests.get(f"{box.url}/flickrocket/api2/{path}", timeout=5, headers={"Authorization": f"Bearer {access}"}).json()


def test_api2_wraps_some_single_things_in_entry(box):
    access = exchange(box).json()["access_token"]
    assert list(api2(box, access, "licenses/16.json")) == list(api2(box, access, "theme_settings/12.json")) == ["entry"]
    assert list(api2(box, access, "products/142995.json")) == ["product"]
    assert list(api2(box, access, "theme_settings.json")) == ["theme_settings"]


def test_statistics(box):
    rows = get(box, "statistics/traffic/1202.json", StartDate="2024-02-28", EndDate="2024-03-01").json()["statistics"]
    assert [one["date"] for one in rows] == ["2024-02-28T00:00:00", "2024-02-29T00:00:00", "2024-03-01T00:00:00"]


def authorized(box: SandboxServer, scope: str) -> str:
    """An access token with these scopes."""
    answer = requests.get(f"{box.url}/flickrocket/oauth2/auth", timeout=5, allow_redirects=False, params={
        "client_id": keys.FLICKROCKET_CLIENT_ID, "scope": scope, "access_type": "offline", "redirect_uri": "http://127.0.0.1:9/"})
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    first = exchange(box, code).json()
    return exchange(box, first["refresh_token"]).json()["access_token"]


@pytest.mark.parametrize(("scope", "path"), [
    pytest.param("products", "products.json", id="products"),
    pytest.param("products", "categories.json", id="categories"),
    pytest.param("products", "prices.json", id="prices"),
    pytest.param("products", "licenses.json", id="licences"),
    pytest.param("themes", "themesettings.json", id="themes"),
    pytest.param("orders", "fulfillments.json", id="fulfilments"),
    pytest.param("companies", "companies.json", id="companies"),
    pytest.param("webhooks", "webhooks.json", id="webhooks"),
    pytest.param("statistics", "statistics/cart/1202.json?StartDate=2024-01-01&EndDate=2024-01-01", id="statistics"),
])
def test_scopes_are_kept(box, scope, path):
    assert get(box, path, authorized(box, scope)).status_code == 200
    refusal = get(box, path, authorized(box, "customers,files"))
    assert (refusal.status_code, refusal.json()["error"]) == (403, f"the token lacks the scope {scope}")


def test_token_info_tells_the_scopes(box):
    access = authorized(box, "products,webhooks")
    info = requests.get(f"{box.url}/flickrocket/api/tokeninfo", params={"access_token": access}, timeout=5).json()
    assert info["scope"] == "products,webhooks"
    assert get(box, "currency_rates.json", access).status_code == 200


def test_two_exchanges_at_once_give_one_token(box):
    begin = threading.Barrier(2)

    def one() -> int:
        begin.wait()
        return exchange(box).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(future.result() for future in [pool.submit(one), pool.submit(one)]) == [200, 400]


def test_a_revoked_permission(box):
    tokens = exchange(box).json()
    assert requests.post(f"{box.url}/_/flickrocket/revoke", timeout=5).json() == {"revoked": True}
    for dead in (tokens["refresh_token"], keys.FLICKROCKET_REFRESH_TOKEN):
        assert exchange(box, dead).json()["error"] == "invalid_grant"
    assert get(box, "products.json", tokens["access_token"]).status_code == 401
    assert get(box, "products.json", authorized(box, "products")).status_code == 200


def test_access_tokens_that_are_ended_by_hand(box):
    tokens = exchange(box).json()
    requests.post(f"{box.url}/_/flickrocket/expire", timeout=5)
    assert get(box, "products.json", tokens["access_token"]).json()["error"] == "expired"
    assert get(box, "products.json", exchange(box, tokens["refresh_token"]).json()["access_token"]).status_code == 200


@pytest.mark.parametrize(("fault", "there", "missing"), [
    pytest.param("token-times:plain", {"issued", "expires", "expires_in"}, {".expires"}, id="plain"),
    pytest.param("token-times:none", set(), {".expires", "expires", "expires_in"}, id="none"),
])
def test_other_shapes_of_a_token(box, fault, there, missing):
    box.set_faults([fault])
    body = exchange(box).json()
    assert there <= set(body) and not missing & set(body)


def test_other_shapes_of_lists(box):
    box.set_faults(["one-hit:plural", "pages:repeat"])
    access = exchange(box).json()["access_token"]
    assert get(box, "products.json", access, query="title:moby-dick", fields="id").json() == {"products": [{"id": 142995}]}
    pages = [get(box, "products.json", access, Page=page, fields="id").json() for page in ("1", "2")]
    assert pages[0] == pages[1] and len(pages[0]["products"]) == 3


def test_a_leaky_bucket(tmp_path):
    now = [1_700_000_000.0]
    with SandboxServer(data=tmp_path, port=0, clock=lambda: now[0], bucket=(3, 0.5)) as box:
        access = exchange(box).json()["access_token"]
        assert [get(box, "prices.json", access).status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = get(box, "prices.json", access)
        assert (answer.headers["Retry-After"], answer.json()["error"]) == ("2", "call limit reached")
        now[0] += 2
        assert [get(box, "prices.json", access).status_code for _ in range(2)] == [200, 429]
        now[0] += 1000
        assert [get(box, "prices.json", access).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_file_of_the_version_before(tmp_path):
    with SandboxServer(data=tmp_path, port=0) as box:
        token = exchange(box).json()["refresh_token"]
    with sqlite3.connect(tmp_path / "sandbox.sqlite3") as file:
        file.executescript("DROP TABLE flickrocket_events; DROP TABLE flickrocket_counters;"
                           "ALTER TABLE flickrocket_tokens DROP COLUMN scope; PRAGMA user_version = 1;")
    file.close()
    with SandboxServer(data=tmp_path, port=0) as box:
        access = exchange(box, token).json()["access_token"]
        assert get(box, "products.json", access).status_code == 403  # nobody knows what it was good for
        assert get(box, "products.json", authorized(box, "products")).status_code == 200


def test_access_tokens_end(box):
    access = exchange(box).json()["access_token"]
    info = requests.get(f"{box.url}/flickrocket/api/tokeninfo", params={"access_token": access}, timeout=5)
    assert info.json()["expires_in"] == "1800"
    NOW[0] += 1801
    assert get(box, "products.json", access).json()["error"] == "expired"
    assert get(box, "products.json", "rubbish").json()["error"] == "invalid access_token"
    none = requests.get(f"{box.url}/flickrocket/api/products.json", timeout=5)
    assert (none.status_code, none.json()["error"]) == (401, "access_token required")
