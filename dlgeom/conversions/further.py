"""Definitions to ellipses, polylines, points, cubes, poses and convex hulls.

`width` and `radius` are those of `dlgeom.conversions.shapes`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.conversions.shapes import (
    hull_points,
    no_way,
    nowhere,
    reach_of,
    seen_points,
    to_box,
    to_polygon,
    to_rotated_box,
)
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
from dlgeom.definitions.base import AttributesLike, float_array
from dlgeom.definitions.cube import CORNERS
from dlgeom.geometry import cuboids, fitting, regions
from dlgeom.geometry.ragged import offsets_of
from dlgeom.geometry.rings import signed_areas

__all__ = ["fit_ellipse", "to_cube", "to_ellipse", "to_hull", "to_point", "to_polyline", "to_pose"]

Floats = NDArray[np.float64]

BOX_CORNERS = ("left_top", "right_top", "right_bottom", "left_bottom")
"""Names of the key points of a box, in the order of `Box.corners` (before turning)."""
ELLIPSE_POINTS = ("center", "first_end", "second_end", "first_start", "second_start")
"""Names of the key points of an ellipse: its centre and the ends of its axes, clockwise."""
CUBE_EDGES = (
    *((k, (k + 1) % 4) for k in range(4)),
    *((k + 4, (k + 1) % 4 + 4) for k in range(4)),
    *((k, k + 4) for k in range(4)),
)
"""The twelve edges of a cube, by positions in `Cube.geo`."""


def _rest(definition: Definition) -> tuple[Any, Any, Any]:
    return definition.label, definition.attributes, definition.description


def to_hull(
    definition: Definition, *, width: float | None = None, radius: float | None = None
) -> Polygon:
    """Return the convex hull of a definition, clockwise on screen.

    Exact for what has straight edges, for masks (of their pixels, not of the centres), for
    points and vertices; of ellipses, and with a `width` or `radius`, that of the outline of
    `to_polygon`, which is inside and within 0.05 pixels.

    Raises
    ------
    GeometryError
        If the definition has no place in the image, or its points lie on one line.
    """
    reach = reach_of(definition, width, radius)
    if isinstance(definition, Ellipse | Box | Note):
        points = to_polygon(definition).geo
    else:
        points = hull_points(definition, reach)
    if len(points) == 0:
        raise nowhere(definition, "hull")
    with regions.native("the hull"):
        ring = cuboids.silhouette(points)
    if len(ring) < 3 or signed_areas(ring, offsets_of([len(ring)]))[0] == 0:
        option = {Polyline: "width", Point: "radius", Pose: "radius"}.get(type(definition))
        how = f". Give it a {option}= in pixels" if option else ""
        raise no_way(definition, "hull", f"it has no area: its points lie on one line{how}")
    return Polygon.from_parts([[ring]], *_rest(definition))


def to_ellipse(
    definition: Definition,
    *,
    width: float | None = None,
    radius: float | None = None,
    inscribed: bool = False,
) -> Ellipse:
    """Return the ellipse that stands for a definition.

    Exact for ellipses, and the disc of a point with a `radius`; a point without one gives an
    ellipse of no size. Of anything else with an area, as `to_polygon` says, it has the centre of
    gravity and the area, and axes along and in the ratio of the second moments. So the outline of
    an ellipse gives it back within 0.05 pixels.

    Parameters
    ----------
    definition : Definition
        What to stand for.
    width, radius : float, optional
        As for `to_polygon`.
    inscribed : bool, default False
        Of a box or note take the ellipse that touches all four sides; then
        ``to_ellipse(to_rotated_box(ellipse), inscribed=True)`` is the ellipse, exactly.

    Raises
    ------
    GeometryError
        As for `to_polygon`.
    """
    if isinstance(definition, Ellipse):
        reach_of(definition, width, radius)
        return definition
    if isinstance(definition, Point):
        reach = reach_of(definition, width, radius)
        return Ellipse(definition.x, definition.y, reach, reach, 0.0, *_rest(definition))
    if inscribed and isinstance(definition, Box | Note):
        x, y, across, down, angle = to_rotated_box(definition, width=width, radius=radius).rotated
        return Ellipse(x, y, across / 2, down / 2, angle, *_rest(definition))
    outline = to_polygon(definition, width=width, radius=radius)
    with np.errstate(all="ignore"):
        found = fitting.ellipse_of_region(outline.parts)
    return _ellipse(found, _rest(definition))


def fit_ellipse(
    points: ArrayLike | Definition,
    label: str | None = None,
    attributes: AttributesLike = None,
    description: str | None = None,
) -> Ellipse:
    """Return the ellipse through points, by least squares; exact if they lie on one.

    Parameters
    ----------
    points : array_like of float, shape (n, 2), or Polygon, Polyline or Pose
        Five or more different points; of a definition its vertices or labelled key points.
    label, attributes, description
        Of the ellipse; label None keeps all three of a definition.

    Raises
    ------
    GeometryError
        If there are fewer than five points or no ellipse fits them.
    """
    rest = (label, attributes, description)
    if isinstance(points, Definition):
        if isinstance(points, Pose):
            xy = seen_points(points)
        elif isinstance(points, Polygon | Polyline):
            xy = np.column_stack((points.x, points.y))
        else:
            raise no_way(points, "fitted ellipse", "it has no vertices. Use to_ellipse")
        rest = _rest(points) if label is None else rest
    else:
        xy = float_array(points, "points", "they are [[x, y], ...] in pixels")
    return _ellipse(fitting.ellipse_through(xy), rest)


def _ellipse(row: Floats, rest: tuple[Any, Any, Any]) -> Ellipse:
    x, y, rx, ry, angle = row.tolist()
    return Ellipse(x, y, rx, ry, angle, *rest)


def to_polyline(
    definition: Definition, *, width: float | None = None, radius: float | None = None
) -> Polyline:
    """Return the lines of a definition.

    Polylines stay as they are, whatever the `width`. A pose gives the edges of its skeleton
    between labelled points, exact, a cube its twelve edges, exact, anything else the outline of
    `to_polygon`, each ring as a line that ends where it starts, as exact as that is.

    Raises
    ------
    GeometryError
        As for `to_polygon`, or if no edge joins labelled points of a pose.
    """
    if isinstance(definition, Polyline):
        reach_of(definition, width, radius)
        return definition
    if isinstance(definition, Pose):
        reach_of(definition, width, radius)
        points = definition.keypoints
        lines = [points[[a, b], :2] for a, b in definition.skeleton if len(points)]
        seen = [(points[[a, b], 2] > 0).all() for a, b in definition.skeleton if len(points)]
        lines = [line for line, good in zip(lines, seen, strict=True) if good]
        if not lines:
            raise no_way(
                definition, "polyline", "its skeleton joins no labelled points. Give it a skeleton"
            )
    elif isinstance(definition, Cube):
        reach_of(definition, width, radius)
        front, back = definition.geo[[0, 1, 2, 3, 0]], definition.geo[[4, 5, 6, 7, 4]]
        lines = [front, back, *(definition.geo[[k, k + 4]] for k in range(4))]
    else:
        outline = to_polygon(definition, width=width, radius=radius)
        lines = [np.vstack((ring, ring[:1])) for ring in outline.rings]
    return Polyline(lines, *_rest(definition))


def to_point(
    definition: Definition, *, width: float | None = None, radius: float | None = None
) -> Point:
    """Return the centre of a definition.

    Points stay as they are. Boxes, notes and ellipses give their centre, exactly; polygons and
    masks the centre of gravity of what they cover; polylines that of their length; cubes and
    poses the mean of their corners or labelled points. `width` and `radius` change nothing.

    Raises
    ------
    GeometryError
        If the definition has no place in the image, or is an empty mask.
    """
    reach_of(definition, width, radius)
    if isinstance(definition, Point):
        return definition
    if isinstance(definition, Box | Ellipse):
        x, y = definition.center
    elif isinstance(definition, Note):
        x, y = Box(*definition.bounds).center
    elif isinstance(definition, Polygon | Segmentation):
        x, y = _centre_of_area(to_polygon(definition))
    elif isinstance(definition, Polyline):
        x, y = _centre_of_lines(definition.lines)
    else:
        points = hull_points(definition)
        if len(points) == 0:
            raise nowhere(definition, "point")
        x, y = (points / len(points)).sum(axis=0).tolist()
    return Point(x, y, *_rest(definition))


def _centre_of_area(polygon: Polygon) -> tuple[float, float]:
    # One ring that crosses itself counts against itself in shoelace sums: take what it covers.
    if not np.abs(polygon._xy).max() > regions.FARTHEST and not regions.is_valid(polygon.parts):
        parts = regions.parts_of(regions.region(polygon.parts))
        if parts:
            return Polygon.from_parts(parts, None).centroid
    return polygon.centroid


def _centre_of_lines(lines: list[Floats]) -> tuple[float, float]:
    middles = np.concatenate([line[1:] / 2 + line[:-1] / 2 for line in lines])
    steps = np.concatenate([np.diff(line / 4, axis=0) for line in lines])
    weights = np.hypot(steps[:, 0], steps[:, 1])
    if not weights.max() > 0:
        weights = np.ones(len(middles))
    weights /= weights.max()
    x, y = ((weights / weights.sum()) @ middles).tolist()
    return x, y


def to_cube(
    definition: Definition, *, width: float | None = None, radius: float | None = None
) -> Cube:
    """Return a cube whose front and back are the box of a definition.

    Cubes stay as they are. Turned boxes and ellipses give the corners of their rotated box and
    its angle, all others those of their upright box; as exact as `to_rotated_box` and `to_box`.

    Raises
    ------
    GeometryError
        As for `to_box`.
    """
    if isinstance(definition, Cube):
        reach_of(definition, width, radius)
        return definition
    if isinstance(definition, Ellipse) or (isinstance(definition, Box) and definition.is_rotated):
        box = to_rotated_box(definition, width=width, radius=radius)
    else:
        box = to_box(definition, width=width, radius=radius)
    label, attributes, description = _rest(definition)
    corners = np.vstack((box.corners, box.corners))
    return Cube.from_points(corners, label, box.angle or 0.0, attributes, description)


def to_pose(
    definition: Definition, *, width: float | None = None, radius: float | None = None
) -> Pose:
    """Return the vertices of a definition as visible key points, joined as they are there.

    Poses stay as they are. A point is its own only key point; boxes and notes give their corners
    (`left_top`, `right_top`, `right_bottom`, `left_bottom`, before turning), cubes their eight
    (`front_tl`...), ellipses their centre and the ends of their axes, polygons, polylines and
    masks the vertices of their outline, named by their position. All exact.

    Raises
    ------
    GeometryError
        If the definition has no place in the image, or is an empty mask.
    """
    reach_of(definition, width, radius)
    if isinstance(definition, Pose):
        return definition
    points, names, edges = _key_points(definition)
    label, attributes, description = _rest(definition)
    given = [
        Point(x, y, name, visibility=2) for (x, y), name in zip(points.tolist(), names, strict=True)
    ]
    return Pose(label, None, None, attributes, given, description, skeleton=edges)


def _key_points(definition: Definition) -> tuple[Floats, list[str], list[tuple[int, int]]]:
    if isinstance(definition, Point):
        return definition.geo[None], [definition.label or "0"], []
    if isinstance(definition, Box | Note):
        box = definition if isinstance(definition, Box) else Box(*definition.bounds)
        return box.corners, list(BOX_CORNERS), [(0, 1), (1, 2), (2, 3), (3, 0)]
    if isinstance(definition, Cube):
        return definition.geo, list(CORNERS), list(CUBE_EDGES)
    if isinstance(definition, Ellipse):
        return _ellipse_points(definition), list(ELLIPSE_POINTS), [(0, k) for k in range(1, 5)]
    if isinstance(definition, Polyline):
        pieces, closed = definition.lines, False
    elif isinstance(definition, Polygon | Segmentation):
        pieces, closed = to_polygon(definition).rings, True
    else:
        raise nowhere(definition, "pose")
    edges: list[tuple[int, int]] = []
    first = 0
    for piece in pieces:
        last = first + len(piece)
        edges += pairwise(range(first, last))
        if closed:
            edges.append((last - 1, first))
        first = last
    return np.concatenate(pieces), [str(k) for k in range(first)], edges


def _ellipse_points(ellipse: Ellipse) -> Floats:
    """Return the centre and the ends of the axes, clockwise from the end of the first one."""
    corners = Box.from_rotated([0.0, 0.0, 2 * ellipse.rx, 2 * ellipse.ry, ellipse.angle]).corners
    first, second = (corners[1] + corners[2]) / 2, (corners[2] + corners[3]) / 2
    return np.array([[0.0, 0.0], first, second, -first, -second]) + ellipse.center
