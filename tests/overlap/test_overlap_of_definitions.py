"""Overlap of definitions, annotations and collections of mixed kinds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import boxes, ellipses, lines, masks, polygons, rotated_boxes

import dlgeom
from dlgeom import (
    Annotation,
    AnnotationCollection,
    Box,
    Classification,
    Ellipse,
    Item,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
    conversions,
)
from dlgeom import overlap as ov
from dlgeom.definitions.base import Definition
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import overlap as arrays

SHAPE = (20, 24)
LABELS = st.sampled_from(["cat", "dog"])
SQUARE = Polygon([[2, 2], [8, 2], [8, 8], [2, 8]], "cat")
MASK = Segmentation.from_polygon(SQUARE, "cat", SHAPE)


@st.composite
def shapes(draw: st.DrawFn) -> Definition:
    kind = draw(st.sampled_from(["box", "turned", "polygon", "mask", "ellipse", "line", "point"]))
    label = draw(LABELS)
    if kind == "box":
        return Box(*draw(boxes(low=-2, high=20, max_rows=1))[0].tolist(), label)
    if kind == "turned":
        row = draw(rotated_boxes(max_rows=1))[0]
        return Box.from_rotated(np.concatenate((row[:2] / 4 + 5, row[2:])), label)
    if kind == "polygon":
        parts = draw(polygons(max_parts=2))
        return Polygon.from_parts([[ring / 3 for ring in part] for part in parts], label)
    if kind == "mask":
        return Segmentation(draw(masks(shape=SHAPE)), label)
    if kind == "ellipse":
        x, y, rx, ry, angle = draw(ellipses(max_rows=1))[0].tolist()
        return Ellipse(x / 4 + 5, y / 4 + 5, rx / 4, ry / 4, angle, label)
    if kind == "line":
        return Polyline(draw(lines(max_points=3)), label)
    return Point(draw(st.integers(0, 5)), 3, label)


def seen(shape: Definition) -> bool:
    """Whether it has a place."""
    return shape.bounds[0] == shape.bounds[0]


# ---------------------------------------------------------------- laws


@given(st.lists(shapes(), max_size=4), st.lists(shapes(), max_size=4))
@settings(max_examples=150)
def test_tables_hold_what_two_shapes_have_and_are_symmetric(
    first: list[Definition], second: list[Definition]
) -> None:
    iou = ov.pairwise_iou(first, second)
    ioa, giou = ov.pairwise_ioa(first, second), ov.pairwise_giou(first, second)
    assert iou.shape == (len(first), len(second))
    assert np.array_equal(iou, ov.pairwise_iou(second, first).T)
    assert ((iou >= 0) & (iou <= 1) & (giou <= iou) & (giou >= -1) & (ioa >= iou - 1e-12)).all()
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            assert ov.iou(one, other) == iou[i, j]
            assert ov.ioa(one, other) == ioa[i, j]
            assert ov.giou(one, other) == giou[i, j]
            if not isinstance(one, Segmentation):  # its own takes masks only
                assert one.iou(other) == iou[i, j]


@given(shapes())
@settings(max_examples=300)
def test_a_shape_has_iou_1_with_itself(shape: Definition) -> None:
    assert ov.iou(shape, shape) == 1
    assert ov.iou(Annotation(shape), shape.replace(label="other")) == 1


@given(shapes(), shapes())
@settings(max_examples=100)
def test_a_mask_is_compared_as_masks(one: Definition, other: Definition) -> None:
    if not isinstance(one, Segmentation):
        one = MASK
    area = isinstance(other, Box | Polygon | Ellipse | Segmentation)
    filled = conversions.to_segmentation(other, SHAPE) if area else None
    if filled is None or (filled.area == 0 and other is not filled):
        assert ov.iou(one, other) == 0
    else:
        assert ov.iou(one, other) == pytest.approx(one.iou(filled), abs=1e-15)


# ---------------------------------------------------------------- kinds


def test_each_pair_is_compared_in_the_least_form_that_says_both() -> None:
    upright, turned = Box(2, 2, 8, 8), Box(2, 2, 8, 8, angle=45)
    assert ov.iou(upright, Box(2, 2, 8, 5)) == 0.5
    assert ov.iou(upright, turned) == pytest.approx(2**0.5 / 2, abs=1e-15)
    assert ov.iou(upright, SQUARE) == ov.iou(turned, Polygon(turned.corners, "a")) == 1
    assert ov.iou(upright, MASK) == ov.iou(SQUARE, MASK) == 1
    disc = Ellipse(5, 5, 3, 3, 0, "wheel")
    assert ov.iou(disc, upright) == pytest.approx(np.pi / 4, abs=2e-4)
    hull = pose(np.column_stack((SQUARE.geo, np.full(4, 2.0))))
    assert ov.iou(hull, SQUARE) == 1


def test_a_kind_by_name_compares_all_in_that_form() -> None:
    disc = Ellipse(5, 5, 3, 3, 0, "wheel")
    assert ov.iou(disc, SQUARE, kind="box") == 1
    assert ov.iou(disc, MASK, kind="box") == 1
    assert ov.iou(disc, SQUARE, kind="rotated") == pytest.approx(1)
    assert ov.iou(MASK, SQUARE, kind="polygon") == 1
    assert ov.iou(Box(2, 2, 8, 8), SQUARE, kind="mask", shape=SHAPE) == 1
    item = Item(name="a.jpg", width=SHAPE[1], height=SHAPE[0])
    held = AnnotationCollection(item)
    held.add([SQUARE, disc])
    assert ov.pairwise_iou(held, held, kind="mask").diagonal().tolist() == [1, 1]
    with pytest.raises(UsageError, match="how large the masks are"):
        ov.iou(disc, SQUARE, kind="mask")
    with pytest.raises(UsageError, match="kind is 'circle'"):
        ov.iou(disc, SQUARE, kind="circle")


def test_what_has_no_area_shares_nothing_until_it_gets_some() -> None:
    line = Polyline([[2, 5], [8, 5]], "road")
    dot, other = Point(5, 5, "dot"), Point(5, 6, "dot")
    tag = Classification("day")
    table = ov.pairwise_iou([line, dot, other, tag, SQUARE], [line, dot, tag, SQUARE])
    expected = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert table.tolist() == expected
    giou = ov.pairwise_giou([dot, tag], [dot, tag])
    assert giou.tolist() == [[1, -1], [-1, -1]]
    assert ov.iou(line, SQUARE, width=2) == pytest.approx(12 / 36, abs=0.1)
    assert ov.iou(dot, other, radius=2) > 0.5
    assert ov.iou(dot, SQUARE, kind="box") == 0


def test_shapes_without_pixels_are_not_the_same_for_that() -> None:
    empty, outside = Segmentation(np.zeros(SHAPE), "cat"), Box(50, 50, 60, 60, "cat")
    assert ov.iou(empty, outside) == ov.ioa(empty, outside) == 0
    assert ov.iou(empty, empty) == ov.giou(empty, Segmentation(np.zeros(SHAPE), "dog")) == 1
    assert ov.giou(empty, outside) == -1
    specks = [Polygon([[x, 3.1], [x + 0.1, 3.1], [x, 3.2]], "cat") for x in (2.1, 9.1)]
    options = {"kind": "mask", "shape": SHAPE}
    assert ov.pairwise_iou(specks, specks, **options).tolist() == [[1, 0], [0, 1]]
    assert len(ov.nms(specks, scores=[1, 2], **options)) == 2
    assert ov.match(specks, specks[::-1], **options).pairs == [(0, 1, 1.0), (1, 0, 1.0)]


def test_masks_of_different_shapes_are_refused() -> None:
    other = Segmentation(np.ones((3, 3)), "cat")
    with pytest.raises(GeometryError, match=r"masks are \(20, 24\) and \(3, 3\)"):
        ov.iou(MASK, other)
    with pytest.raises(GeometryError, match="masks are"):
        ov.iou(MASK, SQUARE, shape=(3, 3))
    assert ov.iou(MASK, other, kind="polygon") == pytest.approx(1 / 44)
    for nothing in (5, ["cat"]):
        with pytest.raises(UsageError, match="compare"):
            ov.pairwise_iou(nothing, SQUARE)


def test_crowds_count_as_in_coco() -> None:
    part, crowd = Annotation(Box(0, 0, 2, 2, "cat")), Annotation(Box(0, 0, 8, 8, "cat"), crowd=True)
    assert ov.pairwise_iou([part], [crowd]).item() == 1 / 16
    assert ov.pairwise_iou([part], [crowd], crowds=True).item() == 1
    assert ov.pairwise_iou([crowd], [part], crowds=True).item() == 1 / 16
    assert part.annotation_definition.iou(crowd, crowd=True) == 1
    flat = Annotation(Point(1, 1, "cat"), crowd=True)
    assert ov.pairwise_iou([flat, part], [flat, crowd], crowds=True).tolist() == [[0, 0], [0, 1]]


# ---------------------------------------------------------------- poses


def pose(points: NDArray[np.float64], label: str = "person") -> Pose:
    made = [Point(x, y, str(k), visibility=int(v)) for k, (x, y, v) in enumerate(points.tolist())]
    return Pose(label, None, points=made)


def test_oks_takes_area_and_box_from_what_is_known() -> None:
    rng = np.random.default_rng(3)
    true = np.column_stack((rng.integers(0, 50, (17, 2)), np.full(17, 2)))
    found = true + np.array([2, 1, 0])
    held = Annotation(pose(true), stored_area=700.0, stored_bounds=(0.0, 0.0, 50.0, 40.0))
    expected = arrays.pairwise_oks([found], [true], [700.0]).item()
    assert ov.oks(pose(found), held) == expected
    assert ov.pairwise_oks([pose(found)], [pose(true)], areas=[700.0]).item() == expected
    assert ov.oks(pose(found), pose(true), areas=700.0) == expected
    left, top, right, bottom = pose(true).bounds
    own = arrays.pairwise_oks([found], [true], [(right - left) * (bottom - top)]).item()
    assert ov.oks(pose(found), pose(true)) == own
    masked = Annotation(pose(true), companions=(MASK,))
    assert ov.oks(pose(found), masked) == arrays.pairwise_oks([found], [true], [36]).item()
    hidden = true * [1, 1, 0]
    box = (0.0, 0.0, 50.0, 40.0)
    crowd = Annotation(pose(hidden), stored_area=700.0, stored_bounds=box, crowd=True)
    assert (
        ov.oks(pose(found), crowd)
        == arrays.pairwise_oks([found], [hidden], [700.0], boxes=[box]).item()
    )
    with pytest.raises(UsageError, match="entry 0 is"):
        ov.oks(SQUARE, held)
    with pytest.raises(UsageError, match="one template"):
        ov.pairwise_oks([pose(true), pose(true[:3])], [held])


# ---------------------------------------------------------------- choosing


@given(st.lists(st.tuples(shapes(), st.integers(0, 3)), max_size=6), st.booleans())
@settings(max_examples=100)
def test_nms_of_any_kinds_is_that_of_their_table(
    given_shapes: list[tuple[Definition, int]], aware: bool
) -> None:
    held = [Annotation(shape, score=score / 3) for shape, score in given_shapes]
    table = ov.pairwise_iou(held, held)
    scores = [one.score for one in held]
    classes = [one.label == "cat" for one in held] if aware else None
    kept = ov.nms(held, class_aware=aware, iou_threshold=0.2)
    expected = arrays.nms_table(table, scores, class_ids=classes, iou_threshold=0.2)
    assert [id(one) for one in kept] == [id(held[k]) for k in expected.tolist()]
    soft = ov.soft_nms(held, class_aware=aware)
    indices, values = arrays.soft_nms_table(table, scores, class_ids=classes)
    assert [one.annotation_definition for one in soft] == [
        held[k].annotation_definition for k in indices
    ]
    assert [one.score for one in soft] == pytest.approx(values.tolist())
    assert [one.score for one in held] == scores  # copies were changed


def test_nms_of_a_collection_is_a_collection() -> None:
    held = AnnotationCollection(Item(name="a.jpg", width=9, height=9))
    for score, box in ((0.5, (0, 0, 9, 9)), (0.9, (0, 0, 9, 8)), (0.7, (5, 5, 6, 6))):
        held.annotations.append(Annotation(Box(*box, "cat"), score=score, item=held.item))
    kept = ov.nms(held)
    assert isinstance(kept, AnnotationCollection)
    assert kept.item is held.item
    assert [one.score for one in kept] == [0.9, 0.7]
    assert len(held) == 3
    assert [one.score for one in ov.nms(held, max_detections=1)] == [0.9]
    assert ov.nms(held, scores=[1, 0, 0])[0] is held[0]
    soft = ov.soft_nms(held, method="linear")
    assert isinstance(soft, AnnotationCollection)
    assert [one.score for one in soft] == pytest.approx([0.9, 0.7, 0.5 / 9])
    assert ov.soft_nms([Box(0, 0, 1, 1)], scores=[0.5])[0].score == 0.5
    with pytest.raises(UsageError, match="entry 0 has no score"):
        ov.nms([Box(0, 0, 1, 1)])


def test_nms_of_poses_goes_by_oks() -> None:
    rng = np.random.default_rng(4)
    true = np.column_stack((rng.integers(0, 50, (17, 2)), np.full(17, 2)))
    poses = [pose(true), pose(true + np.array([1, 0, 0])), pose(true + np.array([40, 9, 0]))]
    held = [Annotation(one, score=score) for one, score in zip(poses, (0.3, 0.8, 0.5), strict=True)]
    assert [one.score for one in ov.nms(held, kind="keypoints")] == [0.8, 0.5]
    found = ov.match(held, [poses[2], poses[0]], kind="keypoints", iou_threshold=0.9)
    assert found.pairs == [(1, 1, found.iou[0]), (2, 0, 1.0)]
    assert found.unmatched_first.tolist() == [0]


def test_match_knows_labels_scores_and_crowds() -> None:
    true = [
        Annotation(Box(0, 0, 9, 9, "cat")),
        Annotation(Box(20, 0, 29, 9, "dog")),
        Annotation(Box(40, 0, 80, 40, "cat"), crowd=True),
    ]
    found = [
        Annotation(Box(0, 0, 9, 8, "cat"), score=0.9),
        Annotation(Box(0, 0, 9, 9, "cat"), score=0.8),
        Annotation(Box(20, 0, 29, 9, "cat"), score=0.7),
        Annotation(Box(41, 1, 45, 5, "cat"), score=0.6),
    ]
    result = ov.match(found, true)
    assert result.pairs == [(0, 0, 8 / 9)]  # the higher score chooses first
    assert result.unmatched_first.tolist() == [1, 2]
    assert result.unmatched_second.tolist() == [1]
    assert (result.ignored_first.tolist(), result.ignored_second.tolist()) == ([3], [2])
    assert ov.match(found, true, method="optimal").pairs == [(1, 0, 1.0)]
    plain = [one.annotation_definition for one in found]
    assert ov.match(plain, true).pairs == [(1, 0, 1.0)]  # no scores: the best pair first
    assert len(ov.match(found, true, class_aware=False)) == 2
    assert ov.match(found, true, crowds=False).unmatched_second.tolist() == [1, 2]
    with pytest.raises(UsageError, match="iou_threshold"):
        ov.match(found, true, iou_threshold=0)
    assert ov.match([], true).recall == 0


# ---------------------------------------------------------------- real data


def test_real_images_in_every_form(shared_data: Path) -> None:
    """Boxes, outlines and masks of a COCO file say about the same, and each the same as itself."""
    path = sorted(shared_data.glob("coco/coco_mini/instances_*.json"))[0]
    document = json.loads(path.read_bytes())
    assert document["annotations"]
    data = dlgeom.Dataset.open(path)
    compared = 0
    for _, held in zip(range(12), (entry[1] for entry in data), strict=False):
        drawn = [
            one
            for one in held
            if one.area > 3_000 and isinstance(one.annotation_definition, Polygon | Segmentation)
        ]
        if not drawn:
            continue
        size = held.item.height, held.item.width
        filled = [conversions.to_segmentation(one.annotation_definition, size) for one in drawn]
        table = ov.pairwise_iou(drawn, filled)
        assert (table.diagonal() == 1).all()
        regions = ov.pairwise_iou(drawn, filled, kind="polygon")
        assert regions == pytest.approx(table, abs=0.05)
        assert len(ov.match(drawn, filled, method="optimal")) == len(drawn)
        compared += len(drawn)
    assert compared > 5


def test_exact_regions_are_those_of_shapely() -> None:
    ring = np.array([[0, 0], [9, 1], [7, 8], [1, 6]], dtype=float)
    hole = ring / 3 + 2
    one, other = Polygon.from_parts([[ring, hole]], "a"), Box(1, 1, 6, 9, angle=20)
    a, b = shapely.Polygon(ring, [hole]), shapely.Polygon(other.corners)
    expected = a.intersection(b).area / a.union(b).area
    assert one.iou(other) == pytest.approx(expected, abs=1e-12)
