"""What a platform is: settings, payload, rules, a converter (one product) and a writer (one run)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict

from feedbridge.product import Product
from feedbridge.rules import Found, Rule
from feedbridge.rules.quality import WARNING_POINTS, Quality

__all__ = ["BY_PATH", "Converter", "FileUse", "Outcome", "Platform", "PlatformSettings", "Snapshot", "Writer"]

BY_PATH = "pictures-by-path"
"""Note of a product that has a picture which is a path, not an address."""


class PlatformSettings(BaseModel):
    """Settings of one platform: ``platforms.<name>.settings`` of a mapping, or ``--set <name>.<key>=<value>``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileUse(msgspec.Struct, frozen=True):
    """A file that goes beside the payload: ``source`` (a path that exists, or a URL to download) to
    ``target`` (relative to the product's folder, with ``/``)."""

    source: str
    target: str


class Outcome(msgspec.Struct):
    """What became of one product on one platform.

    ``body``     the product's payload, encoded once; empty when it is not written
    ``keys``     what must be unique over the run (SKUs, ids, folder names), the product's own first
    ``claims``   (name, content): over a run a name stands for one content only
    ``entries``  objects in ``body`` (a product may become several)
    ``files``    what goes beside the payload
    ``problems`` what rules found; an error among them holds the product back for this platform
    ``excluded`` the kind of product, when it is not for this platform at all; else empty
    ``folder``   name of the product's own folder, on a platform that writes one a product
    ``notes``    numbers of rules to be said once a run, with the number of products; and words the platform's writer
                 counts for the manifest, as ``parents_left_out``
    """

    body: bytes = b""
    keys: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    entries: int = 1
    files: tuple[FileUse, ...] = ()
    problems: list[Found] = msgspec.field(default_factory=list)
    excluded: str = ""
    folder: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a shop has of one kind, for look-ups by title.

    ``entries``  (title, id, whether it can be used)
    ``read``     when the shop was asked (aware)
    ``old``      why it is older than it should be, in words; empty: it is not
    ``again``    the command that asks for it anew
    """

    entries: tuple[tuple[str, str, bool], ...]
    read: datetime
    old: str = ""
    again: str = ""


class Converter(Protocol):
    """One product to its payload; made once a process, so it may cache."""

    def convert(self, product: Product, folder: Path | None) -> Outcome:
        """``product``: the light twin of a canonical product. ``folder``: the source's folder, or None
        (standard input, DataFrame). Never raises for anything in a product."""


class Writer(Protocol):
    """Puts the accepted products of a run into a folder, in the order they come."""

    def add(self, outcome: Outcome) -> None:
        """Take one accepted product (rules ran before). Raises OutputError."""

    def finish(self) -> dict[str, Any]:
        """Close all files. Returns what the manifest says of this platform beside its counts:
        ``{"files": [{"path", "bytes", "sha256"}, …], …}``, paths relative to the platform's folder."""


@dataclass(frozen=True, slots=True)
class Platform:
    """All that the rest of the program knows of a platform.

    ``unique``       rule broken by a key seen before in the run
    ``unique_case``  rule broken by a key that differs from one seen before only in case
    ``claims``       rule broken by a claim whose name stood for other content before
    ``unplaced``     rule given once a run and field for fields products carried that have no place here
    ``by_path``      rule given once a run for pictures written as paths that could be addresses
    """

    name: str
    title: str
    about: str
    settings: type[PlatformSettings]
    payload: type[BaseModel]
    rules: tuple[Rule, ...]
    converter: Callable[[Any, Mapping[str, str]], Converter]
    """``converter(settings, environment)``"""
    writer: Callable[[Any, Path, Mapping[str, str]], Writer]
    """``writer(settings, folder, environment)``; the folder exists and is empty."""
    unique: Rule
    unique_case: Rule | None = None
    claims: Rule | None = None
    unplaced: Rule | None = None
    """Warning given once a run and field for source fields the platform has no place for."""
    by_path: Rule | None = None
    """Warning given once a run for pictures that are written as paths, where the mapping would make addresses of them if
    it were told where they lie. The converter notes such products with the word ``BY_PATH``."""
    placed: frozenset[str] = field(default_factory=frozenset)
    """Canonical fields that have a place in the payload (first segment of the path)."""
    dropped: frozenset[str] = field(default_factory=frozenset)
    """Canonical fields that are dropped without a word (they are structure, not content)."""
    image_types: frozenset[str] | None = None
    """Types of pictures it takes (``jpeg``, ``png`` …); None when that is not documented."""
    pictures: Callable[[Any], Iterable[tuple[str, str]]] | None = None
    """(field, address or path) of the pictures a product has in the payload; None: all it has."""
    quality: tuple[Quality, ...] = ()
    """What makes a product good there: the criteria of the feed score."""
    delivery: Callable[[Any, Any, Mapping[str, str]], Any] | None = None
    """``delivery(delivery settings, settings, environment)``: a Delivery (delivery.py); None: files only."""
    delivery_settings: type[BaseModel] | None = None
    """A child of ``delivery.DeliverySettings``."""
    usual_mapping: str = ""
    """The preset for what it takes, where a general one reads nothing that it takes."""
    catalogues: Mapping[str, Callable[..., Snapshot]] = field(default_factory=dict)
    """What a mapping may name by its title, ``lookup: {catalogue: <platform>.<name>}``: name -> ``read(environment)``,
    which raises FeedbridgeError. It takes ``fresh=timedelta(…)``, how old what was kept may be; ``patient=False`` for one
    try only; and ``down="…"``, why the shop cannot be asked, when that was found out a moment ago."""
    rule_points: Mapping[str, int] = field(default_factory=dict)
    """Points of the feed score a rule's warning costs, by the rule's number, where it is not the usual."""

    def warning_points(self, code: str) -> int:
        """What a warning about a product costs it here, of 100."""
        front, _, number = code.partition(".")
        return self.rule_points.get(number, WARNING_POINTS) if front == self.name else WARNING_POINTS
