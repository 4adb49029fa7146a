"""What a source says and a platform has no place for: told once a run, so nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from feedbridge.findings import Finding, Severity
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.bind import BoundMany, BoundNode, is_blank, leaves_of
from feedbridge.mapping.paths import Column
from feedbridge.platforms import Platform

__all__ = ["unplaced"]

SAMPLE = 1_000
"""Documents that are looked at to see which of the mapped paths a source really has."""


def unplaced(platforms: Iterable[Platform], sources: Sequence[Applied]) -> list[Finding]:
    """One finding a platform, naming the fields and the columns they come from.

    Tables say by their header which columns they have. Of documents the first thousand are looked at; a field that is
    filled in none of them is named only when there are more.
    """
    found = []
    samples = [Sample(applied) if applied.source.kind == "documents" else None for applied in sources]
    for platform in platforms:
        if platform.unplaced is None:
            continue
        fields: dict[str, dict[str, str]] = {}
        for applied, sample in zip(sources, samples, strict=True):
            trees = applied.full.get(platform.name, applied.full[None])
            for block, front in ((trees.product, ""), (trees.variant, "variants.")):
                for name, node in block.fields.items():
                    if name == "compare_at_price" or {name, f"{front}{name}"} & (platform.placed | platform.dropped):
                        continue
                    columns = columns_of(node)
                    if sample is not None:
                        columns = sample.having(columns, of_variant=bool(front))
                    if columns:
                        fields.setdefault(name, {}).setdefault(applied.source.name, columns[0].label)
        if fields:
            listed = ", ".join(f'{name} (column "{next(iter(places.values()))}")' for name, places in fields.items())
            found.append(Finding(
                code=f"{platform.name}.{platform.unplaced.number}", severity=Severity.ADVICE, platform=platform.name,
                message=f"{platform.title} has no place for {listed}", mend=platform.unplaced.mend,
                file=", ".join(dict.fromkeys(name for places in fields.values() for name in places)),
                field=", ".join(fields),
            ))
    return found


def columns_of(node: BoundNode) -> list[Column]:
    """Where a field may come from; of a list inside the documents, the list itself."""
    if isinstance(node, BoundMany) and (lists := [block.each for block in node.blocks if block.each is not None]):
        return lists
    return [column for leaf in leaves_of(node) for column in leaf.columns]


class Sample:
    """The first documents of a source, with their variants."""

    def __init__(self, applied: Applied) -> None:
        self.products: list[tuple[Any, Any]] = []
        self.variants: list[tuple[Any, Any]] = []
        self.whole = True
        count = applied.count
        for number, record in enumerate(applied.records()):
            if number == SAMPLE:
                self.whole = False
                break
            document = record[1]
            if document.__class__ is not dict:
                continue
            self.products.append((document, None))
            inner = applied.variants.get(document, None) if applied.variants is not None else None
            if isinstance(inner, list):
                self.variants += [(one, document) for one in inner if isinstance(one, dict)]
        if applied.variants is None:
            self.variants = self.products
        applied.count = count

    def having(self, columns: list[Column], of_variant: bool) -> list[Column]:
        """Those of the columns that are filled somewhere; all when none is and there is more than the sample."""
        documents = self.variants if of_variant else self.products
        filled = [c for c in columns if any(not is_blank(c.get(document, up)) for document, up in documents)]
        return filled if filled or self.whole else columns
