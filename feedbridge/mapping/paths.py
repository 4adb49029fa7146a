"""Where a value stands in a record: a column of a table, or a path in a JSON document."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from feedbridge.cells import CellError
from feedbridge.errors import MappingError

__all__ = ["Column", "Header", "document_column", "normal"]

Get = Callable[[Any, Any], Any]
"""``get(record, up)``: ``up`` is the product document when the record is one of its variants."""

EXPRESSION = re.compile(r"[\[\]*?@|&()`'!]")


@dataclass(frozen=True, slots=True)
class Column:
    """A place in every record: how it is called, how to get at it, its index in a table (-1 in a document)."""

    label: str
    get: Get
    index: int = -1


def normal(name: str) -> str:
    """A header as it is compared: NFC, blanks folded, without case."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


class Header:
    """The columns of a table by name."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)
        self._index: dict[str, int] = {}
        for index, name in enumerate(self.names):
            self._index.setdefault(normal(name), index)

    def find(self, name: str) -> Column | None:
        """The column of that name; of columns with the same name the first."""
        index = self._index.get(normal(name))
        if index is None:
            return None
        return Column(self.names[index], lambda record, up: record[index], index)


def document_column(path: str) -> Column:
    """A path in a document: ``values.name``, ``images.0.url``, ``^handle`` (from the product), or a JMESPath
    expression when it holds one of ``[]*?@|&()``."""
    if path == ".":  # an item of an inner list that is no object, itself
        return Column(".", lambda record, up: record.get("."))
    label, upward = path, path.startswith("^")
    if upward:
        path = path[1:]
    if EXPRESSION.search(path):
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
