"""What we chose where the documentation says nothing (A), and what follows from the shape of our own feed (S)."""

from __future__ import annotations

from typing import Any

from feedbridge.platforms.flickrocket.examples import (
    ADVICE,
    ERROR,
    OURS,
    PAGE,
    PDF,
    SETTINGS_PAGE,
    WARNING,
    built,
    licensed,
    priced,
    with_fields,
)
from feedbridge.platforms.flickrocket.licences import (
    MOST_NUMBER,
    cents,
    is_id,
    licences_of,
    models_written,
    texts_written,
)
from feedbridge.platforms.flickrocket.media import (
    type_of,
)
from feedbridge.rules import Problem, rule

__all__ = [
    "A1",
    "A2",
    "A3",
    "A4",
    "A5",
    "A6",
    "A7",
    "A8",
    "A20",
    "A21",
    "S1",
    "S2",
    "S3",
    "S4",
    "S5",
    "S6",
    "S7",
    "S8",
    "S9",
    "S10",
    "S11",
]


@rule(
    "A1",
    WARNING,
    source=f"{SETTINGS_PAGE}; {OURS} where it goes",
    good=licensed(price_id=46),
    bad=priced(("5", "EUR")),
    mend="give the price_id, or set write_price_models",
)
def A1(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Price models are written only when that is switched on, and where no price_id is given."""
    written = {index for index, _ in models_written(product, settings)}
    problems = []
    for index, licence in enumerate(licences_of(product)):
        if licence.price_model is not None and index not in written:
            title = licence.price_model.title
            why = (
                "its price_id is used"
                if licence.price_id is not None
                else (
                    "write_price_models is off"
                    if settings.write_price_models == "off"
                    else "it has no amount, or its binding no licence"
                )
            )
            problems.append(
                Problem(f"digital.licences.{index}.price_model", f'price model "{title}" is not written: {why}', title)
            )
    return problems


A2 = built(
    "A2",
    "How several files in one product are named is not documented: an album is given by its folder, a DVD by "
    "VIDEO_TS.IFO. Try one before uploading many.",
    "files.py",
    '"main": "tracks"',
    '"main": ["01.mp3", "02.mp3"]',
    source=OURS,
    severity=ADVICE,
    mend="upload one such product and look at it in the admin interface",
)


@rule(
    "A3",
    WARNING,
    source=f"{PAGE}; {OURS} beside music",
    mend='write "music", or set package_audio_type',
    good=with_fields(content=[{"src": "a.mp3"}], digital={"medium": "audio-package", "package_audio_type": "music"}),
    bad=with_fields(content=[{"src": "a.mp3"}], digital={"medium": "audio-package", "package_audio_type": "audiobook"}),
)
def A3(product: Any, payload: Any, settings: Any) -> Problem | None:
    """The kind of an audio package is the documented word music, or the one configured."""
    given = product.digital.package_audio_type if product.digital is not None else None
    if not given:
        return None
    if type_of(product) not in (5, None):
        return Problem("digital.package_audio_type", "left out: only audio packages have a kind", given)
    if given not in ("music", settings.package_audio_type):
        return Problem("digital.package_audio_type", f'"{given}" is left out: only "music" is documented', given)
    return None


A4 = built(
    "A4",
    'New products get theme -1 and group "c-1", the documented values, unless others are given; updates keep theirs.',
    "the converter",
    '"themes": [{"theme_id": -1}]',
    "an update with themes nobody gave",
    source=OURS,
)
A5 = built(
    "A5",
    "The login in product.json is a placeholder, unless real credentials are switched on.",
    "the writer",
    '"email": "YOUR-FLICKROCKET-LOGIN"',
    "a password nobody asked to write",
    source=OURS,
)
A6 = built(
    "A6",
    "An update holds only what the feed gives; lists are always whole.",
    "the converter",
    '"product": {"id": 142995, "title": "Moby-Dick"}',
    '"categories": [] because the feed has none',
    source=OURS,
)
A7 = built(
    "A7",
    "Pictures are JPEG, the only format shown; PNG is passed with a notice.",
    "content.py",
    "cover.jpg",
    "cover.webp",
    source=OURS,
    mend="save the picture as JPEG",
)


@rule(
    "A8",
    WARNING,
    source=OURS,
    good=priced(("5", "EUR")),
    bad=priced(("500", "JPY"), ("5", "EUR")),
    settings={"write_price_models": "binding"},
    mend="check the price in the admin interface after the upload",
)
def A8(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Every amount is written times 100, also in currencies that do not have two decimals."""
    return [
        Problem(
            f"digital.licences.{index}.price_model.amounts.{place}",
            f"{money.currency} does not have two decimals; {money.amount} is written as {cents(money.amount)}",
            str(money.amount),
        )
        for index, model in models_written(product, settings)
        for place, money in enumerate(model.amounts)
        if money.currency in _NOT_TWO_DECIMALS
    ]


_NOT_TWO_DECIMALS = frozenset(  # ISO 4217, minor units 0, 3 and 4
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
        "BHD",
        "IQD",
        "JOD",
        "KWD",
        "LYD",
        "OMR",
        "TND",
        "CLF",
        "UYW",
    ]
)
A20 = built(
    "A20",
    "DRM is as the feed says, else as the setting drm says.",
    "the converter",
    '"drm_protected": false',
    "DRM nobody asked for",
    source=OURS,
)
A21 = built(
    "A21",
    "Titles come from the feed's default language; English texts are always written.",
    "the converter",
    "a title in de, locales de and en",
    "English texts left out",
    source=OURS,
)


@rule(
    "S1",
    ERROR,
    source=OURS,
    good=PDF,
    bad=with_fields(variants=[{"sku": "SKU-1-A"}]),
    mend="FlickRocket offers variants as licences; map them as licence bindings, or as products of their own",
)
def S1(product: Any, payload: Any, settings: Any) -> Problem | None:
    """A product has no variants: FlickRocket offers them as licences."""
    if product.variants:
        return Problem(
            "variants", f"the product has {len(product.variants)} variants; FlickRocket offers variants as licences"
        )
    return None


@rule(
    "S2",
    ADVICE,
    source=OURS,
    good=PDF,
    bad=with_fields(status="draft"),
    mend="set drafts to write, or make the product active",
)
def S2(product: Any, payload: Any, settings: Any) -> Problem | None:
    """Draft and archived products are not written."""
    if product.status != "active" and settings.drafts == "exclude":
        return Problem("status", f"the product is {product.status}", str(product.status))
    return None


@rule(
    "S3",
    ERROR,
    source=PAGE,
    good=with_fields(content=[{"src": "a.pdf"}, {"src": "b.pdf", "role": "preview"}]),
    bad=with_fields(content=[{"src": "a.pdf"}, {"src": "b.pdf"}]),
    mend="pack the files into one, name a preview as such, or make several products",
)
def S3(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """A product has one main file (albums and audio packages several), one preview, one fluxDVD file beside a video."""
    problems = []
    number = type_of(product)
    counts = {"main": 0, "preview": 0, "extra": 0}
    for index, file in enumerate(product.content):
        counts[file.role] += 1
        if file.role == "extra" and number not in (1, 9, None):
            problems.append(
                Problem(f"content.{index}.src", "there is no place for extra files beside the main file", file.src)
            )
        elif counts[file.role] > 1 and not (file.role == "main" and number in (5, 24)):
            problems.append(
                Problem(f"content.{index}.src", f"there is place for one {file.role} file, this is another", file.src)
            )
    return problems


S4 = built(
    "S4",
    "The folder of an album or DVD holds nothing but its tracks or DVD files; the rest is left out.",
    "files.py",
    "album/01.mp3",
    "album/booklet.pdf",
    source=OURS,
    severity=WARNING,
    mend="nothing, if the file is not needed",
)
S5 = built(
    "S5",
    "What cannot be checked, or is not documented, is passed with a notice.",
    "files.py and content.py",
    "book.pdf",
    "a Flux package",
    source=OURS,
    severity=ADVICE,
    mend="look at the product after the upload",
)


@rule(
    "S6",
    ERROR,
    source=PAGE,
    good=licensed(price_id=46),
    bad=with_fields(category_ids={"flickrocket": ["books"]}),
    mend="give the numbers the admin interface shows",
)
def S6(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Ids of licences, prices, categories and themes are whole numbers."""
    problems = []
    for index, licence in enumerate(licences_of(product)):
        for name in ("license_id", "price_id", "compare_price_id"):
            number = getattr(licence, name)
            if number is not None and not is_id(number):
                problems.append(
                    Problem(f"digital.licences.{index}.{name}", f"{number} cannot be an id", str(number)[:40])
                )
    for index, text in enumerate(product.category_ids.get("flickrocket", ())):
        if not (text.isascii() and text.isdigit() and len(text) <= 16 and is_id(int(text))):
            problems.append(Problem(f"category_ids.flickrocket.{index}", f'"{text}" is not a category number', text))
    if product.digital is not None:
        for index, theme in enumerate(product.digital.themes):
            if abs(theme) > MOST_NUMBER:
                problems.append(Problem(f"digital.themes.{index}", f"{str(theme)[:40]} cannot be a theme"))
        for index, group in enumerate(product.digital.groups):
            if not group:
                problems.append(Problem(f"digital.groups.{index}", "a group has no name"))
    return problems


@rule(
    "S7",
    WARNING,
    source="FlickRocket's WooCommerce plugin 4.74",
    bad=licensed(price_id=46, audio_type=1),
    good=with_fields(
        content=[{"src": "a.flac"}], digital={"licences": [{"license_id": 1, "price_id": 2, "audio_type": 1}]}
    ),
    mend="audio_type is 0 (MP3) or 1 (FLAC), on audio tracks and albums; num_users is 1 or more",
)
def S7(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Only audio tracks and albums have an audio type, 0 or 1; a licence is for at least one user. Else left out."""
    problems = []
    audio = type_of(product) in (23, 24, None)
    for index, licence in enumerate(licences_of(product)):
        if licence.audio_type is not None and not (audio and licence.audio_type in (0, 1)):
            problems.append(
                Problem(f"digital.licences.{index}.audio_type", "the audio type is left out", str(licence.audio_type))
            )
        if licence.num_users is not None and not 1 <= licence.num_users < 2**31:
            problems.append(
                Problem(
                    f"digital.licences.{index}.num_users", "the number of users is left out", str(licence.num_users)
                )
            )
    return problems


S8 = built(
    "S8",
    "Content and pictures at http(s) addresses are fetched only on request, and within limits.",
    "files.py and download.py",
    "files/book.pdf",
    "https://files.example/book.pdf",
    source=OURS,
    mend="run with --download (--set flickrocket.download=true), or put the file under the source's folder",
)
S9 = built(
    "S9",
    "FlickRocket's batch file has a place for what the feed gives; other fields are left out.",
    "the run",
    "title",
    "weight_grams",
    source=PAGE,
    severity=WARNING,
    mend="nothing, if FlickRocket does not need it; prices and categories go by their FlickRocket ids",
)


@rule(
    "S10",
    ERROR,
    source=OURS,
    settings={"write_price_models": "product"},
    good=priced(("5", "EUR")),
    bad=with_fields(
        digital={
            "medium": "pdf",
            "licences": [
                {"license_id": 1, "price_model": {"title": "A", "amounts": [{"amount": "5", "currency": "EUR"}]}},
                {"license_id": 2, "price_model": {"title": "B", "amounts": [{"amount": "6", "currency": "EUR"}]}},
            ],
        }
    ),
    mend="set write_price_models to binding, or give price ids",
)
def S10(product: Any, payload: Any, settings: Any) -> Problem | None:
    """Outside a binding there is place for one price model a product."""
    if settings.write_price_models in ("off", "binding"):
        return None
    titles = {model.title for _, model in models_written(product, settings)}
    if len(titles) > 1:
        return Problem("digital.licences", f"{len(titles)} price models, but place for one", ", ".join(sorted(titles)))
    return None


@rule(
    "S11",
    ADVICE,
    source=OURS,
    good=with_fields(locale="en", translations=[{"locale": "de", "title": "Buch"}]),
    bad=with_fields(locale="en", translations=[{"locale": "de", "description": "Ein Wal."}]),
    mend="map the translation's title",
)
def S11(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """A translation has a title (else the product's own is used), and nothing beside title and description."""
    problems = []
    for language, index in texts_written(product, settings).items():
        if index >= 0 and not product.translations[index].title:
            problems.append(
                Problem(f"translations.{index}.title", f'no title in "{language}": the product\'s own is used')
            )
    for index, texts in enumerate(product.translations):
        for name in ("short_description", "slug", "seo_title", "seo_description"):
            if getattr(texts, name):
                problems.append(
                    Problem(f"translations.{index}.{name}", f"there is no place for {name}", getattr(texts, name))
                )
    return problems
