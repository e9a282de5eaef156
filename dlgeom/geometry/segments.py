"""Segments of an image of ids: from ids to run lengths and back, and ids as colours (panoptic).

A pixel with the colour (R, G, B) belongs to the segment R + 256 G + 65536 B; 0 is void.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry.ragged import Runs, offsets_of

__all__ = ["MAX_ID", "distinct_ids", "id_map", "paint", "rgb_of", "segment_runs"]

MAX_ID = (1 << 24) - 1


def id_map(colors: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the segment id of each pixel, shape (H, W), of colours of shape (H, W, 3 or 4)."""
    wide = colors[..., :3].astype(np.uint32)
    return np.asarray(wide[..., 0] | wide[..., 1] << 8 | wide[..., 2] << 16, dtype=np.uint32)


def rgb_of(ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the colours, shape (H, W, 3), of ids of shape (H, W), at most `MAX_ID`."""
    return np.stack([(ids >> shift) & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)


def distinct_ids(wishes: Sequence[object]) -> list[int]:
    """Return an id of its own, 1 to `MAX_ID`, for each wish.

    A wish that is such a number, and nobody's before, is granted; the others get the lowest
    numbers that are free.
    """
    given: list[int | None] = []
    used: set[int] = set()
    for wish in wishes:
        good = isinstance(wish, int | np.integer) and not isinstance(wish, bool)
        number = int(wish) if good else 0  # type: ignore[call-overload]
        if 1 <= number <= MAX_ID and number not in used:
            used.add(number)
            given.append(number)
        else:
            given.append(None)
    running = 1
    result = []
    for number in given:
        if number is None:
            while running in used:
                running += 1
            used.add(running)
            number = running
        result.append(number)
    return result


def segment_runs(ids: NDArray[Any]) -> tuple[NDArray[np.int64], Runs]:
    """Return the ids that occur, ascending and without 0, and the mask of each.

    Parameters
    ----------
    ids : ndarray of int, shape (H, W)
        Segment id of each pixel, none below 0.

    Notes
    -----
    One walk over the pixels column by column finds the runs of equal ids; sorting the runs (not
    the pixels) by id puts those of a segment together. No mask of the whole image is made.
    """
    height, width = ids.shape
    if not ids.size:
        return np.zeros(0, dtype=np.int64), Runs.empty(0)
    flat = np.ascontiguousarray(ids.T).ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    values = flat[starts]
    lengths = np.diff(starts, append=len(flat))
    some = np.flatnonzero(values)
    some = some[np.argsort(values[some], kind="stable")]
    starts, values, lengths = starts[some], values[some], lengths[some]
    if not len(values):
        return np.zeros(0, dtype=np.int64), Runs.empty(0)
    new = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    first = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    stops = starts + lengths
    gaps = starts.copy()
    gaps[1:] -= stops[:-1]
    gaps[first] = starts[first]
    last = np.append(first[1:], len(values)) - 1
    tail = len(flat) - stops[last]
    sizes = np.diff(first, append=len(values))
    offsets = offsets_of(2 * sizes + (tail > 0))
    place = offsets[group] + 2 * (np.arange(len(values)) - first[group])
    counts = np.zeros(offsets[-1], dtype=np.uint32)
    counts[place] = gaps
    counts[place + 1] = lengths
    counts[(offsets[1:] - 1)[tail > 0]] = tail[tail > 0]
    shape = np.tile(np.array([[height, width]], dtype=np.int64), (len(first), 1))
    return values[first].astype(np.int64), Runs(counts, offsets, shape)


def paint(
    canvas: NDArray[np.uint32], crop: NDArray[np.bool_], left: int, top: int, value: int
) -> NDArray[np.uint32]:
    """Set the pixels of a crop to `value`; return what was there, shape (pixels set,)."""
    region = canvas[top : top + crop.shape[0], left : left + crop.shape[1]]
    before: NDArray[np.uint32] = region[crop]
    region[crop] = value
    return before
