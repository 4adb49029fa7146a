import pytest
from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.cells.status import StatusReader
from feedbridge.product import Status


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param("active", Status.ACTIVE, id="active"),
        pytest.param("Published", Status.ACTIVE, id="published"),
        pytest.param("1", Status.ACTIVE, id="1"),
        pytest.param(1, Status.ACTIVE, id="JSON 1"),
        pytest.param(True, Status.ACTIVE, id="JSON true"),
        pytest.param("DRAFT", Status.DRAFT, id="draft"),
        pytest.param("disabled", Status.DRAFT, id="disabled"),
        pytest.param("0", Status.DRAFT, id="0"),
        pytest.param(-1, Status.DRAFT, id="JSON -1"),
        pytest.param(False, Status.DRAFT, id="JSON false"),
        pytest.param("Archived", Status.ARCHIVED, id="archived"),
        pytest.param("discontinued", Status.ARCHIVED, id="discontinued"),
    ],
)
def test_status_reads(raw, status):
    assert StatusReader().read(raw) is status


@pytest.mark.parametrize(
    ("parameters", "raw", "code"),
    [
        pytest.param({}, "2", "cell.status-word", id="2"),
        pytest.param({}, "soon", "cell.status-word", id="word"),
        pytest.param({}, ["active"], "cell.status-shape", id="list"),
        pytest.param({"values": {"1": "active", "2": "draft"}}, "0", "cell.status-word", id="usual words are replaced"),
    ],
)
def test_status_refuses(parameters, raw, code):
    with pytest.raises(CellError) as caught:
        StatusReader(**parameters).read(raw)
    assert caught.value.code == code


def test_values_say_what_the_source_means():
    reader = StatusReader(values={"Live": "active", "2": "archived"})
    assert reader.read("LIVE") is Status.ACTIVE
    assert reader.read(2) is Status.ARCHIVED


def test_values_must_be_statuses():
    with pytest.raises(ValidationError):
        StatusReader(values={"1": "on sale"})
