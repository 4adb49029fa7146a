"""One way through a JSON text to its list of records, an item at a time, and what is passed on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from feedbridge.errors import SourceError
from feedbridge.sources.base import Record
from feedbridge.sources.json_parse import Fault, dotted, read_carefully, trusted
from feedbridge.sources.json_refused import Refusals
from feedbridge.sources.json_window import Window

__all__ = [
    "PART_NAMES", "PRODUCT_KEYS", "PlaceInPage", "Walk", "is_known", "may_hold_products", "page_path", "show_lists",
]  # fmt: skip

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

PRODUCT_KEYS = frozenset({"sku", "handle", "identifier", "gtin", "ean", "salsify:id", "entityId", "fullpath"})
"""A document with one of these is a product itself, not an envelope."""

_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?=[^ \t\n\r])")


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


class Walk:
    """One way through a text: gives records in lists of some hundred, and notes the lists of objects it passes.

    ``steps``  of ``path``, as in a JSON Pointer
    ``inner``  the member that wraps a single product
    ``prefix`` JSON Pointer of the list, with a final ``/``
    ``strip``  records are those of a quarantine file
    ``path``   of the list of records; None takes the first list of objects under a known name
    ``found``  the path of the list that was read
    ``root``   members of the first object and the first character of their values
    ``lists``  lists that were not read: the number of objects in them
    ``parts``  members of which a page may have any and nothing else, when it need not have the list
    """

    parts: frozenset[str] = frozenset()

    def __init__(
        self, window: Window, refusals: Refusals, path: tuple[str, ...] | None, *, steps: str = "", inner: str = "",
        prefix: str = "", strip: bool = False,
    ) -> None:  # fmt: skip
        self.window, self.refusals, self.path = window, refusals, path
        self.steps, self.inner, self.prefix, self.strip = steps, inner, prefix, strip
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
        if self.inner:
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
        window, refusals = self.window, self.refusals
        first = window.peek()
        line = window.line_at(window.at)
        if first == "{":
            self.found = None
            if self.parts:
                self.root = {}
            yield from self.object(())
            if self.found is not None or (self.root and self.root.keys() <= self.parts):
                return
            bad = refusals.no_items(line, "", pointer)
        else:
            value = window.value()
            text = window.text[window.start : window.at]
            bad = refusals.not_an_object(value, text, line, pointer)
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
                    f'the list "{dotted(there)}" stands twice in one document', code="json.duplicate-key",
                    where=f"{window.name}:{window.line_at(window.at)}", mend="keep one of them",
                )
            self.found = there
            yield from self.records("]")
        elif wanted and first != "n":
            raise SourceError(
                f'"{dotted(there)}" is not a list', where=f"{window.name}:{window.line_at(window.at)}",
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
        return is_known(there) and PRODUCT_KEYS.isdisjoint(self.root)

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
        window = self.window
        steps = self.steps if self.page >= 0 else None
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
        if escaped or not trusted(documents, text.count(":", start, end)):
            records = [self.checked_one(record, text[a:b]) for record, (a, b) in zip(records, spans, strict=True)]
        if self.strip:
            return [
                (line, self.refusals.taken_back(document, line, self.pointer(index)), index)
                for line, document, index in records
            ]
        return records

    def pointer(self, index: int) -> str:
        """JSON Pointer of the record at a place in the list."""
        return f"{self.prefix}{index}" if self.prefix else f"/{self.inner}" if self.inner else ""

    def checked_one(self, record: Record, text: str) -> Record:
        line, document, index = record
        refusals = self.refusals
        pointer = self.pointer(index)
        if isinstance(document, Fault):
            return (line, refusals.fault(document, text, line, pointer), index)
        if not isinstance(document, dict):
            return (line, refusals.not_an_object(document, text, line, pointer), index)
        if "\\u003a" not in text.lower() and trusted([document], text.count(":")):
            return record
        try:
            return (line, read_carefully(text), index)
        except Fault as fault:
            return (line, refusals.fault(fault, text, line, pointer), index)


def is_known(path: tuple[str, ...]) -> bool:
    """Whether a list there is one of records, by its name and where it stands; of GraphQL that of a connection:
    ``data.<query>.edges``."""
    if path[-1] in ("edges", "nodes") and path[0] == "data" and len(path) == 3:
        return True
    return path[-1] in LIST_NAMES and all(step in ENVELOPE_NAMES for step in path)


def may_hold_products(path: tuple[str, ...]) -> bool:
    """Whether a list there is more than a part of one product."""
    return not any(step in PART_NAMES or step in SINGLE_NAMES for step in path)


def page_path(document: dict[str, Any]) -> tuple[str, ...] | None:
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
        query, answer = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", None)
        if key == "data" and isinstance(answer, dict):
            return next(((key, query, edges) for edges in ("edges", "nodes") if isinstance(answer.get(edges), list)), None)
    return None


def show_lists(paths: list[tuple[str, ...]], lists: dict[tuple[str, ...], int]) -> str:
    """Lists for a message: ``products (3 objects), brands (1 objects)``."""
    return ", ".join(f"{dotted(path)} ({lists[path]} objects)" for path in paths)
