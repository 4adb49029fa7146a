"""Whatever a product holds: what is accepted keeps every rule on disk, and nothing is lost without a word."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.findings import Severity
from feedbridge.platforms.magento.converter import MagentoConverter
from feedbridge.platforms.magento.draft import draft
from feedbridge.platforms.magento.payload import Request
from feedbridge.platforms.magento.rules import check
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.platforms.magento.writer import MagentoWriter
from feedbridge.product import CustomOption, CustomOptionValue, Image, Money, Product, TierPrice, to_light
from tests.platforms.magento_verifier import suspicions, verify
from tests.strategies import products, texts

AMOUNTS = st.sampled_from([Decimal(text) for text in (
    "0", "-0.0", "1.50", "2.500", "18.95", "100", "1E+2", "0.0000001", "99999999999999", "100000000000000",
)])
IDS = st.sampled_from([
    "20417", "20418", "020417", "0", "9007199254740991", "9007199254740992", "TEE-1", "tee-1", "²", "I" * 65, " 7", " ",
    "",
])
PICTURES = st.sampled_from([
    "https://cdn.example.test/a.jpg", "HTTPS://cdn.example.test/a.PNG?x=1#y", "/t/o/tote.jpg", "a b.jpeg", "image_url",
    "ftp://cdn.example.test/a.jpg", "a.jpg?x=1", "https://cdn.example.test/a:b.jpg", "//x.test/a.jpg", "https://",
    "c:\\pictures\\a.gif", "https://cdn.example.test/.jpg", "a..jpg", "data:image/png;base64,AA", " ",
])
TEXT, SELECT = ("field", "area"), ("drop_down", "radio", "checkbox", "multiple")
KINDS = [*TEXT, *SELECT, "file", "date", "date_time", "time"]


def mostly(usual: st.SearchStrategy[Any], *odd: Any) -> st.SearchStrategy[Any]:
    """The usual nine times in ten, so that whole products are still accepted often."""
    return st.integers(0, 9).flatmap(lambda dice: usual if dice else st.sampled_from(odd))


def whole_numbers(most: int) -> st.SearchStrategy[int | None]:
    return mostly(st.sampled_from([None, 0, 1, 60, most]), -1, most + 1)


def modifiers() -> st.SearchStrategy[dict[str, Any]]:
    """Price, price type and SKU of an option or value."""
    price = mostly(st.sampled_from([None, Decimal("0.00"), Decimal("2.50"), Decimal("1E+1"), Decimal("-1.5")]),
                   Decimal("150"), Decimal("0.0000001"), Decimal("1E+14"))
    return st.fixed_dictionaries({
        "price": price, "price_type": st.sampled_from([None, "fixed", "percent"]),
        "sku": mostly(st.sampled_from([None, "", "N", "N" * 64]), "N" * 65),
    })


def titles() -> st.SearchStrategy[str]:
    return mostly(st.sampled_from(["Gift note", "0", "Größe", "n" * 255, "日本語"]), " ", "n" * 256)


def tier_prices() -> st.SearchStrategy[TierPrice]:
    return st.builds(
        TierPrice,
        quantity=mostly(st.sampled_from([Decimal(text) for text in ("1", "25.0", "2.5", "1E+2")]),
                        Decimal("25"), Decimal("0.5"), Decimal("1.23456"), Decimal("1E+8")),
        price=mostly(st.builds(Money, amount=AMOUNTS, currency=st.just("EUR")), None, Money(amount=1, currency="USD")),
        percent_off=st.sampled_from([None, Decimal("0"), Decimal("33.3"), Decimal("100")]),
        customer_group=mostly(st.none(), "Wholesale"), website=mostly(st.none(), "base"),
    )


def option_values() -> st.SearchStrategy[CustomOptionValue]:
    members = st.fixed_dictionaries({
        "title": titles(), "value": st.none() | texts(), "sort_order": whole_numbers(4_294_967_295),
        "value_id": st.sampled_from([None, None, "12", "012"]), "is_delete": st.booleans(),
    })
    return st.builds(lambda ours, price: CustomOptionValue(**ours, **price), members, modifiers())


@st.composite
def custom_options(draw: st.DrawFn) -> CustomOption:
    """Options of every type, each with the members of its type; one in ten with those of others too."""
    kind = draw(st.sampled_from(KINDS))
    has_all = draw(st.integers(0, 9)) == 9
    more: dict[str, Any] = {}
    if kind in SELECT or has_all:
        more["values"] = tuple(draw(st.lists(option_values(), min_size=1 - has_all, max_size=3)))
    if kind not in SELECT or has_all:
        more |= draw(modifiers())
    if kind in TEXT or has_all:
        more["max_characters"] = draw(whole_numbers(4_294_967_295))
    if kind == "file" or has_all:
        more["file_extension"] = draw(mostly(
            st.sampled_from([None, "", "png,jpg", ".PNG; jpg png", "pdf"]), "exe", "*", "jpég",
            "abcdefgh1,abcdefgh2,abcdefgh3,abcdefgh4,abcdefgh5"))
        more["image_size_x"], more["image_size_y"] = draw(whole_numbers(65_535)), draw(whole_numbers(65_535))
    return CustomOption(title=draw(titles()), kind=kind, required=draw(st.booleans()),
                        sort_order=draw(whole_numbers(4_294_967_295)), **more)


@st.composite
def magento_products(draw: st.DrawFn) -> Product:
    """Products with everything this platform has a place for."""
    product = draw(products())
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more["ids"] = {"magento": draw(IDS)}
    if draw(st.booleans()):
        more["category_ids"] = {"magento": tuple(draw(st.lists(
            mostly(st.sampled_from(["310", "344", "012", "bags"]), "0", "a,b", " 1", ""), max_size=3)))}
    if draw(st.booleans()):
        more["categories"] = (("Bags", "Totes"),)
    if draw(st.integers(0, 3)):
        # The shared strategy mixes currencies half of the time; here that would leave too little to write.
        more["sale_price"] = draw(st.none() | st.builds(Money, amount=AMOUNTS, currency=st.just("EUR")))
    if draw(st.booleans()):
        more["tier_prices"] = tuple(draw(st.lists(tier_prices(), max_size=3)))
    if draw(st.booleans()):
        more["custom_options"] = tuple(draw(st.lists(custom_options(), max_size=2)))
    if draw(st.booleans()):
        more["images"] = tuple(Image(src=src) for src in draw(st.lists(PICTURES, max_size=3)))
    if draw(st.booleans()):
        more["attributes"] = {"enable_product_designer": draw(mostly(st.sampled_from(["0", "1"]), "2", "yes"))}
    if draw(st.booleans()) and product.variants:
        more["variants"] = tuple(
            variant.model_copy(update={
                "ids": draw(st.sampled_from([{}, {"magento": draw(IDS)}])),
                "tier_prices": tuple(draw(st.lists(tier_prices(), max_size=2))),
                "attributes": draw(mostly(
                    st.sampled_from([{}, {"enable_product_designer": "0"}]), {"enable_product_designer": "x"})),
                "title": draw(st.none() | texts(min_size=1)),
            }) for variant in product.variants
        )
    return product.model_copy(update=more)


def personalised_products() -> st.SearchStrategy[Product]:
    """Plain products, but for tiers and custom options."""
    return st.builds(
        lambda tiers, options: Product(
            sku="20417", title="Tote", price=Money(amount=200, currency="EUR"), tier_prices=tuple(tiers),
            custom_options=None if options is None else tuple(options),
        ), st.lists(tier_prices(), max_size=2), st.none() | st.lists(custom_options(), max_size=2),
    )


def run_settings() -> st.SearchStrategy[MagentoSettings]:
    return st.builds(
        MagentoSettings, parent=st.booleans(), category_field=st.sampled_from(["category_id", "category_ids", "both"]),
        sku_as_id=st.booleans(), batch_products=st.sampled_from([0, 1, 3]), currency=st.sampled_from([None, "EUR"]),
    )


@settings(max_examples=200, deadline=None)
@given(magento_products() | personalised_products(), run_settings())
def test_what_is_accepted_keeps_every_rule_on_disk(product: Product, chosen: MagentoSettings):
    outcome = MagentoConverter(chosen, {}).convert(to_light(product), None)
    numbers = {found.rule.number for found in outcome.problems}
    if any(found.rule.severity is Severity.ERROR for found in outcome.problems):
        assert outcome.body == b""
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = MagentoWriter(chosen, folder, {})
        writer.add(outcome)
        said = writer.finish()
        assert verify(folder, field=chosen.category_field) == []
        assert {line.split()[0] for line in suspicions(folder)} <= numbers
        request = Request.model_validate_json((folder / "batch-0001.json").read_bytes())
    assert tuple(request.product) == outcome.keys
    assert len(request.product) == outcome.entries == said["entries"]
    assert len(request.product) == (len(product.variants) or 1) + (chosen.parent and bool(product.variants))


@settings(max_examples=200, deadline=None)
@given(magento_products() | personalised_products(), run_settings())
def test_the_quick_screen_misses_nothing(product: Product, chosen: MagentoSettings):
    light = to_light(product)
    outcome = MagentoConverter(chosen, {}).convert(light, None)
    found = check(light, draft(light, chosen), chosen)
    assert {(each.rule.number, each.problem) for each in outcome.problems} == {
        (each.rule.number, each.problem) for each in found
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(magento_products(), max_size=6), st.sampled_from([0, 1, 2, 5]), st.sampled_from([0, 400, 2000]))
def test_files_hold_each_product_once_and_in_order(several: list[Product], most_products: int, most_bytes: int):
    chosen = MagentoSettings(batch_products=most_products, batch_bytes=most_bytes)
    converter = MagentoConverter(chosen, {})
    seen: set[str] = set()
    accepted = []
    for product in several:
        outcome = converter.convert(to_light(product), None)
        if outcome.body and not seen & set(outcome.keys):
            seen.update(outcome.keys)
            accepted.append(outcome)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = MagentoWriter(chosen, folder, {})
        for outcome in accepted:
            writer.add(outcome)
        said = writer.finish()
        assert verify(folder) == []
        written = []
        for line in said["files"]:
            keys = list(Request.model_validate_json((folder / line["path"]).read_bytes()).product)
            together = [outcome for outcome in accepted if outcome.keys[0] in keys]
            if len(together) > 1:
                assert not most_products or len(keys) <= most_products
                assert not most_bytes or line["bytes"] <= most_bytes
            written += keys
    assert written == [key for outcome in accepted for key in outcome.keys]
    assert said["parents_left_out"] == sum("A9" in outcome.notes for outcome in accepted)


@settings(max_examples=50, deadline=None)
@given(magento_products())
def test_the_same_product_gives_the_same_bytes(product: Product):
    light = to_light(product)
    converter = MagentoConverter(MagentoSettings(), {})
    first = converter.convert(light, None)
    assert converter.convert(light, None) == first
    assert MagentoConverter(MagentoSettings(), {}).convert(light, None) == first
