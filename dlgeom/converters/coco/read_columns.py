"""Columns of the first pass: a few dozen bytes for each record.

Numbers that the checks and most writers need are kept; outlines, masks, keypoints and unknown
fields stay in the file and are gathered by their place when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dlgeom.converters.coco.read_spill import Spill

__all__ = [
    "ATTRIBUTES",
    "CAPTION",
    "CROWD",
    "DEAD",
    "EXTRA",
    "ODD",
    "REPAIRED",
    "SHAPES",
    "TOLD",
    "Block",
    "Growing",
    "Row",
    "block_of",
    "id_column",
    "id_list",
    "joined",
]

DEAD, CROWD, EXTRA, ATTRIBUTES, REPAIRED, ODD, CAPTION, TOLD = (1 << bit for bit in range(8, 16))
"""Bits of `Block.flags` above those of `dlgeom.chunk.Chunk.shapes`.

Left out; a crowd; has fields without a column; has attributes; mended, so that its own text is not
copied as it is; its segmentation goes through the slow function; is a caption; its outline has
been complained about.
"""
SHAPES = 0xFF
NO_ID = np.iinfo(np.int64).min
Column = NDArray[np.integer[Any]] | list[Any]


class Row(msgspec.Struct, kw_only=True, gc=False):
    """One record, as the slow path reads it."""

    image: int | str | None = None
    category: int | str | None = None
    id: int | str | None = None
    box: tuple[float, float, float, float] | None = None
    rotated: tuple[float, float, float, float, float] | None = None
    area: float = np.nan
    score: float = np.nan
    flags: int = 0
    segmentation: tuple[int, int] = (0, 0)
    mask: tuple[int, int] | None = None
    points: int = -1


class Block(msgspec.Struct, kw_only=True, gc=False):
    """Columns of N records.

    Parameters
    ----------
    image, category, id : ndarray of int64 or int32, shape (N,), or list
        As the file has them; a list where one is text or beyond 64 bits. `NO_ID` is none.
    box : ndarray of float64, shape (N, 4)
        x, y, width, height; NaN for none.
    area : ndarray of float64, shape (N,)
        NaN for none.
    score : ndarray of float64, shape (N,), or None
        None where no record has one.
    flags : ndarray of uint16, shape (N,)
        Bits of `Chunk.shapes` and those of this module.
    start : ndarray of int64, shape (N,)
        Where each record starts in the file.
    length : ndarray of int32, shape (N,)
        Bytes of each record.
    part_start, part_length : ndarray of int32, shape (N,)
        Place of the segmentation inside the record; length 0 for none.
    rotated : dict of int to tuple
        Row -> centre x, y, width, height, degrees clockwise.
    mask_rows, mask_sizes : ndarray of int64, shape (M,) and (M, 2)
        Rows with run lengths, and their height and width.
    pose_rows, pose_counts : ndarray of int64, shape (K,)
        Rows with keypoints, and how many.
    """

    image: Column
    category: Column
    id: Column
    box: NDArray[np.float64]
    area: NDArray[np.float64]
    score: NDArray[np.float64] | None
    flags: NDArray[np.uint16]
    start: NDArray[np.int64]
    length: NDArray[np.int32]
    part_start: NDArray[np.int32]
    part_length: NDArray[np.int32]
    rotated: dict[int, tuple[float, ...]]
    mask_rows: NDArray[np.int64]
    mask_sizes: NDArray[np.int64]
    pose_rows: NDArray[np.int64]
    pose_counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.flags)


def id_column(values: Sequence[Any]) -> Column:
    """Return ids as int64 where all fit, else as the list that they are."""
    # numpy would turn the text "1" into the number.
    if set(map(type, values)) <= {int, type(None)}:
        present = values
        missing = values.count(None)
        if missing:
            present = [NO_ID if value is None else value for value in values]
        try:
            column = np.fromiter(present, np.int64, len(present))
        except OverflowError:
            return list(values)
        # An id may be the very number that stands for none.
        if missing == np.count_nonzero(column == NO_ID):
            return column
    return list(values)


def block_of(
    rows: Sequence[Row], start: NDArray[np.int64], length: NDArray[np.integer[Any]]
) -> Block:
    """Build the columns of rows that the slow path read; `start` is their place in the file."""
    nothing = (np.nan,) * 4
    masks = [(k, row.mask) for k, row in enumerate(rows) if row.mask is not None]
    poses = [(k, row.points) for k, row in enumerate(rows) if row.points >= 0]
    scores = np.array([row.score for row in rows], dtype=np.float64)
    parts = np.array([row.segmentation for row in rows], dtype=np.int32).reshape(-1, 2)
    return Block(
        image=id_column([row.image for row in rows]),
        category=id_column([row.category for row in rows]),
        id=id_column([row.id for row in rows]),
        box=np.array([row.box or nothing for row in rows], dtype=np.float64).reshape(-1, 4),
        area=np.array([row.area for row in rows], dtype=np.float64),
        score=None if np.isnan(scores).all() else scores,
        flags=np.array([row.flags for row in rows], dtype=np.uint16),
        start=start,
        length=length.astype(np.int32),
        part_start=parts[:, 0],
        part_length=parts[:, 1],
        rotated={k: row.rotated for k, row in enumerate(rows) if row.rotated is not None},
        mask_rows=np.array([k for k, _ in masks], dtype=np.int64),
        mask_sizes=np.array([size for _, size in masks], dtype=np.int64).reshape(-1, 2),
        pose_rows=np.array([k for k, _ in poses], dtype=np.int64),
        pose_counts=np.array([count for _, count in poses], dtype=np.int64),
    )


def _is_wide(values: NDArray[Any]) -> bool:
    """Whether an id, or the mark for none, is beyond 32 bits."""
    bounds = np.iinfo(np.int32)
    return bool(len(values)) and (values.min() < bounds.min or values.max() > bounds.max)


def id_list(column: Column) -> list[Any]:
    """Return ids as Python values, None for none."""
    if isinstance(column, np.ndarray):
        return [None if value == NO_ID else value for value in column.tolist()]
    return column


def _slice(block: Block, first: int, last: int) -> Block:
    """Return some records that follow one another."""
    names = (*_NUMBERS, *_ID_COLUMNS)
    columns: dict[str, Any] = {name: getattr(block, name)[first:last] for name in names}
    for rows, values in (("mask_rows", "mask_sizes"), ("pose_rows", "pose_counts")):
        place = getattr(block, rows)
        chosen = slice(*np.searchsorted(place, (first, last)).tolist())
        columns[rows] = place[chosen] - first
        columns[values] = getattr(block, values)[chosen]
    return Block(
        score=None if block.score is None else block.score[first:last],
        rotated={row - first: v for row, v in block.rotated.items() if first <= row < last},
        **columns,
    )


_ID_COLUMNS = ("image", "category", "id")
_NUMBERS = ("box", "area", "flags", "start", "length", "part_start", "part_length")
_ROW_BYTES = 86
"""Of one record: the columns, and the two that `resolve` makes."""
_ODD_BYTES, _TURN_BYTES = 90, 320
_AT_ONCE = 1 << 15


class Growing:
    """Columns that blocks are appended to.

    Room is made for all the records that a file of this size should hold; memory that is never
    touched costs nothing, while joining pieces at the end would need everything twice.

    Parameters
    ----------
    size : int
        Bytes of the file.
    share : int, optional
        Bytes of memory; where more is needed, all goes to files (see `Spill`).
    """

    def __init__(self, size: int, share: int | None = None) -> None:
        self._size = size
        self._share = share
        self._spill: Spill | None = None
        self._rows = 0
        self._room = 0
        self._arrays: dict[str, NDArray[Any]] = {}
        self._lists: dict[str, list[Any]] = {}
        self._score: NDArray[np.float64] | None = None
        self._rotated: dict[int, tuple[float, ...]] = {}
        self._sparse: dict[str, list[NDArray[np.int64]]] = {
            name: [] for name in ("mask_rows", "mask_sizes", "pose_rows", "pose_counts")
        }

    def append(self, block: Block, size: int) -> None:
        """Add the records of a window of `size` bytes."""
        if not len(block):
            return
        if self._spill is None and self._share is not None and self._outgrown(len(block)):
            self._spill_all(self._share)
        if self._spill is not None:
            self._spill.append(block)
            return
        first, last = self._rows, self._rows + len(block)
        if last > self._room:
            self._grow(block, last, size)
        for name in _NUMBERS:
            self._arrays[name][first:last] = getattr(block, name)
        for name in _ID_COLUMNS:
            self._append_ids(name, getattr(block, name), first, last)
        if block.score is not None:
            if self._score is None:
                self._score = np.full(self._room, np.nan)
            self._score[first:last] = block.score
        self._rotated.update({first + row: value for row, value in block.rotated.items()})
        self._sparse["mask_rows"].append(block.mask_rows + first)
        self._sparse["mask_sizes"].append(block.mask_sizes)
        self._sparse["pose_rows"].append(block.pose_rows + first)
        self._sparse["pose_counts"].append(block.pose_counts)
        self._rows = last

    def _outgrown(self, more: int) -> bool:
        assert self._share is not None
        odd = sum(map(len, self._lists.values())) * _ODD_BYTES + len(self._rotated) * _TURN_BYTES
        return (self._rows + more) * _ROW_BYTES + odd > self._share

    def _spill_all(self, share: int) -> None:
        from dlgeom.converters.coco.read_spill import Spill

        self._spill = Spill(share)
        block = self.block()
        for first in range(0, len(block), _AT_ONCE):
            self._spill.append(_slice(block, first, first + _AT_ONCE))
        self._arrays.clear()
        self._lists.clear()
        self._sparse.clear()
        self._rotated = {}
        self._score = None

    def _grow(self, block: Block, least: int, size: int) -> None:
        if not self._room:
            self._room = int(len(block) * max(1.0, 1.1 * self._size / max(size, 1))) + 64
            if self._share is not None:
                # No more than it may become; a limit of address space counts what is not touched.
                self._room = min(self._room, self._share // _ROW_BYTES + len(block))
            for name in (*_NUMBERS, *_ID_COLUMNS):
                if name in _ID_COLUMNS:
                    # Half of the room; made wider by the first id that needs it.
                    self._arrays[name] = np.empty(self._room, dtype=np.int32)
                else:
                    like = getattr(block, name)
                    shape = (self._room, *like.shape[1:])
                    self._arrays[name] = np.empty(shape, dtype=like.dtype)
        if least > self._room:
            self._room = max(least, self._room + self._room // 2)
            for name, array in self._arrays.items():
                self._arrays[name] = self._longer(array)
            if self._score is not None:
                grown = np.full(self._room, np.nan)
                grown[: self._rows] = self._score[: self._rows]
                self._score = grown

    def _longer(self, array: NDArray[Any]) -> NDArray[Any]:
        grown = np.empty((self._room, *array.shape[1:]), dtype=array.dtype)
        grown[: self._rows] = array[: self._rows]
        return grown

    def _append_ids(self, name: str, values: Column, first: int, last: int) -> None:
        if name not in self._lists:
            if isinstance(values, np.ndarray):
                array = self._arrays[name]
                if array.dtype == np.int32 and _is_wide(values):
                    array = self._arrays[name] = array.astype(np.int64)
                array[first:last] = values
                return
            self._lists[name] = id_list(self._arrays[name][:first])
        self._lists[name].extend(id_list(values))

    def records(self) -> Block | Spill:
        """Return what was appended, on disk where it has outgrown its share."""
        return self.block() if self._spill is None else self._spill

    def block(self) -> Block:
        """Return what was appended, in memory."""
        if not self._room:
            nothing = np.zeros(0, dtype=np.int64)
            return block_of([], nothing, nothing)
        whole: dict[str, Any] = {name: array[: self._rows] for name, array in self._arrays.items()}
        whole.update(self._lists)
        for name, pieces in self._sparse.items():
            whole[name] = np.concatenate(pieces)
        score = None if self._score is None else self._score[: self._rows]
        return Block(score=score, rotated=self._rotated, **whole)


def joined(blocks: Sequence[Block]) -> Block:
    """Put blocks one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    growing = Growing(sum(map(len, blocks)))
    for block in blocks:
        growing.append(block, max(len(block), 1))
    return growing.block()
