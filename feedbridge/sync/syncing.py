"""A job's run: read the feed, plan, ask the guards, deliver, write down what happened (docs/sync.md)."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

import feedbridge
from feedbridge.errors import CommandError, FeedbridgeError, OutputError
from feedbridge.platforms import platform
from feedbridge.platforms.delivery import Delivery
from feedbridge.platforms.limiter import Limiter, rates_folder
from feedbridge.run.engine import Progress
from feedbridge.sync.courier import Courier, Observe, Stopped, TargetDown, Waits
from feedbridge.sync.feed import Feed, Found
from feedbridge.sync.forgetting import forget_command
from feedbridge.sync.guards import Hold, Seen, holds_of_source, holds_of_target
from feedbridge.sync.held_products import HeldBefore, held_now, name_held, original_lines, read_held, write_held
from feedbridge.sync.jobfile import Job, needed_variables
from feedbridge.sync.lease import Lease
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from feedbridge.sync.ledger_errors import JobRunning, LedgerError
from feedbridge.sync.ledger_rows import JobRow, TargetRow
from feedbridge.sync.model import OPERATIONS, SENDING, Change, Operation, PlanHeader, TargetPlan
from feedbridge.sync.outboxes import NAMED, outbox_of
from feedbridge.sync.outcome import INTERRUPTED, Down, Options, Report, TargetResult, go_on, in_words, took_nothing
from feedbridge.sync.places import check_feeds
from feedbridge.sync.planfile import PlanError, PlanReader, PlanWriter, read_plan
from feedbridge.sync.planning import Planner, TargetState
from feedbridge.sync.reading import Conversions, FileDigests, Read, conversions, read_into, sha256_of
from feedbridge.sync.telling import tell

__all__ = ["Options", "Report", "Sync", "TargetResult"]

PLAN = "plan.jsonl"
LEFT = "left.jsonl"
"""What a plan tells and does not send: told again while the feed is the same."""
NOT_SENT = tuple(op for op in OPERATIONS if op not in SENDING)
RUN_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-(plan-)?[0-9a-f]{4,}")
PLANS_KEPT = 5
"""Folders of ``feedbridge plan`` that are kept; runs have their own number."""


class Sync:
    """One job and its ledger. Use as a context manager.

    ``observe``   told of every step (the log, the progress line)
    ``stop``      asked between steps: whether a person or the system wants the run to end
    ``sending``   told when delivery begins and ends: from then on an interruption waits for the call in hand
    ``progress``  told the number of records read so far
    ``metrics``   file or folder for Prometheus metrics
    """

    def __init__(
        self, job: Job, *, environment: Mapping[str, str], waits: Waits | None = None, observe: Observe | None = None,
        stop: Callable[[], bool] = lambda: False, sending: Callable[[bool], None] = lambda on: None,
        progress: Progress | None = None, metrics: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.job = job
        self.environment = {name: value for name, value in environment.items() if name.startswith("FEEDBRIDGE_")}
        self.waits = waits
        self.observe: Observe = _harmless(observe) if observe is not None else lambda event, **fields: None
        self.stop = stop
        self.sending = sending
        self.progress = progress
        self.metrics = metrics
        self.clock = clock
        self.lease: Lease | None = None
        self._delivering: Report | None = None
        """The run whose calls are being made."""
        url = ledger_url(job.file.state, job.file.folder, self.environment)
        self.ledger = Ledger.open(url, clock=clock, environment=self.environment)
        try:
            # Until a run begins, nothing is written: a plan leaves no trace in the ledger.
            self.row: JobRow = self.ledger.job(job.name, str(job.file.path), make=False) or JobRow(0, job.name, str(job.file.path))
        except BaseException:
            self.ledger.close()
            raise

    def __enter__(self) -> Sync:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()

    @property
    def folder(self) -> Path:
        """Where the job's run folders are."""
        return self.ledger.folder / self.job.name

    # What people ask for ------------------------------------------------------------------------------------------

    def plan(self, out: Path | None = None, options: Options | None = None) -> Report:
        """What a sync would do now; nothing is sent, and nothing in the ledger changes."""
        options = options or Options()
        started = time.monotonic()
        run = f"{self.clock():%Y%m%dT%H%M%SZ}-plan-{os.urandom(2).hex()}"
        folder = self._run_folder(run)
        report = self._planned(run, folder, options, "plan")
        if out is not None:
            _copy(report.plan, out)
            report.plan = out
        self._prune()
        report.status = 4 if report.holds else 1 if self._left_out(report) else 0
        report.seconds = time.monotonic() - started
        return report

    def sync(self, options: Options | None = None) -> Report:
        """Plan and deliver in one go. Raises FeedbridgeError; what was done until then is written down."""
        options = options or Options()
        kind: Literal["sync", "replay"] = "replay" if options.sources else "sync"

        def work(run: str, lease: Lease) -> Report:
            report = self._planned(run, self._run_folder(run), options, kind)
            report.took_over = lease.took_over
            return self._carried_out(report, run, lease, options.release, options.usual and not options.sources)

        return self._as_run(kind, work)

    def apply(self, path: Path | None, *, release: bool = False) -> Report:
        """Carry out a plan: the one in a file, or the last one of the job that a guard held.

        Raises: PlanError, code ``plan.stale``, when source, mapping, job or ledger have moved since it was made.
        """
        reader = read_plan(path if path is not None else self._held_plan())
        header = reader.header
        if header.job != self.job.name:
            raise PlanError(
                f'it is a plan of the job "{header.job}"', where=str(reader.path), code="plan.stale",
                mend=f"say feedbridge apply {header.job}",
            )

        def work(run: str, lease: Lease) -> Report:
            report = Report(self.job.name, "apply", run, header, reader.path, took_over=lease.took_over)
            self.ledger.note_run(run, mappings=header.mappings)
            self._check_fresh(reader)
            usual = (release or not report.holds) and self._note_held_of(header)
            return self._carried_out(report, run, lease, release, usual)

        return self._as_run("apply", work)

    # A run --------------------------------------------------------------------------------------------------------

    def _as_run(self, kind: str, work: Callable[[str, Lease], Report]) -> Report:
        """Lock, write down that a run begins, do it, write down how it ended, tell those who want to know."""
        started, began = time.monotonic(), self.clock()
        self.row = self.ledger.job(self.job.name, str(self.job.file.path))
        run = self.ledger.begin_run(
            self.row.id, kind=kind, who=_who(), host=socket.gethostname(), pid=os.getpid(),
            version=feedbridge.__version__, mappings=[],
        )
        try:
            lease = self.lease = self.ledger.lease(self.row.id, run=run)
            lease.__enter__()
        except FeedbridgeError as exc:
            self.ledger.finish_run(run, status=exc.exit_status, counts={}, message=f"did not begin: {exc.message}")
            if isinstance(exc, JobRunning):
                for warning in tell(self, run, error=exc, started=began, seconds=0):
                    self.observe("warning", run=run, message=warning)
            raise
        try:
            self.observe("run.started", job=self.job.name, run=run, kind=kind, took_over=lease.took_over)
            for target in self.ledger.targets(self.row.id):
                self.ledger.close_batches(target.id, run, lease)
            report = work(run, lease)
            self._look_into_outboxes(report)
            report.seconds = time.monotonic() - started
            self.ledger.finish_run(run, status=report.status, counts=report.counts, message=in_words(report))
            self._prune()
            report.warnings += tell(
                self, run, report=report, metrics=self.metrics, started=began, seconds=report.seconds
            )
            self.observe("run.finished", job=self.job.name, run=run, status=report.status, seconds=round(report.seconds, 3))
            return report
        except FeedbridgeError as exc:
            counts = self._delivering.counts if self._delivering is not None else {}
            with contextlib.suppress(LedgerError):
                said = f"{exc.where}: {exc.message}" if exc.where else exc.message
                self.ledger.finish_run(run, status=exc.exit_status, counts=counts, message=said)
            self.observe("run.failed", job=self.job.name, run=run, status=exc.exit_status, message=exc.message, code=exc.code)
            for warning in tell(
                self, run, error=exc, metrics=self.metrics, started=began, seconds=time.monotonic() - started
            ):
                self.observe("warning", run=run, message=warning)
            raise
        except Exception as exc:  # a fault of ours: the history must not say that the machine went down
            counts = self._delivering.counts if self._delivering is not None else {}
            fault = FeedbridgeError(f"feedbridge has a fault: {type(exc).__name__}: {exc}", code="run.fault")
            with contextlib.suppress(LedgerError):
                self.ledger.finish_run(run, status=fault.exit_status, counts=counts, message=fault.message)
            self.observe("run.failed", job=self.job.name, run=run, status=fault.exit_status, message=fault.message)
            tell(self, run, error=fault, metrics=self.metrics, started=began, seconds=time.monotonic() - started)
            raise
        except KeyboardInterrupt:
            counts, said = {}, "interrupted before anything was sent"
            if self._delivering is not None:
                counts, said = self._delivering.counts, "interrupted in the middle of a call; the next run settles it"
            with contextlib.suppress(LedgerError):
                self.ledger.finish_run(run, status=INTERRUPTED, counts=counts, message=said)
            raise
        finally:
            lease.__exit__(None, None, None)

    def _planned(self, run: str, folder: Path, options: Options, kind: Any) -> Report:
        """Read, compare, ask the guards; the plan is in the run's folder."""
        last = self.ledger.last_complete(self.row.id)
        made = conversions(
            self.job, ran_before=last is not None, sources=list(options.sources) or None, mapping=options.mapping
        )
        self._is_whole(made)
        self._check_keys(kind == "plan")
        deliveries = {name: self._delivery(name, made.settings(name)) for name in self.job.spec.targets}
        try:
            self._check_places(deliveries)
            check_feeds(self.job, self.ledger, self.row.id, {
                name: (made.settings(name), delivery.place) for name, delivery in deliveries.items()
            })
            targets = {
                name: self._target(name, delivery.place, make=kind != "plan") for name, delivery in deliveries.items()
            }
            for name, delivery in deliveries.items():
                self._introduce(name, delivery, targets.values())
            self.ledger.note_run(run, mappings=made.mappings) if kind != "plan" else None
            if options.usual and (report := self._nothing_new(run, folder, made, targets, kind)) is not None:
                return report
            digests = FileDigests(self.ledger)
            before = HeldBefore(self.ledger.held(self.row.id), self.folder)
            lines = original_lines(made.passes[0][0].sources) if kind == "replay" else {}
            with Feed(list(deliveries.values()), digests, sought=before.sought, lines=lines) as feed:
                numbers = {name: number for number, name in enumerate(deliveries)}
                read = read_into(feed, made, numbers, folder, self.progress)
                self.observe("feed.read", job=self.job.name, run=run, products=feed.products[0]["read"])
                mended = before.mended(feed.found.values(), lines)
                return self._compared(run, folder, options, kind, made, deliveries, targets, feed, read, before, mended)
        finally:
            for delivery in deliveries.values():
                delivery.close()

    def _compared(
        self, run: str, folder: Path, options: Options, kind: Any, made: Conversions, deliveries: dict[str, Delivery],
        targets: dict[str, TargetRow], feed: Feed, read: Read, before: HeldBefore, mended: dict[str, list[Found]],
    ) -> Report:
        last = self.ledger.last_complete(self.row.id)
        guards = self.job.spec.guards
        replay = bool(options.sources)
        whole_feed = self._is_whole(made) and not replay
        planner = Planner(
            feed, self.ledger, reconcile=whole_feed, grace=guards.grace_runs,
            release=options.release, resend=options.resend, adopt=options.adopt, shown=made.shown,
            mapping_changed=last is not None and last.mappings not in ([], made.mappings),
            replay=before.may_change(mended) if replay else None,
            job=self.job.name, former=self.ledger.former_jobs(str(self.job.file.path), self.job.file.jobs),
        )
        states = [
            TargetState(number, name, targets[name].id, delivery, ",".join(made.mappings), job_id=self.row.id)
            for number, (name, delivery) in enumerate(deliveries.items())
        ]
        plans = []
        for state in states:
            planner.plan(state)
            counts = {op: state.counts[op] for op in (*OPERATIONS, "unchanged", "left") if state.counts[op]}
            products = feed.products[state.number]
            row = targets[state.name]
            holds = holds_of_target(guards, Seen(
                state.present, state.counts["create"] + state.taken_over,
                state.counts["update"] + state.counts["replace"] - state.taken_over,
                state.counts["delete"], products["read"], products["held_back"], row.elsewhere if not state.present else (),
                state.gone_now, state.shrunk, state.lost, state.counts["settle"],
            )) if not replay else []
            holds = [named(hold, self.job.name) for hold in holds]
            plans.append(TargetPlan(
                name=state.name, platform=self.job.spec.targets[state.name].platform, place=row.place,
                generation=row.generation, counts=counts, products=dict(products), present=state.present, holds=holds,
                deletes=state.delivery.deletes, back=planner.back[state.number], gone=planner.gone[state.number],
                pending=state.pending, waiting=state.waiting, no_id=len(state.no_id), no_id_first=state.no_id[:NAMED],
            ))
        lost = [] if replay or not made.is_table else [name for name in self.row.columns if name not in made.headers]
        read_before = last.counts.get("read") if last is not None and whole_feed else None
        whole = [] if replay else holds_of_source(
            guards, read=feed.products[0]["read"], read_before=read_before, lost=lost,
            present=sum(state.present for state in states) if whole_feed else 0, files=len(made.digests),
            files_before=last.counts.get("files", 0) if last is not None and whole_feed else 0,
            empty_files=[name for name, count in made.records if not count] if len(made.records) > 1 else (),
        )
        header = PlanHeader(
            tool=f"feedbridge {feedbridge.__version__}", job=self.job.name, job_file=str(self.job.file.path),
            job_digest=self.job.digest, run=run, made=self.clock().isoformat(timespec="seconds"), sources=made.digests,
            mappings=made.mappings, targets=plans, holds=[named(hold, self.job.name) for hold in whole], replay=replay,
            findings=dict(sorted(read.findings.items())),
            errors=read.errors, files=len(made.digests), inputs=made.fingerprint,
            fingerprint="" if feed.has_files else made.fingerprint, columns=made.columns,
            quarantine=read.quarantine, whole=whole_feed,
        )
        path = folder / PLAN
        PlanWriter(path).write(header, planner.changes(states))
        PlanWriter(folder / LEFT).write(header, planner.changes(states, NOT_SENT))
        report = Report(self.job.name, kind, run, header, path, examples=read.examples, quarantine=read.quarantine)
        held, still = name_held(held_now(feed, made.place), before, whole=not replay and whole_feed)
        write_held(folder, held)
        if replay:  # the quarantine speaks of the source: a mended file adds nothing to it
            report.mended = {name: {one.sku for one in some} for name, some in mended.items() if name not in still}
        elif kind != "plan":
            complete = whole_feed and not report.holds
            self.ledger.note_held(self.row.id, run, (one.row for one in held), complete=complete, lease=self.lease)
            if not whole_feed and mended.keys() - still:
                self.ledger.close_held(
                    self.row.id, sorted(mended.keys() - still), run, "fixed by the source", lease=self.lease
                )
        return report

    def _nothing_new(
        self, run: str, folder: Path, made: Conversions, targets: dict[str, TargetRow], kind: Any
    ) -> Report | None:
        """The plan of a feed that is, to the byte, what was sent completely before; None when it is not, or when what it
        holds back is not to be found any more."""
        if HeldBefore(self.ledger.held(self.row.id), self.folder).without_records:
            return None
        plans: list[TargetPlan] = []
        header: PlanHeader | None = None
        for row in targets.values():
            if not row.settled:
                return None
            settled = msgspec.json.decode(row.settled, type=Settled)
            if settled.fingerprint != made.fingerprint or settled.generation != row.generation:
                return None
            header = settled.header
            plan = next(target for target in header.targets if target.name == row.name)
            kept = {op: number for op, number in plan.counts.items() if op not in SENDING}
            unchanged = plan.counts.get("unchanged", 0) + sum(
                number for op, number in plan.counts.items() if op in ("replace", "settle", "update", "create")
            )
            plans.append(msgspec.structs.replace(
                plan, counts={**kept, "unchanged": unchanged}, generation=row.generation, holds=[], back=[], gone=[],
                present=self.ledger.count(row.id).get("present", 0),
            ))
        if header is None:
            return None
        left: list[Change] = []
        if any(plan.counts.get(op) for plan in plans for op in NOT_SENT):
            try:
                left = list(read_plan(self.folder / header.run / LEFT).changes())
            except (PlanError, OSError):
                return None
        header = msgspec.structs.replace(
            header, run=run, made=self.clock().isoformat(timespec="seconds"), targets=plans, holds=[],
            job_file=str(self.job.file.path),
        )
        PlanWriter(folder / PLAN).write(header, left)
        self.observe("feed.unchanged", job=self.job.name, run=run)
        return Report(
            self.job.name, kind, run, header, folder / PLAN, unchanged=True, quarantine=header.quarantine,
            examples=made.looked_up,
        )

    def _carried_out(self, report: Report, run: str, lease: Lease, release: bool, usual: bool) -> Report:
        """Deliver a plan, target by target."""
        header = report.header
        if report.holds and not release:
            report.status = 4
            self.observe("run.held", job=self.job.name, run=run, holds=[guard for guard, *_ in report.holds])
            return report
        report.released = bool(report.holds)
        reader = read_plan(report.plan)
        stopped = False
        self._delivering = report
        self.sending(True)
        try:
            for plan in header.targets:
                report.targets[plan.name] = TargetResult({})
                if not any(plan.counts.get(op) for op in SENDING):
                    if not report.unchanged:
                        self._note_kept(plan, reader, lease)
                    continue
                try:
                    self._deliver(plan, reader, report, run, lease)
                    self._note_kept(plan, reader, lease)
                except Stopped:
                    stopped = True
                    break
        finally:
            self.sending(False)
        if not stopped:
            self._judge(report)
        report.status = INTERRUPTED if stopped else self._status(report)
        for plan in header.targets:
            if plan.name in report.targets and (hint := self._adopting(plan, report.targets[plan.name])):
                report.warnings.append(hint)
        if report.mended:
            self._close_mended(report, stopped)
        if report.status in (0, 1) and usual:
            self._settle(report)
        return report

    def _look_into_outboxes(self, report: Report) -> None:
        """Note what of the folders that targets have written is left to a person."""
        rows = [self._target(plan.name, plan.place, make=False) for plan in report.header.targets]
        for row in rows:
            if (found := outbox_of(self.job, self.ledger, row, rows, self.environment)) is not None:
                report.outboxes[row.name] = found

    def _adopting(self, plan: TargetPlan, result: TargetResult) -> str:
        """The way out when the platform has what the ledger knows nothing of; empty when nothing looks so."""
        there = any(one.op == "create" and "exist" in one.message.casefold() for one in result.failures)
        if there and plan.present:
            return (
                f"{plan.name}: it has products that the ledger does not know; if this job sent them (a ledger brought back "
                f"from an older backup): feedbridge sync {self.job.name} --adopt"
            )
        # What has a code was foreseen by the plan, and is mended as it says.
        if not plan.present and any(one.op == "create" and one.state == "failed" and not one.code for one in result.failures):
            return (
                f"{plan.name}: the ledger knew nothing of this place; if it has these products already (a lost ledger, "
                f"another target before): feedbridge sync {self.job.name} --adopt"
            )
        return ""

    def _deliver(self, plan: TargetPlan, reader: PlanReader, report: Report, run: str, lease: Lease) -> None:
        result = report.targets[plan.name]
        made = None if self.job.name != reader.header.job else self._settings_for(plan)
        delivery = self._delivery(plan.name, made)
        if delivery.place != plan.place:
            delivery.close()
            raise PlanError(
                f'the plan is stale: the target "{plan.name}" is {delivery.place} now, and was {plan.place}; nothing was sent',
                where=str(reader.path), code="plan.stale", mend=f"make a new one: feedbridge plan {self.job.name}",
            )
        target = self._target(plan.name, plan.place)
        self._introduce(plan.name, delivery)
        patience = self.job.delivery_settings(plan.name).patience_seconds
        waits = self.waits or Waits(patience_seconds=patience)
        courier = Courier(
            plan.name, target.id, delivery, self.ledger, lease,
            Limiter(delivery.account, delivery.rate, rates_folder(self.environment)), run,
            ",".join(reader.header.mappings), FileDigests(self.ledger), waits, self.stop, self.observe,
            lambda key: forget_command(self.ledger, self.row.id, self.job.name, plan.platform, key),
            sum(plan.counts.get(op, 0) for op in SENDING), go_on(report),
        )

        def changes(op: Operation) -> Iterator[Change]:
            return reader.changes({op}, plan.name) if plan.counts.get(op) else iter(())

        try:
            courier.deliver(changes)
        except TargetDown as exc:
            result.down = Down(exc.message, exc.mend, exc.code)
            self.observe("target.down", target=plan.name, message=exc.message)
        finally:
            result.counts, result.failures, result.calls = dict(courier.counts), courier.failures, courier.calls
            delivery.close()

    def _note_held_of(self, header: PlanHeader) -> bool:
        """What a plan held back when it was made is held back now that it is carried out; whether that is known yet."""
        held = None if header.replay else read_held(self.folder / header.run)
        if held is not None:
            rows = (one.row for one in held.values())
            self.ledger.note_held(self.row.id, header.run, rows, complete=header.whole, lease=self.lease)
        return held is not None

    def _close_mended(self, report: Report, stopped: bool) -> None:
        """What a replay delivered is held back no longer."""
        if stopped or any(result.down for result in report.targets.values()):
            return
        left = {failure.sku for result in report.targets.values() for failure in result.failures}
        left |= {change.sku for change in report.changes() if change.op in ("refused", "held")}
        done = sorted(name for name, skus in report.mended.items() if skus.isdisjoint(left))
        self.ledger.close_held(self.row.id, done, report.run, "replayed", lease=self.lease)
        if done:  # the source still says what it said: the next sync is to read it, and to hold it back again
            for target in self.ledger.targets(self.row.id):
                self.ledger.set_settled(target.id, "", lease=self.lease)

    def _note_kept(self, plan: TargetPlan, reader: PlanReader, lease: Lease) -> None:
        """What a run learns beside what it sends: how long items are missing, which rows stand for nothing."""
        target = self._target(plan.name, plan.place)
        missing = [(key, 0) for key in plan.back]
        if plan.counts.get("keep"):
            missing += [(change.key, change.missing) for change in reader.changes({"keep"}, plan.name)]
        if missing:
            self.ledger.set_missing(target.id, missing, lease)
        if plan.gone:
            self.ledger.forget(target.id, plan.gone, lease)

    def _settle(self, report: Report) -> None:
        """Write down that the platforms are as this very feed says, so that the same feed need not be read again."""
        header = report.header
        if header.columns:
            self.ledger.set_job(self.row.id, columns=header.columns)
        if not header.fingerprint or report.unchanged:
            return
        for plan in header.targets:
            result = report.targets[plan.name]
            row = self._target(plan.name, plan.place)
            if plan.pending or result.counts.get("failed") or result.counts.get("unknown") or result.down:
                continue
            settled = Settled(fingerprint=header.fingerprint, generation=row.generation, header=header)
            self.ledger.set_settled(row.id, msgspec.json.encode(settled).decode(), lease=self.lease)

    def _judge(self, report: Report) -> None:
        """A target that answers and takes nothing is down, too."""
        runs = self.ledger.runs(self.row.id, limit=100)
        for plan in report.header.targets:
            if report.targets[plan.name].down is None:
                report.targets[plan.name].down = took_nothing(report, plan, runs)

    def _status(self, report: Report) -> int:
        if any(result.down for result in report.targets.values()):
            return 3
        if any(result.counts.get("unknown") for result in report.targets.values()):
            return 3
        failed = any(result.counts.get("failed") for result in report.targets.values())
        return 1 if failed or self._left_out(report) else 0

    @staticmethod
    def _left_out(report: Report) -> bool:
        """Whether something of the feed cannot be sent as it is."""
        header = report.header
        return bool(header.errors) or any(
            target.products.get("held_back") or target.counts.get("refused") or target.counts.get("held") or target.waiting
            for target in header.targets
        )

    def _check_keys(self, planning: bool) -> None:
        """Raises CommandError that names every variable that is not set. A plan needs none."""
        lacking: dict[str, list[str]] = {}
        for name in self.job.spec.targets:
            for variable in needed_variables(self.job, name):
                if not self.environment.get(variable):
                    lacking.setdefault(name, []).append(variable)
                    if planning:
                        self.environment[variable] = f"{variable}-is-not-set"
        if lacking and not planning:
            listed = "; ".join(f"{name} needs {', '.join(variables)}" for name, variables in lacking.items())
            raise CommandError(
                f"keys are missing in the environment: {listed}", where=self.job.where("targets"), code="command.keys",
                mend="set them (feedbridge cron shows a safe way); nothing was sent",
            )

    def _check_places(self, deliveries: dict[str, Delivery]) -> None:
        """Raises CommandError when two targets are one place: each would take the other's products for gone."""
        known: dict[str, str] = {}
        for name, delivery in deliveries.items():
            other = known.setdefault(delivery.place, name)
            if other != name:
                raise CommandError(
                    f'the targets "{other}" and "{name}" are one and the same place: {delivery.place}',
                    where=self.job.where("targets", name), code="job.place-twice",
                    mend="give each a feed (or address) of its own, or take one out",
                )

    def _is_whole(self, made: Conversions) -> bool:
        """Whether the source is the whole catalogue, so that what it lacks is gone. Raises CommandError when the job says
        so of a source that holds changes only."""
        partial = next((one for conversion, _ in made.passes for one in conversion.mappings if one.source.partial), None)
        if partial is None:
            return self.job.spec.reconcile == "full"
        if self.job.spec.reconcile == "full" and "reconcile" in self.job.spec.model_fields_set:
            raise CommandError(
                f"the mapping {partial.name} reads sources that hold changes only, so what they lack is not gone",
                where=self.job.where("reconcile"), code="job.partial", mend="say reconcile: partial, or leave it out",
            )
        return False

    def _run_folder(self, run: str) -> Path:
        """A run's folder, for its owner alone. Raises OutputError, LedgerError."""
        try:
            return self.ledger.run_folder(self.job.name, run)
        except OSError as exc:
            raise OutputError(
                f"cannot write: {exc.strerror or exc}", where=str(self.folder), code="sync.run-folder",
                mend="make room or give permission, then run the same command again; nothing was sent",
            ) from exc

    # Small things -------------------------------------------------------------------------------------------------

    def _target(self, name: str, place: str, *, make: bool = True) -> TargetRow:
        now = self.job.spec.targets
        return self.ledger.target(self.row.id, name, now[name].platform, place, names=set(now), make=make)

    def _delivery(self, name: str, settings: Any) -> Delivery:
        target = platform(self.job.spec.targets[name].platform)
        assert target.delivery is not None  # the job file's reader refused platforms without
        made: Delivery = target.delivery(self.job.delivery_settings(name), settings, self.environment)
        return made

    def _introduce(self, name: str, delivery: Delivery, known: Iterable[TargetRow] = ()) -> None:
        """Targets of one platform that share what it has know its ids together: tell a delivery those of the others.
        ``known``: targets as they are now, also where the ledger still has them under the name they had before."""
        beside = getattr(delivery, "beside", None)
        if beside is None:
            return
        named = self.job.spec.targets[name].platform
        others = [one for one, spec in self.job.spec.targets.items() if spec.platform == named and one != name]
        rows = {row.id: row for row in (*self.ledger.targets(self.row.id), *known) if row.name in others} if others else {}
        # Of several places, what the latest knows.
        ids = {row.key: row.platform_id for one in sorted(rows) for row in self.ledger.rows(one) if row.platform_id}
        beside({one: self.job.delivery_settings(one) for one in others}, ids)

    def _settings_for(self, plan: TargetPlan) -> Any:
        made = conversions(self.job, ran_before=True)
        return made.settings(plan.name)

    def _check_fresh(self, reader: PlanReader) -> None:
        """Raises PlanError when anything that the plan was made from has moved."""
        header = reader.header

        def stale(what: str) -> PlanError:
            return PlanError(
                f"the plan is stale: {what} since it was made ({header.made}); nothing was sent", where=str(reader.path),
                code="plan.stale", mend=f"make a new one: feedbridge plan {self.job.name}, or feedbridge sync {self.job.name}",
            )

        if header.job_digest != self.job.digest:
            raise stale(f"the job in {self.job.file.shown} has changed")
        for path, sha256 in header.sources:
            if sha256_of(Path(path)) != sha256:
                raise stale(f"{path} has changed")
        if not header.replay:
            made = conversions(self.job, ran_before=True)
            if made.mappings != header.mappings:
                raise stale("the mapping has changed")
            if header.inputs != made.fingerprint:
                raise stale("the mapping's tables, or feedbridge itself, have changed")
            if [path for path, _ in made.digests] != [path for path, _ in header.sources]:
                raise stale("the job's sources are other files")
        for plan in header.targets:
            if plan.name not in self.job.spec.targets:
                raise stale(f'the target "{plan.name}" is gone')
            row = self._target(plan.name, plan.place)
            if row.generation != plan.generation:
                raise stale(f'another run has changed what "{plan.name}" has')

    def _held_plan(self) -> Path:
        """The plan of the job's last run, when a guard held it."""
        path = held_plan(self.ledger, self.row.id, self.folder)
        if path is not None:
            return path
        raise CommandError(
            "there is no plan that a guard holds", where=f"job {self.job.name}", code="command.no-held-plan",
            mend=f"see what there is to do with feedbridge plan {self.job.name}",
        )

    def _prune(self) -> None:
        """Remove the folders of old runs; one that a later run refers to stays."""
        needed = {row.last_run for row in self.ledger.held(self.row.id)}
        for row in self.ledger.targets(self.row.id):
            if row.settled:
                needed.add(msgspec.json.decode(row.settled, type=Settled).header.run)
        held = held_plan(self.ledger, self.row.id, self.folder)
        if held is not None:
            needed.add(held.parent.name)
        keep = self.job.spec.keep_runs
        self.ledger.prune(self.row.id, keep)
        # By the ledger's order of runs: a clock may have been put back.
        needed |= {run.id for run in self.ledger.runs(self.row.id, limit=keep)}
        try:
            folders = [path for path in self.folder.iterdir() if path.is_dir() and RUN_NAME.fullmatch(path.name)]
            plans = sorted((path for path in folders if "-plan-" in path.name), key=lambda path: path.stat().st_mtime_ns)
        except OSError:
            return
        for path in [*plans[:-PLANS_KEPT], *(path for path in folders if "-plan-" not in path.name)]:
            if path.name not in needed:
                shutil.rmtree(path, ignore_errors=True)


class Settled(msgspec.Struct):
    """What the ledger keeps of a target that is wholly as a feed says."""

    fingerprint: str
    generation: int
    header: PlanHeader


def _harmless(observe: Observe) -> Observe:
    """The same, but a log that cannot be written (a full disk, a reader that went away) stops no delivery."""

    def told(event: str, **fields: Any) -> None:
        with contextlib.suppress(OSError, ValueError):
            observe(event, **fields)

    return told


def held_plan(ledger: Ledger, job_id: int, folder: Path) -> Path | None:
    """The plan that a guard holds, when that is how the job's last run ended that got so far."""
    for run in ledger.runs(job_id, limit=100):
        path = folder / run.id / PLAN
        if run.status == 4 and run.kind in ("sync", "replay") and path.is_file():
            return path
        if run.status != 4 and (run.status in (0, 1) or run.counts):  # nothing is held, or something was sent since
            return None
    return None


def named(hold: Hold, job: str) -> Hold:
    """The same, with the job's name in the command to type."""
    return hold[0], hold[1], hold[2].replace("apply JOB", f"apply {job}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
        target.chmod(0o600)
    except OSError as exc:
        raise OutputError(
            f"the plan cannot be written: {exc.strerror or exc}", where=str(target), code="plan.write",
            mend="make room on the disk, or name a place that can be written to",
        ) from exc
