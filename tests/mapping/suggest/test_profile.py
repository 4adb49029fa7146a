"""What a column's values look like."""

from __future__ import annotations

import pytest

from feedbridge.mapping.suggest.profile import profile_of


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param(["4006381333931", "5901234123457"], "gtin", id="GTINs"),
        pytest.param(["12,50", "1.299,00"], "number", id="prices with commas"),
        pytest.param(["12,50 €", "EUR 9"], "amount_signed", id="prices with a currency"),
        pytest.param(["https://a.example/x.jpg?v=1"], "image", id="a picture's address"),
        pytest.param(["media/x.png"], "image_path", id="a picture's path"),
        pytest.param(["https://a.example/p/1"], "url", id="an address"),
        pytest.param(["EUR", "USD"], "currency", id="currencies"),
        pytest.param(["<p>x</p>", "a<br/>b"], "html", id="HTML"),
        pytest.param(["2024-02-01", "31.12.2023"], "date", id="dates"),
        pytest.param(["ja", "nein"], "yes_no", id="yes and no"),
        pytest.param(["In Stock", "out of stock"], "stock_word", id="stock words"),
        pytest.param(["1.5 kg", "300 g"], "weight", id="weights"),
        pytest.param(["A > B", "A > C"], "path", id="category paths"),
    ],
)
def test_kinds_are_seen(values, kind):
    assert profile_of(values).share(kind) == 1


def test_a_wrong_check_digit_is_no_gtin():
    profile = profile_of(["4006381333932"])
    assert profile.share("gtin") == 0
    assert profile.share("gtin_length") == 1


def test_counts_are_of_all_rows():
    profile = profile_of(["a", "", "a", None, "b"])
    assert (profile.rows, profile.filled, profile.distinct) == (5, 3, 2)
    assert profile.samples == ["a", "b"]


def test_lists_count_their_items():
    profile = profile_of([["a", "b"], [], ["a"], [["Outdoor", "Shoes"]]])
    assert (profile.lists, profile.filled) == (3, 3)
    assert "Outdoor > Shoes" in profile.values
