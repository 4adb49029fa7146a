"""What a run tells beside its own words: alerts to people, metrics to machines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedbridge.errors import FeedbridgeError, MappingError, SourceError
from feedbridge.report.metrics import write_metrics
from feedbridge.sync.alerts import Alerts, Problem
from feedbridge.sync.ledger import Ledger

if TYPE_CHECKING:
    from feedbridge.sync.syncing import Report, Sync

__all__ = ["tell"]

FAILURES_NAMED = 10


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
        problems = problems_of(sync.job.name, report) if report is not None else problem_of(sync.job.name, error)
        warnings += alerts.tell(problems, judged=judged(report, error))
    except FeedbridgeError as exc:
        warnings.append(f"alerts: {exc.message}")
    if metrics is not None:
        try:
            write_metrics(metrics, _metrics(sync, report, error, started, seconds))
        except FeedbridgeError as exc:
            warnings.append(f"metrics: {exc.where}: {exc.message}")
    return warnings


def judged(report: Report | None, error: FeedbridgeError | None) -> set[str]:
    """The kinds of problems a run could find out about."""
    if report is None:
        return {"source"} if isinstance(error, SourceError | MappingError) else {"held"} if _status(error) == 4 else {"failed"}
    if report.status == 4:
        return {"held", "source", "products"}
    return {"held", "failed", "source", "products"}


def problems_of(job: str, report: Report) -> dict[str, Problem]:
    """What is wrong after a run that came to its end."""
    found: dict[str, Problem] = {}
    if report.status == 4:
        lines = [f"- {what} [{guard}]" for guard, what, _ in report.holds]
        found["held"] = Problem(
            "held", "a guard holds the run, nothing was sent",
            "\n".join([*lines, "", f"Look: feedbridge plan {job}", f"Send it all the same: feedbridge apply {job} --release"]),
            {"run": report.run, "guards": [guard for guard, *_ in report.holds]},
        )
    down = {name: result.down for name, result in report.targets.items() if result.down}
    unknown = sum(result.counts.get("unknown", 0) for result in report.targets.values())
    if down or unknown:
        lines = [f"- {name}: {message}" + (f" (mend: {mend})" if mend else "") for name, (message, mend) in down.items()]
        if unknown:
            lines.append(f"- of {unknown:,} items it is not known whether they were taken; the next run settles them")
        found["failed"] = Problem(
            "failed", "delivery failed", "\n".join([*lines, "", f"Again: feedbridge sync {job}"]),
            {"run": report.run, "targets": sorted(down), "unknown": unknown},
        )
    held = sum(target.products.get("held_back", 0) for target in report.header.targets[:1])
    failures = [failure for result in report.targets.values() for failure in result.failures if failure.state != "unknown"]
    failed = sum(result.counts.get("failed", 0) for result in report.targets.values())
    if held or failed:
        lines = [f"{held:,} products are held back: feedbridge quarantine list {job}"] if held else []
        lines += [f"{failed:,} items were not taken:"] if failed else []
        lines += [f"- {failure.target}, {failure.sku or failure.key}: {failure.message}" for failure in failures[:FAILURES_NAMED]]
        found["products"] = Problem(
            "products", "products were held back or not taken", "\n".join(lines),
            {"run": report.run, "held_back": held, "failed": failed},
        )
    return found


def problem_of(job: str, error: FeedbridgeError | None) -> dict[str, Problem]:
    """What is wrong after a run that could not come to its end."""
    if error is None:
        return {}
    kind = "held" if _status(error) == 4 else "source" if isinstance(error, SourceError | MappingError) else "failed"
    title = {
        "held": "a guard holds the run, nothing was sent", "source": "the source or mapping cannot be used",
        "failed": "the run failed",
    }[kind]
    return {kind: Problem(kind, title, f"{error}\n\nAgain: feedbridge sync {job}", {"code": error.code})}


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
