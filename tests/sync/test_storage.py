"""Disks that are full, ledgers that are locked, broken or newer, runs that meet or die, clocks that jump: a run says so,
sends nothing it cannot write down, and the next one brings everything in order."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from feedbridge.errors import FeedbridgeError
from feedbridge.sync import syncing
from feedbridge.sync.ledger import Ledger
from tests.sync.shops import Good, Shop, goods, sandbox

CHECKOUT = Path(__file__).parents[2]
FEED = goods(12)
OTHER: dict[str, Good] = goods(12, price="12.00") | {"NEW": {"price": "1.00"}}
FULL = ("ledger.full", "plan.write", "sync.temporary", "sync.run-folder", "output.write", "ledger.open", "ledger.gone")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with sandbox(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def box(server):
    server.reset()
    return server


@pytest.fixture
def shop(tmp_path, box):
    """A shop whose feed was sent."""
    shop = Shop(tmp_path / tmp_path.name, box, batch=3)
    shop.feed(FEED)
    assert shop.sync().status == 0
    return shop


def in_order(shop: Shop) -> None:
    """The next run brings everything in order, and the one after that sends nothing."""
    assert shop.sync().status == 0
    shop.is_as_its_feed()
    call = shop.box.last_call()
    assert shop.sync().status == 0
    assert shop.box.last_call() == call


@contextlib.contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of its own with so much room, what is there already laid onto it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0700", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip("only root can mount a disk")
    try:
        for name, content in kept.items():
            (folder / name).write_bytes(content)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, left_kilobytes: int) -> Path:
    """A file that takes up all room but so much."""
    room = os.statvfs(folder)
    size = room.f_bavail * room.f_bsize - left_kilobytes * 1024
    path = folder / "ballast"
    with path.open("wb") as file:
        file.write(b"\0" * max(0, size))
    return path


@pytest.mark.parametrize("left", [0, 8, 40, 80, 120, 200])
@pytest.mark.parametrize("place", ["ledger", "runs", "temporary"])
def test_a_full_disk(tmp_path, box, monkeypatch, place, left):
    where = {"ledger": tmp_path / "state", "runs": tmp_path / "state" / "ledger.runs", "temporary": tmp_path / "tmp"}[place]
    with disk(where, 4_000) as folder:
        shop = Shop(tmp_path / tmp_path.name, box, batch=3, state=str(tmp_path / "state" / "ledger.sqlite"))
        if place == "temporary":
            monkeypatch.setattr(tempfile, "tempdir", str(folder))
        shop.feed(FEED)
        assert shop.sync().status == 0
        before = shop.on("flipsnack")
        shop.feed(OTHER)
        call = box.last_call()
        ballast = fill(folder, left)
        try:
            status = shop.sync().status
            assert status in (0, 3)
        except FeedbridgeError as exc:
            assert exc.code in FULL, exc
            assert exc.exit_status == 3
            assert exc.mend
            if not box.calls(call):
                assert shop.on("flipsnack") == before
        ballast.unlink()
        in_order(shop)
        assert all(run.finished for run in shop.runs()[-2:])


IN_A_CHILD = """
import json, os, resource, signal, sys
sys.path.insert(0, {checkout!r})
from pathlib import Path
from feedbridge.errors import FeedbridgeError
from feedbridge.sync.courier import Waits
from feedbridge.sync.jobfile import load_jobs
from feedbridge.sync.syncing import Sync
seen = 0
def observe(event, **fields):
    global seen
    if event == {event!r}:
        seen += 1
        if seen == {number}:
            os.kill(os.getpid(), signal.SIGKILL)
job = load_jobs(Path({jobs!r}), environment=os.environ).job("shop")
limit = {limit}
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with Sync(job, environment=os.environ, observe=observe, waits=Waits(first_seconds=0.01)) as sync:
        print(json.dumps(["status", sync.sync().status]))
except FeedbridgeError as exc:
    print(json.dumps([exc.code, exc.exit_status]))
"""


def child(shop: Shop, *, limit: int = 0, event: str = "", number: int = 0) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own. ``limit``: bytes of its largest file; ``event``: it dies at the n-th of these."""
    script = IN_A_CHILD.format(
        checkout=str(CHECKOUT), jobs=str(shop.folder / "feedbridge.yaml"), limit=limit, event=event, number=number)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env={**os.environ, **shop.environment})


@pytest.mark.parametrize("limit", [1_000, 20_000, 60_000, 160_000])
def test_files_that_may_not_grow(shop, limit):
    """As on a disk with a quota: no privilege is needed to try it."""
    shop.feed(OTHER)
    done = child(shop, limit=limit)
    code, status = json.loads(done.stdout)
    assert (code in FULL and status == 3) or (code, status) == ("status", 0), done.stderr
    assert "Traceback" not in done.stderr
    in_order(shop)


def test_a_folder_that_cannot_be_written(tmp_path, box):
    with disk(tmp_path / "state", 4_000) as folder:
        shop = Shop(tmp_path / tmp_path.name, box, state=str(folder / "ledger.sqlite"))
        shop.feed(FEED)
        assert shop.sync().status == 0
        shop.feed(OTHER)
        call = box.last_call()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(FeedbridgeError) as told:
            shop.sync()
        assert (told.value.code, told.value.exit_status) == ("ledger.open", 3)
        assert box.last_call() == call
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        in_order(shop)


def test_a_ledger_that_another_program_holds(shop, monkeypatch):
    monkeypatch.setattr(syncing.Ledger, "open", partial(Ledger.open, wait_seconds=0.3))
    shop.feed(OTHER)
    call = shop.box.last_call()
    other = sqlite3.connect(shop.folder / "ledger.sqlite", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert (told.value.code, told.value.exit_status) == ("ledger.locked", 3)
    assert "end the program" in told.value.mend
    assert shop.box.last_call() == call
    other.execute("rollback")
    in_order(shop)
    other.close()


def test_a_ledger_that_is_locked_while_calls_are_made(shop, monkeypatch):
    """The outcome of a call cannot be written: it is not known then, and found out by the next run."""
    monkeypatch.setattr(syncing.Ledger, "open", partial(Ledger.open, wait_seconds=0.3))
    shop.feed(OTHER)
    other = sqlite3.connect(shop.folder / "ledger.sqlite", isolation_level=None)

    def lock(event: str, **fields: Any) -> None:
        if event == "answered" and not other.in_transaction:
            other.execute("begin immediate")

    with pytest.raises(FeedbridgeError) as told:
        shop.sync(observe=lock)
    assert told.value.code == "ledger.locked"
    other.execute("rollback")
    assert set(shop.states()) == {"sent", "unknown"}
    in_order(shop)
    other.close()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"this is no database " * 100, id="text"),
        pytest.param(lambda content: content[: len(content) // 2], id="cut"),
        pytest.param(lambda content: content[:4096] + os.urandom(len(content) - 4096), id="noise"),
        pytest.param(lambda content: b"", id="emptied"),
    ],
)
def test_a_broken_ledger_is_not_taken_for_an_empty_one(shop, damage):
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        assert not (shop.folder / name).exists() or not (shop.folder / name).stat().st_size
    path = shop.folder / "ledger.sqlite"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    shop.feed(OTHER)
    call = shop.box.last_call()
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert (told.value.code, told.value.exit_status) == ("ledger.corrupt", 3)
    assert "backup" in told.value.mend and "--adopt" in told.value.mend
    with pytest.raises(FeedbridgeError):
        shop.plan()
    assert shop.box.last_call() == call
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (shop.folder / name).unlink(missing_ok=True)
    path.write_bytes(whole)
    in_order(shop)


def test_an_emptied_ledger_is_given_up_as_its_message_says(shop):
    path = shop.folder / "ledger.sqlite"
    path.write_bytes(b"")
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert "ledger.runs" in told.value.message and "without one, delete it, then say" in told.value.mend
    path.unlink()
    shop.feed(OTHER)
    assert shop.sync(syncing.Options(adopt=True)).status == 0
    in_order(shop)


def test_an_older_ledger_brought_back_is_told_of_adopting(shop):
    path = shop.folder / "ledger.sqlite"
    backup = path.read_bytes()
    shop.feed(OTHER)
    assert shop.sync().status == 0
    path.write_bytes(backup)
    shop.feed(OTHER | {"NEWER": {"price": "2.00"}})
    report = shop.sync()
    assert [failure.key for failure in report.targets["flipsnack"].failures] == ["NEW"]
    (warning,) = report.warnings
    assert "older backup" in warning and "feedbridge sync shop --adopt" in warning
    assert shop.sync(syncing.Options(adopt=True)).status == 0
    assert set(shop.on("flipsnack")) == {*OTHER, "NEWER"}
    assert set(shop.states()) == {"sent"}


def test_a_ledger_of_a_newer_version_is_left_alone(shop):
    path = shop.folder / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        (version,), = connection.execute("select version_num from feedbridge_version")
        connection.execute("update feedbridge_version set version_num = '9999'")
    shop.feed(OTHER)
    call = shop.box.last_call()
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert (told.value.code, told.value.exit_status) == ("ledger.newer", 3)
    assert shop.box.last_call() == call
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update feedbridge_version set version_num = ?", (version,))
    in_order(shop)


def test_a_ledger_deleted_while_it_is_in_use(shop):
    shop.feed(OTHER)
    path = shop.folder / "ledger.sqlite"
    kept = path.read_bytes()

    def take_away(event: str, **fields: Any) -> None:
        if event == "calling":
            for name in ("", "-wal", "-shm"):
                path.with_name(f"ledger.sqlite{name}").unlink(missing_ok=True)

    with pytest.raises(FeedbridgeError) as told:
        shop.sync(observe=take_away)
    assert (told.value.code, told.value.exit_status) == ("ledger.gone", 3)
    assert "deleted or replaced" in told.value.message
    path.write_bytes(kept)  # last night's backup: it knows nothing of what was sent since
    in_order(shop)


# Runs that meet, and runs that die -------------------------------------------------------------------------------


def command(shop: Shop, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "feedbridge", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=CHECKOUT, env={**os.environ, **shop.environment, "FEEDBRIDGE_JOBS": str(shop.folder / "feedbridge.yaml")},
    )


def test_two_runs_at_once(shop):
    shop.feed(OTHER)
    call = shop.box.last_call()
    shop.box.faults("hang-after:1")
    first = command(shop, "sync", "shop")
    try:
        until = time.monotonic() + 60
        while shop.box.last_call() == call and time.monotonic() < until:
            assert first.poll() is None, first.communicate()
            time.sleep(0.05)
        second = command(shop, "sync", "shop")
        _, said = second.communicate(timeout=60)
        assert second.returncode == 3
        assert "is being run by" in said and f"process {first.pid}" in said
        assert "Traceback" not in said
        shop.box.faults()
        assert len(shop.box.calls(call)) == 1  # the second one sent nothing
        assert shop.runs()[-1].message.startswith("did not begin")
        assert [run.running for run in shop.runs()[-2:]] == [True, False]
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=60)
    report = shop.sync()
    assert (report.status, report.took_over != "") == (0, True)
    assert str(first.pid) in report.took_over
    in_order(shop)


@pytest.mark.parametrize(("event", "number"), [("calling", 2), ("answered", 3), ("feed.read", 1)])
def test_a_run_that_died_is_taken_over_at_once(shop, event, number):
    shop.feed(OTHER)
    done = child(shop, event=event, number=number)
    assert done.returncode == -signal.SIGKILL
    dead = shop.runs()[-1]
    assert (dead.status, dead.finished, dead.running) == (None, None, False)
    report = shop.sync()
    assert report.status == 0
    assert dead.id in report.took_over and str(dead.pid) in report.took_over
    shop.is_as_its_feed()
    assert shop.sync().took_over == ""


# Clocks ----------------------------------------------------------------------------------------------------------


class Wall:
    """A clock on the wall that people set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
        self.jumping: random.Random | None = None

    def __call__(self) -> datetime:
        if self.jumping is not None:
            self.at += self.jumping.choice([timedelta(days=-1), timedelta(days=365), timedelta(days=-364), timedelta(seconds=1)])
        return self.at


BACK, AHEAD = timedelta(days=-1), timedelta(days=366)


@pytest.fixture
def wall():
    return Wall()


@pytest.mark.parametrize("jumps", [[BACK, BACK], [AHEAD, BACK - AHEAD], [AHEAD, AHEAD], [BACK - AHEAD, AHEAD]], ids=str)
def test_the_clock_is_set_between_runs(tmp_path, box, wall, jumps):
    shop = Shop(tmp_path / tmp_path.name, box, batch=3, keep_runs=2)
    for night, jump in enumerate([timedelta(), *jumps, timedelta(hours=1)]):
        wall.at += jump
        shop.feed(goods(10, price=f"{night + 1}.00"))
        report = shop.sync(clock=wall)
        assert (report.status, report.took_over) == (0, "")
        assert report.plan.is_file()  # the newest run's folder stays, whatever its name says
        shop.is_as_its_feed()
    assert [run.status for run in shop.runs()] == [0] * (len(jumps) + 2)


@pytest.mark.parametrize("jump", [BACK, AHEAD], ids=["back", "ahead"])
def test_a_held_run_can_be_released_whatever_the_clock_says(tmp_path, box, wall, jump):
    shop = Shop(tmp_path / tmp_path.name, box, keep_runs=1)
    shop.feed(goods(20))
    assert shop.sync(clock=wall).status == 0
    wall.at += jump
    shop.feed(goods(5))
    assert shop.sync(clock=wall).status == 4
    assert shop.apply(release=True, clock=wall).status == 0
    shop.is_as_its_feed()
    # What the guard compares with from now on is that run, though an earlier one may bear a later time.
    report = shop.sync(clock=wall)
    assert (report.status, report.holds) == (0, [])
    shop.feed(goods(4))
    report = shop.sync(clock=wall)
    assert (report.status, report.holds) == (0, [])


@pytest.mark.parametrize("seed", range(3))
def test_the_clock_jumps_during_runs(tmp_path, box, wall, seed):
    wall.jumping = random.Random(seed)
    shop = Shop(tmp_path / tmp_path.name, box, to=["flipsnack", "magento"], batch=3)
    for night in range(3):
        shop.feed(goods(7, price=f"{night + 1}.00"))
        box.faults("drop-after:2", "503:3@1")
        report = shop.sync(clock=wall)
        assert report.status == 0
        box.faults()
        shop.is_as_its_feed()
    call = box.last_call()
    assert shop.sync(clock=wall).status == 0
    assert box.last_call() == call


