"""Every code in use is explained, and every explained code is in use.

Codes are found in the package's source: whole string constants (``"csv.open-quote"``), docstrings and comparisons left
out, and f-strings with one gap (``f"cell.{kind}-shape"``) whose fillings the source tells: what a parameter is called
with, or what an attribute is set to in its classes. A code put together in any other way is refused.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

import feedbridge.report.catalogue
from feedbridge.report.catalogue import CATALOGUE

PACKAGE = Path(feedbridge.report.catalogue.__file__).parents[1]
ROOMS = (
    "csv", "json", "source", "cell", "mapping", "run", "frame", "output", "command", "images", "job", "ledger", "plan",
    "guard", "sync", "metrics", "sandbox",
)
CODE = re.compile(rf"({'|'.join(ROOMS)})\.[a-z0-9]+(-[a-z0-9]+)*")
BEGINNING = re.compile(rf"({'|'.join(ROOMS)})\.[a-z0-9-]*")
NOT_CODES = frozenset({
    "ledger.id", "ledger.left", "ledger.sqlite", "plan.jsonl", "run.failed", "run.finished", "run.held", "run.started", "sandbox.lock",
    "sandbox.sqlite3",
})
"""Constants that look like a code and are something else (an event of the log, a place in a mapping file)."""


Trees = dict[str, ast.Module]
Node = TypeVar("Node", ast.ClassDef, ast.FunctionDef)


def modules() -> Trees:
    """The package's modules by path. A platform's codes are explained by its rules, so their folders are left out."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if path != Path(feedbridge.report.catalogue.__file__)]
    shown = {path.relative_to(PACKAGE).as_posix(): path for path in paths}
    return {
        name: ast.parse(path.read_text(encoding="utf-8"))
        for name, path in shown.items()
        if not (name.startswith("platforms/") and name.count("/") > 1)
    }


def text_of(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def passed_to(function: ast.FunctionDef, parameter: str, trees: Trees) -> set[str]:
    """The constants any call of a function of this name passes as one of its parameters."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    at = names.index(parameter) - (names[:1] in (["self"], ["cls"])) if parameter in names else None
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                given: list[ast.AST] = [keyword.value for keyword in node.keywords if keyword.arg == parameter]
                if at is not None and at < len(node.args):
                    given.append(node.args[at])
                if called == function.name:
                    found |= {text for value in given if (text := text_of(value)) is not None}
    return found


def set_in_classes(attribute: str, owner: ast.ClassDef, trees: Trees) -> set[str]:
    """The constants an attribute is set to in a class and the classes made of it (told by their names)."""
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    family, grown = {owner.name}, True
    while grown:
        heirs = {c.name for c in classes if family & {getattr(base, "id", "") for base in c.bases}}
        grown, family = not heirs <= family, family | heirs
    found: set[str] = set()
    for part in [part for c in classes if c.name in family for part in c.body]:
        if isinstance(part, (ast.Assign, ast.AnnAssign)):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            text = text_of(part.value)
            if text is not None and attribute in [getattr(target, "id", "") for target in targets]:
                found.add(text)
    return found


def around(kind: type[Node], tree: ast.Module, line: int) -> list[Node]:
    """The definitions of a kind a line is in, the innermost last."""
    nodes = [n for n in ast.walk(tree) if isinstance(n, kind) and n.lineno <= line <= (n.end_lineno or 0)]
    return sorted(nodes, key=lambda node: node.lineno)


def fillings(gap: ast.expr, tree: ast.Module, line: int, trees: Trees) -> set[str]:
    """What can stand in the gap of an f-string; empty when the source does not tell."""
    if isinstance(gap, ast.Attribute):
        owners = around(ast.ClassDef, tree, line)
        return set_in_classes(gap.attr, owners[-1], trees) if owners else set()
    if isinstance(gap, ast.Name):
        for function in reversed(around(ast.FunctionDef, tree, line)):
            if gap.id in {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}:
                return passed_to(function, gap.id, trees)
    return set()


def made_of(node: ast.JoinedStr, tree: ast.Module, trees: Trees) -> set[str] | None:
    """The codes an f-string can make; None when it makes none, empty when that cannot be told."""
    first = text_of(node.values[0]) if node.values else None
    if first is None or not BEGINNING.fullmatch(first):
        return None
    gap, rest = node.values[1], node.values[2:]
    if not isinstance(gap, ast.FormattedValue) or any(text_of(part) is None for part in rest):
        return set()
    ending = "".join(text_of(part) or "" for part in rest)
    return {f"{first}{filling}{ending}" for filling in fillings(gap.value, tree, node.lineno, trees)}


def search(trees: Trees) -> tuple[dict[str, set[str]], set[str]]:
    """Codes with their places, and places of f-strings nothing can be told of."""
    found: dict[str, set[str]] = {}
    dark: set[str] = set()
    for name, tree in trees.items():
        aside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for compared in [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]:
            aside |= {id(node) for node in ast.walk(compared)}
        for node in ast.walk(tree):
            codes: set[str] = set()
            if isinstance(node, ast.JoinedStr):
                made = made_of(node, tree, trees)
                codes = made or set()
                dark |= {f"{name}:{node.lineno}"} if made == set() else set()
            elif id(node) not in aside and (text := text_of(node)) and CODE.fullmatch(text):
                codes = {text}
            for code in codes - NOT_CODES:
                found.setdefault(code, set()).add(f"{name}:{getattr(node, 'lineno', 0)}")
    return found, dark


@cache
def in_use() -> tuple[dict[str, set[str]], set[str]]:
    return search(modules())


def test_codes_are_found():
    assert {"source.empty", "cell.unreadable", "output.write"} <= in_use()[0].keys()


def test_every_code_in_use_is_in_the_catalogue():
    assert {code: places for code, places in in_use()[0].items() if code not in CATALOGUE} == {}


def test_every_code_of_the_catalogue_is_in_use():
    assert sorted(CATALOGUE.keys() - in_use()[0].keys()) == []


def test_no_code_is_put_together_in_a_way_the_source_does_not_tell():
    assert sorted(in_use()[1]) == []


@pytest.mark.parametrize(
    ("source", "expected", "dark"),
    [
        pytest.param('E(code="csv.whole")', {"csv.whole"}, 0, id="constant"),
        pytest.param('"""csv.docstring"""', set(), 0, id="docstring"),
        pytest.param('if name in {"source.quote"} or code == "csv.x": pass', set(), 0, id="compared, not given"),
        pytest.param('E("mend csv.whole", "csv.Whole", "html.whole")', set(), 0, id="other text"),
        pytest.param(
            'def f(self, kind): E(f"cell.{kind}-shape")\nx.f("odd"); f(kind="even"); f(1)',
            {"cell.odd-shape", "cell.even-shape"}, 0, id="parameter",
        ),
        pytest.param(
            'class A:\n  noun = "a"\n  def f(self): E(f"cell.{self.noun}")\n'
            'class B(A):\n  noun: str = "b"\nclass C:\n  noun = "c"',
            {"cell.a", "cell.b"}, 0, id="attribute",
        ),
        pytest.param('E(f"cell.{made()}"); E(f"cell.{a}-{b}"); f"{x} cell."', set(), 2, id="cannot be told"),
    ],
)
def test_the_search_finds(source, expected, dark):
    codes, places = search({"a.py": ast.parse(source.replace("; E(f", "\nE(f"))})
    assert codes.keys() == expected
    assert len(places) == dark


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_an_explanation_is_one_sentence(code):
    text = CATALOGUE[code]
    assert CODE.fullmatch(code)
    assert re.fullmatch(r"[A-Z0-9\"].*[^.]\.", text) and "\n" not in text
    assert ". " not in text
    assert len(text) <= 160


def test_the_catalogue_is_in_order():
    assert list(CATALOGUE) == sorted(CATALOGUE)


def test_no_explanation_stands_twice():
    assert len(set(CATALOGUE.values())) == len(CATALOGUE)
