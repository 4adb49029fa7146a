"""What a cell reader is."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from feedbridge.findings import Severity

__all__ = ["CellError", "Reader", "readers"]


class CellError(Exception):
    """A value that cannot be read. ``warning``: the product is written without it; ``error``: held back.

    ``message`` begins with the offending value in quotes where that helps; ``mend`` says what to write instead.
    """

    def __init__(self, code: str, message: str, mend: str = "", severity: Severity = Severity.ERROR) -> None:
        self.code = code
        self.message = message
        self.mend = mend
        self.severity = severity
        super().__init__(message)


class Reader(BaseModel):
    """Reads one kind of cell. Its pydantic fields are the parameters a mapping may give (``as: money, decimal: ","``).

    ``kind`` is the word after ``as:``. ``read`` gets a str that is not blank (already stripped), or for JSON
    an int, bool, Decimal, list or dict; never None. It returns a canonical value, never None, or raises CellError.
    Instances are made once a run and process, so a reader may cache.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]

    def read(self, raw: Any) -> Any:
        """The canonical value of a raw one. Raises CellError."""
        raise CellError("cell.unreadable", f'"{raw}" cannot be read as {self.kind}')


@cache
def readers() -> dict[str, type[Reader]]:
    """Every reader by kind: the Reader subclasses of the modules in this folder."""
    import feedbridge.cells as folder

    found: dict[str, type[Reader]] = {}
    for module in sorted(m.name for m in iter_modules(folder.__path__) if m.name != "base"):
        for thing in vars(import_module(f"{folder.__name__}.{module}")).values():
            if isinstance(thing, type) and issubclass(thing, Reader) and "kind" in vars(thing):
                found[thing.kind] = thing
    return found
