"""The output folder appears whole or not at all."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from feedbridge.errors import CommandError, OutputError
from feedbridge.platforms.output import HashedFile
from feedbridge.run.folder import FILES_SYNCED_SINGLY, OutputFolder, exchange_folders

OURS = {"tool": {"name": "feedbridge", "version": "0.1.0"}}
ON_POSIX = [pytest.param(exchange_folders, id="exchanged"), pytest.param(lambda one, other: False, id="stepping aside")]


def fill(folder: Path, word: str) -> None:
    """An output in which every file says the same word."""
    (folder / "flipsnack").mkdir()
    for number in range(5):
        (folder / "flipsnack" / f"batch-{number}.json").write_text(word)
    (folder / "manifest.json").write_text(json.dumps({**OURS, "word": word}))


def read(folder: Path) -> str:
    """The word of an output; fails when a file is missing or says another one."""
    word = json.loads((folder / "manifest.json").read_text())["word"]
    names = sorted(path.name for path in (folder / "flipsnack").iterdir())
    assert names == [f"batch-{number}.json" for number in range(5)]
    assert {path.read_text() for path in (folder / "flipsnack").iterdir()} == {word}
    return str(word)


def write(final: Path, word: str, **options) -> None:
    with OutputFolder(final, **options) as output:
        fill(output.working, word)
        output.commit()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


# What is put in place


def test_new_folder_is_there_only_after_commit(tmp_path):
    with OutputFolder(tmp_path / "shop") as output:
        fill(output.working, "new")
        assert not (tmp_path / "shop").exists()
        assert output.working.parent == tmp_path  # beside: a rename never copies
        output.commit()
        assert read(tmp_path / "shop") == "new"
    assert names(tmp_path) == ["shop"]


@pytest.mark.parametrize("exchange", ON_POSIX)
def test_earlier_output_is_replaced_with_all_in_it(tmp_path, exchange):
    write(tmp_path / "shop", "old")
    (tmp_path / "shop" / "only-in-old.txt").write_text("old")
    write(tmp_path / "shop", "new", exchange=exchange)
    assert read(tmp_path / "shop") == "new"
    assert not (tmp_path / "shop" / "only-in-old.txt").exists()
    assert names(tmp_path) == ["shop"]


def test_linux_exchanges_in_one_step(tmp_path):
    if sys.platform != "linux":
        pytest.skip("renameat2 is of Linux")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "was-a").touch()
    if not exchange_folders(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot exchange")
    assert names(tmp_path / "b") == ["was-a"]
    assert names(tmp_path / "a") == []


def test_exchange_of_missing_folder_says_no(tmp_path):
    (tmp_path / "a").mkdir()
    assert exchange_folders(tmp_path / "a", tmp_path / "missing") is False
    assert names(tmp_path) == ["a"]


def test_empty_folder_is_replaced(tmp_path):
    (tmp_path / "shop").mkdir()
    write(tmp_path / "shop", "new")
    assert read(tmp_path / "shop") == "new"


def test_permissions_of_the_earlier_output_stay(tmp_path):
    write(tmp_path / "shop", "old")
    (tmp_path / "shop").chmod(0o750)
    write(tmp_path / "shop", "new")
    assert (tmp_path / "shop").stat().st_mode & 0o777 == 0o750


def test_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    write(tmp_path / "disk" / "shop", "old")
    (tmp_path / "shop").symlink_to(tmp_path / "disk" / "shop")
    write(tmp_path / "shop", "new")
    assert (tmp_path / "shop").is_symlink()
    assert read(tmp_path / "disk" / "shop") == "new"


def test_many_files_are_put_in_place(tmp_path):
    with OutputFolder(tmp_path / "shop") as output:
        for number in range(FILES_SYNCED_SINGLY + 1):
            (output.working / f"{number}").touch()
        output.commit()
    assert len(names(tmp_path / "shop")) == FILES_SYNCED_SINGLY + 1


def test_parent_is_made(tmp_path):
    write(tmp_path / "out" / "shop", "new")
    assert read(tmp_path / "out" / "shop") == "new"


# What leaves no trace


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OutputError])
def test_exception_leaves_the_earlier_output(tmp_path, error):
    write(tmp_path / "shop", "old")
    with pytest.raises(error), OutputFolder(tmp_path / "shop") as output:
        fill(output.working, "new")
        raise error("stop")
    assert read(tmp_path / "shop") == "old"
    assert names(tmp_path) == ["shop"]


def test_leaving_without_commit_leaves_nothing(tmp_path):
    with OutputFolder(tmp_path / "out" / "shop") as output:
        fill(output.working, "new")
    assert names(tmp_path) == []  # the parent it made is gone, too


def test_second_step_of_stepping_aside_fails(tmp_path):
    write(tmp_path / "shop", "old")

    def cannot(one: Path, other: Path) -> bool:
        (one / "manifest.json").unlink()
        one.rename(one.with_name("elsewhere"))  # so that the rename after this one must fail
        return False

    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / "shop", "new", exchange=cannot)
    assert read(tmp_path / "shop") == "old"
    assert names(tmp_path) == ["elsewhere", "shop"]


# What is refused


def refused(final: Path, code: str, **options) -> CommandError:
    before = sorted(final.parent.rglob("*")) if final.parent.is_dir() else []
    with pytest.raises(CommandError) as caught, OutputFolder(final, **options):
        raise AssertionError("the run must not begin")
    assert caught.value.code == code
    assert caught.value.exit_status == 2
    assert caught.value.mend
    assert str(final) in str(caught.value)
    assert (sorted(final.parent.rglob("*")) if final.parent.is_dir() else []) == before
    return caught.value


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(None, id="no manifest"),
        pytest.param("", id="empty manifest"),
        pytest.param("{", id="broken manifest"),
        pytest.param("[]", id="manifest is a list"),
        pytest.param('{"tool": "feedbridge"}', id="tool is no object"),
        pytest.param('{"tool": {"name": "webpack"}}', id="manifest of another tool"),
        pytest.param('{"name": "feedbridge"}', id="no tool"),
        pytest.param(b"\xff\xfe{", id="not UTF-8"),
    ],
)
def test_folder_of_others_is_left_alone(tmp_path, manifest):
    final = tmp_path / "documents"
    final.mkdir()
    (final / "thesis.txt").write_text("years of work")
    if manifest is not None:
        (final / "manifest.json").write_bytes(manifest if isinstance(manifest, bytes) else manifest.encode())
    refused(final, "output.not-ours")
    assert (final / "thesis.txt").read_text() == "years of work"


def test_file_is_left_alone(tmp_path):
    (tmp_path / "shop").write_text("a file")
    refused(tmp_path / "shop", "output.is-file")
    assert (tmp_path / "shop").read_text() == "a file"


def test_parent_of_parent_must_be_there(tmp_path):
    refused(tmp_path / "no" / "such" / "shop", "output.no-parent")


def test_mount_point_cannot_be_replaced():
    with pytest.raises(CommandError, match="mount point"), OutputFolder(Path("/")):
        raise AssertionError


def test_current_folder_cannot_be_replaced(tmp_path):
    write(tmp_path / "shop", "old")
    script = "from feedbridge.run.folder import OutputFolder, Path; OutputFolder(Path('..')).__enter__()"
    done = run_python(script, cwd=tmp_path / "shop" / "flipsnack")
    assert "is the folder you are in" in done.stderr
    assert read(tmp_path / "shop") == "old"


def test_folder_that_holds_an_input_is_left_alone(tmp_path):
    write(tmp_path / "shop", "old")
    mended = tmp_path / "shop" / "quarantine.csv"
    mended.write_text("sku\nA\n")
    refused(tmp_path / "shop", "output.holds-input", inputs=[mended])
    write(tmp_path / "shop", "new", inputs=[tmp_path / "elsewhere.csv"])
    assert read(tmp_path / "shop") == "new"


def test_second_run_is_turned_away_and_the_first_goes_on(tmp_path):
    with OutputFolder(tmp_path / "shop") as first:
        error = refused(tmp_path / "shop", "output.busy")
        assert f"process {os.getpid()} on" in error.message
        write(tmp_path / "other", "new")  # beside it nothing is locked
        fill(first.working, "first")
        first.commit()
    assert read(tmp_path / "shop") == "first"
    write(tmp_path / "shop", "second")
    assert read(tmp_path / "shop") == "second"


def test_what_others_put_there_during_the_run_stays(tmp_path):
    with pytest.raises(CommandError) as caught, OutputFolder(tmp_path / "shop") as output:
        fill(output.working, "new")
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop" / "thesis.txt").write_text("years of work")
        output.commit()
    assert caught.value.code == "output.not-ours"
    assert names(tmp_path) == ["shop"]
    assert names(tmp_path / "shop") == ["thesis.txt"]


# What a killed run left


def test_leftovers_of_the_dead_are_swept_and_of_the_living_not(tmp_path):
    dead = tmp_path / f".shop.feedbridge-{dead_process()}-0123abcd"
    own = tmp_path / f".shop.feedbridge-{os.getpid()}-0123abcd"  # in a container every run has the same number
    for gone in (dead, own):
        gone.mkdir()
        (gone / "half.json").touch()
    living = f".shop.feedbridge-{os.getppid()}-0123abcd"
    kept = [living, f".shop2.feedbridge-{dead_process()}-0123abcd", ".shop.feedbridge-x"]
    for name in kept:
        (tmp_path / name).mkdir()
    write(tmp_path / "shop", "new")
    assert names(tmp_path) == sorted([*kept, "shop"])


@pytest.mark.parametrize("commit", [True, False])
def test_killed_between_stepping_aside_and_taking_its_place(tmp_path, commit):
    write(tmp_path / "shop", "old")
    killed = f".shop.feedbridge-{dead_process()}-0123abcd"
    (tmp_path / "shop").rename(tmp_path / f"{killed}-old")
    (tmp_path / killed).mkdir()
    with OutputFolder(tmp_path / "shop") as output:
        assert read(tmp_path / "shop") == "old"
        fill(output.working, "new")
        if commit:
            output.commit()
    assert read(tmp_path / "shop") == ("new" if commit else "old")
    assert names(tmp_path) == ["shop"]


def run_python(script: str, *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, env=environment())


def environment() -> dict[str, str]:
    """For children: the package under test, wherever they stand."""
    import feedbridge.run.folder as module

    return {**os.environ, "PYTHONPATH": str(Path(module.__file__).resolve().parents[2])}


WRITE_FOR_EVER = textwrap.dedent("""
    import itertools, json, sys
    from pathlib import Path
    from feedbridge.run.folder import OutputFolder

    final, how = Path(sys.argv[1]), sys.argv[2]
    for round in itertools.count():
        with OutputFolder(final, exchange=None if how == "exchanged" else lambda one, other: False) as output:
            (output.working / "flipsnack").mkdir()
            for number in range(5):
                (output.working / "flipsnack" / f"batch-{number}.json").write_text(str(round))
            manifest = {"tool": {"name": "feedbridge"}, "word": str(round)}
            (output.working / "manifest.json").write_text(json.dumps(manifest))
            output.commit()
        print(round, flush=True)
""")


def start_writing(final: Path, how: str = "exchanged") -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(final), how], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "0\n"
    return child


def stop(child: subprocess.Popen[str], number: int) -> int:
    child.send_signal(number)
    with child:
        return child.wait()


@pytest.mark.parametrize("how", ["exchanged", "aside"])
def test_killed_at_any_instant_the_folder_is_whole(tmp_path, how):
    if how == "exchanged":
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        if not exchange_folders(tmp_path / "a", tmp_path / "b"):
            pytest.skip("this file system cannot exchange")
        (tmp_path / "a").rmdir()
        (tmp_path / "b").rmdir()
    chance = random.Random(4711)
    for _ in range(12):
        child = start_writing(tmp_path / "shop", how)
        time.sleep(chance.uniform(0, 0.03))
        assert stop(child, signal.SIGKILL) == -signal.SIGKILL
        if how == "aside":
            with OutputFolder(tmp_path / "shop"):
                pass  # mends what the kill may have torn
        assert read(tmp_path / "shop").isdigit()
    write(tmp_path / "shop", "last")
    assert read(tmp_path / "shop") == "last"
    assert names(tmp_path) == ["shop"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_asked_to_stop_it_leaves_no_trace(tmp_path, number):
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from feedbridge.run.folder import OutputFolder
        try:
            with OutputFolder(Path(sys.argv[1])) as output:
                (output.working / "half.json").touch()
                print("ready", flush=True)
                time.sleep(60)
        except KeyboardInterrupt:
            raise SystemExit(130)
    """)
    write(tmp_path / "shop", "old")
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "shop")], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    assert stop(child, number) == 130
    assert read(tmp_path / "shop") == "old"
    assert names(tmp_path) == ["shop"]


def test_signal_handling_is_given_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with OutputFolder(tmp_path / "shop"):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def leave_by_exception(output: OutputFolder) -> None:
    try:
        output.__exit__(None, None, None)
    finally:
        os._exit(0 if output.working.exists() else 1)


def sleep_after_saying_so(awake: Event) -> None:
    awake.set()
    time.sleep(60)


def test_forked_worker_neither_removes_the_folder_nor_keeps_the_lock(tmp_path):
    fork = multiprocessing.get_context("fork")
    with OutputFolder(tmp_path / "shop") as output:
        worker = fork.Process(target=leave_by_exception, args=(output,))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
        awake = fork.Event()
        sleeper = fork.Process(target=sleep_after_saying_so, args=(awake,))
        sleeper.start()
        assert awake.wait(30)  # Python forgets a signal that comes while a process is being forked
        fill(output.working, "new")
        output.commit()
    write(tmp_path / "shop", "newer")  # the sleeper has no hold on the lock
    assert sleeper.is_alive()
    sleeper.terminate()
    sleeper.join()
    assert sleeper.exitcode == -signal.SIGTERM
    assert read(tmp_path / "shop") == "newer"


# What the disk refuses


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of one MiB and 40 files."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=40", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # a writer that failed may still hold its file


def test_disk_full_while_writing(small_disk):
    write(small_disk / "shop", "old")
    with pytest.raises(OutputError) as caught, OutputFolder(small_disk / "shop") as output:
        file = HashedFile(output.working / "flipsnack" / "batch-0001.json")
        for _ in range(20):
            file.write(b"x" * 200_000)
    assert caught.value.exit_status == 3
    assert read(small_disk / "shop") == "old"
    assert names(small_disk) == ["shop"]


def test_disk_full_at_the_start(small_disk):
    write(small_disk / "shop", "old")
    fillers = 0
    while True:
        try:
            (small_disk / f"filler-{fillers}").touch()
        except OSError:
            break
        fillers += 1
    with pytest.raises(OutputError) as caught, OutputFolder(small_disk / "shop"):
        raise AssertionError("the run must not begin")
    assert caught.value.code == "output.write"
    assert "make room" in caught.value.mend
    assert read(small_disk / "shop") == "old"
    assert len(names(small_disk)) == fillers + 1


def test_read_only_disk(small_disk):
    write(small_disk / "shop", "old")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OutputError) as caught, OutputFolder(small_disk / "shop"):
        raise AssertionError("the run must not begin")
    assert "can be written" in caught.value.mend
    assert read(small_disk / "shop") == "old"


def test_output_may_be_on_a_disk_of_its_own_but_not_be_one(small_disk):
    refused(small_disk, "output.mount-point")
    write(small_disk / "shop", "new")
    assert read(small_disk / "shop") == "new"


def test_no_permission(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="permission"), OutputFolder(tmp_path / "shop"):
            raise AssertionError("the run must not begin")
    finally:
        tmp_path.chmod(0o700)


def test_name_too_long(tmp_path):
    with pytest.raises(OutputError) as caught, OutputFolder(tmp_path / ("x" * 250)):
        raise AssertionError("the run must not begin")
    assert "shorter" in caught.value.mend
    assert names(tmp_path) == []
