"""Shapes without a column, as the nearest that a target holds: one way for all formats.

Columns hold boxes, rotated boxes, polygons, masks and keypoints. A record of another shape
(ellipse, cube, polyline, note...), of several shapes that have no room beside each other, with
states over frames, or with other key points than its class has travels as an object. A writer
that takes columns says which of these objects it takes as they are (``holds``) and what is
nearest for the others (``nearest``); the pipeline moves those into columns before it calls the
writer, and what that costs goes into the report with what the writer itself could not keep. A
writer that says nothing gets all objects as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.chunk_objects import KEPT_AS_EXTRA, chunk_of
from dlgeom.converters.base import APPROXIMATED, DROPPED, Losses, Writer
from dlgeom.converters.lower_poses import in_class
from dlgeom.converters.lower_shapes import CODES, Fate, Parts, nearest_record
from dlgeom.converters.lower_to import Nearest
from dlgeom.definitions import Pose, UndefinedAnnotationType
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item

__all__ = ["CODES", "Lowered", "Lowering", "Nearest"]

_INDEX = {code: index for index, (code, _) in enumerate(CODES)}
_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(Annotation)
    if field.name in KEPT_AS_EXTRA
}


class Lowered(msgspec.Struct, kw_only=True):
    """A chunk for a writer, and what it has cost to make it.

    Parameters
    ----------
    chunk : Chunk
        What the writer takes; without the rows that are left out.
    whole : Chunk
        The same with all rows of the source.
    rows : ndarray of int64, shape (len(chunk),), optional
        Row of `whole` of each row of `chunk`; None if they are the same.
    fates : dict of int to object
        Row of `whole` -> what became of it.
    """

    chunk: Chunk
    whole: Chunk
    rows: NDArray[np.int64] | None = None
    fates: dict[int, Fate] = msgspec.field(default_factory=dict)

    def only(self, rows: NDArray[np.intp], chunk: Chunk) -> Lowered:
        """Return the same without some rows that nobody answers for.

        Parameters
        ----------
        rows : ndarray of int
            Rows of `self.chunk` that stay.
        chunk : Chunk
            These rows.
        """
        given = np.arange(len(self.whole)) if self.rows is None else self.rows
        stays = np.ones(len(self.whole), dtype=np.bool_)
        stays[given] = False
        stays[given[rows]] = True
        place = np.cumsum(stays) - 1
        fates = {int(place[row]): fate for row, fate in self.fates.items() if stays[row]}
        whole = self.whole.select(np.flatnonzero(stays))
        return Lowered(chunk=chunk, whole=whole, rows=place[given[rows]], fates=fates)

    def settle(self, losses: Losses) -> tuple[Chunk, Losses]:
        """Return all rows of the source, and the losses of both steps.

        What the writer drops is dropped for its reason. A row that both steps approximate has
        the code of this one, and the product of both measures.
        """
        if not self.fates:
            return self.chunk, losses
        first = len(losses.codes)
        total = Losses.none(len(self.whole), (*losses.codes, *CODES))
        rows = np.arange(len(self.whole)) if self.rows is None else self.rows
        total.status[rows] = losses.status
        total.code[rows] = losses.code
        total.measure[rows] = losses.measure
        total.fields = losses.fields
        for row, fate in self.fates.items():
            if fate.annotation is None:
                total.status[row] = DROPPED
            elif total.status[row] == DROPPED:
                continue
            else:
                total.fields.update(fate.fields)
                if not fate.code:
                    continue
                if total.status[row] == APPROXIMATED:
                    total.measure[row] = _product(fate.measure, float(total.measure[row]))
                else:
                    total.measure[row] = fate.measure
                total.status[row] = APPROXIMATED
            total.code[row] = first + _INDEX[fate.code]
        if losses.replaced is None:
            return self.whole, total
        outlines = {row: found for row, f in self.fates.items() if (found := f.outlines())}
        total.replaced = self._replaced(losses.replaced, rows, outlines)
        return self._with_outlines({row: own for row, (own, _) in outlines.items()}), total

    def _replaced(
        self, written: Rings, rows: NDArray[np.int64], outlines: dict[int, tuple[Parts, Parts]]
    ) -> Rings:
        """Return what stands for each row: as the writer says, else as it was moved."""
        parts: list[Any] = [None] * len(self.whole)
        for place in np.flatnonzero(written.part_counts).tolist():
            parts[int(rows[place])] = written.row(place)
        for row, (_, stand_in) in outlines.items():
            if parts[row] is None:
                parts[row] = stand_in
        return Rings.of(parts)

    def _with_outlines(self, outlines: dict[int, Parts]) -> Chunk:
        """Return all rows with the true outlines of those that became boxes."""
        if not outlines:
            return self.whole
        places = np.array(list(outlines), dtype=np.int64)
        order = np.arange(len(self.whole))
        order[places] = len(order) + np.arange(len(places))
        both = Rings.concat([self.whole.outline, Rings.of(list(outlines.values()))])
        return msgspec.structs.replace(self.whole, outline=both.take(order))


class Lowering:
    """Moves records of shapes that a target does not hold into columns.

    Fields of records that stay objects move into columns too, where writers look for what they
    cannot keep. Records of videos are left out: the target holds images.

    Parameters
    ----------
    holds : frozenset of str, optional
        Type strings (`Definition.type`) of the objects that the writer takes as they are; all if
        None.
    nearest : Nearest, optional
        What the others become; a polygon, or the box of what has none, if not given.
    """

    def __init__(self, holds: frozenset[str] | None, nearest: Nearest | None = None) -> None:
        self._holds = holds
        self._nearest = Nearest(shape="outline", boxed=True) if nearest is None else nearest
        self._items: Sequence[Item] = ()
        self._films = np.zeros(0, dtype=np.bool_)

    @classmethod
    def of(cls, writer: Writer) -> Lowering:
        """Return what a writer asks for by its attributes ``holds`` and ``nearest``."""
        return cls(getattr(writer, "holds", None), getattr(writer, "nearest", None))

    def __call__(self, chunk: Chunk) -> Lowered:
        """Return a chunk as the writer takes it; `chunk` is not changed."""
        if self._holds is None:
            return Lowered(chunk=chunk, whole=chunk)
        if chunk.items is not self._items:  # ungrouped chunks share the images of the data set
            self._items = chunk.items
            self._films = np.array([item.media == "video" for item in chunk.items], dtype=np.bool_)
        fates: dict[int, Fate] = {}
        if self._films.any():
            for row in np.flatnonzero(self._films[chunk.item]).tolist():
                fates[row] = Fate(code="video.frames")
        for row, other in chunk.others.items():
            if row not in fates:
                fate = _fate_of(chunk, row, other, self._holds, self._nearest)
                if fate is not None:
                    fates[row] = fate
        return _lowered(chunk, fates)


def _fate_of(
    chunk: Chunk, row: int, other: Annotation, holds: frozenset[str], nearest: Nearest
) -> Fate | None:
    """Return what becomes of an object, None if the writer takes it as it is."""
    if other.later or other._away is not None:
        return Fate(code="video.frames")
    if not _is_held(other, holds):
        fate = nearest_record(chunk.annotation(row), nearest)
        return _with_class(chunk, row, fate) if nearest.points else fate
    if other.companions:
        return Fate(annotation=chunk.annotation(row), code="geometry.companion")
    return None if _is_told(chunk, row, other) else Fate(annotation=chunk.annotation(row))


def _with_class(chunk: Chunk, row: int, fate: Fate) -> Fate:
    """Put the key points of a record where its class has them."""
    if fate.annotation is None:
        return fate
    shapes = list(fate.annotation.shapes)
    for place, shape in enumerate(shapes):
        if isinstance(shape, Pose):
            index = int(chunk.label[row])
            placed = in_class(shape, chunk.labels[index] if index >= 0 else None)
            shapes[place] = placed.pose
            fate.fields = (*fate.fields, *placed.fields)
            if placed.code and not fate.code:
                fate.code, fate.measure = placed.code, placed.measure
    fate.annotation = msgspec.structs.replace(
        fate.annotation, annotation_definition=shapes[0], companions=tuple(shapes[1:])
    )
    return fate


def _lowered(chunk: Chunk, fates: dict[int, Fate]) -> Lowered:
    if not fates:
        return Lowered(chunk=chunk, whole=chunk)
    whole = _spliced(chunk, fates)
    gone = [row for row, fate in fates.items() if fate.annotation is None]
    if not gone:
        return Lowered(chunk=whole, whole=whole, fates=fates)
    alive = np.ones(len(chunk), dtype=np.bool_)
    alive[gone] = False
    rows = np.flatnonzero(alive)
    return Lowered(chunk=whole.select(rows), whole=whole, rows=rows, fates=fates)


def _product(one: float, other: float) -> float:
    if math.isnan(one) or math.isnan(other):
        return other if math.isnan(one) else one
    return one * other


def _is_held(other: Annotation, holds: frozenset[str]) -> bool:
    definition = other.annotation_definition
    if isinstance(definition, Pose) and len(definition.keypoints):
        # An object for what its points say beside their places; these have a column.
        return False
    # An unknown type may have any name.
    return definition.type in holds and not isinstance(definition, UndefinedAnnotationType)


def _is_told(chunk: Chunk, row: int, other: Annotation) -> bool:
    """Whether the columns say all that an object says beside its shape."""
    return not (
        (other.attributes and row not in chunk.attributes)
        or (other.extra and row not in chunk.extra)
        or (other.children and row not in chunk.children)
        or (other.score is not None and math.isnan(chunk.score[row]))
        or (other.stored_area is not None and math.isnan(chunk.area[row]))
        or (other.id is not None and chunk.ids[row] is None)
        or (other.crowd and not chunk.crowd[row])
        or other.description is not None
        or any(getattr(other, name) != value for name, value in _DEFAULTS.items())
    )


# Columns.


def _spliced(chunk: Chunk, fates: dict[int, Fate]) -> Chunk:
    """Return a chunk in which the columns of some rows say what their records have become."""
    made = [(row, fate.annotation) for row, fate in fates.items() if fate.annotation is not None]
    if not made:
        return chunk
    rows = np.array([row for row, _ in made], dtype=np.int64)
    pair = (chunk.items[0], AnnotationCollection._view(None, [a for _, a in made], None))
    part = chunk_of([pair], chunk.labels, placed=True)
    for place in part.others:
        _add_fields(part, place)
    order = np.arange(len(chunk))
    order[rows] = len(chunk) + np.arange(len(rows))
    columns: dict[str, Any] = {}
    for name in ("bounds", "rotated", "score", "area", "crowd", "shapes"):
        columns[name] = getattr(chunk, name).copy()
        columns[name][rows] = getattr(part, name)
    columns["ids"] = list(chunk.ids)
    for place, row in enumerate(rows.tolist()):
        columns["ids"][row] = part.ids[place]
    for name in ("attributes", "extra", "children", "others", "named"):
        column = {row: v for row, v in getattr(chunk, name).items() if row not in fates}
        column.update((int(rows[place]), v) for place, v in getattr(part, name).items())
        columns[name] = column
    return msgspec.structs.replace(
        chunk,
        outline=Rings.concat([chunk.outline, part.outline]).take(order),
        runs=Runs.concat([chunk.runs, part.runs]).take(order),
        keypoints=Ragged.concat([chunk.keypoints, part.keypoints]).take(order),
        **columns,
    )


def _add_fields(part: Chunk, place: int) -> None:
    """Put the fields of a record that stays an object where those of the others are."""
    annotation = part.others[place]
    extra = dict(part.extra.get(place, {}))
    for name, value in _DEFAULTS.items():
        if getattr(annotation, name) != value:
            extra.setdefault(name, getattr(annotation, name))
    if annotation.description is not None:
        extra.setdefault("description", annotation.description)
    if extra:
        part.extra[place] = extra
