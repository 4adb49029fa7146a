from __future__ import annotations

import codecs
import io

import pytest

from feedbridge.errors import CommandError
from feedbridge.sources.encoding import (
    LONGEST_LINE,
    Lines,
    codec_named,
    detect,
    has_marks,
    marked_bytes,
    without_marks,
)

GERMAN = "sku;name\n1;Größe für Männer\n2;Straße\n"


@pytest.mark.parametrize(
    ("data", "codec"),
    [
        pytest.param(b"sku,name\n1,shirt\n", "utf-8", id="ascii"),
        pytest.param(GERMAN.encode(), "utf-8", id="utf-8"),
        pytest.param(GERMAN.encode()[:14], "utf-8", id="utf-8 cut in a character"),
        pytest.param((GERMAN * 20).encode() + b"3;Gr\xf6\xdfe\n", "utf-8", id="damaged utf-8"),
        pytest.param(GERMAN.encode("cp1252"), "cp1252", id="cp1252"),
        pytest.param("sku;name\n1;“12 €” – Größe\n".encode("cp1252"), "cp1252", id="cp1252 punctuation"),
        pytest.param(b"a,b\n1,\xa9\n", "cp1252", id="one sign"),
        pytest.param("id,name\n1,Λεωνιδας\n2,Αλεξανδρος\n".encode("iso-8859-7"), "iso8859_7", id="greek"),
        pytest.param("id,имя\n1,Красная рубашка\n".encode("cp1251"), "cp1251", id="russian"),
        pytest.param("id,имя\n1,Красная рубашка\n".encode("koi8-r"), "koi8_r", id="russian koi8"),
        pytest.param("名前,年齢\n山田,30\n佐藤,28\n鈴木,32\n".encode("shift_jis"), "cp932", id="shift_jis"),
        pytest.param("产品,价格\n红色衬衫,20\n".encode("gb18030"), "gb18030", id="chinese"),
        pytest.param("id,nazwa\n1,Żółta koszula\n2,Źdźbło trawy\n".encode("cp1250"), "cp1250", id="polish"),
        pytest.param(GERMAN.encode("utf-16-le"), "utf-16-le", id="utf-16-le without mark"),
        pytest.param(GERMAN.encode("utf-16-be"), "utf-16-be", id="utf-16-be without mark"),
    ],
)
def test_detects(data, codec):
    found = detect([data])
    assert (found.codec, found.how, found.bom, found.doubt) == (codec, "detected", b"", "")
    assert bool(found.guess) == (codec not in ("utf-8", "utf-16-le", "utf-16-be"))


@pytest.mark.parametrize(
    ("bom", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides(bom, codec):
    data = bom + GERMAN.encode(codec)
    found = detect([data])
    assert (found.codec, found.how, found.bom) == (codec, "bom", bom)
    assert detect([data], "cp1252").codec == codec
    assert "byte-order mark" in detect([data], "cp1252").doubt
    assert detect([data], codec).doubt == ""


def test_looks_on_while_a_file_is_ascii():
    blocks = [b"sku,name\n", b"1,shirt\n" * 10, "2,Größe\n".encode("cp1252")]
    assert detect(blocks).codec == "cp1252"


def test_what_is_given_is_taken_and_doubted_when_the_text_is_utf8():
    assert detect([GERMAN.encode("cp1252")], "Windows-1252") == detect([GERMAN.encode("cp1252")], "cp1252")
    assert detect([GERMAN.encode("latin-1")], "latin-1").how == "given"
    assert '"Größe"' in detect([GERMAN.encode()], "cp1252").doubt
    assert detect([b"plain"], "cp1252").doubt == ""


@pytest.mark.parametrize(
    ("name", "codec"),
    [("UTF8", "utf-8"), ("utf-8-sig", "utf-8"), ("Windows-1252", "cp1252"), ("ISO-8859-1", "iso8859-1")],
)
def test_names_people_write(name, codec):
    assert codec_named(name) == codec


@pytest.mark.parametrize(
    ("name", "near"),
    [("uft-8", "utf-8"), ("shift-jiss", "shift_jis"), ("hex", ""), ("idna", ""), ("no\0such", ""), ("ä", "")],
)
def test_unknown_names_are_refused_with_the_nearest(name, near):
    with pytest.raises(CommandError, match="not an encoding") as caught:
        codec_named(name)
    assert near in caught.value.mend


@pytest.mark.parametrize(
    ("codec", "data", "expected", "bad"),
    [
        pytest.param("utf-8", b"a\xe4b,\xff\n", "a\ufffdb,\ufffd\n", b"\xe4", id="utf-8"),
        pytest.param("utf-8", b"a\xe2\x82,b\n", "a\ufffd,b\n", b"\xe2\x82", id="utf-8 cut character"),
        pytest.param("ascii", b"a\xe4b\n", "a\ufffdb\n", b"\xe4", id="ascii"),
        pytest.param("cp1252", b"a\x81b\n", "a\ufffdb\n", b"\x81", id="cp1252"),
        pytest.param("shift_jis", b"a\x82\nb\n", "a\ufffd\nb\n", b"\x82", id="line end behind a lead byte"),
        pytest.param("utf-16-le", b"a\x00\x00\xdcb\x00\n\x00", "a\ufffdb\n", b"\x00\xdc", id="lone surrogate"),
        pytest.param("utf-16-le", b"a\x00\n\x00b", "a\n\ufffd", b"b", id="half a character at the end"),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_undecodable_bytes_are_marked_and_the_rest_is_read(codec, data, expected, bad, block):
    window = Lines(io.BytesIO(data), codec, block=block)
    while not window.ended:
        window.read()
    text = "".join(window.lines)
    assert without_marks(text) == expected
    assert has_marks(text)
    assert window.marked
    assert marked_bytes(text) == bad


@pytest.mark.parametrize("block", [1, 2, 5, 1000])
def test_lines_are_those_of_an_editor(block):
    text = "a\r\nb\nc\rd\x0be\x0cf\x1cg\x85h\u2028i\r\r\n\nend"
    window = Lines(io.BytesIO(text.encode()), "utf-8", block=block)
    while not window.ended:
        window.read()
    assert window.lines == ["a\r\n", "b\n", "c\r", "d\x0be\x0cf\x1cg\x85h\u2028i\r", "\r\n", "\n", "end"]
    assert window.first == 1


def test_dropped_lines_count_on():
    window = Lines(io.BytesIO(b"a\nb\nc\n"), "utf-8")
    window.read()
    window.drop(2)
    assert (window.lines, window.first, window.chars) == (["c\n"], 3, 2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_endless_line_is_cut_and_what_follows_is_read(end):
    data = ("x" * (LONGEST_LINE + 5_000_000) + end + "next" + end).encode()
    window = Lines(io.BytesIO(data), "utf-8", block=1 << 20)
    while not window.ended:
        window.read()
    assert [line[-6:] for line in window.lines[1:]] == ["next" + end]
    assert LONGEST_LINE < len(window.lines[0]) <= LONGEST_LINE + 3
