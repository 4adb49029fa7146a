"""Ordinary products of every preset's ordinary file take the quick path; the precise one is for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedbridge.mapping.apply import Applied
from feedbridge.run.inputs import open_inputs

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
EUR = {"currency": "EUR"}
ORDINARY = {
    "spree": (["products.csv", "translations.csv"], EUR),
    "medusa": (["version-2.csv"], {**EUR, "currencies": "USD,DKK"}),
    "medusa version 1": (["version-1.csv"], {"currency": "USD", "region": "Nordics"}),
    "vendure": (["products.csv"], {**EUR, "media": "https://shop.example/assets/"}),
    "vendure languages": (["languages.csv"], {**EUR, "locale": "en", "locales": "de"}),
    "prestashop": (["current.csv"], EUR),
    "prestashop version 1.4": (["version-1.4.csv"], EUR),
    "prestashop list": (["list.csv"], {**EUR, "decimal": "."}),
    "saleor": (["products.csv"], {"warehouse": "main"}),
    "opencart": (["products.csv"], EUR),
    "opencart workbook": (["workbook.xlsx"], EUR),
}


@pytest.mark.parametrize("case", ORDINARY)
def test_no_ordinary_product_falls_back(case):
    names, given = ORDINARY[case]
    paths = [str(FIXTURES / case.split()[0] / name) for name in names]
    ((source, mapping),) = open_inputs(paths, "auto", given, None)
    applied = Applied(mapping, source)
    groups = list(applied.anywhere())
    assert len(groups) >= 1
    fallen = [group.head[0] for group in groups if applied.ways[None].product(group)[1] is not None]
    assert fallen == []
