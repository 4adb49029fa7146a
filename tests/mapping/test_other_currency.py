"""Prices in other currencies than the one that is asked for, rows that say one SKU twice, links that lead nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import feedbridge

TIERS = "sku,tier_price_website,tier_price_customer_group,tier_price_qty,tier_price,tier_price_value_type\n"
POT = "sku,product_type,attribute_set_code,name,price\nA,simple,D,Pot,10\n"
PRICES = "key,productType.key,name.en,variants.sku,variants.prices.value.centAmount,variants.prices.value.currencyCode\n"
SLUGS = "slug,sku,name,price,currency\n"


def files(folder: Path, *texts: str) -> list[Path]:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.csv")
        paths[-1].write_text(text, encoding="utf-8")
    return paths


@pytest.mark.parametrize(
    ("website", "currency"),
    [
        pytest.param("All Websites [USD]", "USD", id="of another currency"),
        pytest.param("All Websites [EUR]", "EUR", id="of the same"),
        pytest.param("base", "EUR", id="of none"),
    ],
)
def test_a_tier_is_in_the_currency_its_website_names(tmp_path, website, currency):
    sources = files(tmp_path, POT, f"{TIERS}A,{website},ALL GROUPS,5,9,Fixed\n")
    (product,) = feedbridge.read(sources, mapping="magento2", set={"currency": "EUR"})
    (tier,) = product.tier_prices
    assert (tier.price.currency, product.price.currency) == (currency, "EUR")


@pytest.mark.parametrize(
    ("mapping", "text", "given", "codes"),
    [
        pytest.param("commercetools", PRICES + "cap,s,Cap,C,500,USD\n", "EUR", ["cell.price-other-currency"], id="another currency"),
        pytest.param("commercetools", PRICES + "cap,s,Cap,C,500,EUR\n", "EUR", [], id="the one that is asked for"),
        pytest.param("commercetools", PRICES + "cap,s,Cap,C,500,USD\n", "", [], id="none is asked for"),
        pytest.param("spree", SLUGS + "mug,M,Mug,5,USD\nmug,M,,6,USD\n", "USD", ["mapping.sku-twice"], id="two rows for one SKU"),
        pytest.param("spree", SLUGS + "mug,M,Mug,0,USD\nmug,M,,6,USD\n", "USD", [], id="a product's own row without a price"),
        pytest.param("spree", SLUGS + "mug,M,Mug,5,USD\nmug,M-1,,6,USD\n", "USD", [], id="two SKUs"),
    ],
)  # fmt: skip
def test_one_price_is_never_taken_for_another(tmp_path, mapping, text, given, codes):
    (source,) = files(tmp_path, text)
    result = feedbridge.check(source, to="magento", mapping=mapping, set={"currency": given} if given else {})
    assert [one.code for one in result.findings if one.severity == "error"] == codes
    assert result.counts["magento"]["held_back"] == len(codes)


def entity(number: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"entityId": number, "summary": {"displayName": f"E {number}", "entityTypeId": kind}, "fieldValues": [], **more}


@pytest.mark.parametrize(
    ("link", "held"),
    [
        pytest.param({"linkTypeId": "ProductItem", "linkEntity": None}, 1, id="empty"),
        pytest.param({"linkTypeId": "ProductItem", "targetEntityId": 12}, 1, id="by its id"),
        pytest.param({"linkTypeId": "ProductItem", "linkEntity": entity(12, "Item")}, 0, id="fetched"),
        pytest.param({"linkTypeId": "ProductProduct", "targetEntityId": 12}, 0, id="to something else"),
    ],
)
def test_an_item_that_was_not_fetched_is_told(tmp_path, link, held):
    source = tmp_path / "feed.json"
    source.write_text(json.dumps([entity(10, "Product", outbound=[link])]), encoding="utf-8")
    result = feedbridge.check(source, to="magento", mapping="inriver-json", set={"currency": "EUR"})
    assert result.counts["magento"]["held_back"] == held
    assert result.finding_counts.get("mapping.variants", 0) == held


@pytest.mark.parametrize(
    ("variant", "status"),
    [
        pytest.param(["M", "71", "7", "S"], 0, id="whole"),
        pytest.param(["M", "71", "9", "S"], 1, id="of a product that is not there"),
        pytest.param(["M", "71", "7"], 1, id="cut off"),
    ],
)
def test_a_variant_that_is_not_read_is_no_success(tmp_path, variant, status):
    schema = {"products": ["STATUS", "ID", "product_name"], "product_formats": ["STATUS", "ID", "ID_products", "format_size"]}
    data = {"products": [["M", "7", "Tee"]], "product_formats": [variant]}
    source = tmp_path / "feed.json"
    source.write_text(json.dumps({"version": "1.18", "data_schema": schema, "data": data}), encoding="utf-8")
    result = feedbridge.check(source, to="magento", mapping="saleslayer-json", set={"currency": "EUR", "locale": "en"})
    assert (result.counts["magento"]["written"], result.exit_status) == (1, status)
