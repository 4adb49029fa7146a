"""Tiny real media files, built by hand, and a short way to convert and write products."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from feedbridge.platforms.base import Outcome
from feedbridge.platforms.flickrocket import PLATFORM
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.product import Product, to_light

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x08mdat"
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" + bytes(413)
FLAC = b"fLaC\x80\x00\x00\x22" + bytes(34)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(17)
IFO = b"DVDVIDEO-VMG" + bytes(2036)
HTML = b"<!DOCTYPE html><html><title>Log in</title></html>"
CONTAINER = (
    b'<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    b'<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
MANIFEST = (
    b'<?xml version="1.0"?><manifest xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2" identifier="m">'
    b"<metadata><schema>ADL SCORM</schema><schemaversion>1.2</schemaversion></metadata></manifest>"
)


def packed(*parts: tuple[str, bytes], stored: tuple[str, ...] = ("mimetype",)) -> bytes:
    """A zip archive of parts in this order."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts:
            archive.writestr(name, part, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED)
    return data.getvalue()


EPUB_PARTS = (
    ("mimetype", b"application/epub+zip"),
    ("META-INF/container.xml", CONTAINER),
    ("OEBPS/book.opf", b"<package/>"),
)
EPUB = packed(*EPUB_PARTS)
SCORM = packed(("imsmanifest.xml", MANIFEST), ("index.html", HTML))
ZIP = packed(("readme.txt", b"Hello"))
FILES = {
    "book.pdf": PDF,
    "book.epub": EPUB,
    "film.mp4": MP4,
    "song.mp3": MP3,
    "song.flac": FLAC,
    "course.zip": SCORM,
    "pack.zip": ZIP,
    "setup.exe": b"MZ" + bytes(60),
    "cover.jpg": JPEG,
    "cover.png": PNG,
    "page.html": HTML,
    "package.bin": b"flux" * 8,
    "dvd/VIDEO_TS.IFO": IFO,
    "dvd/VTS_01_1.VOB": b"\x00\x00\x01\xba" + bytes(60),
}
LICENCE = {"license_id": 16, "price_id": 46}


def fill(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write files into a folder."""
    for name, data in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def product(**fields: Any) -> Any:
    """The light twin of a digital product: a PDF with a licence, overlaid with fields."""
    whole = {
        "sku": "SKU-1",
        "title": "Moby-Dick",
        "kind": "digital",
        "locale": "en",
        "content": [{"src": "book.pdf"}],
        "digital": {"licences": [LICENCE]},
        **fields,
    }
    return to_light(Product.model_validate(whole))


def convert(given: Any, folder: Path | None, **settings: Any) -> Outcome:
    """Convert one product with a converter of its own."""
    return PLATFORM.converter(FlickRocketSettings(**settings), {}).convert(given, folder)


def codes(outcome: Outcome, severity: str | None = None) -> list[str]:
    """Numbers of the rules that spoke, sorted."""
    return sorted(found.rule.number for found in outcome.problems if severity in (None, found.rule.severity))


def write(
    outcomes: list[Outcome], folder: Path, environment: dict[str, str] | None = None, **settings: Any
) -> dict[str, Any]:
    """Write outcomes into a new folder; what the manifest gets."""
    folder.mkdir()
    writer = PLATFORM.writer(FlickRocketSettings(**settings), folder, environment or {})
    for outcome in outcomes:
        writer.add(outcome)
    return writer.finish()


def body(outcome: Outcome) -> Any:
    """The product.json of an outcome."""
    assert outcome.body, codes(outcome)
    return json.loads(outcome.body)
