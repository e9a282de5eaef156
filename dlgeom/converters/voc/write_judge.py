"""Which rows an XML file holds as something else than they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import HOLES, KEYPOINTS, OUTLINE, PARTS, RUNS, Chunk
from dlgeom.converters.base import DROPPED, Losses
from dlgeom.converters.voc.write_codes import approximate
from dlgeom.converters.voc.write_shapes import measures

__all__ = ["box_ious", "judge"]


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
