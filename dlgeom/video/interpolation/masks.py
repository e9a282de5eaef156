"""Masks between two: signed distances of both, each shifted to the centroid in between.

Without the shift the blend of two masks that lie apart is empty. All of it happens on the bounds
of the two shifted masks; the result is cut at the image.

References
----------
G. T. Herman, J. Zheng, C. A. Bucholtz, Shape-based interpolation, IEEE Computer Graphics and
Applications 12(3), 1992 (signed distances); the shift makes it follow motion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import rle

__all__ = ["between_masks"]

Counts = NDArray[np.uint32]
Bools = NDArray[np.bool_]

LARGEST = 64_000_000
"""Pixels of the common bounds above which the first mask holds: distances are dense."""


def between_masks(first: Counts, second: Counts, shape: tuple[int, int], t: float) -> Counts:
    """Return the run lengths of the mask between two of one shape (height, width); 0 < t < 1.

    An empty mask has no distances: the first mask holds then. Two masks that are not empty never
    give an empty one: what is farthest inside of the blend is there at least.
    """
    crops = [rle.decode_crop(counts, shape) for counts in (first, second)]
    if not all(crop.any() for crop, _, _ in crops):
        return first
    centres = [_centroid(*crop) for crop in crops]
    middle = centres[0] + (centres[1] - centres[0]) * t
    # Whole pixels, so that shifted masks stay masks; the second goes to where the first one is
    # then, so that a mask that only moves keeps its shape.
    moves = [np.rint(middle - centres[0]).astype(int)]
    moves.append(np.rint(centres[0] + moves[0] - centres[1]).astype(int))
    corners = [
        np.array([left, top]) + move for (_, left, top), move in zip(crops, moves, strict=True)
    ]
    low = np.minimum(*corners) - 1
    ends = [corner + crop.shape[::-1] for corner, (crop, _, _) in zip(corners, crops, strict=True)]
    high = np.maximum(*ends) + 1
    size = high - low
    if int(size[0]) * int(size[1]) > LARGEST:
        return first
    distances = [
        _signed(crop, corner - low, (int(size[1]), int(size[0])))
        for (crop, _, _), corner in zip(crops, corners, strict=True)
    ]
    blend = distances[0] * (1 - t) + distances[1] * t
    # The moving centroid is a place in the image, so that some of the canvas is in it.
    x, y = low.tolist()
    left, top = max(x, 0), max(y, 0)
    inside = blend[top - y : max(shape[0] - y, 0), left - x : max(shape[1] - x, 0)]
    found = inside > 0
    if not found.any():
        found = inside == inside.max()
    return rle.encode_crop(found, left, top, shape)


def _centroid(crop: Bools, left: int, top: int) -> NDArray[np.float64]:
    rows, columns = np.nonzero(crop)
    return np.array([left + columns.mean(), top + rows.mean()])


def _signed(crop: Bools, at: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the distance to the mask's edge in pixels, positive inside, on a canvas."""
    import cv2

    canvas = np.zeros(shape, dtype=np.uint8)
    x, y = at.tolist()
    canvas[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    inside = cv2.distanceTransform(canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Half a pixel less: the edge runs between the pixels.
    signed: NDArray[np.float32] = np.where(canvas > 0, inside - 0.5, 0.5 - outside)
    return signed
