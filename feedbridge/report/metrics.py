"""What a run came to, for Prometheus: a file for node_exporter's textfile collector.

Source: Prometheus text exposition format 0.0.4; node_exporter, "Textfile Collector" (files end in ``.prom``, appear by a
rename, carry no time stamps of their own).
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feedbridge.errors import OutputError
from feedbridge.report.plain import showable

__all__ = ["metrics_file", "metrics_text", "write_metrics"]

HELP = {
    "feedbridge_last_run_timestamp_seconds": "When the last run of the job ended.",
    "feedbridge_last_success_timestamp_seconds": "When a run of the job last ended with status 0 or 1.",
    "feedbridge_last_run_status": "Exit status of the last run: 0 done, 1 products held back, 2 wrong, 3 failed, 4 held by a guard.",
    "feedbridge_duration_seconds": "How long the last run took.",
    "feedbridge_products": "Products of the last run by target and what was done with them.",
    "feedbridge_held_products": "Products that are held back now.",
    "feedbridge_findings": "Findings of the last run by code.",
}
"""The same in every file: node_exporter refuses two texts for one name."""
SUCCESS = "feedbridge_last_success_timestamp_seconds"
MODE = 0o644
MOST_CODES = 500
"""So many series of findings a job at most; the rest is counted as ``other``."""
Sample = tuple[str, dict[str, str], float]


def metrics_file(path: Path | str, job: str) -> Path:
    """The job's own file: ``path`` itself where it ends in ``.prom``, else ``feedbridge_<job>.prom`` in that folder."""
    path = Path(path)
    if path.suffix == ".prom" and not path.is_dir():
        return path
    return path / f"feedbridge_{re.sub('[^A-Za-z0-9_.-]', '_', job)}.prom"


def metrics_text(data: Mapping[str, Any]) -> str:
    """The exposition of a run; what is missing or None has no line.

    ``data``  ``{"job": "shop", "last_run": datetime or seconds, "last_success": …, "status": 0, "seconds": 41.5,
              "products": {target: {operation: number}}, "held": 2, "findings": {code: number}}``
    """
    lines = []
    samples = list(_samples(data))
    for name, about in HELP.items():
        own = [sample for sample in samples if sample[0] == name]
        if own:
            lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_labels(labels)} {_number(value)}" for _, labels, value in own]
    return "".join(f"{line}\n" for line in lines)


def write_metrics(path: Path | str, data: Mapping[str, Any]) -> Path:
    """Write the job's file, whole or not at all, mode 0644; where it is.

    ``path``  a file whose name ends in ``.prom``, or a folder in which every job gets a file of its own

    Where ``data`` has no ``last_success``, the one the file told before is told again: an alert on its age must not fall
    silent because the run that failed could not look it up.

    Raises:  OutputError, code ``metrics.write``; the old file stays.
    """
    file = metrics_file(path, str(data["job"]))
    try:
        if file.exists() and not file.is_file():
            raise OutputError("metrics cannot be written here: it is no ordinary file", where=str(file), code="metrics.write",
                              mend="name a file, or the folder of node_exporter's textfile collector")
        text = metrics_text(data if data.get("last_success") is not None else _with_last_success(data, file))
        # A collector reads every name that ends in .prom, so the part must not.
        handle, part = tempfile.mkstemp(prefix=f".{file.name[:100]}.", suffix=".part", dir=file.parent)
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as out:
                out.write(text)
            os.chmod(part, MODE)
            os.replace(part, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
    except OSError as exc:
        raise OutputError(
            f"metrics cannot be written: {exc.strerror or exc}", where=str(file), code="metrics.write",
            mend="make the folder, and let this user write to it",
        ) from exc
    return file


def _with_last_success(data: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    start = f"{SUCCESS}{_labels({'job': str(data['job'])})} "
    try:
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(start):
                return {**data, "last_success": float(line.removeprefix(start))}
    except (OSError, ValueError):
        pass
    return data


def _samples(data: Mapping[str, Any]) -> Iterator[Sample]:
    job = {"job": str(data["job"])}
    for name, value in (
        ("feedbridge_last_run_timestamp_seconds", _seconds(data.get("last_run"))),
        (SUCCESS, _seconds(data.get("last_success"))),
        ("feedbridge_last_run_status", data.get("status")),
        ("feedbridge_duration_seconds", data.get("seconds")),
        ("feedbridge_held_products", data.get("held")),
    ):
        if value is not None:
            yield name, job, value
    for target, operations in (data.get("products") or {}).items():
        for operation, number in operations.items():
            yield "feedbridge_products", job | {"target": str(target), "operation": str(operation)}, number
    yield from (("feedbridge_findings", job | {"code": code}, number) for code, number in _codes(data.get("findings") or {}))


def _codes(findings: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    order = sorted(((str(code), number) for code, number in findings.items()), key=lambda one: (-one[1], one[0]))
    kept = dict(order[:MOST_CODES])
    rest = sum(number for _, number in order[MOST_CODES:])
    if rest:
        kept["other"] = kept.get("other", 0) + rest
    return sorted(kept.items())


def _seconds(time: Any) -> float | None:
    if isinstance(time, datetime):
        return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).timestamp()
    return time


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    """A label's value: the format escapes backslash, quote and line feed; what else steers is spelt out first."""
    plain = "\n".join(showable(line) for line in value.split("\n"))
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """A value as the format writes it; whole numbers without a point."""
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
