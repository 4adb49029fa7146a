"""The quick path: a mapping bound to a header, compiled once into one plain Python function.

The function turns a group of records into a light product without walking the mapping. It handles the
ordinary case only: at the first doubt it raises (``Punt``, or the reader's CellError) and the run takes
the precise path (assemble.py), which finds out what is wrong and where. So the quick path never reports,
and never decides differently: a property test holds both to the same products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from feedbridge.mapping.assemble import (
    COLLECTED,
    Assembler,
    left_out,
    may_be_left_out,
    option_map,
    says_nothing,
    sold_twice,
)
from feedbridge.mapping.bound import BoundBlock, BoundLeaf, BoundMany, BoundNamed, BoundNode, is_blank, leaves_of
from feedbridge.mapping.common import common_words
from feedbridge.mapping.finish import attach_variants, order_images
from feedbridge.mapping.folding import Folded
from feedbridge.mapping.group import Group, Inherited
from feedbridge.mapping.leaf_code import UNIQUE, LeafCode, Punt, checker, columns_of
from feedbridge.mapping.paths import Column
from feedbridge.product import Money, Option, Product, Variant, light
from feedbridge.sources.base import BadCells, BadDocument, Record

__all__ = ["Build", "Punt", "compile_product"]

Build = Callable[[Group], Product]


def compile_product(maker: Assembler) -> Build:
    """The quick path for the same trees, records and source as a precise one."""
    return _Compiler(maker).compile()


class _Compiler(LeafCode):
    """Writes the function: products, variants and the nodes between them and their leaves."""

    def __init__(self, maker: Assembler) -> None:
        super().__init__(maker.source.kind == "table")
        self.maker = maker
        self.env |= {
            "attach_variants": attach_variants,
            "order_images": order_images,
            "option_map": option_map,
            "once": once,
            "Folded": Folded,
            "Inherited": Inherited,
            "BadCells": BadCells,
            "NOTHING": ((), ()),
        }

    def compile(self) -> Build:
        maker = self.maker
        self.emit("head = group.head")
        self.emit("c = head[1]")
        self.emit(f"if {self.unusual('c')}: raise Punt")
        self.emit("members = group.members")
        if maker.tables:
            tables = self.constant(maker.tables)
            self.emit(f"for table in {tables}: table.asked.clear()")
        if maker.records.parent or maker.records.children or maker.records.fill_down:
            self.emit("if group.told: raise Punt")
        product = self.product_fields()
        has_variants = bool(maker.trees.variant.fields) and bool(
            maker.variants is not None or maker.by_row or maker.records.parent or maker.records.children
        )
        if has_variants:
            self.variants()
        collected = [name for name in COLLECTED if name in self.gathered]
        for name in collected:
            ordered = f"order_images({self.gathered[name]})" if name == "images" else f"once({self.gathered[name]})"
            self.emit(f"p_{name} = {ordered} if {self.gathered[name]} else {self.default(Product, name)}")
            product[name] = f"p_{name}"
        self.emit(f"if group.headless and group.key: {product.setdefault('sku', 'p_sku')} = group.key")
        self.emit("if p_sku is None or p_title is None: raise Punt")
        if maker.html and "description" in product:
            self.emit(f"p_html = {product['description']} is not None")
            product["description_is_html"] = "p_html"
        cls = self.constant(light(Product))
        self.emit(f"product = {cls}({', '.join(f'{name}={var}' for name, var in product.items())})")
        if has_variants:
            no_option = self.constant(maker.records.no_option)
            differing = f", True, {maker.records.version_option!r}" if maker.records.differing_options else ""
            self.emit(f"if variants and attach_variants(product, variants, pairs, {no_option}{differing}): raise Punt")
        if maker.tables:
            self.emit(f"for table in {tables}: table.settle(group)")
        self.emit("return product")
        code = "def build(group):\n" + "\n".join(self.lines) + "\n"
        exec(compile(code, "<compiled mapping>", "exec"), self.env)
        build: Build = self.env["build"]
        build.__doc__ = code
        return build

    def unusual(self, cells: str) -> str:
        """Whether a record could not be read, or has damaged rows with it."""
        if not self.table:
            return f"{cells}.__class__ is not dict"
        inherits = self.maker.records.parent is not None and self.maker.records.parent.inherit is True
        plain = f"{cells}.__class__ is not list" + (f" and {cells}.__class__ is not Inherited" if inherits else "")
        if not (self.maker.records.layers or self.maker.records.continued):
            return plain
        damaged = f"any(r[1].__class__ is BadCells for r in {cells}.rows)"
        return f"{plain} and ({cells}.__class__ is not Folded or {damaged})"

    # -- products ---------------------------------------------------------------------------------------------------

    def product_fields(self) -> dict[str, str]:
        maker = self.maker
        fields = maker.trees.product.fields
        found: dict[str, str] = {}
        self.gathered: dict[str, str] = {}
        self.emit("p_sku = p_title = None")
        for name, node in fields.items():
            if maker.by_row and name in COLLECTED and isinstance(node, BoundMany):
                self.gathered[name] = f"g_{name}"
                self.emit(f"g_{name} = []")
                continue
            var = f"p_{name}"
            self.node(node, Product, name, "c", "None", var)
            if name == "images":
                self.emit(f"if {var} is not None: {var} = order_images({var})")
            if isinstance(node, BoundLeaf) and node.spec.common and maker.by_row:
                own = "len(members) > 1 and (group.headless or members[0] is head)"
                self.emit(f"if {own}: {var} = {self.constant(common_of(node))}(members, head, {var})")
            if name in Product.model_fields:
                self.fallback(Product, name, var)
            found[name] = var
        self.compare_at(found, "p_")
        if "sku" not in fields or "sku" in maker.trees.variant.fields:
            leaf = maker.trees.variant.fields.get("sku")
            if isinstance(leaf, BoundLeaf):
                self.emit("if p_sku is None:")
                self.depth += 1
                self.node(leaf, Variant, "sku", "c", "None", "p_sku")
                self.depth -= 1
            found["sku"] = "p_sku"
        return found

    def same_in_all_rows(self) -> list[Column]:
        """Columns of product-level fields that later rows must leave empty or repeat; a field that variants have, too,
        may well differ from record to record (see Assembler.product_fields)."""
        columns = []
        for name, node in self.maker.trees.product.fields.items():
            if name in self.gathered or name in self.maker.trees.variant.fields:
                continue
            for leaf in leaves_of(node, inner=False):
                if leaf.spec.varies or leaf.spec.common or leaf.file:
                    continue
                columns += leaf.every_column()
                columns += [leaf.test_column] if leaf.test_column is not None else []
        return list({column.label: column for column in columns}.values())

    def later_row(self) -> None:
        """Anything else than the first row's product-level cells in a later one is for the precise path."""
        columns = self.same_in_all_rows()
        for index in sorted({column.index for column in columns if column.index >= 0}):
            self.emit(f"if v[{index}] and v[{index}] != c[{index}] and v[{index}].strip(): raise Punt")
        columns = [column for column in columns if column.index < 0]
        if columns:
            gets = self.constant([column.get for column in columns])
            self.emit(f"for get in {gets}:")
            self.emit("    if get(v, None) != get(c, None) and not is_blank(get(v, None)): raise Punt")

    # -- variants -----------------------------------------------------------------------------------------------------

    def variants(self) -> None:
        maker = self.maker
        self.emit("variants = []")
        self.emit("pairs = []")
        slots = self.option_slots()
        for slot in range(len(slots)):
            self.emit(f"hn{slot} = m{slot} = None")
        if maker.variants is not None:
            self.emit(f"inner = {self.member(maker.variants, 'c', 'None')}")
            self.emit("if inner is not None and inner.__class__ is not list: raise Punt")
            self.emit("for v in inner or ():")
            self.depth += 1
            self.emit("if v.__class__ is not dict: raise Punt")
            self.variant("v", "c", slots)
            self.depth -= 1
            return
        if maker.records.parent or maker.records.children:
            self.emit("if not (members and (group.headless or members[0] is head)):")
            self.depth += 1
            for name, var in self.gathered.items():
                self.many_into(maker.trees.product.fields[name], "c", "None", var)  # type: ignore[arg-type]  # gathered fields are lists
            self.between()
            self.depth -= 1
            self.emit("elif group.carriers: raise Punt")
        if maker.by_row and maker.records.parent_row:
            tests = self.variant_tests()
            self.emit("further = False")
            self.emit("for r in members:")
            self.emit("    v = r[1]")
            self.emit(f"    if r is not head and ({tests or 'True'}): further = True")
            twice = self.constant(lambda group: sold_twice(maker, group))
            self.emit(f"if further and {twice}(group) is not None: raise Punt")
        self.emit("for r in members:")
        self.depth += 1
        self.emit("v = r[1]")
        self.emit(f"if {self.unusual('v')}: raise Punt")
        for name, var in self.gathered.items():
            node = maker.trees.product.fields[name]
            assert isinstance(node, BoundMany)
            if maker.by_row and (maker.variant_if or maker.variant_test is not None):
                self.emit(f"before_{name} = len({var})")
            heads_only = name != "images" and (maker.records.parent or maker.records.children)
            if heads_only:
                self.emit("if r is head:")
                self.depth += 1
                self.emit("pass")
            self.many_into(node, "v", "None", var)
            if heads_only:
                self.depth -= 1
        if maker.by_row:
            self.emit("if r is not head:")
            before = len(self.lines)
            self.depth += 1
            if not (maker.records.parent or maker.records.children):
                self.later_row()
            self.picture_row()
            self.depth -= 1
            if len(self.lines) == before:
                self.lines.pop()
        if maker.by_row and maker.records.parent_row:
            self.emit("if r is head and further: continue")
        self.variant("v", "c", slots)
        self.depth -= 1

    def between(self) -> None:
        """Records between a parent and its variants add pictures; what the parent leaves empty and they, or the
        variants, do not is for the precise path."""
        maker = self.maker
        self.emit("for r in group.carriers:")
        self.depth += 1
        self.emit("v = r[1]")
        self.emit(f"if {self.unusual('v')}: raise Punt")
        if "images" in self.gathered:
            self.many_into(maker.trees.product.fields["images"], "v", "None", self.gathered["images"])  # type: ignore[arg-type]  # gathered fields are lists
        self.depth -= 1
        if not (maker.records.parent and maker.records.parent.inherit is True):
            return
        found: dict[str, Column] = {}
        for name, node in maker.trees.product.fields.items():
            common = isinstance(node, BoundLeaf) and node.spec.common
            leaves = [node] if isinstance(node, BoundLeaf) else node.leaves.values() if isinstance(node, BoundNamed) else ()
            if name in maker.trees.variant.fields and not common:
                continue
            if isinstance(node, BoundLeaf) and node.test is None and node.template is None and node.named is None:
                if node.spec.value is None:
                    below = self.constant(from_below(node, checker(node, Product, name)))
                    self.emit(f"p_{name} = {below}(group, c, p_{name})")
            else:
                found |= {column.label: column for leaf in leaves for column in columns_of(leaf)}
        if not found:
            return
        gets = self.constant([column.get for column in found.values()])
        self.emit(f"lacks = [get for get in {gets} if is_blank(get(c, None))]")
        self.emit("if lacks:")
        self.emit("    for r in (*group.carriers, *members):")
        self.emit("        for get in lacks:")
        self.emit("            if not is_blank(get(r[1], None)): raise Punt")

    def picture_row(self) -> None:
        """A later row whose variant columns are empty is no variant: it may only add pictures and the like."""
        tests = self.variant_tests()
        if not tests:
            return
        grown = " or ".join(f"len({var}) > before_{name}" for name, var in self.gathered.items())
        self.emit(f"if not ({tests}):")
        self.emit(f"    if not ({grown or 'False'}): raise Punt")
        self.emit("    continue")

    def variant_tests(self) -> str:
        """An expression that is true for a later row that is a variant; empty when every one is."""
        if self.maker.variant_test is not None:
            return f"{self.constant(self.maker.variant_test)}(v, None)"
        return " or ".join(
            f"v[{column.index}].strip()" if column.index >= 0 else f"not is_blank({self.constant(column.get)}(v, None))"
            for column in self.maker.variant_if
        )

    def option_slots(self) -> list[BoundBlock]:
        node = self.maker.trees.variant.fields.get("options")
        return list(node.blocks) if isinstance(node, BoundMany) else []

    def variant(self, cells: str, up: str, slots: list[BoundBlock]) -> None:
        found: dict[str, str] = {"sku": "None"}
        for name, node in self.maker.trees.variant.fields.items():
            if name == "options":
                continue
            var = f"v_{name}"
            self.node(node, Variant, name, cells, up, var)
            if name in Variant.model_fields:
                self.fallback(Variant, name, var)
            found[name] = var
        self.compare_at(found, "v_")
        self.options(slots, cells, up)
        cls = self.constant(light(Variant))
        self.emit(f"variants.append({cls}({', '.join(f'{name}={var}' for name, var in found.items())}))")

    def compare_at(self, found: dict[str, str], prefix: str) -> None:
        """See Assembler.settle_compare_at."""
        compare_at = found.pop("compare_at_price", None)
        price = found.get("price")
        if compare_at is None or price is None:
            return
        if "sale_price" not in found:
            found["sale_price"] = f"{prefix}sale_price"
            self.emit(f"{prefix}sale_price = None")
        self.emit(f"if {compare_at} is not None and {price} is not None and {compare_at}.amount > {price}.amount:")
        self.emit(f"    {found['sale_price']} = {price}")
        self.emit(f"    {price} = {compare_at}")
        self.emit(
            f"elif {compare_at} is not None and {price} is not None and 0 < {compare_at}.amount < {price}.amount: raise Punt"
        )

    def options(self, slots: list[BoundBlock], cells: str, up: str) -> None:
        """The variant's option names and values, appended to ``pairs``."""
        if not slots:
            self.emit("pairs.append(NOTHING)")
            return
        if any(block.each is not None or "map" in block.fields for block in slots):
            self.emit("own = []")
            for slot, block in enumerate(slots):
                self.option(slot, block, cells, up)
            self.emit("pairs.append((tuple([n for n, _ in own]), tuple([o for _, o in own])))")
            return
        for slot, block in enumerate(slots):
            self.node(block.fields["name"], Option, "name", cells, up, f"n{slot}")
            self.node(block.fields["value"], None, "value", cells, up, f"o{slot}")
            self.emit(f"if n{slot} is None: n{slot} = hn{slot}")
            self.emit(f"elif hn{slot} is None: hn{slot} = n{slot}")
            self.emit(f"if o{slot} is not None and n{slot} is None: raise Punt")
        numbers = range(len(slots))
        names = "".join(f"n{slot}, " for slot in numbers)
        values = "".join(f"o{slot}, " for slot in numbers)
        self.emit(f"if {' and '.join(f'o{slot} is not None' for slot in numbers)}:")
        self.emit(f"    if {' or '.join(f'n{slot} is not m{slot}' for slot in numbers)}:")
        self.emit(f"        own = {''.join(f'm{slot}, ' for slot in numbers)}= ({names})")
        self.emit(f"    pairs.append((own, ({values})))")
        self.emit("else:")
        self.emit(f"    given = [(n, o) for n, o in zip(({names}), ({values})) if o is not None]")
        self.emit("    pairs.append((tuple([n for n, _ in given]), tuple([o for _, o in given])))")

    def option(self, slot: int, block: BoundBlock, cells: str, up: str) -> None:
        """One slot that may be a list or a map of options."""
        depth = self.depth
        if block.each is not None:
            cells = self.each(block, cells, up)
        if "map" in block.fields:
            node = block.fields["map"]
            assert isinstance(node, BoundLeaf)
            self.emit(f"own += option_map({self.constant(options_of(node))}({cells}, {up}))")
        else:
            self.node(block.fields["name"], Option, "name", cells, up, "n")
            self.node(block.fields["value"], None, "value", cells, up, "o")
            self.emit(f"if n is None: n = hn{slot}")
            self.emit(f"elif hn{slot} is None: hn{slot} = n")
            self.emit("if o is not None:")
            self.emit("    if n is None: raise Punt")
            self.emit("    own.append((n, o))")
        self.depth = depth

    # -- nodes ------------------------------------------------------------------------------------------------------

    def node(self, node: BoundNode, model: type[BaseModel] | None, name: str, cells: str, up: str, var: str) -> None:
        """Emit code that leaves the node's value, or None, in ``var``."""
        if isinstance(node, BoundLeaf):
            self.leaf(node, model, name, cells, up, var)
        elif isinstance(node, BoundNamed):
            self.emit(f"{var} = {{}}")
            inner = self.new("x")
            for key, leaf in node.leaves.items():
                self.leaf(leaf, None, key, cells, up, inner)
                own = repr(key)
                if leaf.named_by is not None:
                    own = self.new("n")
                    self.emit(f"{own} = {inner} is not None and {self.constant(leaf.name_of)}({key!r}, {cells}, {up})")
                    self.emit(f"if {own}: {var}[{own}] = {inner}")
                    continue
                self.emit(f"if {inner} is not None: {var}[{own}] = {inner}")
            self.emit(f"if not {var}: {var} = None")
        elif isinstance(node, BoundMany):
            gathered = self.new("g")
            self.emit(f"{gathered} = []")
            self.many_into(node, cells, up, gathered)
            self.emit(f"{var} = tuple({gathered}) or None")
        elif several_sources(node):
            gathered = self.new("g")
            self.emit(f"{gathered} = []")
            self.block_into(node, cells, up, f"{gathered}.append({{}})")
            self.emit(f"{var} = {gathered}[0] if {gathered} else None")
        else:
            self.emit(f"{var} = None")
            self.block_into(node, cells, up, f"{var} = {{}}")

    def many_into(self, many: BoundMany, cells: str, up: str, into: str) -> None:
        for block in many.blocks:
            if block.rows is not None:
                row = self.new("e")
                self.emit(f"for {row} in {self.constant(block.rows)}({cells}):")
                self.depth += 1
                self.emit(f"{row} = {row}[1]")
                self.emit(f"if {row}.__class__ is BadCells: raise Punt")
                self.block_into(block, row, cells, f"{into}.append({{}})")
                self.depth -= 1
                continue
            if block.each is None:
                self.block_into(block, cells, up, f"{into}.append({{}})")
                continue
            item = self.each(block, cells, up)
            before = self.new("b")
            self.emit(f"{before} = len({into})")
            self.block_into(block, item, cells if up == "None" else up, f"{into}.append({{}})")
            self.emit(f"if len({into}) == {before}: raise Punt")
            self.depth -= 1

    def each(self, block: BoundBlock, cells: str, up: str) -> str:
        """Begin a loop over the inner objects a block is repeated for; the name of each."""
        assert block.each is not None
        inner, item = self.new("i"), self.new("e")
        self.emit(f"{inner} = {self.member(block.each, cells, up)}")
        self.emit(f"for {item} in {inner} if {inner}.__class__ is list else ({inner},):")
        self.depth += 1
        self.emit(f"if {item}.__class__ is not dict:")
        self.emit(f"    if is_blank({item}): continue")
        self.emit(f"    {item} = {{'.': {item}}}")
        return item

    def block_into(self, block: BoundBlock, cells: str, up: str, put: str) -> None:
        """Emit code that hands on the block's object, or its objects one by one: ``put`` with {} for the object."""
        if block.model is Money:
            var = self.new("m")
            self.node(block.fields["money"], Money, "", cells, up, var)
            self.emit(f"if {var} is not None: {put.format(var)}")
            return
        found: dict[str, str] = {}
        real: list[str] = []
        for name, node in block.fields.items():
            var = self.new("f")
            self.node(node, block.model, name, cells, up, var)
            found[name] = var
            if not says_nothing(block, name):
                real.append(var)
        required = [name for name, info in block.model.model_fields.items() if info.is_required()]
        absent = [name for name in required if name not in found]
        some = " or ".join(f"{var} is not None" for var in real) or "True"
        there = [name for name in required if name in found]
        whole = " and ".join(f"{found[name]} is not None" for name in there) or "True"
        silent = [
            f"({found[name]} is not None or not {self.constant(left_out)}({self.constant(block.fields[name])}, {cells}, {up}))"
            for name in there
            if may_be_left_out(block.fields[name])
        ]
        cls = self.constant(light(block.model))
        self.emit(f"if {' and '.join([f'({some})', *silent])}:" if real else "if True:")
        self.depth += 1
        if absent:
            self.emit("raise Punt")
        else:
            self.emit(f"if not ({whole}): raise Punt")
            for name, var in found.items():
                self.fallback(block.model, name, var)
            arguments = ", ".join(f"{name}={var}" for name, var in found.items())
            if several_sources(block):
                self.emit(f"for src in ({found['src']} if {found['src']}.__class__ is tuple else ({found['src']},)):")
                self.emit("    " + put.format(f"{cls}({arguments.replace('src=' + found['src'], 'src=src')})"))
            else:
                self.emit(put.format(f"{cls}({arguments})"))
        self.depth -= 1

    def fallback(self, model: type[BaseModel], name: str, var: str) -> None:
        """A field that is not None by default gets its default where the value is None."""
        default = self.default(model, name)
        if default != "None":
            self.emit(f"if {var} is None: {var} = {default}")

    def default(self, model: type[BaseModel], name: str) -> str:
        info = model.model_fields[name]
        if info.is_required() or (info.default is None and info.default_factory is None):
            return "None"
        if info.default_factory is dict:
            return "{}"
        return self.constant(info.default)


def options_of(leaf: BoundLeaf) -> Callable[[Any, Any], Any]:
    """What ``option_map`` is given: a text that lists options goes through its reader."""
    return leaf.evaluate if leaf.leaf.kind == "option_list" else lambda record, up: leaf.pick(record, up)[0]


def several_sources(block: BoundBlock) -> bool:
    """Whether the block's main member may be a list: one object for each of its items."""
    src = block.fields.get("src")
    return isinstance(src, BoundLeaf) and src.leaf.kind not in UNIQUE


def common_of(leaf: BoundLeaf) -> Callable[[list[Record], Record, Any], Any]:
    """What a leaf's texts have in common over all records of a group."""

    def over(members: list[Record], head: Record, own: Any) -> Any:
        texts = [] if own is None else [own]
        for record in members:
            if record is not head:
                if isinstance(record[1], BadCells | BadDocument):
                    raise Punt
                text = leaf.evaluate(record[1])
                if text is not None:
                    texts.append(text)
        return common_words(texts) if texts else None

    return over


def from_below(leaf: BoundLeaf, check: Callable[[Any], None] | None) -> Callable[[Group, Any, Any], Any]:
    """What a product's own record leaves empty, from the records below it; see Assembler.product_fields."""
    gets = [column.get for column in columns_of(leaf)]

    def find(group: Group, head: Any, own: Any) -> Any:
        if not all(is_blank(get(head, None)) for get in gets):
            return own
        given: Any = None
        first: list[Any] = []
        texts: list[str] = []
        for record in (*group.carriers, *group.members):
            cells = record[1]
            if isinstance(cells, BadCells | BadDocument):
                raise Punt
            raw = [get(cells, None) for get in gets]
            if all(map(is_blank, raw)):
                continue
            if leaf.spec.common:
                texts.append(leaf.evaluate(cells))
            elif given is None:
                given, first = cells, raw
            elif raw != first and not leaf.spec.varies:
                raise Punt
        if leaf.spec.common:
            return common_words([text for text in texts if text is not None]) if any(texts) else own
        if given is None:
            return own
        value = leaf.evaluate(given)
        if value is None:
            raise Punt
        if check is not None:
            check(value)
        return value

    return find


def once(values: list[Any]) -> tuple[Any, ...]:
    """Equal objects once, in order."""
    if len(values) == 1:
        return (values[0],)
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return tuple(found)
