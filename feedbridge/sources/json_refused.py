"""Documents that are held back: what is wrong with them, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import MEMBER, BadDocument, still_twice
from feedbridge.sources.json_parse import Fault, dotted

__all__ = ["Refusals"]


class Refusals:
    """Makes the BadDocuments of one source.

    ``path``     of the list of records in a page, for the message
    ``by_line``  each record is one line, so that a place is a column; else it is a line
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.path: tuple[str, ...] | None = None
        self.by_line = False

    def fault(self, fault: Fault, text: str, line: int, pointer: str = "") -> BadDocument:
        """A document that begins at ``line`` and cannot be read."""
        place = ""
        if fault.at is not None:
            place = f"column {fault.at + 1}" if self.by_line else f"line {line + text.count(chr(10), 0, fault.at)}"
        if fault.code == "json.broken":
            code, message = "json.broken-line", f"the line is broken at {place}: {fault.message}"
        else:
            code, message = fault.code, f"{fault.message} ({place})" if place else fault.message
        return self._bad(code, message, fault.mend, text, line, pointer)

    def not_an_object(self, value: Any, text: str, line: int, pointer: str) -> BadDocument:
        """A list, text or number where a product belongs."""
        kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        kind = kinds.get(type(value), "a number")
        message = f"a product must be an object {{...}}, this is {kind}"
        return self._bad("json.not-an-object", message, "take it out of the list", text, line, pointer)

    def no_items(self, line: int, text: str, pointer: str = "") -> BadDocument:
        """A page without its list of records."""
        message = f'this page has no list "{dotted(self.path)}"; is it an error answer?'
        return self._bad("json.page-without-items", message, "fetch the page again", text, line, pointer)

    def taken_back(self, document: dict[str, Any], line: int, pointer: str = "") -> dict[str, Any]:
        """A record of a quarantine file without the member that says why it was held back. One that could not be read
        then, and to which nobody has given members since, is refused again with its own text."""
        why = document.get(MEMBER)
        if not isinstance(why, dict) or not {"line", "code"} <= why.keys():
            return document
        raw = why.get("raw")
        sku = still_twice(str(why.get("problem", "")), texts_in(document, MEMBER))
        if sku:
            return self._bad(
                "source.unmended", f"it was held back before and is not mended yet: {cut(why['problem'])}",
                f'another product has the SKU "{sku}": give this one its own, or take the line out', "", line, pointer, document,
            )  # fmt: skip
        if len(document) > 1 or not isinstance(raw, str):
            del document[MEMBER]
            return document
        return self._bad(
            "source.unmended", f"it was held back before and is not mended yet: {cut(why.get('problem', ''))}",
            f"write the product into this line, in place of {MEMBER}.raw - or take the line out", raw, line, pointer,
        )  # fmt: skip

    def _bad(
        self, code: str, message: str, mend: str, text: str, line: int, pointer: str, members: dict[str, Any] | None = None
    ) -> BadDocument:
        bad = BadDocument(members or {})
        bad.raw = text
        bad.finding = Finding(
            code=code, severity=Severity.ERROR, file=self.name, line=line, pointer=pointer, message=message, mend=mend,
            value=cut(text),
        )  # fmt: skip
        return bad


def texts_in(node: Any, leave_out: str = "") -> Iterator[str]:
    """Every text inside a document, save those of one member."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for name, value in node.items():
            if name != leave_out:
                yield from texts_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts_in(value)
