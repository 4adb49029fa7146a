"""The made-up shop that the sandbox's FlickRocket begins with."""

from __future__ import annotations

from typing import Any

__all__ = ["SEED"]


def _price(number: int, title: str, euro_cents: int, dollar_cents: int) -> dict[str, Any]:
    return {
        "id": number, "title": title, "valid": 1, "created_at": "2024-02-01T08:00:00",
        "modified_at": "2024-02-01T08:00:00",
        "currencies": [{"currency": "eur", "price": euro_cents}, {"currency": "usd", "price": dollar_cents}],
        "countries": [],
    }


def _license(number: int, name: str, *, downloads: int, drm: bool) -> dict[str, Any]:
    return {
        "id": number, "name": name, "valid": True, "company_id": 1202, "assignment": "company-specific",
        "created_at": "2024-02-01T08:00:00", "created_by_user_id": 2543, "drm": drm, "allow_play": True,
        "total_downloads": downloads, "physical": False,
        "locales": [{"id": number * 10 + 1, "name": name, "language_id": 1, "description": ""}],
    }


def _category(number: int, title: str) -> dict[str, Any]:
    return {
        "id": number, "title": title, "comment": "", "created_at": "2024-02-01T08:00:00", "enabled": True,
        "locales": [{"id": "en", "title": title, "seo_title": "", "seo_description": "", "seo_keywords": "",
                     "description": "", "src": ""}],
    }


def _product(number: int, long_id: str, title: str, product_type: int, price: int, category: int) -> dict[str, Any]:
    return {
        "id": number, "product_id": long_id, "title": title, "comment": "", "version": "1",
        "product_type": product_type, "drm_protected": product_type != 27, "valid": True,
        "published_at": "2024-03-01T00:00:00", "mirrored": False,
        "locales": [{"language_id": "en", "title": title, "description": "", "version": "1", "src": ""}],
        "price_license_binding": [{"license_id": 16, "price_id": price, "hd": False, "compare_price_id": None}],
        "content_files": [{"valid": True, "content_type": 1, "download_url": ""}],
        "categories": [{"category_id": category, "id": number * 10 + 1, "created_at": "2024-03-01T00:00:00"}],
        "chapters": [], "allow_download_trial": 0, "attribute_set_id": None,
    }


SEED: dict[str, list[dict[str, Any]]] = {
    "prices": [_price(46, "Books tier A", 2900, 3200), _price(47, "Books tier B", 1490, 1600),
               _price(48, "Guides", 395, 450)],
    "licenses": [_license(16, "Standard", downloads=5, drm=True), _license(17, "Without DRM", downloads=0, drm=False)],
    "categories": [_category(4, "Fiction"), _category(5, "Travel"), _category(6, "Music")],
    "products": [
        _product(142995, "0001-26ED-EA4F-AA32", "Moby-Dick", 16, 46, 4),
        _product(142996, "0001-26ED-EA4F-AA33", "City walks", 7, 48, 5),
        _product(142997, "0001-26ED-EA4F-AA34", "Field recordings", 24, 47, 6),
    ],
}
