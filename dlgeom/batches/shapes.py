"""Boxes, masks and areas of the rows of a chunk, all rows at once where that is possible."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.conversions import to_rotated_box, to_segmentation
from dlgeom.definitions import Box, Cube, Definition, Ellipse, Polygon, Pose, Segmentation
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import raster, rle, rotated
from dlgeom.geometry.ragged import Ragged, Rings, Runs

__all__ = ["areal", "areas", "boxes", "rotated_boxes", "runs"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def areal(shape: Definition) -> bool:
    """Whether a definition outlines the thing itself: a mask can be made without inventing one."""
    return isinstance(shape, Polygon | Segmentation | Ellipse | Cube) or (
        isinstance(shape, Box) and shape.is_rotated
    )


def _checked(prefer: str) -> bool:
    if prefer not in ("stored", "shape"):
        raise UsageError(f"prefer is {prefer!r}; it is 'stored' or 'shape'")
    return prefer == "stored"


# Boxes.


def boxes(chunk: Chunk, prefer: str) -> Floats:
    """Return left, top, right, bottom of each row; see `Columns.boxes_xyxy`."""
    stored = chunk.bounds
    missing = np.isnan(stored[:, 0])
    steps: tuple[Callable[[Chunk], Floats | None], ...]
    if _checked(prefer):
        if not missing.any():
            return stored
        steps = (_of_stored, _of_rotated, _of_outline, _of_runs, _of_keypoints)
    else:
        steps = (_of_outline, _of_runs, _of_rotated, _of_stored, _of_keypoints)
    result = np.full((len(chunk), 4), np.nan)
    for step in steps:
        due = np.isnan(result[:, 0])
        if not due.any():
            break
        found = step(chunk)
        if found is not None:
            result[due] = found[due]
    for row, annotation in chunk.others.items():
        nowhere = result[row, 0] != result[row, 0]
        # Key points lie inside of a thing, they do not bound it as a stored box does.
        posed = isinstance(annotation.annotation_definition, Pose)
        if nowhere or (prefer == "shape" and not posed):
            bounds = _bounds_of(annotation)
            if bounds[0] == bounds[0]:
                result[row] = bounds
    return result


def _of_stored(chunk: Chunk) -> Floats:
    return chunk.bounds


def _of_rotated(chunk: Chunk) -> Floats | None:
    there = ~np.isnan(chunk.rotated[:, 0])
    if not there.any():
        return None
    result = np.full((len(chunk), 4), np.nan)
    result[there] = rotated.extent(chunk.rotated[there])
    return result


def _of_outline(chunk: Chunk) -> Floats | None:
    return rings_bounds(chunk.outline) if len(chunk.outline.xy) else None


def rings_bounds(outline: Rings) -> Floats:
    """Return the bounds of each row, shape (N, 4); NaN for a row without vertices."""
    result = np.full((len(outline), 4), np.nan)
    offsets = outline.row_vertices
    rows = np.flatnonzero(np.diff(offsets))
    if len(rows):
        result[rows, :2] = np.minimum.reduceat(outline.xy, offsets[rows])
        result[rows, 2:] = np.maximum.reduceat(outline.xy, offsets[rows])
    return result


def _of_runs(chunk: Chunk) -> Floats | None:
    if not chunk.runs.present.any():
        return None
    found = rle.bounds_many(chunk.runs)
    # An empty mask is nowhere.
    found[(found[:, 0] == found[:, 2])] = np.nan
    return found


def _of_keypoints(chunk: Chunk) -> Floats | None:
    return points_bounds(chunk.keypoints) if len(chunk.keypoints.values) else None


def points_bounds(points: Ragged) -> Floats:
    """Return the bounds of the labelled points of each row, shape (N, 4); NaN for none."""
    result = np.full((len(points), 4), np.nan)
    rows = np.flatnonzero(points.lengths)
    if not len(rows):
        return result
    begin = points.offsets[rows]
    labelled = points.values[:, 2:] > 0
    xy = points.values[:, :2]
    low = np.minimum.reduceat(np.where(labelled, xy, np.inf), begin)
    high = np.maximum.reduceat(np.where(labelled, xy, -np.inf), begin)
    found = np.isfinite(low[:, 0])
    result[rows[found], :2] = low[found]
    result[rows[found], 2:] = high[found]
    return result


def _bounds_of(annotation: Annotation) -> tuple[float, float, float, float]:
    """Return the bounds of the first shape of a record that has any; NaN for none."""
    for shape in annotation.shapes:
        bounds = shape.bounds
        if bounds[0] == bounds[0] and not (isinstance(shape, Segmentation) and shape.area == 0):
            return bounds
    nan = float("nan")
    return (nan, nan, nan, nan)


# Rotated boxes.


def rotated_boxes(chunk: Chunk, fit: bool) -> Floats:
    """Return the rotated box of each row; see `Columns.boxes_rotated`."""
    if not np.isnan(chunk.rotated[:, 0]).any():
        return chunk.rotated
    result = np.array(chunk.rotated)
    upright = boxes(chunk, "stored")
    shaped = (chunk.outline.part_counts > 0) | chunk.runs.present
    due = np.isnan(result[:, 0]) & ~np.isnan(upright[:, 0])
    has_box = ~np.isnan(chunk.bounds[:, 0])
    for row in np.flatnonzero(due & (shaped | ~has_box)).tolist():
        if has_box[row] and not fit:
            continue
        found = _fitted(chunk, row)
        if found is not None:
            result[row] = found
            due[row] = False
    left, top, right, bottom = upright[due].T
    result[due] = np.stack(
        [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top, np.zeros(len(left))],
        axis=1,
    )
    return result


def _fitted(chunk: Chunk, row: int) -> Floats | None:
    """Return the rotated box around the first shape of a row that has one."""
    for shape in chunk.annotation(row).shapes:
        try:
            return np.array(to_rotated_box(shape).rotated)
        except GeometryError:
            continue
    return None


# Masks.


def runs(chunk: Chunk, shape: tuple[int, int] | None) -> Runs:
    """Return the masks of all rows; see `Columns.runs`."""
    present = chunk.runs.present
    if shape is not None and (chunk.runs.shape[present] != shape).any():
        row = int(np.flatnonzero(present)[(chunk.runs.shape[present] != shape).any(axis=1)][0])
        raise GeometryError(
            f"the mask of row {row} is {tuple(chunk.runs.shape[row].tolist())}, the image {shape} "
            "(height, width); they have to be equal. Crop, pad or resize the mask first"
        )
    outlined = (chunk.outline.part_counts > 0) & ~present
    turned = ~np.isnan(chunk.rotated[:, 0]) & ~present & ~outlined
    shapes_of = {
        row: found
        for row, annotation in chunk.others.items()
        if not present[row] and (found := next(filter(areal, annotation.shapes), None))
    }
    if not (outlined.any() or turned.any() or shapes_of):
        return chunk.runs
    if shape is None:
        row = int(np.flatnonzero(outlined | turned)[0]) if not shapes_of else min(shapes_of)
        raise GeometryError(
            f"row {row} is an outline and the size of the image is not known; a mask is "
            "(height, width). Pass shape="
        )
    filled = _filled(chunk, outlined, shape)
    rows: list[tuple[NDArray[np.uint32], tuple[int, int]] | None] = []
    for row in range(len(chunk)):
        if present[row]:
            rows.append((chunk.runs.row(row), shape))
        elif outlined[row]:
            rows.append((filled.row(row), shape))
        elif turned[row]:
            corners = rotated.corners(chunk.rotated[row : row + 1])[0]
            rows.append((raster.parts_to_runs([[corners]], shape), shape))
        elif row in shapes_of:
            rows.append(_mask_of(shapes_of[row], shape))
        else:
            rows.append(None)
    return Runs.of(rows)


def _filled(chunk: Chunk, outlined: Bools, shape: tuple[int, int]) -> Runs:
    if not outlined.any():
        return Runs.empty(len(chunk))
    return raster.rows_to_runs(
        chunk.outline, np.tile(np.array(shape, dtype=np.int64), (len(chunk), 1))
    )


def _mask_of(
    shape: Definition, sides: tuple[int, int]
) -> tuple[NDArray[np.uint32], tuple[int, int]] | None:
    try:
        return to_segmentation(shape, sides).counts, sides
    except GeometryError:
        if isinstance(shape, Cube):  # its points lie on one line: there is no area
            return None
        raise


# Areas.


def areas(chunk: Chunk, prefer: str) -> Floats:
    """Return the area of each row; see `Columns.areas`."""
    result = np.array(chunk.area)
    if not _checked(prefer):
        result[:] = np.nan
    due = np.isnan(result)
    if not due.any():
        return result
    shaped = (chunk.outline.part_counts > 0) | chunk.runs.present
    present = chunk.runs.present & (chunk.outline.part_counts == 0) & due
    if present.any():
        result[present] = rle.areas(chunk.runs)[present]
    for row in np.flatnonzero(due & (chunk.outline.part_counts > 0)).tolist():
        result[row] = Polygon._of_row(chunk.outline, row, None, None).area
    turned = due & ~shaped & ~np.isnan(chunk.rotated[:, 0])
    result[turned] = chunk.rotated[turned, 2] * chunk.rotated[turned, 3]
    for row, annotation in chunk.others.items():
        if due[row] and _bounds_of(annotation)[0] == _bounds_of(annotation)[0]:
            result[row] = annotation.area
    rest = np.isnan(result)
    if rest.any():
        found = boxes(chunk, "stored")[rest]
        result[rest] = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
    return result
