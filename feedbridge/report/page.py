"""``report.html``: one page that opens from disk, fetches nothing and runs nothing but its own script.

What the feed says goes into the page as escaped text, or as JSON in a data block that the script shows as text. A strict
Content-Security-Policy with the hashes of the page's own script and style stands behind that.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec

from feedbridge.report.page_blob import Shown, blob
from feedbridge.report.page_data import Page
from feedbridge.report.page_html import Html, join, tag
from feedbridge.report.page_sections import body

__all__ = ["LOGIN", "MOST_BYTES", "csp_hash", "render_page"]

MOST_BYTES = 2_000_000
"""A page is always smaller."""
LOGIN = re.compile(r"""(https?:(?:\\*/){1,3})[^\s/"'<>?#]+@""", re.IGNORECASE)
"""``user:password@`` of an address anywhere in the page, which is passed on by people."""
SAMPLES_BYTES = 800_000
"""Where not all fits, samples leave the rest of the page to findings."""


def render_page(page: Page) -> bytes:
    """The page as UTF-8 HTML, smaller than ``MOST_BYTES``.

    Where all would not fit, the last samples are left out and then the last findings of each code; the page says so.
    The same data gives the same bytes. Raises nothing for any text of a feed.
    """
    assets = files("feedbridge.report")
    style = assets.joinpath("page.css").read_text(encoding="utf-8")
    script = "".join(assets.joinpath(name).read_text(encoding="utf-8") for name in ("page_shared.js", "page.js"))

    def draw(shown: Shown) -> bytes:
        return _document(page, shown, style, script)

    def fits(per_code: int, samples: int) -> bool:
        return len(draw(Shown(per_code, samples))) < MOST_BYTES

    per_code, samples = max(_per_code(page.findings).values(), default=0), len(page.samples)
    whole = draw(Shown(per_code, samples))
    if len(whole) < MOST_BYTES:
        return whole
    few = _largest(0, samples, lambda n: len(draw(Shown(0, n))) < SAMPLES_BYTES)
    findings = _largest(0, per_code, lambda n: fits(n, few))
    return draw(Shown(findings, few if findings < per_code else _largest(few, samples, lambda n: fits(findings, n))))


def _largest(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """The largest number from ``low`` (which fits) that fits."""
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _per_code(findings: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in findings:
        code = finding.get("code", "")
        counts[code] = counts.get(code, 0) + 1
    return counts


def _document(page: Page, shown: Shown, style: str, script: str) -> bytes:
    findings = shown.findings(page.findings)
    left = msgspec.structs.replace(page, findings=findings, samples=page.samples[: shown.samples])
    policy = (
        f"default-src 'none'; script-src '{csp_hash(script)}'; style-src '{csp_hash(style)}'; img-src http: https: file: 'self'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"feedbridge {page.version}"),
        tag("title", "Feed report"),
        tag("style", Html(style)),
    )
    inside = join(
        [
            body(left, samples_dropped=len(page.samples) - len(left.samples)),
            tag("script", Html(blob(left)), type="application/json", id="data"),
            tag("script", Html(script)),
        ]
    )
    whole = f'<!doctype html>\n<html lang="en">\n{head}\n{tag("body", inside)}\n</html>\n'
    return LOGIN.sub(r"\1***@", whole).encode("utf-8", "backslashreplace")


def csp_hash(text: str) -> str:
    """What a Content-Security-Policy allows a script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
