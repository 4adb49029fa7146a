"""What a run gathers for the report and the feed score: completeness, prices, scores and what costs them.

Where products are made, one compiled function says of each all that will be asked: a number with a bit for every
question, and its price as text. Where the run comes together, equal answers are counted; they are explained once, at
the end. So a product costs a microsecond, and everything is a sum of whole numbers: whichever way a run was cut up,
the sums are the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any

from feedbridge.platforms import Platform
from feedbridge.product import Product, Variant
from feedbridge.rules import Rule
from feedbridge.rules.quality import Quality

__all__ = ["BINS", "Ask", "FULL", "Facts", "Lost", "Prices", "Questions", "ScoreTally", "Statistics", "explain_losses"]

FULL = 100
"""The points a product begins with."""
BINS = 10
"""Bins of product scores: below 10, below 20 … 90 and more."""
Facts = int
"""A bit for every question; 0 when no product could be made. The lowest bit is always set else."""
Ask = Callable[[Product], tuple[Facts, str, Decimal | None]]
"""Answers for one light product, and the currency and amount of its price ("" and None when it has none)."""
MOST_KINDS = 5_000
"""Different answers that wait to be explained; with more they are explained at once, and memory stays flat."""
MOST_PRICES = 10_000
"""Different prices of a currency that are counted to the cent; beyond, to their first three digits."""
OTHER = "other"
"""Code of a loss nobody gave a reason for; there is none as long as every held-back product has its finding."""

NUMBERS = frozenset({"quantity_min", "quantity_max", "stock", "weight_grams", "length_mm", "width_mm", "height_mm"})
"""Fields that are there also when they are 0."""
STRUCTURE = frozenset(
    {"sku", "group_key", "title", "kind", "status", "locale", "description_is_html", "options", "variants", "image"}
)
"""Fields that every product has, or that are no content of their own."""
OF_SOME_VARIANTS = frozenset({"sale_price"})
"""Fields of which a product counts as having them when one of its variants does; of others all variants must."""


class Questions:
    """What is asked of every product of a run: which fields are filled, and which criteria it fails.

    ``fields``    canonical fields some platform has a place for, in the model's order; bit 1 and up
    ``criteria``  (number of the platform, criterion) of every platform; the bits after those
    """

    def __init__(self, platforms: Sequence[Platform]) -> None:
        self.platforms = list(platforms)
        placed = {name.partition(".")[0] for platform in platforms for name in platform.placed}
        self.fields = tuple(name for name in Product.model_fields if name in placed and name not in STRUCTURE)
        self.criteria = [(number, one) for number, platform in enumerate(platforms) for one in platform.quality]
        tests = dict.fromkeys(one.test for _, one in self.criteria)
        bits = {test: 1 << len(self.fields) + 1 + place for place, test in enumerate(tests)}
        self.tests = bits
        """Each different test and its bit; platforms with the same test share it."""
        self.own = [[(bits[one.test], one) for one in platform.quality] for platform in platforms]

    def bit(self, name: str) -> int:
        """The bit of a field."""
        return 2 << self.fields.index(name)

    def ask(self, given: Collection[str] | None = None) -> Ask:
        """The function that answers for one light product.

        ``given``: the fields some mapping of the run gives products or variants; others are not looked at. None: all.
        """
        return _Compiler(self, given).compile()


class _Compiler:
    """Writes one plain function without loops over the questions, as mapping/compile.py does with a mapping. Every field
    is taken from the product once."""

    def __init__(self, questions: Questions, given: Collection[str] | None) -> None:
        self.questions = questions
        self.given = given
        self.taken: dict[str, None] = dict.fromkeys(("variants", "price", "sale_price"))
        self.lines: list[str] = []

    def compile(self) -> Ask:
        for name in self.questions.fields:
            if self.given is None or name in self.given or (name == "images" and "image" in self.given):
                self.field(name)
        for test, bit in self.questions.tests.items():
            self.lines.append(f"if {_PRODUCTS.sub(self.take, test)}: m |= {bit}")
        self.lines += [
            "if p_price is None and p_variants: p_price, p_sale_price = p_variants[0].price, p_variants[0].sale_price",
            "if p_price is None: return m, '', None",
            "if p_sale_price is not None and p_sale_price.amount < p_price.amount: p_price = p_sale_price",
            "return m, p_price.currency, p_price.amount",
        ]
        lines = ["def ask(p):", "m = 1", *(f"p_{name} = p.{name}" for name in self.taken), *self.lines]
        environment: dict[str, Any] = {}
        exec(compile("\n    ".join(lines) + "\n", "<questions>", "exec"), environment)
        ask: Ask = environment["ask"]
        return ask

    def take(self, match: re.Match[str]) -> str:
        self.taken[match[1]] = None
        return f"p_{match[1]}"

    def field(self, name: str) -> None:
        """Whether a field is filled, by the product itself or by its variants."""
        bit = self.questions.bit(name)
        self.taken[name] = None
        self.lines.append(f"if p_{name}{' is not None' if name in NUMBERS else ''}: m |= {bit}")
        own = "image" if name == "images" else name
        if own not in Variant.model_fields or (self.given is not None and own not in self.given):
            return
        missing = f"v.{own} is None" if name in NUMBERS else f"not v.{own}"
        self.lines += ["elif p_variants:", "    for v in p_variants:"]
        if name in OF_SOME_VARIANTS:
            self.lines += [f"        if not ({missing}):", f"            m |= {bit}", "            break"]
        else:
            self.lines += [f"        if {missing}: break", f"    else: m |= {bit}"]


_PRODUCTS = re.compile(r"\bp\.([a-z_]+)")
"""A field of the product in a test."""


def plain(amount: Decimal) -> str:
    """An amount as digits, without zeros at the end: 12.50 is 12.5, 1E+2 is 100."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- prices ----------------------------------------------------------------------------------------------------------

STEPS = tuple(Decimal(text) for text in ("1", "1.25", "1.6", "2", "2.5", "3.15", "4", "5", "6.3", "8"))
"""Lower ends of the bins of a decade, each about a quarter above the one before (Renard's R10, rounded)."""
FREE = (Decimal(0), Decimal(0))
MOST_BINS = 120
WIDEST = Decimal("1E10")
_CENT = Decimal("0.01")
_THREE = Context(prec=3, rounding=ROUND_DOWN)


class Prices:
    """Prices by currency, counted exactly up to MOST_PRICES different ones, then to three digits.

    Whatever the order, the same prices give the same counts: a currency is rounded when it has more different prices
    than that, and rounding a part early or late is the same.
    """

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Decimal]] = {}
        self.rounded: set[str] = set()
        self.ends: dict[str, tuple[Decimal, Decimal]] = {}
        """Lowest and highest price of a currency, exact."""
        self._waiting: dict[str, Counter[Decimal]] = {}

    def add(self, currency: str, amounts: Iterable[Decimal]) -> None:
        """Count prices of one currency."""
        waiting = self._waiting.setdefault(currency, Counter())
        waiting.update(amounts)
        if len(waiting) > MOST_PRICES:
            self.settle()

    def settle(self) -> None:
        """Count in what waits."""
        waiting, self._waiting = self._waiting, {}
        for currency, own in waiting.items():
            if own:
                self._count(currency, own, min(own), max(own))

    def _count(self, currency: str, own: Mapping[Decimal, int], least: Decimal, most: Decimal) -> None:
        low, high = self.ends.get(currency, (least, most))
        self.ends[currency] = (min(low, least), max(high, most))
        if currency in self.rounded:
            own = rounded(own)
        counts = self.counts.setdefault(currency, Counter())
        counts.update(own)
        if len(counts) > MOST_PRICES and currency not in self.rounded:
            self.rounded.add(currency)
            self.counts[currency] = rounded(counts)

    def merge(self, other: Prices) -> None:
        """Add another part's counts."""
        self.settle()
        other.settle()
        for currency in other.rounded - self.rounded:
            self.rounded.add(currency)
            self.counts[currency] = rounded(self.counts.get(currency, {}))
        for currency, counts in other.counts.items():
            self._count(currency, counts, *other.ends[currency])

    def spread(self, currency: str) -> tuple[list[tuple[str, str, int]], str]:
        """(lowest, highest, number) of every bin from the first to the last that has prices, and the median. Free
        products have a bin of their own, 0 to 0. Prices that lie extremely far apart have no empty bins between them.
        The median is exact unless the currency was rounded."""
        counts = self.counts[currency]
        bins: Counter[tuple[Decimal, Decimal]] = Counter()
        for amount, number in counts.items():
            bins[bin_of(amount)] += number
        paid = sorted(one for one in bins if one[1])
        shown = [FREE] if FREE in bins else []
        if paid and paid[-1][0] / max(paid[0][1], _CENT) < WIDEST:
            edge = paid[0]
            while edge <= paid[-1]:
                shown.append(edge)
                edge = bin_of(edge[1])
        else:
            shown += paid[: MOST_BINS - 1]
            if rest := paid[MOST_BINS - 1 :]:
                shown.append((rest[0][0], rest[-1][1]))
                bins[shown[-1]] = sum(bins[one] for one in rest)
        half, passed = (counts.total() + 1) // 2, 0
        median = Decimal(0)
        for amount in sorted(counts):
            passed += counts[amount]
            if passed >= half:
                median = amount
                break
        return [(plain(low), plain(high), bins[low, high]) for low, high in shown], plain(median)


def rounded(counts: Mapping[Decimal, int]) -> Counter[Decimal]:
    """The counts by the first three digits, the rest cut off."""
    found: Counter[Decimal] = Counter()
    for amount, number in counts.items():
        found[_THREE.plus(amount)] += number
    return found


def bin_of(amount: Decimal) -> tuple[Decimal, Decimal]:
    """The bin of an amount, its lower end counted in, its upper not. Below a hundredth there is one bin."""
    if not amount:
        return FREE
    if amount < _CENT:
        return Decimal(0), _CENT
    power = amount.adjusted()
    digits = amount.scaleb(-power)
    place = sum(digits >= step for step in STEPS)
    upper = STEPS[place].scaleb(power) if place < len(STEPS) else Decimal(1).scaleb(power + 1)
    return STEPS[place - 1].scaleb(power), upper


# -- scores ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Lost:
    """What one criterion or rule costs: ``points`` summed over products, how many it ``concerns``, and how many would
    gain by mending this alone (``lifts``)."""

    points: int = 0
    concerns: int = 0
    lifts: int = 0


@dataclass(slots=True)
class ScoreTally:
    """The scores of one platform's products. ``products`` does not count excluded ones."""

    products: int = 0
    points: int = 0
    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    lost: dict[str, Lost] = field(default_factory=dict)

    def add(self, score: int, lost: Sequence[tuple[str, int, bool]], number: int) -> None:
        """``number`` products with one score. ``lost``: (code, points, whether mending it alone would lift)."""
        self.products += number
        self.points += score * number
        self.bins[min(score * BINS // FULL, BINS - 1)] += number
        for code, points, lifts in lost:
            one = self.lost.setdefault(code, Lost())
            one.points += points * number
            one.concerns += number
            one.lifts += number * lifts

    def merge(self, other: ScoreTally) -> None:
        """Add another part's sums."""
        self.products += other.products
        self.points += other.points
        self.bins = [mine + its for mine, its in zip(self.bins, other.bins, strict=True)]
        for code, its in other.lost.items():
            one = self.lost.setdefault(code, Lost())
            one.points += its.points
            one.concerns += its.concerns
            one.lifts += its.lifts

    @property
    def score(self) -> float | None:
        """The feed score, cut (not rounded) to one decimal: 100 means that nothing is lost. None: no products."""
        return self.points * 10 // self.products / 10 if self.products else None

    def losses(self) -> list[tuple[str, float, Lost]]:
        """(code, points of the feed score it costs, what it is made of), the dearest first; what costs nothing is
        left out."""
        found = [(code, lost) for code, lost in self.lost.items() if lost.points]
        found.sort(key=lambda one: (-one[1].points, one[0]))
        return [(code, round(lost.points / self.products, 2), lost) for code, lost in found]


Plain = tuple[Facts, tuple[str, ...]]
"""A product that is written for every platform: answers, and the codes of its platforms' warnings that are said once a
run."""
Judged = tuple[Facts, str, tuple[str, ...]]
"""Answers, state on the platform (w or h), and the codes that were found: warnings of a written product, errors of one
that is held back."""


class Statistics:
    """All that is counted in a run, for one or several platforms."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.filled: Counter[str] = Counter()
        self.made = 0
        """Products that could be made of their records."""
        self.scores = [ScoreTally() for _ in questions.platforms]
        self.prices = Prices()
        self._plain: Counter[Plain] = Counter()
        self._facts: Counter[Facts] = Counter()
        self._judged: list[Counter[Judged]] = [Counter() for _ in questions.platforms]

    def add_plain(self, products: Iterable[Plain]) -> None:
        """Products that are written for every platform. Called now and then also with none."""
        self._plain.update(products)
        if max(len(self._plain), len(self._facts), *[len(one) for one in self._judged]) > MOST_KINDS:
            self.settle()

    def add(self, facts: Facts, states: str, own: Sequence[Facts], codes: Sequence[tuple[str, ...]]) -> None:
        """Any other product. By platform: ``states`` (w, e or h), answers (``own``; empty: ``facts`` hold for all), and
        the codes found of it (``codes``; empty: none)."""
        self._facts[facts] += 1
        for number, state in enumerate(states):
            if state != "e":
                answers = own[number] if own else facts
                told = codes[number] if codes else ()
                self._judged[number][0 if state == "h" else answers, state, told] += 1

    def settle(self) -> None:
        """Explain what was counted so far."""
        plain, self._plain = self._plain, Counter()
        facts, self._facts = self._facts, Counter()
        for (answers, _), number in plain.items():
            facts[answers] += number
        for answers, number in facts.items():
            self._fill(answers, number)
        for place, judged in enumerate(self._judged):
            front = f"{self.questions.platforms[place].name}."
            for (answers, codes), number in plain.items():
                judged[answers, "w", tuple([code for code in codes if code.startswith(front)])] += number
            for one, number in judged.items():
                self.scores[place].add(*self.judge(place, one), number)
        self._judged = [Counter() for _ in self._judged]
        self.prices.settle()

    def _fill(self, answers: Facts, number: int) -> None:
        if answers:
            self.made += number
            for place, name in enumerate(self.questions.fields):
                if answers & (2 << place):
                    self.filled[name] += number

    def judge(self, place: int, judged: Judged) -> tuple[int, list[tuple[str, int, bool]]]:
        """Score of a product on a platform and what it lost: (code, points, whether mending it alone would lift). The
        points lost are always 100 less the score: what goes below 0 is not counted."""
        answers, state, codes = judged
        platform = self.questions.platforms[place]
        if state == "h":
            codes = codes or (OTHER,)
            share, rest = divmod(FULL, len(codes))
            return 0, [(code, share + (number < rest), len(codes) == 1) for number, code in enumerate(codes)]
        wanting = [
            (f"{platform.name}.{one.number}", one.points) for bit, one in self.questions.own[place] if answers & bit
        ]
        wanting += [(code, platform.warning_points(code)) for code in codes]
        total = sum(points for _, points in wanting)
        left, lost = FULL, []
        for code, points in wanting:
            taken = min(points, left)
            left -= taken
            lost.append((code, taken, points > 0 and total - points < FULL))
        return left, lost

    def merge(self, other: Statistics) -> None:
        """Add what another part of a run counted."""
        self.settle()
        other.settle()
        self.filled.update(other.filled)
        self.made += other.made
        for mine, its in zip(self.scores, other.scores, strict=True):
            mine.merge(its)
        self.prices.merge(other.prices)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data; equal for equal products."""
        self.settle()
        return {
            "made": self.made,
            "filled": dict(sorted(self.filled.items())),
            "scores": [
                {
                    "products": one.products,
                    "points": one.points,
                    "bins": one.bins,
                    "lost": {code: (lost.points, lost.concerns, lost.lifts) for code, lost in sorted(one.lost.items())},
                }
                for one in self.scores
            ],
            "prices": {
                currency: {
                    "counts": {plain(amount): number for amount, number in sorted(counts.items())},
                    "ends": [plain(end) for end in self.prices.ends[currency]],
                }
                for currency, counts in sorted(self.prices.counts.items())
            },
        }


def explain_losses(
    tally: ScoreTally, platform: Platform, about: Mapping[str, str], mends: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The losses of a platform for people, the dearest first: ``code``, ``title``, ``points`` of the feed score,
    ``products`` one fix would lift, ``concerns`` (products that lose by it), ``mend``.

    ``about``, ``mends``: by code, for what no rule and no criterion of the platform says.
    """
    every: list[Rule | Quality] = [*platform.rules, *platform.quality]
    known = {f"{platform.name}.{one.number}": one for one in every}
    found = []
    for code, points, lost in tally.losses():
        one = known.get(code)
        found.append(
            {
                "code": code,
                "title": " ".join(one.title.split()) if one else about.get(code, ""),
                "points": points,
                "products": lost.lifts,
                "concerns": lost.concerns,
                "mend": (one.mend if one else "") or mends.get(code, ""),
            }
        )
    return found
