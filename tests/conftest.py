"""What every test may rely on."""

from __future__ import annotations

import signal

from hypothesis import settings


def pytest_configure() -> None:
    """Signals do what they do in a terminal, also under nohup and in the background of a script, where a shell has
    SIGINT and SIGHUP ignored; programs that tests start and interrupt would inherit that. Property tests that do not say
    how many examples they want have fifty: there are many of them, and the suite is to stay quick."""
    settings.register_profile("usual", max_examples=50)
    settings.load_profile("usual")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
