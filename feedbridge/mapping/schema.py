"""The shape of a mapping file: which keys there are, what they may hold.

A mapping's fields are the fields of the canonical product, so their shape is read off the product
model: a field that is an object takes a block of fields, a list of objects a list of blocks, anything
else a *spec*: one column name, a list of aliases, or a block with ``from``, ``as``, ``default`` ….
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "SPEC_KEYS",
    "LookupSpec",
    "MappingFile",
    "MappingTest",
    "Overlay",
    "Parameter",
    "Recognise",
    "Records",
    "RegexSpec",
    "SourceSpec",
    "Spec",
    "Condition",
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


Names = Annotated[tuple[str, ...], Field(min_length=1)]
INLINE_FLAGS = re.compile(r"^\(\?[aiLmsux]+\)")


def regular(text: str) -> str:
    """A regular expression. Raises ValueError."""
    try:
        re.compile(text)
    except re.error as exc:
        raise ValueError(f'"{text}" is not a regular expression: {exc}') from exc
    return text


def word_of(value: Any) -> Any:
    """A YAML scalar as the text it stands for; anything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


class RegexSpec(Strict):
    """Take a part of the text, or rewrite it."""

    find: str
    """Regular expression (Python); the first group, or the whole match, is kept."""
    replace: str | None = None
    """Write this instead of every match (``\\1`` is the first group); the rest stays."""

    @field_validator("find")
    @classmethod
    def compiles(cls, find: str) -> str:
        return regular(find)

    @model_validator(mode="after")
    def groups_are_there(self) -> RegexSpec:
        if self.replace is not None:
            whole = INLINE_FLAGS.sub("", self.find)
            try:
                re.compile(f"(?:{whole})|").sub(self.replace, "")  # the empty match tries the replacement out
            except (re.error, IndexError) as exc:
                raise ValueError(f'replace "{self.replace}" does not fit: {exc}') from exc
        return self


class LookupSpec(Strict):
    """Exchange a value for another through a table."""

    table: dict[str, str | tuple[str, ...]] | None = None
    """The table itself. Where a field holds several values, one entry may stand for a list of them."""
    file: str | None = None
    """A CSV file (first column to second, or the columns named below) or YAML file beside the mapping."""
    key: str | None = None
    """The CSV file's column to look in."""
    value: str | None = None
    """The CSV file's column to take."""

    @field_validator("table", mode="before")
    @classmethod
    def as_texts(cls, value: Any) -> Any:
        """Numbers stand for their digits: ``{Shirts: 310}``."""
        if not isinstance(value, dict):
            return value
        return {key: tuple(map(word_of, v)) if isinstance(v, list | tuple) else word_of(v) for key, v in value.items()}

    missing: Literal["error", "warning", "keep", "empty"] = "error"
    """A value that is not in the table: hold the product back, leave the field out with a warning,
    keep the value as it is, or leave the field out in silence."""


class Condition(Strict):
    """True or false for a record, by one of its columns."""

    column: str
    is_: str | bool | tuple[str, ...] | None = Field(default=None, alias="is")
    """One text or several, compared without case and without blanks at the ends."""
    matches: str | None = None
    """A regular expression that is found in the text."""
    empty: bool | None = None

    @field_validator("matches")
    @classmethod
    def compiles(cls, matches: str | None) -> str | None:
        return None if matches is None else regular(matches)

    @field_validator("is_", mode="before")
    @classmethod
    def as_texts(cls, value: Any) -> Any:
        """Numbers and booleans as YAML reads them stand for their text: ``is: [no, 0]``."""
        if isinstance(value, list | tuple):
            return tuple(word_of(item) for item in value)
        return word_of(value)

    @model_validator(mode="after")
    def one_test(self) -> Condition:
        given = sum(test is not None for test in (self.is_, self.matches, self.empty))
        if given != 1:
            raise ValueError("give exactly one of is, matches, empty")
        return self


class Spec(BaseModel):
    """Where one field's value comes from and how it is read. Further keys are the reader's parameters."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, frozen=True)

    from_: Names | None = Field(default=None, alias="from")
    """Column (or path in a JSON document); of several aliases the first that is there."""
    first_filled: Names | None = None
    """Columns; in each record the first that is not empty."""
    all_: Names | None = Field(default=None, alias="all")
    """Columns that are all taken, in this order: a list, or one text with ``join``."""
    value: Any = None
    """A constant."""
    template: str | None = None
    """Text with columns in braces: ``{Handle}-{Option1 Value|slug}``; filters lower, upper, slug.
    Empty as soon as one of its columns is."""
    when: Condition | None = None
    then: Any = None
    """Spec used when ``when`` is true."""
    else_: Any = Field(default=None, alias="else")
    """Spec used when it is not."""
    as_: str | None = Field(default=None, alias="as")
    """What kind of cell it is: text, money, gtin …; each field has a kind of its own."""
    regex: RegexSpec | None = None
    replace: dict[str, str] | None = None
    """Texts to exchange inside the value, before it is read."""
    case: Literal["lower", "upper", "title"] | None = None
    strip_html: bool = False
    lookup: LookupSpec | None = None
    join: str | None = None
    """What to put between the columns of ``all``, or the items of a JSON list, to make one text."""
    default: Any = None
    """Used where the cell is empty; read like a cell."""
    required: bool = False
    """An empty value holds the product back."""
    optional: bool | None = None
    """True: the column may be missing from the file. Default: as ``columns`` says."""
    currency_from: Names | None = None
    """Column that holds the currency of this price."""


SPEC_KEYS = frozenset((info.alias or name) for name, info in Spec.model_fields.items())


class Parameter(Strict):
    """Something a file cannot say and the mapping asks for: ``--set currency=EUR``."""

    about: str = ""
    default: str | None = None


class Recognise(Strict):
    """Fingerprint for ``--mapping auto``. A name is a column, or for JSON a path; ``a | b`` is one or the other;
    a ``*`` stands for anything."""

    required: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


class SourceSpec(Strict):
    """How the file is to be opened; what is left out is found out."""

    format: Literal["csv", "json"] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    quoting: bool = True
    """False: quotes are ordinary characters."""
    header: bool = True
    """False: the file has no header row; columns are called ``column 1``, ``column 2`` …"""
    skip_lines: int = 0
    """Lines above the header."""
    items: str | None = None
    """JSON: path of the list of products, as ``_embedded.items``."""
    folder: str | None = None
    """Where relative paths in the file start, when not in the file's own folder."""


class ParentLink(Strict):
    """Variants name their parent by its key."""

    key: Names
    """Column of the variant that names the parent."""
    of: Names
    """Column of the parent that holds the name."""
    never_variant: Names | None = None
    """Columns that only parents fill: a record with one of them is never a variant itself."""
    orphans: Literal["hold", "group"] = "hold"
    """Variants whose parent is not in the source: held back, or grouped by the parent's name all the same."""


class Records(Strict):
    """What one record is, and how records become products."""

    one: Literal["product", "variant"] = "product"
    """One record is a product, or a variant (or an image) of one."""
    group_by: Names | None = None
    """Column that is equal in all records of a product; they may stand anywhere in the file.
    A record in which it is empty is a product of its own."""
    fill_down: bool = False
    """An empty ``group_by`` cell means: as in the record above."""
    variant_if: Names | None = None
    """A record is a variant when one of these columns is filled; else it only adds images.
    The first record of a product always is."""
    parent: ParentLink | None = None
    variants: str | None = None
    """JSON: path of the list of variants inside a product. ``^`` before a path leads back to the product."""
    shape: Literal["akeneo"] | None = None
    """JSON: how values are nested. ``akeneo``: lists of ``locale``, ``scope``, ``data``; mapped as ``values.<code>``."""
    locale: str | None = None
    """Akeneo: the locale whose values are taken."""
    scope: str | None = None
    """Akeneo: the channel whose values are taken."""
    no_option: dict[str, str] = Field(default_factory=dict)
    """Option name and value that mean "this product has no options": ``{Title: Default Title}``."""


class Overlay(Strict):
    """What is different for one platform."""

    settings: dict[str, Any] = Field(default_factory=dict)
    product: dict[str, Any] = Field(default_factory=dict)
    variant: dict[str, Any] = Field(default_factory=dict)


class MappingTest(Strict):
    """Records and what must become of them; ``feedbridge mapping test`` runs it offline."""

    name: str
    set: dict[str, str] = Field(default_factory=dict)
    """Parameters, as with ``--set``."""
    records: tuple[dict[str, Any], ...]
    """Records in file order; columns that are left out are empty."""
    products: tuple[dict[str, Any], ...] = ()
    """For each product in order: the fields that are compared (others may have any value)."""
    findings: tuple[str, ...] = ()
    """Codes of all findings, in order."""


class MappingFile(Strict):
    """A mapping file."""

    feedbridge: Literal[1]
    """Version of the mapping format."""
    name: str | None = None
    about: str = ""
    extends: str | None = None
    """Another mapping (preset name or file) that this one overrides field by field."""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    recognise: Recognise | None = None
    source: SourceSpec = SourceSpec()
    records: Records = Records()
    columns: Literal["required", "optional"] = "required"
    """Whether a column that is named here must be in the file. Presets that know several generations of
    a format say optional, and ``required: true`` where a missing one must stop the run."""
    fragments: dict[str, Any] = Field(default_factory=dict)
    """Named specs; ``use: NAME`` takes one, further keys override it."""
    product: dict[str, Any] = Field(default_factory=dict)
    """Canonical field -> spec."""
    variant: dict[str, Any] = Field(default_factory=dict)
    platforms: dict[str, Overlay] = Field(default_factory=dict)
    tests: tuple[MappingTest, ...] = ()
