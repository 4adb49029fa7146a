"""How the rows of a file become products."""

from __future__ import annotations

import json

import pytest

from tests.mapping.suggest.proposals import plain, proposed, table

FLAT = {"one": "product"}


@pytest.mark.parametrize(
    ("text", "records"),
    [
        pytest.param(
            """
            sku, title, price
            a1, Red hat, 1.50
            a2, Blue hat, 2.50
            """,
            FLAT,
            id="one row a product",
        ),
        pytest.param(
            """
            Modell, Artikelnummer, Name, Größe, Preis
            m1, a1, Roter Hut, S, 1.50
            m1, a2, Roter Hut, M, 1.50
            m2, a3, Grüner Hut, S, 2.50
            """,
            {"one": "variant", "group_by": "Modell"},
            id="a key that comes again",
        ),
        pytest.param(
            """
            style, sku, title, size, price
            m1, a1, Red hat, S, 1.50
            , a2, , M, 1.50
            m2, a3, Green hat, S, 2.50
            , a4, , M, 2.50
            """,
            {"one": "variant", "group_by": "style", "fill_down": True},
            id="a key in the first row only",
        ),
        pytest.param(
            """
            handle, title, sku, size, price, image
            h1, Red hat, a1, S, 1.50, https://a.example/1.jpg
            h1, , a2, M, 1.50, https://a.example/2.jpg
            h1, , , , , https://a.example/3.jpg
            h2, Green hat, a3, S, 2.50, https://a.example/4.jpg
            """,
            {"one": "variant", "group_by": "handle", "variant_if": ["sku", "price"]},
            id="rows that only add a picture",
        ),
        pytest.param(
            """
            sku, parent sku, title, colour, price
            p1, , Red hat, , 1.50
            a1, p1, Red hat, red, 1.50
            a2, p1, Red hat, blue, 1.50
            p2, , Scarf, , 4.00
            """,
            {"one": "variant", "parent": {"key": "parent sku", "of": "sku"}},
            id="a column names another row's SKU",
        ),
        pytest.param(
            """
            id, parent_id, product number, title, price
            7f, , p1, Red hat, 1.50
            8a, 7f, p1-S, Red hat, 1.50
            8b, 7f, p1-M, Red hat, 1.50
            9c, , p2, Scarf, 4.00
            """,
            {"one": "variant", "parent": {"key": "parent_id", "of": "id"}},
            id="a column names another row's id",
        ),
        pytest.param(
            """
            article number, title, size, price
            m1, Red hat, S, 1.50
            m1, Red hat, M, 1.50
            m2, Green hat, S, 2.50
            """,
            {"one": "variant", "group_by": "article number"},
            id="the SKU itself comes again",
        ),
        pytest.param(
            """
            sku, model, title, price
            a1, x, Red hat, 1.50
            a2, x, Green scarf, 2.50
            a3, y, Blue sock, 3.50
            """,
            FLAT,
            id="a model that has nothing to do with variants",
        ),
    ],
)
def test_rows(text, records, tmp_path):
    draft = proposed(table(tmp_path, text))
    assert plain(draft)["records"] == records
    assert bool(draft.evidence) == (records != FLAT)


def test_an_inner_list_is_the_variants(tmp_path):
    documents = [
        {
            "code": f"p{n}",
            "name": f"Red hat {n}",
            "variants": [{"sku": f"p{n}-{size}", "price": 5, "size": size} for size in "SM"],
        }
        for n in range(4)
    ]
    path = tmp_path / "feed.json"
    path.write_text(json.dumps(documents), encoding="utf-8")
    mapping = plain(proposed(path))
    assert mapping["records"] == {"one": "product", "variants": "variants"}
    assert mapping["variant"]["sku"] == "sku"
    assert mapping["variant"]["options"] == [{"name": {"value": "size"}, "value": "size"}]


def test_a_list_of_anything_is_not_the_variants(tmp_path):
    documents = [
        {"id": n, "title": f"Picture {n}", "subjects": {"children": [{"id": 7, "name": "sea"}]}} for n in range(4)
    ]
    path = tmp_path / "feed.json"
    path.write_text(json.dumps(documents), encoding="utf-8")
    assert plain(proposed(path))["records"] == FLAT


def test_lines_above_the_header_are_skipped(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(
        "Price list 2025;;\n;;\nArtikelnummer;Bezeichnung;Preis\n1;Hut rot;1,50\n2;Hut blau;2,50\n", encoding="utf-8"
    )
    mapping = plain(proposed(path))
    assert mapping["source"]["skip_lines"] >= 1
    assert mapping["product"]["sku"] == "Artikelnummer"


def test_a_table_without_header(tmp_path):
    path = table(tmp_path, "\n".join(f"a{n}, Red hat no. {n}, {n}.50, 2024-01-0{n}" for n in range(1, 9)))
    draft = proposed(path)
    assert plain(draft)["source"] == {"header": False}
    assert (plain(draft)["product"]["sku"], plain(draft)["product"]["title"]) == ("column 1", "column 2")
    assert draft.blind == ["sku", "title"]


def test_an_encoding_in_which_the_names_are_words(tmp_path):
    path = tmp_path / "feed.csv"
    rows = "".join(f"{n};Rzecz {n};Krótki tekst {n};{n},50;{n}\n" for n in range(1, 20))
    path.write_bytes(("Kod produktu;Nazwa;Krótki opis;Cena;Ilość\n" + rows).encode("cp1250"))
    draft = proposed(path)
    assert draft.labels["Ilość"] == "stock"
    assert draft.labels["Krótki opis"] == "short_description"


def test_only_a_sample_is_looked_at_but_more_of_the_sku(tmp_path):
    path = tmp_path / "feed.csv"
    rows = [f"{n if n < 6_000 else 1},Red hat {n}" for n in range(6_100)]
    path.write_text("sku,title\n" + "\n".join(rows) + "\n", encoding="utf-8")
    draft = proposed(path)
    assert (draft.sample.records, draft.sample.whole) == (5_000, False)
    assert draft.labels["sku"] == "sku"
    assert any('"sku" is not unique' in line for line in draft.decide)


def test_a_column_that_is_unique_goes_before_one_that_only_looks_so(tmp_path):
    path = tmp_path / "feed.csv"
    rows = [f"{n if n < 6_000 else 1},{n + 7},Red hat {n}" for n in range(6_100)]
    path.write_text("article number,item number,title\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert proposed(path).labels == {"item number": "sku", "title": "title"}
