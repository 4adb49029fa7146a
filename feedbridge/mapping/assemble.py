"""The precise path: one group of records to a product, cell by cell, with the place of every value.

Slow and exact. A run takes it for the records on which the compiled path (compile.py) gives up, for
``explain``, and whenever a rule's finding needs line and column. A property test holds both paths equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.mapping.attached import AttachedRow
from feedbridge.mapping.bound import (
    BoundBlock,
    BoundLeaf,
    BoundMany,
    BoundNamed,
    BoundNode,
    BoundTrees,
    as_text,
    is_blank,
    leaves_of,
)
from feedbridge.mapping.common import common_words
from feedbridge.mapping.finish import NO_IDENTITY, OptionNamesValues, OptionPair, attach_variants, order_images
from feedbridge.mapping.folding import Folded
from feedbridge.mapping.group import Group, Inherited
from feedbridge.mapping.paths import Column
from feedbridge.mapping.schema import Records
from feedbridge.product import Money, Product, Texts, Variant, light, to_model
from feedbridge.sources.base import BadCells, BadDocument, Record, Source

__all__ = ["Assembled", "Assembler", "Place", "place_of"]


class Place(NamedTuple):
    """Where a canonical value came from."""

    record: Record
    column: str
    raw: str
    layer: str
    """The mapping's file and line."""
    kind: str
    """The reader."""
    leaf: BoundLeaf | None = None
    """What of the mapping was evaluated here."""
    up: Any = None
    """The product document around an inner one."""


class Assembled(NamedTuple):
    """What the precise path made of a group. ``product`` is the light twin, None when it is held back."""

    product: Product | None
    findings: list[Finding]
    trace: dict[str, Place]
    sku: str


FINISH_NOTES = {
    NO_IDENTITY: ("sku", "give every variant a SKU of its own"),
    "mapping.sku-made": ("sku", "give every variant a SKU of its own"),
    "mapping.option-twice": ("option_values.0", "give the option one value, or the second one another name"),
    "mapping.version-title": (
        "title",
        "put it into the product's title, or leave the variants' title out of the mapping",
    ),
}
"""What joining variants may say: which field it is about, and what to do."""
IDLE = (
    "is no variant (its variant columns are empty) and adds no image",
    "delete the row, or fill in what makes it a variant",
)
NEITHER = (
    "is neither a product nor a variant and adds no image: nothing of it is used",
    "if it changes a price, a weight or a picture of some variants, write that into the variants' own rows",
)
COLLECTED = ("images", "content", "tier_prices", "custom_options")
"""Lists of a product that are gathered from all of its records."""


class Assembler:
    """Makes products of groups for one source and one platform's (or the common) trees."""

    def __init__(
        self, trees: BoundTrees, records: Records, source: Source, variant_if: list[Column], variants: Column | None
    ) -> None:
        self.trees = trees
        self.records = records
        self.source = source
        self.variant_if = variant_if
        self.variants = variants
        self.key: Column | None = None
        """The column that groups records, where there is one."""
        self.variant_test: Callable[[Any, Any], bool] | None = None
        """Whether a record is a variant, where a condition says so."""
        self.by_row = records.one == "variant"
        description = trees.product.fields.get("description")
        self.html = isinstance(description, BoundLeaf) and keeps_html(description)
        self.tables = list({id(leaf.table): leaf.table for leaf in trees.leaves() if leaf.table is not None}.values())
        """Lookup tables that count what is asked of them."""

    def assemble(self, group: Group) -> Assembled:
        """Never raises for anything in a record."""
        for table in self.tables:
            table.asked.clear()
        assembled = self.assembled(group)
        for table in self.tables:
            table.settle(group)
        return assembled

    def assembled(self, group: Group) -> Assembled:
        work = _Work(self, group)
        for record in group.records():
            cells = record[1]
            if isinstance(cells, BadCells | BadDocument):
                work.findings.append(cells.finding)
                work.failed = True
        if work.failed:
            return work.result(None)
        return work.run()

    def skus_named(self, group: Group) -> Iterator[str]:
        """Every SKU that a group's records name, of the product and of its variants, as far as each can be read."""
        leaves = [
            leaf for trees in (self.trees.product, self.trees.variant)
            if isinstance(leaf := trees.fields.get("sku"), BoundLeaf)
        ]
        for record in group.records():
            whole = record[1]
            inner = None
            if self.variants is not None and not isinstance(whole, BadDocument):
                with suppress(CellError):
                    inner = self.variants.get(whole, None)
            rows = [(whole, None), *[(one, whole) for one in inner or () if isinstance(inner, list)]]
            for leaf in leaves:
                for row, up in rows:
                    try:
                        sku = leaf.evaluate(row, up)
                    except (CellError, LookupError, TypeError, AttributeError):
                        continue
                    if isinstance(sku, str) and sku:
                        yield sku

    def variant_count(self, group: Group, product: Product | None) -> int:
        """Variants of a product; of one that is held back, its variant records when there are several."""
        if product is not None:
            return len(product.variants)
        if self.variants is not None:
            inner = None if isinstance(group.head[1], BadDocument) else _Work(self, group).inner_variants(self.variants)
            return len(inner) if isinstance(inner, list) and len(inner) > 1 else 0
        work = _Work(self, group)
        count = sum(isinstance(r[1], BadCells | BadDocument) or work.is_variant(r) for r in group.members)
        return count if count > 1 or not self.by_row else 0


def sold_twice(maker: Assembler, group: Group) -> Record | None:
    """With ``parent_row``: the variant's record that has the SKU of a product's own row with a price; None without."""
    if not (maker.records.parent_row and maker.by_row) or len(group.members) < 2:
        return None
    sku, price = maker.trees.variant.fields.get("sku"), maker.trees.variant.fields.get("price")
    if not isinstance(sku, BoundLeaf) or not isinstance(price, BoundLeaf):
        return None
    head = group.head
    try:
        own, amount = sku.evaluate(head[1]), price.evaluate(head[1])
        if own is None or amount is None or not amount.amount:
            return None
        rest = (record for record in group.members if record is not head)
        return next((record for record in rest if sku.evaluate(record[1]) == own), None)
    except CellError:  # said where the field is read
        return None


def unzip(pairs: list[OptionPair]) -> OptionNamesValues:
    return tuple([name for name, _ in pairs]), tuple([value for _, value in pairs])


def says_nothing(block: BoundBlock, name: str) -> bool:
    """A field with which alone an object is none: a constant, the language of a row without texts."""
    node = block.fields[name]
    constant = isinstance(node, BoundLeaf) and node.spec.value is not None
    return constant or (block.model is Texts and block.rows is not None and name == "locale")


def may_be_left_out(node: BoundNode | None) -> bool:
    """Whether a table may leave the field out without a word about this product."""
    return isinstance(node, BoundLeaf) and node.table is not None and node.table.missing in {"empty", "once"}


def left_out(node: BoundNode | None, cells: Any, up: Any) -> bool:
    """Whether a table did: the cell says something, and has no entry."""
    return may_be_left_out(node) and isinstance(node, BoundLeaf) and not is_blank(node.locate(cells, up)[1])


def keeps_html(leaf: BoundLeaf) -> bool:
    """The leaf's text is HTML (read as html and not stripped)."""
    return leaf.leaf.kind == "html" and not leaf.leaf.parameters.get("strip") and not leaf.spec.strip_html


class _Work:
    """One group on its way to a product."""

    def __init__(self, maker: Assembler, group: Group) -> None:
        self.maker = maker
        self.group = group
        self.findings: list[Finding] = []
        self.trace: dict[str, Place] = {}
        self.failed = False
        self.variant_skus: dict[int, str] = {}
        self.numbered_skus: dict[int, str] = {}
        self.giving: set[int] = set()
        self.sku = ""
        self.option_places: dict[tuple[str, str], Place] = {}
        """Where a variant's value of an option came from, by the variant's path and the option's name."""

    def run(self) -> Assembled:
        maker, group = self.maker, self.group
        head = group.head
        values = self.product_fields(head)
        if group.headless and group.key:
            values["sku"] = group.key
        if values.get("sku") is None:
            values["sku"] = self.variant_sku_of(head)
        self.sku = values.get("sku") or ""
        variants, pairs = self.variant_objects(values)
        for record, code, message, mend in group.told:
            self.finding(record, "", code, Severity.WARNING, message, mend)
        if values.get("sku") is None and not any(
            f.field == "sku" and f.severity is Severity.ERROR for f in self.findings
        ):
            self.complain(head, "sku", "mapping.no-sku", "has no SKU", "give every product a SKU")
        if values.get("title") is None and not any(
            f.field == "title" and f.severity is Severity.ERROR for f in self.findings
        ):
            self.complain(
                head,
                "title",
                "mapping.no-title",
                "has no title",
                "fill it in the source, or give the mapping a default",
            )
        if self.failed:
            return self.result(None)
        if maker.html and "description" in values:
            values["description_is_html"] = True
        product = light(Product)(**values)
        if variants:
            for number, code, message in attach_variants(
                product,
                variants,
                [unzip(own) for own in pairs],
                maker.records.no_option,
                maker.records.differing_options,
                maker.records.version_option,
            ):
                record = self.variant_records[number]
                severity = Severity.ERROR if code == NO_IDENTITY else Severity.WARNING
                field, mend = FINISH_NOTES[code]
                self.finding(record, f"variants.{number}.{field}", code, severity, message, mend)
            if self.failed:
                return self.result(None)
        self.sku = product.sku
        self.place_options(product)
        if not product.variants:
            self.collapse_trace()
        return self.result(self.checked(product))

    def product_fields(self, head: Record) -> dict[str, Any]:
        """Product-level fields from the head; where it is empty, from the first record that is not."""
        maker, group = self.maker, self.group
        fields = maker.trees.product.fields
        values: dict[str, Any] = {}
        # a parent's record says itself what its product is; rows that only share a key say it together
        parted = group.members and not group.headless and group.members[0] is not head
        rest = [record for record in group.members if record is not head] if maker.by_row and not parted else []
        link = maker.records.parent
        inherit = link is not None and link.inherit is True
        below = [*group.carriers, *group.members] if parted and inherit else []
        for name, node in fields.items():
            if maker.by_row and name in COLLECTED and isinstance(node, BoundMany):
                gathered: list[Any] = []
                for record in [head] if parted and name != "images" else group.own():
                    more = self.many(node, record, None, name, len(gathered))
                    gathered += more
                    if more:
                        self.giving.add(id(record))
                if gathered:
                    values[name] = order_images(gathered) if name == "images" else tuple(dict_once(gathered))
                continue
            # a field that variants have, too, may well differ from record to record
            common = isinstance(node, BoundLeaf) and node.spec.common
            shared = common or name not in maker.trees.variant.fields
            value = self.over_rows(node, head, (rest or below) if shared else [], name, only_empty=bool(below))
            if value is not None:
                values[name] = order_images(list(value)) if name == "images" else value
        self.settle_compare_at(values, "")
        return values

    def settle_compare_at(self, values: dict[str, Any], path: str) -> None:
        """A compare-at price above the price is the regular one, and the price the sale price.

        Source: Shopify Help Center, product CSV files.
        """
        compare_at, price = values.pop("compare_at_price", None), values.get("price")
        if compare_at is not None and price is not None and compare_at.amount > price.amount:
            values["price"], values["sale_price"] = compare_at, price
            if f"{path}price" in self.trace:
                self.trace[f"{path}sale_price"] = self.trace[f"{path}price"]
            self.trace[f"{path}price"] = self.trace[f"{path}compare_at_price"]
        elif compare_at is not None and price is not None and 0 < compare_at.amount < price.amount:
            place = self.trace[f"{path}compare_at_price"]
            self.finding(
                place.record,
                f"{path}compare_at_price",
                "mapping.compare-at",
                Severity.WARNING,
                f"the compare-at price {compare_at.amount} is below the price {price.amount}; it is left out",
                "a compare-at price is the price before a reduction: mend one of the two",
                place.column,
                place.raw,
            )

    def over_rows(
        self, node: BoundNode, head: Record, rest: list[Record], path: str, only_empty: bool = False
    ) -> Any:
        """A product-level field of all records of a group: of the first that has it; the others may repeat it or leave
        it empty, else they are named. ``only_empty``: the others count only where the head has nothing."""
        if isinstance(node, BoundNamed):
            named = {
                name: v
                for key, leaf in node.leaves.items()
                if (name := leaf.name_of(key, head[1]))
                and (v := self.over_rows(leaf, head, rest if name == key else [], f"{path}.{name}", only_empty)) is not None
            }
            return named or None
        if only_empty and not (isinstance(node, BoundLeaf) and is_blank(node.locate(head[1], None)[1])):
            rest = []
        if isinstance(node, BoundLeaf) and node.spec.common and rest:
            texts = [self.node(node, record, None, path) for record in rest]
            texts = [text for text in (self.node(node, head, None, path), *texts) if text is not None]
            return common_words(texts) if texts else None
        value, giver = self.node(node, head, None, path), head
        if not isinstance(node, BoundLeaf):
            branches: set[int] = set()
            for leaf in leaves_of(node, inner=False):
                if id(leaf) not in branches:
                    branches |= {id(leaf.then), id(leaf.else_)}
                    for record in rest:
                        self.differs(leaf, record, head, path)
            return value
        for record in rest:
            if node.spec.varies and value is not None:
                break
            _, raw = node.locate(record[1], None)
            if is_blank(raw) or node.spec.value is not None:
                continue
            if value is None or is_blank(node.locate(giver[1], None)[1]):
                value, giver = self.node(node, record, None, path), record
            else:
                self.differs(node, record, giver, path)
        return value

    def differs(self, leaf: BoundLeaf, record: Record, giver: Record, path: str) -> None:
        """Name the first cell of a field that says something else than the record the field is taken from."""
        columns = [leaf.test_column] if leaf.test_column is not None else leaf.every_column()
        if leaf.spec.varies:
            return
        for column in columns if leaf.spec.value is None else ():
            try:
                raw, first = column.get(record[1], None), column.get(giver[1], None)
            except CellError:  # said where the field is read
                continue
            if not is_blank(raw) and as_text(raw) != ("" if is_blank(first) else as_text(first)):
                said = f'says "{cut(as_text(raw))}", but line {giver[0]} of the same product '
                said += "says nothing" if is_blank(first) else f'says "{cut(as_text(first))}"'
                key = self.maker.key
                adrift = key is not None and is_blank(key.get(record[1], None))
                self.finding(
                    record,
                    path,
                    "mapping.conflict",
                    Severity.ERROR if adrift else Severity.WARNING,
                    f"{said}; "
                    + (
                        f'and its "{key.label}" is empty, so it may be a product of its own'
                        if adrift and key
                        else "the first is used"
                    ),
                    "make them equal, or empty all but the first",
                    column.label,
                    as_text(raw),
                )
                return
        if leaf.test is not None:
            branch = leaf.then if leaf.test(giver[1], None) else leaf.else_
            if branch is not None:
                self.differs(branch, record, giver, path)

    def variant_sku_of(self, head: Record) -> Any:
        leaf = self.maker.trees.variant.fields.get("sku")
        return self.node(leaf, head, None, "sku") if isinstance(leaf, BoundLeaf) else None

    def variant_objects(self, values: dict[str, Any]) -> tuple[list[Variant], list[list[OptionPair]]]:
        maker, group = self.maker, self.group
        fields = maker.trees.variant.fields
        self.variant_records: list[Record] = []
        elements: list[tuple[Record, Any, Any]] = []
        if maker.variants is not None:
            inner = self.inner_variants(maker.variants)
            if inner is not None and not isinstance(inner, list):
                self.complain(
                    group.head,
                    "variants",
                    "mapping.variants",
                    f"{maker.variants.label} is not a list",
                    "name the path of the list of variants",
                )
            for item in inner if isinstance(inner, list) else []:
                if isinstance(item, dict):
                    elements.append((group.head, item, group.head[1]))
                else:
                    self.complain(
                        group.head,
                        "variants",
                        "mapping.variants",
                        f"{cut(str(item))!r} in {maker.variants.label} is not a variant",
                        "mend the source",
                    )
        elif fields:
            elements = [(record, record[1], group.head[1]) for record in group.members if self.is_variant(record)]
            self.tell_sold_head()
            self.idle_records(elements)
        variants, pairs = [], []
        head_names: dict[int, str] = {}
        for number, (record, cells, up) in enumerate(elements):
            path = f"variants.{number}."
            own: dict[str, Any] = {}
            for name, node in fields.items():
                if name == "options":
                    continue
                value = self.node(node, (record[0], cells, *record[2:]), up, path + name)
                if value is not None:
                    own[name] = value
            self.settle_compare_at(own, path)
            self.variant_records.append(record)
            if own.get("sku") is not None:
                self.variant_skus[record[0]] = self.numbered_skus[number] = own["sku"]
            axes = fields.get("options")
            pairs.append(
                self.option_pairs(axes, record, cells, up, path, head_names) if isinstance(axes, BoundMany) else []
            )
            own.setdefault("sku", None)
            variants.append(light(Variant)(**own))
        return variants, pairs

    def inner_variants(self, column: Column) -> Any:
        try:
            return column.get(self.group.head[1], None)
        except CellError as exc:
            self.complain(self.group.head, "variants", exc.code, exc.message, exc.mend)
            return None

    def idle_records(self, elements: list[tuple[Record, Any, Any]]) -> None:
        """Records that are no variant and add no image: whatever they say would be lost without a word."""
        variants = {id(record) for record, _, _ in elements}
        for record in self.group.members:
            if record is self.group.head and self.maker.records.parent_row:
                continue
            if id(record) not in variants and id(record) not in self.giving:
                self.finding(
                    record,
                    "",
                    "mapping.idle-record",
                    Severity.WARNING,
                    *(NEITHER if self.maker.variant_test is not None else IDLE),
                )

    def is_variant(self, record: Record) -> bool:
        maker = self.maker
        if record is self.group.head:
            return not (maker.records.parent_row and maker.by_row and any(map(self.further, self.group.members)))
        return self.further(record)

    def tell_sold_head(self) -> None:
        """The product's own row, which is no variant where there are others: one with a price and the SKU of a variant
        says that variant twice."""
        other = sold_twice(self.maker, self.group)
        if other is not None:
            head = self.group.head
            self.complain(
                other, "", "mapping.sku-twice",
                f"has the SKU of line {head[0]}, which has a price of its own: of the two only one could be written",
                "take one of the two rows out, or give it another SKU",
            )  # fmt: skip

    def further(self, record: Record) -> bool:
        """Whether a record below the first is a variant."""
        maker = self.maker
        if record is self.group.head:
            return False
        if isinstance(record[1], BadCells | BadDocument) or not maker.by_row:
            return True
        if maker.variant_test is not None:
            return maker.variant_test(record[1], None)
        return not maker.variant_if or any(not is_blank(column.get(record[1], None)) for column in maker.variant_if)

    def option_pairs(
        self, many: BoundMany, record: Record, cells: Any, up: Any, path: str, head_names: dict[int, str]
    ) -> list[OptionPair]:
        pairs: list[OptionPair] = []
        place = (record[0], cells, *record[2:])
        for slot, block in enumerate(many.blocks):
            field = f"{path}option_values.{slot}"
            items = self.elements(block, record, cells, up, field)
            for item in items:
                here = (record[0], item, *record[2:]) if block.each else place
                if "map" in block.fields:
                    found = self.raw_map(block.fields["map"], here, up, field)
                    pairs += found
                    continue
                name = self.node(block.fields["name"], here, up, f"options.{slot}.name")
                value = self.node(block.fields["value"], here, up, field)
                if name is None:
                    name = head_names.get(slot)
                elif slot not in head_names:
                    head_names[slot] = name
                place_before = self.option_places.get((path, name or ""))
                if field in self.trace and (place_before is None or (value is not None and not place_before.raw)):
                    self.option_places[path, name or ""] = self.trace[field]
                if value is None:
                    continue
                if name is None:
                    self.complain(
                        record,
                        field,
                        "mapping.option-without-name",
                        f'option value "{cut(str(value))}" has no option name',
                        "name the option in the first row of the product",
                        str(value),
                    )
                    continue
                pairs.append((name, value))
        return pairs

    def raw_map(self, node: BoundNode, record: Record, up: Any, field: str) -> list[OptionPair]:
        """Options as a JSON object (name to value) or a list of objects with name and value."""
        assert isinstance(node, BoundLeaf)
        label, raw = node.locate(record[1], up)
        try:
            return option_map(
                node.evaluate(record[1], up) if node.leaf.kind == "option_list" else node.pick(record[1], up)[0]
            )
        except CellError as exc:
            self.cell_error(exc, record, field, label, raw, node)
            return []

    def node(self, node: BoundNode, record: Record, up: Any, path: str) -> Any:
        if isinstance(node, BoundLeaf):
            return self.value(node, record, up, path)
        if isinstance(node, BoundNamed):
            named = {
                name: v
                for key, leaf in node.leaves.items()
                if (name := leaf.name_of(key, record[1], up))
                and (v := self.value(leaf, record, up, f"{path}.{name}")) is not None
            }
            return named or None
        if isinstance(node, BoundMany):
            return tuple(self.many(node, record, up, path)) or None
        found = self.block(node, record, up, path)
        return found[0] if found else None

    def elements(self, block: BoundBlock, record: Record, cells: Any, up: Any, path: str) -> list[Any]:
        """The inner objects a block is repeated for."""
        if block.each is None:
            return [cells]
        try:
            inner = block.each.get(cells, up)
        except CellError as exc:
            self.finding(record, path, exc.code, exc.severity, exc.message, exc.mend, block.each.label)
            return []
        if isinstance(inner, dict):
            return [inner]
        items = inner if isinstance(inner, list) else [inner]
        return [item if isinstance(item, dict) else {".": item} for item in items if not is_blank(item)]

    def many(self, many: BoundMany, record: Record, up: Any, path: str, start: int = 0) -> list[Any]:
        found: list[Any] = []
        for block in many.blocks:
            if block.rows is not None:
                for row in block.rows(record[1]):
                    if not isinstance(row[1], BadCells):
                        here = row if row[0] else (record[0], row[1], *record[2:])
                        found += self.block(block, here, record[1], f"{path}.{start + len(found)}")
                continue
            for cells in self.elements(block, record, record[1], up, path):
                here = (record[0], cells, *record[2:])
                around = up if up is not None or block.each is None else record[1]
                before = len(self.findings)
                made = self.block(block, here, around, f"{path}.{start + len(found)}")
                found += made
                if block.each is not None and not made and len(self.findings) == before:
                    item = cells["."] if cells.keys() == {"."} else cells
                    self.finding(
                        record,
                        path,
                        "mapping.idle-item",
                        Severity.WARNING,
                        f"{cut(str(item))!r} gives no {block.model.__name__.lower()}",
                        "map its members (a text or number itself is the path .), or take it out of the source",
                        block.each.label,
                    )
        return found

    def block(self, block: BoundBlock, record: Record, up: Any, path: str) -> list[Any]:
        """The objects of a block: none when nothing is there, several when its main member is a list."""
        if block.model is Money:
            value = self.node(block.fields["money"], record, up, path)
            return [] if value is None else [value]
        values: dict[str, Any] = {}
        constants = 0
        for name, node in block.fields.items():
            value = self.node(node, record, up, f"{path}.{name}")
            if value is not None:
                values[name] = value
                constants += says_nothing(block, name)
        missing = [name for name, info in block.model.model_fields.items() if info.is_required() and name not in values]
        if missing or (len(values) == constants and len(block.fields) > constants):
            if (
                missing
                and len(values) > constants
                and not any(left_out(block.fields.get(name), record[1], up) for name in missing)
            ):
                self.finding(
                    record,
                    path,
                    "mapping.incomplete",
                    Severity.WARNING,
                    f"{block.model.__name__} has {', '.join(values)} but no {', '.join(missing)}; left out",
                    "fill it in the source",
                )
            return []
        main = values.get("src")
        if isinstance(main, tuple):
            return [light(block.model)(**{**values, "src": src}) for src in main]
        return [light(block.model)(**values)]

    def value(self, leaf: BoundLeaf, record: Record, up: Any, path: str) -> Any:
        cells = record[1]
        label, raw = leaf.locate(cells, up)
        givers = getattr(cells, "givers", None) if cells.__class__ is Inherited or cells.__class__ is Folded else None
        if givers:
            record = next((givers.get(c.index, record) for c in leaf.every_column() if c.label == label), record)
        self.trace[path] = Place(
            record, label, "" if is_blank(raw) else as_text(raw), leaf.layer, leaf.leaf.kind, leaf, up
        )
        try:
            return leaf.evaluate(cells, up)
        except CellError as exc:
            self.cell_error(exc, record, path, label, raw, leaf)
            return None

    def cell_error(self, exc: CellError, record: Record, path: str, label: str, raw: Any, leaf: BoundLeaf) -> None:
        mend = exc.mend
        if exc.code == "cell.price-format" and "decimal" in leaf.leaf.parameters:
            mend = f"{mend}; the mapping sets the decimal mark at {leaf.layer}" if mend else mend
        self.finding(
            record, path, exc.code, exc.severity, exc.message, mend, label, "" if is_blank(raw) else as_text(raw)
        )

    def complain(self, record: Record, field: str, code: str, message: str, mend: str, value: str = "") -> None:
        self.finding(record, field, code, Severity.ERROR, message, mend, None, value)

    def finding(
        self,
        record: Record,
        field: str,
        code: str,
        severity: Severity,
        message: str,
        mend: str,
        column: str | None = None,
        value: str = "",
    ) -> None:
        place = self.trace.get(field)
        if column is None:
            column = place.column if place else ""
        if severity is Severity.ERROR:
            self.failed = True
        file, line, pointer = place_of(self.maker.source, record)
        if self.maker.by_row and any(
            (f.code, f.file, f.line, f.pointer, f.column, f.value) == (code, file, line, pointer, column, cut(value))
            for f in self.findings
        ):
            return  # one cell that is both the product's and the variant's, as the SKU of a product without variants
        if code == "cell.packed" and any((f.code, f.file, f.line, f.message) == (code, file, line, message) for f in self.findings):
            return  # one cell that several fields are taken from
        self.findings.append(
            Finding(
                code=code,
                severity=severity,
                message=message,
                mend=mend,
                file=file,
                line=line,
                column=column,
                pointer=pointer,
                field=field,
                value=cut(value),
            )
        )

    def place_options(self, product: Product) -> None:
        """Options stand in the order of their names: each value's place goes with it."""
        for number in range(len(product.variants) if self.option_places else 0):
            path = f"variants.{number}."
            for field in [field for field in self.trace if field.startswith(f"{path}option_values.")]:
                del self.trace[field]
            for slot, option in enumerate(product.options):
                place = self.option_places.get((path, option.name))
                if place is not None:
                    self.trace[f"{path}option_values.{slot}"] = place

    def collapse_trace(self) -> None:
        """The only version became the product: its places are the product's."""
        for path in [path for path in self.trace if path.startswith("variants.0.")]:
            place = self.trace.pop(path)
            if place.raw:
                self.trace[path.removeprefix("variants.0.")] = place

    def checked(self, product: Product) -> Product | None:
        """The product when the model accepts it. Source: feedbridge.product.model, the authority."""
        try:
            to_model(Product, product)
        except ValidationError as exc:
            for error in exc.errors():
                path = ".".join(str(step) for step in error["loc"])
                place = self.trace.get(path) or Place(self.group.head, "", str(error.get("input", "")), "", "")
                self.finding(
                    place.record,
                    path,
                    "model.invalid",
                    Severity.ERROR,
                    f"{path}: {error['msg']}",
                    "mend the value in the source",
                    place.column,
                    place.raw,
                )
            return None
        return product

    def sku_of(self, finding: Finding) -> str:
        """The SKU of the variant a finding is about, if it is about one."""
        parts = finding.field.split(".")
        if parts[0] == "variants" and len(parts) > 1 and parts[1].isdigit():
            return self.numbered_skus.get(int(parts[1]), "")
        return self.variant_skus.get(finding.line, "") if self.maker.by_row else ""

    def result(self, product: Product | None) -> Assembled:
        named = []
        for finding in self.findings:
            if not finding.sku:
                sku = self.sku_of(finding) or self.sku
                finding = replace_sku(finding, sku)
            named.append(finding)
        return Assembled(product if not self.failed else None, named, self.trace, self.sku)


def replace_sku(finding: Finding, sku: str) -> Finding:
    from msgspec.structs import replace

    return replace(finding, sku=cut(sku)) if sku else finding


def place_of(source: Source, record: Record) -> tuple[str, int, str]:
    """File, line and JSON Pointer of a record. A source made of several files knows which one it came from."""
    if record[1].__class__ is AttachedRow:
        return record[1].file, record[0], ""
    place = getattr(source, "place", None)
    if place is not None:
        found: tuple[str, int, str] = place(record)
        return found
    if len(record) < 3:
        return source.name, record[0], ""
    pointer = getattr(source, "pointer", None)
    return source.name, record[0], pointer(record) if pointer is not None else ""


def place_at(source: Source, line: int, index: int) -> tuple[str, int, str]:
    """``place_of`` a record that is not at hand: by its line, and its place in the source's list."""
    find = getattr(source, "place_at", None)
    if find is not None:
        found: tuple[str, int, str] = find(line, index)
        return found
    return place_of(source, (line, {}, index, {}))


def first_of(item: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The first member that is not blank; 0 and false are values."""
    return next((item[name] for name in names if not is_blank(item.get(name))), None)


def option_map(raw: Any) -> list[OptionPair]:
    """``{"Size": "M"}`` or ``[{"name": "Size", "value": "M"}]`` as pairs. Raises CellError."""
    if is_blank(raw):
        return []
    if isinstance(raw, tuple):
        items = list(raw)
    elif isinstance(raw, dict):
        items = list(raw.items())
    elif isinstance(raw, list) and all(isinstance(item, dict) for item in raw):
        items = [(first_of(item, ("name", "option", "code")), first_of(item, ("value", "label"))) for item in raw]
    else:
        raise CellError("mapping.options", f"{cut(str(raw))!r} is not a map of options", 'write {"Size": "M"}')
    pairs = []
    for name, value in items:
        if is_blank(value):
            continue
        if is_blank(name) or isinstance(value, dict | list):
            raise CellError(
                "mapping.options", f"{cut(str(raw))!r} is not a map of option names to values", 'write {"Size": "M"}'
            )
        pairs.append((as_text(name), as_text(value)))
    return pairs


def dict_once(values: list[Any]) -> list[Any]:
    """Equal light objects once, in order."""
    once: list[Any] = []
    for value in values:
        if value not in once:
            once.append(value)
    return once
