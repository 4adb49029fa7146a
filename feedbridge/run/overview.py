"""What is said of a run as a whole: told once, so nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from feedbridge.cells import CellError
from feedbridge.findings import Finding, Severity, cut, name_shown
from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.attached import AttachedFile
from feedbridge.mapping.bound import BoundBlock, BoundLeaf, BoundMany, BoundNamed, BoundNode, is_blank, leaves_of
from feedbridge.mapping.drift import header_drift
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.paths import Column, plain_path
from feedbridge.platforms import Platform
from feedbridge.platforms.base import BY_PATH
from feedbridge.run.process import where_they_are
from feedbridge.run.stitch import Stitcher, source_of

__all__ = ["of_the_run"]

UNPUBLISHED = frozenset({"draft", "archived"})
"""Kinds of left-out products that a platform's setting ``drafts`` lets through."""
SAMPLE = 1_000
"""Documents that are looked at to see which of the mapped paths a source really has."""


def of_the_run(platforms: Sequence[Platform], sources: Sequence[Applied], stitcher: Stitcher) -> list[Finding]:
    """What is said once a run: nothing written, paths no record has, columns nothing uses, fields without a place."""
    found = [finding for applied in sources for finding in applied.cautions.findings()]
    samples = [Sample(applied) if applied.source.kind == "documents" else None for applied in sources]
    found += pictures_by_path(platforms, stitcher, sources)
    found += nothing_written(platforms, stitcher, sources) + currency_not_used(stitcher, sources)
    for applied, sample in zip(sources, samples, strict=True):
        if sample is not None:
            found += paths_not_found(applied, sample)
        found += unused(applied, sample)
        found += not_in_tables(applied) + written_otherwise(applied)
        for further in applied.attached.values():
            found += further.unmatched() + unused_of(further, applied.mapping.name)
        found += drift(applied, sample)
    return found + unplaced(platforms, sources, samples)


def nothing_written(platforms: Sequence[Platform], stitcher: Stitcher, sources: Sequence[Applied]) -> list[Finding]:
    """A platform that gets none of the products that were read, because all of them were left out."""
    found = []
    for platform, counts in zip(platforms, stitcher.counts, strict=True):
        products = counts.products
        if products.read and not products.written and not products.held_back:
            kinds = ", ".join(f"{kind} ({number})" for kind, number in sorted(products.excluded.items()))
            names = ", ".join(dict.fromkeys(applied.mapping.name for applied in sources))
            mend = f"check that the mapping ({names}) is the right one for this file, and the products' status and kind"
            if products.excluded.keys() & UNPUBLISHED and "drafts" in platform.settings.model_fields:
                mend += f"; --set {platform.name}.drafts=write writes drafts and archived products, too"
            found.append(
                Finding(
                    code="run.nothing-written",
                    severity=Severity.ERROR,
                    platform=platform.name,
                    message=f"none of {products.read} products is written for {platform.title}: all are left out as {kinds}",
                    mend=mend,
                    file=", ".join(dict.fromkeys(applied.source.name for applied in sources)),
                )
            )
    return found


def pictures_by_path(platforms: Sequence[Platform], stitcher: Stitcher, sources: Sequence[Applied]) -> list[Finding]:
    """Pictures that are written as paths, where a parameter of the mapping would make addresses of them."""
    found = []
    for platform, notes in zip(platforms, stitcher.notes, strict=True):
        if platform.by_path is None or BY_PATH not in notes:
            continue
        count, place, sku = notes[BY_PATH]
        applied = sources[source_of(place)]
        trees = applied.full.get(platform.name, applied.full[None])
        nodes = [block.fields[n] for block in (trees.product, trees.variant) for n in PICTURES if n in block.fields]
        leaves = [leaf for node in nodes for leaf in leaves_of(node)]
        mend = next((mend for leaf in leaves if (mend := where_they_are(leaf, applied))), "")
        if mend:
            products = "1 product" if count == 1 else f"{count:,} products"
            file, line, pointer = stitcher.file_line_pointer(place)
            found.append(
                Finding(
                    code=f"{platform.name}.{platform.by_path.number}",
                    severity=platform.by_path.severity,
                    platform=platform.name,
                    message=f"pictures of {products} are written as paths, not as addresses",
                    mend=mend,
                    file=file,
                    line=line,
                    pointer=pointer,
                    field="images",
                    sku=sku,
                )
            )
    return found


PICTURES = ("images", "image")


def currency_not_used(stitcher: Stitcher, sources: Sequence[Applied]) -> list[Finding]:
    """A currency that was given, and no product's price is in it: the rows name others themselves."""
    prices = stitcher.statistics.prices
    prices.settle()
    there = sorted(prices.counts)
    found = []
    for applied in sources:
        given = applied.mapping.parameters.get("currency", "").strip().upper()
        if not there or not given or given in there:
            continue
        others = applied.mapping.file.parameters
        further = [f"--set {name}={given} ({others[name].about})" for name in others if name.endswith("_currency")]
        found.append(
            Finding(
                code="mapping.currency-not-used",
                severity=Severity.WARNING,
                file=applied.source.name,
                field="price",
                value=given,
                message=f"--set currency={given} is given, but all prices are in {', '.join(there)}: each row names its own",
                mend="leave it out; prices are never converted: for others export them in that currency"
                + "".join(f", or say {one}" for one in further),
            )
        )
    return found


def paths_not_found(applied: Applied, sample: Sample) -> list[Finding]:
    """Paths of a mapping that no document has: most likely a slip, and the field would be missing everywhere."""
    if not sample.products:
        return []
    found = []
    trees = applied.full[None]
    for block, documents, paths in (
        (trees.product, sample.products, sample.paths),
        (trees.variant, sample.variants, sample.variant_paths),
    ):
        for leaf in top_leaves(block):
            columns = leaf.columns
            if not columns or leaf.spec.optional or applied.mapping.may_lack(leaf.leaf.path):
                continue
            if any(column.label.lstrip("^") in paths for column in columns):
                continue
            if any(not is_blank(cell(column, document, up)) for column in columns for document, up in documents):
                continue
            wanted = " or ".join(f'"{column.label}"' for column in columns)
            near = nearest(columns[0].label, paths, 75)
            among = "none of the records" if sample.whole else f"none of the first {SAMPLE:,} records"
            found.append(
                Finding(
                    code="mapping.path-not-found",
                    severity=Severity.WARNING,
                    file=applied.source.name,
                    column=columns[0].label,
                    message=f"{among} has {wanted}, which the mapping names at {leaf.layer}",
                    mend=f'did you mean "{near}"?' if near else "name the right path, or set optional: true",
                )
            )
    return found


def top_leaves(block: BoundBlock) -> Iterator[BoundLeaf]:
    """The leaves of a block, save those inside lists of the documents."""
    for node in block.fields.values():
        if isinstance(node, BoundMany):
            for inner in node.blocks:
                if inner.each is None:
                    yield from top_leaves(inner)
        elif isinstance(node, BoundBlock):
            if node.each is None:
                yield from top_leaves(node)
        else:
            yield from leaves_of(node)


def times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def not_in_tables(applied: Applied) -> list[Finding]:
    """Values without an entry in a table that says so once a run."""
    found = []
    for table in applied.tables():
        if table.missing != "once" or not table.misses:
            continue
        missed = sorted(table.misses.items(), key=lambda one: (-one[1], one[0]))
        each = [f'"{cut(text)}" ({times(number)})' for text, number in missed[:5]]
        shown = ", ".join(each)
        shown += f" and {len(missed) - 5} more" if len(missed) > 5 else ""
        example = ",".join(f"{text}=…" for text, _ in missed[:3])
        about = applied.mapping.file.parameters[table.parameter].about if table.parameter else ""
        why = f"nothing says what they stand for ({about})" if about else f"not in the table {table.shown}"
        given = f'add them: --set "{table.parameter}={example}"' if table.parameter else f"add them to {table.shown}"
        found.append(
            Finding(
                code="mapping.lookup-missing",
                severity=Severity.WARNING,
                file=applied.source.name,
                column=table.column,
                message=f"{shown}: {why}, so what goes with them is left out",
                mend=f"{given}; one without a meaning here may stay out",
            )
        )
    return found


def written_otherwise(applied: Applied) -> list[Finding]:
    """Titles that stand for one of a catalogue though they differ from it in blanks or letter case."""
    found = []
    for table in applied.tables():
        if not table.loose:
            continue
        each = [f'"{cut(text)}" for "{cut(title)}"' for text, title in sorted(table.loose.items())]
        shown = ", ".join(each[:5]) + (f" and {len(each) - 5} more" if len(each) > 5 else "")
        found.append(
            Finding(
                code="mapping.catalogue-spelling",
                severity=Severity.ADVICE,
                file=applied.source.name,
                column=table.column,
                message=f"titles are written otherwise than in {table.shown}, and were understood: {shown}",
                mend="write them as they are there: a second one that differs in this only would make them unclear",
            )
        )
    return found


def unused(applied: Applied, sample: Sample | None) -> list[Finding]:
    """What the source has and the mapping does not use: said, so that nothing is lost without a word."""
    if sample is None:
        names = [*applied.unused_columns(), *applied.unused_members()]
    else:
        names = unused_paths(applied, sample)
    if not names:
        return []
    shown = ", ".join(map(name_shown, names[:60])) + (f" and {len(names) - 60} more" if len(names) > 60 else "")
    return [
        Finding(
            code="mapping.unused-columns",
            severity=Severity.ADVICE,
            file=applied.source.name,
            message=f"the mapping {applied.mapping.name} uses nothing of: {shown}",
            mend="map them where they matter (feedbridge mapping show prints a preset; extends: takes it up)",
        )
    ]


def drift(applied: Applied, sample: Sample | None) -> list[Finding]:
    """Columns that are gone, and what seems to stand for them now."""
    if sample is None:
        return header_drift(applied.mapping, applied.source.header, applied.unused_columns(), applied.source.name)
    raw = paths_of(document[RAW] for document, _ in sample.products if RAW in document)
    have = [*sample.paths, *sample.variant_paths, *raw]
    unused_ones = unused_paths(applied, sample)
    return header_drift(applied.mapping, have, unused_ones, applied.source.name, documents=True)


def unused_of(further: AttachedFile, mapping: str) -> list[Finding]:
    """The same for a further file."""
    names = further.unused_columns()
    if not names:
        return []
    return [
        Finding(
            code="mapping.unused-columns",
            severity=Severity.ADVICE,
            file=further.source.name,
            message=f"the mapping {mapping} uses nothing of: {', '.join(map(name_shown, names[:60]))}",
            mend="map them where they matter (feedbridge mapping show prints a preset; extends: takes it up)",
        )
    ]


def unused_paths(applied: Applied, sample: Sample) -> list[str]:
    """Members of the documents that the mapping uses nothing of: the topmost of each branch, variants' as
    ``variants.<member>``."""
    trees = applied.full[None]
    product, variant = used_paths(trees.product), used_paths(trees.variant)
    grammar = {column.label for column in (applied.key, applied.variants) if column is not None}
    if applied.parents is not None:
        grammar |= {c.label for c in [*applied.parents.parent, *applied.parents.own, *applied.parents.never]}
        grammar |= {plain_path(applied.parents.children.label)} if applied.parents.children is not None else set()
    upward = {path.removeprefix("^") for path in variant if path.startswith("^")}
    if applied.variants is None:
        grammar |= upward | {plain_path(label.removeprefix("^")) for label in applied.binder.used}
        return topmost(sample.paths, product | variant | grammar)
    inner = topmost(paths_of(document for document, _ in sample.variants), variant)
    return topmost(sample.paths, product | upward | grammar) + [f"{applied.variants.label}.{path}" for path in inner]


def used_paths(block: BoundBlock) -> set[str]:
    """Where the fields of a block look, as far as the paths are plain; a list that is gone through counts as a whole."""
    found: set[str] = set()
    for node in block.fields.values():
        if isinstance(node, BoundLeaf | BoundNamed):
            columns = [
                column for leaf in leaves_of(node)
                for column in [*leaf.every_column(), *leaf.currency, *leaf.units, *([leaf.test_column] if leaf.test_column else [])]
            ]
            found.update(plain_path(column.label) for column in columns)
            found.update(name for leaf in leaves_of(node) for name in leaf.names_met)
            continue
        for inner in node.blocks if isinstance(node, BoundMany) else [node]:
            found |= used_paths(inner) if inner.each is None else {plain_path(inner.each.label)}
    return found


def topmost(paths: Iterable[str], used: set[str]) -> list[str]:
    """The highest paths of which nothing is used, neither they nor anything above or below them."""
    above = {path[:end] for path in used for end, letter in enumerate(path) if letter == "."}
    found: dict[str, None] = {}
    for path in paths:
        steps = path.split(".")
        higher = [".".join(steps[:end]) for end in range(1, len(steps) + 1)]
        hidden = steps[0].startswith("_") or steps[0] == "values_by_locale"
        if not hidden and path not in above and not any(one in used or one in found for one in higher):
            found[path] = None
    return list(found)


def unplaced(
    platforms: Iterable[Platform], sources: Sequence[Applied], samples: Sequence[Sample | None]
) -> list[Finding]:
    """One finding a platform, naming the fields and the columns they come from.

    Tables say by their header which columns they have. Of documents the first thousand are looked at; a field that is
    filled in none of them is named only when there are more.
    """
    found = []
    for platform in platforms:
        if platform.unplaced is None:
            continue
        fields: dict[str, dict[str, str]] = {}
        for applied, sample in zip(sources, samples, strict=True):
            trees = applied.full.get(platform.name, applied.full[None])
            for block, front in ((trees.product, ""), (trees.variant, "variants.")):
                for name, node in with_members(block.fields):
                    known = platform.placed | platform.dropped
                    if (
                        name == "compare_at_price"
                        or f"{front}{name}" in known
                        or (name in known
                        and (front, name) != ("variants.", "title"))
                    ):
                        continue
                    columns = columns_of(node)
                    if sample is not None:
                        columns = sample.having(columns, of_variant=bool(front))
                    if columns:
                        fields.setdefault(name, {}).setdefault(applied.source.name, columns[0].label)
        if fields:
            listed = ", ".join(f'{name} (column "{next(iter(places.values()))}")' for name, places in fields.items())
            found.append(
                Finding(
                    code=f"{platform.name}.{platform.unplaced.number}",
                    severity=Severity.ADVICE,
                    platform=platform.name,
                    message=f"{platform.title} has no place for {listed}",
                    mend=platform.unplaced.mend,
                    file=", ".join(dict.fromkeys(name for places in fields.values() for name in places)),
                    field=", ".join(fields),
                )
            )
    return found


def with_members(fields: dict[str, BoundNode]) -> Iterator[tuple[str, BoundNode]]:
    """Fields with their nodes; an image's alt text by itself, since it may have no place where the image has one."""
    for name, node in fields.items():
        yield name, node
        blocks = node.blocks if isinstance(node, BoundMany) else [node] if isinstance(node, BoundBlock) else []
        for block in blocks:
            if block.each is None and name in ("images", "image") and "alt" in block.fields:
                yield f"{name}.alt", block.fields["alt"]


def columns_of(node: BoundNode) -> list[Column]:
    """Where a field may come from; of a list inside the documents, the list itself."""
    if isinstance(node, BoundMany) and (lists := [block.each for block in node.blocks if block.each is not None]):
        return lists
    return [column for leaf in leaves_of(node) for column in leaf.columns]


class Sample:
    """The first documents of a source, with their variants."""

    def __init__(self, applied: Applied) -> None:
        self.products: list[tuple[Any, Any]] = []
        self.variants: list[tuple[Any, Any]] = []
        self.whole = True
        count = applied.count
        for number, record in enumerate(applied.records()):
            if number == SAMPLE:
                self.whole = False
                break
            document = record[1]
            if document.__class__ is not dict:
                continue
            self.products.append((document, None))
            inner = cell(applied.variants, document) if applied.variants is not None else None
            if isinstance(inner, list):
                self.variants += [(one, document) for one in inner if isinstance(one, dict)]
        if applied.variants is None:
            self.variants = self.products
        self.paths = paths_of(document for document, _ in self.products)
        self.variant_paths = self.paths | paths_of(document for document, _ in self.variants)
        applied.count = count

    def having(self, columns: list[Column], of_variant: bool) -> list[Column]:
        """Those of the columns that are filled somewhere; all when none is and there is more than the sample."""
        documents = self.variants if of_variant else self.products
        filled = [c for c in columns if any(not is_blank(cell(c, document, up)) for document, up in documents)]
        return filled if filled or self.whole else columns


def cell(column: Column, document: Any, up: Any = None) -> Any:
    """What stands at a path; the error itself where an expression cannot be worked out (it is said with its record)."""
    try:
        return column.get(document, up)
    except CellError as exc:
        return exc


def paths_of(documents: Iterable[Any], most_steps: int = 6) -> dict[str, None]:
    """Every path in some documents, in the order they are met; places in a list by number."""
    found: dict[str, None] = {}

    def walk(node: Any, path: str, steps: int) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node[:3]) if isinstance(node, list) else ()
        for key, value in items:
            if key == RAW:
                continue
            here = f"{path}.{key}" if path else str(key)
            found[here] = None
            if steps:
                walk(value, here, steps - 1)

    for document in documents:
        walk(document, "", most_steps)
    return found
