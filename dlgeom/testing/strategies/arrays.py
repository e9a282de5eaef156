"""Strategies for many boxes, rotated boxes, ellipses... as the rows of one array."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlgeom.testing.strategies.numbers import HIGH, LOW, angles, coordinates, sides

__all__ = [
    "box_arrays",
    "cube_corners",
    "ellipse_arrays",
    "keypoint_arrays",
    "rotated_box_arrays",
]

Floats = NDArray[np.float64]


@st.composite
def box_arrays(
    draw: st.DrawFn,
    *,
    low: float = LOW,
    high: float = HIGH,
    max_rows: int = 5,
    grid: float | None = None,
) -> Floats:
    """Draw boxes left, top, right, bottom of shape (N, 4), N >= 1; thin and flat ones included."""
    values = coordinates(low, high, grid=grid)
    rows = draw(st.lists(st.tuples(values, values, values, values), min_size=1, max_size=max_rows))
    array = np.array(rows, dtype=np.float64)
    return np.hstack(
        (np.minimum(array[:, :2], array[:, 2:]), np.maximum(array[:, :2], array[:, 2:]))
    )


@st.composite
def rotated_box_arrays(draw: st.DrawFn, *, max_rows: int = 5) -> Floats:
    """Draw rotated boxes (cx, cy, w, h, angle in degrees) of shape (N, 5), sizes > 0."""
    middle, side = coordinates(), sides()
    rows = draw(
        st.lists(st.tuples(middle, middle, side, side, angles()), min_size=1, max_size=max_rows)
    )
    return np.array(rows, dtype=np.float64)


@st.composite
def ellipse_arrays(draw: st.DrawFn, *, max_rows: int = 5, flat: bool = True) -> Floats:
    """Draw ellipses (x, y, rx, ry, angle in degrees) of shape (N, 5), N >= 1.

    Circles, slivers and, if `flat`, ellipses without area included.
    """
    middle = coordinates()
    axis = st.integers(1, 30).map(float) | st.floats(0.0 if flat else 0.05, 60.0)
    if flat:
        axis = st.just(0.0) | axis
    rows = draw(
        st.lists(st.tuples(middle, middle, axis, axis, angles(2)), min_size=1, max_size=max_rows)
    )
    return np.array(rows, dtype=np.float64)


@st.composite
def keypoint_arrays(draw: st.DrawFn, *, max_rows: int = 5, points: int = 3) -> Floats:
    """Draw key points x, y, visibility of shape (N, points, 3), N >= 1."""
    row = st.tuples(coordinates(), coordinates(), st.sampled_from([0.0, 1.0, 2.0]))
    poses = st.lists(row, min_size=points, max_size=points)
    rows = draw(st.lists(poses, min_size=1, max_size=max_rows))
    return np.array(rows, dtype=np.float64).reshape(-1, points, 3)


@st.composite
def cube_corners(draw: st.DrawFn) -> Floats:
    """Draw the corners of a cube in the image, shape (8, 2): any eight points, flat ones too."""
    values = coordinates()
    points = np.array(draw(st.lists(st.tuples(values, values), min_size=8, max_size=8)))
    if draw(st.integers(0, 9)) == 0:
        points[:, 1] = 2 * points[:, 0]  # all on one line, exactly
    return points
