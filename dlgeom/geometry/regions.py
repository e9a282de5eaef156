"""Regions: what an outline covers, as shapely knows it, and back to rings.

An outline is parts of rings, float64 of shape (n, 2); it covers the OR over its parts of (exterior
XOR holes), each ring filled even-odd, which is the rule of `dlgeom.geometry.raster` and of
pycocotools: what a ring goes around twice is outside. Outlines may cross themselves, touch, repeat
vertices or have no extent: `region` makes valid shapes of all of them. shapely's own exceptions do
not leave this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import overlay
from dlgeom.geometry import rings as many
from dlgeom.geometry.ragged import offsets_of

__all__ = [
    "FARTHEST",
    "check_near",
    "clip",
    "combine",
    "covers_lines",
    "covers_points",
    "covers_region",
    "grown",
    "iou",
    "is_valid",
    "is_valid_shape",
    "native",
    "parts_of",
    "region",
    "shape_iou",
    "shape_of",
]

Floats = NDArray[np.float64]
Parts = Sequence[Sequence[Floats]]

FARTHEST = 1e60
"""Coordinates up to which regions are computed: products of four of them stay finite."""
BLOCK = 1 << 20  # pairs of points and edges looked at in one go
ROOM = 0.01  # part of area / perimeter up to which a point is too near to the edge of a face
HEIGHTS = 256  # at which the widest section of a polygon is sought

_OPERATIONS = ("union", "intersection", "difference", "symmetric_difference")


@contextmanager
def native(what: str) -> Iterator[None]:
    """Turn shapely's exceptions into `GeometryError`, and keep numpy's warnings away."""
    import shapely

    try:
        with np.errstate(all="ignore"):
            yield
    except (shapely.errors.ShapelyError, ValueError) as error:
        if isinstance(error, GeometryError):
            raise
        raise GeometryError(f"{what} cannot be computed: {error}. Simplify the outline") from error


def check_near(points: Floats) -> None:
    """Raise `GeometryError` if a coordinate of points (n, 2) is beyond `FARTHEST`."""
    farthest = float(np.abs(points).max(initial=0.0))
    if not farthest <= FARTHEST:
        raise GeometryError(
            f"a coordinate is {farthest:g} pixels from the origin; regions are computed up to "
            f"{FARTHEST:g}. Scale or correct the shape"
        )


def shape_of(parts: Parts) -> Any:
    """Return the outline as a shapely MultiPolygon, which may be invalid.

    Raises
    ------
    GeometryError
        If a coordinate is beyond `FARTHEST`.
    """
    import shapely

    for ring in (ring for part in parts for ring in part):
        check_near(ring)
    return shapely.MultiPolygon([shapely.Polygon(part[0], list(part[1:])) for part in parts])


def is_valid(parts: Parts) -> bool:
    """Return whether the outline is valid in the sense of OGC's simple features."""
    with native("the validity"):
        return is_valid_shape(shape_of(parts))


def is_valid_shape(shape: Any) -> bool:
    """Return whether a shapely shape is valid."""
    import shapely

    with native("the validity"):
        return bool(shapely.is_valid(shape))


def region(parts: Parts) -> Any:
    """Return what the outline covers as a valid shapely shape; an empty one if it is nothing.

    The outline itself if it is valid. Otherwise the plane is cut along all rings, and the pieces
    that the fill rule counts as inside are joined: area is kept, dangling lines go away.

    Raises
    ------
    GeometryError
        If a coordinate is beyond `FARTHEST`.
    """
    import shapely

    with native("the region"):
        shape = shape_of(parts)
        return shape if shapely.is_valid(shape) else _filled(parts)


def _filled(parts: Parts) -> Any:
    """Return the region of any outline: pieces of the plane, each inside or outside."""
    import shapely

    lines = [shapely.linestrings(np.vstack((ring, ring[:1]))) for part in parts for ring in part]
    found, *rest = shapely.polygonize_full([shapely.union_all(lines)])
    faces = shapely.get_parts(found)
    if not len(faces):
        return shapely.MultiPolygon()
    # Lines with the same face on both sides: rings go along them an even number of times.
    points = _inner_points(faces, shapely.union_all(rest))
    inside = np.zeros(len(faces), dtype=np.bool_)
    for part in parts:
        parity = np.zeros(len(faces), dtype=np.bool_)
        for ring in part:
            parity ^= _odd(points, ring)
        inside |= parity
    chosen = faces[inside]
    if not len(chosen):
        return shapely.MultiPolygon()
    try:
        joined = shapely.coverage_union_all(chosen)
    except shapely.errors.GEOSException:
        # Faces so thin that rounding makes them overlap, as those of a flat ellipse are.
        return overlay.union_all(chosen)
    return joined if shapely.is_valid(joined) else overlay.union_all(chosen)


def _inner_points(faces: NDArray[Any], loose: Any) -> Floats:
    """Return a point of each polygon, shape (N, 2), well off its outline and off loose lines."""
    import shapely

    found = shapely.get_coordinates(shapely.point_on_surface(faces))
    points = shapely.points(found)
    # GEOS looks at one height, where a polygon with spikes may have no width.
    room = shapely.distance(shapely.boundary(faces), points)
    cuts = np.zeros((0, 4))
    if not loose.is_empty:
        shapely.prepare(loose)
        room = np.minimum(room, shapely.distance(loose, points))
        cuts = _edges(shapely.get_parts(loose))
    thin = room < ROOM * shapely.area(faces) / shapely.length(faces)
    for index in np.flatnonzero(thin).tolist():
        found[index] = _middle_of_widest(faces[index], cuts)
    return np.asarray(found)


def _edges(lines: Any) -> Floats:
    """Return x0, y0, x1, y1 of each edge of lines, shape (E, 4)."""
    paths = [np.asarray(line.coords)[:, :2] for line in lines]
    return np.concatenate([np.hstack((path[:-1], path[1:])) for path in paths])


def _middle_of_widest(face: Any, cuts: Floats) -> Floats:
    """Return the middle of the widest horizontal section of a polygon that lines do not cut."""
    edges = _edges(_rings(face))
    heights = np.unique(np.concatenate((edges[:, 1], cuts[:, 1])))
    heights = heights[(heights >= edges[:, 1].min()) & (heights <= edges[:, 1].max())]
    chosen = np.unique(np.linspace(0, len(heights) - 2, HEIGHTS).astype(np.int64))
    best, widest = edges[0, :2], -1.0
    for low, high in zip(heights[chosen].tolist(), heights[chosen + 1].tolist(), strict=True):
        y = (low + high) / 2
        x, others = _crossings(edges, y), _crossings(cuts, y)
        for a, b in zip(x[:-1:2].tolist(), x[1::2].tolist(), strict=False):
            stops = np.concatenate(([a], others[(others > a) & (others < b)], [b]))
            k = int(np.diff(stops).argmax())
            room = min(float(stops[k + 1] - stops[k]), high - low)
            if room > widest:
                best, widest = np.array([(stops[k] + stops[k + 1]) / 2, y]), room
    return best


def _crossings(edges: Floats, y: float) -> Floats:
    """Return where edges cross a height, ascending."""
    x0, y0, x1, y1 = edges[(edges[:, 1] > y) != (edges[:, 3] > y)].T
    return np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0))


def _odd(points: Floats, ring: Floats) -> NDArray[np.bool_]:
    """Tell which points a ring goes around an odd number of times, shape (N,)."""
    start, end = ring, np.roll(ring, -1, axis=0)
    # An edge there and back is the same edge to the last bit, and counts twice or not at all.
    down = (start[:, 1] > end[:, 1])[:, None]
    start, end = np.where(down, end, start), np.where(down, start, end)
    found = np.zeros(len(points), dtype=np.bool_)
    step = max(1, BLOCK // len(ring))
    for first in range(0, len(points), step):
        x, y = points[first : first + step].T[:, :, None]
        crossed = (start[:, 1] > y) != (end[:, 1] > y)
        row, edge = np.nonzero(crossed)
        (x0, y0), (x1, y1) = start[edge].T, end[edge].T
        right = x[row, 0] < x0 + (y[row, 0] - y0) / (y1 - y0) * (x1 - x0)
        found[first : first + step] = np.bincount(row[right], minlength=len(x)) % 2 == 1
    return found


def parts_of(shape: Any) -> list[list[Floats]]:
    """Return the polygons in a shapely shape as parts of rings, largest first.

    Lines, points and polygons without area are left out. Exteriors run clockwise on the screen,
    holes the other way.
    """
    import shapely

    flat = shapely.get_parts(shapely.get_parts([shape]))
    found = []
    for one in flat.tolist():
        if shapely.get_type_id(one) != 3 or not one.area > 0:
            continue
        rings = [np.asarray(ring.coords, dtype=np.float64)[:-1, :2] for ring in _rings(one)]
        areas = many.signed_areas(np.concatenate(rings), offsets_of([len(r) for r in rings]))
        turned = [
            np.ascontiguousarray(ring[::-1] if (area > 0) == bool(k) else ring)
            for k, (ring, area) in enumerate(zip(rings, areas.tolist(), strict=True))
            if k == 0 or area != 0
        ]
        found.append((float(one.area), turned))
    found.sort(key=lambda pair: -pair[0])
    return [rings for _, rings in found]


def _rings(polygon: Any) -> list[Any]:
    return [polygon.exterior, *polygon.interiors]


def combine(first: Parts, second: Parts, operation: str) -> list[list[Floats]]:
    """Return the union, intersection, difference or symmetric_difference of two regions.

    Only what has area counts; no parts if nothing is left.

    Raises
    ------
    GeometryError
        If a coordinate is beyond `FARTHEST`, or the operation has another name.
    """
    if operation not in _OPERATIONS:
        raise GeometryError(f"operation is {operation!r}; it is one of {', '.join(_OPERATIONS)}")
    one, other = region(first), region(second)
    with native(f"the {operation}"):
        return parts_of(overlay.overlay(one, other, operation))


def clip(parts: Parts, left: float, top: float, right: float, bottom: float) -> list[list[Floats]]:
    """Return what of a region lies in an upright box; no parts if nothing does."""
    import shapely

    whole = region(parts)
    with native("the clipped outline"):
        box = shapely.box(left, top, right, bottom)
        found = parts_of(overlay.overlay(whole, box, "intersection"))
    # A crossing of an edge and the border may be rounded to the other side of the border.
    low, high = np.array([left, top]), np.array([right, bottom])
    return [[np.clip(ring, low, high) for ring in part] for part in found]


def covers_points(parts: Parts, points: ArrayLike, *, boundary: bool) -> NDArray[np.bool_]:
    """Tell which points, shape (N, 2), lie in a region; those on its outline if `boundary`."""
    import shapely

    xy = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    whole = region(parts)
    with native("containment"):
        shapely.prepare(whole)
        test = shapely.intersects_xy if boundary else shapely.contains_xy
        return np.asarray(test(whole, xy[:, 0], xy[:, 1]), dtype=np.bool_)


def covers_region(parts: Parts, other: Parts) -> bool:
    """Tell whether a region covers all of another one that has area."""
    import shapely

    one, two = region(parts), region(other)
    with native("containment"):
        return bool(not two.is_empty and shapely.covers(one, two))


def covers_lines(parts: Parts, lines: Sequence[Floats], *, boundary: bool) -> bool:
    """Tell whether a region covers lines; one that lies on the outline only if `boundary`."""
    import shapely

    whole = region(parts)
    with native("containment"):
        drawn = shapely.multilinestrings([shapely.linestrings(line) for line in lines])
        test = shapely.covers if boundary else shapely.contains
        return bool(test(whole, drawn))


def iou(first: Parts, second: Parts) -> float:
    """Return intersection over union of two regions, by exact areas; 0 if both are empty."""
    one, other = region(first), region(second)
    return shape_iou(one, other)


def shape_iou(one: Any, other: Any) -> float:
    """Return intersection over union of two valid shapely shapes; 0 if both are empty."""
    with native("the overlap"):
        shared = float(overlay.overlay(one, other, "intersection").area)
    whole = float(one.area) + float(other.area) - shared
    return min(shared / whole, 1.0) if whole > 0 else 0.0


def grown(parts: Parts, distance: float) -> list[list[Floats]]:
    """Return the region and all points within `distance` of it; negative takes as much away.

    Corners become round. The outline lies between the true ones for `distance` and for 0.05
    pixels less of it (`dlgeom.geometry.strokes`). No parts if nothing is left.
    """
    from dlgeom.geometry import strokes

    whole = region(parts)
    outlines = parts_of(whole)
    if distance == 0 or not outlines:
        return outlines
    closed = [np.vstack((ring, ring[:1])) for part in outlines for ring in part]
    with native("the grown outline"):
        band = shape_of(strokes.outline(closed, abs(distance)))
        operation = "union" if distance > 0 else "difference"
        return parts_of(overlay.overlay(whole, band, operation))
