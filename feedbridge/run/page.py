"""The report's page filled from a run: counts, findings, scores, completeness, prices, samples."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

import feedbridge
from feedbridge.cells import CellError
from feedbridge.errors import OutputError
from feedbridge.findings import Finding, Severity
from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.assemble import place_of
from feedbridge.mapping.bound import BoundLeaf
from feedbridge.mapping.group import Group
from feedbridge.platforms import HashedFile, Outcome, Platform, platform
from feedbridge.report.catalogue import CATALOGUE
from feedbridge.report.page_data import (
    Completeness,
    Input,
    Loss,
    MappingUsed,
    Page,
    PlatformPart,
    PriceSpread,
    Sample,
    SamplePlatform,
    SourceCell,
)
from feedbridge.rules import Rule
from feedbridge.rules.quality import Quality
from feedbridge.run.engine import Done
from feedbridge.run.job import Job
from feedbridge.run.manifest import losses_of
from feedbridge.run.process import given_fields
from feedbridge.run.samples import Chosen
from feedbridge.run.statistics import plain
from feedbridge.sources.base import BadCells, BadDocument

__all__ = ["page_of", "write_report"]

MOST_FINDINGS = 3_000
OF_EACH_CODE = 200
MOST_CELLS = 120
MOST_CELL_CHARS = 400
MOST_PAYLOAD_CHARS = 20_000
MOST_PICTURES = 6
MOST_FILES = 1_000
STATES = {"w": "written", "e": "excluded", "h": "held"}


def write_report(folder: Path, job: Job, done: Done, manifest: dict[str, Any], *, recognised: bool = False) -> None:
    """``report.html`` into an output folder. Raises OutputError."""
    from feedbridge.report.page import render_page

    try:
        page = page_of(job, done, manifest, recognised=recognised)
    except OSError as exc:
        raise OutputError(
            f"cannot read back: {exc.strerror or exc}", code="output.write", where="findings.jsonl", mend="run it again"
        ) from exc
    file = HashedFile(folder / "report.html")
    file.write(render_page(page))
    file.close(folder)


def page_of(job: Job, done: Done, manifest: dict[str, Any], *, recognised: bool = False) -> Page:
    """All the report shows of a run. ``recognised``: the mapping was chosen by ``--mapping auto``.

    Raises OSError when findings.jsonl cannot be read back.
    """
    stitcher = done.stitcher
    statistics = stitcher.statistics
    codes = done.findings.codes
    about = {code: text for code, text in CATALOGUE.items() if code in codes}
    for target in stitcher.platforms:
        for rule in target.rules:
            if (code := f"{target.name}.{rule.number}") in codes:
                about[code] = rule.stated
    return Page(
        version=feedbridge.__version__,
        inputs=[_input(one, source) for one, source in zip(manifest["inputs"], job.sources, strict=True)],
        mappings=[
            MappingUsed(name=one["name"], shown=", ".join(one["files"]), recognised=recognised)
            for one in manifest["mappings"]
        ],
        platforms=_platforms(done, manifest),
        findings=[finding.to_dict() for finding in first_findings(done)],
        finding_counts=dict(sorted(codes.items())),
        severity_counts=dict(sorted(done.findings.severities.items())),
        about=dict(sorted(about.items())),
        completeness=[
            Completeness(field=name, title=name.replace("_", " "), filled=statistics.filled[name], of=statistics.made)
            for name in statistics.questions.fields
            if statistics.filled[name] or any(name in given_fields(applied) for applied in done.applied)
        ],
        prices=[_spread(done, currency) for currency in sorted(statistics.prices.counts)],
        samples=[_sample(done, job, one) for one in stitcher.samples.chosen()],
        unused_columns=[
            (one["name"], one["unused_columns"]) for one in manifest["inputs"] if one.get("unused_columns")
        ],
        decimals=[
            f'{one["name"]}, column "{label}": {told["reason"]}'
            for one in manifest["inputs"]
            for label, told in one.get("decimals", {}).items()
        ],
        quarantine=[one["path"] for one in manifest["quarantine"]],
    )


def _input(told: dict[str, Any], source: Any) -> Input:
    read_as = told["read_as"]
    paths = [path for one in getattr(source, "sources", [source]) if (path := getattr(one, "path", None)) is not None]
    return Input(
        name=told["name"],
        format=str(read_as.get("format", "")),
        encoding=str(read_as.get("encoding", "")),
        delimiter=str(read_as.get("delimiter", "")),
        sha256=told["sha256"],
        records=told["records"],
        bytes=sum(Path(path).stat().st_size for path in paths),
    )


def _platforms(done: Done, manifest: dict[str, Any]) -> list[PlatformPart]:
    parts = []
    for place, target in enumerate(done.stitcher.platforms):
        told = manifest["platforms"][target.name]
        counts, tally = told["counts"], done.stitcher.statistics.scores[place]
        every: list[Rule | Quality] = [*target.rules, *target.quality]
        stated = {f"{target.name}.{one.number}": one.stated for one in every}
        parts.append(
            PlatformPart(
                name=target.name,
                title=target.title,
                read=counts["read"],
                written=counts["written"],
                held_back=counts["held_back"],
                excluded=counts["excluded"],
                variants=counts["variants"],
                score=tally.score,
                score_bins=tally.bins if tally.products else [],
                losses=[
                    Loss(
                        title=stated.get(one["code"], one["title"]),
                        **{name: one[name] for name in ("code", "points", "products", "mend")},
                    )
                    for one in losses_of(done, place, target)
                ],
                files=[(f"{target.name}/{one['path']}", one["bytes"]) for one in told.get("files", ())[:MOST_FILES]],
            )
        )
    return parts


def first_findings(done: Done) -> list[Finding]:
    """The first of each code in file order: 200, or fewer where there are so many codes that the page would not hold
    them. Reads no further than the last that is wanted."""
    codes = done.findings.codes
    each = max(1, min(OF_EACH_CODE, MOST_FINDINGS // max(len(codes), 1)))
    wanted = {code: min(number, each) for code, number in codes.items()}
    found = []
    for code, read in _findings(done):
        left = wanted.get(code, 0)
        if left:
            wanted[code] = left - 1
            found.append(read())
            if left == 1:
                del wanted[code]
                if not wanted:
                    break
    return found[:MOST_FINDINGS]


class _Code(msgspec.Struct):
    code: str


def _findings(done: Done) -> Iterator[tuple[str, Any]]:
    """Every finding's code, and a way to the whole of it."""
    path = done.findings.path
    if path is None:
        for finding in done.findings.kept:
            yield finding.code, lambda finding=finding: finding
        return
    code_of, whole = msgspec.json.Decoder(_Code).decode, msgspec.json.Decoder(Finding).decode
    with path.open("rb") as lines:
        for line in lines:
            yield code_of(line).code, lambda line=line: whole(line)


def _spread(done: Done, currency: str) -> PriceSpread:
    prices = done.stitcher.statistics.prices
    bins, median = prices.spread(currency)
    least, most = prices.ends[currency]
    return PriceSpread(currency=currency, bins=bins, least=plain(least), most=plain(most), median=median)


# -- samples ---------------------------------------------------------------------------------------------------------


def _sample(done: Done, job: Job, chosen: Chosen) -> Sample:
    applied = done.applied[chosen.source]
    group: Group = pickle.loads(chosen.group)
    coverage = [(table, table.hits, dict(table.misses)) for table in applied.tables()]
    product: Any = None
    for way in dict.fromkeys([applied.common, *(applied.ways[name] for name in job.platforms)]):
        product = way.assembler.assemble(group).product
        if product is not None:
            break
    for table, hits, misses in coverage:
        table.reset(hits, misses)
    file, line, _ = place_of(applied.source, group.head)
    return Sample(
        sku=chosen.entry.sku,
        title=product.title if product is not None else _title(applied, group),
        line=line,
        file=file,
        source=list(source_cells(applied, group)),
        canonical=list(canonical_fields(product)) if product is not None else [],
        platforms=[
            _on_platform(name, chosen, outcome, state, product)
            for name, outcome, state in zip(job.platforms, chosen.entry.outcomes, chosen.states, strict=True)
        ],
    )


def _title(applied: Applied, group: Group) -> str:
    """The title of a product of which nothing else was made, as far as its cells say it."""
    leaf = applied.common.trees.product.fields.get("title")
    if not isinstance(leaf, BoundLeaf):
        return ""
    for record in group.records():
        if isinstance(record[1], BadCells | BadDocument):
            continue
        with suppress(CellError):
            title = leaf.evaluate(record[1], record[1])
            if isinstance(title, str) and title.strip():
                return title
    return ""


def _on_platform(name: str, chosen: Chosen, outcome: Outcome, state: str, product: Any) -> SamplePlatform:
    found = [
        f"{one.message} [{one.code}]"
        for one in chosen.findings
        if one.platform in ("", name) and (state != "h" or one.severity is not Severity.ADVICE)
    ]
    if name in chosen.late:
        found.append(chosen.late[name])
    body = outcome.body if state == "w" else b""
    return SamplePlatform(
        name=name,
        state=STATES[state],
        payload_text=indented(body),
        findings=found,
        images=pictures(platform(name), product) if body and product is not None else [],
    )


def indented(body: bytes) -> str:
    """A payload to read, every number as it is sent, letters instead of their escapes. A body may be an object, or
    members of one."""
    if not body:
        return ""
    whole = body if body[:1] in b"{[" else b"{" + body + b"}"
    text = ESCAPED.sub(lettered, msgspec.json.format(whole, indent=2).decode())
    return text if len(text) <= MOST_PAYLOAD_CHARS else text[: MOST_PAYLOAD_CHARS - 1] + "…"


ESCAPED = re.compile(r"\\[^u]|(?:\\u[0-9a-fA-F]{4})+")


def lettered(match: re.Match[str]) -> str:
    """``Gr\\u00f6\\u00dfe`` as letters; what cannot be seen, and what JSON must escape, stays as it is."""
    if match[0][1] != "u":
        return match[0]
    text: str = json.loads(f'"{match[0]}"')
    return text if text.isprintable() and not {'"', "\\"} & set(text) else match[0]


def pictures(platform: Platform, product: Any) -> list[str]:
    """The pictures of a written product that the platform gets."""
    if platform.pictures is not None:
        found = [src for _, src in platform.pictures(product)]
    else:
        images = [*product.images, *(one.image for one in product.variants if one.image is not None)]
        found = [image.src for image in images]
    return list(dict.fromkeys(found))[:MOST_PICTURES]


def source_cells(applied: Applied, group: Group) -> Iterator[SourceCell]:
    """What the source says of a product: the filled cells of its records, or the values of its documents."""
    left = MOST_CELLS
    for record in group.records():
        cells = applied.raw_record(record)
        pairs = zip(applied.source.header, cells, strict=False) if isinstance(cells, list) else leaves(cells, "", left)
        for column, value in pairs:
            if left and value.strip():
                yield SourceCell(line=record[0], column=column, value=_short(value))
                left -= 1


def leaves(node: Any, path: str, most: int) -> Iterator[tuple[str, str]]:
    """Every value of a document, by its path."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key != RAW:
                yield from leaves(value, f"{path}.{key}" if path else str(key), most)
    elif isinstance(node, list):
        for number, value in enumerate(node[:most]):
            yield from leaves(value, f"{path}.{number}", most)
    elif node is not None:
        yield path, str(node).lower() if isinstance(node, bool) else str(node)


def canonical_fields(product: Any) -> Iterator[tuple[str, str]]:
    """The filled fields of a light product, as text. Money is one value, and so is a category's path."""
    for name, value in _fields(product, ""):
        yield name, _short(value)


def _fields(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, msgspec.Struct):
        own: Any = value
        if value.__struct_fields__ == ("amount", "currency"):
            yield path, f"{own.amount:f} {own.currency}"
            return
        for name, default in zip(value.__struct_fields__, _defaults(value), strict=True):
            held = getattr(value, name)
            if held is not None and held != default and held != () and held != {}:
                yield from _fields(held, f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from _fields(held, f"{path}.{key}")
    elif isinstance(value, tuple | list):
        if all(isinstance(one, str) for one in value):
            yield path, (" > " if path.startswith("categories.") else ", ").join(value)
            return
        for number, held in enumerate(value):
            yield from _fields(held, f"{path}.{number}")
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _defaults(struct: msgspec.Struct) -> list[Any]:
    """The default of every field; what no value equals where there is none."""
    return [None if one.default is msgspec.NODEFAULT else one.default for one in msgspec.structs.fields(type(struct))]


def _short(text: str) -> str:
    return text if len(text) <= MOST_CELL_CHARS else text[: MOST_CELL_CHARS - 1] + "…"
