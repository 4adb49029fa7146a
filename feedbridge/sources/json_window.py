"""The text of a JSON file: decoded piece by piece, and held only as far as one value needs it."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterable, Iterator
from decimal import InvalidOperation
from typing import Any

from feedbridge.errors import SourceError
from feedbridge.sources.encoding import codec_named
from feedbridge.sources.json_parse import NUL, SPACE, NotJson, expected, lenient, strict, value_fault

__all__ = ["MOST_ITEM_CHARS", "REPLACE_BY_NUL", "Window", "decoded", "encoding_of"]

MOST_ITEM_CHARS = 64 << 20
"""The longest item that is read, and about as much text as is ever held."""

REPLACE_BY_NUL = "feedbridge.nul"

_MARGIN = 32  # a token cut off by the end of the window is shorter than this
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _nul(error: UnicodeError) -> tuple[str, int]:
    """Bytes that cannot be decoded become NUL, which JSON allows nowhere: the parser then says where they are."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\0", error.end


codecs.register_error(REPLACE_BY_NUL, _nul)


def encoding_of(head: bytes, given: str | None) -> str:
    """The codec's name: by the byte order mark, as given, by where NUL bytes stand (RFC 4627, section 3), or UTF-8."""
    for mark, found in _BOMS:
        if head.startswith(mark):
            return found
    if given:
        return codec_named(given)
    nuls = [byte == 0 for byte in head[:4]]
    if len(nuls) == 4:
        if nuls.count(True) == 3 and nuls[0] != nuls[3]:
            return "utf-32-be" if nuls[0] else "utf-32-le"
        if nuls[0] != nuls[1]:
            return "utf-16-be" if nuls[0] else "utf-16-le"
    return "utf-8"


def decoded(pieces: Iterable[bytes], codec: str) -> Iterator[str]:
    """The text of some bytes, without a byte-order mark and with every line end as one line feed."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec)(REPLACE_BY_NUL), True)
    begun = False
    for piece in pieces:
        text = decoder.decode(piece)
        yield text if begun else text.removeprefix("\ufeff")
        begun = begun or bool(text)
    yield decoder.decode(b"", True)


class Window:
    """A text read on when needed. ``text[at:]`` has not been used yet; ``line`` is the line of ``text[counted]``.

    ``most``  characters of one item; a longer one is refused
    """

    def __init__(self, pieces: Iterator[str], name: str, most: int = MOST_ITEM_CHARS) -> None:
        self.pieces, self.name, self.most = pieces, name, most
        self.text = ""
        self.at = self.start = self.counted = 0
        self.line = 1
        self.line_chars_gone = 0
        self.ended = False
        self.records = 0

    def more(self) -> bool:
        """Read on until twice as much is unused. False when the text has ended."""
        if self.ended:
            return False
        rest = self.text[self.at :]
        if len(rest) > self.most:
            raise SourceError(
                f"an item is longer than {self.most:,} characters",
                where=f"{self.name}:{self.line_at(self.at)}", code="json.item-too-large",
                mend="name the list of products with source.items, or export one product an item",
            )
        self.line_at(self.at)
        line_end = self.text.rfind("\n", 0, self.at)
        self.line_chars_gone = self.line_chars_gone + self.at if line_end < 0 else self.at - line_end - 1
        parts, chars, wanted = [rest], len(rest), min(2 * len(rest), self.most)
        while chars <= wanted:
            piece = next(self.pieces, None)
            if piece is None:
                self.ended = True
                break
            parts.append(piece)
            chars += len(piece)
        self.text = "".join(parts)
        self.at = self.counted = 0
        return chars > len(rest)

    def line_at(self, position: int) -> int:
        """Physical line of a position; positions are asked in rising order."""
        self.line += self.text.count("\n", self.counted, position)
        self.counted = position
        return self.line

    def peek(self, skip: int = 0) -> str:
        """Go to the next character that is no white space, and show it; "" at the end. With ``skip`` only look
        that many characters beyond the next one."""
        while True:
            at = SPACE.match(self.text, self.at + skip).end()  # type: ignore[union-attr]  # may match nothing
            if not skip:
                self.at = at
            if at < len(self.text):
                return self.text[at]
            if not self.more():
                return ""

    def take(self, wanted: str, otherwise: str) -> str:
        """Go beyond the next character, which is one of ``wanted``; ``otherwise`` says what was expected."""
        found = self.peek()
        if not found or found not in wanted:
            raise self.broken(self.at, otherwise if found else "it ends too early")
        self.at += 1
        return found

    def value(self) -> Any:
        """The value that begins at ``at``: ``text[start:at]`` afterwards. A Fault instead of a value that is
        complete but cannot be read. Raises SourceError."""
        while True:
            text = self.text
            try:
                value, end = strict(text, self.at)
            except json.JSONDecodeError as error:
                if self.is_cut_off(error):
                    self.more()
                    continue
                raise self.broken(error.pos, expected(error, text)) from None
            except (NotJson, InvalidOperation, RecursionError, ValueError) as error:
                try:
                    end = lenient(text, self.at)[1]
                except json.JSONDecodeError as later:
                    if self.is_cut_off(later):
                        self.more()
                        continue
                    raise self.broken(later.pos, expected(later, text)) from None
                except RecursionError:
                    fault = value_fault("", error)
                    raise SourceError(
                        fault.message, where=f"{self.name}:{self.line_at(self.at)}", code=fault.code, mend=fault.mend
                    ) from None
                value = value_fault(text[self.at : end], error)
            if end > len(text) - _MARGIN and text[end - 1] not in '}]"' and not self.ended:
                self.more()  # the digits may go on
                continue
            self.start, self.at = self.at, end
            return value

    def is_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Whether the fault may be the end of the window, not of the document."""
        if self.ended:
            return False
        return error.pos >= len(self.text) - _MARGIN or error.msg.startswith("Unterminated string")

    def broken(self, position: int, why: str) -> SourceError:
        """The document is broken at a position, and all that follows in doubt."""
        text = self.text
        why = NUL if text.startswith("\0", position) else why
        line_end = text.rfind("\n", 0, position)
        column = position - line_end if line_end >= 0 else self.line_chars_gone + position + 1
        line = self.line + text.count("\n", self.counted, position)
        count = "1 record was" if self.records == 1 else f"{self.records} records were"
        return SourceError(
            f"the document is broken at line {line}, column {column}: {why}; {count} read before it,"
            " and nothing was written",
            where=f"{self.name}:{line}", code="json.broken", mend="export the file again, or correct that place",
        )
