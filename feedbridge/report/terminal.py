"""Findings and counts for the person at the terminal. Goes to stderr; stdout is data.

Plain text for pipes, files, ``NO_COLOR`` and ``TERM=dumb``; coloured by rich otherwise. rich is imported
only then, so that ``feedbridge --help`` stays quick.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from feedbridge.findings import Finding, Severity
from feedbridge.report.catalogue import CATALOGUE
from feedbridge.report.plain import fit, showable

__all__ = ["Paper", "coloured", "render_findings", "render_summary"]

PART_CHARS = 1000
"""A message longer than this is cut on the screen; findings.jsonl has all of it."""
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}
Span = tuple[str, str]
"""Text and its rich style."""
COLUMNS = ("products", "read", "written", "left out", "held back")


def coloured(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Whether to colour: a terminal, and neither ``NO_COLOR`` (https://no-color.org) nor ``TERM=dumb``."""
    environment = os.environ if environment is None else environment
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return stream.isatty()


def render_findings(
    findings: Iterable[Finding], *, total: Mapping[str, int], limit: int, stream: TextIO, width: int | None = None,
    about: Mapping[str, str] = CATALOGUE, environment: Mapping[str, str] | None = None,
) -> None:
    """Show the findings by code: errors first, then warnings, then advice; within each the most frequent first.

    ``findings``  all of them or a sample, in file order; they are read once and at most ``limit`` a code are kept
    ``total``     the complete count by code: shown also where ``findings`` holds fewer
    ``limit``     examples a code
    ``width``     columns to wrap at; None leaves lines whole, as grep wants them
    ``about``     what a code means, for the head line of its examples
    """
    examples: dict[tuple[Severity, str], list[Finding]] = {}
    seen: dict[tuple[Severity, str], int] = {}
    codes: dict[str, int] = {}
    for finding in findings:
        key = (finding.severity, finding.code)
        kept = examples.setdefault(key, [])
        if len(kept) < limit:
            kept.append(finding)
        seen[key] = seen.get(key, 0) + 1
        codes[finding.code] = codes.get(finding.code, 0) + 1
    counts = dict(seen)
    for code, number in total.items():
        missing = number - codes.get(code, 0)
        if missing > 0:
            # Not in the sample: counted to the heaviest severity the code was seen with, errors when never seen.
            key = next(((s, code) for s in Severity if (s, code) in counts), (Severity.ERROR, code))
            counts[key] = counts.get(key, 0) + missing

    paper = Paper(stream, width, environment)
    order = list(Severity)
    for severity, code in sorted(counts, key=lambda key: (order.index(key[0]), -counts[key], key[1])):
        shown = examples.get((severity, code), [])
        number = counts[severity, code]
        _head(paper, severity, code, number, about.get(code, ""))
        for finding in shown:
            _example(paper, finding, about.get(code, ""))
        if number > len(shown):
            more = f"... and {number - len(shown):,} more" if shown else f"{number:,}"
            paper.line(("  ", ""), (f"{more}, all in findings.jsonl", "dim"))
        paper.line()


def _head(paper: Paper, severity: Severity, code: str, number: int, about: str) -> None:
    noun = severity.value if number == 1 or severity is Severity.ADVICE else f"{severity.value}s"
    text = f"{', ' if about.startswith('rule: ') else ': '}{about}" if about else ""
    paper.line((f"{number:,} {noun}", STYLES[severity]), (f" [{code}]{text}", "bold"))


def _example(paper: Paper, finding: Finding, about: str) -> None:
    """One finding; what its head line has said already is left out."""
    place = finding.place()
    message = finding.message.removesuffix(f"; {about}")
    paper.line((f"{place}: " if place else "", "cyan"), (_cut(message), ""), (f" [{finding.code}]", "dim"))
    if finding.mend:
        paper.line(("  mend: ", "green"), (_cut(finding.mend), ""))


def _cut(text: str) -> str:
    """Long text for the screen."""
    return text if len(text) <= PART_CHARS else text[: PART_CHARS - 1] + "…"


def render_summary(
    counts: Mapping[str, Mapping[str, Any]], out: Path | None, stream: TextIO, *, width: int | None = None,
    severities: Mapping[str, int] | None = None, quarantine: Sequence[str] = (), seconds: float | None = None,
    scores: Mapping[str, tuple[float | None, Sequence[Mapping[str, Any]]]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Show what became of the products on each platform, and where to look.

    ``counts``      by platform: ``read``, ``written``, ``excluded`` (by kind), ``held_back``, and ``variants`` alike
    ``out``         the output folder; None when nothing was written (``check``)
    ``severities``  findings by severity
    ``quarantine``  files with held-back records, relative to ``out``
    ``scores``      feed score by platform, and what costs it, the dearest first: ``code``, ``points``, ``products``
    """
    paper = Paper(stream, width, environment)
    rows = []
    for platform, of in counts.items():
        rows.append(_row(platform, of))
        if "variants" in of:
            rows.append(_row("  variants", of["variants"]))
    if rows:
        paper.table(COLUMNS, rows)
    for platform, of in counts.items():
        for kind, number in of.get("excluded", {}).items():
            paper.line((f"{platform} left out {number:,} {_plural(number, 'product')}: {kind}", ""))
    for platform, (score, losses) in (scores or {}).items():
        if score is not None:
            paper.line((f"{platform} feed score {score:g} of 100{_dearest(losses)}", ""))
    if severities is not None:
        said = ", ".join(
            f"{severities[s]:,} {_plural(severities[s], s) if s is not Severity.ADVICE else s}"
            for s in Severity if severities.get(s)
        )
        paper.line((f"findings: {said or 'none'}", ""))
    if seconds is not None:
        paper.line((f"took {seconds:,.1f} s", "dim"))
    _where_to_look(paper, counts, out, quarantine)


def _dearest(losses: Sequence[Mapping[str, Any]]) -> str:
    """What costs a feed score most, and how many products mending it would lift."""
    if not losses:
        return ""
    first = losses[0]
    lifts = f" ({first['products']:,} {_plural(first['products'], 'product')})" if first["products"] else ""
    return f"; most is lost to {first['code']}: {first['points']:g}{lifts}"


def _where_to_look(
    paper: Paper, counts: Mapping[str, Mapping[str, Any]], out: Path | None, quarantine: Sequence[str]
) -> None:
    if out is None:
        paper.line(("nothing was written: this was a check", ""))
        return
    page = "report.html to look at, " if (out / "report.html").is_file() else ""
    paper.line(("output: ", "bold"), (str(out), ""), (f" ({page}findings.jsonl, manifest.json)", ""))
    for path in quarantine:
        paper.line(("held back: ", "bold red"), (str(out / path), ""), (" - mend it and feed it back in", ""))
    if not quarantine and any(of.get("held_back") for of in counts.values()):
        paper.line(("held back: ", "bold red"), (str(out / "quarantine"), ""), (" - mend and feed back in", ""))


def _row(name: str, of: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = (of["read"], of["written"], sum(of.get("excluded", {}).values()), of["held_back"])
    return (name, *(f"{number:,}" for number in numbers))


def _plural(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


class Paper:
    """Writes lines and tables to a stream: coloured through rich, or plain. Nothing shown can act on a terminal."""

    def __init__(self, stream: TextIO, width: int | None, environment: Mapping[str, str] | None) -> None:
        self._stream = stream
        self._width = width
        self._console: Any = None
        if coloured(stream, environment):
            from rich.console import Console

            self._console = Console(
                file=stream, force_terminal=True, width=width, markup=False, emoji=False, highlight=False
            )

    def line(self, *spans: Span) -> None:
        """One line, wrapped at words under its own indent where a width is set."""
        texts = [fit(showable(text), self._stream) for text, _ in spans]
        whole = "".join(texts)
        if self._console is None:
            self._stream.write("\n".join(self._wrapped(whole)) + "\n")
            return
        from rich.text import Text

        styled = Text(no_wrap=True)
        for text, (_, style) in zip(texts, spans, strict=True):
            styled.append(text, style=style)
        at = 0
        for number, piece in enumerate(self._wrapped(whole)):
            # A wrapped piece is a stretch of the whole line (after the first, behind an indent of its own).
            bare = piece.strip() if number else piece
            start = whole.index(bare, at) if bare else at
            at = start + len(bare)
            indent = piece[: len(piece) - len(piece.lstrip())] if number else ""
            self._console.print(Text(indent) + styled[start:at], soft_wrap=True)

    def _wrapped(self, text: str) -> list[str]:
        if self._width is None or len(text) <= self._width:
            return [text]
        indent = " " * (len(text) - len(text.lstrip()) + 4)
        return textwrap.wrap(
            text, max(self._width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False,
            replace_whitespace=False, drop_whitespace=True,
        ) or [text]

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Names on the left, numbers to the right of their columns."""
        rows = [[fit(showable(cell), self._stream) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

        def spans(row: Sequence[str]) -> list[str]:
            first = row[0].ljust(widths[0])
            return [first, *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]

        if self._console is None:
            for row in [head, *rows]:
                self._stream.write("  ".join(spans(row)).rstrip() + "\n")
            return
        from rich.text import Text

        self._console.print(Text("  ".join(spans(head)), style="bold"), soft_wrap=True)
        for row in rows:
            cells = spans(row)
            text = Text("  ".join(cells[:4]))
            text.append("  ")
            text.append(cells[4], style="" if row[4] == "0" else "bold red")
            self._console.print(text, soft_wrap=True)
