"""Strategies for rings, lines and outlines as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlgeom.testing.strategies.knobs import Space
from dlgeom.testing.strategies.numbers import HIGH, LOW, coordinates

__all__ = ["flat_rings", "lines", "outlines", "rings", "simple_rings"]

Floats = NDArray[np.float64]
Parts = list[list[Floats]]


@st.composite
def rings(
    draw: st.DrawFn,
    low: float = LOW,
    high: float = HIGH,
    *,
    min_points: int = 3,
    max_points: int = 12,
    space: Space | None = None,
) -> Floats:
    """Draw any ring (n, 2): may cross itself, leave the image, repeat points or be flat.

    Parameters
    ----------
    low, high : float
        Range of both coordinates, in pixels.
    min_points, max_points : int
        How many vertices, before one may be repeated and the ring may be closed.
    space : Space, optional
        In place of `low` and `high`.
    """
    if space is None:
        values = coordinates(low, high)
        point = st.tuples(values, values)
    else:
        point = space.point
    points = draw(st.lists(point, min_size=min_points, max_size=max_points))
    how = draw(st.integers(0, 3))
    if how & 1:
        where = draw(st.integers(0, len(points) - 1))
        points.insert(where, points[where])
    if how & 2:
        points.append(points[0])
    return np.array(points, dtype=np.float64)


@st.composite
def flat_rings(draw: st.DrawFn, space: Space, *, max_points: int = 8) -> Floats:
    """Draw a ring (n, 2), three vertices or more, that lies on one line exactly."""
    start, end = draw(space.point), draw(space.point)
    how = draw(st.sampled_from(["row", "column", "back"]))
    if how == "back":
        points = [start, end, *([start, end] * draw(st.integers(0, 2))), end]
    else:
        along = space.x if how == "row" else space.y
        values = draw(st.lists(along, min_size=3, max_size=max_points))
        points = [(v, start[1]) if how == "row" else (start[0], v) for v in values]
    return np.array(points, dtype=np.float64)


@st.composite
def simple_rings(
    draw: st.DrawFn,
    *,
    center: tuple[float, float] = (12.0, 12.0),
    radius: float | tuple[float, float] = 12.0,
    max_points: int = 12,
) -> Floats:
    """Draw a ring (n, 2) that is star-shaped about `center`: simple, with area, either winding.

    Parameters
    ----------
    center : tuple of float
        x, y in pixels; inside of the ring.
    radius : float or tuple of float
        Farthest vertex in pixels, along x and y; the nearest is at 0.3 of it.
    max_points : int
        Most vertices.
    """
    count = draw(st.integers(3, max_points))
    # No gap between neighbouring angles reaches 180 degrees, so the centre stays inside.
    turn = draw(st.integers(0, 359))
    angles = np.deg2rad(turn + np.arange(count) * (360.0 / count))
    reach = st.floats(0.3, 1.0, allow_nan=False)
    radii = np.array(draw(st.lists(reach, min_size=count, max_size=count)))
    ring = np.column_stack((np.cos(angles), np.sin(angles))) * radii[:, None]
    ring = ring * np.asarray(radius) + center
    return np.ascontiguousarray(ring[::-1]) if draw(st.booleans()) else ring


@st.composite
def outlines(
    draw: st.DrawFn, *, max_parts: int = 3, cell: float = 24.0, holes: bool | None = None
) -> Parts:
    """Draw parts [exterior, hole, ...] that do not touch: valid shapely multipolygons.

    Parts lie in cells of `cell` pixels side by side, all within [0, 4 * cell). A hole is its
    exterior drawn smaller about its centre; an island in that hole comes as one more part.

    Parameters
    ----------
    max_parts : int
        Most parts, islands not counted.
    cell : float
        Width and height of a cell in pixels.
    holes : bool or None, default None
        Whether there is a hole: always, never, or both.
    """
    count = draw(st.integers(1, max_parts))
    cells = draw(st.permutations(range(max(4, max_parts))))[:count]
    parts: Parts = []
    for place in cells:
        center = np.array([place * cell + cell / 2, cell / 2])
        exterior = draw(
            simple_rings(center=(center[0], center[1]), radius=0.45 * cell, max_points=8)
        )
        parts += _nested(draw, [exterior], center, holed(draw, holes, first=not parts))
    return parts


def holed(draw: st.DrawFn, holes: bool | None, *, first: bool) -> bool:
    """Draw whether a part has a hole; where all must have one, the first has it."""
    if holes is None:
        return draw(st.booleans())
    return holes and (first or draw(st.booleans()))


def _nested(draw: st.DrawFn, part: list[Floats], center: Any, hole: bool) -> Parts:
    """Return the part, maybe with a hole and an island in it."""
    parts = [part]
    if hole:
        exterior = part[0]
        part.append((exterior - center) * draw(st.sampled_from([0.25, 0.5, 0.75])) + center)
        if draw(st.booleans()):
            parts.append([(exterior - center) * 0.125 + center])
    return parts


@st.composite
def lines(draw: st.DrawFn, *, max_points: int = 6, space: Space | None = None) -> Floats:
    """Draw an open line (n, 2), n >= 2: may cross itself, close, stand still or go back."""
    point = Space().point if space is None else space.point
    points = draw(st.lists(point, min_size=2, max_size=max_points))
    how = draw(st.sampled_from(["", "repeat", "close", "still", "back"]))
    if how == "repeat":
        points.append(points[-1])
    elif how == "close":
        points.append(points[0])
    elif how == "still":
        points = points[:1] * 2
    elif how == "back":
        points += points[::-1]
    return np.array(points, dtype=np.float64)
