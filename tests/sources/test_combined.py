"""Several files of documents as one source: every record still knows its own file, line and pointer."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from feedbridge.sources.base import BadDocument
from feedbridge.sources.combined import CombinedSource
from feedbridge.sources.json import JsonSource

FILES = {
    "products.json": '{"products":[\n{"sku":"P1"},\n{"sku":"P2"}]}',
    "empty.json": "[]",
    "models.jsonl": '{"sku":"M1"}\n\n{"sku":\n{"sku":"M2"}\n',
    "pages.json": '[{"_embedded":{"items":[{"sku":"H1"}]}},\n{"_embedded":{"items":[{"sku":"H2"},{"sku":"H3"}]}}]',
    "one.json": '{"product":\n{"sku":"O1"}}',
}
PLACES = [
    ("P1", "products.json", 2, "/products/0"),
    ("P2", "products.json", 3, "/products/1"),
    ("M1", "models.jsonl", 1, ""),
    ("json.broken-line", "models.jsonl", 3, ""),
    ("M2", "models.jsonl", 4, ""),
    ("H1", "pages.json", 1, "/0/_embedded/items/0"),
    ("H2", "pages.json", 2, "/1/_embedded/items/0"),
    ("H3", "pages.json", 2, "/1/_embedded/items/1"),
    ("O1", "one.json", 2, "/product"),
]


def sources(folder: Path, block: int = 1 << 18) -> list[JsonSource]:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return [JsonSource(folder / name, name=name, block=block) for name in FILES]


def records(source: CombinedSource) -> list[tuple]:
    return [record for batch in source.batches() for record in batch.records]


@pytest.mark.parametrize("block", [5, 1 << 18])
def test_every_record_leads_back_to_its_place(tmp_path, block):
    source = CombinedSource(sources(tmp_path, block))
    found = [
        (record[1].finding.code if isinstance(record[1], BadDocument) else record[1]["sku"], *source.place(record))
        for record in records(source)
    ]
    assert found == PLACES


def test_the_index_runs_on_over_the_files(tmp_path):
    source = CombinedSource(sources(tmp_path))
    assert [record[2] for record in records(source)] == list(range(len(PLACES)))
    assert [int(record[3]) for record in records(source)] == [0, 1, 0, 2, 3, 0, 0, 1, 0]


def test_places_are_known_while_reading_and_at_each_reading(tmp_path):
    source = CombinedSource(sources(tmp_path))
    for _ in range(2):
        places = [source.place(record) for batch in source.batches() for record in batch.records]
        assert places == [place[1:] for place in PLACES]


def test_what_it_says_of_itself(tmp_path):
    parts = sources(tmp_path)
    source = CombinedSource(parts)
    assert (source.kind, source.header, source.folder) == ("documents", [], tmp_path)
    assert source.name == "products.json, empty.json, models.jsonl, pages.json, one.json"
    assert [about["format"] for about in source.about["files"]] == ["json", "json", "jsonl", "json", "json"]
    assert [(finding.code, finding.file) for finding in source.findings] == [("source.no-records", "empty.json")]
    assert source.split(4) == []
    digests = "".join(hashlib.sha256(FILES[name].encode()).hexdigest() for name in FILES)
    assert source.sha256() == hashlib.sha256(digests.encode()).hexdigest()
    assert not source.is_quarantine


def test_findings_of_the_batches_come_through(tmp_path):
    (tmp_path / "a.json").write_text('{"products":[{"sku":"A"}],"brands":[{}]}')
    (tmp_path / "b.json").write_text('[{"sku":"B"}]')
    source = CombinedSource([JsonSource(tmp_path / name, name=name) for name in ("a.json", "b.json")])
    found = [finding for batch in source.batches() for finding in batch.findings]
    assert [(finding.code, finding.file) for finding in found] == [("json.list-unused", "a.json")]


def test_one_quarantine_file_among_them_tells(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"_feedbridge":{"line":3,"code":"c","problem":"p","mend":"","raw":"{x"}}\n')
    (tmp_path / "b.json").write_text('[{"sku":"B"}]')
    source = CombinedSource([JsonSource(tmp_path / name, name=name) for name in ("a.jsonl", "b.json")])
    assert source.is_quarantine
    held, good = records(source)
    assert (held[1].finding.code, held[1].raw, source.place(held)) == ("source.unmended", "{x", ("a.jsonl", 1, ""))
    assert (good[1], source.place(good)) == ({"sku": "B"}, ("b.json", 1, "/0"))
