"""Every usable product file among the samples, with ``--mapping auto`` or the mapping that ``suggest`` writes: counts as
in samples.txt. A count that changes there is a product gained or lost: look at it before changing the table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

import feedbridge
from feedbridge.api import suggest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get("FEEDBRIDGE_SAMPLES", ROOT.parent / "shared" / "samples"))

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not here")


class Row(NamedTuple):
    files: list[str]
    mapping: str
    set: dict[str, str]
    flipsnack: list[int]
    magento: list[int]


def rows() -> list[Row]:
    found = []
    for line in Path(__file__).with_name("samples.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        files, mapping, given, counts = (part.strip() for part in line.split(" | "))
        both = [[int(number) for number in part.split()] for part in counts.split(" / ")]
        pairs = dict(word.split("=", 1) for word in given.split())
        found.append(Row(files.split(" + "), mapping, pairs, both[0], both[-1]))
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: " + ".join(Path(file).name for file in row.files))
def test_counts(row: Row, tmp_path: Path) -> None:
    paths = [str(SAMPLES / file) for file in row.files]
    mapping = "auto"
    if row.mapping == "suggest":
        mapping = str(tmp_path / "suggested.yaml")
        suggest(paths[0], out=mapping)
    result = feedbridge.check(paths, to=["flipsnack", "magento"], mapping=mapping, set=row.set)
    if row.mapping != "suggest":
        assert {used["name"] for used in result.manifest["mappings"]} == {row.mapping}
    for platform, expected in (("flipsnack", row.flipsnack), ("magento", row.magento)):
        counts = result.counts[platform]
        variants = counts["variants"]
        assert [
            counts["read"], counts["written"], sum(counts["excluded"].values()), counts["held_back"],
            variants["read"], variants["written"],
        ] == expected, (platform, result.finding_counts)  # fmt: skip
        assert counts["held_back"] == 0 or any(finding.severity == "error" for finding in result.findings)
