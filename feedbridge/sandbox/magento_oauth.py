"""Who calls: OAuth 1.0a with HMAC-SHA256 in the Authorization header, or a Bearer token.

Source: RFC 5849, sections 3.1 to 3.6; Adobe Commerce Web API, "OAuth-based authentication".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from feedbridge.sandbox.keys import Secrets
from feedbridge.sandbox.store import Transaction

__all__ = ["NotAllowed", "base_string", "check_caller", "signature_of"]

MOST_AGE_SECONDS = 600
REALM = re.compile(r"^OAuth\s+", re.I)
PARAMETER = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*(?:,|$)')
NEEDED = ("oauth_consumer_key", "oauth_token", "oauth_signature_method", "oauth_timestamp", "oauth_nonce",
          "oauth_signature")


class NotAllowed(Exception):
    """The caller is not let in; ``message`` with ``%1`` or ``%name``, filled from ``parameters``."""

    def __init__(self, message: str, parameters: list[str] | dict[str, str] | None = None) -> None:
        self.message = message
        self.parameters = [] if parameters is None else parameters
        super().__init__(message)


def check_caller(
    tx: Transaction, header: str, *, method: str, url: str, secrets: Secrets, now: float, bearer: bool = True
) -> None:
    """Let the caller in, or raise NotAllowed. A nonce is good once; a timestamp for ten minutes."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        if not bearer or not equal(rest.strip(), secrets.magento_bearer_token):
            raise NotAllowed("The consumer isn't authorized to access %resources.",
                             {"resources": "Magento_Catalog::products"})
        return
    if scheme.lower() != "oauth":
        raise NotAllowed("The consumer isn't authorized to access %resources.",
                         {"resources": "Magento_Catalog::products"})
    given = oauth_parameters(REALM.sub("", header.strip()))
    if missing := [name for name in NEEDED if not given.get(name)]:
        raise NotAllowed("\"%1\" is required. Enter and try again.", [", ".join(missing)])
    if given["oauth_signature_method"] != "HMAC-SHA256":
        raise NotAllowed("Signature method %1 is not supported", [given["oauth_signature_method"][:40]])
    if given.get("oauth_version", "1.0") != "1.0":
        raise NotAllowed("The OAuth version %1 is not supported", [given["oauth_version"][:40]])
    if not equal(given["oauth_consumer_key"], secrets.magento_consumer_key):
        raise NotAllowed("A consumer with the specified consumer key was not found.")
    if not equal(given["oauth_token"], secrets.magento_access_token):
        raise NotAllowed("The token is not valid.")
    stamp = given["oauth_timestamp"]
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(int(stamp) - now) > MOST_AGE_SECONDS:
        raise NotAllowed("The timestamp value in the oauth_timestamp parameter isn't valid.")
    right = signature_of(
        base_string(method, url, ((name, value) for name, value in given.items()
                                  if name not in ("oauth_signature", "realm"))),
        secrets.magento_consumer_secret, secrets.magento_access_token_secret,
    )
    if not equal(given["oauth_signature"], right):
        raise NotAllowed("The signature is invalid. Verify and try again.")
    digest = hashlib.sha256(f"{stamp} {given['oauth_nonce']}".encode("utf-8", "surrogatepass")).hexdigest()
    tx.run("DELETE FROM nonces WHERE expires < ?", now)
    if not tx.run("INSERT OR IGNORE INTO nonces VALUES (?, ?)", digest, now + 2 * MOST_AGE_SECONDS):
        raise NotAllowed("The nonce is already being used by the consumer with ID %1.", ["1"])


def oauth_parameters(text: str) -> dict[str, str]:
    """The parameters of the header, decoded. Anything else in it: NotAllowed."""
    given: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = PARAMETER.match(text, place)
        if match is None or match[1] in given:
            raise NotAllowed("The Authorization header cannot be read.")
        given[match[1]] = unquote(match[2])
        place = match.end()
    return given


def base_string(method: str, url: str, oauth: Iterable[tuple[str, str]]) -> str:
    """What is signed: method, address and sorted parameters.

    >>> base_string("post", "HTTP://Shop.example:80/V1/a%20b?b=2&a=1", [("oauth_nonce", "x")])
    'POST&http%3A%2F%2Fshop.example%2FV1%2Fa%2520b&a%3D1%26b%3D2%26oauth_nonce%3Dx'
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = parts.netloc.rpartition("@")[2].lower()
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    if default and host.endswith(default):
        host = host.removesuffix(default)
    query: Sequence[tuple[str, str]] = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((escaped(name), escaped(value)) for name, value in [*query, *oauth])
    text = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method.upper(), escaped(f"{scheme}://{host}{parts.path or '/'}"), escaped(text)))


def signature_of(base: str, consumer_secret: str, token_secret: str) -> str:
    """HMAC-SHA256 of the base string, in base64."""
    key = f"{escaped(consumer_secret)}&{escaped(token_secret)}".encode()
    return base64.b64encode(hmac.digest(key, base.encode(), "sha256")).decode()


def escaped(text: str) -> str:
    return quote(text, safe="-._~", errors="surrogatepass")


def equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())
