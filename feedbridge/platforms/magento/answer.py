"""What the store answered to a request: item by item, told by id.

Source: PrintXpand Custom API for Magento 2, "Simple: Multiple Products" and its sibling chapters;
AdobeDocs/commerce-webapi, gs-web-api-response.md (errors of the whole call).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from feedbridge.findings import cut

__all__ = ["Answer", "ItemAnswer", "Reached", "parse_answer"]

SUCCESS = "success"
MAX_CODE_DIGITS = 9
_PLACEHOLDER = re.compile(r"%(\w+)")


class Reached(StrEnum):
    """How far a call came.

    ``items``      the store answered in its own form: the items decide, whatever the HTTP status
    ``refused``    the store refused the whole call and says why
    ``transport``  anything else (a proxy's page, a cut answer): what became of the products is not known
    """

    ITEMS = "items"
    REFUSED = "refused"
    TRANSPORT = "transport"


class ItemAnswer(msgspec.Struct, frozen=True):
    """The answer to one product; ``status`` and ``message`` as they came, ``code`` None when it is no whole number."""

    id: str
    ok: bool
    code: int | None
    status: str
    message: str


class Answer(msgspec.Struct, frozen=True):
    """An answer, read. Every id sent is in ``items`` or in ``unanswered``, and in one of them only.

    ``items``       answers to products that were sent, in the order they were sent
    ``unanswered``  ids sent without an answer: an error each
    ``unknown``     answers to ids that were not sent: a warning each
    ``unreadable``  things in the list that are no answer to a product
    ``message``     what was wrong with the whole call; empty when the store answered item by item
    """

    reached: Reached
    items: tuple[ItemAnswer, ...] = ()
    unanswered: tuple[str, ...] = ()
    unknown: tuple[ItemAnswer, ...] = ()
    unreadable: tuple[str, ...] = ()
    message: str = ""
    http_status: int | None = None

    @property
    def taken(self) -> tuple[str, ...]:
        """Ids the store says it took."""
        return tuple(item.id for item in self.items if item.ok)


def parse_answer(body: bytes | str, sent_ids: Sequence[str], http_status: int | None = None) -> Answer:
    """Read the answer to a request that carried the products ``sent_ids``. Never raises for what is in the body.

    >>> body = '[{"response": [{"id": 7, "code": "200", "status": "success", "message": "Updated!"}]}]'
    >>> answer = parse_answer(body, ["7", "8"])
    >>> answer.taken, answer.unanswered
    (('7',), ('8',))

    Two answers to one id count as taken only when both say so; the first that does not is kept.
    """
    sent = tuple(dict.fromkeys(sent_ids))
    document = _parse(body)
    lists = _response_lists(document)
    if lists is None:
        message = _call_error(document)
        if message is not None:
            return Answer(Reached.REFUSED, unanswered=sent, message=message, http_status=http_status)
        return Answer(Reached.TRANSPORT, unanswered=sent, message=_shown(body), http_status=http_status)

    answered: dict[str, ItemAnswer] = {}
    unreadable = []
    for raw in (raw for items in lists for raw in items):
        item = _item(raw)
        if item is None:
            unreadable.append(cut(repr(raw)))
        elif item.id not in answered or (answered[item.id].ok and not item.ok):
            answered[item.id] = item
    known = set(sent)
    return Answer(
        Reached.ITEMS,
        items=tuple(answered[text] for text in sent if text in answered),
        unanswered=tuple(text for text in sent if text not in answered),
        unknown=tuple(item for text, item in answered.items() if text not in known),
        unreadable=tuple(unreadable), http_status=http_status,
    )


class _NotJson:
    """What stands for a body that is no JSON."""


def _parse(body: bytes | str) -> Any:
    try:
        text = body if isinstance(body, str) else body.decode("utf-8-sig")
        # Numbers with a point stay text: an id or code must not change on its way through a binary float.
        return json.loads(text.removeprefix("\ufeff"), parse_float=str)
    except (ValueError, RecursionError):
        # ValueError: no JSON, no UTF-8, or a number of thousands of digits; RecursionError: nested without end.
        return _NotJson


def _response_lists(document: Any) -> list[list[Any]] | None:
    """The ``response`` lists of an answer in the store's own form, else None."""
    if not isinstance(document, list):
        return None
    lists = [each.get("response") if isinstance(each, dict) else None for each in document]
    return lists if all(isinstance(each, list) for each in lists) else None  # type: ignore[return-value]  # checked


def _item(raw: Any) -> ItemAnswer | None:
    if not isinstance(raw, dict):
        return None
    item_id = raw.get("id")
    if isinstance(item_id, bool) or not isinstance(item_id, (str, int)):
        return None
    code, status = _code(raw.get("code")), raw.get("status")
    status = status if isinstance(status, str) else ""
    message = raw.get("message")
    ok = code is not None and 200 <= code <= 299 and status.strip().lower() == SUCCESS
    return ItemAnswer(str(item_id), ok, code, status, message if isinstance(message, str) else "")


def _code(raw: Any) -> int | None:
    """A code as a whole number: 404, "200", "200.0"; else None."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw if abs(raw) < 10**MAX_CODE_DIGITS else None
    if not isinstance(raw, str):
        return None
    match = re.fullmatch(r"\s*([0-9]{1,9})(?:\.0*)?\s*", raw, re.ASCII)
    return int(match[1]) if match is not None else None


def _call_error(document: Any) -> str | None:
    """The message of an error of the whole call, its placeholders filled in; None when it is none."""
    if not isinstance(document, dict):
        return None
    message = document.get("message")
    if not isinstance(message, str):
        return None
    parameters = document.get("parameters")
    if isinstance(parameters, list):
        values = {str(place): value for place, value in enumerate(parameters, start=1)}
    elif isinstance(parameters, dict):
        values = parameters
    else:
        return message

    def filled(match: re.Match[str]) -> str:
        value = values.get(match[1])
        return match[0] if value is None else _text(value)

    return _PLACEHOLDER.sub(filled, message)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(body: bytes | str) -> str:
    """The beginning of an answer that cannot be read, for the report."""
    text = body if isinstance(body, str) else body[:1000].decode("utf-8", "replace")
    return cut(" ".join(text.split())) or "the answer is empty"
