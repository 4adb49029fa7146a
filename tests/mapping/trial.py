"""A mapping tried on a few records, by both paths at once.

``tried`` holds the law of the mapping room: what the quick path makes is exactly what the precise path makes, the
model accepts it, and the precise path has nothing to say about it. All else the quick path leaves to the precise one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from feedbridge.cells import CellError
from feedbridge.findings import Finding
from feedbridge.mapping.apply import Applied, Way
from feedbridge.mapping.compile import Punt
from feedbridge.mapping.group import Group
from feedbridge.mapping.load import Mapping, build_mapping
from feedbridge.mapping.yaml import Places, read_yaml
from feedbridge.product import Product, to_model
from feedbridge.sources.base import Batch, Range

__all__ = ["BASE", "Documents", "Rows", "Trial", "applied", "mapping_of", "one", "tried", "tried_all", "tried_group"]


class Rows:
    """A table in memory. Blank cells where a row is short; a row may be a ready BadCells."""

    kind = "table"
    pointer_prefix = ""
    is_quarantine = False
    folder = None

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[str]], name: str = "shop.csv") -> None:
        self.header = list(header)
        self.rows = [row if type(row).__name__ == "BadCells" else list(row) for row in rows]
        self.name = name
        self.findings: list[Finding] = []
        self.about: dict[str, Any] = {"format": "csv"}

    @classmethod
    def of(cls, *rows: dict[str, str]) -> Rows:
        header = list(dict.fromkeys(name for row in rows for name in row))
        return cls(header, [[row.get(name, "") for name in header] for row in rows])

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        yield Batch([(line, row) for line, row in enumerate(self.rows, 2)], [])

    def split(self, parts: int) -> list[Range]:
        return []

    def sha256(self) -> str:
        return ""


class Documents:
    """Documents in memory, as the JSON source gives them: numbers with a point are Decimal."""

    kind = "documents"
    pointer_prefix = "/"
    is_quarantine = False
    folder = None

    def __init__(self, documents: Sequence[dict[str, Any]], name: str = "pim.json") -> None:
        self.documents = [json.loads(json.dumps(one), parse_float=Decimal) for one in documents]
        self.header: list[str] = []
        self.name = name
        self.findings: list[Finding] = []
        self.about: dict[str, Any] = {"format": "json"}

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        yield Batch([(number + 1, one, number) for number, one in enumerate(self.documents)], [])

    def pointer(self, record: Any) -> str:
        return f"/{record[2]}"

    def split(self, parts: int) -> list[Range]:
        return []

    def sha256(self) -> str:
        return ""


class Trial(NamedTuple):
    """One group: the product as the pydantic model has it, or None; what the precise path found; whether the quick
    path made it."""

    product: Product | None
    findings: list[Finding]
    quick: bool
    group: Group

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    def fields(self) -> dict[str, Any]:
        """The product's fields that say something, as JSON says them."""
        assert self.product is not None, [str(finding) for finding in self.findings]
        return self.product.model_dump(mode="json", exclude_defaults=True)


def mapping_of(text: str, folder: Path = Path(), **parameters: str) -> Mapping:
    """A mapping of a YAML text, as if it stood in ``shop.yaml``."""
    if "feedbridge:" not in text:
        text = "feedbridge: 1\n" + text
    plain, lines = read_yaml(text, "shop.yaml")
    return build_mapping(plain, Places("shop.yaml", lines), folder, ["shop.yaml"], "digest", parameters)


def applied(mapping: Mapping | str, source: Any, **parameters: str) -> Applied:
    return Applied(mapping_of(mapping, Path(), **parameters) if isinstance(mapping, str) else mapping, source)


def tried_group(way: Way, group: Group) -> Trial:
    """One group by both paths, which must agree."""
    try:
        quick = way.build(group)
    except (Punt, CellError):
        quick = None
    assembled = way.assembler.assemble(group)
    product = None
    if assembled.product is not None:
        product = to_model(Product, assembled.product)
    if quick is not None:
        assert assembled.product == quick
        assert assembled.findings == []
    if product is None:
        assert any(finding.severity == "error" for finding in assembled.findings)
    else:
        assert all(finding.severity != "error" for finding in assembled.findings)
    return Trial(product, assembled.findings, quick is not None, group)


def tried(mapping: Mapping | str, source: Any, **parameters: str) -> list[Trial]:
    """Every group of a source, gathered from anywhere, by both paths. Every record is in exactly one group."""
    return tried_all(applied(mapping, source, **parameters))


def tried_all(bound: Applied) -> list[Trial]:
    bound.count = 0
    groups = list(bound.anywhere())
    seen = [id(record[1]) for group in groups for record in group.records()]
    assert len(seen) == len(set(seen)) == bound.count
    return [tried_group(bound.ways[None], group) for group in groups]


BASE = "product:\n  sku: Id\n  title: Name\n"


def one(spec: str, cells: dict[str, object], *, documents: bool, folder=None, **parameters: str) -> Trial:
    """The product of one record; ``spec`` is added to a product with SKU and title."""
    text = spec if "product:" in spec else BASE + "".join(f"  {line}\n" for line in spec.splitlines())
    mapping = mapping_of(text, folder, **parameters) if folder else mapping_of(text, Path(), **parameters)
    record = {"Id": "A-1", "Name": "Tea pot", **cells}
    source = Documents([record]) if documents else Rows.of({name: str(value) for name, value in record.items()})
    (trial,) = tried(mapping, source)
    return trial
