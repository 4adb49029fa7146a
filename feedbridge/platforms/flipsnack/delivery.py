"""Products to Flipsnack: signed calls out, answers read as tolerantly as they are documented.

Source: developers.flipsnack.com, /products/create, /products/update, /products/delete, /api-status-codes and
/api-limitations (docs/platforms/flipsnack.md, sections 7 to 9; choices A3, A13, A14, A15, A19, A20, A22, A23).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from feedbridge.errors import CommandError
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
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.flipsnack.signing import (
    ENDPOINT,
    Credentials,
    create_request,
    credentials,
    delete_request,
    request_overhead,
    source_hash,
)

if TYPE_CHECKING:
    from feedbridge.platforms.http import Reply

__all__ = ["FlipsnackDelivery", "FlipsnackDeliverySettings"]

SANDBOX_KEYS = Credentials("KEY-0001", "SECRET-0001")
USUAL_RATE = Rate(per_second=0.5, per_minute=30)  # A22
MOST_RATE = Rate(per_second=5, per_minute=60)  # F20
MASK = "***"
_SHORTEST_MASKED = 4
_NAMES_SHOWN = 8
_ENTRIES_READ = 10_000
_TEXT_READ = 10_000
_MESSAGE_CHARS = 600

_KEY = "FEEDBRIDGE_FLIPSNACK_API_KEY"
_SECRET = "FEEDBRIDGE_FLIPSNACK_API_SECRET"
_TAKEN = frozenset({200, 20})
_WAIT = frozenset({22, 31, 32})
_STOP: dict[int, str] = {
    30: "a request was built wrongly: update feedbridge, or report this",
    40: "the address does not take product calls this way: look at endpoint, a proxy may change the request",
    41: f"the API key is not valid: look at {_KEY} and the account's API settings",
    42: "the address does not know product calls: look at endpoint, and whether the account may use the product API",
    43: "the feed is not this account's, or was deleted: look at source_hash and whose keys these are",
    44: f"the signature does not match: look at {_SECRET}, it must belong to the API key",
    51: "lower batch_products in the target's settings: the account takes fewer products in a call",
    401: f"the account may not do this: look at {_KEY}, {_SECRET} and the account's plan",
}
_REFUSED_STATUS = frozenset({400, 413, 414, 415, 422, 431})
_WAIT_STATUS = frozenset({425, 429})
_UNKNOWN_STATUS = frozenset({408, 499})
_NOT_HERE = frozenset({401, 403, 404, 405, 407, 410})
_DOCUMENTED = frozenset({*range(20, 52), 200, 400, 401})

_NAMING = ("sku", "productsku", "product_sku", "productcode", "product_code", "variantsku", "variant_sku",
           "variantcode", "variant_code", "product", "productid", "product_id", "item", "code")
_TELLING = ("message", "messages", "error", "msg", "description", "reason", "detail", "details", "text", "title")
_INTRODUCED = re.compile(r"(?i)\b(?:sku|code|product|products|item|variant)s?\s*[:=#]?\s*$")
_QUOTES = "\"'`´‘’‚“”„«»‹›[]()<>"
_JOINERS = "-_./+&"
_RUN = re.compile(r"[^\W_]+")
_SUCCESS = re.compile(r"(?i)success")
_FAILURE = re.compile(r"(?i)\bnot\b|n't\b|unsuccess|fail|error|invalid|missing|without|duplicate|already")


class FlipsnackDeliverySettings(DeliverySettings):
    """What a job's Flipsnack target says about delivery."""

    keys = ("FEEDBRIDGE_FLIPSNACK_API_KEY", "FEEDBRIDGE_FLIPSNACK_API_SECRET")

    cleared: Literal["replace", "keep"] = "replace"
    """What becomes of fields and variants that are gone from a product. An update leaves as it was what it does not name
    (A19), so ``replace`` deletes the product and creates it anew; ``keep`` updates it and says what stays."""


class FlipsnackDelivery:
    """One Flipsnack feed. Raises CommandError when made with wrong settings or without keys."""

    upserts = False
    deletes: Literal["delete", "disable", "by hand"] = "delete"

    def __init__(
        self, delivery_settings: FlipsnackDeliverySettings, settings: FlipsnackSettings,
        environment: Mapping[str, str],
    ) -> None:
        self._endpoint = _endpoint(delivery_settings, environment)
        self._in_sandbox = delivery_settings.sandbox
        self._keys = SANDBOX_KEYS if delivery_settings.sandbox else _credentials(environment)
        self.lists = {"variants": "code"}
        self._settings = settings
        self._keeps = delivery_settings.cleared == "keep"
        self._loopback = is_loopback(urlsplit(self._endpoint).hostname or "")
        self.rate = _rate(delivery_settings.rate, self._loopback)
        shown = _shown_place(self._endpoint)
        self.place = f"{shown} sourceHash {source_hash(settings)}"
        self.account = hashlib.sha256(f"{shown}\n{self._keys.api_key}".encode()).hexdigest()
        create_request("[]", settings, self._keys.api_key, self._keys.secret)  # unusable keys show now
        from feedbridge.platforms.http import Http  # requests takes a while to load; conversions need none of it

        self._http = Http(delivery_settings.connect_seconds, delivery_settings.answer_seconds)

    def items(self, outcome: Outcome, sku: str) -> list[Item]:
        """A product is one item, its variants inside."""
        return [Item(outcome.keys[0], outcome.body)]

    def codes(self, body: bytes) -> frozenset[str]:
        """The product's code and its variants': one namespace in a feed (A17)."""
        return frozenset(_codes(_parsed(body)))

    def change(self, parcel: Parcel) -> Way:
        """An update, or a replacement where something is gone that an update would leave as it was."""
        before, now = _parsed(parcel.before), _parsed(parcel.body)
        if before == now:
            return Way("same")
        gone = list(_gone(before, now)) if isinstance(before, dict) else ["what it has"]
        if not gone:
            return Way("update")
        if not self._keeps:
            return Way("replace")
        shown = ", ".join(gone[:_NAMES_SHOWN])
        more = f" and {len(gone) - _NAMES_SHOWN} more" if len(gone) > _NAMES_SHOWN else ""
        return Way(
            "update", f"gone from the product, but an update leaves as it was: {shown}{more}",
            "set cleared: replace on the target to have the product deleted and created anew, or mend it at Flipsnack",
            "flipsnack.A19",
        )

    def batches(self, action: Action, parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
        """Calls of at most ``batch_products`` products whose whole body stays within ``batch_bytes``; a product too big
        for that goes alone."""
        settings = self._settings
        # Room for "[]", and for the name productsSKU, which is longer than products.
        room = settings.batch_bytes - request_overhead(settings) - 8
        batch: list[Parcel] = []
        size = 0
        for parcel in parcels:
            needed = (len(json.dumps(parcel.key)) if action == "delete" else len(parcel.body)) + 1
            if batch and (len(batch) >= settings.batch_products or size + needed > room):
                yield batch
                batch, size = [], 0
            batch.append(parcel)
            size += needed
        if batch:
            yield batch

    def send(self, action: Action, parcels: Sequence[Parcel]) -> Answer:
        """Make one call. The fields are signed with their raw values, and these same texts are sent (A2)."""
        from feedbridge.platforms.http import Lost, Unsent

        keys = self._keys
        if action == "delete":
            fields = delete_request([parcel.key for parcel in parcels], self._settings, keys.api_key, keys.secret)
        else:
            text = b"[" + b",".join(parcel.body for parcel in parcels) + b"]"
            name: Literal["products.create", "products.update"] = (
                "products.create" if action == "create" else "products.update"
            )
            fields = create_request(text.decode(), self._settings, keys.api_key, keys.secret, action=name)
        hidden = _Hidden((keys.secret, keys.api_key, fields["signature"]))
        spelt = (keys.secret, json.dumps(keys.secret)[1:-1])
        if len(keys.secret) >= _SHORTEST_MASKED and any(one in value for one in spelt for value in fields.values()):
            return Answer(
                Reach.REFUSED, message="the API secret stands in a product's text; it must never be sent",
                mend="take the secret out of the source, and have a new one made",
            )
        try:
            reply = self._http.post(
                self._endpoint, headers={"Accept": "application/json"},
                files={name: (None, value.encode()) for name, value in fields.items()},
            )
        except Unsent as exc:
            if self._in_sandbox:  # nothing is to be waited for on this machine
                return Answer(Reach.STOP, message=hidden(exc.reason), mend="start it: feedbridge sandbox")
            return Answer(Reach.UNSENT, message=hidden(exc.reason), mend=exc.mend)
        except Lost as exc:
            return Answer(
                Reach.UNKNOWN, message=hidden(exc.reason),
                mend="whether Flipsnack took these products is not known; the next run finds out",
            )
        try:
            return _Reading(reply, parcels, hidden).answer()
        except RecursionError:  # an answer so deep that it parses, but cannot be walked
            return Answer(
                Reach.UNKNOWN, message=f"HTTP status {reply.status}, and an answer nested too deeply to read",
                mend="whether Flipsnack took these products is not known; the next run finds out",
                http_status=reply.status,
            )

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()


def _endpoint(delivery_settings: FlipsnackDeliverySettings, environment: Mapping[str, str]) -> str:
    if delivery_settings.sandbox:
        return f"{sandbox_base(environment, 'flipsnack', 'flipsnack.F1')}/flipsnack/v1/"
    endpoint = delivery_settings.endpoint or ENDPOINT
    parts = urlsplit(endpoint)
    if parts.query or parts.fragment:
        raise CommandError(
            "the endpoint has a query or a fragment", where="flipsnack.endpoint", code="flipsnack.F1",
            mend=f"give the address alone, as {ENDPOINT}",
        )
    if (parts.hostname or "").rstrip(".") == "upload.flipsnack.com":
        raise CommandError(
            "upload.flipsnack.com takes files only, no products", where="flipsnack.endpoint", code="flipsnack.F1",
            mend=f"leave endpoint out, or set it to {ENDPOINT}",
        )
    return endpoint


def _shown_place(endpoint: str) -> str:
    """The address in one form: with or without a slash at its end, and in any case of the host, it is the same place."""
    parts = urlsplit(endpoint)
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/") + "/", "", ""))


def _credentials(environment: Mapping[str, str]) -> Credentials:
    try:
        return credentials(environment)
    except CommandError as exc:
        raise CommandError(
            exc.message, where=exc.where, code=exc.code,
            mend=f"set {_KEY} and {_SECRET} to the keys of the account's API settings, "
                 "or set sandbox: true on the target to try it on this machine",
        ) from None


def _rate(asked: Rate | Literal["off"] | None, loopback: bool) -> Rate:
    """The calls allowed. Of a rate that names one bound only, the other is the most Flipsnack allows."""
    if asked is None:
        return USUAL_RATE
    if asked == "off":
        if loopback:
            return Rate()
        raise CommandError(
            "rate: off is for this machine only", where="flipsnack.rate", code="flipsnack.F20",
            mend=f"leave rate out, or allow at most {MOST_RATE.per_second:g} calls a second "
                 f"and {MOST_RATE.per_minute:g} a minute",
        )
    if loopback:
        return asked
    bounds = MOST_RATE.model_dump() | asked.model_dump(include=asked.model_fields_set)
    for name, most in MOST_RATE.model_dump().items():
        if not 0 < bounds[name] <= most:
            raise CommandError(
                f"{name} is {bounds[name]:g}{' (no limit)' if not bounds[name] else ''}; "
                f"Flipsnack takes at most {most:g} calls {name.replace('_', ' ').replace('per', 'a')}",
                where=f"flipsnack.rate.{name}", code="flipsnack.F20", mend=f"set it to {most:g} or less, or leave it out",
            )
    return Rate(**bounds)


def _parsed(body: bytes) -> Any:
    """A body as Python has it, numbers by their value (``12.50`` is ``12.5``); None when it is none."""
    try:
        return json.loads(body, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        return None


def _codes(product: Any) -> Iterator[str]:
    """The code of a product first, then those of its variants."""
    if not isinstance(product, dict):
        return
    variants = product.get("variants")
    for one in (product, *(variants if isinstance(variants, list) else ())):
        if isinstance(one, dict) and isinstance(one.get("code"), str):
            yield one["code"]


def _gone(before: Any, now: Any, path: str = "") -> Iterator[str]:
    """Paths of what was there and is no longer; variants go by their code.

    >>> list(_gone({"a": 1, "b": {"c": 1, "d": 2}, "variants": [{"code": "S"}]}, {"a": 2, "b": {"d": 2}}))
    ['b.c', 'variants[S]']
    """
    if isinstance(before, list) and _by_code(before) is not None:
        left = (_by_code(now) if isinstance(now, list) else None) or {}
        for code, one in (_by_code(before) or {}).items():
            if code not in left:
                yield f"{path}[{code}]"
            else:
                yield from _gone(one, left[code], f"{path}[{code}]")
    elif isinstance(before, list):
        if not isinstance(now, list) or any(one not in now for one in before):
            yield path
    elif isinstance(before, dict):
        for name, one in before.items():
            inner = f"{path}.{name}" if path else name
            if isinstance(now, dict) and name in now:
                yield from _gone(one, now[name], inner)
            elif isinstance(one, list) and one and _by_code(one) is not None:
                yield from _gone(one, [], inner)
            else:
                yield inner


def _by_code(objects: list[Any]) -> dict[str, Any] | None:
    """Objects by their code; None when they have none, or the same twice."""
    found = {one["code"]: one for one in objects if isinstance(one, dict) and isinstance(one.get("code"), str)}
    return found if len(found) == len(objects) else None


class _Hidden:
    """Text for people: on one line, short, and without keys or signature, however the platform echoes them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST_MASKED
                 for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None

    def __call__(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…"


class _Reading:
    """One answer, read. The body first, then the HTTP status (A23)."""

    def __init__(self, reply: Reply, parcels: Sequence[Parcel], hidden: _Hidden) -> None:
        self._reply = reply
        self._status = reply.status
        self._parcels = parcels
        self._hidden = hidden

    def answer(self) -> Answer:
        envelope = _envelope(self._reply.body)
        code = _whole_number(_member(envelope, "code")) if envelope is not None else None
        if envelope is None or code is None:
            return self._by_status("no answer of Flipsnack's own")
        said = self._said(envelope)
        if code not in _DOCUMENTED and (300 <= self._status < 400 or self._status in _NOT_HERE):
            return self._by_status(said or f"code {code}")
        words = f"Flipsnack answered {code}" + (f": {said}" if said else "")
        if code in _TAKEN:
            if not 200 <= self._status < 300:
                return self._is(
                    Reach.UNKNOWN, f"{words}, but with HTTP status {self._status}",
                    "the two contradict each other; the next run finds out what was taken",
                )
            return self._taken(envelope, said)
        if code in _WAIT:
            return self._is(Reach.WAIT, words, "feedbridge comes again later")
        if code in _STOP:
            return self._is(Reach.STOP, words, _STOP[code])
        if code == 400:
            return self._refused(envelope, words)
        if self._status in _WAIT_STATUS:
            return self._is(Reach.WAIT, words, "feedbridge comes again later")
        if code in _NOT_HERE:
            return self._is(Reach.STOP, words, "look at endpoint, at the keys, and at proxies on the way")
        if 400 <= self._status < 500 and self._status not in _UNKNOWN_STATUS:
            return self._is(Reach.REFUSED, words, "look the code up in Flipsnack's documentation")
        return self._is(Reach.UNKNOWN, words, "the code is not documented; the next run finds out what was taken")

    def _is(self, reach: Reach, message: str, mend: str = "") -> Answer:
        from feedbridge.platforms.http import retry_after_seconds

        return Answer(
            reach, message=self._hidden(message), mend=mend, wait_seconds=retry_after_seconds(self._reply.headers),
            http_status=self._status,
        )

    def _by_status(self, said: str) -> Answer:
        """An answer that is not Flipsnack's own: a proxy, a gateway or a server at fault."""
        status = self._status
        words = f"HTTP status {status}: {said}"
        if 300 <= status < 400:
            return self._is(
                Reach.STOP, f"the address sends elsewhere (HTTP status {status}){self._elsewhere()}",
                "if that is Flipsnack's new address, set endpoint to it",
            )
        if status in _WAIT_STATUS:
            return self._is(Reach.WAIT, words, "feedbridge comes again later")
        if status in _REFUSED_STATUS:
            mend = "lower batch_bytes in the target's settings" if status == 413 else "mend the products of this call"
            return self._is(Reach.REFUSED, words, mend)
        if 400 <= status < 500 and status not in _UNKNOWN_STATUS:
            return self._is(Reach.STOP, words, "look at endpoint, at the keys, and at proxies on the way")
        return self._is(Reach.UNKNOWN, words, "whether the products were taken is not known; the next run finds out")

    def _elsewhere(self) -> str:
        """Where to, without the query: that may echo what was sent."""
        try:
            parts = urlsplit(self._reply.headers.get("Location") or "")
            host = parts.hostname or ""
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return ""
        target = urlunsplit((parts.scheme, host + port, parts.path, "", ""))
        return f" to {target}" if target else ""

    def _said(self, envelope: dict[str, Any]) -> str:
        """The platform's own words: the status, then the messages."""
        data = _member(envelope, "data")
        told = _member(data, "message") if isinstance(data, dict) else data
        parts = [*_texts(_member(envelope, "status")), *_texts(_member(envelope, "message")), *_texts(told)]
        if isinstance(data, dict) and not parts:
            parts = _texts(_errors(data))
        return "; ".join(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def _taken(self, envelope: dict[str, Any], said: str) -> Answer:
        """A success, save for what ``Errors`` names. An entry that names nothing leaves all others in doubt (A14)."""
        named, unnamed = self._named(envelope)
        doubt = self._hidden("Flipsnack reported an error and did not say for which product: " + "; ".join(unnamed[:5]))
        items: dict[str, Verdict] = {}
        for parcel in self._parcels:
            if parcel.key in named:
                items[parcel.key] = named[parcel.key]
            elif unnamed:
                items[parcel.key] = Verdict("unknown", doubt)
            else:
                items[parcel.key] = Verdict("taken")
        notes = tuple(self._hidden(text) for text in unnamed[:20])
        mend = ""
        if named or unnamed:
            mend = "mend the products Flipsnack names"
        return Answer(
            Reach.ANSWERED, items, message=self._hidden(said), mend=mend, notes=notes, http_status=self._status,
        )

    def _refused(self, envelope: dict[str, Any], words: str) -> Answer:
        """Code 400: nothing of the call was taken (F22). Where every complaint names a product, these are to blame and the
        others may go again without them; else any of them may be."""
        named, unnamed = self._named(envelope)
        answer = self._is(Reach.REFUSED, words, "mend the products Flipsnack names")
        return answer if unnamed else msgspec.structs.replace(answer, items=named)

    def _named(self, envelope: dict[str, Any]) -> tuple[dict[str, Verdict], list[str]]:
        """(the products that the complaints name, with what is said of them; complaints that name none, or several)."""
        complaints = [one for one in _complaints(envelope) if one]
        owners: dict[str, str] = {}
        for parcel in self._parcels if complaints else ():
            for code in (parcel.key, *_codes(_parsed(parcel.body)), *_codes(_parsed(parcel.before))):
                owners.setdefault(code, parcel.key)
        for parcel in self._parcels:
            owners[parcel.key] = parcel.key
        named: dict[str, list[str]] = {}
        unnamed: list[str] = []
        entries = _entries(complaints, _Names(owners, len(self._parcels)))
        for count, (keys, text) in enumerate(entries):
            if count >= _ENTRIES_READ:
                unnamed.append("…")
                break
            if len(keys) == 1:
                named.setdefault(next(iter(keys)), []).append(text)
            else:
                unnamed.append(text)
        return {
            key: Verdict("failed", self._hidden("; ".join(dict.fromkeys(texts)))) for key, texts in named.items()
        }, unnamed


def _envelope(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _member(node: Any, name: str) -> Any:
    """A member by its name, else by its name in another case."""
    if not isinstance(node, dict):
        return None
    if name in node:
        return node[name]
    return next((value for key, value in node.items() if key.lower() == name), None)


def _whole_number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    return value if isinstance(value, int) else None


def _errors(node: Any) -> Any:
    return _member(node, "errors") or _member(node, "error")


def _complaints(envelope: dict[str, Any]) -> list[Any]:
    """All that a successful answer complains of; a bare list of messages says success, or else is complaints too."""
    data = _member(envelope, "data")
    found = [_errors(envelope), _errors(data)]
    if isinstance(data, list):
        found += [one for one in data
                  if not (isinstance(one, str) and _SUCCESS.search(one) and not _FAILURE.search(one))]
    return found


def _texts(node: Any) -> list[str]:
    """Every text and number below, in order."""
    if isinstance(node, str):
        return [node]
    if node is None or isinstance(node, bool):
        return []
    if isinstance(node, dict):
        return [text for value in node.values() for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [str(node)]


def _entries(node: Any, names: _Names) -> Iterator[tuple[frozenset[str], str]]:
    """(keys of the items an error names, its text) of every error below."""
    if node is None or node is False or (isinstance(node, str) and not node.strip()):
        return
    if isinstance(node, list):
        for one in node:
            yield from _entries(one, names)
    elif isinstance(node, dict):
        lower = {key.lower() for key in node}
        if names.of_members(node) or not lower.isdisjoint((*_NAMING, *_TELLING)):
            yield names.of_object(node), _compact(node)
            return
        for key, one in node.items():
            owner = names.of_key(key)
            for found, text in _entries(one, names):
                # Texts below a product's code are about it, unless they name another.
                yield (found | {owner} if owner is not None else found), (text if key.isdigit() else f"{key}: {text}")
    elif isinstance(node, str):
        yield names.of_text(node), node
    else:
        yield frozenset(), _compact(node)


def _compact(node: Any) -> str:
    """An error object in words where it is only a code and a message, else as JSON."""
    if isinstance(node, dict):
        told = [text for name in _TELLING if (value := _member(node, name)) is not None for text in _texts(value)]
        if told:
            return "; ".join(told)
    return json.dumps(node, ensure_ascii=False)


class _Names:
    """Finds which of the items that were sent a text or an object names."""

    def __init__(self, owners: Mapping[str, str], sent: int) -> None:
        self._owners = owners
        self._sent = sent
        self._by_run: dict[str, list[str]] = {}
        for code in owners:
            run = max(_RUN.findall(code), key=len, default="")
            if run:
                self._by_run.setdefault(run, []).append(code)

    def of_key(self, key: str) -> str | None:
        """The item a member's name stands for; a small number is a position, and positions prove nothing."""
        return None if self._may_be_a_position(key) else self._owners.get(key)

    def _may_be_a_position(self, text: str) -> bool:
        return text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= self._sent

    def of_members(self, node: dict[str, Any]) -> frozenset[str]:
        """The items named by an object's members ``sku``, ``code``, ``product`` and the like."""
        for name in _NAMING:
            value = _member(node, name)
            if isinstance(value, dict):
                if found := self.of_members(value):
                    return found
                continue
            if "sku" in name and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if not isinstance(value, str) or (name == "code" and _whole_number(value) in _DOCUMENTED):
                continue
            if value in self._owners and ("sku" in name or not self._may_be_a_position(value)):
                return frozenset({self._owners[value]})
        return frozenset()

    def of_object(self, node: dict[str, Any]) -> frozenset[str]:
        """By its members; else by its texts."""
        found = self.of_members(node)
        return found or frozenset().union(*(self.of_text(text) for text in _texts(node)))

    def of_text(self, text: str) -> frozenset[str]:
        """Items whose code stands in the text as a word of its own; of codes one in another, the longest."""
        if len(text) > _TEXT_READ:
            return frozenset()
        possible = {code for run in set(_RUN.findall(text)) for code in self._by_run.get(run, ())}
        spans = sorted(
            ((start, start + len(code), code) for code in possible for start in _places(code, text)),
            key=lambda span: (span[0] - span[1], span[0]),
        )
        taken: list[tuple[int, int]] = []
        found: set[str] = set()
        for start, end, code in spans:
            if not any(start < last and first < end for first, last in taken):
                taken.append((start, end))
                found.add(self._owners[code])
        return frozenset(found)


def _places(code: str, text: str) -> Iterator[int]:
    """Where a code stands in a text as a word of its own. A code that could be any word or small number must be in
    quotes, or follow a word like SKU."""
    start = text.find(code)
    while start >= 0:
        before, after = text[:start], text[start + len(code):]
        alone = not before.rstrip(_JOINERS)[-1:].isalnum() and not after.lstrip(_JOINERS)[:1].isalnum()
        if alone and (not _could_be_a_word(code) or _pointed_at(before, after)):
            yield start
        start = text.find(code, start + 1)


def _could_be_a_word(code: str) -> bool:
    return len(code) < 3 or code.isalpha() or (code.isdigit() and len(code) < 6)


def _pointed_at(before: str, after: str) -> bool:
    quoted = bool(before) and bool(after) and before[-1] in _QUOTES and after[0] in _QUOTES
    return quoted or _INTRODUCED.search(before[-40:]) is not None
