"""``feedbridge sandbox``."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["sandbox"]


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True,
              help="Port to listen on; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=Path(".feedbridge/sandbox"),
              show_default=True, metavar="DIR", help="Folder that keeps what was taken.")
@click.option("--fresh", is_flag=True, help="Forget what earlier runs took.")
@click.option("--fault", "faults", multiple=True, metavar="SPEC",
              help="Let something go wrong, as drop-after:3 or magento/503:every-4@2; may be given several times. "
              "--fault help lists them.")
@click.option("--rates", type=click.Choice(["on", "off"]), default="on", show_default=True,
              help="Whether Flipsnack's limits of calls (5 a second, 60 a minute) are kept.")
@click.option("--quiet", is_flag=True, help="No line a call.")
def sandbox(
    port: int, host: str, data: Path, fresh: bool, faults: tuple[str, ...], rates: str, quiet: bool
) -> int:
    """Serve the three platforms' APIs on this machine, as they are documented."""
    if "help" in faults:
        from feedbridge.sandbox.faults import fault_help

        click.echo(fault_help())
        return 0
    from feedbridge.sandbox.server import serve

    serve(data=data, port=port, host=host, fresh=fresh, faults=faults, rates=rates == "on", quiet=quiet)
    return 0
