"""``feedbridge flickrocket prices``, ``licenses``, ``categories``, ``themes`` and ``products`` as they are typed."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest

from feedbridge.cli import cli, run
from feedbridge.cli.flickrocket import flickrocket
from feedbridge.cli.flickrocket_catalogue import write_table
from feedbridge.mapping.lookup import load_catalogue
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

cli.add_command(flickrocket)

MAPPING = """\
feedbridge: 1
name: books
records: {one: product}
product:
  sku: {from: SKU, required: true}
  title: {from: Title, required: true}
  kind: {value: digital}
  content: [{src: File}]
  digital:
    medium: {value: software}
    licences:
      - license_id: {from: Licence, lookup: {catalogue: flickrocket.licenses}}
        price_id: {from: Price model, lookup: {catalogue: flickrocket.prices}}
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


@pytest.fixture
def shop(box, tmp_path, monkeypatch) -> SandboxServer:
    box.store.reset()
    box.set_faults([])
    for name in list(os.environ):
        if name.startswith("FEEDBRIDGE_"):
            monkeypatch.delenv(name)
    for name, value in {"HOSTS": f"{box.url}/flickrocket", "TOKENS": str(tmp_path / "tokens"),
                        "CACHE": str(tmp_path / "cache"), "RATE": "off"}.items():
        monkeypatch.setenv(f"FEEDBRIDGE_FLICKROCKET_{name}", value)
    TokenStore(tmp_path / "tokens").write("default", Tokens(
        "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products,themes",
        "this machine",
    ))
    monkeypatch.chdir(tmp_path)
    return box


def typed(capfd, *words: str) -> tuple[int, str, str]:
    status = run(list(words))
    shown = capfd.readouterr()
    return status, shown.out, shown.err


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        pytest.param("prices", "48  Guides  valid true  eur 3.95  usd 4.50", id="prices"),
        pytest.param("licenses", "16  Standard  valid true  drm true  physical false  total_downloads 5", id="licences"),
        pytest.param("categories", "4  Fiction  enabled true", id="categories"),
        pytest.param("themes", "12  Harbour", id="themes"),
        pytest.param("products", "142995  Moby-Dick  product_id 0001-26ED-EA4F-AA32", id="products"),
    ],
)
def test_a_list(shop, capfd, kind, line):
    status, out, err = typed(capfd, "flickrocket", kind)
    assert (status, err) == (0, "")
    assert any(one.startswith(line) for one in out.splitlines()), out


@pytest.mark.parametrize(("said", "status", "words"), [
    pytest.param("api2", 0, "", id="api2"), pytest.param("api3", 2, 'there is no "api3"', id="unknown"),
])
def test_paths_by_setting(shop, capfd, monkeypatch, said, status, words):
    monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_API", said)
    found, out, err = typed(capfd, "flickrocket", "themes")
    assert (found, words in err, "FEEDBRIDGE_FLICKROCKET_API" in err) == (status, True, status == 2)
    if status == 0:
        assert "12  Harbour" in out
        assert shop.calls()[0]["action"] == "GET api2/theme_settings.json"


@pytest.mark.parametrize("log", [None, "json", "text"])
def test_open_tokens_are_told_in_one_line(shop, capfd, tmp_path, log):
    path = tmp_path / "tokens/default.json"
    path.chmod(0o644)
    (tmp_path / "books.yaml").write_text(MAPPING)
    (tmp_path / "tool.exe").write_bytes(b"MZ")
    (tmp_path / "books.csv").write_text("SKU,Title,File,Licence,Price model\nB-1,Tool,tool.exe,Standard,Books tier B\n")
    more = ("--log-format", log) if log else ()
    status, _, err = typed(capfd, "convert", "books.csv", "--mapping", "books.yaml", "--to", "flickrocket", "--out", "out", *more)
    assert status == 0, err
    (line,) = [line for line in err.splitlines() if "others could read" in line]
    assert "UserWarning" not in err
    assert ".py" not in err
    if log == "json":
        assert {name: json.loads(line)[name] for name in ("event", "level")} == {"event": "warning", "level": "warning"}
    else:
        assert (" warning warning message=" in line) if log else line.startswith(f"warning: {path}: others could read")


def test_json_has_amounts_as_texts(shop, capfd):
    status, out, _ = typed(capfd, "flickrocket", "prices", "--json")
    assert status == 0
    assert [(one["title"], one["id"], one["eur"]) for one in json.loads(out)][2] == ("Guides", "48", "3.95")


@pytest.mark.parametrize("suffix", ["csv", "json", "xlsx"])
def test_an_export_is_a_look_up_table(shop, capfd, tmp_path, suffix):
    assert typed(capfd, "flickrocket", "prices", "--export", f"prices.{suffix}") == (0, "", f"prices.{suffix}: 3 prices\n")
    assert typed(capfd, "flickrocket", "licenses", "--export", f"licenses.{suffix}")[0] == 0
    shop.set_faults(["flickrocket/503:all"])  # the shop has gone
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    (tmp_path / "books.yaml").write_text(MAPPING)
    (tmp_path / "tool.exe").write_bytes(b"MZ")
    (tmp_path / "books.csv").write_text("SKU,Title,File,Licence,Price model\nB-1,Tool,tool.exe,Standard,Books tier B\n")
    given = [word for kind in ("prices", "licenses") for word in ("--set", f"flickrocket.{kind}={kind}.{suffix}")]
    status, _, err = typed(capfd, "convert", "books.csv", "--mapping", "books.yaml", "--to", "flickrocket", "--out", "out",
                           *given)
    assert status == 0, err
    (written,) = (tmp_path / "out" / "flickrocket").rglob("product.json")
    (binding,) = json.loads(written.read_bytes())["product"]["price_license_binding"]
    assert (binding["license_id"], binding["price_id"]) == (16, 47)


def test_what_a_list_reads_is_used_by_the_next_conversion(shop, capfd, tmp_path):
    typed(capfd, "flickrocket", "prices")
    typed(capfd, "flickrocket", "licenses")
    before = len(shop.calls())
    (tmp_path / "books.yaml").write_text(MAPPING)
    (tmp_path / "books.csv").write_text("SKU,Title,File,Licence,Price model\nB-1,Tool,,Standard,Books tier B\n")
    typed(capfd, "check", "books.csv", "--mapping", "books.yaml", "--to", "flickrocket")
    assert len(shop.calls()) == before


ROWS = [
    {"title": "=1+1", "id": "1", "eur": Decimal("3.90"), "valid": True, "created_at": None},
    {"title": 'A "b", c\nd\x07', "id": "9007199254740991", "eur": None, "valid": False, "created_at": "2024-03-01"},
    {"title": "'-5%", "id": "3", "eur": Decimal("1E+2"), "valid": None, "created_at": None},
]


def test_a_csv_runs_nothing_in_a_spreadsheet_and_reads_as_it_was(tmp_path):
    path = tmp_path / "prices.csv"
    write_table(path, list(ROWS[0]), ROWS)
    with path.open(newline="") as stream:
        cells = list(csv.reader(stream))
    assert [row[0][:1] for row in cells[1:]] == ["'", "A", "'"]
    assert [row[2] for row in cells] == ["eur", "3.90", "", "100"]
    read = load_catalogue("flickrocket.prices", path, "prices.csv").entries
    assert [entry[:2] for entry in read] == [(row["title"], row["id"]) for row in ROWS]
    assert [entry[2] for entry in read] == [True, False, True]


def test_a_workbook_runs_nothing_and_loses_no_digit(tmp_path):
    path = tmp_path / "prices.xlsx"
    write_table(path, list(ROWS[0]), ROWS)
    rows = list(openpyxl.load_workbook(path).active.iter_rows(min_row=2))
    assert [(row[0].data_type, row[0].value, row[1].value) for row in rows] == [
        ("s", "=1+1", "1"), ("s", 'A "b", c\nd', "9007199254740991"), ("s", "'-5%", "3")]


@pytest.mark.parametrize(
    ("file", "code", "status"),
    [
        pytest.param("prices.txt", "flickrocket.setting", 2, id="no format"),
        pytest.param("nowhere/prices.csv", "output.write", 3, id="no folder"),
    ],
)
def test_an_export_that_cannot_be_written(shop, capfd, tmp_path, file, code, status):
    found, out, err = typed(capfd, "flickrocket", "prices", "--export", file)
    assert (found, out) == (status, "")
    assert code in err and "mend:" in err


def test_an_export_that_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_table(path, ["title"], [{"title": "\ud800"}])
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_logged_in(shop, capfd, tmp_path):
    TokenStore(tmp_path / "tokens").remove("default")
    status, out, err = typed(capfd, "flickrocket", "prices")
    assert (status, out) == (3, "")
    assert "feedbridge flickrocket login" in err
