"""``feedbridge explain`` as it is typed."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from feedbridge.cli import run
from feedbridge.report.explanation import explanation_json

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
EXPECTED = FIXTURES / "explain"
WRITE = os.environ.get("FEEDBRIDGE_GOLDEN") == "write"
HOSTILE = sorted(
    path.name for path in (FIXTURES / "hostile").iterdir() if path.suffix in {".csv", ".json", ".jsonl", ".gz"}
)
SHOP = ("fixtures/demo/shop.csv", "--set", "currency=EUR")
HOSTILE_SHOP = ("--mapping", "shopify", "--set", "currency=EUR")
CUT_OFF = ("fixtures/hostile/truncated.json", "--mapping", "pim-json", "--set", "currency=EUR", "--sku", "A")
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]")


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


OWN = ("--mapping", "fixtures/explain/shop.yaml")
INNER = ("fixtures/pim-json/catalogue.json", "--mapping", "fixtures/explain/inner.yaml")
FLIPSNACK, MAGENTO, FLICKROCKET = ("--to", "flipsnack"), ("--to", "magento"), ("--to", "flickrocket")
GOLDEN = [
    pytest.param(name, arguments, id=name)
    for name, arguments in {
        "candle": ("fixtures/demo/shop.csv", *OWN, "--sku", "KER-BW", *FLIPSNACK, *FLICKROCKET),
        "cup": ("fixtures/demo/shop.csv", *OWN, "--sku", "tasse-morgenrot", *MAGENTO),
        "twin": ("fixtures/hostile/same-sku-twice.csv", *OWN, "--sku", "TWIN", *FLIPSNACK),
        "scattered": ("fixtures/hostile/scattered-group.csv", *OWN, "--sku", "G-L", *FLIPSNACK),
        "escapes": ("fixtures/hostile/escapes-and-script.csv", *OWN, "--sku", "thing-1", *FLIPSNACK),
        "unreadable": ("fixtures/hostile/open-quote.csv", *OWN, "--line", "3"),
        "sock": (*INNER, "--sku", "SOCKE-42-R", *FLIPSNACK),
        "tent": (*INNER, "--sku", "ZELT-2"),
    }.items()
]


@pytest.mark.parametrize(("name", "arguments"), GOLDEN)
def test_what_is_shown(name, arguments, capsys):
    """Expected texts are in fixtures/explain; ``make golden`` rewrites them."""
    assert run(["explain", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    if WRITE:
        (EXPECTED / f"{name}.txt").write_text(shown.out, encoding="utf-8")
    assert shown.out == (EXPECTED / f"{name}.txt").read_text("utf-8")


def test_no_expected_text_is_left_over():
    assert {path.stem for path in EXPECTED.glob("*.txt")} == {parameter.values[0] for parameter in GOLDEN}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param((*SHOP, "--sku", "HEM-S-BL"), 0, "", id="found"),
        pytest.param((*SHOP, "--line", "4"), 0, "", id="found by line"),
        pytest.param((*SHOP, "--sku", "KER-WB"), 2, "did you mean KER-BW", id="unknown"),
        pytest.param((*SHOP, "--line", "9999"), 2, "no record at line 9999", id="unknown line"),
        pytest.param(SHOP, 2, "--sku SKU or --line N", id="neither"),
        pytest.param((*SHOP, "--sku", "A", "--line", "4"), 2, "--sku SKU or --line N", id="both"),
        pytest.param((*SHOP, "--sku", "A", "--to", "flipsnak"), 2, 'did you mean "flipsnack"', id="unknown platform"),
        pytest.param(("no.csv", "--sku", "A"), 3, "no.csv", id="no such file"),
        pytest.param(CUT_OFF, 3, "truncated.json", id="cut off"),
    ],
)  # fmt: skip
def test_exit_status(arguments, status, said, capsys):
    assert run(["explain", *arguments]) == status
    shown = capsys.readouterr()
    assert said in shown.err
    assert bool(shown.out) == (status == 0)


def test_json_is_one_complete_object_in_ascii(capsys):
    assert run(["explain", *SHOP, "--sku", "HEM-S-BL", "--to", "flipsnack", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    told = json.loads(out)
    assert told["query"] == {"sku": "HEM-S-BL", "line": None}
    (product,) = told["products"]
    written = json.loads((FIXTURES / "demo/shop.out/flipsnack/batch-0001.json").read_bytes())
    assert product["platforms"]["flipsnack"]["payload"] in written
    assert [record["line"] for record in product["records"]] == [2, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_feed_steers_the_terminal(name, capsys):
    for line in ("2", "3"):
        status = run(
            ["explain", f"fixtures/hostile/{name}", *HOSTILE_SHOP, "--line", line, "--to", "flipsnack", "--full"]
        )
        shown = capsys.readouterr()
        assert status in (0, 2, 3)
        assert not STEERING.search(shown.out + shown.err)
        assert "has a fault" not in shown.err


def test_long_values_are_cut_unless_all_is_asked_for(capsys):
    arguments = ["explain", "fixtures/hostile/long-cell.csv", *HOSTILE_SHOP, "--line", "3"]
    assert run(arguments) == 0
    short = capsys.readouterr().out
    assert run([*arguments, "--full"]) == 0
    assert len(short) < 20_000 < 140_000 < len(capsys.readouterr().out)
    assert "… (140,0" in short


def test_standard_input_is_a_source():
    done = subprocess.run(
        [sys.executable, "-m", "feedbridge", "explain", "-", *HOSTILE_SHOP, "--sku", "KER-BW"],
        input=(FIXTURES / "demo/shop.csv").read_bytes(), capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"<stdin>:24" in done.stdout
    assert b"\x1b" not in done.stdout


def test_a_terminal_gets_colours():
    outer, inner = pty.openpty()
    try:
        environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
        environment.pop("NO_COLOR", None)
        done = subprocess.Popen(
            [sys.executable, "-m", "feedbridge", "explain", *SHOP, "--sku", "KER-BW"], stdout=inner, env=environment
        )
        os.close(inner)
        seen = b""
        while True:
            try:
                part = os.read(outer, 1 << 16)
            except OSError:
                break
            if not part:
                break
            seen += part
        assert done.wait() == 0
    finally:
        os.close(outer)
    assert b"\x1b[" in seen
    assert b"KER-BW" in seen


def test_numbers_of_a_payload_keep_their_digits():
    from decimal import Decimal

    told = {"products": [{"payload": {"price": Decimal("12.50"), "name": "Käse 🧀"}}]}
    text = explanation_json(told)
    assert '"price": 12.50' in text
    assert json.loads(text)["products"][0]["payload"]["name"] == "Käse 🧀"
    assert text.isascii()
