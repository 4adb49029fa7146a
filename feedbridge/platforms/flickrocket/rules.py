"""The rules of FlickRocket's batch upload, in the order of their documentation.

K rules are documented, A rules are our choices where nothing is said, S rules follow from our own feed.
"""

from __future__ import annotations

from feedbridge.platforms.flickrocket.choices import (
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    A7,
    A8,
    A20,
    A21,
    S1,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
    S11,
)
from feedbridge.platforms.flickrocket.documented import (
    K1,
    K2,
    K3,
    K4,
    K5,
    K6,
    K7,
    K8,
    K9,
    K10,
    K11,
    K12,
    K13,
    K14,
    K15,
    K16,
    K17,
    K18,
    K19,
    K20,
)
from feedbridge.rules import Rule

__all__ = ["CHECKED", "RULES"]

CHECKED: tuple[Rule, ...] = (S1, K7, K5, K6, K9, K12, K13, K15, K16, K18, K19, A1, A3, A8, S3, S6, S7, S10, S11)
"""Rules that look at a candidate alone. K2, K4 and S2 are asked elsewhere, each at its place."""

RULES: tuple[Rule, ...] = (
    K1,
    K2,
    K3,
    K4,
    K5,
    K6,
    K7,
    K8,
    K9,
    K10,
    K11,
    K12,
    K13,
    K14,
    K15,
    K16,
    K17,
    K18,
    K19,
    K20,
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    A7,
    A8,
    A20,
    A21,
    S1,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
    S11,
)
