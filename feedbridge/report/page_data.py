"""What ``report.html`` shows: one ``Page``, gathered by the run and drawn by ``report.page``.

Every text of a feed goes in as it is: escaping is the page's work. Nothing here is a time, so that the same run gives
the same page.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "Completeness",
    "Input",
    "Loss",
    "MappingUsed",
    "Page",
    "PlatformPart",
    "PriceSpread",
    "Sample",
    "SamplePlatform",
    "SourceCell",
]


class Input(msgspec.Struct, kw_only=True):
    """A file that was read. ``records`` are rows or objects, ``bytes`` its size."""

    name: str
    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    sha256: str = ""
    records: int = 0
    bytes: int = 0


class MappingUsed(msgspec.Struct, kw_only=True):
    """A mapping: ``name`` as in the manifest, ``shown`` for people; ``recognised`` when ``--mapping auto`` chose it."""

    name: str
    shown: str = ""
    recognised: bool = False


class Loss(msgspec.Struct, kw_only=True):
    """What one rule costs a platform's feed score.

    ``points``   points of the score (0 to 100) that are lost to this rule
    ``products`` how many products one fix would lift
    """

    code: str
    title: str = ""
    points: float = 0.0
    products: int = 0
    mend: str = ""


class PlatformPart(msgspec.Struct, kw_only=True):
    """What became of the feed on one platform: ``read = written + sum(excluded) + held_back``, in products.

    ``excluded``   how many products by kind, as in the manifest
    ``variants``   the same counts in variants: ``read``, ``written``, ``excluded``, ``held_back``
    ``score``      the feed score, 0 to 100; none when it was not asked for
    ``score_bins`` products by their score: ten bins, 0-10, 10-20 … 90-100; empty when there is no score
    ``files``      (path in the output folder, bytes) of every file that was written
    """

    name: str
    title: str = ""
    read: int = 0
    written: int = 0
    held_back: int = 0
    excluded: dict[str, int] = {}
    variants: dict[str, Any] = {}
    score: float | None = None
    score_bins: list[int] = []
    losses: list[Loss] = []
    files: list[tuple[str, int]] = []


class Completeness(msgspec.Struct, kw_only=True):
    """In how many products (``of``) a canonical field has a value (``filled``)."""

    field: str
    title: str = ""
    filled: int = 0
    of: int = 0


class PriceSpread(msgspec.Struct, kw_only=True):
    """The prices of one currency, amounts as decimal text.

    ``bins`` (lowest, highest, number of prices), in rising order
    """

    currency: str
    bins: list[tuple[str, str, int]] = []
    least: str = ""
    most: str = ""
    median: str = ""


class SourceCell(msgspec.Struct, kw_only=True):
    """One cell of the source: ``line`` is the physical line, ``column`` its header or the path in a JSON record."""

    line: int = 0
    column: str = ""
    value: str = ""


class SamplePlatform(msgspec.Struct, kw_only=True):
    """One product as a platform gets it.

    ``state``        ``written``, ``excluded`` or ``held``
    ``payload_text`` the payload as indented JSON, empty when the product is not written
    ``findings``     what was found about it for this platform, one text each
    ``images``       web addresses, or paths as in the source
    """

    name: str
    state: str = "written"
    payload_text: str = ""
    findings: list[str] = []
    images: list[str] = []


class Sample(msgspec.Struct, kw_only=True):
    """One product before and after: ``canonical`` is (field, value as text) of the canonical product."""

    sku: str
    title: str = ""
    line: int = 0
    file: str = ""
    source: list[SourceCell] = []
    canonical: list[tuple[str, str]] = []
    platforms: list[SamplePlatform] = []


class Page(msgspec.Struct, kw_only=True):
    """All of a report page.

    ``findings``        the first of each code, at most a few thousand, as ``Finding.to_dict`` gives them
    ``finding_counts``  how many there are of each code in all, complete
    ``severity_counts`` how many there are of each severity in all; none: counted from ``findings``
    ``about``           what a code means, one plain sentence each
    ``unused_columns``  (file, columns that the mapping uses nothing of)
    ``decimals``        how decimal marks were decided, one sentence each
    ``quarantine``      paths in the output folder of the files that hold the held-back records
    """

    version: str
    inputs: list[Input] = []
    mappings: list[MappingUsed] = []
    platforms: list[PlatformPart] = []
    findings: list[dict[str, Any]] = []
    finding_counts: dict[str, int] = {}
    severity_counts: dict[str, int] = {}
    about: dict[str, str] = {}
    completeness: list[Completeness] = []
    prices: list[PriceSpread] = []
    samples: list[Sample] = []
    unused_columns: list[tuple[str, list[str]]] = []
    decimals: list[str] = []
    quarantine: list[str] = []
