"""What could be lost beside what is read: records elsewhere in the file, bytes behind a stream, signs nobody sees."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

import feedbridge
from feedbridge.cells.base import CellError, readers
from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity
from feedbridge.mapping.recognise import NotRecognised, recognise
from feedbridge.sources import files
from feedbridge.sources.csv import CsvSource
from feedbridge.sources.flat import flat_table
from feedbridge.sources.json import JsonSource
from feedbridge.sources.opening import open_source
from feedbridge.sources.xml import GOOGLE, OUTLINE_BYTES, XmlSource


def write(folder: Path, data: str | bytes, name: str = "feed.xml") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def documents(source: Any) -> list[Any]:
    return [record[1] for batch in source.batches() for record in batch.records]


def product(number: int, name: str = "product") -> str:
    return f"<{name}><sku>{number}</sku></{name}>"


TWO = product(1) + product(2)


@pytest.mark.parametrize(
    ("text", "chosen", "other"),
    [
        pytest.param(f"<p>{TWO}<special>{product(3)}</special></p>", "product", "special.product", id="once, deeper"),
        pytest.param(f"<p>{TWO}<a><b><c><d>{product(3)}</d></c></b></a></p>", "product", "a.b.c.d.product", id="far deeper"),
        pytest.param(f"<p>{TWO}<special><product/></special></p>", "product", "special.product", id="an empty one"),
        pytest.param(f"<p>{TWO}<a>{product(3, 'PRODUCT')}</a></p>", "product", "a.PRODUCT", id="in capitals"),
        pytest.param(f"<p>{TWO}<a>{product(3, 'offer')}</a></p>", "product", "a.offer", id="another usual name"),
        pytest.param(f"<p>{TWO}<a><offer id='3'/></a></p>", "product", "a.offer", id="another usual name, with attributes"),
        pytest.param(
            f"<rss><channel>{product(1, 'item')}</channel>{product(2, 'item')}</rss>", "channel.item", "item", id="behind the channel"
        ),
        pytest.param(f"<rss>{product(1, 'item')}<channel/></rss>", "channel.item", "item", id="before the channel"),
        pytest.param(
            f"<rss><channel>{product(1, 'item')}{product(2, 'Item')}</channel></rss>", "channel.item", "channel.Item", id="Item beside item"
        ),
        pytest.param(
            f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id></entry><more>{product(2, "entry")}</more></feed>',
            "entry", "more.entry", id="Atom",
        ),
    ],
)  # fmt: skip
def test_a_record_beside_the_records_stops_the_run(tmp_path, text, chosen, other):
    path = write(tmp_path, text)
    with pytest.raises(SourceError) as caught:
        documents(XmlSource(path))
    assert caught.value.code == "source.xml-items"
    assert all(shown in caught.value.message for shown in (f'"{chosen}"', f'"{other}"'))
    assert f"source.items: {other}" in caught.value.mend
    named = XmlSource(path, items=chosen)
    assert documents(named) == documents(XmlSource(path, items=chosen))
    told = [finding.message for batch in named.batches() for finding in batch.findings]
    assert any(f'the element "{other}" beside the records is not read' in message for message in told)
    assert documents(XmlSource(path, items=other))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"<p><head><record>5</record></head>{TWO}</p>", id="a number called record"),
        pytest.param(f"<p><group>{product(1)}</group><group>{product(2)}</group></p>".replace("group", "list", 2), id="one list"),
        pytest.param(f"<p>{TWO}<totals><count>2</count></totals></p>", id="totals"),
        pytest.param(f"<p><product><sku>1</sku>{product(7)}</product>{product(2)}</p>", id="inside a record"),
        pytest.param("<p xmlns:x='urn:x'><product><sku>1</sku></product><x:product><sku>2</sku></x:product></p>", id="two namespaces"),
    ],
)  # fmt: skip
def test_what_is_no_record_stops_nothing(tmp_path, text):
    source = XmlSource(write(tmp_path, text), items=None if "<list>" not in text else "list.product")
    assert [document["sku"] for document in documents(source)][:1] == ["1"]


@pytest.mark.parametrize("products", [TWO, product(1)], ids=["two", "one"])
def test_products_behind_many_categories_are_found(tmp_path, products):
    category = f"<category><id>1</id><name>{'x' * 1000}</name></category>"
    many = category * (OUTLINE_BYTES // len(category) + 100)
    source = XmlSource(write(tmp_path, f"<p><categories>{many}</categories><products>{products}</products></p>"))
    assert source.about["items"] == "products.product"
    assert len(documents(source)) == products.count("<product>")


PACKED = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.compress}
FIRST, SECOND = b"sku,price\n" + b"1,2\n" * 500, b"2,3\n" * 90_000


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize(
    ("tail", "is_whole"),
    [
        pytest.param(lambda second: b"", True, id="nothing"),
        pytest.param(lambda second: b"\0" * 512, True, id="padding"),
        pytest.param(lambda second: b"\0" * (1 << 15), True, id="much padding"),
        pytest.param(lambda second: second, True, id="a second stream"),
        pytest.param(lambda second: b"junk", False, id="junk"),
        pytest.param(lambda second: second[:-9], False, id="a second one cut short"),
        pytest.param(lambda second: second[:3], False, id="the first bytes of a second one"),
        pytest.param(lambda second: b"\xff" + second[1:], False, id="a second one with a broken start"),
        pytest.param(lambda second: second + b"junk", False, id="junk behind a second one"),
    ],
)
def test_what_follows_a_stream_is_read_or_refused(tmp_path, kind, tail, is_whole):
    rest = tail(PACKED[kind](SECOND))
    path = write(tmp_path, PACKED[kind](FIRST) + rest, "feed")
    with files.open_binary(path) as stream:
        if is_whole:
            assert stream.read() == FIRST + (SECOND if rest.strip(b"\0") else b"")
        else:
            with pytest.raises(SourceError) as caught:
                stream.read()
            assert caught.value.code == "source.archive-damaged"


def tar() -> bytes:
    buffer, data = io.BytesIO(), b"sku,title\n1,Mug\n"
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("feed.csv")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("format", [None, "csv", "json", "xml"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(tar(), "a tar archive", id="tar"),
        pytest.param(gzip.compress(tar()), "a tar archive, compressed with gzip", id="tar.gz"),
        pytest.param(lzma.compress(tar()), "a tar archive, compressed with xz", id="tar.xz"),
        pytest.param(gzip.compress(gzip.compress(FIRST)), "compressed twice, gzip in gzip", id="gzip in gzip"),
        pytest.param(gzip.compress(zstandard.compress(FIRST)), "compressed twice, zstd in gzip", id="zstd in gzip"),
    ],
)
def test_packed_twice_is_named(tmp_path, format, data, said):
    with pytest.raises(SourceError) as caught:
        open_source(write(tmp_path, data, "feed.csv.gz"), format=format)
    assert caught.value.code == "source.archive"
    assert said in caught.value.message


ITEM = "<g:id>1</g:id><g:title>Mug</g:title><g:price>9 EUR</g:price><g:availability>in stock</g:availability>"
NO_NAMESPACE = "http://purl.org/rss/1.0/modules/content/"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'<rss xmlns:g="{GOOGLE}"><channel><item>{ITEM}</item></channel></rss>', id="RSS"),
        pytest.param(
            f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="{GOOGLE}"><entry>{ITEM}</entry></feed>', id="Atom"
        ),
    ],
)
def test_a_flat_google_feed_is_googles(tmp_path, text):
    table = flat_table(XmlSource(write(tmp_path, text)))
    assert table is not None
    assert (recognise(table)[0], GOOGLE in table.namespaces) == ("google", True)


@pytest.mark.parametrize(
    ("uri", "is_told"),
    [
        pytest.param("https://base.google.com/ns/1.0", True, id="https"),
        pytest.param("http://base.google.com/ns/1.0/", True, id="a slash"),
        pytest.param("http://base.google.com/ns/1.O", True, id="the letter O"),
        pytest.param("http://Base.Google.com/NS/1.0", True, id="capitals"),
        pytest.param("http://base.gogle.com/ns/1.0", True, id="a letter lost"),
        pytest.param("http://base.google.com/cns/1.0", False, id="Google's for own attributes"),
        pytest.param(NO_NAMESPACE, False, id="another"),
        pytest.param(GOOGLE, False, id="right"),
    ],
)
def test_a_namespace_nearly_googles_is_told(tmp_path, uri, is_told):
    source = XmlSource(write(tmp_path, f'<rss xmlns:g="{uri}"><channel><item>{ITEM}</item></channel></rss>'))
    assert [finding.code for finding in source.findings] == ["source.xml-namespace"] * is_told
    if is_told:
        with pytest.raises(NotRecognised, match="did you mean") as caught:
            recognise(source)
        assert GOOGLE in str(caught.value)


DECLARED = '<?xml version="1.0" encoding="{}"?>'


@pytest.mark.parametrize("declared", ["ISO-8859-1", "latin1", "windows-1252", "iso-8859-15", "windows-1251"])
@pytest.mark.parametrize("block", [1, 1 << 16])
def test_utf8_that_says_otherwise_is_refused(tmp_path, declared, block):
    path = write(tmp_path, f"{DECLARED.format(declared)}<p><product><name>Zoë Müller</name></product></p>")
    with pytest.raises(SourceError) as caught:
        documents(XmlSource(path, block=block))
    assert caught.value.code == "source.encoding-doubt"
    assert "source.encoding=utf-8" in caught.value.mend
    if block > 1:
        assert '"Zoë"' in caught.value.message
    assert documents(XmlSource(path, encoding="utf-8")) == [{"name": "Zoë Müller"}]
    assert documents(XmlSource(path, encoding=declared))


@pytest.mark.parametrize(
    ("declared", "data", "read"),
    [
        pytest.param("ISO-8859-1", b"5 \x80 \x93x\x94", "5 € “x”", id="Windows-1252 that says Latin-1"),
        pytest.param("latin1", b"M\xfcller", "Müller", id="Latin-1"),
        pytest.param("ISO-8859-1", b"Mug", "Mug", id="plain"),
        pytest.param(
            "ISO-8859-1", "Ã¼".encode() + b" \xfc", "Ã\x83Â¼ ü".replace("\x83", "ƒ"), id="one letter is not UTF-8"
        ),
        pytest.param("Shift_JIS", "茶".encode("shift_jis"), "茶", id="two bytes a letter"),
    ],
)
def test_what_a_declaration_stands_for(tmp_path, declared, data, read):
    path = write(tmp_path, DECLARED.format(declared).encode() + b"<p><product><n>" + data + b"</n></product></p>")
    assert documents(XmlSource(path)) == [{"n": read}]


@pytest.mark.parametrize("sign", ["\x80", "\x85", "\x92", "\x9f", "\x7f", "\x00"])
def test_control_characters_in_texts_are_refused(sign):
    text = readers()["text"]
    with pytest.raises(CellError) as caught:
        text().read(f"it{sign}s")
    assert caught.value.code == "cell.text-control"
    assert text(control="remove").read(f"it{sign}s") == "its"


def test_cells_wrapped_for_spreadsheets_are_unwrapped(tmp_path):
    (tmp_path / "m.yaml").write_text(
        "feedbridge: 1\nname: feed\nsource: {format: csv}\nrecords: {one: product}\nproduct:\n  sku: {from: sku, as: identifier}\n"
        "  title: title\n  gtin: {from: gtin, as: gtin}\n  mpn: {from: mpn, as: identifier}\n"
        '  price: {from: price, as: money, decimal: ".", currency: EUR}\n'
    )
    rows = ['="00012","=""Mug 1""",="4006381333931",="",9', '00013,"=""a""&""b""",="",="07",9']
    path = write(tmp_path, "sku,title,gtin,mpn,price\n" + "\n".join(rows) + "\n", "feed.csv")
    mapping = str(tmp_path / "m.yaml")
    read = [(p.sku, p.title, p.gtin, p.mpn) for p in feedbridge.read(path, mapping=mapping)]
    assert read == [("00012", "Mug 1", "4006381333931", None), ("00013", '="a"&"b"', None, "07")]
    result = feedbridge.convert(path, mapping=mapping, to="magento", out=tmp_path / "out")
    [written] = [file for file in (tmp_path / "out" / "magento").rglob("*") if b"Mug 1" in file.read_bytes()]
    assert b"00012" in written.read_bytes() and b'="' not in written.read_bytes().replace(b'="a"&', b"").replace(
        b'=""a""&', b""
    )
    assert result.counts["magento"]["written"] == 2


@pytest.mark.parametrize(
    ("kind", "raw", "read"),
    [
        pytest.param("identifier", '="00012"', "00012", id="identifier"),
        pytest.param("identifier", '="7.61E+12', '="7.61E+12', id="not closed"),
        pytest.param("identifier", 'A="1"', 'A="1"', id="in the middle"),
        pytest.param("gtin", '="4006381333931"', "4006381333931", id="gtin"),
        pytest.param("gtin", '="4-006381-333931"', "4006381333931", id="gtin with hyphens"),
        pytest.param("text", '="007"', "007", id="text"),
        pytest.param("text", '="a"&"b"', '="a"&"b"', id="a formula"),
        pytest.param("text", "=A1", "=A1", id="another formula"),
        pytest.param("text", 'x ="007"', 'x ="007"', id="not the whole cell"),
    ],
)
def test_wrapped_cells_by_reader(kind, raw, read):
    assert readers()[kind]().read(raw) == read


@pytest.mark.parametrize(
    ("kind", "code"), [("identifier", "cell.identifier-damaged"), ("gtin", "cell.identifier-damaged")]
)
def test_a_damaged_number_is_damaged_in_its_wrapping_too(kind, code):
    with pytest.raises(CellError) as caught:
        readers()[kind]().read('="7.61E+12"')
    assert caught.value.code == code


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    for pattern in ("loop.csv", "*.csv"):
        with pytest.raises(SourceError) as caught:
            files.expand([str(tmp_path / pattern)])
        assert (caught.value.code, "loop.csv" in caught.value.where) == ("source.unreadable", True)


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    with open(os.fsencode(tmp_path) + b"/caf\xe9.csv", "wb") as stream:
        stream.write(b"sku,title\n1,Mug\n")
    with pytest.raises(SourceError) as caught:
        files.expand([str(tmp_path / "*.csv")])
    assert str(caught.value).encode().startswith(os.fsencode(tmp_path) + rb"/caf\xe9.csv: its name")


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        (CsvSource, "f.csv", "sku,title\n1,Mug\n"),
        (JsonSource, "f.jsonl", '{"sku": 1}\n{"sku": 2}\n'),
        (XmlSource, "f.xml", f"<p>{TWO}</p>"),
    ],
    ids=["CSV", "JSON Lines", "XML"],
)
def test_a_source_that_is_gone_is_a_source_error(tmp_path, kind, name, text):
    source = kind(write(tmp_path, text, name))
    source.path.unlink()
    uses = [lambda: list(source.batches()), source.sha256]
    if kind is not XmlSource:  # which is never split
        uses.append(lambda: source.split(2, least_bytes=1))
    for use in uses:
        with pytest.raises(SourceError) as caught:
            use()
        assert caught.value.code == "source.missing"


def test_a_source_that_goes_while_another_is_read_is_a_source_error(tmp_path):
    first, second = (write(tmp_path, "sku,title,price\n1,Mug,9\n", name) for name in ("a.csv", "b.csv"))
    with pytest.raises(SourceError) as caught:
        feedbridge.convert(
            [first, second], mapping="generic", set={"currency": "EUR"}, to="flipsnack", out=tmp_path / "out",
            progress=lambda *_: second.unlink(missing_ok=True),
        )  # fmt: skip
    assert (caught.value.code, "b.csv" in caught.value.where) == ("source.changed", True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("price", "price", id="plain"),
        pytest.param("price\r\n(net)", r"price\r\n(net)", id="lines"),
        pytest.param("a\x1bb", r"a\x1bb", id="a control character"),
        pytest.param("x" * 3000, "x" * 79 + "…", id="long"),
    ],
)
def test_names_of_columns_are_shown_on_one_line(name, shown):
    finding = Finding(code="x", severity=Severity.ERROR, message="m", file="f.csv", line=2, column=name)
    assert finding.place() == f'f.csv:2, column "{shown}"'
    assert finding.column == name
