"""Batches of products: each file is exactly the text of one call's ``products`` parameter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feedbridge.platforms.base import Outcome
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.flipsnack.signing import request_overhead, short_source_hash, source_hash, unnamed_feed
from feedbridge.platforms.output import HashedFile

__all__ = ["FlipsnackWriter"]


class FlipsnackWriter:
    """``batch-0001.json``, ``batch-0002.json`` …, products in the order they come, none parted from its variants.

    A new batch begins when the next product would exceed ``batch_products``, or when the whole request body would
    exceed ``batch_bytes``. Without products no file is written.

    Raises: CommandError when made with an unusable sourceHash; OutputError.
    """

    def __init__(self, settings: FlipsnackSettings, folder: Path, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._source_hash = source_hash(settings)
        self._folder = folder
        self._most_products = settings.batch_products
        self._most_bytes = settings.batch_bytes - request_overhead(settings)
        self._batch: list[bytes] = []
        self._bytes = len("[]")
        self._files: list[dict[str, Any]] = []
        self._products = 0

    def add(self, outcome: Outcome) -> None:
        """Take one accepted product; the converter refused those too big for a call of their own."""
        body = outcome.body
        size = len(body) + 1  # its comma; the first has none, so the estimate is a byte above the truth
        if self._batch and (len(self._batch) >= self._most_products or self._bytes + size - 1 > self._most_bytes):
            self._write()
        self._batch.append(body)
        self._bytes += size

    def finish(self) -> dict[str, Any]:
        """Write the last batch. ``{"files": […], "sourceHash": …, "feed": …, "products": …}``; ``warnings`` where
        the user's own sourceHash is shorter than older documentation asks for."""
        if self._batch:
            self._write()
        said: dict[str, Any] = {
            "files": self._files, "sourceHash": self._source_hash, "feed": self._settings.feed,
            "products": self._products,
        }
        warnings = [warning for warning in (short_source_hash(self._settings), unnamed_feed(self._settings)) if warning]
        return said | {"warnings": warnings} if warnings else said

    def _write(self) -> None:
        file = HashedFile(self._folder / f"batch-{len(self._files) + 1:04d}.json")
        file.write(b"[" + b",".join(self._batch) + b"]")
        self._files.append(file.close(self._folder))
        self._products += len(self._batch)
        self._batch = []
        self._bytes = len("[]")
