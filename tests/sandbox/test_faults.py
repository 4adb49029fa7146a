"""Faults: how they are written, which calls they strike, and what a client sees of them over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from feedbridge.errors import CommandError
from feedbridge.sandbox import keys
from feedbridge.sandbox.faults import FAULTS, Faults, fault_help, parse_fault
from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import FEED, flipsnack, magento, product, simple


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("drop-after:3", [3], id="one"),
        pytest.param("500:3-5", [3, 4, 5], id="from to"),
        pytest.param("429:first-2", [1, 2], id="first"),
        pytest.param("html:every-4", [4, 8], id="every"),
        pytest.param("empty:all", list(range(1, 11)), id="all"),
        pytest.param("503:2@0.5", [2], id="with seconds"),
        pytest.param("slow:9-10@0.5", [9, 10], id="slow, some"),
        pytest.param("slow:0.5", list(range(1, 11)), id="slow, all"),
        pytest.param("wrong-key", list(range(1, 11)), id="wrong key"),
        pytest.param("wrong-key:2", [2], id="wrong key, some"),
        pytest.param("partial:a/b:c", list(range(1, 11)), id="SKU with signs"),
    ],
)
def test_which_calls(spec, expected):
    faults = Faults([spec])
    assert [number for number in range(1, 11) if faults.strike("flipsnack")] == expected


@pytest.mark.parametrize(
    ("spec", "message", "mend"),
    [
        pytest.param("drop-aftr:3", 'there is no fault "drop-aftr"', 'did you mean "drop-after"?', id="near name"),
        pytest.param("zzz", 'there is no fault "zzz"', "there are drop-before, ", id="no near name"),
        pytest.param("magneto/500:1", 'there is no platform "magneto"', 'did you mean "magento"?', id="platform"),
        pytest.param("magento/31:1", '"31" is a fault of flipsnack only', "", id="fault of another platform"),
        pytest.param("500", '"" names no calls', "write 3, ", id="calls missing"),
        pytest.param("500:0", '"0" names no calls', "write 3, ", id="calls count from 1"),
        pytest.param("500:5-3", '"5-3" ends before it begins', "write 3-5", id="backwards"),
        pytest.param("500:3@2", '"500" takes no seconds', "", id="seconds where there are none"),
        pytest.param("503:3@x", '"x" is no number of seconds up to 3600', "", id="no seconds"),
        pytest.param("slow:99999", '"99999" is no number of seconds up to 3600', "", id="too long"),
        pytest.param("errors:object", '"errors" is one of strings, objects, unnamed, whole', 'did you mean "objects"?', id="choice"),
        pytest.param("partial:", "a SKU is missing", "write partial:SKU", id="no SKU"),
        pytest.param("", 'there is no fault ""', "there are ", id="nothing"),
    ],
)
def test_faults_that_cannot_be_read(spec, message, mend):
    with pytest.raises(CommandError) as caught:
        parse_fault(spec)
    assert (caught.value.message, caught.value.code) == (message, "sandbox.fault")
    assert caught.value.mend.startswith(mend) and caught.value.where.startswith("--fault")


def test_calls_count_per_platform_from_when_the_faults_were_set():
    faults = Faults(["500:2", "magento/503:1"])
    seen = [[fault.name for fault in faults.strike(name)] for name in ("flipsnack", "magento", "flipsnack", "magento")]
    assert seen == [[], ["503"], ["500"], ["500"]]
    with pytest.raises(CommandError):
        faults.set(["500:1", "nope"])
    assert (faults.specs, faults.counts["flipsnack"]) == (["500:2", "magento/503:1"], 2)
    faults.set(["500:1"])
    assert faults.counts["flipsnack"] == 0
    assert [fault.name for fault in faults.strike("flipsnack")] == ["500"]


def test_every_fault_is_told(request):
    docs = (request.config.rootpath / "docs" / "sandbox.md").read_text()
    for name in FAULTS:
        assert f"  {name}:" in fault_help()
        assert f"`{name}:" in docs or f"`{name}`" in docs


# --- over HTTP


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0, rates=False) as box:
        yield box


@pytest.fixture
def box(server: SandboxServer) -> SandboxServer:
    server.set_faults([])
    server.store.reset()
    return server


def create(url: str, timeout: float = 5) -> requests.Response:
    return flipsnack(url, "products.create", products=[product("A")], timeout=timeout)


def put(url: str, timeout: float = 5) -> requests.Response:
    return magento(url, simple(1), timeout=timeout)


def taken(box: SandboxServer) -> bool:
    return bool(box.store.flipsnack(FEED) or box.store.magento())


@pytest.mark.parametrize("call", [pytest.param(create, id="flipsnack"), pytest.param(put, id="magento")])
@pytest.mark.parametrize(
    ("fault", "error", "processed"),
    [
        pytest.param("drop-before:1", requests.ConnectionError, False, id="drop-before"),
        pytest.param("drop-after:1", requests.ConnectionError, True, id="drop-after"),
        pytest.param("drop-mid:1", requests.exceptions.ChunkedEncodingError, True, id="drop-mid"),
        pytest.param("hang:1", requests.ReadTimeout, False, id="hang"),
        pytest.param("hang-after:1", requests.ReadTimeout, True, id="hang-after"),
        pytest.param("slow:1@30", requests.ReadTimeout, True, id="slow"),
    ],
)
def test_no_answer(box, call, fault, error, processed):
    box.set_faults([fault])
    with pytest.raises(error):
        call(box.url, timeout=0.3)
    assert taken(box) is processed
    written = box.calls()[0]
    assert written["fault"] == fault
    assert written["verdict"] == ("taken" if processed else "not processed")
    assert (written["http_status"] is None) is not fault.startswith("slow")
    assert call(box.url).status_code == 200


Seen = Callable[[requests.Response], bool]


@pytest.mark.parametrize(
    ("fault", "status", "processed", "seen"),
    [
        pytest.param("429:1", 429, False, lambda answer: "Retry-After" not in answer.headers, id="429"),
        pytest.param("429:1@7", 429, False, lambda answer: answer.headers["Retry-After"] == "7", id="429 with a time"),
        pytest.param("503:1@2", 503, False, lambda answer: answer.headers["Retry-After"] == "2", id="503 with a time"),
        pytest.param("500:1", 500, False, lambda answer: answer.json() is not None, id="500"),
        pytest.param("500-after:1", 500, True, lambda answer: answer.json() is not None, id="500-after"),
        pytest.param("502:1", 502, False, lambda answer: True, id="502"),
        pytest.param("504:1", 504, False, lambda answer: True, id="504"),
        pytest.param("504-after:1", 504, True, lambda answer: True, id="504-after"),
        pytest.param("403:1", 403, False, lambda answer: True, id="403"),
        pytest.param("404:1", 404, False, lambda answer: True, id="404"),
        pytest.param("redirect:1", 307, False, lambda answer: answer.headers["Location"].endswith("/_/elsewhere"), id="redirect"),
        pytest.param("html:1", 200, False, lambda answer: answer.text.startswith("<!DOCTYPE html>"), id="html"),
        pytest.param("html-after:1", 200, True, lambda answer: answer.text.startswith("<!DOCTYPE html>"), id="html-after"),
        pytest.param("garbage:1", 200, True, lambda answer: b"\xff" in answer.content, id="garbage"),
        pytest.param("empty:1", 200, True, lambda answer: answer.content == b"", id="empty"),
        pytest.param("truncated:1", 200, True, lambda answer: answer.text[:1] in "{[" and answer.text[-1:] not in "}]",
                     id="truncated"),
    ],
)
@pytest.mark.parametrize("call", [pytest.param(create, id="flipsnack"), pytest.param(put, id="magento")])
def test_another_answer(box, call, fault, status, processed, seen: Seen):
    box.set_faults([fault])
    answer = call(box.url)
    assert answer.status_code == status and seen(answer)
    assert taken(box) is processed
    written = box.calls()[0]
    assert (written["fault"], written["http_status"]) == (fault, status)
    assert call(box.url).status_code == 200


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        pytest.param("maintenance:1", 22, 503, id="maintenance"),
        pytest.param("31:1", 31, 200, id="31"),
        pytest.param("32:1", 32, 200, id="32"),
        pytest.param("wrong-key", 41, 401, id="wrong key"),
        pytest.param("400:1", 400, 400, id="400"),
        pytest.param("401:1", 401, 401, id="401"),
    ],
)
def test_refusals_in_each_platforms_words(box, fault, code, status):
    box.set_faults([fault])
    first, second = create(box.url), put(box.url)
    assert (first.status_code, first.json()["code"]) == (200, code)
    assert second.status_code == status
    assert status == 200 or isinstance(second.json()["message"], str)
    assert bool(box.store.flipsnack(FEED)) is False and bool(box.store.magento()) is (status == 200)


def test_a_redirect_that_is_followed_is_written_down(box):
    box.set_faults(["redirect:1"])
    requests.post(f"{box.url}/magento/rest/V1/product/create/", data=b"{}", timeout=5)
    assert [one["platform"] for one in box.calls()] == ["elsewhere", "magento"]


@pytest.mark.parametrize("sku", [pytest.param("A", id="product"), pytest.param("A-1", id="variant")])
def test_partial_fails_one_product_each_time(box, sku):
    box.set_faults([f"partial:{sku}"])
    for _ in range(2):
        answer = flipsnack(box.url, "products.create", products=[product("A", "A-1")]).json()
        assert (answer["code"], answer["data"]["Errors"]) == (200, ['Product with SKU "A": could not be processed'])
    flipsnack(box.url, "products.create", products=[product("A", "A-1"), product("B")])
    assert list(box.store.flipsnack(FEED)) == ["B"]
    assert box.calls()[0]["fault"] == f"partial:{sku}"


def test_partial_at_magento(box):
    box.set_faults(["partial:2"])
    answer = magento(box.url, simple(1), simple(2)).json()
    assert [one["status"] for one in answer[0]["response"]] == ["success", "error"]
    assert set(box.store.magento()) == {"1"}


def test_reject_refuses_the_whole_call_without_a_name(box):
    box.set_faults(["reject:A-1", "reject:2"])
    answer = flipsnack(box.url, "products.create", products=[product("B"), product("A", "A-1")])
    assert answer.json() == {"code": 400, "status": "Invalid data", "data": ["The submitted data is invalid"]}
    assert flipsnack(box.url, "products.delete", productsSKU=["A-1"]).json()["code"] == 400
    refused = magento(box.url, simple(1), simple(2))
    assert (refused.status_code, "2" in refused.text) == (400, False)
    assert not taken(box)
    assert create(box.url).json()["code"] == 200


def test_faults_by_http(box):
    def post(body: Any) -> requests.Response:
        return requests.post(f"{box.url}/_/faults", json=body, timeout=5)

    assert post({"faults": ["500:1"]}).json() == {"faults": ["500:1"], "counted": {"flipsnack": 0, "magento": 0, "flickrocket": 0}}
    wrong = post({"faults": ["501:1"]})
    assert (wrong.status_code, wrong.json()["fault"]) == (400, "501:1")
    assert post(["500:1"]).status_code == 400
    assert requests.get(f"{box.url}/_/faults", timeout=5).json()["faults"] == ["500:1"]
    assert create(box.url).status_code == 500


def test_flickrocket_has_faults_too(box):
    box.set_faults(["flickrocket/503:1@5", "flickrocket/drop-after:2"])
    token = {"grant_type": "refresh_token", "client_id": keys.FLICKROCKET_CLIENT_ID,
             "refresh_token": keys.FLICKROCKET_REFRESH_TOKEN}
    assert requests.post(f"{box.url}/flickrocket/token", data=token, timeout=5).headers["Retry-After"] == "5"
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{box.url}/flickrocket/token", data=token, timeout=5)
    assert requests.post(f"{box.url}/flickrocket/token", data=token, timeout=5).json()["error"] == "invalid_grant"


def test_the_first_of_two_faults_wins_and_slow_adds(box):
    box.set_faults(["slow:0.01", "503:1", "500:1"])
    assert create(box.url).status_code == 503
    assert create(box.url).status_code == 200
    assert box.calls()[0]["fault"] == "slow:0.01"
