"""Resampling: other vertices on the same rings."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from outline_strategies import any_outlines, some, valid_outlines

from dlgeom.errors import GeometryError
from dlgeom.geometry import resampling

Parts = list[list[np.ndarray]]


def flat(parts: Parts) -> list[np.ndarray]:
    return [ring for part in parts for ring in part]


def ends(ring: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.hypot(*(np.roll(ring, -1, axis=0) - ring).T))])


@some
@given(any_outlines(), st.integers(0, 40))
def test_vertices_are_equally_spaced_and_start_where_they_did(parts: Parts, extra: int) -> None:
    rings = flat(parts)
    count = 3 * len(rings) + extra
    found = resampling.resample(parts, count)
    assert [len(part) for part in found] == [len(part) for part in parts]
    assert sum(map(len, flat(found))) == count
    for ring, new in zip(rings, flat(found), strict=True):
        assert len(new) >= 3
        assert np.array_equal(new[0], ring[0])
        # Interpolated along the closed ring by an independent routine.
        line = shapely.LineString(np.vstack((ring, ring[:1])))
        steps = np.arange(len(new)) * (line.length / len(new))
        expected = shapely.get_coordinates(shapely.line_interpolate_point(line, steps))
        assert np.allclose(new, expected, atol=1e-9)


@some
@given(any_outlines(max_parts=3), st.integers(0, 60))
def test_the_largest_step_is_as_small_as_it_can_be(parts: Parts, extra: int) -> None:
    rings = flat(parts)
    found = flat(resampling.resample(parts, 3 * len(rings) + extra))
    lengths = [ends(ring)[-1] for ring in rings]
    steps = [length / len(new) for length, new in zip(lengths, found, strict=True)]
    worst = int(np.argmax(steps))
    # Taking one from any other ring would make a step at least as large.
    for k, (length, new) in enumerate(zip(lengths, found, strict=True)):
        if k != worst and len(new) > 3:
            assert length / (len(new) - 1) >= steps[worst] - 1e-9


@some
@given(valid_outlines(), st.integers(0, 30))
def test_corners_stay(parts: Parts, extra: int) -> None:
    corners = [ring[resampling.corners(ring)] for ring in flat(parts)]
    least = sum(max(3, len(some)) for some in corners)
    found = resampling.resample(parts, least + extra, keep_corners=True)
    assert sum(map(len, flat(found))) == least + extra
    for ring, some, new in zip(flat(parts), corners, flat(found), strict=True):
        places = {tuple(point) for point in new.tolist()}
        assert all(tuple(corner) in places for corner in some.tolist())
        assert np.array_equal(new[0], ring[0])
        one, other = shapely.Polygon(ring), shapely.Polygon(new)
        assert one.boundary.hausdorff_distance(other.boundary) < 1e-6
        assert other.area == pytest.approx(one.area, abs=1e-6)


@some
@given(any_outlines(), st.integers(0, 30))
def test_inserting_keeps_each_vertex(parts: Parts, extra: int) -> None:
    count = sum(map(len, flat(parts))) + extra
    found = resampling.insert(parts, count)
    assert sum(map(len, flat(found))) == count
    for ring, new in zip(flat(parts), flat(found), strict=True):
        places = iter(map(tuple, new.tolist()))
        assert all(tuple(vertex) in places for vertex in ring.tolist())  # in order


def test_corners_are_where_the_outline_turns() -> None:
    ring = np.array([[0.0, 0], [2, 0], [4, 0], [4, 0], [4, 4], [2, 4], [3, 4], [0, 4], [0, 1]])
    # 1: a straight run, 3: repeated, 5 and 6: the line goes back and forth.
    assert resampling.corners(ring).tolist() == [0, 2, 4, 5, 6, 7]
    assert resampling.corners(np.zeros((4, 2))).tolist() == [0]


@pytest.mark.parametrize("count", [2, -1, 2.5, True, None, "5", 10**9])
def test_bad_counts_are_refused(count: object) -> None:
    square = [[np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])]]
    with pytest.raises(GeometryError, match="number of vertices"):
        resampling.resample(square, count)  # type: ignore[arg-type]


def test_too_few_for_the_corners_is_refused() -> None:
    square = [[np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])]]
    with pytest.raises(GeometryError, match="fewer than the 4 corners"):
        resampling.resample(square, 3, keep_corners=True)
    line = [[np.array([[0.0, 0], [4, 0], [8, 0]])] * 2]
    with pytest.raises(GeometryError, match="6 or more"):
        resampling.resample(line, 5)
