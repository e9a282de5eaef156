"""Fewer vertices: within a distance, keeping an overlap, or exactly so many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions import Polygon
from dlgeom.definitions.base import number
from dlgeom.errors import GeometryError
from dlgeom.geometry import regions, resampling, thinning

__all__ = ["check_epsilon", "simplify"]

Floats = NDArray[np.float64]

HALVINGS = 8
"""How often `simplify` tries again with half the distance before it keeps the outline."""

ROUNDING = 1e-12
"""IoU that is so near to the one asked for is not decided by bounds, but by the overlap."""


def check_epsilon(epsilon: float | None, name: str = "epsilon") -> None:
    """Raise `GeometryError` if it is neither None nor a distance."""
    if epsilon is not None and number(epsilon, name) < 0:
        raise GeometryError(f"{name} is {epsilon}; it is a distance in pixels, 0 or more")


def simplify(
    polygon: Polygon,
    tolerance: float | None = None,
    *,
    epsilon: float | None = None,
    min_iou: float | None = None,
    vertices: int | None = None,
) -> Polygon:
    """Leave out vertices, by how far, by how much area or down to how many.

    Each part and hole stays, and rings neither cross themselves nor each other. A polygon that
    does so to begin with is repaired first, which keeps what it covers; one that covers nothing
    comes back as it is (or, by `vertices`, with vertices left out regardless).

    Parameters
    ----------
    polygon : Polygon
        What to simplify.
    tolerance : float, optional
        Largest distance in pixels between the outlines, in both directions; 0 changes nothing.
    epsilon : float, optional
        Another name of `tolerance`.
    min_iou : float, optional
        Smallest intersection over union with the polygon, by exact areas, in [0, 1]. The coarsest
        outline that a search by halves finds; a smaller number never gives more vertices.
    vertices : int, optional
        How many vertices to have in all, exactly; at least three for each ring. More than there
        are: the longest edges are divided into equal steps.

    Returns
    -------
    Polygon
        The same object where nothing was left out.

    Raises
    ------
    GeometryError
        If none or several of the three are given, or one is out of its range; if the polygon
        cannot have so few vertices without a crossing (a ring around another one may need more
        than three).

    Notes
    -----
    By `tolerance`: topology-preserving Douglas-Peucker simplification of all rings together
    (GEOS). Its result is checked, because GEOS may move the start of a ring twice: a ring that
    strays gets its start back, and where a ring is lost or rings come to cross, half the
    distance is tried. By `min_iou` and `vertices`: vertices are left out one by one, the one with
    the smallest triangle first (Visvalingam and Whyatt, 1993), those whose loss would make a
    crossing stay; see `dlgeom.geometry.thinning`.
    """
    check_epsilon(tolerance, "tolerance")
    check_epsilon(epsilon)
    if tolerance is None:
        tolerance = epsilon
    elif epsilon is not None:
        raise GeometryError("tolerance and epsilon are the same; give one of them")
    if sum(value is not None for value in (tolerance, min_iou, vertices)) != 1:
        raise GeometryError(
            "simplify takes exactly one of tolerance= (pixels), min_iou= and vertices=; give one"
        )
    if min_iou is not None and not 0 <= number(min_iou, "min_iou") <= 1:
        raise GeometryError(f"min_iou is {min_iou}; it is a share in [0, 1]")
    if tolerance == 0:
        return polygon
    fixed, whole = polygon, regions.shape_of(polygon.parts)
    if not regions.is_valid_shape(whole):
        parts = regions.parts_of(regions.region(polygon.parts))
        if parts:
            fixed, whole = _like(polygon, parts), regions.shape_of(parts)
        elif vertices is None:
            return polygon
    if tolerance is not None:
        return _within(fixed, whole, float(tolerance))
    if min_iou is not None:
        return _down_to_iou(fixed, whole, float(min_iou))
    return _down_to(fixed, vertices)


def _like(polygon: Polygon, parts: Sequence[Sequence[Floats]]) -> Polygon:
    return Polygon.from_parts(parts, polygon.label, polygon.attributes, polygon.description)


def _within(polygon: Polygon, whole: Any, epsilon: float) -> Polygon:
    """Return a valid polygon with no point of the outline moved by more than `epsilon`."""
    import shapely

    distance = epsilon
    for _ in range(HALVINGS):
        with regions.native("the simplified outline"):
            shape = shapely.simplify(whole, distance, preserve_topology=True)
            thin = _from_shapely(shape)
        if [len(part) for part in thin] == [len(part) for part in polygon.parts]:
            near = [
                [_kept_near(*rings, epsilon) for rings in zip(*part, strict=True)]
                for part in zip(polygon.parts, thin, strict=True)
            ]
            found = [[ring for ring in part if ring is not None] for part in near]
            complete = [len(part) for part in found] == [len(part) for part in near]
            if complete:
                # Mostly what GEOS found is what is kept.
                same = _count(found) == _count(thin)
                if regions.is_valid_shape(shape if same else regions.shape_of(found)):
                    return _like(polygon, found)
        distance /= 2
    return polygon


def _count(parts: Sequence[Sequence[Floats]]) -> int:
    """Return the number of all vertices."""
    return sum(len(ring) for part in parts for ring in part)


def _down_to_iou(polygon: Polygon, whole: Any, least: float) -> Polygon:
    """Return a valid polygon with few vertices and at least the IoU given."""
    parts = polygon.parts
    order, triangles = thinning.removals(parts)
    # What differs lies in the triangles that went.
    changed = np.concatenate(([0.0], np.cumsum(triangles)))

    def keeps(removed: int) -> bool:
        shape = regions.shape_of(thinning.without(parts, order[:removed]))
        if not regions.is_valid_shape(shape):
            return False
        smaller, larger = sorted((whole.area, shape.area))
        if smaller < (least - ROUNDING) * larger:
            return False
        if changed[removed] <= (1 - least - ROUNDING) * larger:
            return True
        return regions.shape_iou(whole, shape) >= least

    # The overlap need not fall with each vertex. Halving the same range for every `least` still
    # never gives more vertices for a smaller one: both go the same way until it alone may go on.
    low, high = 0, len(order) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return _like(polygon, thinning.without(parts, order[:low])) if low else polygon


def _down_to(polygon: Polygon, vertices: object) -> Polygon:
    """Return a polygon with exactly so many vertices, valid if it was."""
    parts = polygon.parts
    rings = sum(map(len, parts))
    count = resampling.check_count(vertices, rings, "vertices")
    present = len(polygon.x)
    if count >= present:
        return polygon if count == present else _like(polygon, resampling.insert(parts, count))
    was_valid = regions.is_valid(parts)
    order = thinning.removal_order(parts, crossing=not was_valid)
    if len(order) >= present - count:
        thin = thinning.without(parts, order[: present - count])
        if not was_valid or regions.is_valid(thin):
            return _like(polygon, thin)
    raise GeometryError(
        f"vertices is {count}; with fewer than {present - len(order)} the rings of this polygon "
        "would cross or leave each other. Give more vertices"
    )


def _from_shapely(shape: Any) -> list[list[Floats]]:
    pieces = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
    return [
        [np.asarray(ring.coords)[:-1, :2] for ring in (piece.exterior, *piece.interiors)]
        for piece in pieces
        if not piece.is_empty
    ]


def _kept_near(ring: Floats, thin: Floats, epsilon: float) -> Floats | None:
    """Return the vertices kept, with the start if it is needed to stay near; None if too few."""
    place = {vertex: index for index, vertex in enumerate(map(tuple, ring.tolist()))}
    kept = sorted(place[vertex] for vertex in map(tuple, thin.tolist()))
    if len(kept) < 3:
        return None
    if _strays(ring, kept) > epsilon:
        kept = sorted({0, *kept})
        if _strays(ring, kept) > epsilon:
            return None
    return ring[kept]


def _strays(ring: Floats, kept: list[int]) -> float:
    """Return the largest distance of a vertex from the segment that stands for it.

    Each segment joins two vertices of the piece that it replaces, so no point of it is farther
    from that piece than this either.
    """
    chosen = np.array(kept)
    segment = np.searchsorted(chosen, np.arange(len(ring)), side="right") - 1
    start = ring[chosen][segment]
    way = np.roll(ring[chosen], -1, axis=0)[segment] - start
    from_start = ring - start
    length = np.maximum((way * way).sum(axis=1), np.finfo(np.float64).tiny)
    share = np.clip((from_start * way).sum(axis=1) / length, 0, 1)
    return float(np.hypot(*(from_start - share[:, None] * way).T).max())
