"""A server of pictures on loopback that behaves as it is told, path by path."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from ssl import SSLContext
from typing import Any

from PIL import Image

__all__ = ["Answer", "PictureServer", "give", "picture", "serving"]

Answer = Callable[["Handler"], None]


def picture(kind: str = "JPEG", width: int = 200, height: int = 150, shade: int = 0) -> bytes:
    """A picture with some detail; another shade gives other bytes."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    image.paste((shade * 8, 255 - shade * 8, 0), (0, 0, 16, 16))
    data = BytesIO()
    image.save(data, kind)
    return data.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PictureServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        with self.server.lock:
            self.server.seen[path] += 1
            self.server.heads.append((path, dict(self.headers.items())))
            self.server.moments.append(time.monotonic())
        answer = self.server.answers.get(path)
        try:
            if answer is None:
                give(b"nothing here", "text/plain", status=404)(self)
            else:
                answer(self)
        except OSError:
            pass  # the other side has hung up, as it should
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


class PictureServer(ThreadingHTTPServer):
    """``answers``: path -> what to do; ``seen``: how often each path was asked for; ``heads``: with which headers."""

    daemon_threads = True

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = dict(answers)
        self.seen: Counter[str] = Counter()
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.moments: list[float] = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        """Set at the end: those who hang give up."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that breaks off is what is tested


def give(data: bytes, kind: str = "image/jpeg", status: int = 200, **more: str) -> Answer:
    """Answer with a body; ``more`` are headers, with ``_`` for ``-``."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(data))}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        for name, value in headers.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


@contextmanager
def serving(answers: Mapping[str, Answer], tls: SSLContext | None = None) -> Iterator[PictureServer]:
    server = PictureServer(answers)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
