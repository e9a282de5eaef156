"""What an affine map makes of each kind of definition.

Points, lines, polygons, ellipses and the corners of cubes go where the map takes them, within
the rounding of float64. Boxes stay boxes where they stay rectangles. Masks are read at the middle
of each new pixel. What has no place in the image stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlgeom.definitions import (
    Box,
    Cube,
    Definition,
    Ellipse,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.definitions.base import read_only
from dlgeom.errors import UsageError
from dlgeom.geometry import affine as maps
from dlgeom.transforms import masks
from dlgeom.transforms.affine import Affine
from dlgeom.transforms.pairs import flip_for

__all__ = ["apply_to_definition", "box_polygon", "checked_boxes", "map_bounds", "ring_polygon"]

BOXES = ("exact", "rotated", "bounds", "polygon")
UNIT = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
CUBE_MIRROR = [1, 0, 3, 2, 5, 4, 7, 6]
"""Corners of a cube after mirroring: left and right change names, so that tl stays left."""


def checked_boxes(boxes: object) -> str:
    """Return the option `boxes`, or raise `UsageError`."""
    if boxes not in BOXES:
        raise UsageError(f"boxes is {boxes!r}; it is one of {', '.join(map(repr, BOXES))}")
    return str(boxes)


def apply_to_definition(
    transform: Affine,
    definition: Definition,
    *,
    boxes: str = "exact",
    flip_idx: Any = None,
    known: Mapping[str, tuple[int, ...]] | None = None,
) -> Definition:
    """Return a definition where the map takes it; `Affine.apply` has the parameters.

    `known` are the pairs of key points that the labels of a collection tell.
    """
    checked_boxes(boxes)
    matrix = transform.matrix
    if isinstance(definition, Box):
        return _box(matrix, definition, boxes)
    if isinstance(definition, Polygon):
        xy = read_only(maps.apply(matrix, definition._xy))
        return definition._with({"_xy": xy})
    if isinstance(definition, Segmentation):
        return masks.apply_to_mask(transform, definition)
    if isinstance(definition, Polyline):
        return definition._with({"_xy": read_only(maps.apply(matrix, definition._xy))})
    if isinstance(definition, Point):
        x, y = maps.apply(matrix, [definition.x, definition.y]).tolist()
        return msgspec.structs.replace(definition, x=x, y=y)
    if isinstance(definition, Pose):
        return _pose(transform, definition, flip_idx, known or {})
    if isinstance(definition, Ellipse):
        row = maps.ellipses(matrix, definition._row())[0].tolist()
        return msgspec.structs.replace(
            definition, **dict(zip(("x", "y", "rx", "ry", "angle"), row, strict=True))
        )
    if isinstance(definition, Cube):
        return _cube(matrix, definition)
    if isinstance(definition, Note):
        left, top, right, bottom = map_bounds(matrix, definition.bounds)
        return msgspec.structs.replace(definition, left=left, top=top, right=right, bottom=bottom)
    return definition


def map_bounds(matrix: Any, bounds: Any) -> tuple[float, float, float, float]:
    """Return the upright box around a mapped upright box."""
    left, top, right, bottom = maps.box_bounds(matrix, [bounds])[0].tolist()
    return left, top, right, bottom


def _box(matrix: Any, box: Box, boxes: str) -> Definition:
    rest = (box.label, box.attributes, box.description)
    if boxes == "polygon":
        return box_polygon(box, matrix)
    if not box.is_rotated and (boxes == "bounds" or maps.keeps_axes(matrix)):
        left, top, right, bottom = map_bounds(matrix, (box.left, box.top, box.right, box.bottom))
        return Box(left, top, right, bottom, *rest, angle=box.angle)
    if boxes == "bounds":
        corners = maps.apply(matrix, box.corners)
        left, top = corners.min(axis=0).tolist()
        right, bottom = corners.max(axis=0).tolist()
        return Box(left, top, right, bottom, *rest)
    found, exact = maps.rotated_boxes(matrix, [box.rotated])
    if exact[0] or boxes == "rotated":
        x, y, width, height, angle = found[0].tolist()
        return Box._view_rotated((x, y, width, height, angle), *rest)
    return box_polygon(box, matrix)


def box_polygon(box: Box, matrix: Any = None) -> Polygon:
    """Return the polygon that a box is where a map takes it."""
    corners = box.corners if matrix is None else maps.apply(matrix, box.corners)
    return ring_polygon(corners, box.label, box.attributes, box.description)


def ring_polygon(ring: Any, label: str | None, attributes: Any, description: Any) -> Polygon:
    """Return the polygon of one ring, that of a box without width and height too.

    Nobody may build a ring of one place; but all states of a track have one type, and maps that
    press polygons flat leave the same.
    """
    if not (ring == ring[0]).all():
        return Polygon(ring, label, attributes, description)
    return Polygon(UNIT, label, attributes, description)._with({"_xy": read_only(ring)})


def _pose(
    transform: Affine, pose: Pose, flip_idx: Any, known: Mapping[str, tuple[int, ...]]
) -> Pose:
    pairs = None
    if transform.mirrors and len(pose.keypoints):
        pairs = flip_for(flip_idx, pose.label, pose.names, known)
    xyv = maps.keypoints(
        transform.matrix,
        pose.keypoints,
        size=transform.size,
        source=transform.source,
        flip_idx=pairs,
    )
    return _with_keypoints(pose, xyv, pairs)


def _with_keypoints(pose: Pose, xyv: Any, pairs: tuple[int, ...] | None = None) -> Pose:
    """Return a pose with other numbers; with `pairs` point i takes what was of point pairs[i]."""
    changes: dict[str, Any] = {"_xyv": read_only(xyv)}
    if pose._points is not None:
        order = range(len(xyv)) if pairs is None else pairs
        points = []
        for place, source in enumerate(order):
            given, (x, y, v) = pose._points[source], xyv[place].tolist()
            # What is visible by default stays so; only what changed is said.
            old = 2 if given.visibility is None else given.visibility
            visibility = given.visibility if v == old else v
            points.append(
                msgspec.structs.replace(
                    given, x=x, y=y, label=pose._points[place].label, visibility=visibility
                )
            )
        changes["_points"] = tuple(points)
    return pose._with(changes)


def _cube(matrix: Any, cube: Cube) -> Cube:
    points = maps.apply(matrix, cube.geo)
    angle = float(maps.directions(matrix, [cube.angle])[0])
    if maps.determinant(matrix) < 0:
        points = points[CUBE_MIRROR]
        angle += 180.0  # from the other end of the edge
    if angle != cube.angle:
        angle = float(np.fmod(np.fmod(angle, 360.0) + 360.0, 360.0))
    return cube._with({"_points": read_only(points), "_angle": angle})
