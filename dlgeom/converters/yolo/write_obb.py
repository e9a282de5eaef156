"""Rows of the task obb: the four corners of a rotated box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import KEYPOINTS, OUTLINE, RUNS, Chunk
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.write_boxes import extents, four_corner_rings, warn_of_refusal
from dlgeom.converters.yolo.write_losses import Ledger
from dlgeom.converters.yolo.write_table import Scale, Settings, Table

__all__ = ["obb_table"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def obb_table(
    chunk: Chunk, sizes: Ints, scale: Scale, ledger: Ledger, settings: Settings, problems: Problems
) -> Table:
    """Return ``x1 y1 x2 y2 x3 y3 x4 y4`` of each row; the order of the corners is kept."""
    corners = _corners(chunk, ledger)
    ledger.drop(np.isnan(corners[:, 0, 0]), "geometry.bbox_missing")
    ledger.change((chunk.shapes & KEYPOINTS) != 0, "geometry.keypoints_lost")
    alive = ledger.alive
    fractions = (corners[alive] / sizes[alive][:, None, :]).reshape(-1, 8)
    warn_of_refusal(chunk, fractions, alive, problems)
    numbers, places = scale.digits(fractions.ravel(), np.where(alive, 8, 0))
    table = Table.of_blocks(numbers.reshape(-1, 8), alive, scale)
    table.places = places
    if settings.measure:
        table.replaced = four_corner_rings(corners, alive & (ledger.status == 1))
    return table


def _corners(chunk: Chunk, ledger: Ledger) -> Floats:
    """Return the corners that stand for each row, NaN for none, shape (N, 4, 2)."""
    from dlgeom.geometry import rotated
    from dlgeom.geometry.boxes import box_rings

    corners = np.full((len(chunk), 4, 2), np.nan)
    turned = ~np.isnan(chunk.rotated[:, 0])
    corners[turned] = rotated.corners(chunk.rotated[turned])
    area = ~turned & ((chunk.shapes & (OUTLINE | RUNS)) != 0)
    for row in np.flatnonzero(area).tolist():
        _surround(chunk, row, corners, ledger)
    ledger.change(turned & ((chunk.shapes & (OUTLINE | RUNS)) != 0), "geometry.mask_lost")
    upright = ~turned & ~area
    if upright.any():
        corners[upright] = box_rings(extents(chunk)[upright])
        poses = np.isnan(chunk.bounds[:, 0]) & ((chunk.shapes & KEYPOINTS) != 0)
        ledger.change(upright & poses, "geometry.keypoints_to_box")
    return corners


def _surround(chunk: Chunk, row: int, corners: Floats, ledger: Ledger) -> None:
    """Put the smallest rotated box around a polygon or mask; a rectangle keeps its corners."""
    from dlgeom.geometry import contours, rings, rle, rotated

    parts = chunk.outline.row(row)
    if parts:
        if len(parts) == 1 and len(parts[0]) == 1 and len(parts[0][0]) == 4:
            four = parts[0][0]
            if rotated.is_rectangle(four[None], atol=0.01)[0]:
                corners[row] = four
                return
        points = np.concatenate([part[0] for part in parts])
        area = float(rings.row_areas(chunk.outline.take(np.array([row])))[0])
    elif chunk.runs.present[row]:
        height, width = chunk.runs.shape[row].tolist()
        points = contours.trace_runs(chunk.runs.row(row), (height, width)).xy
        area = float(rle.area(chunk.runs.row(row)))
        if not len(points):
            ledger.drop(np.array([row]), "mask.empty")
            return
    else:
        return
    box = rotated.min_area_rectangle(points)
    around = float(box[2] * box[3])
    corners[row] = rotated.corners(box[None])[0]
    share = min(abs(area) / around, 1.0) if around > 0 else np.nan
    ledger.change(np.array([row]), "geometry.to_rotated", share)
