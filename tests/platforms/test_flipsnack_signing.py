"""Signing Flipsnack calls: the published vector, our own, and what is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from feedbridge.errors import CommandError
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.flipsnack.signing import (
    ENDPOINT,
    Credentials,
    create_request,
    credentials,
    delete_request,
    request_bytes,
    short_source_hash,
    sign,
    source_hash,
)

DEMO = FlipsnackSettings(feed="demo-feed")
DEMO_HASH = "2d67d6d3542967f637ca1b1ee9cf76ed50adb1dfd0ee2617e1b8f3bb50dd274b"
MUG = '[{"type":"product","code":"MUG-1","title":"Caf\\u00e9 mug","sell_price":12.5,"currency":"EUR"}]'
KEY, SECRET = "KEY-0001", "SECRET-0001"


def test_the_published_vector():
    parameters = {"collectionHash": "fxh4k89", "apiKey": "45FD-267-7SG7832", "action": "collection.getCollection"}
    assert sign(parameters, "123ABCDE-456-7890-FGH") == "26e781d3d1751d82ec284acf4a019def"


def test_signature_and_file_are_not_signed():
    parameters = {"collectionHash": "1", "apiKey": "2", "action": "3"}
    assert sign(parameters, "secretKey") == "7e5d0a9d89def991af37cf944b4e58af"
    assert sign(parameters | {"signature": "x", "file": "y"}, "secretKey") == "7e5d0a9d89def991af37cf944b4e58af"


@pytest.mark.parametrize(("text", "signature"), [
    pytest.param(MUG, "67d87837e3fbaf831c3a4a58a978f575", id="escaped"),
    pytest.param(MUG.replace("\\u00e9", "é"), "236af41237ffb2e7191274b6315ecffa", id="UTF-8"),
])
def test_create_request_signs_the_text_it_returns(text: str, signature: str):
    fields = create_request(text, DEMO, KEY, SECRET)
    assert fields == {
        "action": "products.create", "apiKey": KEY, "sourceHash": DEMO_HASH, "products": text, "signature": signature,
    }
    assert fields["signature"] == sign(fields, SECRET)


def test_a_signature_without_the_products_is_another_one():
    fields = create_request(MUG, DEMO, KEY, SECRET)
    del fields["products"]
    assert sign(fields, SECRET) == "71b93ff040fa315296f59109c8246fc3" != fields["signature"]


def test_delete_request():
    assert delete_request(["MUG-1", "MUG-2"], DEMO, KEY, SECRET) == {
        "action": "products.delete", "apiKey": KEY, "sourceHash": DEMO_HASH, "productsSKU": '["MUG-1","MUG-2"]',
        "signature": "7b50f7ba59244e9f724017eb32e293f0",
    }


def test_updates_and_extra_parameters_are_signed_too():
    settings = FlipsnackSettings(feed="demo-feed", extra_parameters={"feedName": "Spring"})
    fields = create_request(MUG, settings, KEY, SECRET, action="products.update")
    assert (fields["action"], fields["feedName"]) == ("products.update", "Spring")
    assert fields["signature"] == sign(fields, SECRET) != sign(create_request(MUG, DEMO, KEY, SECRET), SECRET)


@pytest.mark.parametrize(("key", "secret"), [
    pytest.param("", SECRET, id="no key"),
    pytest.param(KEY, "", id="no secret"),
    pytest.param("KÉY", SECRET, id="key not ASCII"),
    pytest.param(KEY, "SÉCRET", id="secret not ASCII"),
    pytest.param(f"{KEY}{SECRET}", SECRET, id="secret inside the key"),
])
def test_unusable_keys_are_refused_without_showing_the_secret(key: str, secret: str):
    with pytest.raises(CommandError) as raised:
        create_request(MUG, DEMO, key, secret)
    assert raised.value.code in ("flipsnack.F18", "flipsnack.F19")
    assert not secret or secret not in str(raised.value)


def test_the_secret_is_in_no_field_and_no_repr():
    leaking = FlipsnackSettings(extra_parameters={"note": f"a{SECRET}b"})
    with pytest.raises(CommandError, match=r"flipsnack\.F19"):
        create_request(MUG, leaking, KEY, SECRET)
    assert SECRET not in str(create_request(MUG, DEMO, KEY, SECRET))
    keys = credentials({"FEEDBRIDGE_FLIPSNACK_API_KEY": KEY, "FEEDBRIDGE_FLIPSNACK_API_SECRET": SECRET})
    assert keys == Credentials(KEY, SECRET) and SECRET not in repr(keys) and KEY in repr(keys)


def test_missing_keys_are_named():
    with pytest.raises(CommandError, match="FEEDBRIDGE_FLIPSNACK_API_SECRET is empty"):
        credentials({"FEEDBRIDGE_FLIPSNACK_API_KEY": KEY})


def test_source_hash_is_the_feeds_own_and_the_same_every_time():
    assert source_hash(DEMO) == source_hash(FlipsnackSettings(feed="demo-feed", item_type="x")) == DEMO_HASH
    assert source_hash(FlipsnackSettings(feed="other")) != DEMO_HASH
    assert len(source_hash(FlipsnackSettings())) == 64
    assert short_source_hash(DEMO) == ""


@pytest.mark.parametrize(("given", "warned"), [
    pytest.param("a" * 64, False, id="64"),
    pytest.param("a" * 63, True, id="63"),
    pytest.param("feed-1", True, id="short"),
])
def test_source_hash_of_the_users_own(given: str, warned: bool):
    settings = FlipsnackSettings(source_hash=given)
    assert source_hash(settings) == given
    assert bool(short_source_hash(settings)) is warned


@pytest.mark.parametrize("given", [
    pytest.param("", id="empty"), pytest.param("  ", id="blank"), pytest.param("a" * 65, id="65"),
    pytest.param("é" * 64, id="not ASCII"), pytest.param("a\nb", id="line break"),
])
def test_source_hash_refused(given: str):
    with pytest.raises(CommandError) as raised:
        source_hash(FlipsnackSettings(source_hash=given))
    assert (raised.value.code, raised.value.exit_status) == ("flipsnack.F5", 2)


def test_endpoint_is_the_api_host_over_https():
    parts = urlsplit(ENDPOINT)
    assert (parts.scheme, parts.hostname, parts.path.rstrip("/")) == ("https", "api.flipsnack.com", "/v1")


@pytest.mark.parametrize("settings", [
    pytest.param(DEMO, id="plain"),
    pytest.param(FlipsnackSettings(extra_parameters={"feedName": "x" * 300, "b": ""}), id="extra parameters"),
])
def test_the_estimate_is_never_below_a_real_multipart_body(settings: FlipsnackSettings):
    fields = create_request(MUG, settings, KEY * 30, SECRET)
    parts = {name: (None, value, "text/plain; charset=utf-8") for name, value in fields.items()}
    body = requests.Request("POST", ENDPOINT, files=parts).prepare().body
    assert body is not None and len(MUG) < len(body) <= request_bytes(MUG, settings) < len(body) + 2_000
