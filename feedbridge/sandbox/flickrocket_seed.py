"""The made-up shop that the sandbox's FlickRocket begins with."""

from __future__ import annotations

from typing import Any

__all__ = ["SEED"]

SPRING = "2024-02-01T08:00:00"


def _price(number: int, title: str, euro_cents: int, dollar_cents: int) -> dict[str, Any]:
    return {
        "id": number, "title": title, "valid": 1, "created_at": SPRING, "modified_at": SPRING,
        "currencies": [{"currency": "eur", "price": euro_cents}, {"currency": "usd", "price": dollar_cents}],
        "countries": [],
    }


def _license(number: int, name: str, *, downloads: int, drm: bool) -> dict[str, Any]:
    return {
        "id": number, "name": name, "valid": True, "company_id": 1202, "assignment": "company-specific",
        "created_at": SPRING, "created_by_user_id": 2543, "drm": drm, "allow_play": True,
        "total_downloads": downloads, "physical": False,
        "locales": [{"id": number * 10 + 1, "name": name, "language_id": 1, "description": ""}],
    }


def _category(number: int, title: str) -> dict[str, Any]:
    return {
        "id": number, "title": title, "comment": "", "created_at": SPRING, "enabled": True,
        "locales": [{"id": "en", "title": title, "seo_title": "", "seo_description": "", "seo_keywords": "",
                     "description": "", "src": ""}],
    }


def _product(number: int, long_id: str, title: str, product_type: int, price: int, category: int) -> dict[str, Any]:
    return {
        "id": number, "product_id": long_id, "title": title, "comment": "", "version": "1",
        "product_type": product_type, "drm_protected": product_type not in (23, 24, 27), "valid": True,
        "published_at": "2024-03-01T00:00:00", "mirrored": False,
        "locales": [{"language_id": "en", "title": title, "description": "", "version": "1", "src": ""}],
        "price_license_binding": [{"license_id": 16, "price_id": price, "hd": False, "compare_price_id": None}],
        "content_files": [{"valid": True, "content_type": 1, "download_url": ""}],
        "categories": [{"category_id": category, "id": number * 10 + 1, "created_at": "2024-03-01T00:00:00"}],
        "chapters": [], "allow_download_trial": 0, "attribute_set_id": None,
    }


def _fulfillment(number: str, created: str, status: int, tracking: str, last_name: str, quantity: int) -> dict[str, Any]:
    return {
        "id": number, "created_at": created, "company_id": 1202, "status": status, "shipping_model": "Standard parcel",
        "tracking_number": tracking,
        "tracking_url": f"https://parcels.example.com/{tracking}" if tracking else "",
        "customer": {
            "id": int(number) + 1000, "token": f"C-{number}", "name": f"Ada {last_name}", "first_name": "Ada",
            "last_name": last_name, "company": "", "address1": "Hafenstraße 7", "address2": "", "zip": "20457",
            "city": "Hamburg", "province": "", "province_code": "", "country_name": "Germany", "country_code": "DE",
            "default": True,
        },
        "line_items": [{
            "id": 142997, "product_id": "0001-26ED-EA4F-AA34", "title": "Field recordings", "version": "1",
            "Quantity": quantity, "gtin": "4006381333931", "weight": 160,
        }],
    }


def _rate(number: int, currency: str, rate: float) -> dict[str, Any]:
    return {"id": number, "currency": currency, "rate_to_eur": rate, "date": "2024-03-01T00:00:00"}


SEED: dict[str, list[dict[str, Any]]] = {
    "prices": [_price(46, "Books tier A", 2900, 3200), _price(47, "Books tier B", 1490, 1600),
               _price(48, "Guides", 395, 450)],
    "licenses": [_license(16, "Standard", downloads=5, drm=True), _license(17, "Without DRM", downloads=0, drm=False)],
    "categories": [_category(4, "Fiction"), _category(5, "Travel"), _category(6, "Music"), _category(7, "Maps")],
    "products": [
        _product(142995, "0001-26ED-EA4F-AA32", "Moby-Dick", 16, 46, 4),
        _product(142996, "0001-26ED-EA4F-AA33", "City walks", 7, 48, 5),
        _product(142997, "0001-26ED-EA4F-AA34", "Field recordings", 24, 47, 6),
    ],
    "theme_settings": [
        {"id": 12, "title": "Harbour", "created_at": SPRING, "updated_at": SPRING, "is_default": True},
        {"id": 13, "title": "Lighthouse", "created_at": SPRING, "updated_at": SPRING, "is_default": False},
    ],
    "fulfillments": [
        _fulfillment("267227", "2024-03-04T10:15:00", 0, "", "Brandt", 1),
        _fulfillment("267228", "2024-03-05T16:40:12", 100, "00340434161094000001", "Çelik", 2),
    ],
    "companies": [{
        "id": 1202, "name": "Harbour Books", "email": "owner@example.com", "currency": "eur", "country_code": "DE",
        "created_at": SPRING, "updated_at": SPRING,
    }],
    "currency_rates": [_rate(1, "eur", 1.0), _rate(2, "usd", 1.0838), _rate(3, "gbp", 0.8556)],
    "webhooks": [],
}
