"""``feedbridge init``, ``feedbridge job check | rename | schema``, ``feedbridge cron``."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import click

from feedbridge.cli.convert import parse_settings

__all__ = ["cron", "init", "job"]

JOBS_OPTION = click.option(
    "--jobs",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Job file (default: FEEDBRIDGE_JOBS, else ./feedbridge.yaml).",
)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--to",
    "platforms",
    multiple=True,
    default=("flipsnack",),
    show_default=True,
    metavar="PLATFORM",
    help="Platform to deliver to; may be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("feedbridge.yaml"),
    show_default=True,
    metavar="FILE",
    help="Job file to write.",
)
@click.option("--name", default="", metavar="JOB", help="What the job is called (default: like the source).")
@click.option("--mapping", default="auto", show_default=True, metavar="NAME|FILE|auto", help="A preset or mapping file.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=parse_settings,
    metavar="KEY=VALUE",
    help="What the source does not say (--set currency=EUR); else it becomes a line to fill in.",
)
@click.option("--sandbox", is_flag=True, help="Deliver to feedbridge sandbox on this machine.")
@click.option("--force", is_flag=True, help="Replace FILE when it is there.")
def init(
    sources: tuple[str, ...],
    platforms: tuple[str, ...],
    out: Path,
    name: str,
    mapping: str,
    settings: dict[str, str],
    sandbox: bool,
    force: bool,
) -> int:
    """Write a commented job file for SOURCE: what to read, how, and where to deliver it.

    The mapping is recognised by the source's columns. What the source does not say becomes a line to fill in, and the
    file is refused until that is done.
    """
    from feedbridge.errors import CommandError
    from feedbridge.mapping.recognise import NotRecognised
    from feedbridge.report.plain import fit, showable
    from feedbridge.sync.starting import start, write_job_file

    if os.path.lexists(out) and not force:  # said before the source is read
        raise CommandError(
            "is there already, and may hold somebody's work",
            where=str(out),
            code="command.out",
            mend="name another file with --out, or say --force to replace it",
        )
    try:
        started = start(
            sources, to=platforms, out=out, name=name, sandbox=sandbox, mapping=mapping, set=settings
        )
    except NotRecognised as exc:
        own = shlex.join(["feedbridge", "init", *sources, "--mapping", "my.yaml"])
        exc.mend += f"\n        then: {own}"
        raise
    write_job_file(started, out, replace=force)

    def say(text: str) -> None:
        click.echo(fit(showable(text), sys.stderr), err=True)

    say(f"wrote {out}: job {started.name}, mapping {started.mapping}, to {', '.join(dict.fromkeys(platforms))}")
    if started.todo:
        say("To fill in, in the place of TODO:")
        for line, text in started.todo:
            say(f"  {out}:{line}  {text}")
    for source, names in started.unused:
        say(f"Columns of {Path(source).name} that nothing uses (is a price among them?): {names}")
    if started.keys:
        say(f"Needed in the environment: {', '.join(started.keys)}")
    where = [] if str(out) == "feedbridge.yaml" else ["--jobs", str(out)]
    say("Then:")
    if sandbox:
        say("  feedbridge sandbox          (in another window)")
    for words in (["job", "check"], ["plan", started.name], ["sync", started.name]):
        say(f"  {shlex.join(['feedbridge', *words, *where])}")
    return 0


@click.group()
def job() -> None:
    """Job files: what is read, how, and where it is delivered."""


@job.command()
@click.argument("name", required=False, metavar="[JOB]")
@JOBS_OPTION
@click.option("--no-read", is_flag=True, help="Do not read the sources.")
def check(name: str | None, jobs: Path | None, no_read: bool) -> int:
    """Check the job file, and say what its jobs still lack: sources, mappings, keys (by name), places.

    Nothing is sent. The exit status is 0 when nothing is missing, else 2.
    """
    from feedbridge.report.plain import fit, showable
    from feedbridge.sync.jobfile import load_jobs
    from feedbridge.sync.starting import readiness, shared_places

    def say(text: str) -> None:
        click.echo(fit(text, sys.stdout))

    file = load_jobs(jobs, environment=os.environ)
    chosen = [file.job(name)] if name else list(file.jobs.values())
    say(f"{showable(file.shown)}: no mistake in it")
    lacking = 0
    for one in chosen:
        say(f"job {one.name}")
        for found in readiness(one, os.environ, read=not no_read):
            lacking += not found.ok
            first, *rest = found.text.split("\n")
            say(f"  {'ok     ' if found.ok else 'MISSING'}  {showable(first)}")
            for line in rest:
                say(f"           {showable(line)}")
            for line in found.mend.split("\n") if found.mend else ():
                say(f"           mend: {showable(line.strip())}")
    for text in shared_places(file):
        say(f"note: {showable(text)}")
    if lacking:
        say(f"{lacking} {'thing is' if lacking == 1 else 'things are'} missing")
    return 2 if lacking else 0


@job.command()
@click.argument("old")
@click.argument("new")
@JOBS_OPTION
def rename(old: str, new: str, jobs: Path | None) -> int:
    """Tell the ledger that the job OLD is called NEW in the job file now, so that it keeps what it has sent."""
    from feedbridge.report.plain import fit, showable
    from feedbridge.sync.history import History
    from feedbridge.sync.jobfile import load_jobs

    with History(load_jobs(jobs, environment=os.environ), os.environ) as history:
        history.rename(old, history.file.job(new))
    click.echo(fit(showable(f"{old} is {new} now, with all that it has sent"), sys.stderr), err=True)
    return 0


@job.command()
def schema() -> int:
    """Print the JSON Schema of job files, for editors."""
    from feedbridge.sync.job_schema import job_schema

    json.dump(job_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


@click.command()
@click.argument("name", required=False, metavar="[JOB]")
@JOBS_OPTION
@click.option(
    "--print",
    "kind",
    type=click.Choice(["crontab", "systemd"]),
    default="crontab",
    show_default=True,
    help="What to print: a crontab line, or a systemd service and timer.",
)
@click.option("--at", default="03:15", show_default=True, metavar="HH:MM", help="Time of day, of this machine's zone.")
def cron(name: str | None, jobs: Path | None, kind: str, at: str) -> int:
    """Print what runs JOB every night. Nothing is installed."""
    from feedbridge.report.plain import fit
    from feedbridge.sync.cron import crontab, systemd_units
    from feedbridge.sync.jobfile import load_jobs

    file = load_jobs(jobs, environment=os.environ)
    chosen = file.job(name) if name else file.only()
    if kind == "crontab":
        sys.stdout.write(fit(crontab(chosen, at=at), sys.stdout))
    else:
        sys.stdout.write(fit("\n".join(systemd_units(chosen, at=at).values()), sys.stdout))
    return 0
