"""Regions: shapely shapes that mean what our masks mean."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from outline_strategies import any_outlines, filled, shapely_of, some, valid_outlines
from strategies import masks

from dlgeom.errors import GeometryError
from dlgeom.geometry import contours, raster, regions

Parts = list[list[np.ndarray]]

PENTAGRAM = [
    [np.array([[50 + 40 * np.cos(a), 50 + 40 * np.sin(a)] for a in np.arange(5) * 0.8 * np.pi])]
]
TWICE = [[np.array([[0.0, 0], [4, 0], [4, 4], [0, 0], [4, 0], [4, 4]])]]


@some
@given(any_outlines())
@example(PENTAGRAM)
@example(TWICE)
def test_a_region_is_what_the_fill_rule_says(parts: Parts) -> None:
    found, expected = regions.region(parts), filled(parts)
    assert shapely.is_valid(found)
    assert found.area == pytest.approx(expected.area, abs=1e-9)
    # The same place, not only as much of it; clean_up of slivers by a hair.
    assert shapely.symmetric_difference(found, expected).area == pytest.approx(0, abs=1e-6)


@some
@given(any_outlines())
def test_the_mask_of_a_region_is_that_of_the_outline(parts: Parts) -> None:
    # Whole pixels and fifths stay where they are, so crossings alone may move an edge pixel.
    large = [[np.round(ring * 5) * 8 for ring in part] for part in parts]
    if any(len(np.unique(ring, axis=0)) < 3 for part in large for ring in part):
        return
    region = regions.parts_of(regions.region(large))
    shape = (240, 240)
    try:
        before = raster.parts_to_mask(large, shape)
    except GeometryError:  # a ring without extent
        return
    after = raster.parts_to_mask(region, shape) if region else np.zeros(shape, dtype=bool)
    edges = sum(len(ring) for part in large for ring in part)
    length = sum(
        np.abs(ring - np.roll(ring, 1, axis=0)).max(axis=1).sum() for p in large for ring in p
    )
    # Where lines cross off the grid, the walk of each of the pieces may differ by a pixel.
    assert np.count_nonzero(before ^ after) <= 0.1 * length + edges


@some
@given(masks(12, allow_empty=False))
def test_the_region_of_pixel_edges_fills_the_mask(mask: np.ndarray) -> None:
    parts = contours.trace(mask).row(0)
    again = regions.parts_of(regions.region(parts))
    assert np.array_equal(raster.parts_to_mask(again, mask.shape), mask)


@some
@given(any_outlines())
def test_parts_come_back_turned_and_sorted(parts: Parts) -> None:
    found = regions.parts_of(regions.region(parts))
    areas = [shapely.Polygon(part[0], part[1:]).area for part in found]
    # Largest first; areas that differ by rounding only may come in either order.
    assert all(small <= large * (1 + 1e-12) for large, small in pairwise(areas))
    if not found:
        return
    assert shapely.is_valid(shapely_of(found))
    for part in found:
        # shapely looks from below: counter-clockwise there is clockwise on the screen.
        assert shapely.LinearRing(part[0]).is_ccw
        assert not any(shapely.LinearRing(hole).is_ccw for hole in part[1:])


ALGEBRA = {
    "union": np.logical_or,
    "intersection": np.logical_and,
    "difference": lambda a, b: a & ~b,
    "symmetric_difference": np.logical_xor,
}


@some
@given(masks(shape=(9, 9), allow_empty=False), masks(shape=(9, 9), allow_empty=False))
def test_set_operations_are_those_of_pixels(one: np.ndarray, other: np.ndarray) -> None:
    first, second = (contours.trace(mask).row(0) for mask in (one, other))
    for name, pixels in ALGEBRA.items():
        found = regions.combine(first, second, name)
        expected = pixels(one, other)
        assert bool(found) == bool(expected.any())
        if found:
            assert np.array_equal(raster.parts_to_mask(found, one.shape), expected)


@some
@given(any_outlines(), any_outlines())
def test_set_operations_add_up(one: Parts, other: Parts) -> None:
    def area(parts: Parts) -> float:
        return shapely_of(parts).area if parts else 0.0

    whole, shared, rest, odd = (area(regions.combine(one, other, name)) for name in ALGEBRA)
    a, b = filled(one).area, filled(other).area
    assert whole + shared == pytest.approx(a + b, abs=1e-9)
    assert rest + shared == pytest.approx(a, abs=1e-9)
    assert odd + shared == pytest.approx(whole, abs=1e-9)
    iou = regions.iou(one, other)
    assert iou == pytest.approx(shared / whole if whole else 0.0, abs=1e-9)
    assert 0 <= iou <= 1


@some
@given(any_outlines(), st.lists(st.integers(0, 4), min_size=2, max_size=2))
def test_clipping_is_exact(parts: Parts, corner: list[int]) -> None:
    left, top = corner
    box = shapely.box(left, top, left + 1.5, top + 2.25)
    found = regions.clip(parts, *box.bounds)
    expected = shapely.intersection(filled(parts), box)
    assert (shapely_of(found).area if found else 0.0) == pytest.approx(expected.area, abs=1e-9)
    for ring in (ring for part in found for ring in part):
        assert (ring >= [left, top]).all()
        assert (ring <= [left + 1.5, top + 2.25]).all()


@some
@given(valid_outlines(), st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1))
def test_points_inside_are_those_of_shapely(parts: Parts, grid: list[tuple[int, int]]) -> None:
    points = np.array(grid) / 2
    shape, known = shapely_of(parts), shapely.points(points)
    for boundary, test in ((False, shapely.contains), (True, shapely.covers)):
        found = regions.covers_points(parts, points, boundary=boundary)
        assert found.tolist() == test(shape, known).tolist()


@some
@given(valid_outlines(), st.sampled_from([-2.0, -0.5, -0.1, 0.1, 0.5, 3.0]))
def test_growing_is_between_outlines_at_005_less_and_at_the_distance(
    parts: Parts, distance: float
) -> None:
    found = regions.grown(parts, distance)
    shape = shapely_of(found) if found else shapely.Polygon()
    assert shapely.is_valid(shape)
    whole, slack = shapely_of(parts), 0.01 * abs(distance)  # what GEOS's own buffer may be off
    less = distance - 0.05 if distance > 0.05 else distance
    more = distance + 0.05 if distance < -0.05 else distance
    outer = shapely.buffer(whole, more + slack, quad_segs=100)
    inner = shapely.buffer(whole, less - slack, quad_segs=100)
    assert shapely.difference(shape, outer).area <= 1e-6
    assert shapely.difference(inner, shape).area <= 1e-6


def test_nothing_is_nothing() -> None:
    flat = [[np.array([[0.0, 0], [1, 1], [2, 2], [1, 1]])]]
    assert regions.region(flat).is_empty
    assert regions.parts_of(regions.region(flat)) == []
    assert regions.iou(flat, flat) == 0
    assert regions.grown(flat, 1.0) == []
    assert regions.combine(flat, flat, "union") == []
    assert not regions.covers_region(flat, flat)


def test_coordinates_far_out_work_or_are_refused() -> None:
    unit = np.array([[0.0, 0], [3, 0], [0, 3], [3, 3]])
    for size in (1e7, 1e12, 1e50):
        far = [[unit * size]]
        assert shapely_of(regions.parts_of(regions.region(far))).area == pytest.approx(
            4.5 * size**2
        )
    near = [[unit + 1e7]]
    assert regions.region(near).area == pytest.approx(4.5, rel=1e-6)
    for size in (1e100, 1e308):
        with pytest.raises(GeometryError, match="pixels from the origin"):
            regions.region([[unit / 3 * size]])


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(GeometryError, match="one of union"):
        regions.combine(PENTAGRAM, PENTAGRAM, "buffer")


def test_exceptions_of_shapely_become_ours() -> None:
    with (
        pytest.raises(GeometryError, match="the area cannot be computed"),
        regions.native("the area"),
    ):
        raise shapely.errors.GEOSException("TopologyException: side location conflict")
