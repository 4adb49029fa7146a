"""Folders in an outbox: what a changed product becomes, and what is left after a kill, a full disk, a second run."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from feedbridge.errors import CommandError
from feedbridge.platforms.base import FileUse, Outcome
from feedbridge.platforms.delivery import Answer, Parcel, Rate, Reach, Way
from feedbridge.platforms.flickrocket import PLATFORM
from feedbridge.platforms.flickrocket.delivery import PARTIAL, FlickRocketDelivery, FlickRocketDeliverySettings
from feedbridge.platforms.flickrocket.payload import ProductFile
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.platforms.flickrocket.writer import EMAIL, PASSWORD
from tests.platforms.flickrocket_media import JPEG, LICENCE, MP3, PDF, convert, fill, product
from tests.platforms.flickrocket_verifier import verify

LOGIN = {EMAIL: "owner@example.com", PASSWORD: 'S3cr3t-"päss"'}
FILES = {
    "cover-2.jpg": JPEG + b"2", "inside.jpg": JPEG + b"3", "trailer.mp4": b"\x00\x00\x00\x18ftypmp42", "book-2.pdf": PDF + b" ",
    "album/01.mp3": MP3, "album/02.mp3": MP3 + b"2", "album/03.mp3": MP3 + b"3",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    fill(tmp_path / "source")
    return fill(tmp_path / "source", FILES)


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    (tmp_path / "outbox").mkdir()
    return tmp_path / "outbox"


def delivery(outbox: Path, environment: dict[str, str] | None = None, **settings: Any) -> FlickRocketDelivery:
    return FlickRocketDelivery(
        FlickRocketDeliverySettings(outbox=outbox), FlickRocketSettings(**settings), environment or {}
    )


def digests(outcome: Outcome) -> dict[str, str]:
    """What a ledger keeps of a product's files."""
    return {use.target: hashlib.sha256(Path(use.source).read_bytes()).hexdigest() for use in outcome.files}


def new(outcome: Outcome, sku: str = "SKU-1", platform_id: str = "") -> Parcel:
    return Parcel(
        sku, outcome.body, platform_id=platform_id, files=outcome.files,
        changed=frozenset(use.target for use in outcome.files),
    )


def changed(before: Outcome, after: Outcome, platform_id: str = "142995", was: dict[str, str] | None = None) -> Parcel:
    was = digests(before) if was is None else was
    now = digests(after)
    return Parcel(
        "SKU-1", after.body, before.body, platform_id, after.files,
        frozenset(target for target in {*was, *now} if was.get(target) != now.get(target)),
    )


def read(outbox: Path, name: str = "SKU-1") -> Any:
    return json.loads((outbox / name / "product.json").read_bytes())


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def verdict(answer: Answer, key: str = "SKU-1") -> tuple[str, str]:
    assert answer.reach is Reach.ANSWERED, answer
    return answer.items[key].state, answer.items[key].message


FULL = {
    "images": [{"src": "cover.jpg"}, {"src": "inside.jpg"}],
    "content": [{"src": "book.pdf"}, {"src": "trailer.mp4", "role": "preview"}],
    "category_ids": {"flickrocket": ["4", "5"]},
    "digital": {"licences": [LICENCE], "version": "1", "drm": True, "themes": [3], "groups": ["g"]},
}


# --- new products ---


def test_a_new_product_is_the_folder_convert_writes(source: Path, outbox: Path, tmp_path: Path):
    outcome = convert(product(**FULL), source)
    with_delivery = delivery(outbox)
    (item,) = with_delivery.items(outcome, "SKU-1")
    assert (item.key, item.body, item.files) == ("SKU-1", outcome.body, outcome.files)
    answer = with_delivery.send("create", [new(outcome)])
    assert verdict(answer) == ("taken", "")
    assert verify(outbox) == []

    (tmp_path / "converted").mkdir()
    writer = PLATFORM.writer(FlickRocketSettings(), tmp_path / "converted", {})
    writer.add(outcome)
    assert tree(outbox) == tree(tmp_path / "converted")
    for path in tree(outbox):
        assert (outbox / path).read_bytes() == (tmp_path / "converted" / path).read_bytes()
    assert os.listdir(outbox) == ["SKU-1"]


def test_what_the_feed_names_by_id_is_an_update_already(source: Path, outbox: Path):
    outcome = convert(product(ids={"flickrocket": "142995"}), source)
    answer = delivery(outbox).send("create", [new(outcome)])
    assert answer.items["SKU-1"].platform_id == "142995"
    assert read(outbox)["product"]["id"] == 142995
    assert verify(outbox) == []
    assert delivery(outbox).codes(outcome.body) == {"id 142995"}
    assert delivery(outbox).codes(convert(product(), source).body) == frozenset()


def test_a_product_flickrocket_has_already_is_never_made_twice(source: Path, outbox: Path):
    """``ids import`` told its id before feedbridge ever wrote it."""
    answer = delivery(outbox).send("create", [new(convert(product(), source), platform_id="142995")])
    assert verdict(answer)[0] == "taken"
    assert read(outbox)["product"].keys() == {"id", "title", "locales", "price_license_binding"}
    assert read(outbox)["options"]["files"]["main"] == "replace"
    assert verify(outbox) == []


def test_a_repeated_create_writes_no_second_folder(source: Path, outbox: Path):
    parcel = new(convert(product(**FULL), source))
    delivery(outbox, LOGIN, with_credentials=True).send("create", [parcel])
    (outbox / "SKU-1" / ".DS_Store").write_bytes(b"litter of a desktop")
    state, message = verdict(delivery(outbox).send("create", [parcel]))
    assert (state, "already" in message) == ("taken", True)
    assert os.listdir(outbox) == ["SKU-1"]


@pytest.mark.parametrize("spoil", [
    pytest.param(lambda folder: (folder / "files" / "book.pdf").write_bytes(PDF + b"x"), id="another content"),
    pytest.param(lambda folder: (folder / "product.json").write_bytes(b"{"), id="broken product.json"),
    pytest.param(lambda folder: (folder / "product.json").write_bytes(b"[" * 100_000), id="hostile product.json"),
    pytest.param(lambda folder: (folder / "product.json").write_bytes(b"[]"), id="no object"),
    pytest.param(lambda folder: (folder / "files" / "more.pdf").write_bytes(PDF), id="a file more"),
    pytest.param(lambda folder: (folder / "files" / "book.pdf").unlink(), id="a file less"),
])
def test_a_folder_that_differs_is_left_alone(source: Path, outbox: Path, spoil: Any):
    parcel = new(convert(product(), source))
    delivery(outbox).send("create", [parcel])
    spoil(outbox / "SKU-1")
    before = {path: (outbox / "SKU-1" / path).read_bytes() for path in tree(outbox / "SKU-1")}
    state, message = verdict(delivery(outbox).send("create", [parcel]))
    assert state == "taken" and "SKU-1--2" in message and "delete SKU-1" in message
    assert {path: (outbox / "SKU-1" / path).read_bytes() for path in tree(outbox / "SKU-1")} == before
    assert read(outbox, "SKU-1--2")["product"]["title"] == "Moby-Dick"
    assert verdict(delivery(outbox).send("create", [parcel])) == (
        "taken", "the outbox holds it already, as SKU-1--2"
    )


def test_products_with_names_that_continue_each_other_stay_apart(source: Path, outbox: Path):
    skus = ["TEE", "TEE-2", "TEE-042", "TEE--x"]
    with_delivery = delivery(outbox)
    parcels = [new(convert(product(sku=sku), source), sku) for sku in skus]
    for parcel in [*parcels, *parcels]:
        assert verdict(with_delivery.send("create", [parcel]), parcel.key)[0] == "taken"
    assert sorted(os.listdir(outbox)) == sorted(skus)


def test_a_name_that_differs_in_case_only_is_taken(source: Path, outbox: Path):
    """What is one folder on a desktop must be none in the outbox."""
    (outbox / "sku-1").mkdir()
    delivery(outbox).send("create", [new(convert(product(), source))])
    assert sorted(os.listdir(outbox)) == ["SKU-1--2", "sku-1"]


# --- changed products ---


def test_update_holds_only_what_changed(source: Path, outbox: Path):
    before = convert(product(**FULL), source)
    after = convert(product(**{**FULL, "title": "Moby-Dick; or, The Whale"}), source)
    with_delivery = delivery(outbox)
    parcel = changed(before, after)
    assert with_delivery.change(parcel).how == "update"
    answer = with_delivery.send("update", [parcel])
    assert verdict(answer) == ("taken", "") and answer.items["SKU-1"].platform_id == "142995"
    told = read(outbox)
    assert told["product"] == {
        "id": 142995, "title": "Moby-Dick; or, The Whale",
        "locales": [{"language_id": "en", "title": "Moby-Dick; or, The Whale"}],
    }
    assert told["files"] == {"flux_dvd": "", "preview": ""}
    assert told["options"]["files"] == {"main": "none", "flux_dvd": "none", "preview": "none"}
    assert tree(outbox) == ["SKU-1/product.json"]
    assert verify(outbox) == []
    ProductFile.model_validate_json((outbox / "SKU-1" / "product.json").read_bytes())


def test_update_has_the_documented_shape(source: Path, outbox: Path):
    """The example of section 2.6, member by member."""
    before = convert(product(images=[{"src": "cover.jpg"}, {"src": "inside.jpg"}]), source)
    was = digests(before)
    (source / "book.pdf").write_bytes(PDF + b" ")
    (source / "cover.jpg").write_bytes(JPEG + b"new")
    (source / "inside.jpg").write_bytes(JPEG + b"new too")
    delivery(outbox).send("update", [changed(before, before, was=was)])
    told = read(outbox)
    assert list(told) == ["user", "files", "options", "product"]
    assert told["files"] == {
        "main": "files/book.pdf", "flux_dvd": "", "preview": "", "pictures": ["pictures/inside.jpg"],
        "product_picture": [{"language_id": "en", "picture": "pictures/cover.jpg"}],
    }
    assert told["options"] == {
        "files": {"main": "replace", "flux_dvd": "none", "preview": "none"}, "add_content_to_uploader": True,
        "add_content_to_shop_owner": True, "send_mail_to_shop_owner": True,
    }
    assert told["product"] == {"id": 142995}
    assert verify(outbox) == []


ALBUM = {"content": [{"src": "album/"}], "digital": {"medium": "audio-album", "licences": [LICENCE]}}


@pytest.mark.parametrize(("fields", "changes", "content", "members", "files"), [
    pytest.param({}, {}, {"trailer.mp4": b"\x00\x00\x00\x18ftypmp43"}, {"id"}, ["files/trailer.mp4"], id="preview content"),
    pytest.param({}, {"content": [{"src": "book-2.pdf"}, *FULL["content"][1:]]}, {}, {"id"}, ["files/book-2.pdf"],
                 id="another content file"),
    pytest.param({"content": FULL["content"][:1]}, {"content": FULL["content"]}, {}, {"id"}, ["files/trailer.mp4"],
                 id="preview appeared"),
    pytest.param({}, {}, {"inside.jpg": JPEG + b"9"}, {"id"}, ["pictures/inside.jpg"], id="picture content"),
    pytest.param({}, {"images": [*FULL["images"], {"src": "cover-2.jpg"}]}, {}, {"id"},
                 ["pictures/cover-2.jpg", "pictures/inside.jpg"], id="whole list of pictures"),
    pytest.param({}, {"images": [{"src": "cover-2.jpg"}, {"src": "inside.jpg"}]}, {}, {"id"}, ["pictures/cover-2.jpg"],
                 id="another cover"),
    pytest.param({}, {"category_ids": {"flickrocket": ["4"]}}, {}, {"id", "categories"}, [], id="a category less"),
    pytest.param({}, {"digital": {**FULL["digital"], "version": "2", "drm": False, "themes": [7], "groups": ["h"]}}, {},
                 {"id", "version", "drm_protected", "themes", "groups"}, [], id="digital members"),
    pytest.param({}, {"digital": {**FULL["digital"], "licences": [LICENCE, {"license_id": 17, "price_id": 46}]}}, {},
                 {"id", "price_license_binding"}, [], id="a licence more"),
    pytest.param(ALBUM, {}, {"album/02.mp3": MP3 + b"22"}, {"id"},
                 ["tracks/01.mp3", "tracks/02.mp3", "tracks/03.mp3"], id="one track of an album"),
    pytest.param(ALBUM, {}, {"album/03.mp3": None}, {"id"}, ["tracks/01.mp3", "tracks/02.mp3"], id="a track less"),
    pytest.param({"content": [{"src": "dvd/"}], "digital": {"medium": "video-sd", "licences": [LICENCE]}}, {},
                 {"dvd/VTS_01_1.VOB": b"\x00\x00\x01\xba" + bytes(61)}, {"id"},
                 ["VIDEO_TS/VIDEO_TS.IFO", "VIDEO_TS/VTS_01_1.VOB"], id="a part of a DVD"),
])
def test_update_of(source: Path, outbox: Path, fields: Any, changes: Any, content: Any, members: set[str], files: list[str]):
    before = convert(product(**{**FULL, **fields}), source)
    was = digests(before)
    for name, data in content.items():
        (source / name).unlink() if data is None else (source / name).write_bytes(data)
    after = convert(product(**{**FULL, **fields, **changes}), source)
    parcel = changed(before, after, was=was)
    assert delivery(outbox).change(parcel) == Way("update")
    assert verdict(delivery(outbox).send("update", [parcel]))[0] == "taken"
    assert set(read(outbox)["product"]) == members
    assert tree(outbox) == sorted(f"SKU-1/{path}" for path in [*files, "product.json"])
    assert verify(outbox) == []
    ProductFile.model_validate_json((outbox / "SKU-1" / "product.json").read_bytes())


MODEL = {"title": "Tier A", "amounts": [{"amount": "3.95", "currency": "EUR"}]}


@pytest.mark.parametrize("place", ["product", "top", "binding"])
def test_a_price_model_and_its_licences_stay_together(source: Path, outbox: Path, place: str):
    licence = {"license_id": 16, "price_model": MODEL}
    dearer = {"license_id": 16, "price_model": {**MODEL, "title": "Tier B"}}
    before, after = [
        convert(product(digital={"licences": [one]}), source, write_price_models=place) for one in (licence, dearer)
    ]
    delivery(outbox, write_price_models=place).send("update", [changed(before, after)])
    told = read(outbox)
    assert "price_license_binding" in told["product"]
    assert "Tier B" in json.dumps(told)
    assert ("price" in told, "price" in told["product"]) == (place == "top", place == "product")
    assert verify(outbox) == []


@pytest.mark.parametrize(("before", "after", "settings", "message"), [
    pytest.param({}, {}, {}, "", id="equal"),
    pytest.param({}, {}, {"send_mail_to_shop_owner": False}, "", id="only what the uploader does"),
    pytest.param({}, {"ids": {"flickrocket": "142995"}}, {}, "", id="the feed names the id now"),
    pytest.param({"ids": {"flickrocket": "142995"}}, {}, {}, "", id="the feed names the id no more"),
    pytest.param(FULL, {**FULL, "category_ids": {}}, {}, "keeps the categories it has", id="only something gone"),
])
def test_nothing_to_send(source: Path, outbox: Path, before: Any, after: Any, settings: Any, message: str):
    parcel = changed(convert(product(**before), source), convert(product(**after), source, **settings))
    way = delivery(outbox).change(parcel)
    assert way.how == "same" and message in way.message and bool(way.message) == bool(message)


@pytest.mark.parametrize(("before", "after", "settings", "code", "words"), [
    pytest.param(FULL, {**FULL, "title": "Whale", "category_ids": {}, "content": FULL["content"][:1]}, {},
                 "flickrocket.A6", "categories and the preview", id="an update takes nothing away"),
    pytest.param({"ids": {"flickrocket": "7"}}, {"ids": {"flickrocket": "8"}}, {}, "flickrocket.id-changed",
                 "another FlickRocket product, 8", id="another id"),
])
def test_updates_with_a_warning(source: Path, outbox: Path, before: Any, after: Any, settings: Any, code: str, words: str):
    parcel = changed(convert(product(**before), source), convert(product(**after), source), platform_id="")
    if code == "flickrocket.A6":
        parcel = msgspec.structs.replace(parcel, platform_id="142995")
    way = delivery(outbox).change(parcel)
    assert (way.how, way.code) == ("update", code)
    assert words in way.message and way.mend


def test_another_product_gets_everything(source: Path, outbox: Path):
    before, after = [convert(product(**FULL, ids={"flickrocket": number}), source) for number in ("7", "8")]
    delivery(outbox).send("update", [changed(before, after, platform_id="7")])
    assert read(outbox)["product"] == json.loads(after.body)["product"]
    assert set(tree(outbox)) == {"SKU-1/product.json", *(f"SKU-1/{use.target}" for use in after.files)}
    assert verify(outbox) == []


@pytest.mark.parametrize(("before", "after", "platform_id", "code"), [
    pytest.param({}, {"title": "Whale"}, "", "flickrocket.no-id", id="no id yet"),
    pytest.param({}, {"title": "Whale"}, "0001-26ED-EA4F-AA32", "flickrocket.K7", id="long id"),
    pytest.param({}, {"content": [{"src": "book.epub"}]}, "142995", "flickrocket.K8", id="pdf to epub"),
    pytest.param({"content": [{"src": "pack.zip"}]},
                 {"content": [{"src": "pack.zip"}], "digital": {"medium": "software", "licences": [LICENCE]}}, "142995",
                 "flickrocket.K8", id="same file, another type"),
    pytest.param({}, {"content": [{"src": "book.epub"}], "ids": {"flickrocket": "142995"}}, "142995", "flickrocket.K8",
                 id="an update tells no type, but its file does"),
    pytest.param({"content": [{"src": "book.epub"}], "ids": {"flickrocket": "142995"}}, {}, "142995", "flickrocket.K8",
                 id="nor did the one before"),
])
def test_refused(source: Path, outbox: Path, before: Any, after: Any, platform_id: str, code: str):
    parcel = changed(convert(product(**before), source), convert(product(**after), source), platform_id)
    way = delivery(outbox).change(parcel)
    assert (way.how, way.code) == ("refused", code)
    assert way.message and "feedbridge ids" in way.mend
    if code != "flickrocket.K8":
        state, _ = verdict(delivery(outbox).send("update", [parcel]))
        assert state == "failed" and os.listdir(outbox) == []


def test_updates_wait_for_their_upload_in_order(source: Path, outbox: Path):
    one, two, three = [convert(product(title=title), source) for title in ("One", "Two", "Three")]
    with_delivery = delivery(outbox)
    with_delivery.send("create", [new(one)])
    assert "SKU-1--2" in verdict(with_delivery.send("update", [changed(one, two)]))[1]
    assert "SKU-1--2" in verdict(with_delivery.send("update", [changed(one, two)]))[1]  # once more: nothing new
    assert "in this order" in verdict(with_delivery.send("update", [changed(two, three)]))[1]
    with_delivery.send("update", [changed(three, two)])
    titles = {name: read(outbox, name)["product"]["title"] for name in os.listdir(outbox)}
    assert titles == {"SKU-1": "One", "SKU-1--2": "Two", "SKU-1--3": "Three", "SKU-1--4": "Two"}
    for name in ("SKU-1", "SKU-1--2"):
        for path in sorted((outbox / name).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (outbox / name).rmdir()  # uploaded, and cleared away
    with_delivery.send("update", [changed(two, one)])
    assert sorted(os.listdir(outbox)) == ["SKU-1--3", "SKU-1--4", "SKU-1--5"]


def test_an_unknown_earlier_body_makes_an_update_of_everything(source: Path, outbox: Path):
    outcome = convert(product(ids={"flickrocket": "142995"}, **FULL), source)
    parcel = Parcel("SKU-1", outcome.body, platform_id="142995", files=outcome.files)
    assert delivery(outbox).change(parcel).how == "update"
    delivery(outbox).send("update", [parcel])
    assert {**read(outbox), "user": 0} == {**json.loads(outcome.body), "user": 0}
    assert verify(outbox) == []


def test_what_is_sent_again_on_demand_is_everything(source: Path, outbox: Path):
    outcome = convert(product(**FULL), source)
    parcel = changed(outcome, outcome)
    assert delivery(outbox).change(parcel) == Way("same")
    assert verdict(delivery(outbox).send("update", [parcel])) == ("taken", "")
    told = read(outbox)
    assert set(told["product"]) == set(json.loads(outcome.body)["product"]) - {"product_type"} | {"id"}
    assert set(tree(outbox)) == {"SKU-1/product.json", *(f"SKU-1/{use.target}" for use in outcome.files)}
    assert verify(outbox) == []


def test_nothing_is_written_again_without_an_id(source: Path, outbox: Path):
    outcome = convert(product(), source)
    state, message = verdict(delivery(outbox).send("update", [changed(outcome, outcome, platform_id="")]))
    assert state == "taken" and "nothing to write" in message
    assert os.listdir(outbox) == []


# --- what goes wrong ---


def test_deletes_nothing(source: Path, outbox: Path):
    with_delivery = delivery(outbox)
    assert (with_delivery.deletes, with_delivery.upserts, with_delivery.rate) == ("by hand", False, Rate())
    assert verdict(with_delivery.send("delete", [new(convert(product(), source))]))[0] == "failed"


def test_one_folder_a_call(outbox: Path):
    parcels = [Parcel(str(n)) for n in range(3)]
    assert list(delivery(outbox).batches("create", parcels)) == [[parcel] for parcel in parcels]


def test_nothing_for_nothing(outbox: Path):
    assert delivery(outbox).items(Outcome(), "SKU-1") == []


def test_a_missing_file_fails_its_product_only(source: Path, outbox: Path):
    gone, good = convert(product(), source), convert(product(sku="SKU-2", content=[{"src": "book.epub"}]), source)
    (source / "book.pdf").unlink()
    answer = delivery(outbox).send("create", [new(gone), new(good, "SKU-2")])
    assert verdict(answer)[0] == "failed" and "files/book.pdf is not there any more" in verdict(answer)[1]
    assert verdict(answer, "SKU-2") == ("taken", "")
    assert os.listdir(outbox) == ["SKU-2"]


def test_what_a_kill_left_is_swept(source: Path, outbox: Path):
    left = fill(outbox / f".SKU-9{PARTIAL}", {"files/half.pdf": PDF})
    (outbox / ".mine").mkdir()
    delivery(outbox).send("create", [new(convert(product(), source))])
    assert not left.exists()
    assert sorted(os.listdir(outbox)) == [".mine", "SKU-1"]


KILLED = """
import os, sys
from pathlib import Path
from feedbridge.platforms.base import FileUse
from feedbridge.platforms.delivery import Parcel
from feedbridge.platforms.flickrocket.delivery import FlickRocketDelivery, FlickRocketDeliverySettings
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
outbox, body, slow = sys.argv[1:]
os.path.isfile = lambda path: True  # the slow file is a pipe
delivery = FlickRocketDelivery(FlickRocketDeliverySettings(outbox=outbox), FlickRocketSettings(), {})
parcel = Parcel("SKU-1", Path(body).read_bytes(), files=(FileUse(slow, "files/book.pdf"),))
print("go", flush=True)
print(delivery.send("create", [parcel]), flush=True)
"""


def test_a_kill_in_the_middle_leaves_no_folder(source: Path, outbox: Path, tmp_path: Path):
    outcome = convert(product(), source)
    (tmp_path / "body").write_bytes(outcome.body)
    slow = tmp_path / "slow.pdf"
    os.mkfifo(slow)  # reading it never ends
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, outbox, tmp_path / "body", slow], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        with open(slow, "wb") as writing:  # opens when the other side reads
            writing.write(PDF)
            writing.flush()
            assert [name for name in os.listdir(outbox) if not name.endswith(PARTIAL)] == []
            busy = delivery(outbox).send("create", [new(outcome)])
            assert busy.reach is Reach.WAIT and busy.wait_seconds and "another process" in busy.message
            process.send_signal(signal.SIGKILL)
            process.wait(30)
    finally:
        process.kill()
        process.wait(30)
    assert os.listdir(outbox) == [f".SKU-1{PARTIAL}"]
    assert verdict(delivery(outbox).send("create", [new(outcome)])) == ("taken", "")
    assert os.listdir(outbox) == ["SKU-1"]
    assert verify(outbox) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "none", folder], capture_output=True, check=False
    ).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_and_leaves_nothing(source: Path, small_disk: Path):
    fill(source, {"large.pdf": PDF + bytes(200_000) + b"%%EOF"})
    small, large = new(convert(product(), source)), new(convert(product(content=[{"src": "large.pdf"}]), source))
    answer = delivery(small_disk).send("create", [large])
    assert answer.reach is Reach.STOP and "No space left" in answer.message and "make room" in answer.mend
    assert os.listdir(small_disk) == []
    assert verdict(delivery(small_disk).send("create", [small])) == ("taken", "")
    both = [msgspec.structs.replace(small, key="SKU-0"), large, msgspec.structs.replace(small, key="SKU-2")]
    answer = delivery(small_disk).send("create", both)
    assert [answer.items[parcel.key].state for parcel in both] == ["taken", "failed", "failed"]
    assert "make room" in answer.mend
    assert sorted(os.listdir(small_disk)) == ["SKU-0", "SKU-1"]


def test_the_outbox_is_made_but_not_what_is_around_it(source: Path, tmp_path: Path):
    parcel = new(convert(product(), source))
    assert verdict(delivery(tmp_path / "new").send("create", [parcel])) == ("taken", "")
    answer = delivery(tmp_path / "not" / "mounted").send("create", [parcel])
    assert answer.reach is Reach.STOP and "cannot be made" in answer.message and "mount its disk" in answer.mend
    assert not (tmp_path / "not").exists()


def test_an_outbox_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "outbox").write_text("")
    with pytest.raises(CommandError, match="is a file"):
        delivery(tmp_path / "outbox")


def test_credentials(source: Path, outbox: Path):
    with pytest.raises(CommandError, match="is not set"):
        delivery(outbox, with_credentials=True)
    with_delivery = delivery(outbox, LOGIN, with_credentials=True)
    before, after = convert(product(), source), convert(product(title="Whale"), source)
    answers = [with_delivery.send("create", [new(before)]), with_delivery.send("update", [changed(before, after)])]
    for name in ("SKU-1", "SKU-1--2"):
        assert read(outbox, name)["user"] == {"email": LOGIN[EMAIL], "password": LOGIN[PASSWORD]}
        assert (outbox / name / "product.json").stat().st_mode & 0o777 == 0o600
    assert [len(answer.notes) for answer in answers] == [1, 0]  # warned once
    assert LOGIN[PASSWORD] not in repr(answers) + repr(vars(with_delivery)) + with_delivery.place


def test_fetched_files_go_when_the_delivery_is_closed(outbox: Path, tmp_path: Path, source: Path):
    fetched = fill(tmp_path / "fetched", {"file-1": PDF})
    with_delivery = delivery(outbox, download=True, download_folder=fetched)
    parcel = msgspec.structs.replace(
        new(convert(product(), source)), files=(FileUse(str(fetched / "file-1"), "files/book.pdf"),)
    )
    assert verdict(with_delivery.send("create", [parcel]))[0] == "taken"
    assert (fetched / "file-1").exists()
    with_delivery.close()
    with_delivery.close()
    assert not (fetched / "file-1").exists()


# --- settings ---


def test_the_place_is_the_real_folder(outbox: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(outbox)
    assert delivery(tmp_path / "link").place == delivery(outbox).place == f"folder {outbox.resolve()}"
    assert delivery(tmp_path / "other").account != delivery(outbox).account
    assert PLATFORM.delivery_settings is FlickRocketDeliverySettings
    assert isinstance(PLATFORM.delivery(FlickRocketDeliverySettings(outbox=outbox), FlickRocketSettings(), {}), FlickRocketDelivery)


@pytest.mark.parametrize("given", [
    pytest.param({}, id="no outbox"),
    pytest.param({"outbox": " "}, id="blank outbox"),
    pytest.param({"outbox": "out", "sandbox": True}, id="sandbox"),
    pytest.param({"outbox": "out", "endpoint": "https://x.example"}, id="endpoint"),
    pytest.param({"outbox": "out", "rate": {"per_second": 1}}, id="rate"),
    pytest.param({"outbox": "out", "rate": "off"}, id="rate off"),
])
def test_settings_that_are_refused(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        FlickRocketDeliverySettings.model_validate(given)


def test_settings_at_their_defaults_are_fine():
    given = {"outbox": "out", "endpoint": None, "sandbox": False, "rate": None}
    assert FlickRocketDeliverySettings.model_validate(given).outbox == Path("out")
