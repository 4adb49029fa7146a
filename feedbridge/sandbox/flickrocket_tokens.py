"""FlickRocket's OAuth: authorizing, the exchange of refresh tokens, token info. Only digests of tokens are stored.

Source: developer.flickrocket.com, /en/rest-api/oauth/.
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

from feedbridge.sandbox.faults import Fault, chosen
from feedbridge.sandbox.keys import FLICKROCKET_COMPANY_ID, Secrets
from feedbridge.sandbox.outcome import Outcome
from feedbridge.sandbox.store import Transaction

__all__ = [
    "Call", "SCOPES", "TOKEN_SECONDS", "access_fault", "authorize", "exchange", "expire_access", "read", "refused",
    "revoke", "scopes_of", "token_info",
]

SCOPES = ("products", "customers", "orders", "themes", "files", "companies", "statistics", "webhooks", "users", "player")
"""The first seven are documented, the vendor's plugin asks for the others too."""
TOKEN_SECONDS = 1800
REVOKED = "revoked"


@dataclass(frozen=True)
class Call:
    """A call as it came; ``path`` is what follows ``/flickrocket/``."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    body: bytes = b""
    content_type: str = ""


def refused(status: int, message: str, action: str, **more: Any) -> Outcome:
    return Outcome(status, {"error": message, "error_code": -1, **more}, action, "refused", message=message)


def read(body: Any, action: str, items: int = 0) -> Outcome:
    return Outcome(200, body, action, "answered", items=items)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def known(tx: Transaction, token: str) -> tuple[float, str] | None:
    """When an access token ends, and its scopes; None when it is none of ours."""
    found = tx.rows("SELECT expires, scope FROM flickrocket_tokens WHERE digest = ? AND kind = 'access'", digest(token))
    return found[0] if found else None


def bearer(call: Call) -> str:
    scheme, _, token = call.authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else call.query.get("access_token", "")


def access_fault(tx: Transaction, call: Call, now: float) -> str:
    """Why a call's access token is not taken; empty when it is."""
    token = bearer(call)
    if not token:
        return "access_token required"
    found = known(tx, token)
    if found is None:
        return "invalid access_token"
    return "expired" if found[0] <= now else ""


def scopes_of(tx: Transaction, call: Call) -> frozenset[str]:
    """What a call's access token is good for."""
    found = known(tx, bearer(call))
    return frozenset(found[1].split(",")) if found else frozenset()


def new_refresh_token(tx: Transaction, scope: str) -> str:
    """A new refresh token, which takes the place of the one before."""
    token = random_text.token_urlsafe(32)
    tx.run("DELETE FROM flickrocket_tokens WHERE kind = 'refresh'")
    tx.run("INSERT INTO flickrocket_tokens VALUES (?, 'refresh', NULL, ?)", digest(token), scope)
    return token


def scope_of_refresh(tx: Transaction, token: str, secrets: Secrets) -> str | None:
    """The scopes of a refresh token that is good; None for any other. The published first one has all."""
    rows = tx.rows("SELECT digest, scope FROM flickrocket_tokens WHERE kind = 'refresh'")
    current, scope = rows[0] if rows else (digest(secrets.flickrocket_refresh_token), ",".join(SCOPES))
    return scope if hmac.compare_digest(current, digest(token)) else None


def revoke(tx: Transaction) -> None:
    """The owner takes the permission back: no token is good any more, not the published one either."""
    tx.run("DELETE FROM flickrocket_tokens WHERE kind IN ('refresh', 'access')")
    tx.run("INSERT INTO flickrocket_tokens VALUES (?, 'refresh', NULL, '')", REVOKED)


def expire_access(tx: Transaction, now: float) -> None:
    """All access tokens have ended."""
    tx.run("UPDATE flickrocket_tokens SET expires = ? WHERE kind = 'access'", now - 1)


def authorize(tx: Transaction, call: Call, secrets: Secrets) -> Outcome:
    """The page where the owner agrees; here everyone does. The code is the first refresh token."""
    action = "authorize"
    back = call.query.get("redirect_uri", "")
    if call.method != "GET":
        return refused(405, "method not allowed", action)
    if call.query.get("client_id") != secrets.flickrocket_client_id:
        return refused(400, "invalid client_id", action)
    scope = call.query.get("scope", "")
    if not re.fullmatch(r"[a-z]+(,[a-z]+)*", scope) or not set(scope.split(",")) <= set(SCOPES):
        return refused(400, "invalid scope", action)
    if call.query.get("access_type") != "offline":
        return refused(400, "invalid access_type", action)
    try:
        host = urlsplit(back).hostname or ""
    except ValueError:
        host = ""
    if not re.match(r"https?://", back) or host not in ("localhost", "127.0.0.1", "::1"):
        return refused(400, "redirect_uri is not registered", action)
    code = urlencode({"code": new_refresh_token(tx, scope), "companyid": FLICKROCKET_COMPANY_ID})
    joined = f"{back}{'&' if '?' in back else '?'}{code}"
    return Outcome(302, {}, action, "answered", headers={"Location": joined})


def exchange(tx: Transaction, call: Call, secrets: Secrets, now: float, faults: Sequence[Fault] = ()) -> Outcome:
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
    scope = scope_of_refresh(tx, given.get("refresh_token", ""), secrets)
    if scope is None:
        return refused(400, "invalid_grant", action)
    access = random_text.token_urlsafe(32)
    tx.run("DELETE FROM flickrocket_tokens WHERE kind = 'access' AND expires <= ?", now - TOKEN_SECONDS)
    tx.run("INSERT INTO flickrocket_tokens VALUES (?, 'access', ?, ?)", digest(access), now + TOKEN_SECONDS, scope)
    body: dict[str, Any] = {
        "access_token": access, "token_type": "bearer", "expires_in": TOKEN_SECONDS - 1,
        "refresh_token": new_refresh_token(tx, scope), "userName": "owner@example.com",
        ".issued": formatdate(now, usegmt=True), ".expires": formatdate(now + TOKEN_SECONDS, usegmt=True),
    }
    if (times := chosen(faults, "token-times")) != "dotted":
        issued, expires = body.pop(".issued"), body.pop(".expires")
        if times == "plain":
            body |= {"issued": issued, "expires": expires}
        if times == "none":
            del body["expires_in"]
    return Outcome(200, body, action, "answered", headers={"Cache-Control": "no-store"})


def token_info(tx: Transaction, call: Call, secrets: Secrets, now: float) -> Outcome:
    action = "tokeninfo"
    if call.method != "GET":
        return refused(405, "method not allowed", action)
    fault = access_fault(tx, call, now)
    if fault:
        return refused(400, fault, action)
    expires, scope = known(tx, bearer(call)) or (now, "")
    return read({"issued_to": secrets.flickrocket_client_id.partition(".")[0], "user_id": "owner@example.com",
                 "scope": scope, "expires_in": str(int(expires - now)), "access_type": "offline"}, action)
