"""Rows of fixed width that are only appended: in memory up to a share, then in a nameless file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from dlgeom.converters.tables import Table

__all__ = ["Rows"]

_WAITING = 1 << 20


class Rows:
    """Rows of one type.

    Parameters
    ----------
    dtype : dtype
        A type without objects.
    share : int
        Bytes that may be in memory.

    Examples
    --------
    >>> rows = Rows(np.int32, share=1 << 20)
    >>> rows.append(np.arange(3))
    >>> rows.read(1, 3), len(rows)
    (array([1, 2], dtype=int32), 3)
    """

    __slots__ = ("_disk", "_memory", "_share", "dtype")

    def __init__(self, dtype: DTypeLike, share: int) -> None:
        self.dtype = np.dtype(dtype)
        self._share = share
        # All rows, or those that wait to be written to disk.
        self._memory = bytearray()
        self._disk: Table | None = None

    @property
    def on_disk(self) -> bool:
        """Whether the rows have outgrown their share."""
        return self._disk is not None

    def __len__(self) -> int:
        written = 0 if self._disk is None else len(self._disk)
        return written + len(self._memory) // self.dtype.itemsize

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows at the end."""
        self._memory += np.ascontiguousarray(rows, dtype=self.dtype).view(np.uint8).data
        if len(self._memory) > (self._share if self._disk is None else _WAITING):
            self._settle()

    def _settle(self) -> None:
        if self._disk is None:
            from dlgeom.converters.tables import Table

            self._disk = Table(self.dtype)
        self._disk.append(np.frombuffer(self._memory, dtype=self.dtype))
        self._memory = bytearray()

    def read(self, first: int, last: int) -> NDArray[Any]:
        """Return rows from `first` up to `last`, as a copy."""
        if self._disk is None:
            # A view would forbid the next rows.
            return np.frombuffer(self._memory, dtype=self.dtype)[first:last].copy()
        if len(self._memory):
            self._settle()
        return self._disk.read(first, last)

    def slices(self, step: int) -> Iterator[NDArray[Any]]:
        """Yield all rows, so many at a time."""
        for first in range(0, len(self), step):
            yield self.read(first, first + step)

    def __reduce__(self) -> tuple[Any, ...]:
        # What one process sends to another is read from disk: files without names stay here.
        return _rows_of, (self.dtype, self._share, self.read(0, len(self)))


def _rows_of(dtype: DTypeLike, share: int, rows: NDArray[Any]) -> Rows:
    made = Rows(dtype, share)
    made.append(rows)
    return made
