"""HTML, kept or turned into plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, ClassVar

from feedbridge.cells.base import Reader
from feedbridge.cells.plain import plain_text

__all__ = ["Html", "strip_html"]

_BLOCK_NAMES = """
address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5
h6 header hr li main nav ol p pre section summary table tbody tfoot thead tr ul
"""
BLOCKS = frozenset(_BLOCK_NAMES.split())
"""Elements that stand on lines of their own."""
UNSEEN = frozenset({"script", "style", "template", "noscript"})
"""Elements a reader of the page never sees."""

_BLANKS = re.compile(r"[ \t\r\n\f]+")


class Html(Reader):
    """HTML exactly as the source has it, or with ``strip`` the text a person would see.

    >>> Html().read("<p>One<br>two</p>")
    '<p>One<br>two</p>'
    >>> Html(strip=True).read("<p>One<br>two</p>")
    'One\\ntwo'

    Raises: CellError, code html-shape.
    """

    kind: ClassVar[str] = "html"

    strip: bool = False
    """Give plain text: block elements become line breaks, entities characters; scripts and styles go."""

    def read(self, raw: Any) -> str:
        text = plain_text(raw, "html")
        return strip_html(text) if self.strip else text


def strip_html(text: str) -> str:
    """The text a person would see: a line for every block, entities as characters, no scripts or styles.

    >>> strip_html("<ul><li>5 &lt; 6</li><li>two</li></ul>")
    '5 < 6\\ntwo'

    Returns: lines without blanks at their ends and without empty lines; empty text when nothing can be seen.
    """
    if "<" not in text and "&" not in text:
        return text
    seen = _Seen()
    seen.feed(text)
    seen.close()
    return "\n".join(line for line in map(str.strip, "".join(seen.parts).split("\n")) if line)


class _Seen(HTMLParser):
    """Gathers the text that can be seen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unseen: list[str] = []
        self.verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self.unseen.append(tag)
        elif tag in BLOCKS:
            self.parts.append("\n")
            self.verbatim += tag == "pre"
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in UNSEEN:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            if tag in self.unseen:
                self.unseen.remove(tag)
        elif tag in BLOCKS:
            self.parts.append("\n")
            self.verbatim -= tag == "pre" and self.verbatim > 0

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(data if self.verbatim else _BLANKS.sub(" ", data))
