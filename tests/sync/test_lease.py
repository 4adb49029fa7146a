"""One run per job: with real processes, on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from feedbridge.sync.lease import Pace, is_running
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_errors import JobRunning, LeaseLost, LedgerError
from feedbridge.sync.ledger_rows import HeldRow, Intent, Outcome

QUICK = Pace(beat=0.03, stale=300, ahead=60, watch=0.3, look=0.03)


@pytest.fixture
def job(ledger):
    return ledger.job("nightly", "").id


def child(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2],
    )


def change(ledger, **values):
    """Make another's of the lease there is."""
    table = sa.table("feedbridge_lease", *(sa.column(name) for name in values))
    with ledger._database.write() as connection:
        connection.execute(sa.update(table).values(**values))


def row(ledger):
    with ledger._database.read() as connection:
        return connection.execute(sa.text("SELECT * FROM feedbridge_lease")).mappings().first()


def now(ledger):
    with ledger._database.read() as connection:
        return ledger._database.now(connection)


def elsewhere(ledger, job, age=0.0):
    """A lease of another machine whose last heartbeat was so many seconds ago."""
    lease = ledger.lease(job, run="their-run")
    lease.__enter__()
    change(ledger, host="other-host", who="ben", token="theirs", heartbeat=now(ledger) - age)
    return lease


HOLD = """
import sys
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_errors import JobRunning
ledger = Ledger.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    with ledger.lease(int(sys.argv[2]), run=sys.argv[3]):
        print("has it", flush=True)
        sys.stdin.readline()
except JobRunning as exc:
    print(exc.code, flush=True)
"""


def holder(url, job, run="r1"):
    """A process that has the lease until something is written to it."""
    process = child(HOLD, url, job, run)
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "has it\n"
    return process


def test_of_several_processes_at_once_one_has_it(url, ledger, job):
    processes = [child(HOLD, url, job, f"r{n}") for n in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.stdout.readline().strip() for process in processes]
    assert sorted(answers) == ["has it", *["ledger.running"] * 3]
    assert row(ledger)["run"] == f"r{answers.index('has it')}"
    for process in processes:
        assert process.communicate("\n") == ("", "")
    assert row(ledger) is None


def test_a_dead_owner_is_followed_by_one_of_several(url, ledger, job):
    dead = holder(url, job, "dead")
    dead.kill()
    dead.wait()
    processes = [child(HOLD, url, job, f"r{n}") for n in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert sorted(process.stdout.readline().strip() for process in processes) == ["has it", "ledger.running"]
    for process in processes:
        process.communicate("\n")
    dead.communicate()


def test_another_run_says_who_and_since_when(url, ledger, job):
    process = holder(url, job)
    with pytest.raises(JobRunning) as caught, ledger.lease(job, run="r2"):
        pass
    process.communicate("\n")
    error = caught.value
    assert (error.code, error.exit_status) == ("ledger.running", 3) and isinstance(error, LedgerError)
    for word in ("nightly", f"process {process.pid}", "@", "r1", "since 20"):
        assert word in error.message
    assert "5 minutes" in error.mend


@pytest.mark.parametrize("noticed", [True, False], ids=["gone", "not noticed by its parent"])
def test_a_killed_run_is_taken_over_at_once(url, ledger, job, noticed):
    process = holder(url, job)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | (0 if noticed else os.WNOWAIT))
    with ledger.lease(job, run="r2") as lease:
        assert "r1" in lease.took_over and str(process.pid) in lease.took_over
        assert row(ledger)["run"] == "r2"
    process.communicate()
    with ledger.lease(job, run="r3") as lease:
        assert lease.took_over == ""


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ticks": 1}, id="the number went to another process"),
        pytest.param({"pid": 2**22 + 5}, id="no such process"),
        pytest.param({}, id="this process, which let it go"),
    ],
)
def test_an_owner_that_no_longer_lives(ledger, job, values):
    first = ledger.lease(job, run="r1")
    first.__enter__()
    change(ledger, token="lost", **values)
    with ledger.lease(job, run="r2") as lease:
        assert "r1" in lease.took_over
    first.release()


def test_a_living_owner_is_never_taken_over_on_its_own_machine(url, ledger, job):
    process = holder(url, job)
    for heartbeat in (0, now(ledger) + 1e6):
        change(ledger, heartbeat=heartbeat)
        with pytest.raises(JobRunning), ledger.lease(job, run="r2"):
            pass
    process.communicate("\n")


def test_one_process_has_it_once(ledger, job):
    with ledger.lease(job, run="r1"):
        with pytest.raises(JobRunning), ledger.lease(job, run="r2"):
            pass
        assert row(ledger)["run"] == "r1"
    with ledger.lease(job, run="r3"):
        pass


def test_jobs_do_not_wait_for_each_other(ledger, job):
    other = ledger.job("hourly", "").id
    with ledger.lease(job, run="r1") as one, ledger.lease(other, run="r2") as two:
        one.check()
        two.check()
        assert (one.took_over, two.took_over) == ("", "")


@pytest.mark.parametrize(
    ("age", "taken"),
    [
        pytest.param(0, False, id="fresh"),
        pytest.param(290, False, id="still fresh"),
        pytest.param(310, True, id="stale"),
        pytest.param(-30, False, id="clocks differ a little"),
    ],
)
def test_another_machine_is_known_by_its_heartbeat(ledger, job, age, taken):
    theirs = elsewhere(ledger, job, age)
    if taken:
        with ledger.lease(job, run="r2") as lease:
            assert "ben@other-host" in lease.took_over
    else:
        with pytest.raises(JobRunning, match="ben@other-host"), ledger.lease(job, run="r2"):
            pass
    theirs.release()


def test_a_container_with_the_same_name_is_another_machine(ledger, job):
    theirs = elsewhere(ledger, job)
    change(ledger, host=row(ledger)["host"], boot="another", pid=2**22 + 5)
    with pytest.raises(JobRunning), ledger.lease(job, run="r2"):
        pass
    theirs.release()


def test_a_heartbeat_from_the_future_that_stands_still(ledger, job):
    theirs = elsewhere(ledger, job, -3600)
    with ledger.lease(job, run="r2", pace=QUICK) as lease:
        assert "other-host" in lease.took_over
    theirs.release()


def test_a_heartbeat_from_the_future_that_moves(ledger, job):
    theirs = elsewhere(ledger, job, -3600)
    done = threading.Event()

    def beat():
        beats = 0
        while not done.wait(0.02):
            beats += 1
            change(ledger, beats=beats)

    beating = threading.Thread(target=beat)
    beating.start()
    with pytest.raises(JobRunning), ledger.lease(job, run="r2", pace=QUICK):
        pass
    done.set()
    beating.join()
    theirs.release()


def test_a_lease_is_waited_for(ledger, job):
    first = ledger.lease(job, run="r1")
    first.__enter__()
    timer = threading.Timer(0.3, first.release)
    timer.start()
    with ledger.lease(job, run="r2", wait_seconds=20, pace=QUICK) as lease:
        assert lease.took_over == "" and row(ledger)["run"] == "r2"
    timer.join()


def test_a_lease_that_is_being_given_back_is_not_yet_taken_over(url, ledger, job):
    lease = ledger.lease(job, run="r1")
    with lease:
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if engine.name == "sqlite" else "BEGIN")
            connection.exec_driver_sql("UPDATE feedbridge_lease SET run = 'r1'")
            giving = threading.Thread(target=lease.release)
            giving.start()
            giving.join(0.2)
            assert giving.is_alive() and is_running(row(ledger), now(ledger))
            connection.exec_driver_sql("ROLLBACK")
        engine.dispose()
        giving.join(20)
    assert row(ledger) is None


def test_the_heart_beats(ledger, job):
    with ledger.lease(job, run="r1", pace=QUICK):
        change(ledger, heartbeat=0)
        until = time.monotonic() + 20
        while row(ledger)["beats"] < 3 and time.monotonic() < until:
            time.sleep(0.02)
        found = row(ledger)
    assert found["beats"] >= 3 and abs(found["heartbeat"] - now(ledger)) < 60
    assert not [thread for thread in threading.enumerate() if thread.name == "feedbridge-lease"]


def test_the_heart_beats_again_when_the_ledger_was_locked(url, job):
    with Ledger.open(url, wait_seconds=0.1) as ledger, ledger.lease(job, run="r1", pace=QUICK):
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if engine.name == "sqlite" else "BEGIN")
            connection.exec_driver_sql("UPDATE feedbridge_lease SET run = 'r1'")
            time.sleep(0.4)
            connection.exec_driver_sql("ROLLBACK")
        before = row(ledger)["beats"]
        until = time.monotonic() + 20
        while row(ledger)["beats"] == before and time.monotonic() < until:
            time.sleep(0.02)
        assert row(ledger)["beats"] > before


def test_a_run_that_was_taken_over_notices(ledger, job):
    with ledger.lease(job, run="r1", pace=QUICK) as lease:
        lease.check()
        change(ledger, token="theirs")
        until = time.monotonic() + 20
        while not lease.lost and time.monotonic() < until:
            time.sleep(0.02)
        with pytest.raises(LeaseLost):
            lease.check()
    assert row(ledger)["token"] == "theirs"


WRITES = {
    "intend": lambda ledger, t, j, batch, lease: ledger.intend("r1", t, "update", [Intent("a", "A")], lease),
    "settle": lambda ledger, t, j, batch, lease: ledger.settle(batch, [Outcome("b", "sent", b"1")], lease),
    "set_missing": lambda ledger, t, j, batch, lease: ledger.set_missing(t, [("a", 1)], lease),
    "forget": lambda ledger, t, j, batch, lease: ledger.forget(t, ["a"], lease),
    "set_platform_ids": lambda ledger, t, j, batch, lease: ledger.set_platform_ids(t, {"a": "1"}, lease),
    "set_settled": lambda ledger, t, j, batch, lease: ledger.set_settled(t, "x", lease),
    "close_batches": lambda ledger, t, j, batch, lease: ledger.close_batches(t, "r2", lease),
    "note_held": lambda ledger, t, j, batch, lease: ledger.note_held(j, "r1", [HeldRow("a", "c", "p")], True, lease),
    "note_held, all": lambda ledger, t, j, batch, lease: ledger.note_held(j, "r1", [], True, lease),
    "close_held": lambda ledger, t, j, batch, lease: ledger.close_held(j, ["held"], "r1", "replayed", lease),
    "open_alert": lambda ledger, t, j, batch, lease: ledger.open_alert(j, "failed", lease=lease),
    "close_alert": lambda ledger, t, j, batch, lease: ledger.close_alert(j, "told", lease),
}


def everything(ledger, target, job):
    return (
        list(ledger.rows(target)), ledger.targets(job), ledger.open_batches(target), ledger.held(job),
        ledger.held(job, closed=True), ledger.alert_state(job),
    )


@pytest.mark.parametrize("let_go", [True, False], ids=["let go", "taken over"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_without_its_lease_a_run_writes_nothing(ledger, job, write, let_go):
    target = ledger.target(job, "shop", "magento", "https://x/").id
    lease = ledger.lease(job, run="r1")
    with lease:
        for key in "ab":
            batch = ledger.intend("r1", target, "create", [Intent(key, key)], lease)
            if key == "a":
                ledger.settle(batch, [Outcome("a", "sent", b"1")], lease)
        ledger.note_held(job, "r0", [HeldRow("held", "c", "p")], False, lease)
        ledger.open_alert(job, "told", lease=lease)
        ledger.set_settled(target, "fingerprint", lease)
        if let_go:
            lease.release()
        else:
            change(ledger, token="theirs", host="other-host")
        before = everything(ledger, target, job)
        with pytest.raises(LeaseLost) as caught:
            write(ledger, target, job, batch, lease)
        assert (caught.value.code, everything(ledger, target, job)) == ("ledger.lease-lost", before)
        assert "r1" in caught.value.message and caught.value.mend


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, SystemExit])
def test_it_is_let_go_after_an_error(ledger, job, error):
    with pytest.raises(error), ledger.lease(job, run="r1"):
        raise error
    assert row(ledger) is None


INTERRUPTED = """
import sys, time
from feedbridge.sync.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
try:
    print("ready", flush=True)
    with ledger.lease(int(sys.argv[2]), run="r1", wait_seconds=60):
        print("has it", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_control_c(url, ledger, job):
    process = child(INTERRUPTED, url, job)
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    assert process.stdout.readline() == "has it\n", process.stderr.read()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("interrupted\n", "")
    assert row(ledger) is None


def test_control_c_while_waiting(url, ledger, job):
    with ledger.lease(job, run="r0"):
        process = child(INTERRUPTED, url, job)
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("interrupted\n", "")
        assert row(ledger)["run"] == "r0"


def test_a_lease_that_cannot_be_given_back_is_no_error(url, job):
    ledger = Ledger.open(url)
    with ledger.lease(job, run="r1"):
        ledger._database.engine = ledger._database._writers = sa.create_engine("sqlite:////nowhere/at/all")
    ledger.close()
    with Ledger.open(url) as again, again.lease(job, run="r2") as lease:
        assert "r1" in lease.took_over


def test_a_lease_is_used_once(ledger, job):
    with ledger.lease(job, run="r1") as lease, pytest.raises(ValueError, match="once"):
        lease.__enter__()
