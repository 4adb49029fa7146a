"""The report page in headless Chromium: nothing of a feed runs, nothing is fetched, keys and narrow screens do.

Skipped where there is no Chromium (``chromium``, ``chromium-browser`` or ``google-chrome`` on PATH, or the path in
FEEDBRIDGE_CHROMIUM) or no playwright.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from feedbridge.report.page import MOST_BYTES, render_page
from feedbridge.report.page_data import Page
from tests.report.page_example import large_page, product_sample, shop_page
from tests.report.test_page import HOSTILE, poisoned

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("FEEDBRIDGE_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

PHONE = {"viewport": {"width": 360, "height": 740}}
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060f8cf00000301010018dd8db0"
    "0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page in a tab of its own, with all that it asked for, complained of and popped up."""

    def __init__(self, browser: Any, path: Path, page: Page, **options: Any) -> None:
        path.write_bytes(render_page(page))
        self.context = browser.new_context(
            reduced_motion="reduce", **({"viewport": {"width": 1280, "height": 900}} | options)
        )
        self.context.route(
            "**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort()
        )
        self.context.set_default_timeout(5_000)
        self.tab = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("console", lambda message: self.said.append(message.text))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.tab.add_init_script(
            "addEventListener('securitypolicyviolation', e => (window.__violations ??= []).push(e.violatedDirective))"
        )
        self.url = path.as_uri()
        self.tab.goto(self.url)

    def column(self, name: str) -> list[str]:
        return self.tab.locator(f"#rows .col-{name}").all_inner_texts()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def tab_to(self, selector: str, most: int = 120) -> None:
        """Walk with the Tab key until the element has the focus."""
        for _ in range(most):
            if self.tab.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            self.press("Tab")
        raise AssertionError(f"{selector} is not reached by {most} Tabs")


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    pages: list[Opened] = []

    def open_page(page: Page, **options: Any) -> Opened:
        pages.append(Opened(chromium, tmp_path / "report.html", page, **options))
        return pages[-1]

    yield open_page
    for one in pages:
        one.context.close()


def test_it_opens_from_disk_asking_for_nothing_else(opened):
    page = opened(shop_page())
    assert page.tab.locator("html.ready").count() == 1
    assert page.asked == [page.url]
    assert page.said == []
    assert page.tab.evaluate("window.__violations ?? []") == []


def hostile_page() -> Page:
    """Every hostile text at once, in every place a feed can put it."""
    whole = shop_page(samples=[], findings=[], finding_counts={}, completeness=[], unused_columns=[])
    for text in HOSTILE.values():
        one = poisoned(text)
        for name in (
            "samples",
            "findings",
            "completeness",
            "unused_columns",
            "inputs",
            "mappings",
            "platforms",
            "decimals",
            "quarantine",
        ):
            getattr(whole, name).extend(getattr(one, name))
        whole.finding_counts |= one.finding_counts
        whole.about |= one.about
    return whole


def test_hostile_text_does_not_run(opened):
    page = opened(hostile_page())
    tab = page.tab
    tab.evaluate(OPEN_ALL)
    tab.locator("#pictures").click()
    for head in tab.locator("th[data-sort] button").all():
        head.click()
    tab.wait_for_timeout(50)
    assert tab.evaluate("window.__ran") is None
    assert [text for text in page.said if "ERR_FILE_NOT_FOUND" not in text] == []
    assert tab.evaluate("window.__violations ?? []") == []
    assert tab.locator("img[onerror], #rows script, #products script, [style]").count() == 0
    assert [url for url in page.asked if url != page.url and not url.startswith(page.url.rsplit("/", 1)[0])] == []


def test_hostile_text_is_shown_as_text(opened):
    page = opened(poisoned(HOSTILE["attribute"]))
    assert page.column("value") == [HOSTILE["attribute"]]
    assert page.tab.locator(".sample .title").all_inner_texts() == [HOSTILE["attribute"]]


def test_what_turns_the_reading_direction_is_spelt_out(opened):
    page = opened(poisoned(HOSTILE["right to left"]))
    assert page.column("value") == ["\\u202egnp.exe\\u202c"]
    assert "\u202e" not in page.tab.locator("body").inner_text()


def test_the_policy_stops_what_would_slip_through(opened):
    page = opened(shop_page())
    slipped = page.tab.evaluate(
        """() => {
          const script = document.createElement("script");
          let typed = "allowed";
          try { script.textContent = "window.__ran = 1"; document.body.append(script); } catch { typed = "refused"; }
          try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.__ran=1'>"); typed += " allowed"; }
          catch { typed += " refused"; }
          return [typed, window.__ran ?? null];
        }"""
    )
    assert slipped == ["refused refused", None]


PICTURES = {
    "https": ("https://cdn.example.com/a.jpg", "https://cdn.example.com/a.jpg"),
    "http": ("HTTP://cdn.example.com/a.jpg", "HTTP://cdn.example.com/a.jpg"),
    "path": ("img/a#1?.jpg", "./img/a%231%3F.jpg"),
    "blank": ("img/a b.jpg", None),
    "javascript": ("javascript:window.__ran=1", None),
    "javascript behind a blank": (" javascript:window.__ran=1", None),
    "javascript with a tab": ("java\tscript:window.__ran=1", None),
    "data": ("data:image/svg+xml,<svg onload='window.__ran=1'>", None),
    "file": ("file:///etc/passwd", None),
    "share": ("//host/share/a.png", None),
    "share, backslashes": ("\\\\host\\share\\a.png", None),
    "upwards": ("../../secret.png", None),
    "from the root": ("/etc/a.png", None),
    "blob": ("blob:null/1", None),
    "half a character": ("img/\ud800.png", None),
}


@pytest.fixture(scope="module")
def pictures(chromium, tmp_path_factory) -> list[list[str]]:
    """Source, loading and referrer policy of every ``<img>`` each of PICTURES made, in a page that asked for pictures."""
    samples = [product_sample(0, images=(source,)) for source, _ in PICTURES.values()]
    page = Opened(chromium, tmp_path_factory.mktemp("pictures") / "report.html", shop_page(samples=samples))
    page.tab.evaluate(OPEN_ALL)
    sync_api.expect(page.tab.locator(".journey")).to_have_count(len(samples))
    page.tab.evaluate(
        """() => {
          window.__sources = [...document.querySelectorAll("details.sample")].map(() => []);
          new MutationObserver(all => all.forEach(one => one.addedNodes.forEach(node => node.querySelectorAll?.("img").forEach(img => {
            const at = [...document.querySelectorAll("details.sample")].indexOf(img.closest("details"));
            window.__sources[at].push(img.getAttribute("src"), img.loading, img.referrerPolicy);
          })))).observe(document.getElementById("products"), { childList: true, subtree: true });
        }"""
    )
    page.tab.locator("#pictures").click()
    page.tab.evaluate("() => new Promise(done => setTimeout(done))")
    sources = page.tab.evaluate("window.__sources")
    page.context.close()
    return sources


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_come_from_the_web_or_beside_the_page_only(pictures, case):
    shown = PICTURES[case][1]
    assert pictures[list(PICTURES).index(case)] == ([shown, "lazy", "no-referrer"] * 2 if shown else [])


def test_pictures_are_fetched_only_when_asked_for_and_without_a_referrer(opened, tmp_path):
    seen: list[tuple[str, str | None]] = []

    class Pictures(SimpleHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Referer")))
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(PNG)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        threading.Thread(target=partial(server.serve_forever, poll_interval=0.02), daemon=True).start()
        web = f"http://127.0.0.1:{server.server_port}"
        page = opened(shop_page(samples=[product_sample(0, images=(f"{web}/a.png",))]))
        page.context.unroute("**/*")
        page.tab.locator("#products").scroll_into_view_if_needed()
        assert seen == [] and page.tab.locator("img").count() == 0
        page.tab.locator("#pictures").click()
        page.tab.locator(".picture img").first.scroll_into_view_if_needed()
        sync_api.expect(page.tab.locator(".picture img").first).to_have_js_property("naturalWidth", 1)
        assert set(seen) == {("/a.png", None)}
        page.tab.locator("#pictures").click()
        assert page.tab.locator("img").count() == 0
        server.shutdown()


# --- findings, by keys


def test_filter_by_keys(opened):
    page = opened(shop_page())
    page.tab_to("#text")
    page.tab.keyboard.type("barcode 4006381333932")
    sync_api.expect(page.tab.locator("#count")).to_have_text("1–25 of 41 that fit the filter")
    assert set(page.column("code")) == {"cell.gtin-check-digit"}
    page.tab_to("button[type=reset]")
    page.press("Enter")
    sync_api.expect(page.tab.locator("#count")).to_have_text("1–25 of 203 that are in this page")


def test_severities_platforms_and_codes_filter_by_keys(opened):
    page = opened(shop_page())
    page.tab_to("[name=severity][value=warning]")
    page.press("Space", "Tab", "Space")
    assert {text.strip() for text in page.column("severity")} == {"error"}
    assert page.tab.locator("#count").inner_text() == "1–25 of 25 that fit the filter"
    page.tab_to("#platform")
    page.press("F")
    page.press("l")
    sync_api.expect(page.tab.locator("#platform")).not_to_have_value("*")
    chosen = page.tab.locator("#platform").input_value()
    assert page.column("code") and all(code.startswith(chosen) for code in page.column("code"))


def test_sort_by_keys(opened):
    page = opened(shop_page())
    assert page.tab.locator("th[aria-sort=none]").count() == 7
    first = page.column("place")
    page.tab_to("th[data-sort=sku] button")
    page.press("Enter")
    rising = page.column("sku")
    assert page.tab.locator("th[data-sort=sku]").get_attribute("aria-sort") == "ascending"
    assert rising == sorted(rising, key=lambda sku: int(sku.split("-")[1])) and page.column("place") != first
    page.press("Space")
    falling = page.column("sku")
    assert page.tab.locator("th[data-sort=sku]").get_attribute("aria-sort") == "descending"
    assert falling == sorted(falling, key=lambda sku: -int(sku.split("-")[1])) and falling[0] != rising[0]
    page.press("Enter")
    assert page.column("place") == first


def test_every_column_sorts(opened):
    page = opened(shop_page())
    for name in ("severity", "code", "place", "sku", "field", "value", "message"):
        head = page.tab.locator(f"th[data-sort={name}] button")
        head.click()
        rising = page.column(name)
        head.click()
        assert page.column(name)[0] != rising[0], name
        if name == "severity":
            assert rising == ["error"] * 25
        if name == "place":
            lines = [int(place.split("\n")[0].rsplit(":")[-1]) for place in rising]
            assert lines == sorted(lines)


def test_pages_turn_by_keys(opened):
    page = opened(shop_page())
    page.tab_to("#next")
    page.press("Enter")
    assert page.tab.locator("#count").inner_text().startswith("26–50 of 203")
    assert page.tab.evaluate("document.activeElement.id") == "one-by-one"
    page.tab_to("#previous")
    page.press("Space")
    assert page.tab.locator("#count").inner_text().startswith("1–25 of 203")


def test_a_code_leads_to_its_findings(opened):
    page = opened(shop_page())
    page.tab_to("button[data-code='mapping.conflict']")
    page.press("Enter")
    assert set(page.column("code")) == {"mapping.conflict"}
    assert page.tab.locator("#count").inner_text() == "1–17 of 17 that fit the filter"
    assert page.tab.evaluate("document.activeElement.id") == "one-by-one"


def test_rows_of_the_script_are_those_of_the_html(opened):
    with_script, without = opened(shop_page()), opened(shop_page(), java_script_enabled=False)
    assert with_script.tab.locator("#rows").inner_html() == without.tab.locator("#rows").inner_html()


def test_focus_is_seen_and_the_skip_link_is_first(opened):
    page = opened(shop_page())
    page.press("Tab")
    assert page.tab.evaluate("document.activeElement.className") == "skip"
    assert page.tab.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.press("Enter")
    assert page.tab.evaluate("document.activeElement.id") == "result"
    page.tab_to("#text")
    assert page.tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_samples_open_by_keys(opened):
    page = opened(shop_page())
    second = page.tab.locator("details.sample").nth(1)
    assert second.locator(".journey").count() == 0
    second.locator("summary").focus()
    page.press("Enter")
    second.locator(".journey").wait_for()
    text = second.inner_text()
    assert "Before: the source" in text and '"sku": "NL-1001"' in text and "79,90" in text and "left out" in text


# --- screens


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_no_width_scrolls_the_page_sideways(opened, width):
    long = product_sample(0, title="Donaudampfschifffahrtsgesellschaft" * 12)
    long.source[0].value = "https://cdn.example.com/" + "a" * 800
    page = shop_page()
    page.samples.insert(0, long)
    page.findings[0]["value"] = page.findings[0]["sku"] = "x" * 200
    page.inputs[0].name = "y" * 250 + ".csv"
    tab = opened(page, viewport={"width": width, "height": 740}).tab
    tab.evaluate(OPEN_ALL)
    sync_api.expect(tab.locator(".journey")).to_have_count(7)
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_phone_shows_a_finding_as_a_card_with_its_sort_buttons(opened):
    page = opened(shop_page(), **PHONE)
    assert page.tab.evaluate("getComputedStyle(document.querySelector('#rows tr')).display") == "grid"
    page.tab.locator("th[data-sort=code] button").click()
    assert page.tab.locator("th[data-sort=code]").get_attribute("aria-sort") == "ascending"
    assert page.tab.evaluate(
        "[...document.querySelectorAll('#rows tr:first-child td')].every(td => td.getBoundingClientRect().right <= 360)"
    )


def background(page: Opened) -> str:
    return page.tab.evaluate("getComputedStyle(document.body).backgroundColor")


def test_dark_and_light_follow_the_system_and_the_button(opened):
    page = opened(shop_page(), color_scheme="dark")
    assert background(page) == "rgb(20, 24, 26)"
    page.tab_to("#theme")
    assert page.tab.locator("#theme").inner_text() == "Light theme"
    page.press("Enter")
    assert background(page) == "rgb(252, 252, 251)"
    page.tab.reload()
    assert background(page) == "rgb(252, 252, 251)"
    page.tab.locator("#theme").click()
    page.tab.emulate_media(color_scheme="light")
    assert background(page) == "rgb(20, 24, 26)"
    assert background(opened(shop_page(), color_scheme="light")) == "rgb(252, 252, 251)"


def test_paper_is_light_and_without_controls(opened):
    page = opened(shop_page(), color_scheme="dark")
    page.tab.emulate_media(media="print", color_scheme="dark")
    assert background(page) == "rgb(255, 255, 255)"
    assert page.tab.evaluate("getComputedStyle(document.querySelector('.error')).color") == "rgb(168, 40, 27)"
    assert page.tab.evaluate("getComputedStyle(document.querySelector('.cut')).backgroundColor") == "rgb(250, 241, 222)"
    assert not page.tab.locator("#filters, nav, #pager, #ask").filter(visible=True).count()
    assert page.tab.locator("#rows tr").first.is_visible()


def test_100_000_products_become_interactive(opened):
    page = opened(large_page())
    tab = page.tab
    assert Path(page.url.removeprefix("file://")).stat().st_size < MOST_BYTES
    assert tab.locator("html.ready").count() == 1
    assert "of 100,000 shown: the first of each code. The rest is in findings.jsonl" in tab.locator("#cut").inner_text()
    tab.locator("th[data-sort=message] button").click()
    tab.locator("#code").select_option("magento.M8")
    tab.locator("#text").fill("NL-1539 77)")
    sync_api.expect(tab.locator("#count")).to_have_text("1–1 of 1 that fit the filter")
    assert page.column("value")[0].startswith("value 77 of magento.M8")


def test_without_javascript_the_numbers_and_the_first_findings_are_there(opened):
    page = opened(shop_page(), java_script_enabled=False)
    text = page.tab.locator("main").inner_text()
    assert "8,340" in text and "held back" in text and "203 of 4,403 shown" in text
    assert len(page.column("message")) == 25
    assert page.tab.locator("#result svg").first.is_visible()
    assert not page.tab.locator("button, form").filter(visible=True).count()


def test_pictures_of_numbers_say_them_in_words(opened):
    tab = opened(shop_page()).tab
    assert tab.get_by_role("img", name="8,412 read: 8,340 written, 49 left out, 23 held back").count() == 1
    assert tab.get_by_role("img", name="Prices in EUR, a histogram. Most: 24.50 – 48.50 with 6,402.").count() == 1
    assert {tab.get_by_role(role).count() for role in ("banner", "main", "contentinfo")} == {1}
    assert tab.get_by_role("table", name="Findings, each with its place, value and remedy").count() == 1


def test_headings_the_script_adds_are_in_order(opened):
    tab = opened(shop_page()).tab
    tab.evaluate(OPEN_ALL)
    sync_api.expect(tab.locator(".journey")).to_have_count(6)
    levels = tab.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(one => +one.tagName[1])")
    assert levels.count(5) == 18
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_rule_that_costs_points_leads_to_its_findings(opened):
    page = opened(shop_page())
    page.tab.locator(".losses button", has_text="flipsnack.F12").click()
    assert set(page.column("code")) == {"flipsnack.F12\n\nFlipsnack"}
    assert page.tab.locator(".losses button", has_text="flipsnack.F31").count() == 0
