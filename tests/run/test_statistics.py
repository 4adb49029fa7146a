"""The feed score, completeness and prices of a run: right, conserved, and the same however the run was cut up."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.cli import run as command
from feedbridge.platforms import platforms
from feedbridge.product import Product, to_light
from feedbridge.run import statistics
from feedbridge.run.engine import run
from feedbridge.run.manifest import manifest_of
from feedbridge.run.page import page_of, write_report
from feedbridge.run.ranges import plan_ranges
from feedbridge.run.samples import mixed
from feedbridge.run.statistics import FULL, Prices, Questions, ScoreTally, Statistics, bin_of
from tests.run.runs import ALL, HEADER, MAPPING, job_of
from tests.run.test_conservation import DAMAGE
from tests.run.test_engine_workers import RANGE, shop, written

TARGETS = [platforms()[name] for name in ("flipsnack", "magento")]
EURO = {"amount": "10", "currency": "EUR"}
PICTURE = {"src": "https://cdn.example.com/a.jpg"}
LONG = "x" * 100
PERFECT: dict[str, Any] = {
    "sku": "A", "title": "Oak lamp", "price": EURO, "description": LONG, "images": [PICTURE],
}  # fmt: skip


def light(**fields: Any) -> Product:
    return to_light(Product.model_validate({"sku": "A", "title": "Oak lamp", **fields}))


def variants(*fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"sku": f"V{number}", "option_values": [str(number)], **own} for number, own in enumerate(fields)]


def table(tmp_path: Path, *rows: dict[str, str], name: str = "shop.csv") -> Path:
    lines = [",".join(HEADER), *(",".join(row.get(column, "") for column in HEADER) for row in rows)]
    return written(tmp_path, ("\n".join(lines) + "\n").encode(), name)


def row(handle: str, **more: str) -> dict[str, str]:
    cells = {
        "Handle": handle, "Title": "Oak lamp", "SKU": f"{handle}-1", "Price": "10.00",
        "Image": "https://cdn.example.com/a.jpg", "Body": LONG,
    }  # fmt: skip
    return cells | more


def gathered(job: Any) -> Statistics:
    return run(job, None).stitcher.statistics


# the questions


@pytest.mark.parametrize(
    ("field", "fields", "filled"),
    [
        pytest.param("description", {"description": "Warm light."}, True, id="text"),
        pytest.param("description", {}, False, id="no text"),
        pytest.param("price", {"price": EURO}, True, id="own price"),
        pytest.param("price", {"variants": variants({"price": EURO}, {"price": EURO})}, True, id="all variants priced"),
        pytest.param("price", {"variants": variants({"price": EURO}, {})}, False, id="one variant without a price"),
        pytest.param("sale_price", {"variants": variants({}, {"sale_price": EURO})}, True, id="one variant reduced"),
        pytest.param("sale_price", {"variants": variants({}, {})}, False, id="none reduced"),
        pytest.param("images", {"images": [PICTURE]}, True, id="picture"),
        pytest.param("images", {"variants": variants({"image": PICTURE})}, True, id="pictures of all variants"),
        pytest.param("images", {"variants": variants({"image": PICTURE}, {})}, False, id="picture of one variant"),
        pytest.param("quantity_min", {"quantity_min": 0}, True, id="zero is a value"),
        pytest.param("quantity_min", {}, False, id="no number"),
        pytest.param("categories", {"categories": [["Home", "Lamps"]]}, True, id="categories"),
        pytest.param("custom_options", {"custom_options": []}, False, id="no custom options"),
    ],
)
def test_a_field_counts_as_filled(field, fields, filled):
    questions = Questions(TARGETS)
    for given_fields in (None, {*fields, "image", "price", "sale_price"}):
        answers, *_ = questions.ask(given_fields)(light(**fields))
        assert answers & 1 and bool(answers & questions.bit(field)) is filled


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        pytest.param({"price": EURO}, "EUR 10", id="price"),
        pytest.param({"price": {"amount": "12.50", "currency": "SEK"}}, "SEK 12.50", id="another currency"),
        pytest.param(
            {"price": EURO, "sale_price": {"amount": "8", "currency": "EUR"}}, "EUR 8", id="what is asked now"
        ),
        pytest.param({"price": EURO, "sale_price": {"amount": "11", "currency": "EUR"}}, "EUR 10", id="no reduction"),
        pytest.param({"variants": variants({"price": EURO}, {})}, "EUR 10", id="of the first variant"),
        pytest.param({}, "", id="none"),
        pytest.param({"price": {"amount": "0.00", "currency": "EUR"}}, "EUR 0.00", id="free"),
    ],
)
def test_the_price_of_a_product(fields, price):
    _, currency, amount = Questions(TARGETS).ask()(light(**fields))
    assert f"{currency} {'' if amount is None else amount}".strip() == price


def test_the_compiled_function_says_what_each_criterion_says():
    questions = Questions(list(platforms().values()))
    ask = questions.ask()
    for place, platform in enumerate(questions.platforms):
        for one in platform.quality:
            for fields in (one.good, one.bad, {}):
                product = light(**fields)
                for bit, other in questions.own[place]:
                    assert bool(ask(product)[0] & bit) is other.loses(product), (other.number, fields)


def test_all_answers_fit_into_what_workers_send():
    questions = Questions(list(platforms().values()))
    most = sum(questions.tests.values()) | (2 << len(questions.fields)) - 1
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(most)) == most < 1 << 63


# a product's score


@pytest.mark.parametrize(
    ("fields", "codes", "score", "lost"),
    [
        pytest.param(PERFECT, (), 100, {}, id="nothing wanting"),
        pytest.param(PERFECT | {"description": None}, (), 85, {"flipsnack.Q2": (15, True)}, id="one criterion"),
        pytest.param(PERFECT | {"description": "A"}, (), 95, {"flipsnack.Q3": (5, True)}, id="short is not missing"),
        pytest.param(
            {"sku": "A", "title": "Oak lamp"}, ("flipsnack.A8",), 35,
            {"flipsnack.Q1": (30, True), "flipsnack.Q2": (15, True), "flipsnack.A8": (20, True)}, id="with a warning",
        ),
        pytest.param(
            {"sku": "A", "title": "Oak lamp"}, tuple(f"cell.c{number}" for number in range(13)), 0,
            {"flipsnack.Q1": (30, True), "flipsnack.Q2": (15, True),
             **{f"cell.c{number}": (5, False) for number in range(11)},
             "cell.c11": (0, False), "cell.c12": (0, False)}, id="not below 0",
        ),
    ],
)  # fmt: skip
def test_a_product_loses_points(fields, codes, score, lost):
    counted = Statistics(Questions(TARGETS[:1]))
    answers, *_ = counted.questions.ask()(light(**fields))
    got, why = counted.judge(0, (answers, "w", codes))
    assert got == score and FULL - score == sum(points for _, points, _ in why)
    if score:
        assert {code: (points, lifts) for code, points, lifts in why} == lost
    else:
        assert {code: points for code, points, _ in why} == {code: points for code, (points, _) in lost.items()}
        assert [code for code, _, lifts in why if lifts] == ["flipsnack.Q1", "flipsnack.Q2"]


@pytest.mark.parametrize(
    ("codes", "shares"),
    [
        pytest.param(("a.x",), [("a.x", 100, True)], id="one reason"),
        pytest.param(("a.x", "b.y"), [("a.x", 50, False), ("b.y", 50, False)], id="mending one of two lifts nothing"),
        pytest.param(
            ("a.x", "b.y", "c.z"),
            [("a.x", 34, False), ("b.y", 33, False), ("c.z", 33, False)],
            id="the rest goes first",
        ),
    ],
)
def test_a_held_back_product_has_nothing(codes, shares):
    assert Statistics(Questions(TARGETS)).judge(0, (0, "h", codes)) == (0, shares)


def test_the_feed_score_is_cut_so_that_100_is_perfect():
    tally = ScoreTally()
    tally.add(100, [], 9_999)
    tally.add(95, [("flipsnack.Q3", 5, True)], 1)
    assert tally.score == 99.9
    assert ScoreTally().score is None


# a run's score


def test_a_small_feed(tmp_path):
    path = table(
        tmp_path,
        row("good"),
        row("bare", Image="", Body=""),
        row("short", Body="A lamp."),
        row("wrong", Price="twelve"),
        row("draft", Status="draft"),
        row("again"),
        row("other", SKU="again-1"),
    )
    counted = gathered(job_of(path, to=["flipsnack"], workers=1))
    (tally,) = counted.scores
    assert (tally.products, tally.points) == (6, 100 + 55 + 95 + 0 + 100 + 0)
    assert tally.bins == [2, 0, 0, 0, 0, 1, 0, 0, 0, 3]
    assert tally.score == 58.3
    assert [(code, points, lost.concerns, lost.lifts) for code, points, lost in tally.losses()] == [
        ("cell.price-format", 16.67, 1, 1),
        ("flipsnack.F13", 16.67, 1, 1),
        ("flipsnack.Q1", 5.0, 1, 1),
        ("flipsnack.Q2", 2.5, 1, 1),
        ("flipsnack.Q3", 0.83, 1, 1),
    ]
    assert counted.made == 6 and counted.filled["description"] == 5
    assert counted.prices.counts["EUR"] == {Decimal(10): 6}


def test_the_manifest_and_the_terminal_tell_the_score(tmp_path, capsys):
    path = table(tmp_path, row("good"), row("bare", Image=""))
    mapping = tmp_path / "own.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    out = tmp_path / "out"
    words = ["convert", str(path), "--mapping", str(mapping), "--to", "flipsnack", "--out", str(out)]
    assert command(words) == 0
    about = json.loads((out / "manifest.json").read_bytes())["platforms"]["flipsnack"]
    assert about["score"] == 85.0
    (loss,) = about["losses"]
    assert (loss["code"], loss["points"], loss["products"]) == ("flipsnack.Q1", 15.0, 1)
    assert loss["title"] and loss["mend"]
    assert "flipsnack feed score 85 of 100; most is lost to flipsnack.Q1: 15 (1 product)\n" in capsys.readouterr().err
    assert (out / "report.html").read_bytes().startswith(b"<!")
    assert command([*words, "--no-report"]) == 0
    assert not (out / "report.html").exists()


def test_only_left_out_products_give_no_score(tmp_path):
    path = table(tmp_path, row("draft", Status="draft"))
    (tally,) = gathered(job_of(path, to=["flipsnack"], workers=1)).scores
    assert tally.score is None and sum(tally.bins) == 0


def test_a_score_does_not_depend_on_the_other_platforms(tmp_path):
    path = written(tmp_path, shop(7, damage=DAMAGE))
    together = gathered(job_of(path, workers=1)).to_dict()["scores"]
    alone = [gathered(job_of(path, to=[name], workers=1)).to_dict()["scores"][0] for name in ALL]
    assert together == alone


def conserved(counted: Statistics, counts: list[Any]) -> None:
    for tally, own in zip(counted.scores, counts, strict=True):
        there = own.products.read - own.products.excluded.total()
        assert sum(tally.bins) == tally.products == there
        assert sum(lost.points for lost in tally.lost.values()) == FULL * tally.products - tally.points
        assert statistics.OTHER not in tally.lost, "every held-back product has its reason"
        assert all(0 <= lost.lifts <= lost.concerns <= there for lost in tally.lost.values())
    assert all(number <= counted.made for number in counted.filled.values())
    assert sum(one.total() for one in counted.prices.counts.values()) <= counted.made


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("scattered", "damage"),
    [
        pytest.param(False, (), id="rows together"),
        pytest.param(True, (), id="rows of a product apart: the run starts over"),
        pytest.param(False, DAMAGE, id="rows damaged"),
    ],
)
def test_sums_are_conserved_and_workers_change_nothing(tmp_path, seed, scattered, damage):
    path = written(tmp_path, shop(seed, scattered=scattered, damage=damage))
    pages = []
    for workers in (1, 2):
        job = job_of(path, to=["flipsnack", "magento"], workers=workers, range_bytes=RANGE)
        done = run(job, None)
        conserved(done.stitcher.statistics, done.stitcher.counts)
        pages.append((done.stitcher.statistics.to_dict(), page_of(job, done, manifest_of(job, done))))
    assert pages[0] == pages[1]
    assert pages[0][0]["made"] > 10


def test_a_report_is_the_same_to_the_byte(tmp_path):
    path = written(tmp_path, shop(3, rows=400))
    made = []
    for name, workers in (("one", 1), ("two", 2), ("again", 1)):
        job = job_of(path, workers=workers, range_bytes=RANGE)
        assert len(plan_ranges(job.sources[0], 2, RANGE)) > 3
        out = tmp_path / name
        out.mkdir()
        done = run(job, out)
        write_report(out, job, done, manifest_of(job, done))
        made.append((out / "report.html").read_bytes())
    assert made[0] == made[1] == made[2]


def test_kinds_are_explained_early_when_there_are_many(tmp_path, monkeypatch):
    path = written(tmp_path, shop(5, damage=DAMAGE))
    late = gathered(job_of(path, workers=1)).to_dict()
    monkeypatch.setattr(statistics, "MOST_KINDS", 1)
    assert gathered(job_of(path, workers=1)).to_dict() == late


# sums of parts

ANSWERS = st.integers(0, (1 << len(Questions(TARGETS).fields) + 1 + len(Questions(TARGETS).tests)) - 1)
CODES = st.lists(st.sampled_from(["cell.a", "cell.b", "flipsnack.A8", "magento.M8c", "magento.A9"]), unique=True).map(
    lambda codes: tuple(sorted(codes))
)
PRICES = st.tuples(
    st.sampled_from(["EUR", "SEK"]), st.decimals(0, 10**7, places=2, allow_nan=False, allow_infinity=False)
)
PRODUCTS = st.lists(
    st.tuples(ANSWERS, st.text("weh", min_size=2, max_size=2), st.tuples(CODES, CODES), st.none() | PRICES),
    max_size=25,
)


def counted_of(products: list[Any]) -> Statistics:
    counted = Statistics(Questions(TARGETS))
    for answers, states, codes, price in products:
        if states == "ww" and codes == ((), ()):
            counted.add_plain([(answers, ())])
        else:
            counted.add(answers, states, [], codes)
        if price is not None:
            counted.prices.add(price[0], [price[1]])
    return counted


@settings(max_examples=60, deadline=None)
@given(PRODUCTS, PRODUCTS, PRODUCTS)
def test_parts_add_up_in_any_order(one, two, three):
    whole = counted_of([*one, *two, *three]).to_dict()
    left, right = counted_of(one), counted_of(two)
    left.merge(right)
    left.merge(counted_of(three))
    assert left.to_dict() == whole
    right, left = counted_of(two), counted_of(three)
    right.merge(left)
    right.merge(counted_of(one))
    assert right.to_dict() == whole


@settings(max_examples=60, deadline=None)
@given(ANSWERS, st.lists(st.sampled_from(["flipsnack.A8", "magento.A3", "magento.M8c", "magento.M12c"]), unique=True))
def test_warnings_said_once_a_run_count_like_others(answers, codes):
    plain, other = counted_of([]), counted_of([])
    plain.add_plain([(answers, tuple(sorted(codes)))])
    own = [tuple(sorted(code for code in codes if code.startswith(platform.name))) for platform in TARGETS]
    other.add(answers, "ww", [], own)
    assert plain.to_dict() == other.to_dict()


@settings(max_examples=60, deadline=None)
@given(st.lists(PRICES, max_size=40), st.integers(0, 40))
def test_many_prices_are_rounded_alike_however_they_come(prices, cut):
    most, statistics.MOST_PRICES = statistics.MOST_PRICES, 8
    try:
        parts = [Prices(), Prices(), Prices()]
        for number, (currency, amount) in enumerate(prices):
            parts[number >= cut].add(currency, [amount])
        for currency, amount in reversed(prices):
            parts[2].add(currency, [amount])
        parts[0].merge(parts[1])
        parts[2].settle()
        assert parts[0].counts == parts[2].counts and parts[0].ends == parts[2].ends
        for currency, (least, highest) in parts[2].ends.items():
            own = [amount for other, amount in prices if other == currency]
            assert (least, highest) == (min(own), max(own))
            bins, median = parts[2].spread(currency)
            assert sum(number for *_, number in bins) == len(own)
            assert Decimal(median) <= sorted(own)[(len(own) - 1) // 2]
    finally:
        statistics.MOST_PRICES = most


@given(st.decimals(0, 10**12, places=3, allow_nan=False, allow_infinity=False))
def test_a_price_is_in_its_bin_and_bins_join(amount):
    low, high = bin_of(amount)
    assert low <= amount and (amount < high or amount == high == 0)
    if high:
        assert bin_of(high)[0] == high


@pytest.mark.parametrize(
    ("amounts", "bins"),
    [
        pytest.param(["10", "10.5", "21"], [("10", "12.5", 2), ("12.5", "16", 0), ("16", "20", 0), ("20", "25", 1)],
                     id="a gap is shown"),
        pytest.param(["0", "10"], [("0", "0", 1), ("10", "12.5", 1)], id="free products apart"),
        pytest.param(["0.001", "0.0126"], [("0", "0.01", 1), ("0.01", "0.0125", 0), ("0.0125", "0.016", 1)],
                     id="below a hundredth"),
        pytest.param(["1", "1E+30"], [("1", "1.25", 1), ("1" + "0" * 30, "125" + "0" * 28, 1)], id="a world apart"),
    ],
)  # fmt: skip
def test_a_spread_of_prices(amounts, bins):
    prices = Prices()
    prices.add("EUR", [Decimal(amount) for amount in amounts])
    prices.settle()
    found = [(Decimal(low), Decimal(high), number) for low, high, number in prices.spread("EUR")[0]]
    assert found == [(Decimal(low), Decimal(high), number) for low, high, number in bins]


def test_prices_of_a_world_apart_have_few_bins():
    prices = Prices()
    prices.add("EUR", [Decimal(10) ** power for power in range(300)])
    prices.settle()
    bins, _ = prices.spread("EUR")
    assert len(bins) == statistics.MOST_BINS and sum(number for *_, number in bins) == 300


# samples


def test_samples_show_each_kind_and_both_ends(tmp_path):
    rows = [row(f"p{number}") for number in range(300)]
    rows[150] |= {"Price": "twelve"}
    rows[200] |= {"Image": "https://cdn.example.com/a.tif"}
    rows[250] |= {"SKU": "p1-1"}
    path = table(tmp_path, *rows)
    job = job_of(path, to=["flipsnack"], workers=1)
    done = run(job, None)
    samples = page_of(job, done, manifest_of(job, done)).samples
    lines = [sample.line for sample in samples]
    assert lines == sorted(lines) and len(set(lines)) == len(lines) <= 13
    assert lines[:3] == [2, 3, 4]
    lowest = sorted(range(2, 302), key=lambda line: mixed(line, 0))[:4]
    assert set(lowest) <= set(lines)
    by_line = {sample.line: sample.platforms[0] for sample in samples}
    assert by_line[152].state == "held" and "[cell.price-format]" in by_line[152].findings[0]
    assert by_line[202].state == "written" and "[flipsnack.S2]" in by_line[202].findings[0]
    first = samples[0]
    assert ("price", "10.00 EUR") in first.canonical
    assert {cell.column: cell.value for cell in first.source}["Handle"] == "p0"
    assert json.loads(by_line[2].payload_text)["code"] == "p0-1"
    assert by_line[2].images == ["https://cdn.example.com/a.jpg"]


def test_a_product_turned_away_late_is_shown_as_held_back(tmp_path):
    path = table(tmp_path, row("one"), row("two", SKU="one-1"))
    job = job_of(path, to=["flipsnack", "magento"], workers=1)
    done = run(job, None)
    samples = page_of(job, done, manifest_of(job, done)).samples
    assert [(one.name, one.state) for one in samples[1].platforms] == [("flipsnack", "held"), ("magento", "held")]
    assert "[flipsnack.F13]" in samples[1].platforms[0].findings[0]
    assert samples[1].platforms[0].payload_text == ""


def test_findings_of_the_page_are_the_first_of_each_code(tmp_path):
    rows = [row(f"p{number}", Price="twelve" if number % 2 else "10.00", Vendor="x") for number in range(900)]
    rows[899] |= {"Image": "ftp://cdn.example.com/a.jpg", "Price": "10.00"}
    path = table(tmp_path, *rows)
    out = tmp_path / "out"
    out.mkdir()
    job = job_of(path, to=["flipsnack"], workers=1)
    done = run(job, out)
    page = page_of(job, done, manifest_of(job, done))
    shown = Counter(finding["code"] for finding in page.findings)
    assert shown["cell.price-format"] == 200 and page.finding_counts["cell.price-format"] == 449
    assert set(shown) == set(page.finding_counts)
    lines = [finding["line"] for finding in page.findings if finding["code"] == "cell.price-format"]
    assert lines == sorted(lines) and lines[0] == 3
