"""Delivery over REST: texts, licences and prices, categories of products that FlickRocket has already.

An item is the folder of delivery.py, key and bytes, so a product may move from one way to the other. Only its ``product``
part goes over REST, and of that the members that are documented there; content, pictures, themes, groups and new price
models go by folder. Beside a target that writes folders, the two share the work: new products and content by folder,
all else over REST, and each uses the ids the other knows.

A call is one PUT of what changed, whole arrays (A6), and what FlickRocket answers is compared with what was asked. Where no
target writes folders, content that changed stays known as not sent: ``has`` tells what is written down instead.

Source: docs/platforms/flickrocket.md, 4.2, K7, K8, K12, K15, K28, K32, choice A6.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from feedbridge.errors import FeedbridgeError
from feedbridge.findings import cut
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.delivery import Action, Answer, DeliverySettings, Item, Parcel, Rate, Reach, Verdict, Way
from feedbridge.platforms.flickrocket.bindings import Bindings, not_checked
from feedbridge.platforms.flickrocket.client import CallError, connect
from feedbridge.platforms.flickrocket.delivery import FlickRocketDeliverySettings
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.hosts import hosts_of
from feedbridge.platforms.flickrocket.known import (
    LISTS,
    REST_MEMBERS,
    WORDS,
    Known,
    changed_members,
    document_of,
    known_of,
    makes_prices,
    no_id,
    other_type,
    rest_members,
)
from feedbridge.platforms.flickrocket.licences import is_id
from feedbridge.platforms.flickrocket.resources import Product, plain
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.platforms.flickrocket.tokens import TokenStore

__all__ = ["FlickRocketApiDelivery"]

PATIENCE_SECONDS = 120.0
"""Longest wait for other processes' calls; all other waiting is the sync's."""
MARK = "feedbridge "
"""With the SKU, the comment of a product that was made over REST: by it a create whose answer was lost is found again."""
BINDING = ("license_id", "price_id", "hd", "compare_price_id", "audio_type", "num_users")
MAYBE_DONE = frozenset({502, 504})
"""Said by what stands before FlickRocket when it waited too long: it may have acted."""
NOT_NOW = frozenset({"flickrocket.down"})
NEVER = frozenset({
    "flickrocket.authorize-again", "flickrocket.not-logged-in", "flickrocket.token", "flickrocket.refused", "flickrocket.setting",
})
_TAG = re.compile(r"<[^>]*>")


class FlickRocketApiDelivery:
    """Updates of one shop. Raises FlickRocketError when the shop is not logged in, CommandError for wrong hosts.

    ``account`` and ``rate`` set no limit: the client's own limiter counts, for all processes that call FlickRocket.
    """

    upserts = False

    def __init__(
        self, delivery: FlickRocketDeliverySettings, settings: FlickRocketSettings, environment: Mapping[str, str]
    ) -> None:
        hosts = hosts_of(environment)
        store = TokenStore(environment=environment)
        tokens = store.read(delivery.shop)
        self.deletes: Literal["delete", "disable", "by hand"] = "delete" if delivery.omitted == "delete" else "by hand"
        self.place = f"{hosts.api} company {tokens.company_id}"
        self.account = hashlib.sha256(f"flickrocket {hosts.api} {tokens.client_id}".encode()).hexdigest()
        self.rate = Rate()
        self.lists = dict(LISTS)
        self._settings = settings
        self._create = delivery.create
        self._folder = ""
        """Name of the target that writes folders."""
        self._bindings = Bindings(delivery.shop, delivery, environment, delivery.currencies)
        self._ids: Mapping[str, str] = {}
        self._client = connect(
            delivery.shop, environment=environment, store=store, hosts=hosts,
            rate=Rate() if delivery.rate == "off" else delivery.rate, connect_seconds=delivery.connect_seconds,
            answer_seconds=delivery.answer_seconds, tries=1, patience_seconds=PATIENCE_SECONDS,
        )

    def beside(self, others: Mapping[str, DeliverySettings], ids: Mapping[str, str]) -> None:
        """Told of the job's other FlickRocket targets by name, and of the ids these know by the same keys."""
        self._folder = next((
            name for name, one in others.items() if isinstance(one, FlickRocketDeliverySettings) and one.by == "folder"
        ), "")
        self._ids = ids

    def items(self, outcome: Outcome, sku: str) -> list[Item]:
        """The same item as the folder's."""
        return [Item(sku, outcome.body, outcome.files)] if outcome.body else []

    def codes(self, body: bytes) -> frozenset[str]:
        """The FlickRocket id a body names: ``id 142995``."""
        identity = _product(body).get("id")
        return frozenset() if identity is None else frozenset({f"id {identity}"})

    def fresh(self, parcel: Parcel) -> tuple[Literal["create", "update", "left"], Way]:
        """What becomes of an item that was never sent over REST, and what is to be told of it.

        ``update``  FlickRocket has it, from a folder or from before: all that goes over REST is written once
        ``left``    its folder is not uploaded yet, or FlickRocket has not told its id
        """
        known = known_of(parcel, self._ids)
        if known.id is not None:
            return "update", Way("update")
        if self._create and not known.fault:
            if self._folder:
                return "left", Way("same")
            return "create", Way(
                "update", "only its record is made: its content file has to be uploaded before it goes live",
                f"{_UPLOADED}; or add a flickrocket target with an outbox to the job", "flickrocket.by-folder", waits=True,
            )
        if self._folder and not known.fault:
            return "left", Way("same")
        return "create", no_id(known) if known.fault else _NO_ID

    def change(self, parcel: Parcel) -> Way:
        """An update of what changed; refused without the product's id, when its type changed (K8), or when nothing of
        the change goes over REST."""
        if not _product(parcel.body):
            return Way("update")
        known = known_of(parcel, self._ids)
        if not known.moved:
            refusal = other_type(known)
            if refusal is not None:
                return refusal
            by_folder = self._by_folder(known, parcel)
            waiting = [] if self._folder else by_folder
            if not self._part(known):
                return _waits(waiting, []) if waiting else Way("same", *_kept(_gone(known)))
        if known.id is None:
            return no_id(known) if known.fault else _NO_ID
        if known.moved:
            return Way(
                "update", f"the feed now names another FlickRocket product, {known.id}: all of it is written there",
                "check the id in the feed; the product it named before stays as it is", "flickrocket.id-changed",
            )
        if waiting:
            return msgspec.structs.replace(_waits(waiting, _gone(known)), how="update")
        note = f"the {' and the '.join(by_folder)}: by folder (target {self._folder})" if by_folder else ""
        return Way("update", *_kept(_gone(known)), note=note)

    def part(self, parcel: Parcel) -> Parcel:
        """The members that go over REST, and no files."""
        if not _product(parcel.body):
            return parcel
        by_rest = {"id", "product_type", *rest_members(document_of(parcel.body))}

        def own(body: bytes) -> bytes:
            return msgspec.json.encode({"product": {name: one for name, one in _product(body).items() if name in by_rest}})

        before = own(parcel.before) if parcel.before else b""
        return msgspec.structs.replace(parcel, body=own(parcel.body), before=before, files=(), changed=frozenset())

    def ready(self, parcel: Parcel) -> Way:
        """Refused when the shop has not the licences and prices that are to be sent."""
        known = known_of(parcel, self._ids)
        if known.fault or (known.id is None and not self._create):
            return Way("update")
        return self._bindings.ready(self._part(known))

    def has(self, parcel: Parcel, verdict: Verdict) -> bytes | None:
        """What FlickRocket has of an item it took, where something waits to go by folder; None: all of it.

        Of a product it had already, and that the ledger did not know, content is taken to be what the feed names: nothing
        tells content apart. One that it shows without any content has none.
        """
        if self._folder or not _product(parcel.body):
            return None
        known = known_of(parcel, self._ids)
        before = None if known.moved else known.before
        if before is None:
            if not verdict.partly:
                return None
            before = {"files": {}, "options": {}, "product": _settled(self._settings, known.after["product"])}
        elif not self._by_folder(known, parcel):
            return None
        after, was = known.after["product"], before["product"]
        by_rest = {"id", "product_type", *rest_members(known.after)}
        names = dict.fromkeys([*after, *was])
        product = {
            name: after[name] if name in by_rest else was[name] for name in names if name in (after if name in by_rest else was)
        }
        whole = {**known.after, "files": before["files"], "options": before["options"], "product": product}
        whole.pop("price", None)
        if "price" in before:
            whole["price"] = before["price"]
        return msgspec.json.encode(whole)

    def batches(self, action: Action, parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
        """One product a call."""
        for parcel in parcels:
            yield [parcel]

    def send(self, action: Action, parcels: Sequence[Parcel]) -> Answer:
        """Make the call. An update or delete may be repeated; a create is looked up before it is made."""
        (parcel,) = parcels
        if unknown := self._unidentified(action, parcel):
            return Answer(Reach.ANSWERED, {parcel.key: Verdict("failed", unknown)}, called=False)
        if parcel.unchecked and action != "delete":
            try:
                fault = self._bindings.fault(self._part(known_of(parcel, self._ids)))
            except FeedbridgeError as exc:
                return not_checked(exc)
            if fault:
                return Answer(Reach.ANSWERED, {parcel.key: Verdict("failed", fault)})
        try:
            verdict = self._deleted(parcel) if action == "delete" else self._written(action, parcel)
        except FlickRocketError as exc:
            return _answer(exc, parcel, action)
        except FeedbridgeError as exc:  # what cannot be sent at all, as the client checks it
            verdict = Verdict("failed", exc.message)
        return Answer(Reach.ANSWERED, {parcel.key: verdict})

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _unidentified(self, action: Action, parcel: Parcel) -> str:
        """Why no call can be made about a product; empty when one can."""
        if action == "delete":
            return "" if self._id_to_delete(parcel) else _NOT_DELETED
        known = known_of(parcel, self._ids)
        if known.fault:
            return no_id(known).message
        return _NO_ID.message if known.id is None and not self._create else ""

    def _id_to_delete(self, parcel: Parcel) -> str:
        text = (parcel.platform_id or self._ids.get(parcel.key, "") or str(_product(parcel.body).get("id", ""))).strip()
        return text if text.isdigit() and is_id(int(text)) else ""

    def _written(self, action: Action, parcel: Parcel) -> Verdict:
        known = known_of(parcel, self._ids)
        if known.moved or action == "create":
            known.before = None
        if known.id is None:
            known.id = self._made_before(parcel.key)
            known.before = None
            if known.id is None:
                return self._made(known, parcel.key) if action == "create" else Verdict("failed", "it is not there")
        told = str(known.id)
        part = self._part(known)
        if not part:  # sent again on demand, or after a doubtful try
            known.before = None
            part = self._part(known)
        if not part:
            return Verdict("taken", "nothing of it goes over REST", told)
        return self._compared(known, part, known.id, self._client.update_product(known.id, part))

    def _made(self, known: Known, key: str) -> Verdict:
        product = known.after["product"]
        part = self._part(known)
        if not isinstance(product.get("product_type"), int) or not part.get("title"):
            return Verdict("failed", "its product type or its title is not known, so it cannot be made (K6)")
        data = {**part, "product_type": product["product_type"], "comment": MARK + key}
        if "drm_protected" in product:  # what the settings say of new products (A4)
            data["drm_protected"] = product["drm_protected"]
        made = self._client.create_product(data, look_up=None)
        verdict = self._compared(known, part, made.id, made)
        return msgspec.structs.replace(verdict, partly=True)

    def _made_before(self, key: str) -> int | None:
        """The id of the product that a create of this item has made. Raises FeedbridgeError when several say so."""
        found = [
            product.id for product in self._client.products(["title", "comment"], {"comment": MARK + key})
            if (product.comment or "").strip() == (MARK + key).strip()
        ]
        if len(found) > 1:
            raise FeedbridgeError(
                f'{len(found)} products of FlickRocket have the comment "{cut(MARK + key)}": '
                f"{', '.join(map(str, found))}; delete all but one", where="flickrocket", code="flickrocket.unknown",
            )
        return found[0] if found else None

    def _compared(self, known: Known, part: Mapping[str, Any], asked: int, product: Product) -> Verdict:
        """Taken, when FlickRocket has what was asked, and speaks of the product it was asked about."""
        if product.id == asked and any(name not in product.model_fields_set for name in part):
            product = self._client.product(asked)
        if product.id != asked:
            return Verdict("failed", f"FlickRocket was asked about product {asked}, and answered about {product.id}")
        told = str(asked)
        kind = known.after["product"].get("product_type")
        if kind is not None and product.product_type not in (None, kind):
            return Verdict(
                "failed", f"product {product.id} is of type {product.product_type} there, and of type {kind} in the feed (K8): "
                "is its id right?", told,
            )
        kept = [WORDS.get(name, name) for name, value in part.items() if not _has(product, name, value)]
        if kept:
            return Verdict("failed", f"FlickRocket said yes, but did not take the {' and the '.join(kept)}", told)
        empty = "content_files" in product.model_fields_set and not product.content_files
        return Verdict("taken", "", told, partly=empty and any(known.after["files"].values()))

    def _deleted(self, parcel: Parcel) -> Verdict:
        self._client.delete_product(self._id_to_delete(parcel))
        return Verdict("taken")

    def _part(self, known: Known) -> dict[str, Any]:
        """What of an item goes over REST, as it is sent; without ``before``, all."""
        before = None if known.moved or known.before is None else known.before["product"]
        part = changed_members(self._settings, known.after["product"], before)
        if makes_prices(known.after):
            part.pop("price_license_binding", None)
        sent = {name: part[name] for name in REST_MEMBERS if name in part}
        if "price_license_binding" in sent:
            sent["price_license_binding"] = [
                {name: one[name] for name in BINDING if name in one} for one in sent["price_license_binding"]
            ]
        return sent

    def _by_folder(self, known: Known, parcel: Parcel) -> list[str]:
        """Words for what changed and does not go over REST."""
        if known.before is None or known.moved:
            return []
        after, before = known.after, known.before
        part = changed_members(self._settings, after["product"], before["product"])
        words = [WORDS[name] for name in ("themes", "groups") if name in part]
        if makes_prices(after) and (after.get("price") != before.get("price") or "price" in part or "price_license_binding" in part):
            words.append("price models")
        files, was = after.get("files", {}), before.get("files", {})
        words += [WORDS[name] for name, value in files.items() if value and value != was.get(name) and name in WORDS]
        if parcel.changed and not any(value != was.get(name) for name, value in files.items()):
            words.append("content or pictures")
        audio_type = after.get("options", {}).get("flux_package_audio_type")
        if audio_type is not None and audio_type != before.get("options", {}).get("flux_package_audio_type"):
            words.append("kind of audio package")
        return list(dict.fromkeys(words))


_NO_ID = Way(
    "refused", "FlickRocket's id of it is not known, so it cannot be updated over REST",
    "give its id: from the feed, by feedbridge flickrocket listen --job, or by feedbridge ids import (the number on the "
    "product's details page); new products are made by a flickrocket target with an outbox",
    "flickrocket.no-id",
)
_NOT_DELETED = "its FlickRocket id is not known: delete it by hand, then say feedbridge ids forget"


def _product(body: bytes) -> dict[str, Any]:
    product: dict[str, Any] = document_of(body).get("product") or {} if body else {}
    return product


def _gone(known: Known) -> list[str]:
    """Words for what FlickRocket was given over REST and the feed has no more."""
    if known.before is None:
        return []
    was, now = known.before["product"], known.after["product"]
    return [WORDS[name] for name in REST_MEMBERS if name in was and name not in now and name in WORDS and name != "drm_protected"]


_UPLOADED = "upload it in FlickRocket's admin interface, then say feedbridge ids forget"


def _settled(settings: FlickRocketSettings, product: dict[str, Any]) -> dict[str, Any]:
    """Members that a new record has without being told: what the settings say of all new products (A4)."""
    usual = {
        "themes": [{"theme_id": theme} for theme in settings.themes], "groups": [{"group_id": group} for group in settings.groups],
    }
    return {name: value for name, value in usual.items() if product.get(name) == value}


def _waits(words: list[str], kept: list[str]) -> Way:
    """What changed and has to go by folder, where nothing writes folders."""
    message, mend, _ = _kept(kept)
    said = f"the {' and the '.join(words)} changed: content goes by folder, and is not sent"
    how = (
        "add a flickrocket target with an outbox to the job, which writes such folders; or bring it there by hand, then "
        "say feedbridge ids forget (and ids import, where the feed does not name its id)"
    )
    return Way(
        "refused", "; ".join(one for one in (said, message) if one), "; ".join(one for one in (how, mend) if one),
        "flickrocket.by-folder", waits=True,
    )


def _kept(words: list[str]) -> tuple[str, str, str]:
    """Message, mend and code of what an update over REST leaves as it is."""
    if not words:
        return "", "", ""
    return (
        f"FlickRocket keeps the {' and the '.join(words)} it has: an update cannot take anything away",
        "take it away in FlickRocket's admin interface", "flickrocket.A6",
    )


def _has(product: Product, name: str, asked: Any) -> bool:
    """Whether a product has what was asked of a member, however FlickRocket spells it. What it does not show is believed."""
    if name not in product.model_fields_set:
        return True
    there = plain(getattr(product, name))
    if name == "locales":
        texts = {one.get("language_id"): one for one in there}
        return all(
            _same(one[text], texts.get(one["language_id"], {}).get(text))
            for one in asked for text in ("title", "description") if one.get(text) is not None
        )
    if name == "price_license_binding":
        return len(there) == len(asked) and all(
            any(all(_same(value, other.get(member)) for member, value in one.items()) for other in there) for one in asked
        )
    if name == "categories":
        return {one.get("category_id") for one in there} == {one["category_id"] for one in asked}
    return _same(asked, there)


def _same(asked: Any, there: Any) -> bool:
    if isinstance(asked, str) or isinstance(there, str):
        return _loose(asked) == _loose(there)
    return bool((asked or 0) == (there or 0))


def _loose(text: Any) -> str:
    """A text without what HTML and blanks make of it."""
    return "".join(html.unescape(_TAG.sub(" ", html.unescape(str(text or "")))).split())


def _answer(exc: FlickRocketError, parcel: Parcel, action: Action) -> Answer:
    """What a call that did not succeed means to the sync."""
    if exc.code == "flickrocket.gone" or exc.status == 404:
        text = "FlickRocket has no such product (any more): if it was deleted there, say feedbridge ids forget"
        return Answer(Reach.ANSWERED, {parcel.key: Verdict("failed", text)}, http_status=exc.status)
    reach = exc.reach if isinstance(exc, CallError) else (
        Reach.WAIT if exc.code in NOT_NOW else Reach.STOP if exc.code in NEVER else Reach.UNKNOWN
    )
    if reach is Reach.REFUSED and exc.status in (401, 403):
        reach = Reach.STOP
    if reach is Reach.WAIT and exc.status in MAYBE_DONE:
        reach = Reach.UNKNOWN
    if reach in (Reach.WAIT, Reach.UNSENT, Reach.REFUSED) and _reads_back(exc):
        reach = Reach.UNKNOWN
    wait = exc.wait_seconds if isinstance(exc, CallError) else None
    return Answer(reach, message=exc.message, mend=exc.mend, wait_seconds=wait, http_status=exc.status)


def _reads_back(exc: FlickRocketError) -> bool:
    """Whether it was the reading of what a write has made: the write itself was taken."""
    return exc.where.startswith("GET ") and not exc.where.startswith(("GET /api/products.json", "GET /api2/products.json"))
