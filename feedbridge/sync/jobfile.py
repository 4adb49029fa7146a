"""Read a job file, ``feedbridge.yaml``: every mistake with its line, its key path and the right name, all at once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feedbridge.errors import CommandError, FeedbridgeError, MappingError
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.presets import presets
from feedbridge.mapping.yaml import KeyPath, Places, read_text, read_yaml
from feedbridge.platforms import platform
from feedbridge.platforms.delivery import DeliverySettings
from feedbridge.report.plain import showable
from feedbridge.sync.absolute_paths import absolute_path, absolute_pattern, with_absolute_paths
from feedbridge.sync.job_checks import Reading
from feedbridge.sync.job_complaints import Complaint
from feedbridge.sync.job_targets import delivery_model
from feedbridge.sync.jobspec import JobSpec

__all__ = ["Job", "JobError", "JobFile", "job_path", "load_jobs", "needed_variables", "read_jobs"]

VARIABLE = "FEEDBRIDGE_JOBS"
USUAL = "feedbridge.yaml"

UNMEANING = {"alerts", "keep_runs", "workers"}
UNMEANING_DELIVERY = {"rate", "connect_seconds", "answer_seconds", "patience_seconds"}
"""What changes neither what is delivered nor where."""


class JobError(FeedbridgeError):
    """A job file is wrong. Nothing was done."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Job:
    """A job ready to run.

    ``digest``         changes with what is delivered, where, and under which guards; not with comments, alerts, rates
    ``sources``        absolute; globs are still globs
    ``shown_sources``  as they are written
    ``mapping``        preset name, ``auto``, or an absolute path
    """

    name: str
    spec: JobSpec
    file: JobFile = field(repr=False)
    digest: str
    places: Places = field(repr=False)
    sources: list[str]
    shown_sources: list[str]
    mapping: str

    def where(self, *path: str | int) -> str:
        """``feedbridge.yaml:7, jobs.shop.targets.flipsnack``: where a key of the job stands."""
        return self.places.where(("jobs", self.name, *path))

    def delivery_settings(self, target: str) -> DeliverySettings:
        """A target's delivery settings, as its platform has them. Raises KeyError."""
        spec = self.spec.targets[target]
        settings: DeliverySettings = delivery_model(spec.platform).model_validate(spec.delivery)
        return settings

    def platform_settings(self, target: str) -> dict[str, Any]:
        """A target's platform settings as the job file gives them, to be laid over the mapping's. Raises KeyError."""
        return dict(self.spec.targets[target].settings)


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job file that was read and checked. ``folder`` is where its relative paths start."""

    path: Path
    shown: str
    folder: Path
    state: str | None = field(repr=False)
    """Where the ledger is, as the file says it; it may hold a login."""
    jobs: dict[str, Job]

    def job(self, name: str) -> Job:
        """One job by name. Raises CommandError."""
        if name not in self.jobs:
            near = nearest(name, self.jobs)
            raise CommandError(
                f'there is no job "{showable(name)}"; there {_are(self.jobs)}',
                where=self.shown,
                code="command.job",
                mend=f'did you mean "{near}"?' if near else "name one of these, or name another file with --jobs",
            )
        return self.jobs[name]

    def only(self) -> Job:
        """The file's job, when it has one only. Raises CommandError."""
        if len(self.jobs) != 1:
            raise CommandError(
                f"which job is not said; there {_are(self.jobs)}",
                where=self.shown,
                code="command.job",
                mend=f"name one, as {next(iter(self.jobs))}",
            )
        return next(iter(self.jobs.values()))


def _are(names: Iterable[str]) -> str:
    listed = list(names)
    return f"{'are' if len(listed) > 1 else 'is only'} {', '.join(listed)}"


def job_path(path: Path | None, environment: Mapping[str, str]) -> Path:
    """The job file that is meant: the one named, else the one in FEEDBRIDGE_JOBS, else ./feedbridge.yaml."""
    return path if path is not None else Path(environment.get(VARIABLE) or USUAL)


def load_jobs(path: Path | None, *, environment: Mapping[str, str]) -> JobFile:
    """Read and check a job file.

    ``path``  None: FEEDBRIDGE_JOBS, else ./feedbridge.yaml

    Raises: CommandError when there is none, JobError with every mistake in it.
    """
    chosen = job_path(path, environment)
    if not chosen.exists():
        said = f" ({VARIABLE})" if path is None and environment.get(VARIABLE) else ""
        raise CommandError(
            f"there is no job file here{said}",
            where=str(chosen),
            code="command.job-file",
            mend="feedbridge init SOURCE writes one; or name another with --jobs",
        )
    shown = str(chosen)
    try:
        text = read_text(chosen, shown)
    except MappingError as exc:
        code = {"mapping.encoding": "job.encoding"}.get(exc.code, "job.unreadable")
        raise JobError(exc.message, where=exc.where, mend=exc.mend, code=code) from exc
    return read_jobs(text, chosen, shown)


def read_jobs(text: str, path: Path, shown: str) -> JobFile:
    """A job file from its text; ``path`` is where it lies, or will lie. Raises JobError."""
    try:
        plain, lines = read_yaml(text, shown)
    except MappingError as exc:
        raise JobError(exc.message, where=exc.where, mend=exc.mend, code="job.yaml") from exc
    places = Places(shown, lines)
    if not isinstance(plain, dict):
        raise JobError(
            "is no job file" if plain is not None else "is empty",
            where=shown,
            mend="begin it with feedbridge: 1 and jobs:; feedbridge init SOURCE writes one",
            code="job.shape",
        )
    absolute = Path(os.path.abspath(path))
    folder = absolute.parent
    reading = Reading(plain, folder)
    spec = reading.checked()
    if reading.complaints or spec is None:
        raise _error(places, reading.complaints)
    jobs: dict[str, Job] = {}
    file = JobFile(absolute, shown, folder, spec.state, jobs)
    for name, one in spec.jobs.items():
        jobs[name] = _job(name, one, file, places)
    return file


def _job(name: str, spec: JobSpec, file: JobFile, places: Places) -> Job:
    written = [spec.source] if isinstance(spec.source, str) else list(spec.source)
    digest = _digest(spec)
    targets = {}
    for key, target in spec.targets.items():
        delivery = with_absolute_paths(target.delivery, delivery_model(target.platform), file.folder)
        settings = with_absolute_paths(target.settings, platform(target.platform).settings, file.folder)
        targets[key] = target.model_copy(update={"delivery": delivery, "settings": settings})
    mapping = spec.mapping
    if mapping != "auto" and mapping not in presets():
        mapping = absolute_path(mapping, file.folder)
    return Job(
        name,
        spec.model_copy(update={"targets": targets}),
        file,
        digest,
        places,
        [absolute_pattern(one, file.folder) for one in written],
        written,
        mapping,
    )


def _digest(spec: JobSpec) -> str:
    """SHA-256 of what a job means: defaults filled in, paths as they are written."""
    plain = spec.model_dump(mode="json", exclude=UNMEANING)
    plain["source"] = [plain["source"]] if isinstance(plain["source"], str) else plain["source"]
    for target in plain["targets"].values():
        model = delivery_model(target["platform"])
        target["delivery"] = model.model_validate(target["delivery"]).model_dump(mode="json", exclude=UNMEANING_DELIVERY)
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def needed_variables(job: Job, target: str) -> list[str]:
    """Variables of the environment that a target's keys are read from; none for the sandbox, which has its own."""
    return list(job.delivery_settings(target).needed_keys(job.spec.targets[target].settings))


def _error(places: Places, complaints: list[Complaint]) -> JobError:
    """One error that lists every complaint, in the order of the file."""
    found = sorted(complaints, key=lambda one: _line(places, one[0]))
    errors = [JobError(text, where=places.where(path), mend=mend, code=code) for path, text, mend, code in found]
    return errors[0] if len(errors) == 1 else JobError("\n".join(str(error) for error in errors))


def _line(places: Places, path: KeyPath) -> int:
    while path and path not in places.lines:
        path = path[:-1]
    return places.lines.get(path, ("", 0))[1]
