"""What a job's targets have written into folders, and a person has not taken on yet: for sync and for status."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from feedbridge.sync.jobfile import Job
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_rows import TargetRow
from feedbridge.sync.places import delivery_of

__all__ = ["NAMED", "outbox_of", "outbox_words"]

NAMED = 5
"""Products that are named in a line."""


def outbox_of(
    job: Job, ledger: Ledger, row: TargetRow, rows: Iterable[TargetRow], environment: Mapping[str, str]
) -> dict[str, Any] | None:
    """How a target's outbox stands: ``waiting`` folders, ``new``, ``uploaded``, ``gone``, or a ``fault``; None where it has none.

    ``rows``  the job's targets: those of one platform know ids together
    """
    made = delivery_of(job, row.name, environment)
    if made is None:
        return None
    try:
        if (look := getattr(made, "standing", None)) is None or made.place != row.place:
            return None
        ids = ledger.ids(row.id)
        for one in rows:
            if one.platform == row.platform and one.id != row.id:
                ids |= {key: number for key, number in ledger.ids(one.id).items() if number and key in ids}
        found: dict[str, Any] = msgspec.to_builtins(look(ids))
        return found
    except OSError as exc:
        return {"waiting": 0, "new": False, "uploaded": [], "gone": [], "fault": exc.strerror or str(exc)}
    finally:
        made.close()


def outbox_words(name: str, place: str, job: str, outbox: Mapping[str, Any], more: Iterable[str] = ()) -> list[str]:
    """What a person is told of an outbox, a line each. ``more``: words that name the job file again."""
    folder, words = place.removeprefix("folder "), list(more)

    def typed(*parts: str) -> str:
        return shlex.join(["feedbridge", *parts, *words])

    if outbox.get("fault"):
        return [f"warning: {name}: the outbox {folder} cannot be looked into: {outbox['fault']}"]
    found = []
    if number := outbox.get("waiting", 0):
        then = f", then: {typed('flickrocket', 'verify', folder, '--job', job)}" if outbox.get("new") else ""
        wait = "1 folder waits there" if number == 1 else f"{number:,} folders wait there"
        found.append(f"{name}: upload the folders in {folder}, {wait}{then}")
    if uploaded := outbox.get("uploaded"):
        found.append(
            f"warning: {name}: {first(uploaded)} in {folder} {'was' if len(uploaded) == 1 else 'were'} uploaded, for the id is "
            "known: move it away, since a new product that is uploaded once more is made twice"
        )
    if gone := outbox.get("gone"):
        many = len(gone) > 1
        products = f"{len(gone):,} products were" if many else "1 product was"
        found.append(
            f"warning: {name}: {products} written as new, {'have' if many else 'has'} no id yet, and the folder is no longer in "
            f"the outbox: {first(gone)}. Uploaded? then {shlex.join(['feedbridge', 'flickrocket', 'verify'])} DIR --job "
            f"{' '.join(map(shlex.quote, [job, *words]))} (DIR: where the folder is now), or "
            f"{typed('ids', 'import', job, 'ids.csv')}; never uploaded? "
            f"{typed('ids', 'forget', job, *(['--'] if gone[0].startswith('-') else []), gone[0])}"
        )
    return found


def first(keys: list[str]) -> str:
    """The first of several by name, and how many more there are.

    >>> first(["A", "B"]), first(list("ABCDEFG"))
    ('A, B', 'A, B, C, D, E and 2 more')
    """
    more = f" and {len(keys) - NAMED:,} more" if len(keys) > NAMED else ""
    return f"{', '.join(keys[:NAMED])}{more}"
