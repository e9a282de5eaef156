"""Connected components of runs: which rectangles of a mask belong together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry._cracks import Pieces
from dlgeom.geometry.ragged import offsets_of

__all__ = ["Groups", "grouped", "labels"]

Ints = NDArray[np.int64]
Small = NDArray[np.int32]

BLOCK = 1 << 17  # pieces that are compared with their neighbours at a time


class Groups(NamedTuple):
    """Components of a mask: most pixels first, equal ones by their first pixel row by row.

    Component k is made of the pieces ``order[offsets[k]:offsets[k + 1]]``, in column order, and
    has ``areas[k]`` pixels.
    """

    order: Ints
    offsets: Ints
    areas: Ints


def labels(pieces: Pieces, height: int, connectivity: int) -> Ints:
    """Return for each piece the first piece of its component, shape (P,).

    Parameters
    ----------
    pieces : Pieces
        The runs of a mask, in column order.
    height : int
        Of the mask.
    connectivity : {8, 4}
        Whether pixels that share a corner only belong together (8) or not (4).
    """
    count = len(pieces.left)
    if not count:
        return np.zeros(0, dtype=np.int64)
    edges = [_touching(pieces, height, connectivity, k) for k in range(0, count, BLOCK)]
    before, after = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    del edges
    return _joined(count, before, after).astype(np.int64)


def _touching(pieces: Pieces, height: int, connectivity: int, first: int) -> tuple[Small, Small]:
    """Return which pieces touch those from `first` on, in the column before: pairs of both."""
    left, _, top, bottom = (side[first : first + BLOCK] for side in pieces)
    # Pieces come in column order and so do their right sides: those that end where piece j
    # begins and are not above or below it stand together.
    near = int(np.searchsorted(pieces.right, left[0]))
    some = slice(near, int(np.searchsorted(pieces.right, left[-1], side="right")))
    stride = height + 2
    end, begin = pieces.right[some] * stride, left * stride
    corners = int(connectivity == 8)  # rows that meet at a corner only touch as well
    low = np.searchsorted(end + pieces.bottom[some], begin + top + 1 - corners)
    high = np.searchsorted(end + pieces.top[some], begin + bottom + corners)
    lengths = high - low
    offsets = offsets_of(lengths)
    before = np.arange(near, near + offsets[-1]) + np.repeat(low - offsets[:-1], lengths)
    after = np.repeat(np.arange(first, first + len(lengths)), lengths)
    return before.astype(np.int32), after.astype(np.int32)


def _joined(count: int, a: Small, b: Small) -> Small:
    """Return for each of `count` nodes the least node that edges ``a[i], b[i]`` lead to.

    Each round hangs every root below the least root next to it and then flattens the trees
    (Shiloach and Vishkin, 1982); the rounds grow with the logarithm of the nodes.
    """
    roots = np.arange(count, dtype=np.int32)
    while True:
        a, b = roots[a], roots[b]
        apart = a != b
        if not apart.any():
            return roots
        a, b = a[apart], b[apart]
        np.minimum.at(roots, np.maximum(a, b), np.minimum(a, b))
        while True:
            above = roots[roots]
            if np.array_equal(above, roots):
                break
            roots = above


def grouped(pieces: Pieces, height: int, connectivity: int) -> Groups:
    """Return the components of the pieces; parameters as for `labels`."""
    if not len(pieces.left):
        nothing = np.zeros(0, dtype=np.int64)
        return Groups(nothing, np.zeros(1, dtype=np.int64), nothing)
    found = labels(pieces, height, connectivity)
    count = len(found)
    areas = np.zeros(count, dtype=np.int64)
    np.add.at(areas, found, (pieces.right - pieces.left) * (pieces.bottom - pieces.top))
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, found, pieces.top * int(pieces.right[-1]) + pieces.left)
    roots = np.flatnonzero(areas)
    roots = roots[np.lexsort((first[roots], -areas[roots]))]
    del first
    rank = np.empty(count, dtype=np.int64)
    rank[roots] = np.arange(len(roots))
    group = rank[found]
    lengths = np.bincount(group)
    return Groups(np.argsort(group, kind="stable"), offsets_of(lengths), areas[roots])
