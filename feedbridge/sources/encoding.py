"""From bytes to lines of text: which encoding a file is in, and how undecodable bytes are kept findable."""

from __future__ import annotations

import codecs
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterable
from typing import BinaryIO, Literal

import msgspec

from feedbridge.errors import CommandError

__all__ = [
    "BLOCK_BYTES",
    "ERROR_HANDLER",
    "LONGEST_LINE",
    "SAMPLE_BYTES",
    "Encoding",
    "Lines",
    "codec_named",
    "detect",
    "has_marks",
    "marked_bytes",
    "without_marks",
]

BLOCK_BYTES = 1 << 18  # larger ones fall out of the processor's cache and are slower
SAMPLE_BYTES = 1 << 20
LONGEST_LINE = 32_000_000
"""Characters of one physical line that are held at most; the rest of a longer one is thrown away, the line marked."""

ERROR_HANDLER = "feedbridge-mark"
_GUESS_BYTES = 1 << 15

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python calls them text encodings, but no feed is written in them and they read nearly everything.
_NOT_FOR_FEEDS = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}
_USUAL_NAMES = [
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "latin-1", "cp1250", "cp1251", "cp1252"),
    *("cp1253", "cp1254", "cp1257", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9"),
    *("iso-8859-15", "koi8-r", "mac-roman", "cp437", "cp850", "shift_jis", "cp932", "euc-jp", "euc-kr", "cp949"),
    *("gb2312", "gbk", "gb18030", "big5"),
]


class Encoding(msgspec.Struct, frozen=True):
    """How the bytes of a file become text.

    ``codec``  Python's name of it; the byte-order mark is not part of the text
    ``how``    from the byte-order mark, given by the user or a mapping, or detected from the bytes
    ``bom``    the byte-order mark at the start of the file, or nothing
    ``guess``  text in the file that shows the encoding was guessed: nothing in the bytes proves it
    ``doubt``  why the file and what was given contradict each other; empty when they do not
    """

    codec: str
    how: Literal["bom", "given", "detected"]
    bom: bytes = b""
    guess: str = ""
    doubt: str = ""


def detect(blocks: Iterable[bytes], given: str | None = None) -> Encoding:
    """Find the encoding of a file from its first blocks; more are taken only while they are plain ASCII.

    A byte-order mark wins over what is given (the file says it of itself), and ``doubt`` tells.
    Raises: CommandError when the given name is no encoding.
    """
    codec = codec_named(given) if given else ""
    sample, is_start = b"", True
    for block in blocks:
        if is_start:
            sample = block
            for bom, bom_codec in _BOMS:
                if block.startswith(bom):
                    return Encoding(bom_codec, "bom", bom, doubt=_bom_doubt(given, codec, bom_codec))
            if codec.startswith(("utf-16", "utf-32")):
                named = codec if codec[-2:] in ("le", "be") else _utf16_by_nuls(block) or f"{codec}-le"
                return Encoding(named, "given", doubt=_wide_doubt(given, block))
            if not codec and (wide := _utf16_by_nuls(block)):
                return Encoding(wide, "detected")
        if not block.isascii():
            sample = block
            break
        is_start = False
    good, bad = _utf8_characters(sample)
    if codec:
        doubt = ""
        if codec != "utf-8" and good and not bad:
            doubt = f'the mapping or command says {given}, but the text reads as UTF-8 ("{_shown(sample, "utf-8")}")'
        return Encoding(codec, "given", doubt=doubt)
    # Chance makes hardly any valid UTF-8 sequence out of another encoding's letters, so a few damaged bytes among
    # many good ones are damage, and only their records are held back.
    if not bad or good >= bad:
        return Encoding("utf-8", "detected")
    legacy = _legacy(sample)
    return Encoding(legacy, "detected", guess=_shown(sample, legacy))


def codec_named(name: str) -> str:
    """Python's name of an encoding as people write it (``UTF8``, ``Windows-1252``, ``ISO-8859-1``).

    Raises: CommandError, with the nearest name that exists.
    """
    spelled = re.sub(r"^(?:windows|win|ansi)[-_ ]?(?=125\d$)", "cp", name.strip().lower())
    try:
        codec = codecs.lookup(spelled).name
        known = codec not in _NOT_FOR_FEEDS
        b"a".decode(codec, "replace")  # Python also lists what is no text encoding, such as hex
    except (LookupError, UnicodeError, ValueError):
        known = False
    if not known:
        near = difflib.get_close_matches(spelled, _USUAL_NAMES, 1, cutoff=0.5)
        raise CommandError(
            f'"{name}" is not an encoding',
            mend=f'did you mean "{near[0]}"?' if near else "usual ones are utf-8, utf-16, cp1252 and iso-8859-1",
            code="source.encoding-name",
        )
    return "utf-8" if codec == "utf-8-sig" else codec


def _bom_doubt(given: str | None, codec: str, bom_codec: str) -> str:
    if not codec or bom_codec.startswith(codec):
        return ""
    return f"the mapping or command says {given}, but the byte-order mark at the start of the file says {bom_codec}"


def _wide_doubt(given: str | None, block: bytes) -> str:
    if b"\0" in block or _utf8_characters(block)[1]:
        return ""
    return f"the mapping or command says {given}, but no byte of the text is zero: it reads as UTF-8"


def _utf16_by_nuls(block: bytes) -> str:
    """UTF-16 without a byte-order mark: every other byte of its digits, commas and line ends is NUL."""
    pairs = len(block) // 2
    even, odd = block[: 2 * pairs : 2].count(0), block[1 : 2 * pairs : 2].count(0)
    if odd * 5 >= pairs > 1 and even * 50 <= odd:
        return "utf-16-le"
    if even * 5 >= pairs > 1 and odd * 50 <= even:
        return "utf-16-be"
    return ""


def _utf8_characters(sample: bytes) -> tuple[int, int]:
    """How many characters beyond ASCII read as UTF-8, and how many places do not. A cut last character is neither."""
    try:
        text, _ = codecs.utf_8_decode(sample, "strict", False)
        return sum(map(len, _BEYOND_ASCII.findall(text))), 0
    except UnicodeDecodeError:
        text, _ = codecs.utf_8_decode(sample, ERROR_HANDLER, False)
    bad = sum(map(len, _MARKS.findall(text)))
    return sum(map(len, _BEYOND_ASCII.findall(text))) - bad, bad


# --- encodings without a mark of their own ------------------------------------------------------------------------

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_HIGH_BYTES = re.compile(rb"[\x80-\xff]+")
# In Western text an accented letter stands among plain ones; Greek, Russian or Japanese words are all high bytes.
_LONG_RUN = 3
_COMMON_LETTERS = {
    "cp1251": "оеаинтсрвлкмдпу",
    "koi8_r": "оеаинтсрвлкмдпу",
    "iso8859_7": "αοιετσνηυρπκμλςάέίόή",
    "cp1253": "αοιετσνηυρπκμλςάέίόή",
}
_ALPHABET_SHARE = 0.5
_EAST_ASIAN = ["cp932", "gb18030", "big5", "euc_kr", "euc_jp"]
_LATIN = ["cp1252", "cp1250", "cp1254", "cp1257", "mac_roman", "cp850"]
# Read as cp1252, another Latin encoding's letters become signs in the middle of words.
_SIGN_IN_WORD = re.compile(r"[a-zA-ZÀ-ÿ][¡-©«-¯±-´¶-¿×÷ƒ†‡ˆ‰‹›„‚˜™][a-zA-ZÀ-ÿ]|[¹²³¿¡¯¦¼¾][a-z]|[À-ÿ][€‹›„‚ˆ˜]")


def _legacy(sample: bytes) -> str:
    runs = _HIGH_BYTES.findall(sample)
    high = sum(map(len, runs))
    if sum(len(run) for run in runs if len(run) >= _LONG_RUN) * 4 < high:
        return _latin(sample)
    shares = {codec: _common_share(sample, codec, letters) for codec, letters in _COMMON_LETTERS.items()}
    best = max(shares, key=lambda codec: shares[codec])
    if shares[best] >= _ALPHABET_SHARE:
        return best
    return _by_statistics(sample, _EAST_ASIAN) or _latin(sample)


def _latin(sample: bytes) -> str:
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return _by_statistics(sample, _LATIN) or "cp1252"
    if not _SIGN_IN_WORD.search(text):
        return "cp1252"
    return _by_statistics(sample, _LATIN) or "cp1252"


def _common_share(sample: bytes, codec: str, letters: str) -> float:
    try:
        text = sample.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    counts = Counter(character for run in _BEYOND_ASCII.findall(text) for character in run)
    share = sum(counts[letter] for letter in letters) / max(counts.total(), 1)
    if "ς" in letters and "ς" in text:
        # The sigma that stands only at the end of a word tells Greek from Russian, whose letters are as frequent.
        share *= 0.5 if re.search(r"ς\w", text) else 1.3
    return share


def _by_statistics(sample: bytes, codecs_asked: list[str]) -> str:
    import charset_normalizer  # slow to import, and most feeds are UTF-8

    lines = [line for line in sample.splitlines(keepends=True) if not line.isascii()]
    some = b"".join(lines)[:_GUESS_BYTES]
    found = list(charset_normalizer.from_bytes(some, cp_isolation=codecs_asked))
    if not found:
        return ""
    best = found[0]
    alike = [match.encoding for match in found if (match.chaos, match.coherence) == (best.chaos, best.coherence)]
    return "cp1252" if "cp1252" in alike else alike[0]


def _shown(sample: bytes, codec: str) -> str:
    """The first word of a sample that is not plain ASCII, to let a person check the reading."""
    text = sample.decode(codec, "replace")
    word = re.search(r"[\w.'-]*[^\x00-\x7f][^\s,;\t|\"]*", text)
    return word.group()[:40] if word else ""


# --- undecodable bytes --------------------------------------------------------------------------------------------

# Byte 0xE4 becomes U+DCE4: no encoding yields such characters, so they are found again and the byte is known.
_MARKS = re.compile("[\udc00-\udcff]+")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    start, end = error.start, error.end
    is_wide = error.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    if not is_wide:
        # A broken double-byte character must not take the comma or line end after it along.
        while end > start + 1 and error.object[end - 1] < 0x80:
            end -= 1
    return "".join(chr(0xDC00 + byte) for byte in error.object[start:end]), end


codecs.register_error(ERROR_HANDLER, _mark)


def has_marks(text: str) -> bool:
    """Whether text holds bytes that could not be decoded."""
    return not text.isascii() and _MARKS.search(text) is not None


def marked_bytes(text: str) -> bytes:
    """The first run of bytes in a text that could not be decoded."""
    found = _MARKS.search(text)
    return bytes(ord(mark) - 0xDC00 for mark in found.group()) if found else b""


def without_marks(text: str) -> str:
    """The text with U+FFFD in place of undecodable bytes: it can be written again."""
    return text if text.isascii() else _MARKS.sub("\ufffd", text)


# --- lines --------------------------------------------------------------------------------------------------------


class Lines:
    """A window on the physical lines of a stream, as an editor counts them: ended by LF, CRLF or CR, nothing else.

    ``lines``   the lines in the window, with their ends
    ``first``   physical line number of ``lines[0]``
    ``ended``   the stream has no more
    ``marked``  a line in the window may hold undecodable bytes
    ``nul``     a line in the window may hold a NUL character
    ``chars``   characters in the window
    ``longest`` characters of one line that are held at most
    ``unfinished``  the reader says: so many of them are the start of a record that goes on

    Memory is one block, and whatever the reader does not drop.
    """

    def __init__(
        self, stream: BinaryIO, codec: str, *, block: int = BLOCK_BYTES, first: int = 1, most: int | None = None,
        longest: int = LONGEST_LINE,
    ) -> None:  # fmt: skip
        self.lines: list[str] = []
        self.first = first
        self.ended = False
        self.marked = False
        self.nul = False
        self.chars = 0
        self.unfinished = 0
        self._stream = stream
        self._block = block
        self._left = most
        self._longest = longest
        self._tail = ""
        self._overlong = False
        factory = codecs.getincrementaldecoder(codec)
        self._strict = factory("strict")
        self._marking = factory(ERROR_HANDLER)

    def read(self) -> None:
        """Take the next block in. A record that does not end makes blocks grow with it, so that reading it over
        and over stays linear."""
        if self.ended:
            return
        size = max(self._block, self.unfinished // 2, len(self._tail))
        self.unfinished = 0
        if self._left is not None:
            size = min(size, self._left)
        data = self._stream.read(size) if size else b""
        if self._left is not None:
            self._left -= len(data)
        self.ended = not data
        text = self._decoded(data)
        if self._tail:
            text = self._tail + text
            self._tail = ""
        if self._overlong:
            text = self._after_overlong(text)
        lines = io.StringIO(text, newline="").readlines()
        if not self.ended and lines and not lines[-1].endswith("\n"):
            # Not a whole line yet; nor is one that ends in CR, since LF may follow.
            self._tail = lines.pop()
            if len(self._tail) > self._longest:
                lines.append(self._tail[: self._longest + 1])
                self._tail = ""
                self._overlong = True
        self.nul = self.nul or "\0" in text
        self.chars += len(text) - len(self._tail)
        self.lines += lines

    @property
    def open_chars(self) -> int:
        """Characters of a last line whose end has not been read."""
        return len(self._tail)

    def drop(self, count: int) -> None:
        """Move the window's start: ``count`` lines are done with."""
        if count >= len(self.lines):
            self.lines.clear()
            self.chars = 0
            self.marked = has_marks(self._tail)
            self.nul = "\0" in self._tail
        else:
            self.chars -= sum(map(len, self.lines[:count]))
            del self.lines[:count]
        self.first += count

    def _decoded(self, data: bytes) -> str:
        state = self._strict.getstate()
        try:
            return self._strict.decode(data, self.ended)
        except UnicodeDecodeError:
            self._marking.setstate(state)
            text = self._marking.decode(data, self.ended)
            self._strict.setstate(self._marking.getstate())
            self.marked = True
            return text

    def _after_overlong(self, text: str) -> str:
        """Throw away the rest of an overlong line; its kept start gets the line end it is missing."""
        has_end = "\n" in text or "\r" in text  # asked first: found much quicker
        end = re.search(r"\r\n|\n|\r(?=.)", text, re.DOTALL) if has_end else None
        if end is None:
            self._tail = "\r" if text.endswith("\r") else ""  # LF may follow
            return ""
        self._overlong = False
        self.lines[-1:] = [self.lines[-1] + end.group()] if self.lines else []
        return text[end.end() :]
