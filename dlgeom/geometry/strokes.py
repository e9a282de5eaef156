"""Thick lines: the outline of all points within a distance of a line.

A line is float64 of shape (n, 2), x then y, in pixels. A line of one vertex is a disc. Ends and
corners are round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import ellipses, overlay
from dlgeom.geometry.regions import check_near

__all__ = ["outline"]

Floats = NDArray[np.float64]


def outline(
    lines: Sequence[Floats], radius: float, *, distance: float = ellipses.DISTANCE
) -> list[list[Floats]]:
    """Return the outline of all points within `radius` of lines, as parts of rings.

    Parameters
    ----------
    lines : sequence of ndarray of float64, shape (n, 2)
        At least one line, each of at least one vertex.
    radius : float
        Half the thickness in pixels, greater than 0.
    distance : float, default 0.05
        Largest distance in pixels between the outline and the true one, greater than 0.

    Returns
    -------
    list of list of ndarray of float64, shape (m, 2)
        Parts; each is its exterior and then its holes (a closed line has one).

    Raises
    ------
    GeometryError
        If there is no line, the radius is not greater than 0 and finite, or it is too large for
        the distance or too small beside the coordinates.

    Notes
    -----
    Each piece of a line, swept by a regular polygon that stands for the disc, is the convex hull
    of two such polygons; the outline is that of the union of all pieces. It lies inside the true
    one and leaves it by no more than the polygon leaves the disc. (GEOS's own buffer simplifies
    lines by up to 1 % of the radius, which no fixed bound holds.)
    """
    import shapely

    if not 0 < radius < np.inf:
        raise GeometryError(f"the radius is {radius}; it is greater than 0, in pixels")
    if not lines:
        raise GeometryError("there is no line to give a thickness; give at least one")
    for line in lines:
        check_near(line)
    check_near(np.array([radius]))
    disc = ellipses.outline(np.array([0.0, 0.0, radius, radius, 0.0]), distance=distance)
    pieces = [piece for line in lines for piece in _pieces(line)]
    swept = [
        np.concatenate([start + disc, end + disc]) if (start != end).any() else start + disc
        for start, end in pieces
    ]
    hulls = [shapely.convex_hull(shapely.multipoints(points)) for points in swept]
    found = _parts(hulls[0] if len(hulls) == 1 else overlay.union_all(hulls))
    if not found:
        raise GeometryError(
            f"a radius of {radius:g} vanishes beside the coordinates. Give a greater one"
        )
    return found


def _pieces(line: Floats) -> list[tuple[Floats, Floats]]:
    """Return the straight pieces of a line; pieces without length only where there is no other."""
    if len(line) == 1:
        return [(line[0], line[0])]
    moved = (line[1:] != line[:-1]).any(axis=1)
    if not moved.any():
        return [(line[0], line[0])]
    return [(line[k], line[k + 1]) for k in np.flatnonzero(moved).tolist()]


def _parts(shape: Any) -> list[list[Floats]]:
    # Where the radius is lost in rounding there are points and lines.
    shapes = shape.geoms if hasattr(shape, "geoms") else [shape]
    shapes = [one for one in shapes if one.geom_type == "Polygon" and not one.is_empty]
    return [
        [
            np.ascontiguousarray(np.asarray(ring.coords, dtype=np.float64)[:-1, :2])
            for ring in (one.exterior, *one.interiors)
        ]
        for one in shapes
    ]
