"""The server: this machine only, nothing lost by a kill, a clean end, friendly refusals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from feedbridge.errors import CommandError
from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import FEED, flipsnack, magento, product, simple

COMMAND = (sys.executable, "-m", "feedbridge", "sandbox")


class Process:
    """``feedbridge sandbox`` as a process; ``said`` is what it wrote to stderr until it was up."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--data", str(data), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stderr is not None
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if "curl" in line:
                break
        self.url = next((word for word in self.said.split() if word.startswith("http://")), "")

    def end(self, number: int) -> tuple[int, str]:
        """Its exit status and what else it said."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        assert out == ""
        return self.process.returncode, err or ""


@pytest.fixture
def started() -> Iterator[type[Process]]:
    made: list[Process] = []

    class Kept(Process):
        def __init__(self, data: Path, *arguments: str) -> None:
            super().__init__(data, *arguments)
            made.append(self)

    yield Kept
    for one in made:
        one.process.kill()
        one.process.communicate()


def test_it_says_where_it_is(started, tmp_path):
    box = started(tmp_path / "data", "--fault", "500:9")
    lines = box.said.splitlines()
    assert lines[0] == f"feedbridge sandbox: Flipsnack, Magento and FlickRocket at {box.url} (Ctrl-C stops it)"
    assert f"  page   {box.url}/" in lines and f"  data   {tmp_path / 'data'}" in lines and "  faults 500:9" in lines
    assert lines[lines.index("try next, in another terminal:") + 1 :] == [
        f"  FEEDBRIDGE_SANDBOX_URL={box.url} feedbridge sync JOB   (its target says `sandbox: true`)",
        f"  FEEDBRIDGE_FLICKROCKET_HOSTS={box.url}/flickrocket feedbridge flickrocket login"
        " --client-id Sandbox.1234567890.apps.flickrocket.com",
        f"  FEEDBRIDGE_SANDBOX_URL={box.url} feedbridge flickrocket upload DIR   (product folders)",
        f"  curl '{box.url}/_/calls?limit=5'",
    ]
    assert requests.get(f"{box.url}/_/health", timeout=5).json()["sandbox"] == "feedbridge"


@pytest.mark.parametrize(
    ("number", "status"), [pytest.param(signal.SIGTERM, 0, id="SIGTERM"), pytest.param(signal.SIGINT, 130, id="SIGINT")])
def test_it_ends_cleanly_even_while_a_call_hangs(started, tmp_path, number, status):
    box = started(tmp_path, "--fault", "magento/hang:1")
    flipsnack(box.url, "products.create", products=[product("A\x1b[31m")], sourceHash="h")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(lambda: magento(box.url, simple(1), timeout=30))
        assert box.process.stderr is not None
        lines = [box.process.stderr.readline(), box.process.stderr.readline()]
        left, said = box.end(number)
        assert isinstance(hanging.exception(timeout=30), requests.ConnectionError)
    assert left == status
    assert "flipsnack products.create: taken, 1 of 1 items, code 200, HTTP 200" in lines[0]
    assert "fault magento/hang:1" in lines[1]
    assert "Traceback" not in said


def test_nothing_that_was_answered_is_lost_by_a_kill(started, tmp_path):
    box = started(tmp_path, "--quiet", "--rates", "off")
    for number in range(20):
        assert flipsnack(box.url, "products.create", products=[product(f"A{number}")]).json()["code"] == 200
    assert magento(box.url, simple(1)).status_code == 200
    assert box.end(signal.SIGKILL)[0] == -signal.SIGKILL
    again = started(tmp_path)
    assert set(requests.get(f"{again.url}/_/flipsnack/{FEED}", timeout=5).json()) == {f"A{number}" for number in range(20)}
    assert set(requests.get(f"{again.url}/_/magento", timeout=5).json()) == {"1"}
    assert len(requests.get(f"{again.url}/_/calls", timeout=5).json()) == 21
    assert again.end(signal.SIGTERM)[0] == 0
    fresh = started(tmp_path, "--fresh")
    assert requests.get(f"{fresh.url}/_/feeds", timeout=5).json()["flipsnack"] == []


def test_it_goes_on_when_nobody_reads_what_it_says(started, tmp_path):
    box = started(tmp_path)
    box.process.stderr.close()
    box.process.stderr = None
    for code in ("A", "B"):
        assert flipsnack(box.url, "products.create", products=[product(code)]).json()["data"]["Errors"] == []
    assert box.end(signal.SIGTERM)[0] == 0


def test_no_line_a_call_when_quiet(started, tmp_path):
    box = started(tmp_path, "--quiet")
    flipsnack(box.url, "products.create", products=[product("A")])
    assert box.end(signal.SIGTERM) == (0, "")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--host", "0.0.0.0"], '--host: the sandbox serves this machine only, and "0.0.0.0" is not loopback [sandbox.host]',
                     id="host"),
        pytest.param(["--webhook-hash", "T6+S1"], '--webhook-hash: there is no reading "T6+S1" of the hash [sandbox.fault]',
                     id="hash"),
        pytest.param(["--fault", "drop-aftr:1"], '--fault drop-aftr:1: there is no fault "drop-aftr" [sandbox.fault]', id="fault"),
    ],
)
def test_commands_that_are_refused(tmp_path, arguments, said):
    done = command("--data", str(tmp_path), "--port", "0", *arguments)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, said)
    assert "  mend: " in done.stderr


def test_fault_help():
    done = command("--fault", "help")
    assert done.returncode == 0 and "drop-after:CALLS" in done.stdout


def test_without_flask(tmp_path):
    script = "import sys; sys.modules['flask'] = None; from feedbridge.cli import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", script, "sandbox", "--data", str(tmp_path / "data")], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr == ("the sandbox needs flask, which is not installed [sandbox.flask]\n"
                           "  mend: pip install 'feedbridge[sandbox]'\n")
    assert not (tmp_path / "data").exists()


def test_port_in_use(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=f"127.0.0.1:{port}: port {port} is in use") as caught, SandboxServer(
            data=tmp_path, port=port
        ):
            pass
        assert "--port" in caught.value.mend
    with SandboxServer(data=tmp_path, port=0) as box:
        assert requests.get(f"{box.url}/_/health", timeout=5).ok


def test_one_sandbox_a_folder(tmp_path):
    with SandboxServer(data=tmp_path, port=0), pytest.raises(CommandError, match="another sandbox is using this folder"), \
            SandboxServer(data=tmp_path, port=0, fresh=True):
        pass
    with SandboxServer(data=tmp_path, port=0) as box:
        assert box.calls() == []


@pytest.mark.parametrize(
    "content", [pytest.param(b"rubbish" * 1000, id="no database"), pytest.param(b"SQLite format 3\x00", id="cut off")])
def test_a_file_that_is_none_of_ours(tmp_path, content):
    (tmp_path / "sandbox.sqlite3").write_bytes(content)
    with pytest.raises(CommandError, match="the sandbox's file cannot be used") as caught, SandboxServer(data=tmp_path, port=0):
        pass
    assert "--fresh" in caught.value.mend
    with SandboxServer(data=tmp_path, port=0, fresh=True) as box:
        assert box.calls() == []


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="cannot keep data here"), SandboxServer(data=tmp_path / "file" / "box", port=0):
        pass


# --- who may call


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0) as box:
        yield box


@pytest.mark.parametrize("path", ["/", "/_/calls", "/flipsnack/v1/", "/magento/rest/V1/product/create/", "/nowhere"])
@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        pytest.param({"Host": "evil.example"}, False, id="rebound name"),
        pytest.param({"Host": "evil.example:8765"}, False, id="rebound name with port"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, False, id="looks like loopback"),
        pytest.param({"Host": "192.168.1.2"}, False, id="another address"),
        pytest.param({"Host": "["}, False, id="no host"),
        pytest.param({"Origin": "https://evil.example"}, False, id="a page of the web"),
        pytest.param({"Origin": "null"}, False, id="a page of nowhere"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, False, id="a picture of another page"),
        pytest.param({"Sec-Fetch-Site": "none"}, True, id="typed into the browser"),
        pytest.param({"Host": "localhost:1"}, True, id="localhost"),
        pytest.param({"Host": "[::1]:8765"}, True, id="IPv6"),
        pytest.param({"Origin": "http://127.0.0.1:8765"}, True, id="its own page"),
    ],
)
def test_this_machine_only(box, path, headers, let_in):
    answer = requests.get(f"{box.url}{path}", headers=headers, timeout=5)
    assert (answer.status_code not in (400, 403)) is let_in
    assert "feed" not in answer.text or let_in


def test_it_listens_on_loopback_alone(box):
    assert box.url.startswith("http://127.0.0.1:")
    with socket.socket() as caller, pytest.raises(ConnectionRefusedError):
        caller.settimeout(2)
        caller.connect(("127.0.0.2", box.port))


def test_no_traceback_to_a_client(tmp_path, capfd):
    def broken() -> float:
        raise RuntimeError("the clock at /secret/place is broken")

    with SandboxServer(data=tmp_path, port=0, clock=broken) as box:
        answer = magento(box.url, simple(1))
    assert (answer.status_code, answer.json()) == (500, {"error": "the sandbox has a fault"})
    assert "the clock at" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nowhere", 404, id="unknown"),
        pytest.param("POST", "/_/feeds", 405, id="method"),
        pytest.param("GET", "/_/calls?limit=-1", 400, id="limit"),
        pytest.param("GET", "/_/calls?before=x", 400, id="before"),
        pytest.param("GET", "/_/calls?limit=0", 200, id="no calls"),
        pytest.param("GET", "/_/flipsnack/a/b%2Fc", 404, id="unknown feed"),
        pytest.param("GET", "/_/flickrocket/orders", 404, id="unknown resource"),
        pytest.param("PUT", "/_/flickrocket/products", 400, id="no list"),
        pytest.param("GET", "/_/flickrocket/prices", 200, id="prices"),
        pytest.param("GET", "/?platform=flipsnack&feed=%00%ff&page=99999", 200, id="strange page"),
        pytest.param("POST", "/_/reset", 200, id="reset"),
    ],
)
def test_inspection(box, method, path, status):
    answer = requests.request(method, f"{box.url}{path}", timeout=5)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_feed_names_with_slashes(box):
    flipsnack(box.url, "products.create", products=[product("A")], sourceHash="a//b/../é?")
    path = "a%2F%2Fb%2F..%2F%C3%A9%3F"
    assert set(requests.get(f"{box.url}/_/flipsnack/{path}", timeout=5).json()) == {"A"}


def test_reset_forgets_everything(tmp_path):
    with SandboxServer(data=tmp_path, port=0) as box:
        for number in range(5):
            flipsnack(box.url, "products.create", products=[product(f"A{number}")])
        magento(box.url, simple(1))
        assert requests.post(f"{box.url}/_/reset", timeout=5).json() == {"reset": True}
        assert box.store.feeds() == {"flipsnack": [], "magento": {"products": 0, "changed": None}, "flickrocket": {}}
        assert box.calls() == []
        assert flipsnack(box.url, "products.create", products=[product("A")]).json()["code"] == 200


def test_calls_at_once_are_all_taken(tmp_path):
    with SandboxServer(data=tmp_path, port=0, rates=False) as box:
        begin = threading.Barrier(8)

        def create(number: int) -> int:
            begin.wait()
            return flipsnack(box.url, "products.create", products=[product(f"A{number}"), product("SAME")]).json()["code"]

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(create, range(8))) == {200}
        assert set(box.store.flipsnack(FEED)) == {"SAME", *(f"A{number}" for number in range(8))}
        assert sum(one["failed"] for one in box.calls()) == 7
