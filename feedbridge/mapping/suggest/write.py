"""A draft as YAML: values quoted where they must be, text of the file only ever inside quotes or comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Node", "comment", "quoted_samples", "scalar", "sample_text", "flow", "lines_of"]

MOST_SAMPLE = 40
PLAIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ž_][\wÀ-ÖØ-öø-ž]*(?:[ ./\-][\wÀ-ÖØ-öø-ž]+)*")
RESERVED = frozenset("true false null yes no on off y n ~ nan inf".split())
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff]"
)
"""What is spelt out: control characters, line separators, what has no width or turns the direction, surrogates."""


def scalar(text: str) -> str:
    r"""A text as a YAML scalar: plain where that is safe, else in double quotes.

    >>> print(scalar("Artikel Nr"), scalar("a: b # c"), scalar("1.5"), scalar("x\ny"))
    Artikel Nr "a: b # c" "1.5" "x\ny"
    """
    if PLAIN.fullmatch(text) and text.casefold() not in RESERVED and len(text) <= 120:
        return text
    return UNSAFE.sub(lambda match: _unicode(match.group()), json.dumps(text, ensure_ascii=False))


def _unicode(sign: str) -> str:
    return f"\\u{ord(sign):04x}"


def flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return json.dumps(text) if text.startswith("${") else scalar(text)


def sample_text(text: str, most: int = MOST_SAMPLE) -> str:
    r"""A value as a comment may show it: on one line, printable, cut.

    >>> sample_text("red\n# evil: yes\x1b[31m")
    'red\\n\\# evil: yes\\x1b[31m'
    """
    short = text if len(text) <= most else text[: most - 1] + "…"
    short = (
        short.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").replace("#", "\\#")
    )
    return UNSAFE.sub(
        lambda match: f"\\x{ord(match.group()):02x}" if ord(match.group()) < 256 else _unicode(match.group()), short
    )


def quoted_samples(samples: Iterable[str]) -> str:
    return ", ".join(f'"{sample_text(sample)}"' for sample in samples)


def comment(text: str) -> str:
    """A line of text as a comment: whatever is in it, it stays on its line."""
    return "# " + UNSAFE.sub(lambda match: " " if match.group() in "\n\r\t" else _unicode(match.group()), text)


@dataclass(slots=True)
class Node:
    """A line of the mapping with the comments above it, and what stands below it."""

    head: str
    value: str = ""
    comments: list[str] = field(default_factory=list)
    below: list[Node] = field(default_factory=list)
    columns: tuple[str, ...] = ()


def lines_of(nodes: Iterable[Node], depth: int = 0) -> list[str]:
    indent = "  " * depth
    lines = []
    for node in nodes:
        lines += [indent + comment(text) for text in node.comments]
        lines.append(f"{indent}{node.head} {node.value}".rstrip())
        lines += lines_of(node.below, depth + 1)
    return lines
