"""FlickRocket's product.json: what is written for which product, and which rule says what."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.platforms.flickrocket import PLATFORM
from feedbridge.platforms.flickrocket.licences import cents
from feedbridge.platforms.flickrocket.payload import ProductFile
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.product import Product, to_light
from tests.platforms.flickrocket_media import EPUB, JPEG, LICENCE, PNG, body, codes, convert, fill, product
from tests.strategies import products


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "source")


def test_documented_create(folder: Path):
    fill(folder, {"pictures/cover-en.jpg": JPEG, "pictures/cover-de.jpg": JPEG, "pictures/page-1.jpg": JPEG})
    outcome = convert(
        product(
            sku="moby-dick",
            content=[{"src": "book.epub"}],
            description="<p>A whale.</p>",
            translations=[{"locale": "de_DE", "title": "Moby Dick", "description": "<p>Ein Wal.</p>"}],
            category_ids={"flickrocket": ["4"]},
            images=[
                {"src": "pictures/cover-en.jpg", "locale": "en"},
                {"src": "pictures/page-1.jpg"},
                {"src": "pictures/cover-de.jpg", "locale": "de_DE"},
            ],
            digital={"drm": True, "version": "2024-1", "licences": [LICENCE]},
        ),
        folder,
    )
    assert codes(outcome) == []
    assert outcome.folder == "moby-dick"
    assert outcome.keys == ("moby-dick",)
    assert body(outcome) == {
        "user": {"email": "YOUR-FLICKROCKET-LOGIN", "password": "YOUR-FLICKROCKET-PASSWORD"},
        "files": {
            "main": "files/book.epub",
            "pictures": ["pictures/page-1.jpg"],
            "product_picture": [
                {"language_id": "en", "picture": "pictures/cover-en.jpg"},
                {"language_id": "de", "picture": "pictures/cover-de.jpg"},
            ],
        },
        "options": {
            "files": {"main": "replace", "flux_dvd": "none", "preview": "none"},
            "add_content_to_uploader": True,
            "add_content_to_shop_owner": True,
            "send_mail_to_shop_owner": True,
        },
        "product": {
            "title": "Moby-Dick",
            "version": "2024-1",
            "product_type": 16,
            "drm_protected": True,
            "locales": [
                {"language_id": "en", "title": "Moby-Dick", "description": "<p>A whale.</p>"},
                {"language_id": "de", "title": "Moby Dick", "description": "<p>Ein Wal.</p>"},
            ],
            "price_license_binding": [{"license_id": 16, "price_id": 46, "hd": False, "compare_price_id": None}],
            "categories": [{"category_id": 4}],
            "themes": [{"theme_id": -1}],
            "groups": [{"group_id": "c-1"}],
        },
    }
    assert list(body(outcome)["product"])[:5] == ["title", "version", "product_type", "drm_protected", "locales"]
    assert [use.target for use in outcome.files] == [
        "files/book.epub",
        "pictures/cover-en.jpg",
        "pictures/page-1.jpg",
        "pictures/cover-de.jpg",
    ]


def test_update_holds_the_id_and_what_is_given(folder: Path):
    outcome = convert(product(ids={"flickrocket": "142995"}, content=[], digital=None, locale="nl"), folder)
    assert codes(outcome, "error") == []
    assert outcome.keys == ("sku-1", "FlickRocket id: 142995")
    assert body(outcome)["product"] == {"id": 142995, "title": "Moby-Dick"}
    assert body(outcome)["files"] == {"flux_dvd": "", "preview": ""}
    assert set(body(outcome)["options"]["files"].values()) == {"none"}


def test_update_with_content_names_no_type_themes_or_groups(folder: Path):
    written = body(convert(product(ids={"flickrocket": "142995"}), folder))
    assert written["files"] == {"main": "files/book.pdf", "flux_dvd": "", "preview": ""}
    assert written["options"]["files"] == {"main": "replace", "flux_dvd": "none", "preview": "none"}
    assert written["product"].keys() == {"id", "title", "locales", "price_license_binding"}


@pytest.mark.parametrize(
    ("fields", "given", "excluded", "rule"),
    [
        pytest.param({"kind": "physical", "content": [], "digital": None}, {}, "physical goods", "K4", id="physical"),
        pytest.param(
            {"kind": "physical", "content": [], "digital": None, "status": "draft"},
            {},
            "physical goods",
            "K4",
            id="physical draft",
        ),
        pytest.param({"status": "draft"}, {}, "draft", "S2", id="draft"),
        pytest.param({"status": "archived"}, {}, "archived", "S2", id="archived"),
    ],
)
def test_excludes(folder: Path, fields: dict[str, Any], given: dict[str, Any], excluded: str, rule: str):
    outcome = convert(product(**fields), folder, **given)
    assert (outcome.excluded, codes(outcome), outcome.body) == (excluded, [rule], b"")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"kind": "physical", "digital": None}, id="content makes a candidate"),
        pytest.param({"kind": "physical"}, id="licences make a candidate"),
        pytest.param({"digital": None}, id="kind makes a candidate"),
    ],
)
def test_candidates_are_not_excluded(folder: Path, fields: dict[str, Any]):
    outcome = convert(product(**fields), folder)
    assert outcome.excluded == "" and outcome.body


def test_drafts_are_written_on_request(folder: Path):
    assert body(convert(product(status="draft"), folder, drafts="write"))["product"]["title"] == "Moby-Dick"


@pytest.mark.parametrize(
    ("src", "medium", "number"),
    [
        pytest.param("film.mp4", "video-sd", 1, id="video-sd mp4"),
        pytest.param("dvd/VIDEO_TS.IFO", None, 1, id="ifo"),
        pytest.param("dvd", None, 1, id="dvd folder"),
        pytest.param("setup.exe", "software", 4, id="software"),
        pytest.param("song.mp3", "audio-package", 5, id="audio-package"),
        pytest.param("package.bin", "audio-package", 5, id="flux package"),
        pytest.param("book.pdf", None, 7, id="pdf"),
        pytest.param("film.mp4", None, 9, id="mp4"),
        pytest.param("book.epub", None, 16, id="epub"),
        pytest.param("song.mp3", None, 23, id="mp3"),
        pytest.param("song.flac", None, 23, id="flac"),
        pytest.param("song.flac", "audio-album", 24, id="album of one"),
        pytest.param("pack.zip", None, 27, id="zip"),
        pytest.param("setup.exe", "file", 27, id="any file"),
        pytest.param("package.bin", "html", 29, id="html"),
        pytest.param("course.zip", "scorm", 30, id="scorm"),
        pytest.param("course.zip", "file", 27, id="scorm sold as a file"),
    ],
)
def test_product_type(folder: Path, src: str, medium: str | None, number: int):
    outcome = convert(
        product(content=[{"src": src}], digital={"medium": medium, "drm": True, "licences": [LICENCE]}), folder
    )
    assert codes(outcome, "error") == []
    assert body(outcome)["product"]["product_type"] == number
    assert body(outcome)["product"]["drm_protected"] is (number not in (23, 24, 27))
    assert ("K18" in codes(outcome)) is (number in (23, 24, 27))


@pytest.mark.parametrize(
    ("src", "field"),
    [
        pytest.param("setup.exe", "digital.medium", id="software or file"),
        pytest.param("page.html", "digital.medium", id="html"),
        pytest.param("course.zip", "digital.medium", id="zip with a SCORM manifest"),
    ],
)
def test_ambiguous_type_is_asked_for(folder: Path, src: str, field: str):
    outcome = convert(product(content=[{"src": src}]), folder)
    assert codes(outcome, "error") == ["K6"]
    assert [found.problem.field for found in outcome.problems] == [field]
    assert outcome.body == b""


# Each row: fields over a sound product, settings, the code that must speak, its field, whether it is written.
RULE_CASES = [
    pytest.param({"variants": [{"sku": "V1"}]}, {}, "S1", "variants", False, id="S1 variants"),
    pytest.param({"content": [{"src": "../book.pdf"}]}, {}, "K2", "content.0.src", False, id="K2 upwards"),
    pytest.param({"images": [{"src": "/etc/passwd"}]}, {}, "K2", "images.0.src", False, id="K2 absolute"),
    pytest.param({"content": [{"src": "C:\\book.pdf"}]}, {}, "K2", "content.0.src", False, id="K2 drive"),
    pytest.param({"content": [{"src": "dvd\\VIDEO_TS.IFO"}]}, {}, "K2", "content.0.src", False, id="K2 backslash"),
    pytest.param({"content": [{"src": "Book.pdf"}]}, {}, "K2", "content.0.src", False, id="K2 letter case"),
    pytest.param({"content": [{"src": "ftp://x.example/book.pdf"}]}, {}, "K2", "content.0.src", False, id="K2 ftp"),
    pytest.param({"images": [{"src": "dvd"}]}, {}, "K2", "images.0.src", False, id="K2 a folder as picture"),
    pytest.param(
        {"content": [{"src": "https://x.example/book.pdf"}]}, {}, "S8", "content.0.src", False, id="S8 address"
    ),
    pytest.param(
        {"content": [{"src": "film.mp4"}], "digital": {"medium": "pdf"}},
        {},
        "K5",
        "content.0.src",
        False,
        id="K5 extension",
    ),
    pytest.param(
        {"content": [{"src": "dvd"}], "digital": {"medium": "pdf"}}, {}, "K5", "content.0.src", False, id="K5 folder"
    ),
    pytest.param({"content": []}, {}, "K6", "content", False, id="K6 no file"),
    pytest.param({"locale": "nl"}, {}, "K6", "locale", False, id="K6 no supported language"),
    pytest.param({"locale": None}, {"locale": "nl"}, "K6", "locale", False, id="K6 locale by setting"),
    pytest.param({"ids": {"flickrocket": "0001-26ED-EA4F-AA32"}}, {}, "K7", "ids.flickrocket", False, id="K7 long id"),
    pytest.param({"ids": {"flickrocket": "142995.0"}}, {}, "K7", "ids.flickrocket", False, id="K7 decimal"),
    pytest.param({"ids": {"flickrocket": "0"}}, {}, "K7", "ids.flickrocket", False, id="K7 zero"),
    pytest.param(
        {"translations": [{"locale": "nl_NL", "title": "x"}]},
        {},
        "K9",
        "translations.0.locale",
        True,
        id="K9 unsupported",
    ),
    pytest.param(
        {"translations": [{"locale": "de", "title": "x"}, {"locale": "de_AT", "title": "y"}]},
        {},
        "K9",
        "translations.1.locale",
        True,
        id="K9 twice",
    ),
    pytest.param(
        {"translations": [{"locale": "en_GB", "title": "x"}]},
        {},
        "K9",
        "translations.0.locale",
        True,
        id="K9 the default again",
    ),
    pytest.param(
        {"images": [{"src": "cover.jpg", "locale": "sv"}]}, {}, "K9", "images.0.locale", True, id="K9 picture"
    ),
    pytest.param({"digital": None}, {}, "K12", "digital.licences", True, id="K12 none"),
    pytest.param(
        {"digital": {"licences": [{"license_id": 1}]}},
        {},
        "K12",
        "digital.licences.0.price_id",
        True,
        id="K12 no price",
    ),
    pytest.param(
        {"digital": {"licences": [LICENCE, {"price_id": 1}]}},
        {},
        "K12",
        "digital.licences.1.license_id",
        True,
        id="K12 no licence",
    ),
    pytest.param(
        {"digital": {"licences": [{**LICENCE, "hd": True}]}}, {}, "K19", "digital.licences.0.hd", True, id="K19 hd"
    ),
    pytest.param({"images": [{"src": "page.html"}]}, {}, "A7", "images.0.src", False, id="A7 extension"),
    pytest.param({"images": [{"src": "cover.png"}]}, {}, "S5", "images.0.src", True, id="S5 png"),
    pytest.param(
        {"content": [{"src": "book.pdf"}, {"src": "book.epub"}]}, {}, "S3", "content.1.src", False, id="S3 two mains"
    ),
    pytest.param(
        {"content": [{"src": "book.pdf"}, {"src": "pack.zip", "role": "extra"}]},
        {},
        "S3",
        "content.1.src",
        False,
        id="S3 extra beside a PDF",
    ),
    pytest.param(
        {"category_ids": {"flickrocket": ["4", "x"]}}, {}, "S6", "category_ids.flickrocket.1", False, id="S6 category"
    ),
    pytest.param(
        {"digital": {"licences": [{"license_id": 0, "price_id": 1}]}},
        {},
        "S6",
        "digital.licences.0.license_id",
        False,
        id="S6 zero",
    ),
    pytest.param(
        {"digital": {"licences": [{**LICENCE, "audio_type": 1}]}},
        {},
        "S7",
        "digital.licences.0.audio_type",
        True,
        id="S7 audio type of a PDF",
    ),
    pytest.param(
        {"digital": {"licences": [{**LICENCE, "num_users": 0}]}},
        {},
        "S7",
        "digital.licences.0.num_users",
        True,
        id="S7 no users",
    ),
    pytest.param(
        {"digital": {"package_audio_type": "music", "licences": [LICENCE]}},
        {},
        "A3",
        "digital.package_audio_type",
        True,
        id="A3 not an audio package",
    ),
    pytest.param(
        {"translations": [{"locale": "de", "description": "x", "slug": "y"}]},
        {},
        "S11",
        "translations.0.title",
        True,
        id="S11",
    ),
]


@pytest.mark.parametrize(("fields", "given", "code", "field", "written"), RULE_CASES)
def test_rule_speaks(folder: Path, fields: dict[str, Any], given: dict[str, Any], code: str, field: str, written: bool):
    outcome = convert(product(**fields), folder, **given)
    assert (code, field) in [(found.rule.number, found.problem.field) for found in outcome.problems]
    assert bool(outcome.body) is written
    if written:
        ProductFile.model_validate_json(outcome.body)


def test_relative_path_without_a_folder():
    outcome = convert(product(), None)
    assert codes(outcome) == ["K2"] and "no folder" in outcome.problems[0].problem.message


def test_left_out_parts_are_left_out(folder: Path):
    written = body(
        convert(
            product(
                translations=[{"locale": "nl", "title": "x"}, {"locale": "de", "description": "Wal"}],
                digital={"licences": [{"license_id": 1}, {**LICENCE, "hd": True, "audio_type": 1, "num_users": 3}]},
            ),
            folder,
        )
    )["product"]
    assert written["locales"] == [
        {"language_id": "en", "title": "Moby-Dick"},
        {"language_id": "de", "title": "Moby-Dick", "description": "Wal"},
    ]
    assert written["price_license_binding"] == [
        {"license_id": 16, "price_id": 46, "hd": False, "compare_price_id": None, "num_users": 3},
    ]


def test_english_is_written_beside_an_unsupported_default(folder: Path):
    outcome = convert(
        product(
            locale="nl_NL",
            title="Walvis",
            translations=[{"locale": "en", "title": "Whale"}],
            images=[{"src": "cover.jpg"}],
        ),
        folder,
    )
    written = body(outcome)
    assert written["product"]["title"] == "Walvis"
    assert written["product"]["locales"] == [{"language_id": "en", "title": "Whale"}]
    assert written["files"]["product_picture"] == [{"language_id": "en", "picture": "pictures/cover.jpg"}]
    assert codes(outcome) == ["K9"]


def test_hd_and_audio_type_where_they_belong(folder: Path):
    film = body(
        convert(product(content=[{"src": "film.mp4"}], digital={"licences": [{**LICENCE, "hd": True}]}), folder)
    )
    song = body(
        convert(product(content=[{"src": "song.flac"}], digital={"licences": [{**LICENCE, "audio_type": 1}]}), folder)
    )
    assert film["product"]["price_license_binding"][0]["hd"] is True
    assert song["product"]["price_license_binding"][0]["audio_type"] == 1


def test_slots_of_preview_and_fluxdvd(folder: Path):
    fill(folder, {"trailer.mp4": (folder / "film.mp4").read_bytes(), "extra.flux": b"x" * 9})
    outcome = convert(
        product(
            content=[
                {"src": "film.mp4"},
                {"src": "trailer.mp4", "role": "preview"},
                {"src": "extra.flux", "role": "extra"},
            ]
        ),
        folder,
    )
    assert body(outcome)["files"] == {
        "main": "files/film.mp4",
        "flux_dvd": "files/extra.flux",
        "preview": "files/trailer.mp4",
    }
    assert set(body(outcome)["options"]["files"].values()) == {"replace"}
    assert codes(outcome) == ["S5"]


@pytest.mark.parametrize(
    ("given", "word", "written"),
    [
        pytest.param({}, None, None, id="nobody says"),
        pytest.param({}, "music", "music", id="the documented word"),
        pytest.param({}, "audiobook", None, id="an undocumented word"),
        pytest.param({"package_audio_type": "audiobook"}, "audiobook", "audiobook", id="the configured word"),
        pytest.param({"package_audio_type": "audiobook"}, None, "audiobook", id="configured for all"),
    ],
)
def test_package_audio_type(folder: Path, given: dict[str, Any], word: str | None, written: str | None):
    digital = {"medium": "audio-package", "package_audio_type": word, "licences": [LICENCE]}
    outcome = convert(product(content=[{"src": "song.mp3"}], digital=digital), folder, **given)
    assert body(outcome)["options"].get("flux_package_audio_type") == written
    assert ("A3" in codes(outcome)) is (word is not None and written is None)


def test_settings_reach_the_options(folder: Path):
    written = body(convert(product(), folder, themes="7, 8", groups="c-2", send_mail_to_shop_owner="false", drm=True))
    assert written["product"]["themes"] == [{"theme_id": 7}, {"theme_id": 8}]
    assert written["product"]["groups"] == [{"group_id": "c-2"}]
    assert written["product"]["drm_protected"] is True
    assert written["options"]["send_mail_to_shop_owner"] is False


MODEL = {"title": "Tier A", "amounts": [{"amount": "3.95", "currency": "EUR"}, {"amount": "32", "currency": "USD"}]}
WRITTEN_MODEL = {
    "title": "Tier A",
    "currencies": [{"currency": "eur", "price": 395}, {"currency": "usd", "price": 3200}],
}


@pytest.mark.parametrize(
    ("mode", "where"),
    [
        pytest.param("binding", ("product", "price_license_binding", 0, "price"), id="binding"),
        pytest.param("product", ("product", "price"), id="product"),
        pytest.param("top", ("price",), id="top"),
    ],
)
def test_price_model_goes_where_it_is_told(folder: Path, mode: str, where: tuple[Any, ...]):
    outcome = convert(
        product(digital={"licences": [{"license_id": 16, "price_model": MODEL}]}), folder, write_price_models=mode
    )
    written = body(outcome)
    assert written["product"]["price_license_binding"][0].keys() - {"price"} == {"license_id", "hd", "compare_price_id"}
    assert json.dumps(written).count("Tier A") == 1
    for step in where:
        written = written[step]
    assert written == WRITTEN_MODEL
    assert outcome.claims == (("Tier A", "eur 395, usd 3200"),)
    assert codes(outcome) == []
    ProductFile.model_validate_json(outcome.body)


@pytest.mark.parametrize(
    ("licences", "mode", "expected"),
    [
        pytest.param([{"license_id": 1, "price_model": MODEL}], "off", ["A1", "K12"], id="off"),
        pytest.param([{**LICENCE, "price_model": MODEL}], "binding", ["A1"], id="price_id wins"),
        pytest.param(
            [{"license_id": 1, "price_model": {"title": "E", "amounts": []}}], "binding", ["A1", "K12"], id="no amount"
        ),
        pytest.param(
            [{"license_id": 1, "price_model": {"title": "G", "amounts": [{"amount": "1", "currency": "GBP"}]}}],
            "binding",
            ["K15"],
            id="neither EUR nor USD",
        ),
        pytest.param(
            [
                {
                    "license_id": 1,
                    "price_model": {
                        "title": "J",
                        "amounts": [{"amount": "500", "currency": "JPY"}, {"amount": "3", "currency": "EUR"}],
                    },
                }
            ],
            "binding",
            ["A8"],
            id="no decimals",
        ),
        pytest.param(
            [{"license_id": 1, "price_model": {"title": "K", "amounts": [{"amount": "3.955", "currency": "EUR"}]}}],
            "binding",
            ["K13"],
            id="a third decimal",
        ),
        pytest.param(
            [{"license_id": 1, "price_model": {"title": "K", "amounts": [{"amount": "1E+30", "currency": "EUR"}]}}],
            "binding",
            ["K13"],
            id="too large",
        ),
        pytest.param(
            [
                {"license_id": 1, "price_model": MODEL},
                {"license_id": 2, "price_model": {"title": "Tier A", "amounts": [{"amount": "4", "currency": "EUR"}]}},
            ],
            "binding",
            ["K16"],
            id="one title, two meanings",
        ),
        pytest.param(
            [{"license_id": 1, "price_model": MODEL}, {"license_id": 2, "price_model": {**MODEL, "title": "B"}}],
            "top",
            ["S10"],
            id="two models, one place",
        ),
        pytest.param(
            [{"license_id": 1, "price_model": MODEL}, {"license_id": 2, "price_model": MODEL}],
            "product",
            [],
            id="the same model twice",
        ),
    ],
)
def test_price_model_rules(folder: Path, licences: list[dict[str, Any]], mode: str, expected: list[str]):
    assert codes(convert(product(digital={"licences": licences}), folder, write_price_models=mode)) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        pytest.param("32", 3200, id="32"),
        pytest.param("3.95", 395, id="3.95"),
        pytest.param("0.1", 10, id="0.1"),
        pytest.param("0", 0, id="free"),
        pytest.param("1E+2", 10000, id="exponent"),
        pytest.param("19.900", 1990, id="zeros"),
        pytest.param("0.005", None, id="half a cent"),
        pytest.param("1E-999999", None, id="tiny"),
        pytest.param("1E+999999", None, id="huge"),
        pytest.param("90071992547409.92", None, id="past exact"),
        pytest.param("90071992547409.91", 9007199254740991, id="largest exact"),
    ],
)
def test_cents(amount: str, expected: int | None):
    assert cents(Decimal(amount)) == expected


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_cents_are_exact(amount: Decimal):
    assert cents(amount) == int((amount * 100).to_integral_exact())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<p class="a">Größe &amp; 日本 😀</p>\n<script>x</script>', id="html"),
        pytest.param('back\\slash "quotes" \t \x00\x1f\u2028 </script>', id="hostile"),
    ],
)
def test_texts_survive(folder: Path, text: str):
    written = body(convert(product(title=text, description=text), folder))
    assert written["product"]["title"] == text
    assert written["product"]["locales"] == [{"language_id": "en", "title": text, "description": text}]


def test_half_a_character_is_held_back(folder: Path):
    given = product()
    given.title = "bad \ud800 text"
    outcome = convert(given, folder)
    assert codes(outcome) == ["K1"] and outcome.body == b""


def test_unicode_key_and_case_of_the_folder(folder: Path):
    one, two, three = (convert(product(sku=sku), folder) for sku in ("Straße", "STRASSE", "a/b"))
    assert one.keys == two.keys == ("strasse",)
    assert one.folder == "Straße" and three.folder.startswith("a_b-")


def test_picture_used_twice_is_placed_once(folder: Path):
    outcome = convert(
        product(
            translations=[{"locale": "de", "title": "x"}],
            images=[
                {"src": "cover.jpg", "locale": "en"},
                {"src": "cover.jpg", "locale": "de"},
                {"src": "cover.jpg"},
            ],
        ),
        folder,
    )
    assert [use.target for use in outcome.files] == ["files/book.pdf", "pictures/cover.jpg"]
    assert [cover["picture"] for cover in body(outcome)["files"]["product_picture"]] == ["pictures/cover.jpg"] * 2


def test_same_names_from_different_folders_stay_apart(folder: Path):
    fill(folder, {"a/p.jpg": JPEG, "b/P.jpg": JPEG + b"x", "c/p.jpg": JPEG + b"y", "d/x.png": PNG})
    outcome = convert(product(images=[{"src": f"{name}.jpg"} for name in ("a/p", "b/P", "c/p")]), folder)
    assert [use.target for use in outcome.files][1:] == ["pictures/p.jpg", "pictures/P-2.jpg", "pictures/p-3.jpg"]


def test_content_named_product_json_is_renamed(folder: Path):
    fill(folder, {"product.json": b"{}"})
    outcome = convert(
        product(content=[{"src": "product.json"}], digital={"medium": "file", "licences": [LICENCE]}), folder
    )
    assert body(outcome)["files"]["main"] == "files/_product.json"


def test_file_that_is_something_else_inside_is_held_back(folder: Path):
    fill(folder, {"fake.pdf": EPUB})
    outcome = convert(product(content=[{"src": "fake.pdf"}]), folder)
    assert codes(outcome) == ["K5"]
    assert outcome.problems[0].problem.message == "the file is not a PDF: it looks like an EPUB"


@settings(max_examples=80, deadline=None)
@given(products())
def test_any_product_is_converted_without_an_exception(
    tmp_path_factory: pytest.TempPathFactory, given_product: Product
):
    folder = tmp_path_factory.getbasetemp()
    converter = PLATFORM.converter(FlickRocketSettings(write_price_models="binding", drafts="write"), {})
    for product_given in (given_product, given_product.model_copy(update={"kind": "digital"})):
        outcome = converter.convert(to_light(product_given), folder)
        held_back = any(found.rule.severity == "error" for found in outcome.problems)
        assert bool(outcome.body) + held_back + bool(outcome.excluded) == 1
