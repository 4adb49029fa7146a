"""JSON: arrays, envelopes, HAL pages, JSON Lines and single products, streamed one record at a time.

Two ways to read, chosen by the shape found when the file is opened:

- *lines* (JSON Lines, NDJSON): blocks of bytes are cut at line ends and each line is parsed by itself, so that a broken
  line costs that record alone.
- *text* (arrays, envelopes, pages, objects one after another): a window slides over the text and gives one item at a
  time. A fault leaves all that follows in doubt, so it stops the run.

Nothing is lost without a word: a key that stands twice with different values in one object holds its record back. It is
found by counting colons: a parser that dropped a member gives a document with fewer of them than the text had.
"""

from __future__ import annotations

import bisect
import codecs
import io
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import msgspec

from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import BadDocument, Batch, Range, Record
from feedbridge.sources.encoding import codec_named
from feedbridge.sources.files import is_compressed, open_binary, sha256

__all__ = ["JsonSource", "PlaceInPage"]

BLOCK_BYTES = 1 << 18
HEAD_BYTES = 1 << 20
MOST_ITEM_CHARS = 64 << 20
SPLIT_BYTES = 8 << 20
RECORDS_PER_BATCH = 256

LIST_NAMES = frozenset({"products", "items", "data", "results", "entries", "records", "hits", "nodes", "objects"})
ENVELOPE_NAMES = LIST_NAMES | {"_embedded", "result", "response"}
"""A list named by LIST_NAMES under nothing but these is the list of records."""

SINGLE_NAMES = frozenset({"product", "item", "record", "node", "object", "entry"})
PART_NAMES = frozenset(
    {
        "_links", "assets", "associations", "attributes", "categories", "children", "customOptions",
        "custom_attributes", "custom_options", "errors", "extension_attributes", "files", "images", "inventory",
        "links", "media", "media_gallery_entries", "metafields", "options", "price_tiers", "prices", "product_links",
        "stock", "stores", "tags", "tierPrices", "tier_prices", "translations", "variants",
    }
)  # fmt: skip
"""Lists of objects under these names, or inside SINGLE_NAMES, are parts of one product."""

PRODUCT_KEYS = frozenset({"sku", "handle", "identifier", "gtin", "ean"})
"""A document with one of these is a product itself, not an envelope."""

_MARGIN = 32  # a token cut off by the end of the window is shorter than this
_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?=[^ \t\n\r])")
_NOT_A_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(-?(?:NaN|Infinity))')
_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
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


codecs.register_error("feedbridge.nul", _nul)


class _Fault(Exception):
    """A text that is no trustworthy JSON; ``at`` is the offending character, counted from 0, or None."""

    def __init__(self, code: str, at: int | None, message: str, mend: str) -> None:
        self.code, self.at, self.message, self.mend = code, at, message, mend
        super().__init__(message)


class _NotJson(ValueError):
    """NaN or Infinity, which JSON does not have."""


def _refuse(word: str) -> None:
    raise _NotJson(word)


def _clean(value: object) -> str:
    """Short text for a message; a lone surrogate, which cannot be written, becomes a question mark."""
    return str(value)[:60].encode("utf-8", "replace").decode()


def _dotted(path: tuple[str, ...] | None) -> str:
    return ".".join(path or ()).encode("utf-8", "replace").decode()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless a key stands twice in it with different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        for key, value in pairs:
            if found[key] != value:
                message = f'"{_clean(key)}" stands twice in one object: {_clean(value)}, then {_clean(found[key])}'
                raise _Fault("json.duplicate-key", None, message, "keep one of them")
    return found


_strict = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse).raw_decode
_careful = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_members).raw_decode
_lenient = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str).raw_decode
_decode_line = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def _expected(error: json.JSONDecodeError, text: str) -> str:
    if error.pos >= len(text.rstrip()):
        return "it ends too early"
    if text[error.pos] == "\0":
        return "a NUL byte, or bytes that do not belong to its encoding (name it with source.encoding)"
    if text[error.pos] in "\r\n":
        return "a text is not closed before the line ends"
    return error.msg.replace("Expecting", "expected", 1).removesuffix(" at").removesuffix(" starting")


def _value_fault(text: str, error: Exception) -> _Fault:
    """Why a text that is JSON by its brackets and commas still cannot be read."""
    if isinstance(error, _NotJson):
        at = next((match.start() for match in _NOT_A_NUMBER.finditer(text) if match[1]), None)
        return _Fault("json.not-a-number", at, f"{error} is not a JSON value", "write null, or leave the member out")
    if isinstance(error, RecursionError):
        return _Fault("json.too-deep", None, "lists and objects are nested too deeply", "is this a product feed?")
    return _Fault(
        "json.number-too-long", None, "a number in it is too long to be read", "write long identifiers in quotes"
    )


def _read_carefully(text: str) -> Any:
    """Parse one document slowly and say exactly what is wrong with it. Raises _Fault."""
    start = _SPACE.match(text, 0).end()  # type: ignore[union-attr]  # matches always: it may be empty
    try:
        document, end = _careful(text, start)
    except json.JSONDecodeError as error:
        raise _Fault("json.broken", error.pos, _expected(error, text), "correct or export it again") from None
    except (_NotJson, RecursionError, InvalidOperation, ValueError) as error:
        raise _value_fault(text, error) from None
    end = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # as above
    if end != len(text):
        raise _Fault("json.broken", end, "something follows the end of the document", "one document a line")
    try:
        _encode(document)
    except UnicodeEncodeError:
        raise _Fault(
            "json.lone-surrogate", None, r"a text in it has half a character (a \uD800 to \uDFFF escape alone)",
            "write the whole pair, or the character itself",
        ) from None
    except RecursionError as error:
        raise _value_fault(text, error) from None
    return document


def _trusted(documents: list[Any], colons: int) -> bool:
    """All are objects, of clean text, and together hold every member the text had: ``colons`` were counted there."""
    if set(map(type, documents)) != {dict}:
        return False
    try:
        return _encode(documents).count(b":") == colons
    except (UnicodeEncodeError, RecursionError):
        return False


class PlaceInPage(int):
    """Place of a record in the list of its page; as text it is the rest of the JSON Pointer: ``2/_embedded/items/5``
    (``2`` for a page that has no list: then ``steps`` is "")."""

    page: int
    steps: str

    def __new__(cls, index: int = 0, page: int = 0, steps: str = "") -> PlaceInPage:
        self = super().__new__(cls, index)
        self.page, self.steps = page, steps
        return self

    def __str__(self) -> str:
        return f"{self.page}/{self.steps}{int(self)}" if self.steps else str(self.page)


class _Window:
    """A text read on when needed. ``text[at:]`` has not been used yet; ``line`` is the line of ``text[counted]``."""

    def __init__(self, pieces: Iterator[str], name: str) -> None:
        self.pieces, self.name = pieces, name
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
        if len(rest) > MOST_ITEM_CHARS:
            raise SourceError(
                f"an item is longer than {MOST_ITEM_CHARS >> 20} million characters",
                where=f"{self.name}:{self.line_at(self.at)}", code="json.item-too-large",
                mend="name the list of products with source.items, or export one product an item",
            )
        self.line_at(self.at)
        line_end = self.text.rfind("\n", 0, self.at)
        self.line_chars_gone = self.line_chars_gone + self.at if line_end < 0 else self.at - line_end - 1
        parts, chars, wanted = [rest], len(rest), 2 * len(rest)
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
            at = _SPACE.match(self.text, self.at + skip).end()  # type: ignore[union-attr]  # may match nothing
            if not skip:
                self.at = at
            if at < len(self.text):
                return self.text[at]
            if not self.more():
                return ""

    def take(self, wanted: str, expected: str) -> str:
        """Go beyond the next character, which is one of ``wanted``."""
        found = self.peek()
        if not found or found not in wanted:
            raise self.broken(self.at, expected if found else "it ends too early")
        self.at += 1
        return found

    def value(self) -> Any:
        """The value that begins at ``at``: ``text[start:at]`` afterwards. A _Fault instead of a value that is
        complete but cannot be read. Raises SourceError."""
        while True:
            text = self.text
            try:
                value, end = _strict(text, self.at)
            except json.JSONDecodeError as error:
                if self.is_cut_off(error):
                    self.more()
                    continue
                raise self.broken(error.pos, _expected(error, text)) from None
            except (_NotJson, InvalidOperation, RecursionError, ValueError) as error:
                try:
                    end = _lenient(text, self.at)[1]
                except json.JSONDecodeError as later:
                    if self.is_cut_off(later):
                        self.more()
                        continue
                    raise self.broken(later.pos, _expected(later, text)) from None
                except RecursionError:
                    fault = _value_fault("", error)
                    raise SourceError(
                        fault.message, where=f"{self.name}:{self.line_at(self.at)}", code=fault.code, mend=fault.mend
                    ) from None
                value = _value_fault(text[self.at : end], error)
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

    def broken(self, position: int, expected: str) -> SourceError:
        text = self.text
        line_end = text.rfind("\n", 0, position)
        column = position - line_end if line_end >= 0 else self.line_chars_gone + position + 1
        line = self.line + text.count("\n", self.counted, position)
        count = "1 record was" if self.records == 1 else f"{self.records} records were"
        return SourceError(
            f"the document is broken at line {line}, column {column}: {expected}; {count} read before it,"
            " and nothing was written",
            where=f"{self.name}:{line}", code="json.broken", mend="export the file again, or correct that place",
        )


Shape = Literal["lines", "array", "sequence"]


class JsonSource:
    """A JSON file: its records are ``(line, document, index)``. See feedbridge.sources.base.Source.

    ``items``   dotted path of the list of records (``data.products``), ``.`` for the document itself; found when None
    ``index``   place in the list; in a file of pages a PlaceInPage; of JSON Lines the line counted from 0
    ``block``   bytes read at a time

    Raises: SourceError ``source.empty``, ``json.several-lists``, ``json.items-missing``, ``json.broken``,
            ``json.too-deep``, ``json.item-too-large``, when opened or while reading; CommandError: unknown encoding.
    """

    kind: Literal["table", "documents"] = "documents"

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        items: str | None = None,
        encoding: str | None = None,
        folder: Path | None = None,
        block: int = BLOCK_BYTES,
    ) -> None:
        self.path = path
        self.name = str(path) if name is None else name
        self.folder: Path | None = path.parent if folder is None else folder
        self.header: list[str] = []
        self.findings: list[Finding] = []
        self.is_quarantine = False
        self._block = block
        self._shape: Shape = "sequence"
        self._path: tuple[str, ...] | None = tuple(items.split(".")) if items and items != "." else None
        self._named = bool(items)
        self._inner = self._steps = self.pointer_prefix = ""
        with open_binary(path) as stream:
            self._encoding = _encoding(stream.read(4), encoding)
        if encoding and not codec_named(encoding).startswith(self._encoding):
            self.findings.append(
                Finding(
                    code="source.encoding-doubt", severity=Severity.WARNING, file=self.name,
                    message=f"{encoding} was given, but the byte order mark at its start says {self._encoding}",
                    mend="take the setting out",
                )
            )
        self._recognise()
        steps = "".join(step.replace("~", "~0").replace("/", "~1") + "/" for step in self._path or ())
        self._steps = steps
        self.pointer_prefix = "/" if self._shape == "array" else f"/{steps}" if steps else ""
        self.about: dict[str, Any] = {
            "format": "jsonl" if self._shape == "lines" else "json",
            "items": _dotted(self._path) or self._inner,
            "encoding": self._encoding,
        }

    # -- what a source offers ------------------------------------------------------------------------------------

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, from the start at each call. Raises SourceError."""
        if self._shape == "lines":
            return self._lines(part)
        return self._text()

    def pointer(self, record: Record) -> str:
        """JSON Pointer (RFC 6901) of a record in its document (for JSON Lines: in its line)."""
        if isinstance(record[1], BadDocument):
            return record[1].finding.pointer
        if self._shape == "array" or self._path:
            return f"{self.pointer_prefix}{record[2]}"
        return f"/{self._inner}" if self._inner else ""

    def split(self, parts: int) -> list[Range]:
        """Ranges of about equal size, cut at line ends: JSON Lines of at least 8 MiB, UTF-8 and not compressed."""
        size = self.path.stat().st_size
        if self._shape != "lines" or self._encoding != "utf-8" or size < SPLIT_BYTES or parts < 2:
            return []
        if is_compressed(self.path):
            return []
        wanted = [size * part // parts for part in range(1, parts)]
        starts, lines = [0], [1]
        position, line, after_return = 0, 1, False
        with self.path.open("rb") as stream:
            while wanted and (block := stream.read(self._block)):
                if after_return and block.startswith(b"\n"):
                    line -= 1
                cut_at = block.find(b"\n", max(0, wanted[0] - position)) + 1
                if cut_at and position + cut_at < size:
                    starts.append(position + cut_at)
                    lines.append(line + _line_ends(block[:cut_at]))
                    del wanted[: bisect.bisect_right(wanted, position + cut_at)]
                    stream.seek(starts[-1])
                    position, line, after_return = starts[-1], lines[-1], False
                    continue
                position += len(block)
                line += _line_ends(block)
                after_return = block.endswith(b"\r")
        if len(starts) < 2:
            return []
        return [Range(*each) for each in zip(starts, [*starts[1:], size], lines, strict=True)]

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk."""
        return sha256(self.path)

    # -- opening -------------------------------------------------------------------------------------------------

    def _recognise(self) -> None:
        """Which shape the file has, and where its records are. Reads on where its first MiB does not show it."""
        window = self._window(HEAD_BYTES)
        first = window.peek()
        while len(window.text) < HEAD_BYTES and window.more():
            pass
        if not first:
            raise SourceError(
                "the file is empty", where=self.name, code="source.empty", mend="export it again; is it the right file?"
            )
        if first == "[":
            self._shape = "array"
            self._recognise_array(window)
        elif first == "{":
            self._recognise_objects(window)
        elif self._has_lines_suffix() or _second_line_is_object(window.text):
            self._recognise_lines(window.text)

    def _has_lines_suffix(self) -> bool:
        return any(suffix.lower() in (".jsonl", ".ndjson") for suffix in self.path.suffixes[-2:])

    def _recognise_array(self, window: _Window) -> None:
        after = window.peek(1)
        if after == "]":
            self.findings.append(self._no_records())
        if after == "{" and not self._named:
            window.at += 1
            window.peek()
            page = window.value()
            if isinstance(page, dict):
                self._path = _page_path(page)

    def _recognise_objects(self, window: _Window) -> None:
        text, start = window.text, window.at
        try:
            first, end = _lenient(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            cut_off = isinstance(error, json.JSONDecodeError) and window.is_cut_off(error)
            if self._has_lines_suffix() or (not cut_off and _second_line_is_object(text)):
                self._recognise_lines(text)
            else:
                self._recognise_envelope(self._window(HEAD_BYTES))
            return
        window.at = end
        line = window.line_at(end)
        alone = not window.peek()
        on_one_line = "\n" not in text[start:end] and (alone or window.line_at(window.at) > line)
        if on_one_line and (not alone or self._has_lines_suffix() or _is_quarantined(first)):
            self._recognise_lines(text)
        elif alone:
            self._recognise_envelope(self._window(HEAD_BYTES))
        elif not self._named:
            self._path = _page_path(first)

    def _recognise_lines(self, text: str) -> None:
        self._shape = "lines"
        for line in text.split("\n"):
            try:
                first = _lenient(line.strip(), 0)[0]
            except (json.JSONDecodeError, RecursionError):
                continue
            if isinstance(first, dict):
                self.is_quarantine = _is_quarantined(first)
                if not self._named:
                    self._path = _page_path(first)
                return

    def _recognise_envelope(self, window: _Window) -> None:
        """Find the list of records in one object, or take the object as the record."""
        if self._named and self._path is None:
            return
        window.peek()
        walk = _Walk(window, self, self._path)
        for _ in walk.object(()):
            break
        if walk.found is not None:
            self._path = walk.found
            return
        if self._path is not None:
            raise self._items_missing(walk)
        lists = walk.lists
        is_product = not PRODUCT_KEYS.isdisjoint(walk.root)
        empty = [path for path in lists if _is_known(path) and not lists[path] and not is_product]
        if empty:
            self._path = empty[0]
            self.findings.append(self._no_records())
            return
        unknown = [path for path in lists if lists[path] and _may_hold_products(path) and not is_product]
        if len(unknown) > 1:
            raise SourceError(
                f"several lists could be the products: {_show_lists(unknown, lists)}", where=self.name,
                code="json.several-lists", mend='name one with source.items ("." if the document is one product)',
            )
        if unknown:
            self._path = unknown[0]
            self.findings.append(
                Finding(
                    code="json.list-guessed", severity=Severity.WARNING, file=self.name,
                    message=f'the records are taken from "{_dotted(unknown[0])}", the only list of objects in it',
                    mend=f"name it with source.items: {_dotted(unknown[0])} - or . when the document is one product",
                )
            )
        elif len(walk.root) == 1 and next(iter(walk.root.values())) == "{" and not window.peek():
            self._inner = next(iter(walk.root))

    # -- lines ---------------------------------------------------------------------------------------------------

    def _lines(self, part: Range | None) -> Iterator[Batch]:
        line = part.line if part else 1
        path = self._path
        empty = True
        for block in self._line_blocks(part):
            lines = block.splitlines()
            escaped = b"\\u003" in block and (b"\\u003a" in block or b"\\u003A" in block)
            for first in range(0, len(lines), RECORDS_PER_BATCH):
                some = lines[first : first + RECORDS_PER_BATCH]
                records = self._some_lines(some, line + first, escaped)
                if path is not None:
                    records = self._unpack_pages(records, path)
                if records:
                    empty = False
                    yield Batch(records, [])
            line += len(lines)
        if empty and part is None and not self._is_told_empty():
            yield Batch([], [self._no_records()])

    def _some_lines(self, lines: list[bytes], line: int, escaped: bool) -> list[Record]:
        numbers: Iterable[int] = range(line, line + len(lines))
        if b"" in lines:
            numbers = [number for number, text in zip(numbers, lines, strict=True) if text]
            lines = [text for text in lines if text]
        try:
            documents = [_decode_line(text) for text in lines]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
            documents = []
        if escaped or not documents or not _trusted(documents, sum([text.count(b":") for text in lines])):
            return [
                (number, document, number - 1)
                for number, text in zip(numbers, lines, strict=True)
                if (document := self._line_document(text, number)) is not None
            ]
        if self.is_quarantine:
            for document in documents:
                document.pop("_feedbridge", None)
        return [(number, document, number - 1) for number, document in zip(numbers, documents, strict=True)]

    def _line_document(self, line: bytes, number: int) -> dict[str, Any] | None:
        """One line read by itself; None when it is blank."""
        try:
            document = _decode_line(line)
            understood = not _ESCAPED_COLON.search(line) and _trusted([document], line.count(b":"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
            understood = False
        if not understood:
            text = line.decode("utf-8", "feedbridge.nul").removeprefix("\ufeff")
            if not text.strip(" \t\r\n"):
                return None
            try:
                document = _read_carefully(text)
            except _Fault as fault:
                return self._bad(fault, text, number)
            if not isinstance(document, dict):
                return self._not_an_object(document, text, number, "")
        if self.is_quarantine:
            document.pop("_feedbridge", None)
        return document

    def _unpack_pages(self, records: list[Record], path: tuple[str, ...]) -> list[Record]:
        unpacked: list[Record] = []
        for record in records:
            line, page, _ = record
            if isinstance(page, BadDocument):
                unpacked.append(record)
                continue
            inner: Any = page
            for step in path:
                inner = inner.get(step) if isinstance(inner, dict) else None
            if not isinstance(inner, list):
                unpacked.append((line, self._no_items(line, _encode(page).decode()), 0))
                continue
            for index, item in enumerate(inner):
                if not isinstance(item, dict):
                    pointer = f"{self.pointer_prefix}{index}"
                    item = self._not_an_object(item, _encode(item).decode(), line, pointer)
                unpacked.append((line, item, index))
        return unpacked

    def _line_blocks(self, part: Range | None) -> Iterator[bytes]:
        """Blocks of UTF-8 that end at line ends."""
        parts: list[bytes] = []
        held = 0
        for piece in self._utf8_pieces(part):
            cut_at = piece.rfind(b"\n") + 1 or piece.rfind(b"\r", 0, -1) + 1
            if cut_at:
                parts.append(piece[:cut_at])
                yield b"".join(parts)
                parts, held = [], 0
                piece = piece[cut_at:]
            parts.append(piece)
            held += len(piece)
            if held > MOST_ITEM_CHARS:
                raise SourceError(
                    f"a line is longer than {MOST_ITEM_CHARS >> 20} million bytes", where=self.name,
                    code="json.item-too-large", mend="write one product a line",
                )
        yield b"".join(parts)

    def _utf8_pieces(self, part: Range | None) -> Iterator[bytes]:
        if part is None:
            pieces = self._pieces() if self._encoding == "utf-8" else (text.encode() for text in self._text_pieces(0))
        else:
            pieces = self._range_pieces(part)
        if part is None or part.start == 0:
            yield next(pieces, b"").removeprefix(codecs.BOM_UTF8)
        yield from pieces

    def _range_pieces(self, part: Range) -> Iterator[bytes]:
        left = part.end - part.start
        with self.path.open("rb") as stream:
            stream.seek(part.start)
            while left > 0 and (piece := stream.read(min(left, self._block))):
                yield piece
                left -= len(piece)

    # -- text ----------------------------------------------------------------------------------------------------

    def _window(self, block: int = 0) -> _Window:
        return _Window(self._text_pieces(block), self.name)

    def _text_pieces(self, block: int) -> Iterator[str]:
        """The decoded text, with every line end as one line feed."""
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(self._encoding)("feedbridge.nul"), True)
        begun = False
        for piece in self._pieces(block):
            text = decoder.decode(piece)
            yield text if begun else text.removeprefix("\ufeff")
            begun = begun or bool(text)
        yield decoder.decode(b"", True)

    def _pieces(self, block: int = 0) -> Iterator[bytes]:
        with open_binary(self.path) as stream:
            while piece := stream.read(block or self._block):
                yield piece

    def _text(self) -> Iterator[Batch]:
        window = self._window()
        walk = _Walk(window, self, self._path)
        empty = True
        records = walk.sequence() if self._shape == "sequence" else walk.array()
        for some in records:
            empty = False
            yield Batch(some, [])
        notes = self._unread_lists(walk)
        if empty and not self._is_told_empty():
            notes.append(self._no_records())
        if notes:
            yield Batch([], notes)

    def _unread_lists(self, walk: _Walk) -> list[Finding]:
        """What is said about lists beside the one that was read. Raises SourceError when one of them could be it."""
        if self._named or not self._path:
            return []
        if own := sorted(PRODUCT_KEYS & walk.root.keys()):
            raise SourceError(
                f'is the document one product (it has "{own[0]}"), or its list "{_dotted(self._path)}"?',
                where=self.name, code="json.several-lists",
                mend=f"write source.items: {_dotted(self._path)} - or . for the document",
            )
        rivals = [path for path in walk.lists if walk.lists[path] and _is_known(path)]
        if rivals:
            raise SourceError(
                f"several lists could be the products: {_dotted(self._path)}, {_show_lists(rivals, walk.lists)}",
                where=self.name, code="json.several-lists", mend="name one with source.items",
            )
        return [
            Finding(
                code="json.list-unused", severity=Severity.ADVICE, file=self.name,
                message=f'the list "{_dotted(path)}" of {count} objects is not read',
                mend="name it with source.items if it holds the products",
            )
            for path, count in walk.lists.items()
            if count and path[-1] not in PART_NAMES
        ]

    # -- what is wrong -------------------------------------------------------------------------------------------

    def _no_records(self) -> Finding:
        return Finding(
            code="source.no-records", severity=Severity.WARNING, file=self.name, message="the file has no records",
            mend="check the export: was its filter empty?",
        )

    def _is_told_empty(self) -> bool:
        return any(finding.code == "source.no-records" for finding in self.findings)

    def _items_missing(self, walk: _Walk) -> SourceError:
        found = f"; it has {_show_lists(list(walk.lists), walk.lists)}" if walk.lists else "; it has no list of objects"
        return SourceError(
            f'there is no list "{_dotted(self._path)}"{found}', where=self.name, code="json.items-missing",
            mend="correct source.items",
        )

    def _bad(self, fault: _Fault, text: str, line: int, pointer: str = "") -> BadDocument:
        """What is wrong with a document that begins at ``line``."""
        place = ""
        if fault.at is not None:
            in_lines = self._shape == "lines"
            place = f"column {fault.at + 1}" if in_lines else f"line {line + text.count(chr(10), 0, fault.at)}"
        if fault.code == "json.broken":
            code, message = "json.broken-line", f"the line is broken at {place}: {fault.message}"
        else:
            code, message = fault.code, f"{fault.message} ({place})" if place else fault.message
        return _bad_document(
            text,
            Finding(
                code=code, severity=Severity.ERROR, file=self.name, line=line, pointer=pointer, message=message,
                mend=fault.mend, value=cut(text),
            ),
        )

    def _not_an_object(self, value: Any, text: str, line: int, pointer: str) -> BadDocument:
        kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        kind = kinds.get(type(value), "a number")
        return _bad_document(
            text,
            Finding(
                code="json.not-an-object", severity=Severity.ERROR, file=self.name, line=line, pointer=pointer,
                message=f"a product must be an object {{...}}, this is {kind}", mend="take it out of the list",
                value=cut(text),
            ),
        )

    def _no_items(self, line: int, text: str, pointer: str = "") -> BadDocument:
        return _bad_document(
            text,
            Finding(
                code="json.page-without-items", severity=Severity.ERROR, file=self.name, line=line, pointer=pointer,
                message=f'this page has no list "{_dotted(self._path)}"; is it an error answer?',
                mend="fetch the page again", value=cut(text),
            ),
        )


class _Walk:
    """One way through a text: gives records in lists of some hundred, and notes the lists of objects it passes.

    ``path``   of the list of records; None takes the first list of objects under a known name
    ``found``  the path of the list that was read
    ``root``   members of the first object and the first character of their values
    ``lists``  lists that were not read: the number of objects in them
    """

    def __init__(self, window: _Window, source: JsonSource, path: tuple[str, ...] | None) -> None:
        self.window, self.source, self.path = window, source, path
        self.found: tuple[str, ...] | None = None
        self.root: dict[str, str] = {}
        self.lists: dict[tuple[str, ...], int] = {}
        self.page = -1

    def array(self) -> Iterator[list[Record]]:
        """A document that is a list, of records or of pages."""
        window = self.window
        if self.path is None:
            yield from self.records("]")
        else:
            window.take("[", "expected a list")
            if window.peek() == "]":
                window.at += 1
            else:
                while True:
                    self.page += 1
                    yield from self.one_page(f"/{self.page}")
                    if window.take(",]", "expected ',' or ']'") == "]":
                        break
        if window.peek():
            raise window.broken(window.at, "something follows the end of the document")

    def sequence(self) -> Iterator[list[Record]]:
        """Documents one after another; mostly it is only one."""
        window = self.window
        window.peek()
        if self.source._inner:
            window.take("{", "expected '{'")
            window.peek()
            window.value()
            window.take(":", "expected ':'")
            window.peek()
            yield from self.records("}")
            window.take("}", "expected '}'")
            if window.peek():
                raise window.broken(window.at, "something follows the end of the document")
        elif self.path is None:
            yield from self.records("")
        else:
            while window.peek():
                yield from self.one_page("")

    def one_page(self, pointer: str) -> Iterator[list[Record]]:
        window, source = self.window, self.source
        first = window.peek()
        line = window.line_at(window.at)
        if first == "{":
            self.found = None
            yield from self.object(())
            if self.found is not None:
                return
            bad = source._no_items(line, "", pointer)
        else:
            value = window.value()
            text = window.text[window.start : window.at]
            bad = source._not_an_object(value, text, line, pointer)
        window.records += 1
        yield [(line, bad, PlaceInPage(0, self.page) if self.page >= 0 else 0)]

    def object(self, here: tuple[str, ...]) -> Iterator[list[Record]]:
        """Go through an object, to its list of records and beyond."""
        window = self.window
        window.take("{", "expected '{'")
        if window.peek() == "}":
            window.at += 1
            return
        while True:
            if window.peek() != '"':
                raise window.broken(window.at, "expected a key in double quotes")
            there = (*here, window.value())
            window.take(":", "expected ':'")
            first = window.peek()
            if not here:
                self.root[there[0]] = first
            yield from self.member(there, first)
            if window.take(",}", "expected ',' or '}'") == "}":
                return

    def member(self, there: tuple[str, ...], first: str) -> Iterator[list[Record]]:
        window = self.window
        wanted = there == self.path
        if first == "[" and (wanted or (self.path is None and self.is_list(there) and window.peek(1) == "{")):
            if self.found is not None:
                raise SourceError(
                    f'the list "{_dotted(there)}" stands twice in one document', code="json.duplicate-key",
                    where=f"{window.name}:{window.line_at(window.at)}", mend="keep one of them",
                )
            self.found = there
            yield from self.records("]")
        elif wanted and first != "n":
            raise SourceError(
                f'"{_dotted(there)}" is not a list', where=f"{window.name}:{window.line_at(window.at)}",
                code="json.items-missing", mend="name the list of products with source.items",
            )
        elif first == "[":
            self.pass_list(there)
        elif first == "{" and (len(there) < 5 or there == (self.path or ())[: len(there)]):
            yield from self.object(there)
        else:
            window.value()
            if wanted:
                self.found = there  # null: a page with nothing on it

    def is_list(self, there: tuple[str, ...]) -> bool:
        return _is_known(there) and PRODUCT_KEYS.isdisjoint(self.root)

    def pass_list(self, there: tuple[str, ...]) -> None:
        window = self.window
        window.take("[", "expected '['")
        objects = 0
        if window.peek() == "]":
            window.at += 1
        else:
            while True:
                window.peek()
                objects += isinstance(window.value(), dict)
                if window.take(",]", "expected ',' or ']'") == "]":
                    break
                window.peek()
        self.lists[there] = objects

    def records(self, closing: str) -> Iterator[list[Record]]:
        """The records of a list that begins here; with ``closing`` "" all documents to the end, with "}" only one."""
        window, source = self.window, self.source
        steps = source._steps if self.page >= 0 else None
        if closing == "]":
            window.take("[", "expected a list")
            if window.peek() == closing:
                window.at += 1
                return
        text = window.text
        records: list[Record] = []
        spans: list[tuple[int, int]] = []
        index = 0
        while True:
            document = window.value()
            if window.text is not text:
                if records:
                    yield self.checked(records, spans, text)
                    records, spans = [], []
                text = window.text
            place = index if steps is None else PlaceInPage(index, self.page, steps)
            records.append((window.line_at(window.start), document, place))
            spans.append((window.start, window.at))
            window.records += 1
            index += 1
            if len(records) >= RECORDS_PER_BATCH:
                yield self.checked(records, spans, text)
                records, spans = [], []
            if closing == "]":
                if comma := _COMMA.match(text, window.at):
                    window.at = comma.end()
                    continue
                if window.take(",]", "expected ',' or ']'") == "]":
                    break
                window.peek()
            elif closing or not window.peek():
                break
        if records:
            yield self.checked(records, spans, text)

    def checked(self, records: list[Record], spans: list[tuple[int, int]], text: str) -> list[Record]:
        """The records, with those that cannot be trusted replaced by what is wrong with them."""
        start, end = spans[0][0], spans[-1][1]
        documents = [record[1] for record in records]
        escaped = text.find("\\u003", start, end) >= 0 and "\\u003a" in text[start:end].lower()
        if not escaped and _trusted(documents, text.count(":", start, end)):
            return records
        return [self.checked_one(record, text[start:end]) for record, (start, end) in zip(records, spans, strict=True)]

    def checked_one(self, record: Record, text: str) -> Record:
        line, document, index = record
        source = self.source
        pointer = source.pointer(record)
        if isinstance(document, _Fault):
            return (line, source._bad(document, text, line, pointer), index)
        if not isinstance(document, dict):
            return (line, source._not_an_object(document, text, line, pointer), index)
        if "\\u003a" not in text.lower() and _trusted([document], text.count(":")):
            return record
        try:
            return (line, _read_carefully(text), index)
        except _Fault as fault:
            return (line, source._bad(fault, text, line, pointer), index)


def _bad_document(text: str, finding: Finding) -> BadDocument:
    bad = BadDocument()
    bad.raw, bad.finding = text, finding
    return bad


def _encoding(head: bytes, given: str | None) -> str:
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


def _line_ends(block: bytes) -> int:
    count = block.count(b"\n")
    return count + block.count(b"\r") - block.count(b"\r\n") if b"\r" in block else count


def _is_quarantined(document: dict[str, Any]) -> bool:
    return next(iter(document), "") == "_feedbridge" and isinstance(document["_feedbridge"], dict)


def _is_known(path: tuple[str, ...]) -> bool:
    return path[-1] in LIST_NAMES and all(step in ENVELOPE_NAMES for step in path)


def _may_hold_products(path: tuple[str, ...]) -> bool:
    return not any(step in PART_NAMES or step in SINGLE_NAMES for step in path)


def _page_path(document: dict[str, Any]) -> tuple[str, ...] | None:
    """Where the list of a page is, when the document is one: HAL's ``_embedded.items``, or its only member."""
    if not PRODUCT_KEYS.isdisjoint(document):
        return None
    embedded = document.get("_embedded")
    if isinstance(embedded, dict) and isinstance(embedded.get("items"), list):
        return ("_embedded", "items")
    if len(document) == 1:
        key, value = next(iter(document.items()))
        if key in LIST_NAMES and isinstance(value, list) and all(isinstance(item, dict) for item in value[:1]):
            return (key,)
    return None


def _second_line_is_object(text: str) -> bool:
    lines = [line for line in text.split("\n", 20)[:20] if line.strip()]
    try:
        return len(lines) > 1 and isinstance(json.loads(lines[1]), dict)
    except (ValueError, RecursionError):
        return False


def _show_lists(paths: list[tuple[str, ...]], lists: dict[tuple[str, ...], int]) -> str:
    return ", ".join(f"{_dotted(path)} ({lists[path]} objects)" for path in paths)
