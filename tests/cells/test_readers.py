"""What holds of every reader."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.cells import CellError, readers
from feedbridge.findings import Severity
from feedbridge.product.docs import field_texts

PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "money": [{"currency": "EUR"}, {"decimal": ","}, {"currency": "JPY", "minor_units": True}],
    "decimal": [{"decimal": "."}, {"decimal": ",", "refuse_ambiguous": True}],
    "integer": [{"decimal": ","}],
    "weight": [{"unit": "kg"}, {"unit": "lb", "decimal": ","}],
    "length": [{"unit": "in"}],
    "date": [{"format": "%d.%m.%Y"}, {"format": "%d %b %y %H:%M %z"}],
    "list": [{"escape": "\\", "quote": '"'}, {"escape": "\\", "escape_doubled": True}],
    "option_list": [{"quote": '"', "continued": True}, {"escape": "\\"}],
    "category_path": [{"separator": "/", "escape": "\\"}],
    "category_paths": [{"escape": "\\", "list_separator": "|"}],
    "html": [{"strip": True}],
    "text": [{"join": ",", "collapse_whitespace": True}, {"control": "remove"}],
    "identifier": [{"numeric": True}],
    "url": [{"base": "https://cdn.example/"}],
    "path_or_url": [{"base": "https://cdn.example/"}],
    "boolean": [{"true": ["ja"], "false": ["nein"]}],
    "status": [{"values": {"1": "active"}}],
}
EVERY = [(kind, given) for kind in readers() for given in [{}, *PARAMETERS.get(kind, [])]]

CELL = (
    st.one_of(
        st.text(min_size=1),
        st.text("0123456789.,-+ 'eE€$%kgRs\u00a0/:TZ", min_size=1),
        st.text("ab\\,|>=\"' \n", min_size=1),
    )
    .map(str.strip)
    .filter(bool)
)
JSON = st.recursive(
    st.one_of(CELL, st.integers(), st.integers(10**30, 10**60), st.booleans(), st.decimals()),
    lambda inner: st.one_of(
        st.lists(inner | st.none(), max_size=3),
        st.dictionaries(st.sampled_from(["amount", "currency", "unit", "value", "x"]), inner | st.none(), max_size=3),
    ),
    max_leaves=4,
)


@pytest.mark.parametrize(("kind", "parameters"), EVERY)
@settings(max_examples=60)
@given(raw=JSON)
def test_nothing_but_a_value_or_a_cell_error(kind, parameters, raw):
    reader = readers()[kind](**parameters)
    try:
        value = reader.read(raw)
    except CellError as exc:
        assert exc.code.startswith("cell.")
        assert exc.message
        assert exc.mend
        assert exc.severity in (Severity.ERROR, Severity.WARNING)
        exc.message.encode()  # can be written into a report
    else:
        assert value is not None
        msgspec.json.encode(value)
        again = readers()[kind](**parameters)
        again.read(raw)
        assert again.read(raw) == value, "the second reading is the first"


@pytest.mark.parametrize(("kind", "parameters"), EVERY)
def test_values_beyond_reason_are_refused(kind, parameters):
    reader = readers()[kind](**parameters)
    for raw in (10**5000, [10**5000], {"amount": 10**5000}, Decimal("1E+999999"), Decimal("Infinity"), 0.5, None):
        with pytest.raises(CellError):
            reader.read(raw)


def test_kinds():
    kinds = """
        boolean category_path category_paths currency date decimal gtin html identifier image_url integer length list
        money option_list path_list path_or_url status text url weight
    """
    assert sorted(readers()) == kinds.split()


@pytest.mark.parametrize("kind", sorted(readers()))
def test_every_reader_and_parameter_is_explained(kind):
    reader = readers()[kind]
    assert "Raises:" in (reader.__doc__ or "")
    texts = field_texts(reader)
    for name in reader.model_fields:
        assert texts.get(name), f"{kind}.{name}"
