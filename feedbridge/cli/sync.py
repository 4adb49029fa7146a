"""``feedbridge plan``, ``apply`` and ``sync``."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

__all__ = ["apply", "plan", "sync"]

OPERATIONS = ["create", "update", "replace", "delete", "settle", "keep", "held", "refused"]
QUIET_EVENTS = frozenset({"progress"})
WARNINGS = frozenset({"waiting", "halving", "retry", "settle", "missing", "gone", "run.held", "target.down", "run.failed"})

jobs_option = click.option(
    "--jobs", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The job file (default: FEEDBRIDGE_JOBS, else ./feedbridge.yaml).",
)


def running_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What sync and apply have in common."""
    options = [
        jobs_option,
        click.option("--json", "as_json", is_flag=True, help="Print what was done on stdout, as JSON."),
        click.option("--quiet", is_flag=True, help="Say nothing when all is well (for cron)."),
        click.option("--log-format", type=click.Choice(["text", "json"]), help="One line an event on stderr, for cron."),
        click.option("--metrics", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
                     help="Write Prometheus metrics there (textfile collector)."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@click.argument("job", required=False)
@jobs_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the plan there, for feedbridge apply FILE.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The plan as a page.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan on stdout, as JSON.")
@click.option("--only", multiple=True, type=click.Choice(OPERATIONS), help="Show these only; may be given several times.")
@click.option("--sku", metavar="PATTERN", help="Show these only: a SKU, or a pattern with * and ?.")
@click.option("--field", metavar="PATH", help="Show only what differs in this field (price, variants.price).")
@click.option("--target", metavar="NAME", help="Show this target only.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Changes shown of each kind; 0: all.")
@click.option("--resend", multiple=True, metavar="SKU|all", help="Plan to send these though nothing changed.")
@click.option("--adopt", is_flag=True, help="The platform may have products that the ledger does not know.")
def plan(
    job: str | None, jobs: Path | None, out: Path | None, html: Path | None, as_json: bool, only: tuple[str, ...],
    sku: str | None, field: str | None, target: str | None, limit: int, resend: tuple[str, ...], adopt: bool,
) -> int:
    """Show what a sync of JOB would do now, field by field. Nothing is sent."""
    from feedbridge import api

    report = api.plan_job(job, jobs=jobs, out=out, resend=skus(resend), adopt=adopt, progress=None)
    shown: dict[str, Any] = {"only": set(only) or None, "sku": sku, "field": field, "target": target}
    header = plain(report.header)
    if html is not None:
        page(header, report, html, shown)
    if as_json:
        write_json(header, report, shown)
    else:
        from feedbridge.report.plan_text import render_plan

        render_plan(header, plain_changes(report), sys.stdout, limit=limit or None, **shown)
    if out is not None:
        click.echo(f"carry it out with: feedbridge apply {out}" + (" --release" if report.status == 4 else ""), err=True)
    return report.status


@click.command()
@click.argument("job", required=False)
@running_options
@click.option("--release", is_flag=True, help="Go on although a guard holds the run: you have looked.")
@click.option("--resend", multiple=True, metavar="SKU|all", help="Send these though nothing changed.")
@click.option("--adopt", is_flag=True,
              help="The platform has products already that the ledger does not know: update them instead of creating.")
def sync(job: str | None, jobs: Path | None, release: bool, resend: tuple[str, ...], adopt: bool, **options: Any) -> int:
    """Bring the platforms of JOB to what its feed says: plan, ask the guards, deliver.

    Run it as often as you like, also from cron: what was taken is not sent twice, and one run a job is let in.
    """
    from feedbridge import api

    return run(lambda **watching: api.sync_job(
        job, jobs=jobs, release=release, resend=skus(resend), adopt=adopt, **watching), job, jobs, options)


@click.command()
@click.argument("plan", required=False, metavar="[PLAN|JOB]")
@running_options
@click.option("--release", is_flag=True, help="Go on although a guard holds the plan: you have looked.")
def apply(plan: str | None, jobs: Path | None, release: bool, **options: Any) -> int:
    """Carry out a plan: a file written by ``plan --out``, or the last one of JOB that a guard held.

    A plan is refused when the source, the mapping, the job or the platform's state have changed since.
    """
    from feedbridge import api

    is_file = plan is not None and Path(plan).is_file()
    wanted: dict[str, Any] = {"plan": plan} if is_file else {"job": plan}
    return run(lambda **watching: api.apply_plan(**wanted, jobs=jobs, release=release, **watching),
               None if is_file else plan, jobs, options)


def run(work: Callable[..., Any], job: str | None, jobs: Path | None, options: dict[str, Any]) -> int:
    """One run, watched and shown."""
    from feedbridge.report.log import Log
    from feedbridge.report.progress import progress_for

    log = Log(sys.stderr, options["log_format"]) if options["log_format"] else None
    told: dict[str, Any] = {}

    def observe(event: str, **fields: Any) -> None:
        if "run" in fields:
            told["run"] = fields["run"]
        if log is not None and event not in QUIET_EVENTS:
            level: Any = "warning" if event in WARNINGS else "info"
            log.event(event, level=level, **{**fields, "run": told.get("run", "")})

    quiet = options["quiet"] or log is not None or not sys.stderr.isatty()
    with stop_switch() as (stop, sending), progress_for(sys.stderr, quiet=quiet) as progress:
        progress.start(job or "feed")
        done = 0

        def advance(records: int) -> None:
            nonlocal done
            progress.advance(max(0, records - done))
            done = records

        report = work(observe=observe, stop=stop, sending=sending, progress=advance, metrics=options["metrics"])
        progress.finish()
    for warning in report.warnings:
        if log is None:
            click.echo(f"warning: {warning}", err=True)
        else:
            log.event("warning", level="warning", message=warning, run=report.run)
    show(report, options, log)
    status: int = report.status
    return status


def show(report: Any, options: dict[str, Any], log: Any) -> None:
    """What was done: JSON on stdout when asked for, words on stderr."""
    from feedbridge.report.plan_text import render_plan, render_result

    result = report.result()
    if options["as_json"]:
        with suppress(OSError):
            sys.stdout.write(json.dumps(result, indent=2) + "\n")
            sys.stdout.flush()
    if log is not None:
        log.event("result", level="info" if report.status == 0 else "warning", **result)
        return
    if options["quiet"] and report.status == 0:
        return
    if report.took_over:
        click.echo(f"note: {report.took_over}", err=True)
    if report.status == 4:
        render_plan(plain(report.header), plain_changes(report), sys.stderr, limit=10)
        return
    render_result(result, sys.stderr)
    products = {name: count for target in report.header.targets[:1] for name, count in target.products.items()}
    if products.get("held_back"):
        click.echo(f"held back: {products['held_back']:,} products; see feedbridge quarantine list {report.job}", err=True)


@contextmanager
def stop_switch() -> Iterator[tuple[Callable[[], bool], Callable[[bool], None]]]:
    """Ctrl-C and SIGTERM: at once while the feed is read, after the call in hand while it is delivered; a second one ends
    the program where it stands (the next run settles what is not known)."""
    asked = False
    delivering = False

    def handle(number: int, frame: object) -> None:
        nonlocal asked
        if not delivering or asked:
            raise KeyboardInterrupt
        asked = True
        with suppress(OSError):
            click.echo("stopping after the call in hand …", err=True)

    def sending(on: bool) -> None:
        nonlocal delivering
        delivering = on

    if threading.current_thread() is not threading.main_thread():
        yield lambda: asked, sending
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked, sending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def skus(words: tuple[str, ...]) -> list[str] | None:
    """What --resend names: None: nothing, an empty list: all."""
    if not words:
        return None
    return [] if "all" in words else list(words)


def plain(header: Any) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(header)
    return found


def plain_changes(report: Any) -> Iterator[dict[str, Any]]:
    """The changes as plain data, without bodies."""
    for change in report.changes():
        change.body = ""
        yield plain(change)


def page(header: dict[str, Any], report: Any, path: Path, shown: dict[str, Any]) -> None:
    """The plan as a page."""
    from feedbridge.report.plan_page import write_plan_page

    write_plan_page(path, header, plain_changes(report), **shown)


def write_json(header: dict[str, Any], report: Any, shown: dict[str, Any]) -> None:
    """One JSON object: the header's members, and ``changes``; written as it comes."""
    from feedbridge.report.plan_text import matches

    out = sys.stdout
    out.write(json.dumps(header, indent=2)[:-2] + ',\n  "changes": [')
    first = True
    for change in plain_changes(report):
        if matches(change, **shown):
            out.write(("\n    " if first else ",\n    ") + json.dumps(change))
            first = False
    out.write("\n  ]\n}\n" if not first else "]\n}\n")
