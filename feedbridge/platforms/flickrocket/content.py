"""What is inside a content file or picture: is it what its product type needs?

A file is read only as far as that takes; containers are opened with limits (entries, bytes of a part), so that
a hostile archive cannot fill memory, and XML is read without document types, so without entities.
"""

from __future__ import annotations

import lzma
import os
import struct
import zipfile
import zlib
from typing import NamedTuple
from urllib.parse import unquote
from xml.parsers import expat

from feedbridge.platforms.flickrocket.media import extension

__all__ = ["Inspection", "has_manifest", "inspect_content", "inspect_picture", "looks_like"]

HEAD_BYTES = 4096
MOST_DIRECTORY_BYTES = 64 * 1024**2
MOST_PART_BYTES = 4 * 1024**2
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,  # zipfile, for a compression it does not know
    OverflowError,
    IndexError,
)


class Inspection(NamedTuple):
    """``fault``: why a file cannot be what it should be; ``notices``: what to know though it is passed."""

    fault: str = ""
    notices: tuple[str, ...] = ()


class _Damaged(Exception):
    """A container that cannot be used; the text says why."""


_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"fLaC", "a FLAC audio file"),
    (b"OggS", "an Ogg file"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"FLV\x01", "a Flash video"),
    (b"DVDVIDEO-", "a Video-DVD IFO file"),
    (b"{\\rtf", "an RTF document"),
)


def looks_like(path: str) -> str:
    """What a file's first bytes say it is, in words: ``a PDF``, ``a zip archive``, ``an HTML page`` … or ``unknown``.

    Raises OSError.
    """
    return _name_of(_head(path))


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD_BYTES)


def _name_of(head: bytes) -> str:
    if b"%PDF-" in head[:1024]:
        return "a PDF"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "an EPUB" if head[30:58] == b"mimetypeapplication/epub+zip" else "a zip archive"
    if head[4:8] == b"ftyp":
        return "a picture in an MP4-like container" if head[8:12] in (b"avif", b"heic", b"mif1") else "an MP4 video"
    if head[:4] == b"RIFF":
        kind = head[8:12]
        return {b"WAVE": "a WAV audio file", b"WEBP": "a WebP picture", b"AVI ": "an AVI video"}.get(
            kind, "a RIFF file"
        )
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:3] == b"ID3" or _is_mp3_frame(head):
        return "an MP3 audio file"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:256].lower()
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start:
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML file"
    if head and not head.strip(b"\x00"):
        return "nothing but zero bytes"
    if start[:1] in (b"{", b"["):
        return "a JSON text"
    return "unknown"


def _is_mp3_frame(head: bytes) -> bool:
    """An MPEG audio frame header of layer III: sync, version, layer, bit rate and sample rate all possible."""
    head = head.lstrip(b"\x00")
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    return head[1] & 0x18 != 0x08 and head[1] & 0x06 == 0x02 and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C


def inspect_picture(path: str, name: str) -> Inspection:
    """Check a picture by its extension and its first bytes. Raises OSError."""
    what = looks_like(path)
    ending = extension(name)
    if what not in ("a JPEG picture", "a PNG picture"):
        return Inspection(
            f"the picture is no JPEG: it looks like {what}" if what != "unknown" else "the picture is no JPEG"
        )
    wanted = (".jpg", ".jpeg") if what == "a JPEG picture" else (".png",)
    if ending not in wanted:
        return Inspection(f'the picture is called "{ending or name}" but is {what}')
    if what == "a PNG picture":
        return Inspection(notices=("a PNG picture: only JPEG is documented",))
    return Inspection()


def inspect_content(path: str, name: str, medium: str) -> Inspection:
    """Check a main or preview file against what it should be (a key of ``media.TYPES``). Raises OSError."""
    head = _head(path)
    what = _name_of(head)
    if medium == "pdf":
        return _inspect_pdf(path, what)
    if medium == "ebook":
        return _inspect_epub(path, what)
    if medium == "scorm":
        return _inspect_scorm(path, name, what)
    if medium == "video-hd" or (medium == "video-sd" and extension(name) == ".mp4"):
        return Inspection() if what == "an MP4 video" else _not("an MP4 video", what)
    if medium == "video-sd":
        return _inspect_video_sd(name, what)
    if medium in ("audio-track", "audio-album") or (medium == "audio-package" and extension(name) in (".mp3", ".flac")):
        return _inspect_track(path, name, head, what)
    if extension(name) == ".zip":
        return _inspect_zip(path)
    if medium in ("audio-package", "html"):
        seen = f"; it looks like {what}" if what != "unknown" else ""
        return Inspection(notices=(f"whether this is a Flux package cannot be checked{seen}",))
    return Inspection()


def _not(wanted: str, what: str) -> Inspection:
    return Inspection(f"the file is not {wanted}" + (f": it looks like {what}" if what != "unknown" else ""))


def _inspect_pdf(path: str, what: str) -> Inspection:
    if what != "a PDF":
        return _not("a PDF", what)
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        if b"%%EOF" not in file.read():
            return Inspection(notices=("the PDF has no end mark: it may be cut off",))
    return Inspection()


def _inspect_video_sd(name: str, what: str) -> Inspection:
    if extension(name) == ".ifo":
        return Inspection() if what == "a Video-DVD IFO file" else _not("a Video-DVD IFO file", what)
    if what != "unknown":
        return _not("an MP4 video, a Video-DVD or a fluxDVD file", what)
    return Inspection(notices=("whether this is a fluxDVD file cannot be checked",))


def _inspect_track(path: str, name: str, head: bytes, what: str) -> Inspection:
    wanted = "a FLAC audio file" if extension(name) == ".flac" else "an MP3 audio file"
    if head[:3] == b"ID3" and len(head) >= 10:
        after = 10 + sum((byte & 0x7F) << (7 * (3 - i)) for i, byte in enumerate(head[6:10]))
        with open(path, "rb") as file:
            file.seek(after)
            audio = file.read(4)
        if not audio:
            return Inspection("the file holds an ID3 tag and no audio")
        what = "a FLAC audio file" if audio == b"fLaC" else "an MP3 audio file"
    return Inspection() if what == wanted else _not(wanted, what)


def _inspect_zip(path: str) -> Inspection:
    try:
        with _open_zip(path) as archive:
            locked = any(info.flag_bits & 1 for info in archive.infolist())
    except _Damaged as exc:
        return Inspection(str(exc))
    return Inspection(notices=("the zip archive is encrypted: buyers need its password",) if locked else ())


def _inspect_epub(path: str, what: str) -> Inspection:
    if what not in ("an EPUB", "a zip archive"):
        return _not("an EPUB", what)
    try:
        with _open_zip(path) as archive:
            first = min(archive.infolist(), key=lambda info: info.header_offset, default=None)
            if first is None or first.filename != "mimetype":
                return Inspection('not an EPUB: the first part of the archive is not "mimetype"')
            if first.compress_type != zipfile.ZIP_STORED:
                return Inspection('not a sound EPUB: its "mimetype" is compressed')
            if _part(archive, "mimetype") != b"application/epub+zip":
                return Inspection('not an EPUB: its "mimetype" is not application/epub+zip')
            found = _elements(_part(archive, "META-INF/container.xml"), "META-INF/container.xml")
            opf = next((attributes.get("full-path", "") for name, attributes, _ in found if name == "rootfile"), "")
            if not opf:
                return Inspection("not a sound EPUB: META-INF/container.xml names no package document")
            names = set(archive.namelist())
            if opf not in names and unquote(opf) not in names:
                return Inspection(f'not a sound EPUB: its package document "{opf[:100]}" is missing')
            notices = ("the EPUB is already protected (META-INF/rights.xml)",) if "META-INF/rights.xml" in names else ()
    except _Damaged as exc:
        return Inspection(str(exc))
    return Inspection(notices=notices)


def _inspect_scorm(path: str, name: str, what: str) -> Inspection:
    if what != "a zip archive":
        return _not("a SCORM package (a zip archive)", what)
    notices = []
    try:
        with _open_zip(path) as archive:
            names = set(archive.namelist())
            if "imsmanifest.xml" not in names:
                inner = next((entry for entry in names if entry.endswith("/imsmanifest.xml")), "")
                return Inspection(
                    f'not a SCORM package: imsmanifest.xml lies in "{inner[:100]}", not at the top'
                    if inner
                    else "not a SCORM package: no imsmanifest.xml at its top"
                )
            found = _elements(_part(archive, "imsmanifest.xml"), "imsmanifest.xml")
            if not found or found[0][0] != "manifest":
                return Inspection("not a SCORM package: imsmanifest.xml is no manifest")
            version = next((text.strip() for name, _, text in found if name == "schemaversion"), "")
            if version and version != "1.2":
                notices.append(f'the package says SCORM "{version[:40]}"; FlickRocket names 1.2')
    except _Damaged as exc:
        return Inspection(str(exc))
    if extension(name) != ".zip":
        notices.append("the extension of a SCORM file is not documented; .zip is usual")
    return Inspection(notices=tuple(notices))


def has_manifest(path: str) -> bool:
    """Whether a zip archive has a SCORM manifest at its top. Raises OSError."""
    try:
        with _open_zip(path) as archive:
            return "imsmanifest.xml" in archive.namelist()
    except _Damaged:
        return False


def _open_zip(path: str) -> zipfile.ZipFile:
    """Open an archive whose list of entries is of a sane size. Raises _Damaged."""
    size = _directory_bytes(path)
    if size > MOST_DIRECTORY_BYTES:
        raise _Damaged(f"the zip archive's list of entries takes {size} bytes: too many to be read safely")
    try:
        return zipfile.ZipFile(path)
    except _ZIP_ERRORS as exc:
        raise _Damaged(f"the zip archive is damaged or cut off ({exc})") from exc


def _directory_bytes(path: str) -> int:
    """Size of an archive's central directory as its end record says, or 0 when there is none."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - 65_557 - 76))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        return 0
    stated = int.from_bytes(tail[end + 12 : end + 16], "little")
    large = tail.rfind(b"PK\x06\x06", 0, end)
    if large >= 0 and len(tail) >= large + 48:
        stated = max(stated if stated != 0xFFFFFFFF else 0, int.from_bytes(tail[large + 40 : large + 48], "little"))
    return min(stated, size)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One small part of an archive. Raises _Damaged."""
    try:
        info = archive.getinfo(name)
    except KeyError as exc:
        raise _Damaged(f'the archive has no "{name}"') from exc
    if info.flag_bits & 1:
        raise _Damaged(f'the archive is encrypted: "{name}" cannot be read')
    try:
        with archive.open(info) as part:
            data = part.read(MOST_PART_BYTES + 1)
    except _ZIP_ERRORS as exc:
        raise _Damaged(f'the archive is damaged: "{name}" cannot be read ({exc})') from exc
    if len(data) > MOST_PART_BYTES:
        raise _Damaged(f'the archive\'s "{name}" is larger than {MOST_PART_BYTES} bytes')
    return data


def _elements(data: bytes, name: str) -> list[tuple[str, dict[str, str], str]]:
    """Elements of an XML text in order: local name, attributes, own text. Raises _Damaged.

    A document type is refused: without one there are no entities to expand.
    """
    found: list[tuple[str, dict[str, str], list[str]]] = []
    open_elements: list[int] = []

    def refuse(*_: object) -> None:
        raise _Damaged(f'"{name}" has a document type, which is not read')

    def start(tag: str, attributes: dict[str, str]) -> None:
        open_elements.append(len(found))
        found.append((tag.rpartition(" ")[2], attributes, []))

    def text(characters: str) -> None:
        if open_elements:
            found[open_elements[-1]][2].append(characters)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_elements.pop()
    parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as exc:
        raise _Damaged(f'"{name}" is not well-formed XML ({exc})') from exc
    return [(tag, attributes, "".join(parts)) for tag, attributes, parts in found]
