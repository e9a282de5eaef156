"""Panoptic: colours to segments and back, JSON value by value, what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Losses, Meta, ReadContext, Reader, WriteContext
from dlgeom.converters.coco.panoptic_reader import open_panoptic
from dlgeom.converters.coco.writer import create_writer
from dlgeom.converters.output import Output
from dlgeom.converters.pipeline import convert
from dlgeom.converters.png import read_png, rgb_png
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Rings, Runs
from dlgeom.geometry.segments import id_map, rgb_of, segment_runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable


@st.composite
def id_maps(draw: st.DrawFn) -> NDArray[np.uint32]:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    seed = draw(st.integers(0, 2**32 - 1))
    colors = np.array([0, 1, 255, 256, 65_536, 2**24 - 1, 70_000], dtype=np.uint32)
    count = draw(st.integers(1, len(colors)))
    picked: NDArray[np.uint32] = np.random.default_rng(seed).choice(
        colors[:count], size=(height, width)
    )
    return picked


@given(id_maps())
def test_colors_hold_ids(ids: NDArray[np.uint32]) -> None:
    assert np.array_equal(id_map(rgb_of(ids)), ids)


@given(id_maps())
def test_segments_are_the_pixels_of_their_id(ids: NDArray[np.uint32]) -> None:
    found, runs = segment_runs(ids)
    assert found.tolist() == [value for value in np.unique(ids).tolist() if value]
    for row, value in enumerate(found.tolist()):
        mask = ids == value
        assert np.array_equal(rle.decode(runs.row(row), ids.shape), mask)
        assert runs.row(row).tolist() == rle.encode(mask).tolist()


# ------------------------------------------------------------------ a small data set

IDS = np.array(
    [[7, 7, 7, 0, 9], [7, 70_000, 70_000, 0, 9], [7, 70_000, 70_000, 0, 0]], dtype=np.uint32
)


def segment(value: int, category: int, **fields: Any) -> dict[str, Any]:
    lines, columns = np.nonzero(value == IDS)
    left, top = int(columns.min()), int(lines.min())
    box = [left, top, int(columns.max()) + 1 - left, int(lines.max()) + 1 - top]
    record = {"id": value, "category_id": category, "iscrowd": 0, "bbox": box}
    return {**record, "area": len(lines), **fields}


def source() -> dict[str, Any]:
    return {
        "annotations": [
            {
                "segments_info": [segment(9, 2, extra=[2**70]), segment(7, 1), segment(70_000, 1)],
                "note": 1.50,
                "file_name": "b.png",
                "image_id": 4,
            },
            {"image_id": 3, "file_name": "a.png", "segments_info": []},
        ],
        "images": [
            {"id": 3, "file_name": "a.jpg", "width": 2, "height": 2},
            {"id": 5, "file_name": "none.jpg", "width": 2, "height": 2},
            {"id": 4, "file_name": "b.jpg", "width": 5, "height": 3, "license": 1},
        ],
        "other": {"x": 1e-7},
        "categories": [
            {"id": 2, "name": "sky", "isthing": 0, "color": [1, 2, 3]},
            {"id": 1, "name": "cat", "isthing": 1, "supercategory": "animal"},
        ],
    }


def make(folder: Path, data: dict[str, Any], name: str = "panoptic_val.json") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    path.write_text(json.dumps(data))
    pictures = folder / name.removesuffix(".json")
    pictures.mkdir()
    (pictures / "a.png").write_bytes(rgb_png(np.zeros((2, 2, 3), dtype=np.uint8)))
    (pictures / "b.png").write_bytes(rgb_png(rgb_of(IDS)))
    return path


def opened(path: Path, *, strict: bool = True) -> tuple[Reader, Problems]:
    problems = Problems(strict=strict)
    return open_panoptic(path, ReadContext(problems=problems)), problems


def pump(reader: Reader, target: Path, *, single: bool, **options: Any) -> list[Losses]:
    with Output(target, single=single) as output:
        context = WriteContext(
            output=output, meta=reader.meta, problems=Problems(), options=options
        )
        writer = create_writer(context)
        chunks = reader.chunks(grouped=writer.grouped, needs=writer.needs)
        losses = [writer.write(chunk) for chunk in chunks]
        writer.finish()
    return losses


def same(path: Path, other: Path, pictures: Path | None = None) -> None:
    """Assert that two panoptic data sets have equal values in equal order and equal pixels."""
    first, second = json.loads(path.read_text()), json.loads(other.read_text())
    assert json.dumps(first) == json.dumps(second)
    for record in first["annotations"]:
        name = record["file_name"]
        before = read_png((pictures or path.with_suffix("")) / name).array
        assert np.array_equal(before, read_png(other.with_suffix("") / name).array)


@pytest.mark.parametrize("grouped", [False, True])
def test_rows_are_the_segments(tmp_path: Path, grouped: bool) -> None:
    reader, _ = opened(make(tmp_path, source()))
    chunks = list(reader.chunks(grouped=grouped))
    rows = [chunk for chunk in chunks if len(chunk)]
    assert sum(map(len, chunks)) == 3
    (chunk,) = rows
    assert chunk.ids == [9, 7, 70_000]
    assert [chunk.labels[k].name for k in chunk.label.tolist()] == ["sky", "cat", "cat"]
    for row, value in enumerate(chunk.ids):
        mask = rle.decode(chunk.runs.row(row), (3, 5))
        assert np.array_equal(mask, value == IDS)
    assert chunk.area.tolist() == rle.areas(chunk.runs).tolist()
    assert chunk.extra == {0: {"extra": [2**70]}}
    numbers = [item.number for chunk in chunks for item in chunk.items]
    assert sorted(set(numbers)) == [0, 1, 2]
    assert len(numbers) == (3 if grouped else 5)
    assert list(reader.chunks(grouped=grouped)) == chunks


@pytest.mark.parametrize("single", [False, True])
def test_panoptic_comes_out_as_it_went_in(tmp_path: Path, single: bool) -> None:
    path = make(tmp_path / "in", source())
    reader, problems = opened(path)
    losses = pump(reader, tmp_path / ("x.json" if single else "out"), single=single)
    made = tmp_path / ("x.json" if single else "out/annotations/panoptic_val.json")
    same(path, made)
    assert not problems.counts
    assert not any(one.status.any() for one in losses)


def test_boxes_alone_need_no_pictures(tmp_path: Path) -> None:
    path = make(tmp_path, source())
    (tmp_path / "panoptic_val/b.png").unlink()
    reader, _ = opened(path)
    chunks = [c for c in reader.chunks(grouped=False, needs=frozenset()) if len(c)]
    assert chunks[0].bounds[1].tolist() == [0.0, 0.0, 3.0, 3.0]


def test_pictures_give_missing_sizes(tmp_path: Path) -> None:
    data = source()
    del data["images"][2]["width"]
    reader, problems = opened(make(tmp_path, data), strict=False)
    (item,) = [i for c in reader.chunks(grouped=True) for i in c.items if i.id == 4]
    assert (item.width, item.height) == (5, 3)
    assert problems.counts == {"repaired": 1}


def test_panoptic_becomes_instances_on_request(tmp_path: Path) -> None:
    reader, _ = opened(make(tmp_path / "in", source()))
    pump(reader, tmp_path / "x.json", single=True, coco_task="instances")
    found = json.loads((tmp_path / "x.json").read_text())
    masks = [a["segmentation"] for a in found["annotations"]]
    decoded = [rle.decode(rle.from_string(m["counts"]), (3, 5)) for m in masks]
    assert [int(mask.sum()) for mask in decoded] == [a["area"] for a in found["annotations"]]
    assert found["other"] == {"x": 1e-7}


def test_category_ids_are_edited_in_place(tmp_path: Path) -> None:
    reader, _ = opened(make(tmp_path / "in", source()))
    pump(reader, tmp_path / "x.json", single=True, coco_category_ids="from1")
    expected = source()
    for record in expected["annotations"][0]["segments_info"]:
        record["category_id"] = {2: 1, 1: 2}[record["category_id"]]
    for record, value in zip(expected["categories"], (1, 2), strict=True):
        record["id"] = value
    assert json.loads((tmp_path / "x.json").read_text()) == expected


def _break(data: dict[str, Any], how: str) -> None:
    info = data["annotations"][0]["segments_info"]
    if how == "area":
        info[0]["area"] += 1
    elif how == "bbox":
        info[0]["bbox"][2] -= 1
    elif how == "category":
        info[0]["category_id"] = 99
    elif how == "id":
        info[0]["id"] = 2**24
    elif how == "twice":
        info.append(dict(info[0]))
    elif how == "absent":
        info.append({"id": 1234, "category_id": 1, "area": 3, "bbox": [0, 0, 1, 1]})
    elif how == "unlisted":
        del info[0]
    elif how == "crowd":
        info[0]["iscrowd"] = "0"
    elif how == "image":
        data["annotations"][0]["image_id"] = 77
    elif how == "size":
        data["images"][2]["width"] = 6
    elif how == "picture":
        data["annotations"][0]["file_name"] = "no.png"
    else:
        data["annotations"][0]["file_name"] = "../b.png"


@pytest.mark.parametrize(
    ("how", "code", "status", "left"),
    [
        ("area", "geometry.disagree", "warning", 3),
        ("bbox", "geometry.disagree", "warning", 3),
        ("category", "ref.category", "skipped", 2),
        ("id", "number.range", "skipped", 2),
        ("twice", "ref.duplicate_id", "skipped", 3),
        ("absent", "mask.empty", "skipped", 3),
        ("unlisted", "geometry.disagree", "warning", 2),
        ("crowd", "type.number", "skipped", 2),
        ("image", "ref.image", "skipped", 0),
        ("size", "image.size_disagrees", "file", 0),
        ("picture", "image.unreadable", "file", 0),
        ("escape", "path.escape", "file", 0),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_survives(
    tmp_path: Path, how: str, code: str, status: str, left: int
) -> None:
    data = source()
    _break(data, how)
    path = make(tmp_path, data)
    reader, problems = opened(path, strict=False)
    assert sum(map(len, reader.chunks(grouped=True))) == left
    assert (status, code) in {(entry.status, entry.code) for entry in problems.entries}
    strict, _ = opened(path)
    with pytest.raises(FormatError) as caught:
        list(strict.chunks(grouped=True))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "schema.root"),
        ('{"images": [], "annotations": []}', "schema.field"),
        ('{"images": {}, "annotations": [], "categories": []}', "schema.type"),
        ('{"images": [], "images": [], "categories": []}', "json.duplicate_key"),
        ('{"info": NaN, "images": [], "annotations": [], "categories": []}', None),
        ('{"images": [', "json.syntax"),
        ('{"images": [{"id": 1, "id": 2}], "annotations": [], "categories": []}', None),
        ("", "file.empty"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_an_error(
    tmp_path: Path, text: str, code: str | None
) -> None:
    path = tmp_path / "panoptic_x.json"
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        opened(path, strict=False)
    assert code is None or caught.value.code == code
    assert caught.value.path == "panoptic_x.json"


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_picture_without_three_colors_is_refused(tmp_path: Path, mode: str) -> None:
    from PIL import Image

    path = make(tmp_path, source())
    Image.new(mode, (5, 3)).save(tmp_path / "panoptic_val/b.png")
    reader, problems = opened(path, strict=False)
    assert sum(map(len, reader.chunks(grouped=True))) == 0
    assert [(e.status, e.code) for e in problems.entries] == [("file", "image.mode")]


def test_a_folder_has_a_subset_for_each_file(tmp_path: Path) -> None:
    folder = tmp_path / "annotations"
    make(folder, source())
    make(folder, source(), "panoptic_train.json")
    reader, _ = opened(tmp_path)
    assert reader.meta.subsets == ["train", "val"]
    pump(reader, tmp_path / "out", single=False)
    for name in ("train", "val"):
        same(
            folder / f"panoptic_{name}.json",
            tmp_path / "out/annotations" / f"panoptic_{name}.json",
        )


def cityscapes(folder: Path) -> Path:
    """Write a file in the dialect of Cityscapes: ids of images are text, names have a prefix."""
    data = source()
    for entry in data["images"]:
        entry["id"] = f"frankfurt_{entry['id']}"
    for entry in data["annotations"]:
        entry["image_id"] = f"frankfurt_{entry['image_id']}"
    return make(folder, data, "cityscapes_panoptic_val.json")


def test_ids_of_images_may_be_text(tmp_path: Path) -> None:
    path = cityscapes(tmp_path / "in")
    reader, _ = opened(path)
    assert reader.meta.subsets == ["val"]
    pump(reader, tmp_path / "out.json", single=True)
    same(path, tmp_path / "out.json")
    report = convert(path, tmp_path / "things.json", coco_task="instances")
    assert report.written == report.read == 3
    made = json.loads((tmp_path / "things.json").read_text())
    assert {entry["image_id"] for entry in made["annotations"]} <= {
        entry["id"] for entry in made["images"]
    }


def test_pictures_may_lie_beside_the_folder_of_annotations(tmp_path: Path) -> None:
    path = make(tmp_path / "in/annotations", source())
    (path.parent / "panoptic_val").rename(tmp_path / "in/panoptic_val")
    for origin in (path, tmp_path / "in"):
        convert(origin, tmp_path / "out.json", overwrite=True)
        same(path, tmp_path / "out.json", pictures=tmp_path / "in/panoptic_val")


def test_panoptic_is_told_from_instances(tmp_path: Path) -> None:
    image = {"id": 1, "file_name": "a.png", "width": 5, "height": 4}
    root = {
        "images": [image],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "segments_info": []},
        ],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(root))
    convert(path, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == root


# ------------------------------------------------------------------ from other shapes


def painted(tmp_path: Path, chunk: Chunk) -> tuple[Losses, dict[str, Any], NDArray[np.uint32]]:
    meta = Meta(format="made", labels=chunk.labels)
    with Output(tmp_path / "x.json", single=True) as output:
        context = WriteContext(
            output=output, meta=meta, problems=Problems(), options={"coco_task": "panoptic"}
        )
        writer = create_writer(context)
        losses = writer.write(chunk)
        writer.finish()
    ids = id_map(read_png(tmp_path / "x/a.png").array)
    return losses, json.loads((tmp_path / "x.json").read_text()), ids


def test_later_segments_are_painted_on_top_and_the_loss_is_told(tmp_path: Path) -> None:
    labels = LabelTable(["cat"])
    low, high, gone = np.zeros((3, 4, 6), dtype=bool)
    low[:, :4], high[:, 2:], gone[0, 5] = True, True, True
    chunk = Chunk.build(
        items=[Item(name="a.jpg", width=6, height=4, number=0)],
        item=np.zeros(5, dtype=np.int32),
        labels=labels,
        label=np.zeros(5, dtype=np.int32),
        runs=Runs.of([(rle.encode(m), (4, 6)) for m in (gone, low, high)] + [None, None]),
        bounds=np.array([[np.nan] * 4] * 3 + [[0.0, 0.0, 2.0, 1.0], [np.nan] * 4]),
        ids=[None, 300, "x", None, None],
    )
    losses, data, ids = painted(tmp_path, chunk)
    codes = [losses.codes[code][0] if code >= 0 else "" for code in losses.code.tolist()]
    assert codes == [
        "geometry.overlap",
        "geometry.overlap",
        "",
        "geometry.raster",
        "geometry.none",
    ]
    assert losses.status.tolist() == [2, 1, 0, 1, 2]
    assert losses.measure[1] == (16 - 8 - 2) / 16
    (record,) = data["annotations"]
    assert [s["id"] for s in record["segments_info"]] == [300, 2, 3]
    for entry in record["segments_info"]:
        mask = ids == entry["id"]
        x, y, w, h = entry["bbox"]
        assert entry["area"] == mask.sum()
        assert mask[y : y + h, x : x + w].sum() == mask.sum()
    assert data["categories"] == [{"id": 1, "name": "cat", "supercategory": "", "isthing": 1}]


def test_polygons_are_painted_by_the_coco_rule(tmp_path: Path) -> None:
    labels = LabelTable(["cat"])
    square = np.array([[0.6, 0.6], [4.4, 0.6], [4.4, 3.0], [0.6, 3.0]])
    chunk = Chunk.build(
        items=[Item(name="a.jpg", width=6, height=4, number=0)],
        item=np.zeros(1, dtype=np.int32),
        labels=labels,
        label=np.zeros(1, dtype=np.int32),
        outline=Rings.of([[[square]]]),
    )
    losses, _, ids = painted(tmp_path, chunk)
    from dlgeom.geometry.raster import parts_to_mask

    assert np.array_equal(ids == 1, parts_to_mask([[square]], (4, 6)))
    assert losses.status.tolist() == [1]


# ------------------------------------------------------------------ real files


@pytest.mark.parametrize(
    "name",
    [
        "panoptic_val100/panoptic_val2017.json",
        "panoptic_sample/sample_data/panoptic_examples.json",
    ],
)
def test_real_panoptic_files_come_out_as_they_went_in(
    tmp_path: Path, shared_data: Path, name: str
) -> None:
    path = shared_data / "coco" / name
    reader, _ = opened(path)
    context = {} if reader.meta.subsets else {"subset": "val"}
    assert context is not None
    pump(reader, tmp_path / "x.json", single=True)
    same(path, tmp_path / "x.json")
