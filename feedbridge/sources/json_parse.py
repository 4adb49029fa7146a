"""One JSON text: a document that can be trusted, or what exactly is wrong with it.

Nothing is lost without a word: a key that stands twice with different values in one object makes it untrustworthy. It
is found by counting colons: a parser that dropped a member gives a document with fewer of them than the text had.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

__all__ = [
    "NUL", "SPACE", "Fault", "NotJson", "decode_line", "dotted", "encode", "expected", "lenient", "read_carefully",
    "strict", "trusted", "value_fault",
]  # fmt: skip

NUL = "a NUL byte, or bytes that do not belong to its encoding (name it with source.encoding)"
SPACE = re.compile(r"[ \t\n\r]*")
_NOT_A_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(-?(?:NaN|Infinity))')


class Fault(Exception):
    """A text that is no trustworthy JSON; ``at`` is the offending character, counted from 0, or None."""

    def __init__(self, code: str, at: int | None, message: str, mend: str) -> None:
        self.code, self.at, self.message, self.mend = code, at, message, mend
        super().__init__(message)


class NotJson(ValueError):
    """NaN or Infinity, which JSON does not have."""


def _refuse(word: str) -> None:
    raise NotJson(word)


def _clean(value: object) -> str:
    """Short text for a message; a lone surrogate, which cannot be written, becomes a question mark."""
    return str(value)[:60].encode("utf-8", "replace").decode()


def dotted(path: tuple[str, ...] | None) -> str:
    return ".".join(path or ()).encode("utf-8", "replace").decode()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless a key stands twice in it with different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        for key, value in pairs:
            if found[key] != value:
                message = f'"{_clean(key)}" stands twice in one object: {_clean(value)}, then {_clean(found[key])}'
                raise Fault("json.duplicate-key", None, message, "keep one of them")
    return found


strict = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse).raw_decode
"""Reads one value; raises what the json module raises, NotJson and InvalidOperation."""
_careful = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_members).raw_decode
lenient = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str).raw_decode
decode_line = msgspec.json.Decoder(float_hook=Decimal).decode
encode = msgspec.json.Encoder(decimal_format="number").encode


def expected(error: json.JSONDecodeError, text: str) -> str:
    if error.pos >= len(text.rstrip()):
        return "it ends too early"
    if text[error.pos] == "\0":
        return NUL
    if text[error.pos] in "\r\n":
        return "a text is not closed before the line ends"
    return error.msg.replace("Expecting", "expected", 1).removesuffix(" at").removesuffix(" starting")


def value_fault(text: str, error: Exception) -> Fault:
    """Why a text that is JSON by its brackets and commas still cannot be read."""
    if isinstance(error, NotJson):
        at = next((match.start() for match in _NOT_A_NUMBER.finditer(text) if match[1]), None)
        return Fault("json.not-a-number", at, f"{error} is not a JSON value", "write null, or leave the member out")
    if isinstance(error, RecursionError):
        return Fault("json.too-deep", None, "lists and objects are nested too deeply", "is this a product feed?")
    return Fault(
        "json.number-too-long", None, "a number in it is too long to be read", "write long identifiers in quotes"
    )


def read_carefully(text: str) -> Any:
    """Parse one document slowly and say exactly what is wrong with it. Raises Fault."""
    start = SPACE.match(text, 0).end()  # type: ignore[union-attr]  # matches always: it may be empty
    try:
        document, end = _careful(text, start)
    except json.JSONDecodeError as error:
        raise Fault("json.broken", error.pos, expected(error, text), "correct or export it again") from None
    except (NotJson, RecursionError, InvalidOperation, ValueError) as error:
        raise value_fault(text, error) from None
    end = SPACE.match(text, end).end()  # type: ignore[union-attr]  # as above
    if end != len(text):
        raise Fault("json.broken", end, "something follows the end of the document", "one document a line")
    try:
        encode(document)
    except UnicodeEncodeError:
        raise Fault(
            "json.lone-surrogate", None, r"a text in it has half a character (a \uD800 to \uDFFF escape alone)",
            "write the whole pair, or the character itself",
        ) from None
    except RecursionError as error:
        raise value_fault(text, error) from None
    return document


def trusted(documents: list[Any], colons: int) -> bool:
    """All are objects, of clean text, and together hold every member the text had: ``colons`` were counted there."""
    if set(map(type, documents)) != {dict}:
        return False
    try:
        return encode(documents).count(b":") == colons
    except (UnicodeEncodeError, RecursionError):
        return False
