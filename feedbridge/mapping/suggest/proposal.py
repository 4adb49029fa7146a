"""From a source to a draft: find the header, look at a sample, count what must be unique, propose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from feedbridge.errors import CommandError, SourceError
from feedbridge.mapping.suggest.build import draft_of
from feedbridge.mapping.suggest.draft import Draft
from feedbridge.mapping.suggest.evidence import vote
from feedbridge.mapping.suggest.names import matches, name_parts
from feedbridge.mapping.suggest.profile import profile_of
from feedbridge.mapping.suggest.sample import Column, Sample, count_distinct, read_sample
from feedbridge.sources.base import Source

__all__ = ["Opener", "propose"]

MOST_PREAMBLE = 12
ENOUGH = 3
"""So many columns with names from the vocabulary make a header."""


class Opener(Protocol):
    """Opens the source anew with other settings (``header``, ``skip_lines``)."""

    def __call__(self, **settings: Any) -> Source: ...


def propose(opener: Opener, shown: str, name: str) -> Draft:
    """The proposed mapping of a source. ``shown``: how the source is called; ``name``: what the mapping is called.

    Raises: SourceError when the source cannot be read.
    """
    source = opener()
    sample = read_sample(source)
    settings: dict[str, Any] = {}
    remark = ""
    if sample.kind == "table" and not source.is_quarantine:
        sample, source, settings, remark = _with_header(opener, source, sample)
        sample, source = _with_encoding(opener, source, sample, settings)
    if not any(column.reference for column in sample.columns):
        raise SourceError(
            "holds nothing that a mapping could name",
            where=shown,
            code="source.no-products",
            mend="give the file with the products; an export that comes back empty has no columns",
        )
    _count(source, sample)
    draft = draft_of(sample, shown, name, settings)
    if remark:
        draft.decide.insert(0, remark)
    return draft


def named(sample: Sample) -> int:
    """Different fields that the columns' names speak for plainly."""
    return len(
        {
            column.meanings[0].field
            for column in sample.columns
            if column.meanings and column.meanings[0].strength >= 0.8
        }
    )


def _with_header(opener: Opener, source: Source, sample: Sample) -> tuple[Sample, Source, dict[str, Any], str]:
    """The sample under the right header: some lines further down, or none at all."""
    known = named(sample)
    if known < ENOUGH:
        best = (max(known + 1, ENOUGH - 1), 0, source, sample)
        for skip in range(1, MOST_PREAMBLE + 1):
            try:
                other = opener(skip_lines=skip)
            except SourceError:
                break
            score = named(header_sample(other.header))
            if score > best[0] or (best[1] == skip - 1 > 0 and other.header == best[2].header):  # past blank lines
                best = (score, skip, other, sample)
        if best[1]:
            return (
                read_sample(best[2]),
                best[2],
                {"skip_lines": best[1]},
                (f"the header was found in line {best[1] + 1}; the lines above it are skipped"),
            )
    if known < 2 and sample.records and looks_like_data(sample):
        other = opener(header=False)
        return (
            read_sample(other),
            other,
            {"header": False},
            ("the first line looks like a product, not like a header: columns go by number"),
        )
    return sample, source, {}, ""


def _with_encoding(opener: Opener, source: Source, sample: Sample, settings: dict[str, Any]) -> tuple[Sample, Source]:
    """The sample in the encoding in which most names are words: detection cannot tell one legacy code page from another."""
    found = str(source.about.get("encoding", ""))
    if not found.startswith(("cp", "iso", "latin", "windows", "mac")) or all(name.isascii() for name in source.header):
        return sample, source
    best = (named(sample), sample, source, "")
    for encoding in ("cp1252", "cp1250", "iso8859-2", "cp1251", "mac_roman"):
        try:
            other = opener(**settings, encoding=encoding)
            trial = header_sample(other.header)
        except (SourceError, CommandError):
            continue
        if named(trial) > best[0]:
            best = (named(trial), trial, other, encoding)
    if not best[3]:
        return sample, source
    settings["encoding"] = best[3]
    return read_sample(best[2]), best[2]


def header_sample(header: Sequence[str]) -> Sample:
    """A sample without records: what the names alone say."""
    columns = [Column(text, text, place) for place, text in enumerate(header)]
    for column in columns:
        column.meanings = matches(name_parts(column.name))
    return Sample("table", columns, 0, False, 0)


def looks_like_data(sample: Sample) -> bool:
    """Whether the header's cells are of the same kinds as the values below them."""
    alike = telling = 0
    for column in sample.columns:
        profile = column.profile
        if not profile.filled:
            continue
        for kind in ("number", "date", "url", "gtin", "yes_no"):
            if profile.share(kind) > 0.8:
                telling += 1
                alike += _is(kind, column.name)
                break
        else:
            if column.name.strip() and column.name in profile.values and profile.distinct < profile.filled:
                telling += 1
                alike += 1
    return alike >= 1 and alike >= 0.4 * telling


def _is(kind: str, text: str) -> bool:
    return profile_of([text]).share(kind) > 0


def _count(source: Source, sample: Sample) -> None:
    """Which candidates for the SKU are unique, also behind the sample."""
    for column in sample.columns:
        profile = column.profile
        column.unique = profile.filled > 0 and profile.distinct == profile.filled
    if sample.kind != "table" or sample.whole:
        return
    likely = sorted(
        (column for column in sample.columns if column.unique and column.reference),
        key=lambda column: -vote(column, "sku").score,
    )[:6]
    counted = count_distinct(source, likely)
    for column in likely:
        filled, distinct = counted[column.index]
        column.unique = filled == distinct
        if not column.unique:
            column.profile.distinct = min(
                column.profile.distinct, max(1, column.profile.filled * distinct // max(1, filled))
            )
