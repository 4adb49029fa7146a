"""What is printed for cron and systemd: read by parsers of their own kind, and run through a real shell."""

from __future__ import annotations

import configparser
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from feedbridge.errors import CommandError
from feedbridge.sync.cron import crontab, program, systemd_units
from feedbridge.sync.jobfile import load_jobs

JOB = """\
feedbridge: 1
jobs:
  shop:
    source: shop.csv
    targets:
      flipsnack: {{}}
      magento: {{endpoint: https://shop.example.com/rest, answer_seconds: {seconds}}}
    alerts: {{email: {{to: [a@b.example], sender: a@b.example, host: m.example, security: tls, user: me}}}}
"""

FOLDERS = [
    pytest.param("shop", id="plain"),
    pytest.param("my feeds", id="blank"),
    pytest.param("100% $HOME fe'ed\"s;&", id="what shells and cron act on"),
    pytest.param("läden", id="not ascii"),
]


def made(folder: Path, seconds: int = 20):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feedbridge.yaml").write_text(JOB.format(seconds=seconds), encoding="utf-8")
    return load_jobs(folder / "feedbridge.yaml", environment={}).only()


def fake_program(folder: Path, status: int = 0) -> Path:
    """A feedbridge that notes how it was started."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "feedbridge"
    path.write_text(
        "#!/bin/sh\n"
        f'{{ pwd; for word in "$@"; do echo "word $word"; done; echo "key $FEEDBRIDGE_FLIPSNACK_API_KEY"; }} > "{folder}/seen"\n'
        f'echo \'{{"event": "run"}}\'\nexit {status}\n'
    )
    path.chmod(0o755)
    return path


def entry(text: str) -> tuple[list[str], str]:
    """The five time fields and the command of the only entry, as cron reads them: ``%`` ends a line unless escaped."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    (line,) = lines
    *fields, command = line.split(None, 5)
    whole, index = "", 0
    while index < len(command):
        if command[index] == "\\" and command[index + 1 : index + 2] == "%":
            index += 1
        elif command[index] == "%":
            raise AssertionError("a bare % would end the command")
        whole += command[index]
        index += 1
    return fields, whole


def as_cron(command: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "shop"}
    return subprocess.run(["/bin/sh", "-c", command], cwd=home, env=environment, text=True, capture_output=True, timeout=20)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_crontab_line_runs(name, tmp_path):
    folder = tmp_path / name
    started = fake_program(tmp_path / "bin dir")
    fields, command = entry(crontab(made(folder), at="3:05", words=[str(started)]))
    assert fields == ["5", "3", "*", "*", "*"]
    (folder / "feedbridge.env").write_text("FEEDBRIDGE_FLIPSNACK_API_KEY='a $b c'\n")
    for _ in range(2):
        done = as_cron(command, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "status 0 makes no mail"
    assert (tmp_path / "bin dir/seen").read_text().splitlines() == [
        str(folder), "word sync", "word shop", "word --jobs", f"word {folder / 'feedbridge.yaml'}", "word --log-format",
        "word json", "key a $b c",
    ]
    assert (folder / "shop.log").read_text() == '{"event": "run"}\n' * 2


@pytest.mark.parametrize("status", [1, 2, 3, 4, 130])
def test_cron_mails_one_line_for_any_other_status(status, tmp_path):
    folder = tmp_path / "my feeds"
    _, command = entry(crontab(made(folder), words=[str(fake_program(tmp_path / "bin", status))]))
    (folder / "feedbridge.env").touch()
    done = as_cron(command, tmp_path)
    assert done.stdout == f"feedbridge sync shop ended with status {status}; see {folder / 'shop.log'}\n"
    assert done.stderr == ""


def test_a_missing_environment_file_is_mailed_and_nothing_runs(tmp_path):
    folder = tmp_path / "shop"
    _, command = entry(crontab(made(folder), words=[str(fake_program(tmp_path / "bin"))]))
    done = as_cron(command, tmp_path)
    assert "ended with status" in done.stdout
    assert "feedbridge.env" in (folder / "shop.log").read_text()
    assert not (tmp_path / "bin/seen").exists()


def test_a_folder_that_is_gone_is_mailed(tmp_path):
    folder = tmp_path / "shop"
    _, command = entry(crontab(made(folder), words=[str(fake_program(tmp_path / "bin"))]))
    shutil.rmtree(folder)
    done = as_cron(command, tmp_path)
    assert done.stdout + done.stderr
    assert not (tmp_path / "bin/seen").exists()


def test_the_comments_name_what_a_person_has_to_know(tmp_path):
    text = crontab(made(tmp_path / "shop"))
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    for words in (
        "install -m 600", "FEEDBRIDGE_FLIPSNACK_API_KEY='...'", "FEEDBRIDGE_MAGENTO_CONSUMER_KEY='...'",
        "FEEDBRIDGE_SMTP_PASSWORD='...'", "lock:", "logrotate", "MAILTO", "0 all", "130 interrupted", "--release",
    ):
        assert words in comments


@pytest.mark.parametrize("printed", [crontab, lambda *job, **given: "\n".join(systemd_units(*job, **given).values())],
                         ids=["crontab", "systemd"])
def test_what_says_where_the_ledger_lies_is_named(tmp_path, printed):
    """cron does not have it, and would begin another ledger."""
    job = made(tmp_path / "shop")
    set_now = {"XDG_STATE_HOME": "/srv/my state", "FEEDBRIDGE_RUNS": "/srv/runs", "FEEDBRIDGE_RATES": "a\nb"}
    lines = printed(job, environment=set_now).splitlines()
    for line in ("XDG_STATE_HOME='/srv/my state'", "FEEDBRIDGE_RUNS=/srv/runs", "FEEDBRIDGE_RATES='...'"):
        assert f"#   {line}   (it is set where you are now)" in lines
    assert "XDG_STATE_HOME" not in printed(job, environment={})


def test_the_line_that_makes_the_environment_file_works(tmp_path):
    folder = tmp_path / "my feeds"
    text = crontab(made(folder))
    (line,) = [line for line in text.splitlines() if "install -m 600" in line]
    subprocess.run(["/bin/sh", "-c", line.partition(": ")[2]], check=True, cwd=tmp_path, timeout=20)
    assert stat.S_IMODE((folder / "feedbridge.env").stat().st_mode) == 0o600


@pytest.mark.parametrize("at", ["24:00", "3", "03:60", "nachts", "03:15:00", ""])
def test_a_time_that_is_none(at, tmp_path):
    job = made(tmp_path / "shop")
    for make in (crontab, systemd_units):
        with pytest.raises(CommandError, match="no time of day"):
            make(job, at=at)


def test_a_path_that_breaks_lines(tmp_path):
    job = made(tmp_path / "a\nb")
    for make in (crontab, systemd_units):
        with pytest.raises(CommandError, match="control characters"):
            make(job)


def test_a_line_that_cron_would_cut(tmp_path):
    job = made(tmp_path / ("x" * 200) / ("y" * 200))
    with pytest.raises(CommandError, match="cron takes no longer one"):
        crontab(job)
    assert systemd_units(job)


def test_the_program_is_an_absolute_path():
    assert Path(program()[0]).is_absolute()
    assert os.access(program()[0], os.X_OK)


# -- systemd


def parsed(text: str) -> configparser.RawConfigParser:
    reader = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#", ";"), interpolation=None)
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    reader.read_string(text)
    return reader


def words_of(line: str) -> list[str]:
    """The words of ExecStart as systemd reads them: double quotes, backslashes inside them, %% and $$."""
    words, word, quoted, index, started = [], "", False, 0, False
    while index < len(line):
        char = line[index]
        if quoted and char == "\\":
            index += 1
            word += line[index]
        elif char == '"':
            quoted, started = not quoted, True
        elif char == " " and not quoted:
            words += [word] if word or started else []
            word, started = "", False
        else:
            word += char
        index += 1
    assert not quoted
    return [one.replace("%%", "%").replace("$$", "$") for one in [*words, *([word] if word else [])]]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_units_say_what_they_should(name, tmp_path):
    folder = tmp_path / name
    started = fake_program(tmp_path / "bin dir")
    units = systemd_units(made(folder), at="3:05", words=[str(started)], user="shop")
    assert sorted(units) == ["feedbridge-shop.service", "feedbridge-shop.timer"]
    service, timer = (parsed(units[f"feedbridge-shop.{kind}"]) for kind in ("service", "timer"))
    own = service["Service"]
    assert words_of(own["ExecStart"]) == [
        str(started), "sync", "shop", "--jobs", str(folder / "feedbridge.yaml"), "--log-format", "json"
    ]
    assert own["WorkingDirectory"].replace("%%", "%") == str(folder)
    assert own["EnvironmentFile"].replace("%%", "%") == str(folder / "feedbridge.env")
    assert (own["Type"], own["KillSignal"], own["User"], own["SuccessExitStatus"]) == ("oneshot", "SIGTERM", "shop", "1")
    assert timer["Timer"]["OnCalendar"] == "*-*-* 03:05:00"
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.parametrize(("seconds", "stop"), [pytest.param(20, 150, id="usual"), pytest.param(600, 630, id="a slow platform")])
def test_stopping_waits_for_the_call_under_way(seconds, stop, tmp_path):
    units = systemd_units(made(tmp_path / "shop", seconds))
    assert parsed(units["feedbridge-shop.service"])["Service"]["TimeoutStopSec"] == str(stop)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", FOLDERS)
def test_systemd_takes_the_units(name, tmp_path):
    units = systemd_units(made(tmp_path / name), words=[str(fake_program(tmp_path / "bin dir"))])
    for file, text in units.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / file) for file in units)], capture_output=True, text=True, timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "feedbridge" in line]
    assert (done.returncode, complaints) == (0, [])
