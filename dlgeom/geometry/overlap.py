"""Overlap of masks that are kept as run lengths.

Rows are compared in pairs, all at once: the pixels of all masks lie one mask after the other on
one line, a mask is a set of intervals of it, and what two sets share is a difference of how many
pixels of one lie below the ends of the other's intervals. Exact in 64-bit integers, no dense mask.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry.ragged import Runs

__all__ = ["paired_intersections", "paired_iou"]

Ints = NDArray[np.int64]


def _intervals(runs: Runs, starts: Ints) -> tuple[Ints, Ints, Ints]:
    """Return start, end and row of each run of ones, on a line where row i begins at starts[i]."""
    lengths = np.diff(runs.offsets)
    row = np.repeat(np.arange(len(runs)), lengths)
    ends = np.cumsum(runs.counts, dtype=np.int64)
    before = np.concatenate([np.zeros(1, dtype=np.int64), ends])[runs.offsets[:-1]]
    ends += np.repeat(starts - before, lengths)
    # Runs alternate from zeros on, so the odd ones of each row are ones.
    ones = (np.arange(len(row)) - np.repeat(runs.offsets[:-1], lengths)) % 2 == 1
    return ends[ones] - runs.counts[ones], ends[ones], row[ones]


def paired_intersections(first: Runs, second: Runs) -> tuple[Ints, Ints, Ints]:
    """Count the pixels that mask i of one column shares with mask i of the other.

    Parameters
    ----------
    first, second : Runs
        N masks each; those of a pair have the same shape, or one of them is absent.

    Returns
    -------
    shared, area_first, area_second : ndarray of int64, shape (N,)
        Pixels in both, in the first, in the second; 0 for a row without a mask.

    Raises
    ------
    GeometryError
        If the columns have different lengths, or two masks of a pair different shapes.
    """
    if len(first) != len(second):
        raise GeometryError(f"{len(first)} masks against {len(second)}; pairs need as many of both")
    both = first.present & second.present
    if (first.shape[both] != second.shape[both]).any():
        row = int(np.flatnonzero(both & (first.shape != second.shape).any(axis=1))[0])
        raise GeometryError(
            f"masks of pair {row} have shapes {tuple(first.shape[row].tolist())} and "
            f"{tuple(second.shape[row].tolist())}; they must be equal"
        )
    n = len(first)
    sizes = np.maximum(first.shape, second.shape).prod(axis=1)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])[:-1]
    from_a, to_a, row_a = _intervals(first, starts)
    from_b, to_b, row_b = _intervals(second, starts)
    area_a = _sums(to_a - from_a, row_a, n)
    area_b = _sums(to_b - from_b, row_b, n)
    if not len(from_a) or not len(from_b):
        return np.zeros(n, dtype=np.int64), area_a, area_b
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(to_a - from_a)])

    def below(x: Ints) -> Ints:
        """How many pixels of the first masks lie before position x of the line."""
        k = np.searchsorted(from_a, x, side="right")
        last = np.maximum(k - 1, 0)
        beyond = np.where(k > 0, np.maximum(to_a[last] - x, 0), 0)
        return np.asarray(total[k] - beyond)

    return _sums(below(to_b) - below(from_b), row_b, n), area_a, area_b


def _sums(values: Ints, rows: Ints, n: int) -> Ints:
    """Sum values by row, exactly; rows ascend."""
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(values)])
    ends = np.searchsorted(rows, np.arange(n + 1))
    return np.asarray(total[ends[1:]] - total[ends[:-1]])


def paired_iou(first: Runs, second: Runs) -> NDArray[np.float64]:
    """Return intersection over union of each pair of masks, shape (N,).

    Two empty masks have 1.0; a row without a mask on either side has NaN. See
    `paired_intersections` for the parameters and errors.
    """
    shared, area_a, area_b = paired_intersections(first, second)
    union = area_a + area_b - shared
    iou = np.ones(len(first))
    np.divide(shared, union, out=iou, where=union > 0)
    iou[~(first.present & second.present)] = np.nan
    return iou
