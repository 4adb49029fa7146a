"""The parts of an Excel workbook (ECMA-376, SpreadsheetML): its sheets, shared texts, number formats and rows.

Read as streams, so that no part is ever in memory as a whole but the shared texts, and every part is limited: a small
file may unpack to far more than it should.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from feedbridge.errors import SourceError
from feedbridge.sources.expat import XmlReader, xml_text

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "Cell", "Sheet", "Workbook"]

MOST_ROWS = 1 << 20
MOST_COLUMNS = 1 << 14
"""What Excel has at most."""

BOMB_RATIO = 100
BOMB_BYTES = 64 << 20
"""A part that unpacks to more than both is refused."""
MOST_SMALL_BYTES = 32 << 20
MOST_SHARED = 2_000_000
MOST_SHARED_CHARS = 256 << 20
MOST_CELL_CHARS = 10_000_000
MOST_SHEETS = 1_000

_BLOCK_BYTES = 1 << 16
_ESCAPED = re.compile("(?:_x[0-9A-Fa-f]{4}_)+")
_MERGED = re.compile(
    rb"""<(?:[A-Za-z_][\w.-]*:)?mergeCell\s[^>]*?ref\s*=\s*["']([A-Za-z]{1,3})([0-9]{1,7}):([A-Za-z]{1,3})([0-9]{1,7})["']"""
)
MOST_MERGED = 500_000
_PLACE = re.compile(r"([A-Za-z]{1,4})([0-9]{1,10})")


class Sheet(NamedTuple):
    """A sheet: its name, the part it is in, and whether it is hidden."""

    name: str
    part: str
    hidden: bool


class Cell(NamedTuple):
    """A cell as it lies in the file.

    ``kind``    n number, s shared text (already looked up: then ``str``), str, b, e, d
    ``text``    its value
    ``style``   index of its style
    ``formula`` it has one; without a value it was never calculated
    """

    column: int
    kind: str
    text: str
    style: int
    formula: bool


class Workbook:
    """An open workbook. Raises: SourceError ``source.excel`` (damaged) and ``source.excel-size``."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self._archive = zipfile.ZipFile(stream)
        infos = {info.filename.replace("\\", "/").lower(): info for info in self._archive.infolist()}
        self._infos = infos
        self._part = next(
            (
                _joined("", attributes.get("Target", ""))
                for tag, attributes in self._tags("_rels/.rels", optional=True)
                if tag == "Relationship" and attributes.get("Type", "").endswith("/officeDocument")
            ),
            "xl/workbook.xml",
        )
        if self._part.lower() not in infos:
            raise self.damaged("it has no workbook in it")
        self.epoch_1904 = False
        self.sheets: list[Sheet] = []
        self._strings_part = self._styles_part = ""
        self._read_sheets()
        self._strings: list[str] | None = None

    def close(self) -> None:
        self._archive.close()

    def damaged(self, why: str) -> SourceError:
        return SourceError(
            f"this workbook is damaged: {why}",
            where=self.name,
            code="source.excel",
            mend="open it in a spreadsheet, save it again as .xlsx, or export it as CSV",
        )

    def styles(self) -> list[str]:
        """The number format's code of each style; for formats built into Excel its number, as ``#14``."""
        codes: dict[str, str] = {}
        styles: list[str] = []
        within = ""
        for tag, attributes in self._tags(self._styles_part, optional=True):
            if tag in ("cellXfs", "cellStyleXfs", "numFmts", "dxfs"):
                within = tag
            elif tag == "numFmt" and within == "numFmts":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "General")
            elif tag == "xf" and within == "cellXfs":
                number = attributes.get("numFmtId", "0")
                styles.append(codes.get(number, f"#{number}"))
        return styles

    def strings(self) -> list[str]:
        """The texts that cells share, in their order."""
        found: list[str] = []
        pieces: list[str] = []
        chars = 0
        inside = phonetic = False

        def start(raw: str, attributes: dict[str, str]) -> None:
            nonlocal inside, phonetic
            local = raw.rpartition("\n")[2]
            if local == "t":
                inside = not phonetic
            elif local == "rPh":
                phonetic = True

        def end(raw: str) -> None:
            nonlocal inside, phonetic
            local = raw.rpartition("\n")[2]
            if local == "t":
                inside = False
            elif local == "rPh":
                phonetic = False
            elif local == "si":
                if len(found) >= MOST_SHARED:
                    raise self._too_large(f"it has more than {MOST_SHARED:,} shared texts")
                found.append(unescaped("".join(pieces)))
                pieces.clear()

        def text(piece: str) -> None:
            nonlocal chars
            if inside:
                chars += len(piece)
                if chars > MOST_SHARED_CHARS:
                    raise self._too_large(f"its shared texts are longer than {MOST_SHARED_CHARS >> 20} MiB")
                pieces.append(piece)

        if self._strings_part and self._strings_part.lower() in self._infos:
            reader = self._reader(self._strings_part, start, end, text)
            while reader.feed():
                pass
        return found

    def rows(
        self, sheet: Sheet, strings: list[str], hidden: set[int] | None = None
    ) -> Iterator[tuple[int, list[Cell]]]:
        """Row number and cells (in the order of their columns, counted from 0) of every row that has any value;
        numbers of rows that are not shown go to ``hidden``."""
        walk = _SheetWalk(self, strings, set() if hidden is None else hidden)
        reader = self._reader(sheet.part, walk.start, walk.end, walk.text)
        more = True
        while more:
            more = reader.feed()
            if walk.rows:
                rows, walk.rows = walk.rows, []
                yield from rows

    def merged(self, sheet: Sheet) -> list[tuple[int, int, int, str]]:
        """The merged cells of more than one row: column (counted from 0), first and last row, and how a sheet names them."""
        found: list[tuple[int, int, int, str]] = []
        kept = b""
        for piece in self._pieces(sheet.part, 0):
            text = kept + piece
            end = 0
            if b"mergeCell" in text:
                for one in _MERGED.finditer(text):
                    end = one.end()
                    if one[2] != one[4]:
                        name = f"{one[1].decode()}{int(one[2])}:{one[3].decode()}{int(one[4])}".upper()
                        found.append((column_of(one[1].decode()), int(one[2]), int(one[4]), name))
                if len(found) > MOST_MERGED:
                    raise self._too_large(f"it has more than {MOST_MERGED:,} merged cells")
            kept = text[max(end, len(text) - 256) :]
        return found

    # --- parts -------------------------------------------------------------------------------------------------------

    def _read_sheets(self) -> None:
        folder, base = posixpath.split(self._part)
        targets: dict[str, tuple[str, str]] = {}
        for tag, attributes in self._tags(f"{folder}/_rels/{base}.rels".lstrip("/"), optional=True):
            if tag == "Relationship":
                kind = attributes.get("Type", "").rpartition("/")[2]
                part = _joined(folder, attributes.get("Target", ""))
                targets[attributes.get("Id", "")] = (kind, part)
                if kind == "sharedStrings":
                    self._strings_part = part
                elif kind == "styles":
                    self._styles_part = part
        for tag, attributes in self._tags(self._part):
            if tag == "workbookPr":
                self.epoch_1904 = attributes.get("date1904", "0") in ("1", "true")
            elif tag == "sheet":
                kind, part = targets.get(attributes.get("id", ""), ("", ""))
                if kind == "worksheet" and part.lower() in self._infos:
                    hidden = attributes.get("state", "visible") != "visible"
                    self.sheets.append(Sheet(attributes.get("name", ""), part, hidden))
                    if len(self.sheets) > MOST_SHEETS:
                        raise self._too_large(f"it has more than {MOST_SHEETS:,} sheets")

    def _tags(self, part: str, *, optional: bool = False) -> list[tuple[str, dict[str, str]]]:
        """The start tags of a small part."""
        if part.lower() not in self._infos:
            if optional:
                return []
            raise self.damaged(f"{part} is missing")
        if self._infos[part.lower()].file_size > MOST_SMALL_BYTES:
            raise self._too_large(f"{part} unpacks to more than {MOST_SMALL_BYTES >> 20} MiB")
        found: list[tuple[str, dict[str, str]]] = []

        def start(raw: str, attributes: dict[str, str]) -> None:
            plain = {name.rpartition("\n")[2]: value for name, value in attributes.items()}
            found.append((raw.rpartition("\n")[2], plain))

        reader = self._reader(part, start, lambda _: None, lambda _: None)
        while reader.feed():
            if len(found) > 500_000:
                raise self._too_large(f"{part} has more than 500,000 elements")
        return found

    def _reader(self, part: str, start, end, text) -> XmlReader:  # type: ignore[no-untyped-def]  # the three handlers of XmlReader
        where = f"{self.name}, {part}"
        with self._archive.open(self._infos[part.lower()]) as stream:
            given = xml_text(stream.read(1024), None, where)
        return XmlReader(self._pieces(part, len(given.bom)), where, given.codec, start=start, end=end, text=text)

    def _pieces(self, part: str, skipped: int) -> Iterator[bytes]:
        info = self._infos[part.lower()]
        most = max(BOMB_BYTES, info.compress_size * BOMB_RATIO)
        total = 0
        with self._archive.open(info) as stream:
            stream.read(skipped)
            while piece := stream.read(_BLOCK_BYTES):
                total += len(piece)
                if total > most:
                    raise self._too_large(
                        f"{part} unpacks to more than {most >> 20} MiB, {BOMB_RATIO} times what it has in the file"
                    )
                yield piece

    def _too_large(self, why: str) -> SourceError:
        return SourceError(
            f"{why}, which no honest workbook does",
            where=self.name,
            code="source.excel-size",
            mend="if the workbook is what it should be, export the sheet as CSV",
        )


class _SheetWalk:
    """Collects the rows of one sheet."""

    def __init__(self, book: Workbook, strings: list[str], hidden: set[int]) -> None:
        self._book, self._strings = book, strings
        self.rows: list[tuple[int, list[Cell]]] = []
        self.hidden = hidden
        self._row = 0
        self._cells: dict[int, Cell] = {}
        self._seen = 0
        self._column = -1
        self._kind, self._style, self._formula = "n", 0, False
        self._take = self._phonetic = self._in_data = False
        self._pieces: list[str] = []
        self._chars = 0

    def start(self, raw: str, attributes: dict[str, str]) -> None:
        local = raw.rpartition("\n")[2]
        if local == "c" and self._in_data:
            self._start_cell(attributes)
        elif local == "v" or (local == "t" and not self._phonetic):
            self._take = self._column >= 0 and self._in_data
        elif local == "f":
            self._formula = True
        elif local == "rPh":
            self._phonetic = True
        elif local == "row" and self._in_data:
            number = self._number(attributes.get("r"), self._row + 1, MOST_ROWS, "row")
            if number <= self._row:
                raise self._book.damaged(f"row {number} stands behind row {self._row}")
            self._row, self._column, self._seen = number, -1, 0
            if attributes.get("hidden", "0") in ("1", "true"):
                self.hidden.add(number)
        elif local == "sheetData":
            self._in_data = True

    def end(self, raw: str) -> None:
        local = raw.rpartition("\n")[2]
        if local == "c" and self._in_data:
            text = "".join(self._pieces)
            if text or self._formula:
                self._cells[self._column] = self._cell(text)
            self._take = False
        elif local in ("v", "t"):
            self._take = False
        elif local == "rPh":
            self._phonetic = False
        elif local == "row" and self._in_data:
            if self._cells:
                self.rows.append((self._row, [self._cells[column] for column in sorted(self._cells)]))
                self._cells = {}
            self._column = -1
        elif local == "sheetData":
            self._in_data = False

    def text(self, piece: str) -> None:
        if self._take:
            self._chars += len(piece)
            if self._chars > MOST_CELL_CHARS:
                raise SourceError(
                    f"a cell of more than {MOST_CELL_CHARS:,} characters",
                    where=f"{self._book.name}:{self._row}",
                    code="csv.huge-cell",
                    mend="shorten it",
                )
            self._pieces.append(piece)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        if place is None:
            column = self._column + 1
        else:
            found = _PLACE.fullmatch(place)
            if found is None or int(found[2]) != self._row:
                raise self._book.damaged(f"row {self._row} has a cell at {place[:20]}")
            column = column_of(found[1])
        self._seen += 1
        if column >= MOST_COLUMNS or self._seen > MOST_COLUMNS:
            raise SourceError(
                f"row {self._row} has more than {MOST_COLUMNS:,} columns",
                where=f"{self._book.name}:{self._row}",
                code="csv.columns",
                mend="is this a table of products? Export it again",
            )
        if column in self._cells:
            raise self._book.damaged(f"row {self._row} has the cell {place or column + 1} twice, with two values")
        self._column = column
        self._kind = attributes.get("t", "n")
        self._style = self._number(attributes.get("s"), 0, 1 << 20, "style")
        self._formula = False
        self._pieces, self._chars = [], 0

    def _cell(self, text: str) -> Cell:
        kind = self._kind
        if kind == "s":
            try:
                if not text.strip().isdecimal():
                    raise ValueError
                text, kind = self._strings[int(text)], "str"
            except (ValueError, IndexError):
                raise self._book.damaged(f"row {self._row} has a text that is not in it (number {text[:20]})") from None
        elif kind in ("str", "inlineStr"):
            text, kind = unescaped(text), "str" if not self._formula or self._kind == "str" else "n"
        return Cell(self._column, kind, text, self._style, self._formula)

    def _number(self, text: str | None, otherwise: int, most: int, what: str) -> int:
        if text is None:
            number = otherwise
        else:
            if not (text.isascii() and text.isdigit() and len(text) < 12):
                raise self._book.damaged(f'"{text[:20]}" is no number of a {what}')
            number = int(text)
        if number > most:
            raise self._book.damaged(f"it has a {what} {number:,}, and {most:,} is the most there can be")
        return number


def unescaped(text: str) -> str:
    """Text in which characters are written ``_x000D_``, as it is meant.

    >>> unescaped("a_x0041_b"), unescaped("_xD83D__xDE00_"), unescaped("_x005F_x0041_"), unescaped("_xD83D_")
    ('aAb', '😀', '_x0041_', '_xD83D_')
    """
    return _ESCAPED.sub(_meant, text) if "_x" in text else text


def _meant(found: re.Match[str]) -> str:
    try:
        return b"".join(bytes.fromhex(unit) for unit in re.findall("_x(.{4})_", found[0])).decode("utf-16-be")
    except UnicodeDecodeError:  # half a character
        return found[0]


def column_of(letters: str) -> int:
    """
    >>> column_of("A"), column_of("ab")
    (0, 27)
    """
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return column - 1


def _joined(folder: str, target: str) -> str:
    target = target.replace("\\", "/")
    return posixpath.normpath(target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target))
