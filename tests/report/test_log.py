from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.report.log import Log, masked

NOON = datetime(2025, 11, 20, 12, 0, 0, 5000, tzinfo=UTC)


def line(format, name="run.started", clock=lambda: NOON, **fields) -> str:
    stream = io.StringIO()
    Log(stream, format, clock).event(name, **fields)
    text = stream.getvalue()
    assert text.endswith("\n") and text.count("\n") == 1
    return text[:-1]


def test_a_json_line_has_time_level_event_and_fields():
    entry = json.loads(line("json", source="shop.csv", rows=12, level="warning"))
    assert entry == {"time": "2025-11-20T12:00:00.005Z", "level": "warning", "event": "run.started",
                     "source": "shop.csv", "rows": 12}
    assert list(entry)[:3] == ["time", "level", "event"]


def test_a_text_line_is_one_plain_line():
    assert line("text", source="my shop.csv", rows=12, where=Path("a/b")) == (
        '2025-11-20T12:00:00.005Z info run.started source="my shop.csv" rows=12 where=a/b'
    )


def test_the_time_is_utc_whatever_the_clock_says():
    clock = lambda: NOON.astimezone(timezone(timedelta(hours=-7)))  # noqa: E731 - a clock is a small thing
    assert json.loads(line("json", clock=clock))["time"] == "2025-11-20T12:00:00.005Z"


def test_a_field_cannot_take_the_place_of_the_event():
    entry = json.loads(line("json", event="x", time=5))
    assert (entry["event"], entry["field_event"], entry["field_time"]) == ("run.started", "x", 5)


@pytest.mark.parametrize(
    "name",
    ["secret", "app_secret", "password", "FEEDBRIDGE_FLICKROCKET_PASSWORD", "token", "access_token", "refreshToken",
     "key", "apiKey", "api-key", "API_KEY", "keys", "signature", "Authorization", "consumerSecret"],
)
def test_what_looks_like_a_secret_is_masked(name):
    assert masked({name: "hunter2"}) == {name: "***"}
    assert masked({"settings": [{name: {"a": "hunter2"}}]}) == {"settings": [{name: "***"}]}
    assert "hunter2" not in line("text", **{name: "hunter2"})
    assert "hunter2" not in line("json", **{name: "hunter2"})


@pytest.mark.parametrize("name", ["monkey", "keyboard", "turkey", "passage", "tokenizer", "secretary", "sku"])
def test_words_that_only_contain_one_are_not_masked(name):
    assert masked({name: "shown"}) == {name: "shown"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("https://me:pw@host/x", "https://***@host/x", id="login in a URL"),
        pytest.param("https://host/x?apiKey=1&page=2", "https://host/x?apiKey=***&page=2", id="query"),
        pytest.param("http://localhost/?code=abc&id=12", "http://localhost/?code=***&id=12", id="OAuth code"),
        pytest.param("https://host/a?sku=1#top", "https://host/a?sku=1#top", id="harmless URL"),
        pytest.param("me@example.com", "me@example.com", id="no URL"),
        pytest.param(Decimal("12.50"), "12.50", id="Decimal as text"),
        pytest.param(float("nan"), "nan", id="not a number"),
        pytest.param({"b", "a"}, ["a", "b"], id="sets in order"),
        pytest.param(True, True, id="boolean"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_values_are_said_plainly(value, expected):
    assert masked({"value": value}) == {"value": expected}


def test_an_empty_secret_is_seen_to_be_empty():
    assert masked({"password": "", "token": None}) == {"password": "", "token": None}


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=80), st.sampled_from(["text", "json"]))
def test_any_text_stays_on_its_line_and_steers_nothing(text, format):
    written = line(format, title=text)
    assert not [char for char in written if char < " " or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029\u202e"]
    if format == "json" and "://" not in text:
        assert json.loads(written)["title"] == text


def test_names_that_are_no_secret_in_this_log():
    stream = io.StringIO()
    fields = {
        "failures": [{"key": "TEE-042", "apiKey": "45FD"}], "token": "45FD", "findings": {"json.duplicate-key": 2}, "url": "http://h/?key=45FD",
    }
    Log(stream, "json", lambda: NOON, plain={"key"}).event("result", **fields)
    entry = json.loads(stream.getvalue())
    assert entry["failures"] == [{"key": "TEE-042", "apiKey": "***"}]
    assert (entry["token"], entry["findings"]) == ("***", {"json.duplicate-key": 2})
    assert "45FD" not in stream.getvalue()


class Broken(io.StringIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(None, id="closed at the start"), pytest.param(Broken(BrokenPipeError()), id="nobody reads"),
        pytest.param(Broken(OSError(28, "No space left on device")), id="full disk"),
        pytest.param(Broken(ValueError("I/O operation on closed file")), id="closed"),
    ],
)
@pytest.mark.parametrize("format", ["text", "json"])
def test_a_stream_that_takes_nothing_stops_nothing(stream, format):
    Log(stream, format).event("read", file="a.csv")


def test_a_stream_without_unicode_is_no_trouble():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    Log(stream, "text", lambda: NOON).event("read", file="Käse.csv")
    assert raw.getvalue().endswith(b"file=K\\xe4se.csv\n")
