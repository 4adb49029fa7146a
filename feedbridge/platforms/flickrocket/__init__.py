"""FlickRocket: batch-upload folders for digital goods, one folder and one product.json a product.

Source: developer.flickrocket.com/en/batch-upload/ and its page on advanced settings; the usage guide of
flickrocket.com. Physical goods are not for this platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feedbridge.platforms.base import Platform
from feedbridge.platforms.flickrocket import rules
from feedbridge.platforms.flickrocket.catalogue import CATALOGUES
from feedbridge.platforms.flickrocket.converter import FlickRocketConverter
from feedbridge.platforms.flickrocket.delivery import FlickRocketDelivery, FlickRocketDeliverySettings
from feedbridge.platforms.flickrocket.payload import ProductFile
from feedbridge.platforms.flickrocket.quality import QUALITY, RULE_POINTS
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.platforms.flickrocket.writer import FlickRocketWriter

__all__ = ["PLATFORM", "delivery_of"]


def delivery_of(
    delivery: FlickRocketDeliverySettings, settings: FlickRocketSettings, environment: Mapping[str, str]
) -> Any:
    """The delivery a target asks for: folders, or updates over REST."""
    if delivery.by == "folder":
        return FlickRocketDelivery(delivery, settings, environment)
    from feedbridge.platforms.flickrocket.api_delivery import FlickRocketApiDelivery

    return FlickRocketApiDelivery(delivery, settings, environment)


PLATFORM = Platform(
    name="flickrocket",
    title="FlickRocket",
    about="Batch-upload folders: one folder a digital product, holding product.json, its content and its pictures.",
    settings=FlickRocketSettings,
    payload=ProductFile,
    rules=rules.RULES,
    converter=FlickRocketConverter,
    writer=FlickRocketWriter,
    unique=rules.K3,
    unique_case=rules.K3,
    claims=rules.K16,
    unplaced=rules.S9,
    placed=frozenset(
        {
            "sku",
            "ids",
            "kind",
            "status",
            "locale",
            "title",
            "description",
            "translations",
            "category_ids",
            "images",
            "content",
            "digital",
            "variants",
        }
    ),
    dropped=frozenset({"group_key", "description_is_html", "options"}),
    quality=QUALITY,
    rule_points=RULE_POINTS,
    image_types=frozenset({"jpeg", "png"}),
    delivery=delivery_of,
    delivery_settings=FlickRocketDeliverySettings,
    catalogues=CATALOGUES,
    usual_mapping="digital",
)
