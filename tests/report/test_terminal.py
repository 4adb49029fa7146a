from __future__ import annotations

import io
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.findings import Finding, Severity
from feedbridge.report.terminal import coloured, render_findings, render_summary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def price(line: int, **more: str) -> Finding:
    return Finding(
        code="cell.price-format", severity=Severity.ERROR, file="feed.csv", line=line, column="Preis",
        sku=more.pop("sku", "TEE-042"), message='"12.50" has a dot, but this mapping reads decimal commas',
        mend="write 12,50", **more,
    )


SHORT = Finding(code="csv.short-row", severity=Severity.WARNING, file="feed.csv", line=3, message="2 cells are missing")
HINT = Finding(code="mapping.unused", severity=Severity.ADVICE, file="feed.csv", message="3 columns are not used")


def shown(findings, *, total=None, limit=3, stream=None, environment=None, **more) -> str:
    stream = stream or io.StringIO()
    findings = list(findings)
    total = Counter(f.code for f in findings) if total is None else total
    render_findings(iter(findings), total=total, limit=limit, stream=stream, environment=environment or {}, **more)
    return stream.getvalue()


def test_an_example_looks_as_the_finding_says_itself():
    text = shown([price(14)], about={"cell.price-format": "A price is not written as the mapping reads prices."})
    assert text == (
        "1 error [cell.price-format]: A price is not written as the mapping reads prices.\n"
        'feed.csv:14, column "Preis", SKU TEE-042: "12.50" has a dot, but this mapping reads decimal commas '
        "[cell.price-format]\n"
        "  mend: write 12,50\n"
        "\n"
    )


def test_errors_come_first_then_warnings_then_advice_the_most_frequent_first():
    rare = Finding(code="cell.gtin", severity=Severity.ERROR, message="wrong check digit")
    text = shown([HINT, SHORT, rare, price(14), price(15)], about={})
    heads = [line for line in text.splitlines() if line[:1].isdigit()]
    assert heads == ["2 errors [cell.price-format]", "1 error [cell.gtin]", "1 warning [csv.short-row]",
                     "1 advice [mapping.unused]"]


@pytest.mark.parametrize(
    ("given", "total", "limit", "head", "more"),
    [
        pytest.param(5, 5, 3, "5 errors", "  ... and 2 more, all in findings.jsonl", id="cut by the limit"),
        pytest.param(3, 1237, 3, "1,237 errors", "  ... and 1,234 more, all in findings.jsonl", id="a sample given"),
        pytest.param(3, 3, 3, "3 errors", None, id="all shown"),
        pytest.param(2, 2, 0, "2 errors", "  2, all in findings.jsonl", id="no examples wanted"),
        pytest.param(0, 7, 3, "7 errors", "  7, all in findings.jsonl", id="counted but never given"),
        pytest.param(4, 0, 4, "4 errors", None, id="total knows less than was given"),
    ],
)
def test_the_count_is_complete_also_where_the_list_is_cut(given, total, limit, head, more):
    text = shown([price(n) for n in range(1, given + 1)], total={"cell.price-format": total}, limit=limit, about={})
    lines = text.splitlines()
    assert lines[0] == f"{head} [cell.price-format]"
    assert [line for line in lines if line.endswith("findings.jsonl")] == ([more] if more else [])
    assert sum(line.startswith("feed.csv:") for line in lines) == min(given, limit)


def test_findings_are_taken_one_by_one():
    def endless_memory():
        for line in range(20_000):
            yield price(line)

    stream = io.StringIO()
    render_findings(endless_memory(), total={}, limit=1, stream=stream, environment={})
    assert "and 19,999 more" in stream.getvalue()


@pytest.mark.parametrize(
    ("hostile", "seen"),
    [
        pytest.param("\x1b[2J\x1b[31mgone", r"\x1b[2J\x1b[31mgone", id="ANSI escape"),
        pytest.param("\x9b31mC1", r"\x9b31mC1", id="C1 control"),
        pytest.param("\x1b]0;title\x07", r"\x1b]0;title\x07", id="window title and bell"),
        pytest.param("a\r\nfeed.csv:1: all is well", r"a\r\nfeed.csv:1: all is well", id="line break"),
        pytest.param("\u202egnp.exe", r"\u202egnp.exe", id="right-to-left override"),
        pytest.param("a\x00b\x08", r"a\x00b\x08", id="NUL and backspace"),
        pytest.param("half \ud83d", r"half \ud83d", id="half of a surrogate pair"),
        pytest.param("[bold red]rich[/]", "[bold red]rich[/]", id="rich markup"),
        pytest.param(":smile: Grüße ☕", ":smile: Grüße ☕", id="harmless text stays"),
    ],
)
@pytest.mark.parametrize("stream", [pytest.param(io.StringIO, id="plain"), pytest.param(Terminal, id="terminal")])
def test_feed_text_cannot_steer_the_terminal(hostile, seen, stream):
    finding = Finding(code="x.y", severity=Severity.ERROR, file="f.csv", line=2, column=hostile, sku=hostile,
                      message=hostile, mend=hostile)
    text = shown([finding], stream=stream(), about={})
    assert text.count(seen) == 4
    assert hostile == seen or hostile not in text


OURS = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[1;31m"]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60), st.sampled_from([None, 20, 80]), st.booleans())
def test_any_text_can_be_shown(text, width, terminal):
    finding = Finding(code="x.y", severity=Severity.ERROR, sku=text, message=text, mend=text)
    out = shown([finding], width=width, stream=Terminal() if terminal else None, about={})
    for style in OURS:
        out = out.replace(style, "")
    assert not [char for char in out if char != "\n" and (char < " " or "\x7f" <= char <= "\x9f")]


def test_a_wrapped_line_keeps_its_words():
    text = shown([price(14)], width=40, about={})
    assert max(map(len, text.splitlines())) <= 40
    assert " ".join(text.split()) == " ".join(shown([price(14)], about={}).split())


def test_colours_add_nothing_but_colours():
    wide = shown([price(14), SHORT], stream=Terminal(), width=60)
    for style in OURS:
        wide = wide.replace(style, "")
    assert wide == shown([price(14), SHORT], width=60)


def test_a_very_long_message_is_cut_on_the_screen_only():
    text = shown([Finding(code="x.y", severity=Severity.ERROR, message="Y" * 100_000)], about={})
    assert "Y" * 999 + "… [x.y]" in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "shift_jis"])
def test_a_terminal_of_any_encoding_shows_what_it_can(encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    finding = Finding(code="x.y", severity=Severity.ERROR, message="Tasse ☕ für 5 €")
    render_findings([finding], total={}, limit=1, stream=stream, environment={}, about={})
    render_summary(COUNTS, Path("Ausgabe ☕"), stream, environment={})
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert "Tasse" in text
    assert ("☕" in text) == (encoding == "utf-8")
    assert (r"\u2615" in text) == (encoding != "utf-8")


COUNTS = {
    "flipsnack": {
        "read": 1234, "written": 1200, "excluded": {}, "held_back": 34,
        "variants": {"read": 3000, "written": 2900, "excluded": {}, "held_back": 100},
    },
    "flickrocket": {"read": 12, "written": 10, "excluded": {"physical": 1}, "held_back": 1},
}


def summary(out=Path("out"), stream=None, environment=None, **more) -> str:
    stream = stream or io.StringIO()
    render_summary(COUNTS, out, stream, environment=environment or {}, **more)
    return stream.getvalue()


def test_the_summary_shows_every_number_and_where_to_look():
    severities = {"error": 35, "warning": 1, "advice": 2}
    text = summary(severities=severities, quarantine=["quarantine/shop.csv"], seconds=3.21)
    assert text == (
        "products      read  written  left out  held back\n"
        "flipsnack    1,234    1,200         0         34\n"
        "  variants   3,000    2,900         0        100\n"
        "flickrocket     12       10         1          1\n"
        "flickrocket left out 1 product: physical\n"
        "findings: 35 errors, 1 warning, 2 advice\n"
        "took 3.2 s\n"
        "output: out (findings.jsonl, manifest.json)\n"
        "held back: out/quarantine/shop.csv - mend it and feed it back in\n"
    )


@pytest.mark.parametrize(
    ("more", "line"),
    [
        pytest.param({"out": None}, "nothing was written: this was a check", id="check"),
        pytest.param({"severities": {}}, "findings: none", id="no findings"),
        pytest.param({}, "held back: out/quarantine - mend and feed back in", id="quarantine not named"),
    ],
)
def test_the_summary_also_says(more, line):
    assert line in summary(**more).splitlines()


def test_a_colour_summary_is_the_plain_one_in_colours():
    text = summary(stream=Terminal(), width=200)
    assert "\x1b[1;31m" in text
    for style in OURS:
        text = text.replace(style, "")
    assert text == summary()


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        pytest.param(Terminal(), {}, True, id="terminal"),
        pytest.param(io.StringIO(), {}, False, id="pipe or file"),
        pytest.param(Terminal(), {"NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param(Terminal(), {"NO_COLOR": ""}, True, id="NO_COLOR set but empty"),
        pytest.param(Terminal(), {"TERM": "dumb"}, False, id="dumb terminal"),
    ],
)
def test_colours_are_for_terminals_that_want_them(stream, environment, expected):
    assert coloured(stream, environment) is expected
    assert ("\x1b" in shown([price(1)], stream=type(stream)(), environment=environment)) is expected
    assert ("\x1b" in summary(stream=type(stream)(), environment=environment)) is expected


def test_rich_is_not_imported_for_plain_text():
    code = (
        "import io, sys; from feedbridge.report import terminal, log, progress\n"
        "terminal.render_summary({}, None, io.StringIO())\n"
        "terminal.render_findings([], total={}, limit=1, stream=io.StringIO())\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'rich'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("about", "head", "message", "example"),
    [
        pytest.param(
            'rule: "A product has the store\'s own id."',
            '1 warning [magento.A3], rule: "A product has the store\'s own id."\n',
            'concerns 2 products, the first at line 2; rule: "A product has the store\'s own id."',
            "shop.csv: concerns 2 products, the first at line 2 [magento.A3]\n",
            id="a rule is framed, and said once",
        ),
        pytest.param(
            "A price is below zero.",
            "1 warning [magento.A3]: A price is below zero.\n",
            "-1 is below zero",
            "shop.csv: -1 is below zero [magento.A3]\n",
            id="a fault is said as it is",
        ),
    ],
)
def test_what_heads_findings_is_not_read_as_its_opposite(about, head, message, example):
    found = Finding(code="magento.A3", severity=Severity.WARNING, message=message, file="shop.csv")
    text = shown([found], about={"magento.A3": about})
    assert text.startswith(head) and example in text
