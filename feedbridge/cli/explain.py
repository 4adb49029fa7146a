"""``feedbridge explain``: one product from its source cells to every platform's payload."""

from __future__ import annotations

import sys

import click

from feedbridge.cli.convert import parse_settings, spooled

__all__ = ["explain"]


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--sku", metavar="SKU", help="A product's SKU, a variant's, or the key that groups its rows (handle).")
@click.option("--line", type=click.IntRange(1), metavar="N", help="The product at this line of the source, instead.")
@click.option(
    "--to",
    "platforms",
    multiple=True,
    metavar="PLATFORM",
    help="Also what flipsnack, magento or flickrocket gets of it; may be given several times.",
)
@click.option(
    "--mapping",
    default="auto",
    show_default=True,
    metavar="NAME|FILE|auto",
    help="A preset's name, a mapping file, or auto: recognise the file by its columns.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=parse_settings,
    metavar="KEY=VALUE",
    help="What the file cannot say (--set currency=EUR), or a platform's setting (--set flipsnack.feed=summer).",
)
@click.option("--full", is_flag=True, help="Show long values and empty cells, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, complete.")
def explain(
    sources: tuple[str, ...],
    sku: str | None,
    line: int | None,
    platforms: tuple[str, ...],
    mapping: str,
    settings: dict[str, str],
    full: bool,
    as_json: bool,
) -> int:
    """Explain one product: source cells, canonical fields, payloads.

    Shows which line, column and mapping layer made each field, what each platform gets or why it gets nothing, and which
    columns nothing uses.
    """
    from feedbridge import api
    from feedbridge.report.explanation import explanation_json, render_explanation

    if (sku is None) == (line is None):
        raise click.UsageError("say which product: --sku SKU or --line N")
    paths, names = spooled(sources)
    told = api.explain(
        paths, sku=sku, line=line, to=list(dict.fromkeys(platforms)), mapping=mapping, set=settings, names=names
    )
    if as_json:
        sys.stdout.write(explanation_json(told))
    else:
        render_explanation(told, sys.stdout, full=full)
    sys.stdout.flush()
    return 0
