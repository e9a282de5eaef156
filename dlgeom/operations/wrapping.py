"""A reader in front of another one that changes its items: their splits, names, numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from dlgeom.chunk import Chunk
from dlgeom.converters.base import ALL, Meta, Reader
from dlgeom.converters.selection import Repeats
from dlgeom.item import Item

__all__ = ["ChangedItems", "without_own_lists"]


class ChangedItems:
    """Yields what a reader has, with other items; see `dlgeom.converters.base.Reader`.

    Parameters
    ----------
    reader : Reader
        Where everything comes from.
    change : callable
        ``change(item) -> Item``; the same for each item whenever it comes.
    meta : Meta
        What belongs to the changed data set as a whole.
    told : Repeats, optional
        What was told before, where the reader was read ahead.
    """

    def __init__(
        self,
        reader: Reader,
        change: Callable[[Item], Item],
        meta: Meta,
        told: Repeats | None = None,
    ) -> None:
        self._reader = reader
        self._change = change
        self._told = told or Repeats(None)
        self.meta = meta

    def __getattr__(self, name: str) -> Any:
        # What only some readers have: learn_points, close, all_filtered.
        return getattr(self._reader, name)

    def kinds(self) -> set[str]:
        """Return which shapes occur."""
        return self._reader.kinds()

    def count(self) -> int | None:
        """Return how many images there are, or None if nobody knows."""
        return self._reader.count()

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set with its items changed."""
        given: Sequence[Item] = ()
        changed: Sequence[Item] = ()
        with self._told.reading():
            for chunk in self._reader.chunks(grouped=grouped, needs=needs):
                # Ungrouped chunks share the images of the data set, and have to go on so.
                if chunk.items is not given or not len(given):
                    given, changed = chunk.items, [self._change(item) for item in chunk.items]
                yield msgspec.structs.replace(chunk, items=changed)


def without_own_lists(meta: Meta, **changes: Any) -> Meta:
    """Return what a source says of itself without lists of its images and splits.

    Those are of the data set as it was; writers make them anew.
    """
    gone = ("voc_sets", "coco_categories")
    extra = {key: value for key, value in meta.extra.items() if key not in gone}
    return msgspec.structs.replace(meta, extra=extra, lists=[], items_first=False, **changes)
