"""A sidecar is input that nobody vouches for: what does not fit is told and ignored."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sidecar_sets import FEW

import dlgeom as dl
from dlgeom.converters.sidecar import FOLDER_NAME

ROOT = {
    "images": [
        {"id": 7, "file_name": "a.jpg", "width": 64, "height": 48, "x": 1},
        {"id": 8, "file_name": "b.jpg", "width": 64, "height": 48},
    ],
    "annotations": [
        {"id": 5, "image_id": 7, "category_id": 3, "bbox": [1, 2, 30, 20], "area": 7, "y": None},
        {"id": 6, "image_id": 8, "category_id": 3, "bbox": [3, 2, 30, 20], "area": 600},
    ],
    "categories": [{"id": 3, "name": "cat"}],
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sidecar")
    (folder / "in.json").write_text(json.dumps(ROOT))
    dl.convert(folder / "in.json", folder / "t", to_format="yolo", sidecar=True)
    return folder / "t"


def lines_of(target: Path) -> bytes:
    packed = (target / FOLDER_NAME).read_bytes()
    return zstandard.ZstdDecompressor().decompressobj().decompress(packed)


def read_with(target: Path, data: bytes, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """Replace the sidecar; return what the data set is now and the codes that were told."""
    place = target / FOLDER_NAME
    before = place.read_bytes()
    out = target.parent / "out.json"
    try:
        place.write_bytes(data)
        report = dl.convert(target, out, overwrite=True, **options)
    finally:
        place.write_bytes(before)
    return json.loads(out.read_text()), [code for _, code in report.codes]


def pack(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(text)


def test_it_is_used_and_can_be_left_out(target: Path, tmp_path: Path) -> None:
    good = (target / FOLDER_NAME).read_bytes()
    root, codes = read_with(target, good)
    assert root == ROOT
    assert not codes
    root, codes = read_with(target, good, use_sidecar=False)
    assert root["annotations"][0]["id"] == 1
    with dl.open_dataset(target, sidecar=False) as plain, dl.open_dataset(target) as found:
        assert (plain.meta.format, found.meta.format) == ("yolo", "coco")


def changed(text: bytes, **changes: Any) -> bytes:
    head, _, rest = text.partition(b"\n")
    return json.dumps({**json.loads(head), **changes}).encode() + b"\n" + rest


CASES = {
    "empty": lambda text: b"",
    "no zstd": lambda text: b"PK\x03\x04" + b"x" * 100,
    "cut": lambda text: pack(text)[:-20],
    "cut lines": lambda text: pack(text[:-40]),
    "other magic": lambda text: pack(changed(text, magic="x")),
    "other version": lambda text: pack(changed(text, version=3)),
    "version a text": lambda text: pack(changed(text, version="1")),
    "other target": lambda text: pack(changed(text, target="voc")),
    "unknown carrier": lambda text: pack(changed(text, carrier="nothing")),
    "wrong carrier": lambda text: pack(changed(text, carrier="voc")),
    "other root": lambda text: pack(changed(text, root="../x")),
    "absent root": lambda text: pack(changed(text, root="", carrier="dataloop")),
    "unknown option": lambda text: pack(changed(text, options={"no_such": 1})),
    "labels no list": lambda text: pack(changed(text, labels={"a": 1})),
    "fewer labels": lambda text: pack(changed(text, labels=[])),
    "escape": lambda text: pack(text.replace(b'"file":"annotations.json"', b'"file":"../x.json"')),
    "absolute": lambda text: pack(text.replace(b'"file":"annotations.json"', b'"file":"/tmp/x"')),
    "long file": lambda text: pack(text.replace(b'"bytes":', b'"bytes":9')),
    "negative file": lambda text: pack(text.replace(b'"bytes":', b'"bytes":-')),
    "item unknown": lambda text: pack(text.replace(b'"item":1', b'"item":2000000')),
    "more items": lambda text: pack(text.replace(b'"items":2', b'"items":3')),
    "digests short": lambda text: pack(text.replace(b'"digests":"', b'"digests":"0')),
    "digests no digits": lambda text: pack(text.replace(b'"digests":"', b'"digests":"zzzzzzzz', 1)),
    "deep": lambda text: pack(b"[" * 100_000 + text),
    "two frames": lambda text: pack(text) + pack(b"x"),
    "file broken": lambda text: pack(text.replace(b'"images":[', b'"images":{')),
    "other images": lambda text: pack(
        text.replace(b'"name":"a.jpg"', b'"name":"c.jpg"')
        .replace(b'"name":"b.jpg"', b'"name":"d.jpg"')
        .replace(b'"digests":"', b'"digests":"00000000", "x":"')
    ),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_what_does_not_fit_is_told_and_ignored(target: Path, make: Any, on_error: str) -> None:
    text = lines_of(target)
    data = make(text)
    assert data != pack(text)
    before = sorted(target.parent.rglob("*"))
    root, codes = read_with(target, data, on_error=on_error)
    known = ("sidecar.", "limit.", "path.escape")
    if make is CASES["two frames"]:
        assert root == ROOT or codes
        return
    assert [code for code in codes if code.startswith(known)]
    assert [record["id"] for record in root["annotations"]] == [1, 2]
    assert set(before) >= set(target.parent.rglob("*")) - {target.parent / "out.json"}


def test_a_bomb_is_not_unpacked(target: Path) -> None:
    head, _, _ = lines_of(target).partition(b"\n")
    size = 200 << 20
    text = head + b'\n{"file":"annotations.json","bytes":%d}\n' % size + b" " * size + b"\n"
    _, codes = read_with(target, pack(text))
    assert "limit.ratio" in codes


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_file_is_no_sidecar(target: Path, tmp_path: Path, kind: str) -> None:
    copy = tmp_path / "t"
    shutil.copytree(target, copy)
    place = copy / FOLDER_NAME
    place.rename(tmp_path / "real")
    if kind == "folder":
        place.mkdir()
    elif kind == "link":
        place.symlink_to(tmp_path / "real")
    else:
        os.mkfifo(place)
    report = dl.convert(copy, tmp_path / "out.json")
    assert {code for _, code in report.codes} & {"io.read", "file.not_regular"}
    assert report.read == 2


@FEW
@given(seed=st.integers(0, 2**32), inside=st.booleans())
def test_changed_bytes_do_no_harm(target: Path, seed: int, inside: bool) -> None:
    choose = random.Random(seed)
    data = bytearray(lines_of(target) if inside else (target / FOLDER_NAME).read_bytes())
    for _ in range(choose.randint(1, 4)):
        place = choose.randrange(len(data))
        how = choose.randrange(3)
        if how == 0:
            data[place] = choose.randrange(256)
        elif how == 1:
            del data[place : place + choose.randint(1, 30)]
        else:
            data[place:place] = choose.choice([b"9", b"-", b'"', b"[", b"{", b"null", b"\xff"])
    root, _ = read_with(target, pack(bytes(data)) if inside else bytes(data), on_error="skip")
    assert root["images"]
