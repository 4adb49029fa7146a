"""The sections of the report page that show figures: feed score, completeness, prices."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from feedbridge.report.page_charts import bar, histogram, share
from feedbridge.report.page_data import Loss, Page, PlatformPart, PriceSpread
from feedbridge.report.page_html import Html, cut_to, join, tag
from feedbridge.report.page_pieces import LIST, NAME_CHARS, and_more, counted, data_table

__all__ = ["completeness_section", "prices_section", "score_section"]


def score_section(page: Page) -> Html | None:
    parts = [part for part in page.platforms if part.score is not None]
    if not parts:
        return None
    return join(
        [
            tag(
                "p",
                "How much of what each platform wants is there, from 0 to 100 points. The rules that cost most stand first.",
            ),
            *(tag("article", _score(part, page.finding_counts), class_="score") for part in parts),
        ]
    )


def _score(part: PlatformPart, counts: dict[str, int]) -> Html:
    title = part.title or part.name
    bins = [(f"{at * 10}–{at * 10 + 10}", number) for at, number in enumerate(part.score_bins[:10])]
    return join(
        [
            tag(
                "div",
                tag("h3", title),
                tag("p", tag("strong", f"{part.score:.1f}"), tag("span", " of 100"), class_="big"),
                _figure(bins, f"{title}: products by score", ("0", "50", "100"), "Score", "Products")
                if any(n for _, n in bins)
                else None,
                class_="score-head",
            ),
            _losses(part, counts)
            if part.losses
            else tag("p", "No rule costs this feed a point.", class_="muted")
            if part.score == 100
            else None,
        ]
    )


def _losses(part: PlatformPart, counts: dict[str, int]) -> Html:
    losses = sorted(part.losses, key=lambda one: (-one.points, -one.products, one.code))
    most = max(one.points for one in losses)
    rows = [
        tag(
            "tr",
            tag(
                "th",
                tag("bdi", cut_to(one.title or one.code, NAME_CHARS)),
                tag("p", _code_of(one, counts), class_="about"),
                scope="row",
            ),
            tag("td", _points(one.points), class_="number", data_label="Points lost"),
            tag("td", bar(one.points, most, None), class_="meter"),
            tag("td", f"{one.products:,}", class_="number", data_label="Products one fix lifts"),
            tag("td", tag("bdi", cut_to(one.mend, 600)), class_="remedy"),
        )
        for one in losses[: LIST // 4]
    ]
    return data_table(
        f"{part.title or part.name}: points lost by rule",
        ("Rule", ("Points lost", "number"), "", ("Products one fix lifts", "number"), "Remedy"),
        rows,
        "losses",
    )


def _code_of(loss: Loss, counts: dict[str, int]) -> Html:
    """The code; the script makes a button of one that has findings."""
    return tag("code", loss.code, data_code=loss.code if loss.code in counts else None)


def _points(points: float) -> str:
    return "under 0.1" if 0 < points < 0.05 else f"{points:.1f}"


def completeness_section(page: Page) -> Html | None:
    if not page.completeness:
        return None
    rows = [
        tag(
            "li",
            tag(
                "span",
                tag("bdi", cut_to(one.title or one.field, 120)),
                tag("code", cut_to(one.field, 120)) if one.title and one.title != one.field else None,
                class_="field",
            ),
            tag("span", share(one.filled, one.of), class_="number"),
            bar(one.filled, one.of, None),
            tag("span", f"{one.filled:,} of {one.of:,}", class_="muted number"),
        )
        for one in page.completeness[:LIST]
    ]
    return join(
        [
            tag("p", "How many products have a value in each field."),
            tag("ul", *rows, class_="fields"),
            and_more(len(page.completeness), "fields"),
        ]
    )


def prices_section(page: Page) -> Html | None:
    if not page.prices:
        return None
    return tag("div", *(_spread(one) for one in page.prices[:12]), class_="spreads")


def _spread(spread: PriceSpread) -> Html:
    currency = cut_to(spread.currency, 20)
    bins = [(f"{low} – {high}", number) for low, high, number in spread.bins[:100]]
    number = sum(count for _, _, count in spread.bins)
    half, odd = divmod(len(bins), 2)
    ends = (spread.bins[0][0], "" if odd else spread.bins[half][0], spread.bins[-1][1]) if bins else ("", "", "")
    facts = (("Least", spread.least), ("Median", spread.median), ("Most", spread.most))
    return tag(
        "article",
        tag("h3", currency, tag("span", f" {counted(number, 'price')}", class_="muted") if number else None),
        tag(
            "dl",
            *(tag("div", tag("dt", name), tag("dd", cut_to(value, 60))) for name, value in facts if value),
            class_="facts",
        ),
        _figure(bins, f"Prices in {currency}", ends, "Price", "Number", _steps(spread)) if bins else None,
    )


def _steps(spread: PriceSpread) -> str:
    """A word where the bars are not of one width in money, or the picture would mislead."""
    try:
        widths = [Decimal(high) - Decimal(low) for low, high, _ in spread.bins]
    except InvalidOperation:
        return ""
    return ". The steps grow with the price." if widths[-1] > 2 * widths[0] else ""


def _figure(
    bins: Sequence[tuple[str, int]], title: str, ends: tuple[str, str, str], what: str, number: str, note: str = ""
) -> Html:
    fullest = max(bins, key=lambda one: one[1])
    label = f"{title}, a histogram. Most: {fullest[0]} with {fullest[1]:,}."
    table = data_table(
        title,
        (what, (number, "number")),
        [
            tag("tr", tag("th", name, scope="row", class_="number"), tag("td", f"{count:,}", class_="number"))
            for name, count in bins
        ],
        "plain",
    )
    return tag(
        "figure",
        histogram(bins, label),
        tag("div", *(tag("span", end) for end in ends), class_="ends", aria_hidden="true"),
        tag("figcaption", f"Most: {fullest[0]} ({fullest[1]:,})", note),
        tag("details", tag("summary", "As a table"), table),
    )
