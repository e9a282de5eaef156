"""What polygons do with their region."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import real_shapes
import shapely
from hypothesis import given
from hypothesis import strategies as st
from outline_strategies import any_outlines, filled, shapely_of, some, valid_outlines
from strategies import masks

from dlgeom import Annotation, conversions
from dlgeom.definitions import (
    Box,
    Classification,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import GeometryError
from dlgeom.geometry import regions

Parts = list[list[np.ndarray]]

REST = ("x", {"k": 1}, "words")
SQUARE = Polygon([[0, 0], [8, 0], [8, 8], [0, 8]], *REST)
BOW = Polygon([[0, 0], [4, 4], [4, 0], [0, 4]], *REST)


@some
@given(any_outlines())
def test_repair_keeps_the_area_of_the_fill_rule(parts: Parts) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    area = filled(polygon.parts).area
    assert polygon.is_valid == bool(polygon.validity()) == shapely.is_valid(shapely_of(parts))
    if polygon.is_valid:
        assert polygon.repair() is polygon
    elif area < 1e-9:
        with suppress(GeometryError):
            assert polygon.repair().area < 1e-6
    else:
        fixed = polygon.repair()
        assert fixed.is_valid
        assert fixed.area == pytest.approx(area, abs=1e-9)
        assert (fixed.label, fixed.attributes, fixed.description) == REST
        assert fixed.repair() is fixed


@some
@given(any_outlines(step=False), st.sampled_from([1e-9, 1.0, 1e7]))
def test_whatever_is_given_the_result_is_a_valid_polygon_or_our_error(
    parts: Parts, size: float
) -> None:
    polygon = Polygon.from_parts([[ring * size for ring in part] for part in parts], *REST)
    for ask in (
        polygon.repair,
        polygon.validity,
        lambda: polygon & SQUARE,
        lambda: polygon.clip((0, 0, 2 * size, 2 * size)),
        lambda: polygon.simplify(size / 10),
        lambda: polygon.simplify(min_iou=0.9),
        lambda: polygon.simplify(vertices=20),
        lambda: polygon.resample(30).repair(),
        lambda: polygon.contains([[1, 1]]),
    ):
        try:
            found = ask()
        except GeometryError:
            continue
        if isinstance(found, Polygon) and found is not polygon:
            assert found.is_valid or len(found.x) == 20  # new vertices on edges are rounded
            assert all(len(ring) >= 3 for ring in found.rings)


@some
@given(any_outlines(), st.booleans())
def test_orientation_turns_rings_and_keeps_their_start(parts: Parts, clockwise: bool) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    turned = polygon.orient(clockwise=clockwise)
    assert np.abs(turned.signed_areas) == pytest.approx(np.abs(polygon.signed_areas))
    for ring, old, hole, area in zip(
        turned.rings, polygon.rings, turned.outline.is_hole, turned.signed_areas, strict=True
    ):
        assert np.array_equal(ring[0], old[0])
        assert set(map(tuple, ring.tolist())) == set(map(tuple, old.tolist()))
        assert area == pytest.approx(0, abs=1e-12) or (area > 0) == (clockwise != hole)
    assert turned.orient(clockwise=clockwise) == turned
    if clockwise and (polygon.signed_areas != 0).all():
        assert turned.is_clockwise


@some
@given(any_outlines(max_parts=1), any_outlines(max_parts=1))
def test_operators_are_the_methods(one: Parts, other: Parts) -> None:
    a, b = Polygon.from_parts(one, *REST), Polygon.from_parts(other, "other")
    first, second = filled(a.parts), filled(b.parts)
    for found, name in (
        (a & b, "intersection"),
        (a - b, "difference"),
        (a ^ b, "symmetric_difference"),
    ):
        expected = getattr(shapely, name)(first, second).area
        assert (found.area if found else 0.0) == pytest.approx(expected, abs=1e-9)
        if found:
            assert found.is_valid
            assert (found.label, found.attributes, found.description) == REST
        assert found == getattr(a, name)(b)
    if first.area + second.area > 1e-9:
        assert (a | b).area == pytest.approx(shapely.union(first, second).area, abs=1e-9)
        assert a.union(b) == a | b


def test_set_operations_take_any_shape_with_area() -> None:
    assert (SQUARE & Box(6, 6, 20, 20)).area == 4
    assert (SQUARE - Segmentation(np.ones((2, 2)), "m")).area == 60
    assert (SQUARE & Ellipse(0, 0, 4, 4, 0, "e")).area == pytest.approx(4 * np.pi, rel=0.02)
    assert SQUARE & Box(20, 20, 30, 30) is None
    assert SQUARE & Box(8, 0, 9, 9) is None  # they share an edge only
    assert SQUARE - SQUARE is None
    for shape in (Point(1, 1, "p"), Classification("c")):
        with pytest.raises(GeometryError, match="does not become"):
            SQUARE & shape
    with pytest.raises(TypeError):
        SQUARE & 5
    flat = Polygon([[0, 0], [1, 1], [2, 2]], "x")
    with pytest.raises(GeometryError, match="cover nothing"):
        flat | flat


@some
@given(valid_outlines(), st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1))
def test_points_are_contained_as_shapely_says(parts: Parts, grid: list[tuple[int, int]]) -> None:
    polygon, points = Polygon.from_parts(parts, "x"), np.array(grid) / 2
    shape = shapely_of(parts)
    contained = shapely.contains(shape, shapely.points(points)).tolist()
    covered = shapely.covers(shape, shapely.points(points)).tolist()
    assert polygon.contains(points).tolist() == contained
    assert polygon.covers(points).tolist() == covered
    assert polygon.contains(points[0]) is contained[0]
    x, y = points[0].tolist()
    assert polygon.covers(Point(x, y, "p")) is covered[0]
    pose = Pose("p", None, points=[Point(x, y, "k") for x, y in points.tolist()])
    assert polygon.contains(pose) == shapely.contains(shape, shapely.MultiPoint(points))
    if len(points) > 1:
        line = shapely.LineString(points)
        assert polygon.covers(Polyline(points, "l")) == shapely.covers(shape, line)
        if line.length > 0:
            assert polygon.contains(Polyline(points, "l")) == shapely.contains(shape, line)


def test_shapes_are_contained_and_covered() -> None:
    for inner, expected in (
        (SQUARE, True),
        (Box(0, 0, 8, 8), True),
        (Box(1, 1, 2, 2), True),
        (Box(7, 7, 9, 9), False),
        (Segmentation(np.ones((8, 8)), "m"), True),
        (Ellipse(4, 4, 4, 4, 0, "e"), True),
        (Ellipse(4, 4, 4.2, 4, 0, "e"), False),
    ):
        assert SQUARE.covers(inner) is expected
        assert SQUARE.contains(inner) is expected
    assert SQUARE.covers(Point(0, 0, "p"))
    assert not SQUARE.contains(Point(0, 0, "p"))
    # The middle of a pentagram is outside, as in its mask.
    turns = np.arange(5) * 0.8 * np.pi
    star = Polygon(np.column_stack((np.cos(turns), np.sin(turns))) * 10, "x")
    assert star.contains([[0, 0], [7, 0], [20, 0]]).tolist() == [False, True, False]
    with pytest.raises(GeometryError, match="points have shape"):
        SQUARE.contains(np.zeros((2, 3)))
    assert SQUARE.contains(np.zeros((0, 2))).shape == (0,)


@some
@given(any_outlines())
def test_clipping_keeps_all_that_is_inside(parts: Parts) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    found = polygon.clip((1.5, 0.5, 3.25, 4))
    area = shapely.intersection(filled(polygon.parts), shapely.box(1.5, 0.5, 3.25, 4)).area
    inside = Box(1.5, 0.5, 3.25, 4).bounds
    if found is polygon:
        assert shapely.box(*inside).covers(shapely.box(*polygon.bounds))
    else:
        assert (found.area if found else 0.0) == pytest.approx(area, abs=1e-9)
    assert polygon.clip(Box(-1, -1, 9, 9)) is polygon
    assert polygon.clip([90, 90, 99, 99]) is None


def test_clipping_to_a_turned_box_and_bad_boxes() -> None:
    assert SQUARE.clip(Box(2, 2, 6, 6, angle=45)).area == pytest.approx(16)
    comb = Polygon([[0, 0], [9, 0], [9, 9], [6, 9], [6, 2], [3, 2], [3, 9], [0, 9]], "x")
    assert len(comb.clip((0, 4, 9, 9)).parts) == 2
    for box in ([1, 2, 3], [4, 0, 0, 4], [np.nan, 0, 1, 1]):
        with pytest.raises(GeometryError):
            SQUARE.clip(box)


@some
@given(any_outlines(), st.sampled_from([0.0, 0.5, 0.8, 0.9, 0.99, 1.0]))
def test_simplifying_never_goes_below_min_iou(parts: Parts, least: float) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    thin = polygon.simplify(min_iou=least)
    region = filled(polygon.parts)
    if region.area < 1e-9:
        return
    assert thin.is_valid
    shape = shapely_of(thin.parts)
    shared = shapely.intersection(region, shape).area
    assert shared / (region.area + shape.area - shared) >= least - 1e-9
    looser = polygon.simplify(min_iou=least / 2)
    assert len(looser.x) <= len(thin.x)
    assert [len(part) for part in looser.parts] == [len(part) for part in thin.parts]


@some
@given(any_outlines(), st.floats(0.01, 3))
def test_simplifying_within_a_distance_never_crosses_or_loses(
    parts: Parts, tolerance: float
) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    if filled(polygon.parts).area < 1e-9:
        return
    fixed, thin = polygon.repair(), polygon.simplify(tolerance)
    assert thin.is_valid
    assert [len(part) for part in thin.parts] == [len(part) for part in fixed.parts]
    one, other = shapely_of(fixed.parts).boundary, shapely_of(thin.parts).boundary
    assert one.hausdorff_distance(other) <= tolerance + 1e-9
    assert len(thin.x) <= len(fixed.x)


@some
@given(any_outlines(), st.integers(0, 30))
def test_the_number_of_vertices_is_exact_or_refused(parts: Parts, extra: int) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    if filled(polygon.parts).area < 1e-9:
        return
    fixed = polygon.repair()
    count = 3 * len(fixed.rings) + extra
    try:
        found = polygon.simplify(vertices=count)
    except GeometryError:
        assert len(fixed.rings) > 1  # one ring alone always goes down to three
        return
    assert len(found.x) == count
    assert len(found.rings) == len(fixed.rings)
    assert found.is_valid or count > len(fixed.x)
    if count >= len(fixed.x):  # new vertices on edges are rounded to floats
        assert regions.iou(found.parts, fixed.parts) == pytest.approx(1, abs=1e-6)


def test_real_masks_become_as_coarse_as_asked(shared_data: Path) -> None:
    for k, (_, mask) in enumerate(real_shapes.masks(shared_data)):
        if k % 150 or not mask.any():
            continue
        exact = conversions.mask_to_polygon(mask, "x")
        if len(exact.x) > 1500:
            continue
        counts = []
        for least in (0.99, 0.9, 0.7):
            thin = exact.simplify(min_iou=least)
            assert thin.is_valid
            assert regions.iou(exact.parts, thin.parts) >= least
            counts.append(len(thin.x))
        assert counts == sorted(counts, reverse=True)


def test_real_polygons_that_are_invalid_keep_their_masks(shared_data: Path) -> None:
    repaired = 0
    for rings, shape in real_shapes.outlines(shared_data):
        polygon = Polygon.from_parts([[ring] for ring in rings], "x")
        if polygon.is_valid or shape[0] * shape[1] > 10_000_000:
            continue
        try:
            fixed = polygon.repair()
        except GeometryError:
            assert polygon.area < 1e-6
            continue
        repaired += 1
        assert fixed.is_valid
        before, after = (conversions.polygon_to_mask(p, shape) for p in (polygon, fixed))
        # Crossings lie off the grid of fifths of pixels: a few pixels along the outline differ.
        assert np.count_nonzero(before ^ after) <= 0.05 * polygon.perimeter + 2
    assert repaired > 200


def test_simplify_asks_for_one_thing_in_its_range() -> None:
    for options in (
        {},
        {"tolerance": 1, "min_iou": 0.5},
        {"min_iou": 0.5, "vertices": 4},
        {"min_iou": 1.1},
        {"min_iou": np.nan},
        {"min_iou": -0.1},
        {"tolerance": -1},
        {"tolerance": np.inf},
        {"vertices": 2},
        {"vertices": 3.5},
        {"vertices": 10**8},
    ):
        with pytest.raises(GeometryError):
            SQUARE.simplify(**options)
    with pytest.raises(GeometryError, match="are the same"):
        conversions.simplify(SQUARE, 1, epsilon=1)
    assert SQUARE.simplify(0) is SQUARE
    assert SQUARE.simplify(min_iou=1) is SQUARE
    assert SQUARE.simplify(vertices=4) is SQUARE
    assert len(SQUARE.simplify(vertices=11).x) == 11
    flat = Polygon([[0, 0], [1, 1], [2, 2], [3, 3], [1, 1]], "x")
    assert flat.simplify(min_iou=0.5) is flat
    assert len(flat.simplify(vertices=3).x) == 3


@some
@given(masks(10, allow_empty=False))
def test_hull_and_rotated_box_hold_the_polygon(mask: np.ndarray) -> None:
    polygon = conversions.mask_to_polygon(mask, *REST[:1])
    shape = shapely_of(polygon.parts)
    hull = polygon.hull()
    assert shapely_of(hull.parts).equals(shape.convex_hull)
    assert hull.is_clockwise
    box = polygon.rotated_box()
    assert shapely.Polygon(box.corners).buffer(1e-6).covers(shape)
    assert box == conversions.to_rotated_box(polygon) or len(polygon.x) == 4


def test_growing_and_shrinking() -> None:
    assert SQUARE.buffer(2).bounds == pytest.approx((-2, -2, 10, 10))
    assert SQUARE.buffer(-1).area == pytest.approx(36, abs=1e-6)
    assert SQUARE.buffer(-4) is None
    assert SQUARE.buffer(0).area == 64
    with pytest.raises(GeometryError):
        SQUARE.buffer(np.nan)


def test_huge_coordinates_work_or_are_refused() -> None:
    far = Polygon(np.array([[0.0, 0], [4, 4], [4, 0], [0, 4]]) + 1e7, "x")
    assert far.repair().area == pytest.approx(8)
    assert len(far.resample(50).x) == 50
    corner = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    huge = Polygon(corner * 1e308, "x")
    for ask in (
        lambda: huge.area,
        lambda: huge.perimeter,
        lambda: huge.signed_areas,
        huge.validity,
        huge.repair,
        lambda: huge | SQUARE,
        lambda: huge.simplify(1),
        lambda: huge.contains([0, 0]),
    ):
        with pytest.raises(GeometryError):
            ask()
    assert huge.centroid == pytest.approx((0, 0), abs=1e300)
    assert Polygon((corner + 3) * 1e200, "x").centroid == pytest.approx((3e200, 3e200))
    assert Polygon(corner * 1e100, "x").area == pytest.approx(4e200)


def test_what_is_no_shape_is_refused_by_name() -> None:
    tile = Polygon([[0, 0], [8, 0], [8, 8], [0, 8]], "tile")
    annotation = Annotation(Box(0, 0, 2, 2))
    for name in ("union", "intersection", "difference", "symmetric_difference"):
        with pytest.raises(GeometryError, match=f"Polygon.{name}: 3 is no definition"):
            getattr(tile, name)(3)
    for name in ("union", "contains", "covers"):
        with pytest.raises(GeometryError, match=f"Polygon.{name}: .*annotation_definition"):
            getattr(tile, name)(annotation)
    with pytest.raises(GeometryError, match="tolerance is -1"):
        tile.simplify(-1)


def test_iou_of_polygons_beyond_all_areas() -> None:
    one = Polygon([[0, 0], [1e200, 0], [0, 1e200]], "one")
    half = Polygon([[0, 0], [1e200, 0], [0, 0.5e200]], "half")
    assert one.iou(half) == pytest.approx(0.5)
    assert half.iou(one) == one.iou(half)
