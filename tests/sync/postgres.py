"""A PostgreSQL server of the tests' own: in a folder of its own, on a socket of its own, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path


def binaries() -> Path | None:
    """The newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if found:
        return found[-1].parent
    beside = shutil.which("initdb")
    return Path(beside).resolve().parent if beside else None


class Server:
    """A running server. PostgreSQL refuses to run as root, so root starts it as another user."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self.folder = folder
        self._binary = binary
        self._user: dict[str, object] = {}
        if os.geteuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = names.get("postgres") or names["nobody"]
            self._user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        self._run(binary / "initdb", "-D", folder / "data", "-U", "feedbridge", "-A", "trust", "-E", "UTF8", "--locale=C",
                  "--no-sync")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        settings = {
            "listen_addresses": "", "unix_socket_directories": self.folder, "fsync": "off", "shared_buffers": "16MB",
            "max_connections": "60", "full_page_writes": "off", "log_min_messages": "fatal",
        }
        arguments = [f"-c{name}={value}" for name, value in settings.items()]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [self._binary / "postgres", "-D", self.folder / "data", *arguments], stdout=log, stderr=log,
                cwd=self.folder, **self._user,
            )
        self._run(self._binary / "pg_isready", "-h", self.folder, "-q", "-t", "30", until=True)

    def stop(self) -> None:
        """At once: connections are cut, as by a server that dies."""
        if self._process is not None:
            self._process.send_signal(3)
            self._process.wait(30)
            self._process = None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://feedbridge:s3cret-w0rd@/{database}?host={self.folder}"

    def make(self, encoding: str = "UTF8") -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._run(self._binary / "createdb", "-h", self.folder, "-U", "feedbridge", "-E", encoding, "-T", "template0", name)
        return self.url(name)

    def _run(self, *command: object, until: bool = False) -> None:
        for _ in range(300):
            done = subprocess.run(
                [str(word) for word in command], capture_output=True, cwd=self.folder, timeout=120, **self._user
            )
            if done.returncode == 0:
                return
            if not until:
                raise RuntimeError(done.stderr.decode())
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert self._process is not None
                self._process.wait(0.1)
                raise RuntimeError((self.folder / "log").read_text())
        raise RuntimeError("the server does not answer")


@contextlib.contextmanager
def running() -> Iterator[Server | None]:
    """A server, or None where PostgreSQL is not installed. A socket's path is short, so this is not in pytest's folder."""
    binary = binaries()
    if binary is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="fbpg"))
    server = None
    try:
        server = Server(folder, binary)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
