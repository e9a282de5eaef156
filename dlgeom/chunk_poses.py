"""Poses in columns: names and edges of key points belong to the class, not to the row.

A pose whose names or edges are not those of its class has no column: it travels as an object.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from dlgeom.chunk import Chunk
from dlgeom.chunk_objects import annotation_of, fits_class
from dlgeom.definitions import Pose
from dlgeom.geometry.ragged import Ragged, Rings, Runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dlgeom.labels import LabelTable

__all__ = ["add_points", "fits_class", "kept_apart"]


MOST_POINTS = 1_000
"""Key points that a class gets at most: known templates have up to about 500."""


def add_points(chunk: Chunk) -> None:
    """Add the names that poses have, and their classes lack, behind the names of the classes.

    Rows in columns stay what they are: they have the first few points of their class. Names that
    only count the points are none.
    """
    for row, annotation in chunk.others.items():
        index = int(chunk.label[row])
        for shape in annotation.shapes if index >= 0 else ():
            if not isinstance(shape, Pose) or shape.names == _counted(len(shape.names)):
                continue
            entry = chunk.labels[index]
            left = Counter(shape.names) - Counter(entry.keypoints)
            added = tuple(left.elements())
            if added and len(entry.keypoints) + len(added) <= MOST_POINTS:
                told = msgspec.structs.replace(entry, keypoints=(*entry.keypoints, *added))
                chunk.labels.describe(index, told)


def _counted(count: int) -> tuple[str, ...]:
    return tuple(str(k) for k in range(count))


def kept_apart(chunk: Chunk, table: NDArray[np.int32], labels: LabelTable) -> Chunk:
    """Return a chunk whose poses keep their names and edges under new labels.

    Parameters
    ----------
    chunk : Chunk
        Not changed.
    table : ndarray of int32, shape (len(chunk.labels) + 1,)
        Index into `labels` of each label of the chunk; -1 for none, and last.
    labels : LabelTable
        The labels to come.

    Returns
    -------
    Chunk
        The same records; poses that would take on other names or edges with the new label are
        objects.
    """
    told = [(label.keypoints, label.skeleton) for label in chunk.labels] + [((), ())]
    new = [((), ()) if k < 0 else (labels[k].keypoints, labels[k].skeleton) for k in table.tolist()]
    other = np.array([one != two for one, two in zip(told, new, strict=True)], dtype=np.bool_)
    rows = np.flatnonzero(other[chunk.label] & (chunk.keypoints.lengths > 0)).tolist()
    rows = [row for row in rows if row not in chunk.others]
    return _as_objects(chunk, rows) if rows else chunk


def _as_objects(chunk: Chunk, rows: Sequence[int]) -> Chunk:
    """Return a chunk in which some rows are objects."""
    made = {row: annotation_of(chunk, row) for row in rows}
    index = np.array(rows, dtype=np.int64)
    order = np.arange(len(chunk))
    order[index] = len(chunk)  # the row behind all others is empty
    bounds, rotated = chunk.bounds.copy(), chunk.rotated.copy()
    rotated[index] = np.nan
    bounds[index] = np.nan
    for row, annotation in made.items():
        if annotation.stored_bounds is not None:
            bounds[row] = annotation.stored_bounds
    extra = {row: values for row, values in chunk.extra.items() if row not in made}
    for row, annotation in made.items():
        kept = dict(annotation.extra)
        if isinstance(annotation.attributes, list):
            kept["attributes"] = list(annotation.attributes)
        if kept:
            extra[row] = kept
    changed = msgspec.structs.replace(
        chunk,
        bounds=bounds,
        rotated=rotated,
        outline=Rings.concat([chunk.outline, Rings.empty(1)]).take(order),
        runs=Runs.concat([chunk.runs, Runs.empty(1)]).take(order),
        keypoints=Ragged.concat([chunk.keypoints, Ragged.empty(1)]).take(order),
        extra=extra,
        others={**chunk.others, **made},
        named={row: names for row, names in chunk.named.items() if row not in made},
    )
    bits = chunk.shapes.copy()
    bits[index] = changed.shapes_of_columns()[index]
    changed.shapes = bits
    return changed
