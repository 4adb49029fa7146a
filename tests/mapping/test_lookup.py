"""Tables to exchange values, and what only a person can say (``--set``)."""

from __future__ import annotations

import pytest

from feedbridge.errors import CommandError, MappingError
from feedbridge.mapping.lookup import Table
from tests.mapping.trial import BASE, Rows, applied, mapping_of, one, tried_group

# lookups from files


def test_a_table_from_a_csv_file_counts_what_it_had(tmp_path):
    (tmp_path / "brands.csv").write_text("code;name\nA;Acme\nB;Best\n", encoding="utf-8")
    mapping = mapping_of(BASE + "  brand: {from: M, lookup: {file: brands.csv, missing: keep}}\n", tmp_path)
    source = Rows.of(*({"Id": str(n), "Name": "x", "M": m} for n, m in enumerate(["A", "b", "C", "", "C"])))
    bound = applied(mapping, source)
    made = [bound.ways[None].build(group) for group in bound.anywhere()]
    assert [product.brand for product in made] == ["Acme", "Best", "C", None, "C"]
    (table,) = bound.tables()
    assert (table.hits, dict(table.misses)) == (2, {"C": 2})


def test_coverage_counts_a_product_once_however_often_it_is_made():
    bound = applied(
        BASE + "  brand: {from: M, lookup: {table: {A: Acme}, missing: error}}\n",
        Rows.of({"Id": "1", "Name": "x", "M": "A"}, {"Id": "2", "Name": "x", "M": "B"}),
    )
    for group in bound.groups():
        for _ in range(3):
            tried_group(bound.ways[None], group)
    (table,) = bound.tables()
    assert (table.hits, dict(table.misses)) == (1, {"B": 1})


@pytest.mark.parametrize(
    ("name", "content", "lookup"),
    [
        pytest.param("t.csv", "name,code\nAcme,A\n", "file: t.csv, key: code, value: name", id="csv, columns named"),
        pytest.param("t.csv", "a\tb\nA\tAcme\n", "file: t.csv", id="csv with tabs"),
        pytest.param("t.yaml", "A: Acme\n", "file: t.yaml", id="yaml"),
    ],
)
def test_a_table_from_a_file(tmp_path, name, content, lookup):
    (tmp_path / name).write_text(content, encoding="utf-8")
    trial = one(f"brand: {{from: M, lookup: {{{lookup}}}}}", {"M": "A"}, documents=False, folder=tmp_path)
    assert trial.fields()["brand"] == "Acme"


@pytest.mark.parametrize(
    ("content", "lookup", "words"),
    [
        pytest.param("a,b\nA,One\nA,Two\n", "file: t.csv", ["t.csv:3", '"A" stands twice'], id="a key twice"),
        pytest.param(
            "code,name\nA,One\n",
            "file: t.csv, key: cod",
            ["t.csv:1", 'did you mean "code"?'],
            id="a column that is not there",
        ),
        pytest.param("", "file: u.csv", ["u.csv", "there is no such file"], id="no such file"),
        pytest.param("", "missing: keep", ["one of table, pairs and file"], id="neither table nor file"),
        pytest.param("a\nA\n", "file: t.csv", ["t.csv:1"], id="one column only"),
    ],
)
def test_a_table_that_is_wrong_is_named(tmp_path, content, lookup, words):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(MappingError) as error:
        one(f"brand: {{from: M, lookup: {{{lookup}}}}}", {"M": "A"}, documents=False, folder=tmp_path)
    assert all(word in str(error.value) for word in words), str(error.value)


# parameters


def test_a_parameter_fills_a_price():
    text = (
        "parameters:\n  currency: {about: of the shop}\n"
        + BASE
        + "  price: {from: P, decimal: '.', currency: '${currency}'}\n"
    )
    trial = one(text, {"P": "5.00"}, documents=False, currency="EUR")
    assert trial.fields()["price"] == {"amount": "5.00", "currency": "EUR"}
    with pytest.raises(CommandError, match="--set currency=EUR"):
        one(text, {"P": "5.00"}, documents=False)


def test_a_constant_of_a_parameter_that_was_not_given_is_left_out():
    text = "parameters:\n  locale: {}\n" + BASE + "  locale: {value: '${locale}'}\n"
    assert one(text, {}, documents=False).fields() == {"sku": "A-1", "title": "Tea pot"}
    assert one(text, {}, documents=False, locale="de_DE").fields()["locale"] == "de_DE"


def test_a_column_name_may_be_a_parameter():
    text = "parameters:\n  price_column: {default: Price}\n" + BASE + "  brand: '${price_column}'\n"
    assert one(text, {"Other": "x"}, documents=False, price_column="Other").fields()["brand"] == "x"


def test_a_column_that_may_be_missing_leaves_the_field_out():
    assert one("brand: {from: Maker, optional: true}", {}, documents=False).fields() == {
        "sku": "A-1",
        "title": "Tea pot",
    }
    trial = one("brand: {from: Maker, optional: true, default: Acme}", {}, documents=False)
    assert trial.fields()["brand"] == "Acme"


@pytest.mark.parametrize(
    ("entries", "text", "answer"),
    [
        pytest.param({"red": "Rot", "RED": "RED edition"}, "red", "Rot", id="exact"),
        pytest.param({"red": "Rot", "RED": "RED edition"}, "RED ", "RED edition", id="exact, in capitals"),
        pytest.param({"red": "Rot", "RED": "RED edition"}, "Red", None, id="which of the two is not known"),
        pytest.param({"red": "Rot", "RED": "Rot"}, "Red", "Rot", id="both say the same"),
        pytest.param({"red": "Rot"}, "RED", "Rot", id="the only one"),
    ],
)
def test_a_key_as_it_is_written_comes_before_one_in_another_case(entries, text, answer):
    table = Table(entries, "empty", "colours.csv")
    assert table.exchange(text) == (answer or "")
