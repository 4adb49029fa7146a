"""Flipsnack: product feeds for interactive catalogues, through ``products.create``.

Source: developers.flipsnack.com; every rule and choice is in docs/platforms/flipsnack.md.
"""

from __future__ import annotations

from feedbridge.platforms.base import Platform
from feedbridge.platforms.flipsnack.converter import FlipsnackConverter
from feedbridge.platforms.flipsnack.delivery import FlipsnackDelivery, FlipsnackDeliverySettings
from feedbridge.platforms.flipsnack.held import A17, F13, S5
from feedbridge.platforms.flipsnack.payload import PayloadProduct
from feedbridge.platforms.flipsnack.quality import QUALITY, RULE_POINTS
from feedbridge.platforms.flipsnack.rules import RULES, sent_pictures
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.flipsnack.writer import FlipsnackWriter

__all__ = ["PLATFORM"]

PLATFORM = Platform(
    name="flipsnack",
    title="Flipsnack",
    about=(
        "Product feeds for interactive catalogues: JSON arrays of at most 500 products, variants inside their product, "
        "each file exactly the text of the products parameter of one products.create call."
    ),
    settings=FlipsnackSettings,
    payload=PayloadProduct,
    rules=RULES,
    converter=FlipsnackConverter,
    writer=FlipsnackWriter,
    unique=F13,
    unique_case=A17,
    unplaced=S5,
    placed=frozenset({
        "sku", "title", "description", "price", "sale_price", "images", "image", "options", "variants",
        "quantity_min", "quantity_max", "presentation", "personalisation", "status",
    }),
    dropped=frozenset({"group_key", "ids", "kind", "locale", "description_is_html", "category_ids"}),
    quality=QUALITY,
    rule_points=RULE_POINTS,
    delivery=FlipsnackDelivery,
    delivery_settings=FlipsnackDeliverySettings,
    image_types=frozenset({"jpeg", "png", "webp"}),
    pictures=sent_pictures,
)
