"""Panoptic pictures: each pixel belongs to one segment, whose id is a colour.

COCO's encoding: the id of a segment is R + 256 G + 65,536 B, and 0 is void.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import UsageError
from dlgeom.geometry import rle
from dlgeom.geometry.segments import MAX_ID, distinct_ids, rgb_of, segment_runs
from dlgeom.render.idmaps import instance_ids, label_map
from dlgeom.render.making import MapOptions
from dlgeom.render.scene import Source, kept, scene_of

__all__ = ["Panoptic", "panoptic"]


class Panoptic(NamedTuple):
    """A panoptic picture.

    Parameters
    ----------
    ids : ndarray of int32, shape (H, W)
        Segment of each pixel; 0 is void.
    segments_info : list of dict
        For each segment that has a pixel: id, category_id, area in pixels, bbox (left, top,
        width, height in pixels), iscrowd.
    """

    ids: NDArray[np.int32]
    segments_info: list[dict[str, Any]]

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The ids as colours, shape (H, W, 3), as the PNG of a data set holds them."""
        return rgb_of(self.ids.astype(np.uint32))


def panoptic(
    source: Source, category_ids: Mapping[str, Any] | None = None, **options: Unpack[MapOptions]
) -> Panoptic:
    """Return annotations as COCO's panoptic segmentation.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint. A segment keeps the id of its annotation where that is a number from 1 to
        16,777,215 and nobody else's; the others get free ones.
    category_ids : mapping of str to int, optional
        Label -> category id; that of the collection's labels, else of `label_map`, if not given.
    **options
        See `MapOptions`; `order` is ``given`` and `void` 0, which is nobody's segment, unless they
        are given.

    Returns
    -------
    Panoptic
        Segments in the order of the annotations; one that others cover wholly is not among them.

    Raises
    ------
    UsageError
        If a label has no category id.
    GeometryError
        As `label_ids`.
    """
    source = kept(source)
    scene = scene_of(source, frame_num=options.get("frame_num"), hidden=options.get("hidden", True))
    given = distinct_ids([one.id for one in scene.annotations])
    if max(given, default=0) > MAX_ID:
        raise UsageError(f"there are more than {MAX_ID} annotations; ids are 24 bits wide")
    options.setdefault("order", "given")
    options.setdefault("void", 0)
    options["dtype"] = np.int32
    ids = instance_ids(source, given, **options)
    categories = _categories(source) if category_ids is None else category_ids
    found, runs = segment_runs(ids)
    row_of = {value: row for row, value in enumerate(found.tolist())}
    areas, bounds = rle.areas(runs).tolist(), rle.bounds_many(runs).tolist()
    entries = []
    for annotation, number in zip(scene.annotations, given, strict=True):
        if number not in row_of:
            continue
        label = annotation.label
        if label is None or label not in categories:
            raise UsageError(f"label {label!r} has no category id; give category_ids= with it")
        row = row_of[number]
        left, top, right, bottom = (int(edge) for edge in bounds[row])
        entries.append(
            {
                "id": number,
                "category_id": categories[label],
                "iscrowd": int(annotation.crowd),
                "bbox": [left, top, right - left, bottom - top],
                "area": areas[row],
            }
        )
    return Panoptic(ids, entries)


def _categories(source: Source) -> dict[str, Any]:
    """Return the ids that the source's labels have, of the others those of `label_map`."""
    scene = scene_of(source)
    known = {} if scene.labels is None else {one.name: one.id for one in scene.labels}
    if known and all(isinstance(value, int) for value in known.values()):
        free = max(value for value in known.values() if isinstance(value, int)) + 1
        used = {one.label for one in scene.annotations if one.label is not None}
        return {**known, **{name: free + k for k, name in enumerate(sorted(used - {*known}))}}
    return dict(label_map(source))
