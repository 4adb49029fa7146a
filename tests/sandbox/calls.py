"""Calls to the sandbox as a careful client makes them, by code that is neither ours nor the sandbox's."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import requests
from requests_oauthlib import OAuth1

from feedbridge.sandbox import keys

__all__ = ["FEED", "access_token", "flickrocket", "flipsnack", "flipsnack_fields", "magento", "oauth", "product", "simple"]

FEED = "2d67d6d3542967f637ca1b1ee9cf76ed50adb1dfd0ee2617e1b8f3bb50dd274b"


def product(code: str, *variants: str, **more: Any) -> dict[str, Any]:
    """A Flipsnack product with variants of these codes."""
    whole: dict[str, Any] = {"type": "product", "code": code, "title": f"Title of {code}", "sell_price": 12.5} | more
    if variants:
        whole["variants"] = [{"code": one, "parent_code": code, "price": 20} for one in variants]
    return whole


def flipsnack_fields(action: str, *, secret: str = keys.FLIPSNACK_API_SECRET, **fields: Any) -> dict[str, str]:
    """The signed fields of a call; lists become JSON text, None leaves a field out."""
    whole: dict[str, Any] = {"action": action, "apiKey": keys.FLIPSNACK_API_KEY, "sourceHash": FEED} | fields
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in whole.items() if value is not None}
    raw = secret + "".join(name + texts[name] for name in sorted(texts))
    return {"signature": hashlib.md5(raw.encode()).hexdigest()} | texts


def flipsnack(url: str, action: str, *, timeout: float = 10, **fields: Any) -> requests.Response:
    """Sign and send a call."""
    parts = {name: (None, value) for name, value in flipsnack_fields(action, **fields).items()}
    return requests.post(f"{url}/flipsnack/v1/", files=parts, timeout=timeout, allow_redirects=False)


def simple(number: Any, **more: Any) -> dict[str, Any]:
    """A Magento product with all that is required."""
    return {"id": number, "name": f"Name of {number}", "type": "simple", "price": "12.5", "special_price": "", "status": 1} | more


def oauth(**changed: Any) -> OAuth1:
    given = {
        "client_key": keys.MAGENTO_CONSUMER_KEY, "client_secret": keys.MAGENTO_CONSUMER_SECRET,
        "resource_owner_key": keys.MAGENTO_ACCESS_TOKEN, "resource_owner_secret": keys.MAGENTO_ACCESS_TOKEN_SECRET,
        "signature_method": "HMAC-SHA256",
    }
    return OAuth1(**(given | changed))


def magento(url: str, *products: Any, timeout: float = 10, path: str = "/magento/rest/V1/product/create/",
            **options: Any) -> requests.Response:
    """Send products, with OAuth unless told otherwise."""
    options.setdefault("json", {"product": {str(one["id"]): one for one in products}})
    if "auth" not in options and "Authorization" not in options.get("headers", {}):
        options["auth"] = oauth()
    return requests.post(f"{url}{path}", timeout=timeout, allow_redirects=False, **options)


def access_token(url: str, refresh_token: str = keys.FLICKROCKET_REFRESH_TOKEN) -> str:
    """An access token of FlickRocket; the refresh token is used up."""
    given = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": keys.FLICKROCKET_CLIENT_ID}
    return str(requests.post(f"{url}/flickrocket/token", data=given, timeout=5).json()["access_token"])


def flickrocket(url: str, access: str, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
    """Call a path below /flickrocket/."""
    return requests.request(method, f"{url}/flickrocket/{path}", json=body, params=query, timeout=10, allow_redirects=False,
                            headers={"Authorization": f"Bearer {access}"})
