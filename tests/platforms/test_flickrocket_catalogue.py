"""What a shop has by title: asked for once a day, over real HTTP against the sandbox, and kept for when it is silent."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from feedbridge.platforms.flickrocket import catalogue
from feedbridge.platforms.flickrocket.catalogue import fetch, keep, read, rows
from feedbridge.platforms.flickrocket.client import connect
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

DAY = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LATER = DAY + timedelta(hours=25)
TIERS = (("Books tier A", "46", True), ("Books tier B", "47", True), ("Guides", "48", True))


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


@pytest.fixture
def shop(box, tmp_path, monkeypatch) -> Iterator[dict[str, str]]:
    """The environment of a user who is logged in at the sandbox."""
    box.store.reset()
    box.set_faults([])
    monkeypatch.setattr(catalogue, "PAUSE_SECONDS", 0.01)
    TokenStore(tmp_path / "tokens").write("default", Tokens(
        "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products,themes",
        "this machine",
    ))
    yield {
        "FEEDBRIDGE_FLICKROCKET_HOSTS": f"{box.url}/flickrocket", "FEEDBRIDGE_FLICKROCKET_TOKENS": str(tmp_path / "tokens"),
        "FEEDBRIDGE_FLICKROCKET_CACHE": str(tmp_path / "cache"), "FEEDBRIDGE_FLICKROCKET_RATE": "off",
    }
    box.set_faults([])


def asked(box: SandboxServer) -> int:
    return sum(call["action"].endswith("prices.json") for call in box.calls())


def silent(shop: dict[str, str]) -> dict[str, str]:
    """The same, after the shop has gone: nobody listens on port 9."""
    return {**shop, "FEEDBRIDGE_FLICKROCKET_HOSTS": "http://127.0.0.1:9/flickrocket"}


def the_file(shop: dict[str, str]) -> Path:
    (path,) = Path(shop["FEEDBRIDGE_FLICKROCKET_CACHE"]).iterdir()
    return path


def gone(shop: dict[str, str]) -> dict[str, str]:
    """As silent, with what was kept of the shop kept of the silent one."""
    there = silent(shop)
    folder = Path(shop["FEEDBRIDGE_FLICKROCKET_CACHE"])
    if folder.exists():
        path = the_file(shop)
        path.rename(catalogue._path(there, "default", there["FEEDBRIDGE_FLICKROCKET_HOSTS"], "1202", "prices"))
    return there


def test_the_shop_is_asked_once_a_day(box, shop):
    first = read("prices", shop, clock=lambda: DAY)
    assert (first.entries, first.read, first.old) == (TIERS, DAY, "")
    before = asked(box)
    assert read("prices", shop, clock=lambda: DAY + timedelta(hours=23)) == first
    assert asked(box) == before
    assert read("prices", shop, clock=lambda: LATER).read == LATER
    assert asked(box) == before + 1
    assert stat.S_IMODE(the_file(shop).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("kind", "entries"),
    [
        pytest.param("licenses", (("Standard", "16", True), ("Without DRM", "17", True)), id="licences have names"),
        pytest.param("categories", (("Fiction", "4", True), ("Travel", "5", True), ("Music", "6", True), ("Maps", "7", True)),
                     id="categories"),
        pytest.param("themes", (("Harbour", "12", True), ("Lighthouse", "13", True)), id="themes"),
    ],
)
def test_each_kind(shop, kind, entries):
    assert read(kind, shop, clock=lambda: DAY).entries == entries


def test_what_is_not_valid_is_said(box, shop):
    read("themes", shop)  # the sandbox has things from its first call on
    with box.store.transaction() as tx:
        price = next(one for one in tx.flickrocket_things("prices") if one["id"] == 48)
        tx.keep_flickrocket("prices", {**price, "valid": 0}, 0.0)
    assert read("prices", shop).entries[2] == ("Guides", "48", False)


def test_a_silent_shop_leaves_what_was_kept(shop):
    first = read("prices", shop, clock=lambda: DAY)
    found = read("prices", gone(shop), clock=lambda: LATER)
    assert found == replace(first, old=found.old)
    assert found.old


def test_a_silent_shop_of_which_nothing_was_kept(shop, tmp_path):
    read("themes", shop)
    Path(shop["FEEDBRIDGE_FLICKROCKET_CACHE"]).rename(tmp_path / "aside")
    with pytest.raises(FlickRocketError) as told:
        read("prices", silent(shop))
    assert told.value.code == "flickrocket.down"


def test_a_shop_that_is_busy_leaves_what_was_kept(box, shop):
    read("prices", shop, clock=lambda: DAY)
    box.set_faults(["flickrocket/503:all"])
    assert read("prices", shop, clock=lambda: LATER).read == DAY


def test_a_shop_that_refuses_is_not_taken_for_a_silent_one(box, shop):
    read("prices", shop, clock=lambda: DAY)
    box.set_faults(["flickrocket/403:all"])
    with pytest.raises(FlickRocketError) as told:
        read("prices", shop, clock=lambda: LATER)
    assert told.value.code == "flickrocket.refused"


def test_nobody_logged_in_gets_nothing_that_was_kept(shop):
    read("prices", shop)
    TokenStore(Path(shop["FEEDBRIDGE_FLICKROCKET_TOKENS"])).remove("default")
    with pytest.raises(FlickRocketError) as told:
        read("prices", shop)
    assert told.value.code == "flickrocket.not-logged-in"
    assert told.value.mend == "feedbridge flickrocket login"


def test_another_company_by_the_same_name_gets_its_own(box, shop):
    read("prices", shop, clock=lambda: DAY)
    store = TokenStore(Path(shop["FEEDBRIDGE_FLICKROCKET_TOKENS"]))
    store.write("default", replace(store.read("default"), company_id="7"))
    before = asked(box)
    read("prices", shop, clock=lambda: DAY)
    assert asked(box) == before + 1


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"feedbridge_catalogue": 1, "read": "2026-03-01T08:00:00+00:00", "entries": [["A"', id="cut short"),
        pytest.param(b'{"feedbridge_catalogue": 2, "read": "2026-03-01T08:00:00+00:00", "entries": []}', id="newer"),
        pytest.param(b'{"feedbridge_catalogue": 1, "read": "2026-03-01T08:00:00", "entries": []}', id="no zone"),
        pytest.param(b'{"feedbridge_catalogue": 1, "read": "2026-03-01T08:00:00+00:00", "entries": [["A", 46, true]]}',
                     id="an id that is no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(json.dumps({"feedbridge_catalogue": 1, "read": LATER.isoformat(), "entries": []}).encode(),
                     id="from the future"),
    ],
)
def test_what_was_kept_and_cannot_be_trusted_is_not_used(shop, kept):
    read("prices", shop, clock=lambda: DAY)
    the_file(shop).write_bytes(kept)
    assert read("prices", shop, clock=lambda: DAY).entries == TIERS
    assert read("prices", shop, clock=lambda: DAY) == read("prices", shop, clock=lambda: DAY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_only_costs_time(box, shop, tmp_path):
    (tmp_path / "cache").mkdir(mode=0o500)
    assert read("prices", shop).entries == read("prices", shop).entries == TIERS


def test_a_cache_that_is_a_file_only_costs_time(shop, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    assert read("prices", shop).entries == TIERS


def test_what_a_command_has_read_is_kept(box, shop):
    with connect(environment=shop) as client:
        keep("prices", fetch(client, "prices"), shop, clock=lambda: DAY)
    before = asked(box)
    assert read("prices", shop, clock=lambda: DAY).entries == TIERS
    assert asked(box) == before


def test_rows_for_people(shop):
    with connect(environment=shop) as client:
        columns, table = rows("prices", fetch(client, "prices"))
        products, held = rows("products", fetch(client, "products"))
    assert columns[:2] == ["title", "id"] and {"eur", "usd"} <= set(columns)
    assert [(row["title"], row["id"], row["eur"]) for row in table][2] == ("Guides", "48", Decimal("3.95"))
    assert products[:3] == ["title", "id", "product_id"]
    assert (held[0]["product_id"], held[0]["live"], held[0]["licenses"], held[0]["prices"]) == (
        "0001-26ED-EA4F-AA32", True, "16", "46")
