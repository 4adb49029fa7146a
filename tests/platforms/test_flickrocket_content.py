"""Looking into content files: what is passed, what is refused and with which words."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.platforms.flickrocket import content
from feedbridge.platforms.flickrocket.content import inspect_content, inspect_picture, looks_like
from feedbridge.platforms.flickrocket.media import TYPES
from tests.platforms.flickrocket_media import (
    CONTAINER,
    EPUB,
    EPUB_PARTS,
    FILES,
    FLAC,
    HTML,
    IFO,
    JPEG,
    MANIFEST,
    MP3,
    MP4,
    PDF,
    PNG,
    SCORM,
    ZIP,
    packed,
)

SAMPLES = (
    Path(os.environ.get("FEEDBRIDGE_SAMPLES", Path(__file__).resolve().parents[3] / "shared" / "samples")) / "media"
)


def fault(tmp_path: Path, name: str, data: bytes, medium: str) -> str:
    path = tmp_path / name
    path.write_bytes(data)
    return inspect_content(str(path), name, medium).fault


def encrypted(data: bytes) -> bytes:
    """The archive with every entry marked as encrypted."""
    changed = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            changed[at + offset] |= 1
            at = data.find(signature, at + 4)
    return bytes(changed)


@pytest.mark.parametrize(
    ("name", "data", "medium"),
    [
        pytest.param("a.pdf", PDF, "pdf", id="pdf"),
        pytest.param("a.pdf", b"\xef\xbb\xbf\n" + PDF, "pdf", id="pdf after a mark"),
        pytest.param("a.epub", EPUB, "ebook", id="epub"),
        pytest.param("a.mp4", MP4, "video-hd", id="mp4"),
        pytest.param("a.mp4", MP4, "video-sd", id="mp4 as SD"),
        pytest.param("VIDEO_TS.IFO", IFO, "video-sd", id="ifo"),
        pytest.param("a.mp3", MP3, "audio-track", id="mp3 with a tag"),
        pytest.param("a.mp3", MP3[10:], "audio-track", id="mp3 frame"),
        pytest.param("a.MP3", MP3, "audio-album", id="upper-case extension"),
        pytest.param("a.flac", FLAC, "audio-track", id="flac"),
        pytest.param("a.flac", MP3[:10] + FLAC, "audio-track", id="flac with an ID3 tag"),
        pytest.param("a.zip", SCORM, "scorm", id="scorm"),
        pytest.param("a.zip", ZIP, "file", id="zip"),
        pytest.param("a.bin", b"x", "software", id="anything"),
    ],
)
def test_passes_without_a_word(tmp_path: Path, name: str, data: bytes, medium: str):
    path = tmp_path / name
    path.write_bytes(data)
    assert inspect_content(str(path), name, medium) == ("", ())


@pytest.mark.parametrize(
    ("name", "data", "medium", "message"),
    [
        pytest.param("a.pdf", HTML, "pdf", "the file is not a PDF: it looks like an HTML page", id="log-in page"),
        pytest.param("a.pdf", JPEG, "pdf", "the file is not a PDF: it looks like a JPEG picture", id="picture as pdf"),
        pytest.param(
            "a.pdf", bytes(100), "pdf", "the file is not a PDF: it looks like nothing but zero bytes", id="zeros"
        ),
        pytest.param("a.epub", PDF, "ebook", "the file is not an EPUB: it looks like a PDF", id="pdf as epub"),
        pytest.param(
            "a.epub", ZIP, "ebook", 'not an EPUB: the first part of the archive is not "mimetype"', id="plain zip"
        ),
        pytest.param(
            "a.epub",
            packed(*EPUB_PARTS, stored=()),
            "ebook",
            'not a sound EPUB: its "mimetype" is compressed',
            id="compressed mimetype",
        ),
        pytest.param(
            "a.epub",
            packed(("mimetype", b"application/epub+zip\n"), *EPUB_PARTS[1:]),
            "ebook",
            'not an EPUB: its "mimetype" is not application/epub+zip',
            id="line end in mimetype",
        ),
        pytest.param(
            "a.epub",
            packed(*EPUB_PARTS[1:], EPUB_PARTS[0]),
            "ebook",
            'not an EPUB: the first part of the archive is not "mimetype"',
            id="mimetype last",
        ),
        pytest.param(
            "a.epub",
            packed(*EPUB_PARTS[:1], EPUB_PARTS[2]),
            "ebook",
            'the archive has no "META-INF/container.xml"',
            id="no container",
        ),
        pytest.param(
            "a.epub",
            packed(*EPUB_PARTS[:2]),
            "ebook",
            'not a sound EPUB: its package document "OEBPS/book.opf" is missing',
            id="no opf",
        ),
        pytest.param(
            "a.epub",
            packed(EPUB_PARTS[0], ("META-INF/container.xml", b"<container/>")),
            "ebook",
            "not a sound EPUB: META-INF/container.xml names no package document",
            id="empty container",
        ),
        pytest.param(
            "a.epub",
            packed(EPUB_PARTS[0], ("META-INF/container.xml", b"<container>")),
            "ebook",
            "is not well-formed XML",
            id="broken xml",
        ),
        pytest.param(
            "a.epub",
            packed(
                EPUB_PARTS[0],
                ("META-INF/container.xml", b'<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + CONTAINER[21:]),
            ),
            "ebook",
            "has a document type, which is not read",
            id="entities",
        ),
        pytest.param(
            "a.epub",
            encrypted(EPUB),
            "ebook",
            'the archive is encrypted: "mimetype" cannot be read',
            id="encrypted epub",
        ),
        pytest.param("a.epub", EPUB[:-30], "ebook", "the zip archive is damaged or cut off", id="cut off epub"),
        pytest.param("a.zip", ZIP, "scorm", "not a SCORM package: no imsmanifest.xml at its top", id="zip as scorm"),
        pytest.param(
            "a.zip",
            packed(("course/imsmanifest.xml", MANIFEST)),
            "scorm",
            'not a SCORM package: imsmanifest.xml lies in "course/imsmanifest.xml", not at the top',
            id="one level down",
        ),
        pytest.param(
            "a.zip",
            packed(("imsmanifest.xml", b"<html/>")),
            "scorm",
            "not a SCORM package: imsmanifest.xml is no manifest",
            id="another manifest",
        ),
        pytest.param(
            "a.zip",
            PDF,
            "scorm",
            "the file is not a SCORM package (a zip archive): it looks like a PDF",
            id="pdf as scorm",
        ),
        pytest.param("a.zip", PDF, "file", "the zip archive is damaged or cut off", id="pdf as zip"),
        pytest.param(
            "a.mp4", b"\x1aE\xdf\xa3" + bytes(40), "video-hd", "it looks like a Matroska or WebM video", id="mkv as mp4"
        ),
        pytest.param(
            "a.IFO",
            MP4,
            "video-sd",
            "the file is not a Video-DVD IFO file: it looks like an MP4 video",
            id="mp4 as ifo",
        ),
        pytest.param("a.bin", PDF, "video-sd", "it looks like a PDF", id="pdf as fluxDVD"),
        pytest.param(
            "a.mp3",
            b"OggS" + bytes(40),
            "audio-track",
            "the file is not an MP3 audio file: it looks like an Ogg file",
            id="ogg as mp3",
        ),
        pytest.param("a.mp3", FLAC, "audio-track", "it looks like a FLAC audio file", id="flac as mp3"),
        pytest.param(
            "a.mp3",
            b"\xff\xf1\x50\x80" + bytes(40),
            "audio-track",
            "the file is not an MP3 audio file",
            id="aac as mp3",
        ),
        pytest.param("a.mp3", MP3[:10], "audio-track", "the file holds an ID3 tag and no audio", id="tag alone"),
        pytest.param(
            "a.mp3",
            b"ID3\x04\x00\x00\x00\x00\x7f\x7f" + bytes(40),
            "audio-album",
            "the file holds an ID3 tag and no audio",
            id="tag longer than the file",
        ),
    ],
)
def test_refuses(tmp_path: Path, name: str, data: bytes, medium: str, message: str):
    assert message in fault(tmp_path, name, data, medium)


@pytest.mark.parametrize(
    ("name", "data", "medium", "message"),
    [
        pytest.param("a.pdf", PDF[:-6], "pdf", "cut off", id="pdf without its end"),
        pytest.param("a.bin", b"x" * 9, "html", "Flux package cannot be checked", id="flux package"),
        pytest.param("a.bin", b"x" * 9, "video-sd", "fluxDVD file cannot be checked", id="fluxDVD"),
        pytest.param(
            "a.zip",
            packed(("imsmanifest.xml", MANIFEST.replace(b"1.2<", b"2004 4th Edition<"))),
            "scorm",
            'SCORM "2004 4th Edition"',
            id="another SCORM",
        ),
        pytest.param("a.pif", SCORM, "scorm", "not documented", id="another extension"),
        pytest.param("a.zip", encrypted(ZIP), "file", "encrypted", id="encrypted zip"),
        pytest.param(
            "a.epub",
            packed(*EPUB_PARTS, ("META-INF/rights.xml", b"<r/>")),
            "ebook",
            "already protected",
            id="DRM inside",
        ),
    ],
)
def test_passes_with_a_notice(tmp_path: Path, name: str, data: bytes, medium: str, message: str):
    path = tmp_path / name
    path.write_bytes(data)
    inspection = inspect_content(str(path), name, medium)
    assert inspection.fault == ""
    assert message in " ".join(inspection.notices)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        pytest.param("a.jpg", JPEG, "", id="jpg"),
        pytest.param("a.JPEG", JPEG, "", id="jpeg"),
        pytest.param("a.png", PNG, "", id="png"),
        pytest.param("a.jpg", PNG, 'the picture is called ".jpg" but is a PNG picture', id="png as jpg"),
        pytest.param("a.png", JPEG, 'the picture is called ".png" but is a JPEG picture', id="jpg as png"),
        pytest.param("a.jpg", HTML, "the picture is no JPEG: it looks like an HTML page", id="page as jpg"),
        pytest.param(
            "a.jpg", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "the picture is no JPEG: it looks like a WebP picture", id="webp"
        ),
    ],
)
def test_pictures(tmp_path: Path, name: str, data: bytes, message: str):
    (tmp_path / name).write_bytes(data)
    assert inspect_picture(str(tmp_path / name), name).fault == message


def test_png_has_a_notice(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(PNG)
    assert inspect_picture(str(tmp_path / "a.png"), "a.png").notices == ("a PNG picture: only JPEG is documented",)


def test_part_that_unpacks_to_a_flood_is_not_read(tmp_path: Path):
    flood = packed(EPUB_PARTS[0], ("META-INF/container.xml", bytes(64 * 1024**2)))
    assert len(flood) < 200_000
    assert "is larger than" in fault(tmp_path, "a.epub", flood, "ebook")


def test_list_of_entries_too_long_is_not_read(tmp_path: Path):
    lying = bytearray(ZIP)
    at = lying.rfind(b"PK\x05\x06")
    lying[at + 12 : at + 16] = struct.pack("<I", content.MOST_DIRECTORY_BYTES + 1)
    path = tmp_path / "a.zip"
    path.write_bytes(lying)
    with open(path, "r+b") as file:  # a sparse file: large on paper only
        file.seek(0)
        file.truncate(0)
        file.seek(content.MOST_DIRECTORY_BYTES + 4096)
        file.write(lying)
    assert "too many to be read safely" in inspect_content(str(path), "a.zip", "file").fault


@settings(max_examples=150, deadline=None)
@given(
    base=st.sampled_from([EPUB, SCORM, PDF, MP3, MP4, b""]),
    cut=st.integers(0, 400),
    noise=st.binary(max_size=60),
    at=st.integers(0, 900),
)
def test_damaged_files_never_raise(
    tmp_path_factory: pytest.TempPathFactory, base: bytes, cut: int, noise: bytes, at: int
):
    path = tmp_path_factory.getbasetemp() / "damaged"
    data = base[: len(base) - cut] if cut < len(base) else base
    path.write_bytes(data[:at] + noise + data[at + len(noise) :])
    for medium in TYPES:
        for name in ("a.zip", "a.epub", "a.mp3", "a.ifo", "a"):
            inspect_content(str(path), name, medium)
    inspect_picture(str(path), "a.jpg")


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_has_a_name_for_its_kind(tmp_path: Path, name: str):
    path = tmp_path / "file"
    path.write_bytes(FILES[name])
    assert looks_like(str(path)).startswith(("a ", "an ", "unknown"))


def test_zip_made_by_others_is_read(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("imsmanifest.xml", MANIFEST)
        archive.comment = b"packed by somebody"
    assert inspect_content(str(tmp_path / "a.zip"), "a.zip", "scorm") == ("", ())


REAL = [
    pytest.param("epub/wasteland.epub", "ebook", id="epub"),
    pytest.param("pdf/minimal-document.pdf", "pdf", id="pdf"),
    pytest.param("pdf/pdflatex-4-pages.pdf", "pdf", id="pdf of pages"),
    pytest.param("video/tiny-video.mp4", "video-hd", id="mp4"),
    pytest.param("audio/full.mp3", "audio-track", id="mp3"),
    pytest.param("audio/full.flac", "audio-track", id="flac"),
]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples here")
@pytest.mark.parametrize(("name", "medium"), REAL)
def test_real_files_pass(name: str, medium: str):
    assert inspect_content(str(SAMPLES / name), name, medium) == ("", ())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples here")
@pytest.mark.parametrize(("name", "medium"), REAL)
def test_real_files_are_refused_as_anything_else(name: str, medium: str):
    for other, wrong in (("pdf", "a.pdf"), ("ebook", "a.epub"), ("video-hd", "a.mp4"), ("scorm", "a.zip")):
        if other != medium:
            assert inspect_content(str(SAMPLES / name), wrong, other).fault
