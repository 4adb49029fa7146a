"""Killed at any moment, or with the disk full: no half output is visible, and the next run works."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

HEADER = (
    "Handle,Title,Body (HTML),Variant SKU,Variant Price,Option1 Name,Option1 Value,Image Src,Variant Inventory Policy\n"
)


def shop(path: Path, products: int, price: str) -> Path:
    rows = (
        f'item-{number},Item {number},"<p>Text {number}\nsecond line</p>",SKU-{number},{price},Title,Default Title,'
        f"https://cdn.example/{number}.jpg,deny\n"
        for number in range(products)
    )
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def command(source: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "feedbridge",
        "convert",
        str(source),
        "--mapping",
        "shopify",
        "--set",
        "currency=EUR",
        "--to",
        "flipsnack",
        "--to",
        "magento",
        "--out",
        str(out),
        "--quiet",
        *more,
    ]


def whole(out: Path) -> str:
    """The price all products of an output have; fails when the output is not whole."""
    manifest = json.loads((out / "manifest.json").read_bytes())
    prices = set()
    for platform, about in manifest["platforms"].items():
        for file in about["files"]:
            data = (out / platform / file["path"]).read_bytes()
            assert sha256(data).hexdigest() == file["sha256"]
            document = json.loads(data)
            if platform == "flipsnack":
                prices |= {str(product["sell_price"]) for product in document}
        assert about["counts"]["written"] == about["counts"]["read"]
    (price,) = prices
    return price


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_killed_at_any_moment(tmp_path: Path):
    old = shop(tmp_path / "old.csv", 50, "1")
    new = shop(tmp_path / "new.csv", 6000, "2")
    out = tmp_path / "out"
    subprocess.run(command(old, out), check=True)
    started = time.monotonic()
    subprocess.run(command(new, tmp_path / "timed"), check=True)
    seconds = time.monotonic() - started
    seen = set()
    chance = random.Random(7)
    for _ in range(12):
        process = subprocess.Popen(command(new, out, "--workers", "2"))
        time.sleep(chance.uniform(0.1, 1.05) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.add(whole(out))
    assert seen <= {"1", "2"}
    subprocess.run(command(new, out), check=True)
    assert whole(out) == "2"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal(tmp_path: Path, number: signal.Signals):
    source = shop(tmp_path / "new.csv", 20_000, "2")
    out = tmp_path / "out"
    process = subprocess.Popen(command(source, out), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not any(name.startswith(".out.feedbridge-") and not name.endswith("lock") for name in os.listdir(tmp_path)):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not out.exists()
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_disk_full(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        small = shop(tmp_path / "small.csv", 50, "1")
        big = shop(tmp_path / "big.csv", 6000, "2")
        out = disk / "out"
        subprocess.run(command(small, out), check=True)
        failed = subprocess.run(command(big, out), capture_output=True, text=True)
        assert failed.returncode == 3
        assert (
            "No space left on device" in failed.stderr and "mend:" in failed.stderr and "Traceback" not in failed.stderr
        )
        assert whole(out) == "1"
        assert leftovers(disk) == []
        subprocess.run(command(small, out), check=True)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
