"""A whole run in a temporary folder, and what can be said of any run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from feedbridge.mapping.load import Mapping, load_mapping
from feedbridge.platforms import platforms
from feedbridge.run.engine import run
from feedbridge.run.job import Job
from feedbridge.run.manifest import manifest_of, write_manifest
from feedbridge.sources.opening import combine, open_source
from tests.mapping.trial import mapping_of

__all__ = ["ALL", "MAPPING", "Made", "job_of", "made", "tree"]

ALL = ("flipsnack", "magento", "flickrocket")

MAPPING = """\
feedbridge: 1
records: {one: variant, group_by: Handle, variant_if: [SKU, Price], no_option: {Title: Default Title}}
product:
  sku: {from: Handle, required: true}
  title: {from: Title, required: true}
  description: {from: Body, as: html}
  brand: {from: Vendor, lookup: {table: {acme: Acme}, missing: keep}}
  status: {from: Status, optional: true}
  images: [{src: Image, alt: Alt}]
variant:
  sku: {from: SKU, required: true}
  price: {from: Price, currency: EUR, decimal: ".", required: true}
  options: [{name: {value: Size}, value: Size}]
"""
HEADER = ["Handle", "Title", "SKU", "Price", "Size", "Image", "Alt", "Body", "Vendor", "Status"]


class Made:
    """What one run left: its folder read back."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.manifest: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
        self.findings: list[dict[str, Any]] = [
            json.loads(line) for line in (out / "findings.jsonl").read_bytes().splitlines()
        ]
        self.tree = tree(out)

    def counts(self, platform: str) -> dict[str, Any]:
        return self.manifest["platforms"][platform]["counts"]

    def codes(self) -> list[str]:
        return [finding["code"] for finding in self.findings]

    def told(self) -> list[str]:
        """Codes of errors and warnings."""
        return [finding["code"] for finding in self.findings if finding["severity"] != "advice"]

    def payload(self, platform: str = "flipsnack") -> bytes:
        return b"".join(data for name, data in self.tree.items() if name.startswith(f"{platform}/"))

    def quarantine(self) -> bytes:
        return b"".join(data for name, data in self.tree.items() if name.startswith("quarantine/"))

    def keeps_the_law(self) -> None:
        """read = written + excluded + held back, for products and variants; the manifest counts the findings."""
        for about in self.manifest["platforms"].values():
            counts = about["counts"]
            for tally in (counts, counts["variants"]):
                assert tally["read"] == tally["written"] + sum(tally["excluded"].values()) + tally["held_back"]
        assert len({about["counts"]["read"] for about in self.manifest["platforms"].values()}) == 1
        assert self.manifest["findings"]["total"] == len(self.findings)
        errors = [one for one in self.findings if one["severity"] == "error" and not one["code"].startswith("run.")]
        held = any(about["counts"]["held_back"] for about in self.manifest["platforms"].values())
        assert held == bool(errors) == bool(self.quarantine())
        for name, of_variants in (("flipsnack", "variants"),):
            if f"{name}/batch-0001.json" in self.tree:
                products = json.loads(self.tree[f"{name}/batch-0001.json"])
                counts = self.counts(name)
                assert (len(products), sum(len(one.get(of_variants, ())) for one in products)) == (
                    counts["written"],
                    counts["variants"]["written"],
                )
        for name, about in self.manifest["platforms"].items():
            if about["counts"]["held_back"]:
                assert any(finding.get("platform", name) == name for finding in errors)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def job_of(
    sources: Path | Sequence[Path],
    mapping: str = MAPPING,
    to: Sequence[str] = ALL,
    *,
    set: dict[str, str] | None = None,
    names: Sequence[str] | None = None,
    **more: Any,
) -> Job:
    """A job; ``mapping`` is a preset's name, or the text of a mapping file."""
    paths = [sources] if isinstance(sources, Path) else list(sources)
    loaded = _loaded(mapping, tuple((set or {}).items()))
    shown = names or [path.name for path in paths]
    opened = [
        open_source(path, name=name, **loaded.source.model_dump(exclude={"partial"})) for path, name in zip(paths, shown, strict=True)
    ]
    if loaded.records.parent and opened[0].kind == "documents":
        opened = [combine(opened)]
    settings = {name: platforms()[name].settings() for name in to}
    return Job(opened, [loaded for _ in opened], list(to), settings, **more)


@cache
def _loaded(mapping: str, parameters: tuple[tuple[str, str], ...]) -> Mapping:
    """Read once for all examples of a property."""
    return (
        mapping_of(mapping, Path(), **dict(parameters)) if "\n" in mapping else load_mapping(mapping, dict(parameters))
    )


def made(job: Job, out: Path) -> Made:
    """Do the job straight into a folder: that it appears whole or not at all is tested elsewhere."""
    out.mkdir()
    write_manifest(out, manifest_of(job, run(job, out)))
    return Made(out)
