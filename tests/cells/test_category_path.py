import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.cells.category_path import CategoryPath, CategoryPaths


@pytest.mark.parametrize(
    ("parameters", "raw", "expected"),
    [
        pytest.param({}, "Clothing > Shirts", ("Clothing", "Shirts"), id="two steps"),
        pytest.param({}, "Clothing>Shirts", ("Clothing", "Shirts"), id="no blanks"),
        pytest.param({}, "Sale", ("Sale",), id="one step"),
        pytest.param({}, "Clothing > Shirts >", ("Clothing", "Shirts"), id="separator at the end"),
        pytest.param({"separator": "/"}, "/Root/A & B/C", ("Root", "A & B", "C"), id="slashes"),
        pytest.param({"separator": "/", "escape": "\\"}, r"Root/A\/B", ("Root", "A/B"), id="escape"),
        pytest.param({}, ["Clothing", "Shirts > new"], ("Clothing", "Shirts > new"), id="JSON list gives the steps"),
        pytest.param({}, 7, ("7",), id="JSON int"),
    ],
)
def test_category_path_reads(parameters, raw, expected):
    assert CategoryPath(**parameters).read(raw) == expected


@pytest.mark.parametrize(
    ("parameters", "raw", "expected"),
    [
        pytest.param({}, "A > B, C", (("A", "B"), ("C",)), id="comma"),
        pytest.param({}, "A, A", (("A",),), id="equal paths once"),
        pytest.param({}, "A,,", (("A",),), id="empty paths are nothing"),
        pytest.param({"escape": "\\"}, r"Home\, Garden > X, Y", (("Home, Garden", "X"), ("Y",)), id="escape"),
        pytest.param({"escape": "\\"}, r"A\>B > C\, D, E", (("A>B", "C, D"), ("E",)), id="both escapes"),
        pytest.param({"separator": "/", "list_separator": "|"}, "R/A|R/B", (("R", "A"), ("R", "B")), id="pipe"),
        pytest.param({}, ["A > B", ["C", "D"]], (("A", "B"), ("C", "D")), id="JSON list"),
        pytest.param({}, ["Home, Garden > X"], (("Home, Garden", "X"),), id="JSON texts are one path each"),
    ],
)
def test_category_paths_reads(parameters, raw, expected):
    assert CategoryPaths(**parameters).read(raw) == expected


@pytest.mark.parametrize(
    ("reader", "raw", "code"),
    [
        pytest.param(CategoryPath(), "A > > B", "cell.category-path-step", id="empty step"),
        pytest.param(CategoryPath(), {"a": 1}, "cell.category-path-shape", id="object"),
        pytest.param(CategoryPath(), [["a"]], "cell.category-path-shape", id="list in a list"),
        pytest.param(CategoryPaths(), "X, A > > B", "cell.category-path-step", id="empty step in one of several"),
        pytest.param(CategoryPaths(), [None], "cell.category-path-shape", id="null in a list"),
    ],
)
def test_category_path_refuses(reader, raw, code):
    with pytest.raises(CellError) as caught:
        reader.read(raw)
    assert caught.value.code == code
    assert caught.value.mend


STEP = st.text("ab ,/>", min_size=1).map(str.strip).filter(bool)


@given(st.lists(st.lists(STEP, min_size=1, max_size=4), min_size=1, max_size=4))
def test_join_and_split_with_escape(paths):
    def written(step):
        return step.replace(">", "\\>").replace(",", "\\,")

    text = ", ".join(" > ".join(map(written, path)) for path in paths)
    assert CategoryPaths(escape="\\").read(text) == tuple(dict.fromkeys(map(tuple, paths)))
