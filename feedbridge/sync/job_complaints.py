"""What is wrong with a job file, in plain words: of which key, and what to do about it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from feedbridge.findings import cut
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.yaml import KeyPath
from feedbridge.platforms.delivery import DeliverySettings
from feedbridge.report.log import masked
from feedbridge.report.plain import showable
from feedbridge.sync.jobspec import TargetSpec

__all__ = ["MISSING", "Complaint", "keys_at", "place_of", "shown", "worded"]

Complaint = tuple[KeyPath, str, str, str]
"""Key path, message, mend, code."""

MISSING = {
    "feedbridge": "write feedbridge: 1 in the first line",
    "jobs": "name a job; feedbridge init SOURCE writes a file to start from",
    "source": "add source: and the file (or glob) to read",
    "targets": "add targets: and a platform, as targets: {flipsnack: {}}",
    "outbox": "add outbox: and the folder that product folders are put into, for a person to upload",
    "to": "add to: [name@example.com]",
    "sender": "add sender: feedbridge@example.com",
}


def worded(error: Any, path: KeyPath) -> tuple[str, str]:
    """What a model complains of, in plain words, and what to do about it."""
    kind, context = error["type"], error.get("ctx") or {}
    value = shown(error.get("input"), str(path[-1]) if path else "")
    if kind == "literal_error":
        choices = str(context.get("expected", ""))
        near = nearest(str(error.get("input")), re.findall(r"'([^']*)'", choices))
        return f"must be {choices.replace(chr(39), '')}, not {value}", f'did you mean "{near}"?' if near else ""
    if kind in ("bool_parsing", "bool_type"):
        return f"must be true or false, not {value}", ""
    if kind.startswith("int_"):
        return f"must be a whole number, not {value}", ""
    if kind.startswith("float_") or kind == "finite_number":
        return f"must be a number, not {value}", "write a share as 0.3, not as 30%" if "%" in value else ""
    if kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        word = {
            "greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "above", "less_than": "below",
        }[kind]
        (limit,) = (context[name] for name in ("ge", "le", "gt", "lt") if name in context)
        share = kind == "less_than_equal" and limit == 1 and _number(error.get("input")) is not None
        mend = f"it is a share: 0.3 is 30 per cent, 1 is all (you mean {_per_cent(error.get('input'))}?)" if share else ""
        return f"must be {word} {limit:g}, not {value}", mend
    if kind in ("dict_type", "model_type", "model_attributes_type", "mapping_type"):
        return f"must be a block of keys, not {value}", ""
    if kind in ("list_type", "tuple_type"):
        return f"must be a list, not {value}", f"write [{value}]" if isinstance(error.get("input"), str) else ""
    if kind == "string_type":
        return f"must be text, not {value}", "put it into quotes" if _number(error.get("input")) is not None else ""
    if kind == "too_short":
        return "is empty", ""
    if kind == "string_pattern_mismatch" and "[key]" in error["loc"]:
        return "is no name", "a name has letters, digits, . _ or -, begins with a letter or digit, and is at most 64 long"
    if kind == "value_error":
        return str(context.get("error", error["msg"])), ""
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}: {value}", ""


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _per_cent(value: Any) -> str:
    return f"{(_number(value) or 0) / 100:g}"


def shown(value: Any, name: str = "") -> str:
    """A value in a message: on one line, cut, without what may be a secret."""
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return cut(showable(str(masked(str(value), name))))


def place_of(loc: tuple[Any, ...], tree: Any) -> tuple[KeyPath, bool]:
    """The key path a model's complaint is about, and whether it was found to the end: names of the model's own choices
    are not keys of the file."""
    path: list[str | int] = []
    node, found = tree, True
    for step in loc:
        inner = _step(node, step)
        found = inner is not _NOTHING
        if found:
            path.append(step)
            node = inner
    return tuple(path), found


_NOTHING = object()


def _step(node: Any, step: Any) -> Any:
    if isinstance(node, dict):
        return node.get(step, _NOTHING)
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return node[step]
    return _NOTHING


def keys_at(model: Any, loc: tuple[Any, ...]) -> list[str]:
    """The keys a model has at a place; those of a target, as they are written."""
    for step in loc:
        if isinstance(model, type) and issubclass(model, BaseModel) and step in model.model_fields:
            model = model.model_fields[step].annotation
        found = next(_models(model), None)
        model = found if found is not None else model
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    if model is TargetSpec:
        return ["platform", "settings", *DeliverySettings.model_fields]
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
