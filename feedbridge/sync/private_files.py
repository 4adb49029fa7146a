"""Folders and files for their owner alone, whatever the umask."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from pathlib import Path

from feedbridge.sync.ledger_errors import LedgerError

__all__ = ["make_file", "make_folder", "private_folder"]


def private_folder(path: Path) -> Path:
    """A folder for its owner alone (mode 0700), made with those above it where they are missing; the folder.

    One that is there stays as it is, shared with a group too. Only where everybody may write in it, that is taken away
    when the folder is one's own, and the folder is refused when it is not.

    Raises: OSError, LedgerError (``ledger.open``).
    """
    make_folder(path)
    found = path.stat()
    if not found.st_mode & stat.S_IWOTH:
        return path
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        raise LedgerError(
            "everybody may write in this folder, so what a run goes by is not kept there", where=str(path),
            mend=f"chmod o-w {path}, or name another place with FEEDBRIDGE_RUNS", code="ledger.open",
        )
    with contextlib.suppress(OSError):  # a disk that keeps no modes
        path.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IWOTH)
    return path


def make_folder(path: Path) -> None:
    """Make a folder and those above it, with mode 0700, where they are missing. Raises OSError."""
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_folder(path.parent)
        make_folder(path)
        return
    except OSError:
        if not path.is_dir():
            raise
        return
    with contextlib.suppress(OSError):
        if path.stat().st_mode & 0o777 != 0o700:  # the umask takes from the mode of mkdir
            path.chmod(0o700)


_MAKING = threading.Lock()


def make_file(path: Path) -> None:
    """Make an empty file with mode 0600, where there is none; SQLite gives the same mode to those beside it.

    Raises: OSError.
    """
    # Closing a file lets go of all locks that this process has on it, so no other thread may have opened it by then.
    with _MAKING, contextlib.suppress(FileExistsError):
        handle = os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):
            os.fchmod(handle, 0o600)
        os.close(handle)
