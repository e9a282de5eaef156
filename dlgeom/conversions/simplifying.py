"""Fewer vertices: outlines that stay within a distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions import Polygon
from dlgeom.definitions.base import number
from dlgeom.errors import GeometryError

__all__ = ["check_epsilon", "simplify"]

Floats = NDArray[np.float64]

HALVINGS = 8
"""How often `simplify` tries again with half the distance before it keeps the outline."""


def check_epsilon(epsilon: float | None) -> None:
    """Raise `GeometryError` if it is neither None nor a distance."""
    if epsilon is not None and number(epsilon, "epsilon") < 0:
        raise GeometryError(f"epsilon is {epsilon}; it is a distance in pixels, 0 or more")


def simplify(polygon: Polygon, *, epsilon: float) -> Polygon:
    """Leave out vertices so that no point of the outline moves by more than `epsilon` pixels.

    Each part and hole stays, rings of a valid polygon neither cross themselves nor each other.

    Parameters
    ----------
    polygon : Polygon
        What to simplify.
    epsilon : float
        Largest distance in pixels between the outlines.

    Raises
    ------
    GeometryError
        If `epsilon` is negative or not finite.

    Notes
    -----
    Topology-preserving Douglas-Peucker simplification of all rings together (GEOS). Its result
    is checked, because GEOS may move the start of a ring twice: a ring that strays gets its
    start back, and where a ring is lost or rings come to cross, half the distance is tried. A
    polygon that crosses itself to begin with comes back as it is.
    """
    import shapely

    check_epsilon(epsilon)
    whole = _to_shapely(polygon.parts)
    if epsilon == 0 or not shapely.is_valid(whole):
        return polygon
    distance = float(epsilon)
    for _ in range(HALVINGS):
        thin = _from_shapely(shapely.simplify(whole, distance, preserve_topology=True))
        if [len(part) for part in thin] == [len(part) for part in polygon.parts]:
            near = [
                [_kept_near(*rings, epsilon) for rings in zip(*part, strict=True)]
                for part in zip(polygon.parts, thin, strict=True)
            ]
            found = [[ring for ring in part if ring is not None] for part in near]
            complete = [len(part) for part in found] == [len(part) for part in near]
            if complete and shapely.is_valid(_to_shapely(found)):
                return Polygon.from_parts(
                    found, polygon.label, polygon.attributes, polygon.description
                )
        distance /= 2
    return polygon


def _to_shapely(parts: list[list[Floats]]) -> Any:
    import shapely

    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in parts])


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
