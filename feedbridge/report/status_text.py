"""How jobs stand: their last runs, what their targets have, what is held back; as text and as plain data.

Everything here takes objects with these members, or mappings with these keys; what is not there is not shown::

    job    name, file, ledger, id, next (datetime), last_success (datetime),
           lease: {"holder": "user@host, pid 12", "since", "run"} while a run has the job,
           targets: [{"name", "place", "states": {"sent": 12, "failed": 1, …}, "told": lines of what is left to a person,
                      "outbox": {"waiting", "new", "uploaded", "gone"} where it has one,
                      "not_taken": [{"key", "sku", "state", "tried", "message", "since"}, …]}, …]
    run    id, job (the job's name or id), kind, started, finished, status, counts, who, host, pid, version, mappings,
           message, running; counts is {"read": 14, "created": 2, …, "findings": 3,
           "targets": {name: {"products", "planned", "done": {"created": 2, …}}}}, or what was done beside the
           numbers: {"read": 14, name: {"created": 2, …}}; {"failures": [{"target", "op", "sku", "message"}, …]}, too
    held   sku, codes (text or a list), problem, mend, file, line, since, since_run, last_run, closed, closed_run, how

Times are datetimes or ISO 8601 text; without a zone they are UTC. People see them in local time with its zone, programs
in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TextIO

from feedbridge.report.page_html import cut_to
from feedbridge.report.plain import short_hashes, showable
from feedbridge.report.terminal import Paper

__all__ = [
    "STATUS_WORDS", "quarantine_json", "render_quarantine", "render_run", "render_status", "run_json", "status_json",
    "status_words",
]

STATUS_WORDS = {
    0: "all done",
    1: "done, but products were held back or refused",
    2: "the command, mapping or job file was wrong; nothing was done",
    3: "the source could not be read, or delivery failed",
    4: "held by a guard; nothing was sent",
    130: "interrupted",
}
SHORT_WORDS = {0: "done", 1: "done, some held", 2: "wrong", 3: "failed", 4: "held by a guard", 130: "interrupted"}
GOOD = {0: "green", 1: "yellow"}
COUNTS = ("read", "created", "updated", "deleted", "unchanged", "held", "failed", "unknown")
PARTS = {"updated": ("updated", "replaced", "settled"), "held": ("held", "held_back"), "failed": ("failed", "refused")}
"""Counts that stand under one head of the table of runs."""
STATES = ("sent", "failed", "unknown", "deleted")
STATE_WORDS = {"missing": "gone from the feed and kept for now"}
HEADS = ("started", "kind", "result", *COUNTS, "seconds", "who", "mapping")
LEFT = {"started", "kind", "result", "who", "mapping"}
CELL_CHARS = 40
TEXT_CHARS = 500
MAPPING_CHARS = 12
RUN_FIELDS = (
    "id", "job", "kind", "started", "finished", "status", "counts", "who", "host", "pid", "version", "mappings", "message",
)
HELD_FIELDS = (
    "sku", "codes", "problem", "mend", "file", "line", "since", "since_run", "last_run", "closed", "closed_run", "how",
)


def status_words(status: int | None, *, running: bool = False) -> str:
    """What an exit status of a run says; None: it never ended.

    >>> status_words(4)
    'held by a guard; nothing was sent'
    >>> status_words(None)
    'did not end: it was killed, or the machine went down'
    """
    if status is None:
        return "running now" if running else "did not end: it was killed, or the machine went down"
    return STATUS_WORDS.get(status, f"ended with status {status}")


def render_status(
    jobs: Iterable[Any], runs: Iterable[Any], held: Mapping[str, Iterable[Any]], stream: TextIO, *,
    now: datetime | None = None, zone: tzinfo | None = None, width: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Show each job: its last run, who has it now, what its targets have, what is held back, a table of its runs.

    ``runs``  of all jobs, newest first      ``held``  name of a job -> its open held-back products
    ``zone``  to show times in; None: this machine's
    """
    paper = Paper(stream, width, environment)
    table = Paper(stream, None, environment)
    now = now or datetime.now(UTC)
    runs = list(runs)
    number = 0
    for job in jobs:
        if number:
            paper.line()
        number += 1
        own = [run for run in runs if _of(run, "job") in (_of(job, "name"), _of(job, "id", _NONE))]
        _job(paper, job, own, list(held.get(_of(job, "name"), ())), now, zone)
        if own:
            _table(table, [_run_cells(run, _running(run, job), zone) for run in own])
    if not number:
        paper.line(("no job has run here yet", ""))


def _job(
    paper: Paper, job: Any, runs: Sequence[Any], held: Sequence[Any], now: datetime, zone: tzinfo | None
) -> None:
    file = _of(job, "file")
    paper.line((str(_of(job, "name")), "bold"), (f" ({file})" if file else "", "dim"))
    if _of(job, "ledger"):
        paper.line(("  ledger: ", "bold"), (str(_of(job, "ledger")), ""))
    lease = _of(job, "lease")
    if lease:
        paper.line(
            ("  running: ", "bold"),
            (f"run {_of(lease, 'run')} by {_of(lease, 'holder')} since {_local(_of(lease, 'since'), zone)}", ""),
        )
    ended = next((run for run in runs if not _running(run, job)), None)
    if ended is None:
        paper.line(("  last run: ", "bold"), ("none yet", ""))
    else:
        status = _of(ended, "status")
        paper.line(
            ("  last run: ", "bold"),
            (f"{_local(_of(ended, 'started'), zone)} ({_ago(_of(ended, 'started'), now)}), {_of(ended, 'kind')}: ", ""),
            (status_words(status), GOOD.get(status, "bold red")),
        )
        if _of(ended, "message"):
            paper.line(("    ", ""), (cut_to(str(_of(ended, "message")), TEXT_CHARS), ""))
    success = _of(job, "last_success")
    if success and (ended is None or _of(ended, "status") not in GOOD):
        paper.line(("  last good run: ", "bold"), (f"{_local(success, zone)} ({_ago(success, now)})", ""))
    if _of(job, "next"):
        paper.line(("  next run: ", "bold"), (_local(_of(job, "next"), zone), ""))
    for one in _of(job, "targets") or ():
        paper.line((f"  {_of(one, 'name')} ", "bold"), (f"{short_hashes(str(_of(one, 'place')))}: {_states(_of(one, 'states') or {})}", ""))
        _not_taken(paper, one, zone)
        for said in _of(one, "told") or ():
            paper.line(("    ", ""), (cut_to(str(said), TEXT_CHARS * 2), ""))
    if held:
        since = min((time for time in (_time(_of(one, "since")) for one in held) if time), default=None)
        oldest = f", the oldest since {_local(since, zone)}" if since else ""
        paper.line(
            ("  held back: ", "bold yellow"), (f"{_products(len(held))}{oldest}; feedbridge quarantine list shows them", "")
        )


def _not_taken(paper: Paper, target: Any, zone: tzinfo | None) -> None:
    """The first items that a platform did not take, and why; how many more there are."""
    named, states = _of(target, "not_taken") or (), _of(target, "states") or {}
    for one in named:
        since = f" since {_local(_of(one, 'since'), zone)}" if _of(one, "since") else ""
        words = _of(one, "message") or ("what became of it is not known" if _of(one, "state") == "unknown" else "was not taken")
        paper.line(
            (f"    {_of(one, 'state')} ", "red"), (str(_of(one, "key")), "bold"), (since, ""),
            (f": {cut_to(' '.join(str(words).split()), TEXT_CHARS)}", ""),
        )
    more = states.get("failed", 0) + states.get("unknown", 0) - len(named)
    if named and more > 0:
        paper.line((f"    and {more:,} more; --json has all", "dim"))


def _states(states: Mapping[str, int]) -> str:
    order = [*(name for name in STATES if states.get(name)), *(n for n in states if n not in (*STATES, "present") and states[n])]
    return ", ".join(f"{states[name]:,} {STATE_WORDS.get(name, name)}" for name in order) or "nothing sent yet"


def _products(number: int) -> str:
    return f"{number:,} {'product' if number == 1 else 'products'}"


def _running(run: Any, job: Any) -> bool:
    if _of(run, "status") is not None:
        return False
    lease = _of(job, "lease")
    return bool(_of(run, "running")) or (bool(lease) and _of(lease, "run") == _of(run, "id"))


def _run_cells(run: Any, running: bool, zone: tzinfo | None) -> list[str]:
    status = _of(run, "status")
    words = ("running" if running else "did not end") if status is None else SHORT_WORDS.get(status, f"status {status}")
    counts = _counts(run)
    seconds = _seconds(run)
    mappings = [str(one)[:MAPPING_CHARS] for one in _of(run, "mappings") or ()]
    who = "@".join(str(part) for part in (_of(run, "who"), _of(run, "host")) if part)
    return [
        _local(_of(run, "started"), zone), str(_of(run, "kind")), words,
        *(f"{counts[name]:,}" if name in counts else "" for name in COUNTS),
        f"{seconds:,.1f}" if seconds is not None else "", who, ", ".join(mappings),
    ]


def _counts(run: Any) -> dict[str, int]:
    """The counts of a run under the heads of the table."""
    counts = _of(run, "counts") or {}
    flat = {name: number for name, number in counts.items() if isinstance(number, int)}
    if not flat.keys() - {"read", "findings"}:
        for one in _targets(counts).values():
            for name, number in (one.get("done") or {}).items():
                flat[name] = flat.get(name, 0) + number
    shown = {}
    for head in COUNTS:
        parts = [flat[name] for name in PARTS.get(head, (head,)) if name in flat]
        if parts and (head != "unknown" or sum(parts)):
            shown[head] = sum(parts)
    return shown


def _targets(counts: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What was planned and done, by target."""
    beside = {name: {"done": one} for name, one in counts.items() if isinstance(one, Mapping) and name != "targets"}
    return {**(counts.get("targets") or {}), **beside}


def _table(paper: Paper, rows: Sequence[Sequence[str]]) -> None:
    """The runs, a column with nothing in it left out."""
    cells = [[cut_to(showable(cell), CELL_CHARS) for cell in row] for row in rows]
    used = [at for at in range(len(HEADS)) if any(row[at] for row in cells)]
    widths = {at: max(len(HEADS[at]), *(len(row[at]) for row in cells)) for at in used}

    def line(row: Sequence[str]) -> str:
        parts = [row[at].ljust(widths[at]) if HEADS[at] in LEFT else row[at].rjust(widths[at]) for at in used]
        return ("  " + "  ".join(parts)).rstrip()

    paper.line((line(HEADS), "bold"))
    for row in cells:
        paper.line((line(row), ""))


def render_run(
    run: Any, stream: TextIO, *, running: bool | None = None, zone: tzinfo | None = None, width: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Show one run: when, by whom, how it ended, what was done at each target.

    ``running``  whether it is under way; None: as the run itself says
    """
    paper = Paper(stream, width, environment)
    running = _running(run, None) if running is None else running
    status = _of(run, "status")
    paper.line((f"run {_of(run, 'id')}", "bold"), (f": {_of(run, 'kind')} of {_of(run, 'job')}", ""))
    style = "" if running else GOOD.get(status, "bold red")
    paper.line(("  result: ", "bold"), (status_words(status, running=running), style))
    if _of(run, "message"):
        paper.line(("    ", ""), (cut_to(str(_of(run, "message")), TEXT_CHARS), ""))
    seconds = _seconds(run)
    took = f", took {seconds:,.1f} s" if seconds is not None else ""
    paper.line(("  started: ", "bold"), (f"{_local(_of(run, 'started'), zone)}{took}", ""))
    by = "@".join(str(part) for part in (_of(run, "who"), _of(run, "host")) if part)
    pid = f", pid {_of(run, 'pid')}" if _of(run, "pid") else ""
    version = f", feedbridge {_of(run, 'version')}" if _of(run, "version") else ""
    if by or pid or version:
        paper.line(("  by: ", "bold"), (f"{by}{pid}{version}".removeprefix(", "), ""))
    mappings = ", ".join(str(one) for one in _of(run, "mappings") or ())
    if mappings:
        paper.line(("  mapping: ", "bold"), (mappings, ""))
    counts = _of(run, "counts") or {}
    flat = {name: number for name, number in counts.items() if name != "findings" and not isinstance(number, Mapping)}
    if flat:
        paper.line(("  products: ", "bold"), (_listed(flat), ""))
    for name, one in _targets(counts).items():
        done, planned = one.get("done") or {}, one.get("planned") or {}
        if done or not planned:
            paper.line((f"  {name}: ", "bold"), (_listed(done), ""))
        else:
            paper.line((f"  {name}, planned: ", "bold"), (_listed(planned), ""))
    if counts.get("findings"):
        paper.line(("  findings: ", "bold"), (f"{counts['findings']:,}", ""))
    for failure in counts.get("failures") or ():
        front = f"{failure.get('target', '')}: {failure.get('op', '')} {failure.get('sku', '')}"
        words = cut_to(str(failure.get("message") or "was not taken"), TEXT_CHARS)
        paper.line(("  not taken: ", "bold red"), (f"{front}: {words}", ""))


def _listed(counts: Mapping[str, Any]) -> str:
    said = [f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if isinstance(number, int) and number]
    return ", ".join(said) or "nothing"


def render_quarantine(
    held: Iterable[Any], stream: TextIO, *, limit: int | None = None, zone: tzinfo | None = None, width: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Show held-back products: SKU, since when, where, what is wrong and how to mend it.

    ``held``   read once; the count is complete where ``limit`` cuts the list
    """
    paper = Paper(stream, width, environment)
    number = over = 0
    for one in held:
        number += 1
        over += bool(_of(one, "closed_run"))
        if limit is not None and number > limit:
            continue
        file, line = _of(one, "file"), _of(one, "line")
        place = f", {file}{f':{line}' if line else ''}" if file else ""
        since = f" since {_local(_of(one, 'since'), zone)}" if _of(one, "since") else ""
        codes = _codes(one)
        sku = str(_of(one, "sku") or "")
        paper.line((sku or "(no SKU)", "bold"), (since, ""), (place, "cyan"))
        paper.line(
            ("  ", ""), (cut_to(str(_of(one, "problem") or "held back"), TEXT_CHARS), ""),
            (f" [{', '.join(codes)}]" if codes else "", "dim"),
        )
        if _of(one, "mend"):
            paper.line(("  mend: ", "green"), (cut_to(str(_of(one, "mend")), TEXT_CHARS), ""))
        if _of(one, "closed_run"):
            paper.line(("  over: ", "green"), (f"{_of(one, 'how') or 'closed'} (run {_of(one, 'closed_run')})", ""))
    if not number:
        paper.line(("nothing is held back", ""))
        return
    cut = f", {limit:,} shown; --json has all" if limit is not None and number > limit else ""
    words = [f"{_products(number - over)} held back"] if number > over else []
    words += [f"{_products(over)} no longer held back"] if over else []
    paper.line((", ".join(words) + cut, "bold"))


def _codes(one: Any) -> list[str]:
    codes = _of(one, "codes") or _of(one, "code") or ()
    return codes.replace(",", " ").replace(";", " ").split() if isinstance(codes, str) else [str(code) for code in codes]


# --- for programs


def status_json(
    jobs: Iterable[Any], runs: Iterable[Any], held: Mapping[str, Iterable[Any]], *, now: datetime | None = None
) -> dict[str, Any]:
    """What ``render_status`` shows, as one JSON object; times in UTC."""
    runs = list(runs)
    told = []
    for job in jobs:
        name = _of(job, "name")
        own = [run for run in runs if _of(run, "job") in (name, _of(job, "id", _NONE))]
        open_ones = list(held.get(name, ()))
        since = min((time for time in (_time(_of(one, "since")) for one in open_ones) if time), default=None)
        lease = _of(job, "lease")
        told.append({
            "name": name,
            "file": _of(job, "file"),
            "ledger": _of(job, "ledger"),
            "last_success": _utc(_of(job, "last_success")),
            "next": _utc(_of(job, "next")),
            "running": {
                "run": _of(lease, "run"), "holder": _of(lease, "holder"), "since": _utc(_of(lease, "since"))
            } if lease else None,
            "targets": [
                {
                    "name": _of(one, "name"), "place": _of(one, "place"), "states": dict(_of(one, "states") or {}),
                    "not_taken": [{**item, "since": _utc(item.get("since"))} for item in _of(one, "not_taken") or ()],
                    **({"outbox": dict(outbox)} if (outbox := _of(one, "outbox")) else {}),
                }
                for one in _of(job, "targets") or ()
            ],
            "held": {"open": len(open_ones), "oldest": _utc(since)},
            "runs": [run_json(run, running=_running(run, job)) | {"job": name} for run in own],
        })
    return {"time": _utc(now or datetime.now(UTC)), "jobs": told}


def run_json(run: Any, *, running: bool | None = None) -> dict[str, Any]:
    """A run as one JSON object: its members, the result in words and its seconds; times in UTC."""
    told = {name: _of(run, name) for name in RUN_FIELDS}
    told["started"], told["finished"] = _utc(told["started"]), _utc(told["finished"])
    told["mappings"] = list(told["mappings"] or ())
    told["counts"] = dict(told["counts"] or {})
    told["running"] = _running(run, None) if running is None else running
    return told | {"result": status_words(told["status"], running=told["running"]), "seconds": _seconds(run)}


def quarantine_json(held: Iterable[Any]) -> list[dict[str, Any]]:
    """Held-back products as JSON objects; times in UTC."""
    told = []
    for one in held:
        row = {name: _of(one, name) for name in HELD_FIELDS}
        row["codes"], row["since"], row["closed"] = _codes(one), _utc(row["since"]), _utc(row["closed"])
        told.append(row)
    return told


# --- members and times

_NONE = object()
"""Never equal to a run's job."""


def _of(thing: Any, name: str, default: Any = None) -> Any:
    """A member of an object, or of a mapping."""
    return thing.get(name, default) if isinstance(thing, Mapping) else getattr(thing, name, default)


def _time(value: Any) -> datetime | None:
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _local(value: Any, zone: tzinfo | None) -> str:
    """The time where the reader is: ``2026-11-22 04:15 CET``."""
    time = _time(value)
    return time.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if time else "?"


def _utc(value: Any) -> str | None:
    time = _time(value)
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if time else None


def _ago(value: Any, now: datetime) -> str:
    """How long ago, in the largest whole unit; a clock that went back is "just now"."""
    time = _time(value)
    past = now - time if time else timedelta(0)
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        number = int(past.total_seconds()) // seconds
        if number > 0:
            return f"{number:,} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


def _seconds(run: Any) -> float | None:
    started, finished = _time(_of(run, "started")), _time(_of(run, "finished"))
    return max(0.0, (finished - started).total_seconds()) if started and finished else None
