"""``feedbridge plan``, ``apply`` and ``sync``."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import click

__all__ = ["apply", "plan", "sync"]

OPERATIONS = ["create", "update", "replace", "delete", "settle", "keep", "held", "refused"]
QUIET_EVENTS = frozenset({"progress"})
WARNINGS = frozenset({"waiting", "halving", "retry", "settle", "missing", "gone", "run.held", "target.down", "run.failed", "warning"})

NAMES = frozenset({"key"})
"""In the log of a run, ``key`` is what a platform calls an item."""
HEAD_BYTES = 8192

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

    free_for_plan(out)
    free_for_page(html, out)
    report = api.plan_job(job, jobs=jobs, out=out, resend=skus(resend), adopt=adopt, progress=None)
    shown: dict[str, Any] = {"only": set(only) or None, "sku": sku, "field": field, "target": target}
    header = plain(report.header)
    if html is not None:
        page(header, report, html, shown)
    with suppress(BrokenPipeError):  # a reader that has had enough; what was asked for as a file is there
        if as_json:
            write_json(header, report, shown)
        else:
            from feedbridge.report.plan_text import render_plan

            render_plan(header, plain_changes(report), sys.stdout, limit=limit or None, about=meanings(header), **shown)
        sys.stdout.flush()
    for said in looked_up(report):
        note(said)
    if out is not None:
        note(f"carry it out with: feedbridge apply {out}" + (" --release" if report.status == 4 else ""))
    return report.status


def free_for_plan(path: Path | None) -> None:
    """Raises CommandError when a file is there that is no plan: it may be the source, or somebody's work."""
    free(path, "a plan", lambda head: head.startswith(b'{"feedbridge_plan"'))


def free_for_page(path: Path | None, plan: Path | None) -> None:
    """Raises CommandError when a file is there that is no page of a plan, or when it is to be the plan as well."""
    from feedbridge.errors import CommandError

    if path is not None and plan is not None and os.path.realpath(path) == os.path.realpath(plan):
        raise CommandError(
            "--out and --html name the same file", where=str(path), code="command.out", mend="name two files"
        )
    free(path, "a page of a plan", lambda head: b'name="generator" content="feedbridge ' in head and b"<title>Plan: " in head)


def free(path: Path | None, kind: str, ours: Callable[[bytes], bool]) -> None:
    from feedbridge.errors import CommandError

    if path is None or not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head and not ours(head):
        raise CommandError(
            f"is there already and is not {kind}, so it may be somebody's work", where=str(path), code="command.out",
            mend="name another file",
        )


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

    is_file = plan is not None and (os.sep in plan or Path(plan).is_file())
    wanted: dict[str, Any] = {"plan": plan} if is_file else {"job": plan}
    return run(lambda **watching: api.apply_plan(**wanted, jobs=jobs, release=release, **watching),
               None if is_file else plan, jobs, options)


def run(work: Callable[..., Any], job: str | None, jobs: Path | None, options: dict[str, Any]) -> int:
    """One run, watched and shown."""
    from feedbridge.report.log import Log, run_at_hand
    from feedbridge.report.progress import progress_for

    log = Log(sys.stderr, options["log_format"], plain=NAMES) if options["log_format"] else None
    run_at_hand.set("")
    waits = Waiting()

    def observe(event: str, **fields: Any) -> None:
        if "run" in fields:
            run_at_hand.set(fields["run"])
        if log is not None:
            if event not in QUIET_EVENTS:
                log.event(event, level="warning" if event in WARNINGS else "info", **fields)
            return
        if event == "warning":  # an alert or metrics that could not be had: never silent
            note(f"warning: {fields.get('message', '')}")
        said = waits.line(event, fields)
        if said and not options["quiet"]:
            bar.close()  # or the line would be drawn into it
            note(said)

    quiet = options["quiet"] or log is not None or not is_terminal(sys.stderr)
    with stop_switch(options["log_format"]) as (stop, sending), ExitStack() as bar:
        progress = bar.enter_context(progress_for(sys.stderr, quiet=quiet))
        progress.start(job or "feed")
        done = 0

        def advance(records: int) -> None:
            nonlocal done
            progress.advance(max(0, records - done))
            done = records

        try:
            report = work(observe=observe, stop=stop, sending=sending, progress=advance, metrics=options["metrics"])
        except KeyboardInterrupt:
            if run_at_hand.get() and log is None:
                note("interrupted; what was sent is written down, and the next run settles what is not known")
                return 130
            raise
        progress.finish()
    for warning in report.warnings:
        if log is None:
            note(f"warning: {warning}")
        else:
            log.event("warning", level="warning", message=warning)
    # What was delivered stays delivered, whatever becomes of the words about it.
    with suppress(OSError):
        show(report, options, log, jobs)
    status: int = report.status
    return status


class Waiting:
    """What a person is told of a run that waits: otherwise it would be silent for minutes."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[str, str]] = {}

    def line(self, event: str, fields: dict[str, Any]) -> str:
        """One line for an event of a wait, else nothing."""
        target = str(fields.get("target", ""))
        if event == "answered":
            self._answers[target] = (str(fields.get("reach", "")), str(fields.get("message") or ""))
        if event not in ("waiting", "retry"):
            return ""
        reach, message = self._answers.get(target, ("", ""))
        what = {"unsent": "cannot be reached", "wait": "asks to wait"}.get(reach, "gave no answer to go by")
        why = str(fields.get("message") or message)
        seconds = float(fields.get("seconds", fields.get("wait", 0)))
        return f"{target}: {what}{f' ({why})' if why else ''}; trying again in {seconds:,.0f} s"


def is_terminal(stream: Any) -> bool:
    """Whether people look at a stream; a closed one is none."""
    try:
        return stream is not None and bool(stream.isatty())
    except (OSError, ValueError):
        return False


def note(text: str) -> None:
    """One line on stderr. That it cannot be written stops nothing."""
    from feedbridge.report.plain import fit, showable

    with suppress(OSError, ValueError):
        click.echo(fit(showable(text), sys.stderr), err=True)


def show(report: Any, options: dict[str, Any], log: Any, jobs: Path | None) -> None:
    """What was done: JSON on stdout when asked for, words on stderr."""
    from feedbridge.report.plan_text import render_plan, render_result

    result = report.result()
    remarks = remarks_on(report, result, jobs)
    if options["as_json"]:
        try:
            sys.stdout.write(json.dumps(result, indent=2) + "\n")
            sys.stdout.flush()
        except OSError as exc:
            if exc.errno != errno.EPIPE:
                remarks.append(f"the result could not be printed: {exc.strerror or exc}")
    if log is not None:
        for remark in remarks:
            log.event("note", message=remark, run=report.run)
        log.event("result", level="info" if report.status == 0 else "warning", **result)
        return
    if options["quiet"] and report.status == 0:
        return
    if report.took_over:
        note(f"note: {report.took_over}")
    header = plain(report.header)
    if report.status == 4:
        for said in looked_up(report):
            note(said)
        render_plan(header, plain_changes(report), sys.stderr, limit=10, about=meanings(header))
        return
    render_result(result, sys.stderr)
    held = max((target.products.get("held_back", 0) for target in report.header.targets), default=0)
    if held:
        where = shlex.join(["feedbridge", "quarantine", "list", report.job, *said_jobs(jobs)])
        note(f"held back: {held:,} {'product' if held == 1 else 'products'}; see {where}")
    for remark in remarks:
        note(remark)


def remarks_on(report: Any, result: dict[str, Any], jobs: Path | None) -> list[str]:
    """What a run looked titles up in, and what is left for a person to do after it."""
    from feedbridge.sync.outboxes import outbox_words

    found = looked_up(report)
    for target in result["targets"]:
        if "outbox" in target:
            found += outbox_words(target["name"], target["place"], report.job, target["outbox"], said_jobs(jobs))
        if waits := target.get("no_id"):
            more = waits["number"] - len(waits["first"])
            found.append(
                f"{target['name']}: {waits['number']:,} {'waits' if waits['number'] == 1 else 'wait'} until FlickRocket's id is "
                f"known: {', '.join(waits['first'])}{f' and {more:,} more' if more else ''}"
            )
    if report.kind == "replay" and any(
        target["done"].get(word) for target in result["targets"] for word in ("created", "updated", "replaced", "settled")
    ):
        found.append(
            "the source still has them as they were: mend it there, too, or the next sync holds them back again"
        )
    return found


def looked_up(report: Any) -> list[str]:
    """How old what titles were looked up in is: the moments that the counts of findings do not tell."""
    weights = {"mapping.catalogue-read": "note", "mapping.catalogue-old": "warning"}
    return list(dict.fromkeys(f"{weights[one.code]}: {one.message}" for one in report.examples if one.code in weights))


def said_jobs(jobs: Path | None) -> list[str]:
    """The words that name the job file again, where it was named."""
    return [] if jobs is None else ["--jobs", str(jobs)]


def meanings(header: dict[str, Any]) -> dict[str, str]:
    """What each code means: the catalogue says what is wrong, the rules of the plan's platforms what should hold."""
    from feedbridge.platforms import platform, platform_names
    from feedbridge.report.catalogue import CATALOGUE

    about = dict(CATALOGUE)
    for name in {str(target.get("platform", "")) for target in header.get("targets", ())} & set(platform_names()):
        about.update({f"{name}.{rule.number}": rule.stated for rule in platform(name).rules})
    return about


@contextmanager
def stop_switch(log_format: Literal["text", "json"] | None = None) -> Iterator[tuple[Callable[[], bool], Callable[[bool], None]]]:
    """Ctrl-C and SIGTERM: at once while the feed is read, after the call in hand while it is delivered; a second one ends
    the program where it stands (the next run settles what is not known)."""
    asked = False
    delivering = False

    def handle(number: int, frame: object) -> None:
        nonlocal asked
        if not delivering or asked:
            raise KeyboardInterrupt
        asked = True
        tell_now("stopping after the call in hand", log_format)

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


def tell_now(message: str, log_format: Literal["text", "json"] | None) -> None:
    """One line from inside a signal handler, past the buffer of stderr: the signal may have come while that was written to."""
    import io

    from feedbridge.report.log import Log

    with suppress(OSError, ValueError, AttributeError):
        text = io.StringIO()
        if log_format is None:
            text.write(message + "\n")
        else:
            Log(text, log_format).event("stopping", level="warning", message=message)
        os.write(sys.stderr.fileno(), text.getvalue().encode("utf-8", "backslashreplace"))


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

    write_plan_page(path, header, plain_changes(report), about=meanings(header), **shown)


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
