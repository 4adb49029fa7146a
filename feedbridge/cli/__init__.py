"""The command line: parse, one call into the API, print, exit. Nothing here is worth importing but ``main``.

stdout is data, stderr is for people. Exit statuses: 0 everything written, 1 products were held back,
2 command or mapping wrong (nothing done), 3 source unreadable, output or delivery failed, 4 a guard held the run (nothing
sent), 130 interrupted.

What takes no more text changes none of them. A stderr that is closed, full or read by nobody loses its lines. A reader of
stdout that has had enough (``| head``) is no failure: the status is that of what was done; a stdout on a full disk is one (3).
With ``--log-format`` a failure is one event, ``error``, as every other line is one.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any, Literal, TextIO

import click

import feedbridge
from feedbridge.cli.convert import check, convert
from feedbridge.cli.explain import explain
from feedbridge.cli.flickrocket import flickrocket
from feedbridge.cli.jobs import cron, init, job
from feedbridge.cli.mapping import mapping
from feedbridge.cli.platform import platform
from feedbridge.cli.sandbox import sandbox
from feedbridge.cli.status import ids, quarantine, status
from feedbridge.cli.sync import apply, plan, sync
from feedbridge.errors import FeedbridgeError

__all__ = ["main"]

LOG_FORMAT = "--log-format"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(feedbridge.__version__, prog_name="feedbridge")
def cli() -> None:
    """Convert product feeds: a shop's or PIM's export in, exactly what each platform takes out."""


for command in (
    convert, check, explain, mapping, platform, init, job, plan, apply, sync, status, quarantine, ids, cron, sandbox,
    flickrocket,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line and leave with its exit status."""
    sys.stdout, sys.stderr = steady(sys.stdout, 1), steady(sys.stderr, 2)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; the exit status. No traceback for anything a user can cause."""
    return copy_context().run(_run, arguments)  # the run that its log names ends with it


def _run(arguments: list[str]) -> int:
    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt  # so that temporary files are removed, as on Ctrl-C

    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, stop)
    say = Saying(log_format(arguments))
    done = 0
    try:
        with say.warnings():
            ended = called(arguments)
            done = ended if isinstance(ended, int) else 0
            if sys.stdout is not None:
                sys.stdout.flush()
        return done
    except click.ClickException as exc:
        return say.usage(exc)
    except FeedbridgeError as exc:
        return say.error(exc)
    except (KeyboardInterrupt, EOFError, click.Abort):
        return say.interrupted()
    except MemoryError:
        return say.plain(
            "there is not enough memory", code="run.memory", mend="try --workers 1, or a machine with more", status=3
        )
    except Exception as exc:  # a fault of ours, or an output that is gone: told apart below
        if isinstance(exc, OSError):
            if is_of_stdout(exc):
                return done if exc.errno == errno.EPIPE else say.error(FeedbridgeError(
                    f"the output cannot be written: {exc.strerror or exc}", where="stdout", code="output.write",
                    mend="make room, or write to another place",
                ))
            if (lost := lost_folder()) and not os.environ.get("FEEDBRIDGE_DEBUG"):
                return say.plain(lost, code="command.folder", mend="cd to a folder that is there, or that you may read", status=2)
        # a fault of ours: say so, with the details only for those who ask
        if os.environ.get("FEEDBRIDGE_DEBUG"):
            raise
        return say.plain(
            f"feedbridge has a fault: {type(exc).__name__}: {exc}", code="run.fault", status=3,
            mend="please report it with the source file; FEEDBRIDGE_DEBUG=1 shows where it happened",
        )
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def called(arguments: list[str]) -> Any:
    """What a command returns. ``click``'s own ``main`` is not asked: it answers a broken pipe with status 1, and Ctrl-C with
    an empty line on stderr."""
    if "_FEEDBRIDGE_COMPLETE" in os.environ:
        return cli.main(arguments, prog_name="feedbridge", standalone_mode=False)
    try:
        with cli.make_context("feedbridge", list(arguments)) as context:
            return cli.invoke(context)
    except click.exceptions.Exit as exc:
        return exc.exit_code


def log_format(arguments: list[str]) -> Literal["text", "json"] | None:
    """The format of the log that the words ask for, also where the command itself cannot be understood."""
    found = ""
    for number, word in enumerate(arguments):
        if word == "--":
            break
        if word == LOG_FORMAT:
            found = arguments[number + 1] if number + 1 < len(arguments) else ""
        elif word.startswith(f"{LOG_FORMAT}="):
            found = word.partition("=")[2]
    return "json" if found == "json" else "text" if found == "text" else None


class Saying:
    """How a failure is told: in lines for people, or as one event of the log."""

    def __init__(self, format: Literal["text", "json"] | None) -> None:
        self._format = format

    def error(self, exc: FeedbridgeError) -> int:
        if lost := lost_folder():
            exc.mend = f"{lost}: cd to another one" + (f"; {exc.mend}" if exc.mend else "")
        return self._said(exc)

    def plain(self, message: str, *, code: str, status: int, mend: str = "") -> int:
        return self._said(FeedbridgeError(message, mend=mend, code=code if self._format else ""), status)

    def interrupted(self) -> int:
        with suppress(OSError, ValueError, AttributeError):
            if self._format is None and sys.stderr.isatty():
                click.echo(err=True)  # the terminal has written ^C
        return self.plain("interrupted; nothing half-written was left", code="interrupted", status=130)

    def usage(self, exc: click.ClickException) -> int:
        """A command that was typed wrong."""
        if self._format is None:
            with suppress(OSError, ValueError):
                exc.show()
            return exc.exit_code
        context = getattr(exc, "ctx", None)
        mend = f"{context.command_path} --help" if context is not None else "feedbridge --help"
        return self._said(FeedbridgeError(exc.format_message(), mend=mend, code="command.usage"), exc.exit_code)

    def _said(self, exc: FeedbridgeError, status: int | None = None) -> int:
        status = exc.exit_status if status is None else status
        if self._format is not None:
            from feedbridge.report.log import Log

            Log(sys.stderr, self._format).event(
                "error", level="error", message=exc.message, where=exc.where, mend=exc.mend, code=exc.code, status=status
            )
            return status
        with suppress(OSError, ValueError):
            click.echo(printable(str(exc)), err=True)
        return status

    @contextmanager
    def warnings(self) -> Iterator[None]:
        """What feedbridge and libraries warn of is one line, without the place in the program; with a log, an event of it."""
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: self._warned(str(message))
            yield

    def _warned(self, message: str) -> None:
        if self._format is not None:
            from feedbridge.report.log import Log

            Log(sys.stderr, self._format).event("warning", level="warning", message=message)
            return
        with suppress(OSError, ValueError):
            click.echo(f"warning: {printable(' '.join(message.split()))}", err=True)


def lost_folder() -> str:
    """What is wrong with the folder that feedbridge was started in; empty when nothing is."""
    try:
        os.getcwd()
    except OSError as exc:
        why = "is gone" if isinstance(exc, FileNotFoundError) else "cannot be found"
        return f"the folder feedbridge was started in {why}"
    return "" if os.access(".", os.R_OK | os.X_OK) else "the folder feedbridge was started in may not be read"


def printable(text: str) -> str:
    """Control characters spelt out, so that text from a file cannot steer the terminal."""
    from feedbridge.report.plain import showable

    return "\n".join(showable(line) for line in text.split("\n"))


# --- streams that break


class Steady(io.FileIO):
    """stdout or stderr.

    ``failure``  the first error; of stdout it is raised once, and later text goes nowhere. stderr raises none: each line is
                 tried anew, since a disk that was full may have room again, and begins on a line of its own
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "wb", closefd=False)
        self.failure: OSError | None = None
        self._is_log = number == 2
        self._inside = False

    def write(self, data: Any, /) -> int:
        if self.failure is not None and not self._is_log:
            return len(data)
        try:
            if self.failure is not None and self._inside:
                super().write(b"\n")
                self._inside = False
            written: int | None = super().write(data)
        except OSError as exc:
            first = self.failure is None
            self.failure = exc
            if first and not self._is_log:
                raise
            return len(data)
        if written is None and self._is_log:  # a pipe that nobody empties, and that must not be waited for
            self.failure = BlockingIOError()
            return len(data)
        if written:
            self._inside = bytes(data[written - 1 : written]) != b"\n"
        return written  # type: ignore[return-value]  # None, too, as io.RawIOBase has it


def steady(stream: TextIO | None, number: int) -> TextIO:
    """The same stream on a file that breaks quietly; one that is closed is opened on nothing, so that no file that is
    opened later (the ledger) gets the number and every word meant for people."""
    if os.name != "posix":
        return stream if stream is not None else open(os.devnull, "w", encoding="utf-8")
    for one in range(number + 1):
        try:
            os.fstat(one)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    lines = stream is None or getattr(stream, "line_buffering", False) or getattr(stream, "write_through", False)
    return io.TextIOWrapper(
        io.BufferedWriter(Steady(number)), encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=getattr(stream, "errors", None) or "backslashreplace", line_buffering=lines,
    )


def is_of_stdout(exc: OSError) -> bool:
    """Whether writing to stdout failed so."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, Steady) and raw.failure is exc
