"""The JSON Schema for editors accepts what the program accepts."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from feedbridge.mapping.editor_schema import mapping_schema
from feedbridge.mapping.presets import presets
from feedbridge.mapping.yaml import read_yaml


@pytest.fixture(scope="module")
def editor():
    schema = mapping_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_schema_accepts_a_preset(editor, name):
    text = presets()[name].read_text(encoding="utf-8")
    assert [f"{error.json_path}: {error.message[:200]}" for error in editor.iter_errors(read_yaml(text, name)[0])] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("produktt: {}\n", "$", id="unknown key"),
        pytest.param("product: {titel: Name}\n", "$.product", id="unknown field"),
        pytest.param("product: {title: {form: Name}}\n", "$.product.title", id="unknown word of a spec"),
        pytest.param("product: {title: {from: Name, as: txt}}\n", "$.product.title", id="unknown kind"),
        pytest.param("records: {one: variants}\n", "$.records.one", id="unknown choice"),
        pytest.param(
            "platforms: {magento: {product: {titel: Name}}}\n",
            "$.platforms.magento.product",
            id="unknown field of an overlay",
        ),
        pytest.param(
            "product: {digital: {licences: [{licence: 1}]}}\n",
            "$.product.digital",
            id="unknown field of a nested block",
        ),
    ],
)
def test_the_schema_refuses(editor, text, path):
    found = [error.json_path for error in editor.iter_errors(read_yaml("feedbridge: 1\n" + text, "shop.yaml")[0])]
    assert found == [path]
