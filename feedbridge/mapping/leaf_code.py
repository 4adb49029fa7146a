"""The quick path's code for one field: from a cell, or a value in a document, to a canonical value (see compile.py)."""

from __future__ import annotations

from codecs import utf_16_le_encode
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from feedbridge.cells import CellError
from feedbridge.cells.money import MoneyReader
from feedbridge.errors import MappingError
from feedbridge.mapping.bound import BoundLeaf, is_blank
from feedbridge.mapping.paths import Column
from feedbridge.mapping.yaml import key_text
from feedbridge.product import Option, Texts

__all__ = ["UNIQUE", "LeafCode", "Memo", "Punt"]


Check = Callable[[Any], None]
"""Raises Punt when a value is not what its field may hold."""


class Punt(Exception):
    """The quick path gives up on this group; the precise path decides."""


PLAIN_TEXT = {"text", "html"}
UNIQUE = {"identifier", "gtin", "url", "path_or_url", "image_url"}
"""Kinds whose values hardly ever repeat, so that remembering them only costs memory."""
FEW_VALUES = {"status", "boolean", "integer"}
"""Kinds that have few different values."""
PATH_MARKS = set(".^[]*?@|&()'`!")
"""What is in the path of a document's member when it is more than a name."""
MEMO_MOST = 50_000
BACKSLASH = "\\"


class Memo(dict[Any, Any]):
    """Raw text -> value of one leaf; computes what it has not seen. Values are shared and never changed."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute

    def __missing__(self, raw: Any) -> Any:
        if len(self) >= MEMO_MOST:
            self.clear()
        value = self[raw] = self.compute(raw)
        return value


class LeafCode:
    """Code as it grows, line by line, and the objects it names; writes what reads one leaf.

    ``table``  records are lists of cells, else documents
    """

    def __init__(self, table: bool) -> None:
        self.table = table
        self.lines: list[str] = []
        self.env: dict[str, Any] = {
            "Punt": Punt,
            "Decimal": Decimal,
            "is_blank": is_blank,
            "encode": utf_16_le_encode,
            "NEWLINE": "\n",
        }
        self.depth = 1
        self.count = 0

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def constant(self, value: Any) -> str:
        name = self.new("k")
        self.env[name] = value
        return name

    def new(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def leaf(self, leaf: BoundLeaf, model: type[BaseModel] | None, name: str, cells: str, up: str, var: str) -> None:
        check = checker(leaf, model, name)
        if leaf.spec.value is not None and leaf.test is None and not leaf.currency:
            self.emit(f"{var} = {self.constant(constant_value(leaf, check))}")
            return
        if not leaf.plain():
            in_table = self.table and all(column.index >= 0 for column in columns_of(leaf))
            if in_table and leaf.test is not None and leaf.leaf.kind in FEW_VALUES:
                self.remembered(leaf, cells, check, var)
                return
            if leaf.test is not None:
                self.chosen(leaf, model, name, cells, up, var)
                return
            if in_table and len(leaf.columns) == 1 and leaf.spec.join is None and leaf.nearly_plain():
                self.reshaped(leaf, check, model is Option or name == "value", f"{cells}[{leaf.columns[0].index}]", var)
                return
            evaluate = self.constant(leaf.evaluate)
            self.emit(f"{var} = {evaluate}({cells}, {up})")
            if check is not None:
                self.emit(f"if {var} is not None: {self.constant(check)}({var})")
            return
        self.plain_leaf(leaf, model, name, cells, up, var, check)
        if leaf.spec.required:
            self.emit(f"if {var} is None: raise Punt")

    def reshaped(self, leaf: BoundLeaf, check: Check | None, repeats: bool, cell: str, var: str) -> None:
        """A cell whose text is changed before its reader gets it, or for which something stands when it is empty."""
        text, spec = self.new("t"), leaf.spec
        self.emit(f"{text} = {cell}")
        if leaf.reshapes():
            only_unescaped = leaf.regex is None and spec.replace is None and spec.case is None and not spec.strip_html
            unusual = f"{text} and {BACKSLASH!r} in {text}" if only_unescaped else text
            self.emit(f"if {unusual}: {text} = {self.constant(leaf.reshape)}({text})")
        self.text_leaf(leaf, check, repeats, text, var)
        if spec.default is not None:
            instead = Memo(lambda _: default_of(leaf, check))  # worked out when it is first needed: it may be wrong
            self.emit(f"if {var} is None and not {cell}.strip(): {var} = {self.constant(instead)}[None]")
        if spec.required:
            self.emit(f"if {var} is None: raise Punt")

    def chosen(
        self, leaf: BoundLeaf, model: type[BaseModel] | None, name: str, cells: str, up: str, var: str
    ) -> None:
        """A leaf that chooses by a condition: what the condition says of a text is remembered."""
        assert leaf.test is not None and leaf.test_column is not None
        test, index = leaf.test, leaf.test_column.index
        if self.table and index >= 0:
            width = [""] * index
            memo = Memo(lambda text: test([*width, text], None))
            self.emit(f"if {self.constant(memo)}[{cells}[{index}]]:")
        else:
            self.emit(f"if {self.constant(test)}({cells}, {up}):")
        for number, branch in enumerate((leaf.then, leaf.else_)):
            if number:
                self.emit("else:")
            self.depth += 1
            if branch is None:
                self.emit(f"{var} = None")
            elif branch.spec.value is not None and branch.test is None:
                self.constant_branch(branch, checker(leaf, model, name), var)
            else:
                self.leaf(branch, model, name, cells, up, var)
            self.depth -= 1
        if leaf.spec.required:
            self.emit(f"if {var} is None: raise Punt")

    def constant_branch(self, leaf: BoundLeaf, check: Check | None, var: str) -> None:
        """A constant where a condition holds; one that is not allowed is for the precise path to tell."""
        try:
            value = leaf.evaluate(None)
            if check is not None and value is not None:
                check(value)
        except (CellError, Punt):
            self.emit("raise Punt")
            return
        self.emit(f"{var} = {self.constant(value)}")

    def remembered(self, leaf: BoundLeaf, cells: str, check: Check | None, var: str) -> None:
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
        self,
        leaf: BoundLeaf,
        model: type[BaseModel] | None,
        name: str,
        cells: str,
        up: str,
        var: str,
        check: Check | None,
    ) -> None:
        """The first filled of some columns straight into the reader."""
        repeats = model is Option or name == "value"
        if self.table and all(column.index >= 0 for column in leaf.columns):
            cell, *others = [f"{cells}[{column.index}]" for column in leaf.columns]
            if others:
                self.emit(f"{var} = {cell}")
                for other in others:
                    self.emit(f"if not {var}.strip(): {var} = {other}")
            self.text_leaf(leaf, check, repeats, var if others else cell, var)
            return
        first, *others = [self.member(column, cells, up) for column in leaf.columns]
        self.emit(f"{var} = {first}")
        for other in others:
            self.emit(f"if {var}.isspace() if {var}.__class__ is str and {var} else is_blank({var}): {var} = {other}")
        self.emit(f"if {var}.__class__ is str:")
        self.depth += 1
        self.text_leaf(leaf, check, repeats, var, var)
        self.depth -= 1
        if leaf.leaf.kind not in UNIQUE:
            read = reading(leaf, check)
            decimals, integers = Memo(lambda text: read(Decimal(text))), Memo(read)  # 1.0 and 1.00 are two keys
            self.emit(f"elif {var}.__class__ is Decimal: {var} = {self.constant(decimals)}[str({var})]")
            self.emit(f"elif {var}.__class__ is int: {var} = {self.constant(integers)}[{var}]")
        self.emit(f"elif {var} is not None:")
        self.emit(f"    {var} = {self.constant(leaf.evaluate)}({cells}, {up})")
        if check is not None:
            self.emit(f"    if {var} is not None: {self.constant(check)}({var})")

    def member(self, column: Column, cells: str, up: str) -> str:
        """What a document has at a path."""
        if column.index >= 0:
            return f"{cells}[{column.index}]"
        if self.table or set(column.label) & PATH_MARKS:
            return f"{self.constant(column.get)}({cells}, {up})"
        return f"{cells}.get({column.label!r})"

    def text_leaf(self, leaf: BoundLeaf, check: Check | None, repeats: bool, raw: str, var: str) -> None:
        """A text into the reader. What most texts are is recognised in place; what often comes back is remembered."""
        kind = leaf.leaf.kind
        in_place = check is None and not leaf.leaf.parameters
        read = self.constant(leaf.reader.read)
        if in_place and kind in PLAIN_TEXT and not repeats:
            self.emit(f"{var} = {raw}.strip()")
            self.emit(f"if not {var}: {var} = None")
            if kind == "html":  # kept as it is, so that half a character is all that could be wrong with it
                self.emit(f"elif not {var}.isascii():")
                self.emit(f"    try: encode({var})")
                self.emit("    except UnicodeEncodeError: raise Punt from None")
            else:
                self.emit(f"elif {var}[0] == '=' or not {var}.isprintable() and not {var}.replace(NEWLINE, '').isprintable():")
                self.emit(f"    {var} = {read}({var}) or None")
        elif in_place and kind == "identifier":
            self.emit(f"{var} = {raw}.strip()")
            self.emit(f"if not {var}: {var} = None")
            self.emit(f"elif not {var}.replace('-', '').isalnum(): {var} = {read}({var}) or None")
        elif kind in UNIQUE and check is None and leaf.leaf.shape == "one":
            filled = var if raw == var else f"({var} := {raw})"
            self.emit(f"{var} = {read}({var}) or None if {filled} and ({var} := {var}.strip()) else None")
        else:
            if var != raw:
                self.emit(f"{var} = {raw}")
            self.emit(f"{var} = {self.constant(Memo(text_reading(leaf, check)))}[{var}] if {var} else None")


def default_of(leaf: BoundLeaf, check: Check | None) -> Any:
    """What stands for an empty cell. Raises CellError, Punt."""
    value = leaf.evaluate([""] * (leaf.columns[0].index + 1))
    if check is not None and value is not None:
        check(value)
    return value


def columns_of(leaf: BoundLeaf) -> list[Column]:
    """Every column a leaf's value can depend on."""
    found = [*leaf.columns, *leaf.currency, *leaf.units, *(column for _, column, _ in leaf.template or () if column is not None)]
    if leaf.test_column is not None:
        found.append(leaf.test_column)
    if leaf.named is not None:
        found += [leaf.named[0], *([leaf.inside] if leaf.inside is not None else [])]
    found += [column for _, column in leaf.like]
    for branch in (leaf.then, leaf.else_):
        if branch is not None:
            found += columns_of(branch)
    return found


def reading(leaf: BoundLeaf, check: Check | None, read: Callable[[Any], Any] | None = None) -> Callable[[Any], Any]:
    """Raw value, not blank -> value of a plain leaf. ``read``: instead of the reader's own."""
    read = read or leaf.reader.read

    def compute(raw: Any) -> Any:
        value = read(raw)
        if value == "":
            return None
        value = leaf._shape(value)
        if check is not None and value is not None:
            check(value)
        return value

    return compute


def text_reading(leaf: BoundLeaf, check: Check | None) -> Callable[[str], Any]:
    """Raw text -> value of a plain leaf."""
    if isinstance(leaf.reader, MoneyReader):  # the memo remembers prices already: their reader need not do so once more
        read = leaf.reader.from_text if check is None else reading(leaf, check, leaf.reader.from_text)
    else:
        read = reading(leaf, check)

    def compute(raw: str) -> Any:
        text = raw.strip()
        return read(text) if text else None

    return compute


GUARANTEED = {"identifier", "gtin", "money", "status", "url", "path_or_url", "image_url"}
"""Readers whose results always satisfy the model, by their own definition."""


PATTERNED = {"sku": "identifier", "gtin": "gtin", "locale": "", "medium": "", "role": ""}
"""Texts of which the model asks a shape, and the reader that guarantees it."""


def checker(leaf: BoundLeaf, model: type[BaseModel] | None, name: str) -> Check | None:
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
    kept: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(kept)

    def check(value: Any) -> None:
        try:
            adapter.validate_python(value, from_attributes=True)
        except ValidationError:
            raise Punt from None

    return check


def constant_value(leaf: BoundLeaf, check: Check | None) -> Any:
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
