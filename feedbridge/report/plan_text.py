"""A plan, and what came of it, for the person at the terminal.

Everything here takes plain data: ``header`` is the first line of a plan file as an object (or
``msgspec.to_builtins(PlanHeader)``), a change is one of its further lines. Members that have their default may be left
out::

    header  {"job": "shop", "holds": [[guard, found, how to go on], …], "replay": false, "findings": {code: number},
             "targets": [{"name", "platform", "place", "counts": {operation or "unchanged": items}, "present": items,
                          "products": {"read", "excluded", "held_back"}, "holds": [[…], …],
                          "deletes": "delete" | "disable" | "by hand"}, …]}
    change  {"target", "op", "key", "sku", "reason", "differences": [{"path", "before", "after"}, …], "file", "line",
             "title", "message", "mend", "code", "note": what of it another target brings there}
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TextIO

from feedbridge.report.catalogue import CATALOGUE
from feedbridge.report.page_html import cut_to
from feedbridge.report.plain import short_hashes
from feedbridge.report.terminal import Paper

__all__ = [
    "OPERATIONS", "SENDING", "difference_text", "filter_words", "held_by", "matches", "operation_count", "rank_of",
    "render_plan", "render_result", "value_text",
]

OPERATIONS = ("delete", "replace", "settle", "update", "create", "keep", "held", "refused")
"""In the order they are carried out and shown."""
SENDING = frozenset({"delete", "replace", "settle", "update", "create"})
STYLES = {
    "delete": "red", "replace": "magenta", "settle": "yellow", "update": "cyan", "create": "green", "keep": "dim",
    "held": "yellow", "refused": "bold red",
}
COUNTED = {
    "delete": ("delete", "deletes"), "replace": ("replace", "replaces"), "settle": ("to settle", "to settle"),
    "update": ("update", "updates"), "create": ("create", "creates"), "unchanged": ("unchanged", "unchanged"),
    "keep": ("kept", "kept"), "left": ("left alone", "left alone"), "held": ("held back", "held back"), "refused": ("refused", "refused"),
}
SUMMARY = ("delete", "replace", "settle", "update", "create", "unchanged", "keep", "left", "held", "refused")
DONE = ("created", "updated", "replaced", "deleted", "settled", "unchanged", "kept", "held", "failed", "refused", "unknown")
"""Members of a result's ``done``, in the order they are shown."""
DONE_WORDS = {"held": "held back", "unknown": "with an unknown outcome"}
DELETES = {"disable": "switch off", "by hand": "delete by hand"}
MOST_DIFFERENCES = 6
VALUE_CHARS = 70
TEXT_CHARS = 500
MOST_CODES = 6
MOST_PATHS = 12
_FIELD_REASON = re.compile(r"(?:fields? .+|\d+ fields(?: or more)?) changed|variant .+ changed: .+")
_PARENT_REASON = re.compile(r"(the product changed, and its .+ with it): .+")
_MAPPING_TOO = "the mapping changed, too"
_INDEX = re.compile(r"\[[^\[\]]*\]")


def matches(
    change: Mapping[str, Any], *, only: Collection[str] | None = None, sku: str | None = None, field: str | None = None,
    target: str | None = None,
) -> bool:
    """Whether a change fits a filter; None lets all pass.

    >>> change = {"target": "magento", "op": "update", "key": "7", "sku": "TEE-1",
    ...           "differences": [{"path": "variants[S].price", "before": 1, "after": 2}]}
    >>> matches(change, only={"update"}, sku="TEE-*", field="variants.price")
    True

    ``only``   operations
    ``sku``    the SKU or the platform's key, exactly, or a pattern with ``*``, ``?`` and ``[abc]``; case counts
    ``field``  what the path of a difference begins with; ``[…]`` may be left out
    """
    if only is not None and change.get("op") not in only:
        return False
    if target is not None and change.get("target") != target:
        return False
    if sku is not None and not any(name == sku or fnmatchcase(name, sku) for name in _names(change)):
        return False
    if field is None:
        return True
    paths = [str(one.get("path", "")) for one in change.get("differences", ())]
    return any(path.startswith(field) or _INDEX.sub("", path).startswith(field) for path in paths)


def _names(change: Mapping[str, Any]) -> tuple[str, str]:
    return str(change.get("sku", "")), str(change.get("key", ""))


def operation_count(operation: str, number: int) -> str:
    """How many items an operation is of, in words.

    >>> operation_count("update", 1200)
    '1,200 updates'
    """
    one, many = COUNTED.get(operation, (operation, operation))
    return f"{number:,} {one if number == 1 else many}"


def value_text(value: Any, most: int = VALUE_CHARS) -> str:
    """A value of a difference: text in quotes, so that 20 and "20" are told apart.

    >>> value_text("Crew Tee"), value_text(20), value_text({"null": True})
    ('"Crew Tee"', '20', 'null')
    """
    if value == {"null": True}:
        return "null"
    if isinstance(value, str):
        # The text's own quotes stay bare: this is for reading.
        return f'"{cut_to(value, most)}"'
    return cut_to(json.dumps(value, ensure_ascii=False), most)


def difference_text(difference: Mapping[str, Any], arrow: str = "→") -> str:
    """One difference on one line.

    >>> difference_text({"path": "price", "before": 20, "after": 21})
    'price 20 → 21'
    >>> difference_text({"path": "brand", "after": "Acme"})
    'brand new: "Acme"'
    >>> difference_text({"path": "brand", "before": "Acme"})
    'brand gone, was "Acme"'
    >>> difference_text({"path": "variants[TEE-S]", "before": {"code": "TEE-S", "price": 20}})
    'variants[TEE-S] gone'
    """
    path, before, after = str(difference.get("path", "")), difference.get("before"), difference.get("after")
    path = path or "payload"
    if before is None and after is None:
        return path
    if before is None:
        return f"{path} new" if _is_object(after) else f"{path} new: {value_text(after)}"
    if after is None:
        return f"{path} gone" if _is_object(before) else f"{path} gone, was {value_text(before)}"
    if _is_object(before) or _is_object(after):
        return f"{path} changed"
    return f"{path} {value_text(before)} {arrow} {value_text(after)}"


def _is_object(value: Any) -> bool:
    """Whether a value is an object or a list with one in it, which nobody reads on one line."""
    if isinstance(value, list):
        return any(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping) and value != {"null": True}


def render_plan(
    header: Mapping[str, Any], changes: Iterable[Mapping[str, Any]], stream: TextIO, *, limit: int | None = 20,
    width: int | None = None, only: Collection[str] | None = None, sku: str | None = None, field: str | None = None,
    target: str | None = None, environment: Mapping[str, str] | None = None, about: Mapping[str, str] = CATALOGUE,
) -> None:
    """Show a plan: what a guard holds, a line a target, then the changes by target and operation.

    ``changes``  all of them, read once; at most ``limit`` a target and operation are kept
    ``limit``    changes shown a target and operation; counts are complete all the same. None: all, in the plan's order
    ``width``    columns to wrap at; None leaves lines whole, as grep wants them
    ``only``, ``sku``, ``field``, ``target``  as of ``matches``; the lines in front always say what the whole plan does
    ``about``    what each code of a finding means
    """
    paper = Paper(stream, width, environment)
    signs = _Signs(stream)
    _holds(paper, header)
    for one in header.get("targets", ()):
        paper.line(*_summary(one))
    if header.get("replay"):
        paper.line(("made from mended quarantine files: what they lack is not gone", ""))
    _codes(paper, header.get("findings", {}), about)
    filtered = filter_words(only, sku, field, target)
    others: dict[str, int] = {}
    fitting = (
        c for c in changes
        if matches(c, only=only, sku=sku, target=target) and (matches(c, field=field) or _noted(c, others))
    )
    names = [str(one.get("name", "")) for one in header.get("targets", ())]
    deletes = {str(one.get("name", "")): str(one.get("deletes", "delete")) for one in header.get("targets", ())}
    lines = _Lines(paper, signs, several=len(names) > 1, deletes=deletes)
    shown = lines.all(fitting) if limit is None else lines.first(fitting, names, limit)
    if filtered:
        paper.line()
        paper.line((f"{shown:,} {'change fits' if shown == 1 else 'changes fit'} {filtered}", "bold"))
    if not shown and others:
        first = sorted(others, key=lambda path: (-others[path], path))[:MOST_PATHS]
        more = f" and {len(others) - len(first):,} more" if len(others) > len(first) else ""
        paper.line((f"fields that differ: {', '.join(f'{path} ({others[path]:,})' for path in first)}{more}", ""))


def _noted(change: Mapping[str, Any], paths: dict[str, int]) -> bool:
    """Note the fields that differ in a change that does not fit; always False."""
    for path in {_INDEX.sub("", str(one.get("path", ""))) for one in change.get("differences", ())}:
        if path and path[0] not in "….":
            paths[path] = paths.get(path, 0) + 1
    return False


class _Signs:
    """Signs a stream can show."""

    def __init__(self, stream: TextIO) -> None:
        try:
            "→…".encode(getattr(stream, "encoding", None) or "utf-8")
            self.arrow, self.dots = "→", "…"
        except (UnicodeEncodeError, LookupError):
            self.arrow, self.dots = "->", "..."


def _holds(paper: Paper, header: Mapping[str, Any]) -> None:
    """What holds the run, and how to go on."""
    held = held_by(header)
    for whose, (guard, found, how) in held:
        paper.line((f"HELD {f'{whose}: ' if whose else ''}{_cut(found)} [{guard}]", "bold red"))
        if how:
            paper.line((f"  to go on: {_cut(how)}", "bold"))
    if held:
        paper.line(("nothing is sent while a guard holds", "bold"))
        paper.line()


def held_by(header: Mapping[str, Any]) -> list[tuple[str, tuple[str, str, str]]]:
    """What holds a run, each hold once: (targets it is about, empty for all; (guard, what it found, how to go on))."""
    whose: dict[tuple[str, str, str], list[str]] = {}
    for hold in header.get("holds", ()):
        whose[_hold(hold)] = []
    for one in header.get("targets", ()):
        for hold in one.get("holds", ()):
            if whose.setdefault(_hold(hold), [str(one.get("name", ""))]):
                whose[_hold(hold)].append(str(one.get("name", "")))
    return [(", ".join(dict.fromkeys(names)), hold) for hold, names in whose.items()]


def _hold(hold: Sequence[str]) -> tuple[str, str, str]:
    guard, found, how = (*map(str, hold), "", "", "")[:3]
    return guard, found, how


def _summary(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts = one.get("counts", {})
    if any(counts.get(operation) for operation in SENDING):
        said = ", ".join(
            operation_count(operation, counts[operation]) + (_no_id(one) if operation == "left" else "")
            for operation in (*SUMMARY, *(name for name in counts if name not in COUNTED)) if counts.get(operation)
        )
        place = f" {short_hashes(one['place'])}" if one.get("place") else ""
        return [(str(one.get("name", "")), "bold"), (f"{place}: {said}{_products(one)}", "")]
    unchanged = counts.get("unchanged", 0)
    if unchanged:
        text = f"{unchanged:,} {'product is' if unchanged == 1 else 'products are'} as the feed says"
    else:
        text = "nothing the feed has is to be sent" if one.get("products", {}).get("read") else "the feed has no products"
    rest = [
        operation_count(operation, counts[operation]) + (_no_id(one) if operation == "left" else "")
        for operation in ("keep", "left", "held", "refused") if counts.get(operation)
    ]
    return [
        (str(one.get("name", "")), "bold"),
        (f": nothing to do, {', '.join([text, *rest])}{_products(one)}", ""),
    ]


def _no_id(one: Mapping[str, Any]) -> str:
    """Which of those that are left alone wait for an id."""
    first = [str(sku) for sku in one.get("no_id_first", ())]
    more = int(one.get("no_id", 0)) - len(first)
    named = f"{', '.join(first)}{f' and {more:,} more' if more > 0 else ''}"
    return f" (until the id is known: {named})" if first else ""


def _products(one: Mapping[str, Any]) -> str:
    """What of the feed does not come so far as to be compared."""
    products = one.get("products", {})
    parts = [f"{products['excluded']:,} left out"] if products.get("excluded") else []
    # Items held back and products held back: said twice only where they are not the same number.
    if products.get("held_back", 0) not in (0, one.get("counts", {}).get("held", 0)):
        parts.append(f"{products['held_back']:,} held back")
    return f" (of {products.get('read', 0):,} in the feed: {', '.join(parts)})" if parts else ""


def _codes(paper: Paper, findings: Mapping[str, int], about: Mapping[str, str]) -> None:
    """What was found in the feed, a line a code: how many, and what the code means."""
    if not findings:
        return
    order = sorted(findings.items(), key=lambda one: (-one[1], one[0]))
    paper.line(("findings of the feed:", "dim"))
    for code, number in order[:MOST_CODES]:
        meaning = f": {_cut(about[code])}" if about.get(code) else ""
        paper.line(("  ", ""), (f"{number:,} {code}{meaning}", "dim"))
    if len(order) > MOST_CODES:
        more = len(order) - MOST_CODES
        paper.line(("  ", ""), (f"and {more:,} more {'code' if more == 1 else 'codes'}", "dim"))


def filter_words(
    only: Collection[str] | None, sku: str | None, field: str | None, target: str | None
) -> str:
    """A filter in words; empty when it lets all pass."""
    parts = []
    if only is not None:
        parts.append(f"only {', '.join(sorted(only, key=rank_of))}")
    parts += [f'{name} "{value}"' for name, value in (("SKU", sku), ("field", field), ("target", target)) if value is not None]
    return ", ".join(parts)


def rank_of(operation: str) -> int:
    """The place of an operation among all."""
    return OPERATIONS.index(operation) if operation in OPERATIONS else len(OPERATIONS)


class _Lines:
    """Changes as lines under the name of their target, where there are several."""

    def __init__(self, paper: Paper, signs: _Signs, *, several: bool, deletes: Mapping[str, str]) -> None:
        self._paper = paper
        self._signs = signs
        self._several = several
        self._deletes = deletes
        self._target: str | None = None
        self._operation: str | None = None

    def first(self, changes: Iterable[Mapping[str, Any]], names: Sequence[str], limit: int) -> int:
        """The first of every target and operation; how many there are in all."""
        kept: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        counts: dict[tuple[str, str], int] = {}
        for change in changes:
            key = (str(change.get("target", "")), str(change.get("op", "")))
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= limit:
                kept.setdefault(key, []).append(change)
        place = {name: number for number, name in enumerate(names)}
        for target, operation in sorted(counts, key=lambda k: (place.get(k[0], len(place)), k[0], rank_of(k[1]), k[1])):
            shown = kept.get((target, operation), [])
            self._head(target, operation)
            for change in shown:
                self._change(change)
            more = counts[target, operation] - len(shown)
            if more:
                said = f"{self._signs.dots} and {more:,} more" if shown else operation_count(operation, more)
                self._paper.line(("  ", ""), (f"{said}; --json has all", "dim"))
        return sum(counts.values())

    def all(self, changes: Iterable[Mapping[str, Any]]) -> int:
        number = 0
        for change in changes:
            number += 1
            self._head(str(change.get("target", "")), str(change.get("op", "")))
            self._change(change)
        return number

    def _head(self, target: str, operation: str) -> None:
        if (target, operation) == (self._target, self._operation):
            return
        if target != self._target or not self._several:
            self._paper.line()
        if target != self._target and self._several:
            self._paper.line((target, "bold"))
        self._target, self._operation = target, operation

    def _change(self, change: Mapping[str, Any]) -> None:
        operation, sku, key = str(change.get("op", "")), *_names(change)
        word = operation
        if operation == "delete":
            word = DELETES.get(self._deletes.get(str(change.get("target", "")), ""), operation)
        name = sku or key
        if key and key != name:
            name += f" as {key}"
        title = f' "{cut_to(str(change["title"]), VALUE_CHARS)}"' if change.get("title") else ""
        why = self._why(change)
        code = f" [{change['code']}]" if change.get("code") else ""
        self._paper.line(
            (f"  {word} ", STYLES.get(operation, "")), (name, "bold"), (f"{title}{': ' if why else ''}{why}", ""),
            (_place(change), "cyan"), (code, "dim"),
        )
        _mend(self._paper, change, "    ")

    def _why(self, change: Mapping[str, Any]) -> str:
        found = change.get("differences", ())
        reason = str(change.get("reason", ""))
        parts = [_beside(reason) if found else reason]
        told = [difference_text(one, self._signs.arrow) for one in found[:MOST_DIFFERENCES]]
        if len(found) > MOST_DIFFERENCES:
            told.append(f"{self._signs.dots} and {len(found) - MOST_DIFFERENCES} more")
        parts += [", ".join(told), str(change.get("note", "")), str(change.get("message", ""))]
        text = "; ".join(_cut(part, TEXT_CHARS * 2) for part in parts if part)
        return text if self._signs.dots == "…" else text.replace("…", self._signs.dots)


def _beside(reason: str) -> str:
    """A reason without the fields that stand beside it with their values.

    >>> _beside("field price changed; the mapping changed, too")
    'the mapping changed, too'
    >>> _beside("the product changed, and its 3 variants with it: field brand changed")
    'the product changed, and its 3 variants with it'
    """
    front = reason.removesuffix(_MAPPING_TOO).removesuffix("; ")
    rest = _MAPPING_TOO if front != reason else ""
    if parent := _PARENT_REASON.fullmatch(front):
        front = parent[1]
    elif _FIELD_REASON.fullmatch(front):
        front = ""
    return "; ".join(part for part in (front, rest) if part)


def _place(of: Mapping[str, Any]) -> str:
    file, line = of.get("file"), of.get("line")
    return f" ({file}{f':{line}' if line else ''})" if file else ""


def render_result(
    result: Mapping[str, Any], stream: TextIO, *, limit: int = 20, width: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Show what came of a plan: a line a target, what stopped it, then what was not taken, with the platform's words.

    ``result``  ``{"targets": [target, …], "seconds": 12.5, "calls": 14, "message": why the run did not end well,
                "mend", "holds": [[guard, found, how to go on], …]}``; a target is
                ``{"name", "place", "done": {created, updated, replaced, deleted, settled, unchanged, kept, held, failed,
                refused, unknown: items}, "calls", "seconds", "left": items not tried,
                "stopped": {"message", "mend"}, "deletes", "failures_left_out": number,
                "failures": [{"sku", "key", "op", "state", "message", "mend", "code",
                "file", "line"}, …]}``. Members that are not there are not shown
    ``limit``   failures shown a target; their count is complete
    """
    paper = Paper(stream, width, environment)
    signs = _Signs(stream)
    _holds(paper, result)
    if result.get("message"):
        paper.line((_cut(str(result["message"])), "bold red"))
        _mend(paper, result, "  ")
    targets = result.get("targets", ())
    for one in targets:
        _done(paper, one)
    for one in targets:
        _failures(paper, signs, one, limit)
    calls, seconds = result.get("calls"), result.get("seconds")
    parts = [f"{calls:,} {'call' if calls == 1 else 'calls'}"] if calls is not None else []
    parts += [f"took {seconds:,.1f} s"] if seconds is not None else []
    if parts:
        paper.line((", ".join(parts), "dim"))


def _done(paper: Paper, one: Mapping[str, Any]) -> None:
    done = one.get("done", {})
    own = {"deleted": "switched off"} if one.get("deletes") == "disable" else {}
    words = [
        f"{done[name]:,} {own.get(name) or DONE_WORDS.get(name, name)}"
        for name in (*DONE, *(n for n in done if n not in DONE)) if done.get(name)
    ]
    if one.get("left"):
        words.append(f"{one['left']:,} not tried")
    bad = any(done.get(name) for name in ("failed", "refused", "unknown")) or one.get("left") or one.get("stopped")
    place = f" {short_hashes(one['place'])}" if one.get("place") else ""
    spent = ""
    if one.get("calls") is not None:
        spent = f" ({one['calls']:,} {'call' if one['calls'] == 1 else 'calls'}"
        spent += f", {one['seconds']:,.1f} s)" if one.get("seconds") is not None else ")"
    paper.line(
        (str(one.get("name", "")), "bold red" if bad else "bold green"), (f"{place}: {', '.join(words) or 'nothing done'}", ""),
        (spent, "dim"),
    )
    stopped = one.get("stopped")
    if stopped:
        paper.line(("  stopped: " if one.get("left") else "  failed: ", "bold red"), (_cut(str(stopped.get("message", ""))), ""))
        _mend(paper, stopped, "  ")


def _failures(paper: Paper, signs: _Signs, one: Mapping[str, Any], limit: int) -> None:
    number = 0
    for number, failure in enumerate(one.get("failures", ()), 1):
        if number == 1:
            paper.line()
        if number > limit:
            continue
        sku, key = _names(failure)
        name = sku or key
        if key and key != name:
            name += f" as {key}"
        state = str(failure.get("state") or "failed")
        said = "the outcome is not known" if state == "unknown" else "was not taken"
        code = f" [{failure['code']}]" if failure.get("code") else ""
        # What was refused or kept says so already.
        operation = f"{failure['op']} " if failure.get("op") and failure["op"] not in (state, "keep") else ""
        words = _cut(str(failure.get("message") or said))
        paper.line(
            (f"{one.get('name', '')}: ", ""), (f"{state} ", "yellow" if state == "unknown" else "bold red"),
            (f"{operation}{name}: {words}", ""), (_place(failure), "cyan"), (code, "dim"),
        )
        _mend(paper, failure, "  ")
    done = one.get("done", {})
    known = sum(done.get(name, 0) for name in ("failed", "refused", "unknown"))
    more = max(number, known) - min(number, limit)
    if more > 0:
        has = f"{number:,} of them" if one.get("failures_left_out") else "all"
        paper.line(("  ", ""), (f"{signs.dots} and {more:,} more; --json has {has}", "dim"))


def _mend(paper: Paper, of: Mapping[str, Any], indent: str) -> None:
    if of.get("mend"):
        paper.line((f"{indent}mend: ", "green"), (_cut(str(of["mend"])), ""))


def _cut(text: str, most: int = TEXT_CHARS) -> str:
    return cut_to(text, most)
