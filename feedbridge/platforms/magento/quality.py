"""What makes a product of a Magento-style request complete: the criteria of its feed score.

Descriptions, weights, brands and GTINs have no place in the request (docs/platforms/magento.md), so nothing here asks
for them.
"""

from __future__ import annotations

from feedbridge.rules.quality import (
    PRACTICE,
    Quality,
    has_cover,
    has_several_pictures,
    has_title_in_ordinary_case,
    has_title_to_read,
)

__all__ = ["QUALITY", "RULE_POINTS"]

QUALITY: tuple[Quality, ...] = (
    has_cover("Q1", 25, why="the store shows a placeholder in lists, carts and mails"),
    has_several_pictures("Q2", 5, why="a gallery with one picture shows one side only"),
    Quality(
        "Q3", "A product belongs to a category.", ("categories", "category_ids"), 20,
        "not p.categories and not p.category_ids.get('magento')",
        "a product without a category is found by searching only", PRACTICE,
        "map the column that holds the category, and a lookup table to the store's ids",
        good={"category_ids": {"magento": ["310"]}}, bad={"categories": [], "category_ids": {}},
    ),
    has_title_in_ordinary_case("Q4", 3, why="capitals throughout are hard to read"),
    has_title_to_read("Q5", 3, why="the store cuts long names in its lists"),
    Quality(
        "Q6", "Variants have different names.", ("title", "variants", "variants.title", "options"), 5,
        "len(p.variants) > 1 and not p.options and len({v.title for v in p.variants}) < len(p.variants)",
        "each variant is a product of its own: two of one name cannot be told apart", PRACTICE,
        "map the options, or the column that names the variant",
        good={"options": [{"name": "Size"}],
              "variants": [{"sku": "S", "option_values": ["S"]}, {"sku": "M", "option_values": ["M"]}]},
        bad={"variants": [{"sku": "S"}, {"sku": "M"}]},
    ),
)  # fmt: skip

RULE_POINTS = {"M8c": 25, "M12c": 10, "A9": 0, "M17": 0}
"""What a warning of a rule costs where it is not the usual number. A9 is how this platform is written to, no fault."""
