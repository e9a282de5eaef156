"""The assertions pass when they must, fail when they must, and their messages are right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.errors import UsageError
from dlgeom.geometry import rle
from dlgeom.testing import (
    assert_geometry_close,
    assert_masks_equal,
    assert_round_trip,
    assert_same_annotations,
)
from dlgeom.testing import strategies as shapes
from dlgeom.testing.masks import mask_difference
from dlgeom.testing.pictures import blocks_of_array, blocks_of_runs
from dlgeom.testing.strategies.anything import STRATEGIES

some = settings(max_examples=max(settings().max_examples // 4, 25))
NAMES = st.sampled_from(["a", "b"])


def fails(assertion: Any, *args: Any, **options: Any) -> str:
    """Return the message of an assertion that fails, "" where it passes."""
    try:
        assertion(*args, **options)
    except AssertionError as error:
        return str(error)
    return ""


# -- masks --------------------------------------------------------------------------------------


@some
@given(shapes.mask_pairs(6), st.booleans())
def test_masks_pass_if_and_only_if_they_are_equal(pair: Any, twice: bool) -> None:
    one, other = pair[0], pair[0].copy() if twice else pair[1]
    equal = np.array_equal(one, other)
    forms = (
        lambda mask: mask,
        lambda mask: dl.Segmentation(mask, None),
        lambda mask: (rle.encode(mask), mask.shape),
        lambda mask: {"size": list(mask.shape), "counts": rle.to_string(rle.encode(mask))},
        lambda mask: mask.astype(np.uint8) * 255,
        lambda mask: mask.tolist(),
    )
    for form in forms:
        for message in (
            fails(assert_masks_equal, form(one), other),
            fails(assert_masks_equal, one, form(other)),
        ):
            assert (message == "") == equal


@given(shapes.mask_pairs(12))
def test_small_pictures_show_each_pixel(pair: Any) -> None:
    one, other = pair
    text = mask_difference(one, other)
    if text is None:
        assert np.array_equal(one, other)
        return
    rows = np.flatnonzero((one != other).any(axis=1))
    columns = np.flatnonzero((one != other).any(axis=0))
    top, bottom = max(rows[0] - 2, 0), min(rows[-1] + 3, len(one))
    left, right = max(columns[0] - 2, 0), min(columns[-1] + 3, one.shape[1])
    marks = np.select([one & other, one & ~other, other & ~one], ["#", "+", "-"], ".")
    wanted = ["".join(row[left:right]) for row in marks[top:bottom]]
    drawn = [line for line in text.splitlines() if re.fullmatch(r" *\d+  [-#+.]+", line)]
    assert [line.split()[1] for line in drawn] == wanted
    assert [int(line.split()[0]) for line in drawn] == list(range(top, bottom))
    assert f"masks differ in {(one != other).sum()} of {one.size} pixels" in text
    assert (
        f"left {columns[0]}, top {rows[0]}, right {columns[-1] + 1}, bottom {rows[-1] + 1}" in text
    )


@given(shapes.masks(14), st.data())
def test_blocks_of_runs_are_those_of_the_dense_mask(mask: np.ndarray, data: st.DataObject) -> None:
    height, width = mask.shape
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    window = (
        left,
        top,
        data.draw(st.integers(left + 1, width)),
        data.draw(st.integers(top + 1, height)),
    )
    step = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    dense = blocks_of_array(mask, window, step)
    assert np.array_equal(blocks_of_runs(rle.encode(mask), mask.shape, window, step), dense)
    for row in range(dense.shape[0]):
        for column in range(dense.shape[1]):
            y, x = top + row * step[1], left + column * step[0]
            block = mask[y : min(y + step[1], window[3]), x : min(x + step[0], window[2])]
            assert dense[row, column] == block.any()


def test_ids_are_compared_value_by_value() -> None:
    one, other = np.array([[1, 2, 0], [0, 3, 3]]), np.array([[1, 1, 0], [1, 3, 0]])
    assert fails(assert_masks_equal, one, other, "after writing:").splitlines() == [
        "after writing:",
        "masks differ in 3 of 6 pixels",
        "  0, expected 1: 1 px",
        "  2, expected 1: 1 px",
        "  3, expected 0: 1 px",
        "  first difference: row 1, column 0: 0, expected 1; all within left 0, top 0, right 3, "
        "bottom 2",
        "   0",
        "   |",
        "0  #!.",
        "1  -#+",
        "+ only in actual, - only in expected, ! another value, # set in both, . set in neither",
    ]
    assert fails(assert_masks_equal, one, other > 0).startswith("masks differ in 2 of 6 pixels")
    assert not fails(assert_masks_equal, one, one.astype(float))


@given(shapes.id_masks(6), shapes.id_masks(6))
def test_ids_pass_if_and_only_if_they_are_equal(one: np.ndarray, other: np.ndarray) -> None:
    assert (fails(assert_masks_equal, one, other) == "") == np.array_equal(one, other)
    assert not fails(assert_masks_equal, one, one.astype(np.int64))


@some
@given(shapes.huge_runs(), shapes.huge_runs())
def test_huge_masks_are_compared_by_runs_and_fit_a_terminal(one: Any, other: Any) -> None:
    begin = time.process_time()
    text = mask_difference(one, other)
    assert time.process_time() - begin < 5
    assert mask_difference(one, one) is None
    if text is not None:
        count = rle.area(rle.xor(one[0], other[0]))
        assert f"masks differ in {count:,} of 3,000,000,000 pixels" in text
        lines = text.splitlines()
        assert len(lines) < 45
        assert max(len(line) for line in lines[4:]) < 110
        assert re.search(r"^ *\d+  .*[-+x]", text, re.MULTILINE)


def test_shapes_are_compared_first() -> None:
    assert fails(assert_masks_equal, [[1]], [[1, 0]]).splitlines()[0] == (
        "masks have different shapes: actual (1, 1), expected (1, 2) (height, width)"
    )


@pytest.mark.parametrize(
    "mask",
    [5, "x", [[1], [1, 2]], np.zeros((2, 2, 2)), [[np.nan]], ([1, 2], (3, 3)), [[]]],
    ids=str,
)
def test_what_is_no_mask_is_refused(mask: Any) -> None:
    with pytest.raises(UsageError, match=r"^actual "):
        assert_masks_equal(mask, [[1]])
    with pytest.raises(UsageError, match=r"^expected "):
        assert_masks_equal([[1]], mask)


# -- annotations --------------------------------------------------------------------------------


@some
@given(shapes.definitions(labels=NAMES), shapes.definitions(labels=NAMES), st.booleans())
def test_definitions_pass_if_and_only_if_they_are_equal(one: Any, other: Any, twice: bool) -> None:
    other = one if twice else other
    assert (fails(assert_same_annotations, one, other) == "") == (one == other)


@some
@given(st.data())
def test_near_definitions_pass_if_they_are_close(data: st.DataObject) -> None:
    cls = type(data.draw(shapes.definitions(size=(4, 4), attributes=False, labels=["a"])))
    near = shapes.definitions(
        [cls], size=(4, 4), grid=1, attributes=False, descriptions=False, labels=["a"]
    )
    one, other, atol = data.draw(near), data.draw(near), data.draw(st.sampled_from([0.0, 1.0, 3.0]))
    close = one == other or (atol > 0 and one.is_close(other, atol=atol))
    assert (fails(assert_same_annotations, one, other, atol=atol) == "") == close


@some
@given(st.data())
def test_annotations_pass_if_and_only_if_they_are_equal(data: st.DataObject) -> None:
    boxes = shapes.boxes(grid=1, size=(2, 2), labels=["a"], attributes=False, descriptions=False)
    drawn = shapes.annotations(boxes) | shapes.tracks(boxes, max_states=2, max_gap=1)
    one, other = data.draw(drawn), data.draw(drawn)
    assert (fails(assert_same_annotations, one, other) == "") == (one == other)
    assert not fails(assert_same_annotations, one, one.copy())
    text = fails(assert_same_annotations, [one], [other])
    assert not text or text.startswith("annotations differ:\n  annotation 0")


@some
@given(st.data(), st.sampled_from([0.0, 1.0]))
def test_order_does_not_count_where_nobody_wants_it(data: st.DataObject, atol: float) -> None:
    points = shapes.points(
        grid=1, size=(3, 1), labels=["a"], attributes=False, descriptions=False
    ).map(lambda point: dl.Point(point.x, 0, "a"))
    one = data.draw(st.lists(points, max_size=4))
    other = data.draw(st.permutations(one) | st.lists(points, max_size=4))
    # On a line the best matching is that of the sorted values.
    xs = sorted(point.x for point in one), sorted(point.x for point in other)
    same = len(one) == len(other) and all(abs(a - b) <= atol for a, b in zip(*xs, strict=True))
    text = fails(assert_same_annotations, one, other, ordered=False, atol=atol)
    assert (text == "") == same


BOX = dl.Box(1, 2, 3, 4, "cat")
MASK = dl.Segmentation(np.eye(3), "cat")


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (BOX, dl.Box(1, 2, 3.5, 4, "cat"), "Box.right: 3.0, expected 3.5 (off by 0.5)"),
        (BOX, BOX.replace(label="dog"), "Box.label: 'cat', expected 'dog'"),
        (
            BOX.replace(attributes={"a": {"b": [1, 2]}}),
            BOX.replace(attributes={"a": {"b": [1, 3]}}),
            "Box.attributes['a']['b'][1]: 2, expected 3 (off by 1)",
        ),
        (BOX, BOX.replace(attributes={"a": 1}), "Box.attributes['a']: missing, expected 1"),
        (BOX.replace(attributes={"a": 1}), BOX, "Box.attributes['a']: 1, expected none"),
        (BOX, dl.Box(1, 2, 3, 4, "cat", angle=30), "off by 30 degrees"),
        (BOX, dl.Point(1, 2, "cat"), "(another type)"),
        (
            dl.Polygon([[0, 0], [4, 0], [0, 4]], "a"),
            dl.Polygon([[0, 0], [4, 0.25], [0, 4]], "a"),
            "Polygon.parts[0][0][1]: [4.0, 0.0], expected [4.0, 0.25] (off by 0.25)",
        ),
        (
            dl.Polygon([[0, 0], [4, 0], [0, 4]], "a"),
            dl.Polygon([[0, 0], [4, 0], [4, 4], [0, 4]], "a"),
            "Polygon.parts[0][0]: 3 vertices, expected 4",
        ),
        (MASK, dl.Segmentation(np.ones((3, 3)), "cat"), "  0  #--"),
        (
            dl.Pose("a", None, points=[dl.Point(1, 2, "n")]),
            dl.Pose("a", None, points=[dl.Point(1, 3, "n")]),
            "Pose.points[0].y: 2.0, expected 3.0 (off by 1)",
        ),
        (
            dl.Annotation(BOX, id=7, score=0.5),
            dl.Annotation(BOX, id=7, score=0.25),
            "annotation.score: 0.5, expected 0.25 (off by 0.25)",
        ),
        ([BOX], [BOX, MASK], "annotations: 1, expected 2; annotation 1 (label 'cat') is missing"),
        ([BOX, MASK], [BOX], "annotations: 2, expected 1; annotation 1 (label 'cat') is not"),
        ([BOX], BOX, "actual: list, expected Box"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_messages_name_place_values_and_distance(one: Any, other: Any, message: str) -> None:
    assert message in fails(assert_same_annotations, one, other)


def dataset(*boxes: dl.Box, name: str = "a.jpg", **known: Any) -> dl.Dataset:
    item = dl.Item(name=name, width=64, height=48)
    annotations = [dl.Annotation(box, **known) for box in boxes]
    return dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, annotations))])


def test_data_sets_are_compared_item_by_item() -> None:
    other = dl.Box(1, 2, 9, 4, "cat")
    text = fails(assert_same_annotations, dataset(BOX, id=1), dataset(other, id=1))
    assert "item 0 ('a.jpg'), annotation 0 (id 1, label 'cat').right: 3.0, expected 9.0" in text
    assert "items[0]" not in text
    assert not fails(assert_same_annotations, dataset(BOX, id=1), dataset(BOX, id=2), ids=False)
    assert ".id: 1, expected 2" in fails(
        assert_same_annotations, dataset(BOX, id=1), dataset(BOX, id=2)
    )
    text = fails(assert_same_annotations, dataset(BOX), dataset(BOX, name="b.jpg"))
    assert "item 0 ('b.jpg').name: 'a.jpg', expected 'b.jpg'" in text
    assert not fails(assert_same_annotations, dataset(BOX), dataset(BOX, name="b.jpg"), items=False)
    renamed = dataset(BOX.replace(label="dog"))
    assert "label 0 ('dog').name: 'cat', expected 'dog'" in fails(
        assert_same_annotations, dataset(BOX), renamed
    )
    scored = dataset(BOX, score=0.5)
    assert not fails(assert_same_annotations, dataset(BOX), scored, ignore=["score"])


def test_the_nearest_is_told_where_order_does_not_count() -> None:
    text = fails(
        assert_same_annotations,
        [dl.Box(9, 9, 10, 10, "dog"), dl.Box(1, 2, 3, 5, "cat")],
        [BOX, dl.Box(9, 9, 10, 10, "dog")],
        ordered=False,
    )
    assert text.splitlines()[1:] == [
        "  annotation 0 (label 'cat'): equal to none; the nearest is annotation 1 (label 'cat')",
        "  annotation 0 (label 'cat').bottom: 5.0, expected 4.0 (off by 1)",
    ]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((BOX, BOX), {"ignore": ["scores"]}, "Did you mean 'score'"),
        ((5, BOX), {}, "actual is 5"),
        ((BOX, "x"), {}, "expected is 'x'"),
        (([1], [BOX]), {}, "actual is"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arguments: tuple[Any, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        assert_same_annotations(*arguments, **options)


# -- geometry -----------------------------------------------------------------------------------


@given(
    shapes.polygons(valid=True, size=(30, 20), grid=1, labels=st.none(), attributes=False),
    st.data(),
)
def test_outlines_may_be_told_in_any_way(polygon: dl.Polygon, data: st.DataObject) -> None:
    def retold(ring: np.ndarray) -> np.ndarray:
        ring = np.roll(ring, data.draw(st.integers(0, len(ring))), axis=0)
        return ring[::-1] if data.draw(st.booleans()) else ring

    parts = [[retold(part[0]), *map(retold, part[1:])] for part in polygon.parts]
    other = dl.Polygon.from_parts(data.draw(st.permutations(parts)), "other", {"a": 1})
    assert_geometry_close(other, polygon)
    moved = [[ring + np.array([0.25, 0]) for ring in part] for part in parts]
    text = fails(assert_geometry_close, dl.Polygon.from_parts(moved, None), polygon)
    assert "outlines are 0.25 apart, allowed are 1e-09" in text
    assert_geometry_close(dl.Polygon.from_parts(moved, None), polygon, atol=0.25)


def test_boxes_and_ellipses_may_be_turned() -> None:
    assert_geometry_close(dl.Box(0, 0, 4, 4, angle=90), dl.Box(0, 0, 4, 4, "x"))
    assert_geometry_close(dl.Box(1, 0, 3, 4, angle=90), dl.Box(0, 1, 4, 3))
    assert_geometry_close(dl.Polygon(dl.Box(0, 0, 4, 2).corners, None), dl.Box(0, 0, 4, 2))
    assert_geometry_close(dl.Ellipse(5, 5, 3, 2, 90, None), dl.Ellipse(5, 5, 2, 3, 0, None))
    assert_geometry_close(dl.Ellipse(5, 5, 3, 2, 190, None), dl.Ellipse(5, 5, 3, 2, 10, None))
    assert_geometry_close(dl.Ellipse(5, 5, 3, 3, 0, None), dl.Ellipse(5, 5, 3, 3, 77, None))
    assert "apart" in fails(
        assert_geometry_close, dl.Ellipse(5, 5, 3, 2, 0, None), dl.Ellipse(5, 5, 3, 2, 20, None)
    )
    assert "another type" in fails(assert_geometry_close, dl.Point(1, 1, None), dl.Box(1, 1, 1, 1))
    with pytest.raises(UsageError, match="actual is 3"):
        assert_geometry_close(3, dl.Box(0, 0, 1, 1))


# -- round trips --------------------------------------------------------------------------------


# A type that nobody knows is kept, but refused where the reading is strict, as here.
PLATFORM = [cls for cls in STRATEGIES if cls not in (dl.Pose, dl.UndefinedAnnotationType)]


@pytest.mark.parametrize(
    ("name", "kinds", "options"),
    [
        # A rotated box goes through its corners.
        ("coco", [dl.Box, dl.Polygon, dl.Segmentation], {"atol": 1e-9}),
        ("yolo", [dl.Box, dl.Polygon], {"atol": 0.01, "task": "segment"}),
        ("voc", [dl.Box], {"atol": 0.01}),
        ("dataloop", PLATFORM, {}),
    ],
)
def test_our_formats_meet_the_law(name: str, kinds: Any, options: dict[str, Any]) -> None:
    # Each example writes and reads a folder twice.
    @settings(max_examples=20, phases=[Phase.generate])
    @given(shapes.datasets(kinds=kinds, attributes=False, plain=True))
    def law(dataset: dl.Dataset) -> None:
        assert_round_trip(in_order_of_files(dataset), name, **options)

    law()


def in_order_of_files(dataset: dl.Dataset) -> dl.Dataset:
    """Return the items as a folder of one file for each has them: files first, then folders."""

    def place(pair: Any) -> list[tuple[bool, str]]:
        *folders, name = str(pair[0].name).split("/")
        return [*((True, folder) for folder in folders), (False, name)]

    return dl.Dataset.from_pairs(sorted(dataset, key=place), dataset.labels)


def test_a_format_that_changes_something_in_silence_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = dl.Dataset.__iter__

    def worse(self: dl.Dataset) -> Any:
        for item, found in real(self):
            if self.path is not None:  # what comes from a file
                found.annotations[0].label = "dog"
            yield item, found

    monkeypatch.setattr(dl.Dataset, "__iter__", worse)
    text = fails(assert_round_trip, dataset(BOX), "coco")
    assert "coco: nothing is told to be lost, but what comes back is something else" in text
    assert ".label: 'dog', expected 'cat'" in text


def test_a_format_that_loses_a_record_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = dl.Dataset.__iter__

    def fewer(self: dl.Dataset) -> Any:
        for item, found in real(self):
            if self.path is not None:
                del found.annotations[1:]
            yield item, found

    monkeypatch.setattr(dl.Dataset, "__iter__", fewer)
    text = fails(assert_round_trip, dataset(BOX, BOX), "coco")
    assert "2 are told as written" in text
    assert "but 1 came back" in text


def test_a_format_that_says_what_nobody_said_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = dl.Dataset.__iter__

    def surer(self: dl.Dataset) -> Any:
        for item, found in real(self):
            if self.path is not None:
                found.annotations[0].score = 1.0
            yield item, found

    monkeypatch.setattr(dl.Dataset, "__iter__", surer)
    assert ".score: 1.0, expected None" in fails(assert_round_trip, dataset(BOX), "coco")


def test_a_format_that_loses_an_image_without_annotations_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = dl.Dataset.__iter__

    def without_background(self: dl.Dataset) -> Any:
        return ((i, found) for i, found in real(self) if self.path is None or len(found))

    assert not fails(assert_round_trip, dataset(), "coco")
    monkeypatch.setattr(dl.Dataset, "__iter__", without_background)
    assert "items: 0, expected 1; missing: 'a.jpg'" in fails(assert_round_trip, dataset(), "coco")


def test_poses_of_one_class_come_back_from_coco() -> None:
    place = st.tuples(st.integers(0, 8), st.integers(0, 8), st.sampled_from([None, 0, 1, 2]))

    def pose(places: Any, template: str | None) -> dl.Annotation:
        # Points that are not labelled have no place in COCO.
        points = [
            dl.Point(*((0, 0) if seen == 0 else (x, y)), name, visibility=seen)
            for (x, y, seen), name in zip(places, "ab", strict=True)
        ]
        return dl.Annotation(dl.Pose("man", template, None, points=points, skeleton=[(0, 1)]))

    texts = st.sampled_from([None, "", "t"])
    poses = st.builds(pose, st.tuples(place, place), texts)

    @settings(max_examples=20, phases=[Phase.generate])
    @given(shapes.datasets(poses, plain=True))
    def law(dataset: dl.Dataset) -> None:
        assert_round_trip(dataset, "coco")

    law()


# -- the page -----------------------------------------------------------------------------------


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "testing.md"
    [code] = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    (tmp_path / "test_mirror.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(page.parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "5 passed" in done.stdout, done.stdout
