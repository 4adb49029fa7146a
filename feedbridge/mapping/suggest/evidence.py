"""Names and values vote: how well a column fits a field, from 0 to 1, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from feedbridge.cells.status import USUAL
from feedbridge.mapping.suggest.names import NameMatch
from feedbridge.mapping.suggest.profile import WORDS, Profile
from feedbridge.mapping.suggest.sample import Column

__all__ = ["GUESS", "NAME_WEIGHT", "PROPOSE", "SPOILT", "VALUE_WEIGHT", "Vote", "value_fit", "vote", "votes"]

NAME_WEIGHT = 0.65
"""A name that is in the vocabulary as it stands, with values that say nothing, is just enough."""
VALUE_WEIGHT = 0.35
PROPOSE = 0.6
GUESS = 0.3

Fit = tuple[float, str]
"""From -1 (impossible) over 0 (says nothing) to 1, and what the values are."""


class Vote(NamedTuple):
    """How well a column fits a field."""

    field: str
    score: float
    name: NameMatch | None
    fit: float
    values: str

    def reason(self) -> str:
        """Why, for people."""
        parts = []
        if self.name is not None:
            said = "the name is" if self.name.whole else "the name holds"
            parts.append(f'{said} "{self.name.phrase}" ({self.name.language})')
        if self.values:
            parts.append(f"the values are {self.values}" if self.fit > 0 else f"but the values are {self.values}")
        return ", ".join(parts)


def number_like(p: Profile) -> float:
    return min(1.0, p.share("numeric"))


def fit_sku(p: Profile) -> Fit:
    if p.share("url") > 0.5 or p.share("html") > 0.2 or p.average_chars > 60:
        return -1, "texts"
    if p.average_words > 3.5:
        return (0.0, "") if p.variety >= 0.999 else (-1, "texts")
    if p.share("number") > 0.5 and p.marks and sum(p.marks.values()) > 0.3 * max(1, len(p.values)):
        return -0.8, "amounts"
    if p.share("date") > 0.5 or p.share("currency") > 0.8 or p.share("yes_no") > 0.8:
        return -1, p.in_words()
    tidy = p.share("identifier")
    if p.coverage < 0.3:
        return -0.3, "mostly empty"
    if p.variety >= 0.999:
        if p.share("gtin") > 0.9 and p.filled > 3:
            return 0.3, "different, but valid GTINs"
        return (1, "short and all different") if tidy > 0.9 else (0.5, "all different")
    if p.variety > 0.9:
        return 0.6, "almost all different"
    return (
        (0.2, "codes that come again")
        if tidy > 0.8 and p.variety > 0.15
        else (-0.1, "values that come again and again")
    )


def fit_group(p: Profile) -> Fit:
    if p.share("url") > 0.5 or p.share("html") > 0.2 or p.average_chars > 80 or p.share("currency") > 0.8:
        return -1, p.in_words()
    if p.distinct <= 1 and p.filled > 2:
        return -1, "always the same"
    if p.share("lines") > 0.1 or p.share("packed") > 0.3 or p.lists or p.share("yes_no") > 0.8:
        return -1, p.in_words()
    if p.coverage < 1 and p.filled:
        return 0.6, "codes, not in every row"
    return (0.7, "codes that come again") if p.variety < 0.999 else (-0.1, "all different")


def fit_title(p: Profile) -> Fit:
    if p.share("url") > 0.3 or number_like(p) > 0.7 or p.share("date") > 0.5 or p.share("packed") > 0.5:
        return -1, p.in_words()
    if p.share("yes_no") > 0.8 or p.share("currency") > 0.8 or p.share("image") > 0.3:
        return -1, p.in_words()
    if p.share("html") > 0.3:
        return -0.7, "HTML"
    if p.average_chars > 160:
        return -0.6, "long texts"
    if p.variety < 0.1 and p.filled > 20:
        return -0.3, "values that come again and again"
    if p.average_words >= 1.8 and p.average_chars <= 90:
        return 1, "short texts"
    return 0.4, "short words"


def fit_description(p: Profile) -> Fit:
    if p.share("url") > 0.5 or number_like(p) > 0.6 or p.share("date") > 0.5 or p.share("yes_no") > 0.8:
        return -1, p.in_words()
    if p.share("html") > 0.1:
        return 1, "texts with HTML"
    if p.average_chars > 60:
        return 0.9, "long texts"
    if p.average_chars > 18:
        return 0.4, "texts"
    return -0.3, "short words"


def fit_short(p: Profile) -> Fit:
    if p.share("url") > 0.5 or number_like(p) > 0.6 or p.share("date") > 0.5 or p.share("yes_no") > 0.8:
        return -1, p.in_words()
    return (0.7, "texts") if 10 < p.average_chars < 300 else (0.1, "texts")


def fit_word(p: Profile) -> Fit:
    """Brand, product type: few words that come again."""
    if p.share("url") > 0.3 or p.share("date") > 0.5 or p.share("html") > 0.2 or p.average_chars > 60:
        return -1, p.in_words()
    if number_like(p) > 0.7 or p.share("yes_no") > 0.8:
        return -1, "numbers" if number_like(p) > 0.7 else "yes/no words"
    if p.variety < 0.7:
        return 0.8, "words that come again"
    return 0.4, "words"


SPOILT = "numbers a spreadsheet has spoilt"


def fit_gtin(p: Profile) -> Fit:
    if p.share("gtin") >= 0.9:
        return 1, "GTINs with the right check digit"
    if p.share("gtin") >= 0.4:
        return 0.6, "mostly GTINs with the right check digit"
    if p.share("gtin_length") >= 0.6:
        return 0.0, "as long as GTINs, but the check digits are wrong"
    if p.share("gtin_float") + p.share("gtin_short") >= 0.5:
        return (-1 if p.share("gtin_float") > 0.1 else 0.1), SPOILT
    if p.share("isbn10") >= 0.5:
        return -0.8, "old ISBNs of ten digits"
    return -1, p.in_words()


def fit_mpn(p: Profile) -> Fit:
    if p.share("url") > 0.3 or p.average_words > 3 or p.share("date") > 0.5:
        return -1, p.in_words()
    return (0.7, "codes") if p.share("identifier") > 0.7 else (0.1, "short texts")


def fit_price(p: Profile) -> Fit:
    amount, number = p.share("amount"), p.share("numeric")
    if number < 0.6:
        return -1, p.in_words()
    if p.share("percent") > 0.3 or p.share("weight") > 0.3 or p.share("date") > 0.3:
        return -1, p.in_words()
    if p.share("gtin_length") > 0.6 or p.largest > 50_000_000 or p.share("leading_zero") > 0.3:
        return -0.8, "long numbers"
    if p.words and set(p.words) <= {"0", "1"} and p.filled > 3:
        return -0.8, "0 and 1"
    if p.share("negative") > 0.2:
        return -0.6, "partly negative"
    if p.share("decimals_many") > 0.3:
        return 0.1, "numbers with many decimals"
    if p.share("amount_signed") > 0.5:
        return 1, "amounts with a currency"
    if amount >= 0.6 and (p.share("decimals2") > 0.1):
        return 1, "amounts"
    return 0.5, "whole numbers" if p.share("integer") > 0.5 else "numbers"


def fit_currency(p: Profile) -> Fit:
    return (1, "currency codes") if p.share("currency") >= 0.95 else (-1, p.in_words())


def fit_stock(p: Profile) -> Fit:
    if p.share("stock_word") > 0.2 or (p.share("yes_no") > 0.9 and not p.share("integer")) or p.share("number") < 0.9:
        return -1, p.in_words()
    if p.words and set(p.words) <= {"0", "1"} and p.filled > 5:
        return -0.2, "0 and 1"
    if p.share("integer") > 0.8:
        return 0.9, "whole numbers"
    return 0.2, "numbers"


def fit_weight(p: Profile) -> Fit:
    if p.share("weight") > 0.5:
        return 1, "weights with a unit"
    if p.share("number") >= 0.9:
        return 0.7, "numbers"
    return -1, p.in_words()


def fit_length(p: Profile) -> Fit:
    if p.share("length") > 0.5:
        return 1, "lengths with a unit"
    if p.share("number") >= 0.9:
        return 0.5, "numbers"
    return -1, p.in_words()


def fit_quantity(p: Profile) -> Fit:
    return (0.8, "whole numbers") if p.share("integer") > 0.9 and not p.share("negative") else (-1, p.in_words())


def fit_images(p: Profile) -> Fit:
    if p.share("image_suffix") > 0.6:
        return 1, "addresses of pictures" if p.share("url") > 0.5 else "names of picture files"
    if p.share("image") > 0.6:
        return 0.8, "addresses of pictures"
    if p.share("url") > 0.6:
        return 0.5, "addresses"
    if p.share("path_absolute") > 0.6:
        return 0.3, "paths"
    return -1, p.in_words()


def fit_url(p: Profile) -> Fit:
    if p.share("image_suffix") > 0.5:
        return -0.9, "addresses of pictures"
    if p.share("url") > 0.9:
        return 1, "addresses"
    return -1, p.in_words()


def fit_slug(p: Profile) -> Fit:
    if p.share("url") > 0.1 or p.share("spaced") > 0.2:
        return -1, p.in_words()
    return (0.9, "slugs") if p.share("slug") > 0.5 else (0.2, "words")


def fit_categories(p: Profile) -> Fit:
    if p.share("url") > 0.3 or number_like(p) > 0.5 or p.average_chars > 200 or p.share("yes_no") > 0.8:
        return -1, p.in_words()
    if p.share("path") > 0.5 and p.separator in {" > ", ">", " -> ", "->", " » ", " / ", "::"}:
        return 1, f'paths with "{p.separator.strip()}"'
    if p.variety < 0.8:
        return 0.8, "words that come again"
    return 0.3, "words"


def fit_tags(p: Profile) -> Fit:
    if number_like(p) > 0.5 or p.share("url") > 0.3:
        return -1, p.in_words()
    return (0.9, "lists of words") if p.share("list") or p.lists else (0.3, "words")


def fit_status(p: Profile) -> Fit:
    if not p.words:
        return -1, p.in_words()
    known = [word in USUAL or word in WORDS for word in p.words]
    if all(known):
        return 0.8, "status words"
    return -1, "words that are no status known here: " + ", ".join(p.words[:4])


def fit_text(p: Profile) -> Fit:
    if number_like(p) > 0.7 or p.share("url") > 0.5:
        return -1, p.in_words()
    return 0.6, "texts"


def fit_locale(p: Profile) -> Fit:
    return (0.9, "languages") if p.share("locale") > 0.9 and p.average_chars <= 5 else (-1, p.in_words())


def fit_option(p: Profile) -> Fit:
    if p.share("url") > 0.2 or p.average_chars > 40 or p.share("html") > 0.2 or p.share("date") > 0.5:
        return -1, p.in_words()
    return (0.8, "short words that come again") if p.variety < 0.9 else (0.4, "short words")


FITS: dict[str, Callable[[Profile], Fit]] = {
    "sku": fit_sku, "group": fit_group, "title": fit_title, "description": fit_description,
    "short_description": fit_short, "brand": fit_word, "product_type": fit_word, "gtin": fit_gtin, "mpn": fit_mpn,
    "price": fit_price, "sale_price": fit_price, "compare_at_price": fit_price, "cost": fit_price,
    "currency": fit_currency, "stock": fit_stock, "weight_grams": fit_weight, "length_mm": fit_length,
    "width_mm": fit_length, "height_mm": fit_length, "quantity_min": fit_quantity, "quantity_max": fit_quantity,
    "images": fit_images, "url": fit_url, "slug": fit_slug, "categories": fit_categories, "tags": fit_tags,
    "status": fit_status, "seo_title": fit_text, "seo_description": fit_text, "locale": fit_locale,
}  # fmt: skip

VALUES_ALONE = {"gtin": 0.72, "images": 0.7, "currency": 0.55, "url": 0.5, "description": 0.45, "categories": 0.45}
"""What values say without any name: enough to propose GTINs and pictures, a guess for the rest."""


def value_fit(field: str, profile: Profile) -> Fit:
    if not profile.filled:
        return 0.0, ""
    if field.startswith("option:"):
        return fit_option(profile)
    return FITS[field](profile) if field in FITS else (0.0, "")


def vote(column: Column, field: str) -> Vote:
    """How well a column fits a field."""
    name = next((match for match in column.meanings if match.field == field), None)
    fit, said = value_fit(field, column.profile)
    if name is None or name.strength < 0.12:
        alone = VALUES_ALONE.get(field, 0.0)
        spoken_for = any(match.strength > 0.8 for match in column.meanings)
        if alone and fit >= 0.8 and not spoken_for and surely(field, column.profile):
            return Vote(field, alone, None, fit, said)
        return Vote(field, 0.0, None, fit, said)
    score = NAME_WEIGHT * name.strength + VALUE_WEIGHT * fit
    if not column.profile.filled:
        score = NAME_WEIGHT * name.strength * (0.8 if column.profile.rows else 1)
    return Vote(field, round(max(0.0, min(1.0, score)), 4), name, fit, said)


def surely(field: str, p: Profile) -> bool:
    """Values that cannot be much else."""
    if field == "gtin":
        return (
            p.share("gtin") >= 0.98 and p.distinct >= 5 and p.variety > 0.8 and all(len(v) >= 12 for v in p.values[:20])
        )
    if field == "images":
        return p.share("image_suffix") >= 0.9 and p.share("url") >= 0.9
    if field == "categories":
        return p.share("path") > 0.5 and p.variety < 0.8
    return p.filled >= 3


def votes(column: Column) -> list[Vote]:
    """All that a column may be, best first; things that are no field included, so that they can win."""
    found = [vote(column, field) for field in FITS]
    for match in column.meanings:
        if match.field.startswith("!"):
            found.append(Vote(match.field, round(NAME_WEIGHT * match.strength + 0.15, 4), match, 0.0, ""))
        elif match.field.startswith("option:"):
            found.append(vote(column, match.field))
    found = [one for one in found if one.score > 0.05]
    found.sort(key=lambda one: (-one.score, one.field))
    return found
