"""YOLO data sets of every layout: what is found, and that the numbers are right."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

import dlgeom
from dlgeom.chunk import Chunk
from dlgeom.converters.base import ReadContext
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.read_shapes import to_shapes
from dlgeom.converters.yolo.reader import YoloReader, open_reader, recognise
from dlgeom.converters.yolo.rows import parse_rows
from dlgeom.errors import FormatError, UsageError
from dlgeom.geometry import rotated
from dlgeom.limits import DEFAULT_LIMITS

YAML = "path: .\ntrain: images/train\nval: images/train\nnames: [cat, dog]\n"
BOX = "0 0.5 0.5 0.25 0.25\n"


def make(root: Path, files: dict[str, str | tuple[int, int]]) -> Path:
    """Write a data set: text files, and images of a size."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_bytes(content.encode())
        else:
            Image.new("L", content).save(path)
    return root


def opened(path: Path, *, strict: bool = False, **context: Any) -> tuple[YoloReader, Problems]:
    problems = Problems(strict=strict)
    return open_reader(path, ReadContext(problems=problems, **context)), problems


def chunks(path: Path, **context: Any) -> list[Chunk]:
    return list(opened(path, **context)[0].chunks(grouped=True))


def only(path: Path, **context: Any) -> Chunk:
    (chunk,) = chunks(path, **context)
    return chunk


def names(path: Path, **context: Any) -> list[tuple[str | None, str | None, int]]:
    """Subset, item name and number of rows of each item."""
    return [
        (item.subset, item.name, int((chunk.item == k).sum()))
        for chunk in chunks(path, **context)
        for k, item in enumerate(chunk.items)
    ]


# -- layouts ----------------------------------------------------------------------------------


def test_a_folder_with_a_class_file_is_read(tmp_path: Path) -> None:
    files = {"data.yaml": YAML, "images/train/a.png": (64, 48), "labels/train/a.txt": BOX}
    make(tmp_path, files)
    assert recognise(tmp_path) == recognise(tmp_path / "data.yaml") == 2
    chunk = only(tmp_path, strict=True)
    assert chunk.bounds.tolist() == [[24.0, 18.0, 40.0, 30.0]]
    assert chunk.labels.names == ["cat", "dog"]
    assert (chunk.items[0].width, chunk.items[0].height) == (64, 48)
    assert chunk.where(0)["path"] == "labels/train/a.txt"
    assert chunk.where(0)["location"] == "line 1"
    assert chunk.origin.raw(0) == b"0 0.5 0.5 0.25 0.25"
    assert only(tmp_path / "data.yaml") == chunk


@pytest.mark.parametrize(
    "places",
    [
        "train: images/train",
        "path: .\ntrain: ./images/train",
        "path: ../datasets/set\ntrain: images/train",
        "path: /home/me/set\ntrain: images/train",
        "path: C:\\data\\set\ntrain: images\\train",
        "train: ../images/train",
        "train: /home/me/set/images/train",
        "train: [images/train]\nval: images/train",
        "train: images/train\nvalidation: images/train\ntest:",
        "train: train.txt",
        "train: ./train.txt",
        "train: [images/train/a.png, images/train/n/b.png, images/train/c.png]",
        "path: set\nval: images/none\ntrain: images/train",
    ],
)
def test_every_way_to_name_a_split_leads_to_the_same_images(tmp_path: Path, places: str) -> None:
    make(
        tmp_path,
        {
            "data.yaml": f"{places}\nnames: [cat, dog]\n",
            "train.txt": "data/images/train/a.png\n./images/train/n/b.png\r\n\nimages/train/c.png",
            "images/train/a.png": (8, 8),
            "images/train/n/b.png": (8, 8),
            "images/train/c.png": (8, 8),
            "labels/train/a.txt": BOX,
            "labels/train/n/b.txt": BOX * 1 + "1 0.5 0.5 0.1 0.1",
            "labels/train/README.txt": "hello",
            "labels/train/._a.txt": "hello",
            "labels/train.cache": "hello",
        },
    )
    found = names(tmp_path, strict=True)
    assert sorted(found) == [("train", "a.png", 1), ("train", "c.png", 0), ("train", "n/b.png", 2)]


def test_a_roboflow_export_is_found_beside_its_class_file(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "train: ../train/images\nval: ../valid/images\n"
            "test: ../test/images\nnames: ['a']\nroboflow: {version: 1}\n",
            "train/images/x.png": (8, 8),
            "train/labels/x.txt": BOX,
            "valid/images/y.png": (8, 8),
            "valid/labels/y.txt": BOX,
        },
    )
    assert names(tmp_path, strict=True) == [("train", "x.png", 1), ("val", "y.png", 1)]


def test_a_split_inside_of_another_is_read_once(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "train: images\nval: images/val\nnames: [a]\n",
            "images/a.png": (8, 8),
            "images/val/b.png": (8, 8),
            "labels/a.txt": BOX,
            "labels/val/b.txt": BOX,
        },
    )
    assert names(tmp_path, strict=True) == [("train", "a.png", 1), ("val", "b.png", 1)]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ("train: train\nval: val", [("train", "a.png", 1), ("val", "b.png", 2)]),
        (
            "train: .\nval: .",
            [("train", "train/images/a.png", 1), ("train", "val/images/b.png", 2)],
        ),
        (
            "train: [train/images, val/images]",
            [("train", "a.png", 1), ("train", "b.png", 2)],
        ),
    ],
)
def test_a_folder_around_images_and_labels_is_a_split_too(
    tmp_path: Path, places: str, expected: list[tuple[str, str, int]]
) -> None:
    make(
        tmp_path,
        {
            "data.yaml": f"{places}\nnames: [cat, dog]\n",
            "train/images/a.png": (8, 8),
            "train/labels/a.txt": BOX,
            "val/images/b.png": (8, 8),
            "val/labels/b.txt": BOX + BOX.replace("0 ", "1 ", 1),
        },
    )
    assert names(tmp_path, strict=True) == expected


@pytest.mark.parametrize("places", ["images/train", "list.txt"])
def test_the_last_images_of_a_path_becomes_labels(tmp_path: Path, places: str) -> None:
    make(
        tmp_path,
        {
            "data.yaml": f"train: {places}\nval: {places}\nnames: [cat]\n",
            "list.txt": "./images/train/a.png\n./images/train/s/images/b.png\n"
            "./images/train/s/images/c.png\n",
            "images/train/a.png": (8, 8),
            "images/train/s/images/b.png": (8, 8),
            "images/train/s/images/c.png": (8, 8),
            "labels/train/a.txt": BOX,
            "images/train/s/labels/b.txt": BOX * 2,
            "labels/train/s/images/c.txt": BOX,
        },
    )
    below = "s/images/" if places == "images/train" else ""
    assert names(tmp_path) == [
        ("train", "a.png", 1),
        ("train", f"{below}b.png", 2),
        ("train", f"{below}c.png", 0),
    ]


def test_images_decides_before_jpegimages(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "train: images/JPEGImages\nval: images/JPEGImages\nnames: [cat]\n",
            "images/JPEGImages/a.png": (8, 8),
            "labels/JPEGImages/a.txt": BOX,
        },
    )
    assert names(tmp_path, strict=True) == [("train", "a.png", 1)]


def test_images_of_one_name_in_two_folders_stay_apart(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "train: [x/images, y/images, x.txt, more.txt]\nnames: [cat]\n",
            "x.txt": "./x/images/2.png\n",
            "more.txt": "x/images/2.png\n",
            "x/images/1.png": (8, 8),
            "x/labels/1.txt": BOX,
            "y/images/1.png": (8, 8),
            "y/labels/1.txt": BOX * 2,
        },
    )
    found = names(tmp_path)
    assert found == [("train", "x/images/1.png", 1), ("train", "y/images/1.png", 2)]
    Image.new("L", (8, 8)).save(tmp_path / "x/images/2.png")
    reader, problems = opened(tmp_path)
    images = [item.name for chunk in reader.chunks(grouped=True) for item in chunk.items]
    assert sorted(map(str, images)) == ["2.png", "x/images/1.png", "y/images/1.png"]
    assert {entry.code for entry in problems.entries} == {"record.duplicate"}


def test_lists_may_be_relative_to_the_path_of_the_class_file(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "path: sub\ntrain: train.txt\nval: train.txt\nnames: [cat]\n",
            "sub/train.txt": "images/a.png\n",
            "sub/images/a.png": (8, 8),
            "sub/labels/a.txt": BOX,
        },
    )
    assert names(tmp_path, strict=True) == [("train", "a.png", 1)]


def test_subsets_choose_splits(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "train: images/train\nval: images/val\nnames: [a]\n",
            "images/train/a.png": (8, 8),
            "images/val/b.png": (8, 8),
            "labels/val/b.txt": BOX,
        },
    )
    reader, _ = opened(tmp_path)
    assert reader.meta.subsets == ["train", "val"]
    assert reader.meta.images_root == tmp_path / "images"
    assert names(tmp_path, subsets=["val"]) == [("val", "b.png", 1)]
    with pytest.raises(FormatError, match="no split 'test'"):
        opened(tmp_path, subsets=["test"])


@pytest.mark.parametrize("images", ["obj_train_data", "JPEGImages", "images"])
def test_darknet_lists_are_read_with_labels_beside_or_moved(tmp_path: Path, images: str) -> None:
    labels = "obj_train_data" if images == "obj_train_data" else "labels"
    make(
        tmp_path,
        {
            "obj.data": "classes = 2\ntrain = data/train.txt\nvalid=data/v.txt\n"
            "names = data/obj.names\nbackup = backup/\n",
            "obj.names": "cat\r\ndog\r\n\r\n",
            "train.txt": f"data/{images}/b.png\ndata/{images}/a.png\n",
            f"{images}/a.png": (8, 8),
            f"{images}/b.png": (8, 8),
            f"{labels}/a.txt": BOX,
            f"{labels}/b.txt": BOX + BOX.replace("0 ", "1 ", 1),
        },
    )
    assert recognise(tmp_path) == recognise(tmp_path / "obj.data") == 2
    assert names(tmp_path) == [("train", "b.png", 2), ("train", "a.png", 1)]


def test_a_folder_of_labels_takes_names_from_anywhere(tmp_path: Path) -> None:
    data = make(
        tmp_path / "set",
        {
            "images/a.png": (8, 8),
            "labels/a.txt": BOX,
            "labels/n/b.txt": "",
            "images/n/b.png": (4, 4),
        },
    )
    make(tmp_path, {"names.txt": "cat\ndog\n", "names.yaml": "names: {0: cat, 1: dog}\n"})
    assert recognise(data) == 1
    with pytest.raises(FormatError, match="--names"):
        opened(data)
    for place in (data, data / "labels"):
        for given_names in ("names.txt", "names.yaml"):
            found = names(place, names=tmp_path / given_names, strict=True)
            assert found == [(None, "a.png", 1), (None, "n/b.png", 0)]
    make(data, {"classes.txt": "cat\ndog\n"})
    assert recognise(data) == 2
    assert len(names(data, strict=True)) == 2


def test_folders_of_classes_are_classifications(tmp_path: Path) -> None:
    make(
        tmp_path,
        {"train/dog/a.png": (8, 8), "train/cat/b.png": (8, 8), "val/dog/n/c.png": (8, 8)},
    )
    assert recognise(tmp_path) == 1
    reader, _ = opened(tmp_path, strict=True)
    assert reader.kinds() == {"other"}
    assert reader.meta.labels.names == ["cat", "dog"]
    (chunk,) = reader.chunks(grouped=True)
    assert [(item.subset, item.name) for item in chunk.items] == [
        ("train", "cat/b.png"),
        ("train", "dog/a.png"),
        ("val", "dog/n/c.png"),
    ]
    assert chunk.label.tolist() == [0, 1, 1]
    assert chunk.others[2].label == "dog"


def test_our_own_folder_needs_no_images(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "train: images/train2017\nval: images/train2017\ntask: detect\n"
            "names: {0: cat, 1: dog}\ncategory_ids: [18, 90]\n",
            "images.csv": "label_file,file_name,width,height,orientation\n"
            'labels/train2017/b.txt,"x/b, 1.jpg",100,50,6\n'
            "labels/train2017/a.txt,a.png,640,480,\n"
            "labels/train2017/a_2.txt,a.jpg,640,480,\n",
            "labels/train2017/a.txt": BOX,
            "labels/train2017/a_2.txt": BOX,
            "labels/train2017/b.txt": "1 -4 0.5 9 1\n",
        },
    )
    chunk = only(tmp_path, strict=True)
    assert [item.name for item in chunk.items] == ["x/b, 1.jpg", "a.png", "a.jpg"]
    assert {item.subset for item in chunk.items} == {"train2017"}
    assert chunk.items[0].exif_orientation == 6
    assert [label.id for label in chunk.labels] == [18, 90]
    assert chunk.bounds[0].tolist() == [-850.0, 0.0, 50.0, 50.0]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("labels/a.txt,a.png,8", "row.arity"),
        ("labels/a.txt,a.png,8,x,", "type.number"),
        ("labels/a.txt,a.png,8,-8,", "type.number"),
        ("../a.txt,a.png,8,8,", "path.escape"),
        ("labels/../../a.txt,a.png,8,8,", "path.escape"),
        ('labels/a.txt,"a.png,8,8,', "schema.type"),
    ],
)
def test_a_broken_table_is_an_error(tmp_path: Path, line: str, code: str) -> None:
    head = "label_file,file_name,width,height,orientation\n"
    make(tmp_path, {"data.yaml": YAML, "images.csv": f"{head}{line}\n", "labels/a.txt": BOX})
    with pytest.raises(FormatError) as caught:
        opened(tmp_path)
    assert caught.value.code == code
    assert caught.value.path == "images.csv"


def test_images_that_were_renamed_are_found_again(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": YAML,
            "images.csv": "label_file,file_name,width,height,orientation\n"
            "labels/train/a.txt,a.png,64,48,1\n"
            "labels/train/a_2.txt,a.jpg,64,48,1\n"
            "labels/train/images_/b.txt,images/b.png,64,48,1\n",
            "images/train/a.png": (64, 48),
            "images/train/a_2.jpg": (64, 48),
            "images/train/images_/b.png": (64, 48),
            "labels/train/a.txt": BOX,
        },
    )
    chunk = only(tmp_path, strict=True)
    assert [(item.name, item.file) for item in chunk.items] == [
        ("a.png", "train/a.png"),
        ("a.jpg", "train/a_2.jpg"),
        ("images/b.png", "train/images_/b.png"),
    ]
    out = tmp_path / "out"
    for image_files in ("copy", "link"):
        dlgeom.convert(tmp_path, out / image_files, to_format="coco", image_files=image_files)
        found = sorted(
            path.relative_to(out / image_files).as_posix()
            for path in (out / image_files).rglob("*.*g")
        )
        assert found == ["images/a.jpg", "images/a.png", "images/images/b.png"]


def test_images_of_one_name_in_two_splits_are_both_found(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "data.yaml": "train: ../train/images\nval: ../valid/images\nnames: [cat]\n",
            "train/images/x.png": (8, 8),
            "valid/images/x.png": (9, 9),
        },
    )
    items = [item for chunk in chunks(tmp_path) for item in chunk.items]
    assert [(item.subset, item.name, item.file) for item in items] == [
        ("train", "x.png", "train/images/x.png"),
        ("val", "x.png", "valid/images/x.png"),
    ]


def test_a_folder_of_data_sets_asks_which(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(tmp_path / name, {"config.yaml": YAML, "a.txt": BOX})
    assert recognise(tmp_path) == 0
    with pytest.raises(FormatError, match="one, two"):
        opened(tmp_path)


def test_two_class_files_ask_which(tmp_path: Path) -> None:
    make(tmp_path, {"a.yaml": YAML, "b.yaml": YAML})
    with pytest.raises(FormatError, match="Name the file itself"):
        opened(tmp_path)
    make(tmp_path, {"data.yaml": YAML, "images/train/a.png": (8, 8), "labels/train/a.txt": BOX})
    assert len(names(tmp_path)) == 1


def test_labels_without_any_label_file_are_doubted(tmp_path: Path) -> None:
    make(tmp_path, {"data.yaml": YAML, "images/train/a.png": (8, 8)})
    _, problems = opened(tmp_path)
    assert [entry.code for entry in problems.entries] == ["file.empty"]
    with pytest.raises(FormatError, match="label file"):
        opened(tmp_path, strict=True)


# -- sizes ------------------------------------------------------------------------------------


def test_sizes_are_those_of_the_upright_image(tmp_path: Path) -> None:
    make(tmp_path, {"data.yaml": YAML, "labels/train/a.txt": BOX, "images/train/b.png": (8, 8)})
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("L", (64, 48)).save(tmp_path / "images/train/a.jpg", exif=exif)
        item = only(tmp_path).items[0]
        turned = orientation >= 5
        assert (item.width, item.height) == ((48, 64) if turned else (64, 48))
        assert item.exif_orientation == orientation


def test_sizes_come_from_a_folder_of_images_elsewhere(tmp_path: Path) -> None:
    data = make(tmp_path / "set", {"classes.txt": "a\n", "labels/n/a.txt": BOX, "labels/b.txt": ""})
    images = make(tmp_path / "pictures", {"deep/a.png": (64, 48), "b.jpeg": (8, 8)})
    with pytest.raises(FormatError, match="--images") as caught:
        chunks(data)
    assert caught.value.code == "image.size"
    found = only(data, images=images, strict=True)
    assert [item.name for item in found.items] == ["b.jpeg", "n/a.png"]
    assert found.bounds.tolist() == [[24.0, 18.0, 40.0, 30.0]]


def test_one_size_for_all_can_be_given(tmp_path: Path) -> None:
    make(tmp_path, {"classes.txt": "a\n", "labels/a.txt": BOX})
    chunk = only(tmp_path, options={"yolo_image_size": "1024x768"}, strict=True)
    assert (chunk.items[0].width, chunk.items[0].height) == (1024, 768)
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        opened(tmp_path, options={"yolo_image_size": "1024"})


def test_a_missing_image_costs_its_own_labels_only(tmp_path: Path) -> None:
    make(
        tmp_path,
        {"data.yaml": YAML, "labels/train/a.txt": BOX, "labels/train/b.txt": BOX}
        | {"images/train/a.png": (8, 8)},
    )
    reader, problems = opened(tmp_path)
    assert sum(len(chunk) for chunk in reader.chunks(grouped=True)) == 1
    assert [(e.status, e.code, e.path) for e in problems.entries] == [
        ("file", "image.size", "labels/train/b.txt")
    ]
    with pytest.raises(FormatError, match=r"labels/train/b\.txt"):
        chunks(tmp_path, strict=True)


# -- shapes -----------------------------------------------------------------------------------


def data_set(root: Path, rows: str, extra: str = "", size: tuple[int, int] = (640, 480)) -> Path:
    files: dict[str, str | tuple[int, int]] = {"data.yaml": YAML + extra}
    return make(root, {**files, "images/train/a.png": size, "labels/train/a.txt": rows})


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=6, max_size=20), min_size=1, max_size=4),
    st.integers(1, 5000),
    st.integers(1, 5000),
)
def test_vertices_are_the_number_times_the_size(
    polygons: list[list[float]], width: int, height: int
) -> None:
    text = "".join(f"0 {' '.join(map(repr, p[: len(p) // 2 * 2]))}\n" for p in polygons)
    rows = parse_rows([text.encode()])
    sizes = np.tile(np.array([[width, height]]), (len(rows), 1))
    shapes = to_shapes(rows, sizes, task=None, keypoints=None, own=False, limits=DEFAULT_LIMITS)
    bad = {row for row, _, _ in shapes.bad}
    for row, polygon in enumerate(polygons):
        if row in bad or shapes.outline.part_counts[row] != 1:
            continue
        ((ring,),) = shapes.outline.row(row)
        expected = [
            (float(repr(x)) * width, float(repr(y)) * height)
            for x, y in zip(polygon[::2], polygon[1::2], strict=False)
        ]
        assert ring.tolist() in ([list(p) for p in expected], [list(p) for p in expected[:-1]])


def test_rows_of_five_are_boxes_among_outlines(tmp_path: Path) -> None:
    data_set(tmp_path, BOX + "1 0.1 0.1 0.4 0.1 0.4 0.4\n")
    reader, _ = opened(tmp_path, strict=True)
    assert reader.kinds() == {"box", "outline"}
    (chunk,) = reader.chunks(grouped=True)
    assert np.isnan(chunk.bounds[1]).all()
    assert chunk.outline.part_counts.tolist() == [0, 1]


def test_bridged_rows_become_parts_and_holes(tmp_path: Path) -> None:
    outer = [(0.1, 0.1), (0.5, 0.1), (0.5, 0.5), (0.1, 0.5)]
    hole = [(0.2, 0.2), (0.2, 0.4), (0.4, 0.4), (0.4, 0.2)]
    island = [(0.7, 0.7), (0.9, 0.7), (0.9, 0.9)]
    walk = [*outer, outer[0]]
    for ring in (hole, island):
        walk += [*ring, ring[0], outer[0]]
    text = "0 " + " ".join(f"{x} {y}" for x, y in walk) + "\n"
    chunk = only(data_set(tmp_path, text, size=(100, 100)), strict=True)
    sizes = sorted(tuple(len(ring) for ring in part) for part in chunk.outline.row(0))
    assert sizes == [(3,), (4, 4)]


def test_nine_fields_in_all_rows_are_rotated_boxes_and_told(tmp_path: Path) -> None:
    row = "0 0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.5\n"
    reader, problems = opened(data_set(tmp_path, row, size=(100, 100)))
    (chunk,) = reader.chunks(grouped=True)
    assert reader.kinds() == {"rotated"}
    np.testing.assert_allclose(chunk.rotated, [[50, 37.5, 50, 25, 0]], atol=1e-12)
    assert [entry.status for entry in problems.entries] == ["notice"]
    assert only(tmp_path, task="segment").outline.part_counts.tolist() == [1]
    mixed = data_set(tmp_path / "mixed", row + "0 0.1 0.1 0.4 0.1 0.4 0.4\n")
    assert only(mixed, strict=True).outline.part_counts.tolist() == [1, 1]
    told = data_set(tmp_path / "told", row + BOX, "task: obb\n")
    assert np.isnan(only(told, strict=True).rotated[:, 0]).tolist() == [False, True]


@example(3.0, 20.0, 208.0)
@example(-90.0, 20.0, 300.0)
@given(st.floats(-179, 179), st.floats(20, 300), st.floats(20, 300))
def test_six_decimals_of_a_rotated_box_give_the_box_back(a: float, w: float, h: float) -> None:
    cos, sin = math.cos(math.radians(a)), math.sin(math.radians(a))
    corners = [(x * w / 2, y * h / 2) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    points = [(400 + x * cos - y * sin, 300 + x * sin + y * cos) for x, y in corners]
    text = "0 " + " ".join(f"{x / 800:.6f} {y / 600:.6f}" for x, y in points)
    sizes = np.array([[800, 600]])
    rows = parse_rows([text.encode()])
    shapes = to_shapes(rows, sizes, task="obb", keypoints=None, own=False, limits=DEFAULT_LIMITS)
    cx, cy, width, height, angle = shapes.rotated[0]
    np.testing.assert_allclose([cx, cy, width, height], [400, 300, w, h], atol=3e-3)
    assert abs((angle - a + 180) % 360 - 180) * min(w, h) < 0.3


@pytest.mark.parametrize("winding", [1, -1])
@given(st.floats(-179, 179), st.floats(5, 300), st.floats(5, 300))
def test_rotated_boxes_have_the_corners_of_their_row(
    winding: int, a: float, w: float, h: float
) -> None:
    points = rotated.corners(np.array([[400.0, 300.0, w, h, a]]))[0][::winding]
    text = "0 " + " ".join(f"{x / 800:.6f} {y / 600:.6f}" for x, y in points.tolist())
    rows = parse_rows([text.encode()])
    shapes = to_shapes(
        rows, np.array([[800, 600]]), task="obb", keypoints=None, own=False, limits=DEFAULT_LIMITS
    )
    found = rotated.corners(shapes.rotated)[0]
    distance = np.abs(found[:, None] - points[None]).max(axis=2)
    assert (distance.min(axis=1) < 3e-3).all()
    assert (distance.min(axis=0) < 3e-3).all()
    if winding == 1:
        np.testing.assert_allclose(found, points, atol=3e-3)


def test_corners_that_are_no_rectangle_stay_an_outline(tmp_path: Path) -> None:
    data_set(tmp_path, "0 0.1 0.1 0.8 0.2 0.7 0.6 0.2 0.5\n", "task: obb\n")
    chunk = only(tmp_path, strict=True)
    assert np.isnan(chunk.rotated).all()
    assert chunk.outline.ring(0)[1].tolist() == [0.8 * 640, 0.2 * 480]


def test_poses_of_both_widths_are_read(tmp_path: Path) -> None:
    three = data_set(
        tmp_path / "3", "0 0.5 0.5 0.5 0.5 0.1 0.2 2 0.3 0.4 1 0 0 0\n" + BOX, "kpt_shape: [3, 3]\n"
    )
    chunk = only(three, strict=True)
    assert chunk.keypoints.row(0).tolist() == [
        [0.1 * 640, 0.2 * 480, 2],
        [0.3 * 640, 0.4 * 480, 1],
        [0, 0, 0],
    ]
    assert chunk.keypoints.lengths.tolist() == [3, 0]
    assert not np.isnan(chunk.bounds).any()
    two = data_set(
        tmp_path / "2",
        "0 0.5 0.5 0.5 0.5 0.1 0.2 -0.1 0.4\n",
        "kpt_shape: [2, 2]\nflip_idx: [1, 0]\nkpt_names: {0: [nose, tail]}\n",
    )
    reader, _ = opened(two, strict=True)
    (chunk,) = reader.chunks(grouped=True)
    assert chunk.keypoints.row(0).tolist() == [[0.1 * 640, 0.2 * 480, 2], [0, 0, 0]]
    assert reader.meta.labels[0].keypoints == ("nose", "tail")
    assert reader.meta.labels[0].flip == (1, 0)
    assert reader.kinds() == {"box", "keypoints"}


def test_confidences_as_visibility_are_repaired(tmp_path: Path) -> None:
    rows = "0 0.5 0.5 0.5 0.5 0.1 0.2 0.93\n0 0.5 0.5 0.5 0.5 0.1 0.2 7\n"
    reader, problems = opened(data_set(tmp_path, rows, "kpt_shape: [1, 3]\n"))
    (chunk,) = reader.chunks(grouped=True)
    assert chunk.keypoints.row(0)[0, 2] == 2
    assert chunk.origin.raw(0) == b""
    assert sorted((e.status, e.code, e.location) for e in problems.entries) == [
        ("repaired", "value.range", "line 1"),
        ("skipped", "value.range", "line 2"),
    ]


@pytest.mark.parametrize(
    ("conf", "rows", "scores"),
    [
        ("last", "0 0.5 0.5 0.2 0.2 0.75\n" + BOX, [0.75, math.nan]),
        ("second", "0 0.75 0.5 0.5 0.2 0.2\n" + BOX, [0.75, math.nan]),
        ("last", "0 0.1 0.1 0.4 0.1 0.4 0.4 0.75\n", [0.75]),
        ("last", "0 0.1 0.1 0.4 0.1 0.4 0.4\n0 0.1 0.1 0.4 0.1 0.4 0.4 1\n", [math.nan, 1]),
    ],
)
def test_confidences_are_read_where_the_user_says(
    tmp_path: Path, conf: str, rows: str, scores: list[float]
) -> None:
    data_set(tmp_path, rows)
    chunk = only(tmp_path, options={"yolo_conf": conf}, strict=True)
    np.testing.assert_array_equal(chunk.score, scores)
    _, problems = opened(tmp_path)
    reader, problems = opened(tmp_path)
    list(reader.chunks(grouped=True))
    assert [entry.code for entry in problems.entries] == ["row.arity"]
    assert "--yolo-conf" in problems.entries[0].message


OUTLINE = "0 0.1 0.1 0.4 0.1 0.4 0.4"
POSE = "0 0.5 0.5 0.5 0.5 0.1 0.2 2"


@pytest.mark.parametrize(
    ("row", "extra", "options", "score", "track"),
    [
        (BOX.strip() + " 0.75 12", "", {"yolo_conf": "last"}, 0.75, 12),
        (OUTLINE + " 0.75 3", "", {"yolo_conf": "last"}, 0.75, 3),
        (POSE + " 0.75 3", "kpt_shape: [1, 3]\n", {"yolo_conf": "last"}, 0.75, 3),
        ("0 0.1 0.1 0.4 0.1 0.4 0.4 0.1 0.4 1 7", "task: obb\n", {"yolo_conf": "last"}, 1, 7),
        (BOX.strip() + " 5", "", {"yolo_track_id": "last"}, None, 5),
        (OUTLINE + " 5", "", {"yolo_track_id": "last"}, None, 5),
        (
            BOX.replace("0 ", "0 0.25 ", 1).strip() + " 0",
            "",
            {"yolo_conf": "second", "yolo_track_id": "last"},
            0.25,
            0,
        ),
    ],
)
def test_a_track_id_at_the_end_becomes_an_attribute(
    tmp_path: Path, row: str, extra: str, options: dict[str, str], score: float, track: int
) -> None:
    chunk = only(data_set(tmp_path, f"{row}\n", extra), options=options, strict=True)
    assert chunk.attributes == {0: {"track_id": track}}
    np.testing.assert_array_equal(chunk.score, [math.nan if score is None else score])
    assert chunk.shapes[0]
    # A writer must not take the whole row for an unchanged one.
    assert chunk.origin.raw(0) == b""


def test_a_track_id_is_no_confidence(tmp_path: Path) -> None:
    reader, problems = opened(
        data_set(tmp_path, BOX.strip() + " 12\n"), options={"yolo_conf": "last"}
    )
    assert not next(iter(reader.chunks(grouped=True))).label.size
    assert [entry.code for entry in problems.entries] == ["value.range"]
    assert "--yolo-track-id" in problems.entries[0].message


def test_texts_among_label_files_are_left_out(tmp_path: Path) -> None:
    data_set(tmp_path, BOX)
    make(
        tmp_path,
        {
            "labels/train/predefined_classes.txt": "cat\r\ndog\n",
            "labels/train/b.txt": "cat 0.5 0.5 0.1 0.1\n",
        },
    )
    reader, problems = opened(tmp_path)
    (chunk,) = reader.chunks(grouped=True)
    assert [item.name for item in chunk.items] == ["a.png", "b.jpg"]
    assert [(entry.status, entry.code, entry.path) for entry in problems.entries] == [
        ("notice", "schema.unknown", "labels/train/predefined_classes.txt"),
        ("skipped", "type.id", "labels/train/b.txt"),
    ]


@pytest.mark.parametrize(
    ("width", "height"), [(0, 40), (40, 0), (0, 0)], ids=["upright line", "level line", "point"]
)
def test_rotated_boxes_without_area_stay_where_they_are(
    tmp_path: Path, width: int, height: int
) -> None:
    x, y = 20 / 64, 10 / 48
    right, bottom = x + width / 64, y + height / 48
    row = f"0 {x} {y} {right} {y} {right} {bottom} {x} {bottom}\n"
    chunk = only(data_set(tmp_path, row, "task: obb\n", size=(64, 48)), strict=True)
    expected = [[20, 10], [20 + width, 10], [20 + width, 10 + height], [20, 10 + height]]
    np.testing.assert_allclose(rotated.corners(chunk.rotated)[0], expected, atol=1e-9)


def test_boxes_that_touch_the_image_from_outside_are_kept(tmp_path: Path) -> None:
    rows = "0 1.0000005 0.5 0 0.2\n0 1.1 0.5 0.199999 0.2\n0 1.2 0.5 0.199 0.2\n"
    reader, problems = opened(data_set(tmp_path, rows))
    (chunk,) = reader.chunks(grouped=True)
    assert chunk.origin.number.tolist() == [1, 2]
    assert [entry.code for entry in problems.entries] == ["geometry.outside_image"]
    make(
        tmp_path,
        {
            "images.csv": "label_file,file_name,width,height,orientation\n"
            "labels/train/a.txt,a.png,640,480,1\n"
        },
    )
    assert only(tmp_path, strict=True).origin.number.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("2 0.5 0.5 0.2 0.2", "ref.category"),
        ("0 0.5 0.5", "row.arity"),
        ("0", "row.arity"),
        ("0 0.5 0.5 0.2 -0.2", "geometry.bbox_size"),
        ("0 1.5 0.5 0.2 0.2", "geometry.outside_image"),
        ("0 320 240 20 20", "value.range"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3", "polygon.zero_area"),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1", "polygon.zero_area"),
    ],
)
def test_a_refused_row_leaves_its_neighbours_alone(tmp_path: Path, row: str, code: str) -> None:
    data_set(tmp_path, f"{BOX}{row}\n1 0.1 0.1 0.4 0.1 0.4 0.4\n")
    reader, problems = opened(tmp_path)
    (chunk,) = reader.chunks(grouped=True)
    assert chunk.label.tolist() == [0, 1]
    assert chunk.origin.number.tolist() == [1, 3]
    assert [(e.status, e.code, e.path, e.location) for e in problems.entries] == [
        ("skipped", code, "labels/train/a.txt", "line 2")
    ]
    with pytest.raises(FormatError) as caught:
        chunks(tmp_path, strict=True)
    assert caught.value.code == code


def test_slightly_outside_is_kept(tmp_path: Path) -> None:
    rows = "0 0.99 0.5 0.2 0.2\n1 -0.07 0.1 0.4 0.1 0.4 1.05\n0 0.5 0.5 0 0\n"
    assert len(only(data_set(tmp_path, rows), strict=True)) == 3


def test_classes_may_have_gaps(tmp_path: Path) -> None:
    make(
        tmp_path,
        {"data.yaml": "train: images\nnames: {1: a, 90: b, 3: c}\n", "images/a.png": (8, 8)}
        | {"labels/a.txt": "90 0.5 0.5 1 1\n1 0.5 0.5 1 1\n2 0.5 0.5 1 1\n"},
    )
    reader, problems = opened(tmp_path)
    (chunk,) = reader.chunks(grouped=True)
    assert [chunk.labels[k].name for k in chunk.label.tolist()] == ["b", "a"]
    assert [label.id for label in reader.meta.labels] == [1, 3, 90]
    assert [entry.code for entry in problems.entries] == ["ref.category"]


def test_a_stream_can_be_read_again_and_counts(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("dlgeom.converters.yolo.reader.WINDOW_FILES", 3)
    files: dict[str, str | tuple[int, int]] = {"data.yaml": YAML}
    for k in range(8):
        files[f"images/train/{k}.png"] = (8, 8)
        files[f"labels/train/{k}.txt"] = BOX * (k % 3)
    reader, problems = opened(make(tmp_path, files))
    first = list(reader.chunks(grouped=True))
    assert list(reader.chunks(grouped=False)) == first
    assert reader.count() == sum(len(chunk.items) for chunk in first) == 8
    assert [item.number for chunk in first for item in chunk.items] == list(range(8))
    assert np.concatenate([chunk.order for chunk in first]).tolist() == list(range(7))
    assert {entry.code for entry in problems.entries} == {"record.duplicate"}


@pytest.mark.parametrize("extra", ["", "kpt_shape: [1, 3]\n", "task: obb\n"])
def test_chunks_are_what_their_objects_say(tmp_path: Path, extra: str) -> None:
    rows = {
        "": BOX + "1 0.1 0.1 0.4 0.1 0.4 0.4\n",
        "kpt_shape: [1, 3]\n": "0 0.5 0.5 0.5 0.5 0.1 0.2 2\n" + BOX,
        "task: obb\n": "0 0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.5\n"
        "0 0.1 0.1 0.8 0.2 0.7 0.6 0.2 0.5\n",
    }[extra]
    chunk = only(data_set(tmp_path, rows, extra, size=(100, 100)))
    assert Chunk.of(chunk.pairs(), chunk.labels) == chunk


# -- real files -------------------------------------------------------------------------------

REAL: list[tuple[str, int, int, dict[str, Any]]] = [
    # --images: the pictures lie beside the folder, not in it.
    ("yolo/coco128_val/detect", 128, 898, {"images": "yolo/coco128_val/images"}),
    ("yolo/coco128_val/segment", 100, 712, {"images": "yolo/coco128_val/images"}),
    ("yolo/coco8_detect", 8, 30, {}),
    # --names: the class file lies one folder up.
    ("yolo/coco8_detect/coco8", 8, 30, {"names": "yolo/coco8_detect/coco8.yaml"}),
    # --images: the data set has none.
    ("yolo/darknet_voc100", 100, 273, {"images": "voc/voc100/images"}),
    # yolo_image_size: the data set has no images, all are 1024 x 1024.
    ("yolo/dota8_obb_labels", 8, 133, {"options": {"yolo_image_size": "1024x1024"}}),
    ("yolo/labelstudio_import", 7, 25, {"options": {"yolo_image_size": "640x480"}}),
    ("yolo/datumaro_layouts/annotations", 1, 2, {}),
    ("yolo/datumaro_layouts/labels", 2, 4, {}),
    ("yolo/datumaro_layouts/strict", 1, 2, {}),
    ("yolo/datumaro_variants/yolo", 1, 2, {}),
    ("yolo/datumaro_variants/yolov8_classification", 3, 3, {}),
    ("yolo/datumaro_variants/yolov8_detection", 1, 2, {}),
    ("yolo/datumaro_variants/yolov8_detection_with_list_of_imgs", 1, 2, {}),
    ("yolo/datumaro_variants/yolov8_detection_with_list_of_names", 1, 2, {}),
    ("yolo/datumaro_variants/yolov8_detection_with_subset_txt", 1, 2, {}),
    ("yolo/datumaro_variants/yolov8_oriented_boxes", 1, 2, {}),
    ("yolo/datumaro_variants/yolov8_pose", 1, 1, {}),
    ("yolo/datumaro_variants/yolov8_pose_two_values_per_point", 1, 1, {}),
    ("yolo/datumaro_variants/yolov8_segmentation", 1, 2, {}),
    # Predictions: neither names nor images, and only the user knows where the confidence is.
    (
        "yolo/predictions_voc100/rel_xywh",
        98,
        452,
        {
            "images": "voc/voc100/images",
            "names": "yolo/darknet_voc100/obj.names",
            "options": {"yolo_conf": "second"},
        },
    ),
    ("misc_datumaro/roboflow_dataset/yolo", 3, 4, {}),
    ("platform/image/yolo", 5, 26, {"options": {"yolo_image_size": "640x480"}}),
]


def _context(shared: Path, given_context: dict[str, Any]) -> dict[str, Any]:
    return {
        key: shared / value if isinstance(value, str) else value
        for key, value in given_context.items()
    }


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "images", "rows", "given_context"), REAL, ids=[entry[0] for entry in REAL]
)
def test_real_folders_have_the_counts_of_their_index(
    shared_data: Path, folder: str, images: int, rows: int, given_context: dict[str, Any]
) -> None:
    path = shared_data / folder
    assert recognise(path) >= 1
    found = chunks(path, strict=True, **_context(shared_data, given_context))
    assert sum(len(chunk.items) for chunk in found) == images
    assert sum(len(chunk) for chunk in found) == rows
    for chunk in found:
        assert Chunk.of(chunk.pairs(), chunk.labels) == chunk


@pytest.mark.shared
def test_darknet_boxes_are_those_of_the_voc_files(shared_data: Path) -> None:
    from lxml import etree

    images = shared_data / "voc/voc100/images"
    (chunk,) = chunks(shared_data / "yolo/darknet_voc100", images=images)
    for index, item in enumerate(chunk.items):
        stem = Path(item.name or "").stem
        (xml,) = list((shared_data / "voc/voc100").glob(f"*/{stem}.xml"))[:1]
        objects = etree.parse(xml).findall("object")
        truth = sorted(
            (o.findtext("name"), *(float(o.findtext(f"bndbox/{k}")) for k in ("xmin", "ymin")))
            for o in objects
        )
        rows = np.flatnonzero(chunk.item == index)
        found = sorted(
            (chunk.labels[int(chunk.label[r])].name, *chunk.bounds[r, :2].tolist()) for r in rows
        )
        assert [entry[0] for entry in found] == [entry[0] for entry in truth]
        np.testing.assert_allclose(
            [entry[1:] for entry in found], [entry[1:] for entry in truth], atol=1e-3
        )


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["abs_xywh", "abs_xyx2y2"])
def test_predictions_in_pixels_are_refused_clearly(shared_data: Path, kind: str) -> None:
    context = _context(shared_data, REAL[20][3])
    with pytest.raises(FormatError, match="divided by the image's size") as caught:
        chunks(shared_data / "yolo/predictions_voc100" / kind, strict=True, **context)
    assert caught.value.code == "value.range"


@pytest.mark.shared
def test_labels_in_dota_form_are_refused_clearly(shared_data: Path) -> None:
    with pytest.raises(FormatError, match="DOTA"):
        opened(shared_data / "misc_datumaro/roboflow_dataset/yolo_obb")


@pytest.mark.shared
@pytest.mark.parametrize(
    "folder", ["voc/voc100", "coco/coco_mini", "cvat/voc100", "yolo/coco128_val", "coco", "dota"]
)
def test_other_data_sets_are_not_taken_for_yolo(shared_data: Path, folder: str) -> None:
    assert recognise(shared_data / folder) == 0
