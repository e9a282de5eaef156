"""Matching of two sets of shapes, each with at most one of the other set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry.overlap import _pairs
from dlgeom.geometry.overlap._assignment import assign
from dlgeom.geometry.overlap._pairs import Bools, Floats, Ints
from dlgeom.geometry.overlap.measures import shape_sets
from dlgeom.geometry.ragged import Rings, Runs

__all__ = ["Matches", "assign", "match", "match_table"]

Method = Literal["greedy", "optimal"]
Objective = Literal["sum", "number"]
ALMOST = 1 - 1e-10
"""A threshold of 1 lets this much pass, as COCO's evaluation does."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Which shape of one set stands for which of another.

    Parameters
    ----------
    first, second : ndarray of int64, shape (P,)
        Positions of the pairs in both sets, ascending by `first`; read-only.
    iou : ndarray of float64, shape (P,)
        Overlap of each pair.
    unmatched_first, unmatched_second : ndarray of int64
        Positions that found no partner, ascending.
    ignored_first, ignored_second : ndarray of int64
        Positions that count neither as found nor as missed: second ones that are crowds or to be
        ignored, and first ones that met nothing but those.

    Notes
    -----
    With found shapes first and true ones second `precision` is the share of the found ones that
    are right, `recall` the share of the true ones that were found. With nothing to divide by
    they are 1 if both sets are empty, else 0.
    """

    first: Ints
    second: Ints
    iou: Floats
    unmatched_first: Ints
    unmatched_second: Ints
    ignored_first: Ints
    ignored_second: Ints

    def __post_init__(self) -> None:
        for name in self.__slots__:
            view: NDArray[Any] = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.first)

    @property
    def pairs(self) -> list[tuple[int, int, float]]:
        """The pairs as (position in the first set, position in the second, IoU)."""
        columns = self.first.tolist(), self.second.tolist(), self.iou.tolist()
        return list(zip(*columns, strict=True))

    @property
    def precision(self) -> float:
        """Pairs over all first shapes that count."""
        return self._share(len(self.unmatched_first))

    @property
    def recall(self) -> float:
        """Pairs over all second shapes that count."""
        return self._share(len(self.unmatched_second))

    def _share(self, missed: int) -> float:
        if len(self) + missed:
            return len(self) / (len(self) + missed)
        empty = not len(self.unmatched_first) and not len(self.unmatched_second)
        return 1.0 if empty else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are 0."""
        missed = len(self.unmatched_first) + len(self.unmatched_second)
        return 2 * len(self) / (2 * len(self) + missed) if len(self) + missed else 1.0

    @property
    def mean_iou(self) -> float:
        """Mean overlap of the pairs; 0 without pairs."""
        return float(self.iou.mean()) if len(self) else 0.0

    def __repr__(self) -> str:
        return (
            f"Matches({len(self)} pairs, {len(self.unmatched_first)} and "
            f"{len(self.unmatched_second)} unmatched, f1={self.f1:.3f})"
        )


def match(
    first: ArrayLike | Rings | Runs,
    second: ArrayLike | Rings | Runs,
    *,
    iou_threshold: float = 0.5,
    method: Method = "greedy",
    scores: ArrayLike | None = None,
    class_ids: tuple[ArrayLike, ArrayLike] | None = None,
    iscrowd: ArrayLike | None = None,
    ignore: ArrayLike | None = None,
    objective: Objective = "sum",
) -> Matches:
    """Match shapes of two sets by their IoU.

    Parameters
    ----------
    first, second : array_like of float (N, 4) or (N, 5), Rings, or Runs
        N and M shapes of one kind: found ones and true ones, where that matters.
    iou_threshold : float, default 0.5
        Least IoU of a pair, in (0, 1].
    method : {"greedy", "optimal"}
        "greedy" with `scores` is COCO's evaluation: the first ones choose by falling score, each
        the second one that is still free and has the highest IoU (of equal ones the last, as
        there). Without scores the pair with the highest IoU comes first (of equal ones that of
        the lowest positions). "optimal" makes the pairs that are best together, see `objective`.
    scores : array_like of float, shape (N,), optional
        For "greedy": who chooses first; of equal scores the first comes first.
    class_ids : pair of array_like, shapes (N,) and (M,), optional
        Only shapes of one class make pairs.
    iscrowd : array_like of bool, shape (M,), optional
        Second ones that are crowds: IoU over the first's area; they are ignored, and any number
        of first ones may meet them.
    ignore : array_like of bool, shape (M,), optional
        Second ones that count neither as found nor as missed; each meets one first shape, which
        is ignored then. First ones meet ignored ones only if nothing else is left for them.
    objective : {"sum", "number"}
        What "optimal" makes as large as possible: the sum of all IoU, or the number of pairs
        and, among equally many, the sum of their IoU.

    Returns
    -------
    Matches

    Raises
    ------
    GeometryError
        As for `pairwise_iou`, or if scores, classes or flags do not fit.
    UsageError
        If the threshold, method or objective is none.

    Examples
    --------
    >>> found = match([[0, 0, 9, 9], [30, 0, 39, 9]], [[1, 0, 9, 9]])
    >>> [(a, b, round(iou, 3)) for a, b, iou in found.pairs], found.unmatched_first.tolist()
    ([(0, 0, 0.889)], [1])
    >>> found.precision, found.recall
    (0.5, 1.0)
    """
    limit = least_iou(iou_threshold)
    one, two = shape_sets(first, second)
    crowd = _flags(iscrowd, len(two), "iscrowd")
    classes = _both_classes(class_ids, len(one), len(two))

    def wanted(rows: Ints, columns: Ints) -> Bools:
        return np.asarray(classes[0][rows] == classes[1][columns])

    found = []
    for pairs in one.pairs(two, None if class_ids is None else wanted):
        iou = _pairs.iou(pairs, one.areas, two.areas, crowd)
        near = iou >= limit
        found.append((pairs.rows[near], pairs.columns[near], iou[near]))
    none: Ints = np.zeros(0, dtype=np.int64)
    return _matched(
        (len(one), len(two)),
        np.concatenate([none, *(link[0] for link in found)]),
        np.concatenate([none, *(link[1] for link in found)]),
        np.concatenate([np.zeros(0), *(link[2] for link in found)]),
        method,
        scores,
        crowd,
        _flags(ignore, len(two), "ignore"),
        objective,
    )


def match_table(
    table: ArrayLike,
    *,
    iou_threshold: float = 0.5,
    method: Method = "greedy",
    scores: ArrayLike | None = None,
    class_ids: tuple[ArrayLike, ArrayLike] | None = None,
    iscrowd: ArrayLike | None = None,
    ignore: ArrayLike | None = None,
    objective: Objective = "sum",
) -> Matches:
    """Match by overlaps that are known, such as OKS.

    Parameters
    ----------
    table : array_like of float, shape (N, M)
        Row i, column j: how well first shape i and second shape j fit, without NaN.
    iou_threshold : float, default 0.5
        Least value of a pair, > 0.
    method, scores, class_ids, iscrowd, ignore, objective
        As for `match`.
    """
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or np.isnan(values).any():
        raise GeometryError(f"table has shape {values.shape}; it is (N, M), without NaN")
    limit = min(float(iou_threshold), ALMOST) if iou_threshold == 1 else float(iou_threshold)
    if not limit > 0:
        raise UsageError(f"iou_threshold is {iou_threshold!r}; it is a number > 0")
    near = values >= limit
    if class_ids is not None:
        classes = _both_classes(class_ids, *values.shape)
        near &= classes[0][:, None] == classes[1]
    rows, columns = np.nonzero(near)
    return _matched(
        values.shape,
        rows,
        columns,
        values[rows, columns],
        method,
        scores,
        _flags(iscrowd, values.shape[1], "iscrowd"),
        _flags(ignore, values.shape[1], "ignore"),
        objective,
    )


def _matched(
    counts: tuple[int, ...],
    rows: Ints,
    columns: Ints,
    iou: Floats,
    method: str,
    scores: ArrayLike | None,
    crowd: Bools,
    ignore: Bools,
    objective: str,
) -> Matches:
    """Choose among pairs that are good enough."""
    if method not in ("greedy", "optimal"):
        raise UsageError(f"method is {method!r}; it is 'greedy' or 'optimal'")
    if objective not in ("sum", "number"):
        raise UsageError(f"objective is {objective!r}; it is 'sum' or 'number'")
    order = _rank(scores, counts[0])
    ignored = crowd | ignore
    counted = ~ignored[columns]
    real = rows[counted], columns[counted], iou[counted]
    # Ignored ones are what is left when nothing else is: so they come after all others.
    if method == "optimal":
        chosen = assign(*real, counts, objective=objective)
    elif scores is None:
        chosen = _by_iou(*real, counts)
    else:
        chosen = _by_score(*real, counts, order)
    partner = np.full(counts[0], -1, dtype=np.int64)
    value = np.zeros(counts[0])
    partner[real[0][chosen]], value[real[0][chosen]] = real[1][chosen], real[2][chosen]
    rest = ~counted & (partner[rows] < 0)
    met = _met(rows[rest], columns[rest], iou[rest], crowd, counts, order)
    pairs = np.flatnonzero(partner >= 0)
    taken = np.zeros(counts[1], dtype=np.bool_)
    taken[partner[pairs]] = True
    return Matches(
        pairs,
        partner[pairs],
        value[pairs],
        np.flatnonzero((partner < 0) & ~met),
        np.flatnonzero(~taken & ~ignored),
        np.flatnonzero(met),
        np.flatnonzero(ignored),
    )


def _by_iou(rows: Ints, columns: Ints, iou: Floats, counts: tuple[int, ...]) -> Ints:
    """Take pairs by falling IoU as long as both are free; return which are taken."""
    order = np.lexsort((columns, rows, -iou))
    free_row, free_column = [True] * counts[0], [True] * counts[1]
    taken = []
    for k, row, column in zip(
        order.tolist(), rows[order].tolist(), columns[order].tolist(), strict=True
    ):
        if free_row[row] and free_column[column]:
            free_row[row] = free_column[column] = False
            taken.append(k)
    return np.array(taken, dtype=np.int64)


def _by_score(rows: Ints, columns: Ints, iou: Floats, counts: tuple[int, ...], rank: Ints) -> Ints:
    """Let each row take its best free column in the order of `rank`; return which are taken."""
    # Of equal IoU the last column, as COCO's loop has it.
    order = np.lexsort((-columns, -iou, rank[rows]))
    free = [True] * counts[1]
    taken = []
    done = -1
    for k, row, column in zip(
        order.tolist(), rows[order].tolist(), columns[order].tolist(), strict=True
    ):
        if row != done and free[column]:
            free[column] = False
            done = row
            taken.append(k)
    return np.array(taken, dtype=np.int64)


def _met(
    rows: Ints, columns: Ints, iou: Floats, crowd: Bools, counts: tuple[int, ...], rank: Ints
) -> Bools:
    """Return which rows meet an ignored column, crowds without limit, others one each."""
    met = np.zeros(counts[0], dtype=np.bool_)
    order = np.lexsort((-columns, -iou, rank[rows]))
    used = np.zeros(counts[1], dtype=np.bool_)
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if not met[row] and (crowd[column] or not used[column]):
            met[row] = used[column] = True
    return met


# ---------------------------------------------------------------- arguments


def least_iou(value: float) -> float:
    """Return the least IoU of a pair, or raise `UsageError`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number <= 1:
        raise UsageError(f"iou_threshold is {value!r}; it lies in (0, 1]")
    return min(number, ALMOST)


def _rank(scores: ArrayLike | None, count: int) -> Ints:
    """Return the place of each row in the order in which they choose."""
    if scores is None:
        return np.arange(count)
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise GeometryError(
            f"scores have shape {values.shape}; they are {count} finite numbers, one for each "
            "first shape"
        )
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(-values, kind="stable")] = np.arange(count)
    return rank


def _flags(flags: ArrayLike | None, count: int, name: str) -> Bools:
    if flags is None:
        return np.zeros(count, dtype=np.bool_)
    values = np.asarray(flags)
    if values.shape != (count,) or (count and values.dtype.kind not in "biu"):
        raise GeometryError(
            f"{name} has shape {values.shape} and dtype {values.dtype}; it is one bool for each "
            f"of the {count} second shapes"
        )
    return values.astype(np.bool_)


def _both_classes(class_ids: Any, first: int, second: int) -> tuple[Ints, Ints]:
    """Return classes of both sides as numbers."""
    if class_ids is None:
        return np.zeros(first, dtype=np.int64), np.zeros(second, dtype=np.int64)
    one, two = (np.asarray(side) for side in class_ids)
    if one.shape != (first,) or two.shape != (second,):
        raise GeometryError(
            f"class_ids have shapes {one.shape} and {two.shape}; there are {first} and {second} "
            "shapes"
        )
    if not first or not second:
        return np.zeros(first, dtype=np.int64), np.zeros(second, dtype=np.int64)
    ids = np.unique(np.concatenate((one, two)), return_inverse=True)[1].reshape(-1)
    return ids[:first], ids[first:]
