"""Masks as run lengths: text, pixels, area, bounds and set algebra without a dense mask.

Counts are a 1-D uint32 array of run lengths of a mask read column by column (top to bottom,
then the next column), zeros first; so a mask whose first pixel is set starts with 0. This is
COCO's encoding. A shape is (height, width). Canonical counts hold no zero but the first; others
are accepted everywhere. A run of 2**32 pixels or more is kept as runs of 2**32 - 1 with zero
runs between.

Most functions work on *flips*: the positions, counted down the columns, at which the value
changes. A position that occurs an even number of times is no change at all, which makes zero
runs, XOR and canonical form one and the same step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry.ragged import Runs
from dlgeom.geometry.rle_text import (
    from_list,
    from_string,
    from_strings,
    pack,
    to_list,
    to_string,
    to_strings,
)

__all__ = [
    "area",
    "areas",
    "bounds",
    "bounds_many",
    "check",
    "complement",
    "decode",
    "decode_crop",
    "difference",
    "encode",
    "encode_crop",
    "from_flips",
    "from_list",
    "from_string",
    "from_strings",
    "intersection",
    "intersection_area",
    "normalise",
    "to_list",
    "to_string",
    "to_strings",
    "union",
    "union_many",
    "valid",
    "xor",
]

Counts = NDArray[np.uint32]
Flips = NDArray[np.int64]
Shape = tuple[int, int]


BLOCKED = 1 << 16  # pixels from which a transpose by blocks is worth loading OpenCV
_ALTERNATING = np.tile(np.array([False, True]), 512)
_ALTERNATING.flags.writeable = False
SHORT_COLUMNS = 128  # rows up to which columns are compared as one line (measured)
MERGED = 1 << 18  # counts of masks from which a union of many is made step by step
BLOCK_ROWS = 64  # rows of a mask that are looked at together for the first that is not empty


# ---------------------------------------------------------------- counts and flips


def _positions(counts: Counts) -> Flips:
    """Return the ends of all runs, shape (len(counts),); the last is the size of the mask."""
    return np.cumsum(counts, dtype=np.int64)


def _odd_only(flips: Flips) -> Flips:
    """Keep one of each position that occurs an odd number of times; `flips` is sorted."""
    changed = flips[1:] != flips[:-1]
    if np.count_nonzero(changed) == len(changed):
        return flips
    first = np.concatenate(([0], np.flatnonzero(changed) + 1))
    odd = np.diff(np.append(first, len(flips))) & 1
    return np.asarray(flips[first[odd == 1]], dtype=np.int64)


def from_flips(flips: NDArray[np.int64], size: int) -> Counts:
    """Return canonical counts of the mask that changes value at each of `flips`.

    Parameters
    ----------
    flips : ndarray of int64, shape (F,)
        Sorted positions in [0, size]; a position may repeat.
    size : int
        Number of pixels, height * width.
    """
    flips = _odd_only(flips)
    if len(flips) and flips[-1] == size:
        flips = flips[:-1]
    lengths = np.empty(len(flips) + 1, dtype=np.int64)
    if len(flips):
        lengths[0] = flips[0]
        np.subtract(flips[1:], flips[:-1], out=lengths[1:-1])
        lengths[-1] = size - flips[-1]
    else:
        lengths[0] = size
    return pack(lengths)


def normalise(counts: Counts) -> Counts:
    """Return canonical counts: runs around a zero run merged, no zero run at the end."""
    if len(counts) and np.count_nonzero(counts[1:]) == len(counts) - 1:
        return counts
    ends = _positions(counts)
    return from_flips(ends[:-1], int(ends[-1]) if len(ends) else 0)


def _spans(counts: Counts, ends: Flips | None = None) -> tuple[Flips, Flips]:
    """Return first and last-plus-one positions of the runs of ones that are not empty."""
    if ends is None:
        ends = _positions(counts)
    starts, stops = ends[:-1:2], ends[1::2]
    if np.count_nonzero(counts[1:]) < len(counts) - 1:
        some = starts < stops
        return starts[some], stops[some]
    return starts, stops


def _refuse_shape(shape: Shape) -> int:
    """Return the number of pixels, or raise if a side is not a positive integer."""
    for side in shape:
        if isinstance(side, bool) or not isinstance(side, int | np.integer) or side <= 0:
            raise GeometryError(
                f"mask has the shape {tuple(shape)}; height and width are integers > 0"
            )
    return int(shape[0]) * int(shape[1])


def check(counts: Counts, shape: Shape) -> None:
    """Raise `GeometryError` unless the sides are > 0 and the counts fill the shape exactly."""
    _check_total(int(counts.sum(dtype=np.uint64)), shape)


def _check_total(total: int, shape: Shape) -> None:
    """Raise unless the sides are > 0 and `total` is the number of pixels."""
    size = _refuse_shape(shape)
    if total != size:
        raise GeometryError(
            f"run lengths add up to {total}; a mask of {shape[0]} x {shape[1]} has {size} pixels. "
            "Correct the counts or the size"
        )


def valid(runs: Runs) -> NDArray[np.bool_]:
    """Tell for each row whether sides are in [1, 2**31] and counts fill the shape, shape (N,)."""
    totals = np.zeros(len(runs.counts) + 1, dtype=np.int64)
    np.cumsum(runs.counts, dtype=np.int64, out=totals[1:])
    ends = totals[runs.offsets]
    positive = (runs.shape > 0).all(axis=1)
    positive &= (runs.shape <= 1 << 31).all(axis=1)  # sides of which no product wraps around
    sizes = runs.shape[:, 0] * runs.shape[:, 1]
    return np.asarray(positive & (ends[1:] - ends[:-1] == sizes))


# ---------------------------------------------------------------- pixels


def _transposed(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the transpose of a C-ordered mask as a C-ordered array."""
    if pixels.size < BLOCKED:
        return np.ascontiguousarray(pixels.T)
    import cv2  # walks blocks that fit the cache: 5 to 10 times faster on large crops

    return np.asarray(cv2.transpose(pixels.view(np.uint8))).view(np.bool_)


def _by_columns(pixels: NDArray[Any]) -> bool:
    """Tell whether neighbours in memory are neighbours in a column (Fortran order)."""
    return bool(abs(pixels.strides[0]) < abs(pixels.strides[1]))


def _line_span(lines: NDArray[Any]) -> tuple[int, int]:
    """Return the first and last-plus-one row with a pixel set; twice 0 if there is none.

    Rows are looked at in blocks from both ends: most of a large mask is empty, and one answer
    for a block is three times cheaper than one for each row. Bools that lie one after the other
    have a faster way to the first.
    """
    count = len(lines)
    if lines.dtype == np.bool_ and lines.flags.c_contiguous:
        place = int(lines.argmax())  # ends at the first that is set
        first = place // lines.shape[1]
        if not lines[first, place - first * lines.shape[1]]:
            return 0, 0
    else:
        for first in range(0, count, BLOCK_ROWS):
            rows = lines[first : first + BLOCK_ROWS]
            if rows.any():
                first += int(rows.any(axis=1).argmax())
                break
        else:
            return 0, 0
    for last in range(count, first, -BLOCK_ROWS):
        start = max(last - BLOCK_ROWS, first)
        rows = lines[start:last]
        if rows.any():
            break
    return first, last - int(np.asarray(rows.any(axis=1))[::-1].argmax())


def encode(mask: NDArray[Any]) -> Counts:
    """Return the counts of a mask of shape (H, W); anything but 0 is set.

    Raises
    ------
    GeometryError
        If the mask is not two-dimensional or has no pixels.
    """
    if mask.ndim != 2:
        raise GeometryError(f"mask has {mask.ndim} dimensions; expected 2, (height, width)")
    shape = (int(mask.shape[0]), int(mask.shape[1]))
    size = _refuse_shape(shape)
    turned = _by_columns(mask)
    lines = mask.T if turned else mask
    first, last = _line_span(lines)
    if first == last:
        return pack(np.array([size]))
    across = np.asarray(lines[first:last].any(axis=0))
    low = int(across.argmax())
    high = len(across) - int(across[::-1].argmax())
    crop = lines[first:last, low:high]
    if turned:
        return encode_crop(crop.T, first, low, shape)
    return encode_crop(crop, low, first, shape)


def encode_crop(crop: NDArray[Any], left: int, top: int, shape: Shape) -> Counts:
    """Return the counts of a mask of `shape` that is zero outside of a crop.

    Parameters
    ----------
    crop : ndarray, shape (h, w)
        Anything but 0 is set.
    left, top : int
        Column and row of the crop's first pixel.
    shape : (int, int)
        Height and width of the whole mask.

    Raises
    ------
    GeometryError
        If the crop does not lie within the shape.
    """
    height, width = int(shape[0]), int(shape[1])
    size = _refuse_shape((height, width))
    rows, columns = crop.shape
    if left < 0 or top < 0 or left + columns > width or top + rows > height:
        raise GeometryError(
            f"crop of {rows} x {columns} at left {left}, top {top} does not lie within a mask of "
            f"{height} x {width}; a crop lies inside. Clip it first"
        )
    if not crop.size:
        return pack(np.array([size]))
    return from_flips(_crop_flips(crop, left, top, height), size)


def _crop_flips(crop: NDArray[Any], left: int, top: int, height: int) -> Flips:
    """Return the flips of a crop that has pixels; every run begins and ends in its column."""
    pixels = crop if crop.dtype == np.bool_ else crop != 0
    rows, columns = pixels.shape
    # Pixels are compared in the order they lie in memory.
    if _by_columns(pixels):
        lines = pixels.T
        if rows < SHORT_COLUMNS:
            # One line of all columns, an unset pixel before and after each.
            line = np.zeros(columns * (rows + 1) + 1, dtype=np.bool_)
            line[1:].reshape(columns, rows + 1)[:, :rows] = lines
            flips = np.flatnonzero(line[1:] != line[:-1])
        else:
            changes = np.empty((columns, rows + 1), dtype=np.bool_)
            changes[:, 0], changes[:, -1] = lines[:, 0], lines[:, -1]
            np.not_equal(lines[:, 1:], lines[:, :-1], out=changes[:, 1:-1])
            flips = np.flatnonzero(changes)
        column = flips // (rows + 1)
        column *= height - rows - 1
        flips += column
        flips += left * height + top
        return flips
    # Sorting the few changes afterwards is two to three times faster than turning all pixels.
    changes = np.empty((rows + 1, columns), dtype=np.bool_)
    changes[0], changes[-1] = pixels[0], pixels[-1]
    np.not_equal(pixels[1:], pixels[:-1], out=changes[1:-1])
    flips = np.flatnonzero(changes)
    row = flips // columns
    flips -= row * columns
    flips += left
    flips *= height
    flips += row
    flips += top
    flips.sort()
    return flips


def decode(counts: Counts, shape: Shape) -> NDArray[np.bool_]:
    """Return the mask of shape (H, W), C-ordered.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    """
    lines, left, top = _lines(counts, shape)
    if lines.shape == (shape[1], shape[0]):
        return _transposed(lines)
    mask = np.zeros((int(shape[0]), int(shape[1])), dtype=np.bool_)
    columns, rows = lines.shape
    mask[top : top + rows, left : left + columns] = _transposed(lines)
    return mask


def decode_crop(counts: Counts, shape: Shape) -> tuple[NDArray[np.bool_], int, int]:
    """Return the pixels of the tight bounds with their left and top.

    Memory is that of the crop and the runs, whatever the shape.

    Returns
    -------
    crop : ndarray of bool, shape (h, w)
        In Fortran order, as the runs are; (0, 0) for an empty mask.
    left, top : int
        Column and row of the first pixel of the crop; 0 for an empty mask.

    Raises
    ------
    GeometryError
        If the counts do not fill the shape.
    """
    lines, left, top = _lines(counts, shape)
    return lines.T, left, top


def _lines(counts: Counts, shape: Shape) -> tuple[NDArray[np.bool_], int, int]:
    """Return the columns of the tight bounds, shape (w, h), with their left and top.

    The fixed cost counts: most masks are small. So steps are few and in place, and a scalar that
    is used more than once is an array, which numpy need not convert each time.
    """
    lengths = counts.astype(np.int64)
    ends = np.add.accumulate(lengths)
    height, width = shape
    total = int(ends[-1]) if len(ends) else 0
    # Types and signs are looked at only where the product could be right by accident.
    if type(height) is not int or type(width) is not int or height <= 0 or total != height * width:
        _check_total(total, shape)
        height = int(height)
    starts, stops = _spans(counts, ends)
    if not len(starts):
        return np.zeros((0, 0), dtype=np.bool_), 0, 0
    if len(lengths) != 2 * len(starts) + 1:
        lengths = np.empty(2 * len(starts) + 1, dtype=np.int64)
        lengths[0] = starts[0]
        np.subtract(stops, starts, out=lengths[1::2])
        np.subtract(starts[1:], stops[:-1], out=lengths[2:-1:2])
    high = np.array(height)
    column = starts // high
    base = column * high
    left, top, right, bottom = _span_bounds(starts, stops, base, height)
    # The runs within the crop: gaps lose the rows above and below it once for each column they
    # pass. Where it is as high as the mask, which every run over two columns makes it, nothing.
    rows = bottom - top
    if rows < height:
        passed = column[1:] - column[:-1]
        passed *= height - rows
        gaps = lengths[2:-1:2]
        np.subtract(gaps, passed, out=gaps)
    lengths[0] -= left * height + top
    lengths[-1] = (right - 1) * height + bottom - int(stops[-1])
    return _alternating(len(lengths)).repeat(lengths).reshape(right - left, rows), left, top


def _alternating(count: int) -> NDArray[np.bool_]:
    """Return False, True, False, ..., shape (count,)."""
    if count <= len(_ALTERNATING):
        return _ALTERNATING[:count]
    return (np.arange(count, dtype=np.uint8) & 1).view(np.bool_)


# ---------------------------------------------------------------- measures


def area(counts: Counts) -> int:
    """Return the number of pixels set."""
    return int(counts[1::2].sum(dtype=np.int64))


def areas(runs: Runs) -> NDArray[np.int64]:
    """Return the number of pixels set of each row, shape (N,); 0 where there is no mask."""
    total = np.zeros(len(runs.counts) + 1, dtype=np.int64)
    np.cumsum(runs.counts, dtype=np.int64, out=total[1:])
    odd = np.zeros(len(runs.counts) + 1, dtype=np.int64)
    np.cumsum(
        np.where(np.arange(len(runs.counts)) & 1, runs.counts, 0), dtype=np.int64, out=odd[1:]
    )
    first, last = runs.offsets[:-1], runs.offsets[1:]
    of_odd = odd[last] - odd[first]
    # Ones are the odd runs of a row; where the row starts at an odd place, the even ones.
    return np.where(first & 1, total[last] - total[first] - of_odd, of_odd)


def _span_bounds(
    starts: Flips, stops: Flips, base: Flips, height: int
) -> tuple[int, int, int, int]:
    """Return bounds of runs of ones, exclusive at right and bottom.

    There is at least one run; `base` is the position of the first row of each start's column.
    """
    left, right = int(base[0]) // height, (int(stops[-1]) - 1) // height + 1
    rows = stops - base
    lowest = int(rows[rows.argmax()])  # half the fixed cost of max()
    if lowest > height:  # a run goes on in the next column: it has the last and the first row
        return left, 0, right, height
    np.subtract(starts, base, out=rows)
    return left, int(rows[rows.argmin()]), right, lowest


def bounds(counts: Counts, shape: Shape) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom in pixels, exclusive at right and bottom; 0 if empty."""
    starts, stops = _spans(counts)
    if not len(starts):
        return 0, 0, 0, 0
    height = int(shape[0])
    high = np.array(height)
    return _span_bounds(starts, stops, starts // high * high, height)


def bounds_many(runs: Runs) -> NDArray[np.float64]:
    """Return left, top, right, bottom of each row, shape (N, 4), as `bounds` does.

    An empty mask has zeros; a row without a mask has NaN.
    """
    result = np.zeros((len(runs), 4))
    result[~runs.present] = np.nan
    if not len(runs.counts):
        return result
    row_of = np.repeat(np.arange(len(runs)), np.diff(runs.offsets))
    ends = np.cumsum(runs.counts, dtype=np.int64)
    first = runs.offsets[:-1]
    before = np.where(first > 0, ends[first - 1], 0)
    is_one = ((np.arange(len(runs.counts)) - first[row_of]) & 1).astype(np.bool_)
    is_one &= runs.counts > 0
    if not is_one.any():
        return result
    row_of = row_of[is_one]
    lengths = runs.counts[is_one].astype(np.int64)
    starts = ends[is_one] - lengths - before[row_of]
    height = runs.shape[row_of, 0]
    column, row = np.divmod(starts, height)
    spills = row + lengths > height
    begin = np.flatnonzero(np.diff(row_of, prepend=-1))
    rows = row_of[begin]
    last = np.append(begin[1:], len(row_of)) - 1
    result[rows, 0] = column[begin]
    result[rows, 1] = np.minimum.reduceat(np.where(spills, 0, row), begin)
    result[rows, 2] = (starts[last] + lengths[last] - 1) // height[last] + 1
    result[rows, 3] = np.maximum.reduceat(np.where(spills, height, row + lengths), begin)
    return result


# ---------------------------------------------------------------- set algebra


def _pair(a: Counts, b: Counts) -> tuple[Flips, Flips]:
    """Return the ends of all runs of two masks, or raise unless they have as many pixels."""
    ends_a, ends_b = _positions(a), _positions(b)
    size = int(ends_a[-1]) if len(ends_a) else 0
    if size != (int(ends_b[-1]) if len(ends_b) else 0):
        raise GeometryError(
            f"masks have {size} and {int(b.sum(dtype=np.int64))} pixels; set operations take "
            "masks of one shape"
        )
    return ends_a, ends_b


def _interleaved(starts: Flips, stops: Flips) -> Flips:
    flips = np.empty(2 * len(starts), dtype=np.int64)
    flips[::2] = starts
    flips[1::2] = stops
    return flips


def _shared(spans_a: tuple[Flips, Flips], spans_b: tuple[Flips, Flips]) -> Flips:
    """Return the flips of the pixels that runs of both masks cover."""
    starts = np.concatenate((spans_a[0], spans_b[0]))
    stops = np.concatenate((spans_a[1], spans_b[1]))
    starts.sort()
    stops.sort()
    # Runs of one mask do not overlap, so no pixel is covered more than twice: it is twice where
    # the next run has begun before one has ended.
    twice = starts[1:] < stops[:-1]
    return _interleaved(starts[1:][twice], stops[:-1][twice])


def union(a: Counts, b: Counts) -> Counts:
    """Return the pixels set in `a` or `b`, masks of one shape."""
    ends_a, ends_b = _pair(a, b)
    spans_a, spans_b = _spans(a, ends_a), _spans(b, ends_b)
    starts, stops = _merged(
        np.concatenate((spans_a[0], spans_b[0])), np.concatenate((spans_a[1], spans_b[1]))
    )
    return from_flips(_interleaved(starts, stops), int(ends_a[-1]) if len(ends_a) else 0)


def intersection(a: Counts, b: Counts) -> Counts:
    """Return the pixels set in both `a` and `b`, masks of one shape."""
    ends_a, ends_b = _pair(a, b)
    flips = _shared(_spans(a, ends_a), _spans(b, ends_b))
    return from_flips(flips, int(ends_a[-1]) if len(ends_a) else 0)


def intersection_area(a: Counts, b: Counts) -> int:
    """Return the number of pixels set in both `a` and `b`, masks of one shape."""
    ends_a, ends_b = _pair(a, b)
    flips = _shared(_spans(a, ends_a), _spans(b, ends_b))
    return int((flips[1::2] - flips[::2]).sum())


def difference(a: Counts, b: Counts) -> Counts:
    """Return the pixels set in `a` but not in `b`, masks of one shape."""
    _pair(a, b)
    return intersection(a, complement(b))


def xor(a: Counts, b: Counts) -> Counts:
    """Return the pixels set in exactly one of `a` and `b`, masks of one shape."""
    ends_a, ends_b = _pair(a, b)
    flips = np.concatenate((ends_a[:-1], ends_b[:-1]))
    flips.sort()
    return from_flips(flips, int(ends_a[-1]) if len(ends_a) else 0)


def complement(a: Counts) -> Counts:
    """Return the pixels not set in `a`."""
    ends = _positions(a)
    return from_flips(np.concatenate(([0], ends[:-1])), int(ends[-1]) if len(ends) else 0)


def union_many(masks: Sequence[Counts], size: int) -> Counts:
    """Return the pixels set in any of the masks, each of `size` pixels; none gives no pixels."""
    starts = stops = np.zeros(0, dtype=np.int64)
    first, count, more = 0, 0, len(masks)
    for last, counts in enumerate(masks, start=1):
        count += len(counts)
        # Some at a time, at least as many as there are by then: no run is sorted often.
        if count >= max(MERGED, 2 * len(starts)) or last == more:
            spans = [(starts, stops), *(_spans(counts) for counts in masks[first:last])]
            starts, stops = _merged(
                np.concatenate([begin for begin, _ in spans]),
                np.concatenate([end for _, end in spans]),
            )
            first, count = last, 0
            del spans
    return from_flips(_interleaved(starts, stops), size)


def _merged(starts: Flips, stops: Flips) -> tuple[Flips, Flips]:
    """Return the runs, in order and apart, that cover what the given ones cover; sorts in place."""
    starts.sort()
    stops.sort()
    # A run of the union begins where all runs that began earlier have ended.
    begins = np.ones(len(starts), dtype=np.bool_)
    np.greater(starts[1:], stops[:-1], out=begins[1:])
    if begins.all():
        return starts, stops
    ends = np.ones(len(starts), dtype=np.bool_)
    ends[:-1] = begins[1:]
    return starts[begins], stops[ends]
