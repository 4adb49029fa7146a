"""From what a user names to sources with their mappings: opened, recognised, further files put with the main ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedbridge.errors import CommandError, SourceError
from feedbridge.mapping.attached import AttachedFile, fits
from feedbridge.mapping.load import Mapping as MappingFile
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.recognise import recognise
from feedbridge.sources.base import Source
from feedbridge.sources.combined import CombinedTable
from feedbridge.sources.files import expand, strip_compression_suffix
from feedbridge.sources.flat import flat_table
from feedbridge.sources.opening import combine, open_source

__all__ = ["open_inputs", "source_paths"]

SETTINGS = frozenset({"encoding", "delimiter", "quote", "items", "sheet", "format"})
"""What ``--set source.<name>`` may say before the mapping is known."""
NOT_CSV = {".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xltx", ".xltm", ".parquet", ".pq", ".xml", ".rss", ".atom"}


@dataclass(slots=True)
class Input:
    """One file (or DataFrame) on its way: ``chosen`` mapping, or why there is none."""

    thing: Any
    name: str | None
    first: Source | None = None
    chosen: str = ""
    error: CommandError | None = None


def open_inputs(
    things: Any, mapping: str, given: Mapping[str, str], names: Sequence[str] | None
) -> list[tuple[Source, MappingFile]]:
    """Sources with their mappings, in the order they were named.

    ``things``   paths, globs, DataFrames       ``mapping``  preset name, mapping file, or auto
    ``given``    ``--set`` without platforms' settings
    ``names``    how findings show them

    Raises: SourceError, CommandError (no preset fits, no source), MappingError.
    """
    inputs = [Input(thing, name) for thing, name in named(things, names)]
    if not inputs:
        raise CommandError("no source was named", code="command.source", mend="name a file")
    for one in inputs:
        if mapping == "auto":
            one.first = open_source(one.thing, name=one.name, **settings(given))
            try:
                one.chosen, _ = recognise(flat(one.first))
            except CommandError as exc:
                one.error = exc
        else:
            one.chosen = mapping
    choose_for_further(inputs, given)
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


def named(things: Any, names: Sequence[str] | None) -> Iterable[tuple[Any, str | None]]:
    listed: Iterable[Any] = things if isinstance(things, list | tuple) else [things]
    shown = iter(names or ())
    for thing in listed:
        if isinstance(thing, str) and "://" in thing:
            raise SourceError(
                "addresses are not read",
                where=thing,
                code="source.address",
                mend=f"fetch it first: curl -fsS '{thing}' | feedbridge convert - …",
            )
        paths: list[Any] = list(expand([str(thing)])) if isinstance(thing, str | os.PathLike) else [thing]
        for one in paths:
            yield one, next(shown, None)


def settings(given: Mapping[str, str]) -> dict[str, Any]:
    named = {key.removeprefix("source."): value for key, value in given.items() if key.startswith("source.")}
    return {name: value for name, value in named.items() if name in SETTINGS}


def flat(source: Source) -> Source:
    """Documents without anything nested as a table, for recognition by column names."""
    return (flat_table(source) or source) if source.kind == "documents" else source


def choose_for_further(inputs: list[Input], given: Mapping[str, str]) -> None:
    """A file no preset is for may be a further file of another's preset. Raises the first error that is left."""
    chosen = list(dict.fromkeys(one.chosen for one in inputs if one.chosen))
    for one in inputs:
        if one.error is None:
            continue
        header = one.first.header if one.first is not None else []
        one.chosen = next(
            (
                name
                for name in chosen
                if any(fits(spec, header) for spec in load_mapping(name, given).file.files.values())
            ),
            "",
        )
        if not one.chosen:
            raise one.error


def open_with(one: Input, loaded: MappingFile, given: Mapping[str, str]) -> Source:
    """The file, opened as its mapping says."""
    spec = loaded.source.model_dump()
    spec["folder"] = Path(spec["folder"]) if spec["folder"] else None
    if spec["format"] == "csv" and "source.format" not in given and isinstance(one.thing, str | os.PathLike):
        suffix = Path(strip_compression_suffix(Path(one.thing).name)).suffix.lower()
        if suffix in NOT_CSV:  # the same table in another format
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
        name = next((name for name, spec in mapping.file.files.items() if spec.key and is_only(spec, source)), None)
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
    if further or (len(main) > 1 and linked and all(source.kind == "table" for source in main)):
        return [(CombinedTable(main, further), mapping)]
    return [(source, mapping) for source in main]


def is_only(spec: Any, source: Source) -> bool:
    """Whether a table is that further file. A main file may have some of its columns, too, but not all."""
    return source.kind == "table" and fits(spec, source.header)
