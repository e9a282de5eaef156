"""A split whose records are on disk, a portion at a time: each stands for a split in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.read_columns import Block
from dlgeom.converters.coco.read_images import ImageTable
from dlgeom.converters.coco.read_index import FileIndex
from dlgeom.converters.coco.read_spill import Group, Piece, Spill
from dlgeom.converters.coco.read_subset import Subset

__all__ = ["Portion", "file_portions", "grouped_portions", "portions"]

IMAGES_AT_ONCE = 16_000


class Portion:
    """Some records of a split with their images; see `Subset`.

    Attributes
    ----------
    numbers : ndarray of int64
        Number of each record among those of the split.
    """

    def __init__(
        self,
        subset: Subset,
        piece: Piece,
        images: ImageTable,
        item: NDArray[np.int32],
        numbers: NDArray[np.int64],
        *,
        first: int = 0,
    ) -> None:
        self.name = subset.name
        self.parts: list[FileIndex] = subset.parts
        self.first_rows = subset.first_rows
        self.first_order = subset.first_order
        self.first_item = subset.first_item + first
        self.images = images
        self.owner = subset.owners(first, images)
        self.block: Block = piece.block
        self.item, self.label = item, piece.label
        self.numbers = numbers
        self.spans: list[tuple[FileIndex, int, int, int, int]] = []
        self._piece = piece

    def __len__(self) -> int:
        return len(self.block)

    def numbers_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each row among the records of the split."""
        return self.numbers[rows]

    def part_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the file of each row."""
        return np.searchsorted(self.first_rows, self.numbers[rows], side="right") - 1

    def windows(self) -> Iterator[tuple[FileIndex, int, int, int, int]]:
        """Yield the windows of the files, see `Subset.windows`."""
        yield from self.spans

    def save(self) -> None:
        """Keep what was found out about records on the way."""
        self._piece.save()


def portions(subset: Subset, *, grouped: bool) -> Iterator[Any]:
    """Yield what stands for a split: itself, or portions of one that is on disk."""
    block = subset.records
    if not isinstance(block, Spill):
        yield subset
        return
    make = grouped_portions if grouped else file_portions
    for portion in make(subset, block):
        try:
            yield portion
        finally:
            portion.save()


def file_portions(subset: Subset, block: Spill) -> Iterator[Portion]:
    """Yield the records in the order of the files."""
    waiting: list[tuple[FileIndex, int, int, int, int]] = []
    for span in subset.windows():
        if waiting and span[2] - waiting[0][1] > block.rows.step:
            yield _file_portion(subset, block, waiting)
            waiting = []
        waiting.append(span)
    if waiting:
        yield _file_portion(subset, block, waiting)


def _file_portion(
    subset: Subset, block: Spill, spans: list[tuple[FileIndex, int, int, int, int]]
) -> Portion:
    first, last = spans[0][1], spans[-1][2]
    piece = block.piece(first, last)
    images, item = subset.images.picked(piece.item)
    portion = Portion(subset, piece, images, item, np.arange(first, last, dtype=np.int64))
    portion.spans = [
        (index, one - first, two - first, start, stop) for index, one, two, start, stop in spans
    ]
    return portion


def grouped_portions(subset: Subset, block: Spill) -> Iterator[Portion]:
    """Yield the images in their order, with their records."""
    step = block.rows.step
    for piece in block.grouped(len(subset.images), step, min(step, IMAGES_AT_ONCE)):
        assert isinstance(piece, Group)
        images = subset.images.part(piece.first, piece.last)
        yield Portion(subset, piece, images, piece.item, piece.numbers, first=piece.first)
