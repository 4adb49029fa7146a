"""A mapping bound to one source: its trees with every name looked up in the header (or made a path in documents).

Raises for what does not fit, with the mapping's line and the nearest right name; what comes out is in bound.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from feedbridge.cells import Reader, readers
from feedbridge.errors import MappingError
from feedbridge.mapping.asked import Ask, Asked
from feedbridge.mapping.attached import AttachedFile
from feedbridge.mapping.bound import (
    INSIDE,
    BoundBlock,
    BoundLeaf,
    BoundMany,
    BoundNamed,
    BoundNode,
    BoundTrees,
    as_text,
    is_blank,
)
from feedbridge.mapping.folding import begun_rows, layers_of, rows_of
from feedbridge.mapping.load import PLACEHOLDER, Mapping
from feedbridge.mapping.lookup import Table, load_table
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.packed import Unpacker
from feedbridge.mapping.paths import Column, Header, document_column, normal
from feedbridge.mapping.schema import Condition, LookupSpec
from feedbridge.mapping.tree import Block, Leaf, Many, Named, Node, make_reader
from feedbridge.mapping.yaml import KeyPath
from feedbridge.product import CustomOption, CustomOptionValue, Option, Product, Texts, Variant

__all__ = ["Binder"]

TOP = (Product, Variant)
SLUG = re.compile(r"[^\w]+")
TEMPLATE = re.compile(r"\{([^{}|]+)(?:\|(\w+))?\}")


def slug(text: str) -> str:
    """``Navy Blue / XL`` as ``navy-blue-xl``."""
    return SLUG.sub("-", text.casefold()).strip("-")


FILTERS: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "slug": slug}

UNIT = re.compile(r"[(\[]\s*([^\W\d]{1,10})\s*[)\]]\s*$")
"""The unit in a header, as in ``Weight (kg)``."""


class Binder:
    """Binds a mapping's trees to a header (or to documents, header None)."""

    def __init__(
        self,
        mapping: Mapping,
        header: list[str] | None,
        source_name: str,
        attached: dict[str, AttachedFile] | None = None,
        members: frozenset[str] = frozenset(),
        asked: Asked | None = None,
    ) -> None:
        self.mapping = mapping
        packed = self.unpackers = {normal(name): Unpacker(name, how) for name, how in mapping.file.packed.items()}
        names = mapping.file.names
        self.header = Header(header, packed, names.also, names.loose) if header is not None else None
        self.attached = attached or {}
        self.members = members
        """Names of the documents' members: such a name is never taken for an expression, whatever is in it."""
        self.file = ""
        """The further file whose columns are being bound."""
        self.source_name = source_name
        self.asked = asked if asked is not None else Asked(source_name)
        """Parameters that must be given: asked for all at once."""
        self.heading: Callable[[], str] = str
        """Says what to do when the first line is no header; empty when it may be one."""
        self.complaints: list[tuple[KeyPath, str, str]] = []
        self.used: set[str] = set()
        self.tables: dict[str, Table] = {}
        self.optional_columns = mapping.file.columns == "optional"
        self.at: KeyPath = ("records",)
        """What is being bound, for errors."""

    def bind(self, platform: str | None = None) -> BoundTrees:
        """Raises MappingError (a column is not there), CommandError (a parameter is asked for)."""
        product, variant = self.mapping.trees(platform)
        trees = BoundTrees(
            self.block(product) or BoundBlock(product.model), self.block(variant) or BoundBlock(variant.model)
        )
        for name in ("sku", "title"):
            if name not in trees.product.fields and not (name == "sku" and "sku" in trees.variant.fields):
                if name in product.fields:
                    leaf = product.fields[name]
                    assert isinstance(leaf, Leaf)
                    if all(path[-1] != name for path, _, _ in self.complaints):
                        self.missing(leaf, leaf.spec.from_ or leaf.spec.first_filled or ())
                else:
                    self.complaints.append(
                        (("product",), f"says nothing of {name}", f"add {name}: and a column to product:")
                    )
        if self.asked:
            raise self.asked.error()
        if self.complaints:
            hint = self.heading() if self.header is not None else ""
            if hint:
                first, *rest = self.complaints
                self.complaints = [(*first[:2], hint), *((*one[:2], "as above") for one in rest)]
            raise self.mapping.error(self.complaints, "mapping.unknown-column")
        trees.used = self.used
        return trees

    def block(self, block: Block) -> BoundBlock | None:
        self.at = block.path
        if block.each is not None and block.each.startswith("@"):
            return self.row_block(block)
        if self.header is not None and block.each is not None and self.no_such_cell(block.each):
            return None
        each = self.each(block.each)
        if each is None or self.header is None:
            return self.filled(BoundBlock(block.model, each=each), block)
        outer = self.header, self.used, self.file
        self.header, self.used, self.file = None, set(), INSIDE
        try:
            return self.filled(BoundBlock(block.model, each=each), block)
        finally:
            self.header, self.used, self.file = outer
            self.used.add(each.label)

    def no_such_cell(self, path: str) -> bool:
        """Whether a path leads into a packed column that this table does not have, and may be without."""
        packed = [name for name in self.mapping.file.packed if normal(path).startswith(normal(name))]
        return self.optional_columns and bool(packed) and self.find(path) is None

    def row_block(self, block: Block) -> BoundBlock | None:
        """A block that is repeated for the further rows of a record; None when there are none such."""
        name = (block.each or "")[1:]
        if name == "layers":
            return self.filled(BoundBlock(block.model, rows=layers_of), block) if self.mapping.records.layers else None
        continued = self.mapping.records.continued
        lists = continued.lists if continued is not None else {}
        if name == "rows" and continued is not None:
            return self.filled(BoundBlock(block.model, rows=rows_of), block)
        if name in lists:
            begins = self.find(lists[name])
            if begins is None or begins.index < 0:
                return None
            self.used.add(begins.label)
            return self.filled(BoundBlock(block.model, rows=begun_rows(begins)), block)
        if name not in self.mapping.file.files:
            near = nearest(name, [*self.mapping.file.files, "layers", *(["rows", *lists] if continued else [])])
            mend = f'did you mean "@{near}"?' if near else "say under files: what it is"
            self.complaints.append(((*block.path, "each"), f'there is no further file "{name}"', mend))
            return None
        attached = self.attached.get(name)
        spec = self.mapping.file.files[name]
        of = next((column for given in spec.of or () if (column := self.find(given)) is not None), None)
        if attached is None or of is None:
            return None
        self.used.add(of.label)
        key = of.get
        outer = self.header, self.used, self.file, self.source_name
        self.header, self.used, self.file, self.source_name = attached.header, attached.used, name, attached.source.name
        try:
            return self.filled(BoundBlock(block.model, rows=lambda cells: attached.of(key(cells, None))), block)
        finally:
            self.header, self.used, self.file, self.source_name = outer

    def filled(self, bound: BoundBlock, block: Block) -> BoundBlock | None:
        for name, node in block.fields.items():
            inner = self.node(node)
            if inner is not None:
                bound.fields[name] = inner
        real = [
            n
            for n, inner in bound.fields.items()
            if not (isinstance(inner, BoundLeaf) and inner.spec.value is not None)
        ]
        if block.model not in TOP and not real and not any(constant_is_enough(n, block) for n in bound.fields):
            return None
        if block.model is Option and "map" not in bound.fields:
            if "value" not in bound.fields:
                return None
            axis = block.fields["name"]
            if "name" not in bound.fields and isinstance(axis, Leaf):
                self.missing(
                    axis, axis.spec.from_ or axis.spec.first_filled or axis.spec.all_ or (axis.spec.template or "",)
                )
        elif not real and any(i.is_required() and n not in bound.fields for n, i in block.model.model_fields.items()):
            return None if block.model not in TOP else bound
        return bound

    def each(self, path: str | None) -> Column | None:
        """An inner list. A table has none."""
        if path is None:
            return None
        found = self.find(path)
        if self.header is None or (found is not None and found.index < 0):
            return found
        raise MappingError(
            f"each repeats a block for an inner list, and {self.source_name} is a table",
            code="mapping.each",
            where=self.mapping.places.where(self.at),
            mend="leave each out, or say under packed: how the cell holds a list",
        )

    def node(self, node: Node) -> BoundNode | None:
        if isinstance(node, Leaf):
            self.at = node.path
            return self.leaf(node)
        if isinstance(node, Named):
            leaves = {name: bound for name, leaf in node.leaves.items() if (bound := self.leaf(leaf)) is not None}
            return BoundNamed(leaves) if leaves else None
        if isinstance(node, Many):
            blocks = [inner for block in node.blocks if (inner := self.block(block)) is not None]
            return BoundMany(node.model, blocks) if blocks else None
        return self.block(node)

    def leaf(self, leaf: Leaf) -> BoundLeaf | None:
        spec = leaf.spec
        if isinstance(spec.value, str) and PLACEHOLDER.search(spec.value):
            if spec.required:
                self.ask(spec.value)
            return None
        columns = self.columns(leaf)
        branches = {
            name: self.leaf(branch) if branch is not None else None
            for name, branch in (("then", leaf.then), ("else_", leaf.else_))
        }
        test = self.condition(leaf, spec.when) if spec.when is not None else (None, None)
        template = self.template(leaf) if spec.template else None
        if spec.when is not None and test[0] is None:
            return branches["else_"]
        if spec.when is not None and not any(branches.values()) and not spec.required:
            return None  # neither of them has a column here
        like = self.columns_like(spec.columns_like)
        if spec.columns_like and not like:
            return None
        named = self.find(spec.columns_named) if spec.columns_named else None
        inside = self.find(spec.inside) if spec.inside else None
        if spec.columns_named and (named is None or (self.header is None and inside is None)):
            return None
        if columns is None or (spec.template and template is None):
            if spec.default is None:
                return None
            columns = []
        reader = self.make_reader(leaf, columns)
        if reader is None:
            return None
        bound = BoundLeaf(
            leaf,
            self.mapping.places.layer(leaf.path),
            reader,
            columns,
            test[0],
            test[1],
            branches["then"],
            branches["else_"],
            template,
            re.compile(spec.regex.find) if spec.regex else None,
        )
        bound.file = self.file
        bound.like = like
        self.used.update(column.label for _, column in like)
        if named is not None:
            bound.named, bound.inside = (named, self.header), inside
            self.used |= {named.label, *([inside.label] if inside is not None else [])}
        bound.item = [(member, c) for member, name in (spec.item or {}).items() if (c := self.find(name)) is not None]
        bound.labels = self.find(spec.labels) if spec.labels else None
        if spec.named_by:
            bound.named_by = self.find(spec.named_by)
            if bound.named_by is None:
                return None
            self.used.add(bound.named_by.label)
        self.used.update(column.label for column in (bound.labels, *(c for _, c in bound.item)) if column is not None)
        if spec.lookup is not None:
            bound.table = self.table(leaf, spec.lookup)
        if spec.values_lookup is not None:
            bound.values = self.tables_by_name(leaf, spec.values_lookup)
        if spec.unit_from:
            bound.units = [c for name in spec.unit_from if (c := self.find(name)) is not None]
            self.used.update(column.label for column in bound.units)
        if spec.currency_from:
            bound.currency = [c for name in spec.currency_from if (c := self.find(name)) is not None]
            if not bound.currency and not (spec.optional if spec.optional is not None else self.mapping.may_lack(leaf.path)):
                self.missing(leaf, spec.currency_from)
            self.used.update(column.label for column in bound.currency)
        self.check_currency(bound)
        return bound

    def columns(self, leaf: Leaf) -> list[Column] | None:
        """The leaf's columns; None when a table has none of them and may be without."""
        spec = leaf.spec
        names = spec.from_ or spec.first_filled or spec.all_ or ()
        if not names:
            return []
        found = [column for name in names if (column := self.find(name)) is not None]
        if not found:
            may_lack = self.mapping.may_lack(leaf.path)
            optional = spec.optional if spec.optional is not None else may_lack and not spec.required
            if not optional:
                self.missing(leaf, names)
            return None
        if spec.from_ and self.header is not None:
            found = found[:1]
        self.used.update(column.label for column in found)
        return found

    def columns_like(self, form: str | None) -> list[tuple[str, Column]]:
        """The columns of a table whose names have a form with one ``*``, with what the star stands for."""
        if form is None or self.header is None:
            return []
        pattern = re.compile(re.escape(form).replace(r"\*", "(.+?)", 1), re.IGNORECASE)
        matches = ((name, pattern.fullmatch(" ".join(name.split()))) for name in self.header.names)
        return [(match[1], column) for name, match in matches if match and (column := self.find(name)) is not None]

    def find(self, name: str) -> Column | None:
        if self.header is not None:
            return self.header.find(name)
        open_one = PLACEHOLDER.search(name)
        if open_one is not None:  # a parameter that need not be given, and is not, names nothing
            parameter = self.mapping.file.parameters.get(open_one[1])
            if parameter is not None and parameter.optional:
                return None
        if name in self.members and self.file != INSIDE:
            return Column(name, lambda record, up: record.get(name))
        try:
            return document_column(name)
        except MappingError as exc:
            exc.where = self.mapping.places.where(self.at)
            raise

    def missing(self, leaf: Leaf, names: tuple[str, ...]) -> None:
        have = self.header.names if self.header is not None else []
        names = tuple(name for name in names if not PLACEHOLDER.search(name)) or names
        shown = ", ".join(name if len(name) <= 60 else name[:59] + "…" for name in have[:40]) + (
            f" and {len(have) - 40} more" if len(have) > 40 else ""
        )
        wanted = " or ".join(f'"{name}"' for name in names)
        near = next((near for name in names if (near := nearest(name, have, 75))), "")
        self.complaints.append(
            (
                leaf.path,
                f"{self.source_name} has no column {wanted}; it has {shown}",
                f'did you mean "{near}"?' if near else "name the right column, or set optional: true",
            )
        )

    def condition(self, leaf: Leaf, when: Condition) -> tuple[Callable[[Any, Any], bool] | None, Column | None]:
        column = self.first_there(when.column)
        if column is None:
            if not self.mapping.may_lack(leaf.path):
                self.missing(leaf, when.column)
            return None, None
        self.used.add(column.label)
        return self.tested(column, when), column

    def first_there(self, names: tuple[str, ...]) -> Column | None:
        return next((column for name in names if (column := self.find(name)) is not None), None)

    def test(self, when: Condition) -> Callable[[Any, Any], bool] | None:
        """A condition on its own; None when its column is not there."""
        column = self.first_there(when.column)
        if column is None:
            return None
        self.used.add(column.label)
        return self.tested(column, when)

    @staticmethod
    def tested(column: Column, when: Condition) -> Callable[[Any, Any], bool]:
        get = column.get
        if when.empty is not None:
            wanted = when.empty
            return lambda record, up: is_blank(get(record, up)) == wanted
        if when.matches is not None:
            pattern = re.compile(when.matches)
            return lambda record, up: not is_blank(raw := get(record, up)) and bool(pattern.search(as_text(raw)))
        given = when.is_ if isinstance(when.is_, tuple) else (when.is_,)
        texts = {as_text(value).casefold() for value in given}
        return lambda record, up: not is_blank(raw := get(record, up)) and as_text(raw).casefold() in texts

    def template(self, leaf: Leaf) -> list[tuple[str, Column | None, Callable[[str], str] | None]] | None:
        text = leaf.spec.template or ""
        parts: list[tuple[str, Column | None, Callable[[str], str] | None]] = []
        end = 0
        rest = TEMPLATE.sub("", text)
        if "{" in rest or "}" in rest or rest == text:
            self.complaints.append(
                (
                    (*leaf.path, "template"),
                    f'"{text}" is not a template',
                    "columns stand in braces, a filter behind a bar: {Title|slug}",
                )
            )
            return None
        for match in TEMPLATE.finditer(text):
            column = self.find(match[1].strip())
            if column is None:
                if not self.mapping.may_lack(leaf.path) and not leaf.spec.optional:
                    self.missing(leaf, (match[1],))
                return None
            if match[2] and match[2] not in FILTERS:
                self.complaints.append(
                    ((*leaf.path, "template"), f'there is no filter "{match[2]}"', f"filters are {', '.join(FILTERS)}")
                )
                return None
            self.used.add(column.label)
            parts.append((text[end : match.start()], column, FILTERS.get(match[2] or "")))
            end = match.end()
        parts.append((text[end:], None, None))
        return parts

    def tables_by_name(self, leaf: Leaf, spec: LookupSpec) -> Callable[[str], Table | None]:
        """The table for each column that is listed by name: ``${name}`` in a lookup is that column."""
        made: dict[str, Table | None] = {}

        def of(name: str) -> Table | None:
            if name not in made:
                own = {key: text.replace("${name}", name) for key, text in spec.where.items()}
                made[name] = self.table(leaf, spec.model_copy(update={"where": own}))
            return made[name]

        return of

    def given_table(self, name: str, leaf: Leaf, spec: LookupSpec) -> Table | None:
        """The table of a further file; None when it is not given, or has no labels in the language that is wanted."""
        tables = [one for one, about in self.mapping.file.files.items() if about.table]
        if spec.given not in tables:
            near = nearest(spec.given or "", tables)
            mend = f'did you mean "{near}"?' if near else "say under files: what it is, with table: true"
            self.complaints.append(((*leaf.path, "lookup"), f'there is no further file "{spec.given}" to look in', mend))
            return None
        attached = self.attached.get(spec.given or "")
        found = attached.entries(spec) if attached is not None else None
        if attached is None or found is None:
            return None
        table = self.tables[name] = Table(found, spec.missing, attached.source.name)
        return table

    def table(self, leaf: Leaf, spec: LookupSpec) -> Table | None:
        name = f"{leaf.path}"
        if spec.given is not None:
            name += f" {sorted(spec.where.items())}"
            return self.tables[name] if name in self.tables else self.given_table(name, leaf, spec)
        if name not in self.tables:
            table = self.tables[name] = load_table(
                spec, self.mapping.folder, self.mapping.places.where((*leaf.path, "lookup"))
            )
            table.column = next(iter(leaf.spec.from_ or leaf.spec.first_filled or ()), "")
            given = {**{name: f"${{{name}}}" for name in self.mapping.file.parameters}, **self.mapping.parameters}
            pairs = spec.pairs
            table.parameter = next((name for name, text in given.items() if pairs is not None and text == pairs), "")
        return self.tables[name]

    def make_reader(self, leaf: Leaf, columns: list[Column]) -> Reader | None:
        parameters = leaf.parameters
        if parameters.get("unit") == "header":  # Weight (kg)
            unit = UNIT.search(columns[0].label) if columns else None
            parameters = {key: value for key, value in parameters.items() if key != "unit" or unit}
            if unit:
                words = getattr(readers()[leaf.kind], "words", {})
                parameters["unit"] = words.get(unit[1].casefold(), unit[1])
        return make_reader(leaf.kind, parameters, lambda message: self.complaints.append((leaf.path, message, "")))

    def check_currency(self, bound: BoundLeaf) -> None:
        """A price whose currency is an open ``--set`` parameter, with nothing else to say it: ask for it."""
        given = bound.leaf.parameters.get("currency")
        match = PLACEHOLDER.search(given) if isinstance(given, str) else None
        if match is not None and not bound.currency:
            parameter = self.mapping.file.parameters.get(match[1])
            if parameter is None or not parameter.optional:
                self.ask(str(given))

    def ask(self, text: str) -> None:
        """Ask for the parameter that is open in a text."""
        match = PLACEHOLDER.search(text)
        assert match is not None
        name = match[1]
        parameter = self.mapping.file.parameters.get(name)
        example = EXAMPLES.get(name, "VALUE")
        about = f" ({parameter.about})" if parameter and parameter.about else ""
        wanted = f"does not say the {name}{about}, and mapping {self.mapping.name} asks for it"
        self.asked.add(name, Ask(wanted, f"{name}={example}"))


EXAMPLES = {"currency": "EUR", "locale": "de_DE", "channel": "ecommerce", "decimal": ","}

def constant_is_enough(name: str, block: Block) -> bool:
    """Blocks that may consist of constants only: a custom option, an axis, a button."""
    return block.model in (CustomOption, CustomOptionValue, Option) or (block.model not in (Texts,) and name != "role")
