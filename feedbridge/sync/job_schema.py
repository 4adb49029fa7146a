"""The JSON Schema of job files, for editors: completion, explanations and red lines while typing."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel, BeforeValidator

from feedbridge.platforms import platform, platform_names
from feedbridge.product.docs import describe
from feedbridge.sync.job_targets import WAYS, delivery_model, platform_of, target_names, way_keys
from feedbridge.sync.jobspec import TODO, Alerts, EmailAlert, Guards, JobFileSpec, JobSpec, TargetSpec

__all__ = ["job_schema"]

MODELS = (JobFileSpec, JobSpec, Guards, Alerts, EmailAlert, TargetSpec)
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


def job_schema() -> dict[str, Any]:
    """Draft 2020-12. A target knows the keys and settings of its platform."""
    schema = describe(JobFileSpec.model_json_schema(), *MODELS)
    definitions = schema["$defs"]
    definitions.pop("TargetSpec")
    for name in ("Guards", "Alerts", "EmailAlert", "JobSpec"):
        _may_be_empty(definitions[name])
    _may_be_empty(schema)
    schema["properties"]["jobs"]["propertyNames"] = {"pattern": NAME}
    job = definitions["JobSpec"]["properties"]
    job["set"] = {
        **_described(job["set"]),
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "number", "boolean"], "not": {"const": TODO}},
    }
    job["targets"] = {**_described(job["targets"]), **_targets(definitions)}
    definitions["Alerts"]["properties"]["webhook"]["anyOf"][0]["pattern"] = "^https?://"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "feedbridge job file"
    return schema


def _targets(definitions: dict[str, Any]) -> dict[str, Any]:
    for name in platform_names():
        definitions[f"{name}-settings"] = _settings(name, definitions)
    for name in target_names():
        definitions[f"{name}-target"] = _target(name, definitions)
    chosen = {
        "type": "object",
        "required": ["platform"],
        "properties": {
            "platform": {"enum": list(target_names()), "description": "The platform, where the target is not called by it."}
        },
        "allOf": [
            {
                "if": {"required": ["platform"], "properties": {"platform": {"const": name}}},
                "then": {"$ref": f"#/$defs/{name}-target"},
            }
            for name in target_names()
        ],
    }
    definitions["other-target"] = chosen
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": NAME},
        "properties": {
            name: {
                "if": {"type": "object", "required": ["platform"]},
                "then": {"$ref": "#/$defs/other-target"},
                "else": {"$ref": f"#/$defs/{name}-target"},
            }
            for name in target_names()
        },
        "additionalProperties": {"$ref": "#/$defs/other-target"},
    }


def _target(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Keys of a target of one platform: its delivery settings, and ``settings``."""
    owner = platform_of(name)
    model = delivery_model(owner)
    block = _own(model, owner, definitions)
    block["properties"] = {key: block["properties"][key] for key in way_keys(name)}
    title = f"{platform(owner).title} over REST" if name in WAYS else platform(owner).title
    if "outbox" in block["properties"]:
        block["properties"]["outbox"] = {"type": "string", "format": "path", **_described(block["properties"]["outbox"])}
        block["required"] = ["outbox"]
    _may_be_empty(block)
    block["title"] = f"{title} target"
    block["description"] = f"A place that products are delivered to: {title}."
    block["properties"] |= {
        "platform": {"const": name},
        "settings": {
            "anyOf": [{"$ref": f"#/$defs/{owner}-settings"}, {"type": "null"}],
            "description": "The platform's settings, laid over those of the mapping.",
        },
    }
    needed = block.get("required", [])
    if needed:
        return block
    block["type"] = ["object", "null"]
    if model.own_address:
        block["type"] = "object"
        block["anyOf"] = [
            {"required": ["endpoint"], "properties": {"endpoint": {"type": "string", "not": {"const": TODO}}}},
            {"required": ["sandbox"], "properties": {"sandbox": {"const": True}}},
        ]
    return block


def _settings(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    model = platform(name).settings
    block = _own(model, name, definitions)
    for field, info in model.model_fields.items():
        if any(isinstance(one, BeforeValidator) for one in info.metadata):  # a list that may be written as one text
            written = block["properties"][field]
            inner = {key: written.pop(key) for key in list(written) if key not in ("description", "title", "default")}
            written["anyOf"] = [inner, {"type": "string"}]
    return block


def _own(model: type[BaseModel], name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A model's schema as one block; models inside it become definitions of their own."""
    template = f"#/$defs/{name}-{{model}}"
    block = describe(model.model_json_schema(ref_template=template), model)
    inner = block.pop("$defs", {})
    for other, definition in inner.items():
        definitions[f"{name}-{other}"] = definition
    return copy.deepcopy(block)


def _described(field: dict[str, Any]) -> dict[str, Any]:
    return {key: field[key] for key in ("description", "title") if key in field}


def _may_be_empty(block: dict[str, Any]) -> None:
    """A key without a value says nothing, so it may stand wherever it may be left out."""
    required = block.get("required", [])
    for name, field in block.get("properties", {}).items():
        if name in required or any(choice.get("type") == "null" for choice in field.get("anyOf", ())):
            continue
        if "anyOf" in field:
            field["anyOf"].append({"type": "null"})
        else:
            inner = {key: field.pop(key) for key in list(field) if key not in ("description", "title", "default")}
            field["anyOf"] = [inner, {"type": "null"}]
