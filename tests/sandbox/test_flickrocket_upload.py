"""FlickRocket's uploader: folders that are taken, what becomes of them, and folders that are refused."""

from __future__ import annotations

import copy
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import access_token, flickrocket

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00"
BOUND = {"license_id": 16, "price_id": 46, "hd": False, "compare_price_id": None}
TIER = {"title": "Maps tier", "currencies": [{"currency": "usd", "price": 395}, {"currency": "eur", "price": 350}]}
WALKS: dict[str, Any] = {
    "user": {"email": "YOUR-FLICKROCKET-LOGIN", "password": "YOUR-FLICKROCKET-PASSWORD"},
    "files": {"main": "files/walks.pdf", "pictures": ["pictures/page.jpg"],
              "product_picture": [{"language_id": "en", "picture": "pictures/cover.jpg"}]},
    "options": {"files": {"main": "replace", "flux_dvd": "none", "preview": "none"}, "add_content_to_uploader": True,
                "add_content_to_shop_owner": True, "send_mail_to_shop_owner": True},
    "product": {
        "title": "City walks", "version": "1", "product_type": 7, "drm_protected": True,
        "locales": [{"language_id": "en", "title": "City walks", "description": "<p>A \"walk\" & more</p>"},
                    {"language_id": "de", "title": "Stadtgänge", "description": ""}],
        "price_license_binding": [BOUND], "categories": [{"category_id": 5}], "themes": [{"theme_id": -1}],
        "groups": [{"group_id": "c-1"}],
    },
}
UPDATE: dict[str, Any] = {
    "user": WALKS["user"], "files": {"flux_dvd": "", "preview": ""},
    "options": {**WALKS["options"], "files": {"main": "none", "flux_dvd": "none", "preview": "none"}}, "product": {"id": 142996},
}


def archive(*names: str) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return whole.getvalue()


def folder(path: Path, document: Any, **files: bytes) -> Path:
    """A product folder; names of files with ``__`` for ``/`` and ``_0_`` for the dot."""
    given = {"files/walks.pdf": PDF, "pictures/page.jpg": JPEG, "pictures/cover.jpg": JPEG} if not files else {
        name.replace("__", "/").replace("_0_", "."): data for name, data in files.items()}
    for name, data in given.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    path.mkdir(exist_ok=True)
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    (path / "product.json").write_bytes(text)
    return path


def changed(document: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A document with members put in by ``part__member``; ... takes one away."""
    whole = copy.deepcopy(document)
    for name, value in parts.items():
        *path, last = name.split("__")
        part = whole
        for one in path:
            part = part[int(one) if one.isdigit() else one]
        if value is ...:
            del part[last]
        else:
            part[int(last) if last.isdigit() else last] = value
    return whole


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0) as box:
        yield box


@pytest.fixture
def box(server: SandboxServer) -> SandboxServer:
    server.set_faults([])
    server.store.reset()
    return server


def upload(box: SandboxServer, *folders: Path) -> list[dict[str, Any]]:
    answer = requests.post(f"{box.url}/flickrocket/_/upload", json={"folders": [str(one) for one in folders]}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()["products"]


def stored(box: SandboxServer, number: int) -> dict[str, Any]:
    return next(one for one in box.store.flickrocket("products") if one["id"] == number)


def test_a_new_product(box, tmp_path):
    [told] = upload(box, folder(tmp_path / "WALKS", WALKS))
    assert told == {"folder": "WALKS", "verdict": "created", "id": 142998, "product_id": "0001-26ED-EA4F-AA35",
                    "title": "City walks", "live": True, "why": [], "reasons": [], "notices": []}
    product = stored(box, 142998)
    assert product["locales"][0]["description"] == "<p>A \"walk\" & more</p>"
    assert (product["valid"], product["content_files"][0]["file_name"]) == (True, "walks.pdf")
    assert (product["price_license_binding"], product["groups"]) == ([BOUND], [{"group_id": "c-1"}])
    assert requests.get(product["locales"][0]["src"], timeout=5).content == JPEG
    assert "PASSWORD" not in json.dumps(product)
    access = access_token(box.url)
    assert flickrocket(box.url, access, "GET", "api/products/142998.json").json()["product"] == product


def test_a_folder_of_folders_in_order(box, tmp_path):
    folder(tmp_path / "out" / "B--2", changed(UPDATE, product__title="second"))
    folder(tmp_path / "out" / "B", changed(UPDATE, product__title="first"))
    folder(tmp_path / "out" / "B--10", changed(UPDATE, product__title="last"))
    folder(tmp_path / "out" / "A", WALKS)
    (tmp_path / "out" / "manifest.json").write_text("{}")
    assert [one["folder"] for one in upload(box, tmp_path / "out")] == ["A", "B", "B--2", "B--10"]
    assert stored(box, 142996)["title"] == "last"


def test_an_update_keeps_what_it_does_not_name(box, tmp_path):
    before = stored_after_seed(box, 142996)
    [told] = upload(box, folder(tmp_path / "U", UPDATE))
    assert (told["verdict"], told["id"], told["live"]) == ("updated", 142996, True)
    after = stored(box, 142996)
    assert {name: after[name] for name in before} == before
    [told] = upload(box, folder(tmp_path / "V", changed(UPDATE, product__locales=[{"language_id": "de", "title": "Gänge"}])))
    assert [one["language_id"] for one in stored(box, 142996)["locales"]] == ["de"]
    assert stored(box, 142996)["price_license_binding"] == before["price_license_binding"]


def stored_after_seed(box: SandboxServer, number: int) -> dict[str, Any]:
    requests.get(f"{box.url}/_/flickrocket/live", timeout=5)
    return stored(box, number)


def test_covers_of_other_languages_stay(box, tmp_path):
    both = [{"language_id": name, "picture": "pictures/cover.jpg"} for name in ("en", "de")]
    upload(box, folder(tmp_path / "A", changed(WALKS, files__product_picture=both)))
    first = stored(box, 142998)["locales"]
    update = changed(UPDATE, product={"id": 142998}, files__product_picture=[{"language_id": "en", "picture": "new.jpg"}])
    upload(box, folder(tmp_path / "B", update, new_0_jpg=JPEG + b"new"))
    second = stored(box, 142998)["locales"]
    assert second[1] == first[1] and second[0]["src"] != first[0]["src"]


@pytest.mark.parametrize(("document", "files", "why"), [
    pytest.param(changed(WALKS, product__price_license_binding=...), {}, ["no licence", "no price"], id="K12 nothing bound"),
    pytest.param(changed(WALKS, product__price_license_binding__0__price_id=...), {}, ["no price"], id="K12 no price"),
    pytest.param(changed(WALKS, files={"main": "walks.pdf"}), {"walks_0_pdf": b"<html>"}, ["no valid content", "not valid",
                 "not released"], id="no PDF inside"),
    pytest.param(changed(WALKS, files={"main": "walks.pdf"}), {"walks_0_pdf": b""}, ["no valid content", "not valid",
                 "not released"], id="empty"),
    pytest.param(changed(WALKS, files={"main": "b.epub"}, product__product_type=16), {"b_0_epub": archive("a.txt")},
                 ["no valid content", "not valid", "not released"], id="no EPUB inside"),
    pytest.param(changed(WALKS, files={"main": "b.epub"}, product__product_type=16),
                 {"b_0_epub": archive("mimetype", "META-INF/container.xml")}, [], id="EPUB"),
    pytest.param(changed(WALKS, files={"main": "s.zip"}, product__product_type=30), {"s_0_zip": archive("imsmanifest.xml")}, [],
                 id="SCORM"),
    pytest.param(changed(WALKS, files={"main": "s.zip"}, product__product_type=30), {"s_0_zip": b"PK\x03\x04"},
                 ["no valid content", "not valid", "not released"], id="SCORM cut off"),
    pytest.param(changed(WALKS, files={"main": "tracks"}, product__product_type=24, product__drm_protected=False),
                 {"tracks__01_0_mp3": MP3, "tracks__02_0_mp3": MP3}, [], id="album"),
    pytest.param(changed(WALKS, files={"main": "VIDEO_TS/VIDEO_TS.IFO"}, product__product_type=1),
                 {"VIDEO_TS__VIDEO_TS_0_IFO": b"DVDVIDEO-VMG", "VIDEO_TS__VTS_01_0_VOB": b"x"}, [], id="DVD"),
    pytest.param(changed(WALKS, files={"main": "film.mp4"}, product__product_type=9,
                         product__price_license_binding__0__hd=True), {"film_0_mp4": b"\x00\x00\x00\x18ftypisom"}, [], id="video"),
])
def test_live_or_why_not(box, tmp_path, document, files, why):
    slim = changed(document, files=document["files"]) if files else document
    [told] = upload(box, folder(tmp_path / "X", slim, **files))
    assert (told["verdict"], told["live"], told["why"], told["reasons"]) == ("created", not why, why, [])


def test_new_content_makes_a_product_live(box, tmp_path):
    access = access_token(box.url)
    new = {"title": "x", "product_type": 7, "price_license_binding": [BOUND]}
    number = flickrocket(box.url, access, "POST", "api/products.json", {"product": new}).json()["product"]["id"]
    update = changed(UPDATE, product={"id": number}, files={"main": "walks.pdf"}, options__files__main="replace")
    [told] = upload(box, folder(tmp_path / "X", update, walks_0_pdf=PDF))
    assert (told["live"], len(stored(box, number)["content_files"])) == (True, 1)
    upload(box, folder(tmp_path / "X", update, walks_0_pdf=PDF))
    assert len(stored(box, number)["content_files"]) == 1


@pytest.mark.parametrize("place", ["top", "product", "binding"])
def test_a_price_model_in_each_place(box, tmp_path, place):
    bare = {name: value for name, value in BOUND.items() if name != "price_id"}
    document = changed(WALKS, product__price_license_binding=[bare])
    (document if place == "top" else document["product"] if place == "product" else
     document["product"]["price_license_binding"][0])["price"] = TIER
    [told] = upload(box, folder(tmp_path / "X", document))
    assert (told["live"], told["reasons"]) == (True, [])
    assert stored(box, 142998)["price_license_binding"] == [BOUND | {"price_id": 49}]
    [model] = [one for one in box.store.flickrocket("prices") if one["title"] == "Maps tier"]
    assert (model["id"], model["currencies"]) == (49, TIER["currencies"])
    upload(box, folder(tmp_path / "Y", document))
    assert len(box.store.flickrocket("prices")) == 4


WRONG = [
    pytest.param(b"\xef\xbb\xbf{}", "K1: product.json begins with a byte order mark", id="K1 mark"),
    pytest.param(b"{\"user\": 1, \"user\": 2}", 'K1: product.json is no strict JSON: the member "user" comes twice', id="K1 twice"),
    pytest.param(b"{'a': 1}", "K1: product.json is no strict JSON", id="K1 JSON"),
    pytest.param("{\"a\": \"é\"}".encode("latin-1"), "K1: product.json is no strict JSON: it is not UTF-8", id="K1 encoding"),
    pytest.param(b"[]", "K1: product.json holds no object", id="K1 list"),
    pytest.param(changed(WALKS, product=...), "K1: product.json has no object product", id="K1 product"),
    pytest.param(changed(WALKS, product__titel="x"), "there is no member product.titel", id="member"),
    pytest.param(changed(WALKS, user={"email": "x"}), "user has no email and password", id="user"),
    pytest.param(changed(WALKS, files__main="files/Walks.pdf"), 'K2: files.main names no file of this letter case', id="K2 case"),
    pytest.param(changed(WALKS, files__main="../walks.pdf"), "is no path relative to the folder", id="K2 dots"),
    pytest.param(changed(WALKS, files__main="/etc/passwd"), "is no path relative to the folder", id="K2 root"),
    pytest.param(changed(WALKS, files__main="C:/walks.pdf"), "is no path relative to the folder", id="K2 drive"),
    pytest.param(changed(WALKS, files__main="files\\walks.pdf"), "is no path relative to the folder", id="K2 backslash"),
    pytest.param(changed(WALKS, files__main="files"), "K2: files.main names a folder", id="K2 folder"),
    pytest.param(changed(WALKS, files__main=7), "K2: files.main is no path", id="K2 number"),
    pytest.param(changed(WALKS, files__pictures=["gone.jpg"]), "K2: files.pictures.0 names no file", id="K2 picture"),
    pytest.param(changed(WALKS, product__product_type=6), "K4: product_type 6 cannot be uploaded", id="K4 goods"),
    pytest.param(changed(WALKS, product__product_type=16), 'K5: type 16 (Ebook) takes .epub, not "walks.pdf"', id="K5"),
    pytest.param(changed(WALKS, product__product_type=...), "K6: product_type is missing", id="K6 type"),
    pytest.param(changed(WALKS, product__title=...), "K6: title is missing", id="K6 title"),
    pytest.param(changed(WALKS, product__locales=[]), "K6: there is no locale", id="K6 locale"),
    pytest.param(changed(WALKS, files__main=..., options__files__main="none"), "K6: files.main is missing", id="K6 main"),
    pytest.param(changed(UPDATE, product__id="0001-26ED-EA4F-AA33"), "K7: product.id is no whole number", id="K7 long id"),
    pytest.param(changed(UPDATE, product__id=True), "K7: product.id is no whole number", id="K7 boolean"),
    pytest.param(changed(UPDATE, product__id=7), "K7: there is no product 7", id="K7 unknown"),
    pytest.param(changed(UPDATE, product__product_type=16), "K8: product_type is 16, and product 142996 was made as 7", id="K8 type"),
    pytest.param(changed(UPDATE, files={"main": "pictures/page.jpg"}, options__files__main="replace"),
                 'K8: type 7 (PDF) takes .pdf, not "page.jpg"', id="K8 file"),
    pytest.param(changed(WALKS, product__locales__1__language_id="nl"), "K9: locales.1.language_id 'nl'", id="K9 language"),
    pytest.param(changed(WALKS, product__locales__1__language_id="en"), "K9: there are two locales in en", id="K9 twice"),
    pytest.param(changed(WALKS, files__product_picture=WALKS["files"]["product_picture"] * 2), "K9: there are two covers in en",
                 id="K9 covers"),
    pytest.param(changed(WALKS, options__files__main="none"), "K10: options.files.main is none, and files.main names a file",
                 id="K10 none"),
    pytest.param(changed(WALKS, options__files__preview="replace"),
                 "K10: options.files.preview is replace, and files.preview names none", id="K10 replace"),
    pytest.param(changed(WALKS, options__files__main="delete"), "K10: options.files.main is 'delete'", id="K10 word"),
    pytest.param(changed(WALKS, options__send_mail_to_shop_owner="true"), "K11: options.send_mail_to_shop_owner is no boolean",
                 id="K11"),
    pytest.param(changed(WALKS, price=changed(TIER, currencies__0__price=3.95)), "K13: price model \"Maps tier\": 3.95 are no",
                 id="K13 fraction"),
    pytest.param(changed(WALKS, price=changed(TIER, currencies__0__price=True)), "K13", id="K13 boolean"),
    pytest.param(changed(WALKS, price=changed(TIER, currencies__0__currency="USD")), "K14: price model \"Maps tier\": 'USD'",
                 id="K14"),
    pytest.param(changed(WALKS, price=changed(TIER, currencies__0__currency="eur")), "has a currency twice", id="K16 currency"),
    pytest.param(changed(WALKS, price={"title": "x"}), "has not just a title and currencies", id="price shape"),
    pytest.param(changed(WALKS, product__product_type=27), "K18: product_type 27 has no DRM", id="K18"),
    pytest.param(changed(WALKS, product__price_license_binding__0__hd=True), "hd is for Video HD only", id="K19 hd"),
    pytest.param(changed(WALKS, product__price_license_binding__0__compare_price_id=...), "K19", id="K19 compare"),
    pytest.param(changed(WALKS, product__price_license_binding__0__price_id=99), "there is no price 99", id="price"),
    pytest.param(changed(WALKS, product__price_license_binding__0__price=TIER), "has both price and price_id", id="two prices"),
    pytest.param(changed(WALKS, product__categories__0__category_id=99), "there is no 99", id="category"),
]


@pytest.mark.parametrize(("document", "reason"), WRONG)
def test_folders_that_are_refused(box, tmp_path, document, reason):
    requests.get(f"{box.url}/_/flickrocket/live", timeout=5)
    before = [box.store.flickrocket(name) for name in ("products", "prices")]
    told, good = upload(box, folder(tmp_path / "X", document), folder(tmp_path / "Y", WALKS))
    assert (told["verdict"], told["live"], told["id"]) == ("refused", None, None)
    assert any(reason in one for one in told["reasons"]), told["reasons"]
    assert good["verdict"] == "created"  # the others are taken
    after = [box.store.flickrocket(name) for name in ("products", "prices")]
    assert (after[0][:-1], after[1]) == (before[0], before[1])


def make_second(path: Path) -> None:
    (path / "files" / "product.json").write_text("{}")


def take_away(path: Path) -> None:
    (path / "product.json").unlink()


def link_out(path: Path) -> None:
    (path / "files" / "walks.pdf").unlink()
    (path.parent / "secret.pdf").write_bytes(PDF)
    (path / "files" / "walks.pdf").symlink_to(path.parent / "secret.pdf")


def make_pipe(path: Path) -> None:
    (path / "files" / "walks.pdf").unlink()
    os.mkfifo(path / "files" / "walks.pdf")


def put_deeper(path: Path) -> None:
    (path / "product.json").rename(path / "files" / "product.json")


@pytest.mark.parametrize(("spoil", "reason"), [
    pytest.param(make_second, "K1: there is more than one product.json: files/product.json, product.json", id="K1 two"),
    pytest.param(take_away, "K1: there is no product.json at the top of the folder", id="K1 none"),
    pytest.param(put_deeper, "K1: there is no product.json at the top of the folder, but files/product.json", id="K1 deeper"),
    pytest.param(link_out, 'K2: files.main goes over a link: "files/walks.pdf"', id="K2 link"),
    pytest.param(make_pipe, 'K2: files.main names no plain file: "files/walks.pdf"', id="K2 pipe"),
])
def test_trees_that_are_refused(box, tmp_path, spoil: Callable[[Path], None], reason):
    spoil(folder(tmp_path / "out" / "X", WALKS))
    [told] = upload(box, tmp_path / "out")
    assert told["reasons"] == [reason]


def test_folder_names_and_price_models_within_one_upload(box, tmp_path):
    folder(tmp_path / "one" / "WALKS", changed(WALKS, price=TIER))
    folder(tmp_path / "two" / "walks", WALKS)
    folder(tmp_path / "two" / "other", changed(WALKS, price=changed(TIER, currencies__0__price=400)))
    first, other, walks = upload(box, tmp_path / "one", tmp_path / "two")
    assert first["verdict"] == "created"
    assert other["reasons"] == ['K16: price model "Maps tier" had other amounts in this upload']
    assert walks["reasons"] == ['K3: the same folder name as "WALKS", letter case aside']
    [later] = upload(box, tmp_path / "two" / "other")
    assert later["notices"] == ['price model "Maps tier" was there, and its amounts stay']


@pytest.mark.parametrize(("document", "files", "notice"), [
    pytest.param(changed(WALKS, price=changed(TIER, currencies=[{"currency": "gbp", "price": 1}])), {},
                 'K15: price model "Maps tier" has neither EUR nor USD', id="K15"),
    pytest.param(changed(WALKS, files={"main": "t"}, product__product_type=24, product__drm_protected=False),
                 {"t__1_0_mp3": MP3, "t__2_0_mp3": MP3, "t__10_0_mp3": MP3}, "K20: the tracks play in this order: 1.mp3, 10.mp3, 2.mp3 …",
                 id="K20"),
    pytest.param(changed(WALKS, files={"main": "a.pdf"}), {"a_0_pdf": PDF, "b_0_pdf": PDF}, "nobody names b.pdf", id="left over"),
    pytest.param(changed(WALKS, files={"main": "a.pdf", "pictures": ["p.jpg"]}), {"a_0_pdf": PDF, "p_0_jpg": b"no"},
                 "files.pictures.0: p.jpg is no picture that can be shown", id="no picture"),
    pytest.param(changed(WALKS, files={"main": "a.pdf"}), {"a_0_pdf": b"no"}, "content: a.pdf is no PDF", id="no PDF"),
])
def test_notices(box, tmp_path, document, files, notice):
    [told] = upload(box, folder(tmp_path / "X", document, **files))
    assert (told["verdict"], told["notices"]) == ("created", [notice])


@pytest.mark.parametrize(("given", "error"), [
    pytest.param({"folders": []}, 'send {"folders"', id="none"),
    pytest.param({"folders": ["relative"]}, '"relative" is no folder here', id="relative"),
    pytest.param({"folders": ["/nowhere/at/all"]}, "is no folder here", id="nowhere"),
    pytest.param([], 'send {"folders"', id="list"),
])
def test_uploads_that_are_none(box, given, error):
    answer = requests.post(f"{box.url}/flickrocket/_/upload", json=given, timeout=5)
    assert answer.status_code == 400 and error in answer.json()["error"]


def test_what_cannot_be_dropped(box, tmp_path):
    def said(path: Path) -> str:
        return requests.post(f"{box.url}/flickrocket/_/upload", json={"folders": [str(path)]}, timeout=5).json()["error"]

    assert "drop the whole folder" in said(folder(tmp_path / "X", WALKS) / "product.json")
    (tmp_path / "empty").mkdir()
    assert "holds no product folder" in said(tmp_path / "empty")


def test_faults_that_name_a_folder(box, tmp_path):
    box.set_faults(["reject:X", "500:all"])
    told = upload(box, folder(tmp_path / "X", WALKS), folder(tmp_path / "Y", WALKS))
    assert [one["verdict"] for one in told] == ["refused", "created"]


def test_uploads_are_written_down(box, tmp_path):
    upload(box, folder(tmp_path / "X", WALKS), folder(tmp_path / "Y", changed(WALKS, product__title=...)))
    second, first = box.calls()
    assert (first["action"], first["verdict"], first["message"]) == ("upload X", "taken", "live")
    assert (second["action"], second["verdict"], second["message"]) == ("upload Y", "refused", "K6: title is missing")


def test_covers_are_forgotten_with_the_rest(tmp_path):
    with SandboxServer(data=tmp_path / "box", port=0) as box:
        upload(box, folder(tmp_path / "X", WALKS))
        address = stored(box, 142998)["locales"][0]["src"]
        assert requests.get(address, timeout=5).status_code == 200
        requests.post(f"{box.url}/_/reset", timeout=5)
        assert requests.get(address, timeout=5).status_code == 404
        assert requests.get(f"{box.url}/flickrocket/_/pictures/sandbox.sqlite3", timeout=5).status_code == 404


# --- the command


def command(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = "import sys; from feedbridge.cli.flickrocket_upload import upload; import feedbridge.cli as cli;" \
             "cli.cli.add_command(upload, 'drop'); sys.exit(cli.run(['drop', *sys.argv[1:]]))"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=30, check=False,
                          env=os.environ | {"FEEDBRIDGE_SANDBOX_URL": url})


def test_the_command(box, tmp_path):
    folder(tmp_path / "out" / "A", WALKS)
    folder(tmp_path / "out" / "B", changed(WALKS, product__price_license_binding=...))
    folder(tmp_path / "out" / "C", changed(UPDATE, product__id=7))
    done = command(box.url, str(tmp_path / "out"))
    assert done.stdout.splitlines() == [
        "A: created as 142998 (0001-26ED-EA4F-AA35), live",
        "B: created as 142999 (0001-26ED-EA4F-AA36), not live (no licence, no price)",
        "C: refused", "  K7: there is no product 7",
    ]
    assert (done.returncode, done.stderr) == (1, "2 of 3 folders taken, 1 refused, 1 not live\n")
    lines = command(box.url, "--json", str(tmp_path / "out" / "A")).stdout.splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["created"]


@pytest.mark.parametrize(("url", "status", "said"), [
    pytest.param("http://127.0.0.1:1", 3, "http://127.0.0.1:1: the sandbox does not answer [flickrocket.down]", id="nobody there"),
    pytest.param("https://admin.flickrocket.com", 2,
                 "FEEDBRIDGE_SANDBOX_URL: FEEDBRIDGE_SANDBOX_URL is no address on this machine [sandbox.host]", id="elsewhere"),
])
def test_no_sandbox_to_drop_on(tmp_path, url, status, said):
    done = command(url, str(folder(tmp_path / "X", WALKS)))
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (status, "", said)
    assert "  mend: " in done.stderr


def test_nothing_to_drop(box, tmp_path):
    done = command(box.url, str(tmp_path))
    assert (done.returncode, done.stderr) == (0, f"nothing waits in {tmp_path}\n")
    (tmp_path / "letter.txt").write_text("Dear customer")
    done = command(box.url, str(tmp_path))
    assert done.returncode == 2 and "holds no product folder [flickrocket.refused]" in done.stderr
