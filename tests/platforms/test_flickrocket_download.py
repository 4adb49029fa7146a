"""Fetching files over real HTTP from a server on loopback."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedbridge.platforms.flickrocket import PLATFORM
from feedbridge.platforms.flickrocket.download import DownloadError, Downloads, is_allowed
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from tests.platforms.flickrocket_media import HTML, JPEG, PDF, body, codes, convert, product, write
from tests.platforms.flickrocket_verifier import verify


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path; ``server.asked`` keeps what was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]  # added by the fixture
        path = self.path.partition("?")[0]
        getattr(self, "answer_" + path.strip("/").split(".")[0].split("/")[0].replace("-", "_"), self.missing)()

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def give(self, data: bytes, kind: str = "application/octet-stream", **headers: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        for name, value in {"Content_Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def missing(self) -> None:
        self.send_error(404)

    def answer_book(self) -> None:
        self.give(PDF, "application/pdf")

    def answer_cover(self) -> None:
        self.give(JPEG, "image/jpeg")

    def answer_named(self) -> None:
        self.give(PDF, "application/pdf; charset=binary")

    def answer_login(self) -> None:
        self.give(HTML, "text/html")

    def answer_liar(self) -> None:
        self.give(HTML, "application/pdf")

    def answer_none(self) -> None:
        self.give(b"")

    def answer_big(self) -> None:
        self.give(b"%PDF-" + bytes(5000))

    def answer_bigchunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"64\r\n" + bytes(100) + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def answer_short(self) -> None:
        self.give(PDF, Content_Length=str(len(PDF) + 10))
        self.close_connection = True

    def answer_gzipped(self) -> None:
        self.give(PDF, Content_Encoding="gzip")

    def answer_moved(self) -> None:
        self.redirect("/book.pdf")

    def answer_loop(self) -> None:
        self.redirect("/loop.pdf")

    def answer_inside(self) -> None:
        self.redirect("http://10.0.0.1/secret.pdf")

    def answer_metadata(self) -> None:
        self.redirect("http://169.254.169.254/latest/meta-data")

    def answer_file(self) -> None:
        self.redirect("file:///etc/passwd")

    def answer_slow(self) -> None:
        self.server.release.wait(20)  # type: ignore[attr-defined]  # added by the fixture

    def answer_dribble(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for _ in range(400):
            if self.server.release.wait(0.05):  # type: ignore[attr-defined]  # added by the fixture
                return
            try:
                self.wfile.write(b"x")
            except OSError:
                return


@pytest.fixture
def server() -> Iterator[Any]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.asked = []  # type: ignore[attr-defined]  # read by the tests
    running.release = threading.Event()  # type: ignore[attr-defined]  # ends the slow answers
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield running
    running.release.set()  # type: ignore[attr-defined]  # see above
    running.shutdown()
    running.server_close()


@pytest.fixture
def allowed(tmp_path: Path) -> dict[str, Any]:
    return {
        "download": True,
        "download_private_addresses": True,
        "download_folder": tmp_path / "fetched",
        "download_timeout_seconds": 5,
    }


def address(server: Any, path: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def refusal(server: Any, path: str, **given: Any) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        Downloads(FlickRocketSettings(**given)).fetch(address(server, path))
    return caught.value


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("/book.pdf", "book.pdf", id="plain"),
        pytest.param("/book.pdf?token=a%20b&x=1", "book.pdf", id="query"),
        pytest.param("/book/My%20B%C3%B6ok.pdf", "My Böok.pdf", id="percent signs"),
        pytest.param("/named", "named.pdf", id="extension by content type"),
        pytest.param("/moved", "moved.pdf", id="extension by where it led"),
        pytest.param("/moved.pdf", "moved.pdf", id="redirect"),
    ],
)
def test_fetches(server: Any, allowed: dict[str, Any], path: str, name: str):
    fetched = Downloads(FlickRocketSettings(**allowed)).fetch(address(server, path))
    assert fetched.name == name
    assert Path(fetched.path).read_bytes() == PDF
    assert Path(fetched.path).parent == allowed["download_folder"]


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        pytest.param("/none-such.pdf", {}, "empty", id="empty file"),
        pytest.param("/unknown.pdf", {}, "404", id="not found"),
        pytest.param("/login.pdf", {}, "a web page, not a file", id="web page"),
        pytest.param("/big.pdf", {"download_max_bytes": 1000}, "larger than 1000 bytes", id="too large as stated"),
        pytest.param(
            "/bigchunked.pdf", {"download_max_bytes": 1000}, "larger than 1000 bytes", id="too large though unstated"
        ),
        pytest.param("/short.pdf", {}, "the connection broke", id="broken off"),
        pytest.param("/gzipped.pdf", {}, "compressed", id="compressed"),
        pytest.param("/loop.pdf", {}, "redirects more than 5 times", id="redirect loop"),
        pytest.param("/inside.pdf", {}, "private network", id="redirect into a private network"),
        pytest.param("/metadata.pdf", {}, "private network", id="redirect to the cloud's metadata"),
        pytest.param("/file.pdf", {}, '"file" addresses are not fetched', id="redirect to a file"),
        pytest.param("/slow.pdf", {"download_timeout_seconds": 0.2}, "silent for 0.2 seconds", id="silent server"),
        pytest.param(
            "/dribble.pdf", {"download_total_seconds": 0.4}, "did not arrive within 0.4 seconds", id="dribbling server"
        ),
    ],
)
def test_refuses_and_leaves_nothing(
    server: Any, allowed: dict[str, Any], path: str, given: dict[str, Any], message: str
):
    path = path.replace("none-such", "none")
    assert message in refusal(server, path, **{**allowed, **given}).message
    folder = allowed["download_folder"]
    assert not folder.exists() or list(folder.iterdir()) == []


def test_loopback_is_refused_by_default(server: Any, tmp_path: Path):
    error = refusal(server, "/book.pdf", download=True, download_folder=tmp_path / "fetched")
    assert "private network" in error.message
    assert server.asked == []


def test_name_that_resolves_to_loopback_is_refused(tmp_path: Path):
    with pytest.raises(DownloadError, match="private network"):
        Downloads(FlickRocketSettings(download_folder=tmp_path)).fetch("http://localhost:9/book.pdf")


def test_dead_server(allowed: dict[str, Any]):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match="cannot be fetched"):
        Downloads(FlickRocketSettings(**allowed)).fetch(f"http://127.0.0.1:{port}/book.pdf")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://user:pass@127.0.0.1/book.pdf", id="login in the address"),
        pytest.param("http:///book.pdf", id="no server"),
        pytest.param("http://127.0.0.1:99999/book.pdf", id="port out of range"),
        pytest.param("http://[::1/book.pdf", id="broken brackets"),
        pytest.param("http://a..b/book.pdf", id="broken name"),
        pytest.param("http://127.0.0.1:1/\ud800.pdf", id="half a character"),
        pytest.param("http://" + "x" * 300 + ".invalid/a.pdf", id="name too long"),
    ],
)
def test_hostile_addresses_are_refused(allowed: dict[str, Any], url: str):
    with pytest.raises(DownloadError) as caught:
        Downloads(FlickRocketSettings(**allowed)).fetch(url)
    assert caught.value.message and "pass" not in caught.value.message


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
    ],
)
def test_which_addresses_are_public(ip: str, public: bool):
    assert is_allowed(ip) is public


def test_only_loopback_is_opened_for_tests():
    assert is_allowed("127.0.0.1", loopback=True) and is_allowed("::1", loopback=True)
    assert not is_allowed("10.0.0.1", loopback=True) and not is_allowed("169.254.169.254", loopback=True)


def test_same_address_is_fetched_once_also_when_it_fails(server: Any, allowed: dict[str, Any]):
    downloads = Downloads(FlickRocketSettings(**allowed))
    assert downloads.fetch(address(server, "/book.pdf")) == downloads.fetch(address(server, "/book.pdf"))
    for _ in range(2):
        with pytest.raises(DownloadError, match="404"):
            downloads.fetch(address(server, "/unknown.pdf"))
    assert server.asked == ["/book.pdf", "/unknown.pdf"]


def test_product_with_fetched_files_is_written(server: Any, allowed: dict[str, Any], tmp_path: Path):
    outcome = convert(
        product(content=[{"src": address(server, "/book.pdf")}], images=[{"src": address(server, "/cover.jpg")}]),
        None,
        **allowed,
    )
    assert codes(outcome) == []
    assert body(outcome)["files"]["main"] == "files/book.pdf"
    write([outcome], tmp_path / "out")
    assert (tmp_path / "out" / "SKU-1" / "files" / "book.pdf").read_bytes() == PDF
    assert verify(tmp_path / "out") == []


@pytest.mark.parametrize("how", ["link", "copy"])
def test_fetched_files_are_gone_once_they_are_written(server: Any, allowed: dict[str, Any], tmp_path: Path, how: str):
    given = {**allowed, "files": how}
    converter = PLATFORM.converter(FlickRocketSettings(**given), {})
    outcomes = [
        converter.convert(product(sku=sku, content=[{"src": address(server, "/book.pdf")}]), None) for sku in "AB"
    ]
    assert len(list(allowed["download_folder"].iterdir())) == 1
    write(outcomes, tmp_path / "out", **given)
    assert list(allowed["download_folder"].iterdir()) == []
    assert [(tmp_path / "out" / sku / "files" / "book.pdf").read_bytes() for sku in "AB"] == [PDF, PDF]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("/unknown.pdf", "S8", id="not found"),
        pytest.param("/liar.pdf", "K5", id="a web page called a PDF"),
    ],
)
def test_product_whose_file_cannot_be_had_is_held_back(server: Any, allowed: dict[str, Any], path: str, code: str):
    outcome = convert(product(content=[{"src": address(server, path)}]), None, **allowed)
    assert codes(outcome) == [code] and outcome.body == b""
    assert outcome.problems[0].problem.field == "content.0.src"


def test_product_held_back_anyway_is_not_fetched(server: Any, allowed: dict[str, Any]):
    outcome = convert(
        product(ids={"flickrocket": "x"}, content=[{"src": address(server, "/book.pdf")}]), None, **allowed
    )
    assert codes(outcome) == ["K7"]
    assert server.asked == []


def test_without_download_the_remedy_is_named(server: Any):
    outcome = convert(product(content=[{"src": address(server, "/book.pdf")}]), None)
    found = outcome.problems[0]
    assert found.rule.number == "S8" and "--download" in (found.problem.mend or found.rule.mend)
    assert server.asked == []


def test_many_fetched_files_keep_apart(server: Any, allowed: dict[str, Any]):
    converter = PLATFORM.converter(FlickRocketSettings(**allowed), {})
    outcomes = [
        converter.convert(product(sku=f"S{n}", content=[{"src": address(server, f"/book.pdf?n={n}")}]), None)
        for n in range(5)
    ]
    assert len({outcome.files[0].source for outcome in outcomes}) == 5
