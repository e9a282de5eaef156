"""The index of a generator: what training needs of a data set, as flat columns in memory.

An annotation costs a box (32 bytes) or the vertices, run lengths or key points of its shape with
their offsets, and 13 bytes beside them (label, crowd flag, stored area); no object, but for
polylines and points.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.batches import Columns
from dlgeom.batches.rows import ragged_rows, rings_rows, runs_rows
from dlgeom.chunk import Chunk
from dlgeom.geometry.ragged import Ragged, Rings, Runs, gather
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["Store"]

Floats = NDArray[np.float64]


class Store(msgspec.Struct, kw_only=True, eq=False):
    """Items and their annotations as columns; item i has the rows ``offsets[i]:offsets[i + 1]``.

    Parameters
    ----------
    items : list of Item
        Without what training does not need.
    offsets : ndarray of int64, shape (M + 1,)
        Rows of the items.
    labels : LabelTable
        The labels of the data set.
    label : ndarray of int32, shape (N,)
        Index into `labels`, -1 for none.
    crowd : ndarray of bool, shape (N,)
        Whether the row stands for a group.
    bounds, rotated, area, outline, runs, keypoints : optional
        As in `Chunk`; None where no row has any.
    others : dict of int to Annotation
        Polylines and points, as objects.
    sources : list of str
        Annotation file of each item; "" where there is none.
    """

    items: list[Item]
    offsets: NDArray[np.int64]
    labels: LabelTable
    label: NDArray[np.int32]
    crowd: NDArray[np.bool_]
    bounds: Floats | None = None
    rotated: Floats | None = None
    area: Floats | None = None
    outline: Rings | None = None
    runs: Runs | None = None
    keypoints: Ragged | None = None
    others: dict[int, Any] = msgspec.field(default_factory=dict)
    sources: list[str] = msgspec.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def nbytes(self) -> int:
        """Bytes of the columns, items aside."""
        arrays: list[Any] = [self.offsets, self.label, self.crowd]
        arrays += [a for a in (self.bounds, self.rotated, self.area) if a is not None]
        if self.outline is not None:
            o = self.outline
            arrays += [o.xy, o.rings, o.parts, o.rows]
        if self.runs is not None:
            arrays += [self.runs.counts, self.runs.offsets, self.runs.shape]
        if self.keypoints is not None:
            arrays += [self.keypoints.values, self.keypoints.offsets]
        return sum(array.nbytes for array in arrays)

    @property
    def most_keypoints(self) -> int:
        """The largest number of key points of a row."""
        found = [len(a.annotation_definition.geo) for a in self.others.values()]
        if self.keypoints is not None and len(self.keypoints):
            found.append(int(self.keypoints.lengths.max()))
        return max(found, default=0)

    def columns(self, index: int) -> Columns:
        """Return the annotations of an item as columns, views on these."""
        start, stop = self.offsets[index : index + 2].tolist()
        others = {}
        if self.others:
            others = {r - start: self.others[r] for r in range(start, stop) if r in self.others}
        count = stop - start
        chunk = Chunk.build(
            items=[self.items[index]],
            item=np.zeros(count, dtype=np.int32),
            labels=self.labels,
            label=self.label[start:stop],
            crowd=self.crowd[start:stop],
            bounds=None if self.bounds is None else self.bounds[start:stop],
            rotated=None if self.rotated is None else self.rotated[start:stop],
            area=None if self.area is None else self.area[start:stop],
            outline=None if self.outline is None else rings_rows(self.outline, start, stop),
            runs=None if self.runs is None else runs_rows(self.runs, start, stop),
            keypoints=None if self.keypoints is None else ragged_rows(self.keypoints, start, stop),
            others=others,
        )
        return Columns(chunk)

    def only_rows(self, kept: NDArray[np.bool_]) -> Store:
        """Return the same items with some of their rows, `kept` of shape (N,)."""
        if kept.all():
            return self
        before = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
        return self._rows(self.items, self.sources, before[self.offsets], np.flatnonzero(kept))

    def take(self, items: NDArray[np.int64]) -> Store:
        """Return the chosen items with their rows, in the order given."""
        if len(items) == len(self) and (items == np.arange(len(self))).all():
            return self
        rows, offsets = gather(self.offsets, items)
        chosen = items.tolist()
        return self._rows(
            [self.items[i] for i in chosen], [self.sources[i] for i in chosen], offsets, rows
        )

    def _rows(
        self,
        items: list[Item],
        sources: list[str],
        offsets: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> Store:
        place = {int(old): new for new, old in enumerate(rows)} if self.others else {}
        o, r, k = self.outline, self.runs, self.keypoints
        return Store(
            items=items,
            offsets=offsets,
            labels=self.labels,
            label=self.label[rows],
            crowd=self.crowd[rows],
            bounds=None if self.bounds is None else self.bounds[rows],
            rotated=None if self.rotated is None else self.rotated[rows],
            area=None if self.area is None else self.area[rows],
            outline=None if o is None else o.take(rows),
            runs=None if r is None else r.take(rows),
            keypoints=None if k is None else k.take(rows),
            others={place[row]: value for row, value in self.others.items() if row in place},
            sources=sources,
        )
