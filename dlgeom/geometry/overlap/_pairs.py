"""Pairs of shapes that may meet, found by their bounds, and the measures of pairs.

Most shapes of two large sets lie far apart. So everything here works on lists of pairs that
meet, a block at a time; a full table is only made where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Floats", "Ints", "Pairs", "Shapes", "Wanted", "candidates", "ioa", "iou"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Wanted = Callable[[Ints, Ints], Bools]

BLOCK = 1 << 18  # pairs that are looked at together: a few MB of temporary arrays


class Pairs(NamedTuple):
    """Pairs of shapes of two sets that may share something, each at most once."""

    rows: Ints
    columns: Ints
    shared: Floats
    """Area in both, in square pixels."""
    same: Bools
    """Whether both are the same shape, also without area."""


class Shapes(Protocol):
    """One side of a comparison: a column of shapes of one kind."""

    areas: Floats
    scale: float
    """Units of length of `areas` and `bounds` in a pixel, since `prepare`."""

    @property
    def bounds(self) -> Floats:
        """Left, top, right, bottom; NaN where there is no shape."""

    def __len__(self) -> int: ...

    def prepare(self, other: Self) -> None:
        """Refuse what cannot be compared and agree on what both sides share."""

    def meet(self, rows: Ints, other: Self, columns: Ints) -> tuple[Floats, Bools]:
        """Return shared areas of pairs, and whether both shapes are the same."""

    def pairs(self, other: Self, wanted: Wanted | None = None) -> Iterator[Pairs]:
        """Yield all wanted pairs that share area or are the same, in blocks."""

    def hull_points(self, row: int) -> Floats:
        """Return points whose convex hull is that of a shape, shape (n, 2)."""


def candidates(
    first: Floats, second: Floats, wanted: Wanted | None = None
) -> Iterator[tuple[Ints, Ints]]:
    """Yield rows and columns of the pairs whose bounds touch, in blocks.

    Parameters
    ----------
    first, second : ndarray of float64, shape (N, 4) and (M, 4)
        Left, top, right, bottom; those with NaN touch nothing.
    wanted : callable, optional
        Takes rows and columns of pairs and says which of them are of interest.

    Notes
    -----
    The second ones are sorted by their left edge. Those that may touch a first one begin before
    its right edge; and they stand behind all of which none, nor any before, ends after its left
    edge. That is one range for each, whatever the sizes.
    """
    some_rows = np.flatnonzero(~np.isnan(first).any(axis=1))
    some = np.flatnonzero(~np.isnan(second).any(axis=1))
    if not len(some) or not len(some_rows):
        return
    order = some[np.argsort(second[some, 0], kind="stable")]
    left, top, right, bottom = np.ascontiguousarray(second[order].T)
    ends = np.maximum.accumulate(right)
    low = np.searchsorted(ends, first[some_rows, 0], side="left")
    high = np.searchsorted(left, first[some_rows, 2], side="right")
    counts = np.maximum(high - low, 0)
    total = np.cumsum(counts)
    start = 0
    while start < len(some_rows):
        done = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + BLOCK, side="right")))
        part = slice(start, stop)
        rows = np.repeat(some_rows[part], counts[part])
        place = np.arange(len(rows)) + np.repeat(
            low[part] - (total[part] - counts[part] - done), counts[part]
        )
        start = stop
        near = first[rows, 0] <= right[place]
        near &= first[rows, 1] <= bottom[place]
        near &= first[rows, 3] >= top[place]
        rows, columns = rows[near], order[place[near]]
        if wanted is not None:
            near = wanted(rows, columns)
            rows, columns = rows[near], columns[near]
        if len(rows):
            yield rows, columns


def iou(pairs: Pairs, first: Floats, second: Floats, crowd: Bools | None = None) -> Floats:
    """Return intersection over union of pairs; `first` and `second` are all areas.

    Both are 1 for the same shape, whatever its area. Where `crowd` is given the union with a
    crowd is the first's area, and what shares nothing has 0, as in COCO's evaluation.
    """
    one, other = first[pairs.rows], second[pairs.columns]
    union = one + other - pairs.shared
    same = pairs.same
    if crowd is not None:
        union = np.where(crowd[pairs.columns], one, union)
        same = same & (pairs.shared > 0)
    return _quotient(pairs.shared, union, same)


def ioa(pairs: Pairs, first: Floats) -> Floats:
    """Return intersection over the area of the first of each pair."""
    return _quotient(pairs.shared, first[pairs.rows], pairs.same)


def _quotient(shared: Floats, whole: Floats, same: Bools) -> Floats:
    result = np.zeros(len(shared))
    np.divide(shared, whole, out=result, where=whole > 0)
    np.minimum(result, 1.0, out=result)
    result[same] = 1.0
    return result
