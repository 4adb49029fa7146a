"""Golden cases: sources under ``fixtures/``, the command a user would type, and the whole output it must leave.

A case is a file ``fixtures/<folder>/<case>.args`` with the arguments of ``feedbridge convert``. Its sources are the
files the arguments name, else the one beside it called ``<case>.csv`` (or .tsv, .json, .jsonl). ``<case>.out/`` is the
output folder that is expected; for a run that ends with status 2 or 3 it holds ``message.txt``, what the user is told.

``make golden`` (``FEEDBRIDGE_GOLDEN=write``) rewrites what is expected. Then read ``git diff fixtures/`` line by line.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import feedbridge
from feedbridge.cli import run

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"
HOSTILE = FIXTURES / "hostile"
ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".xml", ".xlsx", ".parquet")
WRITE = os.environ.get("FEEDBRIDGE_GOLDEN") == "write"
NOT_COMPARED = {"report.html"}
"""Made of the same findings and counts, for people; its looks are tested beside it."""

CASES = sorted(
    path for path in FIXTURES.rglob("*.args") if ".out" not in "".join(path.relative_to(FIXTURES).parts[:-1])
)
HOSTILE_FILES = sorted(
    path for path in HOSTILE.iterdir() if path.is_file() and path.name not in {"README.md", ".gitattributes"}
)

PLAIN_TABLES = {
    "delimiter-tie.csv",
    "identifiers-eaten.csv",
    "one-column.csv",
    "prices-ambiguous.csv",
    "prices-mixed.csv",
    "prices-odd.csv",
    "spaces-in-skus.csv",
}
"""Hostile tables with the columns sku, title, price; the others have Shopify's."""


def case_id(path: Path) -> str:
    return path.relative_to(FIXTURES).as_posix()


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch) -> Path:
    """From the repository's root, so that paths in findings are short and the same everywhere."""
    monkeypatch.chdir(ROOT)
    for name in list(os.environ):
        if name.startswith("FEEDBRIDGE_"):
            monkeypatch.delenv(name)
    return ROOT


def arguments_of(case: Path) -> tuple[list[str], list[str]]:
    """Sources and options of a case, as they are typed at the root."""
    words = shlex.split(case.read_text("utf-8"), comments=True)
    named = [word for word in words if word.startswith("fixtures/")]
    if not named:
        own = [case.with_suffix(ending) for ending in ENDINGS if case.with_suffix(ending).exists()]
        assert len(own) == 1, f"{case.name} needs one source beside it, or names its sources"
        named = [own[0].relative_to(ROOT).as_posix()]
    return named, [word for word in words if not word.startswith("fixtures/")]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in NOT_COMPARED
    }


def stable_manifest(data: bytes) -> bytes:
    """The manifest without what changes with every release or every word in a preset's comments."""
    manifest: dict[str, Any] = json.loads(data)
    assert manifest["tool"]["version"] == feedbridge.__version__
    manifest["tool"]["version"] = "VERSION"
    for mapping in manifest["mappings"]:
        assert len(mapping["digest"]) == 64
        mapping["digest"] = "DIGEST"
    return (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()


def check_or_write(have: dict[str, bytes], expected: Path) -> None:
    if WRITE:
        shutil.rmtree(expected, ignore_errors=True)
        for name, data in have.items():
            (expected / name).parent.mkdir(parents=True, exist_ok=True)
            (expected / name).write_bytes(data)
    wanted = tree(expected)
    assert sorted(have) == sorted(wanted), f"other files than in {expected.relative_to(ROOT)}"
    for name, data in have.items():
        assert data.decode("utf-8", "replace") == wanted[name].decode("utf-8", "replace"), name
        assert data == wanted[name], name


def test_cases_are_found() -> None:
    folders = {case.parent.name for case in CASES}
    assert {"akeneo-json", "demo", "digital", "generic", "pim-json", "shopify"} <= folders
    assert len(CASES) >= 20
    assert len(HOSTILE_FILES) >= 40


def test_no_fixture_is_forgotten() -> None:
    used = {ROOT / source for case in CASES for source in arguments_of(case)[0]}
    sources = {
        path
        for folder in {case.parent for case in CASES}
        for path in folder.iterdir()
        if path.suffix in ENDINGS and path.is_file()
    }
    assert sources == used


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_golden(case: Path, at_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    sources, options = arguments_of(case)
    status = run(["convert", *sources, *options, "--out", str(out)])
    said = capsys.readouterr()
    have = tree(out) if out.is_dir() else {"message.txt": said.err.encode()}
    if out.is_dir():
        have["manifest.json"] = stable_manifest(have["manifest.json"])
        manifest = json.loads(have["manifest.json"])
        held = any(about["counts"]["held_back"] for about in manifest["platforms"].values())
        assert status == (1 if held else 0)
    else:
        assert status in (2, 3), said.err
    check_or_write(have, case.with_suffix(".out"))


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_golden_in_two_processes_and_strictly(
    case: Path, at_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the number of workers nor checking every product against the model changes a byte."""
    if WRITE:
        pytest.skip("expected files are being written")
    sources, options = arguments_of(case)
    run(["convert", *sources, *options, "--strict", "--workers", "2", "--out", str(tmp_path / "out")])
    have = tree(tmp_path / "out") if (tmp_path / "out").is_dir() else {"message.txt": capsys.readouterr().err.encode()}
    if "manifest.json" in have:
        have["manifest.json"] = stable_manifest(have["manifest.json"])
    check_or_write(have, case.with_suffix(".out"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("shopify/classic", "shopify/current", id="shopify-generations-1-and-2"),
        pytest.param("shopify/current", "shopify/newest", id="shopify-generations-2-and-3"),
        pytest.param("generic/comma", "generic/semicolon", id="decimal-point-and-decimal-comma"),
        pytest.param("generic/comma", "generic/lines", id="csv-and-json-lines"),
        pytest.param("pim-json/catalogue", "pim-json/lines", id="json-array-and-json-lines"),
    ],
)
def test_golden_twins_give_the_same_products(one: str, other: str) -> None:
    for platform in ("flipsnack", "magento"):
        payloads = [tree(FIXTURES / f"{name}.out" / platform) for name in (one, other)]
        assert payloads[0], f"{one} wrote nothing for {platform}"
        assert payloads[0] == payloads[1]


@pytest.mark.parametrize("path", HOSTILE_FILES, ids=lambda path: path.name)
def test_golden_hostile(path: Path, at_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the user is told of a broken file, and what is written all the same: one text a file, for people to read."""
    mapping = "shopify" if path.suffix in {".csv", ".gz"} and path.name not in PLAIN_TABLES else "generic"
    arguments = [
        "convert",
        path.relative_to(ROOT).as_posix(),
        "--mapping",
        mapping,
        "--set",
        "currency=EUR",
        "--to",
        "flipsnack",
    ]
    out = tmp_path / "out"
    status = run([*arguments, "--out", str(out)])
    said = capsys.readouterr().err
    lines = [f"$ feedbridge {' '.join(arguments)}", f"status {status}"]
    if out.is_dir():
        counts = json.loads((out / "manifest.json").read_bytes())["platforms"]["flipsnack"]["counts"]
        lines += [f"read {counts['read']}, written {counts['written']}, held back {counts['held_back']}", ""]
        lines += written(out / "flipsnack")
        found = [feedbridge.Finding(**json.loads(line)) for line in (out / "findings.jsonl").read_bytes().splitlines()]
        lines += [
            "",
            *(f"{str(finding.severity).upper()} {finding}" for finding in found if finding.code != "flipsnack.S5"),
        ]
        lines += ["", *quarantined(out / "quarantine")]
    else:
        assert status in (2, 3)
        lines += said.splitlines()
    text = "\n".join(lines).rstrip() + "\n"
    shown = "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)
    expected = HOSTILE / "expected" / f"{path.name}.txt"
    if WRITE:
        expected.parent.mkdir(exist_ok=True)
        expected.write_bytes(shown.encode())
    assert shown == expected.read_bytes().decode()


def written(folder: Path) -> list[str]:
    """One line a product: code, title, price, variants."""
    lines = []
    for path in sorted(folder.iterdir()):
        for product in json.loads(path.read_bytes(), parse_float=str, parse_int=str):
            line = f"WRITTEN {product['code']!r} {short(product['title'])} {product.get('sell_price', '-')}"
            for variant in product.get("variants", ()):
                line += f" [{variant['code']!r} {variant['attribute'].get('options1', '')} {variant['price']}]"
            lines.append(line)
    return lines


def quarantined(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [
        f"QUARANTINE {short(line)}"
        for path in sorted(folder.iterdir())
        for line in path.read_text("utf-8").splitlines()
    ]


def short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"
