"""The sections of the report page, as HTML that says everything of weight before its script runs."""

from __future__ import annotations

from typing import Any

from feedbridge.report.page_charts import stacked
from feedbridge.report.page_data import Page, PlatformPart
from feedbridge.report.page_figures import completeness_section, prices_section, score_section
from feedbridge.report.page_findings import findings_section, held_section
from feedbridge.report.page_html import Html, cut_to, join, tag
from feedbridge.report.page_pieces import (
    FINDINGS_FILE,
    LIST,
    NAME_CHARS,
    ORDER,
    and_more,
    by_severity,
    counted,
    data_table,
    file_link,
    size_text,
    total_findings,
)

__all__ = ["body"]

PARTS = (("part-written", "written"), ("part-excluded", "left out"), ("part-held", "held back"))


def body(page: Page, *, samples_dropped: int) -> Html:
    """Everything inside ``<body>`` but the scripts."""
    sections = [
        ("result", "Result", _result(page)),
        ("held", "Held-back products", held_section(page)),
        ("findings", "Findings", findings_section(page)),
        ("samples", "Sample products", _samples(page, samples_dropped)),
        ("score", "Feed score", score_section(page)),
        ("completeness", "Completeness", completeness_section(page)),
        ("prices", "Prices", prices_section(page)),
        ("sources", "Inputs and mapping", _sources(page)),
    ]
    shown = [(name, title, inside) for name, title, inside in sections if inside is not None]
    return join(
        [
            tag("a", "Skip to the result", href="#result", class_="skip"),
            _header(page),
            tag(
                "nav",
                tag("ul", *(tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in shown)),
                class_="contents",
                aria_label="Sections of this page",
            ),
            tag(
                "main",
                *(
                    tag(
                        "section",
                        tag("h2", title, id=f"{name}-title"),
                        inside,
                        id=name,
                        aria_labelledby=f"{name}-title",
                        tabindex="-1",
                    )
                    for name, title, inside in shown
                ),
            ),
            tag(
                "footer",
                tag(
                    "p",
                    f"Made by feedbridge {page.version}. The whole run in numbers: ",
                    Html('<a href="manifest.json">manifest.json</a>; every finding: '),
                    FINDINGS_FILE,
                    ".",
                ),
            ),
        ]
    )


def _header(page: Page) -> Html:
    names = [cut_to(one.name, NAME_CHARS) for one in page.inputs[:3]]
    more = f" and {len(page.inputs) - 3} more" if len(page.inputs) > 3 else ""
    mapped = ", ".join(cut_to(one.shown or one.name, NAME_CHARS) for one in page.mappings[:3])
    return tag(
        "header",
        tag(
            "div",
            tag("p", "feedbridge", class_="wordmark"),
            tag("h1", "Feed report"),
            tag(
                "p",
                tag("strong", tag("bdi", ", ".join(names)), more),
                *([" read with ", mapped] if mapped else []),
                class_="of",
            )
            if names
            else None,
        ),
        tag("button", "Dark", type="button", id="theme", class_="quiet", hidden=True),
        class_="top",
    )


# --- result


def _result(page: Page) -> Html:
    return join(
        [
            tag("p", _verdict(page), class_="lead"),
            tag("div", *(_platform(part) for part in page.platforms), class_="platforms") if page.platforms else None,
            _severities(page),
        ]
    )


def _verdict(page: Page) -> str:
    if not page.platforms:
        return "No platform was asked for."
    read = max(part.read for part in page.platforms)
    held = any(part.held_back for part in page.platforms)
    written = sum(part.written for part in page.platforms)
    if not read:
        return "No products were found in the source."
    if not written:
        return f"{counted(read, 'product')} read, and none could be written."
    if held:
        each = ", ".join(
            f"{part.held_back:,} from {part.title or part.name}" for part in page.platforms if part.held_back
        )
        return f"{counted(read, 'product')} read. Held back: {each}. The findings name each with its reason and remedy."
    if any(part.excluded for part in page.platforms):
        return (
            f"{counted(read, 'product')} read. Nothing is held back; what was left out does not belong on its platform."
        )
    return f"{counted(read, 'product')} read, and all of them written."


def _platform(part: PlatformPart) -> Html:
    excluded = sum(part.excluded.values())
    numbers = (part.written, excluded, part.held_back)
    words = f"{part.read:,} read: " + ", ".join(f"{n:,} {word}" for n, (_, word) in zip(numbers, PARTS, strict=True))
    terms = [tag("div", tag("dt", "read"), tag("dd", f"{part.read:,}"), class_="term")]
    for sign, number, (name, word) in zip("=++", numbers, PARTS, strict=True):
        terms.append(
            tag(
                "div",
                tag("dt", tag("span", class_=f"key {name}"), word),
                tag("dd", tag("span", sign, class_="sign", aria_hidden="true"), f"{number:,}"),
                class_="term" if number else "term term-zero",
            )
        )
    notes = []
    for kind, number in sorted(part.excluded.items(), key=lambda one: (-one[1], one[0]))[:20]:
        notes.append(tag("li", f"{number:,} left out: ", tag("bdi", cut_to(kind, NAME_CHARS))))
    if len(part.excluded) > 20:
        notes.append(tag("li", f"and {len(part.excluded) - 20:,} more kinds left out"))
    if part.variants.get("read"):
        notes.append(tag("li", _variants(part.variants)))
    if part.files:
        notes.append(tag("li", _files(part)))
    return tag(
        "article",
        tag(
            "div",
            tag("h3", part.title or part.name),
            tag(
                "p",
                Html("feed score "),
                tag("a", tag("strong", f"{part.score:.1f}"), href="#score"),
                class_="score-line",
            )
            if part.score is not None
            else None,
            class_="platform-head",
        ),
        tag(
            "div",
            tag("dl", *terms, class_="equation"),
            stacked([(name, n) for (name, _), n in zip(PARTS, numbers, strict=True)], words),
            tag("ul", *notes, class_="notes") if notes else None,
        ),
        class_="platform",
    )


def _variants(variants: dict[str, Any]) -> str:
    excluded = variants.get("excluded") or 0
    left = sum(excluded.values()) if isinstance(excluded, dict) else excluded
    return (
        f"variants: {variants['read']:,} read = {variants.get('written', 0):,} written + {left:,} left out"
        f" + {variants.get('held_back', 0):,} held back"
    )


def _files(part: PlatformPart) -> Html:
    size = size_text(sum(number for _, number in part.files))
    if len(part.files) == 1:
        return join([file_link(part.files[0][0]), f", {size}"])
    return join([f"{len(part.files):,} files, {size}: ", file_link(part.files[0][0]), " …"])


def _severities(page: Page) -> Html | None:
    total = total_findings(page)
    if not total:
        return tag("p", "There are no findings: nothing in this feed called for a word.", class_="muted")
    counts = by_severity(page)
    said = [
        tag("li", tag("span", severity, class_=f"severity {severity}"), f" {counts[severity]:,}")
        for severity in ORDER
        if counts.get(severity)
    ]
    return tag(
        "ul",
        tag("li", tag("a", f"{total:,} findings" if total != 1 else "1 finding", href="#findings")),
        *said,
        class_="severities",
    )


# --- samples


def _samples(page: Page, dropped: int) -> Html | None:
    if not page.samples and not dropped:
        return None
    pictures = any(one.images for sample in page.samples for one in sample.platforms)
    return join(
        [
            tag(
                "p",
                "The same product before and after: the cells of the source, what feedbridge understood, and what each "
                "platform gets.",
            ),
            tag("p", f"{counted(dropped, 'sample')} left out, to keep this page small.", class_="cut")
            if dropped
            else None,
            tag(
                "div",
                tag("button", "Show pictures", type="button", id="pictures", aria_pressed="false"),
                tag(
                    "p", "Pictures come from the addresses in the feed. None is fetched before you ask.", class_="muted"
                ),
                class_="ask",
                hidden=True,
                id="ask",
            )
            if pictures
            else None,
            tag("div", id="products"),
            tag(
                "noscript",
                tag(
                    "ul",
                    *(
                        tag(
                            "li",
                            tag("bdi", cut_to(sample.sku, NAME_CHARS)),
                            " ",
                            tag("bdi", cut_to(sample.title, NAME_CHARS)),
                        )
                        for sample in page.samples[:LIST]
                    ),
                ),
            ),
        ]
    )


# --- sources


def _sources(page: Page) -> Html | None:
    parts: list[Html | None] = []
    if page.inputs:
        rows = [
            tag(
                "tr",
                tag(
                    "th",
                    tag("bdi", cut_to(one.name, NAME_CHARS)),
                    tag("p", "sha256 ", tag("code", cut_to(one.sha256, 64)), class_="about digest")
                    if one.sha256
                    else None,
                    scope="row",
                ),
                tag(
                    "td",
                    ", ".join(
                        cut_to(part, 60) for part in (one.format, one.encoding, _delimiter(one.delimiter)) if part
                    ),
                ),
                tag("td", f"{one.records:,}", class_="number"),
                tag("td", size_text(one.bytes), class_="number"),
            )
            for one in page.inputs[:LIST]
        ]
        parts += [
            tag("h3", "Inputs"),
            data_table("Inputs", ("File", "Read as", ("Records", "number"), ("Size", "number")), rows, "inputs"),
            and_more(len(page.inputs), "inputs"),
        ]
    if page.mappings:
        parts += [
            tag("h3", "Mapping"),
            tag(
                "ul",
                *(
                    tag(
                        "li",
                        tag("bdi", cut_to(one.shown or one.name, NAME_CHARS)),
                        " – recognised by its columns" if one.recognised else " – named on the command line",
                        class_="plain",
                    )
                    for one in page.mappings[:LIST]
                ),
            ),
        ]
    if page.decimals:
        parts += [
            tag("h3", "Decimal marks"),
            tag("ul", *(tag("li", tag("bdi", cut_to(text, 600))) for text in page.decimals[:LIST])),
            and_more(len(page.decimals), "columns"),
        ]
    unused = [(file, names) for file, names in page.unused_columns if names]
    if unused:
        parts += [tag("h3", "Columns the mapping uses nothing of")]
        for file, names in unused[: LIST // 4]:
            parts.append(
                tag(
                    "div",
                    tag(
                        "h4",
                        tag("bdi", cut_to(file, NAME_CHARS)),
                        tag("span", f" {counted(len(names), 'column')}", class_="muted"),
                    ),
                    tag("ul", *(tag("li", tag("bdi", cut_to(name, 120))) for name in names[:LIST]), class_="tags"),
                    and_more(len(names), "columns"),
                )
            )
        parts.append(and_more(len(unused), "files", LIST // 4))
    return join(parts) if parts else None


def _delimiter(text: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(text, text)
