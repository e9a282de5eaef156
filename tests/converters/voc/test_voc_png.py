"""Mask pairs of VOC, both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from dlgeom.chunk import Chunk
from dlgeom.converters.png import VOC_PALETTE
from dlgeom.converters.voc.pngs import label_runs
from dlgeom.geometry import raster, rle
from dlgeom.geometry.ragged import Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable


def _pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "P"
        return np.array(image)


def _save(path, array, palette=VOC_PALETTE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array.astype(np.uint8))
    if array.ndim == 2:
        image.putpalette(palette.tobytes())
    image.save(path)


def _masks(chunk: Chunk) -> list[np.ndarray]:
    return [
        rle.decode(chunk.runs.row(row), tuple(chunk.runs.shape[row])) for row in range(len(chunk))
    ]


def _chunk(masks, names=("cat", "dog"), labels=None, **columns) -> Chunk:
    shape = masks[0].shape
    items = [Item(name="a.jpg", width=shape[1], height=shape[0], number=0)]
    label = np.zeros(len(masks), dtype=np.int32) if labels is None else np.array(labels)
    return Chunk.build(
        items=items,
        item=np.zeros(len(masks), dtype=np.int32),
        label=label,
        labels=LabelTable(names),
        runs=Runs.of((rle.encode(mask), shape) for mask in masks),
        **columns,
    )


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_run_lengths_of_a_label_map_are_those_of_each_value(labels):
    found = label_runs(labels)
    assert sorted(found) == np.unique(labels).tolist()
    for value, counts in found.items():
        assert np.array_equal(counts, rle.encode(labels == value))


@pytest.mark.shared
def test_real_mask_pairs_are_read_as_pillow_sees_them(voc, shared_data):
    root = shared_data / "voc" / "labelme_voc" / "data_dataset_voc"
    names = (root / "class_names.txt").read_text().splitlines()
    _, (chunk,), _ = voc.read(root)
    for place, item in enumerate(chunk.items):
        stem = item.name[:-4]
        objects = _pixels(root / "SegmentationObject" / f"{stem}.png")
        classes = _pixels(root / "SegmentationClass" / f"{stem}.png")
        rows = np.flatnonzero(chunk.item == place)
        indexes = [k for k in np.unique(objects).tolist() if k not in (0, 255)]
        assert len(rows) == len(indexes)
        for row, index in zip(rows.tolist(), indexes, strict=True):
            mask = objects == index
            assert np.array_equal(_masks(chunk)[row], mask)
            due = np.bincount(classes[mask], minlength=256)
            due[[0, 255]] = 0
            assert chunk.labels[int(chunk.label[row])].name == names[due.argmax()]


@pytest.mark.shared
def test_real_mask_pairs_come_back_pixel_for_pixel_void_included(voc, shared_data, tmp_path):
    root = shared_data / "voc" / "labelme_voc" / "data_dataset_voc"
    report = voc.write(root, tmp_path / "out", task="segment")
    assert report.written == report.read == 12
    for folder in ("SegmentationClass", "SegmentationObject"):
        for path in (root / folder).iterdir():
            written = _pixels(tmp_path / "out" / folder / path.name)
            original = _pixels(path)
            void = (written == 255) & (original == 0)
            assert np.array_equal(np.where(void, 0, written), original)


BLOCKS = hnp.arrays(np.uint8, (9, 11), elements=st.integers(0, 4))


@given(BLOCKS, st.data())
def test_masks_that_do_not_overlap_come_back(voc, fresh, labels, data):
    root = fresh() / "out"
    present = [k for k in np.unique(labels).tolist() if k]
    if not present:
        return
    masks = [labels == k for k in present]
    classes = [data.draw(st.integers(0, 1)) for _ in present]
    chunk = _chunk(masks, labels=classes)
    report = voc.write(voc.Chunks([chunk]), root, task="segment")
    assert report.written == len(masks)
    _, (again,), _ = voc.read(root)
    assert [again.labels[int(k)].name for k in again.label] == [("cat", "dog")[k] for k in classes]
    for mask, found in zip(masks, _masks(again), strict=True):
        assert np.array_equal(mask, found)
    objects = _pixels(root / "SegmentationObject" / "a.png")
    assert np.array_equal(np.isin(objects, range(1, len(masks) + 1)), labels > 0)


def test_a_later_object_covers_an_earlier_one_and_the_report_says_how_much(voc, tmp_path):
    first, second = np.zeros((2, 8, 10), dtype=bool)
    first[:, :4] = True
    second[:, 2:6] = True
    report = voc.write(voc.Chunks([_chunk([first, second])]), tmp_path / "out", task="segment")
    kind = report.codes["approximated", "geometry.overlap"]
    assert (kind.count, kind.least, report.written) == (1, 0.5, 1)
    objects = _pixels(tmp_path / "out" / "SegmentationObject" / "a.png")
    assert np.array_equal(objects == 2, second)
    assert np.array_equal(objects == 1, first & ~second)


def test_polygons_come_back_as_polygons_also_where_they_overlap(voc, tmp_path):
    rings = [[[[1.0, 1], [12, 1], [12, 9]]], [[[4.0, 0], [15, 0], [15, 9], [4, 9]]]]
    outline = Rings.of([[[np.array(rings[0][0])]], [[np.array(rings[1][0])]]])
    chunk = Chunk.build(
        items=[Item(name="a.jpg", width=20, height=12, number=0)],
        item=np.zeros(2, dtype=np.int32),
        label=np.zeros(2, dtype=np.int32),
        labels=LabelTable(["cat"]),
        outline=outline,
    )
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", task="segment")
    assert (report.written, report.approximated) == (1, 1)
    classes = _pixels(tmp_path / "out" / "SegmentationClass" / "a.png")
    union = np.zeros((12, 20), dtype=bool)
    for row in range(2):
        union |= raster.parts_to_mask(outline.row(row), (12, 20))
    assert np.array_equal(classes == 1, union)
    _, (again,), _ = voc.read(tmp_path / "out")
    assert again.outline == outline
    assert not again.runs.present.any()


def test_of_outlines_that_became_pixels_the_covered_and_the_missing_ones_are_told(voc, tmp_path):
    squares = [[0, 0, 9, 9], [4, 4, 12, 12], [16.1, 9.1, 16.3, 9.3], [13, 0, 15, 2]]
    squares.append([30, 30, 32, 32])
    rings = [np.array([[a, b], [c, b], [c, d], [a, d]], dtype=float) for a, b, c, d in squares]
    chunk = Chunk.build(
        items=[Item(name="a.jpg", width=20, height=12, number=0)],
        item=np.zeros(5, dtype=np.int32),
        label=np.zeros(5, dtype=np.int32),
        labels=LabelTable(["cat"]),
        outline=Rings.of([[[ring]] for ring in rings]),
    )
    options = {"voc_polygons": "no"}
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", task="segment", options=options)
    assert {code: kind.count for (_, code), kind in report.codes.items()} == {
        "geometry.outside_image": 1,
        "geometry.overlap": 1,
        "geometry.raster": 2,
        "mask.empty": 1,
    }
    assert report.codes["approximated", "geometry.overlap"].least == 1 - 25 / 81


def test_a_box_takes_a_number_but_no_pixels(voc, tmp_path):
    mask = np.zeros((8, 10), dtype=bool)
    mask[2:5, 2:5] = True
    empty = np.zeros_like(mask)
    chunk = _chunk([empty, mask], bounds=np.array([[1.0, 1, 9, 7], [2, 2, 5, 5]]))
    chunk.runs = Runs.of([None, (rle.encode(mask), (8, 10))])
    chunk.shapes = chunk.shapes_of_columns()
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", task="segment")
    assert report.written == 2
    objects = _pixels(tmp_path / "out" / "SegmentationObject" / "a.png")
    assert np.unique(objects).tolist() == [0, 2]
    _, (again,), _ = voc.read(tmp_path / "out")
    assert again.runs.present.tolist() == [False, True]
    assert again.bounds.tolist() == chunk.bounds.tolist()


def test_more_than_254_objects_are_told(voc, tmp_path):
    labels = np.arange(300).reshape(15, 20) + 1
    chunk = _chunk([labels == k for k in range(1, 301)])
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", task="segment")
    assert report.codes["approximated", "mask.too_many"].count == 46
    _, (again,), _ = voc.read(tmp_path / "out")
    assert int(again.runs.present.sum()) == 254


def test_a_mask_of_another_size_than_its_image_is_told(voc, tmp_path):
    chunk = _chunk([np.ones((8, 10), dtype=bool)])
    chunk.items[0].width = 12
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", task="segment")
    assert ("approximated", "image.size_disagrees") in report.codes


def test_only_a_mask_of_classes_gives_a_row_a_class(voc, tmp_path):
    array = np.zeros((6, 9), dtype=np.uint8)
    array[1:3, 1:3] = 8
    array[4:, 4:] = 8
    array[0, :] = 15
    array[5, 0] = 255
    _save(tmp_path / "in" / "SegmentationClass" / "a.png", array)
    _, (chunk,), _ = voc.read(tmp_path / "in")
    assert [chunk.labels[int(k)].name for k in chunk.label] == ["cat", "person"]
    assert np.array_equal(_masks(chunk)[0], array == 8)
    assert chunk.items[0].fields["void"]["size"] == [6, 9]
    report = voc.write(tmp_path / "in", tmp_path / "out", task="segment")
    assert report.written == 2
    assert np.array_equal(_pixels(tmp_path / "out" / "SegmentationClass" / "a.png"), array)


def test_masks_are_paired_with_the_objects_of_the_xml(voc, make_voc, tmp_path):
    box = "<bndbox><xmin>0</xmin><ymin>0</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>"
    objects = "".join(f"<object><name>{n}</name>{box}</object>" for n in ("cat", "dog", "cat"))
    make_voc(tmp_path, {"a": f"<annotation>{objects}</annotation>"})
    numbers = np.zeros((6, 9), dtype=np.uint8)
    numbers[0, :3], numbers[2, :3], numbers[4, :3], numbers[5, 8] = 1, 3, 2, 9
    classes = np.zeros_like(numbers)
    classes[0, :3], classes[2, :3], classes[4, :3], classes[5, 8] = 8, 8, 15, 8
    _save(tmp_path / "SegmentationObject" / "a.png", numbers)
    _save(tmp_path / "SegmentationClass" / "a.png", classes)
    _, (chunk,), problems = voc.read(tmp_path)
    names = [chunk.labels[int(k)].name for k in chunk.label]
    assert names == ["cat", "dog", "cat", "person", "cat"]
    assert chunk.runs.present.tolist() == [True, False, True, True, True]
    assert "geometry.disagree" in {told.code for told in problems.entries}
    assert (chunk.items[0].width, chunk.items[0].height) == (9, 6)


def test_colour_masks_are_read_by_the_label_map(voc, tmp_path):
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndog:9,8,7::\ncat:1,2,3::\n"
    )
    array = np.zeros((4, 5, 3), dtype=np.uint8)
    array[0] = (1, 2, 3)
    array[2, 2] = (9, 8, 7)
    _save(tmp_path / "SegmentationClass" / "a.png", array)
    _, (chunk,), _ = voc.read(tmp_path)
    assert chunk.labels.names == ["dog", "cat"]
    assert [int(rle.area(chunk.runs.row(row))) for row in range(2)] == [1, 5]


@pytest.mark.parametrize("names", [("background", "cat"), ("a\nb", "#c"), ("x:y", "ignored")])
def test_awkward_class_names_survive_in_masks(voc, tmp_path, names):
    masks = np.zeros((2, 5, 6), dtype=bool)
    masks[0, 0], masks[1, 3] = True, True
    chunk = _chunk(list(masks), names=names, labels=[0, 1])
    voc.write(voc.Chunks([chunk]), tmp_path / "out", task="segment")
    _, (again,), _ = voc.read(tmp_path / "out")
    assert [again.labels[int(k)].name for k in again.label] == list(names)


def test_an_image_without_objects_has_empty_masks(voc, tmp_path):
    chunk = Chunk.build(
        items=[Item(name="a.jpg", width=6, height=4, number=0)],
        item=np.zeros(0, dtype=np.int32),
        label=np.zeros(0, dtype=np.int32),
        labels=LabelTable(["cat"]),
    )
    voc.write(voc.Chunks([chunk]), tmp_path / "out", task="segment")
    for folder in ("SegmentationClass", "SegmentationObject"):
        assert not _pixels(tmp_path / "out" / folder / "a.png").any()
