"""What FlickRocket's REST API has, by paths and names.

Source: docs/platforms/flickrocket.md, sections 3.7 and 4.1; K31, choice A14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from feedbridge.platforms.flickrocket.resources import (
    Category,
    Company,
    CurrencyRate,
    Fulfillment,
    License,
    Price,
    Product,
    Resource,
    ThemeSetting,
    Webhook,
)

__all__ = [
    "CATEGORIES", "COMPANIES", "FULFILLMENTS", "INSIDE_LICENSE", "INSIDE_PRODUCT", "LICENSES", "PRICES", "PRODUCTS", "RATES",
    "STATES", "STATISTICS", "THEMES", "WEBHOOKS", "Kind",
]

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Kind(Generic[R]):
    """A resource: its path, that under api2, the names answers hold it by (plural, singular …), its type."""

    model: type[R]
    path: str
    names: tuple[str, ...]
    path2: str = ""
    counted: bool = True

    @property
    def singular(self) -> str:
        return self.names[1]

    def under(self, api: str, rest: str = "") -> str:
        """Its address under ``api`` or ``api2``.

        >>> THEMES.under("api2", "12")
        '/api2/theme_settings/12.json'
        """
        name = self.path2 if api == "api2" and self.path2 else self.path
        return f"/{api}/{name}{f'/{rest}' if rest else ''}.json"


PRODUCTS = Kind(Product, "products", ("products", "product"))
CATEGORIES = Kind(Category, "categories", ("categories", "category"))
PRICES = Kind(Price, "prices", ("prices", "price"))
LICENSES = Kind(License, "licenses", ("licenses", "license"), counted=False)
THEMES = Kind(
    ThemeSetting, "themesettings", ("theme_settings", "theme_setting", "themesettings", "themesetting"),
    path2="theme_settings",
)
FULFILLMENTS = Kind(Fulfillment, "fulfillments", ("fulfillments", "fulfillment"))
COMPANIES = Kind(Company, "companies", ("companies", "company"))
RATES = Kind(CurrencyRate, "currency_rates", ("currency_rates", "currency_rate"), counted=False)
WEBHOOKS = Kind(Webhook, "webhooks", ("webhooks", "webhook"), counted=False)
STATISTICS = ("traffic", "order", "cart", "order_devices", "order_products")
STATES = {0: 0, 100: 100, "open": 0, "complete": 100}
INSIDE_PRODUCT = {
    "language_id": "locales", "src": "locales", "license_id": "price_license_binding",
    "price_id": "price_license_binding", "compare_price_id": "price_license_binding", "hd": "price_license_binding",
    "audio_type": "price_license_binding", "num_users": "price_license_binding", "content_type": "content_files",
    "download_url": "content_files", "category_id": "categories",
}
"""Members that are not of the first level -> what they are inside of."""
INSIDE_LICENSE = {"language_id": "locales", "description": "locales"}
