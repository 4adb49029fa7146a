"""``explain`` tells of every product what a run does with it, and where each of its values came from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from feedbridge import api
from feedbridge.errors import CommandError, SourceError
from feedbridge.mapping.apply import Applied
from feedbridge.run.preparing import prepare

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def options_of(case: str) -> tuple[list[str], dict[str, Any]]:
    """Sources and arguments of a golden case."""
    path = FIXTURES / f"{case}.args"
    words = shlex.split(path.read_text("utf-8"), comments=True)
    sources = [word for word in words if word.startswith("fixtures/")]
    beside = [path.with_suffix(ending) for ending in (".csv", ".json", ".jsonl")]
    sources = sources or [one.relative_to(ROOT).as_posix() for one in beside if one.exists()]
    given: dict[str, Any] = {"to": [], "set": {}, "mapping": "auto"}
    pairs = [(words[at], words[at + 1]) for at, word in enumerate(words) if word.startswith("--")]
    for name, value in pairs:
        if name == "--to":
            given["to"].append(value)
        elif name == "--set":
            key, _, text = value.partition("=")
            given["set"][key] = text
        elif name == "--mapping":
            given["mapping"] = value
    return sources, given


SHOPIFY = {"mapping": "shopify", "set": {"currency": "EUR"}, "to": ["flipsnack", "magento"]}
CASES = [
    pytest.param(*options_of(case), id=case)
    for case in (
        "demo/shop", "demo/digital", "shopify/troubles", "generic/currencies", "generic/scattered-variants",
        "akeneo-json/two-files", "pim-json/catalogue", "pim-json/troubles", "digital/troubles",
    )
] + [
    pytest.param([f"fixtures/hostile/{name}.csv"], SHOPIFY, id=f"hostile/{name}")
    for name in ("same-sku-twice", "scattered-group", "open-quote", "ragged", "escapes-and-script", "mixed-newlines")
]  # fmt: skip


def every_product(sources: list[str], given: dict[str, Any]) -> list[dict[str, Any]]:
    """The explanation of each product, asked for by its line, in file order."""
    job = prepare(sources, (), given["mapping"], mapping_settings(given), 1, False, None, None)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for source, mapping in zip(job.sources, job.mappings, strict=True):
        applied = Applied(mapping, source)
        for line in sorted({group.head[0] for group in applied.anywhere()}):
            for product in api.explain(sources, line=line, **given)["products"]:
                found[product["file"], product["line"], product.get("pointer", "")] = product
    return list(found.values())


def mapping_settings(given: dict[str, Any]) -> dict[str, str]:
    return {key: value for key, value in given["set"].items() if key.split(".")[0] not in given["to"]}


@pytest.mark.parametrize(("sources", "given"), CASES)
def test_every_product_is_told_as_a_run_has_it(sources, given, tmp_path):
    result = api.convert(sources, out=tmp_path / "out", **given)
    products = every_product(sources, given)
    for platform, counts in result.counts.items():
        states = [product["platforms"][platform]["state"] for product in products]
        assert len(products) == counts["read"]
        assert states.count("written") == counts["written"]
        assert states.count("held back") == counts["held_back"]
        assert states.count("excluded") == sum(counts["excluded"].values())
        payloads = [p["platforms"][platform].get("payload") for p in products]
        bodies = [body for body in payloads if body is not None]
        if platform == "magento":
            bodies = [entry for body in bodies for entry in body.values()]
        assert sorted(map(canonical, bodies)) == sorted(map(canonical, result.payload(platform)))
    told = {
        (f["code"], f.get("line", 0), f["message"])
        for product in products
        for about in product["platforms"].values()
        for f in [*about["findings"], *product["findings"]]
    }
    of_products = {(f.code, f.line, f.message) for f in result.findings if f.line and f.severity == "error" and f.sku}
    assert of_products <= told
    for product in products:
        says_where_it_came_from(product)


def canonical(value: Any) -> str:
    """A payload as text, numbers by their value."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{canonical(item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return repr(value)
    return repr(float(value))


def says_where_it_came_from(product: dict[str, Any]) -> None:
    for field in product["fields"]:
        assert field["origin"] in {"cell", "constant", "default", "model", "derived"}
        if field["origin"] in {"cell", "constant", "default"}:
            assert field["layer"].rpartition(":")[2].isdigit()
        if field["origin"] in {"cell", "default"} and field.get("column"):
            record = next(r for r in product["records"] if (r["file"], r["line"]) == (field["file"], field["line"]))
            columns = {cell["column"]: cell for cell in record.get("cells", ())}
            for column in field["column"].split(" + "):
                assert any(use.startswith(field["field"]) for use in columns[column]["used_by"])


@pytest.mark.parametrize(
    ("text", "line", "first"),
    [
        pytest.param('sku,title,price\nA,"Pot\nof clay",5\nB,Cup,6\n', 3, 2, id="inside a quoted cell"),
        pytest.param('sku,title,price\nA,Pot,5\nB,"Cup\nof tin",6\n', 4, 3, id="the last line"),
        pytest.param("sku,title,price\nA,Pot,5\n", 1, 0, id="the header"),
        pytest.param("sku,title,price\nA,Pot,5\n\nB,Cup,6\n", 3, 0, id="an empty line"),
        pytest.param("sku,title,price\nA,Pot,5\n", 3, 0, id="behind the end"),
        pytest.param('[\n {\n  "sku": "A", "title": "Pot"\n }\n]\n', 3, 2, id="inside a document"),
        pytest.param('[\n {\n  "sku": "A", "title": "Pot"\n }\n]\n', 9, 0, id="behind the documents"),
    ],
)
def test_a_line_finds_the_record_that_reaches_over_it(tmp_path, text, line, first):
    path = tmp_path / ("feed.json" if text.startswith("[") else "feed.csv")
    path.write_text(text, encoding="utf-8")
    given = {"mapping": "generic", "set": {"currency": "EUR", "decimal": "."}}
    if not first:
        with pytest.raises(CommandError, match=f"no record at line {line}"):
            api.explain(str(path), line=line, **given)
        return
    (product,) = api.explain(str(path), line=line, **given)["products"]
    assert (product["line"], product["found_by"]) == (first, ["line"])


@pytest.mark.parametrize(
    ("sku", "found_by"),
    [
        pytest.param("leinenhemd-uferblau", ["SKU", "group key"], id="handle"),
        pytest.param("HEM-M-GR", ["variant SKU"], id="variant"),
        pytest.param("KER-BW", ["SKU"], id="held back"),
    ],
)
def test_a_product_is_found(sku, found_by):
    (product,) = api.explain("fixtures/demo/shop.csv", sku=sku, set={"currency": "EUR"})["products"]
    assert product["found_by"] == found_by
    assert product["platforms"] == {}


OVERLAY = """\
feedbridge: 1
extends: base.yaml
product:
  brand: {value: Acme}
variant:
  price: {from: Preis, as: money, decimal: ",", currency: EUR}
platforms:
  magento:
    product:
      title: {template: "{Name} ({Code})"}
      brand: null
"""
BASE = """\
feedbridge: 1
records: {one: product}
product:
  sku: Code
  title: Name
  price: {from: Preis, as: money, decimal: ",", currency: EUR}
  stock: {from: Bestand, default: 3}
  status:
    when: {column: Aktiv, is: nein}
    then: {value: draft}
    else: {value: active}
"""
TABLE = "Code;Name;Preis;Bestand;Aktiv;Notiz\nA-1;Krug;12,50;;nein;alt\nA-2;Becher;8,00;4;ja;\nA-1;Krug;9,00;1;ja;\n"


@pytest.fixture
def acme(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    mapping = OVERLAY.replace("variant:\n  price", "  price").replace("    from", "from")
    (tmp_path / "acme.yaml").write_text(mapping, encoding="utf-8")
    (tmp_path / "acme.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path


def fields_of(about: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["field"]: field for field in about["fields"]}


def test_each_field_names_the_layer_that_made_it(acme):
    told = api.explain(str(acme / "acme.csv"), sku="A-2", mapping=str(acme / "acme.yaml"), to=["flipsnack", "magento"])
    (product,) = told["products"]
    fields = fields_of(product)
    base, own = str(acme / "base.yaml"), str(acme / "acme.yaml")
    assert fields["sku"] == {
        "field": "sku", "value": "A-2", "origin": "cell", "file": str(acme / "acme.csv"), "line": 3, "column": "Code",
        "raw": "A-2", "kind": "identifier", "layer": f"{base}:4",
    }  # fmt: skip
    assert (fields["brand"]["origin"], fields["brand"]["layer"]) == ("constant", f"{own}:4")
    assert fields["price"]["value"] == {"amount": "8.00", "currency": "EUR"}
    assert fields["price"]["layer"] == f"{own}:5"
    assert (fields["stock"]["origin"], fields["stock"]["raw"]) == ("cell", "4")
    assert fields["status"]["when"] == [{"column": "Aktiv", "value": "ja"}]
    overlaid = fields_of(product["platforms"]["magento"])
    assert overlaid.keys() == {"title", "brand"}
    assert overlaid["title"]["value"] == "Becher (A-2)"
    assert (overlaid["title"]["layer"], overlaid["title"]["steps"]) == (f"{own}:9", ["template"])
    assert overlaid["brand"]["value"] is None
    assert "fields" not in product["platforms"]["flipsnack"]
    assert [column["column"] for column in product["unused"]] == ["Notiz"]
    assert product["platforms"]["magento"]["payload"]["A-2"]["name"] == "Becher (A-2)"


def test_a_default_says_so(acme):
    told = api.explain(str(acme / "acme.csv"), line=2, mapping=str(acme / "acme.yaml"))
    stock = fields_of(told["products"][0])["stock"]
    assert (stock["value"], stock["origin"], stock["column"], stock["layer"]) == (
        "3", "default", "Bestand", f"{acme / 'base.yaml'}:7",
    )  # fmt: skip


def test_a_draft_does_not_take_a_sku(acme):
    """Line 2 is a draft and left out, so line 4 with the same SKU is written: as a run does."""
    told = api.explain(str(acme / "acme.csv"), sku="A-1", mapping=str(acme / "acme.yaml"), to=["flipsnack"])
    assert [(p["line"], p["platforms"]["flipsnack"]["state"]) for p in told["products"]] == [
        (2, "excluded"),
        (4, "written"),
    ]
    assert told["products"][0]["unused"] == [{"column": "Notiz", "values": [{"line": 2, "value": "alt"}]}]


def feed(folder: Path, *rows: str) -> str:
    path = folder / "feed.csv"
    path.write_text("\n".join(["sku,title,price,brand", *rows, ""]), encoding="utf-8")
    return str(path)


GENERIC = {"mapping": "generic", "set": {"currency": "EUR", "decimal": "."}, "to": ["flipsnack"]}


def test_a_sku_that_was_there_before_turns_the_later_one_away(tmp_path):
    path = feed(tmp_path, "A,Pot,5.00,Acme", "B,Cup,6.00,Acme", "A,Jug,7.00,Acme", "b,Mug,7.00,Acme")
    first, second = api.explain(path, sku="A", **GENERIC)["products"]
    own = second["platforms"]["flipsnack"]
    assert (first["platforms"]["flipsnack"]["state"], own["state"]) == ("written", "held back")
    assert [finding["code"] for finding in own["findings"]] == ["flipsnack.F13"]
    assert "payload" not in own
    assert [(f["code"], f["line"]) for f in first["platforms"]["flipsnack"]["elsewhere"]] == [("flipsnack.F13", 4)]
    (cup,) = api.explain(path, sku="B", **GENERIC)["products"]
    assert [(f["code"], f["line"]) for f in cup["platforms"]["flipsnack"]["elsewhere"]] == [("flipsnack.A17", 5)]
    (mug,) = api.explain(path, sku="b", **GENERIC)["products"]
    assert [finding["code"] for finding in mug["platforms"]["flipsnack"]["findings"]] == ["flipsnack.A17"]


def test_a_product_that_is_held_back_itself_turns_nobody_away(tmp_path):
    path = feed(tmp_path, "A,Pot,x,Acme", "A,Jug,7.00,Acme")
    states = [p["platforms"]["flipsnack"]["state"] for p in api.explain(path, sku="A", **GENERIC)["products"]]
    assert states == ["held back", "written"]


def test_sources_stand_in_one_run(tmp_path):
    (tmp_path / "one").mkdir()
    paths = [feed(tmp_path / "one", "A,Pot,5.00,Acme"), feed(tmp_path, "A,Jug,7.00,Acme")]
    products = api.explain(paths, sku="A", **GENERIC)["products"]
    assert [(p["file"], p["platforms"]["flipsnack"]["state"]) for p in products] == [
        (paths[0], "written"),
        (paths[1], "held back"),
    ]


@pytest.mark.parametrize(
    ("rows", "sku", "code", "said"),
    [
        pytest.param(["A-100,Pot,5,x", "B-200,Cup,6,x"], "A-10", "command.unknown-sku", "A-100", id="near"),
        pytest.param(["A-100,Pot,5,x"], "a-100", "command.unknown-sku", "A-100", id="other case"),
        pytest.param(["Pot,Pot,5,x"], "4711", "command.unknown-sku", "compared exactly", id="nothing near"),
        pytest.param(['A,Pot,5,x', 'B,"Cup,5,x', 'C-9,Mug,5,x'], "B", "command.unknown-sku", "feed.csv:3", id="unreadable"),
    ],
)  # fmt: skip
def test_an_unknown_sku_is_refused(tmp_path, rows, sku, code, said):
    with pytest.raises(CommandError) as caught:
        api.explain(feed(tmp_path, *rows), sku=sku, **GENERIC)
    assert caught.value.code == code
    assert said in str(caught.value)


def test_an_empty_source_is_unreadable(tmp_path):
    with pytest.raises(SourceError):
        api.explain(feed(tmp_path), sku="A", **GENERIC)


def test_what_is_wrong_only_where_no_platform_looks_holds_nothing_back(tmp_path):
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "feedbridge: 1\nproduct:\n  sku: sku\n  title: title\n"
        '  price: {from: price, as: money, decimal: ".", currency: EUR}\n  weight_grams: {from: brand, unit: g}\n',
        encoding="utf-8",
    )
    told = api.explain(feed(tmp_path, "A,Pot,5.00,heavy"), sku="A", mapping=str(mapping), to=["flipsnack"])
    (product,) = told["products"]
    assert product["platforms"]["flipsnack"]["state"] == "written"
    assert [finding["field"] for finding in product["findings"]] == ["weight_grams"]


def test_inner_variants_have_their_whole_path():
    sources, given = options_of("pim-json/catalogue")
    (product,) = api.explain(sources[0], sku="SOCKE-42-R", **given)["products"]
    fields = fields_of(product)
    assert fields["variants.1.sale_price"]["column"] == "variants.1.price.sale"
    assert fields["variants.1.sale_price"]["currency_column"] == "variants.1.price.currency"
    assert fields["variants.1.option_values.0"]["column"] == "variants.1.options"
    assert fields["variants.1.sku"]["pointer"] == "/1"


def test_pictures_keep_their_place_when_they_are_put_in_order():
    sources, given = options_of("pim-json/catalogue")
    (product,) = api.explain(sources[0], sku="ZELT-2", **given)["products"]
    fields = fields_of(product)
    assert [fields[f"images.{n}.src"]["column"] for n in (0, 1)] == ["images.1.url", "images.0.url"]
    cells = {cell["column"]: cell["used_by"] for cell in product["records"][0]["cells"]}
    assert cells["images.2.url"] == ["(read for images.2.src)"]


def test_the_login_is_never_told(monkeypatch):
    monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_EMAIL", "owner@shop.example")
    monkeypatch.setenv("FEEDBRIDGE_FLICKROCKET_PASSWORD", "hunter2-secret")
    told = api.explain(
        "fixtures/demo/digital.csv", sku="BOOK-TIDE", mapping="digital", to="flickrocket",
        set={"currency": "EUR", "flickrocket.with_credentials": "true"},
    )  # fmt: skip
    assert "payload" in told["products"][0]["platforms"]["flickrocket"]
    assert "hunter2" not in repr(told) and "owner@" not in repr(told)


PACKED = """\
feedbridge: 1
packed: {options: {pairs: ",", groups: "|"}}
files: {tiers: {has: [sku, from], key: sku, of: sku}}
records: {one: product}
product:
  sku: sku
  title: name
  price: {from: price, as: money, decimal: ".", currency: EUR}
  custom_options: [{each: options, title: name, kind: {from: type, as: text}}]
  tier_prices: [{each: "@tiers", quantity: from, price: {from: price, as: money, decimal: ".", currency: EUR}}]
"""


def test_packed_cells_and_further_files_are_told_by_their_own_columns(tmp_path):
    (tmp_path / "m.yaml").write_text(PACKED, encoding="utf-8")
    main, tiers = tmp_path / "p.csv", tmp_path / "t.csv"
    main.write_text('sku,name,price,options\nA,Mug,9.00,"name=Engraving,type=field"\n', encoding="utf-8")
    tiers.write_text("sku,from,price,note\nA,10,8.00,x\nB,10,7.00,y\n", encoding="utf-8")
    told = api.explain([str(main), str(tiers)], sku="A", mapping=str(tmp_path / "m.yaml"))
    (product,) = told["products"]
    fields = fields_of(product)
    assert (fields["custom_options.0.title"]["column"], fields["custom_options.0.title"]["line"]) == ("options.name", 2)
    assert (fields["tier_prices.0.price"]["file"], fields["tier_prices.0.price"]["line"]) == (str(tiers), 2)
    first, further = product["records"]
    uses = {cell["column"]: cell["used_by"] for cell in first["cells"]}
    assert uses["name"] == ["title"]
    assert uses["options"] == ["custom_options.0.title", "custom_options.0.kind"]
    assert further["further"] == "tiers"
    assert {cell["column"]: cell["used_by"] for cell in further["cells"]}["price"] == ["tier_prices.0.price"]
