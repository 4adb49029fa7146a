"""Product feeds in XML: which elements are the records, what they become, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

import feedbridge
from feedbridge.errors import CommandError, SourceError
from feedbridge.sources.opening import open_source
from feedbridge.sources.xml import GOOGLE, XmlSource


def write(folder: Path, data: str | bytes, name: str = "feed.xml") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def records(source: Any) -> list[Any]:
    return [record for batch in source.batches() for record in batch.records]


def rss(*items: str, head: str = "", prefix: str = "g") -> str:
    body = "\n".join(f"<item>{item}</item>" for item in items)
    return (
        f'<rss version="2.0" xmlns:{prefix}="{GOOGLE}">\n<channel><title>Shop</title>{head}\n{body}\n</channel></rss>'
    )


def atom(*entries: str) -> str:
    body = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="{GOOGLE}"><title>Shop</title>{body}</feed>'


@pytest.mark.parametrize(
    ("text", "shape", "documents"),
    [
        pytest.param(
            rss("<g:id>1</g:id><g:price> 9.90 EUR\n</g:price><title>Mug</title><link>https://x</link>"), "google-rss",
            [{"id": "1", "price": "9.90 EUR", "title": "Mug", "link": "https://x"}], id="Google RSS",
        ),
        pytest.param(
            rss("<m:id>1</m:id><m:id>2</m:id>", prefix="m"), "google-rss", [{"id": ["1", "2"]}], id="another prefix, a list"
        ),
        pytest.param(
            rss("<title>Mug</title><g:title>Big mug</g:title>"), "google-rss",
            [{"title": "Big mug", "rss:title": "Mug"}], id="Google's title wins, the other is kept",
        ),
        pytest.param(rss("<title>Mug</title><g:title>Mug</g:title>"), "google-rss", [{"title": "Mug"}], id="both alike"),
        pytest.param(
            rss("<g:shipping><g:country>DE</g:country><g:price>1 EUR</g:price></g:shipping>" * 2), "google-rss",
            [{"shipping": [{"country": "DE", "price": "1 EUR"}] * 2}], id="nested and repeated",
        ),
        pytest.param(
            rss('<guid isPermaLink="false">7</guid><g:note kind="x"/><g:price currency="EUR">9</g:price>'),
            "google-rss",
            [{"guid": "7", "note": {"@kind": "x"}, "price": {"@currency": "EUR", "#text": "9"}}],
            id="attributes of RSS",
        ),
        pytest.param(
            rss("<description><![CDATA[<p>a & b</p>]]></description>"), "google-rss",
            [{"description": "<p>a & b</p>"}], id="CDATA",
        ),
        pytest.param(
            rss("<description>one <b>two</b> three</description>"), "google-rss",
            [{"description": "one <b>two</b> three"}], id="bare HTML stays text",
        ),
        pytest.param(
            rss('<dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/">me</dc:creator>'), "google-rss",
            [{"dc:creator": "me"}], id="another namespace keeps its prefix",
        ),
        pytest.param(rss(), "google-rss", [], id="no items"),
        pytest.param("<rss><channel><item><id>1</id></item></channel></rss>", "rss", [{"id": "1"}], id="RSS"),
        pytest.param(
            f'<rdf:RDF xmlns:rdf="urn:r" xmlns="http://purl.org/rss/1.0/" xmlns:g="{GOOGLE}"><channel/>'
            "<item><title>Mug</title><g:id>1</g:id></item></rdf:RDF>", "google-rss", [{"title": "Mug", "id": "1"}], id="RSS 1.0",
        ),
        pytest.param(
            atom('<id>tag:1</id><g:id>A</g:id><link rel="self" href="s"/><link href="https://x"/><summary>S</summary>'),
            "google-atom",
            [{"id": "A", "atom:id": "tag:1", "link": "https://x", "atom:link": {"@rel": "self", "@href": "s"}, "description": "S"}],
            id="Google Atom",
        ),
        pytest.param(
            atom('<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>a</p></div></content>'), "google-atom",
            [{"description": "<div><p>a</p></div>"}], id="XHTML is text",
        ),
        pytest.param(
            '<products><product sku="1"><name>a</name><stock unit="pcs">5</stock></product><product sku="2"/></products>',
            "generic", [{"@sku": "1", "name": "a", "stock": {"@unit": "pcs", "#text": "5"}}, {"@sku": "2"}], id="attributes",
        ),
        pytest.param(
            "<shop><cats><cat id='1'/><cat id='2'/></cats><offers><offer id='1'><n>x</n></offer></offers></shop>",
            "generic", [{"@id": "1", "n": "x"}], id="a known name, deeper",
        ),
        pytest.param("<a><b><c>1</c></b><b><c>2</c></b></a>", "generic", [{"c": "1"}, {"c": "2"}], id="repeated"),
        pytest.param("<goods><good><c>1</c></good></goods>", "generic", [{"c": "1"}], id="one, by the name of the list"),
        pytest.param("<product><sku>1</sku><i>a</i><i>b</i></product>", "generic", [{"sku": "1", "i": ["a", "b"]}], id="one product"),
        pytest.param("<products/>", "generic", [], id="an empty list"),
        pytest.param(
            '<ns:products xmlns:ns="urn:x"><ns:product><ns:sku>1</ns:sku></ns:product></ns:products>', "generic",
            [{"sku": "1"}], id="a namespace of its own",
        ),
    ],
)  # fmt: skip
def test_items_become_documents(tmp_path, text, shape, documents):
    source = XmlSource(write(tmp_path, text))
    assert source.about["shape"] == shape
    assert [document for _, document, _ in records(source)] == documents
    assert (GOOGLE in source.namespaces) is shape.startswith("google")
    assert records(source) == records(source)


def test_lines_and_places_are_those_of_start_tags(tmp_path):
    text = "\n\n" + rss("\n<g:id>1</g:id>", "<g:id>2</g:id>")
    source = XmlSource(write(tmp_path, text))
    assert [(line, index) for line, _, index in records(source)] == [(5, 0), (7, 1)]
    assert [source.pointer(record) for record in records(source)] == ["/rss/channel/item[1]", "/rss/channel/item[2]"]


@pytest.mark.parametrize("block", [1, 7, 1 << 16])
def test_the_size_of_a_block_changes_nothing(tmp_path, block):
    path = write(tmp_path, rss("<g:id>Ä &amp; ö</g:id><title>x</title>", "<g:id>2</g:id>"))
    assert records(XmlSource(path, block=block)) == records(XmlSource(path))


@pytest.mark.parametrize(
    ("text", "encoding", "codec"),
    [
        pytest.param("{}", "utf-8", "utf-8", id="UTF-8"),
        pytest.param("\ufeff{}", "utf-8", "utf-8", id="UTF-8 with its mark"),
        pytest.param('<?xml version="1.0" encoding="windows-1252"?>{}', "cp1252", "cp1252", id="Windows-1252"),
        pytest.param("<?xml version='1.0' encoding='ISO-8859-15'?>{}", "iso8859-15", "iso8859-15", id="Latin-9"),
        pytest.param('<?xml version="1.0" encoding="UTF-16"?>{}', "utf-16", "utf-16-le", id="UTF-16 with its mark"),
        pytest.param('<?xml version="1.0" encoding="UTF-16"?>{}', "utf-16-be", "utf-16-be", id="UTF-16 without a mark"),
        pytest.param("\ufeff{}", "utf-32-le", "utf-32-le", id="UTF-32"),
        pytest.param(
            '\r\n \n<?xml version="1.0" encoding="latin-1"?>{}', "latin-1", "cp1252", id="blank lines first"
        ),
    ],
)
def test_encodings_are_those_declared(tmp_path, text, encoding, codec):
    data = text.replace("{}", rss("<g:id>Grüße</g:id>")).encode(encoding)
    source = open_source(write(tmp_path, data))
    assert (source.about["encoding"], source.findings) == (codec, [])
    assert [document for _, document, _ in records(source)] == [{"id": "Grüße"}]


def test_a_declaration_that_is_wrong_is_told(tmp_path):
    source = XmlSource(write(tmp_path, '<?xml version="1.0" encoding="utf-16"?>' + rss("<g:id>ä</g:id>")))
    assert [finding.code for finding in source.findings] == ["source.encoding-doubt"]
    assert records(source)[0][1] == {"id": "ä"}
    named = XmlSource(write(tmp_path, rss("<g:id>ä</g:id>").encode("cp1252")), encoding="cp1252")
    assert records(named)[0][1] == {"id": "ä"}
    with pytest.raises(CommandError):
        XmlSource(write(tmp_path, rss()), encoding="klingon")


@pytest.mark.parametrize(
    ("items", "found"),
    [
        pytest.param("cats.cat", [{"@id": "1"}, {"@id": "2"}], id="below the root"),
        pytest.param("shop.cats.cat", [{"@id": "1"}, {"@id": "2"}], id="with the root"),
        pytest.param(".", [{"cats": {"cat": [{"@id": "1"}, {"@id": "2"}]}, "offer": {"@id": "3"}}], id="the document"),
        pytest.param("no.such", [], id="not there"),
    ],
)
def test_items_are_named(tmp_path, items, found):
    path = write(tmp_path, "<shop><cats><cat id='1'/><cat id='2'/></cats><offer id='3'/></shop>")
    source = XmlSource(path, items=items)
    batches = list(source.batches())
    assert [document for batch in batches for _, document, _ in batch.records] == found
    codes = [finding.code for batch in batches for finding in batch.findings]
    assert ("source.no-records" in codes) is (not found)


def test_what_is_beside_the_records_is_told(tmp_path):
    path = write(tmp_path, "<shop><cats><cat id='1'/><cat id='2'/></cats><offer id='3'/><offer id='4'/></shop>")
    [finding] = [finding for batch in XmlSource(path).batches() for finding in batch.findings]
    assert (finding.code, finding.message) == (
        "source.xml-unused", 'the 2 elements "cats.cat" beside the records are not read'
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        pytest.param("", "source.empty", "", id="empty"),
        pytest.param("<a><b x='1'/><b x='2'/><c x='1'/><c x='2'/></a>", "source.xml-items", "b (2 times), c (2 times)", id="two lists"),
        pytest.param("<l><c><product a='1'/></c><c><product a='2'/></c></l>", "source.xml-items", "c.product", id="lists in a list"),
        pytest.param("<error><code>403</code></error>", "source.xml-items", "it has code", id="an error answer"),
        pytest.param(rss("<g:id>1</g:id>")[:-9], "source.xml", "it ends too early", id="cut off"),
        pytest.param(rss("a & b"), "source.xml", "line 3, column 10", id="bare ampersand"),
        pytest.param("<rss><channel><item><g:id>1</g:id></item></channel></rss>", "source.xml", "unbound prefix", id="prefix"),
        pytest.param(rss("&nbsp;"), "source.xml", "undefined entity", id="entity of HTML"),
        pytest.param(rss("ä").encode("latin-1"), "source.xml", "invalid token", id="not UTF-8"),
        pytest.param(b'<?xml version="1.0" encoding="cp932"?><a>\x81</a>', "source.xml", "not cp932 text", id="not what it declares"),
        pytest.param('<?xml version="1.0" encoding="klingon"?><a/>', "source.xml", "klingon", id="no encoding"),
        pytest.param(rss() + "<more/>", "source.xml", "junk after document", id="two documents"),
        pytest.param('<!DOCTYPE rss><rss/>', "source.xml-dtd", "", id="DTD"),
        pytest.param('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "source.xml-dtd", "", id="entity"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_refused(tmp_path, text, code, said):
    with pytest.raises(SourceError) as caught:
        records(XmlSource(write(tmp_path, text)))
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.mend


MAPPING = """feedbridge: 1
name: feed
source: {format: xml}
records: {one: product}
product:
  sku: id
  title: title
  price: {from: price, as: money, decimal: "."}
"""
ITEM = "<g:id>{0}</g:id><title>Mug {0}</title><g:price>9.90 EUR</g:price>"


def test_a_run_stops_at_a_fault_behind_good_records(tmp_path):
    (tmp_path / "m.yaml").write_text(MAPPING)
    path = write(tmp_path, rss(*[ITEM.format(number) for number in range(3000)])[:-20])
    with pytest.raises(SourceError) as caught:
        feedbridge.convert(path, mapping=str(tmp_path / "m.yaml"), to="flipsnack", out=tmp_path / "out")
    assert (caught.value.code, caught.value.exit_status) == ("source.xml", 3)
    assert "records were read before it, and nothing was written" in caught.value.message
    assert not (tmp_path / "out").exists()


def test_held_back_items_are_fed_back(tmp_path):
    (tmp_path / "m.yaml").write_text(MAPPING)
    path = write(
        tmp_path, gzip.compress(rss(ITEM.format(1), ITEM.format(2).replace("9.90", "cheap")).encode()), "feed.xml.gz"
    )
    first = feedbridge.convert(path, mapping=str(tmp_path / "m.yaml"), to="flipsnack", out=tmp_path / "out")
    counts = first.counts["flipsnack"]
    assert (counts["read"], counts["written"], counts["held_back"]) == (2, 1, 1)
    [held] = (tmp_path / "out" / "quarantine").iterdir()
    held.write_text(held.read_text().replace("cheap EUR", "9 EUR"))
    again = feedbridge.convert(held, mapping=str(tmp_path / "m.yaml"), to="flipsnack", out=tmp_path / "again")
    assert (again.counts["flipsnack"]["written"], again.exit_status) == (1, 0)
