"""Hypothesis strategies of canonical products, for tests of any room."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from feedbridge.product import (
    AreaElement,
    Image,
    LinkButton,
    Money,
    Option,
    Personalisation,
    Presentation,
    Product,
    ShopButton,
    Status,
    Variant,
)

__all__ = ["images", "moneys", "products", "skus", "texts"]


def texts(min_size: int = 0, max_size: int = 40) -> st.SearchStrategy[str]:
    """Any text a source may hold: accents, astral characters, control characters, quotes, tags."""
    plain = st.text(st.characters(exclude_categories=["Cs"]), min_size=min_size, max_size=max_size)
    usual = st.sampled_from([
        "Café", "Größe", "naïve – “quoted”", "日本語", "👕🏽",  'say "hi"', "back\\slash / slash", "<p>a &amp; b</p>",
        "line\nbreak\r\n\ttab", "\x00\x1f\x7f", "\u2028\u2029", "=1+1", "a,b;c|d", "x",
    ])
    return st.one_of(plain, usual)


def skus() -> st.SearchStrategy[str]:
    """SKUs as the model takes them: no blanks at the ends, no control characters."""
    return st.one_of(
        st.from_regex(r"[A-Z]{2,4}-[0-9]{1,4}", fullmatch=True),
        st.sampled_from(["00123", "TEE 42", "ÄÖ-1", "a/b", 'q"uote', "😀", "tee-1", "TEE-1"]),
    )


def moneys(currency: str = "EUR") -> st.SearchStrategy[Money]:
    """Amounts from 0 up, mostly with two decimals, some written in unusual ways."""
    amounts = st.one_of(
        st.decimals(min_value=0, max_value=99_999, places=2),
        st.sampled_from([Decimal(text) for text in ("0", "0.00", "-0", "1E+3", "20.00", "0.0000001", "1E-9",
                                                     "123456789012345678.90", "9.90", "100")]),
    )
    return st.builds(Money, amount=amounts, currency=st.just(currency))


def _mostly(usual: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The second one about one time in ten."""
    return st.integers(0, 9).flatmap(lambda throw: rare if throw == 9 else usual)


def images() -> st.SearchStrategy[Image]:
    """Pictures, mostly with a usable address."""
    usable = st.sampled_from([
        "https://shop.example/a.jpg", "http://shop.example/b.PNG?v=2", "https://shop.example/ä/c.webp",
    ])
    odd = st.sampled_from(["https://shop.example/d.gif", "https://shop.example", "pictures/e.jpg"])
    addresses = _mostly(usable, odd)
    return st.builds(Image, src=addresses, role=st.sampled_from([None, None, "main", "thumbnail"]))


def _presentations() -> st.SearchStrategy[Presentation]:
    color = _mostly(st.sampled_from([None, "#1a73e8", "#FFFFFF"]), st.just("red"))
    opacity = _mostly(st.sampled_from([None, Decimal("0"), Decimal("0.50"), Decimal("1E+2")]), st.just(Decimal("101")))
    return st.builds(
        Presentation,
        item_type=st.sampled_from([None, "product", "product"]),
        image_option=st.sampled_from([None, "Size", "Colour"]),
        element=st.sampled_from([None, "button", "area"]),
        quantity_selector=st.sampled_from([None, True, False]),
        area=st.none() | st.builds(AreaElement, tooltip=st.none() | texts(), color=color, opacity=opacity),
        button=st.none() | st.builds(ShopButton, color=color, label=st.none() | texts(), label_color=color),
        link=st.none() | st.builds(
            LinkButton, shown=_mostly(st.just(True), st.just(False)), label=st.none() | texts(),
            url=_mostly(st.just("https://shop.example/tee"), st.sampled_from([None, "shop.example"])),
        ),
    )


def _personalisations() -> st.SearchStrategy[Personalisation]:
    fee = st.sampled_from([None, Decimal("0"), Decimal("1.50"), Decimal("2")])
    return st.builds(
        Personalisation, instructions=st.none() | texts(), flat_fee=fee, per_character=fee,
        character_length=st.sampled_from([None, 1, 20]), mandatory=st.sampled_from([None, True, False]),
    )


@st.composite
def _options_and_variants(draw: st.DrawFn, priced: bool) -> dict[str, Any]:
    """Options, and variants that mostly fill them each in another way."""
    most = draw(_mostly(st.sampled_from([1, 2, 3]), st.just(4)))
    names = draw(st.lists(st.sampled_from(["Size", "Colour", "Größe", "Fit", "👟"]), unique=True, max_size=most))
    values = [draw(st.lists(texts(min_size=1, max_size=12), unique=True, min_size=1, max_size=4)) for _ in names]
    unique = draw(_mostly(st.just(True), st.just(False)))
    combinations = draw(st.lists(st.tuples(*map(st.sampled_from, values)), unique=unique, max_size=4))
    if not names:
        combinations = combinations[: draw(st.sampled_from([0, 0, 0, 1]))]
    codes = draw(st.lists(skus(), unique=True, min_size=len(combinations), max_size=len(combinations)))
    listed = draw(st.booleans())
    variants = []
    for code, combination in zip(codes, combinations, strict=True):
        own = priced or draw(st.booleans())
        variants.append(Variant(
            sku=code, option_values=combination,
            price=draw(moneys()) if own else None,
            sale_price=draw(st.none() | moneys()),
            image=draw(st.none() | images()),
            status=draw(_mostly(st.just(Status.ACTIVE), st.just(Status.DRAFT))),
            stock=draw(st.sampled_from([None, Decimal("3")])),
        ))
    options = tuple(Option(name=name, values=tuple(column) if listed else ())
                    for name, column in zip(names, values, strict=True))
    return {"options": options, "variants": tuple(variants)}


@st.composite
def products(draw: st.DrawFn) -> Product:
    """Products as sources give them: most could be written somewhere, some break a rule or two."""
    price = draw(st.one_of(moneys(), moneys(), st.none()))
    versions = draw(_options_and_variants(priced=price is None))
    lowest = draw(_mostly(st.sampled_from([None, 1]), st.just(2)))
    return Product(
        sku=draw(skus()),
        title=draw(texts(min_size=1)),
        description=draw(st.none() | texts(max_size=300)),
        brand=draw(st.none() | texts(min_size=1, max_size=10)),
        status=draw(_mostly(st.just(Status.ACTIVE), st.sampled_from([Status.DRAFT, Status.ARCHIVED]))),
        price=price,
        sale_price=draw(_mostly(st.none() | moneys(), moneys(currency="USD"))),
        images=tuple(draw(st.lists(images(), max_size=3))),
        quantity_min=lowest,
        quantity_max=draw(st.sampled_from([None, 1, 10])),
        stock=draw(st.sampled_from([None, Decimal("0"), Decimal("12")])),
        tags=tuple(draw(st.lists(texts(min_size=1, max_size=8), max_size=2))),
        presentation=draw(st.none() | _presentations()),
        personalisation=draw(st.none() | _personalisations()),
        **versions,
    )
