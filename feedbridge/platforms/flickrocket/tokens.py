"""Tokens of FlickRocket's shops, kept safely: in files that only their owner can read, or in the system's keyring.

What is exchanged, and how nothing of it is lost, stands in access.py.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.errors import FlickRocketError

__all__ = ["FORMAT", "ROOM_BYTES", "TOKENS", "TokenStore", "Tokens", "moment_in", "option_of", "text_in"]

TOKENS = "FEEDBRIDGE_FLICKROCKET_TOKENS"
LOCK_SECONDS = 360.0
"""Longest wait for another process, which may need four tries and the waits between them."""
ROOM_BYTES = 1 << 16
"""Room made for an answer before it is asked for."""
MOST_FILE_BYTES = 1 << 20
FORMAT = 1
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_SHOP = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


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
                text_in(kept, "access_token"), text_in(kept, "refresh_token"), moment_in(kept, "expires"),
                text_in(kept, "client_id"), text_in(kept, "company_id"), text_in(kept, "scope"), text_in(kept, "site"),
            )
        except (KeyError, TypeError, ValueError):
            raise _damaged(where, shop) from None

    def described(self, shop: str) -> Tokens:
        """The tokens of a shop; of one in the keyring what the file says, without the tokens: it need not be unlocked."""
        kept = self._document(shop)
        if kept.get("kept_in") != "keyring":
            return self.read(shop)
        try:
            return Tokens(
                "", "", _NEVER, text_in(kept, "client_id"), text_in(kept, "company_id"), text_in(kept, "scope"),
                text_in(kept, "site"),
            )
        except (KeyError, TypeError, ValueError):
            raise _damaged(str(self._path(shop)), shop) from None

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
                    try:
                        _out_of_keyring(self._service, shop, f"{path} (keyring)")
                    except (FlickRocketError, CommandError) as exc:  # what lies there is dead with the next exchange
                        self._warn(f"{path}: the tokens are kept in this file now, and those before could not be taken out "
                                   f"of the system's keyring: {exc.message}")

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
                kept = (path, self.note_path(shop), self.unread_path(shop))
                for one in (*kept, *map(self._beside, kept)):
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

    def has_keyring(self, shop: str) -> None:
        """Raises CommandError when there is no keyring, FlickRocketError when it does not keep what is given to it now."""
        _keyring("--keyring")
        where = f"{self._path(shop)} (keyring)"
        _into_keyring(self._service, f"{shop} trial", {"trial": True}, where)
        _out_of_keyring(self._service, f"{shop} trial", where)

    def writable(self, shop: str) -> None:
        """Raises FlickRocketError when tokens could not be written now. The caller holds the lock."""
        trial = self.note_path(shop).with_suffix(".trial")
        self.write_bytes(trial, b" " * ROOM_BYTES)
        with suppress(OSError):
            trial.unlink()

    def note_path(self, shop: str) -> Path:
        """Where an exchange under way is noted."""
        return self._path(shop).with_suffix(".exchange")

    def unread_path(self, shop: str) -> Path:
        """Where an answer is put in which no token was found."""
        return self._path(shop).with_suffix(".exchange.unread")

    def read_bytes(self, path: Path) -> bytes:
        """A file of the folder, when it is ours alone; its mode is mended, and that is told. Raises FileNotFoundError."""
        try:
            self._refuse_open(self.folder.stat())
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
                f"the shop {shop} is not logged in{others}", mend=f"feedbridge flickrocket login{option_of(shop)}",
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
        self._refuse_open(found)

    def _refuse_open(self, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_IWOTH:
            raise FlickRocketError(
                "everybody may write in this folder, so tokens are not kept there", where=str(self.folder),
                mend=f"chmod o-w on it, or name another folder in {TOKENS}; if others use this machine, log in again",
                code="flickrocket.token",
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


def option_of(shop: str) -> str:
    return "" if shop == "default" else f" --shop {shop}"


def text_in(kept: Mapping[str, Any], name: str) -> str:
    value = kept[name]
    if not isinstance(value, str):
        raise TypeError
    return value


def moment_in(kept: Mapping[str, Any], name: str) -> datetime:
    moment = datetime.fromisoformat(text_in(kept, name))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _damaged(where: str, shop: str) -> FlickRocketError:
    return FlickRocketError(
        "what is stored of the shop is damaged, and has been left as it is", where=where, code="flickrocket.token",
        mend=f"put back a copy if there is one that is newer than the last use, else: feedbridge flickrocket login"
        f"{option_of(shop)} --replace",
    )


# The system's keyring, for those who have the package.


def _keyring(where: str) -> Any:
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]  # it may be left out
    except ImportError:
        raise CommandError(
            "the system's keyring needs the package keyring, which is not installed", where=where,
            mend="pip install keyring, or log in with --file: tokens are then kept in a file only you can read",
            code="flickrocket.setting",
        ) from None
    return keyring


def _keyring_failed(exc: Exception, where: str) -> FlickRocketError:
    return FlickRocketError(
        f"the system's keyring cannot be used ({type(exc).__name__})", where=where, code="flickrocket.token",
        mend="unlock it; where nobody can, as on most servers: feedbridge flickrocket login --file, which keeps tokens in a "
        "file only you can read",
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
            mend=f"feedbridge flickrocket login{option_of(shop)} --keyring --replace",
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
            mend="feedbridge flickrocket login --file",
        )


def _out_of_keyring(service: str, shop: str, where: str) -> None:
    module = _keyring(where)
    try:
        if module.get_password(service, shop) is not None:
            module.delete_password(service, shop)
    except Exception as exc:  # as above
        raise _keyring_failed(exc, where) from None
