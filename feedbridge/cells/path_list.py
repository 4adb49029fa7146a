"""Several addresses or paths in one cell."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from feedbridge.cells.list import ListReader
from feedbridge.cells.url import PathOrUrl, web_address

__all__ = ["PathList"]


class PathList(ListReader):
    """A list whose items are addresses, or paths below one.

    >>> PathList(base="https://shop.example/media").read("/a/pot.jpg, /a/lid.jpg")
    ('https://shop.example/media/a/pot.jpg', 'https://shop.example/media/a/lid.jpg')

    Returns: tuple of str, equal ones once.
    Raises:  CellError, the codes of list and of path_or_url.
    """

    kind: ClassVar[str] = "path_list"

    base: Annotated[str, AfterValidator(web_address)] | None = None
    """Address that is put, with one ``/``, in front of items that are not absolute."""

    def read(self, raw: Any) -> tuple[str, ...]:
        one = PathOrUrl(base=self.base)
        return tuple(dict.fromkeys(one.read(item) for item in super().read(raw) if item))
