"""``feedbridge mapping test``: the tests that stand in a mapping file, run offline through the real engine."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from feedbridge.errors import MappingError
from feedbridge.findings import Finding
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.load import Mapping, load_mapping
from feedbridge.mapping.schema import MappingTest
from feedbridge.product import Product, to_model
from feedbridge.sources.base import Source
from feedbridge.sources.opening import open_source

__all__ = ["TestOutcome", "run_tests"]


class TestOutcome(NamedTuple):
    """One test and what was not as expected (nothing: it passed)."""

    name: str
    faults: list[str]


def run_tests(name: str) -> list[TestOutcome]:
    """Run every test of a mapping. Raises MappingError when there is none, or the mapping is wrong."""
    mapping = load_mapping(name)
    if not mapping.file.tests:
        raise MappingError(
            "has no tests",
            where=mapping.shown,
            code="mapping.no-tests",
            mend="add tests: with name, records and the products they must become",
        )
    with tempfile.TemporaryDirectory(prefix="feedbridge-") as folder:
        return [
            TestOutcome(test.name, _run(load_mapping(name, test.set), test, Path(folder) / f"{number}"))
            for number, test in enumerate(mapping.file.tests)
        ]


def _run(mapping: Mapping, test: MappingTest, path: Path) -> list[str]:
    source = _source(mapping, test, path)
    applied = Applied(mapping, source)
    way = applied.ways[None]
    faults: list[str] = []
    products: list[Product] = []
    codes: list[str] = []

    def notice(found: list[Finding]) -> None:
        codes.extend(finding.code for finding in found)

    for group in applied.anywhere(notice):
        product, _ = way.product(group)
        assembled = way.assembler.assemble(group)
        codes += [finding.code for finding in assembled.findings]
        if product is not None:
            if product != assembled.product:
                faults.append(f"{product.sku}: the compiled mapping and the precise one differ; please report this")
            products.append(to_model(Product, product))
    if len(products) != len(test.products):
        faults.append(f"{len(products)} products were made, {len(test.products)} expected")
    for number, (product, wanted) in enumerate(zip(products, test.products, strict=False)):
        for key, value in wanted.items():
            faults += _differences(f"products.{number}.{key}", _plain(getattr(product, key, None)), _plain(value))
    if tuple(codes) != test.findings:
        faults.append(f"findings were {', '.join(codes) or 'none'}; expected {', '.join(test.findings) or 'none'}")
    return faults


def _source(mapping: Mapping, test: MappingTest, path: Path) -> Source:
    """The records as a file of the mapping's own format."""
    if mapping.source.format == "json" or any(
        isinstance(v, dict | list) for record in test.records for v in record.values()
    ):
        path = path.with_suffix(".jsonl")
        path.write_text("".join(json.dumps(record) + "\n" for record in test.records), encoding="utf-8")
        return open_source(path, name=test.name, format="json")
    header = list(dict.fromkeys(key for record in test.records for key in record))
    path = path.with_suffix(".csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, header, restval="")
        rows.writeheader()
        rows.writerows(
            {key: "" if value is None else str(value) for key, value in record.items()} for record in test.records
        )
    return open_source(path, name=test.name, format="csv", delimiter=",")


def _plain(value: Any) -> Any:
    """As YAML would say it: money ``12.50 EUR``, decimals and enumerations as text, no empty fields."""
    if isinstance(value, BaseModel):
        if set(type(value).model_fields) == {"amount", "currency"}:
            return f"{value.amount} {value.currency}"  # type: ignore[attr-defined]  # Money, by its fields
        return {
            name: _plain(inner)
            for name in type(value).model_fields
            if (inner := getattr(value, name)) not in (None, (), {})
        }
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool) else str(value)


def _differences(path: str, have: Any, wanted: Any) -> list[str]:
    """Where the two differ; in blocks only what is wanted is compared."""
    if isinstance(wanted, dict) and isinstance(have, dict):
        return [fault for key, value in wanted.items() for fault in _differences(f"{path}.{key}", have.get(key), value)]
    if isinstance(wanted, list) and isinstance(have, list) and len(wanted) == len(have):
        pairs = enumerate(zip(have, wanted, strict=True))
        return [fault for number, (h, w) in pairs for fault in _differences(f"{path}.{number}", h, w)]
    return [] if have == wanted else [f"{path} is {have!r}, expected {wanted!r}"]
