"""The shape of a mapping file: which keys there are, what they may hold.

A mapping's fields are the fields of the canonical product, so their shape is read off the product
model: a field that is an object takes a block of fields, a list of objects a list of blocks, anything
else a *spec*: one column name, a list of aliases, or a block with ``from``, ``as``, ``default`` ….
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.shapes import shape_names

__all__ = [
    "SPEC_KEYS",
    "LookupSpec",
    "MappingFile",
    "MappingTest",
    "Overlay",
    "Caution",
    "Parameter",
    "Recognise",
    "Records",
    "RegexSpec",
    "SourceSpec",
    "Spec",
    "Condition",
    "Children",
    "Continued",
    "FileSpec",
    "Fingerprint",
    "Layers",
    "OtherNames",
    "Packed",
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


Names = Annotated[tuple[str, ...], Field(min_length=1)]
CATALOGUE = re.compile(r"[a-z0-9]+\.[a-z_]+")
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
    pairs: str | None = None
    """The table as one text, as a parameter can give it: ``german=de_DE,french=fr_FR``."""
    file: str | None = None
    """A CSV file (first column to second, or the columns named below) or YAML file beside the mapping."""
    catalogue: Annotated[Any, WithJsonSchema({"type": "string", "pattern": r"^[a-z0-9]+\.[a-z_]+$"})] = None
    """Things of a shop by their titles: ``flickrocket.prices``. The shop is asked, or ``file`` names what was exported
    of it. In a run, what the name stands for takes its place (lookup.Catalogue)."""
    given: str | None = None
    """A further file of ``files:`` that is a ``table``. When it is not given, values stay as they are."""
    key: str | None = None
    """The file's column to look in."""
    value: str | tuple[str, ...] | None = None
    """The file's column to take; of a given file also several, joined with commas."""
    where: dict[str, str] = Field(default_factory=dict)
    """Of a given file: only rows with these values in these columns (``{attribute: color}``)."""
    parent: str | None = None
    """Of a given file: its column that names the row above. The answer is then the whole path from the root down."""

    @field_validator("table", mode="before")
    @classmethod
    def as_texts(cls, value: Any) -> Any:
        """Numbers stand for their digits: ``{Shirts: 310}``."""
        if not isinstance(value, dict):
            return value
        return {key: tuple(map(word_of, v)) if isinstance(v, list | tuple) else word_of(v) for key, v in value.items()}

    @field_validator("catalogue")
    @classmethod
    def names_a_catalogue(cls, value: Any) -> Any:
        if isinstance(value, str) and not CATALOGUE.fullmatch(value):
            raise ValueError(f'"{value}" is no catalogue: write a platform and what it has, as flickrocket.prices')
        if isinstance(value, bool | int | float | list | dict):
            raise ValueError("a catalogue is a name, as flickrocket.prices")
        return value

    @model_validator(mode="after")
    def one_value(self) -> LookupSpec:
        if self.catalogue is not None and not (self.table is self.pairs is self.given is None):
            raise ValueError("beside catalogue only file, key, value and missing may stand")
        if self.given is None and (isinstance(self.value, tuple) or self.where or self.parent):
            raise ValueError("several values, where and parent are for given files")
        return self

    missing: Literal["error", "warning", "once", "keep", "empty"] = "error"
    """A value that is not in the table: hold the product back, leave the field out with a warning (``once``: one for
    the whole run), keep the value as it is, or leave the field out in silence."""


class Condition(Strict):
    """True or false for a record, by one of its columns."""

    column: Names
    """A column; of several aliases the first that is there."""

    @field_validator("column", mode="before")
    @classmethod
    def one_is_a_list(cls, column: Any) -> Any:
        return (column,) if isinstance(column, str) else column

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
    currency_find: str | None = None
    """With ``currency_from``: where the currency stands in that column's text, as an expression with one group
    (``\\[([A-Z]{3})\\]`` of ``All Websites [USD]``); a text in which it is not found says none."""
    currency_only: bool = False
    """With ``currency_from``: a price in another currency than ``currency`` is an error."""
    unit_from: Names | None = None
    """Column that holds the unit of this weight or length."""
    item: dict[str, str] | None = None
    """Of a list of objects the one whose member equals this column of the record: ``{sku: sku}``."""
    without: tuple[str, ...] = ()
    """Members of the object that are left out."""
    labels: str | None = None
    """Column with an object that gives the members their names: ``{color: Colour}``."""
    named_by: str | None = None
    """Of a value by name (an attribute): column that holds the name, instead of the key; without one there is no value."""
    columns_named: str | None = None
    """Column with a list of column names (in a cell with commas, or as ``as: list`` with a ``separator`` reads it): the
    value is an object of those columns of the record."""
    values_lookup: LookupSpec | None = None
    """With ``columns_named``: a table for those columns' values; ``${name}`` in it is the column's name."""
    words: str | None = None
    """A comma list; column names with ``${word}`` in them are meant once for each word."""
    inside: str | None = None
    """With ``columns_named``, in a document: path of the object whose members are named."""
    columns_like: str | None = None
    """Columns whose names have this form, ``* (variant attribute)``: the value is an object of them, each called by
    what the ``*`` stands for."""
    unescape: Literal["newlines"] | None = None
    """``newlines``: the two characters ``\\n`` stand for a line break, a doubled ``\\\\n`` for themselves."""
    varies: bool = False
    """Records of one product may say different things here: the first one's is used without a word."""
    common: bool = False
    """Of the texts of a product's records the words that all of them have (``Tee`` of ``Tee S`` and ``Tee M``); the
    first one's where there are none."""


SPEC_KEYS = frozenset((info.alias or name) for name, info in Spec.model_fields.items())


class Parameter(Strict):
    """Something a file cannot say and the mapping asks for: ``--set currency=EUR``."""

    about: str = ""
    default: str | None = None
    optional: bool = False
    """A currency that is not given is not asked for: the prices may say it themselves."""
    asked_by: str | None = None
    """A column: where it is filled in some row, the parameter must be given (it may be given empty), or what
    ``unless`` names must be there."""
    unless: tuple[str, ...] = ()
    """Columns and further files (``@options``) of which one makes ``asked_by`` needless."""
    in_columns: str | None = None
    """A regular expression; what its group finds in the names of a table's columns is what the parameter may be. When
    there is something, and the parameter is not given or is something else, the run stops and says what there is."""

    @field_validator("in_columns")
    @classmethod
    def compiles(cls, in_columns: str | None) -> str | None:
        return None if in_columns is None else regular(in_columns)


class Fingerprint(Strict):
    """The names by which a format is known. A name is a column, or for JSON a path; ``a | b`` is one or the other;
    a ``*`` stands for anything; after ``~`` stands a regular expression that is found in a name exactly as it is
    written. ``^products`` is the list of a JSON document that the records lie in."""

    name: str = ""
    """How the candidates' list calls it: ``generation 2``."""
    required: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    """XML: namespaces that the document must use."""

    @field_validator("required", "strong", "never")
    @classmethod
    def expressions_compile(cls, anchors: tuple[str, ...]) -> tuple[str, ...]:
        for anchor in anchors:
            for one in [anchor] if anchor.startswith("~") else anchor.split("|"):
                if one.strip().startswith("~"):
                    regular(one.strip()[1:])
        return anchors


class Recognise(Fingerprint):
    """Fingerprint for ``--mapping auto``."""

    alternatives: tuple[Fingerprint, ...] = ()
    """Other fingerprints of the same format (its generations, its files), each complete in itself, as is what stands
    beside them; the best one counts."""
    loose: bool = False
    """Blanks, underscores and hyphens are one, and a ``g:`` in front is nothing: ``Image Link`` is ``g:image_link``."""
    fallback: bool = False
    """A general mapping: it counts only where no other preset is accepted."""


class SourceSpec(Strict):
    """How the file is to be opened; what is left out is found out."""

    format: Literal["csv", "json", "excel", "parquet", "xml"] | None = None
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
    """JSON: path of the list of products, as ``_embedded.items``. XML: path of the element of a product."""
    sheet: str | None = None
    """Excel: name of the sheet; the first that has rows when left out."""
    folder: str | None = None
    """Where relative paths in the file start, when not in the file's own folder."""
    partial: bool = False
    """The file holds what has changed only: a sync never takes what it lacks for gone (as ``reconcile: partial``)."""


class OtherNames(Strict):
    """What the columns of a table may be called instead of the names that stand in this mapping."""

    loose: bool = False
    """Blanks, underscores and hyphens are one, and a ``g:`` in front is nothing: ``Image Link`` is ``g:image_link``."""
    also: dict[str, Names] = Field(default_factory=dict)
    """A name and its other names, as in other languages: ``{Regular price: Preis | Prix normal}``. ``#`` stands for a
    number, ``*`` for anything: ``{"Attribute # name": "Attribut # Name", Weight (*): Gewicht (*)}``."""

    @field_validator("also", mode="before")
    @classmethod
    def as_lists(cls, value: Any) -> Any:
        """One text with bars is a list: ``Preis | Prix``."""
        if not isinstance(value, dict):
            return value
        return {k: [part.strip() for part in v.split("|")] if isinstance(v, str) else v for k, v in value.items()}

    @model_validator(mode="after")
    def numbers_are_in_both(self) -> OtherNames:
        for name, others in self.also.items():
            wrong = [other for other in others if ("#" in other) != ("#" in name)]
            if wrong:
                raise ValueError(f'"{name}" and "{wrong[0]}" must both have a #, or neither')
        return self


class Packed(Strict):
    """How a cell holds several values. Its members are then paths: ``additional_attributes.color``."""

    pairs: str | None = None
    """What stands between pairs: ``color=Red,size=M``. A value goes on until the next ``name=``; in double quotes it
    may hold anything (a quote inside is doubled)."""
    assign: str = "="
    groups: str | None = None
    """What stands between several such objects: the cell is a list of them."""
    gather: str | None = None
    """Objects with the same value of this member become one, with all of them as its ``values``."""
    value: str | None = None
    """With ``gather``: only objects with this member are values."""
    json_: bool = Field(default=False, alias="json")
    """The cell is a JSON text."""

    @model_validator(mode="after")
    def one_way(self) -> Packed:
        if self.json_ == (self.pairs is not None):
            raise ValueError("give either pairs or json")
        if (self.gather and not self.groups) or (self.groups and not self.pairs) or (self.value and not self.gather):
            raise ValueError("value needs gather, gather needs groups, and groups needs pairs")
        return self


class FileSpec(Strict):
    """A further file that may be given with the main one: its rows are records, too, or belong to the main file's."""

    about: str = ""
    has: Names
    """Columns by which the file is known: ``a | b`` is one or the other, ``*`` anything."""
    lacks: tuple[str, ...] = ()
    """Columns that it does not have, and a main file has."""
    rows: bool = False
    """Its rows are records like the main file's."""
    key: str | None = None
    """Column that names the record a row belongs to; the rows are then the list ``@<name of the file>`` of it."""
    of: Names | None = None
    """Column of the main file that holds the name."""
    table: bool = False
    """Values are looked up in it: ``lookup: {given: <name of the file>, key: code, value: label}``."""

    @model_validator(mode="after")
    def one_use(self) -> FileSpec:
        if self.rows + self.table + (self.key is not None) != 1 or (self.key is None) != (self.of is None):
            raise ValueError("give either rows: true, or table: true, or key and of")
        return self


class Layers(Strict):
    """Rows that say the same record in another language (or for another store): the list ``@layers`` of it."""

    by: str
    """Column of the language or store."""
    of: Names
    """Column that is equal in all rows of a record."""
    base: str = ""
    """What the record's own row has in ``by``. Where it is known to be empty, a record without such a row is held back;
    where it is a parameter, its first row is its own."""
    own: Names | None = None
    """Columns that the row of ``base`` says for the record, as a price in its currency; all else is its first row's."""
    only: dict[str, str] = Field(default_factory=dict)
    """Columns and what they must hold for a row to be used at all (``{channel: web}``)."""


class Continued(Strict):
    """Rows with an empty key go on with the record above: they add values to some columns."""

    key: str
    columns: tuple[str, ...] = ()
    """Columns whose values are joined, with a line break between them."""
    lists: dict[str, str] = Field(default_factory=dict)
    """Lists that the rows make: ``{custom_options: _option_title}`` is ``@custom_options`` of a record, an item beginning
    where that column is filled; ``@rows`` are the rows of a record, and of an item, one by one."""


class Children(Strict):
    """A parent names its variants in a cell."""

    names: str
    """Path of their names: ``configurable_variations[].sku``, or a column with a list."""
    of: Names
    """Column of the variant that holds its name."""
    separator: str = ","
    """What stands between the names of a list."""
    when: Condition | None = None
    """Only records for which this holds name variants: ``{column: _type, is: VARIABLE-PRODUCT}``."""
    never_variant_if: Condition | None = None
    """A record for which this holds is never a variant itself: ``{column: type, is: configurable}``."""


class ParentLink(Strict):
    """Variants name their parent by its key."""

    key: Names
    """Column of the variant that names the parent."""
    of: Names
    """Column of the parent that holds the name; a template (``id:{ID}``) is another form of the name."""
    never_variant: Names | None = None
    """Columns that only parents fill: a record with one of them is never a variant itself."""
    never_variant_if: Condition | None = None
    """The same by a condition: ``{column: Type, matches: variable}``."""
    always_variant_if: Condition | None = None
    """A record for which this holds is a variant: held back where it names no parent, and never a product of its own."""
    orphans: Literal["hold", "group"] = "hold"
    """Variants whose parent is not in the source: held back, or grouped by the parent's name all the same."""
    inherit: bool | Names = False
    """``true``: what a variant leaves empty (of a document its ``values``) it has from the records between it and the
    product, not from the product; what the product's own record leaves empty it has from those, or from its variants.
    JSON, a list: members that hold objects (``values``) of which a variant has what it does not say itself from its
    parent, through all levels; ``values_by_locale.*``: each of that object's own objects."""


class Records(Strict):
    """What one record is, and how records become products."""

    one: Literal["product", "variant"] = "product"
    """One record is a product, or a variant (or an image) of one."""
    group_by: Names | None = None
    """Column that is equal in all records of a product; they may stand anywhere in the file.
    A record in which it is empty is a product of its own."""
    fill_down: bool | Literal["expected"] = False
    """An empty ``group_by`` cell means: as in the record above; ``expected``: and that is not worth a word."""
    starts: Condition | None = None
    """A record for which this holds begins a product; the records below belong to it until the next one."""
    parent_row: bool = False
    """The first record of a product is the product itself; a variant only when there is no other."""
    variant_if: Names | None = None
    """A record is a variant when one of these columns is filled; else it only adds images.
    The first record of a product always is."""
    variant_when: Condition | None = None
    """The same by a condition: ``{column: Item Type, is: SKU}``."""
    parent: ParentLink | None = None
    children: Children | None = None
    layers: Layers | None = None
    continued: Continued | None = None
    variants: str | None = None
    """JSON: path of the list of variants inside a product. ``^`` before a path leads back to the product."""
    may_end_after: str | None = None
    """Column behind which a row may end: that cells are missing there is not worth a word."""
    formula_guard: bool = False
    """The exporter puts an apostrophe before cells that begin with ``= + - @``: it is taken off."""
    shape: Annotated[str, Field(json_schema_extra={"enum": list(shape_names())})] | None = None
    """JSON: how values are nested, by the system that exports them (``akeneo``, ``unopim``, ``salsify`` …); they are
    mapped as ``values.<code>``."""
    locale: str | None = None
    """With ``shape``: the locale whose values are taken."""
    scope: str | None = None
    """With ``shape``: the channel whose values are taken."""
    differing_options: bool = False
    """An option in which the variants of a product do not differ is none."""
    version_option: str | None = None
    """With ``differing_options``: name of the option that their titles are, where nothing else tells variants apart."""
    no_option: dict[str, str] = Field(default_factory=dict)
    """Option name and value that mean "this product has no options": ``{Title: Default Title}``."""

    @field_validator("shape")
    @classmethod
    def is_a_shape(cls, shape: str | None) -> str | None:
        if shape is not None and shape not in shape_names():
            near = nearest(shape, shape_names())
            mend = f"did you mean {near}?" if near else f"there are {', '.join(shape_names())}"
            raise ValueError(f"there is no shape {shape}; {mend}")
        return shape


class Overlay(Strict):
    """What is different for one platform."""

    settings: dict[str, Any] = Field(default_factory=dict)
    product: dict[str, Any] = Field(default_factory=dict)
    variant: dict[str, Any] = Field(default_factory=dict)


class Caution(Strict):
    """What the mapping cannot do for some records: one warning a run, with their number and the first of them. A
    caution whose column the file lacks is nothing."""

    when: tuple[Condition, ...] = ()
    """A condition, or several that all hold: ``{column: special_price, empty: false}``."""
    any_: tuple[Condition, ...] = Field(default=(), alias="any")
    """Beside them: conditions of which one is enough."""
    say: str
    """What happens to such records. Before it stands their number; where the first condition is ``is`` with several
    texts, also how many of each."""
    mend: str = ""
    """What to do about it."""

    @field_validator("when", "any_", mode="before")
    @classmethod
    def one_is_a_list(cls, given: Any) -> Any:
        return (given,) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def some_condition(self) -> Caution:
        if not self.when and not self.any_:
            raise ValueError("give when, or any")
        return self


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
    names: OtherNames = OtherNames()
    packed: dict[str, Packed] = Field(default_factory=dict)
    """Columns whose cells hold several values."""
    files: dict[str, FileSpec] = Field(default_factory=dict)
    """Further files that may be given with the main one."""
    columns: Literal["required", "optional"] = "required"
    """Whether a column that is named here must be in the file. Presets that know several generations of
    a format say optional, and ``required: true`` where a missing one must stop the run."""
    fragments: dict[str, Any] = Field(default_factory=dict)
    """Named specs; ``use: NAME`` takes one, further keys override it."""
    product: dict[str, Any] = Field(default_factory=dict)
    """Canonical field -> spec."""
    variant: dict[str, Any] = Field(default_factory=dict)
    platforms: dict[str, Overlay] = Field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()
    """What is said once a run of records that the mapping cannot do justice to."""
    tests: tuple[MappingTest, ...] = ()
