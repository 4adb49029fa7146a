"""Where a job's targets deliver to: without reading a source, and that no target fills another job's feed unsaid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feedbridge.errors import CommandError, FeedbridgeError
from feedbridge.mapping.load import load_mapping
from feedbridge.platforms import platform
from feedbridge.platforms.delivery import Delivery
from feedbridge.run.preparing import settings_of
from feedbridge.sync.job_checks import shared_feed
from feedbridge.sync.jobfile import Job, needed_variables
from feedbridge.sync.ledger import Ledger

__all__ = ["check_feeds", "delivery_of"]


def delivery_of(job: Job, name: str, environment: Mapping[str, str]) -> Delivery | None:
    """A target's delivery, to ask for its place: it may lack its keys, so it must not send. None when it cannot be told:
    a mapping with a mistake in it, a shop that is not logged in. To be closed."""
    spec = job.spec.targets[name]
    make = platform(spec.platform).delivery
    if make is None:
        return None
    own = {variable: value for variable, value in environment.items() if variable.startswith("FEEDBRIDGE_")}
    keys = {variable: environment.get(variable) or f"{variable}-is-not-set" for variable in needed_variables(job, name)}
    try:
        # What is recognised is a preset, and none says where a target is.
        mappings = [] if job.mapping == "auto" else [load_mapping(job.mapping, job.spec.set)]
        settings = settings_of(spec.platform, mappings, {}, job.platform_settings(name))
        made: Delivery = make(job.delivery_settings(name), settings, {**own, **keys})
    except FeedbridgeError:
        return None
    return made


def check_feeds(job: Job, ledger: Ledger, job_id: int, targets: Mapping[str, tuple[Any, str]]) -> None:
    """That no target fills another job's feed only because it does not say which it is for (F6).

    ``targets``  name -> its platform's settings, and its place
    Raises: CommandError.
    """
    for name, (settings, place) in targets.items():
        if "feed" not in type(settings).model_fields or settings.model_fields_set & {"feed", "source_hash"}:
            continue
        others = ledger.fillers(job_id, place)
        if not others:
            continue
        mend = shared_feed(job.name)
        if once := [one for one in ledger.former_jobs(str(job.file.path), job.file.jobs) if one in others]:
            mend = f"if {once[0]} is the former name of this job: feedbridge job rename {once[0]} {job.name}; else {mend}"
        raise CommandError(
            f'the target "{name}" does not say which feed it is for, and so would fill the same as the job '
            f"{', '.join(others)}; nothing was sent", where=job.where("targets", name), code="job.feed-shared", mend=mend,
        )
