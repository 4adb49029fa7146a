"""Apps shown inside FlickRocket's admin interface: is a request to the Start URL really one of FlickRocket's?

The page is loaded in a frame with ``CompanyID``, ``UserID`` and ``hmac`` in its query. The value has no time stamp, so who
has seen such an address once can use it for ever: take it to learn which shop it is, never as a login.

Source: developer.flickrocket.com/en/rest-api/embedded-apps/, its C# sample.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["EmbeddedShop", "embedded_hmac", "embedded_shop", "verify_embedded_request"]

NAMES = ("CompanyID", "UserID", "hmac")
MOST_CHARS = 8192
MOST_PARAMETERS = 100
_ID = re.compile(r"[0-9]{1,18}")
_HMAC = re.compile(r"[0-9a-f]{64}")

Query = str | bytes | Mapping[str, Any] | Iterable[tuple[str, str]]
"""A query as it stands in the address (with or without ``?``), or the parameters any web framework makes of it."""


@dataclass(frozen=True, slots=True)
class EmbeddedShop:
    """Who a genuine request speaks of."""

    company_id: str
    user_id: str


def embedded_hmac(company_id: str, user_id: str, secret: str) -> str:
    """The value FlickRocket sends: base64 of ``?UserID=…&CompanyID=…``, in this order, then HMAC-SHA256.

    >>> embedded_hmac("23128", "2543", "fb-test-secret-01")[:16]
    'bf60d7b09a06979a'

    Raises: ValueError when there is no secret.
    """
    if not secret:
        raise ValueError("without the app's secret nothing can be verified")
    text = base64.b64encode(f"?UserID={user_id}&CompanyID={company_id}".encode())
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def verify_embedded_request(query: Query, secret: str) -> bool:
    """Whether a request to the Start URL comes from FlickRocket.

    >>> query = "?CompanyID=23128&UserID=2543&hmac=bf60d7b09a06979aed38249c6cb02deacdb08466f48f813ddf84b2a8f119fdc7"
    >>> verify_embedded_request(query, "fb-test-secret-01")
    True

    Shape:  CompanyID, UserID and hmac once each and spelt so; both ids of digits only; parameters with other names may
            stand beside them. Anything else is False: a wrong query is never an error.
    Raises: ValueError when there is no secret.
    """
    return embedded_shop(query, secret) is not None


def embedded_shop(query: Query, secret: str) -> EmbeddedShop | None:
    """Who the request speaks of; None when it does not come from FlickRocket. As verify_embedded_request."""
    if not secret:
        raise ValueError("without the app's secret nothing can be verified")
    found: dict[str, str] = {}
    try:
        for name, value in _pairs(query):
            if str(name).strip().lower() not in _LOWER:
                continue
            if name not in NAMES or name in found or type(value) is not str:
                return None
            found[name] = value
    except (ValueError, TypeError, AttributeError):
        return None
    company_id, user_id, given = (found.get(name, "") for name in NAMES)
    if not (_ID.fullmatch(company_id) and _ID.fullmatch(user_id) and _HMAC.fullmatch(given)):
        return None
    if not hmac.compare_digest(given, embedded_hmac(company_id, user_id, secret)):
        return None
    return EmbeddedShop(company_id, user_id)


_LOWER = frozenset(name.lower() for name in NAMES)


def _pairs(query: Query) -> Iterator[tuple[Any, Any]]:
    """Every parameter with every value it has: a dictionary that shows one value of several is asked for all."""
    if isinstance(query, (str, bytes)):
        text = query if isinstance(query, str) else query.decode("ascii")
        if len(text) > MOST_CHARS:
            raise ValueError("the query is too long")
        yield from parse_qsl(
            text.removeprefix("?"), keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=MOST_PARAMETERS, separator="&",
        )
        return
    if not isinstance(query, Mapping) and not hasattr(query, "getlist"):
        yield from query
        return
    every: Any = getattr(query, "getlist", None)
    names: Iterable[Any] = query.keys()  # type: ignore[union-attr]  # a Mapping, or a MultiDict of a web framework
    for name in list(dict.fromkeys(names)):
        values = every(name) if every is not None else query[name]  # type: ignore[index]  # as above
        if isinstance(values, (list, tuple)):
            for value in values:
                yield name, value
        else:
            yield name, values
