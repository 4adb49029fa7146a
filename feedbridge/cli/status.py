"""``feedbridge status``, ``feedbridge quarantine`` and ``feedbridge ids``."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from feedbridge.cli.sync import jobs_option, note, run, running_options, said_jobs

if TYPE_CHECKING:
    from feedbridge.sync.history import History
    from feedbridge.sync.jobfile import Job

__all__ = ["ids", "quarantine", "status"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
target_option = click.option("--target", metavar="NAME", help="Which of the job's targets; not needed when there is one.")


@contextmanager
def history(jobs: Path | None) -> Iterator[History]:
    from feedbridge.sync.history import History
    from feedbridge.sync.jobfile import load_jobs

    with History(load_jobs(jobs, environment=os.environ), os.environ) as opened:
        yield opened


def chosen(opened: History, name: str | None) -> Job:
    return opened.file.job(name) if name is not None else opened.file.only()


@click.command()
@click.argument("job", required=False)
@jobs_option
@click.option("--run", "run_id", metavar="RUN", help="Show this run.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Runs of a job that are shown.")
@json_option
def status(job: str | None, jobs: Path | None, run_id: str | None, limit: int, as_json: bool) -> int:
    """Show how JOB (or every job of the file) stands: its last runs, what its targets have, what is held back."""
    from feedbridge.errors import CommandError
    from feedbridge.report.status_text import render_run, render_status, run_json, status_json
    from feedbridge.sync.history import MOST_NOT_TAKEN
    from feedbridge.sync.outboxes import outbox_words

    with history(jobs) as opened:
        wanted = [opened.file.job(job)] if job is not None else list(opened.file.jobs.values())
        if run_id is not None:
            found = opened.ledger.run(run_id)
            if found is None:
                raise CommandError(f'there is no run "{run_id}"', code="command.run", mend="feedbridge status lists them")
            if as_json:
                click.echo(json.dumps(run_json(found), indent=2))
            else:
                render_run(found, sys.stdout, running=found.running)
            return 0
        abouts, runs, held = [], [], {}
        for one in wanted:
            about, own, back = opened.standing(one, limit, None if as_json else MOST_NOT_TAKEN)
            for target in about["targets"]:
                if "outbox" in target:
                    target["told"] = outbox_words(target["name"], target["place"], one.name, target["outbox"], said_jobs(jobs))
            abouts.append(about)
            runs += own
            held[one.name] = back
        if as_json:
            click.echo(json.dumps(status_json(abouts, runs, held), indent=2))
            return 0
        render_status(abouts, runs, held, sys.stdout)
        for former in opened.former_names():
            click.echo(
                f"\n{former}: no longer in the job file. If it has another name there now: feedbridge job rename {former} NEW"
            )
        for one in wanted:
            plan = opened.held_plan(one)
            if plan is not None:
                file = "".join(f" {shlex.quote(word)}" for word in said_jobs(jobs))
                newest = next((run.status for run in runs if run.job == one.name), None)
                which = "the last run" if newest == 4 else f"run {plan.parent.name}, and no later one got so far"
                click.echo(
                    f"\n{one.name}: a guard holds {which}. Look: feedbridge plan {one.name}{file}. "
                    f"Send it all the same: feedbridge apply {one.name} --release{file}"
                )
    return 0


@click.group()
def quarantine() -> None:
    """What was held back, over all runs: look, take it out, mend it, send it."""


@quarantine.command("list")
@click.argument("job", required=False)
@jobs_option
@click.option("--closed", is_flag=True, help="Those that were held back once, and what became of them.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Products that are shown.")
@json_option
def list_(job: str | None, jobs: Path | None, closed: bool, limit: int, as_json: bool) -> int:
    """List what is held back: since when, where, why, and what to do."""
    from feedbridge.report.status_text import quarantine_json, render_quarantine

    with history(jobs) as opened:
        held = opened.ledger.held(opened.job_id(chosen(opened, job)), closed)
        if as_json:
            click.echo(json.dumps(quarantine_json(held), indent=2))
        else:
            render_quarantine(held, sys.stdout, limit=limit)
    return 0


@quarantine.command()
@click.argument("words", nargs=-1, required=True, metavar="[JOB] SKU")
@jobs_option
@json_option
def show(words: tuple[str, ...], jobs: Path | None, as_json: bool) -> int:
    """Show one held-back product of JOB with everything that was found of it."""
    from feedbridge.report.status_text import quarantine_json, render_quarantine

    if len(words) > 2:
        raise click.UsageError("give a job and one SKU, as in: feedbridge quarantine show JOB SKU")
    *named, sku = words
    job = named[0] if named else None
    with history(jobs) as opened:
        wanted = chosen(opened, job)
        held, found = opened.held_called(wanted, sku)
    if as_json:
        click.echo(json.dumps({"held": quarantine_json(held), "findings": found}, indent=2))
        return 0
    render_quarantine(held, sys.stdout)
    from feedbridge.report.plain import fit, showable

    for one in found:
        column = f', column "{one["column"]}"' if one.get("column") else ""
        text = f"{one.get('file', '')}:{one.get('line', '')}{column}: {one['message']} [{one['code']}]"
        click.echo(fit(showable(text), sys.stdout))
    return 0


@quarantine.command()
@click.argument("job", required=False)
@jobs_option
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Folder for the files.")
def export(job: str | None, jobs: Path | None, out: Path) -> int:
    """Write the held-back records into DIR, in their source's own shape: mend them there, then replay them."""
    with history(jobs) as opened:
        wanted = chosen(opened, job)
        files, lost = opened.export(wanted, out)
    for path in files:
        click.echo(str(path))
    file = "".join(f" {shlex.quote(word)}" for word in said_jobs(jobs))
    if lost:
        note(f"not written, since the run folders with their records are gone: {', '.join(row.name for row in lost)}")
        note(f"  mend: run feedbridge sync {wanted.name}{file}, which reads the source again, then export once more")
    if files:
        again = shlex.join(["feedbridge", "quarantine", "replay", wanted.name])
        note(f"mend them, then: {again} {shlex.quote(str(out))}/*{file}")
    return 1 if lost else 0


@quarantine.command()
@click.argument("job")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--mapping", metavar="NAME|FILE", help="The mapping that reads them, when it is not the job's.")
@running_options
def replay(job: str, files: tuple[str, ...], mapping: str | None, jobs: Path | None, **options: Any) -> int:
    """Send the mended records of FILE, and only these; what else the feed has is left alone."""
    from feedbridge import api

    return run(lambda **watching: api.sync_job(job, jobs=jobs, replay=files, mapping=mapping, **watching), job, jobs, options)


@click.group()
def ids() -> None:
    """What the ledger knows the platform's items by."""


@ids.command("import")
@click.argument("job")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@jobs_option
@target_option
def import_(job: str, file: Path, jobs: Path | None, target: str | None) -> int:
    """Take the platform's own ids from FILE, a CSV file with the columns sku and id (FlickRocket's short ids)."""
    with history(jobs) as opened:
        number = opened.import_ids(chosen(opened, job), target, file)
    note(f"{number:,} {'id' if number == 1 else 'ids'} taken")
    return 0


@ids.command()
@click.argument("job")
@click.argument("skus", nargs=-1, required=True, metavar="SKU...")
@jobs_option
@target_option
def forget(job: str, skus: tuple[str, ...], jobs: Path | None, target: str | None) -> int:
    """Forget that items were sent: somebody deleted them there, or never uploaded them. What the feed has of them is sent
    as new at the next sync."""
    with history(jobs) as opened:
        number = opened.forget(chosen(opened, job), target, list(skus))
    note(f"{number:,} forgotten; what the feed has of them is sent as new")
    return 0
