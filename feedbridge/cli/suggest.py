"""``feedbridge mapping suggest``: a commented starting mapping for a file nobody has described."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from feedbridge.cli.convert import spooled

__all__ = ["suggest"]


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Mapping file to write (default: standard output).",
)
@click.option(
    "--to",
    "platforms",
    multiple=True,
    default=("flipsnack", "magento"),
    show_default=True,
    metavar="PLATFORM",
    help="Platform the mapping is tried for; may be given several times.",
)
@click.option("--force", is_flag=True, help="Replace FILE when it is there.")
def suggest(source: str, out: Path | None, platforms: tuple[str, ...], force: bool) -> int:
    """Write a starting mapping for SOURCE.

    Every line says why: what the column's name and values are like, how many rows have it, three of its values. The
    mapping is tried on the first 1,000 products; what a person has to decide stands at its top.
    """
    from feedbridge import api
    from feedbridge.report.plain import fit, showable

    paths, names = spooled((source,))
    thing = paths[0] if names is not None else source
    draft = api.suggest(thing, out=out, to=platforms, name=names[0] if names else None, replace=force)
    if out is None:
        sys.stdout.write(fit(draft.text(), sys.stdout))
        sys.stdout.flush()
    for line in [*draft.checked, *(["To decide:"] if draft.decide else []), *(f"  - {line}" for line in draft.decide)]:
        click.echo(fit(showable(line), sys.stderr), err=True)
    if out is not None:
        given = [word for key, value in draft.trial.items() for word in ("--set", f"{key}={value}")]
        words = ["feedbridge", "check", source, "--mapping", str(out), *given, "--to", platforms[0]]
        own = " (put your own values after --set)" if given else ""
        click.echo(f"wrote {showable(str(out))}: read it, then{own}:", err=True)
        click.echo(f"  {showable(shlex.join(words))}", err=True)
    return draft.exit_status
