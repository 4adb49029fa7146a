"""FlickRocket's REST API, as far as feedbridge meets it: the OAuth token exchange; products, prices, licences and
categories to read.

Source: developer.flickrocket.com, /en/rest-api/oauth/ and /en/rest-api/api-reference/. What these leave open, and how
the sandbox reads it: docs/sandbox.md.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets as random_text
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode, urlsplit

from feedbridge.sandbox.flickrocket_seed import SEED
from feedbridge.sandbox.keys import FLICKROCKET_COMPANY_ID, Secrets
from feedbridge.sandbox.outcome import Outcome
from feedbridge.sandbox.store import Transaction

__all__ = ["Call", "RESOURCES", "answer", "seeded"]

RESOURCES = ("products", "categories", "prices", "licenses")
SINGULAR = {"products": "product", "categories": "category", "prices": "price", "licenses": "license"}
COUNTED = ("products", "categories", "prices")
PAGE_SIZE = 50
TOKEN_SECONDS = 1800
QUERY_FIELDS = ("version", "title", "comment", "product_id", "product_type")


@dataclass(frozen=True)
class Call:
    """A call as it came; ``path`` is what follows ``/flickrocket/``."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""


def seeded(tx: Transaction, now: float) -> None:
    """The shop the sandbox begins with, unless there is one."""
    if not tx.rows("SELECT 1 FROM flickrocket_tokens WHERE kind = 'seeded'"):
        tx.run("INSERT INTO flickrocket_tokens VALUES ('seeded', 'seeded', NULL)")
        for resource, things in SEED.items():
            tx.put_flickrocket(resource, things, now)


def answer(tx: Transaction, call: Call, *, secrets: Secrets, now: float) -> Outcome:
    """Check a call and answer it."""
    seeded(tx, now)
    if call.path == "oauth2/auth":
        return authorize(tx, call, secrets)
    if call.path == "token":
        return exchange(tx, call, secrets, now)
    if call.path == "api/tokeninfo":
        return token_info(tx, call, secrets, now)
    action = f"{call.method} {call.path}"
    token = bearer(call)
    if not token:
        return refused(401, "access_token required", action)
    expires = known(tx, token, "access")
    if expires is None:
        return refused(401, "invalid access_token", action)
    if expires <= now:
        return refused(401, "expired", action)
    return resource_answer(tx, call, action)


def refused(status: int, message: str, action: str, **more: Any) -> Outcome:
    return Outcome(status, {"error": message, "error_code": -1, **more}, action, "refused", message=message)


def read(body: Any, action: str, items: int = 0) -> Outcome:
    return Outcome(200, body, action, "answered", items=items)


# Tokens: only their digests are stored.


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def known(tx: Transaction, token: str, kind: str) -> float | None:
    """When a token ends; None when it is none of ours."""
    found = tx.rows("SELECT expires FROM flickrocket_tokens WHERE digest = ? AND kind = ?", digest(token), kind)
    return found[0][0] if found else None


def bearer(call: Call) -> str:
    scheme, _, token = call.authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else call.query.get("access_token", "")


def new_refresh_token(tx: Transaction) -> str:
    """A new refresh token, which takes the place of the one before."""
    token = random_text.token_urlsafe(32)
    tx.run("DELETE FROM flickrocket_tokens WHERE kind = 'refresh'")
    tx.run("INSERT INTO flickrocket_tokens VALUES (?, 'refresh', NULL)", digest(token))
    return token


def is_refresh_token(tx: Transaction, token: str, secrets: Secrets) -> bool:
    rows = tx.rows("SELECT digest FROM flickrocket_tokens WHERE kind = 'refresh'")
    current = rows[0][0] if rows else digest(secrets.flickrocket_refresh_token)
    return hmac.compare_digest(current, digest(token))


def authorize(tx: Transaction, call: Call, secrets: Secrets) -> Outcome:
    """The page where the owner agrees; here everyone does. The code is the first refresh token."""
    action = "authorize"
    back = call.query.get("redirect_uri", "")
    if call.method != "GET":
        return refused(405, "method not allowed", action)
    if call.query.get("client_id") != secrets.flickrocket_client_id:
        return refused(400, "invalid client_id", action)
    if not re.fullmatch(r"[a-z]+(,[a-z]+)*", call.query.get("scope", "")):
        return refused(400, "invalid scope", action)
    if call.query.get("access_type") != "offline":
        return refused(400, "invalid access_type", action)
    try:
        host = urlsplit(back).hostname or ""
    except ValueError:
        host = ""
    if not re.match(r"https?://", back) or host not in ("localhost", "127.0.0.1", "::1"):
        return refused(400, "redirect_uri is not registered", action)
    code = urlencode({"code": new_refresh_token(tx), "companyid": FLICKROCKET_COMPANY_ID})
    joined = f"{back}{'&' if '?' in back else '?'}{code}"
    return Outcome(302, {}, action, "answered", headers={"Location": joined})


def exchange(tx: Transaction, call: Call, secrets: Secrets, now: float) -> Outcome:
    """A refresh token for an access token and the next refresh token; the old one is dead from then on."""
    action = "token"
    if call.method != "POST":
        return refused(405, "method not allowed", action)
    given = {**call.query, **call.form}
    if any(secrets.flickrocket_app_secret in value for value in given.values()):
        return refused(400, "the shared secret is not part of the exchange", action)
    if given.get("grant_type") != "refresh_token":
        return refused(400, "unsupported_grant_type", action)
    if given.get("client_id") != secrets.flickrocket_client_id:
        return refused(400, "invalid_client", action)
    if not is_refresh_token(tx, given.get("refresh_token", ""), secrets):
        return refused(400, "invalid_grant", action)
    access = random_text.token_urlsafe(32)
    tx.run("DELETE FROM flickrocket_tokens WHERE kind = 'access' AND expires <= ?", now)
    tx.run("INSERT INTO flickrocket_tokens VALUES (?, 'access', ?)", digest(access), now + TOKEN_SECONDS)
    body = {
        "access_token": access, "token_type": "bearer", "expires_in": TOKEN_SECONDS - 1,
        "refresh_token": new_refresh_token(tx), "userName": "owner@example.com",
        ".issued": formatdate(now, usegmt=True), ".expires": formatdate(now + TOKEN_SECONDS, usegmt=True),
    }
    return Outcome(200, body, action, "answered", headers={"Cache-Control": "no-store"})


def token_info(tx: Transaction, call: Call, secrets: Secrets, now: float) -> Outcome:
    action = "tokeninfo"
    token = call.query.get("access_token", "")
    if not token:
        return refused(400, "access_token required", action)
    expires = known(tx, token, "access")
    if expires is None:
        return refused(400, "invalid access_token", action)
    if expires <= now:
        return refused(400, "expired", action)
    return read({"issued_to": secrets.flickrocket_client_id.partition(".")[0], "user_id": "owner@example.com",
                 "scope": "products,orders", "expires_in": str(int(expires - now)), "access_type": "offline"}, action)


# Resources.


def resource_answer(tx: Transaction, call: Call, action: str) -> Outcome:
    """A list, a count, or one thing."""
    match = re.fullmatch(r"api/(?P<name>[a-z]+)(?:/(?P<rest>[^/]+))?\.json", call.path)
    if match is None or match["name"] not in RESOURCES:
        return refused(404, "not found", action)
    if call.method != "GET":
        return refused(405, "the sandbox offers this to read only", action)
    name, rest = match["name"], match["rest"]
    things = tx.flickrocket_things(name)
    if name == "products" and "query" in call.query:
        wanted, colon, value = call.query["query"].partition(":")
        if not colon or wanted not in QUERY_FIELDS:
            return refused(400, "invalid query", action)
        things = [one for one in things if str(one.get(wanted, "")).casefold() == value.casefold()]
    if rest == "count" and name in COUNTED:
        return read({"count": len(things)}, action)
    if rest is not None:
        thing = next((one for one in things if str(one["id"]) == rest), None)
        return refused(404, "not found", action) if thing is None else read(
            {SINGULAR[name]: narrowed(thing, call)}, action, 1)
    number = call.query.get("Page", "1")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        return refused(400, "invalid Page", action)
    start = (int(number) - 1) * PAGE_SIZE
    return read(listed(name, [narrowed(one, call) for one in things[start : start + PAGE_SIZE]]), action,
                len(things[start : start + PAGE_SIZE]))


def listed(name: str, things: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A list by its plural name; a single hit stands under the singular one, as the vendor's plugin has to expect."""
    return {SINGULAR[name]: things[0]} if len(things) == 1 else {name: list(things)}


def narrowed(thing: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """The members that ``fields`` names, else all."""
    wanted = call.query.get("fields")
    return dict(thing) if wanted is None else {name: thing[name] for name in wanted.split(",") if name in thing}
