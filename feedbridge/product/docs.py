"""What the fields of a model mean, for schemas and pages: the texts that stand below the fields in the source.

Read when asked for. Pydantic can do it while a class is made, but then every start of the program pays for it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

from pydantic import BaseModel

__all__ = ["describe", "field_texts"]


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """Field -> the docstring below it, of the model and those it inherits from."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not (isinstance(owner, type) and issubclass(owner, BaseModel)) or owner is BaseModel:
            continue
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(node, ast.ClassDef)
        for field, text in zip(node.body, node.body[1:], strict=False):
            if (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)
                    and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)):
                found[field.target.id] = inspect.cleandoc(text.value.value)
    return found


def describe(schema: dict[str, Any], *models: type[BaseModel]) -> dict[str, Any]:
    """Put the descriptions of models into a JSON Schema made from them (root and ``$defs``), in place."""
    blocks = {schema.get("title", ""): schema, **schema.get("$defs", {})}
    for model in models:
        block = blocks.get(model.__name__)
        if block is None or "properties" not in block:
            continue
        texts = field_texts(model)
        for name, info in model.model_fields.items():
            place = block["properties"].get(info.alias or name)
            if place is not None and name in texts:
                place["description"] = texts[name]
    return schema
