"""Measures of many rings at once: area, winding, bounds, centre.

Vertices of all rings lie in one array (V, 2), x then y, in pixels; ring r has the vertices
``xy[rings[r]:rings[r + 1]]`` and is closed without repeating its first vertex.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry.ragged import Rings, gather, offsets_of

__all__ = [
    "bounds",
    "centroid",
    "drop_closing",
    "row_areas",
    "row_bounds",
    "signed_areas",
    "turned",
]

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]


def _filled(xy: Floats, rings: Offsets) -> tuple[NDArray[np.int64], Floats, Offsets]:
    """Return which rings have vertices, and these rings' vertices and offsets from 0 on."""
    some = np.flatnonzero(np.diff(rings))
    if len(some) == len(rings) - 1:
        first = rings[0]
        return some, xy[first : rings[-1]], rings - first
    index, offsets = gather(rings, some)
    return some, xy[index], offsets


def signed_areas(xy: Floats, rings: Offsets) -> Floats:
    """Return the shoelace area of each ring, shape (R,), in square pixels.

    Positive where the ring runs clockwise on the screen (y down). A ring of fewer than 3
    vertices has area 0; the halves of a bow-tie count against each other.
    """
    result = np.zeros(len(rings) - 1)
    some, points, offsets = _filled(xy, rings)
    if not len(some):
        return result
    starts, sizes = offsets[:-1], np.diff(offsets)
    # From the first vertex on, so that a small ring far from the origin keeps its digits.
    away = points - np.repeat(points[starts], sizes, axis=0)
    x, y = away[:, 0], away[:, 1]
    # The terms with the first vertex are 0: each product joins neighbours inside the ring.
    twice = np.zeros(len(points))
    np.multiply(x[:-1], y[1:], out=twice[:-1])
    twice[:-1] -= x[1:] * y[:-1]
    twice[offsets[1:] - 1] = 0.0
    result[some] = np.add.reduceat(twice, starts) / 2
    return result


def bounds(xy: Floats, rings: Offsets) -> Floats:
    """Return left, top, right, bottom of each ring, shape (R, 4); NaN without vertices."""
    result = np.full((len(rings) - 1, 4), np.nan)
    some, points, offsets = _filled(xy, rings)
    if len(some):
        result[some, :2] = np.minimum.reduceat(points, offsets[:-1], axis=0)
        result[some, 2:] = np.maximum.reduceat(points, offsets[:-1], axis=0)
    return result


def drop_closing(xy: Floats, rings: Offsets) -> tuple[Floats, Offsets]:
    """Remove from each ring all last vertices equal to the first; return vertices and offsets.

    A ring that stands still keeps three, or all where it has fewer. Where nothing is to be
    removed the arrays come back as they are.
    """
    sizes = np.diff(rings)
    closed = sizes > 1
    chosen = np.flatnonzero(closed)
    closed[chosen] = (xy[rings[:-1][chosen]] == xy[rings[1:][chosen] - 1]).all(axis=1)
    if not closed.any():
        return xy, rings
    # The last vertex of each of these rings that is another than the first.
    some = np.flatnonzero(closed)
    index, cuts = gather(rings, some)
    first = np.repeat(xy[rings[:-1][some]], np.diff(cuts), axis=0)
    other = np.where((xy[index] != first).any(axis=1), index, -1)
    last = np.maximum.reduceat(other, cuts[:-1])
    still = rings[:-1][some] + np.minimum(sizes[some], 3) - 1
    last = np.where(last < 0, still, last)
    spare = np.zeros(len(sizes), dtype=np.int64)
    spare[some] = rings[1:][some] - 1 - last
    keep = np.ones(len(xy), dtype=np.bool_)
    keep[index] = index <= np.repeat(last, np.diff(cuts))
    keep[: rings[0]] = keep[rings[-1] :] = False
    return xy[keep], offsets_of(sizes - spare)


def row_areas(outline: Rings) -> Floats:
    """Return the area of each row in square pixels, shape (N,); 0 without parts.

    The sum over the parts of the exterior's area minus those of its holes: exact where the
    parts do not overlap and no ring crosses itself.
    """
    areas = np.abs(signed_areas(outline.xy, outline.rings))
    areas[outline.is_hole] *= -1
    result = np.zeros(len(outline))
    offsets = outline.row_rings
    some = np.flatnonzero(np.diff(offsets))
    if len(some):
        result[some] = np.add.reduceat(areas, offsets[some])
    return result


def row_bounds(outline: Rings) -> Floats:
    """Return left, top, right, bottom of each row, shape (N, 4); NaN without vertices."""
    return bounds(outline.xy, outline.row_vertices)


FAR = 1e60  # coordinates beyond this are made smaller before they are multiplied
SMALLER = 2.0**-900


def centroid(xy: Floats, rings: Offsets, is_hole: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the centre of gravity x, y of exteriors less holes, as `row_areas` counts them.

    The mean of the vertices if there is no area. Coordinates of any size.
    """
    if np.abs(xy).max() > FAR:
        x, y = centroid(xy * SMALLER, rings, is_hole)
        return x / SMALLER, y / SMALLER
    weights = np.abs(signed_areas(xy, rings))
    weights[is_hole] *= -1
    whole = weights.sum()
    if not whole > 0:
        x, y = xy.mean(axis=0).tolist()
        return x, y
    cuts = rings.tolist()
    centres = np.array([_centre(xy[a:b]) for a, b in pairwise(cuts)])
    x, y = (weights @ centres / whole).tolist()
    return x, y


def _centre(ring: Floats) -> Floats:
    """Centre of gravity of the area inside of one ring; the mean of its vertices if that is 0."""
    origin = ring[0]
    here = ring - origin  # near the origin the products keep their digits
    after = np.roll(here, -1, axis=0)
    cross = here[:, 0] * after[:, 1] - after[:, 0] * here[:, 1]
    twice = cross.sum()
    if twice == 0:
        return np.asarray(ring.mean(axis=0))
    return np.asarray(origin + ((here + after) * cross[:, None]).sum(axis=0) / (3 * twice))


def turned(parts: Sequence[Sequence[Floats]], *, clockwise: bool = True) -> list[list[Floats]]:
    """Return rings of parts so that exteriors run one way on the screen and holes the other.

    The first vertex of each stays; rings without area stay as they are.
    """
    found = []
    for part in parts:
        xy = np.concatenate(part)
        xy = xy * SMALLER if np.abs(xy).max() > FAR else xy
        areas = signed_areas(xy, offsets_of([len(ring) for ring in part]))
        wrong = [
            area != 0 and (area > 0) != (clockwise == (k == 0))
            for k, area in enumerate(areas.tolist())
        ]
        found.append(
            [
                np.ascontiguousarray(np.roll(ring[::-1], 1, axis=0)) if bad else ring
                for ring, bad in zip(part, wrong, strict=True)
            ]
        )
    return found
