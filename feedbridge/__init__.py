"""feedbridge converts product feeds: a shop's or PIM's export in, exactly what each platform takes out.

``read``, ``check``, ``convert``, ``explain`` and ``suggest`` are all a notebook needs, ``plan_job``, ``sync_job`` and ``apply_plan``
what a nightly delivery needs; they are loaded when first used, so that ``import feedbridge`` is quick and has no side effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "CommandError", "FeedbridgeError", "Finding", "MappingError", "OutputError", "Product", "Result", "Severity",
    "SourceError", "__version__", "apply_plan", "check", "convert", "explain", "plan_job",
    "read", "suggest", "sync_job",
]

if TYPE_CHECKING:
    from feedbridge.api import Result, apply_plan, check, convert, explain, plan_job, read, suggest, sync_job
    from feedbridge.errors import CommandError, FeedbridgeError, MappingError, OutputError, SourceError
    from feedbridge.findings import Finding, Severity
    from feedbridge.product import Product

_HOMES = {
    "Result": "api", "check": "api", "convert": "api", "explain": "api", "read": "api", "suggest": "api",
    "apply_plan": "api", "plan_job": "api", "sync_job": "api", "Product": "product",
    "Finding": "findings", "Severity": "findings", "CommandError": "errors", "FeedbridgeError": "errors",
    "MappingError": "errors", "OutputError": "errors", "SourceError": "errors",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"feedbridge.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'feedbridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
