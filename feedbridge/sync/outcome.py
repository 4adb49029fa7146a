"""What a run is asked for, and what it tells when it is over: for the screen, for programs, for the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from feedbridge.findings import Finding, Severity
from feedbridge.sync.courier import AGAIN, FAILURES_KEPT, Failure
from feedbridge.sync.guards import Hold
from feedbridge.sync.ledger_rows import RunRow
from feedbridge.sync.model import SENDING, Change, Operation, PlanHeader, TargetPlan
from feedbridge.sync.planfile import read_plan

__all__ = ["INTERRUPTED", "Down", "Options", "Report", "TargetResult", "go_on", "in_words", "took_nothing"]

INTERRUPTED = 130
FAILURES_NOTED = 50
"""Of a target, in the history."""
TAKEN = ("created", "updated", "replaced", "settled", "deleted")
MANY = 10
"""Items that a platform refuses one by one before nobody believes that each of them is to blame."""
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


class Down(NamedTuple):
    """Why delivery to a target failed. ``code``: in which way, as of TargetDown, or ``none-taken``."""

    message: str
    mend: str
    code: str


@dataclass
class TargetResult:
    """What was done on one target. ``down``: why delivery to it failed or ended early."""

    counts: dict[str, int]
    failures: list[Failure] = field(default_factory=list)
    calls: int = 0
    down: Down | None = None


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
    outboxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Target -> what of its outbox is left to a person (sync/outboxes.py)."""
    mended: dict[str, set[str]] = field(default_factory=dict)
    """Of a replay: what was held back and came mended, and the SKUs of the products that it is now."""

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

    def refused_codes(self) -> dict[str, int]:
        """What a plan refuses, by code."""
        if not any(target.counts.get("refused") for target in self.header.targets):
            return {}
        return dict(Counter(change.code or "refused" for change in read_plan(self.plan).changes({"refused"})))

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
                "name": target.name, "place": target.place, "deletes": target.deletes, "done": counts,
                "products": target.products,
                **({"outbox": self.outboxes[target.name]} if target.name in self.outboxes else {}),
                **({"no_id": {"number": target.no_id, "first": target.no_id_first}} if target.no_id else {}),
                **({"left": planned - tried} if done is not None and planned > tried else {}),
                **({"calls": done.calls} if done is not None else {}),
                **({"stopped": {"message": done.down.message, "mend": done.down.mend}} if done is not None and done.down else {}),
                "failures": [*left, *self._not_sent(target)],
                **({"failures_left_out": more} if (more := _left_out(target, counts, len(left))) else {}),
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
    down = [f"{name}: {result.down.message}" for name, result in report.targets.items() if result.down]
    if down:
        return "; ".join(down)
    if report.status == INTERRUPTED:
        return "interrupted; what was sent until then is written down"
    return "released" if report.released else ""


def _left_out(target: TargetPlan, counts: dict[str, int], told: int) -> int:
    """How many failures, refusals and kept items a result has no room for."""
    failed = counts.get("failed", 0) + counts.get("unknown", 0)
    return max(0, failed - told) + max(0, sum(target.counts.get(op, 0) for op in TOLD) - FAILURES_KEPT)


def go_on(report: Report) -> str:
    """How a person goes on when a run could not do all it was to do."""
    if report.kind != "apply":
        return AGAIN
    if report.header.replay:
        return "nothing is lost: replay the mended files again; what was taken is not sent twice"
    release = " --release" if report.released else ""
    return (
        f"nothing is lost: feedbridge plan {report.job} shows what is left, and feedbridge sync {report.job}{release} sends it; "
        "what was taken is not sent twice"
    )


def took_nothing(report: Report, target: TargetPlan, runs: list[RunRow]) -> Down | None:
    """Why delivery failed though each item was answered, and how to mend that: a target took none of many items, or none
    at all and has nothing yet. What it refused already when it took something last is not to blame.

    ``runs``: of the job, the newest first
    """
    done = report.targets[target.name].counts
    if any(done.get(word) for word in TAKEN):
        return None
    number = done.get("failed", 0) if report.header.replay else _not_taken(done, target.counts)
    if not number or (target.present and number - _refused_before(target.name, runs) < MANY):
        return None
    failures = report.targets[target.name].failures
    named = [(one.sku or one.key, one.message, "") for one in failures[:1]] or [
        (one["sku"] or one["key"], one["message"], one["mend"]) for one in report._not_sent(target) if one["state"] == "refused"
    ][:1]
    sku, message, mend = named[0] if named else ("", "", "")
    words = f"it took none of {number:,} {'item' if number == 1 else 'items'}" + (f"; {sku}: {message}" if sku else "")
    return Down(words, mend or f"mend what it names, then: feedbridge sync {report.job}", "none-taken")


def _not_taken(done: dict[str, int], planned: dict[str, int]) -> int:
    return done.get("failed", 0) + planned.get("refused", 0)


def _refused_before(target: str, runs: list[RunRow]) -> int:
    """How many items the target did not take in the last run in which it took any."""
    for run in runs:
        then = run.counts.get("targets", {}).get(target, {})
        done = then.get("done", {})
        if any(done.get(word) for word in TAKEN):
            return _not_taken(done, then.get("planned", {}))
    return 0
