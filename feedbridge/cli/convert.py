"""``feedbridge convert`` and ``feedbridge check``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

__all__ = ["check", "convert"]


def parse_settings(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """``key=value`` words as a dict."""
    values: dict[str, str] = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{word!r} is not key=value, as in --set currency=EUR")
        values[key.strip()] = value
    return values


def shared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What convert and check have in common."""
    options = [
        click.argument("sources", nargs=-1, required=True, metavar="SOURCE..."),
        click.option(
            "--to",
            "platforms",
            multiple=True,
            required=True,
            metavar="PLATFORM",
            help="flipsnack, magento or flickrocket; may be given several times.",
        ),
        click.option(
            "--mapping",
            default="auto",
            show_default=True,
            metavar="NAME|FILE|auto",
            help="A preset's name, a mapping file, or auto: recognise the file by its columns.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            callback=parse_settings,
            metavar="KEY=VALUE",
            help="What the file cannot say (--set currency=EUR), or a platform's setting (--set flipsnack.feed=summer).",
        ),
        click.option(
            "--workers", type=click.IntRange(1), metavar="N", help="Processes for large files (default: the cores)."
        ),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="Stop after N products."),
        click.option("--strict", is_flag=True, help="Check every product against the pydantic model, too."),
        click.option("--json", "as_json", is_flag=True, help="Print the manifest on stdout."),
        click.option(
            "--quiet",
            is_flag=True,
            help="Say nothing when all is well (for cron): only errors, and what was held back.",
        ),
        click.option("--allow-empty", is_flag=True, help="Accept a source without any record."),
        click.option("--log-format", type=click.Choice(["text", "json"]), help="Plain log lines on stderr, for cron."),
        click.option("--download", is_flag=True, help="Fetch content named by http(s) URL (FlickRocket)."),
        click.option("--check-images", is_flag=True, help="Look at every picture: is it there, whole, of the right type?"),
        click.option(
            "--image-cache",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Where --check-images keeps what it knows (default: the user's cache folder).",
        ),
        click.option(
            "--image-hosts",
            multiple=True,
            metavar="HOST[:PORT]",
            help="A picture server in a private network that may be asked; may be given several times.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@shared_options
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder to make; an earlier feedbridge output is replaced as a whole.",
)
@click.option("--no-report", is_flag=True, help="Leave report.html out.")
@click.option(
    "--with-credentials",
    is_flag=True,
    help="Write the FlickRocket login from the environment into the folders (mode 0600).",
)
def convert(out: Path, with_credentials: bool, no_report: bool, **options: Any) -> int:
    """Convert SOURCE for one or several platforms.

    SOURCE is a file, a glob, or - for standard input. Writes DIR/<platform>/…, manifest.json, findings.jsonl,
    report.html (one page to look at) and quarantine/ with the records that were held back.
    """
    settings = dict(options["settings"])
    if with_credentials:
        settings["flickrocket.with_credentials"] = "true"
    return work({**options, "settings": settings, "report": not no_report}, out)


@click.command()
@shared_options
def check(**options: Any) -> int:
    """The same as convert, without writing anything."""
    return work(options, None)


def work(options: dict[str, Any], out: Path | None) -> int:
    """One run, shown."""
    from feedbridge import api
    from feedbridge.report.log import Log
    from feedbridge.report.progress import progress_for

    settings = dict(options["settings"])
    if options["download"]:
        settings["flickrocket.download"] = "true"
    sources, names = spooled(options["sources"])
    log = Log(sys.stderr, options["log_format"]) if options["log_format"] else None
    arguments: dict[str, Any] = {
        "to": list(dict.fromkeys(options["platforms"])),
        "mapping": options["mapping"],
        "set": settings,
        "workers": options["workers"],
        "limit": options["limit"],
        "allow_empty": options["allow_empty"],
        "strict": options["strict"],
        "names": names,
        "check_images": image_settings(options),
    }
    started = time.monotonic()
    if log is not None:
        log.event("started", sources=list(options["sources"]), platforms=arguments["to"], out=str(out) if out else None)
    with progress_for(
        sys.stderr, log=log, quiet=options["quiet"] or (log is None and not sys.stderr.isatty())
    ) as progress:
        progress.start(", ".join(options["sources"]))
        done = 0

        def advance(records: int) -> None:
            nonlocal done
            progress.advance(records - done)
            done = records

        pictures = 0

        def advance_pictures(number: int) -> None:
            nonlocal pictures
            if not pictures and number:
                progress.finish()
                progress.start("pictures")
            progress.advance(number - pictures)
            pictures = number

        arguments["image_progress"] = advance_pictures
        result = (
            api.check(sources, **arguments, progress=advance)
            if out is None
            else api.convert(sources, **arguments, out=out, progress=advance, report=options["report"])
        )
        progress.finish()
    show(result, options, log, time.monotonic() - started)
    return result.exit_status


def image_settings(options: dict[str, Any]) -> Any:
    """What --check-images and its options say; False when pictures are not checked."""
    if not options["check_images"]:
        if options["image_cache"] or options["image_hosts"]:
            raise click.UsageError("--image-cache and --image-hosts go with --check-images")
        return False
    from feedbridge.images import ImageSettings

    return ImageSettings(cache=options["image_cache"], hosts=options["image_hosts"])


def show(result: Any, options: dict[str, Any], log: Any, seconds: float) -> None:
    """Findings and summary on stderr, the manifest on stdout when asked for."""
    from feedbridge.report.terminal import render_findings, render_summary

    if options["as_json"]:
        with suppress(OSError, AttributeError):  # stdout is closed or full: the output is written all the same
            sys.stdout.write(json.dumps(result.manifest, ensure_ascii=True, indent=2) + "\n")
            sys.stdout.flush()
    warnings = [
        (name, text) for name, about in result.manifest["platforms"].items() for text in about.get("warnings", ())
    ]
    shown = result.first_findings
    if options["quiet"]:
        shown = [finding for finding in shown if finding.severity == "error"]
        if not result.exit_status and log is None:
            return
    if log is not None:
        for name, text in warnings:
            log.event("warning", level="warning", platform=name, message=text)
        for finding in shown:
            log.event("finding", level="warning" if finding.severity == "error" else "info", **finding.to_dict())
        for name, counts in result.counts.items():
            log.event("counts", platform=name, **counts)
        log.event(
            "finished",
            seconds=round(seconds, 3),
            findings=result.finding_counts,
            exit_status=result.exit_status,
            out=str(result.out) if result.out else None,
        )
        return
    for name, text in warnings:
        click.echo(f"{name}: {text}", err=True)
    severities = result.manifest["findings"]["by_severity"]
    weighty = [finding for finding in shown if finding.severity != "advice"]
    codes = {finding.code for finding in weighty}
    total = {code: count for code, count in result.finding_counts.items() if code in codes}
    render_findings(weighty, total=total, limit=3, stream=sys.stderr, about=explanations(result))
    advice = {finding.code: finding for finding in reversed(shown) if finding.severity == "advice"}
    for code, finding in sorted(advice.items()):
        count = result.finding_counts[code]
        say(
            ": ".join(part for part in ("advice", finding.place(), finding.message) if part)
            + (f" (and {count - 1:,} more)" if count > 1 else "")
            + f" [{code}]"
        )
    for mapping in result.manifest["mappings"]:
        recognised = recognition(mapping["name"]) if options["mapping"] == "auto" else ""
        click.echo(f"mapping: {mapping['name']}{recognised}", err=True)
    if (pictures := result.manifest.get("images")) is not None:
        click.echo("pictures: {checked:,} checked, {dead:,} dead, {from_cache:,} unchanged".format(**pictures), err=True)
    render_summary(
        result.counts,
        result.out,
        sys.stderr,
        severities=severities,
        seconds=seconds,
        quarantine=[file["path"] for file in result.manifest["quarantine"]],
        scores={name: (about["score"], about["losses"]) for name, about in result.manifest["platforms"].items()},
    )


def recognition(name: str) -> str:
    """How a mapping was come by: a preset for a format, or the one for files of no known format."""
    from feedbridge.mapping.load import load_mapping

    mapping = load_mapping(name)
    if mapping.file.recognise is not None and mapping.file.recognise.fallback:
        return " (no format is recognised: read by ordinary column names; see what is used with feedbridge explain)"
    return " (recognised by its columns)"


def say(text: str) -> None:
    """One line for people, whatever the feed has put into it."""
    from feedbridge.report.plain import fit, showable

    click.echo(fit(showable(text), sys.stderr), err=True)


def explanations(result: Any) -> dict[str, str]:
    """What each code means: the catalogue says what is wrong, the rules of the platforms what should hold."""
    from feedbridge.platforms import platform
    from feedbridge.report.catalogue import CATALOGUE

    about = dict(CATALOGUE)
    for name in result.counts:
        about.update({f"{name}.{rule.number}": rule.stated for rule in platform(name).rules})
    return about


def spooled(sources: tuple[str, ...]) -> tuple[list[str], list[str] | None]:
    """Sources with standard input put into a file that can be read twice, and how findings show them."""
    if "-" not in sources:
        return list(sources), None
    from feedbridge.errors import CommandError
    from feedbridge.sources.files import expand, spool_stdin

    if sources.count("-") > 1:
        raise CommandError("standard input can be read once only", code="command.source", mend="give - once")
    paths: list[str] = []
    names: list[str] = []
    for source in sources:
        if source == "-":
            paths.append(str(spool_stdin(sys.stdin.buffer)))
            names.append("<stdin>")
        else:
            found = [str(path) for path in expand([source])]
            paths += found
            names += found
    return paths, names
