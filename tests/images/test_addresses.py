"""Which addresses may be connected to, and how addresses are shown."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.images.addresses import is_public, parsed, shown


@pytest.mark.parametrize(("address", "expected"), [
    ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False),
    ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
    ("240.0.0.1", False), ("255.255.255.255", False), ("192.0.2.1", False), ("198.18.0.1", False), ("::", False),
    ("::1", False), ("fe80::1", False), ("fe80::1%eth0", False), ("fc00::1", False), ("fec0::1", False),
    ("ff02::1", False), ("2001:db8::1", False), ("::ffff:10.0.0.1", False), ("::ffff:8.8.8.8", True), ("::8.8.8.8", False),
])  # fmt: skip
def test_public(address: str, expected: bool):
    assert is_public(address) is expected


@given(st.integers(0, 2**32 - 1))
def test_an_address_inside_another_counts_as_itself(number: int):
    inner = ipaddress.IPv4Address(number)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) | (number << 80))
    assert {is_public(str(one)) for one in (mapped, nat64, six_to_four)} == {is_public(str(inner))}


@pytest.mark.parametrize(("url", "name", "target"), [
    ("https://CDN.example/a b.jpg?x=ü&y=1", "cdn.example", "/a%20b.jpg?x=%C3%BC&y=1"),
    ("http://cdn.example:443", "cdn.example:443", "/"),
    ("https://cdn.example:443/%20", "cdn.example", "/%20"),
    ("https://bücher.example/a.jpg", "xn--bcher-kva.example", "/a.jpg"),
    ("http://[2606:4700::1111]:81/a", "[2606:4700::1111]:81", "/a"),
])  # fmt: skip
def test_parsed(url: str, name: str, target: str):
    address = parsed(url)
    assert (address.name, address.target) == (name, target)


WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", min_size=1, max_size=12)


@given(st.sampled_from(["token", "X-Amz-Signature", "sig", "apiKey", "access_token", "pw", "hdnea_secret"]), WORD, WORD)
def test_no_secret_is_shown(name: str, user: str, place: str):
    text = shown(
        f"https://{user}:hunter%2@cdn.example/{place}?v=1&{name}=hunter2&w={'hunter2' * 4}&{'hunter2' * 4}#hunter2"
    )
    assert "hunter" not in text
    assert urlsplit(text).path == f"/{place}" and "v=1" in text and "***@cdn.example" in text


@given(WORD, WORD, st.lists(st.integers(0, 9999), max_size=3))
def test_an_ordinary_address_is_shown_as_it_is(folder: str, file: str, versions: list[int]):
    query = "&".join(f"v{place}={version}" for place, version in enumerate(versions))
    url = f"https://cdn.example/{folder}/{file}.jpg" + (f"?{query}" if query else "")
    assert shown(url) == url


@given(st.text(max_size=60))
def test_anything_can_be_shown(text: str):
    assert "me:secret@" not in shown(f"https://me:secret@{text}")


@pytest.mark.parametrize(("src", "expected"), [
    ("http://cdn.example/a.jpg?v=1;token=hunter2", "http://cdn.example/a.jpg?v=1;token=***"),
    ("http://cdn.example/a.jpg?to%6ben=hunter2", "http://cdn.example/a.jpg?to%6ben=***"),
    ("http://cdn.example/a.jpg?to%256Ben=hunter2", "http://cdn.example/a.jpg?to%256Ben=***"),
    ("http://cdn.example/a.jpg?u=1%26token%3Dhunter2", "http://cdn.example/a.jpg?u=***"),
    ("http://cdn.example/a.jpg?token=abc/hunter2;hunter2&v=1", "http://cdn.example/a.jpg?token=***;***&v=1"),
    ("http://cdn.example/a.jpg;jsessionid=hunter2?v=1", "http://cdn.example/a.jpg;jsessionid=***?v=1"),
    ("http://cdn.example/token=hunter2/a.jpg", "http://cdn.example/token=***/a.jpg"),
    ("http://cdn.example/to/http://me:hunter2@cdn.example/a.jpg", "http://cdn.example/to/http://***@cdn.example/a.jpg"),
    ("a.jpg?token=hunter2", "a.jpg?token=***"), ("a.jpg#token=hunter2", "a.jpg#token=***"),
    ("https:/me:hunter2@cdn.example/x.jpg", "https:/***@cdn.example/x.jpg"),
    ("https:\\\\me:hunter2@cdn.example/x", "https:\\\\***@cdn.example/x"),
    ("http:me:hunter2@cdn.example/x.jpg", "http:***@cdn.example/x.jpg"),
    ("//me:hunter2@cdn.example/x.jpg", "//***@cdn.example/x.jpg"),
    ("\nht\ntp://me:hunter2@cdn.example/x", "\nht\ntp://***@cdn.example/x"),
    ("https://me:p/hunter2#x@cdn.example/x", "https://***@cdn.example/x"),
    ("https://me%3Ahunter2%40cdn.example/x", "https://***@cdn.example/x"),
    ("https://cdn.example:8080/a@2x.jpg", "https://cdn.example:8080/a@2x.jpg"),
    ("https://cdn.example/width=80,quality=75/a.jpg", "https://cdn.example/width=80,quality=75/a.jpg"),
    ("C:\\shop\\a#1@2.jpg", "C:\\shop\\a#1@2.jpg"), ("tea & co/a; b?#3.jpg", "tea & co/a; b?#3.jpg"),
])  # fmt: skip
def test_shown(src: str, expected: str):
    assert shown(src) == expected


def coded(text: str, times: int) -> str:
    """All characters percent-encoded, several times over."""
    for _ in range(times):
        text = "".join(f"%{byte:02X}" for byte in text.encode())
    return text


@given(
    st.sampled_from(["https://", "https:/", "http:", "https:\\\\", "//", "HTTP:///", "\thttp://"]),
    st.sampled_from(["", "me:hunter2@", "hunter2@", "me:hunter2%40"]),
    st.sampled_from(["token", "X-Amz-Signature", "apiKey", "jsessionid"]),
    st.integers(0, 2),
    st.sampled_from(["{}?{}={}", "{}?v=1&{}={}", "{}?v=1;{}={}", "{};{}={}", "{};{}={}?v=1", "{}?v=1?{}={}", "{}/{}={}/b"]),
    st.sampled_from(["hunter2", "x/hunter2", "hunter2=", "x=hunter2"]),
    WORD,
)
def test_no_secret_is_shown_however_it_is_written(
    front: str, login: str, name: str, times: int, form: str, secret: str, place: str
):
    if "/" in secret and "?" not in form.partition("{}={}")[0]:
        secret = "hunter2"  # a slash ends what stands in a path
    text = shown(front + login + "cdn.example/" + form.format(place, coded(name, times), secret))
    assert "hunter2" not in text
    assert text.startswith(front) and "cdn.example" in text
    bare = shown(form.format(place, coded(name, times), secret))
    assert "hunter2" not in bare and place in bare
