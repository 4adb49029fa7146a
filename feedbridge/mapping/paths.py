"""Where a value stands in a record: a column of a table, or a path in a JSON document."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feedbridge.cells import CellError
from feedbridge.errors import MappingError

__all__ = ["Column", "Header", "document_column", "loosened", "normal", "other_names", "plain_path"]

Get = Callable[[Any, Any], Any]
"""``get(record, up)``: ``up`` is the product document when the record is one of its variants."""

EXPRESSION = re.compile(r"[\[\]*?@|&()`'!]")
STEP = re.compile(r'"[^"]+"|[^."]+')
QUOTED = re.compile(r'(?=.*")(?:"[^"]+"|[^."\[\]*?@|&()`!]+)(?:\.(?:"[^"]+"|[^."\[\]*?@|&()`!]+))*')
"""A path with steps in double quotes, which may hold anything: ``attributes."Price (EUR)"``."""


@dataclass(frozen=True, slots=True)
class Column:
    """A place in every record: how it is called, how to get at it, its index in a table (-1 in a document)."""

    label: str
    get: Get
    index: int = -1


def normal(name: str) -> str:
    """A header as it is compared: NFC, blanks folded, without case."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


LOOSE = re.compile(r"[\s_-]+")
PREFIX = re.compile(r"(^|\.)g:")


def loosened(name: str) -> str:
    """``g:image_link`` and ``Image Link`` as ``image link``."""
    return LOOSE.sub(" ", PREFIX.sub(r"\1", normal(name))).strip()


class Header:
    """The columns of a table by name.

    ``packed``  normal name of a column -> what takes its cells apart; its members are paths, ``attributes.color``
    ``also``    name in the mapping -> other names of that column, see ``other_names``
    ``loose``   blanks, underscores and hyphens are one, and a ``g:`` in front is nothing
    """

    def __init__(
        self,
        names: Iterable[str],
        packed: Mapping[str, Callable[[Any], Any]] | None = None,
        also: Mapping[str, Sequence[str]] | None = None,
        loose: bool = False,
    ) -> None:
        self.names = list(names)
        self.packed = packed or {}
        self.change = loosened if loose else normal
        self._index: dict[str, int] = {}
        for index, name in enumerate(self.names):
            self._index.setdefault(normal(name), index)
        if loose:
            for index, name in enumerate(self.names):
                self._index.setdefault(loosened(name), index)
        for meant, index in other_names(self.names, also or {}, self.change):
            self._index.setdefault(meant, index)

    def place(self, name: str) -> int | None:
        """Index of the column of that name."""
        index = self._index.get(normal(name))
        return self._index.get(self.change(name)) if index is None else index

    def find(self, name: str) -> Column | None:
        """The column of that name; of columns with the same name the first. ``^`` before a name leads from a variant
        to its product's record."""
        index = self.place(name)
        if index is not None and normal(name) not in self.packed:
            return Column(self.names[index], lambda record, up: record[index], index)
        if name.startswith("^"):
            above = self.find(name[1:])
            if above is None:
                return None
            get = above.get
            return Column(f"^{above.label}", lambda record, up: get(up, None) if up is not None else None)
        return self.member(name) if self.packed else None

    def member(self, name: str) -> Column | None:
        """A path into a packed column."""
        head = BEGIN.match(name)
        index = self.place(head[0]) if head else None
        if head is None or index is None or normal(head[0]) not in self.packed:
            return None
        unpack = self.packed[normal(head[0])]
        label = self.names[index]
        rest = name[head.end() :].removeprefix(".")
        if not rest:
            return Column(label, lambda record, up: unpack(record[index]))
        inner = document_column(f"values{rest}" if rest.startswith("[") else f"values.{rest}").get
        return Column(
            f"{label}{name[head.end() :]}", lambda record, up: inner({"values": unpack(record[index])}, None)
        )


BEGIN = re.compile(r"[^.\[]+")


def other_names(
    names: Sequence[str], also: Mapping[str, Sequence[str]], change: Callable[[str], str] = normal
) -> Iterator[tuple[str, int]]:
    """The names that a mapping has for columns called otherwise, and the columns' indexes.

    ``also``  ``{"Regular price": ["Preis"], "Weight (*)": ["Gewicht (*)"], "Attribute # name": ["Attribut # Name"]}``:
              ``#`` is a number, the same in both names; ``*`` is anything
    """
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        places.setdefault(change(name), index)
    for meant, others in also.items():
        for other in (meant, *others):
            text = change(other)
            if "#" not in text and "*" not in text:
                if text in places:
                    yield change(meant), places[text]
                continue
            pattern = re.compile(re.escape(text).replace("\\#", r"(\d+)").replace("#", r"(\d+)").replace(r"\*", ".*"))
            for name, index in places.items():
                match = pattern.fullmatch(name)
                if match is not None:
                    yield change(meant).replace("#", match[1]) if "#" in text else change(meant), index


def plain_path(label: str) -> str:
    """What of a path is plain steps: all of it, or what stands before the expression.

    >>> plain_path('values."Price (EUR)"'), plain_path("variants[0].sku")
    ('values.Price (EUR)', 'variants')
    """
    if QUOTED.fullmatch(label.removeprefix("^")):
        return label.replace('"', "")
    return EXPRESSION.split(label, maxsplit=1)[0].rstrip(".")


def document_column(path: str) -> Column:
    """A path in a document: ``values.name``, ``images.0.url``, ``^handle`` (from the product), ``values."Price (EUR)"``,
    or a JMESPath expression when it holds one of ``[]*?@|&()`` outside of double quotes."""
    if path == ".":  # an item of an inner list that is no object, itself
        return Column(".", lambda record, up: record.get("."))
    label, upward = path, path.startswith("^")
    if upward:
        path = path[1:]
    quoted = QUOTED.fullmatch(path) is not None
    if not quoted and EXPRESSION.search(path):
        import jmespath
        from jmespath.exceptions import JMESPathError

        try:
            search = jmespath.compile(path).search
        except JMESPathError as exc:
            raise MappingError(
                f'"{label}" is not a path: {str(exc).splitlines()[0]}',
                code="mapping.path",
                mend="write a path such as values.name, or a JMESPath expression",
            ) from exc

        def expression(record: Any, up: Any) -> Any:
            try:
                return search(up if upward else record)
            except JMESPathError as exc:
                raise CellError(
                    "mapping.path", f"{label} cannot be worked out: {exc}", "mend the value, or the path in the mapping"
                ) from exc

        return Column(label, expression)
    steps = tuple(path.split("."))
    if quoted:
        steps = tuple(step.strip('"') for step in STEP.findall(path))
        label = "^" * upward + ".".join(f'"{step}"' if "." in step or EXPRESSION.search(step) else step for step in steps)
    if len(steps) == 1:
        (only,) = steps
        if upward:
            return Column(label, lambda record, up: up.get(only) if up is not None else None)
        return Column(label, lambda record, up: record.get(only))

    def walk(record: Any, up: Any) -> Any:
        node = up if upward else record
        for step in steps:
            if isinstance(node, dict):
                node = node.get(step)
            elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
                node = node[int(step)]
            else:
                return None
        return node

    return Column(label, walk)
