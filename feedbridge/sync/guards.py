"""Guards: what holds a run until a person has looked (status 4). They see numbers, never payloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from feedbridge.sync.jobspec import Guards

__all__ = ["Hold", "Seen", "holds_of_source", "holds_of_target"]

Hold = tuple[str, str, str]
"""(guard, what it found, how to go on)"""

LOOK = "look at the source; if it is right, send it with feedbridge apply JOB --release"


class Seen(NamedTuple):
    """What a plan does to one target, in numbers of items.

    ``creates``    items that were never sent here, also where the platform has them from elsewhere
    ``elsewhere``  (place, items) of the target's earlier places
    ``gone``       items that the feed no longer names and did at the run before, deleted at once or not; None: those
                   that are deleted
    ``shrunk``     items that lose a variant: what they lose is deleted, too
    ``lost``       field -> items that lose it
    ``settles``    items of which it is to be found out what became of them
    """

    present: int
    creates: int
    changes: int
    deletes: int
    read: int
    held_back: int
    elsewhere: Sequence[tuple[str, int]] = ()
    gone: int | None = None
    shrunk: int = 0
    lost: Mapping[str, int] = {}
    settles: int = 0


def holds_of_source(
    guards: Guards, *, read: int, read_before: int | None, lost: Sequence[str], present: int,
    files: int = 0, files_before: int = 0, empty_files: Sequence[str] = (),
) -> list[Hold]:
    """What holds the whole run.

    ``read_before``  products read at the last complete run; None when there was none
    ``lost``         columns that the mapping used then and that are gone
    ``present``      items all targets have
    ``files``        that are read; ``files_before``: at the last complete run; ``empty_files``: those without products
    """
    holds: list[Hold] = []
    if guards.lost_columns and lost:
        names = ", ".join(f'"{name}"' for name in lost[:10])
        holds.append((
            "lost-column", f"the source has lost {names}, which the mapping used at the last run",
            "if the column was renamed, put its new name into the mapping; if it is gone for good: "
            "feedbridge apply JOB --release",
        ))
    if guards.lost_files and files < files_before:
        holds.append((
            "lost-file", f"{files:,} files match the job's source, and {files_before:,} did at the last complete run", LOOK,
        ))
    if guards.lost_files and read and empty_files and files > len(empty_files) and (present or read_before):
        holds.append(("lost-file", f"{empty_files[0]} holds no products, and the other files do", LOOK))
    if guards.empty_source and read == 0 and (present or read_before):
        had = f"{read_before:,} products were read at the last complete run" if read_before else f"{present:,} were sent"
        holds.append(("empty-source", f"the source holds no products, and {had}", LOOK))
    elif read_before and above(read_before - read, read_before, guards.max_shrink):
        share, most = shown(read_before - read, read_before, guards.max_shrink)
        holds.append((
            "shrunken-source",
            f"the source has {read:,} products, {share} fewer than the {read_before:,} of the last complete run "
            f"(guard max_shrink: {most})", LOOK,
        ))
    return holds


def holds_of_target(guards: Guards, seen: Seen) -> list[Hold]:
    """What one target's plan holds the run for. Where nothing would be sent, only what tells of a broken source, or of another
    place, does."""
    holds: list[Hold] = []
    if seen.elsewhere:
        place, items = seen.elsewhere[0]
        holds.append((
            "other-place", f"{items:,} items were sent to another place before ({place}); there nothing is changed any more, "
            "and here all would be sent as new",
            "put the old endpoint and feed back into the job file, name the new target otherwise, or, if the move is "
            "meant: feedbridge apply JOB --release",
        ))
    sends = seen.creates + seen.changes + seen.deletes + seen.settles
    deletes = seen.deletes + seen.shrunk
    gone = seen.deletes if seen.gone is None else seen.gone
    # What may be there though that is not known is deleted, too: a share is of all of them.
    there = max(seen.present, deletes, gone, seen.changes)
    if sends and seen.present and deletes:
        what = "would be deleted" + (", or lose variants" if seen.shrunk else "")
        if deletes > guards.max_deletes:
            holds.append(("mass-delete", f"{deletes:,} items {what} (guard max_deletes: {guards.max_deletes:,})", LOOK))
        elif deletes > guards.few_deletes and above(deletes, there, guards.max_delete_share):
            share, most = shown(deletes, there, guards.max_delete_share)
            holds.append((
                "mass-delete", f"{deletes:,} of {there:,} items {what}, {share} (guard max_delete_share: {most})", LOOK,
            ))
    for name, number in sorted(seen.lost.items(), key=lambda one: (-one[1], one[0]))[:3]:
        if sends and number > guards.few_deletes and above(number, seen.present, guards.max_lost_share):
            share, most = shown(number, seen.present, guards.max_lost_share)
            holds.append((
                "lost-field", f"{number:,} of {seen.present:,} items would lose their {name}, {share} "
                f"(guard max_lost_share: {most})", LOOK,
            ))
    if seen.present:
        renamed = min(seen.creates, gone)
        if renamed > guards.few_deletes and above(renamed, there, guards.max_renamed_share):
            holds.append((
                "renamed-ids",
                f"{gone:,} of {there:,} items are gone and {seen.creates:,} new ones are there: their SKUs "
                f"may be written in another way than before (guard max_renamed_share: {percent(guards.max_renamed_share)})", LOOK,
            ))
    if seen.read and seen.held_back == seen.read and seen.present:
        holds.append(("all-failing", f"all {seen.read:,} products of the source are held back", "mend what the findings say"))
    elif sends and seen.present and seen.held_back > 3 and above(seen.held_back, seen.read, guards.max_held_share):
        holds.append((
            "many-failing",
            f"{seen.held_back:,} of {seen.read:,} products are held back "
            f"(guard max_held_share: {percent(guards.max_held_share)})",
            "mend what the findings say; to send the others all the same: feedbridge apply JOB --release",
        ))
    if seen.present and seen.changes > guards.few_deletes and above(seen.changes, there, guards.max_changed_share):
        holds.append((
            "mass-change",
            f"{seen.changes:,} of {there:,} items would change "
            f"(guard max_changed_share: {percent(guards.max_changed_share)})", LOOK,
        ))
    return holds


def above(part: int, whole: int, most: float) -> bool:
    """Whether a share is larger than a guard lets through, to the last digit: 49 of 70 is not more than 0.7.

    >>> above(49, 70, 0.7), above(50, 70, 0.7)
    (False, True)
    """
    return part > whole * Fraction(str(most))


def shown(part: int, whole: int, most: float) -> tuple[str, str]:
    """A share and the guard's, with as many digits as tell them apart.

    >>> shown(5, 10, 0.3), shown(1_004, 10_000, 0.1)
    (('50%', '30%'), ('10.04%', '10%'))
    """
    share = part / whole
    told = (percent(share, digits) for digits in range(6))
    return next((text for text in told if text != percent(most)), percent(share, 6)), percent(most)


def percent(share: float, digits: int = 2) -> str:
    """As people write it: without zeros that say nothing.

    >>> percent(0.3), percent(0.125), percent(1.0)
    ('30%', '12.5%', '100%')
    """
    text = f"{share * 100:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"
