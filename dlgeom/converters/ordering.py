"""A reader that yields the images of another one, or the annotations of each, in a new order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import numpy as np

from dlgeom.chunk import Chunk
from dlgeom.converters.base import ALL, Meta, Reader
from dlgeom.converters.selection import with_items
from dlgeom.filters.columns import Column, Columns
from dlgeom.filters.fields import needs_of
from dlgeom.filters.tree import Field

__all__ = ["SortedReader"]


class SortedReader:
    """Sorts; see `dlgeom.converters.base.Reader`.

    Sorting images needs all of them: their columns are held in memory, with an index of the keys,
    and objects are made as they are asked for. Sorting the annotations of each image needs one
    chunk at a time.

    Parameters
    ----------
    reader : Reader
        Where everything comes from.
    fields : sequence of (Field, bool)
        Fields to sort by, and whether each goes downwards; all of images, or all of annotations.
    """

    def __init__(self, reader: Reader, fields: Sequence[tuple[Field, bool]]) -> None:
        self._reader = reader
        self._fields = fields
        self._images = fields[0][0].name.startswith("image.")
        self.meta: Meta = msgspec.structs.replace(reader.meta, items_first=False)

    def kinds(self) -> set[str]:
        """Return which shapes occur."""
        return self._reader.kinds()

    def count(self) -> int | None:
        """Return how many images there are, or None if nobody knows."""
        return self._reader.count()

    @property
    def all_filtered(self) -> tuple[int, int]:
        """Records and images that selections before left out."""
        before: tuple[int, int] = getattr(self._reader, "all_filtered", (0, 0))
        return before

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set in the new order, always grouped."""
        needs = needs | needs_of({field for field, _ in self._fields})
        if not grouped:
            # Readers keep the records' own text in an ungrouped stream without being asked.
            needs = needs | ALL | {"raw"}
        stream = self._reader.chunks(grouped=True, needs=needs)
        if not self._images:
            for chunk in stream:
                yield self._rows_sorted(chunk)
            return
        chunks = list(stream)
        places = [(k, place) for k, chunk in enumerate(chunks) for place in range(len(chunk.items))]
        keys: list[list[Any]] = [[] for _ in self._fields]
        for chunk in chunks:
            columns = Columns(chunk)
            for values, (field, _) in zip(keys, self._fields, strict=True):
                values += columns.of_items(field).tolist()
        order = self._order(keys, len(places))
        for k, run in groupby((places[at] for at in order), key=lambda place: place[0]):
            yield _pick(chunks[k], [place for _, place in run])

    def _rows_sorted(self, chunk: Chunk) -> Chunk:
        columns = Columns(chunk)
        keys = [_values(columns.of_rows(field)) for field, _ in self._fields]
        order = np.array(self._order(keys, len(chunk)), dtype=np.int64)
        return chunk.select(order[np.argsort(chunk.item[order], kind="stable")])

    def _order(self, keys: list[list[Any]], count: int) -> list[int]:
        """Return positions in the new order; what has no value comes last."""
        order = list(range(count))
        for values, (_, down) in reversed(list(zip(keys, self._fields, strict=True))):
            there = [at for at in order if values[at] is not None]
            rest = [at for at in order if values[at] is None]
            there.sort(key=lambda at, values=values: _key(values[at]), reverse=down)  # type: ignore[misc]
            order = there + rest
        return order


def _values(column: Column) -> list[Any]:
    return column.tolist()


def _key(value: Any) -> tuple[int, Any]:
    """Return something that can be ordered whatever the types: numbers, texts, the rest."""
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    return 2, repr(value)


def _pick(chunk: Chunk, places: list[int]) -> Chunk:
    """Return some images of a grouped chunk with their rows, in the order given."""
    chosen = np.array(places, dtype=np.int64)
    bounds = chunk.item_offsets
    rows = [np.arange(bounds[place], bounds[place + 1]) for place in places]
    return with_items(chunk.select(np.concatenate(rows)), chosen)
