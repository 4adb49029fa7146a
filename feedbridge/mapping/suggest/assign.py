"""Who gets what: every single-valued field at most one column, every column at most one field, the sum at its best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from feedbridge.mapping.suggest.evidence import PROPOSE, Vote, votes
from feedbridge.mapping.suggest.sample import Column

__all__ = ["Assignment", "Pick", "assign", "best_pairs"]

SINGLE = (
    "sku", "group", "title", "description", "short_description", "brand", "product_type", "gtin", "mpn", "price",
    "sale_price", "compare_at_price", "cost", "currency", "stock", "weight_grams", "length_mm", "width_mm", "height_mm",
    "quantity_min", "quantity_max", "url", "slug", "seo_title", "seo_description", "status", "locale", "tags",
)  # fmt: skip
TEXTS = ("title", "description", "short_description", "slug", "seo_title", "seo_description")
CANDIDATES = 8
"""Columns of a field that are weighed against each other."""


class Pick(NamedTuple):
    """A column for a field. ``rival``: the next best column, and its score."""

    column: Column
    vote: Vote
    rival: tuple[Column, float] | None = None


class Assignment(NamedTuple):
    """``single``: field -> pick; ``many``: images, categories, options by axis; ``locales``: texts of other languages;
    ``all_votes``: for every column what it may be, best first."""

    single: dict[str, Pick]
    images: list[Pick]
    categories: list[Pick]
    options: list[Pick]
    locales: dict[str, dict[str, Pick]]
    prices: list[Pick]
    all_votes: dict[int, list[Vote]]


def assign(columns: Sequence[Column]) -> Assignment:
    """Decide which column fills which field."""
    usable = [column for column in columns if not column.unusable]
    all_votes = {id(column): votes(column) for column in usable}
    base = base_locale(usable, all_votes)
    locales: dict[str, dict[str, Pick]] = {}
    candidates: dict[str, list[tuple[float, int, Column, Vote]]] = {}
    images: list[Pick] = []
    categories: list[Pick] = []
    options: list[Pick] = []
    for place, column in enumerate(usable):
        found = all_votes[id(column)]
        if not found:
            continue
        first = found[0]
        for one in found:
            if one.field in SINGLE and one.score >= PROPOSE:
                locale = column.parts.locale
                if one.field in TEXTS and locale and locale != base:
                    if one is first:
                        locales.setdefault(locale, {}).setdefault(one.field, Pick(column, one))
                    continue
                candidates.setdefault(one.field, []).append((one.score, -place, column, one))
        if first.score < PROPOSE:
            continue
        if first.field == "images" and (not column.parts.locale or column.parts.locale == base):
            images.append(Pick(column, first))
        elif first.field == "categories" and (not column.parts.locale or column.parts.locale == base):
            categories.append(Pick(column, first))
        elif first.field.startswith("option:"):
            options.append(Pick(column, first))
    taken = {id(pick.column) for pick in (*images, *categories, *options)}
    for field in candidates:
        candidates[field].sort(key=lambda one: one[:2], reverse=True)
    fields = list(candidates)
    pool = list(
        {
            id(one[2]): one[2] for field in fields for one in candidates[field][:CANDIDATES] if id(one[2]) not in taken
        }.values()
    )
    places = {id(column): place for place, column in enumerate(pool)}
    order = {id(column): place for place, column in enumerate(usable)}
    weights = [[0.0] * len(pool) for _ in fields]
    for row, field in enumerate(fields):
        for score, _, column, _ in candidates[field]:
            if id(column) in places:
                top = all_votes[id(column)][0]
                # a column that is something else better gives this field little, but not nothing
                worth = score - 0.5 - (0.5 * (top.score - score) if top.field != field else 0.0)
                if top.field.startswith("!") and top.score > score:
                    worth = 0.0
                weights[row][places[id(column)]] = max(0.0, worth - order[id(column)] * 1e-6)
    single: dict[str, Pick] = {}
    for row, column_place in best_pairs(weights):
        field, column = fields[row], pool[column_place]
        mine = next(one for one in candidates[field] if one[2] is column)
        single[field] = Pick(column, mine[3])
    used = {id(pick.column) for pick in single.values()}
    for field, pick in single.items():
        rivals = [one for one in candidates[field] if id(one[2]) not in used]
        if rivals:
            single[field] = pick._replace(rival=(rivals[0][2], rivals[0][0]))
    prices = []
    if "price" in single and single["price"].column.parts.currency:
        seen = {single["price"].column.parts.currency}
        for _, _, column, one in candidates["price"]:
            if id(column) not in used and column.parts.currency and column.parts.currency not in seen:
                seen.add(column.parts.currency)
                prices.append(Pick(column, one))
    return Assignment(single, images, categories, options, locales, prices, all_votes)


def base_locale(columns: Sequence[Column], all_votes: dict[int, list[Vote]]) -> str:
    """The language of the product's own texts: the first that titles come in; empty when a title comes without."""
    seen: list[str] = []
    for column in columns:
        found = all_votes[id(column)]
        if found and found[0].field == "title" and found[0].score >= PROPOSE:
            seen.append(column.parts.locale)
    if not seen:
        seen = [
            column.parts.locale
            for column in columns
            if all_votes[id(column)] and all_votes[id(column)][0].field in TEXTS
        ]
    return "" if not seen or "" in seen else seen[0]


def best_pairs(weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The pairs (row, column) with the greatest sum of weights; pairs without weight are left out.

    >>> best_pairs([[0.9, 0.8], [0.85, 0.1]])
    [(0, 1), (1, 0)]

    Source: the Hungarian method (Kuhn 1955) with potentials, rows times rows times columns.
    """
    rows = len(weights)
    if not rows or not weights[0]:
        return []
    width = len(weights[0]) + rows  # a spare column for every row that is better left alone
    cost = [[-weight for weight in row] + [0.0] * rows for row in weights]
    u, v = [0.0] * (rows + 1), [0.0] * (width + 1)
    owner, way = [0] * (width + 1), [0] * (width + 1)
    for row in range(1, rows + 1):
        owner[0] = row
        at = 0
        least = [float("inf")] * (width + 1)
        used = [False] * (width + 1)
        while True:
            used[at] = True
            here, delta, following = owner[at], float("inf"), 0
            for column in range(1, width + 1):
                if not used[column]:
                    now = cost[here - 1][column - 1] - u[here] - v[column]
                    if now < least[column]:
                        least[column], way[column] = now, at
                    if least[column] < delta:
                        delta, following = least[column], column
            for column in range(width + 1):
                if used[column]:
                    u[owner[column]] += delta
                    v[column] -= delta
                else:
                    least[column] -= delta
            at = following
            if owner[at] == 0:
                break
        while at:
            owner[at] = owner[way[at]]
            at = way[at]
    pairs = [(owner[column] - 1, column - 1) for column in range(1, len(weights[0]) + 1) if owner[column]]
    return sorted((row, column) for row, column in pairs if weights[row][column] > 0)
