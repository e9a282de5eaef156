"""Chunk: the columns that travel from reader to writer.

N source records as flat arrays, so that a window of a large file costs a handful of arrays and
no object for each annotation. The object view is made on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable

if TYPE_CHECKING:
    from dlgeom.annotation import Annotation, AnnotationCollection

__all__ = [
    "BOX",
    "HOLES",
    "KEYPOINTS",
    "KINDS",
    "OTHER",
    "OUTLINE",
    "PARTS",
    "ROTATED",
    "RUNS",
    "Chunk",
    "Origin",
]

BOX, ROTATED, OUTLINE, RUNS, KEYPOINTS, OTHER, PARTS, HOLES = (1 << bit for bit in range(8))
"""Bits of `Chunk.shapes`: which shapes the source record has, decoded or not."""

KINDS = {
    BOX: "box",
    ROTATED: "rotated",
    OUTLINE: "outline",
    RUNS: "runs",
    KEYPOINTS: "keypoints",
    OTHER: "other",
}
"""What `Chunk.kinds` calls the bits."""

Rows = NDArray[np.integer[Any]]


class Origin(msgspec.Struct, kw_only=True, eq=False):
    """Where the rows come from.

    Parameters
    ----------
    format : str
        Format of the source.
    path : str
        The file, relative to the source where possible; "" where `paths` is given.
    paths : sequence of str
        The file of each entry of ``chunk.items``, where each item has its own.
    unit : str
        How a place in the file is told, with one ``{}`` for `number`:
        ``annotations[{}]``, ``line {}``, ``object[{}]``.
    number : ndarray of int64, shape (N,)
        Position of each row in its file, counted as `unit` says; -1 for none.
    buffer : bytes
        Text of the records as the source has them, where it is kept.
    spans : ndarray of int64, shape (N, 2)
        Row i is ``buffer[spans[i, 0]:spans[i, 1]]``; empty (0, 0) where it is not kept.
    """

    format: str
    number: NDArray[np.int64]
    path: str = ""
    paths: Sequence[str] = ()
    unit: str = "annotations[{}]"
    buffer: bytes = b""
    spans: NDArray[np.int64] | None = None

    def raw(self, row: int) -> bytes:
        """Return the source's own text of a row, b"" where it is not kept."""
        if self.spans is None:
            return b""
        start, stop = self.spans[row].tolist()
        return self.buffer[start:stop]

    def take(self, rows: Rows) -> Origin:
        """Return the origin of the chosen rows."""
        return msgspec.structs.replace(
            self,
            number=self.number[rows],
            spans=None if self.spans is None else self.spans[rows],
        )


class Chunk(msgspec.Struct, kw_only=True, eq=False):
    """Columns for N source records. Treat as immutable; arrays may be shared between chunks.

    A row may have several shapes. Its `Annotation` has the first of pose, polygon, mask, rotated
    box, box as definition and the others as companions; `bounds` beside another shape is the
    stored box.

    Parameters
    ----------
    items : sequence of Item
        The items that rows mention, and items without rows.
    item : ndarray of int32, shape (N,)
        Index into `items`; ascending in a grouped stream.
    order : ndarray of int64, shape (N,)
        Position of the record in the source.
    label : ndarray of int32, shape (N,)
        Index into `labels`; -1 for none.
    labels : LabelTable
        The run's labels.
    bounds : ndarray of float64, shape (N, 4)
        Upright box, left, top, right, bottom in pixels; NaN for none.
    rotated : ndarray of float64, shape (N, 5)
        Rotated box: centre x, y, width, height, degrees clockwise on screen; NaN for none.
    outline : Rings
        Polygons with parts and holes.
    runs : Runs
        Masks as run lengths.
    keypoints : Ragged
        x, y, visibility (0 not labelled, 1 hidden, 2 visible) of each keypoint.
    score, area : ndarray of float64, shape (N,)
        Confidence; stored area in square pixels; NaN for none.
    crowd : ndarray of bool, shape (N,)
        Whether the row stands for a group that was not separated.
    ids : list
        The source's id of each row (int of any size, str, or None).
    shapes : ndarray of uint8, shape (N,)
        Which shapes the record has (bits `BOX`, `OUTLINE`...), also where the column is left
        undecoded because nobody needs it.
    attributes, extra : dict of int to dict
        Row -> attributes; row -> fields that no column holds. Rows without any are absent.
    children : dict of int to list of Annotation
        Row -> annotations that belong to it (parts of a VOC object).
    others : dict of int to Annotation
        Row -> the record as an object, where its shape has no column. What its columns say
        (id, label, score...) goes before what the object says.
    named : dict of int to tuple of str
        Row -> the keys of `extra` that are fields of an annotation of that name, not of `extra`.
    records : dict of int to object
        Row -> the source's own record as its adapter keeps it (`Annotation.record`).
    origin : Origin
        Where the rows come from.
    """

    items: Sequence[Item]
    item: NDArray[np.int32]
    order: NDArray[np.int64]
    label: NDArray[np.int32]
    labels: LabelTable
    bounds: NDArray[np.float64]
    rotated: NDArray[np.float64]
    outline: Rings
    runs: Runs
    keypoints: Ragged
    score: NDArray[np.float64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ids: list[Any]
    shapes: NDArray[np.uint8]
    origin: Origin
    attributes: dict[int, dict[str, Any]] = msgspec.field(default_factory=dict)
    extra: dict[int, dict[str, Any]] = msgspec.field(default_factory=dict)
    children: dict[int, list[Any]] = msgspec.field(default_factory=dict)
    others: dict[int, Any] = msgspec.field(default_factory=dict)
    named: dict[int, tuple[str, ...]] = msgspec.field(default_factory=dict)
    records: dict[int, Any] = msgspec.field(default_factory=dict)

    @classmethod
    def build(
        cls,
        *,
        items: Sequence[Item],
        item: NDArray[np.integer[Any]],
        labels: LabelTable,
        label: NDArray[np.integer[Any]],
        order: NDArray[np.int64] | None = None,
        bounds: NDArray[np.float64] | None = None,
        rotated: NDArray[np.float64] | None = None,
        outline: Rings | None = None,
        runs: Runs | None = None,
        keypoints: Ragged | None = None,
        score: NDArray[np.float64] | None = None,
        area: NDArray[np.float64] | None = None,
        crowd: NDArray[np.bool_] | None = None,
        ids: list[Any] | None = None,
        shapes: NDArray[np.uint8] | None = None,
        origin: Origin | None = None,
        attributes: dict[int, dict[str, Any]] | None = None,
        extra: dict[int, dict[str, Any]] | None = None,
        children: dict[int, list[Any]] | None = None,
        others: dict[int, Any] | None = None,
        named: dict[int, tuple[str, ...]] | None = None,
        records: dict[int, Any] | None = None,
    ) -> Chunk:
        """Build a chunk; columns that are not given are empty, `shapes` follows from them."""
        n = len(item)
        chunk = cls(
            items=items,
            item=item.astype(np.int32, copy=False),
            order=np.arange(n, dtype=np.int64) if order is None else order,
            label=label.astype(np.int32, copy=False),
            labels=labels,
            bounds=np.full((n, 4), np.nan) if bounds is None else bounds,
            rotated=np.full((n, 5), np.nan) if rotated is None else rotated,
            outline=Rings.empty(n) if outline is None else outline,
            runs=Runs.empty(n) if runs is None else runs,
            keypoints=Ragged.empty(n) if keypoints is None else keypoints,
            score=np.full(n, np.nan) if score is None else score,
            area=np.full(n, np.nan) if area is None else area,
            crowd=np.zeros(n, dtype=np.bool_) if crowd is None else crowd,
            ids=[None] * n if ids is None else ids,
            shapes=np.zeros(n, dtype=np.uint8) if shapes is None else shapes,
            origin=Origin(format="", number=np.arange(n)) if origin is None else origin,
            attributes=attributes or {},
            extra=extra or {},
            children=children or {},
            others=others or {},
            named=named or {},
            records=records or {},
        )
        if shapes is None:
            chunk.shapes = chunk.shapes_of_columns()
        return chunk

    def shapes_of_columns(self) -> NDArray[np.uint8]:
        """Return the bits that the columns themselves show, shape (N,)."""
        bits = np.zeros(len(self), dtype=np.uint8)
        bits |= np.where(np.isnan(self.bounds[:, 0]), 0, BOX).astype(np.uint8)
        bits |= np.where(np.isnan(self.rotated[:, 0]), 0, ROTATED).astype(np.uint8)
        parts = self.outline.part_counts
        bits |= np.where(parts > 0, OUTLINE, 0).astype(np.uint8)
        bits |= np.where(parts > 1, PARTS, 0).astype(np.uint8)
        holes = np.diff(self.outline.row_rings) > parts
        bits |= np.where(holes, HOLES, 0).astype(np.uint8)
        bits |= np.where(self.runs.present, RUNS, 0).astype(np.uint8)
        bits |= np.where(self.keypoints.lengths > 0, KEYPOINTS, 0).astype(np.uint8)
        if self.others:
            bits[list(self.others)] |= OTHER
        return bits

    def __len__(self) -> int:
        return len(self.item)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Width and height of each row's image, shape (N, 2); 0 where it is not known."""
        table = np.empty((len(self.items), 2), dtype=np.int64)
        for column, name in enumerate(("width", "height")):
            values = list(map(attrgetter(name), self.items))
            table[:, column] = [value or 0 for value in values] if None in values else values
        return table[self.item]

    @property
    def item_offsets(self) -> NDArray[np.int64]:
        """For a grouped chunk: rows of item k are ``[k]:[k + 1]``, shape (len(items) + 1,)."""
        return np.searchsorted(self.item, np.arange(len(self.items) + 1)).astype(np.int64)

    def where(self, row: int) -> dict[str, Any]:
        """Return path, location and annotation_id of a row, as `Problems` takes them."""
        origin = self.origin
        number = int(origin.number[row])
        return {
            "path": origin.paths[self.item[row]] if len(origin.paths) else origin.path,
            "location": origin.unit.format(number) if number >= 0 else None,
            "annotation_id": self.ids[row],
        }

    def select(self, rows: Rows) -> Chunk:
        """Return the chosen rows, in the order given; the items stay as they are."""
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        place = {int(old): new for new, old in enumerate(rows)}

        def sparse(column: dict[int, Any]) -> dict[int, Any]:
            return {place[row]: value for row, value in column.items() if row in place}

        return Chunk(
            items=self.items,
            item=self.item[rows],
            order=self.order[rows],
            label=self.label[rows],
            labels=self.labels,
            bounds=self.bounds[rows],
            rotated=self.rotated[rows],
            outline=self.outline.take(rows),
            runs=self.runs.take(rows),
            keypoints=self.keypoints.take(rows),
            score=self.score[rows],
            area=self.area[rows],
            crowd=self.crowd[rows],
            ids=[self.ids[row] for row in rows.tolist()],
            shapes=self.shapes[rows],
            origin=self.origin.take(rows),
            attributes=sparse(self.attributes),
            extra=sparse(self.extra),
            children=sparse(self.children),
            others=sparse(self.others),
            named=sparse(self.named),
            records=sparse(self.records),
        )

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur.

        Of records in `others` also what is nearest to them in a column: an outline for an
        ellipse or a cube, a box for a polyline or a note; nothing for states over frames.
        """
        bits = int(np.bitwise_or.reduce(self.shapes)) if len(self) else 0
        found = {name for bit, name in KINDS.items() if bits & bit}
        if self.others:
            from dlgeom.chunk_objects import nearest_kinds

            found |= nearest_kinds(self.others.values())
        return found

    def relabel(self, mapping: Callable[[int], int], labels: LabelTable) -> Chunk:
        """Return the chunk with the labels of another table; `mapping` turns index to index.

        Poses keep the names and edges of their key points: where the new label has others, they
        go on as objects.
        """
        table = np.array([mapping(k) for k in range(len(self.labels))] + [-1], dtype=np.int32)
        chunk = self
        if len(self.keypoints.values):
            from dlgeom.chunk_poses import kept_apart

            chunk = kept_apart(self, table, labels)
        return msgspec.structs.replace(chunk, label=table[self.label], labels=labels)

    def annotations(self, index: int) -> AnnotationCollection:
        """Return the annotations of ``items[index]`` as objects, made from read-only views."""
        from dlgeom.chunk_objects import annotations_of

        return annotations_of(self, index)

    def annotation(self, row: int) -> Annotation:
        """Return one row as an object."""
        from dlgeom.chunk_objects import annotation_of

        return annotation_of(self, row)

    def pairs(self) -> Iterator[tuple[Item, AnnotationCollection]]:
        """Yield (item, annotations) of a grouped chunk."""
        from dlgeom.chunk_objects import pairs_of

        return pairs_of(self)

    @classmethod
    def of(
        cls, pairs: Iterable[tuple[Item, AnnotationCollection]], labels: LabelTable | None = None
    ) -> Chunk:
        """Build the columns from objects: the inverse of `pairs`."""
        from dlgeom.chunk_objects import chunk_of

        return chunk_of(pairs, labels)

    def __eq__(self, other: object) -> bool:
        """Compare all that the records say; where they come from does not count."""
        if not isinstance(other, Chunk):
            return NotImplemented
        names = [self.labels[k].name if k >= 0 else None for k in self.label.tolist()]
        others = [other.labels[k].name if k >= 0 else None for k in other.label.tolist()]
        arrays = ("item", "bounds", "rotated", "score", "area", "crowd")
        return (
            list(self.items) == list(other.items)
            and names == others
            and all(
                np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
                for name in arrays
            )
            and self.outline == other.outline
            and self.runs == other.runs
            and self.keypoints == other.keypoints
            and self.ids == other.ids
            and all(
                getattr(self, name) == getattr(other, name)
                for name in ("attributes", "extra", "children")
            )
            # As objects: a field may be told by the columns, by the object or by both.
            and all(
                self.annotation(row) == other.annotation(row)
                for row in self.others.keys() | other.others.keys()
            )
        )

    def __ne__(self, other: object) -> bool:
        # msgspec's own compares identities; Python would not turn __eq__ around here.
        same = self.__eq__(other)
        return same if same is NotImplemented else not same

    __hash__ = None  # type: ignore[assignment]
