"""``--mapping auto``: which preset a file is for, by its columns.

Score = share of strong anchors present; all required anchors must be there and no negative one. Accepted at 0.7 and
0.15 ahead of the next (general mappings aside), else the candidates are shown with what speaks for and against each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from feedbridge.errors import CommandError
from feedbridge.findings import name_shown
from feedbridge.mapping.drift import LEAST_SHARE, MOST_NEW, Renamed, likely_rename, plain_names
from feedbridge.mapping.heading import heading_hint
from feedbridge.mapping.paths import loosened, normal
from feedbridge.mapping.presets import presets
from feedbridge.mapping.schema import FileSpec, Fingerprint, Recognise
from feedbridge.mapping.yaml import read_text, read_yaml
from feedbridge.sources.base import Source

__all__ = ["Candidate", "Names", "NotRecognised", "candidates_for", "files_of", "names_of", "nearly", "recognise", "score"]

ACCEPT = 0.7
MARGIN = 0.15
SAMPLE = 50
SHOWN_NAMES = 25
SHOWN_CANDIDATES = 8

BLOCK = {key: re.compile(rf"^{key}:.*?(?=^[^\s#]|\Z)", re.DOTALL | re.MULTILINE) for key in ("recognise", "source", "files")}
FORMAT = re.compile(r"^(?:source:)?[ {,]*(?:[^#\n]*[ ,{])?format:\s*[\"']?(\w+)", re.MULTILINE)


class Candidate(NamedTuple):
    """A preset and how well a file fits it.

    ``score``    share of strong anchors that are there; 0 when a required one is missing or a negative one is there
    ``lacks``    required anchors that are missing
    ``against``  names in the file that negative anchors stand for
    ``found``    names in the file that required and strong anchors stand for
    ``missing``  strong anchors that are not there
    ``by``       name of the alternative that fits best
    ``strength`` the score without regard to ``lacks`` and ``against``
    ``share``    share of all its anchors that are there, also where the score is 0
    """

    name: str
    score: float
    lacks: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    by: str = ""
    strength: float = 0.0
    share: float = 0.0
    fallback: bool = False

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.by})" if self.by else self.name


class NotRecognised(CommandError):
    """No preset fits a source, or several do: says of each candidate what speaks for and against it."""

    def __init__(self, message: str, lines: Sequence[str], candidates: Sequence[Candidate], where: str, mend: str):
        super().__init__(message, where=where, mend=mend, code="mapping.not-recognised")
        self.lines = tuple(lines)
        self.candidates = tuple(candidates)

    def __str__(self) -> str:
        head, _, mend = super().__str__().partition("\n")
        return "\n".join([head, *(f"  {line}" for line in self.lines), mend])


class Names:
    """The names of a source's columns or members, ready to be compared with anchors."""

    def __init__(self, names: Iterable[str], namespaces: Iterable[str] = ()) -> None:
        self.raw = [name for name in names if name.strip()]
        self.namespaces = frozenset(namespaces)
        self._sets: dict[bool, dict[str, str]] = {}

    def among(self, loose: bool) -> dict[str, str]:
        """Name as it is compared -> as it is written."""
        if loose not in self._sets:
            change = loosened if loose else normal
            self._sets[loose] = {change(name): name for name in reversed(self.raw)}
        return self._sets[loose]

    def find(self, anchor: str, loose: bool = False) -> str | None:
        """The name an anchor stands for, as it is written; None when there is none."""
        for kind, wanted in parts_of(anchor, loose):
            if isinstance(wanted, str):
                found = self.among(loose).get(wanted)
                if found is not None:
                    return found
            else:
                pool = self.raw if kind == "~" else self.among(loose)
                for name in pool:
                    if wanted.search(name):
                        return name if kind == "~" else self.among(loose)[name]
        return None


@cache
def parts_of(anchor: str, loose: bool) -> tuple[tuple[str, str | re.Pattern[str]], ...]:
    """An anchor's names: a text to compare, or an expression for ``*`` and ``~``."""
    if anchor.startswith("~"):
        return (("~", re.compile(anchor[1:])),)
    parts: list[tuple[str, str | re.Pattern[str]]] = []
    for one in anchor.split("|"):
        text = one.strip()
        if text.startswith("~"):
            parts.append(("~", re.compile(text[1:])))
            continue
        text = loosened(text) if loose else normal(text)
        if "*" in text:
            pattern = ".*".join(map(re.escape, text.split("*")))
            parts.append(("*", re.compile(rf"\A{pattern}\Z", re.DOTALL)))
        elif text:
            parts.append(("", text))
    return tuple(parts)


def score(print_: Recognise, names: Names, preset: str = "") -> Candidate:
    """How well names fit a fingerprint: its best alternative."""
    own = [print_] if print_.required or print_.strong or print_.namespaces else []
    fits = [_fit(one, print_, names, preset) for one in (*own, *print_.alternatives)]
    return max(fits, key=lambda fit: (fit.score, fit.share), default=Candidate(preset, 0.0, fallback=print_.fallback))


def _fit(one: Fingerprint, whole: Recognise, names: Names, preset: str) -> Candidate:
    def all_of(anchors: Iterable[str]) -> dict[str, str | None]:
        return {anchor: names.find(anchor, whole.loose) for anchor in anchors}

    required, strong = all_of(one.required), all_of(one.strong)
    for namespace in one.namespaces:
        text = f"namespace {namespace}"
        required[text] = text if namespace in names.namespaces else None
    against = tuple(name for name in all_of(one.never).values() if name is not None)
    lacks = tuple(anchor for anchor, name in required.items() if name is None)
    missing = tuple(anchor for anchor, name in strong.items() if name is None)
    share_of_strong = 1 - len(missing) / len(strong) if strong else ACCEPT
    every = [*required.values(), *strong.values()]
    return Candidate(
        preset,
        0.0 if lacks or against else share_of_strong,
        lacks,
        against,
        tuple(dict.fromkeys(name for name in every if name is not None)),
        missing,
        one.name,
        share_of_strong,
        sum(name is not None for name in every) / len(every) if every else 0.0,
        whole.fallback,
    )


def nearly(candidates: Iterable[Candidate], usual: str) -> bool:
    """Whether a preset is among the candidates, with all that it requires and with something besides."""
    return any(one.name == usual and one.score > 0 for one in candidates)


def recognise(source: Source, known: Mapping[str, Path] | None = None, usual: str = "") -> tuple[str, list[Candidate]]:
    """The preset for a source, and all candidates, the best first.

    ``known``  preset files by name, when other than those that come with feedbridge
    ``usual``  the preset of what the platform takes: where it nearly fits, no general one is taken for it

    Raises: NotRecognised with the candidates when none, or more than one, fits.
    """
    names = Names(names_of(source), getattr(source, "namespaces", None) or ())
    candidates = candidates_for(source, names, presets() if known is None else known)
    special = [one for one in candidates if not one.fallback]
    pool = special if special and special[0].score >= ACCEPT else candidates
    best = pool[0] if pool else None
    rest = pool[1].score if len(pool) > 1 else 0.0
    near = usual if nearly(candidates, usual) else ""
    if best is not None and best.score >= ACCEPT and round(best.score - rest, 9) >= MARGIN and not (near and best.fallback):
        return best.name, candidates
    raise _refusal(source, names, candidates, pool, near)


def candidates_for(source: Source, names: Names, known: Mapping[str, Path]) -> list[Candidate]:
    """Every preset of the known ones for the source's kind of file, the best first."""
    found = []
    for name, path in known.items():
        if not fits_format(format_of(path, name), source):
            continue
        print_ = fingerprint_of(path, name)
        if print_ is not None:
            found.append(score(print_, names, name))
    return sorted(found, key=lambda one: (-one.score, -one.share, one.name))


def fits_format(wanted: str | None, source: Source) -> bool:
    """Whether a preset's ``source.format`` goes with a source: without one it is for tables and documents alike."""
    own = str(source.about.get("format", ""))
    if wanted is None:
        return True
    if wanted == "csv":
        return source.kind == "table"
    if wanted == "json":
        return own in ("json", "jsonl") or (source.kind == "documents" and own != "xml")
    return own == wanted


def _refusal(source: Source, names: Names, candidates: list[Candidate], pool: list[Candidate], usual: str) -> NotRecognised:
    several = bool(pool) and pool[0].score >= ACCEPT
    if usual:
        why = f"nearly fits {usual}, the preset for what this platform takes: say --mapping {usual}"
        candidates = sorted(candidates, key=lambda one: one.name != usual)
    elif several:
        near = [one.name for one in pool if pool[0].score - one.score < MARGIN and one.score > 0]
        why = f"fits {' and '.join(near)} nearly equally well: a preset must be {MARGIN} ahead of the next"
    elif not names.raw:
        why = "has no columns by which it could be recognised"
    else:
        why = f"fits no preset: a score of {ACCEPT} is needed, with all that the preset requires"
    lines = [_seen(source, names)] if names.raw else []
    telling = [one for one in candidates if one.found or one.against]
    if candidates:
        lines.append("Candidates:")
    for one in telling[:SHOWN_CANDIDATES]:
        lines.append(f"{one.shown}: score {one.score:.2f}")
        lines += [f"  {text}" for text in _about(one, names)]
    others = [one.name for one in telling[SHOWN_CANDIDATES:]]
    if others:
        lines.append(f"less of: {', '.join(others)}")
    nothing = [one.name for one in candidates if one not in telling]
    if nothing:
        lines.append(f"nothing of: {', '.join(nothing)}")
    file = str(getattr(source, "path", None) or source.name)
    hint = heading_hint(source)
    if hint:
        lines.insert(0, hint)
    for finding in source.findings:
        if finding.code == "source.xml-namespace":
            lines.insert(0, f"{finding.message}: {finding.mend}")
    mend = (
        (f"say --mapping {usual}" if usual else "name the mapping: --mapping NAME")
        + " (feedbridge mapping list shows the presets)\n"
        f"        or have one begun for this file: feedbridge mapping suggest {file} --out my.yaml"
    )
    return NotRecognised(why, lines, candidates, source.name, mend)


def _seen(source: Source, names: Names) -> str:
    kind = "columns" if source.kind == "table" else "members"
    return f"its {kind}: {_listed([short(name) for name in names.raw], SHOWN_NAMES)}"


def _listed(texts: Sequence[str], most: int = 12) -> str:
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def short(name: str) -> str:
    """A name as it is shown in a line of names."""
    name = name_shown(name)
    return name if len(name) <= 60 else name[:59] + "…"


def anchor_text(anchor: str) -> str:
    """``Handle | URL handle | …`` as ``Handle (or URL handle, …)``."""
    if anchor.startswith("~"):
        return anchor
    first, *rest = (one.strip() for one in anchor.split("|"))
    return f"{first} (or {', '.join(rest[:2])}{' …' if len(rest) > 2 else ''})" if rest else first


def _about(one: Candidate, names: Names) -> list[str]:
    """What speaks for and against a candidate, a line each."""
    told = [
        ("speaks against it", [short(name) for name in one.against]),
        ("required, but missing", [anchor_text(anchor) for anchor in one.lacks]),
        ("found", [short(name) for name in one.found]),
        ("missing", [anchor_text(anchor) for anchor in one.missing]),
    ]
    lines = [f"{label}: {_listed(texts)}" for label, texts in told if texts]
    renamed = renamed_in(one, names)
    if renamed:
        lines.append("renamed? " + "; ".join(f"`{short(old)}` is gone, `{short(new)}` appeared" for _, (old, new) in renamed))
    if len(one.lacks) == 1 and one.strength >= ACCEPT and one.lacks[0] in dict(renamed):
        old = dict(renamed)[one.lacks[0]].old
        lines.append(
            f"it fits but for {old}: give the column its old name, or write a mapping that extends: {one.name}"
        )
    return lines


def renamed_in(one: Candidate, names: Names) -> list[tuple[str, Renamed]]:
    """Anchors of a candidate that nearly fits, and the columns that seem to stand for them now."""
    if one.against or one.share < LEAST_SHARE:
        return []
    free = [name for name in names.raw if name not in one.found]
    if len(free) > MOST_NEW:
        return []
    pairs = []
    for anchor in (*one.lacks, *one.missing):
        old = plain_names(anchor)
        renamed = likely_rename(old, free) if old else None
        if renamed is not None:
            free.remove(renamed.new)
            pairs.append((anchor, renamed))
    return pairs


@cache
def text_of(path: Path, name: str) -> str:
    """A preset's text; the same few files are looked at for every source."""
    return read_text(path, name)


def format_of(path: Path, name: str) -> str | None:
    """A preset's ``source.format``, taken from the text: most presets need not be parsed for a given source."""
    found = FORMAT.search("".join(BLOCK["source"].findall(text_of(path, name))))
    return found[1] if found else None


@cache
def fingerprint_of(path: Path, name: str) -> Recognise | None:
    """The fingerprint of a preset. Only this block is parsed: all of every preset would take longer than a small
    conversion."""
    block = quick_yaml("".join(BLOCK["recognise"].findall(text_of(path, name))), name).get("recognise")
    return Recognise.model_validate(block) if block else None


@cache
def files_of(path: Path, name: str) -> dict[str, FileSpec]:
    """By what the further files of a preset are known; only this block is parsed."""
    block = quick_yaml("".join(BLOCK["files"].findall(text_of(path, name))), name).get("files") or {}
    known = {}
    for one, spec in block.items():
        has = spec.get("has") or ()
        known[one] = FileSpec(about=spec.get("about", ""), has=(has,) if isinstance(has, str) else tuple(has), rows=True)
    return known


def quick_yaml(text: str, name: str) -> dict[str, Any]:
    """A YAML block without the places of its keys."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    loader = YAML(typ="safe", pure=True)
    loader.version = (1, 2)
    try:
        plain = loader.load(text) if text else {}
    except (YAMLError, ValueError):
        plain, _ = read_yaml(text, name)  # says what is wrong, and where
    return plain if isinstance(plain, dict) else {}


def names_of(source: Source) -> list[str]:
    """Columns of a table; for documents the paths, three levels deep, of the first records. Of JSON also, as
    ``^products``, the list they lie in and the shape that its reader knows (``^salsify``)."""
    names: dict[str, None] = {}
    steps = [step for step in source.pointer_prefix.split("/") if step]
    for number in range(1, len(steps) + 1):
        names["^" + ".".join(steps[:number])] = None
    if source.about.get("shape"):
        names[f"^{source.about['shape']}"] = None
    if source.kind == "table":
        return [*source.header, *names]
    seen = 0
    for batch in source.batches():
        for record in batch.records:
            _walk(record[1], "", 3, names)
            seen += 1
            if seen >= SAMPLE:
                return list(names)
    return list(names)


def _walk(node: Any, path: str, steps: int, names: dict[str, None]) -> None:
    inner = node[0] if isinstance(node, list) and node else node
    if not isinstance(inner, dict) or not steps:
        return
    for key, value in inner.items():
        here = f"{path}.{key}" if path else str(key)
        names[here] = None
        _walk(value, here, steps - 1, names)
