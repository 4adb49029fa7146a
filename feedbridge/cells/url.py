"""Web addresses and paths of files."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["ImageUrl", "PathOrUrl", "Url", "web_address"]

_ORDINARY = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,4})?(?:[/?#][!#-;=?-\[\]_a-z~]*)?")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?![0-9]+(?:/|$))")
_UNSEEN = re.compile("[\\s\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")


def web_address(base: str) -> str:
    try:
        return whole_url(base, base)
    except CellError as exc:
        raise ValueError(exc.message) from exc


class Url(Reader):
    """An absolute http or https address, as written.

    >>> Url().read("https://shop.example/tea?x=1")
    'https://shop.example/tea?x=1'
    >>> Url(base="https://cdn.example/media").read("/a/tea pot.jpg")
    'https://cdn.example/media/a/tea%20pot.jpg'

    Raises: CellError, code url-relative (no base is given), url-scheme (javascript:, data:, file: …), url-blank,
            url-format, url-shape.
    Source: RFC 3986; international names and characters pass (RFC 3987).
    """

    kind: ClassVar[str] = "url"

    base: Annotated[str, AfterValidator(web_address)] | None = None
    """Address that is put, with one ``/``, in front of values that are not absolute."""

    def read(self, raw: Any) -> str:
        if raw.__class__ is str and _ORDINARY.fullmatch(raw):
            return raw
        text = plain_text(raw, "url").strip()
        if _WEB.match(text):
            return whole_url(text, raw)
        if _SCHEME.match(text):
            raise CellError(
                "cell.url-scheme", f"{quoted(raw)} is not an address of the web", "write an address with https://"
            )
        return self.relative(text, raw)

    def relative(self, text: str, raw: Any) -> str:
        if self.base is None or text.lower().startswith("www."):
            return self.no_base(text, raw)
        if text.startswith("//"):
            return whole_url(f"{self.base.split(':')[0]}:{text}", raw)
        return self.joined(text, self.base, raw)

    def joined(self, text: str, base: str, raw: Any) -> str:
        path = inner_path(text, raw)
        return whole_url(f"{base.rstrip('/')}/{path.lstrip('/').replace(' ', '%20')}", raw)

    def no_base(self, text: str, raw: Any) -> str:
        host = text.lstrip("/").split("/")[0]
        mend = (
            f"write https://{text.lstrip('/')}"
            if "." in host and (text.startswith("//") or host.lower().startswith("www."))
            else "write the whole address with https://, or set base in the mapping"
        )
        raise CellError("cell.url-relative", f"{quoted(raw)} is not a whole address", mend)


class PathOrUrl(Url):
    """An absolute http or https address, or the path of a file relative to the source's folder.

    >>> PathOrUrl().read("images/tea pot.jpg")
    'images/tea pot.jpg'

    Shape:  with ``base`` a path becomes an address; else it stays as written, and must not lead out of its folder.
    Raises: CellError, code url-path (control characters, ``..`` above the folder, backslashes), url-relative (only
            for ``www.…``, which is no path), and the others of Url.
    """

    kind: ClassVar[str] = "path_or_url"

    def no_base(self, text: str, raw: Any) -> str:
        if text.startswith("//") or text.lower().startswith("www."):
            return super().no_base(text, raw)
        return inner_path(text, raw)


class ImageUrl(PathOrUrl):
    """An image: an address, or a path relative to the source's folder.

    >>> ImageUrl().read("https://cdn.example/tea.jpg")
    'https://cdn.example/tea.jpg'

    Raises: CellError, as PathOrUrl.
    """

    kind: ClassVar[str] = "image_url"


def whole_url(text: str, raw: Any) -> str:
    """Check an address that begins with http:// or https://. Raises CellError."""
    if _UNSEEN.search(text):
        raise CellError(
            "cell.url-blank",
            f"{quoted(raw)} holds a blank or an invisible character",
            "write %20 for a blank; if these are several addresses, read the column as a list",
        )
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets that do not match, a port that is none
        sound = False
    if not sound or "\\" in text or "<" in text or ">" in text or '"' in text:
        raise CellError(
            "cell.url-format", f"{quoted(raw)} is not a web address", "write it like https://shop.example/page"
        )
    return text


def inner_path(text: str, raw: Any) -> str:
    """Check the path of a file that must stay in its folder. Raises CellError."""
    problem = ""
    if not text.isprintable() and any((not c.isprintable() and not c.isspace()) or c < " " for c in text):
        problem = "holds a control character"
    elif "\\" in text:
        problem = "has backslashes"
    elif ".." in text:
        depth = 0
        for step in text.split("/"):
            depth += -1 if step == ".." else step not in ("", ".")
            if depth < 0:
                problem = "leads out of the folder"
    if problem:
        raise CellError("cell.url-path", f"{quoted(raw)} {problem}", "write a path such as images/tea.jpg")
    return text
