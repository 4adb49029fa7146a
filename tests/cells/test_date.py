from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedbridge.cells import CellError
from feedbridge.cells.date import Date


@pytest.mark.parametrize(
    ("parameters", "raw", "expected"),
    [
        pytest.param({}, "2024-03-04 9:15:00", "2024-03-04T09:15:00", id="hour of one digit"),
        pytest.param({}, "2024-03-04T21:15Z", "2024-03-04T21:15:00+00:00", id="Z"),
        pytest.param({}, "2024-03-04 21:15:00 UTC", "2024-03-04T21:15:00+00:00", id="UTC"),
        pytest.param({}, "2024-03-04T21:15:00.123+0200", "2024-03-04T21:15:00.123000+02:00", id="offset without colon"),
        pytest.param({}, "2024-03-04T21:15:00+02", "2024-03-04T21:15:00+02:00", id="offset of hours"),
        pytest.param({"format": "%d.%m.%Y"}, "04.03.2024", "2024-03-04", id="day first"),
        pytest.param({"format": "%m/%d/%y, %I:%M %p"}, "3/4/24, 9:15 PM", "2024-03-04T21:15:00", id="American"),
        pytest.param({"format": "%Y%m%d"}, 20240304, "2024-03-04", id="JSON int with format"),
    ],
)
def test_date_reads(parameters, raw, expected):
    assert Date(**parameters).read(raw) == expected


@pytest.mark.parametrize("text", ["2024-02-29", "2024-03-04T21:15:00", "2024-03-04T21:15:00+02:00"])
def test_date_leaves_alone(text):
    assert Date().read(text) == text


@pytest.mark.parametrize(
    ("parameters", "raw", "code"),
    [
        pytest.param({}, "03/04/2024", "cell.date-ambiguous", id="day or month"),
        pytest.param({}, "3.4.24", "cell.date-ambiguous", id="day or month, short year"),
        pytest.param({}, "25/12/2024", "cell.date-format", id="one way only, but no format given"),
        pytest.param({}, "2023-02-29", "cell.date-format", id="not in the calendar"),
        pytest.param({}, "2024-03-04 25:00", "cell.date-format", id="not on the clock"),
        pytest.param({}, "20240304", "cell.date-format", id="no hyphens"),
        pytest.param({}, 1709500000, "cell.date-format", id="seconds"),
        pytest.param({}, "soon", "cell.date-format", id="word"),
        pytest.param({"format": "%d.%m.%Y"}, "2024-03-04", "cell.date-format", id="another format"),
        pytest.param({"format": "%d.%m.%Y"}, "31.02.2024", "cell.date-format", id="not in the calendar, with format"),
        pytest.param({}, ["2024-03-04"], "cell.date-shape", id="list"),
    ],
)
def test_date_refuses(parameters, raw, code):
    with pytest.raises(CellError) as caught:
        Date(**parameters).read(raw)
    assert caught.value.code == code
    assert caught.value.mend


def test_ambiguous_date_names_both_formats():
    with pytest.raises(CellError) as caught:
        Date().read("03/04/2024")
    assert '"%d/%m/%Y"' in caught.value.mend
    assert '"%m/%d/%Y"' in caught.value.mend


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("%d.%m.", id="no year"),
        pytest.param("%Y-%m", id="no day"),
        pytest.param("%Q", id="no such directive"),
    ],
)
def test_a_format_must_say_the_whole_date(pattern):
    with pytest.raises(ValidationError):
        Date(format=pattern)


@given(st.datetimes(min_value=datetime(1000, 1, 1)))
def test_every_iso_moment_reads_back(moment):
    assert datetime.fromisoformat(Date().read(moment.isoformat(" "))) == moment


@given(st.dates(min_value=date(1000, 1, 1)), st.sampled_from(["%d/%m/%Y", "%m-%d-%Y", "%Y.%m.%d", "%d %b %Y"]))
def test_every_date_reads_back_by_its_format(day, pattern):
    assert Date(format=pattern).read(day.strftime(pattern)) == day.isoformat()
