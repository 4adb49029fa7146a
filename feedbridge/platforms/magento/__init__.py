"""Magento-style: one JSON document that creates or updates many simple products.

Source: PrintXpand Custom API for Magento 2, "Simple: Multiple Products" (``POST <HOST>/V1/product/create/``), and what
the Magento 2.4.6 core underneath keeps and refuses.
"""

from __future__ import annotations

from feedbridge.platforms.base import Platform
from feedbridge.platforms.magento.converter import MagentoConverter
from feedbridge.platforms.magento.delivery import MagentoDelivery, MagentoDeliverySettings
from feedbridge.platforms.magento.kept_rules import picture_has_an_address
from feedbridge.platforms.magento.payload import Request
from feedbridge.platforms.magento.quality import QUALITY, RULE_POINTS
from feedbridge.platforms.magento.rules import RULES, field_has_a_place, ids_differ, ids_fit, one_currency
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.platforms.magento.writer import MagentoWriter

__all__ = ["PLATFORM"]

PLATFORM = Platform(
    name="magento",
    title="Magento-style JSON",
    about=(
        "Request bodies that create or update products by id, for the PrintXpand Custom API on Magento 2. "
        "Every variant becomes a simple product of its own; descriptions, weights and stock have no place in it."
    ),
    settings=MagentoSettings,
    payload=Request,
    rules=RULES,
    converter=MagentoConverter,
    writer=MagentoWriter,
    unique=ids_differ,
    unique_case=ids_fit,
    claims=one_currency,
    unplaced=field_has_a_place,
    by_path=picture_has_an_address,
    placed=frozenset({
        "ids", "title", "status", "price", "sale_price", "tier_prices", "categories", "category_ids", "images",
        "options", "variants", "image", "variants.title", "custom_options", "attributes",
    }),
    dropped=frozenset({"group_key", "locale", "description_is_html"}),
    quality=QUALITY,
    rule_points=RULE_POINTS,
    image_types=frozenset({"jpeg", "png", "gif"}),
    delivery=MagentoDelivery,
    delivery_settings=MagentoDeliverySettings,
)
