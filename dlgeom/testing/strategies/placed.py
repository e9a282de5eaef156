"""Strategies for the outlines of valid polygons that lie in an image."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlgeom.errors import UsageError
from dlgeom.testing.strategies.knobs import Space
from dlgeom.testing.strategies.numbers import steps
from dlgeom.testing.strategies.vertices import Parts, _nested, holed, simple_rings

__all__ = ["valid_outlines"]

# Directions clockwise on screen; no two neighbours of a choice are 180 degrees apart or more.
NEAR = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
FAR = (
    *((1, 0), (2, 1), (1, 1), (1, 2), (0, 1), (-1, 2), (-1, 1), (-2, 1)),
    *((-1, 0), (-2, -1), (-1, -1), (-1, -2), (0, -1), (1, -2), (1, -1), (2, -1)),
)
Cell = tuple[float, float, float, float]


def valid_outlines(
    space: Space, *, max_parts: int = 3, holes: bool | None = None, max_points: int = 8
) -> st.SearchStrategy[Parts]:
    """Draw parts [exterior, hole, ...] in a space that do not touch: shapely calls them valid.

    Each part lies in a cell of its own, and is star-shaped about a point of it. A hole lies
    strictly inside, an island strictly inside of that.

    Raises
    ------
    UsageError
        If the grid is too coarse for what is asked for.
    """
    if space.grid is None:
        return _free(space, max_parts, holes, max_points)
    a, b = steps(space.grid)
    # In steps of the grid from here on, so that all of it is exact.
    ends = [Fraction(v) * b / a for v in (space.left, space.top, space.right, space.bottom)]
    left, top = (-(-v.numerator // v.denominator) for v in ends[:2])
    right, bottom = (v.numerator // v.denominator for v in ends[2:])
    least = 4 if holes else 1
    if right - left < least or bottom - top < least:
        raise UsageError(
            f"a valid polygon {'with a hole ' if holes else ''}needs {least} steps of the grid "
            f"each way; {right - left} x {bottom - top} fit in the image. Take a finer grid"
        )
    edges = (left, top, right, bottom)
    return _gridded(edges, (a, b), max_parts, holes, max_points)


@st.composite
def _free(
    draw: st.DrawFn, space: Space, max_parts: int, holes: bool | None, max_points: int
) -> Parts:
    """Draw parts with any coordinates."""
    count = draw(st.integers(1, max_parts))
    across = draw(st.integers(1, count))
    down = -(-count // across)
    width, height = (space.right - space.left) / across, (space.bottom - space.top) / down
    parts: Parts = []
    for place in range(count):
        row, column = divmod(place, across)
        center = np.array([space.left + (column + 0.5) * width, space.top + (row + 0.5) * height])
        ring = simple_rings(
            center=(center[0], center[1]),
            radius=(0.45 * width, 0.45 * height),
            max_points=max_points,
        )
        parts += _nested(draw, [draw(ring)], center, holed(draw, holes, first=not parts))
    return parts


@st.composite
def _gridded(
    draw: st.DrawFn,
    edges: tuple[int, int, int, int],
    step: tuple[int, int],
    max_parts: int,
    holes: bool | None,
    max_points: int,
) -> Parts:
    """Draw parts whose coordinates are whole numbers of steps."""
    left, top, right, bottom = edges
    least = 6 if holes else 2
    across = draw(st.integers(1, max(1, min(max_parts, (right - left) // least))))
    down = max(1, min(max_parts // across, (bottom - top) // least))
    count = draw(st.integers(1, min(max_parts, across * down)))
    parts: list[list[NDArray[np.int64]]] = []
    for place in range(count):
        row, column = divmod(place, across)
        x0, x1 = _share(left, right, column, across)
        y0, y1 = _share(top, bottom, row, down)
        levels = 1 + holed(draw, holes, first=not parts)
        levels += levels == 2 and draw(st.booleans())
        nest = _star(draw, (x0, y0, x1, y1), levels, max_points)
        parts += [nest[:2], *([nest[2:]] if len(nest) > 2 else [])]
    a, b = step
    return [[ring * a / b for ring in part] for part in parts]


def _share(low: int, high: int, index: int, count: int) -> tuple[int, int]:
    """Return the part `index` of a range, one step apart from the next."""
    first = low + (high - low) * index // count
    last = low + (high - low) * (index + 1) // count
    return first, last - (index + 1 < count)


def _star(
    draw: st.DrawFn, cell: tuple[int, int, int, int], levels: int, max_points: int
) -> list[NDArray[np.int64]]:
    """Return a ring in a cell and those nested in it, as far as there is room for them.

    Vertex i lies at m_i times a direction from the centre. The triangle of two neighbours and
    the centre grows with either multiple, so that smaller multiples give a ring strictly inside.
    """
    x0, y0, x1, y1 = cell
    room = min((x1 - x0) // 2, (y1 - y0) // 2)
    if room < 1:
        ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        return [ring[:3] if draw(st.booleans()) else ring]
    center = np.array([(x0 + x1) // 2, (y0 + y1) // 2])
    levels = min(levels, room)
    ways = FAR if room >= 2 * levels else NEAR
    count = draw(st.integers(3, min(len(ways), max_points)))
    turn = draw(st.integers(0, len(ways) - 1))
    chosen = np.array([ways[(turn + k * len(ways) // count) % len(ways)] for k in range(count)])
    half = np.array([(x1 - x0) // 2, (y1 - y0) // 2])
    # How often a direction fits into the half of the cell, along x and y.
    most = np.min(np.where(chosen == 0, half.max(), half // np.maximum(abs(chosen), 1)), axis=1)
    times = np.array([draw(st.integers(levels, int(m))) for m in most])
    nest = [times]
    for below in range(levels - 1, 0, -1):
        part = draw(st.sampled_from([0.25, 0.5, 0.75]))
        nest.append(np.maximum(below, np.minimum((nest[-1] * part).astype(int), nest[-1] - 1)))
    backwards = draw(st.booleans())
    rings = [chosen * each[:, None] + center for each in nest]
    return [np.ascontiguousarray(ring[::-1]) if backwards else ring for ring in rings]
