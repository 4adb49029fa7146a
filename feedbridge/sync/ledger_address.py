"""Where the ledger is: its address as it is written, as a database URL, and as it may be shown.

No message holds a password, nor anything else that stands before the ``@`` of an address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import sqlalchemy as sa

from feedbridge.errors import CommandError

__all__ = ["PERCENT", "Address", "ledger_url", "parse_url", "state_folder"]

DEFAULT_FILE = "ledger.sqlite"


def ledger_url(given: str | None, folder: Path | None, environment: Mapping[str, str]) -> str:
    """Where the ledger is: FEEDBRIDGE_STATE_URL, else ``given`` (``state:`` of the job file), else an SQLite file in
    the user's state folder.

    ``given`` is a path or a URL; a relative SQLite path starts in ``folder`` (that of the variable in the current one).
    What may be an address with a password is never taken for a path; a path with ``@``, ``=``, ``:`` or ``//`` in it is
    written as ``sqlite:///path``.

    Returns: the URL with a driver and an absolute path; it may hold a password.
    Raises:  CommandError.
    """
    text = environment.get("FEEDBRIDGE_STATE_URL", "").strip()
    if text:
        return _written(text, parse_url(text, Path.cwd(), "FEEDBRIDGE_STATE_URL"))
    if given and given.strip():
        return _written(given.strip(), parse_url(given.strip(), folder or Path.cwd(), "state"))
    return _sqlite_url(state_folder() / DEFAULT_FILE).render_as_string(hide_password=False)


def _written(text: str, url: sa.URL) -> str:
    """A PostgreSQL URL stays as it was written: put together again, it would hide that a password has a bare @."""
    if url.get_backend_name() == "sqlite":
        return url.render_as_string(hide_password=False)
    return f"{url.drivername}://{text.partition('://')[2]}"


def state_folder() -> Path:
    """The user's folder for what feedbridge has to remember."""
    import platformdirs

    return Path(platformdirs.user_state_dir("feedbridge"))


def _sqlite_url(path: Path) -> sa.URL:
    return sa.URL.create("sqlite", database=os.path.abspath(path.expanduser()))


PERCENT = "write @ in a password as %40, / as %2F and ? as %3F"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def parse_url(text: str, folder: Path, where: str) -> sa.URL:
    """What is written there, never shown: it may hold a password in any place. Raises CommandError."""
    usual = "write a path (state.sqlite), or a URL: sqlite:///path, postgresql://user@host/database"

    def refuse(message: str, mend: str = usual) -> CommandError:
        return CommandError(message, where=where, mend=mend, code="ledger.open")

    if text == ":memory:" or text.startswith("file:") or "\0" in text:
        raise refuse("the ledger must be a file that stays")
    if "://" not in text:
        path = text[2:] if _DRIVE.match(text) else text
        if ":" in path or "@" in path or "=" in path or "//" in path:
            raise refuse(
                "the ledger's address is neither a path nor a database URL",
                f"{usual}; a path with @, =, : or // in it is written as sqlite:///path",
            )
        return _sqlite_url(folder / Path(text).expanduser())
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise refuse("the ledger's address is no database URL", f"{usual}; {PERCENT}") from None
    backend, _, driver = url.drivername.partition("+")
    if backend == "sqlite":
        database = url.database or ""
        if database in ("", ":memory:") or database.startswith("file:") or "\0" in database:
            raise refuse("the ledger must be a file that stays")
        if url.host or url.username or url.password or driver not in ("", "pysqlite"):
            raise refuse("the ledger's address is no path of an SQLite file")
        return _sqlite_url(folder / Path(database).expanduser())
    if backend in ("postgresql", "postgres"):
        if driver not in ("", "psycopg"):
            raise refuse("feedbridge does not bring this driver for PostgreSQL; it brings psycopg")
        if "@" in (url.host or "") or "@" in text.partition("?")[2]:
            raise refuse("the ledger's address can be read in several ways, and one of them shows its password", PERCENT)
        return url.set(drivername="postgresql+psycopg")
    raise refuse("feedbridge keeps its ledger in SQLite or PostgreSQL only")


_HARMLESS = frozenset((
    "host", "hostaddr", "port", "dbname", "sslmode", "connect_timeout", "application_name", "target_session_attrs",
    "client_encoding", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
))
"""Parameters whose values may be shown."""
_BETWEEN = re.compile(r"[:@/?#&=%\s'\"\\]+")
SHORT = 4
"""Characters. A shorter part of a secret may be in a message by chance, and taking it out would show what it is."""


class Address:
    """What of a database URL may be shown, and what must be taken out of the words of a driver.

    ``shown``      nothing of what stands between ``://`` and the last ``@``, no value of a parameter not known
    ``ambiguous``  it has several @, so a password may have been cut in the wrong place
    """

    def __init__(self, text: str, url: sa.URL) -> None:
        before, at, after = text.partition("://")[2].rpartition("@")
        self.ambiguous = "@" in before
        self.shown = url.render_as_string(hide_password=True)
        self._long: list[str] = []
        self._short: list[str] = []
        self._names: list[str] = []
        if url.get_backend_name() == "sqlite":
            return
        self.shown = _shown(after, bool(at))
        secret = {before if self.ambiguous else before.partition(":")[2], url.password or ""}
        for name, values in url.query.items():
            several = (values,) if isinstance(values, str) else values
            if name == "user":
                self._names.extend(several)
            elif name not in _HARMLESS:
                secret.update(several)
        if url.username and not self.ambiguous:
            self._names.append(url.username)
        parts: set[str] = set()
        for one in (*secret, *(unquote(one) for one in secret)):
            parts.update((" ".join(one.split()), *_BETWEEN.split(one)))
        for part in sorted(parts - {""}, key=len, reverse=True):
            (self._long if len(part) >= SHORT else self._short).append(part)

    def scrubbed(self, words: str) -> str:
        """A driver's words without secrets; empty where that cannot be done without telling them."""
        if any(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", words, re.IGNORECASE) for part in self._short):
            return ""
        for part in self._long:
            words = re.sub(re.escape(part), "***", words, flags=re.IGNORECASE)
        for name in self._names:
            words = words.replace(f'"{name}"', '"***"')
        return words


def _shown(after: str, login: bool) -> str:
    front = "postgresql+psycopg://" + ("***@" if login else "")
    try:
        place = sa.make_url(f"postgresql://{after}")
    except (sa.exc.ArgumentError, ValueError):
        return front
    query = {name: value if name in _HARMLESS else "***" for name, value in place.query.items()}
    text = sa.URL.create(
        "postgresql", host=place.host, port=place.port, database=place.database, query=query
    ).render_as_string()
    return front + text.partition("://")[2].replace("%2A%2A%2A", "***")
