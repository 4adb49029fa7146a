"""From what a user names to sources with their mappings: opened, recognised, further files put with the main ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from feedbridge.errors import CommandError, SourceError
from feedbridge.mapping.attached import AttachedFile, fits
from feedbridge.mapping.heading import sheets_hint
from feedbridge.mapping.load import Mapping as MappingFile
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.presets import presets
from feedbridge.mapping.recognise import NotRecognised, files_of, recognise
from feedbridge.mapping.schema import FileSpec
from feedbridge.sources.base import Source
from feedbridge.sources.combined import CombinedTable
from feedbridge.sources.files import expand, strip_compression_suffix
from feedbridge.sources.flat import flat_table
from feedbridge.sources.opening import combine, is_json, open_source

__all__ = ["open_inputs", "source_paths"]

SETTINGS = frozenset({"encoding", "delimiter", "quote", "items", "sheet", "format"})
"""What ``--set source.<name>`` may say before the mapping is known."""
CSV = {".csv", ".tsv", ".tab"}
NOT_CSV = {".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xltx", ".xltm", ".parquet", ".pq", ".xml", ".rss", ".atom"}


@dataclass(slots=True)
class Input:
    """One file (or DataFrame) on its way: ``chosen`` mapping, or why there is none. ``general``: it is one that counts
    only where no other does."""

    thing: Any
    name: str | None
    first: Source | None = None
    chosen: str = ""
    error: NotRecognised | None = None
    header: Sequence[str] = ()
    general: bool = False


def open_inputs(
    things: Any, mapping: str, given: Mapping[str, str], names: Sequence[str] | None, usual: str = ""
) -> list[tuple[Source, MappingFile]]:
    """Sources with their mappings, in the order they were named.

    ``things``   paths, globs, DataFrames       ``mapping``  preset name, mapping file, or auto
    ``given``    ``--set`` without platforms' settings
    ``names``    how findings show them
    ``usual``    preset of what the platform takes, which comes before a general one where it nearly fits

    Raises: SourceError, CommandError (no preset fits, no source), MappingError.
    """
    inputs = [Input(thing, name) for thing, name in named(things, names)]
    if not inputs:
        raise CommandError("no source was named", code="command.source", mend="name a file")
    for one in inputs:
        if mapping == "auto":
            one.first = open_source(one.thing, name=one.name, **settings(given))
            table = flat(one.first)
            one.header = table.header
            try:
                one.chosen, candidates = recognise(table, usual=usual)
                one.general = any(other.name == one.chosen and other.fallback for other in candidates)
            except NotRecognised as exc:
                one.error = exc
        else:
            one.chosen = mapping
    choose_for_further(inputs)
    opened: list[tuple[Source, MappingFile]] = []
    for one in inputs:
        loaded = load_mapping(one.chosen, given)
        opened.append((open_with(one, loaded, given), loaded))
    return joined(opened)


def source_paths(source: Source) -> list[Path]:
    """Every file a source is read from."""
    further = [attached.source for attached in getattr(source, "attached", {}).values()]
    found = [getattr(one, "path", None) for one in [*getattr(source, "sources", [source]), *further]]
    return [Path(path) for path in found if path is not None]


def named(things: Any, names: Sequence[str] | None) -> Iterator[tuple[Any, str | None]]:
    """Every file (or DataFrame) once, with the name it is shown by: a name is of the thing at its place. The files of a
    glob are shown as they are called."""
    listed: Sequence[Any] = things if isinstance(things, list | tuple) else [things]
    seen: set[Path] = set()
    for thing, shown in zip_longest(listed, (names or ())[: len(listed)]):
        if isinstance(thing, str) and "://" in thing:
            raise SourceError(
                "addresses are not read",
                where=thing,
                code="source.address",
                mend=f"fetch it first: curl -fsS '{thing}' | feedbridge convert - …",
            )
        if not isinstance(thing, str | os.PathLike):
            yield thing, shown
            continue
        paths = expand([str(thing)])
        for path in paths:
            if path.resolve() not in seen:  # read twice it would double its products
                seen.add(path.resolve())
                yield path, shown if len(paths) == 1 else None


def settings(given: Mapping[str, str]) -> dict[str, Any]:
    named = {key.removeprefix("source."): value for key, value in given.items() if key.startswith("source.")}
    skip = named.get("skip_lines", "")
    return {name: value for name, value in named.items() if name in SETTINGS} | (
        {"skip_lines": int(skip)} if skip.isdecimal() else {}
    )


def flat(source: Source) -> Source:
    """Documents without anything nested as a table, for recognition by column names."""
    return (flat_table(source) or source) if source.kind == "documents" else source


def choose_for_further(inputs: list[Input]) -> None:
    """A file that no preset, or only a general one, is for may be a further file of another's preset. Raises the first
    error that is left."""
    if len(inputs) == 1 and inputs[0].error is None:
        return  # alone and recognised
    chosen = dict.fromkeys(one.chosen for one in inputs if one.chosen and not one.general)
    known = {name: load_mapping(name, {}).file.files for name in chosen}
    for one in inputs:
        if one.error is None and not one.general:
            continue
        one.chosen = next((name for name, files in known.items() if further_of(files, one.header)), one.chosen)
        if not one.chosen and one.error is not None:
            raise with_hint(with_sheets(one.error, one.first), one.header)


def further_of(files: Mapping[str, FileSpec], header: Sequence[str]) -> str:
    """What a file with these columns would be as a further file; empty when it is none."""
    return next((spec.about or name for name, spec in files.items() if fits(spec, header)), "")


def with_sheets(error: NotRecognised, source: Source | None) -> NotRecognised:
    """The same, and which sheets of the workbook were not read: one of them may hold the table."""
    hint = sheets_hint(source) if source is not None else ""
    if not hint:
        return error
    return NotRecognised(error.message, [hint, *error.lines], error.candidates, error.where, error.mend)


def with_hint(error: NotRecognised, header: Sequence[str]) -> NotRecognised:
    """The same, and what the file may be as a further file of another."""
    hints = [
        f"it may be the {what} of {name}, which belong to its products: give the file with the products as well"
        for name, path in presets().items()
        if (what := further_of(files_of(path, name), header))
    ]
    if not hints:
        return error
    return NotRecognised(error.message, [*hints, *error.lines], error.candidates, error.where, error.mend)


def open_with(one: Input, loaded: MappingFile, given: Mapping[str, str]) -> Source:
    """The file, opened as its mapping says."""
    spec = loaded.source.model_dump(exclude={"partial"})
    spec["folder"] = Path(spec["folder"]) if spec["folder"] else None
    if spec["format"] == "csv" and "source.format" not in given and isinstance(one.thing, str | os.PathLike):
        suffix = Path(strip_compression_suffix(Path(one.thing).name)).suffix.lower()
        is_other = one.first.kind == "documents" if one.first is not None else suffix not in CSV and is_json(Path(one.thing))
        if suffix in NOT_CSV or is_other:  # the same table in another format
            spec["format"] = None
    source = open_source(one.thing, name=one.name, **spec)
    if source.kind == "documents" and (loaded.file.columns == "optional" or loaded.source.format == "csv"):
        records = loaded.records
        if not (loaded.source.format == "json" or records.variants or records.shape):
            return flat_table(source) or source
    return source


def joined(opened: list[tuple[Source, MappingFile]]) -> list[tuple[Source, MappingFile]]:
    """Files that belong together as one source: parents and variants in different files, further files."""
    if len({mapping.digest for _, mapping in opened}) > 1 or not opened:
        return opened
    mapping = opened[0][1]
    linked = bool(mapping.records.parent or mapping.records.children)
    if all(source.kind == "documents" for source, _ in opened):
        if len(opened) > 1 and linked:
            return [(combine([source for source, _ in opened]), mapping)]
        return opened
    further: dict[str, AttachedFile] = {}
    main: list[Source] = []
    for source, _ in opened:
        name = next((name for name, spec in mapping.file.files.items() if not spec.rows and is_only(spec, source)), None)
        if name is None:
            main.append(source)
        elif name in further:
            raise CommandError(
                f"there are two files of {mapping.file.files[name].about or name}",
                where=source.name,
                code="command.source",
                mend=f"give one; the other is {further[name].source.name}",
            )
        else:
            further[name] = AttachedFile(name, mapping.file.files[name], source)
    if not main and further:
        first = next(iter(further.values()))
        raise CommandError(
            f"{first.source.name} holds {first.spec.about or first.name} only, which belong to products of another file",
            code="command.source",
            mend="give that file as well",
        )
    nested = next((source for source in main if source.kind != "table"), None)
    if further and nested is not None:
        first = next(iter(further.values()))
        raise CommandError(
            f"{first.source.name} holds {first.spec.about or first.name}, which can be given with a table only, and "
            f"{nested.name} is none",
            code="command.source",
            mend="give the products as CSV, or this file alone",
        )
    if further or (len(main) > 1 and linked and all(source.kind == "table" for source in main)):
        return [(CombinedTable(main, further), mapping)]
    return [(source, mapping) for source in main]


def is_only(spec: Any, source: Source) -> bool:
    """Whether a table is that further file. A main file may have some of its columns, too, but not all."""
    return source.kind == "table" and fits(spec, source.header)
