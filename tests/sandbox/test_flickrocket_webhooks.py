"""FlickRocket's webhooks: both dialects, the hash in its twenty readings, the schedule of retries, what goes wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from feedbridge.errors import CommandError
from feedbridge.sandbox import keys
from feedbridge.sandbox.flickrocket_webhooks import EMPTY_HASH, READINGS, RETRY_SECONDS, hash_of
from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import access_token, flickrocket

SECRET = "fb-test-secret-01"
ORDER = {"company_id": 1202, "producer": "shop", "scope": "order/create", "data": {"type": "order", "id": "267227"}}
PRODUCT = {"company_id": 1202, "producer": "shop", "scope": "product/update",
           "data": {"type": "product", "id": "142995", "long_id": "0001-26ED-EA4F-AA32"}}
DIGESTS = """
T1+S1 36e9c6f1e9bdaff24e64b4e7f403574f1d4eb1f80cdeb59d267f5243de3ae38f
T1+S2 32877c5491035f82321cdbe5ca56c329ba516873edfe72e984244fb0a2107a35
T2+S1 66ffe2a8fa93d2a40a5a2dcdecda4b5faff099241ac771f780e23fcda28bd701
T2+S2 3c01412948732dc9a5445bd955c8dd79472bf7c7f67f84b00a8568fea6f39667
T3+S1 d35af620078b4fa7babd61609d6003bbe362f44f22b544b32b2c4d2c3df41ca2
T3+S2 1bc38f1f5f8bb76bc03bb9cb91f4a6889a11b537bdd3eeffa7a8aa38a0709c6c
T4+S1 0a6c6c1cd73ad868fdf9efca03060704d5fde97eb92da30dcc540059dcb0c157
T4+S2 5e2f27b99dec25759449cd3d28dee4735c277e8f7da7fe8f1cec6fd83a8869ce
T5+S1 a2c996228c2a5d172d2f1c5272686bb560be3060a1ccfa620e41f70c57300d2c
T5+S2 8782585630eccce1755f22f68db416e206c42a62ff8719a71140860b5ca591f9
T1+S3 e00541573f2e8baaef14f1924dfbe9fd808ab74eca6ca7fd2858e76a3c257d9b
T1+S4 df270c43b7580464379a2e94ec0bb1c5a93f574c3c9b5249d39deb941d192ac6
T2+S3 0a3da62b287a94ad0813c40534461f20001ac0d3d2797054088b1bb8b9ae888d
T2+S4 efdfcc8e2881bced1c46ff58ca648ab93242c47388d44dd2d2084d33fc1b6613
T3+S3 0b91768882de467204b28ae38806c9ce838f521472bc3c7657685e6e0b656a9d
T3+S4 6d0cd7d18f53e2359abdc5aef433aeeed7e808e72bfa5e02c8052dcf8762dd31
T4+S3 1a71e9dfa0563f8baa195315b0f8ea7b773db2929e64117f6a9000ebee49b31e
T4+S4 1fbf2e84e880ae673da86cfe22e4e012dfb1a8e028c19f0ec1813c094409d0d6
T5+S3 17fb415910e96ea3de0b592537f914a7a49376b053e207dab3c9a0512e55607e
T5+S4 2d9d4d8e47ce65e581a703bcd1fd13f78393c903000eb9c619df80afa40370a0
"""


@pytest.mark.parametrize(("reading", "digest"), [pytest.param(*line.split(), id=line[:5]) for line in DIGESTS.split("\n") if line])
def test_the_hash_in_every_reading(reading, digest):
    assert hash_of(ORDER | {"hash": "whatever"}, SECRET, reading) == digest
    assert reading in READINGS and len(READINGS) == 20


@pytest.mark.parametrize(("reading", "digest"), [
    pytest.param("T1+S1", "9c0ca04499019a39334542d70d312fbe918684ab56bce3e5bb838b0f7e330968", id="T1+S1"),
    pytest.param("T1+S2", "f3d688b7cccc32d013dcb2e1873ee3294d08e1d90dc98b5c131605d5974a8eb2", id="T1+S2"),
    pytest.param("T1+S3", "5628f38ef2b5720b7b335e9c7b6554f37efa6d1b10d7511919528439841f7f05", id="T1+S3"),
    pytest.param("T1+S4", "3622cfc9121a6dda5c661c610083f4db2243abc169f5816f302eac36f4d22055", id="T1+S4"),
])
def test_the_hash_of_a_product_event(reading, digest):
    assert hash_of(PRODUCT, SECRET, reading) == digest


def test_the_schedule_takes_two_days():
    assert (len(RETRY_SECONDS), sum(RETRY_SECONDS)) == (11, 173_040)


class Receiver:
    """Takes events; ``answers`` are the statuses of the next ones, 200 when there are none left."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status = outer.answers.pop(0) if outer.answers else 200
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", outer.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *told: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def ids(self) -> list[str]:
        return [body["data"]["id"] for body in self.bodies]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0, webhook_speed=10**7) as box:
        yield box


class Shop:
    """The sandbox's FlickRocket with a token and a receiver."""

    def __init__(self, box: SandboxServer, receiver: Receiver) -> None:
        self.box = box
        self.receiver = receiver
        self.access = access_token(box.url)

    def __call__(self, method: str, path: str, body: Any = None) -> requests.Response:
        return flickrocket(self.box.url, self.access, method, path, body)

    def register(self, scope: str = "product/update") -> int:
        body = {"webhook": {"scope": scope, "destination": self.receiver.url, "is_valid": True}}
        return int(self("POST", "api/webhooks.json", body).json()["webhook"]["id"])

    def arise(self, *ids: str, scope: str = "product/update") -> None:
        for one in ids:
            requests.post(f"{self.box.url}/_/flickrocket/events", timeout=5,
                          json={"scope": scope, "data": {"type": "product", "id": one}})

    def events(self) -> list[dict[str, Any]]:
        return requests.get(f"{self.box.url}/_/flickrocket/events", timeout=5).json()[::-1]


@pytest.fixture
def shop(server: SandboxServer, receiver: Receiver) -> Shop:
    server.set_faults([])
    server.store.reset()
    requests.post(f"{server.url}/_/flickrocket/settings", json={"webhook_hash": "T1+S1"}, timeout=5)
    return Shop(server, receiver)


def test_products_that_change_are_told(shop):
    for verb in ("create", "update", "delete"):
        shop.register(f"product/{verb}")
    made = shop("POST", "api/products.json", {"product": {"title": "x", "product_type": 7}}).json()["product"]
    shop("PUT", f"api/products/{made['id']}.json", {"product": {"title": "y"}})
    shop("DELETE", f"api/products/{made['id']}.json")
    assert shop.box.webhooks_settled()
    assert [body["scope"] for body in shop.receiver.bodies] == ["product/create", "product/update", "product/delete"]
    first = shop.receiver.bodies[0]
    assert first["data"] == {"type": "product", "id": str(made["id"]), "long_id": made["product_id"]}
    assert (first["company_id"], first["producer"]) == (1202, "shop")
    assert all(body["hash"] == hash_of(body, keys.FLICKROCKET_APP_SECRET) for body in shop.receiver.bodies)


def test_another_reading_of_the_hash(shop):
    settings = requests.post(f"{shop.box.url}/_/flickrocket/settings", json={"webhook_hash": "T5+S3"}, timeout=5)
    assert settings.json() == {"webhook_hash": "T5+S3", "webhook_speed": 10**7}
    shop.register()
    shop.arise("1")
    assert shop.box.webhooks_settled()
    assert shop.receiver.bodies[0]["hash"] == hash_of(shop.receiver.bodies[0], keys.FLICKROCKET_APP_SECRET, "T5+S3")


@pytest.mark.parametrize("given", [
    pytest.param({"webhook_hash": "T9+S1"}, id="reading"), pytest.param({"webhook_speed": 0}, id="speed"),
    pytest.param({"speed": 1}, id="name"), pytest.param([], id="shape")])
def test_settings_that_are_refused(shop, given):
    assert requests.post(f"{shop.box.url}/_/flickrocket/settings", json=given, timeout=5).status_code == 400


def test_a_reading_that_is_none(tmp_path):
    with pytest.raises(CommandError, match="there is no reading"):
        SandboxServer(data=tmp_path, port=0, webhook_hash="md5")


def test_both_dialects_show_the_same_webhooks(shop):
    made = shop("POST", "admin/webhooks.json", {"webhook": {
        "topic": "orders/create", "address": shop.receiver.url, "format": "json"}}).json()["webhook"]
    assert made | {"updated_at": ""} == {"id": 1, "topic": "order/create", "address": shop.receiver.url, "format": "json",
                                         "is_active": True, "updated_at": ""}
    there = shop("GET", "api/webhooks.json").json()["webhook"]
    assert there | {"updated_at": ""} == {"id": 1, "scope": "order/create", "destination": shop.receiver.url,
                                          "is_valid": True, "updated_at": ""}
    assert shop("PUT", "api/webhooks/1.json", {"webhook": {"is_valid": False}}).status_code == 200
    assert shop("GET", "admin/webhooks/1.json").json()["webhook"]["is_active"] is False
    assert shop("DELETE", "admin/webhooks/1.json").status_code == 200
    assert shop("GET", "admin/webhooks.json").json() == {"webhooks": []}


@pytest.mark.parametrize(("given", "error"), [
    pytest.param({"scope": "product/created", "destination": "http://127.0.0.1:1/"}, "scope is no event", id="event"),
    pytest.param({"destination": "http://127.0.0.1:1/"}, "scope is no event", id="no event"),
    pytest.param({"scope": "product/create"}, "destination is no address on this machine", id="no address"),
    pytest.param({"scope": "product/create", "destination": "https://example.com/"}, "the sandbox calls no other", id="elsewhere"),
    pytest.param({"scope": "product/create", "destination": "ftp://127.0.0.1/"}, "is no address", id="scheme"),
    pytest.param({"scope": "product/create", "destination": "http://127.0.0.1:99999/"}, "is no address", id="port"),
    pytest.param({"topic": "product/create", "address": "http://127.0.0.1:1/"}, "there is no member address, topic", id="dialect"),
    pytest.param({"scope": "product/create", "destination": "http://127.0.0.1:1/", "is_valid": 1}, "is no boolean", id="flag"),
])
def test_webhooks_that_are_refused(shop, given, error):
    answer = shop("POST", "api/webhooks.json", {"webhook": given})
    assert answer.status_code == 400 and error in answer.json()["error"]


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 500])
def test_only_200_counts(shop, status):
    shop.register()
    shop.receiver.answers = [status]
    shop.arise("1")
    assert shop.box.webhooks_settled()
    assert shop.receiver.ids == ["1", "1"]
    assert [(one["state"], one["tries"]) for one in shop.events()] == [("delivered", 2)]


def test_the_last_retry_deactivates_and_a_put_revives(shop):
    number = shop.register()
    shop.receiver.answers = [500] * 12
    shop.arise("1")
    assert shop.box.webhooks_settled()
    assert len(shop.receiver.bodies) == 12
    assert [(one["state"], one["tries"], one["note"]) for one in shop.events()] == [("given up", 12, "answered 500")]
    assert shop("GET", f"api/webhooks/{number}.json").json()["webhook"]["is_valid"] is False
    shop.arise("2")
    assert shop("PUT", f"api/webhooks/{number}.json", {"webhook": {"is_valid": True}}).json()["webhook"]["is_valid"] is True
    shop.arise("3")
    assert shop.box.webhooks_settled()
    assert shop.receiver.ids[12:] == ["3"]


def test_nobody_listening_is_a_failure(shop):
    shop.register()
    shop.receiver.close()
    shop.arise("1")
    assert shop.box.webhooks_settled()
    assert (shop.events()[0]["state"], shop.events()[0]["note"]) == ("given up", "no answer (ConnectionError)")


def test_events_wait_while_the_app_is_blocked_and_survive_a_restart(tmp_path, receiver):
    with SandboxServer(data=tmp_path, port=0) as box:
        shop = Shop(box, receiver)
        shop.register()
        receiver.answers = [500]
        shop.arise("1")
        until(lambda: shop.events()[0]["tries"])
        shop.arise("2")
        assert not box.webhooks_settled(0.05)
        first, second = shop.events()
        assert (first["tries"], second["tries"]) == (1, 0)
        assert first["due"] - first["made"] >= 60
    with SandboxServer(data=tmp_path, port=0, webhook_speed=10**7) as box:
        until(lambda: [one["state"] for one in box.store.events()] == ["delivered", "waiting"])
        assert receiver.ids == ["1", "2"]


def until(true: Callable[[], object]) -> None:
    """Wait until something is so; fail when it is not within ten seconds."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(("faults", "told"), [
    pytest.param(["webhook-twice:2"], ["1", "2", "2", "3"], id="twice"),
    pytest.param(["webhook-swap:1"], ["2", "1", "3"], id="out of order"),
    pytest.param(["webhook-late:1@0.3"], ["2", "3", "1"], id="late"),
])
def test_events_twice_late_and_out_of_order(shop, faults, told):
    shop.register()
    shop.box.set_faults(faults)
    shop.arise("1", "2", "3")
    assert shop.box.webhooks_settled()
    assert shop.receiver.ids == told


@pytest.mark.parametrize(("fault", "good"), [
    pytest.param("webhook-wrong-hash:1", lambda body: body["hash"] != hash_of(body, keys.FLICKROCKET_APP_SECRET), id="wrong"),
    pytest.param("webhook-empty-hash:1", lambda body: body["hash"] == EMPTY_HASH, id="empty"),
    pytest.param("webhook-no-hash:1", lambda body: "hash" not in body, id="none"),
])
def test_wrong_hashes(shop, fault, good):
    shop.register()
    shop.box.set_faults([fault])
    shop.arise("1", "2")
    assert shop.box.webhooks_settled()
    first, second = shop.receiver.bodies
    assert good(first) and second["hash"] == hash_of(second, keys.FLICKROCKET_APP_SECRET)


def test_webhook_faults_count_events_not_calls(shop):
    shop.box.set_faults(["webhook-no-hash:1"])
    shop.register()
    assert shop("GET", "api/prices.json").status_code == 200
    shop.arise("1")
    assert shop.box.webhooks_settled()
    assert "hash" not in shop.receiver.bodies[0]
    assert {one["fault"] for one in shop.box.calls()} == {""}


@pytest.mark.parametrize("given", [
    pytest.param({"scope": "product/created", "data": {}}, id="scope"), pytest.param({"scope": "order/create"}, id="no data")])
def test_events_that_cannot_arise(shop, given):
    assert requests.post(f"{shop.box.url}/_/flickrocket/events", json=given, timeout=5).status_code == 400
