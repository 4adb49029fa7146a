"""Nested documents laid flat for one locale and channel: one module a shape, named by ``records.shape``.

A module has ``flatten(document, locale, scope, translations)``, which gives a document with a member ``values``, with
``translations`` one ``values_by_locale``, and as ``RAW`` the document as it was. It may have ``places(documents)``, the
locales and channels some documents have values for, where a mapping must be told which to take; and ``flattener(source)``,
a ``flatten`` that knows more than one document of its source.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from feedbridge.sources.base import Source

__all__ = ["flattener_of", "places_of", "shape_names"]

Flatten = Callable[[dict[str, Any], "str | None", "str | None", bool], dict[str, Any]]


@cache
def shape_names() -> tuple[str, ...]:
    """The shapes there are."""
    return tuple(sorted(["akeneo", *(one.name for one in iter_modules(__path__) if not one.name.startswith("_"))]))


def module_of(name: str) -> ModuleType:
    return import_module("feedbridge.mapping.akeneo" if name == "akeneo" else f"{__name__}.{name}")


def flattener_of(name: str, source: Source) -> Flatten:
    """What lays the documents of a source flat."""
    module = module_of(name)
    of_source: Callable[[Source], Flatten] | None = getattr(module, "flattener", None)
    flatten: Flatten = of_source(source) if of_source is not None else module.flatten
    return flatten


def places_of(name: str, documents: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Locales and channels that some documents have values for, among which a mapping must choose."""
    places = getattr(module_of(name), "places", None)
    found: tuple[list[str], list[str]] = places(documents) if places is not None else ([], [])
    return found
