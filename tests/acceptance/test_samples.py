"""Real files of other people, end to end: what a user would type, the counts that must come out, and values that are
read a second time here with nothing but the csv and json modules."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from feedbridge.cli import run

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get("FEEDBRIDGE_SAMPLES", ROOT.parent / "shared" / "samples"))
MAPPINGS = Path(__file__).parent / "mappings"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not here")

AKENEO = {
    "currency": "EUR",
    "locale": "en_US",
    "channel": "ecommerce",
    "axes": "color,size",
    "media": "https://pim.example.com/media/",
}
FIXTURES = "akeneo/synolia-fixtures"
OPENREFINE = "generic-csv/openrefine"
PARTS = "pim-json/pc-parts"


class Case(NamedTuple):
    """``counts``: products read, written and held back on Flipsnack, then the same of variants; Magento's when
    they differ.
    ``codes``: how often each code is found, those aside that say once a run what a platform has no place for."""

    files: tuple[str, ...]
    mapping: str
    set: dict[str, str]
    counts: tuple[int, int, int, int, int, int]
    codes: dict[str, int]
    magento: tuple[int, int, int, int, int, int] | None = None


CASES = {
    "shopify-csv": Case(
        ("shopify/gatsby-demo/products.csv",),
        "auto",
        {"currency": "EUR"},
        (99, 98, 1, 300, 294, 6),
        # a generated file: one handle was drawn twice, and the first variant of every product has no SKU
        {
            "flipsnack.A6": 1,
            "flipsnack.F12": 1,
            "magento.M2": 1,
            "flipsnack.S2": 99,
            "mapping.conflict": 2,
            "mapping.header-drift": 1,
            "mapping.sku-made": 100,
        },
    ),
    "shopify-api-one": Case(
        ("shopify/api-json/product.json",),
        "auto",
        {"currency": "USD"},
        (1, 1, 0, 4, 4, 0),
        {},
    ),
    "shopify-api-four-times-the-same": Case(
        ("shopify/api-json/products.json",),
        "auto",
        {"currency": "USD"},
        (4, 1, 3, 4, 1, 3),
        {"flipsnack.F13": 3, "magento.M2": 3},
    ),
    "akeneo-products": Case(
        (f"{FIXTURES}/products.json",),
        "auto",
        AKENEO,
        (3, 2, 1, 0, 0, 0),
        {"mapping.required": 1},
    ),
    "akeneo-models-without-variants": Case(
        (f"{FIXTURES}/product_models_apollon.json",),
        "auto",
        AKENEO,
        (1, 1, 0, 0, 0, 0),
        {"mapping.no-variants": 4},
    ),
    "akeneo-model-without-variants": Case(
        (f"{FIXTURES}/product_models_caelus.json",),
        "auto",
        AKENEO,
        (1, 1, 0, 0, 0, 0),
        {"mapping.no-variants": 1},
    ),
    "akeneo-together": Case(
        (
            f"{FIXTURES}/product_models_apollon.json",
            f"{FIXTURES}/product_models_caelus.json",
            f"{FIXTURES}/products.json",
        ),
        "auto",
        AKENEO,
        (5, 4, 1, 0, 0, 0),
        {"mapping.no-variants": 5, "mapping.required": 1},
    ),
    "google-retail": Case(
        ("pim-json/google-retail/products.json",),
        "auto",
        {"currency": "USD"},
        (316, 316, 0, 0, 0, 0),
        {"flipsnack.S8": 1, "magento.M11": 1},
    ),
    **{
        f"{name}-{kind}": Case((f"{PARTS}/{kind}/{name}.{kind}",), "pc-parts.yaml", {}, (*counts, 0, 0, 0), codes)
        for name, counts, codes in (
            ("cpu", (1413, 961, 452), {"flipsnack.A8": 866, "flipsnack.F13": 452, "magento.M2": 452, "magento.M8c": 1}),
            (
                "headphones",
                (2946, 2510, 436),
                {"flipsnack.A8": 2282, "flipsnack.F13": 436, "magento.M2": 436, "magento.M8c": 1},
            ),
        )
        for kind in ("csv", "json", "jsonl")
    },
    "tate-gz": Case(("pim-json/tate/artworks_a.jsonl.gz",), "tate.yaml", {}, (1738, 1738, 0, 0, 0, 0), {}),
    "goodbooks": Case(("generic-csv/goodbooks_books_sample.csv",), "goodbooks.yaml", {}, (99, 99, 0, 0, 0, 0), {}),
    "food-gz": Case((f"{OPENREFINE}/food.csv.gz",), "food.yaml", {}, (7413, 7413, 0, 0, 0, 0), {}),
    "byte-order-mark": Case((f"{OPENREFINE}/csv-with-bom.csv",), "letters.yaml", {}, (2, 2, 0, 0, 0, 0), {}),
    "latin-1": Case(
        (f"{OPENREFINE}/example-latin1.tsv",),
        "disasters.yaml",
        {},
        (2, 2, 0, 0, 0, 0),
        {"source.encoding-guessed": 1, "csv.trailing-delimiter": 1},
    ),
    **{
        name: Case(
            (f"{OPENREFINE}/example-{name}.tsv",),
            "disasters.yaml",
            {},
            (2, 2, 0, 0, 0, 0),
            {"csv.trailing-delimiter": 1},
        )
        for name in ("utf8", "utf16be-bom", "utf16le-bom")
    },
    "line-breaks-csv": Case(
        (f"{OPENREFINE}/example-linebreaks-in-cells.csv",), "people.yaml", {}, (2, 2, 0, 0, 0, 0), {}
    ),
    "line-breaks-tsv": Case(
        (f"{OPENREFINE}/example-linebreaks-in-cells.tsv",), "ordinals.yaml", {}, (2, 2, 0, 0, 0, 0), {}
    ),
    "words": Case((f"{OPENREFINE}/shop.mini.tsv",), "words.yaml", {}, (5, 5, 0, 0, 0, 0), {}),
}

ONCE_A_RUN = {
    "mapping.unused-columns",
    "flipsnack.S5",
    "flipsnack.S6",
    "magento.A3",
    "magento.A9",
    "magento.M12c",
    "magento.M17",
}
"""What is said once a run of a platform, whatever the file."""


class Output(NamedTuple):
    status: int
    manifest: dict[str, Any]
    findings: list[dict[str, Any]]
    folder: Path

    def flipsnack(self) -> list[dict[str, Any]]:
        files = sorted((self.folder / "flipsnack").iterdir())
        return [product for path in files for product in json.loads(path.read_text("utf-8"), parse_float=Decimal)]

    def magento(self) -> dict[str, dict[str, Any]]:
        files = sorted((self.folder / "magento").iterdir())
        return {key: one for path in files for key, one in json.loads(path.read_text("utf-8"))["product"].items()}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Output]:
    return {}


@pytest.fixture
def converted(outputs: dict[str, Output], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Convert a case once, whichever test asks first."""

    def convert(name: str) -> Output:
        if name not in outputs:
            case = CASES[name]
            out = tmp_path_factory.mktemp("converted") / "out"
            mapping = str(MAPPINGS / case.mapping) if case.mapping.endswith(".yaml") else case.mapping
            arguments = [
                "convert",
                *(str(SAMPLES / file) for file in case.files),
                "--mapping",
                mapping,
                "--out",
                str(out),
            ]
            arguments += ["--to", "flipsnack", "--to", "magento"]
            for key, value in case.set.items():
                arguments += ["--set", f"{key}={value}"]
            status = run(arguments)
            assert status in (0, 1), f"{name} ended with {status}"
            findings = [json.loads(line) for line in (out / "findings.jsonl").read_text("utf-8").splitlines()]
            outputs[name] = Output(status, json.loads((out / "manifest.json").read_text("utf-8")), findings, out)
        return outputs[name]

    return convert


@pytest.mark.parametrize("name", CASES)
def test_counts(name: str, converted: Any) -> None:
    case, output = CASES[name], converted(name)
    for platform, wanted in (("flipsnack", case.counts), ("magento", case.magento or case.counts)):
        counts = output.manifest["platforms"][platform]["counts"]
        own = counts["variants"]
        assert (
            counts["read"],
            counts["written"],
            counts["held_back"],
            own["read"],
            own["written"],
            own["held_back"],
        ) == wanted, platform
        for tally in (counts, own):
            assert tally["read"] == tally["written"] + sum(tally["excluded"].values()) + tally["held_back"]
    assert output.status == (1 if case.counts[2] else 0)


@pytest.mark.parametrize("name", CASES)
def test_findings_are_those_that_matter(name: str, converted: Any) -> None:
    codes = Counter(finding["code"] for finding in converted(name).findings)
    assert {code: count for code, count in codes.items() if code not in ONCE_A_RUN} == CASES[name].codes
    assert all(count == 1 for code, count in codes.items() if code in ONCE_A_RUN), codes


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.counts[2]])
def test_every_product_that_is_held_back_says_where_why_and_what_to_do(name: str, converted: Any) -> None:
    output = converted(name)
    errors = [finding for finding in output.findings if finding["severity"] == "error"]
    for finding in errors:
        missing = [key for key in ("file", "line", "column", "message", "mend", "sku") if not finding.get(key)]
        assert not missing, finding
    for platform in ("flipsnack", "magento"):
        # a product is told by its first line (and, in a list of documents, its place there)
        named = {
            (finding["line"], finding.get("pointer", ""), finding["file"])
            for finding in errors
            if finding.get("platform", platform) == platform
        }
        assert len(named) == output.manifest["platforms"][platform]["counts"]["held_back"], platform
    held = [entry["records"] for entry in output.manifest["quarantine"]]
    assert sum(held) >= CASES[name].counts[2]


# -- the same files read a second time -----------------------------------------------------------------------------


def rows(file: str) -> list[dict[str, str]]:
    path = SAMPLES / file
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_shopify_products_variants_and_prices_are_the_files_own(converted: Any) -> None:
    twice = "mediocre-concrete-pants"
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows("shopify/gatsby-demo/products.csv"):
        groups.setdefault(row["Handle"], []).append(row)
    groups.pop(twice)
    products = converted("shopify-csv").flipsnack()
    assert [product["code"] for product in products] == list(groups)
    for product, group in zip(products, groups.values(), strict=True):
        head = group[0]
        assert product["title"] == head["Title"]
        assert product["description"] == head["Body"].strip()
        assert product["image_link"] == head["Image src"].strip()
        assert product["attribute"] == {"name1": "Color", "options1": ",".join(row["Option1 value"] for row in group)}
        assert [one["price"] for one in product["variants"]] == [Decimal(row["Variant price"]) for row in group]
        skus = [row["Variant sku"] or f"{head['Handle']}-{row['Option1 value'].replace(' ', '-')}" for row in group]
        assert [one["code"] for one in product["variants"]] == skus
    items = converted("shopify-csv").magento()
    assert len(items) == sum(map(len, groups.values())) == 294
    total = sum(Decimal(row["Variant price"]) for group in groups.values() for row in group)
    assert sum(Decimal(item["price"]) for item in items.values()) == total


def test_shopify_api_variants_are_named_after_their_product(converted: Any) -> None:
    (product,) = converted("shopify-api-one").flipsnack()
    assert product["attribute"] == {"name1": "Title", "options1": "Pink,Red,Green,Black"}
    items = converted("shopify-api-one").magento()
    assert {key: (item["name"], item["price"]) for key, item in items.items()} == {
        f"IPOD2008{color.upper()}": (f"IPod Nano - 8GB - {color}", "199") for color in ("Pink", "Red", "Green", "Black")
    }


def test_akeneo_takes_the_wanted_locale_channel_and_currency(converted: Any) -> None:
    by_code = {product["code"]: product for product in converted("akeneo-together").flipsnack()}
    assert list(by_code) == ["apollon", "caelus", "top", "cap"]
    assert (by_code["top"]["title"], by_code["top"]["description"]) == ("Top", "Summer top")
    assert (by_code["top"]["sell_price"], by_code["top"]["currency"]) == (Decimal("15.5"), "EUR")
    assert by_code["apollon"]["image_link"] == (
        "https://pim.example.com/media/3/b/b/7/3bb7011ca12e593cee25631f541bc2d53c19733a_apollon.jpg"
    )
    assert by_code["caelus"]["sell_price"] == 999


def test_google_retail_sells_at_the_price_that_is_asked_now(converted: Any) -> None:
    lines = (SAMPLES / "pim-json/google-retail/products.json").read_text("utf-8").splitlines()
    documents = [json.loads(line) for line in lines]
    products = converted("google-retail").flipsnack()
    assert [product["code"] for product in products] == [document["id"] for document in documents]
    for product, document in zip(products, documents, strict=True):
        regular, now = Decimal(document["priceInfo"]["originalPrice"]), Decimal(document["priceInfo"]["price"])
        assert product["title"] == document["title"]
        assert product["image_link"] == document["images"][0]["uri"]
        assert product["currency"] == document["priceInfo"]["currencyCode"]
        assert (product["sell_price"], product.get("discount_price")) == (
            (regular, now) if regular > now else (now, None)
        )


@pytest.mark.parametrize("name", ["cpu", "headphones"])
def test_the_three_twins_of_a_list_of_parts_give_the_same(name: str, converted: Any) -> None:
    outputs = [converted(f"{name}-{kind}") for kind in ("csv", "json", "jsonl")]
    for platform in ("flipsnack", "magento"):
        contents = [[path.read_bytes() for path in sorted((output.folder / platform).iterdir())] for output in outputs]
        assert contents[0] == contents[1] == contents[2]
    first: dict[str, dict[str, str]] = {}
    for row in rows(f"{PARTS}/csv/{name}.csv"):
        first.setdefault(row["name"], row)
    products = outputs[0].flipsnack()
    by_title = {product["title"]: product for product in products}
    assert by_title.keys() <= first.keys()
    for title, product in by_title.items():
        price = first[title]["price"]
        assert product.get("sell_price") == (Decimal(price) if price else None), title


def test_tate_titles_and_pictures(converted: Any) -> None:
    with gzip.open(SAMPLES / "pim-json/tate/artworks_a.jsonl.gz", "rt", encoding="utf-8") as file:
        works = [json.loads(line) for line in file]
    products = converted("tate-gz").flipsnack()
    assert [(p["code"], p["title"], p.get("image_link")) for p in products] == [
        (work["acno"], work["title"], work["thumbnailUrl"]) for work in works
    ]


def test_food_keeps_the_zeros_in_front(converted: Any) -> None:
    table = rows(f"{OPENREFINE}/food.csv.gz")
    products = converted("food-gz").flipsnack()
    assert [(p["code"], p["title"]) for p in products] == [(row["NDB_No"], row["Shrt_Desc"].strip()) for row in table]
    assert products[0]["code"] == "01001"


def test_goodbooks(converted: Any) -> None:
    table = rows("generic-csv/goodbooks_books_sample.csv")
    products = converted("goodbooks").flipsnack()
    assert [(p["code"], p["title"], p["image_link"]) for p in products] == [
        (row["goodreads_book_id"], row["title"].strip(), row["image_url"]) for row in table
    ]


@pytest.mark.parametrize("name", ["latin-1", "utf8", "utf16be-bom", "utf16le-bom"])
def test_encodings_give_the_same_words(name: str, converted: Any) -> None:
    assert [(p["code"], p["title"]) for p in converted(name).flipsnack()] == [
        ("2003-0160", "Algeria: Tizi Ouzou, Béjaïa, (Kaby ..."),
        ("2002-0752", "Algeria: Near Béjaïa, Tizi Ouzou ( ..."),
    ]


def test_line_breaks_inside_cells_are_kept(converted: Any) -> None:
    people = {p["code"]: p["description"] for p in converted("line-breaks-csv").flipsnack()}
    assert (
        people["Mary II"] == "Mary II was Queen regnant of England, Scotland, and Ireland from \n1689 until her death."
    )
    assert [(p["code"], p["title"], p["description"]) for p in converted("line-breaks-tsv").flipsnack()] == [
        ("aa", "bb", "dd"),
        ("ee", "f\nf", "h\nh"),
    ]


def test_a_file_without_products_is_never_a_feed_without_products(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = str(SAMPLES / "pim-json/commercetools/product-export-template.csv")
    arguments = ["convert", source, "--mapping", str(MAPPINGS / "commercetools.yaml"), "--to", "flipsnack"]
    status = run([*arguments, "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert status == 3
    assert "source.no-products" in said and "--allow-empty" in said
    assert not (tmp_path / "out").exists()
    assert run([*arguments, "--allow-empty", "--out", str(tmp_path / "out")]) == 0
    findings = (tmp_path / "out" / "findings.jsonl").read_text("utf-8")
    assert '"source.header-only"' in findings


def test_a_shop_that_no_preset_knows_is_told_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = run(
        ["convert", str(SAMPLES / PARTS / "csv" / "cpu.csv"), "--to", "flipsnack", "--out", str(tmp_path / "out")]
    )
    said = capsys.readouterr().err
    assert status == 2
    assert "fits no preset" in said and "core_clock" in said and "--mapping NAME" in said
    assert not (tmp_path / "out").exists()
