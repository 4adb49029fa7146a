"""What makes a product look good in a Flipsnack catalogue: the criteria of its feed score.

The page documents no lengths and no required texts (docs/platforms/flipsnack.md), so these are merchants' practice.
"""

from __future__ import annotations

from feedbridge.rules.quality import (
    PRACTICE,
    Quality,
    has_cover,
    has_description,
    has_long_description,
    has_title_in_ordinary_case,
    has_title_to_read,
)

__all__ = ["QUALITY", "RULE_POINTS"]

QUALITY: tuple[Quality, ...] = (
    has_cover("Q1", 30, why="a catalogue page shows the picture first; a product without one is an empty frame"),
    has_description("Q2", 15, why="the pop-up of a product has nothing else to read"),
    has_long_description("Q3", 5, why="a line says no more than the title does"),
    Quality(
        "Q4", "A product with variants shows some of them in a picture of their own.", ("variants",), 5,
        "p.variants and p.variants[0].image is None and not any([v.image for v in p.variants])",
        "choosing a colour changes nothing on the page", PRACTICE,
        "give the variants pictures, or map the column that holds them",
        good={"options": [{"name": "Size"}], "variants": [
            {"sku": "S", "option_values": ["S"], "image": {"src": "https://cdn.example.com/s.jpg"}}]},
        bad={"options": [{"name": "Size"}], "variants": [{"sku": "S", "option_values": ["S"]}]},
    ),
    Quality(
        "Q5", "Pictures are fetched over https.", ("images",), 3,
        "p.images and p.images[0].src[:5] == 'http:'",
        "a catalogue is an https page, on which browsers do not load pictures over plain http",
        "W3C, Mixed Content", "give the addresses with https://, if the server has it",
        good={"images": [{"src": "https://cdn.example.com/a.jpg"}]},
        bad={"images": [{"src": "http://cdn.example.com/a.jpg"}]},
    ),
    has_title_in_ordinary_case("Q6", 3, why="capitals throughout are hard to read"),
    has_title_to_read("Q7", 3, why="a long title covers the page"),
)  # fmt: skip

RULE_POINTS = {"A8": 20, "S2": 2}
"""What a warning of a rule costs where it is not the usual number: without a price nothing can be bought."""
