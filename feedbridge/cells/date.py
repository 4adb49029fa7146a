"""Dates and times, as ISO 8601 text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["Date"]

_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:T|\s+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<part>\.[0-9]{1,9})?)?"
    r"\s*(?P<zone>Z|z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_NUMERIC = re.compile(r"(?P<a>[0-9]{1,4})(?P<mark>[./-])(?P<b>[0-9]{1,2})(?P=mark)(?P<c>[0-9]{1,4})(?P<rest>\D.*)?")
_TIMES = re.compile(r"%-?[HIMSfpzZcX]")
_PROBE = datetime(2023, 11, 24, 13, 5, 7, tzinfo=UTC)


def _workable(pattern: str) -> str:
    """A strptime pattern that says day, month and year."""
    again = datetime.strptime(_PROBE.strftime(pattern), pattern)
    if again.date() != _PROBE.date():
        raise ValueError(f'"{pattern}" does not say day, month and year')
    return pattern


class Date(Reader):
    """A date, or a date and time, as ISO 8601 text.

    >>> Date().read("2024-03-04"), Date().read("2024-03-04 9:15:00"), Date(format="%d.%m.%Y").read("04.03.2024")
    ('2024-03-04', '2024-03-04T09:15:00', '2024-03-04')

    Returns: ``YYYY-MM-DD``, or ``YYYY-MM-DDThh:mm:ss`` with the offset when the source gives one.
    Raises:  CellError, code date-format, date-ambiguous (``03/04/2024`` without a format), date-shape.
    """

    kind: ClassVar[str] = "date"

    format: Annotated[str, AfterValidator(_workable)] | None = None
    """Pattern of Python's strptime, as ``%d.%m.%Y``; without it only ISO 8601 dates are read."""

    def read(self, raw: Any) -> str:
        text = plain_text(raw, "date").strip()
        return self.by_format(text, self.format) if self.format else by_iso(text)

    def by_format(self, text: str, pattern: str) -> str:
        try:
            moment = datetime.strptime(text, pattern)
        except ValueError as exc:
            raise CellError(
                "cell.date-format",
                f'{quoted(text)} is no date of the format "{pattern}"',
                f"write it like {_PROBE.strftime(pattern)}",
            ) from exc
        return moment.isoformat() if _TIMES.search(pattern) else moment.date().isoformat()


def by_iso(text: str) -> str:
    """Read a date or date and time of ISO 8601. Raises CellError."""
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
        match = _ISO.fullmatch(text)
        if match:
            zone = match["zone"] or ""
            offset = "+00:00" if zone in ("Z", "z", "UTC") else zone
            clock = f"{match['hour']:0>2}:{match['minute']}:{match['second'] or '00'}{(match['part'] or '')[:7]}"
            return datetime.fromisoformat(f"{match['day']}T{clock}{offset}").isoformat()
    except ValueError as exc:
        raise CellError(
            "cell.date-format", f"{quoted(text)} is not in the calendar or on the clock", "write it like 2024-03-04"
        ) from exc
    raise no_iso_date(text)


def no_iso_date(text: str) -> CellError:
    match = _NUMERIC.fullmatch(text)
    if match and len(match["a"]) <= 2 and int(match["a"]) <= 12 and int(match["b"]) <= 12:
        mark = match["mark"]
        year = "%Y" if len(match["c"]) == 4 else "%y"
        return CellError(
            "cell.date-ambiguous",
            f"{quoted(text)}: which is the day and which the month?",
            f'set format: "%d{mark}%m{mark}{year}" or format: "%m{mark}%d{mark}{year}" in the mapping',
        )
    return CellError(
        "cell.date-format",
        f"{quoted(text)} is no ISO 8601 date",
        'write it like 2024-03-04, or set format, as "%d.%m.%Y", in the mapping',
    )
