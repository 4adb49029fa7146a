"""A nightly sync of many products against the sandbox, rates switched off: time and memory of each step.

    python benchmarks/sync.py [PRODUCTS]

Whole processes, in one go on one machine: the same file converted (``convert``, the measure), then the first sync, a
second one that has nothing to do, a plan and a sync of 1% changed prices, a resend of everything. The sandbox is a process
of its own on the same machine, so it takes its part of the cores: its processor time is told, too.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PORT = 8931
HEADER = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Published", "Option1 Name", "Option1 Value", "Variant SKU", "Variant Price",
    "Image Src", "Status",
]
JOB = """feedbridge: 1
state: ledger.sqlite
jobs:
  big:
    source: shop.csv
    mapping: shopify
    set: {currency: EUR}
    targets:
      flipsnack: {sandbox: true, rate: off, settings: {feed: big}}
"""
TEXT = "<p>" + "A line about the product, as long as such lines are. " * 5 + "</p>"


def write(path: Path, products: int, changed: int = 0) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for number in range(products):
            price = "11.00" if changed and number % changed == 0 else "10.00"
            rows.writerow([
                f"p-{number}", f"Product {number}", TEXT, "Acme", "TRUE", "Title", "Default Title", f"SKU-{number:07}", price,
                f"https://pictures.example/{number}.jpg", "active",
            ])


def measured(folder: Path, *words: str) -> tuple[float, float, int]:
    """(wall seconds, processor seconds, peak MiB) of one command."""
    started = time.perf_counter()
    environment = {**os.environ, "FEEDBRIDGE_SANDBOX_URL": f"http://127.0.0.1:{PORT}"}
    process = subprocess.Popen([sys.executable, "-m", "feedbridge", *words], cwd=folder, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{told}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("products", nargs="?", type=int, default=50_000, metavar="PRODUCTS", help="in the feed (default: 50000)")
    products: int = parser.parse_args().products
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "shop.csv", products)
        (folder / "feedbridge.yaml").write_text(JOB)
        box = subprocess.Popen(
            [sys.executable, "-m", "feedbridge", "sandbox", "--port", str(PORT), "--data", str(folder / "box"), "--rates", "off",
             "--quiet"], stderr=subprocess.DEVNULL,
        )
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_/health").close()
                    break
                except OSError:
                    time.sleep(0.1)
            convert = ("convert", "shop.csv", "--mapping", "shopify", "--set", "currency=EUR", "--set", "flipsnack.feed=big",
                       "--to", "flipsnack", "--out", "out", "--no-report", "--quiet")
            base = measured(folder, *convert)
            print(f"{products:,} products, {(folder / 'shop.csv').stat().st_size / 1e6:.0f} MB")
            print(f"{'':34}{'wall s':>8}{'cpu s':>8}{'MiB':>6}{'x convert':>11}")

            def show(what: str, found: tuple[float, float, int]) -> None:
                print(f"{what:34}{found[0]:8.2f}{found[1]:8.2f}{found[2]:6}{found[0] / base[0]:11.2f}", flush=True)

            show("convert", base)
            show("sync, all new", measured(folder, "sync", "big"))
            show("sync, the same file again", measured(folder, "sync", "big"))
            write(folder / "shop.csv", products, changed=100)
            show("plan, 1% changed", measured(folder, "plan", "big", "--limit", "1"))
            show("sync, 1% changed", measured(folder, "sync", "big"))
            show("sync, everything sent again", measured(folder, "sync", "big", "--resend", "all"))
        finally:
            box.send_signal(signal.SIGTERM)
            _, _, usage = os.wait4(box.pid, 0)
            print(f"{'the sandbox, all together':34}{'':8}{usage.ru_utime + usage.ru_stime:8.2f}{usage.ru_maxrss // 1024:6}")


if __name__ == "__main__":
    main()
