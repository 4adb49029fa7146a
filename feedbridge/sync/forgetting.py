"""The command by which an item is forgotten, as a person types it."""

from __future__ import annotations

import shlex

from feedbridge.sync.ledger import Ledger

__all__ = ["FORGET", "forget_command"]

FORGET = "feedbridge ids forget"
"""What a platform's message says, which knows neither the job nor the target."""


def forget_command(ledger: Ledger, job_id: int, job: str, platform: str, key: str) -> str:
    """Forgets an item at all the job's targets of a platform, which share what is known of it: ``feedbridge ids forget books
    BOOK-2``. With targets of other platforms each of these has to be named, so there may be two commands."""
    words = [*FORGET.split(), job, *(["--", key] if key.startswith("-") else [key])]
    targets = ledger.targets(job_id)
    if len({one.platform for one in targets}) == 1:
        return shlex.join(words)
    names = dict.fromkeys(
        one.name for one in targets if one.platform == platform and ledger.row(one.id, key) is not None)
    return " && ".join(shlex.join([*words[:3], "--target", name, *words[3:]]) for name in names) or shlex.join(words)
