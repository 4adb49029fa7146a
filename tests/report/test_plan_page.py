"""The page of a plan: what it says, what it escapes, how large it gets, and that it works in headless Chromium.

The browser's part is skipped where there is no Chromium (PATH, or the path in FEEDBRIDGE_CHROMIUM) or no playwright.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import OutputError
from feedbridge.report import plan_page
from feedbridge.report.plan_page import FIRST, MOST_BYTES, render_plan_page, write_plan_page

HOSTILE = {
    "script": "<script>window.__ran=1</script>",
    "end of script": "</script><script>window.__ran=1</script>",
    "end of style": "</style></title><img src=x onerror=window.__ran=1>",
    "attribute": '"><img src=x onerror="window.__ran=1">',
    "comment": "<!--<script>",
    "right to left": "\u202egnp.exe\u202c",
    "line separator": "a\u2028window.__ran=1\u2029b",
    "control": "a\x00b\x1b[31m\x7f\n",
    "half a character": "a\ud800b",
    "entity": "&lt;b&gt; &amp;",
}
PRICE = {"path": "sell_price", "before": 20, "after": 21}


def header(**more: Any) -> dict[str, Any]:
    return {
        "tool": "feedbridge 1.0", "job": "shop", "job_file": "feedbridge.yaml", "job_digest": "ab", "run": "20261122T031500Z",
        "made": "2026-11-22T03:15:00Z", "sources": [["shop.csv", "cd"]], "mappings": ["ef"], "findings": {"cell.price": 3},
        "targets": [{
            "name": "flipsnack", "platform": "flipsnack", "place": "https://f.example.com/", "present": 400,
            "counts": {"update": 40, "delete": 2, "unchanged": 411}, "products": {"read": 455, "held_back": 2},
        }],
        **more,
    }


def change(op: str = "update", sku: str = "TEE-042", **more: Any) -> dict[str, Any]:
    return {"target": "flipsnack", "op": op, "key": sku, "sku": sku, "reason": more.pop("reason", "new"), **more}


def shop_changes() -> list[dict[str, Any]]:
    deletes = [change("delete", f"OLD-{n}", reason="gone from the feed", title="Old tee") for n in range(2)]
    updates = [
        change("update", f"TEE-{n:03}", reason="field sell_price changed", title=f"Crew Tee {n}", file="shop.csv", line=n + 2,
               differences=[{"path": "sell_price", "before": 20, "after": 21 + n}])
        for n in range(38)
    ]
    long = "Soft, made of organic cotton, in {}, for everyone."
    return [
        *deletes,
        change(sku="WIDE", key="1042", reason="11 fields changed", differences=[
            {"path": "description", "before": long.format("red"), "after": long.format("blue")},
            {"path": "brand", "after": "Acme"}, {"path": "gtin", "before": {"null": True}, "after": "4006381333931"},
            *({"path": f"variants[{size}].price", "before": 1, "after": 2} for size in "ABCDEFGH"),
            {"path": "… and 9 more"},
        ]),
        change("refused", "NO", reason="variant gone", message="it cannot be taken away", mend="delete it by hand", code="x.K8"),
        *updates,
    ]


def poisoned(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and changes with one text wherever a feed, a file name or a platform can put one."""
    head = header(
        job=text, run=text, made=text, tool=text, job_file=text, job_digest=text, sources=[[text, text]], mappings=[text],
        findings={text: 1}, holds=[[text, text, text]],
        targets=[{"name": name, "place": text, "counts": {text: 1, "update": 1}, "holds": [[text, name, text]]}
                 for name in (text, "other")],
    )
    found = [{"path": path, "before": text, "after": after} for path in (text, f"a[{text}]") for after in ([text], {text: text})]
    return head, [
        {name: text for name in ("target", "key", "sku", "reason", "file", "title", "message", "mend", "code")}
        | {"op": op, "line": 3, "differences": found}
        for op in (text, "update")
    ]


class Markup(HTMLParser):
    """Elements of a page and what it says."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._in = ""
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in not in ("script", "style"):
            self.text += data + " "


def said(page: bytes) -> str:
    return " ".join(Markup(page).text.split())


def block(page: bytes) -> dict[str, Any]:
    found = re.search(rb'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_it_says_what_would_be_done_without_its_script():
    text = said(render_plan_page(header(), shop_changes()))
    for part in (
        "42 items would change.", "made 2026-11-22 03:15:00 UTC", "455 read from the feed, 2 held back", "400 items there before",
        "delete OLD-0 Old tee gone from the feed", "WIDE as 1042", 'description "Soft, made of organic cotton, in red , for',
        'brand not there "Acme"', "gtin null", "4 more", "The first 25 of 42.", "cell.price 3", "shop.csv cd",
    ):
        assert part in text, part


def test_what_a_guard_holds_comes_first():
    head = header()
    head["targets"][0]["holds"] = [["max_deletes", "too many", "release it"]]
    text = said(render_plan_page(head, []))
    assert text.index("Held flipsnack : too many max_deletes To go on: release it") < text.index("A guard holds this plan")


@pytest.mark.parametrize(
    ("head", "changes", "expected"),
    [
        pytest.param(header(targets=[]), [], "Nothing to do", id="nothing"),
        pytest.param(header(), [], "Every item is as the feed says.", id="no changes"),
        pytest.param(header(replay=True), [], "Made from mended quarantine files", id="replay"),
        pytest.param({}, [], "Nothing to do", id="empty header"),
        pytest.param(header(), [change("someday")], "someday 1", id="an operation of a later version"),
        pytest.param(header(), [change(target="new")], "new", id="a target the header does not have"),
    ],
)
def test_odd_plans_have_a_page(head, changes, expected):
    assert expected in said(render_plan_page(head, changes))


def test_a_filter_is_told_and_counts_stay():
    text = said(render_plan_page(header(), shop_changes(), only={"delete"}))
    assert 'Made with a filter: only delete.' in text and "42 items would change" in text
    assert len(block(render_plan_page(header(), shop_changes(), only={"delete"}))["rows"]) == 2
    assert "No change fits the filter." in said(render_plan_page(header(), shop_changes(), sku="none"))


def test_changes_stand_in_the_order_they_are_carried_out():
    data = block(render_plan_page(header(), [change("create"), change("delete"), change("update")]))
    assert [data["operations"][row[1]][0] for row in data["rows"]] == ["delete", "update", "create"]


def test_the_same_data_gives_the_same_bytes():
    assert render_plan_page(header(), shop_changes()) == render_plan_page(header(), iter(shop_changes()))


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_makes_no_markup(case):
    harmless, hostile = Markup(render_plan_page(*poisoned("x"))), Markup(render_plan_page(*poisoned(HOSTILE[case])))
    names = [[name for name, _ in page.elements] for page in (harmless, hostile)]
    assert [n for n in names[0] if n != "mark"] == [n for n in names[1] if n != "mark"]
    assert {key for _, attributes in hostile.elements for key in attributes} == {
        key for _, attributes in harmless.elements for key in attributes
    }


@given(st.text(max_size=20))
@settings(max_examples=40, deadline=None)
def test_any_text_gives_a_page_with_readable_data(text):
    page = render_plan_page(*poisoned(text))
    assert page.count(b"<script") == 2 and page.count(b"</script") == 2
    assert len(block(page)["rows"]) == 2


def test_a_login_in_an_address_is_not_passed_on():
    page = render_plan_page(header(sources=[["https://me:secret@host/f.csv", "x"]]), [change(file="https://me:secret@host/f.csv")])
    assert b"secret" not in page and b"https://***@host/f.csv" in page


def test_what_does_not_fit_is_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(plan_page, "MOST_BYTES", 20_000)
    changes = [change("delete", f"OLD-{n}") for n in range(5)] + [
        change(sku=f"TEE-{n}", title="x" * 50, differences=[PRICE]) for n in range(5000)
    ]
    page = render_plan_page(header(), changes)
    data = block(page)
    of = [data["operations"][row[1]][0] for row in data["rows"]]
    assert of.count("delete") == 5, "few of a kind are not pushed out by many of another"
    updates = [row[2] for row in data["rows"] if row[1] == of.index("update") or data["operations"][row[1]][0] == "update"]
    assert updates == [f"TEE-{n}" for n in range(len(updates))] and len(updates) > 50
    assert f"{len(data['rows']):,} of 5,005 changes are in this page" in said(page)
    assert "update 5,000" in said(page)


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    write_plan_page(tmp_path / "plan.html", header(), shop_changes())
    before = (tmp_path / "plan.html").read_bytes()
    assert before == render_plan_page(header(), shop_changes())

    def broken() -> Iterator[dict[str, Any]]:
        yield change()
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        write_plan_page(tmp_path / "plan.html", header(), broken())
    write_plan_page(str(tmp_path / "few.html"), header(), shop_changes(), only={"delete"})
    assert (tmp_path / "plan.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.html", "plan.html"]


@pytest.mark.parametrize("path", ["none/plan.html", ".", "device"])
def test_where_no_page_can_be_written(tmp_path, path):
    (tmp_path / "device").symlink_to("/dev/null")
    with pytest.raises(OutputError) as caught:
        write_plan_page(tmp_path / path, header(), [])
    assert caught.value.code == "plan.page" and caught.value.mend
    assert [one.name for one in tmp_path.iterdir()] == ["device"] and stat.S_ISCHR(os.stat("/dev/null").st_mode)


# --- in the browser

CHROMIUM = os.environ.get("FEEDBRIDGE_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """A page in a tab; afterwards: it asked for nothing but itself, and complained of nothing."""
    asked: list[str] = []
    complaints: list[str] = []
    contexts = []
    path = tmp_path / "plan.html"

    def open_page(page: bytes, **options: Any) -> Any:
        path.write_bytes(page)
        context = chromium.new_context(reduced_motion="reduce", **({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(5_000)
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        tab.goto(path.as_uri())
        return tab

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert set(asked) == {path.as_uri()}
    assert complaints == []


def skus(tab: Any) -> list[str]:
    return tab.locator("#rows h3").all_inner_texts()


def count(tab: Any) -> str:
    return tab.locator("#count").inner_text()


def counts(tab: Any, expected: str) -> None:
    """Wait until the count says this: typing filters a moment later."""
    from playwright.sync_api import expect

    expect(tab.locator("#count")).to_have_text(expected)


def test_the_script_draws_what_the_html_has(opened):
    page = render_plan_page(header(targets=[*header()["targets"], {"name": "m", "counts": {}}]), shop_changes())
    with_script, without = opened(page), opened(page, java_script_enabled=False)
    assert with_script.locator("html.ready").count() == 1
    assert with_script.locator("#rows").inner_html() == without.locator("#rows").inner_html()
    assert not without.locator("#filters").is_visible()


def test_hostile_text_is_drawn_the_same_and_does_not_run(opened):
    head, changes = header(targets=[], sources=[]), []
    for text in HOSTILE.values():
        poisoned_head, poisoned_changes = poisoned(text)
        head["targets"] += poisoned_head["targets"]
        head["sources"] += poisoned_head["sources"]
        head["job"] += text
        changes += poisoned_changes
    page = render_plan_page(head, changes)
    with_script, without = opened(page), opened(page, java_script_enabled=False)
    assert with_script.locator(".change").count() == 2 * len(HOSTILE)
    assert with_script.locator("#rows").inner_html() == without.locator("#rows").inner_html()
    assert with_script.evaluate("window.__ran") is None
    assert with_script.locator("img, #rows script, [style]").count() == 0
    assert with_script.locator("#field option").count() > len(HOSTILE)


def test_the_policy_stops_what_would_slip_through(opened):
    tab = opened(render_plan_page(header(), shop_changes()))
    assert tab.evaluate("""() => {
      try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.__ran=1'>"); return "allowed"; }
      catch { return "refused"; }
    }""") == "refused"
    assert len(opened.complaints) == 1 and "requires 'TrustedHTML'" in opened.complaints.pop()


def test_filters(opened):
    tab = opened(render_plan_page(header(), shop_changes()))
    assert count(tab) == "1–25 of 42 changes" and skus(tab)[:3] == ["OLD-0", "OLD-1", "WIDE"]
    tab.locator("[name=op]").nth(1).uncheck()
    assert skus(tab) == ["OLD-0", "OLD-1", "NO"] and count(tab) == "1–3 of 3 that fit the filter"
    tab.locator("button[type=reset]").click()
    tab.locator("#text").fill("crew 31")
    counts(tab, "1–3 of 3 that fit the filter")
    assert skus(tab) == ["TEE-010", "TEE-029", "TEE-031"], "by its price, by its line, by its SKU"
    tab.locator("#text").fill("shop.csv:31")
    counts(tab, "1–1 of 1 that fit the filter")
    tab.locator("#text").fill("")
    tab.locator("#field").select_option(label="variants.price (1)")
    assert skus(tab) == ["WIDE"]
    tab.locator("#text").fill("nowhere")
    counts(tab, "No change fits the filter.")


def test_targets_filter_where_there_are_several(opened):
    head = header(targets=[*header()["targets"], {"name": "magento", "counts": {"update": 1}}])
    tab = opened(render_plan_page(head, [*shop_changes(), change(sku="M", target="magento")]))
    tab.locator("#target").select_option("magento")
    assert skus(tab) == ["M"] and tab.locator(".from").all_inner_texts() == ["magento"]


def test_pages_turn_by_keys(opened):
    tab = opened(render_plan_page(header(), shop_changes()))
    tab.locator("#next").focus()
    tab.keyboard.press("Enter")
    assert count(tab) == "26–42 of 42 changes" and len(skus(tab)) == 42 - FIRST
    assert tab.evaluate("document.activeElement.id") == "count"
    tab.locator("#previous").focus()
    tab.keyboard.press("Space")
    assert count(tab).startswith("1–25")


def test_before_and_after_stand_side_by_side_with_what_differs_marked(opened):
    tab = opened(render_plan_page(header(), shop_changes()))
    wide = tab.locator(".change", has_text="WIDE")
    boxes = [wide.locator(f".diff >> nth=0 >> .{side}").bounding_box() for side in ("before", "after-value")]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]
    assert wide.locator("mark").all_inner_texts() == ["red", "blue"]
    assert wide.locator("details .diff").first.is_visible() is False
    wide.locator("summary").click()
    assert wide.locator("details .diff").count() == 4
    assert wide.locator("details .diff dt").all_inner_texts()[-1] == "… and 9 more"


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_no_width_scrolls_the_page_sideways(opened, width):
    long = "x" * 300
    head = header(holds=[[long, long, long]], sources=[[long, "ab" * 32]], job=long)
    head["targets"][0] |= {"name": "y" * 60, "place": "https://f.example.com/" + long}
    changes = [change(sku=long, key="k" * 200, title=long, file=long, line=1, reason=long, message=long, code=long,
                      differences=[{"path": long, "before": long, "after": [long]}]), *shop_changes()]
    tab = opened(render_plan_page(head, changes), viewport={"width": width, "height": 740})
    assert tab.locator("html.ready").count() == 1
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def background(tab: Any) -> str:
    return tab.evaluate("getComputedStyle(document.body).backgroundColor")


def test_dark_follows_the_system_and_the_button(opened):
    tab = opened(render_plan_page(header(), shop_changes()), color_scheme="dark")
    assert background(tab) == "rgb(20, 24, 26)"
    tab.locator("#theme").click()
    assert background(tab) == "rgb(252, 252, 251)"


CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = channels(text).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const node of document.querySelectorAll("main *")) {
    if (![...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim()) || !node.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(opened, scheme):
    changes = [change(op, op, message="why", code="c", mend="so", differences=[PRICE]) for op in
               ("delete", "replace", "settle", "create", "keep", "held", "refused")]
    tab = opened(render_plan_page(header(holds=[["g", "a", "b"]]), [*changes, *shop_changes()]), color_scheme=scheme)
    assert tab.evaluate(CONTRAST) == []


def test_100_000_changes_are_usable(opened):
    changes = (
        change(sku=f"TEE-{n:06}", title=f"Crew Tee number {n}", reason="field sell_price changed", file="export/shop.csv", line=n,
               differences=[{"path": "sell_price", "before": n, "after": n + 1}])
        for n in range(100_000)
    )
    page = render_plan_page(header(), changes)
    assert len(page) < MOST_BYTES + 200_000
    tab = opened(page)
    assert count(tab) == "1–25 of 100,000 changes"
    tab.locator("#text").fill("tee-099999")
    counts(tab, "1–1 of 1 that fit the filter")
    assert tab.locator(".change").count() == 1
