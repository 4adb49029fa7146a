"""The sections of the report page that show findings: held-back products, findings by code and one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from feedbridge.findings import Severity
from feedbridge.report.page_charts import bar
from feedbridge.report.page_data import Page
from feedbridge.report.page_html import Html, cut_to, join, tag
from feedbridge.report.page_pieces import (
    FINDINGS_FILE,
    LIST,
    NAME_CHARS,
    ORDER,
    by_severity,
    data_table,
    file_link,
    total_findings,
)

__all__ = ["FIRST_FINDINGS", "findings_section", "held_section"]

FIRST_FINDINGS = 25
"""Findings that are in the page's HTML; the script shows as many at a time."""
HELD = 12
"""Held-back records in their own table; the findings have the others."""
HEADS = (
    ("severity", "Severity"),
    ("code", "Code"),
    ("place", "Place"),
    ("sku", "SKU"),
    ("field", "Field"),
    ("value", "Value"),
    ("message", "Problem and remedy"),
)


# --- held back


def held_section(page: Page) -> Html | None:
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
    where = [file_link(path) for path in page.quarantine[: LIST // 10]]
    return join(
        [
            tag(
                "p",
                "A product with an error is not written, so that nothing wrong reaches a shop. Mend the cells named here "
                "and convert again",
                *([", or mend the held-back records alone: ", join(where, ", ")] if where else []),
                ".",
            ),
            data_table("Records with errors", ("SKU", "Place", "Held back from", "Why"), rows, "held") if rows else None,
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


def findings_section(page: Page) -> Html | None:
    total = total_findings(page)
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
    return data_table("Findings by code", ("Severity", "Code", ("Count", "number"), "", ""), rows, "codes")


def _filters(page: Page, titles: dict[str, str]) -> Html:
    counts = by_severity(page)
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
