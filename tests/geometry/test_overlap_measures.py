"""IoU and its relatives as laws, against formulas, shapely, pycocotools and dense masks."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from strategies import boxes, image_shapes, masks, polygons, rings, rotated_boxes

from dlgeom.errors import GeometryError
from dlgeom.geometry import overlap, raster, rle, rotated
from dlgeom.geometry.overlap import _masks
from dlgeom.geometry.ragged import Rings, Runs


def column(dense: list) -> Runs:
    return Runs.of([None if m is None else (rle.encode(m), m.shape) for m in dense])


@st.composite
def mask_sets(draw: st.DrawFn) -> tuple[list, list]:
    shape = draw(image_shapes(12))
    lists = st.lists(masks(shape=shape), max_size=4)
    return draw(lists), draw(lists)


@st.composite
def outlines(draw: st.DrawFn) -> Rings:
    """Valid polygons with holes, and rings that may cross themselves."""
    row = st.one_of(polygons(max_parts=2), rings(max_points=6).map(lambda ring: [[ring]]))
    return Rings.of(draw(st.lists(row, min_size=1, max_size=3)))


@st.composite
def turned(draw: st.DrawFn) -> NDArray[np.float64]:
    """Rotated boxes, some of them without area, on few places so that many meet."""
    rows = draw(rotated_boxes(max_rows=4))
    rows[:, :2] = rows[:, :2] / 4 + 5
    for side in (2, 3):
        if draw(st.integers(0, 5)) == 0:
            rows[0, side] = 0.0
    return rows


def closed(box: NDArray[np.float64]) -> shapely.Polygon:
    return shapely.Polygon(rotated.corners(box)[0])


KINDS = st.one_of(
    st.tuples(boxes(), boxes()),
    st.tuples(turned(), turned()),
    st.tuples(outlines(), outlines()),
    mask_sets().map(lambda pair: (column(pair[0]), column(pair[1]))),
)


# ---------------------------------------------------------------- laws of every kind


@given(KINDS)
@settings(max_examples=300)
def test_iou_is_symmetric_and_between_0_and_1(pair: tuple) -> None:
    first, second = pair
    iou = overlap.pairwise_iou(first, second)
    assert np.array_equal(iou, overlap.pairwise_iou(second, first).T)
    assert ((iou >= 0) & (iou <= 1)).all()
    giou = overlap.pairwise_giou(first, second)
    assert ((giou >= -1) & (giou <= iou)).all()


@given(KINDS)
@settings(max_examples=300)
def test_iou_of_a_shape_with_itself_is_exactly_1(pair: tuple) -> None:
    first, _ = pair
    assert (np.diag(overlap.pairwise_iou(first, first)) == 1).all()
    assert (np.diag(overlap.pairwise_ioa(first, first)) == 1).all()
    assert (overlap.paired_iou(first, first) == 1).all()


@given(KINDS)
@settings(max_examples=300)
def test_pairs_have_the_values_of_the_table(pair: tuple) -> None:
    first, second = pair
    n = min(len(first), len(second))
    if isinstance(first, Rings | Runs):
        first, second = first.take(np.arange(n)), second.take(np.arange(n))
    else:
        first, second = first[:n], second[:n]
    for name in ("iou", "ioa", "giou"):
        table = getattr(overlap, f"pairwise_{name}")(first, second)
        assert np.array_equal(getattr(overlap, f"paired_{name}")(first, second), np.diag(table))
    shared, one, two = overlap.paired_intersections(first, second)
    table, areas, others = overlap.pairwise_intersections(first, second)
    assert np.array_equal(shared, np.diag(table))
    assert np.array_equal(one, areas)
    assert np.array_equal(two, others)


# ---------------------------------------------------------------- boxes


@given(boxes(), boxes())
@example(np.array([[1.0, 1.0, 1.0, 5.0]]), np.array([[0.0, 0.0, 9.0, 9.0]]))
def test_box_measures_equal_a_plain_formula(first: NDArray, second: NDArray) -> None:
    iou, ioa = overlap.pairwise_iou(first, second), overlap.pairwise_ioa(first, second)
    giou = overlap.pairwise_giou(first, second)
    for i, a in enumerate(first.tolist()):
        for j, b in enumerate(second.tolist()):
            shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(
                0.0, min(a[3], b[3]) - max(a[1], b[1])
            )
            areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
            union = sum(areas) - shared
            around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
            if a == b:
                assert iou[i, j] == ioa[i, j] == giou[i, j] == 1
                continue
            assert iou[i, j] == (shared / union if union > 0 else 0)
            assert ioa[i, j] == (shared / areas[0] if areas[0] > 0 else 0)
            if around > 0:
                assert giou[i, j] == pytest.approx(iou[i, j] - 1 + union / around, abs=1e-12)


def test_boxes_of_any_magnitude_have_an_iou() -> None:
    for size in (1e-300, 1e-160, 1.0, 1e160, 1.5e308):
        box = np.array([[0, 0, size, size], [0, 0, size / 2, size]])
        iou = overlap.pairwise_iou(box, box)
        assert iou == pytest.approx(np.array([[1.0, 0.5], [0.5, 1.0]]), abs=1e-15)
        if size < 1e300:
            turned = np.array([[0, 0, size, size, 0], [0, 0, size / 2, size, 90]])
            assert overlap.pairwise_iou(turned, turned)[0, 1] == pytest.approx(0.5)
    assert overlap.pairwise_intersections([[0, 0, 1e120, 1]], [[0, 0, 1e110, 1]])[
        0
    ].item() == pytest.approx(1e110)


# ---------------------------------------------------------------- rotated boxes


@given(turned(), turned())
def test_rotated_iou_agrees_with_shapely(first: NDArray, second: NDArray) -> None:
    iou = overlap.pairwise_iou(first, second)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            one, two = closed(a), closed(b)
            union = one.union(two).area
            if min(one.area, two.area) < 1e-3:
                # GEOS itself is not this exact for slivers; without area there is no overlap.
                continue
            assert iou[i, j] == pytest.approx(one.intersection(two).area / union, abs=1e-12)


@given(turned(), st.integers(-3, 3), st.booleans())
@settings(max_examples=300)
def test_the_same_rectangle_written_otherwise_has_iou_1(
    rows: NDArray, halves: int, swap: bool
) -> None:
    rows[:, 4] = np.round(rows[:, 4] * 4) / 4  # so that adding quarters is exact
    other = rows.copy()
    other[:, 4] += 180.0 * halves
    if swap:
        other[:, [2, 3]] = other[:, [3, 2]]
        other[:, 4] += 90.0
    assert (overlap.paired_iou(rows, other) == 1).all()


@given(boxes(), st.sampled_from([-180, -90, 0, 90, 180, 270, 360]))
@settings(max_examples=300)
def test_rotated_boxes_that_stand_upright_are_boxes(rows: NDArray, angle: int) -> None:
    rows = np.round(rows * 4) / 4
    size = rows[:, 2:] - rows[:, :2]
    size = size[:, ::-1] if angle % 180 else size
    upright = np.column_stack(((rows[:, :2] + rows[:, 2:]) / 2, size, np.full(len(rows), angle)))
    iou = overlap.pairwise_iou(upright, upright)
    assert iou == pytest.approx(overlap.pairwise_iou(rows, rows), abs=1e-15)


@given(st.floats(-400, 400), st.floats(0.5, 20), st.floats(0.5, 20), st.floats(0.1, 40))
@settings(max_examples=300)
def test_rotated_boxes_that_only_touch_or_are_apart_share_nothing(
    angle: float, width: float, height: float, gap: float
) -> None:
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    first = [[0.0, 0.0, width, height, angle]]
    for distance, least in ((width, 0.0), (width + gap, 0.0), (width * 0.75, 0.1)):
        second = [[distance * cosine, distance * sine, width, height, angle]]
        iou = overlap.pairwise_iou(first, second).item()
        assert (iou == 0) == (least == 0)
        assert least == 0 or iou == pytest.approx(1 / 7, abs=1e-12)


def test_a_box_inside_of_a_turned_one_is_all_shared() -> None:
    shared, _, area = overlap.pairwise_intersections([[50, 50, 80, 80, 30]], [[50, 50, 3, 2, 77]])
    assert shared.item() == pytest.approx(6.0, abs=1e-14)
    assert area.tolist() == [6.0]


# ---------------------------------------------------------------- polygons


@given(outlines(), outlines())
@settings(max_examples=200)
def test_polygon_iou_agrees_with_shapely_where_valid(first: Rings, second: Rings) -> None:
    iou = overlap.pairwise_iou(first, second)
    sides = [
        [shapely.MultiPolygon([(part[0], part[1:]) for part in row]) for row in side]
        for side in (first, second)
    ]
    for i, a in enumerate(sides[0]):
        for j, b in enumerate(sides[1]):
            if not (a.is_valid and b.is_valid):
                continue
            union = a.union(b).area
            expected = a.intersection(b).area / union if union > 0 else 0.0
            assert iou[i, j] == 1 or iou[i, j] == pytest.approx(expected, abs=1e-9)


def test_rings_that_are_not_valid_are_filled_as_their_masks_are() -> None:
    bow = np.array([[0, 0], [4, 4], [4, 0], [0, 4]], dtype=float)
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], dtype=float)
    aside = square + np.array([2, 0])
    # Two overlapping parts are their union; a hole that leaves its exterior is XOR.
    rows = Rings.of([[[bow]], [[square], [aside]], [[square, aside]], [[square[:2]]], None])
    shared, areas, _ = overlap.pairwise_intersections(rows, Rings.of([[[square]]]))
    assert areas.tolist() == [8.0, 24.0, 16.0, 0.0, 0.0]
    assert shared[:, 0].tolist() == [8.0, 16.0, 8.0, 0.0, 0.0]


def test_edges_that_are_all_but_the_same_do_not_lose_the_overlap() -> None:
    """GEOS 3.14 has no intersection of these, in one order; two thirds of one is right."""
    place = [4.874509686722178, 8.894395227836988]
    one = np.array([[*place, 49.82088575575345, 28.89970817860592, 66.15712159496434]])
    other = one.copy()
    other[0, 2] = 74.73132863363017
    first, second = (Rings.of([[[rotated.corners(box)[0]]]]) for box in (one, other))
    assert overlap.pairwise_iou(first, second).item() == pytest.approx(2 / 3, abs=1e-9)
    assert overlap.pairwise_iou(second, first).item() == pytest.approx(2 / 3, abs=1e-9)
    assert overlap.pairwise_iou(one, other).item() == pytest.approx(2 / 3, abs=1e-9)
    # The same with one more part on each side, which hid the loss.
    aside = np.array([[200, 200], [300, 200], [300, 300], [200, 300]], dtype=float)
    first, second = (
        Rings.of([[[rotated.corners(box)[0]], [aside + shift]]])
        for box, shift in ((one, 0), (other, 50))
    )
    area = one[0, 2] * one[0, 3]
    for pair in ((first, second), (second, first)):
        shared = overlap.pairwise_intersections(*pair)[0].item()
        assert shared == pytest.approx(area + 2_500, abs=1e-6)


@given(st.floats(0, 90), st.floats(1, 50), st.floats(0.01, 1), st.sampled_from([0.5, 1.5, 3]))
@settings(max_examples=300)
def test_polygons_that_share_edges_have_the_overlap_of_their_boxes(
    angle: float, width: float, aspect: float, factor: float
) -> None:
    boxes = np.array([[3.1, 7.7, width, width * aspect, angle]] * 2)
    boxes[1, 2] *= factor
    first, second = (Rings.of([[[ring]]]) for ring in rotated.corners(boxes))
    expected = overlap.pairwise_iou(boxes[:1], boxes[1:]).item()
    assert expected == pytest.approx(min(factor, 1 / factor), abs=1e-12)
    assert overlap.pairwise_iou(first, second).item() == pytest.approx(expected, abs=1e-9)


def test_a_pair_has_the_same_iou_whatever_else_is_in_the_table() -> None:
    near = Rings.of([[[np.array([[4, 1 / 3], [0, 0.1], [3.9, 1]])]]])
    far = Rings.concat([near, Rings.of([[[np.array([[0, 0], [900.0, 0], [0, 800]])]]])])
    box = Rings.of([[[np.array([[0, 0], [4.0, 0], [4, 1], [0, 1]])]]])
    assert overlap.pairwise_iou(box, near)[0, 0] == overlap.pairwise_iou(box, far)[0, 0]


def test_a_ring_with_another_start_or_winding_is_the_same_shape() -> None:
    ring = np.array([[0.1, 0.2], [5.3, 0.7], [4.9, 6.1], [2.2, 3.3]])
    turns = [np.roll(ring, k, axis=0) for k in range(4)] + [ring[::-1]]
    same = Rings.of([[[turn]] for turn in turns])
    assert (overlap.pairwise_iou(same, same) == 1).all()


@given(outlines(), outlines())
@settings(max_examples=100)
def test_giou_of_polygons_has_the_hull_of_both(first: Rings, second: Rings) -> None:
    giou, iou = overlap.pairwise_giou(first, second), overlap.pairwise_iou(first, second)
    shared, areas, others = overlap.pairwise_intersections(first, second)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            points = np.concatenate([ring for row in (a, b) for part in row for ring in part])
            hull = shapely.convex_hull(shapely.multipoints(points)).area
            union = areas[i] + others[j] - shared[i, j]
            if union > 1e-6:
                expected = iou[i, j] - (hull - union) / hull
                assert giou[i, j] == pytest.approx(expected, abs=1e-9)


# ---------------------------------------------------------------- masks


@given(mask_sets(), st.data())
def test_mask_iou_equals_pycocotools_and_dense_masks(pair: tuple, data: st.DataObject) -> None:
    first, second = pair
    shared, one, two = overlap.pairwise_intersections(column(first), column(second))
    dense = np.array([[int((a & b).sum()) for b in second] for a in first])
    assert np.array_equal(shared, dense.reshape(len(first), len(second)))
    assert one.tolist() == [int(a.sum()) for a in first]
    assert two.tolist() == [int(b.sum()) for b in second]
    if not first or not second:
        return
    crowd = data.draw(st.lists(st.booleans(), min_size=len(second), max_size=len(second)))
    native = [
        [coco_mask.encode(np.asfortranarray(m, dtype=np.uint8)) for m in side] for side in pair
    ]
    theirs = coco_mask.iou(*native, [int(c) for c in crowd])
    assert np.array_equal(
        overlap.pairwise_iou(column(first), column(second), iscrowd=crowd), theirs
    )
    own = overlap.pairwise_iou(column(first), column(second))
    both_empty = (one[:, None] == 0) & (two == 0)
    assert np.array_equal(own == 1, (coco_mask.iou(*native, [0] * len(second)) == 1) | both_empty)


@given(mask_sets(), st.integers(0, 2))
@settings(max_examples=200)
def test_both_ways_to_compare_masks_give_the_same(pair: tuple, absent: int) -> None:
    first, second = (column([*side, *[None] * absent]) for side in pair)
    table = overlap.pairwise_iou(first, second)
    before = _masks.TALLEST
    _masks.TALLEST = 0
    try:
        assert np.array_equal(overlap.pairwise_iou(first, second), table)
    finally:
        _masks.TALLEST = before
    assert not table[len(pair[0]) :].any()
    assert not table[:, len(pair[1]) :].any()


@given(masks(max_side=10))
@settings(max_examples=100)
def test_counts_with_runs_of_zero_length_are_the_same_mask(mask: NDArray) -> None:
    counts = rle.encode(mask)
    odd = np.concatenate(([counts[0], 0, 0], counts[1:], [0, 0])).astype(np.uint32)
    runs = Runs.of([(odd, mask.shape), (counts, mask.shape)])
    assert (overlap.pairwise_iou(runs, runs) == 1).all()
    assert overlap.paired_iou(runs, runs).tolist() == [1.0, 1.0]


@given(masks(max_side=12, allow_empty=False), masks(max_side=12, allow_empty=False))
@settings(max_examples=100)
def test_giou_of_masks_has_the_hull_of_all_pixels(a: NDArray, b: NDArray) -> None:
    shape = tuple(np.maximum(a.shape, b.shape))
    a, b = (np.pad(m, [(0, s - k) for s, k in zip(shape, m.shape, strict=True)]) for m in (a, b))
    rows, columns = np.nonzero(a | b)
    corners = [
        (x + i, y + j) for x, y in zip(columns, rows, strict=True) for i in (0, 1) for j in (0, 1)
    ]
    hull = shapely.convex_hull(shapely.multipoints(corners)).area
    expected = (a & b).sum() / (a | b).sum() - (hull - (a | b).sum()) / hull
    assert overlap.pairwise_giou(column([a]), column([b])).item() == pytest.approx(expected)


def test_masks_of_a_huge_image_cost_their_runs() -> None:
    """3,000 against 3,000 masks on 60,000 x 50,000 pixels, the table included."""
    width, height, count = 60_000, 50_000, 3_000
    rng = np.random.default_rng(0)
    place = np.column_stack(
        (rng.integers(0, width - 200, count), rng.integers(0, height - 200, count))
    )
    size = rng.integers(20, 200, (count, 2))
    rows = []
    for (left, top), (w, h) in zip(place.tolist(), size.tolist(), strict=True):
        flips = (left + np.arange(w))[:, None] * height + [top, top + h]
        rows.append((rle.from_flips(flips.ravel(), width * height), (height, width)))
    runs = Runs.of(rows)
    del rows
    boxed = np.hstack((place, place + size)).astype(float)
    tracemalloc.start()
    table = overlap.pairwise_iou(runs, runs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(table, overlap.pairwise_iou(boxed, boxed))
    assert peak < 130e6  # 72 of them are the table
    kept = overlap.nms(runs, np.arange(count) / count, iou_threshold=0.1)
    assert np.array_equal(kept, overlap.nms(boxed, np.arange(count) / count, iou_threshold=0.1))


# ---------------------------------------------------------------- real data, refusals


def test_real_masks_and_boxes_equal_pycocotools(shared_data: Path) -> None:
    seen = 0
    for path in sorted(shared_data.glob("coco/coco_mini/instances_*.json")):
        document = json.loads(path.read_bytes())
        sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
        by_image: dict = {}
        for record in document["annotations"]:
            by_image.setdefault(record["image_id"], []).append(record)
        for image, records in sorted(by_image.items())[:40]:
            height, width = sizes[image]
            native, crowd = [], []
            for record in records:
                given = record["segmentation"]
                made = coco_mask.frPyObjects(given, height, width)
                native.append(coco_mask.merge(made) if isinstance(made, list) else made)
                crowd.append(int(record["iscrowd"]))
            runs = Runs.of([(rle.from_string(one["counts"]), (height, width)) for one in native])
            theirs = coco_mask.iou(native, native, crowd)
            assert np.array_equal(overlap.pairwise_iou(runs, runs, iscrowd=crowd), theirs)
            xywh = np.array([record["bbox"] for record in records])
            xyxy = np.hstack((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]))
            assert overlap.pairwise_iou(xyxy, xyxy, iscrowd=crowd) == pytest.approx(
                coco_mask.iou(xywh, xywh, crowd), abs=1e-12
            )
            outline = Rings.of(
                [
                    [[np.reshape(ring, (-1, 2))] for ring in record["segmentation"]]
                    if isinstance(record["segmentation"], list)
                    else None
                    for record in records
                ]
            )
            drawn = raster.rows_to_runs(outline, np.tile((height, width), (len(records), 1)))
            big = np.flatnonzero((rle.areas(drawn) > 4_000) & (outline.part_counts > 0))
            # Regions and pixels say the same, but for the pixels that the outline cuts.
            assert overlap.pairwise_iou(outline.take(big), outline.take(big)) == pytest.approx(
                overlap.pairwise_iou(drawn.take(big), drawn.take(big)), abs=0.05
            )
            seen += len(records)
    assert seen > 100


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([[0, 0, 1, np.nan]], [[0, 0, 1, 1]], "box 0 is"),
        ([[0, 0, 1, 1], [3, 0, 1, 1]], [[0, 0, 1, 1]], "box 1 is .* low before high"),
        ([[0, 0, -1, 1, 0]], [[0, 0, 1, 1, 0]], "rotated box 0 has size"),
        ([[0, 0, 1, 1, np.inf]], [[0, 0, 1, 1, 0]], "rotated box 0 is"),
        ([[0, 0, 1, 1]], [[0, 0, 1, 1, 0]], "boxes against rotated boxes"),
        ([[0, 0, 1]], [[0, 0, 1]], "shapes have shape"),
        ("boxes", "boxes", "shapes are str"),
        (column([np.ones((2, 3))]), column([np.ones((3, 2))]), "masks have shapes"),
        (
            Runs(np.array([5], dtype=np.uint32), np.array([0, 1]), np.array([[2, 3]])),
            column([np.ones((2, 3))]),
            "mask 0: run lengths add up to 5",
        ),
        (Rings.of([[[[[0, 0], [1, np.inf], [1, 1]]]]]), Rings.empty(0), "vertex 1 is"),
    ],
)
def test_what_is_no_shape_is_refused(first: object, second: object, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        overlap.pairwise_iou(first, second)


def test_no_shapes_make_an_empty_table() -> None:
    assert overlap.pairwise_iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert overlap.pairwise_iou([[0, 0, 1, 1, 5]], []).shape == (1, 0)
    assert overlap.pairwise_iou(column([np.ones((2, 2))]), []).shape == (1, 0)
    assert overlap.pairwise_giou([], []).shape == (0, 0)
    assert overlap.paired_iou([], []).shape == (0,)
    with pytest.raises(GeometryError, match="iscrowd"):
        overlap.pairwise_iou([[0, 0, 1, 1]], [[0, 0, 1, 1]], iscrowd=[0, 1])
    with pytest.raises(GeometryError, match="pairs need"):
        overlap.paired_iou([[0, 0, 1, 1]], [])
