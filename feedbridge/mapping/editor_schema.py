"""The JSON Schema of mapping files, for editors: completion and red lines while typing."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from feedbridge.cells import readers
from feedbridge.mapping.schema import (
    Caution,
    Children,
    Condition,
    Continued,
    FileSpec,
    Layers,
    LookupSpec,
    MappingFile,
    MappingTest,
    OtherNames,
    Overlay,
    Packed,
    Parameter,
    ParentLink,
    Recognise,
    Records,
    RegexSpec,
    SourceSpec,
    Spec,
)
from feedbridge.mapping.tree import EXTRA, STRUCTURE, unwrap
from feedbridge.product import Money, Option, Product, Texts, Variant
from feedbridge.product.docs import describe, field_texts

__all__ = ["mapping_schema"]

MODELS = (
    MappingFile,
    Caution,
    Children,
    Condition,
    Continued,
    FileSpec,
    Layers,
    LookupSpec,
    MappingTest,
    OtherNames,
    Overlay,
    Packed,
    Parameter,
    ParentLink,
    Recognise,
    Records,
    RegexSpec,
    SourceSpec,
)


NAME_LISTS = {
    "Records": ("group_by", "variant_if"),
    "ParentLink": ("key", "of", "never_variant"),
    "Children": ("of",),
    "Layers": ("of", "own"),
    "Continued": ("columns",),
    "FileSpec": ("has", "of"),
    "Condition": ("column",),
}
"""Lists of names that may be written as one name."""


def mapping_schema() -> dict[str, Any]:
    """Draft 2020-12. Fields are the canonical product's, specs know every reader's parameters."""
    schema = describe(MappingFile.model_json_schema(by_alias=True), *MODELS)
    definitions = schema.setdefault("$defs", {})
    definitions["Spec"] = _spec(definitions)
    for block, names in NAME_LISTS.items():
        properties = definitions[block]["properties"]
        for name in names:  # a list of names may be written as one name
            properties[name] = {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    {"type": "null"},
                ],
                "description": properties[name].get("description", ""),
            }
    definitions["OtherNames"]["properties"]["also"]["additionalProperties"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
    }
    for name in ("when", "any"):  # a list of conditions may be written as one
        properties = definitions["Caution"]["properties"]
        one = {"$ref": "#/$defs/Condition"}
        properties[name] = {
            "anyOf": [one, {"type": "array", "items": one, "minItems": 1}],
            "description": properties[name].get("description", ""),
        }
    for model in (Product, Variant):
        _fields(model, definitions)
    for holder in (schema, definitions["Overlay"]):
        holder["properties"]["product"] = {"$ref": "#/$defs/Product"}
        holder["properties"]["variant"] = {"$ref": "#/$defs/Variant"}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "feedbridge mapping file"
    return schema


def _spec(definitions: dict[str, Any]) -> dict[str, Any]:
    block = describe(Spec.model_json_schema(by_alias=True), Spec, Condition, LookupSpec, RegexSpec)
    properties = block["properties"]
    definitions.update(block["$defs"])
    for name in ("from", "first_filled", "all", "currency_from", "without"):
        properties[name] = {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
        }
    for name in ("then", "else"):
        properties[name] = {"$ref": "#/$defs/Spec"}
    properties["when"] = {"$ref": "#/$defs/Condition"}
    properties["lookup"] = {"$ref": "#/$defs/LookupSpec"}
    properties["regex"] = {"$ref": "#/$defs/RegexSpec"}
    properties["as"] = {"enum": sorted(readers())}
    properties["use"] = {"type": "string", "description": "Name of a fragment to start from."}
    for reader in readers().values():
        texts = field_texts(reader)
        for name in reader.model_fields:
            properties.setdefault(name, {"description": texts.get(name, f"parameter of {reader.kind}")})
    properties["each"] = {"type": "string", "description": "In a list of prices: one for each of these further rows."}
    properties["for"] = {"type": "string", "description": "In a list of prices: one for each of these words or numbers."}
    for parameter in properties.values():
        parameter.pop("title", None)
    return {
        "description": "One column name, a list of aliases, or a block that says where the value comes from and how it is read.",
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            {"type": "object", "properties": properties, "additionalProperties": False},
            {"type": "null", "description": "Leave out what the extended mapping gives."},
        ],
    }


def _fields(model: type[BaseModel], definitions: dict[str, Any]) -> None:
    """The block of fields of a model, and of the models inside it."""
    if model.__name__ in definitions and "properties" in definitions[model.__name__]:
        return
    properties: dict[str, Any] = {}
    definitions[model.__name__] = {"type": "object", "properties": properties, "additionalProperties": False}
    texts = field_texts(model)
    for name, info in model.model_fields.items():
        if name in STRUCTURE.get(model, ()):
            continue
        inner, container = unwrap(info.annotation)
        properties[name] = _field(inner, container, definitions)
        if name in texts:
            properties[name] = {**properties[name], "description": texts[name]}
    spec = {"$ref": "#/$defs/Spec"}
    for name in EXTRA.get(model, ()):
        properties[name] = (
            spec
            if name != "options"
            else {
                "type": "array",
                "items": {
                    "anyOf": [
                        spec,
                        {
                            "type": "object",
                            "properties": {
                                "name": spec,
                                "value": spec,
                                "each": {"type": "string"},
                                "for": {"type": "string"},
                            },
                        },
                    ]
                },
            }
        )
    if model not in (Product, Variant):
        properties["each"] = {
            "type": "string",
            "description": "One object for every item of this inner list, or of further rows: @layers, @rows, "
            "@<a list of records.continued>, @<name of a file>.",
        }
        properties["for"] = {
            "type": "string",
            "description": "One object for each of these words, or numbers (1..9); ${item} stands for it.",
        }


def _field(inner: Any, container: str, definitions: dict[str, Any]) -> dict[str, Any]:
    spec = {"$ref": "#/$defs/Spec"}
    if inner is Money or not (isinstance(inner, type) and issubclass(inner, BaseModel)):
        if container == "dict":
            return {"type": "object", "additionalProperties": spec}
        return {"anyOf": [spec, {"type": "array", "items": spec}]} if inner is Money and container else spec
    if inner is Option:
        return spec
    _fields(inner, definitions)
    block = {"$ref": f"#/$defs/{inner.__name__}"}
    if inner is Texts:
        return {"anyOf": [{"type": "object", "additionalProperties": block}, {"type": "array", "items": block}]}
    if container == "tuple":
        return {"anyOf": [block, spec, {"type": "array", "items": {"anyOf": [block, spec]}}]}
    return {"anyOf": [block, spec]}
