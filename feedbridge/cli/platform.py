"""``feedbridge platform list | show``."""

from __future__ import annotations

import json
import sys

import click

__all__ = ["platform"]


@click.group()
def platform() -> None:
    """Platforms: their rules, where each is documented, and their payload."""


@platform.command("list")
def list_platforms() -> int:
    """List the platforms."""
    from feedbridge.platforms import platforms

    for name, one in platforms().items():
        click.echo(f"{name:<12}  {one.title}: {' '.join(one.about.split())}")
    return 0


@platform.command()
@click.argument("name")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the payload instead.")
def show(name: str, schema: bool) -> int:
    """Print a platform's rules with their sources and examples, and its settings (Markdown)."""
    from feedbridge.errors import CommandError
    from feedbridge.mapping.nearest import nearest
    from feedbridge.platforms import platforms
    from feedbridge.report.platform_page import platform_page

    if name not in platforms():
        near = nearest(name, platforms())
        raise CommandError(
            f'there is no platform "{name}"; there are {", ".join(platforms())}',
            code="command.platform",
            mend=f'did you mean "{near}"?' if near else "",
        )
    if schema:
        json.dump(platforms()[name].payload.model_json_schema(), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(platform_page(platforms()[name]))
    return 0
