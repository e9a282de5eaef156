"""Ids to positions, for whole columns at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.read_columns import Column, id_list

__all__ = ["SLICE", "IdMap", "last_id"]

SLICE = 1 << 16
"""Rows looked at together: temporary columns of all records would be the peak of memory."""

DENSE = 8
"""How far apart ids lie on average, at most, that are found by a table of all numbers between."""


def last_id(ids: Column) -> int:
    """Return the greatest integer among ids, 0 if none is above."""
    if isinstance(ids, np.ndarray):
        return max(int(ids.max()), 0) if len(ids) else 0
    return max((value for value in ids if type(value) is int), default=0)


class IdMap:
    """Position of ids in a list, for whole columns at once."""

    def __init__(self, ids: Column) -> None:
        self._ids = ids
        self._sorted: NDArray[np.integer[Any]] | None = None
        self._order: NDArray[np.int64] | None = None
        self._table: dict[Any, int] | None = None
        self._dense: NDArray[np.int32] | None = None
        self._low = self._high = 0
        if isinstance(ids, np.ndarray) and len(ids):
            self._order = np.argsort(ids, kind="stable")
            self._sorted = ids[self._order]
            self._low, self._high = int(self._sorted[0]), int(self._sorted[-1])
            if self._high - self._low < DENSE * len(ids) + SLICE:
                self._dense = self._positions(self._sorted, self._order)

    def _positions(
        self, ids: NDArray[np.integer[Any]], order: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Return the position of each number from the lowest to the highest id, -1 for no id."""
        table = np.full(self._high - self._low + 1, -1, dtype=np.int32)
        # Of equal ids the first, as a search finds it.
        first = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
        table[ids[first].astype(np.int64) - self._low] = order[first]
        return table

    def find(self, wanted: Column) -> NDArray[np.int32]:
        """Return the position of each id, -1 where it is not there."""
        if not len(self._ids):
            return np.full(len(wanted), -1, dtype=np.int32)
        if isinstance(wanted, np.ndarray) and self._sorted is not None:
            assert self._order is not None
            found = np.empty(len(wanted), dtype=np.int32)
            for start in range(0, len(wanted), SLICE):
                some = wanted[start : start + SLICE]
                if self._dense is not None:
                    found[start : start + SLICE] = self._looked_up(self._dense, some)
                    continue
                place = np.minimum(np.searchsorted(self._sorted, some), len(self._sorted) - 1)
                part = self._order[place].astype(np.int32)
                part[self._sorted[place] != some] = -1
                found[start : start + SLICE] = part
            return found
        return self._by_dict(wanted)

    def _looked_up(
        self, table: NDArray[np.int32], wanted: NDArray[np.integer[Any]]
    ) -> NDArray[np.int32]:
        """Find ids that lie close together: three times as fast as a search."""
        inside = (wanted >= self._low) & (wanted <= self._high)
        if inside.all():
            return table[wanted.astype(np.int64) - self._low]
        found = np.full(len(wanted), -1, dtype=np.int32)
        found[inside] = table[wanted[inside].astype(np.int64) - self._low]
        return found

    def _by_dict(self, wanted: Column) -> NDArray[np.int32]:
        if self._table is None:
            self._table = {}
            for position, value in enumerate(id_list(self._ids)):
                self._table.setdefault(value, position)
        table = self._table
        return np.array([table.get(value, -1) for value in id_list(wanted)], dtype=np.int32)
