"""What FlickRocket cannot be made to forget is told, also when nothing else has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

from feedbridge.sync.jobfile import load_jobs
from feedbridge.sync.syncing import Report, Sync

BOOKS = Path(__file__).resolve().parents[2] / "examples" / "books"
JOB = """
feedbridge: 1
state: ledger.sqlite
jobs:
  books:
    source: books.csv
    mapping: digital
    set: {currency: EUR}
    targets:
      flickrocket: {outbox: outbox}
"""
HEAD = "SKU,Title,Language,Medium,File,Licence ID,Price ID,DRM,Version\n"


def synced(folder: Path) -> Report:
    job = load_jobs(folder / "feedbridge.yaml", environment={}).job("books")
    with Sync(job, environment={}) as sync:
        report = sync.sync()
        target = sync.ledger.targets(sync.row.id)[0]
        sync.ledger.set_platform_ids(target.id, {"TIDE": "142998"})
        return report


def test_a_licence_that_is_taken_away_is_told_every_night(tmp_path: Path):
    shutil.copytree(BOOKS / "content", tmp_path / "content")
    (tmp_path / "feedbridge.yaml").write_text(JOB)
    row = "TIDE,The Tide Table,en,ebook,content/tide-table.epub,{},yes,1\n"
    (tmp_path / "books.csv").write_text(HEAD + row.format("16,46"))
    assert synced(tmp_path).status == 0
    (tmp_path / "books.csv").write_text(HEAD + row.format(","))
    for _ in range(2):
        report = synced(tmp_path)
        (kept,) = report.result()["targets"][0]["failures"]
        assert (kept["key"], kept["state"], kept["code"]) == ("TIDE", "kept", "flickrocket.A6")
        assert report.header.targets[0].counts == {"keep": 1}
    assert len(list((tmp_path / "outbox").iterdir())) == 1  # no folder: there is nothing to write
