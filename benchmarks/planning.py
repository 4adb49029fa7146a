"""Planning against a ledger of 1,000,000 items: time and memory of the comparison itself. Prints; asserts nothing.

``python benchmarks/planning.py [ITEMS]``. The feed is put aside as a run does it, 1% of its items changed and 0.1% gone; the
ledger's rows are written straight into its tables. The yardstick is a plain ``sqlite3`` SELECT of the same ledger rows in
order. Each step is a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from feedbridge.platforms.base import Outcome
from feedbridge.platforms.flipsnack import PLATFORM
from feedbridge.run.process import Entry
from feedbridge.sync.feed import Feed, item_hash
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from feedbridge.sync.planning import Planner, TargetState

PLACE = ("big", "flipsnack", "http://127.0.0.1:1/ big")


def body(number: int, price: str) -> bytes:
    text = "A line about the product. " * 8
    return (f'{{"type":"product","code":"SKU-{number:07}","title":"Product {number}","description":"{text}",'
            f'"sell_price":{price},"currency":"EUR"}}').encode()


def ledger_at(folder: Path) -> Ledger:
    return Ledger.open(ledger_url(str(folder / "ledger.sqlite"), folder, {}))


def fill(folder: Path, number: int) -> None:
    with ledger_at(folder) as ledger:
        target = ledger.target(ledger.job("big", "").id, *PLACE)
        database = sqlite3.connect(folder / "ledger.sqlite")
        with database:
            database.executemany(
                "insert into feedbridge_item (target_id, key, sku, hash, state, action, tried) values (?, ?, ?, ?, 'sent', 'create', x'')",
                ((target.id, f"SKU-{n:07}", f"SKU-{n:07}", item_hash(body(n, "10"))) for n in range(number)),
            )
            database.executemany(
                "insert into feedbridge_content (target_id, key, body) values (?, ?, ?)",
                ((target.id, f"SKU-{n:07}", zlib.compress(body(n, "10"))) for n in range(number)),
            )
        database.close()


def select(folder: Path, number: int) -> None:
    database = sqlite3.connect(folder / "ledger.sqlite")
    found = sum(1 for _ in database.execute("select key, sku, hash, state from feedbridge_item order by target_id, key"))
    assert found == number


def put_aside(folder: Path, number: int, then: Callable[[Feed, Ledger], None] | None = None) -> None:
    with ledger_at(folder) as ledger:
        settings = PLATFORM.delivery_settings(sandbox=True)  # type: ignore[misc]  # Flipsnack has a delivery
        delivery = PLATFORM.delivery(settings, PLATFORM.settings(feed="big"), {})  # type: ignore[misc]  # Flipsnack has a delivery
        with Feed([delivery], lambda path: "", folder) as feed:
            feed.begin([0])
            for n in range(number):
                if n % 1000 != 7:
                    made = body(n, "11" if n % 100 == 0 else "10")
                    sku = f"SKU-{n:07}"
                    feed.take(0, Entry(n, 0, sku, sku, 0, 1, "w", [Outcome(body=made, keys=(sku,))]), "w", [], {}, False)
            feed.finish()
            if then is not None:
                then(feed, ledger)


def plan(folder: Path, number: int) -> None:
    def compare(feed: Feed, ledger: Ledger) -> None:
        started = time.perf_counter()
        target = ledger.target(ledger.job("big", "").id, *PLACE)
        state = TargetState(0, "big", target.id, feed._deliveries[0], "")
        planner = Planner(feed, ledger)
        planner.plan(state)
        changes = sum(1 for _ in planner.changes([state]))
        print(f"  of these, comparing and listing: {time.perf_counter() - started:.2f} s, {changes:,} changes, {dict(state.counts)}")

    put_aside(folder, number, compare)


def measured(step: Callable[[Path, int], None], folder: Path, number: int) -> tuple[float, int]:
    """Seconds and peak MiB of a step in a process of its own."""
    read, write = multiprocessing.Pipe(False)

    def work() -> None:
        started = time.perf_counter()
        step(folder, number)
        write.send((time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    found: tuple[float, int] = read.recv()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", nargs="?", type=int, default=1_000_000, metavar="ITEMS", help="in the ledger (default: 1000000)")
    number: int = parser.parse_args().items
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, number)
        print(f"{number:,} items, ledger {os.path.getsize(folder / 'ledger.sqlite') >> 20} MiB")
        base = measured(select, folder, number)
        for what, step in (("plain SELECT", select), ("feed put aside", put_aside), ("feed put aside and planned", plan)):
            seconds, peak = measured(step, folder, number)
            print(f"{what:30}{seconds:8.2f} s{seconds / base[0]:8.2f} x{peak:6} MiB", flush=True)


if __name__ == "__main__":
    main()
