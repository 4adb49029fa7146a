"""FlickRocket's REST API: tokens, products, categories, prices, licences, theme settings, fulfilments, webhooks, company,
statistics, currency rates.

Source: developer.flickrocket.com, /en/rest-api/oauth/ and /en/rest-api/api-reference/; the vendor's plugin 4.74. What
these leave open, and how the sandbox reads it: docs/sandbox.md.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from feedbridge.sandbox.faults import Fault, chosen
from feedbridge.sandbox.flickrocket_product import (
    FIRST_ID,
    TYPES,
    find_product,
    gmt,
    new_product,
    part_faults,
    put_part,
    store_product,
)
from feedbridge.sandbox.flickrocket_seed import SEED
from feedbridge.sandbox.flickrocket_tokens import (
    Call,
    access_fault,
    authorize,
    exchange,
    read,
    refused,
    scopes_of,
    token_info,
)
from feedbridge.sandbox.flickrocket_webhooks import webhook_changed, webhook_shown
from feedbridge.sandbox.keys import FLICKROCKET_COMPANY_ID, Secrets
from feedbridge.sandbox.outcome import BadJson, Outcome, is_text, read_json
from feedbridge.sandbox.store import Transaction

__all__ = ["Bucket", "Call", "MOST_BYTES", "RESOURCES", "Shop", "answer", "seeded"]

PAGE_SIZE = 50
MOST_BYTES = 16 * 2**20
QUERY_FIELDS = ("version", "title", "comment", "product_id", "product_type")
STATISTICS = ("traffic", "order", "cart", "order_devices", "order_products")
MOST_DAYS = 3660
ANY_FILE = 27
TRACKING_CHARS = 64
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2})?")
ADDRESS = re.compile(r"(?P<base>api|api2|admin)/(?P<name>[a-z_]+)(?:/(?P<rest>[^/]+(?:/[^/]+)?))?\.json")
PRODUCT_PART = ("title", "version", "drm_protected", "locales", "price_license_binding", "categories", "themes", "groups")
PRODUCT_OWN = ("comment", "published_at", "chapters", "allow_download_trial", "attribute_set_id")
PRODUCT_READ_ONLY = ("id", "product_id", "valid", "mirrored", "content_files", "images", "created_at", "modified_at")
CATEGORY = ("title", "comment", "enabled", "locales")
FULFILLMENT = ("status", "tracking_number")
FULFILLMENT_READ_ONLY = (
    "id", "created_at", "company_id", "customer", "line_items", "shipping_model", "tracking_url", "gtin", "weight")


@dataclass(frozen=True)
class Resource:
    """One resource. ``single``: the name of one thing; ``writes``: POST, PUT, DELETE that are taken."""

    plural: str
    single: str
    scope: str
    writes: tuple[str, ...] = ()
    counted: bool = True
    at: tuple[str, ...] = ("api", "api2")
    entry: bool = False
    """Whether ``/api2/`` wraps one thing in ``entry``."""


ALL = ("POST", "PUT", "DELETE")
RESOURCES = {
    "products": Resource("products", "product", "products", ALL),
    "categories": Resource("categories", "category", "products", ALL),
    "prices": Resource("prices", "price", "products"),
    "licenses": Resource("licenses", "license", "products", counted=False, entry=True),
    "theme_settings": Resource("theme_settings", "theme_setting", "themes", ALL, entry=True),
    "fulfillments": Resource("fulfillments", "fulfillment", "orders", ("PUT",)),
    "companies": Resource("companies", "company", "companies", ("PUT",)),
    "webhooks": Resource("webhooks", "webhook", "webhooks", ALL, counted=False, at=("api", "api2", "admin")),
    "currency_rates": Resource("currency_rates", "currency_rate", "", counted=False),
}
"""By the name things are stored under."""


class Refused(Exception):
    """A call that is refused."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


class Bucket:
    """A leaky bucket: each call is a drop, ``per_second`` drops leak; a call that does not fit is refused."""

    def __init__(self, size: int, per_second: float) -> None:
        self.size = size
        self.per_second = per_second
        self._level = 0.0
        self._seen: float | None = None
        self._lock = threading.Lock()

    def full(self, now: float) -> int:
        """Count a call; the seconds until one fits when this one does not, else 0."""
        with self._lock:
            if self._seen is not None:
                self._level = max(0.0, self._level - max(0.0, now - self._seen) * self.per_second)
            self._seen = now
            if self._level + 1 > self.size + 1e-9:
                return max(1, math.ceil((self._level + 1 - self.size) / self.per_second))
            self._level += 1
            return 0

    def forget(self) -> None:
        with self._lock:
            self._level, self._seen = 0.0, None


@dataclass(frozen=True)
class Shop:
    """What a call meets: keys, the time, the faults that strike it, the bucket, where events go."""

    secrets: Secrets
    now: float
    faults: Sequence[Fault] = ()
    bucket: Bucket | None = None
    announce: Callable[[Transaction, str, Mapping[str, Any]], object] = lambda tx, scope, data: None

    def product_event(self, tx: Transaction, verb: str, product: Mapping[str, Any]) -> None:
        data = {"type": "product", "id": str(product["id"]), "long_id": product.get("product_id", "")}
        self.announce(tx, f"product/{verb}", data)

    def struck(self, *names: object) -> bool:
        """Whether a ``reject`` or ``partial`` fault names one of these."""
        told = {str(name) for name in names}
        return any(fault.kind.takes == "sku" and fault.argument in told for fault in self.faults)


def seeded(tx: Transaction, now: float) -> None:
    """The shop the sandbox begins with, as far as it is not there; products only into a shop that never was."""
    was = {row[0] for row in tx.rows("SELECT digest FROM flickrocket_tokens WHERE kind = 'seeded'")}
    for resource, things in SEED.items():
        if resource in was or ("seeded" in was and resource in ("products", "categories", "prices", "licenses")):
            continue
        tx.put_flickrocket(resource, things, now)
        tx.run("INSERT INTO flickrocket_tokens (digest, kind) VALUES (?, 'seeded')", resource)


def answer(tx: Transaction, call: Call, shop: Shop) -> Outcome:
    """Check a call and answer it."""
    seeded(tx, shop.now)
    if call.path == "oauth2/auth":
        return authorize(tx, call, shop.secrets)
    if call.path == "token":
        return exchange(tx, call, shop.secrets, shop.now, shop.faults)
    if call.path == "api/tokeninfo":
        return token_info(tx, call, shop.secrets, shop.now)
    action = f"{call.method} {call.path}"
    fault = access_fault(tx, call, shop.now)
    if fault:
        return refused(401, fault, action)
    if shop.bucket is not None and (seconds := shop.bucket.full(shop.now)):
        told = refused(429, "call limit reached", action)
        return Outcome(429, told.body, action, "refused", message=told.message, headers={"Retry-After": str(seconds)})
    try:
        return Visit(tx, call, shop, action).answered()
    except Refused as exc:
        return refused(exc.status, exc.message, action)


class Visit:
    """One call to a resource. Methods raise Refused, always before anything is stored."""

    def __init__(self, tx: Transaction, call: Call, shop: Shop, action: str) -> None:
        self.tx = tx
        self.call = call
        self.shop = shop
        self.action = action

    def answered(self) -> Outcome:
        match = ADDRESS.fullmatch(self.call.path)
        if match is None:
            raise Refused(404, "not found")
        self.base, name, rest = match["base"], match["name"], match["rest"]
        if name == "statistics" and self.base != "admin":
            self._allowed("statistics")
            return self._statistics(rest or "")
        spelt = {("api", "themesettings"): "theme_settings", ("api", "theme_settings"): ""}.get((self.base, name), name)
        if spelt not in RESOURCES or self.base not in RESOURCES[spelt].at:
            raise Refused(404, "not found")
        self.name, self.resource = spelt, RESOURCES[spelt]
        self.dialect = "documented" if self.base == "admin" else "plugin"
        self._allowed(self.resource.scope)
        method = self.call.method
        if method == "GET":
            return self._read(rest)
        if rest is not None and "/" in rest:
            raise Refused(404, "not found")
        if method not in self.resource.writes or (method == "POST") is not (rest is None):
            raise Refused(405, f"{method} is not taken here")
        old = self._thing(rest) if rest is not None else None
        if method == "DELETE":
            return self._delete(old or {})
        return self._write(old, self._sent())

    def _allowed(self, scope: str) -> None:
        if scope and scope not in scopes_of(self.tx, self.call):
            raise Refused(403, f"the token lacks the scope {scope}")

    # Reading.

    def _read(self, rest: str | None) -> Outcome:
        things = self._selected(rest)
        if rest == "count" and self.resource.counted:
            return read({"count": len(things)}, self.action)
        if rest is not None and not (self.name == "fulfillments" and rest in ("open", "complete")) and not (
            self.name == "companies" and rest == "search"
        ):
            return read(self._wrapped(self._thing(rest)), self.action, 1)
        number = self.call.query.get("Page", "1")
        if not re.fullmatch(r"[1-9][0-9]{0,8}", number):
            raise Refused(400, "invalid Page")
        start = (int(number) - 1) * PAGE_SIZE if chosen(self.shop.faults, "pages") == "turn" else 0
        page = [self._narrowed(one) for one in things[start : start + PAGE_SIZE]]
        if len(page) == 1 and chosen(self.shop.faults, "one-hit") == "singular":
            return read({self.resource.single: page[0]}, self.action, 1)
        return read({self.resource.plural: page}, self.action, len(page))

    def _selected(self, rest: str | None) -> list[dict[str, Any]]:
        """The things of a list, after its filters."""
        things = self.tx.flickrocket_things(self.name)
        query = self.call.query
        if self.name == "products" and "query" in query:
            things = matching(things, query["query"], QUERY_FIELDS)
        if self.name == "companies":
            if rest == "search":
                things = matching(things, query.get("query", ""), ("email",))
            if "updated_at_min" in query:
                things = [one for one in things if one.get("updated_at", "") >= moment(query, "updated_at_min")]
        if self.name == "fulfillments":
            if rest in ("open", "complete"):
                things = [one for one in things if (one.get("status") == 100) is (rest == "complete")]
            if "created_at_min" in query:
                things = [one for one in things if one.get("created_at", "") >= moment(query, "created_at_min")]
            if "created_at_max" in query:
                things = [one for one in things if one.get("created_at", "") <= moment(query, "created_at_max")]
        return things

    def _thing(self, name: str) -> dict[str, Any]:
        if self.name == "products":
            thing = find_product(self.tx, name)
        else:
            number = int(name) if name.isascii() and name.isdigit() and len(name) < 16 else None
            thing = None if number is None else self.tx.flickrocket_thing(self.name, number)
        if thing is None or self.name == "currency_rates":
            raise Refused(404, "not found")
        return thing

    def _narrowed(self, thing: Mapping[str, Any]) -> dict[str, Any]:
        """A thing as it is shown: in the dialect of the address, and the members that ``fields`` names, else all."""
        shown = webhook_shown(thing, self.dialect) if self.name == "webhooks" else dict(thing)
        if self.name == "currency_rates":
            del shown["id"]
        wanted = self.call.query.get("fields")
        return shown if wanted is None else {name: shown[name] for name in wanted.split(",") if name in shown}

    def _wrapped(self, thing: Mapping[str, Any]) -> dict[str, Any]:
        entry = self.base == "api2" and self.resource.entry
        return {"entry" if entry else self.resource.single: self._narrowed(thing)}

    def _statistics(self, rest: str) -> Outcome:
        kind, _, company = rest.partition("/")
        if self.call.method != "GET":
            raise Refused(405, f"{self.call.method} is not taken here")
        if kind not in STATISTICS or company != str(FLICKROCKET_COMPANY_ID):
            raise Refused(404, "not found")
        first, last = (datetime.fromisoformat(moment(self.call.query, name)) for name in ("StartDate", "EndDate"))
        days = (last - first).days + 1
        if not 0 < days <= MOST_DAYS:
            raise Refused(400, "EndDate is before StartDate" if days <= 0 else "too many days")
        rows = [{"date": (first + timedelta(day)).strftime("%Y-%m-%dT00:00:00"),
                 "count": ((first + timedelta(day)).toordinal() * 7 + STATISTICS.index(kind)) % 23} for day in range(days)]
        return read({"statistics": rows}, self.action, len(rows))

    # Writing.

    def _sent(self) -> dict[str, Any]:
        """The object that was sent, out of its wrapping."""
        if self.call.content_type.partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "send application/json")
        try:
            document = read_json(self.call.body)
        except BadJson as exc:
            raise Refused(400, f"no JSON: {exc}") from exc
        names = [self.resource.single, *(["entry"] if self.base == "api2" and self.resource.entry else [])]
        given = next((document[name] for name in names if name in document), None) if isinstance(document, dict) else None
        if not isinstance(given, dict) or len(document) > 1:
            raise Refused(400, f'send {{"{self.resource.single}": {{…}}}}')
        return given

    def _write(self, old: dict[str, Any] | None, given: dict[str, Any]) -> Outcome:
        if self.shop.struck(given.get("title"), (old or {}).get("id"), (old or {}).get("product_id")):
            raise Refused(400, "refused")
        thing = {
            "products": self._product, "categories": self._category, "theme_settings": self._theme,
            "fulfillments": self._fulfillment, "companies": self._company, "webhooks": self._webhook,
        }[self.name](old, given)
        status = 201 if old is None and chosen(self.shop.faults, "created") == "201" else 200
        return Outcome(status, self._wrapped(thing), self.action, "taken", items=1)

    def _delete(self, old: dict[str, Any]) -> Outcome:
        if self.shop.struck(old.get("title"), old["id"], old.get("product_id")):
            raise Refused(400, "refused")
        self.tx.drop_flickrocket(self.name, int(old["id"]))
        if self.name == "products":
            self.shop.product_event(self.tx, "delete", old)
        if self.name == "categories":
            for product in self.tx.flickrocket_things("products"):
                left = [one for one in product.get("categories", []) if one.get("category_id") != old["id"]]
                if len(left) < len(product.get("categories", [])):
                    self.tx.keep_flickrocket("products", {**product, "categories": left}, self.shop.now)
        return Outcome(200, {}, self.action, "taken", items=1)

    def _number(self, above: int = 0) -> int:
        """An id that no thing of this resource ever had."""
        last = max((int(one["id"]) for one in self.tx.flickrocket_things(self.name)), default=0)
        return self.tx.next_number(self.name, max(above, last))

    def _refuse(self, faults: Sequence[str]) -> None:
        if faults:
            raise Refused(400, "; ".join(faults))

    def _product(self, old: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
        faults = unknown(given, (*PRODUCT_PART, *PRODUCT_OWN, *PRODUCT_READ_ONLY, "product_type"))
        old = {**new_product(old["id"], old.get("product_type", ANY_FILE)), **old} if old else None
        kind = given.get("product_type", old["product_type"] if old else None)
        if old is None:
            faults += [f"{name} is missing" for name in ("title", "product_type") if name not in given]
        elif kind != old["product_type"]:
            faults.append("product_type is fixed when a product is made")
        if kind is not None and (isinstance(kind, bool) or kind not in TYPES):
            faults.append(f"there is no product_type {kind!r}")
        faults += part_faults(self.tx, given, kind if isinstance(kind, int) else None)
        for name in ("comment", "published_at"):
            if name in given and not is_text(given[name]):
                faults.append(f"{name} is no text")
        if is_text(given.get("published_at")) and not DATE.fullmatch(given["published_at"]):
            faults.append("published_at is no date")
        if given.get("allow_download_trial") not in (None, 0, 1):
            faults.append("allow_download_trial is 0 or 1")
        self._refuse(faults)
        product = dict(old) if old else new_product(self._number(FIRST_ID - 1), kind if isinstance(kind, int) else 0)
        put_part(product, given, PRODUCT_PART, self.shop.now)
        product |= {name: given[name] for name in PRODUCT_OWN if name in given}
        store_product(self.tx, product, self.shop.now)
        self.shop.product_event(self.tx, "update" if old else "create", product)
        return product

    def _category(self, old: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
        faults = unknown(given, (*CATEGORY, "id", "created_at"))
        if not is_text(given.get("title", "x" if old or given.get("locales") else None)):
            faults.append("title is missing or no text")
        locales = given.get("locales", [])
        if not isinstance(locales, list) or not all(isinstance(one, dict) and is_text(one.get("title", "")) for one in locales):
            faults.append("locales is no list of objects with a title")
        if not isinstance(given.get("enabled", True), bool) and given["enabled"] not in (0, 1):
            faults.append("enabled is no boolean")
        self._refuse(faults)
        category = dict(old) if old else {
            "id": self._number(), "title": str(locales[0].get("title", "")) if locales else "", "comment": "",
            "created_at": gmt(self.shop.now), "enabled": True, "locales": [],
        }
        category |= {name: given[name] for name in CATEGORY if name in given}
        self.tx.keep_flickrocket("categories", category, self.shop.now)
        return category

    def _theme(self, old: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
        if old is None and (not is_text(given.get("title")) or not given["title"].strip()):
            raise Refused(400, "title is missing or no text")
        at = gmt(self.shop.now)
        theme = (dict(old) if old else {"id": self._number(), "created_at": at, "is_default": False}) | {
            name: value for name, value in given.items() if name not in ("id", "created_at")} | {"updated_at": at}
        self.tx.keep_flickrocket("theme_settings", theme, self.shop.now)
        return theme

    def _fulfillment(self, old: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
        faults = unknown(given, (*FULFILLMENT, *FULFILLMENT_READ_ONLY))
        if "status" in given and (isinstance(given["status"], bool) or given["status"] not in (0, 100)):
            faults.append("status is 0 (not shipped) or 100 (shipped)")
        tracking = given.get("tracking_number", "")
        if not is_text(tracking):
            faults.append("tracking_number is no text")
        elif len(tracking) > TRACKING_CHARS:
            faults.append(f"tracking_number is longer than {TRACKING_CHARS} characters")
        self._refuse(faults)
        fulfillment = dict(old or {}) | {name: given[name] for name in FULFILLMENT if name in given}
        first = str(fulfillment.get("tracking_number", "")).partition(",")[0].strip()
        fulfillment["tracking_url"] = f"https://parcels.example.com/{first}" if first else ""
        self.tx.keep_flickrocket("fulfillments", fulfillment, self.shop.now)
        return fulfillment

    def _company(self, old: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
        company = dict(old or {}) | {name: value for name, value in given.items() if name not in ("id", "created_at")}
        company["updated_at"] = gmt(self.shop.now)
        self.tx.keep_flickrocket("companies", company, self.shop.now)
        return company

    def _webhook(self, old: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
        webhook, faults = webhook_changed(given, self.dialect, old)
        self._refuse(faults)
        webhook |= {"id": old["id"] if old else self._number(), "updated_at": gmt(self.shop.now)}
        self.tx.keep_flickrocket("webhooks", webhook, self.shop.now)
        return webhook


def unknown(given: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    strange = sorted(set(given) - set(names))
    return [f"there is no member {', '.join(strange)}"] if strange else []


def matching(things: Sequence[dict[str, Any]], query: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """The things that ``field:value`` finds: equal, letter case aside."""
    wanted, colon, value = query.partition(":")
    if not colon or wanted not in names:
        raise Refused(400, "invalid query")
    return [one for one in things if str(one.get(wanted, "")).casefold() == value.casefold()]


def moment(query: Mapping[str, str], name: str) -> str:
    """A date of the query as FlickRocket writes moments."""
    text = query.get(name, "")
    try:
        if DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        pass
    raise Refused(400, f"invalid {name}")
