"""What a column's values look like: shares of prices, GTINs, addresses, dates …, taken from its distinct values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from feedbridge.cells.boolean import FALSE, TRUE
from feedbridge.cells.currency import CURRENCIES, signed_currencies
from feedbridge.cells.decimals import AMBIGUOUS, PLAIN, number_in, shape_of
from feedbridge.cells.length import Length
from feedbridge.cells.status import USUAL
from feedbridge.cells.weight import Weight

__all__ = ["Profile", "profile_of", "text_of"]

URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
IMAGE = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|bmp|tiff?|avif)(?:[?#]\S*)?$", re.IGNORECASE)
IMAGE_PATH = re.compile(r"/(?:images?|img|media|photos?|pictures?|cdn|bilder|assets/products?)[/.]", re.IGNORECASE)
HTML = re.compile(
    r"</?(?:p|br|ul|ol|li|div|span|b|i|strong|em|h[1-6]|table|a|img)\b[^>]*>|&(?:nbsp|amp|lt|gt|quot);", re.IGNORECASE
)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d\S*)?")
OTHER_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?: \d\d:\d\d\S*)?")
IDENTIFIER = re.compile(r"[A-Za-z0-9][\w.\-/#+:]{0,63}")
GTIN = re.compile(r"(?:\d{8}|\d{12,14})")
ISBN10 = re.compile(r"\d{9}[\dXx]")
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
LOCALE = re.compile(r"[a-z]{2}(?:[_-][A-Za-z]{2})?")
PERCENT = re.compile(r"\d+(?:[.,]\d+)?\s*%")
SIZE = re.compile(r"(?:x{0,4}[sl]|m|\d{1,3}(?:[.,/]\d{1,2})?|one size|\d*x[ls])", re.IGNORECASE)
STOCK_WORDS = frozenset(
    "in stock|out of stock|instock|outofstock|preorder|backorder|available|unavailable|lieferbar|nicht lieferbar|auf lager|"
    "ausverkauft|en stock|épuisé|rupture|disponible|agotado|disponibile|esaurito|op voorraad|uitverkocht|dostępny|"
    "niedostępny|i lager|slutsåld|skladem|vyprodáno|onbackorder|in_stock|out_of_stock|sofort lieferbar".split("|")
)
PATHS = (" -> ", "->", " > ", ">", " / ", " » ", "/", " | ", "|", "\\", "::", " - ")
LISTS = ("|", ";", ",", "\n")
WORDS = {**dict.fromkeys(map(str.casefold, TRUE), True), **dict.fromkeys(map(str.casefold, FALSE), False)}


@dataclass(slots=True)
class Profile:
    """Shares (0 to 1) are of the distinct values that were looked at."""

    rows: int = 0
    filled: int = 0
    distinct: int = 0
    samples: list[str] = field(default_factory=list)
    """A few distinct values, as they stand in the file."""
    values: list[str] = field(default_factory=list)
    lists: int = 0
    """How many values are JSON lists."""
    numbers_json: int = 0
    """How many values are JSON numbers."""
    average_chars: float = 0
    longest: int = 0
    average_words: float = 0
    shares: dict[str, float] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)
    """Currency words beside amounts."""
    units: Counter[str] = field(default_factory=Counter)
    separator: str = ""
    """What seems to stand between the steps of a category path."""
    list_separator: str = ""
    words: tuple[str, ...] = ()
    """All distinct values, folded, when they are few."""
    largest: float = 0.0

    @property
    def coverage(self) -> float:
        return self.filled / self.rows if self.rows else 0.0

    @property
    def variety(self) -> float:
        """Distinct values per filled one: 1 is unique."""
        return self.distinct / self.filled if self.filled else 0.0

    def share(self, name: str) -> float:
        return self.shares.get(name, 0.0)

    def in_words(self) -> str:
        """The profile in a few words, for people."""
        if not self.filled:
            return "empty"
        kinds = [(self.share(key), word) for key, word in KINDS if self.share(key) >= 0.5]
        said = [word for _, word in sorted(kinds, key=lambda kind: -kind[0])[:2]]
        if self.lists:
            said.append("lists")
        if not said:
            said = ["short texts" if self.average_chars < 40 else "long texts"]
        if self.filled > 1:
            said.append("all different" if self.distinct == self.filled else "always the same" if self.distinct == 1
                        else f"{self.distinct} different values")  # fmt: skip
        return ", ".join(said)


KINDS = (
    ("gtin", "valid GTINs"), ("image", "pictures"), ("url", "addresses"), ("currency", "currency codes"), ("html", "HTML"),
    ("date", "dates"), ("yes_no", "yes/no words"), ("stock_word", "stock words"), ("weight", "weights with a unit"),
    ("length", "lengths with a unit"), ("amount", "amounts"), ("integer", "whole numbers"), ("number", "numbers"),
    ("path", "category paths"), ("status", "status words"), ("slug", "slugs"),
)  # fmt: skip


def text_of(raw: Any) -> str:
    """A raw value as text; empty for none."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw.strip()
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, list | dict):
        return ""
    return str(raw)


def check_digit(digits: str) -> bool:
    """Source: GS1 General Specifications, "Standard check digit calculations"."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits[:-1])))
    return (10 - total % 10) % 10 == int(digits[-1])


def profile_of(values: Sequence[Any], most: int = 400) -> Profile:
    """The profile of a column. ``most``: distinct values that are looked at closely."""
    profile = Profile(rows=len(values))
    texts: list[str] = []
    counts: dict[str, int] = {}
    for raw in values:
        if isinstance(raw, list):
            items = [
                text for item in raw
                if (text := " > ".join(map(text_of, item)) if isinstance(item, list) else text_of(item))
            ]  # fmt: skip
            if items:
                profile.lists += 1
                profile.filled += 1
                counts.update((item, counts.get(item, 0) + 1) for item in items)
            continue
        text = text_of(raw)
        if not text:
            continue
        profile.filled += 1
        if not isinstance(raw, str) and not isinstance(raw, bool):
            profile.numbers_json += 1
        counts[text] = counts.get(text, 0) + 1
    profile.distinct = len(counts)
    if not counts:
        return profile
    texts = list(counts)
    step = max(1, len(texts) // most)
    looked = texts[::step][:most]
    profile.samples = texts[:3] if len(texts) <= 3 else [texts[0], texts[len(texts) // 2], texts[-1]]
    profile.values = looked
    profile.longest = max(map(len, looked))
    profile.average_chars = sum(map(len, looked)) / len(looked)
    profile.average_words = sum(len(text.split()) for text in looked) / len(looked)
    if len(texts) <= 12:
        profile.words = tuple(text.casefold() for text in texts)
    hits: Counter[str] = Counter()
    for text in looked:
        _look(text, hits, profile)
    total = len(looked)
    profile.shares = {name: count / total for name, count in hits.items()}
    _separators(looked, profile)
    return profile


def _look(text: str, hits: Counter[str], profile: Profile) -> None:
    low = text.casefold()
    if len(text) <= 40 and any(sign.isdigit() for sign in text):
        before, number, after = number_in(text)
        shape = shape_of(number) if number else ""
        bare = shape and not before and not after
        if bare:
            hits["number"] += 1
            if shape == PLAIN:
                hits["integer"] += 1
                if len(number) <= 15:
                    profile.largest = max(profile.largest, float(re.sub(r"[^\d]", "", number) or 0))
                if len(number) > 1 and number.startswith("0"):
                    hits["leading_zero"] += 1
            else:
                profile.marks[shape] += 1
                if shape != AMBIGUOUS:
                    decimals = len(number) - max(number.rfind("."), number.rfind(",")) - 1
                    hits["decimals2"] += decimals <= 2
                    hits["decimals_many"] += decimals > 4
            if number.startswith("-"):
                hits["negative"] += 1
            if re.fullmatch(r"0+(?:[.,]0+)?", number):
                hits["zero"] += 1
            if text in {"0", "1"}:
                hits["bit"] += 1
        elif shape:
            words = [word for word in (before, after) if word]
            meant = [signed_currencies(word) for word in words]
            if all(meant):
                hits["amount_signed"] += 1
                if shape != PLAIN:
                    profile.marks[shape] += 1
                for word, codes in zip(words, meant, strict=True):
                    profile.currencies[codes[0] if len(codes) == 1 else word] += 1
            elif not before and (unit := Weight.words.get(after.removesuffix(".").casefold())):
                hits["weight"] += 1
                profile.units[unit] += 1
                if shape != PLAIN:
                    profile.marks[shape] += 1
            elif not before and (unit := Length.words.get(after.removesuffix(".").casefold())):
                hits["length"] += 1
                profile.units[unit] += 1
                if shape != PLAIN:
                    profile.marks[shape] += 1
        if PERCENT.fullmatch(text):
            hits["percent"] += 1
        digits = text.replace(" ", "").replace("-", "")
        if digits.isascii() and digits.isdigit() and GTIN.fullmatch(digits):
            hits["gtin_length"] += 1
            if check_digit(digits) and int(digits):
                hits["gtin"] += 1
        elif ISBN10.fullmatch(digits):
            hits["isbn10"] += 1
        elif digits.isdigit() and 9 <= len(digits) <= 11:
            hits["gtin_short"] += 1
        elif re.fullmatch(r"\d[.,]\d+E\+?(?:0?[89]|1[0-3])", text, re.IGNORECASE) or re.fullmatch(r"\d{8,14}[.,]0", text):
            hits["gtin_float"] += 1
        if ISO_DATE.fullmatch(text) or OTHER_DATE.fullmatch(text):
            hits["date"] += 1
    if URL.match(text):
        hits["url"] += 1
        if IMAGE.search(text) or IMAGE_PATH.search(text):
            hits["image"] += 1
        if IMAGE.search(text):
            hits["image_suffix"] += 1
    elif IMAGE.search(text.split(",")[0].split("|")[0].split(";")[0].strip()):
        hits["image"] += 1
        hits["image_suffix"] += 1
        hits["image_path"] += 1
    elif text.startswith("/") and " " not in text:
        hits["path_absolute"] += 1
    if len(text) == 3 and text.upper() in CURRENCIES:
        hits["currency"] += 1
    if "<" in text or "&" in text:
        hits["html"] += bool(HTML.search(text))
    if low in WORDS:
        hits["yes_no"] += 1
    if low in USUAL:
        hits["status"] += 1
    if low in STOCK_WORDS:
        hits["stock_word"] += 1
    if IDENTIFIER.fullmatch(text):
        hits["identifier"] += 1
        if any(sign.isdigit() for sign in text):
            hits["code"] += 1
    if any(sign.isalpha() for sign in text):
        hits["letters"] += 1
    if SLUG.fullmatch(text):
        hits["slug"] += 1
    if LOCALE.fullmatch(text) and len(text) in (2, 5):
        hits["locale"] += 1
    if SIZE.fullmatch(text):
        hits["size"] += 1
    if " " in text and len(text) > 2:
        hits["spaced"] += 1
    if text[:1] in "[{" and text[-1:] in "]}":
        hits["packed"] += 1
    if "\n" in text:
        hits["lines"] += 1


def _separators(looked: Sequence[str], profile: Profile) -> None:
    shares = profile.shares
    amounts = shares.get("amount_signed", 0.0) + (
        shares.get("number", 0.0) if shares.get("decimals2") or shares.get("amount_signed") else 0.0
    )
    shares["amount"] = min(1.0, amounts)
    shares["numeric"] = min(1.0, shares.get("number", 0.0) + shares.get("amount_signed", 0.0))
    total = len(looked)
    if shares.get("url", 0) + shares.get("html", 0) < 0.3 and shares["numeric"] < 0.5 and shares.get("date", 0) < 0.5:
        for separator in PATHS:
            if separator in {" - ", "/", "|"} and profile.average_chars > 120:
                continue
            holding = sum(separator in text.strip(separator) for text in looked)
            if holding >= max(1, 0.3 * total):
                steps = [step.strip() for text in looked for step in text.split(separator)]
                if steps and sum(len(step) > 40 or not step for step in steps) <= 0.1 * len(steps):
                    profile.separator = separator
                    shares["path"] = holding / total
                    break
    for separator in LISTS:
        holding = sum(separator in text.strip(separator + " ") for text in looked)
        if holding >= max(1, 0.15 * total):
            parts = [part.strip() for text in looked for part in text.split(separator) if part.strip()]
            if parts and sum(map(len, parts)) / len(parts) < (
                200 if shares.get("url", 0) or shares.get("image", 0) else 30
            ):
                profile.list_separator = separator
                shares["list"] = holding / total
                break
