"""What a run tells beside its own words: alerts to people, metrics to machines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedbridge.errors import CommandError, FeedbridgeError, MappingError, SourceError
from feedbridge.report.metrics import write_metrics
from feedbridge.sync.alerts import (
    Alerts,
    Problem,
    delivery_failed,
    products_held,
    run_held,
    source_unusable,
    still_running,
)
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_errors import JobRunning
from feedbridge.sync.outcome import INTERRUPTED
from feedbridge.sync.planfile import PlanError

if TYPE_CHECKING:
    from feedbridge.sync.syncing import Report, Sync

__all__ = ["tell"]

FAILURES_NAMED = 10
RUNNING_TOO_LONG = timedelta(days=1)
"""A run that has the job for so long, while others are turned away, is told of as a problem."""


class _State:
    """The ledger as alerts know it."""

    def __init__(self, ledger: Ledger, job_id: int, run: str) -> None:
        self._ledger, self._job, self._run = ledger, job_id, run

    def alert_state(self) -> Mapping[str, Any]:
        return self._ledger.alert_state(self._job)

    def open_alert(self, problem: str, text: str) -> None:
        self._ledger.open_alert(self._job, problem, run=self._run, message=text)

    def close_alert(self, problem: str) -> None:
        self._ledger.close_alert(self._job, problem)


def tell(
    sync: Sync, run: str, *, report: Report | None = None, error: FeedbridgeError | None = None,
    metrics: Path | None = None, started: datetime, seconds: float,
) -> list[str]:
    """Tell of a run that ended; what could not be told, for the log. Never raises for a failure of telling."""
    warnings: list[str] = []
    try:
        alerts = Alerts(sync.job.spec.alerts, sync.job.name, sync.environment, _State(sync.ledger, sync.row.id, run))
        if report is not None:
            problems, known = problems_of(sync.job.name, report), judged(report)
        else:
            problems = problem_of(sync.job.name, error, sync.clock())
            known = {problem.whose for problem in problems}
        warnings += alerts.tell(problems, judged=known)
    except FeedbridgeError as exc:
        warnings.append(f"alerts: {exc.message}")
    if metrics is not None:
        try:
            write_metrics(metrics, _metrics(sync, report, error, started, seconds))
        except FeedbridgeError as exc:
            warnings.append(f"metrics: {exc.where}: {exc.message}")
    return warnings


def judged(report: Report) -> set[str]:
    """The kinds of problems that a run which came to its end could find out about."""
    kinds = {"held", "source", "products"}
    return kinds if report.status in (4, INTERRUPTED) else kinds | {"failed"}


def problems_of(job: str, report: Report) -> list[Problem]:
    """What is wrong after a run that came to its end."""
    found: list[Problem] = []
    told = {"run": report.run}
    if report.status == 4:
        found.append(run_held(job, report.holds, plan=str(report.plan), details=told))
    results = {target["name"]: target for target in report.result()["targets"]}
    for name, result in report.targets.items():
        words = [result.down.message] if result.down else []
        unknown = result.counts.get("unknown", 0)
        if unknown and report.status != INTERRUPTED:  # who interrupts a run need not be told what the next one settles
            words.append(f"of {unknown:,} items it is not known whether they were taken")
        if words:
            left = {"not tried": results[name]["left"]} if results[name].get("left") else {}
            found.append(delivery_failed(
                job, name, "; ".join(words), code=result.down.code if result.down else "unknown",
                counts=result.counts | left, release=report.released, details=told,
            ))
    products = report.header.targets[0].products
    held = max((target.products.get("held_back", 0) for target in report.header.targets), default=0)
    failed = sum(result.counts.get("failed", 0) for result in report.targets.values())
    refused = report.refused_codes()
    if held or failed or refused:
        codes = {code: number for code, number in report.header.findings.items() if code in report.held_codes}
        codes |= {"not taken by the platform": failed} if failed else {}
        codes |= refused
        named = [one for target in results.values() for one in target["failures"] if one["state"] != "kept"]
        found.append(products_held(
            job, held + failed + sum(refused.values()), products.get("read", 0), codes, quarantine=report.quarantine,
            details=told,
            named=[f"{one['target']}, {one['sku'] or one['key']}: {one['message']}" for one in named[:FAILURES_NAMED]],
        ))
    return found


def problem_of(job: str, error: FeedbridgeError | None, now: datetime) -> list[Problem]:
    """What is wrong after a run that could not come to its end."""
    if isinstance(error, JobRunning):
        too_long = error.since is not None and now - error.since >= RUNNING_TOO_LONG
        return [still_running(job, error)] if too_long else []
    if error is None or isinstance(error, PlanError):
        return []
    if _status(error) == 4:
        hold = (error.code.removeprefix("guard."), error.message, error.mend)
        return [run_held(job, [hold], releasable=False)]
    if isinstance(error, SourceError | MappingError | CommandError):
        return [source_unusable(job, error)]
    return [delivery_failed(job, "feedbridge", str(error), code=error.code)]


def _status(error: FeedbridgeError | None) -> int:
    return error.exit_status if error is not None else 0


def _metrics(
    sync: Sync, report: Report | None, error: FeedbridgeError | None, started: datetime, seconds: float
) -> dict[str, Any]:
    status = report.status if report is not None else _status(error)
    data: dict[str, Any] = {
        "job": sync.job.name, "last_run": started, "status": status, "seconds": round(seconds, 3),
        "last_success": started if status in (0, 1) else None,
    }
    if report is not None:
        data["products"] = {target["name"]: target["done"] for target in report.result()["targets"]}
        data["held"] = max((target.products.get("held_back", 0) for target in report.header.targets), default=0)
        data["findings"] = report.header.findings
    return data
