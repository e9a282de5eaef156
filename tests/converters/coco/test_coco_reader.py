"""COCO reader: rows are what the file says, in any order, spelling, size of window and grouping."""

from __future__ import annotations

import gzip
import json
import math
import os
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlgeom
from dlgeom.chunk import BOX, KEYPOINTS, OTHER, OUTLINE, PARTS, ROTATED, RUNS, Chunk
from dlgeom.converters.base import ALL, ReadContext
from dlgeom.converters.coco import read_index
from dlgeom.converters.coco.read_slow import KNOWN
from dlgeom.converters.coco.reader import CocoReader, open_reader, recognise
from dlgeom.converters.coco.scan import Scanner, record_places
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError, OutputError, UsageError

CATEGORIES = [
    {"id": 1, "name": "cat", "supercategory": "animal"},
    {"id": 7, "name": "dog", "supercategory": ""},
]
LISTS = ("images", "annotations", "categories")
SQUARE = [[4, 5, 24, 5, 24, 15, 4, 15]]


def image(number: Any, **fields: Any) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number}.png", "width": 64, "height": 48, **fields}


def record(number: Any, image_id: Any = 1, **fields: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image_id, "category_id": 1, **fields}


def document(
    annotations: list[Any], images: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "images": [image(1)] if images is None else images,
        "categories": CATEGORIES,
        "annotations": annotations,
        **more,
    }


def opened(path: Path, *, strict: bool = True, **more: Any) -> tuple[CocoReader, Problems]:
    problems = Problems(strict=strict)
    reader = open_reader(path, ReadContext(problems=problems, **more))
    return reader, problems  # type: ignore[return-value]


def read_text(
    folder: Path, text: str | bytes, *, strict: bool = True, name: str = "x.json", **more: Any
) -> tuple[CocoReader, Problems]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return opened(path, strict=strict, **more)


def read(
    folder: Path, value: Any, *, strict: bool = True, **more: Any
) -> tuple[CocoReader, Problems]:
    return read_text(folder, json.dumps(value), strict=strict, **more)


def rows_of(reader: CocoReader, *, grouped: bool, needs: frozenset[str] = ALL) -> list[Any]:
    """Return each row as plain values."""
    rows: list[Any] = []
    for chunk in reader.chunks(grouped=grouped, needs=needs):
        for row in range(len(chunk)):
            rows += (
                {
                    "id": chunk.ids[row],
                    "image": chunk.items[int(chunk.item[row])].id,
                    "label": reader.meta.labels[int(chunk.label[row])].name
                    if chunk.label[row] >= 0
                    else None,
                    "bounds": chunk.bounds[row].tolist(),
                    "area": float(chunk.area[row]),
                    "score": float(chunk.score[row]),
                    "crowd": bool(chunk.crowd[row]),
                    "parts": [[r.tolist() for r in part] for part in chunk.outline.row(row)],
                    "runs": chunk.runs.row(row).tolist(),
                    "size": chunk.runs.shape[row].tolist(),
                    "points": chunk.keypoints.row(row).tolist(),
                    "attributes": chunk.attributes.get(row, {}),
                    "extra": chunk.extra.get(row, {}),
                    "shapes": int(chunk.shapes[row]),
                    "order": int(chunk.order[row]),
                    "raw": chunk.origin.raw(row),
                },
            )
    return rows


def one(reader: CocoReader) -> Chunk:
    """Return the only chunk with rows of a grouped stream."""
    (chunk,) = (chunk for chunk in reader.chunks(grouped=True) if len(chunk))
    return chunk


# ------------------------------------------------------------------ laws


NUMBERS = st.one_of(
    st.integers(0, 64),
    st.floats(0, 64, allow_nan=False).map(lambda number: round(number, 3)),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
IDS = st.one_of(st.integers(-5, 40), st.integers(2**31, 2**66), TEXTS)


@st.composite
def rings(draw: st.DrawFn) -> list[Any]:
    """Return a ring that is no line."""
    left, top = draw(NUMBERS), draw(NUMBERS)
    more = draw(st.lists(NUMBERS, min_size=0, max_size=6))
    return [left, top, left + 5, top, left + 5, top + 7.5, *more[: len(more) // 2 * 2]]


@st.composite
def masks(draw: st.DrawFn) -> dict[str, Any]:
    """Return run lengths of a mask of 48 x 64, as a list or as text."""
    from pycocotools import mask as oracle

    cuts = sorted(draw(st.lists(st.integers(0, 48 * 64), max_size=6)))
    counts = np.diff([0, *cuts, 48 * 64]).tolist()
    value: dict[str, Any] = {"size": [48, 64], "counts": counts}
    if draw(st.booleans()):
        value["counts"] = oracle.frPyObjects(value, 48, 64)["counts"].decode()
    return value


@st.composite
def annotations(draw: st.DrawFn, number: Any, image_id: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"id": number, "image_id": image_id}
    found["category_id"] = draw(st.sampled_from([1, 7]))
    optional: dict[str, st.SearchStrategy[Any]] = {
        "bbox": st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS).map(list),
        "area": NUMBERS,
        "score": NUMBERS,
        "iscrowd": st.integers(0, 1),
        "segmentation": st.lists(rings(), max_size=3) | masks(),
        "attributes": st.dictionaries(TEXTS.filter(lambda k: k != "rotation"), VALUES, max_size=2),
        "keypoints": st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 2)), max_size=3).map(
            lambda points: [number for point in points for number in point]
        ),
        "num_keypoints": st.integers(0, 3),
        "ignore": st.integers(0, 1),
    }
    for key in draw(st.lists(st.sampled_from(sorted(optional)), unique=True, max_size=6)):
        found[key] = draw(optional[key])
    for key in draw(st.lists(TEXTS.filter(lambda k: k not in KNOWN), max_size=1)):
        found.setdefault(key, draw(VALUES))
    order = draw(st.permutations(list(found)))
    return {key: found[key] for key in order}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
    count = draw(st.integers(0, 9))
    numbers = draw(st.lists(IDS, min_size=count, max_size=count, unique=True))
    value = {
        "info": draw(VALUES),
        "images": [image(key, file_name=f"{place}.png") for place, key in enumerate(ids)],
        "categories": CATEGORIES,
        "annotations": [draw(annotations(key, draw(st.sampled_from(ids)))) for key in numbers],
        "more": draw(VALUES),
    }
    return {key: value[key] for key in draw(st.permutations(list(value)))}


def expected(value: dict[str, Any], place: int) -> dict[str, Any]:
    """Say what a row has to hold, from the parsed record."""
    record = value["annotations"][place]
    x, y, w, h = record.get("bbox") or [math.nan] * 4
    segmentation = record.get("segmentation") or []
    parts: list[Any] = []
    counts: list[int] = []
    size = [0, 0]
    if isinstance(segmentation, dict):
        counts, size = decoded(segmentation), segmentation["size"]
    else:
        parts = [[opened_ring(ring)] for ring in segmentation]
    points = np.reshape(record.get("keypoints", []), (-1, 3)).astype(float).tolist()
    shapes = (
        (BOX if "bbox" in record else 0)
        | (OUTLINE if parts else 0)
        | (PARTS if len(parts) > 1 else 0)
        | (RUNS if counts else 0)
        | (KEYPOINTS if points else 0)
    )
    return {
        "id": record["id"],
        "image": record["image_id"],
        "label": {1: "cat", 7: "dog"}[record["category_id"]],
        "bounds": [float(x), float(y), float(x) + float(w), float(y) + float(h)],
        "area": float(record.get("area", math.nan)),
        "score": float(record.get("score", math.nan)),
        "crowd": record.get("iscrowd", 0) == 1,
        "parts": parts,
        "runs": counts,
        "size": size,
        "points": points,
        "attributes": record.get("attributes", {}),
        "extra": {key: entry for key, entry in record.items() if key not in KNOWN},
        "shapes": shapes or OTHER,
        "order": place,
    }


def opened_ring(ring: list[Any]) -> list[list[float]]:
    points = np.reshape(ring, (-1, 2)).astype(float).tolist()
    return points[:-1] if points[0] == points[-1] else points


def decoded(value: dict[str, Any]) -> list[int]:
    """Return the counts by pycocotools' own mask."""
    from pycocotools import mask as oracle

    counts = value["counts"]
    if isinstance(counts, list):
        return counts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools' own, with numpy 2
        mask = oracle.decode({"size": value["size"], "counts": counts.encode()})
    pixels = mask.T.ravel()
    cuts = np.flatnonzero(np.diff(np.concatenate([[0], pixels]))).tolist()
    return np.diff([0, *cuts, len(pixels)]).tolist()


def same(row: dict[str, Any], due: dict[str, Any]) -> bool:
    for key, value in due.items():
        if key == "runs":
            if not np.array_equal(flips(row[key]), flips(value)):
                return False
        elif isinstance(value, float | list) and key in ("bounds", "area", "score"):
            if not np.array_equal(row[key], value, equal_nan=True):
                return False
        elif row[key] != value:
            return False
    return True


def flips(counts: list[int]) -> list[int]:
    """Return where a mask changes; runs of no pixels do not show."""
    seen = Counter(np.cumsum(counts).tolist()[:-1])
    return sorted(place for place, times in seen.items() if times % 2 and place < sum(counts))


@given(
    value=documents(),
    indent=st.sampled_from([None, 0, 2]),
    compact=st.booleans(),
    ascii_only=st.booleans(),
    window=st.sampled_from([64, 300, 1 << 21]),
)
def test_rows_are_what_the_json_module_reads(
    tmp_path_factory: pytest.TempPathFactory,
    value: dict[str, Any],
    indent: int | None,
    compact: bool,
    ascii_only: bool,
    window: int,
) -> None:
    text = json.dumps(
        value,
        indent=indent,
        separators=(",", ":") if compact else None,
        ensure_ascii=ascii_only,
    )
    folder = tmp_path_factory.mktemp("coco")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_index, "Scanner", partial(Scanner, window=window))
        reader, problems = read_text(folder, text, strict=False)
    assert all(entry.code in ALLOWED for entry in problems.entries if entry.status != "notice")
    due = [expected(value, place) for place in range(len(value["annotations"]))]
    rows = rows_of(reader, grouped=False)
    kept = [row["order"] for row in rows]
    lost = sorted(set(range(len(due))) - set(kept))
    assert all(outside(value["annotations"][place]) for place in lost)
    for row in rows:
        assert same(row, due[row["order"]])
        assert json.loads(row["raw"]) == value["annotations"][row["order"]]
    grouped = rows_of(reader, grouped=True)
    assert sorted(row["order"] for row in grouped) == kept
    for row in grouped:
        assert same(row, due[row["order"]])
    order = {item["id"]: place for place, item in enumerate(value["images"])}
    keys = [(order[row["image"]], row["order"]) for row in grouped]
    assert keys == sorted(keys)
    for chunk in reader.chunks(grouped=True):
        assert Chunk.of(chunk.pairs(), reader.meta.labels) == chunk
    assert list(reader.meta.sections) == list(value)
    for key, raw in reader.meta.sections.items():
        assert raw == b"" if key in LISTS else json.loads(raw) == value[key]
    reader.close()


ALLOWED = ("geometry.outside_image", "geometry.disagree")
"""Boxes drawn at random may lie outside, or apart from the outline."""


def outside(record: dict[str, Any]) -> bool:
    x, y, w, h = record["bbox"]
    return x > 64 or y > 48 or x + w < 0 or y + h < 0


@given(value=documents(), needs=st.sets(st.sampled_from(sorted(ALL))))
def test_shapes_are_told_whatever_is_needed(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any], needs: set[str]
) -> None:
    reader, _ = read(tmp_path_factory.mktemp("coco"), value, strict=False)
    whole = {row["order"]: row for row in rows_of(reader, grouped=True)}
    for row in rows_of(reader, grouped=True, needs=frozenset(needs)):
        full = whole[row["order"]]
        assert row["shapes"] == full["shapes"]
        for name, columns in (
            ("outline", ["parts"]),
            ("runs", ["runs", "size"]),
            ("keypoints", ["points"]),
            ("extra", ["attributes", "extra"]),
        ):
            if name in needs:
                assert all(row[column] == full[column] for column in columns)
    kinds = reader.kinds()
    bits = 0
    for row in whole.values():
        bits |= row["shapes"]
    assert ("outline" in kinds) == bool(bits & OUTLINE)
    assert ("runs" in kinds) == bool(bits & RUNS)
    assert ("keypoints" in kinds) == bool(bits & KEYPOINTS)
    reader.close()


@given(records=st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=1, max_size=6))
def test_places_of_records_are_those_of_their_text(records: list[dict[str, Any]]) -> None:
    for between in (",", ", ", " ,\n"):
        pieces = [json.dumps(entry).encode() for entry in records]
        text = between.encode().join(pieces)
        starts, stops = record_places(text, len(records), 64)
        found = [text[a:b] for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
        assert found == pieces


# ------------------------------------------------------------------ files


def test_gzip_bom_and_utf16_read_the_same(tmp_path: Path) -> None:
    value = document([record(1, bbox=[1, 2, 3, 4], segmentation=SQUARE)], info={"x": "é"})
    text = json.dumps(value, ensure_ascii=False)
    plain, _ = read_text(tmp_path, text)
    due = rows_of(plain, grouped=False)
    for name, data in (
        ("a.json.gz", gzip.compress(text.encode())),
        ("b.json", b"\xef\xbb\xbf" + text.encode()),
        ("c.json", text.encode("utf-16")),
    ):
        reader, _ = read_text(tmp_path, data, name=name)
        assert str(rows_of(reader, grouped=False)) == str(due)
        assert str(rows_of(reader, grouped=True)) != ""
        assert recognise(tmp_path / name) == 2


def test_a_large_gzip_file_is_spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlgeom.converters.coco import read_source

    monkeypatch.setattr(read_source, "IN_MEMORY", 100)
    value = document([record(number, bbox=[1, 2, 3, 4]) for number in range(50)])
    reader, _ = read_text(tmp_path, gzip.compress(json.dumps(value).encode()), name="a.json.gz")
    assert len(rows_of(reader, grouped=True)) == 50
    reader.close()


def test_a_broken_gzip_file_is_told(tmp_path: Path) -> None:
    data = gzip.compress(json.dumps(document([])).encode())[:-12]
    with pytest.raises(FormatError, match="gzip"):
        read_text(tmp_path, data, name="a.json.gz")


def test_repeated_image_records_come_again_as_items_of_one_number(tmp_path: Path) -> None:
    value = document([record(1, bbox=[1, 2, 3, 4])], images=[image(1), image(2), image(1)])
    reader, problems = read(tmp_path, value)
    first = next(iter(reader.chunks(grouped=False)))
    assert [item.id for item in first.items] == [1, 2, 1]
    assert [item.number for item in first.items] == [0, 1, 0]
    assert [json.loads(item.record) for item in first.items] == value["images"]
    assert len(first) == 0
    grouped = [item.id for chunk in reader.chunks(grouped=True) for item in chunk.items]
    assert grouped == [1, 2]
    assert reader.count() == 2
    assert [entry.code for entry in problems.entries] == ["record.duplicate"]
    assert reader.meta.extra["coco_repeats"]


def test_images_without_annotations_and_unused_categories_are_kept(tmp_path: Path) -> None:
    reader, _ = read(tmp_path, document([], images=[image(5), image(3)]))
    items = [item for chunk in reader.chunks(grouped=True) for item in chunk.items]
    assert [(item.id, item.name, item.width, item.height) for item in items] == [
        (5, "5.png", 64, 48),
        (3, "3.png", 64, 48),
    ]
    assert reader.meta.labels.names == ["cat", "dog"]
    assert [label.parent for label in reader.meta.labels] == ["animal", None]


def test_categories_keep_keypoints_and_skeletons_from_zero(tmp_path: Path) -> None:
    value = document([])
    value["categories"] = [
        {"id": 1, "name": "p", "keypoints": ["a", "b", "c"], "skeleton": [[1, 2], [2, 3]]},
        {"id": 2, "name": "q", "keypoints": ["a", "b"], "skeleton": [[0, 1]], "color": [1, 2, 3]},
    ]
    reader, _ = read(tmp_path, value)
    one_, two = reader.meta.labels
    assert one_.keypoints == ("a", "b", "c")
    assert one_.skeleton == ((0, 1), (1, 2))
    assert two.skeleton == ((0, 1),)
    assert two.color == (1, 2, 3)
    assert json.loads(one_.record) == value["categories"][0]


def test_captions_are_descriptions(tmp_path: Path) -> None:
    value = {
        "images": [image(1)],
        "annotations": [
            {"id": 1, "image_id": 1, "caption": "A cat.\n"},
            {"image_id": 1, "id": 2, "caption": "\U0001f408 é"},
        ],
    }
    reader, _ = read(tmp_path, value)
    chunk = one(reader)
    texts = [chunk.others[row].annotation_definition.text for row in range(2)]
    assert texts == ["A cat.\n", "\U0001f408 é"]
    assert chunk.shapes.tolist() == [OTHER, OTHER]
    assert chunk.label.tolist() == [-1, -1]


def test_a_record_with_a_category_only_is_a_classification(tmp_path: Path) -> None:
    chunk = one(read(tmp_path, document([record(1)]))[0])
    assert chunk.others[0].annotation_definition.type == "class"
    assert chunk.others[0].annotation_definition.label == "cat"


def test_five_numbers_are_a_box_turned_counter_clockwise(tmp_path: Path) -> None:
    chunk = one(read(tmp_path, document([record(1, bbox=[20, 20, 10, 4, 30])]))[0])
    assert chunk.rotated[0].tolist() == [20, 20, 10, 4, -30]
    assert np.isnan(chunk.bounds).all()
    assert chunk.shapes.tolist() == [ROTATED]


def test_rotation_turns_the_stored_box_clockwise(tmp_path: Path) -> None:
    records = [
        record(1, bbox=[10, 10, 20, 8], segmentation=[], attributes={"rotation": 40.5}),
        record(2, bbox=[10, 10, 20, 8], attributes={"rotation": 0.0}),
        record(3, bbox=[10, 10, 20, 8], segmentation=SQUARE, attributes={"rotation": 40.5}),
    ]
    chunk = one(read(tmp_path, document(records))[0])
    assert chunk.rotated[0].tolist() == [20, 14, 20, 8, 40.5]
    assert chunk.bounds[0].tolist() == [10, 10, 30, 18]
    assert np.isnan(chunk.rotated[1:]).all()
    assert chunk.shapes.tolist() == [BOX | ROTATED, BOX, BOX | OUTLINE]


@pytest.mark.parametrize("angle", [0.0, 30.0, -75.5, 90.0, 200.25, 135.0])
def test_corners_with_their_angle_are_a_rotated_box(tmp_path: Path, angle: float) -> None:
    from dlgeom.geometry.rotated import corners, extent

    box = np.array([[30.0, 24.0, 20.0, 8.0, angle]])
    ring = corners(box)[0].ravel().tolist()
    left, top, right, bottom = extent(box)[0].tolist()
    entry = record(
        1,
        bbox=[left, top, right - left, bottom - top],
        segmentation=[ring],
        attributes={"rotation": angle},
    )
    chunk = one(read(tmp_path, document([entry]))[0])
    assert np.allclose(chunk.rotated, box, atol=1e-9)
    assert chunk.shapes.tolist() == [BOX | ROTATED]
    assert len(chunk.outline.xy) == 0


def test_integers_beyond_floats_stay_exact_in_the_text(tmp_path: Path) -> None:
    text = json.dumps(document([])).replace(
        '"annotations": []',
        '"annotations": [{"id": 9007199254740993, "image_id": 1, "category_id": 1, '
        '"bbox": [1, 2, 3, 4.10], "area": 1e1, "other": 123456789012345678901234567890}]',
    )
    (row,) = rows_of(read_text(tmp_path, text)[0], grouped=False)
    assert row["id"] == 9007199254740993
    assert row["extra"] == {"other": 123456789012345678901234567890}
    assert b'"bbox": [1, 2, 3, 4.10], "area": 1e1' in row["raw"]


def test_mended_rows_have_their_text_without_what_was_left_out(tmp_path: Path) -> None:
    one_ring = record(
        1, bbox=[4, 5, 20, 10], segmentation=[*SQUARE, [1, 1]], attributes={}, other=[2, {"a": 1}]
    )
    runs = {"size": [48, 64], "counts": [3072]}
    no_points = record(2, area=1, keypoints=[1, math.nan], num_keypoints=1, segmentation=runs)
    reader, problems = read(tmp_path, document([one_ring, no_points, record(3)]), strict=False)
    due = [one_ring | {"segmentation": SQUARE}, no_points, record(3)]
    del no_points["keypoints"], no_points["num_keypoints"]
    for grouped, needs in ((False, frozenset()), (False, ALL), (True, ALL | {"raw"})):
        rows = rows_of(reader, grouped=grouped, needs=needs)
        assert [json.loads(row["raw"]) for row in rows] == due
    assert len(rows[0]["parts"]) == 1
    assert rows[0]["extra"] == {"other": [2, {"a": 1}]}
    assert [entry.code for entry in problems.entries] == ["polygon.too_few", "keypoints.arity"]


def test_faults_of_geometry_are_told_once(tmp_path: Path) -> None:
    records = [
        record(1, bbox=[10, 10, 20, 20], segmentation=[[10, 10, 20, 20, 30, 30]]),
        record(2, bbox=[4, 5, 20, 10], segmentation=[*SQUARE, [10, 10, 11, 11, 12, 12]]),
        record(3, bbox=[4, 5, 20, 10], segmentation=SQUARE),
    ]
    reader, problems = read(tmp_path, document(records), strict=False)
    for grouped in (True, False, True):
        rows = rows_of(reader, grouped=grouped)
        assert [row["id"] for row in rows] == [2, 3]
        assert [len(row["parts"]) for row in rows] == [1, 1]
    assert Counter((e.status, e.code) for e in problems.entries) == {
        ("skipped", "polygon.zero_area"): 1,
        ("repaired", "polygon.zero_area"): 1,
    }


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    reader, _ = read(tmp_path, document([record(1, bbox=[1, 2, 3, 4])]))
    (tmp_path / "x.json").write_text(json.dumps(document([])))
    os.utime(tmp_path / "x.json", ns=(1, 1))
    with pytest.raises(OutputError, match="changed"):
        list(reader.chunks(grouped=True))


def test_names_come_from_the_address_where_there_is_none(tmp_path: Path) -> None:
    entry = {"id": 1, "width": 3, "height": 2, "coco_url": "http://h/val2017/0001.jpg?x=1"}
    reader, _ = read(tmp_path, document([], images=[entry]))
    assert [item.name for item in next(iter(reader.chunks(grouped=True))).items] == ["0001.jpg"]


def test_sizes_come_from_the_images_where_there_are_none(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (7, 5)).save(tmp_path / "pictures" / "a.png")
    images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}]
    reader, problems = read(tmp_path, document([], images=images), images=tmp_path / "pictures")
    items = next(iter(reader.chunks(grouped=True))).items
    assert [(item.width, item.height) for item in items] == [(7, 5), (None, None)]
    assert not problems.entries
    assert reader.meta.images_root == tmp_path / "pictures"


# ------------------------------------------------------------------ folders


def write(folder: Path, name: str, value: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def test_files_of_one_split_are_merged(tmp_path: Path) -> None:
    whole = record(1, bbox=[4, 5, 20, 10], segmentation=SQUARE)
    pose = {**whole, "keypoints": [5, 6, 2], "num_keypoints": 1}
    other = record(2, image_id=2, bbox=[1, 1, 2, 2])
    write(
        tmp_path,
        "annotations/instances_val2017.json",
        document([whole, other], [image(1), image(2)]),
    )
    person = document([pose])
    person["categories"] = [{**CATEGORIES[0], "keypoints": ["nose"], "skeleton": []}]
    write(tmp_path, "annotations/person_keypoints_val2017.json", person)
    captions = {
        "images": [image(3), image(1)],
        "annotations": [{"id": 1, "image_id": 1, "caption": "c"}],
    }
    write(tmp_path, "annotations/captions_val2017.json", captions)
    write(
        tmp_path, "annotations/instances_train2017.json", document([record(9, bbox=[1, 1, 2, 2])])
    )
    reader, problems = opened(tmp_path)
    assert recognise(tmp_path) == 2
    assert reader.meta.subsets == ["train2017", "val2017"]
    assert list(reader.meta.subset_sections) == ["train2017", "val2017"]
    rows = [
        (chunk.items[k].subset, chunk.items[k].id, chunk.ids[row], int(chunk.shapes[row]))
        for chunk in reader.chunks(grouped=True)
        for row, k in enumerate(chunk.item.tolist())
    ]
    assert rows == [
        ("train2017", 1, 9, BOX),
        ("val2017", 1, 1, BOX | OUTLINE | KEYPOINTS),
        ("val2017", 1, 1, OTHER),
        ("val2017", 2, 2, BOX),
    ]
    items = [item for chunk in reader.chunks(grouped=True) for item in chunk.items]
    assert [item.number for item in items] == [0, 1, 2, 3]
    assert [json.loads(item.record)["id"] for item in items] == [1, 1, 2, 3]
    assert reader.meta.labels[0].keypoints == ("nose",)
    assert reader.meta.labels.names == ["cat", "dog"]
    assert [entry.code for entry in problems.entries] == ["record.duplicate"]
    only, _ = opened(tmp_path, subsets=["train2017"])
    assert only.count() == 1
    with pytest.raises(UsageError, match="no split 'test'"):
        opened(tmp_path, subsets=["test"])


def test_one_image_id_with_two_names_in_one_split_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "annotations/instances_val.json", document([]))
    write(tmp_path, "annotations/captions_val.json", document([], [image(1, file_name="b.png")]))
    with pytest.raises(FormatError, match="one id means one image") as caught:
        opened(tmp_path)
    assert caught.value.code == "ref.duplicate_id"


def test_roboflow_folders_are_splits(tmp_path: Path) -> None:
    for name in ("train", "valid"):
        write(tmp_path, f"{name}/_annotations.coco.json", document([record(1, bbox=[1, 1, 2, 2])]))
    reader, _ = opened(tmp_path)
    assert reader.meta.subsets == ["train", "valid"]
    assert recognise(tmp_path) == 2
    assert len(rows_of(reader, grouped=False)) == 2


def test_one_bad_file_of_several_is_reported_and_the_others_read(tmp_path: Path) -> None:
    write(tmp_path, "annotations/instances_a.json", document([record(1, bbox=[1, 1, 2, 2])]))
    (tmp_path / "annotations/instances_b.json").write_text('{"images": [')
    reader, problems = opened(tmp_path, strict=False)
    assert len(rows_of(reader, grouped=True)) == 1
    assert [(entry.status, entry.code) for entry in problems.entries] == [("file", "json.syntax")]
    with pytest.raises(FormatError):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("name", "subset"),
    [
        ("instances_val2017.json", "val2017"),
        ("instances_default.json", None),
        ("lvis_v1_train.json", "train"),
        ("annotations.json", None),
        ("train.json.gz", "train"),
    ],
)
def test_a_split_is_told_by_the_name(tmp_path: Path, name: str, subset: str | None) -> None:
    data = json.dumps(document([])).encode()
    reader, _ = read_text(
        tmp_path, gzip.compress(data) if name.endswith(".gz") else data, name=name
    )
    assert reader.meta.subsets == ([] if subset is None else [subset])
    assert next(iter(reader.chunks(grouped=True))).items[0].subset == subset


def test_other_json_is_not_recognised(tmp_path: Path) -> None:
    for name, text in (
        ("a.json", '{"shapes": [], "imagePath": "a.jpg"}'),
        ("b.json", "[1, 2]"),
        ("c.json", ""),
        ("d.txt", '{"images": [], "annotations": []}'),
        ("e.json", '{"annotations": [], "_id": "1"}'),
    ):
        (tmp_path / name).write_text(text)
        assert recognise(tmp_path / name) == 0
    assert recognise(tmp_path / "absent.json") == 0
    assert recognise(tmp_path) == 0


# ------------------------------------------------------------------ results


def test_results_take_images_and_names_from_the_ground_truth(tmp_path: Path) -> None:
    (tmp_path / "gt.json").write_text(json.dumps(document([record(1, bbox=[1, 1, 2, 2])])))
    results = [
        {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.25},
        {"image_id": 1, "category_id": 1, "keypoints": [1, 2, 0.7], "score": 0.5},
        {"image_id": 99, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.25},
    ]
    reader, problems = read(tmp_path, results, strict=False, ground_truth=tmp_path / "gt.json")
    rows = rows_of(reader, grouped=True)
    assert [(row["label"], row["score"], row["id"]) for row in rows] == [
        ("dog", 0.25, None),
        ("cat", 0.5, None),
    ]
    assert rows[1]["points"] == [[1, 2, 2]]
    assert [(e.code, e.location) for e in problems.entries] == [("ref.image", "[2].image_id")]


def test_results_without_a_ground_truth_take_sizes_from_their_masks(tmp_path: Path) -> None:
    mask = {"size": [2, 3], "counts": [1, 2, 3]}
    reader, _ = read(
        tmp_path, [{"image_id": 4, "category_id": 18, "segmentation": mask, "score": 1}]
    )
    chunk = one(reader)
    assert (chunk.items[0].width, chunk.items[0].height, chunk.items[0].id) == (3, 2, 4)
    assert reader.meta.labels.names == ["18"]


@pytest.mark.parametrize(("to", "task"), [("coco", None), ("yolo", "detect")])
def test_results_without_any_size_go_where_none_is_needed(
    tmp_path: Path, to: str, task: str | None
) -> None:
    boxes = [
        {"score": 1e-3, "image_id": 4, "category_id": 18, "bbox": [1, 2.50, 3, 4], "x": [1]},
        {"image_id": 2**60, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 1},
        {"image_id": 4, "category_id": 3, "bbox": [10, 2, 3, 4], "score": 0.5},
    ]
    source = tmp_path / "results.json"
    source.write_text(json.dumps(boxes))
    report = dlgeom.convert(source, tmp_path / "again.json")
    assert (report.written, report.lossless) == (3, True)
    assert json.loads((tmp_path / "again.json").read_text()) == boxes
    options = {"coco_task": "instances"} if to == "coco" else {}
    with pytest.raises(FormatError, match="--ground-truth"):
        dlgeom.convert(
            source, tmp_path / "out", to_format=to, task=task, on_error="skip", **options
        )


# ------------------------------------------------------------------ real files

COUNTS = {
    "coco_mini/instances_val2017.json": (79, 624, 80),
    "coco_mini/instances_train2017.json": (80, 739, 80),
    "coco_mini/person_keypoints_val2017.json": (79, 118, 1),
    "coco_mini/person_keypoints_train2017.json": (80, 172, 1),
    "coco_mini/captions_val2017.json": (79, 395, 0),
    "keypoints_2213/person_keypoints_val2017.json.gz": (538, 2213, 1),
    "person_1045": (1045, 1045, 1),
    "taco": (1500, 4784, 60),
    "lvis_val_100/lvis_val_100.json": (100, 977, 1230),
    "voc100_coco/coco_format_v1": (100, 273, 20),
    "voc100_coco/coco_format_v2/instances_v2.json": (100, 273, 20),
    "voc100_dets/coco_dets.json": (98, 452, 20),
    "roboflow_small": (72, 226, 6),
    "retinanet": (2, 23, 80),
    "labelme_coco": (3, 12, 21),
    "mmpose/test_coco_wholebody.json": (4, 14, 1),
    "mmpose/test_crowdpose.json": (2, 5, 1),
    "mmpose/test_animalpose.json": (2, 2, 1),
    "mmpose/test_aic.json": (3, 9, 1),
    "mmpose": (15, 44, 2),
    "panoptic_sample/sample_data/panoptic_coco_detection_format.json": (2, 50, 133),
    "datumaro/coco_instances": (2, 3, 3),
    "datumaro/coco_captions": (2, 3, 0),
    "datumaro/coco_image_info": (2, 0, 0),
    "datumaro/coco_labels": (2, 3, 2),
    "datumaro/coco_person_keypoints": (2, 3, 2),
    "datumaro/coco_roboflow": (2, 3, 3),
    "datumaro/coco_stuff": (2, 2, 2),
    "datumaro/mmdet_coco": (2, 3, 3),
    "datumaro/coco": (2, 7, 3),
    "coco_mini": (159, 2158, 80),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", COUNTS)
def test_real_files_have_the_counts_that_their_readme_states(shared_data: Path, name: str) -> None:
    path = shared_data / "coco" / name
    reader, problems = opened(path, strict=False)
    assert recognise(path) == 2
    for grouped in (True, False):
        seen: set[int] = set()
        rows = 0
        for chunk in reader.chunks(grouped=grouped):
            seen.update(item.number for item in chunk.items)
            rows += len(chunk)
            if grouped:
                assert Chunk.of(chunk.pairs(), reader.meta.labels) == chunk
        assert (len(seen), rows, len(reader.meta.labels)) == COUNTS[name]
    assert all(entry.status in ("notice", "warning") for entry in problems.entries)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "coco_mini/instances_val2017.json",
        "taco/annotations.json.gz",
        "lvis_val_100/lvis_val_100.json",
    ],
)
def test_real_rows_are_what_the_json_module_reads(shared_data: Path, name: str) -> None:
    path = shared_data / "coco" / name
    data = path.read_bytes()
    value = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    reader, _ = opened(path, strict=False)
    names = {category["id"]: category["name"] for category in value["categories"]}
    place = 0
    for chunk in reader.chunks(grouped=False):
        for row in range(len(chunk)):
            due = value["annotations"][place]
            x, y, w, h = due["bbox"]
            assert chunk.ids[row] == due["id"]
            assert chunk.bounds[row].tolist() == [x, y, x + w, y + h]
            assert chunk.area[row] == due["area"]
            assert reader.meta.labels[int(chunk.label[row])].name == names[due["category_id"]]
            assert json.loads(chunk.origin.raw(row)) == due
            if isinstance(due["segmentation"], list):
                found = [part[0].tolist() for part in chunk.outline.row(row)]
                assert found == [opened_ring(ring) for ring in due["segmentation"]]
            else:
                assert chunk.runs.row(row).tolist() == due["segmentation"]["counts"]
            place += 1
    assert place == len(value["annotations"])


@pytest.mark.shared
def test_real_results_read_with_and_without_their_sizes(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "coco/results"
    reader, _ = opened(folder / "instances_val2014_fakesegm100_results.json")
    assert len(rows_of(reader, grouped=True, needs=frozenset({"runs"}))) == 734
    for name in (
        "instances_val2014_fakebbox100_results.json",
        "captions_val2014_fakecap_results.json",
    ):
        with pytest.raises(FormatError, match="--ground-truth"):
            dlgeom.convert(folder / name, tmp_path / "a.json", coco_task="instances")
        dlgeom.convert(folder / name, tmp_path / name)
        assert json.loads((tmp_path / name).read_text()) == json.loads((folder / name).read_text())
