"""Masks as run lengths on another grid: window, flip, transpose, quarter turns, nearest resize.

Counts are column-major, zeros first, as in `dlgeom.geometry.rle`; counts with runs of length zero
are accepted, results are canonical. Nothing here makes a dense mask: the cost grows with the runs
of the mask and of the result, whatever the number of pixels.

Runs are handled as rectangles (`Pieces`): one run in each of their columns, and more than one
column only where they are as high as the mask, so that a filled mask of any size is one
rectangle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.geometry._cracks import Pieces, pieces_of_runs, pieces_of_spans
from dlgeom.geometry.ragged import offsets_of
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["flip", "resize", "rot90", "transpose", "upright_cracks", "window"]

Counts = NDArray[np.uint32]
Ints = NDArray[np.int64]
Shape = tuple[int, int]

BLOCK = 1 << 17  # runs that are moved at a time
BUSY = 16  # pixels for each run up to which turning all pixels is faster (measured: 2 to 3 times)


def window(counts: Counts, shape: Shape, left: int, top: int, right: int, bottom: int) -> Counts:
    """Return what is seen of a mask through a window, which may leave the mask.

    So it crops, pads, pastes and shifts: what lies outside of the mask is not set.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask.
    left, top, right, bottom : int
        The window in pixels of the mask, exclusive at right and bottom; may be negative or
        beyond the mask.

    Returns
    -------
    ndarray of uint32
        Canonical counts of shape ``(bottom - top, right - left)``.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape, or the window has no pixels.
    LimitError
        If the result has more runs than a mask of ``Limits.pixels`` pixels can have.
    """
    if left >= right or top >= bottom:
        raise GeometryError(
            f"window has left {left}, top {top}, right {right}, bottom {bottom}; it has at least "
            "one pixel: left < right and top < bottom"
        )
    ends = np.cumsum(counts, dtype=np.int64)
    rle._check_total(int(ends[-1]) if len(ends) else 0, shape)
    height, width = int(shape[0]), int(shape[1])
    high, wide = bottom - top, right - left
    starts, stops = _spans(counts, ends)
    # Runs of other columns go first: a small window of a mask of many runs is common (tiles).
    first = int(np.searchsorted(stops, max(left, 0) * height, side="right"))
    last = int(np.searchsorted(starts, max(min(right, width), 0) * height, side="left"))
    starts, stops = starts[first:last], stops[first:last]
    return _counts_of_blocks(
        (
            Pieces(
                pieces.left.clip(left, right) - left,
                pieces.right.clip(left, right) - left,
                pieces.top.clip(top, bottom) - top,
                pieces.bottom.clip(top, bottom) - top,
            )
            for pieces in _blocks(starts, stops, height)
        ),
        (high, wide),
    )


def flip(
    counts: Counts, shape: Shape, *, horizontal: bool = False, vertical: bool = False
) -> Counts:
    """Mirror a mask: left and right where `horizontal`, top and bottom where `vertical`.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask; the result has the same.
    horizontal, vertical : bool, default False
        Which sides are swapped; both make half a turn, neither only canonical counts.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    """
    rle.check(counts, shape)
    if not horizontal and not vertical:
        return rle.normalise(counts)
    height, width = int(shape[0]), int(shape[1])
    size = height * width
    starts, stops = _spans(counts, np.cumsum(counts, dtype=np.int64))
    if horizontal and vertical:  # the pixels in the opposite order
        return rle.from_flips(size - np.stack((starts, stops), axis=1).ravel()[::-1], size)
    blocks = _blocks(starts, stops, height)
    if vertical:
        upside = (p._replace(top=height - p.bottom, bottom=height - p.top) for p in blocks)
        return _counts_of_blocks(upside, (height, width))
    mirrored = (
        Pieces(width - p.right[::-1], width - p.left[::-1], p.top[::-1], p.bottom[::-1])
        for p in blocks
    )
    return _counts_of_blocks(mirrored, (height, width), backwards=True)


def transpose(counts: Counts, shape: Shape) -> Counts:
    """Swap rows and columns of a mask; the result has the shape (width, height).

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    LimitError
        If the result has more runs than a mask of ``Limits.pixels`` pixels can have.
    """
    return _turned(counts, shape, mirror_x=False, mirror_y=False)


def rot90(counts: Counts, shape: Shape, k: int = 1) -> Counts:
    """Turn a mask by `k` quarters counter-clockwise on screen, as `numpy.rot90` does.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape : (int, int)
        Height and width of the mask; those of the result are swapped where `k` is odd.
    k : int, default 1
        Number of quarter turns, any integer; negative ones are clockwise.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    LimitError
        If the result has more runs than a mask of ``Limits.pixels`` pixels can have.
    """
    quarters = int(k) % 4
    if quarters % 2 == 0:
        return flip(counts, shape, horizontal=quarters == 2, vertical=quarters == 2)
    return _turned(counts, shape, mirror_x=quarters == 1, mirror_y=quarters == 3)


def resize(counts: Counts, shape: Shape, to_shape: Shape) -> Counts:
    """Scale a mask to another shape by nearest neighbour, exact in integers.

    Row i of the result is row ``((2 * i + 1) * height) // (2 * new_height)`` of the mask, the one
    that holds the centre of row i; columns likewise. So a whole factor up and down again gives
    the mask back.

    Parameters
    ----------
    counts : ndarray of uint32, shape (C,)
        Run lengths of the mask.
    shape, to_shape : (int, int)
        Height and width of the mask and of the result.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape, or a new side is not an integer > 0.
    LimitError
        If the result has more runs than a mask of ``Limits.pixels`` pixels can have.
    """
    rle.check(counts, shape)
    for side in to_shape:
        if isinstance(side, bool) or not isinstance(side, int | np.integer) or side <= 0:
            raise GeometryError(
                f"new shape is {tuple(to_shape)}; height and width are integers > 0"
            )
    height, width = int(shape[0]), int(shape[1])
    high, wide = int(to_shape[0]), int(to_shape[1])
    if (high, wide) == (height, width):
        return rle.normalise(counts)
    starts, stops = _spans(counts, np.cumsum(counts, dtype=np.int64))
    return _counts_of_blocks(
        (
            Pieces(
                _scaled(pieces.left, width, wide),
                _scaled(pieces.right, width, wide),
                _scaled(pieces.top, height, high),
                _scaled(pieces.bottom, height, high),
            )
            for pieces in _blocks(starts, stops, height)
        ),
        (high, wide),
    )


def _scaled(edges: Ints, side: int, to_side: int) -> Ints:
    """Return the first row of the result that comes from row `edges` or a later one.

    The least i with ``(2 i + 1) side // (2 to_side) >= edge``, that is with
    ``2 i + 1 >= ceil(2 to_side edge / side)``.
    """
    if side == to_side:
        return edges
    if 2 * to_side * side >= 1 << 62:  # products that leave 64 bits
        exact = [(2 * to_side * edge + side - 1) // side // 2 for edge in edges.tolist()]
        return np.array(exact, dtype=np.int64)
    products = edges * (2 * to_side)
    products += side - 1
    products //= side
    products >>= 1
    return products


def _spans(counts: Counts, ends: Ints) -> tuple[Ints, Ints]:
    """Return first and last-plus-one positions of the runs of ones; those that touch merged."""
    if np.count_nonzero(counts[1:]) != len(counts) - 1:
        ends = np.cumsum(rle.normalise(counts), dtype=np.int64)
    return ends[:-1:2], ends[1::2]


def _counts_of(left: Ints, right: Ints, top: Ints, bottom: Ints, shape: Shape) -> Counts:
    """Return canonical counts of the union of rectangles that do not overlap.

    They may have no width or height, touch, come in any order and have any number of columns.
    """
    return rle.from_flips(_flips_of(Pieces(left, right, top, bottom), shape), shape[0] * shape[1])


def _counts_of_blocks(blocks: Iterable[Pieces], shape: Shape, *, backwards: bool = False) -> Counts:
    """Return canonical counts of rectangles that come in blocks of columns.

    The blocks are in the order of their columns, or in the opposite order if `backwards`.
    """
    flips: list[Ints] = []
    for pieces in blocks:
        flips.append(_flips_of(pieces, shape))
        _refuse_runs(sum(map(len, flips)) // 2)
    size = shape[0] * shape[1]
    if len(flips) == 1:
        return rle.from_flips(flips[0], size)
    joined = np.concatenate(flips[::-1] if backwards else flips)
    flips.clear()
    return rle.from_flips(joined, size)


def _blocks(starts: Ints, stops: Ints, height: int) -> Iterator[Pieces]:
    """Yield runs as rectangles, some columns at a time: about `BLOCK` runs, or one column."""
    if len(starts) <= BLOCK:
        yield pieces_of_spans(starts, stops, height)
        return
    edges = np.unique(starts[BLOCK::BLOCK] // height) * height
    low = 0
    for high in [*edges.tolist(), int(stops[-1])]:
        first = int(np.searchsorted(stops, low, side="right"))
        last = int(np.searchsorted(starts, high, side="left"))
        if first < last:  # a run over the edge of two blocks belongs to both of them
            some = slice(first, last)
            yield pieces_of_spans(starts[some].clip(low), stops[some].clip(None, high), height)
        low = high


def _flips_of(pieces: Pieces, shape: Shape) -> Ints:
    """Return the flips, in order, of rectangles that do not overlap; see `_counts_of`."""
    left, right, top, bottom = pieces
    height = shape[0]
    some = (left < right) & (top < bottom)
    if not some.all():
        left, right, top, bottom = left[some], right[some], top[some], bottom[some]
    columns = right - left
    columns[bottom - top == height] = 1  # goes on from each column into the next: one run
    if (columns > 1).any():
        offsets = offsets_of(columns)
        _refuse_runs(int(offsets[-1]))
        starts = np.repeat((left - offsets[:-1]) * height + top, columns)
        starts += np.arange(offsets[-1]) * height
        lengths = np.where(columns > 1, bottom - top, (right - left - 1) * height + bottom - top)
        stops = starts + np.repeat(lengths, columns)
    else:
        starts = left * height + top
        stops = (right - 1) * height + bottom
    flips = np.empty(2 * len(starts), dtype=np.int64)
    flips[::2] = starts
    flips[1::2] = stops
    if (starts[1:] < stops[:-1]).any():
        flips.sort()
    return flips


def _turned(counts: Counts, shape: Shape, *, mirror_x: bool, mirror_y: bool) -> Counts:
    """Return the transpose of a mask of which columns or rows are put in the opposite order.

    The runs of a row begin and end at the upright cracks between its pixels. Along the border of
    two columns these are where the columns differ, so the flips of both, those in both left out,
    pair up to the cracks. Each crack is cut into rows, and the cuts are sorted, some rows at a
    time: the cost is that of sorting the runs of the result (and the rows of the outermost
    columns).
    """
    rle.check(counts, shape)
    height, width = int(shape[0]), int(shape[1])
    if height * width <= BUSY * len(counts):
        pixels = rle.decode(counts, (height, width)).T
        return rle.encode(pixels[:: -1 if mirror_x else 1, :: -1 if mirror_y else 1])
    x, low, high = upright_cracks(pieces_of_runs(counts, shape), height)
    total = int((high - low).sum())
    _refuse_runs(total)
    if mirror_x:
        x = width - x
    if mirror_y:
        low, high = height - high, height - low  # its rows in the opposite order
    flips = np.empty(total, dtype=np.int64)
    done = 0
    for first, last in pairwise(np.linspace(0, height, total // BLOCK + 2, dtype=np.int64)):
        some = (low < last) & (high > first)
        starts = np.maximum(low[some], first)
        lengths = np.minimum(high[some], last) - starts
        offsets = offsets_of(lengths)
        block = flips[done : done + int(offsets[-1])]
        block[:] = np.arange(offsets[-1])
        block *= width
        block += np.repeat((starts - offsets[:-1]) * width + x[some], lengths)
        block.sort()
        done += len(block)
    return rle.from_flips(flips, height * width)


def upright_cracks(pieces: Pieces, height: int) -> tuple[Ints, Ints, Ints]:
    """Return x, upper and lower end of the upright cracks of a mask, by x, then y.

    At x from row `low` to `high` exactly one of the columns x - 1 and x is set; each array has
    the shape (K,). Beyond the mask nothing is set.
    """
    stride = height + 1  # the end of a column is not the start of the next
    count = len(pieces.left)
    codes = np.empty(4 * count, dtype=np.int64)
    for place, side in ((0, pieces.left), (2 * count, pieces.right)):
        first = side * stride
        np.add(first, pieces.top, out=codes[place : place + 2 * count : 2])
        np.add(first, pieces.bottom, out=codes[place + 1 : place + 2 * count : 2])
    codes.sort(kind="stable")  # two sorted halves
    alone = np.ones(len(codes), dtype=np.bool_)
    same = codes[1:] == codes[:-1]
    alone[1:][same] = False
    alone[:-1][same] = False
    codes = codes[alone]
    x = codes[::2] // stride
    shift = x * stride
    return x, codes[::2] - shift, codes[1::2] - shift


def _refuse_runs(runs: int, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raise `LimitError` if the result has more runs than a mask that may be decoded."""
    limits.check("pixels", runs, code="limit.pixels", what="runs of the mask on its new grid")
