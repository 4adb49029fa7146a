"""Products that have no record of their own: what their variants have in common, and in what they differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.mapping.common import common_words
from tests.mapping.trial import Documents, Rows, tried


@pytest.mark.parametrize(
    ("texts", "common"),
    [
        pytest.param(["Tee S", "Tee M"], "Tee", id="the end differs"),
        pytest.param(["Red Tee", "Blue Tee"], "Tee", id="the beginning differs"),
        pytest.param(["Fjord Red Shoe 42", "Fjord Blue Shoe 43"], "Fjord Shoe", id="the middle differs"),
        pytest.param(["Tee - Red / S", "Tee - Red / M", "Tee - Blue / S"], "Tee", id="signs that joined are gone"),
        pytest.param(["Tee - Red - Cotton", "Tee - Blue - Cotton"], "Tee - Cotton", id="one sign stays between"),
        pytest.param(["Tee, Red", "Tee"], "Tee", id="a comma does not count"),
        pytest.param(["TEE red", "Tee blue"], "TEE", id="case does not count"),
        pytest.param(["Tee (Red)", "Tee (Blue)"], "Tee", id="brackets with nothing in them"),
        pytest.param(["Tee (organic, S)", "Tee (organic, M)"], "Tee (organic)", id="brackets that are closed"),
        pytest.param(["Tee", "Tee"], "Tee", id="equal"),
        pytest.param(["Tee  two  blanks"], "Tee  two  blanks", id="one alone is kept as it is"),
        pytest.param(["Red", "Blue"], "Red", id="nothing in common: the first"),
        pytest.param(["- A", "- B"], "- A", id="signs are no words"),
        pytest.param(["x Tee)", "Tee) x"], "Tee", id="a bracket that was never opened"),
    ],
)
def test_common_words(texts, common):
    assert common_words(texts) == common


@given(st.lists(st.text("ab ,-()/", min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=4))
def test_common_words_come_from_the_first_text(texts):
    found = common_words(texts)
    assert found == texts[0] or found.strip()
    assert len(found) <= len(texts[0]) + 1
    assert common_words([found, found]) == found


FEED = """
columns: optional
records: {one: variant, group_by: group, differing_options: true, version_option: Version}
product:
  sku: {first_filled: [group, id]}
  title: {from: title, common: true}
variant:
  sku: id
  title: title
  options:
    - {name: {value: Color}, value: color}
    - {name: {value: Size}, value: size}
"""


def items(*rows: str) -> list[dict[str, str]]:
    return [dict(zip(("id", "group", "title", "color", "size"), row.split("|"), strict=True)) for row in rows]


@pytest.mark.parametrize("source", [Rows.of, lambda *rows: Documents(list(rows))], ids=["table", "documents"])
@pytest.mark.parametrize(
    ("rows", "title", "options"),
    [
        pytest.param(["1|T|Tee S|red|S", "2|T|Tee M|red|M"], "Tee", {"Size": ["S", "M"]}, id="one of two differs"),
        pytest.param(["1|T|Tee S|red|S", "2|T|Tee M|blue|M"], "Tee", {"Color": ["red", "blue"], "Size": ["S", "M"]}, id="both"),
        pytest.param(["1|T|Jar A|red|S", "2|T|Jar B|red|S"], "Jar", {"Color": ["red"], "Size": ["S"], "Version": ["Jar A", "Jar B"]},
                     id="only the titles differ"),
        pytest.param(["1|T|Jar A||", "2|T|Jar B||"], "Jar", {"Version": ["Jar A", "Jar B"]}, id="no options at all"),
        pytest.param(["1|T|Tee A|red|S", "2|T|Tee B|red|S", "3|T|Tee C|blue|S"], "Tee",
                     {"Color": ["red", "blue"], "Version": ["Tee A", "Tee B", "Tee C"]}, id="two of three are alike"),
    ],
)  # fmt: skip
def test_options_are_what_differs(source, rows, title, options):
    (trial,) = tried(FEED, source(*items(*rows)))
    assert trial.quick
    fields = trial.fields()
    assert (fields["sku"], fields["title"]) == ("T", title)
    assert {option["name"]: option["values"] for option in fields["options"]} == options


def test_a_lone_item_of_a_group_is_a_product_without_options():
    (trial,) = tried(FEED, Rows.of(*items("1|T|Tee S|red|S")))
    assert trial.fields() == {"sku": "1", "title": "Tee S"}


def test_a_damaged_title_of_a_later_row_holds_the_product_back():
    (trial,) = tried(FEED, Rows.of(*items("1|T|Tee S|red|S", "2|T|Tee\x07 M|red|M")))
    assert trial.product is None
    assert [finding.line for finding in trial.findings if finding.field.endswith("title")] == [3]
