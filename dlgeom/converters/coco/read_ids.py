"""Ids to positions, for whole columns at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.read_columns import Column, id_list

__all__ = ["SLICE", "IdMap", "last_id"]

SLICE = 1 << 16
"""Rows looked at together: temporary columns of all records would be the peak of memory."""


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
        if isinstance(ids, np.ndarray):
            self._order = np.argsort(ids, kind="stable")
            self._sorted = ids[self._order]

    def find(self, wanted: Column) -> NDArray[np.int32]:
        """Return the position of each id, -1 where it is not there."""
        if not len(self._ids):
            return np.full(len(wanted), -1, dtype=np.int32)
        if isinstance(wanted, np.ndarray) and self._sorted is not None:
            assert self._order is not None
            found = np.empty(len(wanted), dtype=np.int32)
            for start in range(0, len(wanted), SLICE):
                some = wanted[start : start + SLICE]
                place = np.minimum(np.searchsorted(self._sorted, some), len(self._sorted) - 1)
                part = self._order[place].astype(np.int32)
                part[self._sorted[place] != some] = -1
                found[start : start + SLICE] = part
            return found
        if self._table is None:
            self._table = {}
            for position, value in enumerate(id_list(self._ids)):
                self._table.setdefault(value, position)
        table = self._table
        return np.array([table.get(value, -1) for value in id_list(wanted)], dtype=np.int32)
