"""The proposal for a sample: fields to columns, records to products, and what a person has to decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from feedbridge.cells.boolean import TRUE
from feedbridge.cells.status import USUAL
from feedbridge.mapping.suggest.assign import Assignment, Pick, assign
from feedbridge.mapping.suggest.draft import Draft, percent
from feedbridge.mapping.suggest.evidence import GUESS, SPOILT, Vote, value_fit, vote
from feedbridge.mapping.suggest.grammar import Grammar, inner_lists, pictures_of, table_grammar
from feedbridge.mapping.suggest.options import Options
from feedbridge.mapping.suggest.profile import Profile
from feedbridge.mapping.suggest.sample import Column, InnerList, Sample
from feedbridge.mapping.suggest.specs import Specs
from feedbridge.mapping.suggest.write import Node, flow, sample_text

__all__ = ["draft_of"]

IN_VARIANT = ("sku", "gtin", "mpn", "price", "sale_price", "compare_at_price", "cost", "stock", "weight_grams")
"""Fields that stand with the variant, where a record is one."""
MONEY = ("price", "sale_price", "compare_at_price", "cost")
MEANT = {"compare_at_price": "price before a reduction", "weight_grams": "weight"}
LOCALE = re.compile(r"[a-z]{2}(?:_[A-Za-z]{2})?")


def draft_of(sample: Sample, shown: str, name: str, source: dict[str, Any]) -> Draft:
    """The proposal for a sample."""
    return Builder(Draft(shown, name, sample, source=dict(source))).build()


class Builder:
    """Fills a draft, field after field."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.sample = draft.sample
        self.specs = Specs(draft, draft.sample)
        self.inner: InnerList | None = None
        self.pictures: list[InnerList] = []

    def build(self) -> Draft:
        draft, sample = self.draft, self.sample
        own = sample.of()
        found = assign(own)
        inner_found: Assignment | None = None
        grammar = Grammar("flat")
        if sample.kind == "documents":
            self.inner, self.pictures = inner_lists(sample)
            if self.inner is not None:
                inner_found = assign(sample.of(self.inner.path))
                share = self.inner.holders / max(1, sample.records)
                grammar = Grammar(
                    "inner", inner=self.inner, why=(f"{percent(share)} of the documents hold a list {self.inner.path!r} with"
                    f" {len(self.inner.items)} items in all: the variants",)
                )  # fmt: skip
        self.mend_meanings(found, own)
        if inner_found is not None:
            self.mend_prices(inner_found)
        self.specs.monies = monies_of(found, inner_found)
        if grammar.mode == "flat":
            grammar = table_grammar(sample, found)
        draft.evidence += [f"evidence: {line}" for line in grammar.why]
        self.records(grammar, found)
        with_variants = grammar.mode in {"group", "parent", "inner"}
        room = draft.variant if with_variants else draft.product
        self.keys(grammar, found, inner_found)
        for field_name, pick in found.single.items():
            if field_name in {"sku", "group", "currency"}:
                continue
            if field_name == "locale" and not all(LOCALE.fullmatch(value) for value in pick.column.profile.values):
                continue
            target = room if field_name in IN_VARIANT and grammar.mode != "inner" else draft.product
            self.field(target, field_name, pick, found)
        if inner_found is not None:
            for field_name, pick in inner_found.single.items():
                if (field_name in IN_VARIANT and field_name != "sku") or field_name == "status":
                    self.field(draft.variant, field_name, pick, inner_found, outer=found)
        self.categories(found)
        self.images(found, grammar, inner_found)
        Options(draft, sample, self.inner).write(found, grammar, inner_found)
        self.translations(found)
        self.more_prices(found, room)
        draft.decide += [line for line in grammar.open]
        self.title(found, grammar)
        self.remarks(found, inner_found)
        self.note_guesses(found, inner_found)
        return draft

    def mend_prices(self, found: Assignment) -> None:
        """A former or a reduced price alone is the price."""
        single = found.single
        if "price" not in single:
            for name in ("compare_at_price", "sale_price"):
                if name in single:
                    only = single.pop(name)
                    single["price"] = only
                    self.draft.decide.append(
                        f'"{sample_text(only.column.name)}" is taken for the price: no other column is named like it'
                    )
                    break

    def mend_meanings(self, found: Assignment, own: Sequence[Column]) -> None:
        """Fields that only make sense beside others."""
        self.mend_prices(found)
        single = found.single
        if "title" not in single:
            for name in ("short_description", "description"):
                pick: Pick | None = single.get(name)
                if pick is None:
                    taken = {id(one.column) for one in single.values()}
                    named = [
                        column
                        for column in own
                        if column.reference and id(column) not in taken and column.strength(name) > 0.8
                    ]
                    if not named:
                        continue
                    pick = Pick(named[0], vote(named[0], name))
                profile = pick.column.profile
                if (
                    profile.share("html") < 0.1
                    and profile.average_chars < 80
                    and profile.longest < 200
                    and profile.variety > 0.5
                ):
                    fit, said = value_fit("title", profile)
                    if fit > 0:
                        single.pop(name, None)
                        single["title"] = Pick(pick.column, pick.vote._replace(field="title", values=said))
                        self.draft.decide.append(
                            f'there is no column for the title; "{sample_text(pick.column.name)}" holds short texts and is taken'
                        )
                        break
        if "sku" not in single and "group" in single and single["group"].column.profile.variety >= 0.999:
            pick = single.pop("group")
            if vote(pick.column, "sku").fit > 0:
                single["sku"] = Pick(pick.column, pick.vote._replace(field="sku", values="all different"))

    def records(self, grammar: Grammar, found: Assignment) -> None:
        records = self.draft.records
        if grammar.mode == "inner" and grammar.inner is not None:
            records.update(one="product", variants=grammar.inner.reference)
        elif grammar.mode == "group" and grammar.key is not None:
            records.update(one="variant", group_by=grammar.key.reference)
            if grammar.fill_down:
                records["fill_down"] = True
            if grammar.variant_if:
                records["variant_if"] = [column.reference for column in grammar.variant_if]
        elif grammar.mode == "parent" and grammar.key is not None and grammar.of is not None:
            records.update(one="variant", parent={"key": grammar.key.reference, "of": grammar.of.reference})
            self.draft.used.add(id(grammar.of))
        else:
            records["one"] = "product"
        if grammar.key is not None:
            self.draft.used.add(id(grammar.key))
            self.draft.labels[grammar.key.name] = "group_key"

    def keys(self, grammar: Grammar, found: Assignment, inner: Assignment | None) -> None:
        """The SKUs of product and variant."""
        draft = self.draft
        pick = found.single.get("sku")
        if grammar.mode == "group" and grammar.key is not None:
            reason = "the key of the records"
            self.draft.put(draft.product, "sku", grammar.key.reference, [grammar.key], reason, label=None)
            if pick is not None and pick.column is not grammar.key:
                self.draft.put(
                    draft.variant, "sku", pick.column.reference, [pick.column], pick.vote.reason(), label="sku"
                )
                self.uniqueness(pick.column)
            else:
                blind = None if pick is not None else self.blind_sku(exclude={id(grammar.key)}, sure=True)
                if blind is not None:
                    self.draft.put(
                        draft.variant,
                        "sku",
                        blind.reference,
                        [blind],
                        "GUESS: its values are short and all different",
                        label="sku",
                    )
                else:
                    draft.decide.append(
                        "no column is the variants' own SKU: it is made of the product's key and the option values"
                    )
            return
        if inner is not None and "sku" in inner.single:
            own = inner.single["sku"]
            self.draft.put(
                draft.variant,
                "sku",
                own.column.reference,
                [own.column],
                own.vote.reason(),
                label="sku",
                prefix=own.column.container,
            )
        if pick is None and inner is not None and "group" in found.single:
            group = found.single["group"]
            pick = group._replace(vote=group.vote._replace(fit=1.0, values=group.column.profile.in_words()))
        if (
            pick is None
            and "slug" in found.single
            and found.single["slug"].column.profile.variety >= 0.999
            and inner is not None
        ):
            pick = found.single["slug"]
        if pick is None:
            column = self.blind_sku()
            if column is None:
                first = next((one for one in self.sample.of() if one.reference), None)
                if first is None:
                    return
                column = first
            draft.blind.append("sku")
            draft.decide.insert(
                0,
                f'no column is named like a SKU; "{sample_text(column.name)}" was guessed: say which column identifies a product',
            )
            self.draft.put(
                draft.product,
                "sku",
                column.reference,
                [column],
                f"GUESS: its values are {column.profile.in_words()}",
                label="sku",
            )
            pick = Pick(column, Vote("sku", 0.0, None, 0.0, ""))
        else:
            self.draft.put(draft.product, "sku", pick.column.reference, [pick.column], pick.vote.reason(), label="sku")
        if grammar.mode == "parent":
            self.draft.put(draft.variant, "sku", pick.column.reference, [pick.column], "the row's own SKU", label="sku")
        self.uniqueness(pick.column)
        found.single["sku"] = pick

    def uniqueness(self, column: Column) -> None:
        profile = column.profile
        if profile.filled and not column.unique and profile.distinct < profile.filled:
            again = profile.filled - profile.distinct
            self.draft.decide.append(
                f'"{sample_text(column.name)}" is not unique ({again} of {profile.filled} values come again), and no better column is:'
                " products with the same SKU are held back"
            )
        if profile.filled < profile.rows and not self.draft.records.get("variant_if"):
            self.draft.decide.append(
                f'"{sample_text(column.name)}" is empty in {profile.rows - profile.filled} of {profile.rows} records'
            )

    def blind_sku(self, exclude: set[int] | None = None, sure: bool = False) -> Column | None:
        """The column most like an identifier by its values."""
        best: tuple[float, Column] | None = None
        for place, column in enumerate(self.sample.of()):
            if (
                not column.reference
                or id(column) in (exclude or set())
                or not column.profile.filled
                or column.profile.lists
            ):
                continue
            spoken = column.meanings[0] if column.meanings else None
            if (
                spoken is not None
                and spoken.strength > 0.8
                and spoken.field not in {"sku", "group", "gtin", "mpn", "slug"}
            ):
                continue
            fit, _ = value_fit("sku", column.profile)
            score = (
                fit
                + 0.3 * column.profile.share("code") * (column.profile.share("letters") > 0.5)
                + 0.2 * column.profile.coverage
            )
            score += 0.3 * vote(column, "sku").score - 0.001 * place
            if fit > 0 and (best is None or score > best[0]) and not (sure and fit < 1):
                best = (score, column)
        return best[1] if best else None

    def field(
        self, target: dict[str, Node], name: str, pick: Pick, found: Assignment, outer: Assignment | None = None
    ) -> None:
        column = pick.column
        profile = column.profile
        spec: Any = column.reference
        extra = ""
        if profile.lists and "[" not in column.reference and "(" not in column.reference and name != "tags":
            spec = f"{column.reference}.0"
            extra = "the first of a list"
        if name in MONEY:
            spec, extra = self.specs.money(pick, found, outer)
        elif name in {"weight_grams", "length_mm", "width_mm", "height_mm"}:
            spec, extra = self.specs.measure(name, pick)
        elif name == "description" and profile.share("html") > 0:
            spec = {"from": column.reference, "as": "html"}
        elif name == "tags":
            spec = {"from": column.reference, "as": "list"}
            if profile.list_separator and not profile.lists and profile.list_separator != ",":
                spec["separator"] = profile.list_separator
        elif name == "stock" and profile.numbers_json < profile.filled and profile.marks.total():
            mark, _ = self.specs.decimal(column)
            spec = {"from": column.reference, "decimal": mark} if mark else column.reference
        elif name == "status":
            own = {word: "active" if word in YES else "draft" for word in profile.words if word not in USUAL}
            if own:
                spec = {
                    "from": column.reference,
                    "as": "status",
                    "values": {**{w: USUAL[w].value for w in profile.words if w in USUAL}, **own},
                }
        reason = ", ".join(part for part in (pick.vote.reason(), extra) if part)
        self.draft.put(target, name, spec, [column], reason, label=name, prefix=column.container)
        if (
            pick.rival is not None
            and pick.vote.score - pick.rival[1] < 0.08
            and not other_currency(column, pick.rival[0])
        ):
            self.draft.decide.append(
                f'{MEANT.get(name, name)}: "{sample_text(column.name)}" was taken; "{sample_text(pick.rival[0].name)}" fits about as well'
            )

    def categories(self, found: Assignment) -> None:
        picks = found.categories
        if not picks:
            self.category_lists()
            return
        paths = [
            pick for pick in picks if pick.column.profile.share("path") > 0.3 and pick.column.profile.separator in STEPS
        ]
        chosen = max(paths or picks, key=lambda pick: (pick.vote.score, pick.column.profile.coverage))
        levels = self.levels([pick.column for pick in picks]) if not paths and len(picks) > 1 else []
        if levels:
            spec: Any = {
                "all": [column.reference for column in levels],
                "join": " > ",
                "as": "category_path",
                "separator": " > ",
            }
            self.draft.put(
                self.draft.product,
                "categories",
                spec,
                levels,
                "levels of one path: each value of the lower stands under one of the upper",
                label="categories",
            )
            return
        column, profile = chosen.column, chosen.column.profile
        spec = {"from": column.reference, "as": "category_path"}
        if profile.lists:
            spec["as"] = "category_paths"
        elif profile.share("path") > 0.2 and profile.separator in STEPS:
            spec["separator"] = profile.separator.strip() or profile.separator
            if (
                profile.list_separator
                and profile.share("list") > 0.2
                and profile.list_separator.strip() != spec["separator"]
            ):
                spec["as"] = "category_paths"
                if profile.list_separator != ",":
                    spec["list_separator"] = profile.list_separator
        elif profile.list_separator and (profile.list_separator != "," or self.recurring(profile)):
            spec["as"] = "category_paths"
            if profile.list_separator != ",":
                spec["list_separator"] = profile.list_separator
        self.draft.put(self.draft.product, "categories", spec, [column], chosen.vote.reason(), label="categories")

    @staticmethod
    def recurring(profile: Profile) -> bool:
        parts = [part.strip() for value in profile.values for part in value.split(profile.list_separator)]
        return len(set(parts)) < 0.7 * len(parts)

    @staticmethod
    def levels(columns: Sequence[Column]) -> list[Column]:
        """Columns that are levels of one path, the upper first; empty when they are not."""
        ordered = sorted(columns, key=lambda column: column.profile.distinct)
        for upper, lower in pairwise(ordered):
            above: dict[str, set[str]] = {}
            for row in range(len(lower.values)):
                if lower.text(row):
                    above.setdefault(lower.text(row), set()).add(upper.text(row))
            if not above or sum(len(uppers) > 1 for uppers in above.values()) > 0.1 * len(above):
                return []
        return ordered

    def category_lists(self) -> None:
        """Lists of objects that name categories or tags."""
        for path, inner in self.sample.lists.items():
            if "[]" in path or inner is self.inner:
                continue
            last = "".join(sign for sign in inner.steps[-1].casefold() if sign.isalpha())
            kind = (
                "categories"
                if last in {"categories", "category", "kategorien", "taxons", "collections", "productcategories"}
                else "tags"
                if last in {"tags", "keywords"}
                else ""
            )
            if (
                not kind
                or kind in self.draft.product
                or (kind == "categories" and last == "collections" and "categories" in self.draft.labels.values())
            ):
                continue
            names = [
                c
                for c in self.sample.of(path)
                if c.steps[-1].casefold() in {"name", "title", "label", "path", "breadcrumb", "value"}
                and len(c.steps) == 1
            ]
            if names:
                column = names[0]
                spec = {
                    "from": f"{inner.reference}[].{column.reference}",
                    "as": "category_paths" if kind == "categories" else "list",
                }
                self.draft.put(
                    self.draft.product,
                    kind,
                    spec,
                    [column],
                    f"a list of objects called {inner.steps[-1]}",
                    label=kind,
                    prefix=path,
                )

    def images(self, found: Assignment, grammar: Grammar, inner_found: Assignment | None) -> None:
        nodes: list[Node] = []
        picks = sorted(found.images, key=lambda pick: rank_of(pick))
        own = [pick for pick in picks if set(pick.column.parts.tokens) & {"variant", "variante", "child", "variation"}]
        if grammar.mode in {"group", "parent"} and own and not own[0].column.profile.list_separator:
            self.draft.put(
                self.draft.variant,
                "image",
                self.specs.based(own[0].column, own[0].column.reference),
                [own[0].column],
                own[0].vote.reason(),
                label="images",
            )
            picks = [pick for pick in picks if pick is not own[0]]
        for pick in picks:
            column, profile = pick.column, pick.column.profile
            spec: Any = column.reference
            if profile.lists:
                spec = {"from": column.reference, "as": "list"}
            elif profile.list_separator and (profile.share("image") > 0.5 or profile.share("url") > 0.5):
                spec = {"from": column.reference, "as": "list", "separator": profile.list_separator}
            spec = self.specs.based(column, spec)
            nodes.append(
                Node("-", flow({"src": spec}), [self.draft.say([column], pick.vote.reason())], columns=(column.name,))
            )
            self.draft.take(column, "images")
        for pictures in self.pictures:
            source = pictures_of(self.sample.of(pictures.path))
            if source is None:
                continue
            block: dict[str, Any] = {"each": pictures.reference, "src": source.reference}
            for column in self.sample.of(pictures.path):
                last = "".join(sign for sign in column.steps[-1].casefold() if sign.isalpha())
                if last in {"alt", "alttext", "title", "caption"} and "alt" not in block and column.profile.filled:
                    block["alt"] = column.reference
                    self.draft.take(column, "images")
                elif last in {"position", "sort", "sortorder", "rank"} and column.profile.share("integer") > 0.99:
                    block["position"] = column.reference
                    self.draft.take(column, "images")
            nodes.append(
                Node(
                    "-",
                    flow(block),
                    [self.draft.say([source], f"a list of pictures: {pictures.path}")],
                    columns=(source.name,),
                )
            )
            self.draft.take(source, "images")
        if nodes:
            self.draft.product["images"] = Node("images:", below=nodes)
        if (
            grammar.mode == "group"
            and picks
            and "image" not in self.draft.variant
            and id(picks[0].column) in grammar.varying
            and not grammar.variant_if
        ):
            column = picks[0].column
            spec = self.specs.based(column, column.reference)
            if not column.profile.list_separator and not column.profile.lists:
                self.draft.put(self.draft.variant, "image", spec, [column], "differs within products", label="images")
        if inner_found is not None and inner_found.images:
            pick = inner_found.images[0]
            if not pick.column.profile.lists and not pick.column.profile.list_separator:
                self.draft.put(
                    self.draft.variant,
                    "image",
                    pick.column.reference,
                    [pick.column],
                    pick.vote.reason(),
                    label="images",
                    prefix=pick.column.container,
                )

    def translations(self, found: Assignment) -> None:
        below = []
        for locale, fields in found.locales.items():
            inner = []
            for name, pick in fields.items():
                if name not in found.single:
                    continue
                spec: Any = (
                    {"from": pick.column.reference, "as": "html"}
                    if name == "description" and pick.column.profile.share("html")
                    else pick.column.reference
                )
                inner.append(
                    Node(
                        f"{name}:",
                        flow(spec),
                        [self.draft.say([pick.column], pick.vote.reason())],
                        columns=(pick.column.name,),
                    )
                )
                self.draft.take(pick.column, f"translations.{locale}.{name}")
            if inner:
                below.append(Node(f"{locale}:", below=inner))
        if below:
            self.draft.product["translations"] = Node("translations:", below=below)

    def more_prices(self, found: Assignment, room: dict[str, Node]) -> None:
        below = []
        for pick in found.prices:
            spec, extra = self.specs.money(pick, found, None)
            below.append(
                Node(
                    "-",
                    flow(spec),
                    [self.draft.say([pick.column], f"{pick.vote.reason()}, {extra}")],
                    columns=(pick.column.name,),
                )
            )
            self.draft.take(pick.column, "prices")
        if below:
            room["prices"] = Node("prices:", below=below)

    def title(self, found: Assignment, grammar: Grammar) -> None:
        if "title" in self.draft.product:
            return
        best: tuple[float, Column] | None = None
        for column in self.sample.of():
            if (
                id(column) in self.draft.used
                or not column.reference
                or not column.profile.filled
                or column.profile.lists
            ):
                continue
            profile = column.profile
            fit, _ = value_fit("title", profile)
            spoken = column.meanings[0] if column.meanings else None
            if spoken is not None and spoken.strength > 0.8 and spoken.field != "title":
                continue
            score = (
                fit
                + 0.5 * profile.variety
                + 0.3 * profile.coverage
                + 0.3 * min(1, profile.average_words / 3)
                + vote(column, "title").score
            )
            if fit > 0 and (best is None or score > best[0]):
                best = (score, column)
        self.draft.blind.append("title")
        if best is None:
            sku = self.draft.product.get("sku")
            if sku is None:
                return
            self.draft.decide.insert(0, "no column holds a title: the SKU stands in for it; say product.title")
            self.draft.product["title"] = Node(
                "title:", sku.value, ["GUESS: there is no column with short texts, so the SKU stands in"], columns=()
            )
            return
        column = best[1]
        self.draft.decide.insert(
            0, f'no column is named like a title; "{sample_text(column.name)}" was guessed by its values'
        )
        self.draft.put(
            self.draft.product,
            "title",
            column.reference,
            [column],
            f"GUESS: its values are {column.profile.in_words()}",
            label="title",
        )

    def remarks(self, found: Assignment, inner_found: Assignment | None) -> None:
        if not any("price" in nodes for nodes in (self.draft.product, self.draft.variant)):
            self.draft.decide.append("no column holds prices")
        for column in self.sample.columns:
            if id(column) not in self.draft.used and column.strength("gtin") > 0.8:
                fit, said = value_fit("gtin", column.profile)
                if fit < 0 and said == SPOILT:
                    self.draft.decide.append(
                        f'"{sample_text(column.name)}" is named like a GTIN, but holds {said}'
                        f' ("{sample_text(column.profile.values[0])}"), so it is not used: export it again with this column as text'
                    )
        if self.sample.damaged:
            self.draft.decide.append(f"{self.sample.damaged} records could not be read and were not looked at")
        if not self.sample.records:
            self.draft.decide.insert(0, "the file holds no records: only the names of its columns speak")

    def note_guesses(self, found: Assignment, inner_found: Assignment | None) -> None:
        for assignment in (found, inner_found):
            if assignment is None:
                continue
            for column in self.sample.columns:
                if id(column) in self.draft.used or id(column) not in assignment.all_votes:
                    continue
                if any(
                    match.whole and match.strength > 0.8 and match.field.startswith("!") for match in column.meanings
                ):
                    continue
                guess = next(
                    (
                        one
                        for one in assignment.all_votes[id(column)]
                        if one.score >= GUESS and not one.field.startswith("!")
                    ),
                    None,
                )
                if guess is not None:
                    key = column.reference if not column.container else f"{column.container}|{column.reference}"
                    self.draft.guesses[key] = guess


YES = frozenset(map(str.casefold, TRUE))
STEPS = (" -> ", "->", " > ", ">", " » ", " / ", "/", "::", "\\")


def monies_of(*assignments: Assignment | None) -> list[Column]:
    """The columns that prices are taken from."""
    found = [one for one in assignments if one is not None]
    singles = [one.single[name].column for one in found for name in MONEY if name in one.single]
    return singles + [pick.column for one in found for pick in one.prices]


def other_currency(one: Column, other: Column) -> bool:
    """Whether both names say a currency, and not the same."""
    return bool(one.parts.currency and other.parts.currency and one.parts.currency != other.parts.currency)


def rank_of(pick: Pick) -> tuple[int, int, int]:
    """Main pictures first, then by number, then as they stand in the file."""
    tokens = set(pick.column.parts.tokens)
    main = tokens & {
        "main",
        "haupt",
        "primary",
        "principale",
        "principal",
        "featured",
        "base",
        "hauptbild",
        "cover",
        "front",
    }
    further = tokens & {
        "additional",
        "other",
        "extra",
        "weitere",
        "gallery",
        "more",
        "zusatz",
        "thumbnail",
        "small",
        "swatch",
    }
    return (-1 if main else 1 if further else 0, pick.column.parts.number or 0, pick.column.index)
