"""Light twins of pydantic models, for the run path.

A run carries hundreds of thousands of products; a pydantic object for each would cost more than
reading, mapping and writing together. ``light(Model)`` builds a msgspec struct with the same fields
and defaults (nested models become nested structs), so the two cannot drift apart. A struct checks
nothing: the compiled mapping does, and a property test holds it to what the model accepts.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel

__all__ = ["light", "to_light", "to_model"]

M = TypeVar("M", bound=BaseModel)


@cache
def light(model: type[M]) -> type[M]:
    """The msgspec struct with the fields and defaults of a pydantic model (keyword arguments only).

    Fields equal to their default are left out when the struct is encoded to JSON, and members come
    in the order of the model. Typed as the model itself, so that type checkers know the fields.
    """
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, info in model.model_fields.items():
        if info.is_required():
            fields.append((name, Any))
        elif info.default_factory is not None:
            fields.append((name, Any, msgspec.field(default_factory=info.default_factory)))  # type: ignore[arg-type]  # pydantic also allows one with an argument
        else:
            fields.append((name, Any, info.default))
    renamed = {n: i.serialization_alias for n, i in model.model_fields.items() if i.serialization_alias}
    struct = msgspec.defstruct(
        model.__name__, fields, kw_only=True, omit_defaults=True, gc=False, rename=renamed or None,
        namespace={"__doc__": f"Light twin of {model.__module__}.{model.__name__}."},
    )
    return struct  # type: ignore[return-value]  # typed as the model, see above


def to_model(model: type[M], struct: M) -> M:
    """The validated pydantic object of a light struct. Raises pydantic.ValidationError."""
    return model.model_validate(struct, from_attributes=True)


def to_light(model: M) -> M:
    """The light struct of a pydantic object, nested models included. The other way round: ``to_model``."""
    return _lighten(model)


def _lighten(value: Any) -> Any:
    if isinstance(value, BaseModel):
        kind = type(value)
        return light(kind)(**{name: _lighten(getattr(value, name)) for name in kind.model_fields})
    if isinstance(value, tuple):
        return tuple(_lighten(item) for item in value)
    if isinstance(value, dict):
        return {key: _lighten(item) for key, item in value.items()}
    return value
