"""What several texts have in common: the name of a product whose records only name its variants."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["common_words"]

ENDS = " \t\n-–—|/\\,;:·•+&("
PAIRS = {")": "(", "]": "["}
INNER = re.compile(r"\w")


def common_words(texts: Sequence[str]) -> str:
    """The words that all texts have, in the order they have them; the first text where that is no word.

    >>> common_words(["Cotton Tee - Red / S", "Cotton Tee - Red / M", "Cotton Tee - Blue / S"])
    'Cotton Tee'
    >>> common_words(["Red Tee (organic, S)", "Blue Tee (organic, M)"])
    'Tee (organic)'
    """
    first = texts[0]
    words = first.split()
    for text in dict.fromkeys(texts[1:]):
        if text != first and words:
            words = shared(words, text.split())
    if words == first.split():
        return first
    return tidy(words) or first


def shared(one: list[str], other: list[str]) -> list[str]:
    """The longest sequence of words that stand in both, in this order; commas and case do not count."""
    a = [plain(word) for word in one]
    b = [plain(word) for word in other]
    longest = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            longest[i][j] = longest[i + 1][j + 1] + 1 if a[i] == b[j] else max(longest[i + 1][j], longest[i][j + 1])
    found: list[str] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            found.append(one[i] if one[i] == other[j] else one[i].rstrip(",;:"))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def plain(word: str) -> str:
    return word.rstrip(",;:").casefold() or word


def tidy(words: list[str]) -> str:
    """Without signs that joined what is gone: dashes at the ends or beside each other, brackets without their other."""
    kept: list[str] = []
    for word in words:
        if not INNER.search(word) and (not kept or not INNER.search(kept[-1])):
            continue
        kept.append(word)
    text = " ".join(kept).strip(ENDS)
    for close, open_ in PAIRS.items():
        if text.count(open_) > text.count(close):
            inside = text.rpartition(open_)[2].strip(ENDS)
            text = f"{text.rstrip(ENDS)}{close}" if INNER.search(inside) else text.rpartition(open_)[0].rstrip(ENDS)
        elif text.count(close) > text.count(open_):
            text = text.replace(close, "", 1)
    return text.strip(ENDS) if INNER.search(text) else ""
