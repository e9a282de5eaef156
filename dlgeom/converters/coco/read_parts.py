"""Parts of a COCO data set for other processes: a range of images and what the index has of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Meta, ReadContext
from dlgeom.converters.coco.read_chunks import Builder
from dlgeom.converters.coco.read_columns import Block, Column
from dlgeom.converters.coco.read_images import ImageTable
from dlgeom.converters.coco.read_index import FileIndex
from dlgeom.converters.coco.read_portions import portions
from dlgeom.converters.coco.read_ranges import OpenFile
from dlgeom.converters.coco.read_resolve import identifier
from dlgeom.converters.coco.read_subset import Subset
from dlgeom.converters.parallel.units import Cost, Cut, in_units
from dlgeom.converters.texts import taken

__all__ = ["CocoPart", "parts_of"]

_COLUMNS = ("box", "area", "flags", "start", "length", "part_start", "part_length")
_NONE = np.zeros(0, dtype=np.int64)
PLAIN, SHAPES = 10e-9, 22e-9
"""Seconds a byte of a file, about, without and with shapes."""
COST = Cost(item=10e-6, row=5e-6, byte=22e-9)
"""Seconds that images, records and bytes of shapes take, about: reading and writing."""


class FilePart(msgspec.Struct):
    """A file that records lie in.

    Parameters
    ----------
    file : OpenFile
        The file.
    shown : str
        Its name in messages.
    unit : str
        How a place in it is told.
    results : bool
        Whether its root is a list.
    first_row : int
        Number of its first record in the split.
    """

    file: OpenFile
    shown: str
    unit: str
    results: bool
    first_row: int


class CocoPart(msgspec.Struct):
    """A range of images of one split, with their records.

    Parameters
    ----------
    files : list of FilePart
        The files of the split.
    subset : str or None
        Its name.
    first_item, first_order : int
        Number of the first image of the part, and of the first record of the split.
    chunks : list of (int, int)
        How many records and images each chunk has.
    numbers : ndarray of int64, shape (N,)
        Position in the split of each record, image by image.
    block : Block
        Columns of these records.
    item, label : ndarray of int32, shape (N,)
        Image, counted from the first of the part; position in the run's labels.
    images : dict
        Columns of the images.
    owner : ndarray of int32
        File of each image.
    """

    files: list[FilePart]
    subset: str | None
    first_item: int
    first_order: int
    chunks: list[tuple[int, int]]
    numbers: NDArray[np.int64]
    block: Block
    item: NDArray[np.int32]
    label: NDArray[np.int32]
    images: dict[str, Any]
    owner: NDArray[np.int32]

    @property
    def work(self) -> str:
        """What is read, for messages."""
        last = self.first_item + len(self.owner) - 1
        return f"{' + '.join(file.shown for file in self.files)} (images {self.first_item}-{last})"

    def open(self, meta: Meta, context: ReadContext, base: Any, number: int) -> _PartReader:
        """Return a reader of the part."""
        return _PartReader(self, meta, context)


def parts_of(
    subsets: list[Subset], meta: Meta, context: ReadContext, needs: frozenset[str]
) -> Cut | None:
    """Cut a data set; None where other processes cannot read its files.

    Parameters
    ----------
    subsets : list of Subset
        The splits.
    meta, context
        Those of the reader.
    needs : frozenset of str
        Columns that are going to be decoded.
    """
    heavy = bool(needs & {"outline", "runs", "raw"})
    listed: list[tuple[Subset, list[FilePart]]] = []
    for subset in subsets:
        files = [
            _file(index, int(first))
            for index, first in zip(subset.parts, subset.first_rows, strict=False)
        ]
        if None in files:
            return None
        listed.append((subset, [file for file in files if file is not None]))

    def makers() -> Iterator[Callable[[], CocoPart]]:
        for subset, files in listed:
            for portion in portions(subset, grouped=True):
                builder = Builder(portion, meta.labels, context, needs, raw=True, check=False)
                lengths = portion.block.part_length if heavy else None
                ranges = ((chunk, _cost(chunk, lengths)) for chunk in builder.grouped_ranges())
                for unit in in_units(ranges, lambda pair: pair[1]):
                    yield partial(_part, portion, files, [chunk for chunk, _ in unit])

    small = msgspec.structs.replace(
        meta,
        sections=dict.fromkeys(meta.sections, b""),
        subset_sections={},
        extra={key: value for key, value in meta.extra.items() if key != "coco_categories"},
    )
    size = sum(file.stamp[0] for _, files in listed for file in {f.file for f in files})
    seconds = size * (SHAPES if heavy else PLAIN)
    return Cut(seconds=seconds, makers=makers(), meta=small, context=context)


def _cost(chunk: tuple[NDArray[np.int64], int, int], lengths: NDArray[np.int32] | None) -> float:
    rows, first, last = chunk
    size = 0 if lengths is None else int(lengths[rows].sum(dtype=np.int64))
    return COST.of(items=last - first, rows=len(rows), size=size)


def _file(index: FileIndex, first_row: int) -> FilePart | None:
    """Return what another process needs of a file; None for one that was unpacked."""
    file = OpenFile.of(index.source)
    if file is None:
        return None
    return FilePart(file, index.shown, index.unit, index.results, first_row)


def _part(
    subset: Any, files: list[FilePart], chunks: list[tuple[NDArray[np.int64], int, int]]
) -> CocoPart:
    rows = np.concatenate([rows for rows, _, _ in chunks])
    first, last = chunks[0][1], chunks[-1][2]
    block, images = subset.block, subset.images
    # `take` copies the rows of a box at once: 8 times as fast as an index.
    columns: dict[str, Any] = {
        name: np.asarray(getattr(block, name)).take(rows, axis=0) for name in _COLUMNS
    }
    chosen = {}
    if block.rotated:
        places = {row: place for place, row in enumerate(rows.tolist())}
        chosen = {places[row]: v for row, v in block.rotated.items() if row in places}
    nothing: Any = np.zeros(len(rows), dtype=np.int8)
    small = Block(
        image=nothing,
        category=nothing,
        id=_taken(block.id, rows),
        score=None if block.score is None else block.score[rows],
        rotated=chosen,
        mask_rows=_NONE,
        mask_sizes=_NONE,
        pose_rows=_NONE,
        pose_counts=_NONE,
        **columns,
    )
    span = np.arange(first, last)
    return CocoPart(
        files=files,
        subset=subset.name,
        first_item=subset.first_item + first,
        first_order=subset.first_order,
        chunks=[(len(some), stop - start) for some, start, stop in chunks],
        numbers=subset.numbers_of(rows),
        block=small,
        item=(subset.item[rows] - first).astype(np.int32),
        label=np.array(subset.label[rows]),
        images={
            "ids": _taken(images.ids, span),
            "names": taken(images.names, span),
            **{
                name: np.array(getattr(images, name)[first:last])
                for name in ("width", "height", "start", "length")
            },
        },
        owner=np.array(subset.owner[first:last]),
    )


def _taken(column: Column, rows: NDArray[np.int64]) -> Column:
    if isinstance(column, np.ndarray):
        return np.array(column[rows])
    return [column[row] for row in rows.tolist()]


class _File:
    """Stands for the index of a file."""

    def __init__(self, file: FilePart, context: ReadContext) -> None:
        self.shown, self.unit, self.results = file.shown, file.unit, file.results
        self.source = file.file.open(context.limits)


class _Rows:
    """Stands for the split that a part is cut from; rows are counted in the part."""

    def __init__(self, part: CocoPart, context: ReadContext) -> None:
        self.name = part.subset
        self.parts = [_File(file, context) for file in part.files]
        self.images = ImageTable()
        for name, column in part.images.items():
            setattr(self.images, name, column)
        self.owner = part.owner
        # What is told of a record is noted in its flags; another reader tells it again.
        self.block = msgspec.structs.replace(part.block, flags=part.block.flags.copy())
        self.item, self.label = part.item, part.label
        self.first_item = part.first_item
        self.first_order = 0
        self.first_rows = [0] * (len(part.files) + 1)
        self.numbers = part.numbers
        self._starts = [file.first_row for file in part.files]

    def part_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the file of each row."""
        return np.searchsorted(self._starts, self.numbers[rows], side="right") - 1

    def numbers_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows: the reader of the part gives them their numbers in the split."""
        return rows


class _PartBuilder(Builder):
    """Tells of rows by their places in the file."""

    def _where(self, row: int, field: str = "") -> dict[str, Any]:
        rows: Any = self._subset
        part = int(rows.part_of(np.array([row]))[0])
        index = rows.parts[part]
        return {
            "path": index.shown,
            "location": index.unit.format(int(rows.numbers[row]) - rows._starts[part]) + field,
            "annotation_id": identifier(rows.block.id, row),
        }


class _PartReader:
    """Reads a part; see `dlgeom.converters.base.Reader`."""

    def __init__(self, part: CocoPart, meta: Meta, context: ReadContext) -> None:
        self.meta = meta
        self._part = part
        self._context = context
        self._rows = _Rows(part, context)

    def kinds(self) -> set[str]:
        """Return nothing: the whole data set was asked."""
        return set()

    def count(self) -> int:
        """Return the number of images."""
        return len(self._part.owner)

    def chunks(self, *, grouped: bool, needs: frozenset[str]) -> Iterator[Chunk]:
        """Yield the chunks that a reader of the whole data set yields for these images."""
        part, rows = self._part, self._rows
        stand_in: Any = rows
        builder = _PartBuilder(
            stand_in, self.meta.labels, self._context, needs, raw=True, check=False
        )
        starts = np.array(rows._starts, dtype=np.int64)
        row = item = 0
        for count, images in part.chunks:
            chunk = builder._chunk(
                np.arange(row, row + count, dtype=np.int64),
                items=np.arange(item, item + images, dtype=np.int32),
            )
            places = chunk.order
            numbers = part.numbers[places]
            owners = rows.part_of(places)
            yield msgspec.structs.replace(
                chunk,
                order=numbers + part.first_order,
                origin=msgspec.structs.replace(chunk.origin, number=numbers - starts[owners]),
            )
            row, item = row + count, item + images
        for file in rows.parts:
            file.source.check_unchanged()

    def close(self) -> None:
        """Let go of the files."""
        for file in self._rows.parts:
            file.source.close()
