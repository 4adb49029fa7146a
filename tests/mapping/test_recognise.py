"""``--mapping auto``: fingerprints, scores, and what is said when none fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from feedbridge.errors import CommandError, MappingError
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.presets import presets
from feedbridge.mapping.recognise import Names, NotRecognised, fingerprint_of, format_of, names_of, recognise, score
from feedbridge.mapping.schema import Recognise
from feedbridge.sources.opening import open_source


def fit(names, **print_):
    return score(Recognise.model_validate(print_), Names(names), "p")


@pytest.mark.parametrize(("anchor", "names", "there"), [
    pytest.param("Body (HTML)", ["body (html)"], True, id="case"),
    pytest.param("Image Src", ["  Image   Src "], True, id="blanks"),
    pytest.param("Réf", ["Re\u0301f"], True, id="unicode form"),
    pytest.param("image_link", ["Image Link"], False, id="an underscore is no blank"),
    pytest.param("a | b", ["b"], True, id="one or the other"),
    pytest.param("a|b", ["a"], True, id="or without blanks"),
    pytest.param("*-products", ["X_SELL-products"], True, id="wildcard"),
    pytest.param("*-products", ["products"], False, id="wildcard needs its text"),
    pytest.param("price (*)", ["price (EUR)"], True, id="brackets are no expression"),
    pytest.param("values.*.locale", ["values.name.locale"], True, id="path"),
    pytest.param("~-[a-z]{2}_[A-Z]{2}(-|$)", ["name-en_US"], True, id="expression"),
    pytest.param("~-[a-z]{2}_[A-Z]{2}(-|$)", ["name-EN_us"], False, id="expression minds case"),
    pytest.param("~^(a|b)$", ["b"], True, id="bar inside an expression"),
    pytest.param("sku | ~^x+$", ["xxx"], True, id="name or expression"),
    pytest.param("sku | ~^x+$", ["XXX"], False, id="name or expression, neither"),
    pytest.param("a.b", ["axb"], False, id="a dot is a dot"),
])  # fmt: skip
def test_anchor(anchor, names, there):
    assert (Names(names).find(anchor) is not None) is there


@pytest.mark.parametrize(("anchor", "name"), [
    pytest.param("image_link", "Image Link", id="blank"),
    pytest.param("image_link", "g:image_link", id="prefix"),
    pytest.param("g:image_link", "image-link", id="prefix in the anchor"),
    pytest.param("shipping.price", "g:shipping.g:price", id="inside"),
    pytest.param("*_id", "Item Group-ID", id="wildcard"),
])  # fmt: skip
def test_loose_names(anchor, name):
    assert Names([name]).find(anchor, loose=True) == name
    assert Names([name]).find(anchor) is None


@pytest.mark.parametrize(("names", "print_", "wanted"), [
    pytest.param("ab", {"required": ["a"], "strong": ["a", "b"]}, 1.0, id="all"),
    pytest.param("abc", {"required": ["a"], "strong": ["b", "c", "d", "e"]}, 0.5, id="half"),
    pytest.param("bc", {"required": ["a"], "strong": ["b", "c"]}, 0.0, id="required is missing"),
    pytest.param("abz", {"required": ["a"], "strong": ["b"], "never": ["z"]}, 0.0, id="negative is there"),
    pytest.param("a", {"required": ["a"]}, 0.7, id="nothing strong is named"),
    pytest.param("xy", {"required": ["a"], "alternatives": [{"required": ["x"], "strong": ["y"]}]}, 1.0, id="alternative"),
    pytest.param("ab", {"required": ["a"], "strong": ["b"], "alternatives": [{"required": ["x"]}]}, 1.0, id="the first"),
    pytest.param(
        "axyz",
        {"alternatives": [{"required": ["a"], "strong": ["x", "q"]}, {"required": ["a"], "strong": ["x", "y"]}]},
        1.0,
        id="the best one",
    ),
    pytest.param(
        "xz", {"required": ["a"], "never": ["z"], "alternatives": [{"required": ["x"]}]}, 0.7, id="each is complete in itself"
    ),
    pytest.param("a", {"namespaces": ["urn:g"], "strong": ["a"]}, 0.0, id="namespace of an XML document"),
    pytest.param("a", {}, 0.0, id="no fingerprint"),
])  # fmt: skip
def test_score(names, print_, wanted):
    assert fit(names, **print_).score == wanted


def test_a_candidate_says_what_was_found_and_what_is_missing():
    got = fit(
        ["ID", "Name", "Alt"], required=["id", "sku"], strong=["title | name", "ean"], never=["alt"], alternatives=[]
    )
    assert (got.lacks, got.against, got.found, got.missing) == (("sku",), ("Alt",), ("ID", "Name"), ("ean",))


def test_namespaces_of_a_document_are_anchors():
    print_ = Recognise.model_validate({"namespaces": ["urn:g"], "strong": ["g:id"], "loose": True})
    assert score(print_, Names(["id"], {"urn:g"})).score == 1.0
    assert score(print_, Names(["id"], {"urn:other"})).lacks == ("namespace urn:g",)


def test_an_expression_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="not a regular expression"):
        Recognise.model_validate({"strong": ["~("]})


PRESETS = {
    "shop": "recognise:\n  required: [Handle]\n  strong: [Title, Price, Image, Vendor, Status]\nsource: {format: csv}\n",
    "pim": "recognise:\n  required: [code]\n  strong: [values.name.locale, family]\nsource: {format: json}\n",
    "both": "recognise: # of the format\n  required: [uid]\n\n  # more\n  strong:\n    - name\nabout: not read\nsource: {}\n",
    "merchant": "recognise:\n  loose: true\n  required: [offer_id]\n  strong: [image_link, price]\n",
    "general": "recognise: {fallback: true, required: [id | Handle | uid], strong: [name | Title]}\n",
    "silent": "product: {sku: Handle}\n",
}


@pytest.fixture
def known(tmp_path) -> dict[str, Path]:
    folder = tmp_path / "presets"
    folder.mkdir()
    for name, text in PRESETS.items():
        (folder / f"{name}.yaml").write_text(f"feedbridge: 1\n{text}", encoding="utf-8")
    return {path.stem: path for path in sorted(folder.iterdir())}


def source_of(tmp_path: Path, content: object):
    """A table from a header line, documents from anything else."""
    if isinstance(content, str):
        path = tmp_path / "feed.csv"
        path.write_text(f"{content}\n" + ",".join("x" for _ in content.split(",")) + "\n", encoding="utf-8")
    else:
        path = tmp_path / "feed.json"
        path.write_text(json.dumps(content), encoding="utf-8")
    return open_source(path, name=path.name)


@pytest.mark.parametrize(("content", "wanted"), [
    pytest.param("Handle,Title,Price,Image,Vendor,Status", "shop", id="table"),
    pytest.param("Handle,Title,Price,Image,Vendor", "shop", id="one strong anchor less"),
    pytest.param("Handle,Title", "general", id="the general one where no other is accepted"),
    pytest.param([{"code": "a", "family": "f", "values": {"name": [{"locale": None}]}}], "pim", id="documents"),
    pytest.param([{"uid": "a", "name": "n"}], "both", id="documents, format open"),
    pytest.param("uid,name", "both", id="table, format open"),
    pytest.param("Offer ID,g:image_link,Price", "merchant", id="loose"),
])  # fmt: skip
def test_recognised(tmp_path, known, content, wanted):
    assert recognise(source_of(tmp_path, content), known)[0] == wanted


@pytest.mark.parametrize(("content", "words"), [
    pytest.param(
        "Handle,Price,Vendor,Other",
        ["fits no preset", "its columns: Handle, Price, Vendor, Other", "shop: score 0.40", "found: Handle, Price, Vendor",
         "missing: Title, Image, Status", "nothing of: both", "--mapping NAME", "feedbridge mapping suggest", "--out my.yaml"],
        id="score too low",
    ),
    pytest.param(
        "Handel,Title,Price,Image,Vendor,Status",
        ["shop: score 0.00", "required, but missing: Handle", "`Handle` is gone, `Handel` appeared", "it fits but for Handle"],
        id="only one required name is missing, and a new one is like it",
    ),
    pytest.param(
        "Quux,Title,Price,Image,Vendor,Status", ["required, but missing: Handle", "found: Title"], id="no new one is like it"
    ),
    pytest.param(
        [{"offer_id": 1, "image_link": "x", "price": 1, "uid": "u", "name": "n"}],
        ["fits both and merchant nearly equally well", "its members: offer_id", "0.15 ahead"],
        id="two fit",
    ),
    pytest.param([{"Handle": 1, "Title": "x", "Price": 1, "Image": 2, "Vendor": 3}], [], id="general, though for documents"),
    pytest.param("alpha,beta", ["nothing of: both, general, merchant, shop"], id="nothing at all"),
])  # fmt: skip
def test_refused_with_reasons(tmp_path, known, content, words):
    if not words:
        assert recognise(source_of(tmp_path, content), known)[0] == "general"
        return
    with pytest.raises(NotRecognised) as error:
        recognise(source_of(tmp_path, content), known)
    text = str(error.value)
    assert [word for word in words if word not in text] == []
    assert text.split("\n")[0].endswith("[mapping.not-recognised]")
    assert isinstance(error.value, CommandError) and error.value.exit_status == 2


def test_a_rename_is_only_guessed_where_the_rest_fits(tmp_path, known):
    with pytest.raises(NotRecognised) as error:
        recognise(source_of(tmp_path, "Handel,Price,Other,More"), known)
    assert "Handel` appeared" not in str(error.value)


def test_a_tie_of_candidates_lists_each_once(tmp_path, known):
    with pytest.raises(NotRecognised) as error:
        recognise(source_of(tmp_path, "Handle,Other"), known)
    assert [one.name for one in error.value.candidates] == ["general", "shop", "both", "merchant"]


def test_names_of_documents_go_three_levels_deep_and_name_their_list(tmp_path):
    page = {"data": {"items": [{"sku": "1", "price": {"eur": {"net": {"x": 1}}}, "images": [{"src": "a"}]}]}}
    path = tmp_path / "page.json"
    path.write_text(json.dumps(page), encoding="utf-8")
    names = names_of(open_source(path, items="data.items"))
    assert names == ["^data", "^data.items", "sku", "price", "price.eur", "price.eur.net", "images", "images.src"]


def test_flat_and_nested_documents_have_presets_of_their_own(tmp_path):
    flat = {"sku": "1", "name": "Pot", "price": "5.00"}
    assert recognise(source_of(tmp_path, [flat]))[0] == "generic"
    assert recognise(source_of(tmp_path, [flat | {"brand": {"name": "Acme"}}]))[0] == "pim-json"


def test_a_broken_fingerprint_is_named_with_its_line(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text("feedbridge: 1\nrecognise:\n  required: [a\nsource: {}\n", encoding="utf-8")
    with pytest.raises(MappingError, match="not valid YAML") as error:
        recognise(source_of(tmp_path, "a,b"), {"odd": path})
    assert error.value.where.startswith("odd:")


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_short_way_to_a_fingerprint_finds_what_the_mapping_says(name):
    file = load_mapping(name).file
    assert fingerprint_of(presets()[name], name) == file.recognise
    assert format_of(presets()[name], name) == file.source.format


@pytest.mark.parametrize(("block", "wanted"), [
    pytest.param("source: {format: csv}", "csv", id="flow"),
    pytest.param("source: {encoding: utf-8, format: json}", "json", id="not the first"),
    pytest.param('source:\n  encoding: utf-8\n  format: "csv"\n', "csv", id="block"),
    pytest.param("source: {encoding: utf-8}  # format: csv", None, id="comment"),
    pytest.param("source:\n  # format: csv\n  encoding: x\n", None, id="line of comment"),
    pytest.param("product: {format: csv}", None, id="another block"),
])  # fmt: skip
def test_format_of_a_preset(tmp_path, block, wanted):
    path = tmp_path / "p.yaml"
    path.write_text(f"feedbridge: 1\n{block}\nabout: x\n", encoding="utf-8")
    assert format_of(path, "p") == wanted
