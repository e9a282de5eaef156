"""Object keypoint similarity, as COCO's evaluation computes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dlgeom.errors import GeometryError
from dlgeom.geometry.overlap._pairs import Bools, Floats

__all__ = ["COCO_SIGMAS", "paired_oks", "pairwise_oks"]

COCO_SIGMAS: Floats = (
    np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
)
"""Spread of the annotators for COCO's 17 key points, relative to the size of a person."""
COCO_SIGMAS.flags.writeable = False

BLOCK = 1 << 19  # distances that are looked at together


def _points(keypoints: ArrayLike, what: str, widths: tuple[int, ...]) -> Floats:
    values = np.asarray(keypoints, dtype=np.float64)
    if values.shape == (0,):
        values = np.zeros((0, 0, 3))
    if values.ndim != 3 or values.shape[2] not in widths:
        form = " or ".join(f"(N, K, {width})" for width in widths)
        raise GeometryError(f"{what} has shape {values.shape}; key points are {form}")
    if not np.isfinite(values).all():
        raise GeometryError(f"{what} has a number that is not finite. Leave that row out")
    return values


def _sigmas(sigmas: ArrayLike | None, count: int) -> Floats:
    if sigmas is None:
        if count != len(COCO_SIGMAS):
            raise GeometryError(
                f"there are {count} key points; COCO's sigmas are for {len(COCO_SIGMAS)}. "
                "Pass sigmas=, one for each key point"
            )
        return COCO_SIGMAS
    values = np.asarray(sigmas, dtype=np.float64)
    if values.ndim == 0:
        values = np.full(count, float(values))
    if values.shape != (count,) or not np.isfinite(values).all() or (values <= 0).any():
        raise GeometryError(
            f"sigmas have shape {values.shape}; they are {count} finite numbers > 0, one for "
            "each key point"
        )
    return values


def _inputs(
    first: ArrayLike, second: ArrayLike, areas: ArrayLike, boxes: ArrayLike | None, sigmas: object
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    found = _points(first, "first", (2, 3))
    truth = _points(second, "second", (3,))
    if len(found) and len(truth) and found.shape[1] != truth.shape[1]:
        raise GeometryError(
            f"{found.shape[1]} key points against {truth.shape[1]}; both sides have the same ones"
        )
    area = np.asarray(areas, dtype=np.float64)
    if area.shape != (len(truth),) or not np.isfinite(area).all() or (area < 0).any():
        raise GeometryError(
            f"areas have shape {area.shape}; they are {len(truth)} finite numbers >= 0, one for "
            "each second row"
        )
    if boxes is None:
        around = bounds_of(truth)
    else:
        around = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        if len(around) != len(truth) or not np.isfinite(around).all():
            raise GeometryError(
                f"boxes have shape {around.shape}; they are finite, shape ({len(truth)}, 4)"
            )
    count = max(found.shape[1], truth.shape[1])
    spread = np.zeros(0) if count == 0 else _sigmas(sigmas, count)  # type: ignore[arg-type]
    return found, truth, area, around, spread


def bounds_of(truth: Floats) -> Floats:
    """Return bounds of the labelled points, of all points where none is labelled."""
    seen: Bools = truth[:, :, 2] > 0
    seen = seen | ~np.logical_or.reduce(seen, axis=1, keepdims=True)
    if not truth.shape[1]:
        return np.zeros((len(truth), 4))
    points = truth[:, :, :2]
    low = np.where(seen[:, :, None], points, np.inf).min(axis=1)
    high = np.where(seen[:, :, None], points, -np.inf).max(axis=1)
    return np.hstack((low, high))


def _similarity(
    found: Floats, truth: Floats, area: Floats, around: Floats, sigmas: Floats
) -> Floats:
    """Return the similarity of rows of key points that broadcast, (..., K, 2) and (..., K, 3)."""
    seen = truth[..., 2] > 0
    some: Bools = np.logical_or.reduce(seen, axis=-1, keepdims=True)
    away = found[..., :2] - truth[..., :2]
    # Without labelled points: how far each one lies outside of twice the box.
    size = around[..., 2:] - around[..., :2]
    low, high = around[..., :2] - size, around[..., :2] + size * 2
    outside = np.maximum(low[..., None, :] - found[..., :2], 0)
    outside = outside + np.maximum(found[..., :2] - high[..., None, :], 0)
    away = np.where(some[..., None], away, outside)
    spread = (sigmas * 2) ** 2
    # In the order of COCO's own code, so that the same floats come out.
    error = (away[..., 0] ** 2 + away[..., 1] ** 2) / spread
    error = error / (area[..., None] + np.spacing(1)) / 2
    counted = seen | ~some
    near = np.where(counted, np.exp(-error), 0.0)
    return np.asarray(near.sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1))


def pairwise_oks(
    first: ArrayLike,
    second: ArrayLike,
    areas: ArrayLike,
    *,
    boxes: ArrayLike | None = None,
    sigmas: ArrayLike | None = None,
) -> Floats:
    """Return object keypoint similarity of each found pose with each true one, in [0, 1].

    The mean over the labelled points (visibility > 0) of the true pose of
    ``exp(-d**2 / (2 * area * (2 * sigma)**2))``, with d the distance in pixels. Of a true pose
    without labelled points, such as a crowd, all points count, and d is how far a found point
    lies outside of its box made three times as wide and high about its centre.

    Parameters
    ----------
    first : array_like of float, shape (N, K, 2) or (N, K, 3)
        Found key points: x, y, and a third number that does not count.
    second : array_like of float, shape (M, K, 3)
        True key points: x, y, visibility.
    areas : array_like of float, shape (M,)
        Area of each true object in square pixels; COCO takes that of its mask.
    boxes : array_like of float, shape (M, 4), optional
        Left, top, right, bottom of the true objects, used where no point is labelled; the bounds
        of the points if not given.
    sigmas : float or array_like of float, shape (K,), optional
        Spread of each key point; COCO's for its 17 if not given.

    Returns
    -------
    ndarray of float64, shape (N, M)

    Raises
    ------
    GeometryError
        If shapes do not fit, a number is not finite, an area is negative, or there are no sigmas
        for K points.

    References
    ----------
    ``computeOks`` of pycocotools.cocoeval.

    Examples
    --------
    >>> truth = [[[0, 0, 2], [10, 0, 1], [99, 99, 0]]]
    >>> pairwise_oks([[[0, 0], [10, 2], [0, 0]]], truth, [100.0], sigmas=0.1).round(4)
    array([[0.8033]])
    """
    found, truth, area, around, spread = _inputs(first, second, areas, boxes, sigmas)
    result = np.zeros((len(found), len(truth)))
    if not result.size or not len(spread):
        return result
    step = max(1, BLOCK // (len(truth) * len(spread)))
    for start in range(0, len(found), step):
        part = found[start : start + step, None]
        result[start : start + step] = _similarity(part, truth[None], area, around, spread)
    return result


def paired_oks(
    first: ArrayLike,
    second: ArrayLike,
    areas: ArrayLike,
    *,
    boxes: ArrayLike | None = None,
    sigmas: ArrayLike | None = None,
) -> Floats:
    """Return object keypoint similarity of found pose i and true pose i; see `pairwise_oks`."""
    found, truth, area, around, spread = _inputs(first, second, areas, boxes, sigmas)
    if len(found) != len(truth):
        raise GeometryError(f"{len(found)} poses against {len(truth)}; pairs need as many of both")
    if not len(found) or not len(spread):
        return np.zeros(len(found))
    return _similarity(found, truth, area, around, spread)
