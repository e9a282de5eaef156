"""Non-maximum suppression, hard and soft.

Both go through the shapes from the highest score down. Equal scores go by position, first come
first, so a result never depends on how something was sorted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry.overlap import _pairs
from dlgeom.geometry.overlap._pairs import Bools, Floats, Ints
from dlgeom.geometry.overlap.keypoints import bounds_of, pairwise_oks
from dlgeom.geometry.overlap.measures import shape_set
from dlgeom.geometry.ragged import Rings, Runs

__all__ = ["nms", "nms_table", "soft_nms", "soft_nms_table"]

Links = Iterator[tuple[Ints, Ints, Floats]]
METHODS = ("linear", "gaussian")


def nms(
    shapes: ArrayLike | Rings | Runs,
    scores: ArrayLike,
    *,
    iou_threshold: float = 0.5,
    class_ids: ArrayLike | None = None,
    max_detections: int | None = None,
    areas: ArrayLike | None = None,
    sigmas: ArrayLike | None = None,
) -> Ints:
    """Return which shapes stay when each one removes those of lower score that overlap it.

    Parameters
    ----------
    shapes : array_like of float (N, 4), (N, 5) or (N, K, 3), Rings, or Runs
        Boxes, rotated boxes, key points, polygons or masks. Key points are compared by OKS, the
        pose that stays taking the part of the truth.
    scores : array_like of float, shape (N,)
        Finite; higher is better.
    iou_threshold : float, default 0.5
        A shape goes if its IoU with one that stays is greater than this, in [0, 1].
    class_ids : array_like of int, shape (N,), optional
        Only shapes of one class remove each other. None takes all as one class.
    max_detections : int, optional
        Stop when that many stay.
    areas : array_like of float, shape (N,), optional
        Of key points: the area of each object; that of the bounds of its labelled points if not
        given.
    sigmas : float or array_like of float, shape (K,), optional
        Of key points: as for `pairwise_oks`.

    Returns
    -------
    ndarray of int64, shape (n,)
        Positions of those that stay, by falling score; of equal scores the first comes first.

    Raises
    ------
    GeometryError
        As for `pairwise_iou`, or if scores or classes do not fit.
    UsageError
        If the threshold or `max_detections` is out of range.

    Examples
    --------
    >>> nms([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9]], [0.5, 0.9, 0.7]).tolist()
    [1, 2]
    """
    values = _scores(scores)
    limit = fraction(iou_threshold, "iou_threshold")
    order = np.argsort(-values, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    classes = _classes(class_ids, len(values))

    def wanted(rows: Ints, columns: Ints) -> Bools:
        later: Bools = rank[rows] < rank[columns]
        if classes is not None:
            later &= classes[rows] == classes[columns]
        return later

    chosen = [
        (rows[over], columns[over])
        for rows, columns, iou in _links(shapes, len(values), wanted, areas, sigmas)
        if (over := iou > limit).any()
    ]
    none = np.zeros(0, dtype=np.int64)
    rows = np.concatenate([none, *(pair[0] for pair in chosen)])
    columns = np.concatenate([none, *(pair[1] for pair in chosen)])
    return _kept(order, rows, columns, _count(max_detections))


def nms_table(
    table: ArrayLike,
    scores: ArrayLike,
    *,
    iou_threshold: float = 0.5,
    class_ids: ArrayLike | None = None,
    max_detections: int | None = None,
) -> Ints:
    """Return what `nms` does for overlaps that are known, such as some similarity of one's own.

    Parameters
    ----------
    table : array_like of float, shape (N, N)
        Row i, column j: how much i, if it stays, overlaps j.
    scores, iou_threshold, class_ids, max_detections
        As for `nms`; the threshold may be any finite number.
    """
    values = _scores(scores)
    order = np.argsort(-values, kind="stable")
    overlaps = _table(table, len(values)) > float(iou_threshold)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    overlaps &= rank[:, None] < rank
    classes = _classes(class_ids, len(values))
    if classes is not None:
        overlaps &= classes[:, None] == classes
    rows, columns = np.nonzero(overlaps)
    return _kept(order, rows, columns, _count(max_detections))


def _kept(order: Ints, rows: Ints, columns: Ints, most: int | None) -> Ints:
    """Go through all by rank; each one that is left removes the columns of its row."""
    offsets, columns, _ = _by_row(len(order), rows, columns, None)
    gone = np.zeros(len(order), dtype=np.bool_)
    kept: list[int] = []
    cuts = offsets.tolist()
    for index in order.tolist():
        if gone[index]:
            continue
        if most is not None and len(kept) >= most:
            break
        kept.append(index)
        if cuts[index] < cuts[index + 1]:
            gone[columns[cuts[index] : cuts[index + 1]]] = True
    return np.array(kept, dtype=np.int64)


def _by_row(
    count: int, rows: Ints, columns: Ints, values: Floats | None
) -> tuple[Ints, Ints, Floats | None]:
    """Sort links by row and return offsets of the rows."""
    order = np.argsort(rows, kind="stable")
    offsets = np.searchsorted(rows[order], np.arange(count + 1))
    return offsets, columns[order], None if values is None else values[order]


def soft_nms(
    shapes: ArrayLike | Rings | Runs,
    scores: ArrayLike,
    *,
    method: Literal["linear", "gaussian"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    class_ids: ArrayLike | None = None,
    max_detections: int | None = None,
    areas: ArrayLike | None = None,
    sigmas: ArrayLike | None = None,
) -> tuple[Ints, Floats]:
    """Return shapes with scores that are lowered by what overlaps them and scored higher.

    The shape with the highest score is taken; the scores of all others that overlap it are
    multiplied, by ``1 - iou`` where the IoU is at least `iou_threshold` (linear), or by
    ``exp(-iou**2 / sigma)`` (gaussian); and so on with what is left.

    Parameters
    ----------
    shapes, scores, class_ids, areas, sigmas
        As for `nms`; scores are >= 0.
    method : {"gaussian", "linear"}
        How scores fall.
    iou_threshold : float, default 0.3
        Of the linear method, in [0, 1].
    sigma : float, default 0.5
        Of the gaussian method, > 0.
    score_threshold : float, default 0.001
        What falls below is left out.
    max_detections : int, optional
        Stop when that many are taken.

    Returns
    -------
    indices : ndarray of int64, shape (n,)
        Positions of those taken, by falling new score; of equal scores the first comes first.
    scores : ndarray of float64, shape (n,)
        Their new scores.

    Raises
    ------
    GeometryError, UsageError
        As for `nms`.

    References
    ----------
    Bodla, Singh, Chellappa, Davis: Soft-NMS, ICCV 2017.

    Examples
    --------
    >>> soft_nms([[0, 0, 4, 4], [0, 0, 4, 2]], [0.9, 0.8], method="linear")
    (array([0, 1]), array([0.9, 0.4]))
    """
    values = _soft_scores(scores)
    weigh = _Weights(method, fraction(iou_threshold, "iou_threshold"), sigma)
    classes = _classes(class_ids, len(values))

    def wanted(rows: Ints, columns: Ints) -> Bools:
        other: Bools = rows != columns
        if classes is not None:
            other &= classes[rows] == classes[columns]
        return other

    found = [
        (rows[less], columns[less], weights[less])
        for rows, columns, iou in _links(shapes, len(values), wanted, areas, sigmas)
        if (less := (weights := weigh(iou)) < 1).any()
    ]
    none: Ints = np.zeros(0, dtype=np.int64)
    rows = np.concatenate([none, *(link[0] for link in found)])
    columns = np.concatenate([none, *(link[1] for link in found)])
    weights = np.concatenate([np.zeros(0), *(link[2] for link in found)])
    return _softened(values, rows, columns, weights, score_threshold, _count(max_detections))


def soft_nms_table(
    table: ArrayLike,
    scores: ArrayLike,
    *,
    method: Literal["linear", "gaussian"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    class_ids: ArrayLike | None = None,
    max_detections: int | None = None,
) -> tuple[Ints, Floats]:
    """Return what `soft_nms` does for overlaps (N, N) that are known; see `nms_table`."""
    values = _soft_scores(scores)
    weigh = _Weights(method, fraction(iou_threshold, "iou_threshold"), sigma)
    weights = weigh(_table(table, len(values)).copy())
    np.fill_diagonal(weights, 1.0)
    classes = _classes(class_ids, len(values))
    if classes is not None:
        weights[classes[:, None] != classes] = 1.0
    rows, columns = np.nonzero(weights < 1)
    return _softened(
        values, rows, columns, weights[rows, columns], score_threshold, _count(max_detections)
    )


class _Weights:
    """What a score is multiplied by, given an overlap."""

    def __init__(self, method: str, threshold: float, sigma: float) -> None:
        if method not in METHODS:
            raise UsageError(f"method is {method!r}; it is one of {', '.join(METHODS)}")
        if not sigma > 0:
            raise UsageError(f"sigma is {sigma!r}; it is a number > 0")
        self.linear, self.threshold, self.sigma = method == "linear", threshold, float(sigma)

    def __call__(self, iou: Floats) -> Floats:
        if self.linear:
            return np.where(iou >= self.threshold, 1.0 - iou, 1.0)
        return np.asarray(np.exp(-(iou * iou) / self.sigma))


def _softened(
    scores: Floats,
    rows: Ints,
    columns: Ints,
    weights: Floats,
    least: float,
    most: int | None,
) -> tuple[Ints, Floats]:
    offsets, columns, sorted_weights = _by_row(len(scores), rows, columns, weights)
    assert sorted_weights is not None
    cuts = offsets.tolist()
    left = scores.copy()
    kept: list[int] = []
    final: list[float] = []
    for _ in range(len(left) if most is None else min(most, len(left))):
        index = int(left.argmax())  # the first of equal ones
        score = float(left[index])
        if score < least or score < 0:
            break
        kept.append(index)
        final.append(score)
        # Below all scores that are left, and not to be multiplied.
        left[index] = -np.inf
        if cuts[index] < cuts[index + 1]:
            part = slice(cuts[index], cuts[index + 1])
            near, factors = columns[part], sorted_weights[part]
            open_ = left[near] >= 0
            left[near[open_]] *= factors[open_]
    return np.array(kept, dtype=np.int64), np.array(final)


# ---------------------------------------------------------------- arguments


def fraction(value: float, name: str) -> float:
    """Return a number in [0, 1], or raise `UsageError`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        raise UsageError(f"{name} is {value!r}; it lies in [0, 1]")
    return number


def _count(most: int | None) -> int | None:
    if most is None:
        return None
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 0:
        raise UsageError(f"max_detections is {most!r}; it is a whole number >= 0, or None")
    return int(most)


def _scores(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise GeometryError(
            f"scores have shape {values.shape}; they are finite numbers, one for each shape"
        )
    return values


def _soft_scores(scores: ArrayLike) -> Floats:
    values = _scores(scores)
    if (values < 0).any():
        raise GeometryError("a score is negative; scores that are to be multiplied are >= 0")
    return values


def _classes(class_ids: ArrayLike | None, count: int) -> Any:
    if class_ids is None:
        return None
    classes = np.asarray(class_ids)
    if classes.shape != (count,):
        raise GeometryError(f"class_ids have shape {classes.shape}; there are {count} scores")
    return np.unique(classes, return_inverse=True)[1].reshape(-1)


def _table(table: ArrayLike, count: int) -> Floats:
    values = np.asarray(table, dtype=np.float64)
    if values.shape != (count, count) or np.isnan(values).any():
        raise GeometryError(
            f"table has shape {values.shape}; it is ({count}, {count}), without NaN"
        )
    return values


def _links(shapes: Any, count: int, wanted: Any, areas: Any, sigmas: Any) -> Links:
    """Yield the pairs of shapes that overlap and are wanted, with their IoU or OKS."""
    points = None if isinstance(shapes, Rings | Runs) else np.asarray(shapes)
    if points is not None and points.ndim == 3:
        yield from _similar(points.astype(np.float64), count, wanted, areas, sigmas)
        return
    side = shape_set(shapes)
    _refuse_count(len(side), count)
    side.prepare(side)
    for pairs in side.pairs(side, wanted):
        yield pairs.rows, pairs.columns, _pairs.iou(pairs, side.areas, side.areas)


def _similar(points: Floats, count: int, wanted: Any, areas: Any, sigmas: Any) -> Links:
    """Yield pairs of poses with the OKS of the second, the first being the truth."""
    _refuse_count(len(points), count)
    if areas is None:
        around = bounds_of(points)
        areas = (around[:, 2:] - around[:, :2]).prod(axis=1)
    area = np.asarray(areas, dtype=np.float64)
    step = max(1, (1 << 20) // max(count, 1))
    for start in range(0, count, step):
        rows = np.arange(start, min(start + step, count))
        table = pairwise_oks(points, points[rows], area[rows], sigmas=sigmas).T
        row, column = np.nonzero(table)
        near = wanted(rows[row], column)
        yield rows[row][near], column[near], table[row, column][near]


def _refuse_count(shapes: int, count: int) -> None:
    if shapes != count:
        raise GeometryError(f"{shapes} shapes have {count} scores; each shape has one")
