"""UnoPim's four sections of values, laid flat for one locale and channel.

Source: UnoPim repository, product value model: ``common``, ``locale_specific`` (locale -> code -> value),
``channel_specific`` (channel -> code -> value), ``channel_locale_specific`` (channel -> locale -> code -> value).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from feedbridge.mapping.akeneo import RAW

__all__ = ["flatten", "places"]

LISTS = ("categories", "associations")
"""Members of ``values`` that are no section; they stay what they are."""


def flatten(document: dict[str, Any], locale: str | None, scope: str | None, translations: bool) -> dict[str, Any]:
    """``values.common.sku`` becomes ``values.sku``. A later section goes before an earlier one, unless it says nothing:
    common, locale's, channel's, channel and locale's. With ``translations`` also ``values_by_locale.<locale>.name``."""
    values = document.get("values")
    if not isinstance(values, dict):
        return {**document, RAW: document}
    flat: dict[str, Any] = {name: values[name] for name in LISTS if name in values}
    by_channel = member(values, "channel_specific")
    both = member(values, "channel_locale_specific")
    lay(flat, member(values, "common"))
    lay(flat, member(member(values, "locale_specific"), locale))
    lay(flat, member(by_channel, scope))
    lay(flat, member(member(both, scope), locale))
    shaped = {**document, "values": flat, RAW: document}
    if translations:
        by_locale: dict[str, dict[str, Any]] = {}
        for section in (member(values, "locale_specific"), member(both, scope)):
            for where, own in section.items():
                lay(by_locale.setdefault(where, {}), own)
        shaped["values_by_locale"] = by_locale
    return shaped


def lay(flat: dict[str, Any], section: Any) -> None:
    """Values of a section over those that are there."""
    for code, value in section.items() if isinstance(section, dict) else ():
        if value not in (None, "", [], {}):
            flat[code] = value


def member(section: Any, name: str | None) -> dict[str, Any]:
    """A part of a section; an empty list is what PHP writes for an object without members."""
    found = section.get(name) if isinstance(section, dict) and name is not None else None
    return found if isinstance(found, dict) else {}


def places(documents: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The locales and the channels some documents have values for."""
    locales: set[str] = set()
    channels: set[str] = set()
    for document in documents:
        values = document.get("values")
        both = member(values, "channel_locale_specific")
        locales |= {where for where, own in member(values, "locale_specific").items() if own}
        channels |= {
            channel for section in (member(values, "channel_specific"), both) for channel in section if section[channel]
        }
        locales |= {where for own in both.values() if isinstance(own, dict) for where in own if own[where]}
    return sorted(locales), sorted(channels)
