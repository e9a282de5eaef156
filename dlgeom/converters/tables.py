"""Rows of fixed width in nameless temporary files: what an index is once it outgrows its share.

Rows are read and written in slices by plain file calls, so that no more of a file is in the
process's memory than a slice. The files have no name: nothing is left of them however a run ends.
Their folder is that of `tempfile`, which ``TMPDIR`` sets.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dlgeom.errors import OutputError

__all__ = ["SLICE_BYTES", "Heap", "Table", "full", "nameless", "sorted_table"]

SLICE_BYTES = 4 << 20
"""Bytes of a slice that is looked at together."""

_GAP = 32
# What is sorted is there as slices, as one, and sorted; with the sort's own room that is the share.
_PARTS = 6
Rows = NDArray[Any]


def full(error: OSError) -> OutputError:
    """Return the error for a temporary file that cannot be written."""
    return OutputError(
        f"a temporary file in {tempfile.gettempdir()} cannot be written "
        f"({error.strerror or error}); large and packed files need room there. "
        "Name another folder in TMPDIR",
        code="output.full",
    )


def nameless() -> int:
    """Return the descriptor of a new file without a name.

    Raises
    ------
    OutputError
        ``output.full``.
    """
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            return os.dup(file.fileno())
    except OSError as error:
        raise full(error) from error


class _Bytes:
    """A file that is appended to, and read at any place."""

    def __init__(self) -> None:
        self._descriptor = nameless()
        self._finalizer = weakref.finalize(self, os.close, self._descriptor)
        self.size = 0

    def append(self, data: bytes | memoryview) -> None:
        self.write(data, self.size)
        self.size += len(data)

    def write(self, data: bytes | memoryview, place: int) -> None:
        view = memoryview(data)
        try:
            while len(view):
                done = os.pwrite(self._descriptor, view, place)
                view, place = view[done:], place + done
        except OSError as error:
            raise full(error) from error

    def read(self, place: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, place)
        while len(data) < size:
            more = os.pread(self._descriptor, size - len(data), place + len(data))
            if not more:
                break
            data += more
        return data


class Heap(_Bytes):
    """Texts of any length, found by their place and length."""

    def put(self, texts: Sequence[bytes]) -> NDArray[np.int64]:
        """Append texts; return the place of each, and the end."""
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        ends = np.concatenate([[0], np.cumsum(sizes)]) + self.size
        self.append(b"".join(texts))
        return np.asarray(ends, dtype=np.int64)

    def get(self, places: NDArray[np.int64], lengths: NDArray[np.integer[Any]]) -> list[bytes]:
        """Return texts; those that lie near each other are read together."""
        found: list[bytes] = [b""] * len(places)
        order = np.argsort(places, kind="stable")
        starts = places[order]
        stops = starts + lengths[order]
        cuts = np.flatnonzero(starts[1:] > stops[:-1] + 1024) + 1
        for run in np.split(np.arange(len(order)), cuts):
            if not len(run):
                continue
            low = int(starts[run[0]])
            text = self.read(low, int(stops[run].max()) - low)
            for place in run.tolist():
                begin = int(starts[place]) - low
                found[int(order[place])] = text[begin : int(stops[place]) - low]
        return found


class Table:
    """Rows of one type.

    Parameters
    ----------
    dtype : dtype
        A structured type without objects.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._bytes = _Bytes()
        self._width = self.dtype.itemsize
        # Rows at once; what is read in slices has few of them in memory.
        self.step = max(SLICE_BYTES // self._width, 1)

    def __len__(self) -> int:
        return self._bytes.size // self._width

    def append(self, rows: Rows) -> None:
        """Add rows at the end."""
        self._bytes.append(self._raw(rows))

    def _raw(self, rows: Rows) -> memoryview:
        return np.ascontiguousarray(rows, dtype=self.dtype).view(np.uint8).data

    def read(self, first: int, last: int) -> Rows:
        """Return rows from `first` up to `last`, a copy that may be written to."""
        last = min(last, len(self))
        size = max(last - first, 0) * self._width
        return np.frombuffer(bytearray(self._bytes.read(first * self._width, size)), self.dtype)

    def write(self, first: int, rows: Rows) -> None:
        """Replace rows from `first` on."""
        self._bytes.write(self._raw(rows), first * self._width)

    def slices(self, step: int | None = None) -> Iterator[tuple[int, Rows]]:
        """Yield all rows, a slice at a time, with the number of the first."""
        step = step or self.step
        for first in range(0, len(self), step):
            yield first, self.read(first, first + step)

    def gather(self, places: NDArray[np.integer[Any]]) -> Rows:
        """Return rows at any places, in their order."""
        found = np.empty(len(places), dtype=self.dtype)
        if not len(places):
            return found
        order = np.argsort(places, kind="stable")
        wanted = places[order]
        far = np.diff(wanted) > _GAP
        # No run is longer than a slice, however near its rows lie.
        far |= np.diff(wanted // self.step) != 0
        cuts = [0, *(np.flatnonzero(far) + 1).tolist(), len(wanted)]
        for begin, end in itertools.pairwise(cuts):
            low, high = int(wanted[begin]), int(wanted[end - 1])
            found[order[begin:end]] = self.read(low, high + 1)[wanted[begin:end] - low]
        return found


def sorted_table(
    slices: Iterable[Rows], dtype: DTypeLike, keys: Sequence[str], share: int
) -> Table:
    """Sort rows by fields, the first one first; equal rows keep their order.

    Parameters
    ----------
    slices : iterable of ndarray
        The rows.
    dtype : dtype
        Their type.
    keys : sequence of str
        Fields of integers.
    share : int
        Bytes that may be in memory, about.

    Notes
    -----
    Sorted runs, merged in one pass. A run is emitted up to the least key that is the last in
    memory of any run which goes on: what comes later is not less. Several keys are sorted from
    the last to the first, each time stably.
    """
    for key in reversed(keys[1:]):
        table = _sorted_by(slices, dtype, key, share)
        slices = (rows for _, rows in table.slices())
    return _sorted_by(slices, dtype, keys[0], share)


def _sorted_by(slices: Iterable[Rows], dtype: DTypeLike, key: str, share: int) -> Table:
    runs, bounds = _runs(slices, dtype, key, share)
    if len(bounds) <= 2:
        return runs
    merged = Table(dtype)
    count = len(bounds) - 1
    step = max(share // (_PARTS * count * runs.dtype.itemsize), 16)
    buffers = [runs.read(0, 0)] * count
    places = bounds[:-1]
    while True:
        for run in range(count):
            if not len(buffers[run]) and places[run] < bounds[run + 1]:
                stop = min(places[run] + step, bounds[run + 1])
                buffers[run] = runs.read(places[run], stop)
                places[run] = stop
        going = [run for run in range(count) if places[run] < bounds[run + 1]]
        if not going:
            break
        due = min(int(buffers[run][key][-1]) for run in going)
        last = next(run for run in going if int(buffers[run][key][-1]) == due)
        parts = []
        for run in range(count):
            # Rows of this very key may still come of `last`, before those of the runs behind it.
            side: Any = "right" if run <= last else "left"
            cut = int(np.searchsorted(buffers[run][key], due, side=side))
            if cut:
                parts.append(buffers[run][:cut])
                buffers[run] = buffers[run][cut:]
        _emit(merged, parts, key)
    _emit(merged, [rows for rows in buffers if len(rows)], key)
    return merged


def _emit(table: Table, parts: list[Rows], key: str) -> None:
    if parts:
        rows = np.concatenate(parts)
        table.append(rows[np.argsort(rows[key], kind="stable")])


def _runs(
    slices: Iterable[Rows], dtype: DTypeLike, key: str, share: int
) -> tuple[Table, list[int]]:
    """Write sorted runs; return them and where each starts, and the end."""
    runs = Table(dtype)
    bounds = [0]
    waiting: list[Rows] = []
    size = 0

    def flush() -> None:
        if waiting:
            _emit(runs, waiting, key)
            bounds.append(len(runs))
            waiting.clear()

    for rows in slices:
        waiting.append(rows)
        size += rows.nbytes
        if size >= share // _PARTS:
            flush()
            size = 0
    flush()
    return runs, bounds
