"""The report page as bytes: what it says, what it escapes, how large it gets."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.report.page import MOST_BYTES, render_page
from feedbridge.report.page_data import (
    Completeness,
    Input,
    MappingUsed,
    Page,
    PlatformPart,
    PriceSpread,
    Sample,
    SamplePlatform,
    SourceCell,
)
from tests.report.page_example import CODES, finding, large_page, product_sample, shop_page

HOSTILE = {
    "script": "<script>window.__ran=1</script>",
    "end of script": "</script><script>window.__ran=1</script>",
    "end of style": "</style></title><img src=x onerror=window.__ran=1>",
    "attribute": '"><img src=x onerror="window.__ran=1">',
    "single quote": "' onfocus='window.__ran=1' autofocus='",
    "comment": "<!--<script>",
    "template": "{{constructor.constructor('window.__ran=1')()}} ${window.__ran=1} {% x %}",
    "right to left": "\u202egnp.exe\u202c",
    "line separator": "a\u2028window.__ran=1\u2029b",
    "control": "a\x00b\x1b[31m\x7f",
    "half a character": "a\ud800b",
    "entity": "&lt;b&gt; &amp;",
}


class Markup(HTMLParser):
    """Elements, attributes and texts of a page, and what its scripts hold."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw: list[str] = []
        self._in = ""
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in in ("script", "style"):
            self.raw.append(data)
        else:
            self.text += data

    def counts(self) -> dict[str, int]:
        names = [name for name, _ in self.elements]
        return {name: names.count(name) for name in sorted(set(names))}


def said(page: bytes) -> str:
    """The text of a page, blanks run together."""
    return " ".join(Markup(page).text.split())


def block(page: bytes) -> dict:
    """The data block."""
    found = re.search(rb'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def poisoned(text: str) -> Page:
    """A page that has one text wherever a feed, a mapping or a file name can put one."""
    one = {
        "code": text,
        "severity": "error",
        "message": text,
        "mend": text,
        "file": text,
        "line": 3,
        "column": text,
        "sku": text,
        "field": text,
        "platform": text,
        "value": text,
    }
    sample = Sample(
        sku=text,
        title=text,
        file=text,
        line=3,
        source=[SourceCell(line=3, column=text, value=text)],
        canonical=[(text, text)],
        platforms=[SamplePlatform(name=text, payload_text=text, findings=[text], images=[text])],
    )
    return shop_page(
        inputs=[Input(name=text, format=text, encoding=text, delimiter=text, sha256=text)],
        mappings=[MappingUsed(name=text, shown=text)],
        platforms=[
            PlatformPart(
                name="flipsnack", title=text, read=2, written=0, held_back=1, excluded={text: 1}, files=[(text, 1)]
            )
        ],
        findings=[one],
        finding_counts={text: 1},
        severity_counts={},
        about={text: text},
        completeness=[Completeness(field=text, title=text, filled=1, of=2)],
        samples=[sample],
        unused_columns=[(text, [text])],
        decimals=[text],
        quarantine=[text],
    )


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
def test_text_of_a_feed_adds_no_markup(text):
    page, plain = Markup(render_page(poisoned(text))), Markup(render_page(poisoned("plain")))
    assert page.counts() == plain.counts()
    attributes = {name for _, of in page.elements for name in of}
    assert not {name for name in attributes if name.startswith("on") or name in ("style", "srcdoc", "autofocus")}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
def test_text_of_a_feed_comes_back_from_the_block(text):
    data = block(render_page(poisoned(text)))
    assert data["samples"][0]["title"] == text
    assert data["texts"][data["findings"][0][data["columns"].index("value")]] == text


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("<>&\"'/\u2028\u202e\ud800")), max_size=60))
def test_any_text_adds_no_markup(text):
    page = render_page(poisoned(text))
    assert Markup(page).counts() == Markup(render_page(poisoned("plain" if text else ""))).counts()
    assert block(page)["samples"][0]["title"] == text


@pytest.mark.parametrize("char", ["\u202e", "\x1b", "\u2028", "\u200b", "\x00"])
def test_no_character_that_steers_is_in_the_markup(char):
    whole = render_page(poisoned(f"a{char}b")).decode()
    outside = whole.replace(json.dumps(block(render_page(poisoned(f"a{char}b")))), "")
    assert char not in re.sub(r"<script type=.*?</script>", "", outside, flags=re.S)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            "8,412 products read. Held back: 23 from Flipsnack, 17 from Magento, 2 from FlickRocket.", id="verdict"
        ),
        pytest.param("read8,412written=8,340left out+49held back+23", id="equation"),
        pytest.param("31 left out: draft", id="kinds left out"),
        pytest.param("variants: 24,880 read = 24,702 written + 131 left out + 47 held back", id="variants"),
        pytest.param("203 of 4,403 shown: the first of each code. The rest is in findings.jsonl", id="cut"),
        pytest.param("magento.M21Every picture has an alternative text.3,902", id="count of a code"),
        pytest.param("herbst-winter.csv:14Variant PriceNL-1000price12,5O", id="a finding"),
        pytest.param("Remedy: write it like 12.50 or 12.50 EUR", id="remedy"),
        pytest.param("GTINgtin63.1 %5,310 of 8,412", id="completeness"),
        pytest.param("Least2.90Median34.90Most489.00", id="prices"),
        pytest.param("Every picture has an alternative textflipsnack.F404.13,902", id="points lost"),
        pytest.param("shopify (preset) – recognised by its columns", id="mapping"),
        pytest.param("Gift Card", id="unused column"),
        pytest.param("csv, utf-8, semicolons", id="input"),
    ],
)
def test_page_says_without_its_script(words):
    assert words in said(render_page(shop_page()))


@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param(Page(version="1"), "No platform was asked for.", id="nothing"),
        pytest.param(
            Page(version="1", platforms=[PlatformPart(name="a")]),
            "No products were found in the source.",
            id="empty source",
        ),
        pytest.param(
            Page(version="1", platforms=[PlatformPart(name="a", read=2, held_back=2)]),
            "2 products read, and none could be written.",
            id="none written",
        ),
        pytest.param(
            Page(version="1", platforms=[PlatformPart(name="a", read=1, written=1)]),
            "1 product read, and all of them written.",
            id="all well",
        ),
        pytest.param(
            Page(version="1", platforms=[PlatformPart(name="a", read=3, written=1, excluded={"draft": 2})]),
            "Nothing is held back",
            id="left out only",
        ),
    ],
)
def test_verdict(page, words):
    assert words in said(render_page(page))


@pytest.mark.parametrize(
    ("bins", "grow"),
    [
        pytest.param([("0", "10", 1), ("10", "20", 2)], False, id="even"),
        pytest.param([("1", "10", 1), ("10", "100", 2)], True, id="growing"),
        pytest.param([("low", "high", 1)], False, id="no numbers"),
        pytest.param([], False, id="none"),
    ],
)
def test_price_steps_that_grow_are_said(bins, grow):
    page = render_page(Page(version="1", prices=[PriceSpread(currency="EUR", bins=bins)]))
    assert ("The steps grow with the price." in said(page)) is grow


def test_sections_without_content_are_left_out():
    elements = Markup(render_page(Page(version="1", platforms=[PlatformPart(name="a", read=1, written=1)]))).elements
    assert [of["id"] for name, of in elements if name == "section"] == ["result"]


def test_headings_are_in_order():
    levels = [int(name[1]) for name, _ in Markup(render_page(shop_page())).elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_nothing_is_fetched_and_only_its_own_script_may_run():
    page = render_page(shop_page())
    elements = Markup(page).elements
    assert not [name for name, of in elements if name in ("link", "iframe", "object", "embed", "base") or of.get("src")]
    policy = next(of["content"] for name, of in elements if of.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "*" not in policy and "data:" not in policy
    assert all(
        of["href"].startswith(("#", "./", "findings.jsonl", "manifest.json")) for name, of in elements if name == "a"
    )


@pytest.mark.parametrize(
    "path", ["quarantine/a b.csv", "quarantine/javascript:alert(1).csv", "quarantine/ü#?.csv", "javascript:alert(1)"]
)
def test_files_of_the_run_are_linked_as_relative_paths(path):
    links = [of["href"] for name, of in Markup(render_page(shop_page(quarantine=[path]))).elements if name == "a"]
    assert [
        link
        for link in links
        if re.fullmatch(r"\./[\w./%()-]+", link) and ("quarantine" in link or "javascript" in link)
    ]
    assert not [link for link in links if link.startswith("javascript")]


def test_same_data_same_bytes():
    assert render_page(shop_page()) == render_page(shop_page())


def per_code(data: dict) -> dict[str, int]:
    codes = [data["texts"][row[data["columns"].index("code")]] for row in data["findings"]]
    return {code: codes.count(code) for code in sorted(set(codes))}


def test_100_000_products_stay_under_2_mb_and_the_page_says_what_it_leaves_out():
    page = render_page(large_page())
    data = block(page)
    assert len(page) < MOST_BYTES == 2_000_000
    assert len(page) > MOST_BYTES * 0.9
    counts = per_code(data)
    assert set(counts) == set(CODES) and min(counts.values()) == max(counts.values()) > 50
    assert 10 < len(data["samples"]) < 66
    assert f"{len(data['findings']):,} of 100,000 shown" in said(page)


def test_samples_make_room_for_findings():
    page = render_page(large_page(per_code=100, samples=120))
    data = block(page)
    assert MOST_BYTES * 0.9 < len(page) < MOST_BYTES
    assert set(per_code(data).values()) == {100}
    assert 10 < len(data["samples"]) < 126
    assert f"{126 - len(data['samples'])} samples left out, to keep this page small." in said(page)


@pytest.mark.parametrize(
    "large",
    [
        pytest.param(
            {
                "findings": [
                    finding("magento.M8", n) | {"code": f"c{n}", "message": f"{n}" * 5_000} for n in range(3_000)
                ]
            },
            id="codes",
        ),
        pytest.param(
            {"unused_columns": [("a.csv", [f"column {n} " + "x" * 900 for n in range(20_000)])]}, id="columns"
        ),
        pytest.param({"inputs": [Input(name=f"{n}" + "x" * 9_000) for n in range(5_000)]}, id="inputs"),
        pytest.param(
            {"completeness": [Completeness(field=f"{n}" + "x" * 9_000, filled=1, of=2) for n in range(5_000)]},
            id="fields",
        ),
        pytest.param({"decimals": ["x" * 9_000] * 5_000, "quarantine": ["x" * 9_000] * 5_000}, id="sentences"),
        pytest.param(
            {
                "platforms": [
                    PlatformPart(
                        name="a",
                        read=9,
                        excluded={f"{n}" + "x" * 900: 1 for n in range(9_000)},
                        files=[(f"a/{n}/product.json", 5) for n in range(90_000)],
                    )
                ]
            },
            id="kinds and files",
        ),
        pytest.param({"samples": [product_sample(1, title="x" * 3_000_000)] * 3}, id="one text"),
    ],
)
def test_no_part_of_a_page_grows_without_end(large):
    assert len(render_page(shop_page(**large))) < MOST_BYTES


# --- colours

PAIRS = [
    ("ink", "paper", 4.5),
    ("ink", "raised", 4.5),
    ("ink", "sunk", 4.5),
    ("soft", "paper", 4.5),
    ("soft", "sunk", 4.5),
    ("soft", "raised", 4.5),
    ("link", "paper", 4.5),
    ("link", "raised", 4.5),
    ("link", "sunk", 4.5),
    ("error", "paper", 4.5),
    ("warning", "paper", 4.5),
    ("advice", "paper", 4.5),
    ("error", "sunk", 4.5),
    ("warning", "sunk", 4.5),
    ("advice", "sunk", 4.5),
    ("error", "error-wash", 4.5),
    ("ink", "warning-wash", 4.5),
    ("ink", "written-wash", 4.5),
    ("link", "warning-wash", 4.5),
    ("written", "paper", 3),
    ("excluded", "paper", 3),
    ("held", "paper", 3),
    ("fill", "paper", 3),
    ("fill", "track", 3),
    ("edge", "paper", 3),
    ("edge", "raised", 3),
    ("focus", "paper", 3),
    ("focus", "sunk", 3),
]


def themes() -> dict[str, dict[str, str]]:
    """Colours of both themes, taken from the page."""
    style = render_page(Page(version="1")).decode().split("<style>")[1].split("</style>")[0]
    blocks = re.findall(r"color-scheme: (light|dark);([^}]*)\}", style)
    found = [(scheme, dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", body))) for scheme, body in blocks]
    light, *dark = (colours for scheme, colours in found if colours.get("written"))
    assert len(dark) == 2 and dark[0] == dark[1]
    return {"light": light, "dark": dark[0]}


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"), [pytest.param(*pair, id=f"{pair[0]} on {pair[1]}") for pair in PAIRS]
)
def test_contrast_is_enough(theme, front, back, least):
    colours = themes()[theme]
    bright, dim = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= least
