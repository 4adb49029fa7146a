"""A mapping's fields as a tree: leaves with a spec, blocks, lists of blocks, named leaves.

The tree has the shape of the canonical model, so every mistake in a field's name or form is found
here, before any file is opened, and reported with the mapping's line and the nearest right name.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from feedbridge.cells import Reader, readers
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.schema import SPEC_KEYS, Spec
from feedbridge.mapping.yaml import KeyPath
from feedbridge.product import ContentFile, Image, Money, Option, Product, Texts, Variant

__all__ = ["Block", "Leaf", "Many", "Named", "Node", "TreeParser"]

Complain = Callable[[KeyPath, str, str], None]
"""``complain(key path, message, mend)``"""


@dataclass(slots=True)
class Leaf:
    """One field with the spec that fills it."""

    name: str
    path: KeyPath
    spec: Spec
    kind: str
    parameters: dict[str, Any]
    shape: str = "one"
    """What the field holds: one value, ``texts`` (tuple), ``paths`` (tuple of tuples), ``ints`` (tuple)."""
    choices: tuple[str, ...] = ()
    then: Leaf | None = None
    else_: Leaf | None = None


@dataclass(slots=True)
class Block:
    """An object field: its own fields' nodes. ``each``: one object for every item of that inner JSON list."""

    model: type[BaseModel]
    path: KeyPath
    fields: dict[str, Node] = field(default_factory=dict)
    each: str | None = None


@dataclass(slots=True)
class Many:
    """A field that holds a list of objects."""

    model: type[BaseModel]
    path: KeyPath
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Named:
    """A field that holds values by name."""

    path: KeyPath
    leaves: dict[str, Leaf] = field(default_factory=dict)


Node = Leaf | Block | Many | Named

PRIMARY: dict[type[BaseModel], str] = {Image: "src", ContentFile: "src"}
"""The member that a bare spec fills: ``images: Images`` is ``images: [{src: Images}]``."""

KINDS = {
    "sku": "identifier",
    "group_key": "identifier",
    "gtin": "gtin",
    "mpn": "identifier",
    "status": "status",
    "weight_grams": "weight",
    "length_mm": "length",
    "width_mm": "length",
    "height_mm": "length",
    "url": "url",
    "src": "path_or_url",
    "categories": "category_paths",
    "tags": "list",
    "ids": "identifier",
    "category_ids": "list",
    "themes": "list",
    "groups": "list",
}
"""Field name -> reader, where the type alone does not say."""

LEAF_SHAPES = {"categories": "paths", "tags": "texts", "category_ids": "texts", "themes": "ints", "groups": "texts"}


EXTRA: dict[type[BaseModel], tuple[str, ...]] = {
    Product: ("compare_at_price",),
    Variant: ("options", "compare_at_price"),
}
"""What a mapping may say beside the model's own fields. A compare-at price above the price is the regular price, and
the price the sale price. A variant's options are listed with the variant, though the product holds their names."""


STRUCTURE: dict[type[BaseModel], tuple[str, ...]] = {Product: ("options", "variants"), Variant: ("option_values",)}
"""What the model has, and a mapping says in another place: variants in ``variant:``, their options with them."""


def is_spec(value: object) -> bool:
    """A block that says where one value comes from (and not a block of fields)."""
    return isinstance(value, dict) and ("use" in value or bool(SPEC_KEYS & value.keys()))


class TreeParser:
    """Turns the plain ``product:`` and ``variant:`` blocks of a mapping into trees."""

    def __init__(self, complain: Complain, fragments: dict[str, Any]) -> None:
        self.complain = complain
        self.fragments = fragments

    def block(self, model: type[BaseModel], value: Any, path: KeyPath) -> Block:
        """A block of fields of ``model``."""
        block = Block(model, path)
        if not isinstance(value, dict):
            self.complain(
                path, "must be a block of fields", f"one of {', '.join(model.model_fields)}, each on its own line"
            )
            return block
        names = [name for name in (*model.model_fields, *EXTRA.get(model, ())) if name not in STRUCTURE.get(model, ())]
        for name, given in value.items():
            if name == "each" and model not in (Product, Variant):
                block.each = str(given)
            elif name not in names:
                near = nearest(name, names)
                self.complain(
                    (*path, name),
                    f'there is no field "{name}"',
                    f'did you mean "{near}"?' if near else f"fields are {', '.join(names)}",
                )
            elif given is not None:
                node = self.node(model, name, given, (*path, name))
                if node is not None:
                    block.fields[name] = node
        return block

    def node(self, model: type[BaseModel], name: str, value: Any, path: KeyPath) -> Node | None:
        if model is Variant and name == "options":
            return self.many(Option, value, path)
        if name == "compare_at_price":
            return self.leaf(name, value, path, Money, "")
        inner, container = unwrap(model.model_fields[name].annotation)
        if inner is Money and container == "tuple":
            return self.amounts(value, path)
        if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not Money:
            if container == "tuple":
                return self.translations(value, path) if inner is Texts else self.many(inner, value, path)
            aliases = inner in PRIMARY and isinstance(value, list)
            return self.block(inner, {PRIMARY[inner]: value} if aliases else self.primary(inner, value), path)
        if container == "dict":
            return self.named(name, value, path)
        return self.leaf(name, value, path, inner, container)

    def primary(self, model: type[BaseModel], value: Any) -> Any:
        if model in PRIMARY and (isinstance(value, str) or is_spec(value)):
            return {PRIMARY[model]: value}
        return value

    def many(self, model: type[BaseModel], value: Any, path: KeyPath) -> Many:
        many = Many(model, path)
        for index, given in enumerate(value if isinstance(value, list) else [value]):
            step = (*path, index) if isinstance(value, list) else path
            for one in expand_for(given):
                many.blocks.append(
                    self.option_block(one, step)
                    if model is Option
                    else self.block(model, self.primary(model, one), step)
                )
        return many

    def amounts(self, value: Any, path: KeyPath) -> Many:
        """A list of prices: one spec each."""
        many = Many(Money, path)
        for index, given in enumerate(value if isinstance(value, list) else [value]):
            step = (*path, index) if isinstance(value, list) else path
            each = None
            if isinstance(given, dict) and "each" in given:
                each = str(given["each"])
                given = {key: part for key, part in given.items() if key != "each"}
            for one in expand_for(given):
                leaf = self.leaf("money", one, step, Money, "")
                if leaf:
                    many.blocks.append(Block(Money, step, {"money": leaf}, each))
        return many

    def option_block(self, value: Any, path: KeyPath) -> Block:
        """An axis of a variant: the option's name and this variant's value (or a JSON map of both, ``from``)."""
        block = Block(Option, path)
        if isinstance(value, str) or (is_spec(value) and not value.keys() & {"name", "value"}):
            leaf = self.leaf("map", value, path, str, "")
            if leaf:
                block.fields["map"] = leaf
            return block
        if not isinstance(value, dict) or not value.keys() <= {"name", "value", "each"}:
            self.complain(path, "an option takes name and value", "- {name: Option1 Name, value: Option1 Value}")
            return block
        block.each = value.get("each")
        for name in ("name", "value"):
            if name not in value:
                self.complain(path, f"an option needs {name}", "- {name: {value: Size}, value: Size}")
            else:
                leaf = self.leaf(name, value[name], (*path, name), str, "")
                if leaf:
                    block.fields[name] = leaf
        return block

    def translations(self, value: Any, path: KeyPath) -> Many:
        many = Many(Texts, path)
        if isinstance(value, list):
            return self.many(Texts, value, path)
        if not isinstance(value, dict):
            self.complain(path, "must be a block of locales, or a list", "translations: {de: {title: Titel}}")
            return many
        for locale, given in value.items():
            block = self.block(Texts, given, (*path, locale))
            leaf = self.leaf("locale", {"value": locale}, (*path, locale), str, "")
            if leaf:
                block.fields["locale"] = leaf
            many.blocks.append(block)
        return many

    def named(self, name: str, value: Any, path: KeyPath) -> Named:
        named = Named(path)
        if not isinstance(value, dict):
            self.complain(path, "must be a block of names", f"{name}: {{some name: Some Column}}")
            return named
        for key, given in value.items():
            if given is None:
                continue
            several = isinstance(given, dict) and "for" in given
            for number, one in enumerate(expand_for(given), 1):
                leaf = self.leaf(name, one, (*path, key), str, "dict")
                if leaf:
                    leaf.name = f"{key} {number}" if several else key
                    named.leaves[leaf.name] = leaf
        return named

    def leaf(self, name: str, value: Any, path: KeyPath, inner: Any, container: str) -> Leaf | None:
        spec = self.spec(value, path)
        if spec is None:
            return None
        kind = spec.as_ or KINDS.get(name) or kind_of(inner, container)
        choices = tuple(get_args(inner)) if get_origin(inner) is Literal else ()
        parameters = dict(spec.model_extra or {})
        self.check_reader(kind, parameters, path)
        shape = LEAF_SHAPES.get(name, "texts" if container == "tuple" else "one")
        if shape == "one" and (
            container == "dict" or (name in {"name", "value"} and inner is str and path[:2] == ("variant", "options"))
        ):
            shape = "text"
        if kind in readers() and spec.when is None and name != "map":
            self.check_fit(kind, name, inner, shape, path)
        leaf = Leaf(name, path, spec, kind, parameters, shape, choices)
        if spec.when is not None:
            for key, given in (("then", spec.then), ("else_", spec.else_)):
                if given is not None:
                    part = given if isinstance(given, dict) else {"from": given}
                    part = {**({"as": spec.as_} if spec.as_ and "as" not in part else {}), **parameters, **part}
                    setattr(leaf, key, self.leaf(name, part, (*path, key.rstrip("_")), inner, container))
        elif spec.then is not None or spec.else_ is not None:
            self.complain(path, "then and else need when", "when: {column: Status, is: draft}")
        elif (
            not any((spec.from_, spec.first_filled, spec.all_, spec.template, spec.columns_named, spec.columns_like))
            and spec.value is None
            and spec.default is None
        ):
            self.complain(
                path,
                "says nothing of where the value comes from",
                "give from, first_filled, all, value, template or when",
            )
        return leaf

    def spec(self, value: Any, path: KeyPath) -> Spec | None:
        if isinstance(value, str):
            return Spec(from_=(value,))
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return Spec(from_=tuple(value))
        if not isinstance(value, dict):
            self.complain(path, f"{value!r} is not a column", "a constant is written {value: …}")
            return None
        if "use" in value:
            name = str(value["use"])
            if name not in self.fragments:
                near = nearest(name, self.fragments)
                self.complain(
                    (*path, "use"), f'there is no fragment "{name}"', f'did you mean "{near}"?' if near else ""
                )
                return None
            fragment = self.fragments[name]
            fragment = fragment if isinstance(fragment, dict) else {"from": fragment}
            value = {**fragment, **{key: given for key, given in value.items() if key != "use"}}
        value = {key: [given] if key in LISTS and isinstance(given, str) else given for key, given in value.items()}
        if "words" in value:
            value = for_words(value)
        try:
            return Spec.model_validate(value)
        except ValidationError as exc:
            for error in exc.errors():
                self.complain((*path, *error["loc"]), error["msg"], "")
            return None

    def check_fit(self, kind: str, name: str, inner: Any, shape: str, path: KeyPath) -> None:
        """A kind whose values a field can hold."""
        fit = [one for one, reader in readers().items() if fits(reader, name, inner, shape)]
        if kind not in fit:
            self.complain((*path, "as"), f"{name} cannot be read as {kind}", f"kinds that fit are {', '.join(fit)}")

    def check_reader(self, kind: str, parameters: dict[str, Any], path: KeyPath) -> None:
        known = readers()
        if kind not in known:
            near = nearest(kind, known)
            self.complain(
                (*path, "as"),
                f'there is no kind "{kind}"',
                f'did you mean "{near}"?' if near else f"kinds are {', '.join(known)}",
            )
            return
        for name in parameters:
            if name not in known[kind].model_fields:
                words = [*known[kind].model_fields, *sorted(SPEC_KEYS)]
                near = nearest(name, words)
                self.complain(
                    (*path, name),
                    f'"{name}" is nothing that {kind} takes',
                    f'did you mean "{near}"?' if near else f"it takes {', '.join(words)}",
                )
                return
        if parameters.get("unit") == "header":  # found out when the header is there
            parameters = {key: value for key, value in parameters.items() if key != "unit"}
        make_reader(kind, parameters, lambda message: self.complain(path, message, ""))


def fits(reader: type[Reader], name: str, inner: Any, shape: str) -> bool:
    """Whether a field can hold what a reader gives, by the type its ``read`` says it returns."""
    made = str(reader.read.__annotations__.get("return", ""))
    if shape == "text":
        return made != "Money" and not made.startswith("tuple")
    if shape != "one" or name == "src":
        return (
            made in {"str", "tuple[str, ...]"}
            or (made == "int"
            and shape == "ints")
            or (made.startswith("tuple[tuple[str, ...]")
            and (shape == "paths" or name == "category_ids"))  # there a table turns whole paths into ids
        )
    wanted = {"Money": {"Money"}, "Status": {"Status"}, "Decimal": {"Decimal", "int"}, "int": {"int"}, "bool": {"bool"}}
    return made in wanted.get(getattr(inner, "__name__", ""), {"str"})


LISTS = ("from", "first_filled", "all", "currency_from", "unit_from", "without")


def for_words(value: dict[str, Any]) -> dict[str, Any]:
    """A spec with ``words``: its column names with ``${word}`` in them once for each word, in the words' order."""
    words = [word.strip() for word in str(value["words"]).split(",") if word.strip()]
    found = dict(value)
    for key in LISTS:
        names = value.get(key)
        if isinstance(names, list) and any("${word}" in str(name) for name in names):
            meant = [fill(names, {"word": word}) for word in words] if words else [[]]
            every = dict.fromkeys(name for group in meant for name in group)
            found[key] = list(every) or [f"{key} of no words"]
    return found


def make_reader(kind: str, parameters: dict[str, Any], complain: Callable[[str], None]) -> Reader | None:
    """A reader with its parameters. Placeholders (``${currency}``) that are still open count as not given."""
    given = {name: value for name, value in parameters.items() if not (isinstance(value, str) and "${" in value)}
    try:
        return readers()[kind](**given)
    except ValidationError as exc:
        for error in exc.errors():
            complain(f"{'.'.join(str(step) for step in error['loc'])}: {error['msg']}")
        return None


def expand_for(value: Any) -> list[Any]:
    """``{for: "a,b", name: {value: "${item}"}}`` becomes one block for each word, ``for: 1..9`` for each number; none
    when the list is empty or open."""
    if not isinstance(value, dict) or "for" not in value:
        return [value]
    words = str(value["for"] or "")
    if "${" in words:
        return []
    rest = {key: given for key, given in value.items() if key != "for"}
    numbers = re.fullmatch(r"\s*(\d{1,4})\s*\.\.\s*(\d{1,4})\s*", words)
    items = map(str, range(int(numbers[1]), int(numbers[2]) + 1)) if numbers else words.split(",")
    return [fill(rest, {"item": item.strip()}) for item in items if item.strip()]


def fill(value: Any, values: dict[str, str]) -> Any:
    """Replace ``${name}`` in every text of a plain tree; names without a value stay as they are."""
    if isinstance(value, str):
        if "${" in value:
            for name, text in values.items():
                value = value.replace("${" + name + "}", text)
        return value
    if isinstance(value, dict):
        return {key: fill(given, values) for key, given in value.items()}
    if isinstance(value, list):
        return [fill(given, values) for given in value]
    return value


def unwrap(annotation: Any) -> tuple[Any, str]:
    """The bare type of a field and its container: ``(Image, "tuple")``, ``(str, "dict")``, ``(Decimal, "")``."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        rest = [arg for arg in get_args(annotation) if arg is not type(None)]
        return unwrap(rest[0])
    if origin is tuple:
        inner, _ = unwrap(get_args(annotation)[0])
        return inner, "tuple"
    if origin is dict:
        return str, "dict"
    if hasattr(annotation, "__metadata__"):
        return unwrap(get_args(annotation)[0])
    return annotation, ""


def kind_of(inner: Any, container: str) -> str:
    """The reader a field's type asks for."""
    from decimal import Decimal

    if container == "tuple" and inner is not Money:
        return "list"
    return {Money: "money", Decimal: "decimal", int: "integer", bool: "boolean"}.get(inner, "text")
