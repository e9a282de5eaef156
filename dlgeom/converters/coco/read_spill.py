"""The records of an index that has outgrown its share: rows in nameless files, read in slices.

They are read in the order of the file, or by image from a sorted copy; either way a slice is
columns in memory, as those of a small file are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.read_columns import CAPTION, DEAD, NO_ID, Block, Column
from dlgeom.converters.tables import Heap, Table, sorted_table

__all__ = ["Group", "Piece", "Spill", "pieces_of", "repeated_rows", "spilled", "supersede"]

ROW = np.dtype(
    [
        ("start", np.int64),
        ("row", np.int64),
        ("box", np.float64, (4,)),
        ("area", np.float64),
        ("score", np.float64),
        ("id", np.int64),
        ("turned", np.int64),
        ("item", np.int32),
        ("label", np.int32),
        ("length", np.int32),
        ("part_start", np.int32),
        ("part_length", np.int32),
        ("flags", np.uint16),
        ("odd", np.uint8),
    ]
)
_KEYS = np.dtype([("image", np.int64), ("category", np.int64), ("odd", np.uint8)])
_MASKS = np.dtype([("row", np.int64), ("size", np.int64, (2,))])
_POSES = np.dtype([("row", np.int64), ("count", np.int64)])
_TURNS = np.dtype([("values", np.float64, (5,))])
_PLAIN = ("start", "box", "area", "length", "part_start", "part_length", "flags")
_FIELDS = {"id": 1, "image": 2, "category": 4}
"""Bit of `odd` for each column of ids: the id is text or huge, and lies in the heap."""

Ints = NDArray[np.int32]


class Piece(msgspec.Struct, eq=False):
    """Some records of a file, one after the other.

    Parameters
    ----------
    first : int
        Number of the first.
    block : Block
        Their columns; rows are counted from the first.
    item, label : ndarray of int32
        Positions; not known before they are resolved.
    keep : callable
        Keeps what was changed in `item`, `label` and ``block.flags`` of the piece that it gets:
        it knows of none, because a cycle would stay while the garbage collector is paused.
    """

    first: int
    block: Block
    item: Ints
    label: Ints
    keep: Callable[[Piece], None]

    def save(self) -> None:
        """Keep what was changed."""
        self.keep(self)


def pieces_of(block: Block | Spill, item: Ints, label: Ints) -> Iterator[Piece]:
    """Yield the records of a file: one piece of all, or slices; changes are kept."""
    if isinstance(block, Spill):
        yield from block.pieces()
    else:
        yield Piece(0, block, item, label, _nothing)


def _nothing(piece: Piece) -> None:
    pass


class Spill:
    """Records on disk.

    Parameters
    ----------
    share : int
        Bytes that sorting may take.
    """

    def __init__(self, share: int) -> None:
        self.share = share
        self.rows = Table(ROW)
        self._keys: Table | None = Table(_KEYS)
        self._masks, self._poses, self._turns = Table(_MASKS), Table(_POSES), Table(_TURNS)
        self._heap: Heap | None = None
        self._scores = False
        # First row, mask and pose of each window: where to look for those of a slice.
        self._marks: list[tuple[int, int, int]] = []
        self._grouped: Table | None = None

    def __len__(self) -> int:
        return len(self.rows)

    # -------------------------------------------------------------- filling

    def append(self, block: Block) -> None:
        """Add the records of a window."""
        if not len(block):
            return
        first = len(self.rows)
        self._marks.append((first, len(self._masks), len(self._poses)))
        rows = np.zeros(len(block), dtype=ROW)
        for name in _PLAIN:
            rows[name] = getattr(block, name)
        rows["row"] = np.arange(first, first + len(block))
        rows["score"] = np.nan if block.score is None else block.score
        self._scores |= block.score is not None
        rows["turned"] = -1
        if block.rotated:
            turns = np.zeros(len(block.rotated), dtype=_TURNS)
            turns["values"] = list(block.rotated.values())
            rows["turned"][list(block.rotated)] = len(self._turns) + np.arange(len(turns))
            self._turns.append(turns)
        self._put_ids(rows, "id", block.id)
        self.rows.append(rows)
        keys = np.zeros(len(block), dtype=_KEYS)
        self._put_ids(keys, "image", block.image)
        self._put_ids(keys, "category", block.category)
        assert self._keys is not None
        self._keys.append(keys)
        masks = np.zeros(len(block.mask_rows), dtype=_MASKS)
        masks["row"], masks["size"] = block.mask_rows + first, block.mask_sizes
        self._masks.append(masks)
        poses = np.zeros(len(block.pose_rows), dtype=_POSES)
        poses["row"], poses["count"] = block.pose_rows + first, block.pose_counts
        self._poses.append(poses)

    def _put_ids(self, rows: NDArray[Any], name: str, column: Column) -> None:
        if isinstance(column, np.ndarray):
            rows[name] = column
            return
        if self._heap is None:
            self._heap = Heap()
        for place, value in enumerate(column):
            if value is None:
                rows[name][place] = NO_ID
            elif type(value) is int and NO_ID < value <= -NO_ID - 1:
                rows[name][place] = value
            else:
                text = msgspec.json.encode(value) if isinstance(value, str) else b"%d" % value
                rows[name][place] = self._heap.size
                rows["odd"][place] |= _FIELDS[name]
                self._heap.append(len(text).to_bytes(4, "little") + text)

    def extend(self, other: Spill) -> None:
        """Add all records of another file, whose ids are resolved."""
        for piece in other.pieces():
            block = piece.block
            nothing = np.zeros(len(block), dtype=np.int64)
            block.image = block.category = nothing
            first = len(self.rows)
            self.append(block)
            rows = self.rows.read(first, first + len(block))
            rows["item"], rows["label"] = piece.item, piece.label
            self.rows.write(first, rows)

    def drop_keys(self) -> None:
        """Let go of the ids of images and categories: they are positions now."""
        self._keys = None

    # -------------------------------------------------------------- reading

    def pieces(self) -> Iterator[Piece]:
        """Yield all records in the order of the file."""
        for first in range(0, len(self.rows), self.rows.step):
            yield self.piece(first, first + self.rows.step)

    def piece(self, first: int, last: int) -> Piece:
        """Return some records."""
        rows = self.rows.read(first, last)
        block = self._block(rows, first)
        before = rows.copy()

        def keep(piece: Piece) -> None:
            _restore(rows, piece)
            if (rows[_CHANGING] != before[_CHANGING]).any():
                self.rows.write(first, rows)
                self._grouped = None

        return Piece(first, block, rows["item"].copy(), rows["label"].copy(), keep)

    def _block(self, rows: NDArray[Any], first: int = -1) -> Block:
        """Return rows as columns; masks and poses only for those that follow one another."""
        columns: dict[str, Any] = {name: np.ascontiguousarray(rows[name]) for name in _PLAIN}
        turned = np.flatnonzero(rows["turned"] >= 0)
        values = self._turns.gather(rows["turned"][turned])["values"].tolist()
        nothing = np.zeros(len(rows), dtype=np.int64)
        image = category = nothing
        masks, poses = self._masks.read(0, 0), self._poses.read(0, 0)
        if first >= 0:
            masks, poses = self._sparse(first, first + len(rows))
            if self._keys is not None:
                keys = self._keys.read(first, first + len(rows))
                image, category = self._ids(keys, "image"), self._ids(keys, "category")  # type: ignore[assignment]
        return Block(
            image=image,
            category=category,
            id=self._ids(rows, "id"),
            score=np.ascontiguousarray(rows["score"]) if self._scores else None,
            rotated={row: tuple(value) for row, value in zip(turned.tolist(), values, strict=True)},
            mask_rows=masks["row"] - first,
            mask_sizes=masks["size"],
            pose_rows=poses["row"] - first,
            pose_counts=poses["count"],
            **columns,
        )

    def _sparse(self, first: int, last: int) -> tuple[NDArray[Any], NDArray[Any]]:
        starts = [mark[0] for mark in self._marks]
        low = max(int(np.searchsorted(starts, first, side="right")) - 1, 0)
        high = int(np.searchsorted(starts, last))
        ends = [*self._marks, (0, len(self._masks), len(self._poses))]
        found = []
        for table, place in ((self._masks, 1), (self._poses, 2)):
            rows = table.read(ends[low][place], ends[high][place])
            found.append(rows[(rows["row"] >= first) & (rows["row"] < last)])
        return found[0], found[1]

    def _ids(self, rows: NDArray[Any], name: str) -> Column:
        column = np.ascontiguousarray(rows[name])
        odd = np.flatnonzero(rows["odd"] & _FIELDS[name])
        if not len(odd):
            return column
        assert self._heap is not None
        ids: list[Any] = [None if value == NO_ID else value for value in column.tolist()]
        for place in odd.tolist():
            at = int(column[place])
            size = int.from_bytes(self._heap.read(at, 4), "little")
            text = self._heap.read(at + 4, size)
            ids[place] = msgspec.json.decode(text) if text[:1] == b'"' else int(text)
        return ids

    def kill(self, numbers: NDArray[np.int64]) -> None:
        """Leave records out, given in ascending order."""
        for first in range(0, len(numbers), self.rows.step):
            some = numbers[first : first + self.rows.step]
            rows = self.rows.gather(some)
            rows["flags"] |= DEAD
            for row in range(len(some)):
                self.rows.write(int(some[row]), rows[row : row + 1])
        self._grouped = None

    # -------------------------------------------------------------- by image

    def _by_image(self) -> Table:
        if self._grouped is None:
            alive = (rows[(rows["flags"] & DEAD) == 0] for _, rows in self.rows.slices())
            self._grouped = sorted_table(alive, ROW, ["item"], self.share)
        return self._grouped

    def grouped(self, images: int, rows_at_once: int, items_at_once: int) -> Iterator[Piece]:
        """Yield records by image; `Piece.first` is the first of the images it is about.

        Parameters
        ----------
        images : int
            How many there are.
        rows_at_once, items_at_once : int
            Size of a piece; an image is never cut.
        """
        table = self._by_image()
        place = item = 0
        while item < images:
            step = rows_at_once
            rows = table.read(place, place + step)
            # The images that are there as a whole: the last one may go on.
            while place + len(rows) < len(table) and rows["item"][0] == rows["item"][-1]:
                step *= 2
                rows = table.read(place, place + step)
            stop = int(rows["item"][-1]) if place + len(rows) < len(table) else images
            stop = min(stop, item + items_at_once)
            rows = rows[: int(np.searchsorted(rows["item"], stop))]
            yield self._group(table, place, item, stop, rows)
            place, item = place + len(rows), stop

    def _group(self, table: Table, place: int, item: int, stop: int, rows: NDArray[Any]) -> Piece:
        before = rows["flags"].copy()

        def keep(piece: Piece) -> None:
            changed = np.flatnonzero(piece.block.flags != before)
            if not len(changed):
                return
            rows["flags"] = piece.block.flags
            table.write(place, rows)
            for row in changed.tolist():
                number = int(rows["row"][row])
                self.rows.write(number, rows[row : row + 1])

        return Group(
            first=item,
            block=self._block(rows),
            item=rows["item"] - np.int32(item),
            label=np.ascontiguousarray(rows["label"]),
            keep=keep,
            last=stop,
            numbers=np.ascontiguousarray(rows["row"]),
        )


class Group(Piece, eq=False):
    """All records of some images.

    Parameters
    ----------
    last : int
        Behind the last image.
    numbers : ndarray of int64
        Number of each record in the order of the file.
    """

    last: int
    numbers: NDArray[np.int64]


_CHANGING = ["flags", "item", "label"]


def _restore(rows: NDArray[Any], piece: Piece) -> None:
    rows["flags"], rows["item"], rows["label"] = piece.block.flags, piece.item, piece.label


def spilled(block: Block, item: Ints, label: Ints, share: int) -> Spill:
    """Put the records of a small file on disk, with those of large ones of the same split."""
    spill = Spill(share)
    spill.append(block)
    rows = spill.rows.read(0, len(block))
    rows["item"], rows["label"] = item, label
    spill.rows.write(0, rows)
    return spill


# ------------------------------------------------------------------------------ ids of all

_KEY = np.dtype(
    [
        ("high", np.int64),
        ("low", np.int64),
        ("item", np.int32),
        ("label", np.int32),
        ("part", np.int32),
        ("row", np.int64),
    ]
)


def _keyed(piece: Piece) -> NDArray[Any]:
    """Return the ids of a piece as two numbers: 0 and the id, or a digest of 127 bits."""
    found = np.zeros(len(piece.block), dtype=_KEY)
    found["row"] = np.arange(piece.first, piece.first + len(found))
    found["item"], found["label"] = piece.item, piece.label
    ids = piece.block.id
    if isinstance(ids, np.ndarray):
        found["low"] = ids
        return found
    import hashlib  # loads OpenSSL

    for place, value in enumerate(ids):
        if value is None:
            found["low"][place] = NO_ID
        elif type(value) is int and NO_ID < value <= -NO_ID - 1:
            found["low"][place] = value
        else:
            digest = hashlib.blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=16)
            high, low = struct.unpack("<qq", digest.digest())
            found["high"][place], found["low"][place] = high | 1, low
    return found


def _changes(slices: Iterable[NDArray[Any]], keys: list[str]) -> Iterator[NDArray[np.int64]]:
    """Yield for sorted rows the place in all of them where the run of equal keys began."""
    place = began = 0
    before: NDArray[Any] | None = None
    for rows in slices:
        new = np.ones(len(rows), dtype=np.bool_)
        new[1:] = rows[keys][1:] != rows[keys][:-1]
        new[0] = before is None or before != rows[keys][0]
        starts = np.where(new, np.arange(place, place + len(rows)), -1)
        starts[0] = place if new[0] else began
        starts = np.maximum.accumulate(starts)
        yield starts
        began, place, before = int(starts[-1]), place + len(rows), rows[keys][-1].copy()


def repeated_rows(spill: Spill) -> Iterator[NDArray[np.int64]]:
    """Yield the rows whose id occurs before, in ascending order."""
    last, odd = NO_ID, False
    rising = True
    for piece in spill.pieces():
        ids = piece.block.id
        odd |= not isinstance(ids, np.ndarray)
        if not isinstance(ids, np.ndarray) or ids[0] <= last or not (ids[1:] > ids[:-1]).all():
            rising = False
            if odd:
                break
            continue
        last = int(ids[-1])
    if rising:
        return
    keys = ["high", "low"] if odd else ["low"]
    table = sorted_table(map(_keyed, spill.pieces()), _KEY, keys, spill.share)
    again = Table([("row", np.int64)])
    slices = (rows for _, rows in table.slices())
    for (first, rows), starts in zip(table.slices(), _changes(slices, keys), strict=True):
        chosen = starts != np.arange(first, first + len(rows))
        chosen &= (rows["low"] != NO_ID) | (rows["high"] != 0)
        again.append(rows[["row"]][chosen])
    ordered = sorted_table((rows for _, rows in again.slices()), again.dtype, ["row"], spill.share)
    for _, rows in ordered.slices():
        yield np.ascontiguousarray(rows["row"])


def supersede(parts: list[Spill]) -> list[int]:
    """Mark records that an earlier file tells too; return how many of each file.

    They have the id, the image and the class in common.
    """

    def alive() -> Iterator[NDArray[Any]]:
        for number, spill in enumerate(parts):
            for piece in spill.pieces():
                rows = _keyed(piece)
                rows["part"] = number
                keep = (piece.block.flags & (DEAD | CAPTION)) == 0
                yield rows[keep & ((rows["low"] != NO_ID) | (rows["high"] != 0))]

    keys = ["high", "low", "item", "label"]
    share = parts[0].share
    table = sorted_table(alive(), _KEY, keys, share)
    dead = Table(_KEY)
    slices = (rows for _, rows in table.slices())
    for (_, rows), starts in zip(table.slices(), _changes(slices, keys), strict=True):
        dead.append(rows[table.gather(starts)["part"] != rows["part"]])
    counts = [0] * len(parts)
    ordered = sorted_table((rows for _, rows in dead.slices()), _KEY, ["part", "row"], share)
    for _, rows in ordered.slices():
        for number in np.unique(rows["part"]).tolist():
            numbers = rows["row"][rows["part"] == number]
            counts[number] += len(numbers)
            parts[number].kill(numbers)
    return counts
