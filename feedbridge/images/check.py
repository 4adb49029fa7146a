"""Every picture once, then what is said of them: findings in the order of the products."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from sys import intern
from typing import NamedTuple
from urllib.parse import urlsplit

from feedbridge.findings import Finding, Severity, cut
from feedbridge.images.addresses import parsed, shown
from feedbridge.images.cache import Cache, Known
from feedbridge.images.content import media_type
from feedbridge.images.fetch import Later, Wire
from feedbridge.images.local import look_at
from feedbridge.images.picture import Facts, Picture, Trouble
from feedbridge.images.schedule import MOST_FAILURES, Schedule, Task
from feedbridge.images.settings import ImageSettings

__all__ = ["Summary", "check_pictures"]

_ENDINGS = {"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "gif": "gif", "webp": "webp", "svg": "svg", "avif": "avif"}
_SAME_TYPES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}


@dataclass(slots=True)
class Summary:
    """What the manifest says. ``checked`` distinct pictures, ``from_cache`` those whose server said that nothing had
    changed, ``dead`` those no platform can show (one on a private host was never asked for), ``bytes`` of all the others together."""

    checked: int = 0
    from_cache: int = 0
    dead: int = 0
    bytes: int = 0

    def to_dict(self) -> dict[str, int]:
        return {"checked": self.checked, "from_cache": self.from_cache, "dead": self.dead, "bytes": self.bytes}


Results = list[Facts | Trouble]


class _Looked(NamedTuple):
    results: Results
    dead_hosts: dict[str, list[int]]
    """Host or folder -> places of the pictures that are said at once."""
    why: dict[str, Trouble]
    """Host that was given up -> what decided that."""
    offline: bool
    from_cache: int
    no_cache: str
    """Why nothing could be kept for the next run, or ""."""


def check_pictures(
    pictures: Sequence[Picture], settings: ImageSettings, progress: Callable[[int], None] | None = None
) -> tuple[list[tuple[int, Finding]], Summary]:
    """Look at every picture once.

    Shape:   ``pictures`` distinct and in the order of the products; the findings come in that order, too, each with
             the order of its picture. ``progress`` is called with the number of pictures that are done.
    Returns: findings, none of them an error, and the summary.
    Raises:  CommandError when the cache cannot be written.
    """
    looked = _Looker(pictures, settings, progress).look()
    summary = Summary(len(pictures), looked.from_cache)
    for result in looked.results:
        if isinstance(result, Facts):
            summary.bytes += result.size_bytes
        elif result.code != "images.private-address":
            summary.dead += 1
    told = sorted(
        [
            *_without_cache(pictures, looked),
            *_dead(pictures, looked),
            *_faults(pictures, looked.results, settings),
            *_plain_http(pictures, looked.results),
            *_doubles(pictures, looked.results),
        ],
        key=lambda one: one[0],
    )
    return [(pictures[place].order, finding) for place, finding in told], summary


class _Looker:
    """Files one after another, addresses over a few connections side by side."""

    def __init__(
        self, pictures: Sequence[Picture], settings: ImageSettings, progress: Callable[[int], None] | None
    ) -> None:
        self.pictures = pictures
        self.settings = settings
        self.progress = progress or (lambda done: None)
        self.results: list[Facts | Trouble | None] = [None] * len(pictures)
        self.hosts: dict[int, str] = {}
        """Place of a picture -> its host or folder."""
        self.from_cache = 0
        self.no_cache = ""
        self.failed: BaseException | None = None
        self.lock = threading.Lock()
        self.finished = 0

    def look(self) -> _Looked:
        tasks = []
        for place, picture in enumerate(self.pictures):
            try:
                if picture.is_address:
                    self.hosts[place] = intern(parsed(picture.src).name)
                    tasks.append(Task(place, self.hosts[place]))
                else:
                    self.hosts[place] = intern(f"folder {picture.folder}")
                    self.results[place] = look_at(picture, self.settings)
            except Trouble as exc:
                self.results[place] = exc.bare()
            except Exception as exc:  # a fault with one picture is said of it; it must not end the run
                self.results[place] = _unforeseen(exc)
            if self.results[place] is not None:
                self.finished += 1
                self.progress(self.finished)
        schedule = Schedule(tasks, self.settings.requests_per_second, self.settings.most_wait_seconds)
        if tasks:
            self.fetch(schedule, min(self.settings.connections, len(tasks)))
        return self.looked(schedule)

    def fetch(self, schedule: Schedule, connections: int) -> None:
        """All addresses. Whatever ends it, also Ctrl-C, ends the threads, too."""
        cache = Cache(self.settings.cache)
        self.no_cache = cache.missing
        wire = Wire(self.settings, schedule.pace)
        threads = [
            threading.Thread(target=self.work, args=(schedule, wire, cache), daemon=True) for _ in range(connections)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
                    self.progress(self.finished)
        finally:
            schedule.stop()
            wire.stop()
        if self.failed is not None:
            raise self.failed

    def work(self, schedule: Schedule, wire: Wire, cache: Cache) -> None:
        try:
            while (task := schedule.take()) is not None:
                self.one(task, schedule, wire, cache)
        except BaseException as exc:  # handed to the thread that waits
            self.failed = exc
            schedule.stop()

    def one(self, task: Task, schedule: Schedule, wire: Wire, cache: Cache) -> None:
        url = self.pictures[task.place].src
        known: Known | None = None
        result: Facts | Trouble
        try:
            known = cache.get(url)
            result, fresh = wire.look_at(url, known)
            if fresh is not None:
                cache.put(url, fresh)
        except Later as exc:
            if not task.tries:
                if schedule.again(task, exc.seconds):
                    return
                result = self.waited_enough(exc.trouble)
            else:
                result = exc.trouble.bare()
        except Trouble as exc:
            result = exc.bare()
        except Exception as exc:  # whatever a stranger's server answers: said of this picture, not the end of the run
            result = _unforeseen(exc)
        with self.lock:
            self.results[task.place] = result
            self.finished += 1
            self.from_cache += known is not None and result is known.facts
        schedule.done(task, result if isinstance(result, Trouble) and result.host_wide else None)

    def waited_enough(self, trouble: Trouble) -> Trouble:
        """Said of a whole host that asks to wait again and again."""
        most = self.settings.most_wait_seconds
        message = f"the server asks again and again to come later, for more than {most:g} seconds in all"
        return Trouble(trouble.code, message, trouble.mend, certain=True)

    def looked(self, schedule: Schedule) -> _Looked:
        """Results of all, and which of them are said at once: those of a dead host, of a folder with none of them."""
        results: Results = []
        together: dict[str, list[int]] = {}
        for place, result in enumerate(self.results):
            host = self.hosts.get(place, "")
            if result is None:
                dead = schedule.dead(host)
                assert dead is not None, "a picture is left out only when its host was given up"
                result = dead
            if isinstance(result, Trouble) and result.host_wide:
                together.setdefault(host, []).append(place)
            results.append(result)
        found = {self.hosts[place] for place, result in enumerate(results) if isinstance(result, Facts)}
        for host, places in list(together.items()):
            is_folder = not self.pictures[places[0]].is_address
            enough = (
                len(places) >= MOST_FAILURES and host not in found if is_folder else schedule.dead(host) is not None
            )
            if not enough:
                del together[host]
        why = {host: trouble for host in together if (trouble := schedule.dead(host)) is not None}
        return _Looked(results, together, why, schedule.offline, self.from_cache, self.no_cache)


def _unforeseen(exc: Exception) -> Trouble:
    """What nobody thought of costs its picture the check, and never the run its outputs."""
    return Trouble(
        "images.unchecked",
        f"the picture could not be checked ({type(exc).__name__})",
        "open it in a browser; please report it with the address",
    )


Told = Iterable[tuple[int, Finding]]
"""(place of the picture, finding)."""


def _finding(
    picture: Picture, code: str, message: str, mend: str, severity: Severity = Severity.WARNING, field: str = ""
) -> Finding:
    src = shown(picture.src)
    if picture.products > 1:
        message += f" ({picture.products:,} products have it; this is the first)"
    return Finding(
        code=code,
        severity=severity,
        message=f"{cut(src)}: {message}",
        mend=mend,
        value=cut(src),
        file=picture.file,
        line=picture.line,
        column=picture.column,
        pointer=picture.pointer,
        sku=cut(picture.sku),
        field=picture.field,
    )


def _amount(number: int) -> str:
    return "1 picture" if number == 1 else f"{number:,} pictures"


def _dead(pictures: Sequence[Picture], looked: _Looked) -> Told:
    """Pictures that cannot be had: each by itself, those of a dead host at once."""
    together = {place for places in looked.dead_hosts.values() for place in places}
    if looked.offline:
        first = min(together)
        yield (
            first,
            _finding(
                pictures[first],
                "images.offline",
                f"none of {_amount(len(together))} on {len(looked.dead_hosts)} servers could be reached: no connection to the net",
                "run again with a connection; everything else of this run is done",
            ),
        )
    for host, places in looked.dead_hosts.items():
        trouble = looked.why.get(host) or looked.results[places[0]]
        assert isinstance(trouble, Trouble)
        picture = pictures[places[0]]
        if looked.offline:
            continue
        if not picture.is_address:
            message = (
                f"{trouble.message}; the same of {_amount(len(places) - 1)} more"
                if len(places) > 1
                else trouble.message
            )
        elif len(places) > 1:
            message = f"{trouble.message}; {host} has {_amount(len(places))} of this run, which were given up"
        else:
            message = trouble.message
        yield places[0], _finding(picture, trouble.code, message, trouble.mend)
    for place, trouble in enumerate(looked.results):
        if isinstance(trouble, Trouble) and place not in together:
            yield place, _finding(pictures[place], trouble.code, trouble.message, trouble.mend)


def _without_cache(pictures: Sequence[Picture], looked: _Looked) -> Told:
    if looked.no_cache:
        first = next(place for place, picture in enumerate(pictures) if picture.is_address)
        yield (
            first,
            Finding(
                code="images.no-cache",
                severity=Severity.ADVICE,
                message=f"the user's cache folder cannot be written ({looked.no_cache}); every picture is fetched anew",
                mend="name a folder that can: --image-cache DIR",
                file=pictures[first].file,
            ),
        )


def _faults(pictures: Sequence[Picture], results: Results, settings: ImageSettings) -> Told:
    """Pictures that are there, and not what a platform wants."""
    for place, (picture, facts) in enumerate(zip(pictures, results, strict=True)):
        if not isinstance(facts, Facts):
            continue
        kind = facts.kind.upper()
        refused = [taker for taker in picture.takers if taker.types is not None and facts.kind not in taker.types]
        if refused:
            takes = "; ".join(f"{t.title} takes {', '.join(sorted(t.types or ())).upper()}" for t in refused)
            yield (
                place,
                _finding(picture, "images.type", f"the picture is {kind}; {takes}", "give it in another format"),
            )
        ending = _path(picture).rpartition(".")[2].lower()
        if _ENDINGS.get(ending, facts.kind) != facts.kind:
            yield (
                place,
                _finding(
                    picture,
                    "images.ending",
                    f"the name ends in .{ending}, but the picture is {kind}",
                    "convert the picture, or name it by its type",
                ),
            )
        if facts.declared and _SAME_TYPES.get(facts.declared, facts.declared) != media_type(facts.kind):
            yield (
                place,
                _finding(
                    picture,
                    "images.content-type",
                    f"the server says {cut(facts.declared)}, but the picture is {media_type(facts.kind)}",
                    "set the right Content-Type on the server",
                ),
            )
        least = settings.smallest_side_pixels
        if facts.width and min(facts.width, facts.height) < least:
            yield (
                place,
                _finding(
                    picture,
                    "images.too-small",
                    f"the picture has {facts.width} x {facts.height} pixels, fewer than {least} on a side",
                    "give a larger picture",
                ),
            )


def _path(picture: Picture) -> str:
    return urlsplit(picture.src).path if picture.is_address else picture.src


def _plain_http(pictures: Sequence[Picture], results: Results) -> Told:
    """Addresses without encryption, said once a host."""
    hosts: dict[str, list[int]] = {}
    for place, (picture, result) in enumerate(zip(pictures, results, strict=True)):
        if isinstance(result, Facts) and picture.src[:5].lower() == "http:":
            hosts.setdefault(parsed(picture.src).name, []).append(place)
    for host, places in hosts.items():
        yield (
            places[0],
            _finding(
                pictures[places[0]],
                "images.http",
                f"{_amount(len(places))} of {host} come over http, which browsers do not show on https pages",
                "write https:// if the server has it",
                Severity.ADVICE,
            ),
        )


def _doubles(pictures: Sequence[Picture], results: Results) -> Told:
    """The same bytes at several addresses, said once for all of them."""
    same: dict[str, list[int]] = {}
    for place, result in enumerate(results):
        if isinstance(result, Facts):
            same.setdefault(result.sha256, []).append(place)
    for places in same.values():
        if len(places) > 1:
            first = pictures[places[0]]
            where = f"{first.file}:{first.line}" if first.line else first.file
            yield (
                places[1],
                _finding(
                    pictures[places[1]],
                    "images.same",
                    f"the same picture as {cut(shown(first.src))} ({where}), to the byte; {len(places)} addresses have it",
                    "nothing to do if that is meant; else give each product its own picture",
                    Severity.ADVICE,
                ),
            )
