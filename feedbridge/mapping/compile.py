"""The quick path: a mapping bound to a header, compiled once into one plain Python function.

The function turns a group of records into a light product without walking the mapping. It handles the
ordinary case only: at the first doubt it raises (``Punt``, or the reader's CellError) and the run takes
the precise path (assemble.py), which finds out what is wrong and where. So the quick path never reports,
and never decides differently: a property test holds both to the same products.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from feedbridge.cells import CellError
from feedbridge.errors import MappingError
from feedbridge.mapping.assemble import COLLECTED, Assembler, option_map
from feedbridge.mapping.bind import BoundBlock, BoundLeaf, BoundMany, BoundNamed, BoundNode, is_blank, leaves_of
from feedbridge.mapping.finish import attach_variants, order_images
from feedbridge.mapping.group import Group
from feedbridge.mapping.paths import Column
from feedbridge.mapping.yaml import key_text
from feedbridge.product import Money, Option, Product, Texts, Variant, light

__all__ = ["Build", "Punt", "compile_product"]


class Punt(Exception):
    """The quick path gives up on this group; the precise path decides."""


Build = Callable[[Group], Product]

PLAIN_TEXT = {"text", "html"}
UNIQUE = {"identifier", "gtin", "url", "path_or_url", "image_url"}
"""Kinds whose values hardly ever repeat, so that remembering them only costs memory."""
FEW_VALUES = {"status", "boolean", "integer"}
"""Kinds that have few different values."""
MEMO_MOST = 50_000


class Memo(dict[Any, Any]):
    """Raw text -> value of one leaf; computes what it has not seen. Values are shared and never changed."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute

    def __missing__(self, raw: Any) -> Any:
        if len(self) >= MEMO_MOST:
            self.clear()
        value = self[raw] = self.compute(raw)
        return value


def compile_product(maker: Assembler) -> Build:
    """The quick path for the same trees, records and source as a precise one."""
    return _Compiler(maker).compile()


class _Compiler:
    def __init__(self, maker: Assembler) -> None:
        self.maker = maker
        self.table = maker.source.kind == "table"
        self.lines: list[str] = []
        self.env: dict[str, Any] = {
            "Punt": Punt, "attach_variants": attach_variants, "order_images": order_images, "is_blank": is_blank,
            "option_map": option_map, "NOTHING": ((), ()), "NEWLINE": "\n",
        }
        self.depth = 1
        self.count = 0

    # -- writing code ---------------------------------------------------------------------------------------------

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def constant(self, value: Any) -> str:
        name = self.new("k")
        self.env[name] = value
        return name

    def new(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def compile(self) -> Build:
        maker = self.maker
        self.emit("head = group.head")
        self.emit("c = head[1]")
        self.emit(f"if c.__class__ is not {'list' if self.table else 'dict'}: raise Punt")
        self.emit("members = group.members")
        if maker.records.parent or maker.records.fill_down:
            self.emit("if group.told: raise Punt")
        product = self.product_fields()
        has_variants = bool(maker.trees.variant.fields) and (maker.variants is not None or maker.by_row or maker.records.parent)
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
            self.emit(f"if variants and attach_variants(product, variants, pairs, {no_option}): raise Punt")
        self.emit("return product")
        code = "def build(group):\n" + "\n".join(self.lines) + "\n"
        self.env["once"] = once
        exec(compile(code, "<compiled mapping>", "exec"), self.env)  # noqa: S102 - our own text, no user input in it
        build: Build = self.env["build"]
        build.__doc__ = code
        return build

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
        if maker.by_row:
            # a field that variants have, too, may well differ from record to record: see Assembler.product_fields
            self.later_rows({n: node for n, node in fields.items() if n not in maker.trees.variant.fields})
        return found

    def later_rows(self, fields: dict[str, BoundNode]) -> None:
        """Product-level cells of later rows must be empty or as in the first; anything else is for the precise path."""
        columns = []
        for name, node in fields.items():
            for leaf in leaves_of(node) if name not in self.gathered else ():
                columns += [*leaf.columns, *(column for _, column, _ in leaf.template or () if column is not None)]
                columns += [leaf.test_column] if leaf.test_column is not None else []
        unique = list({column.label: column for column in columns}.values())
        if not unique:
            return
        some = "if members:" if self.maker.records.parent else "if len(members) > 1:"
        if self.table:
            indexes = sorted({column.index for column in unique})
            getter = self.constant(itemgetter(*indexes, indexes[0]))
            self.emit(some)
            self.emit(f"    first = {getter}(c)")
            read = f"{getter}(r[1])"
        else:
            gets = self.constant([column.get for column in unique])
            self.emit(some)
            self.emit(f"    first = [get(c, None) for get in {gets}]")
            read = f"[get(r[1], None) for get in {gets}]"
        self.emit("    for r in members:")
        self.emit("        if r is not head:")
        self.emit(f"            if r[1].__class__ is not {'list' if self.table else 'dict'}: raise Punt")
        self.emit(f"            later = {read}")
        self.emit("            if any(later) and later != first:")
        self.emit("                for a, b in zip(later, first):")
        self.emit("                    if a != b and not is_blank(a): raise Punt")

    # -- variants -----------------------------------------------------------------------------------------------------

    def variants(self) -> None:
        maker = self.maker
        self.emit("variants = []")
        self.emit("pairs = []")
        slots = self.option_slots()
        for slot in range(len(slots)):
            self.emit(f"hn{slot} = None")
        if maker.variants is not None:
            get = self.constant(maker.variants.get)
            self.emit(f"inner = {get}(c, None)")
            self.emit("if inner is not None and inner.__class__ is not list: raise Punt")
            self.emit("for v in inner or ():")
            self.depth += 1
            self.emit("if v.__class__ is not dict: raise Punt")
            self.variant("v", "c", slots)
            self.depth -= 1
            return
        if self.gathered and maker.records.parent:
            self.emit("if group.carriers: raise Punt")
            self.emit("if not (members and (group.headless or members[0] is head)):")
            self.depth += 1
            for name, var in self.gathered.items():
                self.many_into(maker.trees.product.fields[name], "c", "None", var)  # type: ignore[arg-type]  # see below
            self.depth -= 1
        self.emit("for r in members:")
        self.depth += 1
        self.emit("v = r[1]")
        self.emit(f"if v.__class__ is not {'list' if self.table else 'dict'}: raise Punt")
        for name, var in self.gathered.items():
            node = maker.trees.product.fields[name]
            assert isinstance(node, BoundMany)
            self.emit(f"before_{name} = len({var})")
            self.many_into(node, "v", "None", var)
        if maker.by_row and maker.variant_if:
            tests = " or ".join(
                f"v[{column.index}].strip()" if self.table else f"not is_blank({self.constant(column.get)}(v, None))"
                for column in maker.variant_if
            )
            self.emit(f"if r is not head and not ({tests}):")
            grown = " or ".join(f"len({var}) > before_{name}" for name, var in self.gathered.items())
            self.emit(f"    if not ({grown or 'False'}): raise Punt")
            self.emit("    continue")
        self.variant("v", "c", slots)
        self.depth -= 1

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
        every = " and ".join(f"o{slot} is not None" for slot in range(len(slots)))
        names = "".join(f"n{slot}, " for slot in range(len(slots)))
        values = "".join(f"o{slot}, " for slot in range(len(slots)))
        self.emit(f"if {every}: pairs.append((({names}), ({values})))")
        self.emit("else:")
        self.emit(f"    own = [(n, o) for n, o in zip(({names}), ({values})) if o is not None]")
        self.emit("    pairs.append((tuple([n for n, _ in own]), tuple([o for _, o in own])))")

    def option(self, slot: int, block: BoundBlock, cells: str, up: str) -> None:
        """One slot that may be a list or a map of options."""
        depth = self.depth
        if block.each is not None:
            item = self.new("e")
            self.emit(f"for {item} in {self.constant(elements(block))}({cells}, {up}):")
            self.depth += 1
            cells = item
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

    # -- nodes ----------------------------------------------------------------------------------------------------------

    def node(self, node: BoundNode, model: type[BaseModel] | None, name: str, cells: str, up: str, var: str) -> None:
        """Emit code that leaves the node's value, or None, in ``var``."""
        if isinstance(node, BoundLeaf):
            self.leaf(node, model, name, cells, up, var)
        elif isinstance(node, BoundNamed):
            self.emit(f"{var} = {{}}")
            inner = self.new("x")
            for key, leaf in node.leaves.items():
                self.leaf(leaf, None, key, cells, up, inner)
                self.emit(f"if {inner} is not None: {var}[{key!r}] = {inner}")
            self.emit(f"if not {var}: {var} = None")
        elif isinstance(node, BoundMany):
            gathered = self.new("g")
            self.emit(f"{gathered} = []")
            self.many_into(node, cells, up, gathered)
            self.emit(f"{var} = tuple({gathered}) or None")
        else:
            gathered = self.new("g")
            self.emit(f"{gathered} = []")
            self.block_into(node, cells, up, gathered)
            self.emit(f"{var} = {gathered}[0] if {gathered} else None")

    def many_into(self, many: BoundMany, cells: str, up: str, into: str) -> None:
        for block in many.blocks:
            if block.each is None:
                self.block_into(block, cells, up, into)
                continue
            item, around = self.new("e"), self.new("u")
            self.emit(f"{around} = {up} if {up} is not None else {cells}")
            self.emit(f"for {item} in {self.constant(elements(block))}({cells}, {up}):")
            self.depth += 1
            self.block_into(block, item, around, into)
            self.depth -= 1

    def block_into(self, block: BoundBlock, cells: str, up: str, into: str) -> None:
        """Emit code that appends the block's object (or objects) to a list."""
        if block.model is Money:
            var = self.new("m")
            self.node(block.fields["money"], Money, "", cells, up, var)
            self.emit(f"if {var} is not None: {into}.append({var})")
            return
        found: dict[str, str] = {}
        real: list[str] = []
        for name, node in block.fields.items():
            var = self.new("f")
            self.node(node, block.model, name, cells, up, var)
            found[name] = var
            if not (isinstance(node, BoundLeaf) and node.spec.value is not None):
                real.append(var)
        required = [name for name, info in block.model.model_fields.items() if info.is_required()]
        absent = [name for name in required if name not in found]
        some = " or ".join(f"{var} is not None" for var in real) or "True"
        whole = " and ".join(f"{found[name]} is not None" for name in required if name in found) or "True"
        cls = self.constant(light(block.model))
        self.emit(f"if {some}:" if real else "if True:")
        self.depth += 1
        if absent:
            self.emit("raise Punt")
        else:
            self.emit(f"if not ({whole}): raise Punt")
            for name, var in found.items():
                self.fallback(block.model, name, var)
            arguments = ", ".join(f"{name}={var}" for name, var in found.items())
            if "src" in found and isinstance(src := block.fields["src"], BoundLeaf) and src.leaf.kind not in UNIQUE:
                self.emit(f"for src in ({found['src']} if {found['src']}.__class__ is tuple else ({found['src']},)):")
                self.emit(f"    {into}.append({cls}({arguments.replace('src=' + found['src'], 'src=src')}))")
            else:
                self.emit(f"{into}.append({cls}({arguments}))")
        self.depth -= 1

    def fallback(self, model: type[BaseModel], name: str, var: str) -> None:
        """A field that is not None by default gets its default where the value is None."""
        default = self.default(model, name)
        if default != "None":
            self.emit(f"if {var} is None: {var} = {default}")

    def default(self, model: type[BaseModel], name: str) -> str:
        info = model.model_fields[name]
        if info.is_required() or info.default is None and info.default_factory is None:
            return "None"
        if info.default_factory is dict:
            return "{}"
        return self.constant(info.default)

    # -- leaves ---------------------------------------------------------------------------------------------------------

    def leaf(self, leaf: BoundLeaf, model: type[BaseModel] | None, name: str, cells: str, up: str, var: str) -> None:
        check = checker(leaf, model, name)
        if leaf.spec.value is not None and leaf.test is None and not leaf.currency:
            self.emit(f"{var} = {self.constant(constant_value(leaf, check))}")
            return
        if not leaf.plain():
            if self.table and leaf.test is not None and leaf.leaf.kind in FEW_VALUES:
                self.remembered(leaf, cells, check, var)
                return
            evaluate = self.constant(leaf.evaluate)
            self.emit(f"{var} = {evaluate}({cells}, {up})")
            if check is not None:
                self.emit(f"if {var} is not None: {self.constant(check)}({var})")
            return
        self.plain_leaf(leaf, model, name, cells, up, var, check)
        if leaf.spec.required:
            self.emit(f"if {var} is None: raise Punt")

    def remembered(self, leaf: BoundLeaf, cells: str, check: Callable[[Any], None] | None, var: str) -> None:
        """A leaf that chooses by conditions: its value is remembered by the cells it depends on."""
        indexes = sorted({column.index for column in columns_of(leaf)})
        width = max(indexes) + 1

        def compute(key: tuple[str, ...]) -> Any:
            record = [""] * width
            for index, cell in zip(indexes, key, strict=True):
                record[index] = cell
            value = leaf.evaluate(record)
            if check is not None and value is not None:
                check(value)
            return value

        memo = self.constant(Memo(compute))
        self.emit(f"{var} = {memo}[({''.join(f'{cells}[{index}], ' for index in indexes)})]")

    def plain_leaf(
        self, leaf: BoundLeaf, model: type[BaseModel] | None, name: str, cells: str, up: str, var: str,
        check: Callable[[Any], None] | None,
    ) -> None:
        """One column straight into the reader."""
        kind = leaf.leaf.kind
        column = leaf.columns[0]
        if self.table:
            self.table_leaf(leaf, kind, f"{cells}[{column.index}]", check, model is Option or name == "value", var)
            return
        evaluate = self.constant(leaf.evaluate)
        steps = column.label
        direct = not set(steps) & set(".^[]*?@|&()'`!")
        self.emit(f"{var} = {cells}.get({steps!r})" if direct else f"{var} = {self.constant(column.get)}({cells}, {up})")
        self.emit(f"if {var}.__class__ is str:")
        self.depth += 1
        self.table_leaf(leaf, kind, var, check, model is Option, var)
        self.depth -= 1
        self.emit(f"elif {var} is not None:")
        self.emit(f"    {var} = {evaluate}({cells}, {up})")
        if check is not None:
            self.emit(f"    if {var} is not None: {self.constant(check)}({var})")

    def table_leaf(self, leaf: BoundLeaf, kind: str, raw: str, check: Callable[[Any], None] | None, repeats: bool, var: str) -> None:
        read = leaf.reader.read
        if kind in PLAIN_TEXT and not repeats and check is None and not leaf.leaf.parameters:
            self.emit(f"{var} = {raw}.strip()")
            self.emit(f"if not {var}: {var} = None")
            self.emit(f"elif not {var}.isprintable() and not {var}.replace(NEWLINE, '').isprintable(): {var} = {self.constant(read)}({var}) or None")
        elif kind == "identifier" and check is None and not leaf.leaf.parameters:
            self.emit(f"{var} = {raw}.strip()")
            self.emit(f"if not {var}: {var} = None")
            self.emit(f"elif not {var}.replace('-', '').isalnum(): {var} = {self.constant(read)}({var})")
        elif kind in UNIQUE and check is None and leaf.leaf.shape == "one":
            self.emit(f"{var} = {raw}.strip()")
            self.emit(f"{var} = {self.constant(read)}({var}) if {var} else None")
        else:
            memo = Memo(computer(leaf, check))
            self.emit(f"{var} = {raw}")
            self.emit(f"{var} = {self.constant(memo)}[{var}] if {var} else None")


def columns_of(leaf: BoundLeaf) -> list[Column]:
    """Every column a leaf's value can depend on."""
    found = [*leaf.columns, *leaf.currency, *(column for _, column, _ in leaf.template or () if column is not None)]
    if leaf.test_column is not None:
        found.append(leaf.test_column)
    for branch in (leaf.then, leaf.else_):
        if branch is not None:
            found += columns_of(branch)
    return found


def computer(leaf: BoundLeaf, check: Callable[[Any], None] | None) -> Callable[[str], Any]:
    """Raw text -> value of a plain leaf."""

    def compute(raw: str) -> Any:
        text = raw.strip()
        if not text:
            return None
        value = leaf.reader.read(text)
        if value == "":
            return None
        value = leaf._shape(value)
        if check is not None and value is not None:
            check(value)
        return value

    return compute


GUARANTEED = {"identifier", "gtin", "money", "status", "url", "path_or_url", "image_url"}
"""Readers whose results always satisfy the model, by their own definition."""


PATTERNED = {"sku": "identifier", "gtin": "gtin", "locale": "", "medium": "", "role": ""}
"""Texts of which the model asks a shape, and the reader that guarantees it."""


def checker(leaf: BoundLeaf, model: type[BaseModel] | None, name: str) -> Callable[[Any], None] | None:
    """What the model asks of this field beyond what the reader gives; None when there is nothing to ask."""
    if model is None or name not in model.model_fields:
        return None
    info = model.model_fields[name]
    kind = leaf.leaf.kind
    if PATTERNED.get(name, kind) == kind:
        if kind in GUARANTEED and leaf.test is None:
            return None
        if kind in {*PLAIN_TEXT, "list", "category_paths", "category_path"} and model is not Texts:
            return None
    if leaf.leaf.shape != "one" or name == "src":
        return None
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation)

    def check(value: Any) -> None:
        try:
            adapter.validate_python(value, from_attributes=True)
        except ValidationError:
            raise Punt from None

    return check


def constant_value(leaf: BoundLeaf, check: Callable[[Any], None] | None) -> Any:
    """A constant, read once. Raises MappingError when it cannot be what the field needs."""
    where = f"{leaf.layer}, {key_text(leaf.leaf.path)}"
    try:
        value = leaf.evaluate(None)
        if check is not None and value is not None:
            check(value)
    except CellError as exc:
        raise MappingError(exc.message, where=where, mend=exc.mend, code="mapping.value") from exc
    except Punt as exc:
        raise MappingError(
            f'the value "{leaf.spec.value}" is not allowed for {leaf.leaf.name}', where=where, code="mapping.value"
        ) from exc
    return value


def options_of(leaf: BoundLeaf) -> Callable[[Any, Any], Any]:
    """What ``option_map`` is given: a text that lists options goes through its reader."""
    return leaf.evaluate if leaf.leaf.kind == "option_list" else lambda record, up: leaf.pick(record, up)[0]


def elements(block: BoundBlock) -> Callable[[Any, Any], list[Any]]:
    """The inner objects a block is repeated for."""
    assert block.each is not None
    get = block.each.get

    def inner(cells: Any, up: Any) -> list[Any]:
        found = get(cells, up)
        if isinstance(found, dict):
            return [found]
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    return inner


def once(values: list[Any]) -> tuple[Any, ...]:
    """Equal objects once, in order."""
    if len(values) == 1:
        return (values[0],)
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return tuple(found)
