"""Rows that no COCO reader takes, ours included: left out, and told, before they are written.

Outlines have the faults that `dlgeom.geometry.raster` finds in rings: no area, too many vertices,
far away. A ring with a fault is left out; a record of which nothing is left is dropped.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import DROPPED, Losses
from dlgeom.converters.coco.write_codes import approximate, drop
from dlgeom.geometry import raster, rings, rotated
from dlgeom.geometry.ragged import Rings, gather, offsets_of
from dlgeom.limits import Limits

__all__ = ["drop_outside", "without_faults"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def without_faults(chunk: Chunk, losses: Losses, limits: Limits) -> Chunk:
    """Leave out the rings that readers refuse, and drop records that were nothing else.

    Parameters
    ----------
    chunk : Chunk
        Columns to write.
    losses : Losses
        One entry a row. A polygon that keeps other rings is approximated with how much of its
        area is left, as is a record that keeps another shape (without a measure); others are
        dropped.
    limits : Limits
        Those of coordinates, outlines and vertices that a reader has.

    Returns
    -------
    Chunk
        The same rows; `chunk` itself where nothing is wrong.
    """
    outline = chunk.outline
    found = raster.faults(outline.xy, outline.rings, limits=limits)
    owner = np.repeat(np.arange(len(chunk)), np.diff(outline.row_rings))
    long = np.diff(outline.row_vertices) > limits.points
    found[long[owner]] = raster.FAULTS.index("limit.points")
    if found.any():
        kept = _some_rings(outline, found == 0)
        before, after = rings.row_areas(outline), rings.row_areas(kept)
        chunk = msgspec.structs.replace(chunk, outline=kept)
        other = _other_shapes(chunk) | ~np.isnan(chunk.rotated[:, 0])
        for row in np.unique(owner[found != 0]).tolist():
            code = raster.FAULTS[int(found[(owner == row) & (found != 0)][0])]
            if kept.part_counts[row]:
                low, high = sorted((float(before[row]), float(after[row])))
                share = low / high if 0 < high < np.inf else np.nan
                _settle(losses, row, code, kept=True, measure=share)
            else:
                _settle(losses, row, code, kept=bool(other[row]))
    return _without_flat_boxes(chunk, losses, limits)


def _settle(losses: Losses, row: int, code: str, *, kept: bool, measure: float = np.nan) -> None:
    if losses.status[row] == DROPPED:
        return
    if kept:
        approximate(losses, row, code, measure)
    else:
        drop(losses, row, code)


def _other_shapes(chunk: Chunk) -> Bools:
    """Return which rows have a mask, key points, or an upright box with an area."""
    left, top, right, bottom = chunk.bounds.T
    with np.errstate(invalid="ignore"):
        boxed = (right > left) & (bottom > top)
    other: Bools = chunk.runs.present | (chunk.keypoints.lengths > 0) | boxed
    return other


def _without_flat_boxes(chunk: Chunk, losses: Losses, limits: Limits) -> Chunk:
    """Leave out rotated boxes whose corners, which are written as a polygon, are none."""
    shaped = (chunk.outline.part_counts > 0) | chunk.runs.present
    rows = np.flatnonzero(~np.isnan(chunk.rotated[:, 0]) & ~shaped)
    if not len(rows):
        return chunk
    corners = rotated.corners(chunk.rotated[rows]).reshape(-1, 2)
    found = raster.faults(corners, offsets_of(np.full(len(rows), 4)), limits=limits)
    if not found.any():
        return chunk
    other = _other_shapes(chunk)
    turned = chunk.rotated.copy()
    for place in np.flatnonzero(found).tolist():
        row = int(rows[place])
        turned[row] = np.nan
        _settle(losses, row, raster.FAULTS[int(found[place])], kept=bool(other[row]))
    return msgspec.structs.replace(chunk, rotated=turned)


def _some_rings(outline: Rings, good: Bools) -> Rings:
    """Return outlines with some of their rings; a hole without its exterior is one itself.

    That is what filling a part by parity makes of it.
    """
    index, cuts = gather(outline.rings, np.flatnonzero(good))
    counts = np.diff(offsets_of(good)[outline.parts])
    filled = np.diff(offsets_of(counts > 0)[outline.rows])
    return Rings(outline.xy[index], cuts, offsets_of(counts[counts > 0]), offsets_of(filled))


def drop_outside(chunk: Chunk, box: Floats, losses: Losses) -> None:
    """Drop records whose bbox lies wholly outside of their image.

    Parameters
    ----------
    chunk : Chunk
        Columns to write.
    box : ndarray of float64, shape (N, 4)
        Left, top, right, bottom of the bbox of each row, NaN for none.
    losses : Losses
        One entry a row.
    """
    sizes: NDArray[Any] = chunk.sizes
    known = (sizes > 0).all(axis=1)
    with np.errstate(invalid="ignore"):
        away = (box[:, :2] > sizes).any(axis=1) | (box[:, 2:] < 0).any(axis=1)
    outside = away & known & (losses.status != DROPPED)
    if outside.any():
        drop(losses, outside, "geometry.outside_image")
