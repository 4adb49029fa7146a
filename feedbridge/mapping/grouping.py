"""Records to groups: which records make one product.

Records of a product normally stand together, so groups are first taken as they come (``adjacent``), in
flat memory. When a key turns up again further down, or variants name their parent, the whole source is
gathered by key (``Anywhere``): one pass finds out what belongs together, a second puts it there, through
files on disk when there is much of it.
"""

from __future__ import annotations

import pickle
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from feedbridge.cells import CellError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.mapping.bound import as_text, is_blank, names_in
from feedbridge.mapping.folding import Folded, NotAdjacent
from feedbridge.mapping.group import Group, inheriting
from feedbridge.mapping.paths import Column
from feedbridge.sources.base import TWICE, BadCells, BadDocument, Record, compared

__all__ = ["Anywhere", "NotAdjacent", "ParentColumns", "adjacent", "begun", "key_of", "singles"]

IN_MEMORY = 100_000
"""Records that are gathered in memory; more are spilled to disk."""
BUCKET = 20_000
"""Products in one spill file."""


class ParentColumns:
    """The columns of a parent link. ``parent``: names the parent; ``own``: a record's own names, the first that is
    filled being the one it is called by; ``children``: a parent's cell that names its variants."""

    inherits: tuple[str, ...] = ()
    """Members of documents that variants have from their parents."""

    def __init__(
        self,
        parent: list[Column],
        own: list[Column],
        never: list[Column],
        orphans: str,
        by_row: bool = False,
        never_test: Callable[[Any, Any], bool] | None = None,
        children: Column | None = None,
    ) -> None:
        self.inherit = False
        """Variants have what they leave empty from the records between them and their product."""
        self.parent = parent
        self.own = own
        self.never = never
        self.orphans = orphans
        self.by_row = by_row
        """A record is a variant, so a record without parent and children is its product's only one."""
        self.never_test = never_test
        self.always_test: Callable[[Any, Any], bool] | None = None
        """A record is a variant, whether it names a parent or not."""
        self.children = children
        self.children_index = -1
        """The column of a table in which the variants are named."""
        self.children_member = ""
        """In a cell with named values, the one that is a variant's name."""

    def alone(self, record: Record) -> list[Record]:
        """The variants of a record that has neither parent nor children."""
        return [record] if self.by_row and not self.is_parent(record) else []

    def is_parent(self, record: Record) -> bool:
        """Whether a record says itself that it is never a variant."""
        cells = record[1]
        if isinstance(cells, BadCells | BadDocument):
            return False
        if self.never_test is not None and self.never_test(cells, None):
            return True
        return not is_blank(first_text(self.never, cells))

    def names(self, cells: Any) -> list[str]:
        """All names of a record; damaged documents have none."""
        if isinstance(cells, BadDocument):
            return []
        found = []
        for column in self.own:
            raw = column.get(cells, None)
            if raw.__class__ is str:  # nearly always
                text = raw.strip()
                if text:
                    found.append(text)
            elif not is_blank(raw):
                found.append(as_text(raw))
        return found

    def is_lost(self, record: Record, own: str, parent: str) -> bool:
        """Whether a record is a variant and names no parent."""
        if self.always_test is None or parent not in {"", own} or isinstance(record[1], BadCells | BadDocument):
            return False
        return self.always_test(record[1], None)

    def sku(self, cells: Any) -> str:
        """The name of a record that its reader knows best."""
        columns = sorted(self.own, key=lambda column: "sku" not in column.label.casefold())
        return "" if isinstance(cells, BadDocument) else first_text(columns, cells)

    def named_children(self, cells: Any) -> list[str]:
        """The variants a parent names. Raises CellError when the cell cannot be read."""
        if self.children is None or isinstance(cells, BadCells | BadDocument):
            return []
        raw = self.children.get(cells, None)
        items = raw if isinstance(raw, list) else names_in(raw)
        return list(dict.fromkeys(text for item in items if not is_blank(item) and (text := as_text(item))))

    def likely_children(self, cells: Any, there: dict[str, str]) -> list[str]:
        """The variants that a damaged row, or a cell that cannot be read, seems to name: only such as are there.
        In a damaged row the cells may stand beside their columns: the nearest one that names any is taken."""
        if not isinstance(cells, list) or self.children_index < 0:
            return []
        rows = [cells, *(row[1] for row in getattr(cells, "rows", ()))]
        texts = ["\n".join(row[self.children_index] for row in rows if self.children_index < len(row))]
        if isinstance(cells, BadCells):
            places = sorted(range(len(cells)), key=lambda index: abs(index - self.children_index))
            texts += [*(cells[index] for index in places), *([cells.raw] if self.children_member else [])]
        own = set(self.names(cells))
        for text in texts:
            if self.children_member:
                names = re.findall(rf'(?<!\w){re.escape(self.children_member)}\s*[=:]\s*"*([^|,;"=\n]+)', text)
            else:
                names = re.split(r"[|,;\n]", text)
            found = [name for name in map(str.strip, names) if name in there and name not in own]
            if found:
                return list(dict.fromkeys(found))
        return []


def first_text(columns: list[Column], cells: Any) -> str:
    for column in columns:
        raw = column.get(cells, None)
        if raw.__class__ is str:
            text: str = raw.strip()
            if text:
                return text
        elif not is_blank(raw):
            return as_text(raw)
    return ""


def key_of(record: Record, column: Column) -> str | None:
    """A record's group key; None when it cannot be known (damaged before the key's column)."""
    cells = record[1]
    if (isinstance(cells, BadCells) and cells.reliable <= column.index) or isinstance(cells, BadDocument):
        return None
    raw = column.get(cells, None)
    return "" if is_blank(raw) else as_text(raw)


def guess(record: Record, column: Column) -> str:
    """What a damaged record's key may have been. Good enough to hold back the product it then belongs to: better a
    whole product held back than one written without a variant."""
    cells = record[1]
    if not isinstance(cells, BadCells) or column.index < 0:
        return ""
    return cells[column.index].strip() if column.index < len(cells) else ""


def singles(records: Iterator[Record], by_row: bool = False) -> Iterator[Group]:
    """One record, one product; ``by_row``: a record is a variant, so it is its product's only one."""
    for record in records:
        yield Group(record, [record] if by_row else [])


def begun(
    records: Iterator[Record],
    begins: Callable[[Any, Any], bool],
    place: Callable[[Record], tuple[str, int, str]],
) -> Iterator[Group]:
    """A product begins where ``begins`` holds, and goes on until the next one. What stands above the first is held
    back each; a damaged record belongs to the product above."""
    members: list[Record] = []
    inside = False
    for record in records:
        damaged = isinstance(record[1], BadCells | BadDocument)
        begin = not damaged and begins(record[1], None)
        if members and (begin or not inside):
            yield Group(members[0], members)
            members = []
        inside = inside or begin
        members.append(record if inside or damaged else held(record, above_all(*place(record))))
    if members:
        yield Group(members[0], members)


def adjacent(records: Iterator[Record], column: Column, fill_down: bool | str) -> Iterator[Group]:
    """Runs of records with the same key. A record without a key stands alone, or with ``fill_down`` belongs to
    the run above. A damaged record whose key is unknown goes to the run around it, else stands alone."""
    get, index = column.get, column.index
    members: list[Record] = []
    key: str | None = None
    raw_key: Any = None
    doubtful: list[Record] = []
    keyless: list[Record] = []
    for record in records:
        cells = record[1]
        if cells.__class__ is list or cells.__class__ is dict:
            raw = cells[index] if index >= 0 else get(cells, None)
            if raw == raw_key and raw and not doubtful:
                members.append(record)
                continue
            own: str | None = "" if is_blank(raw) else as_text(raw)
        else:
            raw = None
            own = key_of(record, column)
        if own is None:
            likely = guess(record, column)
            if members and ((key and likely == key) or (fill_down and not likely and not doubtful)):
                members += [*doubtful, record]
                doubtful.clear()
            else:
                doubtful.append(record)
            continue
        if doubtful and not own and fill_down:  # it goes on with the damaged record, whatever that is
            if members:
                yield Group(members[0], members, key or "", told=filled_down(keyless, column))
            for lost in doubtful[:-1]:
                yield Group(lost, [lost], guess(lost, column))
            members, keyless, raw_key = [doubtful[-1], record], [], None
            key = guess(doubtful[-1], column)
            doubtful.clear()
            continue
        if members and ((own == key and own) or (not own and fill_down)):
            members += doubtful
            members.append(record)
            doubtful.clear()
            if not own and fill_down is True:
                keyless.append(record)
            continue
        if members:
            yield Group(members[0], members, key or "", told=filled_down(keyless, column))
            keyless = []
        members, key, raw_key = [record], own, raw
        while doubtful and own and guess(doubtful[-1], column) == own:
            members.insert(0, doubtful.pop())
        for lost in doubtful:
            yield Group(lost, [lost], guess(lost, column))
        doubtful.clear()
    if members:
        yield Group(members[0], members, key or "", told=filled_down(keyless, column))
    for lost in doubtful:
        yield Group(lost, [lost], guess(lost, column))


class Anywhere:
    """Gathers the records of each product from anywhere in a source, products in the order of their first record.

    ``read`` gives all records and is called twice.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Record]],
        column: Column | None,
        fill_down: bool | str,
        parents: ParentColumns | None,
        source_name: str,
        in_memory: int = IN_MEMORY,
        bucket: int = BUCKET,
        place: Callable[[Record], tuple[str, int, str]] | None = None,
    ) -> None:
        self.in_memory = in_memory
        self.bucket = bucket
        self.read = read
        self.column = column
        self.fill_down = fill_down
        self.parents = parents
        self.source_name = source_name
        self.place = place or (lambda record: (source_name, record[0], ""))
        """File, line and JSON Pointer of a record."""
        self.called: dict[str, str] = {}
        """Every other name of a record -> the one it is called by."""
        self.twice: set[str] = set()
        """Other names by which variants call their parent and that are another record's, too."""
        self.parent_of: dict[str, str] = {}
        """The name of every record -> its parent's."""
        self.unreadable: set[str] = set()
        """Records whose list of variants cannot be read."""
        self.alike: dict[str, str] | None = None
        """Names as they are compared without case -> the name."""
        self.child_of: dict[str, str] = {}
        """Variant named by its parent -> that parent."""

    def groups(self) -> Iterator[Group]:
        keys, total = self.roots()
        order: dict[str, int] = {}
        buckets: dict[int, Any] = {}
        memory: dict[int, list[tuple[int, str, Record]]] = {}
        spill = total > self.in_memory
        try:
            for number, (record, root) in enumerate(zip(self.read(), keys, strict=True)):
                place = order.setdefault(root or f"\0{number}", len(order))
                if spill:
                    bucket = buckets.get(place // self.bucket)
                    if bucket is None:
                        bucket = buckets[place // self.bucket] = tempfile.TemporaryFile(prefix="feedbridge-")  # noqa: SIM115
                    pickle.dump((place, root, record), bucket, pickle.HIGHEST_PROTOCOL)
                else:
                    memory.setdefault(0, []).append((place, root, record))
            for number in sorted(buckets) if spill else sorted(memory):
                yield from self.gather(unspill(buckets[number]) if spill else iter(memory[number]))
        finally:
            for bucket in buckets.values():
                bucket.close()

    def gather(self, rows: Iterator[tuple[int, str, Record]]) -> Iterator[Group]:
        together: dict[int, tuple[str, list[Record]]] = {}
        for place, root, record in rows:
            together.setdefault(place, (root, []))[1].append(record)
        for place in sorted(together):
            root, records = together[place]
            if self.parents is None:
                assert self.column is not None
                filled = self.fill_down is True and root
                keyless = [one for one in records if key_of(one, self.column) == ""] if filled else []
                key = "" if root.startswith("\0") else root
                yield Group(records[0], records, key, told=filled_down(keyless, self.column))
            else:
                yield from self.family(root, records)

    def roots(self) -> tuple[list[str], int]:
        """For each record the key of its product ("" when it stands alone)."""
        if self.parents is None:
            assert self.column is not None
            return self.rows_to_keys(self.column)
        parents = self.parents
        links: list[tuple[str, str]] = []
        parent_of: dict[str, str] = {}
        unsure: set[int] = set()
        doubtful: list[tuple[str, Any]] = []
        for record in self.read():
            cells = record[1]
            lost = isinstance(cells, BadDocument)
            own, *others = parents.names(cells) or [""]
            parent = "" if lost else first_text(parents.parent, cells)
            if isinstance(cells, BadCells):
                unsure.add(len(links))
                if own and parents.children is not None:
                    doubtful.append((own, cells))
            elif own:
                parent_of.setdefault(own, parent)
                for other in others:
                    if other != own and self.called.setdefault(other, own) != own:
                        self.twice.add(other)
                try:
                    for child in parents.named_children(cells):
                        if child != own:
                            self.child_of.setdefault(child, own)
                except CellError:
                    self.unreadable.add(own)
                    doubtful.append((own, cells))
            links.append((own, parent))
        if self.called:  # the name a record is called by is its own, whoever else has it as another name
            firsts = self.called.keys() & parent_of.keys()
            self.twice = (self.twice | firsts) & {parent for _, parent in links}
            for name in firsts:
                del self.called[name]
            links = [(own, self.called.get(parent, parent)) for own, parent in links]
            parent_of = {own: self.called.get(parent, parent) for own, parent in parent_of.items()}
        for own, cells in doubtful:
            for child in parents.likely_children(cells, parent_of):
                if child != own:
                    self.child_of.setdefault(child, own)
        if parents.children is not None:
            links = [(own, parent or self.child_of.get(own, "")) for own, parent in links]
            parent_of = {own: parent or self.child_of.get(own, "") for own, parent in parent_of.items()}
        self.parent_of = parent_of
        roots = [self.root(own, parent, parent_of) for own, parent in links]
        # What a damaged record says may be wrong: it counts only where it leads to a product that is there.
        known = {root for number, root in enumerate(roots) if number not in unsure} if unsure else set()
        for number in unsure:
            if roots[number] not in known:
                roots[number] = ""
        return roots, len(links)

    def rows_to_keys(self, column: Column) -> tuple[list[str], int]:
        """The key of each record. Rows without one go on with the record above; below a damaged record with that one,
        which goes to the product it seems to name if there is one."""
        keys: list[str] = []
        damaged: list[tuple[str, list[int]]] = []
        between: list[int] = []
        """Those of ``damaged`` that stand below the record with the key ``above``."""
        above = ""
        for number, record in enumerate(self.read()):
            key = key_of(record, column)
            likely = guess(record, column) if key is None else ""
            if not key and not likely and self.fill_down:
                if between:
                    damaged[between[-1]][1].append(number)
                    key = ""
                elif key is None and not above:
                    between.append(len(damaged))
                    damaged.append(("", [number]))
                else:
                    key = above
            elif key is None:
                between.append(len(damaged))
                damaged.append((likely, [number]))
            else:
                if key and key == above:
                    for one in between:
                        if len(damaged[one][1]) == 1:
                            keys[damaged[one][1][0]] = key
                above = key
                between = []
            keys.append(key or "")
        known = set(keys)
        for likely, numbers in damaged:
            if likely and likely in known:
                where = likely
            elif len(numbers) > 1:
                where = likely or f"\0{numbers[0]}-"
            else:
                continue
            for number in numbers:
                keys[number] = where
        return keys, len(keys)

    @staticmethod
    def root(own: str, parent: str, parent_of: dict[str, str]) -> str:
        seen = {own}
        name = own
        while parent and parent not in seen:
            seen.add(parent)
            name, parent = parent, parent_of.get(parent, "")
        return name

    def family(self, root: str, records: list[Record]) -> Iterator[Group]:
        """A parent with its variants; records that only carry other records (sub-models) are neither."""
        parents = self.parents
        assert parents is not None
        facts = [(self.judged(record, own, parent), own, parent) for record in records for own, parent in [self.link(record)]]
        records = [record for record, _, _ in facts]
        if not root:
            for record in records:
                yield Group(record, [])
            return
        carriers = {parent for _, own, parent in facts if parent and parent != own}
        passing = parents.inherit or bool(parents.inherits)
        heads = [record for record, own, parent in facts if own == root and (not parent or parent == own)]
        members = [
            record
            for record, own, parent in facts
            if parent and parent != own and not (passing and own in carriers) and not parents.is_parent(record)
        ]
        taken = {id(record) for record in [*heads, *members]}
        between = [(record, own) for record, own, _ in facts if id(record) not in taken]
        others = [record for record, _ in between]
        told = [one for record, own, _ in facts for one in self.names_twice(record, own)]
        if parents.never or parents.never_test is not None or parents.inherits:
            told += [
                (record, *no_variant_itself(own))
                for record, own in between
                if own in carriers and not isinstance(record[1], BadCells | BadDocument) and not parents.is_parent(record)
            ]
        if parents.inherit and others:
            members = self.filled_up(members, facts, {id(record) for record in others})
        if parents.inherits and members:
            members = inherited(members, facts, parents.inherits)
        if heads:
            if not members and parents.is_parent(heads[0]):
                told.append((heads[0], *no_variants(root)))
            told += [(record, *no_variants(own)) for record, own in between if own not in carriers]
            told += self.children_elsewhere(heads[0], root)
            is_family = bool(members or others) or parents.is_parent(heads[0])
            if not members and not others:
                members = parents.alone(heads[0])
            yield Group(heads[0], members, root, carriers=others, told=told)
            for record in heads[1:]:
                again = self.again(record, heads[0], root) if is_family or parents.is_parent(record) else record
                yield Group(again, parents.alone(again), root)
        elif parents.orphans == "group" and members and root not in self.parent_of:
            message = f"{no_parent(root)}: the product is made of its variants alone"
            told.append((members[0], "mapping.orphan", message, self.give_parent(root)))
            yield Group(members[0], members, root, headless=True, carriers=others, told=told)
        else:
            for record in records:
                yield Group(self.orphan(record, root), [], root)

    def judged(self, record: Record, own: str, parent: str) -> Record:
        """A record, held back when it says that it has a parent or variants, and not which."""
        parents = self.parents
        assert parents is not None
        if parents.is_lost(record, own, parent):
            column = parents.parent[0].label if parents.parent else ""
            message = "is a variant, and names no parent" if not parent else "is a variant, and names itself as its parent"
            return self.hold(record, "mapping.orphan", message, "name its parent", column)
        if own not in self.unreadable or isinstance(record[1], BadCells | BadDocument):
            return record
        try:
            parents.named_children(record[1])
        except CellError as exc:
            column = parents.children.label.partition("[")[0] if parents.children is not None else ""
            message = f"{exc.message}, so its variants are not known"
            return self.hold(record, exc.code, message, exc.mend, column)
        return record

    def again(self, record: Record, first: Record, root: str) -> Record:
        """A second record of a product with variants: whatever it says, it is held back."""
        if isinstance(record[1], BadCells | BadDocument):
            return record
        file, line, pointer = self.place(first)
        where = f"{file}:{line}" if line else f"{file}#{pointer}"
        message = f'"{cut(root)}" {TWICE} ({where}), and variants are of the first'
        assert self.parents is not None
        return self.hold(record, "mapping.parent-twice", message, "keep one of the two", self.parents.own[0].label, root)

    def names_twice(self, record: Record, own: str) -> Iterator[tuple[Record, str, str, str]]:
        """What is said of a record that shares a name with another one that variants call by it."""
        if not self.twice or isinstance(record[1], BadCells | BadDocument):
            return
        assert self.parents is not None
        for other in self.parents.names(record[1])[1:]:
            if other in self.twice and other != own and self.called.get(other, other) != own:
                owner = self.called.get(other, other)
                message = f'has the name "{cut(other)}" of another record'
                message += f' ("{cut(owner)}")' if owner != other else ""
                message += ": variants that name it belong to that one"
                yield record, "mapping.name-twice", message, "give each its own name, or let variants say another one"

    def filled_up(
        self, members: list[Record], facts: list[tuple[Record, str, str]], between: set[int]
    ) -> list[Record]:
        """Variants with what they leave empty from the records between them and their product."""
        parents = self.parents
        assert parents is not None
        never = {column.index for column in (*parents.parent, *parents.own, *parents.never)}
        above = {own: (record, parent) for record, own, parent in facts if id(record) in between}
        parent_of = {id(record): parent for record, _, parent in facts}
        found = []
        for record in members:
            chain: list[Record] = []
            name = parent_of[id(record)]
            while name in above and len(chain) < len(above):
                giver, name = above[name]
                if not isinstance(giver[1], BadCells | BadDocument):
                    chain.append(giver)
            sound = chain and not isinstance(record[1], BadCells | BadDocument)
            found.append(inheriting(record, chain, never) if sound else record)
        return found

    def link(self, record: Record) -> tuple[str, str]:
        """A record's own name and its parent's."""
        assert self.parents is not None
        cells = record[1]
        own = next(iter(self.parents.names(cells)), "")
        parent = "" if isinstance(cells, BadDocument) else first_text(self.parents.parent, cells)
        return own, self.called.get(parent, parent) or self.child_of.get(own, "")

    def children_elsewhere(self, head: Record, root: str) -> Iterator[tuple[Record, str, str, str]]:
        """What is said of variants that a parent names and that are not with it."""
        assert self.parents is not None
        names = self.parents.named_children(head[1])
        missing = [name for name in names if name not in self.parent_of]
        if missing:
            shown = ", ".join(f'"{cut(name)}"' for name in missing[:5]) + (" …" if len(missing) > 5 else "")
            message = f"names {len(missing)} of {len(names)} variants that are not in the source: {shown}"
            yield head, "mapping.child-missing", message, "give the file they are in as well, or take them out of the list"
        for name in names:
            if name != root and name in self.parent_of and self.root(name, self.parent_of[name], self.parent_of) != root:
                other = self.parent_of[name]
                message = f'names the variant "{cut(name)}", which belongs to "{cut(other)}"; it stays there'
                yield head, "mapping.two-parents", message, "name it with one parent only"

    def orphan(self, record: Record, root: str) -> Record:
        """A record whose product is not there."""
        column = self.parents.parent[0].label if self.parents and self.parents.parent else ""
        if root in self.parent_of:
            message = f'names a parent that leads back to itself: "{cut(root)}" has "{cut(self.parent_of[root])}" above it'
            mend = "name the product that they are all variants of"
            return self.hold(record, "mapping.parent-circle", message, mend, column, root)
        return self.hold(record, "mapping.orphan", no_parent(root), self.give_parent(root), column, root)

    def give_parent(self, root: str) -> str:
        """What to do about a parent that is not there; one that is written in another way is named."""
        if self.alike is None:
            self.alike = {}
            for name in self.parent_of:
                self.alike.setdefault(compared(name), name)
        near = self.alike.get(compared(root))
        if near is None:
            return GIVE_PARENT
        if unicodedata.normalize("NFC", near) == unicodedata.normalize("NFC", root):
            return f'write it in the same Unicode form as its parent "{cut(near)}": the letters only look alike'
        return f'write "{cut(near)}", as its parent does'

    def hold(self, record: Record, code: str, message: str, mend: str, column: str, value: str = "") -> Record:
        """A record held back; a damaged one is so already."""
        if isinstance(record[1], BadCells | BadDocument):
            return record
        assert self.parents is not None
        file, line, pointer = self.place(record)
        finding = Finding(
            code=code, severity=Severity.ERROR, message=message, file=file, line=line, pointer=pointer, mend=mend,
            column=column, value=cut(value), sku=cut(self.parents.sku(record[1])),
        )  # fmt: skip
        return held(record, finding)


def held(record: Record, finding: Finding) -> Record:
    """A record that is held back for what its place among the others says of it."""
    cells = record[1]
    if isinstance(cells, list):
        bad = BadCells(cells.own if isinstance(cells, Folded) else cells)
        bad.finding, bad.reliable, bad.raw, bad.last_line = finding, len(cells), "", record[0]
        if isinstance(cells, Folded):
            bad.rows = cells.rows  # type: ignore[attr-defined]  # counted and kept with it
        return (record[0], bad, *record[2:])
    document = BadDocument(cells)
    document.finding, document.raw = finding, ""
    return (record[0], document, *record[2:])


def above_all(file: str, line: int, pointer: str) -> Finding:
    """What is said of a record above the first product."""
    return Finding(
        code="mapping.orphan",
        severity=Severity.ERROR,
        message="stands above the first product, so nothing says which one it belongs to",
        file=file,
        line=line,
        pointer=pointer,
        mend="put it below its product's row",
    )


def inherited(
    members: list[Record], facts: list[tuple[Record, str, str]], names: tuple[str, ...]
) -> list[Record]:
    """Variants with what they do not say themselves taken from their parents, through all levels.

    ``facts``  the records of a family, each with its own name and its parent's
    """
    above = {own: (record, parent) for record, own, parent in reversed(facts)}
    parent_of = {id(record): parent for record, _, parent in facts}
    found: list[Record] = []
    for record in members:
        cells, seen, parent = record[1], set[str](), parent_of[id(record)]
        while parent in above and parent not in seen and not isinstance(cells, list | BadDocument):
            seen.add(parent)
            upper, parent = above[parent]
            if not isinstance(upper[1], BadDocument):
                pairs = (taken_over(cells, upper[1], name) for name in names)
                cells = {**cells, **{member: one for member, one in pairs if one is not None}}
        found.append((record[0], cells, *record[2:]))
    return found


def taken_over(own: dict[str, Any], upper: dict[str, Any], name: str) -> tuple[str, Any]:
    """A member that is an object, filled up from the one above; with ``.*`` each of the objects in it."""
    member = name.removesuffix(".*")
    mine, theirs = own.get(member), upper.get(member)
    if not isinstance(theirs, dict) or not isinstance(mine, dict | None):
        return member, mine
    if name == member:
        return member, filled_up(mine or {}, theirs)
    inner = {key: filled_up((mine or {}).get(key) or {}, one) for key, one in theirs.items() if isinstance(one, dict)}
    return member, {**(mine or {}), **inner}


def filled_up(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {**theirs, **{key: value for key, value in mine.items() if value is not None}}


GIVE_PARENT = "give the parent's file as well, or add the parent"


def no_parent(root: str) -> str:
    return f'names the parent "{cut(root)}", which is not in the source'


def filled_down(keyless: list[Record], column: Column) -> list[tuple[Record, str, str, str]]:
    """What is to be said of a product some of whose records do not name it and were taken for it by their place."""
    if not keyless:
        return []
    listed = ", ".join(str(record[0]) for record in keyless[:5]) + (" …" if len(keyless) > 5 else "")
    message = f'"{column.label}" is empty in {len(keyless)} rows (line {listed}): taken for part of the product above'
    if len(keyless) == 1:
        message = f'"{column.label}" is empty: taken for part of the product above'
    return [(keyless[0], "mapping.filled-down", message, f'write the product\'s "{column.label}" in every row of it')]


def no_variants(name: str) -> tuple[str, str, str]:
    """Code, message and remedy for a model that nothing in the source is a variant of."""
    message = f'"{cut(name)}" is a model of variants, but no variant in the source names it'
    return "mapping.no-variants", message, "give the file with its variants as well"


def no_variant_itself(name: str) -> tuple[str, str, str]:
    """Code, message and remedy for a record between a product and its variants that nothing marks as a model."""
    message = f'has variants and is a variant ("{cut(name)}"): it only passes on what it says to its own'
    return "mapping.between", message, "if it is sold itself, name its product as the parent of its variants"


def unspill(bucket: Any) -> Iterator[tuple[int, str, Record]]:
    bucket.seek(0)
    while True:
        try:
            yield pickle.load(bucket)
        except EOFError:
            return
