"""Lists of FlickRocket's REST API: how answers hold things, page after page, and a list that is read as it is used.

Source: docs/platforms/flickrocket.md, 3.7 and K29, K30; choice A14.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from feedbridge.findings import cut
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.resources import Resource, frame

if TYPE_CHECKING:
    import pandas

__all__ = ["PAGE_SIZE", "Listing", "count_of", "is_another", "read_pages", "thing_of", "things_of", "typed", "unusual"]

PAGE_SIZE = 50
"""A page with fewer things is the last."""
LOOK = "tell the maintainers of feedbridge: the answer is not what FlickRocket documents"
R = TypeVar("R", bound=Resource)


def things_of(answer: Any, names: Sequence[str], where: str) -> list[dict[str, Any]]:
    """The things of a list, under any of its names (plural or singular) or ``entry``; ``{}`` is an empty list.

    >>> things_of({"category": {"id": 4}}, ("categories", "category"), "")
    [{'id': 4}]

    Errors: FlickRocketError, code flickrocket.answer, for anything else.
    """
    held = answer
    if answer is None:
        raise unusual("holds nothing", where)
    if isinstance(answer, Mapping):
        if not answer:
            return []
        name = next((name for name in (*names, "entry") if name in answer), None)
        if name is None:
            raise unusual(f'has no "{names[0]}", but {_names(answer)}', where)
        held = answer[name]
    if held is None or held == {}:
        return []
    things = [held] if isinstance(held, dict) else held
    if not isinstance(things, list) or not all(isinstance(thing, dict) for thing in things):
        raise unusual(f'has no list of objects as "{names[0]}"', where)
    return things


def thing_of(answer: Any, names: Sequence[str], where: str) -> dict[str, Any] | None:
    """The thing of an answer about one, under any of its names or ``entry``, or bare; None when there is none.

    Errors: FlickRocketError, code flickrocket.answer, for several, or anything else.
    """
    if isinstance(answer, Mapping) and "id" in answer and not any(name in answer for name in (*names, "entry")):
        return dict(answer)
    things = things_of(answer, names, where)
    if len(things) > 1:
        raise unusual(f"has {len(things)} things where one was asked for", where)
    return things[0] if things else None


def is_another(raw: Mapping[str, Any], id: str) -> bool:
    """Whether a thing names another id than the one asked for: numbers by their value, texts whatever their letters' case.

    >>> is_another({"id": 10}, "9"), is_another({"id": "9"}, "9"), is_another({}, "9")
    (True, False, False)
    """
    own = raw.get("id")
    if own is None:  # nothing, or a member of a type that is refused where it is read
        return False
    text = str(own).strip()
    if text.isascii() and text.isdigit() and id.isdigit():
        return text.lstrip("0") != id.lstrip("0")
    return text.casefold() != id.casefold()


def count_of(answer: Any, where: str) -> int:
    """The number of ``{"count": 12}``. Errors: FlickRocketError, code flickrocket.answer."""
    count = answer.get("count") if isinstance(answer, Mapping) else None
    if isinstance(count, str) and count.isascii() and count.isdigit():
        count = int(count)
    if type(count) is not int or count < 0:
        raise unusual("has no count", where)
    return count


def typed(model: type[R], raw: Mapping[str, Any], where: str) -> R:
    """A thing as its type. Errors: FlickRocketError, code flickrocket.answer, naming the member, never its value."""
    try:
        return model.model_validate(raw)
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_context=False, include_input=False)
        shown = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:3])
        raise unusual(
            f"has a {model.__name__.lower()} (id {cut(raw.get('id'))}) that cannot be read: {shown}", where
        ) from None


def read_pages(
    page: Callable[[int], list[dict[str, Any]]], where: str, whole: Callable[[], int | None] | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """Pages from 1 on, up to one with fewer than 50 things.

    ``page``   reads a page
    ``whole``  how many things there are, for a list that perhaps has no pages: when the first page comes again and it
               was everything, the list is at its end. None: a list known to have pages

    A list that nobody counts has no pages when page 2 is page 1 again, and page 1 is longer than a page, or page 3 is it
    once more. Of just 50 things that is told in a warning: FlickRocket may give no more than that.

    Errors: FlickRocketError, code flickrocket.pages, for a page with things that were on one before: nothing can be
    said of what is missing then.
    """
    seen: set[str] = set()
    first: list[str] = []
    number = 1
    while True:
        things = page(number)
        marks = [_mark(thing) for thing in things]
        again = sum(mark in seen for mark in marks) + len(marks) - len(set(marks))
        if again:
            if whole is not None and number == 2 and marks == first and _is_whole(page, first, whole(), where):
                return
            raise FlickRocketError(
                f"page {number} repeats {again} of {len(marks)} things of pages before it", where=where,
                code="flickrocket.pages",
                mend="run it again: the shop may have changed while its list was read; when it stays so, tell the "
                "maintainers of feedbridge: the pages of this list do not work as expected, so it cannot be read whole",
            )
        if things:
            yield things
        if len(things) < PAGE_SIZE:
            return
        if number == 1:
            first = marks
        seen.update(marks)
        number += 1


def _is_whole(page: Callable[[int], list[dict[str, Any]]], first: list[str], counted: int | None, where: str) -> bool:
    """Whether page 1, which came again as page 2, is all of a list. ``counted``: how many things there are, where known."""
    if counted is not None:
        return counted == len(first)
    if len(first) > PAGE_SIZE:
        return True
    if [_mark(thing) for thing in page(3)] != first:
        return False
    warnings.warn(
        f"{where}: FlickRocket gives the same {len(first)} things as every page. They are taken for the whole list; if the "
        "shop has more of them than that, the others cannot be read", stacklevel=2,
    )
    return True


class Listing(Generic[R]):
    """A list at FlickRocket. It is read as it is used, page by page, and anew each time.

    >>> for product in client.products(fields=["title"]): ...  # doctest: +SKIP

    ``model``      type of its things
    ``raw_pages``  reads its pages as they come
    """

    def __init__(
        self, model: type[R], raw_pages: Callable[[], Iterator[list[dict[str, Any]]]], where: str, *,
        count: Callable[[], int] | None = None, fields: Sequence[str] | None = None,
        keep: Callable[[R], bool] | None = None,
    ) -> None:
        self.model = model
        self.raw_pages = raw_pages
        self._where = where
        self._count = count
        self._fields = fields
        self._keep = keep

    def pages(self) -> Iterator[list[R]]:
        """The things page by page. Errors: FlickRocketError."""
        for page in self.raw_pages():
            things = [typed(self.model, raw, self._where) for raw in page]
            yield things if self._keep is None else [thing for thing in things if self._keep(thing)]

    def __iter__(self) -> Iterator[R]:
        for page in self.pages():
            yield from page

    def count(self) -> int:
        """How many there are: FlickRocket's own count where it has one for this list, else the list is read."""
        return self._count() if self._count is not None else sum(len(page) for page in self.pages())

    def to_frame(self) -> pandas.DataFrame:
        """The whole list as a table, one row each: identifiers as text, money as Decimal."""
        return frame(self, self.model, self._fields)

    def __repr__(self) -> str:
        return f"<Listing of {self.model.__name__}, {self._where}>"


def unusual(what: str, where: str) -> FlickRocketError:
    """An answer that is not as documented: ``what`` goes on after "the answer"."""
    return FlickRocketError(f"the answer {what}", where=where, code="flickrocket.answer", mend=LOOK)


def _names(answer: Mapping[str, Any]) -> str:
    return ", ".join(f'"{cut(name)}"' for name in list(answer)[:5])


def _mark(thing: Mapping[str, Any]) -> str:
    """What tells a thing from others: its id, else all of it."""
    own = thing.get("id")
    return str(own) if own is not None else json.dumps(thing, sort_keys=True, default=str)
