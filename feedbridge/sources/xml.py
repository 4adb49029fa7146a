"""Product feeds in XML, streamed one item at a time: Google Merchant RSS 2.0 and Atom, and lists of any elements.

How an element becomes a member of the document::

    <g:price>9.90 EUR</g:price>           "price": "9.90 EUR"    text without the blanks around it
    <g:image/> twice                      a list
    <g:shipping><g:country>…              an object
    <stock unit="pcs">5</stock>           {"@unit": "pcs", "#text": "5"}
    text <b>with</b> elements in it       "text <b>with</b> elements in it"

In RSS and Atom attributes that say nothing of the product (``isPermaLink``, ``type``, ``xml:lang``) are left out.

Names lose the namespace of Google (``http://base.google.com/ns/1.0``, whatever its prefix) and that of the document
itself; those of other namespaces keep a prefix (``dc:creator``). Where an item has ``g:title`` and ``title``, the one of
Google is ``title`` and the other, when it differs, ``rss:title`` or ``atom:title``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import Batch, Range, Record
from feedbridge.sources.expat import XmlReader, xml_text
from feedbridge.sources.files import is_compressed, open_binary, sha256

__all__ = ["ATOM", "GOOGLE", "XmlSource"]

GOOGLE = "http://base.google.com/ns/1.0"
ATOM = "http://www.w3.org/2005/Atom"
XHTML = "http://www.w3.org/1999/xhtml"
RSS1 = "http://purl.org/rss/1.0/"

BLOCK_BYTES = 1 << 16
OUTLINE_BYTES = 4 << 20
"""So much of a list without a known shape is looked at, and then on to the first element with the name of a record."""
OUTLINE_DEPTH = 4
MOST_PATHS = 5_000
NEAR = 0.85
MOST_ITEM_CHARS = 32 << 20
MOST_ITEM_ELEMENTS = 200_000

RECORD_NAMES = frozenset(
    {
        "product",
        "item",
        "entry",
        "offer",
        "article",
        "artikel",
        "produkt",
        "produit",
        "producto",
        "prodotto",
        "record",
        "row",
    }
)
PREFIXES = {
    "http://base.google.com/cns/1.0": "c",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://search.yahoo.com/mrss/": "media",
    "http://www.w3.org/XML/1998/namespace": "xml",
    ATOM: "atom",
}
"""How names of usual namespaces are written, whatever prefix a file gives them."""

SILENT = frozenset({"@isPermaLink", "@type", "@lang", "@xml:lang", "@xml:base", "@xml:space"})
OWN_LABEL = {"google-rss": "rss", "rss": "rss", "google-atom": "atom", "atom": "atom"}

Path_ = tuple[str, ...]


class _Node:
    """An element of a record: its text and its elements in their order."""

    __slots__ = ("attributes", "name", "parts")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name, self.attributes = name, attributes
        self.parts: list[str | _Node] = []


class XmlSource:
    """A product feed in XML: its records are ``(line, document, index)``. See feedbridge.sources.base.Source.

    ``items``       dotted path of the records below the root (``shop.offers.offer``), ``.`` for the root itself; found
                    when None: ``channel.item`` of RSS, ``entry`` of Atom, else the element that is repeated
    ``encoding``    given instead of what the file declares
    ``namespaces``  all that are declared before the first records
    ``about``       ``shape`` is google-rss, rss, google-atom, atom or generic

    ``line`` is that of the item's start tag. A file that is not well-formed is refused as a whole, also when records
    were read before the fault. So is one in which, unless ``items`` is given, an element that could be a record stands
    beside the records.

    Raises: SourceError ``source.xml``, ``source.xml-dtd``, ``source.xml-items``, ``source.xml-size``, ``source.empty``,
            when opened or while reading; CommandError: unknown encoding.
    """

    kind: Literal["table", "documents"] = "documents"
    is_quarantine = False

    def __init__(
        self, path: Path, *, name: str | None = None, items: str | None = None, encoding: str | None = None,
        folder: Path | None = None, block: int = BLOCK_BYTES,
    ) -> None:  # fmt: skip
        self.path = path
        self.name = str(path) if name is None else name
        self.folder: Path | None = folder if folder is not None or self.name.startswith("<") else path.parent
        self.header: list[str] = []
        self.findings: list[Finding] = []
        self.namespaces: set[str] = set()
        self._prefixes: dict[str, str] = {}
        self._block = block
        with open_binary(path) as stream:
            head = stream.read(4096)
        if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
            raise SourceError(
                "the file is empty", where=self.name, code="source.empty", mend="export it again; is it the right file?"
            )
        text = xml_text(head, encoding, self.name)
        self._codec, self._bom, self._is_declared = text.codec, text.bom, text.is_declared
        if text.doubt:
            self._notice(
                "source.encoding-doubt", Severity.WARNING, text.doubt,
                "check a name with an accent in the result, and mend the declaration or the setting",
            )  # fmt: skip
        outline = _Outline(self)
        self._root, self._own = outline.root, outline.own
        self.shape = outline.shape
        self.is_named = bool(items)
        self._notice_namespaces()
        self._steps = self._named(items) if items else outline.records()
        self._xpath = "/" + "/".join([self._root, *self._steps])
        self.pointer_prefix = f"{self._xpath}/"
        self.about: dict[str, Any] = {
            "format": "xml",
            "shape": self.shape,
            "items": ".".join(self._steps) or ".",
            "encoding": self._codec,
            "namespaces": sorted(self.namespaces),
            "compression": is_compressed(path),
        }

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, from the start at each call. Raises SourceError."""
        reading = _Items(self, self._steps)
        reader = self._reader(reading.start, reading.end, reading.text, records=lambda: reading.count)
        reading.reader = reader
        more = True
        while more:
            more = reader.feed()
            if reading.found:
                records, reading.found = reading.found, []
                yield Batch(records, [])
        last = reading.unused()
        if not reading.count:
            last.append(
                Finding(
                    code="source.no-records", severity=Severity.WARNING, file=self.name,
                    message=f"the file has no records ({'.'.join(self._steps) or self._root})",
                    mend="check the export: was its filter empty?",
                )
            )  # fmt: skip
        if last:
            yield Batch([], last)

    def pointer(self, record: Record) -> str:
        """XPath of a record: ``/rss/channel/item[3]``."""
        return f"{self._xpath}[{record[2] + 1}]" if self._steps else self._xpath

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Never: where an item begins can only be told from the start."""
        return []

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk."""
        return sha256(self.path)

    def name_of(self, raw: str) -> str:
        """The member's name of an element or attribute: ``namespace\\nlocal`` as expat gives it."""
        uri, _, local = raw.rpartition("\n")
        if not uri or uri == GOOGLE or uri == self._own:
            return local
        prefix = PREFIXES.get(uri) or self._prefixes.get(uri)
        return f"{prefix}:{local}" if prefix else local

    def _named(self, items: str) -> Path_:
        if items == ".":
            return ()
        steps = tuple(items.replace("/", ".").strip(".").split("."))
        return steps[1:] if len(steps) > 1 and steps[0] == self._root else steps

    def _reader(self, start: Any, end: Any, text: Any, records: Any = None) -> XmlReader:
        return XmlReader(
            self._pieces(),
            self.name,
            self._codec,
            start=start,
            end=end,
            text=text,
            prefix=self._declared,
            records=records,
            is_declared=self._is_declared,
        )

    def _pieces(self) -> Iterator[bytes]:
        with open_binary(self.path) as stream:
            stream.read(len(self._bom))
            while piece := stream.read(self._block):
                yield piece

    def _declared(self, prefix: str | None, uri: str) -> None:
        if uri and len(self.namespaces) < MOST_PATHS:
            self.namespaces.add(uri)
            if prefix:
                self._prefixes.setdefault(uri, prefix)

    def _notice_namespaces(self) -> None:
        """A namespace that is nearly Google's: its elements are not taken for Google's."""
        for uri in sorted(self.namespaces - {GOOGLE, *PREFIXES}):
            if GOOGLE not in self.namespaces and is_like_google(uri):
                self._notice(
                    "source.xml-namespace", Severity.WARNING,
                    f'the namespace "{cut(uri)}" is not Google\'s, so its elements are read under their prefix',
                    f'did you mean "{GOOGLE}"? Correct it in the first element',
                )  # fmt: skip

    def _notice(self, code: str, severity: Severity, message: str, mend: str) -> None:
        self.findings.append(Finding(code=code, severity=severity, file=self.name, message=message, mend=mend))


def is_like_google(uri: str) -> bool:
    """Whether a namespace is Google's with a slip of the pen."""
    bare = uri.strip().casefold().rpartition("://")[2].strip("/")
    return difflib.SequenceMatcher(None, bare, GOOGLE.rpartition("://")[2]).ratio() >= NEAR


def is_record_name(local: str) -> bool:
    """Whether elements of this name usually are products."""
    return local.casefold() in RECORD_NAMES


class _Outline:
    """What a file is made of, as far as is needed to tell where its records are."""

    def __init__(self, source: XmlSource) -> None:
        self._source = source
        self.root = self.own = ""
        self.shape = ""
        self.counts: dict[Path_, int] = {}
        self.structured: set[Path_] = set()
        self.has_text = False
        self._is_known = False
        self._path: list[str] = []
        self._items = 0
        reader = source._reader(self._start, self._end, self._text)
        fed = 0
        while reader.feed():
            fed += source._block
            if self.shape and (self._items or fed > OUTLINE_BYTES):
                break
            if not self.shape and fed > OUTLINE_BYTES and self._is_known:
                break
        google = GOOGLE in source.namespaces
        self.shape = f"google-{self.shape}" if self.shape and google else self.shape or "generic"

    def records(self) -> Path_:
        """Path of the records below the root. Raises SourceError when several elements could be it."""
        if self.shape in ("google-rss", "rss"):
            return ("item",) if self.root == "RDF" else ("channel", "item")
        if self.shape in ("google-atom", "atom"):
            return ("entry",)
        known = self._shallowest([path for path in self.structured if is_record_name(path[-1])])
        if is_record_name(self.root) and self.counts:
            if known:
                raise self._several(known)
            return ()
        if known:
            around = [
                path[:length] for path in known for length in range(1, len(path)) if self._repeated(path[:length])
            ]
            if around or len(known) > 1:
                raise self._several([*dict.fromkeys(around), *known])
            return known[0]
        repeated = self._shallowest(
            [
                path for path in self.structured
                if self._repeated(path) and not any(self._repeated(path[:length]) for length in range(1, len(path)))
            ]
        )  # fmt: skip
        if len(repeated) > 1:
            raise self._several(repeated)
        if repeated:
            shown = ".".join(repeated[0])
            self._source._notice(
                "source.xml-guessed", Severity.WARNING,
                f'the records are taken from "{shown}", the only element that is repeated',
                f"name it with source.items: {shown} - or another one",
            )  # fmt: skip
            return repeated[0]
        alone = [path for path in self.structured if len(path) == 1]
        if len(alone) == 1 and self.root.casefold().startswith(alone[0][0].casefold()):
            return alone[0]
        if not self.counts and not self.has_text:
            return ("product",)
        seen = ", ".join(".".join(path) for path in list(self.counts)[:10])
        raise SourceError(
            f"no element of <{self.root}> is repeated, so it is not known which is a product" + (f"; it has {seen}" if seen else ""),
            where=self._source.name, code="source.xml-items",
            mend='name the element of a product with source.items ("." if the document is one product)',
        )  # fmt: skip

    def _repeated(self, path: Path_) -> bool:
        return self.counts.get(path, 0) > 1

    def _shallowest(self, paths: list[Path_]) -> list[Path_]:
        least = min(map(len, paths), default=0)
        return sorted(path for path in paths if len(path) == least)

    def _several(self, paths: list[Path_]) -> SourceError:
        shown = ", ".join(f"{'.'.join(path)} ({self.counts[path]} times)" for path in paths[:10])
        return SourceError(
            f"several elements could be the products: {shown}",
            where=self._source.name,
            code="source.xml-items",
            mend='name one with source.items ("." if the document is one product)',
        )

    def _start(self, raw: str, attributes: dict[str, str]) -> None:
        uri, _, local = raw.rpartition("\n")
        if not self.root:
            self.root, self.own = local, uri
            if local == "rss" or (local == "RDF" and RSS1 in self._source.namespaces):
                self.shape = "rss"
                self.own = RSS1 if local == "RDF" else uri
            elif local == "feed" and uri == ATOM:
                self.shape = "atom"
            return
        self._path.append(local)
        depth = len(self._path)
        if self.shape:
            self._items += local in ("item", "entry")
        elif depth <= OUTLINE_DEPTH + 1:
            path = tuple(self._path)
            if depth > 1 and path[:-1] in self.counts:
                self._add_structured(path[:-1])
            if depth <= OUTLINE_DEPTH and (path in self.counts or len(self.counts) < MOST_PATHS or is_record_name(local)):
                self.counts[path] = self.counts.get(path, 0) + 1
                if attributes:
                    self._add_structured(path)

    def _add_structured(self, path: Path_) -> None:
        if path not in self.structured:
            self.structured.add(path)
            self._is_known = self._is_known or is_record_name(path[-1])

    def _end(self, raw: str) -> None:
        if self._path:
            self._path.pop()

    def _text(self, text: str) -> None:
        if not self._path and not self.has_text:
            self.has_text = bool(text.strip())


class _Items:
    """Collects the records of one reading."""

    def __init__(self, source: XmlSource, steps: Path_) -> None:
        self.source = source
        self.steps = steps
        self.shape = source.shape
        self.found: list[Record] = []
        self.count = 0
        self.reader: XmlReader
        self._outside: list[str] = []
        self._stack: list[_Node] = []
        self._line = self._chars = self._elements = 0
        self._others: dict[Path_, int] = {}
        self._alike: set[Path_] = set()
        self._suspect: Path_ = ()
        self._suspect_line = 0
        self._names: dict[str, str] = {}

    def start(self, raw: str, attributes: dict[str, str]) -> None:
        stack = self._stack
        if stack:
            node = _Node(raw, attributes)
            stack[-1].parts.append(node)
            stack.append(node)
            self._elements += 1
            self._chars += 64 * len(attributes) + sum(map(len, attributes.values()))
            if self._elements > MOST_ITEM_ELEMENTS or self._chars > MOST_ITEM_CHARS:
                raise self._too_large()
            return
        outside = self._outside
        outside.append(raw.rpartition("\n")[2])
        if len(outside) == len(self.steps) + 1 and tuple(outside[1:]) == self.steps:
            outside.pop()
            stack.append(_Node(raw, attributes))
            self._line, self._chars, self._elements = self.reader.line, 0, 0
            return
        path = tuple(outside[1:])
        is_alike = self._looks_like_record(path, attributes)
        if is_alike and not self.source.is_named:
            raise self._beside(self._suspect or path)
        if (is_alike or len(outside) <= OUTLINE_DEPTH + 1) and (path in self._others or len(self._others) < MOST_PATHS):
            self._others[path] = self._others.get(path, 0) + 1
            if is_alike:
                self._alike.add(path)

    def end(self, raw: str) -> None:
        stack = self._stack
        if not stack:
            self._outside.pop()
            return
        node = stack.pop()
        if not stack:
            self.found.append((self._line, self._document(node), self.count))
            self.count += 1

    def text(self, text: str) -> None:
        if self._stack:
            self._stack[-1].parts.append(text)
            self._chars += len(text)
            if self._chars > MOST_ITEM_CHARS:
                raise self._too_large()

    def unused(self) -> list[Finding]:
        """What is said about repeated elements beside the records."""
        return [
            Finding(
                code="source.xml-unused", severity=Severity.ADVICE, file=self.source.name,
                message=f'the {count} elements "{".".join(path)}" beside the records are not read'
                if count > 1 else f'the element "{".".join(path)}" beside the records is not read',
                mend="name them with source.items if they are the products",
            )
            for path, count in self._others.items()
            if (count > 1 or path in self._alike) and path != self.steps[: len(path)]
        ]  # fmt: skip

    def _looks_like_record(self, path: Path_, attributes: dict[str, str]) -> bool:
        """Whether an element beside the records could be one: it has their name, or a name that products have and
        something in it. What is in it is known when its first child is met."""
        steps = self.steps
        if not path or path == steps[: len(path)]:
            return False
        if steps and path[-1].casefold() == steps[-1].casefold():
            self._suspect, self._suspect_line = path, self.reader.line
            return True
        if self._suspect and path[:-1] == self._suspect and not self.source.is_named:
            return True
        self._suspect = ()
        if is_record_name(path[-1]):
            self._suspect, self._suspect_line = path, self.reader.line
            return bool(attributes) or self.source.is_named
        return False

    def _beside(self, path: Path_) -> SourceError:
        chosen, other = ".".join(self.steps) or ".", ".".join(path)
        return SourceError(
            f'the records are taken from "{chosen}", but an element "{other}" could be one as well and would not be read',
            where=f"{self.source.name}:{self._suspect_line}", code="source.xml-items",
            mend=f"say which are the products, source.items: {chosen} or source.items: {other}; the others are then left out",
        )  # fmt: skip

    def _too_large(self) -> SourceError:
        return SourceError(
            f"an item has more than {MOST_ITEM_CHARS >> 20} MiB of text or {MOST_ITEM_ELEMENTS:,} elements",
            where=f"{self.source.name}:{self._line}", code="source.xml-size",
            mend="name the element of a product with source.items, or export one product an item",
        )  # fmt: skip

    # --- from elements to a document ---------------------------------------------------------------------------------

    def _name(self, raw: str) -> str:
        name = self._names.get(raw)
        if name is None:
            name = self._names[raw] = self.source.name_of(raw)
        return name

    def _document(self, node: _Node) -> dict[str, Any]:
        said = {f"@{self._name(raw)}": text.strip() for raw, text in node.attributes.items()}
        plain = self.shape == "generic"
        document: dict[str, Any] = {name: text for name, text in said.items() if plain or name not in SILENT}
        own: dict[str, Any] = {}
        google: dict[str, Any] = {}
        text = "".join(part for part in node.parts if isinstance(part, str)).strip()
        for part in node.parts:
            if not isinstance(part, _Node):
                continue
            uri = part.name.rpartition("\n")[0]
            if uri == ATOM and self.source._own == ATOM and part.name == f"{ATOM}\nlink":
                self._add_link(own, part)
                continue
            _add(google if uri == GOOGLE else own, self._name(part.name), self._value(part))
        if self.shape in ("google-atom", "atom"):
            for name in ("summary", "content"):
                if name in own and "description" not in own:
                    own["description"] = own.pop(name)
        label = OWN_LABEL.get(self.shape, "plain")
        for name, value in own.items():
            if name not in google:
                document[name] = value
            elif google[name] != value:
                document[f"{label}:{name}"] = value
        document |= google
        if text:
            document["#text"] = text
        return document

    def _add_link(self, own: dict[str, Any], node: _Node) -> None:
        """An Atom link: the one to the product's page is ``link``, others stay what they are."""
        if node.attributes.get("rel", "alternate") == "alternate" and "href" in node.attributes and "link" not in own:
            own["link"] = node.attributes["href"].strip()
        else:
            _add(own, "atom:link", {f"@{self._name(raw)}": text for raw, text in node.attributes.items()})

    def _value(self, node: _Node) -> Any:
        parts, attributes = node.parts, node.attributes
        if len(parts) == 1 and isinstance(parts[0], str):
            value: Any = parts[0].strip()
        else:
            nodes = [part for part in parts if isinstance(part, _Node)]
            text = "".join(part for part in parts if isinstance(part, str)).strip()
            if not nodes:
                value = text
            elif text or all(part.name.startswith(XHTML) for part in nodes):
                value = self._markup(parts).strip()
            else:
                value = {}
                for part in nodes:
                    _add(value, self._name(part.name), self._value(part))
        if attributes:
            said = {f"@{self._name(raw)}": text.strip() for raw, text in attributes.items()}
            if self.shape != "generic" and value != "":
                said = {name: text for name, text in said.items() if name not in SILENT}
            if not said:
                return value
            if isinstance(value, dict):
                return said | value
            return said | {"#text": value} if value else said
        return value

    def _markup(self, parts: list[str | _Node]) -> str:
        """The text of an element in which other elements stand, with their tags."""
        pieces = []
        for part in parts:
            if isinstance(part, str):
                pieces.append(escape(part))
                continue
            tag = self._name(part.name) if not part.name.startswith(XHTML) else part.name.rpartition("\n")[2]
            said = "".join(f" {self._name(raw)}={quoteattr(text)}" for raw, text in part.attributes.items())
            pieces.append(f"<{tag}{said}>{self._markup(part.parts)}</{tag}>" if part.parts else f"<{tag}{said}/>")
        return "".join(pieces)


def _add(members: dict[str, Any], name: str, value: Any) -> None:
    """One more member; several of one name are a list."""
    if name not in members:
        members[name] = value
    elif isinstance(members[name], list):
        members[name].append(value)
    else:
        members[name] = [members[name], value]
