"""The proposal for a file: which column fills which field and how it is read, and what a person has to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from feedbridge.mapping.suggest.evidence import Vote
from feedbridge.mapping.suggest.sample import Column, Sample
from feedbridge.mapping.suggest.write import Node, comment, flow, lines_of, quoted_samples, sample_text, scalar

__all__ = ["Draft", "percent"]

ORDER = (
    "sku", "title", "short_description", "description", "brand", "product_type", "categories", "tags", "gtin", "mpn", "price",
    "sale_price", "compare_at_price", "cost", "prices", "stock", "weight_grams", "length_mm", "width_mm", "height_mm",
    "quantity_min", "quantity_max", "images", "image", "url", "slug", "seo_title", "seo_description", "status", "locale",
    "translations", "options", "attributes",
)  # fmt: skip


@dataclass
class Draft:
    """A mapping in the making.

    ``labels``  column -> the canonical field it was proposed for (``options``, ``group_key`` for the key of the records)
    ``trial``   what the check gives for parameters that only a person knows
    ``blind``   fields the mapping cannot do without and for which neither name nor values speak
    """

    shown: str
    name: str
    sample: Sample
    decide: list[str] = field(default_factory=list)
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    trial: dict[str, str] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    product: dict[str, Node] = field(default_factory=dict)
    variant: dict[str, Node] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    blind: list[str] = field(default_factory=list)
    guesses: dict[str, Vote] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    without_pictures: set[str] = field(default_factory=set)
    """Platforms that take addresses only, where the file has paths."""
    withdrawn: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    """What came out of the check, a sentence a line."""
    about: list[str] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        return 1 if self.blind else 0

    def text(self) -> str:
        """The mapping file."""
        head = [comment(f"Starting mapping for {sample_text(self.shown, 200)}, written by: feedbridge mapping suggest")]
        read = f"{self.sample.records:,} records" if self.sample.whole else f"the first {self.sample.records:,} records"
        head.append(
            comment(f"Made from {read}. Every line says why; read them, correct them, delete what is not needed.")
        )
        head += [comment(line) for line in self.about]
        if self.decide:
            head += ["#", comment("To decide:")]
            head += [comment(f"  {number}. {line}") for number, line in enumerate(self.decide, 1)]
        if self.checked:
            head += ["#", *(comment(line) for line in self.checked)]
        lines = [*head, "feedbridge: 1", f"name: {scalar(self.name)}"]
        if self.parameters:
            lines.append("parameters:")
            lines += [f"  {name}: {flow(about)}" for name, about in self.parameters.items()]
        if self.source:
            lines.append(f"source: {flow(self.source)}")
        lines += [comment(line) for line in self.evidence]
        lines.append(f"records: {flow(self.records)}")
        for room, nodes in (("product", self.product), ("variant", self.variant)):
            if nodes:
                lines.append(f"{room}:")
                lines += lines_of([nodes[name] for name in sorted(nodes, key=ORDER.index)], 1)
        if self.without_pictures and "images" in self.product:
            lines.append("platforms:")
            lines += [f"  {name}: {{product: {{images: null}}}}" for name in sorted(self.without_pictures)]
        rest = self.leftovers()
        if rest:
            lines += ["", comment("Not used (name: what its values look like, and what it might be):"), *rest]
        return "\n".join(lines) + "\n"

    def leftovers(self) -> list[str]:
        lines = [comment(f"  {line}") for line in self.withdrawn]
        for column in self.sample.columns:
            if id(column) in self.used:
                continue
            where = f"{column.container}[]." if column.container else ""
            line = f"  {sample_text(where + column.name, 80)}: {column.profile.in_words()}"
            if column.profile.filled:
                line += f", filled {percent(column.profile.coverage)}: {quoted_samples(column.profile.samples)}"
            if column.unusable:
                line += f" - cannot be named in a mapping: {column.unusable}"
            guess = self.guesses.get(
                column.reference if not column.container else f"{column.container}|{column.reference}"
            )
            if guess is not None:
                line += f" - {guess.field.partition(':')[0]}? {guess.score:.0%}"
            lines.append(comment(line))
        if self.sample.packed_paths:
            lines.append(comment("  … and more paths than are looked at"))
        return lines

    def withdraw(self, name: str, why: str) -> bool:
        """Take a field out again. Whether it was there."""
        there = False
        for nodes in (self.product, self.variant):
            node = nodes.pop(name, None)
            if node is not None:
                there = True
                columns = node.columns or tuple(column for below in node.below for column in below.columns)
                shown = ", ".join(sample_text(column) for column in columns)
                self.withdrawn.append(f"{shown}: was taken for {name}, but {why}")
                for column in columns:
                    self.labels.pop(column, None)
        return there

    def put(
        self, target: dict[str, Node], name: str, spec: Any, columns: Sequence[Column], reason: str, *,
        label: str | None, prefix: str = "",
    ) -> None:  # fmt: skip
        target[name] = Node(
            f"{name}:", flow(spec), [self.say(columns, reason)], columns=tuple(column.name for column in columns)
        )
        for column in columns:
            self.take(column, label)

    def say(self, columns: Sequence[Column], reason: str) -> str:
        """The comment above a line: why, how full, three values."""
        first = columns[0]
        coverage = max(column.profile.coverage for column in columns)
        text = f"{sample_text(reason, 300)}; filled {percent(coverage)}"
        return f"{text}; {quoted_samples(first.profile.samples)}" if first.profile.samples else text

    def take(self, column: Column, label: str | None) -> None:
        self.used.add(id(column))
        if label is not None:
            name = f"{column.container}[].{column.name}" if column.container else column.name
            self.labels.setdefault(name, label)


def percent(share: float) -> str:
    """A share that says 100% only when it is."""
    return "100%" if share >= 1 else f"{min(99, max(1, round(100 * share)))}%" if share else "0%"
