"""The request bodies of a run: ``batch-0001.json`` and on, each ``{"product":{…}}`` and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feedbridge.platforms.base import Outcome
from feedbridge.platforms.magento.rules import parent_is_left_out
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.platforms.output import HashedFile

__all__ = ["MagentoWriter"]

OPENING = b'{"product":{'
CLOSING = b"}}"


class MagentoWriter:
    """Streams entries into files, in the order they come. What one product became stays in one file; no file is
    made for no product. Raises OutputError."""

    def __init__(self, settings: MagentoSettings, folder: Path, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._folder = folder
        self._file: HashedFile | None = None
        self._in_file = 0
        self._files: list[dict[str, Any]] = []
        self._entries = 0
        self._parents_left_out = 0

    def add(self, outcome: Outcome) -> None:
        """Take one accepted product."""
        file = self._file
        if file is not None and self._is_full(file, outcome):
            self._close(file)
            file = None
        if file is None:
            file = self._file = HashedFile(self._folder / f"batch-{len(self._files) + 1:04d}.json")
            self._in_file = 0
            file.write(OPENING + outcome.body)
        else:
            file.write(b"," + outcome.body)
        self._in_file += outcome.entries
        self._entries += outcome.entries
        if parent_is_left_out.number in outcome.notes:
            self._parents_left_out += 1

    def finish(self) -> dict[str, Any]:
        """Close the last file. ``entries``: products in all files; ``parents_left_out``: products that went as their
        variants only."""
        if self._file is not None:
            self._close(self._file)
        return {"files": self._files, "entries": self._entries, "parents_left_out": self._parents_left_out}

    def _is_full(self, file: HashedFile, outcome: Outcome) -> bool:
        most_products, most_bytes = self._settings.batch_products, self._settings.batch_bytes
        return bool(
            (most_products and self._in_file + outcome.entries > most_products)
            or (most_bytes and file.bytes + 1 + len(outcome.body) + len(CLOSING) > most_bytes)
        )

    def _close(self, file: HashedFile) -> None:
        file.write(CLOSING)
        self._files.append(file.close(self._folder))
        self._file = None
