"""A picture of a run, what is known of its content, and what may be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

__all__ = ["Facts", "Picture", "Taker", "Trouble"]


class Taker(NamedTuple):
    """A platform that gets a picture. ``types``: what it takes (``jpeg``, ``png`` …); None: not documented."""

    title: str
    types: frozenset[str] | None = None


@dataclass(slots=True)
class Picture:
    """One address or path, however many products have it, and where it stands first.

    ``src``     http(s) address, or a path relative to ``folder``
    ``folder``  the source's folder; None when the source has none (standard input)
    ``order``   place of its finding among all findings of the run
    """

    src: str
    folder: Path | None
    order: int
    takers: tuple[Taker, ...] = ()
    products: int = 1
    file: str = ""
    line: int = 0
    column: str = ""
    pointer: str = ""
    sku: str = ""
    field: str = ""

    @property
    def is_address(self) -> bool:
        """Whether it is to be fetched; else it is a file."""
        return self.src[:8].lower().startswith(("http://", "https://"))


class Facts(msgspec.Struct, frozen=True):
    """What a picture is. ``kind``: ``jpeg``, ``png``, ``gif`` …; ``declared``: the media type its server gave, or "";
    ``width`` and ``height`` in pixels, 0 when the format has none (SVG). The bounds hold for what is read from a cache."""

    kind: Annotated[str, msgspec.Meta(pattern=r"\A(jpeg|png|gif|webp|avif|bmp|tiff|ico|svg)\Z")]
    width: Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
    height: Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    declared: Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f-\x9f]{0,100}\Z")] = ""


class Trouble(Exception):
    """A picture that cannot be had or is none. ``host_wide``: most likely all pictures of the host have it;
    ``certain``: surely all, one is enough to know."""

    def __init__(self, code: str, message: str, mend: str, *, host_wide: bool = False, certain: bool = False) -> None:
        self.code = code
        self.message = message
        self.mend = mend
        self.host_wide = host_wide or certain
        self.certain = certain
        super().__init__(message)

    def bare(self) -> Trouble:
        """Itself without the frames it came through, which would keep every connection in memory."""
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)
