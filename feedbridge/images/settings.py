"""How pictures are checked: where the cache is, which hosts are trusted, and every limit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from feedbridge.errors import CommandError

__all__ = ["ImageSettings", "host_and_port"]


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How pictures are checked.

    ``cache``   folder of what is known from before; None: the user's cache folder
    ``hosts``   ``host`` or ``host:port`` that may lie in a private network (an intranet's picture server); without a
                port the usual ones, 80 and 443
    ``smallest_side_pixels``  below it a picture is said to be too small. No platform documents a least size; 100 is
                what Google's product data specification asks for

    Raises: CommandError.
    """

    cache: Path | None = None
    hosts: tuple[str, ...] = ()
    requests_per_second: float = 5
    """For each host."""
    connections: int = 8
    most_redirects: int = 5
    most_bytes: int = 25 << 20
    connect_seconds: float = 10
    silent_seconds: float = 20
    total_seconds: float = 60
    longest_wait_seconds: float = 30
    """A server that asks to wait longer (Retry-After) is not asked again."""
    most_wait_seconds: float = 60
    """A server that asks to wait longer than that in all is given up."""
    smallest_side_pixels: int = 100

    def __post_init__(self) -> None:
        for text in self.hosts:
            host_and_port(text)
        if not 2 <= self.connections <= 8:
            raise CommandError("pictures are checked over 2 to 8 connections", code="command.images")
        if min(self.requests_per_second, self.connect_seconds, self.silent_seconds, self.total_seconds) <= 0:
            raise CommandError("rates and times of the picture check must be above 0", code="command.images")

    def trusts(self, host: str, port: int) -> bool:
        """Whether a host was named as one that may lie in a private network."""
        return any(
            host.lower() == name and port in ((number,) if number else (80, 443))
            for name, number in map(host_and_port, self.hosts)
        )


def host_and_port(text: str) -> tuple[str, int | None]:
    """Read ``host`` or ``host:port``.

    >>> host_and_port("Images.intranet:8080"), host_and_port("[::1]:80"), host_and_port("10.0.0.5")
    (('images.intranet', 8080), ('::1', 80), ('10.0.0.5', None))

    Raises: CommandError.
    """
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.netloc != text or "@" in text:
        raise CommandError(
            f'"{text}" is no host', code="command.images", mend="write it like images.intranet or 10.0.0.5:8080"
        )
    return host, port
