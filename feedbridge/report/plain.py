"""Text of a feed made safe to show: it may not steer a terminal, break a line or hide in it."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["fit", "short_hashes", "showable"]

_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters (ESC begins every ANSI sequence, C1 has one-character twins), line separators,
what turns the reading direction, what has no width, and halves of surrogate pairs."""
_DIGEST = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{32,}\b")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def showable(text: str) -> str:
    r"""The text on one line, with everything that could act on a terminal spelt out.

    >>> showable("red \x1b[31mSALE\nnow")
    'red \\x1b[31mSALE\\nnow'
    """
    return _STEERING.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    char = match.group()
    number = ord(char)
    return _NAMED.get(char) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def short_hashes(text: str) -> str:
    """The text with long digests cut to what people compare.

    >>> short_hashes("sourceHash 2d67d6d3542967f637ca1b1ee9cf76ed50adb1dfd0ee2617e1b8f3bb50dd274b")
    'sourceHash 2d67d6d3…'
    """
    return _DIGEST.sub(r"\1…", text)


def fit(text: str, stream: Any) -> str:
    """The text with the characters a stream's encoding does not have as backslash escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")
    return text
