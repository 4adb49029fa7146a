"""What the ledger remembers, on both databases, and what it says when it cannot."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import traceback
import uuid
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from feedbridge.errors import CommandError
from feedbridge.sync.database import Database
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from feedbridge.sync.ledger_errors import LedgerError
from feedbridge.sync.ledger_rows import HeldRow, Intent, Outcome
from feedbridge.sync.model import Row

PLACE = "https://shop.example/ feed"
Setup = namedtuple("Setup", "ledger job target run")


@pytest.fixture
def setup(ledger):
    job = ledger.job("nightly", "")
    target = ledger.target(job.id, "shop", "magento", PLACE)
    return Setup(ledger, job.id, target.id, begin(ledger, job.id))


def begin(ledger, job, kind="sync", run=None):
    return ledger.begin_run(job, kind=kind, who="anna", host="web1", pid=7, version="1.0", mappings=["m1"], run=run)


def put(setup, *outcomes, action="create", mapping="map", tried=b"t"):
    """Intend and settle."""
    intents = [Intent(outcome.key, f"{outcome.key}-sku", tried, mapping) for outcome in outcomes]
    batch = setup.ledger.intend(setup.run, setup.target, action, intents, None)
    setup.ledger.settle(batch, outcomes, None)


def child(script, *arguments, **options):
    """A Python process of its own; the script finds its arguments in sys.argv."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).resolve().parents[2], **options,
    )


def generation(setup):
    return setup.ledger.targets(setup.job)[0].generation


# Where it is


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [
        pytest.param("state.sqlite", None, "sqlite:///{folder}/state.sqlite", id="path"),
        pytest.param("sub/../state.sqlite", None, "sqlite:///{folder}/state.sqlite", id="path with dots"),
        pytest.param("/var/x.sqlite", None, "sqlite:////var/x.sqlite", id="absolute path"),
        pytest.param("sqlite:///x.db", None, "sqlite:///{folder}/x.db", id="relative URL"),
        pytest.param("sqlite:////var/x.db", None, "sqlite:////var/x.db", id="absolute URL"),
        pytest.param("postgresql://u:p@h/d", None, "postgresql+psycopg://u:p@h/d", id="driver is added"),
        pytest.param("postgres://u@h/d", None, "postgresql+psycopg://u@h/d", id="old name"),
        pytest.param("postgresql+psycopg://h/d?sslmode=require", None, "postgresql+psycopg://h/d?sslmode=require", id="as is"),
        pytest.param("state.sqlite", "postgresql://h/d", "postgresql+psycopg://h/d", id="variable wins"),
        pytest.param("state.sqlite", "  ", "sqlite:///{folder}/state.sqlite", id="empty variable"),
        pytest.param(None, "/var/y.sqlite", "sqlite:////var/y.sqlite", id="path in the variable"),
        pytest.param("postgresql://u:a@b/c@h/d", None, "postgresql+psycopg://u:a@b/c@h/d", id="an @ is left as it is"),
    ],
)
def test_where_the_ledger_is(tmp_path, given, variable, expected):
    environment = {} if variable is None else {"FEEDBRIDGE_STATE_URL": variable}
    assert ledger_url(given, tmp_path, environment) == expected.format(folder=tmp_path)


def test_without_a_word_it_is_in_the_users_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    url = ledger_url(None, tmp_path / "other", {})
    assert url.endswith("ledger.sqlite") and "other" not in url


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("sqlite://", id="memory"),
        pytest.param("sqlite:///:memory:", id="memory by name"),
        pytest.param(":memory:", id="memory as a path"),
        pytest.param("sqlite:///file:x?mode=memory&uri=true", id="SQLite's own URL"),
        pytest.param("mysql://u:s3cret-w0rd@h/d", id="another database"),
        pytest.param("postgresql+asyncpg://u:s3cret-w0rd@h/d", id="another driver"),
        pytest.param("postgresql://u:s3cret-w0rd@h:port/d", id="no port"),
        pytest.param("://s3cret-w0rd", id="nothing"),
        pytest.param("host=db.example password=s3cret-w0rd dbname=led", id="words of libpq"),
        pytest.param("password=s3cret-w0rd", id="one word of libpq"),
        pytest.param("postgresql//u:s3cret-w0rd@h/led", id="colon forgotten"),
        pytest.param("u:s3cret-w0rd@h:5432/led", id="front forgotten"),
        pytest.param("postgresql:u:s3cret-w0rd@/led", id="slashes forgotten"),
        pytest.param("postgresql:/s3cret-w0rd/led", id="one slash forgotten"),
        pytest.param("sqlite:s3cret-w0rd", id="slashes forgotten, SQLite"),
        pytest.param("//s3cret-w0rd/led", id="a host alone"),
        pytest.param("u:s3cret-w0rd", id="no drive"),
        pytest.param("s3cret-w0rd://h/d", id="password for the database"),
        pytest.param("postgresql+s3cret-w0rd://h/d", id="password for the driver"),
        pytest.param("sqlite://u:s3cret-w0rd@h/d", id="SQLite with a login"),
        pytest.param("postgresql://fb:p@s3cret-w0rd@h/db", id="an @ in the password"),
        pytest.param("postgresql://led?password=a@s3cret-w0rd", id="an @ in a parameter"),
        pytest.param("postgresql://h:5432/led?password=a@s3cret-w0rd", id="an @ in a parameter, after a port"),
        pytest.param("postgresql://u:p@h/led?password=a@s3cret-w0rd", id="an @ in a parameter, after a login"),
    ],
)
@pytest.mark.parametrize("variable", [False, True], ids=["in the job file", "in the environment"])
def test_no_usable_url(given, variable, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as caught:
        if variable:
            ledger_url(None, tmp_path, {"FEEDBRIDGE_STATE_URL": given})
        else:
            Ledger.open(ledger_url(given, tmp_path, {}))
    assert caught.value.code == "ledger.open" and caught.value.mend
    assert caught.value.where == ("FEEDBRIDGE_STATE_URL" if variable else "state")
    assert "s3cret-w0rd" not in "".join(traceback.format_exception(caught.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("postgresql://anna:s3cret-w0rd@h:5/d", "***@h:5/d", id="login"),
        pytest.param("postgresql://s3cret-w0rd@h/d", "***@h/d", id="user alone"),
        pytest.param("postgresql://h/d?sslmode=require", "h/d?sslmode=require", id="no login"),
        pytest.param("postgresql://u:a@b/s3cret-w0rd@h/d", "***@h/d", id="@ and / in the password"),
        pytest.param("postgresql://u:a@b:7/s3cret-w0rd@h/d", "***@h/d", id="@, : and / in the password"),
        pytest.param("postgresql://me@s3cret-w0rd@h/d", "***@h/d", id="@ in the user"),
        pytest.param("postgresql://h/d?host=/s&token=s3cret-w0rd", "h/d?host=%2Fs&token=***", id="known secret"),
        pytest.param("postgresql://h/d?options=s3cret-w0rd", "h/d?options=***", id="unknown parameter"),
        pytest.param("postgresql://h/d?x=s3cret-w0rd&x=s3cret-w0rd", "h/d?x=***", id="unknown parameter, twice"),
        pytest.param("postgresql://h/d?user=s3cret-w0rd", "h/d?user=***", id="user as a parameter"),
    ],
)
def test_what_is_shown_of_a_server(url, shown):
    database = Database(ledger_url(url, None, {}), clock=lambda: datetime.now(UTC))
    assert database.shown == f"postgresql+psycopg://{shown}"
    assert "s3cret-w0rd" not in repr(database)


def test_a_path_with_signs_is_written_as_a_url(tmp_path):
    folder = tmp_path / "a@b=c: %41?"
    folder.mkdir()
    for given, above in [("x.sqlite", folder), (f"sqlite:///{tmp_path}/a@b=c: %2541%3F/x.sqlite", None)]:
        Ledger.open(ledger_url(given, above, {})).close()
        assert [path.name for path in folder.iterdir()] == ["x.sqlite"] and list(tmp_path.iterdir()) == [folder]


def test_run_folders_are_beside_the_file(tmp_path):
    with Ledger.open(ledger_url("new/state.sqlite", tmp_path, {})) as ledger:
        assert ledger.folder == tmp_path / "new" / "state.runs"


def test_run_folders_of_a_server(postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    urls = postgres.make(), postgres.make()
    folders = []
    spelled = (
        urls[0].replace("s3cret-w0rd", "another"), urls[0].replace("+psycopg", ""), f"{urls[0]}&application_name=nightly",
    )
    for url in (*urls, *spelled):
        with Ledger.open(url) as ledger:
            assert ledger.folder.name == f"runs-{ledger.id}" and tmp_path in ledger.folder.parents
            folders.append(ledger.folder)
    assert set(folders[2:]) == {folders[0]} != {folders[1]}


def test_run_folders_in_a_place_of_their_own(url, tmp_path, monkeypatch):
    place = tmp_path / "elsewhere"
    with Ledger.open(url, environment={"FEEDBRIDGE_RUNS": str(place)}) as ledger:
        assert ledger.folder == place / f"runs-{ledger.id}", "two ledgers may name the same place"
    with Ledger.open(url, environment={"FEEDBRIDGE_RUNS": " "}) as ledger:
        assert place not in ledger.folder.parents
    monkeypatch.setenv("FEEDBRIDGE_RUNS", "elsewhere")
    monkeypatch.chdir(tmp_path)
    with Ledger.open(url) as ledger:
        assert ledger.folder.parent == place


# Jobs and targets


def test_a_job_is_found_again(ledger, tmp_path):
    file = tmp_path / "feedbridge.yaml"
    file.touch()
    made = ledger.job("nightly", str(file))
    ledger.set_job(made.id, columns=["sku", "präis"], digest="d1")
    ledger.set_job(made.id)
    found = ledger.job("nightly", os.path.relpath(file))
    assert (found.id, found.columns, found.digest) == (made.id, ["sku", "präis"], "d1")
    ledger.set_job(made.id, columns=[])
    assert ledger.jobs()[0].columns == []


def test_jobs_of_two_files_do_not_mix(ledger, tmp_path):
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.touch()
    other.touch()
    made = ledger.job("nightly", str(one))
    with pytest.raises(CommandError) as caught:
        ledger.job("nightly", str(other))
    assert caught.value.code == "ledger.other-job-file" and str(one) in caught.value.message
    assert ledger.jobs()[0].file == str(one)
    one.rename(tmp_path / "moved.yaml")
    assert ledger.job("nightly", str(tmp_path / "moved.yaml")).id == made.id
    assert ledger.jobs()[0].file == str(tmp_path / "moved.yaml")


def test_a_link_to_the_job_file_is_the_job_file(ledger, tmp_path):
    (tmp_path / "one.yaml").touch()
    (tmp_path / "link.yaml").symlink_to("one.yaml")
    assert ledger.job("a", str(tmp_path / "one.yaml")) == ledger.job("a", str(tmp_path / "link.yaml"))


@contextlib.contextmanager
def read_only(url):
    """The ledger in which nothing can be written."""
    if url.startswith("sqlite"):
        with Ledger.open(url) as ledger:
            engine = ledger._database.engine
            engine.dispose()
            sa.event.listen(engine, "connect", lambda connection, record: connection.execute("PRAGMA query_only = ON"))
            yield ledger
        return
    with Ledger.open(f"{url}&options=-cdefault_transaction_read_only%3Don") as ledger:
        yield ledger


def test_a_ledger_that_may_only_be_read(setup, url, tmp_path):
    other, file = tmp_path / "other.yaml", tmp_path / "jobs.yaml"
    other.touch()
    file.touch()
    setup.ledger.job("filed", str(other))
    with read_only(url) as ledger:
        assert ledger.job("nightly", "", make=False) == ledger.job("nightly", "") == setup.ledger.job("nightly", "")
        assert ledger.job("none", "", make=False) is None
        assert ledger.job("nightly", str(file), make=False).file == str(file)
        assert ledger.job("filed", str(other), make=False).file == str(other)
        with pytest.raises(CommandError) as caught:
            ledger.job("filed", str(file), make=False)
        assert caught.value.code == "ledger.other-job-file"
        known = ledger.target(setup.job, "shop", "magento", PLACE, make=False)
        assert known == ledger.target(setup.job, "shop", "magento", PLACE) == setup.ledger.targets(setup.job)[0]
        assert ledger.target(setup.job, "shop", "flipsnack", PLACE, make=False).platform == "flipsnack"
        assert ledger.target(setup.job, "shop", "magento", "https://new.example/", make=False).id == 0
        for write in (lambda: ledger.job("none", ""), lambda: ledger.target(setup.job, "none", "magento", PLACE)):
            with pytest.raises(LedgerError) as refused:
                write()
            assert refused.value.code == "ledger.open" and refused.value.mend
    assert setup.ledger.job("nightly", "").file == "" and setup.ledger.targets(setup.job)[0].platform == "magento"


def test_pictures_are_read_without_a_place_for_their_digests(setup, url, tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"x")
    os.utime(path, ns=(10**18, 10**18))
    with read_only(url) as ledger:
        for n in range(1200):
            ledger.note_digest(f"{path}{n}", path.stat(), "f1")
        assert ledger.digest_of(f"{path}1199", path.stat()) == "f1"


def test_jobs_are_in_order(ledger):
    for name in ("b", "a", "Z"):
        ledger.job(name, "")
    assert [job.name for job in ledger.jobs()] == ["Z", "a", "b"]


def test_a_renamed_job_has_what_both_have_sent(setup):
    """Of an item that both know, what is on the platform stays."""
    ledger = setup.ledger
    put(setup, *(Outcome(key, "sent", b"1", body=b"old") for key in "ab"), Outcome("c", "failed"))
    put(setup, Outcome("b", "deleted"), action="delete")
    job = ledger.job("new", "").id
    here, there = (ledger.target(job, "shop", "magento", place).id for place in (PLACE, "https://new.example/"))
    new = Setup(ledger, job, here, begin(ledger, job))
    put(new, *(Outcome(key, "sent", b"2", body=b"new") for key in "bcd"), Outcome("a", "failed"))
    unsettled = ledger.intend(new.run, here, "create", [Intent("e", "e", b"t", "map", b"new")], None)
    with ledger.lease(setup.job, run="r") as one, ledger.lease(job, run="r") as other:
        ledger.rename_job(setup.job, "new", [one, other])
    assert [(row.id, row.name) for row in ledger.jobs()] == [(setup.job, "new")]
    assert {row.key: (row.state, row.hash) for row in ledger.rows(setup.target)} == {
        "a": ("sent", b"1"), "b": ("sent", b"2"), "c": ("sent", b"2"), "d": ("sent", b"2"), "e": ("unknown", b""),
    }
    assert ledger.bodies(setup.target, "abcd") == {"a": b"old", "b": b"new", "c": b"new", "d": b"new"}
    assert {row.id for row in ledger.targets(setup.job)} == {setup.target, there}
    assert [batch.id for batch in ledger.open_batches(setup.target)] == [unsettled]
    assert {run.id for run in ledger.runs(setup.job)} == {setup.run, new.run}
    assert ledger.close_batches(setup.target, "r") == 1


def test_a_renamed_target_is_the_one_of_its_place(setup):
    assert setup.ledger.target(setup.job, "new", "magento", PLACE, names={"new", "shop"}, make=False).id == 0
    assert setup.ledger.target(setup.job, "new", "magento", PLACE, names={"new"}, make=False).id == setup.target
    assert [target.name for target in setup.ledger.targets(setup.job)] == ["shop"]
    assert setup.ledger.target(setup.job, "new", "magento", PLACE, names={"new"}).id == setup.target
    assert [target.name for target in setup.ledger.targets(setup.job)] == ["new"]


def test_another_place_is_another_target(setup):
    put(setup, Outcome("a", "sent", b"1"), Outcome("b", "failed"), Outcome("c", "sent", b"1"))
    put(setup, Outcome("c", "deleted"), action="delete")
    known = setup.ledger.target(setup.job, "shop", "magento", "https://new.example/", make=False)
    assert (known.id, known.generation, known.elsewhere) == (0, 0, [(PLACE, 1)])
    moved = setup.ledger.target(setup.job, "shop", "magento", "https://new.example/")
    assert moved.id != setup.target and moved.elsewhere == [(PLACE, 1)]
    assert setup.ledger.target(setup.job, "shop", "magento", PLACE).elsewhere == []
    assert setup.ledger.target(setup.job, "other", "magento", PLACE).elsewhere == []
    assert [(t.name, t.place) for t in setup.ledger.targets(setup.job)] == [
        ("other", PLACE), ("shop", "https://new.example/"), ("shop", PLACE),
    ]


def test_a_targets_platform_may_change(setup):
    found = setup.ledger.target(setup.job, "shop", "flipsnack", PLACE)
    assert (found.id, found.platform) == (setup.target, "flipsnack")


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        pytest.param(lambda s: s.ledger.intend(s.run, s.target, "update", [Intent("a", "A")], None), True, id="intend"),
        pytest.param(lambda s: s.ledger.set_missing(s.target, [("a", 1)]), True, id="set_missing"),
        pytest.param(lambda s: s.ledger.set_missing(s.target, [("a", 0), ("none", 1)]), False, id="missing as before"),
        pytest.param(lambda s: s.ledger.forget(s.target, ["a"]), True, id="forget"),
        pytest.param(lambda s: s.ledger.forget(s.target, ["none"]), False, id="forget what is not there"),
        pytest.param(lambda s: s.ledger.set_platform_ids(s.target, {"a": "9"}), True, id="set_platform_ids"),
        pytest.param(lambda s: s.ledger.set_platform_ids(s.target, {}), False, id="no ids"),
        pytest.param(lambda s: s.ledger.note_held(s.job, s.run, [HeldRow("a", "c", "p")], True), False, id="note_held"),
    ],
)
def test_a_change_of_an_item_unsettles_its_target(setup, change, moves):
    put(setup, Outcome("a", "sent", b"1"))
    setup.ledger.set_settled(setup.target, "fingerprint")
    before = generation(setup)
    change(setup)
    after = setup.ledger.targets(setup.job)[0]
    assert (after.generation - before, after.settled) == ((1, "") if moves else (0, "fingerprint"))


def test_settling_a_call_unsettles_its_target(setup):
    batch = setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)
    setup.ledger.set_settled(setup.target, "fingerprint")
    before = generation(setup)
    setup.ledger.settle(batch, [Outcome("a", "sent", b"1")], None)
    assert generation(setup) == before + 1 and setup.ledger.targets(setup.job)[0].settled == ""


# Items


SENT = Row("a", "a-sku", b"1", "sent", "create", b"t", "id1", 0, "map", "")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(
            Outcome("a", "sent", b"2", platform_id="id2"), Row("a", "A2", b"2", "sent", "update", b"t2", "id2", 0, "map2"),
            id="sent",
        ),
        pytest.param(
            Outcome("a", "sent", b"2"), Row("a", "A2", b"2", "sent", "update", b"t2", "id1", 0, "map2"),
            id="sent, id not told again",
        ),
        pytest.param(
            Outcome("a", "failed", message="no"), Row("a", "A2", b"1", "failed", "update", b"t2", "id1", 2, "map", "no"),
            id="failed",
        ),
        pytest.param(
            Outcome("a", "unknown", message="?"), Row("a", "A2", b"1", "unknown", "update", b"t2", "id1", 2, "map", "?"),
            id="unknown",
        ),
        pytest.param(
            Outcome("a", "deleted"), Row("a", "A2", b"", "deleted", "update", b"t2", "", 0, "map"), id="deleted",
        ),
        pytest.param(
            Outcome("a", "untried", message="busy"), Row("a", "a-sku", b"1", "sent", "create", b"t", "id1", 2, "map"),
            id="untried",
        ),
        pytest.param(None, Row("a", "A2", b"1", "unknown", "update", b"t2", "id1", 2, "map"), id="no word of it"),
    ],
)
def test_what_comes_of_an_item_the_platform_has(setup, outcome, expected):
    put(setup, Outcome("a", "sent", b"1", b"body", {"a.pdf": "f"}, "id1"))
    assert setup.ledger.row(setup.target, "a") == SENT
    setup.ledger.set_missing(setup.target, [("a", 2)])
    batch = setup.ledger.intend(setup.run, setup.target, "update", [Intent("a", "A2", b"t2", "map2")], None)
    assert setup.ledger.row(setup.target, "a") == Row("a", "A2", b"1", "unknown", "update", b"t2", "id1", 2, "map")
    setup.ledger.settle(batch, [outcome] if outcome else [], None)
    assert setup.ledger.row(setup.target, "a") == expected
    deleted = expected.state == "deleted"
    assert setup.ledger.bodies(setup.target, ["a"]) == ({} if deleted else {"a": b"body"})
    assert setup.ledger.files(setup.target, ["a"]) == ({} if deleted else {"a": {"a.pdf": "f"}})
    assert setup.ledger.open_batches(setup.target) == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(Outcome("a", "sent", b"1"), Row("a", "A", b"1", "sent", "create", b"t", "", 0, "map"), id="sent"),
        pytest.param(Outcome("a", "failed", message="no"), Row("a", "A", b"", "failed", "create", b"t", message="no"), id="no"),
        pytest.param(Outcome("a", "unknown"), Row("a", "A", b"", "unknown", "create", b"t"), id="unknown"),
        pytest.param(Outcome("a", "untried"), None, id="untried"),
    ],
)
def test_what_comes_of_a_new_item(setup, outcome, expected):
    batch = setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A", b"t", "map")], None)
    setup.ledger.settle(batch, [outcome], None)
    assert setup.ledger.row(setup.target, "a") == expected


def test_a_message_goes_when_the_item_is_taken(setup):
    put(setup, Outcome("a", "failed", message="no"))
    put(setup, Outcome("a", "sent", b"1"))
    assert setup.ledger.row(setup.target, "a").message == ""


def test_an_item_whose_run_died_stays_unknown_when_the_next_call_is_not_made(setup):
    setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A", b"1")], None)
    later = begin(setup.ledger, setup.job)
    setup.ledger.close_batches(setup.target, later)
    batch = setup.ledger.intend(later, setup.target, "create", [Intent("a", "A", b"2")], None)
    setup.ledger.settle(batch, [Outcome("a", "untried")], None)
    assert setup.ledger.row(setup.target, "a") == Row("a", "A", b"", "unknown", "create", b"1")


def test_the_same_call_has_the_same_id_in_a_run(setup):
    intents = [Intent("a", "A", b"1"), Intent("b", "B", b"2")]

    def made(run=setup.run, target=setup.target, action="create", items=intents):
        batch = setup.ledger.intend(run, target, action, items, None)
        setup.ledger.settle(batch, [Outcome(intent.key, "untried") for intent in items], None)
        return batch

    other = setup.ledger.target(setup.job, "other", "magento", PLACE).id
    first = made()
    assert made() == first
    others = {
        made(run=begin(setup.ledger, setup.job)), made(target=other), made(action="update"), made(items=intents[:1]),
        made(items=[Intent("a", "A", b"1"), Intent("b", "B", b"3")]),
    }
    assert len(others) == 5 and first not in others


def test_a_batch_is_settled_once_and_with_its_own_keys(setup):
    batch = setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)
    with pytest.raises(ValueError, match="no item 'b'"):
        setup.ledger.settle(batch, [Outcome("a", "sent", b"1"), Outcome("b", "sent", b"1")], None)
    assert setup.ledger.row(setup.target, "a").state == "unknown"
    setup.ledger.settle(batch, [Outcome("a", "sent", b"1")], None)
    with pytest.raises(ValueError, match="no open batch"):
        setup.ledger.settle(batch, [Outcome("a", "failed")], None)
    with pytest.raises(ValueError, match="twice"):
        setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A"), Intent("a", "B")], None)


def test_bodies_and_files_are_replaced_or_left(setup):
    put(setup, Outcome("a", "sent", b"1", b"one", {"x": "1"}), Outcome("b", "sent", b"1", b"", {}), Outcome("c", "sent", b"1"))
    assert setup.ledger.bodies(setup.target, "abcd") == {"a": b"one", "b": b""}
    assert setup.ledger.files(setup.target, "abcd") == {"a": {"x": "1"}, "b": {}}
    put(setup, Outcome("a", "sent", b"2", b"two"), Outcome("b", "sent", b"2", None, {"y": "2"}))
    assert setup.ledger.bodies(setup.target, "abc") == {"a": b"two", "b": b""}
    assert setup.ledger.files(setup.target, "abc") == {"a": {"x": "1"}, "b": {"y": "2"}}


def test_counts(setup):
    put(setup, *(Outcome(key, "sent", b"1") for key in "abcde"))
    put(setup, Outcome("a", "deleted"), Outcome("b", "failed"), Outcome("c", "unknown"), Outcome("x", "failed"),
        Outcome("y", "unknown"))
    assert setup.ledger.count(setup.target) == {"sent": 2, "failed": 2, "unknown": 2, "deleted": 1, "present": 4}
    there = next(row.key for row in setup.ledger.rows(setup.target) if row.present)
    setup.ledger.set_missing(setup.target, [(there, 2)])
    assert setup.ledger.count(setup.target)["missing"] == 1
    assert setup.ledger.count(setup.target + 1) == {"sent": 0, "failed": 0, "unknown": 0, "deleted": 0, "present": 0}


ODD_KEYS = (
    "", " ", "  a", "A", "B", "Z", "_", "a", "a ", "a-b", "ab", "b", "z", "Ä", "ä", "é", "e\u0301", "ß", "ﬀ", "\uffff", "😀", "𐀀",
    "\ue000", "a'b", 'a"b', "a\\b", "%", "a\nb", "a\tb", "x" * 400, "1", "10", "2", ":k", "%(k)s", "?", "{}", "\x01", "\x7f",
)


def test_rows_are_in_the_order_of_code_points(setup):
    keys = [*ODD_KEYS, *(f"{random.Random(n).getrandbits(64):016x}" for n in range(9000))]
    put(setup, *(Outcome(key, "sent", b"1", b"body of " + key.encode(), {"f": key}) for key in keys))
    rows = list(setup.ledger.rows(setup.target))
    assert [row.key for row in rows] == sorted(keys)
    assert rows[0] == Row("", "-sku", b"1", "sent", "create", b"t", mapping="map")
    assert all(setup.ledger.row(setup.target, key).key == key for key in ODD_KEYS)
    assert setup.ledger.bodies(setup.target, ODD_KEYS) == {key: b"body of " + key.encode() for key in ODD_KEYS}
    assert setup.ledger.files(setup.target, ODD_KEYS) == {key: {"f": key} for key in ODD_KEYS}
    setup.ledger.forget(setup.target, ODD_KEYS)
    assert setup.ledger.count(setup.target)["present"] == 9000


@pytest.mark.parametrize("number", [0, 1, 4095, 4096, 4097])
def test_pages_meet(setup, number):
    put(setup, *(Outcome(f"{n:05}", "failed") for n in range(number)))
    other = setup.ledger.target(setup.job, "other", "magento", PLACE).id
    put(setup._replace(target=other), Outcome("0", "failed"))
    assert [row.key for row in setup.ledger.rows(setup.target)] == [f"{n:05}" for n in range(number)]


def test_rows_may_be_changed_while_they_are_read(setup):
    put(setup, *(Outcome(f"{n:05}", "sent", b"1") for n in range(5000)))
    seen = 0
    for row in setup.ledger.rows(setup.target):
        seen += 1
        if seen % 1000 == 0:
            put(setup, Outcome(row.key, "deleted"), action="delete")
    assert seen == 5000 and setup.ledger.count(setup.target)["deleted"] == 5


def test_platform_ids_and_missing(setup):
    put(setup, Outcome("a", "sent", b"1"), Outcome("b", "sent", b"1"))
    setup.ledger.set_platform_ids(setup.target, {"a": "17", "none": "18"})
    setup.ledger.set_missing(setup.target, iter([("b", 3)]))
    found = {row.key: (row.platform_id, row.missing) for row in setup.ledger.rows(setup.target)}
    assert found == {"a": ("17", 0), "b": ("", 3)}


def test_a_forgotten_item_leaves_nothing(setup):
    put(setup, Outcome("a", "sent", b"1", b"body", {"x": "y"}))
    setup.ledger.forget(setup.target, ["a"])
    assert setup.ledger.row(setup.target, "a") is None
    assert setup.ledger.bodies(setup.target, ["a"]) == {} == setup.ledger.files(setup.target, ["a"])


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        pytest.param("a\0b", "a\ufffdb", id="NUL"),
        pytest.param("half \ud83d", "half ?", id="half a character"),
        pytest.param("x" * 5000, "x" * 1999 + "…", id="long"),
        pytest.param("%s :t {0} ' \" ; --\n", "%s :t {0} ' \" ; --\n", id="signs"),
    ],
)
def test_words_of_a_platform_are_kept(setup, message, kept):
    put(setup, Outcome("a", "failed", message=message))
    assert setup.ledger.row(setup.target, "a").message == kept


# Runs


def test_runs_are_told_newest_first(ledger):
    job, other = ledger.job("a", "").id, ledger.job("b", "").id
    names = [begin(ledger, job, run=f"2026110{n}T000000Z-0000") for n in (2, 1, 3)]
    begin(ledger, other)
    ledger.finish_run(names[0], status=1, counts={"shop": {"create": 3}}, message="done")
    assert [run.id for run in ledger.runs(job)] == names[::-1], "by when they began, whatever the clock said"
    assert [run.id for run in ledger.runs(job, limit=1)] == [names[2]]
    assert {run.job for run in ledger.runs()} == {"a", "b"}
    done = ledger.run(names[0])
    assert (done.status, done.counts, done.message, done.who, done.host, done.pid, done.version, done.mappings) == (
        1, {"shop": {"create": 3}}, "done", "anna", "web1", 7, "1.0", ["m1"]
    )
    assert done.finished >= done.started and not done.running
    assert ledger.run(names[1]).status is None and ledger.run("none") is None


def test_the_last_complete_run(ledger):
    job = ledger.job("a", "").id
    assert ledger.last_complete(job) is None
    for n, (kind, status) in enumerate([("sync", 0), ("apply", 1), ("plan", 0), ("sync", 3), ("sync", 4), ("sync", None)]):
        run = begin(ledger, job, kind=kind, run=f"r{n}")
        if status is not None:
            ledger.finish_run(run, status=status, counts={})
    assert ledger.last_complete(job).id == "r1"


def test_a_run_is_under_way_while_it_has_its_lease(setup):
    assert not setup.ledger.run(setup.run).running
    with setup.ledger.lease(setup.job, run=setup.run):
        assert setup.ledger.run(setup.run).running
    assert not setup.ledger.run(setup.run).running


def test_run_ids_tell_the_time_and_differ(url):
    with Ledger.open(url, clock=lambda: datetime(2026, 11, 22, 3, 15, tzinfo=UTC)) as ledger:
        job = ledger.job("a", "").id
        names = {begin(ledger, job) for _ in range(20)}
        assert len(names) == 20 and all(name.startswith("20261122T031500Z-") for name in names)
        with pytest.raises(ValueError, match="already"):
            begin(ledger, job, run=min(names))


def test_notes_of_a_run(setup):
    setup.ledger.note_run(setup.run, mappings=["m2"], plan="plan.jsonl", message="half\0")
    setup.ledger.note_run(setup.run, folder="x")
    found = setup.ledger.run(setup.run)
    assert (found.mappings, found.notes, found.message) == (["m2"], {"plan": "plan.jsonl", "folder": "x"}, "half\ufffd")


def test_old_runs_go(ledger):
    job, other = ledger.job("a", "").id, ledger.job("b", "").id
    foreign = begin(ledger, other, run="r0000")
    names = [begin(ledger, job, run=f"r{n:04}") for n in range(1, 1011)]
    ledger.finish_run(names[2], status=0, counts={})
    ledger.note_held(job, names[4], [HeldRow("a", "c", "p")], True)
    with ledger.lease(job, run=names[6]):
        gone = ledger.prune(job, 3)
    kept = {names[2], names[4], names[6]}
    assert gone == [name for name in names[:-3] if name not in kept]
    assert {run.id for run in ledger.runs(job, limit=2000)} == kept | set(names[10:])
    assert ledger.run(foreign)
    assert ledger.prune(job, 2000) == []


# Files, quarantine, alerts


def test_a_digest_is_known_while_the_file_is_the_same(url, tmp_path):
    path = tmp_path / "bild ä.jpg"
    path.write_bytes(b"picture")
    os.utime(path, ns=(10**18, 10**18 + 1))
    other = tmp_path / os.fsdecode(b"other\xff.jpg")
    with Ledger.open(url) as ledger:
        assert ledger.digest_of(path, path.stat()) is None
        ledger.note_digest(path, path.stat(), "f1")
        ledger.note_digest(other, path.stat(), "f2")
        assert ledger.digest_of(str(path), path.stat()) == "f1"
        assert ledger.digest_of(other, path.stat()) is None
    with Ledger.open(url) as ledger:
        assert ledger.digest_of(path, path.stat()) == "f1"
        os.utime(path, ns=(10**18, 10**18 + 2))
        assert ledger.digest_of(path, path.stat()) is None
        ledger.note_digest(path, path.stat(), "f3")
        assert ledger.digest_of(path, path.stat()) == "f3"


def test_a_file_that_changed_just_now_is_not_remembered(ledger, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    ledger.note_digest(path, path.stat(), "f1")
    assert ledger.digest_of(path, path.stat()) is None


def test_held_products_are_followed_from_run_to_run(url):
    day = datetime(2026, 11, 1, tzinfo=UTC)
    now = [day]
    with Ledger.open(url, clock=lambda: now[0]) as ledger:
        job = ledger.job("a", "").id

        def night(run, *rows, complete=True):
            now[0] += timedelta(days=1)
            ledger.note_held(job, run, rows, complete)
            return {row.sku: (row.since_run, row.last_run, row.problem) for row in ledger.held(job)}

        one, two = HeldRow("one", "c", "p1", "m", "f.csv", 3), HeldRow("two", "c", "p2")
        assert night("r1", one, two) == {"one": ("r1", "r1", "p1"), "two": ("r1", "r1", "p2")}
        assert night("r2", HeldRow("one", "c", "p3")) == {"one": ("r1", "r2", "p3")}
        assert night("r3", complete=False) == {"one": ("r1", "r2", "p3")}
        closed = ledger.held(job, closed=True)
        assert [(row.sku, row.closed_run, row.how) for row in closed] == [("two", "r2", "fixed by the source")]
        assert closed[0].since == day + timedelta(days=1) and closed[0].closed == day + timedelta(days=2)
        assert night("r4", one, two) == {"one": ("r1", "r4", "p1"), "two": ("r4", "r4", "p2")}
        ledger.close_held(job, ["one", "none"], "r5", "replayed")
        assert [row.sku for row in ledger.held(job)] == ["two"]
        assert {(row.sku, row.since_run, row.how) for row in ledger.held(job, closed=True)} == {
            ("one", "r1", "replayed"), ("two", "r1", "fixed by the source"),
        }


def test_held_products_may_be_anything(ledger):
    job = ledger.job("a", "").id
    rows = [
        HeldRow("", "c", "p", file="f.csv", line=3), HeldRow("", "c", "p", file="f.csv", line=4),
        HeldRow("x" * 100_000, "c", "p"), HeldRow("x" * 100_001, "c", "p"), HeldRow("a\0\ud800", "c\0", "p\0", "m\0", "f\0"),
    ]
    for run in ("r1", "r2"):
        ledger.note_held(job, run, rows, True)
    found = ledger.held(job)
    assert [(row.sku[:2], row.line) for row in found] == [("a\ufffd", 0), ("", 3), ("", 4), ("xx", 0), ("xx", 0)]
    assert {row.since_run for row in found} == {"r1"}


def test_many_held_products(ledger):
    job = ledger.job("a", "").id
    for run in ("r1", "r2"):
        ledger.note_held(job, run, (HeldRow(f"{n:05}", "c", "p") for n in range(1600)), True)
    assert [row.sku for row in ledger.held(job)] == [f"{n:05}" for n in range(1600)]
    assert ledger.held(job, closed=True) == []


def test_alerts(url):
    now = [datetime(2026, 11, 1, tzinfo=UTC)]
    with Ledger.open(url, clock=lambda: now[0]) as ledger:
        job, other = ledger.job("a", "").id, ledger.job("b", "").id
        ledger.open_alert(job, "failed", run="r1", message="no", told=False)
        first = ledger.alert_state(job)["failed"]
        assert (first.since, first.told, first.run, first.message) == (now[0], None, "r1", "no")
        now.append(now[0])
        now[0] += timedelta(days=1)
        ledger.open_alert(job, "failed", run="r2")
        told = ledger.alert_state(job)["failed"]
        assert (told.since, told.told, told.run) == (now[1], now[0], "r1")
        assert ledger.alert_state(other) == {}
        ledger.close_alert(job, "failed")
        ledger.close_alert(job, "failed")
        assert ledger.alert_state(job) == {}


# Crashes


INTEND_AND_DIE = """
import os, sys
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_rows import Intent
ledger = Ledger.open(sys.argv[1])
job = ledger.job("nightly", "")
lease = ledger.lease(job.id, run=sys.argv[3])
with lease:
    ledger.intend(sys.argv[3], int(sys.argv[2]), "update", [Intent("a", "A", b"2"), Intent("b", "B", b"1")], lease)
    print("intended", flush=True)
    sys.stdin.read()
"""


def test_killed_between_intent_and_outcome(setup, url):
    put(setup, Outcome("a", "sent", b"1", b"body"))
    process = child(INTEND_AND_DIE, url, setup.target, setup.run, stdin=subprocess.PIPE)
    assert process.stdout.readline() == "intended\n", process.stderr.read()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with Ledger.open(url) as ledger:
        assert [(row.key, row.state, row.hash) for row in ledger.rows(setup.target)] == [
            ("a", "unknown", b"1"), ("b", "unknown", b""),
        ]
        batch, = ledger.open_batches(setup.target)
        assert (batch.run, batch.action, batch.keys) == (setup.run, "update", ["a", "b"])
        later = begin(ledger, setup.job)
        with ledger.lease(setup.job, run=later) as lease:
            assert setup.run in lease.took_over
            assert ledger.close_batches(setup.target, later, lease) == 1
        assert ledger.open_batches(setup.target) == []
        assert {row.state for row in ledger.rows(setup.target)} == {"unknown"}
        assert ledger.run(setup.run).status is None


def test_a_runs_own_batches_stay_open(setup):
    setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)
    assert setup.ledger.close_batches(setup.target, setup.run) == 0
    assert len(setup.ledger.open_batches(setup.target)) == 1


def test_an_error_inside_leaves_the_old_state(setup):
    put(setup, Outcome("a", "sent", b"1"))
    before = list(setup.ledger.rows(setup.target)), generation(setup)
    with pytest.raises(RuntimeError), setup.ledger._database.write() as connection:
        connection.execute(sa.text("UPDATE feedbridge_item SET state = 'failed'"))
        raise RuntimeError
    assert (list(setup.ledger.rows(setup.target)), generation(setup)) == before


FILL = """
import resource, sys
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_rows import Intent, Outcome
from feedbridge.sync.ledger_errors import LedgerError
ledger = Ledger.open(sys.argv[1])
target, run, limit = int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
settled = 0
try:
    for n in range(400):
        intents = [Intent(f"{n:04}-{i:04}", "s", b"t" * 32) for i in range(50)]
        batch = ledger.intend(run, target, "create", intents, None)
        ledger.settle(batch, [Outcome(i.key, "sent", b"h" * 32, bytes(range(256)) * 4) for i in intents], None)
        settled += 50
except LedgerError as exc:
    print(settled, exc.code)
    print(exc, file=sys.stderr)
"""


def fill_up(url, setup, limit=0):
    """(items settled, code) of a process that writes until there is no room."""
    process = child(FILL, url, setup.target, setup.run, limit)
    said, complained = process.communicate(timeout=60)
    assert said, complained
    assert "mend:" in complained
    settled, code = said.split()
    return int(settled), code


def sound(url, setup, settled):
    """Everything that was settled is there, and nothing else is sent."""
    with Ledger.open(url) as ledger:
        assert ledger.count(setup.target)["sent"] == settled
        with ledger._database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        put(setup._replace(ledger=ledger), Outcome("later", "sent", b"1"))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_file_that_may_not_grow(setup, url):
    settled, code = fill_up(url, setup, limit=600_000)
    assert code == "ledger.full" and settled
    sound(url, setup, settled)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk(small_disk):
    url = ledger_url("ledger.sqlite", small_disk, {})
    with Ledger.open(url) as ledger:
        job = ledger.job("nightly", "").id
        setup = Setup(ledger, job, ledger.target(job, "shop", "magento", PLACE).id, begin(ledger, job))
    settled, code = fill_up(url, setup)
    assert code == "ledger.full" and settled
    subprocess.run(["mount", "-o", "remount,size=9m", small_disk], check=True)
    sound(url, setup, settled)


def test_no_room_to_make_one(small_disk):
    (small_disk / "big").write_bytes(bytes(690_000))
    with pytest.raises(LedgerError) as caught:
        Ledger.open(ledger_url("ledger.sqlite", small_disk, {}))
    assert caught.value.code == "ledger.full"
    (small_disk / "big").unlink()
    Ledger.open(ledger_url("ledger.sqlite", small_disk, {})).close()


# What cannot be opened


def not_sqlite(path):
    path.write_text("sku,price\n" * 1000)


def zeros(path):
    path.write_bytes(bytes(8192))


def foreign(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (x)")


def cut_off(path):
    Ledger.open(f"sqlite:///{path}").close()
    path.write_bytes(path.read_bytes()[:5000])


def scribbled(path):
    Ledger.open(f"sqlite:///{path}").close()
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xa5" * 3996
    path.write_bytes(data)


def no_version(path):
    Ledger.open(f"sqlite:///{path}").close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM feedbridge_version")


def a_folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(not_sqlite, "ledger.corrupt", id="no SQLite file"),
        pytest.param(zeros, "ledger.corrupt", id="zeros"),
        pytest.param(foreign, "ledger.corrupt", id="another program's"),
        pytest.param(cut_off, "ledger.corrupt", id="cut off"),
        pytest.param(scribbled, "ledger.corrupt", id="scribbled over"),
        pytest.param(no_version, "ledger.corrupt", id="no version"),
        pytest.param(a_folder, "ledger.open", id="a folder"),
    ],
)
def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path, make, code):
    path = tmp_path / "ledger.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LedgerError) as caught:
        Ledger.open(f"sqlite:///{path}")
    assert caught.value.code == code and caught.value.mend and str(path) in str(caught.value)
    assert caught.value.exit_status == 3
    if make is not foreign:
        assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_page_broken_later(setup):
    put(setup, *(Outcome(f"{n:06}", "sent", b"1", os.urandom(300)) for n in range(2000)))
    path = setup.ledger._database.path
    setup.ledger.close()
    data = bytearray(path.read_bytes())
    data[40_960:] = b"\xa5" * (len(data) - 40_960)
    path.write_bytes(data)
    with pytest.raises(LedgerError) as caught, Ledger.open(f"sqlite:///{path}") as ledger:
        list(ledger.rows(setup.target))
    assert caught.value.code == "ledger.corrupt"


OPEN = """
import os, sys
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_errors import LedgerError
Ledger.open(sys.argv[1]).close()  # whatever is imported late: a user without rights may not read Python itself
if len(sys.argv) > 3:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    Ledger.open(sys.argv[2], wait_seconds=1).job("x", "")
    print("opened")
except LedgerError as exc:
    print(exc.code, bool(exc.mend))
"""


@pytest.mark.parametrize("exists", [True, False], ids=["there", "not there"])
def test_a_read_only_folder(tmp_path, exists):
    folder = tmp_path / "state"
    folder.mkdir()
    if exists:
        Ledger.open(f"sqlite:///{folder}/ledger.sqlite").close()
        (folder / "ledger.sqlite").chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(above.stat().st_mode | 0o011)
    arguments = [f"sqlite:///{tmp_path}/warm.sqlite", f"sqlite:///{folder}/ledger.sqlite", *(["nobody"] if root else [])]
    said, complained = child(OPEN, *arguments).communicate()
    folder.chmod(0o755)
    assert said == "ledger.open True\n", complained


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda url: url.replace("?host=", "?host=/nowhere"), id="no server"),
        pytest.param(lambda url: url.replace("/t", "/none"), id="no database"),
        pytest.param(lambda url: url.replace("feedbridge:", "nobody:"), id="no such login"),
        pytest.param(lambda url: "postgresql://u:s3cret-w0rd@127.0.0.1:1/x", id="no port"),
        pytest.param(lambda url: "postgresql://127.0.0.1:1/x?user=u&password=s3cret-w0rd", id="password as a parameter"),
        pytest.param(lambda url: "postgresql://u:s3cret-w0rd@no-such-host.invalid/x", id="no host"),
    ],
)
def test_a_server_that_cannot_be_reached(postgres, change):
    with pytest.raises(LedgerError) as caught:
        Ledger.open(change(postgres.make()))
    assert caught.value.code == "ledger.open" and "server" in caught.value.mend
    assert "s3cret-w0rd" not in "".join(traceback.format_exception(caught.value))
    assert "s3cret-w0rd" not in repr(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("postgresql://fb:a@127.0.0.1:1/s3cret-w0rd@h/d", "", id="a part is too short to be taken out"),
        pytest.param("postgresql://fb:a@s3cret-w0rd.invalid/b@h/d", "'***'", id="no such host"),
        pytest.param("postgresql://fb:abc@S3CRET-W0RD.invalid/s3cret-w0rd@h/d", "'***'", id="in other letters"),
        pytest.param("postgresql://fb:%73%33cret-w0rd@h/b@s3cret-w0rd.invalid/d", "%40", id="escaped"),
    ],
)
def test_a_password_that_was_cut(url, words):
    with pytest.raises(LedgerError) as caught:
        Ledger.open(ledger_url(url, None, {}))
    assert caught.value.code == "ledger.open" and "%40" in caught.value.mend and words in str(caught.value)
    place = caught.value.where.removeprefix("postgresql+psycopg://***@")
    told = "".join(traceback.format_exception(caught.value)).lower().replace(place, "")
    assert "s3cret-w0rd" not in told and "fb:" not in told


def test_a_login_that_is_refused_is_not_named(postgres):
    name = uuid.uuid4().hex
    with pytest.raises(LedgerError) as caught:
        Ledger.open(postgres.make().replace("feedbridge:", f"{name}:"))
    assert 'role "***" does not exist' in caught.value.message
    assert name not in "".join(traceback.format_exception(caught.value)) and "%40" not in caught.value.mend


def test_a_database_that_cannot_hold_every_text(postgres):
    with pytest.raises(LedgerError) as caught:
        Ledger.open(postgres.make(encoding="LATIN1"))
    assert caught.value.code == "ledger.open" and "LATIN1" in caught.value.message


def test_a_login_that_may_not_make_tables(postgres):
    url = postgres.make()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("REVOKE ALL ON SCHEMA public FROM public"))
        connection.execute(sa.text("DROP ROLE IF EXISTS reader"))
        connection.execute(sa.text("CREATE ROLE reader LOGIN"))
    engine.dispose()
    with pytest.raises(LedgerError) as caught:
        Ledger.open(url.replace("feedbridge:", "reader:"))
    assert caught.value.code == "ledger.open" and "GRANT" in caught.value.mend


def test_the_password_is_nowhere(postgres):
    with Ledger.open(postgres.make()) as ledger:
        job = ledger.job("a", "")
        lease = ledger.lease(job.id, run="r")
        shown = [ledger, ledger.shown, ledger.folder, ledger._database, lease, job, ledger._database.engine]
        assert "***" in ledger.shown
        assert not [each for each in shown if "s3cret-w0rd" in repr(each)]


# What happens while it is open


def other_connection(url):
    return sa.create_engine(url, isolation_level="AUTOCOMMIT").connect()


def block(connection):
    """Hold what every writer needs."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("LOCK TABLE feedbridge_item, feedbridge_target IN EXCLUSIVE MODE")


def test_a_locked_ledger_is_waited_for_and_then_refused(setup, url):
    with Ledger.open(url, wait_seconds=0.3) as ledger, other_connection(url) as connection:
        block(connection)
        with pytest.raises(LedgerError) as caught:
            ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)
        assert caught.value.code == "ledger.locked" and caught.value.mend
        assert list(ledger.rows(setup.target)) == []
        connection.exec_driver_sql("ROLLBACK")
        ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)


def test_a_lock_that_goes_is_waited_for(setup, url):
    with other_connection(url) as connection:
        block(connection)
        done = threading.Event()

        def write():
            setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(0.3)
        connection.exec_driver_sql("ROLLBACK")
        writer.join(20)
    assert done.is_set()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "deleted"])
def test_a_file_that_is_taken_away(setup, url, replaced, tmp_path):
    path = setup.ledger._database.path
    path.rename(tmp_path / "aside")
    if replaced:
        Ledger.open(f"sqlite:///{path}").close()
    with pytest.raises(LedgerError) as caught:
        setup.ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)
    assert caught.value.code == "ledger.gone"


def test_a_server_that_starts_again(postgres):
    with Ledger.open(postgres.make(), wait_seconds=30) as ledger:
        job = ledger.job("nightly", "").id
        setup = Setup(ledger, job, ledger.target(job, "shop", "magento", PLACE).id, begin(ledger, job))
        batch = ledger.intend(setup.run, setup.target, "create", [Intent("a", "A")], None)
        postgres.stop()
        settling = threading.Thread(target=ledger.settle, args=(batch, [Outcome("a", "sent", b"1")], None))
        settling.start()
        with pytest.raises(LedgerError) as caught:
            ledger.row(setup.target, "a")
        postgres.start()
        settling.join(30)
        assert caught.value.code == "ledger.gone" and "server" in caught.value.mend
        assert ledger.row(setup.target, "a").state == "sent"


CUT_OFF = """
import sys
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_errors import LedgerError
ledger = Ledger.open(sys.argv[1])
try:
    with ledger._database.write() as connection:
        cursor = connection.connection.cursor()
        cursor.executemany("SELECT pg_terminate_backend(pg_backend_pid()), %s", [(str(n) * 10000,) for n in range(1000)])
except LedgerError as exc:
    print(exc.code)
ledger.close()
"""


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_nothing_is_said_beside_the_error_when_the_server_goes_away(url):
    assert child(CUT_OFF, url).communicate(timeout=60) == ("ledger.gone\n", "")


def test_threads_share_a_ledger(setup):
    def work(n):
        for i in range(5):
            put(setup, Outcome(f"{n}-{i}", "sent", b"1"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert setup.ledger.count(setup.target)["sent"] == 20
    assert generation(setup) == 40


def test_an_intent_is_on_the_disk_before_the_call(setup):
    with setup.ledger._database.write() as connection:
        if connection.dialect.name == "sqlite":
            pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in (
                "journal_mode", "synchronous", "foreign_keys"
            )}
            assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        else:
            connection.exec_driver_sql("ALTER ROLE feedbridge SET synchronous_commit = off")
    setup.ledger._database.engine.dispose()
    with setup.ledger._database.write() as connection:
        if connection.dialect.name == "postgresql":
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            connection.exec_driver_sql("ALTER ROLE feedbridge RESET synchronous_commit")
