"""``--mapping auto``: which preset a file is for, by its columns.

Score = share of strong anchors present; all required anchors must be there
and no negative one. Accepted at 0.7 and 0.15 ahead of the next, else the candidates are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from feedbridge.errors import CommandError
from feedbridge.mapping.paths import normal
from feedbridge.mapping.presets import presets
from feedbridge.mapping.schema import Recognise
from feedbridge.mapping.yaml import read_text, read_yaml
from feedbridge.sources.base import Source

__all__ = ["Candidate", "recognise", "score"]

ACCEPT = 0.7
MARGIN = 0.15
SAMPLE = 50


class Candidate(NamedTuple):
    """A preset and how well the file fits it. ``lacks``: required names that are missing, or what speaks against it."""

    name: str
    score: float
    lacks: tuple[str, ...]


def score(print_: Recognise, names: Iterable[str]) -> tuple[float, tuple[str, ...]]:
    """Score of a fingerprint for a set of names, and what is lacking (score 0 then)."""
    have = [normal(name) for name in names]

    def there(anchor: str) -> bool:
        return any(
            re.fullmatch(re.escape(normal(one)).replace(r"\*", ".*"), name)
            for one in anchor.split("|")
            for name in have
        )

    lacks = [anchor for anchor in print_.required if not there(anchor)]
    lacks += [f"not {anchor}" for anchor in print_.never if there(anchor)]
    if lacks:
        return 0.0, tuple(lacks)
    if not print_.strong:
        return ACCEPT, ()
    return sum(map(there, print_.strong)) / len(print_.strong), ()


def recognise(source: Source) -> tuple[str, list[Candidate]]:
    """The preset for a source. Raises CommandError with the candidates when none, or more than one, fits."""
    names = names_of(source)
    candidates = []
    for name, path in presets().items():
        plain = fingerprint_of(read_text(path, name), name)
        block = plain.get("recognise")
        if not block or (plain.get("source") or {}).get("format", "csv") != (
            "csv" if source.kind == "table" else "json"
        ):
            continue
        value, lacks = score(Recognise.model_validate(block), names)
        candidates.append(Candidate(name, value, lacks))
    candidates.sort(key=lambda candidate: (-candidate.score, candidate.name))
    best = candidates[0] if candidates else None
    rest = candidates[1].score if len(candidates) > 1 else 0.0
    if best is not None and best.score >= ACCEPT and best.score - rest >= MARGIN:
        return best.name, candidates
    shown = "; ".join(
        f"{c.name} {c.score:.2f}" + (f" (lacks {', '.join(c.lacks[:4])})" if c.lacks else "") for c in candidates[:5]
    )
    seen = ", ".join(names[:15]) + (" …" if len(names) > 15 else "")
    why = "fits more than one preset" if best is not None and best.score >= ACCEPT else "fits no preset"
    raise CommandError(
        f"{why}; it has {seen}. Candidates: {shown}",
        where=source.name,
        code="mapping.not-recognised",
        mend="name the preset or mapping file: --mapping NAME (feedbridge mapping list shows the presets)",
    )


def fingerprint_of(text: str, name: str) -> dict[str, Any]:
    """The ``recognise`` and ``source`` blocks of a preset; parsing all of it for each preset would take longer than
    a small conversion."""
    blocks = re.findall(r"^(?:recognise|source):.*?(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    plain, _ = read_yaml("".join(blocks) or "{}", name)
    return dict(plain)


def names_of(source: Source) -> list[str]:
    """Columns of a table; for documents the paths, two levels deep, of the first records."""
    if source.kind == "table":
        return list(source.header)
    names: dict[str, None] = {}
    seen = 0
    for batch in source.batches():
        for record in batch.records:
            for key, value in record[1].items():
                names[key] = None
                inner = (
                    value
                    if isinstance(value, dict)
                    else value[0]
                    if isinstance(value, list) and value and isinstance(value[0], dict)
                    else {}
                )
                for key2, value2 in inner.items():
                    names[f"{key}.{key2}"] = None
                    if isinstance(value2, list) and value2 and isinstance(value2[0], dict):
                        for key3 in value2[0]:
                            names[f"{key}.{key2}.{key3}"] = None
            seen += 1
            if seen >= SAMPLE:
                return list(names)
    return list(names)
