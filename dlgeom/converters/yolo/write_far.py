"""Rows so far away from their image that no reader takes them, ours included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.yolo.options import FAR_OWN
from dlgeom.converters.yolo.write_boxes import keypoint_extents
from dlgeom.geometry.ragged import Ragged
from dlgeom.limits import Limits

__all__ = ["far_rows"]

Floats = NDArray[np.float64]


def far_rows(chunk: Chunk, limits: Limits) -> NDArray[np.bool_]:
    """Return which rows reach beyond the limit `coordinate`, or 5,000 times their image.

    A box that is twice as wide as it reaches is then within the 10,000 times that readers take.
    """
    sizes = chunk.sizes.min(axis=1, initial=np.iinfo(np.int64).max)
    known = np.where(sizes > 0, sizes * (FAR_OWN / 2), np.inf)
    allowed = np.minimum(known, limits.coordinate)
    columns = (chunk.bounds, chunk.rotated[:, :4], chunk.outline.xy, chunk.keypoints.values)
    # Twice: a rotated box reaches from its centre.
    if 2 * max(map(_largest, columns)) <= allowed.min(initial=np.inf):
        return np.zeros(len(chunk), dtype=np.bool_)
    from dlgeom.geometry import rings

    cx, cy, width, height = chunk.rotated[:, :4].T
    points = chunk.keypoints.values.copy()
    points[:, 2] = 1  # those that are not labelled have a place in the file too
    every = Ragged(points, chunk.keypoints.offsets)
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.stack(
            [
                np.fmax.reduce(np.abs(chunk.bounds), axis=1),
                np.fmax(np.abs(cx), np.abs(cy)) + np.hypot(width, height) / 2,
                np.fmax.reduce(np.abs(rings.row_bounds(chunk.outline)), axis=1),
                np.fmax.reduce(np.abs(keypoint_extents(every)), axis=1),
            ]
        )
        far: NDArray[np.bool_] = np.fmax.reduce(reach, axis=0) > allowed
    return far


def _largest(values: Floats) -> float:
    """Return the largest distance from 0; NaN counts as none."""
    if not values.size:
        return 0.0
    return max(float(np.fmax.reduce(values, axis=None)), -float(np.fmin.reduce(values, axis=None)))
