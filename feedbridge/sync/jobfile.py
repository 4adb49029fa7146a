"""Read a job file, ``feedbridge.yaml``: every mistake with its line, its key path and the right name, all at once."""

from __future__ import annotations

import glob
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from email.headerregistry import Address
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ValidationError

from feedbridge.errors import CommandError, FeedbridgeError, MappingError
from feedbridge.findings import cut
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.presets import presets
from feedbridge.mapping.yaml import KeyPath, Places, read_text, read_yaml
from feedbridge.platforms import platform, platform_names
from feedbridge.platforms.delivery import DeliverySettings, is_loopback, usable_endpoint
from feedbridge.report.log import masked
from feedbridge.report.plain import showable
from feedbridge.sync.jobspec import JobFileSpec, JobSpec, TargetSpec

__all__ = [
    "TODO", "WAYS", "Job", "JobError", "JobFile", "job_path", "load_jobs", "needed_variables", "read_jobs", "target_names",
    "way_keys",
]

VARIABLE = "FEEDBRIDGE_JOBS"
USUAL = "feedbridge.yaml"
TODO = "TODO"
"""Stands where ``feedbridge init`` does not know what belongs there. A file that holds one is refused."""

WAYS: Mapping[str, tuple[str, dict[str, Any]]] = {"flickrocket-api": ("flickrocket", {"by": "api"})}
"""Further ways to a platform, each by a name of its own: the platform that converts, and what that says of delivery."""
UNUSED_KEYS = {
    "folder": ("by", "endpoint", "sandbox", "rate", "shop", "create", "omitted"),
    "api": ("by", "endpoint", "sandbox", "outbox"),
}
"""Of a platform with several ways: keys that a way has no use for, and refuses."""

PLACE_SETTINGS = ("endpoint", "sandbox", "outbox")

UNMEANING = {"alerts", "keep_runs", "workers"}
UNMEANING_DELIVERY = {"rate", "connect_seconds", "answer_seconds", "patience_seconds"}
"""What changes neither what is delivered nor where."""

SECRET = re.compile(
    r"apikey|apisecret|secret|passw(or)?d|passphrase|token|credential|privatekey|consumerkey|^pwd$|authorization|bearer"
)

Complaint = tuple[KeyPath, str, str, str]
"""Key path, message, mend, code."""


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
    reading = _Reading(plain, folder)
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
        delivery = _with_absolute_paths(target.delivery, delivery_model(target.platform), file.folder)
        settings = _with_absolute_paths(target.settings, platform(target.platform).settings, file.folder)
        targets[key] = target.model_copy(update={"delivery": delivery, "settings": settings})
    mapping = spec.mapping
    if mapping != "auto" and mapping not in presets():
        mapping = _absolute(mapping, file.folder)
    return Job(
        name,
        spec.model_copy(update={"targets": targets}),
        file,
        digest,
        places,
        [_absolute_pattern(one, file.folder) for one in written],
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


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / os.path.expanduser(path))


def _absolute_pattern(pattern: str, folder: Path) -> str:
    """A source's path or glob from the job file's folder, whose own name is never part of the pattern."""
    whole = _absolute(pattern, folder)
    if glob.has_magic(pattern) and not os.path.lexists(whole) and not os.path.isabs(os.path.expanduser(pattern)):
        return os.path.join(glob.escape(str(folder)), pattern)
    return whole


def _with_absolute_paths(values: dict[str, Any], model: type[BaseModel], folder: Path) -> dict[str, Any]:
    made = dict(values)
    for name, info in model.model_fields.items():
        if isinstance(made.get(name), str) and (info.annotation is Path or Path in get_args(info.annotation)):
            made[name] = _absolute(made[name], folder)
    return made


def delivery_model(name: str) -> type[DeliverySettings]:
    """The delivery settings of a platform."""
    model: Any = platform(name).delivery_settings
    return model or DeliverySettings


def target_names() -> tuple[str, ...]:
    """What a target may be: a platform, or a further way to one."""
    return (*platform_names(), *WAYS)


def platform_of(name: str) -> str:
    """The platform that converts for a target of this kind."""
    return WAYS[name][0] if name in WAYS else name


def way_keys(name: str) -> list[str]:
    """Keys of a target of this kind, beside ``platform`` and ``settings``."""
    model = delivery_model(platform_of(name))
    if "by" not in model.model_fields:
        return list(model.model_fields)
    return [key for key in model.model_fields if key not in UNUSED_KEYS[WAYS.get(name, ("", {"by": "folder"}))[1]["by"]]]


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


class _Reading:
    """One reading of a job file's tree; collects what is wrong with it."""

    def __init__(self, plain: dict[str, Any], folder: Path) -> None:
        self.tree = plain
        self.folder = folder
        self.complaints: list[Complaint] = []

    def complain(self, path: KeyPath, message: str, mend: str = "", code: str = "job.shape") -> None:
        """Note a mistake; what was said of a key already says enough of all that is in it."""
        if not any(path[: len(told)] == told for told, *_ in self.complaints):
            self.complaints.append((path, message, mend, code))

    def checked(self) -> JobFileSpec | None:
        self._not_filled(self.tree, ())
        self._secrets(self.tree, ())
        prepared = dict(self.tree)
        jobs = self.tree.get("jobs")
        if isinstance(jobs, dict):
            prepared["jobs"] = {name: self._prepared(name, job) for name, job in jobs.items()}
        self._addresses()
        spec: JobFileSpec | None = None
        try:
            spec = JobFileSpec.model_validate(_without_nothing(prepared))
        except ValidationError as exc:
            self._told(exc, (), self.tree, JobFileSpec)
            if not self.complaints:
                self.complain((), f"is not right: {exc.errors()[0]['msg']}")
        return spec

    # -- what is not said, and what must not be said

    def _not_filled(self, node: Any, path: KeyPath) -> None:
        for step, value in _members(node):
            here = (*path, step)
            if isinstance(value, str) and value.strip() == TODO:
                self.complain(
                    here,
                    "is not filled in yet",
                    f"write the right value instead of {TODO}; the comment beside it says which",
                    "job.todo",
                )
            self._not_filled(value, here)

    def _secrets(self, node: Any, path: KeyPath) -> None:
        for step, value in _members(node):
            here = (*path, step)
            if isinstance(step, str) and not _names_something(here) and self._looks_secret(step, here):
                variable = self._variable(here)
                self.complain(
                    here,
                    "is a secret, and secrets come from the environment",
                    f"take it out of the file and set {variable}",
                    "job.secret",
                )
            else:
                self._secrets(value, here)
        if not path and isinstance(node, dict) and isinstance(node.get("state"), str) and _has_password(node["state"]):
            self.complain(
                ("state",),
                "holds a password, and secrets come from the environment",
                "take it out of the file and set FEEDBRIDGE_STATE_URL to the whole address",
                "job.secret",
            )

    def _looks_secret(self, name: str, path: KeyPath) -> bool:
        if not SECRET.search(re.sub(r"[^a-z]", "", name.lower())):
            return False
        target = self._target_platform(path)
        return not (target and name in platform(target).settings.model_fields)

    def _target_platform(self, path: KeyPath) -> str:
        """The platform of the target a key stands in; empty when it stands in none."""
        if len(path) < 4 or path[0] != "jobs" or path[2] != "targets":
            return ""
        given = self._at(path[:4])
        name = given.get("platform", path[3]) if isinstance(given, dict) else path[3]
        return platform_of(name) if isinstance(name, str) and name in target_names() else ""

    def _at(self, path: KeyPath) -> Any:
        node: Any = self.tree
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        return node

    def _variable(self, path: KeyPath) -> str:
        """The variable a secret belongs in."""
        name = str(path[-1])
        owner = self._target_platform(path)
        if owner:
            word = f"FEEDBRIDGE_{owner}_{_upper(name)}".upper()
            known = delivery_model(owner).keys if owner in platform_names() else ()
            near = get_close_matches(word, known, 1, 0.0)
            return near[0] if near else word
        if "alerts" in path:
            return "FEEDBRIDGE_SMTP_PASSWORD" if "email" in path else "FEEDBRIDGE_ALERT_WEBHOOK"
        return f"FEEDBRIDGE_{_upper(name)}, or what docs/jobs.md names for it"

    # -- jobs and targets

    def _prepared(self, name: str, job: Any) -> Any:
        """A job as the model knows it: values of ``set`` as text, targets' keys sorted into theirs and the platform's."""
        if not isinstance(job, dict):
            return job
        base: KeyPath = ("jobs", name)
        made = dict(job)
        self._source(job.get("source"), (*base, "source"))
        self._mapping(job.get("mapping"), (*base, "mapping"))
        if isinstance(job.get("set"), dict):
            made["set"] = {key: self._text(value, (*base, "set", key)) for key, value in job["set"].items()}
        self._alerts(job.get("alerts"), (*base, "alerts"))
        targets = job.get("targets")
        if isinstance(targets, list) and targets and all(one in target_names() for one in targets):
            self.complain((*base, "targets"), "must be a block of names, not a list", f"write {targets[0]}: {{}}")
        if isinstance(targets, dict):
            made["targets"] = {
                key: self._target(str(key), target, (*base, "targets", key)) for key, target in targets.items()
            }
            self._places(targets, (*base, "targets"))
        return made

    def _source(self, source: Any, path: KeyPath) -> None:
        if source is None:
            return
        named = source if isinstance(source, list) else [source]
        for index, one in enumerate(named):
            here = (*path, index) if isinstance(source, list) else path
            if not isinstance(one, str) or not one.strip():
                self.complain(here, "must be a file, or a list of files", "write a path or a glob, as feeds/*.csv")
            elif one == "-":
                self.complain(here, "a job reads files, not standard input", "write the feed to a file first")
            elif "://" in one:
                self.complain(here, "addresses are not read", "fetch it before the job runs: curl -fsSo FILE ADDRESS")
        if source == []:
            self.complain(path, "names no file", "write a path or a glob, as feeds/*.csv")

    def _mapping(self, mapping: Any, path: KeyPath) -> None:
        if not isinstance(mapping, str) or mapping == "auto" or mapping in presets():
            return
        file = Path(_absolute(mapping, self.folder))
        if file.suffix not in {".yaml", ".yml"} and not file.is_file():
            near = nearest(mapping, ("auto", *presets()))
            self.complain(
                path,
                f'there is no preset "{_shown(mapping)}"',
                f'did you mean "{near}"?' if near else "feedbridge mapping list shows them; a file ends in .yaml",
                "job.mapping",
            )

    def _text(self, value: Any, path: KeyPath) -> Any:
        """A value of ``set`` as ``--set`` would give it."""
        owner, dot, setting = str(path[-1]).partition(".")
        if dot and owner in platform_names():
            self.complain(
                path,
                f"is a setting of {owner}",
                f"write {setting}: under the target's settings:",
                "job.setting",
            )
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value
        if isinstance(value, int):
            return str(value)
        if value is None:
            self.complain(path, "has no value", 'write one, or "" for an empty one', "job.todo")
        else:
            self.complain(path, "must be one value, not a block or a list", "write it as text")
        return ""

    def _alerts(self, alerts: Any, path: KeyPath) -> None:
        if not isinstance(alerts, dict):
            return
        webhook = alerts.get("webhook")
        if isinstance(webhook, str):
            try:
                usable_endpoint(webhook)
            except ValueError:  # its message may show the address, which is a secret
                self.complain(
                    (*path, "webhook"),
                    "must be an address that begins with https:// (http:// only for this machine itself), without a login",
                    "a secret address belongs in FEEDBRIDGE_ALERT_WEBHOOK",
                    "job.address",
                )
        email = alerts.get("email")
        if not isinstance(email, dict):
            return
        here = (*path, "email")
        to = email.get("to")
        if isinstance(to, str):
            self.complain((*here, "to"), "must be a list", f"write [{_shown(to)}]")
            to = []
        addresses: list[tuple[KeyPath, Any]] = [((*here, "sender"), email.get("sender"))]
        addresses += [((*here, "to", index), one) for index, one in enumerate(to if isinstance(to, list) else ())]
        for place, address in addresses:
            if isinstance(address, str) and not is_mail_address(address):
                self.complain(place, f'"{_shown(address)}" is no mail address', "write it as name@example.com")
        security, host = email.get("security", "none"), email.get("host", "localhost")
        if email.get("user") and security == "none" and not (isinstance(host, str) and is_loopback(host)):
            self.complain(
                (*here, "security") if "security" in email else (*here, "user"),
                "a login is never sent unencrypted to another machine",
                "write security: starttls (usual port 587) or security: tls (usual port 465)",
            )

    def _target(self, name: str, target: Any, path: KeyPath) -> Any:
        given = {} if target is None else target
        if not isinstance(given, dict):
            return target
        made: dict[str, Any] = {"platform": given.get("platform", name)}
        if given.get("settings") is not None:
            made["settings"] = given["settings"]
        delivery = {key: value for key, value in given.items() if key not in ("platform", "settings")}
        made["delivery"] = {key: value for key, value in delivery.items() if value is not None}
        named = made["platform"]
        if not isinstance(named, str) or named not in target_names():
            said = "platform" in given
            near = nearest(str(named), target_names())
            self.complain(
                (*path, "platform") if said else path,
                f'there is no platform "{_shown(named)}"; there are {", ".join(target_names())}',
                (f'did you mean "{near}"?' if near else "") if said or near else "say platform: in this target",
                "job.platform",
            )
            return {**made, "platform": str(named)}
        for way, (owner, told) in WAYS.items():
            for key in told if named in (owner, way) else ():
                if made["delivery"].pop(key, None) is not None:
                    self.complain((*path, key), f"is not said here: the platform is {owner} or {way}", "leave it out")
        if named in WAYS:
            made["platform"] = WAYS[named][0]
            made["delivery"] |= WAYS[named][1]
        self._delivery(made["platform"], made["delivery"], given, path)
        if isinstance(given.get("settings"), dict):
            self._settings(made["platform"], given["settings"], (*path, "settings"))
        return made

    def _delivery(self, name: str, delivery: dict[str, Any], given: dict[str, Any], path: KeyPath) -> None:
        model = delivery_model(name)
        ways = [way for way, (one, told) in WAYS.items() if one == name and told.items() <= delivery.items()]
        own = ["platform", "settings", *way_keys(ways[0] if ways else name)]
        for key in delivery:
            if key in model.model_fields:
                continue
            if key in platform(name).settings.model_fields:
                self.complain(
                    (*path, key), f"is a setting of {name}", f"write {key}: under settings: of the target", "job.setting"
                )
                continue
            near = nearest(key, own)
            self.complain(
                (*path, key),
                f'there is no key "{_shown(key)}" in a target of {name}',
                f'did you mean "{near}"?' if near else f"keys here are {', '.join(own)}",
                "job.key",
            )
        known = {key: value for key, value in delivery.items() if key in model.model_fields}
        if model.own_address and "endpoint" not in known and known.get("sandbox", False) in (False, "false", "no", "off"):
            self.complain(
                (*path, "endpoint"),
                f"is missing: every {name} store has an address of its own",
                "add endpoint: https://shop.example.com/rest, or sandbox: true to try it out",
                "job.endpoint",
            )
            known["endpoint"] = "https://localhost"  # so that the rest is checked, too
        try:
            settings = model.model_validate(known)
        except ValidationError as exc:
            self._told(exc, path, given, model)
            return
        host = urlsplit(settings.endpoint or "").hostname or ""
        if settings.rate == "off" and not settings.sandbox and not is_loopback(host):
            self.complain((*path, "rate"), "off is for this machine itself only", "leave it out, or say how many calls")

    def _settings(self, name: str, settings: dict[str, Any], path: KeyPath) -> None:
        model = platform(name).settings
        for key in settings:
            if key not in model.model_fields and key in delivery_model(name).model_fields:
                self.complain((*path, key), "is no setting of the platform", f"write {key}: in the target itself", "job.setting")
        try:
            model.model_validate(settings)
        except ValidationError as exc:
            self._told(exc, path, settings, model, f"{name} has no setting", "job.setting")

    def _places(self, targets: dict[str, Any], path: KeyPath) -> None:
        """Two targets in one place would each delete what the other delivers."""
        seen: dict[tuple[Any, ...], str] = {}
        for key, target in targets.items():
            given = {} if target is None else target
            if not isinstance(given, dict):
                continue
            name = given.get("platform", key)
            if name not in target_names():
                continue
            ways = WAYS[name][1] if name in WAYS else {}
            name = platform_of(name)
            settings = given.get("settings") if isinstance(given.get("settings"), dict) else {}
            assert settings is not None
            sandbox = given.get("sandbox") in (True, "true", "yes", "on")
            parts: list[Any] = [name, sandbox]
            parts.append("" if sandbox else str(given.get("endpoint") or "").rstrip("/").lower())
            parts.append(_absolute(given["outbox"], self.folder) if isinstance(given.get("outbox"), str) else "")
            if ways.get("by") == "api":
                parts += ["api", str(given.get("shop") or "default")]
            parts.append(str(settings.get("source_hash") or settings.get("feed") or ""))
            first = seen.setdefault(tuple(parts), key)
            if first != key:
                way = "give each a feed: of its own under settings:" if "feed" in platform(name).settings.model_fields else (
                    "give each a place of its own, or leave one of them out"
                )
                self.complain(
                    (*path, key),
                    f'delivers to the same place as "{_shown(first)}", so each would take the other\'s products for its own',
                    way,
                    "job.place-twice",
                )

    def _addresses(self) -> None:
        state = self.tree.get("state")
        if isinstance(state, str) and not state.strip():
            self.complain(("state",), "names no ledger", "leave it out for the usual one")

    # -- what the models say

    def _told(
        self,
        exc: ValidationError,
        base: KeyPath,
        tree: Any,
        model: type[BaseModel],
        unknown: str = "there is no key",
        code: str = "job.shape",
    ) -> None:
        errors = exc.errors()
        words = {_place_of(error["loc"], tree)[0] for error in errors if error["type"] == "literal_error"}
        for error in errors:
            path, at_end = _place_of(error["loc"], tree)
            value = error.get("input")
            kind = error["type"]
            if kind == "literal_error" and isinstance(value, dict) and str(error["loc"][-1]).startswith("literal["):
                continue  # one half of a choice between a word and a block; the other half says more
            if kind in ("model_type", "model_attributes_type") and isinstance(value, str) and path in words:
                continue
            message, mend = _words(error, path)
            if kind == "extra_forbidden":
                keys = _keys_at(model, tuple(error["loc"][:-1]))
                near = nearest(str(path[-1]), keys)
                message = f'{unknown} "{_shown(path[-1])}"' + ("" if unknown != "there is no key" else " here")
                mend = f'did you mean "{near}"?' if near else f"there {'are' if len(keys) > 1 else 'is'} {', '.join(keys)}"
            elif kind == "missing":
                path = (*path, str(error["loc"][-1])) if not at_end else path
                message = "is missing"
                mend = MISSING.get(str(error["loc"][-1]), "")
            self.complain((*base, *path), message, mend, code)


MISSING = {
    "feedbridge": "write feedbridge: 1 in the first line",
    "jobs": "name a job; feedbridge init SOURCE writes a file to start from",
    "source": "add source: and the file (or glob) to read",
    "targets": "add targets: and a platform, as targets: {flipsnack: {}}",
    "outbox": "add outbox: and the folder that product folders are put into, for a person to upload",
    "to": "add to: [name@example.com]",
    "sender": "add sender: feedbridge@example.com",
}


def _words(error: Any, path: KeyPath) -> tuple[str, str]:
    """What a model complains of, in plain words, and what to do about it."""
    kind, context = error["type"], error.get("ctx") or {}
    value = _shown(error.get("input"), str(path[-1]) if path else "")
    if kind == "literal_error":
        choices = str(context.get("expected", ""))
        near = nearest(str(error.get("input")), re.findall(r"'([^']*)'", choices))
        return f"must be {choices.replace(chr(39), '')}, not {value}", f'did you mean "{near}"?' if near else ""
    if kind in ("bool_parsing", "bool_type"):
        return f"must be true or false, not {value}", ""
    if kind.startswith("int_"):
        return f"must be a whole number, not {value}", ""
    if kind.startswith("float_") or kind == "finite_number":
        return f"must be a number, not {value}", "write a share as 0.3, not as 30%" if "%" in value else ""
    if kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        word = {
            "greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "above", "less_than": "below",
        }[kind]
        (limit,) = (context[name] for name in ("ge", "le", "gt", "lt") if name in context)
        share = kind == "less_than_equal" and limit == 1 and _number(error.get("input")) is not None
        mend = f"it is a share: 0.3 is 30 per cent, 1 is all (you mean {_per_cent(error.get('input'))}?)" if share else ""
        return f"must be {word} {limit:g}, not {value}", mend
    if kind in ("dict_type", "model_type", "model_attributes_type", "mapping_type"):
        return f"must be a block of keys, not {value}", ""
    if kind in ("list_type", "tuple_type"):
        return f"must be a list, not {value}", f"write [{value}]" if isinstance(error.get("input"), str) else ""
    if kind == "string_type":
        return f"must be text, not {value}", "put it into quotes" if _number(error.get("input")) is not None else ""
    if kind == "too_short":
        return "is empty", ""
    if kind == "string_pattern_mismatch" and "[key]" in error["loc"]:
        return "is no name", "a name has letters, digits, . _ or -, begins with a letter or digit, and is at most 64 long"
    if kind == "value_error":
        return str(context.get("error", error["msg"])), ""
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}: {value}", ""


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _per_cent(value: Any) -> str:
    return f"{(_number(value) or 0) / 100:g}"


def _shown(value: Any, name: str = "") -> str:
    """A value in a message: on one line, cut, without what may be a secret."""
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return cut(showable(str(masked(str(value), name))))


def _place_of(loc: tuple[Any, ...], tree: Any) -> tuple[KeyPath, bool]:
    """The key path a model's complaint is about, and whether it was found to the end: names of the model's own choices
    are not keys of the file."""
    path: list[str | int] = []
    node, found = tree, True
    for step in loc:
        inner = _step(node, step)
        found = inner is not _NOTHING
        if found:
            path.append(step)
            node = inner
    return tuple(path), found


_NOTHING = object()


def _step(node: Any, step: Any) -> Any:
    if isinstance(node, dict):
        return node.get(step, _NOTHING)
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return node[step]
    return _NOTHING


def _keys_at(model: Any, loc: tuple[Any, ...]) -> list[str]:
    """The keys a model has at a place; those of a target, as they are written."""
    for step in loc:
        if isinstance(model, type) and issubclass(model, BaseModel) and step in model.model_fields:
            model = model.model_fields[step].annotation
        found = next(_models(model), None)
        model = found if found is not None else model
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    if model is TargetSpec:
        return ["platform", "settings", *DeliverySettings.model_fields]
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _members(node: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _names_something(path: KeyPath) -> bool:
    """Whether a key is a name somebody chose: of a job or of a target."""
    return path[:1] == ("jobs",) and (len(path) == 2 or (len(path) == 4 and path[2] == "targets"))


def _without_nothing(node: Any) -> Any:
    """The tree without keys that have no value: a block whose lines are all comments says nothing."""
    if isinstance(node, dict):
        return {key: value if key == "settings" else _without_nothing(value) for key, value in node.items() if value is not None}
    return [_without_nothing(one) for one in node] if isinstance(node, list) else node


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()).strip("_")


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.password) or any(SECRET.search(key.lower()) for key, _ in parse_qsl(parts.query))
    except ValueError:
        return False


def is_mail_address(text: str) -> bool:
    """Whether a text is one mail address, ``name@host`` and nothing else.

    >>> is_mail_address("ops@example.com"), is_mail_address("ops@example.com\\nBcc: x@y"), is_mail_address("ops")
    (True, False, False)
    """
    try:
        address = Address(addr_spec=text)
    except Exception:  # the parser of the standard library raises all kinds of errors for odd addresses
        return False
    return bool(address.username and address.domain) and text.isprintable() and " " not in text
