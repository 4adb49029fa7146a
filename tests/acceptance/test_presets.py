"""Every preset carries its own tests, and they pass: through Python, and as ``feedbridge mapping test NAME``."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedbridge.cli import run
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.presets import presets
from feedbridge.run.selftest import run_tests

PRESETS = sorted(presets())


def test_presets_are_found() -> None:
    assert {"akeneo-json", "digital", "generic", "pim-json", "shopify"} <= set(PRESETS)


def test_every_preset_is_in_the_table_of_sources() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/sources.md").read_text(encoding="utf-8")
    assert [name for name in PRESETS if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_passes_its_own_tests(name: str) -> None:
    outcomes = run_tests(name)
    assert len(outcomes) >= 2
    assert {outcome.name: outcome.faults for outcome in outcomes if outcome.faults} == {}


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_tests_show_what_is_made_and_what_is_held_back(name: str) -> None:
    tests = load_mapping(name).file.tests
    assert any(test.products for test in tests)
    assert any(test.findings for test in tests)
    assert any(len(test.records) > 1 for test in tests) or name == "digital"


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_says_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mapping", "test", name]) == 0
    said = capsys.readouterr()
    for test in load_mapping(name).file.tests:
        assert test.name in said.out + said.err


def test_a_preset_that_is_wrong_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tests can fail: with another handle the first of Shopify's is not passed any more."""
    mapping = tmp_path / "wrong.yaml"
    mapping.write_text(
        "feedbridge: 1\nextends: shopify\nproduct:\n  title: {value: Something else}\n"
        "tests:\n  - name: wrong\n    set: {currency: EUR}\n"
        "    records: [{Handle: a, Title: A, Variant Price: '1.00'}]\n"
        "    products: [{title: A}]\n",
        encoding="utf-8",
    )
    assert run(["mapping", "test", str(mapping)]) != 0
    said = capsys.readouterr()
    assert "'Something else'" in said.out + said.err
