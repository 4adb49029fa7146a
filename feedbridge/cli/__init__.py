"""The command line: parse, one call into the API, print, exit. Nothing here is worth importing but ``main``.

stdout is data, stderr is for people. Exit statuses: 0 everything written, 1 products were held back,
2 command or mapping wrong (nothing done), 3 source unreadable, output or delivery failed, 4 a guard held the run (nothing
sent), 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

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
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; the exit status. No traceback for anything a user can cause."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt  # so that temporary files are removed, as on Ctrl-C

    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, stop)
    try:
        ended = cli.main(arguments, prog_name="feedbridge", standalone_mode=False)
        return ended if isinstance(ended, int) else 0
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except FeedbridgeError as exc:
        click.echo(printable(str(exc)), err=True)
        return exc.exit_status
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing half-written was left", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at exit
        return 3
    except MemoryError:
        click.echo("there is not enough memory; try --workers 1, or a machine with more", err=True)
        return 3
    except Exception as exc:  # a fault of ours: say so, with the details only for those who ask
        if os.environ.get("FEEDBRIDGE_DEBUG"):
            raise
        click.echo(
            f"feedbridge has a fault: {type(exc).__name__}: {printable(str(exc))}\n"
            "  mend: please report it with the source file; FEEDBRIDGE_DEBUG=1 shows where it happened",
            err=True,
        )
        return 3
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def printable(text: str) -> str:
    """Control characters spelt out, so that text from a file cannot steer the terminal."""
    from feedbridge.report.plain import showable

    return "\n".join(showable(line) for line in text.split("\n"))
