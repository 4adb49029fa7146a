"""What a shop has of price models, licences, categories, themes and products: their titles and ids, asked for once a day.

``read`` gives titles and ids for look-ups in a mapping, out of a file in the user's cache folder when the shop was asked
within 24 hours. ``rows`` gives a table for people, which is a look-up table as it is: title and id come first.

Source: docs/platforms/flickrocket.md, sections 3.7 and 4; K15, K32.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedbridge.platforms.base import Snapshot
from feedbridge.platforms.flickrocket.errors import FlickRocketError

if TYPE_CHECKING:
    from feedbridge.platforms.flickrocket.client import Client
    from feedbridge.platforms.flickrocket.resources import Resource

__all__ = ["CACHE", "CATALOGUES", "FRESH", "KINDS", "SHOP", "fetch", "keep", "read", "rows"]

CACHE = "FEEDBRIDGE_FLICKROCKET_CACHE"
SHOP = "FEEDBRIDGE_FLICKROCKET_SHOP"
FRESH = timedelta(hours=24)
KINDS = ("prices", "licenses", "categories", "themes")
FORMAT = 1
TRIES = 4
PAUSE_SECONDS = 5.0
PATIENCE_SECONDS = 120.0
"""A conversion waits no longer for a shop that is busy; the nightly run comes again."""

_COLUMNS = {
    "prices": ("title", "id", "valid", "created_at", "modified_at"),
    "licenses": ("title", "id", "valid", "drm", "physical", "total_downloads", "expiration_date", "assignment"),
    "categories": ("title", "id", "enabled", "comment"),
    "themes": ("title", "id"),
    "products": ("title", "id", "product_id", "product_type", "valid", "live", "why", "licenses", "prices"),
}


def fetch(client: Client, kind: str) -> list[Resource]:
    """All things of a kind (one of KINDS, or ``products``), by their ids. Errors: FlickRocketError."""
    lists: dict[str, Callable[[], Iterable[Any]]] = {
        "prices": client.prices, "licenses": client.licenses, "categories": client.categories,
        "themes": client.theme_settings, "products": client.products,
    }
    return sorted(lists[kind](), key=lambda thing: thing.id)


def rows(kind: str, things: Iterable[Resource]) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of a table for people. Ids are text, amounts Decimal (a column for each currency), moments ISO
    8601."""
    made: list[dict[str, Any]] = []
    amounts: set[str] = set()
    for thing in things:
        row = {name: _cell(getattr(thing, name, None)) for name in _COLUMNS[kind]}
        row |= {"title": _title(thing), "id": str(thing.id)}  # type: ignore[attr-defined]  # each of the kinds has an id
        if kind == "prices":
            held = {name: value for name, value in thing.row().items() if _is_currency(thing, name)}
            amounts |= held.keys()
            row |= held
        elif kind == "products":
            why = thing.not_live()  # type: ignore[attr-defined]  # a Product
            bindings = thing.price_license_binding  # type: ignore[attr-defined]  # as above
            row |= {
                "live": not why, "why": "; ".join(why),
                "licenses": " ".join(str(one.license_id or "-") for one in bindings),
                "prices": " ".join(str(one.price_id or "-") for one in bindings),
            }
        made.append(row)
    front, behind = list(_COLUMNS[kind][:3]), list(_COLUMNS[kind][3:])
    return [*front, *sorted(amounts), *behind], made


def read(
    kind: str, environment: Mapping[str, str], *, shop: str | None = None, fresh: timedelta = FRESH, patient: bool = True,
    down: str = "", clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Snapshot:
    """Titles and ids of a kind (one of KINDS): as they were kept, when that was within ``fresh``, else the shop is asked.

    ``shop``     None: what FEEDBRIDGE_FLICKROCKET_SHOP says, else ``default``
    ``patient``  False: one try, and no wait for a shop that is busy
    ``down``     why the shop cannot be asked, when that was found out a moment ago: what was kept is used at once

    When FlickRocket cannot be reached, what was kept is used however old it is, and ``old`` says why.
    Errors: FlickRocketError: nobody is logged in, FlickRocket refuses, or it cannot be reached and nothing was kept.
    """
    from feedbridge.platforms.flickrocket.client import connect
    from feedbridge.platforms.flickrocket.hosts import hosts_of
    from feedbridge.platforms.flickrocket.tokens import TokenStore

    name = shop or environment.get(SHOP, "").strip() or "default"
    company = TokenStore(environment=environment).read(name).company_id
    path = _path(environment, name, hosts_of(environment).api, company, kind)
    kept = _kept(path)
    now = clock().replace(microsecond=0)
    again = f"feedbridge flickrocket {kind}" + (f" --shop {shlex.quote(name)}" if name != "default" else "")
    if kept is not None and timedelta(0) <= now - kept.read < fresh:
        return replace(kept, again=again)
    if kept is not None and down:
        return replace(kept, old=down, again=again)
    try:
        with connect(
            name, environment=environment, tries=TRIES if patient else 1, pause_seconds=PAUSE_SECONDS,
            patience_seconds=PATIENCE_SECONDS,
        ) as client:
            things = fetch(client, kind)
    except FlickRocketError as exc:
        if kept is None or exc.code != "flickrocket.down":
            raise
        return replace(kept, old=exc.message, again=again)
    found = snapshot_of(things, now)
    _write(path, found)
    return replace(found, again=again)


def keep(
    kind: str, things: Iterable[Resource], environment: Mapping[str, str], *, shop: str = "default",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Keep what has just been fetched for ``read``."""
    from feedbridge.platforms.flickrocket.hosts import hosts_of
    from feedbridge.platforms.flickrocket.tokens import TokenStore

    company = TokenStore(environment=environment).read(shop).company_id
    _write(_path(environment, shop, hosts_of(environment).api, company, kind), snapshot_of(things, clock()))


def snapshot_of(things: Iterable[Any], now: datetime) -> Snapshot:
    """Things for look-ups. What FlickRocket does not say to be invalid counts as valid."""
    return Snapshot(
        tuple((_title(thing), str(thing.id), getattr(thing, "valid", None) is not False) for thing in things), now,
    )


def _title(thing: Any) -> str:
    return str(_cell(getattr(thing, "title", None) or getattr(thing, "name", None) or ""))


def _cell(value: Any) -> Any:
    """A moment as text, and a text that any file can hold: JSON may give halves of characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value.isoformat() if isinstance(value, datetime) else value


def _is_currency(price: Any, name: str) -> bool:
    return any(one.currency.strip().lower() == name for one in price.currencies)


def _path(environment: Mapping[str, str], shop: str, api: str, company: str, kind: str) -> Path:
    """The file of a shop at a site, and of nobody else who may have been logged in by that name."""
    said = environment.get(CACHE, "").strip()
    if said:
        folder = Path(said).expanduser()
    else:
        import platformdirs

        folder = Path(platformdirs.user_cache_dir("feedbridge")) / "flickrocket"
    mark = hashlib.sha256(f"{api}\n{company}".encode()).hexdigest()[:12]
    return folder / f"{shop}-{mark}-{kind}.json"


def _kept(path: Path) -> Snapshot | None:
    """What was kept; None when there is nothing, or nothing that can be trusted."""
    try:
        document = json.loads(path.read_bytes())
        if document["feedbridge_catalogue"] != FORMAT:
            return None
        entries = tuple((title, id, valid) for title, id, valid in document["entries"])
        moment = datetime.fromisoformat(document["read"])
        if not all(isinstance(t, str) and isinstance(i, str) and isinstance(v, bool) for t, i, v in entries):
            return None
        return Snapshot(entries, moment) if moment.tzinfo is not None else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _write(path: Path, snapshot: Snapshot) -> None:
    """Keep a snapshot, as a whole or not at all; where that is not possible, the shop is asked again next time."""
    document = {
        "feedbridge_catalogue": FORMAT, "read": snapshot.read.astimezone(UTC).isoformat(timespec="seconds"),
        "entries": snapshot.entries,
    }
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(document, file)
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


CATALOGUES: dict[str, Callable[..., Snapshot]] = {kind: partial(read, kind) for kind in KINDS}
