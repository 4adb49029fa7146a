"""``feedbridge convert`` and ``check`` as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.cli import run
from feedbridge.mapping.presets import presets
from tests.run.runs import tree

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "fixtures" / "demo" / "shop.csv"
HOSTILE = sorted((ROOT / "fixtures" / "hostile").glob("*"))
SMALL = "sku,title,price,brand\nA,Pot,5.00,Acme\nB,Cup,x,\n"
GOOD = SMALL.replace("x", "6.00")
ALL = ("--to", "flipsnack", "--to", "magento", "--to", "flickrocket")
GENERIC = ("--mapping", "generic", "--set", "currency=EUR", "--set", "decimal=.")
FLIPSNACK = ("--to", "flipsnack", *GENERIC)


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.csv"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.csv"
    path.write_text(GOOD, encoding="utf-8")
    return str(path)


def feedbridge(*words: str, stdin: bytes = b"", **more) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "feedbridge", *words], input=stdin, capture_output=True, timeout=60, **more
    )


# exit statuses


def test_0_everything_written(good, tmp_path, capsys):
    assert run(["convert", good, *FLIPSNACK, "--out", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert out == "" and "2" in err
    assert [
        product["code"] for product in json.loads((tmp_path / "out" / "flipsnack" / "batch-0001.json").read_text())
    ] == ["A", "B"]


def test_1_something_held_back(small, tmp_path, capsys):
    assert run(["convert", small, *FLIPSNACK, "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f'{small}:3, column "price", SKU B: ' in err and "mend: " in err and "quarantine" in err


WRONG = [
    pytest.param(["convert", "SMALL"], "Missing option", id="no platform and no output"),
    pytest.param(
        ["convert", "SMALL", "--to", "flipsnac", "--out", "OUT"], 'did you mean "flipsnack"?', id="unknown platform"
    ),
    pytest.param(
        ["convert", "SMALL", "--to", "flipsnack", "--mapping", "generc", "--out", "OUT"],
        'did you mean "generic"?',
        id="unknown preset",
    ),
    pytest.param(
        ["convert", "SMALL", "--to", "flipsnack", "--mapping", "generic", "--out", "OUT"],
        "--set currency=EUR",
        id="a parameter that is asked for",
    ),
    pytest.param(
        ["convert", "SMALL", *FLIPSNACK, "--set", "curency=EUR", "--out", "OUT"],
        'did you mean "currency"?',
        id="unknown parameter",
    ),
    pytest.param(
        ["convert", "SMALL", *FLIPSNACK, "--set", "flipsnack.fed=x", "--out", "OUT"],
        'did you mean "feed"?',
        id="unknown setting",
    ),
    pytest.param(
        ["convert", "SMALL", *FLIPSNACK, "--set", "currency", "--out", "OUT"],
        "is not key=value",
        id="a setting without value",
    ),
    pytest.param(["convert", "SMALL", *FLIPSNACK, "--workers", "0", "--out", "OUT"], "--workers", id="no workers"),
    pytest.param(
        ["convert", "SMALL", *FLIPSNACK, "--limit", "x", "--out", "OUT"], "--limit", id="a limit that is no number"
    ),
    pytest.param(["convert", "SMALL", *FLIPSNACK, "--out", "SMALL"], "file", id="the output is a file"),
    pytest.param(["convert", "-", "-", *FLIPSNACK, "--out", "OUT"], "once", id="standard input twice"),
    pytest.param(["convert", *FLIPSNACK, "--out", "OUT"], "SOURCE", id="no source"),
    pytest.param(["convrt"], "No such command", id="unknown command"),
    pytest.param(["mapping", "show", "shopfy"], 'did you mean "shopify"?', id="an unknown preset to show"),
    pytest.param(["platform", "show", "magneto"], 'did you mean "magento"?', id="an unknown platform to show"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_2_the_command_is_wrong_and_nothing_was_done(small, tmp_path, capsys, words, said):
    places = {"SMALL": small, "OUT": str(tmp_path / "out")}
    assert run([places.get(word, word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert said in err and out == ""
    assert not (tmp_path / "out").exists()


def test_2_the_mapping_is_wrong(small, tmp_path, capsys):
    mapping = tmp_path / "m.yaml"
    mapping.write_text("feedbridge: 1\nproduct: {sku: sku, titel: title}\n", encoding="utf-8")
    assert run(["convert", small, "--to", "flipsnack", "--mapping", str(mapping), "--out", str(tmp_path / "out")]) == 2
    assert f'{mapping}:2, product.titel: there is no field "titel"' in capsys.readouterr().err


def test_2_no_preset_fits(tmp_path, capsys):
    path = tmp_path / "odd.csv"
    path.write_text("alpha,beta\n1,2\n")
    assert run(["convert", str(path), "--to", "flipsnack", "--out", str(tmp_path / "out")]) == 2
    assert "Candidates" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="not there"),
        pytest.param(b"", id="empty"),
        pytest.param(b"sku,title,price\n", id="header only"),
        pytest.param(b"%PDF-1.7 x", id="something else"),
        pytest.param(b"[{]", id="broken JSON"),
    ],
)
def test_3_the_source_cannot_be_read(tmp_path, capsys, content):
    path = tmp_path / "source.csv"
    if content is not None:
        path.write_bytes(content)
    assert run(["convert", str(path), *FLIPSNACK, "--out", str(tmp_path / "out")]) in (
        {3} if content is not None else {2, 3}
    )
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_header_without_records_may_be_allowed(tmp_path):
    path = tmp_path / "source.csv"
    path.write_text("sku,title,price\n")
    assert run(["convert", str(path), *FLIPSNACK, "--allow-empty", "--out", str(tmp_path / "out")]) in (0, 1)


# where things go


def test_json_prints_only_the_manifest(small, tmp_path, capsys):
    assert run(["convert", small, *FLIPSNACK, "--json", "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "held back" in err


def test_check_writes_nothing(small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    assert run(["check", small, *FLIPSNACK, "--json"]) == 1
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["platforms"]["flipsnack"]["counts"]["held_back"] == 1
    assert tree(tmp_path) == before


def test_quiet_says_nothing_when_all_is_well(good, tmp_path, capsys):
    assert run(["convert", good, *FLIPSNACK, "--quiet", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr() == ("", "")


def test_quiet_still_says_what_was_held_back(small, tmp_path, capsys):
    assert run(["convert", small, *FLIPSNACK, "--quiet", "--out", str(tmp_path / "out")]) == 1
    assert "B" in capsys.readouterr().err


def test_log_lines_are_json(small, tmp_path, capsys):
    assert run(["convert", small, *FLIPSNACK, "--log-format", "json", "--out", str(tmp_path / "out")]) == 1
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("started", "finished")
    assert events[-1]["exit_status"] == 1


def test_standard_input_is_read_as_a_file_is(small, tmp_path):
    done = feedbridge("convert", "-", *FLIPSNACK, "--out", str(tmp_path / "in"), stdin=SMALL.encode())
    assert done.returncode == 1 and done.stdout == b""
    assert b'<stdin>:3, column "price"' in done.stderr
    run(["convert", small, *FLIPSNACK, "--out", str(tmp_path / "file"), "--quiet"])
    assert tree(tmp_path / "in")["flipsnack/batch-0001.json"] == tree(tmp_path / "file")["flipsnack/batch-0001.json"]
    assert (tmp_path / "in" / "quarantine" / "stdin.csv").is_file()


def test_several_sources_with_standard_input(good, tmp_path):
    done = feedbridge(
        "convert",
        good,
        "-",
        *FLIPSNACK,
        "--json",
        "--out",
        str(tmp_path / "out"),
        stdin=b"sku,title,price\nC,Jug,1.00\n",
    )
    assert done.returncode == 0
    assert [one["name"] for one in json.loads(done.stdout)["inputs"]] == [good, "<stdin>"]


def test_limit_stops_after_so_many_products(tmp_path, capsys):
    assert run(
        [
            "convert",
            str(SHOP),
            "--to",
            "flipsnack",
            "--set",
            "currency=EUR",
            "--limit",
            "2",
            "--json",
            "--out",
            str(tmp_path / "out"),
        ]
    ) in (0, 1)
    assert json.loads(capsys.readouterr().out)["platforms"]["flipsnack"]["counts"]["read"] == 2


def test_a_closed_pipe_is_no_fault(small, tmp_path):
    command = f"{sys.executable} -m feedbridge mapping schema | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr and b"fault" not in done.stderr


# text from files cannot steer the terminal


def test_control_characters_are_spelt_out(tmp_path, capsys):
    path = tmp_path / "x.csv"
    path.write_text("sku,title,price\nA,Pot,\x1b[31m5\x1b]0;x\x07\n", encoding="utf-8")
    assert run(["convert", str(path), *FLIPSNACK, "--out", str(tmp_path / "out")]) == 1
    assert "\x1b" not in capsys.readouterr().err


# no file makes it fall over

SETTINGS = {"akeneo-json": ["currency=EUR", "locale=de_DE", "channel=ecommerce", "axes=size"]}


def fares(words: list[str], capsys) -> int:
    """The exit status of a run that must not be a fault of ours, whatever the file."""
    status = run(words)
    out, err = capsys.readouterr()
    assert status in {0, 1, 2, 3}, err
    assert "has a fault" not in err and "Traceback" not in err, err
    assert out == ""
    return status


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in HOSTILE if path.suffix != ".md"])
def test_hostile_files(path, tmp_path, capsys):
    for name in ["auto", *presets()]:
        words = [word for setting in SETTINGS.get(name, ["currency=EUR"]) for word in ("--set", setting)]
        if name == "auto":
            words = []
        fares(["convert", str(path), "--mapping", name, *words, *ALL, "--out", str(tmp_path / name)], capsys)


def test_there_are_hostile_files():
    assert len(HOSTILE) > 30


STARTS = [
    b"",
    b"sku,title,price\n",
    b"Handle,Title\n",
    b"[",
    b'{"sku": "A", "title": ',
    b"\xff\xfe",
    b'sku;title;price\n"A";"',
]


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from(STARTS), st.sampled_from(["generic.csv", "generic.json", "pim-json.json"])
)
def test_any_bytes(tmp_path_factory, data, start, case):
    folder = tmp_path_factory.mktemp("any")
    mapping, suffix = case.split(".")
    path = folder / f"x.{suffix}"
    path.write_bytes(start + data)
    words = [
        "convert",
        str(path),
        "--quiet",
        "--mapping",
        mapping,
        "--set",
        "currency=EUR",
        *ALL,
        "--out",
        str(folder / "out"),
    ]
    assert run(words) in {0, 1, 2, 3}


@pytest.fixture(autouse=True)
def faults_are_raised(monkeypatch):
    """In this file a fault of ours shows where it happened."""
    monkeypatch.setenv("FEEDBRIDGE_DEBUG", "1")
