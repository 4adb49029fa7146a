"""Web addresses of strangers: where they may lead, and how they may be shown."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from feedbridge.images.picture import Trouble
from feedbridge.images.settings import ImageSettings

__all__ = ["Address", "is_public", "parsed", "resolved", "shown"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SECRET = re.compile(r"token|key|sig|secret|pass|pw|auth|credential|policy|sess|jwt|sas|hmac|login", re.IGNORECASE)
_LONG = 20
"""A query's value of so many characters may be a secret, whatever its name."""
_FRONT = re.compile(r"[\x00-\x20]*(?:[a-z][a-z0-9+.-]+:[/\\]*|[/\\]{2,})", re.IGNORECASE)
"""What an address begins with, also one that is not quite right."""
_ENDS = re.compile(r"([/\\?#])")
_QUERY = re.compile(r"[?#]")
_STEPS = re.compile(r"([/\\;&])")
_WORDS = re.compile(r"([?#&;])")
_HOST = re.compile(r"[^:]*(?::[0-9]*)?|\[.*")
"""A host, and maybe its port; what else has a colon begins with a login."""
_AT = re.compile("@|%40|\uff20|\ufe6b", re.IGNORECASE)


def is_public(address: str) -> bool:
    """Whether an IP address may be connected to: public ones only, also when wrapped into another address.

    >>> is_public("93.184.216.34"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1")
    (True, False, False)

    Source: IANA special-purpose address registries; RFC 4291 (mapped), 3056 (6to4), 4380 (Teredo), 6052 (NAT64).
    """
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)


class Address(NamedTuple):
    """An address that may be fetched. ``host`` in ASCII; ``target`` is path and query as they are sent."""

    tls: bool
    host: str
    port: int
    target: str

    @property
    def name(self) -> str:
        """``cdn.example``, ``cdn.example:8080`` or ``[::1]:8080``: the host as the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def parsed(url: str) -> Address:
    """Take an address apart. Raises Trouble when it cannot or must not be fetched."""
    wrong = Trouble("images.address", "the address cannot be fetched", "write a whole http(s) address")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("http", "https") or not host or port == 0:
            raise wrong
        if "@" in parts.netloc:
            raise Trouble(
                "images.login",
                "the address holds a login, which everybody who gets the catalogue would get, too",
                "give an address that needs no login",
            )
        ascii_host = host if _is_ip(host) else host.encode("idna").decode("ascii")
    except ValueError as exc:  # brackets that do not match, a port that is none, a label IDNA does not know
        raise wrong from exc
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        target += f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?[]')}"
    return Address(parts.scheme == "https", ascii_host, port or (443 if parts.scheme == "https" else 80), target)


def resolved(address: Address, settings: ImageSettings) -> list[str]:
    """The host's IP addresses, every one of them public (or the host is trusted). Raises Trouble."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise Trouble(
            "images.host",
            "the server's name is not known",
            "check the address, and the connection to the net",
            certain=True,
        ) from exc
    numbers = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not settings.trusts(address.host, address.port) and not all(map(is_public, numbers)):
        raise Trouble(
            "images.private-address",
            "the address leads into a private network, so no platform can fetch the picture",
            f"give a public address; to check pictures of your own network, add --image-hosts {address.name}",
            certain=True,
        )
    return numbers


def shown(url: str) -> str:
    """An address or path as a finding may show it: without login, and without what may be a secret.

    >>> shown("https://me:pw@cdn.example/a.jpg?v=2&X-Amz-Signature=0f3a#top")
    'https://***@cdn.example/a.jpg?v=2&X-Amz-Signature=***'
    >>> shown("https:/me:pw@cdn.example/a.jpg;jsessionid=0f3a"), shown("a.jpg?token=0f3a")
    ('https:/***@cdn.example/a.jpg;jsessionid=***', 'a.jpg?token=***')

    What is shown need not be an address at all: a slip of the pen must not show what a right address would hide.
    """
    front = _FRONT.match(url)
    scheme, rest = (front.group(), url[front.end() :]) if front else ("", url)
    if scheme:
        rest = _without_login(rest)
        path, mark, query = rest.partition("?")
        rest = path.partition("#")[0] + mark + query.partition("#")[0]
    begin = _QUERY.search(rest)
    path, query = (rest[: begin.start()], rest[begin.start() :]) if begin else (rest, "")
    parts = _ENDS.split(_each_masked(_STEPS.split(path), ";") + _each_masked(_WORDS.split(query), "?#&;"))
    parts[::2] = map(_nobody, parts[::2])
    return scheme + "".join(parts)


def _without_login(rest: str) -> str:
    """What follows the scheme, the login masked, also one that holds a separator as it is."""
    end = _ENDS.search(rest)
    host = rest[: end.start()] if end else rest
    found = list(_AT.finditer(host))
    if not found and not _HOST.fullmatch(host):
        found = list(_AT.finditer(rest))
    return f"***@{rest[found[-1].end() :]}" if found else rest


def _nobody(part: str) -> str:
    """A part of a path or query without ``user:password@``."""
    *_, at = [None, *_AT.finditer(part)]
    return f"***@{part[at.end() :]}" if at is not None and ":" in part[: at.start()] else part


def _each_masked(pieces: list[str], before_long: str) -> str:
    """Words and what separates them, by turns. What follows a secret belongs to it, unless it has a name of its own."""
    before, was_secret = "", False
    for place, piece in enumerate(pieces):
        if place % 2:
            before = piece
            continue
        goes_on = was_secret and before in "?#;" and "=" not in piece
        pieces[place] = "***" if goes_on and piece else _masked(piece, before != "" and before in before_long)
        was_secret = goes_on or pieces[place] != piece
    return "".join(pieces)


def _masked(word: str, long_ones: bool) -> str:
    """``name=value`` without a value that may be a secret; ``long_ones``: whatever its name, when it is long."""
    plain = word
    for _ in range(3):
        plain = unquote(plain)
    named, equals, _ = plain.rpartition("=")
    name, raw_equals, value = word.partition("=")
    if not (equals and _SECRET.search(named)) and not (long_ones and len(value if raw_equals else word) >= _LONG):
        return word
    return f"{name}=***" if raw_equals and "=" not in unquote(unquote(unquote(name))) else "***"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
