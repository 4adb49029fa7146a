"""What a ledger knows of jobs, as plain facts: how they stand, their runs, what is held back."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from feedbridge.errors import CommandError, OutputError
from feedbridge.sync.held_products import HeldBefore
from feedbridge.sync.jobfile import Job, JobFile
from feedbridge.sync.lease import Lease
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from feedbridge.sync.ledger_rows import HeldRow, RunRow, TargetRow
from feedbridge.sync.outboxes import outbox_of
from feedbridge.sync.places import delivery_of
from feedbridge.sync.syncing import held_plan

__all__ = ["History"]

MOST_IDS = 1_000_000
MOST_NOT_TAKEN = 5
"""Items that a platform did not take and that are named on the screen."""
RUNS_LOOKED_AT = 100
"""Runs that are asked since when a platform does not take an item."""


class History:
    """A job file's ledger, opened to look at it; a context manager. Raises LedgerError."""

    def __init__(self, file: JobFile, environment: Mapping[str, str]) -> None:
        self.file = file
        self.environment = environment
        self.ledger = Ledger.open(ledger_url(file.state, file.folder, environment), environment=environment)

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()

    def job_id(self, job: Job) -> int:
        """The job's number in the ledger; 0 of a job that never ran."""
        row = self.ledger.job(job.name, str(job.file.path), make=False)
        return 0 if row is None else row.id

    def standing(
        self, job: Job, limit: int = 10, most: int | None = MOST_NOT_TAKEN
    ) -> tuple[dict[str, Any], list[RunRow], list[HeldRow]]:
        """How a job stands (report/status_text.py says in which shape), its last runs, what is held back. ``most``: items of
        a target that are named because the platform did not take them; None: all."""
        number = self.job_id(job)
        # A run that was turned away, since another was under way, is none to go by.
        runs = [run for run in self.ledger.runs(number, limit=limit * 2) if not run.message.startswith("did not begin")][:limit]
        last = self.ledger.last_complete(number)
        running = next((run for run in runs if run.running), None)
        current = self._current(job)
        about: dict[str, Any] = {
            "name": job.name, "file": job.file.shown, "ledger": self.ledger.shown, "last_success": last.finished if last else None,
            "targets": [
                {
                    "name": row.name, "place": row.place, "states": self.ledger.count(row.id),
                    "not_taken": self._not_taken(number, row, most),
                    **({"outbox": outbox} if (outbox := outbox_of(job, self.ledger, row, current, self.environment)) else {}),
                }
                for row in current
            ],
        }
        if running is not None:
            about["lease"] = {
                "holder": f"{running.who}@{running.host}, pid {running.pid}", "since": running.started, "run": running.id,
            }
        return about, runs, self.ledger.held(number)

    def _not_taken(self, job_id: int, target: TargetRow, most: int | None) -> list[dict[str, Any]]:
        """Items that a target did not take at the last try, with its words, and since which run it is so."""
        rows = self.ledger.not_taken(target.id, most)
        since: dict[str, datetime] = {}
        still: set[str] = {row.sku or row.key for row in rows}
        for run in self.ledger.runs(job_id, limit=RUNS_LOOKED_AT) if rows else ():
            if run.kind == "replay" or not run.counts.get("targets", {}).get(target.name, {}).get("done"):
                continue  # it sent nothing there, or only what was mended
            still &= {one["sku"] for one in run.counts.get("failures", ()) if one["target"] == target.name}
            since |= dict.fromkeys(still, run.started)
            if not still:
                break
        return [
            {"key": row.key, "sku": row.sku, "state": row.state, "tried": row.action, "message": row.message,
             "since": since.get(row.sku or row.key)}
            for row in rows
        ]

    def held_plan(self, job: Job) -> Path | None:
        """The plan that a guard holds, when the job's last run ended so."""
        return held_plan(self.ledger, self.job_id(job), self.ledger.folder / job.name)

    def held_back(self, job: Job) -> HeldBefore:
        """What is held back now, and what is known of it."""
        return HeldBefore(self.ledger.held(self.job_id(job)), self.ledger.folder / job.name)

    def held_called(self, job: Job, sku: str) -> tuple[list[HeldRow], list[dict[str, Any]]]:
        """Held-back products by a SKU of theirs, and all that was found of them. Raises CommandError."""
        held = self.held_back(job)
        rows = held.called(sku)
        if not rows:
            raise CommandError(
                f'"{sku}" is not held back', where=f"job {job.name}", code="command.quarantine",
                mend=f"feedbridge quarantine list {job.name} lists what is",
            )
        found: list[dict[str, Any]] = []
        for row in rows:
            names = held.known[row.name].names
            for path in sorted((held.folder / row.last_run).glob("feed*/findings.jsonl")):
                with path.open(encoding="utf-8") as lines:
                    found += [one for one in map(json.loads, lines) if one not in found and (
                        str(one.get("sku", "")).casefold() in names
                        or (one.get("line") == row.line and one.get("file") == row.file))]
        return rows, found

    def export(self, job: Job, out: Path) -> tuple[list[Path], list[HeldRow]]:
        """Write the held-back records into a folder, to be mended there: the files, and those held-back products whose
        records are not there any more. Raises CommandError, OutputError."""
        held = self.held_back(job)
        if not held.rows:
            raise CommandError("nothing is held back", where=f"job {job.name}", code="command.quarantine")
        return held.export(out)

    def target(self, job: Job, name: str | None) -> TargetRow:
        """A job's target as it is now; without a name the only one, or the first where all are of one platform. Raises
        CommandError."""
        current = self._current(job)
        rows = {row.name: row for row in current if row.id}
        if name is None and len({row.platform for row in rows.values()}) == 1:
            # Several of one platform are ways to the same items (folder and REST): they share what is known of them.
            return next(rows[one] for one in job.spec.targets if one in rows)
        if (moved := next((row for row in current if row.name == (name or row.name) and not row.id), None)) is not None:
            raise CommandError(
                f'nothing was sent yet to where "{moved.name}" delivers now, {moved.place}', where=f"job {job.name}",
                code="command.target", mend="name its former place in the job file again to change what is known of that: "
                + ", ".join(place for place, _ in moved.elsewhere),
            )
        if name is None or name not in rows:
            raise CommandError(
                "which target is not said" if name is None else f'the ledger knows no target "{name}" of this job',
                where=f"job {job.name}", code="command.target",
                mend=f"name one with --target: {', '.join(rows) or 'none was synced yet'}",
            )
        return rows[name]

    def import_ids(self, job: Job, target: str | None, path: Path) -> int:
        """Take the platform's own ids from a CSV file with the columns sku and id; how many. Raises CommandError, JobRunning."""
        ids: dict[str, str] = {}
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                rows = csv.DictReader(file, strict=True)
                if not {"sku", "id"} <= set(rows.fieldnames or ()):
                    raise CommandError(
                        "has no columns sku and id", where=str(path), code="command.ids", mend="begin it with: sku,id"
                    )
                for row in rows:
                    sku, number = (row["sku"] or "").strip(), (row["id"] or "").strip()
                    if not sku or not number:
                        raise CommandError(
                            "a row lacks its sku or id", where=f"{path}:{rows.line_num}", code="command.ids",
                            mend="fill it in, or delete the row",
                        )
                    if ids.setdefault(sku, number) != number:
                        raise CommandError(
                            f'"{sku}" has two ids', where=f"{path}:{rows.line_num}", code="command.ids", mend="keep one"
                        )
        except (OSError, UnicodeDecodeError, csv.Error) as exc:
            raise CommandError(
                f"cannot be read: {getattr(exc, 'strerror', None) or exc}", where=str(path), code="command.ids",
                mend="give a UTF-8 CSV file with the columns sku and id",
            ) from exc
        row_ = self.target(job, target)
        pattern = type(job.delivery_settings(row_.name)).id_pattern
        odd = next((sku for sku, number in ids.items() if not re.fullmatch(pattern, number)), None)
        if odd is not None:
            raise CommandError(
                f'"{ids[odd]}" of {odd} is no id of {row_.platform}; nothing was taken', where=str(path), code="command.ids",
                mend="give the platform's own (short) ids",
            )
        with self._lease(job, "ids import") as lease:
            unknown = [sku for sku in ids if self.ledger.row(row_.id, sku) is None]
            if unknown:
                raise CommandError(
                    f"{len(unknown):,} SKUs were never sent to {row_.name}, the first is {unknown[0]}; nothing was taken",
                    where=str(path), code="command.ids", mend="check the SKUs, or take those rows out",
                )
            self.ledger.set_platform_ids(row_.id, ids, lease)
        return len(ids)

    def _lease(self, job: Job, doing: str) -> Lease:
        """The job for oneself: a run that is under way would write over what is changed here, or miss it."""
        return self.ledger.lease(self.job_id(job), run=doing)

    def forget(self, job: Job, target: str | None, skus: list[str]) -> int:
        """Forget that items were ever sent: the next sync sends them as new. Without a target, all targets of one platform
        forget them, since they share what is known.

        Raises: CommandError when one is not known, or still waits in an outbox; JobRunning.
        """
        row = self.target(job, target)
        rows = [row] if target is not None else [
            one for one in self._current(job) if one.id and one.platform == row.platform
        ]
        with self._lease(job, "ids forget") as lease:
            unknown = [sku for sku in skus if all(self.ledger.row(one.id, sku) is None for one in rows)]
            if unknown:
                raise CommandError(
                    f'the ledger knows no "{unknown[0]}" at {row.name}; nothing was forgotten', where=f"job {job.name}",
                    code="command.ids", mend="give the platform's own name of the item, as feedbridge plan shows it",
                )
            self._check_outboxes(job, rows, skus)
            for one in rows:
                self.ledger.forget(one.id, skus, lease)
        return len(skus)

    def _check_outboxes(self, job: Job, rows: list[TargetRow], keys: list[str]) -> None:
        """Raises CommandError when what an item was sent with still waits for a person to take it: sent as new once more,
        the product would be made twice. An item whose id is known was taken."""
        same = [row.id for row in self._current(job) if row.platform == rows[0].platform]
        known = {key for key in keys for one in same if (item := self.ledger.row(one, key)) is not None and item.platform_id}
        for row in rows:
            made = delivery_of(job, row.name, self.environment)
            if (waiting := getattr(made, "waiting", None)) is None:
                continue
            there = [(key, folder) for key in keys if key not in known and (folder := waiting(key))]
            if there:
                named = ", ".join(f"{key} as {folder}" for key, folder in there)
                raise CommandError(
                    f"still in the outbox: {named}; nothing was forgotten", where=f"job {job.name}", code="command.ids",
                    mend="delete that folder if it was never uploaded, else move it away; then say the same again. Beside "
                    "it the next sync would write a second one, and the product would be made twice",
                )

    def former_names(self) -> list[str]:
        """Jobs that this file had once, and has under this name no longer."""
        return self.ledger.former_jobs(str(self.file.path), self.file.jobs)

    def rename(self, old: str, job: Job) -> None:
        """What the ledger knows of a job under the name it had before becomes this job's, run folders, too.

        Raises: CommandError when there is no such job, or it is another job file's or still in this one; JobRunning.
        """
        row = next((row for row in self.ledger.jobs() if row.name == old), None)
        told = ""
        if old in self.file.jobs:
            told = f'"{old}" is in the job file itself'
        elif row is None:
            told = f'there is no job "{old}" in the ledger {self.ledger.shown}'
        elif row.file != os.path.realpath(self.file.path) and os.path.exists(row.file):
            told = f'"{old}" is a job of another job file, {row.file}'
        if row is None or told:
            former = self.former_names()
            raise CommandError(
                f"{told}; nothing was renamed", where=self.file.shown, code="command.job",
                mend="rename it in the job file first, then say: feedbridge job rename OLD NEW"
                + (f"; former names are: {', '.join(former)}" if former else ""),
            )
        with contextlib.ExitStack() as held:
            leases = [held.enter_context(self.ledger.lease(row.id, run="job rename"))]
            if number := self.job_id(job):
                leases.append(held.enter_context(self.ledger.lease(number, run="job rename")))
            self.ledger.rename_job(row.id, job.name, leases)
            folder = self.ledger.folder / old
            try:
                for path in list(folder.iterdir()) if folder.is_dir() else ():
                    path.rename(self.ledger.run_folder(job.name) / path.name)
                if folder.is_dir():
                    folder.rmdir()
            except OSError as exc:
                raise OutputError(
                    f"the job was renamed, but its run folders cannot be: {exc.strerror or exc}", where=str(folder),
                    code="output.write", mend=f"move what is in it into {self.ledger.folder / job.name} by hand",
                ) from exc

    def _current(self, job: Job) -> list[TargetRow]:
        """A job's targets where they deliver to as its file now stands; one that the ledger knows in other places only has
        the id 0. Where that cannot be told, the last place that has something, else the last."""
        known: dict[str, list[TargetRow]] = {}
        number = self.job_id(job)
        for row in sorted(self.ledger.targets(number), key=lambda row: row.id):
            known.setdefault(row.name, []).append(row)
        found = []
        for name, spec in job.spec.targets.items() if number else ():
            if (made := delivery_of(job, name, self.environment)) is not None:
                made.close()
                row = self.ledger.target(number, name, spec.platform, made.place, names=set(job.spec.targets), make=False)
                found += [row] if row.id or row.elsewhere else []
            elif rows := known.get(name):
                found.append(next((row for row in reversed(rows) if self.ledger.count(row.id)["present"]), rows[-1]))
        return found
