"""Pictures over real HTTP on loopback, and beside the feed: each fault by its finding."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from feedbridge.errors import CommandError
from feedbridge.findings import Finding, Severity
from feedbridge.images import content
from feedbridge.images.check import Summary, check_pictures
from feedbridge.images.picture import Picture, Taker
from feedbridge.images.settings import ImageSettings
from tests.images.picture_server import Answer, Handler, PictureServer, give, picture, serving

GOOD = picture()
FLIPSNACK = Taker("Flipsnack", frozenset({"jpeg", "png", "webp"}))


def settings_for(folder: Path, *servers: PictureServer, **more: Any) -> ImageSettings:
    quick: dict[str, Any] = {
        "requests_per_second": 1000, "connect_seconds": 2, "silent_seconds": 0.3, "total_seconds": 0.6,
        "longest_wait_seconds": 2,
    }  # fmt: skip
    return ImageSettings(folder / "cache", tuple(server.host for server in servers), **(quick | more))


def look(sources: Sequence[str], settings: ImageSettings, folder: Path | None = None) -> tuple[list[Finding], Summary]:
    """Findings and summary of pictures that stand in lines 2, 3, 4 …; without what is said of http."""
    pictures = [
        Picture(src, folder, place * 2, (FLIPSNACK,), file="feed.csv", line=place + 2, column="Image", sku=f"S{place}")
        for place, src in enumerate(sources)
    ]
    found, summary = check_pictures(pictures, settings)
    assert all(finding.severity is not Severity.ERROR and finding.line for _, finding in found)
    assert [order for order, _ in found] == sorted(order for order, _ in found)
    return [finding for _, finding in found if finding.code != "images.http"], summary


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def cut_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(GOOD)))
    handler.end_headers()
    handler.wfile.write(GOOD[:500])


def hang(handler: Handler) -> None:
    handler.server.over.wait(5)


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(GOOD)))
    handler.end_headers()
    for byte in GOOD:
        handler.wfile.write(bytes([byte]))
        if handler.server.over.wait(0.05):
            return


def drip_head(handler: Handler) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400:
        handler.wfile.write(bytes([byte]))
        if handler.server.over.wait(0.05):
            return


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "image/jpeg")
    handler.end_headers()
    while not handler.server.over.is_set():
        handler.wfile.write(GOOD)


def to(location: str) -> Answer:
    return give(b"", "", 302, Location=location)


def bomb() -> bytes:
    """A PNG that claims to be 60,000 x 60,000 pixels."""
    chunks = {b"IHDR": struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0), b"IDAT": bytes(16), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


HTML = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize(
    ("answer", "expected", "says"),
    [
        pytest.param(give(GOOD), [], "", id="a good one"),
        pytest.param(give(GOOD, "image/jpg"), [], "", id="the other name of jpeg"),
        pytest.param(give(GOOD, ""), [], "", id="no content type"),
        pytest.param(give(gzip.compress(GOOD), Content_Encoding="gzip"), [], "", id="compressed unasked"),
        pytest.param(give(b"gone", "text/plain", 404), ["images.answer"], "404", id="404"),
        pytest.param(give(b"no", "text/plain", 403), ["images.answer"], "403", id="403"),
        pytest.param(give(b"oops", "text/plain", 500), ["images.answer"], "500", id="500"),
        pytest.param(give(b"", "", 304), ["images.answer"], "304", id="304 though nothing is known"),
        pytest.param(give(b""), ["images.not-an-image"], "is empty", id="empty"),
        pytest.param(give(HTML, "text/html"), ["images.not-an-image"], "web page", id="web page"),
        pytest.param(give(HTML), ["images.not-an-image"], "web page", id="web page that says it is a picture"),
        pytest.param(give(b"%!PS-Adobe-3.0 EPSF"), ["images.not-an-image"], "known type", id="EPS is not opened"),
        pytest.param(give(GOOD[: len(GOOD) // 2]), ["images.broken"], "cut off", id="half a JPEG"),
        pytest.param(cut_off, ["images.broken"], "before the picture was whole", id="connection breaks"),
        pytest.param(give(bomb(), "image/png"), ["images.too-many-pixels"], "million pixels", id="bomb"),
        pytest.param(give(GOOD, "text/plain"), ["images.content-type"], "text/plain", id="wrong content type"),
        pytest.param(give(GOOD, "image/png"), ["images.content-type"], "image/jpeg", id="other picture type"),
        pytest.param(give(picture("JPEG", 1, 1)), ["images.too-small"], "1 x 1 pixels", id="one pixel"),
        pytest.param(give(picture("JPEG", 400, 99)), ["images.too-small"], "400 x 99", id="one side too small"),
        pytest.param(give(picture("JPEG", 100, 100)), [], "", id="just large enough"),
        pytest.param(give(SVG, "image/svg+xml"), ["images.type", "images.ending"], "SVG", id="SVG"),
        pytest.param(
            give(picture("GIF"), "image/gif"), ["images.type", "images.ending"], "takes JPEG, PNG, WEBP", id="GIF"
        ),
        pytest.param(
            give(picture("PNG"), "image/png"), ["images.ending"], "ends in .jpg, but the picture is PNG", id="ending"
        ),
        pytest.param(hang, ["images.timeout"], "silent for 0.3 seconds", id="silent server"),
        pytest.param(drip, ["images.timeout"], "within 0.6 seconds", id="slow body"),
        pytest.param(drip_head, ["images.timeout"], "within 0.6 seconds", id="slow head"),
        pytest.param(hang_up, ["images.host"], "", id="no answer at all"),
        pytest.param(give(b"", Content_Length=str(26 << 20)), ["images.too-large"], "25 MiB", id="huge by its head"),
        pytest.param(to(""), ["images.redirects"], "more than 5", id="redirects to itself"),
        pytest.param(to("ftp://cdn.example/a.jpg"), ["images.redirects"], "none of the web", id="to another scheme"),
        pytest.param(to("/b.jpg"), [], "", id="to the picture"),
        pytest.param(to("/c.jpg"), ["images.redirects"], "more than 5", id="in a circle"),
        pytest.param(to("http://me:pw@127.0.0.1/"), ["images.login"], "***@127.0.0.1", id="to a login"),
        pytest.param(to("http://10.0.0.1/a.jpg"), ["images.private-address"], "10.0.0.1", id="to a private address"),
        pytest.param(to("http://169.254.169.254/meta"), ["images.private-address"], "", id="to a link-local address"),
        pytest.param(to("http://[::ffff:7f00:1]/a"), ["images.private-address"], "", id="to mapped loopback"),
        pytest.param(to("http://2130706433/"), ["images.private-address"], "", id="to loopback as a number"),
        pytest.param(to("http://no-such-host.invalid/"), ["images.host"], "not known", id="to an unknown host"),
    ],
)
def test_what_a_server_gives(tmp_path: Path, answer: Answer, expected: list[str], says: str):
    answers = {"/a.jpg": answer, "/b.jpg": give(GOOD), "/c.jpg": to("/d.jpg"), "/d.jpg": to("/c.jpg")}
    with serving(answers) as server:
        found, summary = look([server.url("/a.jpg")], settings_for(tmp_path, server))
    assert codes(found) == expected
    assert says in " ".join(finding.message for finding in found)
    assert summary.checked == 1
    private = codes(found) == ["images.private-address"]
    assert summary.dead == (summary.bytes == 0 and not private)
    for finding in found:
        assert (finding.file, finding.line, finding.column, finding.sku) == ("feed.csv", 2, "Image", "S0")
        assert finding.value == server.url("/a.jpg") and finding.mend and finding.severity is Severity.WARNING


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_picture_cut_in_two_is_broken(tmp_path: Path, kind: str):
    whole = picture(kind)
    with serving({"/half": give(whole[: len(whole) // 2], f"image/{kind.lower()}")}) as server:
        found, _ = look([server.url("/half")], settings_for(tmp_path, server))
    assert codes(found) == ["images.broken"]


@pytest.mark.parametrize("answer", [
    pytest.param(endless, id="without end"),
    pytest.param(give(gzip.compress(bytes(5 << 20)), Content_Encoding="gzip"), id="unpacks to far more"),
])  # fmt: skip
def test_no_more_is_read_than_the_limit(tmp_path: Path, answer: Answer):
    with serving({"/a.jpg": answer}) as server:
        found, summary = look([server.url("/a.jpg")], settings_for(tmp_path, server, most_bytes=1 << 20))
    assert codes(found) == ["images.too-large"]
    assert summary.dead == 1


def test_a_redirect_into_a_private_network_is_not_followed(tmp_path: Path):
    with serving({"/secret": give(GOOD)}) as inner, serving({"/a.jpg": to(inner.url("/secret"))}) as outer:
        found, _ = look([outer.url("/a.jpg")], settings_for(tmp_path, outer))
        assert codes(found) == ["images.private-address"]
        assert not inner.seen
        assert look([outer.url("/a.jpg")], settings_for(tmp_path, outer, inner))[0] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])
def test_private_hosts_are_not_asked(tmp_path: Path, host: str):
    with serving({"/a.jpg": give(GOOD)}) as server:
        port = server.server_address[1]
        found, _ = look([f"http://{host}:{port}/{name}.jpg" for name in "abc"], settings_for(tmp_path))
        assert not server.seen
    assert codes(found) == ["images.private-address"]
    assert "3 pictures" in found[0].message


def test_a_trusted_host_is_trusted_at_its_port_only(tmp_path: Path):
    with serving({"/a.jpg": give(GOOD)}) as one, serving({"/a.jpg": give(GOOD)}) as other:
        found, _ = look([other.url("/a.jpg")], settings_for(tmp_path, one))
        assert codes(found) == ["images.private-address"]
        assert not other.seen


@pytest.mark.parametrize(
    "text", ["", "http://intranet", "me@intranet", "intranet/path", "intranet:x", "intranet:99999"]
)
def test_a_host_that_is_none_is_refused(text: str):
    with pytest.raises(CommandError):
        ImageSettings(hosts=(text,))


def test_a_dead_host_is_said_once(tmp_path: Path):
    with serving({}) as gone:
        dead = gone.host
    with serving({"/good.jpg": give(GOOD)}) as server:
        sources = [f"http://{dead}/{number}.jpg" for number in range(50)]
        sources.insert(1, server.url("/good.jpg"))
        settings = replace(settings_for(tmp_path), hosts=(server.host, dead))
        found, summary = look(sources, settings)
    assert codes(found) == ["images.host"]
    assert "50 pictures" in found[0].message and found[0].line == 2
    assert (summary.checked, summary.dead) == (51, 50)


def test_a_host_that_never_answers_is_given_up(tmp_path: Path):
    names = [f"/{number}.jpg" for number in range(40)]
    with serving(dict.fromkeys(names, hang)) as server:
        found, summary = look([server.url(name) for name in names], settings_for(tmp_path, server))
        assert server.seen.total() < 10
    assert codes(found) == ["images.timeout"]
    assert "40 pictures" in found[0].message and summary.dead == 40


def test_one_slow_picture_does_not_condemn_its_host(tmp_path: Path):
    answers = {"/slow.jpg": hang} | {f"/{number}.jpg": give(picture(shade=number)) for number in range(9)}
    with serving(answers) as server:
        found, summary = look([server.url(name) for name in answers], settings_for(tmp_path, server))
    assert codes(found) == ["images.timeout"]
    assert summary.dead == 1


def test_without_a_net_one_finding(tmp_path: Path):
    sources = [f"https://cdn{host}.no-such-host.invalid/{number}.jpg" for host in range(12) for number in range(3)]
    found, summary = look(sources, settings_for(tmp_path))
    assert codes(found) == ["images.offline"]
    assert "36 pictures" in found[0].message and "12 servers" in found[0].message
    assert (summary.checked, summary.dead) == (36, 36)


def test_an_unknown_host_beside_good_ones(tmp_path: Path):
    with serving({"/a.jpg": give(GOOD)}) as server:
        sources = [f"http://no-such-host.invalid/{number}.jpg" for number in range(5)] + [server.url("/a.jpg")]
        found, _ = look(sources, settings_for(tmp_path, server))
    assert codes(found) == ["images.host"]
    assert "5 pictures" in found[0].message


class Busy:
    """429 a few times, then the picture."""

    def __init__(self, times: int, retry_after: str, status: int = 429) -> None:
        self.times, self.retry_after, self.status = times, retry_after, status

    def __call__(self, handler: Handler) -> None:
        self.times -= 1
        busy = give(b"later", "text/plain", self.status, Retry_After=self.retry_after)
        (busy if self.times >= 0 else give(GOOD))(handler)


@pytest.mark.parametrize(("answer", "expected", "asked", "seconds"), [
    pytest.param(Busy(1, "1"), [], 2, 1, id="429, then good"),
    pytest.param(Busy(1, "0", 503), [], 2, 0, id="503, then good"),
    pytest.param(Busy(1, "Wed, 21 Oct 2015 07:28:00 GMT"), [], 2, 0, id="a date that is over"),
    pytest.param(Busy(9, "0"), ["images.answer"], 2, 0, id="429 twice"),
    pytest.param(Busy(9, "3600"), ["images.answer"], 1, 0, id="asks to wait too long"),
    pytest.param(Busy(1, "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"), [], 2, 1, id="a year there is none"),
    pytest.param(Busy(1, "Mon, 01 Jan 2024 00:00:00 +99999999999999"), [], 2, 1, id="a zone there is none"),
])  # fmt: skip
def test_a_busy_server_is_asked_once_more(
    tmp_path: Path, answer: Answer, expected: list[str], asked: int, seconds: float
):
    with serving({"/a.jpg": answer}) as server:
        found, _ = look([server.url("/a.jpg")], settings_for(tmp_path, server))
        assert codes(found) == expected
        assert server.seen["/a.jpg"] == asked
        assert server.moments[-1] - server.moments[0] >= seconds


@pytest.mark.parametrize(("retry_after", "says"), [
    pytest.param("1", "also when asked again", id="a second"), pytest.param("0", "also when asked again", id="at once"),
    pytest.param("3600", "longer than 2", id="an hour"),
])  # fmt: skip
def test_a_server_that_is_always_busy_is_given_up(tmp_path: Path, retry_after: str, says: str):
    names = [f"/{number}.jpg" for number in range(40)]
    with serving(dict.fromkeys(names, give(b"", "", 429, Retry_After=retry_after))) as server:
        found, summary = look([server.url(name) for name in names], settings_for(tmp_path, server))
        assert server.seen.total() < 24
    assert codes(found) == ["images.answer"]
    assert "40 pictures" in found[0].message and says in found[0].message and summary.dead == 40


def test_a_server_that_asks_to_wait_for_each_picture_is_given_up(tmp_path: Path):
    """It gives them all when asked again, but to wait every time takes too long."""
    names = [f"/{number}.jpg" for number in range(40)]
    answers = {name: Busy(1, "1") for name in names}
    with serving(answers) as server:
        found, summary = look([server.url(name) for name in names], settings_for(tmp_path, server, most_wait_seconds=1.5))
        assert server.seen.total() < 24
    told = [finding for finding in found if finding.code == "images.answer"]
    assert len(told) == 1 and "for more than 1.5 seconds in all" in told[0].message
    assert f"{summary.dead} pictures" in told[0].message and 20 < summary.dead < 40


def test_what_is_busy_behind_a_redirect_is_named(tmp_path: Path):
    with serving({"/b.jpg": Busy(9, "0")}) as busy, serving({"/a.jpg": to(busy.url("/b.jpg"))}) as server:
        found, _ = look([server.url("/a.jpg")], settings_for(tmp_path, server, busy))
        assert codes(found) == ["images.answer"]
        assert f"redirects to {busy.url('/b.jpg')}: the server answered 429" in found[0].message


def scans(times: int, side: int = 6300) -> bytes:
    """A progressive JPEG whose last scan, of few bytes, is there many times."""
    data = BytesIO()
    Image.new("L", (side, side), 128).save(data, "JPEG", progressive=True)
    whole = data.getvalue()
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * times + whole[-2:]


@pytest.mark.parametrize("times", [pytest.param(8000, id="many"), pytest.param(90, id="fewer, of a large picture")])
def test_of_a_picture_with_too_many_scans_only_the_head_is_read(tmp_path: Path, times: int):
    with serving({"/a.jpg": give(scans(times))}) as server:
        found, summary = look([server.url("/a.jpg")], settings_for(tmp_path, server, total_seconds=5))
    assert (codes(found), summary.dead) == ([], 0)


@pytest.mark.parametrize(("times", "expected"), [
    pytest.param(20, ["images.broken"], id="is taken apart"), pytest.param(200, [], id="only the head"),
])  # fmt: skip
def test_the_scans_of_a_small_picture(tmp_path: Path, times: int, expected: list[str]):
    with serving({"/a.jpg": give(scans(times, 200)[:-40])}) as server:
        assert codes(look([server.url("/a.jpg")], settings_for(tmp_path, server))[0]) == expected


def test_no_picture_is_taken_apart_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(content, "MOST_SECONDS", -1)
    (tmp_path / "a.jpg").write_bytes(GOOD)
    found, summary = look(["a.jpg"], settings_for(tmp_path), tmp_path)
    assert (codes(found), summary.dead) == (["images.broken"], 1) and "cannot be read within" in found[0].message


def test_a_picture_nobody_thought_of_does_not_end_the_run(tmp_path: Path):
    """Whatever is raised for one picture (here: text that is none) is said of it; the others are looked at."""
    (tmp_path / "good.jpg").write_bytes(GOOD)
    with serving({"/good.jpg": give(picture(shade=3))}) as server:
        sources = ["\udcff.jpg", "good.jpg", server.url("/\udcff.jpg"), server.url("/good.jpg")]
        found, summary = look(sources, settings_for(tmp_path, server), tmp_path)
    assert [finding.line for finding in found] == [2, 4]
    assert (summary.checked, summary.dead) == (4, 2)


class Tagged:
    """Gives a picture with its ETag or Last-Modified, and 304 to those who have it."""

    def __init__(self, data: bytes, **validator: str) -> None:
        self.data, self.validator = data, validator

    def __call__(self, handler: Handler) -> None:
        known = handler.headers.get("If-None-Match") or handler.headers.get("If-Modified-Since")
        if known is not None and known in self.validator.values():
            give(b"", "", 304)(handler)
        else:
            give(self.data, **self.validator)(handler)


@pytest.mark.parametrize("validator", [
    pytest.param({"ETag": '"v1"'}, id="ETag"), pytest.param({"Last_Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, id="date"),
])  # fmt: skip
def test_what_did_not_change_is_not_fetched_again(tmp_path: Path, validator: dict[str, str]):
    small = picture(width=50)
    answers = {"/a.jpg": Tagged(GOOD, **validator), "/b.jpg": Tagged(small, **validator), "/c.jpg": to("/a.jpg")}
    with serving(answers) as server:
        sources = [server.url("/a.jpg"), server.url("/b.jpg?token=s3cr3t-value"), server.url("/c.jpg")]
        settings = settings_for(tmp_path, server)
        first, before = look(sources, settings)
        second, after = look(sources, settings)
        assert codes(first) == ["images.too-small", "images.same"]
        assert second == first
        assert (before.from_cache, after.from_cache) == (0, 3)
        assert (before.bytes, after.bytes) == (2 * len(GOOD) + len(small),) * 2

        server.answers["/a.jpg"] = Tagged(picture("PNG"), ETag='"v2"')
        assert codes(look(sources[:1], settings)[0]) == ["images.content-type", "images.ending"][::-1]
        kept = [path.read_bytes() for path in settings.cache.rglob("*") if path.is_file()] if settings.cache else []
        assert len(kept) == 3
        assert not any(word in data for data in kept for word in (b"s3cr3t", b"127.0.0.1"))


@pytest.mark.parametrize("damage", [
    pytest.param(b"", id="empty"), pytest.param(b"\xff\xfe not JSON", id="not JSON"), pytest.param(b"[]", id="a list"),
    pytest.param(b'{"version": 99, "final": "", "etag": "x", "modified": "", "facts": {}}', id="another version"),
    pytest.param(None, id="cut off"), pytest.param(b"[" * 10_000, id="nested"),
])  # fmt: skip
def test_a_damaged_cache_is_as_none(tmp_path: Path, damage: bytes | None):
    with serving({"/a.jpg": Tagged(GOOD, ETag='"v1"')}) as server:
        settings = settings_for(tmp_path, server)
        look([server.url("/a.jpg")], settings)
        [entry] = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        entry.write_bytes(entry.read_bytes()[:-20] if damage is None else damage)
        found, summary = look([server.url("/a.jpg")], settings)
        assert (codes(found), summary.from_cache) == ([], 0)
        assert look([server.url("/a.jpg")], settings)[1].from_cache == 1


@pytest.mark.parametrize(("part", "value"), [
    pytest.param("width", -5, id="width below zero"), pytest.param("width", 10**30, id="width beyond all"),
    pytest.param("height", "200", id="height as text"), pytest.param("size_bytes", -1, id="size below zero"),
    pytest.param("kind", "\x1b[31mx", id="kind with escapes"), pytest.param("sha256", "", id="no sum"),
    pytest.param("declared", "image/png\r\nX: y", id="type with a line end"),
    pytest.param("etag", '"v1"\r\nX: y', id="ETag with a line end"), pytest.param("etag", "\n", id="ETag of a line end"),
    pytest.param("modified", "ü", id="date beyond ASCII"),
])  # fmt: skip
def test_a_cache_changed_by_hand_is_as_none(tmp_path: Path, part: str, value: object):
    with serving({"/a.jpg": Tagged(GOOD, ETag='"v1"')}) as server:
        settings = settings_for(tmp_path, server)
        look([server.url("/a.jpg")], settings)
        [entry] = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        known = json.loads(entry.read_bytes())
        (known["facts"] if part in known["facts"] else known)[part] = value
        entry.write_text(json.dumps(known), encoding="utf-8")
        server.heads.clear()
        found, summary = look([server.url("/a.jpg")], settings)
        assert (codes(found), summary.from_cache, summary.bytes) == ([], 0, len(GOOD))
        assert "If-None-Match" not in server.heads[0][1] and "X" not in server.heads[0][1]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CommandError, match="cache of pictures"):
        look(["http://127.0.0.1:1/a.jpg"], settings_for(tmp_path))


def test_validators_go_only_to_the_address_they_came_from(tmp_path: Path):
    answers = {"/a.jpg": to("/b.jpg"), "/b.jpg": Tagged(GOOD, ETag='"b"')}
    with serving(answers) as server:
        settings = settings_for(tmp_path, server)
        look([server.url("/a.jpg")], settings)
        server.heads.clear()
        look([server.url("/a.jpg")], settings)
        assert [(path, head.get("If-None-Match")) for path, head in server.heads] == [
            ("/a.jpg", None),
            ("/b.jpg", '"b"'),
        ]


def test_equal_bytes_are_said_once(tmp_path: Path):
    names = ["/a.jpg", "/b.jpg", "/other.jpg", "/c.jpg?x=1"]
    answers = {"/a.jpg": give(GOOD), "/b.jpg": give(GOOD), "/c.jpg": give(GOOD), "/other.jpg": give(picture(shade=9))}
    with serving(answers) as server:
        found, _ = look([server.url(name) for name in names], settings_for(tmp_path, server))
        assert codes(found) == ["images.same"]
        assert found[0].line == 3 and "feed.csv:2" in found[0].message and "3 addresses" in found[0].message


def test_plain_http_is_said_once_a_host(tmp_path: Path):
    answers = {f"/{number}.jpg": give(picture(shade=number)) for number in range(4)}
    with serving(answers) as server:
        pictures = [Picture(server.url(name), None, 1, file="f.csv", line=2) for name in answers]
        found, _ = check_pictures(pictures, settings_for(tmp_path, server))
    assert [finding.code for _, finding in found] == ["images.http"]
    assert "4 pictures" in found[0][1].message and found[0][1].severity is Severity.ADVICE


def test_secrets_of_an_address_are_not_shown(tmp_path: Path):
    with serving({}) as server:
        port = server.server_address[1]
        sources = [f"http://me:hunter2@127.0.0.1:{port}/a.jpg", server.url("/b.jpg?v=2&sig=hunter2#hunter2")]
        found, _ = look(sources, settings_for(tmp_path, server))
        assert [path for path, _ in server.heads] == ["/b.jpg"]
    assert codes(found) == ["images.login", "images.answer"]
    assert "hunter2" not in repr(found)
    assert found[1].value.endswith("/b.jpg?v=2&sig=***")


@pytest.mark.parametrize(("src", "expected"), [
    pytest.param("http://[::1/a.jpg", "images.address", id="bracket"),
    pytest.param("http://host:99999/a.jpg", "images.address", id="port"),
    pytest.param("http:///a.jpg", "images.address", id="no host"),
    pytest.param("ftp://host/a.jpg", "images.address", id="ftp"),
    pytest.param("file:///etc/passwd", "images.address", id="file"),
    pytest.param(f"http://{'x' * 70}.example/a.jpg", "images.address", id="a label that is too long"),
])  # fmt: skip
def test_addresses_that_cannot_be_fetched(tmp_path: Path, src: str, expected: str):
    assert codes(look([src], settings_for(tmp_path), tmp_path)[0]) == [expected]


def test_files_beside_the_feed(tmp_path: Path):
    folder = tmp_path / "feed"
    folder.mkdir()
    (tmp_path / "outside.jpg").write_bytes(GOOD)
    (folder / "good.jpg").write_bytes(GOOD)
    (folder / "small.png").write_bytes(picture("PNG", 20, 20))
    (folder / "text.jpg").write_bytes(b"no picture")
    (folder / "large.jpg").write_bytes(bytes(2 << 20))
    (folder / "sub").mkdir()
    (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "inner.jpg").symlink_to(folder / "good.jpg")
    (folder / "circle.jpg").symlink_to(folder / "circle.jpg")
    os.mkfifo(folder / "pipe.jpg")
    expected = {
        "good.jpg": [], "small.png": ["images.too-small"], "text.jpg": ["images.not-an-image"],
        "large.jpg": ["images.too-large"], "missing.jpg": ["images.missing"], "good.jpg/x.jpg": ["images.missing"],
        "sub": ["images.unreadable"], "pipe.jpg": ["images.unreadable"], "circle.jpg": ["images.unreadable"],
        "../outside.jpg": ["images.outside"], "/etc/passwd": ["images.outside"], "link.jpg": ["images.outside"],
        "sub/../inner.jpg": ["images.same"], "nul\0.jpg": ["images.missing"],
    }  # fmt: skip
    found, summary = look(list(expected), settings_for(tmp_path, most_bytes=1 << 20), folder)
    told: dict[str, list[str]] = {name: [] for name in expected}
    for finding in found:
        told[finding.value].append(finding.code)
    assert told == expected
    assert (summary.checked, summary.dead) == (14, 11)
    assert not (tmp_path / "cache").exists()  # nothing was fetched


@pytest.mark.parametrize(("folder", "code"), [
    pytest.param("feed", "images.missing", id="none of them is there"),
    pytest.param(None, "images.no-folder", id="standard input"),
])  # fmt: skip
def test_paths_that_all_lead_nowhere_are_said_once(tmp_path: Path, folder: str | None, code: str):
    found, summary = look(
        [f"/m/{number}.jpg" if folder is None else f"{number}.jpg" for number in range(30)],
        settings_for(tmp_path),
        tmp_path / folder if folder else None,
    )
    assert codes(found) == [code]
    assert "29 pictures more" in found[0].message and summary.dead == 30


def test_findings_come_in_the_order_of_the_products(tmp_path: Path):
    (tmp_path / "small.jpg").write_bytes(picture(width=30, shade=31))
    answers = {f"/{number}.jpg": give(picture(width=30, shade=number)) for number in range(0, 30, 2)}
    with serving(answers) as server:
        sources = [server.url(f"/{number}.jpg") for number in range(30)]
        sources[7:7] = ["small.jpg", "missing.jpg"]
        found, _ = look(sources, settings_for(tmp_path, server), tmp_path)
    assert [finding.line for finding in found] == list(range(2, 34))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_certificates_are_checked_by_name_on_the_pinned_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving({"/a.jpg": give(GOOD)}, context) as server:
        port = server.server_address[1]
        by_name, by_number = f"https://localhost:{port}/a.jpg", f"https://127.0.0.1:{port}/a.jpg"
        settings = replace(settings_for(tmp_path), hosts=(f"localhost:{port}", f"127.0.0.1:{port}"))
        unknown, _ = look([by_name], settings)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        known, _ = look([by_name], settings)
        other, _ = look([by_number], settings)
    assert (codes(unknown), codes(known), codes(other)) == (["images.host"], [], ["images.host"])
    assert "no safe connection" in unknown[0].message and "no safe connection" in other[0].message
