"""``feedbridge flickrocket listen`` and ``feedbridge flickrocket webhooks``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from feedbridge.cli.sync import jobs_option

if TYPE_CHECKING:
    from feedbridge.platforms.flickrocket.client import Client
    from feedbridge.platforms.flickrocket.events import EventStore, Observe, ProductStanding
    from feedbridge.platforms.flickrocket.resources import Product, Webhook
    from feedbridge.sync.history import History
    from feedbridge.sync.jobfile import Job

__all__ = ["COMMANDS"]

PRODUCT_EVENTS = ("product/create", "product/update", "product/delete")

shop_option = click.option("--shop", default="default", show_default=True, metavar="NAME", help="Which shop's tokens.")
dialect_option = click.option(
    "--dialect", type=click.Choice(["plugin", "documented"]), default="plugin", show_default=True,
    help="Path and names of the API: as the vendor's own plugin has them, or as the documentation has.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
events_option = click.option(
    "--events", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The file of events, on a local disk (default: FEEDBRIDGE_FLICKROCKET_EVENTS, else one in your state folder).",
)


@click.command()
@shop_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8767, show_default=True,
              help="Port to listen on; 0 takes a free one.")
@click.option("--path", metavar="PATH", help="Where FlickRocket posts to (default: FEEDBRIDGE_FLICKROCKET_WEBHOOK_PATH, "
              "else /webhooks/flickrocket).")
@click.option("--reading", metavar="T+S", help="How hashes are read (default: FEEDBRIDGE_FLICKROCKET_WEBHOOK_READING, "
              "else T1+S1).")
@events_option
@click.option("--capture", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Keep the latest payload whose hash is refused there, for webhooks diagnose.")
@click.option("--only", type=click.Choice(["receive", "work"]),
              help="Only receive and store events, or only work those that are stored (beside a WSGI server of yours).")
@click.option("--job", metavar="JOB", help="Write the short ids of new products into this job's ledger.")
@click.option("--target", metavar="NAME", help="With --job: only into this target's; else into all FlickRocket targets'.")
@jobs_option
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="How lines on stderr are written.")
def listen(
    shop: str, host: str, port: int, path: str | None, reading: str | None, events: Path | None, capture: Path | None,
    only: str | None, job: str | None, target: str | None, jobs: Path | None, log_format: Literal["text", "json"],
) -> int:
    """Receive FlickRocket's webhooks, and read back the products they speak of.

    FEEDBRIDGE_FLICKROCKET_APP_SECRET is the app's shared secret. FlickRocket posts to https addresses with a valid
    certificate only, so put a reverse proxy before it. SIGTERM and Ctrl-C finish what is in hand.
    """
    from feedbridge.platforms.flickrocket.client import connect
    from feedbridge.platforms.flickrocket.events import EventStore, Worker
    from feedbridge.platforms.flickrocket.tokens import TokenStore
    from feedbridge.platforms.flickrocket.webhooks import EVENTS, READING, WEBHOOK_PATH, WebhookSettings, flask_there
    from feedbridge.platforms.flickrocket.webhooks import events_path as usual_path
    from feedbridge.platforms.flickrocket.webhooks import listen as listen_until_stopped

    if (target is not None and job is None) or (job is not None and only == "receive"):
        raise click.UsageError("--job goes with working events, and --target with --job")
    observe = observer(log_format)
    settings = None
    if only != "work":
        flask_there()
        given = {READING: reading, WEBHOOK_PATH: path, EVENTS: str(events) if events else None,
                 "FEEDBRIDGE_FLICKROCKET_WEBHOOK_CAPTURE": str(capture) if capture else None}
        settings = WebhookSettings.from_environment(
            {**os.environ, **{name: value for name, value in given.items() if value is not None}})
    with ExitStack() as held, EventStore(events if events is not None else usual_path()) as store:
        worker = None
        if only != "receive":
            company = TokenStore(environment=os.environ).read(shop).company_id
            # FlickRocket being busy is the worker's to sit out, so that it can also be told to stop.
            client = connect(shop, environment=os.environ, answer_seconds=30, tries=3, pause_seconds=2, patience_seconds=60)
            hook = product_hook(observe)
            if job is not None:
                hook = ids_hook(*held.enter_context(ledger_of(job, jobs, target)), target, observe, hook)
            worker = Worker(store, client.product, hook, company_id=company, observe=observe)
        listen_until_stopped(settings, worker, store=store, host=host, port=port, observe=observe)
    return 0


def observer(log_format: Literal["text", "json"]) -> Observe:
    """A line an event on stderr; it goes on when nobody reads them."""
    from feedbridge.report.log import Log

    log = Log(sys.stderr, log_format)

    def observe(event: str, *, level: Any = "info", **fields: Any) -> None:
        with suppress(OSError, ValueError):
            log.event(event, level=level, **fields)

    return observe


def product_hook(observe: Observe) -> Callable[[ProductStanding], object]:
    """What is done with a product that was read back: it is said how it stands."""

    def on_product(standing: ProductStanding) -> None:
        observe(
            "product", id=standing.id, long_id=standing.long_id, title=standing.title, live=standing.live,
            why="; ".join(standing.why),
        )

    return on_product


@contextmanager
def ledger_of(job: str, jobs: Path | None, target: str | None) -> Iterator[tuple[History, Job, list[str]]]:
    """The ledger of a job, and the names of its FlickRocket targets. Raises CommandError where there is none."""
    from feedbridge.errors import CommandError
    from feedbridge.sync.history import History
    from feedbridge.sync.jobfile import load_jobs

    with History(load_jobs(jobs, environment=os.environ), os.environ) as history:
        chosen = history.file.job(job)
        names = [name for name, spec in chosen.spec.targets.items() if spec.platform == "flickrocket"]
        if not names or (target is not None and target not in names):
            raise CommandError(
                "the job has no FlickRocket target" if not names else f'"{target}" is none of its FlickRocket targets',
                where=chosen.where("targets"), code="command.target",
                mend=f"there {'are' if len(names) > 1 else 'is'} {', '.join(names)}" if names else "name another job",
            )
        yield history, chosen, names


def ids_hook(
    history: History, job: Job, names: list[str], target: str | None, observe: Observe,
    told: Callable[[ProductStanding], object],
) -> Callable[[ProductStanding], object]:
    """What is done with a product that was read back: its short id goes into the ledger, when it can only be one item's.

    ``names``   the job's FlickRocket targets, which know its items
    ``target``  the one that is written to; None: all

    Each time what is in the ledger is read anew, so an event that comes late, twice or while a run goes on does no harm.
    """

    def on_product(standing: ProductStanding) -> None:
        told(standing)
        product = standing.product
        if product is None or standing.scope == "product/delete":
            observe("ledger.left", id=standing.id, why="it is gone there" if product is None else "the event is of a deletion")
            return
        without, known = items_like(history, job, names, product)
        if known:
            return
        if len(without) != 1:
            why = "several items have this title and version: " + ", ".join(sorted(without)[:5]) if without else (
                "no item without an id has this title and version")
            observe("ledger.left", level="warning", id=standing.id, title=standing.title, why=why)
            return
        ((key, targets),) = without.items()
        for name, number in targets.items():
            if target in (None, name):
                history.ledger.set_platform_ids(number, {key: str(standing.id)})
                observe("ledger.id", id=standing.id, item=key, job=job.name, target=name)

    return on_product


def items_like(history: History, job: Job, names: list[str], product: Product) -> tuple[dict[str, dict[str, int]], bool]:
    """Items without an id that a product may be: key -> the targets that have it, by name; and whether an item has its id."""
    from feedbridge.errors import CommandError

    ledger = history.ledger
    found: set[str] = set()
    bare: dict[str, tuple[int, set[str]]] = {}
    for name in names:
        try:
            target = history.target(job, name)
        except CommandError:  # nothing was synced to it yet
            continue
        keys = set()
        for row in ledger.rows(target.id):
            if row.platform_id == str(product.id):
                return {}, True
            if not row.platform_id and row.state != "deleted":
                keys.add(row.key)
        found |= {key for key, body in ledger.bodies(target.id, sorted(keys)).items() if is_like(body, product)}
        bare[name] = (target.id, keys)
    return {key: {name: number for name, (number, keys) in bare.items() if key in keys} for key in found}, False


def is_like(body: bytes, product: Product) -> bool:
    """Whether a product may be what an item was made into, by the rule of ``verify``: the title is the same, letter case,
    blanks and HTML's spelling aside, and neither type nor version are others."""
    from feedbridge.platforms.flickrocket.readback import same_type, same_version
    from feedbridge.platforms.flickrocket.resources import loose

    made = json.loads(body).get("product", {})
    return (
        "id" not in made and loose(made.get("title") or "") == loose(product.title or "") != ""
        and same_type(product, made) and same_version(product, made)
    )


@click.group()
def webhooks() -> None:
    """What FlickRocket tells of, and where to."""


@contextmanager
def connected(shop: str) -> Iterator[Client]:
    from feedbridge.platforms.flickrocket.client import connect

    with connect(shop, environment=os.environ, say=lambda sentence: click.echo(sentence, err=True)) as client:
        yield client


def shown(webhook: Webhook) -> str:
    from feedbridge.report.plain import showable

    state = {True: "active", False: "not active", None: "not said whether active"}[webhook.active]
    return showable(f"{webhook.id}  {webhook.event or '?'}  {webhook.address or '?'}  {state}")


@webhooks.command("list")
@shop_option
@dialect_option
@json_option
def list_webhooks(shop: str, dialect: Literal["plugin", "documented"], as_json: bool) -> int:
    """List the app's webhooks."""
    with connected(shop) as client:
        found = list(client.webhooks(dialect))
    if as_json:
        rows = [{"id": one.id, "event": one.event, "address": one.address, "active": one.active} for one in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for one in found:
            click.echo(shown(one))
        if not found:
            click.echo("there is none; make them with: feedbridge flickrocket webhooks register ADDRESS", err=True)
    return 0


@webhooks.command()
@click.argument("address")
@click.option("--event", "events", multiple=True, metavar="EVENT",
              help="What to tell of; may be given several times (default: product/create, product/update, product/delete).")
@shop_option
@dialect_option
def register(
    address: str, events: tuple[str, ...], shop: str, dialect: Literal["plugin", "documented"]
) -> int:
    """Have events told to ADDRESS, the https address the receiver has from outside. What is there already stays, and is
    revived where FlickRocket has given it up."""
    with connected(shop) as client:
        there = list(client.webhooks(dialect))
        for event in dict.fromkeys(events or PRODUCT_EVENTS):
            same = [one for one in there if (one.event, one.address) == (event, address)]
            if any(one.active is not False for one in same):
                click.echo(f"already there: {event}", err=True)
            elif same:
                client.update_webhook(same[0].id, active=True, dialect=dialect)
                click.echo(f"revived: {event}, webhook {same[0].id}", err=True)
            else:
                made = client.create_webhook(event, address, dialect=dialect)
                click.echo(f"registered: {event}, webhook {made.id}", err=True)
    return 0


@webhooks.command()
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All that are not active.")
@shop_option
@dialect_option
def revive(ids: tuple[int, ...], every: bool, shop: str, dialect: Literal["plugin", "documented"]) -> int:
    """Make webhooks active again that FlickRocket has given up after 48 hours of failures."""
    if bool(ids) == every:
        raise click.UsageError("give the ids of webhooks, or --all")
    with connected(shop) as client:
        wanted = list(ids) if ids else [one.id for one in client.webhooks(dialect) if one.active is False]
        for id in wanted:
            client.update_webhook(id, active=True, dialect=dialect)
            click.echo(f"revived: webhook {id}", err=True)
        if not wanted:
            click.echo("all are active", err=True)
    return 0


@webhooks.command()
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
@click.option("--address", metavar="URL", help="All that go to this address.")
@shop_option
@dialect_option
def remove(ids: tuple[int, ...], address: str | None, shop: str, dialect: Literal["plugin", "documented"]) -> int:
    """Remove webhooks."""
    if bool(ids) == (address is not None):
        raise click.UsageError("give the ids of webhooks, or --address")
    with connected(shop) as client:
        wanted = list(ids) if ids else [one.id for one in client.webhooks(dialect) if one.address == address]
        for id in wanted:
            client.delete_webhook(id, dialect=dialect)
            click.echo(f"removed: webhook {id}", err=True)
        if not wanted:
            click.echo("none goes there", err=True)
    return 0


@webhooks.command()
@click.argument("capture", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@json_option
def diagnose(capture: Path, as_json: bool) -> int:
    """Tell which way of reading the hash fits a genuine payload: CAPTURE is its body as it came (- is stdin).

    FEEDBRIDGE_FLICKROCKET_APP_SECRET is the app's shared secret. Exit status 1: none fits.
    """
    from feedbridge.errors import CommandError, SourceError
    from feedbridge.platforms.flickrocket.readings import diagnose as fitting
    from feedbridge.platforms.flickrocket.readings import parse_payload, remarks
    from feedbridge.platforms.flickrocket.webhooks import READING, SECRET

    secret = os.environ.get(SECRET, "")
    if not secret.strip():
        raise CommandError("the app's shared secret is not set", where=SECRET, code="flickrocket.setting",
                           mend="it is in the admin interface, at your product of type App, under API credentials")
    try:
        body = sys.stdin.buffer.read(MOST_CAPTURE_BYTES) if str(capture) == "-" else read_capture(capture)
        payload = parse_payload(body)
    except (OSError, ValueError) as exc:
        raise SourceError(
            str(exc) if isinstance(exc, ValueError) else exc.strerror or str(exc), where=str(capture),
            code="flickrocket.capture",
            mend="give the body of one webhook as it came; feedbridge flickrocket listen --capture FILE keeps one",
        ) from None
    fits = [str(reading) for reading in fitting(payload, secret)]
    said = remarks(payload, secret)
    if as_json:
        click.echo(json.dumps({"fits": fits, "remarks": said}, indent=2))
    else:
        for name in fits:
            click.echo(name)
        for line in said:
            click.echo(line, err=True)
        if fits:
            click.echo(f"set {READING}={fits[0]}" + (" (the default)" if fits[0] == "T1+S1" else ""), err=True)
    return 0 if fits else 1


MOST_CAPTURE_BYTES = 1 << 20


def read_capture(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_CAPTURE_BYTES)


@webhooks.command()
@click.argument("numbers", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
@events_option
@click.option("--state", type=click.Choice(["new", "working", "done", "failed", "dismissed"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many are shown.")
@click.option("--again", is_flag=True, help="Work failed events once more: those named, else all.")
@click.option("--dismiss", is_flag=True, help="Put the failed events named aside: nothing can be done for them.")
@json_option
def events(
    numbers: tuple[int, ...], events: Path | None, state: str | None, limit: int, again: bool, dismiss: bool, as_json: bool,
) -> int:
    """Show what was received and what came of it. Exit status 1: there are failed events.

    ID is the number an event is shown with, for --again and --dismiss, which show the failed events that are left.
    """
    from datetime import UTC, datetime

    from feedbridge.platforms.flickrocket.events import EventStore
    from feedbridge.platforms.flickrocket.webhooks import events_path as usual_path
    from feedbridge.report.plain import showable

    if again and dismiss:
        raise click.UsageError("--again or --dismiss, not both")
    if dismiss and not numbers:
        raise click.UsageError("name the events to dismiss: webhooks events --dismiss 7 8")
    if numbers and not (again or dismiss):
        raise click.UsageError("say what is to become of the events named: --again or --dismiss")
    path = events if events is not None else usual_path()
    if not path.exists():
        click.echo(f"no event has come yet ({path})", err=True)
        return 0
    with EventStore(path) as store:
        if again or dismiss:
            click.echo(settled(store, list(numbers), again), err=True)
            state = state or "failed"  # what is still to be done
        counts = store.counts()
        found = store.events(state, limit)
        there = counts[state] if state is not None else sum(counts.values())
    if as_json:
        names = ("number", "scope", "object_id", "company_id", "state", "times", "tries", "received", "last_received", "message")
        rows = [{name: getattr(event, name) for name in names} for event in found]
        click.echo(json.dumps({"counts": counts, "events": rows}, ensure_ascii=False, indent=2))
    else:
        for event in found:
            when = datetime.fromtimestamp(event.last_received, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            click.echo(showable(
                f"{event.number}  {when}  {event.scope or '?'} {event.object_id}  came {event.times}×  {event.state}"
                + (f": {event.message}" if event.message else "")
            ))
        some = f"; the latest {len(found)} of {there}{f' {state}' if state else ''} are shown, --limit shows more"
        click.echo(
            ", ".join(f"{number} {name}" for name, number in counts.items()) + (some if len(found) < there else ""), err=True)
    return 1 if counts["failed"] else 0


def settled(store: EventStore, numbers: list[int], again: bool) -> str:
    """Bring back or dismiss events, and say so. Raises CommandError, and does nothing, when one of them cannot be."""
    from feedbridge.errors import CommandError
    from feedbridge.platforms.flickrocket.events import STATES

    states = ("failed", "dismissed") if again else ("failed",)
    others = [number for number in numbers if number not in store.numbers(*states)]
    if others:
        if others[0] not in store.numbers(*STATES):
            why = f"there is no event {others[0]}"
        elif others[0] in store.numbers("dismissed"):
            why = f"event {others[0]} is dismissed already"
        else:
            why = f"event {others[0]} is not {' or '.join(states)}"
        raise CommandError(
            f"{why}; nothing was done", where=str(store.path),
            code="flickrocket.events", mend=f"feedbridge flickrocket webhooks events --state {states[0]} shows which are",
        )
    count = store.dismiss(numbers) if not again else store.again(numbers or None)
    what = "event is" if count == 1 else "events are"
    return f"{count} {what} worked once more" if again else f"{count} {what} dismissed"


COMMANDS = [listen, webhooks]
