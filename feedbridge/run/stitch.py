"""Where a run comes together: products in file order, uniqueness over the run, writers, findings, counts.

One place and one order, whatever number of workers made the chunks, so the output is the same to the byte.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from feedbridge.errors import FeedbridgeError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.mapping.assemble import place_at
from feedbridge.mapping.grouping import NotAdjacent
from feedbridge.platforms import Outcome, Platform, Writer
from feedbridge.rules import Problem, Rule
from feedbridge.run.process import Chunk, Entry, Held
from feedbridge.run.quarantine import DocumentSheet, QuarantineWriter, TableSheet
from feedbridge.run.samples import Chosen, Samples
from feedbridge.run.seen import Before, SeenKeys
from feedbridge.run.statistics import Plain, Questions, Statistics
from feedbridge.sources.base import TWICE, BadCells, BadDocument, Source

__all__ = ["Counts", "FindingFile", "Kept", "Late", "Stitcher", "Watch", "source_of"]


NO_CURRENCY = {""}
NONE_LATE: dict[str, str] = {}
"""Nothing was turned away at the end: nearly always so."""


BITS = 40
MASK = (1 << BITS) - 1


def _place(source: int, entry: Entry) -> int:
    """Source, place in its list and line of a product, as one number: a run keeps one for every SKU."""
    return source << 2 * BITS | entry.index << BITS | entry.line


def source_of(place: int) -> int:
    """The number of the source in a product's place."""
    return place >> 2 * BITS


@dataclass(slots=True)
class Tally:
    """Products (or variants) of a run on one platform: read = written + excluded + held back."""

    read: int = 0
    written: int = 0
    held_back: int = 0
    excluded: Counter[str] = field(default_factory=Counter)

    def holds(self) -> bool:
        return self.read == self.written + self.held_back + self.excluded.total()

    def to_dict(self) -> dict[str, Any]:
        return {
            "read": self.read,
            "written": self.written,
            "excluded": dict(sorted(self.excluded.items())),
            "held_back": self.held_back,
        }


@dataclass(slots=True)
class Counts:
    """Both tallies of one platform."""

    products: Tally = field(default_factory=Tally)
    variants: Tally = field(default_factory=Tally)

    def to_dict(self) -> dict[str, Any]:
        return {**self.products.to_dict(), "variants": self.variants.to_dict()}


@dataclass(frozen=True, slots=True)
class Late:
    """A product that was turned away when the run came together (its SKU was there before)."""

    source: int
    line: int
    index: int
    platform: int
    rule: Rule
    problem: Problem
    order: int
    held: bool
    """Its records are in the quarantine already: another platform refused it."""


class Kept(NamedTuple):
    """Where a held-back record lies: a file of the quarantine, the bytes before its first record, and its own."""

    file: str
    head: int
    start: int
    end: int


class Watch(Protocol):
    """Is told of every product once the run has come together: what the sync knows of a feed."""

    def restart(self) -> None:
        """The run starts over: forget everything it told."""

    def take(
        self, source: int, entry: Entry, states: str, told: list[Finding], late: dict[str, str], damaged: bool
    ) -> None:
        """One product.

        ``states``   by platform: w(ritten), e(xcluded), h(eld back)     ``told``  what was found of it
        ``late``     platform -> why it was turned away at the end: its SKU was there before
        ``damaged``  one of its records cannot be read, so its SKU is in doubt
        """

    def keep(self, source: int, line: int, index: int, held: Held, kept: Kept) -> None:
        """One record of a held-back product (by the line and place of its first) went into the quarantine."""


class FindingFile:
    """``findings.jsonl`` as it grows: one line a finding, in file order. Keeps counts and the first few of each code."""

    EXAMPLES = 20

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.codes: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.first: dict[str, list[Finding]] = {}
        self.orders = array("Q")
        self.kept: list[Finding] = []
        """All findings, when there is no file to write them to."""
        self._encode = msgspec.json.Encoder().encode
        self._file = path.open("w+b") if path is not None else None

    def add(self, order: int, finding: Finding) -> None:
        self._count(finding)
        self.orders.append(order)
        if self._file is not None:
            self._file.write(self._encode(finding) + b"\n")
        else:
            self.kept.append(finding)

    def _count(self, finding: Finding) -> None:
        self.codes[finding.code] += 1
        self.severities[finding.severity.value] += 1
        examples = self.first.setdefault(finding.code, [])
        if len(examples) < self.EXAMPLES:
            examples.append(finding)

    def finish(self, late: list[tuple[int, Finding]]) -> None:
        """Put the late ones in their places and close."""
        for _, finding in late:
            self._count(finding)
        if self._file is None or self.path is None:
            merged = sorted([*zip(self.orders, self.kept, strict=True), *late], key=lambda one: one[0])
            self.kept = [finding for _, finding in merged]
            return
        if late:
            self._merge(sorted(late, key=lambda one: one[0]))
        self._file.flush()
        self._file.close()

    def _merge(self, late: list[tuple[int, Finding]]) -> None:
        assert self._file is not None and self.path is not None
        self._file.seek(0)
        merged = self.path.with_suffix(".merging")
        with merged.open("w+b") as out:
            waiting = iter(late)
            next_one = next(waiting, None)
            for order, line in zip(self.orders, self._file, strict=True):
                while next_one is not None and next_one[0] < order:
                    out.write(self._encode(next_one[1]) + b"\n")
                    next_one = next(waiting, None)
                out.write(line)
            while next_one is not None:
                out.write(self._encode(next_one[1]) + b"\n")
                next_one = next(waiting, None)
        merged.replace(self.path)


class Stitcher:
    """Takes chunks in order. ``writers`` is empty for ``check``."""

    def __init__(
        self,
        platforms: list[Platform],
        writers: list[Writer],
        findings: FindingFile,
        quarantine: QuarantineWriter | None,
        sources: list[Source],
        limit: int | None,
    ) -> None:
        self.platforms = platforms
        self.writers = writers
        self.findings = findings
        self.quarantine = quarantine
        self.sources = sources
        self.limit = limit
        self.counts = [Counts() for _ in platforms]
        self.read = 0
        self.variants_read = 0
        self.held_anywhere = 0
        self.records = 0
        self.late: list[Late] = []
        self.notes: list[dict[str, list[Any]]] = [{} for _ in platforms]
        """What is said once a run: rule's number -> products, place and SKU of the first."""
        self.written: dict[int, bytearray] | None = None
        """For the check of pictures only: source -> one byte a product and platform, 1 for written."""
        self.watch: Watch | None = None
        self._notices: list[Finding] = []
        self._sheets: dict[tuple[int, str], TableSheet | DocumentSheet] = {}
        self._seen = [SeenKeys() for _ in platforms]
        self._held: list[dict[str, int]] = [{} for _ in platforms]
        """SKUs of held-back products, and where they are."""
        self._claims: list[dict[str, tuple[str, int]]] = [{} for _ in platforms]
        self._groups: list[set[str]] = [set() for _ in sources]
        self._written_all = "w" * len(platforms)
        self.statistics = Statistics(Questions(platforms))
        self.samples = Samples()
        self._warnings: list[dict[tuple[str, ...], tuple[str, ...]]] = [{} for _ in platforms]
        """By platform: notes of a product -> codes of those that are warnings."""
        self._told: list[Finding] = []
        """What was found of the product at hand."""

    def full(self) -> bool:
        return self.limit is not None and self.read >= self.limit

    def notice(self, findings: list[Finding]) -> None:
        """What a source noticed about rows that are used all the same; filed before the first product below them."""
        self._notices += findings

    def take(self, chunk: Chunk, gathered: bool) -> None:
        """One chunk. Raises NotAdjacent when a product's key was there before (unless all were gathered)."""
        entries = chunk.entries
        if self.limit is not None:
            entries = entries[: max(0, self.limit - self.read)]
        if not gathered:
            self._new_groups(chunk.source, entries)
        fresh = [self._fresh(number, chunk.source, entries) for number in range(len(self.platforms))]
        findings = iter(chunk.findings)
        waiting = next(findings, None)
        samples = iter(chunk.samples)
        sample = next(samples, None)
        plain: list[Plain] = []
        held = 0
        for number, entry in enumerate(entries):
            self._told = told = []
            if self._notices:
                self.file_notices(entry.line)
            while waiting is not None and waiting[0] == number:
                self.findings.add(self.read * 2 + 1, waiting[1])
                told.append(waiting[1])
                waiting = next(findings, None)
            damaged = False
            if entry.state != self._written_all and ("h" in entry.state or (not entry.state and not entry.sku)):
                for one in chunk.held[held : held + entry.records]:
                    self.hold(chunk.source, one, entry.line, entry.index)
                    damaged = damaged or bool(one.raw)
                held += entry.records
            states, late = self._take_entry(chunk.source, entry, fresh, plain)
            if self.watch is not None:
                self.watch.take(chunk.source, entry, states, told, late, damaged)
            if sample is not None and sample.entry == number:
                self.samples.add(sample, Chosen(self.read, chunk.source, entry, states, told, late, sample.group))
                sample = next(samples, None)
            self.read += 1
            self.variants_read += entry.variants
            self.records += entry.records
        self.statistics.add_plain(plain)
        for currency in {entry.currency for entry in entries} - NO_CURRENCY:
            amounts = [entry.price for entry in entries if entry.currency == currency]
            self.statistics.prices.add(currency, cast(list[Decimal], amounts))

    def _new_groups(self, source: int, entries: list[Entry]) -> None:
        """Note the keys of products. Raises NotAdjacent when one was there before."""
        groups = self._groups[source]
        keys = [entry.key for entry in entries if entry.key]
        expected = len(groups) + len(keys)
        groups.update(keys)
        if len(groups) != expected:
            raise NotAdjacent

    def _fresh(self, number: int, source: int, entries: list[Entry]) -> bool:
        """Whether no product of a chunk clashes with another or with one before; their keys and claims are noted then.
        Nearly every chunk is fresh, and asking at once is much cheaper than product by product."""
        claims = self._claims[number]
        claimed: dict[str, tuple[str, int]] = {}
        keys: list[str] = []
        places: list[int] = []
        for entry in entries:
            if entry.state[number] == "w":
                outcome = entry.outcomes[number]
                place = _place(source, entry)
                keys += outcome.keys
                places += [place] * len(outcome.keys)
                for name, content in outcome.claims:
                    if (claims.get(name) or claimed.setdefault(name, (content, place)))[0] != content:
                        return False
        if not self._seen[number].note_all(keys, places):
            return False
        claims.update(claimed)
        return True

    def file_notices(self, line: int | None = None) -> None:
        """File the notices above a line, or all of them."""
        kept = []
        for finding in self._notices:
            if line is None or finding.line < line:
                self.findings.add(self.read * 2, finding)
            else:
                kept.append(finding)
        self._notices = kept

    def _take_entry(
        self, source: int, entry: Entry, fresh: list[bool], plain: list[Plain]
    ) -> tuple[str, dict[str, str]]:
        """The product's states by platform, and why it was turned away now. ``plain`` takes the answers of ordinary
        products, which every platform takes."""
        place = _place(source, entry)
        held = False
        states = entry.state
        late: dict[str, str] = NONE_LATE
        noted: tuple[str, ...] = ()
        for number, outcome in enumerate(entry.outcomes):
            state = entry.state[number]
            if state == "w":
                clash = None if fresh[number] else self._clash(number, outcome, place)
                if clash is None:
                    for note in outcome.notes:
                        first = self.notes[number].setdefault(note, [0, place, entry.sku])
                        first[0] += 1
                    if outcome.notes:
                        noted += self._costly(number, outcome.notes)
                    if self.writers:
                        self.writers[number].add(outcome)
                else:
                    state = "h"
                    rule, problem = clash
                    name = self.platforms[number].name
                    states = f"{states[:number]}h{states[number + 1 :]}"
                    late = {**late, name: f"{problem.message} [{name}.{rule.number}]"}
                    noted += (f"{name}.{rule.number}",)
                    order = self.read * 2 + 1
                    self.late.append(
                        Late(source, entry.line, entry.index, number, rule, problem, order, "h" in entry.state)
                    )
            held = held or state == "h"
            if entry.sku and (entry.state[number] == "h" or (state == "w" and self._held[number])):
                self._same_as_held(number, entry, outcome, state, place)
            if self.written is not None:
                self.written.setdefault(source, bytearray()).append(state == "w")
            self._count(self.counts[number], state, outcome.excluded, entry.variants)
        self.held_anywhere += held or "h" in entry.state
        if states == self._written_all and not self._told and not entry.own:
            plain.append((entry.facts, noted))
        else:
            self.statistics.add(entry.facts, states, entry.own, self._codes(states, noted))
        return states, late

    def _costly(self, number: int, notes: tuple[str, ...]) -> tuple[str, ...]:
        """The codes of those of a platform's notes that are warnings."""
        known = self._warnings[number]
        if notes not in known:
            rules = {rule.number: rule for rule in self.platforms[number].rules}
            known[notes] = tuple(
                sorted(
                    f"{self.platforms[number].name}.{note}"
                    for note in notes
                    if note in rules and rules[note].severity is Severity.WARNING
                )
            )
        return known[notes]

    def _codes(self, states: str, noted: tuple[str, ...]) -> list[tuple[str, ...]]:
        """By platform: the codes of the errors of a product that is held back there, else of its warnings."""
        if not noted and not self._told:
            return []
        codes = []
        for platform, state in zip(self.platforms, states, strict=True):
            weight = Severity.ERROR if state == "h" else Severity.WARNING
            own = [one.code for one in self._told if one.severity is weight and one.platform in ("", platform.name)]
            front = f"{platform.name}."
            own += [code for code in noted if code.startswith(front)]
            codes.append(tuple(sorted(set(own))))
        return codes

    def _same_as_held(self, number: int, entry: Entry, outcome: Outcome, state: str, place: int) -> None:
        """Say when a SKU is that of a held-back product and of a written one: mended and fed back, the first would
        overwrite the second."""
        held, seen = self._held[number], self._seen[number]
        if state == "h":
            held.setdefault(entry.sku, place)
            other = seen.place(entry.sku)
            if other is not None and other > place:  # known already, since it is of the same chunk: said there
                return
        else:
            other = next((held[key] for key in outcome.keys if key in held), None)
        if other is None:
            return
        said = "is written" if state == "h" else "is held back"
        file, line, pointer = self.file_line_pointer(place)
        self.findings.add(
            self.read * 2 + 1,
            Finding(
                code="run.held-sku",
                severity=Severity.WARNING,
                file=file,
                line=line,
                pointer=pointer,
                sku=cut(entry.sku),
                platform=self.platforms[number].name,
                field="sku",
                value=cut(entry.sku),
                message=f'the SKU is also that of the product at {self._where(other)}, which {said}',
                mend="give one of the two another SKU, or delete it, before the held-back one is fed in again",
            ),
        )

    @staticmethod
    def _count(counts: Counts, state: str, excluded: str, variants: int) -> None:
        products, own = counts.products, counts.variants
        products.read += 1
        own.read += variants
        if state == "w":
            products.written += 1
            own.written += variants
        elif state == "e":
            products.excluded[excluded] += 1
            if variants:
                own.excluded[excluded] += variants
        else:
            products.held_back += 1
            own.held_back += variants

    def _clash(self, number: int, outcome: Outcome, place: int) -> tuple[Rule, Problem] | None:
        """What forbids this product beside those before it; notes its keys and claims when nothing does."""
        seen = self._seen[number]
        noted: list[Before] = []
        platform = self.platforms[number]
        for position, key in enumerate(outcome.keys):
            before = seen.place(key)
            if before is None:
                noted.append(seen.note(key, place))
                continue
            spellings = seen.spellings(key)
            rule = platform.unique if key in spellings else platform.unique_case
            if rule is not None and rule.severity is Severity.ERROR:
                seen.forget(noted)
                return rule, self._twice(key, before, position)
            if rule is not None:
                self._case_warning(rule, key, spellings[0], before, place, number)
            noted.append(seen.also_spelt(key))
        claims = self._claims[number]
        mine: dict[str, tuple[str, int]] = {}
        for name, content in outcome.claims:
            known = claims.get(name) or mine.setdefault(name, (content, place))
            if known is not None and known[0] != content:
                rule = platform.claims
                assert rule is not None
                seen.forget(noted)
                message = f'"{name}" is {cut(content)} here, but {cut(known[0])} at {self._where(known[1])}'
                return rule, Problem("", message, name, rule.mend)
        claims.update(mine)
        return None

    def file_line_pointer(self, place: int) -> tuple[str, int, str]:
        """Where a product is whose place was noted."""
        source, index, line = self.sources[source_of(place)], place >> BITS & MASK, place & MASK
        return place_at(source, line, index)

    def _where(self, place: int) -> str:
        file, line, pointer = self.file_line_pointer(place)
        return f"{file}:{line}#{pointer}" if pointer else f"{file}:{line}"

    def _twice(self, key: str, before: int, position: int) -> Problem:
        field = "sku" if position == 0 else f"variants.{position - 1}.sku"
        return Problem(
            field, f'"{key}" {TWICE}, at {self._where(before)}', key, "give one of the two another SKU, or delete it"
        )

    def _case_warning(self, rule: Rule, key: str, other: str, before: int, place: int, number: int) -> None:
        file, line, pointer = self.file_line_pointer(place)
        finding = Finding(
            code=f"{self.platforms[number].name}.{rule.number}",
            severity=rule.severity,
            file=file,
            sku=key,
            line=line,
            pointer=pointer,
            message=f'"{key}" differs only in case from "{other}" at {self._where(before)}',
            mend=rule.mend,
            platform=self.platforms[number].name,
            field="sku",
            value=key,
        )
        self.findings.add(self.read * 2 + 1, finding)
        self._told.append(finding)

    def once_a_run(self) -> list[Finding]:
        """Findings for what many products have in common: one a rule, with their number."""
        found = []
        for platform, notes in zip(self.platforms, self.notes, strict=True):
            rules = {rule.number: rule for rule in platform.rules}
            for number, (count, place, sku) in sorted(notes.items()):
                rule = rules.get(number)
                if rule is not None:
                    products = "1 product" if count == 1 else f"{count:,} products"
                    file, line, pointer = self.file_line_pointer(place)
                    first = f"line {line} ({pointer})" if pointer else f"line {line}"
                    found.append(
                        Finding(
                            code=f"{platform.name}.{number}",
                            severity=rule.severity,
                            platform=platform.name,
                            mend=rule.mend,
                            message=f"concerns {products}, the first at {first}; {rule.stated}",
                            file=file,
                            sku=sku,
                        )
                    )
        return found

    def hold(self, source: int, held: Held, line: int, index: int) -> None:
        """One record into the quarantine; ``line`` and ``index`` are those of its product."""
        if self.quarantine is None:
            return
        sheet = self._sheet(source, held.file)
        start = sheet.end
        if isinstance(sheet, TableSheet):
            cells = list(held.cells or [])
            if held.reliable >= 0 and held.raw:
                bad = BadCells(cells)
                bad.raw, bad.reliable, bad.last_line = held.raw, held.reliable, held.line
                cells = bad
            sheet.add(held.line, held.code, held.problem, held.mend, cells)
        elif held.document:
            sheet.add(held.line, held.code, held.problem, held.mend, _DECODE(held.document), held.pointer)
        else:
            bad_document = BadDocument()
            bad_document.raw = held.raw
            sheet.add(held.line, held.code, held.problem, held.mend, bad_document, held.pointer)
        if self.watch is not None:
            kept = Kept(sheet.path.name, sheet.head, max(start, sheet.head), sheet.end)
            self.watch.keep(source, line, index, held, kept)

    def _sheet(self, number: int, file: str) -> TableSheet | DocumentSheet:
        source = self.sources[number]
        files = getattr(source, "sources", [])
        key = (number, file if source.kind == "documents" or files else "")
        source = next((one for one in files if one.name == file), source)
        if key not in self._sheets:
            assert self.quarantine is not None
            if source.kind == "table" and not hasattr(source, "document_of"):
                about = source.about
                self._sheets[key] = self.quarantine.table(
                    source.name,
                    source.header,
                    str(about.get("delimiter", ",")),
                    str(about.get("quote", '"')),
                    fed_back=source.is_quarantine,
                )
            else:
                self._sheets[key] = self.quarantine.documents(file or source.name)
        return self._sheets[key]

    def check_law(self) -> None:
        """read = written + excluded + held back, on every platform; all but the excluded have a score. Raises
        FeedbridgeError when it does not hold."""
        self.statistics.settle()
        for platform, counts, scores in zip(self.platforms, self.counts, self.statistics.scores, strict=True):
            products = counts.products
            scored = scores.products == sum(scores.bins) == products.read - products.excluded.total()
            if products.read != self.read or not products.holds() or not counts.variants.holds() or not scored:
                raise FeedbridgeError(
                    f"{platform.name}: read {self.read}, but {counts.products.to_dict()}; the counts do not add up, nothing was written",
                    code="run.conservation",
                    mend="this is a fault of feedbridge: please report it with the source file",
                )


def _decimal_json(data: bytes) -> dict[str, Any]:
    import json
    from decimal import Decimal

    found: dict[str, Any] = json.loads(data, parse_float=Decimal)
    return found


_DECODE = _decimal_json
