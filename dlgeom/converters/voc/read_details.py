"""The columns that only some objects have: outlines, rotated boxes, parts, masks, extra."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.voc.read_tree import Record
from dlgeom.geometry.ragged import Rings, Runs, offsets_of
from dlgeom.limits import Limits

__all__ = ["add_details"]

Tell = Callable[[str, int, str, str], None]
Masks = dict[int, tuple[NDArray[np.uint32], tuple[int, int]]]


def add_details(
    chunk: Chunk,
    details: dict[int, Record],
    runs: Masks,
    segments: dict[int, dict[str, Any]],
    tell: Tell,
    base: int,
    limits: Limits,
) -> NDArray[np.bool_]:
    """Fill the sparse columns of a chunk and return which rows are bad, shape (N,)."""
    n = len(chunk)
    bad = np.zeros(n, dtype=np.bool_)
    for row, record in details.items():
        for note in record.notes:
            tell(note.how, row, note.code, note.message)
        if record.rotated is not None:
            chunk.rotated[row] = record.rotated
            if record.rotated[2] < 0 or record.rotated[3] < 0:
                tell(
                    "skipped",
                    row,
                    "geometry.bbox_size",
                    "<robndbox> has a negative size; sizes are 0 or more. Correct it",
                )
                bad[row] = True
        chunk.score[row] = record.score
        if record.extra:
            chunk.extra[row] = record.extra
        if record.parts:
            chunk.children[row] = _parts(record, base)
        if record.point is not None:
            _place_point(chunk, row, record, base)
    with_rings = [row for row, record in details.items() if record.rings]
    if with_rings:
        bad |= _outlines(chunk, details, with_rings, tell, base, limits)
    if runs:
        chunk.runs = Runs.of(runs.get(row) for row in range(n))
        chunk.extra.update(segments)
    return bad


def _parts(record: Record, base: int) -> list[Any]:
    from dlgeom.annotation import Annotation
    from dlgeom.definitions import Box

    return [
        Annotation(
            Box(
                min(x0, x1) - base,
                min(y0, y1) - base,
                max(x0, x1),
                max(y0, y1),
                label=name,
            )
        )
        for name, (x0, y0, x1, y1) in record.parts
    ]


def _place_point(chunk: Chunk, row: int, record: Record, base: int) -> None:
    """Keep a point as the object's shape where it has no other, else as an attribute."""
    point = record.point or (math.nan, math.nan)
    x, y = point[0] - base, point[1] - base
    if record.box is not None or record.rotated is not None or record.rings:
        chunk.attributes[row] = {**chunk.attributes.get(row, {}), "point": [x, y]}
        return
    from dlgeom.annotation import Annotation
    from dlgeom.definitions import Point

    name = chunk.labels[int(chunk.label[row])].name
    chunk.others[row] = Annotation(
        Point(x, y, label=name, attributes=chunk.attributes.get(row)),
        extra=dict(record.extra),
    )


def _outlines(
    chunk: Chunk,
    details: dict[int, Record],
    rows: list[int],
    tell: Tell,
    base: int,
    limits: Limits,
) -> NDArray[np.bool_]:
    """Fill the outlines; one ring with zero-area bridges becomes parts and holes again."""
    from dlgeom.geometry import bridges, raster, rings

    texts = [ring for row in rows for ring in details[row].rings]
    sizes = [len(ring) for ring in texts]
    xy = np.array([point for ring in texts for point in ring], dtype=np.float64).reshape(-1, 2)
    if base:
        xy = xy - float(base)
    cuts = offsets_of(sizes)
    owner = np.repeat(rows, [len(details[row].rings) for row in rows])
    bad = np.zeros(len(chunk), dtype=np.bool_)
    faults = raster.faults(*rings.drop_closing(xy, cuts), limits=limits)
    for place in np.flatnonzero(faults).tolist():
        row = int(owner[place])
        if not bad[row]:
            code = raster.FAULTS[faults[place]]
            tell(
                "skipped",
                row,
                code,
                "the polygon is no outline; it needs 3 points or more "
                "that enclose an area within the limits. Correct it",
            )
            bad[row] = True
    # Split first: the last vertex of a bridged ring repeats the first one and belongs to it.
    split = bridges.split_many(xy, cuts)
    opened, ring_cuts = rings.drop_closing(split.xy, split.rings)
    parts = np.zeros(len(chunk), dtype=np.int64)
    np.add.at(parts, owner, split.part_counts)
    chunk.outline = Rings(opened, ring_cuts, split.parts, offsets_of(parts))
    return bad
