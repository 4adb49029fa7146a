"""``feedbridge init`` and ``feedbridge job check``: a first job file for a source, and what a job still lacks."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sqlalchemy import make_url

from feedbridge.errors import CommandError, FeedbridgeError, OutputError
from feedbridge.mapping.load import Mapping as MappingFile
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.presets import presets
from feedbridge.mapping.recognise import NotRecognised, nearly
from feedbridge.platforms import platform
from feedbridge.product.docs import field_texts
from feedbridge.report.plain import showable
from feedbridge.run.engine import run
from feedbridge.run.preparing import prepare
from feedbridge.sources.files import expand
from feedbridge.sync.job_targets import delivery_model, platform_of, target_names, way_keys
from feedbridge.sync.jobfile import Job, JobFile, needed_variables, read_jobs
from feedbridge.sync.jobspec import TODO, Guards, JobSpec
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url

__all__ = ["Check", "Started", "missing_keys", "readiness", "shared_places", "start", "write_job_file"]

WIDTH = 100
ASKED = re.compile(r"--set ([\w.-]+)=([^\s;,)]*)")
PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NOTHING = re.compile(r"(^|[.;] +)None:")
"""How field texts say what a key means that is not there."""
NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
ROUNDS = 8
UNUSED = "mapping.unused-columns"
SCHEMA_FILE = "feedbridge.schema.json"
FURTHER_TEXTS = {
    "workers": "Processes that read large files; nothing here: one a core.",
    "strict": "Put every product through the whole product model as well: slower, and nothing should come of it.",
}


class Asked(NamedTuple):
    """A value that neither the source nor its mapping says."""

    name: str
    example: str
    about: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What the first product of a source says: the mappings that are taken, what they ask for, and what they leave.

    ``unused``  (source, its columns that no mapping uses, in words)
    """

    mappings: list[MappingFile]
    asked: list[Asked]
    unused: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Started:
    """A job file to be written.

    ``todo``  (line, what is to be filled in): the file is refused until it is
    ``keys``  variables of the environment that its targets need
    ``unused``  (source, its columns that the mapping uses nothing of): a price among them is not sent
    """

    name: str
    text: str
    mapping: str
    todo: list[tuple[int, str]]
    keys: list[str]
    unused: list[tuple[str, str]]


class Check(NamedTuple):
    """One thing a job needs, and whether it is there."""

    ok: bool
    text: str
    mend: str = ""


def start(
    sources: Sequence[str],
    *,
    to: Sequence[str] = ("flipsnack",),
    out: Path,
    name: str = "",
    sandbox: bool = False,
    mapping: str = "auto",
    set: Mapping[str, str] | None = None,
) -> Started:
    """A commented job file for sources, tried on their first product.

    ``out``      where it will lie: paths in it are written from there
    ``set``      what the source does not say; what is missing of it becomes a line to fill in

    Raises: SourceError for a source that cannot be read, CommandError when no mapping is recognised.
    """
    wanted = list(dict.fromkeys(to))
    for one in wanted:
        if one not in target_names():
            near = nearest(one, target_names())
            raise CommandError(
                f'there is no platform "{showable(one)}"; there are {", ".join(target_names())}',
                code="command.platform",
                mend=f'did you mean "{near}"?' if near else "",
            )
    if "-" in sources:
        raise CommandError(
            "a job reads files, not standard input", code="command.source", mend="write the feed to a file first"
        )
    if name and not NAME.fullmatch(name):
        raise CommandError(
            f'"{showable(name)}" is no name of a job',
            where="--name",
            code="command.job",
            mend="letters, digits, . _ and -, a letter or digit first, 64 at most",
        )
    given = {key: str(value) for key, value in (set or {}).items()}
    platforms = list(dict.fromkeys(map(platform_of, wanted)))
    try:
        trial = tried(list(sources), platforms, mapping, given)
    except NotRecognised as exc:
        usual = platform(platforms[0]).usual_mapping if len(platforms) == 1 else ""
        if not nearly(exc.candidates, usual):
            raise
        trial = tried(list(sources), platforms, usual, given)
    called = name or _job_name(sources[0])
    chosen = _chosen(trial, mapping, out)
    text = _text(called, list(sources), wanted, out, chosen, trial, given, sandbox, mapping)
    started = Started(called, text, chosen, list(_todo(text)), [], trial.unused)
    filled = re.sub(rf"(?m): {TODO}(?=\s+#|$)", ": https://localhost", text)
    job = read_jobs(filled, out, str(out)).job(called)
    keys = [key for target in job.spec.targets for key in needed_variables(job, target)]
    return Started(called, text, chosen, started.todo, list(dict.fromkeys(keys)), trial.unused)


def tried(
    sources: list[str],
    platforms: Sequence[str],
    mapping: str,
    given: Mapping[str, str],
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Trial:
    """Read the first product of sources, with made-up values for what is asked for. Raises FeedbridgeError."""
    values = dict(given)
    asked: dict[str, str] = {}
    unused: list[tuple[str, str]] = []
    for round_ in range(ROUNDS):
        try:
            job = prepare(sources, platforms, mapping, values, 1, False, 1, None, settings)
            job.allow_empty = True
            done = run(job, None)
            unused = [
                (finding.file, finding.message.partition(" uses nothing of: ")[2])
                for finding in done.findings.first.get(UNUSED, ())
            ]
            break
        except CommandError as exc:
            found: dict[str, str] = {}
            for setting, example in ASKED.findall(exc.mend):
                found.setdefault(setting, example.strip("…"))
            if exc.code != "command.parameter-missing" or not found.keys() - asked.keys() or round_ == ROUNDS - 1:
                raise
            for setting, example in found.items():
                asked.setdefault(setting, example)
                values.setdefault(setting, example)
    about = {key: spec.about for one in job.mappings for key, spec in one.file.parameters.items()}
    return Trial(job.mappings, [Asked(key, example, about.get(key, "")) for key, example in asked.items()], unused)


def write_job_file(started: Started, path: Path, *, replace: bool = False) -> None:
    """Write a job file whole or not at all; one that is there stays, unless it may be replaced.

    Raises: CommandError when it is there, OutputError when it cannot be written.
    """
    if os.path.lexists(path) and not replace:
        raise CommandError(
            "is there already, and may hold somebody's work",
            where=str(path),
            code="command.out",
            mend="name another file with --out, or say --force to replace it",
        )
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_text(started.text, encoding="utf-8")
        new.replace(path)
    except OSError as exc:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise OutputError(
            f"cannot be written: {exc.strerror or exc}",
            where=str(path),
            code="output.write",
            mend="make the folder, or give permission",
        ) from exc


# -- job check


def readiness(job: Job, environment: Mapping[str, str], *, read: bool = True) -> Iterator[Check]:
    """What a job needs, one thing after another: sources, mapping, keys (by name, never their values), places.

    ``read``  also read the first product of the sources
    """
    there = True
    for written, pattern in zip(job.shown_sources, job.sources, strict=True):
        try:
            count = len(expand([pattern]))
            many = f", {count} files" if count > 1 else ""
            yield Check(True, f"source {written}: there{many}")
        except FeedbridgeError as exc:
            there = False
            yield Check(False, f"source {written}: {exc.message}", exc.mend)
    if read and there:
        yield from _read(job)
    elif job.mapping != "auto":
        yield _loads(job)
    for name, target in job.spec.targets.items():
        yield from _target_checks(job, name, target.platform, environment)
    yield from _ledger_checks(job, environment)
    yield from _alert_checks(job, environment)


def missing_keys(job: Job, environment: Mapping[str, str]) -> list[str]:
    """Names of the variables that the job's targets need and that are not set."""
    needed = dict.fromkeys(key for target in job.spec.targets for key in needed_variables(job, target))
    return [key for key in needed if not environment.get(key)]


def _read(job: Job) -> Iterator[Check]:
    settings = {target.platform: job.platform_settings(name) for name, target in job.spec.targets.items()}
    try:
        trial = tried(job.sources, list(settings), job.mapping, job.spec.set, settings)
    except FeedbridgeError as exc:
        text = str(exc).partition("\n  mend: ")[0].replace(f"{job.file.folder}{os.sep}", "")
        yield Check(False, f"mapping {_shown_mapping(job)}: {text}", exc.mend)
        return
    for asked in trial.asked:
        yield Check(
            False,
            f"mapping {_shown_mapping(job)}: {asked.name} is not said" + (f" ({asked.about})" if asked.about else ""),
            f"add {asked.name}: {asked.example or '…'} under set: at {job.where('set')}",
        )
    if not trial.asked:
        names = ", ".join(dict.fromkeys(_preset_of(one) or one.shown for one in trial.mappings))
        how = f"auto, recognised as {names}" if job.mapping == "auto" else _shown_mapping(job)
        yield Check(True, f"mapping {how}: reads the first product")
    for source, names in trial.unused:
        yield Check(True, f"mapping {_shown_mapping(job)}: columns of {Path(source).name} that nothing uses: {names}")


def _loads(job: Job) -> Check:
    try:
        load_mapping(job.mapping, job.spec.set)
    except FeedbridgeError as exc:
        return Check(False, f"mapping {_shown_mapping(job)}: {exc.message}", exc.mend)
    return Check(True, f"mapping {_shown_mapping(job)}: no mistake in it")


def _shown_mapping(job: Job) -> str:
    return job.spec.mapping


def _target_checks(job: Job, name: str, platform_name: str, environment: Mapping[str, str]) -> Iterator[Check]:
    delivery = job.delivery_settings(name)
    if delivery.sandbox:
        yield Check(True, f"target {name}: delivers to the sandbox of this machine, with the sandbox's own keys")
    lacking = False
    for key in needed_variables(job, name):
        is_set = bool(environment.get(key))
        lacking = lacking or not is_set
        text = f"target {name}: {key} is {'set' if is_set else 'not set'}"
        yield Check(is_set, text, "" if is_set else "set it in the environment (or in the file that cron reads)")
    make = platform(platform_name).delivery
    if lacking or make is None:
        return
    try:
        settings = platform(platform_name).settings(**job.platform_settings(name))
        made = make(delivery, settings, environment)
    except FeedbridgeError as exc:
        yield Check(False, f"target {name}: {exc.message}", exc.mend)
        return
    yield Check(True, f"target {name}: delivers to {made.place}")
    made.close()


def _ledger_checks(job: Job, environment: Mapping[str, str]) -> Iterator[Check]:
    """Whether the ledger lets the job in. One that is not there yet is not made."""
    try:
        url = ledger_url(job.file.state, job.file.folder, environment)
        path = sqlite_path(url)
        if path is not None and not path.exists():
            yield Check(True, f"ledger {path}: not there yet, the first run makes it")
            return
        with Ledger.open(url) as ledger:
            row = next((row for row in ledger.jobs() if row.name == job.name), None)
            shown = ledger.shown
    except FeedbridgeError as exc:
        yield Check(False, f"ledger {exc.where}: {exc.message}", exc.mend)
        return
    if row is not None and row.file and row.file != os.path.realpath(job.file.path) and os.path.exists(row.file):
        yield Check(
            False, f'ledger {shown}: it has a job "{job.name}" of another job file, {row.file}',
            "give the jobs different names, or ledgers of their own (state:)",
        )
    else:
        yield Check(True, f"ledger {shown}: {'knows nothing of this job yet' if row is None else 'knows this job'}")


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite ledger; None of another database."""
    made = make_url(url)
    return Path(made.database) if made.get_backend_name() == "sqlite" and made.database else None


def _alert_checks(job: Job, environment: Mapping[str, str]) -> Iterator[Check]:
    alerts = job.spec.alerts
    hook = "FEEDBRIDGE_ALERT_WEBHOOK"
    if alerts is None:
        if not environment.get(hook):
            yield Check(True, "alerts: nobody is told when a run is held or fails; docs/jobs.md says how to")
        return
    if alerts.email is not None:
        yield Check(True, f"alerts: mail to {', '.join(alerts.email.to)} through {alerts.email.host}:{alerts.email.port}")
        if alerts.email.user:
            is_set = bool(environment.get("FEEDBRIDGE_SMTP_PASSWORD"))
            text = f"alerts: FEEDBRIDGE_SMTP_PASSWORD is {'set' if is_set else 'not set'}"
            yield Check(is_set, text, "" if is_set else "set it in the environment")
    if environment.get(hook):
        yield Check(True, f"alerts: {hook} is set")
    elif alerts.webhook:
        yield Check(True, "alerts: the webhook of the job file is told")
    elif alerts.email is None:
        yield Check(False, "alerts: nobody is named", f"add email: or webhook:, or set {hook}")


# -- the text


def _job_name(source: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(source).name.split(".")[0]).strip("-_")
    return stem[:64] if stem and stem != TODO else "shop"


def _chosen(trial: Trial, mapping: str, out: Path) -> str:
    """The mapping as the job file says it: the recognised one by name, so that a changed export is noticed."""
    if mapping != "auto":
        return mapping if mapping in presets() else _written(mapping, out)
    names = {_preset_of(one) for one in trial.mappings}
    return names.pop() if len(names) == 1 and "" not in names else "auto"


def _preset_of(mapping: MappingFile) -> str:
    stem = Path(mapping.shown).stem
    return stem if mapping.shown == f"mappings/{stem}.yaml" and stem in presets() else ""


def _written(path: str, out: Path) -> str:
    """A path as it is written in a file at ``out``: relative where it lies below the file's folder."""
    folder = os.path.abspath(out.parent)
    whole = os.path.abspath(os.path.expanduser(path))
    return os.path.relpath(whole, folder) if os.path.commonpath([folder, whole]) == folder else whole


def _scalar(value: Any) -> str:
    """A value as YAML: bare where it can only be read as that text, else as JSON writes it."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in NOT_TEXT and value != TODO:
        return value
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, tuple | set | frozenset):
        value = list(value)
    return json.dumps(value, ensure_ascii=False)


def _left_out(found: re.Match[str]) -> str:
    return f"{found[1]}{'left' if found[1].startswith(';') else 'Left'} out:"


def _comment(text: str, indent: int) -> list[str]:
    plain = " ".join(showable(NOTHING.sub(_left_out, text.replace("``", "").replace("\n", " "))).split())
    front = " " * indent + "# "
    return [front + line for line in textwrap.wrap(plain, WIDTH - len(front), break_long_words=False, break_on_hyphens=False)]


def _defaults(model: type[BaseModel], indent: int, leave: Sequence[str] = ()) -> Iterator[str]:
    """Every field of a model as a comment: what it is for, and its default."""
    texts = field_texts(model)
    for name, info in model.model_fields.items():
        if name in leave:
            continue
        yield from _comment(texts.get(name) or FURTHER_TEXTS.get(name, ""), indent)
        default = info.get_default(call_default_factory=True)
        shown = "" if default is None or default is PydanticUndefined else f" {_scalar(default)}"
        yield f"{' ' * indent}# {name}:{shown}"


def _text(
    name: str,
    sources: list[str],
    to: list[str],
    out: Path,
    chosen: str,
    trial: Trial,
    given: Mapping[str, str],
    sandbox: bool,
    asked_mapping: str,
) -> str:
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        f"# (that file, for editors: feedbridge job schema > {SCHEMA_FILE})",
        "#",
        "# Check it:  feedbridge job check      Try it:  feedbridge plan, then feedbridge sync",
        "# A key behind a # has the value that stands there; take the # away to change it.",
        "# Keys and passwords never stand in this file: they come from the environment.",
        "feedbridge: 1",
        "",
        *_comment(
            "The ledger remembers what each platform has. Usually an SQLite file in your own state folder; "
            "FEEDBRIDGE_STATE_URL overrides it. A relative path starts in this file's folder.",
            0,
        ),
        "# state: sqlite:///ledger.sqlite",
        "",
        "jobs:",
        f"  {_scalar(name)}:",
        "    # A file, a glob (every file that matches is read), or a list. Relative paths start in this file's folder.",
    ]
    written = [_written(source, out) for source in sources]
    lines.append(f"    source: {_scalar(written[0])}" if len(written) == 1 else "    source:")
    if len(written) > 1:
        lines += [f"      - {_scalar(one)}" for one in written]
    lines += ["", *_mapping_lines(chosen, asked_mapping, trial), *_set_lines(trial, given), ""]
    lines += [
        "    # full: the source is the whole catalogue, and what it lacks is deleted. partial: what it lacks is left alone.",
        f"    reconcile: {'partial' if any(one.source.partial for one in trial.mappings) else 'full'}",
        "",
        "    # Where products go. A target is called like its platform, or says platform:.",
        "    targets:",
    ]
    for one in to:
        lines += _target_lines(one, name, sandbox)
    lines += [
        "    # A guard holds a run (status 4, nothing is sent) until a person looks at the plan and says",
        "    # feedbridge apply --release.",
        "    guards:",
        *_defaults(Guards, 6),
        "",
        *_comment("Whom to tell, once when a problem begins and once when it is over. A mail login's password comes from "
                  "FEEDBRIDGE_SMTP_PASSWORD, a secret webhook from FEEDBRIDGE_ALERT_WEBHOOK.", 4),
        "    # alerts:",
        "    #   email: {to: [shop@example.com], sender: feedbridge@example.com, host: localhost, port: 25}",
        "    #   on: [held, failed, source]",
        "",
        *_defaults(JobSpec, 4, ("source", "mapping", "set", "reconcile", "targets", "guards", "alerts")),
    ]
    return "\n".join(lines) + "\n"


def _mapping_lines(chosen: str, asked: str, trial: Trial) -> list[str]:
    if asked != "auto":
        why = "Which column means what."
    elif chosen == "auto":
        why = "The files were recognised one by one, as several presets."
    else:
        why = f"Recognised by its columns. A fixed name is safer at night than auto: {chosen} stays {chosen}."
        if any(_preset_of(one) == "generic" for one in trial.mappings):
            why = "Only the general preset fits: look at feedbridge check first, or begin a mapping with mapping suggest."
    lines = [*_comment(why, 4), f"    mapping: {_scalar(chosen)}"]
    for source, names in trial.unused:
        lines += _comment(f"Columns of {Path(source).name} that nothing uses (is a price among them?): {names}", 4)
    return lines


def _set_lines(trial: Trial, given: Mapping[str, str]) -> list[str]:
    if not given and not trial.asked:
        return ["    # What the source does not say and the mapping asks for; here nothing.", "    # set: {currency: EUR}"]
    lines = ["    # What the source does not say and the mapping asks for.", "    set:"]
    lines += [f"      {_scalar(key)}: {_scalar(value)}" for key, value in given.items()]
    for asked in trial.asked:
        about = " ".join(showable(asked.about).split())
        example = f", for example {asked.example}" if asked.example and "for example" not in about else ""
        lines.append(f"      {_scalar(asked.name)}: {TODO}   # the file does not say it: {about or 'say it here'}{example}")
    return lines


def _target_lines(name: str, job: str, sandbox: bool) -> list[str]:
    owner = platform_of(name)
    model, settings = delivery_model(owner), platform(owner).settings
    has_outbox = "outbox" in way_keys(name)
    lines = [f"      {name}:"]
    said = ["outbox", *(key for key in model.model_fields if key not in way_keys(name))]
    if has_outbox:
        lines += [
            "        # Product folders are put here, for a person to drop on FlickRocket's uploader. Nothing is sent.",
            "        outbox: outbox",
            *_comment(
                "Its prices and licences are looked at in this shop before a folder is written (feedbridge flickrocket login "
                "--shop). Left out: in that of a flickrocket-api target here; without one they are not.", 8,
            ),
            "        # shop:",
        ]
        said += ["shop", "connect_seconds", "answer_seconds", "patience_seconds"]
    elif name != owner:
        lines += _comment(
            "Updates over REST: log in with feedbridge flickrocket login. New products and content go by a flickrocket "
            "target with an outbox.", 8,
        )
    elif sandbox:
        lines += [
            "        # To feedbridge sandbox on this machine. Take this line out to deliver to the platform itself.",
            "        sandbox: true",
        ]
        said.append("sandbox")
    if model.own_address:
        lines.append("        # Address of the store, as far as in front of /V1/.")
        lines.append(f"        {'# ' if sandbox else ''}endpoint: {'' if sandbox else f'{TODO}   # '}https://shop.example.com/rest")
        said.append("endpoint")
    lines += _defaults(model, 8, said)
    lines.append("        settings:")
    leave = []
    if "feed" in settings.model_fields:
        lines += [*_comment(field_texts(settings)["feed"], 10), f"          feed: {_scalar(job)}"]
        leave.append("feed")
    return [*lines, *_defaults(settings, 10, leave), ""]


def _todo(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(rf"\s*([\w\".-]+): {TODO}\s*(?:# (.*))?$", line)
        if found:
            yield number, f"{found[1]}: {found[2] or ''}".rstrip(": ")


def shared_places(file: JobFile) -> list[str]:
    """Places that several jobs of a file deliver to. That is allowed: each deletes only what it brought itself; but a
    product that is in both has two masters."""
    seen: dict[tuple[str, ...], str] = {}
    found = []
    for job in file.jobs.values():
        for name, target in job.spec.targets.items():
            settings = target.settings
            keys = ("sandbox", "endpoint", "outbox", "by", *(("shop",) if "by" in target.delivery else ()))
            parts = [str(target.delivery.get(key, "")) for key in keys]
            place = (target.platform, *parts, str(settings.get("source_hash") or settings.get("feed") or ""))
            here = f"{job.name}.{name}"
            first = seen.setdefault(place, here)
            if first != here:
                found.append(f"{first} and {here} deliver to the same place; let no product be in both sources")
    return found
