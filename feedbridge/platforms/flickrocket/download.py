"""Fetching content and pictures that a feed gives as http(s) addresses.

The addresses come from a feed, so from strangers: each host is resolved once per hop, every address it has must be
public, and the connection goes to the address that was checked. Sizes, redirects and times are limited. A file
appears complete or not at all.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import ipaddress
import multiprocessing
import os
import shutil
import socket
import ssl
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from feedbridge.platforms.flickrocket.media import extension
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings

__all__ = ["DownloadError", "Downloaded", "Downloads", "default_folder", "is_allowed"]

MOST_REDIRECTS = 5
CHUNK_BYTES = 1 << 18
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ENDINGS = {
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/zip": ".zip",
    "video/mp4": ".mp4",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/x-flac": ".flac",
    "image/jpeg": ".jpg",
    "image/png": ".png",
}

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class DownloadError(Exception):
    """A file that could not be fetched. ``message`` and ``mend`` are meant for a finding."""

    def __init__(self, message: str, mend: str = "") -> None:
        self.message = message
        self.mend = mend
        super().__init__(message)


class Downloaded(NamedTuple):
    """A fetched file: where it lies, and what it is called."""

    path: str
    name: str


def is_allowed(address: str, *, loopback: bool = False) -> bool:
    """Whether an IP address may be connected to: public ones only, also when wrapped into another address.

    >>> is_allowed("93.184.216.34"), is_allowed("10.0.0.1"), is_allowed("::ffff:127.0.0.1")
    (True, False, False)
    """
    ip: _Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_allowed(str(inner), loopback=loopback)
    if loopback and ip.is_loopback:
        return True
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def default_folder() -> Path:
    """The temporary folder of this run: the same in the main process and in its workers."""
    parent = multiprocessing.parent_process()
    owner = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir(), f"feedbridge-{owner}-{parent.pid if parent else os.getpid()}")


@cache
def _clean_at_exit(folder: Path) -> None:
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


class Downloads:
    """Fetches files for one converter; the same address is fetched once."""

    def __init__(self, settings: FlickRocketSettings) -> None:
        self._settings = settings
        self._folder: Path | None = None
        self._done: dict[str, Downloaded | DownloadError] = {}
        if settings.download and settings.download_folder is None and multiprocessing.parent_process() is None:
            _clean_at_exit(default_folder())  # also of what workers fetch: theirs is the same folder

    def fetch(self, url: str) -> Downloaded:
        """The file at an address. Raises DownloadError."""
        done = self._done.get(url)
        if done is None:
            try:
                done = self._fetch(url)
            except DownloadError as exc:
                done = exc
            self._done[url] = done
        if isinstance(done, DownloadError):
            raise DownloadError(done.message, done.mend)
        return done

    def _fetch(self, url: str) -> Downloaded:
        hop = url
        for _ in range(MOST_REDIRECTS + 1):
            request = _Request(hop, self._settings)
            try:
                response = request.open()
                if response.status in _REDIRECTS:
                    hop = self._next_hop(hop, response)
                    continue
                if response.status != 200:
                    raise DownloadError(
                        f"the server answered {response.status} {response.reason}"[:200],
                        "open the address in a browser; it must give the file to everybody",
                    )
                return self._keep(url, hop, request, response)
            except (OSError, http.client.HTTPException, ValueError) as exc:
                raise request.explain(exc) from exc
            finally:
                request.close()
        raise DownloadError(f"the address redirects more than {MOST_REDIRECTS} times", "give the file's final address")

    @staticmethod
    def _next_hop(hop: str, response: http.client.HTTPResponse) -> str:
        location = response.headers.get("Location", "")
        if not location:
            raise DownloadError("the server redirects to nowhere", "give the file's final address")
        target = urljoin(hop, location)
        if hop.lower().startswith("https:") and not target.lower().startswith("https:"):
            raise DownloadError("an https address redirects to one that is not", "give the file's final address")
        return target

    def _keep(self, url: str, hop: str, request: _Request, response: http.client.HTTPResponse) -> Downloaded:
        most = self._settings.download_max_bytes
        too_large = DownloadError(
            f"the file is larger than {most} bytes", "raise download_max_bytes, or give the file as a path"
        )
        if response.length is not None and response.length > most:
            raise too_large
        kind = response.headers.get_content_type() if "Content-Type" in response.headers else ""
        name = _file_name(url, hop, kind)
        if kind == "text/html" and extension(name) not in (".html", ".htm"):
            raise DownloadError("the server gave a web page, not a file", "give an address that needs no login")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise DownloadError(
                "the server gave the file compressed though it was not asked to", "give the file as a path"
            )
        handle, part = tempfile.mkstemp(prefix="part-", dir=self._made_folder())
        try:
            with os.fdopen(handle, "wb") as file:
                wanted, size = response.length, 0
                while chunk := response.read1(CHUNK_BYTES):
                    size += len(chunk)
                    if size > most:
                        raise too_large
                    file.write(chunk)
                os.fchmod(file.fileno(), 0o644)  # it may be hard-linked into the output; the folder here is closed
            if request.expired:
                raise TimeoutError
            if wanted is not None and size != wanted:
                raise DownloadError(
                    f"the connection broke after {size} of {wanted} bytes", "run the same command again"
                )
            if size == 0:
                raise DownloadError("the file is empty", "open the address in a browser")
            whole = part.replace("part-", "file-")
            os.rename(part, whole)
            return Downloaded(whole, name)
        except BaseException:  # whatever happened, also Ctrl-C: no partial file stays
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            raise

    def _made_folder(self) -> Path:
        if self._folder is not None:
            return self._folder
        given = self._settings.download_folder
        folder = given or default_folder()
        folder.mkdir(mode=0o700, parents=given is not None, exist_ok=True)
        status = folder.lstat()
        if given is None and hasattr(os, "getuid") and (status.st_uid != os.getuid() or folder.is_symlink()):
            raise DownloadError(f"{folder} belongs to somebody else", "give download_folder")
        self._folder = folder
        return folder


def _file_name(url: str, hop: str, kind: str) -> str:
    """The last part of the address as given, with an extension from where it led or from the content type."""
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or "file"
    if extension(name):
        return name
    return name + (extension(hop) or _ENDINGS.get(kind, ""))


class _Request:
    """One hop: a connection to a checked address, with a deadline for everything that happens on it."""

    def __init__(self, url: str, settings: FlickRocketSettings) -> None:
        self._settings = settings
        self.expired = False
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._timer = threading.Timer(settings.download_total_seconds, self._expire)
        self._timer.daemon = True
        self._url = url

    def open(self) -> http.client.HTTPResponse:
        """Send the request and read the head of the answer."""
        parts = self._checked(self._url)
        host = (parts.hostname or "").encode("idna").decode() if not _is_ip(parts.hostname) else parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._timer.start()
        connection = self._connected(host, port, tls=parts.scheme == "https")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?[]')}" if parts.query else ""
        shown = f"[{host}]" if ":" in host else host
        if parts.port:
            shown += f":{port}"
        request = (
            f"GET {path}{query} HTTP/1.1\r\nHost: {shown}\r\nUser-Agent: feedbridge\r\n"
            "Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(request.encode("ascii"))
        self._response = http.client.HTTPResponse(connection, method="GET")
        self._response.begin()
        return self._response

    def close(self) -> None:
        """Let go of the connection."""
        self._timer.cancel()
        if self._response is not None:
            self._response.close()
        if self._socket is not None:
            self._socket.close()

    def explain(self, exc: Exception) -> DownloadError:
        """What went wrong on the wire, in words."""
        if self.expired:
            seconds = self._settings.download_total_seconds
            return DownloadError(f"the file did not arrive within {seconds:g} seconds", "raise download_total_seconds")
        if isinstance(exc, TimeoutError):
            seconds = self._settings.download_timeout_seconds
            return DownloadError(f"the server was silent for {seconds:g} seconds", "run the same command again later")
        if isinstance(exc, ssl.SSLError):
            return DownloadError(f"no safe connection: {exc.reason or exc}", "the server's certificate must be valid")
        if isinstance(exc, socket.gaierror):
            return DownloadError("the server's name is not known", "check the address")
        if isinstance(exc, OSError) and exc.filename is not None:
            return DownloadError(f"the file cannot be kept: {exc.strerror}", "make room in the download folder")
        text = f": {exc}" if str(exc) else ""
        return DownloadError(
            f"the file cannot be fetched{text}"[:200], "check the address, then run the same command again"
        )

    def _expire(self) -> None:
        self.expired = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _checked(url: str) -> SplitResult:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise DownloadError(f'"{parts.scheme}" addresses are not fetched', "give an http(s) address or a path")
        if not parts.hostname:
            raise DownloadError("the address names no server", "check the address")
        if "@" in parts.netloc:
            raise DownloadError("the address holds a login", "give an address that needs no login")
        return parts

    def _connected(self, host: str, port: int, *, tls: bool) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        loopback = self._settings.download_private_addresses
        for *_, address in found:
            if not is_allowed(str(address[0]), loopback=loopback):
                raise DownloadError(
                    "the address leads into a private network", "give an address that everybody can reach, or a path"
                )
        failed: OSError = OSError("no address")
        for family, kind, protocol, _, address in found:
            self._socket = socket.socket(family, kind, protocol)
            self._socket.settimeout(self._settings.download_timeout_seconds)
            try:
                self._socket.connect(address)
                if tls:
                    context = ssl.create_default_context()
                    wrapped = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
                    self._socket = wrapped
                    wrapped.do_handshake()
                return self._socket
            except OSError as exc:
                failed = exc
                self._socket.close()
        raise failed


def _is_ip(host: str | None) -> bool:
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True
