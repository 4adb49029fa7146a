"""Parcels out to the warehouse, tracking numbers back in.

>>> with client, open("parcels.csv", "wb") as file:                      # doctest: +SKIP
...     export(parcels(client.fulfillments(state="open")), "csv", file)
>>> results(client, read_tracking(Path("tracking.csv")), dry_run=True)   # doctest: +SKIP

A parcel is one row a line item, its columns always the same. A tracking file is read whole before the first call, and orders
with a fault in it are left out; each parcel is read before it is changed, and only what differs is sent: a file that is sent
twice sends nothing the second time.

Source: docs/platforms/flickrocket.md, 4.6 and K33.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from feedbridge.errors import CommandError, FeedbridgeError
from feedbridge.findings import cut
from feedbridge.platforms.delivery import Reach
from feedbridge.platforms.flickrocket.arguments import SPOILT, is_order_id, tracking_numbers, wrong
from feedbridge.platforms.flickrocket.client import CallError, Client
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.resources import Fulfillment, LineItem

__all__ = [
    "COLUMNS", "RESULT_COLUMNS", "Result", "Tracking", "export", "guarded", "parcels", "read_tracking", "results",
    "write_results",
]

COLUMNS = (
    "order", "created_at", "status", "tracking", "tracking_url", "shipping_model", "line", "lines", "quantity", "product_id",
    "long_id", "title", "version", "gtin", "weight_grams", "name", "first_name", "last_name", "company", "address1",
    "address2", "zip", "city", "province", "province_code", "country_name", "country_code",
)
"""Of a parcels file. ``tracking`` may be filled in, and the file given back to ``read_tracking``."""
NUMBERS = frozenset({"line", "lines", "quantity"})
RESULT_COLUMNS = ("order", "result", "tracking_before", "tracking", "state_before", "state", "line", "message")
STATES = {"0": 0, "open": 0, "100": 100, "complete": 100}
STATE_WORDS = {0: "open", 100: "complete"}
MOST_FILE_BYTES = 32 * 2**20
_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
"""How a cell begins that a spreadsheet takes for a formula, or that is guarded already. Source: OWASP, CSV injection."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")
_SEP_LINE = re.compile(r'"?sep=([,;|\t])"?\r?\n', re.IGNORECASE)
"""The first line by which Excel is told the delimiter."""


def guarded(text: str) -> str:
    """A cell with an apostrophe before what a spreadsheet would run.

    >>> guarded("=1+1"), guarded("Hafenstraße 7")
    ("'=1+1", 'Hafenstraße 7')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


# Out.


def parcels(fulfillments: Iterable[Fulfillment]) -> Iterator[dict[str, Any]]:
    """One row a line item, as it comes; a parcel without line items is one row, too. Texts are on one line."""
    for one in fulfillments:
        items: Sequence[LineItem] = one.line_items or (LineItem(),)
        to = one.customer
        head = {
            "order": one.id,
            "created_at": one.created_at.strftime("%Y-%m-%dT%H:%M:%SZ") if one.created_at else "",
            "status": STATE_WORDS.get(one.state or 0, str(one.state)) if one.state is not None else "",
            "tracking": ",".join(one.tracking_numbers), "tracking_url": one.tracking_url or "",
            "shipping_model": _extra(one.model_extra, "shippingmodel", "shippingmodelname", "shippingname"),
        }
        address = {
            name: (getattr(to, name) or "") if to is not None else ""
            for name in COLUMNS[COLUMNS.index("name"):]
        }
        for number, item in enumerate(items, 1):
            row = {
                **head, "line": number, "lines": len(one.line_items), "quantity": item.quantity,
                "product_id": "" if item.id is None else str(item.id), "long_id": item.product_id or "",
                "title": item.title or "", "version": item.version or "",
                "gtin": _extra(item.model_extra, "gtin", "ean", "upc"),
                "weight_grams": _extra(item.model_extra, "weight", "weightgrams", "weightingrams"), **address,
            }
            yield {name: value if name in NUMBERS else _line(value) for name, value in row.items()}


def export(rows: Iterable[Mapping[str, Any]], format: Literal["csv", "xlsx", "json"], out: BinaryIO) -> int:
    """Write rows as they come; how many. Cells are text but for quantities.

    ``csv``   UTF-8, what a spreadsheet would run has an apostrophe in front
    ``xlsx``  one sheet; its cells are texts, so nothing runs and zeros in front stay
    ``json``  a list of objects

    Errors: those of ``rows``, OSError, CommandError when openpyxl is missing.
    """
    if format == "json":
        return _json(rows, out)
    return _xlsx(rows, out) if format == "xlsx" else _csv(rows, out, COLUMNS)


def _csv(rows: Iterable[Mapping[str, Any]], out: BinaryIO, columns: Sequence[str]) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(columns)
        count = 0
        for row in rows:
            writer.writerow([guarded(value) if isinstance(value := row[name], str) else value for name in columns])
            count += 1
        return count
    finally:
        text.flush()
        text.detach()


def _json(rows: Iterable[Mapping[str, Any]], out: BinaryIO) -> int:
    count = 0
    out.write(b"[")
    for row in rows:
        out.write((b",\n " if count else b"\n ") + json.dumps(row, ensure_ascii=False).encode())
        count += 1
    out.write(b"\n]\n" if count else b"]\n")
    return count


def _xlsx(rows: Iterable[Mapping[str, Any]], out: BinaryIO) -> int:
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
    except ImportError:
        raise CommandError(
            "writing Excel workbooks needs openpyxl, which is not installed", where="--to xlsx", code="flickrocket.setting",
            mend="pip install 'feedbridge[excel]', or choose --to csv",
        ) from None
    book = Workbook(write_only=True)
    sheet = book.create_sheet("parcels")
    sheet.freeze_panes = "A2"

    def cell(value: Any) -> Any:
        made = WriteOnlyCell(sheet, value)
        if isinstance(value, str):
            made.data_type = "s"  # or "=1+1" would be a formula
            made.number_format = "@"
        return made

    sheet.append([cell(name) for name in COLUMNS])
    count = 0
    for row in rows:
        sheet.append([cell(row[name]) for name in COLUMNS])
        count += 1
    book.save(out)
    return count


def _line(value: Any) -> str:
    return " ".join(_CONTROL.sub(" ", str(value)).split())


def _extra(members: Mapping[str, Any] | None, *names: str) -> str:
    """A member that is not documented by name, under any of the names it may have."""
    for name, value in (members or {}).items():
        if name.replace("_", "").lower() in names and isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return ""


# In.


@dataclass(frozen=True)
class Tracking:
    """What a tracking file says of an order. ``state`` None and ``numbers`` empty: leave it as it is.

    ``fault``  what is wrong with the line: nothing of the order is sent
    """

    order: str
    numbers: tuple[str, ...]
    state: Literal[0, 100] | None
    line: int
    fault: CommandError | None = None


def read_tracking(path: Path) -> list[Tracking]:
    """A CSV file with the columns order, tracking and, if wanted, state (0, 100, open, complete); others are ignored.

    Rows of one order (a parcels file has one a line item) have to say the same, or nothing. An order of which nothing is
    said is left out. What cannot be sent (K33) is there with its fault, and then nothing else of the same order is.

    Shape:  UTF-8, with commas, semicolons or tabs; the first line names the columns, or the second after ``sep=;``.
    Raises: CommandError when the file cannot be read, or is no such file.
    """
    found: dict[str, Tracking] = {}
    faults: list[Tracking] = []
    for line, cells, header in _rows(path):
        one = _row(path, line, cells, header)
        if one is None:
            continue
        before = found.get(one.order)
        if one.fault is None and before is not None:
            one = _merged(before, one, path, header)
        if one.fault is None:
            found[one.order] = one
        else:
            faults.append(one)
    refused = {one.order for one in faults}
    sendable = [one for one in found.values() if one.order not in refused and (one.numbers or one.state is not None)]
    return sorted([*sendable, *faults], key=lambda one: one.line)


def _row(path: Path, line: int, cells: list[str], header: list[str]) -> Tracking | None:
    """A line of the file, with its fault when it has one; None when it says nothing."""
    columns = [name.strip().lower() for name in header]
    row = dict(zip(columns, cells, strict=False))
    order, tracking, state = (_unguarded((row.get(name) or "").strip()) for name in ("order", "tracking", "state"))
    if not order and not tracking and not state and len(cells) <= len(header):
        return None
    name = order if is_order_id(order) else ""
    column = ""
    try:
        if len(cells) > len(header):
            raise wrong(
                "", f"the line has {len(cells)} cells, and the header {len(header)}", "flickrocket.K33",
                'put several tracking numbers in quotes: "A1,A2"')
        column = "order"
        _check_order(order)
        column = "tracking"
        numbers = tracking_numbers(tracking)
        column = "state"
        return Tracking(name, numbers, _state(state), line)
    except CommandError as exc:
        return Tracking(name, (), None, line, _at(path, line, column and header[columns.index(column)], name, exc))


def _merged(before: Tracking, one: Tracking, path: Path, header: list[str]) -> Tracking:
    """What two lines say of one order; the second with its fault when they do not agree."""
    for column, mine, other in (("tracking", one.numbers, before.numbers), ("state", one.state, before.state)):
        if mine not in ((), None) and other not in ((), None) and mine != other:
            named = next(name for name in header if name.strip().lower() == column)
            what = "other tracking numbers" if column == "tracking" else "another state"
            fault = wrong(
                "", f"the order has {what} than in line {before.line}", "flickrocket.K33",
                "say the same in every line of an order, or leave the other cells empty")
            return Tracking(one.order, (), None, one.line, _at(path, one.line, named, one.order, fault))
    return Tracking(
        one.order, before.numbers or one.numbers, one.state if before.state is None else before.state, before.line)


def _at(path: Path, line: int, column: str, order: str, fault: CommandError) -> CommandError:
    """A fault with its address: back.csv:3, column "tracking", order 267227."""
    where = f"{path}:{line}" + (f', column "{column.strip()}"' if column else "") + (f", order {order}" if order else "")
    return wrong(where, fault.message, fault.code, fault.mend)


def _rows(path: Path) -> Iterator[tuple[int, list[str], list[str]]]:
    """(line, cells, header). Raises CommandError."""
    def unusable(message: str, mend: str) -> CommandError:
        return wrong(str(path), f"{message}; nothing was sent", "flickrocket.K33", mend)

    try:
        with path.open("rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
        if len(data) > MOST_FILE_BYTES:
            raise unusable("is far too large for tracking numbers", "give a CSV file with the columns order and tracking")
        text = data.decode("utf-8-sig")
    except OSError as exc:
        raise unusable(f"cannot be read: {exc.strerror or exc}", "check the path and its permissions") from exc
    except UnicodeDecodeError as exc:
        raise unusable("is not UTF-8 text", "save it as CSV UTF-8") from exc
    told = _SEP_LINE.match(text)
    lines_before = 1 if told else 0
    text = text[told.end():] if told else text
    first = text.partition("\n")[0]
    delimiter = told[1] if told else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        columns = [name.strip().lower() for name in header]
        missing = [name for name in ("order", "tracking") if columns.count(name) != 1]
        if missing or columns.count("state") > 1:
            raise unusable(
                f"has not one column {' and one '.join(missing or ['state'])}", "begin it with: order,tracking,state")
        line = reader.line_num + 1 + lines_before
        for cells in reader:
            yield line, cells, header
            line = reader.line_num + 1 + lines_before
    except csv.Error as exc:
        raise unusable(f"line {reader.line_num + lines_before}: {exc}", "save it as CSV UTF-8") from exc


def _check_order(text: str) -> None:
    """Raises CommandError."""
    if not text:
        raise wrong("", "the line names no order", "flickrocket.K33", "give the order's id, or leave the whole line out")
    if SPOILT.fullmatch(text):
        raise wrong("", f'the order "{text}" has lost digits in a spreadsheet', "flickrocket.K33",
                    "format the column as text there, then enter the id anew")
    if not is_order_id(text):
        raise wrong("", f'"{cut(text)}" is no id of an order', "flickrocket.K33", "give it as feedbridge flickrocket fulfillments does")


def _state(text: str) -> Literal[0, 100] | None:
    """Raises CommandError."""
    if not text:
        return None
    state = STATES.get(text.lower())
    if state is None:
        raise wrong("", f'"{cut(text)}" is no state', "flickrocket.K33", "say 0 (open) or 100 (complete)")
    return 100 if state else 0


@dataclass(frozen=True)
class Result:
    """What came of an order.

    ``result``  ``sent`` · ``would send`` (dry run) · ``same`` · ``refused`` (its line has a fault) · ``failed`` ·
                ``unknown`` (it may have been taken) · ``not tried`` (FlickRocket stopped answering before)
    ``error``   what stopped the whole run, where it was this order
    """

    tracking: Tracking
    result: Literal["sent", "would send", "same", "refused", "failed", "unknown", "not tried"]
    before: Fulfillment | None = None
    message: str = ""
    error: FeedbridgeError | None = None

    @property
    def well(self) -> bool:
        return self.result in ("sent", "would send", "same")

    def row(self) -> dict[str, Any]:
        """As a row of the result file."""
        state, before = self.tracking.state, self.before
        return {
            "order": self.tracking.order, "result": self.result,
            "tracking_before": ",".join(before.tracking_numbers) if before else "",
            "tracking": ",".join(self.tracking.numbers),
            "state_before": _word(before.state) if before else "", "state": "" if state is None else _word(state),
            "line": self.tracking.line, "message": _line(self.message),
        }


def results(client: Client, wanted: Iterable[Tracking], *, dry_run: bool = False) -> Iterator[Result]:
    """Bring parcels to what a file says, one after another; what came of each.

    An order with a fault in the file is refused without a call. One that FlickRocket refuses is told, and the next is tried. What
    stops all (nobody is logged in, FlickRocket is down) is told with the order it met, and the rest is ``not tried``; nothing
    is raised.
    """
    stopped = False
    for one in wanted:
        if one.fault is not None:
            yield Result(one, "refused", message=str(one.fault))
            continue
        if stopped:
            yield Result(one, "not tried")
            continue
        before: Fulfillment | None = None
        try:
            before = client.fulfillment(one.order)
            change: dict[str, Any] = {}
            if one.numbers and one.numbers != before.tracking_numbers:
                change["tracking"] = list(one.numbers)
            if one.state is not None and one.state != before.state:
                change["state"] = one.state
            if not change:
                yield Result(one, "same", before)
            elif dry_run:
                yield Result(one, "would send", before)
            else:
                client.update_fulfillment(one.order, **change)
                yield Result(one, "sent", before)
        except (FlickRocketError, CommandError) as exc:
            stopped = _stops(exc)
            unknown = isinstance(exc, CallError) and exc.reach is Reach.UNKNOWN
            message = exc.message if stopped or not exc.mend else f"{exc.message}; mend: {exc.mend}"
            yield Result(one, "unknown" if unknown else "failed", before, message, exc if stopped else None)


def write_results(rows: Iterable[Result], out: BinaryIO) -> int:
    """A result file; how many rows."""
    return _csv((one.row() for one in rows), out, RESULT_COLUMNS)


def _stops(exc: FeedbridgeError) -> bool:
    """Whether the next order would meet the same."""
    if isinstance(exc, CallError):
        return exc.reach in (Reach.STOP, Reach.UNSENT, Reach.WAIT) or exc.status == 403 or exc.code == "flickrocket.down"
    return isinstance(exc, FlickRocketError) and exc.code not in ("flickrocket.gone", "flickrocket.answer")


def _word(state: int | None) -> str:
    return "" if state is None else STATE_WORDS.get(state, str(state))
