"""HTML built so that text cannot become markup: whatever is not ``Html`` already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

from feedbridge.report.plain import showable

__all__ = ["Html", "cut_to", "join", "tag", "tidy"]

VOID = frozenset({"br", "col", "input", "link", "meta"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def tidy(text: object) -> Html:
    r"""Text as HTML: escaped, on one line, with everything that steers or hides spelt out.

    >>> tidy('<b title="x">\u202e')
    '&lt;b title=&quot;x&quot;&gt;\\u202e'
    """
    return text if isinstance(text, Html) else Html(html.escape(showable(str(text))))


def tag(element: str, /, *children: object, **attributes: object) -> Html:
    """An element. ``None`` and ``False`` leave an attribute (or child) out, ``True`` writes its name only.

    >>> tag("a", "R&D", href="x", class_="link", aria_label=None)
    '<a href="x" class="link">R&amp;D</a>'
    """
    head = element
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        head += f" {key}" if value is True else f' {key}="{tidy(value)}"'
    if element in VOID:
        return Html(f"<{head}>")
    return Html(f"<{head}>{join(children)}</{element}>")


def join(children: Iterable[object], between: str = "") -> Html:
    """Children one after the other, each escaped unless it is markup; None is left out."""
    return Html(tidy(between).join(tidy(child) for child in children if child is not None and child is not False))


def cut_to(text: str, most: int) -> str:
    """The text, at most ``most`` characters long, with an ellipsis where it was cut.

    >>> cut_to("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"
