"""Groups to outcomes: the part of a run that can be done side by side.

A chunk holds what became of some products in file order, ready for the one place where the run comes
together (stitch.py). It is made in this process or in a worker, by the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.mapping.apply import Applied, Way
from feedbridge.mapping.assemble import Assembled, Place, place_of
from feedbridge.mapping.bound import BoundLeaf
from feedbridge.mapping.compile import Punt
from feedbridge.mapping.group import Group
from feedbridge.mapping.load import PLACEHOLDER
from feedbridge.platforms import Converter, Outcome, platform
from feedbridge.product import Product, to_model
from feedbridge.rules import Found
from feedbridge.run.job import Job
from feedbridge.run.quarantine import reasons
from feedbridge.run.samples import Candidate, Chooser, mixed
from feedbridge.run.statistics import Questions
from feedbridge.sources.base import BadCells, BadDocument, Record

__all__ = ["Chunk", "Entry", "Held", "Processor", "finding_of", "given_fields", "held_records", "index_of", "where_they_are"]

CHUNK = 100
"""Products in one chunk."""


class Entry(msgspec.Struct, array_like=True, gc=False):
    """One product: where it begins, its key and SKU, and what became of it on each platform.

    ``line``, ``index``  of its first record; ``state`` per platform: w(ritten), e(xcluded), h(eld back)
    """

    line: int
    index: int
    key: str
    sku: str
    variants: int
    records: int
    state: str
    outcomes: list[Outcome]
    facts: int = 0
    """What the questions of statistics.py found; 0 when no product was made."""
    currency: str = ""
    price: Decimal | None = None
    """What is asked for it, for the spread of prices."""
    own: tuple[int, ...] = ()
    """The same by platform, where their products differ."""
    named: tuple[str, ...] = ()
    """Of a held-back product: every SKU its records name, its variants' too, as far as they can be read."""


class Held(msgspec.Struct, array_like=True, gc=False):
    """One record of a product that is held back, for the quarantine: cells of a table, or a document's JSON text."""

    line: int
    code: str
    problem: str
    mend: str
    pointer: str
    cells: list[str] | None
    raw: str
    reliable: int
    document: bytes
    file: str = ""
    """Which file of a source made of several."""


class Chunk(msgspec.Struct, array_like=True):
    """Some products of one source in file order. ``findings``: (number of the entry in this chunk, finding)."""

    source: int
    entries: list[Entry]
    findings: list[tuple[int, Finding]]
    held: list[Held]
    samples: list[Candidate] = []
    """Products that the report may show."""


class Made(NamedTuple):
    """What one way made of a group, and the outcomes of the platforms it was converted for already."""

    product: Product | None
    assembled: Assembled | None
    outcomes: dict[str, Outcome]


class Processor:
    """Turns the groups of one source into chunks."""

    def __init__(self, job: Job, number: int, applied: Applied) -> None:
        self.job = job
        self.number = number
        self.applied = applied
        self.names = job.platforms
        self.converters: list[Converter] = [
            platform(name).converter(job.settings[name], job.environment) for name in job.platforms
        ]
        self.ways: list[Way] = [applied.ways[name] for name in job.platforms]
        self.overlaid = any(applied.mapping.has_overlay(name) for name in job.platforms)
        self.folder = applied.source.folder
        self.ask = Questions([platform(name) for name in job.platforms]).ask(given_fields(applied))
        self.chooser = Chooser()

    def chunks(self, groups: Iterable[Group]) -> Iterator[Chunk]:
        """Chunks of at most 500 products."""
        chunk = self.new_chunk()
        entries = chunk.entries
        build = self.applied.common.build
        converts = [converter.convert for converter in self.converters]
        only = converts[0] if len(converts) == 1 else None
        quick = not self.overlaid and not self.job.strict
        folder = self.folder
        pointed = bool(self.applied.source.pointer_prefix)
        ask, chooser = self.ask, self.chooser
        chooser.start()
        limit = chooser.limit
        for group in groups:
            # The ordinary case is two calls and an entry; whatever is not ordinary is for the precise path.
            product, outcomes, state = None, None, ""
            if quick:
                try:
                    product = build(group)
                except (Punt, CellError):
                    pass
                else:
                    if only is not None:
                        outcome = only(product, folder)
                        outcomes = [outcome]
                        if not outcome.problems and not outcome.excluded:
                            state = "w"
                    else:
                        outcomes = [convert(product, folder) for convert in converts]
                    state = state or self.state(outcomes, group, product, chunk)
            if product is not None and outcomes is not None and state:
                head = group.head
                index = int(head[2]) if pointed and len(head) > 2 else 0
                facts, currency, price = ask(product)
                if mixed(head[0], index) < limit:
                    chooser.consider(chunk.samples, len(entries), "", head[0], index, group)
                    limit = chooser.limit
                entries.append(
                    Entry(
                        head[0],
                        index,
                        group.key,
                        product.sku,
                        len(product.variants),
                        len(group.records()),
                        state,
                        outcomes,
                        facts,
                        currency,
                        price,
                    )
                )
            else:
                self.carefully(group, chunk, self.made_quickly(group, product, outcomes) if quick else {})
            if len(entries) >= CHUNK:
                yield chunk
                chunk = self.new_chunk()
                entries = chunk.entries
        if entries:
            yield chunk

    def state(self, outcomes: list[Outcome], group: Group, product: Product, chunk: Chunk) -> str:
        """The states of a product on several platforms when all is well or it is only left out; else ""."""
        state = ""
        left_out = []
        for name, outcome in zip(self.names, outcomes, strict=True):
            if outcome.excluded:
                left_out.append((name, outcome))
                state += "e"
            elif outcome.problems:
                return ""
            else:
                state += "w"
        for name, outcome in left_out:
            chunk.findings += [
                (len(chunk.entries), self.left_out(one, name, product, group)) for one in outcome.problems
            ]
            outcome.problems = []
        return state

    def left_out(self, one: Found, name: str, product: Product, group: Group) -> Finding:
        """Why a kind of product is not for a platform; it concerns the whole product, so no column is looked for."""
        file, line, pointer = place_of(self.applied.source, group.head)
        return Finding(
            code=f"{name}.{one.rule.number}",
            severity=Severity.ADVICE,
            message=one.problem.message,
            platform=name,
            mend=one.problem.mend or one.rule.mend,
            file=file,
            line=line,
            pointer=pointer,
            sku=cut(product.sku),
            field=one.problem.field,
        )

    def index(self, record: Record) -> int:
        return index_of(self.applied, record)

    def new_chunk(self) -> Chunk:
        return Chunk(self.number, [], [], [], [])

    def made_quickly(self, group: Group, product: Product | None, outcomes: list[Outcome] | None) -> dict[int, Made]:
        """What the quick path has found out of a group already, so that the precise path need not do it again."""
        common = self.applied.common
        if common not in self.ways:
            return {}
        if product is None:
            assembled = common.assembler.assemble(group)
            return {id(common): Made(assembled.product, assembled, {})}
        if group.told:
            return {}
        done = zip(self.names, self.ways, outcomes or (), strict=True)
        ready = {name: outcome for name, way, outcome in done if way is common}
        return {id(common): Made(product, None, ready)}

    def carefully(self, group: Group, chunk: Chunk, made: dict[int, Made]) -> None:
        """One product on every platform, each exactly by its own way, with findings. ``made``: what is done already."""
        outcomes: list[Outcome] = []
        states = ""
        cells: dict[Finding, list[str]] = {}
        found: list[Finding] = []
        for name, way, converter in zip(self.names, self.ways, self.converters, strict=True):
            product, assembled, ready = self.product(way, group, made)
            for finding in dict.fromkeys(assembled.findings) if assembled is not None else ():
                cells.setdefault(finding, []).append(name)
            if product is None:
                outcomes.append(Outcome())
                states += "h"
                continue
            outcome = ready.get(name) or converter.convert(product, self.folder)
            state = "w"
            if outcome.excluded:
                state = "e"
                found += [self.left_out(one, name, product, group) for one in outcome.problems]
            elif outcome.problems:
                assembled = assembled or way.assembler.assemble(group)
                findings = [finding_of(one, name, product, assembled, group, self.applied) for one in outcome.problems]
                found += findings
                if any(finding.severity is Severity.ERROR for finding in findings):
                    state = "h"
            outcome.problems = []
            outcomes.append(outcome if state == "w" else Outcome(excluded=outcome.excluded))
            states += state
        every = [
            finding if len(names) == len(self.names) else msgspec.structs.replace(finding, platform=name)
            for finding, names in cells.items()
            for name in (names if len(names) < len(self.names) else names[:1])
        ]
        every += found
        place = len(chunk.entries)
        chunk.findings += [(place, finding) for finding in every]
        if "h" in states:
            chunk.held += held_records(group, every, self.applied)
        # what one platform accepts says more of the product than another's refusal
        product, assembled, _ = max(made.values(), key=lambda one: one.product is not None)
        facts, currency, price = self.ask(product) if product is not None else (0, "", None)
        own = tuple(self.ask(one)[0] if (one := made[id(way)].product) is not None else 0 for way in self.ways)
        index = self.index(group.head)
        told = "held" if "h" in states else "told" if any(one.severity is Severity.WARNING for one in every) else ""
        self.chooser.consider(chunk.samples, place, told, group.head[0], index, group)
        chunk.entries.append(
            Entry(
                group.head[0],
                index,
                group.key,
                product.sku if product is not None else assembled.sku if assembled is not None else "",
                self.ways[0].assembler.variant_count(group, product),
                len(group.records()),
                states,
                outcomes,
                facts,
                currency,
                price,
                own if any(one != facts for one in own) else (),
                self.skus_named(group, product) if "h" in states else (),
            )
        )

    def skus_named(self, group: Group, product: Product | None) -> tuple[str, ...]:
        """The SKUs a group's records name: what is held back is not gone, whatever group it is in now."""
        if product is not None:
            return (product.sku, *[variant.sku for variant in product.variants])
        found: dict[str, None] = {}
        for way in dict.fromkeys(self.ways):
            for sku in way.assembler.skus_named(group):
                found[sku] = None
        return tuple(found)

    def product(self, way: Way, group: Group, made: dict[int, Made]) -> Made:
        if id(way) not in made:
            product, assembled = way.product(group)
            if product is not None and self.job.strict and assembled is None:
                try:
                    to_model(Product, product)
                except ValidationError:
                    assembled = way.assembler.assemble(group)
                    product = assembled.product
            made[id(way)] = Made(product, assembled, {})
        return made[id(way)]


def given_fields(applied: Applied) -> set[str]:
    """The canonical fields a mapping gives products or variants, on some platform."""
    found: set[str] = set()
    for trees in applied.full.values():
        found |= trees.product.fields.keys() | trees.variant.fields.keys()
    return found | ({"sale_price"} if "compare_at_price" in found else set())


def index_of(applied: Applied, record: Record) -> int:
    """Place of a document in its list; 0 for tables and JSON Lines, where the line says it all."""
    return int(record[2]) if len(record) > 2 and applied.source.pointer_prefix else 0


def finding_of(
    one: Found, platform: str, product: Product, assembled: Assembled, group: Group, applied: Applied
) -> Finding:
    """A rule's problem with file, line, column, SKU and value."""
    rule, problem = one
    place = place_for(problem.field, assembled, group)
    sku = product.sku
    parts = problem.field.split(".")
    if parts[0] == "variants" and len(parts) > 1 and parts[1].isdigit() and int(parts[1]) < len(product.variants):
        sku = product.variants[int(parts[1])].sku
    file, line, pointer = place_of(applied.source, place.record)
    return Finding(
        code=f"{platform}.{rule.number}",
        severity=rule.severity,
        message=problem.message,
        mend=base_to_give(place, applied) or problem.mend or rule.mend,
        file=file,
        line=line,
        column=place.column,
        pointer=pointer,
        sku=cut(sku),
        field=problem.field,
        platform=platform,
        value=cut(problem.value or place.raw),
    )


def base_to_give(place: Place, applied: Applied) -> str:
    """The remedy for a path whose mapping would make an address of it, if it were told where the files are."""
    if place.leaf is None or place.raw.strip().lower().startswith(("http:", "https:")):
        return ""
    return where_they_are(place.leaf, applied)


def where_they_are(leaf: BoundLeaf, applied: Applied) -> str:
    """How to say where the files are whose paths a field gives; empty when it is said, or cannot be."""
    base = leaf.leaf.parameters.get("base")
    open_base = PLACEHOLDER.fullmatch(base) if isinstance(base, str) else None
    if open_base is None:
        return ""
    parameter = applied.mapping.file.parameters.get(open_base[1])
    about = f" ({parameter.about.partition(';')[0]})" if parameter is not None and parameter.about else ""
    return f"say where the pictures are: --set {open_base[1]}=https://…{about}"


def place_for(field: str, assembled: Assembled, group: Group) -> Place:
    """Where a canonical field came from: itself, the product's field it inherits, or the nearest thing known."""
    trace = assembled.trace
    parts = field.split(".")
    record = group.head
    if parts[0] == "variants" and len(parts) > 1:
        sku = trace.get(f"variants.{parts[1]}.sku")
        record = sku.record if sku else record
        slot = next((p for p in trace if p.startswith(f"variants.{parts[1]}.")), None)
        record = trace[slot].record if slot else record
    for path in (field, f"{field}.0", ".".join(parts[2:]) if parts[0] == "variants" else ""):
        place = trace.get(path)
        if place is not None and (place.raw or place.column):
            return place if path != ".".join(parts[2:]) else place._replace(record=place.record)
    short = parts
    while len(short) > 1:
        short = short[:-1]
        for path in (".".join(short), ".".join([*short, "src"])):
            if path in trace:
                return trace[path]
    return Place(record, "", "", "", "")


def held_records(group: Group, findings: list[Finding], applied: Applied) -> list[Held]:
    """Every record of a held-back product, in the source's own shape, with what is wrong with it."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    records = group.records()
    places = [place_of(applied.source, record)[:2] for record in records]
    here = [(finding.file or places[0][0], finding.line) for finding in errors]
    there = set(places)
    elsewhere = [finding for finding, place in zip(errors, here, strict=True) if place not in there]
    told = sorted({place[1] for place in here if place in there}) or [places[0][1]]
    held = []
    for number, (record, where) in enumerate(zip(records, places, strict=True)):
        own = [finding for finding, place in zip(errors, here, strict=True) if place == where]
        if number == 0:
            own += elsewhere
        if own:
            code, problem, mend = reasons(own)
        else:
            code, problem, mend = (
                "held-with-product",
                f"belongs to the product that is held back at line {', '.join(map(str, told))}",
                "",
            )
        held.append(held_record(record, code, problem, mend, applied))
    return held


def held_record(record: Record, code: str, problem: str, mend: str, applied: Applied) -> Held:
    cells: Any = applied.raw_record(record)
    file, line, pointer = place_of(applied.source, record)
    if isinstance(cells, list):
        bad = cells if isinstance(cells, BadCells) else None
        raw, reliable = (bad.raw, bad.reliable) if bad else ("", -1)
        return Held(line, code, problem, mend, pointer, list(cells), raw, reliable, b"", file)
    if isinstance(cells, BadDocument) and (cells.raw or not cells):
        return Held(line, code, problem, mend, pointer, None, cells.raw, 0, b"", file)
    document = msgspec.json.Encoder(decimal_format="number").encode(cells)
    return Held(line, code, problem, mend, pointer, None, "", -1, document, file)
