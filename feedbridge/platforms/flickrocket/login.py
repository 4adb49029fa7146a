"""Logging in: the owner agrees in a browser, and FlickRocket sends the browser back to this machine with a permission.

The flow has no ``state`` and no PKCE, so nothing in the redirect proves that it answers our question. What is done
instead: the listener is on loopback only, for a short time, for one redirect; it knows its own name and path; the company
must be the one that was logged in before; and the code is of no use to anybody unless FlickRocket exchanges it.

Source: developer.flickrocket.com/en/rest-api/oauth/.
"""

from __future__ import annotations

import os
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

from feedbridge.errors import CommandError
from feedbridge.platforms.delivery import is_loopback
from feedbridge.platforms.flickrocket.access import Access
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.hosts import Hosts
from feedbridge.platforms.flickrocket.tokens import Tokens

__all__ = [
    "CLIENT_ID", "Listener", "Permission", "SCOPES", "USUAL_PORT", "authorize_url", "login", "read_line", "read_redirect",
    "redirect_for",
]

CLIENT_ID = "FEEDBRIDGE_FLICKROCKET_CLIENT_ID"
SCOPES = ("products", "orders", "themes", "companies", "statistics", "webhooks")
"""What feedbridge's commands use. ``webhooks`` is not documented; the vendor's own plugin asks for it."""
KNOWN_SCOPES = (*SCOPES, "customers", "files", "users", "player")
USUAL_PORT = 8766
USUAL_PATH = "/flickrocket"
TIMEOUT_SECONDS = 300.0
REQUEST_SECONDS = 10.0
"""Longest time a browser may take to say what it wants; some open connections that they do not use."""
MOST_PASTED = 1 << 16
TRIES = 3


@dataclass(frozen=True, slots=True)
class Permission:
    """What the redirect brings; ``code`` is the first refresh token."""

    code: str = field(repr=False)
    company_id: str


def redirect_for(port: int = USUAL_PORT) -> str:
    """The redirect address that stands among the app's in FlickRocket, letter by letter."""
    return f"http://127.0.0.1:{port}{USUAL_PATH}"


def authorize_url(hosts: Hosts, client_id: str, scopes: str, redirect_uri: str) -> str:
    """The page where the owner agrees.

    >>> from feedbridge.platforms.flickrocket.hosts import DOCUMENTED
    >>> authorize_url(DOCUMENTED, "Shop.1.apps.flickrocket.com", "products,orders", "http://127.0.0.1:8766/flickrocket")
    ... # doctest: +ELLIPSIS
    'https://...?client_id=Shop.1.apps.flickrocket.com&scope=products,orders&access_type=offline&redirect_uri=http%3A%2F%2F127...'

    Raises CommandError for a client id or scopes that cannot be right.
    """
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", client_id):
        raise _setting(
            "the client id is missing" if not client_id else "the client id has characters that none has", "--client-id",
            f"take it from the app's API credentials in FlickRocket, and give it with --client-id or {CLIENT_ID}",
        )
    words = scopes.split(",")
    wrong = [word for word in words if not re.fullmatch(r"[a-z][a-z_]*", word)]
    if wrong or len(set(words)) != len(words):
        raise _setting(
            f'"{scopes}" are no scopes', "--scopes",
            f"write them with commas and without blanks, each once: {','.join(SCOPES)}; known besides: "
            f"{', '.join(KNOWN_SCOPES[len(SCOPES):])}",
        )
    return (
        f"{hosts.authorize}?client_id={quote(client_id, safe='')}&scope={quote(scopes, safe=',')}&access_type=offline"
        f"&redirect_uri={quote(redirect_uri, safe='')}"
    )


def read_redirect(text: str, redirect_uri: str) -> Permission:
    """The permission in an address the browser was sent to, or in its query alone.

    >>> read_redirect("http://127.0.0.1:8766/flickrocket?code=a%2Bb&companyid=1202", redirect_for()).code
    'a+b'

    Raises FlickRocketError, which never says what was in the address.
    """
    text = text.strip()
    address, _, query = text.partition("?") if "://" in text else (redirect_uri, "", text.removeprefix("?"))
    if _place(address) != _place(redirect_uri):
        raise _strange(f"this is not the address that begins with {redirect_uri}")
    return _permission(query.partition("#")[0])


def _place(address: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", "", address
    return parts.scheme, parts.netloc.lower(), parts.path or "/"


def _permission(query: str) -> Permission:
    """Blanks are in no token, so a plus sign that was not encoded is a plus sign."""
    found: dict[str, list[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        found.setdefault(unquote(name).lower(), []).append(unquote(value))
    if "code" not in found and "error" in found:
        word = found["error"][0]
        said = f" ({word})" if re.fullmatch(r"[a-z_]{1,40}", word) else ""
        raise FlickRocketError(
            f"the permission was not given{said}", code="flickrocket.refused",
            mend="log in again, and agree; the account must be allowed to give permissions for the shop",
        )
    for name, shape, what in (
        ("code", r"[\x21-\x7e]{1,16384}", "no usable code"), ("companyid", r"[0-9]{1,18}", "no company id in digits"),
    ):
        values = found.get(name, [])
        if len(values) != 1 or not re.fullmatch(shape, values[0]):
            raise _strange(f"it has {what}" if len(values) < 2 else f"it has {name} more than once")
    return Permission(found["code"][0], found["companyid"][0])


def _strange(message: str) -> FlickRocketError:
    return FlickRocketError(
        message, where="the redirect", code="flickrocket.answer",
        mend="after agreeing, copy the whole address out of the browser's address bar, also when the page cannot be shown",
    )


def _setting(message: str, where: str, mend: str) -> CommandError:
    return CommandError(message, where=where, mend=mend, code="flickrocket.setting")


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>feedbridge</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


class Listener:
    """Waits on loopback for the one redirect. ``redirect_uri`` is http, to this machine, as it is registered; port 0
    takes a free one, and ``self.redirect_uri`` then says which.

    Answered and not heeded: other paths (the browser asks for ``/favicon.ico``), other methods, other host names, and the
    redirect's path without ``code`` or ``error``.
    """

    def __init__(self, redirect_uri: str) -> None:
        try:
            parts = urlsplit(redirect_uri)
            host, port = parts.hostname or "", 80 if parts.port is None else parts.port
        except ValueError:
            host, port, parts = "", 0, urlsplit("")
        if parts.scheme != "http" or not is_loopback(host) or parts.query or parts.fragment or parts.username is not None:
            raise _setting(
                f'"{redirect_uri}" cannot be listened on', "--redirect",
                f"give an address such as {redirect_for()}, or add --no-browser and paste what the browser was sent to",
            )
        self._came: SimpleQueue[Permission | FlickRocketError] = SimpleQueue()
        self._first = threading.Lock()
        self._path = parts.path or "/"
        self._servers: list[ThreadingHTTPServer] = []
        self._threads: list[threading.Thread] = []
        try:
            self._servers.append(self._server("127.0.0.1" if host == "localhost" else host, port))
        except OSError as exc:
            raise _setting(
                f"port {port} of this machine cannot be listened on: {(exc.strerror or 'not free').lower()}", "--port",
                "end what uses it, or choose another with --port (and register that address in FlickRocket)",
            ) from None
        port = self._servers[0].server_address[1]
        if host == "localhost":  # which a browser may take for either
            with suppress(OSError):
                self._servers.append(self._server("::1", port))
        name = f"[{host}]" if ":" in host else host
        self._netloc = name if parts.port is None else f"{name}:{port}"
        self.redirect_uri = f"http://{self._netloc}{parts.path}"

    def __enter__(self) -> Listener:
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in self._servers
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            if self._threads:
                server.shutdown()
            server.server_close()

    def wait(self, timeout_seconds: float = TIMEOUT_SECONDS) -> Permission:
        """The permission of the first redirect. Raises FlickRocketError."""
        try:
            came = self._came.get(timeout=timeout_seconds)
        except Empty:
            raise FlickRocketError(
                f"no browser came back within {timeout_seconds:g} seconds", code="flickrocket.refused",
                mend=f"log in again and agree sooner, or see whether {self.redirect_uri} is registered in FlickRocket exactly "
                "so; where the browser is on another machine, add --no-browser",
            ) from None
        if isinstance(came, FlickRocketError):
            raise came
        return came

    def _server(self, host: str, port: int) -> ThreadingHTTPServer:
        listener = self

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            allow_reuse_port = False
            daemon_threads = True
            block_on_close = False

            def server_bind(self) -> None:
                socketserver.TCPServer.server_bind(self)  # HTTPServer's asks the name service for our name
                self.server_name, self.server_port = host, self.server_address[1]

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A browser that goes away is nothing to tell."""

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_SECONDS

            def do_GET(self) -> None:
                listener._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                """The address of a redirect holds a token: nothing is logged."""

            def version_string(self) -> str:
                return "feedbridge"

        return Server((host, port), Handler)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.partition("?")
        if request.headers.get("Host", "").lower() != self._netloc or path != self._path:
            return _show(request, 404, "Not here", "This is feedbridge, waiting for FlickRocket.")
        names = {part.partition("=")[0].lower() for part in query.split("&")}
        if not names & {"code", "error"}:
            return _show(request, 400, "Nothing came", "FlickRocket sends the browser here, with a permission.")
        if not self._first.acquire(blocking=False):
            return _show(request, 404, "Too late", "feedbridge has been answered already.")
        try:
            came: Permission | FlickRocketError = _permission(query)
        except FlickRocketError as exc:
            came = exc
            _show(request, 400, "feedbridge has no permission", "The terminal says why. This window can be closed.")
        else:
            _show(request, 200, "feedbridge has the permission", "Go back to the terminal. This window can be closed.")
        self._came.put(came)


def _show(request: BaseHTTPRequestHandler, status: int, title: str, text: str) -> None:
    body = PAGE.format(title=title, text=text).encode()
    with suppress(OSError):
        request.send_response(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"), ("Content-Security-Policy", "default-src 'none'"), ("Connection", "close"),
        ):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.wfile.flush()


def login(
    access: Access, *, client_id: str = "", scopes: str = ",".join(SCOPES), redirect_uri: str = "", browser: bool = True,
    timeout_seconds: float = TIMEOUT_SECONDS, replace: bool = False, keyring: bool | None = None,
    say: Callable[[str], object] = print, open_browser: Callable[[str], bool] | None = None,
    read: Callable[[], str] | None = None,
) -> Tokens:
    """Log a shop in; its tokens are stored when this returns.

    ``client_id``     empty: the one of the shop's last login
    ``redirect_uri``  as it is registered in FlickRocket; empty: ``http://127.0.0.1:8766/flickrocket``
    ``browser``       False: nothing is listened for, and what the browser was sent to is taken from ``read``
    ``say``           told what a person has to do
    ``open_browser``  given the address; False: none could be opened

    All that can be checked is checked before a person is asked. Raises FlickRocketError and CommandError.
    """
    shop, store = access.shop, access.store
    if not client_id:
        with suppress(FlickRocketError):
            client_id = store.described(shop).client_id
    redirect_uri = redirect_uri or redirect_for()
    authorize_url(access.hosts, client_id, scopes, redirect_uri)
    with store.lock(shop):
        access.may_replace(replace=replace)
        access.may_keep(keyring)
    if browser:
        with Listener(redirect_uri) as listener:
            access.may_reach()
            url = authorize_url(access.hosts, client_id, scopes, listener.redirect_uri)
            say(f"Agree in the browser, within {timeout_seconds:g} seconds. If it does not open, open this address:\n{url}")
            if not (open_browser or _open_browser)(url):
                say("No browser could be opened. Where there is none on this machine, use --no-browser.")
            permission = listener.wait(timeout_seconds)
    else:
        _checked_for_pasting(redirect_uri)
        access.may_reach()
        say(
            f"Open this address in any browser, and agree:\n{authorize_url(access.hosts, client_id, scopes, redirect_uri)}\n"
            f"The browser is then sent to an address that begins with {redirect_uri}; that the page cannot be shown does not "
            "matter. Copy that address from the address bar and paste it here (it is not shown):"
        )
        permission = _pasted(redirect_uri, say, read)
    return access.authorized(
        permission.code, permission.company_id, client_id=client_id, scope=scopes, replace=replace, keyring=keyring,
    )


def _open_browser(url: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


def _checked_for_pasting(redirect_uri: str) -> None:
    try:
        parts = urlsplit(redirect_uri)
        host = parts.hostname or ""
        usable = bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    except ValueError:
        usable = False
    if not usable or "#" in redirect_uri or "?" in redirect_uri:
        raise _setting(
            f'"{redirect_uri}" is no redirect address', "--redirect",
            f"give the address as it is registered in FlickRocket, https, or {redirect_for()}",
        )


def _pasted(redirect_uri: str, say: Callable[[str], object], read: Callable[[], str] | None) -> Permission:
    """A person may paste the wrong thing; a pipe has one line."""
    tries = TRIES if read is None and sys.stdin.isatty() else 1
    for left in reversed(range(tries)):
        text = (read or read_line)()
        try:
            return read_redirect(text, redirect_uri)
        except FlickRocketError as exc:
            if not left or exc.code != "flickrocket.answer":
                raise
            say(f"{exc.message}; once more:")
    raise AssertionError("unreachable")


def read_line(stream: IO[str] | None = None) -> str:
    """One line of standard input. A terminal does not show it, as it holds a token, and takes more than the 4,095
    characters at which terminals otherwise cut a line off."""
    stream = sys.stdin if stream is None else stream
    if not stream.isatty():
        return stream.readline(MOST_PASTED)
    got = bytearray()
    with _silent(stream.fileno()):
        while len(got) < MOST_PASTED:
            one = os.read(stream.fileno(), 1)
            if one in (b"\n", b"\r", b"\x04", b""):
                break
            if one in (b"\x7f", b"\x08"):
                del got[-1:]
            elif one == b"\x15":
                got.clear()
            else:
                got += one
    sys.stderr.write("\n")
    text = got.decode("utf-8", "replace")
    return text.replace("\x1b[200~", "").replace("\x1b[201~", "")


@contextmanager
def _silent(descriptor: int) -> Iterator[None]:
    import termios

    before = termios.tcgetattr(descriptor)
    quiet = termios.tcgetattr(descriptor)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 1, 0
    termios.tcsetattr(descriptor, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
