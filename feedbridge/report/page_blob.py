"""The data block of the report page: JSON that no HTML parser can take for markup, each text in it once."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import msgspec

from feedbridge.report.page_data import Page, Sample
from feedbridge.report.page_html import cut_to

__all__ = ["COLUMNS", "Shown", "blob"]

COLUMNS = (
    "code",
    "severity",
    "message",
    "mend",
    "file",
    "line",
    "column",
    "pointer",
    "sku",
    "field",
    "platform",
    "value",
)
"""A finding in the block is a row of these; all but ``line`` are numbers of a text in ``texts``."""
FINDING_CHARS = 1000
CELL_CHARS = 2000
PAYLOAD_CHARS = 30_000
CELLS = 300
"""Cells, fields, findings and pictures of one sample that are shown."""
_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


class Shown(NamedTuple):
    """How much of the run is in the page: at most ``per_code`` findings of each code, the first ``samples`` samples."""

    per_code: int
    samples: int

    def findings(self, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The first of each code, in the order they came."""
        seen: dict[str, int] = {}
        kept = []
        for finding in findings:
            code = finding.get("code", "")
            seen[code] = seen.get(code, 0) + 1
            if seen[code] <= self.per_code:
                kept.append(finding)
        return kept


def blob(page: Page) -> str:
    r"""The page's findings and samples as JSON, with ``<``, ``>``, ``&``, U+2028 and U+2029 as ``\uXXXX``."""
    texts: dict[str, int] = {}
    rows = [
        [
            int(finding.get("line") or 0)
            if name == "line"
            else texts.setdefault(cut_to(str(finding.get(name) or ""), FINDING_CHARS), len(texts))
            for name in COLUMNS
        ]
        for finding in page.findings
    ]
    data = {
        "columns": COLUMNS,
        "texts": list(texts),
        "findings": rows,
        "total": max(sum(page.finding_counts.values()), len(rows)),
        "platforms": {part.name: cut_to(part.title or part.name, 80) for part in page.platforms},
        "samples": [_sample(sample) for sample in page.samples],
    }
    return _ESCAPED.sub(
        lambda match: f"\\u{ord(match.group()):04x}", json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    )


def _sample(sample: Sample) -> dict[str, Any]:
    """A sample as plain data, its long texts cut."""
    whole: dict[str, Any] = msgspec.to_builtins(sample)
    for part in ("sku", "title", "file"):
        whole[part] = cut_to(whole[part], 300)
    for cell in whole["source"]:
        cell["column"], cell["value"] = cut_to(cell["column"], 300), cut_to(cell["value"], CELL_CHARS)
    whole["source"], whole["cells_cut"] = whole["source"][:CELLS], max(0, len(whole["source"]) - CELLS)
    whole["canonical"] = [
        [cut_to(field, 300), cut_to(value, CELL_CHARS)] for field, value in whole["canonical"][:CELLS]
    ]
    for platform in whole["platforms"]:
        payload = platform["payload_text"]
        platform["payload_text"] = payload[:PAYLOAD_CHARS]
        platform["payload_cut"] = max(0, len(payload) - PAYLOAD_CHARS)
        platform["findings"] = [cut_to(text, FINDING_CHARS) for text in platform["findings"][:CELLS]]
        platform["images"] = [src for src in platform["images"][:40] if len(src) <= CELL_CHARS]
    return whole
