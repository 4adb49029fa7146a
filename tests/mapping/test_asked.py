"""What is asked for is asked for at once."""

from __future__ import annotations

import pytest

from feedbridge.mapping.asked import WRONG, Ask, Asked

LOCALE = Ask("has values by locale (de, en), and nothing says which to take", "locale=de")
CURRENCY = Ask("does not say the currency", "currency=EUR")
ROW = Ask("the row fills it", mend="add --set axes=…", where="a.csv:2")


@pytest.mark.parametrize(
    ("asks", "text"),
    [
        pytest.param(
            {"currency": CURRENCY},
            "a.csv does not say the currency [command.parameter-missing]\n  mend: add --set currency=EUR",
            id="one",
        ),
        pytest.param(
            {"locale": LOCALE, "currency": CURRENCY},
            "a.csv has values by locale (de, en), and nothing says which to take; it does not say the currency "
            "[command.parameter-missing]\n  mend: add --set locale=de --set currency=EUR",
            id="two",
        ),
        pytest.param(
            {"currency": CURRENCY._replace(only="USD", setting="currency=USD")},
            "a.csv does not say the currency [command.parameter-missing]\n"
            "  mend: it has only USD: add --set currency=USD",
            id="one choice",
        ),
        pytest.param(
            {"currency": CURRENCY._replace(code=WRONG)},
            "a.csv does not say the currency [command.parameter]\n  mend: say --set currency=EUR",
            id="another than those there are",
        ),
        pytest.param(
            {"axes": ROW},
            "a.csv:2: the row fills it [command.parameter-missing]\n  mend: add --set axes=…",
            id="a row asks",
        ),
        pytest.param(
            {"currency": CURRENCY, "axes": ROW},
            "a.csv does not say the currency; a.csv:2: the row fills it [command.parameter-missing]\n"
            "  mend: add --set currency=EUR; add --set axes=…",
            id="a row asks, too",
        ),
    ],
)
def test_all_is_asked_for_in_one_message(asks, text):
    asked = Asked("a.csv")
    for name, ask in asks.items():
        asked.add(name, ask)
        asked.add(name, ask._replace(text="asked again"))
    assert str(asked.error()) == text
