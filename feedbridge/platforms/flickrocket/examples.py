"""How a rule of FlickRocket is written down: its sources and its examples."""

from __future__ import annotations

from typing import Any

from feedbridge.findings import Severity
from feedbridge.rules import Rule

__all__ = [
    "ADVICE",
    "ERROR",
    "GUIDE",
    "OURS",
    "PAGE",
    "PDF",
    "SETTINGS_PAGE",
    "WARNING",
    "built",
    "licensed",
    "priced",
    "with_fields",
]

ERROR, WARNING, ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
PAGE = "developer.flickrocket.com/en/batch-upload/"
SETTINGS_PAGE = "developer.flickrocket.com/en/batch-upload/advanced-settings"
GUIDE = "flickrocket.com usage guide"
OURS = "feedbridge's choice; the documentation does not say"

PDF = {"kind": "digital", "content": [{"src": "book.pdf"}]}


def with_fields(**more: Any) -> dict[str, Any]:
    """Fields of a small PDF product and some more."""
    return {**PDF, **more}


def licensed(**binding: Any) -> dict[str, Any]:
    return with_fields(digital={"medium": "pdf", "licences": [{"license_id": 16, **binding}]})


def priced(*amounts: tuple[str, str]) -> dict[str, Any]:
    model = {"title": "Tier A", "amounts": [{"amount": amount, "currency": currency} for amount, currency in amounts]}
    return licensed(price_model=model)


def built(
    number: str,
    title: str,
    held_by: str,
    good: str,
    bad: str,
    *,
    source: str = PAGE,
    severity: Severity = ERROR,
    mend: str = "",
) -> Rule:
    """A rule that holds by construction or is found where the files are."""
    return Rule(number, severity, title, source, mend, good, bad, None, held_by)
