"""Which rows an XML file holds as something else than they are."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import HOLES, KEYPOINTS, OUTLINE, PARTS, RUNS, Chunk
from dlgeom.converters.base import DROPPED, Losses
from dlgeom.converters.voc.write_codes import approximate, drop
from dlgeom.converters.voc.write_shapes import measures
from dlgeom.geometry import raster, rings
from dlgeom.geometry.ragged import offsets_of
from dlgeom.limits import Limits

__all__ = ["box_ious", "drop_outside", "judge", "readable_rings"]


def judge(
    chunk: Chunk,
    boxes: NDArray[np.float64],
    held: set[int],
    losses: Losses,
    *,
    segment: bool,
    robndbox: bool,
) -> None:
    """Tell which rows the XML holds only as a box.

    Parameters
    ----------
    chunk : Chunk
        The rows.
    boxes : ndarray of float64, shape (N, 4)
        The boxes that stand for them.
    held : set of int
        Rows whose outline is in the XML.
    losses : Losses
        Is told.
    segment : bool
        Whether masks are written too.
    robndbox : bool
        Whether rotated boxes are in the XML.
    """
    shapes = chunk.shapes
    alive = losses.status != DROPPED
    areal = ((shapes & (OUTLINE | RUNS | PARTS | HOLES)) != 0) & alive
    if held:
        rows = list(held)
        areal[rows] &= (shapes[rows] & RUNS) != 0
    if areal.any():
        if segment:
            approximate(losses, areal & ((shapes & RUNS) == 0), "geometry.raster")
        else:
            approximate(losses, areal, "geometry.box", measures(chunk, boxes, areal))
    turned = ~np.isnan(chunk.rotated[:, 0]) & alive
    if turned.any() and not robndbox:
        size = chunk.rotated[turned, 2] * chunk.rotated[turned, 3]
        whole = np.prod(boxes[turned, 2:] - boxes[turned, :2], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            approximate(losses, turned, "geometry.box", np.where(whole > 0, size / whole, 1.0))
    posed = ((shapes & KEYPOINTS) != 0) & alive
    if posed.any():
        approximate(losses, posed, "geometry.keypoints")


def box_ious(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the IoU of boxes, pair by pair."""
    wide = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    common = np.prod(np.maximum(wide, 0.0), axis=1)
    both = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - common
    return np.asarray(np.divide(common, both, out=np.zeros_like(common), where=both > 0))


def drop_outside(
    chunk: Chunk, boxes: NDArray[np.float64], own: Container[int], losses: Losses, limits: Limits
) -> None:
    """Drop the rows whose box no reader takes, ours included.

    Parameters
    ----------
    chunk : Chunk
        The rows.
    boxes : ndarray of float64, shape (N, 4)
        Their boxes as they are read back, NaN for none.
    own : container of int
        Rows that a reader has taken already.
    losses : Losses
        Is told.
    limits : Limits
        That of coordinates.
    """
    sizes = np.where(chunk.sizes > 0, chunk.sizes, np.inf)
    with np.errstate(invalid="ignore"):
        common = np.minimum(boxes[:, 2:], sizes) - np.maximum(boxes[:, :2], 0.0)
        # A box that only touches its image has nothing in it, unless it is a line itself.
        apart = (common < 0) | ((common == 0) & (boxes[:, 2:] > boxes[:, :2]))
        far = (np.abs(boxes) > limits.coordinate).any(axis=1)
    outside = apart.any(axis=1) | far
    rows = [row for row in np.flatnonzero(outside).tolist() if row not in own]
    if rows:
        drop(losses, np.array(rows), "geometry.outside_image")


def readable_rings(
    found: dict[int, NDArray[np.float64]], limits: Limits
) -> dict[int, NDArray[np.float64]]:
    """Return the outlines of rows without those that no reader takes.

    They have no area, or too many points. The box is written all the same.
    """
    if not found:
        return found
    cuts = offsets_of([len(ring) for ring in found.values()])
    opened = rings.drop_closing(np.concatenate(list(found.values())), cuts)
    bad = raster.faults(*opened, limits=limits) != 0
    if not bad.any():
        return found
    return {row: ring for (row, ring), no in zip(found.items(), bad, strict=True) if not no}
