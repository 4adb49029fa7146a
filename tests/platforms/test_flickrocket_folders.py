"""Safe names, and finding files in the source's folder only."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from feedbridge.platforms.flickrocket.files import in_playing_order, numbered
from feedbridge.platforms.flickrocket.folders import Names, PathError, SourceFolder, folder_name, name_key, safe_name

names = st.text(st.characters(), max_size=200) | st.sampled_from(
    [
        "CON",
        "nul.pdf",
        "com1",
        "LPT¹.txt",
        "a.",
        "a ",
        ". .",
        "..",
        ".hidden",
        "a/b",
        "a\\b",
        "C:",
        "\u202egpj.exe",
        "é",
        "é",
        "x" * 300 + ".pdf",
        "日本" * 90 + ".epub",
        "product.json",
        "Product.JSON",
        "a\x00b",
        "",
        "   ",
        "a?b*c",
        "ﬁ.pdf",
        "CON .txt",
    ]
)


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        pytest.param("Moby Dick (2nd).pdf", "Moby Dick (2nd).pdf", id="plain"),
        pytest.param("Größe 日本.epub", "Größe 日本.epub", id="letters stay"),
        pytest.param("Cafe\u0301.pdf", "Café.pdf", id="composed"),
        pytest.param('a<b>c:d"e/f\\g|h?i*.pdf', "a_b_c_d_e_f_g_h_i_.pdf", id="forbidden"),
        pytest.param("nul.tar.gz", "_nul.tar.gz", id="reserved with extension"),
        pytest.param("Com1", "_Com1", id="reserved port"),
        pytest.param("console.pdf", "console.pdf", id="not reserved"),
        pytest.param("book. . ", "book", id="dots and blanks at the end"),
        pytest.param(" book", "book", id="blank in front"),
        pytest.param(".hidden", "_hidden", id="dot in front"),
        pytest.param("..", "_", id="upwards"),
        pytest.param("", "_", id="empty"),
        pytest.param("a\x00\x1f\x7fb", "a___b", id="control characters"),
        pytest.param("cod\u202efdp.exe", "cod_fdp.exe", id="direction override"),
        pytest.param("product.json", "_product.json", id="the file's own name"),
        pytest.param("x" * 200 + ".pdf", "x" * 116 + ".pdf", id="long, extension kept"),
    ],
)
def test_safe_name(given_name: str, expected: str):
    assert safe_name(given_name) == expected


@given(names)
def test_safe_names_are_safe_everywhere(name: str):
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 120
    assert unicodedata.normalize("NFC", safe) == safe
    assert not set(safe) & set('<>:"/\\|?*')
    assert all(unicodedata.category(char)[0] != "C" for char in safe)
    assert safe[0] != "." and safe[-1] != "." and safe.strip() == safe
    stem = safe.partition(".")[0].rstrip().lower()
    assert stem not in {"con", "prn", "aux", "nul", "com1", "lpt1", "com¹"}
    assert safe.lower() != "product.json"
    assert safe_name(safe) == safe


@given(names, names)
def test_folders_meet_only_when_their_skus_do(one: str, other: str):
    assume(name_key(one) != name_key(other) and one and other)
    assert name_key(folder_name(one)) != name_key(folder_name(other))


@given(names)
def test_folder_names_are_safe(sku: str):
    assert safe_name(folder_name(sku)) == folder_name(sku)


@given(st.lists(names, max_size=12))
def test_names_in_one_folder_never_meet(given_names: list[str]):
    taken = Names()
    paths = [taken.take("files", name) for name in given_names]
    assert len({name_key(path) for path in paths}) == len(paths)
    assert all(path.startswith("files/") and path.count("/") == 1 for path in paths)
    assert all(len(path) <= 126 for path in paths)


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        pytest.param(["01 a.mp3", "02 b.mp3"], ["01 a.mp3", "02 b.mp3"], id="in order"),
        pytest.param(["b.mp3", "a.mp3"], ["01 b.mp3", "02 a.mp3"], id="another order"),
        pytest.param(["1.mp3", "2.mp3", "10.mp3"], ["01 1.mp3", "02 2.mp3", "03 10.mp3"], id="not padded"),
        pytest.param(["a.mp3", "B.mp3"], ["01 a.mp3", "02 B.mp3"], id="order depends on letter case"),
        pytest.param(["a.mp3", "a.mp3"], ["01 a.mp3", "02 a.mp3"], id="same names"),
    ],
)
def test_numbered(given_names: list[str], expected: list[str]):
    assert numbered(given_names) == expected


def test_a_hundred_tracks_get_three_digits():
    given_names = [f"t{number}.mp3" for number in range(100)]
    assert numbered(given_names)[0] == "001 t0.mp3"
    assert sorted(numbered(given_names)) == numbered(given_names)
    assert sorted(given_names, key=in_playing_order) == given_names


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "media" / "inner").mkdir(parents=True)
    (folder / "media" / "Book.pdf").write_bytes(b"x")
    (folder / "media" / "empty.pdf").write_bytes(b"")
    (folder / "media" / "Cafe\u0301.pdf").write_bytes(b"x")
    (folder / "media" / "~$a b%20#.pdf").write_bytes(b"x")
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.pdf").write_bytes(b"secret")
    (tmp_path / "source-2").mkdir()
    (tmp_path / "source-2" / "secret.pdf").write_bytes(b"secret")
    (folder / "link.pdf").symlink_to("media/Book.pdf")
    (folder / "out.pdf").symlink_to(tmp_path / "secret.pdf")
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "neighbour").symlink_to(tmp_path / "source-2")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    ("src", "name"),
    [
        pytest.param("media/Book.pdf", "Book.pdf", id="plain"),
        pytest.param("./media//Book.pdf", "Book.pdf", id="dots and double slashes"),
        pytest.param("media/Caf\u00e9.pdf", "Cafe\u0301.pdf", id="same letters, otherwise composed"),
        pytest.param("media/~$a b%20#.pdf", "~$a b%20#.pdf", id="signs"),
        pytest.param("link.pdf", "link.pdf", id="link inside"),
        pytest.param("media/inner/", "inner", id="folder"),
    ],
)
def test_finds(source: Path, src: str, name: str):
    found = SourceFolder(source).find(src)
    assert found.name == name
    assert os.path.exists(found.path) and not os.path.islink(found.path)


@pytest.mark.parametrize(
    ("src", "message"),
    [
        pytest.param("../secret.pdf", "upwards", id="upwards"),
        pytest.param("media/../../secret.pdf", "upwards", id="upwards in the middle"),
        pytest.param("media/../media/Book.pdf", "upwards", id="upwards though it stays inside"),
        pytest.param("/etc/passwd", "absolute", id="absolute"),
        pytest.param("C:/book.pdf", "drive", id="drive"),
        pytest.param("c:book.pdf", "drive", id="drive without slash"),
        pytest.param("\\\\server\\share\\book.pdf", "share", id="share"),
        pytest.param("media\\Book.pdf", "backslashes", id="backslashes"),
        pytest.param("media/book.pdf", "letter case", id="letter case of the file"),
        pytest.param("Media/Book.pdf", "letter case", id="letter case of the folder"),
        pytest.param("media/none.pdf", "no such file", id="missing"),
        pytest.param("media/Book.pdf/x", "no such file", id="a file as folder"),
        pytest.param("media/Book.pdf/", "ends in /", id="a file with a slash"),
        pytest.param("media/empty.pdf", "empty", id="empty"),
        pytest.param("out.pdf", "leads out", id="link out"),
        pytest.param("out/secret.pdf", "leads out", id="over a folder link out"),
        pytest.param("neighbour/secret.pdf", "leads out", id="folder whose name begins alike"),
        pytest.param("out/guess.pdf", "leads out", id="nothing is told of what lies outside"),
        pytest.param("loop", "cannot be read", id="link to itself"),
        pytest.param("dangling", "cannot be read", id="link to nothing"),
        pytest.param("pipe", "neither a file nor a folder", id="pipe"),
        pytest.param("", "names no file", id="empty path"),
        pytest.param("./.", "names no file", id="the folder itself"),
        pytest.param("a\x00b", "control characters", id="zero byte"),
        pytest.param("a\ud800b", "control characters", id="half a character"),
        pytest.param("x" * 5000, "no such file", id="endless"),
    ],
)
def test_refuses(source: Path, src: str, message: str):
    with pytest.raises(PathError) as caught:
        SourceFolder(source).find(src)
    assert message in caught.value.message
    assert "secret" not in caught.value.mend


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_refuses_what_may_not_be_read(source: Path):
    (source / "media" / "Book.pdf").chmod(0)
    with pytest.raises(PathError, match="no permission"):
        SourceFolder(source).find("media/Book.pdf")


def test_names_the_near_miss(source: Path):
    with pytest.raises(PathError) as caught:
        SourceFolder(source).find("media/BOOK.pdf")
    assert caught.value.mend == 'there is "Book.pdf" in place of "BOOK.pdf"'


@given(
    st.lists(
        st.sampled_from(["..", ".", "", "media", "out", "neighbour", "secret.pdf", "Book.pdf", "\\", "C:", "~"]),
        max_size=6,
    )
)
def test_nothing_outside_is_ever_found(tmp_path_factory: pytest.TempPathFactory, parts: list[str]):
    base = tmp_path_factory.getbasetemp() / "outside-property"
    if not base.exists():
        (base / "source" / "media").mkdir(parents=True)
        (base / "source" / "media" / "Book.pdf").write_bytes(b"x")
        (base / "secret.pdf").write_bytes(b"secret")
        (base / "source" / "out").symlink_to(base)
    try:
        found = SourceFolder(base / "source").find("/".join(parts))
    except PathError:
        return
    assert os.path.realpath(found.path).startswith(os.path.realpath(base / "source"))
