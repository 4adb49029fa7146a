"""``feedbridge mapping list | show | schema | test``."""

from __future__ import annotations

import json
import sys

import click

from feedbridge.cli.categories import categories
from feedbridge.cli.suggest import suggest

__all__ = ["mapping"]


@click.group()
def mapping() -> None:
    """Mapping files: which column means what."""


mapping.add_command(categories)
mapping.add_command(suggest)


@mapping.command("list")
def list_presets() -> int:
    """List the presets that come with feedbridge."""
    from feedbridge.mapping.load import load_mapping
    from feedbridge.mapping.presets import presets

    width = max(len(name) for name in presets())
    for name in presets():
        loaded = load_mapping(name)
        asks = [key for key, about in loaded.file.parameters.items() if about.default is None]
        click.echo(f"{name:<{width}}  {loaded.file.about}" + (f"  [--set {', '.join(asks)}]" if asks else ""))
    return 0


@mapping.command()
@click.argument("name", metavar="NAME|FILE")
def show(name: str) -> int:
    """Print a mapping file, to read or to start your own from."""
    from feedbridge.mapping.presets import find_mapping
    from feedbridge.mapping.yaml import read_text

    path, shown = find_mapping(name)
    sys.stdout.write(read_text(path, shown))
    return 0


@mapping.command()
def schema() -> int:
    """Print the JSON Schema of mapping files, for editors."""
    from feedbridge.mapping.editor_schema import mapping_schema

    json.dump(mapping_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


@mapping.command()
@click.argument("name", metavar="NAME|FILE")
def test(name: str) -> int:
    """Run the tests that stand in a mapping file: records in, expected products out. Offline."""
    from feedbridge.run.selftest import run_tests

    outcomes = run_tests(name)
    for outcome in outcomes:
        click.echo(f"{'ok    ' if not outcome.faults else 'FAILED'}  {outcome.name}")
        for fault in outcome.faults:
            click.echo(f"        {fault}")
    failed = sum(bool(outcome.faults) for outcome in outcomes)
    click.echo(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0
