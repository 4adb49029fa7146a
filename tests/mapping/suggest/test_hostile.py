"""Whatever a file is called or holds: the mapping loads, and nothing of it gets out of its quotes and comments."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedbridge.errors import SourceError
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.suggest.write import comment, sample_text, scalar
from feedbridge.mapping.yaml import read_yaml
from tests.mapping.suggest.proposals import plain, proposed

KEYS = {"feedbridge", "name", "parameters", "source", "records", "product", "variant", "platforms"}
NASTY = st.text(st.sampled_from("ab1 #:{}[]&*!|>'\"%@`,-?\n\r\t\\$\x00\x07\x1b\x85\u2028\u202e\ufeff😀é"), max_size=12)


@given(st.text(max_size=30))
def test_a_scalar_is_read_as_it_was(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert read_yaml(f"a: {scalar(text)}\n", "x")[0] == {"a": text}


@given(st.text())
def test_a_comment_stays_on_its_line(text):
    assert len(comment(sample_text(text)).splitlines()) == 1
    assert read_yaml(f"{comment(text)}\na: b\n", "x")[0] == {"a": "b"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NASTY, min_size=1, max_size=6), rows=st.lists(st.lists(NASTY, min_size=6, max_size=6), max_size=4)
)
def test_any_table_gives_a_mapping_that_loads(names, rows, tmp_path):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerow(["sku", "title", *names])
    writer.writerows([f"s{n}", f"Red hat {n}", *row[: len(names)]] for n, row in enumerate(rows))
    path = tmp_path / "feed.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    try:
        draft = proposed(path)
    except SourceError:
        return
    assert set(plain(draft)) <= KEYS
    mapping = tmp_path / "feed.yaml"
    mapping.write_text(draft.text(), encoding="utf-8")
    load_mapping(str(mapping)).trees()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("red\nplatforms: {}", r"red\nplatforms: {}", id="line break"),
        pytest.param("# red", r"\# red", id="hash"),
        pytest.param("\x1b[31mred", r"\x1b[31mred", id="terminal sequence"),
        pytest.param("a\u202eb", r"a\u202eb", id="turned direction"),
        pytest.param("x" * 60, "x" * 39 + "…", id="long"),
    ],
)
def test_samples(text, shown):
    assert sample_text(text) == shown


def test_same_file_same_bytes(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text("sku,title,price\na,Red hat,1.50\nb,Blue hat,2.50\n", encoding="utf-8")
    assert proposed(path).text() == proposed(path).text()
