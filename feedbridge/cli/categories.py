"""``feedbridge mapping categories``: which categories of a source have a target, and which do not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from feedbridge.cli.convert import parse_settings

__all__ = ["categories"]

SHOWN = 40


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--targets",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help='The categories to assign to: lines of "id - A > B > C", CSV with id and path, JSON or YAML.',
)
@click.option(
    "--mapping", default="auto", show_default=True, metavar="NAME|FILE|auto", help="How SOURCE is read, as for convert."
)
@click.option(
    "--set", "settings", multiple=True, callback=parse_settings, metavar="KEY=VALUE", help="What the file cannot say."
)
@click.option(
    "--lookup", type=click.Path(path_type=Path), metavar="FILE", help="A lookup file that assigns some already."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a lookup file to start from."
)
@click.option("--separator", default=">", show_default=True, help="What stands between the steps of a target's path.")
@click.option("--json", "as_json", is_flag=True, help="Print the coverage as JSON on stdout.")
def categories(
    sources: tuple[str, ...],
    targets: Path,
    mapping: str,
    settings: dict[str, str],
    lookup: Path | None,
    out: Path | None,
    separator: str,
    as_json: bool,
) -> int:
    """Compare the categories of SOURCE with those of a target, and write a lookup file to start from.

    Exit status: 0 every path is assigned (by --lookup, or by what --out was filled with), 1 some are not.
    """
    from feedbridge.cli.convert import spooled
    from feedbridge.run.categories import (
        can_be_written,
        cover,
        no_categories,
        read_lookup,
        read_targets,
        seen_in,
        write_starter,
    )
    from feedbridge.run.inputs import open_inputs

    if out is not None:
        can_be_written(out, lookup)
    known = read_targets(targets, separator=separator)
    table = read_lookup(lookup) if lookup is not None else None
    paths, names = spooled(sources)
    seen = seen_in(open_inputs(paths, mapping, settings, names))
    if not seen.paths:
        raise no_categories(seen, ", ".join(names or paths))
    coverage = cover(seen, known, table)
    if out is not None:
        write_starter(coverage, out, instead_of=lookup)
    if as_json:
        json.dump(coverage.to_dict(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        show(coverage, lookup, out)
    return 1 if coverage.of("")[0] or (out is None and coverage.of("match")[0]) else 0


def show(coverage: Any, lookup: Path | None, out: Path | None) -> None:
    """Counts, then the paths that need a person, the most frequent first."""
    from feedbridge.report.plain import showable

    def say(text: str = "") -> None:
        click.echo(showable(text))

    seen = coverage.seen
    say(f"{some(seen.products, 'product')}, {some(len(coverage.rows), 'category path')}" + told(seen))
    for by, label in (
        ("lookup", f"assigned by {lookup}"),
        ("match", f"same as a target, {'filled in' if out else 'would be filled in with --out'}"),
        ("", "not assigned"),
    ):
        paths, products = coverage.of(by)
        if paths or not by:
            say(f"  {label}: {some(paths, 'path')}, {some(products, 'product')}")
    for path, given in coverage.unknown_ids[:SHOWN]:
        say(f'  "{path}" is assigned to {given}, which no target has')
    if coverage.without_id:
        own = coverage.without_id
        verb = "has" if len(own) == 1 else "have"
        more = f" and {len(own) - 5:,} more" if len(own) > 5 else ""
        say(f"  {some(len(own), 'target')} {verb} no id and can be proposed only: "
            f"{', '.join(target.shown for target in own[:5])}{more}")  # fmt: skip
    rows = [row for row in coverage.rows if not row.by]
    if rows:
        say()
        say("products  score  path -> nearest target")
    for row in rows[:SHOWN]:
        near = f"{row.target.shown} ({row.target.id or 'no id'})" if row.target else "none is near"
        say(f"{row.products:8,}  {row.score:5.0f}  {row.key} -> {near}")
    if len(rows) > SHOWN:
        say(f"and {len(rows) - SHOWN:,} more" + (f" in {out}" if out else "; --out FILE or --json has them all"))
    if coverage.strange:
        say()
        say("Hardly any path comes near a target: names are compared by their words, so both must be in one language.")
        say("Many taxonomies come in several languages; take the one your categories are in.")
    if out is not None:
        say()
        say(f"written: {out}; fill in the empty ids, then use it in the mapping:")
        say(f"  lookup: {{file: {out.name}, key: path, value: id}}")


def told(seen: Any) -> str:
    """What is to be known of products that are not in the counts."""
    parts = []
    if seen.without:
        parts.append(f"{some(seen.without, 'product')} without any")
    if seen.unread:
        parts.append(f"{some(seen.unread, 'product')} could not be read" + (f": {seen.reason}" if seen.reason else ""))
    return f" ({'; '.join(parts)})" if parts else ""


def some(number: int, thing: str) -> str:
    """``1 path``, ``2 paths``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
