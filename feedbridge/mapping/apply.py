"""A mapping at work on one source: its records, its groups, and the two paths to a product."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingABC
from contextlib import suppress
from functools import cached_property
from itertools import chain, islice
from typing import Any

from feedbridge.cells import CellError
from feedbridge.cells.decimals import Decision, Tally
from feedbridge.cells.money import MoneyReader
from feedbridge.errors import MappingError, SourceError
from feedbridge.findings import Finding
from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.asked import MISSING, WRONG, Ask, Asked
from feedbridge.mapping.assemble import Assembled, Assembler, place_of
from feedbridge.mapping.attached import AttachedFile
from feedbridge.mapping.bind import Binder
from feedbridge.mapping.bound import (
    INSIDE,
    BoundBlock,
    BoundLeaf,
    BoundMany,
    BoundNode,
    BoundTrees,
    as_text,
    is_blank,
    leaves_of,
)
from feedbridge.mapping.cautions import Cautions
from feedbridge.mapping.compile import Build, Punt, compile_product
from feedbridge.mapping.folding import Folded, Folding, layers_of
from feedbridge.mapping.group import Group, Inherited
from feedbridge.mapping.grouping import Anywhere, ParentColumns, adjacent, begun, held, singles
from feedbridge.mapping.heading import heading_hint, sheets_hint
from feedbridge.mapping.load import Mapping
from feedbridge.mapping.lookup import Table
from feedbridge.mapping.paths import Column, Header, normal
from feedbridge.mapping.schema import Children, Condition
from feedbridge.mapping.shapes import flattener_of, places_of
from feedbridge.product import Product
from feedbridge.sources.base import BadCells, BadDocument, Range, Record, Source

__all__ = ["Applied", "Way"]


class Way:
    """Both paths to a product for one set of trees (the common ones, or a platform's overlay)."""

    def __init__(self, trees: BoundTrees, assembler: Assembler) -> None:
        self.trees = trees
        self.assembler = assembler

    @cached_property
    def build(self) -> Build:
        """The quick path, compiled when it is first needed."""
        return compile_product(self.assembler)

    def product(self, group: Group) -> tuple[Product | None, Assembled | None]:
        """The product, and what the precise path found when it was taken (None when it was not)."""
        if not group.told:
            try:
                return self.build(group), None
            except (Punt, CellError):
                pass
        assembled = self.assembler.assemble(group)
        return assembled.product, assembled


def label_of(leaf: BoundLeaf) -> str:
    """What a leaf's columns are called together; columns of a further file are others than the main one's."""
    return f"@{leaf.file} " * bool(leaf.file) + " + ".join(column.label for column in leaf.columns)


APOSTROPHE = re.compile(r"'[=+\-@\t\r]")
"""How a cell begins that its exporter has kept from being a formula. Source: WooCommerce, CSV exporter."""


def unguarded(record: Record) -> Record:
    """A row without the apostrophes that keep its cells from being formulas."""
    cells = record[1]
    if cells.__class__ is list and cells and (cells[0][:1] == "'" or "\0'" in "\0".join(cells)):
        return (record[0], [cell[1:] if APOSTROPHE.match(cell) else cell for cell in cells], *record[2:])
    return record


SAMPLE = 1_000
"""Records that are looked at to see which members their cells have."""
ALWAYS = frozenset({"sku", "title", "status", "kind", "description_is_html", "options"})
"""Fields that every product needs, wherever it goes."""


def pruned(trees: BoundTrees, keep: frozenset[str] | None) -> BoundTrees:
    """The trees with only those fields. ``keep`` names product fields and, alike or as ``variants.<name>``, variants'."""
    if keep is None:
        return trees
    wanted = keep | ALWAYS | ({"compare_at_price"} if keep & {"price", "sale_price"} else frozenset())
    product = BoundBlock(trees.product.model, {n: node for n, node in trees.product.fields.items() if n in wanted})
    variant = BoundBlock(
        trees.variant.model,
        {n: node for n, node in trees.variant.fields.items() if n in wanted or f"variants.{n}" in wanted},
    )
    return BoundTrees(product, variant, trees.used)


def columns_of(leaf: BoundLeaf) -> list[Column]:
    return [*leaf.every_column(), *([leaf.test_column] if leaf.test_column is not None else [])]


def blocks_of_rows(node: BoundNode) -> Iterator[BoundBlock]:
    """The outermost blocks that are repeated for further rows of a record."""
    if isinstance(node, BoundMany):
        for block in node.blocks:
            yield from blocks_of_rows(block)
    elif isinstance(node, BoundBlock):
        if node.rows is not None:
            yield node
            return
        for one in node.fields.values():
            yield from blocks_of_rows(one)


def same_fields(one: BoundTrees, other: BoundTrees) -> bool:
    return (
        one.product.fields.keys() == other.product.fields.keys()
        and one.variant.fields.keys() == other.variant.fields.keys()
    )


def adding(leaf: BoundLeaf, tally: Tally) -> Callable[[int, str], None]:
    """What counts a cell; one that holds several prices, price by price."""
    reader = leaf.reader
    if not isinstance(reader, MoneyReader) or reader.among is None:
        return tally.add

    def add(line: int, text: str) -> None:
        for part in reader.parts(text):
            tally.add(line, part)

    return add


def choice(name: str, by: str, found: list[str], lacks: str, code: str = MISSING, things: str = "columns") -> Ask:
    """Ask which of those that are there to take. ``by`` is what people call the parameter."""
    only = found[0] if len(found) == 1 else ""
    shown = ", ".join(found[:20]) + (" …" if len(found) > 20 else "")
    lacks = lacks.replace("which to take", "to take it") if only else lacks
    return Ask(f"has {things} by {by} ({shown}), and {lacks}", f"{name}={found[0]}", only=only, code=code)


class Applied:
    """A mapping bound to a source. Raises MappingError and CommandError when they do not fit each other.

    ``keep``      platform -> the canonical fields it has a place for. What none of them has a place for is not read
                  at all, so a bad weight holds nothing back where weights are not sent. None: every field.
    ``decimals``  what was decided of columns whose decimal mark the mapping leaves open
    ``common``    one way to a product with all that the platforms without an overlay need
    ``ways``      platform -> exactly its own way; None -> the common one
    """

    def __init__(
        self,
        mapping: Mapping,
        source: Source,
        keep: MappingABC[str, frozenset[str]] | None = None,
        decisions: dict[str, Decision] | None = None,
    ) -> None:
        self.mapping = mapping
        self.source = source
        self.records_spec = mapping.records
        self.asked = Asked(source.name)
        self.ask_by_columns()
        self.ask_by_rows()
        self.ask_for_places()
        self.attached: dict[str, AttachedFile] = getattr(source, "attached", {})
        header = source.header if source.kind == "table" else None
        self.binder = Binder(mapping, header, source.name, self.attached, self.odd_members(), self.asked)
        self.binder.heading = lambda: sheets_hint(source) or heading_hint(source)
        self.key = self.one_of(self.records_spec.group_by) if self.records_spec.group_by else None
        self.parents = self.parent_columns()
        self.starts = self.test_of(self.records_spec.starts, "starts")
        self.variant_test = self.test_of(self.records_spec.variant_when, "variant_when")
        self.folding = self.folding_of()
        self.gather_rows = False
        """Rows of one record do not stand together: they are looked for first."""
        self.attached_keys: list[tuple[Column, AttachedFile]] = []
        for name, spec in mapping.file.files.items():
            of = self.one_of(spec.of or (), "files") if name in self.attached else None
            if of is not None:
                self.attached_keys.append((of, self.attached[name]))
        shape = self.records_spec.shape
        self.flatten = flattener_of(shape, source) if shape is not None else None
        variants = self.records_spec.variants
        self.variants = self.binder.find(variants) if variants else None
        self.variant_if = self.each_of(self.records_spec.variant_if or (), "variant_if")
        keep = keep or {}
        plain = [name for name in keep if not mapping.has_overlay(name)]
        self.full: dict[str | None, BoundTrees] = {None: self.binder.bind()}
        needed = frozenset().union(*(keep[name] for name in plain)) if plain else None
        common = pruned(self.full[None], needed)
        if self.folding is not None:
            self.folding.first_only, self.folding.base_only, self.folding.layer_columns = self.own_columns(self.folding)
        self.decimals = decisions if decisions is not None else self.decide_decimals(common)
        self.common = self.way(common)
        self.ways: dict[str | None, Way] = {None: self.common}
        for name, fields in keep.items():
            if mapping.has_overlay(name):
                self.full[name] = self.binder.bind(name)
            trees = pruned(self.full.get(name, self.full[None]), fields)
            same = name in plain and same_fields(trees, common)
            self.ways[name] = self.common if same else self.way(trees)
        self.cautions = Cautions(mapping.file.cautions, self.binder, source)
        self.count = 0
        self.translations = any(
            column.label.startswith("values_by_locale") for leaf in self.full[None].leaves() for column in leaf.columns
        )

    def own_columns(self, folding: Folding) -> tuple[list[Column], list[Column], list[Column]]:
        """Columns that only a record's first row can say, those that only its row in its own language can, and those
        that rows in another language are read for."""
        rowwise: dict[bool, set[int]] = {False: set(), True: set()}
        own: dict[int, Column] = {}
        layers: dict[int, Column] = {}
        for block in (self.full[None].product, self.full[None].variant):
            for inner in blocks_of_rows(block):
                found = {c.index: c for leaf in leaves_of(inner) if not leaf.file for c in columns_of(leaf)}
                rowwise[inner.rows is layers_of] |= found.keys()
                layers |= {index: c for index, c in found.items() if index >= 0 and inner.rows is layers_of}
            own |= {c.index: c for leaf in leaves_of(block, inner=False) for c in columns_of(leaf) if c.index >= 0}
        said = folding.added | {column.index for column in folding.columns()}
        continued = self.records_spec.continued
        begins = [self.binder.find(name) for name in continued.lists.values()] if continued is not None else []
        said |= {column.index for column in begins if column is not None}
        first = [column for index, column in own.items() if index not in said | rowwise[False]]
        base = [column for index, column in own.items() if index not in said | rowwise[False] | rowwise[True]]
        return first, base, list(layers.values())

    def way(self, trees: BoundTrees) -> Way:
        self.settle_decimals(trees)
        if self.records_spec.one == "variant" and not trees.variant.fields:
            raise MappingError(
                "records are variants, but variant: maps nothing",
                where=self.mapping.shown,
                code="mapping.shape",
                mend="move sku, price … to variant:, or say records: {one: product}",
            )
        assembler = Assembler(trees, self.records_spec, self.source, self.variant_if, self.variants)
        assembler.key = self.key
        assembler.variant_test = self.variant_test
        return Way(trees, assembler)

    def odd_members(self) -> frozenset[str]:
        """Names of the first documents' members that would be taken for paths: ``Price (EUR)``, ``Art.-Nr.``."""
        if self.source.kind == "table":
            return frozenset()
        first = next(iter(self.source.batches()), None)
        documents = [record[1] for record in first.records] if first is not None else []
        names = {name for document in documents if isinstance(document, dict) for name in document}
        return frozenset(name for name in names if not re.fullmatch(r"[\w:-]+", name))

    def tables(self) -> list[Table]:
        """Lookup tables with their coverage."""
        return list(self.binder.tables.values())

    def used_columns(self) -> set[str]:
        """Columns and paths that give a field its value, or say which records belong together."""
        used = set(self.binder.used)
        for way in {id(way): way for way in self.ways.values()}.values():
            for leaf in way.trees.leaves():
                used |= leaf.names_met
        used.update(c.label for c in (self.key, self.variants, *self.variant_if) if c is not None)
        if self.parents:
            used.update(c.label for c in [*self.parents.parent, *self.parents.own, *self.parents.never])
            used.update([self.parents.children.label] if self.parents.children is not None else [])
        if self.folding is not None:
            used.update(column.label for column in self.folding.columns())
        for name in list(used):  # a member of a packed column, and a column of the product's own record
            used.add(name.removeprefix("^"))
            used.add(re.split(r"[.\[]", name.removeprefix("^"), maxsplit=1)[0])
        return used

    def splits(self) -> bool:
        """Whether the source may be read in ranges, side by side."""
        alone = self.folding is None and not self.attached and not self.cautions.bound
        return self.streams() and self.starts is None and alone

    def unused_columns(self) -> list[str]:
        """Columns of a table that no mapping uses."""
        if self.source.kind != "table":
            return []
        used = self.used_columns()
        return [name for name in dict.fromkeys(self.source.header) if name.strip() and name not in used]

    def unused_members(self) -> list[str]:
        """Members of cells with named values that no mapping uses, as far as the first records have them."""
        header = self.binder.header
        found: dict[str, None] = {}
        for name, how in self.mapping.file.packed.items() if header is not None else ():
            place = header.place(name) if header is not None else None
            if place is None or how.groups:
                continue
            label, unpack = self.source.header[place], self.binder.unpackers[normal(name)]
            used = {one.removeprefix("^") for one in self.binder.used}
            if label in used:
                continue
            for record in islice(chain.from_iterable(batch.records for batch in self.source.batches()), SAMPLE):
                with suppress(CellError):  # said where a field is read
                    values = unpack(record[1][place]) if record[1].__class__ is list else None
                    for member in values if isinstance(values, dict) else ():
                        path = f"{label}.{member}"
                        if path not in found and not any(one == path or one.startswith((f"{path}.", f"{path}[")) for one in used):
                            found[path] = None
        return list(found)

    # -- records and groups ---------------------------------------------------------------------------------------

    def records(
        self, part: Range | None = None, notice: Callable[[list[Finding]], None] | None = None
    ) -> Iterator[Record]:
        """Records in file order, counted in ``count``; nested shapes laid flat."""
        if self.folding is not None:
            before = self.count

            def rows() -> Iterator[Record]:
                self.count = before
                return self.rows(part, notice if read.pop() else None)

            read = [True, False] if self.gather_rows else [True]
            records = self.folding.fold(rows, self.gather_rows, notice)
        else:
            records = self.rows(part, notice)
        if self.cautions.bound:
            records = self.cautions.watch(records)
        return self.asking(records) if self.attached_keys else records

    def asking(self, records: Iterator[Record]) -> Iterator[Record]:
        """Records, with the keys noted by which further files' rows belong to them. One of which such a row could not be
        read is held back."""
        for record in records:
            harm = None
            for column, file in self.attached_keys:
                raw = column.get(record[1], None) if not isinstance(record[1], BadDocument) else None
                if isinstance(raw, str):
                    file.asked.add(raw.strip())
                    harm = harm or file.harm(raw)
            yield record if harm is None or isinstance(record[1], BadCells | BadDocument) else held(record, harm)

    def rows(
        self, part: Range | None = None, notice: Callable[[list[Finding]], None] | None = None
    ) -> Iterator[Record]:
        """What the source has, row by row."""
        flatten = self.flatten
        guarded = self.records_spec.formula_guard
        locale, scope = self.open(self.records_spec.locale), self.open(self.records_spec.scope)
        for one in getattr(self.source, "sources", [self.source]):
            if hasattr(one, "needed"):
                one.needed = self.used_columns()
        for batch in self.source.batches(part):
            self.count += len(batch.records)
            if batch.findings and notice is not None:
                told = [finding for finding in batch.findings if not self.ends_early(finding)]
                if told:
                    notice(told)
            if flatten is not None:
                for record in batch.records:
                    if record[1].__class__ is dict:
                        yield (record[0], flatten(record[1], locale, scope, self.translations), *record[2:])
                    else:
                        yield record
            elif guarded:
                yield from map(unguarded, batch.records)
            else:
                yield from batch.records

    def ends_early(self, finding: Finding) -> bool:
        """Whether a row is short as its exporter writes rows."""
        if finding.code != "csv.short-row" or self.records_spec.may_end_after is None:
            return False
        column = self.binder.find(self.records_spec.may_end_after)
        cells = re.match(r"\d+", finding.message)
        return column is not None and cells is not None and int(cells[0]) > column.index

    @staticmethod
    def open(text: str | None) -> str | None:
        """A parameter that was not given counts as not asked for."""
        return None if text is None or "${" in text else text

    def streams(self) -> bool:
        """Whether groups can be taken as the records come."""
        return self.parents is None

    def groups(
        self, part: Range | None = None, notice: Callable[[list[Finding]], None] | None = None
    ) -> Iterator[Group]:
        """Groups as the records come (only when ``streams``)."""
        records = self.records(part, notice)
        if self.starts is not None:
            return begun(records, self.starts, self.place)
        if self.key is None:
            return singles(records, self.records_spec.one == "variant")
        return self.stopping(adjacent(records, self.key, self.records_spec.fill_down))

    def anywhere(self, notice: Callable[[list[Finding]], None] | None = None) -> Iterator[Group]:
        """Groups gathered over the whole source."""
        self.gather_rows = self.folding is not None
        if self.starts is not None:
            return begun(self.records(None, notice), self.starts, self.place)
        if self.key is None and self.parents is None:
            return singles(self.records(None, notice), self.records_spec.one == "variant")
        first = True

        def read() -> Iterator[Record]:
            nonlocal first
            told, first = (notice if first else None), False
            self.count = 0
            return self.records(None, told)

        return self.stopping(
            Anywhere(
                read, self.key, self.records_spec.fill_down, self.parents, self.source.name, place=self.place
            ).groups()
        )

    def place(self, record: Record) -> tuple[str, int, str]:
        """File, line and JSON Pointer of a record."""
        return place_of(self.source, record)

    def stopping(self, groups: Iterator[Group]) -> Iterator[Group]:
        """A key that is an expression and cannot be worked out leaves in doubt what belongs together: the run stops."""
        return groups if self.source.kind == "table" else self.until_doubt(groups)

    def until_doubt(self, groups: Iterator[Group]) -> Iterator[Group]:
        try:
            yield from groups
        except CellError as exc:
            raise SourceError(exc.message, where=self.source.name, code=exc.code, mend=exc.mend) from exc

    def ask_by_columns(self) -> None:
        """Parameters that the names of a table's columns answer, as the locale of ``name-de_DE``: nothing is mixed, and
        nothing is empty because a parameter says what no column has."""
        for name, about in self.mapping.file.parameters.items() if self.source.kind == "table" else ():
            if about.in_columns is None:
                continue
            pattern = re.compile(about.in_columns)
            matches = [match for column in self.source.header if (match := pattern.search(column.strip()))]
            found = list(dict.fromkeys(match[1] for match in matches if match[1]))
            given = self.mapping.parameters.get(name)
            if not found or (given is not None and given.casefold() in map(str.casefold, found)):
                continue
            lacks = "nothing says which to take" if given is None else f"none of them for {given}"
            self.asked.add(name, choice(name, name, found, lacks, MISSING if given is None else WRONG))

    def ask_by_rows(self) -> None:
        """Parameters that matter as soon as some row fills a column."""
        for name, about in self.mapping.file.parameters.items() if self.source.kind == "table" else ():
            header = Header(self.source.header)
            column = header.find(about.asked_by) if about.asked_by and name not in self.mapping.parameters else None
            given = {f"@{file}" for file in getattr(self.source, "attached", {})}
            if column is None or any(one in given or header.find(one) is not None for one in about.unless):
                continue
            place = column.index
            filled = (
                record
                for batch in self.source.batches()
                for record in batch.records
                if not isinstance(record[1], BadCells) and record[1][place].strip()
            )
            first = next(filled, None)
            if first is not None:
                files = [self.mapping.file.files[one[1:]].about for one in about.unless if one[:1] == "@"]
                instead = "".join(f", or give the file of {file}" for file in files)
                self.asked.add(
                    name,
                    Ask(
                        f'the row fills "{column.label}", so {name} must be known: {about.about}',
                        mend=f"add --set {name}=…{instead} (--set {name}= goes on without)",
                        where=f"{place_of(self.source, first)[0]}:{first[0]}",
                    ),
                )

    def ask_for_places(self) -> None:
        """Values by locale and channel need to be told which; the first one met would mix languages without a word.
        Asks when the first records have such values and nothing says which to take."""
        spec = self.records_spec
        if spec.shape is None or (self.open(spec.locale) and self.open(spec.scope)):
            return
        first = next(iter(self.source.batches()), None)
        seen = (
            places_of(spec.shape, [record[1] for record in first.records if record[1].__class__ is dict])
            if first is not None
            else ([], [])
        )
        for wanted, key, found in zip((spec.locale, spec.scope), ("locale", "scope"), seen, strict=True):
            if found and self.open(wanted) is None:
                channel = "channel" if key == "scope" else key
                name = wanted[2:-1] if wanted else ""
                ask = choice(name, channel, found, "nothing says which to take", things="values")
                self.asked.add(
                    name or key,
                    ask if wanted else ask._replace(mend=f"say {key}: {found[0]} at records in the mapping"),
                )

    def raw_record(self, record: Record) -> Any:
        """The record's own cells or document, as the source had it."""
        cells = record[1]
        if cells.__class__ is Folded or cells.__class__ is Inherited:
            cells = cells.own
        own_cells = getattr(self.source, "own_cells", None)
        if own_cells is not None:
            return own_cells((record[0], cells, *record[2:]))
        document_of = getattr(self.source, "document_of", None)
        if document_of is not None and not isinstance(cells, dict):
            return document_of((record[0], cells, *record[2:]))
        return cells[RAW] if isinstance(cells, dict) and RAW in cells else cells

    def each_of(self, names: tuple[str, ...], key: str) -> list[Column]:
        return [column for name in names if (column := self.one_of((name,), key)) is not None]

    def one_of(self, names: tuple[str, ...], key: str = "group_by") -> Column | None:
        for name in names:
            column = self.binder.find(name)
            if column is not None:
                return column
        if self.mapping.file.columns == "required":
            if self.asked:
                raise self.asked.error()
            wanted = " or ".join(f'"{name}"' for name in names)
            raise MappingError(
                f"{self.source.name} has no column {wanted}",
                where=self.mapping.places.where(("records", key)),
                code="mapping.unknown-column",
                mend=f"it has {', '.join(self.source.header[:40])}",
            )
        return None

    def parent_columns(self) -> ParentColumns | None:
        link, named = self.records_spec.parent, self.records_spec.children
        if link is None and named is None:
            return None
        names = {
            "parent": link.key if link else (),
            "own": link.of if link else named.of if named else (),
            "never": (link.never_variant if link else None) or (),
        }
        found = {name: [c for one in given if (c := self.name_column(one)) is not None] for name, given in names.items()}
        children = self.child_names(named) if named else None
        if not found["own"] or not (found["parent"] or children):
            if self.mapping.file.columns == "required":
                self.one_of(names["own"] if found["parent"] or children else names["parent"], "parent")
            return None
        self.each_of(names["never"], "parent")
        never = self.test_of(link.never_variant_if, "parent") if link else None
        if never is None and named is not None:
            never = self.test_of(named.never_variant_if, "children")
        orphans = link.orphans if link else "hold"
        by_row = self.records_spec.one == "variant"
        columns = ParentColumns(found["parent"], found["own"], found["never"], orphans, by_row, never, children)
        if link is not None:
            columns.inherit = link.inherit is True
            columns.inherits = link.inherit if isinstance(link.inherit, tuple) else ()
            columns.always_test = self.test_of(link.always_variant_if, "parent")
        if named is not None and self.binder.header is not None:
            head, _, member = named.names.partition("[].")
            place = self.binder.header.place(head)
            columns.children_index, columns.children_member = -1 if place is None else place, member
        return columns

    def child_names(self, named: Children) -> Column | None:
        """The column in which a parent names its variants."""
        column = self.binder.find(named.names)
        test = self.test_of(named.when, "children")
        if column is None or (test is None and named.separator == ","):
            return column
        get, separator = column.get, named.separator

        def names(record: Any, up: Any) -> Any:
            if test is not None and not test(record, up):
                return None
            raw = get(record, up)
            return [name.strip() for name in raw.split(separator)] if isinstance(raw, str) and separator in raw else raw

        return Column(column.label, names)

    def name_column(self, name: str) -> Column | None:
        """A column that holds a name, or a template of it: ``id:{ID}``."""
        match = re.fullmatch(r"([^{}]*)\{([^{}]+)\}([^{}]*)", name)
        column = self.binder.find(match[2] if match else name)
        if match is None or column is None:
            return column
        before, after, get = match[1], match[3], column.get

        def fill(record: Any, up: Any) -> Any:
            raw = get(record, up)
            return None if is_blank(raw) else f"{before}{as_text(raw)}{after}"

        return Column(column.label, fill)

    def test_of(self, condition: Condition | None, key: str) -> Callable[[Any, Any], bool] | None:
        """A condition of the record grammar; None when there is none, or its column may be missing."""
        if condition is None:
            return None
        if self.one_of(condition.column, key) is None:
            return None
        return self.binder.test(condition)

    def folding_of(self) -> Folding | None:
        """What puts further rows with their records; None when nothing does."""
        layers, continued = self.records_spec.layers, self.records_spec.continued
        if self.source.kind != "table":
            return None
        by = self.one_of((layers.by,), "layers") if layers else None
        of = self.one_of(layers.of, "layers") if layers and by is not None else None
        if by is None or of is None or layers is None:
            by = of = None
            only: list[tuple[Column, str | None]] = []
        else:
            only = [
                (column, self.open(wanted))
                for name, wanted in layers.only.items()
                if (column := self.one_of((name,), "layers")) is not None
            ]
        key = self.one_of((continued.key,), "continued") if continued else None
        added = self.each_of(continued.columns, "continued") if continued and key is not None else []
        if by is None and key is None:
            return None
        base = self.open(layers.base) if layers else None
        folding = Folding(self.source.name, by, of, base, only, key, added)
        if layers is not None and layers.own is not None and by is not None:
            folding.base, folding.taken = None, base
            folding.taken_columns = [by, *self.each_of(layers.own, "layers")]
        return folding

    # -- decimal marks ------------------------------------------------------------------------------------------------

    def open_decimals(self, trees: BoundTrees) -> list[BoundLeaf]:
        return [
            leaf
            for leaf in trees.leaves()
            if leaf.leaf.kind != "integer"
            and getattr(leaf.reader, "decimal", "") == "auto"
            and leaf.columns
            and leaf.file != INSIDE
        ]

    def decide_decimals(self, trees: BoundTrees) -> dict[str, Decision]:
        """Decide each column whose decimal mark is open from all of its values, in one reading. Columns that one field
        takes together are decided together."""
        if self.source.kind != "table":
            return {}
        leaves = self.open_decimals(trees)
        tallies = {label_of(leaf): Tally(" + ".join(column.label for column in leaf.columns)) for leaf in leaves}
        watched = {
            (label_of(leaf), column.label): (adding(leaf, tallies[label_of(leaf)]), column)
            for leaf in leaves
            for column in leaf.columns
            if not leaf.file
        }
        indexes = [(add, column.index) for add, column in watched.values() if column.index >= 0]
        paths = [(add, column.get) for add, column in watched.values() if column.index < 0]
        for batch in self.source.batches() if watched else ():
            for record in batch.records:
                cells = record[1]
                if cells.__class__ is list:
                    for add, index in indexes:
                        if cells[index]:
                            add(record[0], cells[index])
                    for add, get in paths:
                        with suppress(CellError):  # said where the field is read
                            raw = get(cells, cells)
                            if isinstance(raw, str) and raw:
                                add(record[0], raw)
        for leaf in leaves:
            for rows in self.attached[leaf.file].rows.values() if leaf.file else ():
                for line, cells in rows:
                    for column in leaf.columns:
                        if cells[column.index]:
                            tallies[label_of(leaf)].add(line, cells[column.index])
        return {label: tally.decision() for label, tally in tallies.items()}

    def settle_decimals(self, trees: BoundTrees) -> None:
        for leaf in self.open_decimals(trees):
            decision = self.decimals.get(label_of(leaf))
            if decision is None:
                continue
            if decision.mark is None:
                raise SourceError(
                    f'column "{decision.column}": {decision.reason}',
                    where=(self.attached[leaf.file].source if leaf.file in self.attached else self.source).name,
                    code="cell.number-ambiguous",
                    mend=f'say which mark the file uses: decimal: "," or decimal: "." at {leaf.layer}'
                    + (", or --set decimal=," if "decimal" in self.mapping.file.parameters else ""),
                )
            fixed = {name: getattr(leaf.reader, name) for name in type(leaf.reader).model_fields}
            leaf.reader = type(leaf.reader)(
                **{**fixed, "decimal": decision.mark, "refuse_ambiguous": decision.is_mixed}
            )
