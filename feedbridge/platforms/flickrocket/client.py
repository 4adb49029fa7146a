"""FlickRocket's REST API: products, categories, prices, licences, themes, fulfilments, webhooks, company, figures.

>>> with connect("default") as client:                       # doctest: +SKIP
...     client.prices().to_frame()
...     [product.title for product in client.products(query={"product_type": "16"})]

Calls keep to a rate that all processes of the machine share, and wait for a platform that is busy (K28). What may have
been carried out is never simply sent a second time: a create is looked up first.

Source: docs/platforms/flickrocket.md, sections 3 to 5, rules K27 to K34, choices A13 to A15, A19.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from feedbridge.errors import FeedbridgeError
from feedbridge.findings import cut
from feedbridge.platforms.delivery import Rate, Reach
from feedbridge.platforms.flickrocket.access import Access
from feedbridge.platforms.flickrocket.arguments import (
    EVENTS,
    QUERY_FIELDS,
    Data,
    address_of,
    body_of,
    day_of,
    event_of,
    fields_of,
    fields_param,
    is_day,
    long_id_of,
    moment_of,
    names_of,
    no_ids,
    order_of,
    query_of,
    short_id_of,
    tracking_of,
    written,
    wrong,
)
from feedbridge.platforms.flickrocket.calls import (
    GUESSED_RATE,
    MENDS,
    PATIENCE_SECONDS,
    PAUSE_SECONDS,
    TRIES,
    BurstLimiter,
    BurstRate,
    CallError,
    Calls,
    gone,
    rate_of,
)
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.hosts import Hosts, api_of
from feedbridge.platforms.flickrocket.kinds import (
    CATEGORIES,
    COMPANIES,
    FULFILLMENTS,
    INSIDE_LICENSE,
    INSIDE_PRODUCT,
    LICENSES,
    PRICES,
    PRODUCTS,
    RATES,
    STATES,
    STATISTICS,
    THEMES,
    WEBHOOKS,
    Kind,
)
from feedbridge.platforms.flickrocket.listing import (
    Listing,
    count_of,
    is_another,
    read_pages,
    thing_of,
    things_of,
    typed,
    unusual,
)
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
    loose,
    wire_name,
)
from feedbridge.platforms.flickrocket.tokens import TokenStore
from feedbridge.platforms.flickrocket.turns import Turns
from feedbridge.platforms.limiter import Limiter

__all__ = [
    "EVENTS", "GUESSED_RATE", "QUERY_FIELDS", "STATISTICS", "BurstLimiter", "BurstRate", "CallError", "Calls", "Client",
    "connect", "rate_of",
]

R = TypeVar("R", bound=Resource)
Dialect = Literal["plugin", "documented"]


class Client:
    """One shop's API. Lists are read as they are used, page by page; objects are typed (resources.py).

    Wrong arguments are a CommandError, and nothing is sent. All else is a FlickRocketError; its code is
    flickrocket.gone for what is not there, flickrocket.unknown for a create whose fate cannot be told.

    ``api``  ``api``, or ``api2``: the paths of FlickRocket's newer help pages (A14)
    """

    def __init__(self, calls: Calls, *, api: Literal["api", "api2"] = "api") -> None:
        if api not in ("api", "api2"):
            raise wrong("api", f'there is no "{cut(api)}"', "flickrocket.setting", "say api or api2")
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
        chosen = fields_of(fields, INSIDE_PRODUCT)
        params = fields_param(chosen)
        if query is not None:
            params["query"] = query_of(query)
        return self._listing(PRODUCTS, params, fields=chosen, counted=query is None, paged=True)

    def product(self, id: int | str, fields: str | Iterable[str] | None = None) -> Product:
        """A product by its short id, or by its long one."""
        if isinstance(id, str) and "-" in id:
            wanted = long_id_of(id)
            chosen = fields_of(fields, INSIDE_PRODUCT)
            for found in self.products(None if chosen is None else [*chosen, "product_id"], {"product_id": wanted}):
                if found.product_id == wanted:
                    return found
            raise FlickRocketError(
                f"there is no product {wanted}", where=f"GET {self._path(PRODUCTS)}", code="flickrocket.gone",
                mend=MENDS[404],
            )
        return self._one(PRODUCTS, short_id_of(id), fields_param(fields_of(fields, INSIDE_PRODUCT)))

    def create_product(
        self, data: Data, *, look_up: Literal["title", "comment", "version"] | None = "title"
    ) -> Product:
        """Make a product's record; its content is uploaded elsewhere.

        ``data``     members as of section 4.2; ``title`` and ``product_type`` are needed
        ``look_up``  the member by which it is found again when the answer is lost. Best is a comment that no other
                     product has. None: such a create is flickrocket.unknown at once
        """
        body = body_of(data, "a product")
        if not isinstance(body.get("title"), str) or not body["title"].strip() or type(body.get("product_type")) is not int:
            raise wrong("product", "a new product needs a title, and a product_type that is a number", "flickrocket.K6")
        no_ids(body)
        find: Callable[[], Mapping[str, Any] | None] | None = None
        if look_up is not None:
            find = self._new_like(PRODUCTS, look_up, body, "product_type")
        return self._created(PRODUCTS, body, find)

    def update_product(self, id: int | str, data: Data) -> Product:
        """Change members of a product; what ``data`` does not name stays, as far as is known (A6)."""
        body = body_of(data, "a product")
        if "product_type" in body:
            raise wrong(
                "product.product_type", "the type of a product can never be changed", "flickrocket.K8",
                "leave it out; or delete the product and make it anew",
            )
        return self._updated(PRODUCTS, short_id_of(id), body)

    def delete_product(self, id: int | str) -> None:
        """Delete a product."""
        self._deleted(PRODUCTS, short_id_of(id))

    # Categories.

    def categories(self) -> Listing[Category]:
        """The categories."""
        return self._listing(CATEGORIES, {})

    def category(self, id: int | str) -> Category:
        """A category."""
        return self._one(CATEGORIES, short_id_of(id))

    def create_category(self, data: Data, *, look_up: Literal["title"] | None = "title") -> Category:
        """Make a category. ``look_up``: as of products; the whole list is read for it."""
        body = body_of(data, "a category")
        no_ids(body)
        if look_up is not None and not str(body.get("title") or "").strip():
            raise wrong("category.title", "a new category needs a title", "flickrocket.title")
        find = self._new_like(CATEGORIES, look_up, body) if look_up is not None else None
        return self._created(CATEGORIES, body, find)

    def update_category(self, id: int | str, data: Data) -> Category:
        """Change members of a category."""
        return self._updated(CATEGORIES, short_id_of(id), body_of(data, "a category"))

    def delete_category(self, id: int | str) -> None:
        """Delete a category."""
        self._deleted(CATEGORIES, short_id_of(id))

    # Prices and licences: read only (K32).

    def prices(self) -> Listing[Price]:
        """The price models; they can only be read."""
        return self._listing(PRICES, {})

    def price(self, id: int | str) -> Price:
        """A price model."""
        return self._one(PRICES, short_id_of(id))

    def licenses(self, fields: str | Iterable[str] | None = None) -> Listing[License]:
        """The licences; they can only be read."""
        chosen = fields_of(fields, INSIDE_LICENSE)
        return self._listing(LICENSES, fields_param(chosen), fields=chosen)

    def license(self, id: int | str, fields: str | Iterable[str] | None = None) -> License:
        """A licence."""
        return self._one(LICENSES, short_id_of(id), fields_param(fields_of(fields, INSIDE_LICENSE)))

    # Theme settings.

    def theme_settings(self, fields: str | Iterable[str] | None = None) -> Listing[ThemeSetting]:
        """The themes of the shop."""
        chosen = fields_of(fields, {})
        return self._listing(THEMES, fields_param(chosen), fields=chosen)

    def theme_setting(self, id: int | str, fields: str | Iterable[str] | None = None) -> ThemeSetting:
        """A theme."""
        return self._one(THEMES, short_id_of(id), fields_param(fields_of(fields, {})))

    def create_theme_setting(self, data: Data) -> ThemeSetting:
        """Make a theme. It cannot be looked up, so a lost answer is flickrocket.unknown."""
        body = body_of(data, "a theme")
        no_ids(body)
        return self._created(THEMES, body, None)

    def update_theme_setting(self, id: int | str, data: Data) -> ThemeSetting:
        """Change members of a theme."""
        return self._updated(THEMES, short_id_of(id), body_of(data, "a theme"))

    def delete_theme_setting(self, id: int | str) -> None:
        """Delete a theme."""
        self._deleted(THEMES, short_id_of(id))

    # Fulfilments.

    def fulfillments(
        self, created_at_min: str | date | None = None, created_at_max: str | date | None = None,
        state: Literal["open", "complete"] | None = None,
    ) -> Listing[Fulfillment]:
        """Parcels: all, or those made in a time (GMT where no zone is named; days are whole days), or only open or sent
        ones; or both."""
        if state not in (None, "open", "complete"):
            raise wrong("state", f'there is no state "{cut(state)}"', "flickrocket.K33", "say open or complete, or nothing")
        low, high = moment_of(created_at_min, "created_at_min"), moment_of(created_at_max, "created_at_max")
        if high is not None and created_at_max is not None and is_day(created_at_max):
            high += timedelta(days=1, seconds=-1)
        if low is not None and high is not None and low > high:
            raise wrong("created_at_min", "it is later than created_at_max", "flickrocket.period")
        if state is not None:  # times are documented for the whole list only
            keep = None if low is None and high is None else lambda one: _within(one.created_at, low, high)
            return self._listing(FULFILLMENTS, {}, f"/{state}", counted=False, keep=keep)
        given = {"created_at_min": low, "created_at_max": high}
        params = {name: written(moment) for name, moment in given.items() if moment is not None}
        return self._listing(FULFILLMENTS, params, counted=not params)

    def fulfillment(self, order_id: int | str) -> Fulfillment:
        """The parcel of an order."""
        return self._one(FULFILLMENTS, order_of(order_id))

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
        order = order_of(order_id)
        numbers = None if tracking is None else tracking_of(tracking)
        if numbers is None and state is None:
            raise wrong("update_fulfillment", "neither tracking numbers nor a state is given", "flickrocket.K33")
        if isinstance(state, bool) or (state is not None and state not in STATES):
            raise wrong("state", f'"{cut(state)}" is no state of a parcel', "flickrocket.K33", "0 is open, 100 is sent")
        path = self._path(FULFILLMENTS, order)
        raw = self._raw(FULFILLMENTS, path, order)
        body: dict[str, Any] = {}
        if numbers is not None:
            body[tracking_name or wire_name(raw, TRACKING_NAMES)] = numbers
        if state is not None:
            body[state_name or wire_name(raw, STATE_NAMES)] = STATES[state]
        self.calls.ask("PUT", path, body={FULFILLMENTS.singular: body})
        after = self._raw(FULFILLMENTS, path, order)
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
        return self._read(WEBHOOKS, self._webhook_path(dialect, short_id_of(id)), short_id_of(id))

    def create_webhook(self, event: str, address: str, *, dialect: Dialect = "plugin") -> Webhook:
        """Have an event told to an address: https (http only to this machine itself, for the sandbox)."""
        names = names_of(dialect)
        event, address = event_of(event), address_of(address)
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
        names = names_of(dialect)
        body: dict[str, Any] = {}
        if event is not None:
            body[names["event"]] = event_of(event)
        if address is not None:
            body[names["address"]] = address_of(address)
        if active is not None:
            body[names["active"]] = bool(active)
        if not body:
            raise wrong("update_webhook", "nothing to change is given", "flickrocket.empty")
        path = self._webhook_path(dialect, short_id_of(id))
        return self._put(WEBHOOKS, path, short_id_of(id), body)

    def delete_webhook(self, id: int | str, *, dialect: Dialect = "plugin") -> None:
        """Delete a webhook."""
        self.calls.ask("DELETE", self._webhook_path(dialect, short_id_of(id)))

    # The company, and figures.

    def company(self, id: int | str | None = None) -> Company:
        """The shop's own company, or one associated with it."""
        if id is not None:
            return self._one(COMPANIES, short_id_of(id))
        return self._read(COMPANIES, self._path(COMPANIES), params={"self": "1"})

    def statistics(
        self, kind: Literal["traffic", "order", "cart", "order_devices", "order_products"], company_id: int | str,
        start: str | date, end: str | date,
    ) -> Statistics:
        """A statistic of a time: dates, or moments in GMT."""
        if kind not in STATISTICS:
            raise wrong("kind", f'there is no statistic "{cut(kind)}"', "flickrocket.statistics", f"say {', '.join(STATISTICS)}")
        low, high = moment_of(start, "start"), moment_of(end, "end")
        if low is None or high is None or low > high:
            raise wrong("start", "a statistic needs a start, and an end that is not before it", "flickrocket.period")
        company = short_id_of(company_id)
        begins, ends = day_of(start, low), day_of(end, high)
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

    def _path(self, kind: Kind[Any], rest: str = "") -> str:
        return kind.under(self._api, rest)

    def _webhook_path(self, dialect: str, rest: str = "") -> str:
        names_of(dialect)
        tail = f"/{rest}" if rest else ""
        return f"/admin/webhooks{tail}.json" if dialect == "documented" else f"/api/webhooks{tail}.json"

    def _listing(
        self, kind: Kind[R], params: Mapping[str, str], rest: str = "", *, fields: Sequence[str] | None = None,
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

    def _one(self, kind: Kind[R], id: str, params: Mapping[str, str] | None = None) -> R:
        return self._read(kind, self._path(kind, id), id, params)

    def _read(self, kind: Kind[R], path: str, id: str = "", params: Mapping[str, str] | None = None) -> R:
        return typed(kind.model, self._raw(kind, path, id, params), f"GET {path}")

    def _raw(
        self, kind: Kind[Any], path: str, id: str = "", params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """A thing as it comes. ``id``: the one it must have; empty: any."""
        raw = thing_of(self.calls.ask("GET", path, params), kind.names, f"GET {path}")
        if raw is None:
            raise gone(f"GET {path}")
        if id and is_another(raw, id):
            raise unusual(f"is of {kind.singular} {cut(raw['id'])}, and {cut(id)} was asked for", f"GET {path}")
        return raw

    def _created(
        self, kind: Kind[R], body: Data, find: Callable[[], Mapping[str, Any] | None] | None, path: str = ""
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

    def _updated(self, kind: Kind[R], id: str, body: Mapping[str, Any]) -> R:
        if "id" in body and str(body["id"]) != id:
            raise wrong("id", f"the data is of {cut(body['id'])}, and {id} is to be changed", "flickrocket.K7")
        return self._put(kind, self._path(kind, id), id, body)

    def _put(self, kind: Kind[R], path: str, id: str, body: Mapping[str, Any]) -> R:
        """Send an update, and return the thing as it is then."""
        answer = self.calls.ask("PUT", path, body={kind.singular: body})
        named = self._named(kind, answer)
        if is_another(named, id):
            raise CallError(
                f"the answer is of {kind.singular} {cut(named['id'])}, and {id} was to be changed: which of them was, is not "
                "known", where=f"PUT {path}", code="flickrocket.unknown", reach=Reach.UNKNOWN,
                mend="look at both in FlickRocket's admin interface, then run it again: an update may be repeated",
            )
        return self._answered(kind, answer, f"PUT {path}") or self._read(kind, path, id)

    def _deleted(self, kind: Kind[Any], id: str) -> None:
        self.calls.ask("DELETE", self._path(kind, id))

    def _answered(self, kind: Kind[R], answer: Any, where: str) -> R | None:
        """The thing an answer to a write holds; None when it holds none, or not its id."""
        raw = self._named(kind, answer)
        return typed(kind.model, raw, where) if raw.get("id") is not None else None

    def _named(self, kind: Kind[Any], answer: Any) -> dict[str, Any]:
        try:
            return thing_of(answer, kind.names, "") or {}
        except FlickRocketError:  # a write was taken: what it is like is read back
            return {}

    def _new_like(
        self, kind: Kind[Any], member: str, body: Data, *further: str
    ) -> Callable[[], dict[str, Any] | None] | None:
        """A look-up for what a create has made: the one thing that was not there before and is like ``body``."""
        value = body.get(member)
        if not isinstance(value, str) or not value.strip():
            raise wrong(
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
    hosts: Hosts | None = None, rate: Rate | None = None, api: Literal["api", "api2"] | None = None,
    access: Access | None = None, limits_folder: Path | None = None, connect_seconds: float = 10,
    answer_seconds: float = 60, tries: int = TRIES, pause_seconds: float = PAUSE_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS, sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic, say: Callable[[str], object] = lambda sentence: None,
) -> Client:
    """The API of a shop that is logged in (``feedbridge flickrocket login``). Nothing is sent yet.

    ``environment``       instead of the process's; ``store``, ``hosts``: instead of what it says
    ``rate``              of all processes of this machine together: a BurstRate, or a plain Rate; None: what
                          FEEDBRIDGE_FLICKROCKET_RATE says, else our guess. Whatever it is, one call is made at a time
    ``api``               ``api`` or ``api2`` (A14); None: what FEEDBRIDGE_FLICKROCKET_API says, else ``api``
    ``limits_folder``     where calls are counted; None: beside the tokens
    ``answer_seconds``    longest silence of FlickRocket
    ``tries``             most tries of a call; 1: never again, nor looked up: for those who do that themselves
    ``patience_seconds``  longest time a call may take with its waits
    ``say``               told of every wait

    Errors: CommandError for settings that cannot be used. That nobody is logged in shows with the first call.
    """
    if rate is None:
        rate = rate_of(environment)
    if api is None:
        api = api_of(environment)
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
        turns=Turns(account, folder, sleep=sleep),
    )
    return Client(calls, api=api)


def _within(moment: datetime | None, low: datetime | None, high: datetime | None) -> bool:
    return moment is not None and (low is None or moment >= low) and (high is None or moment <= high)


def _plain(value: Any) -> str:
    """A member for comparing: 0 and "0" are one, and so are nothing and an empty text."""
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return "" if value is None else "".join(str(value).split())


def _same(there: Any, sent: str) -> bool:
    """Whether a text is what was sent, but for what ``loose`` leaves aside."""
    return isinstance(there, str) and loose(there) == loose(sent)
