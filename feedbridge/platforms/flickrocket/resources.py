"""What FlickRocket's REST API speaks of, typed: products, categories, prices, licences, themes, fulfilments, webhooks …

FlickRocket documents its properties in part only, so every type keeps what it does not know (``extra="allow"``), and
nearly everything may be missing. Moments are aware, in UTC; amounts stay the whole cents FlickRocket gives, and their
helpers are Decimal with a currency; nothing is ever a float. Objects are frozen.

Source: docs/platforms/flickrocket.md, sections 3.7, 4 and 5.3.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from feedbridge.platforms.flickrocket.licences import MOST_NUMBER
from feedbridge.product import Money

if TYPE_CHECKING:
    import pandas

__all__ = [
    "Address", "Binding", "Category", "CategoryLocale", "CategoryOfProduct", "Company", "ContentFile", "CountryPrice",
    "CurrencyPrice", "CurrencyRate", "Fulfillment", "License", "LicenseLocale", "LineItem", "Price", "Product",
    "ProductLocale", "Resource", "Statistics", "ThemeSetting", "Webhook", "comparable", "frame", "gmt", "long_id", "loose",
    "wire_name",
]

LONG_ID = re.compile(r"[0-9A-F]{4}(-[0-9A-F]{4}){3}")
PREVIEW_TYPES = frozenset({2, 7, 10})
"""``content_type`` of trailers and previews."""
FIRST_RELEASE = datetime(2001, 1, 1, tzinfo=UTC)
LICENSE_LANGUAGES = {1: "en", 2: "de", 6: "pt", 8: "es", 10: "it", 12: "fr"}
STATE_NAMES = ("status", "state", "shipping_state", "shipping_status", "fulfillment_status")
TRACKING_NAMES = ("tracking_number", "tracking_numbers", "tracking")
"""Names a fulfilment's state and tracking numbers may have: their exact names are not in what is documented."""
T = TypeVar("T")


def long_id(text: str) -> str:
    """A product's long id in its one spelling.

    >>> long_id(" 0001-26ed-ea4f-aa32")
    '0001-26ED-EA4F-AA32'

    Raises: ValueError for anything but four groups of four hexadecimal digits.
    Source: K34.
    """
    upper = text.strip().upper()
    if not LONG_ID.fullmatch(upper):
        raise ValueError("a long id is four groups of four hexadecimal digits, as 0001-26ED-EA4F-AA32")
    return upper


def gmt(moment: Any) -> Any:
    """A moment in UTC; FlickRocket's have no zone and mean GMT. An empty text is no moment; other things pass.

    >>> gmt("2012-04-16T13:54:12")
    datetime.datetime(2012, 4, 16, 13, 54, 12, tzinfo=datetime.timezone.utc)

    Raises: ValueError for a text that is no ISO 8601 date.
    """
    if isinstance(moment, str):
        if not moment.strip():
            return None
        # .NET writes seven digits of a second
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", moment.strip()))
    elif isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if isinstance(moment, datetime):
        try:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("the date is out of range") from None
    return moment


def _listed(value: Any) -> Any:
    """A list; nothing is an empty one, and a thing alone stands for a list of it."""
    if value is None or value == "":
        return ()
    return [value] if isinstance(value, Mapping) else value


def _joined(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def _no_long_id(value: str | None) -> str | None:
    return long_id(value) if value else None


Id = Annotated[int, Field(ge=-MOST_NUMBER, le=MOST_NUMBER)]
Moment = Annotated[datetime | None, BeforeValidator(gmt)]
LongId = Annotated[str | None, AfterValidator(_no_long_id)]
Cents = Annotated[int, Field(ge=0, le=MOST_NUMBER)]
Many = Annotated[tuple[T, ...], BeforeValidator(_listed)]


class Resource(BaseModel):
    """A thing of the API. What is not named here is kept, and found in ``model_extra``."""

    model_config = ConfigDict(
        frozen=True, extra="allow", coerce_numbers_to_str=True, hide_input_in_errors=True, protected_namespaces=(),
    )

    identifiers: ClassVar[tuple[str, ...]] = ("id",)
    """Members that are identifiers, beside all whose name ends with ``_id``: text in a table."""

    def row(self) -> dict[str, Any]:
        """One row of a table: the members as they are, identifiers as text, money as Decimal."""
        found = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        found |= self.model_extra or {}
        return {
            name: str(value) if isinstance(value, int | str) and not isinstance(value, bool) and self._identifies(name)
            else plain(value)
            for name, value in found.items()
        }

    @classmethod
    def _identifies(cls, name: str) -> bool:
        return name in cls.identifiers or name.endswith("_id")

    @classmethod
    def columns(cls) -> list[str]:
        """Columns of a table without rows."""
        return list(cls.model_fields)


def plain(value: Any) -> Any:
    """Things inside a thing as dictionaries and lists."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value


class ProductLocale(Resource):
    """A product's texts in one language. ``src``: address of its cover."""

    language_id: str | None = None
    title: str | None = None
    description: str | None = None
    version: str | None = None
    src: str | None = None


class Binding(Resource):
    """A licence a product is offered under, and the price model it has there."""

    license_id: Id | None = None
    price_id: Id | None = None
    hd: bool | None = None
    compare_price_id: Id | None = None
    audio_type: int | None = None
    num_users: int | None = None

    @property
    def complete(self) -> bool:
        """Whether it names both a licence and a price."""
        return self.license_id is not None and self.price_id is not None


class ContentFile(Resource):
    """A file a product holds. Its address may hold a key, so it is not shown."""

    valid: bool | None = None
    content_type: int | None = None
    download_url: str | None = Field(default=None, repr=False)

    @property
    def preview(self) -> bool:
        """Whether it is a trailer or preview."""
        return self.content_type in PREVIEW_TYPES


class CategoryOfProduct(Resource):
    """A category a product is in."""

    category_id: Id | None = None
    created_at: Moment = None


class Product(Resource):
    """A product. ``id`` is the short id, ``product_id`` the long one."""

    id: Id
    product_id: LongId = None
    title: str | None = None
    comment: str | None = None
    version: str | None = None
    product_type: int | None = None
    drm_protected: bool | None = None
    valid: bool | None = None
    published_at: Moment = None
    mirrored: bool | None = None
    locales: Many[ProductLocale] = ()
    price_license_binding: Many[Binding] = ()
    content_files: Many[ContentFile] = ()
    categories: Many[CategoryOfProduct] = ()
    chapters: Many[Any] = ()
    allow_download_trial: int | None = None
    attribute_set_id: Id | None = None

    def not_live(self) -> tuple[str, ...]:
        """Why the product is not in the shop, in words; empty: it is live.

        A member that was not read (see ``fields``) is a reason, too: nobody can tell then.

        Source: docs/platforms/flickrocket.md, 2.7.
        """
        unread = [name for name in LIVE_FIELDS if name not in self.model_fields_set]
        if unread:
            return (f"it cannot be told: {', '.join(unread)} was not read",)
        reasons = []
        if not any(binding.license_id is not None for binding in self.price_license_binding):
            reasons.append("no licence")
        if not any(binding.price_id is not None for binding in self.price_license_binding):
            reasons.append("no price")
        if len(reasons) == 0 and not any(binding.complete for binding in self.price_license_binding):
            reasons.append("no licence that has a price")
        if not any(file.valid and not file.preview for file in self.content_files):
            reasons.append("no valid content")
        if not self.valid:
            reasons.append("not valid")
        if self.published_at is None or self.published_at <= FIRST_RELEASE:
            reasons.append("no release date")
        return tuple(reasons)


LIVE_FIELDS = ("valid", "published_at", "price_license_binding", "content_files")
"""Members ``Product.not_live`` needs."""


class CategoryLocale(Resource):
    """A category's texts in one language. ``id``: the language, it seems."""

    id: str | None = None
    title: str | None = None
    seo_title: str | None = None
    seo_description: str | None = None
    seo_keywords: str | None = None
    description: str | None = None
    src: str | None = None


class Category(Resource):
    """A category. ``comment`` is for the admin interface only."""

    id: Id
    title: str | None = None
    comment: str | None = None
    created_at: Moment = None
    enabled: bool | None = None
    locales: Many[CategoryLocale] = ()


class CurrencyPrice(Resource):
    """A price model's amount in one currency. ``price`` is whole cents, of every currency."""

    currency: str
    price: Cents

    @property
    def money(self) -> Money:
        """The amount: 395 and "usd" are 3.95 USD. Raises ValueError for a currency that is no ISO code."""
        return Money(amount=_amount(self.price), currency=self.currency.strip().upper())


class CountryPrice(Resource):
    """A price model's amount in one country. FlickRocket does not say in which currency."""

    country_name: str | None = None
    country_code: str | None = None
    price: Cents

    @property
    def amount(self) -> Decimal:
        """The amount, without its currency."""
        return _amount(self.price)


class Price(Resource):
    """A price model; it can only be read."""

    id: Id
    title: str | None = None
    valid: bool | None = None
    created_at: Moment = None
    modified_at: Moment = None
    currencies: Many[CurrencyPrice] = ()
    countries: Many[CountryPrice] = ()

    def money(self, currency: str) -> Money | None:
        """What it costs in a currency (in any letter case); None when the model has no amount in it."""
        for one in self.currencies:
            if one.currency.strip().upper() == currency.strip().upper():
                return one.money
        return None

    def row(self) -> dict[str, Any]:
        """As of every thing, and a column for each currency, as ``eur``."""
        return super().row() | {one.currency.strip().lower(): _amount(one.price) for one in self.currencies}


class LicenseLocale(Resource):
    """A licence's texts in one language, which has a number here."""

    id: Id | None = None
    name: str | None = None
    language_id: int | None = None
    description: str | None = None

    @property
    def language(self) -> str | None:
        """The language as two letters; None when FlickRocket's number for it is not known."""
        return LICENSE_LANGUAGES.get(self.language_id or 0)


class License(Resource):
    """A licence; it can only be read. What it allows beyond this is in ``model_extra``, by FlickRocket's names."""

    id: Id
    name: str | None = None
    valid: bool | None = None
    company_id: Id | None = None
    assignment: str | None = None
    created_at: Moment = None
    drm: bool | None = None
    total_downloads: int | None = None
    expiration_date: Moment = None
    physical: bool | None = None
    locales: Many[LicenseLocale] = ()


class ThemeSetting(Resource):
    """A theme of the shop. Its properties are not documented beyond these."""

    id: Id
    title: str | None = None
    name: str | None = None
    created_at: Moment = None
    updated_at: Moment = None


class Address(Resource):
    """Whom a parcel is for."""

    identifiers = ("id", "zip")

    id: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    zip: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    country_name: str | None = None
    country_code: str | None = None
    token: str | None = Field(default=None, repr=False)


class LineItem(Resource):
    """What a parcel holds. ``id`` is the short id of the product, ``product_id`` the long one."""

    id: Id | None = None
    product_id: LongId = None
    title: str | None = None
    version: str | None = None
    quantity: int | None = Field(default=None, validation_alias=AliasChoices("Quantity", "quantity"))


class Fulfillment(Resource):
    """A parcel to be sent. ``id`` is the order's; ``state`` is 0 (open) or 100 (sent)."""

    identifiers = ("id", "tracking")

    id: str
    created_at: Moment = None
    customer: Address | None = None
    line_items: Many[LineItem] = ()
    company_id: Id | None = None
    state: int | None = Field(default=None, validation_alias=AliasChoices(*STATE_NAMES))
    tracking: Annotated[str | None, BeforeValidator(_joined)] = Field(
        default=None, validation_alias=AliasChoices(*TRACKING_NAMES))
    tracking_url: str | None = None

    @property
    def tracking_numbers(self) -> tuple[str, ...]:
        """The tracking numbers, one by one."""
        return tuple(one.strip() for one in (self.tracking or "").split(",") if one.strip())

    @property
    def sent(self) -> bool:
        """Whether it is on its way."""
        return self.state == 100


def comparable(text: str | None) -> str:
    """A text for comparing: blanks, HTML's spelling of signs, and how letters are composed do not count.

    >>> comparable(" Caf&eacute; au  lait") == comparable("Cafe\\u0301 au lait")
    True
    """
    return " ".join(unicodedata.normalize("NFC", html.unescape(text or "")).split())


def loose(text: str) -> str:
    """As ``comparable``, and letter case does not count either: titles that are one to FlickRocket or a person."""
    return comparable(text).casefold()


def wire_name(raw: Mapping[str, Any], names: Iterable[str]) -> str:
    """The name a thing has on the wire, of those it may have; the first when it is not there.

    >>> wire_name({"shipping_state": 0}, STATE_NAMES)
    'shipping_state'
    """
    known = tuple(names)
    return next((name for name in known if name in raw), known[0])


class Company(Resource):
    """A company: the shop's own, or one associated with it."""

    id: Id
    name: str | None = None
    created_at: Moment = None
    updated_at: Moment = None


class CurrencyRate(Resource):
    """What a euro is worth. ``date``: when this was so."""

    currency: str
    rate_to_eur: Decimal
    date: Moment = None


class Webhook(Resource):
    """A webhook, in either dialect: ``scope``, ``destination``, ``is_valid`` or ``topic``, ``address``, ``is_active``."""

    id: Id
    event: str | None = Field(default=None, validation_alias=AliasChoices("scope", "topic", "event"))
    address: str | None = Field(default=None, validation_alias=AliasChoices("destination", "address"))
    active: bool | None = Field(default=None, validation_alias=AliasChoices("is_valid", "is_active", "active"))
    updated_at: Moment = None


class Statistics(Resource):
    """A statistic. ``data`` is the answer as it came: its shape is not documented."""

    kind: str
    company_id: Id
    start: str
    end: str
    data: Any = None

    def to_frame(self) -> pandas.DataFrame:
        """The first list of objects in the answer as a table; empty when there is none."""
        import pandas

        return pandas.DataFrame(_first_table(self.data))


def frame(things: Iterable[Resource], model: type[Resource], fields: Iterable[str] | None = None) -> pandas.DataFrame:
    """Things as a table, one row each: identifiers as text, money as Decimal. pandas is imported only now."""
    import pandas

    rows = [thing.row() for thing in things]
    names = dict.fromkeys(name for row in rows for name in row) or (model.columns() if fields is None else list(fields))
    table = pandas.DataFrame([[row.get(name) for name in names] for row in rows], columns=list(names), dtype=object)
    for name in table.columns:
        cells = table[name].tolist()
        if None not in cells or any(isinstance(cell, datetime) for cell in cells):  # whole numbers with a gap become float
            table[name] = table[name].infer_objects()
    return table


def _amount(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _first_table(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, list):
        return [one for one in data if isinstance(one, dict)]
    if isinstance(data, dict):
        for value in data.values():
            if found := _first_table(value):
                return found
    return []
