"""What the target gives back is left out of the sidecar, and comes back to the last byte."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sidecar_sets import FEW

import dlgeom as dl
from dlgeom.converters.sidecar.outlines import FORMS, Texts, forms_of
from dlgeom.geometry.ragged import Rings

MARK = b"[]\t\r\t"
SEPARATORS = [(",", ":"), (", ", ": ")]


def unpacked(target: Path) -> bytes:
    packed = (target / "dlgeom.sidecar.zst").read_bytes()
    return zstandard.ZstdDecompressor().decompressobj().decompress(packed)


def numbers(draw: st.DrawFn, decimals: int, *, whole: bool, side: int) -> Any:
    value = draw(st.integers(0, side * 10**decimals)) / 10**decimals
    return int(value) if whole and value.is_integer() else value


@st.composite
def outlines(draw: st.DrawFn, cell: int) -> list[list[Any]]:
    """Draw one or two rings, in a cell of 40 pixels, as one of many programs writes them."""
    decimals, whole, closed = draw(st.integers(0, 4)), draw(st.booleans()), draw(st.booleans())
    left, rings = 45 * cell, []
    for part in range(draw(st.integers(1, 2))):
        points = []
        for x, y in ((0, 0), (15, 2), (12, 16), (1, 14)):
            dx, dy = (numbers(draw, decimals, whole=whole, side=3) for _ in "xy")
            points += [round(left + 21 * part + x + dx, decimals), round(20 + y + dy, decimals)]
        points = [int(v) if whole and float(v).is_integer() else float(v) for v in points]
        rings.append(points + points[:2] if closed else points)
    return rings


@st.composite
def roots(draw: st.DrawFn) -> dict[str, Any]:
    records = []
    for number in range(draw(st.integers(1, 5))):
        record = {"id": 7 * number + 1, "image_id": 1, "category_id": 3, "iscrowd": 0}
        record |= {"segmentation": draw(outlines(number)), "bbox": [45 * number, 20, 40, 20]}
        records.append(record | {"area": 3.25, "note": draw(st.sampled_from([[], [[]], None]))})
    images = [{"id": 1, "file_name": "a.jpg", "width": 257, "height": 113}]
    categories = [{"id": 3, "name": "cat"}]
    return {"images": images, "annotations": records, "categories": categories}


@pytest.mark.parametrize("to", ["yolo", "voc"])
@FEW
@given(root=roots(), style=st.sampled_from(SEPARATORS))
def test_texts_come_back_to_the_last_byte(root: dict[str, Any], style: Any, to: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.json").write_text(json.dumps(root, separators=style))
        dl.convert(folder / "in.json", folder / "t", to_format=to, sidecar=True)
        dl.convert(folder / "t", folder / "back.json")
        dl.convert(folder / "in.json", folder / "straight.json")
        assert (folder / "back.json").read_bytes() == (folder / "straight.json").read_bytes()


def one(folder: Path, **fields: Any) -> Path:
    ring = [10.25, 5.5, 40.01, 5.5, 40.01, 30.0, 10.25, 30.0]
    record = {"id": 5, "image_id": 1, "category_id": 3, "bbox": [10.25, 5.5, 29.76, 24.5]}
    record |= {"segmentation": [ring], "area": 1, **fields}
    far = {**record, "id": 6, "segmentation": [[v + 20.5 for v in ring]], "image_id": 2}
    far["bbox"] = [30.75, 26.0, 29.76, 24.5]
    images = [
        {"id": k, "file_name": f"{k}.jpg", "width": 200, "height": 100, "x": k} for k in (1, 2)
    ]
    root = {"images": images, "annotations": [far, record]}
    root["categories"] = [{"id": 3, "name": "cat"}]
    (folder / "in.json").write_text(json.dumps(root))
    return folder / "in.json"


@pytest.mark.parametrize("to", ["yolo", "voc"])
def test_outlines_are_left_out(tmp_path: Path, to: str) -> None:
    path = one(tmp_path)
    dl.convert(path, tmp_path / "t", to_format=to, sidecar=True)
    text = unpacked(tmp_path / "t")
    assert text.count(MARK) == 2
    assert b"40.01" not in text
    dl.convert(tmp_path / "t", tmp_path / "back.json")
    assert json.loads((tmp_path / "back.json").read_text()) == json.loads(path.read_text())


@pytest.mark.parametrize(
    "fields",
    [
        {"segmentation": [[10.123456789, 5, 40, 5, 40, 30]]},
        {"segmentation": [[-3, 5, 40, 5, 40, 30]]},
        {"bbox": [1, 2, 0, 4]},
        {"note": "mark"},
    ],
)
def test_what_does_not_follow_is_kept(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = one(tmp_path, **fields)
    if "note" in fields:  # a source that looks as if something were left out
        path.write_bytes(path.read_bytes().replace(b'"mark"', MARK))
    dl.convert(path, tmp_path / "t", to_format="yolo", on_error="skip", sidecar=True)
    assert unpacked(tmp_path / "t").count(MARK) in ((1,) if "note" not in fields else (2,))
    dl.convert(tmp_path / "t", tmp_path / "back.json", on_error="skip")
    assert json.loads((tmp_path / "back.json").read_text()) == json.loads(path.read_text())


def test_edits_beside_holes(tmp_path: Path) -> None:
    path = one(tmp_path)
    dl.convert(path, tmp_path / "t", to_format="yolo", sidecar=True)
    (first, second) = sorted((tmp_path / "t" / "labels").rglob("*.txt"))
    row = first.read_text()
    # A moved outline beside one that stays, one that is new, and an image under a new name.
    first.write_text("0 0.06 0.06 0.21 0.06 0.21 0.31 0.06 0.31\n0 0.7 0.7 0.8 0.7 0.8 0.8\n")
    dl.convert(tmp_path / "t", tmp_path / "back.json")
    now = {r["id"]: r for r in json.loads((tmp_path / "back.json").read_text())["annotations"]}
    before = {r["id"]: r for r in json.loads(path.read_text())["annotations"]}
    assert now[6] == before[6]
    assert now[5]["segmentation"] == [[12, 6, 42, 6, 42, 31, 12, 31]]
    assert len(now) == 3
    second.write_text("")
    first.write_text("0 0.7 0.7 0.8 0.7 0.8 0.8\n" + row)
    dl.convert(tmp_path / "t", tmp_path / "back.json", overwrite=True)
    now = {r["id"]: r for r in json.loads((tmp_path / "back.json").read_text())["annotations"]}
    assert now[5] == before[5]
    assert 6 not in now
    assert len(now) == 2


def test_a_split_of_two_files(tmp_path: Path) -> None:
    source = tmp_path / "set" / "annotations"
    source.mkdir(parents=True)
    for number, name in enumerate(("train", "val")):
        one(tmp_path)
        root = json.loads((tmp_path / "in.json").read_text())
        for record in root["annotations"]:
            record["segmentation"] = [[v + number for v in record["segmentation"][0]]]
        for image in root["images"]:
            image["file_name"] = name + image["file_name"]
        (source / f"instances_{name}.json").write_text(json.dumps(root))
    (tmp_path / "in.json").unlink()
    dl.convert(source.parent, tmp_path / "t", to_format="yolo", sidecar=True)
    assert unpacked(tmp_path / "t").count(MARK) == 4
    dl.convert(tmp_path / "t", tmp_path / "back", to_format="coco")
    for name in ("train", "val"):
        [back] = (tmp_path / "back").rglob(f"*_{name}.json")
        source_root = json.loads((source / f"instances_{name}.json").read_text())
        assert json.loads(back.read_text()) == source_root


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=3, max_size=5),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 4),
    st.sampled_from(FORMS),
    st.sampled_from([0.0, 4e-6, -4e-6]),
)
def test_a_form_is_found_for_each_text(rings: Any, decimals: int, form: str, shift: float) -> None:
    points = [np.array(ring) / 10**decimals for ring in rings]
    exact = Texts(Rings.of([[[ring] for ring in points]]))
    text = exact.text(0, form)
    # The form that is found gives the same text from rounded numbers, where they are near enough.
    moved = Texts(Rings.of([[[ring + shift] for ring in points]]))
    assert text in {exact.text(0, found) for found in forms_of(text)}
    if decimals <= 4 and not shift:
        assert any(moved.text(0, found) == text for found in forms_of(text))
    json.loads(text)


# -- hostile ---------------------------------------------------------------------------------

CASES: dict[str, Any] = {
    "a mark less": lambda text: text.replace(MARK, b"[]   ", 1),
    "a mark more": lambda text: text.replace(b'"area": 1', b'"a":' + MARK, 1),
    "no marks": lambda text: text.replace(MARK, b"[]   "),
    "a row less": lambda text: text.replace(b'"held":"', b'"held":".', 1),
    "no form": lambda text: text.replace(b'"held":"', b'"held":"!', 1),
    "two rows of one record": lambda text: text.replace(b'"item":1', b'"item":0'),
    "no record": lambda text: text.replace(b'"item":1', b'"item":1,"places":[7]'),
    "rows of none": lambda text: text.replace(b'"item":1', b'"item":-1'),
    "rows of a film": lambda text: text.replace(b'"item":1', b'"item":1,"film":true'),
    "of nothing": lambda text: text.replace(b'"root":', b'"unreadable":true,"root":'),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("holes")
    dl.convert(one(folder), folder / "t", to_format="yolo", sidecar=True)
    return folder / "t"


def read_with(target: Path, text: bytes) -> tuple[dict[str, Any], set[str]]:
    place = target / "dlgeom.sidecar.zst"
    before = place.read_bytes()
    try:
        place.write_bytes(zstandard.ZstdCompressor(level=3).compress(text))
        out = target.parent / "out.json"
        report = dl.convert(target, out, overwrite=True, on_error="skip")
    finally:
        place.write_bytes(before)
    return json.loads(out.read_text()), {code for _, code in report.codes}


def sized(text: bytes) -> bytes:
    """Set the length that is told of the file to what it is."""
    head, _, rest = text.partition(b"\n")
    line, _, rest = rest.partition(b"\n")
    body, _, tail = rest.partition(b'\n{"name"')
    told = {**json.loads(line), "bytes": len(body)}
    announced = json.dumps(told, separators=(",", ":")).encode()
    return head + b"\n" + announced + b"\n" + body + b'\n{"name"' + tail


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_holes_that_do_not_fit_are_told(target: Path, make: Any) -> None:
    text = unpacked(target)
    assert sized(text) == text
    changed = sized(make(text))
    assert changed != text
    root, told = read_with(target, changed)
    assert {code for code in told if code.startswith("sidecar.")}
    assert sorted(record["id"] for record in root["annotations"]) == [1, 2]


@pytest.mark.parametrize("form", ["a", "H", "-", "+"])
def test_another_form_gives_other_digits_and_no_error(target: Path, form: str) -> None:
    text = unpacked(target)
    at = text.index(b'"held":"') + 8
    root, told = read_with(target, text[:at] + form.encode() + text[at + 1 :])
    assert not told
    assert [record["id"] for record in root["annotations"]] == [6, 5]


@FEW
@given(
    places=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([b"", b"9", MARK, b".", b'"', b"[", b"\xff"])),
        min_size=1,
        max_size=3,
    )
)
def test_changed_bytes_around_holes_do_no_harm(target: Path, places: Any) -> None:
    text = unpacked(target)
    for place, piece in places:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + (not piece) :]
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        text = sized(text)
    root, _ = read_with(target, text)
    assert root["images"]
