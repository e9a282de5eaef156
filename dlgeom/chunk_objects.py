"""The object view of a chunk, and the way back.

Objects are made from read-only views on the columns; what they say goes back into the same
columns, so that ``Chunk.of(chunk.pairs()) == chunk``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.definitions import (
    Box,
    Classification,
    Cube,
    Definition,
    Ellipse,
    Note,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.definitions.base import NO_ATTRIBUTES, Bounds, FrozenList, frozen_attributes
from dlgeom.geometry.ragged import Ragged, Rings, Runs, offsets_of
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

__all__ = [
    "annotation_of",
    "annotations_of",
    "chunk_of",
    "fits_class",
    "label_index",
    "nearest_kinds",
    "pairs_of",
]

BLOCK = 4096
"""Rows that are unpacked at once: enough to spread the cost, few enough to stay small."""

KEPT_AS_EXTRA = (
    "parent_id",
    "object_id",
    "status",
    "metadata",
    "automated",
    "frame_num",
    "end_frame_num",
    "start_time",
    "end_time",
    "fixed",
    "object_visible",
    "creator",
    "created_at",
    "updated_by",
    "updated_at",
    "source",
)
"""Fields of an annotation without a column: they go to `Chunk.extra` where they are set, so that
a writer that has no place for them counts them as lost."""
_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(Annotation)
    if field.name in KEPT_AS_EXTRA
}


# Columns to objects.


def annotations_of(chunk: Chunk, index: int) -> AnnotationCollection:
    """Return the annotations of ``chunk.items[index]``, in the order of their rows."""
    rows = np.flatnonzero(chunk.item == index)
    item = chunk.items[index]
    if len(rows) == 0:
        return AnnotationCollection._view(item, [], chunk.labels)
    start, stop = int(rows[0]), int(rows[-1]) + 1
    if stop - start == len(rows):
        made = list(_annotations(chunk, start, stop))
    else:
        made = [annotation_of(chunk, row) for row in rows.tolist()]
    return AnnotationCollection._view(item, made, chunk.labels)


def annotation_of(chunk: Chunk, row: int) -> Annotation:
    """Return one row as an object."""
    return next(_annotations(chunk, row, row + 1))


def pairs_of(chunk: Chunk) -> Iterator[tuple[Item, AnnotationCollection]]:
    """Yield (item, annotations) for each item of a chunk, also those without rows."""
    if len(chunk) and (np.diff(chunk.item) < 0).any():
        chunk = chunk.select(np.argsort(chunk.item, kind="stable"))
    counts = np.bincount(chunk.item, minlength=len(chunk.items)).tolist()
    stream = _in_blocks(chunk)
    for item, count in zip(chunk.items, counts, strict=True):
        yield item, AnnotationCollection._view(item, list(islice(stream, count)), chunk.labels)


def _in_blocks(chunk: Chunk) -> Iterator[Annotation]:
    """Yield all rows; a block of them at a time is unpacked from its columns."""
    for start in range(0, len(chunk), BLOCK):
        yield from _annotations(chunk, start, min(start + BLOCK, len(chunk)))


def _annotations(chunk: Chunk, start: int, stop: int) -> Iterator[Annotation]:
    """Yield the rows ``start:stop`` as objects.

    Columns become lists once for all rows: an access to an element of an array costs more than
    making a box.
    """
    rows = slice(start, stop)
    labels = chunk.labels
    outline, runs, keypoints = chunk.outline, chunk.runs, chunk.keypoints
    columns = zip(
        range(start, stop),
        chunk.label[rows].tolist(),
        chunk.item[rows].tolist(),
        chunk.bounds[rows].tolist(),
        chunk.rotated[rows].tolist(),
        np.diff(outline.rows[start : stop + 1]).tolist(),
        runs.shape[rows].tolist(),
        np.diff(keypoints.offsets[start : stop + 1]).tolist(),
        chunk.score[rows].tolist(),
        chunk.area[rows].tolist(),
        chunk.crowd[rows].tolist(),
        strict=True,
    )
    for row, k, i, edges, turned, parts, sides, points, score, area, crowd in columns:
        entry = labels[k] if k >= 0 else None
        name = None if entry is None else entry.name
        if chunk.others and row in chunk.others:
            yield _other(chunk, row, name)
            continue
        extra = dict(chunk.extra[row]) if row in chunk.extra else {}
        attributes: Any = NO_ATTRIBUTES
        if row in chunk.attributes:
            attributes = frozen_attributes(chunk.attributes[row])
        elif _is_names(extra.get("attributes")):
            attributes = FrozenList(extra.pop("attributes"))
        box: Bounds | None = None if edges[0] != edges[0] else tuple(edges)
        if not (parts or points or sides[0] or turned[0] == turned[0]):
            if box is None:
                shape: Definition = Classification(name, attributes)
            else:
                shape, box = Box(*box, name, attributes), None
            shapes = [shape]
        else:
            shapes = []
            if points:
                shapes.append(_pose(keypoints.row(row), entry, attributes))
            if parts:
                shapes.append(Polygon._of_row(outline, row, name, attributes))
            if sides[0]:
                shapes.append(
                    Segmentation._view(runs.row(row), (sides[0], sides[1]), name, attributes)
                )
            if turned[0] == turned[0]:
                shapes.append(Box._view_rotated(tuple(turned), name, attributes))
        made = Annotation(
            shapes[0],
            chunk.ids[row],
            tuple(shapes[1:]),
            box,
            None if area != area else area,
            None if score != score else score,
            crowd,
            chunk.items[i],
            extra,
            _children(chunk, row),
        )
        if row in chunk.named:
            _put_named(made, chunk.named[row])
        if chunk.records:
            made.record = chunk.records.get(row)
        yield made


def _put_named(annotation: Annotation, names: tuple[str, ...]) -> None:
    """Move keys of the extra fields to the fields of the annotation that they are."""
    found = {name: annotation.extra.pop(name) for name in names if name in annotation.extra}
    shape = annotation.annotation_definition
    description = found.pop("description", shape.description)
    if isinstance(shape, Pose):
        template, instance = found.pop("template_id", None), found.pop("instance_id", None)
        if template is not None or instance is not None:
            shape = shape._with({"template_id": template, "instance_id": instance})
    if description is not shape.description:
        shape = shape.replace(description=description)
    annotation.annotation_definition = shape
    for name, value in found.items():
        setattr(annotation, name, value)


def _is_names(value: object) -> bool:
    """Whether it is the older form of attributes: a list of strings that is not empty."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _pose(xyv: NDArray[np.float64], entry: Label | None, attributes: Any) -> Pose:
    if entry is None:
        return Pose._view(xyv, (), (), None, attributes)
    return Pose._view(xyv, entry.keypoints, entry.skeleton, entry.name, attributes)


def _children(chunk: Chunk, row: int) -> tuple[Annotation, ...]:
    if not chunk.children or row not in chunk.children:
        return ()
    return tuple(child.copy() for child in chunk.children[row])


def _other(chunk: Chunk, row: int, name: str | None) -> Annotation:
    """Return a copy of a row's object, with what the columns say in addition.

    Readers may fill in the columns only, and labels may have been changed since.
    """
    annotation: Annotation = chunk.others[row].copy()
    annotation.item = chunk.items[int(chunk.item[row])]
    if annotation.label != name:
        annotation.label = name
    if chunk.ids[row] is not None:
        annotation.id = chunk.ids[row]
    for field, column in (("score", chunk.score), ("stored_area", chunk.area)):
        value = float(column[row])
        if value == value:
            setattr(annotation, field, value)
    if chunk.bounds[row, 0] == chunk.bounds[row, 0]:
        left, top, right, bottom = chunk.bounds[row].tolist()
        annotation.stored_bounds = (left, top, right, bottom)
    annotation.crowd = annotation.crowd or bool(chunk.crowd[row])
    if row in chunk.attributes:
        annotation.attributes = chunk.attributes[row]
    extra = dict(chunk.extra.get(row, annotation.extra))
    if row not in chunk.attributes and _is_names(extra.get("attributes")):
        annotation.attributes = extra.pop("attributes")
    annotation.extra = extra
    annotation.children = _children(chunk, row) or annotation.children
    return annotation


# Objects to columns.


def label_index(labels: LabelTable, definition: Definition) -> int:
    """Return the index of a definition's label, added if it is not there; -1 for none."""
    name = definition.label
    if name is None:
        return -1
    found = labels.find(name)
    if found is not None:
        entry = labels[found]
        if isinstance(definition, Pose) and _says_more(definition, entry):
            told = {"keypoints": definition.names, "skeleton": definition.skeleton}
            labels.describe(found, msgspec.structs.replace(entry, **told))
        return found
    if isinstance(definition, Pose):
        # What the template says is known only here.
        return labels.add(
            Label(name=name, keypoints=definition.names, skeleton=definition.skeleton)
        )
    return labels.add(name)


def _says_more(pose: Pose, entry: Label) -> bool:
    """Whether a pose says what key points a class has, or has more behind those that are known.

    Poses that were met before stay what they are: they have the first few.
    """
    names, known = pose.names, entry.keypoints
    if not known:
        return bool(names)
    more = len(names) > len(known) and names[: len(known)] == known
    return more and pose.skeleton == entry.skeleton


def fits_class(pose: Pose, entry: Label | None) -> bool:
    """Whether the names and edges of a pose are those that columns give it back with.

    They belong to the class. Of a class with more key points a pose may have the first few.
    """
    names, skeleton = ((), ()) if entry is None else (entry.keypoints, entry.skeleton)
    if pose._names is names and pose.skeleton is skeleton:
        return True
    again = Pose._view(pose.keypoints, names, skeleton, None, NO_ATTRIBUTES)
    return again.names == pose.names and skeleton == pose.skeleton


class _Columns:
    """The columns of a chunk while they are filled.

    With `placed`, poses have been brought into the templates of their classes before.
    """

    def __init__(self, labels: LabelTable | None, *, placed: bool = False) -> None:
        self.labels = labels
        self.placed = placed
        self.items: list[Item] = []
        self.item: list[int] = []
        self.label: list[int] = []
        self.bounds: list[Bounds | None] = []
        self.rotated: list[tuple[float, ...] | None] = []
        self.polygons: list[Polygon | None] = []
        self.runs: list[tuple[NDArray[np.uint32], tuple[int, int]] | None] = []
        self.keypoints: list[NDArray[np.float64] | None] = []
        self.score: list[float] = []
        self.area: list[float] = []
        self.crowd: list[bool] = []
        self.ids: list[Any] = []
        self.attributes: dict[int, dict[str, Any]] = {}
        self.extra: dict[int, dict[str, Any]] = {}
        self.children: dict[int, list[Any]] = {}
        self.others: dict[int, Any] = {}
        self.named: dict[int, tuple[str, ...]] = {}
        self.records: dict[int, Any] = {}

    def add_item(self, item: Item, annotations: Iterable[Annotation]) -> None:
        table = annotations.labels if isinstance(annotations, AnnotationCollection) else None
        if self.labels is None and table is not None:
            # A copy: the table of a source is not to grow by what somebody adds to its objects.
            self.labels = LabelTable(table)
        index = len(self.items)
        self.items.append(item)
        for annotation in annotations:
            self.add_row(index, annotation)

    def add_row(self, index: int, annotation: Annotation) -> None:
        row = len(self.item)
        self.item.append(index)
        definition = annotation.annotation_definition
        if self.labels is None:
            self.labels = LabelTable()
        self.label.append(label_index(self.labels, definition))
        self.ids.append(annotation.id)
        self.score.append(_or_nan(annotation.score))
        self.area.append(_or_nan(annotation.stored_area))
        self.crowd.append(annotation.crowd)
        if annotation.record is not None:
            self.records[row] = annotation.record
        self._add_shapes(row, annotation)
        self._add_fields(row, annotation)

    def _add_shapes(self, row: int, annotation: Annotation) -> None:
        """Put each shape into its column; a record that does not fit stays an object."""
        bounds = annotation.stored_bounds
        rotated: tuple[float, ...] | None = None
        polygon: Polygon | None = None
        mask: Segmentation | None = None
        pose: Pose | None = None
        # States over frames have no columns.
        fits = not annotation.later and annotation._away is None
        for shape in annotation.shapes:
            kind = type(shape)
            if kind is Box and not shape.is_rotated:  # type: ignore[attr-defined]
                fits = fits and bounds is None
                bounds = shape.bounds
            elif kind is Box:
                fits = fits and rotated is None
                rotated = shape.rotated  # type: ignore[attr-defined]
            elif kind is Polygon:
                fits = fits and polygon is None
                polygon = shape  # type: ignore[assignment]
            elif kind is Segmentation:
                fits = fits and mask is None
                mask = shape  # type: ignore[assignment]
            elif kind is Pose and len(shape.keypoints):  # type: ignore[attr-defined]
                fits = fits and pose is None and _is_plain(shape)  # type: ignore[arg-type]
                pose = shape  # type: ignore[assignment]
            else:
                fits = False
        if pose is not None and fits and not self.placed:
            k = self.label[row]
            fits = fits_class(pose, None if k < 0 else self.labels[k])  # type: ignore[index]
        if not fits:
            self.others[row] = annotation
            bounds, rotated, polygon, mask, pose = annotation.stored_bounds, None, None, None, None
        self.bounds.append(bounds)
        self.rotated.append(rotated)
        self.polygons.append(polygon)
        self.runs.append(None if mask is None else (mask.counts, mask.shape))
        self.keypoints.append(None if pose is None else pose.keypoints)

    def _add_fields(self, row: int, annotation: Annotation) -> None:
        extra = dict(annotation.extra)
        definition = annotation.annotation_definition
        if definition.attributes:
            if isinstance(definition.attributes, dict):
                self.attributes[row] = definition.attributes
            else:
                extra["attributes"] = list(definition.attributes)
        if row not in self.others:
            fields = {
                name: value
                for name in KEPT_AS_EXTRA
                if (value := getattr(annotation, name)) != _DEFAULTS[name]
            }
            if definition.description is not None:
                fields["description"] = definition.description
            if isinstance(definition, Pose):
                for name in ("template_id", "instance_id"):
                    if getattr(definition, name) is not None:
                        fields[name] = getattr(definition, name)
            named = tuple(name for name in fields if name not in extra)
            if named:
                self.named[row] = named
            extra = {**fields, **extra}
        if extra:
            self.extra[row] = extra
        if annotation.children:
            self.children[row] = list(annotation.children)

    def chunk(self) -> Chunk:
        """Build the chunk."""
        labels = LabelTable() if self.labels is None else self.labels
        return Chunk.build(
            items=self.items,
            item=np.array(self.item, dtype=np.int32),
            labels=labels,
            label=np.array(self.label, dtype=np.int32),
            bounds=_table(self.bounds, 4),
            rotated=_table(self.rotated, 5),
            outline=_outline(self.polygons),
            runs=Runs.of(self.runs),
            keypoints=Ragged.of(self.keypoints),
            score=np.array(self.score, dtype=np.float64),
            area=np.array(self.area, dtype=np.float64),
            crowd=np.array(self.crowd, dtype=np.bool_),
            ids=self.ids,
            attributes=self.attributes,
            extra=self.extra,
            children=self.children,
            others=self.others,
            named=self.named,
            records=self.records,
        )


def chunk_of(
    pairs: Iterable[tuple[Item, AnnotationCollection]],
    labels: LabelTable | None = None,
    *,
    placed: bool = False,
) -> Chunk:
    """Build the columns from objects.

    Parameters
    ----------
    pairs : iterable of (Item, AnnotationCollection)
        The items, each with its annotations.
    labels : LabelTable, optional
        Where labels are looked up by name; it grows by those that it lacks. If not given, a copy
        of the first collection's table, or a new one.
    placed : bool
        Whether all poses have the names and edges of their classes, whatever they say.

    Returns
    -------
    Chunk
        One row for each annotation. A record whose shapes have no columns (a point, a
        classification, two polygons, a pose with other key points than the class has) is in
        ``others``; fields without a column are in ``extra``.
    """
    columns = _Columns(labels, placed=placed)
    for item, collection in pairs:
        columns.add_item(item, collection)
    return columns.chunk()


def nearest_kinds(annotations: Iterable[Annotation]) -> set[str]:
    """Return the columns that come near to what has none, by the names of `Chunk.kinds`."""
    found: set[str] = set()
    for annotation in annotations:
        if annotation.later or annotation._away is not None:
            continue
        for shape in annotation.shapes:
            if isinstance(shape, Polygon | Ellipse | Cube):
                found.add("outline")
            elif isinstance(shape, Segmentation):
                found.add("runs")
            elif isinstance(shape, Box):
                found.add("rotated" if shape.is_rotated else "box")
            elif isinstance(shape, Polyline | Note):
                found.add("box")
            elif isinstance(shape, Pose) and len(shape.keypoints):
                found.add("keypoints")
    return found


def _is_plain(pose: Pose) -> bool:
    """Whether the points say no more than their place, name and visibility."""
    return pose._points is None or not any(
        point.attributes or point.description is not None for point in pose._points
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _table(rows: list[Any], width: int) -> NDArray[np.float64]:
    """Return rows as an array of shape (N, width); None is a row of NaN."""
    missing = (math.nan,) * width
    return np.array([row or missing for row in rows], dtype=np.float64).reshape(-1, width)


def _outline(polygons: list[Polygon | None]) -> Rings:
    """Return the polygons as one column; None is a row without parts."""
    vertices: list[NDArray[np.float64]] = []
    ring_sizes: list[int] = []
    part_sizes: list[int] = []
    row_sizes: list[int] = []
    for polygon in polygons:
        if polygon is None:
            row_sizes.append(0)
            continue
        vertices.append(polygon._xy)
        if polygon._rings is None or polygon._parts is None:
            ring_sizes.append(len(polygon._xy))
            part_sizes.append(1)
            row_sizes.append(1)
        else:
            ring_sizes += np.diff(polygon._rings).tolist()
            part_sizes += np.diff(polygon._parts).tolist()
            row_sizes.append(len(polygon._parts) - 1)
    if not vertices:
        return Rings.empty(len(polygons))
    return Rings(
        np.concatenate(vertices),
        offsets_of(ring_sizes),
        offsets_of(part_sizes),
        offsets_of(row_sizes),
    )
