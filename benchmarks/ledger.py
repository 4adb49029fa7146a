"""How long a ledger of 1,000,000 items takes: filling it, streaming it, asking for bodies. Prints; asserts nothing.

``python benchmarks/ledger.py [--items N] [--url postgresql://…]``. The yardstick is a plain ``sqlite3`` SELECT of the same
rows in the same order, in a process of its own like everything else here; compare ratios, not seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from feedbridge.sync.ledger_rows import Intent, Outcome

BATCH = 500
TARGET = ("shop", "magento", "https://shop.example/ feed")


def fill(url: str, number: int) -> None:
    """As a first run does it: batch by batch, the intent before each and the outcome after it."""
    with Ledger.open(url) as ledger:
        job = ledger.job("bench", "")
        target = ledger.target(job.id, *TARGET)
        run = ledger.begin_run(job.id, kind="sync", who="bench", host="here", pid=0, version="0")
        body = b'{"title":"A product of the usual kind","price":12.50,"text":"' + b"lorem ipsum " * 40 + b'"}'
        with ledger.lease(job.id, run=run) as lease:
            for start in range(0, number, BATCH):
                keys = [f"SKU-{i * 7919 % number:07d}" for i in range(start, min(start + BATCH, number))]
                digests = [hashlib.sha256(key.encode()).digest() for key in keys]
                intents = [
                    Intent(key, key, digest, "0" * 64) for key, digest in zip(keys, digests, strict=True)
                ]
                batch = ledger.intend(run, target.id, "create", intents, lease)
                outcomes = [Outcome(key, "sent", digest, body) for key, digest in zip(keys, digests, strict=True)]
                ledger.settle(batch, outcomes, lease)


def stream(url: str, number: int) -> None:
    with Ledger.open(url) as ledger:
        assert sum(1 for _ in ledger.rows(_target(ledger))) == number


def count(url: str, number: int) -> None:
    with Ledger.open(url) as ledger:
        assert ledger.count(_target(ledger))["present"] == number


def bodies(url: str, number: int) -> None:
    """Those of every hundredth item."""
    with Ledger.open(url) as ledger:
        keys = [f"SKU-{i:07d}" for i in range(0, number, 100)]
        assert len(ledger.bodies(_target(ledger), keys)) == len(keys)


def plain(url: str, number: int) -> None:
    """The yardstick: the columns of a row, as sqlite3 gives them."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    rows = connection.execute(
        "SELECT key, sku, hash, state, action, tried, platform_id, missing, mapping, message FROM feedbridge_item "
        "WHERE target_id = 1 ORDER BY key"
    )
    assert sum(1 for _ in rows) == number


def _target(ledger: Ledger) -> int:
    return ledger.targets(ledger.jobs()[0].id)[0].id


def measured(step: Callable[[str, int], None], url: str, number: int) -> tuple[float, float]:
    """Seconds and peak MiB of a step in a fresh process."""
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue()
    process = context.Process(target=_measure, args=(step, url, number, queue))
    process.start()
    result = queue.get()
    process.join()
    return result


def _measure(step: Callable[[str, int], None], url: str, number: int, queue: Any) -> None:
    begin = time.perf_counter()
    step(url, number)
    queue.put((time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--url", help="a PostgreSQL database to measure too; it must be empty")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        here = ledger_url("ledger.sqlite", Path(folder), {})
        filled = measured(fill, here, asked.items)
        measured(plain, here, asked.items)
        yardstick = measured(plain, here, asked.items)
        table = [("plain sqlite3 SELECT", *yardstick), ("SQLite: fill", *filled)]
        table += [(f"SQLite: {step.__name__}", *measured(step, here, asked.items)) for step in (stream, count, bodies)]
        size = Path(folder, "ledger.sqlite").stat().st_size / 2**20
    if asked.url:
        there = ledger_url(asked.url, None, {})
        table += [
            (f"PostgreSQL: {step.__name__}", *measured(step, there, asked.items)) for step in (fill, stream, count, bodies)
        ]
    print(f"{asked.items:,} items, SQLite file {size:,.0f} MiB")
    print(f"{'':24}{'seconds':>9}{'x plain':>9}{'peak MiB':>10}")
    for name, seconds, peak in table:
        print(f"{name:24}{seconds:9.2f}{seconds / yardstick[0]:9.2f}{peak:10.0f}")


if __name__ == "__main__":
    main()
