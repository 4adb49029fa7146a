"""Access to FlickRocket's API: tokens that are kept safely, and exchanged once each.

FlickRocket gives with every access token a new refresh token, and the old one is dead from then on. A lost refresh token
costs a person's work: the owner removes the permission in FlickRocket and gives it anew. So an exchange goes like this,
under a lock that holds for all processes of the machine:

1. A note that the exchange begins is written beside the tokens, with room for the answer (a full disk is found out
   now, while nothing is lost), and forced to disk.
2. The request is sent. Ctrl-C and SIGTERM wait until its answer is on disk.
3. The answer is forced to disk in the note, as it came, before anything in it is looked at.
4. The tokens are written (temporary file, fsync, rename, fsync of the folder), and the note is taken away.

Whoever finds a note with an answer goes on at 4. A note without one tells that an answer was lost, which no program
can mend: the process, the machine or the connection died between 2 and 3.

Source: developer.flickrocket.com/en/rest-api/oauth/; what it leaves open is in docs/flickrocket-api.md.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import re
import signal
import stat
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from feedbridge.errors import CommandError
from feedbridge.platforms.delivery import is_loopback, usable_endpoint
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.http import Http, Lost, Reply, Unsent

__all__ = ["DOCUMENTED", "HOSTS", "LEFT_SECONDS", "PLUGIN", "TOKENS", "Access", "Hosts", "TokenStore", "Tokens", "hosts_of"]

HOSTS = "FEEDBRIDGE_FLICKROCKET_HOSTS"
TOKENS = "FEEDBRIDGE_FLICKROCKET_TOKENS"
LEFT_SECONDS = 300
"""An access token with less left is exchanged before it is used."""
BUSY_WAITS = (5.0, 10.0, 15.0)
"""Waits before the second, third and fourth try of an exchange that FlickRocket has not taken."""
LOCK_SECONDS = 360.0
"""Longest wait for another process, which may need four tries and the waits between them."""
USUAL_SECONDS = 30 * 60 - 60
"""Life of an access token when FlickRocket does not say."""
MOST_SECONDS = 24 * 3600
"""No access token is relied on for longer, so that a clock set back cannot make an old one look good for years."""
ROOM_BYTES = 1 << 16
"""Room made for an answer before it is asked for."""
MOST_FILE_BYTES = 1 << 20
FORMAT = 1
_SHOP = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where FlickRocket is.

    ``authorize``  page where the owner agrees
    ``token``      where tokens are exchanged
    ``tokeninfo``  where a token is looked up
    ``api``        what ``/api/….json``, ``/api2/…`` and ``/admin/webhooks.json`` are put behind; no slash at its end
    """

    authorize: str
    token: str
    tokeninfo: str
    api: str

    @property
    def site(self) -> str:
        """Whose tokens are good here: tokens of the sandbox are not for FlickRocket, nor the other way round."""
        host = urlsplit(self.token).hostname or ""
        if is_loopback(host):
            return "this machine"
        return "flickrocket.com" if host == "flickrocket.com" or host.endswith(".flickrocket.com") else host


def _under(base: str) -> Hosts:
    return Hosts(f"{base}/oauth2/auth", f"{base}/token", f"{base}/api/tokeninfo", base)


DOCUMENTED = _under("https://admin.flickrocket.com")
PLUGIN = Hosts(
    "https://oauth.flickrocket.com/oauth2/auth", "https://oauth.flickrocket.com/token",
    "https://admin.flickrocket.com/api/tokeninfo", "https://api.flickrocket.com",
)
"""The hosts of the vendor's WooCommerce plugin; it has no place to look tokens up, so that is the documented one."""


def hosts_of(environment: Mapping[str, str] | None = None) -> Hosts:
    """The hosts that ``FEEDBRIDGE_FLICKROCKET_HOSTS`` chooses: ``documented`` (also when it is not set), ``plugin``, or an
    address all the paths are under.

    >>> hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": "http://127.0.0.1:8765/flickrocket/"}).token
    'http://127.0.0.1:8765/flickrocket/token'

    Raises CommandError for an address that is not https (http only to this machine itself).
    """
    said = (os.environ if environment is None else environment).get(HOSTS, "").strip()
    if said in ("", "documented"):
        return DOCUMENTED
    if said == "plugin":
        return PLUGIN
    try:
        base = usable_endpoint(said).rstrip("/")
        parts = urlsplit(base)
        if parts.query or parts.fragment or "?" in base or "#" in base or not 0 <= (parts.port or 0) < 65536:
            raise ValueError("an address must end with its path")
    except ValueError as exc:
        raise CommandError(
            f"it names hosts that cannot be used: {exc}", where=HOSTS, code="flickrocket.setting",
            mend="say documented, plugin, or an address such as http://127.0.0.1:8765/flickrocket (the sandbox)",
        ) from None
    return _under(base)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is kept of one shop. ``expires`` is by this machine's clock; ``company_id`` are digits; ``scope`` is what
    was asked for, with commas; ``site`` is Hosts.site of where they are good, empty when that is not known."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires: datetime
    client_id: str
    company_id: str
    scope: str
    site: str = ""


def _warned(message: str) -> None:
    warnings.warn(message, stacklevel=3)


class TokenStore:
    """Tokens of several shops by name, one file each, which only its owner can read; or, where a shop was logged in
    with ``--keyring``, in the system's keyring, and the file says so.

    ``folder``       None: FEEDBRIDGE_FLICKROCKET_TOKENS, else ``flickrocket`` in the user's configuration folder
    ``environment``  None: the process's
    ``warn``         told of what was mended

    Raises FlickRocketError: flickrocket.token (the place cannot be used), flickrocket.not-logged-in.
    """

    def __init__(
        self, folder: Path | None = None, environment: Mapping[str, str] | None = None, *,
        warn: Callable[[str], None] = _warned, lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        said = (os.environ if environment is None else environment).get(TOKENS, "").strip()
        if folder is None and said:
            folder = Path(said).expanduser()
        if folder is None:
            import platformdirs

            folder = Path(platformdirs.user_config_dir("feedbridge")) / "flickrocket"
        self.folder = folder.absolute()
        self._warn = warn
        self._lock_seconds = lock_seconds
        self._locks: dict[str, FileLock] = {}

    def __repr__(self) -> str:
        return f"TokenStore({str(self.folder)!r})"

    def names(self) -> list[str]:
        """The shops that are logged in."""
        try:
            found = [path for path in os.listdir(self.folder) if path.endswith(".json")]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise self._unusable(exc) from None
        return sorted(name for path in found if _SHOP.fullmatch(name := path.removesuffix(".json")))

    def read(self, shop: str) -> Tokens:
        """The tokens of a shop."""
        path = self._path(shop)
        kept = self._document(shop)
        where = str(path)
        if kept.get("kept_in") == "keyring":
            where = f"{path} (keyring)"
            kept = {**kept, **_from_keyring(self._service, shop, where)}
        try:
            return Tokens(
                _text(kept, "access_token"), _text(kept, "refresh_token"), _moment(kept, "expires"), _text(kept, "client_id"),
                _text(kept, "company_id"), _text(kept, "scope"), _text(kept, "site"),
            )
        except (KeyError, TypeError, ValueError):
            raise _damaged(where, shop) from None

    def kept_in(self, shop: str) -> str:
        """``file`` or ``keyring``."""
        return "keyring" if self._document(shop).get("kept_in") == "keyring" else "file"

    def write(self, shop: str, tokens: Tokens, *, keyring: bool | None = None) -> None:
        """Keep tokens durably. ``keyring``: where; None: where the shop's are kept now, else in the file."""
        path = self._path(shop)
        with self.lock(shop):
            was_keyring = False
            with suppress(FlickRocketError):
                was_keyring = self.kept_in(shop) == "keyring"
            keyring = was_keyring if keyring is None else keyring
            public = {
                "feedbridge_flickrocket_tokens": FORMAT, "shop": shop, "client_id": tokens.client_id,
                "company_id": tokens.company_id, "scope": tokens.scope, "site": tokens.site,
            }
            secret = {
                "access_token": tokens.access_token, "refresh_token": tokens.refresh_token,
                "expires": tokens.expires.astimezone(UTC).isoformat(),
            }
            if keyring:
                _into_keyring(self._service, shop, {**public, **secret}, f"{path} (keyring)")
                self._replace(path, {**public, "kept_in": "keyring"})
            else:
                self._replace(path, {**public, **secret})
                if was_keyring:
                    _out_of_keyring(self._service, shop, f"{path} (keyring)")

    def remove(self, shop: str) -> None:
        """Forget a shop, with all that lies beside its tokens. Nothing is wrong when there is none."""
        path = self._path(shop)
        with self.lock(shop):
            try:
                in_keyring = self.kept_in(shop) == "keyring"
            except FlickRocketError:
                in_keyring = False
            if in_keyring:
                _out_of_keyring(self._service, shop, f"{path} (keyring)")
            try:
                note = self.note_path(shop)
                aside = note.with_name(f"{note.name}.unread")
                for one in (path, note, aside, *map(self._beside, (path, note, aside))):
                    one.unlink(missing_ok=True)
                self._sync_folder()
            except OSError as exc:
                raise self._unusable(exc) from None

    @contextmanager
    def lock(self, shop: str) -> Iterator[None]:
        """Keeps every other process, and thread, from exchanging or writing the shop's tokens. May be nested."""
        path = self._path(shop).with_suffix(".lock")
        self._make_folder()
        lock = self._locks.setdefault(shop, FileLock(path, mode=0o600))
        try:
            lock.acquire(timeout=self._lock_seconds)
        except Timeout:
            raise FlickRocketError(
                f"another process has held the shop's tokens for {self._lock_seconds:g} seconds", where=str(path),
                mend="look for a feedbridge process that hangs, and end it", code="flickrocket.token",
            ) from None
        except (OSError, NotImplementedError) as exc:
            raise self._unusable(exc) from None
        try:
            yield
        finally:
            lock.release()

    def has_keyring(self) -> None:
        """Raises CommandError when there is no keyring to keep tokens in."""
        _keyring("--keyring")

    def writable(self, shop: str) -> None:
        """Raises FlickRocketError when tokens could not be written now. The caller holds the lock."""
        trial = self.note_path(shop).with_suffix(".trial")
        self.write_bytes(trial, b" " * ROOM_BYTES)
        with suppress(OSError):
            trial.unlink()

    def note_path(self, shop: str) -> Path:
        """Where an exchange under way is noted."""
        return self._path(shop).with_suffix(".exchange")

    def read_bytes(self, path: Path) -> bytes:
        """A file of the folder, when it is ours alone; its mode is mended, and that is told. Raises FileNotFoundError."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            raise
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise FlickRocketError(
                    "tokens are not read through a link, as they are replaced with every exchange", where=str(path),
                    code="flickrocket.token", mend=f"put the file itself there, or name its folder in {TOKENS}",
                ) from None
            raise self._unusable(exc, path) from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise FlickRocketError(
                    "this is not a file", where=str(path), mend="move it away", code="flickrocket.token",
                )
            if found.st_uid != os.geteuid():
                raise FlickRocketError(
                    f"the file belongs to user {found.st_uid}, and this is user {os.geteuid()}", where=str(path),
                    mend="run feedbridge as the user that logged in", code="flickrocket.token",
                )
            if stat.S_IMODE(found.st_mode) & 0o077:
                os.fchmod(descriptor, 0o600)
                self._warn(
                    f"{path}: others could read the shop's tokens (mode {stat.S_IMODE(found.st_mode):04o}); the mode is 0600 "
                    "now. If others use this machine, log in again"
                )
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(MOST_FILE_BYTES)
        except OSError as exc:
            raise self._unusable(exc, path) from None
        finally:
            os.close(descriptor)

    def write_bytes(self, path: Path, data: bytes) -> None:
        """Replace a file of the folder as a whole, on disk when this returns. The caller holds the lock."""
        self._make_folder()
        beside = self._beside(path)
        try:
            with suppress(FileNotFoundError):
                beside.unlink()
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with open(descriptor, "wb") as file:
                    os.fchmod(descriptor, 0o600)
                    file.write(data)
                    file.flush()
                    os.fsync(descriptor)
                os.replace(beside, path)
            except BaseException:
                with suppress(OSError):
                    beside.unlink()
                raise
            self._sync_folder()
        except OSError as exc:
            raise self._unusable(exc, path) from None

    @property
    def _service(self) -> str:
        return f"feedbridge flickrocket {self.folder}"

    def _path(self, shop: str) -> Path:
        if not _SHOP.fullmatch(shop):
            raise CommandError(
                f'"{shop}" cannot be the name of a shop', where="shop", code="flickrocket.setting",
                mend="small letters, digits, - and _, at most 64, beginning with a letter or digit",
            )
        return self.folder / f"{shop}.json"

    @staticmethod
    def _beside(path: Path) -> Path:
        return path.with_name(f"{path.name}.new")

    def _document(self, shop: str) -> dict[str, Any]:
        path = self._path(shop)
        try:
            data = self.read_bytes(path)
        except FileNotFoundError:
            known = self.names()
            others = f"; logged in: {', '.join(known)}" if known else ""
            raise FlickRocketError(
                f"the shop {shop} is not logged in{others}", mend=f"feedbridge flickrocket login{_option(shop)}",
                code="flickrocket.not-logged-in",
            ) from None
        try:
            kept = json.loads(data)
            if kept["feedbridge_flickrocket_tokens"] != FORMAT:
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _damaged(str(path), shop) from None
        return dict(kept)

    def _replace(self, path: Path, kept: dict[str, Any]) -> None:
        self.write_bytes(path, (json.dumps(kept, indent=1) + "\n").encode())

    def _make_folder(self) -> None:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.folder.mkdir(mode=0o700)
            found = self.folder.stat()
            if not stat.S_ISDIR(found.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        except OSError as exc:
            raise self._unusable(exc) from None
        if found.st_mode & stat.S_IWOTH:
            raise FlickRocketError(
                "everybody may write in this folder, so tokens are not kept there", where=str(self.folder),
                mend=f"chmod o-w on it, or name another folder in {TOKENS}", code="flickrocket.token",
            )

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as exc:
            if exc.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that have no such thing for a folder
                raise
        finally:
            os.close(descriptor)

    def _unusable(self, exc: Exception, path: Path | None = None) -> FlickRocketError:
        number = exc.errno if isinstance(exc, OSError) else None
        reason = os.strerror(number).lower() if number else "files cannot be locked there"
        if number in (errno.ENOSPC, errno.EDQUOT):
            mend = f"make room on the disk, or name another folder in {TOKENS}"
        else:
            mend = f"make the folder readable and writable for this user, or name another in {TOKENS}"
        return FlickRocketError(
            f"tokens cannot be kept there: {reason}", where=str(path or self.folder), mend=mend, code="flickrocket.token",
        )


def _option(shop: str) -> str:
    return "" if shop == "default" else f" --shop {shop}"


def _text(kept: Mapping[str, Any], name: str) -> str:
    value = kept[name]
    if not isinstance(value, str):
        raise TypeError
    return value


def _moment(kept: Mapping[str, Any], name: str) -> datetime:
    moment = datetime.fromisoformat(_text(kept, name))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _damaged(where: str, shop: str) -> FlickRocketError:
    return FlickRocketError(
        "what is stored of the shop is damaged, and has been left as it is", where=where, code="flickrocket.token",
        mend=f"put back a copy if there is one that is newer than the last use, else: feedbridge flickrocket login"
        f"{_option(shop)} --replace",
    )


# The system's keyring, for those who have the package.


def _keyring(where: str) -> Any:
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]  # it may be left out
    except ImportError:
        raise CommandError(
            "the system's keyring needs the package keyring, which is not installed", where=where,
            mend="pip install keyring, or log in without --keyring: tokens are then kept in a file only you can read",
            code="flickrocket.setting",
        ) from None
    return keyring


def _keyring_failed(exc: Exception, where: str) -> FlickRocketError:
    return FlickRocketError(
        f"the system's keyring cannot be used ({type(exc).__name__})", where=where, code="flickrocket.token",
        mend="unlock it; for runs nobody watches, log in without --keyring",
    )


def _from_keyring(service: str, shop: str, where: str) -> dict[str, Any]:
    module = _keyring(where)
    try:
        text = module.get_password(service, shop)
    except Exception as exc:  # backends raise what they like
        raise _keyring_failed(exc, where) from None
    if text is None:
        raise FlickRocketError(
            "the keyring has no tokens of the shop", where=where, code="flickrocket.not-logged-in",
            mend=f"feedbridge flickrocket login{_option(shop)} --keyring --replace",
        )
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        raise _damaged(where, shop) from None


def _into_keyring(service: str, shop: str, kept: dict[str, Any], where: str) -> None:
    module = _keyring(where)
    text = json.dumps(kept)
    try:
        module.set_password(service, shop, text)
        same = module.get_password(service, shop) == text
    except Exception as exc:  # a keyring's backend raises what it likes
        raise _keyring_failed(exc, where) from None
    if not same:
        raise FlickRocketError(
            "the keyring did not keep what was given to it", where=where, code="flickrocket.token",
            mend="log in without --keyring",
        )


def _out_of_keyring(service: str, shop: str, where: str) -> None:
    module = _keyring(where)
    try:
        if module.get_password(service, shop) is not None:
            module.delete_password(service, shop)
    except Exception as exc:  # as above
        raise _keyring_failed(exc, where) from None


# The note of an exchange under way.


@dataclass(frozen=True, slots=True)
class _Note:
    """``sent``: None while FlickRocket certainly has not had the token; ``code``: the refresh token itself, when it is a
    login's first and lies nowhere else; ``lost``: when an earlier exchange of the same token was sent without an answer."""

    client_id: str
    company_id: str
    scope: str
    site: str
    spent: str
    sent: datetime | None
    code: str = field(default="", repr=False)
    keyring: bool | None = None
    lost: datetime | None = None
    reply: Reply | None = field(default=None, repr=False)
    received: datetime = _NEVER

    def begun(self) -> bytes:
        """The first line of the file, before anything is sent."""
        return json.dumps({
            "feedbridge_flickrocket_exchange": FORMAT, "client_id": self.client_id, "company_id": self.company_id,
            "scope": self.scope, "site": self.site, "spent": self.spent, "code": self.code, "keyring": self.keyring,
            "sent": self.sent.isoformat() if self.sent else None, "lost": self.lost.isoformat() if self.lost else None,
        }).encode() + b"\n"

    @staticmethod
    def answered(reply: Reply, received: datetime) -> bytes:
        """The second line: the answer as it came."""
        return json.dumps({
            "status": reply.status, "date": reply.headers.get("Date", ""), "received": received.isoformat(),
            "body": base64.b64encode(reply.body).decode(),
        }).encode() + b"\n"


def _read_note(data: bytes) -> _Note | None:
    """None for what is no note. A second line that is not whole is no answer."""
    first, _, rest = data.partition(b"\n")
    try:
        begun = json.loads(first)
        if begun["feedbridge_flickrocket_exchange"] != FORMAT:
            return None
        note = _Note(
            _text(begun, "client_id"), _text(begun, "company_id"), _text(begun, "scope"), _text(begun, "site"),
            _text(begun, "spent"), _moment(begun, "sent") if begun["sent"] else None, _text(begun, "code"), begun["keyring"],
            _moment(begun, "lost") if begun["lost"] else None,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    second, whole, _ = rest.partition(b"\n")
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        if whole:
            answer = json.loads(second)
            reply = Reply(int(answer["status"]), {"Date": _text(answer, "date")}, base64.b64decode(answer["body"]))
            note = replace(note, reply=reply, received=_moment(answer, "received"))
    return note


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Access:
    """One shop's way into the API.

    ``http``   for the exchange and ``tokeninfo``; None: one of its own
    ``clock``  the time now, with its zone
    ``sleep``  waits between the tries of an exchange

    What is None comes from the environment. May be shared between threads.
    """

    def __init__(
        self, shop: str = "default", *, store: TokenStore | None = None, hosts: Hosts | None = None,
        environment: Mapping[str, str] | None = None, http: Http | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.shop = shop
        self.hosts = hosts_of(environment) if hosts is None else hosts
        self.store = TokenStore(environment=environment) if store is None else store
        self._http = Http(connect_seconds=10, answer_seconds=30, total_seconds=60, max_body_bytes=1 << 18) if http is None else http
        self._clock = clock
        self._sleep = sleep
        self._mutex = threading.RLock()
        self._last: Tokens | None = None
        self._dead = ""

    def __repr__(self) -> str:
        return f"Access({self.shop!r}, store={self.store!r}, hosts={self.hosts.site!r})"

    def token(self, fresh: bool = False, *, refused: str = "") -> str:
        """An access token with at least 300 seconds left, exchanged when needed.

        ``fresh``: ``refused`` (else the last one given) is no longer taken, so another one is given: that of a process or
        thread which exchanged meanwhile, else one from an exchange.

        Raises FlickRocketError: not-logged-in, authorize-again, token, down, answer, refused.
        """
        with self._mutex:
            last = self._last
            if not refused and last is not None:
                refused = last.access_token
            if last is not None and self._good(last) and not (fresh and refused == last.access_token):
                return last.access_token
            try:
                tokens = self._stored()
                if not fresh and self._good(tokens):
                    self._last = tokens
                    return tokens.access_token
            except FlickRocketError as exc:  # an exchange that was cut short may mend it, under the lock
                if exc.code == "flickrocket.not-logged-in" and self._note() is None:
                    raise
            with self.store.lock(self.shop):
                tokens = self._recovered() or self._stored()
                if not self._good(tokens) or (fresh and refused in ("", tokens.access_token)):
                    tokens = self._exchanged(tokens)
            self._last = tokens
            return tokens.access_token

    def authorized(
        self, code: str, company_id: str, *, client_id: str, scope: str, replace: bool = False, keyring: bool | None = None,
    ) -> Tokens:
        """Keep a new permission: ``code`` of the redirect is the first refresh token, and is exchanged at once.

        The code is on disk before it is sent: when FlickRocket is down, the next use goes on from there. ``replace``: also
        when the shop's stored tokens are another company's, another place's, or damaged. Raises FlickRocketError.
        """
        if not _TOKEN.fullmatch(code):
            raise FlickRocketError(
                "the code of the redirect has characters that no token has", code="flickrocket.answer",
                mend=f"feedbridge flickrocket login{_option(self.shop)}",
            )
        with self._mutex, self.store.lock(self.shop):
            note = self._note()
            if note is not None and note.reply is not None and not replace:
                self._recovered()
            self.may_replace(company_id, replace=replace)
            if keyring is None:
                with suppress(FlickRocketError):
                    keyring = self.store.kept_in(self.shop) == "keyring"
            self._last = self._carry_out(_Note(
                client_id, company_id, scope, self.hosts.site, _digest(code), self._clock(), code=code, keyring=keyring,
            ), code)
            return self._last

    def may_replace(self, company_id: str | None = None, *, replace: bool = False) -> None:
        """Raises FlickRocketError when a login would overwrite tokens that are not the same shop's; ``company_id`` None:
        as far as that is known before the login."""
        if replace:
            return
        try:
            stored = self.store.read(self.shop)
        except FlickRocketError as exc:
            if exc.code == "flickrocket.not-logged-in":
                return
            raise
        mend = "log in under another name with --shop, or add --replace to give the old permission up"
        if company_id is not None and stored.company_id != company_id:
            raise FlickRocketError(
                f"the shop {self.shop} is company {stored.company_id}, and this permission is of company {company_id}",
                mend=mend, code="flickrocket.refused",
            )
        if stored.site not in ("", self.hosts.site):
            raise self._elsewhere(stored.site, mend)

    def tokeninfo(self) -> dict[str, Any]:
        """What FlickRocket says of the access token: issued_to, user_id, scope, expires_in (text), access_type.

        The token goes in the header; only where FlickRocket does not look there, in the address as documented.
        """
        for fresh in (False, True):
            token = self.token(fresh=fresh)
            reply = self._asked(token)
            said = _said(reply, token)
            found = _object(reply.body)
            if reply.status == 200 and found and "error" not in found:
                return found
            if reply.status in (429, 503):
                raise self._busy(reply.status)
            if reply.status not in (400, 401, 403) and "error" not in found:
                break
        raise FlickRocketError(
            f"FlickRocket does not say what the token is good for: status {reply.status}{said}", status=reply.status,
            code="flickrocket.refused" if reply.status in (400, 401, 403) else "flickrocket.answer",
            mend=f"feedbridge flickrocket login{_option(self.shop)}" if reply.status in (400, 401, 403) else "",
        )

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _asked(self, token: str) -> Reply:
        try:
            reply = self._http.get(self.hosts.tokeninfo, headers={"Authorization": f"Bearer {token}"})
            if "access_token required" in _said(reply, token):
                reply = self._http.get(self.hosts.tokeninfo, params={"access_token": token})
        except (Unsent, Lost) as exc:
            raise FlickRocketError(exc.reason, mend=exc.mend, code="flickrocket.down") from None
        return reply

    def _good(self, tokens: Tokens) -> bool:
        left = (tokens.expires - self._clock()).total_seconds()
        return bool(tokens.access_token) and LEFT_SECONDS <= left <= MOST_SECONDS

    def _stored(self) -> Tokens:
        tokens = self.store.read(self.shop)
        if tokens.site not in ("", self.hosts.site):
            raise self._elsewhere(tokens.site, f"choose the place with {HOSTS}, or log in here under another name with --shop")
        return tokens

    def _elsewhere(self, site: str, mend: str) -> FlickRocketError:
        return FlickRocketError(
            f"the tokens of the shop {self.shop} are for {site}, and this is {self.hosts.site}", mend=mend,
            code="flickrocket.refused",
        )

    # An exchange. The caller holds the lock.

    def _note(self) -> _Note | None:
        try:
            return _read_note(self.store.read_bytes(self.store.note_path(self.shop)))
        except FileNotFoundError:
            return None

    def _drop_note(self) -> None:
        with suppress(OSError):
            self.store.note_path(self.shop).unlink(missing_ok=True)

    def _recovered(self) -> Tokens | None:
        """Tokens of an exchange that was cut short after its answer, or before a login's first one."""
        note = self._note()
        if note is None or note.site != self.hosts.site:
            return None
        if note.reply is not None:
            if not self._is_next(note):
                self._drop_note()
                return None
            return self._kept(note)
        if note.code:
            try:
                return self._carry_out(replace(note, lost=note.lost or note.sent, sent=self._clock()), note.code)
            except FlickRocketError as exc:
                if exc.code != "flickrocket.authorize-again":
                    raise
                with suppress(FlickRocketError):
                    return self._stored()  # the code of an unfinished login is dead, but not what was there before
                raise exc from None
        return None

    def _is_next(self, note: _Note) -> bool:
        """Whether the note's answer belongs behind what is stored, which is so unless that is newer."""
        try:
            stored = self.store.read(self.shop)
        except FlickRocketError as exc:
            return exc.code in ("flickrocket.not-logged-in", "flickrocket.token")
        return bool(note.code) or _digest(stored.refresh_token) == note.spent

    def _exchanged(self, tokens: Tokens) -> Tokens:
        note = self._note()
        spent = _digest(tokens.refresh_token)
        lost = (note.lost or note.sent) if note is not None and note.spent == spent else None
        return self._carry_out(
            _Note(tokens.client_id, tokens.company_id, tokens.scope, self.hosts.site, spent, self._clock(), lost=lost),
            tokens.refresh_token,
        )

    def _carry_out(self, note: _Note, refresh_token: str) -> Tokens:
        if note.spent == self._dead:
            raise self._authorize_again(note)
        path = self.store.note_path(self.shop)
        begun = note.begun()
        self.store.write_bytes(path, begun + b" " * ROOM_BYTES + b"\n")
        for wait in (*BUSY_WAITS, None):
            try:
                reply = self._sent(note, refresh_token, path, len(begun))
            except Unsent as exc:
                if wait is None:
                    self._not_taken(note)
                    raise FlickRocketError(
                        f"{exc.reason}; no token was spent", mend=exc.mend, code="flickrocket.down"
                    ) from None
            except Lost as exc:
                raise FlickRocketError(
                    f"the exchange of tokens was sent, but {exc.reason}. If FlickRocket has carried it out, the stored token "
                    "is dead, which the next run finds out", code="flickrocket.down",
                    mend="run again; if FlickRocket then says invalid_grant, authorize again",
                ) from None
            else:
                if reply.status not in (429, 503):
                    return self._kept(replace(note, reply=reply, received=self._clock()))
                if wait is None:
                    self._not_taken(note)
                    raise self._busy(reply.status)
            self._sleep(wait)
        raise AssertionError("unreachable")

    def _not_taken(self, note: _Note) -> None:
        """FlickRocket has not spent the token, so the note is of no use, unless it has a login's code or tells of an
        earlier exchange."""
        if note.code or note.lost:
            self.store.write_bytes(self.store.note_path(self.shop), replace(note, sent=None).begun())
        else:
            self._drop_note()

    def _sent(self, note: _Note, refresh_token: str, path: Path, at: int) -> Reply:
        """Send the exchange once, and have its answer on disk. In a thread of its own, where no Ctrl-C and no SIGTERM can
        come between the two; they are obeyed afterwards."""
        done: list[Reply] = []
        failed: list[BaseException] = []
        ended = threading.Event()

        def work() -> None:
            try:
                reply = self._http.post(self.hosts.token, headers={"Accept": "application/json"}, data={
                    "grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": note.client_id,
                })
                if 200 <= reply.status < 300:
                    with suppress(OSError):  # the tokens themselves may still be written
                        _put(path, at, _Note.answered(reply, self._clock()))
                done.append(reply)
            except BaseException as exc:
                failed.append(exc)
            finally:
                ended.set()

        worker = threading.Thread(target=work, name="flickrocket-exchange")
        interrupt: BaseException | None = _started(worker)
        while not ended.is_set():
            try:
                ended.wait()  # not join(): interrupted, it takes the thread for ended (Python 3.11)
            except (KeyboardInterrupt, SystemExit) as exc:
                interrupt = exc
        if interrupt is not None:
            raise interrupt
        if failed:
            raise failed[0]
        return done[0]

    def _kept(self, note: _Note) -> Tokens:
        """The tokens of an answer, once they are on disk."""
        reply = note.reply
        assert reply is not None
        found = _object(reply.body)
        if "invalid_grant" in (found.get("error"), found.get("error_description")) or (
            not 200 <= reply.status < 300 and b"invalid_grant" in reply.body
        ):
            self._dead = note.spent
            if note.lost is None or note.code:
                self._drop_note()
            raise self._authorize_again(note)
        if not 200 <= reply.status < 300 or "error" in found:
            raise self._refused(note)
        access, refresh = found.get("access_token"), found.get("refresh_token")
        if refresh is None and note.spent:  # then the old one stays good (RFC 6749, section 6)
            refresh = note.code or self._stored().refresh_token
        if not _is_token(access) or not _is_token(refresh):
            raise self._unreadable(note, "refresh_token" if _is_token(access) else "access_token")
        tokens = Tokens(
            str(access), str(refresh), note.received + timedelta(seconds=life_seconds(found, reply, note.received)),
            note.client_id, note.company_id, note.scope, note.site,
        )
        try:
            self.store.write(self.shop, tokens, keyring=note.keyring)
        except FlickRocketError as exc:
            raise self._unwritten(exc) from None
        self._drop_note()
        self._dead = ""
        return tokens

    def _refused(self, note: _Note) -> FlickRocketError:
        reply = note.reply
        assert reply is not None
        said = f"status {reply.status}{_said(reply)}"
        if reply.status < 500:
            self._not_taken(note)
            return FlickRocketError(
                f"FlickRocket refused to exchange the token: {said}", status=reply.status, code="flickrocket.refused",
                mend="look at the client id and at the app in FlickRocket's admin interface; the stored token is as it was",
            )
        return FlickRocketError(
            f"FlickRocket failed to exchange the token: {said}. Whether it has spent it, the next run finds out",
            status=reply.status, code="flickrocket.down",
            mend="run again later; if FlickRocket then says invalid_grant, authorize again",
        )

    def _unreadable(self, note: _Note, lacking: str) -> FlickRocketError:
        """An answer without tokens, as a network's own login page gives one. It is put aside for people to look at, and
        the next run tries the stored token again."""
        path = self.store.note_path(self.shop)
        aside = path.with_name(f"{path.name}.unread")
        reply = note.reply
        assert reply is not None
        self.store.write_bytes(aside, reply.body)
        self.store.write_bytes(path, note.begun())
        return FlickRocketError(
            f"the answer to the exchange of tokens has no usable {lacking}, and has been put aside", status=reply.status,
            where=str(aside), code="flickrocket.answer",
            mend="look whether it comes from FlickRocket or from a proxy, and run again (the file may hold a token: delete it)",
        )

    def _unwritten(self, exc: FlickRocketError) -> FlickRocketError:
        note = None
        with suppress(FlickRocketError):
            note = self._note()
        if note is not None and note.reply is not None:
            said, mend = "the answer of the exchange is safe beside them, and the next run goes on from there", exc.mend
        else:
            said, mend = "the new refresh token is lost", f"{exc.mend}; then feedbridge flickrocket login{_option(self.shop)}"
        return FlickRocketError(f"{exc.message}; {said}", where=exc.where, mend=mend, code=exc.code)

    def _authorize_again(self, note: _Note) -> FlickRocketError:
        if note.lost is not None:
            why = (
                f"An exchange sent at {note.lost.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC got no answer that could be "
                "stored, and the valid token was in it"
            )
        elif note.code:
            why = "The code of the redirect was used before, or is not FlickRocket's"
        else:
            why = "It was used by another copy of feedbridge, or the permission was removed in FlickRocket"
        return FlickRocketError(
            f"FlickRocket no longer takes the permission of the shop {self.shop} (invalid_grant). {why}",
            mend=f"authorize again: feedbridge flickrocket login{_option(self.shop)} (if FlickRocket does not ask, remove the "
            "app's permission in its admin interface first)", code="flickrocket.authorize-again",
        )

    def _busy(self, status: int) -> FlickRocketError:
        return FlickRocketError(
            f"FlickRocket is busy or under maintenance (status {status})", status=status, code="flickrocket.down",
            mend="run again later; nothing is lost",
        )


def _started(worker: threading.Thread) -> BaseException | None:
    """Start a thread whole. A signal that came meanwhile is handed back."""
    stops = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        worker.start()
    except RuntimeError:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    except (KeyboardInterrupt, SystemExit) as exc:
        return exc
    return None


def _put(path: Path, at: int, data: bytes) -> None:
    """Write into room that was made before, and have it on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, at)
            view, at = view[written:], at + written
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; empty when it is none."""
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _said(reply: Reply, *secrets: str) -> str:
    """FlickRocket's own word for an error, when it is a word and no secret: ``: invalid_client``."""
    word = _object(reply.body).get("error")
    if not isinstance(word, str) or not re.fullmatch(r"[A-Za-z][A-Za-z _.,'-]{0,79}", word) or re.search(r"\S{33}", word):
        return ""
    if any(secret in word for secret in secrets):
        return ""
    return f": {word}"


def life_seconds(found: Mapping[str, Any], reply: Reply, now: datetime) -> float:
    """How long the access token of an answer is good, from its arrival.

    ``.expires`` (or ``expires``) is a moment of FlickRocket's clock, so it is measured from another such: ``.issued`` (or
    ``issued``), else the answer's Date, else ours. Then ``expires_in``, else 29 minutes. Never over a day.
    """
    ends = _http_date(found.get(".expires")) or _http_date(found.get("expires"))
    if ends is not None:
        said = (_http_date(begins) for begins in (found.get(".issued"), found.get("issued"), reply.headers.get("Date")))
        life = (ends - next((moment for moment in said if moment is not None), now)).total_seconds()
        if life > 0:
            return min(life, MOST_SECONDS)
    given = found.get("expires_in")
    with suppress(ValueError, OverflowError):
        if isinstance(given, str | int | float) and not isinstance(given, bool) and (life := float(given)) > 0:
            return min(life, MOST_SECONDS)
    return USUAL_SECONDS


def _http_date(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
