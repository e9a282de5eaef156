"""Boxes, areas and counts of points of the rows of a chunk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.geometry import rings, rle, rotated

__all__ = ["areas_of", "boxes_of", "points_of"]

Floats = NDArray[np.float64]


def boxes_of(chunk: Chunk) -> Floats:
    """Return left, top, right, bottom of each row, shape (N, 4); NaN for none.

    The box that the source stores, else the bounds of pose, polygon, mask or rotated box, the
    first that there is.
    """
    stored = ~np.isnan(chunk.bounds[:, 0])
    if stored.all():
        return chunk.bounds
    result = np.full((len(chunk), 4), np.nan)
    turned = ~np.isnan(chunk.rotated[:, 0])
    if turned.any():
        result[turned] = rotated.extent(chunk.rotated[turned])
    masked = chunk.runs.present
    if masked.any():
        result[masked] = rle.bounds_many(chunk.runs)[masked]
    drawn = chunk.outline.part_counts > 0
    if drawn.any():
        result[drawn] = rings.row_bounds(chunk.outline)[drawn]
    for row in np.flatnonzero((chunk.keypoints.lengths > 0) & ~stored).tolist():
        points = chunk.keypoints.row(row)
        seen = points[points[:, 2] > 0, :2]
        result[row] = (*seen.min(axis=0), *seen.max(axis=0)) if len(seen) else np.nan
    for row, other in chunk.others.items():
        bounds = other.stored_bounds or other.annotation_definition.bounds
        result[row] = np.array(bounds, dtype=np.float64)
    return np.where(stored[:, None], chunk.bounds, result)


def areas_of(chunk: Chunk, boxes: Floats) -> Floats:
    """Return the area of each row in square pixels, shape (N,); NaN for none.

    The stored area, else that of polygon, mask, rotated box or box, the first that there is.
    """
    stored = ~np.isnan(chunk.area)
    if stored.all():
        return chunk.area
    plain = ~np.isnan(chunk.bounds[:, 0])
    size = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    result = np.where(plain, size, np.nan)
    turned = ~np.isnan(chunk.rotated[:, 0])
    result[turned] = chunk.rotated[turned, 2] * chunk.rotated[turned, 3]
    masked = chunk.runs.present
    if masked.any():
        result[masked] = rle.areas(chunk.runs)[masked]
    drawn = chunk.outline.part_counts > 0
    if drawn.any():
        result[drawn] = rings.row_areas(chunk.outline)[drawn]
    for row, other in chunk.others.items():
        if other.stored_area is not None:
            result[row] = other.stored_area
        elif not np.isnan(other.annotation_definition.bounds[0]):
            result[row] = other.annotation_definition.area
    return np.where(stored, chunk.area, result)


def points_of(chunk: Chunk, what: str) -> Floats:
    """Return how many points, keypoints, parts or holes each row has, shape (N,); NaN for none."""
    result = np.full(len(chunk), np.nan)
    outline, poses = chunk.outline, chunk.keypoints.lengths > 0
    drawn = outline.part_counts > 0
    if what == "parts":
        result[drawn] = outline.part_counts[drawn]
    elif what == "holes":
        result[drawn] = (np.diff(outline.row_rings) - outline.part_counts)[drawn]
    else:
        if what == "points":
            result[drawn] = np.diff(outline.row_vertices)[drawn]
            result[poses] = chunk.keypoints.lengths[poses]
        for row in np.flatnonzero(poses).tolist() if what == "keypoints" else ():
            result[row] = np.count_nonzero(chunk.keypoints.row(row)[:, 2] > 0)
    for row, other in chunk.others.items():
        result[row] = _points_of_object(other.annotation_definition, what)
    return result


def _points_of_object(shape: object, what: str) -> float:
    """Return a count of a shape that has no column."""
    if what in ("parts", "holes"):
        parts = getattr(shape, "parts", None)
        if not isinstance(parts, list):
            return np.nan
        return len(parts) if what == "parts" else sum(len(part) - 1 for part in parts)
    keypoints = getattr(shape, "keypoints", None)
    if keypoints is not None:
        return float(len(keypoints) if what == "points" else np.count_nonzero(keypoints[:, 2] > 0))
    if what == "keypoints":
        return np.nan
    kind = getattr(shape, "type", "")
    if kind == "point":
        return 1.0
    if kind in ("segment", "polyline"):
        geo = getattr(shape, "geo", ())
        arrays = geo if isinstance(geo, list) else [geo]
        return float(sum(len(array) for array in arrays))
    return np.nan
