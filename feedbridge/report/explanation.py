"""An explanation of one product (docs/explain.md) for the person at the terminal, or as JSON. Goes to stdout: here it
is the data. Nothing a feed holds can act on the terminal; long values are cut unless all of them are asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TextIO

import msgspec

from feedbridge.findings import VALUE_CHARS, Severity
from feedbridge.report.terminal import STYLES, Paper, Span

__all__ = ["explanation_json", "render_explanation"]

STATE_STYLES = {"written": "bold green", "excluded": "bold yellow", "held back": "bold red"}
BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def explanation_json(told: Mapping[str, Any]) -> str:
    """One JSON object, complete and in ASCII; numbers of payloads with every digit."""
    return BEYOND_ASCII.sub(_escaped, _pretty(told)) + "\n"


def _pretty(value: Any) -> str:
    return msgspec.json.format(_encode(value), indent=2).decode()


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def render_explanation(
    told: Mapping[str, Any], stream: TextIO, *, full: bool = False, environment: Mapping[str, str] | None = None
) -> None:
    """Show every product of an explanation. ``full``: also what is long, and what is empty."""
    sheet = _Sheet(Paper(stream, None, environment), full)
    for number, product in enumerate(told["products"]):
        if number:
            sheet.line(("", ""))
        sheet.product(product)


class _Sheet:
    def __init__(self, paper: Paper, full: bool) -> None:
        self.paper = paper
        self.full = full
        self.file = ""
        """The file of the product at hand: named once."""

    def line(self, *spans: Span) -> None:
        self.paper.line(*spans)

    def heading(self, text: str) -> None:
        self.line(("", ""))
        self.line((text, "bold"))

    def text(self, value: Any) -> str:
        """A value on one line."""
        if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
            whole = f"{value['amount']} {value['currency']}"
        elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            whole = ", ".join(value)
        elif isinstance(value, list) and value and all(isinstance(item, list) for item in value):
            whole = "; ".join(" > ".join(map(str, item)) for item in value)
        elif isinstance(value, str):
            whole = value
        else:
            whole = _encode(value).decode()
        return self.short(whole)

    def short(self, text: str) -> str:
        if self.full or len(text) <= VALUE_CHARS:
            return text
        return f"{text[: VALUE_CHARS - 1]}… ({len(text):,} characters)"

    def product(self, told: Mapping[str, Any]) -> None:
        name = told["sku"] or told["group_key"] or "a product without SKU"
        records = len(told["records"])
        found = " and ".join(told["found_by"])
        self.file = told["file"]
        self.line(
            (name, "bold cyan"),
            (f"  {self.place(told)}, {records} {'record' if records == 1 else 'records'}, found by {found}", ""),
        )
        self.line((f"mapping {told['mapping']['name']}: {', '.join(told['mapping']['files'])}", "dim"))
        self.heading("source")
        for record in told["records"]:
            self.record(record)
        self.heading("fields")
        for field in told["fields"]:
            self.field(field)
        if not told["fields"]:
            self.line(("  none: a record of the product could not be read", ""))
        if told["findings"]:
            self.heading("findings that hold nothing back on these platforms" if told["platforms"] else "findings")
            for finding in told["findings"]:
                self.finding(finding)
        for platform, about in told["platforms"].items():
            self.platform(platform, about)
        self.unused(told["unused"])

    @staticmethod
    def place(told: Mapping[str, Any]) -> str:
        pointer = f" {told['pointer']}" if told.get("pointer") else ""
        return f"{told['file']}:{told['line']}{pointer}" if told["line"] else f"{told['file']}{pointer}"

    def record(self, record: Mapping[str, Any]) -> None:
        part = f"  belongs to line {record['belongs_to_line']}" if "belongs_to_line" in record else ""
        part += f"  further file {record['further']}" if "further" in record else ""
        self.line((f"  {self.place(record)}", "cyan"), (part, ""))
        if "problem" in record:
            self.finding(record["problem"], "    ")
        if "text" in record:
            self.line(("    could not be read: ", "bold red"), (self.short(record["text"]), ""))
            return
        empty = []
        for cell in record["cells"]:
            if not self.full and cell["value"] in ("", None):
                empty.append(cell["column"])
                continue
            used = ", ".join(cell["used_by"])
            self.line(
                (f"    {cell['column'] or '(no name)'}: ", "" if used else "dim"),
                (self.text(cell["value"]), "" if used else "dim"),
                (f"  -> {used}" if used else "  (unused)", "green" if used else "yellow"),
            )
        if empty:
            self.line((f"    empty: {self.short(', '.join(empty))}", "dim"))

    def field(self, field: Mapping[str, Any], indent: str = "  ") -> None:
        value = "-" if field["value"] is None else self.text(field["value"])
        self.line((f"{indent}{field['field']}: ", "bold"), (value, ""), (f"  <- {self.source(field)}", "dim"))

    def source(self, field: Mapping[str, Any]) -> str:
        if "layer" not in field:
            return str(field["note"])
        origin = field["origin"]
        parts = []
        if origin == "constant":
            parts.append("constant")
        elif field.get("column"):
            place = f'{self.beside(field)}"{field["column"]}"'
            parts.append(f"{place} is empty: default" if origin == "default" else place)
            raw = field.get("raw")
            value = self.text(field["value"])
            if raw not in (None, "") and self.text(raw) not in (value, value.rpartition(" ")[0]):
                parts.append(f"written {self.text(raw)}")
        elif origin == "default":
            parts.append("default: the source has no such column")
        if field.get("when"):
            parts.append(
                " and ".join(
                    f'since "{one["column"]}" is {self.text(one["value"]) or "empty"}' for one in field["when"]
                )
            )
        if field.get("currency_column"):
            parts.append(f'currency "{field["currency_column"]}"')
        if field.get("note"):
            parts.append(field["note"])
        kind = f"read as {field['kind']}" if field.get("kind") else ""
        steps = f"{kind} after {', '.join(field['steps'])}" if field.get("steps") else kind
        return "; ".join(part for part in [*parts, steps, field["layer"]] if part)

    def beside(self, told: Mapping[str, Any]) -> str:
        """A record of the product, as short as it is clear."""
        file = f"{told['file']}:" if told["file"] != self.file else "line " if told["line"] else ""
        line = str(told["line"]) if told["line"] else ""
        place = f"{file}{line} {told.get('pointer', '')}".strip()
        return f"{place}, " if place else ""

    def finding(self, finding: Mapping[str, Any], indent: str = "  ") -> None:
        severity = Severity(finding["severity"])
        place = f"{finding['file']}:{finding['line']}" if finding.get("line") else finding.get("file", "")
        if finding.get("column"):
            place += f', column "{finding["column"]}"'
        if finding.get("sku"):
            place += f", SKU {finding['sku']}"
        self.line(
            (f"{indent}{severity.value}: ", STYLES[severity]),
            (f"{place}: ", "cyan"),
            (self.short(finding["message"]), ""),
            (f" [{finding['code']}]", "dim"),
        )
        if finding.get("mend"):
            self.line((f"{indent}  mend: ", "green"), (finding["mend"], ""))

    def platform(self, name: str, told: Mapping[str, Any]) -> None:
        self.line(("", ""))
        kind = f" ({told['excluded']})" if told.get("excluded") else ""
        self.line((f"{name}: ", "bold"), (told["state"] + kind, STATE_STYLES[told["state"]]))
        for finding in told["findings"]:
            self.finding(finding)
        if told["elsewhere"]:
            self.line(("  about the same keys elsewhere:", "bold"))
            for finding in told["elsewhere"]:
                self.finding(finding, "    ")
        if told.get("fields"):
            self.line(("  fields that the overlay makes otherwise:", "bold"))
            for field in told["fields"]:
                self.field(field, "    ")
        if "folder" in told:
            self.line((f"  folder: {told['folder']}", ""))
        for use in told.get("files", ()):
            self.line((f"  file: {use['source']} -> {use['target']}", ""))
        if "payload" in told:
            self.line(("  payload:", "bold"))
            shown = told["payload"] if self.full else self.shortened(told["payload"])
            for row in _pretty(shown).split("\n"):
                self.line((f"    {row}", ""))

    def shortened(self, value: Any) -> Any:
        """A payload with its long texts cut."""
        if isinstance(value, str):
            return self.short(value)
        if isinstance(value, dict):
            return {key: self.shortened(item) for key, item in value.items()}
        return [self.shortened(item) for item in value] if isinstance(value, list) else value

    def unused(self, columns: list[Mapping[str, Any]]) -> None:
        self.heading("columns that no mapping used" if columns else "every column is used")
        empty = []
        for column in columns:
            name = column["column"] or "(no name)"
            if not column["values"]:
                empty.append(name)
                continue
            values: dict[str, list[str]] = {}
            for one in column["values"]:
                values.setdefault(self.text(one["value"]), []).append(str(one["line"]))
            said = "; ".join(
                f"{value} (line {', '.join(lines[:5])}{' …' if len(lines) > 5 else ''})"
                for value, lines in values.items()
            )
            self.line((f"  {name}: ", "yellow"), (self.short(said), ""))
        if empty:
            self.line((f"  empty here: {self.short(', '.join(empty))}", "dim"))
