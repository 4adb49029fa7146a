"""Which format a file is read as, by its content and its suffix; several files named by globs."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import pytest

from feedbridge.errors import SourceError
from feedbridge.findings import Severity
from feedbridge.sources.base import BadDocument
from feedbridge.sources.files import expand
from feedbridge.sources.opening import combine, is_json, open_source

TABLE = "sku,title\nA,a\nB,b\n"
ARRAY = '[{"sku":"A"},{"sku":"B"}]'
LINES = '{"sku":"A"}\n{"sku":"B"}\n'


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def keys(source: Any) -> list[str]:
    """The SKUs of all records."""
    records = [record for batch in source.batches() for record in batch.records]
    return [record[1][0] if source.kind == "table" else record[1].get("sku", "") for record in records]


@pytest.mark.parametrize(
    ("name", "data", "format"),
    [
        pytest.param("feed.csv", TABLE, "csv", id="csv"),
        pytest.param("feed.tsv", TABLE.replace(",", "\t"), "csv", id="tsv"),
        pytest.param("feed", TABLE, "csv", id="table without suffix"),
        pytest.param("feed.json", ARRAY, "json", id="json"),
        pytest.param("feed.json", LINES, "jsonl", id="lines named json"),
        pytest.param("feed.jsonl", LINES, "jsonl", id="jsonl"),
        pytest.param("feed.NDJSON", LINES, "jsonl", id="suffix in capitals"),
        pytest.param("feed.txt", ARRAY, "json", id="array under any suffix"),
        pytest.param("feed", LINES, "jsonl", id="lines without suffix"),
        pytest.param("feed", "\ufeff\n  " + ARRAY, "json", id="mark and blanks before it"),
        pytest.param("feed", ARRAY.encode("utf-16"), "json", id="UTF-16 with its mark"),
        pytest.param("feed", ARRAY.encode("utf-16-be"), "json", id="UTF-16 without a mark"),
        pytest.param("feed.json.gz", gzip.compress(LINES.encode()), "jsonl", id="compressed lines"),
        pytest.param("feed.bz2", bz2.compress(ARRAY.encode()), "json", id="compressed, content decides"),
        pytest.param("feed.csv", "[sku],[title]\nA,a\nB,b\n", "csv", id="header in brackets"),
        pytest.param("feed.jsonl", 'broken, "line\n' + LINES.splitlines()[1] + "\n", "jsonl", id="broken first line"),
    ],
)
def test_the_format_is_found_out(tmp_path, name, data, format):
    path = write(tmp_path, name, data)
    source = open_source(path)
    assert source.about["format"] == format
    assert is_json(path) is (format != "csv")
    assert source.findings == []
    assert keys(source)[-1] == "B"


@pytest.mark.parametrize(
    ("name", "data", "format", "said"),
    [
        pytest.param("feed.json", TABLE, "csv", "named .json, but its text is a table", id="table named json"),
        pytest.param("feed.jsonl.gz", gzip.compress(TABLE.encode()), "csv", "named .jsonl", id="compressed"),
        pytest.param("feed.csv", ARRAY, "json", "named .csv, but its text is JSON", id="array named csv"),
        pytest.param("feed.tsv", LINES, "jsonl", "named .tsv", id="lines named tsv"),
    ],
)
def test_a_name_that_contradicts_the_content_is_told(tmp_path, name, data, format, said):
    source = open_source(write(tmp_path, name, data))
    assert source.about["format"] == format
    assert keys(source) == ["A", "B"]
    [finding] = source.findings
    assert (finding.code, finding.severity, finding.file) == ("source.format-doubt", Severity.WARNING, source.name)
    assert said in finding.message


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("<html>\n<body>404, not found</body>\n<p>a, b</p>", id="a page"),
        pytest.param("Service unavailable", id="a message"),
        pytest.param("Sorry, no\nfeed today.\n", id="prose"),
    ],
)
def test_an_error_answer_named_json_is_no_table(tmp_path, data):
    path = write(tmp_path, "feed.json", data)
    assert is_json(path)
    with pytest.raises(SourceError) as caught:
        keys(open_source(path))
    assert caught.value.code == "json.broken"


@pytest.mark.parametrize(("format", "kind"), [("csv", "table"), ("json", "documents")])
def test_a_named_format_wins(tmp_path, format, kind):
    text = '{"sku":"A"},{"sku":"B"}\n1,2\n' if format == "csv" else LINES
    source = open_source(write(tmp_path, "feed.txt", text), format=format)
    assert (source.kind, source.findings) == (kind, [])


def test_settings_reach_the_source(tmp_path):
    table = open_source(
        write(tmp_path, "feed.csv", "rubbish\n1;'ä;2'\n".encode("cp1252")), name="shop", encoding="cp1252",
        delimiter=";", quote="'", header=False, skip_lines=1, folder=tmp_path / "x",
    )  # fmt: skip
    assert (table.name, table.header, table.folder) == ("shop", ["column 1", "column 2"], tmp_path / "x")
    assert [record for batch in table.batches() for record in batch.records] == [(2, ["1", "ä;2"])]
    documents = open_source(write(tmp_path, "feed.json", '{"a":{"b":[{"sku":"A"}]}}'), items="a.b")
    assert documents.pointer_prefix == "/a/b/"


def test_a_data_frame_is_a_source():
    pandas = pytest.importorskip("pandas")
    source = open_source(pandas.DataFrame({"sku": ["A", "B"]}), name="frame")
    assert (source.name, source.about["format"], keys(source)) == ("frame", "dataframe", ["A", "B"])


def test_files_of_a_glob_are_one_source_in_the_order_of_their_names(tmp_path):
    for number, name in enumerate(["b.json", "a.jsonl", "c.json.gz"]):
        data = f'{{"sku":"{number}-1"}}\n{{"sku":"{number}-2"}}\n'.encode()
        write(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    source = combine([open_source(path) for path in expand([f"{tmp_path}/*.json*"])])
    assert keys(source) == ["1-1", "1-2", "0-1", "0-2", "2-1", "2-2"]
    alone = combine([open_source(path) for path in expand([f"{tmp_path}/a.*"])])
    assert alone.name == f"{tmp_path}/a.jsonl"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path / "none.json")
    assert caught.value.code == "source.missing"


def test_settings_of_the_mapping_do_not_reach_into_a_quarantine_file(tmp_path):
    table = open_source(
        write(tmp_path, "feed.csv", "\ufeffline,code,problem,mend,sku,title\r\n3,c,p,m,A,a\r\n"), encoding="cp1252",
        delimiter=";", header=False, skip_lines=2,
    )  # fmt: skip
    assert (table.is_quarantine, table.header, table.findings) == (True, ["sku", "title"], [])
    assert [record for batch in table.batches() for record in batch.records] == [(2, ["A", "a"])]
    documents = open_source(
        write(tmp_path, "feed.jsonl", '{"_feedbridge":{"line":1,"code":"c"},"sku":"Ä"}\n'), items="data.items",
        encoding="cp1252",
    )  # fmt: skip
    assert (documents.is_quarantine, documents.findings) == (True, [])
    [record] = [record for batch in documents.batches() for record in batch.records]
    assert record == (1, {"sku": "Ä"}, 0)
    assert not isinstance(record[1], BadDocument)
