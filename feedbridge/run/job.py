"""What a run is to do, in a form that worker processes can be given."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field

from feedbridge.images import ImageSettings
from feedbridge.mapping.load import Mapping
from feedbridge.platforms import PlatformSettings
from feedbridge.sources.base import Source

__all__ = ["Job"]


@dataclass(slots=True)
class Job:
    """Sources, a mapping for each, platforms and their settings.

    ``environment`` holds the FEEDBRIDGE_* variables only; it is never shown.
    """

    sources: list[Source]
    mappings: list[Mapping]
    platforms: list[str]
    settings: dict[str, PlatformSettings]
    environment: MappingABC[str, str] = field(default_factory=dict, repr=False)
    strict: bool = False
    allow_empty: bool = False
    """Whether a source without a single record is accepted."""
    limit: int | None = None
    images: ImageSettings | None = None
    """How pictures are checked; None: they are not."""
    workers: int = 1
    range_bytes: int = 8 << 20
    """Files of at least this size are read side by side, in ranges of about half of it."""
