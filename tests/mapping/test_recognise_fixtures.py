"""``--mapping auto`` on every fixture: exactly its own preset, and none on what is no shop's export."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from feedbridge.errors import CommandError, SourceError
from feedbridge.mapping.presets import presets
from feedbridge.mapping.recognise import NotRecognised
from feedbridge.run.inputs import open_inputs
from feedbridge.run.preparing import prepare

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SKIPPED = {"demo", "explain", "hostile"}
"""Folders of no one preset."""
CASES = sorted(path for path in FIXTURES.glob("*/*.args") if path.parent.name not in SKIPPED)


def typed(case: Path) -> tuple[list[Path], dict[str, str], str]:
    """Sources, parameters and mapping of a golden case."""
    words = shlex.split(case.read_text("utf-8"), comments=True)
    named = [FIXTURES.parent / word for word in words if word.startswith("fixtures/")]
    beside = [path for path in case.parent.glob(f"{case.stem}.*") if path.suffix not in {".args", ".out"}]
    given = dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--set")
    mapping = words[words.index("--mapping") + 1] if "--mapping" in words else "auto"
    known = {key: value for key, value in given.items() if "." not in key or key.startswith("source.")}
    return named or beside, known, mapping


def chosen(sources: list[Path], given: dict[str, str]) -> set[str]:
    return {mapping.name for _, mapping in open_inputs([str(path) for path in sources], "auto", given, None)}


def case_id(case: Path) -> str:
    return case.relative_to(FIXTURES).with_suffix("").as_posix()


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_a_fixture_is_recognised_as_what_it_is(case):
    sources, given, mapping = typed(case)
    if mapping == "auto" and not (case.with_suffix(".out") / "message.txt").exists():
        assert chosen(sources, given) == {case.parent.name}
    else:  # said in words, or refused: never taken for another shop's
        try:
            assert chosen(sources, given) <= {case.parent.name, "generic"}
        except (CommandError, SourceError) as refused:
            assert refused.code


def test_the_catalogue_of_the_readme_is_recognised():
    assert chosen([FIXTURES.parent / "examples/books/books.csv"], {}) == {"digital"}


def test_what_nearly_is_a_platforms_usual_preset_is_not_taken_for_a_general_one(tmp_path):
    path = tmp_path / "near.csv"
    path.write_text("SKU,Title,File,Medium,Price\nA,Book,a.epub,ebook,3.00\n", encoding="utf-8")
    with pytest.raises(NotRecognised, match=r"nearly fits digital, .* say --mapping digital") as caught:
        prepare(str(path), "flickrocket", "auto", {}, 1, False, None, None)
    assert caught.value.candidates[0].name == "digital" and caught.value.mend.startswith("say --mapping digital")
    for to in (["flipsnack"], ["flickrocket", "flipsnack"]):
        assert [one.name for one in prepare(str(path), to, "auto", {}, 1, False, None, None).mappings] == ["generic"]


def test_every_preset_has_a_fixture_that_it_is_recognised_by():
    found = {case.parent.name for case in CASES if typed(case)[2] == "auto"}
    assert set(presets()) - found == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("sku,title,price\nA,Tee,9.00\n", "generic", id="sku, title, price"),
        pytest.param("id;name;price;description\n1;Tee;9.00;x\n", "generic", id="id, name, price"),
        pytest.param("Product ID,Name,Price\n1,Tee,9.00\n", None, id="product id, name, price"),
        pytest.param("product_id,name,model,price,quantity\n1,Tee,M,9.00,3\n", None, id="some shop's own columns"),
        pytest.param("slug,sku,name,price\ntee,T,Tee,9.00\n", "generic", id="a slug"),
        pytest.param("id,name,variant sku\n1,Tee,T\n", None, id="ids of a spreadsheet"),
        pytest.param("name,optionGroups,optionValues\nTee,size,S\n", None, id="options without prices"),
        pytest.param("ID;Name;Reference;Quantity\n1;Tee;T;4\n", None, id="a stock list"),
        pytest.param("Product Handle,Product Title,Variant Title\ntee,Tee,S\n", None, id="titles only"),
        pytest.param("date,orders,revenue\n2025-01-01,3,9.00\n", None, id="a report"),
        pytest.param("first name,last name,email\nA,B,a@b.example\n", None, id="customers"),
        pytest.param(
            "SKU,Title,File,Medium,Cover,DRM,Licence title,Price model\nA,Book,a.epub,ebook,a.jpg,yes,Standard,A\n", "digital",
            id="titles of licences and prices",
        ),
        pytest.param(
            "SKU,Title,File,Medium,Licence title,Price model,Category titles,Price\nA,Book,a.epub,ebook,Standard,A,Fiction,3.00\n",
            "digital", id="titles, and a price besides",
        ),
        pytest.param("SKU,Title,File,Medium,Price\nA,Book,a.epub,ebook,3.00\n", "generic", id="a file, but no licence"),
        pytest.param('[{"sku":"A","title":"Tee","price":9}]', "generic", id="json"),
        pytest.param('[{"lat":1.5,"lon":2.5}]', None, id="places"),
    ],
)
def test_no_preset_is_picked_for_what_is_no_export_of_its_system(tmp_path, text, expected):
    path = tmp_path / ("feed.json" if text.startswith("[") else "feed.csv")
    path.write_text(text, encoding="utf-8")
    if expected is None:
        with pytest.raises(NotRecognised):
            chosen([path], {})
    else:
        assert chosen([path], {}) == {expected}
