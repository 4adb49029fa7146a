"""The product object of Flipsnack's ``products`` parameter, member for member in the documented order.

Source: developers.flipsnack.com, /products/create and /products/update (docs/platforms/flipsnack.md, section 5).

The pydantic models are the authority (strict types, no member the schema does not name); the run path fills
their light twins, which leave out every member that is None: an absent field is never sent as null.

Where the canonical product and this schema differ:

- A product without a price of its own, but with priced variants, gets the lowest regular price among them as
  ``sell_price`` (and that variant's reduced price): the catalogue shows what buying costs at the least.
- A variant without a price of its own takes the product's regular price, and its reduced price too unless it
  has one itself. A variant with a price of its own never takes the product's reduced price.
- ``image_link`` is the image whose role is ``main``, else the one with the lowest position, else the first.
- ``quantity`` is a flag of the catalogue (show the quantity selector), never a stock count.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from feedbridge.product import light

__all__ = [
    "AreaElement", "Attribute", "CustomizableProduct", "LightAreaElement", "LightAttribute", "LightCustomizable",
    "LightProduct", "LightPurchasable", "LightShopButton", "LightVariant", "LightVariantAttribute",
    "LightWebsite", "Number", "PayloadProduct", "PayloadVariant", "PurchasableQty", "ShopButton",
    "VariantAttribute", "Website",
]


def _number(value: Any) -> Any:
    """JSON numbers only: text that looks like a number and true/false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("must be a JSON number")
    return Decimal(str(value)) if isinstance(value, float) else Decimal(value)


Number = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(allow_inf_nan=False, ge=0),
    WithJsonSchema({"type": "number", "minimum": 0}),
]
"""A JSON number, written exactly as its decimal digits."""
Code = Annotated[str, StringConstraints(min_length=1)]


class Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Attribute(Payload):
    """The axes along which variants differ: at most three, each with its values joined by the delimiter."""

    name1: str | None = None
    options1: str | None = None
    name2: str | None = None
    options2: str | None = None
    name3: str | None = None
    options3: str | None = None


class VariantAttribute(Payload):
    """The one value a variant has on each axis of its product; the names are the product's."""

    options1: str | None = None
    options2: str | None = None
    options3: str | None = None


class AreaElement(Payload):
    """The clickable area over the picture."""

    tooltip: str | None = None
    color: str | None = None
    opacity: Number | None = None


class ShopButton(Payload):
    """The buy button."""

    color: str | None = None
    label: str | None = None
    label_color: str | None = None


class Website(Payload):
    """The button that leads to an outside page."""

    button: bool | None = None
    button_label: str | None = None
    link: str | None = None


class CustomizableProduct(Payload):
    """Free-text personalisation; ``product`` switches it on."""

    product: bool | None = None
    instructions: str | None = None
    flat_fee: Number | None = None
    per_character: Number | None = None
    character_length: Number | None = None
    mandatory: bool | None = None


class PurchasableQty(Payload):
    """Bounds of the quantity in one order."""

    min: Number | None = None
    max: Number | None = None


class PayloadVariant(Payload):
    """One variant, always inside its product. Its price is ``price``, not ``sell_price``."""

    code: Code
    parent_code: Code
    image_link: str | None = None
    visible: bool | None = None
    attribute: VariantAttribute | None = None
    price: Number | None = None
    discount_price: Number | None = None


class PayloadProduct(Payload):
    """One element of the ``products`` array."""

    type: Annotated[str, StringConstraints(min_length=1)]
    code: Code
    title: str | None = None
    description: str | None = None
    image_link: str | None = None
    sell_price: Number | None = None
    currency: str | None = None
    discount_price: Number | None = None
    quantity: bool | None = None
    """A flag, not a stock count."""
    purchasable_qty: PurchasableQty | None = None
    attribute: Attribute | None = None
    image_attribute: str | None = None
    shop_element: str | None = None
    area_element: AreaElement | None = None
    shop_button: ShopButton | None = None
    website: Website | None = None
    customizable_product: CustomizableProduct | None = None
    variants: tuple[PayloadVariant, ...] | None = Field(default=None, strict=False)


LightAttribute = light(Attribute)
LightVariantAttribute = light(VariantAttribute)
LightAreaElement = light(AreaElement)
LightShopButton = light(ShopButton)
LightWebsite = light(Website)
LightCustomizable = light(CustomizableProduct)
LightPurchasable = light(PurchasableQty)
LightVariant = light(PayloadVariant)
LightProduct = light(PayloadProduct)
