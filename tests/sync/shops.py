"""A shop with a nightly job: its folder, its feed, its sandbox; and what must be true after any night.

::

    with sandbox(folder) as box:                         # real HTTP on loopback
        shop = Shop(folder / "shop", box, batch=2)
        shop.feed(goods(5))
        assert shop.sync().status == 0
        shop.is_as_its_feed()                            # the sandbox has what ``convert`` writes, and nothing else
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy

import feedbridge
from feedbridge.platforms.limiter import Limiter
from feedbridge.sandbox.server import SandboxServer
from feedbridge.sandbox.store import Store
from feedbridge.sync import planfile, syncing
from feedbridge.sync.courier import Waits
from feedbridge.sync.jobfile import Job, load_jobs
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from feedbridge.sync.ledger_rows import RunRow, TargetRow
from feedbridge.sync.model import Row
from feedbridge.sync.syncing import Options, Report, Sync

__all__ = ["Box", "Clock", "Good", "Nursery", "Shop", "attend", "goods", "memory", "sandbox"]

HEADER = ["Handle", "Title", "Body (HTML)", "Vendor", "Published", "Option1 Name", "Option1 Value", "Variant SKU",
          "Variant Price", "Variant Compare At Price", "Image Src", "Status"]
PICTURE = "https://pictures.example/{}.jpg"
Good = dict[str, Any]
"""``title``, ``price``, ``before`` (a higher price before), ``brand``, ``text``, ``picture``, ``status``; ``sizes``: size ->
price, for variants whose SKUs are NAME-SIZE. All but the price may be left out. A product without sizes has a ``handle``
that is not its SKU, as in every shop; one with sizes goes by its handle."""

_TABLES = ("flipsnack_products", "flipsnack_codes", "magento_products")
_CONVERTED: dict[tuple[str, bytes], dict[str, Any]] = {}


def goods(number: int, *, first: int = 1, price: str = "10.00", **more: Any) -> dict[str, Good]:
    """Products P001, P002 … that differ."""
    return {f"P{one:03}": {"price": price, "title": f"Product {one}", **more} for one in range(first, first + number)}


class Clock:
    """Time that only passes when somebody sleeps. ``slept``: seconds in all."""

    def __init__(self) -> None:
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def now(self) -> float:
        return 1_000_000 + self.slept

    def waits(self, **changed: Any) -> Waits:
        return Waits(sleep=self.sleep, **changed)


class Box:
    """A sandbox as one sees it from outside: by its inspection API."""

    def __init__(self, url: str, store: Store | None = None) -> None:
        self.url = url
        self._store = store

    def ask(self, path: str, given: Any = None) -> Any:
        data = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(f"{self.url}/_/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def faults(self, *specs: str) -> None:
        """These from now on, and no others; calls are counted anew."""
        self.ask("faults", {"faults": list(specs)})

    def reset(self) -> None:
        self.faults()
        self.ask("reset", {})

    def saved(self) -> dict[str, list[tuple[Any, ...]]]:
        """What it has, to be put back by ``restore``. Only of a sandbox in this process."""
        assert self._store is not None
        with self._store.reading() as tx:
            return {name: tx.rows(f"SELECT * FROM {name}") for name in _TABLES}

    def restore(self, saved: dict[str, list[tuple[Any, ...]]]) -> None:
        """As it was; no faults, and no calls yet."""
        self.reset()
        assert self._store is not None
        with self._store.transaction() as tx:
            for name, rows in saved.items():
                if rows:
                    tx.run_many(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """All calls, the oldest first; those with a higher number than ``after``."""
        return [call for call in reversed(self.ask("calls?limit=10000")) if call["number"] > after]

    def last_call(self) -> int:
        return max((call["number"] for call in self.ask("calls?limit=1")), default=0)

    def flipsnack(self, source_hash: str) -> dict[str, Any]:
        """Products of a feed by code."""
        if all(feed["sourceHash"] != source_hash for feed in self.ask("feeds")["flipsnack"]):
            return {}
        return self.ask(f"flipsnack/{source_hash}")

    def magento(self) -> dict[str, Any]:
        """Products by id, those that are switched off, too."""
        return self.ask("magento")


def memory() -> Path | None:
    """A folder in memory, where there is one: for hundreds of ledgers, each of which would wait for the disk."""
    place = Path("/dev/shm")
    return place if os.access(place, os.W_OK) else None


@contextmanager
def sandbox(folder: Path, *faults: str, **settings: Any) -> Iterator[Box]:
    """A sandbox in this process, without Flipsnack's limits of calls."""
    with SandboxServer(data=folder / "sandbox", faults=faults, **{"port": 0, "rates": False, **settings}) as server:
        yield Box(server.url, server.store)


class Shop:
    """A folder with ``feedbridge.yaml``, ``shop.csv`` and a ledger.

    ``to``      the platforms of its targets (a target is called like its platform)
    ``batch``   products a call at most
    ``guards``  None: as usual; {} and more: as the job file says
    ``target``  further delivery settings of every target: answer_seconds, endpoint …
    ``more``    further keys of the job
    """

    def __init__(
        self, folder: Path, box: Box, *, to: Iterable[str] = ("flipsnack",), batch: int = 500,
        guards: Mapping[str, Any] | None = None, target: Mapping[str, Any] | None = None, state: str = "ledger.sqlite",
        environment: Mapping[str, str] | None = None, **more: Any,
    ) -> None:
        self.folder = folder
        self.box = box
        self.to = list(to)
        self.environment = {
            "FEEDBRIDGE_SANDBOX_URL": box.url, "FEEDBRIDGE_RATES": str(folder / "rates"), **(environment or {}),
        }
        self.clock = Clock()
        self.events: list[tuple[str, dict[str, Any]]] = []
        """What the last run told, in order."""
        self.source_hash = "".join(c for c in folder.name if c.isalnum())[:64] or "shop"
        folder.mkdir(parents=True, exist_ok=True)
        self.began = box.last_call() if box.url else 0
        targets: dict[str, Any] = {}
        for name in self.to:
            said: dict[str, Any] = {"sandbox": True, "rate": "off", **(target or {})}
            if name == "flipsnack":
                said["settings"] = {"source_hash": self.source_hash, "batch_products": batch}
            elif name == "magento":
                said["batch_products"] = batch
            if "endpoint" in said:
                del said["sandbox"]
            targets[name] = said
        job = {"source": "shop.csv", "mapping": "shopify", "set": {"currency": "EUR"}, "targets": targets, **more}
        if guards is not None:
            job["guards"] = dict(guards)
        self.write_job(job, state)

    # What it is

    def write_job(self, job: Mapping[str, Any], state: str = "ledger.sqlite") -> None:
        self.spec = dict(job)
        self.state = state
        text = json.dumps({"feedbridge": 1, "state": state, "jobs": {"shop": self.spec}}, indent=1)  # YAML holds JSON
        (self.folder / "feedbridge.yaml").write_text(text)

    @property
    def source(self) -> Path:
        return self.folder / "shop.csv"

    def feed(self, products: Mapping[str, Good]) -> None:
        """Write the export anew."""
        with self.source.open("w", newline="") as file:
            rows = csv.DictWriter(file, HEADER, restval="")
            rows.writeheader()
            for name, good in products.items():
                handle = name if "sizes" in good else good.get("handle", f"page-of-{name.lower()}")
                whole = {
                    "Handle": handle, "Title": good.get("title", f"Title of {name}"),
                    "Body (HTML)": good.get("text", f"<p>About {name}.</p>"), "Vendor": good.get("brand", "Acme"),
                    "Published": "TRUE", "Image Src": good.get("picture", PICTURE.format(name)),
                    "Status": good.get("status", "active"),
                }
                for place, (size, price) in enumerate(good.get("sizes", {"": good.get("price", "")}).items()):
                    rows.writerow((whole if place == 0 else {"Handle": handle}) | {
                        "Option1 Name": ("Size" if size else "Title") if place == 0 else "",
                        "Option1 Value": size or "Default Title",
                        "Variant SKU": f"{name}-{size}" if size else name, "Variant Price": price,
                        "Variant Compare At Price": good.get("before", ""),
                    })

    def job(self) -> Job:
        return load_jobs(self.folder / "feedbridge.yaml", environment=self.environment).job("shop")

    # What it does

    @contextmanager
    def opened(self, **watching: Any) -> Iterator[Sync]:
        """The job, ready to run. Waiting takes no time: ``clock`` counts it."""
        self.events = []
        also = watching.pop("observe", None)

        def observe(event: str, **fields: Any) -> None:
            self.events.append((event, fields))
            if also is not None:
                also(event, **fields)

        watching.setdefault("waits", self.clock.waits())
        usual = syncing.Limiter
        syncing.Limiter = partial(Limiter, sleep=self.clock.sleep, clock=self.clock.now)  # type: ignore[misc, assignment]
        try:
            with Sync(self.job(), environment=self.environment, observe=observe, **watching) as sync:
                yield sync
        finally:
            syncing.Limiter = usual  # type: ignore[misc]

    def sync(self, options: Options | None = None, **watching: Any) -> Report:
        with self.opened(**watching) as sync:
            return sync.sync(options)

    def plan(self, out: Path | None = None, options: Options | None = None) -> Report:
        with self.opened() as sync:
            return sync.plan(out, options)

    def apply(self, plan: Path | None = None, *, release: bool = False, **watching: Any) -> Report:
        with self.opened(**watching) as sync:
            return sync.apply(plan, release=release)

    # What became of it

    def ledger(self) -> Ledger:
        """Use it in a with statement."""
        return Ledger.open(ledger_url(self.state, self.folder, self.environment))

    def targets(self) -> list[TargetRow]:
        with self.ledger() as ledger:
            return ledger.targets(ledger.jobs()[0].id)

    def rows(self, target: str | None = None) -> dict[str, Row]:
        """The ledger's items of a target, by key."""
        with self.ledger() as ledger:
            row = next(one for one in ledger.targets(ledger.jobs()[0].id) if one.name == (target or self.to[0]))
            return {one.key: one for one in ledger.rows(row.id)}

    def states(self, target: str | None = None) -> dict[str, int]:
        """State -> items of a target."""
        return dict(Counter(row.state for row in self.rows(target).values()))

    def runs(self) -> list[RunRow]:
        """All runs, the oldest first."""
        with self.ledger() as ledger:
            return sorted(ledger.runs(limit=1000), key=lambda run: run.started)

    def calls(self) -> list[dict[str, Any]]:
        """Calls to the sandbox since the shop was opened."""
        return self.box.calls(self.began)

    def converted(self, platform: str) -> dict[str, Any]:
        """What ``feedbridge convert`` makes of the same file, by key."""
        key = (platform, self.source.read_bytes())
        if key in _CONVERTED:
            return _CONVERTED[key]
        result = feedbridge.convert(
            self.source, to=platform, out=self.folder / "converted", mapping="shopify", set={"currency": "EUR"},
            workers=1, report=False, allow_empty=True,
        )
        found: dict[str, Any] = {}
        for path in sorted((Path(result.out) / platform).glob("*.json")):
            document = json.loads(path.read_bytes())
            if platform == "flipsnack":
                found |= {product["code"]: product for product in document}
            else:
                found |= document["product"]
        _CONVERTED[key] = found
        return found

    def converted_of(self, products: Mapping[str, Good], platform: str = "flipsnack") -> dict[str, Any]:
        """What ``convert`` would make of another feed."""
        now = self.source.read_bytes()
        try:
            self.feed(products)
            return self.converted(platform)
        finally:
            self.source.write_bytes(now)

    def on(self, platform: str) -> dict[str, Any]:
        """What the sandbox has."""
        return self.box.flipsnack(self.source_hash) if platform == "flipsnack" else self.box.magento()

    def is_as_its_feed(self, *, except_for: Iterable[str] = ()) -> None:
        """Every platform has the feed's products and no others, to the last member (``except_for``: keys not looked at);
        nothing was created twice; of nothing is it unknown what became of it; nobody was let follow a redirect.

        Of a Magento store, what is gone from the feed is switched off, and emptied lists are empty lists.
        """
        left = set(except_for)
        with self.ledger() as ledger:
            for target in ledger.targets(ledger.jobs()[0].id):
                assert not ledger.open_batches(target.id)
                assert {row.state for row in ledger.rows(target.id) if row.key not in left} <= {"sent", "deleted"}
        for platform in self.to:
            has = {key: body for key, body in self.on(platform).items() if key not in left}
            wanted = {key: body for key, body in self.converted(platform).items() if key not in left}
            if platform == "magento":
                off = {key for key, body in has.items() if key not in wanted and body.get("status") == 0}
                known = {key.casefold() for key in wanted}  # to a store, another case is no other product
                off |= {key for key in has if key not in wanted and key.casefold() in known}
                has = {key: {name: value for name, value in body.items() if value != [] or name in wanted.get(key, {})}
                       for key, body in has.items() if key not in off}
            assert has == wanted
        calls = self.calls()
        assert not [call for call in calls if "already exists" in call["message"] or call["platform"] == "elsewhere"]


class Nursery:
    """Children that run a shop's job and die by SIGKILL at a moment that is known to the step. They are forked by a
    process of one thread that has everything loaded, so each takes no longer than its run."""

    def __enter__(self) -> Nursery:
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.sync.shops import attend; attend()"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def start(self, shop: Shop, do: str = "sync", *, at: str = "", number: int = 0, plan: Path | None = None) -> int:
        """Run a job in a child. Returns its process id.

        ``do``      sync, apply, plan
        ``at``      what is counted: ``event`` (told to observe), ``commit`` (of the ledger, before it), ``line`` (of a plan
                    file, before it is written) or the name of an event
        ``number``  which one of them kills; 0: none
        """
        assert self._process.stdin and self._process.stdout
        asked = {"folder": str(shop.folder), "environment": shop.environment, "do": do, "at": at, "number": number,
                 "plan": str(plan) if plan else None}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """How the child ended: its exit status, or minus the signal that killed it."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def run(self, shop: Shop, do: str = "sync", **how: Any) -> int:
        self.start(shop, do, **how)
        return self.ended()


def attend() -> None:
    """What the nursery's process does: fork, say the child's process id, wait, say how it ended."""
    with tempfile.TemporaryDirectory() as folder:  # so that no child has to load anything
        shop = Shop(Path(folder) / "shop", Box(""), to=("flipsnack", "magento"), environment={"FEEDBRIDGE_SANDBOX_URL": ""})
        shop.feed(goods(1))
        shop.plan()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                os._exit(_run(**asked))
            except BaseException:
                traceback.print_exc()
                os._exit(99)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(folder: str, environment: dict[str, str], do: str, at: str, number: int, plan: str | None) -> int:
    left = number

    def count(*_: Any, **__: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def observe(event: str, **fields: Any) -> None:
        if at in ("event", event):
            count()

    if at == "commit":
        sqlalchemy.event.listen(sqlalchemy.Engine, "commit", count)
    elif at == "line":
        write = planfile.PlanWriter._step
        planfile.PlanWriter._step = lambda self, step: (count(), write(self, step))[1]  # type: ignore[method-assign]
    clock = Clock()
    syncing.Limiter = partial(Limiter, sleep=clock.sleep, clock=clock.now)  # type: ignore[misc, assignment]
    job = load_jobs(Path(folder) / "feedbridge.yaml", environment=environment).job("shop")
    with Sync(job, environment=environment, observe=observe, waits=clock.waits()) as sync:
        if do == "plan":
            return sync.plan(Path(plan) if plan else None).status
        return (sync.apply(Path(plan) if plan else None) if do == "apply" else sync.sync()).status
