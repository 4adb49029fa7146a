import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.cells.url import ImageUrl, PathOrUrl, Url


def code_of(reader, raw):
    with pytest.raises(CellError) as caught:
        reader.read(raw)
    assert caught.value.mend
    return caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://shop.example/a/b.jpg?x=1&y=%20#z", id="ordinary"),
        pytest.param("http://shop.example", id="no path"),
        pytest.param("HTTPS://Shop.Example/A", id="capitals"),
        pytest.param("https://shop.example:8080/", id="port"),
        pytest.param("https://müller.example/größe", id="international"),
        pytest.param("https://[2001:db8::1]/a", id="IPv6"),
        pytest.param("http://127.0.0.1/a.jpg", id="IPv4"),
        pytest.param("https://shop.example/a,b;c(d)[e]", id="punctuation"),
    ],
)
@pytest.mark.parametrize(
    "reader", [Url(), PathOrUrl(), ImageUrl(base="https://cdn.example")], ids=lambda reader: reader.kind
)
def test_addresses_are_left_alone(reader, text):
    assert reader.read(text) == text


@pytest.mark.parametrize(
    ("base", "raw", "expected"),
    [
        pytest.param("https://cdn.example", "a.jpg", "https://cdn.example/a.jpg", id="name"),
        pytest.param(
            "https://cdn.example/media/", "/w/s/a.jpg", "https://cdn.example/media/w/s/a.jpg", id="slash in front"
        ),
        pytest.param("https://cdn.example/media", "tea pot.jpg", "https://cdn.example/media/tea%20pot.jpg", id="blank"),
        pytest.param("http://cdn.example", "//img.example/a.jpg", "http://img.example/a.jpg", id="no scheme"),
        pytest.param(
            "https://cdn.example", "12:30/a.jpg", "https://cdn.example/12:30/a.jpg", id="colon that is no scheme"
        ),
    ],
)
@pytest.mark.parametrize("kind", [Url, PathOrUrl, ImageUrl])
def test_base_goes_in_front(kind, base, raw, expected):
    assert kind(base=base).read(raw) == expected


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("a/b.jpg", "cell.url-relative", id="relative"),
        pytest.param("www.shop.example/a", "cell.url-relative", id="www"),
        pytest.param("//cdn.example/a.jpg", "cell.url-relative", id="no scheme"),
        pytest.param("javascript:alert(1)", "cell.url-scheme", id="javascript"),
        pytest.param("JavaScript:alert(1)", "cell.url-scheme", id="javascript in capitals"),
        pytest.param("data:image/png;base64,AA", "cell.url-scheme", id="data"),
        pytest.param("ftp://shop.example/a", "cell.url-scheme", id="ftp"),
        pytest.param("file:///etc/passwd", "cell.url-scheme", id="file"),
        pytest.param("https://shop.example/a b.jpg", "cell.url-blank", id="blank"),
        pytest.param("https://a.example/1.jpg https://a.example/2.jpg", "cell.url-blank", id="two addresses"),
        pytest.param("https://shop.example/a\nb", "cell.url-blank", id="line break"),
        pytest.param("https://shop.example/a\u200b", "cell.url-blank", id="zero-width space"),
        pytest.param("https://", "cell.url-format", id="no host"),
        pytest.param("https:///a", "cell.url-format", id="empty host"),
        pytest.param("https://shop.example:99999/", "cell.url-format", id="no such port"),
        pytest.param("https://[::1/a", "cell.url-format", id="bracket"),
        pytest.param("https://shop.example\\a", "cell.url-format", id="backslash"),
        pytest.param('https://shop.example/"><script>', "cell.url-format", id="markup"),
        pytest.param(["https://a.example"], "cell.url-shape", id="list"),
    ],
)
def test_url_refuses(raw, code):
    assert code_of(Url(), raw) == code


@pytest.mark.parametrize("text", ["images/tea pot.jpg", "/w/s/a.jpg", "a/../b.jpg", "größe/a.jpg", "./a.jpg"])
@pytest.mark.parametrize("kind", [PathOrUrl, ImageUrl])
def test_paths_are_left_alone(kind, text):
    assert kind().read(text) == text


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("../secret.jpg", "cell.url-path", id="out of the folder"),
        pytest.param("a/../../secret.jpg", "cell.url-path", id="out of the folder later"),
        pytest.param("images\\a.jpg", "cell.url-path", id="backslash"),
        pytest.param("a\x00b.jpg", "cell.url-path", id="NUL"),
        pytest.param("a\nb.jpg", "cell.url-path", id="line break"),
        pytest.param("C:\\images\\a.jpg", "cell.url-scheme", id="drive"),
        pytest.param("www.shop.example/a.jpg", "cell.url-relative", id="address without scheme"),
        pytest.param("javascript:alert(1)", "cell.url-scheme", id="javascript"),
    ],
)
def test_path_refuses(raw, code):
    assert code_of(PathOrUrl(), raw) == code
    assert code_of(PathOrUrl(base="https://cdn.example"), raw) == code


def test_the_mend_can_be_taken_as_it_is():
    with pytest.raises(CellError) as caught:
        Url().read("www.shop.example/a")
    assert caught.value.mend == "write https://www.shop.example/a"


def test_base_must_be_an_address():
    with pytest.raises(ValidationError):
        Url(base="cdn.example")
    with pytest.raises(ValidationError):
        Url(base="ftp://cdn.example")


@given(st.text())
def test_what_passes_is_an_address_and_unchanged(text):
    try:
        address = Url().read(f"https://shop.example/{text}")
    except CellError:
        return
    assert address in (f"https://shop.example/{text}", f"https://shop.example/{text}".strip())
    assert not any(c.isspace() or c < " " for c in address)
