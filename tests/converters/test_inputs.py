"""Input files: regular, within limits, in a known encoding."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters.inputs import check_inside, decode_text, read_bytes
from dlgeom.errors import FormatError, LimitError, OutputError
from dlgeom.limits import Limits

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "a").write_bytes(data)
    assert read_bytes(tmp_path / "a") == data


def test_an_empty_file_is_refused_unless_it_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FormatError, match=r"file\.empty"):
        read_bytes(tmp_path / "a")
    assert read_bytes(tmp_path / "a", empty=True) == b""


def test_pipes_folders_and_devices_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(FormatError, match=r"shown: is a .*file\.not_regular"):
            read_bytes(path, shown="shown")


def test_a_file_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"io\.read") as caught:
        read_bytes(tmp_path / "nothing")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("name", ["file_bytes", "label_bytes", "yaml_bytes"])
def test_a_limit_is_named_with_its_option(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(b"x" * 11)
    limits = Limits().replace(**{name: 10})
    with pytest.raises(LimitError, match=rf"--limit {name}=11 \[limit\.bytes\]"):
        read_bytes(tmp_path / "a", limit_name=name, limits=limits)
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert len(read_bytes(tmp_path / "a", limit_name=name, limits=limits)) == 10


@given(texts)
def test_text_comes_back_from_each_encoding(text: str) -> None:
    if not text.startswith("\ufeff"):
        assert decode_text(text.encode(), "a") == (text, "")
    assert decode_text(codecs.BOM_UTF8 + text.encode(), "a") == (text, "")
    for mark, encoding in (
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        found = decode_text(mark + text.encode(encoding), "a")
        assert found == (text, "encoding.not_utf8")


@pytest.mark.parametrize("data", [b"ab\xff", "é".encode("latin-1"), codecs.BOM_UTF16_LE + b"a"])
def test_bytes_that_are_no_text_are_told_with_their_place(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"a\.txt: is not valid UTF-.*at byte \d") as caught:
        decode_text(data, "a.txt")
    assert caught.value.code == "encoding.invalid"


def test_a_link_out_of_the_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "inside").mkdir()
    (tmp_path / "in" / "a").touch()
    (tmp_path / "in" / "b").symlink_to(tmp_path / "in" / "a")
    (tmp_path / "in" / "c").symlink_to(tmp_path / "inside")
    check_inside(tmp_path / "in", tmp_path / "in", "shown")
    check_inside(tmp_path / "in" / "b", tmp_path / "in", "shown")
    with pytest.raises(FormatError, match=r"path\.symlink"):
        check_inside(tmp_path / "in" / "c", tmp_path / "in", "shown")
