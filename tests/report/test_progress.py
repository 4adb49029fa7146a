from __future__ import annotations

import io
import json
import re

import pytest

from feedbridge.report.log import Log
from feedbridge.report.progress import BarProgress, LineProgress, NoProgress, progress_for


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_now_and_then_and_at_the_end():
    stream, clock = io.StringIO(), Clock()
    with LineProgress(Log(stream, "json"), every_seconds=10, clock=clock) as progress:
        progress.start("shop.csv", total=1000, unit="bytes")
        for _ in range(25):
            clock.now += 1
            progress.advance(40)
        progress.finish()
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(e["event"], e["what"], e["bytes"], e["percent"], e["seconds"]) for e in entries] == [
        ("progress", "shop.csv", 400, 40, 10.0),
        ("progress", "shop.csv", 800, 80, 20.0),
        ("progress.done", "shop.csv", 1000, 100, 25.0),
    ]


def test_without_a_total_there_is_no_share():
    stream = io.StringIO()
    progress = LineProgress(Log(stream, "json"), clock=Clock())
    progress.start("<stdin>")
    progress.advance(12)
    progress.finish()
    entry = json.loads(stream.getvalue())
    assert entry["records"] == 12
    assert "total" not in entry and "percent" not in entry


def test_the_bar_shows_the_task_and_cleans_up():
    stream = Terminal()
    with BarProgress(stream, width=100) as progress:
        progress.start("\x1b[31mshop [bold].csv", total=2_000_000, unit="bytes")
        progress.advance(1_000_000)
        progress._bar.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert r"\x1b[31mshop [bold].csv" in text
    assert "50%" in text and "1.0 MB" in text
    assert stream.getvalue().rstrip().endswith(("\x1b[2K", "\x1b[?25h", "\r"))


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        pytest.param({"stream": Terminal(), "quiet": True}, NoProgress, id="quiet"),
        pytest.param({"stream": Terminal()}, BarProgress, id="terminal"),
        pytest.param({"stream": io.StringIO()}, LineProgress, id="cron"),
        pytest.param({"stream": Terminal(), "environment": {"TERM": "dumb"}}, LineProgress, id="dumb terminal"),
        pytest.param({"stream": Terminal(), "environment": {"NO_COLOR": "1"}}, LineProgress, id="NO_COLOR"),
        pytest.param({"stream": Terminal(), "log": Log(io.StringIO())}, LineProgress, id="a log was asked for"),
    ],
)
def test_the_progress_suits_the_stream(options, kind):
    assert type(progress_for(options.pop("stream"), **{"environment": {}, **options})) is kind


def test_no_progress_says_nothing(capsys):
    with NoProgress() as progress:
        progress.start("x", total=5)
        progress.advance(5)
        progress.finish()
    assert capsys.readouterr() == ("", "")
