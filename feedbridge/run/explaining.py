"""One product, explained: its source cells, its canonical fields, what each platform gets of it, and why.

The sources are read once to find the product, by identities only: SKUs and ids are made for every product, nothing else.
What a run would say of it beside the other products (a SKU twice, a second currency) is found out by the run's own
stitcher, fed with just those products that have to do with it.
"""

from __future__ import annotations

import heapq
import json
import re
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from feedbridge.cells import CellError, readers
from feedbridge.errors import CommandError, SourceError
from feedbridge.findings import Finding
from feedbridge.mapping.apply import Applied, Way
from feedbridge.mapping.assemble import Assembled, Assembler, place_of
from feedbridge.mapping.bound import BoundBlock, BoundLeaf, BoundTrees, as_text, is_blank
from feedbridge.mapping.group import Group
from feedbridge.mapping.grouping import NotAdjacent
from feedbridge.mapping.schema import Spec
from feedbridge.mapping.tree import Leaf
from feedbridge.platforms import Outcome, platform
from feedbridge.product import Product
from feedbridge.rules import Found
from feedbridge.run.engine import keep_of, paused_collector, where_is
from feedbridge.run.job import Job
from feedbridge.run.process import Chunk, Entry, Processor, finding_of
from feedbridge.run.provenance import Provenance, is_readable
from feedbridge.run.stitch import FindingFile, Late, Stitcher
from feedbridge.sources.base import Record, Source
from feedbridge.sources.files import open_binary

__all__ = ["explain"]

STATES = {"w": "written", "e": "excluded", "h": "held back"}
NEAR = 3
"""How many similar SKUs are offered for an unknown one."""
LEAST = 60.0


def explain(job: Job, *, sku: str | None = None, line: int | None = None) -> dict[str, Any]:
    """All that is known of the products with a SKU (product's or variant's) or group key, or at a line of a source.

    Shape:   docs/explain.md.
    Raises:  CommandError when there is no such product; what a run raises for sources and mappings.
    """
    search = _Search(job, sku, line)
    with paused_collector():
        search.go()
        if not search.hits:
            raise search.unknown()
        told = _Told(job, search) if job.platforms else None
        products = [_product(job, search, hit, told) for hit in search.hits]
    about = {
        "query": {"sku": sku, "line": line},
        "platforms": job.platforms,
        "products": products,
    }
    return _encodable(about)


class Identity(NamedTuple):
    """By what a product is known."""

    sku: str
    variants: list[str]
    others: list[str]
    """Platforms' ids."""


@dataclass(slots=True)
class Hit:
    """A product that was asked for."""

    source: int
    ordinal: int
    group: Group
    found_by: list[str]


@dataclass(slots=True)
class Opened:
    """One source with its mapping: ``whole`` reads every field, ``kept`` what the job's platforms have a place for."""

    whole: Applied
    kept: Applied
    identities: list[Way] = field(default_factory=list)
    gathered: bool = False

    def groups(self, notice: Any = None) -> Iterator[Group]:
        applied = self.kept
        if self.gathered or not applied.streams():
            return applied.anywhere(notice)
        return applied.groups(None, notice)


def _opened(job: Job, number: int) -> Opened:
    source, mapping = job.sources[number], job.mappings[number]
    if not job.platforms:
        whole = Applied(mapping, source)
        opened = Opened(whole, whole)
    else:
        try:
            whole = Applied(mapping, source)
        except SourceError:  # a column that no platform needs cannot be decided
            kept = Applied(mapping, source, keep_of(job))
            opened = Opened(kept, kept)
        else:
            opened = Opened(whole, Applied(mapping, source, keep_of(job), whole.decimals))
    overlaid = [name for name in job.platforms if mapping.has_overlay(name)]
    opened.identities = [_identity_way(opened.kept, opened.kept.full[name]) for name in (None, *overlaid)]
    return opened


def _identity_way(applied: Applied, trees: BoundTrees) -> Way:
    """A way that makes of a product only what it is known by. Its title is a constant: titles may be missing, or differ
    from row to row, and cost time."""
    leaf = Leaf("title", ("product", "title"), Spec(value="-"), "text", {})
    product = {name: node for name, node in trees.product.fields.items() if name in ("sku", "ids")}
    product["title"] = BoundLeaf(leaf, "", readers()["text"]())
    variant = {name: node for name, node in trees.variant.fields.items() if name in ("sku", "ids", "options")}
    own = BoundTrees(BoundBlock(trees.product.model, product), BoundBlock(trees.variant.model, variant))
    assembler = Assembler(own, applied.records_spec, applied.source, applied.variant_if, applied.variants)
    assembler.key = applied.key
    assembler.variant_test = applied.variant_test
    return Way(own, assembler)


def _identity(opened: Opened, way: Way, group: Group) -> Identity:
    product, assembled = way.product(group)
    if product is None:
        sku = assembled.sku if assembled is not None else ""
        return Identity(sku, list(_written_skus(opened.kept, way.trees, group)), [])
    ids = list(product.ids.values()) if product.ids else []
    for variant in product.variants:
        if variant.ids:
            ids += variant.ids.values()
    return Identity(product.sku, [variant.sku for variant in product.variants], ids)


def _written_skus(applied: Applied, trees: BoundTrees, group: Group) -> Iterator[str]:
    """What stands where SKUs stand, in a product whose SKUs could not be made."""
    leaves = [
        leaf for block in (trees.product, trees.variant) if isinstance(leaf := block.fields.get("sku"), BoundLeaf)
    ]
    for record in group.records():
        places = [(record[1], None)]
        if applied.variants is not None:
            try:
                inner = applied.variants.get(record[1], None)
            except CellError:
                inner = None
            places += [(item, record[1]) for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []
        for cells, up in places:
            for leaf in leaves:
                try:
                    _, raw = leaf.locate(cells, up)
                except (CellError, IndexError):
                    continue
                if not is_blank(raw) and not isinstance(raw, dict | list):
                    yield as_text(raw)


FOLD = re.compile(r"[\W_]+")


def _fold(text: str) -> int:
    """What two keys of a run surely share when any platform takes them for one; others may share it, too."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return hash(FOLD.sub("", text).casefold() or text) or 1  # 0 stands between products


class _Search:
    """One reading of all sources: the products asked for, and for every product the hashes of what it is known by."""

    def __init__(self, job: Job, sku: str | None, line: int | None) -> None:
        self.job = job
        self.sku = sku
        self.line = line
        self.opened = [_opened(job, number) for number in range(len(job.sources))]
        self.hits: list[Hit] = []
        self.unreadable: list[Finding] = []
        self.folds: list[array[int]] = []
        """One array a source: the hashes of each product's identities, each product's behind a 0."""
        self.word = re.compile(rf"(?<![\w-]){re.escape(sku)}(?![\w-])") if sku else None
        self.noticed = False

    def go(self) -> None:
        for number in range(len(self.opened)):
            try:
                self.source(number)
            except NotAdjacent:
                self.opened[number].gathered = True
                self.source(number)
        if not any(opened.kept.count for opened in self.opened) and not self.job.allow_empty:
            raise SourceError(
                "holds no records",
                where=", ".join(source.name for source in self.job.sources),
                code="source.no-products",
                mend="export it again",
            )

    def source(self, number: int) -> None:
        """Raises NotAdjacent when records of one product are scattered."""
        opened = self.opened[number]
        self.hits = [hit for hit in self.hits if hit.source != number]
        self.unreadable = [finding for finding in self.unreadable if finding.file != opened.kept.source.name]
        folds = array("q")
        self.folds = [*self.folds[:number], folds]
        places = _lines_at(opened.kept.source, self.line) if self.line is not None else set()
        lines = {line for _, line in places}
        groups_seen: set[str] = set()
        watching = opened.kept.streams() and opened.kept.key is not None and not opened.gathered
        sku = self.sku
        opened.kept.count = 0
        for ordinal, group in enumerate(opened.groups(self.notice)):
            if watching and group.key:
                if group.key in groups_seen:
                    raise NotAdjacent
                groups_seen.add(group.key)
            folds.append(0)
            found: list[str] = []
            for way in opened.identities:
                known = _identity(opened, way, group)
                folds.extend({_fold(text) for text in (known.sku, *known.variants, *known.others) if text})
                if sku is not None:
                    found += ["SKU"] * (sku == known.sku) + ["variant SKU"] * (sku in known.variants)
            if sku and group.key == sku:
                found.append("group key")
            if lines and any(
                record[0] in lines and place_of(opened.kept.source, record)[:2] in places for record in group.records()
            ):
                found.append("line")
            if (found and any(is_readable(record) for record in group.records())) or "line" in found:
                self.hits.append(Hit(number, ordinal, group, list(dict.fromkeys(found))))
            elif self.word is not None:
                self.look_into_unreadable(group)

    def look_into_unreadable(self, group: Group) -> None:
        assert self.word is not None
        for record in group.records():
            if not is_readable(record) and self.word.search(record[1].raw):
                self.unreadable.append(record[1].finding)

    def notice(self, findings: list[Finding]) -> None:
        self.noticed = True

    def notices(self, hit: Hit) -> list[Finding]:
        """What the source noticed about rows of a product that are used all the same."""
        if not self.noticed:
            return []
        source = self.job.sources[hit.source]
        lines = {place_of(source, record)[:2] for record in hit.group.records()}
        return [
            finding
            for batch in source.batches()
            for finding in batch.findings
            if (finding.file or source.name, finding.line) in lines
        ]

    def unknown(self) -> CommandError:
        names = ", ".join(source.name for source in self.job.sources)
        if self.sku is None:
            return CommandError(
                f"there is no record at line {self.line}",
                where=names,
                code="command.unknown-line",
                mend="name a line of the record as an editor shows it, or give --sku",
            )
        if self.unreadable:
            told = "; ".join(
                f"{finding.place()}: {finding.message} [{finding.code}]" for finding in self.unreadable[:NEAR]
            )
            return CommandError(
                f'"{self.sku}" is in a record that could not be read: {told}',
                where=names,
                code="command.unknown-sku",
                mend=self.unreadable[0].mend or "mend the record first",
            )
        near = self.near()
        return CommandError(
            f'there is no product, variant or group "{self.sku}"',
            where=names,
            code="command.unknown-sku",
            mend=f"did you mean {' or '.join(near)}?" if near else "SKUs are compared exactly, also in case",
        )

    def near(self) -> list[str]:
        """The SKUs and group keys most like the one asked for."""
        from rapidfuzz import fuzz, process

        assert self.sku is not None
        scored = process.extract_iter(
            self.sku, self.names(), scorer=fuzz.WRatio, processor=str.casefold, score_cutoff=LEAST
        )
        best: dict[str, float] = {}
        for name, score, _ in scored:
            best[name] = score
            if len(best) > 100:
                best = dict(heapq.nlargest(NEAR, best.items(), key=lambda one: one[1]))
        ranked = heapq.nlargest(NEAR, best.items(), key=lambda one: (one[1], -abs(len(one[0]) - len(self.sku or ""))))
        return [name for name, _ in ranked]

    def names(self) -> Iterator[str]:
        for opened in self.opened:
            for group in opened.groups():
                known = _identity(opened, opened.identities[0], group)
                yield from {name: None for name in (known.sku, *known.variants, group.key) if name}

    def related(self) -> list[set[int]]:
        """For each source the products (by number) that share a key with one asked for, or with one that does: what
        they are is decided by the run's own rules later."""
        wanted: set[int] = set()
        related = [{hit.ordinal for hit in self.hits if hit.source == number} for number in range(len(self.folds))]
        while True:
            for number, folds in enumerate(self.folds):
                for ordinal, own in _products(folds):
                    if ordinal in related[number]:
                        wanted.update(own)
            grown = [
                {ordinal for ordinal, own in _products(folds) if not wanted.isdisjoint(own)} | related[number]
                for number, folds in enumerate(self.folds)
            ]
            if grown == related:
                return related
            related = grown


def _products(folds: array[int]) -> Iterator[tuple[int, list[int]]]:
    ordinal, own = -1, list[int]()
    for fold in folds:
        if fold:
            own.append(fold)
            continue
        if ordinal >= 0:
            yield ordinal, own
        ordinal, own = ordinal + 1, []
    if ordinal >= 0:
        yield ordinal, own


def _lines_at(source: Source, line: int) -> set[tuple[str, int]]:
    """File and first line of the records that reach over a line (several documents may begin on one)."""
    found = set()
    for one in getattr(source, "sources", [source]):
        above: Record | None = None
        below = False
        for batch in one.batches():
            for record in batch.records:
                if record[0] <= line:
                    above = record
                else:
                    below = True
                    break
            if below:
                break
        if above is not None and line <= _last_line(one, above, line, below):
            found.add((one.name, above[0]))
    return found


def _last_line(source: Source, record: Record, line: int, below: bool) -> int:
    """The last physical line of a record, as far as it matters for ``line``."""
    first, cells = record[0], record[1]
    if first == line:
        return line
    if isinstance(cells, list) and not hasattr(source, "document_of"):
        last = getattr(cells, "last_line", 0)
        return last or first + sum(len(re.findall("\r\n|\r|\n", cell)) for cell in cells)
    if below:
        return line
    path = getattr(source, "path", None)
    if path is None:
        return first
    with open_binary(path) as stream:
        count, rest = 0, b""
        while chunk := stream.read(1 << 20):
            count += chunk.count(b"\n")
            rest = chunk[-1:]
    return count + (rest != b"\n")


# -- platforms --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Answer:
    """What a run says of one product on the platforms."""

    entry: Entry
    findings: list[Finding]
    late: list[tuple[Late, Finding]]
    elsewhere: list[tuple[str, Finding]] = field(default_factory=list)
    """Platform, and a finding of another product that has to do with this one's keys."""


class _Told:
    """The answers of a run for the products asked for, in the light of all others."""

    def __init__(self, job: Job, search: _Search) -> None:
        self.job = job
        self.search = search
        self.platforms = [platform(name) for name in job.platforms]
        self.processors = [Processor(job, number, opened.kept) for number, opened in enumerate(search.opened)]
        self.findings = FindingFile(None)
        self.stitcher = Stitcher(self.platforms, [], self.findings, None, job.sources, None)
        self.answers: dict[tuple[int, int], Answer] = {}
        self.wanted = {(hit.source, hit.ordinal): hit for hit in search.hits}
        first = {place: self.chunk(place[0], hit.group).entries[0] for place, hit in self.wanted.items()}
        self.keys = [
            {key.casefold() for entry in first.values() for key in entry.outcomes[number].keys}
            for number in range(len(self.platforms))
        ]
        self.claims = [
            {name for entry in first.values() for name, _ in entry.outcomes[number].claims}
            for number in range(len(self.platforms))
        ]
        related = search.related()
        alone = all(
            own == {hit.ordinal for hit in search.hits if hit.source == number} for number, own in enumerate(related)
        )
        if alone and not any(self.claims):
            for place, hit in self.wanted.items():
                self.take(place, hit.group)
        else:
            self.again(related)

    def chunk(self, number: int, group: Group) -> Chunk:
        (chunk,) = self.processors[number].chunks([group])
        return chunk

    def again(self, related: list[set[int]]) -> None:
        """Read once more, as far as other products matter: those that share a key, and those that claim something
        before a product asked for does."""
        last = max(self.wanted)
        for number, opened in enumerate(self.search.opened):
            rest = max(related[number], default=-1)
            for ordinal, group in enumerate(opened.groups()):
                place = (number, ordinal)
                if ordinal > rest and (place > last or not any(self.claims)):
                    break
                if ordinal in related[number] or (place < last and any(self.claims)):
                    self.take(place, group)

    def take(self, place: tuple[int, int], group: Group) -> None:
        chunk = self.chunk(place[0], group)
        entry = chunk.entries[0]
        known, late = len(self.findings.kept), len(self.stitcher.late)
        self.stitcher.take(chunk, gathered=True)
        found = self.findings.kept[known:]
        turned = [(one, self.late_finding(place[0], group, one)) for one in self.stitcher.late[late:]]
        for number, outcome in enumerate(entry.outcomes):
            if entry.state[number] == "w" and all(one.platform != number for one, _ in turned):
                self.claims[number] -= {name for name, _ in outcome.claims}
        for one, said in turned:
            if said is not None and one.problem.value.casefold() in self.keys[one.platform]:
                self.tell_elsewhere(one.platform, one.problem.value, said)
        cased = {f"{one.name}.{one.unique_case.number}": n for n, one in enumerate(self.platforms) if one.unique_case}
        for finding in found:
            number = cased.get(finding.code, -1)
            if number >= 0 and finding.value.casefold() in self.keys[number]:
                self.tell_elsewhere(number, finding.value, finding)
        if place in self.wanted:
            own = [(one, said) for one, said in turned if said is not None]
            self.answers[place] = Answer(entry, found, own)

    def tell_elsewhere(self, number: int, key: str, finding: Finding) -> None:
        """A later product is turned away, or warned of, for a key that one asked for has."""
        for answer in self.answers.values():
            if key.casefold() in {own.casefold() for own in answer.entry.outcomes[number].keys}:
                answer.elsewhere.append((self.platforms[number].name, finding))

    def late_finding(self, source: int, group: Group, late: Late) -> Finding | None:
        applied = self.search.opened[source].kept
        name = self.job.platforms[late.platform]
        assembled = applied.ways[name].assembler.assemble(group)
        if assembled.product is None:
            return None
        found = Found(late.rule, where_is(late.problem, assembled.product))
        return finding_of(found, name, assembled.product, assembled, group, applied)


def _platform(job: Job, number: int, hit: Hit, answer: Answer) -> dict[str, Any]:
    """What one platform gets of a product."""
    name = job.platforms[number]
    target = platform(name)
    outcome: Outcome = answer.entry.outcomes[number]
    state = answer.entry.state[number]
    late = [finding for one, finding in answer.late if one.platform == number]
    if late:
        state = "h"
    told: dict[str, Any] = {"state": STATES[state]}
    if state == "e":
        told["excluded"] = outcome.excluded
    own = [finding for finding in answer.findings if finding.platform in ("", name)]
    rules = {rule.number: rule for rule in target.rules}
    file, line, pointer = place_of(job.sources[hit.source], hit.group.head)
    notes = [
        Finding(
            code=f"{name}.{rule.number}",
            severity=rule.severity,
            message=rule.stated,
            mend=rule.mend,
            sku=answer.entry.sku,
            platform=name,
            file=file,
            line=line,
            pointer=pointer,
        )
        for note in (outcome.notes if state == "w" else ())
        if (rule := rules.get(note)) is not None
    ]
    told["findings"] = [finding.to_dict() for finding in [*own, *late, *notes]]
    told["elsewhere"] = [finding.to_dict() for platform_name, finding in answer.elsewhere if platform_name == name]
    if state == "w":
        told["payload"] = _payload(outcome.body)
        if outcome.folder:
            told["folder"] = outcome.folder
        if outcome.files:
            told["files"] = [{"source": use.source, "target": use.target} for use in outcome.files]
    return told


def _payload(body: bytes) -> Any:
    """The product's part of what is written: an object, or the members that make it up."""
    whole = body if body.startswith(b"{") else b"{" + body + b"}"
    return json.loads(whole, parse_float=Decimal)


# -- one product ------------------------------------------------------------------------------------------------------


def _product(job: Job, search: _Search, hit: Hit, told: _Told | None) -> dict[str, Any]:
    opened = search.opened[hit.source]
    applied, group = opened.whole, hit.group
    assembled = applied.common.assembler.assemble(group)
    common = Provenance(applied, group, assembled)
    file, line, pointer = place_of(applied.source, group.head)
    about: dict[str, Any] = {
        "sku": _sku_of(assembled, opened, group),
        "group_key": group.key,
        "found_by": hit.found_by,
        "file": file,
        "line": line,
        **({"pointer": pointer} if pointer else {}),
        "mapping": {"name": applied.mapping.name, "files": applied.mapping.files},
    }
    platforms: dict[str, Any] = {}
    said: set[tuple[Any, ...]] = set()
    if told is not None:
        answer = told.answers[hit.source, hit.ordinal]
        for number, name in enumerate(job.platforms):
            platforms[name] = _platform(job, number, hit, answer)
            said |= {_same(finding) for finding in platforms[name]["findings"]}
            if applied.mapping.has_overlay(name):
                platforms[name]["fields"] = _overlaid(opened, name, group, common)
    notices = search.notices(hit)
    about["records"] = common.records()
    about["fields"] = common.fields
    about["findings"] = [
        told_one
        for finding in dict.fromkeys([*notices, *assembled.findings])
        if _same(told_one := finding.to_dict()) not in said
    ]
    about["platforms"] = platforms
    about["unused"] = common.unused(opened.kept.used_columns())
    return about


def _same(finding: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(finding.get(key) for key in ("code", "message", "file", "line", "column", "value"))


def _sku_of(assembled: Assembled, opened: Opened, group: Group) -> str:
    if assembled.product is not None:
        product: Product = assembled.product
        return product.sku
    return assembled.sku or group.key or next(_written_skus(opened.kept, opened.kept.full[None], group), "")


def _overlaid(opened: Opened, name: str, group: Group, common: Provenance) -> list[dict[str, Any]]:
    """The fields that a platform's overlay makes otherwise; ``value`` None where it takes one away."""
    applied = opened.kept
    way = applied.way(applied.full[name])
    own = Provenance(applied, group, way.assembler.assemble(group))
    common.take_over(own, name)
    before = {one["field"]: one for one in common.fields}
    after = {one["field"]: one for one in own.fields}
    differing = [one for path, one in after.items() if path not in before or _makes(before[path]) != _makes(one)]
    gone = [
        {"field": path, "value": None, "origin": "overlay", "note": "taken away for this platform"}
        for path in before
        if path not in after
    ]
    return differing + gone


def _makes(told: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(repr(told.get(key)) for key in ("value", "column", "layer", "raw"))


def _encodable(value: Any) -> Any:
    """Halves of surrogate pairs spelt out: no output could carry them."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value
