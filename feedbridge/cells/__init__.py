"""Cells: one text (or JSON value) in, one canonical value out. One file a kind."""

from feedbridge.cells.base import CellError, Reader, readers

__all__ = ["CellError", "Reader", "readers"]
