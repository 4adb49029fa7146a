"""What the command line does when what is around it breaks: a log that takes nothing, a reader that goes away, closed
streams, a folder that is gone. Real processes on a sandbox of this process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sync.shops import Shop, goods, sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a shell of POSIX")
FULL = Path("/dev/full")
FEEDBRIDGE = [sys.executable, "-c", "from feedbridge.cli import main; main()"]
Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with sandbox(tmp_path) as box:
        shop = Shop(tmp_path / "shop", box)
        shop.feed(goods(4))
        yield shop


def environment(shop: Shop, **more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("FEEDBRIDGE_")}
    return {**own, "PYTHONPATH": str(Path(__file__).parents[2]), **shop.environment, **more}


def shell(shop: Shop, line: str, **more: str) -> Ended:
    """A line of the shell in the shop's folder; ``fb`` is feedbridge."""
    words = 'fb() { "$PYTHON" -c "from feedbridge.cli import main; main()" "$@"; }\n' + line
    return subprocess.run(
        ["bash", "-c", words], cwd=shop.folder, env=environment(shop, PYTHON=sys.executable, **more), text=True,
        capture_output=True, timeout=60, check=False,
    )


def no_trace(done: Ended) -> None:
    assert "Traceback" not in done.stderr + done.stdout
    assert "Exception ignored" not in done.stderr
    assert "has a fault" not in done.stderr


@pytest.mark.parametrize("options", ["", " --log-format json", " --log-format text", " --json"])
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("2>>/dev/full", id="the log's disk is full", marks=pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")),
        pytest.param("2>&-", id="stderr is closed"),
        pytest.param("2> >(exec <&-)", id="nobody reads the log"),
        pytest.param(">&- 2>&-", id="all is closed"),
        pytest.param("<&- >&- 2>&-", id="stdin is closed, too"),
    ],
)
def test_a_log_that_cannot_be_written_stops_no_delivery(shop: Shop, options: str, broken: str):
    done = shell(shop, f"fb sync shop{options} {broken}")
    no_trace(done)
    assert done.returncode == 0
    assert len(shop.calls()) == 1
    shop.is_as_its_feed()
    shop.feed(goods(3) | {"P004": {"price": "bad"}})
    done = shell(shop, f"fb sync shop{options} {broken}")
    no_trace(done)
    assert done.returncode == 1, "the status is that of the run"


def test_a_result_that_cannot_be_printed_is_said(shop: Shop):
    if not FULL.exists():
        pytest.skip("no /dev/full")
    done = shell(shop, "fb sync shop --json >/dev/full")
    no_trace(done)
    assert (done.returncode, "No space left" in done.stderr) == (0, True)
    shop.is_as_its_feed()


def test_a_full_disk_under_the_data_is_an_error(shop: Shop):
    if not FULL.exists():
        pytest.skip("no /dev/full")
    done = shell(shop, "fb plan shop --json >/dev/full")
    no_trace(done)
    assert done.returncode == 3
    assert "stdout: the output cannot be written: No space left on device [output.write]" in done.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        pytest.param("plan shop --limit 0", 0, id="plan"),
        pytest.param("plan shop --json", 0, id="plan as JSON"),
        pytest.param("status", 0, id="status"),
        pytest.param("status --json", 0, id="status as JSON"),
        pytest.param("quarantine list", 0, id="quarantine"),
        pytest.param("job schema", 0, id="schema"),
        pytest.param("job check", 0, id="job check"),
        pytest.param("--help", 0, id="help"),
        pytest.param("plan --help", 0, id="help of a command"),
        pytest.param("convert shop.csv --to flipsnack --out out --set currency=EUR --json", 0, id="convert"),
        pytest.param("sync shop --json", 0, id="sync"),
    ],
)
def test_a_reader_that_goes_away_is_no_failure(shop: Shop, words: str, status: int):
    done = shell(shop, f"fb {words} > >(exec <&-); echo status $?; wait")
    no_trace(done)
    assert done.stdout == f"status {status}\n"
    assert "Broken pipe" not in done.stderr


def test_the_status_of_a_plan_survives_its_reader(shop: Shop):
    shop.feed(goods(3) | {"BAD": {"price": "bad"}})
    done = shell(shop, "fb plan shop --out night.jsonl > >(exec <&-); echo status $?; wait")
    assert done.stdout == "status 1\n"
    assert "carry it out with: feedbridge apply night.jsonl" in done.stderr
    assert (shop.folder / "night.jsonl").is_file()


def test_a_log_goes_on_when_the_disk_has_room_again(tmp_path: Path):
    """What was cut off does not run into the next line."""
    words = (
        "import os, sys, resource, signal; from feedbridge.cli import steady; from feedbridge.report.log import Log\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "sys.stderr = steady(sys.stderr, 2); log = Log(sys.stderr, 'json')\n"
        "log.event('first'); limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (os.fstat(2).st_size + 10, limits[1])); log.event('cut'); log.event('lost')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, limits); log.event('last'); log.event('end')"
    )
    path = tmp_path / "log"
    with path.open("wb") as log:
        done = subprocess.run([sys.executable, "-c", words], stderr=log, timeout=60, check=False)
    assert done.returncode == 0
    first, cut, *rest = path.read_text().splitlines()
    assert (json.loads(first)["event"], len(cut)) == ("first", 10)
    assert [json.loads(line)["event"] for line in rest] == ["last", "end"]


# -- with --log-format json every line is an object, also when it fails


def broken_ledger(shop: Shop) -> None:
    (shop.folder / "ledger.sqlite").write_bytes(b"no database " * 1000)


def no_job_file(shop: Shop) -> None:
    (shop.folder / "feedbridge.yaml").unlink()


def no_source(shop: Shop) -> None:
    shop.source.unlink()


def stale_plan(shop: Shop) -> None:
    assert shell(shop, "fb plan shop --out night.jsonl").returncode == 0
    shop.feed(goods(7))


def broken_job_file(shop: Shop) -> None:
    (shop.folder / "feedbridge.yaml").write_text("feedbridge: 1\njobs: {shop: {source: a.csv, sorce: b, targets: {flip: {}}}}\n")


@pytest.mark.parametrize(
    ("prepare", "words", "status", "code"),
    [
        pytest.param(None, "sync shp", 2, "command.job", id="unknown job"),
        pytest.param(no_job_file, "sync", 2, "command.job-file", id="no job file"),
        pytest.param(broken_job_file, "sync shop", 2, None, id="broken job file"),
        pytest.param(broken_ledger, "sync shop", 3, None, id="broken ledger"),
        pytest.param(no_source, "sync shop", 3, None, id="no source"),
        pytest.param(stale_plan, "apply night.jsonl", 2, "plan.stale", id="stale plan"),
        pytest.param(None, "apply plans/none.jsonl", 2, "plan.missing", id="no plan"),
        pytest.param(None, "sync shop --nosuch", 2, "command.usage", id="unknown option"),
        pytest.param(None, "quarantine replay shop none.csv", None, None, id="no mended file"),
    ],
)
def test_a_failure_is_one_event(
    shop: Shop, prepare: Callable[[Shop], None] | None, words: str, status: int | None, code: str | None
):
    if prepare is not None:
        prepare(shop)
    done = shell(shop, f"fb {words} --log-format json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    (error,) = [line for line in lines if line["event"] == "error"]
    assert {"message", "where", "mend", "code", "status"} <= set(error)
    assert error["message"]
    assert error["status"] == done.returncode
    assert done.returncode == status or (status is None and done.returncode in (2, 3))
    assert code in (None, error["code"])
    assert shop.calls() == []


def test_a_fault_is_one_event(shop: Shop):
    words = (
        "import sys; from feedbridge import cli, api\n"
        "def fault(*_, **__): raise RuntimeError('oh')\n"
        "api.sync_job = fault; sys.argv[1:] = ['sync', '--log-format=json']; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=shop.folder, env=environment(shop), text=True, capture_output=True, timeout=60, check=False
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 3
    assert (json.loads(line)["event"], json.loads(line)["code"]) == ("error", "run.fault")
    assert "feedbridge has a fault: RuntimeError: oh" in json.loads(line)["message"]


def test_stopping_is_an_event(shop: Shop):
    """The platform answers late; meanwhile the system asks the run to end."""
    shop.box.faults("slow:2")
    process = subprocess.Popen(
        [*FEEDBRIDGE, "sync", "shop", "--log-format", "json"], cwd=shop.folder, env=environment(shop),
        stderr=subprocess.PIPE, text=True,
    )
    assert process.stderr is not None
    lines = []
    with process:
        for line in process.stderr:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "calling":
                process.send_signal(signal.SIGTERM)
    events = [line["event"] for line in lines]
    assert "stopping" in events
    assert process.returncode in (0, 130)


def test_items_are_named_in_the_log(shop: Shop):
    shop.box.faults("partial:P002")
    done = shell(shop, "fb sync shop --log-format json")
    result = next(line for line in map(json.loads, done.stderr.splitlines()) if line["event"] == "result")
    named = [failure["key"] for target in result["targets"] for failure in target["failures"]]
    assert "***" not in json.dumps(result)
    assert done.returncode == 1 and named == ["P002"]


# -- folders


def test_a_folder_that_is_gone(shop: Shop, tmp_path: Path):
    (tmp_path / "gone").mkdir()
    line = "cd ../gone && rmdir ../gone && fb {}; echo status $?"
    done = shell(shop, line.format("status"))
    no_trace(done)
    assert done.stdout == "status 2\n"
    assert "the folder feedbridge was started in is gone" in done.stderr
    (tmp_path / "gone").mkdir()
    done = shell(shop, line.format(f"sync shop --jobs {shop.folder}/feedbridge.yaml"))
    no_trace(done)
    assert done.stdout in ("status 0\n", "status 2\n"), done.stderr
    assert "status 0" in done.stdout or "the folder feedbridge was started in is gone" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_may_not_be_read(shop: Shop, tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir()
    done = shell(shop, "cd ../closed && chmod 000 . && fb status; echo status $?; chmod 700 .")
    closed.chmod(0o700)
    no_trace(done)
    assert done.stdout == "status 2\n"
    assert "may not be read" in done.stderr


# -- waiting


def test_a_run_that_waits_says_so(shop: Shop):
    with socket.socket() as closed:  # bound and not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/flipsnack/v1/"
        target = {"platform": "flipsnack", "endpoint": address, "rate": "off", "settings": {"source_hash": "x"}}
        shop.write_job({**shop.spec, "targets": {"flipsnack": target}})
        keys = {"FEEDBRIDGE_FLIPSNACK_API_KEY": "k" * 20, "FEEDBRIDGE_FLIPSNACK_API_SECRET": "s" * 20}
        process = subprocess.Popen(
            [*FEEDBRIDGE, "sync", "shop"], cwd=shop.folder, env=environment(shop, **keys), stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        with process:
            line = process.stderr.readline()
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
    assert line.startswith("flipsnack: cannot be reached (") and line.endswith("; trying again in 5 s\n")
    assert "stopping after the call in hand" in rest
    assert process.returncode == 130
