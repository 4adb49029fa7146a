"""``mapping suggest``: a proposal that was tried on the very file before it is handed over."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from feedbridge.errors import CommandError, MappingError, OutputError, SourceError
from feedbridge.findings import Finding, Severity
from feedbridge.mapping.recognise import recognise
from feedbridge.mapping.suggest import Draft, propose
from feedbridge.platforms import platform
from feedbridge.report.catalogue import CATALOGUE
from feedbridge.run.engine import Done, run
from feedbridge.run.job import Job
from feedbridge.run.manifest import manifest_of
from feedbridge.sources.base import Batch, Range, Source

__all__ = ["MOST_PRODUCTS", "suggest", "write_mapping"]

MOST_PRODUCTS = 1_000
MOST_RECORDS = 20_000
"""Records the trial reads at most, so that a file of any size is tried in bounded time."""
MOST_CELLS = 20_000_000
TOO_MANY = 0.2
"""A field that alone holds back more of the products than this is taken out again."""
NEEDED = frozenset({"sku", "title", "price"})
ROUNDS = 3


class Opener(Protocol):
    def __call__(self, **settings: Any) -> Source: ...


JobOf = Callable[[str, dict[str, str]], Job]
"""``job_of(mapping file, parameters)``"""


class Head:
    """The first records of a source."""

    def __init__(self, source: Source, most: int) -> None:
        self._source = source
        self._most = most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        left = self._most
        for batch in self._source.batches():
            yield batch if len(batch.records) <= left else Batch(batch.records[:left], batch.findings)
            left -= len(batch.records)
            if left <= 0:
                return

    def split(self, parts: int, *, least_bytes: int = 0) -> list[Range]:
        return []


def suggest(opener: Opener, shown: str, to: Sequence[str], job_of: JobOf) -> Draft:
    """Propose a mapping and try it on the first products. Raises SourceError when the source cannot be read."""
    draft = propose(opener, shown, _name_of(shown))
    draft.about += _recognised(opener)
    blind = list(draft.blind)
    for _ in range(ROUNDS):
        draft.blind = list(blind)
        done, said = _tried(draft, to, job_of)
        draft.checked = said
        if done is None or not _withdraw(draft, done):
            break
    return draft


def write_mapping(draft: Draft, path: Path, *, replace: bool = False) -> None:
    """Write a mapping whole or not at all; a file that is there stays, unless it may be replaced.

    Raises: CommandError when the file is there, OutputError when it cannot be written.
    """
    if path.exists() and not replace:
        raise CommandError(
            "is there already, and may hold somebody's work",
            where=str(path),
            code="command.out",
            mend="name another file, or say --force to replace it",
        )
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(draft.text(), encoding="utf-8")
        new.replace(path)
    except OSError as exc:
        new.unlink(missing_ok=True)
        raise OutputError(
            f"cannot be written: {exc.strerror or exc}",
            where=str(path),
            code="output.write",
            mend="make the folder, or give permission",
        ) from exc


def _name_of(shown: str) -> str:
    """What the mapping is called: the file's name without its suffixes."""
    stem = re.sub(r"[^\w-]+", "-", Path(shown).name.split(".")[0]).strip("-")
    return stem or "suggested"


def _recognised(opener: Opener) -> list[str]:
    try:
        preset, _ = recognise(opener())
    except CommandError:
        return []
    return [
        f'Its columns are those of the preset "{preset}": --mapping auto (or --mapping {preset}) may do all this better.'
    ]


def _tried(draft: Draft, to: Sequence[str], job_of: JobOf) -> tuple[Done | None, list[str]]:
    """What a run over the first products says."""
    given = ", ".join(f"{key}={value}" for key, value in draft.trial.items())
    with tempfile.TemporaryDirectory(prefix="feedbridge-") as folder:
        path = Path(folder) / "suggested.yaml"
        path.write_text(draft.text(), encoding="utf-8")
        try:
            job = job_of(str(path), draft.trial)
            most = max(MOST_PRODUCTS, min(MOST_RECORDS, MOST_CELLS // max(1, len(draft.sample.columns))))
            job.sources = [Head(source, most) if not draft.sample.whole else source for source in job.sources]  # type: ignore[misc]  # Head stands in for a source
            done = run(job, None)
        except (MappingError, SourceError) as exc:
            draft.blind.append("trial")
            said = exc.message.splitlines()[0].replace(str(path), "this file")
            return None, [
                f"Tried on the file: it does not convert yet: {said}" + (f" [{exc.code}]" if exc.code else "")
            ]
    manifest = manifest_of(job, done)
    if done.stitcher.read and not any(manifest["platforms"][target]["counts"]["written"] for target in to):
        draft.blind.append("trial")
    head = f"Tried on the first {MOST_PRODUCTS:,} products" + (f" with {given}" if given else "") + ":"
    lines = [head]
    about = dict(CATALOGUE)
    for target in to:
        about.update({f"{target}.{rule.number}": rule.stated for rule in platform(target).rules})
        counts = manifest["platforms"][target]["counts"]
        left = sum(counts["excluded"].values())
        lines.append(
            f"  {target}: {counts['read']} read, {counts['written']} would be written"
            + (f", {left} left out" if left else "")
            + f", {counts['held_back']} held back"
        )
    errors = Counter(finding.code for finding in done.findings.kept if finding.severity is Severity.ERROR)
    for code, count in sorted(errors.items(), key=lambda one: (-one[1], one[0]))[:4]:
        first = next(finding for finding in done.findings.kept if finding.code == code)
        column = f' (column "{first.column}")' if first.column else ""
        lines.append(f"  {count} times {code}{column}: {about.get(code, first.message)}")
    return done, lines


def _withdraw(draft: Draft, done: Done) -> bool:
    """Take out fields whose values hold back too many products. Whether there were any."""
    held: dict[str, set[tuple[int, str]]] = {}
    first: dict[str, Finding] = {}
    for finding in done.findings.kept:
        if finding.severity is not Severity.ERROR or not finding.field or finding.platform:
            continue
        parts = [part for part in finding.field.split(".") if not part.isdigit() and part != "variants"]
        if parts:
            held.setdefault(parts[0], set()).add((finding.line, finding.pointer))
            first.setdefault(parts[0], finding)
    products = max(1, done.stitcher.read)
    out = False
    for name, places in held.items():
        if name not in NEEDED and len(places) > TOO_MANY * products:
            why = f"{len(places)} products would be held back: {first[name].message[:160]} [{first[name].code}]"
            out = draft.withdraw(name, why) or out
    return out
