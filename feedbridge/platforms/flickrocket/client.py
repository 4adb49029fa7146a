"""FlickRocket's REST API: products, categories, prices, licences, themes, fulfilments, webhooks, company, figures.

>>> with connect("default") as client:                       # doctest: +SKIP
...     client.prices().to_frame()
...     [product.title for product in client.products(query={"product_type": "16"})]

Calls keep to a rate that all processes of the machine share, and wait for a platform that is busy (K28). What may have
been carried out is never simply sent a second time: a create is looked up first.

Source: docs/platforms/flickrocket.md, sections 3 to 5, rules K27 to K34, choices A13 to A15, A19.
"""

from __future__ import annotations

import difflib
import html
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Literal, Protocol, Self, TypeVar
from urllib.parse import quote

from pydantic import Field

from feedbridge.errors import CommandError, FeedbridgeError
from feedbridge.findings import cut
from feedbridge.platforms.delivery import Rate, Reach, usable_endpoint
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.licences import MOST_NUMBER
from feedbridge.platforms.flickrocket.listing import Listing, count_of, read_pages, thing_of, things_of, typed
from feedbridge.platforms.flickrocket.resources import (
    STATE_NAMES,
    TRACKING_NAMES,
    Category,
    Company,
    CurrencyRate,
    Fulfillment,
    License,
    Price,
    Product,
    Resource,
    Statistics,
    ThemeSetting,
    Webhook,
    gmt,
    long_id,
    wire_name,
)
from feedbridge.platforms.flickrocket.tokens import Access, Hosts, TokenStore
from feedbridge.platforms.http import Http, Lost, Reply, Unsent, retry_after_seconds
from feedbridge.platforms.limiter import MARGIN_SECONDS, MOST_HORIZON_SECONDS, Limiter

__all__ = [
    "EVENTS", "GUESSED_RATE", "QUERY_FIELDS", "STATISTICS", "BurstLimiter", "BurstRate", "CallError", "Calls", "Client",
    "connect", "rate_of",
]

QUERY_FIELDS = ("version", "title", "comment", "product_id", "product_type")
"""What products can be asked for by."""
EVENTS = (
    "customer/create", "customer/update", "subscriber/create", "subscriber/update", "groupmember/create",
    "groupmember/update", "newsrecipient/create", "newsrecipient/update", "order/create", "product/create",
    "product/update", "product/delete", "app/uninstalled", "app/update",
)
"""What a webhook can tell of."""
STATISTICS = ("traffic", "order", "cart", "order_devices", "order_products")
RATE = "FEEDBRIDGE_FLICKROCKET_RATE"
TRIES = 10
PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 900.0
SHORTEST_TOKEN = 8
FEW_TRIES = 3
"""Tries where no connection was made, or an answer cannot be read: neither is what FlickRocket does when it is busy."""
MOST_TRACKING_CHARS = 64
STATES = {0: 0, 100: 100, "open": 0, "complete": 100}
BUSY = frozenset({502, 503, 504})
_INSIDE = {
    "language_id": "locales", "src": "locales", "license_id": "price_license_binding",
    "price_id": "price_license_binding", "compare_price_id": "price_license_binding", "hd": "price_license_binding",
    "audio_type": "price_license_binding", "num_users": "price_license_binding", "content_type": "content_files",
    "download_url": "content_files", "category_id": "categories",
}
_LICENSE_INSIDE = {"language_id": "locales", "description": "locales"}
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_RATE = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?)(?:/([0-9]{1,4}))?", re.ASCII)
_ORDER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
R = TypeVar("R", bound=Resource)
Dialect = Literal["plugin", "documented"]
Data = Mapping[str, Any]


class BurstRate(Rate):
    """``burst`` calls at once, and ``per_second`` in the long run; 0 is no limit.

    Source: A13. FlickRocket documents a leaky bucket, but none of its figures: these are our guess.
    """

    per_second: float = Field(default=2, ge=0)
    burst: int = Field(default=10, ge=1)


GUESSED_RATE = BurstRate()


def rate_of(environment: Mapping[str, str] | None = None) -> BurstRate:
    """The rate that ``FEEDBRIDGE_FLICKROCKET_RATE`` sets: calls a second, and how many at once after a slash; or ``off``.

    >>> rate_of({"FEEDBRIDGE_FLICKROCKET_RATE": "0.5/4"}).burst
    4

    Errors: CommandError for what is no rate.
    """
    said = (os.environ if environment is None else environment).get(RATE, "").strip()
    if not said:
        return GUESSED_RATE
    if said == "off":
        return BurstRate(per_second=0)
    match = _RATE.fullmatch(said)
    if match is None or float(match[1]) == 0 or int(match[2] or GUESSED_RATE.burst) == 0:
        raise CommandError(
            f'"{cut(said)}" is no rate', where=RATE, code="flickrocket.setting",
            mend="write calls a second and how many at once, as 2/10, or off",
        )
    return BurstRate(per_second=float(match[1]), burst=int(match[2] or GUESSED_RATE.burst))


class BurstLimiter(Limiter):
    """A Limiter for a bucket: at most ``burst`` calls in any stretch of ``burst / per_second`` seconds.

    A bucket of that size never runs over then, wherever the stretch begins. Limiters of other rates on the same account
    count the same calls.
    """

    def __init__(self, account: str, rate: BurstRate, folder: Path, **parts: Any) -> None:
        super().__init__(account, Rate(per_minute=rate.per_minute), folder, **parts)
        if rate.per_second > 0:
            seconds = min(rate.burst / rate.per_second, MOST_HORIZON_SECONDS) + MARGIN_SECONDS
            self._windows.append((rate.burst, seconds))
            self._horizon = max(self._horizon, seconds)


class CallError(FlickRocketError):
    """A call that did not succeed.

    ``reach``         how far it came, in the words of a delivery
    ``wait_seconds``  how long FlickRocket asks to wait, where it said
    """

    def __init__(self, message: str, *, reach: Reach, wait_seconds: float | None = None, **parts: Any) -> None:
        self.reach = reach
        self.wait_seconds = wait_seconds
        super().__init__(message, **parts)


class HasToken(Protocol):
    """What a call needs of ``tokens.Access``."""

    def token(self, fresh: bool = False) -> str:
        """An access token that can be used; ``fresh``: the last one was refused."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class _Came:
    """What came of one try. ``acted``: FlickRocket may have carried it out."""

    kind: Literal["done", "expired", "throttled", "busy", "lost", "unsent", "garbled", "failed", "refused", "redirect"]
    message: str = ""
    mend: str = ""
    answer: Any = None
    status: int | None = None
    wait: float | None = None
    acted: bool = False


class Calls:
    """Calls to the API, one at a time, each as often as K28 says. May be shared between threads.

    ``access``            gives tokens; they go in the header only
    ``base``              what paths are put behind: https (http only to this machine itself)
    ``tries``             most tries of one call
    ``pause_seconds``     between tries while FlickRocket is busy or silent
    ``patience_seconds``  longest time a call may take with its waits
    ``say``               told of every wait, in one sentence
    """

    def __init__(
        self, access: HasToken, base: str, limiter: Limiter, *, connect_seconds: float = 10, answer_seconds: float = 60,
        tries: int = TRIES, pause_seconds: float = PAUSE_SECONDS, patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], object] = time.sleep, clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        try:
            self._base = usable_endpoint(base).rstrip("/")
        except ValueError as exc:
            raise CommandError(
                f"FlickRocket's API cannot be called there: {exc}", where=base, code="flickrocket.setting",
                mend="choose the hosts with FEEDBRIDGE_FLICKROCKET_HOSTS",
            ) from None
        if tries < 1:
            raise _wrong("tries", "at least one try is needed", "flickrocket.setting")
        self.access = access
        self.tries = tries
        self._limiter = limiter
        self._http = Http(connect_seconds, answer_seconds)
        self._pause_seconds = pause_seconds
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._clock = clock
        self._say = say
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"Calls({self._base!r})"

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()
        self.access.close()

    def ask(
        self, method: Literal["GET", "POST", "PUT", "DELETE"], path: str, params: Mapping[str, str] | None = None,
        body: Data | None = None, *, look_up: Callable[[], Any] | None = None,
    ) -> Any:
        """Make a call. Returns its answer's JSON, numbers with a point as Decimal; None when it is empty.

        ``path``     behind the base, with its slash: ``/api/products.json``
        ``look_up``  of a POST: what it made, if it did; None: nothing. Asked before it is sent again

        Errors: FlickRocketError: flickrocket.refused, .gone, .down, .answer, .unknown (a POST that may have been carried
        out), and those of the token.
        """
        where = f"{method} {path}"
        url = self._base + path
        if params:
            url += "?" + "&".join(f"{name}={quote(value, safe=':,')}" for name, value in params.items())
        text = "" if body is None else json.dumps(body, allow_nan=False)
        deadline = self._clock() + self._patience_seconds
        tried = 0
        growing = self._pause_seconds
        renew = renewed = doubt = False
        while True:
            came = self._try(method, url, text, deadline, renew)
            renew = False
            if came.kind == "done":
                return came.answer
            if came.kind == "expired" and not renewed:
                renew = renewed = True
                continue
            if came.status == 404 and method == "DELETE" and doubt:
                return None  # an earlier try deleted it
            tried += 1
            doubt = doubt or came.acted
            if method == "POST" and came.acted:
                looked = self._looked_up(look_up, came, where, deadline)
                if looked is not None:
                    return looked
            elif came.kind in ("expired", "refused", "failed", "redirect"):
                raise self._error(came, where, method)
            most = min(self.tries, FEW_TRIES) if came.kind in ("unsent", "garbled") else self.tries
            if came.kind == "failed" or tried >= most:
                raise self._error(came, where, method, tried)
            if came.kind == "throttled":
                wait, growing = (growing, growing * 2) if came.wait is None else (came.wait, growing)
            else:
                wait = max(self._pause_seconds, came.wait or 0)
            if self._clock() + wait > deadline:
                raise self._error(came, where, method, tried)
            self._say(f"{where}: {came.message}; try {tried + 1} of at most {most} in {wait:g} seconds")
            if came.kind == "throttled":
                self._limiter.pause(wait)  # of all processes, this one included
            else:
                self._sleep(wait)

    def _try(self, method: str, url: str, text: str, deadline: float, renew: bool) -> _Came:
        """One try: what came of it, never raised for."""
        token = self.access.token(fresh=True) if renew else self.access.token()
        with self._one_at_a_time:
            self._limiter.wait(lambda: self._clock() >= deadline)
            if self._clock() >= deadline:
                return _Came("busy", "other calls of this machine, or a pause FlickRocket asked for, took all the time")
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            try:
                if method == "GET":
                    reply = self._http.get(url, headers=headers)
                elif method == "POST":
                    reply = self._http.post(url, headers=headers, json_text=text)
                elif method == "PUT":
                    reply = self._http.put(url, headers=headers, json_text=text)
                else:
                    reply = self._http.delete(url, headers=headers)
            except Unsent as exc:
                return _Came("unsent", exc.reason, exc.mend)
            except Lost as exc:
                return _Came("lost", exc.reason, exc.mend, acted=True)
        return _came(method, reply, token)

    def _looked_up(
        self, look_up: Callable[[], Any] | None, came: _Came, where: str, deadline: float
    ) -> Any:
        """What a POST whose fate is not known has made; None when it is not there.

        Errors: CallError, code flickrocket.unknown, when that cannot be told.
        """
        if look_up is None or self.tries == 1:
            raise self._unknown(came, where)
        for _ in range(2 if came.kind == "lost" else 1):  # FlickRocket may still be at it
            if self._clock() + self._pause_seconds > deadline:
                raise self._unknown(came, where)
            self._say(f"{where}: {came.message}; it is looked up in {self._pause_seconds:g} seconds whether it was done")
            self._sleep(self._pause_seconds)
            try:
                found = look_up()
            except FlickRocketError as exc:
                raise self._unknown(came, where, f", and it cannot be looked up: {exc.message}") from exc
            if found is not None:
                return found
        return None

    def _unknown(self, came: _Came, where: str, more: str = "") -> CallError:
        return CallError(
            f"FlickRocket may or may not have carried it out: {came.message}{more}", where=where, status=came.status,
            code="flickrocket.unknown", reach=Reach.UNKNOWN, wait_seconds=came.wait,
            mend="look in FlickRocket's admin interface whether it is there before it is sent again",
        )

    def _error(self, came: _Came, where: str, method: str, tried: int = 1) -> CallError:
        """The error of a call that is given up."""
        message = came.message + (f", in each of {tried} tries" if tried > 1 else "")
        code, reach, mend = "flickrocket.down", Reach.WAIT, came.mend or "run it again later"
        if came.kind == "refused":
            code = "flickrocket.gone" if came.status == 404 else "flickrocket.refused"
            reach = Reach.STOP if came.status == 401 else Reach.REFUSED
            mend = came.mend or _MENDS.get(came.status or 0, _MENDS[400])
        elif came.kind == "expired":
            code, reach = "flickrocket.refused", Reach.STOP
            mend = "feedbridge flickrocket tokeninfo tells what the token is good for; log in again if it is not enough"
        elif came.kind == "redirect":
            code, reach, mend = "flickrocket.answer", Reach.STOP, "look at FEEDBRIDGE_FLICKROCKET_HOSTS"
        elif came.kind == "garbled":
            code, reach = "flickrocket.answer", Reach.WAIT if method == "GET" else Reach.UNKNOWN
            mend = "look whether a proxy or a login page stands between this machine and FlickRocket"
        elif came.kind == "unsent":
            reach = Reach.UNSENT
        elif came.kind in ("lost", "failed") and method != "GET":
            reach = Reach.UNKNOWN
        return CallError(
            message, where=where, status=came.status, code=code, mend=mend, reach=reach, wait_seconds=came.wait)


_MENDS = {
    400: "look at what was sent",
    403: "the permission lacks the scope for this, or the shop's plan does; log in again with the scope: "
    "feedbridge flickrocket login --scopes …",
    404: "look at the id: it was deleted, or belongs to another shop; or FEEDBRIDGE_FLICKROCKET_HOSTS names another place",
}


_EXPIRED = frozenset({": expired", ": invalid access_token"})
"""FlickRocket's words for a token it does not take (any more)."""


def _came(method: str, reply: Reply, token: str) -> _Came:
    """What an answer means."""
    status = reply.status
    body = reply.body
    if len(token) >= SHORTEST_TOKEN:  # nothing shows it then, whatever it stands in
        body = body.replace(token.encode(), b"...")
    answer, readable = _decoded(body)
    said = _said(answer)
    told = f"FlickRocket answered {status}{said}"
    if 200 <= status < 300:
        if not readable or (method == "GET" and not reply.body.strip()):
            what = "no JSON" if reply.body.strip() else "empty"
            return _Came("garbled", f"FlickRocket's answer ({status}) is {what}", status=status, acted=True)
        if said:
            return _Came("refused", told, status=status)
        return _Came("done", answer=answer, status=status)
    if status < 400:
        return _Came("redirect", f"{told}, which leads to another address and is not followed", status=status)
    if status == 401 or (status in (400, 403) and said in _EXPIRED):
        dropped = "required" in said
        return _Came(
            "refused" if dropped else "expired", told, status=status,
            mend="something between this machine and FlickRocket drops the Authorization header" if dropped else "",
        )
    if status == 429:
        return _Came("throttled", told, status=status, wait=retry_after_seconds(reply.headers),
                     mend="run it again later, or lower the rate")
    if status in BUSY:
        return _Came("busy", told, status=status, wait=retry_after_seconds(reply.headers), acted=True)
    if status >= 500:
        return _Came("failed", told, status=status, acted=True)
    return _Came("refused", told, status=status)


def _decoded(body: bytes) -> tuple[Any, bool]:
    """(JSON, True), or (None, False) when it is none. Numbers with a point are Decimal; nothing is a float."""
    try:
        text = body.decode("utf-8-sig")
        if not text.strip():
            return None, True
        return json.loads(text, parse_float=_decimal, parse_constant=_no_number), True
    except (ValueError, RecursionError, ArithmeticError):
        return None, False


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > 30:
        raise ValueError
    return number


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _said(answer: Any) -> str:
    """FlickRocket's words in an answer that says no, as ``: not found``; empty when it does not."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not error:
        return ""
    words = error if isinstance(error, str) else json.dumps(error, default=str)
    words = "".join(sign if sign.isprintable() else " " for sign in words)
    number = answer.get("error_code")
    return f": {cut(words)}" + (f" (error_code {number})" if type(number) is int and number != -1 else "")


@dataclass(frozen=True)
class _Kind(Generic[R]):
    """A resource: its path, that under api2, the names answers hold it by (plural, singular …), its type."""

    model: type[R]
    path: str
    names: tuple[str, ...]
    path2: str = ""
    counted: bool = True

    @property
    def singular(self) -> str:
        return self.names[1]


PRODUCTS = _Kind(Product, "products", ("products", "product"))
CATEGORIES = _Kind(Category, "categories", ("categories", "category"))
PRICES = _Kind(Price, "prices", ("prices", "price"))
LICENSES = _Kind(License, "licenses", ("licenses", "license"), counted=False)
THEMES = _Kind(
    ThemeSetting, "themesettings", ("theme_settings", "theme_setting", "themesettings", "themesetting"),
    path2="theme_settings",
)
FULFILLMENTS = _Kind(Fulfillment, "fulfillments", ("fulfillments", "fulfillment"))
COMPANIES = _Kind(Company, "companies", ("companies", "company"))
RATES = _Kind(CurrencyRate, "currency_rates", ("currency_rates", "currency_rate"), counted=False)
WEBHOOKS = _Kind(Webhook, "webhooks", ("webhooks", "webhook"), counted=False)
WIRE = {
    "plugin": {"event": "scope", "address": "destination", "active": "is_valid"},
    "documented": {"event": "topic", "address": "address", "active": "is_active"},
}
"""Names of a webhook's members in both dialects (A15)."""


class Client:
    """One shop's API. Lists are read as they are used, page by page; objects are typed (resources.py).

    Wrong arguments are a CommandError, and nothing is sent. All else is a FlickRocketError; its code is
    flickrocket.gone for what is not there, flickrocket.unknown for a create whose fate cannot be told.

    ``api``  ``api``, or ``api2``: the paths of FlickRocket's newer help pages (A14)
    """

    def __init__(self, calls: Calls, *, api: Literal["api", "api2"] = "api") -> None:
        if api not in ("api", "api2"):
            raise _wrong("api", f'there is no "{cut(api)}"', "flickrocket.setting", "say api or api2")
        self.calls = calls
        self._api = api

    def __repr__(self) -> str:
        return f"Client({self.calls!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self.calls.close()

    # Products.

    def products(
        self, fields: str | Iterable[str] | None = None, query: str | Mapping[str, Any] | None = None
    ) -> Listing[Product]:
        """The products.

        ``fields``  members to read (first level only), as ``["title", "locales"]``; the id always comes with them
        ``query``   one of version, title, comment, product_id, product_type: ``{"title": "Moby-Dick"}`` or
                    ``"title:Moby-Dick"``
        """
        chosen = _fields(fields, _INSIDE)
        params = _fields_param(chosen)
        if query is not None:
            params["query"] = _query(query)
        return self._listing(PRODUCTS, params, fields=chosen, counted=query is None, paged=True)

    def product(self, id: int | str, fields: str | Iterable[str] | None = None) -> Product:
        """A product by its short id, or by its long one."""
        if isinstance(id, str) and "-" in id:
            wanted = _long(id)
            chosen = _fields(fields, _INSIDE)
            for found in self.products(None if chosen is None else [*chosen, "product_id"], {"product_id": wanted}):
                if found.product_id == wanted:
                    return found
            raise FlickRocketError(
                f"there is no product {wanted}", where="GET /api/products.json", code="flickrocket.gone",
                mend=_MENDS[404],
            )
        return self._one(PRODUCTS, _short(id), _fields_param(_fields(fields, _INSIDE)))

    def create_product(
        self, data: Data, *, look_up: Literal["title", "comment", "version"] | None = "title"
    ) -> Product:
        """Make a product's record; its content is uploaded elsewhere.

        ``data``     members as of section 4.2; ``title`` and ``product_type`` are needed
        ``look_up``  the member by which it is found again when the answer is lost. Best is a comment that no other
                     product has. None: such a create is flickrocket.unknown at once
        """
        body = _body(data, "a product")
        if not isinstance(body.get("title"), str) or not body["title"].strip() or type(body.get("product_type")) is not int:
            raise _wrong("product", "a new product needs a title, and a product_type that is a number", "flickrocket.K6")
        _no_ids(body)
        find: Callable[[], Mapping[str, Any] | None] | None = None
        if look_up is not None:
            find = self._new_like(PRODUCTS, look_up, body, "product_type")
        return self._created(PRODUCTS, body, find)

    def update_product(self, id: int | str, data: Data) -> Product:
        """Change members of a product; what ``data`` does not name stays, as far as is known (A6)."""
        body = _body(data, "a product")
        if "product_type" in body:
            raise _wrong(
                "product.product_type", "the type of a product can never be changed", "flickrocket.K8",
                "leave it out; or delete the product and make it anew",
            )
        return self._updated(PRODUCTS, _short(id), body)

    def delete_product(self, id: int | str) -> None:
        """Delete a product."""
        self._deleted(PRODUCTS, _short(id))

    # Categories.

    def categories(self) -> Listing[Category]:
        """The categories."""
        return self._listing(CATEGORIES, {})

    def category(self, id: int | str) -> Category:
        """A category."""
        return self._one(CATEGORIES, _short(id))

    def create_category(self, data: Data, *, look_up: Literal["title"] | None = "title") -> Category:
        """Make a category. ``look_up``: as of products; the whole list is read for it."""
        body = _body(data, "a category")
        _no_ids(body)
        if look_up is not None and not str(body.get("title") or "").strip():
            raise _wrong("category.title", "a new category needs a title", "flickrocket.title")
        find = self._new_like(CATEGORIES, look_up, body) if look_up is not None else None
        return self._created(CATEGORIES, body, find)

    def update_category(self, id: int | str, data: Data) -> Category:
        """Change members of a category."""
        return self._updated(CATEGORIES, _short(id), _body(data, "a category"))

    def delete_category(self, id: int | str) -> None:
        """Delete a category."""
        self._deleted(CATEGORIES, _short(id))

    # Prices and licences: read only (K32).

    def prices(self) -> Listing[Price]:
        """The price models; they can only be read."""
        return self._listing(PRICES, {})

    def price(self, id: int | str) -> Price:
        """A price model."""
        return self._one(PRICES, _short(id))

    def licenses(self, fields: str | Iterable[str] | None = None) -> Listing[License]:
        """The licences; they can only be read."""
        chosen = _fields(fields, _LICENSE_INSIDE)
        return self._listing(LICENSES, _fields_param(chosen), fields=chosen)

    def license(self, id: int | str, fields: str | Iterable[str] | None = None) -> License:
        """A licence."""
        return self._one(LICENSES, _short(id), _fields_param(_fields(fields, _LICENSE_INSIDE)))

    # Theme settings.

    def theme_settings(self, fields: str | Iterable[str] | None = None) -> Listing[ThemeSetting]:
        """The themes of the shop."""
        chosen = _fields(fields, {})
        return self._listing(THEMES, _fields_param(chosen), fields=chosen)

    def theme_setting(self, id: int | str, fields: str | Iterable[str] | None = None) -> ThemeSetting:
        """A theme."""
        return self._one(THEMES, _short(id), _fields_param(_fields(fields, {})))

    def create_theme_setting(self, data: Data) -> ThemeSetting:
        """Make a theme. It cannot be looked up, so a lost answer is flickrocket.unknown."""
        body = _body(data, "a theme")
        _no_ids(body)
        return self._created(THEMES, body, None)

    def update_theme_setting(self, id: int | str, data: Data) -> ThemeSetting:
        """Change members of a theme."""
        return self._updated(THEMES, _short(id), _body(data, "a theme"))

    def delete_theme_setting(self, id: int | str) -> None:
        """Delete a theme."""
        self._deleted(THEMES, _short(id))

    # Fulfilments.

    def fulfillments(
        self, created_at_min: str | date | None = None, created_at_max: str | date | None = None,
        state: Literal["open", "complete"] | None = None,
    ) -> Listing[Fulfillment]:
        """Parcels: all, or those made in a time (GMT where no zone is named; days are whole days), or only open or sent
        ones; or both."""
        if state not in (None, "open", "complete"):
            raise _wrong("state", f'there is no state "{cut(state)}"', "flickrocket.K33", "say open or complete, or nothing")
        low, high = _moment(created_at_min, "created_at_min"), _moment(created_at_max, "created_at_max")
        if high is not None and created_at_max is not None and _is_day(created_at_max):
            high += timedelta(days=1, seconds=-1)
        if low is not None and high is not None and low > high:
            raise _wrong("created_at_min", "it is later than created_at_max", "flickrocket.period")
        if state is not None:  # times are documented for the whole list only
            keep = None if low is None and high is None else lambda one: _within(one.created_at, low, high)
            return self._listing(FULFILLMENTS, {}, f"/{state}", counted=False, keep=keep)
        given = {"created_at_min": low, "created_at_max": high}
        params = {name: _written(moment) for name, moment in given.items() if moment is not None}
        return self._listing(FULFILLMENTS, params, counted=not params)

    def fulfillment(self, order_id: int | str) -> Fulfillment:
        """The parcel of an order."""
        return self._one(FULFILLMENTS, _order(order_id))

    def update_fulfillment(
        self, order_id: int | str, *, tracking: str | Sequence[str] | None = None,
        state: Literal[0, 100, "open", "complete"] | None = None, state_name: str | None = None,
        tracking_name: str | None = None,
    ) -> Fulfillment:
        """Give a parcel tracking numbers (all of them at once, at most 64 characters with their commas), or a state:
        0 open, 100 sent.

        How FlickRocket calls the two is not in what is documented: the parcel is read first, and the names it has there are
        used, unless ``state_name`` and ``tracking_name`` say others. Afterwards it is made sure that it was taken.
        """
        order = _order(order_id)
        numbers = None if tracking is None else _tracking(tracking)
        if numbers is None and state is None:
            raise _wrong("update_fulfillment", "neither tracking numbers nor a state is given", "flickrocket.K33")
        if isinstance(state, bool) or (state is not None and state not in STATES):
            raise _wrong("state", f'"{cut(state)}" is no state of a parcel', "flickrocket.K33", "0 is open, 100 is sent")
        path = self._path(FULFILLMENTS, order)
        raw = thing_of(self.calls.ask("GET", path), FULFILLMENTS.names, f"GET {path}")
        if raw is None:
            raise _gone(f"GET {path}")
        body: dict[str, Any] = {}
        if numbers is not None:
            body[tracking_name or wire_name(raw, TRACKING_NAMES)] = numbers
        if state is not None:
            body[state_name or wire_name(raw, STATE_NAMES)] = STATES[state]
        self.calls.ask("PUT", path, body={FULFILLMENTS.singular: body})
        after = thing_of(self.calls.ask("GET", path), FULFILLMENTS.names, f"GET {path}")
        if after is None:
            raise _gone(f"GET {path}")
        kept = [name for name, value in body.items() if _plain(after.get(name)) != _plain(value)]
        if kept:
            raise CallError(
                f"FlickRocket said yes, but {' and '.join(kept)} did not become what was sent", where=f"PUT {path}",
                code="flickrocket.refused", reach=Reach.REFUSED,
                mend="enter it in FlickRocket's admin interface, and tell the maintainers of feedbridge what the members "
                f"are called there; it has {', '.join(cut(name) for name in after)}",
            )
        return typed(Fulfillment, after, f"GET {path}")

    # Webhooks, in both dialects (A15).

    def webhooks(self, dialect: Dialect = "plugin") -> Listing[Webhook]:
        """The webhooks of the app. ``dialect``: ``plugin`` as the vendor's own plugin has them, or ``documented``."""
        path = self._webhook_path(dialect)

        def pages() -> Iterator[list[dict[str, Any]]]:
            yield things_of(self.calls.ask("GET", path), WEBHOOKS.names, f"GET {path}")

        return Listing(Webhook, pages, f"GET {path}")

    def webhook(self, id: int | str, dialect: Dialect = "plugin") -> Webhook:
        """A webhook."""
        return self._read(WEBHOOKS, self._webhook_path(dialect, _short(id)))

    def create_webhook(self, event: str, address: str, *, dialect: Dialect = "plugin") -> Webhook:
        """Have an event told to an address: https (http only to this machine itself, for the sandbox)."""
        names = _dialect(dialect)
        event, address = _event(event), _address(address)
        body: dict[str, Any] = {names["event"]: event, names["address"]: address}
        body |= {"is_valid": True} if dialect == "plugin" else {"format": "json"}
        path = self._webhook_path(dialect)

        def find() -> dict[str, Any] | None:
            for raw in things_of(self.calls.ask("GET", path), WEBHOOKS.names, f"GET {path}"):
                one = typed(Webhook, raw, f"GET {path}")
                if (one.event, one.address) == (event, address) and one.active is not False:
                    return raw
            return None

        return self._created(WEBHOOKS, body, find, path)

    def update_webhook(
        self, id: int | str, *, event: str | None = None, address: str | None = None, active: bool | None = None,
        dialect: Dialect = "plugin",
    ) -> Webhook:
        """Change a webhook; ``active=True`` revives one that FlickRocket has given up."""
        names = _dialect(dialect)
        body: dict[str, Any] = {}
        if event is not None:
            body[names["event"]] = _event(event)
        if address is not None:
            body[names["address"]] = _address(address)
        if active is not None:
            body[names["active"]] = bool(active)
        if not body:
            raise _wrong("update_webhook", "nothing to change is given", "flickrocket.empty")
        path = self._webhook_path(dialect, _short(id))
        answer = self.calls.ask("PUT", path, body={"webhook": body})
        return self._answered(WEBHOOKS, answer, f"PUT {path}") or self._read(WEBHOOKS, path)

    def delete_webhook(self, id: int | str, *, dialect: Dialect = "plugin") -> None:
        """Delete a webhook."""
        self.calls.ask("DELETE", self._webhook_path(dialect, _short(id)))

    # The company, and figures.

    def company(self, id: int | str | None = None) -> Company:
        """The shop's own company, or one associated with it."""
        if id is not None:
            return self._one(COMPANIES, _short(id))
        return self._read(COMPANIES, self._path(COMPANIES), {"self": "1"})

    def statistics(
        self, kind: Literal["traffic", "order", "cart", "order_devices", "order_products"], company_id: int | str,
        start: str | date, end: str | date,
    ) -> Statistics:
        """A statistic of a time: dates, or moments in GMT."""
        if kind not in STATISTICS:
            raise _wrong("kind", f'there is no statistic "{cut(kind)}"', "flickrocket.statistics", f"say {', '.join(STATISTICS)}")
        low, high = _moment(start, "start"), _moment(end, "end")
        if low is None or high is None or low > high:
            raise _wrong("start", "a statistic needs a start, and an end that is not before it", "flickrocket.period")
        company = _short(company_id)
        begins, ends = _day(start, low), _day(end, high)
        path = f"/{self._api}/statistics/{kind}/{company}.json"
        answer = self.calls.ask("GET", path, {"StartDate": begins, "EndDate": ends})
        return Statistics(kind=kind, company_id=int(company), start=begins, end=ends, data=answer)

    def currency_rates(self) -> Listing[CurrencyRate]:
        """What a euro is worth."""
        path = self._path(RATES)

        def pages() -> Iterator[list[dict[str, Any]]]:
            yield things_of(self.calls.ask("GET", path), RATES.names, f"GET {path}")

        return Listing(CurrencyRate, pages, f"GET {path}")

    # What they share.

    def _path(self, kind: _Kind[Any], rest: str = "") -> str:
        name = kind.path2 if self._api == "api2" and kind.path2 else kind.path
        return f"/{self._api}/{name}{f'/{rest}' if rest else ''}.json"

    def _webhook_path(self, dialect: str, rest: str = "") -> str:
        _dialect(dialect)
        tail = f"/{rest}" if rest else ""
        return f"/admin/webhooks{tail}.json" if dialect == "documented" else f"/api/webhooks{tail}.json"

    def _listing(
        self, kind: _Kind[R], params: Mapping[str, str], rest: str = "", *, fields: Sequence[str] | None = None,
        counted: bool = True, paged: bool = False, keep: Callable[[R], bool] | None = None,
    ) -> Listing[R]:
        """``paged``: the list is known to come in pages (K30)."""
        path = self._path(kind, rest.removeprefix("/"))

        def page(number: int) -> list[dict[str, Any]]:
            return things_of(
                self.calls.ask("GET", path, {**params, "Page": str(number)}), kind.names, f"GET {path}, page {number}")

        def count() -> int:
            counting = self._path(kind, "count")
            return count_of(self.calls.ask("GET", counting), f"GET {counting}")

        has_count = kind.counted and counted
        whole = None if paged else (count if has_count else lambda: None)
        return Listing(
            kind.model, lambda: read_pages(page, f"GET {path}", whole), f"GET {path}", count=count if has_count else None,
            fields=fields, keep=keep,
        )

    def _one(self, kind: _Kind[R], id: str, params: Mapping[str, str] | None = None) -> R:
        return self._read(kind, self._path(kind, id), params)

    def _read(self, kind: _Kind[R], path: str, params: Mapping[str, str] | None = None) -> R:
        raw = thing_of(self.calls.ask("GET", path, params), kind.names, f"GET {path}")
        if raw is None:
            raise _gone(f"GET {path}")
        return typed(kind.model, raw, f"GET {path}")

    def _created(
        self, kind: _Kind[R], body: Data, find: Callable[[], Mapping[str, Any] | None] | None, path: str = ""
    ) -> R:
        """Send a create, and return what was made, whatever the answer holds of it."""
        path = path or self._path(kind)
        where = f"POST {path}"

        def look_up() -> Any:
            found = find() if find is not None else None
            return None if found is None else {kind.singular: found}

        answer = self.calls.ask("POST", path, body={kind.singular: body}, look_up=look_up if find is not None else None)
        if (made := self._answered(kind, answer, where)) is not None:
            return made
        named = self._named(kind, answer)
        said = "FlickRocket said yes, but not what was made"
        try:
            if kind.model is Product and isinstance(named.get("product_id"), str):
                return self.product(named["product_id"])  # type: ignore[return-value]  # kind.model is Product
            if find is not None and (found := find()) is not None:
                return typed(kind.model, found, where)
        except FeedbridgeError as exc:
            said += f", and it cannot be looked up: {exc.message}"
        raise CallError(
            said, where=where, code="flickrocket.unknown", reach=Reach.UNKNOWN,
            mend="look in FlickRocket's admin interface whether it is there before it is sent again",
        )

    def _updated(self, kind: _Kind[R], id: str, body: Mapping[str, Any]) -> R:
        if "id" in body and str(body["id"]) != id:
            raise _wrong("id", f"the data is of {cut(body['id'])}, and {id} is to be changed", "flickrocket.K7")
        path = self._path(kind, id)
        answer = self.calls.ask("PUT", path, body={kind.singular: body})
        return self._answered(kind, answer, f"PUT {path}") or self._one(kind, id)

    def _deleted(self, kind: _Kind[Any], id: str) -> None:
        self.calls.ask("DELETE", self._path(kind, id))

    def _answered(self, kind: _Kind[R], answer: Any, where: str) -> R | None:
        """The thing an answer to a write holds; None when it holds none, or not its id."""
        raw = self._named(kind, answer)
        return typed(kind.model, raw, where) if raw.get("id") is not None else None

    def _named(self, kind: _Kind[Any], answer: Any) -> dict[str, Any]:
        try:
            return thing_of(answer, kind.names, "") or {}
        except FlickRocketError:  # a write was taken: what it is like is read back
            return {}

    def _new_like(
        self, kind: _Kind[Any], member: str, body: Data, *further: str
    ) -> Callable[[], dict[str, Any] | None] | None:
        """A look-up for what a create has made: the one thing that was not there before and is like ``body``."""
        value = body.get(member)
        if not isinstance(value, str) or not value.strip():
            raise _wrong(
                f"{kind.singular}.{member}", "it is what a lost create is looked up by, and there is none",
                "flickrocket.look-up", "give it, name another member as look_up, or None",
            )
        if self.calls.tries == 1:  # nothing is sent twice, so nothing is looked up
            return None

        def like() -> dict[str, dict[str, Any]]:
            listing: Listing[Any] = self.products(query={member: value}) if kind.model is Product else self._listing(kind, {})
            return {
                str(raw["id"]): raw for page in listing.raw_pages() for raw in page
                if "id" in raw and _same(raw.get(member), value)
                and all(raw.get(name) is None or _plain(raw[name]) == _plain(body.get(name)) for name in further)
            }

        before = set(like())

        def find() -> dict[str, Any] | None:
            new = [raw for id, raw in like().items() if id not in before]
            if len(new) > 1:
                raise FlickRocketError(
                    f"{len(new)} things like it were made meanwhile: {', '.join(str(raw['id']) for raw in new)}",
                    where=f"GET {self._path(kind)}", code="flickrocket.unknown",
                )
            return new[0] if new else None

        return find


def connect(
    shop: str = "default", *, environment: Mapping[str, str] | None = None, store: TokenStore | None = None,
    hosts: Hosts | None = None, rate: Rate | None = None, api: Literal["api", "api2"] = "api",
    access: Access | None = None, limits_folder: Path | None = None, connect_seconds: float = 10,
    answer_seconds: float = 60, tries: int = TRIES, pause_seconds: float = PAUSE_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS, sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic, say: Callable[[str], object] = lambda sentence: None,
) -> Client:
    """The API of a shop that is logged in (``feedbridge flickrocket login``). Nothing is sent yet.

    ``environment``       instead of the process's; ``store``, ``hosts``: instead of what it says
    ``rate``              of all processes of this machine together: a BurstRate, or a plain Rate; None: what
                          FEEDBRIDGE_FLICKROCKET_RATE says, else our guess
    ``limits_folder``     where calls are counted; None: beside the tokens
    ``answer_seconds``    longest silence of FlickRocket
    ``tries``             most tries of a call; 1: never again, nor looked up: for those who do that themselves
    ``patience_seconds``  longest time a call may take with its waits
    ``say``               told of every wait

    Errors: CommandError for settings that cannot be used. That nobody is logged in shows with the first call.
    """
    if rate is None:
        rate = rate_of(environment)
    if access is None:
        access = Access(shop, store=store, hosts=hosts, environment=environment)
    folder = access.store.folder / "rates" if limits_folder is None else limits_folder
    try:
        whose = access.store.read(access.shop).client_id
    except FlickRocketError:
        whose = f"shop {access.shop}"
    account = f"flickrocket {access.hosts.api} {whose}"
    limiter = (
        BurstLimiter(account, rate, folder, sleep=sleep, clock=clock) if isinstance(rate, BurstRate)
        else Limiter(account, rate, folder, sleep=sleep, clock=clock)
    )
    calls = Calls(
        access, access.hosts.api, limiter, connect_seconds=connect_seconds, answer_seconds=answer_seconds, tries=tries,
        pause_seconds=pause_seconds, patience_seconds=patience_seconds, sleep=sleep, clock=clock, say=say,
    )
    return Client(calls, api=api)


# What is checked before anything is sent.


def _wrong(where: str, message: str, code: str, mend: str = "") -> CommandError:
    return CommandError(message, where=where, code=code, mend=mend)


def _gone(where: str) -> FlickRocketError:
    return FlickRocketError("FlickRocket has nothing there", where=where, code="flickrocket.gone", mend=_MENDS[404])


def _short(id: int | str) -> str:
    """A short id as it stands in an address."""
    if isinstance(id, str):
        text = id.strip()
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else 0
    else:
        number = 0 if isinstance(id, bool) or not isinstance(id, int) else id
    if not 0 < number <= MOST_NUMBER:
        raise _wrong(
            "id", f'"{cut(id)}" is no short id', "flickrocket.K7",
            "give the whole number that stands in the admin interface; a long id only finds a product",
        )
    return str(number)


def _long(id: str) -> str:
    try:
        return long_id(id)
    except ValueError as exc:
        raise _wrong("product_id", f'"{cut(id)}" is no long id', "flickrocket.K34", str(exc)) from None


def _order(id: int | str) -> str:
    text = str(id).strip() if isinstance(id, int | str) and not isinstance(id, bool) else ""
    if not _ORDER.fullmatch(text) or text in ("open", "complete", "count"):
        raise _wrong("order_id", f'"{cut(id)}" is no id of an order', "flickrocket.order")
    return text


def _fields(fields: str | Iterable[str] | None, inside: Mapping[str, str]) -> list[str] | None:
    """The members to read, the id always among them (K31)."""
    if fields is None:
        return None
    given = [name.strip() for name in fields.split(",")] if isinstance(fields, str) else list(fields)
    if not given:
        raise _wrong("fields", "no member is named", "flickrocket.K31", "name some, or leave fields out")
    for name in given:
        if not isinstance(name, str) or not _FIELD.fullmatch(name):
            raise _wrong("fields", f'"{cut(name)}" is no member of the first level', "flickrocket.K31", "name it without a path")
        if name in inside:
            raise _wrong(
                "fields", f'"{name}" is inside {inside[name]}, and only members of the first level can be chosen',
                "flickrocket.K31", f"name {inside[name]}",
            )
    return list(dict.fromkeys(["id", *given]))


def _fields_param(fields: Sequence[str] | None) -> dict[str, str]:
    return {} if fields is None else {"fields": ",".join(fields)}


def _query(query: str | Mapping[str, Any]) -> str:
    """``field:value`` (K31)."""
    if isinstance(query, str):
        name, colon, value = query.partition(":")
        pairs: list[tuple[Any, Any]] = [(name.strip(), value)] if colon else [(query, "")]
    else:
        pairs = list(query.items())
    if len(pairs) != 1:
        raise _wrong("query", f"it names {len(pairs)} members", "flickrocket.K31", "ask for one at a time")
    name, given = pairs[0]
    if name not in QUERY_FIELDS:
        near = difflib.get_close_matches(str(name), QUERY_FIELDS, 1)
        raise _wrong(
            "query", f'products cannot be asked for by "{cut(name)}"', "flickrocket.K31",
            (f'did you mean "{near[0]}"? ' if near else "") + f"There are {', '.join(QUERY_FIELDS)}",
        )
    value = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not value or _UNSENDABLE.search(value):
        raise _wrong("query", f'"{cut(given)}" is no value to look for', "flickrocket.K31")
    if name == "product_id":
        value = _long(value)
    if name == "product_type" and not (value.isascii() and value.isdigit()):
        raise _wrong("query", f'"{cut(value)}" is no product type, which is a number', "flickrocket.K31")
    return f"{name}:{value}"


def _body(data: Data, what: str) -> dict[str, Any]:
    """What is to be sent: plain JSON without floats."""
    if not isinstance(data, Mapping) or not data:
        raise _wrong("data", f"the members of {what} are needed, by their names", "flickrocket.empty")
    body = {str(name): _json(value, str(name)) for name, value in data.items()}
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _wrong("data", "a text of it is not Unicode", "flickrocket.data", "correct the text's encoding in the source") from None
    return body


def _json(value: Any, where: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): _json(one, f"{where}.{name}") for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one, f"{where}.{index}") for index, one in enumerate(value)]
    raise _wrong(
        where, f"a {type(value).__name__} cannot be sent", "flickrocket.data",
        "amounts are whole cents" if isinstance(value, float | Decimal) else "send texts, whole numbers, lists and objects",
    )


def _no_ids(body: Data) -> None:
    for name in ("id", "product_id"):
        if name in body:
            raise _wrong(name, "what is new has no id yet", "flickrocket.K6", "leave it out, or update what has it")


def _tracking(tracking: str | Sequence[str]) -> str:
    """Tracking numbers as one text (K33)."""
    numbers = tracking.split(",") if isinstance(tracking, str) else list(tracking)
    if not all(isinstance(number, str) for number in numbers):
        raise _wrong("tracking", "tracking numbers are texts", "flickrocket.K33")
    text = ",".join(number.strip() for number in numbers)
    if len(text) > MOST_TRACKING_CHARS:
        raise _wrong(
            "tracking", f"the tracking numbers have {len(text)} characters, and at most {MOST_TRACKING_CHARS} are kept",
            "flickrocket.K33", "give fewer numbers",
        )
    if not text.isprintable() or (text and any(not number.strip() or "," in number for number in numbers)):
        raise _wrong("tracking", f'"{cut(text)}" are no tracking numbers', "flickrocket.K33", "separate them by commas")
    return text


def _moment(given: str | date | None, where: str) -> datetime | None:
    try:
        found = gmt(given)
    except (ValueError, OverflowError):
        found = given
    if found is not None and not isinstance(found, datetime):
        raise _wrong(where, f'"{cut(given)}" is no date', "flickrocket.period", "write it as 2015-07-01 or 2015-07-01T00:00:00")
    return found


def _written(moment: datetime) -> str:
    """A moment as FlickRocket writes it: GMT, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def _day(given: str | date, moment: datetime) -> str:
    """A date when a date was given, else a moment."""
    return moment.date().isoformat() if _is_day(given) else _written(moment)


def _is_day(given: str | date) -> bool:
    return len(given.strip()) <= 10 if isinstance(given, str) else not isinstance(given, datetime)


def _within(moment: datetime | None, low: datetime | None, high: datetime | None) -> bool:
    return moment is not None and (low is None or moment >= low) and (high is None or moment <= high)


def _dialect(dialect: str) -> dict[str, str]:
    if dialect not in WIRE:
        raise _wrong("dialect", f'there is no dialect "{cut(dialect)}"', "flickrocket.A15", "say plugin or documented")
    return WIRE[dialect]


def _event(event: str) -> str:
    if event not in EVENTS:
        near = difflib.get_close_matches(str(event), EVENTS, 1)
        raise _wrong(
            "event", f'FlickRocket tells of no "{cut(event)}"', "flickrocket.event",
            f'did you mean "{near[0]}"?' if near else f"there are {', '.join(EVENTS)}",
        )
    return event


def _address(address: str) -> str:
    try:
        return usable_endpoint(address)
    except ValueError as exc:
        raise _wrong("address", f"no webhook can be sent there: {exc}", "flickrocket.address") from None


def _plain(value: Any) -> str:
    """A member for comparing: 0 and "0" are one, and so are nothing and an empty text."""
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return "" if value is None else "".join(str(value).split())


def _same(there: Any, sent: str) -> bool:
    """Whether a text is what was sent, but for blanks, letter case and HTML's spelling."""
    return isinstance(there, str) and _loose(there) == _loose(sent)


def _loose(text: str) -> str:
    return " ".join(html.unescape(text).split()).casefold()
