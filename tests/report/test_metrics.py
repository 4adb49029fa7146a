from __future__ import annotations

import math
import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.errors import OutputError
from feedbridge.report.metrics import MOST_CODES, metrics_text, write_metrics

ENDED = datetime(2026, 11, 22, 3, 15, 41, 500000, tzinfo=UTC)
DATA: dict[str, Any] = {
    "job": "shop", "last_run": ENDED, "last_success": ENDED, "status": 0, "seconds": 41.5,
    "products": {"flipsnack": {"created": 2, "unchanged": 1390}, "magento": {"failed": 1}}, "held": 3,
    "findings": {"cell.price-format": 7},
}
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"')
VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[Ii]nf|[Nn]a[Nn])")


def parse(text: str) -> Series:
    """Text exposition format 0.0.4, read as strictly as node_exporter does: HELP and TYPE once and in front of all samples
    of a name, a name's samples together, no series twice, no time stamps."""
    assert text.endswith("\n")
    series: Series = {}
    current, closed, types, helps = "", set(), set(), set()
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            kind, name, rest = line[2:].split(" ", 2)
            assert NAME.fullmatch(name)
            assert name not in closed and name not in {series_name for series_name, _ in series}, "comment behind samples"
            if kind == "HELP":
                assert name not in helps and rest
                helps.add(name)
            else:
                assert kind == "TYPE" and name not in types and rest == "gauge"
                types.add(name)
            continue
        name = NAME.match(line)
        assert name, line
        at = name.end()
        labels: list[tuple[str, str]] = []
        if line[at] == "{":
            at += 1
            while line[at] != "}":
                label = LABEL.match(line, at)
                assert label, line[at:]
                labels.append((label[1], re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), label[2])))
                at = label.end()
                assert line[at] in ",}"
                at += line[at] == ","
            at += 1
        assert line[at] == " " and VALUE.fullmatch(line[at + 1 :]), "one value and no time stamp"
        assert name[0] in types and name[0] in helps
        if name[0] != current:
            assert name[0] not in closed, "samples of a name stand together"
            closed.add(current)
            current = name[0]
        assert len({label for label, _ in labels}) == len(labels)
        key = (name[0], tuple(sorted(labels)))
        assert key not in series, "a series twice"
        series[key] = float(line[at + 1 :])
    return series


def value(series: Series, name: str, **labels: str) -> float:
    return series[f"feedbridge_{name}", tuple(sorted(labels.items()))]


def test_every_number_has_its_series():
    series = parse(metrics_text(DATA))
    assert value(series, "last_run_timestamp_seconds", job="shop") == ENDED.timestamp()
    assert value(series, "last_success_timestamp_seconds", job="shop") == ENDED.timestamp()
    assert value(series, "last_run_status", job="shop") == 0
    assert value(series, "duration_seconds", job="shop") == 41.5
    assert value(series, "products", job="shop", target="flipsnack", operation="unchanged") == 1390
    assert value(series, "products", job="shop", target="magento", operation="failed") == 1
    assert value(series, "held_products", job="shop") == 3
    assert value(series, "findings", job="shop", code="cell.price-format") == 7
    assert len(series) == 9


def test_the_text_itself():
    assert metrics_text({"job": "shop", "status": 3}) == (
        "# HELP feedbridge_last_run_status Exit status of the last run: 0 done, 1 products held back, 2 wrong, 3 failed, "
        "4 held by a guard.\n# TYPE feedbridge_last_run_status gauge\nfeedbridge_last_run_status{job=\"shop\"} 3\n"
    )


@pytest.mark.parametrize("name", [
    'a"b', "a\\b", "a\nb", 'ends in \\', '"} 1\nfake{x="', "größe 👕", "", " ", "{}", "a,b=c",
])
def test_labels_come_back_as_they_were(name):
    series = parse(metrics_text({**DATA, "job": name, "findings": {name: 2}}))
    assert value(series, "findings", job=name, code=name) == 2


@given(st.text(), st.text(), st.floats() | st.integers())
def test_any_text_and_number_is_a_series(job, code, number):
    series = parse(metrics_text({"job": job, "findings": {code: 1}, "seconds": number}))
    [seconds] = [v for (name, _), v in series.items() if name == "feedbridge_duration_seconds"]
    assert seconds == float(number) or (math.isnan(seconds) and math.isnan(number))
    assert len(series) == 2


def test_half_a_character_is_spelt_out():
    assert metrics_text({"job": "a\ud800", "status": 0}).encode()


def test_more_codes_than_a_collector_should_take_are_counted_together():
    findings = {f"c{n:05}": 1 for n in range(MOST_CODES + 40)} | {"often": 9}
    series = parse(metrics_text({"job": "j", "findings": findings}))
    assert len(series) == MOST_CODES + 1
    assert sum(series.values()) == sum(findings.values())
    assert value(series, "findings", job="j", code="often") == 9
    assert value(series, "findings", job="j", code="other") == 41


def test_every_job_has_a_file_of_its_own(tmp_path):
    for job in ("shop", "b2b"):
        write_metrics(tmp_path, {**DATA, "job": job})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feedbridge_b2b.prom", "feedbridge_shop.prom"]
    both = [parse(path.read_text()) for path in sorted(tmp_path.iterdir())]
    assert not both[0].keys() & both[1].keys()


@pytest.mark.parametrize(("path", "job", "expected"), [
    ("", "shop", "feedbridge_shop.prom"), ("x.prom", "shop", "x.prom"), ("", "../../etc/x", "feedbridge_.._.._etc_x.prom"),
])
def test_where_the_file_is(tmp_path, path, job, expected):
    assert write_metrics(tmp_path / path, {**DATA, "job": job}) == tmp_path / expected
    assert [one.name for one in tmp_path.iterdir()] == [expected]


def test_a_collector_can_read_it_and_nothing_else_is_left(tmp_path):
    before = os.umask(0o077)
    try:
        file = write_metrics(tmp_path, DATA)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_is_replaced_not_written_into(tmp_path):
    file = write_metrics(tmp_path, DATA)
    with open(file) as reader:
        write_metrics(tmp_path, {**DATA, "status": 3})
        assert parse(reader.read()) == parse(metrics_text(DATA))
    assert value(parse(file.read_text()), "last_run_status", job="shop") == 3


@pytest.mark.parametrize("job", ["shop", 'a"\nb'])
def test_the_last_success_is_told_on_after_a_failure(tmp_path, job):
    write_metrics(tmp_path, {**DATA, "job": job})
    failed = {"job": job, "last_run": ENDED.timestamp() + 86400, "status": 3, "last_success": None}
    for _ in range(2):
        file = write_metrics(tmp_path, failed)
    series = parse(file.read_text())
    assert value(series, "last_success_timestamp_seconds", job=job) == ENDED.timestamp()
    assert value(series, "last_run_timestamp_seconds", job=job) == ENDED.timestamp() + 86400


def test_of_another_job_no_success_is_taken(tmp_path):
    write_metrics(tmp_path / "x.prom", DATA)
    file = write_metrics(tmp_path / "x.prom", {"job": "other", "status": 3})
    assert "last_success" not in file.read_text()


@pytest.mark.parametrize("old", [b"", b"\xff\xfe\n", b'feedbridge_last_success_timestamp_seconds{job="shop"} x\n'])
def test_a_broken_old_file_does_not_matter(tmp_path, old):
    (tmp_path / "x.prom").write_bytes(old)
    assert len(parse(write_metrics(tmp_path / "x.prom", {"job": "shop", "status": 3}).read_text())) == 1


@pytest.mark.parametrize("path", ["none", "none/x.prom", "file/x.prom"])
def test_a_folder_that_is_not_there_is_an_error(tmp_path, path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError) as caught:
        write_metrics(tmp_path / path, DATA)
    assert caught.value.code == "metrics.write" and caught.value.mend
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_device_is_never_replaced(tmp_path):
    (tmp_path / "x.prom").symlink_to("/dev/null")
    with pytest.raises(OutputError):
        write_metrics(tmp_path / "x.prom", DATA)
    assert stat.S_ISCHR(os.stat(Path("/dev/null")).st_mode)
