"""The canonical product: what the sources are turned into and the platforms are written from.

Frozen pydantic models are the authority: constraints live here, the API hands out these objects,
``--strict`` validates every product through them. A run carries their light twins (light.py).
Units are in the names; money is a Decimal with a currency; identifiers are text.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "AreaElement", "ContentFile", "CustomOption", "CustomOptionValue", "DigitalGood", "Image",
    "LicenceBinding", "LinkButton", "Medium", "Money", "Option", "Personalisation", "Presentation",
    "PriceModel", "Product", "ShopButton", "Status", "Texts", "TierPrice", "Variant",
]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


Sku = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$")]
"""Text, compared exactly; no blanks at the ends, no control characters inside."""
Gtin = Annotated[str, StringConstraints(pattern=r"^(\d{8}|\d{12,14})$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(_[A-Za-z0-9]{2,8})*$")]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Status(StrEnum):
    """Whether a product or variant is offered."""

    ACTIVE = "active"
    DRAFT = "draft"
    ARCHIVED = "archived"


class Money(Model):
    """An amount and its ISO 4217 currency; never negative, never a float."""

    amount: Amount
    currency: Currency


class TierPrice(Model):
    """A price from a quantity on: either a price or a percentage off the regular price."""

    quantity: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
    price: Money | None = None
    percent_off: Annotated[Decimal, Field(ge=0, le=100)] | None = None
    customer_group: str | None = None
    """None is every group."""
    website: str | None = None
    """None is every website."""


class Image(Model):
    """A picture: an absolute URL or a path relative to the source's folder."""

    src: Text
    alt: str | None = None
    position: int | None = None
    locale: Locale | None = None
    role: str | None = None
    """main, thumbnail, swatch … as the source says; None when it does not."""


class ContentFile(Model):
    """A digital file that is sold or shown: a path relative to the source's folder, or a URL."""

    src: Text
    role: Literal["main", "preview", "extra"] = "main"
    title: str | None = None


class Texts(Model):
    """The texts of one language beside the product's own (default) one."""

    locale: Locale
    title: str | None = None
    description: str | None = None
    short_description: str | None = None
    slug: str | None = None
    seo_title: str | None = None
    seo_description: str | None = None


class Option(Model):
    """An axis along which variants differ, with its values in first-seen order."""

    name: Text
    values: tuple[Text, ...] = ()


class Variant(Model):
    """One sellable version of a product. A field left at None is inherited from the product; only the product's sale
    price is not taken over by a variant that has a regular price of its own."""

    sku: Sku
    option_values: tuple[str, ...] = ()
    """One value per option of the product, in the order of ``Product.options``; empty text: not given."""
    title: str | None = None
    gtin: Gtin | None = None
    mpn: str | None = None
    price: Money | None = None
    """Regular price, before any discount."""
    sale_price: Money | None = None
    """Reduced price that is asked now."""
    cost: Money | None = None
    prices: tuple[Money, ...] = ()
    """Regular price in further currencies."""
    tier_prices: tuple[TierPrice, ...] = ()
    stock: Decimal | None = None
    weight_grams: Annotated[Decimal, Field(ge=0)] | None = None
    image: Image | None = None
    status: Status = Status.ACTIVE
    ids: dict[str, str] = Field(default_factory=dict)
    """Platform's own id by platform name."""
    attributes: dict[str, str] = Field(default_factory=dict)


CustomOptionKind = Literal["field", "area", "file", "drop_down", "radio", "checkbox", "multiple", "date", "date_time", "time"]


class CustomOptionValue(Model):
    """One choice of a custom option."""

    title: Text
    value: str | None = None
    """The source's own code of the choice."""
    sort_order: int | None = None
    price: Decimal | None = None
    """Added to the product's price, may be negative; a percentage when ``price_type`` is percent."""
    price_type: Literal["fixed", "percent"] | None = None
    sku: str | None = None
    value_id: str | None = None
    is_delete: bool = False


class CustomOption(Model):
    """A personalisation the buyer fills in or chooses (the ten Magento types)."""

    title: Text
    kind: CustomOptionKind
    required: bool = False
    sort_order: int | None = None
    price: Decimal | None = None
    price_type: Literal["fixed", "percent"] | None = None
    sku: str | None = None
    max_characters: int | None = None
    file_extension: str | None = None
    image_size_x: int | None = None
    image_size_y: int | None = None
    values: tuple[CustomOptionValue, ...] = ()


class AreaElement(Model):
    """The clickable area over a product's picture in an interactive catalogue."""

    tooltip: str | None = None
    color: str | None = None
    opacity: Decimal | None = None


class ShopButton(Model):
    """The buy button of an interactive catalogue."""

    color: str | None = None
    label: str | None = None
    label_color: str | None = None


class LinkButton(Model):
    """A button that leads to an outside page."""

    shown: bool = True
    label: str | None = None
    url: str | None = None


class Presentation(Model):
    """How an interactive catalogue (Flipsnack) shows the product."""

    item_type: str | None = None
    image_option: str | None = None
    """Name of the option that switches the picture."""
    element: str | None = None
    quantity_selector: bool | None = None
    area: AreaElement | None = None
    button: ShopButton | None = None
    link: LinkButton | None = None


class Personalisation(Model):
    """One free-text personalisation with a fee (Flipsnack ``customizable_product``)."""

    instructions: str | None = None
    flat_fee: Decimal | None = None
    per_character: Decimal | None = None
    character_length: int | None = None
    mandatory: bool | None = None


class PriceModel(Model):
    """A named set of amounts, one a currency (FlickRocket ``price``)."""

    title: Text
    amounts: tuple[Money, ...]


class LicenceBinding(Model):
    """A licence under which a digital good is offered, and its price."""

    license_id: int | None = None
    price_id: int | None = None
    compare_price_id: int | None = None
    price_model: PriceModel | None = None
    hd: bool = False
    audio_type: int | None = None
    num_users: int | None = None


Medium = Literal[
    "video-sd", "software", "audio-package", "pdf", "video-hd", "ebook",
    "audio-track", "audio-album", "file", "html", "scorm",
]


class DigitalGood(Model):
    """What a digital product is and how it is licensed."""

    medium: Medium | None = None
    """None: told from the main file's extension."""
    drm: bool | None = None
    version: str | None = None
    licences: tuple[LicenceBinding, ...] = ()
    themes: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    package_audio_type: str | None = None


class Product(Model):
    """One product of the feed, with its variants.

    ``sku`` is the product's own SKU, or for a product with variants the key that names the parent
    (handle, item group, model code). A product whose source lists exactly one version without
    options has no variants.
    """

    sku: Sku
    group_key: str | None = None
    gtin: Gtin | None = None
    mpn: str | None = None
    brand: str | None = None
    ids: dict[str, str] = Field(default_factory=dict)
    """Platform's own id by platform name: ``{"flickrocket": "142995", "magento": "20417"}``."""

    kind: Literal["physical", "digital"] = "physical"
    status: Status = Status.ACTIVE

    locale: Locale | None = None
    """Language of the texts below; None when neither source nor setting says."""
    title: Text
    description: str | None = None
    description_is_html: bool = False
    short_description: str | None = None
    slug: str | None = None
    seo_title: str | None = None
    seo_description: str | None = None
    translations: tuple[Texts, ...] = ()

    product_type: str | None = None
    """Free type, as the shop words it."""
    categories: tuple[tuple[Text, ...], ...] = ()
    """Paths from the root down: ``(("Clothing", "Shirts"), ("Sale",))``."""
    category_ids: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Platform's category ids by platform name."""
    tags: tuple[Text, ...] = ()

    price: Money | None = None
    """Regular price, before any discount."""
    sale_price: Money | None = None
    """Reduced price that is asked now."""
    cost: Money | None = None
    prices: tuple[Money, ...] = ()
    """Regular price in further currencies."""
    tier_prices: tuple[TierPrice, ...] = ()

    quantity_min: int | None = None
    quantity_max: int | None = None
    stock: Decimal | None = None
    weight_grams: Annotated[Decimal, Field(ge=0)] | None = None
    length_mm: Annotated[Decimal, Field(ge=0)] | None = None
    width_mm: Annotated[Decimal, Field(ge=0)] | None = None
    height_mm: Annotated[Decimal, Field(ge=0)] | None = None

    url: str | None = None
    images: tuple[Image, ...] = ()
    content: tuple[ContentFile, ...] = ()

    options: tuple[Option, ...] = ()
    variants: tuple[Variant, ...] = ()
    custom_options: tuple[CustomOption, ...] | None = None
    """None: the source does not say. Empty: the source says there are none."""

    presentation: Presentation | None = None
    personalisation: Personalisation | None = None
    digital: DigitalGood | None = None
    attributes: dict[str, str] = Field(default_factory=dict)
    """Everything else the source says, by the source's name."""
