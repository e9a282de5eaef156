"""Cutting rings and lines to a window, against shapely and against filled pixels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from strategies import lines, polygons, rings
from transform_strategies import SOME

from dlgeom.geometry import clipping, raster

windows = st.tuples(
    st.integers(-10, 20), st.integers(-10, 20), st.integers(1, 30), st.integers(1, 30)
).map(lambda w: (float(w[0]), float(w[1]), float(w[0] + w[2]), float(w[1] + w[3])))


@SOME
@given(polygons(), windows)
def test_valid_parts_are_cut_as_shapely_cuts(
    parts: list[list[np.ndarray]], window: tuple[float, float, float, float]
) -> None:
    left, share = clipping.clip_parts(parts, window)
    whole = shapely.MultiPolygon([(part[0], part[1:]) for part in parts])
    expected = shapely.intersection(whole, shapely.box(*window))
    found = [shapely.Polygon(part[0], part[1:]) for part in left]
    assert all(polygon.is_valid for polygon in found)
    assert np.isclose(sum(polygon.area for polygon in found), expected.area, atol=1e-9)
    assert np.isclose(share, expected.area / whole.area, atol=1e-12)
    assert shapely.union_all(found).symmetric_difference(expected).area < 1e-9
    for part in left:
        for ring in part:
            assert (ring >= window[:2]).all()
            assert (ring <= window[2:]).all()


@SOME
@given(rings(-4, 28), windows)
def test_any_ring_fills_the_same_pixels_inside(
    ring: np.ndarray, window: tuple[float, float, float, float]
) -> None:
    """On whole numbers the edges of a cut lie on those of pixels."""
    ring = np.round(ring)
    found = clipping.clip_ring(ring, window)
    if len(found):
        assert (found >= window[:2]).all()
        assert (found <= window[2:]).all()
    # Even-odd, at the middles of pixels that no edge comes near.
    rows, columns = np.indices((30, 30)) + 0.5
    inside = (columns > window[0]) & (columns < window[2]) & (rows > window[1]) & (rows < window[3])
    clear = _clear(ring, columns, rows)
    expected = _even_odd(ring, columns, rows) & inside
    got = _even_odd(found, columns, rows) if len(found) else np.zeros(rows.shape, bool)
    assert np.array_equal(got[clear & inside], expected[clear & inside])
    assert not got[~inside].any()


def _even_odd(ring: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = np.zeros(x.shape, dtype=bool)
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        spans = (a[1] > y) != (b[1] > y)
        with np.errstate(all="ignore"):
            crossing = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        found ^= spans & (x < crossing)
    return found


def _clear(ring: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    line = shapely.LineString(np.vstack((ring, ring[:1])))
    return np.asarray(shapely.distance(line, shapely.points(x, y)) > 1e-6)


@SOME
@given(rings(-4, 28), rings(-4, 28), windows)
def test_any_parts_fill_the_same_pixels_inside_and_are_valid(
    ring: np.ndarray, hole: np.ndarray, window: tuple[float, float, float, float]
) -> None:
    ring, hole = np.round(ring, 6), np.round(hole, 6)
    left, share = clipping.clip_parts([[ring, hole]], window)
    assert 0 <= share <= 1
    rows, columns = np.indices((30, 30)) + 0.5
    inside = (columns > window[0]) & (columns < window[2]) & (rows > window[1]) & (rows < window[3])
    expected = _even_odd(ring, columns, rows) ^ _even_odd(hole, columns, rows)
    got = np.zeros(rows.shape, dtype=bool)
    for part in left:
        for one in part:
            got ^= _even_odd(one, columns, rows)
    clear = _clear(ring, columns, rows) & _clear(hole, columns, rows)
    assert np.array_equal(got[clear], (expected & inside)[clear])


@SOME
@given(lines(), windows)
def test_lines_are_cut_as_shapely_cuts(
    line: np.ndarray, window: tuple[float, float, float, float]
) -> None:
    pieces, kept, whole = clipping.clip_line(line, window)
    box = shapely.box(*window)
    steps = [shapely.LineString(step) for step in pairwise(line)]
    expected = sum(step.intersection(box).length for step in steps)
    assert np.isclose(kept, expected, atol=1e-9)
    assert np.isclose(whole, sum(step.length for step in steps))
    found = sum(np.hypot(*np.diff(piece, axis=0).T).sum() for piece in pieces)
    assert np.isclose(found, expected, atol=1e-9)
    for piece in pieces:
        assert len(piece) >= 2
        assert (piece >= window[:2]).all()
        assert (piece <= window[2:]).all()
    inside = (line >= window[:2]).all() and (line <= window[2:]).all()
    if inside:
        assert len(pieces) == 1
        assert np.array_equal(pieces[0], line)


def test_a_bow_tie_is_cut_by_its_two_wings() -> None:
    bow = np.array([[0, 0], [10, 10], [10, 0], [0, 10.0]])
    left, share = clipping.clip_parts([[bow]], (0, 0, 5, 10))
    assert share == 0.5
    mask = raster.parts_to_mask(left, (10, 10))
    assert not mask[:, 6:].any()
    assert mask[5, 0]


def test_nothing_left_is_nothing() -> None:
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4.0]])
    assert clipping.clip_parts([[square]], (10, 10, 20, 20)) == ([], 0.0)
    assert clipping.clip_parts([[square]], (4, 0, 8, 4)) == ([], 0.0)
    assert clipping.clip_line(square, (10, 10, 20, 20))[:2] == ([], 0.0)
    assert len(clipping.clip_ring(square, (10, 10, 20, 20))) == 0
