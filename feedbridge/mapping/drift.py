"""Header drift: a column the mapping counts on is gone, and another one looks as if it had taken its place.

Nothing is remembered between runs: what is expected is what the mapping says, its fingerprint and its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from feedbridge.findings import Finding, Severity
from feedbridge.mapping.load import PLACEHOLDER, Mapping
from feedbridge.mapping.paths import EXPRESSION, loosened, normal, other_names
from feedbridge.mapping.presets import preset_folder, presets
from feedbridge.mapping.schema import Fingerprint
from feedbridge.mapping.tree import Leaf, Many, Named, Node
from feedbridge.mapping.yaml import key_text

__all__ = ["LEAST_SHARE", "MOST_NEW", "header_drift", "likely_rename", "plain_names"]

LIKELY = 62.0
"""Likeness from which a new name may stand for an anchor of the fingerprint."""
ALIKE = 78.0
"""Likeness from which an unused column may be one that the mapping would use if it were there."""
FIELD = 90.0
"""Likeness from which a column is called like the field itself."""

MOST_NEW = 200
"""New names that are compared; where there are more, the file is another one and not one with renamed columns."""

LEAST_SHARE = 0.5
"""Share of a fingerprint from which a file may be the same kind of file with renamed columns."""

NUMBER = re.compile(r"\.\d+(?=\.|$)")
WORD = re.compile(r"[^\W\d_]+|\d+")
SINGLE = {"images": "image", "categories": "category", "tags": "tag"}
EMPTY_WORDS = frozenset({"product", "variant", "item", "article", "field", "column", "the", "of"})
"""Words that a name may have or not have without meaning something else."""


class Expected(NamedTuple):
    """A column that is not there under any of its names."""

    names: tuple[str, ...]
    field: str
    """Key of the mapping that reads it; empty when the mapping only knows the format by it."""
    called: str
    """The field's own name, which a column may have."""
    least: float


@lru_cache(4096)
def words(name: str) -> list[str]:
    """``Body (HTML)`` as ``body html``."""
    return WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())


def likeness(old: str, new: str) -> float:
    """How much two names look like one, 0 to 100. Names that differ in a number are different columns."""
    from rapidfuzz import fuzz

    one, other = words(old), words(new)
    if [w for w in one if w.isdigit()] != [w for w in other if w.isdigit()]:
        return 0.0
    own = [w for w in one if w not in other and w not in EMPTY_WORDS]
    its = [w for w in other if w not in one and w not in EMPTY_WORDS]
    if not own and not its:
        return 100.0 if set(one) & set(other) - EMPTY_WORDS else 0.0
    whole = fuzz.ratio(" ".join(sorted(one)), " ".join(sorted(other)))
    squeezed = fuzz.ratio("".join(one), "".join(other))
    if not own or not its:  # one name says more than the other: perhaps another thing
        return 0.72 * whole
    return min(max(whole, squeezed), fuzz.ratio(" ".join(sorted(own)), " ".join(sorted(its))) + 10)


class Renamed(NamedTuple):
    """A name that is gone and the one that seems to stand for it now."""

    old: str
    new: str


def likely_rename(
    olds: Sequence[str], candidates: Iterable[str], least: float = LIKELY, field: str = ""
) -> Renamed | None:
    """Which candidate most likely is the new name of a column that had one of the old ones; None when none is.

    ``field``  what the column might be called after the field it fills
    """
    found, best = None, 0.0
    for candidate in candidates:
        alike, old = max(((likeness(name, candidate), name) for name in olds), key=lambda one: one[0])
        if alike < least and field:
            as_field = likeness(field, candidate)
            alike, old = (as_field if as_field >= FIELD else 0.0), olds[0]
        if alike >= least and alike > best:
            found, best = Renamed(old, candidate), alike
    return found


def header_drift(
    mapping: Mapping, have: Iterable[str], unused: Sequence[str], source_name: str, *, documents: bool = False
) -> list[Finding]:
    """One finding that names the columns (or paths) that are gone and what seems to stand for them now.

    ``have``    all columns of the table, or paths of the documents
    ``unused``  those that the mapping uses nothing of

    A name that the mapping knows as another name of the same column is no drift: it is used. A general mapping
    expects no column, so nothing is gone there; it says what it might have used.
    """
    print_ = mapping.file.recognise
    names = Present(list(have), documents, bool(print_ and print_.loose) or mapping.file.names.loose)
    if not documents:
        names.names |= {meant for meant, _ in other_names(list(have), mapping.file.names.also, names.change)}
    known = {names.change(name) for name in anchor_names(mapping)}
    free = [name for name in unused if names.change(name) not in known]
    if not 0 < len(free) <= MOST_NEW:
        return []
    pairs: list[tuple[Expected, Renamed]] = []
    done: set[str] = set()
    for expected in (*fields_gone(mapping, names), *anchors_gone(mapping, names)):
        if done & {normal(name) for name in expected.names}:
            continue
        renamed = likely_rename(expected.names, free, expected.least, expected.called)
        if renamed is not None:
            free.remove(renamed.new)
            done.update(normal(name) for name in expected.names)
            pairs.append((expected, renamed))
    if not pairs:
        return []
    general = mapping.file.recognise is not None and mapping.file.recognise.fallback
    told = "; ".join(
        (f"`{new}` is not used, but looks like `{old}`" if general else f"`{old}` is gone, `{new}` appeared")
        + (f" (for {expected.field})" if expected.field else "")
        for expected, (old, new) in pairs
    )
    fields = [f"{expected.field}: [{old}, {new}]" for expected, (old, new) in pairs if expected.field]
    place = f"in a mapping of your own (extends: {mapping.name})" if is_preset(mapping) else f"in {mapping.shown}"
    mend = (
        f"if it is the same under a new name, say so {place}: {'; '.join(fields)}"
        if fields
        else "no field is read from it; look whether the file is still what the mapping is for"
    )
    return [
        Finding(
            code="mapping.header-drift",
            severity=Severity.WARNING,
            file=source_name,
            column=pairs[0][1].new,
            message=told,
            mend=mend,
        )
    ]


def is_preset(mapping: Mapping) -> bool:
    return presets().get(mapping.name) is not None and mapping.folder == preset_folder()


def anchor_names(mapping: Mapping) -> Iterator[str]:
    """Every name that the fingerprint knows: such a column is not new."""
    print_ = mapping.file.recognise
    for way in (print_, *print_.alternatives) if print_ is not None else ():
        for anchor in (*way.required, *way.strong, *way.never):
            yield from plain_names(anchor)


class Present:
    """The names a source has."""

    def __init__(self, names: Sequence[str], documents: bool, loose: bool) -> None:
        self.documents = documents
        self.change = loosened if loose else normal
        self.names = {self.change(name) for name in names}
        if documents:
            self.names |= {self.change(NUMBER.sub("", name)) for name in names}

    def has(self, name: str) -> bool:
        """Whether a name is there; also when that cannot be told."""
        name = name.lstrip("^")
        if self.change(name) in self.names:
            return True
        if self.documents:
            return EXPRESSION.search(name) is not None
        return name.startswith("@") or self.change(re.split(r"[.\[]", name)[0]) in self.names


def plain_names(anchor: str) -> tuple[str, ...]:
    """The names an anchor of a fingerprint stands for; none when it is an expression."""
    if anchor.startswith("~") or "*" in anchor:
        return ()
    return tuple(name for one in anchor.split("|") if (name := one.strip()) and name[0] not in "~^")


def anchors_gone(mapping: Mapping, names: Present) -> Iterator[Expected]:
    """Anchors of the fingerprint that fits best (its generation) and that are not there."""
    print_ = mapping.file.recognise
    if print_ is None:
        return

    def there(anchor: str) -> bool:
        return any(names.has(name) for name in plain_names(anchor))

    def share(way: Fingerprint) -> float:
        anchors = [anchor for anchor in (*way.required, *way.strong) if plain_names(anchor)]
        return sum(map(there, anchors)) / len(anchors) if anchors else 0.0

    best = max((print_, *print_.alternatives), key=share)
    if share(best) < LEAST_SHARE:
        return
    known = known_names(mapping)
    for anchor in (*best.required, *best.strong):
        aliases = plain_names(anchor)
        if aliases and not there(anchor):
            leaf = next((known[normal(name)] for name in aliases if normal(name) in known), None)
            if leaf is None:
                yield Expected(aliases, "", "", LIKELY)
            elif not any(names.has(name) for name in names_of_leaf(leaf)):
                yield Expected(aliases, key_text(leaf.path), called(leaf), LIKELY)


def fields_gone(mapping: Mapping, names: Present) -> Iterator[Expected]:
    """Columns that a field may do without, and does here."""
    for leaf in leaves(mapping):
        aliases = names_of_leaf(leaf)
        if aliases and not any(names.has(name) for name in aliases):
            yield Expected(aliases, key_text(leaf.path), called(leaf), ALIKE)


def known_names(mapping: Mapping) -> dict[str, Leaf]:
    """Name -> the leaf that reads it."""
    known: dict[str, Leaf] = {}
    for leaf in leaves(mapping):
        for name in names_of_leaf(leaf):
            known.setdefault(normal(name), leaf)
    return known


def names_of_leaf(leaf: Leaf) -> tuple[str, ...]:
    """The columns of which a leaf takes one; of those it takes all together nothing is said."""
    names = leaf.spec.from_ or leaf.spec.first_filled or ()
    return tuple(name for name in names if name != "." and not PLACEHOLDER.search(name))


def called(leaf: Leaf) -> str:
    """What a column of the leaf might be called after its field; empty for what lies deeper."""
    name = str(leaf.path[1])
    own = len(leaf.path) == 2 or (name == "images" and leaf.name == "src")
    return SINGLE.get(name, name) if own else ""


def leaves(mapping: Mapping) -> Iterator[Leaf]:
    """Every leaf that looks at the records themselves."""
    for block in mapping.trees():
        yield from _inner(block)


def _inner(node: Node) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
        for branch in (node.then, node.else_):
            if branch is not None:
                yield from _inner(branch)
    elif isinstance(node, Named):
        yield from node.leaves.values()
    elif isinstance(node, Many):
        for block in node.blocks:
            yield from _inner(block)
    elif node.each is None:
        for inner in node.fields.values():
            yield from _inner(inner)
