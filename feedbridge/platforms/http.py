"""HTTP for deliveries: one request, one honest word of what came of it.

What matters to a delivery is not which exception a library raises, but whether the platform may have acted. So the
connection itself notes when the first byte of a request is handed to it: a failure before that is ``Unsent``, any
failure after it is ``Lost``. Nothing is ever sent twice: no retries, no redirects, no login from a ``.netrc``, no
cookies.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry

from feedbridge import __version__
from feedbridge.platforms.delivery import is_loopback

__all__ = ["MAX_BODY_BYTES", "Http", "Lost", "NoReply", "Reply", "Unsent", "retry_after_seconds"]

MAX_BODY_BYTES = 16 * 2**20
"""Longest answer that is read."""
IDLE_SECONDS = 2.0
"""Longest time a connection lies idle before a new one is made: the other side may be about to close it."""
BYTES_A_SECOND = 20_000
"""Slowest upload for which an exchange is given the time."""
MAX_WAIT_SECONDS = 3600.0
_SLICE = 1 << 16
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class NoReply(Exception):
    """A request without a usable answer. ``reason``: one sentence in plain words, without addresses' queries, headers
    or secrets. ``mend``: what a person can do."""

    def __init__(self, reason: str, mend: str = "") -> None:
        self.reason = reason
        self.mend = mend
        super().__init__(reason)


class Unsent(NoReply):
    """No request can have reached the platform: no byte of it was handed to a connection."""


class Lost(NoReply):
    """The request, or a part of it, may have reached the platform, and its answer is not known."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, whatever its status; redirects too. Names of ``headers`` are found in any case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True)
class _Passage:
    """What became of the request at hand, as its connection sees it."""

    silent_seconds: float
    sent: bool = False
    answering: bool = False
    expired: bool = False
    connection: Any = None
    sock: Any = None

    def expire(self) -> None:
        """Break the connection, from another thread."""
        self.expired = True
        # A connection gives its socket away once an answer begins that ends with it.
        sock = self.sock or getattr(self.connection, "sock", None)
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                # Of the TCP connection itself: the TLS object belongs to the thread that reads from it.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Noted:
    """Mixed into urllib3's connections: notes the first byte of a request, and sends in slices, so that a time-out
    means silence and not a long body."""

    passage: _Passage
    sock: Any
    _connecting = False

    def connect(self) -> None:
        self.passage.connection = self
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]  # HTTPConnection's, beside it in the bases
        finally:
            self._connecting = False
        if self.passage.expired:
            raise TimeoutError

    def send(self, data: Any) -> None:
        if self._connecting:  # to a proxy, for the way to the platform
            super().send(data)  # type: ignore[misc]  # as above
            return
        passage = self.passage
        if self.sock is None:
            self.connect()
        passage.sock = self.sock
        if passage.expired:
            raise TimeoutError
        self.sock.settimeout(passage.silent_seconds)
        passage.sent = True
        view = memoryview(data)
        for start in range(0, len(view), _SLICE):
            self.sock.sendall(view[start:start + _SLICE])


class _Adapter(HTTPAdapter):
    """Connections that know the passage at hand, and no second try of any kind."""

    def __init__(self, passage: Callable[[], _Passage]) -> None:
        class Plain(_Noted, HTTPConnection):
            passage = property(lambda _: passage())  # type: ignore[assignment]  # stands for the annotation of _Noted

        class Secure(_Noted, HTTPSConnection):
            passage = property(lambda _: passage())  # type: ignore[assignment]  # as above

        self._pools = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
        }
        never = Retry(
            total=0, connect=0, read=False, redirect=0, status=0, other=0, respect_retry_after_header=False,
            raise_on_redirect=False, raise_on_status=False,
        )
        super().__init__(max_retries=never)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("socks"):  # its connections would not note what they send
            raise _Refused("a SOCKS proxy cannot be used", "name an HTTP proxy in HTTPS_PROXY, or exempt the host in NO_PROXY")
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """No redirect is followed, nor its body read to prepare for following it."""
        return None


class _Refused(Exception):
    """What this module itself finds wrong: (reason, mend)."""


class Http:
    """Requests to one platform, one after another, from one thread.

    ``connect_seconds``  longest wait for a connection
    ``answer_seconds``   longest silence, while sending and while the answer comes
    ``total_seconds``    longest time a whole exchange may take, beside a second for every 20,000 bytes sent;
                         None: for the connection and twice the silence

    Proxies of the environment are used, but never to this machine itself; ``REQUESTS_CA_BUNDLE`` and ``SSL_CERT_FILE``
    name other trusted certificates. KeyboardInterrupt passes.
    """

    def __init__(
        self, connect_seconds: float = 10, answer_seconds: float = 120, *, total_seconds: float | None = None,
        max_body_bytes: int = MAX_BODY_BYTES, idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._total_seconds = connect_seconds + 2 * answer_seconds if total_seconds is None else total_seconds
        self._max_body_bytes = max_body_bytes
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._used = clock()
        self._passage = _Passage(answer_seconds)
        self._adapter = _Adapter(lambda: self._passage)
        session = _Session()
        session.trust_env = False
        session.adapters.clear()
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)
        session.headers.clear()
        session.headers.update({"User-Agent": f"feedbridge/{__version__}", "Accept-Encoding": "identity"})
        session.cookies.set_policy(_no_cookies())
        self._session = session

    def post(
        self, url: str, *, headers: Mapping[str, str] | None = None, data: Any = None,
        files: Mapping[str, Any] | None = None, json_text: str | None = None, auth: Any = None,
    ) -> Reply:
        """Send a POST. ``data`` and ``files`` as ``requests`` takes them; ``json_text`` is sent as it is, in UTF-8, as
        application/json. Raises Unsent or Lost."""
        given = dict(headers or {})
        if json_text is not None:
            data = json_text.encode()
            if not any(name.lower() == "content-type" for name in given):
                given["Content-Type"] = "application/json"
        return self._exchange("POST", url, headers=given, data=data, files=files, auth=auth)

    def put(self, url: str, *, headers: Mapping[str, str] | None = None, json_text: str) -> Reply:
        """Send a PUT of JSON, as it is, in UTF-8. Raises Unsent or Lost."""
        given = {"Content-Type": "application/json", **(headers or {})}
        return self._exchange("PUT", url, headers=given, data=json_text.encode())

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a DELETE. Raises Unsent or Lost."""
        return self._exchange("DELETE", url, headers=dict(headers or {}))

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None,
        auth: Any = None,
    ) -> Reply:
        """Send a GET. Raises Unsent or Lost."""
        return self._exchange("GET", url, headers=dict(headers or {}), params=params, auth=auth)

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _exchange(self, method: str, url: str, **parts: Any) -> Reply:
        if self._clock() - self._used > self._idle_seconds:
            self._session.close()
        self._passage = passage = _Passage(self._answer_seconds)
        timer: threading.Timer | None = None
        done = False
        try:
            request = self._session.prepare_request(requests.Request(method, url, **parts))
            length = len(request.body) if request.body else 0
            timer = threading.Timer(self._total_seconds + length / BYTES_A_SECOND, passage.expire)
            timer.daemon = True
            timer.start()
            response = self._session.send(
                request, stream=True, allow_redirects=False, verify=_trusted(), cert=None, proxies=_proxies(url),
                timeout=(self._connect_seconds, self._answer_seconds),
            )
            passage.answering = True
            with response:
                body = self._body(response)
            timer.cancel()
            if passage.expired:
                raise TimeoutError
            done = True
            return Reply(response.status_code, CaseInsensitiveDict(response.headers), body)
        except Exception as exc:  # strangers on the wire, four libraries between: what counts is whether it was sent
            reason, mend = self._explained(exc, passage, urlsplit(url).hostname or "the platform")
            raise (Lost if passage.sent else Unsent)(reason, mend) from None
        finally:
            if timer is not None:
                timer.cancel()
            if not done:
                self._session.close()
            self._used = self._clock()

    def _body(self, response: requests.Response) -> bytes:
        encodings = [word.strip().lower() for word in response.headers.get("Content-Encoding", "").split(",")]
        said = f"it answered with HTTP status {response.status_code}, but "
        if not _ENCODINGS.issuperset(encodings):
            raise _Refused(f"{said}in an encoding that cannot be read", "")
        chunks: list[bytes] = []
        size = 0
        for chunk in response.raw.stream(_SLICE, decode_content=True):
            size += len(chunk)
            if size > self._max_body_bytes:
                raise _Refused(f"{said}with more than {self._max_body_bytes:,} bytes", "")
            chunks.append(chunk)
        return b"".join(chunks)

    def _explained(self, exc: Exception, passage: _Passage, host: str) -> tuple[str, str]:
        """(reason, mend) in plain words; nothing of what was sent, nor of an address's query."""
        causes = list(_causes(exc))
        for cause in causes:
            if isinstance(cause, _Refused):
                return cause.args
        if passage.sent:
            return self._explained_lost(causes, passage), ""
        return self._explained_unsent(causes, passage, host)

    def _explained_lost(self, causes: list[BaseException], passage: _Passage) -> str:
        if passage.expired:
            return f"the answer was not there, or not whole, after {self._total_seconds:g} seconds and more"
        for cause in causes:
            if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError):
                return f"the platform was silent for {self._answer_seconds:g} seconds"
            if isinstance(cause, urllib3.exceptions.DecodeError):
                return "the answer cannot be unpacked"
            if isinstance(cause, IncompleteRead):
                return "the connection ended before the answer was whole"
            if isinstance(cause, RemoteDisconnected):
                return "the platform closed the connection without an answer"
            if isinstance(cause, ConnectionError | ssl.SSLError):
                return "the connection broke before the answer was whole"
        if passage.answering:
            return "the connection ended before the answer was whole"
        return "the answer did not come in whole, or is not HTTP"

    def _explained_unsent(self, causes: list[BaseException], passage: _Passage, host: str) -> tuple[str, str]:
        by_proxy = any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in causes)
        reached = "the proxy" if by_proxy else host
        look = "look at the proxy of the environment (HTTPS_PROXY)" if by_proxy else "look at the network and the address"
        certificates = (
            "if the network checks TLS itself, name its certificates in REQUESTS_CA_BUNDLE; never switch the check off"
        )
        for cause in causes:
            if isinstance(cause, OSError) and (refusal := re.search(r"Tunnel connection failed: (\d{3})", str(cause))):
                return f"the proxy refused the way to {host} with status {refusal[1]}", look
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return f"the certificate of {reached} cannot be trusted: {cause.verify_message}", certificates
            if isinstance(cause, ssl.SSLError):
                return f"no safe connection to {reached}: {_words(cause.reason) or 'the handshake failed'}", certificates
            if isinstance(cause, urllib3.exceptions.NameResolutionError | socket.gaierror):
                return f"the name {reached} was not found" if not by_proxy else "the proxy was not found", look
        for cause in causes:
            if isinstance(cause, requests.exceptions.InvalidSchema):
                return "the kind of proxy or address is not known", look
            if isinstance(cause, requests.exceptions.InvalidURL | urllib3.exceptions.LocationParseError | UnicodeError):
                return "the address cannot be used", "look at the address"
            if isinstance(cause, requests.exceptions.InvalidHeader):
                return "a header of the request cannot be sent", "look for line breaks or blanks in the keys"
            if isinstance(cause, TimeoutError | urllib3.exceptions.ConnectTimeoutError) and not isinstance(
                cause, urllib3.exceptions.NewConnectionError
            ):
                return f"no connection to {reached} within {self._connect_seconds:g} seconds", look
        for cause in causes:
            if isinstance(cause, ConnectionRefusedError):
                return f"{reached} refused the connection", look
            if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
                return f"there is no way to {reached}: {os.strerror(cause.errno or 0).lower()}", look
            if isinstance(cause, ConnectionError | urllib3.exceptions.ProtocolError):
                return f"the connection to {reached} broke off before anything was sent", look
        return f"no connection to {reached} ({type(causes[-1]).__name__})", look


_NO_ROUTE = frozenset({
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL, errno.EMFILE,
    errno.ENFILE, errno.EACCES, errno.EPERM,
})


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """The exception and all that it was made of, in libraries that keep them in different places."""
    seen: set[int] = set()
    waiting: list[Any] = [exc]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "reason", None), getattr(one, "original_error", None), *one.args,
                    one.__cause__, one.__context__]


def _words(reason: str | None) -> str:
    """OpenSSL's ``WRONG_VERSION_NUMBER`` as words."""
    return (reason or "").replace("_", " ").lower()


def _proxies(url: str) -> dict[str, str]:
    if is_loopback(urlsplit(url).hostname or ""):
        return {}
    return dict(get_environ_proxies(url))


def _trusted() -> str | bool:
    """The file or folder of trusted certificates the environment names; True: the usual ones."""
    for name in _CA_VARIABLES:
        path = os.environ.get(name)
        if path:
            if not os.path.exists(path):
                raise _Refused(f'{name} names "{path}", which is not there', f"mend {name}, or take it away")
            return path
    return True


def _no_cookies() -> Any:
    from http.cookiejar import DefaultCookiePolicy

    return DefaultCookiePolicy(allowed_domains=[])


def retry_after_seconds(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds of a ``Retry-After`` header, which is a number or a date; at most an hour; None when there is none.

    >>> retry_after_seconds({"Retry-After": "7"}), retry_after_seconds({"Retry-After": "soon"})
    (7.0, None)
    >>> retry_after_seconds({"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}, now=90)
    10.0

    Source: RFC 9110, section 10.2.3.
    """
    text = (headers.get("Retry-After") or headers.get("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_WAIT_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    except (ValueError, OverflowError, TypeError, IndexError):  # strangers' dates: the parser raises all of these
        return None
    today = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    return min(max(0.0, (moment - today).total_seconds()), MAX_WAIT_SECONDS)
