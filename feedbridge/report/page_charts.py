"""Bars and histograms of the report page: inline SVG without text or style, so it takes any width and both themes."""

from __future__ import annotations

from collections.abc import Sequence

from feedbridge.report.page_html import Html, join, tag

__all__ = ["bar", "histogram", "share", "stacked"]

WIDTH = 1000
"""Units across a bar; the browser stretches them to the width there is."""
SLIVER = 8
"""A part that is not zero is at least this wide, or a handful among thousands would not be seen."""


def stacked(parts: Sequence[tuple[str, int]], label: str) -> Html:
    """One bar of several parts: ``parts`` are (class, number), ``label`` says the same in words."""
    shown = [(name, number) for name, number in parts if number > 0]
    total = sum(number for _, number in shown)
    widths = [max(SLIVER, number * WIDTH // total) for _, number in shown]
    if widths:
        largest = widths.index(max(widths))
        widths[largest] += WIDTH - sum(widths)
    rects, at = [], 0
    for (name, _), width in zip(shown, widths, strict=True):
        last = at + width >= WIDTH
        rects.append(tag("rect", x=at, y=0, width=width if last else width - 3, height=10, class_=name))
        at += width
    return _svg("bar bar-stacked", WIDTH, 10, label, rects)


def bar(number: float, most: float, label: str | None, name: str = "part-fill") -> Html:
    """One bar on its track, ``number`` of ``most``; without a label it is decoration beside the number it draws."""
    width = 0 if most <= 0 or number <= 0 else min(WIDTH, max(SLIVER, round(number * WIDTH / most)))
    rects = [tag("rect", x=0, y=0, width=WIDTH, height=10, class_="part-track")]
    if width:
        rects.append(tag("rect", x=0, y=0, width=width, height=10, class_=name))
    return _svg("bar", WIDTH, 10, label, rects)


def histogram(bins: Sequence[tuple[str, int]], label: str) -> Html:
    """Upright bars side by side: ``bins`` are (what a pointer shows, number)."""
    most = max((number for _, number in bins), default=0)
    rects = []
    for at, (title, number) in enumerate(bins):
        height = 0 if not number else max(2, number * 100 // most)
        rects.append(
            tag(
                "g",
                tag("title", title),
                tag("rect", x=at * 10, y=0, width=10, height=100, class_="part-none"),
                tag("rect", x=at * 10 + 1, y=100 - height, width=8, height=height, class_="part-fill"),
            )
        )
    return _svg("histogram", len(bins) * 10 or 10, 100, label, rects)


def share(number: int, of: int) -> str:
    """A share in percent that is 100 or 0 only when it is all or none.

    >>> share(9999, 10_000), share(1, 10_000), share(3, 11), share(11, 11)
    ('99.9 %', '0.1 %', '27.3 %', '100 %')
    """
    if not of:
        return "–"
    if number in (0, of):
        return "100 %" if number else "0 %"
    tenths = min(999, max(1, (number * 2000 // of + 1) // 2))
    return f"{tenths // 10}.{tenths % 10} %"


def _svg(name: str, width: int, height: int, label: str | None, children: Sequence[Html]) -> Html:
    told = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return tag(
        "svg",
        join(children),
        class_=name,
        viewBox=f"0 0 {width} {height}",
        preserveAspectRatio="none",
        focusable="false",
        **told,
    )
