"""Flipsnack's product calls: products.create, products.update, products.delete.

Source: developers.flipsnack.com, /products/create, /products/update, /products/delete, /how-to-sign-a-request,
/api-status-codes, /api-limitations. What these leave open, and how the sandbox reads it: docs/sandbox.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feedbridge.sandbox.faults import Fault, chosen
from feedbridge.sandbox.flipsnack_schema import faults_of_product
from feedbridge.sandbox.keys import Secrets
from feedbridge.sandbox.outcome import BadJson, Outcome, is_text, read_json
from feedbridge.sandbox.rates import Rates
from feedbridge.sandbox.store import Transaction

__all__ = ["ACTIONS", "MOST_BYTES", "MOST_PRODUCTS", "Sent", "STATUS", "answer", "code_outcome", "signature_of"]

MOST_PRODUCTS = 500
MOST_BYTES = 200_000_000
MOST_HASH_CHARS = 64
ACTIONS = ("products.create", "products.update", "products.delete")
STATUS = {
    20: "OK", 22: "Maintenance mode", 30: "Missing mandatory parameter", 31: "Too many requests per second",
    32: "Too many requests per minute", 40: "Bad request", 41: "Invalid API key", 42: "Unknown action",
    44: "Invalid signature", 51: "Too many products in one request", 200: "", 400: "Invalid data",
    401: "Unauthorized", 403: "Forbidden", 404: "Not found", 500: "Unexpected error",
}
HTTP_STATUS = {20: 200, 22: 503, 30: 400, 31: 429, 32: 429, 40: 400, 41: 401, 42: 404, 44: 401, 51: 400, 500: 500}
MISSING = {
    "products": "Products parameter is missing", "sourceHash": "Source hash parameter is missing",
    "productsSKU": "Products hashes parameter is missing",
}
SIGNED_NOT = ("signature", "file")


@dataclass(frozen=True)
class Sent:
    """A call as it came: ``fields`` in order, names may come twice; ``wrong`` says what is wrong with its form."""

    fields: Sequence[tuple[str, str]] = ()
    wrong: str = ""
    too_large: bool = False


class Refused(Exception):
    """The whole call is refused."""

    def __init__(self, code: int, *messages: str) -> None:
        self.code = code
        self.messages = messages
        super().__init__(*messages)


class Failed(Exception):
    """One product is not taken. ``code``: its SKU, as far as it can be read."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def signature_of(parameters: Mapping[str, str], secret: str) -> str:
    """The MD5 over secret, then name and value of every parameter, sorted by name; values as they are.

    >>> signature_of({"collectionHash": "fxh4k89", "apiKey": "45FD-267-7SG7832",
    ...               "action": "collection.getCollection"}, "123ABCDE-456-7890-FGH")
    '26e781d3d1751d82ec284acf4a019def'

    Source: developers.flipsnack.com, /how-to-sign-a-request.
    """
    digest = hashlib.md5(secret.encode(), usedforsecurity=False)
    for name in sorted(parameters):
        if name not in SIGNED_NOT:
            digest.update(name.encode("utf-8", "surrogatepass"))
            digest.update(parameters[name].encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def answer(
    tx: Transaction, sent: Sent, *, secrets: Secrets, rates: Rates, now: float, faults: Sequence[Fault] = ()
) -> Outcome:
    """Check a call and do what it asks for."""
    action = dict(sent.fields).get("action", "")
    count = [0]
    try:
        parameters = checked(sent, secrets, rates, now)
        return acted(tx, parameters, now, faults, count)
    except Refused as exc:
        return code_outcome(exc.code, exc.messages, action=action, items=count[0], faults=faults)


def checked(sent: Sent, secrets: Secrets, rates: Rates, now: float) -> dict[str, str]:
    """The parameters of a call whose form, key and signature are right, and which keeps to the rates."""
    if sent.wrong:
        raise Refused(40, sent.wrong)
    if sent.too_large:
        raise Refused(400, f"The request is larger than {MOST_BYTES:,} bytes")
    parameters = dict(sent.fields)
    names = [name for name, _ in sent.fields]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(40, f"Parameter {twice[0]} comes twice")
    if missing := [name for name in ("apiKey", "signature", "action") if not parameters.get(name)]:
        raise Refused(30, *(f"{name} parameter is missing" for name in missing))
    if any(secrets.flipsnack_api_secret in value for value in parameters.values()):
        raise Refused(40, "The secret key must not be sent")
    if not equal(parameters["apiKey"], secrets.flipsnack_api_key):
        raise Refused(41)
    if not equal(parameters["signature"], signature_of(parameters, secrets.flipsnack_api_secret)):
        raise Refused(44)
    if code := rates.exceeded(parameters["apiKey"], now):
        raise Refused(code)
    if parameters["action"] not in ACTIONS:
        raise Refused(42)
    return parameters


def equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def acted(
    tx: Transaction, parameters: Mapping[str, str], now: float, faults: Sequence[Fault], count: list[int]
) -> Outcome:
    """Do what a call asks for. ``count``: set to how many products it is about."""
    action = parameters["action"]
    field = "productsSKU" if action == "products.delete" else "products"
    if missing := [name for name in (field, "sourceHash") if not parameters.get(name)]:
        raise Refused(30, *(MISSING[name] for name in missing))
    source_hash = parameters["sourceHash"]
    if len(source_hash) > MOST_HASH_CHARS or not is_text(source_hash):
        raise Refused(400, f"Source hash is longer than {MOST_HASH_CHARS} characters")
    try:
        given = read_json(parameters[field])
    except BadJson as exc:
        raise Refused(400, f"{field} is not valid JSON: {exc}") from exc
    if not isinstance(given, list):
        raise Refused(400, f"{field} is not an array")
    if not given:
        raise Refused(400, f"{field} is empty")
    count[0] = len(given)
    if len(given) > MOST_PRODUCTS:
        raise Refused(51)
    rejected = {fault.argument for fault in faults if fault.name == "reject"}
    if any(rejected.intersection(skus_of(one)) for one in given):
        raise Refused(400, "The submitted data is invalid")
    feed = Feed(tx, source_hash)
    act: Callable[[Any, int], None] = {
        "products.create": feed.create, "products.update": feed.update, "products.delete": feed.delete,
    }[action]
    failing = {fault.argument for fault in faults if fault.name == "partial"}
    errors: list[Failed] = []
    for place, one in enumerate(given, start=1):
        try:
            if sku := next(iter(sorted(failing.intersection(skus_of(one)))), ""):
                raise Failed(first_sku(one) or sku, "could not be processed")
            act(one, place)
        except Failed as exc:
            errors.append(exc)
    if errors and chosen(faults, "errors") == "whole":
        raise Refused(400, *(sentence(error) for error in errors))
    feed.save(now)
    code = int(chosen(faults, "success"))
    body = {"message": "Products updated successfully", "Errors": shown(errors, chosen(faults, "errors"))}
    verdict = "taken" if not errors else "partly taken" if len(errors) < len(given) else "refused"
    return Outcome(
        200, enveloped(code, body, faults), action, verdict, str(code), len(given), len(errors),  # type: ignore[arg-type]  # the verdict is one of a Literal
        "; ".join(sentence(error) for error in errors[:5]),
    )


def skus_of(given: Any) -> set[str]:
    """Every SKU that one element of ``products`` or ``productsSKU`` names."""
    if isinstance(given, str):
        return {given}
    if not isinstance(given, dict):
        return set()
    variants = given.get("variants")
    codes = [given.get("code"), *(one.get("code") for one in variants if isinstance(one, dict))] if isinstance(
        variants, list) else [given.get("code")]
    return {code for code in codes if isinstance(code, str)}


def first_sku(given: Any) -> str:
    code = given if isinstance(given, str) else given.get("code") if isinstance(given, dict) else ""
    return code if isinstance(code, str) else ""


class Feed:
    """One feed while a call is about it: everything is decided first, then saved at once."""

    def __init__(self, tx: Transaction, source_hash: str) -> None:
        self.tx = tx
        self.source_hash = source_hash
        self.owners: dict[str, str | None] = {}
        """SKU of a product or variant, and the product it belongs to; None: free."""
        self.products: dict[str, dict[str, Any] | None] = {}
        """Products that change; None: goes."""
        self.new: set[str] = set()

    def owner(self, code: str) -> str | None:
        if code not in self.owners:
            found = self.tx.rows(
                "SELECT product FROM flipsnack_codes WHERE source_hash = ? AND code = ?", self.source_hash, code)
            self.owners[code] = found[0][0] if found else None
        return self.owners[code]

    def create(self, product: Any, place: int) -> None:
        code = self._shaped(product, place)
        codes = [code, *(variant["code"] for variant in product.get("variants", ()))]
        for one in codes:
            if self.owner(one) is not None:
                raise Failed(code, "already exists" if one == code else f'the variant "{one}" already exists')
        self.owners |= dict.fromkeys(codes, code)
        self.products[code] = product
        self.new.add(code)

    def update(self, product: Any, place: int) -> None:
        code = self._shaped(product, place)
        now = self._known(code)
        new = [variant["code"] for variant in product.get("variants", ()) if variant["code"] not in
               {one["code"] for one in now.get("variants", ())}]
        for one in new:
            if self.owner(one) is not None:
                raise Failed(code, f'the variant "{one}" already exists elsewhere')
        self.owners |= dict.fromkeys(new, code)
        self.products[code] = merged(now, product)

    def delete(self, code: Any, place: int) -> None:
        if not is_text(code) or not code:
            raise Failed("", f"Element {place} of productsSKU is no SKU")
        gone = self._known(code)
        self.owners |= dict.fromkeys([code, *(variant["code"] for variant in gone.get("variants", ()))])
        self.products[code] = None

    def _shaped(self, product: Any, place: int) -> str:
        wrong = faults_of_product(product)
        code = first_sku(product) if isinstance(product, dict) else ""
        if wrong:
            raise Failed(code, wrong[0] if code else f"Product {place}: {wrong[0]}")
        return code

    def _known(self, code: str) -> dict[str, Any]:
        owner = self.owner(code)
        if owner is None:
            raise Failed(code, "does not exist")
        if owner != code:
            raise Failed(code, f'is a variant of "{owner}", no product')
        if code not in self.products:
            self.products[code] = json.loads(self.tx.rows(
                "SELECT body FROM flipsnack_products WHERE source_hash = ? AND code = ?", self.source_hash, code)[0][0])
        now = self.products[code]
        assert now is not None
        return now

    def save(self, now: float) -> None:
        tx, source_hash = self.tx, self.source_hash
        for code, product in self.products.items():
            tx.run("DELETE FROM flipsnack_codes WHERE source_hash = ? AND product = ?", source_hash, code)
            if product is None:
                tx.run("DELETE FROM flipsnack_products WHERE source_hash = ? AND code = ?", source_hash, code)
                continue
            body = json.dumps(product)
            if code in self.new:
                tx.run("INSERT INTO flipsnack_products VALUES (?, ?, ?, ?)", source_hash, code, body, now)
            else:
                tx.run("UPDATE flipsnack_products SET body = ?, changed = ? WHERE source_hash = ? AND code = ?",
                       body, now, source_hash, code)
            tx.run_many("INSERT INTO flipsnack_codes VALUES (?, ?, ?)", (
                (source_hash, one, code) for one in [code, *(v["code"] for v in product.get("variants", ()))]))


def merged(now: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` over ``now``: members it leaves out stay, variants are matched by their code."""
    whole = dict(now)
    for name, value in given.items():
        have = whole.get(name)
        if name == "variants" and isinstance(have, list):
            by_code = {one["code"]: one for one in have}
            for variant in value:
                by_code[variant["code"]] = merged(by_code.get(variant["code"], {}), variant)
            whole[name] = list(by_code.values())
        elif isinstance(value, dict) and isinstance(have, dict):
            whole[name] = merged(have, value)
        else:
            whole[name] = value
    return whole


def sentence(error: Failed) -> str:
    return f'Product with SKU "{error.code}": {error.message}' if error.code else error.message


def shown(errors: Sequence[Failed], how: str) -> list[Any]:
    if not errors:
        return []
    if how == "objects":
        return [{"code": error.code, "message": error.message} for error in errors]
    if how == "unnamed":
        return ["1 product is invalid" if len(errors) == 1 else f"{len(errors)} products are invalid"]
    return [sentence(error) for error in errors]


def code_outcome(
    code: int, messages: Sequence[str] = (), *, action: str = "", items: int = 0, faults: Sequence[Fault] = ()
) -> Outcome:
    """The answer to a call that is refused whole."""
    status = HTTP_STATUS.get(code, code) if chosen(faults, "http-status") == "fitting" else 200
    return Outcome(
        status, enveloped(code, list(messages), faults), action, "refused", str(code), items, items,
        "; ".join([STATUS.get(code, ""), *messages[:5]]),
    )


def enveloped(code: int, data: Any, faults: Sequence[Fault]) -> dict[str, Any]:
    if chosen(faults, "spelling") == "other":
        if isinstance(data, dict):
            data = {"message": data["message"], "errors": data["Errors"]}
        return {"code": str(code), "status": STATUS.get(code, ""), "Data": data}
    return {"code": code, "status": STATUS.get(code, ""), "data": data}
