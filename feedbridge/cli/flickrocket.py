"""``feedbridge flickrocket``: login, tokeninfo, logout and shops here; every ``COMMANDS`` of a ``flickrocket_*.py`` beside
this file besides."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click

__all__ = ["flickrocket"]


class _Found(click.Group):
    """A group whose further commands are found beside this file, when somebody asks for them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._find()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        if found is None:
            self._find()
        return found or super().get_command(ctx, cmd_name)

    def _find(self) -> None:
        import feedbridge.cli

        for module in iter_modules(feedbridge.cli.__path__):
            if module.name.startswith("flickrocket_"):
                for command in import_module(f"feedbridge.cli.{module.name}").COMMANDS:
                    if self.commands.get(command.name) is not command:
                        self.add_command(command)


@click.group(cls=_Found)
def flickrocket() -> None:
    """FlickRocket's REST API: log in once, look up ids, see what went live.

    FEEDBRIDGE_FLICKROCKET_HOSTS chooses where: documented (admin.flickrocket.com), plugin (the hosts of the vendor's own
    plugin: oauth. and api.flickrocket.com), or the sandbox, http://127.0.0.1:8765/flickrocket. FEEDBRIDGE_FLICKROCKET_API=api2
    chooses the paths of its newer help pages.
    """


shop_option = click.option("--shop", default="default", show_default=True, metavar="NAME", help="Which shop's tokens.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def store() -> Any:
    """The store of tokens, which warns on stderr."""
    from feedbridge.platforms.flickrocket.tokens import TokenStore

    return TokenStore(environment=os.environ, warn=lambda message: click.echo(f"warning: {message}", err=True))


@flickrocket.command()
@shop_option
@click.option("--client-id", envvar="FEEDBRIDGE_FLICKROCKET_CLIENT_ID", default="", metavar="ID",
              help="Of the app in FlickRocket (default: FEEDBRIDGE_FLICKROCKET_CLIENT_ID, else that of the last login).")
@click.option("--scopes", metavar="LIST", help="What to ask for, with commas (default: all that feedbridge's commands use).")
@click.option("--redirect", metavar="URI", help="The redirect address as it is registered in FlickRocket.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N",
              help="Listen there: the redirect address is http://127.0.0.1:N/flickrocket (default: 8766).")
@click.option("--no-browser", is_flag=True, help="Print the address to open, and take the redirect's address from stdin.")
@click.option("--timeout", type=click.FloatRange(1, 3600), default=300, show_default=True, metavar="SECONDS",
              help="How long to wait for the browser.")
@click.option("--replace", is_flag=True, help="Also when the shop's stored tokens are another company's, or damaged.")
@click.option("--keyring/--file", default=None,
              help="Where to keep the tokens: the system's keyring, or a file only you can read (the default).")
def login(
    shop: str, client_id: str, scopes: str | None, redirect: str | None, port: int | None, no_browser: bool, timeout: float,
    replace: bool, keyring: bool | None,
) -> int:
    """Get a shop's permission, in the browser, and keep it."""
    from feedbridge.platforms.flickrocket import login as logging_in
    from feedbridge.platforms.flickrocket.access import Access

    if redirect is not None and port is not None:
        raise click.UsageError("--redirect says the port already; give one of --redirect and --port")
    access = Access(shop, store=store(), environment=os.environ)
    tokens = logging_in.login(
        access, client_id=client_id.strip(), scopes=",".join(logging_in.SCOPES) if scopes is None else scopes,
        redirect_uri=redirect or (logging_in.redirect_for(port) if port is not None else ""), browser=not no_browser,
        timeout_seconds=timeout, replace=replace, keyring=keyring, say=lambda text: click.echo(text, err=True),
    )
    click.echo(
        f"logged in: shop {shop}, company {tokens.company_id}, {tokens.scope}; kept in {place(access.store, shop)}", err=True,
    )
    for other in same_permission(access.store, shop, tokens):
        click.echo(
            f"warning: shop {other} is the same company by the same app: FlickRocket keeps one permission of it, so the tokens of "
            f"{other} are dead now. Use --shop {shop} instead, and: feedbridge flickrocket logout --shop {other}", err=True,
        )
    return 0


def same_permission(kept: Any, shop: str, tokens: Any) -> list[str]:
    """Other shops that stand for the same company, app and place."""
    from feedbridge.errors import FeedbridgeError

    found = []
    for name in kept.names():
        try:
            other = kept.read(name) if name != shop else None
        except FeedbridgeError:
            continue
        if other is not None and (other.company_id, other.client_id, other.site) == (
            tokens.company_id, tokens.client_id, tokens.site
        ):
            found.append(name)
    return found


def place(kept: Any, shop: str) -> str:
    return "the system's keyring" if kept.kept_in(shop) == "keyring" else str(kept.folder / f"{shop}.json")


@flickrocket.command()
@shop_option
@json_option
def tokeninfo(shop: str, as_json: bool) -> int:
    """Ask FlickRocket what a shop's token is good for."""
    from feedbridge.platforms.flickrocket.access import Access
    from feedbridge.report.plain import showable

    found = Access(shop, store=store(), environment=os.environ).tokeninfo()
    found = {name: value for name, value in found.items() if "token" not in name.lower()}
    if as_json:
        write_json(found)
    else:
        for name, value in found.items():
            click.echo(showable(f"{name}: {value}"))
    return 0


@flickrocket.command()
@shop_option
def logout(shop: str) -> int:
    """Forget a shop's tokens. The permission itself stays until the owner removes it in FlickRocket."""
    kept = store()
    known = shop in kept.names()
    if known or kept.note_path(shop).exists() or kept.unread_path(shop).exists():
        kept.remove(shop)
        click.echo(
            f"forgot the tokens of {shop}; to end the permission too, remove it in FlickRocket's admin interface", err=True,
        )
    else:
        click.echo(f"the shop {shop} is not logged in", err=True)
    return 0


@flickrocket.command()
@json_option
def shops(as_json: bool) -> int:
    """List the shops that are logged in."""
    from datetime import UTC

    from feedbridge.errors import FeedbridgeError
    from feedbridge.report.plain import showable

    kept = store()
    rows: list[dict[str, str]] = []
    status = 0
    for name in kept.names():
        try:
            tokens = kept.read(name)
        except FeedbridgeError as exc:
            click.echo(showable(f"{name}: {exc.message} [{exc.code}]"), err=True)
            status = 3
            continue
        rows.append({
            "shop": name, "company_id": tokens.company_id, "client_id": tokens.client_id, "scope": tokens.scope,
            "site": tokens.site, "expires": tokens.expires.astimezone(UTC).isoformat(timespec="seconds"),
            "kept_in": kept.kept_in(name),
        })
    if as_json:
        write_json(rows)
    else:
        for row in rows:
            click.echo(showable(
                f"{row['shop']}  company {row['company_id']} at {row['site'] or 'flickrocket'}  {row['scope']}  "
                f"client {row['client_id']}  {row['kept_in']}  access token until {row['expires']}"
            ))
        if not rows and not status:
            click.echo("no shop is logged in; begin with: feedbridge flickrocket login", err=True)
    return status


def write_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
