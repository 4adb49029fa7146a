"""The check of pictures as a part of a run: places, counts, the manifest, exit statuses, both doors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import feedbridge
from feedbridge.errors import CommandError
from feedbridge.images import ImageSettings
from feedbridge.run.pictures import collected
from tests.images.picture_server import Handler, PictureServer, give, picture, serving
from tests.run.runs import job_of, made

GOOD = give(picture())


def shop(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    """A feed of (product, SKU, picture), one variant a row."""
    lines = ["Handle,Title,SKU,Price,Size,Image,Alt,Body,Vendor,Status"]
    lines += [f"{handle},Tea {handle},{sku},5.00,{sku},{image},,,," for handle, sku, image in rows]
    path = folder / "shop.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def mapping_file(folder: Path) -> Path:
    from tests.run.runs import MAPPING

    path = folder / "mapping.yaml"
    path.write_text(MAPPING + "  image: {src: Image}\n", encoding="utf-8")
    return path


def options(server: PictureServer, folder: Path) -> ImageSettings:
    return ImageSettings(folder / "cache", (server.host,), requests_per_second=1000, silent_seconds=1)


def told(result: feedbridge.Result) -> list[tuple[str, int, str, str]]:
    return [
        (finding.code, finding.line, finding.column, finding.sku)
        for finding in result.findings
        if finding.code.startswith("images.")
    ]


def test_findings_reach_everything_a_run_leaves(tmp_path: Path):
    with serving({"/a.jpg": GOOD, "/html.jpg": give(b"<html>", "text/html")}) as server:
        rows = [("a", "a1", server.url("/a.jpg")), ("b", "b1", server.url("/gone.jpg")),
                ("b", "b2", server.url("/html.jpg")), ("c", "c1", server.url("/gone.jpg"))]  # fmt: skip
        source, mapping = shop(tmp_path, rows), str(mapping_file(tmp_path))
        plain = feedbridge.convert(source, to="flipsnack", mapping=mapping, out=tmp_path / "plain")
        result = feedbridge.convert(
            source, to="flipsnack", mapping=mapping, out=tmp_path / "out", check_images=options(server, tmp_path)
        )
        only = feedbridge.check(source, to="flipsnack", mapping=mapping, check_images=options(server, tmp_path))
    expected = [("images.http", 2, "Image", "a1"), ("images.answer", 3, "Image", "b"),
                ("images.not-an-image", 4, "Image", "b2")]  # fmt: skip
    assert [(code, line, column) for code, line, column, _ in told(result)] == [one[:3] for one in expected]
    assert told(only) == told(result)
    gone = next(finding for finding in result.findings if finding.code == "images.answer")
    assert "2 products have it" in gone.message and gone.file.endswith("shop.csv") and gone.value.endswith("/gone.jpg")
    assert result.exit_status == plain.exit_status == 0
    assert result.manifest["images"] == {"checked": 3, "from_cache": 0, "dead": 2, "bytes": len(picture())}
    assert "images" not in plain.manifest
    assert result.finding_counts["images.answer"] == result.manifest["findings"]["by_code"]["images.answer"] == 1
    lines = (tmp_path / "out" / "findings.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["line"] for line in lines if b'"images.' in line] == [2, 3, 4]
    assert [f for f in result.findings if not f.code.startswith("images.")] == plain.findings
    assert result.payload("flipsnack") == plain.payload("flipsnack")


def test_pictures_of_products_that_are_not_written_are_not_fetched(tmp_path: Path):
    with serving({}) as server:
        rows = [("a", "a1", "/1.jpg"), ("b", "a1", "/2.jpg"), ("c", "", "/3.jpg"), ("d", "d1", "/4.jpg")]
        source = shop(tmp_path, [(handle, sku, server.url(path)) for handle, sku, path in rows])
        result = feedbridge.check(
            source, to="flipsnack", mapping=str(mapping_file(tmp_path)), check_images=options(server, tmp_path)
        )
        assert result.counts["flipsnack"]["held_back"] == 2
        assert sorted(server.seen) == ["/1.jpg", "/4.jpg"]


def test_each_platform_counts_by_what_it_gets(tmp_path: Path):
    """Flipsnack gets one picture a product, Magento all; a GIF is for Magento alone."""
    answers = {
        "/1.jpg": GOOD,
        "/2.gif": give(picture("GIF"), "image/gif"),
        "/3.webp": give(picture("WEBP"), "image/webp"),
    }
    with serving(answers) as server:
        document = [{"sku": "a", "title": "A", "price": 5, "images": [server.url(p) for p in answers]}]
        source = tmp_path / "feed.json"
        source.write_text(json.dumps(document), encoding="utf-8")
        seen: dict[str, list[str]] = {}
        for to in ("flipsnack", "magento"):
            server.seen.clear()
            result = feedbridge.check(
                source, to=to, mapping="pim-json", set={"currency": "EUR"}, check_images=options(server, tmp_path)
            )
            seen[to] = sorted(server.seen)
            types = [finding.message for finding in result.findings if finding.code == "images.type"]
            assert len(types) == (to == "magento")
    assert seen == {"flipsnack": ["/1.jpg"], "magento": ["/1.jpg", "/2.gif", "/3.webp"]}


def test_files_beside_the_feed_and_a_feed_without_a_folder(tmp_path: Path):
    (tmp_path / "here.jpg").write_bytes(picture(width=50))
    source = tmp_path / "feed.json"
    products = [{"sku": name, "title": "A", "price": 5, "images": [f"{name}.jpg"]} for name in ("here", "gone")]
    source.write_text(json.dumps(products), encoding="utf-8")
    result = feedbridge.check(
        source,
        to="magento",
        mapping="pim-json",
        set={"currency": "EUR"},
        check_images=ImageSettings(tmp_path / "cache"),
    )
    found = {finding.code: (finding.pointer, finding.sku) for finding in result.findings if "images." in finding.code}
    assert found == {"images.too-small": ("/0", "here"), "images.missing": ("/1", "gone")}


@pytest.mark.parametrize("more", [
    pytest.param({"workers": 2, "range_bytes": 2_000}, id="two workers"), pytest.param({"limit": 60}, id="a limit"),
])  # fmt: skip
def test_the_same_pictures_however_it_is_read(tmp_path: Path, more: dict[str, Any]):
    rows = [(f"h{number // 2}", f"s{number}", f"{number // 2 % 40}.jpg") for number in range(400)]
    rows[80] = ("h40", "s1", "held.jpg")  # a SKU that was there before
    source = shop(tmp_path, rows)
    settings = ImageSettings(tmp_path / "cache")
    plain = made(job_of(source, to=["magento", "flickrocket"], images=settings), tmp_path / "plain")
    other = made(job_of(source, to=["magento", "flickrocket"], images=settings, **more), tmp_path / "other")
    if "limit" not in more:
        assert other.tree == plain.tree
    assert plain.manifest["images"]["checked"] == other.manifest["images"]["checked"] == 40
    assert "images.missing" in plain.codes() and "images.missing" in other.codes()


def test_collected_counts_products_and_not_variants(tmp_path: Path):
    rows = [("a", "a1", "x.jpg"), ("a", "a2", "x.jpg"), ("b", "b1", "x.jpg"), ("c", "c1", "y.jpg")]
    from feedbridge.mapping.apply import Applied
    from feedbridge.run.engine import keep_of

    job = job_of(shop(tmp_path, rows), to=["magento"])
    applied = Applied(job.mappings[0], job.sources[0], keep_of(job))
    found = collected(["magento"], [(applied, False, b"\1\1\0")])
    assert [(one.src, one.products, one.line, one.order) for one in found] == [("x.jpg", 2, 2, 1)]
    assert applied.count == 0


def test_nothing_is_done_when_pictures_cannot_be_checked(tmp_path: Path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CommandError, match="cache of pictures"):
        feedbridge.convert(
            shop(tmp_path, [("a", "a1", "x.jpg")]), to="magento", mapping=str(mapping_file(tmp_path)),
            out=tmp_path / "out", check_images=ImageSettings(tmp_path / "cache"),
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_logins_are_not_passed_on_in_findings_and_report(tmp_path: Path):
    rows = [("a", "a1", "https://me:hunter2@127.0.0.1/a.jpg"), ("b", "b1", "https:/me:hunter2@127.0.0.1/b.jpg")]
    result = feedbridge.convert(
        shop(tmp_path, rows), to=["flipsnack", "magento"], mapping=str(mapping_file(tmp_path)), out=tmp_path / "out",
        check_images=ImageSettings(tmp_path / "cache"),
    )  # fmt: skip
    told = [finding for finding in result.findings if finding.code.startswith("images.")]
    assert [finding.code for finding in told] == ["images.login"] and "hunter2" not in repr(told)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "https://***@127.0.0.1/a.jpg" in report and "https:/***@127.0.0.1/b.jpg" in report
    assert "hunter2" not in report


def test_without_a_cache_folder_of_the_user_all_is_done(tmp_path: Path):
    (tmp_path / "home").write_text("a file")
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / "cache")}
    with serving({"/a.jpg": give(picture(), ETag='"1"'), "/b.jpg": give(picture(shade=3))}) as server:
        rows = [("a", "a1", server.url("/a.jpg")), ("b", "b1", server.url("/b.jpg"))]
        done = subprocess.run(
            command(shop(tmp_path, rows), tmp_path, "--check-images", "--image-hosts", server.host),
            capture_output=True, text=True, env=os.environ | home,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, (tmp_path / "out" / "findings.jsonl").read_text(encoding="utf-8").splitlines())
    [told] = [line for line in lines if line["code"] == "images.no-cache"]
    assert told["severity"] == "advice" and "--image-cache" in told["mend"]
    assert "pictures: 2 checked, 0 dead" in done.stderr


def command(source: Path, folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "feedbridge", "convert", str(source), "--to", "flipsnack", "--mapping",
            str(mapping_file(folder)), "--out", str(folder / "out"), *more]  # fmt: skip


def test_on_the_command_line(tmp_path: Path):
    with serving({"/a.jpg": GOOD}) as server:
        source = shop(tmp_path, [("a", "a1", server.url("/a.jpg")), ("b", "b1", server.url("/b.jpg"))])
        cache = tmp_path / "kept"
        done = subprocess.run(
            command(source, tmp_path, "--check-images", "--image-cache", str(cache), "--image-hosts", server.host),
            capture_output=True, text=True,
        )  # fmt: skip
        assert server.seen == {"/a.jpg": 1, "/b.jpg": 1}
    assert done.returncode == 0, done.stderr
    assert "images.answer" in done.stderr and "shop.csv:3" in done.stderr
    assert "pictures: 2 checked, 1 dead, 0 unchanged" in done.stderr
    assert cache.is_dir()
    wrong = subprocess.run(command(source, tmp_path, "--image-hosts", "x"), capture_output=True, text=True)
    assert wrong.returncode == 2 and "--check-images" in wrong.stderr


def test_interrupted_while_pictures_are_checked(tmp_path: Path):
    def hang(handler: Handler) -> None:
        process.send_signal(signal.SIGINT)
        handler.server.over.wait(10)

    with serving({"/a.jpg": hang}) as server:
        source = shop(tmp_path, [("a", "a1", server.url("/a.jpg"))])
        arguments = ("--check-images", "--image-cache", str(tmp_path / "cache"), "--image-hosts", server.host)
        process = subprocess.Popen(command(source, tmp_path, *arguments), stderr=subprocess.PIPE, text=True)
        _, said = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "Traceback" not in said and not (tmp_path / "out").exists()
