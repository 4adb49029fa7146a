"""The ledger's shape: made by its steps, the same as its tables, brought up to date once, never back."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import feedbridge.sync.migrations as migrations
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_errors import LedgerError
from feedbridge.sync.tables import VERSION, metadata, version

FOLDER = Path(migrations.__file__).parent
ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def connected(url):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def set_version(url, number):
    with connected(url) as connection:
        connection.execute(sa.text(f"UPDATE {version.name} SET version_num = '{number}'"))


def get_version(url):
    with connected(url) as connection:
        return connection.execute(sa.text(f"SELECT version_num FROM {version.name}")).scalar_one()


def test_the_steps_make_the_tables(url):
    Ledger.open(url).close()
    with connected(url) as connection:
        context = MigrationContext.configure(
            connection,
            opts={"version_table": version.name, "compare_type": True, "compare_server_default": url.startswith("post")},
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_keys_are_in_order_by_code_point(url):
    Ledger.open(url).close()
    with connected(url) as connection:
        plain = connection.execute(sa.text(
            "SELECT table_name || '.' || column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name IN ('key', 'name', 'path', 'problem') "
            "AND collation_name IS DISTINCT FROM 'C' ORDER BY 1"
        )).scalars().all()
    assert plain == ["feedbridge_held.problem"], "a text nobody looks for"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_items_lie_in_the_order_of_their_keys(url):
    Ledger.open(url).close()
    with connected(url) as connection:
        made = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = 'feedbridge_item'")).scalar_one()
        plan = connection.execute(sa.text(
            "EXPLAIN QUERY PLAN SELECT * FROM feedbridge_item WHERE target_id = 1 AND key > 'a' ORDER BY key LIMIT 10"
        )).all()
    assert "WITHOUT ROWID" in made and "USING PRIMARY KEY (target_id=? AND key>?)" in str(plan)


def test_the_newest_step_is_the_one_the_code_knows():
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    script = ScriptDirectory.from_config(config)
    steps = [step.revision for step in script.walk_revisions()]
    assert script.get_current_head() == VERSION and steps == sorted(steps, reverse=True)
    assert all(len(step) == 4 and step.isdigit() for step in steps)


def test_the_steps_are_in_the_package():
    """Found by ``packages = find:``, so a wheel has them without a word in setup.cfg."""
    assert {path.name for path in FOLDER.rglob("__init__.py")} == {"__init__.py"}
    assert (FOLDER / "versions" / "__init__.py").is_file() and (FOLDER / "env.py").is_file()


def test_there_and_back(url):
    from alembic import command

    Ledger.open(url).close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(FOLDER))
        command.downgrade(config, "base")
        assert [name for name in sa.inspect(connection).get_table_names() if name != version.name] == []
        command.upgrade(config, "head")
    engine.dispose()
    with Ledger.open(url) as ledger:
        assert ledger.job("a", "").id


def test_opening_again_changes_nothing(url):
    with Ledger.open(url) as ledger:
        job = ledger.job("a", "")
    with Ledger.open(url) as ledger:
        assert ledger.jobs() == [job]


def test_a_ledger_keeps_its_id(url, tmp_path):
    with Ledger.open(url) as ledger:
        known = ledger.id
    with Ledger.open(url) as ledger:
        assert ledger.id == known
    with Ledger.open(f"sqlite:///{tmp_path}/other.sqlite") as other:
        assert len(known) == len(other.id) == 12 and other.id != known


def test_a_ledger_without_its_id_is_refused(url):
    Ledger.open(url).close()
    with connected(url) as connection:
        connection.execute(sa.text("DELETE FROM feedbridge_ledger"))
    with pytest.raises(LedgerError) as caught:
        Ledger.open(url)
    assert caught.value.code == "ledger.corrupt" and caught.value.mend and caught.value.where


def test_a_newer_ledger_is_refused(url):
    with Ledger.open(url) as ledger:
        ledger.job("a", "")
    set_version(url, "9999")
    with pytest.raises(LedgerError) as caught:
        Ledger.open(url)
    assert caught.value.code == "ledger.newer" and "9999" in caught.value.message and "newer feedbridge" in caught.value.mend
    assert get_version(url) == "9999"
    set_version(url, VERSION)
    with Ledger.open(url) as ledger:
        assert [job.name for job in ledger.jobs()] == ["a"]


SMALL = """
import resource, sys
import alembic.command
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_errors import LedgerError
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    Ledger.open(sys.argv[1])
except LedgerError as exc:
    print(exc.code)
"""


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_step_without_room_leaves_no_trace(url):
    done = subprocess.run([sys.executable, "-c", SMALL, url], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "ledger.full\n", done.stderr
    with connected(url) as connection:
        assert sa.inspect(connection).get_table_names() == []
    with Ledger.open(url) as ledger:
        assert ledger.jobs() == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_step_that_fails_leaves_no_trace(url):
    with connected(url) as connection:
        connection.execute(sa.text("CREATE TABLE feedbridge_digest (x int)"))
    with pytest.raises(LedgerError) as caught:
        Ledger.open(url)
    assert caught.value.code == "ledger.corrupt" and "feedbridge_digest" in caught.value.message
    with connected(url) as connection:
        assert sa.inspect(connection).get_table_names() == ["feedbridge_digest"]
        connection.execute(sa.text("DROP TABLE feedbridge_digest"))
    with Ledger.open(url) as ledger:
        assert ledger.jobs() == []


OPEN = """
import sys
import alembic.command
from feedbridge.sync.ledger import Ledger
print("ready", flush=True)
sys.stdin.readline()
with Ledger.open(sys.argv[1]) as ledger:
    print(ledger.job("a", "").id)
"""


def test_several_processes_make_one_ledger(url):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=ROOT,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate() for process in processes] == [("1\n", "")] * 4


def test_an_up_to_date_ledger_is_opened_without_alembic(url):
    Ledger.open(url).close()
    script = "import sys; from feedbridge.sync.ledger import Ledger; Ledger.open(sys.argv[1]); print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_tables_of_others_are_left_alone(url):
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE job (x)")
        with pytest.raises(LedgerError, match="belongs to another program"):
            Ledger.open(url)
    else:
        with connected(url) as connection:
            connection.execute(sa.text("CREATE TABLE job (x int); CREATE TABLE alembic_version (version_num text)"))
        with Ledger.open(url) as ledger:
            ledger.job("a", "")
        with connected(url) as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM job")).scalar_one() == 0
