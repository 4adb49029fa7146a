from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from feedbridge.report.status_text import (
    STATUS_WORDS,
    quarantine_json,
    render_quarantine,
    render_run,
    render_status,
    run_json,
    status_json,
    status_words,
)

CET = timezone(timedelta(hours=1), "CET")
STARTED = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Run:
    """A row as the ledger hands it out: members, no keys."""

    id: str = "20261122T031500Z-4f2a"
    job: str = "shop"
    kind: str = "sync"
    started: datetime = STARTED
    finished: datetime | None = STARTED + timedelta(seconds=41.5)
    status: int | None = 0
    counts: dict[str, Any] = field(default_factory=lambda: {
        "read": 1400, "created": 2, "updated": 3, "replaced": 1, "settled": 0, "deleted": 1, "unchanged": 1390, "held": 3,
        "failed": 1, "unknown": 1, "findings": 7,
        "targets": {"flipsnack": {"products": {"read": 1400}, "planned": {"update": 4}, "done": {"created": 2, "updated": 3}},
                    "magento": {"products": {"read": 1400}, "planned": {"update": 9}, "done": {}}},
    })
    who: str = "feeds"
    host: str = "night"
    pid: int = 12
    version: str = "1.0"
    mappings: list[str] = field(default_factory=lambda: ["0123456789abcdef"])
    message: str = ""
    running: bool = False


@dataclass
class Held:
    sku: str = "TEE-042"
    codes: str = "cell.price-format,flipsnack.F12"
    problem: str = '"12.50" has a dot'
    mend: str = "write 12,50"
    file: str = "shop.csv"
    line: int = 14
    since: datetime | None = STARTED
    since_run: str = "r1"
    last_run: str = "r2"
    closed: datetime | None = None
    closed_run: str = ""
    how: str = ""


JOB = {
    "name": "shop", "file": "feedbridge.yaml",
    "targets": [{"name": "flipsnack", "place": "https://f.example.com/", "states": {"failed": 1, "sent": 1200, "present": 1200}}],
}


def status(jobs, runs=(), held=None, **more: Any) -> list[str]:
    stream = io.StringIO()
    render_status(jobs, runs, held or {}, stream, now=NOW, zone=CET, environment={}, **more)
    return stream.getvalue().splitlines()


def test_a_job_says_how_it_stands():
    held = [Held(), Held(since=datetime(2026, 11, 1, 3, 15, tzinfo=UTC)), Held(since=None)]
    lines = status([JOB], [Run(status=1)], {"shop": held})
    assert lines[:4] == [
        "shop (feedbridge.yaml)",
        "  last run: 2026-11-22 04:15 CET (8 hours ago), sync: done, but products were held back or refused",
        "  flipsnack https://f.example.com/: 1,200 sent, 1 failed",
        "  held back: 3 products, the oldest since 2026-11-01 04:15 CET; feedbridge quarantine list shows them",
    ]


def test_what_is_gone_from_the_feed_and_waits_is_told():
    job = {"name": "shop", "targets": [{"name": "m", "place": "store", "states": {"sent": 12, "present": 12, "missing": 4}}]}
    assert status([job])[2] == "  m store: 12 sent, 4 gone from the feed and kept for now"


def test_runs_are_a_table_with_their_numbers_under_their_heads():
    lines = status([JOB], [Run(), Run(status=4, counts={}, finished=None, message="too many deletes")])
    head, first, second = lines[-3:]
    assert head.split() == [
        "started", "kind", "result", "read", "created", "updated", "deleted", "unchanged", "held", "failed", "unknown", "seconds", "who",
        "mapping",
    ]
    assert first.split() == [
        "2026-11-22", "04:15", "CET", "sync", "done", "1,400", "2", "4", "1", "1,390", "3", "1", "1", "41.5", "feeds@night",
        "0123456789ab",
    ]
    assert first.index("41.5") + 4 == head.index("seconds") + 7
    assert "held by a guard" in second


def test_columns_nobody_fills_are_left_out():
    [head, _] = status([JOB], [Run(counts={"read": 3}, mappings=[], who="", host="")])[-2:]
    assert head.split() == ["started", "kind", "result", "read", "seconds"]


@pytest.mark.parametrize("number", [*STATUS_WORDS, None, 77])
def test_every_status_has_words(number):
    lines = status([JOB], [Run(status=number, message="why")])
    assert lines[1].endswith(f"sync: {status_words(number)}") and lines[2] == "    why"


@pytest.mark.parametrize(
    ("job", "run"),
    [
        pytest.param(JOB | {"lease": {"holder": "feeds@night, pid 12", "since": STARTED, "run": Run.id}}, Run(status=None), id="lease"),
        pytest.param(JOB, Run(status=None, running=True), id="row"),
    ],
)
def test_a_run_under_way_is_not_the_last_run(job, run):
    run.finished = None
    lines = status([job], [run, Run(id="older", started=STARTED - timedelta(days=1))])
    assert "  last run: 2026-11-21 04:15 CET (1 day ago), sync: all done" in lines
    assert "running" in lines[-2].split() and "done" in lines[-1].split()
    if "lease" in job:
        assert lines[1] == f"  running: run {Run.id} by feeds@night, pid 12 since 2026-11-22 04:15 CET"


def test_a_run_that_died_is_told_from_one_under_way():
    lines = status([JOB | {"lease": {"holder": "x", "since": STARTED, "run": "another"}}], [Run(status=None, finished=None)])
    assert any(line.endswith("did not end: it was killed, or the machine went down") for line in lines)


def test_after_a_failure_the_last_good_run_is_named():
    lines = status([JOB | {"last_success": STARTED - timedelta(days=3), "next": STARTED + timedelta(days=1)}], [Run(status=3)])
    assert lines[2:4] == ["  last good run: 2026-11-19 04:15 CET (3 days ago)", "  next run: 2026-11-23 04:15 CET"]
    assert not any("last good" in line for line in status([JOB | {"last_success": STARTED}], [Run()]))


def test_every_job_has_its_own_runs():
    lines = status([JOB, {"name": "other", "id": 7}], [Run(), Run(job=7, status=3)])
    assert lines[lines.index("other") + 1].endswith("could not be read, or delivery failed")
    assert "  last run: none yet" in status([{"name": "third"}], [Run()])


def test_no_jobs():
    assert status([]) == ["no job has run here yet"]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (timedelta(seconds=5), "just now"), (timedelta(minutes=1), "1 minute ago"), (timedelta(minutes=119), "1 hour ago"),
        (timedelta(days=800), "800 days ago"), (-timedelta(hours=3), "just now"),
    ],
)
def test_how_long_ago(before, expected):
    assert f"({expected})" in status([JOB], [Run(started=NOW - before)])[1]


@pytest.mark.parametrize("started", ["2026-11-22T03:15:00Z", "2026-11-22T03:15:00", datetime(2026, 11, 22, 3, 15)], ids=str)
def test_times_may_be_text_or_without_a_zone(started):
    assert "2026-11-22 04:15 CET (8 hours ago)" in status([JOB], [{**vars(Run()), "started": started, "finished": None}])[1]


def test_times_are_shown_in_the_zone_of_this_machine():
    stream = io.StringIO()
    render_status([JOB], [Run()], {}, stream, now=NOW, environment={})
    assert STARTED.astimezone().strftime("%Y-%m-%d %H:%M %Z") in stream.getvalue()


def test_what_a_platform_says_cannot_steer_the_terminal():
    lines = status([JOB], [Run(status=3, message="\x1b]0;x\x07no", who="\x1b[2J")])
    assert "    \\x1b]0;x\\x07no" in lines
    assert not any("\x1b" in line for line in lines)


def test_a_run_is_shown_with_every_target():
    stream = io.StringIO()
    render_run(Run(message="one target was down"), stream, zone=CET, environment={})
    assert stream.getvalue().splitlines() == [
        "run 20261122T031500Z-4f2a: sync of shop",
        "  result: all done",
        "    one target was down",
        "  started: 2026-11-22 04:15 CET, took 41.5 s",
        "  by: feeds@night, pid 12, feedbridge 1.0",
        "  mapping: 0123456789abcdef",
        "  products: 1,400 read, 2 created, 3 updated, 1 replaced, 1 deleted, 1,390 unchanged, 3 held, 1 failed, 1 unknown",
        "  flipsnack: 2 created, 3 updated",
        "  magento, planned: 9 update",
        "  findings: 7",
    ]


BESIDE = {"read": 9, "flipsnack": {"created": 2, "failed": 1}, "magento": {"created": 3, "unknown": 1}}


def test_counts_may_stand_by_target_beside_the_numbers():
    stream = io.StringIO()
    render_run(Run(counts=BESIDE), stream, zone=CET, environment={})
    assert stream.getvalue().splitlines()[-3:] == [
        "  products: 9 read", "  flipsnack: 2 created, 1 failed", "  magento: 3 created, 1 unknown",
    ]
    [head, row] = status([JOB], [Run(counts=BESIDE, mappings=[], who="", host="")])[-2:]
    assert head.split()[3:7] == ["read", "created", "failed", "unknown"] and row.split()[5:9] == ["9", "5", "1", "1"]


def test_what_a_platform_did_not_take_is_in_its_words():
    failures = [{"target": "flipsnack", "op": "create", "sku": "TEE-042", "message": "no\x1b picture"},
                {"target": "magento", "op": "update", "sku": "CAP", "message": ""}]
    counts = {"read": 9, "created": 2, "failed": 2, "refused": 3, "failures": failures, "targets": {}}
    stream = io.StringIO()
    render_run(Run(counts=counts), stream, zone=CET, environment={})
    assert stream.getvalue().splitlines()[-3:] == [
        "  products: 9 read, 2 created, 2 failed, 3 refused",
        "  not taken: flipsnack: create TEE-042: no\\x1b picture", "  not taken: magento: update CAP: was not taken",
    ]
    [head, row] = status([JOB], [Run(counts=counts, mappings=[], who="", host="")])[-2:]
    assert head.split()[3:6] == ["read", "created", "failed"] and row.split()[5:8] == ["9", "2", "5"]
    assert json.loads(json.dumps(run_json(Run(counts=counts))))["counts"]["failures"] == failures


@pytest.mark.parametrize("codes", ["a.b, c.d", "a.b; c.d", "a.b;c.d", "a.b,c.d", ["a.b", "c.d"]], ids=str)
def test_codes_of_what_is_held_back(codes):
    assert quarantine([Held(codes=codes)])[1].endswith(" [a.b, c.d]")


def test_a_run_that_never_ended():
    stream = io.StringIO()
    render_run(Run(status=None, finished=None, counts={}), stream, zone=CET, environment={})
    assert "  result: did not end: it was killed, or the machine went down" in stream.getvalue().splitlines()


def quarantine(held, **more: Any) -> list[str]:
    stream = io.StringIO()
    render_quarantine(held, stream, zone=CET, environment={}, **more)
    return stream.getvalue().splitlines()


def test_held_back_products_say_since_when_where_what_and_how_to_mend():
    assert quarantine([Held()]) == [
        "TEE-042 since 2026-11-22 04:15 CET, shop.csv:14",
        '  "12.50" has a dot [cell.price-format, flipsnack.F12]',
        "  mend: write 12,50",
        "1 product held back",
    ]


def test_held_back_products_without_this_and_that():
    bare = {"sku": "", "codes": [], "problem": "", "file": "a.csv"}
    closed = Held(mend="", closed_run="r9", how="fixed by the source", line=0)
    assert quarantine(iter([bare, closed])) == [
        "(no SKU), a.csv", "  held back", "TEE-042 since 2026-11-22 04:15 CET, shop.csv",
        '  "12.50" has a dot [cell.price-format, flipsnack.F12]', "  over: fixed by the source (run r9)",
        "1 product held back, 1 product no longer held back",
    ]


def test_the_count_is_complete_where_the_list_is_cut():
    lines = quarantine((Held(sku=f"S{n}") for n in range(1000)), limit=3)
    assert len(lines) == 10 and lines[-1] == "1,000 products held back, 3 shown; --json has all"


def test_nothing_held_back():
    assert quarantine([]) == ["nothing is held back"]


def test_programs_get_the_same_in_utc():
    job = JOB | {"id": 1, "last_success": STARTED, "lease": {"holder": "h", "since": STARTED, "run": "now"}}
    runs = [Run(id="now", status=None, finished=None), Run(job="1" * 3), Run(status=1)]
    told = json.loads(json.dumps(status_json([job], runs, {"shop": [Held(), Held(since=None)]}, now=NOW)))
    assert told["time"] == "2026-11-22T12:00:00Z"
    [one] = told["jobs"]
    assert (one["name"], one["last_success"], one["held"]) == (
        "shop", "2026-11-22T03:15:00Z", {"open": 2, "oldest": "2026-11-22T03:15:00Z"},
    )
    assert one["running"] == {"run": "now", "holder": "h", "since": "2026-11-22T03:15:00Z"}
    assert [(run["status"], run["result"], run["seconds"]) for run in one["runs"]] == [
        (None, "running now", None), (1, STATUS_WORDS[1], 41.5),
    ]


def test_a_run_for_programs_has_all_its_members():
    told = json.loads(json.dumps(run_json(Run())))
    assert told["started"] == "2026-11-22T03:15:00Z" and told["running"] is False
    assert {name: told[name] for name in ("kind", "who", "host", "pid", "version", "mappings", "message")} == {
        name: getattr(Run(), name) for name in ("kind", "who", "host", "pid", "version", "mappings", "message")
    }
    assert told["counts"] == Run().counts


def test_held_back_products_for_programs():
    [told] = json.loads(json.dumps(quarantine_json([Held(closed=STARTED, closed_run="r9", how="replayed")])))
    assert told["codes"] == ["cell.price-format", "flipsnack.F12"]
    assert (told["since"], told["closed"], told["how"], told["line"]) == (
        "2026-11-22T03:15:00Z", "2026-11-22T03:15:00Z", "replayed", 14,
    )
