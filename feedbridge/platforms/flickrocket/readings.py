"""The hash of a FlickRocket webhook: the twenty ways to read its description, and which of them fits.

"Concatenate all key/value pairs of the JSON except `hash`, first to last, then take a SHA-256 hash with the app secret
as salt": it is not said how the nested object is written, nor where the salt goes. So five texts and four salts are
known here, one of which is configured; there is no "accept any".

====  ==================================================================================
T1    keys and values, nested ones in their place, the key of the nested object kept
T2    as T1, without the keys of nested objects and lists
T3    keys and values, nested objects and lists as compact JSON
T4    values only
T5    the compact JSON without ``hash``
S1    ``sha256(text + secret)``
S2    ``sha256(secret + text)``
S3    ``HMAC-SHA256(key = secret, text)``
S4    ``HMAC-SHA256(key = secret, base64(text))``
====  ==================================================================================

``true``, ``false`` and ``null`` are written as in JSON, numbers with the digits that were received; UTF-8 throughout.

Source: developer.flickrocket.com/en/rest-api/api-reference/webhook/, read as stated above; nobody outside FlickRocket
has seen which reading is meant. T1+S1 is the literal one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

__all__ = [
    "EMPTY_DIGEST", "READINGS", "SALTS", "TEXTS", "Numeral", "Payload", "Reading", "diagnose", "digest", "hash_of",
    "parse_payload", "remarks", "text_of", "verify",
]

TEXTS = ("T1", "T2", "T3", "T4", "T5")
SALTS = ("S1", "S2", "S3", "S4")
EMPTY_DIGEST = hashlib.sha256(b"").hexdigest()
"""The hash printed in FlickRocket's documentation: that of nothing at all, which anybody can send."""
MOST_DEPTH = 32
_DIGEST = re.compile(r"[0-9a-f]{64}")

Payload = str | bytes | bytearray | Mapping[str, Any]
"""A webhook's body as it came (best: a number parsed and written again may have lost digits), or parsed."""


class Numeral(str):
    """A number of JSON, with the digits that were received.

    >>> parse_payload('{"price": 3.50}')["price"]
    '3.50'
    """


class Reading(NamedTuple):
    """One way to read the description of the hash: ``T1+S1``.

    >>> str(Reading.named("t3 + s2"))
    'T3+S2'
    """

    text: str = "T1"
    salt: str = "S1"

    @classmethod
    def named(cls, name: str) -> Reading:
        """Raises ValueError when there is no such reading."""
        text, _, salt = "".join(name.upper().split()).partition("+")
        if text not in TEXTS or salt not in SALTS:
            raise ValueError(f'there is no reading "{name}"; there are T1 to T5 with S1 to S4, as in T1+S1')
        return cls(text, salt)

    def __str__(self) -> str:
        return f"{self.text}+{self.salt}"


READINGS = tuple(Reading(text, salt) for text in TEXTS for salt in SALTS)


def parse_payload(body: str | bytes | bytearray) -> dict[str, Any]:
    """Read a webhook's body; its numbers become Numeral.

    Raises: ValueError when it is no JSON object, or one that two readers would read in two ways: members that stand
            twice, NaN, half characters, a nesting deeper than 32.
    """
    try:
        text = body if isinstance(body, str) else bytes(body).decode("utf-8-sig")
        found = json.loads(
            text, parse_int=Numeral, parse_float=Numeral, parse_constant=_refuse_constant, object_pairs_hook=_members)
        _look(found)
    except UnicodeError as exc:
        raise ValueError("the body is not UTF-8") from exc
    except RecursionError as exc:
        raise ValueError("the body is nested too deeply") from exc
    except json.JSONDecodeError as exc:
        raise ValueError(f"the body is not JSON: {exc.msg}, line {exc.lineno}, column {exc.colno}") from exc
    if not isinstance(found, dict):
        raise ValueError("the body is JSON, but no object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the body has {name}, which is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _look(value: Any, depth: int = 0) -> None:
    """Raises UnicodeError for half characters, ValueError for too deep a nesting."""
    if depth > MOST_DEPTH:
        raise ValueError("the body is nested too deeply")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        for name, member in value.items():
            name.encode()
            _look(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _look(member, depth + 1)


def text_of(payload: Payload, text: str = "T1") -> str:
    """What is hashed: the payload without its ``hash``, as one of the texts writes it.

    >>> body = '{"scope": "order/create", "data": {"id": "26"}, "hash": "…"}'
    >>> [text_of(body, text) for text in ("T1", "T2", "T4")]
    ['scopeorder/createdataid26', 'scopeorder/createid26', 'order/create26']
    >>> text_of(body, "T3"), text_of(body, "T5")
    ('scopeorder/createdata{"id":"26"}', '{"scope":"order/create","data":{"id":"26"}}')
    """
    members = {name: value for name, value in _parsed(payload).items() if name != "hash"}
    if text == "T5":
        return _compact(members)
    if text not in TEXTS:
        raise ValueError(f'there is no text "{text}"')
    return "".join(_parts(members, text))


def _parsed(payload: Payload) -> Mapping[str, Any]:
    return payload if isinstance(payload, Mapping) else parse_payload(payload)


def _is_container(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str))


def _parts(value: Any, text: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if text != "T4" and not (text == "T2" and _is_container(member)):
                yield name
            if text == "T3" and _is_container(member):
                yield _compact(member)
            else:
                yield from _parts(member, text)
    elif _is_container(value):
        for member in value:
            yield from _parts(member, text)
    else:
        yield value if isinstance(value, str) else _compact(value)


def _compact(value: Any) -> str:
    """The value as JSON without blanks; numbers with the digits they came with."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_compact(str(name))}:{_compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, (Numeral, Decimal)):
        return str(value)
    if _is_container(value):
        return "[" + ",".join(_compact(member) for member in value) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def digest(payload: Payload, text: str = "T1", salt: str = "S1", *, secret: str) -> str:
    """The hash FlickRocket would send, if this reading is the right one; 64 lower-case hex digits.

    >>> digest({"company_id": 1202, "producer": "shop", "scope": "order/create",
    ...         "data": {"type": "order", "id": "267227"}}, secret="fb-test-secret-01")[:16]
    '36e9c6f1e9bdaff2'

    Raises: ValueError for an unknown reading, a payload that is no JSON object, or no secret.
    """
    if not secret:
        raise ValueError("without a secret a hash proves nothing")
    key, data = secret.encode(), text_of(payload, text).encode()
    if salt == "S1":
        return hashlib.sha256(data + key).hexdigest()
    if salt == "S2":
        return hashlib.sha256(key + data).hexdigest()
    if salt == "S3":
        return hmac.new(key, data, hashlib.sha256).hexdigest()
    if salt == "S4":
        return hmac.new(key, base64.b64encode(data), hashlib.sha256).hexdigest()
    raise ValueError(f'there is no salt "{salt}"')


def hash_of(payload: Payload) -> str:
    """The hash a payload came with; empty when it has none that could be right: 64 lower-case hex digits, and not the
    hash of nothing (K36, K37)."""
    found = _parsed(payload).get("hash")
    if type(found) is str and _DIGEST.fullmatch(found) and found != EMPTY_DIGEST:
        return found
    return ""


def verify(payload: Payload, reading: Reading, *, secret: str) -> bool:
    """Whether a payload came with the right hash by this reading, and no other; compared in constant time.

    Raises: ValueError when there is no secret, or the payload is no JSON object.
    """
    expected = digest(payload, reading.text, reading.salt, secret=secret)
    given = hash_of(payload)
    return hmac.compare_digest(given or "-" * 64, expected)


def diagnose(capture: Payload, secret: str) -> list[Reading]:
    """The readings that match a captured genuine payload: none, one, or several where they write it alike.

    >>> capture = '{"a": 1, "hash": "%s"}' % digest('{"a": 1}', "T4", "S3", secret="s")
    >>> [str(reading) for reading in diagnose(capture, "s")]
    ['T4+S3']
    """
    payload = _parsed(capture)
    return [reading for reading in READINGS if verify(payload, reading, secret=secret)]


def remarks(capture: Payload, secret: str) -> list[str]:
    """What else is to be said of a capture: why its hash can match nothing, or would with a slip mended."""
    payload = _parsed(capture)
    given = payload.get("hash")
    if given is None:
        return ["the capture has no member hash: was the whole body captured?"]
    if type(given) is not str or not re.fullmatch(r"[0-9A-Fa-f]{64}", given):
        return ["its hash is not 64 hex digits"]
    if given.lower() == EMPTY_DIGEST:
        return ["its hash is that of nothing at all, as FlickRocket's documentation prints it: a placeholder"]
    said = []
    if given != given.lower():
        lower = {**payload, "hash": given.lower()}
        fits = diagnose(lower, secret)
        said.append("its hash is in upper case, which is refused"
                    + (f"; in lower case it would fit {', '.join(map(str, fits))}" if fits else ""))
    if secret != secret.strip() and secret.strip() and (fits := diagnose(capture, secret.strip())):
        said.append("the secret begins or ends with blanks, and without them it fits "
                    + ", ".join(map(str, fits)))
    if not said and not diagnose(capture, secret):
        said.append("no reading fits: is the secret the one of this app, and the capture the body as it came, unchanged?")
    return said
