"""The request of ``POST <HOST>/V1/product/create/``: a map of products by id.

Members come in the order of the vendor's page; product and tier prices are text, prices of custom
options are numbers. Runs carry the light twins below.

Source: PrintXpand Custom API (Magento 2), "Simple: Multiple Products"; limits from the Magento 2.4.6 core.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from feedbridge.product import light

__all__ = [
    "Configurable",
    "DateOption",
    "FileOption",
    "ImageSource",
    "LightConfigurable",
    "LightDateOption",
    "LightFileOption",
    "LightImageSource",
    "LightOptionValue",
    "LightSelectOption",
    "LightSimple",
    "LightTextOption",
    "LightTierPriceEntry",
    "OptionValue",
    "Request",
    "SelectOption",
    "Simple",
    "TextOption",
    "TierPriceEntry",
]

UNSIGNED_32 = 4_294_967_295
UNSIGNED_16 = 65_535

Id = Annotated[int, Field(ge=0, lt=2**53, strict=True)] | Annotated[str, StringConstraints(min_length=1, strict=True)]
"""A JSON integer when the id is plain digits without zeros in front and below 2^53, else text."""
Flag = Literal[0, 1]
PriceText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,14}(\.[0-9]+)?$")]
CategoryIds = Annotated[str, StringConstraints(pattern=r"^[^,\s]+(,[^,\s]+)*$")]
"""Ids joined by commas, without blanks."""
Title = Annotated[str, StringConstraints(min_length=1, max_length=255)]
StockKeepingUnit = Annotated[str, StringConstraints(max_length=64)]
SortOrder = Annotated[int, Field(ge=0, le=UNSIGNED_32)]
PriceType = Literal["fixed", "percent"]
Modifier = Annotated[Decimal, Field(allow_inf_nan=False)]
"""Added to the product's price, or a percentage of it; may be negative."""
PixelText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}$")]


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class TierPriceEntry(Entry):
    """A price from a quantity on; for every customer group and website."""

    price: PriceText
    qty: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,7}(\.[0-9]{1,4})?$")]


class ImageSource(Entry):
    """One picture."""

    src: Annotated[str, StringConstraints(min_length=1)]
    """http or https address, or the full path of the source image."""


class TextOption(Entry):
    """A custom option the buyer types into."""

    title: Title
    type: Literal["field", "area"]
    sort_order: SortOrder
    is_require: Flag
    price: Modifier
    price_type: PriceType
    sku: StockKeepingUnit
    max_characters: Annotated[int, Field(ge=0, le=UNSIGNED_32)] | None = None
    """0 is no limit."""


class FileOption(Entry):
    """A custom option the buyer uploads a file to."""

    title: Title
    type: Literal["file"]
    sort_order: SortOrder
    is_require: Flag
    price: Modifier
    price_type: PriceType
    sku: StockKeepingUnit
    file_extension: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(,[a-z0-9]+)*$")] | None = None
    image_size_x: PixelText | None = None
    """Largest width in pixels, as text; 0 is no limit."""
    image_size_y: PixelText | None = None
    """Largest height in pixels, as text; 0 is no limit."""


class DateOption(Entry):
    """A custom option the buyer gives a date or time to."""

    title: Title
    type: Literal["date", "date_time", "time"]
    sort_order: SortOrder
    is_require: Flag
    price: Modifier
    price_type: PriceType
    sku: StockKeepingUnit


class OptionValue(Entry):
    """One choice of a select option."""

    value_id: Annotated[int, Field(ge=0)] | str | None = None
    """Id of a value the store has already; only when the source has it."""
    title: str
    value: str
    """The source's own code of the choice, else the title in lower case."""
    sort_order: SortOrder
    price: Modifier
    price_type: PriceType
    sku: StockKeepingUnit
    is_delete: Flag


class SelectOption(Entry):
    """A custom option the buyer chooses from. Price and SKU belong to its values."""

    title: Title
    type: Literal["drop_down", "radio", "checkbox", "multiple"]
    sort_order: SortOrder
    is_require: Flag
    values: Annotated[tuple[OptionValue, ...], Field(min_length=1)]


CustomOptionEntry = Annotated[TextOption | FileOption | SelectOption | DateOption, Field(discriminator="type")]


class Simple(Entry):
    """A product that is sold as it is, or one variant of a product."""

    id: Id
    name: Title
    price: PriceText | None = None
    special_price: Literal[""] | PriceText
    """Empty text: none."""
    category_id: CategoryIds | None = None
    category_ids: CategoryIds | None = None
    status: Flag
    enable_product_designer: Flag
    tier_price: tuple[TierPriceEntry, ...] | None = None
    images: tuple[ImageSource, ...] | None = None
    type: Literal["simple"]
    custom_options: tuple[CustomOptionEntry, ...] | None = None
    """The complete list: the store replaces what it has. Left out: nothing is said of them."""


class Configurable(Entry):
    """The parent of variants, with documented members only: it has no price, and links cannot be expressed."""

    id: Id
    name: Title
    category_id: CategoryIds | None = None
    category_ids: CategoryIds | None = None
    status: Flag
    enable_product_designer: Flag
    images: tuple[ImageSource, ...] | None = None
    type: Literal["configurable"]


class Request(Entry):
    """The whole body. Each key is its product's id as text."""

    product: Annotated[
        dict[str, Annotated[Simple | Configurable, Field(discriminator="type")]], Field(min_length=1)
    ]


LightConfigurable = light(Configurable)
LightDateOption = light(DateOption)
LightFileOption = light(FileOption)
LightImageSource = light(ImageSource)
LightOptionValue = light(OptionValue)
LightSelectOption = light(SelectOption)
LightSimple = light(Simple)
LightTextOption = light(TextOption)
LightTierPriceEntry = light(TierPriceEntry)
