import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbridge.cells import CellError
from feedbridge.cells.html import Html, strip_html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("<p>One</p><p>Two</p>", "One\nTwo", id="paragraphs"),
        pytest.param("One<br/>Two<BR>Three", "One\nTwo\nThree", id="breaks"),
        pytest.param("<ul>\n  <li>One</li>\n  <li>Two</li>\n</ul>", "One\nTwo", id="list"),
        pytest.param("5 &lt; 6 &amp; 7 &eacute; &#8364; &nbsp;x", "5 < 6 & 7 é € \u00a0x", id="entities"),
        pytest.param("A<b>B</b> <i>C</i>", "AB C", id="inline elements"),
        pytest.param("<script>var a = '<p>';</script>Text<style>p {}</style>", "Text", id="script and style"),
        pytest.param("a\n   b", "a\n   b", id="plain text stays"),
        pytest.param("<p>a\n   b</p>", "a b", id="line breaks of the source"),
        pytest.param("<pre>a\n  b</pre>", "a\nb", id="verbatim lines"),
        pytest.param("<table><tr><td>a</td><td>b</td></tr></table>", "a b", id="table"),
        pytest.param("<!-- gone -->stays", "stays", id="comment"),
        pytest.param("<p>not closed", "not closed", id="not closed"),
        pytest.param("3 < 5", "3 < 5", id="a lone sign"),
        pytest.param("<img src=x>", "", id="nothing to see"),
    ],
)
def test_strip(text, expected):
    assert strip_html(text) == expected
    assert Html(strip=True).read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<p>One<br>\ntwo</p>", id="markup"),
        pytest.param("a\\nb", id="newline literal"),
        pytest.param("<p", id="broken markup"),
        pytest.param("&nbsp;", id="entity"),
    ],
)
def test_html_leaves_alone(text):
    assert Html().read(text) == text


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param({"html": "a"}, "cell.html-shape", id="object"),
        pytest.param(["a"], "cell.html-shape", id="list"),
        pytest.param("\ud83d", "cell.half-character", id="half a character"),
    ],
)
def test_html_refuses(raw, code):
    with pytest.raises(CellError) as caught:
        Html().read(raw)
    assert caught.value.code == code


@given(st.lists(st.text("abcxyz0129äß€ ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5))
def test_words_survive_in_their_order(words):
    text = "".join(f"<div class='a'><p>{word}</p></div>" for word in words)
    assert strip_html(text).split() == " ".join(words).split()


@given(st.text("<>&;/!-abp \n\"'=#x"))
def test_strip_never_fails(text):
    assert isinstance(strip_html(text), str)
