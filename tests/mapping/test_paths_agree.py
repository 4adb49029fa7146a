"""The law of the mapping room: whatever stands in a file, the quick path makes the precise path's product, or none.

Mappings here use every word there is, and cells hold what shops' files hold. ``tried_group`` has the assertions.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.findings import Finding, Severity
from feedbridge.mapping.apply import Applied
from feedbridge.sources.base import BadCells
from tests.mapping.trial import Documents, Rows, Trial, applied, tried, tried_all

PRODUCT = """
  title: Title
  description: {from: Body, as: html}
  short_description: {from: Short, strip_html: true, case: upper}
  brand: {first_filled: [Brand, Maker], default: Acme}
  product_type: {from: Type, regex: {find: '(\\w+)'}, replace: {x: y}}
  slug: {template: '{Handle|slug}-{Brand|lower}'}
  seo_title: {all: [Title, Brand], join: ' | '}
  tags: {from: Tags, lookup: {table: {red: rot}, missing: keep}}
  categories: {from: Cats, as: category_paths, separator: '>', list_separator: ';'}
  locale: Locale
  status: {when: {column: Old, matches: '(?i)^y'}, then: {value: archived}, else: {from: Status}}
  url: Url
  quantity_min: Min
  quantity_max: {from: Max, default: 99}
  length_mm: {from: Length, unit: mm, decimal: '.'}
  width_mm: {from: Width, as: decimal, decimal: ','}
  ids: {magento: Mid}
  category_ids: {magento: {from: Cids, separator: '|'}}
  attributes: {material: Material, heavy: {from: Heavy, as: boolean}, n: {from: Min, as: integer}}
  translations: {de: {title: De, description: DeBody}}
  images:
    - {src: {from: Img, as: list, separator: '|'}, alt: Alt, position: Pos, locale: Locale}
    - Img2
  content: [{src: File, role: Role}]
  tier_prices:
    - {quantity: TierQ, price: {from: TierP, currency: EUR, decimal: '.'}, percent_off: {from: Pct, decimal: '.'}}
  custom_options:
    - {title: OptTitle, kind: OptKind, price: {from: OptPrice, decimal: '.'}, values: [{title: OptV, sku: Mid}]}
  presentation: {element: {value: button}, area: {tooltip: Tip, opacity: {from: Pct, decimal: '.'}}, link: {url: Url}}
  personalisation: {instructions: Tip, flat_fee: {from: OptPrice, decimal: '.'}}
  digital:
    medium: Medium
    drm: Heavy
    themes: {from: Themes, separator: '|'}
    licences: [{license_id: Min, hd: Heavy}]
"""
OFFER = """
  gtin: Gtin
  mpn: Mpn
  price: {from: Price, currency: EUR, decimal: '.', currency_from: Currency}
  compare_at_price: {from: Compare, currency: EUR, decimal: '.'}
  cost: {from: Cost, decimal: ',', currency: EUR}
  prices: [{from: Usd, currency: USD, decimal: '.'}]
  stock: {from: Stock, decimal: '.'}
  weight_grams: {from: Weight, unit: kg, decimal: ','}
"""
FLAT = f"product:\n  sku: {{from: Handle, required: true}}{PRODUCT}{OFFER}"
TEXTUAL = """
product:
  sku: {from: Handle, as: text}
  title: Title
  gtin: {from: Gtin, as: identifier}
  mpn: {from: Mpn, as: url}
"""
ROWS = f"""
records:
  {{one: variant, group_by: Handle, fill_down: true, variant_if: [Sku, Price, Size], no_option: {{Title: Default}}}}
product:
  sku: Handle{PRODUCT}
variant:
  sku: Sku
  image: VImg
  status: VStatus
  attributes: {{own: Own}}{OFFER}
  options:
    - {{name: SizeName, value: Size}}
    - {{name: {{value: Colour}}, value: {{from: Colour, lookup: {{table: {{red: Rot}}, missing: keep}}}}}}
    - {{from: More, as: option_list}}
"""
FAMILY = ROWS.replace(
    "group_by: Handle, fill_down: true, variant_if: [Sku, Price, Size]",
    "parent: {key: Parent, of: [Handle], never_variant: Short, orphans: group}",
).replace("  sku: Sku\n", "  sku: Handle\n")

ODD_PRICES = ["1,299.50", "1.299,50", "1.234", "€5", "5 EUR", "-1", "0", "USD 5", "1e3", "5.", "12,5"]
ODD_GTINS = ["4-006381-333931", "4006381333932", "40063813339", "4.00638E+12", "000", "٤٠٠٦٣٨١٣"]
GTINS = ["4006381333931", "96385074"]
POOLS: dict[str, tuple[list[str], list[str]]] = {
    "Handle": (["pot", "cup", "A-1", "É", "00123"], ["1.2E+5", "a b", "---"]),
    "Parent": (["pot", "cup"], ["gone", "x"]),
    "Title": (["Tea pot", "Größe", "<b>x</b>"], []),
    "Body": (["<p>a</p>", "plain"], ["line\nbreak"]),
    "Short": (["<i>x</i>", "ß"], []),
    "Brand": (["Acme", "B & C"], []),
    "Maker": (["Best"], []),
    "Type": (["box"], ["!!"]),
    "Tags": (["red, blue", "red,red"], [","]),
    "Cats": (["A > B; C", "A;A"], [">", "A > > B"]),
    "Locale": (["de", "de_DE"], ["German", "EN"]),
    "Old": (["yes", "no"], []),
    "Status": (["active", "draft", "TRUE"], ["maybe"]),
    "Url": (["https://x.example/a"], ["x", "http://"]),
    "Min": (["1", "2"], ["1.5", "-3"]),
    "Max": (["5", "05"], ["x"]),
    "Length": (["10"], ["-1", "1,5"]),
    "Width": (["10", "1,5"], ["-1"]),
    "Mid": (["42"], ["4 2"]),
    "Cids": (["4|7"], ["|"]),
    "Material": (["Oak"], []),
    "Heavy": (["yes", "no"], ["vielleicht"]),
    "De": (["Kanne"], []),
    "DeBody": (["<p>x</p>"], []),
    "Img": (["a.jpg", "a.jpg|b.jpg", "https://x.example/c.jpg"], ["|", "a b.jpg", "../x"]),
    "Alt": (["alt"], []),
    "Pos": (["1", "2"], ["x"]),
    "Img2": (["https://x.example/d.jpg", "a.jpg"], []),
    "File": (["a.pdf"], []),
    "Role": (["main", "extra"], ["cover"]),
    "TierQ": (["10"], ["0", "x"]),
    "TierP": (["4.00"], ODD_PRICES),
    "Pct": (["10"], ["101", "-1"]),
    "OptTitle": (["Text"], []),
    "OptKind": (["field", "area"], ["fild"]),
    "OptPrice": (["1", "-1"], ["x"]),
    "OptV": (["One"], []),
    "Tip": (["tip"], []),
    "Medium": (["pdf", "ebook"], ["PDF"]),
    "Themes": (["3|5", "3"], ["3|x", "|"]),
    "Gtin": (GTINS, ODD_GTINS),
    "Mpn": (["M1", "M-2"], ["m\t2"]),
    "Price": (["5.00", "12"], ODD_PRICES),
    "Currency": (["EUR", "usd"], ["EURO"]),
    "Compare": (["4.00", "6.00"], ODD_PRICES),
    "Cost": (["5,00"], ODD_PRICES),
    "Usd": (["5.50"], ODD_PRICES),
    "Stock": (["3", "-2", "1.5"], ["x"]),
    "Weight": (["1,5"], ["1.5", "2 lb", "-1"]),
    "Sku": (["S-1", "S-2", "S-3"], ["s 4", " "]),
    "VImg": (["v.jpg"], []),
    "VStatus": (["draft", "active"], ["?"]),
    "Own": (["o"], []),
    "SizeName": (["Size"], ["Title"]),
    "Size": (["M", "L"], ["Default"]),
    "Colour": (["red", "blue"], []),
    "More": (["a=1,b=2", "a=1"], ["a", "a=1,a=2"]),
}
ALWAYS = {"Handle", "Title"}
OF_VARIANTS = {
    "Gtin",
    "Mpn",
    "Price",
    "Compare",
    "Cost",
    "Usd",
    "Stock",
    "Weight",
    "Sku",
    "VImg",
    "VStatus",
    "Own",
    "Size",
    "Colour",
    "More",
}
"""The others are the same, or empty, in most rows of a product, as they are in files."""
NASTY = [
    "\x00",
    "a\x07b",
    "\u2028",
    "\u200b",
    "\ufeff",
    "‮x",
    "\xa0",
    "  ",
    "\t",
    "'",
    '"',
    "=1+1",
    "x" * 300,
    "NULL",
    "N/A",
    "ﬁ",
    "e\u0301",
    "日本",
    "👕",
    "\x85",
    "\x1f",
]
HEADER = list(POOLS)


@st.composite
def tables(draw: st.DrawFn, most_rows: int) -> list[Any]:
    """Rows: mostly filled with what belongs there and can be read, now and then with what cannot."""
    random = draw(st.randoms(use_true_random=False))
    oddness = draw(st.sampled_from([0, 0, 1, 3, 20]))
    filled = draw(st.sampled_from([10, 50, 90]))
    alike = draw(st.booleans())
    rows: list[Any] = []
    for _ in range(draw(st.integers(1, most_rows))):
        cells = []
        for index, name in enumerate(HEADER):
            good, odd = POOLS[name]
            throw = random.randint(0, 199)
            if throw < oddness:
                cells.append(random.choice(odd or NASTY))
            elif throw < oddness * 1.3:
                cells.append(random.choice(NASTY))
            elif rows and alike and name not in OF_VARIANTS:
                cells.append(random.choice([rows[0][index], rows[0][index], rows[-1][index], ""]))
            elif name in ALWAYS or throw < 2 * filled:
                cells.append(random.choice(good))
            else:
                cells.append("")
        rows.append(cells)
    if draw(st.booleans()) and oddness:
        rows[-1][draw(st.integers(0, len(HEADER) - 1))] = draw(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
        )
    return rows


@cache
def bound(mapping: str) -> Applied:
    """The mapping bound to the header, once for all examples."""
    return applied(mapping, Documents([]) if mapping is PIM else Rows(HEADER, []))


def trials(mapping: str, source: Any) -> list[Trial]:
    bound(mapping).source = source
    return tried_all(bound(mapping))


def agree(mapping: str, rows: list[Any]) -> int:
    return sum(trial.quick for trial in trials(mapping, Rows(HEADER, rows)))


@settings(max_examples=200, deadline=None)
@given(tables(2))
def test_flat_tables(rows):
    agree(FLAT, rows)


@settings(max_examples=150, deadline=None)
@given(tables(2))
def test_fields_read_as_something_else(rows):
    agree(TEXTUAL, rows)


@settings(max_examples=200, deadline=None)
@given(tables(5))
def test_rows_of_variants(rows):
    agree(ROWS, rows)


@settings(max_examples=150, deadline=None)
@given(tables(5))
def test_parents_and_variants(rows):
    agree(FAMILY, rows)


def damaged(cells: list[str], reliable: int) -> BadCells:
    bad = BadCells(cells)
    bad.finding = Finding(code="csv.long-row", severity=Severity.ERROR, message="too many cells", line=2)
    bad.raw, bad.reliable, bad.last_line = ",".join(cells), reliable, 2
    return bad


@settings(max_examples=150, deadline=None)
@given(tables(5), st.data())
def test_a_damaged_row_never_leaves_its_product_without_it(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    rows[at] = damaged(rows[at], data.draw(st.integers(0, len(HEADER))))
    for mapping in (ROWS, FAMILY):
        for trial in trials(mapping, Rows(HEADER, rows)):
            if any(record[1] is rows[at] for record in trial.group.records()):
                assert trial.product is None and "csv.long-row" in trial.codes


# the quick path is the usual one, or all of this would prove nothing


def test_good_rows_take_the_quick_path():
    good = [[POOLS[name][0][0] for name in HEADER] for _ in range(2)]
    for row in good:
        row[HEADER.index("Compare")] = "99999.00"
    good[1][HEADER.index("Handle")] = "cup"
    assert agree(FLAT, good) == 2
    good[1][HEADER.index("Handle")] = "pot"
    for name, value in (("Sku", "S-2"), ("Size", "L")):
        good[1][HEADER.index(name)] = value
    (trial,) = tried(ROWS, Rows(HEADER, good))
    assert trial.quick, [str(finding) for finding in trial.findings]
    assert len(trial.product.variants) == 2 and [option.name for option in trial.product.options] == [
        "Size",
        "Colour",
        "a",
        "b",
    ]


# documents

PIM = """
records: {variants: items}
columns: optional
product:
  sku: {first_filled: [sku, ids.sku]}
  title: texts.title
  description: {from: texts.body, as: html}
  brand: {from: brand, default: Acme}
  tags: "tags[*].name"
  status: {when: {column: live, is: false}, then: {value: draft}}
  price: {from: price, currency: EUR, currency_from: currency}
  compare_at_price: {from: was, currency: EUR}
  stock: stock
  quantity_min: min
  weight_grams: {from: weight, unit: g}
  attributes: {any: any, deep: texts.title}
  translations: {de: {title: texts.de}}
  images: [{each: pics, src: url, alt: alt, position: pos}, {src: pic}]
  digital: {themes: themes}
variant:
  sku: {first_filled: [sku, id]}
  price: {from: price, currency: EUR, currency_from: ["^currency"]}
  gtin: ean
  title: {template: "{^brand} {sku}"}
  image: pic
  status: {when: {column: live, is: false}, then: {value: draft}}
  stock: stock
  attributes: {any: any}
  options:
    - {from: options}
    - {name: {value: Colour}, value: colour}
    - {each: axes, name: name, value: value}
"""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**45),
    st.decimals(-10, 10**6, places=2).map(float),
    st.sampled_from(["x", " ", "5.00", "de", *NASTY, *GTINS, *ODD_GTINS]),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "value", "url", "title", "amount", "currency", "Size"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 39).flatmap(lambda throw: anything if throw == 0 else usual)


def members(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    always = {name: known.pop(name) for name in ("sku", "texts", "title") if name in known}
    return st.fixed_dictionaries(
        {name: mostly(values) for name, values in always.items()},
        optional={name: mostly(values) for name, values in known.items()},
    )


words = st.sampled_from(["One", "Two", "Größe"])
money = st.sampled_from([5, 12.5, "5.00", {"amount": "5.00", "currency": "EUR"}, {"amount": 5}])
offer = {
    "price": money,
    "stock": st.sampled_from([3, 2.5, "4"]),
    "live": st.booleans(),
    "pic": st.sampled_from(["a.jpg", "https://x.example/b.jpg"]),
    "any": scalars,
}
variants = members(
    sku=st.sampled_from(["V-1", "V-2", 7]),
    id=st.just("V-3"),
    ean=st.sampled_from([4006381333931, "4006381333931", "1"]),
    colour=words,
    options=st.sampled_from([{"Size": "M"}, {"Size": "L"}, [{"name": "Size", "value": "M"}], {"Size": {}}, "M"]),
    axes=st.lists(st.fixed_dictionaries({"name": words, "value": words}), max_size=2),
    **offer,
)
documents = members(
    sku=st.sampled_from(["P-1", "P-2", 42]),
    ids=st.fixed_dictionaries({"sku": words}),
    brand=words,
    currency=st.sampled_from(["EUR", "usd"]),
    texts=members(title=words, body=st.just("<p>a</p>"), de=words),
    tags=st.lists(st.fixed_dictionaries({"name": words}), max_size=2),
    was=money,
    min=st.sampled_from([1, 2, "3"]),
    weight=st.sampled_from([10, "1 kg", 2.5]),
    themes=st.sampled_from([[3, 5], "3", ["x"]]),
    pics=st.lists(
        st.fixed_dictionaries(
            {"url": st.sampled_from(["a.jpg", "b.jpg", ""])},
            optional={"alt": words, "pos": st.sampled_from([1, 2, "x"])},
        ),
        max_size=3,
    ),
    items=st.lists(variants, max_size=3),
    **offer,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(documents, min_size=1, max_size=3))
def test_documents(some):
    trials(PIM, Documents(some))


def test_a_good_document_takes_the_quick_path():
    document = {
        "sku": "P-1",
        "texts": {"title": "Pot"},
        "price": 5,
        "currency": "EUR",
        "pics": [{"url": "a.jpg"}],
        "items": [
            {"sku": "V-1", "options": {"Size": "M"}, "colour": "red"},
            {"sku": "V-2", "options": {"Size": "L"}, "colour": "red"},
        ],
    }
    (trial,) = tried(PIM, Documents([document]))
    assert trial.quick and [variant.option_values for variant in trial.product.variants] == [("M", "red"), ("L", "red")]
