from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from feedbridge.errors import OutputError
from feedbridge.sync.model import Change, Difference, PlanHeader, TargetPlan
from feedbridge.sync.planfile import PlanError, PlanWriter, read_plan

HEADER = PlanHeader(
    tool="feedbridge 1.0", job="shop", job_file="feedbridge.yaml", job_digest="ab", run="20261122T031500Z-4f2a",
    made="2026-11-22T03:15:00Z", sources=[("shop.csv", "cd")], mappings=["ef"],
    targets=[TargetPlan(
        name="flipsnack", platform="flipsnack", place="https://api.example.com/ sourceHash 2d67", generation=3,
        counts={"update": 2, "delete": 1, "unchanged": 9}, products={"read": 11, "excluded": 0, "held_back": 0},
        holds=[("max_deletes", "1 item would be deleted", "release it")],
    )],
)
HEAD = msgspec.json.encode({"feedbridge_plan": 1} | msgspec.to_builtins(HEADER))
CHANGES = [
    Change(target="flipsnack", op="delete", key="TEE-1", sku="TEE-1", reason="gone from the feed", body='{"code":"TEE-1"}'),
    Change(
        target="flipsnack", op="update", key="TEE-2", sku="TEE-2", reason="field price changed", file="shop.csv", line=14,
        title="Größe 👕\n\x1b", differences=[Difference("price", 20, 21)], files=[("a.jpg", "TEE/a.jpg", "00")],
    ),
    Change(target="magento", op="update", key="2", sku="TEE-2", reason="field price changed"),
]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    PlanWriter(tmp_path / "plan.jsonl").write(HEADER, CHANGES)
    return tmp_path / "plan.jsonl"


def code_of(path: Path) -> str:
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    assert caught.value.exit_status == 2
    assert str(path) in str(caught.value) and caught.value.mend
    return caught.value.code


def test_what_was_written_is_read(plan):
    reader = read_plan(plan)
    assert reader.header == HEADER
    assert list(reader.changes()) == CHANGES
    assert list(reader.changes()) == CHANGES, "and again"
    assert reader.count == 3


@pytest.mark.parametrize(
    ("ops", "target", "keys"),
    [
        pytest.param({"update"}, None, ["TEE-2", "2"], id="operation"),
        pytest.param({"update", "delete"}, "flipsnack", ["TEE-1", "TEE-2"], id="target"),
        pytest.param(None, "magento", ["2"], id="target only"),
        pytest.param(set(), None, [], id="no operation"),
        pytest.param({"create"}, "magento", [], id="none of it"),
    ],
)
def test_changes_of_some(plan, ops, target, keys):
    reader = read_plan(plan)
    assert [change.key for change in reader.changes(ops, target)] == keys
    assert [change["key"] for change in reader.plain(ops, target)] == keys


def test_plain_changes_are_the_same_as_those_of_the_model(plan):
    reader = read_plan(plan)
    assert list(reader.plain()) == [msgspec.to_builtins(change) | {"files": [list(f) for f in change.files]}
                                    if change.files else msgspec.to_builtins(change) for change in CHANGES]


def test_two_readings_do_not_disturb_each_other(plan):
    reader = read_plan(plan)
    pairs = zip(reader.changes(), reader.changes({"update"}), strict=False)
    assert [(one.key, other.key) for one, other in pairs] == [("TEE-1", "TEE-2"), ("TEE-2", "2")]


def test_the_file_is_json_lines_that_say_their_own_digest(plan):
    lines = plan.read_bytes().splitlines(keepends=True)
    assert [sorted(msgspec.json.decode(line))[0] for line in lines[1:]] == ["body", "differences", "key", "end"]
    whole = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    assert msgspec.json.decode(lines[-1]) == {"end": 3, "sha256": whole}
    assert read_plan(plan).sha256 == whole


def test_only_the_owner_can_read_it(plan):
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600


def test_a_plan_without_changes(tmp_path):
    PlanWriter(tmp_path / "p").write(HEADER, [])
    assert list(read_plan(tmp_path / "p").changes()) == []


def damage(text: bytes, how: str) -> bytes:
    lines = text.splitlines(keepends=True)
    return {
        "empty": b"",
        "last line missing": b"".join(lines[:-1]),
        "cut inside the last line": text[:-20],
        "last newline missing": text[:-1],
        "cut inside a change": text[: len(lines[0]) + 30],
        "only the head": lines[0],
        "a price edited": text.replace(b'"after":21', b'"after":12'),
        "a change taken out": lines[0] + b"".join(lines[2:]),
        "a change twice": b"".join(lines[:2]) + b"".join(lines[1:]),
        "changes swapped": lines[0] + lines[2] + lines[1] + b"".join(lines[3:]),
        "head edited": text.replace(b'"job":"shop"', b'"job":"shoq"'),
        "more behind the end": text + lines[1],
        "two plans in one": text + text,
        "Windows line ends": text.replace(b"\n", b"\r\n"),
        "a mark in front": b"\xef\xbb\xbf" + text,
        "count edited": text.replace(b'{"end":3', b'{"end":2'),
        "another JSON file": b'{"products": []}\n',
        "JSON but no object": b"[1]\n",
        "version is no number": text.replace(b'"feedbridge_plan":1', b'"feedbridge_plan":"1"'),
        "bytes": os.urandom(5000),
    }[how]


def with_digest(*lines: bytes) -> bytes:
    whole = b"".join(line + b"\n" for line in lines)
    end = msgspec.json.encode({"end": len(lines) - 1, "sha256": hashlib.sha256(whole).hexdigest()})
    return whole + end + b"\n"


@pytest.mark.parametrize("how", [
    "empty", "last line missing", "cut inside the last line", "last newline missing", "cut inside a change",
    "only the head", "a price edited", "a change taken out", "a change twice", "changes swapped", "head edited",
    "more behind the end", "two plans in one", "Windows line ends", "a mark in front", "count edited",
    "another JSON file", "JSON but no object", "version is no number", "bytes",
])
def test_a_damaged_plan_is_refused_before_it_is_used(plan, how):
    whole = plan.read_bytes()
    plan.write_bytes(damage(whole, how))
    assert plan.read_bytes() != whole
    assert code_of(plan) == "plan.damaged"


def test_every_cut_is_noticed(plan):
    whole = plan.read_bytes()
    codes = set()
    for at in range(len(whole)):
        plan.write_bytes(whole[:at])
        codes.add(code_of(plan))
    assert codes == {"plan.damaged"}


def test_a_head_without_what_it_needs_is_damaged(plan):
    plan.write_bytes(with_digest(b'{"feedbridge_plan":1,"job":"shop"}'))
    assert code_of(plan) == "plan.damaged"


def test_a_line_that_is_no_change_is_damaged(plan):
    plan.write_bytes(with_digest(HEAD, b'{"target":"f","op":"explode","key":"","sku":"","reason":""}'))
    reader = read_plan(plan)
    with pytest.raises(PlanError, match="line 2 is no change"):
        list(reader.changes())


def test_a_newer_plan_is_refused_even_where_its_end_is_unknown(plan):
    plan.write_bytes(b'{"feedbridge_plan":2,"anything":1}\nwhatever comes\n')
    assert code_of(plan) == "plan.newer"


def test_members_of_a_later_version_of_the_same_format_are_passed_over(plan):
    head = msgspec.json.decode(HEAD) | {"later": 1}
    change = msgspec.to_builtins(CHANGES[0]) | {"later": 1}
    plan.write_bytes(with_digest(msgspec.json.encode(head), msgspec.json.encode(change)))
    assert list(read_plan(plan).changes()) == CHANGES[:1]


@pytest.mark.parametrize("kind", ["nothing", "folder", "below a file", "NUL", "pipe"])
def test_a_plan_that_is_not_there(tmp_path, kind):
    (tmp_path / "file").write_bytes(b"")
    path = {"nothing": tmp_path / "none", "folder": tmp_path, "below a file": tmp_path / "file" / "x",
            "NUL": tmp_path / "a\0b", "pipe": tmp_path / "pipe"}[kind]
    os.mkfifo(tmp_path / "pipe")
    assert code_of(path) == "plan.missing"


@pytest.mark.parametrize("how", ["replaced", "edited", "gone"])
def test_a_plan_that_moves_after_it_was_checked_is_refused(plan, how):
    reader = read_plan(plan)
    other = plan.read_bytes().replace(b'"after":21', b'"after":12')
    if how == "replaced":
        (plan.parent / "other").write_bytes(other)
        os.replace(plan.parent / "other", plan)
    elif how == "edited":
        plan.write_bytes(other)
        os.utime(plan, ns=(1, 1))
    else:
        plan.unlink()
    with pytest.raises(PlanError) as caught:
        next(reader.changes())
    assert caught.value.code == ("plan.missing" if how == "gone" else "plan.damaged")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failing(error: BaseException) -> Iterator[Change]:
    yield CHANGES[0]
    raise error


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), OSError("of the source")], ids=lambda e: repr(e))
def test_what_the_changes_raise_passes_and_leaves_the_old_plan(plan, error):
    before = plan.read_bytes()
    with pytest.raises(type(error)) as caught:
        PlanWriter(plan).write(HEADER, failing(error))
    assert caught.value is error
    assert plan.read_bytes() == before and names_in(plan.parent) == [plan.name]


def test_a_full_disk_leaves_the_old_plan(plan):
    before = plan.read_bytes()
    script = textwrap.dedent("""
        import resource, signal, sys
        from feedbridge.sync.planfile import PlanWriter, read_plan
        from feedbridge.errors import OutputError
        reader = read_plan(sys.argv[1])
        changes = list(reader.changes()) * 20000
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        try:
            PlanWriter(sys.argv[1]).write(reader.header, changes)
        except OutputError as error:
            print(error.code, error.exit_status)
    """)
    done = subprocess.run([sys.executable, "-c", script, str(plan)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["plan.write", "3"]
    assert plan.read_bytes() == before and names_in(plan.parent) == [plan.name]


def test_killed_while_writing_leaves_the_old_plan(plan):
    before = plan.read_bytes()
    script = textwrap.dedent("""
        import os, signal, sys
        from feedbridge.sync.planfile import PlanWriter, read_plan
        reader = read_plan(sys.argv[1])
        def changes():
            for one in list(reader.changes()) * 20000:
                yield one
            os.kill(os.getpid(), signal.SIGKILL)
        PlanWriter(sys.argv[1]).write(reader.header, changes())
    """)
    done = subprocess.run([sys.executable, "-c", script, str(plan)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert plan.read_bytes() == before


@pytest.mark.parametrize("kind", ["folder", "device", "no folder to be in"])
def test_where_no_plan_can_be_written(tmp_path, kind):
    path = {"folder": tmp_path, "device": Path("/dev/null"), "no folder to be in": tmp_path / "a" / "b"}[kind]
    with pytest.raises(OutputError) as caught:
        PlanWriter(path).write(HEADER, CHANGES)
    assert caught.value.code == "plan.write" and caught.value.mend
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and names_in(tmp_path) == []


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "latest").symlink_to("runs/plan")
    PlanWriter(tmp_path / "latest").write(HEADER, CHANGES)
    assert (tmp_path / "latest").is_symlink() and names_in(tmp_path / "runs") == ["plan"]
    assert list(read_plan(tmp_path / "latest").changes()) == CHANGES


def test_memory_stays_flat_in_the_number_of_changes(tmp_path):
    script = textwrap.dedent("""
        import resource, sys
        from feedbridge.sync.model import Change
        from feedbridge.sync.planfile import PlanWriter, read_plan
        header = read_plan(sys.argv[1]).header
        path, number = sys.argv[2], int(sys.argv[3])
        changes = (Change(target="f", op="create", key=str(n), sku=str(n), reason="new", body="x" * 500) for n in range(number))
        PlanWriter(path).write(header, changes)
        assert sum(1 for _ in read_plan(path).changes()) == number
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """)
    PlanWriter(tmp_path / "small").write(HEADER, CHANGES)
    peaks = [
        int(subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "small"), str(tmp_path / "p"), str(number)],
            capture_output=True, text=True, check=True,
        ).stdout)
        for number in (1_000, 100_000)
    ]
    assert peaks[1] < peaks[0] + 8_000, "KiB: 100,000 changes are 60 MB of file"
