"""What a run is asked for, and what it tells when it is over: for the screen, for programs, for the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from feedbridge.findings import Finding, Severity
from feedbridge.sync.courier import FAILURES_KEPT, Failure
from feedbridge.sync.guards import Hold
from feedbridge.sync.model import SENDING, Change, Operation, PlanHeader, TargetPlan
from feedbridge.sync.planfile import read_plan

__all__ = ["INTERRUPTED", "Options", "Report", "TargetResult", "in_words"]

INTERRUPTED = 130
FAILURES_NOTED = 50
"""Of a target, in the history."""
TOLD: frozenset[Operation] = frozenset({"refused", "keep"})


@dataclass(frozen=True)
class Options:
    """What a person says beside the job.

    ``release``  go on although a guard holds; what is kept by grace runs or for damaged rows is deleted, too
    ``resend``   SKUs to send though nothing changed; an empty set: all of them
    ``adopt``    the ledger is new, the platform is not: what is there already is updated instead of created
    ``sources``  mended quarantine files instead of the job's sources: only their products are sent (a replay)
    ``mapping``  the mapping that reads them, when not the job's
    """

    release: bool = False
    resend: frozenset[str] | None = None
    adopt: bool = False
    sources: tuple[str, ...] = ()
    mapping: str | None = None

    @property
    def usual(self) -> bool:
        """Whether this is what a cron job says."""
        return self == Options()


@dataclass
class TargetResult:
    """What was done on one target. ``down``: why delivery to it ended early, and how to mend that."""

    counts: dict[str, int]
    failures: list[Failure] = field(default_factory=list)
    calls: int = 0
    down: tuple[str, str] | None = None


@dataclass
class Report:
    """A run, or a plan, as people and programs are told of it."""

    job: str
    kind: Literal["plan", "sync", "apply", "replay"]
    run: str
    header: PlanHeader
    plan: Path
    status: int = 0
    targets: dict[str, TargetResult] = field(default_factory=dict)
    released: bool = False
    unchanged: bool = False
    """Nothing changed since the last run, so nothing was converted."""
    took_over: str = ""
    examples: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0
    quarantine: str = ""
    mended: set[str] = field(default_factory=set)
    """Of a replay: SKUs that were held back and came mended."""

    @property
    def holds(self) -> list[Hold]:
        """Why guards hold the run; empty when none does."""
        found = [*self.header.holds, *(hold for target in self.header.targets for hold in target.holds)]
        return list(dict.fromkeys(found))

    def _not_sent(self, target: TargetPlan) -> Iterator[dict[str, Any]]:
        """What a plan does not send though the feed and the platform differ, and what an update cannot change there: the
        first of them."""
        if not any(target.counts.get(op) for op in (*TOLD, "update")):
            return
        number = 0
        for change in read_plan(self.plan).changes({*TOLD, "update"}, target.name):
            if change.op == "update" and not change.message:
                continue
            number += 1
            if number > FAILURES_KEPT:
                return
            state = {"keep": "kept", "update": "warning"}.get(change.op, change.op)
            yield {
                "target": target.name, "op": change.op, "key": change.key, "sku": change.sku, "mend": change.mend,
                "message": change.message or change.reason, "state": state,
                "code": change.code, "file": change.file, "line": change.line,
            }

    @property
    def held_codes(self) -> set[str]:
        """Codes of what holds products back."""
        return {one.code for one in self.examples if one.severity is Severity.ERROR}

    def changes(self) -> Iterator[Change]:
        """The plan's changes, one after another."""
        return read_plan(self.plan).changes()

    def result(self) -> dict[str, Any]:
        """What was done, as report/plan_text.py shows it and ``--json`` prints it."""
        targets = []
        for target in self.header.targets:
            done = self.targets.get(target.name)
            planned = sum(target.counts.get(op, 0) for op in SENDING)
            counts = dict(done.counts) if done is not None else {}
            tried = sum(counts.values())
            counts |= {
                word: number for word, op in (("unchanged", "unchanged"), ("kept", "keep"), ("refused", "refused"))
                if (number := target.counts.get(op, 0))
            }
            if held := target.products.get("held_back", 0):
                counts["held"] = held
            left = [msgspec.to_builtins(failure) for failure in done.failures] if done is not None else []
            targets.append({
                "name": target.name, "place": target.place, "done": counts, "products": target.products,
                **({"left": planned - tried} if done is not None and planned > tried else {}),
                **({"calls": done.calls} if done is not None else {}),
                **({"stopped": {"message": done.down[0], "mend": done.down[1]}} if done is not None and done.down else {}),
                "failures": [*left, *self._not_sent(target)],
            })
        return {
            "job": self.job, "kind": self.kind, "run": self.run, "status": self.status, "targets": targets,
            "holds": [list(hold) for hold in self.holds] if self.status == 4 else [],
            "released": self.released, "took_over": self.took_over, "plan": str(self.plan),
            "quarantine": self.quarantine, "findings": self.header.findings, "seconds": round(self.seconds, 3),
        }

    @property
    def counts(self) -> dict[str, Any]:
        """The run in numbers, for the history: products read, items by what was done."""
        total: Counter[str] = Counter()
        for target in self.header.targets:
            result = self.targets.get(target.name)
            done = result.counts if result is not None else {}
            total.update(done)
            total["unchanged"] += target.counts.get("unchanged", 0)
            total["refused"] += target.counts.get("refused", 0)
        total["held"] = max((target.products.get("held_back", 0) for target in self.header.targets), default=0)
        read = max((target.products.get("read", 0) for target in self.header.targets), default=0)
        return {
            "read": read,
            **{name: total[name] for name in ("created", "updated", "replaced", "settled", "deleted", "unchanged", "held",
                                              "failed", "unknown", "refused")},
            "targets": {
                target.name: {
                    "products": target.products, "planned": target.counts,
                    "done": self.targets[target.name].counts if target.name in self.targets else {},
                }
                for target in self.header.targets
            },
            "findings": sum(self.header.findings.values()), "files": self.header.files,
            "failures": [
                {"target": one.target, "op": one.op, "sku": one.sku or one.key, "message": one.message}
                for result in self.targets.values() for one in result.failures[:FAILURES_NOTED]
            ],
        }


def in_words(report: Report) -> str:
    """Why a run ended as it did, in one line for the history; empty when all went well."""
    if report.status == 4:
        return "held by " + ", ".join(guard for guard, *_ in report.holds)
    down = [f"{name}: {result.down[0]}" for name, result in report.targets.items() if result.down]
    if down:
        return "; ".join(down)
    if report.status == INTERRUPTED:
        return "interrupted; what was sent until then is written down"
    return "released" if report.released else ""
