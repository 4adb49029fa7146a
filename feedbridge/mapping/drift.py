"""Header drift: a column the mapping counts on is gone, and another one looks as if it had taken its place.

Nothing is remembered between runs: what is expected is what the mapping says, its fingerprint and its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from feedbridge.findings import Finding, Severity, name_shown
from feedbridge.mapping.load import PLACEHOLDER, Mapping, lay_over
from feedbridge.mapping.paths import EXPRESSION, QUOTED, loosened, normal, other_names
from feedbridge.mapping.presets import preset_folder, presets
from feedbridge.mapping.schema import Fingerprint
from feedbridge.mapping.tree import Leaf, Many, Named, Node, is_spec
from feedbridge.mapping.yaml import KeyPath, key_text

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
    leaf: Leaf | None = None


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
    known = {names.change(name) for name in (*anchor_names(mapping), *known_names(mapping))}
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
        (f"`{name_shown(new)}` is not used, but looks like `{old}`" if general else f"`{old}` is gone, `{name_shown(new)}` appeared")
        + (f" (for {expected.field})" if expected.field else "")
        for expected, (old, new) in pairs
    )
    block = renaming_block(mapping, [(expected, renamed) for expected, renamed in pairs if expected.field])
    place = "in a mapping of your own, such as" if is_preset(mapping) else f"in {mapping.shown}:"
    mend = (
        f"if it is the same under a new name, say so {place} {block}"
        if block
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


def renaming_block(mapping: Mapping, pairs: Sequence[tuple[Expected, Renamed]]) -> str:
    """What to write for these fields: the mapping's own specs with the new name beside the old one; empty for no field.

    Of a preset it is a whole mapping file in one line. Since what lies over a base replaces a spec or a list as a
    whole, such a one is given whole.
    """
    from feedbridge.mapping.suggest.write import flow

    own = not is_preset(mapping)
    whole: dict[str, Any] = mapping.unfilled
    changed: dict[str, Any] = {}
    bare: list[str] = []
    done = []
    for expected, renamed in pairs:
        assert expected.leaf is not None
        path = expected.leaf.path
        room = str(path[0])
        try:
            whole = {**whole, room: with_name(whole[room], path[1:], expected.leaf, renamed, own)}
            done.append(path)
        except LookupError:
            bare.append(f"{expected.field}: {flow(list(renamed))}")
    for path in done:
        changed = lay_over(changed, {str(path[0]): only(whole[str(path[0])], path[1:])})
    if changed and mapping.file.columns == "optional" and (not own or any(lent(mapping, path) for path in done)):
        changed = {"columns": "optional", **changed}
    if changed and not own:
        return "; ".join([flow({"feedbridge": 1, "extends": mapping.name, **changed}), *bare])
    return "; ".join([*(f"{room}: {flow(fields)}" for room, fields in changed.items()), *bare])


def lent(mapping: Mapping, path: KeyPath) -> bool:
    """Whether a field comes from a base and would have to have all its columns when a file says it itself."""
    return len(mapping.files) > 1 and not mapping.is_own(path) and not mapping.is_own(("columns",))


def with_name(node: Any, path: KeyPath, leaf: Leaf, renamed: Renamed, own: bool, *, listed: bool = False) -> Any:
    """A part of a mapping with one leaf's column under its new name, too. Raises LookupError when it is not one leaf's.

    ``own``     keep all the other names
    ``listed``  the part is an item of a list, where a list of names would be something else
    """
    if isinstance(node, list) and path and isinstance(path[0], int):
        items = list(node)
        items[path[0]] = with_name(node[path[0]], path[1:], leaf, renamed, own, listed=True)
        return items
    if isinstance(node, dict) and path and path[0] in node:
        return {**node, path[0]: with_name(node[path[0]], path[1:], leaf, renamed, own)}
    key = "first_filled" if leaf.spec.first_filled and not leaf.spec.from_ else "from"
    if isinstance(node, dict):
        if not is_spec(node) or "for" in node or len(path) > 1:
            raise LookupError(path)
        return {**node, key: names_with(node.get(key), leaf, renamed, own)}
    names = names_with(node, leaf, renamed, own)
    return {"from": names} if listed or path else names


def names_with(given: Any, leaf: Leaf, renamed: Renamed, own: bool) -> list[str]:
    """The names of a leaf's column with the new one."""
    if not own:
        return list(renamed)
    known = [given] if isinstance(given, str) else list(given or names_of_leaf(leaf))
    return [*known, renamed.new]


def only(node: Any, path: KeyPath) -> Any:
    """What must be said of a part of a mapping so that its leaf is the one at ``path``."""
    if path and isinstance(node, dict) and not is_spec(node) and path[0] in node:
        return {path[0]: only(node[path[0]], path[1:])}
    return node


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
                yield Expected(aliases, key_text(leaf.path), called(leaf), LIKELY, leaf)


def fields_gone(mapping: Mapping, names: Present) -> Iterator[Expected]:
    """Columns that a field may do without, and does here."""
    for leaf in leaves(mapping):
        aliases = names_of_leaf(leaf)
        if aliases and not any(names.has(name) for name in aliases):
            yield Expected(aliases, key_text(leaf.path), called(leaf), ALIKE, leaf)


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
    return tuple(unquoted(name) for name in names if name != "." and not PLACEHOLDER.search(name))


def unquoted(name: str) -> str:
    """A path without the quotes of its steps, as documents' paths are listed."""
    return name.replace('"', "") if QUOTED.fullmatch(name.removeprefix("^")) else name


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
