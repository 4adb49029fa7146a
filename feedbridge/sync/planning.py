"""From the feed and the ledger to a plan: one walk over both, side by side in the order of their keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from feedbridge.findings import cut
from feedbridge.platforms.delivery import Delivery, Parcel, Way
from feedbridge.sync.differences import differences, fields_of
from feedbridge.sync.feed import Feed, FeedItem, HeldProduct, put_aside
from feedbridge.sync.model import OPERATIONS, Change, Difference, Operation, Row

__all__ = ["Kept", "Planner", "TargetState"]

TAKING = tuple(OPERATIONS.index(op) for op in ("replace", "settle", "update", "create"))
LOOKED_UP = 400
"""Items whose earlier bodies are fetched at once."""
_TABLE = """
create table change (id integer primary key, target integer, op integer, key text, sku text, fields text,
                     at integer, size integer, stored integer, line blob);
create index change_order on change (target, op, key);
create index change_sku on change (target, sku, op);
create table folded (target integer, folded text, key text);
create index folded_order on folded (target, folded);
"""


class Kept(Protocol):
    """What planning asks of the ledger."""

    def rows(self, target_id: int) -> Iterator[Row]: ...

    def bodies(self, target_id: int, keys: Iterable[str]) -> dict[str, bytes]: ...

    def sharing(self, target_id: int, *, at: tuple[int, str] | None = None) -> dict[str, str]: ...

    def files(self, target_id: int, keys: Iterable[str]) -> dict[str, dict[str, str]]: ...

    def row(self, target_id: int, key: str) -> Row | None: ...


@dataclass
class TargetState:
    """One target while it is planned."""

    number: int
    name: str
    id: int
    delivery: Delivery
    mapping: str
    """Digest of the mappings at hand."""
    counts: Counter[str] = field(default_factory=Counter)
    present: int = 0
    pending: int = 0
    """Items that are not yet as the feed says and will be tried again though the feed does not change."""
    waiting: int = 0
    """Items that are sent but for a part, which waits."""
    gone_now: int = 0
    """Items that the feed no longer names, and did at the run before."""
    taken_over: int = 0
    """Updates of items that were never sent here: the platform has them from elsewhere, and of what is there nothing is known."""
    shrunk: int = 0
    """Items that lose a variant."""
    no_id: list[str] = field(default_factory=list)
    """SKUs of items that wait until the platform's id of them is known."""
    lost: Counter[str] = field(default_factory=Counter)
    """Field -> items that lose it."""
    job_id: int = 0


class Planner:
    """Plans one target after the other.

    ``reconcile``  False: what the feed lacks is left alone (a part of the catalogue, a replay)
    ``grace``      runs for which what is gone is kept; ``release`` overrides it, and doubts about damaged rows
    ``resend``     SKUs to send though nothing changed; None: none; an empty set: all
    ``adopt``      the platform may have products that the ledger knows nothing of: every create is settled instead
    ``shown``      how findings show the sources, by their number
    ``mapping_changed``  since the last complete run
    ``replay``     when the feed is one of mended records: SKU of each product that was held back -> the SKUs, without
                   case, of what it may change (empty: which product it was could not be read); nothing else that the
                   platform has is changed. With "" in it, any new product may be one whose SKU could not be read
    ``job``, ``former``  this job, and jobs that its file had once: one of them may be this one's former name
    """

    def __init__(
        self, feed: Feed, ledger: Kept, *, reconcile: bool = True, grace: int = 0, release: bool = False,
        resend: frozenset[str] | None = None, adopt: bool = False, shown: list[str] | None = None,
        mapping_changed: bool = False, replay: Mapping[str, frozenset[str]] | None = None, job: str = "",
        former: Collection[str] = (),
    ) -> None:
        self.feed = feed
        self.ledger = ledger
        self.reconcile = reconcile
        self.grace = grace
        self.release = release
        self.resend = resend
        self.adopt = adopt
        self.shown = shown or []
        self.mapping_changed = mapping_changed
        self.job = job
        self.former = former
        self.replay = replay is not None
        self.mended = replay or {}
        self.back: dict[int, list[str]] = {}
        """Items that were missing and are there again."""
        self.gone: dict[int, list[str]] = {}
        """Rows to forget: they were never on the platform and the feed no longer has them."""
        self._database = feed.connection()
        self._database.create_function("feedbridge_fold", 1, str.casefold, deterministic=True)
        with put_aside():
            self._database.executescript(_TABLE)
        self._folded: set[int] = set()
        """Targets whose keys are in the table ``folded``."""
        self._either: list[str] = []
        """Keys of items that the platform has under another case, too, so that it may have what either said."""
        self._rows: list[tuple[object, ...]] = []
        self._waiting: list[tuple[Row, str, str]] = []
        """Gone, and within their grace runs: (row, reason, what is unsure)."""
        self._others: dict[str, str] = {}
        """Items that another job has sent to the same place: key -> that job."""
        self._claimed: dict[str, str] = {}
        """SKUs without case that held-back products name, and the codes that hold them."""
        self._why: dict[str, HeldProduct] = {}
        """Held-back products by the SKUs they name."""
        self._held_told: set[str] = set()
        """SKUs of held-back products that are in the plan already."""

    def plan(self, target: TargetState) -> None:
        """Compare one target's items with the ledger; its changes are then to be had from ``changes``."""
        held = self.feed.held_skus(target.number)
        # A plan may come before the ledger knows the target.
        self._others = self.ledger.sharing(target.id, at=None if target.id else (target.job_id, target.delivery.place))
        self._claimed = self.feed.claimed(target.number)
        self._why = {sku: one for one in self.feed.held(target.number) for sku in (*one.named, one.sku) if sku}
        self._held_told = set()
        self.back[target.number] = []
        self.gone[target.number] = []
        self._waiting, self._either = [], []
        doubtful: list[tuple[FeedItem, Row]] = []
        for item, row in side_by_side(self.feed.items(target.number), self.ledger.rows(target.id)):
            if row is not None and row.present:
                target.present += 1
                if row.missing and (item is not None or row.sku in held):
                    self.back[target.number].append(row.key)
            if item is not None and item.sku in held:
                self._add(target, "held", item, row, code=held[item.sku],
                          reason="a SKU of it is in the feed more than once, or held back there")
            elif item is None and row is not None:
                self._without(target, row, held)
            elif item is not None and row is not None:
                if not self._quickly(target, item, row):
                    doubtful.append((item, row))
                    if len(doubtful) >= LOOKED_UP:
                        self._compare(target, doubtful)
                        doubtful = []
            elif item is not None:
                self._new(target, item, None, "new")
        self._compare(target, doubtful)
        self._flush()
        self._send_either(target)
        self._wait(target)
        self._never_sent(target)
        self._flush()
        with put_aside():
            self._parents(target)

    def _quickly(self, target: TargetState, item: FeedItem, row: Row) -> bool:
        """What needs no look at bodies."""
        if row.state == "unknown":
            said = {"create": "created", "update": "updated", "delete": "deleted"}.get(row.action, "sent")
            self._send(target, "settle", item, row, self._left_undone(target, item, row), unsure=row.action or "create",
                       reason=f"whether it was {said} at the last try is not known")
        elif row.state == "deleted" or not row.hash:
            self._new(target, item, row, f"new; {refused_before(row)}" if row.state == "failed" else "back in the feed")
        elif row.hash == item.hash and row.state == "sent" and not self._forced(item.sku):
            target.counts["unchanged"] += 1
        else:
            return False
        return True

    def _is_claimed(self, target: TargetState, row: Row) -> bool:
        """Whether a held-back product names a SKU of an item that the feed does not name otherwise: it is not gone."""
        if not self._claimed:
            return False
        if row.key.casefold() in self._claimed or row.sku.casefold() in self._claimed:
            return True
        body = self.ledger.bodies(target.id, [row.key]).get(row.key, b"")
        claimed = {code for code in target.delivery.codes(body) if code.casefold() in self._claimed}
        self._held_told |= claimed
        return bool(claimed)

    def _forced(self, sku: str) -> bool:
        return self.resend is not None and (not self.resend or sku in self.resend)

    def _never_sent(self, target: TargetState) -> None:
        """Name the held-back products of which the platform has nothing, too: nobody is to look for them in vain."""
        for one in self.feed.held(target.number):
            names = {one.sku, *one.named}
            if one.damaged or not one.sku or not names.isdisjoint(self._held_told):
                continue
            self._held_told |= names
            self._add(target, "held", None, None, reason=one.problem or "held back in the feed", code=one.codes,
                      mend=one.mend, of=one)

    def _new(self, target: TargetState, item: FeedItem, row: Row | None, reason: str) -> None:
        if self.replay and item.sku not in self.mended and "" not in self.mended:
            self._add(target, "refused", item, row, reason="was not held back", code="sync.not-held",
                      message="a replay sends only what was held back",
                      mend="take it out of the file; what the source says of it is sent by feedbridge sync")
        elif item.key in self._others:
            target.pending += 1  # until the other job lets go of it
            other = self._others[item.key]
            mend = "let one job send it, or give one of the jobs a feed (or store) of its own"
            if other in self.former:
                mend = f"if {other} is the former name of this job: feedbridge job rename {other} {self.job}; else {mend}"
            self._add(target, "refused", item, row, reason=reason, code="sync.other-job",
                      message=f"the job {other} has sent it to the same place", mend=mend)
        elif (fresh := getattr(target.delivery, "fresh", None)) is not None:  # it knows better than we what is there
            known = Parcel(item.key, self.feed.body(item.at, item.size), b"", row.platform_id if row else "")
            op, way = fresh(known)
            if op == "left":
                target.counts["left"] += 1
                target.pending += 1
                target.no_id.append(item.sku)
            else:
                updates = target.counts["update"]
                self._send(target, op, item, row, way, reason=reason)
                target.taken_over += target.counts["update"] - updates
        elif self.adopt and not target.delivery.upserts:
            self._send(target, "settle", item, row, unsure="create", reason="the platform may have it already (adopt)")
        else:
            self._send(target, "create", item, row, reason=reason)

    def _send(
        self, target: TargetState, op: Operation, item: FeedItem, row: Row | None, way: Way | None = None, *, reason: str,
        parcel: Parcel | None = None, differences: list[Difference] | None = None, unsure: str = "",
    ) -> None:
        """Note what is to be sent, unless the platform lacks what it names.

        ``parcel``  what is sent of it; None: all
        """
        way = way or Way("update")
        ready = getattr(target.delivery, "ready", None)
        if ready is not None:
            asked: Way = ready(parcel or Parcel(
                item.key, self.feed.body(item.at, item.size), b"", row.platform_id if row is not None else ""
            ))
            if asked.how == "refused":
                target.pending += 1  # it may be mended there, though the feed does not change
                self._add(target, "refused", item, row, reason=reason, differences=differences, code=asked.code,
                          message=asked.message, mend=asked.mend)
                return
            if asked.unchecked:
                way = msgspec.structs.replace(
                    way, message="; ".join(one for one in (way.message, asked.message) if one), code=way.code or asked.code,
                    mend="; ".join(one for one in (way.mend, asked.mend) if one), unchecked=True,
                )
        target.pending += way.waits
        target.waiting += way.waits
        self._add(target, op, item, row, reason=reason, differences=differences, code=way.code, message=way.message,
                  mend=way.mend, note=way.note, unsure=unsure, unchecked=way.unchecked)

    def _left_undone(self, target: TargetState, item: FeedItem, row: Row) -> Way:
        """What waits of an item, also when it is known at last what became of the rest."""
        if not hasattr(target.delivery, "part"):
            return Way("update")
        before = self.ledger.bodies(target.id, [row.key]).get(row.key, b"")
        if not before:
            return Way("update")
        known = self.ledger.files(target.id, [row.key]).get(row.key, {})
        after = self.feed.body(item.at, item.size)
        way = target.delivery.change(Parcel(item.key, after, before, row.platform_id, (), _changed(item, known)))
        return Way("update", way.message, way.mend, way.code, waits=True) if way.waits else Way("update")

    def _compare(self, target: TargetState, pairs: list[tuple[FeedItem, Row]]) -> None:
        """Items the platform has in another form: what differs, and how it can be brought there."""
        if not pairs:
            return
        keys = [row.key for _, row in pairs]
        bodies = self.ledger.bodies(target.id, keys)
        stored = self.ledger.files(target.id, keys)
        for item, row in pairs:
            before, after = bodies.get(row.key, b""), self.feed.body(item.at, item.size)
            known = stored.get(row.key, {})
            parcel = Parcel(item.key, after, before, row.platform_id, (), _changed(item, known))
            part = getattr(target.delivery, "part", None)
            sent: Parcel = parcel if part is None else part(parcel)
            found = _found(target, sent, item, known)
            if self.replay and not self._may_change(item, row):
                self._add(target, "refused", item, row, reason="was not held back", differences=found,
                          code="sync.not-held", message="a replay changes only what was held back",
                          mend="take it out of the file; what the source says of it is sent by feedbridge sync")
                continue
            lost = self._lost(target, before, after)
            if lost and (self.replay or self._in_doubt(lost)):
                why = "the mended record lacks variants that the platform has" if self.replay else "held back in the feed"
                told = f"{min(lost)} is no longer in it" + ("" if self.replay else ", and may be in a record that is held back")
                self._add(target, "refused" if self.replay else "held", item, row, reason=why, differences=found,
                          code="sync.lost-variant", message=told, mend="mend the product whole, with all its variants")
                continue
            target.shrunk += bool(lost)
            for one in found:
                if one.after is None and "[" not in one.path:
                    target.lost[one.path] += 1
            way = target.delivery.change(parcel)
            forced = self._forced(item.sku)
            if way.how == "same" and not forced and row.state == "sent":
                if way.message:  # what is gone from it stays there, and nothing else is to be sent: told every night
                    self._add(target, "keep", item, row, reason=reason_of(found) if found else "", differences=found,
                              code=way.code, message=way.message, mend=way.mend)
                else:
                    target.counts["unchanged"] += 1
                continue
            again = way.waits and way.how == "refused" and forced
            op: Operation = "update" if again or way.how == "same" else way.how
            if op == "refused" and sent is not parcel:
                found = _found(target, parcel, item, known)
            refused = refused_before(row) if row.state == "failed" else ""
            reason = reason_of(found) if found else "sent again on demand" if forced else refused or "not as it was sent"
            if found and refused:
                reason += f"; {refused}"
            if found and self.mapping_changed:
                reason += "; the mapping changed, too"
            if op == "refused":
                target.pending += way.waits
                self._add(target, op, item, row, reason=reason, differences=found, code=way.code,
                          message=way.message, mend=way.mend)
            else:
                if again or way.how == "same":  # nothing of what is sent has changed: all of it is sent
                    parcel = msgspec.structs.replace(parcel, before=b"")
                self._send(target, op, item, row, way, parcel=parcel, reason=reason, differences=found)

    def _may_change(self, item: FeedItem, row: Row) -> bool:
        """Whether an item of a replay is of a product that was held back, and the platform's, too."""
        names = self.mended.get(item.sku)
        return names is not None and (not names or not names.isdisjoint((row.sku.casefold(), row.key.casefold())))

    @staticmethod
    def _lost(target: TargetState, before: bytes, after: bytes) -> set[str]:
        """Names that an item had and has no longer: variants that are gone from it."""
        return set(target.delivery.codes(before) - target.delivery.codes(after)) if before else set()

    def _in_doubt(self, lost: set[str]) -> bool:
        """Whether what is gone from an item may be in a record that is held back."""
        damaged = bool(self.feed.damaged) and not self.release
        return damaged or not self._claimed.keys().isdisjoint(code.casefold() for code in lost)

    def _without(self, target: TargetState, row: Row, held: dict[str, str]) -> None:
        """An item of the ledger that the feed does not have as one to be sent."""
        if row.state == "deleted":
            return
        if row.sku in held or self._is_claimed(target, row):
            one = self._why.get(row.sku) or self._why.get(row.key)
            told = (one.problem, one.mend) if one is not None else ("", "")
            self._add(target, "held", None, row, reason=told[0] or "held back in the feed", mend=told[1], of=one,
                      code=held.get(row.sku, "") or (one.codes if one is not None else ""))
            return
        if not row.present and row.state == "failed" and row.action != "delete":
            self.gone[target.number].append(row.key)
            return
        kind = self.feed.excluded_kind(target.number, row.sku)
        if not self.reconcile and not kind:
            target.counts["left"] += 1
            return
        if other := self._in_other_case(target, row.key):
            if (known := self.ledger.row(target.id, other)) is not None and known.present:
                self.gone[target.number].append(row.key)  # the same product, which goes by its other row from here on
                self._either.append(other)
            else:
                target.pending += 1
                self._add(target, "keep", None, row, reason="gone from the feed", missing=row.missing,
                          message=f"kept: the feed has it as {other} now, and for the platform both are one")
            return
        reason = f"now {kind}, which is not for this platform" if kind else "gone from the feed"
        if row.state == "failed":
            reason += f"; {refused_before(row)}"
        # A platform that deletes says no to what is gone already; one that switches off says no for other reasons.
        unsure = row.action if row.state == "unknown" and target.delivery.deletes == "delete" else ""
        why_kept = ""
        runs = row.missing + 1
        target.gone_now += runs == 1 and not kind
        if row.key in self._others:
            why_kept = f"kept: the job {self._others[row.key]} sends it to the same place, too"
        elif not row.present and row.state == "failed":
            why_kept = "whether the platform has it is not known: look there, then say feedbridge ids forget"
        elif target.delivery.deletes == "by hand":
            why_kept = "what is gone is not deleted here: delete it there by hand, then say feedbridge ids forget"
        elif self.feed.damaged and not self.release:
            rows = "1 damaged record" if self.feed.damaged == 1 else f"{self.feed.damaged:,} damaged records"
            why_kept = f"kept: it may be in the {rows} whose SKU cannot be read"
        elif runs <= self.grace and not self.release:
            self._waiting.append((row, reason, unsure))
            return
        if why_kept:
            target.pending += target.delivery.deletes != "by hand"
            self._add(target, "keep", None, row, reason=reason, message=why_kept, missing=runs)
        else:
            self._add(target, "delete", None, row, reason=reason, unsure=unsure)

    def _in_other_case(self, target: TargetState, key: str) -> str:
        """The key by which the feed has an item that a platform takes for this one, since it knows no case."""
        if not getattr(target.delivery, "folds_case", False):
            return ""
        if target.number not in self._folded:  # asked of few nights only
            self._folded.add(target.number)
            with put_aside():
                self._database.execute(
                    "insert into folded select target, feedbridge_fold(key), key from item where target = ?", (target.number,)
                )
        found = self._database.execute(
            "select min(key) from folded where target = ? and folded = ?", (target.number, key.casefold())
        ).fetchone()
        return found[0] or ""

    def _send_either(self, target: TargetState) -> None:
        """Send once more what the platform may have in a form that was sent under another case."""
        for key in self._either:
            known = self._database.execute("select 1 from change where target = ? and key = ?", (target.number, key)).fetchone()
            item, row = self.feed.item(target.number, key), self.ledger.row(target.id, key)
            if known is None and item is not None and row is not None:
                target.counts["unchanged"] -= 1
                self._add(target, "update", item, row, reason="it was sent under its SKU in another case, too")
        self._flush()

    def _wait(self, target: TargetState) -> None:
        """Keep what is gone for its grace runs, save what stands in the way: a SKU of it is now another product's."""
        if not self._waiting:
            return
        taken = self._codes_sent(target)
        for start in range(0, len(self._waiting), LOOKED_UP):
            some = self._waiting[start : start + LOOKED_UP]
            bodies = self.ledger.bodies(target.id, [row.key for row, *_ in some]) if taken else {}
            for row, reason, unsure in some:
                moved = taken & {row.key, *target.delivery.codes(bodies.get(row.key, b""))} if taken else set()
                if moved:
                    self._add(target, "delete", None, row, unsure=unsure,
                              reason=f"{reason}; its SKU {min(moved)} is now another product's")
                    continue
                left = self.grace - row.missing
                target.pending += 1
                self._add(target, "keep", None, row, reason=reason, missing=row.missing + 1,
                          message=f"kept for {left} more run{'s' if left > 1 else ''} (guard grace_runs: {self.grace})")
        self._waiting = []

    def _codes_sent(self, target: TargetState) -> set[str]:
        """Every name that what is sent takes in the place; none where a name is an item's key and nothing else."""
        if target.delivery.upserts:
            return set()
        sent = self._database.execute(
            f"select at, size from change where target = ? and op in ({', '.join('?' * len(TAKING))})",
            (target.number, *TAKING),
        )
        return {code for at, size in sent for code in target.delivery.codes(self.feed.body(at, size))}

    def _add(
        self, target: TargetState, op: Operation, item: FeedItem | None, row: Row | None, *, reason: str,
        differences: list[Difference] | None = None, code: str = "", message: str = "", mend: str = "", unsure: str = "",
        missing: int = 0, of: HeldProduct | None = None, note: str = "", unchecked: bool = False,
    ) -> None:
        """Note a change. ``of``: the held-back product, where there is no item."""
        target.counts[op] += 1
        named, placed = item or row or of, item or of
        sku = named.sku if named is not None else ""
        if op == "held" and item is None:  # an item is of a product of its own, beside the one that is held back
            self._held_told |= {sku, row.key if row is not None else sku}
        change = Change(
            target=target.name, op=op, key=item.key if item else row.key if row else sku, sku=sku, reason=reason,
            differences=differences or [], message=message, mend=mend, code=code, note=note, unsure=unsure, missing=missing,
            unchecked=unchecked,
            file=self.shown[placed.source] if placed and placed.source < len(self.shown) else "",
            line=placed.line if placed else 0, platform_id=row.platform_id if row else "",
            hash=item.hash.hex() if item else row.hash.hex() if row and op == "delete" else "",
            files=list(item.files) if item else [],
        )
        fields = fields_of(differences) if differences else ""
        stored = int(op == "delete" and row is not None)
        at, size = (item.at, item.size) if item is not None and op not in ("keep", "held") else (0, 0)
        self._rows.append((
            target.number, OPERATIONS.index(op), change.key, change.sku, fields, at, size, stored,
            msgspec.json.encode(change),
        ))
        if len(self._rows) >= 2_000:
            self._flush()

    def _flush(self) -> None:
        with put_aside():
            self._database.executemany(
                "insert into change (target, op, key, sku, fields, at, size, stored, line) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._rows,
            )
        self._rows = []

    def _parents(self, target: TargetState) -> None:
        """Where a product became several items and the same fields of all of them changed, its parent changed."""
        found = self._database.execute(
            "select sku, count(*), min(fields) from change where target = ? and op = ? and fields != '' "
            "group by sku having count(*) > 1 and count(distinct fields) = 1",
            (target.number, OPERATIONS.index("update")),
        ).fetchall()
        for sku, number, fields in found:
            if number != self.feed.items_of(target.number, sku):
                continue
            reason = f"the product changed, and its {number:,} variants with it: {fields}"
            rows = self._database.execute(
                "select id, line from change where target = ? and sku = ? and op = ?",
                (target.number, sku, OPERATIONS.index("update")),
            ).fetchall()
            for number_, line in rows:
                change = msgspec.json.decode(line, type=Change)
                change.reason = reason
                self._database.execute("update change set line = ? where id = ?", (msgspec.json.encode(change), number_))

    def changes(self, targets: list[TargetState], only: Container[Operation] = OPERATIONS) -> Iterator[Change]:
        """All changes in the order of OPERATIONS, then target, then key, with their bodies. ``only``: of these."""
        for op, operation in enumerate(OPERATIONS):
            if operation not in only:
                continue
            for target in targets:
                rows = self._database.execute(
                    "select line, at, size, stored from change where target = ? and op = ? order by key", (target.number, op)
                )
                while some := rows.fetchmany(LOOKED_UP):
                    changes = [msgspec.json.decode(line, type=Change) for line, *_ in some]
                    stored: dict[str, bytes] = {}
                    if operation == "delete":
                        stored = self.ledger.bodies(target.id, [change.key for change in changes])
                    for change, (_, at, size, _) in zip(changes, some, strict=True):
                        body = stored.get(change.key, b"") if operation == "delete" else self.feed.body(at, size)
                        change.body = body.decode()
                        change.title = title_of(body)
                        yield change


def side_by_side(items: Iterator[FeedItem], rows: Iterator[Row]) -> Iterator[tuple[FeedItem | None, Row | None]]:
    """Both in the order of their keys, pairs where the key is the same. A key comes once in each (rules saw to it); a
    second item of the same key is passed over, since it cannot be sent."""
    item, row = next(items, None), next(rows, None)
    while item is not None or row is not None:
        if row is None or (item is not None and item.key < row.key):
            assert item is not None
            yield item, None
            item = _after(items, item.key)
        elif item is None or row.key < item.key:
            yield None, row
            row = next(rows, None)
        else:
            yield item, row
            item, row = _after(items, item.key), next(rows, None)


def _after(items: Iterator[FeedItem], key: str) -> FeedItem | None:
    item = next(items, None)
    while item is not None and item.key == key:
        item = next(items, None)
    return item


def _changed(item: FeedItem, known: dict[str, str]) -> frozenset[str]:
    """Targets of the files that differ from those the platform took last."""
    files = {file: sha256 for _, file, sha256 in item.files}
    return frozenset(file for file in known | files if known.get(file) != files.get(file))


def _found(target: TargetState, parcel: Parcel, item: FeedItem, known: dict[str, str]) -> list[Difference]:
    """What differs in a parcel: fields, then files."""
    files = {file: sha256 for _, file, sha256 in item.files}
    found = differences(parcel.before, parcel.body, target.delivery.lists) if parcel.before else []
    return found + [
        Difference(f"file {file}", known.get(file, "")[:12] or None, files.get(file, "")[:12] or None)
        for file in sorted(parcel.changed)
    ]

def refused_before(row: Row) -> str:
    """What is said of an item that was not taken at the last try, with the words of why."""
    words = " ".join(row.message.split())
    return f"it was not taken before: {cut(words)}" if words else "it was not taken before"


def reason_of(found: list[Difference]) -> str:
    """``field sell_price changed``; ``variant TEE-S: price changed``."""
    inside = {one.path[: one.path.index("]") + 1] if one.path.startswith("variants[") and "]" in one.path else "" for one in found}
    if len(inside) == 1 and (front := inside.pop()):
        fields = ", ".join(dict.fromkeys(one.path[len(front) :].lstrip(".") or "as a whole" for one in found[:4]))
        return f"variant {front[len('variants[') : -1]} changed: {fields}"
    return fields_of(found)


def title_of(body: bytes) -> str:
    """What a product calls itself, for people: its title or name."""
    try:
        document = msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        return ""
    if not isinstance(document, dict):
        return ""
    own = document.get("product")
    inner = own if isinstance(own, dict) else document
    title = inner.get("title") or inner.get("name") or ""
    return title if isinstance(title, str) else ""
