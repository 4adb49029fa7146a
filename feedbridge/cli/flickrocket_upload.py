"""``feedbridge flickrocket upload``: folders into the sandbox's uploader, never to FlickRocket itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

__all__ = ["COMMANDS", "upload"]

ADDRESS = "FEEDBRIDGE_SANDBOX_URL"
USUAL = "http://127.0.0.1:8765"
ANSWER_SECONDS = 600


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...",
                type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what came of each folder as JSON, one line each.")
def upload(folders: tuple[Path, ...], as_json: bool) -> int:
    """Drop product folders on the sandbox's uploader, as a person drops them on FlickRocket's.

    DIR is a product folder, or a folder of product folders. FlickRocket itself takes folders only from a person, in its
    admin interface: Products, Products, Batch Upload.
    """
    import os

    from feedbridge.cli.flickrocket_verify import nothing_waits
    from feedbridge.platforms.flickrocket.product_folders import is_empty

    empty = [folder for folder in folders if os.access(folder, os.R_OK | os.X_OK) and is_empty(folder)]
    for folder in empty:
        nothing_waits(folder)
    folders = tuple(folder for folder in folders if folder not in empty)
    if not folders:
        return 0
    products = answered(address(os.environ), [str(folder.resolve()) for folder in folders])
    for one in products:
        click.echo(json.dumps(one, ensure_ascii=False) if as_json else told(one))
    refused = sum(one["verdict"] == "refused" for one in products)
    asleep = sum(one["live"] is False for one in products)
    click.echo(
        f"{len(products) - refused} of {len(products)} folders taken"
        + (f", {refused} refused" if refused else "") + (f", {asleep} not live" if asleep else ""), err=True)
    return 1 if refused else 0


COMMANDS = [upload]


def address(environment: Mapping[str, str]) -> str:
    """Where the sandbox is. Raises CommandError for an address that is not this machine's."""
    from urllib.parse import urlsplit

    from feedbridge.errors import CommandError
    from feedbridge.platforms.delivery import is_loopback

    base = environment.get(ADDRESS) or USUAL
    try:
        parts = urlsplit(base)
        ours = parts.scheme == "http" and is_loopback(parts.hostname or "")
    except ValueError:
        ours = False
    if not ours:
        raise CommandError(
            f"{ADDRESS} is no address on this machine", where=ADDRESS, code="sandbox.host",
            mend=f"set it to what the sandbox says when it starts, as {USUAL}",
        )
    return base.rstrip("/")


def answered(base: str, folders: list[str]) -> list[dict[str, Any]]:
    """What came of each folder. Raises CommandError for folders that hold no product, FeedbridgeError when the sandbox
    does not answer."""
    import requests

    from feedbridge.errors import CommandError, FeedbridgeError

    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(f"{base}/flickrocket/_/upload", json={"folders": folders}, timeout=(5, ANSWER_SECONDS),
                                  allow_redirects=False)
            document = answer.json()
        except (requests.RequestException, ValueError) as exc:
            raise FeedbridgeError(
                "the sandbox does not answer", where=base, code="flickrocket.down",
                mend=f"start it in another terminal: feedbridge sandbox; {ADDRESS} names its address when it is not {USUAL}",
            ) from exc
    if not isinstance(document, dict) or "products" not in document:
        error = document.get("error") if isinstance(document, dict) else None
        raise CommandError(
            str(error or f"answered {answer.status_code}"), where=f"{base}/flickrocket/_/upload", code="flickrocket.refused",
            mend="name a product folder (it holds a product.json), or a folder of product folders",
        )
    products: list[dict[str, Any]] = document["products"]
    return products


def told(one: Mapping[str, Any]) -> str:
    """A folder's line, and a line for each thing to be said of it."""
    from feedbridge.report.plain import showable

    if one["verdict"] == "refused":
        lines = [f'{one["folder"]}: refused', *(f"  {reason}" for reason in one["reasons"])]
    else:
        live = "live" if one["live"] else f'not live ({", ".join(one["why"])})'
        lines = [f'{one["folder"]}: {one["verdict"]} as {one["id"]} ({one["product_id"]}), {live}']
    return "\n".join(showable(line) for line in (*lines, *(f"  note: {notice}" for notice in one["notices"])))
