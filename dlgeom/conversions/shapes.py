"""Definitions to boxes, rotated boxes, polygons and segmentations.

`width` is the thickness of polylines, `radius` that of points and poses, both in pixels; other
definitions take no notice of them, so that a mixed list is converted with one call each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.conversions.masks import mask_to_polygon
from dlgeom.definitions import (
    Box,
    Cube,
    Cube3d,
    Definition,
    Ellipse,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.definitions.segmentation import mask_shape
from dlgeom.errors import GeometryError
from dlgeom.geometry import cuboids, ellipses, raster, rle_regions, rotated, strokes

__all__ = ["to_box", "to_polygon", "to_rotated_box", "to_segmentation"]

Floats = NDArray[np.float64]
Shape = tuple[int, int]


def check_definition(definition: object, what: str) -> None:
    """Raise `GeometryError` if it is no definition."""
    if not isinstance(definition, Definition):
        hint = (
            "Take its annotation_definition"
            if hasattr(definition, "annotation_definition")
            else "Make one of it first"
        )
        raise GeometryError(
            f"{what}: {definition!r} is no definition such as Box or Polygon. {hint}"
        )


def no_way(definition: Definition, wanted: str, why: str) -> GeometryError:
    kind = type(definition).__name__
    return GeometryError(f"a {kind} does not become a {wanted}; {why}")


def nowhere(definition: Definition, wanted: str) -> GeometryError:
    if isinstance(definition, Cube3d):
        return no_way(definition, wanted, "it lies in space. Use to_cube(camera) first")
    return no_way(definition, wanted, "it covers no place in the image. Leave it out")


def seen_points(definition: Pose) -> Floats:
    points = definition.keypoints
    return points[points[:, 2] > 0, :2]


def _size(value: float | None, what: str) -> float | None:
    """Return a thickness as a float, or raise `GeometryError`."""
    if value is not None and not 0 < value < np.inf:
        raise GeometryError(f"{what} is {value}; it is greater than 0, in pixels, or None")
    return None if value is None else float(value)


def reach_of(definition: Definition, width: float | None, radius: float | None) -> float:
    """Return how far the definition reaches beyond its vertices, in pixels.

    All conversions come by here first.
    """
    check_definition(definition, "a conversion")
    thickness, size = _size(width, "width"), _size(radius, "radius")
    if isinstance(definition, Polyline) and thickness is not None:
        return thickness / 2
    if isinstance(definition, Point | Pose) and size is not None:
        return size
    return 0.0


def to_box(
    definition: Definition, *, width: float | None = None, radius: float | None = None
) -> Box:
    """Return the smallest upright box around a definition.

    The box is exact for all: that of the turned corners, of the ellipse itself, of all corners
    of a cube, of the pixels of a mask, of the labelled points of a pose, of a note's box.
    Whether it says all that the definition said is another matter: only upright boxes and notes
    fill theirs.

    Parameters
    ----------
    definition : Definition
        What to enclose.
    width : float, optional
        Thickness of a polyline in pixels; None takes the vertices alone.
    radius : float, optional
        Of a point or the points of a pose, in pixels; None takes the points alone.

    Raises
    ------
    GeometryError
        If the definition has no place in the image, or is an empty mask; if `width` or `radius`
        is not greater than 0.
    """
    reach = reach_of(definition, width, radius)
    if isinstance(definition, Box) and not definition.is_rotated:
        return definition
    left, top, right, bottom = definition.bounds
    if left != left or (isinstance(definition, Segmentation) and definition.area == 0):
        raise nowhere(definition, "box")
    return Box(
        left - reach,
        top - reach,
        right + reach,
        bottom + reach,
        definition.label,
        definition.attributes,
        definition.description,
    )


def to_rotated_box(
    definition: Definition, *, width: float | None = None, radius: float | None = None
) -> Box:
    """Return a rotated box around a definition.

    Exact for boxes and notes, and within 1e-6 pixels for polygons of one ring with four vertices
    that make a rectangle: the first edge becomes the width. Of an ellipse it has the same centre
    and angle and the double semi-axes, which no rectangle around it undercuts. Of anything else
    it is the rotated box of the smallest area that holds it (of a pose: its labelled points; of a
    mask: its pixels; of a cube: its corners). Of a polyline with a `width`, and of a pose with a
    `radius`, it holds the outline of `to_polygon`, so that what it should hold sticks out by no
    more than 0.05 pixels.

    Parameters
    ----------
    definition : Definition
        What to enclose.
    width, radius : float, optional
        As for `to_box`.

    Raises
    ------
    GeometryError
        As for `to_box`.
    """
    reach = reach_of(definition, width, radius)
    if isinstance(definition, Box):
        found = np.array(definition.rotated)
    elif isinstance(definition, Note):
        found = np.array(Box(*definition.bounds).rotated)
    elif isinstance(definition, Ellipse):
        d = definition
        found = np.array([d.x, d.y, 2 * d.rx, 2 * d.ry, d.angle])
    elif isinstance(definition, Point):
        found = np.array([definition.x, definition.y, 2 * reach, 2 * reach, 0.0])
    else:
        points = hull_points(definition, reach)
        if len(points) == 0:
            raise nowhere(definition, "rotated box")
        if (
            isinstance(definition, Polygon)
            and len(points) == 4
            and len(definition.rings) == 1
            and bool(rotated.is_rectangle(points[None])[0])
        ):
            found = rotated.from_corners(points[None])[0]
        else:
            found = rotated.min_area_rectangle(points)
    return Box.from_rotated(found, definition.label, definition.attributes, definition.description)


def hull_points(definition: Definition, reach: float = 0.0) -> Floats:
    """Return points whose convex hull is that of the definition, shape (n, 2)."""
    if isinstance(definition, Polygon):
        return np.concatenate([part[0] for part in definition.parts])
    if isinstance(definition, Segmentation):
        return rle_regions.corners(definition.counts, definition.shape)
    if isinstance(definition, Cube):
        return definition.geo
    lines = _lines(definition)
    if not lines:
        return np.zeros((0, 2))
    if reach > 0:
        return np.concatenate([part[0] for part in strokes.outline(lines, reach)])
    return np.concatenate(lines)


def _lines(definition: Definition) -> list[Floats]:
    """Return the lines of a polyline, and points as lines of one vertex; nothing of the others."""
    if isinstance(definition, Polyline):
        return definition.lines
    if isinstance(definition, Pose):
        return list(seen_points(definition)[:, None])
    if isinstance(definition, Point):
        return [definition.geo[None]]
    return []


def _parts(
    definition: Definition, wanted: str, width: float | None, radius: float | None
) -> list[list[Floats]]:
    """Return the outline of a definition other than a mask as parts of rings."""
    reach = reach_of(definition, width, radius)
    if isinstance(definition, Polygon):
        return definition.parts
    if isinstance(definition, Box):
        return [[definition.corners]]
    if isinstance(definition, Note):
        return [[Box(*definition.bounds).corners]]
    if isinstance(definition, Ellipse):
        return [[ellipses.outline(definition._row()[0])]]
    lines = _lines(definition)
    if lines and reach > 0:
        return strokes.outline(lines, reach)
    if isinstance(definition, Cube) or (isinstance(definition, Pose) and lines):
        points = definition.geo if isinstance(definition, Cube) else np.concatenate(lines)
        ring = cuboids.silhouette(points)
        if len(ring) < 3:
            raise no_way(definition, wanted, "it has no area: its points lie on one line")
        return [[ring]]
    if isinstance(definition, Polyline):
        raise no_way(definition, wanted, "it has no area. Give it a width= in pixels")
    if lines:
        raise no_way(definition, wanted, "it has no area. Give it a radius= in pixels")
    if isinstance(definition, Pose | Cube3d):
        raise nowhere(definition, wanted)
    raise no_way(definition, wanted, "it has no area and no place in the image. Leave it out")


def to_polygon(
    definition: Definition,
    *,
    epsilon: float | None = None,
    width: float | None = None,
    radius: float | None = None,
) -> Polygon:
    """Return the outline of a definition.

    Exact for polygons, boxes and notes (four corners, clockwise from left-top; those of a
    rotated box are rounded to floats), and masks (along pixel edges, all components; `epsilon`
    as for `mask_to_polygons`). For cubes, and for poses without a `radius`, the convex hull of
    their corners or labelled points; exact. For ellipses, polylines with a `width` (round ends
    and corners), points and poses with a `radius` (discs): inside of the true outline and within
    0.05 pixels of it.

    Parameters
    ----------
    definition : Definition
        What to outline.
    epsilon : float, optional
        Largest distance in pixels of a simplification; masks only.
    width : float, optional
        Thickness of a polyline in pixels.
    radius : float, optional
        Of a point or the labelled points of a pose, in pixels.

    Raises
    ------
    GeometryError
        If the definition has no area (points without a radius, polylines without a width, cubes
        and poses whose points lie on one line) or no place in the image (classifications, texts,
        cuboids in space, empty masks); if `width` or `radius` is not greater than 0.
    """
    reach_of(definition, width, radius)
    if isinstance(definition, Polygon):
        return definition
    rest = (definition.label, definition.attributes, definition.description)
    if isinstance(definition, Segmentation):
        polygon = mask_to_polygon(definition, rest[0], attributes=rest[1], epsilon=epsilon)
        return polygon.replace(description=rest[2])
    return Polygon.from_parts(_parts(definition, "polygon", width, radius), *rest)


def to_segmentation(
    definition: Definition,
    shape: Shape,
    *,
    width: float | None = None,
    radius: float | None = None,
) -> Segmentation:
    """Return the pixels of a definition.

    Equal to pycocotools' filling of the polygon that `to_polygon` gives, pixel for pixel. Exact
    for masks, and for boxes with whole-numbered edges.

    Parameters
    ----------
    definition : Definition
        What to fill.
    shape : tuple of int
        (height, width) of the image in pixels; what lies outside is cut away.
    width, radius : float, optional
        As for `to_polygon`.

    Raises
    ------
    GeometryError
        As for `to_polygon`, or if the definition is a mask of another shape.
    """
    sides = mask_shape(shape, "to_segmentation")
    if isinstance(definition, Segmentation):
        reach_of(definition, width, radius)
        if definition.shape != sides:
            raise GeometryError(
                f"the mask is {definition.shape}, the image {sides} (height, width); "
                "they have to be equal. Crop or pad the mask first"
            )
        return definition
    return Segmentation._of_counts(
        raster.parts_to_runs(_parts(definition, "segmentation", width, radius), sides),
        sides,
        definition.label,
        definition.attributes,
        definition.description,
    )
