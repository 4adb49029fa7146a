"""A proposal for a few lines of text, as the command makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from feedbridge.mapping.suggest import Draft, propose
from feedbridge.mapping.yaml import read_yaml
from feedbridge.sources.opening import open_source

__all__ = ["plain", "proposed", "table"]


def table(folder: Path, text: str, name: str = "feed.csv") -> Path:
    """A file of comma-separated lines; blanks around cells are for reading only."""
    lines = [",".join(cell.strip() for cell in line.split(",")) for line in text.strip().splitlines()]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def proposed(path: Path) -> Draft:
    return propose(lambda **settings: open_source(path, **settings), path.name, "feed")


def plain(draft: Draft) -> dict[str, Any]:
    """The mapping as YAML reads it."""
    return dict(read_yaml(draft.text(), "feed.yaml")[0])
