"""What differs between two payloads: field by field, in the words a person knows the fields by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from feedbridge.sync.model import Difference

__all__ = ["MOST", "NULL", "differences", "fields_of"]

MOST = 50
"""Differences that are told of one item; one more says how many there are besides."""
NULL: dict[str, bool] = {"null": True}
"""Stands for a JSON ``null`` in a Difference, where None stands for a field that is not there."""
VALUE_CHARS = 400
"""A longer value is cut around the place where it differs."""
LEAD_CHARS = 60
NAME_CHARS = 100
MOST_NAMED = 3
DEEPEST = 40
"""Deeper members are compared, but told as one difference."""
_PLAIN_NAME = re.compile(r"""[^\s.\[\]"'…][^.\[\]"'\x00-\x1f\x7f]*""")
_INDEX = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]")
_MISSING: Any = object()


def differences(before: bytes, after: bytes, lists: Mapping[str, str]) -> list[Difference]:
    """What differs between two JSON objects; empty exactly when they say the same.

    >>> old = b'{"price": 12.5, "variants": [{"code": "S", "price": 20}]}'
    >>> new = b'{"price": 12.50, "variants": [{"code": "S", "price": 21}]}'
    >>> differences(old, new, {"variants": "code"})
    [Difference(path='variants[S].price', before=20, after=21)]

    ``lists``  members that are lists of objects, at any depth -> the member that tells their objects apart; lists in
               which it is missing or not unique are compared by position, as all others of objects or lists are

    Shape:    numbers by value (12.5 is 12.50; true is not 1), order of members does not count, a list of scalars is one
              value. Objects of ``lists`` in another order: one difference at ``variants.order``. ``before`` or
              ``after`` is None for what is not there and ``NULL`` for a JSON null. A name with a dot, a bracket or a
              quote in it is written ``["a.b"]``. After ``MOST`` differences a last one, ``… and 12 more``, says how many
              there are besides. Long values are cut around the place where they differ.
    Raises:   nothing. Empty bytes are an empty object; what is no JSON, or nested too deeply to read, is compared as text.
    """
    if before == after:
        return []
    found = _Found()
    try:
        old, new = _read(before), _read(after)
        _compare("", "", old, new, lists, found, 0)
        return found.told()
    except (ValueError, ArithmeticError, RecursionError):
        return [_difference("", before.decode("utf-8", "backslashreplace"), after.decode("utf-8", "backslashreplace"))]


def fields_of(found: Iterable[Difference]) -> str:
    """The fields that differ, as the reason of a change; the same field of several variants is one field.

    >>> fields_of([Difference("price", 20, 21)])
    'field price changed'
    >>> fields_of([Difference("price", 20, 21), Difference("variants[S].price", 20, 21), Difference("variants[M].price", 20, 21)])
    'fields price, variants.price changed'
    """
    names: dict[str, None] = {}
    more = False
    for one in found:
        if one.path.startswith("… and "):
            more = True
        else:
            names[_INDEX.sub(lambda m: m[0] if m[0][1:2] == '"' else "", one.path) or "payload"] = None
    if not names:
        return "nothing changed"
    if len(names) > MOST_NAMED:
        return f"{len(names)} fields{' or more' if more else ''} changed"
    shown = ", ".join([*names, "…"] if more else names)
    return f"field{'s' if len(names) > 1 or more else ''} {shown} changed"


class _Found:
    """Differences as they are found; only the first are kept."""

    def __init__(self) -> None:
        self.kept: list[Difference] = []
        self.more = 0

    def add(self, path: str, before: Any, after: Any) -> None:
        if len(self.kept) < MOST:
            self.kept.append(_difference(path, before, after))
        else:
            self.more += 1

    def told(self) -> list[Difference]:
        return [*self.kept, Difference(f"… and {self.more} more")] if self.more else self.kept


def _read(text: bytes) -> Any:
    if not text:
        return {}
    return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise InvalidOperation(text)
    return number


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _compare(
    path: str, name: str, before: Any, after: Any, lists: Mapping[str, str], found: _Found, depth: int
) -> None:
    if depth < DEEPEST:
        if isinstance(before, dict) and isinstance(after, dict):
            for member in [*after, *(m for m in before if m not in after)]:
                old, new = before.get(member, _MISSING), after.get(member, _MISSING)
                _compare(_below(path, member), member, old, new, lists, found, depth + 1)
            return
        if isinstance(before, list) and isinstance(after, list) and not (_scalars(before) and _scalars(after)):
            _compare_lists(path, name, before, after, lists, found, depth)
            return
    if not _same(before, after):
        found.add(path, before, after)


def _compare_lists(
    path: str, name: str, before: list[Any], after: list[Any], lists: Mapping[str, str], found: _Found, depth: int
) -> None:
    mark = lists.get(name)
    old = _by_mark(before, mark) if mark else None
    new = _by_mark(after, mark) if mark else None
    if old is None or new is None:
        for at in range(max(len(before), len(after))):
            left = before[at] if at < len(before) else _MISSING
            right = after[at] if at < len(after) else _MISSING
            _compare(f"{path}[{at}]", "", left, right, lists, found, depth + 1)
        return
    common = [one for one in old if one in new]
    if common != [one for one in new if one in old]:
        found.add(f"{path}.order", [one for _, one in old], [one for _, one in new])
    for one in [*new, *(o for o in old if o not in new)]:
        left, right = old.get(one, _MISSING), new.get(one, _MISSING)
        _compare(f"{path}[{_name_cut(str(one[1]))}]", "", left, right, lists, found, depth + 1)


def _by_mark(items: list[Any], mark: str) -> dict[tuple[str, Any], Any] | None:
    """The objects by what tells them apart; None when it is missing from one of them or not unique."""
    marked: dict[tuple[str, Any], Any] = {}
    for item in items:
        value = item.get(mark) if isinstance(item, dict) else None
        if not isinstance(value, str | Decimal):
            return None
        key = (type(value).__name__, value)
        if key in marked:
            return None
        marked[key] = item
    return marked


def _scalars(items: list[Any]) -> bool:
    return not any(isinstance(item, dict | list) for item in items)


def _same(before: Any, after: Any) -> bool:
    """Whether two values say the same. Python's own ``==`` takes True for 1."""
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(value, after[key]) for key, value in before.items())
    if isinstance(before, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)


def _below(path: str, member: str) -> str:
    name = _name_cut(member)
    if not _PLAIN_NAME.fullmatch(name):
        return f"{path}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{path}.{name}" if path else name


def _name_cut(name: str) -> str:
    text = _whole(name)
    return text if len(text) <= NAME_CHARS else text[: NAME_CHARS - 1] + "…"


def _whole(text: str) -> str:
    """The text with halves of surrogate pairs spelt out: no file can hold them."""
    return text.encode("utf-8", "backslashreplace").decode()


# --- values, as a plan can hold and show them


def _difference(path: str, before: Any, after: Any) -> Difference:
    old, new = _value(before), _value(after)
    if not (_short(old) and _short(new)):
        old, new = _cut(_as_text(old), _as_text(new))
    return Difference(_whole(path), old, new)


def _value(value: Any) -> Any:
    if value is _MISSING:
        return None
    return NULL if value is None else _inner(value)


def _inner(value: Any) -> Any:
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, Decimal):
        return _plain_number(value)
    if isinstance(value, dict):
        return {_whole(name): _inner(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_inner(member) for member in value]
    return value


def _plain_number(number: Decimal) -> int | float | str:
    """A number that JSON brings back as it was; as text where it has more digits than that."""
    if number.adjusted() < 18 and number == number.to_integral_value():
        return int(number)
    near = float(number)
    return near if near - near == 0 and Decimal(repr(near)) == number else str(number)


def _short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= VALUE_CHARS
    if isinstance(value, dict | list):
        return len(msgspec.json.encode(value)) <= VALUE_CHARS
    return True


def _as_text(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) and value is not NULL else value


def _cut(before: Any, after: Any) -> tuple[Any, Any]:
    """Both values around the first place where they differ, an ellipsis for what is left out."""
    start = 0
    if isinstance(before, str) and isinstance(after, str):
        same = next(_unlike(before, after), min(len(before), len(after)))
        start = max(0, same - LEAD_CHARS) if same > VALUE_CHARS - LEAD_CHARS else 0
    return _window(before, start), _window(after, start)


def _unlike(before: str, after: str) -> Iterator[int]:
    return (at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)


def _window(value: Any, start: int) -> Any:
    if not isinstance(value, str):
        return value
    text = value[start:]
    if len(text) > VALUE_CHARS:
        text = text[: VALUE_CHARS - 1] + "…"
    return f"…{text}" if start else text
