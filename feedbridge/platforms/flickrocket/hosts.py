"""Where FlickRocket is: the hosts of its login, its tokens and its API.

Source: developer.flickrocket.com/en/rest-api/oauth/, and the vendor's WooCommerce plugin.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.delivery import is_loopback, usable_endpoint

__all__ = ["API", "DOCUMENTED", "HOSTS", "PLUGIN", "Hosts", "api_of", "hosts_of"]

HOSTS = "FEEDBRIDGE_FLICKROCKET_HOSTS"
API = "FEEDBRIDGE_FLICKROCKET_API"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where FlickRocket is.

    ``authorize``  page where the owner agrees
    ``token``      where tokens are exchanged
    ``tokeninfo``  where a token is looked up
    ``api``        what ``/api/….json``, ``/api2/…`` and ``/admin/webhooks.json`` are put behind; no slash at its end
    """

    authorize: str
    token: str
    tokeninfo: str
    api: str

    @property
    def site(self) -> str:
        """Whose tokens are good here: tokens of the sandbox are not for FlickRocket, nor the other way round."""
        host = urlsplit(self.token).hostname or ""
        if is_loopback(host):
            return "this machine"
        return "flickrocket.com" if host == "flickrocket.com" or host.endswith(".flickrocket.com") else host


def _under(base: str) -> Hosts:
    return Hosts(f"{base}/oauth2/auth", f"{base}/token", f"{base}/api/tokeninfo", base)


DOCUMENTED = _under("https://admin.flickrocket.com")
PLUGIN = Hosts(
    "https://oauth.flickrocket.com/oauth2/auth", "https://oauth.flickrocket.com/token",
    "https://admin.flickrocket.com/api/tokeninfo", "https://api.flickrocket.com",
)
"""The hosts of the vendor's WooCommerce plugin; it has no place to look tokens up, so that is the documented one."""


def hosts_of(environment: Mapping[str, str] | None = None) -> Hosts:
    """The hosts that ``FEEDBRIDGE_FLICKROCKET_HOSTS`` chooses: ``documented`` (also when it is not set), ``plugin``, or an
    address all the paths are under.

    >>> hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": "http://127.0.0.1:8765/flickrocket/"}).token
    'http://127.0.0.1:8765/flickrocket/token'

    Raises CommandError for an address that is not https (http only to this machine itself).
    """
    said = (os.environ if environment is None else environment).get(HOSTS, "").strip()
    if said in ("", "documented"):
        return DOCUMENTED
    if said == "plugin":
        return PLUGIN
    try:
        base = usable_endpoint(said).rstrip("/")
        parts = urlsplit(base)
        if parts.query or parts.fragment or "?" in base or "#" in base or not 0 <= (parts.port or 0) < 65536:
            raise ValueError("an address must end with its path")
    except ValueError as exc:
        raise CommandError(
            f"it names hosts that cannot be used: {exc}", where=HOSTS, code="flickrocket.setting",
            mend="say documented, plugin, or an address such as http://127.0.0.1:8765/flickrocket (the sandbox)",
        ) from None
    return _under(base)


def api_of(environment: Mapping[str, str] | None = None) -> Literal["api", "api2"]:
    """The paths that ``FEEDBRIDGE_FLICKROCKET_API`` chooses: ``api``, the documented ones (also when it is not set), or
    ``api2``, those of FlickRocket's newer help pages (A14).

    >>> api_of({"FEEDBRIDGE_FLICKROCKET_API": "api2"})
    'api2'

    Raises CommandError for anything else.
    """
    said = (os.environ if environment is None else environment).get(API, "").strip()
    if said in ("", "api"):
        return "api"
    if said == "api2":
        return "api2"
    raise CommandError(f'there is no "{cut(said)}"', where=API, code="flickrocket.setting", mend="say api or api2, or nothing")
