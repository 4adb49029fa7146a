"""The sandbox as a server on this machine."""

from __future__ import annotations

import errno
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from feedbridge.errors import CommandError
from feedbridge.sandbox.faults import Faults
from feedbridge.sandbox.flickrocket import Bucket
from feedbridge.sandbox.flickrocket_webhooks import Courier, checked_reading
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, Secrets
from feedbridge.sandbox.rates import Rates
from feedbridge.sandbox.store import Store

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

__all__ = ["PORT", "SandboxServer", "serve"]

PORT = 8765


class SandboxServer:
    """The sandbox while a ``with`` block lasts.

    >>> import tempfile, urllib.request
    >>> with tempfile.TemporaryDirectory() as folder, SandboxServer(data=folder, port=0) as box:
    ...     urllib.request.urlopen(f"{box.url}/_/health").status
    200

    ``url``    its address, without a slash at the end
    ``store``  what it has taken

    ``bucket``         FlickRocket's call limit: how many calls it holds, how many leak a second; None: no limit
    ``webhook_speed``  what the documented waits between FlickRocket's tries are divided by
    ``webhook_hash``   the reading its events are signed by

    Raises: CommandError when flask is missing, the port is in use, the host is not loopback, a fault cannot be read.
    """

    def __init__(
        self, *, data: str | Path, faults: Iterable[str] = (), port: int = PORT, host: str = "127.0.0.1",
        fresh: bool = False, rates: bool = True, clock: Callable[[], float] = time.time, secrets: Secrets | None = None,
        say: Callable[[str], None] | None = None, bucket: tuple[int, float] | None = None, webhook_speed: float = 1.0,
        webhook_hash: str = "T1+S1", **settings: Any,
    ) -> None:
        self._fault_plan = Faults(faults)
        self._host = loopback(host)
        self._port = port
        self._make_store = lambda: Store(data, fresh=fresh)
        checked_reading(webhook_hash)
        self._make_courier = lambda store: Courier(
            store, secrets or Secrets(), speed=webhook_speed, reading=webhook_hash, clock=clock, say=say)
        self._make_app = lambda store, stopping, courier: flask_app()(
            store, self._fault_plan, clock=clock, secrets=secrets, rates=Rates(on=rates), stopping=stopping, say=say,
            bucket=Bucket(*bucket) if bucket else None, courier=courier, **settings,
        )
        self._server: BaseWSGIServer | None = None
        self.store: Store
        self.url = ""

    def __enter__(self) -> Self:
        make_app = self._make_app
        flask_app()
        listening = bound(self._host, self._port)
        try:
            self.store = self._make_store()
            try:
                self._stopping = threading.Event()
                self.courier = self._make_courier(self.store)
                self._server = make_server(self._host, listening, make_app(self.store, self._stopping, self.courier))
            except BaseException:
                self.store.close()
                raise
        finally:
            listening.close()
        name = f"[{self._host}]" if ":" in self._host else self._host
        self.port = int(self._server.server_address[1])
        self.url = f"http://{name}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="feedbridge-sandbox", daemon=True)
        self._thread.start()
        self.courier.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server = None
        self.courier.stop()
        self.store.close()

    def set_faults(self, specs: Iterable[str]) -> None:
        """Replace the faults, and count calls anew."""
        self._fault_plan.set(specs)

    def webhooks_settled(self, seconds: float = 10.0) -> bool:
        """Wait until no webhook event of FlickRocket is waiting; whether that came true."""
        return self.courier.settled(seconds)

    def calls(self, limit: int = 100) -> list[dict[str, Any]]:
        """The latest calls, newest first."""
        return self.store.calls(limit)


def serve(
    *, data: str | Path, port: int = PORT, host: str = "127.0.0.1", fresh: bool = False, faults: Iterable[str] = (),
    rates: bool = True, quiet: bool = False, **settings: Any,
) -> None:
    """Serve until SIGTERM (returns) or Ctrl-C (KeyboardInterrupt passes); says on stderr where."""
    stop = threading.Event()
    ours = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda number, frame: stop.set()) if ours else None
    specs = list(faults)
    try:
        with SandboxServer(
            data=data, port=port, host=host, fresh=fresh, faults=specs, rates=rates, say=None if quiet else said, **settings
        ) as box:
            print(started(box, specs, rates), file=sys.stderr, flush=True)
            stop.wait()
    finally:
        if ours:
            signal.signal(signal.SIGTERM, before)


def started(box: SandboxServer, faults: list[str], rates: bool) -> str:
    """What is said when the sandbox is up."""
    lines = [
        f"feedbridge sandbox: Flipsnack, Magento and FlickRocket at {box.url} (Ctrl-C stops it)",
        f"  page   {box.url}/",
        f"  data   {box.store.folder}",
    ]
    if faults:
        lines.append(f"  faults {', '.join(faults)}")
    if not rates:
        lines.append("  rates  off: Flipsnack's limits of calls are not kept")
    there = "" if box.url == f"http://127.0.0.1:{PORT}" else f"FEEDBRIDGE_SANDBOX_URL={box.url} "
    lines += [
        "try next, in another terminal:",
        f"  {there}feedbridge sync JOB   (its target says `sandbox: true`)",
        f"  FEEDBRIDGE_FLICKROCKET_HOSTS={box.url}/flickrocket feedbridge flickrocket login --client-id {FLICKROCKET_CLIENT_ID}",
        f"  {there}feedbridge flickrocket upload DIR   (product folders)",
        f"  curl '{box.url}/_/calls?limit=5'",
    ]
    return "\n".join(lines)


def said(line: str) -> None:
    """One line a call, on stderr; control characters spelt out."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    with suppress(OSError):  # nobody reads any more; calls are answered all the same
        print(f"{time.strftime('%H:%M:%S')} {shown}", file=sys.stderr, flush=True)


def flask_app() -> Callable[..., Any]:
    """``create_app``, when flask is there."""
    try:
        import flask  # noqa: F401
    except ImportError as exc:
        raise CommandError(
            "the sandbox needs flask, which is not installed", code="sandbox.flask",
            mend="pip install 'feedbridge[sandbox]'",
        ) from exc
    from feedbridge.sandbox.app import create_app

    return create_app


def loopback(host: str) -> str:
    """The host as an address, when it is this machine itself."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        if ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise CommandError(
        f'the sandbox serves this machine only, and "{host}" is not loopback', where="--host", code="sandbox.host",
        mend="leave --host out, or give 127.0.0.1 or ::1: its keys are published, so nobody else may reach it",
    )


def bound(host: str, port: int) -> socket.socket:
    """A listening socket."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as exc:
        listening.close()
        in_use = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        raise CommandError(
            f"port {port} is in use" if in_use else f"port {port} cannot be used: {exc}", where=f"{host}:{port}",
            code="sandbox.port", mend="stop what uses it (another sandbox?), or give another one with --port",
        ) from exc
    return listening


def make_server(host: str, listening: socket.socket, app: Any) -> BaseWSGIServer:
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "feedbridge-sandbox"
        sys_version = ""
        timeout = 600

        def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
            self.close_connection = True

        def log(self, type: str, message: str, *arguments: Any) -> None:
            """The sandbox says its own line a call."""

    return make_server(
        host, listening.getsockname()[1], app, threaded=True, request_handler=Handler, fd=listening.fileno())
