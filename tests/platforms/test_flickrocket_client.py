"""FlickRocket's REST API over real HTTP: a scripted server for what goes wrong, the sandbox for what goes right."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from feedbridge.errors import CommandError
from feedbridge.platforms.delivery import Rate, Reach
from feedbridge.platforms.flickrocket.client import (
    GUESSED_RATE,
    BurstLimiter,
    BurstRate,
    CallError,
    Calls,
    Client,
    connect,
    rate_of,
)
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.hosts import hosts_of
from feedbridge.platforms.flickrocket.resources import (
    Category,
    Fulfillment,
    License,
    Price,
    Product,
    Webhook,
    frame,
    gmt,
)
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.platforms.flickrocket.turns import Turns
from feedbridge.platforms.limiter import Limiter
from feedbridge.product import Money
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

TOKEN = "access-token-of-the-test"
FRESH = "fresh-token-of-the-test"
NEW = {"title": "City walks", "product_type": 7}
GOOD_TOKENS = Tokens(
    TOKEN, "refresh", datetime.now(UTC) + timedelta(hours=1), FLICKROCKET_CLIENT_ID, "1202", "products", "this machine",
)
MADE = {"id": 143000, "title": "City walks", "product_type": 7}


class Clock:
    """Moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Keys:
    """Two access tokens: the second when the first is refused."""

    def __init__(self) -> None:
        self.current = TOKEN
        self.renewed = 0

    def token(self, fresh: bool = False) -> str:
        if fresh:
            self.renewed += 1
            self.current = FRESH
        return self.current

    def close(self) -> None:
        pass


def drop(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def silent(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.recv(1)  # until the client goes
    handler.close_connection = True


class Server:
    """Gives the answers of its script in turn; the last one stays. An answer is a body (200), a status, (status, body),
    (status, body, headers), or what is done with the connection."""

    def __init__(self) -> None:
        self.script: list[Any] = [{}]
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = ""

    def says(self, *answers: Any) -> None:
        self.script = list(answers)

    @property
    def asked(self) -> list[str]:
        """``GET /api/prices.json?Page=1``, of each call."""
        return [f"{method} {path}" for method, path, _, _ in self.calls]

    def sent(self, at: int = -1) -> Any:
        return json.loads(self.calls[at][3])


@pytest.fixture
def server() -> Iterator[Server]:
    script = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.calls.append((self.command, self.path, headers, body))
            said = script.script.pop(0) if len(script.script) > 1 else script.script[0]
            if callable(said):
                said(self)
                return
            if isinstance(said, int):
                said = (said, {"error": f"status {said}", "error_code": -1})
            status, content, *more = said if isinstance(said, tuple) else (200, said)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **(more[0] if more else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        script.url = f"http://127.0.0.1:{http.server_address[1]}"
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield script
        http.shutdown()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def client(server: Server, clock: Clock, keys: Keys, tmp_path) -> Iterator[Client]:
    with made(server, clock, keys, tmp_path) as one:
        yield one


def made(server: Server, clock: Clock, keys: Keys, folder: Any, *, api: Any = "api", **parts: Any) -> Client:
    limiter = Limiter("test", Rate(), folder, sleep=clock.sleep, clock=clock)
    calls = Calls(keys, server.url, limiter, sleep=clock.sleep, clock=clock, **{"answer_seconds": 5, **parts})
    return Client(calls, api=api)


def page(start: int, length: int) -> list[dict[str, Any]]:
    return [{"id": number, "title": f"No. {number}"} for number in range(start, start + length)]


# A call.


def test_the_token_goes_in_the_header_only_K27(server, client):
    server.says({"product": MADE})
    client.product(143000, fields=["title"])
    (_, path, headers, _), = server.calls
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert path == "/api/products/143000.json?fields=id,title"
    assert TOKEN not in path


@pytest.mark.parametrize("base", ["http://api.flickrocket.com", "ftp://127.0.0.1", "https://u:p@api.flickrocket.com", "api"])
def test_only_https_except_to_this_machine_K27(base, tmp_path, keys):
    with pytest.raises(CommandError) as told:
        Calls(keys, base, Limiter("test", Rate(), tmp_path))
    assert told.value.code == "flickrocket.setting"
    assert "u:p" not in told.value.message


OK = {"category": {"id": 4, "title": "Fiction"}}
DOCUMENTED_WAITS = [5.0] * 9


@pytest.mark.parametrize(("script", "calls", "slept"), [
    pytest.param([503, 503, OK], 3, [5, 5], id="503"),
    pytest.param([*[503] * 9, OK], 10, DOCUMENTED_WAITS, id="the tenth try"),
    pytest.param([(503, {}, {"Retry-After": "7"}), OK], 2, [7], id="503 that asks for longer"),
    pytest.param([(503, {}, {"Retry-After": "1"}), OK], 2, [5], id="503 that asks for less"),
    pytest.param([504, 502, OK], 3, [5, 5], id="a gateway's time-out"),
    pytest.param([drop, OK], 2, [5], id="no answer"),
    pytest.param([silent, OK], 2, [5], id="silence"),
    pytest.param([b"<html>Sign in</html>", b'{"category": {"i', OK], 3, [5, 5], id="answers of something else"),
    pytest.param([b'{"category": {"id": 4, "x": NaN}}', OK], 2, [5], id="what is no JSON number"),
    pytest.param([b'{"category": {"id": 1e400000000}}', OK], 2, [5], id="a number without end"),
    pytest.param([b"[" * 100_000, OK], 2, [5], id="too deep"),
])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_what_passes_is_tried_again_K28(method, script, calls, slept, server, clock, keys, tmp_path):
    server.says(*script)
    client = made(server, clock, keys, tmp_path, answer_seconds=0.3)
    got = client.category(4) if method == "GET" else client.update_category(4, {"title": "Fiction"})
    assert got == Category(id=4, title="Fiction")
    assert (len(server.calls), clock.slept) == (calls, slept)
    assert {call[0] for call in server.calls} == {method}


@pytest.mark.parametrize(("script", "calls", "code", "reach"), [
    pytest.param([503], 10, "flickrocket.down", Reach.WAIT, id="503 for ever"),
    pytest.param([drop], 10, "flickrocket.down", Reach.WAIT, id="never an answer"),
    pytest.param([b"<html>"], 3, "flickrocket.answer", Reach.WAIT, id="a login page for ever"),
    pytest.param([400], 1, "flickrocket.refused", Reach.REFUSED, id="400"),
    pytest.param([403], 1, "flickrocket.refused", Reach.REFUSED, id="403"),
    pytest.param([404], 1, "flickrocket.gone", Reach.REFUSED, id="404"),
    pytest.param([408], 1, "flickrocket.refused", Reach.REFUSED, id="408"),
    pytest.param([422], 1, "flickrocket.refused", Reach.REFUSED, id="422"),
    pytest.param([500], 1, "flickrocket.down", Reach.WAIT, id="500"),
    pytest.param([(200, {"error": "no", "error_code": 7})], 1, "flickrocket.refused", Reach.REFUSED, id="no, with 200"),
    pytest.param([(307, {}, {"Location": "/api/elsewhere.json"})], 1, "flickrocket.answer", Reach.STOP, id="redirect"),
    pytest.param([401], 2, "flickrocket.refused", Reach.STOP, id="401 twice"),
])
def test_what_stays_is_an_error_K28(script, calls, code, reach, server, client):
    server.says(*script)
    with pytest.raises(CallError) as told:
        client.category(4)
    assert (told.value.code, told.value.reach, len(server.calls)) == (code, reach, calls)
    assert told.value.exit_status == 3
    assert told.value.where == "GET /api/categories/4.json"
    assert told.value.mend


def test_429_waits_as_it_is_told_else_longer_each_time(server, client, clock):
    server.says(429, 429, 429, (429, {}, {"Retry-After": "2"}), 429, OK)
    began = clock.now
    assert client.category(4).id == 4
    assert clock.now - began == pytest.approx(5 + 10 + 20 + 2 + 40)


def test_429_holds_up_the_other_processes_too(server, clock, keys, tmp_path):
    server.says((429, {}, {"Retry-After": "30"}), OK)
    other = Limiter("test", Rate(), tmp_path, sleep=clock.sleep, clock=clock)
    seen = []
    said = made(server, clock, keys, tmp_path, say=lambda sentence: seen.append((sentence, len(server.calls))))
    said.category(4)
    began = clock.now
    other.pause(40)
    said.category(4)
    assert clock.now - began == pytest.approx(40, abs=0.3)
    assert seen == [("GET /api/categories/4.json: FlickRocket answered 429; try 2 of at most 10 in 30 seconds", 1)]


def test_patience_ends(server, clock, keys, tmp_path):
    server.says((429, {}, {"Retry-After": "3600"}))
    with pytest.raises(CallError) as told:
        made(server, clock, keys, tmp_path, patience_seconds=600).category(4)
    assert (told.value.wait_seconds, told.value.reach, len(server.calls)) == (3600, Reach.WAIT, 1)
    assert clock.slept == []


def test_a_pause_longer_than_the_patience_is_not_waited_for(server, clock, keys, tmp_path):
    Limiter("test", Rate(), tmp_path, sleep=clock.sleep, clock=clock).pause(3600)
    with pytest.raises(CallError, match="took all the time") as told:
        made(server, clock, keys, tmp_path, patience_seconds=60).category(4)
    assert (told.value.code, server.calls) == ("flickrocket.down", [])
    assert sum(clock.slept) == pytest.approx(60, abs=1)


def test_nothing_was_sent(clock, keys, tmp_path):
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(CallError) as told:
        made(server, clock, keys, tmp_path).create_category({"title": "x"}, look_up=None)
    assert (told.value.code, told.value.reach, clock.slept) == ("flickrocket.down", Reach.UNSENT, [5, 5])


def test_an_empty_answer_is_no_empty_list(server, client, clock):
    server.says(b"", OK)
    assert [one.id for one in client.categories()] == [4]
    assert clock.slept == [5]
    server.says(b"")
    with pytest.raises(CallError, match="is empty"):
        list(client.categories())


# Tokens.


@pytest.mark.parametrize("refusal", [
    (401, {"error": "expired"}), (401, {"error": "invalid access_token"}), (401, b""), (403, {"error": "expired"}),
])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_refused_token_is_renewed_once_and_the_call_repeated(method, refusal, server, client, keys, clock):
    server.says(refusal, OK)
    if method == "GET":
        client.category(4)
    elif method == "POST":
        client.create_category({"title": "Fiction"}, look_up=None)
    else:
        client.delete_category(4)
    assert [headers["authorization"] for _, _, headers, _ in server.calls] == [f"Bearer {TOKEN}", f"Bearer {FRESH}"]
    assert (keys.renewed, clock.slept) == (1, [])


def test_a_dropped_header_is_no_reason_for_an_exchange(server, client, keys):
    server.says((401, {"error": "access_token required", "error_code": -1}))
    with pytest.raises(CallError, match="access_token required") as told:
        client.category(4)
    assert (keys.renewed, told.value.reach) == (0, Reach.STOP)
    assert "Authorization header" in told.value.mend


@pytest.mark.parametrize("said", [
    (400, {"error": f"bad {TOKEN}\x1b[2J", "error_code": 12}), (400, TOKEN.encode()), (200, {"category": {"id": TOKEN}}),
    (200, {TOKEN[:30]: 1}), (302, {}, {"Location": f"/?access_token={TOKEN}"}),
])
def test_no_error_shows_the_token(said, server, client):
    server.says(said)
    with pytest.raises(FlickRocketError) as told:
        client.category(4)
    shown = f"{told.value}{told.value!r}{client!r}{client.calls!r}"
    assert TOKEN not in shown
    assert "\x1b" not in shown


def test_an_error_tells_flickrockets_words(server, client):
    server.says((400, {"error": "title is missing\nreally", "error_code": 12, "companies": []}))
    with pytest.raises(CallError) as told:
        client.category(4)
    assert told.value.message == "FlickRocket answered 400: title is missing really (error_code 12)"
    assert told.value.status == 400


# Deleting, and making.


@pytest.mark.parametrize(("script", "calls"), [
    pytest.param([{}], 1, id="an empty object"),
    pytest.param([(204, b"")], 1, id="nothing"),
    pytest.param([drop, 404], 2, id="an answer lost, then it is gone"),
    pytest.param([503, {}], 2, id="503"),
])
def test_delete(script, calls, server, client):
    server.says(*script)
    client.delete_product(143000)
    assert server.asked == ["DELETE /api/products/143000.json"] * calls


def test_deleting_what_is_not_there_is_told(server, client):
    server.says(404)
    with pytest.raises(CallError) as told:
        client.delete_product(143000)
    assert told.value.code == "flickrocket.gone"


NONE: dict[str, Any] = {"products": []}
FOUND = {"product": MADE}
OLDER = {"id": 1, "title": "City walks", "product_type": 7}
LOOK = "GET /api/products.json?query=title:City%20walks&Page=1"
POST = "POST /api/products.json"


@pytest.mark.parametrize(("script", "asked"), [
    pytest.param([NONE, FOUND], [LOOK, POST], id="made"),
    pytest.param([NONE, (201, FOUND)], [LOOK, POST], id="made, with 201"),
    pytest.param([NONE, drop, FOUND], [LOOK, POST, LOOK], id="the answer lost, and it was made"),
    pytest.param([NONE, drop, NONE, FOUND], [LOOK, POST, LOOK, LOOK], id="it appears late"),
    pytest.param([NONE, drop, NONE, NONE, FOUND], [LOOK, POST, LOOK, LOOK, POST], id="it was not made"),
    pytest.param([NONE, 503, NONE, FOUND], [LOOK, POST, LOOK, POST], id="503, not made"),
    pytest.param([NONE, 504, FOUND], [LOOK, POST, LOOK], id="a gateway's time-out, made"),
    pytest.param([NONE, 500, FOUND], [LOOK, POST, LOOK], id="500, made all the same"),
    pytest.param([NONE, b"<html>", NONE, FOUND], [LOOK, POST, LOOK, POST], id="a login page"),
    pytest.param([NONE, 429, FOUND], [LOOK, POST, POST], id="429 takes nothing"),
    pytest.param([NONE, b"", FOUND], [LOOK, POST, LOOK], id="an empty answer"),
    pytest.param([NONE, {"ok": True}, FOUND], [LOOK, POST, LOOK], id="an answer without it"),
    pytest.param(
        [{"product": OLDER}, drop, {"products": [OLDER, MADE]}], [LOOK, POST, LOOK], id="one with its title was there before"),
    pytest.param([NONE, drop, {"product": {**MADE, "title": " city  walks "}}], [LOOK, POST, LOOK], id="kept differently"),
    pytest.param([NONE, drop, {"products": [{**MADE, "id": 5, "product_type": 16}, MADE]}], [LOOK, POST, LOOK],
                 id="another of another type"),
])
def test_a_create_that_may_have_been_carried_out_is_looked_up_K28(script, asked, server, client):
    server.says(*script)
    assert client.create_product(NEW).id == MADE["id"]
    assert server.asked == asked
    assert {json.dumps(server.sent(at)) for at, line in enumerate(asked) if line == POST} == {json.dumps({"product": NEW})}


@pytest.mark.parametrize(("script", "look_up", "calls", "words"), [
    pytest.param([drop], None, 1, "may or may not", id="nothing to look it up by"),
    pytest.param([503], None, 1, "may or may not", id="503 without a look-up"),
    pytest.param([NONE, drop, {"products": [MADE, {**MADE, "id": 143001}]}], "title", 3, "143000, 143001", id="two like it"),
    pytest.param([NONE, drop, 403], "title", 3, "cannot be looked up", id="the look-up is refused"),
    pytest.param([NONE, {}, NONE], "title", 3, "not what was made", id="yes, but it is not there"),
])
def test_a_create_whose_fate_cannot_be_told(script, look_up, calls, words, server, client):
    server.says(*script)
    with pytest.raises(CallError, match=words) as told:
        client.create_product(NEW, look_up=look_up)
    assert (told.value.code, told.value.reach, len(server.calls)) == ("flickrocket.unknown", Reach.UNKNOWN, calls)
    assert "admin interface" in told.value.mend


def test_a_create_that_failed_and_made_nothing_is_not_repeated(server, client):
    server.says(NONE, 500, NONE)
    with pytest.raises(CallError, match="500") as told:
        client.create_product(NEW)
    assert (told.value.code, server.asked) == ("flickrocket.down", [LOOK, POST, LOOK])


@pytest.mark.parametrize("script", [[drop], [503], [500]])
def test_with_one_try_nothing_is_looked_up_nor_repeated(script, server, clock, keys, tmp_path):
    server.says(*script)
    with pytest.raises(CallError) as told:
        made(server, clock, keys, tmp_path, tries=1).create_product(NEW)
    assert (told.value.code, server.asked, clock.slept) == ("flickrocket.unknown", [POST], [])


def test_an_answer_with_the_long_id_alone_is_completed(server, client):
    server.says({"product": {"product_id": "0001-26ED-EA4F-AA40"}}, {"product": {**MADE, "product_id": "0001-26ed-ea4f-aa40"}})
    assert client.create_product(NEW, look_up=None).id == 143000
    assert server.asked[1] == "GET /api/products.json?query=product_id:0001-26ED-EA4F-AA40&Page=1"


def test_look_up_by_a_comment_of_ones_own(server, client):
    there = {**MADE, "comment": "feedbridge GUIDE-7"}
    server.says(NONE, drop, {"products": [there]})
    made_one = client.create_product({**NEW, "comment": "feedbridge GUIDE-7"}, look_up="comment")
    assert made_one.comment == "feedbridge GUIDE-7"
    assert server.asked[0] == "GET /api/products.json?query=comment:feedbridge%20GUIDE-7&Page=1"


def test_a_lost_create_is_found_however_its_letters_are_composed(server, client):
    server.says(NONE, drop, {"product": {**MADE, "title": "Caf\u00e9s"}})
    assert client.create_product({**NEW, "title": "Cafe\u0301s"}).id == MADE["id"]
    assert [line.split()[0] for line in server.asked] == ["GET", "POST", "GET"]


def test_a_lost_category_and_a_lost_webhook_are_looked_up(server, client):
    server.says({"categories": []}, drop, {"category": {"id": 9, "title": "Maps"}})
    assert client.create_category({"title": "Maps"}).id == 9
    hook = {"id": 3, "scope": "product/update", "destination": "https://shop.example.com/hook", "is_valid": True}
    server.says(drop, {"webhooks": [{**hook, "id": 2, "is_valid": False}, hook]})
    assert client.create_webhook("product/update", "https://shop.example.com/hook").id == 3
    assert server.asked[-2:] == ["POST /api/webhooks.json", "GET /api/webhooks.json"]


@pytest.mark.parametrize("answer", [
    pytest.param({"product": {"id": 5, "title": "B"}}, id="the product"), pytest.param({}, id="an empty object"),
    pytest.param((204, b""), id="nothing"), pytest.param({"success": True}, id="something else"),
    pytest.param({"entry": {"id": 5, "title": "B"}}, id="the other name"),
])
def test_an_update_gives_the_product_back(answer, server, client):
    server.says(answer, {"product": {"id": 5, "title": "B"}})
    assert client.update_product(5, {"title": "B"}).title == "B"
    assert server.calls[0][:2] == ("PUT", "/api/products/5.json")
    assert server.calls[0][2]["content-type"] == "application/json"
    assert server.sent(0) == {"product": {"title": "B"}}


OTHER = {"id": 10, "title": "another"}


@pytest.mark.parametrize(("call", "names"), [
    pytest.param(lambda c: c.product(9), "product", id="product"),
    pytest.param(lambda c: c.category("9"), "category", id="category"),
    pytest.param(lambda c: c.price(9), "price", id="price"), pytest.param(lambda c: c.license(9), "license", id="licence"),
    pytest.param(lambda c: c.theme_setting(9), "theme_setting", id="theme"),
    pytest.param(lambda c: c.fulfillment(9), "fulfillment", id="parcel"),
    pytest.param(lambda c: c.update_fulfillment(9, tracking="A1"), "fulfillment", id="parcel to change"),
    pytest.param(lambda c: c.webhook(9), "webhook", id="webhook"), pytest.param(lambda c: c.company(9), "company", id="company"),
])
@pytest.mark.parametrize("wrap", ["bare", "named", "entry"])
def test_an_answer_about_another_thing_is_refused(call, names, wrap, server, client):
    server.says(OTHER if wrap == "bare" else {"entry" if wrap == "entry" else names: OTHER})
    with pytest.raises(FlickRocketError, match="10, and 9 was asked for") as told:
        call(client)
    assert (told.value.code, len(server.calls)) == ("flickrocket.answer", 1)


@pytest.mark.parametrize("call", [
    pytest.param(lambda c: c.update_product(9, {"title": "x"}), id="product"),
    pytest.param(lambda c: c.update_category(9, {"title": "x"}), id="category"),
    pytest.param(lambda c: c.update_theme_setting(9, {"title": "x"}), id="theme"),
    pytest.param(lambda c: c.update_webhook(9, active=True), id="webhook"),
    pytest.param(lambda c: c.update_webhook(9, active=True, dialect="documented"), id="webhook, the other dialect"),
])
def test_an_update_answered_with_another_thing_is_unknown(call, server, client):
    server.says({"entry": OTHER})
    with pytest.raises(CallError, match="10, and 9 was to be changed") as told:
        call(client)
    assert (told.value.code, told.value.reach, len(server.calls)) == ("flickrocket.unknown", Reach.UNKNOWN, 1)
    server.says({}, {"entry": OTHER})  # read back, as the answer does not say
    with pytest.raises(FlickRocketError, match="10, and 9 was asked for"):
        call(client)


@pytest.mark.parametrize(("call", "answer"), [
    pytest.param(lambda c: c.product("0009"), {"product": {"id": "9"}}, id="zeros in front"),
    pytest.param(lambda c: c.product(9), {"product": {"id": " 9 "}}, id="blanks"),
    pytest.param(lambda c: c.fulfillment("A-9b"), {"fulfillment": {"id": "a-9B"}}, id="an order in another case"),
    pytest.param(lambda c: c.product(" 0001-26ed-ea4f-aa32"), {"products": [{"id": 9, "product_id": "0001-26Ed-EA4F-aa32"}]},
                 id="a long id"),
])
def test_an_id_in_another_spelling_is_the_same(call, answer, server, client):
    server.says(answer)
    assert call(client).id


# Lists.


@pytest.mark.parametrize(("answer", "ids"), [
    pytest.param({"categories": [{"id": 4}, {"id": 5}]}, [4, 5], id="plural"),
    pytest.param({"category": {"id": 4}}, [4], id="singular for one hit"),
    pytest.param({"category": [{"id": 4}, {"id": 5}]}, [4, 5], id="singular for a list"),
    pytest.param({"categories": {"id": 4}}, [4], id="plural for one thing"),
    pytest.param({"entry": [{"id": 4}]}, [4], id="entry"),
    pytest.param({}, [], id="nothing found"), pytest.param({"categories": []}, [], id="empty"),
    pytest.param({"categories": None}, [], id="null"), pytest.param([{"id": 4}], [4], id="bare"),
])
def test_a_list_under_any_name_K29(answer, ids, server, client):
    server.says(answer)
    assert [one.id for one in client.categories()] == ids


@pytest.mark.parametrize("answer", [
    pytest.param({"products": [{"id": 1}]}, id="another list"), pytest.param({"categories": "none"}, id="a text"),
    pytest.param({"categories": [1, 2]}, id="numbers"), pytest.param("x", id="no object"), pytest.param(b"null", id="null"),
    pytest.param({"categories": [{"title": "without id"}]}, id="a thing without id"),
    pytest.param({"categories": [{"id": 1, "enabled": "perhaps"}]}, id="a member that cannot be read"),
])
def test_an_answer_that_is_no_list_is_loud(answer, server, client):
    server.says(answer)
    with pytest.raises(FlickRocketError) as told:
        list(client.categories())
    assert told.value.code == "flickrocket.answer"
    assert "perhaps" not in str(told.value)


@pytest.mark.parametrize(("lengths", "calls"), [
    pytest.param([0], 1, id="none"), pytest.param([49], 1, id="one page"), pytest.param([50, 0], 2, id="exactly one"),
    pytest.param([50, 50, 3], 3, id="three"), pytest.param([70, 10], 2, id="longer pages than usual"),
])
def test_pages_K30(lengths, calls, server, client):
    starts = [sum(lengths[:at]) + 1 for at in range(len(lengths))]
    server.says(*({"products": page(start, length)} for start, length in zip(starts, lengths, strict=True)))
    assert [one.id for one in client.products()] == list(range(1, sum(lengths) + 1))
    assert server.asked == [f"GET /api/products.json?Page={number}" for number in range(1, calls + 1)]


@pytest.mark.parametrize("second", [
    pytest.param(page(1, 50), id="the first page again"), pytest.param(page(50, 50), id="one thing again"),
    pytest.param([*page(51, 3), *page(53, 1)], id="a thing twice on one page"),
    pytest.param(page(7, 3), id="a last page of old things"),
])
def test_a_page_that_repeats_is_loud_K30(second, server, client):
    server.says({"products": page(1, 50)}, {"products": second})
    got: list[int] = []
    with pytest.raises(FlickRocketError, match="page 2 repeats") as told:
        got.extend(one.id for one in client.products())
    assert told.value.code == "flickrocket.pages"
    assert len(server.calls) == 2
    assert "run it again" in told.value.mend


def test_a_list_that_has_no_pages_is_whole_when_flickrockets_count_says_so(server, client):
    whole = {"categories": page(1, 60)}
    server.says(whole, whole, {"count": 60})
    assert len(list(client.categories())) == 60
    server.says(whole, whole, {"count": 61})
    with pytest.raises(FlickRocketError, match="repeats 60 of 60"):
        list(client.categories())


UNCOUNTED = [
    pytest.param(lambda c: c.licenses(), "licenses", id="licences"),
    pytest.param(lambda c: c.fulfillments(state="open"), "fulfillments", id="open parcels"),
    pytest.param(lambda c: c.fulfillments("2024-01-01"), "fulfillments", id="parcels of a time"),
]


@pytest.mark.parametrize(("call", "name"), UNCOUNTED)
def test_a_list_that_nobody_counts_and_that_has_no_pages_is_read_whole(call, name, server, client):
    server.says({name: page(1, 73)})
    assert [int(one.id) for one in call(client)] == list(range(1, 74))
    assert len(server.calls) == 2
    server.says({name: page(1, 50)})
    with pytest.warns(UserWarning, match="gives the same 50 things as every page"):
        assert [int(one.id) for one in call(client)] == list(range(1, 51))
    assert len(server.calls) == 5


@pytest.mark.parametrize("more", [
    pytest.param([page(1, 50), page(51, 7)], id="page 1 came twice by mistake"),
    pytest.param([page(50, 50)], id="one thing again"),
    pytest.param([[*page(1, 49), *page(99, 1)]], id="all but one again"),
    pytest.param([page(1, 49)], id="a part of it again"),
])
@pytest.mark.parametrize(("call", "name"), UNCOUNTED)
def test_a_page_that_repeats_hides_nothing_where_nobody_counts_K30(call, name, more, server, client):
    server.says(*({name: things} for things in [page(1, 50), *more]))
    with pytest.raises(FlickRocketError) as told:
        list(call(client))
    assert told.value.code == "flickrocket.pages"


def test_longer_pages_than_usual_may_still_be_pages(server, client):
    server.says({"licenses": page(1, 100)}, {"licenses": page(101, 100)}, {"licenses": page(201, 3)})
    assert len(list(client.licenses())) == 203


def test_lists_are_read_as_they_are_used(server, client):
    server.says({"products": page(1, 50)}, {"products": page(51, 50)}, {"products": []})
    products = client.products()
    assert server.calls == []
    walk = iter(products)
    assert next(walk).id == 1
    assert len(server.calls) == 1
    assert sum(1 for _ in walk) == 99
    server.says({"products": page(1, 2)})
    assert [one.id for one in products] == [1, 2], "a second walk reads anew"


@pytest.mark.parametrize(("count", "answers", "asked"), [
    pytest.param(lambda c: c.products().count(), [{"count": 12}], ["GET /api/products/count.json"], id="FlickRocket's own"),
    pytest.param(lambda c: c.prices().count(), [{"count": "12"}], ["GET /api/prices/count.json"], id="as text"),
    pytest.param(lambda c: c.licenses().count(), [{"licenses": page(1, 12)}], ["GET /api/licenses.json?Page=1"],
                 id="licences have none"),
    pytest.param(lambda c: c.products(query="version:1").count(), [{"products": page(1, 12)}],
                 ["GET /api/products.json?query=version:1&Page=1"], id="of a query"),
    pytest.param(lambda c: c.fulfillments(state="open").count(), [{"fulfillments": page(1, 12)}],
                 ["GET /api/fulfillments/open.json?Page=1"], id="of open parcels"),
])
def test_count(count, answers, asked, server, client):
    server.says(*answers)
    assert count(client) == 12
    assert server.asked == asked


@pytest.mark.parametrize("answer", [{}, {"count": -1}, {"count": "many"}, {"count": None}, {"count": True}, [12]])
def test_a_count_that_is_none(answer, server, client):
    server.says(answer)
    with pytest.raises(FlickRocketError) as told:
        client.products().count()
    assert told.value.code == "flickrocket.answer"


@pytest.mark.parametrize("answer", [
    {"price": {"id": 46}}, {"entry": {"id": 46}}, {"id": 46}, {"prices": [{"id": 46}]},
])
def test_one_thing_under_any_name_A14(answer, server, client):
    server.says(answer)
    assert client.price(46).id == 46


def test_one_thing_that_is_not_there(server, client):
    server.says({})
    with pytest.raises(FlickRocketError) as told:
        client.price(46)
    assert told.value.code == "flickrocket.gone"


# What is asked for.


@pytest.mark.parametrize(("call", "asked"), [
    pytest.param(lambda c: c.products("title, locales"), "products.json?fields=id,title,locales&Page=1", id="fields as text"),
    pytest.param(lambda c: c.products(["id", "title", "title"]), "products.json?fields=id,title&Page=1", id="fields twice"),
    pytest.param(lambda c: c.products(query={"title": "Größe: A&B+C"}),
                 "products.json?query=title:Gr%C3%B6%C3%9Fe:%20A%26B%2BC&Page=1", id="a title with signs"),
    pytest.param(lambda c: c.products(query="product_id:0001-26ed-ea4f-aa32"),
                 "products.json?query=product_id:0001-26ED-EA4F-AA32&Page=1", id="a long id K34"),
    pytest.param(lambda c: c.products(query={"product_type": 16}), "products.json?query=product_type:16&Page=1", id="a type"),
    pytest.param(lambda c: c.licenses(["name"]), "licenses.json?fields=id,name&Page=1", id="fields of licences"),
    pytest.param(lambda c: c.theme_settings(), "themesettings.json?Page=1", id="themes"),
    pytest.param(lambda c: c.fulfillments(date(2015, 7, 1), "2015-08-01T12:30:00"),
                 "fulfillments.json?created_at_min=2015-07-01T00:00:00&created_at_max=2015-08-01T12:30:00&Page=1", id="times"),
    pytest.param(lambda c: c.fulfillments(created_at_max=date(2015, 7, 31)),
                 "fulfillments.json?created_at_max=2015-07-31T23:59:59&Page=1", id="the last day is a whole day"),
    pytest.param(lambda c: c.fulfillments(datetime(2015, 7, 1, 1, tzinfo=timezone(timedelta(hours=2)))),
                 "fulfillments.json?created_at_min=2015-06-30T23:00:00&Page=1", id="a time with a zone becomes GMT"),
    pytest.param(lambda c: c.fulfillments(state="complete"), "fulfillments/complete.json?Page=1", id="sent parcels"),
    pytest.param(lambda c: c.currency_rates(), "currency_rates.json", id="currency rates"),
    pytest.param(lambda c: c.webhooks(), "webhooks.json", id="webhooks"),
])
def test_lists_ask_K31(call, asked, server, client):
    list(call(client))
    assert server.asked == [f"GET /api/{asked}"]


@pytest.mark.parametrize(("call", "code"), [
    pytest.param(lambda c: c.products([]), "K31", id="no field"),
    pytest.param(lambda c: c.products("locales.title"), "K31", id="a path"),
    pytest.param(lambda c: c.products(["locales[]"]), "K31", id="brackets"),
    pytest.param(lambda c: c.products(["license_id"]), "K31", id="a member inside an array"),
    pytest.param(lambda c: c.products([7]), "K31", id="a field that is no text"),
    pytest.param(lambda c: c.product(5, fields="title&x=1"), "K31", id="another parameter"),
    pytest.param(lambda c: c.products(query="name:x"), "K31", id="an unknown query field"),
    pytest.param(lambda c: c.products(query="id:5"), "K31", id="the short id"),
    pytest.param(lambda c: c.products(query="title"), "K31", id="a query without value"),
    pytest.param(lambda c: c.products(query={"title": ""}), "K31", id="an empty value"),
    pytest.param(lambda c: c.products(query={"title": "a\nb"}), "K31", id="a line break"),
    pytest.param(lambda c: c.products(query={"title": "a\ud800"}), "K31", id="no Unicode"),
    pytest.param(lambda c: c.products(query={"title": "a", "version": "1"}), "K31", id="two at once"),
    pytest.param(lambda c: c.products(query={"product_type": "ebook"}), "K31", id="a type in words"),
    pytest.param(lambda c: c.products(query={"product_id": "142995"}), "K34", id="a short id as the long one"),
    pytest.param(lambda c: c.product("0001-26ED-EA4F"), "K34", id="half a long id"),
    pytest.param(lambda c: c.product("0001-26ED-EA4F-AA3G"), "K34", id="a long id that is not hexadecimal"),
    pytest.param(lambda c: c.product("٣"), "K7", id="other digits"),
    pytest.param(lambda c: c.product(True), "K7", id="true"), pytest.param(lambda c: c.product(0), "K7", id="0"),
    pytest.param(lambda c: c.product("1/../2"), "K7", id="a path as id"),
    pytest.param(lambda c: c.update_product("0001-26ED-EA4F-AA32", {"title": "x"}), "K7", id="an update by the long id"),
    pytest.param(lambda c: c.update_product(5, {"id": 6, "title": "x"}), "K7", id="data of another"),
    pytest.param(lambda c: c.update_product(5, {"product_type": 7}), "K8", id="another type"),
    pytest.param(lambda c: c.update_product(5, {}), "empty", id="nothing to change"),
    pytest.param(lambda c: c.update_product(5, {"price": 3.95}), "data", id="a float"),
    pytest.param(lambda c: c.update_product(5, {"locales": [{"title": "\ud800"}]}), "data", id="text that is no Unicode"),
    pytest.param(lambda c: c.update_product(5, {"published_at": datetime(2024, 1, 1)}), "data", id="a date object"),
    pytest.param(lambda c: c.create_product({"title": "x"}), "K6", id="no type"),
    pytest.param(lambda c: c.create_product({"title": " ", "product_type": 7}), "K6", id="no title"),
    pytest.param(lambda c: c.create_product({**NEW, "id": 5}), "K6", id="a new product with an id"),
    pytest.param(lambda c: c.create_product(NEW, look_up="comment"), "look-up", id="nothing to look it up by"),
    pytest.param(lambda c: c.create_category({"comment": "x"}), "title", id="a category without title"),
    pytest.param(lambda c: c.fulfillments(state="sent"), "K33", id="an unknown state"),
    pytest.param(lambda c: c.fulfillments("2015-08-01", "2015-07-01"), "period", id="a time that ends first"),
    pytest.param(lambda c: c.fulfillments("yesterday"), "period", id="no date"),
    pytest.param(lambda c: c.fulfillment("open"), "order", id="a list as an order"),
    pytest.param(lambda c: c.fulfillment("1/2"), "order", id="a path as an order"),
    pytest.param(lambda c: c.update_fulfillment(7), "K33", id="no change"),
    pytest.param(lambda c: c.update_fulfillment(7, state=50), "K33", id="another state"),
    pytest.param(lambda c: c.update_fulfillment(7, state=True), "K33", id="true as a state"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking="x" * 65), "K33", id="65 characters"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking=["0" * 32, "1" * 32]), "K33", id="65 with the comma"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking="a,,b"), "K33", id="an empty number"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking=["a,b"]), "K33", id="a number with a comma"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking="a\nb"), "K33", id="a number with a line break"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking=[340434]), "K33", id="a number that is no text"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking=["a;b"]), "K33", id="a number with a semicolon"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking="=HYPERLINK(1)"), "K33", id="a formula as a number"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking=["ÄÖ"]), "K33", id="a number in umlauts"),
    pytest.param(lambda c: c.update_fulfillment(7, tracking="3.40434E+17"), "K33", id="a spoilt number"),
    pytest.param(lambda c: c.webhooks("other"), "A15", id="another dialect"),
    pytest.param(lambda c: c.create_webhook("orders/create", "https://x.example.com"), "event", id="an event in the plural"),
    pytest.param(lambda c: c.create_webhook("order/create", "http://x.example.com"), "address", id="a webhook without TLS"),
    pytest.param(lambda c: c.update_webhook(3), "empty", id="a webhook unchanged"),
    pytest.param(lambda c: c.statistics("sales", 1202, "2024-01-01", "2024-01-31"), "statistics", id="another statistic"),
    pytest.param(lambda c: c.statistics("order", 1202, "2024-02-01", "2024-01-31"), "period", id="a statistic backwards"),
])
def test_wrong_arguments_are_told_before_anything_is_sent(call, code, server, client):
    with pytest.raises(CommandError) as told:
        call(client)
    assert told.value.code == f"flickrocket.{code}"
    assert (told.value.exit_status, server.calls) == (2, [])
    str(told.value)


def test_prices_and_licences_cannot_be_written_K32():
    offered = {name for name in dir(Client) if name.partition("_")[0] in ("create", "update", "delete", "add", "set", "put")}
    assert offered == {
        f"{verb}_{thing}" for verb in ("create", "update", "delete") for thing in ("product", "category", "theme_setting", "webhook")
    } | {"update_fulfillment"}


def test_api2_has_paths_of_its_own_A14(server, clock, keys, tmp_path):
    client = made(server, clock, keys, tmp_path, api="api2")
    server.says({"entry": {"id": 12}})
    assert client.theme_setting(12).id == 12
    server.says({"product": {"id": 5}})
    client.product(5)
    assert server.asked == ["GET /api2/theme_settings/12.json", "GET /api2/products/5.json"]


# Parcels.


PARCEL = {"id": "267227", "created_at": "2024-03-04T10:15:00", "line_items": [{"id": 1, "Quantity": 2}]}


@pytest.mark.parametrize(("names", "sent"), [
    pytest.param({"status": 0, "tracking_number": ""}, {"tracking_number": "A1,B2", "status": 100}, id="our guess"),
    pytest.param({"state": 0, "tracking_numbers": None}, {"tracking_numbers": "A1,B2", "state": 100}, id="other names"),
    pytest.param({"shipping_status": 0, "tracking": ""}, {"tracking": "A1,B2", "shipping_status": 100}, id="further names"),
    pytest.param({}, {"tracking_number": "A1,B2", "status": 100}, id="neither is there yet"),
])
def test_tracking_goes_under_the_names_the_parcel_has(names, sent, server, client):
    server.says({"fulfillment": {**PARCEL, **names}}, {}, {"fulfillment": {**PARCEL, **sent}})
    parcel = client.update_fulfillment(267227, tracking=["A1", " B2 "], state="complete")
    assert server.sent(1) == {"fulfillment": sent}
    assert (parcel.tracking_numbers, parcel.state, parcel.sent) == (("A1", "B2"), 100, True)
    assert [line.split("?")[0] for line in server.asked] == [
        f"{verb} /api/fulfillments/267227.json" for verb in ("GET", "PUT", "GET")]


def test_a_parcel_that_did_not_take_its_tracking_number_is_told(server, client):
    server.says({"fulfillment": {**PARCEL, "trackingCode": ""}})
    with pytest.raises(CallError, match="tracking_number did not become") as told:
        client.update_fulfillment("267227", tracking="A1")
    assert "trackingCode" in told.value.mend
    server.says({"fulfillment": {**PARCEL, "trackingCode": ""}}, {}, {"fulfillment": {**PARCEL, "trackingCode": "A1"}})
    client.update_fulfillment("267227", tracking="A1", tracking_name="trackingCode")
    assert server.sent(-2) == {"fulfillment": {"trackingCode": "A1"}}


def test_open_parcels_of_a_time_are_chosen_here(server, client):
    server.says({"fulfillments": [
        {"id": "1", "created_at": "2024-03-01T00:00:00"}, {"id": "2", "created_at": "2024-03-04T00:00:00"}, {"id": "3"},
    ]})
    assert [one.id for one in client.fulfillments("2024-03-02", state="open")] == ["2"]


def test_a_parcel_is_read_with_its_quirks():
    parcel = Fulfillment.model_validate({
        "id": 267227, "status": "100", "tracking_number": ["A1", "B2"], "gift": True,
        "customer": {"name": "Ada", "zip": "01067", "token": "C-1"}, "line_items": {"id": 7, "Quantity": 2},
    })
    assert (parcel.id, parcel.state, parcel.tracking) == ("267227", 100, "A1,B2")
    assert parcel.line_items[0].quantity == 2
    assert parcel.customer is not None
    assert parcel.customer.zip == "01067"
    assert "C-1" not in repr(parcel)
    assert (parcel.model_extra or {})["gift"] is True


# Types.


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param("2012-04-16T13:54:12", datetime(2012, 4, 16, 13, 54, 12, tzinfo=UTC), id="without a zone it is GMT"),
    pytest.param("2012-04-16T13:54:12.1234567", datetime(2012, 4, 16, 13, 54, 12, 123456, tzinfo=UTC), id="seven digits"),
    pytest.param("2012-04-16T13:54:12Z", datetime(2012, 4, 16, 13, 54, 12, tzinfo=UTC), id="Z"),
    pytest.param("2012-04-16T13:54:12+02:00", datetime(2012, 4, 16, 11, 54, 12, tzinfo=UTC), id="a zone"),
    pytest.param("0001-01-01T00:00:00", datetime(1, 1, 1, tzinfo=UTC), id=".NET's nothing"),
    pytest.param("", None, id="empty"), pytest.param(None, None, id="null"),
])
def test_moments_are_gmt(text, expected):
    assert Category(id=1, created_at=text).created_at == expected


@pytest.mark.parametrize("text", ["soon", "0001-01-01T00:00:00+05:00"])
def test_what_is_no_moment(text):
    with pytest.raises(ValueError):
        gmt(text)
    with pytest.raises(ValidationError):
        Category(id=1, created_at=text)


def test_amounts_are_decimals_with_a_currency():
    price = Price.model_validate({
        "id": 46, "currencies": [{"currency": "usd", "price": 395}, {"currency": "jpy", "price": "100000"}],
        "countries": [{"country_code": "GB", "price": 1}],
    })
    assert price.money("USD") == Money(amount=Decimal("3.95"), currency="USD")
    assert str(price.currencies[0].money.amount) == "3.95"
    assert price.currencies[1].money == Money(amount=Decimal("1000.00"), currency="JPY")
    assert price.countries[0].amount == Decimal("0.01")
    assert price.money("EUR") is None


@pytest.mark.parametrize("cents", [39.5, "3.95", -1, None, 2**53, Decimal("0.5")])
def test_amounts_that_are_no_cents(cents):
    with pytest.raises(ValidationError):
        Price.model_validate({"id": 46, "currencies": [{"currency": "usd", "price": cents}]})


def test_numbers_of_answers_are_never_floats(server, client):
    server.says(b'{"currency_rates": [{"currency": "usd", "rate_to_eur": 1.0838, "date": "2024-03-01T00:00:00"}]}')
    (rate,) = client.currency_rates()
    assert rate.rate_to_eur == Decimal("1.0838")
    server.says(b'{"statistics": [{"revenue": 12.10}]}')
    assert client.statistics("order", 1202, "2024-01-01", date(2024, 1, 31)).data["statistics"][0]["revenue"] == Decimal("12.10")
    assert server.asked[1] == "GET /api/statistics/order/1202.json?StartDate=2024-01-01&EndDate=2024-01-31"


def test_things_are_frozen_and_keep_what_they_do_not_know():
    product = Product.model_validate({"id": "142995", "version": 3, "locales": None, "tags": ["a"], "themes": [{"theme_id": -1}]})
    assert (product.id, product.version, product.locales, product.model_extra) == (
        142995, "3", (), {"tags": ["a"], "themes": [{"theme_id": -1}]})
    with pytest.raises(ValidationError):
        product.title = "x"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(product)) == product


@pytest.mark.parametrize("id", ["0001-26ED-EA4F", "142995", "0001_26ED_EA4F_AA32"])
def test_a_long_id_has_its_shape_K34(id):
    assert Product(id=1, product_id="0001-26ed-ea4f-aa32").product_id == "0001-26ED-EA4F-AA32"
    with pytest.raises(ValidationError):
        Product(id=1, product_id=id)


LIVE = {
    "id": 1, "valid": 1, "published_at": "2024-03-01T00:00:00",
    "price_license_binding": [{"license_id": 16, "price_id": 46}], "content_files": [{"valid": True, "content_type": 1}],
}


@pytest.mark.parametrize(("changed", "reasons"), [
    pytest.param({}, (), id="live"),
    pytest.param({"price_license_binding": []}, ("no licence", "no price"), id="no binding"),
    pytest.param({"price_license_binding": [{"license_id": 16, "price_id": None}]}, ("no price",), id="no price"),
    pytest.param({"price_license_binding": [{"license_id": 16}, {"price_id": 4}]}, ("no licence that has a price",), id="apart"),
    pytest.param({"content_files": [{"valid": True, "content_type": 7}]}, ("no valid content",), id="a trailer only"),
    pytest.param({"content_files": [{"valid": False, "content_type": 1}]}, ("no valid content",), id="content not valid"),
    pytest.param({"valid": 0, "published_at": "0001-01-01T00:00:00"}, ("not valid", "no release date"), id="not released"),
])
def test_why_a_product_is_not_live(changed, reasons):
    assert Product.model_validate(LIVE | changed).not_live() == reasons


def test_whether_a_product_is_live_needs_its_members():
    assert Product(id=1, valid=True).not_live() == (
        "it cannot be told: published_at, price_license_binding, content_files was not read",)


@pytest.mark.parametrize("raw", [
    {"id": 3, "scope": "order/create", "destination": "https://a.example.com", "is_valid": False},
    {"id": 3, "topic": "order/create", "address": "https://a.example.com", "is_active": False},
])
def test_a_webhook_in_both_dialects_A15(raw):
    hook = Webhook.model_validate(raw)
    assert (hook.event, hook.address, hook.active) == ("order/create", "https://a.example.com", False)


def test_licence_languages_are_numbers():
    license = License.model_validate({"id": 16, "locales": [{"language_id": 2}, {"language_id": 99}]})
    assert [one.language for one in license.locales] == ["de", None]


# Tables.


def test_a_list_as_a_table(server, client):
    server.says({"products": [
        {**LIVE, "product_id": "0001-26ED-EA4F-AA32", "attribute_set_id": 7, "tags": "a"}, {"id": 2, "allow_download_trial": 1},
    ]})
    table = client.products().to_frame()
    assert table["id"].tolist() == ["1", "2"]
    assert table["product_id"].tolist()[0] == "0001-26ED-EA4F-AA32"
    assert table["attribute_set_id"].tolist()[0] == "7"
    assert table["allow_download_trial"].tolist()[1] == 1
    assert not any(isinstance(cell, float) for cell in table["allow_download_trial"].dropna())
    assert "tags" in table
    assert table["published_at"].dt.tz is not None


def test_prices_as_a_table_have_a_column_for_each_currency(server, client):
    server.says({"prices": [
        {"id": 46, "currencies": [{"currency": "eur", "price": 2900}]}, {"id": 47, "currencies": [{"currency": "usd", "price": 5}]},
    ]})
    table = client.prices().to_frame()
    assert table["eur"].tolist() == [Decimal("29.00"), None]
    assert table["usd"].tolist()[1] == Decimal("0.05")


@pytest.mark.parametrize(("fields", "columns"), [
    pytest.param(None, ["id", "title", "comment", "created_at", "enabled", "locales"], id="all"),
    pytest.param(["id", "title"], ["id", "title"], id="those that were asked for"),
])
def test_an_empty_table_has_its_columns(fields, columns):
    assert list(frame([], Category, fields).columns) == columns


def test_pandas_is_imported_for_a_table_only():
    code = "import sys, feedbridge.platforms.flickrocket.client as c; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# The rate.


def test_the_rate_is_our_guess_A13():
    assert (GUESSED_RATE.per_second, GUESSED_RATE.burst) == (2, 10)
    assert rate_of({}) == GUESSED_RATE


@pytest.mark.parametrize(("said", "rate"), [
    ("0.5/4", BurstRate(per_second=0.5, burst=4)), (" 5 ", BurstRate(per_second=5, burst=10)), ("off", BurstRate(per_second=0)),
])
def test_the_rate_can_be_set(said, rate):
    assert rate_of({"FEEDBRIDGE_FLICKROCKET_RATE": said}) == rate


@pytest.mark.parametrize("said", ["fast", "0", "-1", "2/0", "1e9", "2/10/3"])
def test_a_rate_that_is_none(said):
    with pytest.raises(CommandError) as told:
        rate_of({"FEEDBRIDGE_FLICKROCKET_RATE": said})
    assert (told.value.code, told.value.where) == ("flickrocket.setting", "FEEDBRIDGE_FLICKROCKET_RATE")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_second=st.sampled_from([0.3, 1, 2, 7.5]), burst=st.integers(1, 12),
    turns=st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.0, 0.4, 3.0, 30.0])), min_size=5, max_size=60),
)
def test_a_bucket_never_runs_over(tmp_path_factory, per_second, burst, turns):
    folder, clock = tmp_path_factory.mktemp("rates"), Clock()
    rate = BurstRate(per_second=per_second, burst=burst)
    sharers = [BurstLimiter("a", rate, folder, sleep=clock.sleep, clock=clock) for _ in range(2)]
    level, seen = 0.0, clock.now
    for who, idle in turns:
        clock.now += idle
        sharers[who].wait(lambda: False)
        level = max(0.0, level - (clock.now - seen) * per_second) + 1
        seen = clock.now
        assert level <= burst + 1e-6


def test_the_burst_is_given_and_then_the_rate(tmp_path):
    clock = Clock()
    limiter = BurstLimiter("a", GUESSED_RATE, tmp_path, sleep=clock.sleep, clock=clock)
    for _ in range(10):
        limiter.wait(lambda: False)
    assert clock.slept == []
    for _ in range(10):
        limiter.wait(lambda: False)
    assert sum(clock.slept) == pytest.approx(5, abs=0.3)


def test_processes_share_the_rate(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from feedbridge.platforms.flickrocket.client import BurstLimiter, BurstRate\n"
        "limiter = BurstLimiter('a', BurstRate(per_second=10, burst=3), Path(sys.argv[1]))\n"
        "for _ in range(5):\n    limiter.wait(lambda: False)\n    print(time.monotonic())\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    stamps = sorted(float(line) for run in runs for line in run.communicate(timeout=60)[0].split())
    assert len(stamps) == 10
    assert stamps[-1] - stamps[0] >= 0.85  # ten calls, three at once: three further windows of 0.3 seconds


def test_a_client_counts_its_calls(server, clock, tmp_path):
    client = connected(server.url, tmp_path, sleep=clock.sleep, clock=clock, rate=BurstRate(per_second=2, burst=2))
    server.says(*[{"access_token": "t", "refresh_token": "r", "expires_in": 1800}], OK)
    for _ in range(4):
        client.category(4)
    assert sum(clock.slept) == pytest.approx(1, abs=0.3)
    assert list((tmp_path / "tokens" / "rates").glob("calls-*.json"))


def test_processes_call_one_at_a_time_A13(server, tmp_path):
    """Two processes that call as often as they can."""
    TokenStore(tmp_path / "tokens").write("default", GOOD_TOKENS)
    lock, now, most = threading.Lock(), [0], []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        with lock:
            now[0] += 1
            most.append(now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        data = json.dumps({"category": {"id": int(handler.path.split("/")[-1][:-5])}}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    server.says(answer)
    code = (
        "import sys; from pathlib import Path\n"
        "from feedbridge.platforms.flickrocket.client import connect\n"
        "client = connect()\nclient.category(9)\nprint(flush=True)\nsys.stdin.readline()\n"
        "for _ in range(12):\n    client.category(int(sys.argv[1]))\n"
    )
    environment = {**os.environ, "FEEDBRIDGE_FLICKROCKET_HOSTS": server.url, "FEEDBRIDGE_FLICKROCKET_RATE": "off",
                   "FEEDBRIDGE_FLICKROCKET_TOKENS": str(tmp_path / "tokens")}
    runs = [subprocess.Popen([sys.executable, "-c", code, str(id)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env=environment) for id in (1, 2)]
    for run in runs:
        run.stdout.readline()
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    assert [run.communicate(timeout=60) and run.returncode for run in runs] == [0, 0]
    assert most == [1] * 26
    assert {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tokens/rates").iterdir()
            if path.suffix in (".turn", ".next")} == {".turn": 0o600, ".next": 0o600}


def test_who_waits_for_the_turn_is_the_next(tmp_path):
    waits, has, done = threading.Event(), threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    def other() -> None:
        with Turns("a", tmp_path, sleep=sleep).taken(lambda: False):
            has.set()
            done.wait(30)

    thread = threading.Thread(target=other)
    turns = Turns("a", tmp_path)
    with turns.taken(lambda: False):
        thread.start()
        assert waits.wait(30)
    with turns.taken(has.is_set) as mine:  # at once again, and yet the other comes first
        assert not mine
    done.set()
    thread.join()


HOLDING = (
    "import sys, time; from pathlib import Path\nfrom feedbridge.platforms.flickrocket.turns import Turns\n"
    "with Turns('a', Path(sys.argv[1])).taken(lambda: False):\n    print(flush=True)\n    time.sleep(60)\n"
)


def test_a_process_that_dies_lets_go_of_its_turn(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE)
    holder.stdout.readline()
    clock = Clock()
    turns = Turns("a", tmp_path, sleep=clock.sleep)
    with turns.taken(lambda: clock.now > 1_030) as mine:
        assert not mine
    with Turns("b", tmp_path, sleep=clock.sleep).taken(lambda: False) as mine:
        assert mine, "another account"
    holder.kill()
    holder.communicate()
    with turns.taken(lambda: clock.now > 1_060) as mine:
        assert mine


def test_a_turn_is_waited_for_as_long_as_the_patience_lasts(server, clock, keys, tmp_path):
    turns = Turns("a", tmp_path, sleep=clock.sleep)
    client = made(server, clock, keys, tmp_path, patience_seconds=40, turns=turns)
    with Turns("a", tmp_path).taken(lambda: False), pytest.raises(CallError, match="other calls of this machine") as told:
        client.category(4)
    assert (told.value.code, server.calls, clock.now) == ("flickrocket.down", [], pytest.approx(1_040, abs=1))
    server.says(OK)
    assert client.category(4).id == 4


@pytest.mark.parametrize("spoil", [
    pytest.param(lambda folder: folder.write_text(""), id="a file where the folder should be"),
    pytest.param(lambda folder: [folder.mkdir(), *((folder / f"{name}{end}").mkdir() for name in NAMES for end in ENDS)],
                 id="folders where the files should be"),
])
def test_no_place_for_turns_stops_no_call(spoil, server, clock, keys, tmp_path):
    spoil(tmp_path / "rates")
    server.says(OK)
    client = made(server, clock, keys, tmp_path, turns=Turns("a", tmp_path / "rates", sleep=clock.sleep))
    assert (client.category(4).id, clock.slept) == (4, [])


NAMES = [f"calls-{hashlib.sha256(b'a').hexdigest()[:32]}"]
ENDS = (".turn", ".next")


def test_a_file_system_without_locks_stops_no_call(server, clock, keys, tmp_path, monkeypatch):
    def flock(descriptor, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("feedbridge.platforms.flickrocket.turns.fcntl.flock", flock)
    server.says(OK)
    client = made(server, clock, keys, tmp_path, turns=Turns("a", tmp_path, sleep=clock.sleep))
    assert (client.category(4).id, clock.slept) == (4, [])


def test_a_list_keeps_nobody_waiting_between_its_pages(server, clock, keys, tmp_path):
    server.says({"products": page(1, 50)}, OK, {"products": []})
    turns = [Turns("a", tmp_path, sleep=clock.sleep) for _ in range(2)]
    one, two = (made(server, clock, keys, tmp_path, turns=turn) for turn in turns)
    walk = iter(one.products())
    next(walk)
    assert two.category(4).id == 4
    assert len(list(walk)) == 49
    assert clock.slept == []


def test_the_rate_is_not_waited_for_while_the_turn_is_held(server, clock, keys, tmp_path):
    """Nor is a call counted that had to wait for its turn before it was made."""
    limiter = BurstLimiter("a", BurstRate(per_second=1, burst=1), tmp_path, sleep=clock.sleep, clock=clock)
    other = Turns("a", tmp_path)
    seen: list[bool] = []

    def sleep(seconds: float) -> None:
        looks = iter([False, False, True])
        with other.taken(lambda: next(looks)) as mine:
            seen.append(mine)
        clock.sleep(seconds)

    server.says(OK)
    calls = Calls(keys, server.url, limiter, sleep=sleep, clock=clock, turns=Turns("a", tmp_path, sleep=sleep))
    for _ in range(3):
        Client(calls).category(4)
    assert clock.now == pytest.approx(1_002, abs=0.2)
    with Turns("a", tmp_path).taken(lambda: False) as mine:
        assert mine
    assert seen == [True] * len(seen) != []


def test_threads_call_one_at_a_time(server, client):
    open_calls: list[int] = []
    most: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        open_calls.append(1)
        most.append(len(open_calls))
        time.sleep(0.02)
        open_calls.pop()
        data = json.dumps(OK).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    server.says(answer)
    threads = [threading.Thread(target=client.category, args=(4,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


# The sandbox, with tokens as they are.


def connected(base: str, folder: Any, **parts: Any) -> Client:
    store = TokenStore(folder / "tokens")
    if not store.names():
        store.write("default", Tokens(
            "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202",
            "products,orders", "this machine",
        ))
    return connect(
        store=store, hosts=hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": base}), environment={},
        **{"rate": BurstRate(per_second=0), "pause_seconds": 0.05, **parts},
    )


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


@pytest.fixture
def shop(box: SandboxServer, tmp_path_factory) -> Iterator[Client]:
    box.store.reset()
    box.set_faults([])
    with connected(f"{box.url}/flickrocket", tmp_path_factory.mktemp("shop")) as client:
        yield client
    box.set_faults([])


def statuses(box: SandboxServer, action: str) -> list[int | None]:
    return [call["http_status"] for call in reversed(box.calls()) if call["action"] == action]


def test_products_of_the_sandbox(shop):
    assert [one.title for one in shop.products()] == ["Moby-Dick", "City walks", "Field recordings"]
    assert shop.products().count() == 3
    found = shop.product("0001-26ed-ea4f-aa32")
    assert (found.id, found.not_live()) == (142995, ())
    assert shop.product(142995) == found
    (narrow,) = shop.products(fields=["title"], query={"title": "City walks"})
    assert narrow.model_fields_set == {"id", "title"}
    new = shop.create_product({"title": "Night sky", "product_type": 7, "locales": [{"language_id": "en", "title": "Night sky"}]})
    assert shop.update_product(new.id, {"title": "Night skies"}).title == "Night skies"
    assert "no valid content" in shop.product(new.id).not_live()
    shop.delete_product(new.id)
    with pytest.raises(CallError) as told:
        shop.product(new.id)
    assert told.value.code == "flickrocket.gone"


def test_categories_prices_licences_and_themes_of_the_sandbox(shop):
    before = (shop.categories().count(), shop.theme_settings().count())
    made_one = shop.create_category({"title": "Maps"})
    assert [one.title for one in shop.categories()][-1] == "Maps"
    assert shop.update_category(made_one.id, {"comment": "folded"}).comment == "folded"
    shop.delete_category(made_one.id)
    assert shop.price(48).money("eur") == Money(amount=Decimal("3.95"), currency="EUR")
    assert {one.id: one.name for one in shop.licenses()}[17] == "Without DRM"
    assert shop.license(16).locales[0].language == "en"
    theme = shop.create_theme_setting({"title": "Dunes"})
    assert shop.update_theme_setting(theme.id, {"title": "Reeds"}).title == "Reeds"
    assert shop.theme_settings().count() == before[1] + 1
    shop.delete_theme_setting(theme.id)
    assert (shop.categories().count(), shop.theme_settings().count()) == before


def test_parcels_of_the_sandbox(shop):
    assert [one.id for one in shop.fulfillments(state="open")] == ["267227"]
    assert shop.fulfillments("2024-03-05").count() == 1
    sent = shop.update_fulfillment("267227", tracking="00340434161094000002", state=100)
    assert (sent.sent, sent.tracking_numbers) == (True, ("00340434161094000002",))
    assert shop.fulfillments(state="open").count() == 0
    assert shop.fulfillments().to_frame()["id"].tolist() == ["267227", "267228"]


@pytest.mark.parametrize("dialect", ["plugin", "documented"])
def test_webhooks_of_the_sandbox(dialect, shop):
    hook = shop.create_webhook("product/update", "http://127.0.0.1:9/hook", dialect=dialect)
    assert (hook.event, hook.active) == ("product/update", True)
    assert shop.update_webhook(hook.id, active=False, dialect=dialect).active is False
    assert [one.id for one in shop.webhooks(dialect)] == [hook.id]
    assert shop.webhook(hook.id, dialect).address == "http://127.0.0.1:9/hook"
    shop.delete_webhook(hook.id, dialect=dialect)
    assert list(shop.webhooks(dialect)) == []


def test_company_and_figures_of_the_sandbox(shop):
    company = shop.company()
    assert (company.id, company.name) == (1202, "Harbour Books")
    assert len(shop.statistics("order", company.id, "2024-01-01", "2024-01-31").to_frame()) == 31
    rates = {one.currency: one.rate_to_eur for one in shop.currency_rates()}
    assert rates["usd"] == Decimal("1.0838")


def test_api2_of_the_sandbox_by_setting_A14(shop, box):
    shop.category(4)  # exchanges the first token
    with connect(
        access=shop.calls.access, rate=BurstRate(per_second=0), environment={"FEEDBRIDGE_FLICKROCKET_API": "api2"},
    ) as newer:
        assert newer.license(16).name == "Standard"
        assert newer.price(48).money("eur") == Money(amount=Decimal("3.95"), currency="EUR")
        assert "Harbour" in [one.title for one in newer.theme_settings()]
        theme = newer.create_theme_setting({"title": "Dunes"})
        assert newer.update_theme_setting(theme.id, {"title": "Reeds"}).title == "Reeds"
        newer.delete_theme_setting(theme.id)
        new = newer.create_product({"title": "Night sky", "product_type": 7})
        assert newer.update_product(new.id, {"title": "Night skies"}).title == "Night skies"
        assert newer.product("0001-26ed-ea4f-aa32").id == 142995
        newer.delete_product(new.id)
        assert newer.categories().count() == len(list(newer.categories()))
        assert newer.update_fulfillment("267227", tracking="A1").tracking == "A1"
        assert newer.company().id == newer.company(1202).id == 1202
        assert len(list(newer.currency_rates())) == 3
        assert newer.statistics("order", 1202, "2024-01-01", "2024-01-02").data["statistics"]
        hook = newer.create_webhook("product/update", "http://127.0.0.1:9/hook")
        newer.delete_webhook(hook.id)
    called = {call["action"].split()[1].split("/")[0] for call in box.calls()[: box.calls().index(next(
        call for call in box.calls() if call["action"] == "GET api/categories/4.json"))] if "webhooks" not in call["action"]}
    assert called == {"api2"}


@pytest.mark.parametrize(("environment", "given", "asked"), [
    pytest.param({}, None, "api", id="not set"), pytest.param({"API": " "}, None, "api", id="empty"),
    pytest.param({"API": "api"}, None, "api", id="api"), pytest.param({"API": " api2 "}, None, "api2", id="api2"),
    pytest.param({"API": "api2"}, "api", "api", id="what is given comes first"),
])
def test_the_paths_by_setting_A14(environment, given, asked, server, tmp_path):
    store = TokenStore(tmp_path)
    store.write("default", GOOD_TOKENS)
    server.says(OK)
    environment = {f"FEEDBRIDGE_FLICKROCKET_{name}": value for name, value in environment.items()}
    with connect(store=store, environment={**environment, "FEEDBRIDGE_FLICKROCKET_HOSTS": server.url}, api=given) as client:
        client.category(4)
    assert server.asked == [f"GET /{asked}/categories/4.json"]


@pytest.mark.parametrize("said", ["api3", "/api2", "API2", "2"])
def test_paths_that_are_not_there(said, tmp_path):
    with pytest.raises(CommandError) as told:
        connect(store=TokenStore(tmp_path), environment={"FEEDBRIDGE_FLICKROCKET_API": said})
    assert (told.value.code, told.value.where) == ("flickrocket.setting", "FEEDBRIDGE_FLICKROCKET_API")
    assert "say api or api2" in told.value.mend


@pytest.mark.parametrize("fault", ["drop-after:3", "504-after:3", "garbage:3", "empty:3", "html-after:3", "truncated:3", "drop-mid:3"])
def test_a_product_is_made_once_whatever_becomes_of_the_answer(fault, shop, box):
    box.set_faults([f"flickrocket/{fault}"])  # the token, the look-up, the create
    made_one = shop.create_product({"title": "Night sky", "product_type": 7})
    assert [one.id for one in shop.products(query={"title": "Night sky"})] == [made_one.id]
    assert len(statuses(box, "POST api/products.json")) == 1


@pytest.mark.parametrize("fault", ["drop-before:3", "503:3", "html:3", "502:3"])
def test_a_product_that_was_not_made_is_made_then(fault, shop, box):
    box.set_faults([f"flickrocket/{fault}"])
    made_one = shop.create_product({"title": "Night sky", "product_type": 7})
    assert [one.id for one in shop.products(query={"title": "Night sky"})] == [made_one.id]
    assert len(statuses(box, "POST api/products.json")) == 2


def test_pages_of_the_sandbox(shop, box):
    shop.category(4)  # so that the sandbox has its own things already
    things = [{"id": number, "title": f"No. {number}", "enabled": True} for number in range(1, 121)]
    with box.store.transaction() as tx:
        tx.put_flickrocket("categories", things, time.time())
        tx.put_flickrocket("products", things, time.time())
    assert [one.id for one in shop.products()] == list(range(1, 121))
    assert len(list(shop.categories())) == 120
    box.set_faults(["flickrocket/pages:repeat"])
    with pytest.raises(FlickRocketError) as told:
        list(shop.products())
    assert told.value.code == "flickrocket.pages"


def test_an_access_token_that_ended_is_exchanged(tmp_path):
    ahead = [0.0]
    with SandboxServer(data=tmp_path / "box", port=0, clock=lambda: time.time() + ahead[0]) as box:
        with connected(f"{box.url}/flickrocket", tmp_path) as shop:
            shop.category(4)
            ahead[0] = 3600  # FlickRocket's clock; ours still thinks the token good
            assert shop.category(4).title == "Fiction"
        assert statuses(box, "GET api/categories/4.json") == [200, 401, 200]
        assert len(statuses(box, "token")) == 2


def test_a_permission_that_was_taken_back_is_told(tmp_path):
    with SandboxServer(data=tmp_path / "box", port=0) as box, connected(f"{box.url}/flickrocket", tmp_path) as shop:
        shop.category(4)
        TokenStore(tmp_path / "tokens").remove("default")
        elsewhere = connected(f"{box.url}/flickrocket", tmp_path)  # the published token: used up by now
        with pytest.raises(FlickRocketError) as told:
            elsewhere.category(4)
        assert told.value.code == "flickrocket.authorize-again"


def test_nobody_is_logged_in(tmp_path):
    client = connect(store=TokenStore(tmp_path), environment={"FEEDBRIDGE_FLICKROCKET_HOSTS": "http://127.0.0.1:9"})
    with pytest.raises(FlickRocketError) as told:
        client.category(4)
    assert told.value.code == "flickrocket.not-logged-in"


def test_the_sandboxs_bucket_is_waited_for(tmp_path):
    with (
        SandboxServer(data=tmp_path / "box", port=0, bucket=(3, 50.0)) as box,
        connected(f"{box.url}/flickrocket", tmp_path) as shop,
    ):
        for _ in range(5):
            shop.category(4)
        assert statuses(box, "GET api/categories/4.json").count(200) == 5
