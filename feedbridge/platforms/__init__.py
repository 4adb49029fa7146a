"""Platforms: one folder each; it defines PLATFORM and is found by walking, there is no list to edit."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from feedbridge.platforms.base import Converter, FileUse, Outcome, Platform, PlatformSettings, Writer
from feedbridge.platforms.output import HashedFile

__all__ = [
    "Converter", "FileUse", "HashedFile", "Outcome", "Platform", "PlatformSettings", "Writer",
    "platform", "platform_names", "platforms",
]


@cache
def platform_names() -> tuple[str, ...]:
    """Every platform's name, without importing any of them."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if module.ispkg))


@cache
def platform(name: str) -> Platform:
    """One platform by name; only its own folder is imported. Raises KeyError."""
    if name not in platform_names():
        raise KeyError(name)
    found: Platform = import_module(f"{__name__}.{name}").PLATFORM
    return found


def platforms() -> dict[str, Platform]:
    """Every platform by name."""
    return {name: platform(name) for name in platform_names()}
