"""Real files of other people: the proposal converts as it stands, with no more than what ``--set`` gives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import feedbridge.api

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = Path(os.environ.get("FEEDBRIDGE_SAMPLES", ROOT.parent / "shared" / "samples"))

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not here")


@pytest.mark.parametrize(
    ("file", "read", "held", "status"),
    [
        pytest.param("generic-csv/goodbooks_books_sample.csv", 99, 0, 0, id="books"),
        pytest.param("generic-csv/openrefine/food.csv.gz", 1000, 0, 0, id="foods, abbreviated names"),
        pytest.param(
            "other-platforms/adventureworks/Product.csv", 504, 0, 1, id="no header: SKU and title are guesses"
        ),
        pytest.param("other-platforms/bagisto/products.csv", 26, 0, 0, id="Bagisto"),
        pytest.param("other-platforms/medusa/exported-products-comma.csv", 2, 0, 0, id="Medusa, variants by handle"),
        pytest.param("other-platforms/prestashop-1.4/products_import.csv", 2, 0, 0, id="PrestaShop"),
        pytest.param("other-platforms/unopim/product-variants.csv", 3, 0, 0, id="UnoPim, variants by parent"),
        pytest.param(
            "magento/sample-data/CatalogSampleData/fixtures/SimpleProduct/products_gear_bags.csv", 14, 0, 0, id="bags"
        ),
        pytest.param("pim-json/google-retail/products.json", 316, 0, 0, id="nested JSON lines"),
        pytest.param("pim-json/tate/artworks_a.jsonl.gz", 1000, 0, 0, id="deeply nested JSON"),
        pytest.param("pim-json/pc-parts/csv/cpu.csv", 1000, 189, 1, id="nothing unique: names twice are held back"),
        pytest.param("shopify/gatsby-demo/products.csv", 99, 1, 0, id="variants by handle; one SKU twice in the file"),
        pytest.param("woocommerce/gen-wooexcel/wc-product-export.csv", 2, 0, 0, id="variants name their parent"),
    ],
)
def test_the_proposal_converts(file, read, held, status):
    draft = feedbridge.api.suggest(str(SAMPLES / file))
    assert draft.exit_status == status
    said = "\n".join(draft.checked)
    assert f"flipsnack: {read} read, {read - held} would be written" in said
    assert f"magento: {read} read, {read - held} would be written" in said
