"""The options of variants (size, colour), however a file says them; without variants they are attributes."""

from __future__ import annotations

from typing import Any

from feedbridge.mapping.suggest.assign import Assignment
from feedbridge.mapping.suggest.draft import Draft
from feedbridge.mapping.suggest.evidence import value_fit
from feedbridge.mapping.suggest.grammar import Grammar
from feedbridge.mapping.suggest.sample import Column, InnerList, Sample, columns_of_list
from feedbridge.mapping.suggest.write import Node, flow, sample_text, scalar

__all__ = ["Options"]


class Options:
    """Writes ``variant.options`` and ``product.attributes`` of a draft."""

    def __init__(self, draft: Draft, sample: Sample, inner: InnerList | None) -> None:
        self.draft = draft
        self.sample = sample
        self.inner = inner

    def write(self, found: Assignment, grammar: Grammar, inner_found: Assignment | None) -> None:
        nodes: list[Node] = []
        if grammar.mode in {"group", "parent"}:
            nodes += self.option_pairs()
            for pick in found.options:
                if grammar.mode == "group" and id(pick.column) not in grammar.varying:
                    continue
                nodes.append(
                    self.option_node(
                        pick.column,
                        pick.vote.reason() + (", and it differs within products" if grammar.mode == "group" else ""),
                    )
                )
        elif inner_found is not None:
            nodes += self.inner_options(inner_found)
        if not nodes and grammar.mode != "flat":
            nodes = self.differing(grammar)
        if nodes:
            self.draft.variant["options"] = Node("options:", below=nodes)
        left = [pick for pick in found.options if id(pick.column) not in self.draft.used]
        if left:
            below = []
            seen = set()
            for pick in left:
                key = pick.column.name.strip()
                if key.casefold() in seen or pick.column.profile.lists:
                    continue
                seen.add(key.casefold())
                below.append(
                    Node(
                        f"{scalar(key)}:",
                        scalar(pick.column.reference),
                        [self.draft.say([pick.column], pick.vote.reason())],
                        columns=(pick.column.name,),
                    )
                )
                self.draft.take(pick.column, "attributes")
            if below:
                self.draft.product["attributes"] = Node("attributes:", below=below)

    def differing(self, grammar: Grammar) -> list[Node]:
        """A column nobody knows that tells variants apart, in place of options."""
        container = grammar.inner.path if grammar.inner is not None else ""
        for column in self.sample.of(container):
            if (
                id(column) in self.draft.used
                or not column.reference
                or not column.profile.filled
                or column.profile.lists
            ):
                continue
            if grammar.mode == "group" and id(column) not in grammar.varying:
                continue
            if grammar.mode == "parent" and grammar.key is not None:
                rows = [row for row in range(len(column.values)) if grammar.key.text(row)]
                if (
                    sum(bool(column.text(row)) for row in rows) < 0.9 * len(rows)
                    or len({column.text(row) for row in rows}) < 2
                ):
                    continue
            profile = column.profile
            fit, _ = value_fit("option:", profile)
            spoken = column.meanings[0] if column.meanings else None
            if spoken is not None and spoken.strength > 0.5 and not spoken.field.startswith("option:"):
                continue
            if (
                fit > 0
                and profile.share("yes_no") < 0.5
                and profile.share("decimals2") < 0.5
                and (profile.variety < 1 or profile.share("code") < 0.5)
                and profile.distinct > 1
            ):
                self.draft.decide.append(
                    f'no column is named like a size or colour; "{sample_text(column.name)}" tells variants apart and is taken'
                )
                return [self.option_node(column, "it differs between variants")]
        self.draft.decide.append("no column tells the variants apart (size, colour): Flipsnack wants an option")
        return []

    def option_node(self, column: Column, reason: str, name: Any = None) -> Node:
        self.draft.take(column, "options")
        value = flow(
            {
                "name": name if name is not None else {"value": column.steps[-1].strip() or column.name},
                "value": column.reference,
            }
        )
        return Node("-", value, [self.draft.say([column], reason)], columns=(column.name,))

    def option_pairs(self) -> list[Node]:
        """``Option1 Name`` beside ``Option1 Value``."""
        names: dict[int, Column] = {}
        values: dict[int, Column] = {}
        for column in self.sample.of():
            tokens = set(column.parts.tokens)
            if column.parts.number is None or not column.reference or not column.profile.filled:
                continue
            if tokens & {"option", "attribute", "attribut", "variation", "eigenschaft", "opcion", "opzione", "merkmal"}:
                if tokens & {"name", "nom", "nombre", "nome", "naam"}:
                    names[column.parts.number] = column
                elif tokens & {"value", "values", "wert", "valeur", "valor", "valore", "waarde"}:
                    values[column.parts.number] = column
        nodes = []
        for number in sorted(names.keys() & values.keys()):
            self.draft.take(names[number], "options")
            nodes.append(self.option_node(values[number], "a pair of option name and value", names[number].reference))
        return nodes

    def inner_options(self, inner_found: Assignment) -> list[Node]:
        assert self.inner is not None
        path = self.inner.path
        own = self.sample.of(path)
        holders = {
            "options",
            "attributes",
            "optionvalues",
            "selectedoptions",
            "axes",
            "properties",
            "specs",
            "variation",
        }
        for name in list(self.sample.lists):
            if name.startswith(f"{path}[].") and "[]" not in name[len(path) + 3 :]:
                last = "".join(sign for sign in self.sample.lists[name].steps[-1].casefold() if sign.isalpha())
                if last in holders:
                    columns = {
                        column.steps[-1].casefold(): column for column in columns_of_list(self.sample.lists[name])
                    }
                    key = next(
                        (columns[one] for one in ("name", "option", "attribute", "key", "code") if one in columns), None
                    )
                    value = next((columns[one] for one in ("value", "label") if one in columns), None)
                    if key is not None and value is not None:
                        block = {
                            "each": self.sample.lists[name].reference,
                            "name": key.reference,
                            "value": value.reference,
                        }
                        return [
                            Node(
                                "-",
                                flow(block),
                                [f"a list of option names and values: {sample_text(name, 80)}"],
                                columns=(value.name,),
                            )
                        ]
        inside = [column for column in own if len(column.steps) > 1 and fold_letters(column.steps[0]) in holders]
        if inside:
            first = inside[0].steps[0]
            for column in inside:
                self.draft.take(column, "options")
            return [
                Node(
                    "-",
                    flow({"from": first}),
                    [self.draft.say(inside, f"names and values of the options in {sample_text(first)}")],
                    columns=(inside[0].name,),
                )
            ]
        numbered = [
            c
            for c in own
            if c.parts.tokens in {("option",), ("option", "value")} and c.parts.number and c.profile.filled
        ]
        if numbered:
            names = [one for one in self.sample.lists.values() if one.path == "options"]
            return [
                self.option_node(
                    column, "a numbered option",
                    {"first_filled": [f"^options.{(column.parts.number or 1) - 1}.name"]} if names else None,
                )
                for column in numbered
            ]  # fmt: skip
        return [self.option_node(pick.column, pick.vote.reason()) for pick in inner_found.options]


def fold_letters(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalpha())
