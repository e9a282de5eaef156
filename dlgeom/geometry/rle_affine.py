"""Masks as run lengths under affine maps: each new pixel takes what lies at its middle.

Shifts by whole pixels, mirrors and quarter turns move pixels unchanged; scales work on runs;
other maps look at the pixels around the object only, block by block, so that memory is that of a
block and of the runs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import affine, rle, rle_grid
from dlgeom.geometry._cracks import pieces_of_runs

__all__ = ["places", "transform"]

Counts = NDArray[np.uint32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shape = tuple[int, int]

BLOCK = 1 << 19
"""New pixels that are looked at in one go."""
DENSE = 1 << 24
"""Pixels of the object's bounds up to which it is decoded to be read."""
WHOLE = 1e-9
"""Pixels by which an edge may miss the whole number that it is taken for."""


def transform(counts: Counts, shape: Shape, matrix: Floats, to_shape: Shape) -> Counts:
    """Return the counts of a mask where a map takes it.

    The new pixel in row r and column c takes the pixel that holds the point to which the inverse
    map leads from its middle (c + 0.5, r + 0.5); outside of the mask nothing is set.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape, to_shape : (int, int)
        Height and width of the mask and of the result, in pixels.
    matrix : ndarray of float64, shape (3, 3)
        The map, in continuous pixels.

    Raises
    ------
    GeometryError
        If the map has no inverse.
    """
    if affine.keeps_axes(matrix):
        return _upright(counts, shape, matrix, to_shape)
    return _sampled(counts, shape, matrix, to_shape)


def places(length: int, scale: float, shift: float, side: int) -> Ints:
    """Return which old column lies at the middle of each new one, shape (side,).

    Parameters
    ----------
    length, side : int
        Number of old and of new columns.
    scale, shift : float
        Where old edges go: ``x' = scale * x + shift``; the scale is not 0.

    Returns
    -------
    ndarray of int64
        Below 0, or `length` and more, outside of the old image. What lies on the edge between
        two columns belongs to the right one. Exact in integers where the old image fills whole
        columns of the new one.
    """
    new = np.arange(side, dtype=np.int64)
    wide, start = abs(scale) * length, shift if scale > 0 else shift + scale * length
    inner, left = round(wide), round(start)
    if inner > 0 and abs(wide - inner) <= WHOLE and abs(start - left) <= WHOLE:
        twice = (2 * (new - left) + 1) * length
        return twice // (2 * inner) if scale > 0 else length + (-twice) // (2 * inner)
    far = np.floor((new + 0.5 - shift) / scale)
    return np.asarray(np.clip(far, -1, length).astype(np.int64))


def _upright(counts: Counts, shape: Shape, matrix: Floats, to_shape: Shape) -> Counts:
    """Turn and mirror first; what is left is a scale > 0 and a shift."""
    affine.inverse(matrix)  # refuses what has none
    height, width = shape
    (a, b, tx), (c, d, ty) = matrix[:2].tolist()
    if a == 0 and d == 0:
        counts, (height, width) = rle_grid.transpose(counts, shape), (width, height)
        a, d = b, c
    if a < 0 or d < 0:
        counts = rle_grid.flip(counts, (height, width), horizontal=a < 0, vertical=d < 0)
    if abs(a) == abs(d) == 1 and tx.is_integer() and ty.is_integer():
        left = -int(tx) + (width if a < 0 else 0)
        top = -int(ty) + (height if d < 0 else 0)
        right, bottom = left + to_shape[1], top + to_shape[0]
        return rle_grid.window(counts, (height, width), left, top, right, bottom)
    pieces = pieces_of_runs(counts, (height, width))
    columns = places(width, a, tx, to_shape[1])
    rows = places(height, d, ty, to_shape[0])
    if a < 0:
        columns = width - 1 - columns
    if d < 0:
        rows = height - 1 - rows
    return rle_grid._counts_of(
        np.searchsorted(columns, pieces.left),
        np.searchsorted(columns, pieces.right),
        np.searchsorted(rows, pieces.top),
        np.searchsorted(rows, pieces.bottom),
        to_shape,
    )


def _sampled(counts: Counts, shape: Shape, matrix: Floats, to_shape: Shape) -> Counts:
    """Look from the middle of each new pixel back into the mask."""
    (a, b, tx), (c, d, ty) = affine.inverse(matrix)[:2].tolist()
    high, wide = to_shape
    bounds = rle.bounds(counts, shape)
    size = high * wide
    if bounds[0] >= bounds[2]:
        return rle.from_flips(np.zeros(0, dtype=np.int64), size)
    reach = affine.box_bounds(matrix, [bounds])[0]
    left, top = (int(v) for v in np.clip(np.floor(reach[:2] - 1), 0, [wide, high]))
    right, bottom = (int(v) for v in np.clip(np.ceil(reach[2:] + 1), 0, [wide, high]))
    if left >= right or top >= bottom:
        return rle.from_flips(np.zeros(0, dtype=np.int64), size)
    look = _Reader(counts, shape, bounds)
    y = np.arange(top, bottom) + 0.5
    step = max(1, BLOCK // (bottom - top))
    flips = []
    for first in range(left, right, step):
        last = min(first + step, right)
        x = (np.arange(first, last) + 0.5)[:, None]
        found = look.at(a * x + b * y + tx, c * x + d * y + ty)
        if found.any():
            flips.append(rle._crop_flips(found.T, first, top, high))
    return rle.from_flips(np.concatenate(flips) if flips else np.zeros(0, dtype=np.int64), size)


class _Reader:
    """Tells which points lie in set pixels, by the decoded object or, of a huge one, its runs."""

    def __init__(self, counts: Counts, shape: Shape, bounds: tuple[int, int, int, int]) -> None:
        left, top, right, bottom = bounds
        self._bounds = bounds
        self._height = shape[0]
        self._crop = None
        if (right - left) * (bottom - top) <= DENSE:
            self._crop = rle.decode_crop(counts, shape)[0]
        else:
            self._ends = np.cumsum(counts, dtype=np.int64)

    def at(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Return whether each point lies in a set pixel; x and y have one shape."""
        left, top, right, bottom = self._bounds
        near = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        found = np.zeros(x.shape, dtype=np.bool_)
        # Not negative here, so that cutting the fraction off is the floor.
        columns, rows = x[near].astype(np.int64), y[near].astype(np.int64)
        if self._crop is not None:
            found[near] = self._crop[rows - top, columns - left]
        else:
            places = np.searchsorted(self._ends, columns * self._height + rows, side="right")
            found[near] = places % 2 == 1
        return found
