"""Polygons by what they cover: validity, repair, set operations, containment, other vertices.

The methods of `Polygon` lead here. What a polygon covers is what its mask shows: the OR over its
parts of (exterior XOR holes), rings filled even-odd. Results are valid, exteriors clockwise on
screen, largest part first, with the label, attributes and description of the first polygon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.conversions.shapes import check_definition, hull_points, to_polygon
from dlgeom.definitions import Box, Definition, Point, Polygon, Polyline, Pose
from dlgeom.definitions.base import float_array, number
from dlgeom.errors import GeometryError
from dlgeom.geometry import regions, resampling, rings, rotated
from dlgeom.geometry.validity import Validity, check

__all__ = [
    "buffer",
    "clip",
    "combine",
    "contains",
    "covers",
    "orient",
    "repair",
    "resample",
    "rotated_box",
    "union",
    "validity",
]

Floats = NDArray[np.float64]
Parts = Sequence[Sequence[Floats]]


def like(polygon: Polygon, parts: Parts) -> Polygon:
    """Return another outline with the label, attributes and description of a polygon."""
    return Polygon.from_parts(parts, polygon.label, polygon.attributes, polygon.description)


def _or_none(polygon: Polygon, parts: Parts) -> Polygon | None:
    return like(polygon, parts) if parts else None


def validity(polygon: Polygon) -> Validity:
    """Return whether a polygon is valid and, if not, why and where."""
    return check(polygon.parts)


def repair(polygon: Polygon) -> Polygon:
    """Return a valid polygon that covers the same; the same object if it is valid.

    The area kept is that of the fill rule: what a ring goes around twice stays outside, parts
    that overlap become one, lines without area go away.

    Raises
    ------
    GeometryError
        If nothing with an area is left, or coordinates are too large to tell.
    """
    if regions.is_valid(polygon.parts):
        return polygon
    parts = regions.parts_of(regions.region(polygon.parts))
    if not parts:
        raise GeometryError(
            "the polygon covers nothing: its rings have no area or cancel out. Leave it out"
        )
    return like(polygon, parts)


def orient(polygon: Polygon, *, clockwise: bool = True) -> Polygon:
    """Return a polygon whose exteriors run clockwise on screen, or not, and holes the other way.

    The first vertex of each ring stays; rings whose signed area is 0 stay as they are.
    """
    return like(polygon, rings.turned(polygon.parts, clockwise=clockwise))


def combine(polygon: Polygon, other: Definition, operation: str) -> Polygon | None:
    """Return the intersection, difference, symmetric_difference or union with another shape.

    None if nothing with an area is left.

    Raises
    ------
    GeometryError
        If the other shape has no area, as `to_polygon` says, or coordinates are too large.
    """
    check_definition(other, f"Polygon.{operation}")
    return _or_none(polygon, regions.combine(polygon.parts, to_polygon(other).parts, operation))


def union(polygon: Polygon, other: Definition) -> Polygon:
    """Return what a polygon or another shape covers; an error if that is nothing."""
    found = combine(polygon, other, "union")
    if found is None:
        raise GeometryError("both polygons cover nothing: their rings have no area")
    return found


def clip(polygon: Polygon, box: Box | ArrayLike) -> Polygon | None:
    """Return what of a polygon lies in a box, given as `Box` or left, top, right, bottom.

    The same object if all of it does, None if nothing does.
    """
    if not isinstance(box, Box):
        edges = float_array(box, "clip: box", "it is left, top, right, bottom")
        if edges.shape != (4,):
            raise GeometryError(f"clip: box has shape {edges.shape}; it has 4 edges, or is a Box")
        box = Box(*edges.tolist())
    if box.is_rotated:
        return combine(polygon, box, "intersection")
    left, top, right, bottom = polygon.bounds
    if box.left <= left and right <= box.right and box.top <= top and bottom <= box.bottom:
        return polygon
    return _or_none(polygon, regions.clip(polygon.parts, *box.bounds))


def contains(polygon: Polygon, other: Definition | ArrayLike) -> Any:
    """Tell whether points or a shape lie inside of a polygon; points on the outline do not."""
    return _inside(polygon, other, boundary=False)


def covers(polygon: Polygon, other: Definition | ArrayLike) -> Any:
    """Tell whether points or a shape lie inside of a polygon or on its outline."""
    return _inside(polygon, other, boundary=True)


def _inside(polygon: Polygon, other: Definition | ArrayLike, *, boundary: bool) -> Any:
    if isinstance(other, Definition):
        return _shape_inside(polygon, other, boundary=boundary)
    if hasattr(other, "annotation_definition"):
        check_definition(other, "Polygon.covers" if boundary else "Polygon.contains")
    points = float_array(other, "points", "they are x, y or [[x, y], ...] in pixels")
    if points.shape != (2,) and (points.ndim != 2 or points.shape[1] != 2):
        raise GeometryError(f"points have shape {points.shape}; it is (2,) or (N, 2)")
    found = regions.covers_points(polygon.parts, points, boundary=boundary)
    return bool(found[0]) if points.ndim == 1 else found


def _shape_inside(polygon: Polygon, other: Definition, *, boundary: bool) -> bool:
    if isinstance(other, Point | Pose):
        points = hull_points(other)
        found = regions.covers_points(polygon.parts, points, boundary=True)
        inner = regions.covers_points(polygon.parts, points, boundary=False)
        # Some point has to lie inside, the others may lie on the outline (DE-9IM).
        return bool(len(points) and found.all() and (boundary or inner.any()))
    if isinstance(other, Polyline):
        return regions.covers_lines(polygon.parts, other.lines, boundary=boundary)
    return regions.covers_region(polygon.parts, to_polygon(other).parts)


def resample(polygon: Polygon, count: int, *, keep_corners: bool = False) -> Polygon:
    """Return a polygon with `count` vertices in all, equally spaced along each ring."""
    return like(polygon, resampling.resample(polygon.parts, count, keep_corners=keep_corners))


def buffer(polygon: Polygon, distance: float) -> Polygon | None:
    """Return a polygon grown by a distance in pixels with round corners; negative shrinks it."""
    return _or_none(polygon, regions.grown(polygon.parts, number(distance, "distance")))


def rotated_box(polygon: Polygon) -> Box:
    """Return the rotated box of the smallest area around a polygon."""
    found = rotated.min_area_rectangle(hull_points(polygon))
    return Box.from_rotated(found, polygon.label, polygon.attributes, polygon.description)
