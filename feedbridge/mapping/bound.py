"""What a mapping becomes for one source: leaves that know their columns, their reader and their tables.

Bound leaves are what both paths are made of: the precise one (assemble.py) calls them one by one and
notes where each value came from, the quick one (compile.py) is generated from them. bind.py makes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from feedbridge.cells import CellError, Reader, readers
from feedbridge.cells.list import ListReader
from feedbridge.cells.measure import Measure
from feedbridge.cells.plain import plain_text
from feedbridge.mapping.lookup import STEP, Table
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.paths import Column, Header
from feedbridge.mapping.schema import Spec
from feedbridge.mapping.tree import Leaf
from feedbridge.sources.base import Record

__all__ = [
    "INSIDE", "BoundBlock", "BoundLeaf", "BoundMany", "BoundNamed", "BoundNode", "BoundTrees", "as_text", "is_blank",
    "leaves_of", "names_in",
]  # fmt: skip

def is_blank(raw: Any) -> bool:
    """Nothing there: absent, empty, or only blanks."""
    if raw is None or raw == "":
        return True
    if isinstance(raw, str):
        return not raw.strip()
    return isinstance(raw, list | dict) and not raw


INSIDE = "."
NEWLINES = re.compile(r"\\\\n|\\n")


def unescaped(match: re.Match[str]) -> str:
    """``\\n`` as a line break, its doubled form as itself. Source: WooCommerce, CSV exporter."""
    return "\n" if len(match[0]) == 2 else "\\n"



def names_in(raw: Any) -> list[str]:
    """The names a cell lists, each once: in lines where it has several, else between commas."""
    text = "" if is_blank(raw) else as_text(raw)
    return list(dict.fromkeys(filter(None, map(str.strip, text.split("\n" if "\n" in text else ",")))))


def as_text(raw: Any) -> str:
    """A raw value as text: JSON numbers as digits, booleans as JSON writes them."""
    if isinstance(raw, str):
        return raw.strip()
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw)


def said(raw: Any) -> str:
    """A raw value as part of a text. Raises CellError for a list or an object."""
    return raw.strip() if isinstance(raw, str) else plain_text(raw, "text")


@dataclass(slots=True)
class BoundLeaf:
    """One field of one block, ready to be evaluated on a record."""

    leaf: Leaf
    layer: str
    reader: Reader
    columns: list[Column] = field(default_factory=list)
    test: Callable[[Any, Any], bool] | None = None
    test_column: Column | None = None
    then: BoundLeaf | None = None
    else_: BoundLeaf | None = None
    template: list[tuple[str, Column | None, Callable[[str], str] | None]] | None = None
    regex: re.Pattern[str] | None = None
    table: Table | None = None
    currency: list[Column] = field(default_factory=list)
    currency_readers: dict[str, Reader] = field(default_factory=dict)
    file: str = ""
    """The further file its columns are in; empty: the main one; INSIDE: a cell that holds several values."""
    item: list[tuple[str, Column]] = field(default_factory=list)
    labels: Column | None = None
    named_by: Column | None = None
    named: tuple[Column, Header | None] | None = None
    inside: Column | None = None
    names_met: set[str] = field(default_factory=set)
    """Columns that records have named."""
    like: list[tuple[str, Column]] = field(default_factory=list)
    units: list[Column] = field(default_factory=list)
    """Columns that hold the unit."""
    values: Callable[[str], Table | None] | None = None
    """The table for the values of a column that is listed by name."""

    @property
    def spec(self) -> Spec:
        return self.leaf.spec

    def plain(self) -> bool:
        """The first filled of some columns straight into the reader: what the compiled path can write out in place."""
        return self.nearly_plain() and not self.reshapes() and self.spec.default is None

    def reshapes(self) -> bool:
        """Whether a text is changed before its reader gets it."""
        spec = self.spec
        changed = self.regex is not None or spec.replace is not None or spec.case is not None
        return changed or spec.strip_html or spec.unescape is not None

    def reshape(self, text: str) -> str:
        """A text as its reader gets it. Raises CellError."""
        made: str = self._transform(text.strip())
        return made

    def nearly_plain(self) -> bool:
        """Plain, but for changes to the text before its reader gets it, and what stands for an empty cell."""
        spec = self.spec
        return (
            bool(self.columns)
            and not self.currency
            and not self.units
            and self.test is None
            and self.template is None
            and self.table is None
            and spec.all_ is None
            and spec.item is None
            and not spec.without
            and self.labels is None
            and self.named is None
            and not self.like
            and not self.leaf.choices
            and not (self.leaf.shape == "texts" and self.leaf.kind == "category_paths")
        )

    def pick(self, record: Any, up: Any) -> tuple[Any, str]:
        """The raw value and the column it stands in."""
        if self.template is not None:
            return self._fill(record, up), self.template_label()
        if self.spec.all_ is not None:
            values = [column.get(record, up) for column in self.columns]
            filled = [value for value in values if not is_blank(value)]
            label = " + ".join(column.label for column in self.columns)
            if self.spec.join is not None:
                return self.spec.join.join(said(value) for value in filled), label
            return filled, label
        if self.named is not None:
            return self._columns_named(record, up)
        if self.like:
            found = {name: one for name, column in self.like if not is_blank(one := column.get(record, up))}
            return found, " + ".join(column.label for _, column in self.like)
        raw: Any = None
        label = self.columns[0].label if self.columns else ""
        for column in self.columns:
            raw = column.get(record, up)
            if self.item or self.spec.without or self.labels is not None:
                raw = self._members(raw, record, up)
            if not is_blank(raw):
                return raw, column.label
        return raw, label

    def _columns_named(self, record: Any, up: Any) -> tuple[Any, str]:
        """An object of the columns that a cell lists by name."""
        assert self.named is not None
        column, header = self.named
        raw = column.get(record, up)
        if self.table is not None and not is_blank(raw):
            raw = self.table.exchange(said(raw))
        names: list[Any]
        if isinstance(raw, list):
            names = [one.get("code", "") if isinstance(one, dict) else one for one in raw]
        elif isinstance(self.reader, ListReader) and not is_blank(raw):
            names = list(self.reader.read(raw))
        else:
            names = names_in(raw)
        found: dict[str, Any] = {}
        within = self.inside.get(record, up) if self.inside is not None else None
        for name in map(str.strip, map(str, names)):
            place = header.find(name) if header is not None else None
            value = place.get(record, up) if place is not None else None
            if header is None and isinstance(within, dict):
                value = within.get(name)
            if not is_blank(value):
                self.names_met.add(place.label if place is not None else f"{self.inside.label}.{name}" if self.inside else name)
                table = self.values(name) if self.values is not None else None
                found[name] = value if table is None else table.exchange(said(value))
        return found, column.label

    def _members(self, raw: Any, record: Any, up: Any) -> Any:
        """One object of a list, without some members, the others under their labels."""
        if self.item:
            wanted = [(member, as_text(column.get(record, up) or "")) for member, column in self.item]
            objects = raw if isinstance(raw, list) else [raw]
            raw = next(
                (
                    one
                    for one in objects
                    if isinstance(one, dict) and all(as_text(one.get(m) or "") == value for m, value in wanted)
                ),
                None,
            )
        if isinstance(raw, dict):
            raw = {name: value for name, value in raw.items() if name not in self.spec.without}
            labels = self.labels.get(record, up) if self.labels is not None else None
            if isinstance(labels, dict):
                raw = {labels.get(name) or name: value for name, value in raw.items()}
        return raw

    def name_of(self, key: str, record: Any, up: Any = None) -> str:
        """The name of this value: the key in the mapping, or what a column says; empty when it says nothing."""
        if self.named_by is None:
            return key
        raw = self.named_by.get(record, up)
        return "" if is_blank(raw) else as_text(raw)

    def every_column(self) -> list[Column]:
        """The columns of its value; not those of its condition and branches."""
        return [
            *self.columns,
            *(column for _, column, _ in self.template or () if column is not None),
            *([self.named[0]] if self.named is not None else ()),
            *(column for _, column in self.like),
        ]

    def template_label(self) -> str:
        return " + ".join(column.label for _, column, _ in self.template or () if column is not None)

    def locate(self, record: Any, up: Any) -> tuple[str, Any]:
        """Column and raw value, for findings and ``explain``."""
        if self.test is not None:
            branch = self.then if self.test(record, up) else self.else_
            if branch is not None:
                label, raw = branch.locate(record, up)
                if label:
                    return label, raw
            assert self.test_column is not None
            return self.test_column.label, self.test_column.get(record, up)
        try:
            raw, label = self.pick(record, up)
        except CellError:  # evaluate says so; here only the place is asked for
            return " + ".join(column.label for column in self.columns), None
        return label, raw

    def evaluate(self, record: Any, up: Any = None) -> Any:
        """The canonical value, or None when there is none. Raises CellError."""
        if self.test is not None:
            branch = self.then if self.test(record, up) else self.else_
            value = branch.evaluate(record, up) if branch is not None else None
            return self._required(value)
        spec = self.spec
        if spec.value is not None:
            raw = spec.value
        else:
            raw, _ = self.pick(record, up)
            if is_blank(raw):
                raw = spec.default
                if raw is None:
                    return self._required(None)
        if isinstance(raw, str):
            raw = raw.strip()
        raw = self._transform(raw)
        if is_blank(raw):
            return self._required(None)
        reader = self._reader(record, up) if self.currency or self.units else self.reader
        value = reader.read(raw)
        if value == "":
            return self._required(None)
        return self._shape(value)

    def _required(self, value: Any) -> Any:
        if value is None and self.spec.required:
            raise CellError("mapping.required", "is empty, but this mapping requires it", "fill it in the source")
        return value

    def _fill(self, record: Any, up: Any) -> str:
        parts: list[str] = []
        for literal, column, change in self.template or ():
            parts.append(literal)
            if column is not None:
                raw = column.get(record, up)
                if is_blank(raw):
                    return ""
                text = said(raw)
                parts.append(change(text) if change else text)
        return "".join(parts)

    def _transform(self, raw: Any) -> Any:
        spec = self.spec
        if isinstance(raw, list) and spec.join is not None:
            raw = spec.join.join(said(item) for item in raw if not is_blank(item))
        if isinstance(raw, str):
            if spec.unescape is not None and "\\" in raw:
                raw = NEWLINES.sub(unescaped, raw)
            if spec.strip_html:
                from feedbridge.cells.html import strip_html

                raw = strip_html(raw)
            if self.regex is not None:
                raw = self._regex(raw)
            for old, new in (spec.replace or {}).items():
                raw = raw.replace(old, new)
            if spec.case:
                raw = getattr(raw, spec.case)()
            raw = raw.strip()
        if self.table is not None and not is_blank(raw) and self.leaf.shape in {"one", "text"}:
            return self.table.exchange(said(raw))
        return raw

    def _regex(self, text: str) -> str:
        assert self.regex is not None and self.spec.regex is not None
        if self.spec.regex.replace is not None:
            return self.regex.sub(self.spec.regex.replace, text)
        match = self.regex.search(text)
        if match is None:
            return ""
        return (match.group(1) or "") if self.regex.groups else match.group()

    def _reader(self, record: Any, up: Any) -> Reader:
        for column in self.currency:
            raw = column.get(record, up)
            if not is_blank(raw) and self.spec.currency_find is not None:
                match = re.search(self.spec.currency_find, as_text(raw))
                raw = match[1] if match is not None else None
            if not is_blank(raw):
                code = as_text(raw).upper()
                reader = self.currency_readers.get(code)
                if reader is None:
                    code = readers()["currency"]().read(code)
                    fixed = {name: getattr(self.reader, name) for name in type(self.reader).model_fields}
                    if self.spec.currency_only and fixed["currency"] not in (None, code):
                        raise CellError(
                            "cell.price-other-currency",
                            f"the price is in {code}, and {fixed['currency']} is asked for",
                            f"give the price in {fixed['currency']} first, or say --set currency={code}",
                        )
                    reader = self.currency_readers[code] = type(self.reader)(**{**fixed, "currency": code})
                return reader
        for column in self.units:
            raw = column.get(record, up)
            if not is_blank(raw) and isinstance(self.reader, Measure):
                word = as_text(raw)
                reader = self.currency_readers.get(word)
                if reader is None:
                    fixed = {name: getattr(self.reader, name) for name in type(self.reader).model_fields}
                    unit = self.reader.unit_named(word, raw)
                    reader = self.currency_readers[word] = type(self.reader)(**{**fixed, "unit": unit})
                return reader
        return self.reader

    def _shape(self, value: Any) -> Any:
        shape = self.leaf.shape
        if shape == "one":
            choices = self.leaf.choices
            if choices and value not in choices:
                near = nearest(str(value), choices)
                raise CellError(
                    "cell.choice",
                    f'"{value}" is none of {", ".join(choices)}',
                    f'did you mean "{near}"?' if near else "write one of these",
                )
            return value
        if shape == "text":
            return value if isinstance(value, str) else plain_text(value, "text")
        if not isinstance(value, tuple):
            value = (value,)
        if not value:
            return None
        if shape == "paths":
            value = value if value and isinstance(value[0], tuple) else (value,)
        if self.table is not None:
            answers = [
                answer
                for item in value
                for answer in self.table.answers(" > ".join(item) if isinstance(item, tuple) else str(item))
                if answer
            ]
            if shape == "paths":
                mark = STEP if self.table.paths else ">"
                value = tuple(tuple(step.strip() for step in answer.split(mark)) for answer in answers)
            elif self.leaf.kind == "list":  # one answer may be a list, written as the cells are
                value = tuple(dict.fromkeys(part for answer in answers for part in self.reader.read(answer)))
            else:
                value = tuple(answers)
        elif shape == "texts":  # whole paths, where no table exchanges them
            value = tuple(" > ".join(item) if isinstance(item, tuple) else item for item in value)
        if shape == "ints":
            return tuple(whole(item) for item in value)
        return value or None


def whole(text: Any) -> int:
    try:
        return int(str(text))
    except ValueError:
        raise CellError("cell.integer-format", f'"{text}" is not a whole number', "write digits only") from None


@dataclass(slots=True)
class BoundBlock:
    """``each``: path of the inner list it is repeated for; ``rows``: gives the further rows of a record it is
    repeated for, by the record's cells."""

    model: type[BaseModel]
    fields: dict[str, BoundNode] = field(default_factory=dict)
    each: Column | None = None
    rows: Callable[[Any], list[Record]] | None = None


@dataclass(slots=True)
class BoundMany:
    model: type[BaseModel]
    blocks: list[BoundBlock] = field(default_factory=list)


@dataclass(slots=True)
class BoundNamed:
    leaves: dict[str, BoundLeaf] = field(default_factory=dict)


BoundNode = BoundLeaf | BoundBlock | BoundMany | BoundNamed


@dataclass(slots=True)
class BoundTrees:
    """The fields of products and variants bound to a source."""

    product: BoundBlock
    variant: BoundBlock
    used: set[str] = field(default_factory=set)
    """Labels of the columns that some leaf or the record grammar uses."""

    def leaves(self) -> Iterator[BoundLeaf]:
        yield from leaves_of(self.product)
        yield from leaves_of(self.variant)


def leaves_of(node: BoundNode, inner: bool = True) -> Iterator[BoundLeaf]:
    """Every leaf below a node, branches of ``when`` included; without ``inner`` not those that look into an inner list
    or further rows instead of the record itself."""
    if isinstance(node, BoundLeaf):
        yield node
        for branch in (node.then, node.else_):
            if branch is not None:
                yield from leaves_of(branch)
    elif isinstance(node, BoundNamed):
        yield from node.leaves.values()
    elif isinstance(node, BoundMany):
        for block in node.blocks:
            yield from leaves_of(block, inner)
    elif inner or (node.each is None and node.rows is None):
        for one in node.fields.values():
            yield from leaves_of(one, inner)
