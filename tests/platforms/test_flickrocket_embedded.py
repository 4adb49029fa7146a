"""Requests to an embedded app: the document's vectors, and what must not pass."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from werkzeug.datastructures import MultiDict

from feedbridge.platforms.flickrocket.embedded import (
    EmbeddedShop,
    embedded_hmac,
    embedded_shop,
    verify_embedded_request,
)

SECRET = "fb-test-secret-01"
GOOD = "bf60d7b09a06979aed38249c6cb02deacdb08466f48f813ddf84b2a8f119fdc7"
QUERY = f"CompanyID=23128&UserID=2543&hmac={GOOD}"


@pytest.mark.parametrize(
    ("secret", "company", "user", "expected"),
    [
        pytest.param(SECRET, "23128", "2543", GOOD, id="plain secret"),
        pytest.param("s3cr3t/+=äß", "1202", "7", "cfb19cdcbccaec84e4fd038650c85b6510aff9043ba9d4d2e5da9c6e75b14225",
                     id="secret with signs and umlauts"),
    ],
)
def test_vectors(secret, company, user, expected):
    assert embedded_hmac(company, user, secret) == expected
    assert verify_embedded_request(f"CompanyID={company}&UserID={user}&hmac={expected}", secret) is True


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(QUERY, id="as FlickRocket writes it"),
        pytest.param("?" + QUERY, id="with the question mark"),
        pytest.param(QUERY.encode(), id="bytes"),
        pytest.param(f"hmac={GOOD}&UserID=2543&CompanyID=23128", id="any order in the address"),
        pytest.param(f"lang=en&empty=&lang=de&{QUERY}", id="other parameters beside it"),
        pytest.param(f"Company%49D=23128&UserID=%32543&hmac={GOOD}", id="percent signs"),
        pytest.param({"CompanyID": "23128", "UserID": "2543", "hmac": GOOD}, id="dictionary"),
        pytest.param(parse_qs(QUERY), id="dictionary of lists"),
        pytest.param(MultiDict([("CompanyID", "23128"), ("UserID", "2543"), ("hmac", GOOD)]), id="Flask's request.args"),
        pytest.param([("CompanyID", "23128"), ("UserID", "2543"), ("hmac", GOOD)], id="pairs"),
    ],
)
def test_what_passes(query):
    assert verify_embedded_request(query, SECRET)
    assert embedded_shop(query, SECRET) == EmbeddedShop(company_id="23128", user_id="2543")


IDS = "CompanyID=23128&UserID=2543"
REJECTED = {
    "without base64": "fd9f94e45b3203922ba510aaf5bcddcf2b2430525b440dea72385d59586f3a33",
    "in the order of the address": "fa94a8509f413960ae05eccefc04ba0c9892addea105b25e920108fe16de3985",
    "without the question mark": "f8e9cc7247c6a8eb4d68c7b811a3c332bd7f1b8de31b25ee111612aae436991a",
    "plain sha256 of secret and text": "f6e318d37985a861abcc60073b5d2e21e019f78fd3213c9be0295643acacabd9",
    "upper case": GOOD.upper(),
}


@pytest.mark.parametrize(
    "query",
    [
        *(pytest.param(f"{IDS}&hmac={value}", id=name) for name, value in REJECTED.items()),
        pytest.param("", id="empty"),
        pytest.param("?", id="question mark only"),
        pytest.param(None, id="none"),
        pytest.param(17, id="a number"),
        pytest.param({}, id="empty dictionary"),
        pytest.param(IDS, id="no hmac"),
        pytest.param(f"{IDS}&hmac=", id="empty hmac"),
        pytest.param(f"{IDS}&hmac={GOOD[:-1]}", id="a digit short"),
        pytest.param(f"{IDS}&hmac={GOOD}0", id="a digit long"),
        pytest.param(f"{IDS}&hmac={GOOD}%0A", id="line end behind it"),
        pytest.param(f"{IDS}&hmac=+{GOOD}", id="blank before it"),
        pytest.param(f"CompanyID=23128&hmac={GOOD}", id="no user"),
        pytest.param(f"UserID=2543&hmac={GOOD}", id="no company"),
        pytest.param(f"CompanyID=23129&UserID=2543&hmac={GOOD}", id="another company"),
        pytest.param(f"CompanyID=2543&UserID=23128&hmac={GOOD}", id="ids exchanged"),
        pytest.param(f"{QUERY}&CompanyID=23128", id="company twice"),
        pytest.param(f"{QUERY}&CompanyID=1202", id="two companies"),
        pytest.param(f"CompanyID=1202&{QUERY}", id="another company first"),
        pytest.param(f"{QUERY}&hmac={GOOD}", id="hmac twice"),
        pytest.param(f"{QUERY}&companyid=1202", id="in other letters, too"),
        pytest.param(f"{QUERY}&%20CompanyID=1202", id="with a blank, too"),
        pytest.param(f"companyid=23128&userid=2543&hmac={GOOD}", id="in other letters"),
        pytest.param(f"CompanyID=&UserID=2543%26CompanyID%3D23128&hmac={GOOD}", id="text moved into another value"),
        pytest.param(f"CompanyID=%EF%BC%92%EF%BC%933128&UserID=2543&hmac={GOOD}", id="digits of another script"),
        pytest.param(f"CompanyID=%FF&UserID=2543&hmac={GOOD}", id="not UTF-8"),
        pytest.param(f"{QUERY};CompanyID=1", id="semicolon"),
        pytest.param(f"{QUERY}&broken", id="parameter without value"),
        pytest.param(QUERY + "&a=" + "x" * 9000, id="endless"),
        pytest.param(QUERY + "&a=1" * 200, id="hundreds of parameters"),
        pytest.param("Ä" + QUERY, id="not percent-encoded"),
        pytest.param(b"\xff" + QUERY.encode(), id="bytes of no text"),
        pytest.param({"CompanyID": ["23128", "1202"], "UserID": ["2543"], "hmac": [GOOD]}, id="lists, one of two"),
        pytest.param({"CompanyID": [], "UserID": ["2543"], "hmac": [GOOD]}, id="lists, one empty"),
        pytest.param({"CompanyID": 23128, "UserID": 2543, "hmac": GOOD}, id="numbers"),
        pytest.param({"CompanyID": "23128", "UserID": "2543", "hmac": None}, id="null"),
        pytest.param(MultiDict([("CompanyID", "23128"), ("CompanyID", "1202"), ("UserID", "2543"), ("hmac", GOOD)]),
                     id="Flask's request.args with two"),
        pytest.param([("CompanyID", "23128"), ("UserID",), ("hmac", GOOD)], id="broken pairs"),
    ],
)
def test_what_is_refused(query):
    assert verify_embedded_request(query, SECRET) is False
    assert embedded_shop(query, SECRET) is None


def test_the_text_cannot_be_moved_between_values():
    """The right hash for `?UserID=1&CompanyID=2&CompanyID=3` does not make anybody company 3."""
    value = embedded_hmac("2&CompanyID=3", "1", SECRET)
    assert not verify_embedded_request({"CompanyID": "2&CompanyID=3", "UserID": "1", "hmac": value}, SECRET)


@pytest.mark.parametrize("query", [pytest.param(QUERY, id="good query"), pytest.param("", id="empty query")])
def test_without_a_secret_nothing_is_verified(query):
    with pytest.raises(ValueError, match="secret"):
        verify_embedded_request(query, "")
