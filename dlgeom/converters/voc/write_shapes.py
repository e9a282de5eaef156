"""Boxes and single rings of the rows of a chunk."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import offsets_of

__all__ = ["box_of_rows", "measures", "points_of_rows", "rings_of_rows"]

Floats = NDArray[np.float64]


def _fill(boxes: Floats, rows: NDArray[np.bool_], values: Floats) -> None:
    """Fill in the boxes that are missing in the chosen rows."""
    rows = rows & np.isnan(boxes[:, 0])
    boxes[rows] = values[rows]


def box_of_rows(chunk: Chunk) -> Floats:
    """Return the box of each row, shape (N, 4): the stored one, else that of its shape.

    NaN where there is neither.
    """
    boxes = chunk.bounds
    if not np.isnan(boxes[:, 0]).any():
        return boxes
    boxes = boxes.copy()
    turned = ~np.isnan(chunk.rotated[:, 0])
    if turned.any():
        from dlgeom.geometry import rotated

        extent = np.full_like(boxes, np.nan)
        extent[turned] = rotated.extent(chunk.rotated[turned])
        _fill(boxes, turned, extent)
    outlined = chunk.outline.part_counts > 0
    if outlined.any():
        from dlgeom.geometry import rings

        _fill(boxes, outlined, rings.row_bounds(chunk.outline))
    masked = chunk.runs.present
    if masked.any():
        extent = np.array(rle.bounds_many(chunk.runs), dtype=np.float64)
        masked = masked & (extent[:, 2] > extent[:, 0])
        _fill(boxes, masked, extent)
    for row in np.flatnonzero((chunk.keypoints.lengths > 0) & np.isnan(boxes[:, 0])).tolist():
        points = _labelled(chunk, row)
        if len(points) > 1:
            boxes[row] = [*points.min(axis=0), *points.max(axis=0)]
    return boxes


def _labelled(chunk: Chunk, row: int) -> Floats:
    points = chunk.keypoints.row(row)
    return points[points[:, 2] > 0, :2]


def points_of_rows(chunk: Chunk, boxes: Floats) -> dict[int, Floats]:
    """Return row -> x, y of the rows that are one point: points, poses of one keypoint.

    Parameters
    ----------
    boxes : ndarray of float64, shape (N, 4)
        As `box_of_rows` returns them; a row with a box is no point.
    """
    found = {}
    for row in np.flatnonzero((chunk.keypoints.lengths > 0) & np.isnan(boxes[:, 0])).tolist():
        points = _labelled(chunk, row)
        if len(points) == 1:
            found[row] = points[0]
    for row, other in chunk.others.items():
        definition = other.annotation_definition
        if definition.type == "point":
            found[row] = np.array([definition.x, definition.y])
    return found


def measures(chunk: Chunk, boxes: Floats, rows: NDArray[np.bool_]) -> Floats:
    """Return area of the shape over area of its box, for the chosen rows; NaN if not known."""
    area = chunk.area.copy()
    outlined = chunk.outline.part_counts > 0
    unknown = np.isnan(area) & rows
    if (unknown & outlined).any():
        from dlgeom.geometry import rings

        area = np.where(unknown & outlined, rings.row_areas(chunk.outline), area)
    masked = np.isnan(area) & rows & chunk.runs.present
    if masked.any():
        area = np.where(masked, rle.areas(chunk.runs), area)
    box = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    ratio = np.divide(area, box, out=np.full(len(box), np.nan), where=box > 0)
    return np.asarray(np.clip(ratio[rows], 0.0, 1.0))


def rings_of_rows(chunk: Chunk, but: Container[int] = ()) -> dict[int, Floats]:
    """Return row -> its outline as one ring; holes and parts are joined by zero-area bridges.

    Rows where no such ring exists are absent, and those of `but`.
    """
    from dlgeom.geometry import bridges

    outline = chunk.outline
    rows = np.flatnonzero(outline.part_counts > 0)
    found: dict[int, Floats] = {}
    ring_counts = np.diff(outline.row_rings)
    for row in rows.tolist():
        if row in but:
            continue
        if ring_counts[row] == 1:
            ring = outline.ring(int(outline.row_rings[row]))
            found[row] = ring
        else:
            joined = bridges.join(outline.row(row))
            if joined is not None:
                found[row] = joined
    single = [row for row in found if ring_counts[row] == 1]
    if single:
        # A plain ring that happens to read as bridged would come back as something else.
        xy = np.concatenate([found[row] for row in single])
        split = bridges.split_many(xy, offsets_of([len(found[row]) for row in single]))
        changed = (split.part_counts > 1) | (np.diff(split.row_rings) > 1)
        for place in np.flatnonzero(changed).tolist():
            del found[single[place]]
    return found
