"""``feedbridge flickrocket fulfillments`` and ``feedbridge flickrocket tracking``: parcels out, tracking numbers in."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeVar, cast

import click

from feedbridge.cli.flickrocket import json_option, shop_option, write_json

if TYPE_CHECKING:
    from feedbridge.errors import CommandError
    from feedbridge.platforms.flickrocket.fulfillments import Result

__all__ = ["COMMANDS", "written"]

T = TypeVar("T")


@click.command()
@click.option("--open", "state", flag_value="open", help="Only parcels that are not sent yet.")
@click.option("--complete", "state", flag_value="complete", help="Only parcels that are sent.")
@click.option("--from", "since", metavar="DATE", help="Only orders made from then on: 2024-03-01, or 2024-03-01T10:00:00 (GMT).")
@click.option("--until", metavar="DATE", help="Only orders made until then; a day is the whole day.")
@click.option("--to", "format", type=click.Choice(["csv", "xlsx", "json"]), required=True, help="Format of the file.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there, not on stdout.")
@shop_option
def fulfillments(
    state: Literal["open", "complete"] | None, since: str | None, until: str | None, format: Literal["csv", "xlsx", "json"],
    out: Path | None, shop: str,
) -> int:
    """Write the parcels to be sent, for the warehouse: one row a line item."""
    from feedbridge.platforms.flickrocket.client import connect
    from feedbridge.platforms.flickrocket.fulfillments import export, parcels

    if format == "xlsx" and out is None:
        raise click.UsageError("a workbook is no text: name a file with --out")
    with connect(shop, environment=os.environ, say=lambda sentence: click.echo(sentence, err=True)) as client:
        listing = client.fulfillments(since, until, state)
        orders: set[str] = set()

        def rows() -> Iterator[dict[str, Any]]:
            for row in parcels(listing):
                orders.add(row["order"])
                yield row

        def write(file: BinaryIO) -> int:
            return export(rows(), format, file)

        if out is None:
            with tempfile.SpooledTemporaryFile(MOST_SPOOLED_BYTES) as whole:  # a list that breaks off is not printed
                count = write(cast(BinaryIO, whole))
                whole.seek(0)
                sys.stdout.flush()
                shutil.copyfileobj(whole, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            count = written(out, write)
    click.echo(
        f"{count:,} {'row' if count == 1 else 'rows'} of {len(orders):,} {'order' if len(orders) == 1 else 'orders'}", err=True)
    return 0


@click.command()
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Read the parcels and show what would change; nothing is sent.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write what came of each order there, as CSV.")
@shop_option
@json_option
def tracking(file: Path, dry_run: bool, out: Path | None, shop: str, as_json: bool) -> int:
    """Give FlickRocket the tracking numbers of FILE.csv: columns order, tracking and, if wanted, state (open, complete).

    Several tracking numbers of an order stand in one cell, with commas, semicolons or bars between them, 64 characters at
    most. The whole file is checked first, and orders with a fault in it are left out. Only what differs is sent, so the same
    file may be given again. Exit status 1: an order was not taken.
    """
    from feedbridge.platforms.flickrocket.client import connect
    from feedbridge.platforms.flickrocket.fulfillments import read_tracking, results, write_results

    wanted = read_tracking(file)
    tell_faults([one.fault for one in wanted if one.fault is not None])
    found: list[Result] = []
    try:
        with connect(shop, environment=os.environ, say=lambda sentence: click.echo(sentence, err=True)) as client:
            for one in results(client, wanted, dry_run=dry_run):
                found.append(one)
                if not as_json:
                    show(told(one))
    finally:  # also what an interrupted run has sent is on record
        if out is not None:
            written(out, lambda opened: write_results(found, opened))
    if as_json:
        write_json([one.row() for one in found])
    counts: dict[str, int] = {}
    for one in found:
        counts[one.result] = counts.get(one.result, 0) + 1
    click.echo(", ".join(f"{number:,} {result}" for result, number in counts.items()) or "the file names no order", err=True)
    error = next((one.error for one in found if one.error is not None), None)
    if error is not None:
        raise error
    return 0 if all(one.well for one in found) else 1


COMMANDS = [fulfillments, tracking]
MOST_FAULTS = 20
MOST_SPOOLED_BYTES = 1 << 24


def tell_faults(faults: list[CommandError]) -> None:
    """What is wrong in the file, on stderr; the first of them, when they are many."""
    from feedbridge.report.plain import showable

    for fault in faults[:MOST_FAULTS]:
        for line in str(fault).splitlines():
            click.echo(showable(line), err=True)
    if len(faults) > MOST_FAULTS:
        click.echo(f"and {len(faults) - MOST_FAULTS:,} more; --out FILE has them all", err=True)


def told(one: Result) -> str:
    if one.result == "refused":  # and why is on stderr
        return f"{one.tracking.order or 'no order'}: refused, line {one.tracking.line}"
    row = one.row()
    changes = [
        f"{name} {row[f'{name}_before'] or 'none'} -> {row[name]}" for name in ("tracking", "state")
        if row[name] and row[name] != row[f"{name}_before"]
    ]
    what = f": {', '.join(changes)}" if changes and one.result not in ("same", "not tried") else ""
    return f"{one.tracking.order}: {one.result}{what}{f' ({one.message})' if one.message else ''}"


def show(line: str) -> None:
    from feedbridge.report.plain import fit, showable

    click.echo(fit(showable(line), sys.stdout))


def written(path: Path, write: Callable[[Any], T]) -> T:
    """Write a file that appears whole or not at all. Raises OutputError."""
    from feedbridge.errors import OutputError

    partial = path.with_name(f".{path.name}.feedbridge-{os.getpid()}")
    try:
        with partial.open("wb") as file:
            told = write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as exc:
        raise OutputError(
            f"cannot write: {exc.strerror or exc}", where=str(path), code="output.write",
            mend="make room or give permission, then run the same command again",
        ) from exc
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return told
