from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.cells.decimals import AMBIGUOUS, PLAIN, Tally, decide, number_in, read_marked, shape_of
from feedbridge.cells.number import DecimalNumber


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        pytest.param("12", PLAIN, id="whole"),
        pytest.param("007", PLAIN, id="zeros in front"),
        pytest.param("1 234 567", PLAIN, id="blank groups"),
        pytest.param("1'234", PLAIN, id="apostrophe groups"),
        pytest.param("1\u202f234", PLAIN, id="narrow no-break space groups"),
        pytest.param("12.5", ".", id="point"),
        pytest.param(".5", ".", id="nothing before the point"),
        pytest.param("0.125", ".", id="zero cannot be a thousand"),
        pytest.param("012.345", ".", id="no group begins with zero"),
        pytest.param("1234.567", ".", id="four digits are no group"),
        pytest.param("1,234.56", ".", id="comma groups and point"),
        pytest.param("1,234.567", ".", id="comma group and three decimals"),
        pytest.param("1,234,567", ".", id="two commas can only be groups"),
        pytest.param("1'234.567", ".", id="apostrophe group and point"),
        pytest.param("12,5", ",", id="comma"),
        pytest.param("0,125", ",", id="zero with comma"),
        pytest.param("1.234,56", ",", id="point groups and comma"),
        pytest.param("1.234.567", ",", id="two points can only be groups"),
        pytest.param("1\u00a0234,5", ",", id="no-break space group and comma"),
        pytest.param("-12,5", ",", id="minus"),
        pytest.param("1.234", AMBIGUOUS, id="point and three digits"),
        pytest.param("999,999", AMBIGUOUS, id="comma and three digits"),
        pytest.param("+1.234", AMBIGUOUS, id="plus, point and three digits"),
        pytest.param("", "", id="empty"),
        pytest.param("12.", "", id="nothing after the point"),
        pytest.param("1,23,456.00", "", id="groups of two"),
        pytest.param("12.34.56", "", id="groups of two points"),
        pytest.param("1,234.567,8", "", id="three marks"),
        pytest.param("1 234.567 890", "", id="groups behind the point"),
        pytest.param("1'234,567.8", "", id="two kinds of groups"),
        pytest.param("1e5", "", id="exponent"),
        pytest.param("--5", "", id="two signs"),
        pytest.param("5-", "", id="sign behind"),
        pytest.param("١٢", "", id="other digits"),
        pytest.param("12\n", "", id="line break"),
    ],
)
def test_shape_of(text, shape):
    assert shape_of(text) == shape


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("EUR 12,50", ("EUR", "12,50", ""), id="code in front"),
        pytest.param("12,50 €", ("", "12,50", "€"), id="sign behind"),
        pytest.param("-$5", ("$", "-5", ""), id="minus before the sign"),
        pytest.param("$ -5", ("$", "-5", ""), id="minus behind the sign"),
        pytest.param("$.50", ("$", ".50", ""), id="point after a currency sign"),
        pytest.param("Rs.500", ("Rs.", "500", ""), id="full stop of a word is no point"),
        pytest.param("S/.50", ("S/.", "50", ""), id="full stop of soles is no point"),
        pytest.param("kr .50", ("kr", ".50", ""), id="point after a blank"),
        pytest.param("1 - 2", ("", "1 - 2", ""), id="two numbers stay one text"),
        pytest.param("abc", ("", "", ""), id="no digits"),
    ],
)
def test_number_in(text, parts):
    assert number_in(text) == parts


def column(*texts):
    return list(enumerate(texts, start=2))


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        pytest.param(["12,50", "1.234"], ",", id="one comma decides the ambiguous"),
        pytest.param(["12.5", "1.234"], ".", id="one point decides the ambiguous"),
        pytest.param(["1.234,56 €", "EUR 5"], ",", id="beside currencies"),
        pytest.param(["1,5 kg"], ",", id="beside units"),
        pytest.param(["0.999", "1.000"], ".", id="zero in front is evidence"),
        pytest.param(["1", "2", "1 000"], ".", id="whole numbers are harmless"),
        pytest.param([], ".", id="no values"),
        pytest.param(["", "  ", "n/a"], ".", id="nothing that is a number"),
        pytest.param(["12.5"] * 10 + ["12,5"], ".", id="ten to one"),
        pytest.param(["12.5"] * 9 + ["12,5"], None, id="nine to one is refused"),
        pytest.param(["12,5", "12.5"], None, id="one to one is refused"),
        pytest.param(["1.234", "2.345"], None, id="ambiguous only"),
        pytest.param(["1.234", "2,345"], None, id="ambiguous both ways"),
        pytest.param(["1.234", "5"], None, id="ambiguous and whole"),
    ],
)
def test_decide(texts, mark):
    assert decide(column(*texts), "Preis").mark == mark


def test_decision_names_lines_of_evidence_and_contradiction():
    decision = decide(column(*["12,50"] * 20, "12.50", "1.234", "7", "?"), "Preis")
    assert decision.mark == ","
    assert decision.column == "Preis"
    assert decision.evidence == ((2, "12,50"), (3, "12,50"), (4, "12,50"))
    assert decision.contradicting == ((22, "12.50"),)
    assert (decision.evidence_count, decision.contradicting_count) == (20, 1)
    assert (decision.ambiguous_count, decision.plain_count, decision.unreadable_count) == (1, 1, 1)
    assert decision.is_mixed
    assert '"12.50" (line 22)' in decision.reason


def test_contradicting_values_are_cut_at_five_and_counted_in_full():
    decision = decide(column(*["12,50"] * 100, *["1.5"] * 7), "Preis")
    assert decision.mark == ","
    assert len(decision.contradicting) == 5
    assert decision.contradicting_count == 7
    assert not decision.is_mixed


def test_refused_column_shows_both_kinds():
    decision = decide(column("1,5", "2,5", "3,5", "1.5"), "Preis")
    assert decision.mark is None
    assert decision.evidence == ((2, "1,5"), (3, "2,5"), (5, "1.5"))


def test_json_numbers_say_nothing():
    tally = Tally("price")
    for line, value in enumerate([12, Decimal("1.5"), None, True, ["1,5"]]):
        tally.add(line, value)
    decision = tally.decision()
    assert (decision.mark, decision.plain_count, decision.evidence_count) == (".", 0, 0)


def test_tally_memory_does_not_grow_with_the_column():
    tally = Tally("Preis")
    for line in range(70_000):
        tally.add(line, f"{line}.5")
    assert len(tally.known) <= 1 << 16
    assert sum(len(values) for values in tally.first.values()) == 5
    assert tally.decision().evidence_count == 70_000


def grouped(digits, group):
    head = len(digits) % 3 or 3
    return group.join([digits[:head], *(digits[i : i + 3] for i in range(head, len(digits), 3))])


@st.composite
def columns(draw):
    """A column as one program writes it: one decimal mark, one group mark, each value with its exact number."""
    mark = draw(st.sampled_from(".,"))
    group = draw(st.sampled_from(["", " ", "'", "\u00a0", "\u202f", "," if mark == "." else "."]))
    places = draw(st.sampled_from([None, 0, 1, 2, 3, 4]))
    cells = []
    for _ in range(draw(st.integers(1, 12))):
        whole = draw(st.integers(0, 10 ** draw(st.integers(1, 9))))
        count = draw(st.integers(0, 4)) if places is None else places
        decimals = "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=count, max_size=count)))
        sign = draw(st.sampled_from(["", "", "-"]))
        text = sign + (grouped(str(whole), group) if group else str(whole)) + (mark + decimals if decimals else "")
        cells.append((text, Decimal(f"{sign}{whole}.{decimals or 0}")))
    return cells


@given(columns())
def test_no_value_of_a_column_is_ever_misread(cells):
    decision = decide(enumerate((text for text, _ in cells), start=2), "Preis")
    if decision.mark is None:
        assert decision.ambiguous_count and not decision.evidence_count
        return
    reader = DecimalNumber(decimal=decision.mark)
    for text, number in cells:
        assert reader.read(text) == number
    assert decision.contradicting == ()


@given(columns(), columns())
def test_no_value_of_a_mixed_column_is_misread_without_ambiguous_ones(cells, others):
    cells = [*cells, *others]
    decision = decide(enumerate((text for text, _ in cells), start=2), "Preis")
    if decision.mark is None or not decision.is_mixed:
        return
    reader = DecimalNumber(decimal=decision.mark, refuse_ambiguous=True)
    for text, number in cells:
        try:
            assert reader.read(text) == number
        except CellError as exc:
            assert exc.code in ("cell.number-format", "cell.number-ambiguous")


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=4))
def test_marked_text_reads_back(number):
    text = f"{number:,}"
    swapped = text.translate(str.maketrans(".,", ",."))
    assert read_marked(text, ".") == number
    assert read_marked(swapped, ",") == number
