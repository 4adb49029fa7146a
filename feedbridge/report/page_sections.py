"""The sections of the report page, as HTML that says everything of weight before its script runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from feedbridge.findings import Severity
from feedbridge.report.page_charts import bar, histogram, share, stacked
from feedbridge.report.page_data import Loss, Page, PlatformPart, PriceSpread
from feedbridge.report.page_html import Html, cut_to, join, tag

__all__ = ["FIRST_FINDINGS", "body"]

FIRST_FINDINGS = 25
"""Findings that are in the page's HTML; the script shows as many at a time."""
NAME_CHARS = 300
HELD = 12
"""Held-back records in their own table; the findings have the others."""
LIST = 200
"""Items of any list beside findings and samples; a list that is cut says how many there are."""
ORDER = {severity.value: number for number, severity in enumerate(Severity)}
HEADS = (
    ("severity", "Severity"),
    ("code", "Code"),
    ("place", "Place"),
    ("sku", "SKU"),
    ("field", "Field"),
    ("value", "Value"),
    ("message", "Problem and remedy"),
)
FINDINGS_FILE = Html('<a href="findings.jsonl">findings.jsonl</a>')
PARTS = (("part-written", "written"), ("part-excluded", "left out"), ("part-held", "held back"))


def body(page: Page, *, samples_dropped: int) -> Html:
    """Everything inside ``<body>`` but the scripts."""
    sections = [
        ("result", "Result", _result(page)),
        ("held", "Held-back products", _held(page)),
        ("findings", "Findings", _findings(page)),
        ("samples", "Sample products", _samples(page, samples_dropped)),
        ("score", "Feed score", _scores(page)),
        ("completeness", "Completeness", _completeness(page)),
        ("prices", "Prices", _prices(page)),
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
        return f"{_count(read, 'product')} read, and none could be written."
    if held:
        each = ", ".join(
            f"{part.held_back:,} from {part.title or part.name}" for part in page.platforms if part.held_back
        )
        return f"{_count(read, 'product')} read. Held back: {each}. The findings name each with its reason and remedy."
    if any(part.excluded for part in page.platforms):
        return (
            f"{_count(read, 'product')} read. Nothing is held back; what was left out does not belong on its platform."
        )
    return f"{_count(read, 'product')} read, and all of them written."


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
    size = _size(sum(number for _, number in part.files))
    if len(part.files) == 1:
        return join([_link(part.files[0][0]), f", {size}"])
    return join([f"{len(part.files):,} files, {size}: ", _link(part.files[0][0]), " …"])


def _severities(page: Page) -> Html | None:
    total = _total(page)
    if not total:
        return tag("p", "There are no findings: nothing in this feed called for a word.", class_="muted")
    counts = _by_severity(page)
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


# --- held back


def _held(page: Page) -> Html | None:
    held = sum(part.held_back for part in page.platforms)
    if not held:
        return None
    products: dict[tuple[str, int, str, str], list[dict[str, Any]]] = {}
    for finding in page.findings:
        if finding.get("severity") == Severity.ERROR and (
            finding.get("line") or finding.get("pointer") or finding.get("sku")
        ):
            key = (
                str(finding.get("file") or ""),
                int(finding.get("line") or 0),
                str(finding.get("sku") or ""),
                str(finding.get("platform") or ""),
            )
            products.setdefault(key, []).append(finding)
    titles = {part.name: part.title or part.name for part in page.platforms}
    rows = [
        tag(
            "tr",
            tag(
                "th", tag("bdi", cut_to(sku, NAME_CHARS)) if sku else tag("span", "no SKU", class_="muted"), scope="row"
            ),
            tag("td", tag("bdi", _place(found[0])), class_="place"),
            tag("td", titles.get(platform, platform) if platform else "every platform", class_="from"),
            tag(
                "td",
                *(tag("p", tag("bdi", cut_to(str(one.get("message") or ""), 400))) for one in found[:3]),
                tag("p", f"and {len(found) - 3} more", class_="muted") if len(found) > 3 else None,
                class_="why",
            ),
        )
        for (_, _, sku, platform), found in list(products.items())[:HELD]
    ]
    where = [_link(path) for path in page.quarantine[: LIST // 10]]
    return join(
        [
            tag(
                "p",
                "A product with an error is not written, so that nothing wrong reaches a shop. Mend the cells named here "
                "and convert again",
                *([", or mend the held-back records alone: ", join(where, ", ")] if where else []),
                ".",
            ),
            _table("Records with errors", ("SKU", "Place", "Held back from", "Why"), rows, "held") if rows else None,
            tag(
                "p",
                f"{len(rows):,} records shown here. ",
                tag(
                    "button",
                    "All errors among the findings",
                    type="button",
                    class_="link",
                    data_severity="error",
                    hidden=True,
                ),
                class_="muted",
            )
            if len(products) > len(rows)
            else None,
        ]
    )


# --- findings


def _findings(page: Page) -> Html | None:
    total = _total(page)
    if not total:
        return None
    shown = len(page.findings)
    cut = (
        tag(
            "p",
            f"{shown:,} of {total:,} shown: the first of each code. The rest is in ",
            FINDINGS_FILE,
            ".",
            class_="cut",
            id="cut",
        )
        if shown < total
        else None
    )
    first = page.findings[:FIRST_FINDINGS]
    titles = {part.name: part.title or part.name for part in page.platforms}
    return join(
        [
            cut,
            tag("h3", "By code"),
            _codes(page),
            tag("h3", "One by one", id="one-by-one", tabindex="-1"),
            _filters(page, titles),
            tag(
                "p",
                f"The first {len(first)} of {total:,}." if len(first) < total else "",
                id="count",
                role="status",
                class_="count",
            ),
            tag(
                "div",
                tag(
                    "table",
                    tag("caption", "Findings, each with its place, value and remedy", class_="unseen"),
                    tag(
                        "thead",
                        tag(
                            "tr",
                            *(
                                tag("th", title, scope="col", role="columnheader", data_sort=name, class_=f"col-{name}")
                                for name, title in HEADS
                            ),
                            role="row",
                        ),
                        role="rowgroup",
                    ),
                    tag("tbody", *(_finding(one, titles) for one in first), role="rowgroup", id="rows"),
                    class_="findings",
                    role="table",
                ),
                class_="scroll",
                tabindex="0",
                role="region",
                aria_label="Findings, one by one",
            ),
            tag(
                "div",
                tag("button", "Previous", type="button", id="previous", class_="quiet"),
                tag("span", "", id="pages", class_="muted"),
                tag("button", "Next", type="button", id="next", class_="quiet"),
                class_="pager",
                id="pager",
                hidden=True,
            ),
        ]
    )


def _codes(page: Page) -> Html:
    heaviest: dict[str, str] = {}
    for finding in page.findings:
        code, severity = str(finding.get("code") or ""), str(finding.get("severity") or "")
        if code not in heaviest or ORDER.get(severity, 9) < ORDER.get(heaviest[code], 9):
            heaviest[code] = severity
    counts = dict(page.finding_counts)
    for code, number in Counter(str(one.get("code") or "") for one in page.findings).items():
        counts[code] = max(counts.get(code, 0), number)
    codes = sorted(counts, key=lambda code: (ORDER.get(heaviest.get(code, ""), 9), -counts[code], code))
    most = max(counts.values())
    rows = [
        tag(
            "tr",
            tag("td", tag("span", heaviest[code], class_=f"severity {heaviest[code]}") if code in heaviest else "–"),
            tag(
                "th",
                tag("code", code),
                tag("p", tag("bdi", cut_to(page.about.get(code, ""), 600)), class_="about"),
                scope="row",
            ),
            tag("td", f"{counts[code]:,}", class_="number"),
            tag("td", bar(counts[code], most, None, f"part-{heaviest.get(code, 'fill')}"), class_="meter"),
            tag(
                "td",
                tag(
                    "button",
                    "Show",
                    tag("span", f" findings of {code}", class_="unseen"),
                    type="button",
                    class_="quiet",
                    data_code=code,
                    hidden=True,
                )
                if code in heaviest
                else None,
                class_="act",
            ),
        )
        for code in codes[:LIST]
    ]
    return _table("Findings by code", ("Severity", "Code", ("Count", "number"), "", ""), rows, "codes")


def _filters(page: Page, titles: dict[str, str]) -> Html:
    counts = _by_severity(page)
    platforms = dict.fromkeys(str(one.get("platform") or "") for one in page.findings)
    codes = sorted({str(one.get("code") or "") for one in page.findings})
    return tag(
        "form",
        tag(
            "fieldset",
            tag("legend", "Severity"),
            *(
                tag(
                    "label",
                    Html(f'<input type="checkbox" name="severity" value="{severity}" checked>'),
                    tag("span", severity, class_=f"severity {severity}"),
                    f" {counts[severity]:,}",
                    class_="chip",
                )
                for severity in ORDER
                if counts.get(severity)
            ),
        ),
        tag(
            "label",
            tag("span", "Platform", class_="label"),
            tag(
                "select",
                tag("option", "All", value="*"),
                *(
                    tag("option", titles.get(name, name) if name else "Every platform", value=name)
                    for name in sorted(platforms)
                ),
                id="platform",
            ),
        )
        if len(platforms) > 1
        else None,
        tag(
            "label",
            tag("span", "Code", class_="label"),
            tag(
                "select",
                tag("option", "All", value="*"),
                *(tag("option", code, value=code) for code in codes),
                id="code",
            ),
        )
        if len(codes) > 1
        else None,
        tag(
            "label",
            tag("span", "Text", class_="label"),
            Html(
                '<input type="search" id="text" placeholder="SKU, column, value …" autocomplete="off" spellcheck="false">'
            ),
            class_="grow",
        ),
        tag("button", "Reset", type="reset", class_="quiet"),
        class_="filters",
        id="filters",
        role="search",
        aria_label="Filter the findings",
        hidden=True,
    )


def _finding(finding: dict[str, Any], titles: dict[str, str]) -> Html:
    """A row as the script makes it too (``row`` in page.js). What concerns the whole file names its fields in the message."""

    def of(name: str) -> str:
        return cut_to(str(finding.get(name) or ""), 1000)

    platform = of("platform")
    cells = {
        "severity": tag("span", of("severity"), class_=f"severity {of('severity')}"),
        "code": join(
            [tag("code", of("code")), tag("p", titles.get(platform, platform), class_="muted") if platform else None]
        ),
        "place": join(
            [tag("bdi", _place(finding)), tag("p", tag("bdi", of("column")), class_="muted") if of("column") else None]
        ),
        "sku": tag("bdi", of("sku")),
        "field": tag("code", of("field") if finding.get("line") or finding.get("pointer") else ""),
        "value": tag("bdi", of("value")),
        "message": join(
            [
                tag("p", tag("bdi", of("message"))),
                tag("p", "Remedy: ", tag("bdi", of("mend")), class_="mend") if of("mend") else None,
            ]
        ),
    }
    return tag(
        "tr",
        *(tag("td", cells[name], role="cell", class_=f"col-{name}", data_label=title) for name, title in HEADS),
        role="row",
    )


def _place(finding: dict[str, Any]) -> str:
    """File, line and JSON Pointer; the column stands beneath."""
    line, pointer = finding.get("line"), finding.get("pointer")
    text = cut_to(str(finding.get("file") or ""), NAME_CHARS)
    return text + (f":{line}" if line else "") + (f"#{cut_to(str(pointer), NAME_CHARS)}" if pointer else "")


# --- samples, score, completeness, prices


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
            tag("p", f"{_count(dropped, 'sample')} left out, to keep this page small.", class_="cut")
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


def _scores(page: Page) -> Html | None:
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
    return _table(
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


def _completeness(page: Page) -> Html | None:
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
            _more(len(page.completeness), "fields"),
        ]
    )


def _prices(page: Page) -> Html | None:
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
        tag("h3", currency, tag("span", f" {_count(number, 'price')}", class_="muted") if number else None),
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
    table = _table(
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
                tag("td", _size(one.bytes), class_="number"),
            )
            for one in page.inputs[:LIST]
        ]
        parts += [
            tag("h3", "Inputs"),
            _table("Inputs", ("File", "Read as", ("Records", "number"), ("Size", "number")), rows, "inputs"),
            _more(len(page.inputs), "inputs"),
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
            _more(len(page.decimals), "columns"),
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
                        tag("span", f" {_count(len(names), 'column')}", class_="muted"),
                    ),
                    tag("ul", *(tag("li", tag("bdi", cut_to(name, 120))) for name in names[:LIST]), class_="tags"),
                    _more(len(names), "columns"),
                )
            )
        parts.append(_more(len(unused), "files", LIST // 4))
    return join(parts) if parts else None


def _delimiter(text: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(text, text)


# --- small pieces


def _table(caption: str, heads: Iterable[str | tuple[str, str]], rows: Sequence[Html], name: str) -> Html:
    cells = []
    for head in heads:
        title, class_ = head if isinstance(head, tuple) else (head, None)
        cells.append(tag("th", title, scope="col", class_=class_) if title else tag("td"))
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption, class_="unseen"),
            tag("thead", tag("tr", *cells)),
            tag("tbody", *rows),
            class_=name,
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _more(number: int, noun: str, most: int = LIST) -> Html | None:
    return tag("p", f"and {number - most:,} more {noun}", class_="muted") if number > most else None


def _link(path: str) -> Html:
    """A file of the output folder; it stands beside the page."""
    return tag("a", cut_to(path, NAME_CHARS), href="./" + quote(path.encode("utf-8", "replace")))


def _total(page: Page) -> int:
    return max(sum(page.finding_counts.values()), len(page.findings))


def _by_severity(page: Page) -> dict[str, int]:
    return dict(page.severity_counts) or dict(Counter(str(one.get("severity") or "") for one in page.findings))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _size(number: int) -> str:
    """Bytes as people read them.

    >>> _size(999), _size(118_000_000)
    ('999 bytes', '118.0 MB')
    """
    if number < 1000:
        return f"{number} bytes"
    for unit in ("kB", "MB"):
        number, rest = divmod(number, 1000)
        if number < 1000:
            return f"{number}.{rest // 100} {unit}"
    return f"{number // 1000}.{number % 1000 // 100} GB"
