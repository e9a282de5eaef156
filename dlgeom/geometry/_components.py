"""Connected components of runs: which rectangles of a mask belong together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry._cracks import Pieces
from dlgeom.geometry.ragged import offsets_of

__all__ = ["Groups", "grouped", "labels"]

Ints = NDArray[np.int64]


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
    # Pieces come in column order and so do their right sides: those that end where piece j
    # begins and are not above or below it stand together.
    stride = height + 2
    end, begin = pieces.right * stride, pieces.left * stride
    corners = int(connectivity == 8)  # rows that meet at a corner only touch as well
    low = np.searchsorted(end + pieces.bottom, begin + pieces.top + 1 - corners)
    high = np.searchsorted(end + pieces.top, begin + pieces.bottom + corners)
    lengths = high - low
    offsets = offsets_of(lengths)
    left = np.arange(offsets[-1]) + np.repeat(low - offsets[:-1], lengths)
    right = np.repeat(np.arange(len(lengths)), lengths)
    return _joined(len(lengths), left, right)


def _joined(count: int, a: Ints, b: Ints) -> Ints:
    """Return for each of `count` nodes the least node that edges ``a[i], b[i]`` lead to.

    Each round hangs every root below the least root next to it and then flattens the trees
    (Shiloach and Vishkin, 1982); the rounds grow with the logarithm of the nodes.
    """
    roots = np.arange(count)
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
    order = np.argsort(found, kind="stable")
    begins = np.flatnonzero(np.diff(found[order], prepend=-1))
    pixels = (pieces.right - pieces.left) * (pieces.bottom - pieces.top)
    areas = np.add.reduceat(pixels[order], begins)
    width = int(pieces.right[-1])
    first = np.minimum.reduceat((pieces.top * width + pieces.left)[order], begins)
    by_size = np.lexsort((first, -areas))
    rank = np.empty(len(begins), dtype=np.int64)
    rank[by_size] = np.arange(len(begins))
    lengths = np.diff(begins, append=len(order))
    again = np.argsort(np.repeat(rank, lengths), kind="stable")
    return Groups(order[again], offsets_of(lengths[by_size]), areas[by_size])
