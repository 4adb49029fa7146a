"""What holds for every JSON file: it reads back as it was written, and broken ones never end in silence."""

from __future__ import annotations

import itertools
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedbridge.errors import SourceError
from feedbridge.sources.base import BadDocument
from feedbridge.sources.json import JsonSource

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["}", "{", "]", ":", '"', "\\", "},{", "\n", "\r\n", "\u2028", "\x85", "a:b", "NaN"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.decimals(-1000, 1000, places=2).map(lambda number: float(number))
    | TEXTS
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
# "sku" first: an object is then never taken for a page or an envelope.
PRODUCTS = st.dictionaries(TEXTS, VALUES, max_size=4).map(lambda product: {"sku": 1, **product})
BLOCKS = st.sampled_from([1, 2, 7, 33, 64, 500, 1 << 20])
NUMBER = itertools.count()

SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def exact(value: Any) -> Any:
    """As the source gives it: numbers with a point are Decimal."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return value


def write(folder: Path, data: bytes) -> Path:
    path = folder / f"{next(NUMBER)}.json"
    path.write_bytes(data)
    return path


def read(path: Path, block: int) -> tuple[JsonSource, list[Any]]:
    source = JsonSource(path, block=block)
    return source, [record for batch in source.batches() for record in batch.records]


@st.composite
def written(draw: Any) -> tuple[list[dict[str, Any]], str, list[int], list[str]]:
    """Products, a text that holds them, their lines and pointers."""
    products = draw(st.lists(PRODUCTS, min_size=1, max_size=6))
    shape = draw(st.sampled_from(["array", "envelope", "page", "pages", "lines", "sequence"]))
    indent = None if shape == "lines" else draw(st.sampled_from([None, 0, 1, 4]))
    ascii_only = draw(st.booleans())
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    space = st.sampled_from(["", " ", end, f" {end}{end}\t"])
    bodies = [json.dumps(product, indent=indent, ensure_ascii=ascii_only).replace("\n", end) for product in products]
    before, between, after = {
        "array": ("[", ",", "]"),
        "envelope": ('{"total":3,"data":{"products":[', ",", '],"next":null}}'),
        "page": (f'{{"_links":{{"self":{{"href":"x"}}}},{end}"_embedded":{{"items":[', ",", "]}}"),
        "pages": ('[{"_embedded":{"items":[', ",", "]}}]"),
        "lines": ("", "", end),
        "sequence": ("", "", ""),
    }[shape]
    text, lines = draw(space) + before, []
    for index, body in enumerate(bodies):
        if index:
            if shape == "pages" and draw(st.booleans()):
                text += "]}}, {" + '"_embedded":{"items":['
            else:
                text += draw(space) + between
        text += {"lines": end * bool(index), "sequence": end}.get(shape, "") + draw(space)
        lines.append(1 + text.replace("\r\n", "\n").replace("\r", "\n").count("\n"))
        text += body
    text += draw(space) + after + draw(space)
    document: Any = json.loads(text) if shape not in ("lines", "sequence") else None
    pointers = {
        "array": [f"/{index}" for index in range(len(products))],
        "envelope": [f"/data/products/{index}" for index in range(len(products))],
        "page": [f"/_embedded/items/{index}" for index in range(len(products))],
        "pages": [
            f"/{page}/_embedded/items/{index}"
            for page, each in enumerate(document if shape == "pages" else [])
            for index in range(len(each["_embedded"]["items"]))
        ],
    }.get(shape, [""] * len(products))
    return products, text, lines, pointers


@SETTINGS
@given(case=written(), block=BLOCKS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_it_reads_back_as_it_was_written(tmp_path, case, block, encoding):
    products, text, lines, pointers = case
    source, found = read(write(tmp_path, text.encode(encoding)), block)
    assert [document for _, document, _ in found] == exact(products)
    assert [line for line, _, _ in found] == lines
    assert [source.pointer(record) for record in found] == pointers
    assert source.findings == []


@SETTINGS
@given(
    products=st.lists(PRODUCTS, min_size=1, max_size=5),
    cut=st.floats(0, 1, exclude_max=True),
    block=BLOCKS,
    data=st.data(),
)
def test_a_cut_off_document_is_never_taken_for_a_whole_one(tmp_path, products, cut, block, data):
    before, after = data.draw(
        st.sampled_from([("[", "]"), ('{"items":[', "]}"), ('{"n":1,"data":{"items":[', '],"m":2}}')])
    )
    text = before + ",".join(json.dumps(product, ensure_ascii=False) for product in products) + after
    whole = text.encode()
    path = write(tmp_path, whole[: math.floor(len(whole) * cut)])
    try:
        read(path, block)
    except SourceError as error:
        assert error.code in ("json.broken", "source.empty")
        return
    raise AssertionError("it was read as if it were whole")


@SETTINGS
@given(
    case=written(),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    block=BLOCKS,
)
def test_a_damaged_file_is_read_or_refused(tmp_path, case, flips, block):
    damaged = bytearray(case[1].encode())
    for place, byte in flips:
        damaged[math.floor(len(damaged) * place)] = byte
    try:
        source, found = read(write(tmp_path, bytes(damaged)), block)
    except SourceError as error:
        assert error.code
        return
    for record in found:
        assert isinstance(record[1], dict)
        assert isinstance(source.pointer(record), str)
        if isinstance(record[1], BadDocument):
            assert record[1].finding.message


@SETTINGS
@given(products=st.lists(PRODUCTS, min_size=3, max_size=6), junk=TEXTS, block=BLOCKS)
def test_of_json_lines_only_the_broken_one_is_lost(tmp_path, products, junk, block):
    lines = [json.dumps(product) for product in products]
    broken = ("{" + json.dumps(junk) + ";").replace("\n", " ")
    path = write(tmp_path, "\n".join([lines[0], broken, *lines[1:]]).encode())
    _, found = read(path, block)
    is_bad = [isinstance(document, BadDocument) for _, document, _ in found]
    assert is_bad == [False, True] + [False] * (len(lines) - 1)
    assert [document for _, document, _ in found if not isinstance(document, BadDocument)] == exact(products)


@SETTINGS
@given(
    products=st.lists(PRODUCTS, min_size=2, max_size=5),
    key=TEXTS,
    values=st.tuples(LEAVES, LEAVES),
    as_lines=st.booleans(),
)
def test_a_key_that_stands_twice_is_never_dropped(tmp_path, products, key, values, as_lines):
    first, second = (json.dumps(value) for value in values)
    twice = f'{{"sku":1,"in":[{{{json.dumps(key)} : {first},{json.dumps(key)}:{second}}}]}}'
    bodies = [json.dumps(products[0]), twice, *map(json.dumps, products[1:])]
    text = "\n".join(bodies) if as_lines else "[" + ",".join(bodies) + "]"
    _, found = read(write(tmp_path, text.encode()), 1 << 20)
    same = exact(json.loads(first)) == exact(json.loads(second))
    assert isinstance(found[1][1], BadDocument) is not same
    if not same:
        assert found[1][1].finding.code == "json.duplicate-key"
