"""Products to a Magento store: one signed call creates and updates, the answer is read item by item.

The call may be repeated: an id that exists is updated. There is no call that deletes, so what is gone is switched off.

Source: PrintXpand Custom API for Magento 2, "Simple: Multiple Products"; AdobeDocs/commerce-webapi, OAuth-based
authentication (docs/platforms/magento.md, sections 2, 3 and 5, M52 to M59; choices A2, A12, A14, A15, A16, A18).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

import msgspec
from pydantic import Field, model_validator

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.delivery import (
    Action,
    Answer,
    DeliverySettings,
    Item,
    Parcel,
    Rate,
    Reach,
    Verdict,
    Way,
    is_loopback,
    sandbox_base,
)
from feedbridge.platforms.magento.answer import ItemAnswer, Reached, parse_answer
from feedbridge.platforms.magento.payload import Configurable, Simple
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.platforms.magento.writer import CLOSING, OPENING

if TYPE_CHECKING:
    from feedbridge.platforms.http import Reply

__all__ = ["MagentoDelivery", "MagentoDeliverySettings"]

PATH = "/V1/product/create/"
SANDBOX_FOLDER = "/magento/rest"
USUAL_RATE = Rate(per_second=2)
"""Our guess: the store's documentation names none."""
LISTS = ("tier_price", "images", "custom_options")
"""Members an update can take away, by an empty list."""
ORDER = {name: place for place, name in enumerate(Simple.model_fields)}
MASK = "***"
_SHORTEST_MASKED = 4
_MOST_NOTES = 20
_CLEARING = sum(len(f',"{name}":[]') for name in LISTS)

OAUTH_KEYS = (
    "FEEDBRIDGE_MAGENTO_CONSUMER_KEY", "FEEDBRIDGE_MAGENTO_CONSUMER_SECRET", "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN",
    "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN_SECRET",
)
BEARER_KEYS = ("FEEDBRIDGE_MAGENTO_BEARER_TOKEN",)
SANDBOX_KEYS = dict(zip((*OAUTH_KEYS, *BEARER_KEYS), (
    "sandbox-consumer-key", "sandbox-consumer-secret", "sandbox-access-token", "sandbox-access-token-secret",
    "sandbox-bearer-token",
), strict=True))

_NOT_ALLOWED = {
    "oauth": "look at the four FEEDBRIDGE_MAGENTO_ keys, whether the integration is active and may change products, and "
             "whether this machine's clock is right",
    "bearer": "look at FEEDBRIDGE_MAGENTO_BEARER_TOKEN and whether it has run out; integration tokens work alone only "
              "where the store allows it (oauth/consumer/enable_integration_as_bearer), else set auth: oauth",
}
_NO_ROUTE = "look at endpoint: many stores need /rest at its end; and whether the store has the Custom API installed"
_NOT_KNOWN = "whether the store took these products is not known; sending them again does no harm"
_TOO_LARGE = "lower batch_products or batch_bytes of the target"
_UNKNOWN_STATUS = frozenset({408, 499})
_WAIT_STATUS = frozenset({425, 429})
_SIGNATURE = re.compile(r'(oauth_signature=\\*"?)[^"\\,&\s]+')


class MagentoDeliverySettings(DeliverySettings):
    """What a job's Magento target says about delivery. ``endpoint`` is the store's address, with ``/rest`` at its end
    where the store needs it; ``/V1/product/create/`` is put behind it."""

    keys = (*OAUTH_KEYS, *BEARER_KEYS)
    own_address = True

    auth: Literal["oauth", "bearer"] = "oauth"
    """``oauth``: OAuth 1.0a with the integration's four keys; ``bearer``: one token, which a store may not take."""
    omitted: Literal["disable", "keep"] = "disable"
    """What becomes of products that are gone from the feed: switched off (status 0), or left for a person."""
    batch_products: Annotated[int, Field(ge=0)] = 100
    """Most products in one call; 0: no limit."""
    batch_bytes: Annotated[int, Field(ge=0)] = 8_000_000
    """Most bytes in one call; 0: no limit. A single product above it goes alone."""

    def needed_keys(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        return () if self.sandbox else OAUTH_KEYS if self.auth == "oauth" else BEARER_KEYS

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if self.endpoint is None and not self.sandbox:
            raise ValueError("endpoint is missing: the store's address, as https://shop.example/rest (or sandbox: true)")
        return self


class MagentoDelivery:
    """One store. Raises CommandError when made with wrong settings or without keys."""

    upserts = True
    folds_case = True
    """A store takes SKUs that differ in case only for one (M16)."""
    deletes: Literal["delete", "disable", "by hand"]

    def __init__(
        self, delivery_settings: MagentoDeliverySettings, settings: MagentoSettings, environment: Mapping[str, str]
    ) -> None:
        self._delivery = delivery_settings
        self._url = _url(delivery_settings, environment)
        self._keys = _Keys(delivery_settings.auth, SANDBOX_KEYS if delivery_settings.sandbox else environment)
        self.place = self._url
        self.account = hashlib.sha256(f"{self._url}\n{self._keys.account}".encode()).hexdigest()
        self.rate = _rate(delivery_settings.rate, is_loopback(urlsplit(self._url).hostname or ""))
        self.deletes = "disable" if delivery_settings.omitted == "disable" else "by hand"
        self.lists = {"tier_price": "qty", "images": "src", "custom_options": "title", "values": "title"}
        from feedbridge.platforms.http import Http  # requests takes a while to load; conversions need none of it

        self._http = Http(delivery_settings.connect_seconds, delivery_settings.answer_seconds)

    def items(self, outcome: Outcome, sku: str) -> list[Item]:
        """Each entry is an item of its own: its key is the id, its body the object behind it, byte for byte."""
        entries = msgspec.json.decode(b"{" + outcome.body + b"}", type=dict[str, msgspec.Raw])
        return [Item(key, bytes(raw)) for key, raw in entries.items()]

    def codes(self, body: bytes) -> frozenset[str]:
        """The id."""
        identity = _parsed(body).get("id")
        return frozenset() if identity is None else frozenset({str(identity)})

    def change(self, parcel: Parcel) -> Way:
        """An update. Lists that are gone are emptied; of other members the store keeps what it has (A12)."""
        before, now = _parsed(parcel.before), _parsed(parcel.body)
        if before == now:
            return Way("same")
        emptied = _emptied(before, now)
        kept = [name for name, value in before.items() if value not in ("", []) and name not in now and name not in emptied]
        if not kept:
            return Way("update")
        return Way(
            "update", f"gone from the product, but the store keeps the {' and the '.join(kept)} it has",
            "take it away in the store, or give the feed a value", "magento.A12",
        )

    def batches(self, action: Action, parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
        """Calls of at most ``batch_products`` and ``batch_bytes``."""
        most_products, most_bytes = self._delivery.batch_products, self._delivery.batch_bytes
        envelope = len(OPENING) + len(CLOSING)
        batch: list[Parcel] = []
        size = envelope
        for parcel in parcels:
            body = (parcel.before or parcel.body) if action == "delete" else parcel.body
            needed = len(msgspec.json.encode(parcel.key)) + len(body) + _CLEARING + 2
            if batch and (
                (most_products and len(batch) >= most_products) or (most_bytes and size + needed > most_bytes)
            ):
                yield batch
                batch, size = [], envelope
            batch.append(parcel)
            size += needed
        if batch:
            yield batch

    def send(self, action: Action, parcels: Sequence[Parcel]) -> Answer:
        """Make one call. A deletion is the last body with status 0."""
        from feedbridge.platforms.http import Lost, Unsent

        if action == "delete" and self.deletes != "disable":
            kept = Verdict("failed", "the API deletes nothing, and omitted: keep leaves switching off to a person")
            return Answer(Reach.ANSWERED, {parcel.key: kept for parcel in parcels})
        bodies = {parcel.key: _switched_off(parcel) if action == "delete" else _sent(parcel) for parcel in parcels}
        entries = [msgspec.json.encode(key) + b":" + body for key, body in bodies.items() if body]
        unsent = {
            key: Verdict("failed", "what the store has of it is not known, so it cannot be switched off")
            for key, body in bodies.items() if not body
        }
        if not entries:
            return Answer(Reach.ANSWERED, unsent)
        hidden = self._keys.hidden
        try:
            reply = self._http.post(
                self._url, headers={
                    "Content-Type": "application/json", "Accept": "application/json", **self._keys.headers(),
                },
                data=OPENING + b",".join(entries) + CLOSING, auth=self._keys.signing(),
            )
        except Unsent as exc:
            if self._delivery.sandbox:  # nothing is to be waited for on this machine
                return Answer(Reach.STOP, message=hidden(exc.reason), mend="start it: feedbridge sandbox")
            return Answer(Reach.UNSENT, message=hidden(exc.reason), mend=exc.mend)
        except Lost as exc:
            return Answer(Reach.UNKNOWN, message=hidden(exc.reason), mend=_NOT_KNOWN)
        sent = [key for key in bodies if key not in unsent]
        answer = self._read(reply, sent)
        return msgspec.structs.replace(answer, items=answer.items | unsent) if answer.items else answer

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _read(self, reply: Reply, sent: Sequence[str]) -> Answer:
        """What the store says. Item by item it decides whatever the HTTP status is (A14), save "too many calls"."""
        from feedbridge.platforms.http import retry_after_seconds

        status = reply.status
        answer = parse_answer(self._keys.without(reply.body), sent, status)
        wait_seconds = retry_after_seconds(reply.headers)
        if status not in _WAIT_STATUS and answer.reached is Reached.ITEMS and (
            status < 300 or answer.items or answer.unknown or answer.unreadable
        ):
            return self._by_item(answer.items, answer.unanswered, answer.unknown, answer.unreadable, status)

        said = self._keys.hidden(answer.message)
        words = f"the store answered with HTTP status {status}" + (f": {said}" if said else "")

        def told(reach: Reach, mend: str) -> Answer:
            return Answer(reach, message=words, mend=mend, wait_seconds=wait_seconds, http_status=status)

        if status in _WAIT_STATUS:
            return told(Reach.WAIT, "nothing to mend: the store asks to come again later")
        if 300 <= status < 400:
            words = f"the store answered with HTTP status {status}: its address has moved{self._elsewhere(reply)}"
            return told(Reach.STOP, "set endpoint to the store's present address")
        if status in (401, 403):
            return told(Reach.STOP, _NOT_ALLOWED[self._delivery.auth])
        if status in (404, 405, 406):
            return told(Reach.STOP, _NO_ROUTE)
        if status == 407:
            return told(Reach.STOP, "look at the proxy of the environment (HTTPS_PROXY)")
        if status == 413:
            return told(Reach.REFUSED, _TOO_LARGE)
        if 400 <= status < 500 and status not in _UNKNOWN_STATUS and answer.reached is Reached.REFUSED:
            return told(Reach.REFUSED, "mend what the store names")
        return told(Reach.UNKNOWN, _NOT_KNOWN)

    def _by_item(
        self, items: Sequence[ItemAnswer], unanswered: Sequence[str], unknown: Sequence[ItemAnswer],
        unreadable: Sequence[str], status: int,
    ) -> Answer:
        hidden = self._keys.hidden
        verdicts = {}
        for item in items:
            if item.ok:
                verdicts[item.id] = Verdict("taken")
            else:
                silent = f'the store says "{item.status}" with code {item.code}, and no more'
                verdicts[item.id] = Verdict("failed", hidden(item.message if item.message.strip() else silent))
        verdicts |= {key: Verdict("unknown", "was not answered") for key in unanswered}
        notes = [f"answered {item.id}, which was not sent: {item.message}" for item in unknown]
        notes += [f"cannot be read: {text}" for text in unreadable]
        more = len(notes) - _MOST_NOTES
        notes = [hidden(note) for note in notes[:_MOST_NOTES]] + ([f"and {more} more"] if more > 0 else [])
        failed = any(verdict.state == "failed" for verdict in verdicts.values())
        return Answer(
            Reach.ANSWERED, verdicts, mend="mend what the store names" if failed else "", notes=tuple(notes),
            http_status=status,
        )

    def _elsewhere(self, reply: Reply) -> str:
        """Where to, without a query or a login."""
        try:
            parts = urlsplit(reply.headers.get("Location") or "")
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return ""
        target = urlunsplit((parts.scheme, (parts.hostname or "") + port, parts.path, "", ""))
        return f" to {self._keys.hidden(target)}" if target else ""


class _Keys:
    """The store's keys; they show themselves nowhere and cannot be pickled. Raises CommandError when one is missing."""

    __slots__ = ("_auth", "_forms", "_values", "account")

    def __init__(self, auth: Literal["oauth", "bearer"], environment: Mapping[str, str]) -> None:
        names = OAUTH_KEYS if auth == "oauth" else BEARER_KEYS
        values = [environment.get(name, "").strip() for name in names]
        missing = [name for name, value in zip(names, values, strict=True) if not value]
        if missing:
            other = (
                "" if auth == "bearer" or not environment.get(BEARER_KEYS[0]) else
                f"; {BEARER_KEYS[0]} is set and used with auth: bearer only"
            )
            raise CommandError(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set{other}", where="magento",
                code="magento.M58",
                mend="set the environment variables to the integration's keys, or set sandbox: true on the target to try "
                     "it on this machine",
            )
        for name, value in zip(names, values, strict=True):
            if not value.isascii() or not value.isprintable() or " " in value:
                raise CommandError(
                    f"{name} holds a blank or a character that is not ASCII", where="magento", code="magento.M58",
                    mend="copy it again from the store's integration",
                )
        self._auth = auth
        self._values = values
        self.account = hashlib.sha256(values[0].encode()).hexdigest()
        masked = sorted((value for value in values if len(value) >= _SHORTEST_MASKED), key=len, reverse=True)
        self._forms = re.compile("|".join(_any_form(value) for value in masked) or "(?!)")
        for name in ("requests_oauthlib", "oauthlib"):  # at DEBUG they log tokens and signatures
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.INFO))

    def __repr__(self) -> str:
        return "Keys(…)"

    def __reduce__(self) -> Any:
        raise TypeError("keys stay in their process")

    def headers(self) -> dict[str, str]:
        """The header of a Bearer token; none when requests are signed."""
        return {"Authorization": f"Bearer {self._values[0]}"} if self._auth == "bearer" else {}

    def signing(self) -> Any:
        """What signs a request: OAuth 1.0a, HMAC-SHA256, in the header; the JSON body is not part of it (M58)."""
        if self._auth == "bearer":
            return None
        from requests_oauthlib import OAuth1

        consumer_key, consumer_secret, access_token, access_token_secret = self._values
        return OAuth1(
            consumer_key, consumer_secret, access_token, access_token_secret, signature_method="HMAC-SHA256",
            signature_type="AUTH_HEADER",
        )

    def without(self, body: bytes) -> bytes:
        """An answer without keys, before anything of it is cut."""
        return self._forms.sub(MASK, body.decode("latin-1")).encode("latin-1")

    def hidden(self, text: str) -> str:
        """Words of the store, cut, without keys and signature."""
        return cut(_SIGNATURE.sub(rf"\g<1>{MASK}", self._forms.sub(MASK, text)))


def _any_form(value: str) -> str:
    """Pattern of a key as it is, percent-encoded, or escaped in JSON, also more than once."""
    return "".join(
        char if char.isalnum() else rf"\\*(?:{re.escape(char)}|(?:%|u00){ord(char):02x}|(?:%|u00){ord(char):02X})"
        for char in value
    )


def _url(delivery_settings: MagentoDeliverySettings, environment: Mapping[str, str]) -> str:
    """Where calls go, in one form: with or without a slash at its end, it is the same place."""
    if delivery_settings.sandbox:
        return sandbox_base(environment, "magento", "magento.A16") + SANDBOX_FOLDER + PATH
    endpoint = delivery_settings.endpoint
    assert endpoint is not None  # the settings have seen to it
    parts = urlsplit(endpoint)
    if parts.query or parts.fragment:
        raise CommandError(
            "the endpoint has a query or a fragment", where="magento.endpoint", code="magento.A16",
            mend="give the store's address alone, as https://shop.example/rest",
        )
    path = parts.path.rstrip("/").removesuffix(PATH.rstrip("/")).rstrip("/") + PATH
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, "", ""))


def _rate(asked: Rate | Literal["off"] | None, loopback: bool) -> Rate:
    if asked is None:
        return USUAL_RATE
    given = Rate() if asked == "off" else asked
    if not loopback and not given.per_second and not given.per_minute:
        raise CommandError(
            "calls without a limit are for this machine only", where="magento.rate", code="magento.rate",
            mend=f"leave rate out ({USUAL_RATE.per_second:g} calls a second), or name per_second or per_minute",
        )
    return given


def _parsed(body: bytes) -> dict[str, Any]:
    """A body with its numbers by value (``12.50`` is ``12.5``); empty when it is none."""
    try:
        found = json.loads(body, parse_float=Decimal) if body else {}
    except (ValueError, RecursionError, ArithmeticError):
        return {}
    return found if isinstance(found, dict) else {}


def _emptied(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Lists that were there, are gone, and have a place in a product of this type."""
    allowed = Configurable.model_fields if now.get("type") == "configurable" else Simple.model_fields
    return [name for name in LISTS if before.get(name) and name not in now and name in allowed]


def _sent(parcel: Parcel) -> bytes:
    """The feed's body, byte for byte; where lists are gone, they stand in it empty."""
    if not parcel.before:
        return parcel.body
    emptied = _emptied(_parsed(parcel.before), _parsed(parcel.body))
    return _with_members(parcel.body, {name: b"[]" for name in emptied}) if emptied else parcel.body


def _switched_off(parcel: Parcel) -> bytes:
    """The last body with status 0, all else as it was; empty when it is not known."""
    body = parcel.before or parcel.body
    return _with_members(body, {"status": b"0"}) if _parsed(body) else b""


def _with_members(body: bytes, members: Mapping[str, bytes]) -> bytes:
    """A body with members replaced, or put in, in the order of the vendor's page (A18); the others byte for byte."""
    found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    in_order = members.keys() <= found.keys()
    found |= {name: msgspec.Raw(raw) for name, raw in members.items()}
    if not in_order:
        found = {name: found[name] for name in sorted(found, key=lambda name: ORDER.get(name, len(ORDER)))}
    return msgspec.json.encode(found)
