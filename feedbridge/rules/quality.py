"""Quality criteria: what makes a written product good, beyond being allowed. The feed score is made from them.

A criterion never holds a product back. Each costs points of the 100 a product begins with. Its test is a Python
expression on ``p``, the light product, true when the points are lost: a run asks all tests of all platforms in one
compiled function (run/statistics.py), and the platform's page shows them as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from feedbridge.product import Product

__all__ = [
    "MERCHANT",
    "PRACTICE",
    "WARNING_POINTS",
    "Quality",
    "has_cover",
    "has_description",
    "has_long_description",
    "has_several_pictures",
    "has_title_in_ordinary_case",
    "has_title_to_read",
]

MERCHANT = "Google Merchant Center Help, Product data specification"
PRACTICE = "feedbridge choice, after merchants' practice"
WARNING_POINTS = 5
"""What a rule's warning about a product costs where its platform names no other number."""
MIN_DESCRIPTION_CHARS = 80
MAX_TITLE_CHARS = 150


@dataclass(frozen=True, slots=True)
class Quality:
    """One criterion of a platform.

    ``number``   as Q1; a loss goes by ``<platform>.<number>``
    ``title``    what should hold, one sentence
    ``fields``   the canonical fields it looks at; the platform has a place for each
    ``points``   what a product loses, of 100
    ``test``     expression on ``p``: true when the points are lost
    ``why``      why it matters there
    ``source``   the page that says so, or whose practice it is
    ``mend``     what the user can do
    ``good``, ``bad``  fields of a Product laid over a minimal one, that keep and lose the points
    """

    number: str
    title: str
    fields: tuple[str, ...]
    points: int
    test: str
    why: str
    source: str
    mend: str
    good: dict[str, Any]
    bad: dict[str, Any]

    @property
    def stated(self) -> str:
        """The title where it heads products that lose by it: framed, as it says what should hold."""
        return f'wanted: "{" ".join(self.title.split())}"'

    def loses(self, product: Product) -> bool:
        """Whether a product (light or not) loses the points."""
        return bool(_compiled(self.test)(product))

    def read_fields(self) -> set[str]:
        """The product's fields the test looks at."""
        return {
            node.attr
            for node in ast.walk(ast.parse(self.test, mode="eval"))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "p"
        }


@cache
def _compiled(test: str) -> Callable[[Product], Any]:
    """A test as a function; for one product at a time."""
    made: Callable[[Product], Any] = eval(f"lambda p: {test}", {})
    return made


_PICTURE = {"src": "https://cdn.example.com/front.jpg"}
_LONG = "Made by hand in a small workshop by the sea, so no two pieces are quite alike, and none wears out."


def has_cover(number: str, points: int, *, why: str, source: str = PRACTICE, variants: bool = True) -> Quality:
    """A product has a picture. ``variants``: pictures of all of its variants will do."""
    test = "not p.images"
    if variants:
        test += " and (not p.variants or any([v.image is None for v in p.variants]))"
    return Quality(
        number, "A product has a picture.", ("images", "variants") if variants else ("images",), points, test,
        why, source, "give the product a picture, or map the column that holds its address",
        good={"images": [_PICTURE]}, bad={"images": []},
    )  # fmt: skip


def has_several_pictures(number: str, points: int, *, why: str, source: str = PRACTICE) -> Quality:
    """A product has more than one picture."""
    return Quality(
        number, "A product has more than one picture.", ("images",), points, "len(p.images) == 1", why, source,
        "add pictures from other sides, or map the columns that hold them",
        good={"images": [_PICTURE, {"src": "https://cdn.example.com/back.jpg"}]}, bad={"images": [_PICTURE]},
    )  # fmt: skip


def has_description(number: str, points: int, *, why: str, source: str = PRACTICE) -> Quality:
    """A product has a description."""
    return Quality(
        number, "A product has a description.", ("description",), points, "not p.description", why, source,
        "write a description, or map the column that holds it", good={"description": _LONG}, bad={"description": None},
    )  # fmt: skip


def has_long_description(number: str, points: int, *, why: str, source: str = PRACTICE) -> Quality:
    """A description has some length."""
    return Quality(
        number, f"A description has at least {MIN_DESCRIPTION_CHARS} characters.", ("description",), points,
        f"p.description and len(p.description) < {MIN_DESCRIPTION_CHARS}", why, source,
        "say what it is made of, its size and its use", good={"description": _LONG}, bad={"description": "A mug."},
    )  # fmt: skip


def has_title_in_ordinary_case(number: str, points: int, *, why: str, source: str = MERCHANT) -> Quality:
    """A title is not in capitals throughout (short ones may be a name: DVD, IKEA)."""
    return Quality(
        number, "A title is not written in capitals throughout.", ("title",), points,
        "len(p.title) > 8 and p.title.isupper()", why, source, "write it as in a sentence",
        good={"title": "Garden chair"}, bad={"title": "GARDEN CHAIR"},
    )  # fmt: skip


def has_title_to_read(number: str, points: int, *, why: str, source: str = MERCHANT) -> Quality:
    """A title can be taken in at a glance."""
    return Quality(
        number, f"A title has at most {MAX_TITLE_CHARS} characters.", ("title",), points,
        f"len(p.title) > {MAX_TITLE_CHARS}", why, source, "keep name, material and size, and move the rest elsewhere",
        good={"title": "Garden chair"}, bad={"title": "Garden chair, " * 12 + "oak"},
    )  # fmt: skip
