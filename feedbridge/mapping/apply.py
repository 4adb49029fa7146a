"""A mapping at work on one source: its records, its groups, and the two paths to a product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingABC
from functools import cached_property
from typing import Any

from feedbridge.cells import CellError
from feedbridge.cells.decimals import Decision, Tally
from feedbridge.errors import CommandError, MappingError, SourceError
from feedbridge.findings import Finding
from feedbridge.mapping.akeneo import RAW, flatten, places
from feedbridge.mapping.assemble import Assembled, Assembler
from feedbridge.mapping.bind import Binder, BoundBlock, BoundLeaf, BoundTrees
from feedbridge.mapping.compile import Build, Punt, compile_product
from feedbridge.mapping.group import Group
from feedbridge.mapping.grouping import Anywhere, ParentColumns, adjacent, singles
from feedbridge.mapping.load import Mapping
from feedbridge.mapping.lookup import Table
from feedbridge.mapping.paths import Column
from feedbridge.product import Product
from feedbridge.sources.base import Range, Record, Source

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
    return " + ".join(column.label for column in leaf.columns)


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


def same_fields(one: BoundTrees, other: BoundTrees) -> bool:
    return (
        one.product.fields.keys() == other.product.fields.keys()
        and one.variant.fields.keys() == other.variant.fields.keys()
    )


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
        self.binder = Binder(mapping, source.header if source.kind == "table" else None, source.name)
        self.records_spec = mapping.records
        self.key = self.one_of(self.records_spec.group_by) if self.records_spec.group_by else None
        self.parents = self.parent_columns()
        variants = self.records_spec.variants
        self.variants = self.binder.find(variants) if variants else None
        self.variant_if = self.each_of(self.records_spec.variant_if or (), "variant_if")
        keep = keep or {}
        plain = [name for name in keep if not mapping.has_overlay(name)]
        self.full: dict[str | None, BoundTrees] = {None: self.binder.bind()}
        needed = frozenset().union(*(keep[name] for name in plain)) if plain else None
        common = pruned(self.full[None], needed)
        self.decimals = decisions if decisions is not None else self.decide_decimals(common)
        self.common = self.way(common)
        self.ways: dict[str | None, Way] = {None: self.common}
        for name, fields in keep.items():
            if mapping.has_overlay(name):
                self.full[name] = self.binder.bind(name)
            trees = pruned(self.full.get(name, self.full[None]), fields)
            same = name in plain and same_fields(trees, common)
            self.ways[name] = self.common if same else self.way(trees)
        self.count = 0
        self.ask_for_places()
        self.translations = any(
            column.label.startswith("values_by_locale") for leaf in self.full[None].leaves() for column in leaf.columns
        )

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
        return Way(trees, assembler)

    def tables(self) -> list[Table]:
        """Lookup tables with their coverage."""
        return list(self.binder.tables.values())

    def used_columns(self) -> set[str]:
        """Columns and paths that give a field its value, or say which records belong together."""
        used = set(self.binder.used)
        used.update(c.label for c in (self.key, self.variants, *self.variant_if) if c is not None)
        if self.parents:
            used.update(c.label for c in [*self.parents.parent, *self.parents.own, *self.parents.never])
        return used

    def unused_columns(self) -> list[str]:
        """Columns of a table that no mapping uses."""
        if self.source.kind != "table":
            return []
        used = self.used_columns()
        return [name for name in dict.fromkeys(self.source.header) if name.strip() and name not in used]

    # -- records and groups ---------------------------------------------------------------------------------------

    def records(
        self, part: Range | None = None, notice: Callable[[list[Finding]], None] | None = None
    ) -> Iterator[Record]:
        """Records in file order, counted in ``count``; nested shapes laid flat."""
        akeneo = self.records_spec.shape == "akeneo"
        locale, scope = self.open(self.records_spec.locale), self.open(self.records_spec.scope)
        for batch in self.source.batches(part):
            self.count += len(batch.records)
            if batch.findings and notice is not None:
                notice(batch.findings)
            if akeneo:
                for record in batch.records:
                    if record[1].__class__ is dict:
                        yield (record[0], flatten(record[1], locale, scope, self.translations), *record[2:])
                    else:
                        yield record
            else:
                yield from batch.records

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
        if self.key is None:
            return singles(records, self.records_spec.one == "variant")
        return self.stopping(adjacent(records, self.key, self.records_spec.fill_down))

    def anywhere(self, notice: Callable[[list[Finding]], None] | None = None) -> Iterator[Group]:
        """Groups gathered over the whole source."""
        if self.key is None and self.parents is None:
            return singles(self.records(None, notice), self.records_spec.one == "variant")
        first = True

        def read() -> Iterator[Record]:
            nonlocal first
            told, first = (notice if first else None), False
            self.count = 0
            return self.records(None, told)

        return self.stopping(
            Anywhere(read, self.key, self.records_spec.fill_down, self.parents, self.source.name).groups()
        )

    def stopping(self, groups: Iterator[Group]) -> Iterator[Group]:
        """A key that is an expression and cannot be worked out leaves in doubt what belongs together: the run stops."""
        return groups if self.source.kind == "table" else self.until_doubt(groups)

    def until_doubt(self, groups: Iterator[Group]) -> Iterator[Group]:
        try:
            yield from groups
        except CellError as exc:
            raise SourceError(exc.message, where=self.source.name, code=exc.code, mend=exc.mend) from exc

    def ask_for_places(self) -> None:
        """Values by locale and channel need to be told which; the first one met would mix languages without a word.
        Raises CommandError when the first records have such values and nothing says which to take."""
        spec = self.records_spec
        if spec.shape != "akeneo" or (self.open(spec.locale) and self.open(spec.scope)):
            return
        first = next(iter(self.source.batches()), None)
        seen = (
            places(record[1] for record in first.records if record[1].__class__ is dict)
            if first is not None
            else ([], [])
        )
        for wanted, key, found in zip((spec.locale, spec.scope), ("locale", "scope"), seen, strict=True):
            if found and self.open(wanted) is None:
                channel = "channel" if key == "scope" else key
                raise CommandError(
                    f"{self.source.name} has values by {channel} ({', '.join(found)}), and nothing says which to take",
                    code="command.parameter-missing",
                    mend=f"add --set {wanted[2:-1]}={found[0]}"
                    if wanted
                    else f"say {key}: {found[0]} at records in the mapping",
                )

    def raw_record(self, record: Record) -> Any:
        """The record's own cells or document, as the source had it."""
        cells = record[1]
        return cells[RAW] if isinstance(cells, dict) and RAW in cells else cells

    def each_of(self, names: tuple[str, ...], key: str) -> list[Column]:
        return [column for name in names if (column := self.one_of((name,), key)) is not None]

    def one_of(self, names: tuple[str, ...], key: str = "group_by") -> Column | None:
        for name in names:
            column = self.binder.find(name)
            if column is not None:
                return column
        if self.mapping.file.columns == "required":
            wanted = " or ".join(f'"{name}"' for name in names)
            raise MappingError(
                f"{self.source.name} has no column {wanted}",
                where=self.mapping.places.where(("records", key)),
                code="mapping.unknown-column",
                mend=f"it has {', '.join(self.source.header[:40])}",
            )
        return None

    def parent_columns(self) -> ParentColumns | None:
        link = self.records_spec.parent
        if link is None:
            return None
        found = {
            name: [c for given in names or () if (c := self.binder.find(given)) is not None]
            for name, names in (("parent", link.key), ("own", link.of), ("never", link.never_variant))
        }
        if not found["parent"] or not found["own"]:
            if self.mapping.file.columns == "required":
                self.one_of(link.key if not found["parent"] else link.of, "parent")
            return None
        self.each_of(link.never_variant or (), "parent")
        by_row = self.records_spec.one == "variant"
        return ParentColumns(found["parent"], found["own"], found["never"], link.orphans, by_row)

    # -- decimal marks ------------------------------------------------------------------------------------------------

    def open_decimals(self, trees: BoundTrees) -> list[BoundLeaf]:
        return [
            leaf
            for leaf in trees.leaves()
            if leaf.leaf.kind != "integer"
            and getattr(leaf.reader, "decimal", "") == "auto"
            and leaf.columns
        ]

    def decide_decimals(self, trees: BoundTrees) -> dict[str, Decision]:
        """Decide each column whose decimal mark is open from all of its values, in one reading. Columns that one field
        takes together are decided together."""
        if self.source.kind != "table":
            return {}
        indexes = {label_of(leaf): [column.index for column in leaf.columns] for leaf in self.open_decimals(trees)}
        tallies = {label: Tally(label) for label in indexes}
        if not tallies:
            return {}
        watched = [(tallies[label].add, index) for label, own in indexes.items() for index in own]
        for batch in self.source.batches():
            for record in batch.records:
                cells = record[1]
                if cells.__class__ is list:
                    for add, index in watched:
                        if cells[index]:
                            add(record[0], cells[index])
        return {label: tally.decision() for label, tally in tallies.items()}

    def settle_decimals(self, trees: BoundTrees) -> None:
        for leaf in self.open_decimals(trees):
            decision = self.decimals.get(label_of(leaf))
            if decision is None:
                continue
            if decision.mark is None:
                raise SourceError(
                    f'column "{decision.column}": {decision.reason}',
                    where=self.source.name,
                    code="cell.number-ambiguous",
                    mend=f'say which mark the file uses: decimal: "," or decimal: "." at {leaf.layer}'
                    + (", or --set decimal=," if "decimal" in self.mapping.file.parameters else ""),
                )
            fixed = {name: getattr(leaf.reader, name) for name in type(leaf.reader).model_fields}
            leaf.reader = type(leaf.reader)(
                **{**fixed, "decimal": decision.mark, "refuse_ambiguous": decision.is_mixed}
            )
