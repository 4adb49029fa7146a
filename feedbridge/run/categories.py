"""``feedbridge mapping categories``: a source's category paths beside a target taxonomy.

Which paths a lookup file already assigns, which target is nearest to the others, and a lookup file to start from.
Names are compared by their words, those of the last step weighing most; nothing is known of what words mean, so
taxonomies in different languages find little in common, and the low scores say so.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from feedbridge.errors import CommandError, MappingError, OutputError, SourceError
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.load import Mapping
from feedbridge.mapping.lookup import Table, load_table
from feedbridge.mapping.schema import LookupSpec
from feedbridge.mapping.yaml import read_text, read_yaml
from feedbridge.sources.base import Source

__all__ = ["Assigned", "Coverage", "Seen", "Target", "cover", "read_lookup", "read_targets", "seen_in", "write_starter"]

SURE = 95.0
"""Score from which a target is filled in, when no other comes near."""
AHEAD = 3.0
"""How far it must be ahead of the next for that."""
WORTH = 35.0
"""Score below which nothing is proposed."""
ALIKE_WORDS = 84.0
"""Likeness from which two words count as one word spelt differently."""
LEVELS = (1.0, 0.5, 0.3)
"""Weight of the words of the last step, of the one above, and of all others."""
COLUMNS = ("path", "id", "target", "score", "products", "proposed_id", "proposed_target")
KEEP = {"product": ("sku", "title", "categories", "status", "kind"), "variant": ("sku", "status", "options")}
ID_NAMES = ("id", "category_id", "category id", "code", "key", "number")
PATH_NAMES = ("path", "full_path", "full path", "category_path", "category path", "category", "name", "title", "label")
PARENT_NAMES = ("parent", "parent_id", "parent id", "parent_code")
LINE = re.compile(r"(\S+)\s+[-:]\s+(\S.*)")
WORD = re.compile(r"[^\W_]+")
FILLERS = frozenset("and und et y e & the of for für de des du la le les di der die das von mit with con a an".split())


class Target(NamedTuple):
    """A category of the target: its id and its path."""

    id: str
    path: tuple[str, ...]

    @property
    def shown(self) -> str:
        return " > ".join(self.path)


class Seen(NamedTuple):
    """The categories of a source.

    ``paths``   path -> number of products in it
    ``products``, ``without``  products that were read; those of them without any category
    ``unread``  products that could not be made (their categories are not known), with the first reason
    """

    paths: dict[tuple[str, ...], int]
    products: int
    without: int
    unread: int = 0
    reason: str = ""


class Assigned(NamedTuple):
    """One path of the source.

    ``by``      ``lookup`` (the file that was given), ``match`` (sure enough to fill in), or empty: not assigned
    ``id``      what it is assigned to
    ``target``  the target it is assigned to, or the nearest one (None when none is near)
    ``score``   how near, 0 to 100; 100 is the same path
    """

    path: tuple[str, ...]
    products: int
    by: str
    id: str
    target: Target | None
    score: float

    @property
    def key(self) -> str:
        """The path as a lookup sees it."""
        return " > ".join(self.path)


@dataclass(slots=True)
class Coverage:
    """All paths of a source, the most frequent first."""

    rows: list[Assigned]
    seen: Seen
    unknown_ids: list[tuple[str, str]] = field(default_factory=list)
    """Paths that the lookup assigns to an id that no target has."""
    kept: dict[str, str] = field(default_factory=dict)
    """Entries of the lookup for paths that are not in the source."""

    def of(self, *by: str) -> tuple[int, int]:
        """Paths, and products counted once a path, that are assigned that way."""
        own = [row for row in self.rows if row.by in by]
        return len(own), sum(row.products for row in own)

    @property
    def strange(self) -> bool:
        """Whether hardly any path comes near a target: another language, most likely."""
        scores = [100.0 if row.by else row.score for row in self.rows]
        return len(scores) >= 5 and sum(score < WORTH for score in scores) > 0.6 * len(scores)

    def to_dict(self) -> dict[str, Any]:
        """The coverage as plain data."""
        return {
            "products": self.seen.products,
            "products_without_category": self.seen.without,
            "products_not_read": self.seen.unread,
            "paths": len(self.rows),
            "assigned_by_lookup": self.of("lookup")[0],
            "matched": self.of("match")[0],
            "unassigned": self.of("")[0],
            "categories": [
                {
                    "path": row.key,
                    "products": row.products,
                    "by": row.by,
                    "id": row.id,
                    "nearest": {"id": row.target.id, "path": row.target.shown} if row.target else None,
                    "score": round(row.score, 1),
                }
                for row in self.rows
            ],
        }


# -- the source ------------------------------------------------------------------------------------------------------


def only_categories(mapping: Mapping) -> Mapping:
    """The mapping without all that says nothing of categories, so that a bad price hides no category.

    Raises: MappingError when it maps no categories.
    """
    if "categories" not in (mapping.plain.get("product") or {}):
        raise MappingError(
            "maps no categories",
            where=mapping.shown,
            code="mapping.no-categories",
            mend="add categories: {from: COLUMN, as: category_path} to product:",
        )
    plain = {key: value for key, value in mapping.plain.items() if key not in {"platforms", "tests"}}
    for room, names in KEEP.items():
        fields = {name: spec for name, spec in (plain.get(room) or {}).items() if name in names}
        if fields:
            plain[room] = fields
    mapping.plain = plain
    return mapping


def seen_in(pairs: Sequence[tuple[Source, Mapping]]) -> Seen:
    """The category paths of sources as they stand in them, before any lookup, with the number of products of each."""
    paths: Counter[tuple[str, ...]] = Counter()
    products = without = unread = 0
    reason = ""
    for source, mapping in pairs:
        applied = Applied(only_categories(mapping), source)
        for leaf in applied.full[None].leaves():
            if leaf.leaf.name == "categories":
                leaf.table = None
        way = applied.ways[None]
        for group in applied.anywhere():
            product, assembled = way.product(group)
            if product is None:
                unread += 1
                if assembled is not None and not reason:
                    reason = next(
                        (str(one).split("\n")[0] for one in assembled.findings if one.severity == "error"), ""
                    )
                continue
            products += 1
            own = list(dict.fromkeys(tuple(step for step in path) for path in product.categories if path))
            without += not own
            paths.update(own)
    ordered = dict(sorted(paths.items(), key=lambda one: (-one[1], one[0])))
    return Seen(ordered, products, without, unread, reason)


# -- targets ---------------------------------------------------------------------------------------------------------


def read_targets(path: Path, shown: str = "", separator: str = ">") -> list[Target]:
    """The categories of a target file: lines of ``id - A > B``, CSV with id and path (or id, parent and name), JSON or
    YAML (a list of texts, of objects with id and path, nested by ``children``, or a block of path: id).

    Raises: MappingError, CommandError when it holds none.
    """
    shown = shown or str(path)
    text = read_text(path, shown)
    suffix = path.suffix.lower()
    try:
        if suffix in {".json", ".yaml", ".yml"}:
            plain = json.loads(text) if suffix == ".json" else read_yaml(text, shown)[0]
            found = list(_from_plain(plain, (), separator))
        elif suffix in {".csv", ".tsv"}:
            found = list(_from_csv(text, shown, separator))
        else:
            found = list(_from_lines(text, separator))
    except (ValueError, RecursionError, csv.Error) as exc:
        raise MappingError(
            f"cannot be read as {suffix[1:].upper()}: {exc}", where=shown, code="mapping.lookup", mend="export it again"
        ) from exc
    found = [target for target in found if target.path]
    if not found:
        raise CommandError(
            "holds no categories",
            where=shown,
            code="command.targets",
            mend='give lines of "id - A > B > C", a CSV file with id and path, or a JSON or YAML list',
        )
    return list(dict.fromkeys(found))


def _steps(text: str, separator: str) -> tuple[str, ...]:
    return tuple(step.strip() for step in text.split(separator.strip() or separator) if step.strip())


def _from_lines(text: str, separator: str) -> Iterator[Target]:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    parted = [LINE.fullmatch(line) for line in lines]
    ids = [match[1] for match in parted if match]
    with_ids = len(ids) == len(lines) and len(set(ids)) == len(ids)
    for line, match in zip(lines, parted, strict=True):
        if with_ids and match:
            yield Target(match[1], _steps(match[2], separator))
        else:
            yield Target(line, _steps(line, separator))


def _from_csv(text: str, shown: str, separator: str) -> Iterator[Target]:
    first = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=first.count))
    header = [name.strip().casefold() for name in next(rows, [])]

    def place(names: Sequence[str], default: int | None = None) -> int | None:
        own = (header.index(name) for name in names if name in header)
        labels = (index for index, name in enumerate(header) if names is PATH_NAMES and name.startswith("label"))
        return next(own, next(labels, default))

    key, parent = place(ID_NAMES, 0), place(PARENT_NAMES)
    named = place(PATH_NAMES, None if len(header) < 2 else next(i for i in range(len(header)) if i != key))
    if key is None or named is None or key == named:
        raise MappingError(
            f"has no columns of ids and of paths; it has {', '.join(header)}",
            where=f"{shown}:1",
            code="mapping.lookup",
            mend="name the columns id and path",
        )
    cells = [row for row in rows if len(row) > max(key, named) and row[named].strip()]
    if parent is None or any(separator.strip() in row[named] for row in cells):
        for row in cells:
            yield Target(row[key].strip(), _steps(row[named], separator))
        return
    above = {row[key].strip(): row[parent].strip() if len(row) > parent else "" for row in cells}
    names = {row[key].strip(): row[named].strip() for row in cells}
    for one in names:
        steps, at = [names[one]], above[one]
        while at in names and len(steps) <= len(names):
            steps.insert(0, names[at])
            at = above[at]
        yield Target(one, tuple(steps))


def _from_plain(node: Any, above: tuple[str, ...], separator: str) -> Iterator[Target]:
    if isinstance(node, str):
        path = (*above, *_steps(node, separator))
        yield Target(" > ".join(path), path)
    elif isinstance(node, list):
        for item in node:
            yield from _from_plain(item, above, separator)
    elif isinstance(node, dict):
        lower = {str(key).casefold(): value for key, value in node.items()}
        named = next((lower[name] for name in PATH_NAMES if isinstance(lower.get(name), str | list)), None)
        if named is not None:
            own = tuple(map(str, named)) if isinstance(named, list) else _steps(named, separator)
            path = (*above, *own)
            given = next((lower[name] for name in ID_NAMES if lower.get(name) is not None), None)
            yield Target(str(given) if given is not None else " > ".join(path), path)
            for inner in ("children", "categories", "items", "nodes"):
                yield from _from_plain(lower.get(inner) or [], path, separator)
        elif all(isinstance(value, str | int) for value in node.values()):
            for key, value in node.items():
                yield Target(str(value), (*above, *_steps(str(key), separator)))
        else:
            for value in node.values():
                yield from _from_plain(value, above, separator)


# -- comparing -------------------------------------------------------------------------------------------------------


def plain_path(path: Sequence[str]) -> str:
    """A path as it is compared for being the same."""
    return " > ".join(" ".join(words(step)) for step in path)


@cache
def words(text: str) -> tuple[str, ...]:
    """The words of a step, without case, accents, plural endings and filling words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    found = tuple(singular(word) for word in WORD.findall(plain) if word not in FILLERS)
    return found or tuple(WORD.findall(plain)) or (plain.strip(),)


def singular(word: str) -> str:
    """An English plural without its ending; other words as they are."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def weighed(path: Sequence[str]) -> dict[str, float]:
    """The words of a path with the weight of their step; a word in several steps counts at its heaviest."""
    found: dict[str, float] = {}
    for distance, step in enumerate(reversed(path)):
        weight = LEVELS[min(distance, len(LEVELS) - 1)]
        for word in words(step):
            found[word] = max(found.get(word, 0.0), weight)
    return found


class Matcher:
    """Finds the target nearest to a path: the same path, or the one whose words agree most.

    Score: twice the weight that two paths have in common, over the weight of both; a rare word weighs more than one
    that many targets have, one of the last step more than one above it. Words spelt nearly alike count in part.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        import numpy

        self.targets = targets
        self.ids = {target.id.casefold(): target for target in reversed(targets)}
        self.same: dict[str, list[Target]] = {}
        bags = [weighed(target.path) for target in targets]
        for target in targets:
            self.same.setdefault(plain_path(target.path), []).append(target)
        often = Counter(word for bag in bags for word in bag)
        self.rarity = {word: math.log(1 + len(targets) / count) for word, count in often.items()}
        self.rarest = math.log(1 + len(targets))
        self.vocabulary = sorted(often)
        postings: dict[str, list[tuple[int, float]]] = {}
        for number, bag in enumerate(bags):
            for word, weight in bag.items():
                postings.setdefault(word, []).append((number, weight))
        self.postings = {
            word: (numpy.array([n for n, _ in own]), numpy.array([w * self.rarity[word] for _, w in own]))
            for word, own in postings.items()
        }
        self.totals = numpy.array([sum(w * self.rarity[word] for word, w in bag.items()) for bag in bags])
        self.near: dict[str, list[tuple[str, float]]] = {}

    def learn(self, paths: Sequence[Sequence[str]]) -> None:
        """Compare all words of the paths with all words of the targets at once."""
        from rapidfuzz import fuzz, process

        new = sorted({word for path in paths for word in weighed(path)} - self.near.keys())
        for start in range(0, len(new), 512):
            part = new[start : start + 512]
            alike = process.cdist(part, self.vocabulary, scorer=fuzz.ratio, score_cutoff=ALIKE_WORDS, workers=1)
            for row, word in zip(alike, part, strict=True):
                found = [(self.vocabulary[n], float(row[n]) / 100) for n in row.nonzero()[0].tolist()]
                self.near[word] = [
                    (other, likeness) for other, likeness in found
                    if likeness == 1 or (min(len(word), len(other)) > 3 and not (word + other).isdigit())
                ]  # fmt: skip

    def nearest(self, path: Sequence[str]) -> tuple[Target | None, float, bool]:
        """The nearest target, its score, and whether it is sure: the same, or nearly so, with the same
        last step, and alone."""
        import numpy

        if len(path) == 1 and path[0].casefold() in self.ids:
            return self.ids[path[0].casefold()], 100.0, True
        same = self.same.get(plain_path(path))
        if same:
            return same[0], 100.0, len(same) == 1
        shared = numpy.zeros(len(self.targets))
        total = 0.0
        for word, weight in weighed(path).items():
            near = self.near.get(word, ())
            rarity = max((self.rarity[other] for other, _ in near), default=self.rarest)
            total += weight * rarity
            best: Any = None
            for other, likeness in near:
                numbers, weights = self.postings[other]
                common = numpy.zeros(len(self.targets)) if len(near) > 1 else None
                gain = likeness * numpy.minimum(weights, weight * rarity)
                if common is None:
                    shared[numbers] += gain
                else:
                    common[numbers] = gain
                    best = common if best is None else numpy.maximum(best, common)
            if best is not None:
                shared += best
        scores = 200 * shared / (total + self.totals)
        first = int(scores.argmax())
        score = float(scores[first])
        if score < WORTH:
            return None, score, False
        scores[first] = -1
        target = self.targets[first]
        same_step = set(words(path[-1])) == set(words(target.path[-1]))
        sure = same_step and score >= SURE and score >= float(scores.max()) + AHEAD
        return target, min(score, 99.0), sure


def cover(seen: Seen, targets: Sequence[Target], table: Table | None = None) -> Coverage:
    """Each path of the source with what it is assigned to, or the target that comes nearest."""
    matcher = Matcher(targets)
    open_paths = [path for path in seen.paths if not _answer(table, path)]
    matcher.learn(open_paths)
    ids = {target.id: target for target in targets} | {target.shown: target for target in targets}
    coverage = Coverage([], seen)
    for path, products in seen.paths.items():
        given = _answer(table, path)
        if given:
            parts = [given] if given in ids else [part.strip() for part in given.split(",")]
            target = ids.get(parts[0])
            if any(part not in ids for part in parts):
                coverage.unknown_ids.append((" > ".join(path), given))
            coverage.rows.append(Assigned(path, products, "lookup", given, target, 100.0 if target else 0.0))
            continue
        nearest, score, sure = matcher.nearest(path)
        by, own = ("match", nearest.id) if sure and nearest else ("", "")
        coverage.rows.append(Assigned(path, products, by, own, nearest, score))
    if table is not None:
        keys = {row.key.strip().casefold() for row in coverage.rows}
        coverage.kept = {
            key: value if isinstance(value, str) else ",".join(value)
            for key, value in table.entries.items()
            if key.strip().casefold() not in keys
        }
    return coverage


def _answer(table: Table | None, path: Sequence[str]) -> str:
    if table is None:
        return ""
    found = table.folded.get(" > ".join(path).strip().casefold(), "")
    return found if isinstance(found, str) else ",".join(found)


# -- files -----------------------------------------------------------------------------------------------------------


def read_lookup(path: Path) -> Table:
    """A lookup file: CSV with the columns ``path`` and ``id`` (or its first two), or YAML. Raises MappingError."""
    key = value = None
    if path.suffix.lower() not in {".yaml", ".yml"}:
        first = read_text(path, str(path)).split("\n", 1)[0]
        names = [name.strip().strip('"') for name in re.split(r"[,;\t|]", first)]
        if "path" in names and "id" in names:
            key, value = "path", "id"
    return load_table(LookupSpec(file=str(path), key=key, value=value), Path(), str(path))


def write_starter(coverage: Coverage, path: Path, *, instead_of: Path | None = None) -> None:
    """A lookup file to start from: ``lookup: {file: …, key: path, value: id}``. What is not sure has no id, and its
    proposal in columns of its own. What the given lookup says is kept.

    Raises: CommandError when the file is there and is not the lookup that was given; OutputError.
    """
    if path.exists() and not (instead_of is not None and instead_of.exists() and path.samefile(instead_of)):
        raise CommandError(
            "is there already, and may hold work of yours",
            where=str(path),
            code="command.out",
            mend=f"name another file, or go on from it: --lookup {path} --out {path}",
        )
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for row in coverage.rows:
        known = row.target.shown if row.target else ""
        score = f"{row.score:.0f}" if row.target else ""
        if row.by:
            rows.writerow([row.key, row.id, known, score, row.products, "", ""])
        else:
            rows.writerow([row.key, "", "", score, row.products, row.target.id if row.target else "", known])
    for key, value in sorted(coverage.kept.items()):
        rows.writerow([key, value, "", "", 0, "", ""])
    try:
        handle, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.getvalue().encode())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as exc:
        raise OutputError(
            f"cannot be written: {exc.strerror}", where=str(path), code="output.write", mend="check the folder"
        ) from exc


def no_categories(seen: Seen, where: str) -> SourceError:
    """What is said when there is nothing to assign."""
    return SourceError(
        f"none of its {seen.products} products has a category" + (f"; {seen.reason}" if seen.reason else ""),
        where=where,
        code="source.no-categories",
        mend="map categories: to the column that has them",
    )
