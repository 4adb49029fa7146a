"""One request, one honest word of what came of it: over real connections, with servers that misbehave."""

from __future__ import annotations

import gzip
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import feedbridge
from feedbridge.platforms.http import Http, Lost, Reply, Unsent, retry_after_seconds

SECRET = "s3cr3t-of-the-test"
Script = Callable[[socket.socket, bytes], None]


class Server:
    """Answers as it is told, in bytes; keeps what arrived, and counts connections."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, requests_each: int = 1) -> None:
        self._script = script
        self._tls = tls
        self._requests_each = requests_each
        self.arrived: list[bytes] = []
        self.connections = 0
        self.closed = threading.Semaphore(0)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1/"

    def __enter__(self) -> Server:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._listening.accept()
                self.connections += 1
                self._open.append(taken)
                threading.Thread(target=self._talk, args=(taken,), daemon=True).start()

    def _talk(self, taken: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                taken = self._tls.wrap_socket(taken, server_side=True)
                self._open.append(taken)
            for _ in range(self._requests_each):
                request = read_request(taken)
                if request:
                    self.arrived.append(request)
                    self._script(taken, request)
        with suppress(OSError):
            taken.close()
        self.closed.release()


def read_request(taken: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        more = taken.recv(65536)
        if not more:
            return b""
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        more = taken.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body


def says(*parts: bytes) -> Script:
    def script(taken: socket.socket, _: bytes) -> None:
        for part in parts:
            taken.sendall(part)
    return script


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def reset(taken: socket.socket, _: bytes) -> None:
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    taken.close()


def reset_mid(taken: socket.socket, request: bytes) -> None:
    taken.sendall(answer(b'{"code": 20', length=90))
    time.sleep(0.05)
    reset(taken, request)


def drip(*first: bytes) -> Script:
    def script(taken: socket.socket, _: bytes) -> None:
        for part in first:
            taken.sendall(part)
        for _ in range(2_000):
            taken.sendall(b"x")
            time.sleep(0.02)
    return script


def silent(taken: socket.socket, _: bytes) -> None:
    with suppress(OSError):
        taken.recv(1)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY",
                 "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def http() -> Iterator[Http]:
    one = Http(2, 0.4, total_seconds=0.8, max_body_bytes=10_000)
    yield one
    one.close()


def post(http: Http, url: str, **parts: object) -> Reply:
    return http.post(f"{url}?token={SECRET}", headers={"Authorization": f"Bearer {SECRET}"}, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(("sent", "status", "body"), [
    pytest.param(answer(b'{"code": 200}'), 200, b'{"code": 200}', id="with its length"),
    pytest.param(chunked(b'{"code"', b": 200}"), 200, b'{"code": 200}', id="chunked"),
    pytest.param(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"code": 200}', 200, b'{"code": 200}', id="to the end"),
    pytest.param(b"HTTP/1.0 503 Busy\r\n\r\nbusy", 503, b"busy", id="HTTP/1.0"),
    pytest.param(answer(gzip.compress(b"{}"), "200 OK", "Content-Encoding: gzip"), 200, b"{}", id="packed"),
    pytest.param(answer(b"", "204 No Content"), 204, b"", id="empty"),
    pytest.param(answer(b"no", "401 Unauthorized"), 401, b"no", id="an error is an answer"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"{}"), 200, b"{}", id="100 first"),
    pytest.param(answer(b"x" * 10_000), 200, b"x" * 10_000, id="as long as allowed"),
])
def test_whole_answers_are_replies(http, sent, status, body):
    with Server(says(sent)) as server:
        reply = post(http, server.url, json_text="{}")
        assert (reply.status, reply.body) == (status, body)
        assert len(server.arrived) == 1


@pytest.mark.parametrize(("script", "reason"), [
    pytest.param(reset, "the connection broke", id="reset"),
    pytest.param(reset_mid, "the connection (broke|ended) before", id="reset in the answer"),
    pytest.param(says(), "closed the connection without an answer", id="closed"),
    pytest.param(silent, "silent for 0.4 seconds", id="silent"),
    pytest.param(says(answer(b'{"code": 20', length=90)), "ended before the answer was whole", id="short"),
    pytest.param(says(chunked(b'{"code"', end=b"")), "ended before the answer was whole", id="chunked, without its end"),
    pytest.param(says(chunked(b'{"code"', end=b"5\r\nab")), "ended before the answer was whole", id="half a chunk"),
    pytest.param(says(chunked(b"{", end=b"zz\r\n")), "ended before the answer was whole", id="a chunk of no length"),
    pytest.param(says(answer(b"x" * 10_001)), "more than 10,000 bytes", id="too long"),
    pytest.param(says(answer(gzip.compress(b"\0" * 50_000_000), "200 OK", "Content-Encoding: gzip")),
                 "more than 10,000 bytes", id="a bomb"),
    pytest.param(says(answer(b"nothing packed", "200 OK", "Content-Encoding: gzip")), "cannot be unpacked", id="unpacks not"),
    pytest.param(says(answer(b"{}", "200 OK", "Content-Encoding: rot13")), "encoding that cannot be read", id="rot13"),
    pytest.param(says(b"SSH-2.0-OpenSSH_9.6\r\n"), "not HTTP", id="no HTTP"),
    pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}"), "did not come", id="two lengths"),
    pytest.param(says(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n"), "did not come", id="endless headers"),
    pytest.param(drip(answer(b"", length=5_000)), "not whole, after 0.8 seconds", id="a byte at a time"),
    pytest.param(drip(b"HTTP/1.1 200 OK\r\nA: "), "not whole, after 0.8 seconds", id="headers a byte at a time"),
    pytest.param(drip(b"HTTP/1.1 200 OK\r\n\r\n"), "not whole, after 0.8 seconds", id="without an end"),
])
def test_what_may_have_arrived_is_lost_and_sent_once(http, script, reason):
    with Server(script) as server:
        with pytest.raises(Lost, match=reason) as raised:
            post(http, server.url, data={"a": "b"})
        assert SECRET not in repr(raised.value) + str(raised.value.__cause__) + raised.value.mend
        assert (len(server.arrived), server.connections) == (1, 1)


def test_an_upload_nobody_takes_is_lost(http):
    with (
        socket.create_server(("127.0.0.1", 0)) as held,
        pytest.raises(Lost, match=r"silent for 0\.4 seconds"),
    ):
        post(http, f"http://127.0.0.1:{held.getsockname()[1]}/", data=b"x" * 20_000_000)


def test_a_long_upload_may_take_longer_than_connecting():
    """urllib3 alone would give the whole body the time of a connection."""
    got = []

    def slowly(taken: socket.socket, _: bytes) -> None:
        size = 0
        while size < 6_000_000:
            size += len(taken.recv(200_000))
            if size // 400_000 > len(got):
                got.append(size)
                time.sleep(0.1)
        taken.sendall(answer())

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    thread = threading.Thread(target=lambda: slowly(listening.accept()[0], b""), daemon=True)
    thread.start()
    http = Http(0.1, 20)
    try:
        assert http.post(f"http://127.0.0.1:{listening.getsockname()[1]}/", data=b"x" * 6_000_000).status == 200
    finally:
        http.close()
        listening.close()
        thread.join(10)
    assert len(got) > 7


def test_an_answer_given_before_the_body_was_taken_is_read(http):
    def early(taken: socket.socket, _: bytes) -> None:
        taken.sendall(answer(b"too large", "413 Content Too Large", "Connection: close"))
        taken.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while taken.recv(65_536):
                pass

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: early(listening.accept()[0], b""), daemon=True)
    thread.start()
    try:
        reply = http.post(f"http://127.0.0.1:{listening.getsockname()[1]}/", data=b"x" * 3_000_000)
        assert (reply.status, reply.body) == (413, b"too large")
    finally:
        listening.close()
        thread.join(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.mark.parametrize(("url", "reason"), [
    pytest.param("https://no-such-name.invalid/v1/", "name no-such-name.invalid was not found", id="no such name"),
    pytest.param("http://127.0.0.1:{port}/v1/", "127.0.0.1 refused the connection", id="refused"),
    pytest.param("https://127.0.0.1:{port}/v1/", "127.0.0.1 refused the connection", id="refused, https"),
    pytest.param("http://127.0.0.1:99999/", "the address cannot be used", id="no port"),
    pytest.param("http:///v1/", "the address cannot be used", id="no host"),
    pytest.param("ftp://127.0.0.1/", "kind of proxy or address", id="ftp"),
])
def test_what_cannot_have_arrived_is_unsent(http, url, reason):
    with pytest.raises(Unsent, match=reason) as raised:
        post(http, url.format(port=free_port()), json_text="{}")
    assert SECRET not in repr(raised.value) and raised.value.mend


def test_a_header_that_cannot_be_sent_is_unsent(http):
    with Server(says(answer())) as server:
        with pytest.raises(Unsent, match="a header of the request cannot be sent") as raised:
            http.post(server.url, headers={"Authorization": f"Bearer {SECRET}\n"}, json_text="{}")
        assert server.arrived == [] and SECRET not in str(raised.value)


def test_a_connection_not_taken_in_time_is_unsent():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        waiting = []
        for _ in range(4):  # fill the queue: further connections hang
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        http = Http(0.3, 5)
        try:
            with pytest.raises(Unsent, match=r"no connection to 127\.0\.0\.1 within 0\.3 seconds"):
                http.post(f"http://127.0.0.1:{port}/", data=b"x")
        finally:
            http.close()
            for one in waiting:
                one.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_a_certificate_nobody_vouches_for_is_unsent(http, tls):
    with Server(says(answer()), tls=tls) as server:
        with pytest.raises(Unsent, match=r"certificate of 127\.0\.0\.1 cannot be trusted: self") as raised:
            post(http, server.url, json_text="{}")
        assert server.arrived == [] and "REQUESTS_CA_BUNDLE" in raised.value.mend


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_of_the_environment_are_trusted(http, tls, certificate, monkeypatch, name):
    monkeypatch.setenv(name, str(certificate[0]))
    with Server(says(answer()), tls=tls) as server:
        assert post(http, server.url, json_text="{}").status == 200
        with pytest.raises(Unsent, match=r"certificate of localhost|refused"):
            post(http, f"https://localhost:{free_port()}/")


@pytest.mark.parametrize("script", [
    pytest.param(reset, id="reset"), pytest.param(says(answer(b"{", length=90)), id="short"),
    pytest.param(drip(answer(b"", length=5_000)), id="a byte at a time"), pytest.param(silent, id="silent"),
])
def test_what_goes_wrong_after_the_handshake_is_lost(http, tls, certificate, monkeypatch, script):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with Server(script, tls=tls) as server:
        with pytest.raises(Lost):
            post(http, server.url, json_text="{}")
        assert (len(server.arrived), server.connections) == (1, 1)


def test_missing_certificates_are_named(http, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "no-such-file.pem")
    with pytest.raises(Unsent, match=r'REQUESTS_CA_BUNDLE names "no-such-file.pem", which is not there'):
        post(http, "https://127.0.0.1:1/")


def test_https_where_plain_http_is_spoken_is_unsent(http):
    def plain(taken: socket.socket) -> None:
        with taken:
            taken.recv(1_000)
            taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: plain(listening.accept()[0]), daemon=True)
    thread.start()
    try:
        with pytest.raises(Unsent, match=r"no safe connection to 127\.0\.0\.1"):
            post(http, f"https://127.0.0.1:{listening.getsockname()[1]}/")
    finally:
        listening.close()
        thread.join(10)


@pytest.mark.parametrize(("sent", "reason"), [
    pytest.param(b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy refused the way to api.example.com with status 403", id="refuses"),
    pytest.param(b"HTTP/1.1 407 Who are you\r\n\r\n", "with status 407", id="wants a login"),
    pytest.param(b"", "the connection to api.example.com broke off before", id="closes"),
    pytest.param(b"HTTP/1.1 200 OK\r\n\r\nno TLS here, sorry", "no safe connection to", id="is no way to TLS"),
])
def test_a_proxy_that_does_not_lead_on_is_unsent(http, monkeypatch, sent, reason):
    with Server(says(sent)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:{SECRET}@127.0.0.1:{proxy.port}")
        with pytest.raises(Unsent, match=reason) as raised:
            post(http, "https://api.example.com/v1/", json_text="{}")
        assert proxy.arrived[0].startswith(b"CONNECT api.example.com:443 ")
        assert b"Bearer" not in proxy.arrived[0], "the request itself must not reach the proxy"
        assert SECRET not in str(raised.value) + raised.value.mend


def test_a_proxy_that_is_not_there_is_unsent(http, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unsent, match="the proxy refused the connection"):
        post(http, "https://api.example.com/v1/", json_text="{}")


@pytest.mark.parametrize("scheme", ["socks5", "SOCKS5h", "socks4"])
def test_a_socks_proxy_is_refused(http, monkeypatch, scheme):
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://someone:{SECRET}@127.0.0.1:{free_port()}")
    with pytest.raises(Unsent, match="a SOCKS proxy cannot be used") as raised:
        post(http, "https://api.example.com/v1/", json_text="{}")
    assert "NO_PROXY" in raised.value.mend and SECRET not in str(raised.value)


def test_hosts_the_environment_exempts_are_reached_without_the_proxy(http, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "no-such-name.invalid")
    with pytest.raises(Unsent, match=r"name no-such-name\.invalid was not found"):
        post(http, "https://no-such-name.invalid/")


def test_a_proxy_is_not_asked_the_way_to_this_machine(http, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with Server(says(answer())) as server:
        assert post(http, server.url).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/elsewhere", "http://[broken", "ftp://x/", ""])
def test_redirects_are_answers_and_never_followed(http, status, target):
    with Server(says(answer(b"moved", f"{status} Moved", f"Location: {target}"))) as server:
        reply = post(http, server.url, json_text="{}")
        assert (reply.status, reply.headers.get("location"), reply.body) == (status, target, b"moved")
        assert len(server.arrived) == 1


def test_what_is_sent(http, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1\nlogin me\npassword netrc-password\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Server(says(answer(b"{}", "200 OK", "Set-Cookie: session=1; Path=/")), requests_each=3) as server:
        http.post(server.url, headers={"X-Own": "1"}, json_text='{"é":1}')
        http.post(server.url, files={"action": (None, b"products.create"), "empty": (None, b"")})
        http.get(server.url, params={"page": "2"})
    posted, form, got = (one.decode() for one in server.arrived)
    head, _, body = posted.partition("\r\n\r\n")
    assert body == '{"é":1}'
    assert head.splitlines()[0] == "POST /v1/ HTTP/1.1"
    lines = {line.split(":")[0].lower(): line.partition(": ")[2] for line in head.splitlines()[1:]}
    assert lines["user-agent"] == f"feedbridge/{feedbridge.__version__}"
    assert (lines["content-type"], lines["x-own"]) == ("application/json", "1")
    assert 'form-data; name="action"\r\n\r\nproducts.create\r\n' in form and "filename" not in form
    assert 'form-data; name="empty"\r\n\r\n\r\n' in form
    assert got.startswith("GET /v1/?page=2 HTTP/1.1")
    for request in (posted, form, got):
        assert "authorization" not in request.lower() and "cookie" not in request.lower()


def test_connections_are_used_again_but_not_once_they_lay_idle():
    now = [100.0]
    http = Http(2, 2, clock=lambda: now[0])
    with Server(says(answer()), requests_each=10) as server:
        for _ in range(3):
            http.get(server.url)
        assert server.connections == 1
        now[0] += 5
        http.get(server.url)
        assert server.connections == 2
        http.close()
        http.get(server.url)
        assert (server.connections, len(server.arrived)) == (3, 5)
        http.close()


def test_a_connection_the_server_closed_meanwhile_is_not_used_again(http):
    with Server(says(answer()), requests_each=1) as server:
        for _ in range(3):
            assert http.get(server.url).status == 200
            assert server.closed.acquire(timeout=10)
        assert (len(server.arrived), server.connections) == (3, 3)


def test_after_a_loss_the_next_request_begins_anew(http):
    turns = [reset, says(answer(b'{"n": 2}'))]
    with Server(lambda taken, request: turns.pop(0)(taken, request)) as server:
        with pytest.raises(Lost):
            http.get(server.url)
        assert http.get(server.url).body == b'{"n": 2}'
        assert len(server.arrived) == 2


def test_keyboard_interrupt_passes(http):
    def interrupting(request: object) -> object:
        raise KeyboardInterrupt

    with Server(says(answer())) as server:
        with pytest.raises(KeyboardInterrupt):
            http.post(server.url, auth=interrupting)
        assert server.arrived == []
        assert http.get(server.url).status == 200


def test_replies_do_not_show_what_they_hold():
    assert SECRET not in repr(Reply(200, {"Set-Cookie": SECRET}, SECRET.encode()))


@pytest.mark.parametrize(("text", "seconds"), [
    pytest.param("7", 7, id="seconds"),
    pytest.param(" 0 ", 0, id="at once"),
    pytest.param("86400", 3600, id="an hour at most"),
    pytest.param("9" * 400, 3600, id="more digits than a day has seconds"),
    pytest.param("Thu, 01 Jan 1970 00:01:40 GMT", 10, id="a date"),
    pytest.param("Thu, 01 Jan 1970 00:01:00 GMT", 0, id="a date gone by"),
    pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", 3600, id="a date far away"),
    pytest.param("soon", None, id="a word"),
    pytest.param("-5", None, id="backwards"),
    pytest.param("", None, id="nothing"),
])
def test_retry_after(text, seconds):
    assert retry_after_seconds({"Retry-After": text}, now=90) == seconds
