"""Boxes and areas of COCO records from the columns of a chunk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.geometry import rings, rle, rotated

__all__ = ["areas", "boxes", "extents", "shortest_sizes"]

Floats = NDArray[np.float64]


def shortest_sizes(low: Floats, high: Floats) -> Floats:
    """Return sizes w with ``low + w == high`` in floats, as short in decimals as that allows.

    Parameters
    ----------
    low, high : ndarray of float64, same shape
        Edges; ``low <= high``.

    Returns
    -------
    ndarray of float64
        Where no float adds up exactly (the edges differ by many orders of magnitude), the
        nearest one.

    Notes
    -----
    ``20.3 - 10.1`` is 10.200000000000001, but 10.2 leads from 10.1 to 20.3 as well. A number
    of d decimals is found as a multiple of 10**-d, so that its text is short.
    """
    shape = low.shape
    start, stop = low.ravel(), high.ravel()
    sizes = stop - start
    for toward in (-np.inf, np.inf):
        off = np.flatnonzero(start + sizes != stop)
        if not len(off):
            break
        moved = np.nextafter(sizes[off], toward)
        good = start[off] + moved == stop[off]
        sizes[off[good]] = moved[good]
    left = np.flatnonzero((start + sizes == stop) & np.isfinite(sizes))
    for decimals in range(16):
        if not len(left):
            break
        power = 10.0**decimals
        short = np.rint(sizes[left] * power) / power
        good = start[left] + short == stop[left]
        sizes[left[good]] = short[good]
        left = left[~good]
    return sizes.reshape(shape)


def extents(chunk: Chunk, *, unseen: bool = False) -> Floats:
    """Return the bounds of what each row draws, shape (N, 4); NaN where it draws nothing.

    Polygon, else mask, else rotated box, else box, else the labelled keypoints, with `unseen`
    all of them.
    """
    result = chunk.bounds.copy()
    turned = ~np.isnan(chunk.rotated[:, 0])
    if turned.any():
        result[turned] = rotated.extent(chunk.rotated[turned])
    lone = np.isnan(result[:, 0]) & (chunk.keypoints.lengths > 0)
    for row in np.flatnonzero(lone).tolist():
        points = chunk.keypoints.row(row)
        told = unseen | (points[:, 2] > 0)
        seen = points[told & np.isfinite(points[:, :2]).all(axis=1), :2]
        if len(seen):
            result[row] = (*seen.min(axis=0), *seen.max(axis=0))
    masked = chunk.runs.present
    if masked.any():
        result[masked] = rle.bounds_many(chunk.runs)[masked]
    drawn = chunk.outline.part_counts > 0
    if drawn.any():
        result[drawn] = rings.row_bounds(chunk.outline)[drawn]
    return result


def boxes(chunk: Chunk, *, recompute: bool, unseen: bool = False) -> Floats:
    """Return left, top, right, bottom for the bbox of each row, shape (N, 4), NaN for none.

    The stored box counts, unless `recompute` asks for the extent of polygon or mask.
    For `unseen` see `extents`.
    """
    missing = np.isnan(chunk.bounds[:, 0]) | ~np.isnan(chunk.rotated[:, 0])
    if not recompute and not missing.any():
        return chunk.bounds
    due = missing | recompute
    return np.where(due[:, None], extents(chunk, unseen=unseen), chunk.bounds)


def areas(chunk: Chunk, box: Floats, *, recompute: bool) -> Floats:
    """Return the area of each row in square pixels, shape (N,); NaN for none.

    The stored area, else that of the polygon's parts (shoelace), the mask's pixels, the rotated
    box, the box. `recompute` puts the stored one last but for rows that have keypoints only.
    """
    result = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    stored = ~np.isnan(chunk.area)
    if not recompute and stored.all():
        return chunk.area
    turned = ~np.isnan(chunk.rotated[:, 0])
    if turned.any():
        result[turned] = chunk.rotated[turned, 2] * chunk.rotated[turned, 3]
    masked = chunk.runs.present
    if masked.any():
        result[masked] = rle.areas(chunk.runs)[masked]
    drawn = chunk.outline.part_counts > 0
    if drawn.any():
        result[drawn] = rings.row_areas(chunk.outline)[drawn]
    if recompute:
        poses = (chunk.keypoints.lengths > 0) & ~drawn & ~masked
        return np.where(stored & poses, chunk.area, result)
    return np.where(stored, chunk.area, result)
