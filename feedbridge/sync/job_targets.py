"""What a target of a job may be, a platform or a further way to one, and the keys it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feedbridge.platforms import platform, platform_names
from feedbridge.platforms.delivery import DeliverySettings

__all__ = ["WAYS", "delivery_model", "platform_of", "target_names", "way_keys"]

WAYS: Mapping[str, tuple[str, dict[str, Any]]] = {"flickrocket-api": ("flickrocket", {"by": "api"})}
"""Further ways to a platform, each by a name of its own: the platform that converts, and what that says of delivery."""
UNUSED_KEYS = {
    "folder": ("by", "endpoint", "sandbox", "rate", "create", "omitted"),
    "api": ("by", "endpoint", "sandbox", "outbox"),
}
"""Of a platform with several ways: keys that a way has no use for, and refuses."""


def delivery_model(name: str) -> type[DeliverySettings]:
    """The delivery settings of a platform."""
    model: Any = platform(name).delivery_settings
    return model or DeliverySettings


def target_names() -> tuple[str, ...]:
    """What a target may be: a platform, or a further way to one."""
    return (*platform_names(), *WAYS)


def platform_of(name: str) -> str:
    """The platform that converts for a target of this kind."""
    return WAYS[name][0] if name in WAYS else name


def way_keys(name: str) -> list[str]:
    """Keys of a target of this kind, beside ``platform`` and ``settings``."""
    model = delivery_model(platform_of(name))
    if "by" not in model.model_fields:
        return list(model.model_fields)
    return [key for key in model.model_fields if key not in UNUSED_KEYS[WAYS.get(name, ("", {"by": "folder"}))[1]["by"]]]
