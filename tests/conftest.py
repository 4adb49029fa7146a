"""What every test may rely on."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Signals do what they do in a terminal, also under nohup and in the background of a script, where a shell has
    SIGINT and SIGHUP ignored; programs that tests start and interrupt would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
