"""What is checked of a client's arguments before anything is sent to FlickRocket.

Source: docs/platforms/flickrocket.md, rules K6, K7, K31, K33, K34; choice A15.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.delivery import usable_endpoint
from feedbridge.platforms.flickrocket.licences import MOST_NUMBER
from feedbridge.platforms.flickrocket.resources import gmt, long_id

__all__ = [
    "EVENTS", "MOST_TRACKING_CHARS", "QUERY_FIELDS", "SPOILT", "WIRE", "Data", "address_of", "body_of", "day_of", "event_of",
    "fields_of", "fields_param", "is_day", "is_order_id", "long_id_of", "moment_of", "names_of", "no_ids", "order_of",
    "query_of", "short_id_of", "tracking_numbers", "tracking_of", "written", "wrong",
]

QUERY_FIELDS = ("version", "title", "comment", "product_id", "product_type")
"""What products can be asked for by."""
EVENTS = (
    "customer/create", "customer/update", "subscriber/create", "subscriber/update", "groupmember/create",
    "groupmember/update", "newsrecipient/create", "newsrecipient/update", "order/create", "product/create",
    "product/update", "product/delete", "app/uninstalled", "app/update",
)
"""What a webhook can tell of."""
MOST_TRACKING_CHARS = 64
WIRE = {
    "plugin": {"event": "scope", "address": "destination", "active": "is_valid"},
    "documented": {"event": "topic", "address": "address", "active": "is_active"},
}
"""Names of a webhook's members in both dialects (A15)."""
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ORDER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEPARATOR = re.compile("[,;|]")
_COMMA_APART = re.compile("[;|]")
SPOILT = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
"""A long number that a spreadsheet has spoilt: 3.40435E+17, in German 3,40435E+17."""
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
Data = Mapping[str, Any]


def wrong(where: str, message: str, code: str, mend: str = "") -> CommandError:
    return CommandError(message, where=where, code=code, mend=mend)


def short_id_of(id: int | str) -> str:
    """A short id as it stands in an address."""
    if isinstance(id, str):
        text = id.strip()
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else 0
    else:
        number = 0 if isinstance(id, bool) or not isinstance(id, int) else id
    if not 0 < number <= MOST_NUMBER:
        raise wrong(
            "id", f'"{cut(id)}" is no short id', "flickrocket.K7",
            "give the whole number that stands in the admin interface; a long id only finds a product",
        )
    return str(number)


def long_id_of(id: str) -> str:
    try:
        return long_id(id)
    except ValueError as exc:
        raise wrong("product_id", f'"{cut(id)}" is no long id', "flickrocket.K34", str(exc)) from None


def order_of(id: int | str) -> str:
    text = str(id).strip() if isinstance(id, int | str) and not isinstance(id, bool) else ""
    if not is_order_id(text):
        raise wrong("order_id", f'"{cut(id)}" is no id of an order', "flickrocket.order")
    return text


def is_order_id(text: str) -> bool:
    return _ORDER.fullmatch(text) is not None and text not in ("open", "complete", "count")


def fields_of(fields: str | Iterable[str] | None, inside: Mapping[str, str]) -> list[str] | None:
    """The members to read, the id always among them (K31)."""
    if fields is None:
        return None
    given = [name.strip() for name in fields.split(",")] if isinstance(fields, str) else list(fields)
    if not given:
        raise wrong("fields", "no member is named", "flickrocket.K31", "name some, or leave fields out")
    for name in given:
        if not isinstance(name, str) or not _FIELD.fullmatch(name):
            raise wrong("fields", f'"{cut(name)}" is no member of the first level', "flickrocket.K31", "name it without a path")
        if name in inside:
            raise wrong(
                "fields", f'"{name}" is inside {inside[name]}, and only members of the first level can be chosen',
                "flickrocket.K31", f"name {inside[name]}",
            )
    return list(dict.fromkeys(["id", *given]))


def fields_param(fields: Sequence[str] | None) -> dict[str, str]:
    return {} if fields is None else {"fields": ",".join(fields)}


def query_of(query: str | Mapping[str, Any]) -> str:
    """``field:value`` (K31)."""
    if isinstance(query, str):
        name, colon, value = query.partition(":")
        pairs: list[tuple[Any, Any]] = [(name.strip(), value)] if colon else [(query, "")]
    else:
        pairs = list(query.items())
    if len(pairs) != 1:
        raise wrong("query", f"it names {len(pairs)} members", "flickrocket.K31", "ask for one at a time")
    name, given = pairs[0]
    if name not in QUERY_FIELDS:
        near = difflib.get_close_matches(str(name), QUERY_FIELDS, 1)
        raise wrong(
            "query", f'products cannot be asked for by "{cut(name)}"', "flickrocket.K31",
            (f'did you mean "{near[0]}"? ' if near else "") + f"There are {', '.join(QUERY_FIELDS)}",
        )
    value = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not value or _UNSENDABLE.search(value):
        raise wrong("query", f'"{cut(given)}" is no value to look for', "flickrocket.K31")
    if name == "product_id":
        value = long_id_of(value)
    if name == "product_type" and not (value.isascii() and value.isdigit()):
        raise wrong("query", f'"{cut(value)}" is no product type, which is a number', "flickrocket.K31")
    return f"{name}:{value}"


def body_of(data: Data, what: str) -> dict[str, Any]:
    """What is to be sent: plain JSON without floats."""
    if not isinstance(data, Mapping) or not data:
        raise wrong("data", f"the members of {what} are needed, by their names", "flickrocket.empty")
    body = {str(name): _json(value, str(name)) for name, value in data.items()}
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise wrong("data", "a text of it is not Unicode", "flickrocket.data", "correct the text's encoding in the source") from None
    return body


def _json(value: Any, where: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): _json(one, f"{where}.{name}") for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one, f"{where}.{index}") for index, one in enumerate(value)]
    raise wrong(
        where, f"a {type(value).__name__} cannot be sent", "flickrocket.data",
        "amounts are whole cents" if isinstance(value, float | Decimal) else "send texts, whole numbers, lists and objects",
    )


def no_ids(body: Data) -> None:
    for name in ("id", "product_id"):
        if name in body:
            raise wrong(name, "what is new has no id yet", "flickrocket.K6", "leave it out, or update what has it")


def tracking_of(tracking: str | Sequence[str]) -> str:
    """Tracking numbers as one text, as FlickRocket has them (K33)."""
    return ",".join(tracking_numbers(tracking))


def tracking_numbers(tracking: str | Sequence[str]) -> tuple[str, ...]:
    """Tracking numbers, one by one; in one text they stand with commas, semicolons or bars between them.

    >>> tracking_numbers("00340434161094000001; 1Z 999 AA1 | JD014600")
    ('00340434161094000001', '1Z 999 AA1', 'JD014600')

    Raises: CommandError, code flickrocket.K33. How long they may be is documented; that each is printable ASCII and begins
            like no formula is ours: no carrier has others, and a spreadsheet makes them of what it was given.
    """
    pieces = _SEPARATOR.split(tracking) if isinstance(tracking, str) else list(tracking)
    if not all(isinstance(number, str) for number in pieces):
        raise _no_tracking("tracking numbers are texts", "give a text, or a list of texts")
    numbers = tuple(number.strip() for number in pieces)
    if not any(numbers) and len(numbers) < 2:
        return ()
    if isinstance(tracking, str) and tracking.lstrip().startswith("="):  # =A1;B1 is one formula
        raise _formula(tracking.strip())
    for number in (*numbers, *(_COMMA_APART.split(tracking) if isinstance(tracking, str) else ())):
        if SPOILT.fullmatch(number.strip()):
            raise _no_tracking(
                f'the tracking number "{cut(number.strip())}" has lost digits in a spreadsheet',
                "format the column as text there, then enter the number anew")
    for number in numbers:
        _check_number(number, tracking)
    length = len(",".join(numbers))
    if length > MOST_TRACKING_CHARS:
        raise _no_tracking(
            f"the tracking numbers have {length} characters with their commas, and FlickRocket keeps {MOST_TRACKING_CHARS} at most",
            "give fewer numbers")
    return numbers


def _check_number(number: str, given: str | Sequence[str]) -> None:
    if not number or _SEPARATOR.search(number):
        shown = given if isinstance(given, str) else ",".join(given)
        raise _no_tracking(
            f'"{cut(shown)}" are no tracking numbers', "separate them by one comma each, and end with a number")
    if number[0] in "=+-@#":
        raise _formula(number)
    if not (number.isascii() and number.isprintable()):
        odd = next(sign for sign in number if not (sign.isascii() and sign.isprintable()))
        raise _no_tracking(
            f'"{cut(number)}" is no tracking number: it has {unicodedata.name(odd, "a control character")} (U+{ord(odd):04X}), '
            "and they are of ASCII letters, digits and signs",
            "write it as it stands on the parcel's label")


def _formula(number: str) -> CommandError:
    return _no_tracking(
        f'"{cut(number)}" begins with "{number[0]}", as formulas and errors of a spreadsheet do and tracking numbers do not',
        "write the number itself, in a column formatted as text")


def _no_tracking(message: str, mend: str) -> CommandError:
    return wrong("tracking", message, "flickrocket.K33", mend)


def moment_of(given: str | date | None, where: str) -> datetime | None:
    try:
        found = gmt(given)
    except (ValueError, OverflowError):
        found = given
    if found is not None and not isinstance(found, datetime):
        raise wrong(where, f'"{cut(given)}" is no date', "flickrocket.period", "write it as 2015-07-01 or 2015-07-01T00:00:00")
    return found


def written(moment: datetime) -> str:
    """A moment as FlickRocket writes it: GMT, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def day_of(given: str | date, moment: datetime) -> str:
    """A date when a date was given, else a moment."""
    return moment.date().isoformat() if is_day(given) else written(moment)


def is_day(given: str | date) -> bool:
    return len(given.strip()) <= 10 if isinstance(given, str) else not isinstance(given, datetime)


def names_of(dialect: str) -> dict[str, str]:
    if dialect not in WIRE:
        raise wrong("dialect", f'there is no dialect "{cut(dialect)}"', "flickrocket.A15", "say plugin or documented")
    return WIRE[dialect]


def event_of(event: str) -> str:
    if event not in EVENTS:
        near = difflib.get_close_matches(str(event), EVENTS, 1)
        raise wrong(
            "event", f'FlickRocket tells of no "{cut(event)}"', "flickrocket.event",
            f'did you mean "{near[0]}"?' if near else f"there are {', '.join(EVENTS)}",
        )
    return event


def address_of(address: str) -> str:
    try:
        return usable_endpoint(address)
    except ValueError as exc:
        raise wrong("address", f"no webhook can be sent there: {exc}", "flickrocket.address") from None
