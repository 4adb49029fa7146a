"""How well ``feedbridge mapping suggest`` proposes, over the labelled files beside this.

    python benchmarks/suggest/run.py            both parts, per field
    python benchmarks/suggest/run.py --misses   also every wrong or missing column of the part that is tuned on

A third of the files, chosen by the hash of their names, is held out: their mistakes are never listed.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from feedbridge.mapping.suggest import propose
from feedbridge.mapping.yaml import read_yaml
from feedbridge.sources.opening import open_source

FILES = Path(__file__).parent / "files"


class Score(NamedTuple):
    """``right`` proposals, ``wrong`` ones, and columns that were ``missed`` (or given the wrong field), by field."""

    right: Counter[str]
    wrong: Counter[str]
    missed: Counter[str]

    def precision(self, field: str | None = None) -> float:
        right, wrong = self._sum(self.right, field), self._sum(self.wrong, field)
        return right / (right + wrong) if right + wrong else 1.0

    def recall(self, field: str | None = None) -> float:
        right, missed = self._sum(self.right, field), self._sum(self.missed, field)
        return right / (right + missed) if right + missed else 1.0

    @staticmethod
    def _sum(counts: Counter[str], field: str | None) -> int:
        return counts.total() if field is None else counts[field]


def is_held_out(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] % 3 == 0


def labels() -> dict[str, dict[str, str]]:
    text = (FILES / "labels.yaml").read_text(encoding="utf-8")
    return dict(read_yaml(text, "labels.yaml")[0])


def short(field: str) -> str:
    return "translations" if field.startswith("translations.") else field


def score(held_out: bool, misses: list[str] | None = None) -> Score:
    """The score over one part of the files."""
    total = Score(Counter(), Counter(), Counter())
    for name, truth in sorted(labels().items()):
        if is_held_out(name) != held_out:
            continue
        path = FILES / name
        draft = propose(lambda path=path, **settings: open_source(path, **settings), name, "benchmark")
        strange = set(draft.labels) - set(truth)
        assert not strange, f"{name}: labels.yaml has no {sorted(strange)}"
        for column, label in truth.items():
            wanted = [one.rstrip("?") for one in label.split("|")]
            may_lack = label.endswith("?") or "-" in wanted
            given = draft.labels.get(column)
            if given is not None and given in wanted:
                total.right[short(given)] += 1
                continue
            if given is not None:
                total.wrong[short(given)] += 1
            if not may_lack:
                total.missed[short(wanted[0])] += 1
            if misses is not None and (given is not None or not may_lack):
                misses.append(f'{name}: "{column}" is {label}, proposed as {given or "nothing"}')
    return total


def main() -> None:
    misses: list[str] = []
    for held_out, title in ((False, "tuned on"), (True, "held out")):
        found = score(held_out, misses if not held_out else None)
        files = sum(is_held_out(name) == held_out for name in labels())
        print(f"{title}: {files} files, {found.right.total() + found.missed.total()} columns with a field")
        print(f"  {'field':<20} {'precision':>9} {'recall':>7} {'right':>6} {'wrong':>6} {'missed':>6}")
        for field in sorted(found.right.keys() | found.wrong.keys() | found.missed.keys()):
            counts = (found.right[field], found.wrong[field], found.missed[field])
            print(
                f"  {field:<20} {found.precision(field):>9.2f} {found.recall(field):>7.2f} {counts[0]:>6} {counts[1]:>6} {counts[2]:>6}"
            )
        totals = (found.right.total(), found.wrong.total(), found.missed.total())
        print(
            f"  {'overall':<20} {found.precision():>9.3f} {found.recall():>7.3f} {totals[0]:>6} {totals[1]:>6} {totals[2]:>6}\n"
        )
    if "--misses" in sys.argv:
        print("\n".join(misses))


if __name__ == "__main__":
    main()
