"""FlickRocket's webhooks: registered in two dialects, signed in twenty readings, retried as documented.

Source: developer.flickrocket.com, /en/rest-api/api-reference/webhook/; the vendor's plugin 4.74 for the second dialect.
What is open, and how it is read here: docs/sandbox.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests

from feedbridge.errors import CommandError
from feedbridge.sandbox.faults import Fault, Faults
from feedbridge.sandbox.keys import FLICKROCKET_COMPANY_ID, Secrets
from feedbridge.sandbox.outcome import is_text
from feedbridge.sandbox.store import Store, Transaction

__all__ = [
    "BLOCK_SECONDS", "Courier", "EVENTS", "READINGS", "RETRY_SECONDS", "announce", "checked_reading", "hash_of", "payload",
    "webhook_changed", "webhook_shown",
]

EVENTS = (
    "customer/create", "customer/update", "subscriber/create", "subscriber/update", "groupmember/create",
    "groupmember/update", "newsrecipient/create", "newsrecipient/update", "order/create", "product/create",
    "product/update", "product/delete", "app/uninstalled", "app/update",
)
READINGS = tuple(f"{text}+{salt}" for text in ("T1", "T2", "T3", "T4", "T5") for salt in ("S1", "S2", "S3", "S4"))
RETRY_SECONDS = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400)
"""After the most recent failure; after the last of them the webhook is deactivated."""
BLOCK_SECONDS = 60
"""So long nothing is sent to the app after a failure."""
ANSWER_SECONDS = 10.0
EMPTY_HASH = hashlib.sha256(b"").hexdigest()
KEPT_EVENTS = 10_000
FOREVER = 1e12


def checked_reading(reading: str) -> str:
    """A reading of the hash, ``T1+S1`` to ``T5+S4``. Raises CommandError."""
    if reading not in READINGS:
        raise CommandError(
            f'there is no reading "{reading}" of the hash', where="--webhook-hash", code="sandbox.fault",
            mend="write T1 to T5, a plus, and S1 to S4, as T1+S1",
        )
    return reading


def hash_of(message: Mapping[str, Any], secret: str, reading: str = "T1+S1") -> str:
    """The hash of a message (without its ``hash``), by a text (T1 to T5) and a salt (S1 to S4)."""
    plain = {name: value for name, value in message.items() if name != "hash"}
    text = {"T1": lambda: flat(plain, keys=True, containers=True), "T2": lambda: flat(plain, keys=True, containers=False),
            "T3": lambda: "".join(f"{name}{shown(value)}" for name, value in plain.items()),
            "T4": lambda: flat(plain, keys=False, containers=False), "T5": lambda: compact(plain)}[reading[:2]]()
    raw, key = text.encode(), secret.encode()
    if reading.endswith("S1"):
        return hashlib.sha256(raw + key).hexdigest()
    if reading.endswith("S2"):
        return hashlib.sha256(key + raw).hexdigest()
    return hmac.new(key, raw if reading.endswith("S3") else base64.b64encode(raw), hashlib.sha256).hexdigest()


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shown(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)


def flat(value: Any, *, keys: bool, containers: bool) -> str:
    if isinstance(value, Mapping):
        return "".join(
            (name if keys and (containers or not isinstance(inner, Mapping)) else "")
            + flat(inner, keys=keys, containers=containers) for name, inner in value.items())
    return shown(value)


def payload(scope: str, data: Mapping[str, Any], secret: str, reading: str, faults: Sequence[str] = ()) -> bytes:
    """The body of an event."""
    message: dict[str, Any] = {"company_id": FLICKROCKET_COMPANY_ID, "producer": "shop", "scope": scope, "data": dict(data)}
    digest = hash_of(message, secret, reading)
    if "webhook-wrong-hash" in faults:
        digest = hash_of(message, "another secret", reading)
    if "webhook-empty-hash" in faults:
        digest = EMPTY_HASH
    if "webhook-no-hash" not in faults:
        message["hash"] = digest
    return json.dumps(message, ensure_ascii=False).encode()


# Registration. Stored: id, scope, address, active, format, updated_at.


def webhook_shown(webhook: Mapping[str, Any], dialect: str) -> dict[str, Any]:
    """A webhook in the words of a dialect: ``documented`` or ``plugin``."""
    if dialect == "documented":
        return {"id": webhook["id"], "topic": webhook["scope"], "address": webhook["address"], "format": webhook["format"],
                "is_active": webhook["active"], "updated_at": webhook["updated_at"]}
    return {"id": webhook["id"], "scope": webhook["scope"], "destination": webhook["address"],
            "is_valid": webhook["active"], "updated_at": webhook["updated_at"]}


def webhook_changed(given: Mapping[str, Any], dialect: str, old: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[str]]:
    """A webhook after a POST (``old`` is None) or a PUT, and what is wrong with it."""
    names = {"documented": ("topic", "address", "is_active"), "plugin": ("scope", "destination", "is_valid")}[dialect]
    faults = []
    read_only = {"id", "updated_at", "format"}
    if strange := sorted(set(given) - {*names, *read_only}):
        faults.append(f"there is no member {', '.join(strange)}")
    webhook = dict(old) if old else {"scope": "", "address": "", "active": True, "format": "json"}
    scope, address, active = (given.get(name) for name in names)
    if scope is not None or old is None:
        scope = {"orders/create": "order/create"}.get(str(scope), scope)
        if scope not in EVENTS:
            faults.append(f"{names[0]} is no event; there are {', '.join(EVENTS)}")
        webhook["scope"] = scope
    if address is not None or old is None:
        if not loopback_address(address):
            faults.append(f"{names[1]} is no address on this machine, and the sandbox calls no other")
        webhook["address"] = address
    if active is not None:
        if not isinstance(active, bool):
            faults.append(f"{names[2]} is no boolean")
        webhook["active"] = active
    if given.get("format", "json") != "json":
        faults.append("format is json")
    return webhook, faults


def loopback_address(address: object) -> bool:
    if not is_text(address) or not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.port != 0 and (
            host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


# Events.


def announce(tx: Transaction, scope: str, data: Mapping[str, Any], faults: Faults, courier: Courier | None) -> int:
    """Put an event into the queue of each webhook that is registered for it; how many there are."""
    now = time.time()
    webhooks = [one for one in tx.flickrocket_things("webhooks") if one["active"] and one["scope"] == scope]
    for webhook in webhooks:
        strikes: list[Fault] = faults.strike_event()
        names = {fault.name: fault for fault in strikes}
        late = names["webhook-late"].seconds if "webhook-late" in names else None
        due = now + (1.0 if late is None else late) if "webhook-late" in names else now
        if "webhook-swap" in names:
            due = FOREVER
        told = ",".join(names)
        for _ in range(2 if "webhook-twice" in names else 1):
            tx.run("INSERT INTO flickrocket_events (webhook, scope, data, fault, made, due, state, tries, note)"
                   " VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, '')",
                   webhook["id"], scope, json.dumps(data), told, now, due)
        if due < FOREVER:  # one that was held back goes behind this one
            tx.run("UPDATE flickrocket_events SET due = ? WHERE webhook = ? AND state = 'waiting' AND due = ?",
                   due + 0.001, webhook["id"], FOREVER)
    tx.run("DELETE FROM flickrocket_events WHERE number <= (SELECT max(number) FROM flickrocket_events) - ?", KEPT_EVENTS)
    if courier is not None and webhooks:
        courier.wake.set()
    return len(webhooks)


class Courier:
    """Delivers events, one after another, in a thread of its own. ``speed`` divides all documented waits."""

    def __init__(self, store: Store, secrets: Secrets, *, speed: float = 1.0, reading: str = "T1+S1",
                 clock: Callable[[], float] = time.time, say: Callable[[str], None] | None = None) -> None:
        self.store = store
        self.secrets = secrets
        self.speed = speed
        self.reading = checked_reading(reading)
        self.clock = clock
        self.say = say or (lambda line: None)
        self.wake = threading.Event()
        self.blocked_until = 0.0
        self._stopping = False
        self._busy = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="feedbridge-sandbox-webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self.wake.set()
        if self._thread.is_alive():
            self._thread.join(ANSWER_SECONDS + 5)

    def settled(self, seconds: float = 10.0) -> bool:
        """Wait until no event is waiting (those that ``webhook-swap`` holds back do not count); whether that came true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self._busy:
                if not self.store.count("flickrocket_events", "state = 'waiting' AND due < ?", FOREVER):
                    return True
            time.sleep(0.01)
        return False

    def forget(self) -> None:
        self.blocked_until = 0.0

    def _run(self) -> None:
        while not self._stopping:
            self.wake.clear()
            try:
                with self._busy:
                    wait = self._step()
            except Exception as exc:  # one fault must not end the thread that delivers
                if self._stopping:  # the store is closed already
                    return
                self.say(f"flickrocket webhooks: the sandbox has a fault: {type(exc).__name__}")
                wait = 1.0
            if wait > 0 and not self._stopping:
                self.wake.wait(min(wait, 60.0))

    def _step(self) -> float:
        """Send the event that is due, if any; the seconds until there is something to do again."""
        now = time.time()
        if self.blocked_until > now:
            return self.blocked_until - now
        with self.store.reading() as tx:
            rows = tx.rows("SELECT number, webhook, scope, data, fault, tries, due FROM flickrocket_events"
                           " WHERE state = 'waiting' ORDER BY due, number LIMIT 1")
            webhook = tx.flickrocket_thing("webhooks", rows[0][1]) if rows else None
        if not rows:
            return 60.0
        number, _, scope, data, fault, tries, due = rows[0]
        if due > now:
            return min(due - now, 60.0)
        if webhook is None or not webhook["active"]:
            self._ended(number, "dropped", tries, "the webhook is gone or not active")
            return 0.0
        body = payload(scope, json.loads(data), self.secrets.flickrocket_app_secret, self.reading, fault.split(","))
        problem = self._sent(webhook["address"], body)
        tries += 1
        if not problem:
            self._ended(number, "delivered", tries, "")
            self.say(f"flickrocket webhook {scope} {webhook['id']}: delivered")
            return 0.0
        self.blocked_until = time.time() + BLOCK_SECONDS / self.speed
        if tries <= len(RETRY_SECONDS):
            pause = RETRY_SECONDS[tries - 1]
            with self.store.transaction() as tx:
                tx.run("UPDATE flickrocket_events SET tries = ?, due = ?, note = ? WHERE number = ?",
                       tries, time.time() + pause / self.speed, problem, number)
            self.say(f"flickrocket webhook {scope} {webhook['id']}: {problem}; again after {pause} s")
            return 0.0
        with self.store.transaction() as tx:
            current = tx.flickrocket_thing("webhooks", webhook["id"])
            if current is not None:
                tx.keep_flickrocket("webhooks", {**current, "active": False}, self.clock())
            tx.run("UPDATE flickrocket_events SET state = 'given up', tries = ?, note = ? WHERE number = ?",
                   tries, problem, number)
            tx.run("UPDATE flickrocket_events SET state = 'dropped', note = 'the webhook was deactivated'"
                   " WHERE webhook = ? AND state = 'waiting'", webhook["id"])
        self.say(f"flickrocket webhook {scope} {webhook['id']}: {problem}; deactivated, and the developer is mailed")
        return 0.0

    def _ended(self, number: int, state: str, tries: int, note: str) -> None:
        with self.store.transaction() as tx:
            tx.run("UPDATE flickrocket_events SET state = ?, tries = ?, note = ? WHERE number = ?",
                   state, tries, note, number)

    def _sent(self, address: str, body: bytes) -> str:
        """Send an event; what went wrong, or nothing. Only status 200 is a success; header and body are ignored."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.post(
                    address, data=body, timeout=ANSWER_SECONDS, allow_redirects=False, stream=True,
                    headers={"Content-Type": "application/json", "User-Agent": "feedbridge-sandbox"})
                status = answer.status_code
                with suppress(requests.RequestException):
                    answer.close()
            except requests.RequestException as exc:
                return f"no answer ({type(exc).__name__})"
            except (ValueError, UnicodeError) as exc:
                return f"the address cannot be called ({type(exc).__name__})"
        return "" if status == 200 else f"answered {status}"
