"""How values are read: prices with their currency, weights with their unit, decimal marks, paths of pictures."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from feedbridge.cells.currency import CURRENCIES, signed_currencies
from feedbridge.mapping.suggest.assign import Assignment, Pick
from feedbridge.mapping.suggest.draft import Draft
from feedbridge.mapping.suggest.sample import Column, Sample
from feedbridge.mapping.suggest.write import sample_text

__all__ = ["Specs"]


class Specs:
    """Makes the specs of a draft's fields, and asks for what the file does not say."""

    def __init__(self, draft: Draft, sample: Sample) -> None:
        self.draft = draft
        self.sample = sample
        self.marks = self.decimal_marks()
        self.monies: list[Column] = []
        """Columns that hold prices of any kind."""

    def decimal_marks(self) -> Counter[str]:
        """What marks decimals in the file as a whole."""
        marks: Counter[str] = Counter()
        for column in self.sample.columns:
            if (
                column.profile.share("numeric") + column.profile.share("weight") > 0.6
                and column.profile.numbers_json == 0
            ):
                marks["."] += column.profile.marks["."]
                marks[","] += column.profile.marks[","]
        return marks

    def decimal(self, column: Column) -> tuple[str | None, str]:
        """The decimal mark to write, and a remark."""
        profile = column.profile
        if profile.numbers_json >= profile.filled:
            return None, ""
        for marks, said in ((profile.marks, ""), (self.marks, "as in the file's other columns")):
            dots, commas = marks["."], marks[","]
            if dots and dots >= 10 * commas:
                return ".", said
            if commas and commas >= 10 * dots:
                return ",", said
            if said == "" and dots and commas:
                self.draft.decide.append(
                    f'"{sample_text(column.name)}" holds decimal points and decimal commas: --set decimal=. or decimal=, decides'
                )
                self.draft.parameters["decimal"] = {"about": "decimal mark of the numbers, . or ,"}
                self.draft.trial["decimal"] = "." if dots >= commas else ","
                return "${decimal}", ""
        ambiguous = profile.marks["ambiguous"]
        known = self.draft.parameters.get("decimal")
        if ambiguous and (known is None or "default" in known):
            self.draft.parameters["decimal"] = {"about": "decimal mark of the numbers, . or ,"}
            self.draft.trial["decimal"] = "."
            example = next((value for value in profile.values if re.search(r"[.,]", value)), "")
            self.draft.decide.append(
                f'every number with a mark in "{sample_text(column.name)}" can be read two ways'
                f' ("{sample_text(example)}"): --set decimal=. or decimal=,'
            )
        elif known is None:
            self.draft.parameters["decimal"] = {"about": "decimal mark of the numbers, . or ,", "default": "auto"}
        return "${decimal}", ""

    def money(self, pick: Pick, found: Assignment, outer: Assignment | None) -> tuple[dict[str, Any], str]:
        column = pick.column
        profile = column.profile
        spec: dict[str, Any] = {"from": column.reference, "as": "money"}
        said = []
        if column.parts.unit == "cents":
            spec["minor_units"] = True
            said.append("in smallest units, says the name")
        mark, remark = self.decimal(column)
        if mark is not None:
            spec["decimal"] = mark
            if remark:
                said.append(f"decimal mark {remark}")
        currency = found.single.get("currency")
        reference = currency.column.reference if currency else ""
        if currency is None and outer is not None and "currency" in outer.single:
            currency = outer.single["currency"]
            reference = f"^{currency.column.reference}"
        words = profile.currencies
        codes = [word for word in words if word in CURRENCIES]
        if column.parts.currency:
            spec["currency"] = column.parts.currency
            said.append("the currency is in its name")
        elif currency is not None and reference and not reference.startswith("^("):
            spec["currency_from"] = reference
            self.draft.take(currency.column, "currency")
            said.append(f'the currency is in "{sample_text(currency.column.name)}"')
            if currency.column.profile.coverage < 1:
                self.ask_currency()
                spec["currency"] = "${currency}"
        elif words and len(codes) == len(words) and profile.share("amount_signed") >= 0.99:
            if len(codes) == 1:
                spec["currency"] = codes[0]
                said.append("the values name the currency")
            else:
                said.append("each value names its currency")
        else:
            code, where = self.one_currency()
            if code:
                spec["currency"] = code
                said.append("some values name the currency" if where is column else f'the currency is that of "{sample_text(where.name)}"')
            else:
                self.ask_currency(next(iter(words), ""))
                spec["currency"] = "${currency}"
        return spec, ", ".join(said)

    def one_currency(self) -> tuple[str, Column]:
        """The currency that the file's money columns agree on, with the column that says it; empty when none says it, or
        they contradict each other. A column says it in its name, or beside most of its amounts."""
        told: dict[str, Column] = {}
        signs: set[str] = set()
        for column in self.monies:
            profile = column.profile
            if column.parts.currency:
                told.setdefault(column.parts.currency, column)
            signs.update(profile.currencies)
            if profile.share("amount_signed") >= 0.5 * profile.share("numeric"):
                for word in profile.currencies:
                    if word in CURRENCIES:
                        told.setdefault(word, column)
        if len(told) == 1:
            ((code, column),) = told.items()
            if all(code in signed_currencies(sign, code) for sign in signs):
                return code, column
        return "", Column("", "", -1)

    def ask_currency(self, sign: str = "") -> None:
        if "currency" not in self.draft.parameters:
            about = "ISO code of the prices, for example EUR"
            self.draft.parameters["currency"] = {"about": about}
            self.draft.trial["currency"] = {"$": "USD", "kr": "SEK", "Kr": "SEK"}.get(
                sign, sign if sign in CURRENCIES else "EUR"
            )
            beside = f' (the file writes "{sample_text(sign)}")' if sign else ""
            self.draft.decide.append(
                f"the currency of the prices{beside}: --set currency=EUR, or write it in place of ${{currency}}"
            )

    def measure(self, field_name: str, pick: Pick) -> tuple[dict[str, Any], str]:
        column = pick.column
        profile = column.profile
        kind = "weight" if field_name == "weight_grams" else "length"
        spec: dict[str, Any] = {"from": column.reference, "as": kind}
        units = {"g", "kg", "mg", "lb", "oz", "t"} if kind == "weight" else {"mm", "cm", "m", "in", "ft"}
        mark, _ = self.decimal(column) if profile.numbers_json < profile.filled else (None, "")
        if mark is not None:
            spec["decimal"] = mark
        said = ""
        beside = self.unit_column(column, units)
        last = column.parts.tokens[-1] if column.parts.tokens else ""
        if column.parts.unit in units:
            spec["unit"] = column.parts.unit
            said = f"the unit is in its name: {column.parts.unit}"
        elif last in {"grams", "gram", "gramm", "grammes"}:
            spec["unit"] = "g"
            said = "the unit is in its name: g"
        elif profile.share(kind) >= 0.99:
            said = "the values name their unit"
        elif beside is not None and kind == "weight":
            spec["unit"] = beside[1]
            said = f'the unit is in "{sample_text(beside[0].name)}": always {beside[1]}'
        else:
            name = f"{kind}_unit"
            spec["unit"] = f"${{{name}}}"
            if name not in self.draft.parameters:
                self.draft.parameters[name] = {"about": f"unit of the {kind}s: {', '.join(sorted(units))}"}
                self.draft.trial[name] = "kg" if kind == "weight" else "cm"
                self.draft.decide.append(f"the unit of the {kind}s: --set {name}={self.draft.trial[name]}")
        return spec, said

    def unit_column(self, column: Column, units: set[str]) -> tuple[Column, str] | None:
        for other in self.sample.of(column.container):
            if other is not column and other.strength("!unit") > 0.8 and len(other.profile.words) == 1:
                unit = {"kgs": "kg", "grams": "g", "gr": "g", "lbs": "lb", "pounds": "lb"}.get(
                    other.profile.words[0], other.profile.words[0]
                )
                if unit in units and (
                    set(other.parts.tokens) & {"weight", "gewicht", "poids", "peso"}
                    or other.steps[:-1] == column.steps[:-1] != ()
                ):
                    return other, unit
        return None

    def based(self, column: Column, spec: Any) -> Any:
        """Pictures that are paths need the address they are under."""
        profile = column.profile
        if profile.share("url") >= 0.5 or not profile.filled:
            return spec
        if isinstance(spec, dict):
            self.draft.without_pictures.add("flipsnack")
            line = f'"{sample_text(column.name)}" holds several paths of pictures: Flipsnack wants addresses, so it gets none of them'
            if line not in self.draft.decide:
                self.draft.decide.append(line)
            return spec
        if "media" not in self.draft.parameters:
            self.draft.parameters["media"] = {
                "about": "address the pictures are under, for example https://cdn.example.com/media/"
            }
            self.draft.trial["media"] = "https://cdn.example.com/media/"
            self.draft.decide.append(
                f'pictures ("{sample_text(column.name)}") are paths: --set media=https://… gives the address they are under'
            )
        return {"from": column.reference, "as": "image_url", "base": "${media}"}
