"""The sandbox as a web application: the three platforms' paths, the inspection API under ``/_/``, the page at ``/``."""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from feedbridge.errors import CommandError
from feedbridge.sandbox import flickrocket, flipsnack, magento
from feedbridge.sandbox.faults import Fault, Faults
from feedbridge.sandbox.flickrocket import Shop
from feedbridge.sandbox.flickrocket_product import why_not_live
from feedbridge.sandbox.flickrocket_tokens import expire_access, revoke
from feedbridge.sandbox.flickrocket_upload import Taken, folders_in, upload_folder
from feedbridge.sandbox.flickrocket_webhooks import EVENTS, Courier, announce, checked_reading
from feedbridge.sandbox.flipsnack import Sent
from feedbridge.sandbox.keys import Secrets
from feedbridge.sandbox.outcome import Outcome
from feedbridge.sandbox.page import render_page
from feedbridge.sandbox.rates import Rates
from feedbridge.sandbox.store import PICTURES, Store, Transaction

__all__ = ["Dropped", "create_app"]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LONGEST_HANG_SECONDS = 3600.0
MOST_SPEED = 10**7
MOST_LISTED = 10_000
WHOLE = re.compile(r"[0-9]{1,15}")
PICTURE = re.compile(r"[0-9a-f]{64}\.(jpg|png)")
PROXY_PAGE = "<!DOCTYPE html><title>Sign in to the network</title><h1>Sign in</h1><p>Your session has ended.</p>"
STRUCK = ("400", "401", "403", "404", "429", "500", "500-after", "502", "503", "504", "504-after")
"""Faults that are named by the status they answer with."""


class Dropped(ConnectionAbortedError):
    """The connection is to be closed now, without a further byte."""


def create_app(
    store: Store, faults: Faults | Iterable[str] = (), *, clock: Callable[[], float] = time.time,
    secrets: Secrets | None = None, rates: Rates | None = None, stopping: threading.Event | None = None,
    say: Callable[[str], None] | None = None, most_bytes: int = flipsnack.MOST_BYTES,
    bucket: flickrocket.Bucket | None = None, courier: Courier | None = None,
) -> Flask:
    """The application.

    Shape:  ``clock`` gives seconds since 1970; ``stopping`` ends calls that hang; ``say`` gets one line a call;
            ``bucket`` limits FlickRocket's calls; ``courier`` delivers its webhook events.
    Errors: CommandError for a fault that cannot be read.
    """
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.config["MAX_FORM_MEMORY_SIZE"] = None
    app.config["MAX_FORM_PARTS"] = 1000
    box = Sandbox(store, faults if isinstance(faults, Faults) else Faults(faults), clock, secrets or Secrets(),
                  rates or Rates(), stopping or threading.Event(), say or (lambda line: None), most_bytes, bucket, courier)
    app.before_request(refuse_strangers)
    app.register_error_handler(Exception, failure)
    for rule in ("/flipsnack", "/flipsnack/<path:rest>"):
        app.add_url_rule(rule, f"flipsnack {rule}", box.flipsnack, methods=METHODS)
    for rule in ("/magento", "/magento/<path:rest>"):
        app.add_url_rule(rule, f"magento {rule}", box.magento, methods=METHODS)
    app.add_url_rule("/flickrocket/_/upload", view_func=box.upload, methods=["POST"])
    app.add_url_rule("/flickrocket/_/pictures/<name>", view_func=box.picture)
    for rule in ("/flickrocket", "/flickrocket/<path:rest>"):
        app.add_url_rule(rule, f"flickrocket {rule}", box.flickrocket, methods=METHODS)
    app.add_url_rule("/", view_func=box.page)
    app.add_url_rule("/favicon.ico", "favicon", lambda: Response(status=204))
    app.add_url_rule("/_/health", view_func=box.health)
    app.add_url_rule("/_/feeds", view_func=box.feeds)
    app.add_url_rule("/_/flipsnack/<path:source_hash>", view_func=box.flipsnack_products)
    app.add_url_rule("/_/magento", view_func=box.magento_products)
    app.add_url_rule("/_/flickrocket/live", view_func=box.live)
    app.add_url_rule("/_/flickrocket/events", view_func=box.events, methods=["GET", "POST"])
    app.add_url_rule("/_/flickrocket/revoke", view_func=box.revoke, methods=["POST"])
    app.add_url_rule("/_/flickrocket/expire", view_func=box.expire, methods=["POST"])
    app.add_url_rule("/_/flickrocket/settings", view_func=box.settings, methods=["GET", "POST"])
    app.add_url_rule("/_/flickrocket/<resource>", view_func=box.flickrocket_things, methods=["GET", "PUT"])
    app.add_url_rule("/_/calls", view_func=box.calls)
    app.add_url_rule("/_/faults", view_func=box.faults_set, methods=["GET", "POST"])
    app.add_url_rule("/_/reset", view_func=box.reset, methods=["POST"])
    app.add_url_rule("/_/elsewhere", view_func=box.elsewhere, methods=METHODS)
    return app


def is_loopback_name(host: str) -> bool:
    """Whether a Host header names this machine itself (a port may follow).

    >>> [is_loopback_name(host) for host in ("127.0.0.1:8765", "localhost", "[::1]:1", "evil.example", "")]
    [True, True, True, False, False]
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def refuse_strangers() -> Response | None:
    """A page of the web must not reach the sandbox: neither by a name that resolves to loopback, nor by a form."""
    origin = request.headers.get("Origin")
    stranger = not is_loopback_name(request.headers.get("Host", ""))
    if origin is not None and not is_loopback_name(urlsplit(origin).netloc if "//" in origin else origin):
        stranger = True
    # Navigation from a bookmark is "none"; a picture or script of another page is "cross-site" and sends no Origin.
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        stranger = True
    return as_json({"error": "the sandbox answers this machine only, by localhost or 127.0.0.1"}, 403) if stranger else None


def failure(error: Exception) -> Response:
    """Never a traceback to a client."""
    if isinstance(error, RecursionError):
        return as_json({"error": "the JSON is nested too deeply"}, 400)
    if isinstance(error, HTTPException) and error.code is not None:
        return as_json({"error": error.name}, error.code)
    with suppress(OSError):
        request.environ["wsgi.errors"].write(f"feedbridge sandbox has a fault: {type(error).__name__}: {error}\n")
    return as_json({"error": "the sandbox has a fault"}, 500)


def as_json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=True) + "\n", status, mimetype="application/json")


class Sandbox:
    """What the paths share."""

    def __init__(
        self, store: Store, faults: Faults, clock: Callable[[], float], secrets: Secrets, rates: Rates,
        stopping: threading.Event, say: Callable[[str], None], most_bytes: int, bucket: flickrocket.Bucket | None,
        courier: Courier | None,
    ) -> None:
        self.store = store
        self.fault_plan = faults
        self.clock = clock
        self.secrets = secrets
        self.rates = rates
        self.stopping = stopping
        self.say = say
        self.most_bytes = most_bytes
        self.bucket = bucket
        self.courier = courier

    # The platforms.

    def flipsnack(self, rest: str = "") -> Response:
        sent = self._form() if rest.strip("/") == "v1" else Sent(wrong="There is nothing at this address")

        def act(tx: Transaction, faults: Sequence[Fault]) -> Outcome:
            return flipsnack.answer(tx, sent, secrets=self.secrets, rates=self.rates, now=self.clock(), faults=faults)

        return self._called("flipsnack", str(dict(sent.fields).get("action", "")), act)

    def _form(self) -> Sent:
        """The parameters of a Flipsnack call, or what is wrong with its form."""
        if request.method != "POST":
            return Sent(wrong=f"{request.method} is not taken, only POST")
        if request.mimetype != "multipart/form-data":
            return Sent(wrong="The request is not multipart/form-data")
        if request.query_string:
            return Sent(wrong="Parameters belong in the body, not in the address")
        request.max_content_length = self.most_bytes
        try:
            fields = list(request.form.items(multi=True))
            if request.files:
                return Sent(fields, wrong="A part has a file name, but this is no upload call")
        except RequestEntityTooLarge:
            return Sent(too_large=True)
        if not fields:
            return Sent(wrong="The multipart body cannot be read, or is empty")
        return Sent(fields)

    def magento(self, rest: str = "") -> Response:
        request.max_content_length = magento.MOST_BYTES + 1
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            body = b" " * (magento.MOST_BYTES + 1)
        here = request.path == magento.PATH
        url = f"{request.scheme}://{request.host}{request.environ['REQUEST_URI']}"

        def act(tx: Transaction, faults: Sequence[Fault]) -> Outcome:
            if not here:
                return magento.refusal(404, "Request does not match any route.", action="")
            return magento.answer(
                tx, body, method=request.method, url=url, content_type=request.headers.get("Content-Type", ""),
                authorization=request.headers.get("Authorization", ""), secrets=self.secrets, now=self.clock(),
                faults=faults,
            )

        return self._called("magento", magento.ACTION if here else "", act)

    def flickrocket(self, rest: str = "") -> Response:
        request.max_content_length = flickrocket.MOST_BYTES
        try:
            form = request.form.to_dict()
            body = b"" if form else request.get_data()
        except RequestEntityTooLarge:
            return as_json({"error": "too large", "error_code": -1}, 413)
        call = flickrocket.Call(request.method, rest, request.args.to_dict(), form, request.headers.get("Authorization", ""),
                                body, request.headers.get("Content-Type", ""))

        def act(tx: Transaction, faults: Sequence[Fault]) -> Outcome:
            return flickrocket.answer(tx, call, self._shop(faults))

        return self._called("flickrocket", f"{request.method} {rest}", act)

    def _shop(self, faults: Sequence[Fault] = ()) -> Shop:
        return Shop(self.secrets, self.clock(), faults, self.bucket, self._announce)

    def _announce(self, tx: Transaction, scope: str, data: Mapping[str, Any]) -> int:
        return announce(tx, scope, data, self.fault_plan, self.courier)

    def upload(self) -> Response:
        """Product folders of this machine, named by their paths, dropped on FlickRocket's uploader."""
        given = request.get_json(silent=True, force=True)
        names = given.get("folders") if isinstance(given, Mapping) else None
        if not isinstance(names, list) or not names or not all(isinstance(one, str) and one for one in names):
            return as_json({"error": 'send {"folders": ["/whole/path/of/a/folder", …]}'}, 400)
        folders: list[Path] = []
        for name in names:
            dropped = Path(name)
            if not dropped.is_absolute() or not dropped.is_dir():
                told = "is no folder: drop the whole folder, not its product.json" if dropped.is_file() else "is no folder here"
                return as_json({"error": f'"{name}" {told}'}, 400)
            try:
                inside = folders_in(dropped)
            except OSError as exc:
                return as_json({"error": f'"{name}" cannot be read: {exc.strerror}'}, 400)
            if not inside:
                return as_json({"error": f'"{name}" holds no product folder'}, 400)
            folders += inside
        folded: dict[str, str] = {}
        models: dict[str, Any] = {}
        shop = self._shop(self.fault_plan.standing("flickrocket"))
        taken = [self._uploaded(folder, shop, folded, models) for folder in folders]
        return as_json({"products": [one.shown() for one in taken]})

    def _uploaded(self, folder: Path, shop: Shop, folded: dict[str, str], models: dict[str, Any]) -> Taken:
        host = request.host_url

        def keep(name: str, data: bytes) -> str:
            path = self.store.folder / PICTURES / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            return f"{host}flickrocket/_/pictures/{name}"

        with self.store.transaction() as tx:
            taken = upload_folder(tx, folder, shop, folded=folded, models=models, keep=keep)
            refused = taken.verdict == "refused"
            tx.record(
                time=self.clock(), platform="flickrocket", action=f"upload {folder.name}",
                verdict="refused" if refused else "taken", http_status=200, items=1, failed=int(refused),
                message="; ".join(taken.reasons) or (f"not live: {', '.join(taken.why)}" if taken.why else "live"),
            )
        self.say(f"flickrocket upload {folder.name}: {taken.verdict}{f' as {taken.id}' if taken.id else ''}"
                 f"{', not live' if taken.why else ''}{'; '.join(['', *taken.reasons])}")
        return taken

    def picture(self, name: str) -> Response:
        """A cover that came with a folder."""
        path = self.store.folder / PICTURES / name
        if not PICTURE.fullmatch(name) or not path.is_file():
            abort(404)
        return Response(path.read_bytes(), mimetype="image/png" if name.endswith(".png") else "image/jpeg")

    def _called(self, platform: str, action: str, act: Callable[[Transaction, Sequence[Fault]], Outcome]) -> Response:
        """Process a call as the faults let it; it is stored before the answer is made."""
        faults = self.fault_plan.strike(platform)
        breaking = next((fault for fault in faults if is_breaking(fault)), None)
        applied = [fault for fault in faults
                   if fault is breaking or (not is_breaking(fault) and fault.kind.takes != "sku")]
        status: int | None
        if breaking is not None and not breaking.kind.processed:
            applied = [fault for fault in applied if fault.name != "slow"]
            outcome = self._not_processed(platform, action, breaking, faults)
            status = outcome.http_status if answered(breaking) else None
            with self.store.transaction() as tx:
                self._record(tx, platform, outcome, status, applied)
        else:
            try:
                with self.store.transaction() as tx:
                    outcome = act(tx, faults)
                    if outcome.failed:
                        applied += [fault for fault in faults if fault.kind.takes == "sku"]
                    status = outcome.http_status
                    if breaking is not None:
                        status = (struck_status(breaking) or status) if answered(breaking) else None
                    self._record(tx, platform, outcome, status, applied)
            except Exception as exc:  # recorded, so that the log has every call, and raised again
                with self.store.transaction() as tx:
                    tx.record(time=self.clock(), platform=platform, action=action, verdict="fault of the sandbox",
                              http_status=500, message=type(exc).__name__)
                raise
        self.say(
            f"{platform} {outcome.action}: {outcome.verdict}, {outcome.items - outcome.failed} of {outcome.items} items"
            f"{f', code {outcome.code}' if outcome.code else ''}"
            f"{', no answer' if status is None else f', HTTP {status}'}"
            f"{''.join(f', fault {fault.spec}' for fault in applied)}"
        )
        for fault in applied:
            if fault.name == "slow":
                self.stopping.wait(fault.seconds or 0)
        response = Response(
            json.dumps(outcome.body).encode() if outcome.body is not None else b"", outcome.http_status,
            dict(outcome.headers), mimetype="application/json",
        )
        return self._spoilt(platform, response, breaking) if breaking is not None else response

    def _record(
        self, tx: Transaction, platform: str, outcome: Outcome, status: int | None, applied: Sequence[Fault]
    ) -> None:
        tx.record(
            time=self.clock(), platform=platform, action=outcome.action, verdict=outcome.verdict, http_status=status,
            code=outcome.code, items=outcome.items, failed=outcome.failed,
            fault=", ".join(fault.spec for fault in applied), message=outcome.message,
        )

    def _not_processed(self, platform: str, action: str, fault: Fault, faults: Sequence[Fault]) -> Outcome:
        """What a call that is not processed is answered; ``fault`` is why, ``faults`` all that strike it."""
        status = struck_status(fault) or 200
        if platform == "flipsnack" and (code := FLIPSNACK_CODES.get(fault.name)):
            outcome = flipsnack.code_outcome(code, action=action, faults=faults)
            return Outcome(outcome.http_status, outcome.body, action, "not processed", str(code))
        headers = {}
        if fault.name == "redirect":
            headers["Location"] = f"{request.host_url}_/elsewhere"
        if fault.seconds is not None and status in (429, 503):
            headers["Retry-After"] = f"{fault.seconds:.0f}"
        return Outcome(status, error_body(platform, status), action, "not processed", headers=headers)

    def _spoilt(self, platform: str, response: Response, fault: Fault) -> Response:
        """An answer after the fault is done with it."""
        whole = response.get_data()
        if fault.name in ("drop-before", "drop-after"):
            return Response(dropped())
        if fault.name == "drop-mid":
            return Response(dropped(whole[: max(1, len(whole) // 2)]), response.status_code,
                            {"Content-Length": str(len(whole))}, mimetype="application/json")
        if fault.name in ("hang", "hang-after"):
            return Response(self._hanging(request.environ.get("werkzeug.socket")))
        if fault.name == "garbage":
            return Response(b"\x93\x00\xff\xfe garbage \x80\x81", 200, mimetype="application/octet-stream")
        if fault.name == "truncated":
            return Response(whole[: max(1, len(whole) // 2)], response.status_code, mimetype="application/json")
        if fault.name == "empty":
            return Response(b"", 200, mimetype="application/json")
        if fault.name in ("html", "html-after"):
            return Response(PROXY_PAGE, 200, mimetype="text/html")
        if fault.name in ("500-after", "504-after"):
            status = struck_status(fault) or 500
            return Response(json.dumps(error_body(platform, status)), status, mimetype="application/json")
        return response

    def _hanging(self, connection: socket.socket | None) -> Iterator[bytes]:
        """No answer until the client goes, or the sandbox stops."""
        end = time.monotonic() + LONGEST_HANG_SECONDS
        while not self.stopping.wait(0.05) and time.monotonic() < end:
            if connection is not None and select.select([connection], [], [], 0)[0] and not connection.recv(
                1, socket.MSG_PEEK
            ):
                break
        raise Dropped
        yield b""

    # Inspection.

    def page(self) -> Response:
        place = {name: request.args.get(name, "") for name in ("platform", "feed", "page", "before")}
        page = Response(render_page(self.store, self.fault_plan, now=self.clock(), **place), mimetype="text/html")
        page.headers["Content-Security-Policy"] = (
            "default-src 'none'; img-src http: https:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        page.headers["Referrer-Policy"] = "no-referrer"
        page.headers["X-Content-Type-Options"] = "nosniff"
        page.headers["Cache-Control"] = "no-store"
        return page

    def health(self) -> Response:
        return as_json({"sandbox": "feedbridge", "calls": self.store.count("calls"), "counted": self.fault_plan.counts,
                        "faults": self.fault_plan.specs, "rates": self.rates.on})

    def feeds(self) -> Response:
        return as_json(self.store.feeds())

    def flipsnack_products(self, source_hash: str) -> Response:
        products = self.store.flipsnack(source_hash)
        return as_json(products) if products else as_json({"error": "there is no such feed"}, 404)

    def magento_products(self) -> Response:
        return as_json(self.store.magento())

    def flickrocket_things(self, resource: str) -> Response:
        if resource not in flickrocket.RESOURCES:
            return as_json({"error": f"there are {', '.join(flickrocket.RESOURCES)}"}, 404)
        if request.method == "PUT":
            things = request.get_json(silent=True, force=True)
            if not isinstance(things, list) or not all(
                isinstance(one, dict) and WHOLE.fullmatch(str(one.get("id"))) for one in things
            ):
                return as_json({"error": "send a list of objects, each with a whole number as id"}, 400)
            if resource == "webhooks":
                return as_json({"error": "webhooks are registered over FlickRocket's own API"}, 400)
            with self.store.transaction() as tx:
                flickrocket.seeded(tx, self.clock())
                tx.put_flickrocket(resource, things, self.clock())
        else:
            with self.store.transaction() as tx:
                flickrocket.seeded(tx, self.clock())
        return as_json(self.store.flickrocket(resource))

    def live(self) -> Response:
        """FlickRocket's products: live, or why not."""
        with self.store.transaction() as tx:
            flickrocket.seeded(tx, self.clock())
            prices, licences = ({one["id"]: one for one in tx.flickrocket_things(name)} for name in ("prices", "licenses"))
            products = tx.flickrocket_things("products")
        told = [(one, why_not_live(one, prices, licences)) for one in products]
        return as_json([{"id": one["id"], "product_id": one.get("product_id"), "title": one.get("title"), "live": not why,
                         "why": why} for one, why in told])

    def events(self) -> Response:
        """FlickRocket's webhook events, newest first; POST makes one arise."""
        if request.method == "GET":
            return as_json(self.store.events())
        given = request.get_json(silent=True, force=True)
        scope, data = (given.get(name) for name in ("scope", "data")) if isinstance(given, Mapping) else (None, None)
        if scope not in EVENTS or not isinstance(data, dict):
            return as_json({"error": f'send {{"scope": …, "data": {{…}}}}; scopes are {", ".join(EVENTS)}'}, 400)
        with self.store.transaction() as tx:
            count = self._announce(tx, scope, data)
        return as_json({"webhooks": count})

    def revoke(self) -> Response:
        """The owner takes the permission back."""
        with self.store.transaction() as tx:
            revoke(tx)
        return as_json({"revoked": True})

    def expire(self) -> Response:
        """All access tokens end now."""
        with self.store.transaction() as tx:
            expire_access(tx, self.clock())
        return as_json({"expired": True})

    def settings(self) -> Response:
        """How webhooks are signed and how quickly they are tried again."""
        if self.courier is None:
            abort(404)
        given = request.get_json(silent=True, force=True) if request.method == "POST" else {}
        if not isinstance(given, Mapping) or set(given) - {"webhook_hash", "webhook_speed"}:
            return as_json({"error": 'send {"webhook_hash": "T1+S1", "webhook_speed": 1000}'}, 400)
        speed = given.get("webhook_speed", self.courier.speed)
        if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0 < speed <= MOST_SPEED:
            return as_json({"error": f"webhook_speed is a number above 0, up to {MOST_SPEED}"}, 400)
        try:
            reading = checked_reading(str(given.get("webhook_hash", self.courier.reading)))
        except CommandError as exc:
            return as_json({"error": exc.message, "mend": exc.mend}, 400)
        self.courier.reading, self.courier.speed = reading, float(speed)
        self.courier.wake.set()
        return as_json({"webhook_hash": reading, "webhook_speed": self.courier.speed})

    def calls(self) -> Response:
        limit = request.args.get("limit", "100")
        before = request.args.get("before")
        if not all(WHOLE.fullmatch(given) for given in (limit, before or "0")):
            return as_json({"error": "limit and before are whole numbers"}, 400)
        return as_json(self.store.calls(min(int(limit), MOST_LISTED), before=int(before) if before else None))

    def faults_set(self) -> Response:
        if request.method == "POST":
            given = request.get_json(silent=True, force=True)
            specs = given.get("faults") if isinstance(given, Mapping) else None
            if not isinstance(specs, list) or not all(isinstance(one, str) for one in specs):
                return as_json({"error": 'send {"faults": ["drop-after:2", …]}'}, 400)
            try:
                self.fault_plan.set(specs)
            except CommandError as exc:
                return as_json({"error": exc.message, "fault": exc.where.removeprefix("--fault "), "mend": exc.mend}, 400)
        return as_json({"faults": self.fault_plan.specs, "counted": self.fault_plan.counts})

    def reset(self) -> Response:
        self.store.reset()
        self.rates.forget()
        if self.bucket is not None:
            self.bucket.forget()
        if self.courier is not None:
            self.courier.forget()
        self.fault_plan.set(self.fault_plan.specs)
        return as_json({"reset": True})

    def elsewhere(self) -> NoReturn:
        """Where the redirect fault leads: whoever follows it is written down."""
        with self.store.transaction() as tx:
            tx.record(time=self.clock(), platform="elsewhere", action=request.method, verdict="followed a redirect",
                      http_status=404, message="the call was sent on to another address")
        abort(404)


FLIPSNACK_CODES = {"maintenance": 22, "31": 31, "32": 32, "wrong-key": 41, "400": 400, "401": 401}
"""Faults that Flipsnack tells by the code inside the body."""


def is_breaking(fault: Fault) -> bool:
    """Whether a fault spoils the answer or takes its place. The first that strikes a call wins."""
    return fault.kind.takes in ("calls", "calls@")


def answered(fault: Fault) -> bool:
    return fault.name not in ("drop-before", "drop-after", "drop-mid", "hang", "hang-after")


def struck_status(fault: Fault) -> int | None:
    """The HTTP status a fault answers with; None when it leaves the status alone."""
    named = {"maintenance": 503, "wrong-key": 401, "redirect": 307}
    return int(fault.name.partition("-")[0]) if fault.name in STRUCK else named.get(fault.name)


def error_body(platform: str, status: int) -> dict[str, Any]:
    """A refusal in the platform's own shape."""
    if platform == "magento":
        return {"message": f"Status %1 ({status}).", "parameters": [str(status)]}
    if platform == "flickrocket":
        return {"error": f"status {status}", "error_code": -1}
    return {"code": status, "status": flipsnack.STATUS.get(status, "Unexpected error")}


def dropped(*parts: bytes) -> Iterator[bytes]:
    """Some bytes, then the connection is closed."""
    yield from parts
    raise Dropped


