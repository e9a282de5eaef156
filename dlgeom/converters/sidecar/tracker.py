"""What a writer is given while it writes a target that gets a sidecar."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import DROPPED, Losses
from dlgeom.converters.sidecar.pairing import Key

__all__ = ["Tracker"]


class Tracker:
    """What a writer was given, in its order: few bytes a row.

    Attributes
    ----------
    items : dict of int to (str, str)
        Number of an item -> its split and name.
    """

    def __init__(self) -> None:
        self.items: dict[int, Key] = {}
        self._item: list[NDArray[np.int64]] = []
        self._order: list[NDArray[np.int64]] = []
        self._alive: list[NDArray[np.bool_]] = []
        self._label: list[NDArray[np.int32]] = []
        self.labels: Any = ()

    def add(self, chunk: Chunk, losses: Losses) -> None:
        """Note the items and rows of a chunk, and which of them were dropped."""
        numbers = []
        for item in chunk.items:
            number = item.number if item.number >= 0 else -1 - len(self.items)
            self.items.setdefault(number, (item.subset, item.name))
            numbers.append(number)
        self._item.append(np.array(numbers, dtype=np.int64)[chunk.item])
        self._order.append(chunk.order)
        self._alive.append(losses.status != DROPPED)
        self._label.append(chunk.label)
        self.labels = chunk.labels

    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Return item number, order and label of the rows that were written."""
        if not self._item:
            none = np.zeros(0, dtype=np.int64)
            return none, none, none.astype(np.int32)
        alive = np.concatenate(self._alive)
        return (
            np.concatenate(self._item)[alive],
            np.concatenate(self._order)[alive],
            np.concatenate(self._label)[alive],
        )
