"""``feedbridge flickrocket prices``, ``licenses``, ``categories``, ``themes`` and ``products``: list, or export."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

__all__ = ["COMMANDS", "write_table"]

SUFFIXES = (".csv", ".json", ".xlsx")
ABOUT = {
    "prices": "List the price models: title, id, currencies with amounts.",
    "licenses": "List the licences: title, id, DRM, downloads.",
    "categories": "List the categories: title, id.",
    "themes": "List the themes: title, id.",
    "products": "List the products: title, ids, and whether each is live, or why not.",
}
LOOKED_UP = """

    An exported file is a look-up table as it is: --set flickrocket.{kind}={kind}.csv makes a mapping take titles from it,
    without asking the shop."""


def command_of(kind: str) -> click.Command:
    """The command that lists or exports one kind."""

    @click.command(kind, help=ABOUT[kind] + (LOOKED_UP.format(kind=kind) if kind != "products" else ""))
    @click.option("--shop", envvar="FEEDBRIDGE_FLICKROCKET_SHOP", default="default", show_default=True, metavar="NAME",
                  help="Which shop's tokens (default: FEEDBRIDGE_FLICKROCKET_SHOP, else default).")
    @click.option("--export", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                  help="Write them to FILE instead: .csv, .json or .xlsx.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
    def command(shop: str, file: Path | None, as_json: bool) -> int:
        return listed(kind, shop, file, as_json)

    return command


def listed(kind: str, shop: str, file: Path | None, as_json: bool) -> int:
    """Read all of a kind, and show or write it. What was read is kept for look-ups, too."""
    from feedbridge.errors import CommandError
    from feedbridge.platforms.flickrocket.catalogue import KINDS, fetch, keep, rows
    from feedbridge.platforms.flickrocket.client import connect

    if file is not None and file.suffix.lower() not in SUFFIXES:
        raise CommandError(
            f'"{file.name}" says no format that can be written', where=f"--export {file}", code="flickrocket.setting",
            mend=f"name a file that ends with {', '.join(SUFFIXES)}",
        )
    with connect(shop, environment=os.environ, say=lambda sentence: click.echo(sentence, err=True)) as client:
        things = fetch(client, kind)
    if kind in KINDS:
        keep(kind, things, os.environ, shop=shop)
    columns, table = rows(kind, things)
    if file is not None:
        write_table(file, columns, table)
        click.echo(f"{file}: {len(table):,} {kind}", err=True)
    if as_json:
        click.echo(json_of(columns, table), nl=False)
    elif file is None:
        show(kind, columns, table)
    return 0


COMMANDS = [command_of(kind) for kind in ABOUT]


def show(kind: str, columns: Sequence[str], table: Sequence[Mapping[str, Any]]) -> None:
    """One line each: title, id, and what else there is to say."""
    from feedbridge.report.plain import showable

    for row in table:
        more = [f"{name} {text}" for name in columns[2:] if (text := worded(row.get(name))) and name not in ("created_at", "modified_at")]
        click.echo(showable("  ".join([str(row["id"]), str(row["title"]), *more])))
    if not table:
        click.echo(f"the shop has no {kind}", err=True)


def worded(value: Any) -> str:
    """A cell of a text table."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def json_of(columns: Sequence[str], table: Sequence[Mapping[str, Any]]) -> str:
    """A list of objects; amounts are texts, so that no reader makes them inexact."""
    plain = [
        {name: worded(value) if isinstance(value := row.get(name), Decimal) else value for name in columns} for row in table
    ]
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"


def write_table(file: Path, columns: Sequence[str], table: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, JSON or a workbook, by the file's suffix; the file is whole, or as it was before. What a
    spreadsheet would run is guarded. Raises OutputError."""
    suffix = file.suffix.lower()
    with replaced(file) as part:
        if suffix == ".json":
            part.write_text(json_of(columns, table), encoding="utf-8")
        elif suffix == ".csv":
            write_csv(part, columns, table)
        else:
            write_book(part, columns, table)


@contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """A file to write in, which takes the place of another when all went well."""
    import tempfile
    from contextlib import suppress

    from feedbridge.errors import OutputError

    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=file.suffix)
        os.close(descriptor)
        part = Path(name)
        try:
            yield part
            mask = os.umask(0)
            os.umask(mask)
            part.chmod(0o666 & ~mask)
            os.replace(part, file)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    except OSError as exc:
        raise OutputError(
            f"cannot write: {exc.strerror or exc}", where=str(file), code="output.write",
            mend="name a folder that is there and has room, and that you may write in",
        ) from exc


def write_csv(part: Path, columns: Sequence[str], table: Sequence[Mapping[str, Any]]) -> None:
    import csv

    from feedbridge.mapping.lookup import guarded

    with part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([guarded(worded(row.get(name))) for name in columns] for row in table)


def write_book(part: Path, columns: Sequence[str], table: Sequence[Mapping[str, Any]]) -> None:
    try:
        from openpyxl import Workbook  # type: ignore[import-untyped]  # it has no types
        from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]  # as above
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # type: ignore[import-untyped]  # as above
    except ImportError as exc:
        from feedbridge.errors import CommandError

        raise CommandError(
            "writing Excel workbooks needs openpyxl, which is not installed", where=str(part), code="flickrocket.setting",
            mend="pip install 'feedbridge[excel]', or give a name that ends in .csv",
        ) from exc

    book = Workbook(write_only=True)
    sheet = book.create_sheet("flickrocket")
    sheet.append(list(columns))
    for row in table:
        cells = []
        for name in columns:
            value = row.get(name)
            cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value)
            if isinstance(value, str):
                cell.data_type = "s"  # a text that begins with = is no formula
            cells.append(cell)
        sheet.append(cells)
    book.save(part)
