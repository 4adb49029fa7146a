"""Read a mapping file: YAML, ``extends``, parameters, overlays; every mistake with its line and the right name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from feedbridge.errors import CommandError, MappingError
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.presets import find_mapping
from feedbridge.mapping.schema import MappingFile, Records, SourceSpec
from feedbridge.mapping.tree import Block, TreeParser, fill, is_spec
from feedbridge.mapping.yaml import KeyPath, Places, key_text, read_text, read_yaml
from feedbridge.product import Product, Variant

__all__ = ["Mapping", "load_mapping"]


@dataclass(slots=True)
class Mapping:
    """A mapping ready for a file: parameters filled in, fields as trees, checked.

    ``digest`` changes when anything that can alter a product changes (files, parameters).
    """

    name: str
    shown: str
    folder: Path
    file: MappingFile
    places: Places
    parameters: dict[str, str]
    digest: str
    plain: dict[str, Any] = field(repr=False)
    files: list[str] = field(default_factory=list)
    """The mapping's file and all it extends, base last."""
    unfilled: dict[str, Any] = field(default_factory=dict, repr=False)
    """``plain`` as it is written, parameters not filled in."""

    def is_own(self, path: KeyPath) -> bool:
        """Whether a field is said by this very file, and not by one that it extends."""
        short = path
        while len(short) > 1 and short not in self.places.lines:
            short = short[:-1]
        return len(self.files) > 1 and self.places.lines.get(short, ("", 0))[0] == self.shown

    def may_lack(self, path: KeyPath) -> bool:
        """Whether a field's column may be missing. What presets name may be, since they know several generations of a
        format; what a user's own file adds to one may not, unless it says ``columns: optional`` itself."""
        if self.file.columns != "optional":
            return False
        return not self.is_own(path) or self.is_own(("columns",))

    @property
    def records(self) -> Records:
        return self.file.records

    @property
    def source(self) -> SourceSpec:
        return self.file.source

    def trees(self, platform: str | None = None) -> tuple[Block, Block]:
        """The product's and the variant's fields, with the platform's overlay laid over them. Raises MappingError."""
        complaints: list[tuple[KeyPath, str, str]] = []
        overlay = self.plain.get("platforms", {}).get(platform, {}) if platform else {}
        parser = TreeParser(
            lambda path, message, mend: complaints.append((path, message, mend)), self.plain.get("fragments", {})
        )
        trees = []
        for room, model in (("product", Product), ("variant", Variant)):
            block = parser.block(model, self.plain.get(room) or {}, (room,))
            over = overlay.get(room)
            if over:
                base: KeyPath = ("platforms", platform or "", room)
                laid = parser.block(model, over, base)
                for name, given in over.items():
                    if given is None:
                        block.fields.pop(name, None)
                block.fields.update(laid.fields)
            trees.append(block)
        if complaints:
            raise self.error(complaints)
        return trees[0], trees[1]

    def has_overlay(self, platform: str) -> bool:
        """Whether a platform's products are made differently from the others'."""
        overlay = self.file.platforms.get(platform)
        return bool(overlay and (overlay.product or overlay.variant))

    def error(self, complaints: Iterable[tuple[KeyPath, str, str]], code: str = "mapping.field") -> MappingError:
        """One error that lists every complaint with its place."""
        return complaint_error(self.places, complaints, code)


def complaint_error(places: Places, complaints: Iterable[tuple[KeyPath, str, str]], code: str) -> MappingError:
    found = list(complaints)
    first, *rest = found
    path, message, mend = first
    error = MappingError(message, where=places.where(path), mend=mend, code=code)
    if not rest:
        return error
    lines = [str(error)]
    lines += [str(MappingError(m, where=places.where(p), mend=fix, code=code)) for p, m, fix in rest]
    whole = MappingError("\n".join(lines), code="")
    return whole


def load_mapping(name: str, parameters: MappingABC[str, str] | None = None) -> Mapping:
    """Load a preset by name or a mapping file by path, and fill in its parameters (``--set``).

    Raises: MappingError for a mistake in a mapping file, CommandError for a parameter it does not know.
    """
    path, shown = find_mapping(name)
    plain, lines, files, digest = _read_with_base(path, shown, ())
    return build_mapping(plain, Places(shown, lines), path.parent, files, digest, parameters)


def build_mapping(
    plain: dict[str, Any],
    places: Places,
    folder: Path,
    files: list[str],
    digest: str,
    parameters: MappingABC[str, str] | None = None,
) -> Mapping:
    """A mapping from its plain (merged) content. Raises MappingError, CommandError."""
    shown = places.file
    _validate(plain, places)
    given = dict(parameters or {})
    source_overrides = {key[7:]: given.pop(key) for key in list(given) if key.startswith("source.")}
    values = _parameter_values(plain, given, shown)
    filled = fill({key: value for key, value in plain.items() if key != "tests"}, values)
    filled["tests"] = plain.get("tests", [])
    if source_overrides:
        filled["source"] = {**(filled.get("source") or {}), **source_overrides}
        places.lines.pop(("source",), None)
    file = _validate(filled, places)
    key = json.dumps([digest, sorted(values.items()), sorted(source_overrides.items())]).encode()
    mapping = Mapping(
        file.name or Path(shown).stem,
        shown,
        folder,
        file,
        places,
        values,
        hashlib.sha256(key).hexdigest(),
        filled,
        files,
        plain,
    )
    mistakes = list(_record_mistakes(file))
    if mistakes:
        raise mapping.error(mistakes, "mapping.shape")
    for platform in (None, *file.platforms):
        mapping.trees(platform)
    return mapping


def _record_mistakes(file: MappingFile) -> Iterable[tuple[KeyPath, str, str]]:
    """Words about records that say nothing together: rows that would be passed over without a word."""
    records = file.records
    by_row = records.one == "variant"
    for name in ("group_by", "variant_if", "variant_when", "starts", "parent_row"):
        if getattr(records, name) and not by_row:
            yield (
                ("records", name),
                f"{name} is about rows of one product, but here one row is a product",
                "say one: variant",
            )
    if records.fill_down and not records.group_by:
        yield ("records", "fill_down"), "fill_down needs group_by", "name the column that is filled down"
    if records.variants and (by_row or records.parent):
        yield (
            ("records", "variants"),
            "a variant is a record here, so it cannot be an item of an inner list as well",
            "say one: product",
        )
    for name in ("parent", "children"):
        if getattr(records, name) and not file.variant:
            yield (
                ("records", name),
                "records are variants of others, but variant: maps nothing",
                "map sku, price … in variant:",
            )
    together = [name for name in ("parent", "group_by", "starts") if getattr(records, name)]
    if len(together) > 1 or (records.children and {"group_by", "starts"} & set(together)):
        yield (
            ("records", together[0]),
            f"records are held together in one way only, and here is {' and '.join(together)}"
            + (" beside children" if records.children else ""),
            "leave one of them out",
        )


@lru_cache(maxsize=16)
def _parsed(text: str, shown: str) -> tuple[Any, dict[KeyPath, tuple[str, int]]]:
    return read_yaml(text, shown)


def parsed(text: str, shown: str) -> tuple[Any, dict[KeyPath, tuple[str, int]]]:
    """A mapping's text, parsed once a process: ruamel.yaml takes longer than a small conversion."""
    plain, lines = _parsed(text, shown)
    return deepcopy(plain), dict(lines)


def _read_with_base(
    path: Path, shown: str, seen: tuple[str, ...]
) -> tuple[dict[str, Any], dict[KeyPath, tuple[str, int]], list[str], str]:
    if shown in seen:
        raise MappingError(f"extends itself: {' > '.join((*seen, shown))}", where=shown, code="mapping.extends")
    text = read_text(path, shown)
    plain, lines = parsed(text, shown)
    if not isinstance(plain, dict):
        raise MappingError(
            "is not a mapping file", where=shown, code="mapping.shape", mend="begin it with feedbridge: 1"
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    files = [shown]
    base_name = plain.get("extends")
    if isinstance(base_name, str):
        beside = path.parent / base_name
        if beside.is_file():
            base_path, base_shown = beside, str(Path(shown).parent / base_name)
        else:
            try:
                base_path, base_shown = find_mapping(base_name)
            except MappingError as exc:
                exc.where = Places(shown, lines).where(("extends",))
                raise
        base, base_lines, base_files, base_digest = _read_with_base(base_path, base_shown, (*seen, shown))
        base.pop("tests", None)
        base.pop("recognise", None) if "recognise" in plain else None
        plain = lay_over(base, plain)
        lines = {**base_lines, **lines}
        files += base_files
        digest = hashlib.sha256((digest + base_digest).encode()).hexdigest()
    return plain, lines, files, digest


def lay_over(base: Any, over: Any) -> Any:
    """``over`` on ``base``: blocks of fields are merged key by key, specs, lists and values are replaced."""
    if isinstance(base, dict) and isinstance(over, dict) and not is_spec(base) and not is_spec(over):
        return {**base, **{key: lay_over(base.get(key), value) for key, value in over.items()}}
    return over


def _validate(plain: dict[str, Any], places: Places) -> MappingFile:
    try:
        return MappingFile.model_validate(_names_as_lists(plain))
    except ValidationError as exc:
        complaints = []
        for error in exc.errors():
            loc = tuple(error["loc"])
            message, mend = error["msg"], ""
            if error["type"] == "extra_forbidden":
                keys = _keys_at(loc[:-1])
                near = nearest(str(loc[-1]), keys)
                message = f'there is no key "{loc[-1]}" here'
                mend = f'did you mean "{near}"?' if near else f"keys here are {', '.join(keys)}"
            elif error["type"] == "missing":
                message = f'the key "{key_text(loc)}" is missing'
                mend = "write feedbridge: 1 in the first line" if loc == ("feedbridge",) else ""
            complaints.append((loc, message, mend))
        raise complaint_error(places, complaints, "mapping.shape") from exc


def _names_as_lists(plain: dict[str, Any]) -> dict[str, Any]:
    """Lists of names may be written as one name."""
    plain = dict(plain)
    records = plain.get("records")
    if isinstance(records, dict):
        records = listed(records, "group_by", "variant_if")
        for block, names in LISTED.items():
            if isinstance(records.get(block), dict):
                records[block] = listed(records[block], *names)
        plain["records"] = records
    files = plain.get("files")
    if isinstance(files, dict):
        plain["files"] = {k: listed(v, "has", "of", "lacks") if isinstance(v, dict) else v for k, v in files.items()}
    return plain


LISTED = {"parent": ("key", "of", "never_variant"), "children": ("of",), "layers": ("of", "own"), "continued": ("columns",)}
"""Blocks of records, and which of their keys are lists of names."""


def listed(block: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: [v] if k in names and isinstance(v, str) else v for k, v in block.items()}


def _keys_at(loc: KeyPath) -> list[str]:
    """The keys a mapping file may have at a key path."""
    model: Any = MappingFile
    for step in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            info = next((i for n, i in model.model_fields.items() if step in (n, i.alias)), None)
            if info is None:
                return []
            model = info.annotation
        for inner in getattr(model, "__args__", None) or ():
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [i.alias or n for n, i in model.model_fields.items()]
    return []


def _parameter_values(plain: dict[str, Any], given: dict[str, str], shown: str) -> dict[str, str]:
    known = plain.get("parameters") or {}
    for name in given:
        if name not in known:
            near = nearest(name, known)
            raise CommandError(
                f'{shown} has no parameter "{name}"' + (f"; it has {', '.join(known)}" if known else ""),
                where=f"--set {name}",
                code="command.parameter",
                mend=f'did you mean "{near}"?' if near else _without_parameter(name, bool(known)),
            )
    values = {}
    for name, about in known.items():
        default = (about or {}).get("default") if isinstance(about, dict) else None
        if name in given:
            values[name] = given[name]
        elif default is not None:
            values[name] = str(default)
    return values


def _without_parameter(name: str, others: bool) -> str:
    """What to do about a parameter that a mapping does not ask for."""
    leave = f"leave --set {name} out" + ("" if others else ": this mapping asks for nothing")
    return f"{leave}; or add parameters: {{{name}: {{}}}} to a mapping of your own, and write ${{{name}}} where it is read"


PLACEHOLDER = re.compile(r"\$\{([\w-]+)\}")
