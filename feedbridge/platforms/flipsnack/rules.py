"""Flipsnack's rules of one product.

Source: docs/platforms/flipsnack.md. F: documented by Flipsnack. A: not documented, feedbridge's choice; no
message says that Flipsnack requires it. S: feedbridge's own, beside that page.

``examine`` runs them all. The converter asks it only for products that are not plain (plain.py).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from feedbridge.findings import Severity
from feedbridge.platforms.flipsnack.held import HELD
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.product import Image, Product
from feedbridge.rules import Found, Problem, Rule, rule
from feedbridge.rules.shared import (
    combinations_unique,
    has_price,
    one_currency,
    option_names_unique,
    sale_below_regular,
    sale_needs_regular,
    skus_unique,
    slots_filled,
    values_known,
)

__all__ = [
    "F14", "MAX_DIGITS", "MAX_OPTIONS", "PICTURE_URL", "RULES", "S1", "S6", "examine", "is_number", "main_image", "numbers_at_fault",
    "sent_pictures",
]

CREATE = "products.create page"
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
MAX_OPTIONS = 3
MAX_DIGITS = 30

ERROR, WARNING, ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE

PICTURE_URL = re.compile(r"https?://[^\s/?#]+/[^\s?#]*\.(?:jpe?g|png|webp)(?:[?#]\S*)?", re.ASCII | re.IGNORECASE)
_URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")

_MONEY = {"amount": "10", "currency": "EUR"}
_DOLLARS = {"amount": "10", "currency": "USD"}
_SIZE = [{"name": "Size", "values": ["S", "M"]}]


def _variants(*values: str) -> list[dict[str, Any]]:
    return [{"sku": f"SKU-1-{n}", "option_values": [value]} for n, value in enumerate(values, 1)]


def main_image(product: Product) -> tuple[int, Image | None]:
    """The picture that goes into ``image_link``, and its place: the one whose role is main, else the one with the
    lowest position, else (the first has no position) the first."""
    images = product.images
    if not images:
        return 0, None
    sent, lowest = 0, images[0].position
    for index, image in enumerate(images):
        if image.role == "main":
            return index, image
        if lowest is not None and image.position is not None and image.position < lowest:
            sent, lowest = index, image.position
    return sent, images[sent]


@rule("F12", ERROR, source=CREATE, mend="give the product and each variant a SKU of its own",
      good={"options": _SIZE, "variants": _variants("S", "M")},
      bad={"options": _SIZE, "variants": [{"sku": "SKU-1", "option_values": ["S"]}]})
def F12(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """No SKU stands twice in one call."""
    return skus_unique(product)


@rule("F14", ERROR, source=CREATE, mend="correct the number in the source",
      good={"price": _MONEY}, bad={"price": {"amount": "1E+40", "currency": "EUR"}})
def F14(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """Prices, opacity, quantities and fees are numbers: finite, not negative, of at most 30 digits a side."""
    problems = []
    for field, number in _numbers(product):
        if not is_number(number):
            problems.append(Problem(field, f"{_short(number)} is not a number that can be sent", _short(number)))
    return problems or None


@rule("F16", ERROR, source=CREATE, mend="join options, or move the least important into the title",
      good={"options": [{"name": n, "values": ["1"]} for n in ("A", "B", "C")]},
      bad={"options": [{"name": n, "values": ["1"]} for n in ("A", "B", "C", "D")]})
def F16(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A product has at most three options."""
    options = product.options
    if len(options) <= MAX_OPTIONS:
        return None
    names = ", ".join(option.name for option in options)
    return Problem(f"options.{MAX_OPTIONS}.name", f"{len(options)} options; at most {MAX_OPTIONS} can be sent", names)


@rule("A6", ERROR, source=CREATE, mend="give each variant one value for each option",
      good={"options": _SIZE, "variants": _variants("S", "M")},
      bad={"options": _SIZE, "variants": _variants("S", "M, wide")})
def A6(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """Variants fill every option, no two alike, and no value contains the delimiter between values."""
    problems: list[Problem] = list(slots_filled(product) or ())
    problems += combinations_unique(product) or ()
    delimiter = settings.option_delimiter
    places = [(f"options.{slot}.values.{index}", value) for slot, option in enumerate(product.options)
              for index, value in enumerate(option.values)]
    places += [(f"variants.{index}.option_values.{slot}", value) for index, variant in enumerate(product.variants)
               for slot, value in enumerate(variant.option_values)]
    problems += [
        Problem(field, f'option value "{value}" contains "{delimiter}", which stands between values', value,
                "reword the value, or set flipsnack.option_delimiter to something no value contains")
        for field, value in places if delimiter in value
    ]
    return problems or None


@rule("A7", ERROR, source=CREATE, mend="leave the column out, or fill it in",
      good={"presentation": {"item_type": "product"}}, bad={"presentation": {"item_type": " "}})
def A7(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A product's type, where the source gives one, is not blank."""
    shown = product.presentation
    if shown is None or shown.item_type is None or shown.item_type.strip():
        return None
    return Problem("presentation.item_type", "the product's type is blank", shown.item_type)


@rule("A8", WARNING, source=CREATE, mend="map the price column, or fill in the price",
      good={"price": _MONEY}, bad={"price": None})
def A8(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A product and its variants have a price and its currency."""
    return has_price(product)


@rule("A9", WARNING, source=CREATE, mend="correct the two prices; no reduced price is sent until then",
      good={"price": _MONEY, "sale_price": {"amount": "8", "currency": "EUR"}},
      bad={"price": _MONEY, "sale_price": {"amount": "12", "currency": "EUR"}})
def A9(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A reduced price is the final price, and below the regular one."""
    return [*(sale_below_regular(product) or ()), *(sale_needs_regular(product) or ())] or None


@rule("A10", WARNING, source=CREATE, mend="give the name of one of the product's options",
      good={"options": _SIZE, "presentation": {"image_option": "Size"}},
      bad={"options": _SIZE, "presentation": {"image_option": "Colour"}})
def A10(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """The option that switches the picture is one of the product's options."""
    shown = product.presentation
    if shown is None or not shown.image_option:
        return None
    names = [option.name for option in product.options]
    if shown.image_option in names:
        return None
    return Problem(
        "presentation.image_option",
        f'"{shown.image_option}" is no option of the product; it has {", ".join(names) or "none"}', shown.image_option,
    )


@rule("A11", ERROR, source=CREATE, mend="write colours as #rrggbb, as #1a73e8; opacity from 0 to 100",
      good={"presentation": {"area": {"color": "#1A73e8", "opacity": "40"}}},
      bad={"presentation": {"area": {"opacity": "101"}}})
def A11(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """Colours are #rrggbb, and opacity is between 0 and 100."""
    shown = product.presentation
    if shown is None:
        return None
    area, button = shown.area, shown.button
    colors = [("presentation.area.color", area.color)] if area else []
    if button:
        colors += [("presentation.button.color", button.color),
                   ("presentation.button.label_color", button.label_color)]
    problems = [Problem(field, f'"{color}" is not a colour written as #rrggbb', color)
                for field, color in colors if color and not _COLOR.fullmatch(color)]
    if area and area.opacity is not None and not 0 <= area.opacity <= 100:
        text = _short(area.opacity)
        problems.append(Problem("presentation.area.opacity", f"opacity {text} is not between 0 and 100", text))
    return problems or None


@rule("A18", ERROR, source=CREATE, mend="name the option its variants differ in (size, colour …)",
      good={"options": _SIZE, "variants": _variants("S", "M")}, bad={"variants": [{"sku": "SKU-1-1"}]})
def A18(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A variant has at least one option."""
    if not product.variants or product.options:
        return None
    count = len(product.variants)
    return Problem("variants.0.option_values.0", f"the product has variants ({count}), but no option they differ in")


@rule("A24", ERROR, source=CREATE, mend="give whole numbers from 1, and whole addresses with http:// or https://",
      good={"quantity_min": 1, "quantity_max": 5, "images": [{"src": "https://shop.example/tee.jpg"}],
            "presentation": {"link": {"url": "https://shop.example/tee"}}},
      bad={"quantity_min": 5, "quantity_max": 1})
def A24(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """Quantities and lengths are whole and at least 1, min is not above max, links are absolute http(s) addresses."""
    return [*_quantities(product), *_links(product)] or None


def _quantities(product: Product) -> list[Problem]:
    lowest, highest, made = product.quantity_min, product.quantity_max, product.personalisation
    counts = [("quantity_min", lowest), ("quantity_max", highest)]
    if made is not None:
        counts.append(("personalisation.character_length", made.character_length))
    problems = [Problem(field, f"{count} is not a whole number of at least 1", str(count))
                for field, count in counts if count is not None and (count < 1 or count != int(count))]
    if lowest is not None and highest is not None and lowest > highest:
        problems.append(Problem("quantity_min", f"the least quantity {lowest} is above the most, {highest}",
                                str(lowest), "swap or correct the two quantities"))
    return problems


def _links(product: Product) -> list[Problem]:
    problems = [_no_link(field, f'picture "{src}"', src, "give the address under which the picture can be downloaded")
                for field, src in sent_pictures(product) if not _URL.fullmatch(src)]
    link = product.presentation.link if product.presentation is not None else None
    if link is not None:
        if link.url and not _URL.fullmatch(link.url):
            problems.append(_no_link("presentation.link.url", f'link "{link.url}"', link.url))
        elif link.shown and not link.url:
            problems.append(Problem("presentation.link.url", "a link button is shown, but has no link",
                                    mend="give the link, or do not show the button"))
    return problems


def _no_link(field: str, shown: str, address: str, mend: str = "") -> Problem:
    """What is wrong with an address that is not absolute, or holds a blank."""
    if _URL.fullmatch(re.sub(r"\s", "%20", address)):
        return Problem(field, f"{shown} holds a blank, which no address may", address, "write %20 for the blank")
    return Problem(field, f"{shown} is not an absolute http(s) address", address, mend)


def sent_pictures(product: Product) -> list[tuple[str, str]]:
    """Field and address of every picture that is sent."""
    index, image = main_image(product)
    pictures = [(f"images.{index}.src", image.src)] if image is not None else []
    return pictures + [(f"variants.{number}.image.src", variant.image.src)
                       for number, variant in enumerate(product.variants) if variant.image is not None]


@rule("S1", ADVICE, source="feedbridge choice", mend="make the product active, or set flipsnack.drafts=write",
      good={"status": "active"}, bad={"status": "draft"})
def S1(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """Products that are drafts or archived are left out."""
    if product.status == "active" or settings.drafts == "write":
        return None
    return Problem("status", f"the product is {_word(product.status)}: left out", _word(product.status))


@rule("S2", WARNING, source="feedbridge choice A24, after the catalog-generator article",
      mend="give the address of a .jpg, .jpeg, .png or .webp picture",
      good={"images": [{"src": "https://shop.example/tee.JPG?v=2"}]}, bad={"images": [{"src": "https://shop.example/t.gif"}]})
def S2(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A picture's address ends in .jpg, .jpeg, .png or .webp (what follows ? or # aside)."""
    problems = [Problem(field, "the picture's address does not end in .jpg, .jpeg, .png or .webp", src)
                for field, src in sent_pictures(product) if _URL.fullmatch(src) and not PICTURE_URL.fullmatch(src)]
    return problems or None


@rule("S3", ERROR, source="feedbridge choice A8", mend="give all prices of a product in one currency",
      good={"price": _MONEY, "sale_price": _MONEY}, bad={"price": _MONEY, "sale_price": _DOLLARS})
def S3(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """All prices of a product are in one currency: the product has one, its variants cannot say theirs."""
    return one_currency(product)


@rule("S4", WARNING, source="feedbridge choice A6", mend="add the value to the option, or correct the variant",
      good={"options": _SIZE, "variants": _variants("S", "M")},
      bad={"options": _SIZE, "variants": _variants("S", "XL")})
def S4(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A variant's value is one its option lists (it is added to the option otherwise)."""
    return values_known(product)


@rule("S6", ADVICE, source="feedbridge choice", mend="nothing to do, or set flipsnack.further_images=ignore",
      good={"images": [{"src": "https://shop.example/1.jpg"}]},
      bad={"images": [{"src": "https://shop.example/1.jpg"}, {"src": "https://shop.example/2.jpg"}]})
def S6(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A product has one picture: its further ones have no place."""
    images = product.images
    if len(images) < 2 or settings.further_images == "ignore":
        return None
    sent, _ = main_image(product)
    index = 1 if sent == 0 else 0
    return Problem(f"images.{index}.src", f"{len(images)} pictures; one is sent", images[index].src)


@rule("S7", WARNING, source="feedbridge choice", mend="rename one of the options",
      good={"options": _SIZE}, bad={"options": [*_SIZE, *_SIZE]})
def S7(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """No two options of a product have the same name."""
    return option_names_unique(product)


@rule("S8", WARNING, source="feedbridge choice", mend="empty the reduced price where there is none",
      good={"price": _MONEY, "sale_price": {"amount": "8", "currency": "EUR"}},
      bad={"price": _MONEY, "sale_price": {"amount": "0", "currency": "EUR"}})
def S8(product: Product, payload: Any, settings: FlipsnackSettings) -> Any:
    """A reduced price is above 0: else the product is given away."""
    prices = [("sale_price", product.sale_price)]
    prices += [(f"variants.{number}.sale_price", one.sale_price) for number, one in enumerate(product.variants)]
    return [
        Problem(field, "the reduced price is 0, so the product is shown as free", "0")
        for field, sale in prices if sale is not None and not sale.amount
    ] or None


CHECKED = (F12, F14, F16, A6, A7, A8, A9, A10, A11, A18, A24, S1, S2, S3, S4, S6, S7, S8)
_LETTERS = {"F": 0, "A": 1, "S": 2}
RULES: tuple[Rule, ...] = tuple(sorted(
    (*CHECKED, *HELD), key=lambda found: (_LETTERS[found.number[0]], int(found.number[1:])),
))


_ASKED = tuple(found for found in CHECKED if found is not F14)


def examine(product: Product, settings: FlipsnackSettings) -> list[Found]:
    """All problems of a product, F14 aside, which the converter asks for when a number cannot be written."""
    return [
        Found(found, problem)
        for found in _ASKED
        for problem in _listed(found.check(product, None, settings))  # type: ignore[misc]  # these have a check
    ]


def _listed(problems: Any) -> Any:
    if problems is None:
        return ()
    return (problems,) if isinstance(problems, Problem) else problems


def numbers_at_fault(product: Product, settings: FlipsnackSettings) -> list[Found]:
    """What F14 says of a product one of whose numbers cannot be written."""
    return [Found(F14, problem) for problem in _listed(F14.check(product, None, settings))]  # type: ignore[misc]  # these have a check


def is_number(number: Decimal | int) -> bool:
    """Whether a number can be sent: finite, not negative, at most 30 digits before and after the point."""
    if isinstance(number, int):
        return 0 <= number < 10**MAX_DIGITS
    if not number.is_finite() or number < 0:
        return False
    exponent = number.as_tuple().exponent
    return not number or (number.adjusted() < MAX_DIGITS and isinstance(exponent, int) and exponent >= -MAX_DIGITS)


def _numbers(product: Product) -> list[tuple[str, Decimal | int]]:
    """Field and value of every number that is sent."""
    numbers: list[tuple[str, Any]] = [
        ("quantity_min", product.quantity_min), ("quantity_max", product.quantity_max),
        ("price", product.price and product.price.amount),
        ("sale_price", product.sale_price and product.sale_price.amount),
    ]
    for index, variant in enumerate(product.variants):
        numbers.append((f"variants.{index}.price", variant.price and variant.price.amount))
        numbers.append((f"variants.{index}.sale_price", variant.sale_price and variant.sale_price.amount))
    shown, made = product.presentation, product.personalisation
    if shown is not None and shown.area is not None:
        numbers.append(("presentation.area.opacity", shown.area.opacity))
    if made is not None:
        numbers += [("personalisation.flat_fee", made.flat_fee),
                    ("personalisation.per_character", made.per_character),
                    ("personalisation.character_length", made.character_length)]
    return [(field, number) for field, number in numbers if number is not None]


def _short(number: Any) -> str:
    return f"{number}"


def _word(status: Any) -> str:
    return str(getattr(status, "value", status))
