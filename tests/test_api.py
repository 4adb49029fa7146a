"""feedbridge from Python."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pandas
import pytest

import feedbridge
from feedbridge.cli import run
from feedbridge.errors import CommandError, MappingError, SourceError
from tests.run.runs import tree

ROOT = Path(__file__).resolve().parents[1]
SHOP = ROOT / "fixtures" / "demo" / "shop.csv"
DIGITAL = ROOT / "fixtures" / "demo" / "digital.csv"
PLATFORMS = ["flipsnack", "magento", "flickrocket"]

SMALL = """\
sku,group,title,price,size,image,gtin
T-M,tee,Tee,19.90,M,https://x.example/t.jpg,4006381333931
T-L,tee,Tee,19.90,L,https://x.example/t.jpg,
CUP,,Cup,"7,50",,,
POT,,Pot,12.00,,,4006381333932
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.csv"
    path.write_text(SMALL, encoding="utf-8")
    return path


def convert(path, **more):
    return feedbridge.convert(
        path, **{"to": "flipsnack", "mapping": "generic", "set": {"currency": "EUR", "decimal": "."}, **more}
    )


# one house, two doors


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        pytest.param(SHOP, {"currency": "EUR"}, id="shop"),
        pytest.param(DIGITAL, {}, id="digital"),
    ],
)
def test_the_command_line_and_python_give_the_same_bytes(tmp_path, source, settings):
    feedbridge.convert(source, to=PLATFORMS, out=tmp_path / "api", set=settings)
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    status = run(
        [
            "convert",
            str(source),
            "--quiet",
            "--out",
            str(tmp_path / "cli"),
            *words,
            *(w for name in PLATFORMS for w in ("--to", name)),
        ]
    )
    assert status in (0, 1)
    one, two = tree(tmp_path / "api"), tree(tmp_path / "cli")
    assert one.keys() == two.keys() and {"manifest.json", "findings.jsonl"} <= one.keys()
    assert {name for name in one if one[name] != two[name]} <= {"report.html"}
    assert one.get("report.html") == two.get("report.html")


# results


def test_a_result_counts_and_names(small):
    result = convert(small)
    assert result.counts["flipsnack"] == {
        "read": 3,
        "written": 2,
        "excluded": {},
        "held_back": 1,
        "variants": {"read": 2, "written": 2, "excluded": {}, "held_back": 0},
    }
    assert result.exit_status == 1
    (error,) = [finding for finding in result.findings if finding.severity == "error"]
    assert (error.line, error.column, error.sku, error.value) == (4, "price", "CUP", "7,50")
    assert result.finding_counts[error.code] == 1
    assert error in result.first_findings
    assert repr(result) == "<feedbridge.Result flipsnack: read 3, written 2, excluded 0, held back 1>"


def test_products_are_pydantic_objects_again_and_again(small):
    result = convert(small)
    for _ in range(2):
        tee, pot = result.products
        assert isinstance(tee, feedbridge.Product) and tee.price is None
        assert [variant.price.amount for variant in tee.variants] == [Decimal("19.90")] * 2
        assert pot.sku == "POT" and pot.gtin is None


def test_read_gives_the_same_products(small):
    settings = {"currency": "EUR", "decimal": "."}
    assert list(feedbridge.read(small, mapping="generic", set=settings)) == list(convert(small).products)


def test_payloads_are_what_was_written(small):
    result = convert(small, to=["flipsnack", "magento"])
    assert result.payload("flipsnack") == json.loads((result.out / "flipsnack" / "batch-0001.json").read_bytes())
    assert [product["code"] for product in result.payload("flipsnack")] == ["tee", "POT"]
    assert (
        len(result.payload("magento")) == result.counts["magento"]["written"] + 1
    )  # a product with two variants is two
    with pytest.raises(CommandError, match="no payload for flickrocket"):
        result.payload("flickrocket")


def test_payloads_of_folders():
    result = feedbridge.convert(DIGITAL, to="flickrocket")
    assert len(result.payload("flickrocket")) == result.counts["flickrocket"]["written"] > 0


def test_check_writes_nothing_and_finds_the_same(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    checked = feedbridge.check(small, to="flipsnack", mapping="generic", set={"currency": "EUR", "decimal": "."})
    assert tree(tmp_path) == before
    converted = convert(small)
    assert checked.out is None and checked.counts == converted.counts
    assert checked.findings == converted.findings and checked.finding_counts == converted.finding_counts
    with pytest.raises(CommandError, match="use convert instead of check"):
        checked.payload("flipsnack")


def test_a_frame_has_a_row_for_each_variant(small):
    frame = convert(small).to_frame()
    assert list(frame["sku"]) == ["tee", "tee", "POT"]
    assert list(frame["variant_sku"].fillna("")) == ["T-M", "T-L", ""]
    assert list(frame["price"]) == [Decimal("19.90"), Decimal("19.90"), Decimal("12.00")]
    assert list(frame["currency"]) == ["EUR"] * 3
    assert frame["gtin"][0] == "4006381333931"


def test_a_result_shows_itself_as_a_table(small):
    html = convert(small)._repr_html_()
    assert "<td>flipsnack</td><td>3</td><td>2</td><td>0</td><td>1</td>" in html
    assert "cell.price-format" in html


def test_a_temporary_output_lives_as_long_as_its_result(small):
    result = convert(small)
    out = result.out
    assert (out / "manifest.json").is_file()
    del result
    import gc

    gc.collect()
    assert not out.exists()


# DataFrames


def test_a_frame_gives_what_its_file_gives(small):
    frame = pandas.read_csv(small, dtype=str, keep_default_na=False)
    from_file, from_frame = convert(small), convert(frame)
    assert from_frame.payload("flipsnack") == from_file.payload("flipsnack")
    assert from_frame.counts == from_file.counts
    assert [(f.code, f.column, f.sku) for f in from_frame.findings] == [
        (f.code, f.column, f.sku) for f in from_file.findings
    ]
    assert list(from_frame.products) == list(from_file.products)


def test_several_sources_are_one_run(small, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("sku,title,price\nPOT,Pot,1.00\nJUG,Jug,2.00\n", encoding="utf-8")
    result = convert([small, other])
    assert result.counts["flipsnack"]["read"] == 5 and result.counts["flipsnack"]["held_back"] == 2
    assert any("was there before, at" in finding.message and finding.file == str(other) for finding in result.findings)
    assert convert(str(tmp_path / "*.csv")).counts["flipsnack"]["read"] == 5


# mistakes


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        pytest.param({"to": "flipsnac"}, CommandError, 'did you mean "flipsnack"', id="unknown platform"),
        pytest.param({"set": {"curency": "EUR"}}, CommandError, 'did you mean "currency"', id="unknown parameter"),
        pytest.param(
            {"set": {"flipsnack.fed": "x"}}, CommandError, 'did you mean "feed"', id="unknown setting of a platform"
        ),
        pytest.param(
            {"set": {"flipsnack.batch_products": "many"}},
            CommandError,
            "flipsnack.batch_products",
            id="a setting with a wrong value",
        ),
        pytest.param({"set": {"magento.x": "y"}}, CommandError, "--to magento", id="a setting of another platform"),
        pytest.param({"mapping": "generc"}, MappingError, 'did you mean "generic"', id="unknown preset"),
        pytest.param({"set": {}}, CommandError, "--set currency=EUR", id="a parameter that is asked for"),
        pytest.param({"limit": 0}, CommandError, "at least 1", id="no limit"),
        pytest.param({"to": []}, CommandError, "platform", id="no platform"),
        pytest.param({"workers": 0}, CommandError, "workers", id="no workers"),
    ],
)
def test_a_mistake_is_named(small, more, error, words):
    with pytest.raises(error) as caught:
        convert(small, **more)
    assert words in str(caught.value)


def test_an_unknown_platform_in_a_mapping_is_named(small, tmp_path):
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "feedbridge: 1\nextends: generic\nplatforms:\n  flipsnak: {settings: {feed: x}}\n", encoding="utf-8"
    )
    with pytest.raises(MappingError) as caught:
        convert(small, mapping=str(mapping))
    assert f"{mapping}:4" in str(caught.value) and 'did you mean "flipsnack"' in str(caught.value)


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(SourceError):
        convert(tmp_path / "none.csv")
    with pytest.raises(CommandError, match="no source"):
        convert([])


def test_nothing_is_left_of_a_run_that_failed(small, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(CommandError):
        convert(small, out=out, set={})
    assert not out.exists() and sorted(path.name for path in tmp_path.iterdir()) == ["small.csv"]


def test_settings_of_a_mapping_and_of_the_call(small, tmp_path):
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "feedbridge: 1\nextends: generic\nplatforms:\n  flipsnack: {settings: {batch_products: 1, item_type: good}}\n",
        encoding="utf-8",
    )
    result = convert(
        small, mapping=str(mapping), set={"currency": "EUR", "decimal": ".", "flipsnack.item_type": "thing"}
    )
    assert [product["type"] for product in result.payload("flipsnack")] == ["thing", "thing"]
    assert len(result.manifest["platforms"]["flipsnack"]["files"]) == 2


def test_an_overlay_changes_one_platform_only(small, tmp_path):
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "feedbridge: 1\nextends: generic\n"
        "platforms:\n  magento: {product: {title: {template: '{title} for Magento'}}}\n",
        encoding="utf-8",
    )
    result = convert(small, mapping=str(mapping), to=["flipsnack", "magento"])
    assert {product["title"] for product in result.payload("flipsnack")} == {"Tee", "Pot"}
    assert all("for Magento" in json.dumps(product) for product in result.payload("magento"))
    assert result.counts["magento"]["held_back"] == result.counts["flipsnack"]["held_back"] == 1


def test_all_that_is_promised_is_there():
    assert all(hasattr(feedbridge, name) for name in feedbridge.__all__)
    assert set(dir(feedbridge)) == set(feedbridge.__all__)
    with pytest.raises(AttributeError, match="no attribute 'convrt'"):
        feedbridge.convrt  # noqa: B018
