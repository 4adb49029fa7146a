"""Calls stay within the rate: in one process with a clock of its own, and over real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedbridge.platforms.delivery import Rate
from feedbridge.platforms.limiter import Limiter

ACCOUNT = "7c211433f02071597741e6ff5a8ea34789abbf43"


class Clock:
    """Moves only when somebody sleeps, or is told to."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def go_on() -> bool:
    return False


def limiter(folder: Path, clock: Clock, rate: Rate, account: str = ACCOUNT) -> Limiter:
    return Limiter(account, rate, folder, sleep=clock.sleep, clock=clock)


def most_in(stamps: list[float], seconds: float) -> int:
    """The largest number of stamps in any stretch of so many seconds, both ends counted."""
    return max((sum(start <= stamp <= start + seconds for stamp in stamps) for start in stamps), default=0)


def file_of(folder: Path) -> Path:
    (path,) = folder.glob("calls-*.json")
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_second=st.sampled_from([0, 0.3, 0.5, 1, 2.5, 5]), per_minute=st.sampled_from([0, 0.5, 1, 10, 30, 60]),
    turns=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 20)), min_size=1, max_size=60),
)
def test_no_window_has_more_calls_than_allowed(tmp_path_factory, per_second, per_minute, turns):
    folder = tmp_path_factory.mktemp("calls")
    clock = Clock()
    sharers = [limiter(folder, clock, Rate(per_second=per_second, per_minute=per_minute)) for _ in range(3)]
    made = []
    for who, idle in turns:
        clock.now += idle if idle > 10 else 0
        sharers[who].wait(go_on)
        made.append(clock.now)
    for allowed, span in ((per_second, 1), (per_minute, 60)):
        if allowed >= 1:
            assert most_in(made, span) <= allowed
        elif allowed:
            assert most_in(made, span / allowed) <= 1


@pytest.mark.parametrize(("rate", "calls", "seconds"), [
    pytest.param(Rate(per_second=0.5, per_minute=30), 61, 120, id="Flipsnack's usual: one every two seconds"),
    pytest.param(Rate(per_second=5, per_minute=60), 121, 120, id="Flipsnack's most"),
    pytest.param(Rate(per_second=2), 21, 12.5, id="a second alone, with room for calls that are long on their way"),
    pytest.param(Rate(per_minute=30), 61, 120, id="a minute alone"),
    pytest.param(Rate(), 1_000, 0, id="no limit"),
])
def test_the_rate_is_used_to_the_full(tmp_path, rate, calls, seconds):
    clock = Clock()
    one = limiter(tmp_path, clock, rate)
    waited = sum(one.wait(go_on) for _ in range(calls))
    assert waited == pytest.approx(clock.now - 1_000) == pytest.approx(seconds, rel=0.03)


def test_accounts_do_not_wait_for_each_other(tmp_path):
    clock = Clock()
    rate = Rate(per_second=0.5)
    assert limiter(tmp_path, clock, rate).wait(go_on) == 0
    assert limiter(tmp_path, clock, rate, "another").wait(go_on) == 0
    assert limiter(tmp_path, clock, rate).wait(go_on) == pytest.approx(2, abs=0.1)


def test_stop_ends_the_wait_at_once_and_counts_no_call(tmp_path):
    clock = Clock()
    one = limiter(tmp_path, clock, Rate(per_minute=1))
    one.wait(go_on)
    before = file_of(tmp_path).read_bytes()
    assert one.wait(lambda: len(clock.slept) >= 3) == pytest.approx(0.6)
    assert one.wait(lambda: True) == 0
    assert file_of(tmp_path).read_bytes() == before
    assert max(clock.slept) <= 0.2


def test_looking_for_a_moment_takes_none(tmp_path):
    clock = Clock()
    one = limiter(tmp_path, clock, Rate(per_second=0.5))
    assert [one.wait(go_on, take=False) for _ in range(3)] == [0, 0, 0]
    assert one.wait(go_on) == 0
    assert one.wait(go_on, take=False) == pytest.approx(2, abs=0.1)
    assert one.wait(go_on) == 0


@pytest.mark.parametrize(("asked", "paused"), [
    pytest.param(90, 90, id="as asked"),
    pytest.param(86_400, 3_600, id="an hour at most"),
    pytest.param(0, 0, id="none"),
    pytest.param(-5, 0, id="backwards"),
    pytest.param(float("nan"), 0, id="no number"),
])
@pytest.mark.parametrize("rate", [
    pytest.param(Rate(per_second=5), id="limited"), pytest.param(Rate(), id="no limit"),
])
def test_a_pause_holds_up_every_process_of_the_account(tmp_path, rate, asked, paused):
    clock = Clock()
    limiter(tmp_path, clock, rate).pause(asked)
    assert limiter(tmp_path, clock, rate, "another").wait(go_on) == 0
    assert limiter(tmp_path, clock, rate).wait(go_on) == pytest.approx(paused, abs=1e-6)


def test_the_files_are_for_their_owner(tmp_path):
    clock = Clock()
    limiter(tmp_path, clock, Rate(per_second=1)).wait(go_on)
    calls = file_of(tmp_path)
    for path in (calls, calls.with_suffix(".new")):  # left open to all by an earlier feedbridge, one of them killed
        path.touch()
        path.chmod(0o644)
    limiter(tmp_path, clock, Rate(per_second=1)).wait(go_on)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
        calls.name: "0o600", calls.with_suffix(".lock").name: "0o600"}


def test_a_shorter_pause_does_not_end_a_longer_one(tmp_path):
    clock = Clock()
    limiter(tmp_path, clock, Rate()).pause(60)
    limiter(tmp_path, clock, Rate()).pause(5)
    assert limiter(tmp_path, clock, Rate()).wait(go_on) == pytest.approx(60)


def test_what_a_slower_job_must_remember_a_faster_one_does_not_forget(tmp_path):
    clock = Clock()
    slow = Rate(per_minute=0.5)
    limiter(tmp_path, clock, slow).wait(go_on)
    clock.now += 100
    limiter(tmp_path, clock, Rate(per_second=5)).wait(go_on)
    clock.now += 30  # 130 seconds after the slow one's call, 30 after the other
    assert limiter(tmp_path, clock, slow).wait(go_on) == pytest.approx(90, abs=0.1)


def replaced(**members: object):
    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_bytes()) | members))
    return change


@pytest.mark.parametrize("damage", [
    pytest.param(lambda path: path.write_bytes(b""), id="empty"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-9]), id="cut off"),
    pytest.param(lambda path: path.write_bytes(b"\xff\x00" * 50), id="bytes"),
    pytest.param(lambda path: path.write_bytes(b"[" * 100_000), id="deep"),
    pytest.param(lambda path: path.write_text("[1, 2]"), id="a list"),
    pytest.param(replaced(feedbridge_calls=2), id="another format"),
    pytest.param(replaced(boot="another"), id="another boot"),
    pytest.param(replaced(stamps=["soon"]), id="stamps are words"),
    pytest.param(replaced(stamps=None), id="no stamps"),
    pytest.param(replaced(stamps=[1e9]), id="a stamp yet to come"),
    pytest.param(replaced(stamps=[float("nan")]), id="a stamp that is no number"),
    pytest.param(replaced(paused=1e9), id="paused for ever"),
    pytest.param(replaced(horizon=1e9), id="kept for ever"),
])
def test_a_damaged_or_foreign_file_is_started_anew(tmp_path, damage):
    clock = Clock()
    rate = Rate(per_second=0.5)
    limiter(tmp_path, clock, rate).wait(go_on)
    damage(file_of(tmp_path))
    assert limiter(tmp_path, clock, rate).wait(go_on) == 0
    assert limiter(tmp_path, clock, rate).wait(go_on) == pytest.approx(2, abs=0.1)


def test_a_process_remembers_its_own_calls_when_the_file_is_lost(tmp_path):
    clock = Clock()
    one = limiter(tmp_path, clock, Rate(per_second=0.5))
    one.wait(go_on)
    file_of(tmp_path).unlink()
    assert one.wait(go_on) == pytest.approx(2, abs=0.1)
    assert one.shared


def test_without_a_usable_folder_the_rate_holds_for_the_process(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where the folder should be")
    clock = Clock()
    one = limiter(in_the_way / "calls", clock, Rate(per_second=0.5))
    assert [one.wait(go_on) for _ in range(3)] == pytest.approx([0, 2, 2], abs=0.1)
    assert not one.shared
    one.pause(7)
    assert one.wait(go_on) == pytest.approx(7, abs=0.1)


def test_a_clock_of_an_earlier_boot_does_not_stop_the_next(tmp_path):
    """Where the system does not tell boots apart, moments yet to come do."""
    rate = Rate(per_second=0.5)
    limiter(tmp_path, Clock(500_000), rate).wait(go_on)
    assert limiter(tmp_path, Clock(3), rate).wait(go_on) == 0


PROCESS = """
import sys
from pathlib import Path
from feedbridge.platforms.delivery import Rate
from feedbridge.platforms.limiter import Limiter
limiter = Limiter("shared", Rate(per_second=8), Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    limiter.wait(lambda: False)
assert limiter.shared
"""


def test_two_processes_share_one_rate(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    running = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), "12"], env=environment) for _ in range(2)
    ]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    stamps = json.loads(file_of(tmp_path).read_bytes())["stamps"]
    assert len(stamps) == 24
    assert most_in(stamps, 1) <= 8
