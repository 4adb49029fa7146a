"""What several shapes share: names of locales, and the choice among values by locale."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["address_of", "blank", "items_of", "nodes", "spoken", "suffixed", "tag"]

TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|\d{3}))?")


def tag(text: Any) -> str:
    """A locale as it is compared: ``de_DE`` and ``de-de`` are one; "" when it is none."""
    return text.replace("_", "-").casefold() if isinstance(text, str) and TAG.fullmatch(text) else ""


def blank(value: Any) -> bool:
    """Nothing there."""
    return value is None or value == "" or value == [] or value == {}


def spoken(keys: Iterable[str], locale: str | None) -> str | None:
    """Of some locales the one that is meant: the same, else one of the same language; None when there is none, or
    nothing is asked for.

    >>> spoken(["en-US", "de"], "de_DE"), spoken(["fr"], "de")
    ('de', None)
    """
    if locale is None:
        return None
    wanted = tag(locale) or locale.casefold()
    listed = list(keys)
    exact = next((key for key in listed if (tag(key) or key.casefold()) == wanted), None)
    if exact is not None:
        return exact
    language = wanted.split("-")[0]
    return next((key for key in listed if tag(key).split("-")[0] == language), None)


def address_of(thing: Any, member: str = "url") -> str:
    """The address an object has; "" where it has none."""
    address = thing.get(member) if isinstance(thing, dict) else None
    return address.strip() if isinstance(address, str) else ""


def items_of(value: Any) -> list[Any]:
    """A list's items; of anything else none."""
    return value if isinstance(value, list) else []


def suffixed(values: dict[str, Any], locale: str | None) -> dict[str, Any]:
    """Members and, under their bare name, those for a locale: ``name_de``, ``name_de_DE``, ``Name - de-DE``,
    ``Name (de)``. Names end in many ways, so no other language's are looked for.

    >>> suffixed({"name": "Mug", "name_de": "Becher"}, "de_DE")
    {'name': 'Becher', 'name_de': 'Becher'}
    """
    wanted = tag(locale)
    if not wanted:
        return values
    steps = wanted.split("-")
    ends = [r"[-_]".join(steps), steps[0]]
    found = dict(values)
    for end in reversed(dict.fromkeys(ends)):
        pattern = re.compile(rf"(.+?)(?:\s+-\s+|_|-|\.|\s+\(|\[){end}[)\]]?", re.IGNORECASE)
        for name, value in values.items():
            match = pattern.fullmatch(name)
            if match is not None and not blank(value):
                found[match[1].strip()] = value
    return found


def nodes(connection: Any) -> list[Any]:
    """The nodes of a GraphQL connection (``edges[].node``), or of a plain list."""
    items = connection.get("edges", connection.get("nodes")) if isinstance(connection, dict) else connection
    if not isinstance(items, list):
        return []
    return [item["node"] if isinstance(item, dict) and "node" in item else item for item in items]
