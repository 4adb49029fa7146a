"""Carrying out a plan for one target: calls, waiting, trying again, and writing down each step before and after it.

The order of things is what everything rests on: the intent is in the ledger before a call is made, the outcome after it.
Whatever happens between the two leaves items ``unknown``, and these are settled in the safest documented way:

- an upserting platform (Magento) gets the same call again;
- elsewhere (Flipsnack) an unknown create becomes an update with the whole product, and only what the update says is not
  there is created: never a second create on a guess;
- an unknown update or delete is made again; of a repeated delete, what the platform does not know is gone;
- what an update might leave something of, since the feed has moved on meanwhile or a delete was tried, is deleted and
  created: whatever the platform has by then, it has what the feed says afterwards.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from feedbridge.platforms.delivery import Action, Answer, Delivery, Parcel, Reach, Verdict
from feedbridge.platforms.limiter import Limiter
from feedbridge.sync.feed import item_hash, uses
from feedbridge.sync.forgetting import FORGET
from feedbridge.sync.lease import Lease
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_rows import Intent, Outcome
from feedbridge.sync.model import Change, Operation
from feedbridge.sync.pieces import Pieces

__all__ = ["Courier", "Failure", "Observe", "Stopped", "TargetDown", "Waits"]

FAILURES_KEPT = 1_000
AWAY_AT_ONCE = 100
"""Items deleted before they are created anew: so many may be away when a run dies."""
AWAY = "it was deleted to be made anew, and the platform does not have it now"
LOST_IN_A_ROW = 20
"""Enough to find the one product of 500 that a platform dies of; then it is the platform."""
REFUSED_IN_A_ROW = 20
REFUSED_ITEMS = 100
"""So many calls refused, about so many items, and none taken in the whole run: then it is the platform, not a product."""
NO_END = "the call was begun, and what came of it was not written down"
DONE = {"delete": "deleted", "replace": "replaced", "settle": "settled", "update": "updated", "create": "created"}
AGAIN = "nothing is lost: run the same command again later, what was taken is not sent twice"
BUSY = 503
"""HTTP status of a platform that is not there for a while. It may have acted all the same, if a proxy says so."""
Observe = Callable[..., None]
"""``observe(event, **fields)``: told of every step; the log, the progress line and the tests listen."""


class Stopped(Exception):
    """A person or the system asked to stop; the call in hand was finished and written down."""


class TargetDown(Exception):
    """No further call to this target makes sense now. ``message`` and ``mend`` are for people, ``code`` tells one way to be
    down from another: ``stop``, ``lost``, ``unsent``, ``wait``, ``refused``."""

    def __init__(self, message: str, mend: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.code = code


class Failure(msgspec.Struct, frozen=True):
    """An item the platform did not take, in its own words."""

    target: str
    op: str
    key: str
    sku: str
    message: str
    state: str
    file: str = ""
    line: int = 0
    mend: str = ""
    code: str = ""


@dataclass(frozen=True)
class Waits:
    """How long to wait for a platform that asks to, or cannot be reached. ``sleep`` is given small slices of seconds."""

    first_seconds: float = 5
    most_seconds: float = 300
    patience_seconds: float = 5400
    """In one row of waits; then the run gives up on the target for now."""
    lost_tries: int = 4
    """Times a call whose outcome is not known is settled again in the same run."""
    unsent_tries: int = 5
    sleep: Callable[[float], None] = time.sleep

    def long(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Wait, unless asked to stop. Raises Stopped."""
        left = seconds
        while left > 0:
            if stop():
                raise Stopped
            slice_ = min(0.5, left)
            self.sleep(slice_)
            left -= slice_
        if stop():
            raise Stopped


@dataclass
class Courier:
    """Delivers one target's changes. ``deliver`` raises TargetDown, Stopped, LedgerError; what was done until then is
    written down and counted."""

    target: str
    target_id: int
    delivery: Delivery
    ledger: Ledger
    lease: Lease
    limiter: Limiter
    run: str
    mapping: str
    digest: Callable[[str], str]
    waits: Waits = field(default_factory=Waits)
    stop: Callable[[], bool] = lambda: False
    observe: Observe = lambda event, **fields: None
    forget: Callable[[str], str] = lambda key: FORGET
    """The command that forgets an item, as it is typed."""
    planned: int = REFUSED_ITEMS
    """Items that are to be sent."""
    again: str = AGAIN
    """How a person goes on with what a target that is down did not get."""
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    calls: int = 0
    _last: Answer = field(default=Answer(Reach.UNSENT))
    """To the last call."""
    _lost: int = 0
    """Calls in a row whose outcome is not known."""
    _refused: int = 0
    """Calls in a row that were refused whole, while nothing was taken."""
    _refused_keys: set[str] = field(default_factory=set)
    _takes: bool = False
    """Whether the platform took anything in this run."""
    _changes: dict[str, Change] = field(default_factory=dict)
    """Those of the batch at hand."""
    _tried: dict[str, Verdict] = field(default_factory=dict)
    """What the ledger says of items that were tried and are not counted yet."""
    _away: dict[str, Change] = field(default_factory=dict)
    """Deleted to be created anew, and not created yet."""

    def deliver(self, changes: Callable[[Operation], Iterator[Change]]) -> None:
        """Everything a plan sends, in its order: what goes, goes first, since it may free a SKU that comes anew."""
        try:
            self._deliver(changes)
        except BaseException:
            self._count_tried()
            raise

    def _deliver(self, changes: Callable[[Operation], Iterator[Change]]) -> None:
        again: list[Change] = []
        for batch in self._batches("delete", changes("delete")):
            self._delete(batch)
        for batch in self._batches("delete", changes("replace")):
            for start in range(0, len(batch), AWAY_AT_ONCE):
                again += self._replace(batch[start : start + AWAY_AT_ONCE])
        for batch in self._batches("update", changes("settle")):
            self._settle(batch)
        for batch in self._batches("update", changes("update")):
            self._count("updated", batch, self._surely("update", batch))
        for batch in self._batches("create", changes("create")):
            self._count("created", batch, self._create(batch))
        if again:  # a SKU that moved between two of them is free by now
            for batch in self._batches("create", iter(again)):
                verdicts = self._create(batch)
                for key, verdict in verdicts.items():
                    if verdict.state == "failed":
                        verdicts[key] = msgspec.structs.replace(verdict, message=f"{AWAY}: {verdict.message}")
                self._count("replaced", batch, verdicts)

    def _batches(self, action: Action, changes: Iterable[Change]) -> Iterator[list[Parcel]]:
        """The changes as parcels in calls, each content file still what it was when the plan was made."""

        def parcels() -> Iterator[Parcel]:
            for change in changes:
                if change.files and (gone := self._other_content(change)):
                    self._failed(change, f"{gone} is no longer what it was when the plan was made", "untried")
                    continue
                self._changes[change.key] = change
                yield self._parcel(change)

        for batch in self.delivery.batches(action, parcels()):
            if action == "create" and (taken := self.ledger.sharing(self.target_id, [parcel.key for parcel in batch])):
                for parcel in batch:
                    if parcel.key in taken:
                        said = f"the job {taken[parcel.key]} has sent it to the same place meanwhile"
                        self._failed(self._changes[parcel.key], said, "failed")
                batch = [parcel for parcel in batch if parcel.key not in taken]
            bodies = self.ledger.bodies(self.target_id, [parcel.key for parcel in batch])
            files = self.ledger.files(self.target_id, [parcel.key for parcel in batch])
            yield [self._with_before(parcel, bodies, files) for parcel in batch]
            done = {parcel.key for parcel in batch}
            self._changes = {key: change for key, change in self._changes.items() if key not in done}

    def _parcel(self, change: Change) -> Parcel:
        return Parcel(
            change.key, change.body.encode(), b"", change.platform_id, uses(tuple(change.files)),
            frozenset(target for _, target, _ in change.files), change.unchecked,
        )

    def _with_before(self, parcel: Parcel, bodies: dict[str, bytes], files: dict[str, dict[str, str]]) -> Parcel:
        before = bodies.get(parcel.key, b"")
        known = files.get(parcel.key, {})
        planned = {target: sha256 for _, target, sha256 in self._changes[parcel.key].files}
        changed = frozenset(target for target in planned | known if known.get(target) != planned.get(target))
        return msgspec.structs.replace(parcel, before=before, changed=changed)

    def _other_content(self, change: Change) -> str:
        for source, _, sha256 in change.files:
            try:
                if self.digest(source) != sha256:
                    return source
            except OSError:
                return source
        return ""

    # What is done with a batch ------------------------------------------------------------------------------------

    def _create(self, batch: list[Parcel]) -> dict[str, Verdict]:
        verdicts = self._call("create", batch)
        if unknown := _unknown(batch, verdicts):
            self._wait_if_lost()
            verdicts |= self._find_out(unknown, "create")
        return verdicts

    def _surely(self, action: Action, batch: list[Parcel]) -> dict[str, Verdict]:
        """An update, made again while its outcome is not known."""
        return self._until_known(batch, lambda some: self._call(action, some))

    def _find_out(self, batch: list[Parcel], tried: str) -> dict[str, Verdict]:
        """Bring items to what the feed says when it is not known what the platform has of them."""
        if self.delivery.upserts or tried == "update":
            return self._surely("update", batch)
        # what was to be deleted is either gone or as it was: an update tells, as it does of a create
        return self._until_known(batch, self._update_or_create)

    def _update_or_create(self, batch: list[Parcel]) -> dict[str, Verdict]:
        """What is refused both ways has failed, and it stays unknown whether the platform has it."""
        self.observe("settle", target=self.target, items=len(batch))
        verdicts = self._call("update", batch, finding="create")
        missing = [parcel for parcel in batch if verdicts[parcel.key].state == "failed"]
        if missing:
            self.observe("missing", target=self.target, items=len(missing))
            said = {parcel.key: verdicts[parcel.key].message for parcel in missing}
            created = self._call("create", missing, finding="create")
            for key, verdict in created.items():
                if verdict.state == "failed" and said[key] not in ("", verdict.message):
                    created[key] = msgspec.structs.replace(
                        verdict, message=f"{verdict.message} (and to an update: {said[key]})"
                    )
            verdicts |= created
        return verdicts

    def _until_known(
        self, batch: list[Parcel], attempt: Callable[[list[Parcel]], dict[str, Verdict]]
    ) -> dict[str, Verdict]:
        """Attempt what may be repeated until its outcome is known: the same again, after growing waits, while the platform
        gives no answer; in halves when it answers and does not say of whom, or fails at something that is in the call."""
        verdicts = attempt(batch)
        waited, wait, tries = 0.0, self.waits.first_seconds, 0
        while (left := _unknown(batch, verdicts)) and self._last.reach is not Reach.ANSWERED:
            if self._last.http_status != BUSY:
                tries += 1
                if tries > self.waits.lost_tries:
                    break
            seconds = max(wait, self._last.wait_seconds or 0)
            if waited + seconds > self.waits.patience_seconds:
                raise TargetDown(f"asked to wait for too long: {self._last.message}", self.again, "wait")
            self.observe("retry", target=self.target, items=len(left), wait=seconds)
            self.waits.long(seconds, self.stop)
            waited += seconds
            wait = min(wait * 2, self.waits.most_seconds)
            verdicts |= attempt(left)
        return verdicts | self._in_halves(_unknown(batch, verdicts), attempt)

    def _in_halves(
        self, batch: list[Parcel], attempt: Callable[[list[Parcel]], dict[str, Verdict]]
    ) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        pieces = Pieces()
        left = batch
        while True:
            if len(left) > 1 and self._last.http_status not in (None, BUSY):
                self.observe("halving", target=self.target, items=len(left))
                pieces.halve(left)
            if not pieces:
                return verdicts
            piece = pieces.take()
            verdicts |= attempt(piece)
            left = _unknown(piece, verdicts)

    def _wait_if_lost(self) -> None:
        if self._last.reach is not Reach.ANSWERED:
            seconds = max(self.waits.first_seconds, self._last.wait_seconds or 0)
            self.observe("retry", target=self.target, wait=seconds)
            self.waits.long(seconds, self.stop)

    def _settle(self, batch: list[Parcel]) -> None:
        verdicts: dict[str, Verdict] = {}
        anew: list[Parcel] = []
        by_action: dict[str, list[Parcel]] = {}
        for parcel in batch:
            if self._might_leave_something(parcel):
                anew.append(parcel)
            else:
                by_action.setdefault(self._changes[parcel.key].unsure or "create", []).append(parcel)
        for tried, parcels in by_action.items():
            if self.delivery.deletes == "by hand":  # nothing takes back what an uncertain folder may have changed
                parcels = [msgspec.structs.replace(parcel, before=b"") for parcel in parcels]
            verdicts |= self._find_out(parcels, tried)
        if anew:
            self.observe("anew", target=self.target, items=len(anew))
            verdicts |= self._surely_gone(anew, repeated=True)
            if gone := [parcel for parcel in anew if verdicts[parcel.key].state == "taken"]:
                verdicts |= self._create(gone)
        self._count("settled", batch, verdicts)

    def _might_leave_something(self, parcel: Parcel) -> bool:
        """Whether the platform may have something of an unknown item that an update would leave there.

        It has what it took last or what was tried last, if not something tried before that. An update is enough where the
        new body names all that these name: it is what was tried, and takes nothing away from what was there before.
        """
        delivery = self.delivery
        if delivery.upserts or delivery.deletes != "delete":
            return False
        row = self.ledger.row(self.target_id, parcel.key)
        if row is None or row.state != "unknown":  # taken over from a platform that was there before (adopt)
            return False
        if delivery.change(Parcel(parcel.key, b"{}", parcel.body)).how != "replace":  # a person wants nothing deleted
            return False
        if row.tried.hex() != self._changes[parcel.key].hash:
            return True
        match row.action:
            case "create":
                return bool(row.hash)
            case "update":
                return not parcel.before or delivery.change(parcel).how not in ("same", "update")
        return True

    def _delete(self, batch: list[Parcel]) -> None:
        unsure = [parcel for parcel in batch if self._changes[parcel.key].unsure]
        sure = [parcel for parcel in batch if not self._changes[parcel.key].unsure]
        for parcels, repeated in ((sure, False), (unsure, True)):
            if parcels:
                self._count("deleted", parcels, self._surely_gone(parcels, repeated=repeated))

    def _replace(self, batch: list[Parcel]) -> list[Change]:
        """Delete and create; what could not be created is given back, to be tried once more at the end."""
        verdicts = self._surely_gone(batch)
        gone = [parcel for parcel in batch if verdicts[parcel.key].state == "taken"]
        kept = [parcel for parcel in batch if verdicts[parcel.key].state != "taken"]
        self._count("replaced", kept, verdicts)
        if not gone:
            return []
        created = self._create(gone)
        refused = [parcel for parcel in gone if created[parcel.key].state == "failed"]
        self._count("replaced", [parcel for parcel in gone if parcel not in refused], created)
        return [self._changes[parcel.key] for parcel in refused]

    def _surely_gone(self, batch: list[Parcel], *, repeated: bool = False) -> dict[str, Verdict]:
        """A delete, made again while its outcome is not known. ``repeated``: it may have been done before; what the
        platform then does not find is gone. A first delete that fails is a failure: no words for "not there" are
        documented, so it may as well be kept."""
        verdicts = self._call("delete", batch, repeated=repeated)
        if unknown := _unknown(batch, verdicts):
            self._wait_if_lost()
            verdicts |= self._until_known(unknown, lambda some: self._call("delete", some, repeated=True))
        if self.delivery.deletes == "delete":
            for parcel in batch:  # refused whole when made again: an update tells whether it is there at all
                if verdicts[parcel.key].state == "failed" and parcel.body and self._is_gone(parcel):
                    verdicts |= self._call("delete", [parcel], repeated=True, certain=True)
        return verdicts

    def _is_gone(self, parcel: Parcel) -> bool:
        row = self.ledger.row(self.target_id, parcel.key)
        if row is None or row.state != "unknown":
            return False
        found = self._call("update", [parcel], finding="delete")[parcel.key]
        return found.state == "failed"

    # One call -----------------------------------------------------------------------------------------------------

    def _call(
        self, action: Action, batch: Sequence[Parcel], *, repeated: bool = False, finding: str = "", certain: bool = False,
    ) -> dict[str, Verdict]:
        """Call until the platform has said something of every item, or the outcome is not known.

        Of a call that is refused whole, what the refusal names has failed, and the rest is sent again; where it names
        nobody, or is refused again, in halves.

        ``repeated``  a delete that may have been done already: what the platform does not know is gone
        ``certain``   with one item and ``repeated``: an update has told that it is gone, so a refusal says so, too
        ``finding``   of a call that only finds out: what was tried before, which stays in the ledger until it is known;
                      what is refused then stays unknown
        """
        verdicts: dict[str, Verdict] = {}
        pieces = Pieces([list(batch)])
        sent_again = False
        while pieces:
            piece = pieces.take()
            verdicts |= self._one_call(action, piece, repeated, finding, certain)
            left = [parcel for parcel in piece if parcel.key not in verdicts]
            if left and len(left) < len(piece) and not sent_again:
                sent_again = True
                pieces.put(left)
            elif left:
                self.observe("halving", target=self.target, action=action, items=len(left))
                pieces.halve(left)
        return verdicts

    def _one_call(
        self, action: Action, batch: Sequence[Parcel], repeated: bool, finding: str, certain: bool
    ) -> dict[str, Verdict]:
        """Make a call, again while the platform asks to wait. Of a call that is refused, only what is told item by item
        is answered. Raises TargetDown, Stopped."""
        waited, wait, unsent = 0.0, self.waits.first_seconds, 0
        while True:
            self._wait_for_turn(take=False)
            self.observe("intending", target=self.target, action=action, items=len(batch))
            batch_id = self.ledger.intend(
                self.run, self.target_id, finding or action, self._intents(action, batch), self.lease
            )
            before = {parcel.key: self._tried.get(parcel.key) for parcel in batch}
            self._tried |= {parcel.key: Verdict("unknown", NO_END) for parcel in batch}
            try:
                self._wait_for_turn()  # counted now, and not before the disk has taken its time
            except Stopped:
                self._settled(batch_id, action, batch, Answer(Reach.UNSENT), {}, before, bool(finding) or repeated)
                raise
            self.observe("calling", target=self.target, action=action, items=len(batch), batch=batch_id)
            answer = self.delivery.send(action, batch)
            self.calls += answer.called
            self._last = answer
            self._lost = self._lost + 1 if answer.reach is Reach.UNKNOWN and answer.http_status != BUSY else 0
            self.observe(
                "answered", target=self.target, action=action, items=len(batch), batch=batch_id,
                reach=answer.reach.value, http_status=answer.http_status, message=answer.message,
            )
            verdicts = self._verdicts(batch, answer, action, repeated)
            for key, verdict in verdicts.items():
                if FORGET in verdict.message:  # a platform's delivery knows neither job nor target
                    verdicts[key] = msgspec.structs.replace(verdict, message=verdict.message.replace(FORGET, self.forget(key)))
            if certain and answer.reach is Reach.REFUSED:
                verdicts = {parcel.key: Verdict("taken", answer.message) for parcel in batch}
            self._settled(batch_id, action, batch, answer, verdicts, before, bool(finding) or repeated)
            match answer.reach:
                case Reach.UNKNOWN:
                    if self._lost >= LOST_IN_A_ROW:
                        words = f"{self._lost} calls in a row had no answer to go by: {answer.message}"
                        raise TargetDown(words, self.again, "lost")
                    return verdicts
                case Reach.ANSWERED | Reach.REFUSED:
                    self._check_taking(batch, answer, verdicts, expected=repeated or (bool(finding) and action == "update"))
                    return verdicts
                case Reach.STOP:
                    raise TargetDown(answer.message, answer.mend, "stop")
                case Reach.UNSENT:
                    unsent += 1
                    if unsent >= self.waits.unsent_tries:
                        raise TargetDown(f"cannot be reached: {answer.message}", answer.mend or self.again, "unsent")
                    seconds = wait
                case Reach.WAIT:
                    seconds = max(wait, answer.wait_seconds or 0)
            if waited + seconds > self.waits.patience_seconds:
                if answer.reach is Reach.UNSENT:
                    raise TargetDown(f"cannot be reached: {answer.message}", answer.mend or self.again, "unsent")
                raise TargetDown(f"asked to wait for too long: {answer.message}", self.again, "wait")
            self.observe("waiting", target=self.target, seconds=seconds, message=answer.message)
            if answer.reach is Reach.WAIT:
                self.limiter.pause(min(seconds, self.waits.most_seconds))
            self.waits.long(seconds, self.stop)
            waited += seconds
            wait = min(wait * 2, self.waits.most_seconds)

    def _wait_for_turn(self, *, take: bool = True) -> None:
        """Until the account's rate allows a call. Raises Stopped."""
        if self.stop():
            raise Stopped
        self.limiter.wait(self.stop, take=take)
        if self.stop():
            raise Stopped

    def _settled(
        self, batch_id: str, action: Action, batch: Sequence[Parcel], answer: Answer, verdicts: dict[str, Verdict],
        before: dict[str, Verdict | None], finding: bool,
    ) -> None:
        """Write down what came of a call, in the ledger and for the count."""
        self.ledger.settle(batch_id, self._outcomes(action, batch, answer, verdicts, finding), self.lease)
        for parcel in batch:
            key, verdict = parcel.key, verdicts.get(parcel.key) or before[parcel.key]
            if verdict is None:
                del self._tried[key]
                continue
            if key in verdicts and verdict.state == "failed" and finding:
                verdict = Verdict("unknown", verdict.message)
            self._tried[key] = verdict
            if key in verdicts and verdict.state == "taken":
                if action != "delete":
                    self._away.pop(key, None)
                elif self._changes[key].op != "delete":
                    self._away[key] = self._changes[key]
        self.observe("written", target=self.target, action=action, batch=batch_id)

    def _check_taking(
        self, batch: Sequence[Parcel], answer: Answer, verdicts: dict[str, Verdict], *, expected: bool
    ) -> None:
        """Raises TargetDown when call after call is refused and nothing was taken: to halve them all would take days.

        ``expected``: a refusal may be what the call is to find out.
        """
        states = {verdict.state for verdict in verdicts.values()}
        self._takes = self._takes or "taken" in states
        if self._takes or expected or (answer.reach is Reach.ANSWERED and "failed" in states):
            return
        self._refused += 1
        if len(self._refused_keys) < REFUSED_ITEMS:
            self._refused_keys |= {parcel.key for parcel in batch}
        if self._refused >= REFUSED_IN_A_ROW and len(self._refused_keys) >= min(REFUSED_ITEMS, self.planned):
            raise TargetDown(
                f"{self._refused} calls were refused and nothing was taken: {answer.message or '; '.join(answer.notes)}",
                answer.mend or self.again, "refused",
            )

    def _verdicts(
        self, batch: Sequence[Parcel], answer: Answer, action: Action, repeated: bool
    ) -> dict[str, Verdict]:
        if answer.reach is Reach.ANSWERED:
            lacking = Verdict("unknown", "the platform said nothing of it")
            verdicts = {parcel.key: answer.items.get(parcel.key, lacking) for parcel in batch}
            if len(batch) == 1 and answer.notes and not self.delivery.upserts:
                # a complaint that names nobody, in answer to a call about one item
                key, said = batch[0].key, "; ".join(answer.notes)
                if verdicts[key].state == "unknown":
                    verdicts[key] = Verdict("failed", said)
            if action == "delete" and repeated and not self.delivery.upserts:  # those switch off, and know what they have
                verdicts = {key: self._taken_for_gone(key, verdict) for key, verdict in verdicts.items()}
            return verdicts
        if answer.reach is Reach.UNKNOWN:
            return {parcel.key: Verdict("unknown", answer.message) for parcel in batch}
        if answer.reach is Reach.REFUSED:
            verdicts = {parcel.key: answer.items[parcel.key] for parcel in batch if parcel.key in answer.items}
            if len(batch) == 1 and not verdicts:
                return {batch[0].key: Verdict("failed", answer.message)}
            if repeated and not self.delivery.upserts:
                verdicts = {key: self._taken_for_gone(key, verdict) for key, verdict in verdicts.items()}
            return verdicts
        return {}

    def _taken_for_gone(self, key: str, verdict: Verdict) -> Verdict:
        """Of a delete that may have been done before: what the platform names in answer is not there."""
        if verdict.state != "failed":
            return verdict
        self.observe("gone", target=self.target, item=key, message=verdict.message)
        return Verdict("taken", verdict.message)

    def _intents(self, action: Action, batch: Sequence[Parcel]) -> list[Intent]:
        """What is written down before a call. An upserting platform may have what it took last or what is tried now: both
        are kept, so that the next run can take away, or switch off, whichever it is."""
        return [
            Intent(
                parcel.key, change.sku, bytes.fromhex(change.hash) if change.hash else b"", self.mapping,
                _either(parcel.before, parcel.body) if self.delivery.upserts and action != "delete" else b"",
            )
            for parcel in batch
            for change in (self._changes[parcel.key],)
        ]

    def _outcomes(
        self, action: Action, batch: Sequence[Parcel], answer: Answer, verdicts: dict[str, Verdict], finding: bool
    ) -> list[Outcome]:
        outcomes = []
        keeps = self.delivery.upserts
        for parcel in batch:
            verdict, change = verdicts.get(parcel.key), self._changes[parcel.key]
            before = parcel.before or None if keeps else None
            if verdict is None:
                outcomes.append(Outcome(parcel.key, "untried", body=before, message=answer.message))
            elif verdict.state == "taken" and action == "delete":
                outcomes.append(Outcome(parcel.key, "deleted", body=parcel.before or parcel.body if keeps else None))
            elif verdict.state == "taken":
                outcomes.append(self._taken(parcel, change, verdict))
            elif verdict.state == "failed" and not finding:
                outcomes.append(Outcome(parcel.key, "failed", body=before, message=verdict.message))
            else:
                outcomes.append(Outcome(parcel.key, "unknown", message=verdict.message))
        return outcomes

    def _taken(self, parcel: Parcel, change: Change, verdict: Verdict) -> Outcome:
        """What is written down of an item the platform took: what it has now, which may be a part of what the feed has."""
        body, digest = parcel.body, bytes.fromhex(change.hash)
        files = {target: sha256 for _, target, sha256 in change.files} or None
        has = getattr(self.delivery, "has", None)
        if has is not None:
            key = parcel.key
            before = parcel.before or self.ledger.bodies(self.target_id, [key]).get(key, b"")
            part = has(msgspec.structs.replace(parcel, before=before), verdict)
            if part is not None:  # its files are those it had
                known = self.ledger.files(self.target_id, [key]).get(key, {})
                body, files = part, None
                digest = item_hash(part, tuple(("", target, sha256) for target, sha256 in known.items()))
        return Outcome(
            parcel.key, "sent", hash=digest, body=body, files=files, platform_id=verdict.platform_id or parcel.platform_id
        )

    # What became of it --------------------------------------------------------------------------------------------

    def _count(self, done: str, batch: Iterable[Parcel], verdicts: dict[str, Verdict]) -> None:
        for parcel in batch:
            verdict = verdicts[parcel.key]
            if verdict.state == "taken":
                self.counts[done] += 1
                self._tried.pop(parcel.key, None)
                self._away.pop(parcel.key, None)
            else:
                self._failed(self._changes[parcel.key], verdict.message, verdict.state)
        self.observe("progress", target=self.target, counts=dict(self.counts))

    def _count_tried(self) -> None:
        """Of a delivery that ends early: what was tried counts as the ledger has it, and only the rest was not tried."""
        for key, verdict in list(self._tried.items()):
            change = self._changes.get(key) or self._away[key]
            if verdict.state == "unknown":
                self._failed(change, verdict.message, "unknown")
            elif key in self._away:
                self._failed(change, f"{AWAY}; the next run creates it", "failed")
            elif verdict.state == "taken":
                self.counts[DONE[change.op]] += 1
            else:
                self._failed(change, verdict.message, "failed")
        self._tried.clear()

    def _failed(self, change: Change, message: str, state: str) -> None:
        self._tried.pop(change.key, None)
        self._away.pop(change.key, None)
        self.counts["unknown" if state == "unknown" else "failed"] += 1
        if len(self.failures) < FAILURES_KEPT:
            foreseen = bool(message) and message == change.message  # the plan says how to mend it
            self.failures.append(Failure(
                self.target, change.op, change.key, change.sku, message, state, change.file, change.line,
                change.mend if foreseen else "", change.code if foreseen else "",
            ))


def _unknown(batch: Iterable[Parcel], verdicts: dict[str, Verdict]) -> list[Parcel]:
    return [parcel for parcel in batch if verdicts[parcel.key].state == "unknown"]


def _either(before: bytes, tried: bytes) -> bytes:
    """A body that has the members of both; what was tried goes first."""
    if not before:
        return tried
    whole = msgspec.json.decode(before, type=dict[str, msgspec.Raw]) | msgspec.json.decode(tried, type=dict[str, msgspec.Raw])
    return msgspec.json.encode(whole)
