"""Places where a CSV file can be cut in parts that are read side by side."""

from __future__ import annotations

from typing import BinaryIO

from feedbridge.sources.encoding import BLOCK_BYTES

__all__ = ["Cuts", "has_plain_line_ends"]


class Cuts:
    """Walks forward through a file and finds line ends outside quotes, counting quotes and lines on the way."""

    def __init__(self, stream: BinaryIO, start: int, quote: bytes) -> None:
        self._stream = stream
        self._place = start
        self._quote = quote
        self._quotes = 0
        self._lines = 0
        self._is_after_cr = False

    def after(self, target: int) -> tuple[int, int] | None:
        """The first such place at or behind ``target``, and the lines before it. None when the file ends first."""
        while self._place < target:
            if not self._count(self._stream.read(min(BLOCK_BYTES, target - self._place))):
                return None
        while line := self._stream.readline(BLOCK_BYTES):
            self._count(line)
            if line.endswith(b"\n") and self._quotes % 2 == 0:
                return self._place, self._lines
        return None

    def _count(self, data: bytes) -> bool:
        self._place += len(data)
        self._quotes += data.count(self._quote) if self._quote else 0
        self._lines += data.count(b"\n")
        if b"\r" in data:
            self._lines += data.count(b"\r") - data.count(b"\r\n")
        if self._is_after_cr and data.startswith(b"\n"):
            self._lines -= 1  # the two halves of CRLF, counted apart
        self._is_after_cr = data.endswith(b"\r")
        return bool(data)


def has_plain_line_ends(codec: str) -> bool:
    """UTF-8, ASCII and the one-byte encodings that contain ASCII: a byte 0x0A in them is always a line end."""
    if codec in ("utf-8", "ascii"):
        return True
    low, high = bytes(range(128)), bytes(range(128, 256))
    return low.decode(codec, "replace") == low.decode("ascii") and len(high.decode(codec, "replace")) == 128
