"""``feedbridge mapping`` and ``platform``."""

from __future__ import annotations

import json

import pytest

from feedbridge.cli import run
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.presets import presets
from feedbridge.platforms import platform_names

GOOD = """\
feedbridge: 1
product:
  sku: Id
  title: Name
  price: {from: Price, currency: EUR, decimal: "."}
tests:
  - name: a pot
    records: [{Id: A, Name: Pot, Price: "5.00"}]
    products: [{sku: A, price: 5.00 EUR}]
  - name: a price that is none
    records: [{Id: A, Name: Pot, Price: x}]
    findings: [cell.price-format]
"""


def test_list_names_every_preset_and_what_it_asks_for(capsys):
    assert run(["mapping", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(presets())
    assert "--set currency" in next(line for line in lines if line.startswith("shopify"))


@pytest.mark.parametrize("name", sorted(presets()))
def test_show_prints_the_file_as_it_is(name, capsys, tmp_path):
    assert run(["mapping", "show", name]) == 0
    shown = capsys.readouterr().out
    assert shown == presets()[name].read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(shown, encoding="utf-8")
    assert load_mapping(str(tmp_path / "own.yaml")).file.product


def test_schema_is_json(capsys):
    assert run(["mapping", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")


def test_test_passes(tmp_path, capsys):
    path = tmp_path / "m.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert run(["mapping", "test", str(path)]) == 0
    assert "2 passed, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            ("5.00 EUR", "6.00 EUR"), "products.0.price is '5.00 EUR', expected '6.00 EUR'", id="another value"
        ),
        pytest.param(("cell.price-format", "cell.x"), "expected cell.x", id="another finding"),
        pytest.param(
            ("products: [{sku: A, price: 5.00 EUR}]", "products: []"), "1 products were made, 0 expected", id="number"
        ),
    ],
)
def test_test_fails_and_says_why(tmp_path, capsys, change, said):
    path = tmp_path / "m.yaml"
    path.write_text(GOOD.replace(*change), encoding="utf-8")
    assert run(["mapping", "test", str(path)]) == 1
    out = capsys.readouterr().out
    assert said in out and "1 passed, 1 failed" in out


def test_a_mapping_without_tests_cannot_be_tested(tmp_path, capsys):
    path = tmp_path / "m.yaml"
    path.write_text(GOOD.split("tests:")[0], encoding="utf-8")
    assert run(["mapping", "test", str(path)]) == 2
    assert "add tests:" in capsys.readouterr().err


def test_platforms_are_listed(capsys):
    assert run(["platform", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == sorted(platform_names())


@pytest.mark.parametrize("name", sorted(platform_names()))
def test_a_platform_is_shown(name, capsys):
    assert run(["platform", "show", name]) == 0
    assert "#" in capsys.readouterr().out
    assert run(["platform", "show", name, "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["type"]


@pytest.mark.parametrize(
    "words", [["--help"], ["convert", "--help"], ["check", "-h"], ["mapping", "--help"], ["--version"]]
)
def test_help(words, capsys):
    assert run(words) == 0
    assert capsys.readouterr().out
