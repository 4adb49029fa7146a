"""``feedbridge sandbox``."""

from __future__ import annotations

import re
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
@click.option("--flickrocket-bucket", "bucket", default="40@2", show_default=True, metavar="SIZE@PER_SECOND",
              help="FlickRocket's call limit: how many calls fit, and how many leak a second; off: no limit. Its own figures "
              "are documented nowhere.")
@click.option("--webhook-speed", type=click.FloatRange(0, 10**7, min_open=True), default=1.0, show_default=True,
              metavar="FACTOR", help="Divide the documented waits between tries of FlickRocket's webhooks (48 hours in all).")
@click.option("--webhook-hash", default="T1+S1", show_default=True, metavar="READING",
              help="How FlickRocket's webhooks are signed: T1 to T5, a plus, S1 to S4.")
@click.option("--quiet", is_flag=True, help="No line a call.")
def sandbox(
    port: int, host: str, data: Path, fresh: bool, faults: tuple[str, ...], rates: str, bucket: str, webhook_speed: float,
    webhook_hash: str, quiet: bool,
) -> int:
    """Serve the three platforms' APIs on this machine, as they are documented."""
    if "help" in faults:
        from feedbridge.sandbox.faults import fault_help

        click.echo(fault_help())
        return 0
    from feedbridge.sandbox.server import serve

    serve(
        data=data, port=port, host=host, fresh=fresh, faults=faults, rates=rates == "on", quiet=quiet, bucket=limit(bucket),
        webhook_speed=webhook_speed, webhook_hash=webhook_hash,
    )
    return 0


def limit(text: str) -> tuple[int, float] | None:
    """A bucket's size and what leaks a second."""
    if text == "off":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})@([0-9]{1,6}(?:\.[0-9]{1,3})?)", text)
    if match is None or float(match[2]) == 0:
        raise click.BadParameter("write SIZE@PER_SECOND, as 40@2, or off", param_hint="--flickrocket-bucket")
    return int(match[1]), float(match[2])
