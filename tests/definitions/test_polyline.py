"""Polylines."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from strategies import lines

from dlgeom.definitions import Polyline
from dlgeom.errors import GeometryError


@given(st.lists(lines(), min_size=1, max_size=3))
def test_lines_come_back_as_given(given_lines: list[np.ndarray]) -> None:
    polyline = Polyline(given_lines, "x")
    assert len(polyline.lines) == len(given_lines)
    assert all(map(np.array_equal, polyline.lines, given_lines))
    assert Polyline(polyline.lines, "x") == polyline
    assert Polyline(polyline.geo, "x") == polyline
    expected = shapely.MultiLineString([line.tolist() for line in given_lines])
    assert polyline.length == pytest.approx(expected.length)
    assert polyline.bounds == expected.bounds
    assert len(polyline.x) == len(polyline.y) == sum(map(len, given_lines))
    assert polyline.area == 0


@given(lines())
def test_one_line_is_the_same_alone_and_in_a_list(line: np.ndarray) -> None:
    alone = Polyline(line, "x")
    for geo in ([line], line[None], line.tolist(), [line.tolist()], tuple(map(tuple, line))):
        assert Polyline(geo, "x") == alone
        assert hash(Polyline(geo, "x")) == hash(alone)
    assert isinstance(alone.geo, np.ndarray)
    assert not alone.geo.flags.writeable
    assert np.array_equal(alone.geo, line)


def test_a_closed_line_stays_closed() -> None:
    ring = [[0, 0], [4, 0], [4, 4], [0, 0]]
    assert Polyline(ring, "x").geo.tolist() == ring


def test_lines_are_a_copy() -> None:
    line = np.array([[0.0, 0], [1, 1]])
    polyline = Polyline(line, "x")
    line[0] = 9
    assert polyline.left == 0


def test_where_lines_break_counts() -> None:
    points = [[0, 0], [1, 1], [2, 2], [3, 3]]
    one, two = Polyline(points, "x"), Polyline([points[:2], points[2:]], "x")
    assert one != two
    assert not one.is_close(two, atol=9)
    assert Polyline([points[:2], points[1:]], "x") != Polyline([points[:3], points[2:]], "x")
    assert two.is_close(Polyline([points[:2], np.add(points[2:], 0.5)], "x"), atol=0.5)
    assert not two.is_close(Polyline([points[:2], np.add(points[2:], 0.5)], "x"), atol=0.4)


def test_negative_zero_is_zero() -> None:
    one, other = Polyline([[-0.0, 0], [1, 1]], "x"), Polyline([[0, -0.0], [1, 1]], "x")
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    ("geo", "message"),
    [
        ([], "no line"),
        ([[1, 2]], "line 0 has 1 vertices; a line has at least two"),
        ([[[1, 2], [3, 4]], [[5, 6]]], "line 1 has 1 vertices"),
        ([[1, 2], [3, np.nan]], "vertex 1"),
        ([[1, 2], [np.inf, 3]], "finite"),
        ([[1, 2, 3], [4, 5, 6]], "shape"),
        (np.zeros((2, 2, 2, 2)), "shape"),
        (np.zeros(4), "shape"),
        ([[]], "shape"),
        (7, "one line"),
        ({"x": 1}, "no array of numbers"),
        ([{"x": 1, "y": 2}, {"x": 1, "y": 2}], "one line"),
        ("ab", "Polyline"),
        ([[1, 2], [3]], "no array of numbers"),
        ([["a", "b"], ["c", "d"]], "no array of numbers"),
    ],
)
def test_what_is_no_line_is_refused(geo: object, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Polyline(geo, "x")  # type: ignore[arg-type]
