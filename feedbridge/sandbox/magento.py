"""``POST <HOST>/V1/product/create/`` of PrintXpand's Custom API on Magento 2: create or update products.

Source: PrintXpand Custom API, "Simple: Multiple Products"; Adobe Commerce Web API for refusals of whole calls. What these
leave open, and how the sandbox reads it: docs/sandbox.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from feedbridge.sandbox.faults import Fault, chosen
from feedbridge.sandbox.keys import Secrets
from feedbridge.sandbox.magento_oauth import NotAllowed, check_caller
from feedbridge.sandbox.outcome import BadJson, Outcome, is_text, number_fits, read_json
from feedbridge.sandbox.store import Transaction

__all__ = ["ACTION", "MOST_BYTES", "PATH", "answer", "faults_of_product", "refusal"]

PATH = "/magento/rest/V1/product/create/"
ACTION = "product/create"
MOST_BYTES = 200_000_000
PRICE = re.compile(r"[0-9]{1,14}(\.[0-9]+)?")
OPTION_TYPES = ("field", "area", "file", "drop_down", "radio", "checkbox", "multiple", "date", "date_time", "time")
SELECT_TYPES = ("drop_down", "radio", "checkbox", "multiple")
UNSIGNED_32 = 2**32 - 1


def refusal(
    status: int, message: str, parameters: list[str] | dict[str, str] | None = None, *, action: str = ACTION,
    items: int = 0,
) -> Outcome:
    """The whole call is refused: an object, where an answer by item is a list."""
    body: dict[str, Any] = {"message": message}
    if parameters is not None:
        body["parameters"] = parameters
    return Outcome(status, body, action, "refused", str(status), items, items, filled(message, parameters or []))


def filled(message: str, parameters: list[str] | dict[str, str]) -> str:
    pairs = parameters.items() if isinstance(parameters, dict) else enumerate(parameters, start=1)
    for name, value in pairs:
        message = message.replace(f"%{name}", value)
    return message


def answer(
    tx: Transaction, body: bytes, *, method: str, url: str, content_type: str, authorization: str, secrets: Secrets,
    now: float, faults: Sequence[Fault] = (),
) -> Outcome:
    """Check a call and do what it asks for."""
    if method != "POST":
        return refusal(405, "The %1 method is not allowed.", [method])
    try:
        check_caller(tx, authorization, method=method, url=url, secrets=secrets, now=now,
                     bearer=chosen(faults, "bearer") == "on")
    except NotAllowed as exc:
        return refusal(401, exc.message, exc.parameters)
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return refusal(400, "Server cannot understand Content-Type HTTP header media type %1", [content_type[:80]])
    if len(body) > MOST_BYTES:
        return refusal(413, "The request is too large.", [])
    try:
        document = read_json(body)
    except BadJson as exc:
        return refusal(400, "Decoding error: %1", [str(exc)])
    if not isinstance(document, dict) or list(document) != ["product"]:
        return refusal(400, "The request is an object with the one member %field.", {"field": "product"})
    products = document["product"]
    if not isinstance(products, dict) or not products:
        return refusal(400, "\"%field\" is an object with at least one product.", {"field": "product"})
    ids = [identity(key, product) for key, product in products.items()]
    count = len(ids)
    texts = [str(one) for one in ids]
    if twice := [text for place, text in enumerate(texts) if text in texts[:place]] if len(set(texts)) < count else []:
        return refusal(400, "The product id %1 comes twice.", [twice[0][:80]], items=count)
    if {fault.argument for fault in faults if fault.name == "reject"}.intersection(texts):
        return refusal(400, "The submitted data is invalid.", items=count)
    failing = {fault.argument for fault in faults if fault.name == "partial"}
    response = []
    failed = 0
    said = ""
    for given_id, text, product in zip(ids, texts, products.values(), strict=True):
        wrong = ["Product could not be saved."] if text in failing else faults_of_product(product)
        if wrong:
            failed += 1
            said = said or f"{text}: {wrong[0]}"
            response.append({"id": given_id, "code": 404, "status": "error", "message": wrong[0]})
            continue
        new = saved(tx, text, product, now)
        message = "Product Created Successfully!" if new else "Product Updated Successfully!"
        response.append({"id": given_id, "code": "200", "status": "success", "message": message})
    status = 404 if failed and chosen(faults, "http-status") == "fitting" else 200
    return Outcome(
        status, [{"response": response}], ACTION,
        "taken" if not failed else "refused" if failed == count else "partly taken",
        "404" if failed == count else "200", count, failed, said,
    )


def identity(key: str, product: Any) -> Any:
    """The id of an entry: the one inside; the map's key when there is none."""
    inner = product.get("id") if isinstance(product, dict) else None
    if isinstance(inner, bool) or not isinstance(inner, (str, int)) or str(inner).strip() == "":
        return key
    return inner


def saved(tx: Transaction, name: str, product: Mapping[str, Any], now: float) -> bool:
    """Store a product; members not given stay as they were. Whether it is new."""
    found = tx.rows("SELECT body FROM magento_products WHERE id = ?", name)
    whole = {**(json.loads(found[0][0]) if found else {}), **product}
    if found:
        tx.run("UPDATE magento_products SET body = ?, changed = ? WHERE id = ?", json.dumps(whole), now, name)
    else:
        tx.run("INSERT INTO magento_products VALUES (?, ?, ?)", name, json.dumps(whole), now)
    return not found


Check = Callable[[Any], bool]


def is_flag(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int) and value in (0, 1)


def is_price(value: Any) -> bool:
    """Text of digits with a point, or a JSON number that is not negative."""
    if isinstance(value, str):
        return PRICE.fullmatch(value) is not None
    return number_fits(value) and 0 <= value < 1e14


def is_modifier(value: Any) -> bool:
    return number_fits(value) or (isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is not None)


def is_count(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int) and 0 <= value <= UNSIGNED_32


def is_title(value: Any) -> bool:
    return is_text(value) and value.strip() != ""


def is_categories(value: Any) -> bool:
    parts = value.split(",") if is_text(value) else [""]
    return all(part and not re.search(r"\s", part) for part in parts) and len(set(parts)) == len(parts)


PRODUCT_CHECKS: dict[str, tuple[Check, str]] = {
    "id": (lambda value: True, ""),
    "name": (is_title, "Please pass valid name."),
    "type": (lambda value: is_text(value) and value.lower() in ("simple", "configurable"), "Please pass valid type."),
    "price": (is_price, "Please pass valid price."),
    "special_price": (lambda value: value == "" or is_price(value), "Please pass vaild special_price."),
    "category_id": (is_categories, "Please pass valid category_id."),
    "category_ids": (is_categories, "Please pass valid category_ids."),
    "status": (is_flag, "Please pass valid status."),
    "enable_product_designer": (is_flag, "Please pass valid enable_product_designer."),
    "images": (lambda value: is_images(value), "Please pass valid images."),
    "tier_price": (lambda value: is_tiers(value), "Please pass valid tier_price."),
    "custom_options": (lambda value: isinstance(value, list), "Please pass valid custom_options."),
}
OPTION_CHECKS: dict[str, Check] = {
    "title": is_title, "type": lambda value: value in OPTION_TYPES, "sort_order": is_count, "is_require": is_flag,
    "price": is_modifier, "price_type": lambda value: value in ("fixed", "percent"), "sku": is_text,
    "max_characters": is_count, "file_extension": is_text, "image_size_x": lambda value: is_pixels(value),
    "image_size_y": lambda value: is_pixels(value), "values": lambda value: isinstance(value, list),
}
VALUE_CHECKS: dict[str, Check] = {
    "title": is_title, "value": is_text, "sort_order": is_count, "price": is_modifier,
    "price_type": lambda value: value in ("fixed", "percent"), "sku": is_text, "is_delete": is_flag,
    "value_id": lambda value: is_text(value) or is_count(value),
}


def is_pixels(value: Any) -> bool:
    return is_count(value) or (isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value) is not None)


def is_images(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and len(one) == 1 and is_title(one.get("src", one.get("image_src"))) for one in value)


def is_tiers(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and set(one) == {"price", "qty"} and isinstance(one["price"], str)
        and isinstance(one["qty"], str) and is_price(one["price"]) and PRICE.fullmatch(one["qty"]) is not None
        and float(one["qty"]) >= 1 for one in value)


def faults_of_product(product: Any) -> list[str]:
    """What is wrong with an entry, in words; empty when nothing is.

    >>> faults_of_product({"id": 7, "name": "Mug", "type": "simple", "special_price": "Test 11111"})
    ['Please pass vaild special_price.']
    """
    if not isinstance(product, dict):
        return ["The product is not an object."]
    faults = [f"{name} is a required field." for name in ("id", "name", "type")
              if product.get(name) is None or product[name] == ""]
    if faults:
        return faults
    if isinstance(product["id"], bool) or not (is_title(product["id"]) or isinstance(product["id"], int)):
        faults.append("Please pass valid id.")
    for name, value in product.items():
        check, message = PRODUCT_CHECKS.get(name, (None, ""))
        if check is None:
            faults.append(f"{name[:80]} is not a known field.")
        elif not check(value):
            faults.append(message)
    options = product.get("custom_options")
    for option in options if isinstance(options, list) else []:
        faults += faults_of_option(option)
    return faults


def faults_of_option(option: Any) -> list[str]:
    if not isinstance(option, dict):
        return ["Invalid option value"]
    faults = members_wrong(option, OPTION_CHECKS, ("title", "type", "is_require"))
    if faults:
        return faults
    if option["type"] not in SELECT_TYPES:
        return ["Invalid option value"] if "values" in option else []
    values = option.get("values")
    if not values:
        return ["Missed values for option required fields"]
    for value in values:
        if not isinstance(value, dict):
            return ["Invalid option value"]
        if value.get("is_delete") != 1:
            faults += members_wrong(value, VALUE_CHECKS, ("title",))
    if all(value.get("is_delete") == 1 for value in values):
        faults.append("Missed values for option required fields")
    return faults


def members_wrong(given: Mapping[str, Any], checks: Mapping[str, Check], needed: Sequence[str]) -> list[str]:
    if any(name not in given for name in needed):
        return ["Missed values for option required fields"]
    for name, value in given.items():
        check = checks.get(name)
        if check is None:
            return [f"custom_options: {name[:80]} is not a known field."]
        if not check(value):
            return ["Invalid option type" if name == "type" else f"Invalid option value: {name}"]
    return []
