"""Rotated boxes, N at once: corners, extent, fitting.

A rotated box is (cx, cy, width, height, angle), float64 of shape (N, 5): centre and size in
pixels, angle in degrees clockwise on the screen (from +x towards +y) about the centre.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry.regions import check_near

__all__ = [
    "corners",
    "extent",
    "from_corners",
    "hull",
    "is_rectangle",
    "min_area_rectangle",
    "turns",
]

Floats = NDArray[np.float64]

BLOCK = 1 << 20  # products of edges and points looked at in one go


def turns(angles: Floats) -> tuple[Floats, Floats]:
    """Return cosine and sine of angles in degrees, exact at multiples of 90."""
    angles = np.fmod(angles, 360.0)  # exact, and small enough to count quarters
    quarters = np.round(angles / 90.0)
    rest = np.deg2rad(angles - quarters * 90.0)
    cos, sin = np.cos(rest), np.sin(rest)
    quarter = quarters.astype(np.int64) & 3
    cosine = np.choose(quarter, (cos, -sin, -cos, sin))
    sine = np.choose(quarter, (sin, cos, -sin, -cos))
    return cosine, sine


def corners(boxes: ArrayLike) -> Floats:
    """Return the corners of rotated boxes, shape (N, 4, 2).

    Those that are left-top, right-top, right-bottom, left-bottom before the rotation, in this
    order. Exact, as far as centre plus half size is, at multiples of 90 degrees.
    """
    values = np.asarray(boxes, dtype=np.float64).reshape(-1, 5)
    cosine, sine = turns(values[:, 4])
    half_w, half_h = values[:, 2] / 2, values[:, 3] / 2
    along = np.stack((half_w * cosine, half_w * sine), axis=1)[:, None, :]
    across = np.stack((-half_h * sine, half_h * cosine), axis=1)[:, None, :]
    sides = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    return values[:, None, :2] + (sides[:, :1] * along + sides[:, 1:] * across)


def from_corners(corners: ArrayLike) -> Floats:
    """Return the rotated boxes that fit corners of shape (N, 4, 2), shape (N, 5).

    The first edge, corner 0 to 1, is the width and gives the angle, in [-180, 180); opposite
    edges are averaged. Corners that run counter-clockwise on the screen give the same
    rectangle, whose `corners` come in the opposite order.
    """
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 2)
    center = ((points[:, 0] + points[:, 2]) / 2 + (points[:, 1] + points[:, 3]) / 2) / 2
    along = (points[:, 1] - points[:, 0] + (points[:, 2] - points[:, 3])) / 2
    across = (points[:, 3] - points[:, 0] + (points[:, 2] - points[:, 1])) / 2
    width = np.hypot(along[:, 0], along[:, 1])
    height = np.hypot(across[:, 0], across[:, 1])
    # A box without width takes its direction from the height, a quarter turn further on.
    flat = (width == 0) & (height > 0)
    way = np.where(flat[:, None], np.stack((across[:, 1], -across[:, 0]), axis=1), along)
    angle = np.degrees(np.arctan2(way[:, 1], way[:, 0])) + 0.0
    angle[angle >= 180.0] -= 360.0
    return np.column_stack((center, width, height, angle))


def is_rectangle(corners: ArrayLike, atol: float = 1e-6) -> NDArray[np.bool_]:
    """Tell which corners of shape (N, 4, 2) make a rectangle, in either winding.

    Parameters
    ----------
    corners : array_like of float, shape (N, 4, 2)
        Four corners in order around the outline.
    atol : float, default 1e-6
        Largest distance in pixels, along x or y, of a corner from the fitted rectangle's.
    """
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 2)
    fitted = _corners(from_corners(points))
    forward = np.abs(fitted - points).max(axis=(1, 2), initial=0.0)
    backward = np.abs(fitted[:, ::-1] - points).max(axis=(1, 2), initial=0.0)
    return np.asarray(np.minimum(forward, backward) <= atol)


_corners = corners  # `corners` is the name of a parameter above


def extent(boxes: ArrayLike) -> Floats:
    """Return left, top, right, bottom of rotated boxes, shape (N, 4), in pixels."""
    points = corners(boxes)
    return np.hstack((points.min(axis=1), points.max(axis=1)))


def min_area_rectangle(points: ArrayLike) -> Floats:
    """Return the rotated box of the smallest area that holds points, shape (5,).

    One side of it lies on an edge of the convex hull, so each edge is tried (Freeman and
    Shapira, 1975). The angle is in [-45, 45); of equal areas the most upright is taken. Points
    on one line give a box of no width or height.

    Parameters
    ----------
    points : array_like of float, shape (n, 2)
        At least one point.

    Raises
    ------
    GeometryError
        If there are no points or one is not finite.
    """
    values = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if not len(values) or not np.isfinite(values).all():
        raise GeometryError(
            f"{len(values)} points have no rotated box; give at least one point, all finite"
        )
    check_near(values)
    origin = values[0]
    around = hull(values - origin)
    edges = np.roll(around, -1, axis=0) - around
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    some = lengths > 0
    if not some.any():
        return np.array([*origin, 0.0, 0.0, 0.0])
    ways = edges[some] / lengths[some, None]
    areas, spans = [], []
    step = max(1, BLOCK // len(around))
    for first in range(0, len(ways), step):
        span = _spans(around, ways[first : first + step])
        spans.append(span)
        areas.append((span[:, 2] - span[:, 0]) * (span[:, 3] - span[:, 1]))
    area = np.concatenate(areas)
    angles = np.degrees(np.arctan2(ways[:, 1], ways[:, 0]))
    quarters = np.floor((angles + 45.0) / 90.0)
    upright = angles - 90.0 * quarters
    smallest = area.min()
    equal = np.flatnonzero(area <= smallest * (1 + 1e-12))
    best = int(equal[np.abs(upright[equal]).argmin()])
    low_a, low_b, high_a, high_b = np.concatenate(spans)[best].tolist()
    way = ways[best]
    normal = np.array([-way[1], way[0]])
    center = origin + way * ((low_a + high_a) / 2) + normal * ((low_b + high_b) / 2)
    size = [high_a - low_a, high_b - low_b]
    if int(quarters[best]) % 2:
        size.reverse()
    return np.array([*center, *size, upright[best]])


def _spans(points: Floats, ways: Floats) -> Floats:
    """Return least and greatest reach of points along and across each unit vector, (E, 4)."""
    along = ways @ points.T
    across = np.column_stack((-ways[:, 1], ways[:, 0])) @ points.T
    return np.column_stack(
        (along.min(axis=1), across.min(axis=1), along.max(axis=1), across.max(axis=1))
    )


def hull(points: Floats) -> Floats:
    """Return the vertices of the convex hull, the first not repeated.

    Its two ends if all points lie on one line, one vertex if all are one.

    Raises
    ------
    GeometryError
        If a coordinate is too large for products of coordinates.
    """
    import shapely

    check_near(points)
    # A line has the same hull and is no object for each point: ten times faster.
    line = shapely.linestrings(points) if len(points) > 1 else shapely.multipoints(points)
    shape = shapely.convex_hull(line)
    vertices = np.asarray(shapely.get_coordinates(shape), dtype=np.float64)
    return vertices[:-1] if shape.geom_type == "Polygon" else vertices
