"""A mapping at work on one source: its records, its groups, and the two paths to a product."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from feedbridge.cells import CellError
from feedbridge.cells.decimals import Decision, decide
from feedbridge.errors import MappingError, SourceError
from feedbridge.findings import Finding
from feedbridge.mapping.akeneo import RAW, flatten
from feedbridge.mapping.assemble import Assembled, Assembler
from feedbridge.mapping.bind import Binder, BoundLeaf, BoundTrees
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
        self.build: Build = compile_product(assembler)

    def product(self, group: Group) -> tuple[Product | None, Assembled | None]:
        """The product, and what the precise path found when it was taken (None when it was not)."""
        try:
            return self.build(group), None
        except (Punt, CellError):
            assembled = self.assembler.assemble(group)
            return assembled.product, assembled


class Applied:
    """A mapping bound to a source. Raises MappingError and CommandError when they do not fit each other.

    ``decimals``  what was decided of columns whose decimal mark the mapping leaves open
    ``ways``      platform -> its way to a product; platforms without an overlay share one
    """

    def __init__(
        self, mapping: Mapping, source: Source, platforms: Sequence[str] = (), decisions: dict[str, Decision] | None = None
    ) -> None:
        self.mapping = mapping
        self.source = source
        self.binder = Binder(mapping, source.header if source.kind == "table" else None, source.name)
        self.records_spec = mapping.records
        self.key = self.one_of(self.records_spec.group_by) if self.records_spec.group_by else None
        self.parents = self.parent_columns()
        variants = self.records_spec.variants
        self.variants = self.binder.find(variants) if variants else None
        variant_if = [c for name in self.records_spec.variant_if or () if (c := self.binder.find(name)) is not None]
        common = self.binder.bind()
        self.decimals = decisions if decisions is not None else self.decide_decimals(common)
        self.ways: dict[str | None, Way] = {None: self.way(common, variant_if)}
        for platform in platforms:
            if mapping.has_overlay(platform):
                self.ways[platform] = self.way(self.binder.bind(platform), variant_if)
        self.count = 0
        self.translations = any(
            column.label.startswith("values_by_locale") for leaf in common.leaves() for column in leaf.columns
        )

    def way(self, trees: BoundTrees, variant_if: list[Column]) -> Way:
        self.settle_decimals(trees)
        if self.records_spec.one == "variant" and not trees.variant.fields:
            raise MappingError("records are variants, but variant: maps nothing", where=self.mapping.shown, code="mapping.shape",
                               mend="move sku, price … to variant:, or say records: {one: product}")
        return Way(trees, Assembler(trees, self.records_spec, self.source, variant_if, self.variants))

    @property
    def platform_ways(self) -> list[str | None]:
        return list(self.ways)

    def tables(self) -> list[Table]:
        """Lookup tables with their coverage."""
        return list(self.binder.tables.values())

    def unused_columns(self) -> list[str]:
        """Columns of a table that no mapping uses."""
        if self.source.kind != "table":
            return []
        used = set(self.binder.used)
        used.update(c.label for c in (self.key, self.variants) if c is not None)
        if self.parents:
            used.update(c.label for c in [*self.parents.parent, *self.parents.own, *self.parents.never])
        return [name for name in dict.fromkeys(self.source.header) if name.strip() and name not in used]

    # -- records and groups ---------------------------------------------------------------------------------------

    def records(self, part: Range | None = None, notice: Callable[[list[Finding]], None] | None = None) -> Iterator[Record]:
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

    def groups(self, part: Range | None = None, notice: Callable[[list[Finding]], None] | None = None) -> Iterator[Group]:
        """Groups as the records come (only when ``streams``)."""
        records = self.records(part, notice)
        if self.key is None:
            return singles(records)
        return adjacent(records, self.key, self.records_spec.fill_down)

    def anywhere(self, notice: Callable[[list[Finding]], None] | None = None) -> Iterator[Group]:
        """Groups gathered over the whole source."""
        if self.key is None and self.parents is None:
            return singles(self.records(None, notice))
        first = True

        def read() -> Iterator[Record]:
            nonlocal first
            told, first = (notice if first else None), False
            self.count = 0
            return self.records(None, told)

        return Anywhere(read, self.key, self.records_spec.fill_down, self.parents, self.source.name).groups()

    def raw_record(self, record: Record) -> Any:
        """The record's own cells or document, as the source had it."""
        cells = record[1]
        return cells[RAW] if isinstance(cells, dict) and RAW in cells else cells

    def one_of(self, names: tuple[str, ...]) -> Column | None:
        for name in names:
            column = self.binder.find(name)
            if column is not None:
                return column
        if self.mapping.file.columns == "required":
            wanted = " or ".join(f'"{name}"' for name in names)
            raise MappingError(
                f"{self.source.name} has no column {wanted}", where=self.mapping.places.where(("records", "group_by")),
                code="mapping.unknown-column", mend=f"it has {', '.join(self.source.header[:40])}",
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
                self.one_of(link.key if not found["parent"] else link.of)
            return None
        return ParentColumns(found["parent"], found["own"], found["never"], link.orphans)

    # -- decimal marks ------------------------------------------------------------------------------------------------

    def open_decimals(self, trees: BoundTrees) -> list[BoundLeaf]:
        return [
            leaf for leaf in trees.leaves()
            if "decimal" in type(leaf.reader).model_fields and getattr(leaf.reader, "decimal") == "auto" and leaf.columns  # noqa: B009
        ]

    def decide_decimals(self, trees: BoundTrees) -> dict[str, Decision]:
        """Decide each column whose decimal mark is open from all of its values. Raises SourceError for a column that
        cannot be decided: it is refused, never guessed."""
        if self.source.kind != "table":
            return {}
        columns = {column.index: column.label for leaf in self.open_decimals(trees) for column in leaf.columns}
        decisions: dict[str, Decision] = {}
        for index, label in columns.items():
            values = (
                (record[0], record[1][index])
                for batch in self.source.batches() for record in batch.records
                if record[1].__class__ is list and record[1][index]
            )
            decisions[label] = decide(values, label)
        return decisions

    def settle_decimals(self, trees: BoundTrees) -> None:
        for leaf in self.open_decimals(trees):
            decision = next((self.decimals[c.label] for c in leaf.columns if c.label in self.decimals), None)
            if decision is None:
                continue
            if decision.mark is None:
                raise SourceError(
                    f'column "{decision.column}": {decision.reason}', where=self.source.name, code="cell.number-ambiguous",
                    mend=f'say which mark the file uses: decimal: "," or decimal: "." at {leaf.layer}'
                    + (", or --set decimal=," if "decimal" in self.mapping.file.parameters else ""),
                )
            fixed = {name: getattr(leaf.reader, name) for name in type(leaf.reader).model_fields}
            leaf.reader = type(leaf.reader)(**{**fixed, "decimal": decision.mark})


