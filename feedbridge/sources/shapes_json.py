"""JSON exports whose products do not lie in one list of objects: Salsify's parts, Sales Layer's rows without names.

Salsify: a list of objects with one member each (``header``, ``attributes``, ``attribute_values``, ``digital_assets``,
``products``); the records are the products. Read by JsonSource, which asks here.

Sales Layer: ``data_schema`` names the columns of the tables in ``data``, whose rows are lists. SalesLayerSource makes
objects of them, and gives each product its variants (``product_formats``) by their ``ID_products``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import BadDocument, Batch, Range, Record
from feedbridge.sources.files import open_binary, sha256
from feedbridge.sources.json_parse import Fault, encode, read_carefully
from feedbridge.sources.json_refused import Refusals
from feedbridge.sources.json_walk import Walk
from feedbridge.sources.json_window import Window, decoded, encoding_of

__all__ = ["SALSIFY_PARTS", "SalesLayerSource", "is_sales_layer", "is_salsify", "salsify_parts"]

SALSIFY_PARTS = frozenset({"header", "attributes", "attribute_values", "digital_assets", "products"})
SMALL_PART_CHARS = 8 << 20
MOST_VARIANTS = 2_000_000
_BLOCK_BYTES = 1 << 18
_VARIANTS = "product_formats"


def is_salsify(page: Any) -> bool:
    """Whether the first object of a list is the first part of a Salsify export.

    >>> is_salsify({"header": {"version": "2", "scope": ["all"]}}), is_salsify({"attributes": [{"code": "a"}]})
    (True, False)
    """
    if not isinstance(page, dict) or len(page) != 1:
        return False
    [(key, value)] = page.items()
    if key == "header":
        return isinstance(value, dict) and not {"version", "scope", "mode"}.isdisjoint(value)
    first = value[0] if isinstance(value, list) and value else None
    return key in SALSIFY_PARTS - {"products"} and isinstance(first, dict) and "salsify:id" in first


def salsify_parts(window: Window) -> dict[str, list[Any]]:
    """The parts in front of the products, with their objects: attributes, their values, digital assets.

    A part too large for memory, and all behind it, is left out.
    """
    parts: dict[str, list[Any]] = {}
    try:
        if window.peek() == "[":
            window.at += 1
        while window.peek() == "{":
            window.at += 1
            if window.peek() != '"':
                break
            key = window.value()
            window.take(":", "expected ':'")
            if key == "products":
                break
            window.peek()
            value = window.value()
            if isinstance(value, list):
                parts[str(key)] = value
            window.take("}", "expected '}'")
            if window.peek() == ",":
                window.at += 1
    except SourceError:
        return parts
    return parts


def is_sales_layer(path: Path, encoding: str | None = None) -> bool:
    """Whether a file is an answer of Sales Layer: one object with ``data_schema`` in front of its ``data``."""
    window = _window(path, encoding, most=1 << 22)
    if '"data_schema"' not in _head(window):
        return False
    try:
        window.take("{", "expected '{'")
        while window.peek() == '"':
            key = window.value()
            window.take(":", "expected ':'")
            first = window.peek()
            if key == "data_schema":
                return first == "{"
            if key == "data":
                return False
            window.value()
            if window.take(",}", "expected ',' or '}'") == "}":
                break
    except SourceError:
        pass
    return False


class SalesLayerSource:
    """The rows of one table of a Sales Layer answer, as objects. See feedbridge.sources.base.Source.

    ``table``  of ``data``: ``products``, to which their ``product_formats`` are given as a list, or another one

    A field of images is a list of objects by the names the schema gives its parts. Rows shorter than the schema lack
    the members at its end; longer ones are held back. Variants of products that are not in the file are told.

    Raises: SourceError ``json.broken``, ``json.items-missing``, ``json.item-too-large``, when opened or while reading.
    """

    kind: Literal["table", "documents"] = "documents"
    is_quarantine = False

    def __init__(
        self, path: Path, *, name: str | None = None, table: str = "products", encoding: str | None = None,
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        self.path = path
        self.name = str(path) if name is None else name
        self.folder: Path | None = path.parent if folder is None else folder
        self.header: list[str] = []
        self.findings: list[Finding] = []
        self._table = table
        self._given = encoding
        self._schema: dict[str, Any] = {}
        self._tables: dict[str, int] = {}
        self._variants: dict[str, list[dict[str, Any]]] = {}
        self._read_outline()
        self.pointer_prefix = f"/data/{table.replace('~', '~0').replace('/', '~1')}/"
        with open_binary(path) as stream:
            codec = encoding_of(stream.read(4), encoding)
        self.about: dict[str, Any] = {
            "format": "json", "shape": "sales-layer", "items": f"data.{table}", "encoding": codec,
        }  # fmt: skip
        for other, rows in self._tables.items():
            if rows and other != table and not (other == _VARIANTS and self._takes_variants):
                self.findings.append(
                    Finding(
                        code="json.list-unused", severity=Severity.ADVICE, file=self.name,
                        message=f'the table "data.{other}" of {rows} rows is not read',
                        mend="name it with source.items if it holds the products",
                    )
                )  # fmt: skip

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, from the start at each call. Raises SourceError."""
        walk = _Rows(self._window(), Refusals(self.name), ("data", self._table), prefix=self.pointer_prefix)
        walk.fields = self._schema[self._table]
        used: set[str] = set()
        empty = True
        window = walk.window
        window.peek()
        for records in walk.object(()):
            empty = False
            if self._takes_variants:
                for record in records:
                    if not isinstance(record[1], BadDocument):
                        key = _key(record[1].get("ID"))
                        used.add(key)
                        record[1][_VARIANTS] = list(self._variants.get(key, ()))
            yield Batch(records, [])
        if window.peek():
            raise window.broken(window.at, "something follows the end of the document")
        told = [self._orphan(row, key) for key, rows in self._variants.items() if key not in used for row in rows]
        if empty:
            told.append(
                Finding(
                    code="source.no-records", severity=Severity.WARNING, file=self.name, message="the file has no records",
                    mend="check the export: was its filter empty?",
                )
            )  # fmt: skip
        if told:
            yield Batch([], told)

    def pointer(self, record: Record) -> str:
        """JSON Pointer (RFC 6901) of a record in its document."""
        return f"{self.pointer_prefix}{record[2]}"

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Never: the schema stands in front."""
        return []

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk."""
        return sha256(self.path)

    @property
    def _takes_variants(self) -> bool:
        return self._table == "products" and isinstance(self._schema.get(_VARIANTS), list)

    def _window(self) -> Window:
        return _window(self.path, self._given, self.name)

    def _read_outline(self) -> None:
        """The schema, the tables with the numbers of their rows, and the rows of variants."""
        window = self._window()
        variants: list[Any] = []
        for key, first in _object(window):
            if key == "data_schema":
                found = window.value()
                self._schema = found if isinstance(found, dict) else {}
            elif key == "data" and first == "{":
                for table, begins in _object(window):
                    if begins != "[":
                        window.value()
                        continue
                    self._tables[table] = 0
                    for row in _list(window):
                        self._tables[table] += 1
                        if table == _VARIANTS and self._table == "products":
                            variants.append(row)
                            if len(variants) > MOST_VARIANTS:
                                raise SourceError(
                                    f"it has more than {MOST_VARIANTS:,} variants", where=self.name,
                                    code="json.item-too-large", mend="ask the connector for smaller pages",
                                )  # fmt: skip
            else:
                window.value()
        if self._table not in self._tables or not isinstance(self._schema.get(self._table), list):
            shown = ", ".join(f"data.{table} ({rows} rows)" for table, rows in self._tables.items()) or "no table"
            raise SourceError(
                f'there is no table "data.{self._table}" with a schema; it has {shown}',
                where=self.name,
                code="json.items-missing",
                mend="correct source.items",
            )
        if self._takes_variants:
            for row in variants:
                try:
                    named = _named(row, self._schema[_VARIANTS])
                except Fault as fault:
                    self.findings.append(self._left_out(fault.code, f"a variant is not read: {fault.message}", row))
                    continue
                self._variants.setdefault(_key(named.get("ID_products")), []).append(named)

    def _orphan(self, row: dict[str, Any], key: str) -> Finding:
        return self._left_out(
            "json.orphan-row",
            f'the variant "{cut(row.get("ID"))}" is of product "{cut(key)}", which is not in the file: it is not read',
            row,
        )

    def _left_out(self, code: str, message: str, row: Any) -> Finding:
        return Finding(
            code=code,
            severity=Severity.ERROR,
            file=self.name,
            message=message,
            value=cut(row),
            mend="export the products together with all their variants",
        )


class _Rows(Walk):
    """A walk to a table whose rows are lists: gives them as objects."""

    fields: list[Any]

    def checked(self, records: list[Record], spans: list[tuple[int, int]], text: str) -> list[Record]:
        return [self.checked_one(record, text[a:b]) for record, (a, b) in zip(records, spans, strict=True)]

    def checked_one(self, record: Record, text: str) -> Record:
        line, row, index = record
        if not isinstance(row, list):
            return super().checked_one(record, text)
        pointer = self.pointer(index)
        try:
            try:
                sure = "\\u003a" not in text.lower() and encode(row).count(b":") == text.count(":")
            except (UnicodeEncodeError, RecursionError):
                sure = False
            return (line, _named(row if sure else read_carefully(text), self.fields), index)
        except Fault as fault:
            return (line, self.refusals.fault(fault, text, line, pointer), index)


def _named(row: Any, fields: list[Any]) -> dict[str, Any]:
    """A row as an object. Raises Fault when it has not as many values as there are names."""
    if isinstance(row, dict):
        return row
    if not isinstance(row, list):
        raise Fault("json.not-an-object", None, "a row must be a list", "take it out of the table")
    names: list[tuple[str, Any]] = []
    for field in fields:
        if isinstance(field, dict) and len(field) == 1:
            names += field.items()
        else:
            names.append((str(field), None))
    if len(row) == len(names) + 2 and not {"STATUS", "ID"} & {name for name, _ in names}:
        names = [("STATUS", None), ("ID", None), *names]
    if len(row) > len(names):
        raise Fault(
            "json.row-too-long",
            None,
            f"the row has {len(row)} values, and its schema {len(names)} names",
            "export it again: the schema is not that of the rows",
        )
    named = {name: _parted(value, inner) for (name, inner), value in zip(names, row, strict=False)}
    if len(row) < len(names) and named.get("STATUS") != "D":  # of what is deleted only the ID is said
        raise Fault(
            "json.row-too-short",
            None,
            f"the row has {len(row)} values, and its schema {len(names)} names",
            "export it again: the row is cut off, or the schema is not that of the rows",
        )
    return named


def _parted(value: Any, names: Any) -> Any:
    """The entries of a field of images or files by the names of their parts."""
    if (
        not isinstance(names, list)
        or not isinstance(value, list)
        or not all(isinstance(entry, list) for entry in value)
    ):
        return value
    return [
        {
            **dict(zip(map(str, names), entry, strict=False)),
            **({"more": entry[len(names) :]} if len(entry) > len(names) else {}),
        }
        for entry in value
    ]


def _key(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _window(path: Path, encoding: str | None, name: str = "", most: int = 0) -> Window:
    with open_binary(path) as stream:
        codec = encoding_of(stream.read(4), encoding)

    def pieces() -> Iterator[bytes]:
        with open_binary(path) as stream:
            while piece := stream.read(_BLOCK_BYTES):
                yield piece

    text = decoded(pieces(), codec)
    return Window(text, name or str(path), most) if most else Window(text, name or str(path))


def _head(window: Window) -> str:
    window.more()
    return window.text


def _object(window: Window) -> Iterator[tuple[str, str]]:
    """Keys of an object with the first character of their values; whoever takes them reads the value."""
    window.peek()
    window.take("{", "expected '{'")
    if window.peek() == "}":
        window.at += 1
        return
    while True:
        if window.peek() != '"':
            raise window.broken(window.at, "expected a key in double quotes")
        key = window.value()
        window.take(":", "expected ':'")
        yield str(key), window.peek()
        if window.take(",}", "expected ',' or '}'") == "}":
            return


def _list(window: Window) -> Iterator[Any]:
    """The items of a list."""
    window.take("[", "expected '['")
    if window.peek() == "]":
        window.at += 1
        return
    while True:
        window.peek()
        yield window.value()
        if window.take(",]", "expected ',' or ']'") == "]":
            return
