"""A plan as one page that opens from disk, fetches nothing and runs nothing but its own script.

What the feed says goes into the page as escaped text, or as JSON in a data block that the script shows as text; a strict
Content-Security-Policy stands behind that, as in page.py. Header and changes: see plan_text.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from feedbridge.errors import OutputError
from feedbridge.report.catalogue import CATALOGUE
from feedbridge.report.page import LOGIN, csp_hash
from feedbridge.report.page_charts import stacked
from feedbridge.report.page_html import Html, cut_to, join, tag
from feedbridge.report.plan_text import (
    OPERATIONS,
    SENDING,
    SUMMARY,
    filter_words,
    held_by,
    matches,
    operation_count,
    rank_of,
    value_text,
)

__all__ = ["FIRST", "MOST_BYTES", "render_plan_page", "write_plan_page"]

MOST_BYTES = 12_000_000
"""Of changes in the page: about 100,000 of the usual kind. The page says how many it leaves out."""
FIRST = 25
"""Changes that are in the page's HTML; the script shows as many at a time."""
FEW = 8
"""Differences of a change that are shown at once; the others unfold."""
MOST_TEXTS = 20_000
"""Texts that are in the page once, however many changes say them."""
NAME_CHARS = 300
TEXT_CHARS = 600
VALUE_CHARS = 420
LIST = 200
SAME_CHARS = 8
"""Two values with so much in common have the part marked in which they differ."""
WORDS = {
    "delete": "delete", "replace": "replace", "settle": "settle", "update": "update", "create": "create", "keep": "keep",
    "held": "held back", "refused": "refused",
}
HEADS = {
    "delete": "to delete", "replace": "to replace", "settle": "to settle", "update": "to update", "create": "to create",
    "unchanged": "unchanged", "keep": "kept", "left": "left alone", "held": "held back", "refused": "refused",
}
_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
Row = list[Any]
"""Target, operation, SKU, key (empty: as the SKU), title, reason, file, line, message, mend, code, differences as
[path, before, after]. Target and operation are numbers; a number in the place of another text is its place in ``texts``."""


def render_plan_page(
    header: Mapping[str, Any], changes: Iterable[Mapping[str, Any]], *, only: Collection[str] | None = None,
    sku: str | None = None, field: str | None = None, target: str | None = None, about: Mapping[str, str] = CATALOGUE,
) -> bytes:
    """The page as UTF-8 HTML: what a guard holds, what each target would get, every change with before and after.

    ``changes``  read once; memory stays that of the page. Where not all fit ``MOST_BYTES``, the first of each target and
                 operation are in it, and it says so
    ``only``, ``sku``, ``field``, ``target``  as of ``plan_text.matches``
    ``about``    what each code of a finding means

    The same data gives the same bytes. Raises nothing for any text of a feed.
    """
    kept = _Kept([str(one.get("name", "")) for one in header.get("targets", ())])
    for change in changes:
        if matches(change, only=only, sku=sku, field=field, target=target):
            kept.add(change)
    assets = files("feedbridge.report")
    style = "".join(assets.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "plan_page.css"))
    script = "".join(assets.joinpath(name).read_text(encoding="utf-8") for name in ("page_shared.js", "plan_page.js"))
    policy = (
        f"default-src 'none'; script-src '{csp_hash(script)}'; style-src '{csp_hash(style)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=str(header.get("tool", "feedbridge"))),
        tag("title", f"Plan: {cut_to(str(header.get('job', '')), NAME_CHARS)}"),
        tag("style", Html(style)),
    )
    rows = kept.rows()
    inside = join([
        _body(header, kept, rows, filter_words(only, sku, field, target), about),
        tag("script", Html(_blob(kept, rows)), type="application/json", id="data"),
        tag("script", Html(script)),
    ])
    whole = f'<!doctype html>\n<html lang="en">\n{head}\n{tag("body", inside)}\n</html>\n'
    return LOGIN.sub(r"\1***@", whole).encode("utf-8", "backslashreplace")


def write_plan_page(
    path: str | os.PathLike[str], header: Mapping[str, Any], changes: Iterable[Mapping[str, Any]], **filters: Any
) -> None:
    """Write the page, whole or not at all; a file that was there is replaced. Arguments: see ``render_plan_page``.

    Raises:  OutputError, code ``plan.page``.
    """
    page = render_plan_page(header, changes, **filters)
    real = Path(os.path.realpath(path))
    part = real.with_name(f".{real.name[:100]}.{os.getpid()}.part")
    try:
        if real.exists() and not real.is_file():
            raise OutputError("a page cannot be written here: it is no ordinary file", where=str(path), code="plan.page",
                              mend="name a file")
        try:
            part.write_bytes(page)
            os.replace(part, real)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
    except OSError as exc:
        raise OutputError(
            f"the page cannot be written: {exc.strerror or exc}", where=str(path), code="plan.page",
            mend="make room on the disk, or name a place that can be written to",
        ) from exc


class _Kept:
    """The changes that are in the page: of each target and operation the first, as many as fit."""

    def __init__(self, targets: Sequence[str]) -> None:
        self.targets = list(targets)
        self.operations = list(OPERATIONS)
        self.texts: dict[str, int] = {}
        self.counts: dict[tuple[int, int], int] = {}
        self._rows: dict[tuple[int, int], list[tuple[int, Row]]] = {}
        self._bytes: dict[tuple[int, int], int] = {}
        self._full: set[tuple[int, int]] = set()
        self._total = 0

    def add(self, change: Mapping[str, Any]) -> None:
        group = (
            _place_in(self.targets, str(change.get("target", ""))), _place_in(self.operations, str(change.get("op", "")))
        )
        self.counts[group] = self.counts.get(group, 0) + 1
        if group in self._full:
            return
        row = self._row(group, change)
        size = len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))
        self._rows.setdefault(group, []).append((size, row))
        self._bytes[group] = self._bytes.get(group, 0) + size
        self._total += size
        while self._total > MOST_BYTES:
            largest = max(self._bytes, key=lambda one: self._bytes[one])
            last, _ = self._rows[largest].pop()
            self._bytes[largest] -= last
            self._total -= last
            self._full.add(largest)

    def _row(self, group: tuple[int, int], change: Mapping[str, Any]) -> Row:
        def text(name: str, most: int = TEXT_CHARS) -> str:
            return cut_to(str(change.get(name) or ""), most)

        sku, key = text("sku", NAME_CHARS), text("key", NAME_CHARS)
        return [
            *group, sku or key, "" if not sku or key == sku else key, text("title", NAME_CHARS),
            self._once("; ".join(one for one in (text("reason"), text("note")) if one)),
            self._once(text("file", NAME_CHARS)), int(change.get("line") or 0),
            self._once(text("message")), self._once(text("mend")), self._once(text("code", NAME_CHARS)),
            [
                [self._once(cut_to(str(one.get("path") or ""), NAME_CHARS)), _value(one.get("before")), _value(one.get("after"))]
                for one in change.get("differences", ())
            ],
        ]

    def _once(self, text: str) -> str | int:
        if text in self.texts:
            return self.texts[text]
        if len(self.texts) >= MOST_TEXTS:
            return text
        return self.texts.setdefault(text, len(self.texts))

    def rows(self) -> list[Row]:
        """Target by target, in the order the operations are carried out."""
        order = sorted(self._rows, key=lambda one: (one[0], one[1]))
        return [row for group in order for _, row in self._rows[group]]

    def of_operation(self, operation: int) -> int:
        return sum(number for (_, one), number in self.counts.items() if one == operation)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def _place_in(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def _value(value: Any) -> str | None:
    return None if value is None else value_text(value, VALUE_CHARS)


def _blob(kept: _Kept, rows: Sequence[Row]) -> str:
    data = {
        "targets": [cut_to(name, NAME_CHARS) for name in kept.targets],
        "operations": [[name, WORDS.get(name, name)] for name in kept.operations],
        "texts": list(kept.texts),
        "total": kept.total,
        "rows": rows,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


# --- the page


def _body(
    header: Mapping[str, Any], kept: _Kept, rows: Sequence[Row], filtered: str, about: Mapping[str, str]
) -> Html:
    sections = [
        ("result", "What would be done", _result(header)),
        ("changes", "Changes", _changes(kept, rows, filtered)),
        ("findings", "Findings", _findings(header.get("findings") or {}, about)),
        ("sources", "Made from", _sources(header)),
    ]
    shown = [(name, title, inside) for name, title, inside in sections if inside is not None]
    contents = (tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in shown)
    return join([
        tag("a", "Skip to the result", href="#result", class_="skip"),
        _header(header),
        tag("nav", tag("ul", *contents), class_="contents", aria_label="Sections of this page"),
        tag("main", *(
            tag("section", tag("h2", title, id=f"{name}-title"), inside, id=name, aria_labelledby=f"{name}-title", tabindex="-1")
            for name, title, inside in shown
        )),
        tag("footer", tag("p", f"Made by {header.get('tool', 'feedbridge')}. A plan is a proposal: nothing has been sent.")),
    ])


def _header(header: Mapping[str, Any]) -> Html:
    made = str(header.get("made", "")).replace("T", " ").removesuffix("Z").removesuffix("+00:00")
    of = [tag("strong", tag("bdi", cut_to(str(header.get("job", "")), NAME_CHARS)))]
    if made:
        of.append(Html(f"made {tag('bdi', made)} UTC"))
    if header.get("run"):
        of.append(Html(f"run {tag('bdi', str(header['run']))}"))
    return tag(
        "header",
        tag("div", tag("p", "feedbridge", class_="wordmark"), tag("h1", "Plan"), tag("p", join(of, ", "), class_="of")),
        tag("button", "Dark", type="button", id="theme", class_="quiet", hidden=True),
        class_="top",
    )


def _result(header: Mapping[str, Any]) -> Html:
    targets = header.get("targets", ())
    holds = held_by(header)
    return join([
        tag("div", *(_hold(*one) for one in holds), class_="holds", role="group", aria_label="What a guard holds") if holds else None,
        tag("p", _verdict(targets, bool(holds)), class_="lead"),
        tag("p", "Made from mended quarantine files: what they lack is not gone.", class_="muted")
        if header.get("replay") else None,
        tag("div", *(_target(one) for one in targets), class_="platforms") if targets else None,
    ])


def _hold(target: str, hold: Sequence[str]) -> Html:
    guard, found, how = hold
    return tag(
        "div",
        tag("p", tag("strong", "Held", tag("bdi", f" {target}") if target else None, ": ", tag("bdi", cut_to(found, TEXT_CHARS))),
            " ", tag("code", guard)),
        tag("p", "To go on: ", tag("bdi", cut_to(how, TEXT_CHARS))) if how else None,
        class_="hold",
    )


def _verdict(targets: Sequence[Mapping[str, Any]], held: bool) -> str:
    sent = sum(one.get("counts", {}).get(operation, 0) for one in targets for operation in SENDING)
    products = f"{sent:,} {'item' if sent == 1 else 'items'}"
    if held:
        return f"A guard holds this plan: nothing is sent until a person releases it. Then it would change {products}."
    if not sent:
        return "Nothing to do: what can be sent is as the feed says."
    many = f" at {len(targets)} targets" if len(targets) > 1 else ""
    return f"{products} would change{many}."


def _target(one: Mapping[str, Any]) -> Html:
    counts = one.get("counts", {})
    names = [name for name in (*SUMMARY, *(n for n in counts if n not in SUMMARY)) if counts.get(name)]
    terms = [
        tag(
            "div",
            tag("dt", tag("span", class_=f"key part-{name}" if name in HEADS else "key part-unchanged"), HEADS.get(name, name)),
            tag("dd", f"{counts[name]:,}"),
            class_="term",
        )
        for name in names
    ]
    products = one.get("products", {})
    notes = []
    if products.get("read") is not None:
        parts = [f"{products['read']:,} read from the feed"]
        parts += [f"{products[n]:,} {w}" for n, w in (("excluded", "left out"), ("held_back", "held back")) if products.get(n)]
        notes.append(tag("li", ", ".join(parts)))
    if one.get("present"):
        notes.append(tag("li", f"{one['present']:,} items there before"))
    if one.get("deletes") == "disable" and counts.get("delete"):
        notes.append(tag("li", "What is to be deleted is switched off there."))
    label = ", ".join(operation_count(name, counts[name]) for name in names)
    return tag(
        "article",
        tag("div", tag("h3", tag("bdi", cut_to(str(one.get("name", "")), NAME_CHARS))),
            tag("p", tag("bdi", cut_to(str(one.get("place", "")), NAME_CHARS)), class_="score-line place-line"), class_="platform-head"),
        tag(
            "div",
            tag("dl", *terms, class_="equation") if terms else tag("p", "Nothing there, and nothing to send."),
            stacked([(f"part-{name}" if name in HEADS else "part-unchanged", counts[name]) for name in names], label) if names else None,
            tag("ul", *notes, class_="notes") if notes else None,
        ),
        class_="platform",
    )


def _changes(kept: _Kept, rows: Sequence[Row], filtered: str) -> Html:
    note = tag("p", f"Made with a filter: {filtered}.", class_="muted") if filtered else None
    if not kept.total:
        none = "No change fits the filter." if filtered else "Every item is as the feed says."
        return join([note, tag("p", none)])
    cut = None
    if len(rows) < kept.total:
        cut = tag(
            "p", f"{len(rows):,} of {kept.total:,} changes are in this page: the first of each operation. "
            "The plan file has all of them; feedbridge plan --json prints them.", class_="cut", id="cut",
        )
    first = rows[:FIRST]
    count = f"The first {len(first):,} of {kept.total:,}." if len(first) < kept.total else ""
    texts = list(kept.texts)
    return join([
        note,
        cut,
        _filters(kept),
        tag("p", count, id="count", class_="count", role="status", tabindex="-1"),
        tag("div", *(_change(kept, texts, row) for row in first), id="rows", class_="changes"),
        tag(
            "div",
            tag("button", "Previous", type="button", id="previous"),
            tag("span", id="pages", class_="number"),
            tag("button", "Next", type="button", id="next"),
            id="pager", class_="pager", hidden=True,
        ),
    ])


def _filters(kept: _Kept) -> Html:
    used = [(number, name) for number, name in enumerate(kept.operations) if kept.of_operation(number)]
    chips = (
        tag(
            "label",
            tag("input", type="checkbox", name="op", value=str(number), checked=True),
            tag("span", WORDS.get(name, name), f" {kept.of_operation(number):,}"),
            class_="chip",
        )
        for number, name in sorted(used, key=lambda one: (rank_of(one[1]), one[1]))
    )
    targets = sorted({target for target, _ in kept.counts})
    return tag(
        "form",
        tag("fieldset", tag("legend", "Operations"), *chips),
        tag(
            "label", tag("span", "Target", class_="label"),
            tag("select", tag("option", "all", value="*"),
                *(tag("option", cut_to(kept.targets[number], 60), value=str(number)) for number in targets), id="target"),
        ) if len(targets) > 1 else None,
        tag("label", tag("span", "Field", class_="label"), tag("select", tag("option", "all", value="*"), id="field")),
        tag(
            "label", tag("span", "SKU, title or text", class_="label"),
            tag("input", type="search", id="text", autocomplete="off", spellcheck="false"), class_="grow",
        ),
        tag("button", "Clear", type="reset", class_="quiet"),
        id="filters", class_="filters", hidden=True,
    )


def _change(kept: _Kept, texts: Sequence[str], row: Row) -> Html:
    """A change as HTML. plan_page.js makes the same of the same row."""
    def text(value: str | int) -> str:
        return value if isinstance(value, str) else texts[value]

    target, operation, sku, key, title, *_ = row
    reason, file, message, mend, code = (text(row[at]) for at in (5, 6, 8, 9, 10))
    name = kept.operations[operation]
    found = row[11]
    place = f"{file}:{row[7]}" if file and row[7] else file
    whose = cut_to(kept.targets[target], NAME_CHARS) if len(kept.targets) > 1 else ""
    return tag(
        "article",
        tag(
            "div",
            tag("span", WORDS.get(name, name), class_=f"op op-{name}" if name in WORDS else "op"),
            tag("h3", tag("bdi", sku)),
            tag("span", "as ", tag("bdi", key), class_="muted") if key else None,
            tag("span", tag("bdi", title), class_="title") if title else None,
            tag("span", tag("bdi", " · ".join(part for part in (whose, place) if part)), class_="muted from")
            if whose or place else None,
            class_="change-head",
        ),
        tag("p", tag("bdi", reason), class_="why") if reason else None,
        tag("p", tag("bdi", message), " " if code else None, tag("code", code) if code else None, class_="message")
        if message or code else None,
        tag("p", "Remedy: ", tag("bdi", mend), class_="mend") if mend else None,
        _differences([(text(path), before, after) for path, before, after in found[:FEW]]) if found else None,
        tag(
            "details", tag("summary", f"{len(found) - FEW:,} more"),
            _differences([(text(path), before, after) for path, before, after in found[FEW:]]),
        ) if len(found) > FEW else None,
        class_="change",
    )


def _differences(found: Sequence[tuple[str, str | None, str | None]]) -> Html:
    return tag(
        "dl",
        *(
            tag(
                "div",
                tag("dt", tag("bdi", path or "payload")),
                tag("dd", *_marked(before, after), class_="before") if before is not None or after is not None else None,
                tag("dd", *_marked(after, before), class_="after-value") if before is not None or after is not None else None,
                class_="diff",
            )
            for path, before, after in found
        ),
        class_="diffs",
    )


def _marked(value: str | None, other: str | None) -> list[Html]:
    """A value with the part marked in which it differs from the other, where they have enough in common."""
    if value is None:
        return [tag("span", "not there", class_="muted")]
    start = end = 0
    if other is not None:
        most = min(len(value), len(other))
        while start < most and value[start] == other[start]:
            start += 1
        while end < most - start and value[-1 - end] == other[-1 - end]:
            end += 1
    if start + end < SAME_CHARS:
        return [tag("bdi", value)]
    middle = value[start : len(value) - end]
    return [tag("bdi", value[:start], tag("mark", middle) if middle else None, value[len(value) - end :])]


def _findings(findings: Mapping[str, int], about: Mapping[str, str]) -> Html | None:
    if not findings:
        return None
    order = sorted(findings.items(), key=lambda one: (-one[1], one[0]))
    rows = [
        tag("tr", tag("th", tag("code", code), scope="row"), tag("td", f"{number:,}", class_="number"),
            tag("td", about.get(code)))
        for code, number in order[:LIST]
    ]
    return join([
        _table(
            "Findings by code", tag("th", "Code", scope="col"),
            join([tag("th", "How many", scope="col", class_="number"), tag("th", "What it means", scope="col")]), rows, "plain",
        ),
        tag("p", f"and {len(order) - LIST:,} more codes", class_="muted") if len(order) > LIST else None,
    ])


def _sources(header: Mapping[str, Any]) -> Html:
    sources = list(header.get("sources", ()))
    rows = [
        tag("tr", tag("th", tag("bdi", cut_to(str(path), NAME_CHARS)), scope="row"), tag("td", tag("code", digest), class_="digest"))
        for path, digest in sources[:LIST]
    ]
    rows += [
        tag("tr", tag("th", "mapping", scope="row"), tag("td", tag("code", str(digest)), class_="digest"))
        for digest in list(header.get("mappings", ()))[:LIST]
    ]
    if header.get("job_digest"):
        rows.append(tag(
            "tr", tag("th", tag("bdi", cut_to(str(header.get("job_file", "job file")), NAME_CHARS)), scope="row"),
            tag("td", tag("code", str(header["job_digest"])), class_="digest"),
        ))
    more = len(sources) - LIST
    return join([
        tag("p", "A plan is refused when one of these has changed since."),
        _table("Made from", tag("th", "What", scope="col"), tag("th", "SHA-256", scope="col"), rows, "inputs"),
        tag("p", f"and {more:,} more files", class_="muted") if more > 0 else None,
    ])


def _table(label: str, left: Html, right: Html, rows: Sequence[Html], kind: str) -> Html:
    table = tag("table", tag("thead", tag("tr", left, right)), tag("tbody", *rows), class_=kind)
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)
