"""docs/sync.md names the test that holds each of its claims: the tests are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs/sync.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:sync|cli|platforms)/test_\w+\.py)(?:::(\w+))?`", PAGE)))


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "test"), NAMED, ids=["::".join(filter(None, one)) for one in NAMED])
def test_named_test_is_there(file: str, test: str):
    path = TESTS / file
    assert path.is_file(), f"docs/sync.md names {file}"
    found = functions(path)
    assert test in found if test else any(name.startswith("test_") for name in found)


def parts(heading: str) -> list[str]:
    """The rows, points and numbered claims under a heading."""
    text = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^(?:- |\d\. |\| (?!---|guard |what ))(.*(?:\n {2,}.*)*)", text, re.MULTILINE)
    return [part for part in found if not set(part) <= set("-|: ")]


@pytest.mark.parametrize("heading", ["Guards", "What is guaranteed"])
def test_every_claim_names_its_test(heading: str):
    claims = parts(heading)
    if heading == "What is guaranteed":
        claims = [claim for claim in claims if claim.startswith("**")]
    assert len(claims) >= 8
    without = [claim for claim in claims if "/test_" not in claim and "(the same tests" not in claim]
    assert without == []


def test_everything_that_breaks_names_its_test():
    rows = [line for line in PAGE.partition("## When something breaks")[2].partition("\n**What")[0].splitlines()
            if line.startswith("| ") and not line.startswith(("| what |", "|---"))]
    assert len(rows) >= 11
    assert [row for row in rows if "/test_" not in row] == []
