"""Files made to exhaust whoever reads them, and names that are no files: refused in bounded memory, with a word."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from feedbridge.errors import FeedbridgeError
from feedbridge.sources.opening import open_source

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MEMORY_MIB = 700
"""Address space of the process that reads: all its libraries are in it, so this is no tight limit."""
SECONDS = 300
READ = """
import resource, sys
limit = int(sys.argv[1]) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from feedbridge.errors import FeedbridgeError
from feedbridge.sources.base import BadCells, BadDocument
from feedbridge.sources.opening import open_source
for path in sys.argv[2:]:
    good, bad, codes = 0, 0, set()
    try:
        for batch in open_source(path).batches():
            for record in batch.records:
                if isinstance(record[1], (BadCells, BadDocument)):
                    bad += 1
                    codes.add(record[1].finding.code)
                else:
                    good += 1
        print(good, bad, *sorted(codes), flush=True)
    except FeedbridgeError as error:
        print("refused", error.code, flush=True)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What a process with little memory says of each bomb: ``refused <code>``, or good and held-back records."""
    paths = []
    for number, (name, make, _) in enumerate(BOMBS.values()):
        folder = tmp_path_factory.mktemp(f"bomb-{number}-")
        make(folder / name)
        paths.append(str(folder / name))
    done = subprocess.run(
        [sys.executable, "-c", READ, str(MEMORY_MIB), *paths],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    lines = done.stdout.splitlines()
    return dict(zip(BOMBS, [*lines, done.stderr[-2000:], *[""] * len(BOMBS)], strict=False))


def workbook(
    path: Path, *, sheet: str = "", strings: str = "<si><t>a</t></si>", repeat: tuple[str, str, int] = ("", "", 0)
) -> None:
    """A workbook; ``repeat`` is a part (``sheet`` or ``strings``), a text and how often it stands in it."""
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/worksheet" Target="sheet.xml"/>'
            f'<Relationship Id="r2" Type="{office}/sharedStrings" Target="strings.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{office}"><sheets><sheet name="S" r:id="r1"/></sheets></workbook>',
        )
        where, piece, count = repeat
        for part, tags, text in (("sheet", ("worksheet", "sheetData"), sheet), ("strings", ("sst",), strings)):
            with archive.open(f"xl/{part}.xml", "w", force_zip64=True) as target:
                opening = "".join(f'<{tag} xmlns="{MAIN}">' for tag in tags)
                target.write((opening + (text if where != part else text.partition("…")[0])).encode())
                if where == part:
                    block = piece.encode() * (1 + (1 << 20) // len(piece))
                    for _ in range(count * len(piece) // len(block) + 1):
                        target.write(block)
                    target.write(text.partition("…")[2].encode())
                target.write("".join(f"</{tag}>" for tag in reversed(tags)).encode())


HEAD_ROW = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'


def gz(path: Path, *pieces: bytes | tuple[bytes, int]) -> None:
    """A compressed file of texts, some of them repeated."""
    with gzip.open(path, "wb", compresslevel=1) as target:
        for piece in pieces:
            text, count = piece if isinstance(piece, tuple) else (piece, 1)
            block = text * (1 + (1 << 20) // max(len(text), 1)) if count > 1 else text
            for _ in range(count * len(text) // len(block) + 1 if count > 1 else 1):
                target.write(block)


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
) + "]><l><p>&i;</p></l>"  # fmt: skip
DEEP = 100_000


BOMBS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "sheet of blanks": (
        "b.xlsx",
        lambda p: workbook(p, sheet=HEAD_ROW + "…", repeat=("sheet", " " * 100, 2_000_000)),
        "refused source.excel-size",
    ),
    "shared texts": (
        "b.xlsx",
        lambda p: workbook(p, strings="…", repeat=("strings", "<si><t/></si>", 3_000_000)),
        "refused source.excel-size",
    ),
    "one shared text": (
        "b.xlsx",
        lambda p: workbook(p, strings="<si><t>…</t></si>", repeat=("strings", "a" * 1000, 200_000)),
        "refused source.excel-size",
    ),
    "dimension of everything": (
        "b.xlsx",
        lambda p: workbook(p, sheet=HEAD_ROW + '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'),
        "1 0",
    ),
    "a million columns": (
        "b.xlsx",
        lambda p: workbook(p, sheet='<row r="1">…</row>', repeat=("sheet", "<c><v>1</v></c>", 1_000_000)),
        "refused csv.columns",
    ),
    "the same cell again": (
        "b.xlsx",
        lambda p: workbook(p, sheet='<row r="1">…</row>', repeat=("sheet", '<c r="A1"><v>1</v></c>', 1_000_000)),
        "refused source.excel",
    ),
    "a cell of 20 MB": (
        "b.xlsx",
        lambda p: workbook(p, sheet='<row r="1"><c t="str"><v>…</v></c></row>', repeat=("sheet", "ab" * 500, 20_000)),
        "refused csv.huge-cell",
    ),
    "a deep sheet": ("b.xlsx", lambda p: workbook(p, sheet="<a>" * DEEP), "refused source.xml-size"),
    "a header of a million columns": (
        "b.csv",
        lambda p: p.write_text("a," * 1_000_000 + "\n1\n"),
        "refused csv.columns",
    ),
    "a cell of 10 MB": (
        "b.csv",
        lambda p: p.write_text("sku,note\nA," + "x" * 10_500_000 + "\nB,b\n"),
        "1 1 csv.huge-cell",
    ),
    "a cell of 9 MB": ("b.csv", lambda p: p.write_text('sku,note\nA,"' + "x y;" * 2_300_000 + '"\nB,b\n'), "2 0"),
    "a CSV that is small only packed": ("b.csv.gz", lambda p: gz(p, b"sku,note\n", (b"A,b\n", 1_000_000)), "1048580 0"),
    "deep JSON": ("b.json", lambda p: p.write_text("[" * DEEP + "]" * DEEP), "refused json.too-deep"),
    "deep members": ("b.json", lambda p: p.write_text('{"a":' * DEEP + "1" + "}" * DEEP), "refused json.too-deep"),
    "a deep line": (
        "b.jsonl",
        lambda p: p.write_text('{"sku":"A"}\n{"a":' + "[" * DEEP + "]" * DEEP + "}\n"),
        "1 1 json.too-deep",
    ),
    "a JSON item without end": (
        "b.json.gz",
        lambda p: gz(p, b'[{"sku":"', (b"a" * 1000, 90_000)),
        "refused json.item-too-large",
    ),
    "billion laughs": ("b.xml", lambda p: p.write_text(LAUGHS), "refused source.xml-dtd"),
    "an external entity": (
        "b.xml",
        lambda p: p.write_text('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'),
        "refused source.xml-dtd",
    ),
    "an external DTD": (
        "b.xml",
        lambda p: p.write_text('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'),
        "refused source.xml-dtd",
    ),
    "deep XML": ("b.xml", lambda p: p.write_text("<a>" * DEEP), "refused source.xml-size"),
    "a huge attribute": (
        "b.xml.gz",
        lambda p: gz(p, b'<l><p a="', (b"a" * 1000, 100_000), b'"/></l>'),
        "refused source.xml-size",
    ),
    "a huge text": (
        "b.xml.gz",
        lambda p: gz(p, b"<l><product><a>", (b"a" * 1000, 50_000), b"</a></product></l>"),
        "refused source.xml-size",
    ),
    "an item of many elements": (
        "b.xml.gz",
        lambda p: gz(p, b"<l><product>", (b"<a><b/></a>", 1_000_000), b"</product></l>"),
        "refused source.xml-size",
    ),
    "names without number": (
        "b.xml",
        lambda p: p.write_text("<l>" + "".join(f"<p><n{n}/></p>" for n in range(200_000)) + "</l>"),
        "refused source.xml-size",
    ),
}


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_a_bomb_is_refused_or_read_in_little_memory(said, bomb):
    assert said[bomb] == BOMBS[bomb][2]


def test_the_limit_of_memory_is_one():
    """The process of these tests would fail if a reader took what it is offered."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_MIB << 20},) * 2); bytearray({MEMORY_MIB} << 20)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _null(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(_folder, "source.folder", id="folder"),
        pytest.param(_pipe, "source.not-a-file", id="pipe"),
        pytest.param(_loop, "source.unreadable", id="loop of links"),
        pytest.param(_null, "source.not-a-file", id="device"),
        pytest.param(lambda path: None, "source.missing", id="nothing there"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "json", "xlsx", "parquet", "xml"])
@pytest.mark.parametrize("named", [True, False])
def test_what_is_no_file_is_refused(tmp_path, make, code, suffix, named):
    path = tmp_path / f"feed.{suffix}"
    make(path)
    with pytest.raises(FeedbridgeError) as caught:
        open_source(path, format={"xlsx": "excel"}.get(suffix, suffix) if named else None)
    assert caught.value.code in (code, "source.missing" if code == "source.unreadable" else code)


@pytest.mark.parametrize("name", ["a\nb.csv", "a\x1b[31mb.csv", "a\tb.csv", "…ü.csv", "--help.csv", " .csv"])
def test_a_name_with_odd_signs_is_a_name(tmp_path, name):
    path = tmp_path / name
    path.write_text("sku,title\nA,a\n")
    [batch] = open_source(path).batches()
    assert batch.records == [(2, ["A", "a"])]


def test_a_nul_in_a_name_is_refused():
    with pytest.raises(FeedbridgeError) as caught:
        open_source("a\0b.csv")
    assert caught.value.code == "source.unreadable"
