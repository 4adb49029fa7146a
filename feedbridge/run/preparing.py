"""From what a user asks for to a job: inputs opened, mappings and platforms' settings checked."""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from feedbridge.errors import CommandError, MappingError
from feedbridge.mapping.load import Mapping
from feedbridge.mapping.nearest import nearest
from feedbridge.platforms import PlatformSettings, platform, platform_names
from feedbridge.run.catalogues import with_catalogues
from feedbridge.run.inputs import open_inputs
from feedbridge.run.job import Job

__all__ = ["ENVIRONMENT", "prepare"]

ENVIRONMENT = "FEEDBRIDGE_"


def prepare(
    sources: Any,
    to: str | Sequence[str],
    mapping: str,
    set: MappingABC[str, str] | None,
    workers: int | None,
    strict: bool,
    limit: int | None,
    names: Sequence[str] | None,
    own_settings: MappingABC[str, MappingABC[str, Any]] | None = None,
    given_environment: MappingABC[str, str] | None = None,
) -> Job:
    """What a user asks for, opened, recognised and checked.

    ``given_environment``  variables over those of the environment, for catalogues that are asked for
    ``own_settings``  platform -> settings with their types, over those of the mapping; ``set`` is over both

    Raises: CommandError, MappingError, SourceError.
    """
    wanted = [to] if isinstance(to, str) else list(dict.fromkeys(to))
    for name in wanted:
        if name not in platform_names():
            near = nearest(name, platform_names())
            raise CommandError(
                f'there is no platform "{name}"; there are {", ".join(platform_names())}',
                code="command.platform",
                mend=f'did you mean "{near}"?' if near else "",
            )
    given = {key: str(value) for key, value in (set or {}).items()}
    own = {key: given.pop(key) for key in list(given) if key.split(".")[0] in platform_names() and "." in key}
    usual = platform(wanted[0]).usual_mapping if len(wanted) == 1 else ""
    pairs = open_inputs(sources, mapping, given, names, usual)
    mappings = [mapping for _, mapping in pairs]
    for one in mappings:
        check_overlays(one)
    own = with_catalogues(pairs, own, given=given_environment, limit=limit)
    settings = {name: settings_of(name, mappings, own, (own_settings or {}).get(name, {})) for name in wanted}
    unused = [key for key in own if key.split(".")[0] not in wanted]
    if unused:
        raise CommandError(
            f"{unused[0]} is a setting of a platform that is not written",
            where=f"--set {unused[0]}",
            code="command.setting",
            mend=f"add --to {unused[0].split('.')[0]}, or leave it out",
        )
    if limit is not None and limit < 1:
        raise CommandError("--limit must be at least 1", code="command.limit")
    if workers is not None and workers < 1:
        raise CommandError("--workers must be at least 1", code="command.workers")
    environment = {key: value for key, value in os.environ.items() if key.startswith(ENVIRONMENT)}
    return Job(
        [source for source, _ in pairs],
        mappings,
        wanted,
        settings,
        environment,
        strict=strict,
        limit=limit,
        workers=workers
        if workers is not None
        else len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
    )


def check_overlays(mapping: Mapping) -> None:
    """A mapping may say something for platforms that are there only. Raises MappingError."""
    for name in mapping.file.platforms:
        if name not in platform_names():
            near = nearest(name, platform_names())
            raise MappingError(
                f'there is no platform "{name}"; there are {", ".join(platform_names())}',
                code="mapping.unknown-platform",
                where=mapping.places.where(("platforms", name)),
                mend=f'did you mean "{near}"?' if near else "",
            )


def settings_of(
    name: str, mappings: Sequence[Mapping], own: MappingABC[str, str], given: MappingABC[str, Any]
) -> PlatformSettings:
    """A platform's settings: the mapping's, then the given ones, then ``--set <platform>.<key>=<value>``."""
    target = platform(name)
    values: dict[str, Any] = {}
    for mapping in mappings:
        overlay = mapping.file.platforms.get(name)
        values |= overlay.settings if overlay else {}
    values |= given
    for key, value in own.items():
        owner, _, setting = key.partition(".")
        if owner == name:
            values[setting] = value
    try:
        return target.settings(**values)
    except ValidationError as exc:
        error = exc.errors()[0]
        setting = str(error["loc"][0]) if error["loc"] else ""
        known = list(target.settings.model_fields)
        if setting not in known:
            near = nearest(setting, known)
            raise CommandError(
                f'{name} has no setting "{setting}"; it has {", ".join(known)}',
                where=f"--set {name}.{setting}",
                code="command.setting",
                mend=f'did you mean "{near}"?' if near else "",
            ) from exc
        raise CommandError(
            f"{error['msg']}: {error.get('input')!r}",
            where=f"--set {name}.{setting}",
            code="command.setting",
            mend=f"feedbridge platform show {name} lists the settings",
        ) from exc
