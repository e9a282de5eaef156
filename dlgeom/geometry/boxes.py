"""Axis-aligned boxes, N at once: layouts, clipping, corners.

Layouts: ``xyxy`` is left, top, right, bottom; ``xywh`` left, top, width, height (COCO);
``cxcywh`` centre, width, height (YOLO). All arrays are float64 of shape (N, 4), in pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "box_rings",
    "clip",
    "cxcywh_to_xyxy",
    "xywh_to_xyxy",
    "xyxy_to_cxcywh",
    "xyxy_to_xywh",
]

Floats = NDArray[np.float64]


def _boxes(boxes: ArrayLike) -> Floats:
    """Return a new float64 array of shape (N, 4)."""
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def xywh_to_xyxy(boxes: ArrayLike) -> Floats:
    """Turn left, top, width, height into left, top, right, bottom."""
    result = _boxes(boxes)
    result[:, 2:] += result[:, :2]
    return result


def xyxy_to_xywh(boxes: ArrayLike) -> Floats:
    """Turn left, top, right, bottom into left, top, width, height."""
    result = _boxes(boxes)
    result[:, 2:] -= result[:, :2]
    return result


def cxcywh_to_xyxy(boxes: ArrayLike) -> Floats:
    """Turn centre, width, height into left, top, right, bottom."""
    values = _boxes(boxes)
    half = values[:, 2:] / 2
    return np.hstack((values[:, :2] - half, values[:, :2] + half))


def xyxy_to_cxcywh(boxes: ArrayLike) -> Floats:
    """Turn left, top, right, bottom into centre, width, height."""
    values = _boxes(boxes)
    low, high = values[:, :2], values[:, 2:]
    return np.hstack(((low + high) / 2, high - low))


def clip(boxes: ArrayLike, width: ArrayLike, height: ArrayLike) -> Floats:
    """Cut boxes (xyxy) to images of the given size; a box outside ends as a flat box on the edge.

    Parameters
    ----------
    boxes : array_like of float, shape (N, 4)
        Left, top, right, bottom.
    width, height : float or array_like of float, shape (N,)
        Size of the image, or of each box's image, in pixels.
    """
    result = _boxes(boxes)
    for side, size in ((0, width), (1, height)):
        limit = np.asarray(size, dtype=np.float64).reshape(-1, 1)
        np.clip(result[:, side::2], 0.0, limit, out=result[:, side::2])
    return result


def box_rings(boxes: ArrayLike) -> Floats:
    """Return the corners of boxes (xyxy), shape (N, 4, 2).

    Left-top, right-top, right-bottom, left-bottom: clockwise on the screen.
    """
    return _boxes(boxes)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
