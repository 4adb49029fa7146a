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
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from feedbridge.platforms.delivery import is_loopback
from feedbridge.platforms.flickrocket.answers import (
    MOST_SECONDS,
    Found,
    found_in,
    is_token,
    life_seconds,
    may_hold_token,
    object_of,
    said_in,
)
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.hosts import HOSTS, Hosts, hosts_of
from feedbridge.platforms.flickrocket.tokens import (
    FORMAT,
    ROOM_BYTES,
    Tokens,
    TokenStore,
    moment_in,
    option_of,
    text_in,
)
from feedbridge.platforms.http import Http, Lost, Reply, Unsent

__all__ = ["LEFT_SECONDS", "Access"]

LEFT_SECONDS = 300
"""An access token with less left is exchanged before it is used."""
BUSY_WAITS = (5.0, 10.0, 15.0)
"""Waits before the second, third and fourth try of an exchange that FlickRocket has not taken."""
BEGIN_TRIES, BEGIN_WAIT = 25, 0.2
"""How often, and so many seconds apart, a sandbox that has just been started is asked whether it is there."""
MOST_TRIES = 3
"""Exchanges one after another until an answer has an access token, too."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


# The note of an exchange under way.


@dataclass(frozen=True, slots=True)
class _Note:
    """``sent``: None while FlickRocket certainly has not had the token; ``code``: the refresh token itself, when it is a
    login's first and lies nowhere else; ``lost``: when an earlier exchange of the same token was sent without an answer;
    ``unread``: that answer came, without a token that could be found in it."""

    client_id: str
    company_id: str
    scope: str
    site: str
    spent: str
    sent: datetime | None
    code: str = field(default="", repr=False)
    keyring: bool | None = None
    lost: datetime | None = None
    unread: bool = False
    reply: Reply | None = field(default=None, repr=False)
    received: datetime = _NEVER

    def begun(self) -> bytes:
        """The first line of the file, before anything is sent."""
        return json.dumps({
            "feedbridge_flickrocket_exchange": FORMAT, "client_id": self.client_id, "company_id": self.company_id,
            "scope": self.scope, "site": self.site, "spent": self.spent, "code": self.code, "keyring": self.keyring,
            "sent": self.sent.isoformat() if self.sent else None, "lost": self.lost.isoformat() if self.lost else None,
            "unread": self.unread,
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
            text_in(begun, "client_id"), text_in(begun, "company_id"), text_in(begun, "scope"), text_in(begun, "site"),
            text_in(begun, "spent"), moment_in(begun, "sent") if begun["sent"] else None, text_in(begun, "code"),
            begun["keyring"], moment_in(begun, "lost") if begun["lost"] else None, begun.get("unread") is True,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    second, whole, _ = rest.partition(b"\n")
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        if whole:
            answer = json.loads(second)
            reply = Reply(int(answer["status"]), {"Date": text_in(answer, "date")}, base64.b64decode(answer["body"]))
            note = replace(note, reply=reply, received=moment_in(answer, "received"))
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
                    tokens = self._with_access(self._exchanged(tokens))
            self._last = tokens
            return tokens.access_token

    def authorized(
        self, code: str, company_id: str, *, client_id: str, scope: str, replace: bool = False, keyring: bool | None = None,
    ) -> Tokens:
        """Keep a new permission: ``code`` of the redirect is the first refresh token, and is exchanged at once.

        The code is on disk before it is sent: when FlickRocket is down, the next use goes on from there. ``replace``: also
        when the shop's stored tokens are another company's, another place's, or damaged. Raises FlickRocketError.
        """
        if not is_token(code):
            raise FlickRocketError(
                "the code of the redirect has characters that no token has", code="flickrocket.answer",
                mend=f"feedbridge flickrocket login{option_of(self.shop)}",
            )
        with self._mutex, self.store.lock(self.shop):
            note = self._note()
            if note is not None and note.reply is not None and not replace:
                self._recovered(keyring)
            self.may_replace(company_id, replace=replace)
            if keyring is None:
                with suppress(FlickRocketError):
                    keyring = self.store.kept_in(self.shop) == "keyring"
            self._last = self._with_access(self._carry_out(_Note(
                client_id, company_id, scope, self.hosts.site, _digest(code), self._clock(), code=code, keyring=keyring,
            ), code))
            return self._last

    def may_keep(self, keyring: bool | None = None) -> None:
        """Raises FlickRocketError or CommandError when the tokens of a login could not be kept where it is to keep them.
        ``keyring`` None: where the shop's are now, or those of a login that was cut short. The caller holds the lock."""
        if keyring is None:
            note = self._note()
            keyring = note is not None and note.reply is not None and note.keyring is True
            with suppress(FlickRocketError):
                keyring = keyring or self.store.kept_in(self.shop) == "keyring"
        if keyring:
            self.store.has_keyring(self.shop)
        self.store.writable(self.shop)

    def may_reach(self) -> None:
        """Raises FlickRocketError when nothing answers where tokens are exchanged, so that nobody is asked for a permission
        that could not be kept. A sandbox that is about to listen is waited for; what is answered does not matter."""
        parts = urlsplit(self.hosts.token)
        place = f"{parts.scheme}://{parts.netloc}"
        here = is_loopback(parts.hostname or "")
        for left in reversed(range(BEGIN_TRIES if here else 1)):
            try:
                self._http.get(f"{place}/")
            except Lost:
                return
            except Unsent as exc:
                if left:
                    self._sleep(BEGIN_WAIT)
                elif here:
                    raise FlickRocketError(
                        f"nothing answers at {place}: is the sandbox running?", code="flickrocket.down",
                        mend=f"start it, and leave it running: feedbridge sandbox; {HOSTS} says where it is",
                    ) from None
                else:
                    raise FlickRocketError(exc.reason, mend=exc.mend, code="flickrocket.down") from None
            else:
                return

    def may_replace(self, company_id: str | None = None, *, replace: bool = False) -> None:
        """Raises FlickRocketError when a login would overwrite tokens that are not the same shop's; ``company_id`` None:
        as far as that is known before the login."""
        if replace:
            return
        try:
            stored = self.store.described(self.shop)
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
            said = said_in(reply, token)
            found = object_of(reply.body)
            if reply.status == 200 and found and not found.get("error"):
                return found
            if reply.status in (429, 503):
                raise self._busy(reply.status)
            if reply.status not in (400, 401, 403) and not found.get("error"):
                break
        raise FlickRocketError(
            f"FlickRocket does not say what the token is good for: status {reply.status}{said}", status=reply.status,
            code="flickrocket.refused" if reply.status in (400, 401, 403) else "flickrocket.answer",
            mend=f"feedbridge flickrocket login{option_of(self.shop)}" if reply.status in (400, 401, 403) else "",
        )

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _asked(self, token: str) -> Reply:
        try:
            reply = self._http.get(self.hosts.tokeninfo, headers={"Authorization": f"Bearer {token}"})
            if "access_token required" in said_in(reply, token):
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

    def _drop_all(self) -> None:
        """Tokens are stored: what tells of the exchanges before them is of no use any more."""
        self._drop_note()
        with suppress(OSError):
            self.store.unread_path(self.shop).unlink(missing_ok=True)

    def _recovered(self, keyring: bool | None = None) -> Tokens | None:
        """Tokens of an exchange that was cut short after its answer, or before a login's first one. ``keyring``: where
        they are to be kept now; None: where that exchange was to keep them."""
        note = self._note()
        if note is None or note.site != self.hosts.site:
            return None
        if note.reply is not None:
            if not self._is_next(note):
                self._drop_note()
                return None
            return self._kept(note if keyring is None else replace(note, keyring=keyring))
        if note.code:
            self._refuse_unread(note)
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
        lost, unread = None, False
        if note is not None and note.spent == spent:
            lost, unread = note.lost or note.sent, note.unread
            self._refuse_unread(note)
        return self._carry_out(
            _Note(
                tokens.client_id, tokens.company_id, tokens.scope, self.hosts.site, spent, self._clock(), lost=lost,
                unread=unread,
            ),
            tokens.refresh_token,
        )

    def _with_access(self, tokens: Tokens) -> Tokens:
        """The tokens of an exchange; when its answer had a refresh token alone, that one is exchanged again."""
        for _ in range(MOST_TRIES - 1):
            if tokens.access_token:
                break
            tokens = self._exchanged(tokens)
        if not tokens.access_token:
            raise FlickRocketError(
                f"FlickRocket's answers to {MOST_TRIES} exchanges have a refresh token and no access token",
                code="flickrocket.answer", mend="run again later: the new refresh token is stored, and nothing is lost",
            )
        return tokens

    def _refuse_unread(self, note: _Note) -> None:
        """Raises FlickRocketError while the answer to a token's exchange lies unread, and may hold the one that replaced
        it. To send the old one could make FlickRocket take back the new one, which a person may still read there."""
        path = self.store.unread_path(self.shop)
        try:
            may_hold = note.unread and may_hold_token(self.store.read_bytes(path))
        except FileNotFoundError:
            return
        if may_hold:
            raise FlickRocketError(
                "an answer to the exchange of tokens was put aside, as it could not be read and may hold the new refresh "
                "token; the old one is not sent again", where=str(path), code="flickrocket.answer",
                mend=self._look_into_it(),
            )

    def _look_into_it(self) -> str:
        return (
            f"look into the file: if it is FlickRocket's answer, feedbridge flickrocket login{option_of(self.shop)} (which "
            "deletes it), and tell the maintainers of feedbridge what it looks like, without the tokens; if it is not, "
            "delete it and run again"
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
        good = 200 <= reply.status < 300
        found = found_in(reply.body)
        if not good or not (found.refresh or (found.access and not found.error)):
            said = object_of(reply.body)
            if "invalid_grant" in (said.get("error"), said.get("error_description")) or (
                not good and b"invalid_grant" in reply.body
            ):
                self._dead = note.spent
                if note.lost is None or note.code:
                    self._drop_note()
                raise self._authorize_again(note)
            if not good or (found.error and not may_hold_token(reply.body)):
                raise self._refused(note)
            raise self._unreadable(note, found)
        refresh = found.refresh
        if found.keeps and note.spent:
            refresh = note.code or self._stored().refresh_token
        if not refresh:
            raise self._unreadable(note, found)
        life = timedelta(seconds=life_seconds(found.members, reply, note.received)) if found.access else timedelta()
        tokens = Tokens(
            found.access, refresh, note.received + life, note.client_id, note.company_id, note.scope, note.site,
        )
        try:
            self.store.write(self.shop, tokens, keyring=note.keyring)
        except FlickRocketError as exc:
            raise self._unwritten(exc) from None
        self._drop_all()
        self._dead = ""
        return tokens

    def _refused(self, note: _Note) -> FlickRocketError:
        reply = note.reply
        assert reply is not None
        said = f"status {reply.status}{said_in(reply)}"
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

    def _unreadable(self, note: _Note, found: Found) -> FlickRocketError:
        """An answer without tokens, as a network's own login page gives one. It is put aside for people to look at. The
        next run tries the stored token again, unless the answer may hold the one that replaced it."""
        path = self.store.note_path(self.shop)
        aside = self.store.unread_path(self.shop)
        reply = note.reply
        assert reply is not None
        self.store.write_bytes(aside, reply.body)
        self.store.write_bytes(path, replace(note, unread=True).begun())
        lacking = "refresh_token" if found.access else "access_token"
        return FlickRocketError(
            f"the answer to the exchange of tokens has no usable {lacking}, and has been put aside", status=reply.status,
            where=str(aside), code="flickrocket.answer",
            mend=self._look_into_it() if may_hold_token(reply.body) else "look whether it comes from FlickRocket or from a "
            "proxy, and run again; the next exchange that succeeds deletes the file",
        )

    def _unwritten(self, exc: FlickRocketError) -> FlickRocketError:
        note = None
        with suppress(FlickRocketError):
            note = self._note()
        if note is not None and note.reply is not None:
            said, mend = "the answer of the exchange is safe beside them, and the next run goes on from there", exc.mend
        else:
            said, mend = "the new refresh token is lost", f"{exc.mend}; then feedbridge flickrocket login{option_of(self.shop)}"
        return FlickRocketError(f"{exc.message}; {said}", where=exc.where, mend=mend, code=exc.code)

    def _authorize_again(self, note: _Note) -> FlickRocketError:
        if note.lost is not None:
            sent = f"An exchange sent at {note.lost.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            why = f"{sent} got no answer that could be stored, and the valid token was in it"
            if note.unread:
                aside = self.store.unread_path(self.shop)
                kept = f"lies unread in {aside}" if aside.exists() else "was put aside unread, and is no longer there"
                why = f"{sent} got an answer without a token that could be found; it {kept}"
        elif note.code:
            why = "The code of the redirect was used before, or is not FlickRocket's"
        else:
            why = "It was used by another copy of feedbridge, or the permission was removed in FlickRocket"
        return FlickRocketError(
            f"FlickRocket no longer takes the permission of the shop {self.shop} (invalid_grant). {why}",
            mend=f"authorize again: feedbridge flickrocket login{option_of(self.shop)} (if FlickRocket does not ask, remove the "
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
