"""``manifest.json``: what went in, what came out, and how much of it. No clock, so the same run gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import feedbridge
from feedbridge.mapping.load import Mapping
from feedbridge.platforms import Platform
from feedbridge.platforms.output import HashedFile
from feedbridge.report.catalogue import CATALOGUE
from feedbridge.run.catalogues import catalogues_of
from feedbridge.run.engine import Done
from feedbridge.run.job import Job
from feedbridge.run.statistics import explain_losses
from feedbridge.sources.base import Source

__all__ = ["losses_of", "manifest_of", "write_manifest"]


def manifest_of(job: Job, done: Done) -> dict[str, Any]:
    """The manifest as plain data."""
    stitcher = done.stitcher
    return {
        "tool": {"name": "feedbridge", "version": feedbridge.__version__},
        "mappings": [_mapping(mapping) for mapping in {m.digest: m for m in job.mappings}.values()],
        "inputs": [_input(source, done, number) for number, source in enumerate(job.sources)],
        "platforms": {
            platform.name: {
                "counts": counts.to_dict(),
                "score": scores.score,
                "losses": losses_of(done, place, platform),
                "settings": job.settings[platform.name].model_dump(mode="json", exclude_defaults=True),
                **done.results.get(platform.name, {}),
            }
            for place, (platform, counts, scores) in enumerate(
                zip(stitcher.platforms, stitcher.counts, stitcher.statistics.scores, strict=True)
            )
        },
        **({"images": done.images} if done.images is not None else {}),
        "findings": {
            "total": done.findings.codes.total(),
            "by_severity": dict(sorted(done.findings.severities.items())),
            "by_code": dict(sorted(done.findings.codes.items())),
        },
        "quarantine": done.quarantine,
    }


def losses_of(done: Done, place: int, platform: Platform) -> list[dict[str, Any]]:
    """What costs a platform's feed score, the dearest first; ``place`` is the platform's in the run."""
    mends = {code: findings[0].mend for code, findings in done.findings.first.items()}
    return explain_losses(done.stitcher.statistics.scores[place], platform, CATALOGUE, mends)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Raises OutputError."""
    file = HashedFile(folder / "manifest.json")
    file.write((json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode())
    file.close(folder)


def _mapping(mapping: Mapping) -> dict[str, Any]:
    about = {"name": mapping.name, "files": mapping.files, "parameters": mapping.parameters, "digest": mapping.digest}
    catalogues = [
        {"name": one.name, "from": one.origin, **({"read": one.read} if one.read else {}), "entries": len(one.entries)}
        for one in catalogues_of(mapping)
    ]
    return {**about, "catalogues": catalogues} if catalogues else about


def _input(source: Source, done: Done, number: int) -> dict[str, Any]:
    applied = done.applied[number]
    about: dict[str, Any] = {
        "name": source.name,
        "sha256": source.sha256(),
        "records": applied.count,
        "read_as": source.about,
        "mapping": applied.mapping.name,
    }
    if applied.decimals:
        about["decimals"] = {
            label: {"mark": decision.mark, "reason": decision.reason}
            for label, decision in sorted(applied.decimals.items())
        }
    unused = applied.unused_columns()
    if unused:
        about["unused_columns"] = unused
    tables = applied.tables()
    if tables:
        about["lookups"] = [{"table": t.shown, "found": t.hits, "missing": _most(t.misses)} for t in tables]
    return about


def _most(misses: dict[str, int]) -> dict[str, int]:
    """The hundred most frequent values, whatever the order they were met in."""
    return dict(sorted(sorted(misses.items(), key=lambda one: (-one[1], one[0]))[:100]))
