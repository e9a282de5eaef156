"""Set operations of regions that keep what GEOS may lose.

GEOS (3.14) may lose a piece, or count one twice, where edges of two shapes are all but the same, as
those of rotated boxes side by side, or of shapes that were cut and are joined again. On a fine grid
it does not. A grid moves vertices a little, so here its result counts only where the two differ.

Shapes are valid shapely polygons or multipolygons. What shapely raises is raised here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GRID", "TOUCH", "overlay", "reach", "touches", "union_all"]

Floats = NDArray[np.float64]

GRID, TOUCH = 2.0**-46, 2.0**-34
"""Spacing of the grid, and distance of touching, over the coordinates."""

SAME = 1e-9
"""Difference of the areas of both results, over those of the operands, that rounding may make."""


def reach(*bounds: Floats) -> Floats:
    """Return a power of two that no coordinate of bounds (N, 4) is beyond, shape (N,)."""
    largest = np.max([np.abs(edges).max(axis=-1, initial=0.0) for edges in bounds], axis=0)
    return np.asarray(2.0 ** np.frexp(largest)[1])


def touches(
    edges: tuple[Any, Any], points: tuple[Any, Any], near: float | Floats
) -> NDArray[np.bool_]:
    """Return which pairs have a vertex of one on, or all but on, an edge of the other.

    Parameters
    ----------
    edges, points : tuple of two geometries, or of two ndarray of N of them
        Boundaries of both sides, and their vertices.
    near : float or ndarray of float64, shape (N,)
        Distance in pixels that is all but on the edge.
    """
    import shapely

    one = shapely.dwithin(edges[0], points[1], near)
    return np.asarray(one | shapely.dwithin(edges[1], points[0], near))


def overlay(one: Any, two: Any, operation: str) -> Any:
    """Return the union, intersection, difference or symmetric_difference of two shapes.

    Parameters
    ----------
    one, two : shapely geometry
        Valid polygons or multipolygons, empty ones too.
    operation : str
        Name of the function of shapely.
    """
    import shapely

    function = getattr(shapely, operation)
    with np.errstate(all="ignore"):  # GEOS leaves the processor's flags set
        found = function(one, two)
        if one.is_empty or two.is_empty:
            return found
        size = float(reach(*(np.array(shape.bounds) for shape in (one, two))))
        edges, points = (
            (make(one), make(two)) for make in (shapely.boundary, shapely.extract_unique_points)
        )
        shapely.prepare(edges)
        if not touches(edges, points, size * TOUCH):
            return found
        return _trusted(found, function(one, two, grid_size=size * GRID), (one, two))


def union_all(shapes: Sequence[Any]) -> Any:
    """Return the union of any number of shapes."""
    import shapely

    with np.errstate(all="ignore"):
        found = shapely.union_all(shapes)
        # Lines and points, to which thin shapes shrink, have nothing to lose.
        some = [shape for shape in shapes if shape.area > 0]
        if len(some) < 2:
            return found
        size = float(reach(shapely.bounds(some)).max())
        return _trusted(found, shapely.union_all(some, grid_size=size * GRID), some)


def _trusted(found: Any, snapped: Any, operands: Sequence[Any]) -> Any:
    """Return what was found as it is, if it covers as much as the result on the grid."""
    whole = sum(shape.area for shape in operands)
    return found if abs(found.area - snapped.area) <= SAME * whole else snapped
