"""``feedbridge cron``: what to put into a crontab or into systemd so that a job runs every night.

Nothing is installed: the text is printed, with what a person has to know beside it.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from feedbridge.errors import CommandError
from feedbridge.sync.jobfile import Job, needed_variables

__all__ = ["crontab", "program", "systemd_units"]

AT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
LEAST_STOP_SECONDS = 150
MOST_COMMAND = 990
MATTERING = (
    "FEEDBRIDGE_STATE_URL", "FEEDBRIDGE_ALERT_WEBHOOK", "FEEDBRIDGE_SMTP_PASSWORD", "FEEDBRIDGE_SANDBOX_URL",
    "FEEDBRIDGE_RUNS", "FEEDBRIDGE_RATES", "XDG_STATE_HOME",
)
"""Variables that decide what a run does, whatever its targets; FEEDBRIDGE_JOBS does not: the line names the job file."""
FOLDERS = frozenset({"FEEDBRIDGE_RUNS", "FEEDBRIDGE_RATES", "XDG_STATE_HOME"})
"""Of these, what is no secret and said with its value: without it the ledger is another one, or its run folders are."""
LOCK = (
    "lock: one run a job. A second one that starts meanwhile says who is running and leaves at once; a run that died is",
    "  noticed and its lock taken over.",
)


def program() -> list[str]:
    """The words that start this feedbridge from anywhere, as absolute paths."""
    started = Path(sys.argv[0])
    beside = Path(sys.executable).with_name("feedbridge")
    if started.name == "feedbridge" and os.access(started, os.X_OK) and started.is_file():
        return [os.path.abspath(started)]
    if os.access(beside, os.X_OK):
        return [str(beside)]
    found = shutil.which("feedbridge")
    return [os.path.abspath(found)] if found else [sys.executable, "-m", "feedbridge"]


def crontab(
    job: Job, *, at: str = "03:15", words: list[str] | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """One crontab line with comments.

    ``at``           local time of day, ``03:15``      ``words``  how feedbridge is started (default: this one)
    ``environment``  of the person who asks: what is set there and matters is named, too; only folders with their value

    Raises: CommandError for a time that is none, and for a path that a crontab cannot say.
    """
    hour, minute = _time(at)
    folder, variables, log = str(job.file.folder), _environment_file(job), _log_file(job)
    started = _one_line([*(words or program()), "sync", job.name, "--jobs", str(job.file.path), "--log-format", "json"])
    _one_line([folder, variables, log])
    inner = " && ".join(
        [
            f"cd {shlex.quote(folder)}",
            f"set -a && . {shlex.quote(variables)} && set +a",
            f"exec {shlex.join(started)}",
        ]
    )
    told = f"feedbridge sync {job.name} ended with status"
    command = f'( {inner} ) >> {shlex.quote(log)} 2>&1 || echo "{told} $?; see "{shlex.quote(log)}'
    lines = [
        f"feedbridge job {job.name}, every night at {hour:02}:{minute:02} of this machine's time zone. Put it in with crontab -e.",
        "(Between 02:00 and 03:00 a clock that is put forward or back makes a run fail to come, or come twice.)",
        "",
        *_environment_lines(job, variables, os.environ if environment is None else environment),
        "",
        *LOCK,
        f"log: one JSON object a line, appended to {log}. To rotate it, /etc/logrotate.d/feedbridge:",
        f"  {_logrotate(log)} {{ weekly rotate 12 compress missingok notifempty }}",
        "  (each run opens the log anew, so nothing has to be told)",
        *_statuses(job),
        "mail: cron mails what is printed, to MAILTO. A run with status 0 prints nothing; any other prints one line.",
        "  That is mail after every such night; alerts: in the job file tell once when a problem begins and once when it is over.",
    ]
    comments = [f"# {line}".rstrip() for line in lines]
    command = command.replace("%", "\\%")  # cron makes line ends of bare ones
    if len(command) > MOST_COMMAND:
        raise CommandError(
            f"its paths make a line of more than {MOST_COMMAND} characters, and cron takes no longer one",
            where=str(job.file.path),
            code="command.path",
            mend="use --print systemd, or a shorter path to the folder (a link will do)",
        )
    return "\n".join([*comments, "# MAILTO=you@example.com", f"{minute} {hour} * * * {command}"]) + "\n"


def systemd_units(
    job: Job, *, at: str = "03:15", words: list[str] | None = None, user: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """File name -> text of a service and of the timer that starts it.

    Raises: CommandError for a time that is none, and for a path that a unit cannot say.
    """
    hour, minute = _time(at)
    folder, variables = str(job.file.folder), _environment_file(job)
    started = _one_line([*(words or program()), "sync", job.name, "--jobs", str(job.file.path), "--log-format", "json"])
    _one_line([folder, variables])
    unit = f"feedbridge-{job.name}"
    stop = max(LEAST_STOP_SECONDS, *(int(job.delivery_settings(one).answer_seconds) + 30 for one in job.spec.targets))
    comments = [
        f"/etc/systemd/system/{unit}.service, started by {unit}.timer.",
        f"Then: systemctl daemon-reload && systemctl enable --now {unit}.timer",
        f"Once by hand: systemctl start {unit}.service; what it said: journalctl -u {unit}.service",
        "",
        *_environment_lines(job, variables, os.environ if environment is None else environment),
        "",
        *LOCK,
        *_statuses(job),
        "log: the journal, which rotates by itself. mail: none; see OnFailure below, and alerts: in the job file.",
    ]
    service = [
        *(f"# {line}".rstrip() for line in comments),
        "[Unit]",
        f"Description=feedbridge job {job.name}",
        "Wants=network-online.target",
        "After=network-online.target",
        "# A unit of your own that tells you of a failed run:",
        "# OnFailure=tell-me@%n.service",
        "",
        "[Service]",
        "Type=oneshot",
        f"User={user or getpass.getuser()}",
        f"WorkingDirectory={_percent(folder)}",
        f"EnvironmentFile={_percent(variables)}",
        f"ExecStart={' '.join(_quoted(word) for word in started)}",
        "# 1 is done, with products held back. Take this out if such a run is to count as failed.",
        "SuccessExitStatus=1",
        "# On SIGTERM the call under way is finished and written down, and the run ends with 130.",
        "KillSignal=SIGTERM",
        "KillMode=mixed",
        f"TimeoutStopSec={stop}",
        "# No run takes this long; one that does hangs, and the next finishes its work.",
        "TimeoutStartSec=12h",
        "UMask=0077",
        "NoNewPrivileges=true",
    ]
    timer = [
        f"# /etc/systemd/system/{unit}.timer",
        "[Unit]",
        f"Description=feedbridge job {job.name}, every night",
        "",
        "[Timer]",
        f"OnCalendar=*-*-* {hour:02}:{minute:02}:00",
        "# A night that was missed (the machine was off) is made up for at the next start.",
        "Persistent=true",
        "# Not all machines of the world at the same second.",
        "RandomizedDelaySec=300",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return {f"{unit}.service": "\n".join(service) + "\n", f"{unit}.timer": "\n".join(timer) + "\n"}


def _environment_file(job: Job) -> str:
    return str(job.file.path.with_suffix(".env"))


def _log_file(job: Job) -> str:
    return str(job.file.folder / f"{job.name}.log")


def _environment_lines(job: Job, path: str, environment: Mapping[str, str]) -> list[str]:
    """How the file with the keys is made; of secrets the names only."""
    names = [name for target in job.spec.targets for name in needed_variables(job, target)]
    alerts = job.spec.alerts
    if alerts is not None and alerts.email is not None and alerts.email.user:
        names.append("FEEDBRIDGE_SMTP_PASSWORD")
    if alerts is not None and alerts.email is None and not alerts.webhook:
        names.append("FEEDBRIDGE_ALERT_WEBHOOK")
    fronts = tuple(f"FEEDBRIDGE_{target.platform.upper()}_" for target in job.spec.targets.values())
    set_now = [name for name in sorted(environment) if environment[name] and (name in MATTERING or name.startswith(fronts))]
    names = list(dict.fromkeys([*names, *set_now]))
    quoted = shlex.quote(path)
    needs = "keys come from" if names else "the environment comes from"
    said = [
        f"  {name}={_value(name, environment)}" + ("   (it is set where you are now)" if name in set_now else "") for name in names
    ] or ["  (nothing is needed for these targets; the file may be empty, but must be there)"]
    return [f"{needs} {path}, which only you can read: install -m 600 /dev/null {quoted}",
            "That file must exist before the first night, also when it is empty: without it nothing runs.",
            "Then a line each (keep it out of version control):", *said]


def _value(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "")
    return shlex.quote(value) if name in FOLDERS and value.isprintable() else "'...'"


def _statuses(job: Job) -> list[str]:
    """What each exit status says, with the commands to type."""
    there = Path(os.path.realpath(job.file.path)) == Path(os.path.realpath("feedbridge.yaml")) if _has_folder() else False
    file = [] if there else ["--jobs", str(job.file.path)]

    def typed(*words: str) -> str:
        return shlex.join(["feedbridge", *words, *file])

    return [
        f"exit statuses: 0 all was delivered; 1 done, but products were held back or refused: {typed('quarantine', 'list', job.name)}",
        f"  2 command, mapping or job file wrong: {typed('job', 'check', job.name)}",
        "  3 source unreadable or delivery failed (the next run goes on where this one ended)",
        f"  4 a guard held the run, nothing was sent; why: {typed('plan', job.name)}",
        f"    go on: {typed('apply', job.name, '--release')}",
        "  130 interrupted (the next run finishes the work)",
    ]


def _has_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _time(at: str) -> tuple[int, int]:
    found = AT.fullmatch(at.strip())
    if found is None:
        raise CommandError(f'"{at}" is no time of day', where="--at", code="command.time", mend="write it as 03:15")
    return int(found[1]), int(found[2])


def _one_line(words: list[str]) -> list[str]:
    for word in words:
        if not word.isprintable():
            raise CommandError(
                "a path with control characters cannot stand in a crontab or unit",
                where=ascii(word),
                code="command.path",
                mend="rename the folder or file",
            )
    return words


def _logrotate(path: str) -> str:
    return f'"{path}"' if re.search(r"\s", path) else path


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """A word of ExecStart: specifiers and variables taken as text, and quoted where needed."""
    text = _percent(word).replace("$", "$$")
    if re.fullmatch(r"[\w%$./:=@+,-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
