"""FlickRocket's side of the token exchange, over real HTTP on loopback, with answers a test can choose."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = "Shop.1234567890.apps.flickrocket.com"
COMPANY = "1202"
ISSUED = 1_700_000_000.0


class FlickRocket:
    """Rotates like the documentation says: every exchange gives a new refresh token, and the old one is dead.

    ``answers``    taken one an exchange, before the usual answer: (status, body), ``close`` or a callable
    ``exchanges``  the forms of all exchanges, in order
    ``calls``      (method, path with query, headers) of all calls
    """

    def __init__(self) -> None:
        self.alive = ""
        self.access = ""
        self.number = 0
        self.life = 1800
        self.answers: list = []
        self.extra: dict = {}
        self.exchanges: list[dict[str, str]] = []
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        self.only_query = False
        self.before = lambda: None
        self.url = ""

    def tokens(self) -> dict:
        self.number += 1
        self.alive, self.access = f"refresh-SECRET-{self.number}", f"access-SECRET-{self.number}"
        return {
            "access_token": self.access, "token_type": "bearer", "expires_in": self.life - 1, "refresh_token": self.alive,
            "userName": "owner@example.com", ".issued": formatdate(ISSUED, usegmt=True),
            ".expires": formatdate(ISSUED + self.life, usegmt=True), **self.extra,
        }

    def exchange(self, form: dict[str, str]):
        self.exchanges.append(form)
        self.before()
        if self.answers:
            answer = self.answers.pop(0)
            return answer() if callable(answer) else answer
        if form.get("grant_type") != "refresh_token" or form.get("client_id") != CLIENT:
            return 400, {"error": "invalid_client"}
        if form.get("refresh_token") != self.alive:
            return 400, {"error": "invalid_grant"}
        return 200, {name: value for name, value in self.tokens().items() if value is not None}

    def tokeninfo(self, query: dict[str, str], authorization: str):
        given = query.get("access_token") or ("" if self.only_query else authorization.removeprefix("Bearer "))
        if not given:
            return 400, {"error": "access_token required", "error_code": -1}
        if given != self.access:
            return 400, {"error": "invalid access_token", "error_code": -1}
        return 200, {
            "issued_to": "Shop", "user_id": "owner@example.com", "scope": "products,orders", "expires_in": "1738",
            "access_type": "offline",
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent when the owner agrees."""
        self.number += 1
        self.alive = f"code-SECRET+/{self.number}=="
        return f"{query['redirect_uri']}?{urlencode({'code': self.alive, 'companyid': COMPANY})}"


@contextmanager
def serving(port: int = 0) -> Iterator[FlickRocket]:
    shop = FlickRocket()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def log_message(self, *args):
            pass

        def _call(self, body: str = ""):
            shop.calls.append((self.command, self.path, dict(self.headers)))
            path, _, query = self.path.partition("?")
            given = {name: values[0] for name, values in parse_qs(query).items()}
            if path == "/flickrocket/oauth2/auth":
                self.send_response(302)
                self.send_header("Location", shop.authorize(given))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if path == "/flickrocket/token":
                answer = shop.exchange({name: values[0] for name, values in parse_qs(body).items()})
            elif path == "/flickrocket/api/tokeninfo":
                answer = shop.tokeninfo(given, self.headers.get("Authorization", ""))
            else:
                answer = 404, {"error": "not found"}
            if answer == "close":
                self.close_connection = True
                return
            status, said = answer
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self._call()

        def do_POST(self):
            self._call(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    shop.url = f"http://127.0.0.1:{server.server_address[1]}/flickrocket"
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()


def location_of(url: str) -> str:
    """Where a browser is sent that opens the authorize page and agrees."""
    import http.client

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    location = connection.getresponse().headers["Location"]
    connection.close()
    return location
