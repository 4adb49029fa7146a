"""``feedbridge mapping suggest`` as it is typed."""

from __future__ import annotations

import shlex

import openpyxl
import pytest

import feedbridge.api
from feedbridge.cli import run

GOOD = "Artikelnummer;Bezeichnung;Preis;Bestand\n1;Roter Hut;1,50;3\n2;Blauer Hut;2,50;4\n"


@pytest.fixture
def feed(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_what_it_writes_converts(feed, tmp_path, capsys):
    out = tmp_path / "feed.yaml"
    assert run(["mapping", "suggest", str(feed), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "flipsnack: 2 read, 2 would be written, 0 held back" in said.err
    assert "--set currency=EUR" in said.err
    arguments = ["convert", str(feed), "--mapping", str(out), "--set", "currency=EUR", "--to", "magento", "--quiet"]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 0


def test_without_out_the_mapping_is_on_stdout(feed, capsys):
    assert run(["mapping", "suggest", str(feed)]) == 0
    assert "feedbridge: 1\n" in capsys.readouterr().out


def test_a_file_that_is_there_stays(feed, tmp_path, capsys):
    out = tmp_path / "mine.yaml"
    out.write_text("# mine\n", encoding="utf-8")
    assert run(["mapping", "suggest", str(feed), "--out", str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "# mine\n"
    assert run(["mapping", "suggest", str(feed), "--out", str(out), "--force"]) == 0
    assert "feedbridge: 1" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param("foo,bar\nx1,Red hat\nx2,Blue hat\n", 1, id="guessed blindly"),
        pytest.param("sku,title,price\n", 0, id="only a header"),
        pytest.param("", 3, id="empty"),
    ],
)
def test_exit_status(content, status, tmp_path, capsys):
    path = tmp_path / "feed.csv"
    path.write_text(content, encoding="utf-8")
    assert run(["mapping", "suggest", str(path)]) == status
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path):
    assert run(["mapping", "suggest", str(tmp_path / "none.csv")]) == 3


def test_an_unknown_platform(feed):
    assert run(["mapping", "suggest", str(feed), "--to", "bazaar"]) == 2


def test_both_doors_give_the_same_bytes(feed, tmp_path, capsys):
    assert run(["mapping", "suggest", str(feed)]) == 0
    assert feedbridge.api.suggest(str(feed)).text() == capsys.readouterr().out


def test_a_field_that_would_hold_most_products_back_is_taken_out(tmp_path):
    path = tmp_path / "feed.csv"
    rows = "".join(f"a{n},Red hat {n},5.00,{'about 2 kg' if n % 2 else '2 kg'}\n" for n in range(40))
    path.write_text("sku,title,price,weight\n" + rows, encoding="utf-8")
    draft = feedbridge.api.suggest(str(path), to=["magento"])
    assert "weight_grams" not in draft.product
    assert "magento: 40 read, 40 would be written, 0 held back" in "\n".join(draft.checked)


@pytest.mark.parametrize(
    ("name", "header", "row", "given"),
    [
        pytest.param("feed.csv", "sku,title,price", "a,Red hat,1.50", {"currency": "EUR"}, id="a currency"),
        pytest.param("feed.csv", "sku,title,price EUR", "a,Red hat,1.50", {}, id="nothing"),
        pytest.param(
            "price list.csv", "sku,title,price,weight", "a,Red hat,1.234,2",
            {"decimal": ".", "currency": "EUR", "weight_unit": "kg"}, id="several, and a name with a blank",
        ),
    ],
)  # fmt: skip
def test_the_next_step_works_as_it_is_printed(name, header, row, given, tmp_path, capsys):
    feed, out = tmp_path / name, tmp_path / "my map.yaml"
    feed.write_text(f"{header}\n{row}\n", encoding="utf-8")
    assert run(["mapping", "suggest", str(feed), "--out", str(out)]) == 0
    words = shlex.split(capsys.readouterr().err.splitlines()[-1])
    sets = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    assert words == ["feedbridge", "check", str(feed), "--mapping", str(out), *sets, "--to", "flipsnack"]
    assert run(words[1:]) == 0


@pytest.mark.parametrize(
    ("above", "line"),
    [
        pytest.param("Price list 2024\n", 2, id="a title"),
        pytest.param("Price list 2024\n\n", 3, id="a title and a blank line"),
        pytest.param("\nPrice list 2024;;\n\n\nvalid from May;;\n\n", 7, id="all sorts of lines"),
    ],
)
def test_the_line_of_the_header_is_the_one_an_editor_shows(above, line, tmp_path, capsys):
    path, out = tmp_path / "feed.csv", tmp_path / "feed.yaml"
    path.write_text(above + GOOD, encoding="utf-8")
    assert run(["mapping", "suggest", str(path), "--out", str(out)]) == 0
    assert f"the header was found in line {line};" in capsys.readouterr().err
    assert f"source: {{skip_lines: {line - 1}}}\n" in out.read_text(encoding="utf-8")


def test_the_line_of_the_header_in_a_workbook(tmp_path, capsys):
    book = openpyxl.Workbook()
    for row in (["Price list"], [], *(line.split(";") for line in GOOD.splitlines())):
        book.active.append(row)
    book.save(tmp_path / "feed.xlsx")
    assert run(["mapping", "suggest", str(tmp_path / "feed.xlsx")]) == 0
    assert "the header was found in line 3;" in capsys.readouterr().err
