"""The login: the address FlickRocket is asked by, the one redirect that is taken, and what is pasted."""

from __future__ import annotations

import http.client
import os
import pty
import re
import socket
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.access import Access
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.hosts import DOCUMENTED, PLUGIN, hosts_of
from feedbridge.platforms.flickrocket.login import (
    SCOPES,
    Listener,
    Permission,
    authorize_url,
    login,
    read_line,
    read_redirect,
    redirect_for,
)
from feedbridge.platforms.flickrocket.tokens import TokenStore
from tests.platforms.flickrocket_oauth import CLIENT, COMPANY, location_of, serving

NOW = datetime(2025, 11, 20, 8, 0, tzinfo=UTC)
GOOD = "code=SECRET&companyid=1202"


@pytest.fixture
def shop():
    with serving() as one:
        yield one


@pytest.fixture
def access(shop, tmp_path):
    hosts = hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": shop.url})
    return Access(store=TokenStore(tmp_path / "tokens"), hosts=hosts, environment={}, clock=lambda: NOW, sleep=lambda _: None)


def caught(code, work, *words):
    with pytest.raises((FlickRocketError, CommandError)) as found:
        work()
    text = str(found.value)
    assert found.value.code == code
    assert "SECRET" not in text
    for word in words:
        assert word in text


def get(url: str, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str, dict[str, str]]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.headers)
    connection.close()
    return found


# The authorize address (K21).


@pytest.mark.parametrize(("hosts", "begins"), [
    (DOCUMENTED, "https://admin.flickrocket.com/oauth2/auth?"), (PLUGIN, "https://oauth.flickrocket.com/oauth2/auth?"),
])
def test_authorize_url_carries_these_four_and_nothing_else(hosts, begins):
    back = "http://127.0.0.1:8766/a b?x=1&y=ü"
    url = authorize_url(hosts, "Shop & Co.1.apps.flickrocket.com".replace(" ", ""), "products,orders", back)
    assert url.startswith(begins)
    assert parse_qsl(urlsplit(url).query, strict_parsing=True) == [
        ("client_id", "Shop&Co.1.apps.flickrocket.com"), ("scope", "products,orders"), ("access_type", "offline"),
        ("redirect_uri", back),
    ]
    assert "scope=products,orders&" in url
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8766%2Fa%20b%3Fx%3D1%26y%3D%C3%BC" in url
    assert url.isascii()


@pytest.mark.parametrize(("client", "scopes"), [
    pytest.param("", "products", id="no client"), pytest.param("a b", "products", id="blank in the client"),
    pytest.param("a\r\nb", "products", id="line break"), pytest.param(CLIENT, "", id="no scope"),
    pytest.param(CLIENT, "products, orders", id="blank"), pytest.param(CLIENT, "products,,orders", id="empty one"),
    pytest.param(CLIENT, "Products", id="capital"), pytest.param(CLIENT, "products,products", id="twice"),
])
def test_authorize_url_refuses(client, scopes):
    caught("flickrocket.setting", lambda: authorize_url(DOCUMENTED, client, scopes, redirect_for()))


# What the redirect says (K22).


@pytest.mark.parametrize(("text", "code"), [
    pytest.param("http://127.0.0.1:8766/flickrocket?code=abc&companyid=1202", "abc", id="address"),
    pytest.param("  http://127.0.0.1:8766/flickrocket?code=abc&companyid=1202\n", "abc", id="blanks around"),
    pytest.param("HTTP://127.0.0.1:8766/flickrocket?companyid=1202&code=abc&x=1#top", "abc", id="other order, more, fragment"),
    pytest.param("code=abc&companyid=1202", "abc", id="query alone"),
    pytest.param("?code=abc&companyid=1202", "abc", id="query with its question mark"),
    pytest.param("code=a%2Bb%2Fc%3D%3D&companyid=1202", "a+b/c==", id="encoded"),
    pytest.param("code=a+b/c==&CompanyId=1202", "a+b/c==", id="not encoded"),
])
def test_read_redirect_reads(text, code):
    assert read_redirect(text, redirect_for()) == Permission(code, "1202")


@pytest.mark.parametrize("text", [
    pytest.param("", id="nothing"),
    pytest.param("SECRET", id="code alone"),
    pytest.param(f"http://127.0.0.1:8767/flickrocket?{GOOD}", id="another port"),
    pytest.param(f"http://127.0.0.1:8766/other?{GOOD}", id="another path"),
    pytest.param(f"https://127.0.0.1:8766/flickrocket?{GOOD}", id="another scheme"),
    pytest.param(f"http://evil.example/flickrocket?{GOOD}", id="another host"),
    pytest.param("http://127.0.0.1:8766/flickrocket", id="no query"),
    pytest.param("code=&companyid=1202", id="empty code"),
    pytest.param("code=SEC%20RET&companyid=1202", id="blank in the code"),
    pytest.param("code=SECRET%0D%0A&companyid=1202", id="line break in the code"),
    pytest.param("code=SECRET", id="no company"),
    pytest.param("code=SECRET&companyid=acme", id="company in letters"),
    pytest.param("code=SECRET&companyid=-1", id="negative company"),
    pytest.param("code=SECRET&companyid=%D9%A1%D9%A2", id="digits of another script"),
    pytest.param("code=SECRET&companyid=1&companyid=2", id="two companies"),
    pytest.param("code=SECRET&code=SECRET2&companyid=1", id="two codes"),
    pytest.param("http://[::1?code=SECRET", id="no address"),
])
def test_read_redirect_refuses(text):
    caught("flickrocket.answer", lambda: read_redirect(text, redirect_for()), "address bar")


def test_owner_who_does_not_agree():
    caught("flickrocket.refused", lambda: read_redirect("error=access_denied", redirect_for()), "(access_denied)", "agree")
    caught("flickrocket.refused", lambda: read_redirect("error=%1b[31m", redirect_for()), "was not given [")


# The listener (A12).


def test_listener_takes_the_one_redirect_and_ignores_the_rest():
    with Listener(redirect_for(0)) as listener:
        url = listener.redirect_uri
        host = urlsplit(url).netloc
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]*/flickrocket", url)
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port))  # a browser opens more than it uses
        assert get(url, "/favicon.ico")[0] == 404
        assert get(url, f"/?{GOOD}")[0] == 404
        assert get(url, f"/flickrocket/?{GOOD}")[0] == 404
        assert get(url, f"/flickrocket?{GOOD}", host="evil.example")[0] == 404
        assert get(url, f"/flickrocket?{GOOD}", method="POST")[0] == 501
        assert get(url, "/flickrocket")[0] == 400
        caught("flickrocket.refused", lambda: listener.wait(0.01))
        status, page, headers = get(url, f"/flickrocket?{GOOD}", host=host)
        assert status == 200
        assert "SECRET" not in page
        assert "terminal" in page
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert get(url, "/flickrocket?code=second&companyid=1")[0] == 404
        assert listener.wait(10) == Permission("SECRET", "1202")
    with pytest.raises(OSError, match="refused"):
        get(url, "/flickrocket")


def test_listener_is_on_loopback_only():
    with Listener(redirect_for(0)) as listener:
        assert [server.server_address[0] for server in listener._servers] == ["127.0.0.1"]


@pytest.mark.parametrize(("query", "code"), [
    ("code=SECRET", "flickrocket.answer"), ("code=SECRET&companyid=x", "flickrocket.answer"),
    ("error=access_denied", "flickrocket.refused"),
])
def test_listener_ends_with_a_redirect_that_brings_nothing_usable(query, code, capfd):
    with Listener(redirect_for(0)) as listener:
        status, page, _ = get(listener.redirect_uri, f"/flickrocket?{query}")
        assert status == 400
        assert "SECRET" not in page
        caught(code, lambda: listener.wait(10))
    assert capfd.readouterr() == ("", "")


def test_listener_logs_nothing(capfd):
    with Listener(redirect_for(0)) as listener:
        get(listener.redirect_uri, f"/flickrocket?{GOOD}")
        with socket.create_connection(("127.0.0.1", urlsplit(listener.redirect_uri).port)) as raw:
            raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            raw.recv(100)
        listener.wait(10)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["localhost", "[::1]", "127.0.0.2"])
def test_listener_at_other_names_of_this_machine(host):
    try:
        made = Listener(f"http://{host}:0/back")
    except CommandError:
        pytest.skip("this machine has no such address")
    with made as listener:
        port = urlsplit(listener.redirect_uri).port
        assert listener.redirect_uri == f"http://{host}:{port}/back"
        assert get(listener.redirect_uri, f"/back?{GOOD}", host=f"{host}:{port}")[0] == 200
        assert listener.wait(10).company_id == "1202"


@pytest.mark.parametrize("uri", [
    "https://127.0.0.1:8766/x", "http://shop.example:8766/x", "http://0.0.0.0:8766/x", "http://127.0.0.1:99999/x", "x",
    "http://127.0.0.1:8766/x?y=1", "http://127.0.0.1.evil.example/", "http://me@127.0.0.1/", "http://[::1/",
])
def test_listener_refuses(uri):
    caught("flickrocket.setting", lambda: Listener(uri), "--redirect")


def test_port_that_is_taken_is_told():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        caught("flickrocket.setting", lambda: Listener(redirect_for(port)), f"port {port}", "--port")


# All together.


def browser_that_agrees(url: str) -> bool:
    """Opens the page in the background, as a browser does, and goes where it is sent."""
    def browse():
        back = urlsplit(location_of(url))
        get(f"http://{back.netloc}", f"{back.path}?{back.query}")

    threading.Thread(target=browse).start()
    return True


def test_login_with_a_browser(shop, access):
    told: list[str] = []
    tokens = login(
        access, client_id=CLIENT, redirect_uri=redirect_for(0), say=told.append, open_browser=browser_that_agrees,
        timeout_seconds=30,
    )
    assert (tokens.company_id, tokens.client_id, tokens.scope) == (COMPANY, CLIENT, ",".join(SCOPES))
    assert access.store.read("default") == tokens
    assert shop.exchanges == [{"grant_type": "refresh_token", "refresh_token": "code-SECRET+/1==", "client_id": CLIENT}]
    assert "SECRET" not in "".join(told)
    assert f"{shop.url}/oauth2/auth?client_id=" in told[0]
    again = login(access, redirect_uri=redirect_for(0), say=told.append, open_browser=browser_that_agrees, timeout_seconds=30)
    assert again.client_id == CLIENT
    assert again.refresh_token == shop.alive


def test_login_by_pasting(shop, access):
    told: list[str] = []
    tokens = login(
        access, client_id=CLIENT, scopes="products", redirect_uri="https://shop.example/back", browser=False, say=told.append,
        read=lambda: location_of(re.search(r"^http\S+auth\?\S+$", told[0], re.MULTILINE)[0]),
    )
    assert tokens.scope == "products"
    assert access.token() == "access-SECRET-2"


def test_login_nobody_answers(shop, access):
    caught("flickrocket.refused", lambda: login(
        access, client_id=CLIENT, redirect_uri=redirect_for(0), say=lambda _: None, open_browser=lambda _: True,
        timeout_seconds=0.05), "0.05 seconds", "--no-browser")
    assert [call[:2] for call in shop.calls] == [("GET", "/")]  # whether anything answers


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("way", [
    pytest.param({"redirect_uri": redirect_for(0)}, id="browser"), pytest.param({"browser": False}, id="pasting"),
])
def test_login_asks_nobody_when_nothing_answers(tmp_path, way):
    asked: list[str] = []
    waits: list[float] = []
    place = f"http://127.0.0.1:{closed_port()}"
    access = Access(
        store=TokenStore(tmp_path / "tokens"), hosts=hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": f"{place}/flickrocket"}),
        environment={}, clock=lambda: NOW, sleep=waits.append,
    )
    caught("flickrocket.down", lambda: login(
        access, client_id=CLIENT, say=asked.append, open_browser=asked.append, read=asked.pop, **way,
    ), f"nothing answers at {place}: is the sandbox running?", "feedbridge sandbox")
    assert asked == []
    assert 3 < sum(waits) < 10


def test_login_elsewhere_is_tried_once(tmp_path):
    asked: list[str] = []
    waits: list[float] = []
    hosts = hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": "https://shop.invalid"})
    access = Access(store=TokenStore(tmp_path / "tokens"), hosts=hosts, environment={}, sleep=waits.append)
    caught("flickrocket.down", lambda: login(
        access, client_id=CLIENT, redirect_uri=redirect_for(0), say=asked.append, open_browser=asked.append), "shop.invalid")
    assert asked == waits == []


def test_login_waits_for_a_sandbox_that_is_about_to_listen(tmp_path):
    with ExitStack() as stack:
        port = closed_port()

        def sleep(_: float) -> None:
            stack.enter_context(serving(port))

        hosts = hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": f"http://127.0.0.1:{port}/flickrocket"})
        access = Access(store=TokenStore(tmp_path / "tokens"), hosts=hosts, environment={}, clock=lambda: NOW, sleep=sleep)
        tokens = login(
            access, client_id=CLIENT, redirect_uri=redirect_for(0), say=lambda _: None, open_browser=browser_that_agrees,
            timeout_seconds=30,
        )
    assert tokens.company_id == COMPANY


def test_login_without_a_browser_says_so(access):
    told: list[str] = []
    caught("flickrocket.refused", lambda: login(
        access, client_id=CLIENT, redirect_uri=redirect_for(0), say=told.append, open_browser=lambda _: False,
        timeout_seconds=0.05))
    assert "--no-browser" in told[1]


@pytest.mark.parametrize("change", [
    pytest.param({"client_id": ""}, id="no client id"),
    pytest.param({"scopes": "a b"}, id="scopes"),
    pytest.param({"redirect_uri": "http://shop.example/"}, id="redirect"),
    pytest.param({"redirect_uri": "http://shop.example/", "browser": False}, id="redirect to paste, not safe"),
    pytest.param({"redirect_uri": "https://shop.example/?x", "browser": False}, id="redirect to paste, with a query"),
])
def test_login_asks_nobody_when_a_setting_is_wrong(access, change):
    asked: list[str] = []
    caught("flickrocket.setting", lambda: login(access, **{
        "client_id": CLIENT, "redirect_uri": redirect_for(0), "say": asked.append, "open_browser": asked.append,
        "read": asked.pop, **change}))
    assert asked == []


def test_login_asks_nobody_when_tokens_could_not_be_kept(access):
    asked: list[str] = []
    (access.store.folder / "default.trial.new").mkdir(parents=True)
    caught("flickrocket.token", lambda: login(access, client_id=CLIENT, say=asked.append, open_browser=asked.append))
    assert asked == []


NO_BACKEND = """
def get_password(service, name):
    raise RuntimeError("No recommended backend was available")

set_password = delete_password = lambda *parts: get_password(*parts[:2])
"""
KEEPS = """
entries = {}
get_password = lambda service, name: entries.get(name)
set_password = lambda service, name, text: entries.update({name: text})
delete_password = lambda service, name: entries.pop(name)
"""


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    """Stands in for the keyring package."""
    def install(text: str):
        (tmp_path / "keyring.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "keyring", raising=False)

    yield install
    sys.modules.pop("keyring", None)


def test_login_asks_nobody_when_the_keyring_keeps_nothing(shop, access, keyring):
    keyring(NO_BACKEND)
    asked: list[str] = []
    caught("flickrocket.token", lambda: login(
        access, client_id=CLIENT, keyring=True, redirect_uri=redirect_for(0), say=asked.append, open_browser=asked.append),
        "keyring", "login --file")
    assert (asked, shop.calls) == ([], [])
    tokens = login(
        access, client_id=CLIENT, keyring=False, redirect_uri=redirect_for(0), say=asked.append,
        open_browser=browser_that_agrees, timeout_seconds=30)
    assert access.store.kept_in("default") == "file"
    assert access.store.read("default") == tokens


def test_login_leaves_no_trial_in_the_keyring(access, keyring):
    keyring(KEEPS)
    login(access, client_id=CLIENT, keyring=True, redirect_uri=redirect_for(0), say=lambda _: None,
          open_browser=browser_that_agrees, timeout_seconds=30)
    assert access.store.kept_in("default") == "keyring"
    assert list(sys.modules["keyring"].entries) == ["default"]


# The terminal.


def typed(text: bytes) -> tuple[str, bytes]:
    """What is read of a terminal into which a text is pasted, and what the terminal showed."""
    ours, theirs = pty.openpty()
    got: list[str] = []
    with open(theirs, closefd=False) as stream:
        thread = threading.Thread(target=lambda: got.append(read_line(stream)))
        import termios

        before = termios.tcgetattr(theirs)
        thread.start()
        while termios.tcgetattr(theirs)[3] & termios.ECHO:
            pass
        for start in range(0, len(text), 1024):
            os.write(ours, text[start:start + 1024])
        thread.join(30)
        assert not thread.is_alive()
        assert termios.tcgetattr(theirs) == before
    os.set_blocking(ours, False)
    try:
        shown = os.read(ours, 1 << 16)
    except BlockingIOError:
        shown = b""
    os.close(ours)
    os.close(theirs)
    return got[0], shown


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param(b"http://x?code=SECRET\n", "http://x?code=SECRET", id="line"),
    pytest.param(b"http://x?code=SECRET\r", "http://x?code=SECRET", id="return"),
    pytest.param(b"x" * 9000 + b"\n", "x" * 9000, id="longer than a terminal's line"),
    pytest.param(b"ab\x7fc\n", "ac", id="taken back"),
    pytest.param(b"wrong\x15right\n", "right", id="begun anew"),
    pytest.param(b"\x1b[200~pasted\x1b[201~\n", "pasted", id="marked as pasted"),
    pytest.param(b"\x04", "", id="end"),
])
def test_pasting_is_not_shown(text, expected):
    assert typed(text) == (expected, b"")


def test_pipe_is_read():
    ours, theirs = os.pipe()
    os.write(theirs, b"code=abc&companyid=1\nmore\n")
    os.close(theirs)
    with open(ours) as stream:
        assert read_line(stream) == "code=abc&companyid=1\n"
