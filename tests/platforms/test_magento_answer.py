"""Answers of the store: item by item, the whole call, and whatever else comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.platforms.magento.answer import Answer, ItemAnswer, Reached, parse_answer

UPDATED = "Product Updated Successfully!"
REFUSED = "Please pass vaild special_price."


def reply(*items: Any) -> str:
    return json.dumps([{"response": list(items)}])


def item(item_id: Any, code: Any = "200", status: Any = "success", message: Any = UPDATED) -> dict[str, Any]:
    return {"id": item_id, "code": code, "status": status, "message": message}


def test_the_documented_answer():
    answer = parse_answer(reply(item(20417), item(20418, 404, "error", REFUSED)), ["20417", "20418"], 200)
    assert answer == Answer(
        Reached.ITEMS,
        items=(ItemAnswer("20417", True, 200, "success", UPDATED), ItemAnswer("20418", False, 404, "error", REFUSED)),
        http_status=200,
    )
    assert answer.taken == ("20417",)


@pytest.mark.parametrize(("code", "status", "ok", "read"), [
    pytest.param("200", "success", True, 200, id="text"),
    pytest.param(200, "success", True, 200, id="number"),
    pytest.param(201, "SUCCESS", True, 201, id="created, in capitals"),
    pytest.param(" 200 ", " success ", True, 200, id="blanks around"),
    pytest.param(200.0, "success", True, 200, id="number with a point"),
    pytest.param("200", "error", False, 200, id="status says error"),
    pytest.param(404, "success", False, 404, id="code says error"),
    pytest.param("300", "success", False, 300, id="300 is no success"),
    pytest.param("fine", "success", False, None, id="no number"),
    pytest.param(200.5, "success", False, None, id="no whole number"),
    pytest.param("2e2", "success", False, None, id="exponent"),
    pytest.param("٢٠٠", "success", False, None, id="digits of another script"),
    pytest.param(True, "success", False, None, id="boolean"),
    pytest.param(None, "success", False, None, id="null"),
    pytest.param([200], "success", False, None, id="list"),
    pytest.param(200, None, False, 200, id="no status"),
    pytest.param(200, True, False, 200, id="status is no text"),
])
def test_item(code, status, ok, read):
    (found,) = parse_answer(reply(item("7", code, status)), ["7"]).items
    assert (found.ok, found.code) == (ok, read)


@pytest.mark.parametrize("status", [pytest.param(n, id=str(n)) for n in (200, 404, 500, None)])
def test_items_decide_whatever_the_http_status(status):
    answer = parse_answer(reply(item("7")), ["7"], status)
    assert (answer.reached, answer.taken, answer.http_status) == (Reached.ITEMS, ("7",), status)


@pytest.mark.parametrize(("sent", "answered"), [
    pytest.param("20417", 20417, id="number for text"),
    pytest.param("TOTE-1", "TOTE-1", id="text"),
    pytest.param("12345678901234567890", 12345678901234567890, id="beyond 2^53"),
])
def test_ids_are_matched_as_text(sent, answered):
    assert parse_answer(reply(item(answered)), [sent]).taken == (sent,)


@pytest.mark.parametrize(("sent", "answered"), [
    pytest.param("020417", 20417, id="zero in front"),
    pytest.param("7", 7.0, id="number with a point"),
    pytest.param("tee-1", "TEE-1", id="case"),
    pytest.param("7", " 7", id="blank"),
])
def test_ids_that_are_not_the_same(sent, answered):
    answer = parse_answer(reply(item(answered)), [sent])
    assert (answer.items, answer.unanswered) == ((), (sent,))
    assert [found.id for found in answer.unknown] == [str(answered)]


@pytest.mark.parametrize("answered", [
    pytest.param(None, id="null"), pytest.param(True, id="boolean"), pytest.param([7], id="list"),
])
def test_an_answer_without_an_id_is_unreadable(answered):
    answer = parse_answer(reply(item(answered), "nonsense", item("7")), ["7"])
    assert (answer.taken, len(answer.unreadable)) == (("7",), 2)


def test_order_is_that_of_what_was_sent_not_of_the_answer():
    body = json.dumps([{"response": [item("3"), item("1")]}, {"response": [item("9")]}])
    answer = parse_answer(body, ["1", "2", "3"])
    assert [found.id for found in answer.items] == ["1", "3"]
    assert answer.unanswered == ("2",)
    assert [found.id for found in answer.unknown] == ["9"]


@pytest.mark.parametrize("items", [
    pytest.param([item("7"), item("7", 404, "error", REFUSED)], id="taken, then refused"),
    pytest.param([item("7", 404, "error", REFUSED), item("7")], id="refused, then taken"),
])
def test_two_answers_to_one_id_count_as_taken_only_when_both_say_so(items):
    answer = parse_answer(reply(*items), ["7"])
    assert [(found.ok, found.message) for found in answer.items] == [(False, REFUSED)]


@pytest.mark.parametrize(("body", "message"), [
    pytest.param({"message": "Request does not match any route."}, "Request does not match any route.", id="plain"),
    pytest.param({"message": '"%1" is required. %2', "parameters": ["name", 5]}, '"name" is required. 5',
                 id="by place"),
    pytest.param({"message": "%fieldName is required", "parameters": {"fieldName": "name"}}, "name is required",
                 id="by name"),
    pytest.param({"message": "%1 and %10", "parameters": list("abcdefghij")}, "a and j", id="1 is not 10"),
    pytest.param({"message": "100% of %3", "parameters": ["x"]}, "100% of %3", id="nothing to fill in"),
    pytest.param({"message": "%1", "parameters": ["%2", "x"]}, "%2", id="a parameter is not filled in again"),
    pytest.param({"message": "%1", "parameters": [{"a": "ä"}]}, '{"a": "ä"}', id="a parameter that is no text"),
    pytest.param({"message": "no", "parameters": None}, "no", id="null parameters"),
])
def test_error_of_the_whole_call(body, message):
    answer = parse_answer(json.dumps(body), ["7", "8"], 400)
    assert (answer.reached, answer.message, answer.unanswered) == (Reached.REFUSED, message, ("7", "8"))


@pytest.mark.parametrize(("body", "message"), [
    pytest.param(b"", "the answer is empty", id="empty"),
    pytest.param(b"<html>\n  502 Bad Gateway</html>", "<html> 502 Bad Gateway</html>", id="a proxy's page"),
    pytest.param(b"\xff\xfe\x00", "\ufffd\ufffd\x00", id="no UTF-8"),
    pytest.param('{"success":{"7":"1"}}', '{"success":{"7":"1"}}', id="the older interface"),
    pytest.param('{"message":7}', '{"message":7}', id="message is no text"),
    pytest.param('[{"response":{"id":7}}]', '[{"response":{"id":7}}]', id="response is no list"),
    pytest.param('[{"response":[]},7]', '[{"response":[]},7]', id="an element is no object"),
    pytest.param('{"response":[]}', '{"response":[]}', id="not in a list"),
    pytest.param("null", "null", id="null"),
    pytest.param('[{"response":[{"id":7', '[{"response":[{"id":7', id="cut off"),
    pytest.param("[" * 100_000, "[" * 199 + "…", id="nested without end"),
    pytest.param("9" * 10_000, "9" * 199 + "…", id="a number without end"),
])
def test_transport_failure(body, message):
    answer = parse_answer(body, ["7"], 502)
    assert (answer.reached, answer.message, answer.unanswered) == (Reached.TRANSPORT, message, ("7",))


@pytest.mark.parametrize("body", [
    pytest.param("\ufeff" + reply(item("7")), id="text"),
    pytest.param(("\ufeff" + reply(item("7"))).encode(), id="bytes"),
])
def test_a_byte_order_mark_is_no_obstacle(body):
    assert parse_answer(body, ["7"]).taken == ("7",)


def test_an_empty_list_answers_nothing():
    assert parse_answer("[]", ["7"]).unanswered == ("7",)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "code", "status", "message", "response", "parameters", "1"]), inner, max_size=4),
    max_leaves=12,
)
ITEMS = st.fixed_dictionaries({
    "id": st.sampled_from(["7", 7, 8, "A", None]) | SCALARS, "code": st.sampled_from(["200", 200, 404]) | SCALARS,
    "status": st.sampled_from(["success", "error"]) | SCALARS, "message": SCALARS,
})
REPLIES = st.lists(st.fixed_dictionaries({"response": st.lists(ITEMS | JSON, max_size=5)}), max_size=2)
SENT = st.lists(st.sampled_from(["7", "8", "A", ""]) | st.text(max_size=4), max_size=5)
BODIES = st.one_of(st.binary(max_size=60), st.text(max_size=60), JSON.map(json.dumps), REPLIES.map(json.dumps))


@settings(max_examples=200, deadline=None)
@given(BODIES, SENT, st.none() | st.integers())
def test_never_raises_and_accounts_for_every_id(body, sent, status):
    answer = parse_answer(body, sent, status)
    accounted = [found.id for found in answer.items] + list(answer.unanswered)
    assert sorted(accounted) == sorted(set(sent))
    assert not {found.id for found in answer.unknown} & set(sent)
    assert set(answer.taken) <= set(sent)
    if answer.reached is not Reached.ITEMS:
        assert answer.items == answer.unknown == ()
        assert answer.message or isinstance(json.loads(body)["message"], str)
