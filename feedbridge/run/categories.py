"""``feedbridge mapping categories``: a source's category paths beside a target taxonomy.

Which paths a lookup file already assigns, which target is nearest to the others, and a lookup file to start from.
Names are compared by their words, those of the last step weighing most; nothing is known of what words mean, so
taxonomies in different languages find little in common, and the low scores say so.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from feedbridge.errors import CommandError, MappingError, OutputError, SourceError
from feedbridge.findings import cut
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.load import Mapping
from feedbridge.mapping.lookup import Table, guarded, load_table
from feedbridge.mapping.schema import LookupSpec
from feedbridge.mapping.yaml import Places, read_text, read_yaml
from feedbridge.sources.base import Source

__all__ = [
    "Assigned",
    "Coverage",
    "Seen",
    "Target",
    "can_be_written",
    "cover",
    "read_lookup",
    "read_targets",
    "seen_in",
    "write_starter",
]

WORTH = 35.0
"""Score below which nothing is proposed."""
ALIKE_WORDS = 84.0
"""Likeness from which two words count as one word spelt differently."""
LEVELS = (1.0, 0.5, 0.3)
"""Weight of the words of the last step, of the one above, and of all others."""
COLUMNS = ("path", "id", "target", "score", "products", "proposed_id", "proposed_target")
KEEP = {"product": ("sku", "title", "categories", "status", "kind"), "variant": ("sku", "status", "options")}
ID_NAMES = ("id", "category_id", "category id", "code", "key", "number")
FULL_NAMES = ("path", "full_path", "full path", "full_name", "category_path", "category path")
PATH_NAMES = (*FULL_NAMES, "category", "name", "title", "label", "labels")
PARENT_NAMES = ("parent", "parent_id", "parent id", "parent_code")
CHILDREN = ("children", "children_data", "categories", "subcategories", "child_categories", "items", "nodes")
AROUND = (*CHILDREN, "data", "results", "taxonomy", "targets", "paths", "verticals", "_embedded")
"""Keys of a JSON or YAML block that stand around the categories and are no categories themselves."""
BESIDE = ("_links", "links", "meta", "metadata", "pagination", "info")
"""Keys that stand beside those."""
LINE = re.compile(r"(\S+)\s+[-:]\s+(\S.*)")
LIKE_ID = re.compile(r"[^\s>]*[\d/:_][^\s>]*")
"""What no one takes for the name of a category."""
WORD = re.compile(r"(?:(?<![^\W_])[+#-](?=\d))?[^\W_]+[+#]*")
"""A word with the signs that make it another one: C++, C#, -18."""
ACCENTED = ("LATIN", "GREEK", "CYRILLIC")
"""Scripts whose marks are accents. Elsewhere they make another letter."""
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
    listed: frozenset[str] = frozenset()
    """Paths (without case) that have a row in the lookup, with an id or without."""
    without_id: list[Target] = field(default_factory=list)
    """Targets that have no id: they are never filled in."""

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
            "targets_without_id": [target.shown for target in self.without_id],
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
    YAML (a list of texts, of objects with id and path or name, nested by ``children`` or with ``parent``, or a block
    of path: id or id: path). Names may be labels of several languages: the one that most have is taken.

    A target without an id has the id ``""``, unless no target has one: then the path is the id.

    Raises: MappingError, CommandError when it holds none, or some that cannot be told from others or are not whole.
    """
    shown = shown or str(path)
    text = read_text(path, shown)
    suffix = path.suffix.lower()
    try:
        if suffix == ".json":
            plain = json.loads(text, object_pairs_hook=_once)
            found = _from_plain(plain, lambda at: shown + "#" + "".join(f"/{step}" for step in at), separator)
        elif suffix in {".yaml", ".yml"}:
            plain, lines = read_yaml(text, shown)
            found = _from_plain(plain, Places(shown, lines).layer, separator)
        elif suffix in {".csv", ".tsv"}:
            found = list(_from_csv(text, shown, separator))
        else:
            found = list(_from_lines(text, shown, separator))
    except (ValueError, RecursionError) as exc:
        raise MappingError(
            f"cannot be read as {suffix[1:].upper()}: {exc}", where=shown, code="mapping.lookup", mend="export it again"
        ) from exc
    if not any(target.path for target, _ in found):
        raise _wrong("holds no categories", shown, 'give lines of "id - A > B > C", CSV with id and path, JSON or YAML')
    first: dict[str, tuple[Target, str]] = {}
    for target, place in found:
        if not target.path:
            raise _wrong(f'the category "{target.id}" has no name', place, "write its name, or take it out")
        other, there = first.setdefault(target.id, (target, place))
        if target.id and other.path != target.path:
            raise _wrong(
                f'the id {target.id} stands twice, for "{target.shown}" and at {there} for "{other.shown}"',
                place,
                "give each category its own id; if these are no ids, write a CSV file with the columns id and path",
            )
    with_id = {target.path for target, _ in found if target.id}
    return list(dict.fromkeys(target for target, _ in found if target.id or target.path not in with_id))


Found = tuple[Target, str]
"""A target and its place."""


def _wrong(message: str, where: str, mend: str) -> CommandError:
    return CommandError(message, where=where, code="command.targets", mend=mend)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once: of two, the first would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f'the key "{key}" stands twice in one object')
    return found


def _steps(text: str, separator: str) -> tuple[str, ...]:
    return tuple(step.strip() for step in text.split(separator.strip() or separator) if step.strip())


def _from_lines(text: str, shown: str, separator: str) -> Iterator[Found]:
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    parted = [LINE.fullmatch(line) for _, line in lines]
    often = Counter(match[1] for match in parted if match)
    alone = sum(count == 1 for count in often.values())
    like_ids = sum(count for key, count in often.items() if LIKE_ID.fullmatch(key))
    with_ids = 2 * like_ids > len(lines) or (None not in parted and 2 * alone > len(lines))
    odd = [(number, line) for (number, line), match in zip(lines, parted, strict=True) if not match]
    if with_ids and odd:
        told = ", ".join(f'line {number} "{cut(line)}"' for number, line in odd[:5])
        raise _wrong(
            f"most lines have an id, but not {told}" + (f" and {len(odd) - 5:,} more" if len(odd) > 5 else ""),
            f"{shown}:{odd[0][0]}",
            'write them as "id - A > B", or take them out; a line that begins with # is a comment',
        )
    for (number, line), match in zip(lines, parted, strict=True):
        key, path = (match[1], match[2]) if with_ids and match else (line, line)
        yield Target(key, _steps(path, separator)), f"{shown}:{number}"


def _from_csv(text: str, shown: str, separator: str) -> Iterator[Found]:
    first = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=first.count), strict=True)
    numbered: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in rows:
            numbered.append((line, row))
            line = rows.line_num + 1
    except csv.Error as exc:
        raise MappingError(
            f"a quote is wrong in the row that begins here: {exc}",
            where=f"{shown}:{line}",
            code="mapping.lookup",
            mend="close it, or double it inside a cell",
        ) from exc
    header = [name.strip().casefold() for name in (numbered[0][1] if numbered else [])]

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
    cells = [(f"{shown}:{line}", row) for line, row in numbered[1:] if any(cell.strip() for cell in row)]
    for where, row in cells:
        if len(row) <= max(key, named) or not row[named].strip():
            raise _wrong(
                f'the row "{cut(", ".join(row))}" has no {header[named]}', where, "write it, or take the row out"
            )
    if parent is None or any(separator.strip() in row[named] for _, row in cells):
        for where, row in cells:
            yield Target(row[key].strip(), _steps(row[named], separator)), where
        return
    nodes = [
        Node(where, row[key].strip(), (row[named].strip(),), row[parent].strip() if len(row) > parent else "")
        for where, row in cells
    ]
    yield from _below_parents(nodes)


@dataclass(slots=True)
class Node:
    """A category that says what is above it, by nesting or by the id of its parent.

    ``id``     None: it has none
    ``name``   its own steps, or its labels: language -> name
    ``whole``  its steps are those of the whole path
    """

    place: str
    id: str | None
    name: tuple[str, ...] | dict[str, str]
    parent: str = ""
    above: Node | None = None
    whole: bool = False


def _below_parents(nodes: Sequence[Node]) -> Iterator[Found]:
    """Targets of categories that name their parents; a parent that is not among them counts as none."""
    languages = Counter(language for node in nodes if isinstance(node.name, dict) for language in node.name)
    wanted = [language for language, _ in languages.most_common()]
    by_id: dict[str, Node] = {}
    for node in nodes:
        if node.id:
            by_id.setdefault(node.id, node)

    def own(node: Node) -> tuple[str, ...]:
        if not isinstance(node.name, dict):
            return node.name
        label = next((node.name[language] for language in wanted if language in node.name), node.id or "")
        return (label,) if label else ()

    ids = any(node.id is not None for node in nodes)
    for node in nodes:
        chain: dict[int, Node] = {}
        at: Node | None = node
        while at is not None and id(at) not in chain:
            chain[id(at)] = at
            at = at.above or (by_id.get(at.parent) if len(own(at)) < 2 else None)
        path: tuple[str, ...] = ()
        for one in reversed(chain.values()):
            steps = own(one)
            path = steps if one.whole and steps[: len(path)] == path else (*path, *steps)
        path = path if own(node) else ()
        yield Target((node.id or "") if ids else " > ".join(path), path), node.place


def _from_plain(plain: Any, place: Callable[[tuple[str | int, ...]], str], separator: str) -> list[Found]:
    mark = separator.strip() or separator
    nodes: list[Node] = []

    def strange(at: tuple[str | int, ...], what: str = "cannot be told apart into ids and paths") -> CommandError:
        return _wrong(what, place(at), "write a list of objects with id and path, or a CSV file with these columns")

    def walk(node: Any, at: tuple[str | int, ...], above: Node | None, listed: bool) -> None:
        if isinstance(node, str):
            nodes.append(Node(place(at), None, _steps(node, separator), above=above))
        elif isinstance(node, list):
            for number, item in enumerate(node):
                walk(item, (*at, number), above, True)
        elif not isinstance(node, dict):
            raise strange(at, f"{json.dumps(node)} is no category")
        else:
            lower = {key.casefold(): (key, value) for key, value in node.items()}
            names = [name for name in PATH_NAMES if name in lower and _is_name(name, lower[name][1])]
            scalars = not any(isinstance(value, dict | list) for value in node.values())
            if names and not listed and scalars and len(node) > 1 and not lower.keys() & set(ID_NAMES):
                raise strange(at)
            if names:
                own = _category(lower, names, place(at), above, separator)
                nodes.append(own)
                for name in CHILDREN:
                    if name in lower:
                        walk(lower[name][1] or [], (*at, lower[name][0]), own, False)
            elif not scalars:
                inner = [key for key, value in node.items() if isinstance(value, dict | list) and value]
                around = [key for key in inner if key.casefold() in AROUND]
                other = [key for key in inner if key not in around and not (around and key.casefold() in BESIDE)]
                if other:
                    raise strange(at, f"what {', '.join(other[:5])} stands for cannot be told")
                for key in around:
                    walk(node[key], (*at, key), above, False)
            elif listed and lower.keys() & {*ID_NAMES, *PARENT_NAMES}:
                raise strange(at, "has no path and no name")
            else:
                turned = _ids_first(node, mark)
                if turned is None:
                    raise strange(at)
                for key, value in node.items():
                    own_id, path = (key, str(value)) if turned else (str(value), key)
                    nodes.append(Node(place((*at, key)), own_id.strip(), _steps(path, separator), above=above))

    walk(plain, (), None, False)
    return list(_below_parents(nodes))


LANGUAGE = re.compile(r"(?!(?:id|key)$)[a-z]{2,3}([_-]\w+)*", re.IGNORECASE)


def _is_name(key: str, value: Any) -> bool:
    """Whether a member is a category's path, name or labels (which may be empty)."""
    if isinstance(value, dict):
        return key in {"name", "title", "label", "labels"} and all(LANGUAGE.fullmatch(one) for one in value)
    if isinstance(value, list):
        return all(isinstance(step, str) for step in value) and (key == "labels" or key in FULL_NAMES)
    return isinstance(value, str)


def _category(
    lower: dict[str, tuple[str, Any]], names: list[str], place: str, above: Node | None, separator: str
) -> Node:
    """The category of an object: key without case -> (key, value)."""
    name = next((name for name in names if lower[name][1]), names[0])
    value = lower[name][1]
    steps: tuple[str, ...] | dict[str, str] = {}
    if isinstance(value, dict):
        steps = {key: text.strip() for key, text in value.items() if isinstance(text, str) and text.strip()}
    elif isinstance(value, list):
        steps = tuple(step.strip() for step in value if step.strip()) or {}
    else:
        steps = _steps(value, separator)

    def first(keys: Sequence[str], of: dict[str, Any]) -> str | None:
        return next((str(of[key]).strip() for key in keys if of.get(key) is not None), None)

    plain = {key: value for key, (_, value) in lower.items()}
    parent = next((plain[key] for key in PARENT_NAMES if plain.get(key) is not None), "")
    return Node(
        place,
        first(ID_NAMES, plain),
        steps,
        (first(ID_NAMES, parent) or "") if isinstance(parent, dict) else str(parent).strip(),
        above,
        name in FULL_NAMES or len(steps) > 1,
    )


def _ids_first(block: dict[str, Any], mark: str) -> bool | None:
    """Whether a block is one of id: path. None when it may as well be one of path: id."""
    if not block or any(isinstance(value, bool) or not isinstance(value, str | int) for value in block.values()):
        return None
    sides = [list(block), [str(value) for value in block.values()]]
    marked = [any(mark in text for text in side) for side in sides]
    if marked[0] == marked[1]:
        marked = [not all(LIKE_ID.fullmatch(text.strip()) for text in side) for side in sides]
    return None if marked[0] == marked[1] else marked[1]


# -- comparing -------------------------------------------------------------------------------------------------------


def same_key(path: Sequence[str]) -> tuple[str, ...]:
    """A path as it is compared for being the same: case apart. An accent or a sign may make another word."""
    return tuple(" ".join(unicodedata.normalize("NFC", step.lower()).split()) for step in path)


@cache
def words(text: str) -> tuple[str, ...]:
    """The words of a step, without case, accents, plural endings and filling words, to see how near others are."""
    plain = text.casefold()
    if not plain.isascii():
        plain = without_accents(plain)
    # a mark belongs to the word it stands in
    shape = "".join("x" if unicodedata.category(letter)[0] == "M" else letter for letter in plain)
    every = [plain[match.start() : match.end()] for match in WORD.finditer(shape)]
    return tuple(singular(word) for word in every if word not in FILLERS) or tuple(every) or (plain.strip(),)


def without_accents(text: str) -> str:
    """A text without the marks of Latin, Greek and Cyrillic letters; other scripts as they are."""
    kept: list[str] = []
    base = ""
    for letter in unicodedata.normalize("NFKD", text):
        if not unicodedata.combining(letter):
            base = letter
        elif unicodedata.name(base, "").startswith(ACCENTED) if base else False:
            continue
        kept.append(letter)
    return unicodedata.normalize("NFC", "".join(kept))


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

    Only the same path is sure enough to be filled in; what is merely near may be another thing.

    Score: twice the weight that two paths have in common, over the weight of both; a rare word weighs more than one
    that many targets have, one of the last step more than one above it. Words spelt nearly alike count in part.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        import numpy

        self.targets = targets
        self.ids = {target.id: target for target in reversed(targets) if target.id}
        self.same: dict[tuple[str, ...], list[Target]] = {}
        bags = [weighed(target.path) for target in targets]
        for target in targets:
            self.same.setdefault(same_key(target.path), []).append(target)
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
        """The nearest target, its score, and whether it is sure: the same path or its id, with an id, and alone."""
        import numpy

        same = list(self.same.get(same_key(path), ()))
        if len(path) == 1 and path[0] in self.ids and self.ids[path[0]] not in same:
            same.append(self.ids[path[0]])
        if same:
            return same[0], 100.0, len(same) == 1 and bool(same[0].id)
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
        return self.targets[first], min(score, 99.0), False


def cover(seen: Seen, targets: Sequence[Target], table: Table | None = None) -> Coverage:
    """Each path of the source with what it is assigned to, or the target that comes nearest."""
    matcher = Matcher(targets)
    open_paths = [path for path in seen.paths if not _answer(table, path)]
    matcher.learn(open_paths)
    ids = {target.id: target for target in targets if target.id} | {target.shown: target for target in targets}
    coverage = Coverage([], seen, without_id=[target for target in targets if not target.id])
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
        # a row that is there with an empty id stays as it is
        mine = table is not None and " > ".join(path).strip().casefold() in table.unanswered
        by, own = ("match", nearest.id) if sure and nearest and not mine else ("", "")
        coverage.rows.append(Assigned(path, products, by, own, nearest, score))
    if table is not None:
        coverage.listed = table.unanswered.union(table.folded)
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
        _, names = _header(read_text(path, str(path)))
        if "path" in names and "id" in names:
            key, value = "path", "id"
    return load_table(LookupSpec(file=str(path), key=key, value=value), Path(), str(path))


def _header(text: str) -> tuple[str, list[str]]:
    """The mark between the cells of a CSV text, and the names of its columns."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first.count)
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    with suppress(csv.Error):  # load_table names what is wrong
        return delimiter, [name.strip() for name in next(rows, [])]
    return delimiter, []


def can_be_written(path: Path, instead_of: Path | None = None) -> None:
    """Raises CommandError when a starter must not be written there: no CSV file, or there and not the lookup."""
    if path.suffix.lower() != ".csv":
        raise CommandError(
            "would be written as CSV, but is not named so",
            where=str(path),
            code="command.out",
            mend=f"name it {path.with_suffix('.csv').name}" if path.name else "name a file that ends in .csv",
        )
    if path.exists() and not (instead_of is not None and instead_of.exists() and path.samefile(instead_of)):
        raise CommandError(
            "is there already, and may hold work of yours",
            where=str(path),
            code="command.out",
            mend=f"name another file, or go on from it: --lookup {path} --out {path}",
        )


def write_starter(coverage: Coverage, path: Path, *, instead_of: Path | None = None) -> None:
    """A lookup file to start from: ``lookup: {file: …, key: path, value: id}``. What is not sure has no id, and its
    proposal in columns of its own.

    ``instead_of``  the lookup of the coverage. Of a CSV file all that is in it is kept as it stands, and rows are added
    below for paths that have none; of a YAML file the answers are kept.

    Cells that a spreadsheet would take for a formula begin with an apostrophe, which lookups take off again.

    Raises: CommandError when the file is there and is not the lookup that was given, or is no CSV file; OutputError.
    """
    can_be_written(path, instead_of)
    old, names, delimiter, newline = "", list(COLUMNS), ",", "\n"
    places = {"path": 0, "id": 1}
    if instead_of is not None and instead_of.suffix.lower() not in {".yaml", ".yml"}:
        read_text(instead_of, str(instead_of))
        old = instead_of.read_bytes().decode()
        delimiter, names = _header(old)
        newline = "\r\n" if old.split("\n", 1)[0].endswith("\r") else "\n"
        if "path" in names and "id" in names:
            places = {"path": names.index("path"), "id": names.index("id")}
        free = [(name, number) for number, name in enumerate(names) if number not in places.values()]
        places |= {name: number for name, number in free if name in COLUMNS[2:]}
        old += newline if not old.endswith(("\n", "\r")) else ""
    else:
        places = {name: number for number, name in enumerate(COLUMNS)}
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator=newline, delimiter=delimiter)

    def add(**values: object) -> None:
        cells = [""] * len(names)
        for name, value in values.items():
            if name in places:
                cells[places[name]] = guarded(str(value))
        rows.writerow(cells)

    if not old:
        rows.writerow(COLUMNS)
    for row in coverage.rows:
        if old and row.key.strip().casefold() in coverage.listed:
            continue
        known = row.target.shown if row.target else ""
        own = {"path": row.key, "products": row.products, "score": f"{row.score:.0f}" if row.target else ""}
        if row.by:
            add(**own, id=row.id, target=known)
        else:
            add(**own, proposed_id=row.target.id if row.target else "", proposed_target=known)
    for key, value in sorted(coverage.kept.items()) if not old else ():
        add(path=key, id=value, products=0)
    temporary = ""
    try:
        real = Path(os.path.realpath(path))
        if real.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        mode = real.stat().st_mode & 0o7777 if real.exists() else 0o644
        handle, temporary = tempfile.mkstemp(prefix=real.name, dir=real.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write((old + text.getvalue()).encode())
        os.chmod(temporary, mode)
        os.replace(temporary, real)
    except OSError as exc:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
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
