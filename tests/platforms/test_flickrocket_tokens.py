"""Tokens are never lost once their answer was read, exchanged by one process at a time, and shown to nobody."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path

import pytest

from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.access import Access
from feedbridge.platforms.flickrocket.answers import life_seconds
from feedbridge.platforms.flickrocket.errors import CODES, FlickRocketError
from feedbridge.platforms.flickrocket.hosts import DOCUMENTED, PLUGIN, hosts_of
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.platforms.http import Http, Reply
from tests.platforms.flickrocket_oauth import CLIENT, COMPANY, ISSUED, serving

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2025, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def shop():
    with serving() as one:
        yield one


@pytest.fixture
def store(tmp_path):
    return TokenStore(tmp_path / "tokens", {}, warn=lambda message: pytest.fail(message))


def kept(left: float = 0, refresh: str = "refresh-SECRET-0", access: str = "access-SECRET-0", company: str = COMPANY) -> Tokens:
    return Tokens(access, refresh, NOW + timedelta(seconds=left), CLIENT, company, "products,orders", "this machine")


def logged_in(shop, store, left: float = 0, name: str = "default") -> Tokens:
    shop.alive, shop.access = "refresh-SECRET-0", "access-SECRET-0"
    tokens = kept(left)
    store.write(name, tokens)
    return tokens


def access_to(shop, store, **more) -> Access:
    waits = more.pop("waits", None)
    more.setdefault("sleep", waits.append if waits is not None else lambda seconds: pytest.fail(f"waits {seconds} s"))
    more.setdefault("clock", lambda: NOW)
    return Access(store=store, hosts=hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": shop.url}), environment={}, **more)


def caught(code, work, *words) -> str:
    with pytest.raises((FlickRocketError, CommandError)) as found:
        work()
    text = f"{found.value} {found.value!r}"
    assert found.value.code == code
    assert "SECRET" not in text
    for word in words:
        assert word in text
    return text


def files(store) -> set[str]:
    return {path.name for path in store.folder.iterdir()}


# Hosts.


@pytest.mark.parametrize(("said", "token"), [
    pytest.param(None, "https://admin.flickrocket.com/token", id="not set"),
    pytest.param("documented", "https://admin.flickrocket.com/token", id="documented"),
    pytest.param("plugin", "https://oauth.flickrocket.com/token", id="plugin"),
    pytest.param("http://127.0.0.1:8765/flickrocket/", "http://127.0.0.1:8765/flickrocket/token", id="sandbox"),
    pytest.param("http://[::1]:1/f", "http://[::1]:1/f/token", id="sandbox, IPv6"),
    pytest.param(" https://fr.example ", "https://fr.example/token", id="own host"),
])
def test_hosts(said, token):
    assert hosts_of({} if said is None else {"FEEDBRIDGE_FLICKROCKET_HOSTS": said}).token == token


def test_hosts_of_the_document_and_of_the_plugin():
    assert (DOCUMENTED.authorize, DOCUMENTED.tokeninfo, DOCUMENTED.api) == (
        "https://admin.flickrocket.com/oauth2/auth", "https://admin.flickrocket.com/api/tokeninfo", "https://admin.flickrocket.com",
    )
    assert (PLUGIN.authorize, PLUGIN.api) == ("https://oauth.flickrocket.com/oauth2/auth", "https://api.flickrocket.com")
    assert DOCUMENTED.site == PLUGIN.site == "flickrocket.com"
    assert {hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": url}).site for url in (
        "https://notflickrocket.com", "https://flickrocket.com.example", "http://127.0.0.1:1",
    )} == {"notflickrocket.com", "flickrocket.com.example", "this machine"}


@pytest.mark.parametrize("said", [
    "http://fr.example", "ftp://127.0.0.1", "plugins", "https://", "https://me:SECRET@fr.example", "https://fr.example?x=1",
    "https://fr.example/#", "http://127.0.0.1:99999", "http://[::1",
])
def test_hosts_refused(said):
    caught("flickrocket.setting", lambda: hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": said}), "FEEDBRIDGE_FLICKROCKET_HOSTS")


# The store.


def test_store_keeps_what_it_is_given(store):
    assert store.names() == []
    store.write("books", kept(1800))
    store.write("music", kept(900, refresh="refresh-SECRET-9", company="7"))
    assert store.names() == ["books", "music"]
    again = TokenStore(environment={"FEEDBRIDGE_FLICKROCKET_TOKENS": str(store.folder)})
    assert again.read("books") == kept(1800)
    assert again.read("music").company_id == "7"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()} == {
        "books.json": 0o600, "books.lock": 0o600, "music.json": 0o600, "music.lock": 0o600,
    }
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    store.remove("books")
    store.remove("books")
    assert store.names() == ["music"]
    caught("flickrocket.not-logged-in", lambda: store.read("books"), "logged in: music", "login --shop books")


def test_usual_folder_is_the_users():
    import platformdirs

    assert TokenStore(environment={}).folder == Path(platformdirs.user_config_dir("feedbridge")) / "flickrocket"


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "..", "a.json", "-a", "a" * 65, "ä", "a\n"])
def test_names_of_shops_refused(store, name):
    caught("flickrocket.setting", lambda: store.read(name))


def test_secrets_are_in_no_repr(store):
    shown = repr((kept(), store, Access(store=store, environment={})))
    assert "SECRET" not in shown
    assert CLIENT in shown


@pytest.mark.parametrize("text", [
    pytest.param("", id="empty"),
    pytest.param("{", id="cut"),
    pytest.param("[]", id="another shape"),
    pytest.param('{"feedbridge_flickrocket_tokens": 2}', id="another format"),
    pytest.param('{"feedbridge_flickrocket_tokens": 1, "access_token": "SECRET"}', id="lacks most"),
    pytest.param('{"feedbridge_flickrocket_tokens": 1, "access_token": 1}', id="a number"),
    pytest.param("\x00" * 300, id="zeros"),
    pytest.param("[" * 20000, id="deep"),
])
def test_damaged_file_is_told_and_left(shop, store, text):
    logged_in(shop, store)
    path = store.folder / "default.json"
    path.write_text(text)
    caught("flickrocket.token", lambda: store.read("default"), str(path), "damaged", "--replace")
    caught("flickrocket.token", access_to(shop, store).token, "damaged")
    caught("flickrocket.token", lambda: access_to(shop, store).authorized(
        "refresh-SECRET-0", COMPANY, client_id=CLIENT, scope="products"), "damaged")
    assert path.read_text() == text
    assert shop.exchanges == []
    access_to(shop, store).authorized("refresh-SECRET-0", COMPANY, client_id=CLIENT, scope="products", replace=True)
    assert store.read("default").refresh_token == shop.alive


def test_open_mode_is_mended_and_told(store):
    store.write("default", kept(1800))
    path = store.folder / "default.json"
    path.chmod(0o644)
    told: list[str] = []
    assert TokenStore(store.folder, warn=told.append).read("default") == kept(1800)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(told) == 1
    assert "0644" in told[0]
    assert "SECRET" not in told[0]
    assert store.read("default") == kept(1800)


def test_open_mode_is_a_warning_in_a_notebook(store):
    store.write("default", kept())
    (store.folder / "default.json").chmod(0o640)
    with pytest.warns(UserWarning, match="0640"):
        TokenStore(store.folder).read("default")


def test_umask_does_not_open_the_files(store):
    before = os.umask(0)
    try:
        store.write("default", kept())
    finally:
        os.umask(before)
    assert stat.S_IMODE((store.folder / "default.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_link_is_not_followed(store, tmp_path):
    store.write("real", kept())
    (store.folder / "default.json").symlink_to(store.folder / "real.json")
    caught("flickrocket.token", lambda: store.read("default"), "link")


@pytest.mark.parametrize("make", [
    pytest.param(lambda path: path.mkdir(), id="folder"),
    pytest.param(lambda path: os.mkfifo(path), id="pipe"),
])
def test_what_is_no_file_is_refused(store, make):
    store.folder.mkdir()
    make(store.folder / "default.json")
    caught("flickrocket.token", lambda: store.read("default"), "default.json")


def test_folder_everybody_writes_in_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    caught("flickrocket.token", lambda: TokenStore(folder).write("default", kept()), str(folder), "everybody")
    assert list(folder.iterdir()) == []


def test_tokens_are_not_read_from_a_folder_everybody_writes_in(shop, store):
    logged_in(shop, store, left=1800)
    store.folder.chmod(0o777)
    caught("flickrocket.token", lambda: store.read("default"), str(store.folder), "everybody", "chmod o-w")
    caught("flickrocket.token", access_to(shop, store).token, "everybody")
    assert shop.calls == []
    store.folder.chmod(0o700)
    assert access_to(shop, store).token() == "access-SECRET-0"


@pytest.mark.parametrize("work", [
    pytest.param(lambda store: store.names(), id="names"),
    pytest.param(lambda store: store.read("default"), id="read"),
    pytest.param(lambda store: store.write("default", kept()), id="write"),
    pytest.param(lambda store: store.remove("default"), id="remove"),
    pytest.param(lambda store: store.lock("default").__enter__(), id="lock"),
])
def test_folder_that_cannot_be_used(tmp_path, work):
    (tmp_path / "file").write_text("")
    caught("flickrocket.token", lambda: work(TokenStore(tmp_path / "file")), str(tmp_path / "file"), "not a directory")


NOBODY = 65534


def as_nobody(folder: Path, body: str) -> subprocess.CompletedProcess:
    """Run as a user that is not root, for whom modes count."""
    before = "" if os.geteuid() else f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    return python(before + body, folder)


def python(body: str, *arguments: object, **more) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", PREFACE + textwrap.dedent(body), *map(str, arguments)],
                          capture_output=True, text=True, cwd=ROOT, timeout=60, **more)


PREFACE = """
import os, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from feedbridge.platforms.flickrocket.access import Access
from feedbridge.platforms.flickrocket.hosts import hosts_of
from feedbridge.platforms.flickrocket.tokens import TokenStore
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.http import Http
NOW = datetime(2025, 11, 20, 8, 0, tzinfo=UTC)
def access_to(url, store, **more):
    hosts = hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": url})
    return Access(store=store, hosts=hosts, environment={}, clock=lambda: NOW, **more)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_folder_and_file_of_another_user():
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tokens"
        TokenStore(folder).write("default", kept())
        Path(name).chmod(0o755)
        body = """
        for path, mode in ((folder := Path(sys.argv[1]), 0o700), (folder, 0o755)):
            try:
                print(TokenStore(path).read("default"))
            except FlickRocketError as exc:
                print(exc)
        """
        closed = as_nobody(folder, textwrap.dedent(body))
        assert closed.stdout.count("permission denied") == 2, closed.stderr
        assert "make the folder readable and writable" in closed.stdout
        folder.chmod(0o755)
        (folder / "default.json").chmod(0o644)
        strange = as_nobody(folder, textwrap.dedent(body))
        assert "the file belongs to user 0" in strange.stdout, strange.stderr
        assert "SECRET" not in closed.stdout + strange.stdout + closed.stderr + strange.stderr


# Exchanges.


def test_token_with_time_left_is_used_as_it_is(shop, store):
    logged_in(shop, store, left=300)
    access = access_to(shop, store)
    assert access.token() == access.token() == "access-SECRET-0"
    assert shop.calls == []


def test_token_is_used_from_a_folder_that_cannot_be_written(shop, store):
    logged_in(shop, store, left=300)
    (store.folder / "default.lock").unlink()
    (store.folder / "default.lock").mkdir()
    assert access_to(shop, store).token() == "access-SECRET-0"


@pytest.mark.parametrize("left", [
    pytest.param(299, id="299 seconds left"),
    pytest.param(-10_000_000, id="long over"),
    pytest.param(2 * 24 * 3600, id="our clock was set back by days"),
])
def test_token_without_time_left_is_exchanged(shop, store, left):
    logged_in(shop, store, left)
    access = access_to(shop, store)
    assert access.token() == access.token() == "access-SECRET-1"
    assert shop.exchanges == [{"grant_type": "refresh_token", "refresh_token": "refresh-SECRET-0", "client_id": CLIENT}]
    ((method, path, headers),) = shop.calls
    assert (method, path) == ("POST", "/flickrocket/token")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert store.read("default") == replace(kept(1800), access_token="access-SECRET-1", refresh_token="refresh-SECRET-1")
    assert files(store) == {"default.json", "default.lock"}


def test_exchanges_follow_one_another(shop, store):
    logged_in(shop, store)
    moment = [NOW]
    access = access_to(shop, store, clock=lambda: moment[0])
    for number in range(1, 6):
        assert access.token() == f"access-SECRET-{number}"
        moment[0] += timedelta(seconds=1501)
    assert len(shop.exchanges) == 5


def test_fresh_exchanges_unless_somebody_else_has(shop, store):
    logged_in(shop, store, left=1800)
    one, two = access_to(shop, store), access_to(shop, store)
    assert one.token() == two.token() == "access-SECRET-0"
    assert one.token(fresh=True) == "access-SECRET-1"
    assert two.token(fresh=True) == "access-SECRET-1"
    assert len(shop.exchanges) == 1
    assert two.token(fresh=True, refused="access-SECRET-0") == "access-SECRET-1"
    assert two.token(fresh=True, refused="access-SECRET-1") == "access-SECRET-2"
    assert access_to(shop, store).token(fresh=True) == "access-SECRET-3"


def test_not_logged_in_leaves_no_folder(shop, store):
    caught("flickrocket.not-logged-in", access_to(shop, store).token, "feedbridge flickrocket login")
    assert not store.folder.exists()


def test_threads_exchange_once(shop, store):
    logged_in(shop, store)
    started = threading.Barrier(8)
    got: list[str] = []

    def work():
        started.wait()
        got.append(access_to(shop, TokenStore(store.folder)).token())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["access-SECRET-1"] * 8
    assert len(shop.exchanges) == 1


def test_processes_exchange_once(shop, store):
    logged_in(shop, store)
    body = PREFACE + "sys.stdin.readline(); print(access_to(sys.argv[1], TokenStore(Path(sys.argv[2]))).token())"
    running = [
        subprocess.Popen([sys.executable, "-c", body, shop.url, str(store.folder)], cwd=ROOT, text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    shown = [process.communicate(timeout=60) for process in running]
    assert [out.strip() for out, _ in shown] == ["access-SECRET-1"] * 3, shown
    assert len(shop.exchanges) == 1


def test_lock_that_is_never_freed_is_told(shop, store):
    logged_in(shop, store)
    held, free = threading.Event(), threading.Event()

    def hold():
        with TokenStore(store.folder).lock("default"):
            held.set()
            free.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        impatient = TokenStore(store.folder, lock_seconds=0.05)
        caught("flickrocket.token", access_to(shop, impatient).token, "another process", "default.lock")
    finally:
        free.set()
        thread.join()
    assert shop.exchanges == []


def test_order_of_an_exchange(shop, store, monkeypatch):
    """K23, as the system sees it: every step is forced to disk before the next; the answer before it is looked at."""
    logged_in(shop, store)
    steps: list[str] = []
    really = {name: getattr(os, name) for name in ("fsync", "replace", "pwrite")}

    def fsync(descriptor):
        steps.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        really["fsync"](descriptor)

    def renamed(old, new):
        steps.append(f"rename {Path(new).name}")
        really["replace"](old, new)

    def pwrite(descriptor, data, at):
        assert shop.alive.encode() not in (store.folder / "default.json").read_bytes()
        steps.append("answer")
        return really["pwrite"](descriptor, data, at)

    shop.before = lambda: steps.append("sent")
    for name, spy in (("fsync", fsync), ("replace", renamed), ("pwrite", pwrite)):
        monkeypatch.setattr(os, name, spy)
    access_to(shop, store).token()
    assert steps == [
        "fsync default.exchange.new", "rename default.exchange", "fsync tokens", "sent", "answer", "fsync default.exchange",
        "fsync default.json.new", "rename default.json", "fsync tokens",
    ]


# What FlickRocket answers.


BUSY = (503, b"maintenance")


@pytest.mark.parametrize("status", [503, 429])
def test_busy_is_waited_for_three_times(shop, store, status):
    logged_in(shop, store)
    shop.answers = [(status, b"")] * 3
    waits: list[float] = []
    assert access_to(shop, store, waits=waits).token() == "access-SECRET-1"
    assert waits == [5, 10, 15]
    assert len(shop.exchanges) == 4


def test_busy_four_times_is_told_and_nothing_is_lost(shop, store):
    logged_in(shop, store)
    shop.answers = [BUSY] * 4
    waits: list[float] = []
    caught("flickrocket.down", access_to(shop, store, waits=waits).token, "503")
    assert waits == [5, 10, 15]
    assert store.read("default") == kept()
    assert files(store) == {"default.json", "default.lock"}
    assert access_to(shop, store).token() == "access-SECRET-1"


def test_nobody_there_is_waited_for_and_nothing_is_lost(store):
    with serving() as shop:
        logged_in(shop, store)
    waits: list[float] = []
    caught("flickrocket.down", access_to(shop, store, waits=waits).token, "refused the connection", "no token was spent")
    assert waits == [5, 10, 15]
    assert files(store) == {"default.json", "default.lock"}


@pytest.mark.parametrize("answer", [
    pytest.param((400, {"error": "invalid_grant"}), id="as OAuth says"),
    pytest.param((401, {"error": "other", "error_description": "invalid_grant"}), id="in the description"),
    pytest.param((500, b"<html>invalid_grant</html>"), id="in a page"),
    pytest.param((200, {"error": "invalid_grant"}), id="with status 200"),
])
def test_dead_token_is_told_once_and_kept(shop, store, answer):
    logged_in(shop, store)
    before = (store.folder / "default.json").read_bytes()
    shop.answers = [answer]
    access = access_to(shop, store)
    for _ in range(3):
        caught("flickrocket.authorize-again", access.token, "invalid_grant", "feedbridge flickrocket login")
    assert len(shop.exchanges) == 1
    assert (store.folder / "default.json").read_bytes() == before
    assert files(store) == {"default.json", "default.lock"}


def test_dead_token_is_asked_for_again_once_somebody_has_logged_in(shop, store):
    logged_in(shop, store)
    shop.alive = "refresh-SECRET-new"
    access = access_to(shop, store)
    caught("flickrocket.authorize-again", access.token)
    store.write("default", kept(refresh="refresh-SECRET-new"))
    assert access.token() == "access-SECRET-1"


@pytest.mark.parametrize(("answer", "code", "words"), [
    pytest.param((400, {"error": "invalid_client"}), "flickrocket.refused", ("invalid_client", "400"), id="wrong client"),
    pytest.param((403, {"error": "refresh-SECRET-0"}), "flickrocket.refused", ("403",), id="repeats the token"),
    pytest.param((403, {"error": "no\x1b[31m"}), "flickrocket.refused", ("status 403",), id="steers the terminal"),
    pytest.param((500, {"error": "oops"}), "flickrocket.down", ("500", "next run finds out"), id="broken"),
    pytest.param((502, b"<html>"), "flickrocket.down", ("502",), id="gateway"),
    pytest.param((302, b""), "flickrocket.refused", ("302",), id="redirect"),
    pytest.param((200, {"error": "invalid_client", "error_code": -1}), "flickrocket.refused", ("invalid_client",), id="no, with 200"),
    pytest.param("close", "flickrocket.down", ("was sent", "without an answer"), id="connection closed"),
])
def test_other_answers_are_final_and_change_nothing(shop, store, answer, code, words):
    logged_in(shop, store)
    shop.answers = [answer]
    caught(code, access_to(shop, store).token, *words)
    assert len(shop.exchanges) == 1
    assert store.read("default") == kept()
    assert access_to(shop, store).token() == "access-SECRET-1"


@pytest.mark.parametrize(("body", "lacks"), [
    pytest.param(b"<html>Welcome to our WLAN SECRET</html>", "access_token", id="login page of a network"),
    pytest.param(b"", "access_token", id="empty"),
    pytest.param(b"\xff\xfe", "access_token", id="no text"),
    pytest.param(b"[1]", "access_token", id="a list"),
    pytest.param({"access_token": "SECRET", "refresh_token": ""}, "refresh_token", id="empty refresh token"),
    pytest.param({"access_token": 12, "token_type": "bearer", "refresh_token": None}, "access_token", id="neither"),
])
def test_answer_without_tokens_is_put_aside(shop, store, body, lacks):
    logged_in(shop, store)
    shop.answers = [(200, body)]
    caught("flickrocket.answer", access_to(shop, store).token, lacks, "default.exchange.unread")
    aside = store.folder / "default.exchange.unread"
    assert aside.read_bytes() == (body if isinstance(body, bytes) else json.dumps(body).encode())
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert store.read("default") == kept()
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert files(store) == {"default.json", "default.lock"}, "what was put aside goes with the exchange that succeeds"


def test_answer_that_was_put_aside_is_named_when_the_token_turns_out_dead(shop, store):
    logged_in(shop, store)
    shop.answers = [(200, b"<html>SECRET")]
    caught("flickrocket.answer", access_to(shop, store).token)
    shop.alive = "another"
    for _ in range(2):
        caught("flickrocket.authorize-again", access_to(shop, store).token, "2025-11-20 08:00:00 UTC",
               f"lies unread in {store.folder / 'default.exchange.unread'}", "feedbridge flickrocket login")
    (store.folder / "default.exchange.unread").unlink()
    caught("flickrocket.authorize-again", access_to(shop, store).token, "was put aside unread, and is no longer there")


HOLDING = [
    pytest.param({"access_token": "SECRET", "refresh_token": "SECRET\nX: y"}, id="line break"),
    pytest.param({"access_token": "SECRET", "refresh_token": 12}, id="number"),
    pytest.param({"error": "other", "refreshToken": "SECRET"}, id="another name, and an error"),
    pytest.param({"d": [[[{"refresh_token": "SECRET "}]]], "token": {"value": "SECRET"}}, id="another shape"),
    pytest.param(b"access_token=SECRET&refresh_token=SECRET", id="as a form"),
    pytest.param('{"refresh_token": "SECRET"'.encode("utf-16"), id="cut, in UTF-16"),
]


@pytest.mark.parametrize("body", HOLDING)
def test_answer_that_may_hold_a_token_is_not_followed_by_the_old_one(shop, store, body):
    logged_in(shop, store)
    shop.answers = [(200, body)]
    aside = store.folder / "default.exchange.unread"
    for _ in range(3):
        caught("flickrocket.answer", access_to(shop, store).token, str(aside), "put aside", "login (which deletes it)",
               "delete it and run again")
    assert len(shop.exchanges) == 1
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert store.read("default") == kept()


@pytest.mark.parametrize("way", ["deleted by hand", "login", "login after a login that failed", "logout"])
def test_what_was_put_aside_goes(shop, store, way):
    logged_in(shop, store)
    shop.answers = [(200, b"refresh_token=SECRET")]
    caught("flickrocket.answer", access_to(shop, store).token)
    if way == "logout":
        store.remove("default")
        assert files(store) == {"default.lock"}
        return
    if way == "deleted by hand":
        store.unread_path("default").unlink()
        assert access_to(shop, store).token() == "access-SECRET-1"
    else:
        shop.alive = "code-SECRET"
        if way != "login":
            shop.answers = [BUSY] * 4
            caught("flickrocket.down", lambda: authorize(access_to(shop, store, waits=[])))
        authorize(access_to(shop, store))
    assert store.read("default").access_token == "access-SECRET-1"
    assert files(store) == {"default.json", "default.lock"}


def test_logins_answer_that_may_hold_a_token_is_kept_too(shop, store):
    shop.answers = [(200, b"refresh_token=SECRET")]
    aside = store.unread_path("default")
    caught("flickrocket.answer", lambda: authorize(access_to(shop, store)), str(aside))
    caught("flickrocket.answer", access_to(shop, store).token, str(aside))
    assert len(shop.exchanges) == 1
    assert aside.read_bytes() == b"refresh_token=SECRET"


ODD = [
    pytest.param(lambda tokens: {"error": None, **tokens}, id="an error that is null"),
    pytest.param(lambda tokens: {"error": "", "error_description": "", **tokens}, id="an error that is empty"),
    pytest.param(lambda tokens: {"error": "none", "error_code": 0, **tokens}, id="an error, and tokens"),
    pytest.param(lambda tokens: {"token": tokens}, id="wrapped"),
    pytest.param(lambda tokens: {"error": None, "data": {"entry": [tokens]}}, id="wrapped three times"),
    pytest.param(lambda tokens: [tokens], id="in a list"),
    pytest.param(lambda tokens: {"refresh_token": None, "token": tokens}, id="null outside, wrapped inside"),
    pytest.param(lambda tokens: {"refresh_token": tokens.pop("refresh_token"), "token": tokens}, id="in two places"),
    pytest.param(lambda tokens: json.dumps(tokens).encode("utf-16"), id="UTF-16"),
    pytest.param(lambda tokens: json.dumps(tokens).encode("utf-16-be"), id="UTF-16 without a mark"),
    pytest.param(lambda tokens: json.dumps(tokens).encode("utf-8-sig"), id="UTF-8 with a mark"),
]


@pytest.mark.parametrize("shaped", ODD)
@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("first", [False, True], ids=["exchange", "login"])
def test_good_answer_is_kept_whatever_else_it_has(shop, store, shaped, status, first):
    if not first:
        logged_in(shop, store)
    shop.answers = [lambda: (status, shaped(shop.tokens()))]
    if first:
        assert authorize(access_to(shop, store)).access_token == "access-SECRET-1"
    else:
        assert access_to(shop, store).token() == "access-SECRET-1"
    assert (store.read("default").refresh_token, store.read("default").expires) == (shop.alive, NOW + timedelta(seconds=1800))
    assert files(store) == {"default.json", "default.lock"}


@pytest.mark.parametrize("shaped", [
    pytest.param(lambda tokens: {**tokens, "access_token": None}, id="null"),
    pytest.param(lambda tokens: {"refresh_token": tokens["refresh_token"]}, id="alone"),
    pytest.param(lambda tokens: {**tokens, "error": "no access", "access_token": ""}, id="empty, and an error"),
    pytest.param(lambda tokens: {"token": {**tokens, "access_token": "SEC RET"}}, id="wrapped, no token"),
])
@pytest.mark.parametrize("first", [False, True], ids=["exchange", "login"])
def test_refresh_token_alone_is_kept_and_exchanged_again(shop, store, shaped, first):
    logged_in(shop, store)
    shop.answers = [lambda: (200, shaped(shop.tokens()))]
    if first:
        assert authorize(access_to(shop, store)).access_token == "access-SECRET-2"
    else:
        assert access_to(shop, store).token() == "access-SECRET-2"
    assert [form["refresh_token"] for form in shop.exchanges][1:] == ["refresh-SECRET-1"]
    assert store.read("default").refresh_token == shop.alive == "refresh-SECRET-2"


def test_refresh_token_alone_for_ever_loses_nothing(shop, store):
    logged_in(shop, store)
    shop.extra = {"access_token": None}
    caught("flickrocket.answer", access_to(shop, store).token, "no access token", "nothing is lost")
    assert len(shop.exchanges) == 3
    assert store.read("default").refresh_token == shop.alive
    shop.extra = {}
    assert access_to(shop, store).token() == "access-SECRET-4"


def test_answer_without_a_new_refresh_token_keeps_the_old(shop, store):
    logged_in(shop, store)
    shop.extra = {"refresh_token": None}
    access_to(shop, store).token()
    assert store.read("default").refresh_token == "refresh-SECRET-0"


def test_lost_answer_is_named_when_the_token_turns_out_dead(shop, store):
    """The exchange was carried out and its answer never came: no program can save that token, but it can say so."""
    logged_in(shop, store)

    def carry_out():
        shop.tokens()
        return "close"

    shop.answers = [carry_out]
    caught("flickrocket.down", access_to(shop, store).token, "was sent")
    later = access_to(shop, store, clock=lambda: NOW + timedelta(hours=1))
    caught("flickrocket.authorize-again", later.token, "2025-11-20 08:00:00 UTC", "got no answer that could be stored")
    assert store.read("default") == kept()
    caught("flickrocket.authorize-again", access_to(shop, store).token, "2025-11-20 08:00:00 UTC")


@pytest.mark.parametrize(("members", "headers", "seconds"), [
    pytest.param({".issued": 0, ".expires": 1800}, {}, 1800, id="with dots"),
    pytest.param({"issued": 0, "expires": 1200}, {}, 1200, id="without dots"),
    pytest.param({".issued": 0, ".expires": 1800, "expires": 60, "expires_in": 7}, {}, 1800, id="the dot comes first"),
    pytest.param({".expires": 1800}, {"Date": 300}, 1500, id="from the answer's date"),
    pytest.param({".expires": 1800, ".issued": "soon"}, {"Date": 0}, 1800, id="no moment"),
    pytest.param({"expires_in": 1799}, {}, 1799, id="seconds"),
    pytest.param({"expires_in": "1738"}, {}, 1738, id="seconds as text"),
    pytest.param({".issued": 1800, ".expires": 0, "expires_in": 600}, {"Date": 9000}, 600, id="ends before it begins"),
    pytest.param({".expires": "never", "expires_in": 600}, {}, 600, id="no date"),
    pytest.param({}, {}, 1740, id="nothing said"),
    pytest.param({"expires_in": -5}, {}, 1740, id="negative"),
    pytest.param({"expires_in": True}, {}, 1740, id="yes"),
    pytest.param({"expires_in": "NaN"}, {}, 1740, id="no number"),
    pytest.param({"expires_in": [1]}, {}, 1740, id="list"),
    pytest.param({"expires_in": 10**9}, {}, 86400, id="years"),
    pytest.param({".issued": 0, ".expires": 10**8}, {}, 86400, id="a date in years"),
])
@pytest.mark.parametrize("skew", [0, 7200, -7200, 10**8], ids=["clocks agree", "ours is late", "ours is early", "ours lost years"])
def test_life_of_a_token(members, headers, seconds, skew):
    def stamped(values):
        names = (".issued", ".expires", "issued", "expires", "Date")
        return {
            name: formatdate(ISSUED + value, usegmt=True) if name in names and isinstance(value, int) else value
            for name, value in values.items()
        }

    ours = datetime.fromtimestamp(ISSUED - skew, UTC)
    assert life_seconds(stamped(members), Reply(200, stamped(headers), b""), ours) == seconds


@pytest.mark.parametrize(("skew", "seconds"), [(0, 1800), (600, 2400), (-600, 1200), (-9000, 1740)])
def test_life_by_our_clock_when_nothing_else_is_said(skew, seconds):
    found = {"expires": formatdate(ISSUED + 1800, usegmt=True)}
    assert life_seconds(found, Reply(200, {}, b""), datetime.fromtimestamp(ISSUED - skew, UTC)) == seconds


# Cut short.


KILLED = """
class Killed(Http):
    def post(self, *args, **kwargs):
        {before}
        reply = super().post(*args, **kwargs)
        {after}
        return reply

class Store(TokenStore):
    def write(self, shop, tokens, **more):
        {unwritten}
        super().write(shop, tokens, **more)
        {written}

access = access_to(sys.argv[1], Store(Path(sys.argv[2])), http=Killed())
access.token()
"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)"


def killed(shop, store, place: str) -> None:
    places = dict.fromkeys(("before", "after", "unwritten", "written"), "pass")
    ended = python(KILLED.format(**{**places, place: DIE}), shop.url, store.folder)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


class CutShort(TokenStore):
    def write(self, shop, tokens, **more):
        raise KeyboardInterrupt


def cut_short(shop, store, work=Access.token) -> None:
    """Leaves what a kill before the tokens are written leaves, without another process."""
    with pytest.raises(KeyboardInterrupt):
        work(access_to(shop, CutShort(store.folder)))


@pytest.mark.parametrize("place", [
    pytest.param("before", id="before it is sent"),
    pytest.param("unwritten", id="before the tokens are written"),
    pytest.param("written", id="after, before the note is taken away"),
])
def test_killed_in_an_exchange_nothing_is_lost(shop, store, place):
    logged_in(shop, store)
    killed(shop, store, place)
    assert "default.exchange" in files(store)
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert len(shop.exchanges) == 1
    assert store.read("default").refresh_token == shop.alive
    later = access_to(shop, store, clock=lambda: NOW + timedelta(hours=1))
    assert later.token() == "access-SECRET-2"
    assert len(shop.exchanges) == 2
    assert files(store) == {"default.json", "default.lock"}


def test_killed_with_the_answer_in_memory_only_is_the_one_thing_that_loses_it(shop, store):
    """The limit of what can be guaranteed: the machine dies after FlickRocket has acted, before the answer is on disk."""
    logged_in(shop, store)
    killed(shop, store, "after")
    caught("flickrocket.authorize-again", access_to(shop, store).token, "got no answer that could be stored")
    assert store.read("default") == kept()


def test_answer_of_hours_ago_is_used_for_its_refresh_token_only(shop, store):
    logged_in(shop, store)
    cut_short(shop, store)
    later = access_to(shop, store, clock=lambda: NOW + timedelta(hours=5))
    assert later.token() == "access-SECRET-2"
    assert [form["refresh_token"] for form in shop.exchanges] == ["refresh-SECRET-0", "refresh-SECRET-1"]


def test_answer_mends_a_damaged_file(shop, store):
    logged_in(shop, store)
    cut_short(shop, store)
    (store.folder / "default.json").write_text("{")
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert store.read("default").refresh_token == shop.alive


def test_old_answer_never_replaces_newer_tokens(shop, store):
    logged_in(shop, store)
    cut_short(shop, store)
    shop.alive = "refresh-SECRET-newer"
    store.write("default", kept(refresh="refresh-SECRET-newer"))
    assert access_to(shop, store).token() == "access-SECRET-2"
    assert [form["refresh_token"] for form in shop.exchanges] == ["refresh-SECRET-0", "refresh-SECRET-newer"]


@pytest.mark.parametrize("damage", [
    pytest.param(lambda note: b"", id="empty"),
    pytest.param(lambda note: b"{", id="no note"),
    pytest.param(lambda note: note[: note.index(b"\n") + 40], id="answer cut"),
    pytest.param(lambda note: note.replace(b'"body"', b'"b"'), id="answer without body"),
    pytest.param(lambda note: note.replace(b'"status": 200', b'"status": "x"'), id="no status"),
])
def test_damaged_note_is_no_note(shop, store, damage):
    logged_in(shop, store)
    cut_short(shop, store)
    path = store.note_path("default")
    path.write_bytes(damage(path.read_bytes()))
    shop.alive = "refresh-SECRET-0"
    assert access_to(shop, store).token() == "access-SECRET-2"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_an_exchange_it_is_saved_first(shop, store, number):
    """Ctrl-C and systemd's stop come while the answer is on its way: it is waited for, and on disk before the end."""
    logged_in(shop, store)
    body = PREFACE + textwrap.dedent("""
        def stop(number, frame):
            raise KeyboardInterrupt
        signal.signal(signal.SIGTERM, stop)
        try:
            access_to(sys.argv[1], TokenStore(Path(sys.argv[2]))).token()
        except KeyboardInterrupt:
            sys.exit(130)
    """)
    asked, stopped = threading.Event(), threading.Event()

    def answer():
        asked.set()
        stopped.wait(30)
        return 200, shop.tokens()

    shop.answers = [answer]
    process = subprocess.Popen([sys.executable, "-c", body, shop.url, str(store.folder)], cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert asked.wait(30)
    for _ in range(2):
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
    stopped.set()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert len(shop.exchanges) == 1


# No room.


def test_full_disk_is_found_out_before_the_exchange(shop, store):
    logged_in(shop, store)
    ended = python("""
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            access_to(sys.argv[1], TokenStore(Path(sys.argv[2]))).token()
        except FlickRocketError as exc:
            print(exc)
    """, shop.url, store.folder)
    assert "tokens cannot be kept there" in ended.stdout, ended.stderr
    assert "flickrocket.token" in ended.stdout
    assert shop.exchanges == []
    assert files(store) == {"default.json", "default.lock"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_full_disk(shop, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        store = TokenStore(disk / "tokens")
        logged_in(shop, store)
        (disk / "ballast").write_bytes(b" ")
        with pytest.raises(OSError, match="No space"), open(disk / "ballast", "wb") as ballast:
            ballast.write(b"x" * (1 << 20))
        text = caught("flickrocket.token", access_to(shop, store).token, "make room")
        assert os.strerror(errno.ENOSPC).lower() in text
        assert shop.exchanges == []
        (disk / "ballast").unlink()
        assert access_to(shop, store).token() == "access-SECRET-1"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_tokens_that_cannot_be_written_stay_in_the_note(shop, store):
    """Something gets in the way while FlickRocket answers; the answer is safe, and the next run goes on from it."""
    logged_in(shop, store)
    obstacle = store.folder / "default.json.new"
    shop.before = obstacle.mkdir
    text = caught("flickrocket.token", access_to(shop, store).token, "is safe", str(store.folder))
    assert "lost" not in text
    assert store.read("default") == kept()
    obstacle.rmdir()
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert len(shop.exchanges) == 1


def test_answer_that_can_be_written_nowhere_is_told_as_lost(shop, store):
    logged_in(shop, store)

    def break_all():
        store.note_path("default").unlink()
        (store.folder / "default.json.new").mkdir()

    shop.before = break_all
    caught("flickrocket.token", access_to(shop, store).token, "is lost", "feedbridge flickrocket login")


# A new permission.


def authorize(access, company=COMPANY, code="code-SECRET", **more):
    return access.authorized(code, company, client_id=CLIENT, scope="products", **more)


def test_first_permission(shop, store):
    shop.alive = "code-SECRET"
    tokens = authorize(access_to(shop, store))
    assert shop.exchanges == [{"grant_type": "refresh_token", "refresh_token": "code-SECRET", "client_id": CLIENT}]
    assert store.read("default") == tokens == Tokens(
        "access-SECRET-1", "refresh-SECRET-1", NOW + timedelta(seconds=1800), CLIENT, COMPANY, "products", "this machine",
    )
    assert files(store) == {"default.json", "default.lock"}


@pytest.mark.parametrize("answers", [
    pytest.param([BUSY] * 4, id="busy"),
    pytest.param(["close"], id="answer lost, not carried out"),
    pytest.param([(500, b"")], id="broken"),
    pytest.param([(200, b"<html>")], id="another page"),
    pytest.param([(400, {"error": "invalid_client"})], id="client not ready"),
])
@pytest.mark.parametrize("before", [False, True], ids=["first login", "login before"])
def test_code_that_could_not_be_exchanged_is_kept(shop, store, answers, before):
    if before:
        logged_in(shop, store, left=100)
    shop.alive = "code-SECRET"
    shop.answers = list(answers)
    with pytest.raises(FlickRocketError) as found:
        authorize(access_to(shop, store, waits=[]))
    assert "SECRET" not in str(found.value)
    assert store.names() == (["default"] if before else [])
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert store.read("default").refresh_token == shop.alive
    assert store.read("default").scope == "products"


def test_dead_code_leaves_what_was_there(shop, store):
    logged_in(shop, store)
    caught("flickrocket.authorize-again", lambda: authorize(access_to(shop, store)), "the redirect was used before")
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert [form["refresh_token"] for form in shop.exchanges] == ["code-SECRET", "refresh-SECRET-0"]


def test_dead_code_of_an_unfinished_login_leaves_what_was_there(shop, store):
    logged_in(shop, store)
    shop.answers = [BUSY] * 4
    caught("flickrocket.down", lambda: authorize(access_to(shop, store, waits=[])))
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert [form["refresh_token"] for form in shop.exchanges[4:]] == ["code-SECRET", "refresh-SECRET-0"]


def test_killed_in_a_login_it_is_finished_by_the_next_use(shop, store):
    shop.alive = "code-SECRET"
    body = KILLED.replace("access.token()", f'access.authorized("code-SECRET", "{COMPANY}", client_id="{CLIENT}", scope="products")')
    for place in ("before", "unwritten"):
        places = dict.fromkeys(("before", "after", "unwritten", "written"), "pass")
        ended = python(body.format(**{**places, place: DIE}), shop.url, store.folder)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert store.names() == []
    assert access_to(shop, store).token() == "access-SECRET-1"
    assert len(shop.exchanges) == 1


def test_another_company_is_refused(shop, store):
    logged_in(shop, store)
    shop.alive = "code-SECRET"
    caught("flickrocket.refused", lambda: authorize(access_to(shop, store), company="77"), COMPANY, "77", "--replace", "--shop")
    assert shop.exchanges == []
    assert store.read("default") == kept()
    assert authorize(access_to(shop, store), company="77", replace=True).company_id == "77"


def test_another_company_is_refused_also_when_the_first_is_only_in_a_note(shop, store):
    shop.alive = "code-SECRET"
    cut_short(shop, store, authorize)
    assert store.names() == []
    caught("flickrocket.refused", lambda: authorize(access_to(shop, store), company="77"), COMPANY)
    assert store.read("default").company_id == COMPANY


def test_tokens_are_sent_only_where_they_are_good(shop, store):
    store.write("default", replace(kept(), site="flickrocket.com"))
    access = access_to(shop, store)
    caught("flickrocket.refused", access.token, "flickrocket.com", "this machine")
    caught("flickrocket.refused", lambda: authorize(access), "--replace")
    assert shop.calls == []


def test_code_that_is_no_token(shop, store):
    caught("flickrocket.answer", lambda: authorize(access_to(shop, store), code="SECRET\r\n"))
    assert shop.calls == []


# tokeninfo.


def test_tokeninfo_has_the_token_in_the_header(shop, store):
    logged_in(shop, store, left=1800)
    assert access_to(shop, store).tokeninfo()["expires_in"] == "1738"
    ((method, path, headers),) = shop.calls
    assert (method, path, headers["Authorization"]) == ("GET", "/flickrocket/api/tokeninfo", "Bearer access-SECRET-0")


def test_tokeninfo_as_documented_where_the_header_is_not_looked_at(shop, store):
    logged_in(shop, store, left=1800)
    shop.only_query = True
    assert access_to(shop, store).tokeninfo()["scope"] == "products,orders"
    assert [path for _, path, _ in shop.calls] == [
        "/flickrocket/api/tokeninfo", "/flickrocket/api/tokeninfo?access_token=access-SECRET-0",
    ]


def test_tokeninfo_of_a_refused_token_exchanges_once(shop, store):
    logged_in(shop, store, left=1800)
    shop.access = "another"
    assert access_to(shop, store).tokeninfo()["issued_to"] == "Shop"
    assert len(shop.exchanges) == 1
    shop.tokeninfo = lambda *_: (400, {"error": "expired"})
    caught("flickrocket.refused", access_to(shop, store).tokeninfo, ": expired")
    assert len(shop.exchanges) == 2


@pytest.mark.parametrize(("answer", "code"), [
    ((503, b""), "flickrocket.down"), ((404, b""), "flickrocket.answer"), ((200, b"<html>SECRET"), "flickrocket.answer"),
    ("close", "flickrocket.down"),
])
def test_tokeninfo_that_fails(shop, store, answer, code):
    logged_in(shop, store, left=1800)
    shop.tokeninfo = lambda *_: answer
    caught(code, access_to(shop, store).tokeninfo)


# The system's keyring.


KEYRING = '''
"""Stands in for the keyring package: entries in a file beside it."""
import json, pathlib
PLACE = pathlib.Path(__file__).with_name("entries.json")

def _all():
    return json.loads(PLACE.read_text()) if PLACE.exists() else {}

def get_password(service, name):
    if PLACE.with_name("no backend").exists():
        raise RuntimeError("no backend")
    return _all().get(f"{service}|{name}")

def set_password(service, name, text):
    if PLACE.with_name("locked").exists() or PLACE.with_name("no backend").exists():
        raise RuntimeError("locked: " + text)
    PLACE.write_text(json.dumps({**_all(), f"{service}|{name}": text}))

def delete_password(service, name):
    PLACE.write_text(json.dumps({key: text for key, text in _all().items() if key != f"{service}|{name}"}))
'''


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    place = tmp_path / "site"
    place.mkdir()
    (place / "keyring.py").write_text(KEYRING)
    monkeypatch.syspath_prepend(place)
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    yield place
    sys.modules.pop("keyring", None)


def test_keyring_keeps_the_tokens_of_its_shop(shop, store, keyring):
    shop.alive = "code-SECRET"
    authorize(access_to(shop, store), keyring=True)
    assert store.kept_in("default") == "keyring"
    assert "SECRET" not in (store.folder / "default.json").read_text()
    assert "SECRET" in (keyring / "entries.json").read_text()
    later = access_to(shop, store, clock=lambda: NOW + timedelta(hours=1))
    assert later.token() == "access-SECRET-2"
    assert store.kept_in("default") == "keyring"
    assert store.read("default").refresh_token == shop.alive
    store.write("default", store.read("default"), keyring=False)
    assert store.read("default").refresh_token == shop.alive
    assert (keyring / "entries.json").read_text() == "{}"
    store.write("default", kept(), keyring=True)
    store.remove("default")
    assert (keyring / "entries.json").read_text() == "{}"


def test_keyring_that_is_locked_loses_nothing(shop, store, keyring):
    shop.alive = "code-SECRET"
    authorize(access_to(shop, store), keyring=True)
    (keyring / "locked").touch()
    later = {"clock": lambda: NOW + timedelta(hours=1)}
    caught("flickrocket.token", access_to(shop, store, **later).token, "RuntimeError", "is safe")
    (keyring / "locked").unlink()
    assert access_to(shop, store, **later).token() == "access-SECRET-2"
    assert len(shop.exchanges) == 2


@pytest.mark.parametrize("replaces", [False, True])
def test_unfinished_login_of_a_broken_keyring_is_finished_in_the_file(shop, store, keyring, replaces):
    """The new choice counts, also for the answer that lies in the note."""
    shop.alive = "code-SECRET"
    (keyring / "no backend").touch()
    caught("flickrocket.token", lambda: authorize(access_to(shop, store), keyring=True), "is safe", "login --file")
    caught("flickrocket.token", lambda: access_to(shop, store).may_keep(), "login --file")
    access_to(shop, store).may_keep(keyring=False)
    shop.alive = "code-SECRET-2"
    authorize(access_to(shop, store), code="code-SECRET-2", keyring=False, replace=replaces)
    assert store.kept_in("default") == "file"
    assert store.read("default").refresh_token == shop.alive
    assert files(store) == {"default.json", "default.lock"}


def test_tokens_leave_a_keyring_that_broke(shop, store, keyring):
    store.write("default", kept(), keyring=True)
    (keyring / "no backend").touch()
    shop.alive = "code-SECRET"
    caught("flickrocket.refused", lambda: authorize(access_to(shop, store), company="77", keyring=False), COMPANY)
    told: list[str] = []
    authorize(access_to(shop, TokenStore(store.folder, warn=told.append)), keyring=False)
    assert store.read("default").refresh_token == shop.alive
    assert ["could not be taken out of the system's keyring" in text for text in told] == [True]


def test_keyring_that_forgets_is_told(store, keyring):
    store.write("default", kept(), keyring=True)
    (keyring / "entries.json").write_text("{}")
    caught("flickrocket.not-logged-in", lambda: store.read("default"), "keyring")


def test_without_the_package_there_is_no_keyring(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    caught("flickrocket.setting", lambda: store.has_keyring("default"), "pip install keyring")
    caught("flickrocket.setting", lambda: store.write("default", kept(), keyring=True))
    assert store.names() == []


def codes_in_use() -> set[str]:
    """What is passed as ``code=`` in the platform's folder and in its commands."""
    places = (*(ROOT / "feedbridge/platforms/flickrocket").glob("*.py"), *(ROOT / "feedbridge/cli").glob("flickrocket*.py"))
    values = [
        keyword.value for path in places for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) for keyword in node.keywords if keyword.arg == "code"
    ]
    found = {part.value for value in values for part in ast.walk(value) if isinstance(part, ast.Constant)}
    return {text for text in found if isinstance(text, str) and re.fullmatch(r"flickrocket\.[a-z-]+", text)}


def test_every_code_is_explained_and_in_use():
    assert codes_in_use() == set(CODES)


DOCS = (ROOT / "docs/flickrocket-api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`((?:platforms|cli)/test_\w+\.py::test_\w+)`", DOCS))))
def test_page_names_tests_that_are_there(named):
    file, _, name = named.partition("::")
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", text, re.MULTILINE)


def test_page_backs_its_guarantees():
    table = DOCS.partition("## What is guaranteed about the token")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ") and not row.startswith("| what happens")]
    assert len(rows) >= 15
    assert [row for row in rows if "/test_" not in row and "(the same test)" not in row] == []


def test_codes_end_with_the_commands_status():
    assert CommandError("x").exit_status == 2
    error = FlickRocketError("it is busy", code="flickrocket.down", status=503, mend="later")
    assert (error.exit_status, error.status) == (3, 503)
    assert str(error) == "flickrocket: it is busy [flickrocket.down]\n  mend: later"


def test_http_that_is_given_is_used(shop, store):
    logged_in(shop, store)
    used: list[str] = []

    class Watched(Http):
        def post(self, url, **parts):
            used.append(url)
            return super().post(url, **parts)

    access = access_to(shop, store, http=Watched())
    access.token()
    access.close()
    assert used == [f"{shop.url}/token"]
