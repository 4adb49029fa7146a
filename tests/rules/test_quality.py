"""What every platform's quality criteria promise, asked of all platforms that are found."""

from __future__ import annotations

from typing import Any

import pytest

from feedbridge.findings import Severity
from feedbridge.platforms import Platform, platforms
from feedbridge.product import Product, to_light
from feedbridge.report.platform_page import platform_page
from feedbridge.rules.quality import WARNING_POINTS, Quality

PLATFORMS = sorted(platforms().values(), key=lambda platform: platform.name)
MINIMAL: dict[str, Any] = {"sku": "SKU-1", "title": "Title", "price": {"amount": "10", "currency": "EUR"}}
NAMED = [pytest.param(platform, id=platform.name) for platform in PLATFORMS]
CRITERIA = [
    pytest.param(platform, one, id=f"{platform.name}.{one.number}")
    for platform in PLATFORMS
    for one in platform.quality
]


def product(fields: dict[str, Any]) -> Product:
    return to_light(Product.model_validate(MINIMAL | fields))


@pytest.mark.parametrize("platform", NAMED)
def test_every_platform_has_criteria(platform: Platform):
    assert len(platform.quality) >= 5


@pytest.mark.parametrize(("platform", "one"), CRITERIA)
def test_criterion_says_what_why_and_how_to_mend(platform: Platform, one: Quality):
    assert one.number.startswith("Q") and one.title.endswith(".")
    assert one.why and one.source and one.mend
    assert 0 < one.points <= 50


@pytest.mark.parametrize(("platform", "one"), CRITERIA)
def test_criterion_asks_only_for_what_the_platform_has_a_place_for(platform: Platform, one: Quality):
    assert one.read_fields(), "a criterion looks at some field"
    assert one.read_fields() <= {name for name in one.fields if "." not in name}
    assert {name for name in one.fields} <= platform.placed | {"options"}
    assert one.read_fields() <= set(Product.model_fields)


@pytest.mark.parametrize(("platform", "one"), CRITERIA)
def test_criterion_keeps_the_good_and_fails_the_bad(platform: Platform, one: Quality):
    assert not one.loses(product(one.good))
    assert one.loses(product(one.bad))
    assert not one.loses(Product.model_validate(MINIMAL | one.good)), "of the model it says the same as of its twin"
    assert one.loses(Product.model_validate(MINIMAL | one.bad))


@pytest.mark.parametrize("platform", NAMED)
def test_numbers_stand_for_one_thing(platform: Platform):
    numbers = [one.number for one in (*platform.rules, *platform.quality)]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("platform", NAMED)
def test_points_of_rules_are_those_of_warnings(platform: Platform):
    warnings = {rule.number for rule in platform.rules if rule.severity is Severity.WARNING}
    assert set(platform.rule_points) <= warnings
    assert all(0 <= points <= 50 for points in platform.rule_points.values())


@pytest.mark.parametrize(
    ("name", "code", "points"),
    [
        pytest.param("flipsnack", "flipsnack.A8", 20, id="named"),
        pytest.param("flipsnack", "flipsnack.S4", WARNING_POINTS, id="usual"),
        pytest.param("flipsnack", "magento.M8c", WARNING_POINTS, id="another platform's number does not count"),
        pytest.param("magento", "magento.M8c", 25, id="named by the other"),
        pytest.param("magento", "magento.A9", 0, id="costs nothing"),
        pytest.param("magento", "cell.lookup-missing", WARNING_POINTS, id="no platform's"),
    ],
)
def test_what_a_warning_costs(name: str, code: str, points: int):
    assert platforms()[name].warning_points(code) == points


@pytest.mark.parametrize("platform", NAMED)
def test_the_platforms_page_lists_them(platform: Platform):
    page = platform_page(platform)
    for one in platform.quality:
        assert f"### {platform.name}.{one.number} ({one.points} points)" in page
        assert one.why in page and f"`{one.test}`" in page
