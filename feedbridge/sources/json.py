"""JSON: arrays, envelopes, HAL pages, JSON Lines and single products, streamed one record at a time.

Two ways to read, chosen by the shape found when the file is opened:

- *lines* (JSON Lines, NDJSON; json_lines.py): each line is parsed by itself, so that a broken line costs that record
  alone.
- *text* (arrays, envelopes, pages, objects one after another; json_walk.py): a window slides over the text and gives
  one item at a time. A fault leaves all that follows in doubt, so it stops the run.
"""

from __future__ import annotations

import bisect
import codecs
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity
from feedbridge.sources.base import MEMBER, BadDocument, Batch, Range, Record
from feedbridge.sources.encoding import codec_named, detect
from feedbridge.sources.files import is_compressed, open_binary, sha256
from feedbridge.sources.files import size as size_of
from feedbridge.sources.json_lines import LineReader, blocks_of_lines, line_ends
from feedbridge.sources.json_parse import dotted, lenient
from feedbridge.sources.json_refused import Refusals
from feedbridge.sources.json_walk import (
    PART_NAMES,
    PRODUCT_KEYS,
    PlaceInPage,
    Walk,
    is_known,
    may_hold_products,
    page_path,
    show_lists,
)
from feedbridge.sources.json_window import MOST_ITEM_CHARS, Window, decoded, encoding_of
from feedbridge.sources.shapes_json import SALSIFY_PARTS, SMALL_PART_CHARS, is_salsify, salsify_parts

__all__ = ["SPLIT_BYTES", "JsonSource", "PlaceInPage"]

BLOCK_BYTES = 1 << 18
HEAD_BYTES = 1 << 20
SPLIT_BYTES = 8 << 20
"""Files smaller than this are read in one piece."""

_LINES_SUFFIXES = (".jsonl", ".ndjson")
_HELD_BACK = re.compile(rb'(?:^|[\[,\r\n])\s*\{\s*"%b"\s*:\s*\{' % MEMBER.encode())
_BLANK = " \t\n"

Shape = Literal["lines", "array", "sequence"]


class JsonSource:
    """A JSON file: its records are ``(line, document, index)``. See feedbridge.sources.base.Source.

    ``items``   dotted path of the list of records (``data.products``), ``.`` for the document itself; found when None.
                A quarantine file has none, whatever is named
    ``index``   place in the list; in a file of pages a PlaceInPage; of JSON Lines the line counted from 0
    ``block``   bytes read at a time
    ``most_item_chars``  longer items and lines are refused; about so much text is held at most

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
        most_item_chars: int = MOST_ITEM_CHARS,
    ) -> None:
        self.path = path
        self.name = str(path) if name is None else name
        self.folder: Path | None = path.parent if folder is None else folder
        self.header: list[str] = []
        self.findings: list[Finding] = []
        self._block = block
        self._most = most_item_chars
        self._head = min(HEAD_BYTES, most_item_chars)
        self._shape: Shape = "sequence"
        self._pages: frozenset[str] = frozenset()
        self._parts: dict[str, list[Any]] | None = None
        with open_binary(path) as stream:
            head = stream.read(HEAD_BYTES)
        self.is_quarantine = _HELD_BACK.search(head) is not None
        if self.is_quarantine:  # written by us: UTF-8, one document a line
            items, encoding = ".", None
        self._path: tuple[str, ...] | None = tuple(items.split(".")) if items and items != "." else None
        self._named = bool(items)
        self._inner = self.pointer_prefix = ""
        self._encoding = encoding_of(head[:4], encoding)
        if encoding:
            self._notice_encoding(head, encoding)
        self._refusals = Refusals(self.name)
        self._recognise()
        self._refusals.path = self._path
        self._refusals.by_line = self._shape == "lines"
        self._steps = "".join(step.replace("~", "~0").replace("/", "~1") + "/" for step in self._path or ())
        self.pointer_prefix = "/" if self._shape == "array" else f"/{self._steps}" if self._steps else ""
        self.about: dict[str, Any] = {
            "format": "jsonl" if self._shape == "lines" else "json",
            "items": dotted(self._path) or self._inner,
            "encoding": self._encoding,
        }
        if self._pages:
            self.about["shape"] = "salsify"

    # -- what a source offers ------------------------------------------------------------------------------------

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, from the start at each call. Raises SourceError."""
        if self._shape == "lines":
            return self._lines(part)
        return self._text()

    @property
    def parts(self) -> dict[str, list[Any]]:
        """Of a Salsify export the parts in front of its products that are small enough: ``digital_assets``, whose
        ``salsify:id`` products name, ``attributes``, ``attribute_values``. Empty for other files."""
        if self._parts is None:
            window = Window(self._text_pieces(0), self.name, SMALL_PART_CHARS)
            self._parts = salsify_parts(window) if self._pages else {}
        return self._parts

    def pointer(self, record: Record) -> str:
        """JSON Pointer (RFC 6901) of a record in its document (for JSON Lines: in its line)."""
        if isinstance(record[1], BadDocument):
            return record[1].finding.pointer
        if self._shape == "array" or self._path:
            return f"{self.pointer_prefix}{record[2]}"
        return f"/{self._inner}" if self._inner else ""

    def split(self, parts: int, *, least_bytes: int = SPLIT_BYTES) -> list[Range]:
        """Ranges of about equal size, cut at line ends: JSON Lines from ``least_bytes`` on, UTF-8, not compressed."""
        size = size_of(self.path)
        if self._shape != "lines" or self._encoding != "utf-8" or size < least_bytes or parts < 2:
            return []
        if is_compressed(self.path):
            return []
        wanted = [size * part // parts for part in range(1, parts)]
        starts, lines = [0], [1]
        position, line, after_return = 0, 1, False
        with open_binary(self.path) as stream:
            while wanted and (block := stream.read(self._block)):
                if after_return and block.startswith(b"\n"):
                    line -= 1
                cut_at = block.find(b"\n", max(0, wanted[0] - position)) + 1
                if cut_at and position + cut_at < size:
                    starts.append(position + cut_at)
                    lines.append(line + line_ends(block[:cut_at]))
                    del wanted[: bisect.bisect_right(wanted, position + cut_at)]
                    stream.seek(starts[-1])
                    position, line, after_return = starts[-1], lines[-1], False
                    continue
                position += len(block)
                line += line_ends(block)
                after_return = block.endswith(b"\r")
        if len(starts) < 2:
            return []
        return [Range(*each) for each in zip(starts, [*starts[1:], size], lines, strict=True)]

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk."""
        return sha256(self.path)

    # -- opening -------------------------------------------------------------------------------------------------

    def _notice_encoding(self, head: bytes, given: str) -> None:
        if not codec_named(given).startswith(self._encoding):
            doubt = f"{given} was given, but the byte order mark at its start says {self._encoding}"
        else:
            doubt = detect([head], given).doubt
        if doubt:
            self._notice("source.encoding-doubt", Severity.WARNING, doubt, "take the setting out")

    def _recognise(self) -> None:
        """Which shape the file has, and where its records are. Reads on where its first MiB does not show it."""
        window = self._window(self._head)
        first = window.peek()
        while len(window.text) < self._head and window.more():
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
        elif self._has_lines_suffix() or self._second_line_is_object(window):
            self._recognise_lines(window)

    def _has_lines_suffix(self) -> bool:
        return any(suffix.lower() in _LINES_SUFFIXES for suffix in self.path.suffixes[-2:])

    def _recognise_array(self, window: Window) -> None:
        after = window.peek(1)
        if after == "]":
            self._notice_no_records()
        if after == "{" and (not self._named or self._path == ("products",)):
            window.at += 1
            window.peek()
            page = window.value()
            if is_salsify(page):
                self._path, self._pages = ("products",), SALSIFY_PARTS
            elif isinstance(page, dict) and not self._named:
                self._path = page_path(page)

    def _recognise_objects(self, window: Window) -> None:
        text, start = window.text, window.at
        try:
            first, end = lenient(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            cut_off = isinstance(error, json.JSONDecodeError) and window.is_cut_off(error)
            if self._has_lines_suffix() or self._second_line_is_object(window, cut_off=cut_off):
                self._recognise_lines(window)
            else:
                self._recognise_envelope(self._window(self._head))
            return
        window.at = end
        line = window.line_at(end)
        alone = not window.peek()
        on_one_line = "\n" not in text[start:end] and (alone or window.line_at(window.at) > line)
        if not alone and is_salsify(first) and (not self._named or self._path == ("products",)):
            self._path, self._pages = ("products",), SALSIFY_PARTS
        elif on_one_line and (not alone or self._has_lines_suffix() or self.is_quarantine):
            self._recognise_lines(window)
        elif alone:
            self._recognise_envelope(self._window(self._head))
        elif not self._named:
            self._path = page_path(first)

    def _second_line_is_object(self, window: Window, cut_off: bool = False) -> bool:
        """Whether the file is one of lines although its first line cannot be read, or is longer than what was read.

        Inside a JSON document ``{`` comes only behind ``,``, ``:`` and ``[``: behind anything else at a line's end it
        begins a document of its own.
        """
        if not cut_off and "\n" in window.text[window.at :].rstrip():
            lines = [line for line in window.text.split("\n", 20)[:20] if line.strip()]
            try:
                return len(lines) > 1 and isinstance(json.loads(lines[1]), dict)
            except (ValueError, RecursionError):
                return False
        last, seen, begun = "", 0, False
        for piece in self._text_pieces(self._head):
            if not begun:
                piece = piece.lstrip(_BLANK)
                begun = bool(piece)
            ending, is_there, after = piece.partition("\n") if not last.endswith("\n") else ("", "\n", piece)
            last = (ending.rstrip(_BLANK)[-1:] or last.rstrip("\n")) + is_there
            if is_there and (after := after.lstrip(_BLANK)):
                return after[0] == "{" and last[0] not in ",:["
            seen += len(piece)
            if seen > self._most:
                break
        return False

    def _recognise_lines(self, window: Window) -> None:
        self._shape = "lines"
        if self._named:
            return
        window.at = 0
        while "\n" not in window.text and window.more():
            pass
        for line in window.text.split("\n"):
            try:
                first = lenient(line.strip(), 0)[0]
            except (json.JSONDecodeError, RecursionError):
                continue
            if isinstance(first, dict):
                self._path = page_path(first)
                return

    def _recognise_envelope(self, window: Window) -> None:
        """Find the list of records in one object, or take the object as the record."""
        if self._named and self._path is None:
            return
        window.peek()
        walk = Walk(window, self._refusals, self._path)
        for _ in walk.object(()):
            break
        if walk.found is not None:
            self._path = walk.found
            return
        if self._path is not None:
            raise self._items_missing(walk)
        lists = walk.lists
        is_product = not PRODUCT_KEYS.isdisjoint(walk.root)
        empty = [path for path in lists if is_known(path) and not lists[path] and not is_product]
        if empty:
            self._path = empty[0]
            self._notice_no_records()
            return
        unknown = [path for path in lists if lists[path] and may_hold_products(path) and not is_product]
        if len(unknown) > 1:
            raise SourceError(
                f"several lists could be the products: {show_lists(unknown, lists)}", where=self.name,
                code="json.several-lists", mend='name one with source.items ("." if the document is one product)',
            )
        if unknown:
            self._path = unknown[0]
            self._notice(
                "json.list-guessed", Severity.WARNING,
                f'the records are taken from "{dotted(unknown[0])}", the only list of objects in it',
                f"name it with source.items: {dotted(unknown[0])} - or . when the document is one product",
            )  # fmt: skip
        elif len(walk.root) == 1 and next(iter(walk.root.values())) == "{" and not window.peek():
            self._inner = next(iter(walk.root))

    # -- bytes ---------------------------------------------------------------------------------------------------

    def _window(self, block: int = 0) -> Window:
        return Window(self._text_pieces(block), self.name, self._most)

    def _text_pieces(self, block: int) -> Iterator[str]:
        return decoded(self._pieces(block), self._encoding)

    def _pieces(self, block: int = 0) -> Iterator[bytes]:
        with open_binary(self.path) as stream:
            while piece := stream.read(block or self._block):
                yield piece

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
        with open_binary(self.path) as stream:
            stream.seek(part.start)
            while left > 0 and (piece := stream.read(min(left, self._block))):
                yield piece
                left -= len(piece)

    # -- reading -------------------------------------------------------------------------------------------------

    def _lines(self, part: Range | None) -> Iterator[Batch]:
        reader = LineReader(self._refusals, self._path, self.pointer_prefix, strip=self.is_quarantine)
        blocks = blocks_of_lines(self._utf8_pieces(part), self.name, self._most)
        empty = True
        for records in reader.batches(blocks, part.line if part else 1):
            empty = False
            yield Batch(records, [])
        if empty and part is None and not self._is_told_empty():
            yield Batch([], [self._no_records()])

    def _text(self) -> Iterator[Batch]:
        walk = Walk(
            self._window(), self._refusals, self._path, steps=self._steps, inner=self._inner,
            prefix=self.pointer_prefix, strip=self.is_quarantine,
        )  # fmt: skip
        walk.parts = self._pages
        empty = True
        found: Iterable[list[Record]] = walk.sequence() if self._shape == "sequence" else walk.array()
        for records in found:
            empty = False
            yield Batch(records, [])
        notes = self._unread_lists(walk)
        if empty and not self._is_told_empty():
            notes.append(self._no_records())
        if notes:
            yield Batch([], notes)

    # -- what is noticed about the file as a whole -----------------------------------------------------------------

    def _notice(self, code: str, severity: Severity, message: str, mend: str) -> None:
        self.findings.append(Finding(code=code, severity=severity, file=self.name, message=message, mend=mend))

    def _unread_lists(self, walk: Walk) -> list[Finding]:
        """What is said about lists beside the one that was read. Raises SourceError when one of them could be it."""
        if self._named or not self._path:
            return []
        if own := sorted(PRODUCT_KEYS & walk.root.keys()):
            raise SourceError(
                f'is the document one product (it has "{own[0]}"), or its list "{dotted(self._path)}"?',
                where=self.name, code="json.several-lists",
                mend=f"write source.items: {dotted(self._path)} - or . for the document",
            )
        rivals = [path for path in walk.lists if walk.lists[path] and is_known(path)]
        if rivals:
            raise SourceError(
                f"several lists could be the products: {dotted(self._path)}, {show_lists(rivals, walk.lists)}",
                where=self.name, code="json.several-lists", mend="name one with source.items",
            )
        return [
            Finding(
                code="json.list-unused", severity=Severity.ADVICE, file=self.name,
                message=f'the list "{dotted(path)}" of {count} objects is not read',
                mend="name it with source.items if it holds the products",
            )
            for path, count in walk.lists.items()
            if count and path[-1] not in PART_NAMES and path[0] not in self._pages
        ]

    def _no_records(self) -> Finding:
        return Finding(
            code="source.no-records", severity=Severity.WARNING, file=self.name, message="the file has no records",
            mend="check the export: was its filter empty?",
        )

    def _notice_no_records(self) -> None:
        self.findings.append(self._no_records())

    def _is_told_empty(self) -> bool:
        return any(finding.code == "source.no-records" for finding in self.findings)

    def _items_missing(self, walk: Walk) -> SourceError:
        found = f"; it has {show_lists(list(walk.lists), walk.lists)}" if walk.lists else "; it has no list of objects"
        return SourceError(
            f'there is no list "{dotted(self._path)}"{found}', where=self.name, code="json.items-missing",
            mend="correct source.items",
        )
