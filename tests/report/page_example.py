"""A report page as a shop would get it, and one of any size, for the tests of the page."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from feedbridge.report.page_data import (
    Completeness,
    Input,
    Loss,
    MappingUsed,
    Page,
    PlatformPart,
    PriceSpread,
    Sample,
    SamplePlatform,
    SourceCell,
)

FILE = "herbst-winter.csv"
CODES: dict[str, tuple[str, str, str, str, str, str, str]] = {
    # code: severity, platform, column, field, value, message, mend
    "cell.price-format": (
        "error",
        "",
        "Variant Price",
        "price",
        "12,5O",
        '"12,5O": "O" is no currency',
        'write it like 12.50 or 12.50 EUR; if the whole file uses commas, set decimal: "," at product.price',
    ),
    "cell.gtin-check-digit": (
        "warning",
        "",
        "Variant Barcode",
        "gtin",
        "4006381333932",
        "the last digit should be 1, not 2",
        "take the number from the package once more; it is left out until then",
    ),
    "flipsnack.F12": (
        "error",
        "flipsnack",
        "Title",
        "title",
        "Wollpullover mit Zopfmuster und Rollkragen, handgestrickt, aus reiner Schurwolle vom Merinoschaf",
        "the title has 312 characters and Flipsnack takes 250",
        "shorten the title",
    ),
    "magento.M8": (
        "warning",
        "magento",
        "Variant Weight",
        "weight_grams",
        "",
        "a physical product without a weight cannot be shipped by weight",
        "fill in the weight, or set a default in the mapping",
    ),
    "magento.M21": (
        "advice",
        "magento",
        "Image Alt Text",
        "images.0.alt",
        "",
        "the picture has no alternative text",
        "describe the picture in a few words",
    ),
    "mapping.conflict": (
        "warning",
        "",
        "Vendor",
        "brand",
        "Nordlicht",
        'line 214 says "Nordlicht", line 212 "Nordlicht GmbH"; the first is used',
        "write the same brand in every row of the product",
    ),
    "flickrocket.K5": (
        "error",
        "flickrocket",
        "Cover",
        "images",
        "https://cdn.example.com/cover.tiff",
        "the cover is a TIFF, and FlickRocket takes JPEG or PNG",
        "export the cover as JPEG",
    ),
    "cell.url-blank": (
        "error",
        "",
        "Image Src",
        "images.1.src",
        "https://cdn.example.com/strick pullover.jpg",
        "the address holds a blank",
        "write %20 for the blank, or rename the file",
    ),
}
ABOUT = {
    "cell.price-format": "A price is not written as the mapping reads prices.",
    "cell.gtin-check-digit": "The last digit of the GTIN does not follow from the others, so at least one digit is wrong.",
    "flipsnack.F12": "A title has at most 250 characters.",
    "magento.M8": "A physical product has a weight.",
    "magento.M21": "Every picture has an alternative text.",
    "mapping.conflict": "Two records of one product say different things, and the first is used.",
    "flickrocket.K5": "A cover is a JPEG or PNG file.",
    "cell.url-blank": "A web address holds a blank or an invisible character.",
}
NAMES = (
    "Wollpullover Zopfmuster",
    "Leinenhemd Stehkragen",
    "Regenjacke Nordsee",
    "Becher Steinzeug, blau",
    "Notizbuch A5, liniert",
    "Geschirrtuch Halbleinen",
    "Kerze Bienenwachs",
    "Schneidebrett Olivenholz",
)


def finding(code: str, number: int) -> dict[str, Any]:
    """The ``number``-th finding of a code, as ``findings.jsonl`` has it."""
    severity, platform, column, field, value, message, mend = CODES[code]
    whole = {
        "code": code,
        "severity": severity,
        "message": message,
        "mend": mend,
        "file": FILE,
        "line": 14 + number * 23 % 25_411,
        "column": column,
        "sku": f"NL-{1000 + number * 7 % 9000}",
        "field": field,
        "platform": platform,
        "value": value,
    }
    return {key: value for key, value in whole.items() if value}


def product_sample(number: int, *, title: str = "", images: tuple[str, ...] = (), state: str = "written") -> Sample:
    """One product, before and after."""
    sku, title = f"NL-{1000 + number}", title or NAMES[number % len(NAMES)]
    images = images or tuple(f"https://cdn.example.com/{sku.lower()}-{at}.jpg" for at in (1, 2))
    flipsnack = {
        "title": title,
        "sku": sku,
        "price": {"amount": "79.90", "currency": "EUR"},
        "images": list(images),
        "description": "<p>Aus reiner Schurwolle, in Flensburg gestrickt.</p>",
        "button": {"label": "Kaufen", "url": f"https://shop.example.com/{sku}"},
    }
    magento = {
        "product": {
            "1": {
                "sku": sku,
                "name": title,
                "price": 79.90,
                "weight": 0.62,
                "type_id": "configurable",
                "custom_attributes": [{"attribute_code": "brand", "value": "Nordlicht"}],
            }
        }
    }
    held = state == "held"
    return Sample(
        sku=sku,
        title=title,
        line=212 + number * 3,
        file=FILE,
        source=[
            SourceCell(line=212 + number * 3, column="Handle", value=sku.lower()),
            SourceCell(line=212 + number * 3, column="Title", value=title),
            SourceCell(
                line=212 + number * 3,
                column="Body (HTML)",
                value="<p>Aus reiner Schurwolle,\nin Flensburg gestrickt.</p>",
            ),
            SourceCell(line=212 + number * 3, column="Vendor", value="Nordlicht"),
            SourceCell(line=212 + number * 3, column="Variant Price", value="79,90"),
            SourceCell(line=212 + number * 3, column="Variant Barcode", value="4006381333931"),
            SourceCell(line=213 + number * 3, column="Option1 Value", value="M"),
            SourceCell(line=213 + number * 3, column="Image Src", value=images[0]),
            SourceCell(line=213 + number * 3, column="Cost per item", value=""),
        ],
        canonical=[
            ("sku", sku),
            ("title", title),
            ("brand", "Nordlicht"),
            ("price", "79.90 EUR"),
            ("gtin", "4006381333931"),
            ("weight_grams", "620"),
            ("options.0", "Größe: S, M, L"),
            ("variants", "3 variants"),
        ],
        platforms=[
            SamplePlatform(
                name="flipsnack",
                state=state,
                payload_text="" if held else json.dumps(flipsnack, ensure_ascii=False, indent=2),
                findings=[CODES["flipsnack.F12"][5] + " [flipsnack.F12]"] if held else [],
                images=list(images),
            ),
            SamplePlatform(
                name="magento",
                state="written",
                payload_text=json.dumps(magento, ensure_ascii=False, indent=2),
                findings=["the picture has no alternative text [magento.M21]"],
                images=list(images),
            ),
            SamplePlatform(name="flickrocket", state="excluded", findings=["a jumper is no digital product"]),
        ],
    )


def shop_page(**instead: Any) -> Page:
    """A shop's export to three platforms, with the usual troubles."""
    shown = {
        "cell.price-format": 9,
        "cell.gtin-check-digit": 41,
        "flipsnack.F12": 6,
        "magento.M8": 60,
        "magento.M21": 60,
        "mapping.conflict": 17,
        "flickrocket.K5": 2,
        "cell.url-blank": 8,
    }
    counts = shown | {"magento.M8": 418, "magento.M21": 3902}
    findings = sorted(
        (finding(code, n * 37 + at) for at, code in enumerate(CODES) for n in range(shown[code])),
        key=lambda one: one["line"],
    )
    severities: Counter[str] = Counter()
    for code, number in counts.items():
        severities[CODES[code][0]] += number
    page = Page(
        version="0.4.0",
        inputs=[
            Input(
                name=FILE,
                format="csv",
                encoding="utf-8",
                delimiter=";",
                records=25_411,
                bytes=18_220_113,
                sha256="9f2c4d0b7e1a5c3388f0d6b2c91e7a4405d3fbb8e2761c9ad04f5e8b3c7a1d26",
            )
        ],
        mappings=[MappingUsed(name="shopify", shown="shopify (preset)", recognised=True)],
        platforms=[
            PlatformPart(
                name="flipsnack",
                title="Flipsnack",
                read=8_412,
                written=8_340,
                held_back=23,
                excluded={"draft": 31, "archived": 18},
                variants={
                    "read": 24_880,
                    "written": 24_702,
                    "excluded": {"draft": 90, "archived": 41},
                    "held_back": 47,
                },
                score=91.4,
                score_bins=[0, 0, 2, 4, 11, 38, 96, 410, 1_904, 5_947],
                losses=[
                    Loss(
                        code="flipsnack.F40",
                        title="Every picture has an alternative text",
                        points=4.1,
                        products=3_902,
                        mend="describe each picture in a few words",
                    ),
                    Loss(
                        code="flipsnack.F31",
                        title="A product has at least three pictures",
                        points=2.6,
                        products=2_118,
                        mend="add pictures; two are common, three sell better",
                    ),
                    Loss(
                        code="cell.gtin-check-digit",
                        title="The GTIN is right",
                        points=0.9,
                        products=41,
                        mend="take the number from the package once more",
                    ),
                    Loss(
                        code="flipsnack.F12",
                        title="A title has at most 250 characters",
                        points=0.03,
                        products=6,
                        mend="shorten the title",
                    ),
                ],
                files=[(f"flipsnack/batch-{n:04}.json", 1_204_551) for n in range(1, 18)],
            ),
            PlatformPart(
                name="magento",
                title="Magento",
                read=8_412,
                written=8_395,
                held_back=17,
                variants={"read": 24_880, "written": 24_841, "excluded": {}, "held_back": 39},
                score=83.0,
                score_bins=[0, 0, 0, 9, 40, 122, 301, 1_240, 3_900, 2_800],
                losses=[
                    Loss(
                        code="magento.M8",
                        title="A physical product has a weight",
                        points=8.2,
                        products=418,
                        mend="fill in the weight, or set a default in the mapping",
                    ),
                    Loss(
                        code="magento.M21",
                        title="Every picture has an alternative text",
                        points=4.0,
                        products=3_902,
                        mend="describe each picture in a few words",
                    ),
                ],
                files=[("magento/batch-0001.json", 22_904_551)],
            ),
            PlatformPart(
                name="flickrocket",
                title="FlickRocket",
                read=8_412,
                written=214,
                held_back=2,
                excluded={"physical goods": 8_196},
                losses=[
                    Loss(
                        code="flickrocket.K5",
                        title="A cover is a JPEG or PNG file",
                        points=2.5,
                        products=2,
                        mend="export the cover as JPEG",
                    )
                ],
                score=97.5,
                score_bins=[0, 0, 0, 0, 0, 1, 1, 3, 11, 200],
                files=[("flickrocket/guide-1/product.json", 1_022)],
            ),
        ],
        findings=findings,
        finding_counts=counts,
        severity_counts=dict(severities),
        about=ABOUT,
        completeness=[
            Completeness(field="sku", title="SKU", filled=8_412, of=8_412),
            Completeness(field="title", title="Title", filled=8_412, of=8_412),
            Completeness(field="description", title="Description", filled=8_120, of=8_412),
            Completeness(field="price", title="Price", filled=8_403, of=8_412),
            Completeness(field="gtin", title="GTIN", filled=5_310, of=8_412),
            Completeness(field="brand", title="Brand", filled=8_377, of=8_412),
            Completeness(field="images", title="Pictures", filled=8_390, of=8_412),
            Completeness(field="weight_grams", title="Weight", filled=4_219, of=8_412),
            Completeness(field="categories", title="Categories", filled=7_930, of=8_412),
            Completeness(field="mpn", title="MPN", filled=0, of=8_412),
        ],
        prices=[
            PriceSpread(
                currency="EUR",
                least="2.90",
                median="34.90",
                most="489.00",
                bins=[
                    (f"{n * 24}.50", f"{n * 24 + 24}.50", c)
                    for n, c in enumerate(
                        (2910, 6402, 5120, 3980, 2210, 1440, 902, 760, 410, 280, 190, 121, 88, 40, 12, 9, 4, 0, 1, 1)
                    )
                ],
            ),
            PriceSpread(
                currency="DKK",
                least="29.00",
                median="249.00",
                most="2990.00",
                bins=[
                    (f"{n * 300}.00", f"{n * 300 + 300}.00", c)
                    for n, c in enumerate((310, 204, 90, 41, 18, 9, 4, 2, 0, 1))
                ],
            ),
        ],
        samples=[product_sample(n, state="held" if n == 2 else "written") for n in range(6)],
        unused_columns=[
            (
                FILE,
                [
                    "Gift Card",
                    "Google Shopping / MPN",
                    "Google Shopping / Age Group",
                    "Cost per item",
                    "Variant Tax Code",
                ],
            )
        ],
        decimals=[
            '"Variant Price" in herbst-winter.csv has decimal commas: "79,90" in line 212 has two digits behind its only mark'
        ],
        quarantine=["quarantine/herbst-winter.csv"],
    )
    for name, value in instead.items():
        setattr(page, name, value)
    return page


def large_page(per_code: int = 1_000, samples: int = 60) -> Page:
    """A run over 100,000 products: thousands of findings, each text its own, and large samples."""
    findings = []
    for code in CODES:
        for number in range(per_code):
            one = finding(code, number)
            one["value"] = f"value {number} of {code} " + "x" * (number % 160)
            one["message"] = f"{one['message']} (product {number})"
            findings.append(one)
    page = shop_page(findings=findings, finding_counts={code: 12_500 for code in CODES}, severity_counts={})
    for part in page.platforms:
        left = 100_000 - sum(part.excluded.values()) - part.held_back
        part.read, part.written = 100_000, left
    for number in range(samples):
        sample = product_sample(number, title=f"{NAMES[number % len(NAMES)]}, Nummer {number}")
        sample.source.append(SourceCell(line=9, column="Body", value=f"{number} " + "lang " * 5_000))
        sample.platforms[0].payload_text += f"\n{number} " + "payload " * 5_000
        page.samples.append(sample)
    return page
