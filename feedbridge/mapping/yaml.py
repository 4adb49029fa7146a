"""YAML 1.2 with the place of every key."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from feedbridge.errors import MappingError

__all__ = ["KeyPath", "Places", "key_text", "read_yaml"]

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where each key stands: key path -> (file as shown, line)."""

    file: str
    lines: dict[KeyPath, tuple[str, int]]

    def where(self, path: KeyPath) -> str:
        """``mappings/acme.yaml:6, product.price``; the nearest key above it that has a place."""
        short = path
        while short and short not in self.lines:
            short = short[:-1]
        file, line = self.lines.get(short, (self.file, 1))
        return f"{file}:{line}, {key_text(path)}" if path else f"{file}:{line}"

    def layer(self, path: KeyPath) -> str:
        """``mappings/acme.yaml:6``: the file and line that set a value."""
        return self.where(path).split(", ")[0]


def key_text(path: KeyPath) -> str:
    """``("product", "images", 0, "src")`` as ``product.images.0.src``."""
    return ".".join(str(step) for step in path)


def read_yaml(text: str, shown: str) -> tuple[Any, dict[KeyPath, tuple[str, int]]]:
    """Parse a YAML document into plain Python and the line of every key.

    Raises: MappingError with file and line for broken YAML, duplicate keys and tags, and for what no person writes: more
            than 4 MiB, 100 levels, 200,000 nodes, or numbers of more than 100 characters.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text) > MOST_YAML_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_YAML_BYTES:
        raise MappingError(
            f"is larger than {MOST_YAML_BYTES >> 20} MiB",
            where=shown,
            code="mapping.yaml",
            mend="a YAML file is written by hand, and short; keep a long table as a CSV file of its own",
        )
    loader = YAML(typ="rt")
    loader.version = (1, 2)
    loader.Composer, loader.Constructor = _parts()
    try:
        tree = loader.load(text)
        lines: dict[KeyPath, tuple[str, int]] = {}
        return _plain(tree, (), shown, lines, [0]), lines
    except _Refused as exc:
        raise MappingError(exc.message, where=f"{shown}:{exc.line}", code="mapping.yaml", mend=exc.mend) from exc.__cause__
    except MarkedYAMLError as exc:
        problem = (exc.problem or str(exc)).strip().splitlines()[0]
        # what is never closed is mended where it begins
        marks = (
            (exc.context_mark, exc.problem_mark) if "end of stream" in problem else (exc.problem_mark, exc.context_mark)
        )
        mark = marks[0] or marks[1]
        line = mark.line + 1 if mark is not None else 1
        raise MappingError(
            f"not valid YAML: {problem}",
            where=f"{shown}:{line}",
            code="mapping.yaml",
            mend="check indentation and quotes on this line and the one above it",
        ) from exc
    except RecursionError as exc:
        raise MappingError(TOO_DEEP, where=shown, code="mapping.yaml", mend=LESS_DEEP) from exc
    except (YAMLError, ValueError, OverflowError) as exc:
        raise MappingError(
            f"not valid YAML: {exc}", where=shown, code="mapping.yaml", mend="check the values that are not in quotes"
        ) from exc


MOST_YAML_BYTES = 4 << 20
MOST_NODES = 200_000
"""Nodes of a YAML file, and of one with its aliases written out; more is a mistake or a bomb."""
MOST_LEVELS = 100
MOST_DIGITS = 100
"""Characters of a number: below what an int may have as text and what a float may hold."""
TOO_DEEP = f"holds more than {MOST_LEVELS} levels, one inside the other"
LESS_DEEP = "look for brackets that are never closed, and for an alias inside its own anchor"


class _Refused(Exception):
    """What is valid YAML and yet no mapping, and the line it stands on."""

    def __init__(self, message: str, line: int, mend: str) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.mend = mend


@cache
def _parts() -> tuple[Any, Any]:
    """ruamel.yaml's parts with our limits, which hold while it reads: not after minutes of reading."""
    from ruamel.yaml.composer import Composer
    from ruamel.yaml.constructor import RoundTripConstructor
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import ScalarNode

    class Limited(Composer):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.levels = self.count = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            line = self.parser.peek_event().start_mark.line + 1
            self.count += 1
            if self.count > MOST_NODES:
                raise _Refused(f"holds more than {MOST_NODES:,} nodes", line, "keep a long table as a CSV file of its own")
            if self.levels >= MOST_LEVELS:
                raise _Refused(TOO_DEEP, line, LESS_DEEP)
            self.levels += 1
            node = super().compose_node(parent, index)
            self.levels -= 1
            if isinstance(node, ScalarNode) and len(node.value) > MOST_DIGITS and _is_number(node):
                raise _Refused(
                    f"holds a number of {len(node.value):,} characters", line, "put it in quotes when it is a text"
                )
            return node

    class Placed(RoundTripConstructor):
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep=deep)
            except YAMLError:
                raise
            except (ValueError, OverflowError) as exc:
                line = node.start_mark.line + 1
                raise _Refused(f"holds a value that is none: {exc}", line, "put it in quotes when it is a text") from exc

    return Limited, Placed


def _is_number(node: Any) -> bool:
    return str(node.tag) in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


MOST_BYTES = 64 << 20
"""Of a table in another format than YAML."""


def read_text(path: Path, shown: str) -> str:
    """A mapping or table file as text. Raises MappingError."""
    try:
        if not path.is_file():
            raise MappingError(
                "is no file" if path.exists() else "there is no such file",
                where=shown,
                code="mapping.missing",
                mend="check the path",
            )
        if path.stat().st_size > MOST_BYTES:
            raise MappingError(
                f"is larger than {MOST_BYTES >> 20} MiB",
                where=shown,
                code="mapping.missing",
                mend="a mapping or table is a small text file",
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise MappingError("is not UTF-8 text", where=shown, code="mapping.encoding", mend="save it as UTF-8") from exc
    except OSError as exc:
        raise MappingError(
            f"cannot be read: {exc.strerror}", where=shown, code="mapping.missing", mend="check the path"
        ) from exc


def _plain(node: Any, path: KeyPath, shown: str, lines: dict[KeyPath, tuple[str, int]], count: list[int]) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    count[0] += 1
    if count[0] > MOST_NODES:
        raise MappingError(
            f"holds more than {MOST_NODES:,} nodes once its aliases are written out",
            where=shown,
            code="mapping.yaml",
            mend="write it without aliases of aliases",
        )
    if len(path) > MOST_LEVELS:
        raise MappingError(TOO_DEEP, where=Places(shown, lines).layer(path[:1]), code="mapping.yaml", mend=LESS_DEEP)
    if isinstance(node, CommentedMap):
        plain = {}
        for key, value in node.items():
            step = (*path, str(key))
            with suppress(KeyError, TypeError):  # a merged key has no place of its own
                lines[step] = (shown, node.lc.key(key)[0] + 1)
            plain[str(key)] = _plain(value, step, shown, lines, count)
        return plain
    if isinstance(node, CommentedSeq):
        items = []
        for index, value in enumerate(node):
            step = (*path, index)
            with suppress(KeyError, TypeError):
                lines[step] = (shown, node.lc.item(index)[0] + 1)
            items.append(_plain(value, step, shown, lines, count))
        return items
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, str):
        return str(node)
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return str(node)
    return str(node)
