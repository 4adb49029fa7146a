"""A whole run in a temporary folder, and what can be said of any run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feedbridge.mapping.load import load_mapping
from feedbridge.platforms import platforms
from feedbridge.run.engine import run
from feedbridge.run.folder import OutputFolder
from feedbridge.run.job import Job
from feedbridge.run.manifest import manifest_of, write_manifest
from feedbridge.sources.opening import combine, open_source

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
        self.findings: list[dict[str, Any]] = [json.loads(line) for line in (out / "findings.jsonl").read_bytes().splitlines()]
        self.tree = tree(out)

    def counts(self, platform: str) -> dict[str, Any]:
        return self.manifest["platforms"][platform]["counts"]

    def codes(self) -> list[str]:
        return [finding["code"] for finding in self.findings]

    def payload(self, platform: str = "flipsnack") -> bytes:
        return b"".join(data for name, data in self.tree.items() if name.startswith(f"{platform}/"))

    def quarantine(self) -> bytes:
        return b"".join(data for name, data in self.tree.items() if name.startswith("quarantine/"))

    def keeps_the_law(self) -> None:
        """read = written + excluded + held back, for products and variants; the manifest counts the findings rightly."""
        for about in self.manifest["platforms"].values():
            counts = about["counts"]
            for tally in (counts, counts["variants"]):
                assert tally["read"] == tally["written"] + sum(tally["excluded"].values()) + tally["held_back"]
        assert len({about["counts"]["read"] for about in self.manifest["platforms"].values()}) == 1
        assert self.manifest["findings"]["total"] == len(self.findings)
        errors = [finding for finding in self.findings if finding["severity"] == "error"]
        held = any(about["counts"]["held_back"] for about in self.manifest["platforms"].values())
        assert held == bool(errors) == bool(self.quarantine())
        for name, about in self.manifest["platforms"].items():
            if about["counts"]["held_back"]:
                assert any(finding.get("platform", name) == name for finding in errors)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def job_of(
    sources: Path | Sequence[Path], mapping: str = MAPPING, to: Sequence[str] = ALL, *, set: dict[str, str] | None = None,
    names: Sequence[str] | None = None, **more: Any,
) -> Job:
    """A job; ``mapping`` is a preset's name, or the text of a mapping file."""
    paths = [sources] if isinstance(sources, Path) else list(sources)
    if "\n" in mapping:
        file = paths[0].parent / "mapping.yaml"
        file.write_text(mapping, encoding="utf-8")
        mapping = str(file)
    loaded = load_mapping(mapping, set)
    shown = names or [path.name for path in paths]
    opened = [open_source(path, name=name, **loaded.source.model_dump()) for path, name in zip(paths, shown, strict=True)]
    if loaded.records.parent and opened[0].kind == "documents":
        opened = [combine(opened)]
    settings = {name: platforms()[name].settings() for name in to}
    return Job(opened, [loaded for _ in opened], list(to), settings, **more)


def made(job: Job, out: Path) -> Made:
    with OutputFolder(out) as folder:
        done = run(job, folder.working)
        write_manifest(folder.working, manifest_of(job, done))
        folder.commit()
    return Made(out)
