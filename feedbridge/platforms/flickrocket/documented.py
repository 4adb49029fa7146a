"""What FlickRocket's batch upload demands of a product: rules K1 to K20.

Rules with a check look at the product alone. The others hold by construction, or need the files themselves:
those are found in files.py.

Source: developer.flickrocket.com/en/batch-upload/, its advanced settings, and the usage guide of flickrocket.com.
"""

from __future__ import annotations

from typing import Any

from feedbridge.platforms.flickrocket.examples import (
    ADVICE,
    ERROR,
    GUIDE,
    OURS,
    PAGE,
    PDF,
    WARNING,
    built,
    licensed,
    priced,
    with_fields,
)
from feedbridge.platforms.flickrocket.folders import path_fault
from feedbridge.platforms.flickrocket.licences import (
    LANGUAGES,
    cents,
    flickrocket_id,
    is_complete,
    is_id,
    language_of,
    licences_of,
    model_content,
    models_written,
    texts_written,
)
from feedbridge.platforms.flickrocket.media import (
    MEDIA,
    NO_DRM,
    TYPES,
    extension,
    is_url,
    main_files,
    medium_of,
    type_of,
)
from feedbridge.rules import Problem, rule

__all__ = [
    "K1",
    "K2",
    "K3",
    "K4",
    "K5",
    "K6",
    "K7",
    "K8",
    "K9",
    "K10",
    "K11",
    "K12",
    "K13",
    "K14",
    "K15",
    "K16",
    "K17",
    "K18",
    "K19",
    "K20",
    "unclear_type",
]

K1 = built(
    "K1",
    "Every product folder holds exactly one product.json, at its top, as strict JSON in UTF-8 without a mark in front.",
    "writer.py writes it once; a content file of that name is renamed; text that is no Unicode is refused",
    "book/product.json",
    "book/files/product.json",
    mend="correct the text's encoding in the source",
)


@rule(
    "K2",
    ERROR,
    source=PAGE,
    good={"kind": "digital", "ids": {"flickrocket": "142995"}},
    bad=with_fields(content=[{"src": "../secret.pdf"}]),
    mend="give the path of a file under the source's folder",
)
def K2(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Every content file and picture is a plain file under the source's folder, named in exactly its letter case."""
    problems = []
    for name, files in (("content", product.content), ("images", product.images)):
        for index, file in enumerate(files):
            fault = None if is_url(file.src) else path_fault(file.src)
            if fault is not None:
                problems.append(Problem(f"{name}.{index}.src", fault.message, file.src, fault.mend))
    return problems


K3 = built(
    "K3",
    "No two products share a folder, which is named after the SKU (letter case aside), or a FlickRocket id.",
    "the run, by the first key of each outcome",
    "SKUs BOOK-1 and BOOK-2",
    "SKUs BOOK-1 and book-1",
    source=OURS,
    mend="give each product a SKU of its own, different in more than letter case",
)


@rule(
    "K4",
    ADVICE,
    source=PAGE,
    good=PDF,
    bad={"kind": "physical"},
    mend="import it by CSV, or enter it in FlickRocket's admin",
)
def K4(product: Any, payload: Any, settings: Any) -> Problem | None:
    """Only products with downloadable content can be uploaded in a batch; physical goods need CSV or admin entry."""
    if product.kind == "physical" and not product.content and product.digital is None:
        return Problem("kind", "physical goods cannot be batch-uploaded: needs CSV import or admin entry")
    return None


@rule(
    "K5",
    ERROR,
    source=PAGE,
    good=with_fields(digital={"medium": "pdf"}),
    bad=with_fields(digital={"medium": "ebook"}),
    mend="give the kind of file this product type takes, or correct digital.medium",
)
def K5(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """The main file is of the kind its product type takes, by its extension and by what is inside."""
    medium = medium_of(product)
    if medium is None:
        return []
    problems = []
    several = len(main_files(product)) > 1
    for index, file in main_files(product):
        ending = extension(file.src)
        wanted: tuple[str, ...] = TYPES[medium].extensions
        if medium == "audio-package" and several:
            wanted = (".mp3",)  # the guide: source files of a DRM audio package must be MP3
        if ending and wanted and ending not in wanted:
            problems.append(
                Problem(
                    f"content.{index}.src",
                    f"{TYPES[medium].title} takes {' or '.join(wanted)}, not {ending}",
                    file.src,
                )
            )
    return problems


@rule(
    "K6",
    ERROR,
    source=PAGE,
    good=PDF,
    bad={"kind": "digital"},
    mend="give what is missing, or the id of the product to update",
)
def K6(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """A new product has a title, a product type, a main file and texts in at least one supported language."""
    if flickrocket_id(product):
        return []
    problems = []
    mains = main_files(product)
    if not mains:
        problems.append(
            Problem("content", "a new product needs its content file", mend="map content, or the FlickRocket id")
        )
    elif len(mains) == 1 and medium_of(product) is None:
        ending = extension(mains[0][1].src)
        if ending and ending not in MEDIA:
            problems.append(unclear_type(mains[0][1].src, ending))
    if not texts_written(product, settings):
        problems.append(
            Problem(
                "locale",
                "a new product needs a title in en, de, es, it, fr or pt",
                product.locale or settings.locale,
                "map a translation, or set the locale the texts are in",
            )
        )
    return problems


def unclear_type(src: str, ending: str) -> Problem:
    """The main file does not say what the product is."""
    return Problem(
        "digital.medium",
        f"a {ending or 'file without extension'} does not say what type of product this is",
        src,
        f"map digital.medium: one of {', '.join(TYPES)}",
    )


@rule(
    "K7",
    ERROR,
    source=PAGE,
    good={"kind": "digital", "ids": {"flickrocket": "142995"}},
    bad={"kind": "digital", "ids": {"flickrocket": "0001-26ED-EA4F-AA32"}},
    mend="give the short id from the product's details page in the admin interface, or none for a new product",
)
def K7(product: Any, payload: Any, settings: Any) -> Problem | None:
    """An update is told by the short product id, a whole number."""
    given = flickrocket_id(product)
    if not given or (given.isascii() and given.isdigit() and len(given) <= 16 and is_id(int(given))):
        return None
    kind = "the long product id" if given.count("-") == 3 else "no short product id"
    return Problem("ids.flickrocket", f'"{given}" is {kind}', given)


K8 = built(
    "K8",
    "An update never changes the product type.",
    "product_type is left out of every update",
    "an update without product_type",
    "an update with product_type 16",
    mend="delete the product and create it anew",
)


@rule(
    "K9",
    WARNING,
    source=PAGE,
    good=with_fields(locale="de_DE"),
    bad=with_fields(locale="en", translations=[{"locale": "nl", "title": "Boek"}]),
    mend="nothing, if the language is not needed; FlickRocket takes en, de, es, it, fr, pt, each once",
)
def K9(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Texts and covers are in en, de, es, it, fr or pt, one a language; others are left out."""
    problems = []
    written = texts_written(product, settings)
    own = product.locale or settings.locale
    if language_of(own) not in LANGUAGES:
        problems.append(Problem("locale", f'texts in "{own}" are left out: the language is not supported', own))
    for index, texts in enumerate(product.translations):
        language = language_of(texts.locale)
        field = f"translations.{index}.locale"
        if language not in LANGUAGES:
            problems.append(
                Problem(field, f'texts in "{texts.locale}" are left out: the language is not supported', texts.locale)
            )
        elif written.get(language, index) != index and (texts.title or texts.description):
            problems.append(Problem(field, f'second texts in "{language}" are left out', texts.locale))
    for index, image in enumerate(product.images):
        if image.locale is not None and language_of(image.locale) not in LANGUAGES:
            problems.append(
                Problem(
                    f"images.{index}.locale",
                    f'a picture in "{image.locale}" is left out: the language is not supported',
                    image.src,
                )
            )
    return problems


K10 = built(
    "K10",
    "A file slot is replaced exactly when its file is written.",
    "the converter sets both together",
    '"main": "replace" with files.main',
    '"main": "none" with files.main',
)
K11 = built("K11", "The three option flags are booleans.", "the payload model", "true", '"true"')


@rule(
    "K12",
    WARNING,
    source=PAGE,
    good=licensed(price_id=46),
    bad=PDF,
    mend="map digital.licences: a license_id with a price_id, as listed in the admin interface",
)
def K12(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """A product goes live only with a licence that has a price."""
    licences = licences_of(product)
    if not licences:
        if flickrocket_id(product):
            return []
        return [Problem("digital.licences", "no licence with a price: written, but will not go live")]
    live = any(is_complete(licence, settings) for licence in licences)
    end = "the binding is left out" if live else "the binding is left out; the product will not go live"
    problems = []
    for index, licence in enumerate(licences):
        if not is_complete(licence, settings):
            missing = "license_id" if licence.license_id is None else "price_id"
            problems.append(
                Problem(f"digital.licences.{index}.{missing}", f"a licence binding has no {missing}: {end}")
            )
    return problems


@rule(
    "K13",
    ERROR,
    source=PAGE,
    good=priced(("3.95", "EUR")),
    bad=priced(("3.955", "EUR")),
    settings={"write_price_models": "binding"},
    mend="give amounts with two decimals",
)
def K13(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Amounts are whole cents."""
    return [
        Problem(
            f"digital.licences.{index}.price_model.amounts.{place}",
            f"{money.amount} {money.currency} is not a whole number of cents",
            str(money.amount),
        )
        for index, model in models_written(product, settings)
        for place, money in enumerate(model.amounts)
        if cents(money.amount) is None
    ]


K14 = built(
    "K14", "Currency codes are lower case.", "the converter lowers them; the payload model refuses others", "eur", "EUR"
)


@rule(
    "K15",
    WARNING,
    source=PAGE,
    good=priced(("5", "EUR"), ("4", "GBP")),
    bad=priced(("4", "GBP")),
    settings={"write_price_models": "binding"},
    mend="add an amount in EUR or USD",
)
def K15(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """A price model has an amount in EUR or USD."""
    return [
        Problem(
            f"digital.licences.{index}.price_model", f'price model "{model.title}" has neither EUR nor USD', model.title
        )
        for index, model in models_written(product, settings)
        if not any(money.currency in ("EUR", "USD") for money in model.amounts)
    ]


@rule(
    "K16",
    ERROR,
    source=PAGE,
    good=priced(("5", "EUR")),
    bad=priced(("5", "EUR"), ("6", "EUR")),
    settings={"write_price_models": "binding"},
    mend="give each set of amounts a title of its own",
)
def K16(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """A price model's title stands for one set of amounts, one a currency."""
    problems = []
    known: dict[str, str] = {}
    for index, model in models_written(product, settings):
        field = f"digital.licences.{index}.price_model"
        currencies = [money.currency for money in model.amounts]
        if len(set(currencies)) < len(currencies):
            problems.append(Problem(field, f'price model "{model.title}" has two amounts in one currency', model.title))
        elif known.setdefault(model.title, model_content(model)) != model_content(model):
            problems.append(Problem(field, f'price model "{model.title}" stands for two sets of amounts', model.title))
    return problems


K17 = built(
    "K17",
    "HTML in titles and descriptions survives: reading the file gives back the same text.",
    "the JSON encoder",
    '"<p>A whale.</p>"',
    '"&lt;p&gt;A whale.&lt;/p&gt;"',
)


@rule(
    "K18",
    WARNING,
    source=f"{PAGE}; {GUIDE}",
    good=with_fields(digital={"medium": "pdf", "drm": True}),
    bad=with_fields(content=[{"src": "pack.zip"}], digital={"medium": "file", "drm": True}),
    mend="take DRM off this product, or choose a type that has it",
)
def K18(product: Any, payload: Any, settings: Any) -> Problem | None:
    """Audio tracks, albums and generic files have no DRM; they are written without it."""
    if product.digital is not None and product.digital.drm and type_of(product) in NO_DRM:
        return Problem(
            "digital.drm",
            f"DRM is asked for, but {TYPES[medium_of(product) or 'file'].title} has none: written without",
        )
    return None


@rule(
    "K19",
    WARNING,
    source=f"{PAGE}; FlickRocket's WooCommerce plugin 4.74",
    good=with_fields(
        content=[{"src": "film.mp4"}],
        digital={"medium": "video-hd", "licences": [{"license_id": 1, "price_id": 2, "hd": True}]},
    ),
    bad=licensed(price_id=46, hd=True),
    mend="take hd off this licence",
)
def K19(product: Any, payload: Any, settings: Any) -> list[Problem]:
    """Only Video HD has licences for high definition, others are written without; compare_price_id is never missing."""
    if type_of(product) in (9, None):
        return []
    return [
        Problem(f"digital.licences.{index}.hd", "hd is set on a product that is not Video HD: written as false")
        for index, licence in enumerate(licences_of(product))
        if licence.hd
    ]


K20 = built(
    "K20",
    "The files of an album or audio package sort alphanumerically into playing order.",
    "files.py puts numbers in front where the names do not sort so",
    "01 Intro.mp3, 02 Storm.mp3",
    "1.mp3, 10.mp3, 2.mp3",
    source=GUIDE,
    mend="put all tracks in one folder, numbered 01, 02 …",
)
