"""How far a run is: a bar on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TextIO

from feedbridge.report.log import Log
from feedbridge.report.plain import fit, showable
from feedbridge.report.terminal import coloured

__all__ = ["BarProgress", "LineProgress", "NoProgress", "Progress", "Unit", "progress_for"]

Unit = Literal["bytes", "records"]


class Progress(Protocol):
    """One task after another, each advanced by bytes or by records.

    ::

        with progress_for(sys.stderr) as progress:
            progress.start("shop.csv", total=size, unit="bytes")
            progress.advance(65536)
            progress.finish()
    """

    def start(self, what: str, *, total: int | None = None, unit: Unit = "records") -> None:
        """Begin a task. ``total`` in the same unit; None when it is not known (standard input)."""

    def advance(self, by: int) -> None:
        """So much more is done. Cheap, but meant for batches and not for single records."""

    def finish(self) -> None:
        """The task is done."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal clean, also after an error."""


class NoProgress:
    """Says nothing."""

    def start(self, what: str, *, total: int | None = None, unit: Unit = "records") -> None:
        pass

    def advance(self, by: int) -> None:
        pass

    def finish(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class LineProgress(NoProgress):
    """A log event at most every ``every_seconds``, and one at the end of each task."""

    def __init__(self, log: Log, *, every_seconds: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._every = every_seconds
        self._clock = clock
        self._what = ""
        self._total: int | None = None
        self._unit: Unit = "records"
        self._done = 0
        self._began = self._next = clock()

    def start(self, what: str, *, total: int | None = None, unit: Unit = "records") -> None:
        self._what, self._total, self._unit, self._done = what, total, unit, 0
        self._began = self._clock()
        self._next = self._began + self._every

    def advance(self, by: int) -> None:
        self._done += by
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every
            self._say("progress", now)

    def finish(self) -> None:
        self._say("progress.done", self._clock())

    def _say(self, event: str, now: float) -> None:
        fields: dict[str, Any] = {"what": self._what, self._unit: self._done}
        if self._total:
            fields["total"] = self._total
            fields["percent"] = min(100, self._done * 100 // self._total)
        self._log.event(event, **fields, seconds=round(now - self._began, 1))


class BarProgress(NoProgress):
    """A rich bar that goes away when it is done."""

    def __init__(self, stream: TextIO, *, width: int | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._stream = stream
        console = Console(
            file=stream, force_terminal=True, width=width, markup=False, emoji=False, highlight=False
        )
        self._bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(markup=False),
            TextColumn("{task.fields[amount]}", markup=False), TimeRemainingColumn(),
            console=console, transient=True, redirect_stdout=False, redirect_stderr=False,
        )
        self._task: Any = None
        self._unit: Unit = "records"
        self._done = 0

    def start(self, what: str, *, total: int | None = None, unit: Unit = "records") -> None:
        self.finish()
        self._unit, self._done = unit, 0
        label = fit(showable(what), self._stream)
        self._task = self._bar.add_task(label, total=total, amount=_amount(0, unit))

    def advance(self, by: int) -> None:
        if self._task is not None:
            self._done += by
            self._bar.update(self._task, advance=by, amount=_amount(self._done, self._unit))

    def finish(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def _amount(done: int, unit: Unit) -> str:
    return f"{done / 1_000_000:,.1f} MB" if unit == "bytes" else f"{done:,} records"


def progress_for(
    stream: TextIO, *, log: Log | None = None, quiet: bool = False, environment: Mapping[str, str] | None = None
) -> Progress:
    """The progress that suits a stream: none when quiet, lines when a log is asked for, a bar on a terminal that can
    draw one, and lines of plain text elsewhere."""
    if quiet:
        return NoProgress()
    if log is not None:
        return LineProgress(log)
    if coloured(stream, environment) and (getattr(stream, "encoding", "") or "").lower().startswith("utf"):
        return BarProgress(stream)
    return LineProgress(Log(stream, "text"))
