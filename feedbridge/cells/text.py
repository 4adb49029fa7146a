"""Free text."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.plain import plain_text, quoted, unwrapped

__all__ = ["Text"]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BLANKS = re.compile(r"\s+")


class Text(Reader):
    """Text as the source has it; a JSON number or boolean becomes the text a person would write.

    >>> Text().read("Tea pot, 1.5 l")
    'Tea pot, 1.5 l'
    >>> Text().read('="007"')
    '007'
    >>> Text(collapse_whitespace=True).read("Tea\\n   pot")
    'Tea pot'

    Raises: CellError, code text-control, text-shape.
    """

    kind: ClassVar[str] = "text"

    collapse_whitespace: bool = False
    """Make every run of blanks and line breaks one blank."""
    join: str | None = None
    """Text put between the items of a JSON list; without it a list is refused."""
    control: Literal["refuse", "remove"] = "refuse"
    """What is done with invisible control characters (tab and line breaks are none)."""

    def read(self, raw: Any) -> str:
        if raw.__class__ is str:
            if raw[:1] == "=":
                raw = unwrapped(raw)
            if raw.isprintable():
                return " ".join(raw.split()) if self.collapse_whitespace else raw
        elif isinstance(raw, list) and self.join is not None:
            raw = self.join.join(plain_text(item, "text") for item in raw)
        text = plain_text(raw, "text")
        if _CONTROL.search(text):
            if self.control == "refuse":
                raise CellError(
                    "cell.text-control",
                    f"{quoted(text)} holds a control character",
                    "remove it, or set control: remove in the mapping",
                )
            text = _CONTROL.sub("", text)
        return _BLANKS.sub(" ", text).strip() if self.collapse_whitespace else text
