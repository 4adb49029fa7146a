"""Written batch-upload folders: read again by the verifier, and what becomes of credentials and full disks."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import resource
import stat
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedbridge.errors import CommandError, OutputError
from feedbridge.platforms.flickrocket import PLATFORM
from feedbridge.platforms.flickrocket.payload import ProductFile
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.platforms.flickrocket.writer import EMAIL, PASSWORD, Credentials
from tests.platforms.flickrocket_media import (
    FLAC,
    IFO,
    JPEG,
    LICENCE,
    MP3,
    PDF,
    body,
    codes,
    convert,
    fill,
    product,
    write,
)
from tests.platforms.flickrocket_verifier import verify

SECRET = 'S3cr3t-"päss"-wörd'
LOGIN = {EMAIL: "owner@example.com", PASSWORD: SECRET}
SAMPLES = (
    Path(os.environ.get("FEEDBRIDGE_SAMPLES", Path(__file__).resolve().parents[3] / "shared" / "samples")) / "media"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return fill(tmp_path / "source")


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_folder_holds_what_is_dropped_on_the_uploader_and_nothing_else(source: Path, tmp_path: Path):
    given_products = [
        product(images=[{"src": "cover.jpg"}]),
        product(sku="SKU/2", content=[{"src": "book.epub"}]),
        product(sku="CON", ids={"flickrocket": "142995"}, content=[]),
    ]
    told = write([convert(one, source) for one in given_products], tmp_path / "out")
    out = tmp_path / "out"
    assert tree(out) == [
        "SKU-1/files/book.pdf",
        "SKU-1/pictures/cover.jpg",
        "SKU-1/product.json",
        "SKU_2-cfa2aad7/files/book.epub",
        "SKU_2-cfa2aad7/product.json",
        "_CON-a3dbc4b6/product.json",
    ]
    assert verify(out) == []
    assert told["folders"] == 3
    assert sorted(file["path"] for file in told["files"]) == tree(out)
    for file in told["files"]:
        data = (out / file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert "warnings" not in told


def test_product_json_is_plain_readable_json(source: Path, tmp_path: Path):
    outcome = convert(product(title="Größe <b>&</b> 😀"), source)
    write([outcome], tmp_path / "out")
    data = (tmp_path / "out" / "SKU-1" / "product.json").read_bytes()
    assert data.startswith(b'{\n  "user": {\n    "email": "YOUR-FLICKROCKET-LOGIN",') and data.endswith(b"}\n")
    assert "Größe <b>&</b> 😀".encode() in data
    assert json.loads(data) == body(outcome)
    ProductFile.model_validate_json(data)


def test_same_input_gives_the_same_bytes(source: Path, tmp_path: Path):
    outcomes = [convert(product(sku=sku), source) for sku in ("A", "B")]
    assert write(outcomes, tmp_path / "one") == write(outcomes, tmp_path / "two")


@pytest.mark.parametrize(
    ("how", "same"), [pytest.param("link", True, id="link"), pytest.param("copy", False, id="copy")]
)
def test_links_or_copies(source: Path, tmp_path: Path, how: str, same: bool):
    write([convert(product(), source)], tmp_path / "out", files=how)
    written = tmp_path / "out" / "SKU-1" / "files" / "book.pdf"
    assert written.samefile(source / "book.pdf") is same
    assert written.read_bytes() == PDF


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second disk here")
def test_copies_across_disks(source: Path):
    out = Path("/dev/shm") / f"feedbridge-test-{os.getpid()}"
    try:
        write([convert(product(), source)], out)
        assert (out / "SKU-1" / "files" / "book.pdf").read_bytes() == PDF
        assert verify(out) == []
    finally:
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        out.rmdir()


def test_full_disk_is_an_output_error(source: Path, tmp_path: Path):
    fill(source, {"large.pdf": PDF + bytes(200_000) + b"%%EOF"})
    outcome = convert(product(content=[{"src": "large.pdf"}]), source)
    (tmp_path / "out").mkdir()
    writer = PLATFORM.writer(FlickRocketSettings(files="copy"), tmp_path / "out", {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # a write beyond fails as on a full disk
    try:
        with pytest.raises(OutputError, match="cannot write"):
            writer.add(outcome)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_folder_that_cannot_be_made_is_an_output_error(source: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    writer = PLATFORM.writer(FlickRocketSettings(), tmp_path / "out", {})
    writer.add(convert(product(), source))
    with pytest.raises(OutputError, match="cannot write"):
        writer.add(convert(product(), source))


def test_content_that_vanished_is_an_output_error(source: Path, tmp_path: Path):
    outcome = convert(product(), source)
    (source / "book.pdf").unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="vanished"):
        PLATFORM.writer(FlickRocketSettings(), tmp_path / "out", {}).add(outcome)


# --- albums and DVDs ---


def test_album_of_a_folder_keeps_playing_order(source: Path, tmp_path: Path):
    fill(source, {f"album/{n} Track.mp3": MP3 + bytes([n]) for n in (1, 2, 10)})
    fill(source, {"album/.DS_Store": b"x", "album/booklet.pdf": PDF})
    outcome = convert(product(content=[{"src": "album"}]), source)
    assert codes(outcome) == ["A2", "S4", "S5"]
    assert body(outcome)["files"]["main"] == "tracks"
    assert body(outcome)["product"]["product_type"] == 24
    assert body(outcome)["product"]["drm_protected"] is False
    write([outcome], tmp_path / "out")
    tracks = sorted((tmp_path / "out" / "SKU-1" / "tracks").iterdir())
    assert [track.name for track in tracks] == ["01 1 Track.mp3", "02 2 Track.mp3", "03 10 Track.mp3"]
    assert [track.read_bytes()[-1] for track in tracks] == [1, 2, 10]
    assert verify(tmp_path / "out") == []


def test_album_of_several_files_keeps_their_order(source: Path, tmp_path: Path):
    fill(source, {"z.mp3": MP3, "a.flac": FLAC})
    outcome = convert(product(content=[{"src": "z.mp3"}, {"src": "a.flac"}]), source)
    assert body(outcome)["product"]["product_type"] == 24
    write([outcome], tmp_path / "out")
    assert tree(tmp_path / "out" / "SKU-1") == ["product.json", "tracks/01 z.mp3", "tracks/02 a.flac"]
    assert verify(tmp_path / "out") == []


def test_numbered_album_keeps_its_names(source: Path):
    fill(source, {"cd/01 a.mp3": MP3, "cd/02 b.mp3": MP3})
    outcome = convert(
        product(content=[{"src": "cd/"}], digital={"medium": "audio-package", "licences": [LICENCE]}), source
    )
    assert [use.target for use in outcome.files] == ["tracks/01 a.mp3", "tracks/02 b.mp3"]
    assert codes(outcome) == ["A2"]


def test_drm_and_hd_are_asked_again_once_the_folder_has_told_the_type(source: Path):
    fill(source, {"cd/01 a.mp3": MP3})
    outcome = convert(
        product(content=[{"src": "cd"}], digital={"drm": True, "licences": [{**LICENCE, "hd": True}]}), source
    )
    assert codes(outcome, "warning") == ["K18", "K19"]
    assert body(outcome)["product"]["price_license_binding"][0]["hd"] is False


@pytest.mark.parametrize(
    ("files", "medium", "code"),
    [
        pytest.param({"cd/CD1/01.mp3": MP3, "cd/02.mp3": MP3}, None, "K20", id="folders in folders"),
        pytest.param({"cd/readme.txt": b"x"}, None, "K5", id="no tracks"),
        pytest.param({"cd/01.mp3": PDF}, None, "K5", id="a track that is none"),
        pytest.param({"cd/01.mp3": b""}, None, "K2", id="an empty track"),
        pytest.param({"cd/01.flac": FLAC}, "audio-package", "K5", id="DRM audio takes MP3 only"),
    ],
)
def test_albums_that_are_held_back(source: Path, files: dict[str, bytes], medium: str | None, code: str):
    fill(source, files)
    outcome = convert(product(content=[{"src": "cd"}], digital={"medium": medium, "licences": [LICENCE]}), source)
    assert code in codes(outcome, "error") and outcome.body == b""


@pytest.mark.parametrize("src", ["dvd/VIDEO_TS.IFO", "dvd", "disc"])
def test_dvd_takes_its_whole_folder(source: Path, tmp_path: Path, src: str):
    fill(source, {"dvd/notes.txt": b"x", "disc/VIDEO_TS/VIDEO_TS.IFO": IFO, "disc/VIDEO_TS/VTS_01_1.VOB": b"x"})
    outcome = convert(product(content=[{"src": src}]), source)
    assert body(outcome)["files"]["main"] == "VIDEO_TS/VIDEO_TS.IFO"
    write([outcome], tmp_path / "out")
    assert tree(tmp_path / "out" / "SKU-1") == ["VIDEO_TS/VIDEO_TS.IFO", "VIDEO_TS/VTS_01_1.VOB", "product.json"]
    assert verify(tmp_path / "out") == []
    assert codes(outcome) == (["A2"] if src == "disc" else ["A2", "S4"])


def test_dvd_at_the_top_of_the_source_takes_dvd_files_only(source: Path):
    fill(source, {"VIDEO_TS.IFO": IFO, "VIDEO_TS.BUP": IFO})
    outcome = convert(product(content=[{"src": "VIDEO_TS.IFO"}]), source)
    assert [use.target for use in outcome.files] == ["VIDEO_TS/VIDEO_TS.BUP", "VIDEO_TS/VIDEO_TS.IFO"]


# --- credentials ---


def test_credentials_are_written_on_request_only(source: Path, tmp_path: Path):
    outcome = convert(product(images=[{"src": "cover.jpg"}]), source, with_credentials=True)
    told = write([outcome], tmp_path / "out", LOGIN, with_credentials=True)
    path = tmp_path / "out" / "SKU-1" / "product.json"
    assert json.loads(path.read_bytes())["user"] == {"email": "owner@example.com", "password": SECRET}
    assert {**json.loads(path.read_bytes()), "user": None} == {**body(outcome), "user": None}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(told["warnings"]) == 1 and "clear text" in told["warnings"][0]
    assert verify(tmp_path / "out") == []
    write([outcome], tmp_path / "plain", LOGIN)
    plain = tmp_path / "plain" / "SKU-1" / "product.json"
    assert SECRET.encode() not in plain.read_bytes()


def test_secret_shows_nowhere(source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    given = FlickRocketSettings(with_credentials=True)
    outcome = PLATFORM.converter(given, LOGIN).convert(product(), source)
    (tmp_path / "out").mkdir()
    writer = PLATFORM.writer(given, tmp_path / "out", LOGIN)
    writer.add(outcome)
    with pytest.raises(OutputError) as caught:
        writer.add(outcome)
    told = writer.finish()
    credentials = Credentials(LOGIN)
    shown = [
        repr(writer),
        str(vars(writer)),
        repr(credentials),
        str(credentials),
        repr(given),
        repr(outcome),
        repr(told),
        str(caught.value),
        repr(caught.value),
        "".join(traceback.format_exception(caught.value)),
        caplog.text,
    ]
    parts = ("S3cr3t", "wörd", "owner@example.com")
    assert [text for text in shown if any(part in text for part in parts)] == []
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


def test_manifest_has_no_digest_of_a_file_with_a_password(source: Path, tmp_path: Path):
    told = write([convert(product(), source)], tmp_path / "out", LOGIN, with_credentials=True)
    assert {file["path"]: bool(file["sha256"]) for file in told["files"]} == {
        "SKU-1/files/book.pdf": True,
        "SKU-1/product.json": False,
    }


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="neither"),
        pytest.param({EMAIL: "owner@example.com"}, id="no password"),
        pytest.param({PASSWORD: SECRET, EMAIL: ""}, id="empty login"),
        pytest.param({EMAIL: "owner@example.com", PASSWORD: SECRET + "\udcff"}, id="no text"),
    ],
)
def test_missing_credentials_stop_the_command(tmp_path: Path, environment: dict[str, str]):
    with pytest.raises(CommandError) as caught:
        PLATFORM.writer(FlickRocketSettings(with_credentials=True), tmp_path, environment)
    assert "S3cr3t" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "FEEDBRIDGE_FLICKROCKET" in str(caught.value)


def test_text_that_looks_like_the_placeholder_stays(source: Path, tmp_path: Path):
    text = '{"user":{"email":"YOUR-FLICKROCKET-LOGIN","password":"YOUR-FLICKROCKET-PASSWORD"},'
    write([convert(product(title=text), source)], tmp_path / "out", LOGIN, with_credentials=True)
    written = json.loads((tmp_path / "out" / "SKU-1" / "product.json").read_bytes())
    assert written["product"]["title"] == text


# --- everything that is written is sound ---


hostile = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(
    [
        "CON",
        "../../etc",
        "a/b",
        "a\\b",
        "NUL.json",
        "product.json",
        "x" * 300,
        "日本語" * 60,
        ".",
        "..",
        "-rf",
        "~",
        "$(id)",
        "%2e%2e",
    ]
)
skus = hostile.map(
    lambda text: "".join(char for char in text if ord(char) > 31 and ord(char) != 127 and not char.isspace()) or "x"
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given_skus=st.lists(skus, min_size=1, max_size=4),
    titles=hostile,
    kind=st.sampled_from(["book.pdf", "book.epub", "film.mp4", "song.mp3", "pack.zip", "dvd"]),
    licence=st.fixed_dictionaries(
        {"license_id": st.integers(1, 99), "price_id": st.integers(1, 99)},
        optional={
            "hd": st.booleans(),
            "compare_price_id": st.integers(1, 9),
            "audio_type": st.sampled_from([0, 1, 2]),
            "num_users": st.integers(-1, 3),
        },
    ),
    drm=st.sampled_from([None, True, False]),
    language=st.sampled_from(["en", "de_DE", "pt_BR"]),
    others=st.lists(st.sampled_from(["en", "de", "nl", "fr_CA", "it"]), max_size=4),
    identity=st.sampled_from([{}, {"flickrocket": "7"}]),
)
def test_whatever_is_written_is_sound(
    source: Path,
    tmp_path_factory: pytest.TempPathFactory,
    given_skus: list[str],
    titles: str,
    kind: str,
    licence: dict[str, Any],
    drm: bool | None,
    language: str,
    others: list[str],
    identity: dict[str, str],
):
    out = tmp_path_factory.mktemp("written") / "out"
    outcomes, seen = [], set()
    for sku in given_skus:
        outcome = convert(
            product(
                sku=sku,
                title=titles,
                locale=language,
                content=[{"src": kind}],
                ids=identity,
                translations=[{"locale": other, "title": titles} for other in others],
                images=[{"src": "cover.jpg", "locale": other} for other in others] + [{"src": "cover.jpg"}],
                digital={"drm": drm, "licences": [licence]},
            ),
            source,
        )
        assert codes(outcome, "error") == []
        if outcome.keys[0] not in seen:
            outcomes.append(outcome)
        seen.add(outcome.keys[0])
    told = write(outcomes, out)
    assert told["folders"] == len(outcomes)
    assert verify(out) == []
    for outcome in outcomes:
        ProductFile.model_validate_json(outcome.body)


def test_verifier_sees_what_is_wrong(source: Path, tmp_path: Path):
    write([convert(product(images=[{"src": "cover.jpg"}]), source)], tmp_path / "out", files="copy")
    folder = tmp_path / "out" / "SKU-1"
    whole = json.loads((folder / "product.json").read_bytes())

    def faults(**changes: Any) -> str:
        changed = json.loads(json.dumps(whole))
        for place, value in changes.items():
            part = changed
            *steps, last = place.split("__")
            for step in steps:
                part = part[step]
            if value is KeyError:
                del part[last]
            else:
                part[last] = value
        (folder / "product.json").write_text(json.dumps(changed), encoding="utf-8")
        return " ".join(verify(tmp_path / "out"))

    assert faults() == ""
    assert "K2" in faults(files__main="files/Book.pdf")
    assert "K2" in faults(files__main="../SKU-1/files/book.pdf")
    assert "K2 files nobody names" in faults(files__product_picture=[])
    assert "K4" in faults(product__product_type=6)
    assert "K5" in faults(product__product_type=16)
    assert "K6" in faults(product__locales=KeyError)
    assert "K7" in faults(product__id="142995")
    assert "K8" in faults(product__id=142995)
    assert "K9" in faults(product__locales=[{"language_id": "nl", "title": "x"}])
    assert "K10" in faults(options__files={"main": "none", "flux_dvd": "none", "preview": "none"})
    assert "K11" in faults(options__send_mail_to_shop_owner="true")
    assert "K13" in faults(price={"title": "A", "currencies": [{"currency": "eur", "price": 3.95}]})
    assert "K14" in faults(price={"title": "A", "currencies": [{"currency": "EUR", "price": 395}]})
    assert "K18" in faults(product__product_type=27, product__drm_protected=True)
    assert "K19" in faults(product__price_license_binding=[{"license_id": 1, "price_id": 2, "hd": False}])
    assert "K19" in faults(product__price_license_binding=[{"license_id": 1, "hd": True, "compare_price_id": None}])
    faults()
    (folder / "files" / "product.json").write_text("{}")
    assert "K1" in " ".join(verify(tmp_path / "out"))
    (folder / "files" / "product.json").unlink()
    (tmp_path / "out" / "sku-1").mkdir()
    assert "K3" in " ".join(verify(tmp_path / "out"))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples here")
def test_real_media_are_written(tmp_path: Path):
    sources = [
        "epub/wasteland.epub",
        "pdf/minimal-document.pdf",
        "video/tiny-video.mp4",
        "audio/full.mp3",
        "audio/full.flac",
        "audio",
    ]
    outcomes = [convert(product(sku=f"M{n}", content=[{"src": src}]), SAMPLES) for n, src in enumerate(sources)]
    assert [codes(outcome, "error") for outcome in outcomes] == [[]] * len(sources)
    write(outcomes, tmp_path / "out", files="copy")
    assert verify(tmp_path / "out") == []
    assert [body(outcome)["product"]["product_type"] for outcome in outcomes] == [16, 7, 9, 23, 23, 24]
    assert (tmp_path / "out" / "M0" / "files" / "wasteland.epub").read_bytes() == (SAMPLES / sources[0]).read_bytes()


def test_cover_of_jpeg_only_reaches_the_folder(source: Path, tmp_path: Path):
    fill(source, {"über.jpg": JPEG})
    write([convert(product(images=[{"src": "über.jpg"}]), source)], tmp_path / "out")
    assert (tmp_path / "out" / "SKU-1" / "pictures" / "über.jpg").read_bytes() == JPEG
