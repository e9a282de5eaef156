"""After the first pass: ids become positions, and what needs the images is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import KEYPOINTS, OUTLINE, RUNS
from dlgeom.converters.coco.read_columns import (
    CAPTION,
    CROWD,
    DEAD,
    NO_ID,
    REPAIRED,
    Block,
    Column,
)
from dlgeom.converters.coco.read_ids import SLICE, IdMap
from dlgeom.converters.coco.read_images import ImageTable
from dlgeom.converters.coco.read_index import FileIndex
from dlgeom.converters.coco.read_spill import Piece, Spill, pieces_of, repeated_rows
from dlgeom.errors import FormatError
from dlgeom.labels import Label

__all__ = ["identifier", "resolve"]

Ints = NDArray[np.int32]


def identifier(column: Column, row: int) -> Any:
    """Return one id as the file has it."""
    value = column[row]
    if isinstance(value, np.integer):
        return None if value == NO_ID else int(value)
    return value


class _Checks:
    """The checks of some records of one file."""

    def __init__(self, index: FileIndex, piece: Piece, images: ImageTable) -> None:
        self.index = index
        self.first = piece.first
        self.block: Block = piece.block
        self.items, self.labels = piece.item, piece.label
        self.images = images
        self.problems = index.context.problems

    def alive(self) -> NDArray[np.bool_]:
        return np.asarray((self.block.flags & DEAD) == 0)

    def _where(self, row: int, field: str = "") -> dict[str, Any]:
        return {
            "path": self.index.shown,
            "location": self.index.unit.format(self.first + row) + field,
            "annotation_id": identifier(self.block.id, row),
        }

    def skip(self, rows: NDArray[np.bool_], code: str, why: str, field: str = "") -> None:
        """Leave rows out; `why` may name a value by ``{}``, that of the column `field`."""
        for row in np.flatnonzero(rows).tolist():
            shown = self._value(row, field)
            self.problems.skipped(code, why.format(shown), **self._where(row, f".{field}"))
            self.block.flags[row] |= DEAD

    def _value(self, row: int, field: str) -> Any:
        if field == "image_id":
            return repr(identifier(self.block.image, row))[:60]
        if field == "category_id":
            return repr(identifier(self.block.category, row))[:60]
        if field == "bbox":
            return [float(f"{number:g}") for number in self.block.box[row].tolist()]
        return ""

    def references(self, table: list[Label]) -> None:
        """Leave out records of images and categories that are not there."""
        alive = self.alive()
        self.skip(
            alive & (self.items < 0),
            "ref.image",
            "image_id {} is not in images. Add the image, or remove the record",
            "image_id",
        )
        captions = (self.block.flags & CAPTION) != 0
        self.skip(
            self.alive() & (self.labels < 0) & ~captions,
            "ref.category",
            "category_id {} is not in categories. Add it, or remove the record",
            "category_id",
        )

    def boxes(self, table: list[Label]) -> None:
        """Leave out boxes that lie wholly outside of their image, or reach too far."""
        if not len(self.images):
            return
        outside = np.zeros(len(self.block), dtype=np.bool_)
        far = np.zeros(len(self.block), dtype=np.bool_)
        most = self.index.context.limits.coordinate
        for start in range(0, len(outside), SLICE):
            part = slice(start, start + SLICE)
            left, top, width, height = self.block.box[part].T
            items = self.items[part]
            right, bottom = self.images.sizes(items)
            known = (right > 0) & (items >= 0)
            with np.errstate(invalid="ignore"):
                away = (left > right) | (top > bottom) | (left + width < 0) | (top + height < 0)
                beyond = (left < -most) | (top < -most)
                beyond |= (left + width > most) | (top + height > most)
            outside[part] = away & known
            far[part] = beyond
        self.skip(
            outside & self.alive(),
            "geometry.outside_image",
            "bbox {} lies outside of its image. Correct it",
            "bbox",
        )
        self.skip(
            far & self.alive(),
            "number.range",
            f"bbox {{}} reaches further than {most:g} px, the limit coordinate. Correct it",
            "bbox",
        )

    def masks(self, table: list[Label]) -> None:
        """Leave out run lengths of another size than their image."""
        rows = self.block.mask_rows
        if not len(rows):
            return
        alive = self.alive()[rows]
        sizes = self.block.mask_sizes
        items = self.items[rows]
        width, height = self.images.sizes(items)
        due = np.column_stack((height, width))
        wrong = alive & (items >= 0) & (due[:, 0] > 0) & (due != sizes).any(axis=1)
        limits = self.index.context.limits
        for place in np.flatnonzero(wrong).tolist():
            row = int(rows[place])
            height, width = sizes[place].tolist()
            huge = height * width > limits.pixels
            self.problems.skipped(
                "limit.pixels" if huge else "rle.invalid",
                f"RLE is {height} x {width}, its image {due[place, 0]} x {due[place, 1]} "
                "(height x width); both have to be equal. Correct it",
                **self._where(row, ".segmentation.size"),
            )
            self.block.flags[row] |= DEAD

    def crowds(self, table: list[Label]) -> None:
        """Tell of crowds that are polygons."""
        crowds = (self.block.flags & (CROWD | OUTLINE | RUNS | DEAD)) == (CROWD | OUTLINE)
        for row in np.flatnonzero(crowds).tolist():
            self.crowd_polygon(row)

    def crowd_polygon(self, row: int) -> None:
        self.problems.notice(
            "geometry.crowd_polygon",
            "is a crowd drawn as a polygon; the official tools expect RLE. It is kept",
            **self._where(row),
        )

    def poses(self, table: list[Label]) -> None:
        """Leave out keypoints whose number is not that of their category."""
        rows = self.block.pose_rows
        if not len(rows):
            return
        due = np.array([len(label.keypoints) for label in table] + [0], dtype=np.int64)
        counts = self.block.pose_counts
        wanted = due[self.labels[rows]]
        wrong = (wanted > 0) & (counts != wanted) & self.alive()[rows]
        for place in np.flatnonzero(wrong).tolist():
            row = int(rows[place])
            self.problems.repaired(
                "keypoints.arity",
                f"has {counts[place]} keypoints where its category has {wanted[place]}; "
                "the keypoints are left out",
                **self._where(row, ".keypoints"),
            )
            self.block.flags[row] = (self.block.flags[row] & ~np.uint16(KEYPOINTS)) | REPAIRED

    def repeated_ids(self, rows: NDArray[np.int64]) -> None:
        """Tell of annotation ids that occur twice; all of the records are kept."""
        alive = self.alive()
        for row in rows[alive[rows]].tolist():
            self.problems.notice(
                "ref.duplicate_id",
                f"id {identifier(self.block.id, row)!r} occurs before; both records are kept",
                **self._where(row),
            )


_CHECKS: tuple[Callable[[_Checks, list[Label]], None], ...] = (
    _Checks.references,
    _Checks.boxes,
    _Checks.masks,
    _Checks.crowds,
    _Checks.poses,
)


def _repeated(block: Block | Spill) -> Iterator[NDArray[np.int64]]:
    """Yield the rows whose id occurs before, in ascending order."""
    if isinstance(block, Spill):
        yield from repeated_rows(block)
        return
    ids = block.id
    if isinstance(ids, np.ndarray):
        yield np.sort(_repeats(ids))
        return
    seen: set[Any] = set()
    rows = []
    for row, value in enumerate(ids):
        if value is not None and value in seen:
            rows.append(row)
        seen.add(value)
    yield np.array(rows, dtype=np.int64)


def _tell_repeats(index: FileIndex, images: ImageTable, item: Ints, label: Ints) -> None:
    block = index.records
    for rows in _repeated(block):
        if not isinstance(block, Spill):
            _Checks(index, Piece(0, block, item, label, _keep), images).repeated_ids(rows)
            continue
        # Slices of as many records as these few may be spread over.
        for begin in range(0, len(rows), block.rows.step):
            some = rows[begin : begin + block.rows.step]
            for first in np.unique(some // block.rows.step * block.rows.step).tolist():
                piece = block.piece(first, first + block.rows.step)
                here = some[(some >= first) & (some < first + block.rows.step)] - first
                _Checks(index, piece, images).repeated_ids(here)


def _keep(piece: Piece) -> None:
    pass


def _repeats(ids: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return the rows whose id occurs before."""
    if len(ids) < 2 or (ids[1:] > ids[:-1]).all():
        return np.zeros(0, dtype=np.int64)
    values = np.sort(ids)
    if (values[1:] != values[:-1]).all():
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    again = order[1:][ids[order[1:]] == ids[order[:-1]]]
    return np.asarray(again[ids[again] != NO_ID])


def resolve(
    index: FileIndex, images: ImageTable, table: list[Label]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Turn ids into positions and leave out what does not fit.

    Parameters
    ----------
    index : FileIndex
        The file.
    images : ImageTable
        The images of its subset.
    table : list of Label
        Its categories.

    Returns
    -------
    item, label : ndarray of int32, shape (N,)
        Position in `images` and in `table`; -1 for none. Empty for records on disk, which keep
        them.

    Notes
    -----
    Each check goes over all records before the next one does, so that faults are told in the same
    order whether the records are in memory or on disk.
    """
    block = index.records
    if index.labels is None and not table and _names_classes(block):
        raise FormatError(
            "has no categories, but annotations that name one; add the list of categories",
            code="schema.field",
            path=index.shown,
        )
    ids = [label.id for label in table]
    item_of, label_of = images.finder(), IdMap(_ids(ids))
    item = label = np.zeros(0, dtype=np.int32)
    for piece in pieces_of(block, item, label):
        image, category = piece.block.image, piece.block.category
        piece.item, piece.label = item_of.find(image), label_of.find(category)
        piece.label[_missing(category)] = -1
        piece.item[_missing(image)] = -1
        piece.save()
        if not isinstance(block, Spill):
            item, label = piece.item, piece.label
    for check in _CHECKS:
        for piece in pieces_of(block, item, label):
            check(_Checks(index, piece, images), table)
            piece.save()
    _tell_repeats(index, images, item, label)
    # They are positions now; what is left takes no memory.
    if isinstance(block, Spill):
        block.drop_keys()
    else:
        block.image = block.category = np.broadcast_to(np.zeros(1, dtype=np.int32), len(block))
    return item, label


def _names_classes(block: Block | Spill) -> bool:
    """Whether any record is of a class: it is no caption, and not left out."""
    nothing = np.zeros(0, dtype=np.int32)
    pieces = pieces_of(block, nothing, nothing)
    return any(bool(((piece.block.flags & (DEAD | CAPTION)) == 0).any()) for piece in pieces)


def _ids(values: list[Any]) -> Column:
    from dlgeom.converters.coco.read_columns import id_column

    return id_column(values)


def _missing(column: Column) -> NDArray[np.bool_]:
    if isinstance(column, np.ndarray):
        return np.asarray(column == NO_ID)
    return np.array([value is None for value in column], dtype=np.bool_)
