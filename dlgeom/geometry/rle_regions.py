"""Regions of masks kept as run lengths: components, holes, centroid, perimeter.

Counts are column-major, zeros first, as in `dlgeom.geometry.rle`; counts with runs of length zero
are accepted, results are canonical. All works on the runs, as rectangles (`Pieces`) of one run in
each of their columns: the cost grows with their number, never with the number of pixels.

Two pixels are 4-connected if they share an edge, 8-connected if they share an edge or a corner.
What is 8-connected has gaps that are 4-connected and the other way round, or a diagonal line
would neither part nor be parted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import rle, rle_grid
from dlgeom.geometry._components import grouped, labels
from dlgeom.geometry._cracks import Pieces, pieces_of_runs
from dlgeom.geometry.ragged import offsets_of
from dlgeom.geometry.rle_text import LONGEST, pack

__all__ = [
    "centroid",
    "components",
    "corners",
    "count_components",
    "fill_holes",
    "perimeter",
]

Counts = NDArray[np.uint32]
Ints = NDArray[np.int64]
Shape = tuple[int, int]


# ---------------------------------------------------------------- components and holes


def components(counts: Counts, shape: Shape, connectivity: int = 8) -> list[Counts]:
    """Split a mask into its connected components.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask.
    connectivity : {8, 4}
        8: pixels that share an edge or a corner belong together. 4: an edge only.

    Returns
    -------
    list of ndarray of uint32
        Canonical counts of each component, in the shape of the mask: most pixels first, equal
        ones in the order of their first pixel row by row. They may be views of one array.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape, or `connectivity` is neither 4 nor 8.
    """
    _refuse_connectivity(connectivity)
    pieces = pieces_of_runs(counts, shape)
    if not len(pieces.left):
        return []
    height, width = int(shape[0]), int(shape[1])
    groups = grouped(pieces, height, connectivity)
    starts = (pieces.left * height + pieces.top)[groups.order]
    stops = ((pieces.right - 1) * height + pieces.bottom)[groups.order]
    group = np.repeat(np.arange(len(groups.areas)), np.diff(groups.offsets))
    return _counts_of_groups(starts, stops, group, height * width)


def count_components(counts: Counts, shape: Shape, connectivity: int = 8) -> int:
    """Return the number of connected components; parameters and errors as for `components`."""
    _refuse_connectivity(connectivity)
    pieces = pieces_of_runs(counts, shape)
    found = labels(pieces, int(shape[0]), connectivity)
    return int(np.count_nonzero(found == np.arange(len(found))))


def fill_holes(counts: Counts, shape: Shape, connectivity: int = 8) -> Counts:
    """Set the pixels of all holes.

    A hole is a component of the pixels that are not set that does not touch the border of the
    mask. Where the set pixels are 8-connected, holes are 4-connected (as in
    ``scipy.ndimage.binary_fill_holes``: a ring closed by corners has a hole), and the other way
    round. Islands in holes are set already.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask.
    connectivity : {8, 4}
        Which set pixels belong together.

    Raises
    ------
    GeometryError
        As for `components`.
    """
    _refuse_connectivity(connectivity)
    rle.check(counts, shape)
    height, width = int(shape[0]), int(shape[1])
    gaps = pieces_of_runs(rle.complement(counts), shape)
    region = labels(gaps, height, 12 - connectivity)
    outside = gaps.left == 0
    outside |= gaps.right == width
    outside |= gaps.top == 0
    outside |= gaps.bottom == height
    open_to_border = np.zeros(len(region), dtype=np.bool_)
    open_to_border[region[outside]] = True
    hole = np.flatnonzero(~open_to_border[region])
    if not len(hole):
        return rle.normalise(counts)
    # Holes lie in one column each and are not set: their flips are those of the union.
    starts = gaps.left[hole] * height
    flips = (starts + gaps.top[hole], starts + gaps.bottom[hole])
    ends = np.cumsum(counts, dtype=np.int64)
    return rle.from_flips(np.sort(np.concatenate((ends[:-1], *flips))), height * width)


def _refuse_connectivity(connectivity: int) -> None:
    if connectivity not in (4, 8):
        raise GeometryError(
            f"connectivity is {connectivity!r}; it is 4 (pixels share an edge) or 8 (an edge or a "
            "corner)"
        )


def _counts_of_groups(starts: Ints, stops: Ints, group: Ints, size: int) -> list[Counts]:
    """Return the counts of each group of runs; groups ascend from 0, runs ascend in a group."""
    # Runs that go on from one column into the next touch: both flips go.
    joint = np.zeros(len(starts), dtype=np.bool_)
    np.equal(starts[1:], stops[:-1], out=joint[1:])
    joint[1:] &= group[1:] == group[:-1]
    fresh = np.flatnonzero(~joint)
    group = group[fresh]
    starts, stops = starts[fresh], stops[np.append(fresh[1:], len(stops)) - 1]
    heads = np.flatnonzero(np.diff(group, prepend=-1))
    before = np.empty(len(starts), dtype=np.int64)  # the end of the run before, 0 for the first
    before[1:] = stops[:-1]
    before[heads] = 0
    runs = np.diff(heads, append=len(starts))
    ends = heads + runs - 1
    offsets = offsets_of(2 * runs + 1)
    lengths = np.empty(int(offsets[-1]), dtype=np.int64)
    place = 2 * np.arange(len(starts)) + group
    lengths[place] = starts - before
    lengths[place + 1] = stops - starts
    rest = size - stops[ends]
    lengths[offsets[1:] - 1] = rest
    last = (offsets[1:] - (rest == 0)).tolist()
    pairs = zip(offsets[:-1].tolist(), last, strict=True)
    if int(lengths.max()) > LONGEST:
        return [pack(lengths[first:end]) for first, end in pairs]
    counts = lengths.astype(np.uint32)
    return [counts[first:end] for first, end in pairs]


# ---------------------------------------------------------------- measures


class _Sums(NamedTuple):
    """Twice the sums of x and y of all pixel centres, and the pixels."""

    x: int
    y: int
    area: int


def _sums(pieces: Pieces, shape: Shape) -> _Sums:
    # The middle of a rectangle is the mean of its pixel centres.
    wide, high = pieces.right - pieces.left, pieces.bottom - pieces.top
    area = int((wide * high).sum())
    size = int(shape[0]) * int(shape[1])
    if 2 * size * max(shape) < 1 << 62:
        x = (wide * high * (pieces.left + pieces.right)).sum()
        y = (wide * high * (pieces.top + pieces.bottom)).sum()
        return _Sums(int(x), int(y), area)
    rows = zip(*(side.tolist() for side in pieces), strict=True)
    products = [((b - a) * (u - t), a + b, t + u) for a, b, t, u in rows]
    return _Sums(sum(p * x for p, x, _ in products), sum(p * y for p, _, y in products), area)


def centroid(counts: Counts, shape: Shape) -> tuple[float, float]:
    """Return x and y of the centre of mass in pixels; NaN for an empty mask.

    The pixel in row r, column c covers ``[c, c + 1) x [r, r + 1)``, so a single pixel at row 0,
    column 0 has (0.5, 0.5). The nearest floats to the exact quotients.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    """
    sums = _sums(pieces_of_runs(counts, shape), shape)
    if not sums.area:
        return math.nan, math.nan
    return sums.x / (2 * sums.area), sums.y / (2 * sums.area)


def perimeter(counts: Counts, shape: Shape) -> int:
    """Return the number of pixel edges between set pixels and others, holes included.

    It is the length of the outlines of `dlgeom.geometry.contours`. Beyond the mask nothing is
    set: edges on its border count.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    """
    pieces = pieces_of_runs(counts, shape)
    level = 2 * int((pieces.right - pieces.left).sum())
    _, low, high = rle_grid.upright_cracks(pieces, int(shape[0]))
    return level + int((high - low).sum())


def corners(counts: Counts, shape: Shape) -> NDArray[np.float64]:
    """Return pixel corners of which the convex hull is that of the mask, shape (n, 2), x and y.

    The first and last edge of each column, at its left and right side: what lies between cannot
    be a corner of the hull. None for an empty mask.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    """
    pieces = pieces_of_runs(counts, shape)
    begins = np.flatnonzero(np.diff(pieces.left, prepend=-1))
    ends = np.append(begins[1:], len(pieces.left))[: len(begins)] - 1
    x = np.concatenate((pieces.left[begins], pieces.right[begins]))
    xy = np.empty((2 * len(x), 2))
    xy[:, 0] = np.repeat(x, 2)
    xy[:, 1] = np.tile(np.stack((pieces.top[begins], pieces.bottom[ends]), axis=1).ravel(), 2)
    return xy
