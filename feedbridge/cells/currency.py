"""Currencies: ISO 4217 codes, their decimals, and the signs people write for them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["CURRENCIES", "Currency", "CurrencyCode", "minor_digits", "signed_currencies"]

_ACTIVE = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES: frozenset[str] = frozenset(_ACTIVE.split())
"""Active codes of ISO 4217 (list one), without metals, test and accounting units."""

_MINOR_DIGITS = """
0 BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
3 BHD IQD JOD KWD LYD OMR TND
4 CLF UYW
"""
_MINOR = {code: int(line[0]) for line in _MINOR_DIGITS.strip().splitlines() for code in line[2:].split()}

_SIGNS = """
EUR: € euro euros
GBP: £
INR: ₹
PLN: zł zl
CZK: kč
HUF: ft
RUB: ₽
UAH: ₴ грн грн.
TRY: ₺ tl
ILS: ₪
THB: ฿
VND: ₫ đ
PHP: ₱
NGN: ₦
GHS: ₵
CRC: ₡
PYG: ₲
KZT: ₸
GEL: ₾
AZN: ₼
AMD: ֏
BDT: ৳ tk
IDR: rp rp.
MYR: rm
CNY: rmb
JPY: 円
PEN: s/ s/.
BGN: лв лв.
RSD: din din.
ZAR: r
CHF: fr fr. sfr sfr.
BRL: r$
USD: us$ u$s
CAD: ca$ c$
AUD: au$ a$
NZD: nz$
HKD: hk$
SGD: s$
TWD: nt$
MXN: mx$
JPY CNY: ¥ ￥
CNY TWD HKD: 元
KRW KPW: ₩
RON MDL: lei leu
RUB BYN: руб руб. р р.
SEK NOK DKK ISK: kr kr.
INR PKR LKR NPR MUR SCR: rs rs. ₨
USD CAD AUD NZD SGD HKD MXN ARS BBD BMD BND BSD BZD CLP COP CUP DOP FJD GYD JMD KYD LRD MOP NAD NIO SBD SRD TTD TWD: $
"""
"""Currencies by what people write beside an amount, in small letters."""
_SIGNED = {
    sign: tuple(codes.split())
    for codes, signs in (line.split(": ") for line in _SIGNS.strip().splitlines())
    for sign in signs.split()
}
_ALSO = {"£": frozenset({"GBP", "EGP", "FKP", "GIP", "LBP", "SHP", "SSP", "SYP"}), "$": frozenset({"UYU", "XCD"})}
"""Currencies a sign stands for only when the mapping or a code beside it says so."""


def minor_digits(currency: str) -> int:
    """Decimals of the currency's smallest unit: 2 for cents, 0 for yen (ISO 4217)."""
    return _MINOR.get(currency, 2)


def signed_currencies(word: str, expected: str | None = None) -> tuple[str, ...]:
    """The currencies a word or sign beside an amount can stand for; empty when none.

    >>> signed_currencies("€"), signed_currencies("eur"), signed_currencies("¥"), signed_currencies("£", "GIP")
    (('EUR',), ('EUR',), ('JPY', 'CNY'), ('GIP',))
    """
    low = word.casefold()
    if expected in _ALSO.get(low, ()):
        return (str(expected),)
    if low in _SIGNED:
        return _SIGNED[low]
    code = word.upper()
    return (code,) if code in CURRENCIES else ()


def _active(code: str) -> str:
    upper = code.strip().upper()
    if upper not in CURRENCIES:
        raise ValueError(f'"{code}" is not an active ISO 4217 code such as EUR')
    return upper


CurrencyCode = Annotated[str, AfterValidator(_active)]
"""A parameter that must be an active ISO 4217 code."""


class Currency(Reader):
    """An ISO 4217 code in capitals.

    >>> Currency().read("eur")
    'EUR'

    Raises: CellError, code currency-unknown (also for signs such as ``$``: they do not name one currency).
    Source: ISO 4217, list one.
    """

    kind: ClassVar[str] = "currency"

    def read(self, raw: Any) -> str:
        if raw.__class__ is str and raw in CURRENCIES:
            return raw
        text = plain_text(raw, "currency").strip()
        code = text.upper()
        if code in CURRENCIES:
            return code
        meant = signed_currencies(text)
        mend = f"write {' or '.join(meant[:3])}" if meant else "write a code such as EUR"
        raise CellError("cell.currency-unknown", f"{quoted(raw)} is not an active ISO 4217 code", mend)
