"""Where a job's targets deliver to as its file now stands, without reading a source."""

from __future__ import annotations

from collections.abc import Mapping

from feedbridge.errors import FeedbridgeError
from feedbridge.mapping.load import load_mapping
from feedbridge.platforms import platform
from feedbridge.platforms.delivery import Delivery
from feedbridge.run.preparing import settings_of
from feedbridge.sync.jobfile import Job, needed_variables

__all__ = ["delivery_of"]


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
