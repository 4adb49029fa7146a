from decimal import Decimal

import pytest
from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.cells.boolean import FALSE, TRUE, Boolean


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("1", True, id="1"),
        pytest.param("0", False, id="0"),
        pytest.param("TRUE", True, id="capitals"),
        pytest.param("Yes", True, id="English"),
        pytest.param("nein", False, id="German"),
        pytest.param("oui", True, id="French"),
        pytest.param("sí", True, id="Spanish"),
        pytest.param("não", False, id="Portuguese"),
        pytest.param("x", True, id="cross"),
        pytest.param(1, True, id="JSON 1"),
        pytest.param(0, False, id="JSON 0"),
        pytest.param(True, True, id="JSON true"),
        pytest.param(False, False, id="JSON false"),
    ],
)
def test_boolean_reads(raw, expected):
    assert Boolean().read(raw) is expected


@pytest.mark.parametrize(
    ("parameters", "raw", "code"),
    [
        pytest.param({}, "maybe", "cell.boolean-word", id="word"),
        pytest.param({}, "2", "cell.boolean-word", id="2"),
        pytest.param({}, "-", "cell.boolean-word", id="dash"),
        pytest.param({}, Decimal("1.0"), "cell.boolean-word", id="number with decimals"),
        pytest.param({}, [True], "cell.boolean-shape", id="list"),
        pytest.param(
            {"true": ["deny"], "false": ["continue"]}, "yes", "cell.boolean-word", id="usual words are replaced"
        ),
    ],
)
def test_boolean_refuses(parameters, raw, code):
    with pytest.raises(CellError) as caught:
        Boolean(**parameters).read(raw)
    assert caught.value.code == code
    assert caught.value.mend


def test_a_word_given_goes_before_a_usual_one():
    assert Boolean(true=["0"]).read("0") is True
    assert Boolean(true=["0"]).read("no") is False
    assert Boolean(false=["1"]).read("1") is False
    assert Boolean(false=["1"]).read("yes") is True


def test_a_copy_with_other_words_remembers_nothing():
    usual = Boolean()
    assert usual.read("yes") is True
    assert usual.model_copy(update={"true": ["no"], "false": ["yes"]}).read("yes") is False


def test_no_word_means_both():
    assert not set(TRUE) & set(FALSE)
    with pytest.raises(ValidationError, match="cannot be both"):
        Boolean(true=["A"], false=["a "])
