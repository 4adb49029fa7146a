"""How records become products: one a product, variants by a repeated key, by a parent's name, or in an inner list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from feedbridge.mapping.suggest.assign import Assignment
from feedbridge.mapping.suggest.evidence import PROPOSE, votes
from feedbridge.mapping.suggest.sample import Column, InnerList, Sample

__all__ = ["Grammar", "inner_lists", "table_grammar"]

VARIANT_LISTS = frozenset(
    "variants variant variations variation skus children childs items articles articlevariants offers productvariants"
    " varianten varianti variantes declinaisons combinations warianty varianter varianty options_skus simples sizes"
    " productitems childproducts concreteproducts".split()
)
LOOSE_LISTS = frozenset("children childs items articles sizes offers".split())
"""Names that lists of anything have, too."""
IMAGE_LISTS = frozenset(
    "images image media pictures photos gallery assets bilder fotos imagenes immagini afbeeldingen mediagallery visuels"
    " zdjecia obrazky".split()
)


class Grammar(NamedTuple):
    """``mode``: flat, group, parent or inner. ``why``: the evidence, in sentences. ``open``: what a person must decide."""

    mode: str
    key: Column | None = None
    fill_down: bool = False
    variant_if: tuple[Column, ...] = ()
    inner: InnerList | None = None
    why: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    of: Column | None = None
    """The column that a parent's name is found in."""
    sku_is_key: bool = False
    varying: frozenset[int] = frozenset()
    """Index of the columns that differ inside products."""


def table_grammar(sample: Sample, found: Assignment) -> Grammar:
    """The grammar of a table or of flat documents."""
    sku = found.single["sku"].column if "sku" in found.single else None
    group = found.single["group"].column if "group" in found.single else None
    options = [pick.column for pick in found.options]
    if group is not None:
        keys = [column for column in sample.of() if column.unique and column.reference and column.strength("sku") > 0.5]
        for own in [*([sku] if sku is not None else []), *keys]:
            linked = parent_link(sample, group, own) if own is not group else None
            if linked is not None:
                return linked
        grammar = grouped(sample, found, group, options, sku)
        if grammar is not None:
            return grammar
        said = f'"{group.name}" is named like a group of variants, but no value of it is in two rows'
        if any(count > 1 for count in runs(group).values()):
            said = f'"{group.name}" comes again, but its rows have neither one title nor sizes or colours: not taken for variants'
        return Grammar("flat", open=(said,) if group.profile.filled and group.strength("group") > 0.9 else ())
    slug = found.single["slug"].column if "slug" in found.single else None
    if slug is not None and any(count > 1 for count in runs(slug).values()):
        grammar = grouped(sample, found, slug, options, sku)
        if grammar is not None:
            return grammar
    if sku is not None and options:
        repeated = [value for value, count in runs(sku).items() if count > 1]
        if repeated:
            grammar = grouped(sample, found, sku, options, sku)
            if grammar is not None:
                return grammar._replace(sku_is_key=True)
    opened = []
    title = found.single["title"].column if "title" in found.single else None
    if title is not None and options and any(count > 1 for count in runs(title).values()):
        differs = [column.name for column in options if varies(sample, title, column) > 0.5]
        if differs:
            opened.append(
                f'rows with the same "{title.name}" differ in {", ".join(differs[:3])}: they look like variants, but no column'
                " names their product; give it one and say records.group_by"
            )
    return Grammar("flat", open=tuple(opened))


def runs(column: Column) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in range(len(column.values)):
        text = column.text(row)
        if text:
            counts[text] = counts.get(text, 0) + 1
    return counts


def members(column: Column) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row in range(len(column.values)):
        text = column.text(row)
        if text:
            rows.setdefault(text, []).append(row)
    return rows


def varies(sample: Sample, key: Column, other: Column) -> float:
    """Share of the products of several rows in which a column has more than one value."""
    several = [rows for rows in members(key).values() if len(rows) > 1]
    if not several:
        return 0.0
    return sum(len({other.text(row) for row in rows} - {""}) > 1 for rows in several) / len(several)


def parent_link(sample: Sample, group: Column, sku: Column) -> Grammar | None:
    """Whether a column names the SKU of another row."""
    own = {sku.text(row) for row in range(len(sku.values))} - {""}
    pairs = [(group.text(row), sku.text(row)) for row in range(len(group.values)) if group.text(row)]
    named = {parent for parent, child in pairs if parent != child}
    if not named or len(pairs) < 1:
        return None
    there = sum(name in own for name in named) / len(named)
    children = [(parent, child) for parent, child in pairs if parent != child]
    if there < 0.8 and not (there >= 0.3 and not sample.whole):
        return None
    why = [
        f'"{group.name}" is filled in {len(children)} of {len(sku.values)} rows, and {there:.0%} of its values are the'
        f' "{sku.name}" of another row'
    ]
    opened = []
    if there < 1:
        missing = next(name for name in sorted(named) if name not in own)
        opened.append(
            f'some parents, such as "{missing}", have no row: their variants are held back'
            " (records.parent.orphans: group makes products of them)"
        )
    return Grammar("parent", key=group, of=sku, why=tuple(why), open=tuple(opened))


def grouped(
    sample: Sample, found: Assignment, key: Column, options: Sequence[Column], sku: Column | None
) -> Grammar | None:
    """Rows of one product by a column that comes again."""
    rows_of = members(key)
    total = len(key.values)
    blank = [row for row in range(total) if not key.text(row)]
    title = found.single["title"].column if "title" in found.single else None
    fill_down = False
    if blank and blank[0] > 0 and total:
        anchors = [title] if title is not None and title is not key else []
        bare = sum(all(not column.text(row) for column in anchors) for row in blank)
        has_more = sum(
            any(c.text(row) for c in (*options, *([sku] if sku is not None and sku is not key else [])))
            for row in blank
        )
        fill_down = bool(anchors) and bare >= 0.9 * len(blank) and has_more >= 0.5 * len(blank)
    if fill_down:
        joined: dict[str, list[int]] = {}
        above = ""
        for row in range(total):
            above = key.text(row) or above
            joined.setdefault(above, []).append(row)
        rows_of = joined
    several = [rows for rows in rows_of.values() if len(rows) > 1]
    if not several:
        return None

    def differing(column: Column) -> float:
        return sum(len({column.text(row) for row in rows} - {""}) > 1 for rows in several) / len(several)

    varying = frozenset(id(column) for column in sample.of() if column is not key and differing(column) > 0)
    differ = [column for column in options if column is not key and id(column) in varying]
    constant = title is None or title is key or differing(title) <= 0.2
    sku_varies = sku is not None and sku is not key and differing(sku) > 0.5
    if not differ and not (constant and (sku_varies or images_vary(found, varying))):
        return None
    if key is sku and not differ:
        return None
    why = [f'{len(several)} of {len(rows_of)} values of "{key.name}" are in several rows']
    if title is not None and title is not key and constant:
        why.append(f'"{title.name}" is the same within them')
    said = [column.name for column in ([sku] if sku_varies and sku is not None else []) + differ]
    if said:
        why.append("they differ in " + ", ".join(f'"{name}"' for name in said[:5]))
    opened = []
    if title is not None and title is not key and not constant:
        opened.append(f"\"{title.name}\" differs within products: the first row's is the product's title")
    if blank and not fill_down:
        why.append(f"{len(blank)} rows without it are products of their own")
    if fill_down:
        why.append(f"it is empty in {len(blank)} further rows of products: filled down")
    price = found.single["price"].column if "price" in found.single else None
    filled_if = [column for column in (sku if sku is not key else None, price) if column is not None]
    pictures = [pick.column for pick in found.images]
    bare_rows = [
        row for rows in several for row in rows[1:]
        if filled_if and all(not column.text(row) for column in filled_if) and any(column.text(row) for column in pictures)
    ]  # fmt: skip
    variant_if: tuple[Column, ...] = ()
    if bare_rows:
        variant_if = tuple(filled_if)
        why.append(f"{len(bare_rows)} rows only add pictures")
    return Grammar("group", key, fill_down, variant_if, why=tuple(why), open=tuple(opened), varying=varying)


def images_vary(found: Assignment, varying: frozenset[int]) -> bool:
    return any(id(pick.column) in varying for pick in found.images)


def inner_lists(sample: Sample) -> tuple[InnerList | None, list[InnerList]]:
    """The inner list of variants, and the lists of pictures."""
    best: tuple[float, InnerList] | None = None
    pictures = []
    for path, inner in sample.lists.items():
        if "[]" in path:
            continue
        last = "".join(sign for sign in inner.steps[-1].casefold() if sign.isalpha())
        columns = sample.of(path)
        fields = {found[0].field for column in columns if (found := votes(column)) and found[0].score >= PROPOSE}
        if last in IMAGE_LISTS or ("images" in fields and not fields & {"sku", "price", "gtin", "stock"}):
            if pictures_of(columns) is not None:
                pictures.append(inner)
            continue
        score = 1.0 * (last in VARIANT_LISTS)
        score += 0.6 * bool(fields & {"sku", "gtin"}) + 0.4 * bool(fields & {"price", "stock"})
        score += 0.3 * any(field.startswith("option:") for field in fields)
        sells = fields & {"price", "stock", "gtin"} or any(field.startswith("option:") for field in fields)
        named = last in VARIANT_LISTS and (last not in LOOSE_LISTS or sells)
        if score >= 1.0 and sells and (named or "sku" in fields) and (best is None or score > best[0]):
            best = (score, inner)
    return (best[1] if best else None), pictures


def pictures_of(columns: Sequence[Column]) -> Column | None:
    """The member of a list of pictures that holds the address."""
    fit = [column for column in columns if column.profile.share("image") > 0.5 or column.profile.share("url") > 0.8]
    return max(fit, key=lambda column: (column.profile.share("image"), column.profile.coverage)) if fit else None
