"""Rotated boxes: exact corners, inverse, extent, agreement with shapely."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import coordinates, rings, rotated_boxes

from dlgeom.errors import GeometryError
from dlgeom.geometry import boxes, rotated
from dlgeom.geometry.ragged import offsets_of
from dlgeom.geometry.rings import signed_areas

Floats = NDArray[np.float64]


def test_positive_angle_is_clockwise_on_the_screen() -> None:
    found = rotated.corners([[10, 20, 8, 4, 90]])[0]
    assert found.tolist() == [[12, 16], [12, 24], [8, 24], [8, 16]]


@given(
    st.tuples(*[st.integers(-50, 50)] * 2),
    st.tuples(*[st.integers(1, 60)] * 2),
    st.integers(-1000, 1000),
)
def test_corners_are_exact_at_multiples_of_90_degrees(
    center: tuple[int, int], size: tuple[int, int], quarters: int
) -> None:
    cx, cy = center
    w, h = size
    found = rotated.corners([[cx, cy, w, h, 90.0 * quarters]])[0]
    if quarters % 2:
        w, h = h, w
    upright = boxes.box_rings([[cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]])[0]
    assert found.tolist() == np.roll(upright, -(quarters % 4), axis=0).tolist()


@given(rotated_boxes())
def test_unrotated_corners_are_those_of_the_box(rows: Floats) -> None:
    rows[:, 4] = 0.0
    upright = boxes.box_rings(boxes.cxcywh_to_xyxy(rows[:, :4]))
    assert np.array_equal(rotated.corners(rows), upright)


@given(rotated_boxes())
def test_corners_are_those_of_a_rotation_matrix(rows: Floats) -> None:
    for row, found in zip(rows, rotated.corners(rows), strict=True):
        cx, cy, w, h, angle = row
        turn = np.deg2rad(angle)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
        assert np.allclose(found, corners @ matrix.T + [cx, cy], atol=1e-9)


@given(rotated_boxes())
def test_corners_run_clockwise_and_have_the_area(rows: Floats) -> None:
    xy = rotated.corners(rows).reshape(-1, 2)
    areas = signed_areas(xy, offsets_of([4] * len(rows)))
    assert np.allclose(areas, rows[:, 2] * rows[:, 3])


@given(rotated_boxes())
def test_from_corners_undoes_corners(rows: Floats) -> None:
    found = rotated.from_corners(rotated.corners(rows))
    assert np.allclose(found[:, :4], rows[:, :4], atol=1e-9)
    assert ((found[:, 4] >= -180) & (found[:, 4] < 180)).all()
    off = np.remainder(found[:, 4] - rows[:, 4] + 180, 360) - 180
    assert np.allclose(off * rows[:, 2], 0, atol=1e-6)
    assert np.allclose(rotated.corners(found), rotated.corners(rows), atol=1e-9)


@pytest.mark.parametrize("angle", [-180, -90, 0, 90])
def test_from_corners_is_exact_at_multiples_of_90_degrees(angle: float) -> None:
    row = [[10.0, 20.0, 7.0, 4.0, angle]]
    assert rotated.from_corners(rotated.corners(row)).tolist() == row


def test_half_a_turn_is_minus_180() -> None:
    found = rotated.from_corners(rotated.corners([[10, 20, 7, 4, 180]]))
    assert found.tolist() == [[10, 20, 7, 4, -180]]


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
@pytest.mark.parametrize("angle", [0, 30, -90])
def test_box_without_width_or_height_keeps_its_corners(size: tuple[int, int], angle: float) -> None:
    row = np.array([[3.0, 4.0, *size, angle]])
    found = rotated.from_corners(rotated.corners(row))
    assert np.allclose(rotated.corners(found), rotated.corners(row), atol=1e-12)
    if any(size):
        assert np.allclose(found, row)


@given(rotated_boxes())
def test_corners_of_a_box_are_a_rectangle_in_either_winding(rows: Floats) -> None:
    corners = rotated.corners(rows)
    assert rotated.is_rectangle(corners).all()
    assert rotated.is_rectangle(corners[:, ::-1]).all()
    back = rotated.from_corners(corners[:, ::-1])
    assert np.allclose(rotated.corners(back)[:, ::-1], corners[:, ::-1], atol=1e-9)


@given(rotated_boxes(), st.integers(0, 3))
def test_moved_corner_makes_no_rectangle(rows: Floats, which: int) -> None:
    corners = rotated.corners(rows)
    corners[:, which] += 0.5
    assert not rotated.is_rectangle(corners, atol=0.01).any()


def test_other_quadrilaterals_are_no_rectangles() -> None:
    slanted = [[0, 0], [4, 0], [5, 3], [1, 3]]
    crossed = [[0, 0], [4, 0], [0, 3], [4, 3]]
    kite = [[0, 0], [2, 1], [0, 5], [-2, 1]]
    square = [[0, 0], [4, 0], [4, 4], [0, 4]]
    found = rotated.is_rectangle([slanted, crossed, kite, square])
    assert found.tolist() == [False, False, False, True]


@given(rotated_boxes())
def test_extent_contains_the_corners_and_touches_them(rows: Floats) -> None:
    found = rotated.extent(rows)
    corners = rotated.corners(rows)
    assert np.array_equal(found[:, :2], corners.min(axis=1))
    assert np.array_equal(found[:, 2:], corners.max(axis=1))


@given(rings(max_points=10))
@example(np.array([[3.0, 4.0]]))
@example(np.array([[3.0, 4.0], [3.0, 4.0]]))
@example(np.array([[0.0, 0.0], [3.0, 3.0]]))
@example(np.array([[5.0, 1.0], [5.0, 9.0], [5.0, 3.0]]))
def test_smallest_rectangle_holds_the_points_and_is_no_larger_than_that_of_shapely(
    points: Floats,
) -> None:
    points = np.round(points, 9)  # shapely itself warns about subnormal distances
    found = rotated.min_area_rectangle(points)
    assert -45 <= found[4] < 45
    ring = rotated.corners(found)[0]
    shape = shapely.MultiPoint(points)
    cover = shapely.convex_hull(shapely.MultiPoint(ring)).buffer(1e-6)
    assert all(cover.covers(shapely.Point(point)) for point in points)
    theirs = shape.minimum_rotated_rectangle
    assert found[2] * found[3] <= theirs.area * (1 + 1e-9) + 1e-9
    if shapely.convex_hull(shape).area > 1e-3:
        assert found[2] * found[3] == pytest.approx(theirs.area, rel=1e-6)


@given(rotated_boxes())
def test_smallest_rectangle_of_the_corners_is_the_box(rows: Floats) -> None:
    for row in rows:
        found = rotated.min_area_rectangle(rotated.corners(row)[0])
        assert np.allclose(found[:2], row[:2], atol=1e-6)
        assert sorted(found[2:4]) == pytest.approx(sorted(row[2:4]), abs=1e-6)


@given(st.lists(st.tuples(coordinates(), coordinates()), min_size=1, max_size=8))
def test_upright_box_is_its_own_smallest_rectangle(points: list[tuple[float, float]]) -> None:
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    box = boxes.box_rings([*low, *high])[0]
    found = rotated.min_area_rectangle(box)
    if (high - low).min() > 1e-3:
        assert np.allclose(found, [*(low + high) / 2, *(high - low), 0], atol=1e-9)


@pytest.mark.parametrize("tiny", [5e-324, 1e-300, 1e-160, 1e-12])
def test_smallest_rectangle_of_tiny_distances_is_finite(tiny: float) -> None:
    for points in (
        [[0, 0], [tiny, 0], [0, tiny]],
        [[0, 0], [1, 0], [0.5, tiny]],
        [[0, 0], [0, tiny]],
    ):
        found = rotated.min_area_rectangle(points)
        assert np.isfinite(found).all()
        assert np.abs(found[:2]).max() <= 1


def test_points_that_have_no_rectangle_are_refused() -> None:
    with pytest.raises(GeometryError, match="at least one"):
        rotated.min_area_rectangle(np.zeros((0, 2)))
    with pytest.raises(GeometryError, match="finite"):
        rotated.min_area_rectangle([[1.0, np.nan], [2.0, 2.0]])


def test_many_points_are_taken_in_blocks() -> None:
    angles = np.linspace(0, 2 * np.pi, 3_000, endpoint=False)
    circle = np.column_stack((np.cos(angles), np.sin(angles))) * 100
    found = rotated.min_area_rectangle(circle)
    assert found[2] * found[3] == pytest.approx(40_000, rel=1e-4)


def test_no_boxes_have_no_corners() -> None:
    nothing = np.zeros((0, 5))
    assert rotated.corners(nothing).shape == (0, 4, 2)
    assert rotated.extent(nothing).shape == (0, 4)
    assert rotated.from_corners(np.zeros((0, 4, 2))).shape == (0, 5)
    assert rotated.is_rectangle(np.zeros((0, 4, 2))).shape == (0,)
