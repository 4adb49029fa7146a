"""The receiver of FlickRocket's webhooks: it checks the hash, stores the event, answers 200, and leaves the rest to a
worker (feedbridge.platforms.flickrocket.events).

``feedbridge flickrocket listen`` is receiver and worker in one. Under a WSGI server of your own, with settings from
the environment::

    gunicorn 'feedbridge.platforms.flickrocket.webhooks:create_app()'
    feedbridge flickrocket listen --only work

Source: developer.flickrocket.com/en/rest-api/api-reference/webhook/
"""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.events import EventsError, EventStore, Observe, Worker
from feedbridge.platforms.flickrocket.readings import Reading, diagnose, hash_of, parse_payload, verify

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["HEALTH_PATH", "PATH", "PORT", "WebhookServer", "WebhookSettings", "create_app", "listen"]

SECRET = "FEEDBRIDGE_FLICKROCKET_APP_SECRET"
READING = "FEEDBRIDGE_FLICKROCKET_WEBHOOK_READING"
EVENTS = "FEEDBRIDGE_FLICKROCKET_EVENTS"
WEBHOOK_PATH = "FEEDBRIDGE_FLICKROCKET_WEBHOOK_PATH"
CAPTURE = "FEEDBRIDGE_FLICKROCKET_WEBHOOK_CAPTURE"

LITERAL = Reading("T1", "S1")
"""The words of the documentation, taken literally (A16)."""
PATH = "/webhooks/flickrocket"
HEALTH_PATH = "/health"
PORT = 8767
MOST_BYTES = 64 * 1024
"""Genuine payloads are of a few hundred bytes."""
SILENT_SECONDS = 30
"""Longest silence of a client."""
FINISH_SECONDS = 5.0
"""As long calls in hand are waited for at the end; FlickRocket sends again what got no answer."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What a receiver needs to know.

    ``secret``   the app's shared secret
    ``reading``  the one way in which hashes are read
    ``events``   the file of events; None: ``flickrocket/events.sqlite`` in the user's state folder
    ``path``     where FlickRocket posts to, without a query
    ``capture``  where the latest payload that was refused for its hash is written, for ``webhooks diagnose``

    Raises: CommandError, code flickrocket.setting.
    """

    secret: str = field(repr=False)
    reading: Reading = LITERAL
    events: Path | None = None
    path: str = PATH
    capture: Path | None = None

    def __post_init__(self) -> None:
        if not self.secret.strip():
            raise CommandError(
                "the app's shared secret is not set, so no webhook could be trusted", where=SECRET,
                code="flickrocket.setting",
                mend="it is in the admin interface, at your product of type App, under API credentials",
            )
        shape = self.path.startswith("/") and not self.path.startswith("//") and not set(self.path) & set("<>?#\\ ")
        if not shape or self.path == HEALTH_PATH:
            raise CommandError(
                f'"{self.path}" is no path for webhooks', where=WEBHOOK_PATH, code="flickrocket.setting",
                mend=f"give one such as {PATH}; {HEALTH_PATH} is taken",
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> WebhookSettings:
        """The settings of the environment; None: the process's."""
        said = os.environ if environment is None else environment
        return cls(
            secret=said.get(SECRET, ""), reading=reading_named(said.get(READING, "").strip() or str(LITERAL)),
            events=_path(said.get(EVENTS)), path=said.get(WEBHOOK_PATH, "").strip() or PATH,
            capture=_path(said.get(CAPTURE)),
        )

    @property
    def events_path(self) -> Path:
        return self.events if self.events is not None else events_path({})


def _path(text: str | None) -> Path | None:
    return Path(text.strip()).expanduser() if text and text.strip() else None


def events_path(environment: Mapping[str, str] | None = None) -> Path:
    """The file of events the environment names, or the usual one."""
    named = _path((os.environ if environment is None else environment).get(EVENTS))
    if named is not None:
        return named
    import platformdirs

    return Path(platformdirs.user_state_dir("feedbridge")) / "flickrocket" / "events.sqlite"


def reading_named(name: str, where: str = READING) -> Reading:
    """Raises CommandError, code flickrocket.setting, when there is no such reading."""
    try:
        return Reading.named(name)
    except ValueError as exc:
        raise CommandError(
            str(exc), where=where, code="flickrocket.setting",
            mend="feedbridge flickrocket webhooks diagnose CAPTURE.json tells which one fits",
        ) from None


def create_app(
    settings: WebhookSettings | None = None, *, store: EventStore | None = None,
    on_stored: Callable[[], object] | None = None, observe: Observe | None = None,
) -> Flask:
    """The receiver, for any WSGI server; it stores events, and a worker works them.

    ``settings``   None: from the environment
    ``store``      None: opened where the settings say
    ``on_stored``  called after an event was stored (``Worker.wake``)
    ``observe``    told what comes; None: the logger ``feedbridge.flickrocket``

    Answers: 200 when the event is on the disk; 401 for a wrong or missing hash; 400 for what is no JSON object; 404, 405,
    413; 503 when it cannot be stored, so that FlickRocket sends it again. Never a redirect, never a traceback.
    Raises: CommandError (a setting is wrong, flask is missing), EventsError.
    """
    flask_there()
    from flask import Flask

    known = settings if settings is not None else WebhookSettings.from_environment()
    receiver = _Receiver(
        known, store if store is not None else EventStore(known.events_path), on_stored,
        observe if observe is not None else _logged,
    )
    app = Flask("feedbridge.flickrocket.webhooks", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.register_error_handler(Exception, receiver.failure)
    app.add_url_rule(known.path, "receive", receiver.receive, methods=["POST"], provide_automatic_options=False)
    app.add_url_rule(HEALTH_PATH, "health", receiver.health, methods=["GET"], provide_automatic_options=False)
    return app


class _Refused(Exception):
    """What came is not taken. ``more``: what is told of it beside the status and the reason."""

    def __init__(self, status: int, reason: str, **more: Any) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.more = more


class _Receiver:
    """What the receiver answers, by the call it is asked with."""

    def __init__(
        self, settings: WebhookSettings, store: EventStore, on_stored: Callable[[], object] | None, tell: Observe,
    ) -> None:
        self._settings = settings
        self._store = store
        self._on_stored = on_stored
        self._tell = tell

    def receive(self) -> Any:
        """Store the event, then say so."""
        from flask import request

        try:
            body = _body()
            payload = self._trusted(body)
        except _Refused as no:
            self._tell("webhook.refused", level="warning", status=no.status, reason=no.reason,
                       sender=request.remote_addr or "", **no.more)
            return _answer(no.status, no.reason)
        try:
            stored = self._store.add(body)
        except EventsError as exc:
            self._tell("webhook.not-stored", level="error", error=str(exc))
            return _answer(503, "the event cannot be stored now")
        self._tell(
            "webhook.received", number=stored.number, times=stored.times, scope=str(payload.get("scope", ""))[:100])
        if self._on_stored is not None:
            self._on_stored()
        return _answer(200, "stored")

    def _trusted(self, body: bytes) -> dict[str, Any]:
        """The payload, once its hash is found to be right. Raises _Refused."""
        try:
            payload = parse_payload(body)
        except ValueError as exc:
            raise _Refused(400, str(exc)) from None
        if not verify(payload, self._settings.reading, secret=self._settings.secret):
            raise _Refused(401, "the hash is missing or wrong", **_learnt(self._settings, payload, body))
        return payload

    def health(self) -> Any:
        try:
            self._store.check()
        except EventsError as exc:
            self._tell("webhook.not-stored", level="error", error=str(exc))
            return _answer(503, "events cannot be stored now")
        return _answer(200, "ok")

    def failure(self, error: Exception) -> Any:
        """What no route has answered: nothing there, another method, a fault of ours."""
        from flask import request
        from werkzeug.exceptions import HTTPException
        from werkzeug.routing import RequestRedirect

        if isinstance(error, RequestRedirect):
            return _answer(404, "there is nothing at this address")
        if isinstance(error, HTTPException) and error.code is not None:
            allowed = {"Allow": "POST"} if error.code == 405 and request.path != HEALTH_PATH else {}
            return _answer(error.code, error.name, **allowed)
        self._tell("webhook.fault", level="error", error=f"{type(error).__name__}: {error}")
        return _answer(500, "the receiver has a fault")


def _answer(status: int, text: str, **headers: str) -> Any:
    from flask import Response

    return Response(f"{text}\n", status, {"Cache-Control": "no-store", **headers}, mimetype="text/plain")


def _body() -> bytes:
    """The body of the call in hand, whole. Raises _Refused."""
    from flask import request
    from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

    request.max_content_length = MOST_BYTES + 1  # a body in chunks is cut there without a word
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        body = None
    except (ClientDisconnected, OSError):
        raise _Refused(400, "the body did not come whole") from None
    if body is None or len(body) > MOST_BYTES:
        raise _Refused(413, f"a webhook has at most {MOST_BYTES} bytes")
    return body


def flask_there() -> None:
    """Raises CommandError when flask is not installed."""
    try:
        import flask  # noqa: F401
    except ImportError as exc:
        raise CommandError(
            "receiving webhooks needs flask, which is not installed", code="flickrocket.setting",
            mend="pip install 'feedbridge[sandbox]'",
        ) from exc


def _learnt(settings: WebhookSettings, payload: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What a payload with a wrong hash tells those who run the receiver; it is refused all the same (K38)."""
    if not hash_of(payload):
        return {}
    more: dict[str, Any] = {}
    fits = diagnose(payload, settings.secret)
    if fits:
        more["fits"] = ", ".join(map(str, fits))
        more["mend"] = f"the secret is right, but not the reading: set {READING}={fits[0]}"
    if settings.capture is not None:
        try:
            _capture(settings.capture, body)
            more["capture"] = str(settings.capture)
        except OSError as exc:
            more["capture_error"] = str(exc)
    return more


def _capture(path: Path, body: bytes) -> None:
    """Only its owner may read it; never half a file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _logged(event: str, *, level: str = "info", **fields: Any) -> None:
    logging.getLogger("feedbridge.flickrocket").log(
        logging.getLevelNamesMapping()[level.upper()], "%s %s", event, json.dumps(fields, default=str))


class WebhookServer:
    """A receiver as a threaded server, while a ``with`` block lasts; ``url`` is where FlickRocket's posts are taken.

    It speaks plain HTTP: FlickRocket wants TLS with a valid certificate, so a reverse proxy stands before it.

    Raises: CommandError, code flickrocket.setting, when the host or port cannot be used.
    """

    def __init__(self, app: Flask, *, host: str = "127.0.0.1", port: int = PORT, path: str = PATH) -> None:
        self._app = app
        self._host = "127.0.0.1" if host == "localhost" else host
        self._port = port
        self._path = path
        self.url = ""

    def __enter__(self) -> Self:
        listening = _listening(self._host, self._port)
        try:
            self._server = _server(self._host, listening, self._app)
        finally:
            listening.close()
        name = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{name}:{self._server.server_address[1]}{self._path}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="flickrocket-webhooks", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.wait_idle(FINISH_SECONDS)


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as exc:
        listening.close()
        in_use = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        raise CommandError(
            f"port {port} is in use" if in_use else f"it cannot be listened on: {exc}", where=f"{host}:{port}",
            code="flickrocket.setting", mend="stop what uses it, or give another --port or --host",
        ) from exc
    return listening


def _server(host: str, listening: socket.socket, app: Flask) -> Any:
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        server_version = "feedbridge"
        sys_version = ""
        timeout = SILENT_SECONDS

        def version_string(self) -> str:
            return "feedbridge"

        def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
            """The client went; there is nothing to say."""

        def log(self, type: str, message: str, *arguments: Any) -> None:
            """The application says what is to be said."""

    class Server(ThreadedWSGIServer):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._busy = 0
            self._idle = threading.Condition()

        def process_request(self, request: Any, client_address: Any) -> None:
            with self._idle:
                self._busy += 1
            try:
                super().process_request(request, client_address)
            except BaseException:
                self._ended()
                raise

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            try:
                super().process_request_thread(request, client_address)
            finally:
                self._ended()

        def _ended(self) -> None:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

        def wait_idle(self, seconds: float) -> bool:
            with self._idle:
                return self._idle.wait_for(lambda: self._busy == 0, seconds)

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A connection that breaks is no news."""

        def log(self, type: str, message: str, *arguments: Any) -> None:
            """The application says what is to be said."""

    return Server(host, listening.getsockname()[1], app, Handler, fd=listening.fileno())


def listen(
    settings: WebhookSettings | None, worker: Worker | None, *, store: EventStore, host: str = "127.0.0.1",
    port: int = PORT, observe: Observe | None = None,
) -> None:
    """Receive and work until SIGTERM or Ctrl-C; for the main thread. Then calls in hand are answered and the event in hand is finished. A
    second signal is a KeyboardInterrupt; the event in hand is then worked anew the next time.

    ``settings``  None: do not receive, only work
    ``worker``    None: do not work, only receive
    """
    tell = observe if observe is not None else _logged
    with _stop_signal() as wait, ExitStack() as stack:
        if settings is not None:
            app = create_app(settings, store=store, on_stored=worker.wake if worker else None, observe=tell)
            server = stack.enter_context(WebhookServer(app, host=host, port=port, path=settings.path))
            tell("listening", url=server.url, reading=str(settings.reading), path=str(store.path))
        if worker is not None:
            thread = threading.Thread(target=worker.run, name="flickrocket-events", daemon=True)
            thread.start()
            tell("working", path=str(store.path), counts=store.counts())
        wait()
        tell("stopping", message="after what is in hand")
        if worker is not None:
            worker.stop()
        stack.close()
        if worker is not None:
            thread.join()
    tell("stopped", counts=store.counts())


@contextmanager
def _stop_signal() -> Iterator[Callable[[], object]]:
    """Gives what waits for SIGTERM or Ctrl-C; the second of them ends the program where it stands."""
    reader, writer = os.pipe()
    asked = False

    def handle(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        os.write(writer, b"x")  # takes no lock, which the thread that is interrupted might hold

    try:
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield lambda: os.read(reader, 1)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    finally:
        os.close(reader)
        os.close(writer)
