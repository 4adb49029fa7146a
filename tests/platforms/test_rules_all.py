"""What every platform's rules promise, asked of all platforms that are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feedbridge.findings import Severity
from feedbridge.platforms import Outcome, Platform, platforms
from feedbridge.product import Product, Variant, to_light
from feedbridge.rules import Rule

PLATFORMS = sorted(platforms().values(), key=lambda platform: platform.name)
MINIMAL: dict[str, Any] = {"sku": "SKU-1", "title": "Title", "price": {"amount": "10", "currency": "EUR"}}

RULES = [pytest.param(platform, rule, id=f"{platform.name}.{rule.number}")
         for platform in PLATFORMS for rule in platform.rules]
CHECKED = [pytest.param(platform, rule, id=f"{platform.name}.{rule.number}")
           for platform in PLATFORMS for rule in platform.rules if rule.check is not None]


def convert(platform: Platform, rule: Rule, fields: dict[str, Any], folder: Path) -> Outcome:
    """What the platform's converter makes of a minimal product with these fields laid over it."""
    product = to_light(Product.model_validate(MINIMAL | fields))
    return platform.converter(platform.settings(**rule.settings), {}).convert(product, folder)


def numbers(outcome: Outcome) -> set[str]:
    return {found.rule.number for found in outcome.problems} | set(outcome.notes)


def test_platforms_are_found():
    assert "flipsnack" in [platform.name for platform in PLATFORMS]
    assert len(CHECKED) >= len(PLATFORMS)


@pytest.mark.parametrize(("platform", "rule"), RULES)
def test_rule_says_what_where_and_how_to_mend(platform: Platform, rule: Rule):
    assert rule.number and rule.number.strip() == rule.number
    assert rule.title and rule.title[-1] == "." and "\n\n" not in rule.title
    assert rule.source
    assert rule.mend or rule.check is None, "what can fail can be mended"
    assert rule.severity in Severity
    assert (rule.check is None) == bool(rule.held_by), "a rule is checked, or says what guarantees it"


@pytest.mark.parametrize("platform", [pytest.param(platform, id=platform.name) for platform in PLATFORMS])
def test_numbers_are_unique_and_run_wide_rules_are_listed(platform: Platform):
    listed = [rule.number for rule in platform.rules]
    assert len(set(listed)) == len(listed)
    run_wide = [rule for rule in (platform.unique, platform.unique_case, platform.claims, platform.unplaced) if rule]
    assert [rule.number for rule in run_wide if rule not in platform.rules] == []
    assert all(rule.mend for rule in run_wide)


@pytest.mark.parametrize("platform", [pytest.param(platform, id=platform.name) for platform in PLATFORMS])
def test_placed_and_dropped_are_canonical_fields(platform: Platform):
    named = {path.partition(".")[0] for path in platform.placed | platform.dropped}
    assert named - set(Product.model_fields) - set(Variant.model_fields) == set()
    assert not platform.placed & platform.dropped


@pytest.mark.parametrize(("platform", "rule"), CHECKED)
def test_rule_fires_on_its_bad_example(platform: Platform, rule: Rule, tmp_path: Path):
    outcome = convert(platform, rule, rule.bad, tmp_path)
    found = [found.problem for found in outcome.problems if found.rule.number == rule.number]
    assert found or rule.number in outcome.notes, f"bad example passed; fired: {sorted(numbers(outcome))}"
    for problem in found:
        assert problem.message
        assert problem.field == "" or problem.field.partition(".")[0] in Product.model_fields
    if rule.severity is Severity.ERROR:
        assert any(found.rule.severity is Severity.ERROR for found in outcome.problems)


@pytest.mark.parametrize(("platform", "rule"), CHECKED)
def test_rule_is_silent_on_its_good_example(platform: Platform, rule: Rule, tmp_path: Path):
    assert rule.number not in numbers(convert(platform, rule, rule.good, tmp_path))
