"""Small pieces that the sections of the report page are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from feedbridge.findings import Severity
from feedbridge.report.page_data import Page
from feedbridge.report.page_html import Html, cut_to, tag

__all__ = [
    "FINDINGS_FILE", "LIST", "NAME_CHARS", "ORDER", "and_more", "by_severity", "counted", "data_table", "file_link",
    "size_text", "total_findings",
]

NAME_CHARS = 300
LIST = 200
"""Items of any list beside findings and samples; a list that is cut says how many there are."""
ORDER = {severity.value: number for number, severity in enumerate(Severity)}
FINDINGS_FILE = Html('<a href="findings.jsonl">findings.jsonl</a>')


def data_table(caption: str, heads: Iterable[str | tuple[str, str]], rows: Sequence[Html], name: str) -> Html:
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


def and_more(number: int, noun: str, most: int = LIST) -> Html | None:
    return tag("p", f"and {number - most:,} more {noun}", class_="muted") if number > most else None


def file_link(path: str) -> Html:
    """A file of the output folder; it stands beside the page."""
    return tag("a", cut_to(path, NAME_CHARS), href="./" + quote(path.encode("utf-8", "replace")))


def total_findings(page: Page) -> int:
    return max(sum(page.finding_counts.values()), len(page.findings))


def by_severity(page: Page) -> dict[str, int]:
    return dict(page.severity_counts) or dict(Counter(str(one.get("severity") or "") for one in page.findings))


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_text(number: int) -> str:
    """Bytes as people read them.

    >>> size_text(999), size_text(118_000_000)
    ('999 bytes', '118.0 MB')
    """
    if number < 1000:
        return f"{number} bytes"
    for unit in ("kB", "MB"):
        number, rest = divmod(number, 1000)
        if number < 1000:
            return f"{number}.{rest // 100} {unit}"
    return f"{number // 1000}.{number % 1000 // 100} GB"
