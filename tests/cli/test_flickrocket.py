"""``feedbridge flickrocket login``, ``tokeninfo``, ``shops`` and ``logout`` as they are typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from feedbridge.cli import cli, run
from feedbridge.cli.flickrocket import flickrocket
from feedbridge.platforms.flickrocket.tokens import TokenStore
from tests.platforms.flickrocket_oauth import CLIENT, COMPANY, location_of, serving

ROOT = Path(__file__).resolve().parents[2]
cli.add_command(flickrocket)

BROWSER = """
import http.client, sys
from urllib.parse import urlsplit
def get(url):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    return connection.getresponse()
print(get(get(sys.argv[1]).headers["Location"]).read().decode())
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    with serving() as one:
        for name in list(os.environ):
            if name.startswith("FEEDBRIDGE_"):
                monkeypatch.delenv(name)
        monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_HOSTS", one.url)
        monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_TOKENS", str(tmp_path / "tokens"))
        monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_CLIENT_ID", CLIENT)
        yield one


def typed(capfd, *words):
    status = run(["flickrocket", *words])
    shown = capfd.readouterr()
    assert "SECRET" not in shown.out + shown.err
    return status, shown.out, shown.err


def pasted(monkeypatch, shop, redirect="http://127.0.0.1:8766/flickrocket", **query):
    """Standard input has what the browser was sent to."""
    import io

    location = location_of(f"{shop.url}/oauth2/auth?redirect_uri={redirect}")
    for name, value in query.items():
        location = location.replace(f"{name}={COMPANY}", f"{name}={value}")
    monkeypatch.setattr(sys, "stdin", io.StringIO(location + "\n"))


def test_from_login_to_logout(shop, capfd, monkeypatch, tmp_path):
    assert typed(capfd, "shops") == (0, "", "no shop is logged in; begin with: feedbridge flickrocket login\n")
    assert typed(capfd, "tokeninfo")[0] == 3
    assert not (tmp_path / "tokens").exists()

    pasted(monkeypatch, shop)
    status, out, err = typed(capfd, "login", "--no-browser", "--scopes", "products,orders")
    assert (status, out) == (0, "")
    assert f"{shop.url}/oauth2/auth?client_id={CLIENT}&scope=products,orders&access_type=offline&redirect_uri=http%3A%2F%2F" in err
    assert err.endswith(f"logged in: shop default, company 1202, products,orders; kept in {tmp_path / 'tokens/default.json'}\n")

    status, out, err = typed(capfd, "tokeninfo", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["scope"] == "products,orders"
    assert "expires_in: 1738\n" in typed(capfd, "tokeninfo")[1]

    status, out, err = typed(capfd, "shops", "--json")
    assert (status, err) == (0, "")
    ((row),) = json.loads(out)
    assert {**row, "expires": ""} == {
        "shop": "default", "company_id": "1202", "client_id": CLIENT, "scope": "products,orders", "site": "this machine",
        "expires": "", "kept_in": "file",
    }
    assert typed(capfd, "shops")[1].startswith("default  company 1202 at this machine  products,orders  ")

    status, out, err = typed(capfd, "logout")
    assert (status, out) == (0, "")
    assert "admin interface" in err
    assert typed(capfd, "logout")[2] == "the shop default is not logged in\n"
    assert [path.name for path in (tmp_path / "tokens").iterdir()] == ["default.lock"]


def test_several_shops(shop, capfd, monkeypatch):
    for name in ("books", "music"):
        pasted(monkeypatch, shop)
        assert typed(capfd, "login", "--no-browser", "--shop", name)[0] == 0
    assert [line.split()[0] for line in typed(capfd, "shops")[1].splitlines()] == ["books", "music"]
    assert typed(capfd, "tokeninfo")[2].startswith("flickrocket: the shop default is not logged in; logged in: books, music")


def test_another_company_needs_replace(shop, capfd, monkeypatch):
    pasted(monkeypatch, shop)
    assert typed(capfd, "login", "--no-browser")[0] == 0
    pasted(monkeypatch, shop, companyid="77")
    status, _, err = typed(capfd, "login", "--no-browser")
    assert status == 3
    assert "is company 1202, and this permission is of company 77 [flickrocket.refused]" in err
    pasted(monkeypatch, shop, companyid="77")
    assert typed(capfd, "login", "--no-browser", "--replace")[0] == 0
    assert "company 77" in typed(capfd, "shops")[1]


def test_damaged_file_and_open_mode(shop, capfd, monkeypatch, tmp_path):
    for name in ("books", "music"):
        pasted(monkeypatch, shop)
        typed(capfd, "login", "--no-browser", "--shop", name)
    (tmp_path / "tokens/books.json").write_text('{"access_token": "SECRET')
    (tmp_path / "tokens/music.json").chmod(0o644)
    status, out, err = typed(capfd, "shops")
    assert status == 3
    assert out.startswith("music  ")
    assert "books: what is stored of the shop is damaged" in err
    assert "warning: " in err
    assert "0644" in err
    assert typed(capfd, "logout", "--shop", "books")[0] == 0
    assert "books" not in "".join(typed(capfd, "shops")[1:])


@pytest.mark.parametrize(("words", "status", "said"), [
    pytest.param(("login", "--shop", "My Shop"), 2, "cannot be the name of a shop", id="name"),
    pytest.param(("login", "--scopes", "products orders"), 2, "are no scopes", id="scopes"),
    pytest.param(("login", "--port", "1", "--redirect", "http://127.0.0.1/"), 2, "--redirect says the port", id="port twice"),
    pytest.param(("login", "--redirect", "https://shop.example/"), 2, "--no-browser", id="redirect elsewhere"),
    pytest.param(("login", "--client-id", ""), 2, "client id is missing", id="no client"),
    pytest.param(("login", "--keyring"), 2, "pip install keyring", id="no keyring"),
    pytest.param(("login", "--timeout", "0"), 2, "--timeout", id="no time"),
    pytest.param(("nothing",), 2, "No such command", id="no command"),
])
def test_wrong_words(shop, capfd, monkeypatch, words, status, said):
    monkeypatch.setitem(sys.modules, "keyring", None)
    if "--client-id" in words:
        monkeypatch.delenv("FEEDBRIDGE_FLICKROCKET_CLIENT_ID")
    found, out, err = typed(capfd, *words)
    assert (found, out) == (status, "")
    assert said in err
    assert shop.calls == []


def test_wrong_paste_is_told(shop, capfd, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("SECRET\n"))
    status, _, err = typed(capfd, "login", "--no-browser")
    assert status == 3
    assert "address bar" in err


def test_dead_permission_is_told(shop, capfd, monkeypatch, tmp_path):
    pasted(monkeypatch, shop)
    typed(capfd, "login", "--no-browser")
    path = tmp_path / "tokens/default.json"
    path.write_text(path.read_text().replace('"expires": "2', '"expires": "1'))
    shop.alive = ""
    status, out, err = typed(capfd, "tokeninfo")
    assert (status, out) == (3, "")
    assert "[flickrocket.authorize-again]\n  mend: authorize again: feedbridge flickrocket login" in err


def environment(shop, tmp_path, **more) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}


def test_login_with_a_browser(shop, tmp_path):
    """The real command, and a program that does what a browser does."""
    script = tmp_path / "browser.py"
    script.write_text(BROWSER)
    command = [sys.executable, "-m", "feedbridge", "flickrocket", "login", "--port", "0", "--timeout", "60"]
    code = f"import sys; sys.argv = {command[2:]!r}; from feedbridge.cli import cli, main; " \
        "from feedbridge.cli.flickrocket import flickrocket; cli.add_command(flickrocket); main()"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        env=environment(shop, tmp_path, BROWSER=f"{sys.executable} {script} %s"),
    )
    assert ended.returncode == 0, ended.stderr
    assert "logged in: shop default, company 1202" in ended.stderr
    assert "SECRET" not in ended.stdout + ended.stderr
    assert TokenStore(environment=os.environ).read("default").refresh_token == shop.alive


def test_commands_are_found_beside_the_group(capfd, monkeypatch, tmp_path):
    import feedbridge.cli

    (tmp_path / "flickrocket_zzz.py").write_text(
        "import click\n@click.command()\ndef zzz():\n    '''Sleep.'''\n    click.echo('asleep')\nCOMMANDS = [zzz]\n"
    )
    monkeypatch.setattr(feedbridge.cli, "__path__", [*feedbridge.cli.__path__, str(tmp_path)])
    try:
        status, out, _ = typed(capfd, "zzz")
        assert (status, out) == (0, "asleep\n")
        status, out, _ = typed(capfd, "--help")
        assert "zzz" in out
        assert {"login", "logout", "shops", "tokeninfo"} <= set(out.split())
    finally:
        flickrocket.commands.pop("zzz", None)
        sys.modules.pop("feedbridge.cli.flickrocket_zzz", None)


def test_group_is_cheap_to_import():
    code = "import sys, feedbridge.cli.flickrocket; print('requests' in sys.modules or 'filelock' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "False\n"


def test_a_second_name_for_the_same_shop_is_told(shop, capfd, monkeypatch):
    pasted(monkeypatch, shop)
    assert "warning" not in typed(capfd, "login", "--no-browser")[2]
    pasted(monkeypatch, shop)
    status, _, err = typed(capfd, "login", "--no-browser", "--shop", "second")
    assert (status, "the tokens of default are dead now" in err) == (0, True)
