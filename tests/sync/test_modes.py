"""Who may read and write what is made, what is left behind, and job and mapping files that no person wrote."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feedbridge.errors import MappingError
from feedbridge.mapping.yaml import read_text, read_yaml
from feedbridge.platforms.delivery import Rate
from feedbridge.platforms.limiter import Limiter, rates_folder
from feedbridge.sync.jobfile import JobError, load_jobs
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url, state_folder
from feedbridge.sync.ledger_errors import LedgerError
from feedbridge.sync.model import PlanHeader
from feedbridge.sync.planfile import PlanWriter, read_plan
from feedbridge.sync.private_files import private_folder

ROOT = Path(__file__).resolve().parents[2]
UMASKS = [pytest.param(0o000, id="none"), pytest.param(0o022, id="usual"), pytest.param(0o277, id="too strict")]


@pytest.fixture
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A state folder of the test's own, not there yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "state"))
    return tmp_path / "home"


def modes(folder):
    """Path in the folder -> mode."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in sorted(folder.rglob("*"))}


@pytest.fixture
def stranger():
    """Another user's number; only root can give folders away."""
    if os.geteuid() != 0:
        pytest.skip("only root can give folders away")
    return 65534


# The ledger


@pytest.mark.parametrize("umask", UMASKS, indirect=True)
def test_a_ledger_is_its_owners_alone(home, umask):
    with Ledger.open(ledger_url(None, None, {})) as ledger:
        job = ledger.job("nightly", "").id
        run = ledger.begin_run(job, kind="sync", who="anna", host="h", pid=1, version="1")
        ledger.run_folder("nightly", run)
        assert modes(home) == {
            "state": 0o700, "state/feedbridge": 0o700, "state/feedbridge/ledger.sqlite": 0o600,
            "state/feedbridge/ledger.sqlite-shm": 0o600, "state/feedbridge/ledger.sqlite-wal": 0o600,
            "state/feedbridge/ledger.runs": 0o700, "state/feedbridge/ledger.runs/nightly": 0o700,
            f"state/feedbridge/ledger.runs/nightly/{run}": 0o700,
        }
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("umask", UMASKS[:1], indirect=True)
def test_run_folders_of_a_server_are_their_owners_alone(home, postgres, umask):
    with Ledger.open(postgres.make()) as ledger:
        assert ledger.run_folder("nightly") == state_folder() / f"runs-{ledger.id}" / "nightly"
        assert set(modes(home).values()) == {0o700}


@pytest.mark.parametrize("umask", UMASKS[:1], indirect=True)
def test_what_is_there_stays_as_it_is(tmp_path, umask):
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o775)
    url = ledger_url("ledger.sqlite", folder, {})
    Ledger.open(url).close()
    (folder / "ledger.sqlite").chmod(0o664)
    with Ledger.open(url) as ledger:
        ledger.job("nightly", "")
        assert set(modes(folder).values()) == {0o664}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o775


@pytest.mark.parametrize("umask", UMASKS[:1], indirect=True)
def test_a_link_to_a_file_that_is_not_there_yet(tmp_path, umask):
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "real.sqlite")
    Ledger.open(ledger_url("link.sqlite", tmp_path, {})).close()
    assert modes(tmp_path)["real.sqlite"] == 0o600


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(0o777, 0o775, id="everybody"),
        pytest.param(0o702, 0o700, id="everybody but the group"),
        pytest.param(0o2775, 0o2775, id="a group that shares it"),
        pytest.param(0o755, 0o755, id="readers"),
    ],
)
def test_a_run_folder_in_which_everybody_may_write_is_mended(tmp_path, before, after):
    folder = tmp_path / "ledger.runs"
    folder.mkdir()
    folder.chmod(before)
    with Ledger.open(ledger_url("ledger.sqlite", tmp_path, {})) as ledger:
        ledger.run_folder("nightly")
    assert (modes(tmp_path)["ledger.runs"], modes(tmp_path)["ledger.runs/nightly"] & 0o777) == (after, 0o700)


def test_a_run_folder_of_somebody_else_is_refused_where_everybody_may_write(tmp_path, stranger):
    folder = tmp_path / "ledger.runs"
    folder.mkdir()
    folder.chmod(0o777)
    os.chown(folder, stranger, stranger)
    with Ledger.open(ledger_url("ledger.sqlite", tmp_path, {})) as ledger, pytest.raises(LedgerError) as caught:
        ledger.run_folder("nightly")
    assert caught.value.code == "ledger.open" and "FEEDBRIDGE_RUNS" in caught.value.mend
    assert caught.value.where == str(folder) and list(folder.iterdir()) == []


def test_a_folder_that_all_share_is_not_taken_from_them(tmp_path):
    tmp_path.chmod(0o1777)
    with pytest.raises(LedgerError):
        private_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError):
            private_folder(path)


# Rates


@pytest.mark.parametrize("umask", UMASKS, indirect=True)
@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
def test_rates_are_in_one_folder(home, umask, named):
    expected = home / "rates" if named else home / "state" / "feedbridge" / "rates"
    found = {rates_folder({"FEEDBRIDGE_RATES": str(expected)} if named else {"XDG_RUNTIME_DIR": "/x"}) for _ in range(2)}
    assert found == {expected} and set(modes(home).values()) == {0o700}


def test_a_named_folder_that_is_there_stays_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "team").mkdir()
    (tmp_path / "team").chmod(0o2770)
    monkeypatch.chdir(tmp_path)
    assert rates_folder({"FEEDBRIDGE_RATES": "team"}) == tmp_path / "team"
    assert modes(tmp_path) == {"team": 0o2770}


@pytest.fixture
def no_home(tmp_path, monkeypatch):
    """A state folder that cannot be made, and a folder for temporary files."""
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp" / f"feedbridge-rates-{os.geteuid()}"


def test_rates_of_a_user_without_a_home(no_home):
    assert rates_folder({}) == rates_folder({}) == no_home
    assert stat.S_IMODE(no_home.stat().st_mode) == 0o700


def of_somebody_else(path, other):
    path.mkdir(mode=0o700)
    os.chown(path, other, other)


def open_to_all(path, other):
    path.mkdir()
    path.chmod(0o777)


def a_link(path, other):
    (path.parent / "elsewhere").mkdir()
    path.symlink_to(path.parent / "elsewhere")


def a_file(path, other):
    path.touch()


@pytest.mark.parametrize("make", [of_somebody_else, open_to_all, a_link, a_file])
def test_what_lies_in_wait_among_temporary_files_is_not_used(no_home, make, stranger):
    make(no_home, stranger)
    folder = rates_folder({})
    limiter = Limiter("account", Rate(per_second=1000), folder)
    limiter.wait(lambda: False)
    assert not limiter.shared and not folder.exists()
    assert [path.name for path in no_home.parent.rglob("calls-*")] == []


# Plans that were not finished


HEADER = PlanHeader(
    tool="feedbridge 1.0", job="shop", job_file="f", job_digest="", run="r", made="2026-11-22T03:15:00Z", sources=[],
    mappings=[], targets=[],
)
WRITING = """
import sys, time
from pathlib import Path
from feedbridge.sync.planfile import PlanWriter
import msgspec
from feedbridge.sync.model import PlanHeader
def changes():
    print("writing", flush=True)
    time.sleep(600)
    yield
header = PlanHeader(tool="", job="shop", job_file="f", job_digest="", run="r", made="", sources=[], mappings=[], targets=[])
PlanWriter(Path(sys.argv[1])).write(header, changes())
"""


@pytest.fixture
def unfinished(tmp_path):
    """A process that writes plan.jsonl, and its hidden file."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, tmp_path / "plan.jsonl"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout.readline() == "writing\n"
    (part,) = tmp_path.glob(".plan.jsonl.*.part")
    assert f".{process.pid}-" in part.name
    yield process, part
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_a_killed_writing_left_is_swept(tmp_path, unfinished):
    process, part = unfinished
    PlanWriter(tmp_path / "plan.jsonl").write(HEADER, [])
    assert part.exists(), "its process lives"
    process.kill()
    process.wait()
    PlanWriter(tmp_path / "plan").write(HEADER, [])
    PlanWriter(tmp_path / "other.jsonl").write(HEADER, [])
    assert part.exists(), "of another plan"
    PlanWriter(tmp_path / "plan.jsonl").write(HEADER, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.jsonl", "plan", "plan.jsonl"]
    assert read_plan(tmp_path / "plan.jsonl").header == HEADER


@pytest.mark.parametrize(
    ("name", "hours", "stays"),
    [
        pytest.param(".plan.jsonl.{pid}-{machine}.abcd1234.part", 2, False, id="old, its number was given again"),
        pytest.param(".plan.jsonl.1-00000000.abcd1234.part", 2, False, id="old, of another machine"),
        pytest.param(".plan.jsonl.4194305-00000000.abcd1234.part", 0, True, id="of another machine"),
        pytest.param(".plan.jsonl.part", 2, True, id="not ours"),
        pytest.param(".plan.jsonl.4194305.part", 2, True, id="not ours, with a number"),
        pytest.param(".planXjsonl.1-00000000.abcd1234.part", 2, True, id="of a similar name"),
    ],
)
def test_what_is_swept(tmp_path, unfinished, name, hours, stays):
    process, part = unfinished
    machine = part.name.split("-")[1][:8]
    left = tmp_path / name.format(pid=process.pid, machine=machine)
    left.write_text("x")
    os.utime(left, (time.time() - hours * 3600,) * 2)
    PlanWriter(tmp_path / "plan.jsonl").write(HEADER, [])
    assert left.exists() is stays and part.exists()


# YAML


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("a: 1\nb: 0x" + "f" * 200_000, 2, "number of 200,002 characters", id="hexadecimal"),
        pytest.param("a: 1\nb: [1,\n  " + "9" * 200_000 + "]", 3, "number of 200,000 characters", id="digits"),
        pytest.param("a: 1\n" + "9" * 101 + ": b", 2, "number of 101 characters", id="digits as a key"),
        pytest.param("a: 1e" + "9" * 5000, 1, "number of 5,002 characters", id="exponent"),
        pytest.param("a: 1\nb: 2001-99-99", 2, "month must be in 1..12", id="no date"),
        pytest.param("a: 1\nb: !!int x", 2, "invalid literal", id="no number"),
        pytest.param("a: 1\nb: " + "[" * 5000, 2, "more than 100 levels", id="brackets"),
        pytest.param("\n" + "{a: " * 101 + "}" * 101, 2, "more than 100 levels", id="braces"),
        pytest.param("\n".join(" " * n + "a:" for n in range(300)), 100, "more than 100 levels", id="lines"),
        pytest.param(
            "\n".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else ''}]" for n in range(300)), 101, "more than 100 levels",
            id="aliases",
        ),
    ],
)
def test_yaml_that_no_person_wrote(text, line, words):
    with pytest.raises(MappingError) as caught:
        read_yaml(text, "f.yaml")
    assert caught.value.where == f"f.yaml:{line}" and words in caught.value.message
    assert caught.value.code == "mapping.yaml" and caught.value.mend and "recursion" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_yaml_of_many_nodes_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr("feedbridge.mapping.yaml.MOST_NODES", 1000)
    with pytest.raises(MappingError) as caught:
        read_yaml("- a\n" * 1000 + "- [}", "f.yaml")
    assert (caught.value.where, caught.value.message) == ("f.yaml:1000", "holds more than 1,000 nodes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: " + "9" * 100, {"a": int("9" * 100)}, id="long number"),
        pytest.param("a: '" + "9" * 9000 + "'", {"a": "9" * 9000}, id="digits in quotes"),
        pytest.param("a: x" + "9" * 9000, {"a": "x" + "9" * 9000}, id="long text"),
    ],
)
def test_yaml_that_is_long_for_a_reason(text, expected):
    assert read_yaml(text, "f.yaml")[0] == expected


def test_a_hundred_levels_are_read():
    plain, _ = read_yaml("[" * 100 + "]" * 100, "f.yaml")
    for _ in range(99):
        (plain,) = plain
    assert plain == []


@pytest.mark.parametrize(
    "line", [pytest.param("# nothing at all\n", id="comments"), pytest.param("# " + "ä" * 100 + "\n", id="longer as bytes")]
)
def test_a_job_file_of_many_megabytes_is_refused_by_its_size(tmp_path, line):
    path = tmp_path / "feedbridge.yaml"
    path.write_text("feedbridge: 1\n" + line * ((4 << 20) // len(line.encode()) + 1), encoding="utf-8")
    with pytest.raises(JobError) as caught:
        load_jobs(path, environment={})
    assert caught.value.where == str(path) and "larger than 4 MiB" in caught.value.message and caught.value.mend


def test_a_table_may_be_larger(tmp_path):
    path = tmp_path / "colours.csv"
    path.write_bytes(b"red,rot\n" * 600_000)
    assert len(read_text(path, "colours.csv")) == 4_800_000
