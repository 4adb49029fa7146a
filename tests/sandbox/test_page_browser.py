"""The sandbox's page in headless Chromium: what it shows, that nothing of a feed runs, phones and dark mode.

Skipped where there is no Chromium (``chromium``, ``chromium-browser`` or ``google-chrome`` on PATH, or the path in
FEEDBRIDGE_CHROMIUM) or no playwright.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import FEED, flipsnack, magento, product, simple

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("FEEDBRIDGE_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060f8cf00000301010018dd8db0"
    "0000000049454e44ae426082"
)
HOSTILE = {
    "script": "<script>window.__ran = 1</script>",
    "picture": "<img src=x onerror='window.__ran = 1'>",
    "attribute": "\" onmouseover='window.__ran = 1' x=\"",
    "end": "</pre></details></style><svg onload=window.__ran=1>",
    "right to left": "\u202egnp.exe\u202c",
    "controls": "a\x00\x1b[31mb",
    "template": "{{7*7}}{% raw %}",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0, rates=False) as box:
        yield box


@pytest.fixture
def box(server: SandboxServer) -> SandboxServer:
    server.set_faults([])
    server.store.reset()
    return server


class Opened:
    """A page in a tab of its own, with all that it asked for and complained of. The web is answered from here."""

    def __init__(self, browser: Any, box: SandboxServer, path: str = "/", **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        self.context.set_default_timeout(5_000)
        self.asked: list[tuple[str, str | None]] = []
        self.said: list[str] = []
        self.context.route(lambda url: not url.startswith(box.url), self._web)
        self.tab = self.context.new_page()
        self.tab.on("console", lambda message: self.said.append(message.text))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.tab.add_init_script(
            "addEventListener('securitypolicyviolation', e => (window.__violations ??= []).push(e.violatedDirective))")
        self.tab.goto(f"{box.url}{path}")

    def _web(self, route: Any) -> None:
        self.asked.append((route.request.url, route.request.headers.get("referer")))
        route.fulfill(status=200, content_type="image/png", body=PNG)


@pytest.fixture
def opened(chromium: Any, box: SandboxServer) -> Iterator[Any]:
    pages: list[Opened] = []

    def open_page(path: str = "/", **options: Any) -> Opened:
        pages.append(Opened(chromium, box, path, **options))
        return pages[-1]

    yield open_page
    for one in pages:
        one.context.close()


def shop(box: SandboxServer) -> None:
    """A small shop at each platform, with calls of every verdict."""
    tee = product(
        "TEE", "TEE-S", "TEE-M", title="Crew tee", image_link="https://cdn.example.com/tee.jpg", sell_price=20,
        discount_price=15.5, currency="EUR", attribute={"name1": "Size", "options1": "S,M"})
    tee["variants"][0]["attribute"] = {"options1": "S"}
    tee["variants"][1]["attribute"] = {"options1": "M"}
    flipsnack(box.url, "products.create", products=[tee, product("MUG", title="Mug", currency="EUR")])
    flipsnack(box.url, "products.create", products=[product("MUG"), product("CUP", title="Cup")])
    flipsnack(box.url, "products.create", products=[product("X")], apiKey="wrong")
    magento(box.url, simple(20417, name="Canvas tote", price="18.95", images=[{"src": "https://cdn.example.com/tote.jpg"}],
                            tier_price=[{"price": "16", "qty": "25"}]))
    box.set_faults(["magento/drop-after:1"])
    with pytest.raises(requests.ConnectionError):
        magento(box.url, simple(7))
    requests.get(f"{box.url}/_/flickrocket/products", timeout=5)


def test_the_overview_shows_feeds_and_calls(box, opened):
    shop(box)
    page = opened()
    feeds = page.tab.locator("main .grid").inner_text()
    assert "3 products, 2 variants" in feeds and "2 products" in feeds and "products: 3" in feeds
    verdicts = page.tab.locator("td[data-name=Verdict]").all_inner_texts()
    assert verdicts == ["taken", "taken", "refused", "partly taken", "taken"]
    assert page.tab.locator("td[data-name=HTTP]").all_inner_texts()[0] == "no answer"
    assert page.tab.locator("td[data-name=Fault]").all_inner_texts()[0] == "magento/drop-after:1"
    assert page.said == [] and page.asked == []
    page.tab.get_by_role("link", name=FEED).click()
    assert page.tab.locator("h3").all_inner_texts() == ["Crew tee", "Mug", "Cup"]
    page.tab.get_by_role("link", name="Overview").click()
    page.tab.get_by_role("link", name="Magento").first.click()
    assert page.tab.locator("h3").all_inner_texts() == ["Canvas tote", "Name of 7"]


def test_a_product_with_picture_price_and_variants(box, opened):
    shop(box)
    page = opened(f"/?platform=flipsnack&feed={FEED}")
    card = page.tab.locator(".card").first
    picture = card.locator("img")
    sync_api.expect(picture).to_have_js_property("naturalWidth", 1)
    assert (picture.get_attribute("loading"), picture.get_attribute("referrerpolicy")) == ("lazy", "no-referrer")
    assert page.asked == [("https://cdn.example.com/tee.jpg", None)]
    assert card.locator(".price").inner_text().split() == ["15.5", "EUR", "20", "EUR"]
    card.locator("summary", has_text="2 variants").click()
    assert card.locator(".variants tbody tr").first.inner_text().split() == ["TEE-S", "S", "20"]
    card.locator("summary", has_text="As stored").click()
    assert '"code": "TEE"' in card.locator("pre").inner_text()
    assert page.said == [] and page.tab.evaluate("window.__violations ?? []") == []


def hostile_shop(box: SandboxServer) -> None:
    for number, (name, text) in enumerate(HOSTILE.items()):
        one = product(
            f"{name} {text}", f"variant {name} {text}", title=text, description=text, currency=text, image_link=text,
            attribute={"name1": text, "options1": text})
        one["variants"][0]["attribute"] = {"options1": text}
        answer = flipsnack(box.url, "products.create", products=[one], sourceHash=f"{text}{number}")
        assert answer.json()["code"] == 200 and not answer.json()["data"]["Errors"], answer.text
        flipsnack(box.url, f"{text}", products=[one])
        again = simple(f"{name} {text}", name=text, images=[{"src": text}], tier_price=[{"price": "1", "qty": "2"}],
                       custom_options=[{"title": text, "type": "field", "is_require": 0, "sku": text}])
        assert magento(box.url, again).json()[0]["response"][0]["status"] == "success"
    box.set_faults([f"partial:{HOSTILE['script']}"])


def test_hostile_text_is_shown_and_does_not_run(box, opened):
    hostile_shop(box)
    page = opened()
    paths = page.tab.locator("main .card a").evaluate_all("all => all.map(one => one.href)")
    assert len(paths) == len(HOSTILE) + 1
    shown = ""
    for path in [page.tab.url, *paths]:
        page.tab.goto(path)
        page.tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        page.tab.locator("main h3, main code").first.hover()
        shown += page.tab.locator("body").inner_text()
        assert page.tab.evaluate("window.__ran ?? null") is None
        assert page.tab.locator("main script, main svg, main img, [onerror], [onload], [onmouseover]").count() == 0
        assert page.said == [] and page.asked == []
    for text in (HOSTILE["script"], HOSTILE["picture"], HOSTILE["end"], "\\u202egnp.exe\\u202c", "a\\x00\\x1b[31mb", "{{7*7}}"):
        assert text in shown
    assert not set("\u202e\x00\x1b") & set(shown)


PICTURES = {
    "javascript:window.__ran=1": False, "data:image/svg+xml,<svg onload='window.__ran=1'>": False, "//host/a.png": False,
    "file:///etc/passwd": False, "img/a.png": False, " https://cdn.example.com/a.png": False, "http://[": False,
    "HTTP://cdn.example.com/a.png?x=1&y=<b>": True, "https://cdn.example.com/a.png": True,
}


def test_pictures_come_from_the_web_only(box, opened):
    flipsnack(box.url, "products.create", products=[
        product(f"P{number}", image_link=source) for number, source in enumerate(PICTURES)])
    page = opened(f"/?platform=flipsnack&feed={FEED}")
    shown = [card.locator("img").count() == 1 for card in page.tab.locator(".card").all()]
    assert dict(zip(PICTURES, shown, strict=True)) == PICTURES
    assert page.tab.locator("img").first.get_attribute("src") == "HTTP://cdn.example.com/a.png?x=1&y=<b>"


def test_no_script_can_be_slipped_in(box, opened):
    page = opened()
    page.tab.evaluate("""() => {
      const script = document.createElement("script"); script.textContent = "window.__ran = 1"; document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<img src=data:, onerror='window.__ran=1'>"); }""")
    page.tab.wait_for_timeout(50)
    assert page.tab.evaluate("window.__ran ?? null") is None
    assert "script-src-elem" in page.tab.evaluate("window.__violations")


def test_a_hundred_products_a_page(box, opened):
    flipsnack(box.url, "products.create", products=[product(f"P{number}") for number in range(250)])
    page = opened(f"/?platform=flipsnack&feed={FEED}")
    seen = []
    for shown in ("1–100 of 250", "101–200 of 250", "201–250 of 250"):
        assert shown in page.tab.locator("main nav").first.inner_text()
        seen += page.tab.locator(".card h3 + p code").all_inner_texts()
        if following := page.tab.locator("a[rel=next]").all():
            following[0].click()
    assert seen == [f"P{number}" for number in range(250)]
    assert page.tab.locator("a[rel=next]").count() == 0
    page.tab.locator("a[rel=prev]").first.click()
    assert "101–200 of 250" in page.tab.locator("main nav").first.inner_text()


def test_older_calls(box, opened):
    for _ in range(60):
        requests.get(f"{box.url}/magento/", timeout=5)
    page = opened()
    first = page.tab.locator("td[data-name='No.']").all_inner_texts()
    page.tab.get_by_role("link", name="Older calls").click()
    numbers = [int(one) for one in first + page.tab.locator("td[data-name='No.']").all_inner_texts()]
    assert len(numbers) == 60 and numbers == sorted(numbers, reverse=True)


def test_no_width_scrolls_the_page_sideways(box, opened):
    shop(box)
    flipsnack(box.url, "products.create", products=[
        product("W" * 200, "V" * 200, title="M" * 300, description="d" * 2000, image_link="x" * 300)])
    flipsnack(box.url, "products." + "x" * 90, products="[]")
    for path in ("/", f"/?platform=flipsnack&feed={FEED}", "/?platform=magento", "/?platform=flickrocket"):
        page = opened(path)
        page.tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for width in (320, 360, 800, 1030, 1280):
            page.tab.set_viewport_size({"width": width, "height": 700})
            over = page.tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over == 0, (path, width)


@pytest.mark.parametrize(
    ("scheme", "ground"), [pytest.param("dark", "rgb(20, 24, 26)", id="dark"), pytest.param("light", "rgb(246, 247, 247)", id="light")])
def test_dark_and_light_follow_the_system(box, opened, scheme, ground):
    page = opened(color_scheme=scheme)
    assert page.tab.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_empty(box, opened):
    text = opened().tab.locator("main").inner_text()
    assert "No feed yet." in text and "No products yet." in text and "No calls yet." in text
    assert "Nothing here." in opened("/?platform=flipsnack&feed=none").tab.locator("main").inner_text()
