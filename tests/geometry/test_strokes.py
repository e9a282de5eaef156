"""Laws of thick lines."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import lines

from dlgeom.errors import GeometryError
from dlgeom.geometry import strokes

radii = st.one_of(st.integers(1, 20).map(float), st.floats(0.01, 60))


def _shape(parts: list[list[np.ndarray]]) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in parts])


def _line(points: np.ndarray) -> shapely.Geometry:
    still = (points == points[0]).all()
    return shapely.Point(points[0]) if still else shapely.LineString(points)


@given(st.lists(lines(max_points=4), min_size=1, max_size=2), radii)
@example([np.array([[0.0, 0], [100, 1], [200, 0]])], 150.0)
@example([np.array([[3.0, 3]])], 2.0)
def test_the_outline_lies_within_005_inside_of_all_points_that_near(
    some: list[np.ndarray], radius: float
) -> None:
    outline = _shape(strokes.outline(some, radius))
    assert outline.is_valid
    # GEOS divides by the square of lengths such as 1e-212.
    whole = shapely.union_all([_line(np.where(abs(line) < 1e-9, 0, line)) for line in some])
    edge = np.concatenate(
        [shapely.get_coordinates(ring) for part in outline.geoms for ring in _rings(part)]
    )
    middles = (edge + np.roll(edge, 1, axis=0)) / 2
    with np.errstate(all="ignore"):
        on_edge = shapely.distance(outline.boundary, shapely.points(middles)) < 1e-9
    places = np.concatenate((edge, middles[on_edge]))
    away = shapely.distance(whole, shapely.points(places))
    assert away.max() <= radius + 1e-6
    assert away.min() >= radius - 0.05 - 1e-6
    for line in some:  # nothing that near is left out
        ends = shapely.points(line)
        assert shapely.covers(outline, ends).all()


def _rings(part: shapely.Polygon) -> list[shapely.LinearRing]:
    return [part.exterior, *part.interiors]


@settings(max_examples=100)
@given(st.lists(lines(), min_size=1, max_size=3), st.floats(0.5, 20))
def test_it_agrees_with_a_fine_buffer(some: list[np.ndarray], radius: float) -> None:
    outline = _shape(strokes.outline(some, radius, distance=0.01))
    pieces = [_line(np.array(piece)) for line in some for piece in pairwise(line)]
    fine = shapely.union_all([shapely.buffer(piece, radius, quad_segs=64) for piece in pieces])
    assert outline.symmetric_difference(fine).area <= 0.02 * fine.length + 1e-6


def test_a_closed_line_has_a_hole() -> None:
    square = np.array([[0.0, 0], [20, 0], [20, 20], [0, 20], [0, 0]])
    parts = strokes.outline([square], 2)
    assert [len(part) for part in parts] == [2]
    assert _shape(parts).bounds == pytest.approx((-2, -2, 22, 22))


def test_lines_apart_are_parts() -> None:
    assert len(strokes.outline([np.zeros((2, 2)), np.full((1, 2), 50.0)], 2)) == 2


@pytest.mark.parametrize("radius", [0, -1, np.nan, np.inf])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    with pytest.raises(GeometryError, match="radius"):
        strokes.outline([np.zeros((2, 2))], radius)


def test_no_line_is_refused() -> None:
    with pytest.raises(GeometryError, match="no line"):
        strokes.outline([], 1)
