"""``feedbridge flickrocket check`` and ``feedbridge flickrocket verify``: going live."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from feedbridge.cli.flickrocket import json_option, shop_option

if TYPE_CHECKING:
    from feedbridge.platforms.flickrocket.check import Readiness
    from feedbridge.platforms.flickrocket.client import Client
    from feedbridge.platforms.flickrocket.verify import Standing
    from feedbridge.sync.history import History
    from feedbridge.sync.jobfile import Job
    from feedbridge.sync.ledger_rows import TargetRow

__all__ = ["COMMANDS"]

folder_argument = click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
MOST_EVENTS = 100_000


@contextmanager
def connected(shop: str) -> Iterator[Client]:
    from feedbridge.platforms.flickrocket.client import connect

    with connect(shop, environment=os.environ, say=lambda sentence: click.echo(sentence, err=True)) as client:
        yield client


@click.command()
@folder_argument
@click.option("--currency", "currencies", multiple=True, metavar="CODE",
              help="Every price needs an amount in it; may be given several times (default: what most of the shop's other "
              "valid prices have, and EUR or USD at least).")
@shop_option
@json_option
def check(folder: Path, currencies: tuple[str, ...], shop: str, as_json: bool) -> int:
    """Before you drop the folders in DIR: would their products go live? Nothing is changed.

    DIR is an outbox of sync, an output of convert, or one product folder. Licences, prices, categories and themes have to
    be there and valid. Exit status 1: a product is not ready.
    """
    from feedbridge.platforms.flickrocket.check import check as checked
    from feedbridge.platforms.flickrocket.product_folders import read_folders

    folders = read_folders(folder)
    if not folders:
        return nothing_waits(folder, as_json)
    with connected(shop) as client:
        found = checked(client, folders, currencies)
    waiting = sum(not one.ready for one in found)
    if as_json:
        print_json([one.shown() for one in found])
    else:
        for one in found:
            print_lines(readiness_lines(one))
        click.echo(f"{len(found) - waiting:,} of {len(found):,} ready" + (f", {waiting:,} not" if waiting else ""), err=True)
    return 1 if waiting else 0


def nothing_waits(folder: Path, as_json: bool = False) -> int:
    """What is said of an outbox whose folders were all uploaded."""
    from feedbridge.report.plain import showable

    if as_json:
        print_json([])
    click.echo(showable(f"nothing waits in {folder}"), err=True)
    return 0


def readiness_lines(one: Readiness) -> Iterator[str]:
    title = f' "{one.title}"' if one.title else ""
    yield f"{one.folder}{title}: {'ready' if one.ready else 'not ready'}{f' ({one.action})' if one.action else ''}"
    for fault in one.why:
        yield f"  {fault.message}{f' [{fault.code}]' if fault.code else ''}"
        if fault.mend:
            yield f"    mend: {fault.mend}"
    for note in one.notes:
        yield f"  note: {note}"


@click.command()
@folder_argument
@click.option("--leave", is_flag=True, help="With --job: leave uploaded folders where they are.")
@click.option("--job", metavar="JOB", help="Write the short ids of new products to this job's ledger, so that the next sync "
              "updates them.")
@click.option("--target", metavar="NAME", help="Which of the job's targets; not needed when there is one.")
@click.option("--jobs", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The job file (default: FEEDBRIDGE_JOBS, else ./feedbridge.yaml).")
@click.option("--adopt", is_flag=True, help="Take also the id of a product that was released before its folder was written.")
@click.option("--wait", "wait_seconds", type=click.FloatRange(0, 86400), default=0, metavar="SECONDS",
              help="Ask again until all are live, and updates as their folders say, or until this time is over.")
@click.option("--events", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The file of events that listen keeps: they tell which product is new where several have one title "
              "(default: FEEDBRIDGE_FLICKROCKET_EVENTS, else the one in your state folder, where there is one).")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the columns sku and id there, as feedbridge ids import takes them.")
@shop_option
@json_option
def verify(
    folder: Path, leave: bool, job: str | None, target: str | None, jobs: Path | None, adopt: bool, wait_seconds: float,
    events: Path | None, csv_file: Path | None, shop: str, as_json: bool,
) -> int:
    """After you dropped the folders in DIR: are their products live, and as the folders say?

    A new product is found by its title, type and version. Exit status 1: a product is not live, not there, not as its
    folder says, or several would do.
    """
    from feedbridge.platforms.flickrocket.product_folders import read_folders
    from feedbridge.platforms.flickrocket.verify import expected
    from feedbridge.platforms.flickrocket.verify import verify as verified

    if target is not None and job is None:
        raise click.UsageError("--target is of a job: name it with --job")
    folders = read_folders(folder)
    if not folders:
        if csv_file is not None:
            write_ids(csv_file, (), adopt)
        return nothing_waits(folder, as_json)
    announced = announced_products(events)
    with ledger(job, target, jobs) as kept, connected(shop_of(job, jobs, shop)) as client:
        rows = list(kept.rows()) if kept is not None else []
        standings = verified(
            client, expected(folders, rows), others=kept.others() if kept is not None else None, announced=announced,
            wait_seconds=wait_seconds,
            told=(lambda found: kept.note(found, adopt)) if kept is not None else (lambda found: None),
        )
    if csv_file is not None:
        write_ids(csv_file, standings, adopt)
    if as_json:
        print_json([one.shown() for one in standings])
    else:
        for one in standings:
            print_lines(standing_lines(one))
        click.echo(counted(standings), err=True)
    if kept is not None and kept.noted:
        click.echo(f"{len(kept.noted):,} {'id' if len(kept.noted) == 1 else 'ids'} written to the ledger", err=True)
    if kept is not None and not leave:
        moved = put_aside(folder, standings, adopt)
        if moved:
            click.echo(f"{moved:,} uploaded {'folder' if moved == 1 else 'folders'} moved to {aside(folder)}", err=True)
    if any(one.older for one in standings) and not adopt:
        click.echo("ids of products older than their folder are not taken without --adopt", err=True)
    return 0 if all(one.right for one in standings) else 1


def shop_of(job: str | None, jobs: Path | None, shop: str) -> str:
    """The shop that a job's REST target delivers to, where the command names no other."""
    if job is None or shop != "default":
        return shop
    from feedbridge.sync.jobfile import load_jobs

    chosen = load_jobs(jobs, environment=os.environ).job(job)
    shops = {getattr(chosen.delivery_settings(name), "shop", shop) for name in chosen.spec.targets} - {shop}
    return shops.pop() if len(shops) == 1 else shop


def aside(folder: Path) -> Path:
    """Where folders go that were uploaded: beside the outbox, so that nobody drops them again."""
    whole = Path(os.path.abspath(folder))
    return whole.with_name(f"{whole.name}-uploaded")


def put_aside(folder: Path, standings: Sequence[Standing], adopt: bool) -> int:
    """Move the folders of new products that are live as their folder says: dropped once more, they would be made twice.
    A folder that changes a product stays, since its content cannot be compared. How many were moved."""
    from feedbridge.platforms.flickrocket.product_folders import product_folders

    there = {path.name: path for path in product_folders(folder)}
    number = 0
    for one in standings:
        sure = one.right and one.action == "create" and len(one.folders) == 1 and (adopt or not one.older)
        path = there.get(one.folders[0]) if sure else None
        if path is None or path == Path(os.path.abspath(folder)):
            continue
        target, count = aside(folder) / path.name, 1
        while target.exists():
            count += 1
            target = aside(folder) / f"{path.name}.{count}"
        try:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            path.rename(target)
        except OSError as exc:
            click.echo(f"warning: {path} could not be moved aside: {exc.strerror or exc}", err=True)
            continue
        number += 1
    return number


COMMANDS = [check, verify]


def announced_products(events: Path | None) -> dict[int, float]:
    """Short ids that webhooks told as made, each with when it was first told."""
    from feedbridge.platforms.flickrocket.events import EventStore
    from feedbridge.platforms.flickrocket.webhooks import events_path

    path = events if events is not None else events_path(os.environ)
    if not path.exists():
        if events is not None:
            from feedbridge.errors import CommandError

            raise CommandError("there is no such file", where=str(events), code="flickrocket.events",
                               mend="name the file that feedbridge flickrocket listen keeps")
        return {}
    found: dict[int, float] = {}
    with EventStore(path) as store:
        for event in store.events(limit=MOST_EVENTS):
            if event.scope == "product/create" and event.product_id is not None:
                found.setdefault(event.product_id, event.received)
    return found


class Kept:
    """A target's rows of a ledger. ``noted``: SKUs whose ids were written."""

    def __init__(self, history: History, target: TargetRow, id_pattern: str) -> None:
        self._history = history
        self._target = target
        self._pattern = id_pattern
        self.noted: dict[str, str] = {}

    def rows(self) -> Iterator[tuple[str, str]]:
        """(SKU, short id or empty) of what the platform is not known to have lost."""
        for row in self._history.ledger.rows(self._target.id):
            if row.state != "deleted":
                yield row.key, row.platform_id

    def others(self) -> dict[int, str]:
        """Short id -> SKU of all that any job of this ledger has at FlickRocket."""
        found: dict[int, str] = {}
        for job in self._history.ledger.jobs():
            for target in self._history.ledger.targets(job.id):
                if target.platform.startswith("flickrocket"):
                    for row in self._history.ledger.rows(target.id):
                        if row.state != "deleted" and re.fullmatch(self._pattern, row.platform_id):
                            found.setdefault(int(row.platform_id), row.key)
        return found

    def note(self, standings: Sequence[Standing], adopt: bool) -> None:
        """Write the ids of new products that are sure and not known yet; each as soon as it is told."""
        ids = {
            one.sku: str(one.id) for one in standings
            if one.in_ledger and one.action == "create" and one.id is not None and (adopt or not one.older)
            and re.fullmatch(self._pattern, str(one.id)) and one.sku not in self.noted
        }
        new = {sku: id for sku, id in ids.items() if self._lacks(sku)}
        if new:
            self._history.ledger.set_platform_ids(self._target.id, new)
            self.noted |= new

    def _lacks(self, sku: str) -> bool:
        row = self._history.ledger.row(self._target.id, sku)
        return row is not None and not row.platform_id and row.state != "deleted"


@contextmanager
def ledger(job: str | None, target: str | None, jobs: Path | None) -> Iterator[Kept | None]:
    if job is None:
        yield None
        return
    from feedbridge.errors import CommandError
    from feedbridge.sync.history import History
    from feedbridge.sync.jobfile import load_jobs

    with History(load_jobs(jobs, environment=os.environ), os.environ) as history:
        wanted: Job = history.file.job(job)
        row = history.target(wanted, target if target is not None else only_flickrocket(wanted))
        if not row.platform.startswith("flickrocket"):
            raise CommandError(
                f'the target "{row.name}" is of {row.platform}', where=f"job {job}", code="command.target",
                mend="name a FlickRocket target with --target")
        yield Kept(history, row, type(wanted.delivery_settings(row.name)).id_pattern)


def only_flickrocket(job: Job) -> str | None:
    """The job's one FlickRocket target; None when there is none, or there are several."""
    names = [name for name, target in job.spec.targets.items() if target.platform.startswith("flickrocket")]
    return names[0] if len(names) == 1 else None


def standing_lines(one: Standing) -> Iterator[str]:
    title = f' "{one.title}"' if one.title else ""
    ids = f" as {one.id}{f' ({one.long_id})' if one.long_id else ''}" if one.id is not None else ""
    why = f": {'; '.join(one.why)}" if one.why else ""
    yield f"{one.sku}{title}: {one.state}{ids}{why}"
    if one.mend:
        yield f"    mend: {one.mend}"
    for differs in one.differs:
        yield f"  differs: {differs.field}: the folder says {said(differs.folder)}, the shop has {said(differs.shop)}"
    for note in one.notes:
        yield f"  note: {note}"


def said(text: str | None) -> str:
    return "nothing" if text is None else f'"{text}"'


def counted(standings: Sequence[Standing]) -> str:
    states: dict[str, int] = {}
    for one in standings:
        states[one.state] = states.get(one.state, 0) + 1
    differing = sum(bool(one.differs) for one in standings)
    unknown = sum(bool(one.content) for one in standings)
    return f"{states.pop('live', 0):,} of {len(standings):,} live" + "".join(
        f", {number:,} {state}" for state, number in states.items()) + (
        f"; {differing:,} not as the folder says" if differing else "") + (
        f"; of {unknown:,} it cannot be told whether new content was uploaded" if unknown else "")


def write_ids(path: Path, standings: Sequence[Standing], adopt: bool) -> None:
    """A CSV file with the columns sku and id, of products that are sure. SKUs are as they are: the file is for a program."""
    from feedbridge.cli.flickrocket_fulfillments import written

    ids = [(one.sku, one.id) for one in standings if one.id is not None and (adopt or not one.older)]

    def write(file: Any) -> None:
        import io

        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("sku", "id"))
        writer.writerows(ids)
        text.detach()

    written(path, write)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def print_lines(lines: Iterator[str], show: Callable[[str], Any] = click.echo) -> None:
    from feedbridge.report.plain import fit, showable

    for line in lines:
        show(fit(showable(line), sys.stdout))
