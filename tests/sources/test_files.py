from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import zipfile

import pytest
import zstandard

from feedbridge.errors import SourceError
from feedbridge.sources import files

TEXT = b"sku,price\n" + b"TEE-042,12.50\n" * 5000


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


PACKED = [
    pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
    pytest.param("bzip2", bz2.compress(TEXT), id="bzip2"),
    pytest.param("xz", lzma.compress(TEXT), id="xz"),
    pytest.param("zstd", zstandard.compress(TEXT), id="zstd"),
    pytest.param("zip", zipped(**{"feed.csv": TEXT}), id="zip"),
]


@pytest.mark.parametrize(("kind", "data"), PACKED)
def test_compressed_files_are_unpacked_by_their_bytes(tmp_path, kind, data):
    path = tmp_path / "feed.csv"  # the name does not say it
    path.write_bytes(data)
    assert files.is_compressed(path) == kind
    with files.open_binary(path) as stream:
        assert stream.read(3) == TEXT[:3]
        assert stream.read() == TEXT[3:]


@pytest.mark.parametrize(("kind", "data"), PACKED)
@pytest.mark.parametrize("share", [0.5, 0.98])
def test_a_file_cut_short_is_refused(tmp_path, kind, data, share):
    path = tmp_path / "feed.gz"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SourceError, match="damaged or cut short") as caught, files.open_binary(path) as stream:
        stream.read()
    assert caught.value.code == "source.archive-damaged"
    assert "fetch it again" in caught.value.mend


@pytest.mark.parametrize(("kind", "data"), [case for case in PACKED if case.id != "bzip2"])
def test_a_flipped_byte_is_noticed(tmp_path, kind, data):
    path = tmp_path / "feed.gz"
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :])
    try:
        with files.open_binary(path) as stream:
            assert stream.read() == TEXT  # zstd without a checksum, or a byte that means nothing
    except SourceError as error:
        assert error.code == "source.archive-damaged"
    except AssertionError:
        assert kind == "zstd"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_joined_archives_are_read_to_the_end(tmp_path, pack):
    path = tmp_path / "feed"
    path.write_bytes(pack(b"a,b\n") + pack(b"1,2\n"))
    with files.open_binary(path) as stream:
        assert stream.read() == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        pytest.param({"a.csv": b"1", "b.csv": b"2"}, "holds 2 files", id="two"),
        pytest.param({}, "holds no file", id="none"),
    ],
)
def test_a_zip_must_hold_one_file(tmp_path, members, said):
    path = tmp_path / "feeds.zip"
    path.write_bytes(zipped(**members))
    with pytest.raises(SourceError, match=said) as caught:
        files.open_binary(path)
    assert all(name in caught.value.message for name in members)


def test_folders_and_finder_files_in_a_zip_do_not_count(tmp_path):
    path = tmp_path / "feed.zip"
    path.write_bytes(zipped(**{"out/": b"", "out/feed.csv": TEXT, "__MACOSX/out/._feed.csv": b"x"}))
    with files.open_binary(path) as stream:
        assert stream.read() == TEXT


@pytest.mark.parametrize(("kind", "data"), PACKED)
def test_a_bomb_is_refused_while_it_unpacks(tmp_path, kind, data):
    path = tmp_path / "feed"
    path.write_bytes(data)
    with files.open_binary(path, bomb_ratio=2, bomb_bytes=10) as stream, pytest.raises(SourceError) as caught:
        stream.read()
    assert caught.value.code == "source.archive-bomb"
    with files.open_binary(path, bomb_ratio=2, bomb_bytes=len(TEXT)) as stream:
        assert stream.read() == TEXT


def test_text_that_begins_like_bzip2_is_text(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_bytes(b"BZh9,price\n1,2\n")
    assert files.is_compressed(path) == ""


def test_uncompressed_files_can_be_sought_in(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_bytes(TEXT)
    with files.open_binary(path) as stream:
        stream.seek(4)
        assert stream.read(5) == b"price"


def missing(folder):
    return folder / "none.csv"


def a_folder(folder):
    return folder


def a_pipe(folder):
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def a_name_with_nul(folder):
    return folder / "a\0b"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(missing, "source.missing", id="missing"),
        pytest.param(a_folder, "source.folder", id="folder"),
        pytest.param(a_pipe, "source.not-a-file", id="pipe"),
        pytest.param(a_name_with_nul, "source.unreadable", id="NUL in the name"),
    ],
)
@pytest.mark.parametrize("read", [files.open_binary, files.is_compressed, files.sha256])
def test_what_is_no_file_is_refused(tmp_path, make, code, read):
    with pytest.raises(SourceError) as caught:
        read(make(tmp_path))
    assert caught.value.code == code
    assert caught.value.mend


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "feed.csv"
    path.write_bytes(TEXT)
    path.chmod(0)
    with pytest.raises(SourceError) as caught:
        files.open_binary(path)
    assert caught.value.code == "source.permission"


def test_stdin_is_spooled_to_be_read_twice():
    path = files.spool_stdin(io.BytesIO(TEXT))
    try:
        assert path.read_bytes() == TEXT
        assert path.read_bytes() == TEXT
    finally:
        path.unlink()


def test_sha256_is_that_of_the_bytes_on_disk(tmp_path):
    path = tmp_path / "feed.csv.gz"
    data = gzip.compress(TEXT)
    path.write_bytes(data)
    assert files.sha256(path) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("feed.csv.gz", "feed.csv"), ("feed.CSV.ZIP", "feed.CSV"), ("feed.csv", "feed.csv"), (".gz", ".gz")],
)
def test_strip_compression_suffix(name, expected):
    assert files.strip_compression_suffix(name) == expected


def test_expand_sorts_globs_keeps_order_and_takes_a_file_once(tmp_path):
    for name in ("b.csv", "a.csv", "odd[1].csv", "x.txt"):
        (tmp_path / name).touch()
    found = files.expand([f"{tmp_path}/x.txt", "-", f"{tmp_path}/*.csv", f"{tmp_path}/a.csv", f"{tmp_path}/odd[1].csv"])
    assert [path.name for path in found] == ["x.txt", "-", "a.csv", "b.csv", "odd[1].csv"]


@pytest.mark.parametrize(
    ("pattern", "code"),
    [("*.xml", "source.no-match"), ("none.csv", "source.missing"), ("", "source.folder"), ("sub*", "source.no-match")],
)
def test_expand_refuses(tmp_path, pattern, code):
    (tmp_path / "subfolder").mkdir()
    with pytest.raises(SourceError) as caught:
        files.expand([f"{tmp_path}/{pattern}"])
    assert caught.value.code == code
    assert str(tmp_path) in caught.value.where
