"""Webhooks: every digest of the document, the store of events, the worker, the receiver over real HTTP."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

import feedbridge.cli
from feedbridge.cli.flickrocket import flickrocket
from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.client import connect
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.events import WINDOW_SECONDS, EventsError, EventStore, Worker, standing_of
from feedbridge.platforms.flickrocket.readings import (
    EMPTY_DIGEST,
    READINGS,
    Reading,
    diagnose,
    digest,
    parse_payload,
    remarks,
    text_of,
    verify,
)
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.platforms.flickrocket.webhooks import WebhookServer, WebhookSettings, create_app
from feedbridge.sandbox.keys import FLICKROCKET_APP_SECRET, FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

SECRET = "fb-test-secret-01"
ORDER = {"company_id": 1202, "producer": "shop", "scope": "order/create", "data": {"type": "order", "id": "267227"}}
PRODUCT = {
    "company_id": 1202, "producer": "shop", "scope": "product/update",
    "data": {"type": "product", "id": "142995", "long_id": "0001-26ED-EA4F-AA32"},
}
LIVE = {
    "id": 142995, "product_id": "0001-26ED-EA4F-AA32", "title": "City walks", "valid": 1,
    "published_at": "2024-02-01T00:00:00", "price_license_binding": [{"license_id": 16, "price_id": 46}],
    "content_files": [{"valid": True, "content_type": 1}],
}

# What section 5.5 of the document says.

TEXTS = {
    "T1": "company_id1202producershopscopeorder/createdatatypeorderid267227",
    "T2": "company_id1202producershopscopeorder/createtypeorderid267227",
    "T3": 'company_id1202producershopscopeorder/createdata{"type":"order","id":"267227"}',
    "T4": "1202shoporder/createorder267227",
    "T5": '{"company_id":1202,"producer":"shop","scope":"order/create","data":{"type":"order","id":"267227"}}',
}
DIGESTS = {
    "T1": (
        "36e9c6f1e9bdaff24e64b4e7f403574f1d4eb1f80cdeb59d267f5243de3ae38f",
        "32877c5491035f82321cdbe5ca56c329ba516873edfe72e984244fb0a2107a35",
        "e00541573f2e8baaef14f1924dfbe9fd808ab74eca6ca7fd2858e76a3c257d9b",
        "df270c43b7580464379a2e94ec0bb1c5a93f574c3c9b5249d39deb941d192ac6",
    ),
    "T2": (
        "66ffe2a8fa93d2a40a5a2dcdecda4b5faff099241ac771f780e23fcda28bd701",
        "3c01412948732dc9a5445bd955c8dd79472bf7c7f67f84b00a8568fea6f39667",
        "0a3da62b287a94ad0813c40534461f20001ac0d3d2797054088b1bb8b9ae888d",
        "efdfcc8e2881bced1c46ff58ca648ab93242c47388d44dd2d2084d33fc1b6613",
    ),
    "T3": (
        "d35af620078b4fa7babd61609d6003bbe362f44f22b544b32b2c4d2c3df41ca2",
        "1bc38f1f5f8bb76bc03bb9cb91f4a6889a11b537bdd3eeffa7a8aa38a0709c6c",
        "0b91768882de467204b28ae38806c9ce838f521472bc3c7657685e6e0b656a9d",
        "6d0cd7d18f53e2359abdc5aef433aeeed7e808e72bfa5e02c8052dcf8762dd31",
    ),
    "T4": (
        "0a6c6c1cd73ad868fdf9efca03060704d5fde97eb92da30dcc540059dcb0c157",
        "5e2f27b99dec25759449cd3d28dee4735c277e8f7da7fe8f1cec6fd83a8869ce",
        "1a71e9dfa0563f8baa195315b0f8ea7b773db2929e64117f6a9000ebee49b31e",
        "1fbf2e84e880ae673da86cfe22e4e012dfb1a8e028c19f0ec1813c094409d0d6",
    ),
    "T5": (
        "a2c996228c2a5d172d2f1c5272686bb560be3060a1ccfa620e41f70c57300d2c",
        "8782585630eccce1755f22f68db416e206c42a62ff8719a71140860b5ca591f9",
        "17fb415910e96ea3de0b592537f914a7a49376b053e207dab3c9a0512e55607e",
        "2d9d4d8e47ce65e581a703bcd1fd13f78393c903000eb9c619df80afa40370a0",
    ),
}
PRODUCT_DIGESTS = (
    "9c0ca04499019a39334542d70d312fbe918684ab56bce3e5bb838b0f7e330968",
    "f3d688b7cccc32d013dcb2e1873ee3294d08e1d90dc98b5c131605d5974a8eb2",
    "5628f38ef2b5720b7b335e9c7b6554f37efa6d1b10d7511919528439841f7f05",
    "3622cfc9121a6dda5c661c610083f4db2243abc169f5816f302eac36f4d22055",
)
VECTORS = [
    *((ORDER, text, f"S{n}", value) for text, row in DIGESTS.items() for n, value in enumerate(row, 1)),
    *((PRODUCT, "T1", f"S{n}", value) for n, value in enumerate(PRODUCT_DIGESTS, 1)),
]


def vector_id(vector) -> str:
    payload, text, salt, _ = vector
    return f"{payload['data']['type']} {text}+{salt}"


def signed(payload: dict, reading: str = "T1+S1", secret: str = SECRET) -> str:
    text, salt = Reading.named(reading)
    return json.dumps({**payload, "hash": digest(payload, text, salt, secret=secret)})


@pytest.mark.parametrize("text", TEXTS)
def test_text_of_each_reading(text):
    assert text_of(ORDER, text) == TEXTS[text]
    assert text_of(json.dumps({**ORDER, "hash": "x"}, indent=4), text) == TEXTS[text]


def test_all_twenty_readings_have_their_vector():
    assert {(text, salt) for payload, text, salt, _ in VECTORS if payload is ORDER} == set(READINGS)
    assert len(READINGS) == 20


@pytest.mark.parametrize(("payload", "text", "salt", "expected"), VECTORS, ids=map(vector_id, VECTORS))
def test_digest(payload, text, salt, expected):
    body = json.dumps({**payload, "hash": expected})
    assert digest(payload, text, salt, secret=SECRET) == expected
    assert digest(body, text, salt, secret=SECRET) == digest(body.encode(), text, salt, secret=SECRET) == expected
    assert verify(body, Reading(text, salt), secret=SECRET)
    assert diagnose(body, SECRET) == [Reading(text, salt)]
    assert not any(verify(body, other, secret=SECRET) for other in READINGS if other != Reading(text, salt))


@pytest.mark.parametrize(
    ("members", "t1", "t5"),
    [
        pytest.param('{"a": 3.50, "b": 1e3, "c": -0.0}', "a3.50b1e3c-0.0", '{"a":3.50,"b":1e3,"c":-0.0}', id="digits as received"),
        pytest.param('{"a": 12345678901234567890123}', "a12345678901234567890123", '{"a":12345678901234567890123}', id="long number"),
        pytest.param('{"a": true, "b": false, "c": null}', "atruebfalsecnull", '{"a":true,"b":false,"c":null}', id="words of JSON"),
        pytest.param('{"a": [1, "x", {"b": 2}], "c": []}', "a1xb2c", '{"a":[1,"x",{"b":2}],"c":[]}', id="lists"),
        pytest.param('{"a": "\\u00e4\\/\\n"}', "aä/\n", '{"a":"ä/\\n"}', id="text is decoded"),
        pytest.param('{"hash": "x", "a": {"hash": "y"}}', "ahashy", '{"a":{"hash":"y"}}', id="only the outer hash is left out"),
        pytest.param('{"b": 1, "a": 2}', "b1a2", '{"b":1,"a":2}', id="order as received"),
        pytest.param("\ufeff{}", "", "{}", id="byte order mark"),
    ],
)
def test_how_values_are_written(members, t1, t5):
    assert text_of(members.encode(), "T1") == t1
    assert text_of(members.encode(), "T5") == t5


def test_parsed_numbers_are_written_as_json_writes_them():
    assert text_of({"a": 1, "b": True, "c": None, "d": Decimal("3.50"), "e": 0.5}, "T1") == "a1btruecnulld3.50e0.5"
    assert text_of({"a": {"b": False, "c": [1, 2]}}, "T3") == 'a{"b":false,"c":[1,2]}'
    assert text_of({"a": {"b": False, "c": [1, {"d": 2}]}}, "T2") == "bfalse1d2"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hash=1", id="a form"),
        pytest.param(b'{"a": 1', id="cut off"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b'{"a": 1, "a": 2}', id="member twice"),
        pytest.param(b'{"data": {"id": "1", "id": "2"}}', id="inner member twice"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"a": "\\ud800"}', id="half a character"),
        pytest.param(b'{"\\ud800": 1}', id="half a character in a name"),
        pytest.param(b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", id="deep"),
        pytest.param(b"[" * 30_000, id="very deep"),
    ],
)
def test_bodies_two_readers_would_read_in_two_ways_are_refused(body):
    with pytest.raises(ValueError):
        parse_payload(body)


HASHES_REFUSED = [
    pytest.param(None, id="missing"),
    pytest.param("", id="empty"),
    pytest.param(EMPTY_DIGEST, id="of the empty string"),
    pytest.param(DIGESTS["T1"][0].upper(), id="upper case"),
    pytest.param(DIGESTS["T1"][0][:-1], id="short"),
    pytest.param(DIGESTS["T1"][0] + "\n", id="line end"),
    pytest.param(DIGESTS["T1"][1], id="another salt"),
    pytest.param(DIGESTS["T2"][0], id="another text"),
    pytest.param(7, id="number"),
    pytest.param([DIGESTS["T1"][0]], id="list"),
    pytest.param("ä" * 64, id="no ASCII"),
]


@pytest.mark.parametrize("value", HASHES_REFUSED)
def test_hashes_refused(value):
    body = json.dumps({**ORDER, "hash": value} if value is not None else ORDER)
    assert not verify(body, Reading("T1", "S1"), secret=SECRET)


def test_the_hash_of_nothing_is_refused_also_where_it_would_be_right():
    """A payload whose text is empty, with a secret of nothing, would have it; there is no such secret."""
    assert hashlib.sha256(b"").hexdigest() == EMPTY_DIGEST
    with pytest.raises(ValueError, match="secret"):
        verify(json.dumps({"hash": EMPTY_DIGEST}), Reading("T1", "S1"), secret="")


@pytest.mark.parametrize("name", ["T1", "T6+S1", "T1+S5", "", "any", "S1+T1"])
def test_readings_that_are_none(name):
    with pytest.raises(ValueError, match="no reading"):
        Reading.named(name)


@pytest.mark.parametrize(
    ("capture", "secret", "said"),
    [
        pytest.param(signed(ORDER, "T3+S4"), SECRET, [], id="fits"),
        pytest.param(json.dumps(ORDER), SECRET, ["has no member hash"], id="no hash"),
        pytest.param(json.dumps({**ORDER, "hash": EMPTY_DIGEST}), SECRET, ["placeholder"], id="of nothing"),
        pytest.param(json.dumps({**ORDER, "hash": "abc"}), SECRET, ["not 64 hex digits"], id="short"),
        pytest.param(json.dumps({**ORDER, "hash": DIGESTS["T1"][0].upper()}), SECRET, ["it would fit T1+S1"], id="upper case"),
        pytest.param(signed(ORDER, "T1+S3"), f" {SECRET}\n", ["without them it fits T1+S3"], id="blanks round the secret"),
        pytest.param(signed(ORDER), "another", ["no reading fits"], id="another secret"),
    ],
)
def test_remarks(capture, secret, said):
    found = remarks(capture, secret)
    assert len(found) == len(said)
    assert all(part in text for part, text in zip(said, found, strict=True))


# The store.


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    with EventStore(tmp_path / "events" / "events.sqlite", clock=clock) as opened:
        yield opened


def product_event(number: int, scope: str = "product/update") -> str:
    return signed({"company_id": 1202, "producer": "shop", "scope": scope, "data": {"type": "product", "id": str(number)}})


def counted(store: EventStore) -> dict[str, int]:
    return {state: number for state, number in store.counts().items() if number}


def test_events_are_claimed_in_order_of_arrival(store):
    for number in (3, 1, 2):
        store.add(product_event(number))
    assert [store.claim().product_id for _ in range(3)] == [3, 1, 2]
    assert store.claim() is None


def test_what_is_stored(store):
    stored = store.add(signed(PRODUCT).encode())
    event = store.claim()
    assert (stored.number, stored.times, stored.new) == (event.number, 1, True)
    assert (event.scope, event.object_id, event.product_id) == ("product/update", "142995", 142995)
    assert (event.long_id, event.company_id, event.state, event.tries) == ("0001-26ED-EA4F-AA32", "1202", "working", 1)
    assert json.loads(event.body) == json.loads(signed(PRODUCT))


@pytest.mark.parametrize("scope", ["order/create", "orders/create"])
def test_both_spellings_of_an_order_are_taken(store, scope):
    store.add(signed({**ORDER, "scope": scope}))
    assert store.claim().scope == "order/create"


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({}, id="empty"),
        pytest.param({"scope": 7, "data": []}, id="wrong kinds"),
        pytest.param({"scope": "product/update", "data": {"id": "1/../../companies"}}, id="id that is a path"),
        pytest.param({"scope": "product/update", "data": {"id": "-5"}}, id="negative id"),
        pytest.param({"scope": "product/update", "data": {"id": "9" * 40}}, id="endless id"),
        pytest.param({"scope": "product/update", "data": {"id": True}}, id="yes as id"),
        pytest.param({"scope": "order/create", "data": {"id": "5"}}, id="id of an order"),
    ],
)
def test_odd_payloads_are_stored_and_name_no_product(store, payload):
    store.add(signed(payload))
    assert store.claim().product_id is None


def test_a_number_as_id_is_taken(store):
    store.add(signed({"scope": "product/update", "data": {"id": 142995}}))
    assert store.claim().product_id == 142995


def test_a_waiting_event_that_comes_again_is_counted_and_keeps_its_place(store):
    first = store.add(product_event(1))
    store.add(product_event(2))
    again = store.add(product_event(1))
    assert (again.number, again.times, again.new) == (first.number, 2, False)
    assert store.counts()["new"] == 2
    assert store.claim().product_id == 1


def test_an_event_that_comes_again_while_it_is_worked_is_worked_once_more(store):
    store.add(product_event(1))
    event = store.claim()
    store.add(product_event(1))
    assert store.claim() is None
    store.finish(event)
    again = store.claim()
    assert (again.number, again.times, again.tries) == (event.number, 2, 1)
    store.finish(again)
    assert counted(store) == {"done": 1}


@pytest.mark.parametrize("ended", ["finish", "fail"])
def test_a_worked_event_that_comes_again_is_worked_once_more_behind_the_others(store, clock, ended):
    """The hash has no time in it: a second change of the product looks like the first one's retry."""
    store.add(product_event(1))
    event = store.claim()
    store.add(product_event(2))
    getattr(store, ended)(event, "")
    clock.now += 3600
    assert store.add(product_event(1)).times == 2
    assert [store.claim().product_id, store.claim().product_id] == [2, 1]


def test_after_the_time_of_retries_it_is_another_event(store, clock):
    first = store.add(product_event(1))
    clock.now += 173_040
    assert store.add(product_event(1)).number == first.number
    clock.now += WINDOW_SECONDS
    assert store.add(product_event(1)).number != first.number


def test_another_hash_or_scope_is_another_event(store):
    other = json.loads(product_event(1))
    other["data"]["long_id"] = "0001-26ED-EA4F-AA32"
    for body in (product_event(1), product_event(1, "product/delete"), signed({k: v for k, v in other.items() if k != "hash"})):
        assert store.add(body).new
    assert store.counts()["new"] == 3


def test_postponed_events_let_others_by_and_come_back(store, clock):
    store.add(product_event(1))
    store.add(product_event(2))
    store.postpone(store.claim(), 60, "busy")
    second = store.claim()
    assert second.product_id == 2
    assert store.claim() is None
    clock.now += 60
    again = store.claim()
    assert (again.product_id, again.tries, again.message) == (1, 2, "busy")


def test_a_clock_set_back_does_not_hold_an_event_for_years(store, clock):
    store.add(product_event(1))
    store.postpone(store.claim(), 60, "")
    clock.now -= 10 * 365 * 86_400
    assert store.claim() is not None


def test_what_a_dead_worker_had_in_hand_comes_back_in_its_place(store):
    for number in (1, 2):
        store.add(product_event(number))
    store.claim()
    assert store.recover() == 1
    assert [store.claim().product_id, store.claim().product_id] == [1, 2]


def test_an_event_that_ends_the_program_every_time_is_given_up(store):
    store.add(product_event(1))
    for _ in range(30):
        assert store.claim() is not None
        store.recover()
    assert store.counts()["failed"] == 1
    assert "ended at every try" in store.events("failed")[0].message
    assert store.again() == 1
    assert store.claim().tries == 1


def test_failed_events_stay_and_worked_ones_are_forgotten_after_a_month(store, clock):
    for number in (1, 2, 3):
        store.add(product_event(number))
    store.finish(store.claim())
    store.fail(store.claim(), "no")
    clock.now += 31 * 86_400
    assert store.forget() == 1
    assert counted(store) == {"new": 1, "failed": 1}


def test_only_the_events_named_are_brought_back(store):
    numbers = [store.add(product_event(number)).number for number in (1, 2)]
    for _ in numbers:
        store.fail(store.claim(), "no")
    assert store.again([numbers[1], 999]) == 1
    assert store.claim().number == numbers[1]


def test_a_dismissed_event_is_kept_for_a_month_and_worked_again_when_it_comes_again(store, clock):
    numbers = [store.add(product_event(number)).number for number in (1, 2, 3, 4)]
    for _ in numbers[:3]:
        store.fail(store.claim(), "no")
    assert store.dismiss([numbers[0], numbers[1], numbers[3], 999]) == 2  # the fourth has not failed
    assert counted(store) == {"new": 1, "failed": 1, "dismissed": 2}
    assert store.again() == 1
    assert store.again([numbers[1]]) == 1  # it was dismissed by mistake
    store.add(product_event(1))
    assert counted(store) == {"new": 4}
    store.fail(store.claim(), "no")
    store.dismiss([numbers[3]])
    clock.now += 31 * 86_400
    assert (store.forget(), counted(store)) == (1, {"new": 3})


VERSION_1 = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    place INTEGER NOT NULL,
    scope TEXT NOT NULL, object_id TEXT NOT NULL, long_id TEXT NOT NULL, company_id TEXT NOT NULL, hash TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'working', 'done', 'failed')),
    again INTEGER NOT NULL DEFAULT 0,
    times INTEGER NOT NULL DEFAULT 1,
    received REAL NOT NULL, last_received REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    worked REAL,
    message TEXT NOT NULL DEFAULT ''
);
CREATE INDEX events_same ON events (hash, scope, object_id);
CREATE INDEX events_queue ON events (state, place);
INSERT INTO events VALUES (3, 1, 'product/update', '7', '', '1202', 'ab', '{}', 'failed', 0, 2, 5, 6, 30, 0, 7, 'no');
INSERT INTO events VALUES (9, 2, 'product/update', '8', '', '1202', 'cd', '{}', 'done', 0, 1, 5, 6, 1, 0, 7, 'live');
DELETE FROM events WHERE number = 9;
PRAGMA user_version = 1;
"""


def test_a_file_of_before_there_was_dismissing_is_taken_over(tmp_path):
    path = tmp_path / "events.sqlite"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(VERSION_1)
    for _ in range(2):
        with EventStore(path) as store:
            (event,) = store.events()
            assert (event.number, event.object_id, event.state, event.times, event.message) == (3, "7", "failed", 2, "no")
    with EventStore(path) as store:
        assert store.dismiss([3]) == 1
        assert store.add(product_event(1)).number == 10  # 9 was given once
    with closing(sqlite3.connect(path)) as made:
        indexes = made.execute("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name").fetchall()
    assert indexes == [("events_queue",), ("events_same",)]


def test_the_file_is_for_its_owner_and_every_commit_reaches_the_disk(store):
    store.add(product_event(1))
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_lies_beside_the_file_is_for_its_owner_too(store):
    lock = store.path.with_name(f"{store.path.name}.worker")
    store.add(product_event(1))
    Worker(store, Shop(1).product, lambda _: None).drain()
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in store.path.parent.iterdir()} == {
        store.path.name: "0o600", lock.name: "0o600", f"{store.path.name}-wal": "0o600", f"{store.path.name}-shm": "0o600"}


def test_two_openings_of_one_file_share_it(store, clock):
    with EventStore(store.path, clock=clock) as other:
        store.add(product_event(1))
        assert other.add(product_event(1)).times == 2
        assert other.claim() is not None
        assert store.claim() is None


def test_many_threads_store_at_once(store):
    def add(start: int) -> None:
        for number in range(start, start + 10):
            store.add(product_event(number))

    threads = [threading.Thread(target=add, args=(1 + 5 * part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.events(limit=100)
    assert sorted(event.product_id for event in found) == list(range(1, 26))
    assert sum(event.times for event in found) == 40


def test_a_process_that_forks_opens_the_file_anew(store):
    store.add(product_event(1))
    child = os.fork()
    if child == 0:
        try:
            store.add(product_event(2))
        finally:
            os._exit(0 if store.counts()["new"] == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    store.add(product_event(3))
    assert [event.product_id for event in store.events()] == [1, 2, 3]


@pytest.mark.parametrize("content", [pytest.param(b"no database" * 100, id="text"), pytest.param(None, id="of something else"),
                                     pytest.param(9, id="of a newer feedbridge")])
def test_a_file_that_is_not_ours_is_left_alone(tmp_path, content):
    path = tmp_path / "events.sqlite"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with closing(sqlite3.connect(path)) as connection:
            if content is None:
                connection.execute("CREATE TABLE orders (id)")
            else:
                connection.execute(f"PRAGMA user_version = {content}")
            connection.commit()
    with pytest.raises(EventsError, match="cannot be used") as caught:
        EventStore(path)
    assert caught.value.code == "flickrocket.events"
    if isinstance(content, bytes):
        assert path.read_bytes() == content


# How a product stands.


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({}, (), id="live"),
        pytest.param({"price_license_binding": []}, ("no licence", "no price"), id="nothing bound"),
        pytest.param({"price_license_binding": [{"license_id": 16, "price_id": None}]}, ("no price",), id="no price"),
        pytest.param({"valid": 0}, ("not valid",), id="not valid"),
        pytest.param({"published_at": "2000-12-31T00:00:00"}, ("no release date",), id="unpublished"),
        pytest.param({"content_files": [{"valid": True, "content_type": 7}]}, ("no valid content",), id="only a trailer"),
        pytest.param({"content_files": [{"valid": False, "content_type": 1}]}, ("no valid content",), id="invalid content"),
    ],
)
def test_standing(change, why):
    standing = standing_of({**LIVE, **change}, id=142995)
    assert (standing.live, standing.why, standing.gone) == (not why, why, False)
    assert (standing.id, standing.long_id, standing.title) == (142995, "0001-26ED-EA4F-AA32", "City walks")


def test_standing_of_a_product_that_is_gone():
    standing = standing_of(None, id=7, scope="product/delete", long_id="0001-26ED-EA4F-AA32")
    assert (standing.gone, standing.live, standing.long_id, standing.product) == (True, False, "0001-26ED-EA4F-AA32", None)


def test_another_product_than_asked_for_is_no_answer():
    with pytest.raises(ValueError, match="FlickRocket gave 142995"):
        standing_of(LIVE, id=7)


# The worker.


class Shop:
    """What FlickRocket has now; ``fails`` are raised, one a call, before it answers."""

    def __init__(self, *numbers: int) -> None:
        self.products = {number: {**LIVE, "id": number} for number in numbers}
        self.fails: list[Exception] = []
        self.asked: list[int] = []

    def product(self, number: int):
        self.asked.append(number)
        if self.fails:
            raise self.fails.pop(0)
        if number not in self.products:
            raise FlickRocketError("there is no such product", code="flickrocket.gone", status=404)
        return self.products[number]


class Told:
    """What was observed."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict]] = []

    def __call__(self, event: str, *, level: str = "info", **fields) -> None:
        self.events.append((event, fields))

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


def test_products_are_read_back_in_order_and_reported(store):
    shop, seen = Shop(1, 2), []
    for body in (product_event(2), product_event(3, "product/create"), product_event(1, "product/delete")):
        store.add(body)
    assert Worker(store, shop.product, seen.append).drain() == 3
    assert [(s.id, s.scope, s.live, s.gone) for s in seen] == [
        (2, "product/update", True, False),
        (3, "product/create", False, True),
        (1, "product/delete", True, False),  # a late event: it is there, whatever the event says
    ]
    assert [event.message for event in store.events("done")] == ["live", "gone", "live"]


def test_late_twice_and_out_of_order_end_in_what_is_there_now(store):
    shop, ledger = Shop(1), {}

    def on_product(standing) -> None:
        ledger[standing.id] = None if standing.gone else standing.title

    worker = Worker(store, shop.product, on_product)
    shop.products[1]["title"] = "New"
    for body in (product_event(1, "product/delete"), product_event(1), product_event(1, "product/create"), product_event(1)):
        store.add(body)
    assert worker.drain() == 3
    assert ledger == {1: "New"}
    shop.products[1]["title"] = "Newest"
    store.add(product_event(1))
    assert worker.drain() == 1
    assert ledger == {1: "Newest"}
    del shop.products[1]
    store.add(product_event(1))
    worker.drain()
    assert ledger == {1: None}


def test_what_is_not_about_a_product_goes_to_the_other_hook(store):
    others, products = [], []
    store.add(signed(ORDER))
    store.add(signed({"company_id": 1202, "scope": "app/uninstalled", "data": {}}))
    told = Told()
    assert Worker(store, Shop().product, products.append, on_other=others.append, observe=told).drain() == 2
    assert [event.scope for event in others] == ["order/create", "app/uninstalled"]
    assert products == []
    assert "app.uninstalled" in told.names()


def test_events_of_another_company_are_left_alone(store):
    shop = Shop(142995)
    store.add(signed(PRODUCT))
    assert Worker(store, shop.product, lambda _: None, company_id="77").drain() == 1
    assert shop.asked == []
    assert "of company 1202, not of 77" in store.events("done")[0].message


def test_an_event_that_names_no_company_is_worked(store):
    seen = []
    store.add(signed({"scope": "product/update", "data": {"id": "1"}}))
    Worker(store, Shop(1).product, seen.append, company_id="77").drain()
    assert [standing.id for standing in seen] == [1]


def test_an_event_without_a_usable_id_fails_and_asks_nothing(store):
    shop = Shop(1)
    store.add(signed({"scope": "product/update", "data": {"id": "1/../2"}}))
    Worker(store, shop.product, lambda _: None).drain()
    assert shop.asked == []
    assert "is no product id" in store.events("failed")[0].message


@pytest.mark.parametrize("code", ["flickrocket.down", "flickrocket.authorize-again", "flickrocket.not-logged-in"])
def test_while_flickrocket_cannot_be_asked_every_event_waits_and_no_try_is_counted(store, code):
    shop, told, seen = Shop(1, 2), Told(), []
    shop.fails = [FlickRocketError("not now", code=code)]
    store.add(product_event(1))
    store.add(product_event(2))
    worker = Worker(store, shop.product, seen.append, observe=told)
    assert worker.drain() == 0
    assert (shop.asked, store.counts()["new"], told.names()) == ([1], 2, ["worker.down"])
    assert worker.drain() == 2
    assert [standing.id for standing in seen] == [1, 2]
    assert [event.tries for event in store.events("done")] == [1, 1]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(FlickRocketError("unreadable", code="flickrocket.answer"), id="of one product"),
        pytest.param(RuntimeError("the ledger is busy"), id="of the hook"),
    ],
)
def test_a_failing_event_is_tried_again_later_and_others_go_on(store, clock, error):
    shop, seen = Shop(1, 2), []
    shop.fails = [error]
    store.add(product_event(1))
    store.add(product_event(2))
    worker = Worker(store, shop.product, seen.append)
    worker.drain()
    assert [standing.id for standing in seen] == [2]
    clock.now += 6
    worker.drain()
    assert [standing.id for standing in seen] == [2, 1]


def test_an_event_that_never_works_is_given_up_after_some_twenty_hours(store, clock):
    began = clock.now
    store.add(product_event(1))

    def on_product(standing) -> None:
        raise RuntimeError("no")

    worker = Worker(store, Shop(1).product, on_product)
    while store.counts()["new"]:
        worker.drain()
        clock.now += 60
    assert 20 * 3600 < clock.now - began < 24 * 3600
    failed = store.events("failed")[0]
    assert (failed.tries, failed.message) == (30, "RuntimeError: no")


def test_one_worker_at_a_time_and_the_next_takes_over(store, clock):
    told, seen = Told(), []
    store.add(product_event(1))
    store.claim()  # the first one dies with an event in hand
    with EventStore(store.path, clock=clock) as other:
        worker = Worker(other, Shop(1).product, seen.append, observe=told, poll_seconds=0.01)
        lock = store.worker_lock()
        lock.acquire()
        thread = threading.Thread(target=worker.run)
        thread.start()
        until(lambda: "worker.waiting" in told.names())
        assert seen == []
        lock.release()
        until(lambda: seen)
        worker.stop()
        thread.join(5)
        assert not thread.is_alive()
    assert "worker.recovered" in told.names()
    assert store.counts()["done"] == 1


def test_a_worker_outlives_trouble_with_its_file(store):
    told, seen = Told(), []
    with EventStore(store.path, wait_seconds=0.01) as theirs:
        worker = Worker(theirs, Shop(1).product, seen.append, observe=told, first_pause_seconds=0.01, poll_seconds=0.01)
        with closing(sqlite3.connect(store.path, isolation_level=None)) as blocking:
            store.add(product_event(1))
            blocking.execute("BEGIN IMMEDIATE")
            thread = threading.Thread(target=worker.run)
            thread.start()
            until(lambda: told.names().count("worker.down") >= 2)
            blocking.execute("ROLLBACK")
        until(lambda: seen)
        worker.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_stopping_finishes_the_event_in_hand(store):
    inside, go_on, seen = threading.Event(), threading.Event(), []

    def on_product(standing) -> None:
        inside.set()
        go_on.wait(10)
        seen.append(standing.id)

    store.add(product_event(1))
    store.add(product_event(2))
    worker = Worker(store, Shop(1, 2).product, on_product)
    thread = threading.Thread(target=worker.run)
    thread.start()
    inside.wait(10)
    worker.stop()
    go_on.set()
    thread.join(10)
    assert seen == [1]
    assert counted(store) == {"new": 1, "done": 1}


def until(true, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


# The receiver.


@contextmanager
def receiving(store, *, observe=None, on_stored=None, **settings):
    known = WebhookSettings(secret=SECRET, events=store.path, **settings)
    app = create_app(known, store=store, observe=observe or Told(), on_stored=on_stored)
    with WebhookServer(app, port=0, path=known.path) as server:
        yield server


def call(url: str, body: bytes | str = b"", method: str = "POST", path: str | None = None, headers=None):
    """(status, body, headers) of one real call."""
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)) as connection:
        connection.request(method, path if path is not None else parts.path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers


def test_a_genuine_event_is_stored_before_the_answer(store):
    woken = []
    with receiving(store, on_stored=lambda: woken.append(store.counts()["new"])) as server:
        assert call(server.url, signed(PRODUCT))[0] == 200
        assert woken == [1]
        assert store.counts()["new"] == 1
        assert call(server.url, signed(PRODUCT))[0] == 200
    assert [(event.product_id, event.times) for event in store.events()] == [(142995, 2)]


def test_an_event_that_is_not_understood_is_taken_all_the_same(store):
    """Another answer than 200 would block the app, and in the end switch the webhook off."""
    with receiving(store) as server:
        assert call(server.url, signed({"something": "new"}))[0] == 200
    assert store.counts()["new"] == 1


@pytest.mark.parametrize("value", HASHES_REFUSED)
def test_wrong_and_missing_hashes_are_401_and_nothing_is_stored(store, value):
    told = Told()
    with receiving(store, observe=told) as server:
        status, text, _ = call(server.url, json.dumps({**ORDER, "hash": value} if value is not None else ORDER))
    assert (status, text) == (401, "the hash is missing or wrong\n")
    assert store.counts()["new"] == 0
    assert told.names() == ["webhook.refused"]
    assert SECRET not in repr(told.events)


@pytest.mark.parametrize("reading", [reading for reading in READINGS if reading != Reading("T1", "S1")], ids=str)
def test_only_the_one_reading_is_taken_and_the_log_says_which_would_fit(tmp_path_factory, reading):
    told = Told()
    with EventStore(tmp_path_factory.mktemp("events") / "events.sqlite") as store:
        with receiving(store, observe=told) as server:
            assert call(server.url, signed(PRODUCT, str(reading)))[0] == 401
        assert told.events[-1][1]["fits"] == str(reading)
        assert f"WEBHOOK_READING={reading}" in told.events[-1][1]["mend"]
        with receiving(store, reading=reading) as server:
            assert call(server.url, signed(PRODUCT, str(reading)))[0] == 200
            assert call(server.url, signed(PRODUCT))[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", None, b"", 405, id="GET"),
        pytest.param("HEAD", None, b"", 405, id="HEAD"),
        pytest.param("OPTIONS", None, b"", 405, id="OPTIONS"),
        pytest.param("PUT", None, signed(PRODUCT), 405, id="PUT"),
        pytest.param("DELETE", None, b"", 405, id="DELETE"),
        pytest.param("POST", "/", signed(PRODUCT), 404, id="another path"),
        pytest.param("POST", "/webhooks//flickrocket", signed(PRODUCT), 404, id="two slashes"),
        pytest.param("POST", "/static/x", b"", 404, id="no static files"),
        pytest.param("POST", "/health", signed(PRODUCT), 405, id="POST to health"),
        pytest.param("POST", None, b"", 400, id="empty body"),
        pytest.param("POST", None, b"hash=1&scope=2", 400, id="form"),
        pytest.param("POST", None, b"[]", 400, id="list"),
        pytest.param("POST", None, b"[" * 60_000, 400, id="deep"),
        pytest.param("POST", None, b'{"a": "\xff"}', 400, id="not UTF-8"),
        pytest.param("POST", None, b"x" * (64 * 1024 + 1), 413, id="too long"),
        pytest.param("POST", None, b"x" * (3 * 1024 * 1024), 413, id="much too long"),
    ],
)
def test_what_is_refused(store, method, path, body, status):
    told = Told()
    with receiving(store, observe=told) as server:
        found, text, headers = call(server.url, body, method, path)
        assert found == status
        assert "Location" not in headers
        assert "Traceback" not in text and "Werkzeug" not in str(headers)
        assert headers.get("Allow", "") == ("POST" if status == 405 and path is None else "")
        assert call(server.url, signed(PRODUCT))[0] == 200
    assert store.counts()["new"] == 1
    assert "webhook.fault" not in told.names()


def test_a_path_with_a_slash_at_its_end_is_taken_without_a_redirect(store):
    with receiving(store) as server:
        assert call(server.url, signed(PRODUCT), path="/webhooks/flickrocket/")[0] == 200


def test_a_body_in_chunks_is_taken_within_the_limit(store):
    with receiving(store) as server:
        parts = [signed(PRODUCT).encode()[:50], signed(PRODUCT).encode()[50:]]
        assert call(server.url, iter(parts))[0] == 200
        endless = iter([b"x" * 65_536] * 4)
        assert call(server.url, endless)[0] == 413
    assert store.counts()["new"] == 1


def test_a_body_that_breaks_off_is_not_taken(store):
    told = Told()
    with receiving(store, observe=told) as server:
        parts = urlsplit(server.url)
        body = signed(PRODUCT).encode()
        with closing(socket.create_connection((parts.hostname, parts.port), timeout=20)) as connection:
            connection.sendall(
                f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:-20])
            connection.shutdown(socket.SHUT_WR)
            assert b" 400 " in connection.recv(4096)
    assert store.counts()["new"] == 0


def test_an_event_that_cannot_be_stored_is_503_and_sent_again(store):
    told = Told()
    with EventStore(store.path, wait_seconds=0.05) as theirs, receiving(theirs, observe=told) as server:
        with closing(sqlite3.connect(store.path, isolation_level=None)) as blocking:
            blocking.execute("BEGIN IMMEDIATE")
            status, text, _ = call(server.url, signed(PRODUCT))
        assert (status, text) == (503, "the event cannot be stored now\n")
        assert call(server.url, signed(PRODUCT))[0] == 200
    assert told.names() == ["webhook.not-stored", "webhook.received"]


def test_a_fault_is_a_plain_500(store):
    told = Told()

    def broken() -> None:
        raise RuntimeError("a detail nobody outside is to see")

    with receiving(store, observe=told, on_stored=broken) as server:
        status, text, _ = call(server.url, signed(PRODUCT))
    assert (status, text) == (500, "the receiver has a fault\n")
    assert "webhook.fault" in told.names()


def health(server: WebhookServer) -> int:
    return call(server.url, method="GET", path="/health")[0]


def test_health(store, clock):
    with receiving(store) as server:
        assert call(server.url, method="GET", path="/health")[:2] == (200, "ok\n")
        store.path.rename(store.path.with_suffix(".away"))
        store.close()
        store.path.mkdir()
        clock.now += 10
        assert health(server) == 503


def test_health_leaves_nothing_behind_and_tries_once_in_ten_seconds(store, clock):
    store.add(product_event(1))
    clock.now += 10
    with receiving(store) as server, closing(sqlite3.connect(store.path)) as beside:
        log = store.path.with_name(f"{store.path.name}-wal")
        before, size = "\n".join(beside.iterdump()), log.stat().st_size
        assert health(server) == 200
        assert "\n".join(beside.iterdump()) == before
        tried = log.stat().st_size
        assert tried > size
        assert [health(server) for _ in range(5)] == [200] * 5
        assert log.stat().st_size == tried
        clock.now += 10
        assert (health(server), log.stat().st_size > tried) == (200, True)
    assert store.add(product_event(2)).number == 2


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "none", folder], capture_output=True, check=False
    ).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def both(server: WebhookServer) -> tuple[int, int]:
    """What the receiver answers to an event, and what it says of itself."""
    return call(server.url, signed(PRODUCT))[0], health(server)


@pytest.mark.parametrize("first", [pytest.param(both, id="after an event"), pytest.param(health, id="before any event")])
def test_health_on_a_full_disk(small_disk, clock, first):
    with EventStore(small_disk / "events.sqlite", clock=clock) as store, receiving(store) as server:
        assert both(server) == (200, 200)
        with (small_disk / "large").open("wb", buffering=0) as large, suppress(OSError):
            while large.write(bytes(4096)):
                pass
        clock.now += 10
        assert first(server) in (503, (503, 503))
        assert both(server) == (503, 503)
        (small_disk / "large").unlink()
        clock.now += 10
        assert health(server) == 200
        assert both(server) == (200, 200)


def test_health_says_ok_as_soon_as_an_event_is_stored_again(store, clock):
    with EventStore(store.path, clock=clock, wait_seconds=0.05) as theirs, receiving(theirs) as server:
        with closing(sqlite3.connect(store.path, isolation_level=None)) as blocking:
            blocking.execute("BEGIN IMMEDIATE")
            assert both(server) == (503, 503)
        assert health(server) == 503  # not tried again yet
        assert both(server) == (200, 200)


def test_health_on_a_disk_that_may_not_be_written(small_disk, clock):
    with EventStore(small_disk / "events.sqlite", clock=clock) as store, receiving(store) as server:
        assert both(server) == (200, 200)
        store.close()
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        clock.now += 10
        assert health(server) == 503
        assert both(server) == (503, 503)
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        assert both(server) == (200, 200)


def test_health_of_a_file_that_may_not_grow(store, clock):
    with receiving(store) as server:
        assert both(server) == (200, 200)
        clock.now += 10
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (store.path.with_name(f"{store.path.name}-wal").stat().st_size, before[1]))
        try:
            found = health(server), *both(server)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert found == (503, 503, 503)


def test_the_latest_refused_payload_is_captured_for_diagnose(store, tmp_path):
    capture = tmp_path / "captures" / "refused.json"
    body = signed(PRODUCT, "T4+S2")
    with receiving(store, capture=capture) as server:
        assert call(server.url, json.dumps(PRODUCT))[0] == 401
        assert not capture.exists()
        assert call(server.url, body)[0] == 401
    assert capture.read_text() == body
    assert capture.stat().st_mode & 0o777 == 0o600
    assert list(map(str, diagnose(capture.read_bytes(), SECRET))) == ["T4+S2"]


def test_twenty_at_once(store):
    with receiving(store) as server:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda number=number: statuses.append(call(server.url, product_event(number))[0]))
            for number in range(1, 21)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 20
    assert store.counts()["new"] == 20


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        pytest.param({}, "APP_SECRET", id="no secret"),
        pytest.param({"FEEDBRIDGE_FLICKROCKET_APP_SECRET": " "}, "APP_SECRET", id="blank secret"),
        pytest.param({"FEEDBRIDGE_FLICKROCKET_WEBHOOK_READING": "any"}, "READING", id="no reading"),
        pytest.param({"FEEDBRIDGE_FLICKROCKET_WEBHOOK_PATH": "hook"}, "PATH", id="no slash"),
        pytest.param({"FEEDBRIDGE_FLICKROCKET_WEBHOOK_PATH": "/<path:x>"}, "PATH", id="pattern"),
        pytest.param({"FEEDBRIDGE_FLICKROCKET_WEBHOOK_PATH": "/health"}, "PATH", id="health"),
    ],
)
def test_settings_that_are_refused(environment, where):
    good = {} if where == "APP_SECRET" else {"FEEDBRIDGE_FLICKROCKET_APP_SECRET": SECRET}
    with pytest.raises(CommandError) as caught:
        WebhookSettings.from_environment({**good, **environment})
    assert where in caught.value.where
    assert caught.value.code == "flickrocket.setting"
    assert SECRET not in str(caught.value)


def test_settings_of_the_environment(tmp_path):
    settings = WebhookSettings.from_environment({
        "FEEDBRIDGE_FLICKROCKET_APP_SECRET": SECRET, "FEEDBRIDGE_FLICKROCKET_WEBHOOK_READING": "t3+s4",
        "FEEDBRIDGE_FLICKROCKET_EVENTS": str(tmp_path / "e"), "FEEDBRIDGE_FLICKROCKET_WEBHOOK_PATH": "/hook",
    })
    assert (settings.reading, settings.events_path, settings.path) == (Reading("T3", "S4"), tmp_path / "e", "/hook")
    assert SECRET not in repr(settings)


def test_any_wsgi_server_runs_it_with_settings_from_the_environment(store, monkeypatch):
    class Handler(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

        def get_stderr(self):
            return sys.stderr

    monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_APP_SECRET", SECRET)
    monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_WEBHOOK_READING", "T5+S3")
    monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_EVENTS", str(store.path))
    with make_server("127.0.0.1", 0, validator(create_app()), handler_class=Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/webhooks/flickrocket"
        found = [call(url, signed(PRODUCT, reading))[0] for reading in ("T5+S3", "T1+S1")]
        server.shutdown()
        thread.join()
    assert found == [200, 401]
    assert store.claim().product_id == 142995


# The commands, as processes, against the sandbox.

feedbridge.cli.cli.add_command(flickrocket)
FEEDBRIDGE = """
import sys
from feedbridge.cli import cli, run
from feedbridge.cli.flickrocket import flickrocket
cli.add_command(flickrocket)
sys.exit(run(["flickrocket", *sys.argv[1:]]))
"""


class Here:
    """A sandbox, a shop that is logged in there, and the commands."""

    def __init__(self, box: SandboxServer, folder) -> None:
        self.box = box
        self.folder = folder
        self.events = folder / "state" / "events.sqlite"
        self.environment = {
            **os.environ,
            "FEEDBRIDGE_FLICKROCKET_HOSTS": f"{box.url}/flickrocket",
            "FEEDBRIDGE_FLICKROCKET_TOKENS": str(folder / "tokens"),
            "FEEDBRIDGE_FLICKROCKET_RATE": "off",
            "FEEDBRIDGE_FLICKROCKET_APP_SECRET": FLICKROCKET_APP_SECRET,
            "FEEDBRIDGE_FLICKROCKET_EVENTS": str(self.events),
        }
        TokenStore(environment=self.environment).write("default", Tokens(
            access_token="none", refresh_token=FLICKROCKET_REFRESH_TOKEN, expires=datetime(2020, 1, 1, tzinfo=UTC),
            client_id=FLICKROCKET_CLIENT_ID, company_id="1202", scope="products,webhooks", site="this machine"))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """One command, in this process."""
        out, err = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        os.environ.update({**self.environment, **environment})
        try:
            with redirect_stdout(out), redirect_stderr(err):
                status = feedbridge.cli.run(["flickrocket", *arguments])
        finally:
            os.environ.clear()
            os.environ.update(before)
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    @contextmanager
    def listening(self, *arguments: str, **environment: str):
        with Listener(self, arguments, environment) as listener:
            yield listener

    def registered(self, *arguments: str) -> list[dict]:
        found = self.run("webhooks", "list", "--json", *arguments)
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)


class Listener:
    """``feedbridge flickrocket listen`` as a process, and the lines it writes."""

    def __init__(self, here: Here, arguments, environment) -> None:
        self.lines: list[dict] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", FEEDBRIDGE, "listen", "--port", "0", "--log-format", "json", *arguments],
            env={**here.environment, **environment}, stderr=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.lines.append(json.loads(line) if line.startswith("{") else {"event": "text", "text": line})

    def said(self, event: str) -> dict:
        """The first line of an event."""
        until(lambda: any(line["event"] == event for line in self.lines) or self.process.poll() is not None)
        assert event in [line["event"] for line in self.lines], self.lines
        return next(line for line in self.lines if line["event"] == event)

    @property
    def url(self) -> str:
        return self.said("listening")["url"]

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        self.process.wait(30)
        self._thread.join(30)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self._thread.join(30)
        self.process.stderr.close()


@pytest.fixture
def here(tmp_path):
    with SandboxServer(data=tmp_path / "sandbox", port=0, webhook_speed=500) as box:
        yield Here(box, tmp_path)


def test_from_a_changed_product_to_its_standing(here):
    with here.listening() as listener:
        found = here.run("webhooks", "register", listener.url)
        assert found.returncode == 0, found.stderr
        assert {(one["event"], one["address"], one["active"]) for one in here.registered()} == {
            (event, listener.url, True) for event in ("product/create", "product/update", "product/delete")}
        with connect(environment=here.environment) as client:
            product = next(iter(client.products()))
            client.update_product(product.id, {"title": "A new title"})
        said = listener.said("product")
        assert (said["id"], said["title"]) == (product.id, "A new title")
        assert here.box.webhooks_settled()
        until(lambda: any(line["event"] == "event.done" for line in listener.lines))
        assert listener.end(signal.SIGTERM) == 0
        assert "stopped" in [line["event"] for line in listener.lines]
        assert FLICKROCKET_APP_SECRET not in json.dumps(listener.lines)
    shown = here.run("webhooks", "events", "--json")
    assert shown.returncode == 0, shown.stderr
    assert [(event["object_id"], event["state"]) for event in json.loads(shown.stdout)["events"]] == [(str(product.id), "done")]


def test_a_wrong_reading_is_found_from_a_capture_and_retries_bring_the_event_in(here):
    capture = here.folder / "capture.json"
    with ExitStack() as stack:
        listener = stack.enter_context(here.listening("--reading", "T3+S2", "--capture", str(capture)))
        port = str(urlsplit(listener.url).port)
        assert here.run("webhooks", "register", listener.url, "--event", "product/update").returncode == 0
        with connect(environment=here.environment) as client:
            product = next(iter(client.products()))
            client.update_product(product.id, {"title": "Tried again"})
        assert listener.said("webhook.refused")["fits"] == "T1+S1"
        found = here.run("webhooks", "diagnose", str(capture))
        assert (found.returncode, found.stdout) == (0, "T1+S1\n")
        assert listener.end(signal.SIGTERM) == 0
        again = stack.enter_context(here.listening("--port", port))
        assert again.said("product")["title"] == "Tried again"


def test_killed_after_the_answer_nothing_is_lost(here):
    body = signed({**PRODUCT, "data": {"type": "product", "id": "999999"}}, secret=FLICKROCKET_APP_SECRET)
    with here.listening("--only", "receive") as receiver:
        assert call(receiver.url, body)[0] == 200
        assert receiver.end(signal.SIGKILL) == -signal.SIGKILL
    with here.listening("--only", "work") as worker:
        said = worker.said("product")
        assert (said["id"], said["live"], said["why"]) == (999999, False, "there is no such product")
        worker.said("event.done")
        assert worker.end(signal.SIGINT) == 0


def test_killed_with_an_event_in_hand_it_is_worked_the_next_time(here):
    here.box.set_faults(["flickrocket/hang:all"])
    body = signed({**PRODUCT, "data": {"type": "product", "id": "999999"}}, secret=FLICKROCKET_APP_SECRET)
    with here.listening() as listener:
        assert call(listener.url, body)[0] == 200
        with EventStore(here.events) as store:
            until(lambda: store.counts()["working"] == 1)
            assert listener.end(signal.SIGKILL) == -signal.SIGKILL
            assert store.counts()["working"] == 1
    here.box.set_faults([])
    with here.listening() as listener:
        assert listener.said("worker.recovered")["events"] == 1
        assert listener.said("product")["id"] == 999999


@pytest.mark.parametrize("dialect", ["plugin", "documented"])
def test_webhooks_are_registered_once_revived_and_removed(here, dialect):
    address, other = "http://127.0.0.1:9/hook", "http://127.0.0.1:9/other"
    said = ("--dialect", dialect)
    for _ in range(2):
        found = here.run("webhooks", "register", address, "--event", "product/update", "--event", "order/create", *said)
        assert found.returncode == 0, found.stderr
    assert "already there: product/update" in found.stderr
    assert here.run("webhooks", "register", other, *said).returncode == 0
    rows = here.registered(*said)
    assert sorted((one["event"], one["address"]) for one in rows) == [
        ("order/create", address), ("product/create", other), ("product/delete", other), ("product/update", address),
        ("product/update", other)]
    with connect(environment=here.environment) as client:
        for one in rows[:2]:
            client.update_webhook(one["id"], active=False, dialect=dialect)
    assert here.run("webhooks", "revive", str(rows[0]["id"]), *said).returncode == 0
    assert [one["active"] for one in here.registered(*said)].count(False) == 1
    assert here.run("webhooks", "revive", "--all", *said).returncode == 0
    assert all(one["active"] for one in here.registered(*said))
    assert here.run("webhooks", "remove", "--address", other, *said).returncode == 0
    assert here.run("webhooks", "remove", str(here.registered(*said)[0]["id"]), *said).returncode == 0
    left = here.registered(*said)
    assert [one["address"] for one in left] == [address]
    listed = here.run("webhooks", "list", *said).stdout
    assert f"{left[0]['id']}  {left[0]['event']}  {address}  active" in listed


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        pytest.param(["webhooks", "register", "http://shop.example/hook"], {}, 2, "https", id="no https"),
        pytest.param(["webhooks", "register", "https://shop.example/hook", "--event", "x/y"], {}, 2, "x/y", id="no such event"),
        pytest.param(["webhooks", "revive"], {}, 2, "--all", id="revive what"),
        pytest.param(["webhooks", "revive", "1", "--all"], {}, 2, "--all", id="revive one and all"),
        pytest.param(["webhooks", "remove"], {}, 2, "--address", id="remove what"),
        pytest.param(["webhooks", "remove", "0"], {}, 2, "0", id="no id"),
        pytest.param(["webhooks", "diagnose", "CAPTURE"], {"FEEDBRIDGE_FLICKROCKET_APP_SECRET": ""}, 2, "secret", id="no secret"),
        pytest.param(["webhooks", "diagnose", "missing.json"], {}, 3, "[flickrocket.capture]", id="no capture"),
        pytest.param(["webhooks", "diagnose", "BROKEN"], {}, 3, "not JSON", id="broken capture"),
        pytest.param(["webhooks", "diagnose", "CAPTURE"], {}, 1, "no reading fits", id="nothing fits"),
        pytest.param(["listen"], {"FEEDBRIDGE_FLICKROCKET_APP_SECRET": ""}, 2, "secret", id="listen without secret"),
        pytest.param(["listen", "--reading", "all"], {}, 2, "no reading", id="listen to any reading"),
        pytest.param(["listen", "--port", "BUSY"], {}, 2, "is in use", id="port in use"),
        pytest.param(["listen", "--host", "203.0.113.7"], {}, 2, "cannot be listened on", id="address of another machine"),
        pytest.param(["listen", "--shop", "other"], {}, 3, "flickrocket.not-logged-in", id="nobody is logged in"),
        pytest.param(["listen", "--events", "BROKEN"], {}, 3, "flickrocket.events", id="no file of events"),
        pytest.param(["webhooks", "events", "--events", "BROKEN"], {}, 3, "flickrocket.events", id="events of no file"),
    ],
)
def test_what_the_commands_refuse(here, arguments, environment, status, said):
    capture, broken = here.folder / "capture.json", here.folder / "broken.json"
    capture.write_text(json.dumps({**ORDER, "hash": "0" * 64}))
    broken.write_text("{" * 5000)
    with closing(socket.create_server(("127.0.0.1", 0))) as busy:
        places = {"CAPTURE": str(capture), "BROKEN": str(broken), "BUSY": str(busy.getsockname()[1])}
        found = here.run(*[places.get(argument, argument) for argument in arguments], **environment)
    assert (found.returncode, "Traceback" in found.stderr) == (status, False), found.stderr
    assert said in found.stderr
    assert found.stdout == ""


def test_failed_events_are_shown_and_brought_back(here):
    with EventStore(here.events) as store:
        store.add(signed({"scope": "product/update", "data": {"id": "none"}}))
        Worker(store, Shop().product, lambda _: None).drain()
    found = here.run("webhooks", "events")
    assert found.returncode == 1
    assert 'failed: "none" is no product id' in found.stdout
    found = here.run("webhooks", "events", "--again")
    assert (found.returncode, "1 event is worked once more" in found.stderr) == (0, True)
    assert "1 new" in found.stderr


@pytest.mark.parametrize("data", [pytest.param({"id": "../x"}, id="id that is a path"), pytest.param(None, id="no data")])
def test_an_event_that_can_never_be_worked_is_dismissed(here, data):
    def work() -> int:
        with EventStore(here.events) as store:
            Worker(store, Shop().product, lambda _: None).drain()
        return here.run("webhooks", "events").returncode

    with EventStore(here.events) as store:
        for scope in ("product/update", "product/create"):
            store.add(signed({"scope": scope, "data": data}))
    assert work() == 1
    assert here.run("webhooks", "events", "--again", "1").returncode == 1  # the other one still is failed
    assert work() == 1
    found = here.run("webhooks", "events", "--dismiss", "1")
    assert (found.returncode, "1 event is dismissed" in found.stderr) == (1, True)
    assert [line.split()[0] for line in found.stdout.splitlines()] == ["2"]  # the one that is left
    assert here.run("webhooks", "events", "--dismiss", "2").returncode == 0
    found = here.run("webhooks", "events", "--state", "dismissed", "--json")
    told = json.loads(found.stdout)
    assert {event["number"]: event["state"] for event in told["events"]} == {1: "dismissed", 2: "dismissed"}
    assert all("is no product id" in event["message"] for event in told["events"])
    assert (found.returncode, told["counts"]["failed"], told["counts"]["dismissed"]) == (0, 0, 2)
    assert here.run("webhooks", "events", "--again", "2").returncode == 0
    assert work() == 1


@pytest.mark.parametrize(("arguments", "said"), [
    pytest.param(["--dismiss"], "name the events", id="dismiss what"),
    pytest.param(["--dismiss", "--again", "1"], "not both", id="both"),
    pytest.param(["1"], "--again or --dismiss", id="neither"),
    pytest.param(["--dismiss", "1", "3"], "event 3 is not failed; nothing was done [flickrocket.events]\n  mend: feedbridge "
                 "flickrocket webhooks events --state failed", id="one that did not fail"),
    pytest.param(["--again", "99"], "there is no event 99; nothing was done", id="none"),
    pytest.param(["--dismiss", "2"], "event 2 is dismissed already; nothing was done", id="dismissed already"),
])
def test_events_that_cannot_be_settled(here, arguments, said):
    with EventStore(here.events) as store:
        for scope in ("product/update", "product/create"):
            store.add(signed({"scope": scope, "data": None}))
        Worker(store, Shop().product, lambda _: None).drain()
        store.dismiss([2])
        store.add(product_event(3))
        found = here.run("webhooks", "events", *arguments)
        assert (found.returncode, said in found.stderr) == (2, True), found.stderr
        assert counted(store) == {"new": 1, "failed": 1, "dismissed": 1}


def test_the_listing_says_how_many_of_how_many_it_shows(here):
    with EventStore(here.events) as store:
        for number in range(1, 4):
            store.add(product_event(number))
    assert "the latest 2 of 3 are shown" in here.run("webhooks", "events", "--limit", "2").stderr
    assert "shown" not in here.run("webhooks", "events").stderr


def test_no_events_yet(here):
    found = here.run("webhooks", "events")
    assert (found.returncode, found.stdout) == (0, "")
    assert not here.events.exists()
