"""How much of a record's pixels is kept by what was written instead of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.geometry import boxes, overlap, raster, rotated
from dlgeom.geometry.ragged import Rings, Runs, offsets_of

__all__ = ["mask_ious"]

Floats = NDArray[np.float64]


def _ring_each(corners: Floats) -> Rings:
    """Return one row for each ring of four corners, shape (N, 4, 2)."""
    n = len(corners)
    each = np.arange(n + 1, dtype=np.int64)
    return Rings(corners.reshape(-1, 2), each * 4, each, each)


def _own_outlines(chunk: Chunk) -> Rings:
    """Return polygon, rotated box or box of each row, the first that it has."""
    n = len(chunk)
    drawn = chunk.outline.part_counts > 0
    turned = ~drawn & ~np.isnan(chunk.rotated[:, 0])
    boxed = ~drawn & ~turned & ~np.isnan(chunk.bounds[:, 0])
    blocks = [
        chunk.outline.take(np.flatnonzero(drawn)),
        _ring_each(rotated.corners(chunk.rotated[turned])),
        _ring_each(boxes.box_rings(chunk.bounds[boxed])),
    ]
    places = np.concatenate([np.flatnonzero(drawn), np.flatnonzero(turned), np.flatnonzero(boxed)])
    found = Rings.concat(blocks).take(np.argsort(places, kind="stable"))
    counts = np.zeros(n, dtype=np.int64)
    counts[np.sort(places)] = found.part_counts
    return Rings(found.xy, found.rings, found.parts, offsets_of(counts))


def _only(outline: Rings, rows: NDArray[np.bool_]) -> Rings:
    """Return the outlines of the rows chosen; the others become rows without one."""
    chosen = outline.take(np.flatnonzero(rows))
    counts = np.where(rows, outline.part_counts, 0)
    return Rings(chosen.xy, chosen.rings, chosen.parts, offsets_of(counts))


def _usable(outline: Rings) -> NDArray[np.bool_]:
    """Tell which rows may reach the rasteriser: flat outlines are fine, far ones are not."""
    faults = raster.faults(outline.xy, outline.rings)
    faults[faults == raster.FAULTS.index("polygon.zero_area")] = 0
    bad = np.concatenate([[0], np.cumsum(faults > 0)])
    ends = outline.row_rings
    return np.asarray(bad[ends[1:]] == bad[ends[:-1]])


def mask_ious(chunk: Chunk, rows: NDArray[np.int64], replaced: Rings) -> Floats:
    """Return the IoU of each record's pixels with those written instead.

    The record's own pixels are those of its mask, its polygon, its rotated box or its box.

    Parameters
    ----------
    chunk : Chunk
        The records, with outlines and masks decoded.
    rows : ndarray of int64, shape (M,)
        The records to compare.
    replaced : Rings
        One row for each of the chunk's; without parts where nothing was replaced.

    Returns
    -------
    ndarray of float64, shape (M,)
        NaN where either has no pixels to compare.
    """
    some = chunk.select(rows)
    other = replaced.take(rows)
    shapes = some.sizes[:, ::-1]
    sized = (shapes > 0).all(axis=1)
    masked = some.runs.present & (some.runs.shape == shapes).all(axis=1)
    outlines = _own_outlines(some)
    other = _only(other, sized & _usable(other))
    drawn = raster.rows_to_runs(_only(outlines, sized & ~masked & _usable(outlines)), shapes)
    own = Runs.concat([some.runs, drawn]).take(
        np.where(masked, np.arange(len(some)), np.arange(len(some)) + len(some))
    )
    return overlap.paired_iou(own, raster.rows_to_runs(other, shapes))
