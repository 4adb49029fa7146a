"""FlickRocket over HTTP: tokens that rotate, lists, counts, single things."""

from __future__ import annotations

from collections.abc import Iterator
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
            {"title": "Fiction"}, {"title": "Travel"}, {"title": "Music"}]}, id="categories"),
        pytest.param("categories/5.json", {"fields": "title"}, {"category": {"title": "Travel"}}, id="category"),
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


def test_access_tokens_end(box):
    access = exchange(box).json()["access_token"]
    info = requests.get(f"{box.url}/flickrocket/api/tokeninfo", params={"access_token": access}, timeout=5)
    assert info.json()["expires_in"] == "1800"
    NOW[0] += 1801
    assert get(box, "products.json", access).json()["error"] == "expired"
    assert get(box, "products.json", "rubbish").json()["error"] == "invalid access_token"
    none = requests.get(f"{box.url}/flickrocket/api/products.json", timeout=5)
    assert (none.status_code, none.json()["error"]) == (401, "access_token required")
