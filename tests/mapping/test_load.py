"""Mistakes in mapping files: each with the file's line, the key path and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedbridge.errors import CommandError, MappingError
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.presets import presets
from feedbridge.sources.opening import open_source
from tests.mapping.trial import Documents, Rows, applied, mapping_of, tried

GOOD = """\
feedbridge: 1
product:
  sku: Id
  title: Name
"""


def written(folder: Path, text: str, name: str = "shop.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


MISTAKES = [
    pytest.param(
        "feedbridge: 1\nproduktt: {}\n", 2, "produktt", 'did you mean "product"?', id="unknown key at the top"
    ),
    pytest.param(
        GOOD + "source:\n  delimeter: ;\n",
        6,
        "source.delimeter",
        'did you mean "delimiter"?',
        id="unknown key in a block",
    ),
    pytest.param(
        GOOD + "records:\n  parent: {key: P, off: Q}\n",
        6,
        "records.parent",
        'did you mean "of"?',
        id="unknown key two levels down",
    ),
    pytest.param(
        GOOD + "records: {one: variants}\n",
        5,
        "records.one",
        "'product' or 'variant'",
        id="a word that is none of the choices",
    ),
    pytest.param("product: {sku: Id}\n", 1, "feedbridge", "write feedbridge: 1", id="version missing"),
    pytest.param("feedbridge: 2\n", 1, "feedbridge", "should be 1", id="version unknown"),
    pytest.param(
        GOOD + "  options: Size\n",
        5,
        "product.options",
        "there is no field",
        id="options of a product: they are a variant's",
    ),
    pytest.param(
        GOOD + "variant: {option_values: Size}\n",
        5,
        "variant.option_values",
        "options",
        id="option values without names",
    ),
    pytest.param(
        GOOD + "  desciption: Text\n", 5, "product.desciption", 'did you mean "description"?', id="unknown field"
    ),
    pytest.param(
        GOOD + "  images:\n    - sorce: Pic\n",
        6,
        "product.images.0.sorce",
        'did you mean "src"?',
        id="unknown field of a block in a list",
    ),
    pytest.param(
        GOOD + "  digital:\n    licences:\n      - {licence_id: L}\n",
        7,
        "product.digital.licences.0.licence_id",
        'did you mean "license_id"?',
        id="unknown field of a nested block",
    ),
    pytest.param(
        GOOD + "  price: {from: P, as: mony}\n", 5, "product.price", 'did you mean "money"?', id="unknown kind"
    ),
    pytest.param(
        GOOD + "  price: {from: P, curency: EUR}\n",
        5,
        "product.price.curency",
        'did you mean "currency"?',
        id="unknown reader parameter",
    ),
    pytest.param(
        GOOD + "  price: {from: P, decimal: x}\n",
        5,
        "product.price",
        "decimal",
        id="reader parameter with a wrong value",
    ),
    pytest.param(
        GOOD + "  price: {from: P, as: text}\n",
        5,
        "product.price.as",
        "kinds that fit are money",
        id="a kind that does not fit the field",
    ),
    pytest.param(GOOD + "  brand: {from: P, as: money}\n", 5, "product.brand.as", "text", id="money for a text"),
    pytest.param(
        GOOD + "  status: {from: P, as: text}\n",
        5,
        "product.status.as",
        "kinds that fit are status",
        id="text for a status",
    ),
    pytest.param(
        GOOD + "  quantity_min: {from: P, as: decimal}\n",
        5,
        "product.quantity_min.as",
        "integer",
        id="a decimal for a whole number",
    ),
    pytest.param(
        GOOD + "  brand: {form: P}\n", 5, "product.brand.form", 'did you mean "from"?', id="misspelt word of a spec"
    ),
    pytest.param(
        GOOD + "  brand: {required: true}\n",
        5,
        "product.brand",
        "where the value comes from",
        id="a spec without a source",
    ),
    pytest.param(
        GOOD + "  brand: {from: P, then: Q}\n", 5, "product.brand", "then and else need when", id="then without when"
    ),
    pytest.param(
        GOOD + "  brand: {when: {column: P}, then: Q}\n",
        5,
        "product.brand.when",
        "exactly one of is, matches, empty",
        id="a condition without a test",
    ),
    pytest.param(
        GOOD + "  brand: {when: {column: P, matches: '('}, then: Q}\n",
        5,
        "product.brand.when.matches",
        "regular expression",
        id="a condition that is no regular expression",
    ),
    pytest.param(
        GOOD + "  brand: {from: P, regex: {find: '['}}\n",
        5,
        "product.brand.regex.find",
        "regular expression",
        id="no regular expression",
    ),
    pytest.param(
        GOOD + "  brand: {from: P, regex: {find: 'a', replace: '\\2'}}\n",
        5,
        "product.brand.regex",
        "group",
        id="a replacement with a group that is not there",
    ),
    pytest.param(
        GOOD + "  brand: {use: makr}\nfragments: {maker: {from: P}}\n",
        5,
        "product.brand.use",
        'did you mean "maker"?',
        id="unknown fragment",
    ),
    pytest.param(
        GOOD + "  brand: {template: '{Name|lowr}'}\n",
        5,
        "product.brand.template",
        "filters are lower, upper, slug",
        id="unknown filter",
    ),
    pytest.param(GOOD + "  brand: 5\n", 5, "product.brand", "is not a column", id="a number for a column"),
    pytest.param(
        GOOD + "  attributes: Material\n", 5, "product.attributes", "block of names", id="named values without names"
    ),
    pytest.param(
        GOOD + "  translations: Titel\n",
        5,
        "product.translations",
        "block of locales",
        id="translations without locales",
    ),
    pytest.param(
        GOOD + "  translations: {German: {title: T}}\n",
        5,
        "product.translations.German",
        "not allowed for locale",
        id="a locale that is none",
    ),
    pytest.param(
        GOOD + "  presentation: Shop\n",
        5,
        "product.presentation",
        "block of fields",
        id="a column where a block belongs",
    ),
    pytest.param(
        GOOD + "variant:\n  options:\n    - {nam: A, value: B}\n",
        7,
        "variant.options.0",
        "name and value",
        id="an option without name",
    ),
    pytest.param(
        GOOD + "  kind: {value: digitall}\n",
        5,
        "product.kind",
        'did you mean "digital"?',
        id="a constant that is none of the choices",
    ),
    pytest.param(
        GOOD + "  quantity_min: {value: many}\n", 5, "product.quantity_min", "many", id="a constant that is no number"
    ),
    pytest.param("feedbridge: 1\nproduct:\n  sku: Id\n", 2, "product", "says nothing of title", id="no title mapped"),
    pytest.param(
        "feedbridge: 1\nproduct:\n  sku: Id\n title: x\n", 4, "", "not valid YAML", id="broken YAML: indentation"
    ),
    pytest.param('feedbridge: 1\nabout: "x\n', 2, "", "not valid YAML", id="broken YAML: open quote"),
    pytest.param(GOOD + "  sku: Other\n", 5, "", 'duplicate key "sku"', id="duplicate key"),
    pytest.param("- feedbridge\n", 0, "", "is not a mapping file", id="a list"),
    pytest.param("", 0, "", "is not a mapping file", id="empty"),
    pytest.param(
        GOOD + "records: {group_by: Id}\n",
        5,
        "records",
        "one: variant",
        id="rows are grouped, but one row is a product",
    ),
    pytest.param(
        GOOD + "records: {parent: {key: P, of: Id}}\n",
        5,
        "records",
        "variant:",
        id="a parent link, and nothing for the variants",
    ),
    pytest.param(
        GOOD + "records: {one: variant, variants: v}\nvariant: {sku: Id}\n",
        5,
        "records",
        "one: product",
        id="rows are variants, and so are inner lists",
    ),
    pytest.param(
        GOOD + "records: {one: variant, fill_down: true}\nvariant: {sku: Id}\n",
        5,
        "records.fill_down",
        "needs group_by",
        id="filled down, but nothing is grouped",
    ),
    pytest.param(
        GOOD + "records: {variant_if: Q}\n",
        5,
        "records.variant_if",
        "one: variant",
        id="variant_if, but rows are products",
    ),
    pytest.param(
        GOOD + "platforms: {flipsnack: {product: {titel: Name}}}\n",
        5,
        "platforms.flipsnack.product.titel",
        'did you mean "title"?',
        id="unknown field in an overlay",
    ),
]


@pytest.mark.parametrize(("text", "line", "key", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place(tmp_path, text, line, key, words):
    path = written(tmp_path, text)
    header = ["Id", "Name", "P", "Q", "A", "B", "T", "L", "Pic"]
    with pytest.raises(MappingError) as error:
        assert applied(load_mapping(path), Rows(header, [])).common.build
    said = str(error.value)
    assert words in said
    place = said.split(": ")[0]
    assert place.startswith(f"{path}:{line}" if line else path)
    assert key in said


def test_every_mistake_of_a_file_is_named_at_once(tmp_path):
    path = written(tmp_path, GOOD + "  brnd: A\n  price: {from: P, as: mony}\n")
    with pytest.raises(MappingError) as error:
        load_mapping(path)
    assert f"{path}:5, product.brnd" in str(error.value)
    assert f"{path}:6, product.price" in str(error.value)


def test_an_unknown_column_is_named_with_what_the_file_has():
    with pytest.raises(MappingError) as error:
        applied(GOOD + "  brand: Pries\n", Rows(["Id", "Name", "Preis"], []))
    assert str(error.value) == (
        'shop.yaml:5, product.brand: shop.csv has no column "Pries"; it has Id, Name, Preis [mapping.unknown-column]\n'
        '  mend: did you mean "Preis"?'
    )


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param("  brand: {template: '{Nmae}'}\n", id="in a template"),
        pytest.param("  brand: {when: {column: Nmae, empty: true}, then: Id}\n", id="in a condition"),
        pytest.param("  brand: {first_filled: [Nmae]}\n", id="in first_filled"),
        pytest.param("  price: {from: Id, currency_from: Nmae}\n", id="in currency_from"),
        pytest.param("records: {one: variant, group_by: Nmae}\nvariant: {sku: Id}\n", id="in group_by"),
        pytest.param(
            "records: {one: variant, group_by: Id, variant_if: Nmae}\nvariant: {sku: Id}\n", id="in variant_if"
        ),
        pytest.param(
            "records: {one: variant, parent: {key: Nmae, of: Id}}\nvariant: {sku: Id}\n", id="in a parent's key"
        ),
        pytest.param(
            "records: {one: variant, parent: {key: Id, of: Id, never_variant: Nmae}}\nvariant: {sku: Id}\n",
            id="in never_variant",
        ),
    ],
)
def test_an_unknown_column_is_named_wherever_it_stands(extra):
    with pytest.raises(MappingError, match="Nmae"):
        applied(GOOD + extra, Rows(["Id", "Name"], []))


def test_columns_are_found_by_name_however_it_is_spelt():
    (trial,) = tried(GOOD, Rows([" id ", "NAME"], [["A", "x"]]))
    assert trial.fields() == {"sku": "A", "title": "x"}


# which file


def test_an_unknown_preset_is_named_with_the_nearest():
    with pytest.raises(MappingError, match='did you mean "shopify"'):
        load_mapping("shopfy")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MappingError, match="there is no such file"):
        load_mapping(str(tmp_path / "none.yaml"))


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "a.yaml").write_bytes("about: größe".encode("latin-1"))
    with pytest.raises(MappingError, match="not UTF-8"):
        load_mapping(str(tmp_path / "a.yaml"))


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_loads(name):
    mapping = load_mapping(name)
    assert mapping.name == name
    assert mapping.file.about and mapping.file.recognise


# layers


def test_extends_overrides_field_by_field(tmp_path):
    written(tmp_path, GOOD + "  brand: Maker\n  slug: Slug\n  attributes: {a: A, b: B}\n", "base.yaml")
    path = written(
        tmp_path,
        "feedbridge: 1\nextends: base.yaml\n"
        "product:\n  brand: {from: Brand, case: upper}\n  slug: null\n  attributes: {b: C}\n",
    )
    mapping = load_mapping(path)
    (trial,) = tried(
        mapping, Rows.of({"Id": "1", "Name": "x", "Brand": "acme", "Maker": "m", "A": "1", "B": "2", "C": "3"})
    )
    assert trial.fields() == {"sku": "1", "title": "x", "brand": "ACME", "attributes": {"a": "1", "b": "3"}}
    assert [Path(name).name for name in mapping.files] == ["shop.yaml", "base.yaml"]
    assert mapping.places.where(("product", "brand")) == f"{path}:4, product.brand"
    assert mapping.places.where(("product", "title")) == f"{tmp_path}/base.yaml:4, product.title"


def test_extends_a_preset(tmp_path):
    path = written(tmp_path, "feedbridge: 1\nextends: generic\nproduct:\n  brand: {value: Acme}\n")
    (trial,) = tried(load_mapping(path, {"currency": "EUR"}), Rows.of({"sku": "1", "title": "x", "price": "5.00"}))
    assert trial.product.brand == "Acme" and str(trial.product.price.amount) == "5.00"


def test_extends_in_a_circle(tmp_path):
    written(tmp_path, "feedbridge: 1\nextends: b.yaml\n", "a.yaml")
    written(tmp_path, "feedbridge: 1\nextends: a.yaml\n", "b.yaml")
    with pytest.raises(MappingError, match="extends itself"):
        load_mapping(str(tmp_path / "a.yaml"))


def test_extends_what_is_not_there(tmp_path):
    path = written(tmp_path, "feedbridge: 1\nextends: shopfy\n")
    with pytest.raises(MappingError) as error:
        load_mapping(path)
    assert str(error.value).startswith(f"{path}:2, extends: ") and 'did you mean "shopify"?' in str(error.value)


def test_a_mistake_in_the_base_is_named_in_the_base(tmp_path):
    written(tmp_path, GOOD + "  brnd: A\n", "base.yaml")
    path = written(tmp_path, "feedbridge: 1\nextends: base.yaml\n")
    with pytest.raises(MappingError, match=r"base\.yaml:5, product\.brnd"):
        load_mapping(path)


def test_an_overlay_is_for_its_platform_only():
    mapping = mapping_of(GOOD + "  brand: B\nplatforms:\n  magento: {product: {title: Long, brand: null}}\n")
    assert mapping.has_overlay("magento") and not mapping.has_overlay("flipsnack")
    plain, _ = mapping.trees()
    over, _ = mapping.trees("magento")
    assert plain.fields["title"].spec.from_ == ("Name",) and "brand" in plain.fields
    assert over.fields["title"].spec.from_ == ("Long",) and "brand" not in over.fields


def test_a_fragment_is_taken_and_overridden():
    text = GOOD + "  brand: {use: up, from: B}\n  slug: {use: up}\nfragments: {up: {from: A, case: upper}}\n"
    (trial,) = tried(text, Rows.of({"Id": "1", "Name": "x", "A": "a", "B": "b"}))
    assert trial.fields() == {"sku": "1", "title": "x", "brand": "B", "slug": "A"}


# parameters


def test_an_unknown_parameter_is_named_with_the_nearest():
    with pytest.raises(CommandError, match='did you mean "currency"'):
        mapping_of("parameters: {currency: {}}\n" + GOOD.removeprefix("feedbridge: 1\n"), curency="EUR")


def test_a_parameter_changes_the_digest():
    text = "parameters: {c: {default: x}}\n" + GOOD.removeprefix("feedbridge: 1\n")
    assert len({mapping_of(text).digest, mapping_of(text, c="y").digest}) == 2
    assert mapping_of(text).digest == mapping_of(text, c="x").digest


def test_source_settings_may_be_given(tmp_path):
    mapping = load_mapping(written(tmp_path, GOOD), {"source.delimiter": ";"})
    assert mapping.source.delimiter == ";"
    with pytest.raises(MappingError, match='did you mean "delimiter"'):
        load_mapping(written(tmp_path, GOOD), {"source.delimeter": ";"})


def test_a_currency_that_nobody_names_is_asked_for():
    text = (
        "parameters: {currency: {about: of the shop}}\n"
        + GOOD
        + "  price: {from: P, currency: '${currency}', decimal: '.'}\n"
    )
    with pytest.raises(CommandError) as error:
        applied(text, Rows(["Id", "Name", "P"], []))
    assert "(of the shop)" in str(error.value) and "--set currency=EUR" in str(error.value)


# tables and documents


def test_an_inner_list_in_a_table_is_a_mistake():
    with pytest.raises(MappingError, match="is a table"):
        applied(GOOD + "  images: [{each: pics, src: url}]\n", Rows(["Id", "Name"], []))


def test_a_path_of_the_records_that_is_none():
    with pytest.raises(MappingError, match=r"shop\.yaml:\d+, records"):
        applied(GOOD + "records: {variants: 'a['}\nvariant: {sku: Id}\n", Documents([]))


# a user's own columns on a preset


@pytest.mark.parametrize(
    ("own", "wrong"),
    [
        pytest.param("product: {brand: Hersteler}", 'product.brand: shop.csv has no column "Hersteler"', id="a field"),
        pytest.param("product: {images: [{src: Foto}]}", "product.images.0.src", id="a list"),
        pytest.param("variant: {gtin: Strichcode}", "variant.gtin", id="a variant's field"),
        pytest.param("product: {brand: {from: Hersteler, optional: true}}", "", id="said to be optional"),
        pytest.param("columns: optional\nproduct: {brand: Hersteler}", "", id="all said to be optional"),
        pytest.param("product: {brand: [Hersteler, Hersteller]}", "", id="one of several names"),
        pytest.param("product: {title: {from: title, required: true}}", "", id="nothing wrong"),
    ],
)
def test_columns_a_user_adds_to_a_preset_must_be_there(tmp_path, own, wrong):
    """A preset's own columns may be missing; a slip in what is added to it must not lose a field without a word."""
    (tmp_path / "own.yaml").write_text(f"feedbridge: 1\nextends: generic\n{own}\n", encoding="utf-8")
    (tmp_path / "shop.csv").write_text("sku,title,price,Hersteller\nA,Tee,1.00,Acme\n", encoding="utf-8")
    source = open_source(tmp_path / "shop.csv", name="shop.csv")
    mapping = load_mapping(str(tmp_path / "own.yaml"), {"currency": "EUR", "decimal": "."})
    if wrong:
        with pytest.raises(MappingError) as error:
            Applied(mapping, source)
        assert wrong in str(error.value)
    else:
        Applied(mapping, source)


@pytest.mark.parametrize(
    ("parameters", "name", "mend"),
    [
        pytest.param("", "currency", "leave --set currency out: this mapping asks for nothing; or add", id="none"),
        pytest.param("parameters: {locale: {}}\n", "currency", "leave --set currency out; or add parameters: {currency: {}}", id="others"),
        pytest.param("parameters: {currency: {}}\n", "curency", 'did you mean "currency"?', id="a slip"),
    ],
)  # fmt: skip
def test_a_parameter_that_nobody_asked_for(parameters, name, mend, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(f"feedbridge: 1\n{parameters}product: {{sku: Id, title: Name}}\n", encoding="utf-8")
    with pytest.raises(CommandError, match="has no parameter") as caught:
        load_mapping(str(path), {name: "USD"})
    assert caught.value.mend.startswith(mend)
