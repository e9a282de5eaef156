"""The way back: what was drawn as ids becomes annotations again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions import Segmentation
from dlgeom.errors import UsageError
from dlgeom.geometry.segments import id_map, segment_runs

__all__ = ["from_panoptic"]


def from_panoptic(
    mask: ArrayLike,
    segments_info: Iterable[Mapping[str, Any]],
    categories: Mapping[Any, str] | Sequence[Mapping[str, Any]],
) -> AnnotationCollection:
    """Return a segmentation for each segment; see `AnnotationCollection.from_panoptic`."""
    array = np.asarray(mask)
    if array.ndim == 3 and array.shape[2] in (3, 4) and array.dtype == np.uint8:
        array = id_map(array)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "iu" or array.min() < 0:
        raise UsageError(
            f"mask has shape {array.shape} and dtype {array.dtype}; it holds ids, shape (H, W), "
            "or colours as uint8, shape (H, W, 3). Convert it first"
        )
    names = (
        dict(categories)
        if isinstance(categories, Mapping)
        else {entry["id"]: entry["name"] for entry in categories}
    )
    found, runs = segment_runs(array)
    row_of = {value: row for row, value in enumerate(found.tolist())}
    shape = (int(array.shape[0]), int(array.shape[1]))
    result = AnnotationCollection()
    for segment in segments_info:
        category = segment.get("category_id")
        if category not in names:
            raise UsageError(
                f"segment {segment.get('id')!r} has the category {category!r}, which is not among "
                f"the {len(names)} categories. Add it"
            )
        row = row_of.get(segment.get("id"))
        if row is None:
            continue
        shape_ = Segmentation._of_counts(runs.row(row), shape, names[category])
        crowd = bool(segment.get("iscrowd"))
        result.add(Annotation(shape_, id=segment["id"], crowd=crowd))
    return result
