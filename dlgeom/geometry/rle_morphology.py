"""Masks kept as run lengths, grown and shrunk by discs.

Counts are column-major, zeros first, as in `dlgeom.geometry.rle`; counts with runs of length zero
are accepted, results are canonical. The cost grows with the runs and the radius, never with the
number of pixels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import rle, rle_grid
from dlgeom.geometry._cracks import Pieces, pieces_of_runs
from dlgeom.geometry.rle_text import pack

__all__ = ["dilate", "disc", "erode"]

Counts = NDArray[np.uint32]
Ints = NDArray[np.int64]
Shape = tuple[int, int]

BLOCK = 1 << 18  # runs that are sorted at a time
FAR = 1e9  # pixels; further than any mask is wide or high
SMALL_REACH = 32  # rows and columns up to which OpenCV is faster on masks that are all noise


def disc(radius: float) -> Ints:
    """Return the pixels above and below the centre in each column of a disc.

    The disc is the pixels whose centres are no further than `radius` from that of the middle
    one: ``dx**2 + dy**2 <= radius**2`` in double precision. For whole radii this is
    ``skimage.morphology.disk``.

    Parameters
    ----------
    radius : float
        In pixels, >= 0.

    Returns
    -------
    ndarray of int64, shape (2 * r + 1,)
        Reach up and down at dx = -r ... r.

    Raises
    ------
    GeometryError
        If the radius is negative or not finite.
    """
    reach, square = _reach(radius)
    return np.array([math.isqrt(square - dx * dx) for dx in range(-reach, reach + 1)])


def _reach(radius: float) -> tuple[int, int]:
    """Return the whole part of a radius and of its square."""
    real = isinstance(radius, int | float | np.integer | np.floating)
    try:
        length = float(radius) if real and not isinstance(radius, bool) else math.nan
    except OverflowError:
        length = math.inf
    if not 0 <= length <= FAR:
        raise GeometryError(f"radius is {radius!r}; it is a number of pixels from 0 to {FAR:g}")
    square = math.floor(length * length)
    return math.isqrt(square), square


def dilate(counts: Counts, shape: Shape, radius: float) -> Counts:
    """Set all pixels that are no further than a radius from a set pixel, centre to centre.

    Pixels outside of the mask count as not set, and what would grow beyond it is cut away.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask.
    radius : float
        In pixels, >= 0; see `disc`.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape, or the radius is negative or not finite.

    Notes
    -----
    Each column of the disc moves the runs sideways and makes them longer; the result is the
    union, made of about `BLOCK` runs at a time from left to right: O(runs * radius) steps.
    """
    reach, square = _reach(radius)
    rle.check(counts, shape)
    height, width = int(shape[0]), int(shape[1])
    size = height * width
    pieces = pieces_of_runs(counts, shape)
    count = len(pieces.left)
    if reach == 0 or not count:
        return rle.normalise(counts)
    if square >= (width - 1) ** 2 + (height - 1) ** 2:
        return rle.complement(pack(np.array([size])))
    if reach <= SMALL_REACH and rle.BLOCKED <= size <= rle_grid.BUSY * len(counts):
        return _dilated_pixels(counts, (height, width), disc(radius))
    reach = min(reach, width - 1)
    steps = np.arange(-reach, reach + 1)
    halves = np.array([math.isqrt(square - dx * dx) for dx in steps.tolist()])
    batch = max(1, BLOCK // len(steps))
    pending = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    done = []
    for first in range(0, count, batch):
        some = Pieces(*(side[first : first + batch] for side in pieces))
        more = _moved(some, steps, halves, (height, width))
        starts, stops = rle._merged(
            *(np.concatenate(both) for both in zip(pending, more, strict=True))
        )
        # Pieces come in column order: what ends before the columns that the next ones reach stays.
        last = len(stops)
        if first + batch < count:
            reached = (int(pieces.left[first + batch]) - reach) * height
            last = int(np.searchsorted(stops, reached))
        done += [starts[:last], stops[:last]]
        pending = starts[last:], stops[last:]
    flips = np.empty(2 * sum(map(len, done[::2])), dtype=np.int64)
    np.concatenate(done[::2], out=flips[::2])
    np.concatenate(done[1::2], out=flips[1::2])
    return rle.from_flips(flips, size)


def _dilated_pixels(counts: Counts, shape: Shape, halves: Ints) -> Counts:
    """Dilate a mask of about as many runs as pixels, by the reach in each column of a disc."""
    import cv2

    reach = len(halves) // 2
    element = np.abs(np.arange(-reach, reach + 1))[:, None] <= halves
    pixels = rle.decode(counts, shape).view(np.uint8)
    # The border counts as lower than all pixels, so as not set.
    grown = np.asarray(cv2.dilate(pixels, element.astype(np.uint8))).view(np.bool_)
    return rle.encode(rle._transposed(grown).T)  # in column order: see `rle.encode`


def _moved(pieces: Pieces, steps: Ints, halves: Ints, shape: Shape) -> tuple[Ints, Ints]:
    """Return starts and stops of runs moved by each step and made longer by each half."""
    height, width = shape
    left = np.clip(pieces.left + steps[:, None], 0, width)
    right = np.clip(pieces.right + steps[:, None], 0, width)
    inside = left < right
    left *= height
    left += np.maximum(pieces.top - halves[:, None], 0)
    right -= 1
    right *= height
    right += np.minimum(pieces.bottom + halves[:, None], height)
    return left[inside], right[inside]


def erode(counts: Counts, shape: Shape, radius: float, *, outside: bool = True) -> Counts:
    """Keep the pixels that have only set pixels within a radius, centre to centre.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask.
    radius : float
        In pixels, >= 0; see `disc`.
    outside : bool, default True
        What pixels outside of the mask count as. True: as set, so that nothing is taken away
        along the border of the image, where what the mask shows goes on unseen (as in OpenCV and
        scikit-image); erosion is then the dilation of what is not set. False: as not set (as in
        SciPy), so that nothing within the radius of the border stays.

    Raises
    ------
    GeometryError
        As for `dilate`.
    """
    reach, _ = _reach(radius)
    rle.check(counts, shape)
    kept = rle.complement(dilate(rle.complement(counts), shape, radius))
    if outside or reach == 0:
        return kept
    height, width = int(shape[0]), int(shape[1])
    if 2 * reach >= min(height, width):
        return pack(np.array([height * width]))
    high, wide = height - 2 * reach, width - 2 * reach
    inner = rle_grid.window(kept, shape, reach, reach, reach + wide, reach + high)
    return rle_grid.window(inner, (high, wide), -reach, -reach, width - reach, height - reach)
