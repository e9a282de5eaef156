"""Overlap of masks that are kept as run lengths.

Rows are compared in pairs, many at once: the pixels of all masks lie one mask after the other on
one line, a mask is a set of positions of that line where its value changes, and sorting the
changes of both columns together gives the stretches that both have. Exact in 64-bit integers, no
dense mask. All masks against all others is pycocotools' work, as far as its integers reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.geometry.overlap._pairs import Bools, Floats, Ints, Pairs, Wanted, candidates
from dlgeom.geometry.ragged import Runs
from dlgeom.geometry.rle_text import pack

__all__ = ["MaskSet", "paired_runs"]

BLOCK = 1 << 16  # counts that are sorted together: what fits the cache (measured)
TALLEST = 1 << 29  # pixels from which pycocotools misreads its own text
FIRST_ROWS = 64  # masks that are compared with all others in one go
LONG, SHORT = 512, 2  # change of a count that two characters hold, and the number of them


def _flips(counts: NDArray[np.uint32], offsets: Ints) -> Ints:
    """Return where masks that lie end to end change their value; each row's end closes it."""
    ends = np.cumsum(counts, dtype=np.int64)
    # An odd number of runs ends with zeros, whose end changes nothing.
    last = offsets[1:][np.diff(offsets) % 2 == 1] - 1
    keep = np.ones(len(ends), dtype=np.bool_)
    keep[last] = False
    return ends[keep]


def _shared(first: Runs, second: Runs, sizes: Ints) -> Ints:
    """Count the pixels that pair i shares; all rows are present and fill their shapes."""
    line = np.concatenate(
        (
            _flips(first.counts, first.offsets) << 1,
            (_flips(second.counts, second.offsets) << 1) + 1,
        )
    )
    line.sort(kind="stable")  # two sorted halves: timsort merges them
    # Bit 0 says whether the first mask is set from here on, bit 1 whether the second is.
    state = np.bitwise_xor.accumulate(((line & 1) + 1).astype(np.uint8))
    both = np.flatnonzero(state == 3)
    line >>= 1
    starts = line[both]
    lengths = line[both + 1] - starts
    ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
    rows = np.searchsorted(starts, ends)
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    return np.asarray(total[rows[1:]] - total[rows[:-1]])


def _blocks(costs: Ints) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that cost about `BLOCK` together, at least one row each."""
    total = np.cumsum(costs)
    start = 0
    while start < len(costs):
        done = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + BLOCK, side="right")))
        yield start, stop
        start = stop


def _check_shapes(first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
    """Raise `GeometryError` if masks to be compared differ in shape; row i with row i."""
    different = np.flatnonzero((first != second).any(axis=1))
    if len(different):
        row = int(different[0])
        raise GeometryError(
            f"masks of pair {row} have shapes {tuple(first[row].tolist())} and "
            f"{tuple(second[row].tolist())}; they must be equal. Crop or pad one of them"
        )


def _areas(runs: Runs) -> Ints:
    """Return the pixels set of each row, 0 where there is no mask.

    Raises
    ------
    GeometryError
        If the counts of a row do not fill its shape.
    """
    sums, areas = np.zeros(len(runs), dtype=np.int64), np.zeros(len(runs), dtype=np.int64)
    for first, last in _blocks(np.diff(runs.offsets)):
        part = _rows(runs, np.arange(first, last))
        filled = np.flatnonzero(part.offsets[1:] > part.offsets[:-1])
        if not len(filled):
            continue
        # Ones less zeros, and both together: two sums of rows and no index of runs.
        counts, starts = part.counts.astype(np.int64), part.offsets[filled]
        total = np.add.reduceat(counts, starts)
        np.negative(counts[1::2], out=counts[1::2])
        less = np.add.reduceat(counts, starts)
        sums[first:last][filled] = total
        areas[first:last][filled] = (total + np.where(starts & 1, less, -less)) >> 1
    wrong = np.flatnonzero(sums != runs.shape.prod(axis=1))
    if len(wrong):
        row = int(wrong[0])
        height, width = runs.shape[row].tolist()
        raise GeometryError(
            f"mask {row}: run lengths add up to {int(sums[row])}; a mask of {height} x {width} "
            f"has {height * width} pixels. Correct the counts"
        )
    return areas


def paired_runs(first: Runs, second: Runs) -> tuple[Ints, Ints, Ints]:
    """Return the pixels of each pair of masks that both have, the first and the second.

    Raises
    ------
    GeometryError
        If the columns have different lengths, two masks of a pair different shapes, or counts
        do not fill a shape.
    """
    if len(first) != len(second):
        raise GeometryError(f"{len(first)} masks against {len(second)}; pairs need as many of both")
    areas = _areas(first), _areas(second)
    some = np.flatnonzero(first.present & second.present)
    if len(some) == len(first):
        _check_shapes(first.shape, second.shape)
    else:
        equal = first.shape.copy()
        equal[some] = second.shape[some]
        _check_shapes(first.shape, equal)
    shared = np.zeros(len(first), dtype=np.int64)
    costs = np.diff(first.offsets)[some] + np.diff(second.offsets)[some]
    for start, stop in _blocks(costs):
        rows = some[start:stop]
        shared[rows] = _shared(
            _rows(first, rows), _rows(second, rows), first.shape[rows].prod(axis=1)
        )
    return shared, *areas


def _rows(runs: Runs, rows: Ints) -> Runs:
    """Return chosen rows, without a copy where they lie side by side."""
    low, high = int(rows[0]), int(rows[-1]) + 1
    if high - low != len(rows) or (np.diff(rows) != 1).any():
        return runs.take(rows)
    first, last = runs.offsets[low], runs.offsets[high]
    return Runs(runs.counts[first:last], runs.offsets[low : high + 1] - first, runs.shape[low:high])


def _texts(runs: Runs) -> list[bytes]:
    """Return text of the counts of each row that pycocotools reads; twice as fast as COCO's own.

    Each change takes two characters or six, whether it needs them or not.
    """
    counts, offsets = runs.counts, runs.offsets
    steps = counts.astype(np.int64)
    steps[2:] -= counts[:-2]
    for place in range(3):
        # The first three of a row stand for themselves.
        at = offsets[:-1] + place
        at = at[at < offsets[1:]]
        steps[at] = counts[at]
    long = (steps >= LONG) | (steps < -LONG)
    ends = np.zeros(len(steps) + 1, dtype=np.int64)
    np.cumsum(np.where(long, 6, SHORT), out=ends[1:])
    text = np.empty(int(ends[-1]), dtype=np.uint8)
    begin = ends[:-1]
    more = 48 + 32
    text[begin] = (steps & 31) + more
    text[begin + 1] = (steps >> 5 & 31) + np.where(long, more, 48)
    far, rest = begin[long], steps[long] >> 10
    for place in range(2, 6):
        text[far + place] = (rest & 31) + (more if place < 5 else 48)
        rest >>= 5
    data, cuts = text.tobytes(), ends[offsets].tolist()
    return [data[low:high] for low, high in pairwise(cuts)]


def _canonical(runs: Runs) -> Runs:
    """Return runs without runs of length zero but at the start of a row."""
    inner = runs.counts == 0
    starts = runs.offsets[:-1]
    inner[starts[starts < runs.offsets[1:]]] = False
    if not inner.any():
        return runs
    return Runs.of(
        (rle.normalise(runs.row(row)), (height, width)) if height else None
        for row, (height, width) in enumerate(runs.shape.tolist())
    )


class MaskSet:
    """A column of masks as one side of a comparison."""

    scale = 1.0

    def __init__(self, runs: Runs) -> None:
        self.areas: Floats = _areas(runs).astype(np.float64)
        self.runs = _canonical(runs)
        self._bounds: Floats | None = None
        self._objects: list[dict[str, object]] | None = None

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def bounds(self) -> Floats:
        """Left, top, right, bottom; made when first asked for, as small sets need none."""
        if self._bounds is None:
            bounds = np.full((len(self), 4), np.nan)
            for start, stop in _blocks(np.diff(self.runs.offsets)):
                rows = np.arange(start, stop)
                bounds[start:stop] = rle.bounds_many(_rows(self.runs, rows))
            # Empty masks equal each other: they share a place where no other mask is.
            bounds[(self.areas == 0) & self.runs.present] = -1.0
            self._bounds = bounds
        return self._bounds

    def prepare(self, other: MaskSet) -> None:
        """Raise `GeometryError` unless all masks of both sides have one shape."""
        shapes = np.concatenate((self.runs.shape, other.runs.shape))
        shapes = shapes[shapes[:, 0] > 0]
        if len(shapes) and (shapes != shapes[0]).any():
            row = int(np.flatnonzero((shapes != shapes[0]).any(axis=1))[0])
            raise GeometryError(
                f"masks have shapes {tuple(shapes[0].tolist())} and "
                f"{tuple(shapes[row].tolist())} (height, width); they must be equal. "
                "Crop or pad them, or compare them in groups"
            )

    def meet(self, rows: Ints, other: MaskSet, columns: Ints) -> tuple[Floats, Bools]:
        """Return shared pixels of pairs, and whether both masks are the same."""
        shared = np.zeros(len(rows))
        sizes = self.runs.shape[rows].prod(axis=1)
        costs = np.diff(self.runs.offsets)[rows] + np.diff(other.runs.offsets)[columns]
        for start, stop in _blocks(costs):
            shared[start:stop] = _shared(
                self.runs.take(rows[start:stop]),
                other.runs.take(columns[start:stop]),
                sizes[start:stop],
            )
        return shared, (shared == self.areas[rows]) & (shared == other.areas[columns])

    def pairs(self, other: MaskSet, wanted: Wanted | None = None) -> Iterator[Pairs]:
        """Yield all pairs that share pixels or are the same."""
        shape = np.concatenate((self.runs.shape, other.runs.shape)).max(axis=0, initial=0)
        if shape.prod() >= TALLEST:
            for rows, columns in candidates(self.bounds, other.bounds, wanted):
                yield Pairs(rows, columns, *self.meet(rows, other, columns))
            return
        from pycocotools import mask as coco

        mine, theirs = self._rle(), other._rle()
        step = FIRST_ROWS if len(self) * len(other) > 1 << 18 else len(self)
        # Neighbours first, so that a block of rows meets few columns.
        order = np.lexsort((self.bounds[:, 1], self.bounds[:, 0])) if step < len(self) else None
        for start in range(0, len(self), max(step, 1)):
            rows = np.arange(start, min(start + step, len(self)))
            if order is not None:
                rows = order[rows]
            near = np.arange(len(other))
            if order is not None:
                near = _in_reach(self.bounds[rows], other.bounds)
            if not len(near):
                continue
            share = coco.iou(
                [mine[row] for row in rows.tolist()],
                [theirs[column] for column in near.tolist()],
                np.ones(len(near), dtype=np.uint8),  # shared pixels over the first's
            )
            row, column = np.nonzero(share)
            r, c = rows[row], near[column]
            if wanted is not None:
                some = wanted(r, c)
                row, column, r, c = row[some], column[some], r[some], c[some]
            shared = np.rint(share[row, column] * self.areas[r])
            same = (shared == self.areas[r]) & (shared == other.areas[c])
            yield Pairs(r, c, shared, same)
        # Empty ones share nothing, but are the same.
        none = np.flatnonzero((self.areas == 0) & self.runs.present)
        others = np.flatnonzero((other.areas == 0) & other.runs.present)
        for empty in none.tolist():
            r, c = np.full(len(others), empty), others
            if wanted is not None:
                some = wanted(r, c)
                r, c = r[some], c[some]
            yield Pairs(r, c, np.zeros(len(c)), np.ones(len(c), dtype=np.bool_))

    def _rle(self) -> list[dict[str, object]]:
        """Return the masks in pycocotools' form."""
        if self._objects is None:
            texts = _texts(self.runs)
            shapes = self.runs.shape.tolist()
            if not self.runs.present.all():
                # An absent mask takes part as an empty one.
                shape = self.runs.shape.max(axis=0, initial=1)
                nothing = rle.to_string(pack(np.array([shape.prod()]))).encode()
                texts = [text or nothing for text in texts]
                shapes = [sides if sides[0] else shape.tolist() for sides in shapes]
            pairs = zip(shapes, texts, strict=True)
            self._objects = [{"size": size, "counts": text} for size, text in pairs]
        return self._objects

    def hull_points(self, row: int) -> Floats:
        """Return corners of pixels that have the hull of the mask, shape (n, 2)."""
        height = int(self.runs.shape[row, 0])
        ends = np.cumsum(self.runs.row(row), dtype=np.int64)
        starts, stops = ends[:-1:2], ends[1::2]
        if not len(starts):
            return np.zeros((0, 2))
        first, last = starts // height, (stops - 1) // height
        top, bottom = starts - first * height, stops - last * height
        # A run over several columns fills what lies between its first and its last one.
        over, wide = last > first, last - first > 1
        none, full = np.zeros(len(first)), np.full(len(first), height)
        columns = np.concatenate((first, last[over], first[wide] + 1, last[wide] - 1))
        low = np.concatenate((top, none[over], none[wide], none[wide]))
        high = np.concatenate(
            (np.where(over, height, bottom), bottom[over], full[wide], full[wide])
        )
        x = np.concatenate((columns, columns, columns + 1, columns + 1))
        return np.column_stack((x, np.concatenate((low, high, low, high)))).astype(np.float64)


def _in_reach(some: Floats, bounds: Floats) -> Ints:
    """Return which bounds touch those around `some`."""
    known = some[~np.isnan(some[:, 0])]
    if not len(known):
        return np.zeros(0, dtype=np.int64)
    left, top = known[:, :2].min(axis=0)
    right, bottom = known[:, 2:].max(axis=0)
    return np.flatnonzero(
        (bounds[:, 0] <= right)
        & (bounds[:, 2] >= left)
        & (bounds[:, 1] <= bottom)
        & (bounds[:, 3] >= top)
    )
