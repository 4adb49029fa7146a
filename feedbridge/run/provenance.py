"""Where the values of one product came from, and what of its records nothing took: the plain facts ``explain`` shows.

Everything is told in plain JSON values (dict, list, text, number), as documented in docs/explain.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel

from feedbridge.cells import CellError
from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.assemble import Assembled, Place, place_of
from feedbridge.mapping.bound import BoundBlock, BoundLeaf, BoundMany, BoundNode, as_text, is_blank, leaves_of
from feedbridge.mapping.group import Group
from feedbridge.mapping.paths import Column, document_column, normal
from feedbridge.product import Money, Product, to_model
from feedbridge.run.overview import paths_of, topmost, used_paths
from feedbridge.sources.base import BadCells, BadDocument, Record

__all__ = ["Provenance", "is_readable", "plain"]

ALWAYS = {"kind", "status"}
"""Fields shown at the top also when nothing but the model gives them their value."""


def is_readable(record: Record) -> bool:
    """Whether the cells of a record can be shown: it was read well, or is held back for what its cells say."""
    cells = record[1]
    if isinstance(cells, BadCells):
        return not cells.raw
    return not isinstance(cells, BadDocument) or bool(cells)


def plain(value: Any) -> Any:
    """A canonical or source value as JSON has it; amounts as text, so that no digit is lost."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items() if key != RAW}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return str(value)


class Resolved(NamedTuple):
    """The leaf that gave a value, after the conditions on the way to it, and the columns those asked."""

    leaf: BoundLeaf | None
    asked: list[Column]


def resolve(leaf: BoundLeaf | None, cells: Any, up: Any) -> Resolved:
    """Follow ``when`` to the branch that holds for a record."""
    asked: list[Column] = []
    while leaf is not None and leaf.test is not None:
        if leaf.test_column is not None:
            asked.append(leaf.test_column)
        try:
            leaf = leaf.then if leaf.test(cells, up) else leaf.else_
        except CellError:
            return Resolved(None, asked)
    return Resolved(leaf, asked)


def evaluated(place: Place) -> Any:
    """The value a place gives, plain; None when it gives none."""
    if place.leaf is None:
        return None
    try:
        return plain(place.leaf.evaluate(place.record[1], place.up))
    except CellError:
        return None


def shape(path: str) -> str:
    """``images.3.src`` as ``images.*.src``."""
    return ".".join("*" if step.isdigit() else step for step in path.split("."))


class Provenance:
    """The records, fields and unused columns of one product, for one way to it (the common one or a platform's)."""

    def __init__(self, applied: Applied, group: Group, assembled: Assembled) -> None:
        self.applied = applied
        self.group = group
        self.assembled = assembled
        self.trace = assembled.trace
        self.is_table = applied.source.kind == "table"
        self.uses: dict[tuple[int, str], dict[str, None]] = {}
        """(a record's cells by identity, column as shown) -> the fields it went into."""
        self.homes: dict[int, tuple[int, str]] = {}
        """Objects inside the product's documents by identity -> the document they are in, and their path."""
        self.alike: dict[str, list[str]] = {}
        for path in self.trace:
            self.alike.setdefault(shape(path), []).append(path)
        if not self.is_table:
            for record in group.records():
                self.homes[id(record[1])] = (id(record[1]), "")
                self._settle(record[1], id(record[1]), "")
        self.inner: dict[int, str] = {}
        """Leaves of blocks that are repeated for the objects in a cell -> the cell's column."""
        if self.is_table:
            for trees in applied.full.values():
                for block in (trees.product, trees.variant):
                    self._note_inner(block)
        self.fields = self._fields()
        self._grammar()

    def _note_inner(self, node: BoundNode) -> None:
        if isinstance(node, BoundBlock) and node.each is not None:
            self.inner |= {id(leaf): node.each.label for leaf in leaves_of(node)}
        elif isinstance(node, BoundBlock | BoundMany):
            for inner in node.blocks if isinstance(node, BoundMany) else node.fields.values():
                self._note_inner(inner)

    def _settle(self, node: Any, home: int, path: str) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            if key == RAW:
                continue
            here = f"{path}.{key}" if path else str(key)
            if isinstance(value, dict | list) or isinstance(node, list):
                self.homes.setdefault(id(value), (home, here))
            self._settle(value, home, here)

    # -- fields -----------------------------------------------------------------------------------------------------

    def _fields(self) -> list[dict[str, Any]]:
        product = self.assembled.product
        if product is None:
            return [field for path, place in self.trace.items() if (field := self._attempt(path, place)) is not None]
        return list(self._of(to_model(Product, product), ""))

    def _attempt(self, path: str, place: Place) -> dict[str, Any] | None:
        """A field of a product that is held back: what its cell says, and its value where it has one."""
        value = evaluated(place)
        if value is None and not place.raw:
            return None
        return self._field(path, value, place)

    def _of(self, model: BaseModel, front: str) -> Iterator[dict[str, Any]]:
        for name, info in type(model).model_fields.items():
            value = getattr(model, name)
            path = f"{front}{name}"
            if not info.is_required() and value == info.get_default(call_default_factory=True):
                place = self.trace.get(path)
                if place is not None and place.leaf is not None and evaluated(place) == plain(value) is not None:
                    yield self._field(path, plain(value), place)
                elif path in ALWAYS:
                    yield self._made(path, plain(value), "model", "the model's default: nothing else was said")
                continue
            yield from self._value(value, path)

    def _value(self, value: Any, path: str) -> Iterator[dict[str, Any]]:
        if isinstance(value, BaseModel) and not isinstance(value, Money):
            yield from self._of(value, f"{path}.")
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self._value(item, f"{path}.{key}")
        elif isinstance(value, tuple) and (
            path.endswith(".option_values") or any(isinstance(item, BaseModel) for item in value)
        ):
            for number, item in enumerate(value):
                yield from self._value(item, f"{path}.{number}")
        else:
            made = plain(value)
            place = self._place(path, made)
            yield self._field(path, made, place) if place is not None else self._derived(path, made)

    def _place(self, path: str, value: Any) -> Place | None:
        """Where a value of the product came from: what was read for its path when that gives this value; else what was
        read for a path of the same shape (lists are put in order and rid of repetitions), or under the same name."""
        own = self.trace.get(path)
        form = shape(path)
        last = form.rsplit(".", 1)[-1]
        if form.startswith("variants.*.option_values"):
            number = path.split(".")[1]
            near = [one for one in self.alike.get(form, ()) if one.split(".")[1] == number]
        elif form.startswith("variants.*."):
            near = []
        else:
            near = self.alike.get(form, [])
            near = [*near, *(one for one in self.trace if "." in one and one.rsplit(".", 1)[-1] == last != "*")]
        for place in [own, *(self.trace[one] for one in near)]:
            if place is not None and place.leaf is not None and self._gives(place, value):
                return place
        if form == "options.*.name":
            return self._first_naming(form, value)
        return own if own is not None and own.leaf is not None and own.raw else None

    @staticmethod
    def _gives(place: Place, value: Any) -> bool:
        made = evaluated(place)
        return made is not None and (made == value or (isinstance(made, list) and value in made))

    def _first_naming(self, form: str, value: Any) -> Place | None:
        """An option is named in some row of a product, most often the first only."""
        for path in self.alike.get(form, ()):
            place = self.trace[path]
            for record in self.group.records():
                if place.leaf is None or not is_readable(record):
                    continue
                label, raw = place.leaf.locate(record[1], None)
                other = place._replace(record=record, column=label, raw="" if is_blank(raw) else as_text(raw))
                if self._gives(other, value):
                    return other
        return None

    def _derived(self, path: str, value: Any) -> dict[str, Any]:
        """A value that no single cell gave."""
        form = shape(path)
        leaf = self._option_map()
        if leaf is not None and form in {"options.*.name", "variants.*.option_values.*"}:
            variant = self.trace.get(f"variants.{path.split('.')[1] if form.startswith('variants') else 0}.sku")
            if variant is not None:
                told = self._field(path, value, variant._replace(leaf=leaf))
                return told | {"note": "of the options the variant lists"}
            told = self._made(path, value, "cell", "of the options its variants list")
            return told | {"layer": leaf.layer, "kind": leaf.leaf.kind}
        if form == "options.*.values":
            note = "the values its variants have"
        elif path == "sku" and value == self.group.key:
            note = "what its records are held together by"
        elif form == "variants.*.sku":
            note = "made of the product's SKU and the variant's option values"
        elif path == "description_is_html":
            note = "the description is read as HTML"
        else:
            note = "made of the product's other values"
        return self._made(path, value, "derived", note)

    def _option_map(self) -> BoundLeaf | None:
        axes = self.applied.full[None].variant.fields.get("options")
        for block in axes.blocks if isinstance(axes, BoundMany) else ():
            leaf = block.fields.get("map")
            if isinstance(leaf, BoundLeaf):
                return leaf
        return None

    @staticmethod
    def _made(path: str, value: Any, origin: str, note: str) -> dict[str, Any]:
        return {"field": path, "value": value, "origin": origin, "note": note}

    def _field(self, path: str, value: Any, place: Place) -> dict[str, Any]:
        leaf, asked = resolve(place.leaf, place.record[1], place.up)
        file, line, pointer = place_of(self.applied.source, place.record)
        field: dict[str, Any] = {"field": path, "value": value, "origin": "cell"}
        for column in asked:
            self._use(place, column, f"{path} (its condition)")
        if leaf is None:
            return field | {"file": file, "line": line, "pointer": pointer, "layer": place.layer}
        columns: list[Column] = []
        if leaf.spec.value is not None:
            field["origin"] = "constant"
        else:
            columns = self._columns(leaf, place)
            raw = self._raw(leaf, place)
            if columns and all(column.label.startswith("^") for column in columns):
                file, line, pointer = place_of(self.applied.source, self.group.head)
            if is_blank(raw):
                field["origin"] = "default"
            field |= {"file": file, "line": line}
            if pointer:
                field["pointer"] = pointer
            field |= {"column": " + ".join(self._shown(place, one.label) for one in columns), "raw": plain(raw)}
        for column in columns:
            self._use(place, column, path)
        paid = [column for column in leaf.currency if self._filled(column, place)][:1]
        for column in paid:
            self._use(place, column, f"{path} (its currency)")
        for column in [column for column in leaf.units if self._filled(column, place)][:1]:
            self._use(place, column, f"{path} (its unit)")
        field |= {"kind": leaf.leaf.kind, "layer": leaf.layer}
        steps = [
            name
            for name, there in (
                ("template", leaf.template), ("strip_html", leaf.spec.strip_html), ("regex", leaf.regex),
                ("replace", leaf.spec.replace), ("case", leaf.spec.case), ("lookup", leaf.table),
            )
            if there
        ]  # fmt: skip
        if steps:
            field["steps"] = steps
        if paid:
            field["currency_column"] = self._shown(place, paid[0].label)
        if asked:
            field["when"] = [
                {"column": self._shown(place, column.label), "value": plain(self._get(column, place))}
                for column in asked
            ]
        return field

    @staticmethod
    def _get(column: Column, place: Place) -> Any:
        try:
            return column.get(place.record[1], place.up)
        except CellError:
            return None

    def _filled(self, column: Column, place: Place) -> bool:
        return not is_blank(self._get(column, place))

    def _columns(self, leaf: BoundLeaf, place: Place) -> list[Column]:
        """The columns a leaf took its value from; the one that was looked at last where all are empty."""
        if leaf.template is not None or leaf.spec.all_ is not None:
            return leaf.every_column()
        return ([column for column in leaf.columns if self._filled(column, place)] or leaf.columns)[:1]

    @staticmethod
    def _raw(leaf: BoundLeaf, place: Place) -> Any:
        try:
            return leaf.pick(place.record[1], place.up)[0]
        except CellError:
            return None

    # -- columns ------------------------------------------------------------------------------------------------------

    def _home(self, place: Place) -> tuple[int, str]:
        """The record a place is in, and the path inside it."""
        cells = place.record[1]
        if self.is_table:  # what is no row is an object inside a packed cell
            return id(cells if isinstance(cells, list) else self.group.head[1]), ""
        if isinstance(cells, dict) and cells.keys() == {"."}:
            found = self.homes.get(id(cells["."]))
            if found is not None:
                return found
        return self.homes.get(id(cells), (id(self.group.head[1]), ""))

    def _shown(self, place: Place, label: str) -> str:
        """A column as it is called in its record: inside documents with the whole path."""
        if self.is_table or label.startswith("^"):
            inside = "" if label.startswith("^") else self._inside(place)
            return f"{inside}.{label}" if inside else label.removeprefix("^")
        path = self._home(place)[1]
        return path if label == "." else f"{path}.{label}" if path else label

    def _key(self, place: Place, column: Column) -> tuple[int, str]:
        home = id(self.group.head[1]) if column.label.startswith("^") else self._home(place)[0]
        if self._is_further(place):
            return home, column.label
        inside = self._inside(place)
        return home, self._column_of(inside or self._shown(place, column.label))

    def _inside(self, place: Place) -> str:
        """The column of a table whose cell holds the object a place is in; empty when it is in a row itself."""
        if not self.is_table or isinstance(place.record[1], list):
            return ""
        variants = self.applied.variants
        return self.inner.get(id(place.leaf), variants.label if variants is not None else "")

    def _use(self, place: Place, column: Column, field: str) -> None:
        self.uses.setdefault(self._key(place, column), {})[field] = None

    def _column_of(self, label: str) -> str:
        """A table's column for a label: of a path into a cell the column of that cell."""
        if not self.is_table or label in self.applied.source.header:
            return label
        wanted = normal(label)
        for name in self.applied.source.header:
            if wanted.startswith((f"{normal(name)}.", f"{normal(name)}[")):
                return name
        return label

    def _grammar(self) -> None:
        """What holds the records together is a use, too."""
        applied = self.applied
        told: list[tuple[Column, str]] = []
        if applied.key is not None:
            told.append((applied.key, "(groups the records)"))
        told += [(column, "(tells variants)") for column in applied.variant_if]
        if applied.variants is not None:
            told.append((applied.variants, "(holds the variants)"))
        if applied.parents is not None:
            told += [(column, "(names the parent)") for column in applied.parents.parent]
            told += [(column, "(names the record)") for column in applied.parents.own]
            told += [(column, "(tells what is no variant)") for column in applied.parents.never]
        for path, place in self.trace.items():  # what was looked at, though no field came of it
            leaf, _ = resolve(place.leaf, place.record[1], place.up)
            if leaf is None or not place.raw or leaf.spec.value is not None:
                continue
            for column in self._columns(leaf, place):
                if not self.uses.get(self._key(place, column)):
                    self._use(place, column, f"(read for {path})")
        for record in self.group.records():
            for column, why in told:
                self.uses.setdefault((id(record[1]), self._column_of(column.label)), {})[why] = None

    def take_over(self, other: Provenance, platform: str) -> None:
        """Add what a platform's overlay uses of the same records."""
        for key, fields in other.uses.items():
            own = self.uses.setdefault(key, {})
            if not own:
                own.update({f"{field} [{platform}]": None for field in fields})

    def records(self) -> list[dict[str, Any]]:
        """Every record of the product with its cells and the fields they went into, then the rows of further files."""
        found = []
        belongs = {id(row[1]): record[0] for record in self.group.records() for row in getattr(record[1], "rows", ())}
        for record in self.group.records():
            told = self._record(record)
            if id(record[1]) in belongs:
                told["belongs_to_line"] = belongs[id(record[1])]
            found.append(told)
        further = {id(place.record[1]): place for place in self.trace.values() if self._is_further(place)}
        return found + [self._further(place) for place in further.values()]

    def _is_further(self, place: Place) -> bool:
        return place.leaf is not None and place.leaf.file in self.applied.attached

    def _further(self, place: Place) -> dict[str, Any]:
        """A row of a further file that belongs to the product."""
        assert place.leaf is not None
        cells = place.record[1]
        file, line, _ = place_of(self.applied.source, place.record)
        used = {column: list(fields) for (home, column), fields in self.uses.items() if home == id(cells)}
        header = self.applied.attached[place.leaf.file].source.header
        return {
            "file": file,
            "line": line,
            "further": place.leaf.file,
            "cells": [
                {"column": name, "value": value, "used_by": used.get(name, [])}
                for name, value in zip(header, cells, strict=False)
            ],
        }

    def _record(self, record: Record) -> dict[str, Any]:
        file, line, pointer = place_of(self.applied.source, record)
        told: dict[str, Any] = {"file": file, "line": line}
        if pointer:
            told["pointer"] = pointer
        cells = record[1]
        if isinstance(cells, BadCells | BadDocument):
            told["problem"] = cells.finding.to_dict()
            if not is_readable(record):
                return told | {"text": cells.raw}
        used = {column: list(fields) for (home, column), fields in self.uses.items() if home == id(cells)}
        if self.is_table:
            # of columns with one name the first is the one that mappings mean
            first: set[str] = set()
            told["cells"] = []
            givers = getattr(cells, "givers", {})  # cells that it has from other records, which show them
            for index, (name, value) in enumerate(zip(self.applied.source.header, cells, strict=False)):
                value = cells.own[index] if index in givers else value
                fields = used.get(name, []) if name not in first else []
                first.add(name)
                told["cells"].append({"column": name, "value": value, "used_by": fields})
            return told
        told["cells"] = [
            {"column": column, "value": plain(self._at(cells, column)), "used_by": fields}
            for column, fields in used.items()
        ]
        taken = set(used)
        told["cells"] += [
            {"column": column, "value": plain(self._at(cells, column)), "used_by": []}
            for column in self._members(cells)
            if column not in taken
        ]
        return told

    @staticmethod
    def _at(cells: Any, path: str) -> Any:
        try:
            return document_column(path).get(cells, None)
        except CellError:
            return None

    def _members(self, document: Any) -> list[str]:
        """The topmost members of a document that the mapping uses nothing of, and of its inner variants."""
        applied = self.applied
        product: set[str] = set()
        variant: set[str] = set()
        for trees in applied.full.values():
            product |= used_paths(trees.product)
            variant |= used_paths(trees.variant)
        grammar = {column.label for column in (applied.key, applied.variants) if column is not None}
        if applied.parents is not None:
            grammar |= {c.label for c in [*applied.parents.parent, *applied.parents.own, *applied.parents.never]}
        own = paths_of([document])
        if applied.variants is None:
            return topmost(own, product | variant | grammar)
        upward = {path.removeprefix("^") for path in variant if path.startswith("^")}
        found = topmost(own, product | upward | grammar)
        inner = self._at(document, applied.variants.label)
        for number, item in enumerate(inner if isinstance(inner, list) else ()):
            if isinstance(item, dict):
                found += [f"{applied.variants.label}.{number}.{path}" for path in topmost(paths_of([item]), variant)]
        return found

    def unused(self, overlaid: set[str]) -> list[dict[str, Any]]:
        """Columns no field and no rule of grouping uses anywhere in the source, with this product's values in them.
        ``overlaid``: what the platforms' overlays use."""
        found: dict[tuple[int, str], list[dict[str, Any]]] = {}
        used = {self._column_of(label.removeprefix("^")) for label in self.applied.used_columns() | overlaid}
        first_of = {name: index for index, name in reversed(list(enumerate(self.applied.source.header)))}
        for index, name in enumerate(self.applied.source.header):
            if name not in used or first_of[name] != index:
                found[index, name] = []
        for record in self.records():
            if "further" in record:
                continue
            for index, cell in enumerate(record.get("cells", ())):
                key = (index, cell["column"])
                if self.is_table:
                    if key not in found:
                        continue
                elif cell["used_by"]:
                    continue
                else:
                    key = (-1, cell["column"])
                values = found.setdefault(key, [])
                if not is_blank(cell["value"]):
                    values.append({"line": record["line"], "value": cell["value"]})
        return [{"column": column, "values": values} for (_, column), values in found.items()]
