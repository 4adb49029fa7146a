"""One picture over http(s): a pinned connection to a checked address, with a limit for everything that happens on it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from urllib.parse import urljoin

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as WireTimeout

from feedbridge.findings import cut
from feedbridge.images.addresses import Address, parsed, resolved, shown
from feedbridge.images.cache import VERSION, Known, fingerprint
from feedbridge.images.content import inspected
from feedbridge.images.local import too_large
from feedbridge.images.picture import Facts, Trouble
from feedbridge.images.settings import ImageSettings

__all__ = ["Later", "Wire"]

CHUNK_BYTES = 1 << 16
_IN_MEMORY_BYTES = 1 << 20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OPEN_IN_BROWSER = "open the address in a browser; it must give the picture to everybody"


class Later(Exception):
    """The server asks to come again after some seconds."""

    def __init__(self, seconds: float, trouble: Trouble) -> None:
        self.seconds = seconds
        self.trouble = trouble
        super().__init__(str(trouble))


class Wire:
    """Fetches pictures. ``pace(host)`` waits until one more request to a host is in order."""

    def __init__(self, settings: ImageSettings, pace: Callable[[str], None]) -> None:
        self._settings = settings
        self._pace = pace
        self._lock = threading.Lock()
        self._open: set[_Hop] = set()
        self._stopped = False

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def stop(self) -> None:
        """Break every connection; nothing is fetched from now on."""
        with self._lock:
            self._stopped = True
            for hop in self._open:
                hop.abort()

    def look_at(self, url: str, known: Known | None) -> tuple[Facts, Known | None]:
        """What the picture at an address is, and what to keep of it (None: nothing new, or no use).

        Raises: Trouble; Later when the server is too busy.
        """
        url = url.partition("#")[0]
        hop = url
        for count in range(self._settings.most_redirects + 1):
            asked = known if known is not None and known.final == fingerprint(hop) else None
            try:
                address = parsed(hop)
                if count:
                    self._pace(address.name)
                answer = self._ask(address, asked)
            except Later as exc:
                if not count:
                    raise
                raise Later(exc.seconds, self._redirected(hop, exc.trouble)) from exc
            except Trouble as exc:
                if not count:
                    raise
                raise self._redirected(hop, exc) from exc
            if isinstance(answer, str):
                hop = self._next(hop, answer)
                continue
            if isinstance(answer, Facts):
                return answer, None
            facts, etag, modified = answer
            fresh = Known(VERSION, fingerprint(hop), etag, modified, facts)
            return facts, fresh if etag or modified else None
        raise Trouble(
            "images.redirects",
            f"the address redirects more than {self._settings.most_redirects} times",
            "give the picture's final address",
        )

    @staticmethod
    def _redirected(hop: str, trouble: Trouble) -> Trouble:
        """What is wrong where a redirect leads to; nothing is said of the host that was asked first."""
        return Trouble(trouble.code, f"the address redirects to {cut(shown(hop))}: {trouble.message}", trouble.mend)

    @staticmethod
    def _next(hop: str, location: str) -> str:
        try:
            target = urljoin(hop, location)
        except ValueError:
            target = ""
        if not target.lower().startswith(("http://", "https://")):
            raise Trouble(
                "images.redirects", "the address redirects to none of the web", "give the picture's final address"
            )
        if hop.lower().startswith("https:") and not target.lower().startswith("https:"):
            raise Trouble(
                "images.redirects", "an https address redirects to one that is not", "give the picture's final address"
            )
        return target.partition("#")[0]

    def _ask(self, address: Address, known: Known | None) -> str | Facts | tuple[Facts, str, str]:
        """Where it redirects to, what was known and still holds, or what is there now with ETag and Last-Modified."""
        hop = _Hop(address, self._settings, self._tls if address.tls else None)
        with self._lock:
            if self._stopped:
                raise Trouble("images.host", "interrupted", "")
            self._open.add(hop)
        try:
            return self._answer(hop, known)
        except (OSError, http.client.HTTPException, HTTPError, ValueError) as exc:
            raise hop.explain(exc) from exc
        finally:
            with self._lock:
                self._open.discard(hop)
            hop.close()

    def _answer(self, hop: _Hop, known: Known | None) -> str | Facts | tuple[Facts, str, str]:
        response = hop.get(known)
        status, head = response.status, response.headers
        if status in _REDIRECTS:
            return head.get("Location", "")
        if status == 304 and known is not None:
            return known.facts
        if status in (429, 503):
            self._busy(status, head.get("Retry-After", ""))
        if status != 200:
            mend = "wait, then run again" if status >= 500 else _OPEN_IN_BROWSER
            raise Trouble("images.answer", f"the server answered {status}", mend)
        declared = head.get("Content-Type", "").partition(";")[0].strip().lower()[:100]
        most = self._settings.most_bytes
        if response.length_remaining is not None and response.length_remaining > most:
            raise too_large(self._settings)
        digest, size = hashlib.sha256(), 0
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            hop.body = True
            while chunk := response.read1(CHUNK_BYTES):
                size += len(chunk)
                if size > most:
                    raise too_large(self._settings)
                digest.update(chunk)
                file.write(chunk)
            if hop.expired:
                raise TimeoutError
            hop.close()
            file.seek(0)
            kind, width, height = inspected(file)
        facts = Facts(kind, width, height, size, digest.hexdigest(), declared)
        return facts, _plain(head.get("ETag", "")), _plain(head.get("Last-Modified", ""))

    def _busy(self, status: int, retry_after: str) -> None:
        seconds = _seconds(retry_after)
        longest = self._settings.longest_wait_seconds
        if seconds > longest:
            raise Trouble(
                "images.answer",
                f"the server answered {status} and asks to wait {seconds:.0f} seconds, longer than {longest:g}",
                "run again later",
                host_wide=True,
            )
        again = f"the server answered {status}, also when asked again"
        raise Later(seconds, Trouble("images.answer", again, "run again later", host_wide=True))


class _Hop:
    """One request, with a deadline for everything that happens on it."""

    def __init__(self, address: Address, settings: ImageSettings, tls: ssl.SSLContext | None) -> None:
        self._address = address
        self._tls = tls
        self._settings = settings
        self._timer = threading.Timer(settings.total_seconds, self._expire)
        self._timer.daemon = True
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._response: urllib3.HTTPResponse | None = None
        self.expired = False
        self.body = False
        """Whether the picture itself is on its way."""

    def get(self, known: Known | None) -> urllib3.HTTPResponse:
        """Send the request and read the head of the answer."""
        self._timer.start()
        connection = self._connected()
        headers = {
            "Host": self._address.name,
            "User-Agent": "feedbridge",
            "Accept": "image/*, */*;q=0.1",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.modified:
            headers["If-Modified-Since"] = known.modified
        connection.request("GET", self._address.target, headers=headers, preload_content=False)
        self._response = connection.getresponse()
        return self._response

    def _connected(self) -> HTTPConnection:
        address = self._address
        failed: Exception = OSError("no address")
        for number in resolved(address, self._settings):
            if self.expired:
                raise TimeoutError
            seconds = self._settings.connect_seconds
            connection = (
                HTTPSConnection(
                    number, address.port, timeout=seconds, server_hostname=address.host, ssl_context=self._tls
                )
                if address.tls
                else HTTPConnection(number, address.port, timeout=seconds)
            )
            self._connection = connection
            try:
                connection.connect()
            except (OSError, HTTPError) as exc:
                failed = exc
                connection.close()
            else:
                self._socket = connection.sock
                if self._socket is None or self.expired:
                    raise TimeoutError
                connection.timeout = self._settings.silent_seconds  # from here on; it sets it for the answer itself
                self._socket.settimeout(connection.timeout)
                return connection
        raise failed

    def close(self) -> None:
        """Let go of the connection."""
        self._timer.cancel()
        if self._response is not None:
            self._response.close()
        if self._connection is not None:
            self._connection.close()

    def abort(self) -> None:
        """Break the connection, from another thread."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _expire(self) -> None:
        self.expired = True
        self.abort()

    def explain(self, exc: Exception) -> Trouble:
        """What went wrong on the wire, in words."""
        again = "run the same command again later"
        if self.expired:
            return Trouble(
                "images.timeout",
                f"the picture did not arrive within {self._settings.total_seconds:g} seconds",
                again,
                host_wide=True,
            )
        cause = exc.args[-1] if isinstance(exc, HTTPError) and exc.args else exc
        if isinstance(exc, TimeoutError | WireTimeout) and not isinstance(exc, NewConnectionError):
            waited = self._settings.connect_seconds if self._socket is None else self._settings.silent_seconds
            return Trouble("images.timeout", f"the server was silent for {waited:g} seconds", again, host_wide=True)
        for one in (exc, cause, exc.__cause__):
            if isinstance(one, ssl.SSLError):
                reason = getattr(one, "verify_message", "") or one.reason or "no common way to encrypt"
                return Trouble(
                    "images.host",
                    f"no safe connection: {reason}",
                    "the server needs a valid certificate",
                    host_wide=True,
                )
        if self.body:
            return Trouble("images.broken", "the connection broke before the picture was whole", again)
        reason = getattr(cause, "strerror", None) or getattr(exc.__cause__, "strerror", None) or "it broke off"
        return Trouble("images.host", f"no connection to the server: {reason}".lower(), again, host_wide=True)


def _plain(text: str) -> str:
    """A validator that may be sent back as it is."""
    return text if len(text) <= 512 and text.isascii() and text.isprintable() else ""


def _seconds(retry_after: str) -> float:
    """Seconds of a Retry-After header, which is a number or a date; 1 when there is none.

    >>> _seconds("7"), _seconds(""), _seconds("soon")
    (7.0, 1.0, 1.0)

    Source: RFC 9110, section 10.2.3.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    except (ValueError, OverflowError, TypeError, IndexError):  # strangers' dates: the parser raises all of these
        return 1.0
    now = datetime.fromtimestamp(time.time(), UTC)
    return max(0.0, (moment - now).total_seconds())
