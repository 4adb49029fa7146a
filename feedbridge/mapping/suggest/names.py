"""What a column's name says: the canonical fields it may stand for, in the languages of ``vocabulary.csv``.

A name is cut into words (camelCase, snake_case, blanks, brackets), its language, currency, unit and number are taken
off, and the rest is looked up: as a whole, as one word, or as a part of it. What a part leaves over decides what the
match is worth: "product" in front of "name" changes nothing, "group" behind "price" makes it something else.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from feedbridge.cells.currency import CURRENCIES

__all__ = ["NameMatch", "NameParts", "fold", "matches", "name_parts", "plain_key", "shared_prefix"]

CAMEL = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])|(?<=[A-Z])(?=[A-Z][a-zà-ÿ])")
WORD = re.compile(r"[^\W\d_]+|\d+|[%€$£]|№")
BRACKETS = re.compile(r"[(\[{]([^)\]}]*)[)\]}]")
LOCALE = re.compile(r"(?:^|[\s_\-.:@(\[])([a-z]{2})(?:[-_]([A-Z]{2}))?[)\]]?$")
PREFIXES = re.compile(r"^(?:g|sc|custom_?field|attribute|attr|meta)\s*:\s*", re.IGNORECASE)
FIRST = re.compile(r"([^\W\d_]{1,12})[_.:\- ](?=\w)")
LANGUAGE_FIRST = re.compile(r"([a-z]{2}|[A-Z]{2})[_:](?=\w{3})")
LANGUAGES = frozenset(
    "ar bg cs da de el en es et fi fr he hr hu it ja ko lt lv nb nl nn pl pt ro ru sk sl sv tr uk zh".split()
)
COMMON_CURRENCIES = frozenset("EUR USD GBP CHF PLN SEK CZK DKK NOK HUF RON CAD AUD JPY".split())
SIGNS = {"€": "EUR", "£": "GBP", "$": ""}
UNITS = {
    **dict.fromkeys("g gr gram grams gramm gramme grammes grammi gramos".split(), "g"),
    **dict.fromkeys("kg kgs kilo kilos kilogram kilograms kilogramm".split(), "kg"),
    **dict.fromkeys("lb lbs pound pounds".split(), "lb"),
    **dict.fromkeys("oz ounce ounces".split(), "oz"),
    "mg": "mg", "mm": "mm", "cm": "cm", "m": "m", "inch": "in", "inches": "in", "cents": "cents", "cent": "cents",
    "minor": "cents",
}  # fmt: skip
SAME = {
    **dict.fromkeys("no num number nummer nr numero numer cislo nbr nro num №".split(), "nr"),
    "img": "image", "imgs": "images", "descr": "description", "mfr": "manufacturer", "mfg": "manufacturer",
    "manuf": "manufacturer", "cd": "code", "nm": "name", "avl": "available", "itm": "item",
    "ctgy": "category", "ctg": "category", "cst": "cost",
    "sls": "sales", "lib": "libelle", "bez.": "bez", "shrt": "short", "sht": "short", "lng": "long", "qty": "quantity", "qnty": "quantity",
    "hst": "hersteller", "pct": "percent", "prc": "price", "qnt": "quantity", "weightg": "weight",
}  # fmt: skip
"""Words that say the same."""
ENDINGS = re.compile(r"(?:nummer|number|numero)$")
STOP = frozenset(
    "of the for de du des del della dello di do da la le les el los las il lo l d van der het een die das den dem und and et"
    " y zum zur au aux un una".split()
)
NEUTRAL = frozenset(
    "product products produkt produktu prod produit producto prodotto produto article articles artikel articolo articulo"
    " artigo artykulu item items art web shop store webshop online ecommerce main haupt primary default base public full"
    " complete variant variants variante variation child erp pim our value values text texts raw attr attribute field"
    " global wc info general std standard gross brutto brut bruto lordo net netto ttc ht inkl exkl incl excl inc ex"
    " tuote vare varu zbozi towaru stamm data node offer sku clean final current own intern internal magento html plain"
    " custom wert unser unsere our notre nuestro nostro onze nasz secondary further".split()
)
"""Words that leave the meaning of the rest as it is."""
VAT = frozenset("vat tax mwst ust tva iva btw moms dph mva taxes steuer".split())
WITH = frozenset("incl excl inc ex inkl exkl including excluding with without mit ohne con sin senza sem com avec sans bez s z"
                 " plus inclusa esclusa ekskl inclusive exclusive".split())  # fmt: skip
DECOY = frozenset(
    "count anzahl group groups gruppe grupo gruppo groupe class klasse classe old alt alte alter ancien ancienne vecchio"
    " oud stary previous last supplier lieferant lieferanten vendor seller fournisseur proveedor fornitore leverancier"
    " dostawcy leverantor competitor type typ tipo date datum fecha unit units einheit per pro je percent % discount rabatt"
    " min max minimum maximum valid from to status policy label width height position sort order rating review reviews factor"
    " flag days time updated created hex next total sum delivery shipping versand liefer parent meta seo tier staffel"
    " history note notes comment notice prefix suffix format language template warehouse size limit level rule rules"
    " source target enabled active required available alternative replacement similar related cross upsell crosssell length"
    " year season campaign region country zone expected reserved incoming safety reorder video file logo icon email phone"
    " name category brand manufacturer hersteller fabricant fabricante produttore fabrikant producenta vyrobce tillverkare"
    " customer option options column set list liste id ids code kod codigo codice cod nr"
    " url link path src alt title".split()
)
"""Words that, left over beside a name that is known, make it mean something else."""
IDENTIFYING = frozenset("id ids code kod codigo codice cod nr".split())
LINKING = frozenset("urls links alt alternate extra url link path src file name list liste order set".split())
GENERIC = frozenset(
    "name value amount text url src href label title gross net data id code path content link default original".split()
)
"""Last steps of a JSON path that say nothing without the step before."""


class NameParts(NamedTuple):
    """A name cut up: its words, and what was taken off them."""

    tokens: tuple[str, ...]
    number: int | None
    locale: str
    currency: str
    unit: str
    bracket: tuple[str, ...]


class NameMatch(NamedTuple):
    """What a name may mean. ``strength`` from 0 to 1; ``field`` begins with ``!`` for things that are no field."""

    field: str
    strength: float
    language: str
    phrase: str
    whole: bool


def fold(text: str) -> str:
    """Letters without their marks, in small letters.

    >>> fold("Größe"), fold("Zdjęcie główne")
    ('grosse', 'zdjecie glowne')
    """
    text = text.casefold().replace("ł", "l").replace("ø", "o").replace("đ", "d").replace("æ", "ae").replace("œ", "oe")
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def words(text: str) -> list[str]:
    found = [fold(word) for word in WORD.findall(CAMEL.sub(" ", text))]
    return [SAME.get(word, ENDINGS.sub("nr", word)) for word in found]


def plain_key(tokens: Iterable[str]) -> str:
    return "".join(token for token in tokens if token not in STOP)


def shared_prefix(names: Sequence[str]) -> str:
    """A first word that most columns share (``AR_Ref``, ``AR_Design``) and that means nothing; empty when there is none.

    >>> shared_prefix(["AR_Ref", "AR_Design", "AR_Prix", "AS_Qte", "x"]), shared_prefix(["price a", "price b", "price c", "price d"])
    ('AR', '')
    """
    counts: dict[str, int] = {}
    for name in names:
        match = FIRST.match(name)
        if match:
            counts[match[1]] = counts.get(match[1], 0) + 1
    word = max(counts, key=lambda one: (counts[one], one), default="")
    if (
        counts.get(word, 0) < max(3, 0.5 * len(names))
        or set(words(word)) & (DECOY | NEUTRAL)
        or (len(word) > 3 and plain_key(words(word)) in vocabulary())
    ):
        return ""
    return word


def name_parts(name: str) -> NameParts:
    """Cut a name up.

    >>> name_parts("g:sale_price").tokens, name_parts("Bild 2 (URL)").number, name_parts("priceEUR").currency
    (('sale', 'price'), 2, 'EUR')
    >>> name_parts("Bezeichnung-de_DE").locale, name_parts("Weight [kg]").unit
    ('de_DE', 'kg')
    """
    text = PREFIXES.sub("", unicodedata.normalize("NFKC", name).strip().strip("\ufeff\"'* "))
    locale = currency = unit = ""
    bracket: list[str] = []
    for inner in BRACKETS.findall(text):
        if len(inner) <= 40:
            for word in WORD.findall(inner):
                low = fold(word)
                if word.upper() in CURRENCIES and (word.isupper() or word.upper() in COMMON_CURRENCIES):
                    currency = currency or word.upper()
                elif word in SIGNS:
                    currency = currency or SIGNS[word]
                elif low in UNITS:
                    unit = unit or UNITS[low]
                elif low in LANGUAGES and len(inner.strip()) <= 5:
                    locale = locale or low
                else:
                    bracket.append(SAME.get(low, low))
    outside = BRACKETS.sub(" ", text).strip()
    first = LANGUAGE_FIRST.match(outside)
    if first and not locale and first[1].lower() in LANGUAGES - {"ar", "el"}:
        locale = first[1].lower()
        outside = outside[first.end() :]
    match = LOCALE.search(outside)
    if match and match[1] in LANGUAGES and match.start() > 0:
        locale = match[1] + (f"_{match[2]}" if match[2] else "")
        outside = outside[: match.start()]
    tokens = words(outside or text)
    number: int | None = None
    kept: list[str] = []
    for token in tokens:
        if token.isdigit() and len(tokens) > 1:
            if number is None and len(token) <= 3:
                number = int(token)
            elif len(token) > 3:
                kept.append(token)
        elif token in SIGNS:
            currency = currency or SIGNS[token]
        else:
            kept.append(token)
    while len(kept) > 1:
        last = kept[-1]
        if last.upper() in COMMON_CURRENCIES or (last.upper() in CURRENCIES and last.upper() in outside):
            currency = currency or last.upper()
        elif last in UNITS:
            unit = unit or UNITS[last]
            if all(token in NEUTRAL for token in kept[:-1]):
                break
        elif last == "in" and unit:
            pass
        else:
            break
        kept.pop()
    return NameParts(tuple(kept), number, locale, currency, unit, tuple(bracket))


class Entry(NamedTuple):
    field: str
    weight: float
    language: str
    phrase: str


@cache
def vocabulary() -> dict[str, tuple[Entry, ...]]:
    """Key of a phrase -> what it means."""
    table: dict[str, list[Entry]] = {}
    text = files(__package__).joinpath("vocabulary.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        for phrase in row["names"].split("|"):
            spellings = {phrase}
            for pairs in (
                (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")),
                (("å", "aa"), ("ø", "oe"), ("ä", "ae"), ("ö", "oe")),
            ):
                other = phrase
                for letter, two in pairs:
                    other = other.replace(letter, two)
                spellings.add(other)
            for spelling in sorted(spellings):
                parts = words(spelling)
                key = plain_key(parts)
                entry = Entry(row["field"], float(row["weight"]), row["language"], phrase)
                known = table.setdefault(key, [])
                if all(one.field != entry.field for one in known):
                    known.append(entry)
    return {key: tuple(found) for key, found in table.items()}


def leftover_factor(field: str, rest: Sequence[str], glued: bool = False) -> float:
    """What a match is still worth with these words beside it."""
    if any(word in WITH for word in rest):
        rest = [word for word in rest if word not in VAT and word not in WITH]
    factor, unknown = 1.0, 0
    for word in rest:
        if word in STOP or (len(word) == 1 and not glued):
            factor *= 0.97
        elif word in NEUTRAL:
            factor *= 0.96
        elif word in IDENTIFYING and field in {"sku", "group", "mpn", "gtin"}:
            factor *= 0.9
        elif word in LINKING and field in {"images", "url"}:
            factor *= 0.95
        elif word in DECOY or word in VAT:
            factor *= 0.2
        else:
            unknown += 1
            factor *= 0.55 if unknown == 1 else 0.8
    return factor


def matches(parts: NameParts, above: Sequence[str] = ()) -> list[NameMatch]:
    """The fields a name may stand for, best first. ``above``: the steps before it in a JSON path."""
    return list(_matches(parts.tokens, parts.bracket, parts.number, tuple(above)))


@lru_cache(maxsize=1 << 14)
def _matches(
    tokens: tuple[str, ...], bracket: tuple[str, ...], number: int | None, above: tuple[str, ...]
) -> tuple[NameMatch, ...]:
    best: dict[str, NameMatch] = {}
    _collect(tokens, best, 1.0)
    numbered = (
        {entry.field for entry in vocabulary().get(f"{plain_key(tokens)}{number}", ())} if number is not None else set()
    )
    for entry in vocabulary().get(f"{plain_key(tokens)}{number}", ()) if numbered else ():
        best[entry.field] = NameMatch(entry.field, entry.weight, entry.language, entry.phrase, True)
    if above:
        parent = name_parts(above[-1])
        if all(token in GENERIC for token in tokens):
            _collect(parent.tokens, best, 0.97, strict=True)
            factor = 0.5 if parent.tokens else 0.9
        else:
            rest = [token for token in parent.tokens if token not in NEUTRAL]
            factor = 0.9 if not rest else 0.35 if any(token in DECOY or token in HOLDERS for token in rest) else 0.8
        joined: dict[str, NameMatch] = {}
        _collect((*parent.tokens, *tokens), joined, 0.97)
        alone: dict[str, NameMatch] = {}
        _collect(tokens, alone, factor)
        for field, match in best.items():  # what stood alone is worth less under another step
            if field in alone and alone[field].phrase == match.phrase:
                best[field] = alone[field]
        stock = best.get("stock")
        if stock is not None and counts_another(stock, parent.tokens):
            del best["stock"]
        for field, match in joined.items():
            if match.strength > best.get(field, NOTHING).strength:
                best[field] = match
    found = []
    for match in best.values():
        strength = match.strength
        if number is not None and len(tokens) > 1 and set(tokens) & NUMBERED and not match.field.startswith("!"):
            strength *= 0.3  # "Attribute 1 visible" is about the attribute
        if match.field == "price" and set(tokens) & WITHOUT_TAX:
            strength *= 0.97  # where a shop's file has both, buyers see the other
        if any(word in DECOY for word in bracket if word not in LINKING) and not match.field.startswith("!"):
            strength *= 0.4
        if number is not None and number > 1 and match.field not in MANY and match.field not in numbered:
            strength *= 0.45
        found.append(match._replace(strength=round(strength, 4)))
    found.sort(key=lambda match: (-match.strength, match.field))
    decoy = next((match.strength for match in found if match.field.startswith("!") and match.whole), 0.0)
    if decoy:
        found = [
            match if match.field.startswith("!") or match.whole else match._replace(strength=match.strength * 0.35)
            for match in found
        ]
    return tuple(found)


HOLDERS = frozenset(
    "supplier vendor seller merchant store category categories brand manufacturer tax image images review related"
    " warehouse author shipping delivery audit meta seo creator owner links bundle accessories".split()
)
"""Steps of a JSON path whose inner names are about them, not about the product."""
WITHOUT_TAX = frozenset(
    "net netto nettopreis netprice ht excl ex exkl zonder ohne without sem sin bez ekskl uden utan vkne vknetto".split()
)
NUMBERED = frozenset("attribute attribut attr option variation eigenschaft merkmal".split())
MANY = frozenset({"images", "categories", "tags"})
NOTHING = NameMatch("", 0.0, "", "", False)


COUNTS = frozenset(map(fold, "count units anzahl antal antall aantal количество".split()))
PIECES = frozenset("stuck stueck stk st pcs pc pieces piece szt ks stuks available on hand".split())


def counts_another(match: Entry | NameMatch, rest: Sequence[str]) -> bool:
    """Whether a bare count stands beside a word that says what is counted, and that is not the stock."""
    return (
        match.field == "stock"
        and fold(match.phrase) in COUNTS
        and any(
            word not in STOP | PIECES and all(entry.field != "stock" for entry in vocabulary().get(word, ()))
            for word in rest
        )
    )


def _collect(tokens: tuple[str, ...], best: dict[str, NameMatch], factor: float, *, strict: bool = False) -> None:
    table = vocabulary()
    tokens = tokens[:8]
    size = len(tokens)
    for length in range(size, 0, -1):
        for start in range(size - length + 1):
            part = tokens[start : start + length]
            entries = table.get(plain_key(part))
            if not entries or (strict and length < size):
                continue
            rest = [*tokens[:start], *tokens[start + length :]]
            for entry in entries:
                if counts_another(entry, rest):
                    continue
                worth = leftover_factor(entry.field, rest)
                if rest and entry.field.startswith("!"):
                    worth *= 0.8
                middle = 0.85 if start and start + length < size else 1.0
                strength = entry.weight * worth * middle * factor
                if strength > best.get(entry.field, NOTHING).strength:
                    best[entry.field] = NameMatch(entry.field, strength, entry.language, entry.phrase, not rest)
    if strict:
        return
    for place, token in enumerate(tokens):  # compounds: the last part of a long word
        if len(token) < 7:
            continue
        for cut in range(2, len(token) - 3):
            entries = table.get(token[cut:])
            if not entries:
                continue
            rest = [token[:cut].rstrip("s") if token[:cut].rstrip("s") in NEUTRAL | DECOY else token[:cut]]
            rest += [*tokens[:place], *tokens[place + 1 :]]
            for entry in entries:
                if counts_another(entry, rest):
                    continue
                strength = entry.weight * leftover_factor(entry.field, rest, glued=True) * 0.97 * factor
                if strength > best.get(entry.field, NOTHING).strength:
                    best[entry.field] = NameMatch(entry.field, strength, entry.language, entry.phrase, False)
            break
