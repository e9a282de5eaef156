"""Laws of ellipses."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import ellipses

from dlgeom.errors import GeometryError
from dlgeom.geometry import ellipses as e


def _dense(row: np.ndarray, count: int) -> np.ndarray:
    """Return points on an ellipse, by its definition."""
    x, y, rx, ry, angle = row
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    a = np.radians(angle)
    along, across = rx * np.cos(t), ry * np.sin(t)
    return np.column_stack(
        (x + along * np.cos(a) - across * np.sin(a), y + along * np.sin(a) + across * np.cos(a))
    )


def _distances(points: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Return the distance of points from a closed ring; plain, as GEOS divides by tiny lengths."""
    way = np.roll(ring, -1, axis=0) - ring
    away = points[:, None] - ring
    length = np.maximum((way * way).sum(axis=1), 1e-300)
    share = np.clip((away * way).sum(axis=2) / length, 0, 1)
    return np.hypot(*(away - share[..., None] * way).transpose(2, 0, 1)).min(axis=1)


@given(ellipses(max_rows=2))
def test_extent_holds_all_points_and_no_more(rows: np.ndarray) -> None:
    for row, (left, top, right, bottom) in zip(rows, e.extent(rows), strict=True):
        points = _dense(row, 2_000)
        low, high = points.min(axis=0), points.max(axis=0)
        assert (low >= np.array([left, top]) - 1e-9).all()
        assert (high <= np.array([right, bottom]) + 1e-9).all()
        assert (low - [left, top] < 1e-3).all()
        assert ([right, bottom] - high < 1e-3).all()


@given(ellipses(max_rows=1), st.sampled_from([0.05, 0.5, 0.01]))
@example(np.array([[0.0, 0, 400, 1, 30]]), 0.05)
@example(np.array([[0.0, 0, 400, 400, 0]]), 0.01)
@example(np.array([[0.0, 0, 0.03, 0.03, 0]]), 0.05)
def test_no_point_of_ellipse_or_outline_is_farther_than_the_distance(
    rows: np.ndarray, distance: float
) -> None:
    outline = e.outline(rows[0], distance=distance)
    points = _dense(rows[0], 4 * len(outline))
    assert _distances(points, outline).max() <= distance + 1e-9
    # The other way round: the middle of a piece is its farthest point from the ellipse, which
    # a ring of four times as many points stands for, a sixteenth of the distance away from it.
    middles = (outline + np.roll(outline, -1, axis=0)) / 2
    assert _distances(np.concatenate((outline, middles)), points).max() <= distance + 1e-9


@given(ellipses(max_rows=1, flat=False))
def test_outlines_are_convex_clockwise_and_reach_the_ends_of_the_axes(rows: np.ndarray) -> None:
    rx, ry = rows[0, 2:4]
    outline = e.outline(rows[0])
    assert len(outline) == e.vertex_counts(rows)[0]
    assert len(outline) % 4 == 0
    quarter = len(outline) // 4
    ends = _dense(rows[0], 4)
    assert outline[::quarter] == pytest.approx(ends, abs=1e-9)
    ring = shapely.polygons(outline)
    assert ring.is_valid
    assert not shapely.is_ccw(shapely.linearrings(outline)) ^ True  # y down: clockwise on screen
    assert ring.area == pytest.approx(np.pi * rx * ry, rel=0.1)
    assert ring.area <= np.pi * rx * ry * (1 + 1e-9)


@given(ellipses())
def test_counts_of_many_are_those_of_each(rows: np.ndarray) -> None:
    counts = e.vertex_counts(rows)
    assert counts.tolist() == [int(e.vertex_counts(row)[0]) for row in rows]


def test_counts_grow_with_the_square_root_of_the_radius() -> None:
    counts = e.vertex_counts([[0, 0, r, 0, 0] for r in (0, 0.01, 1, 100, 10_000, 4e7)])
    assert counts.tolist() == [8, 8, 12, 100, 996, 62_832]


def test_outlines_at_quarter_turns_are_exact() -> None:
    outline = e.outline([10, 20, 5, 3, 90])
    quarter = len(outline) // 4
    assert outline[::quarter].tolist() == [[10, 25], [7, 20], [10, 15], [13, 20]]


@pytest.mark.parametrize("distance", [0, -1, np.nan, np.inf])
def test_a_distance_that_is_none_is_refused(distance: float) -> None:
    with pytest.raises(GeometryError, match="distance"):
        e.outline([0, 0, 1, 1, 0], distance=distance)


def test_an_ellipse_too_large_for_the_distance_is_refused() -> None:
    with pytest.raises(GeometryError, match="more than 65536 vertices"):
        e.outline([0, 0, 1e8, 1, 0])
    assert len(e.outline([0, 0, 1e8, 1, 0], distance=1)) < 65536


def test_no_ellipse_at_all_is_fine() -> None:
    assert e.extent(np.zeros((0, 5))).shape == (0, 4)
    assert e.vertex_counts(np.zeros((0, 5))).shape == (0,)
