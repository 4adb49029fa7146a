"""What makes a digital product sell on FlickRocket: the criteria of its feed score."""

from __future__ import annotations

from feedbridge.rules.quality import (
    Quality,
    has_cover,
    has_description,
    has_long_description,
    has_several_pictures,
    has_title_in_ordinary_case,
)

__all__ = ["QUALITY", "RULE_POINTS"]

BATCH = "developer.flickrocket.com/en/batch-upload/"

QUALITY: tuple[Quality, ...] = (
    has_cover(
        "Q1", 25, why="the shop shows the cover of each language (product_picture)", source=BATCH, variants=False
    ),
    has_description("Q2", 15, why="the description of each language is all a buyer can read before", source=BATCH),
    has_long_description("Q3", 5, why="a line says no more than the title does"),
    Quality(
        "Q4", "A product comes with a preview.", ("content",), 10,
        "not any([c.role == 'preview' for c in p.content])",
        "digital goods cannot be looked into before: the batch file has a place for a preview or trailer", BATCH,
        "give the preview's file, or map the column that holds it",
        good={"content": [{"src": "book.pdf"}, {"src": "sample.pdf", "role": "preview"}]},
        bad={"content": [{"src": "book.pdf"}]},
    ),
    Quality(
        "Q5", "A product belongs to a category of the shop.", ("category_ids",), 10,
        "not p.category_ids.get('flickrocket')",
        "a product without a category is found by searching only", BATCH,
        "map category_ids.flickrocket, with a lookup table to the numbers of the admin interface",
        good={"category_ids": {"flickrocket": ["4"]}}, bad={"category_ids": {}},
    ),
    has_several_pictures("Q6", 5, why="the product's page has a place for further pictures", source=BATCH),
    has_title_in_ordinary_case("Q7", 3, why="capitals throughout are hard to read"),
)  # fmt: skip

RULE_POINTS = {"K12": 25, "S9": 0}
"""What a warning of a rule costs where it is not the usual number: without a licence with a price nothing goes live."""
