"""XML text through expat, piece by piece: no DTD, so no entities, and nothing from outside the file.

Bounded: a token (a tag with its attributes, a comment) of more than ``MOST_TOKEN_BYTES``, elements nested deeper than
``MOST_DEPTH`` and more than ``MOST_NAMES`` different names are refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.parsers import expat

from feedbridge.errors import SourceError
from feedbridge.sources.encoding import codec_named

__all__ = ["MOST_DEPTH", "MOST_TOKEN_BYTES", "XmlReader", "XmlText", "xml_text"]

MOST_TOKEN_BYTES = 16 << 20
MOST_DEPTH = 200
MOST_NAMES = 100_000

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(r"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_WORD = re.compile(rb"[\w.'-]{0,40}[\x80-\xff][\w\x80-\xff.'-]*")
_WIDE = re.compile("utf_?-?(16|32)|ucs", re.IGNORECASE)


class XmlText:
    """How the bytes of an XML file become text: ``codec``, ``bom``, ``doubt`` when what is said of it is wrong, and
    ``is_declared`` when nothing but the file's first line says it."""

    def __init__(self, codec: str, bom: bytes = b"", doubt: str = "", is_declared: bool = False) -> None:
        self.codec, self.bom, self.doubt, self.is_declared = codec, bom, doubt, is_declared


def xml_text(head: bytes, given: str | None, name: str) -> XmlText:
    """The encoding of an XML file: its byte-order mark, what is given, where its NULs stand, what it declares, UTF-8.

    Raises: CommandError when what is given is no encoding; SourceError ``source.xml`` when what is declared is none.
    """
    for bom, codec in _BOMS:
        if head.startswith(bom):
            doubt = ""
            if given and not codec.startswith(codec_named(given)):
                doubt = f"{given} was given, but the byte-order mark at the start of the file says {codec}"
            return XmlText(codec, bom, doubt)
    if given:
        return XmlText(codec_named(given))
    if head.startswith((b"<\0", b"\0<")):
        return XmlText("utf-16-le" if head.startswith(b"<\0") else "utf-16-be")
    found = _DECLARED.match(head[:1024].decode("latin-1"))
    if found is None:
        return XmlText("utf-8")
    declared = found[1]
    if _WIDE.match(declared):
        return XmlText("utf-8", doubt=f"it declares to be {declared}, but its bytes are not; it is read as UTF-8")
    try:
        codec = codecs.lookup(declared).name
        b"a".decode(codec)
    except (LookupError, UnicodeError, ValueError) as exc:
        raise SourceError(
            f'it declares the encoding "{declared}", which is none',
            where=f"{name}:1",
            code="source.xml",
            mend="correct the first line, or name the encoding with source.encoding",
        ) from exc
    if codec in ("utf-8", "ascii"):
        return XmlText("utf-8")
    # as browsers do: what says ISO-8859-1 and has a byte from 80 to 9F is Windows-1252, never control characters
    return XmlText("cp1252" if codec == "iso8859-1" else codec, is_declared=True)


class XmlReader:
    """Reads the pieces of one XML file and calls ``start``, ``end`` and ``text`` on the way.

    Names come as ``namespace\\nlocal``, or ``local`` where there is no namespace. ``feed`` reads one piece more.
    ``line`` is the physical line of the tag at hand.

    ``is_declared``: the codec is what the file says of itself; where its bytes are UTF-8 all the same, it is refused.

    Raises: SourceError ``source.xml`` (not well-formed), ``source.xml-dtd``, ``source.xml-size``,
            ``source.encoding-doubt``.
    """

    def __init__(
        self, pieces: Iterable[bytes], name: str, codec: str, *, start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None], text: Callable[[str], None],
        prefix: Callable[[str | None, str], None] | None = None, records: Callable[[], int] | None = None,
        is_declared: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self._records = records
        self._depth = 0
        self._skipped = 0
        self._begun = False
        self._codec = codec
        if is_declared and _is_single_byte(codec):
            pieces = _not_utf8(pieces, codec, name)
        self._pieces = _decoded(pieces, codec, self.fault) if codec != "utf-8" else iter(pieces)
        self._fed = 0
        parser = expat.ParserCreate("utf-8", "\n")
        self._parser = parser
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        self._start, self._end = start, end
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._refuse_dtd
        parser.EntityDeclHandler = self._refuse_dtd
        parser.ExternalEntityRefHandler = self._refuse_dtd
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        if prefix is not None:
            parser.StartNamespaceDeclHandler = prefix

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber + self._skipped

    def feed(self) -> bool:
        """Read one piece more. False when it was the last."""
        piece = next(self._pieces, None)
        try:
            if piece is None:
                self._parser.Parse(b"", True)
                return False
            if not self._begun:
                piece = self._without_blanks(piece)
            if piece:
                self._parser.Parse(piece, False)
        except expat.ExpatError as exc:
            raise self._broken(exc) from exc
        except UnicodeEncodeError as exc:  # half a character, of an encoding that has such
            raise self.fault("it has half a character") from exc
        self._fed += len(piece)
        if self._fed - self._parser.CurrentByteIndex > MOST_TOKEN_BYTES:
            raise self._too_large(f"a tag or comment is longer than {MOST_TOKEN_BYTES >> 20} MiB")
        if len(self._parser.intern) > MOST_NAMES:
            raise self._too_large(f"it has more than {MOST_NAMES:,} different names of elements and attributes")
        return True

    def fault(self, why: str, line: int = 0, column: int = 0) -> SourceError:
        """The file is no XML from some place on, and all that follows is in doubt."""
        at = line or self.line
        place = f"line {at}, column {column}" if column else f"line {at}"
        read = ""
        if self._records is not None:
            count = self._records()
            read = (
                f"; {'1 record was' if count == 1 else f'{count} records were'} read before it, and nothing was written"
            )
        return SourceError(
            f"this is not well-formed XML at {place}: {why}{read}", where=f"{self.name}:{at}", code="source.xml",
            mend="export the file again, or correct that place",
        )  # fmt: skip

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._too_large(f"its elements are nested more than {MOST_DEPTH} deep")
        self._start(name, attributes)

    def _close(self, name: str) -> None:
        self._depth -= 1
        self._end(name)

    def _without_blanks(self, piece: Any) -> Any:
        """What stands before the first sign: blank lines there are a usual fault of exports, and hurt nobody."""
        if isinstance(piece, bytes):
            piece = piece.removeprefix(codecs.BOM_UTF8) if not self._skipped else piece
            kept: Any = piece.lstrip(b" \t\r\n")
            blank = piece[: len(piece) - len(kept)].decode("ascii")
        else:
            piece = piece.removeprefix("\ufeff")
            kept = piece.lstrip(" \t\r\n")
            blank = piece[: len(piece) - len(kept)]
        self._begun = bool(kept)
        self._skipped += len(re.findall(r"\r\n|\r|\n", blank))
        return kept

    def _broken(self, exc: expat.ExpatError) -> SourceError:
        why = "it ends too early" if exc.code in _ENDED else expat.errors.messages.get(exc.code, "it cannot be read")
        error = self.fault(why, exc.lineno + self._skipped, exc.offset + 1)
        if exc.code in (_INVALID_TOKEN, _PARTIAL):
            error.mend = (
                f"a bare & or < must be written &amp; or &lt;; if it is a letter that is not {self._codec} text, "
                "name the encoding with source.encoding"
            )
        elif exc.code == _UNBOUND:
            error.mend = 'declare the prefix in the first element, for example xmlns:g="http://base.google.com/ns/1.0"'
        elif exc.code == _UNDEFINED:
            error.mend = "XML knows only &amp; &lt; &gt; &quot; and &apos;; write the character itself"
        elif exc.code in _ENDED:
            error.mend = "fetch or export it again (a download that broke off leaves such a file)"
        return error

    def _refuse_dtd(self, *_: Any) -> int:
        raise SourceError(
            "it has a document type (<!DOCTYPE …>), whose entities could stand for anything, so it is not read",
            where=f"{self.name}:{self.line}", code="source.xml-dtd",
            mend="take the <!DOCTYPE …> out; product feeds have none",
        )  # fmt: skip

    def _too_large(self, why: str) -> SourceError:
        return SourceError(
            f"{why}, which no product feed does", where=f"{self.name}:{self.line}", code="source.xml-size",
            mend="is this a product feed? Export it again",
        )  # fmt: skip


_INVALID_TOKEN = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
_PARTIAL = expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR]
_UNBOUND = expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]
_UNDEFINED = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]
_ENDED = {
    expat.errors.codes[text] for text in (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)
}


def _is_single_byte(codec: str) -> bool:
    return len(bytes(range(256)).decode(codec, "replace")) == 256


def _not_utf8(pieces: Iterable[bytes], codec: str, name: str) -> Iterator[bytes]:
    """The pieces as they are. Raises SourceError at their end when every letter beyond ASCII is whole UTF-8, which text
    in another encoding never is by chance."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    shown, before, could_be = "", b"", True
    for piece in pieces:
        if could_be and not (piece.isascii() and shown):
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                could_be = False
            else:
                found = None if shown else _WORD.search(before + piece)
                shown = found[0].decode("utf-8", "replace").rstrip("\ufffd")[:40] if found else shown
                before = piece[-80:]
        yield piece
    if could_be and shown:
        raise SourceError(
            f'its first line does not say UTF-8, but it is UTF-8: "{shown}" would be read as '
            f'"{shown.encode().decode(codec, "replace")}"',
            where=name, code="source.encoding-doubt",
            mend="say source.encoding: utf-8 (--set source.encoding=utf-8), or have the first line corrected",
        )  # fmt: skip


def _decoded(pieces: Iterable[bytes], codec: str, fault: Callable[[str], SourceError]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    first = True
    try:
        for piece in pieces:
            text = decoder.decode(piece)
            if text:
                yield (text.removeprefix("\ufeff") if first else text).encode()
                first = False
        yield decoder.decode(b"", True).encode()
    except UnicodeError as exc:
        raise fault(f"its bytes are not {codec} text") from exc
