"""What stops a run. What is wrong in the data is a finding instead (feedbridge.findings).

::

    FeedbridgeError
    ├── CommandError     the command, a setting or the output folder is wrong; nothing was done (exit 2)
    ├── MappingError     a mapping file is wrong; nothing was done (exit 2)
    ├── SourceError      a source cannot be read or trusted (exit 3)
    └── OutputError      the output cannot be written: disk full, no permission (exit 3)
"""

from __future__ import annotations

__all__ = ["CommandError", "FeedbridgeError", "MappingError", "OutputError", "SourceError"]


class FeedbridgeError(Exception):
    """A run cannot go on. Says what is wrong, where, and how to mend it.

    Shape: ``str(error)`` is ``where: message [code]`` and, on a second line, ``  mend: …``.
    """

    exit_status = 3

    def __init__(self, message: str, *, where: str = "", mend: str = "", code: str = "") -> None:
        self.message = message
        self.where = where
        self.mend = mend
        self.code = code
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.code:
            text += f" [{self.code}]"
        if self.mend:
            text += f"\n  mend: {self.mend}"
        return text


class CommandError(FeedbridgeError):
    """The command line, a setting or the output folder is wrong. Nothing was done."""

    exit_status = 2


class MappingError(FeedbridgeError):
    """A mapping file is wrong. Nothing was done."""

    exit_status = 2


class SourceError(FeedbridgeError):
    """A source cannot be read, or is broken in a way that leaves the rest of it in doubt."""


class OutputError(FeedbridgeError):
    """The output cannot be written."""
