"""What a network and a platform can do to a run: how it ends, and that the next one puts everything right."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import feedbridge
from feedbridge.errors import FeedbridgeError
from feedbridge.sync.planfile import PlanError
from feedbridge.sync.syncing import Options, Report
from tests.sync.shops import Box, Good, Shop, goods, memory, sandbox

BOTH = ("flipsnack", "magento")
LENIENT = {"max_delete_share": 1, "few_deletes": 1000, "max_shrink": 1}
FIRST: dict[str, Good] = {**goods(4), "TEE": {"sizes": {"S": "5.00", "M": "6.00"}}}
SECOND: dict[str, Good] = {**goods(2, first=3, price="12.00"), "TEE": {"sizes": {"S": "5.50"}}, **goods(3, first=5)}


class Evening(NamedTuple):
    """A shop whose feed has just changed in every way, to be had again and again."""

    shop: Shop
    base: Path
    saved: Any
    calls: int

    def again(self, *faults: str) -> Shop:
        shutil.rmtree(self.shop.folder)
        shutil.copytree(self.base, self.shop.folder)
        self.shop.box.restore(self.saved)
        self.shop.box.faults(*faults)
        self.shop.clock.slept = 0
        return self.shop


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        yield Path(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def module_box(module_folder: Path) -> Iterator[Box]:
    with sandbox(module_folder) as opened:
        yield opened


@pytest.fixture
def box(module_box: Box) -> Box:
    module_box.reset()
    return module_box


@pytest.fixture(scope="module")
def evenings(module_folder: Path, module_box: Box) -> dict[str, Evening]:
    made = {}
    for to in BOTH:
        module_box.reset()
        shop = Shop(module_folder / to / "shop", module_box, to=[to], batch=2, guards=LENIENT)
        shop.feed(FIRST)
        assert shop.sync().status == 0
        shop.feed(SECOND)
        saved = module_box.saved()
        shutil.copytree(shop.folder, base := module_folder / to / "base")
        before = len(shop.calls())
        assert shop.sync().status == 0
        made[to] = Evening(shop, base, saved, len(shop.calls()) - before)
        assert made[to].calls >= 4
    return made


def down(report: Report) -> str:
    """Why delivery ended early, and how to mend that."""
    ends = [" ".join(result.down) for result in report.targets.values() if result.down]
    assert len(ends) == 1
    return ends[0]


def all_well(shop: Shop) -> None:
    """A clean run puts everything right, and the one after it has nothing to do."""
    shop.box.faults()
    report = shop.sync()
    assert report.status == 0
    assert not report.counts["failed"] and not report.counts["unknown"]
    shop.is_as_its_feed()
    assert shop.sync().unchanged
    assert [run.status for run in shop.runs()[-2:]] == [0, 0]


# One call of several goes wrong

MENDED_AT_ONCE = [
    "drop-before", "drop-after", "drop-mid", "garbage", "truncated", "empty", "html", "html-after", "429", "429@7", "500",
    "500-after", "502", "503", "504", "504-after", "maintenance",
]


@pytest.mark.parametrize(("to", "fault"), [
    *((to, fault) for to in BOTH for fault in MENDED_AT_ONCE), ("flipsnack", "31"), ("flipsnack", "32"), ("magento", "503@7"),
])
def test_a_call_that_goes_wrong_is_mended_in_the_same_run(evenings, to, fault):
    name, _, seconds = fault.partition("@")
    for call in range(1, evenings[to].calls + 1):
        shop = evenings[to].again(f"{name}:{call}{f'@{seconds}' if seconds else ''}")
        report = shop.sync()
        assert (report.status, report.counts["failed"], report.counts["unknown"]) == (0, 0, 0), call
        struck = [one for one in shop.calls() if one["fault"]]
        assert len(struck) == 1
        shop.is_as_its_feed()
        if seconds:
            assert shop.clock.slept >= int(seconds)
        assert shop.runs()[-1].status == 0


@pytest.mark.parametrize("to", BOTH)
def test_a_call_that_is_refused_whole_once(evenings, to):
    """Its halves are taken; of one product alone the refusal may stand until the next run."""
    for call in range(1, evenings[to].calls + 1):
        shop = evenings[to].again(f"400:{call}")
        report = shop.sync()
        alone = [one for one in shop.events if one[0] == "answered"][call - 1][1]["items"] == 1
        assert report.status == report.counts["failed"] <= alone
        all_well(shop)


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("fault", ["hang", "hang-after", "slow"])
def test_a_call_that_takes_too_long_is_mended_in_the_same_run(evenings, to, fault):
    """``slow`` answers in time."""
    for call in range(1, evenings[to].calls + 1):
        shop = evenings[to].again(f"{fault}:{call}" + ("@0.05" if fault == "slow" else ""))
        spec = json.loads(json.dumps(shop.spec))
        spec["targets"][to]["answer_seconds"] = 0.3 if fault != "slow" else 5
        shop.write_job(spec)
        report = shop.sync()
        assert (report.status, report.counts["failed"], report.counts["unknown"]) == (0, 0, 0), call
        shop.is_as_its_feed()


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize(("fault", "words"), [
    ("401", "look at"), ("wrong-key", "look at"), ("redirect", "set endpoint"),
])
def test_a_call_that_will_never_be_taken_ends_the_run_for_now(evenings, to, fault, words):
    for call in range(1, evenings[to].calls + 1):
        shop = evenings[to].again(f"{fault}:{call}")
        before = len(shop.calls())
        report = shop.sync()
        assert report.status == 3
        assert len(shop.calls()) - before == call  # not one more
        assert words in down(report)
        assert shop.runs()[-1].status == 3
        assert to in shop.runs()[-1].message
        assert not shop.states().get("unknown")
        shown = str([shop.events, report.result(), shop.runs()])
        assert "SECRET-0001" not in shown and "sandbox-consumer-secret" not in shown
        all_well(shop)


# Nothing works for a while

@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("faults", [
    ["drop-after:every-2"], ["drop-before:every-3"], ["500:every-3"], ["html-after:every-2"], ["truncated:every-2"],
    ["maintenance:every-2"], ["429:every-2"], ["drop-after:every-3", "500-after:every-2", "maintenance:every-5"],
], ids=" ".join)
def test_a_storm(evenings, to, faults):
    shop = evenings[to].again(*faults)
    report = shop.sync()
    assert (report.status, report.counts["failed"], report.counts["unknown"]) == (0, 0, 0)
    shop.is_as_its_feed()
    all_well(shop)


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("fault", [
    "drop-before", "drop-after", "drop-mid", "500", "500-after", "504-after", "garbage", "empty", "html", "html-after",
])
def test_a_platform_that_never_answers_is_let_be(evenings, to, fault):
    """Whatever it took in the dark: the next run finds out. It is not asked for ever."""
    shop = evenings[to].again(f"{fault}:all")
    before = len(shop.calls())
    report = shop.sync()
    assert report.status == 3
    assert len(shop.calls()) - before <= 20
    assert shop.runs()[-1].status == 3
    all_well(shop)


@pytest.mark.parametrize("to", BOTH)
def test_an_hour_of_maintenance_is_waited_for(evenings, to):
    shop = evenings[to].again("maintenance:first-18")
    assert shop.sync().status == 0
    assert 3600 <= shop.clock.slept < 5400
    shop.is_as_its_feed()


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("fault", ["maintenance:all", "429:all", "429:all@900"])
def test_patience_ends(evenings, to, fault):
    shop = evenings[to].again(fault)
    report = shop.sync()
    assert report.status == 3
    assert "asked to wait for too long" in down(report)
    assert "run the same command again" in down(report)
    assert 3600 <= shop.clock.slept <= 5400
    # of a 503 nobody knows who said it: a store in maintenance, or a proxy behind which it worked
    assert shop.states().get("unknown", 0) == (2 if (to, fault) == ("magento", "maintenance:all") else 0)
    all_well(shop)


def test_a_person_may_stop_a_wait(evenings):
    shop = evenings["flipsnack"].again("maintenance:all")
    report = shop.sync(stop=lambda: shop.clock.slept > 20)
    assert report.status == 130
    assert shop.clock.slept < 30
    assert shop.runs()[-1].status == 130
    all_well(shop)


def test_one_target_that_is_down_does_not_hold_the_other(folder, box):
    shop = Shop(folder / "shop", box, to=BOTH, batch=2)
    shop.feed(FIRST)
    box.faults("flipsnack/wrong-key:2")
    report = shop.sync()
    assert report.status == 3
    assert report.targets["flipsnack"].down and not report.targets["magento"].down
    assert len(shop.on("flipsnack")) == 2
    assert len(shop.on("magento")) == 6
    all_well(shop)


def test_the_rate_holds_for_calls_however_long_the_ledger_takes(folder, box):
    """What counts is when a call leaves, not when it was first thought of."""
    shop = Shop(folder / "shop", box, batch=1, target={"rate": {"per_second": 5}})
    shop.feed(goods(16))
    left = []

    def observe(event: str, **_: Any) -> None:
        if event == "intending" and len(left) % 4 == 0:
            shop.clock.sleep(0.9)  # a disk that takes its time, now and then
        elif event == "calling":
            left.append(shop.clock.now())

    assert shop.sync(observe=observe).status == 0
    assert max(sum(start <= one <= start + 1 for one in left) for start in left) <= 5


# No connection

def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_nobody_listens(folder):
    port = free_port()
    shop = Shop(folder / "shop", Box(""), batch=2, environment={"FEEDBRIDGE_SANDBOX_URL": f"http://127.0.0.1:{port}"})
    shop.feed(FIRST)
    report = shop.sync()
    assert report.status == 3
    assert "refused the connection" in down(report) and "feedbridge sandbox" in down(report)
    assert shop.rows() == {}
    assert (shop.runs()[-1].status, shop.runs()[-1].counts["created"]) == (3, 0)
    with sandbox(folder, port=port) as box:
        shop.box = box
        all_well(shop)


FLIPSNACK_KEYS = {"FEEDBRIDGE_FLIPSNACK_API_KEY": "a-key-of-mine", "FEEDBRIDGE_FLIPSNACK_API_SECRET": "a-secret-of-mine"}


def test_the_name_is_not_known(folder):
    shop = Shop(folder / "shop", Box(""), environment=FLIPSNACK_KEYS,
                target={"endpoint": "https://api.nowhere.invalid/v1/", "rate": {"per_second": 5}, "connect_seconds": 5})
    shop.feed(FIRST)
    report = shop.sync()
    assert report.status == 3
    assert "nowhere.invalid" in down(report)
    assert shop.rows() == {}


@pytest.mark.parametrize(("valid", "trusted", "words"), [
    (("20200101000000Z", "20990101000000Z"), False, "cannot be trusted"),
    (("20200101000000Z", "20200201000000Z"), True, "expired"),
    (("20200101000000Z", "20990101000000Z"), True, ""),
], ids=["self-signed", "expired", "trusted"])
def test_certificates(folder, monkeypatch, valid, trusted, words):
    """With a certificate that is in order the call arrives: it is the certificate that is refused before."""
    key, certificate = certified(folder, *valid)
    with TlsServer(key, certificate) as (port, heard):
        if trusted:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        else:
            monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        shop = Shop(folder / "shop", Box(""), environment=FLIPSNACK_KEYS,
                    target={"endpoint": f"https://127.0.0.1:{port}/v1/"})
        shop.feed(FIRST)
        report = shop.sync()
    if words:
        assert report.status == 3
        assert words in down(report) and "never switch the check off" in down(report)
        assert not heard
        assert shop.rows() == {}
    else:
        assert heard and heard[0].startswith(b"POST /v1/ ")
    assert "a-secret-of-mine" not in str([shop.events, report.result(), shop.runs()])


def certified(folder: Path, start: str, end: str) -> tuple[Path, Path]:
    """A key and its self-signed certificate for 127.0.0.1, valid between two moments."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\n"
        "policy = any\nx509_extensions = names\n[any]\ncommonName = supplied\n"
        "[names]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical,CA:TRUE\n"
        "[req]\ndistinguished_name = who\nprompt = no\n[who]\nCN = 127.0.0.1\n"
    )
    for command in (
        "req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -config ca.cnf",
        f"ca -batch -selfsign -config ca.cnf -keyfile key.pem -in request.pem -out cert.pem -notext -startdate {start} "
        f"-enddate {end}",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=60)
    return folder / "key.pem", folder / "cert.pem"


class TlsServer:
    """A TLS server that notes what it hears, and hangs up."""

    def __init__(self, key: Path, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._heard: list[bytes] = []

    def __enter__(self) -> tuple[int, list[bytes]]:
        threading.Thread(target=self._serve, daemon=True).start()
        return self._listening.getsockname()[1], self._heard

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(connection, server_side=True) as safe:
                    if said := safe.recv(65536):
                        self._heard.append(said)
            except OSError:
                connection.close()


@pytest.mark.parametrize("endpoint", ["http://api.flipsnack.com/v1/", "http://10.0.0.1/v1/", "http://127.0.0.1.example.com/"])
def test_nothing_is_sent_in_the_clear(folder, endpoint):
    shop = Shop(folder / "shop", Box(""), environment=FLIPSNACK_KEYS, target={"endpoint": endpoint})
    shop.feed(FIRST)
    with pytest.raises(FeedbridgeError, match="https://") as told:
        shop.sync()
    assert told.value.exit_status == 2


# What the platform says of single products

@pytest.mark.parametrize(("faults", "to", "most"), [
    (["partial:P250"], "flipsnack", 1), (["partial:P250", "errors:objects"], "flipsnack", 1),
    (["partial:P250", "errors:whole"], "flipsnack", 20), (["partial:P250", "errors:unnamed"], "flipsnack", 60),
    (["partial:P250", "spelling:other"], "flipsnack", 1), (["partial:P250", "http-status:fitting"], "flipsnack", 1),
    (["reject:P250"], "flipsnack", 20), (["reject:P250", "http-status:fitting"], "flipsnack", 20),
    (["partial:P250"], "magento", 1), (["partial:P250", "http-status:fitting"], "magento", 1),
    (["reject:P250"], "magento", 20),
], ids=lambda value: " ".join(value) if isinstance(value, list) else str(value))
def test_one_bad_product_of_500(folder, box, faults, to, most):
    """The others arrive; it stays failed, in the platform's words, is tried every night, and leaves when it is mended."""
    shop = Shop(folder / "shop", box, to=[to], batch=500)
    everything = goods(500)
    shop.feed(everything)
    for night, done in enumerate(("created", "created", "updated")):
        if night == 2:  # all change
            everything = {handle: {**good, "price": "11.00"} for handle, good in everything.items()}
            shop.feed(everything)
        box.faults(*faults)
        before = len(shop.calls())
        report = shop.sync()
        assert report.status == 1
        assert len(shop.calls()) - before <= (3 if night == 1 else most + 1)  # the last night it is a create beside updates
        assert (report.counts[done], report.counts["failed"], report.counts["unknown"]) == (0 if night == 1 else 499, 1, 0)
        (failure,) = report.targets[to].failures
        assert (failure.key, failure.state) == ("P250", "failed")
        row = shop.rows()["P250"]
        assert failure.message
        if "errors:unnamed" not in faults:
            assert row.message == failure.message
            assert row.state == "failed"
        assert shop.states() == {"sent": 499, row.state: 1}
        shop.is_as_its_feed(except_for=["P250"])
        assert "P250" not in shop.on(to)
        assert shop.runs()[-1].status == 1
    shop.feed({handle: good for handle, good in everything.items() if handle != "P250"})
    assert shop.sync().status == 0
    assert "P250" not in shop.rows()
    shop.is_as_its_feed()
    shop.feed(everything)
    all_well(shop)


@pytest.mark.parametrize(("faults", "changes"), [
    (["partial:P003"], "update replace delete"), (["partial:P003", "errors:objects"], "update replace delete"),
    (["partial:P003", "errors:whole"], "update replace delete"), (["reject:P003"], "update replace delete"),
    (["partial:P003", "errors:unnamed"], "update"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_one_product_that_cannot_be_changed(folder, box, faults, changes):
    for change in changes.split():
        box.reset()
        shop = Shop(folder / change / "shop", box, guards=LENIENT)
        before = goods(8)
        shop.feed(before)
        shop.sync()
        shop.feed({"update": goods(8, price="11.00"), "replace": goods(8, text=""), "delete": goods(5, first=4)}[change])
        box.faults(*faults)
        report = shop.sync()
        (failure,) = report.targets["flipsnack"].failures
        assert (report.status, failure.key, failure.op) == (1, "P003", change)
        assert shop.on("flipsnack")["P003"] == shop.converted_of(before)["P003"]  # untouched
        shop.is_as_its_feed(except_for=["P003"])
        assert shop.sync().status == 1  # tried again
        all_well(shop)


class Gateway:
    """Stands before a sandbox and answers ``status`` to every call whose body holds ``poison``; the rest it hands on."""

    def __init__(self, box: Box, poison: bytes, status: int) -> None:
        port = int(box.url.rpartition(":")[2])

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if poison in body:
                    said, code = b"<h1>Internal error</h1>", status
                else:
                    onward = HTTPConnection("127.0.0.1", port, timeout=30)
                    onward.request("POST", self.path, body, dict(self.headers))
                    answer = onward.getresponse()
                    said, code = answer.read(), answer.status
                    onward.close()
                self.send_response(code)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("place", [1, 100, 200])
def test_a_product_that_the_platform_dies_of(folder, box, to, place):
    """It stays unknown, since nobody said what became of it; the others of its call arrive, and so does what comes after."""
    poison = f"P{place:03}"
    with Gateway(box, b"ABSOLUTELY DEADLY", 500) as url:
        shop = Shop(folder / "shop", box, to=[to], batch=200, environment={"FEEDBRIDGE_SANDBOX_URL": url})
        shop.feed({**goods(250), poison: {"price": "1.00", "text": "<p>ABSOLUTELY DEADLY</p>", "title": "ABSOLUTELY DEADLY"}})
        for _ in range(2):
            report = shop.sync()
            assert report.status == 3
            assert shop.states() == {"sent": 249, "unknown": 1}
            assert shop.rows()[poison].state == "unknown"
            (failure,) = report.targets[to].failures
            assert failure.key == poison and "500" in failure.message
            shop.is_as_its_feed(except_for=[poison])
        shop.feed(goods(250))
        all_well(shop)


# Signals

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("call", [1, 2])
def test_a_first_signal_lets_the_call_in_hand_end(folder, box, number, call):
    shop = Shop(folder / "shop", box, batch=2)
    shop.feed(FIRST)
    box.faults(f"slow:{call}@0.4")
    process = started(shop, call)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "stopping after the call in hand" in said
    assert len(shop.calls()) == call
    assert shop.states() == {"sent": 2 * call}
    assert (shop.runs()[-1].status, shop.runs()[-1].counts["created"]) == (130, 2 * call)
    all_well(shop)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_second_signal_ends_it_at_once(folder, box, number):
    shop = Shop(folder / "shop", box, batch=2)
    shop.feed(FIRST)
    box.faults("hang-after:2")
    process = started(shop, 2)
    process.send_signal(number)
    assert "stopping" in process.stderr.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert shop.states() == {"sent": 2, "unknown": 2}
    assert shop.runs()[-1].status == 130
    all_well(shop)


def started(shop: Shop, calls: int) -> subprocess.Popen[str]:
    """``feedbridge sync``, when it has made so many calls."""
    root = Path(feedbridge.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "feedbridge", "sync", "shop", "--jobs", str(shop.folder / "feedbridge.yaml")], text=True,
        env={**os.environ, **shop.environment, "PYTHONPATH": str(root)}, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    end = time.monotonic() + 60
    while len(shop.calls()) < calls:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    return process


# The same thing twice

def test_a_plan_is_carried_out_once(folder, box):
    shop = Shop(folder / "shop", box, batch=2)
    shop.feed(FIRST)
    shop.plan(folder / "one.jsonl")
    shop.plan(folder / "two.jsonl")
    assert shop.apply(folder / "one.jsonl").status == 0
    calls = len(shop.calls())
    for name in ("one", "two"):
        with pytest.raises(PlanError) as told:
            shop.apply(folder / f"{name}.jsonl")
        assert told.value.code == "plan.stale"
        assert "nothing was sent" in str(told.value)
        assert shop.runs()[-1].status == 2
    assert len(shop.calls()) == calls
    shop.is_as_its_feed()


def test_a_run_beside_a_run_is_not_let_in(folder, box):
    shop = Shop(folder / "shop", box, batch=2)
    shop.feed(FIRST)
    other = Shop(folder / "shop", box, batch=2)
    said = []

    def observe(event: str, **_: Any) -> None:
        if event == "calling" and not said:
            with pytest.raises(FeedbridgeError) as told:
                other.sync()
            said.append(told.value.code)

    assert shop.sync(observe=observe).status == 0
    assert said == ["ledger.running"]
    shop.is_as_its_feed()
    assert len(shop.calls()) == 3


@pytest.mark.parametrize("to", BOTH)
def test_everything_may_be_sent_again(folder, box, to):
    shop = Shop(folder / "shop", box, to=[to], batch=2)
    shop.feed(FIRST)
    shop.sync()
    for faults in ((), ("drop-after:every-2",)):
        box.faults(*faults)
        assert shop.sync(Options(resend=frozenset())).status == 0
        shop.is_as_its_feed()


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("faults", [(), ("drop-after:every-2",), ("partial:P002", "errors:unnamed")], ids=["", "drops", "unnamed"])
def test_a_lost_ledger_is_made_up_for(folder, box, to, faults):
    """With adopt, what is there is updated; what is not is created."""
    shop = Shop(folder / "shop", box, to=[to], batch=2)
    shop.feed(goods(3))
    shop.sync()
    (folder / "shop" / "ledger.sqlite").unlink()
    for left in (folder / "shop").glob("ledger.sqlite-*"):
        left.unlink()
    shop.feed(goods(5, price="11.00"))
    box.faults(*faults)
    shop.sync(Options(adopt=True))
    all_well(shop)
