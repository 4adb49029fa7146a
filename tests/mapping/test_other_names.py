"""Columns under other names: in other languages, numbered, with a unit in the header, loosely written."""

from __future__ import annotations

import pytest

from feedbridge.errors import MappingError
from feedbridge.mapping.drift import header_drift
from feedbridge.mapping.paths import Header
from tests.mapping.trial import Rows, applied, mapping_of, one, tried

ALSO = {
    "Price": ("Preis", "Prix"),
    "Weight (*)": ("Gewicht (*)", "Poids (*)"),
    "Attribute # name": ("Attribut # Name", "Nom de l’attribut #"),
}


@pytest.mark.parametrize(
    ("header", "wanted", "label"),
    [
        pytest.param(["Name", "Preis"], "Price", "Preis", id="another language"),
        pytest.param(["PRIX "], "price", "PRIX ", id="case and blanks do not count"),
        pytest.param(["Preis", "Price"], "Price", "Price", id="the mapping's own name goes first"),
        pytest.param(["Prix", "Preis"], "Price", "Preis", id="then the first of the others"),
        pytest.param(["Weight (kg)"], "Weight (*)", "Weight (kg)", id="anything in the own name"),
        pytest.param(["Gewicht (lbs)"], "Weight (*)", "Gewicht (lbs)", id="anything in another name"),
        pytest.param(["Attribut 1 Name", "Attribut 12 Name"], "Attribute 12 name", "Attribut 12 Name", id="a number"),
        pytest.param(["Nom de l’attribut\u00a02"], "Attribute 2 name", "Nom de l’attribut\u00a02", id="a hard blank"),
        pytest.param(["Attribute 3 name"], "Attribute 3 name", "Attribute 3 name", id="a number in the own name"),
    ],
)
def test_a_column_is_found_by_another_name(header, wanted, label):
    column = Header(header, also=ALSO).find(wanted)
    assert column is not None
    assert column.label == label
    assert column.get(header, None) == label


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        pytest.param(["Preise"], "Price", id="a longer name"),
        pytest.param(["Attribut x Name"], "Attribute 1 name", id="no number"),
        pytest.param(["Attribut 1 Name"], "Attribute 2 name", id="another number"),
        pytest.param(["Gewicht"], "Weight (*)", id="nothing for the star's surroundings"),
        pytest.param(["image_link"], "Image Link", id="strict, unless loose is said"),
    ],
)
def test_a_column_is_not_found(header, wanted):
    assert Header(header, also=ALSO).find(wanted) is None


@pytest.mark.parametrize("name", ["image_link", "Image Link", "g:image_link", "IMAGE-LINK", "g:Image Link"])
def test_loose_names(name):
    column = Header(["id", name], loose=True).find("image_link")
    assert column is not None and column.index == 1
    assert Header(["image_link", name], loose=True).find("image_link").index == 0


def test_one_text_with_bars_is_a_list_of_names():
    mapping = mapping_of("names: {also: {Id: Nr. | Artikel, Name: [Titel]}}\nproduct: {sku: Id, title: Name}")
    assert mapping.file.names.also == {"Id": ("Nr.", "Artikel"), "Name": ("Titel",)}


def test_a_number_must_stand_in_both_names():
    with pytest.raises(MappingError, match="must both have a #"):
        mapping_of('names: {also: {"Image #": Bild}}\nproduct: {sku: Id, title: Name}')


GERMAN = """
columns: optional
names: {also: {Id: Nr, Name: Titel, Kind: Art, Parent: Eltern, "Weight (*)": "Gewicht (*)", "Axis #": "Achse #", "Value #": "Wert #"}}
records: {one: variant, parent: {key: Parent, of: Id, never_variant_if: {column: Kind, is: parent}}}
product:
  sku: Id
  title: {from: Name, varies: true}
  weight_grams: {from: "Weight (*)", as: weight, unit: header, decimal: "."}
variant:
  sku: Id
  price: {from: Price, currency: EUR, decimal: "."}
  options: [{for: 1..3, name: "Axis ${item}", value: "Value ${item}"}]
"""


def test_the_whole_grammar_goes_by_other_names():
    source = Rows.of(
        {"Nr": "T", "Titel": "Tee", "Art": "parent", "Eltern": "", "Gewicht (oz)": "2", "Price": "", "Achse 1": "", "Wert 1": ""},
        {"Nr": "T-S", "Titel": "Tee S", "Art": "", "Eltern": "T", "Price": "5.00", "Achse 1": "Größe", "Wert 1": "S"},
    )  # fmt: skip
    (trial,) = tried(GERMAN, source)
    assert trial.fields() == {
        "sku": "T",
        "title": "Tee",
        "weight_grams": "56.69904625",
        "options": [{"name": "Größe", "values": ["S"]}],
        "variants": [{"sku": "T-S", "option_values": ["S"], "price": {"amount": "5.00", "currency": "EUR"}}],
    }
    assert applied(GERMAN, source).unused_columns() == []


def test_another_name_is_no_drift():
    names = ["Nr", "Titel", "Art", "Eltern", "Gewicht (oz)", "Achse 1", "Wert 1"]
    assert header_drift(mapping_of(GERMAN), names, [], "shop.csv") == []
    drift = header_drift(mapping_of(GERMAN), ["Id", "Name", "Prices"], ["Prices"], "shop.csv")
    assert [finding.column for finding in drift] == ["Prices"]


@pytest.mark.parametrize(
    ("header", "grams"),
    [
        pytest.param("Weight (kg)", "2000", id="kg"),
        pytest.param("Weight (lbs)", "907.18474", id="pounds"),
        pytest.param("Poids (livres)", "907.18474", id="a unit in words"),
        pytest.param("Weight [g]", "2", id="square brackets"),
    ],
)
def test_a_unit_from_the_header(header, grams):
    spec = f'weight_grams: {{from: "{header}", as: weight, unit: header, decimal: "."}}'
    assert one(spec, {header: "2"}, documents=False).fields()["weight_grams"] == grams


def test_a_unit_that_nobody_knows_is_named():
    with pytest.raises(MappingError, match="unit"):
        one(
            'weight_grams: {from: "Weight (stone)", as: weight, unit: header}', {"Weight (stone)": "2"}, documents=False
        )
