"""The page at ``/``: what the three platforms have now, and the calls that brought it. One HTML text, no script."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from feedbridge.sandbox.faults import Faults
from feedbridge.sandbox.flickrocket_product import UPLOADED, why_not_live
from feedbridge.sandbox.store import Store

__all__ = ["PAGE_SIZE", "render_page"]

PAGE_SIZE = 100
CALLS_SHOWN = 50
TITLES = {"flipsnack": "Flipsnack", "magento": "Magento", "flickrocket": "FlickRocket"}
LONG = ("Action", "Fault", "Message")
"""Columns of calls that may hold text of any length."""
WEB = re.compile("https?://", re.I)
KEPT = "\u200d\ufe0f\u200c"
"""Joiners that emoji and some scripts need."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b2226; --soft: #5a666d; --ground: #f6f7f7; --card: #fff; --line: #d9dfe1;
  --link: #0b5c8a; --good: #1d6b3c; --bad: #a8281b; --mid: #85560a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaec; --soft: #9fabb1; --ground: #14181a; --card: #1d2326;
  --line: #343d42; --link: #7cc4ee; --good: #7fd19b; --bad: #ff9b8e; --mid: #e6b65c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: .6rem 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.15rem; margin: 1.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; } a { color: var(--link); } code { font-size: .92em; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); } .mid { color: var(--mid); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin-top: .4rem; }
.grid { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr));
  padding: 0; margin: 0; list-style: none; align-items: start; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; min-width: 0; }
.card ul { margin: .3rem 0; padding-left: 1.1rem; }
.picture { height: 11rem; margin-bottom: .6rem; border-radius: .3rem; background: var(--ground); display: grid;
  place-items: center; overflow: hidden; color: var(--soft); font-size: .85rem; text-align: center; overflow-wrap: anywhere; }
.picture img { max-width: 100%; max-height: 11rem; object-fit: contain; }
.price { font-variant-numeric: tabular-nums; } .price b { margin-right: .4rem; }
details { margin-top: .4rem; } summary { cursor: pointer; color: var(--link); }
pre { overflow: auto; max-height: 20rem; font-size: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
.calls th, .calls td { white-space: nowrap; } .calls .long { white-space: normal; }
.calls [data-name="Action"] { min-width: 9.5rem; }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.variants { font-size: .88rem; } .variants td, .variants th { padding: .2rem .4rem; }
@media (max-width: 64rem) {
  .calls thead { display: block; position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .calls tr { display: block; padding: .4rem .6rem; border-top: 1px solid var(--line); }
  .calls td, .calls [data-name] { white-space: normal; min-width: 0; }
  .calls td { display: flex; gap: .6rem; border: 0; padding: .1rem 0; text-align: left; min-width: 0; }
  .calls td:empty { display: none; }
  .calls td::before { content: attr(data-name); flex: 0 0 6rem; color: var(--soft); font-size: .85rem; }
}
"""


def render_page(
    store: Store, faults: Faults, *, now: float, platform: str = "", feed: str = "", page: str = "", before: str = ""
) -> str:
    """The page as HTML: all feeds and the latest calls, or one feed's products, 100 a page."""
    if platform in TITLES:
        title, body = feed_page(store, platform, feed, int(page) if page.isdecimal() and len(page) < 9 else 1)
    else:
        title, body = overview(store, faults, int(before) if before.isdecimal() and len(before) < 18 else None)
    links = "".join(f'<a href="{href}">{name}</a>' for href, name in (
        ("/", "Overview"), (address("magento"), "Magento"), (address("flickrocket", "products"), "FlickRocket"),
        ("/_/calls", "Calls as JSON"), ("/_/flickrocket/events", "Webhook events as JSON"), ("/_/feeds", "Feeds as JSON")))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)} – feedbridge sandbox</title><style>{STYLE}</style></head>"
        f"<body><header><h1>feedbridge sandbox</h1>"
        '<p class="soft">The three platforms on this machine. Pictures are fetched from the addresses in the feed.</p>'
        f"<nav aria-label=\"Pages\">{links}</nav></header><main>{body}</main>"
        f'<footer class="soft">As of {moment(now)}. Reload to see what has come since.</footer></body></html>\n'
    )


def text(value: object) -> str:
    """Any value as text that is safe in HTML; what cannot be seen, or turns the reading direction, is spelt out."""
    raw = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    raw = " ".join(raw.split("\n")).replace("\r", " ").replace("\t", " ")
    if not raw.isprintable():
        raw = "".join(c if c.isprintable() or c in KEPT else c.encode("unicode_escape").decode() for c in raw)
    return escape(raw, quote=True)


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def address(platform: str, feed: str = "", page: int = 1) -> str:
    given = {"platform": platform, **({"feed": feed} if feed else {}), **({"page": page} if page > 1 else {})}
    return escape("/?" + urlencode(given, errors="surrogatepass"), quote=True)


def counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def overview(store: Store, faults: Faults, before: int | None) -> tuple[str, str]:
    feeds = store.feeds()
    flipsnack = "".join(
        f'<li><a href="{address("flipsnack", one["sourceHash"])}"><code>{text(one["sourceHash"])}</code></a><br>'
        f'{counted(one["products"], "product", "products")}, {counted(one["variants"], "variant", "variants")}, '
        f'<span class="soft">{moment(one["changed"])}</span></li>'
        for one in feeds["flipsnack"][:PAGE_SIZE]
    )
    if len(feeds["flipsnack"]) > PAGE_SIZE:
        flipsnack += f'<li class="soft">and {len(feeds["flipsnack"]) - PAGE_SIZE:,} more</li>'
    products = feeds["magento"]["products"]
    magento = f'<a href="{address("magento")}">{counted(products, "product", "products")}</a>' if products else "No products yet."
    flickrocket = "".join(
        f'<li><a href="{address("flickrocket", name)}">{text(name)}</a>: {count:,}</li>'
        for name, count in feeds["flickrocket"].items())
    none = '<p class="soft">No feed yet.</p>'
    cards = (
        f'<div class="grid"><section class="card"><h3>Flipsnack</h3>{f"<ul>{flipsnack}</ul>" if flipsnack else none}</section>'
        f'<section class="card"><h3>Magento</h3><p>{magento}</p></section>'
        f'<section class="card"><h3>FlickRocket</h3>{f"<ul>{flickrocket}</ul>" if flickrocket else "<p class=soft>Not called yet.</p>"}'
        "</section></div>"
    )
    specs = "".join(f"<li><code>{text(spec)}</code></li>" for spec in faults.specs)
    return "Overview", (
        f"<h2>Feeds</h2>{cards}"
        + (f"<h2>Faults that are set</h2><ul>{specs}</ul>" if specs else "")
        + f"<h2>Calls</h2>{calls_table(store.calls(CALLS_SHOWN + 1, before=before))}"
    )


def calls_table(calls: Sequence[Mapping[str, Any]]) -> str:
    if not calls:
        return '<p class="soft">No calls yet.</p>'
    names = ("No.", "Time", "Platform", "Action", "Verdict", "HTTP", "Code", "Items", "Fault", "Message")
    long = ' class="long"'
    rows = []
    for call in calls[:CALLS_SHOWN]:
        kind = {"taken": "good", "answered": "good", "partly taken": "mid"}.get(call["verdict"], "bad")
        items = f"{call['items'] - call['failed']:,} of {call['items']:,}" if call["items"] else ""
        cells = (
            str(call["number"]), moment(call["time"]), text(TITLES.get(call["platform"], call["platform"])),
            text(call["action"]), f'<span class="{kind}">{text(call["verdict"])}</span>',
            "no answer" if call["http_status"] is None else str(call["http_status"]), text(call["code"]), items,
            text(call["fault"]), text(call["message"]),
        )
        rows.append("<tr>" + "".join(
            f'<td data-name="{name}"{long if name in LONG else ""}>{cell}</td>'
            for name, cell in zip(names, cells, strict=True)) + "</tr>")
    older = f'<p><a href="/?before={calls[CALLS_SHOWN - 1]["number"]}">Older calls</a></p>' if len(calls) > CALLS_SHOWN else ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f'<table class="calls"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>{older}'


def feed_page(store: Store, platform: str, feed: str, page: int) -> tuple[str, str]:
    """One feed's products; pages count from 1, and one past the end is the last."""
    feed = {"magento": "", "flickrocket": feed or "products"}.get(platform, feed)
    total = store.page(platform, feed, 0, 0)[0]
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(page, 1), pages)
    start = (page - 1) * PAGE_SIZE
    products = store.page(platform, feed, start, PAGE_SIZE)[1]
    card = {"flipsnack": flipsnack_card, "magento": magento_card, "flickrocket": flickrocket_card}[platform]
    if (platform, feed) == ("flickrocket", "products"):
        prices, licences = ({one["id"]: one for one in store.flickrocket(name)} for name in ("prices", "licenses"))

        def card(product: Mapping[str, Any]) -> str:
            return flickrocket_product_card(product, prices, licences)
    title = f"{TITLES[platform]}{f' {feed}' if feed else ''}"
    shown = f"{start + 1:,}–{start + len(products):,} of {total:,}" if products else "Nothing here."
    turn = [f'<a href="{address(platform, feed, to)}" rel="{rel}">{name}</a>' for to, rel, name in (
        (page - 1, "prev", "Previous"), (page + 1, "next", "Next")) if 1 <= to <= pages]
    pager = f'<nav aria-label="Pages of products"><span>{shown}</span>{"".join(turn)}</nav>'
    cards = "".join(f'<li class="card">{card(product)}</li>' for product in products)
    return title, (
        f"<h2>{TITLES[platform]}{f' <code>{text(feed)}</code>' if feed else ''}</h2>{pager}"
        f'<ul class="grid products">{cards}</ul>{pager if turn else ""}'
    )


def picture(source: object) -> str:
    """A picture from the web; anything else is told, not fetched."""
    if isinstance(source, str) and source:
        if fetchable(source):
            return (f'<div class="picture"><img src="{text(source)}" alt="" loading="lazy" referrerpolicy="no-referrer">'
                    "</div>")
        return f'<div class="picture">{text(source[:200])}</div>'
    return '<div class="picture">no picture</div>'


def fetchable(source: str) -> bool:
    """Whether a picture's source is a whole address of the web."""
    try:
        return bool(urlsplit(source).hostname) and WEB.match(source) is not None and source.isprintable()
    except ValueError:
        return False


def prices(price: object, reduced: object, currency: object) -> str:
    unit = f" {text(currency)}" if isinstance(currency, str) and currency else ""
    if reduced not in (None, ""):
        was = f" <s>{text(price)}{unit}</s>" if price is not None else ""
        return f'<p class="price"><b>{text(reduced)}{unit}</b>{was}</p>'
    return f'<p class="price"><b>{text(price)}{unit}</b></p>' if price is not None else ""


def raw(product: Mapping[str, Any]) -> str:
    lines = json.dumps(product, indent=2, ensure_ascii=False).split("\n")
    return f"<details><summary>As stored</summary><pre>{chr(10).join(text(line) for line in lines)}</pre></details>"


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{'' if one is None else text(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f'<table class="variants"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def headed(name: object, key: object, *, more: str = "") -> str:
    title = text(name) if name not in (None, "") else '<span class="soft">without a title</span>'
    return f'<h3>{title}</h3><p class="soft"><code>{text(key)}</code>{more}</p>'


def flipsnack_card(product: Mapping[str, Any]) -> str:
    variants = product.get("variants") or []
    names = [product.get("attribute", {}).get(f"name{place}") or f"Option {place}" for place in (1, 2, 3)
             if any(f"options{place}" in one.get("attribute", {}) for one in variants)]
    rows = [
        [one["code"], *(one.get("attribute", {}).get(f"options{place}") for place in range(1, len(names) + 1)),
         one.get("price"), one.get("discount_price"), {True: "yes", False: "no"}.get(one.get("visible", ""))]  # type: ignore[call-overload]  # any value may be asked for
        for one in variants
    ]
    listed = (
        f"<details><summary>{counted(len(variants), 'variant', 'variants')}</summary>"
        f"{table(['SKU', *(text(name) for name in names), 'Price', 'Reduced', 'Visible'], rows)}</details>"
    ) if variants else ""
    return (
        picture(product.get("image_link")) + headed(product.get("title"), product["code"])
        + prices(product.get("sell_price"), product.get("discount_price"), product.get("currency")) + listed + raw(product)
    )


def magento_card(product: Mapping[str, Any]) -> str:
    images = [one.get("src", one.get("image_src")) for one in product.get("images") or []]
    state = {0: " · off", 1: " · on"}.get(product.get("status", -1), "")
    tiers = product.get("tier_price") or []
    options = product.get("custom_options") or []
    listed = ""
    if tiers:
        listed += (f"<details><summary>{counted(len(tiers), 'tier price', 'tier prices')}</summary>"
                   f"{table(['From', 'Price'], ([one['qty'], one['price']] for one in tiers))}</details>")
    if options:
        listed += (f"<details><summary>{counted(len(options), 'custom option', 'custom options')}</summary>"
                   f"{table(['Title', 'Type', 'Price'], ([one['title'], one['type'], one.get('price')] for one in options))}"
                   "</details>")
    return (
        picture(images[0] if images else None)
        + headed(product.get("name"), product.get("id"), more=f" · {text(product.get('type', ''))}{state}")
        + prices(product.get("price"), product.get("special_price"), "") + listed + raw(product)
    )


def flickrocket_product_card(
    product: Mapping[str, Any], prices: Mapping[int, Mapping[str, Any]], licences: Mapping[int, Mapping[str, Any]]
) -> str:
    why = why_not_live(product, prices, licences)
    state = f'<p class="mid">not live: {text(", ".join(why))}</p>' if why else '<p class="good">live</p>'
    covers = [one["src"] for one in product.get("locales") or [] if isinstance(one, dict) and one.get("src")]
    number = product.get("product_type")
    kind = UPLOADED.get(number, f"type {number}") if isinstance(number, int) else "no type"
    bindings = [one for one in product.get("price_license_binding") or [] if isinstance(one, dict)]
    offers = []
    for one in bindings:
        model = prices.get(one.get("price_id") or 0, {})
        amounts = ", ".join(f"{decimals(amount.get('price'))} {str(amount.get('currency')).upper()}"
                            for amount in model.get("currencies") or [])
        licence = licences.get(one.get("license_id") or 0, {}).get("name", f"licence {one.get('license_id')}")
        offers.append(f"<li>{text(licence)}: {text(model.get('title', 'no price'))}"
                      f"{f' <span class=soft>({text(amounts)})</span>' if amounts else ''}</li>")
    sold = f"<ul>{''.join(offers)}</ul>" if offers else ""
    long_name = f" · <code>{text(product['product_id'])}</code>" if product.get("product_id") else ""
    return (
        (picture(covers[0]) if covers else "") + headed(product.get("title"), product.get("id"), more=f"{long_name} · {kind}")
        + state + sold + raw(product)
    )


def decimals(cents: object) -> str:
    """Cents with their decimal point; anything else as it is."""
    return f"{cents // 100}.{cents % 100:02}" if isinstance(cents, int) and cents >= 0 else str(cents)


def flickrocket_card(thing: Mapping[str, Any]) -> str:
    covers = [one.get("src") for one in thing.get("locales") or [] if isinstance(one, dict) and one.get("src")]
    return (picture(covers[0]) if covers else "") + headed(thing.get("title", thing.get("name")), thing.get("id")) + raw(thing)
