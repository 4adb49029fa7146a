"""Number formats of Excel: what a person sees beside a number, and the zeros in front of it (ECMA-376, 18.8.31)."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

__all__ = ["Format", "format_of"]

_CURRENCIES = frozenset(
    "EUR USD GBP CHF JPY CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY CNY INR BRL MXN ZAR zł Kč kr kr. Fr. Ft US$".split()
)
"""Words in quotes that are a currency's; signs such as € are known by themselves, and ``[$…]`` always names one."""
_TOKEN = re.compile(
    r"""(?P<sign>\[\$(?P<of>[^\]-]*)[^\]]*\]) | (?P<colour>\[[A-Za-z]+\ ?[0-9]{0,2}\]) | (?P<condition>\[[^\]]*\])
    | "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | (?P<blank>_.|\*.) | (?P<end>;) | (?P<digits>[0\#]+) | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_MOST_ZEROS = 50


class Format(NamedTuple):
    """How numbers of a style are shown.

    ``pieces``    of an identifier: literal texts and placeholders (``0`` and ``#``) in turn, the first a literal; else ()
    ``currency``  its sign or code as it stands in the format
    ``percent``   a hundred times the number is shown
    ``ignored``   it shows zeros or words that are not taken over
    """

    pieces: tuple[str, ...] = ()
    currency: str = ""
    percent: bool = False
    ignored: bool = False

    def identifier(self, whole: str) -> str:
        """A whole number's digits in their places: zeros in front, words and strokes where the format has them."""
        sign, digits = whole[: whole.startswith("-")], whole.lstrip("-")
        places = [len(piece) for piece in self.pieces[1::2]]
        digits = digits.zfill("".join(self.pieces[1::2]).count("0"))
        shown = ""
        for number in range(len(places) - 1, -1, -1):
            cut = max(0, len(digits) - places[number]) if number else 0
            shown = digits[cut:] + self.pieces[2 * number + 2] + shown
            digits = digits[:cut]
        return sign + self.pieces[0] + shown


def format_of(code: str) -> Format:
    """
    What a format's first section, the one of positive numbers, shows.

    >>> format_of('"A-"0000').identifier("42"), format_of("00000-000;-0").identifier("12345")
    ('A-0042', '00012-345')
    >>> format_of("#,##0.00 [$€-407]").currency, format_of("0.0%").percent, format_of('0" kg"').ignored
    ('€', True, True)
    """
    pieces, currency, words = [""], "", ""
    percent = plain = False
    odd = ""

    def put(literal: str) -> None:
        if len(pieces) % 2:
            pieces[-1] += literal
        else:
            pieces.append(literal)

    for token in _TOKEN.finditer(code):
        kind, text = token.lastgroup, token[0]
        if kind == "end":
            break
        if kind == "digits":
            plain = True
            if len(pieces) % 2:
                pieces.append(text)
            else:
                pieces[-1] += text
            continue
        if token["sign"] is not None:
            currency = currency or token["of"].strip()
        elif kind == "condition":
            odd += text
        elif kind in ("quoted", "escaped"):
            literal = token["quoted"] if kind == "quoted" else token["escaped"]
            if literal.strip() in _CURRENCIES or (literal.strip() and _is_sign(literal.strip())):
                currency = currency or literal.strip()
            else:
                words += literal
                put(literal)
        elif kind == "other":
            if text == "%":
                percent = True
            elif _is_sign(text):
                currency = currency or text
            elif text in "-+():/ ":
                put(text)
            else:
                odd += text
    if len(pieces) % 2 == 0:
        pieces.append("")
    holders = "".join(pieces[1::2])
    named = any(map(str.isalnum, words))
    if percent or currency or not plain:
        return Format(currency=currency, percent=percent)
    is_code = (
        holders.count("0") > 1 or any(map(str.isalnum, pieces[0])) or (len(pieces) > 3 and bool(pieces[2].strip()))
    )
    if not odd and is_code and len(holders) <= _MOST_ZEROS:
        return Format(pieces=tuple(pieces))
    return Format(
        ignored=named or bool(re.match(r"[^.]*00", re.sub(r"#,##0+|\.0+|[eE][+-]0+", "", code.partition(";")[0])))
    )


def _is_sign(text: str) -> bool:
    return all(unicodedata.category(letter) == "Sc" for letter in text)
