"""Outlines along pixel edges to run lengths, whatever their length and number of rings.

Where all vertices are whole numbers and all edges upright or level, the rule of `raster` comes
down to this: a level edge at y from x0 to x1 changes the value of the columns x0 to x1 from row y
on, an upright edge changes nothing. (A whole coordinate c lies in the fifth-pixel cell 5 c, and
the walk along y crosses the middle of a column at cell 5 y, whose row is y.) So the counts follow
from the edges without walking them: the outline of any mask can be filled again.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import rle
from dlgeom.geometry.ragged import offsets_of
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["fill", "fits"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 1 << 20  # changes of columns that are sorted at a time


def fits(xy: Floats, rings: Ints, *, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Tell whether all rings run along pixel edges and can be filled by `fill`.

    Parameters
    ----------
    xy : ndarray of float64, shape (V, 2)
        Vertices of all rings.
    rings : ndarray of int64, shape (R + 1,)
        Offsets of the rings, from 0 on; a ring of fewer than 3 vertices does not fit.
    limits : Limits
        No coordinate is beyond `coordinate`; the level edges are together no longer than those
        of a mask of `pixels` pixels can be.
    """
    if len(rings) < 2 or int(np.diff(rings).min()) < 3:
        return False
    # Most outlines that are no pixel edges show it at once. NaN compares false.
    for some in (xy[:1], xy):
        if not (np.abs(some) <= limits.coordinate).all() or (some % 1).any():
            return False
    steps = _nexts(xy, rings)
    steps -= xy
    if (steps[:, 0] * steps[:, 1]).any():
        return False
    return float(np.abs(steps[:, 0]).sum()) <= limits.pixels


def _nexts(values: Floats, rings: Ints) -> Floats:
    """Return the next vertex of each."""
    following = np.empty_like(values)
    following[:-1] = values[1:]
    following[rings[1:] - 1] = values[rings[:-1]]
    return following


def fill(xy: Floats, rings: Ints, parts: Ints, shape: tuple[int, int]) -> NDArray[np.uint32]:
    """Fill an outline: OR over its parts of (exterior XOR holes), as `raster.parts_to_runs`.

    Parameters
    ----------
    xy, rings
        Rings that `fits` lets through.
    parts : ndarray of int64, shape (P + 1,)
        Part p has the rings ``parts[p]:parts[p + 1]``.
    shape : (int, int)
        Height and width of the image.

    Returns
    -------
    ndarray of uint32
        Canonical counts.
    """
    height, width = shape
    following = _nexts(xy, rings)
    vertices = np.diff(rings[parts])
    level = np.flatnonzero(xy[:, 0] != following[:, 0])
    ends = np.clip(np.stack((xy[level, 0], following[level, 0])), 0, width).astype(np.int64)
    left, right = ends.min(axis=0), ends.max(axis=0)
    row = np.clip(xy[level, 1], 0, height).astype(np.int64)
    part = np.repeat(np.arange(len(vertices)), vertices)[level]
    flips = [
        _block(left, right, row, part, height, first, last)
        for first, last in pairwise(_cuts(left, right, width))
    ]
    return rle.from_flips(np.concatenate(flips), height * width)


def _cuts(left: Ints, right: Ints, width: int) -> list[int]:
    """Return columns at which the image is cut so that no block has much more than `BLOCK`."""
    if int((right - left).sum()) <= BLOCK:
        return [0, width]
    # How many edges pass each column, counted where that changes.
    places = np.concatenate((left, right))
    order = np.argsort(places, kind="stable")
    places = places[order]
    passing = np.cumsum(np.where(order < len(left), 1, -1))
    before = offsets_of(np.diff(places) * passing[:-1])
    wanted = np.arange(BLOCK, int(before[-1]), BLOCK)
    at = np.searchsorted(before, wanted, side="right") - 1
    cuts = places[at] + (wanted - before[at]) // np.maximum(passing[at], 1)
    return [0, *np.unique(cuts[(cuts > 0) & (cuts < width)]).tolist(), width]


def _block(
    left: Ints, right: Ints, row: Ints, part: Ints, height: int, first: int, last: int
) -> Ints:
    """Return the flips of the columns `first` to `last`, sorted."""
    inside = np.flatnonzero((left < last) & (right > first))
    low = np.maximum(left[inside], first)
    lengths = np.minimum(right[inside], last) - low
    offsets = offsets_of(lengths)
    column = np.arange(offsets[-1]) + np.repeat(low - offsets[:-1], lengths)
    place = column * height + np.repeat(row[inside], lengths)
    parts = np.repeat(part[inside], lengths)
    order = np.lexsort((place, parts))
    place, parts = place[order], parts[order]
    # In a part an even number of changes at one place is none; what stays goes in and out in
    # turn, since all changes of a part in a column are even in number.
    fresh = np.ones(len(place), dtype=np.bool_)
    fresh[1:] = (place[1:] != place[:-1]) | (parts[1:] != parts[:-1])
    heads = np.flatnonzero(fresh)
    heads = heads[(np.diff(np.append(heads, len(place))) & 1).astype(np.bool_)]
    place = place[heads]
    way = np.ones(len(place), dtype=np.int64)
    way[1::2] = -1
    order = np.argsort(place, kind="stable")
    place, way = place[order], way[order]
    # Parts that hold each pixel from here on; changes at one place count together.
    ends = np.flatnonzero(np.diff(place, append=-1))
    covered = np.cumsum(way)[ends] > 0
    changed = covered != np.concatenate(([False], covered[:-1]))
    return np.asarray(place[ends[changed]])
