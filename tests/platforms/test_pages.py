"""Every platform's page under docs/platforms is the one its rules make."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedbridge.platforms import platform_names, platforms
from feedbridge.report.platform_page import platform_page

PAGES = Path(__file__).resolve().parents[2] / "docs" / "platforms"


@pytest.mark.parametrize("name", platform_names())
def test_page_is_up_to_date(name: str):
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert page == platform_page(platforms()[name]), f"feedbridge platform show {name} > docs/platforms/{name}.md"


@pytest.mark.parametrize("name", platform_names())
def test_page_names_every_rule_and_setting(name: str):
    platform = platforms()[name]
    page = platform_page(platform)
    for rule in platform.rules:
        assert f"### {name}.{rule.number} ({rule.severity.value})" in page
    for setting in platform.settings.model_fields:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{setting}` |"))
        assert row.split("|")[3].strip(), f"{setting} is not explained"


def test_no_page_is_left_over():
    assert {path.stem for path in PAGES.glob("*.md")} == set(platform_names())
